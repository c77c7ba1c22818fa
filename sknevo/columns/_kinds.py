"""Kinds of columns: each is learned once, and read from whatever type it comes in."""

import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from pandas.api.extensions import take

from sknevo.columns._dates import (
    first_doubtful,
    formats_of,
    read_durations,
    read_moments,
    zone_of,
)

# Unless the user says which columns are text, or their type is `category`: strings are
# text rather than categories if they have more than MANY_LABELS different values, and
# these are more than TEXT_SHARE of all, or than CODE_SHARE if most are a single word:
# codes, numbers, names of shops. Chosen, not measured.
MANY_LABELS = 30
TEXT_SHARE, CODE_SHARE = 0.2, 0.5
# So many sentences are text, however often they repeat. Sentences have more words or
# letters than this, in the mean of LOOKED_AT different values. Chosen, not measured.
MANY_SENTENCES = 1000
SENTENCE_WORDS, SENTENCE_LETTERS = 4, 50
LOOKED_AT = 1000
# Objects are numbers or dates if at least LEARNED_SHARE of the values in fit can be
# read as such; the others are missing. Later, a column of which less than
# READABLE_SHARE can be read is of another kind. Chosen, not measured.
LEARNED_SHARE, READABLE_SHARE = 0.95, 0.5
# So many values decide against a kind. Chosen, not measured.
FEW = 20
# What stands for a missing number or date in files, in lower case.
MISSING = frozenset(
    {"", "?", ".", "..", "-", "--", "---", "na", "n/a", "n.a.", "#na", "#n/a", "<na>"}
    | {"nan", "-nan", "nat", "null", "(null)", "none", "nil", "missing", "unknown"}
    | {"not available", "#value!", "#div/0!", "#ref!", "#num!", "#name?", "#null!"}
)
# The largest whole numbers that floats tell apart.
EXACT = 2**53
CODE = re.compile(r"0\d+")
# What can be a label, beside bytes.
SCALARS = (str, Real, Decimal, np.generic, date, time, timedelta)
SCALARS += (pd.Period, pd.Interval, tuple)
UNSUPPORTED = (
    "Values are not supported: argument must be a string or a real number, a boolean "
    "or a date"
)


# Columns -----------------------------------------------------------------------------


def plain(column: pd.Series) -> pd.Series:
    """Return a column as numpy's numbers or moments, as categories or as objects.

    Whole numbers with gaps become floats, unless these would merge some of them.
    """
    dtype = column.dtype
    if dtype.kind == "c":
        raise ValueError("Complex data not supported")
    if isinstance(dtype, np.dtype):
        # Only native bytes can be taken and hashed.
        native = dtype.isnative or dtype.hasobject
        return column if native else column.astype(dtype.newbyteorder("="))
    if isinstance(dtype, pd.SparseDtype):
        return plain(column.sparse.to_dense())
    if isinstance(dtype, pd.PeriodDtype):
        return column.dt.to_timestamp()
    if isinstance(dtype, pd.ArrowDtype):
        return plain(_from_arrow(column))
    if isinstance(dtype, pd.CategoricalDtype | pd.DatetimeTZDtype):
        return column
    if dtype.kind in "biuf":
        return _without_mask(column)
    return column.astype(object)


def _from_arrow(column: pd.Series) -> pd.Series:
    kind = column.dtype.kind
    if kind in "iu":  # by themselves gaps would make them floats
        return column.astype("Int64" if kind == "i" else "UInt64")
    values = column.array.__arrow_array__().to_pandas()
    return values.set_axis(column.index).rename(column.name)


def _without_mask(column: pd.Series) -> pd.Series:
    dtype = column.dtype
    if not column.isna().any():
        return column.astype(dtype.numpy_dtype)
    if dtype.kind == "b":
        return column
    floats = column.to_numpy(float, na_value=np.nan)
    if dtype.kind in "iu" and np.nanmax(np.abs(floats), initial=0) >= EXACT:
        return column
    return pd.Series(floats, column.index, name=column.name)


