"""DataFrames as arrays of floats, and arrays of floats as such DataFrames."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from sknevo.columns._kinds import (
    MANY_LABELS,
    Booleans,
    Dates,
    Durations,
    Kind,
    Numbers,
    Text,
    Typed,
    learn,
    plain,
)
from sknevo.frames import FrameLayout, as_pandas

# How dates are written as text; the first that gives back all texts is taken.
DATE_FORMATS = (
    *("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"),
    *("%Y-%m-%dT%H:%M:%SZ", "%Y-%m", "%Y-%m-%d %H:%M:%S.%f"),
)
# The most decimals of numbers that are written as text. Chosen, not measured.
MOST_DECIMALS = 12
# The most labels of a column: each is an option, which makes networks wider. Five
# epochs of 4,000 rows took 5 s with 200 labels, 11 s with 500 and 37 s with 1,500.
MOST_LABELS = 500
# Letters of the value that a message shows. Chosen, not measured.
MOST_LETTERS = 40


@dataclass(frozen=True)
class FrameColumn(ABC):
    """One column: how its values become floats, NaN for gaps, and floats its values."""

    name: Any
    # What stands for a gap in this column, such as None; empty if it has none.
    gap: tuple[Any, ...]

    def read(self, column: pd.Series) -> np.ndarray:
        """Return the floats of a column, of shape (n,)."""
        gaps = column.isna().to_numpy(bool)
        if gaps.any() and not self.gap:
            raise ValueError(
                f"X must have no missing values in column {self.name!r}, as in fit; "
                f"got one in row {int(np.argmax(gaps))}."
            )
        floats = np.full(len(column), np.nan)
        floats[~gaps] = self.floats(column[~gaps])
        return floats

    def write(self, floats: np.ndarray) -> list[Any]:
        """Return the values that floats stand for."""
        gaps = np.isnan(floats)
        told = iter(self.values(floats[~gaps]))
        return [self.gap[0] if is_gap else next(told) for is_gap in gaps]

    @abstractmethod
    def floats(self, column: pd.Series) -> Any:
        """Return the floats of a column without gaps."""

    @abstractmethod
    def values(self, floats: np.ndarray) -> list[Any]:
        """Return the values of floats that are not NaN."""


@dataclass(frozen=True)
class LabelColumn(FrameColumn):
    """Labels, categories and booleans, as the places of their values."""

    labels: tuple[Any, ...]

    def floats(self, column: pd.Series) -> Any:
        known = pd.Index([*self.labels], dtype=object)
        places = known.get_indexer(pd.Index(column, dtype=object))
        if (places < 0).any():
            strange = column[places < 0].iloc[0]
            shown = ", ".join(map(repr, self.labels[:5]))
            more = ", ..." if len(self.labels) > 5 else ""
            raise ValueError(
                f"X must hold labels of fit in column {self.name!r}: {shown}{more}; "
                f"got {strange!r:.{MOST_LETTERS}}."
            )
        return places

    def values(self, floats: np.ndarray) -> list[Any]:
        return [self.labels[int(place)] for place in floats]


@dataclass(frozen=True)
class NumberColumn(FrameColumn):
    """Numbers, also as text or decimals: `make` is what they are written with."""

    make: Callable[[float], Any]
    low: Any = 0
    high: Any = 0

    def floats(self, column: pd.Series) -> Any:
        try:
            floats = column.astype(object).astype(float).to_numpy()
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"X must hold numbers in column {self.name!r}, as in fit: {error}."
            ) from error
        if np.isinf(floats).any():
            raise ValueError(
                f"X contains infinity or a value too large in column {self.name!r}."
            )
        return floats

    def values(self, floats: np.ndarray) -> list[Any]:
        made = [self.make(number) for number in floats.tolist()]
        if self.make is not _whole:
            return made
        # The greatest integers of 64 bits are rounded up, to what no type holds.
        return [min(max(number, self.low), self.high) for number in made]


@dataclass(frozen=True)
class MomentColumn(FrameColumn):
    """Dates or durations, as microseconds: `make` is what they are written with."""

    make: Callable[[Any], Any]
    kind: Dates | Durations

    def floats(self, column: pd.Series) -> Any:
        try:
            moments, unread = self.kind.read(column)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{error} (column {self.name!r}).") from error
        if unread:
            raise ValueError(
                f"X must hold {self.kind.expected} in column {self.name!r}; got "
                f"{unread[0]!r:.{MOST_LETTERS}}."
            )
        return moments.astype("int64").astype(float)

    def values(self, floats: np.ndarray) -> list[Any]:
        whole = np.rint(floats).astype("int64")
        if isinstance(self.kind, Durations):
            return [self.make(v) for v in pd.to_timedelta(whole, unit="us")]
        moments = pd.to_datetime(whole, unit="us")
        if self.kind.zone is not None:
            moments = moments.tz_localize("UTC").tz_convert(self.kind.zone)
        return [self.make(moment) for moment in moments]


class FrameNumbers:
    """Reads DataFrames of one layout as floats, and writes floats as such DataFrames.

    Parameters
    ----------
    X : DataFrame
        Of pandas, polars or pyarrow.

    Attributes
    ----------
    columns : list of FrameColumn
        In order.

    Raises
    ------
    ValueError
        If a column holds text, more than 500 labels, a word among numbers or dates, or
        numbers that are infinite.
    TypeError
        If a column holds what is no value, such as lists.
    """

    def __init__(self, X: Any) -> None:
        self.layout = FrameLayout.of(X)
        frame = as_pandas(X)
        self.columns = [
            _learn_named(frame.columns[i], frame.iloc[:, i])
            for i in range(frame.shape[1])
        ]

    @property
    def are_labels(self) -> list[bool]:
        """Whether each column holds labels."""
        return [isinstance(column, LabelColumn) for column in self.columns]

    def read(self, X: Any) -> np.ndarray:
        """Return a DataFrame as floats of shape (n_rows, n_columns), NaN for gaps.

        Columns are taken in order. Arrays are read as if their columns had the names of
        those in `fit`.

        Raises
        ------
        ValueError
            If a column holds a label that it had not in `fit`, or is of another kind.
        """
        frame = as_pandas(X)
        if not isinstance(frame, pd.DataFrame):
            frame = pd.DataFrame(frame)
        places = range(len(self.columns))
        floats = [self.columns[i].read(frame.iloc[:, i]) for i in places]
        return np.column_stack(floats)

    def write(self, numbers: np.ndarray) -> Any:
        """Return a DataFrame of the layout that `fit` got, of floats (n, n_columns)."""
        columns = zip(self.columns, numbers.T, strict=True)
        return self.layout.assemble(
            [column.write(values) for column, values in columns]
        )


def _learn_named(name: Any, column: pd.Series) -> FrameColumn:
    """Return how a column becomes floats; errors name it."""
    try:
        return _learn(name, column)
    except (TypeError, ValueError) as error:
        if repr(name) in str(error):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{error} (column {name!r}).") from error


def _learn(name: Any, column: pd.Series) -> FrameColumn:
    """Return how a column of any type becomes floats."""
    told = column.dropna()
    gap = tuple(column[column.isna()].iloc[:1])
    kind, _ = learn(column)
    read = plain(told)
    dtype = read.dtype
    if isinstance(dtype, pd.CategoricalDtype) or dtype.kind == "b":
        return _labels(name, gap, told)
    if isinstance(kind, Numbers) and dtype.kind in "iuf":
        return _numbers(name, gap, told, _whole if dtype.kind in "iu" else float)
    if isinstance(kind, Dates) and dtype.kind == "M":
        make: Callable[[Any], Any] = _same
        if isinstance(column.dtype, pd.PeriodDtype):
            make = partial(_period, freq=column.dtype.freq)
        return MomentColumn(name, gap, make, kind)
    if isinstance(kind, Durations) and dtype.kind == "m":
        return MomentColumn(name, gap, _same, kind)
    return _of_objects(name, gap, column, kind)


def _of_objects(name: Any, gap: Any, column: pd.Series, kind: Kind) -> FrameColumn:
    """Return how objects and text become floats; what cannot be made is refused."""
    told = column.dropna()
    values = told.astype(object)
    made = _typed(values, kind) or _written(values, kind)
    if isinstance(kind, Numbers) and made is not None:
        return _numbers(name, gap, told, made)
    if isinstance(kind, Dates) and made is not None:
        return MomentColumn(name, gap, made, kind)
    n_values = values.nunique()
    are_texts = all(isinstance(value, str) for value in values)
    # A few numbers as text may be labels, such as "1", "2" and "more".
    if not are_texts or n_values > MANY_LABELS:
        _check_alike(name, column, kind)
    if isinstance(kind, Text) or (isinstance(kind, Typed) and n_values > MANY_LABELS):
        raise ValueError(
            f"Columns must hold numbers, dates or labels that repeat; column {name!r} "
            f"holds text: {n_values} different values in {len(told)} rows, such as "
            f"{values.iloc[0]!r:.{MOST_LETTERS}}. Leave it out, or convert it, such as "
            "with pandas.to_numeric or pandas.to_datetime."
        )
    return _labels(name, gap, told)


def _check_alike(name: Any, column: pd.Series, kind: Kind) -> None:
    """Refuse a column of numbers, dates or durations with another value among them."""
    if not isinstance(kind, Typed) or isinstance(kind, Booleans):
        return
    read, _ = kind.read(column.astype(object))
    others = np.flatnonzero((read.isna() & column.notna()).to_numpy(bool))
    if len(others):
        row = int(others[0])
        raise ValueError(
            f"X must hold values of one kind in each column; column {name!r} of type "
            f"{column.dtype} holds {column.iloc[row]!r:.{MOST_LETTERS}} in row {row}, "
            f"and {kind.expected} in others. Correct it, or write None for a gap."
        )


def _labels(name: Any, gap: Any, told: pd.Series) -> LabelColumn:
    values = told.astype(object).unique()
    if len(values) > MOST_LABELS:
        raise ValueError(
            f"Columns must hold at most {MOST_LABELS} different labels; column "
            f"{name!r} holds {len(values)}, such as {values[0]!r:.{MOST_LETTERS}}. "
            "Merge those that are rare, or leave the column out."
        )
    try:
        labels = sorted(values)
    except TypeError:  # values of several types
        labels = sorted(values, key=lambda value: (type(value).__name__, str(value)))
    return LabelColumn(name, gap, tuple(labels))


def _numbers(name: Any, gap: Any, told: pd.Series, make: Any) -> NumberColumn:
    values = told.astype(object)
    bounded = make is _whole and len(values)
    bounds = (values.min(), values.max()) if bounded else (0, 0)
    column = NumberColumn(name, gap, make, *bounds)
    column.floats(told)  # refuses infinity
    return column


# What values are made of floats with. Functions with names: a model is pickled.


def _same(value: Any) -> Any:
    return value


def _whole(number: float) -> int:
    return round(number)


def _decimal(number: float) -> Decimal:
    return Decimal(repr(number))


def _day(moment: pd.Timestamp) -> date:
    return moment.date()


def _python(moment: pd.Timestamp) -> datetime:
    return moment.to_pydatetime(warn=False)


def _period(moment: pd.Timestamp, freq: Any) -> pd.Period:
    return moment.to_period(freq)


def _strftime(moment: pd.Timestamp, form: str) -> str:
    return moment.strftime(form)


def _typed(values: pd.Series, kind: Kind) -> Callable[[Any], Any] | None:
    """Return what makes objects of one type, None if there are several."""
    types = set(map(type, values))
    if isinstance(kind, Numbers):
        if all(issubclass(one, Integral) for one in types):
            return _whole
        if all(issubclass(one, Real) for one in types):
            return float
        return _decimal if types == {Decimal} else None
    if isinstance(kind, Dates):
        known = {date: _day, datetime: _python, pd.Timestamp: _same}
        return known.get(next(iter(types))) if len(types) == 1 else None
    return None


def _written(values: pd.Series, kind: Kind) -> Callable[[Any], Any] | None:
    """Return what writes floats or moments as exactly these texts; None if nothing."""
    if not all(isinstance(value, str) for value in values):
        return None
    forms: list[Callable[[Any], str]]
    if isinstance(kind, Numbers):
        decimals = len(values.iloc[0].partition(".")[2])
        forms = [partial(_format, form=f".{d}f") for d in {decimals, MOST_DECIMALS}]
        forms += [partial(_format, form=f".{MOST_DECIMALS}g"), repr]
        read, _ = kind.read(values)
    elif isinstance(kind, Dates):
        names = (kind.form, *DATE_FORMATS) if kind.form else DATE_FORMATS
        forms = [partial(_strftime, form=form) for form in names]
        read, _ = kind.read(values)
    else:
        return None
    if read.isna().any():
        return None
    pairs = list(zip(values, read, strict=True))
    for form in forms:
        if all(form(value) == text for text, value in pairs):
            return form
    return None


def _format(number: float, form: str) -> str:
    return format(number, form)
