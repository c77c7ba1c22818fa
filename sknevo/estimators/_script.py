"""Writes estimators as a file of Python that does without sknevo."""

import inspect
import json
import math
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sknevo.estimators._source import is_own, source_of

# Columns of a line, and of the short arguments that a long one may stand among. Chosen,
# not measured.
WIDTH, SHORT = 88, 40
INDENT = "    "
DOCSTRING = '"""Return the unfitted model."""'


def script_of(model: BaseEstimator, title: str, notes: Sequence[str]) -> str:
    """Return a file with a `make_model` that returns an unfitted estimator.

    A ValueError names a part that cannot be written.
    """
    writer = Writer()
    made = writer.written(model, "the model")
    imports, definitions = source_of(sorted(writer.own, key=lambda one: one.__name__))
    imports = _merged({*writer.imports, *filter(None, imports.splitlines())})
    call = "model = make_model().fit(X, y)\nmodel.predict(X_new)"
    said = "\n\n".join([title, *notes, *(f"Needs {v}." for v in _needs(imports))])
    parts = [
        f'"""{said}\n\n{textwrap.indent(call, INDENT)}\n"""',
        "\n".join(imports),
        *([f"\n{definitions}"] if definitions else []),
        f"\ndef make_model():\n{INDENT}{DOCSTRING}\n{INDENT}return "
        + laid_out(made, 1, len("return ")),
    ]
    return "\n\n".join(parts) + "\n"


def _merged(statements: Iterable[str]) -> list[str]:
    """Return imports, those from the same module in one statement."""
    plain, names = [], {}
    for one in statements:
        if one.startswith("import "):
            plain.append(one)
        else:
            module, _, name = one.removeprefix("from ").partition(" import ")
            names.setdefault(module, set()).add(name)
    lines = sorted(plain)
    for module, few in sorted(names.items()):
        line = f"from {module} import {', '.join(sorted(few))}"
        if len(line) > WIDTH:
            inside = "".join(f"{INDENT}{name},\n" for name in sorted(few))
            line = f"from {module} import (\n{inside})"
        lines.append(line)
    return lines


def _needs(imports: Iterable[str]) -> list[str]:
    """Return the packages outside of Python that a script imports, in one sentence."""
    roots = {line.split()[1].partition(".")[0] for line in imports}
    roots = sorted(roots - {*sys.stdlib_module_names})
    named = {"sklearn": "scikit-learn"}
    found = [
        f"{named.get(root, root)} {getattr(import_module(root), '__version__', '')}"
        for root in roots
    ]
    return [", ".join(map(str.strip, found))] if found else []


# Expressions --------------------------------------------------------------------------


@dataclass(frozen=True)
class Group:
    """An expression with others inside, each with what stands before it."""

    opening: str
    inside: tuple[tuple[str, "Expression"], ...]
    closing: str


Expression = str | Group


def laid_out(expression: Expression, depth: int = 0, before: int = 0) -> str:
    """Return the text of an expression, in lines that are not too long.

    `before` is how many columns stand before it on its first line, beside the indent.
    """
    line = _line(expression)
    fits = len(INDENT) * depth + before + len(line) < WIDTH
    if fits or isinstance(expression, str) or not expression.inside:
        return line
    opening, closing = expression.opening, expression.closing
    *first, (_, longest) = sorted(expression.inside, key=lambda one: len(_line(one[1])))
    others = sum(len(_line(one)) + 2 for _, one in first)
    if isinstance(longest, Group) and others < SHORT:
        # A long one among short ones has its lines to itself.
        texts: list[str] = []
        for prefix, one in expression.inside:
            place = before + len(opening + prefix) + sum(len(t) + 2 for t in texts)
            is_long = one is longest
            text = laid_out(one, depth, place + 2) if is_long else _line(one)
            texts.append(prefix + text)
        return f"{opening}{', '.join(texts)}{closing}"
    indent = INDENT * (depth + 1)
    if all(isinstance(one, str) and one.isdigit() for _, one in expression.inside):
        numbers = textwrap.fill(line[len(opening) : -len(closing)], WIDTH - len(indent))
        inside = textwrap.indent(f"{numbers.rstrip(',')},", indent)
        return f"{opening}\n{inside}\n{INDENT * depth}{closing}"
    lines = [
        f"{indent}{prefix}{laid_out(one, depth + 1, len(prefix))},\n"
        for prefix, one in expression.inside
    ]
    return f"{opening}\n{''.join(lines)}{INDENT * depth}{closing}"


