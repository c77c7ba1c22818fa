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
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, clone
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from sknevo.builders.pipeline._boosting import (
    EarlyStoppingClassifier,
    EarlyStoppingRegressor,
    xgboost_types,
)
from sknevo.builders.pipeline._columns import ColumnReader
from sknevo.builders.pipeline._floats import Floats, Imputer
from sknevo.builders.pipeline._preparation import _Labels
from sknevo.columns._kinds import Dates, Durations, Kind, Numbers
from sknevo.estimators._scripted import (
    AsLabels,
    Columns,
    MeanWeights,
    OnCodes,
    OnStandardTargets,
)
from sknevo.estimators._source import is_own, source_of
from sknevo.records import Column

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


# Pipelines without what only a search needs -------------------------------------------


def plain_pipeline(
    unfitted: Pipeline, fitted: Pipeline, columns: Sequence[Column]
) -> Pipeline:
    """Return a pipeline that predicts the same, of scikit-learn's parts where it can.

    The fitted one shows what its steps have learned, and so which of them do nothing.
    """
    read = [step for name, step in unfitted.steps if name == "columns"]
    steps = [*_reader(read[0], columns)] if read else []
    numbers = all(is_plain(one) for one in _inside(fitted) if isinstance(one, Floats))
    for name, step in unfitted.steps:
        if name == "columns" or step == "passthrough":
            continue
        if name == "model":
            step = _plain_model(step, fitted.steps[-1][1])
        steps.append((name, _simpler(step, numbers)))
    return Pipeline(steps)


def _reader(
    reader: ColumnReader, columns: Sequence[Column]
) -> list[tuple[str, BaseEstimator]]:
    """Return the first step, which takes the columns by their names."""
    if reader.sparse:
        rows = FunctionTransformer(csr_matrix, kw_args={"dtype": float})
        return [("columns", rows.set_params(accept_sparse=True))]
    kinds = reader.kinds or ()
    for kind, column in zip(kinds, columns, strict=True):
        _check_kind(kind, column)
    if all(isinstance(column.name, int) for column in columns) and all(
        kind == Numbers() for kind in kinds
    ):
        return []
    dates = {
        column.name: {"form": kind.form, "zone": kind.zone and str(kind.zone)}
        for kind, column in zip(kinds, columns, strict=True)
        if isinstance(kind, Dates)
    }
    held = {column.name: column.kind for column in columns}
    return [("columns", Columns(held, dates or None))]


def _check_kind(kind: Kind, column: Column) -> None:
    """Raise a ValueError for a column that needs the whole reader of tables."""
    decimal = isinstance(kind, Numbers) and kind.decimal != "."
    if decimal or isinstance(kind, Durations):
        raise ValueError(
            f"column {column.name!r} cannot be read by a script, since it holds "
            f"{'numbers with a decimal comma' if decimal else kind.expected}. Convert "
            "it to numbers before fit."
        )


def _inside(estimator: Any) -> Iterable[Any]:
    """Yield an estimator and all that its fitted steps hold."""
    yield estimator
    steps = getattr(estimator, "steps", ())
    for _, step, *_ in getattr(estimator, "transformers_", steps):
        yield from _inside(step)


def is_plain(floats: Floats) -> bool:
    """Return whether numbers become nothing but floats."""
    changed = floats.empty_.any() or bool(floats.offsets_) or floats.powers_.any()
    return not changed and floats.dtype_ is float


def _simpler(step: Any, numbers: bool) -> Any:
    """Return a step with simpler ones in place of sknevo's; it is not changed."""
    match step:
        case Floats() if numbers:
            return FunctionTransformer(np.asarray, kw_args={"dtype": float})
        case Imputer():
            return SimpleImputer(**step.get_params())
        case _Labels():
            return AsLabels()
        case list():
            return [_simpler(one, numbers) for one in step]
        case tuple():
            return tuple(_simpler(one, numbers) for one in step)
        case Pipeline(steps=[(_, only)]):
            return _simpler(only, numbers)
        case BaseEstimator():
            given = step.get_params(deep=False)
            return type(step)(**{n: _simpler(v, numbers) for n, v in given.items()})
    return step


def _plain_model(model: Any, fitted: Any) -> Any:
    """Return the library's own model for one that stops early at known rounds."""
    if not isinstance(model, EarlyStoppingClassifier | EarlyStoppingRegressor):
        return model
    if model.rounds is None:
        return model
    booster, weight = clone(model.estimator), getattr(model, "class_weight", None)
    library = type(booster).__module__.partition(".")[0]
    name = "max_iter" if hasattr(booster, "max_iter") else "n_estimators"
    booster.set_params(**{name: model.rounds})
    if library == "xgboost":
        booster.set_params(feature_types=xgboost_types(booster, fitted.n_features_in_))
    if type(booster).__name__.startswith("MLP"):
        booster = MeanWeights(booster)
    elif library == "sklearn":
        booster.set_params(early_stopping=False)
    if isinstance(model, EarlyStoppingRegressor):
        return OnStandardTargets(booster)
    if library == "lightgbm":
        return booster.set_params(class_weight=weight)
    return OnCodes(booster, weight)
