"""How the words of an individual are put together: one short line, or part by part."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

# Every expressed gene by its path, as `sknevo.records.flatten` returns them.
Genes = Mapping[str, Any]

# What a value is called: a text with the value in braces, or a text for each value,
# where `...` stands for all others. An empty text says nothing. In the text of a list,
# a name in braces stands for the values of this gene in all items.
Phrase = str | Mapping[Any, str]
Phrases = Mapping[str, Phrase]

# Genes without words in a short line; the line says how many it leaves out. Chosen, not
# measured.
MOST_UNNAMED = 8


@dataclass(frozen=True)
class Words:
    """What the genes of a genome are called.

    A gene is named by its path without branches and positions, or by the end of it.
    Genes without a phrase are shown as ``name=value``.

    Parameters
    ----------
    marks : set of str, default=set()
        Parts of the genome that tell it from others.
    phrases : dict of str to Phrase, default={}
        What the values of genes are called.
    short : sequence of sequence of str, default=()
        Genes of a short line, in groups; empty for all genes.
    title : str, default=""
        The first word of a short line, if no gene has it.
    titles : dict of str to str, default={}
        What parts are called, if not by their names.
    """

    marks: frozenset[str] = frozenset()
    phrases: Phrases = field(default_factory=dict)
    short: Sequence[Sequence[str]] = ()
    title: str = ""
    titles: Mapping[str, str] = field(default_factory=dict)

    def fit(self, genes: Genes) -> bool:
        """Return whether these are the words of such genes."""
        return self.marks <= {path.partition(".")[0] for path in genes}

    def line(self, genes: Genes) -> str:
        """Return the main genes in one short line."""
        if not self.short:
            return self._unnamed(genes)
        groups = [
            [path for name in group for path in genes if _is_named(path, name)]
            for group in self.short
        ]
        texts = [[self.phrase(path, genes) for path in group] for group in groups]
        texts[0].insert(0, self.title)
        return _joined("; ", (_joined(", ", group) for group in texts))

    def _unnamed(self, genes: Genes) -> str:
        phrases = [text for path in genes if (text := self.phrase(path, genes))]
        more = len(phrases) - MOST_UNNAMED
        rest = [f"and {more} more"] if more > 0 else []
        return ", ".join(phrases[:MOST_UNNAMED] + rest)

    def parts(self, genes: Genes) -> list[tuple[str, str]]:
        """Return title and words of each part: a part of the genome, or one of a list.

        Parts that have nothing to say are left out.
        """
        parts: dict[str, list[str]] = {}
        for path in genes:
            if any(other.startswith(f"{path}.0.") for other in genes):
                continue  # the items of a list say more than its length
            title = self._title(path, genes)
            parts.setdefault(title, []).append(self.phrase(path, genes))
        texts = {title: _joined(", ", phrases) for title, phrases in parts.items()}
        return [(title, text) for title, text in texts.items() if text]

    def _title(self, path: str, genes: Genes) -> str:
        """Return the title of the part that a gene belongs to, "" if it is alone."""
        names = path.split(".")
        inside = [p.removeprefix(f"{path}.") for p in genes if p.startswith(f"{path}.")]
        is_alone = len(names) == 1 and all(name.isdecimal() for name in inside)
        if is_alone and self._rule(path) is None:
            return ""
        n_names = next((i + 1 for i, n in enumerate(names) if n.isdecimal()), 1)
        words = [
            str(int(name) + 1) if name.isdecimal() else self._called(name)
            for name in names[:n_names]
        ]
        title = " ".join(words)
        return title[:1].upper() + title[1:]

    def _called(self, name: str) -> str:
        return self.titles.get(name, name.replace("_", " "))

    def phrase(self, path: str, genes: Genes) -> str:
        """Return the words for one gene."""
        name = path.rpartition(".")[2]
        if name.isdecimal():
            return ""  # the list that it is in says it
        value, rule = genes[path], self._rule(path)
        # A genome of the user's own may have a gene of this name and other values.
        with suppress(KeyError, TypeError, ValueError):
            if isinstance(rule, Mapping):
                rule = rule.get(value, rule.get(...))
            if rule is not None:
                # A format, such as that of a percentage, needs the number itself.
                value = value if "{:" in rule else shown(value)
                return rule.format(value, **_items(path, genes))
        return f"{name}={_list(path, genes) or shown(value)}"

    def _rule(self, path: str) -> Phrase | None:
        """Return the phrase that is filed under the longest end of a path."""
        names = _without_positions(path).split(".")
        ends = (".".join(names[i:]) for i in range(len(names)))
        return next((self.phrases[end] for end in ends if end in self.phrases), None)


def shown(value: Any) -> str:
    """Return a value with three digits at most, if it is a fraction.

    Examples
    --------
    >>> [shown(value) for value in (127, 0.05, 0.98765, 1234.5, 2e-7, "rbf")]
    ['127', '0.05', '0.988', '1234', '2e-07', 'rbf']
    """
    if isinstance(value, float):
        return f"{value:.0f}" if 1e3 <= abs(value) < 1e6 else f"{value:.3g}"
    return str(value)


def _items(path: str, genes: Genes) -> dict[str, str]:
    """Return the values of each gene in the items of a list, joined."""
    values: dict[str, list[str]] = {}
    for other, value in genes.items():
        if match := re.fullmatch(rf"{re.escape(path)}\.\d+\.([^.]+)", other):
            values.setdefault(match[1], []).append(shown(value))
    return {name: "-".join(each) for name, each in values.items()}


def _list(path: str, genes: Genes) -> str:
    """Return the items of a list of values, joined."""
    is_item = re.compile(rf"{re.escape(path)}\.\d+").fullmatch
    return "-".join(shown(value) for other, value in genes.items() if is_item(other))


def _is_named(path: str, name: str) -> bool:
    return f".{_without_positions(path)}".endswith(f".{name}")


def _without_positions(path: str) -> str:
    return re.sub(r"\.\d+(?=\.|$)", "", path)


def _joined(separator: str, texts: Iterable[str]) -> str:
    return separator.join(text for text in texts if text)