def _line(expression: Expression) -> str:
    if isinstance(expression, str):
        return expression
    inside = ", ".join(prefix + _line(one) for prefix, one in expression.inside)
    alone = expression.opening == "(" and len(expression.inside) == 1
    return f"{expression.opening}{inside}{',' if alone else ''}{expression.closing}"


@dataclass
class Writer:
    """Writes values as expressions; collects the imports and own classes they need."""

    imports: set[str] = field(default_factory=set)
    own: set[Any] = field(default_factory=set)

    def written(self, value: Any, part: str) -> Expression:  # noqa: C901 (one case each)
        """Return the expression of a value; `part` is what errors call it."""
        match value:
            case str():
                return json.dumps(value, ensure_ascii=False)
            case None | bool() | int() | bytes():
                return repr(value)
            case float():
                return repr(value) if math.isfinite(value) else f'float("{value}")'
            case np.generic():
                return self.written(value.item(), part)
            case slice():
                ends = [value.start, value.stop, value.step]
                return self._group("slice(", [("", one) for one in ends], ")", part)
            case list():
                return self._group("[", [("", one) for one in value], "]", part)
            case tuple() if type(value) is tuple:
                return self._group("(", [("", one) for one in value], ")", part)
            case dict():
                keys = [_line(self.written(key, part)) for key in value]
                items = [
                    (f"{k}: ", v) for k, v in zip(keys, value.values(), strict=True)
                ]
                return self._group("{", items, "}", part)
            case np.ndarray():
                self.imports.add("import numpy as np")
                inside = self.written(value.tolist(), part)
                return Group(
                    "np.array(", (("", inside), ("", repr(str(value.dtype)))), ")"
                )
            case _ if isinstance(value, type) or inspect.isroutine(value):
                return self._named(value, part)
            case partial():
                items = [("", value.func), *(("", one) for one in value.args)]
                items += [(f"{name}=", one) for name, one in value.keywords.items()]
                self.imports.add("from functools import partial")
                return self._group("partial(", items, ")", part)
        return self._called(value, part)

    def _group(
        self, opening: str, items: Sequence[tuple[str, Any]], closing: str, part: str
    ) -> Group:
        inside = tuple((prefix, self.written(one, part)) for prefix, one in items)
        return Group(opening, inside, closing)

    def _named(self, thing: Any, part: str) -> str:
        """Return the name of a class or function, which is imported or written."""
        name, module = thing.__qualname__, getattr(thing, "__module__", None)
        if is_own(thing):
            self.own.add(thing)
            return name
        # The shortest module, since longer ones are private.
        if module == "builtins":
            return name
        places = module.split(".") if module and "." not in name else []
        for end in range(1, len(places) + 1):
            public = ".".join(places[:end])
            if public != "__main__" and _is_in(thing, name, public):
                self.imports.add(f"from {public} import {name}")
                return name
        raise ValueError(
            f"{part} cannot be written to a script, since {name} cannot be imported "
            f"from a module: it is in {module}."
        )

    def _called(self, value: Any, part: str) -> Group:
        """Return the call that makes an object of its parameters."""
        kind = type(value)
        part = f"{kind.__name__} in {part}" if part else kind.__name__
        name = self._named(kind, part)
        try:
            known = inspect.signature(kind).parameters
            given = (
                value.get_params(deep=False)
                if hasattr(value, "get_params")
                else {n: getattr(value, n) for n in known if n != "kwargs"}
            )
        except (AttributeError, TypeError, ValueError) as fault:
            raise ValueError(
                f"{part} cannot be written to a script, since its parameters are not "
                "among its attributes."
            ) from fault
        changed = {n: v for n, v in given.items() if not _is_default(n, v, known)}
        first = next(iter(known), "")
        # What a call cannot do without is not named, if it comes first.
        bare = first if _is_required(known, first) else ""
        ordered = sorted(changed, key=lambda name: name != bare)
        items = tuple(
            ("" if n == bare else f"{n}=", self.written(changed[n], part))
            for n in ordered
        )
        return Group(f"{name}(", items, ")")


def _is_in(thing: Any, name: str, module: str) -> bool:
    return getattr(import_module(module), name, None) is thing


def _is_required(known: Mapping[str, inspect.Parameter], name: str) -> bool:
    return name in known and known[name].default is inspect.Parameter.empty


def _is_default(name: str, value: Any, known: Mapping[str, inspect.Parameter]) -> bool:
    default = known[name].default if name in known else inspect.Parameter.empty
    return value is default or repr(value) == repr(default)
