"""Dates and times of day that are written as text, in whatever format."""

import calendar
import datetime as dt
import re
from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd

ISO = "ISO8601"
_ISO = re.compile(r"\d{4}-\d{2}(-\d{2})?([T ]\d{2}(:?\d{2}.*)?|Z)?")
_TIME = re.compile(
    r"(?P<time>\d{1,2}:\d{2}(?P<seconds>:\d{2}(?P<parts>\.\d+)?)?)"
    r"(?P<half>\s?[AaPp][Mm])?(?P<zone>\s?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?$"
)
# An offset stands behind minutes or seconds: elsewhere -02 may be part of a date.
_ZONE = re.compile(r"(:\d{2}(\.\d+)?\s?[+-]\d{2}(:?\d{2})?|\d\s?(Z|UTC|GMT))$")
_UTC = re.compile(r"\s?(UTC|GMT)$")
# As `strptime` knows them: in the language of the locale.
_NAMES = [
    (re.compile(rf"\b({'|'.join(filter(None, names))})\b", re.IGNORECASE), code)
    for names, code in (
        (calendar.month_name, "%B"),
        (calendar.month_abbr, "%b"),
        (calendar.day_name, "%A"),
        (calendar.day_abbr, "%a"),
    )
]
# The order of the numbers of a date, by the digits of each; "b" is the name of a month.
_ORDERS = {
    "4 2 2": ("Ymd",),
    "2 2 4": ("mdY", "dmY"),
    "2 2 2": ("mdy", "dmy"),
    "2 b 4": ("dbY",),
    "2 b 2": ("dby",),
    "b 2 4": ("bdY",),
    "4 b 2": ("Ybd",),
    "b 4": ("bY",),
    "2 4": ("mY",),
}
_CLOCK = re.compile(r"(-?\d+ days?,? )?[+-]?\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?|-?\d+ days?")
# So many texts decide whether they are dates, and in which formats. Chosen, not
# measured.
FEW = 20
NEVER = np.datetime64("NaT", "us")


def formats_of(texts: np.ndarray) -> list[str]:
    """Return the formats that read most of the texts as dates.

    There are two if the texts do not tell the day from the month.
    """
    formats = {form for text in texts[:FEW] for form in _formats(text.strip())}
    read = {form: _n_read(texts[:FEW], form) for form in formats}
    # A few decide for most columns of labels; all are read only if these are dates.
    few = min(FEW, len(texts))
    read = {form: _n_read(texts, form) for form, n in read.items() if 2 * n >= few}
    most = max(read.values(), default=0)
    # Month first, as pandas has it.
    return sorted(
        (form for form, n in read.items() if n == most > 0),
        key=lambda form: (form.find("%d") < form.find("%m"), form),
    )


def _n_read(texts: np.ndarray, form: str) -> int:
    return np.count_nonzero(~np.isnat(_read(texts, form)))


def _formats(text: str) -> list[str]:
    """Return the formats of `strptime` that a text may be written in."""
    if _ISO.fullmatch(text):
        return [ISO]
    clock = ""
    if found := _TIME.search(text):
        text = text[: found.start()]
        clock = "%I:%M" if found["half"] else "%H:%M"
        clock += (":%S" if found["seconds"] else "") + (".%f" if found["parts"] else "")
        clock += re.sub(r"\S+", "%p", found["half"] or "")
        named = "%Z" if found["zone"] and found["zone"][-1] in "CT" else "%z"
        clock += re.sub(r"\S+", named, found["zone"] or "")
    text = text.replace("%", "")
    for names, code in _NAMES:
        text = names.sub(code, text, count=1)
    kinds = re.findall(r"%[Bb]|\d+", text)
    digits = {"%B": "b", "%b": "b"}
    key = " ".join(digits.get(k, "4" if len(k) == 4 else "2") for k in kinds)
    if any(len(k) not in (1, 2, 4) for k in kinds) or re.search(r"[^\W\d_]{4}", text):
        return []
    return [_coded(text, order) + clock for order in _ORDERS.get(key, ())]


def _coded(text: str, order: str) -> str:
    """Return a text with its numbers replaced by their codes."""
    codes = iter(order)

    def code(match: re.Match) -> str:
        letter = next(codes)
        return match[0] if letter == "b" else f"%{letter}"

    return re.sub(r"%[Bb]|\d+", code, text)


def _swapped(one: str, other: str) -> bool:
    """Return whether two formats differ in the order of day and month alone."""
    return one != other and one.translate(str.maketrans("dm", "md")) == other


