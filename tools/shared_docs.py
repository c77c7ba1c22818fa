"""Write the shared paragraphs into the docstrings of all evolved estimators.

``python tools/shared_docs.py`` writes them, ``--check`` fails where they differ.
Docstrings are complete in the source, since editors and type checkers read them there.
Each paragraph has one origin: the docstring of the class that declares the parameter or
sets the attribute. The names of strategies come from `STRATEGIES`.
"""

import ast
import inspect
import re
import sys
from itertools import product
from pathlib import Path

import sknevo.estimators
from sknevo.estimators._base import BaseEvolved
from sknevo.estimators._parameters import (
    EnsembleParameters,
    ImageParameters,
    NetworkParameters,
    SearchParameters,
)
from sknevo.evolution import STRATEGIES

ORIGINS = {
    "Parameters": [
        SearchParameters,
        EnsembleParameters,
        ImageParameters,
        NetworkParameters,
    ],
    "Attributes": [BaseEvolved, EnsembleParameters],
}
WIDTH = 88
INDENT = "    "


def place(text: str, name: str) -> tuple[int, int]:
    """Return the first line of a class's docstring in a source, and the one after."""
    (cls,) = [
        node
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef) and node.name == name
    ]
    return cls.body[0].lineno - 1, cls.body[0].end_lineno


def find_section(lines: list[str], title: str) -> tuple[int, int]:
    """Return where the entries of a section begin and end in a docstring."""
    begin = lines.index(INDENT + title) + 2
    for end in range(begin, len(lines)):
        if lines[end].strip() == '"""' or re.fullmatch(
            r"\s+-{3,}", "".join(lines[end + 1 : end + 2])
        ):
            break
    while end > begin and not lines[end - 1].strip():
        end -= 1
    return begin, end


def split_entries(lines: list[str]) -> dict[str, list[str]]:
    """Return the lines of each entry of a section, by its name."""
    entries, entry, continued = {}, [], False
    for line in lines:
        if not continued and re.match(rf"{INDENT}\S", line):
            entry = entries.setdefault(line.strip().split(" :")[0], [])
        entry.append(line)
        continued = line.endswith("\\")
    return entries


def source(cls: type) -> Path:
    """Return the file of a class."""
    return Path(inspect.getsourcefile(cls))


def origin_entries(cls: type, title: str) -> dict[str, list[str]]:
    """Return the entries of a section in the docstring of a class."""
    text = source(cls).read_text(encoding="utf-8")
    doc = text.splitlines()[slice(*place(text, cls.__name__))]
    return split_entries(doc[slice(*find_section(doc, title))])


def strategy_type() -> list[str]:
    """Return the line, broken where it is too long, that names all strategies."""
    default = inspect.signature(SearchParameters).parameters["strategy"].default
    names = ", ".join(f'"{name}"' for name in sorted(STRATEGIES))
    words = f'strategy : {{{names}}} or Strategy, default="{default}"'.split(" ")
    lines = [INDENT + words[0]]
    for word in words[1:]:
        if len(lines[-1]) + len(word) + 2 < WIDTH:
            lines[-1] += f" {word}"
        else:
            lines[-1] += " \\"
            lines.append(word)
    return lines


def shared_entries(cls: type, title: str) -> dict[str, list[str]]:
    """Return the entries that an estimator shares with others."""
    shared = {}
    for origin in ORIGINS[title]:
        if issubclass(cls, origin):
            shared |= origin_entries(origin, title)
    if "strategy" in shared:
        text = [line for line in shared["strategy"] if line.startswith(2 * INDENT)]
        shared["strategy"] = strategy_type() + text
    return shared


def with_shared(text: str, cls: type, title: str) -> str:
    """Return a source in which a section of a class has the shared entries."""
    lines = text.splitlines()
    first, last = place(text, cls.__name__)
    begin, end = (first + at for at in find_section(lines[first:last], title))
    shared, present = shared_entries(cls, title), split_entries(lines[begin:end])
    # The class's own entries stay before or after the shared ones, as they are.
    before, after = [], []
    own = before
    for name, entry in present.items():
        if name in shared:
            own = after
        else:
            own += entry
    middle = [line for entry in shared.values() for line in entry]
    return "\n".join([*lines[:begin], *before, *middle, *after, *lines[end:], ""])


def main() -> None:
    """Write all docstrings anew, or fail where that would change one."""
    estimators = [getattr(sknevo.estimators, n) for n in sknevo.estimators.__all__]
    tasks = [(SearchParameters, "Parameters"), *product(estimators, ORIGINS)]
    before = {source(cls): source(cls).read_text(encoding="utf-8") for cls, _ in tasks}
    after = before.copy()
    for cls, title in tasks:
        after[source(cls)] = with_shared(after[source(cls)], cls, title)
    changed = [path for path in before if before[path] != after[path]]
    if "--check" in sys.argv and changed:
        names = ", ".join(path.name for path in changed)
        sys.exit(f"Run python tools/shared_docs.py: shared docs differ in {names}.")
    for path in changed:
        path.write_text(after[path], encoding="utf-8")


if __name__ == "__main__":
    main()