def distinct(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the codes of all values, -1 for missing ones, and the distinct values."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, used = pd.factorize(column.cat.codes.where(column.notna()))
        values = column.cat.categories.astype(object).to_numpy()[used.astype(int)]
    else:
        try:
            codes, values = pd.factorize(column.astype(object))
        except TypeError:  # a list, a dict
            raise TypeError(UNSUPPORTED) from None
        values = np.asarray(values, object)
    for i, value in enumerate(values):
        if isinstance(value, bytes):
            values[i] = value.decode(errors="replace")
        elif not isinstance(value, SCALARS) or isinstance(value, np.complexfloating):
            raise TypeError(UNSUPPORTED)
    return codes, values


def _look_missing(values: np.ndarray) -> np.ndarray:
    return np.array(
        [isinstance(v, str) and v.strip().lower() in MISSING for v in values], bool
    )


def to_labels(column: pd.Series) -> pd.Categorical:
    """Return categories that are strings and do not depend on the column's type.

    Otherwise a single gap would rename all other values: 1 becomes 1.0 beside NaN.
    """
    values = column.array
    names = ("string", "empty")
    if isinstance(values, pd.Categorical) and values.categories.inferred_type in names:
        return values.as_unordered() if values.ordered else values
    codes, values = distinct(_without_truths(column))
    merged, labels = pd.factorize(np.array([label(v) for v in values], object))
    return pd.Categorical.from_codes(np.append(merged, -1)[codes], labels)


def _is_mixed(values: Any) -> bool:
    return pd.api.types.infer_dtype(values).startswith("mixed")


def _without_truths(column: pd.Series) -> pd.Series:
    """Return objects with words for truth values, which are equal to 1 and 0."""
    if not _is_mixed(column):
        return column
    return column.map(lambda v: str(v) if isinstance(v, bool | np.bool_) else v)


def label(value: Any) -> str:
    """Return a value as a string, the same one for equal numbers of any type."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    # Whole numbers become floats where values are missing.
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value)


# Kinds -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind(ABC):
    """How a column is read, whatever its type: a kind of values, and what fit saw."""

    name: ClassVar[str]  # as in `Column`
    expected: ClassVar[str]  # for messages
    # Letters of numpy's types: their finite values are of this kind as they are.
    own_types: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def read(self, column: pd.Series) -> tuple[pd.Series, list[Any]]:
        """Return the column as this kind, and some of the values that cannot be read.

        These are missing. Raises a ValueError if most values cannot be read.
        """

    def doubt(self, gaps: list[Any], fitting: bool) -> str:
        """Return what a warning says of values that are taken as missing."""
        return f"and {', '.join(map(repr, gaps[:3]))} as missing" if gaps else ""


@dataclass(frozen=True)
class Labels(Kind):
    """Labels, and their order if the type of the column had one."""

    order: tuple[str, ...] = ()
    # Nothing is known of a column without a value: all that it holds is missing.
    is_empty: bool = False
    name = "categorical"
    expected = "labels"

    def read(self, column: pd.Series) -> tuple[pd.Series, list[Any]]:
        labels = to_labels(plain(column))
        if self.is_empty:
            labels = pd.Categorical.from_codes(np.full(len(labels), -1), [])
        return pd.Series(labels, column.index, name=column.name), []

    def doubt(self, gaps: list[Any], fitting: bool) -> str:
        return f"and {' and '.join(map(repr, gaps))} as one label" if gaps else ""


@dataclass(frozen=True)
class Text(Labels):
    """Words: many different values, most of them rare."""

    name = "text"
    expected = "texts"


@dataclass(frozen=True)
class Typed(Kind):
    """A kind that has a type of its own, and that text can hold, too.

    Each value is read by itself: what is read does not depend on the other values.
    """

    # Types of columns, beside objects, that may hold this kind.
    types: ClassVar[str]

    @classmethod
    @abstractmethod
    def of(cls, values: np.ndarray, counts: np.ndarray) -> Self | None:
        """Return the kind of distinct objects, None if most are of another kind.

        The counts say how often each of them occurs.
        """

    @abstractmethod
    def own(self, column: pd.Series) -> pd.Series | None:
        """Return a column that is of this kind by its type, else None."""

    @abstractmethod
    def parse(self, values: np.ndarray) -> Any:
        """Return distinct objects as an array of this kind, missing if unreadable."""

    def fits(self, values: np.ndarray, counts: np.ndarray) -> bool:
        """Return whether nearly all values are of this kind."""
        # A few decide for most columns of labels.
        if pd.isna(self.parse(values[:FEW])).mean() > READABLE_SHARE:
            return False
        unread = counts[pd.isna(self.parse(values))].sum()
        return unread <= (1 - LEARNED_SHARE) * counts.sum()

    def read(self, column: pd.Series) -> tuple[pd.Series, list[Any]]:
        column = plain(column)
        own = self.own(column)
        if own is not None:
            return own, []
        codes, values = distinct(column)
        told = ~_look_missing(values)
        values = values[told]
        read = self.parse(values)
        # Where each row finds its value, -1 if that is missing.
        places = np.append(np.where(told, np.cumsum(told) - 1, -1), -1)[codes]
        unread = np.asarray(pd.isna(read))
        n_unread = np.count_nonzero(np.append(unread, False)[places])
        n_told = np.count_nonzero(places >= 0)
        is_strange = n_told >= FEW and n_unread > (1 - READABLE_SHARE) * n_told
        if n_unread and (is_strange or column.dtype.kind not in f"{self.types}O"):
            raise ValueError(
                f"{self.expected} were expected, as in fit; got {values[unread][0]!r}"
            )
        filled = take(read, places, allow_fill=True)
        filled = pd.Series(filled, column.index, name=column.name)
        return self.own(plain(filled)), list(values[unread][:3])


@dataclass(frozen=True)
class Booleans(Typed):
    """Truth values, also 0 and 1 or words for them."""

    name = "boolean"
    expected = "booleans"
    own_types = frozenset("b")
    types = "biuf"
    words: ClassVar[dict[str, bool]] = {
        **dict.fromkeys(("true", "t", "yes", "y", "1", "1.0"), True),
        **dict.fromkeys(("false", "f", "no", "n", "0", "0.0"), False),
    }

    @classmethod
    def of(cls, values: np.ndarray, counts: np.ndarray) -> Self | None:
        # Words are labels.
        truths = all(isinstance(value, bool | np.bool_) for value in values)
        return cls() if truths else None

    def own(self, column: pd.Series) -> pd.Series | None:
        return column if column.dtype.kind in self.own_types else None

    def parse(self, values: np.ndarray) -> Any:
        read = [self.words.get(str(v).strip().lower(), pd.NA) for v in values]
        return pd.array(read, "boolean")


def _numbers_with(decimal: str, group: str) -> tuple[re.Pattern[str], dict[int, Any]]:
    """Return the pattern of numbers as text, and how its characters become Python's."""
    d, g = re.escape(decimal), re.escape(group)
    whole = rf"\d{{1,3}}(?:[{g}\s'’]\d{{3}})+|\d+"
    pattern = re.compile(
        rf"[+-]?[$€£¥]?\s?[+-]?(?:(?:{whole})(?:{d}\d*)?|{d}\d+)"
        r"(?:[eE][+-]?\d+)?\s?[%$€£¥]?"
    )
    dropped = dict.fromkeys(map(ord, f"{group}'’$€£¥% \u00a0\u2009\u202f"))
    return pattern, {**dropped, ord(decimal): "."}


@dataclass(frozen=True)
class Numbers(Typed):
    """Numbers, also as text; whole numbers too large for floats stay exact."""

    decimal: str = "."
    name = "numeric"
    expected = "numbers"
    own_types = frozenset("biuf")
    types = "biuf"
    styles: ClassVar = {".": _numbers_with(".", ","), ",": _numbers_with(",", ".")}

    @classmethod
    def of(cls, values: np.ndarray, counts: np.ndarray) -> Self | None:
        # As numbers, codes such as 007 would lose their zeros.
        if any(isinstance(v, str) and CODE.fullmatch(v.strip()) for v in values):
            return None
        kinds = map(cls, cls.styles)
        return next((kind for kind in kinds if kind.fits(values, counts)), None)

    def own(self, column: pd.Series) -> pd.Series | None:
        dtype = column.dtype
        if dtype.kind not in self.own_types:
            return None
        if dtype.kind == "f" and np.isinf(column.to_numpy()).any():
            raise ValueError("Input X contains infinity or a value too large")
        return column

    def parse(self, values: np.ndarray) -> Any:
        numbers = [self._number(value) for value in values]
        floats = np.array([np.nan if n is None else float(n) for n in numbers], float)
        if np.fmax.reduce(np.abs(floats), initial=0) < EXACT:
            return floats
        for dtype in ("Int64", "UInt64"):
            try:
                whole = [n if n is None else int(n) for n in numbers]
                return pd.array(whole, dtype) if whole == numbers else floats
            except (OverflowError, TypeError, ValueError):  # too large for this type
                continue
        return floats

    def _number(self, value: Any) -> Any:
        if isinstance(value, Real | Decimal | np.bool_):
            return value
        if not isinstance(value, str):
            return None
        pattern, characters = self.styles[self.decimal]
        text = value.strip().replace("\N{MINUS SIGN}", "-")
        if not pattern.fullmatch(text):
            return None
        text = text.translate(characters)
        number = float(text)
        if math.isinf(number):  # digits of a fingerprint or a hash
            return None
        return int(text) if text.lstrip("+-").isdigit() else number


@dataclass(frozen=True)
class Dates(Typed):
    """Dates and times, with a time zone or without."""

    # How strings are written; None if fit saw none.
    form: str | None = None
    zone: tzinfo | None = None
    # Whether fit could not tell day from month.
    is_guess: bool = False
    # Whether dates whose day and month may be swapped are missing, as some in fit are.
    leaves_doubtful: bool = False
    name = "datetime"
    types = "M"

    @property
    def expected(self) -> str:
        zone = "without a time zone" if self.zone is None else f"in {self.zone}"
        form = f", written as {self.form}" if self.form else ""
        return f"dates {zone}{form}"

    @classmethod
    def of(cls, values: np.ndarray, counts: np.ndarray) -> Self | None:
        texts = _texts(values)
        forms = formats_of(texts)
        if not forms and len(texts) > (1 - LEARNED_SHARE) * len(values):
            return None
        form = forms[0] if forms else None
        moments, zones = read_moments(values, form)
        known = ~np.isnat(moments)
        if counts[known].sum() < LEARNED_SHARE * counts.sum():
            return None
        first, *others = np.flatnonzero(known)
        zone = zones[first]
        if any((zones[other] is None) != (zone is None) for other in others):
            raise ValueError("Some dates have a time zone and others have none")
        if zone is not None and isinstance(values[first], str):
            zone = zone_of(values[first])
        doubtful = first_doubtful(values[~known]) is not None
        return cls(form, zone, is_guess=len(forms) > 1, leaves_doubtful=doubtful)

    def own(self, column: pd.Series) -> pd.Series | None:
        if column.dtype.kind != "M":
            return None
        zone = getattr(column.dtype, "tz", None)
        if (zone is None) != (self.zone is None):
            if column.notna().any():
                self._refuse_zone(zone)
            column = column.dt.tz_localize(self.zone)
        elif zone is not None and zone != self.zone:
            column = column.dt.tz_convert(self.zone)
        return column if column.dt.unit == "us" else column.dt.as_unit("us")

    def parse(self, values: np.ndarray) -> Any:
        moments, zones = read_moments(values, self.form)
        known = np.flatnonzero(~np.isnat(moments))
        doubtful = first_doubtful(values[np.isnat(moments)])
        if doubtful is not None and not self.leaves_doubtful:
            raise ValueError(
                f"{self.expected} were expected, as in fit; day and month may be "
                f"swapped in {doubtful!r}. Write such dates as in fit or as "
                "YYYY-MM-DD, or convert them with pandas.to_datetime"
            )
        for zone in (zones[i] for i in known):
            if (zone is None) != (self.zone is None):
                self._refuse_zone(zone)
        index = pd.DatetimeIndex(moments)
        if self.zone is not None:
            index = index.tz_localize("UTC").tz_convert(self.zone)
        return index.array

    def doubt(self, gaps: list[Any], fitting: bool) -> str:
        if fitting and self.is_guess:
            return "though day and month may be swapped"
        return super().doubt(gaps, fitting)

    def _refuse_zone(self, zone: tzinfo | None) -> None:
        got = "dates without a time zone" if zone is None else f"dates in {zone}"
        raise ValueError(f"{self.expected} were expected, as in fit; got {got}")


@dataclass(frozen=True)
class Durations(Typed):
    """Durations; a time of day is the duration since midnight."""

    name = "numeric"
    expected = "durations or times of day"
    types = "m"

    @classmethod
    def of(cls, values: np.ndarray, counts: np.ndarray) -> Self | None:
        return cls() if cls().fits(values, counts) else None

    def own(self, column: pd.Series) -> pd.Series | None:
        if column.dtype.kind != "m":
            return None
        return column if column.dt.unit == "us" else column.dt.as_unit("us")

    def parse(self, values: np.ndarray) -> Any:
        return pd.array(read_durations(values))


def _texts(values: np.ndarray) -> np.ndarray:
    return values[[isinstance(value, str) for value in values]]


# The first that reads nearly all values that are not missing; else they are labels.
TYPED: tuple[type[Typed], ...] = (Booleans, Numbers, Dates, Durations)
# The kinds that the letters of numpy's types say.
OF_TYPE: dict[str, Kind] = {"b": Booleans(), **dict.fromkeys("iuf", Numbers())}


def _by_type(column: pd.Series, is_text: bool | None) -> Kind | None:
    """Return the kind that the type of a column says; None of objects."""
    dtype = column.dtype
    if dtype.kind in OF_TYPE:
        return OF_TYPE[dtype.kind]
    match dtype.kind:
        case "M":
            return Dates(zone=getattr(dtype, "tz", None))
        case "m":
            return Durations()
    if isinstance(dtype, pd.CategoricalDtype):
        order = dtype.categories if dtype.ordered else ()
        return _labels(column, order, bool(is_text))
    return None


def learn(column: pd.Series, is_text: bool | None = None) -> tuple[Kind, list[Any]]:
    """Return the kind of a column, and the values that a warning may have to name.

    The user may have said whether it is text: a ValueError if it cannot be.
    """
    column = plain(column)
    kind = _by_type(column, is_text)
    if is_text and not isinstance(kind, Labels | None):
        raise ValueError(f"text_columns must name columns of text; got {kind.expected}")
    if kind is not None:
        return kind, []
    if is_text:
        return _labels(column, is_text=True), []
    codes, values = distinct(column)
    missing = _look_missing(values)
    counts = np.bincount(codes[codes >= 0], minlength=len(values))[~missing]
    found = (kind.of(values[~missing], counts) for kind in TYPED)
    for kind in found if len(counts) else ():
        if kind is not None:
            return kind, list(values[missing])
    return _labels(column, is_text=is_text), _merged(values)


def _merged(values: np.ndarray) -> list[Any]:
    """Return the first values, such as 1 and "1", that have one label."""
    if not _is_mixed(values):
        return []
    labels = np.array([label(value) for value in values], object)
    repeated = labels[pd.Series(labels).duplicated()]
    return list(values[labels == repeated[0]]) if len(repeated) else []


def _labels(column: pd.Series, order: Any = (), is_text: bool | None = None) -> Labels:
    values = column.dropna().unique()
    if is_text is None:
        is_text = _is_text(values, column.count())
    kind = Text if is_text else Labels
    return kind(tuple(map(label, order)), is_empty=not len(values))


def _is_text(values: Any, n_rows: int) -> bool:
    """Return whether distinct values are text rather than labels that repeat."""
    n_values = len(values)
    if n_values <= MANY_LABELS:
        return False
    some = [str(value) for value in values[:: -(-n_values // LOOKED_AT)]]
    n_words = np.mean([len(text.split()) for text in some])
    n_letters = np.mean([len(text) for text in some])
    most = CODE_SHARE if n_words < 1.5 else TEXT_SHARE
    are_sentences = n_words > SENTENCE_WORDS or n_letters > SENTENCE_LETTERS
    return n_values > most * n_rows or (are_sentences and n_values > MANY_SENTENCES)