def _read_any(texts: np.ndarray, known: str) -> np.ndarray:
    """Return each moment, in a known format, in ISO's, or in another without a doubt.

    There is none if a text does not tell the day from the month.
    """
    moments = _read(texts, known)
    unread = np.flatnonzero(np.isnat(moments))
    if known != ISO and len(unread):
        moments[unread] = _read(texts[unread], ISO)
        unread = unread[np.isnat(moments[unread])]
    rows_of = defaultdict(list)
    for row in unread:
        for form in _formats(texts[row].strip()):
            rows_of[form].append(row)
    in_doubt = np.zeros(len(texts), bool)
    for form, rows in rows_of.items():
        read = _read(texts[rows], form)
        known_rows = np.array(rows)[~np.isnat(read)]
        twice = ~np.isnat(moments[known_rows])
        in_doubt[known_rows] |= twice | _swapped(form, known)
        moments[rows] = np.where(np.isnat(read), moments[rows], read)
    moments[in_doubt] = NEVER
    return moments


def _read(texts: np.ndarray, form: str) -> np.ndarray:
    """Return the moments, in UTC if they have a zone; NaT where they cannot be read."""
    texts = [text.strip() for text in texts]
    if form == ISO:
        texts = [_UTC.sub("Z", text) for text in texts]
    read = pd.to_datetime(texts, format=form, errors="coerce", utc=True)
    moments = read.tz_localize(None).as_unit("us").to_numpy().copy()
    if form == ISO:
        # Years that nanoseconds do not reach, for pandas 2.
        for i in np.flatnonzero(np.isnat(moments)):
            if _ISO.fullmatch(texts[i]) and not _ZONE.search(texts[i]):
                moments[i] = _moment(texts[i])
    return moments


def _moment(text: str) -> np.datetime64:
    try:
        return np.datetime64(text, "us")
    except ValueError:
        return NEVER


def read_moments(values: np.ndarray, form: str | None) -> tuple[np.ndarray, list[Any]]:
    """Return moments (NaT where there is none) and the time zone of each, or None.

    Parameters
    ----------
    values : ndarray of object
        Texts, dates and periods. Moments with a zone are in UTC.
    form : str or None
        The format of the texts, as far as it is known.
    """
    moments = np.full(len(values), NEVER)
    zones: list[Any] = [None] * len(values)
    texts = np.array([isinstance(value, str) for value in values], bool)
    if texts.any():
        moments[texts] = _read_any(values[texts], form or ISO)
    for i, value in enumerate(values):
        if texts[i]:
            zones[i] = dt.UTC if _ZONE.search(value.strip()) else None
            continue
        if isinstance(value, pd.Period):
            value = value.to_timestamp()
        if isinstance(value, dt.datetime):
            zones[i] = value.tzinfo
            if value.tzinfo is not None:
                value = value.astimezone(dt.UTC).replace(tzinfo=None)
        if isinstance(value, dt.date | np.datetime64):
            moments[i] = np.datetime64(value, "us")
    return moments, zones


def first_doubtful(unread: np.ndarray) -> str | None:
    """Return the first text that is a date, of those that cannot be read."""
    texts = (value for value in unread if isinstance(value, str))
    return next((text for text in texts if formats_of(np.array([text]))), None)


def zone_of(text: str) -> dt.tzinfo:
    """Return the offset from UTC that a text names."""
    text = text.strip()
    form = next(form for form in _formats(text) if _n_read([text], form))
    return pd.to_datetime(
        [_UTC.sub("Z", text) if form == ISO else text], format=form
    ).tz


def read_durations(values: np.ndarray) -> np.ndarray:
    """Return durations, those since midnight for times of day; NaT if it is none."""
    known = [_duration(value) for value in values]
    return pd.to_timedelta(pd.Series(known, dtype=object), errors="coerce").to_numpy(
        "timedelta64[us]"
    )


def _duration(value: Any) -> Any:
    if isinstance(value, dt.time):
        return dt.timedelta(
            hours=value.hour,
            minutes=value.minute,
            seconds=value.second,
            microseconds=value.microsecond,
        )
    if isinstance(value, dt.timedelta | np.timedelta64):
        return value
    if not isinstance(value, str) or not _CLOCK.fullmatch(text := value.strip()):
        return None
    # pandas wants seconds, too.
    return f"{text}:00" if text.count(":") == 1 else text
