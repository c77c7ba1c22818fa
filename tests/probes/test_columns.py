"""Columns of real tables: what is read, in which containers, and what is refused."""

import datetime as dt
import pickle
import warnings
from decimal import Decimal
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import tables
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from sknevo import EvolvedPipelineClassifier
from sknevo.builders import PipelineBuilder
from sknevo.builders.pipeline._columns import ColumnReader
from sknevo.builders.pipeline._floats import Floats
from sknevo.builders.pipeline._preparation import make_preparation
from sknevo.genomes.pipeline import pipeline, well_known
from sknevo.records import express

BERLIN = "Europe/Berlin"
BIG = 10**17
NAN, NAT = np.nan, pd.NaT


def frame(values, dtype=None):
    return pd.DataFrame({"c": pd.Series(values, dtype=dtype)})


def one(values):
    """Return a column as a list, missing values as None."""
    column = values.iloc[:, 0] if hasattr(values, "iloc") else pd.Series(values[:, 0])
    return [None if pd.isna(value) else value for value in column]


def objects(*values):
    return frame(list(values), object)


def stamps(*texts, tz=None):
    return [pd.Timestamp(text, tz=tz) if text else None for text in texts]


def hours(*numbers):
    return [pd.Timedelta(number, "h") for number in numbers]


# What is read in fit ------------------------------------------------------------------

NOV = stamps("2026-11-23 17:30")
WITHOUT_GAPS = {
    "whole numbers as text": (frame(["1", " 2", "3"]), [1, 2, 3]),
    "an array of strings": (np.array([["1.5"], ["2"]]), [1.5, 2]),
    "bytes": (np.array([[b"1.5"], [b"2"]]), [1.5, 2]),
    "thousands": (frame(["1,234", "12", "1,000,000.5"]), [1234, 12, 1000000.5]),
    "decimal commas": (frame(["1.234,5", "0,25", "7"]), [1234.5, 0.25, 7]),
    "currency": (frame(["$1,200.50", "-$3", "€7"]), [1200.5, -3, 7]),
    "percent": (frame(["12%", "3.5 %"]), [12, 3.5]),
    "powers": (frame(["1e5", "2E-3"]), [1e5, 2e-3]),
    "large whole numbers as text": (frame([str(BIG), str(BIG + 1)]), [BIG, BIG + 1]),
    "large whole numbers": (objects(BIG + 1, None), [BIG + 1, None]),
    "Decimals and text": (objects(Decimal("1.5"), "2.5", 3), [1.5, 2.5, 3]),
    "big-endian": (frame(np.array([1.0, 2.0], ">f8")), [1, 2]),
    "big-endian array": (np.array([[1.0], [2.0]], ">f8"), [1, 2]),
    "codes with zeros": (frame(["007", "7"]), ["007", "7"]),
    "versions": (frame(["1.2.3", "1.2.4"]), ["1.2.3", "1.2.4"]),
    "digits of fingerprints": (
        frame(["1" * 400, "2" * 5000]),
        ["1" * 400, "2" * 5000],
    ),
    "beyond any float": (frame(["1e400", "2e400"]), ["1e400", "2e400"]),
    "one word": (frame(["1", "2", "three"]), ["1", "2", "three"]),
    "blanks among labels": (frame(["a", "?", ""]), ["a", "?", ""]),
    "month first": (
        frame(["12/25/2025", "01/02/2026"]),
        stamps("2025-12-25", "2026-01-02"),
    ),
    "day first": (
        frame(["25.12.2025", "01.02.2026"]),
        stamps("2025-12-25", "2026-02-01"),
    ),
    "half days": (frame(["11/23/2026 5:30 PM"]), NOV),
    "names of months": (frame(["23 Nov 2026 17:30"]), NOV),
    "American": (frame(["November 23, 2026 17:30"]), NOV),
    "short years": (frame(["23-NOV-26 17:30"]), NOV),
    "of mails": (
        frame(["Mon, 23 Nov 2026 17:30:00 +0200"]),
        stamps("2026-11-23 15:30", tz="UTC"),
    ),
    "spaces around": (frame([" 2026-11-23 17:30 "]), NOV),
    "months of a year": (frame(["Nov-2026"]), stamps("2026-11-01")),
    "named UTC": (
        frame(["2026-11-23 17:30 UTC"]),
        stamps("2026-11-23 17:30", tz="UTC"),
    ),
    "dates and text": (
        objects(pd.Timestamp("2026-01-01"), "2026-01-02", dt.date(2026, 1, 3)),
        stamps("2026-01-01", "2026-01-02", "2026-01-03"),
    ),
    "dates of arrow": (
        frame(stamps("2026-01-01")).astype("timestamp[ns][pyarrow]"),
        stamps("2026-01-01"),
    ),
    "months": (frame(pd.period_range("2026-01", periods=1)), stamps("2026-01-01")),
    "months as objects": (
        objects(*pd.period_range("2026-01", periods=1)),
        stamps("2026-01-01"),
    ),
    "durations as objects": (objects(dt.timedelta(hours=1), None), [*hours(1), None]),
    "durations as text": (frame(["1 days 02:00:00"]), hours(26)),
    "times of day": (objects(dt.time(9, 30), None), [*hours(9.5), None]),
    "times as text": (frame(["09:30", "17:00:00"]), hours(9.5, 17)),
    "128 bits of polars": (pl.DataFrame({"c": [1, None]}, {"c": pl.Int128}), [1, None]),
    "ranks of polars": (
        pl.DataFrame({"c": ["b", "a"]}, {"c": pl.Enum(["b", "a"])}),
        ["b", "a"],
    ),
    "text without values": (frame([None, None], "str"), [None, None]),
}


@pytest.mark.parametrize("case", WITHOUT_GAPS)
def test_values_are_read_in_the_sense_in_which_they_are_written(case):
    X, expected = WITHOUT_GAPS[case]
    reader = ColumnReader().fit(X)
    read = reader.transform(X)
    assert one(read) == expected
    # What was read is read again as it is: the best pipeline takes both.
    pd.testing.assert_frame_equal(
        pd.DataFrame(reader.transform(read)), pd.DataFrame(read)
    )


GAPS = {
    "a blank among whole numbers": (objects(1, " ", 3), [1, None, 3]),
    "question marks": (frame(["1", "?", "2.5"]), [1, None, 2.5]),
    "hyphens": (frame(["1,000", "-"]), [1000, None]),
    "NA": (objects(Decimal(1), "NA", None), [1, None, None]),
    "dates": (frame(["2026-01-01", "null"]), [*stamps("2026-01-01"), None]),
    "one word among many numbers": (
        frame([*["1,000"] * 20, "many"]),
        [1000] * 20 + [None],
    ),
    "1 and its text": (objects("a", 1, "1"), ["a", "1", "1"]),
    "day or month": (
        frame(["01/02/2026", "03/04/2026"]),
        stamps("2026-01-02", "2026-03-04"),
    ),
}


@pytest.mark.parametrize("case", GAPS)
def test_one_warning_names_the_columns_that_are_not_certain(case):
    X, expected = GAPS[case]
    X = X.assign(d=X["c"])
    with pytest.warns(UserWarning, match=r"(?s)Column 'c' .*column 'd'") as warned:
        read = ColumnReader().fit_transform(X)
    assert len(warned) == 1
    assert one(read) == expected


# What is asked, beside what was fitted ------------------------------------------------

DAYS = frame(stamps("2025-12-25", "2026-01-02"))
AWARE = frame(stamps("2025-12-25 12:00", tz=BERLIN))
US = frame(["12/25/2025", "01/02/2026"])
SIZES = frame([1.5, 2.0, 3.0])
TRUTHS = frame([True, False])
UNDERSTOOD = {
    "another format": (DAYS, frame(["12/25/2025"]), stamps("2025-12-25")),
    "ISO, fitted on another": (US, frame(["2026-02-01"]), stamps("2026-02-01")),
    "dates, fitted on text": (US, DAYS, one(DAYS)),
    "nothing, in the type of another zone": (AWARE, frame([NAT]), [None]),
    "the format of fit, in doubt": (US, frame(["02/01/2026"]), stamps("2026-02-01")),
    "another zone": (
        AWARE,
        frame(stamps("2026-01-01 05:00", tz="UTC")),
        stamps("2026-01-01 06:00", tz=BERLIN),
    ),
    "an offset": (
        AWARE,
        frame(["2026-01-01T05:00:00+00:00"]),
        stamps("2026-01-01 06:00", tz=BERLIN),
    ),
    "numbers as text": (SIZES, frame(["1,234", None]), [1234, None]),
    "gaps in whole numbers": (frame([1, 2]), frame([1, pd.NA], "Int64"), [1, None]),
    "numbers for booleans": (TRUTHS, frame([1, 0, 1]), [True, False, True]),
    "words for booleans": (TRUTHS, frame(["True", "false", None]), [True, False, None]),
    "labels of another type": (frame([1, 2], "category"), frame([1.0, 2]), ["1", "2"]),
    "nothing": (SIZES, frame([None, None], object), [None, None]),
    "what fit never saw": (frame([None], object), frame(["a", "b"]), [None, None]),
    "categories that are not used": (
        SIZES,
        frame(pd.Categorical(["1"], categories=["1", "none of these"])),
        [1],
    ),
}


@pytest.mark.parametrize("case", UNDERSTOOD)
def test_columns_are_read_as_in_fit_whatever_they_are_asked_as(case):
    fitted, asked, expected = UNDERSTOOD[case]
    assert one(ColumnReader().fit(fitted).transform(asked)) == expected


REFUSED = {
    "day or month": (DAYS, frame(["01/02/2026"]), "swapped in '01/02/2026'"),
    "day for month": (US, frame(["25/12/2025"]), "swapped in '25/12/2025'"),
    "words for dates": (DAYS, frame(["soon", "later"] * 10), "dates .* got 'soon'"),
    "numbers for dates": (DAYS, frame([1.5, 2.0]), r"dates .* got 1\.5"),
    "naive for aware": (AWARE, DAYS, f"{BERLIN} .* got dates without a time zone"),
    "aware for naive": (DAYS, AWARE, f"without a time zone .* got dates in {BERLIN}"),
    "naive text for aware": (AWARE, frame(["2026-01-01"]), "got dates without"),
    "words for numbers": (SIZES, frame(["a", "b"] * 10), "numbers were .* got 'a'"),
    "dates for numbers": (SIZES, DAYS, "numbers .* got Timestamp"),
    "numbers for durations": (frame(hours(1)), SIZES, r"durations .* got 1\.5"),
    "a date for numbers": (SIZES, DAYS[:1], "numbers .* got Timestamp"),
    "numbers for booleans": (TRUTHS, frame([7, 8] * 10), "booleans .* got 7"),
    "infinity as a number": (SIZES, frame([np.inf]), "infinity"),
    "some with a zone": (
        frame(["2026-01-01 10:00Z", "2026-01-01 10:00"]),
        DAYS,
        "Some dates have a time zone",
    ),
    "a list as a value": (SIZES, objects([1]), "not supported"),
    "objects of polars": (
        SIZES,
        pl.DataFrame({"c": pl.Series([object()], dtype=pl.Object)}),
        "not supported",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_columns_of_another_kind_are_refused_by_name(case):
    fitted, asked, message = REFUSED[case]
    with pytest.raises((TypeError, ValueError), match=rf"{message}.*\(column 'c'\)"):
        ColumnReader().fit(fitted).transform(asked)


# A value, and what it is by itself, None if it is missing: the same beside others.
DOTS = frame([f"{day:02d}.12.2025" for day in range(1, 29)])
RARELY_US = frame([*(f"2026-01-{day:02d}" for day in range(1, 29)), "02/03/2026"])
BY_ITSELF = {
    "numbers": (SIZES, {"1": 1.0, "2,000": 2000.0, "n.v.": None, "x": None}),
    "decimal commas": (frame(["0,5", "1.234,5"]), {"1.234": 1234.0, "1,5": 1.5}),
    "dates": (
        DOTS,
        {
            "05.12.2025": stamps("2025-12-05")[0],
            "2025-12-05": stamps("2025-12-05")[0],
            "2025-12-05 10:00": stamps("2025-12-05 10:00")[0],
            "5 Dec 2025": stamps("2025-12-05")[0],
            "12/25/2025": stamps("2025-12-25")[0],
            "soon": None,
        },
    ),
    "what fit has left out": (
        RARELY_US,
        {"2026-01-02": stamps("2026-01-02")[0], "02/03/2026": None},
    ),
    "booleans": (frame([True, False]), {1: True, "no": False, 7: None, "x": None}),
    "durations": (frame(hours(1, 2)), {"01:30": hours(1.5)[0], "x": None}),
}


@pytest.mark.filterwarnings("ignore:Column 'c' is read")
@pytest.mark.parametrize("case", BY_ITSELF)
def test_what_is_read_does_not_depend_on_the_other_values(case):
    fitted, expected = BY_ITSELF[case]
    reader = ColumnReader().fit(fitted)
    values, read = [*expected], [*expected.values()]
    assert one(reader.transform(objects(*values))) == read
    assert one(reader.transform(objects(*reversed(values)))) == read[::-1]
    for value in values:
        assert one(reader.transform(objects(value))) == [expected[value]]


def test_equal_values_of_several_types_have_labels_of_their_own():
    reader = ColumnReader().fit(frame(["a", "1"]))
    values = [1, True, 1.0, Decimal("1.0"), Decimal("1.50"), 1.5, np.True_]
    labels = ["1", "True", "1", "1", "1.5", "1.5", "True"]
    for order in (slice(None), slice(None, None, -1)):
        assert one(reader.transform(objects(*values[order]))) == labels[order]


@pytest.mark.parametrize(
    ("fitted", "asked"),
    [(SIZES, ["1", "2,000", "x"]), (US, ["01/02/2026", "01/02/2026", "x"])],
)
def test_values_that_cannot_be_read_are_missing_with_one_warning(fitted, asked):
    reader = ColumnReader().fit(fitted)
    for values in (asked, ["x"], ["x"] * 19, [*["x"] * 20, *asked * 20]):
        with pytest.warns(UserWarning, match="Column 'c' .*'x' as missing") as warned:
            assert one(reader.transform(frame(values)))[-1] is None
        assert len(warned) == 1
    with pytest.raises(ValueError, match=r"were expected, as in fit; got 'x' \(column"):
        reader.transform(frame(["x"] * 20))


def test_iso_dates_beside_another_format_are_dates():
    mixed = [f"{day:02d}.01.2026" for day in range(1, 29)]
    mixed[1::3] = [f"2026-01-{day:02d}" for day in range(2, 29, 3)]
    read = ColumnReader().fit_transform(frame(mixed))
    assert one(read) == [pd.Timestamp(2026, 1, day) for day in range(1, 29)]


def test_tuples_are_labels():
    pairs = [(1, "x"), (2, "y")] * 3
    reader = ColumnReader().fit(frame(pd.Categorical(pairs)))
    labels = [str(pair) for pair in pairs]
    assert one(reader.transform(frame(pd.Categorical(pairs)))) == labels
    assert one(reader.transform(objects(*pairs))) == labels


NUMBERS = st.floats(allow_infinity=False) | st.integers(-(2**70), 2**70)
WRITTEN = st.text(max_size=12) | st.sampled_from(
    [
        "1,234",
        "1.5",
        "-",
        "?",
        "007",
        "12/25/2025",
        "01/02/2026",
        "2026-01-01",
        "9:30",
        "2026-01-01T10:00Z",
        "Nov 2026",
        "True",
        "1e999",
        "2 days",
        "25.12.99 1:00 AM",
        "2026-13",
        "99:99",
        "-0",
        "1.234,5",
    ]
)
MOMENTS = st.dates() | st.datetimes() | st.times() | st.timedeltas()
VALUES = [NUMBERS, WRITTEN, MOMENTS, st.booleans(), st.decimals(allow_nan=False)]
CELLS = st.one_of(*(st.lists(values | st.none(), min_size=1) for values in VALUES))
CELLS |= st.lists(st.one_of(*VALUES, st.none(), st.binary(max_size=3)), min_size=1)


@settings(max_examples=40)
@given(fitted=CELLS, asked=CELLS)
def test_any_column_is_read_or_refused_by_name(fitted, asked):
    reader = ColumnReader()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Column 'c' is read")
        try:
            read = reader.fit_transform(objects(*fitted))
            pd.testing.assert_frame_equal(reader.transform(read), read)
            assert len(reader.transform(objects(*asked))) == len(asked)
        except (TypeError, ValueError) as refused:
            assert "(column 'c')" in str(refused)  # noqa: PT017


# Containers ---------------------------------------------------------------------------

MIXED = pd.DataFrame(
    {
        "size": [1.5, NAN, 3.0, 4.0],
        "legs": [4, 6, 6, 8],
        "kind": ["ant", "bee", None, "bee"],
        "seen": stamps("2026-01-01 10:00", "2026-01-02", None, "2026-03-01"),
        "wild": [True, False, True, True],
    }
)
CONTAINERS = {
    "lists": lambda X: X.astype(object).to_numpy().tolist(),
    "an array": lambda X: X.to_numpy(),
    "polars": pl.from_pandas,
    "polars, lazy": lambda X: pl.from_pandas(X).lazy(),
    "pyarrow": pa.Table.from_pandas,
    "types of pyarrow": lambda X: X.convert_dtypes(dtype_backend="pyarrow"),
    "nullable types": lambda X: X.convert_dtypes(),
    "objects": lambda X: X.astype(object),
    "text": lambda X: X.astype("str"),
    "Dask": lambda X: pytest.importorskip("dask.dataframe").from_pandas(X, 2),
}


@pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names")
@pytest.mark.filterwarnings("ignore:Column 'size' is read")
@pytest.mark.parametrize("asked", CONTAINERS)
def test_any_container_is_read_like_a_data_frame(asked):
    X = CONTAINERS[asked](MIXED)
    reader = ColumnReader().fit(MIXED)
    expected = reader.transform(MIXED)
    if asked == "text":  # pandas writes None as text, too
        X = X.where(MIXED.notna(), None)
    pd.testing.assert_frame_equal(reader.transform(X), expected, check_dtype=False)
    # The same, fitted the other way round; of strings alone, booleans are labels.
    other = ColumnReader().fit(X)
    names = MIXED.columns[: 4 if asked == "text" else 5]
    for kind, same in zip(other.kinds_[: len(names)], reader.kinds_, strict=False):
        assert kind.name == same.name
    read = other.transform(MIXED).set_axis(MIXED.columns, axis=1)[names]
    pd.testing.assert_frame_equal(read, expected[names], check_dtype=False)


def test_numbers_stay_an_array_if_a_frame_is_asked():
    reader = ColumnReader().fit(np.eye(2))
    with pytest.warns(UserWarning, match="X has feature names"):
        asked = reader.transform(pd.DataFrame({"a": ["1", "2"], "b": [True, False]}))
    np.testing.assert_array_equal(asked, [[1, 1], [2, 0]])


def test_a_reader_pickles_and_a_clone_reads_as_it_does():
    reader = ColumnReader().fit(AWARE)
    asked = reader.transform(AWARE)
    same = pickle.loads(pickle.dumps(reader))
    pd.testing.assert_frame_equal(same.transform(AWARE), asked)
    # A pipeline that is fitted to a table that was read already.
    kept = clone(ColumnReader(ColumnReader().fit(US).kinds_)).fit(DAYS)
    with pytest.raises(ValueError, match="swapped"):
        kept.transform(frame(["25/12/2025"]))


def test_a_wide_table_is_read_without_a_warning():
    X = pd.DataFrame(np.eye(5, 1000)).astype(dict.fromkeys(range(50), object))
    reader = ColumnReader().fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert reader.transform(X).shape == (5, 1000)


# What becomes of numbers, dates and orders --------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([1_700_000_000.0 + i for i in range(9)], id="seconds"),
        pytest.param([BIG + i for i in range(9)], id="ids"),
        pytest.param([2**63 + i for i in range(9)], id="unsigned"),
    ],
)
def test_single_precision_merges_no_values(values):
    X = frame(values)
    for table in (X, X.to_numpy(), X.assign(other=0.5)):
        floats = Floats().fit(table).transform(table)
        assert len(np.unique(floats[:, 0].astype(np.float32))) == 9
    gaps = tables.read(objects(*values, None))
    floats = Floats().fit(gaps).transform(gaps)
    assert len(np.unique(floats[:9].astype(np.float32))) == 9
    assert np.isnan(floats[9])


def test_numbers_that_single_precision_tells_apart_stay_as_they_are():
    X = np.random.default_rng(0).normal(1000, 10, size=(500, 2)).round(2)
    np.testing.assert_array_equal(Floats().fit(X).transform(X), X)
    ids = np.array([[BIG], [BIG + 1]])
    floats = Floats().fit(ids).transform(np.array([[-9 * BIG * 10], [BIG + 2]]))
    np.testing.assert_allclose(floats[:, 0], [-91.0 * BIG, 2])


def test_a_large_table_is_kept_in_single_precision_if_that_loses_nothing():
    X = np.random.default_rng(0).normal(size=(60_000, 20))
    for table in (X, X.astype(np.float32), pd.DataFrame(X)):
        floats = Floats().fit(table).transform(table)
        assert floats.dtype == np.float32
        np.testing.assert_array_equal(floats, X.astype(np.float32))
    assert Floats().fit(X[:100]).transform(X[:100]).dtype == float
    days = np.random.default_rng(1).integers(0, 40_000 * 86_400, 60_000) / 86_400
    for lost in (np.arange(BIG, BIG + 60_000 * 300, 300), days):
        X[:, 3] = lost
        assert Floats().fit(X).transform(X).dtype == float
        np.testing.assert_array_equal(Floats().fit(X).transform(X)[:, 0], X[:, 0])
    single = Floats().fit(X.astype(np.float32)).transform(np.full((2, 20), 1e300))
    assert np.isfinite(single).all()


@pytest.mark.parametrize("unit", [1e39, 1e300, 1e-42, 1e-310])
def test_columns_beyond_single_precision_are_those_of_another_unit(unit):
    X = np.random.default_rng(0).normal(size=(50, 2)) * unit
    X[:, 1] = 1.0
    X[3, 0] = NAN
    reader = Floats().fit(X)
    floats = reader.transform(X)
    assert len(np.unique(floats[:, 0].astype(np.float32))) == 50
    np.testing.assert_allclose(floats[:, 0] / floats[0, 0], X[:, 0] / X[0, 0])
    assert np.nanmax(np.abs(floats[:, 0])) <= 1
    assert (floats[:, 1] == 1).all()
    assert np.isfinite(reader.transform([[1e308, 0], [-1e308, 1e-308]])).all()


def test_xgboost_takes_any_unit():
    """Of the boosters, it alone computes in single precision."""
    X = np.random.default_rng(0).normal(size=(120, 2))
    y = (X[:, 0] > 0).astype(int)
    scores = [
        EvolvedPipelineClassifier(
            genome=partial(pipeline, models=["xgboost"]),
            population_size=1,
            generations=1,
            cv=2,
            random_state=0,
            error_score="raise",
        )
        .fit(X * unit, y)
        .best_score_
        for unit in (1.0, 1e39)
    ]
    assert scores[0] == scores[1] > 0.8


def test_hours_are_those_of_the_time_zone():
    X = tables.read(frame(stamps("2026-01-01 00:30", "2026-07-01 00:30", tz=BERLIN)))
    preparation = make_preparation(tables.spec_of(X, [0, 1]), {"imputation": "none"})
    dates = preparation.fit_transform(X)
    assert dates[:, 4].tolist() == [0, 0]
    assert dates[0, :3].tolist() == [2026, 1, 1]
    assert dates[0, 5] == pd.Timestamp("2025-12-31 23:30").timestamp() / 86400


def test_ordered_categories_keep_their_order():
    sizes = ["small", "medium", "large", "huge"]
    column = pd.Categorical([*sizes, None], categories=sizes, ordered=True)
    X = pd.DataFrame({"kind": list("aabba"), "size": column})
    reader = ColumnReader().fit(X)
    spec = tables.spec_of(X, [0, 1, 0, 1, 0])
    assert spec.columns[1].order == tuple(sizes)
    genes = {"encoding": "ordinal", "min_frequency": 0.05}
    preparation = make_preparation(spec, genes).fit(reader.transform(X))
    asked = pd.DataFrame({"kind": list("aaa"), "size": ["huge", "unknown", "small"]})
    np.testing.assert_array_equal(
        preparation.transform(reader.transform(asked))[:, 1], [4, -1, 1]
    )


def test_every_known_pipeline_takes_ordered_categories():
    rng = np.random.default_rng(0)
    column = pd.Categorical.from_codes(rng.integers(0, 3, 60), list("lmh"), True)
    X = tables.read(pd.DataFrame({"size": column, "n": rng.normal(size=60)}))
    y = np.arange(60) % 2
    spec = tables.spec_of(pd.DataFrame({"size": column, "n": X["n"]}), y)
    genome = pipeline(spec, models=["svm"])
    known = next(one for one in well_known(spec) if "svm" in one["model"])
    for encoding in ("onehot", "ordinal", "target"):
        genes = {"preparation": {"encoding": encoding}}
        whole = genome.complete({**known, **genes}, rng)
        build = PipelineBuilder(spec, probabilities=False)
        assert build(express(whole), 0).fit(X, y).predict(X).shape == (60,)


# From end to end ----------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.filterwarnings("ignore:Column 'price' is read")
def test_estimator_and_best_pipeline_agree_on_raw_tables():
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    # Two digits of the price and the month tell the classes apart.
    price = [
        f"{1000 + 500 * t + e:,.1f}" for t, e in zip(y, rng.random(80), strict=True)
    ]
    price[3] = "?"
    day = pd.Series(pd.Timestamp("2026-01-15") + pd.to_timedelta(90 * y, "D"))
    X = pd.DataFrame({"price": price, "day": day, "kind": rng.choice(list("ab"), 80)})
    search = EvolvedPipelineClassifier(
        genome=partial(pipeline, models=["svm"]),
        population_size=1,
        generations=1,
        cv=2,
        random_state=0,
    ).fit(X, y)
    assert search.best_score_ > 0.95
    best = pickle.loads(pickle.dumps(search.best_estimator_))
    asked = [
        X,
        X.assign(day=day.dt.strftime("%m/%d/%Y")),
        X.to_numpy(),
        X.to_numpy().tolist(),
        pl.from_pandas(X),
    ]
    for table in asked:
        np.testing.assert_array_equal(search.predict(table), search.predict(X))
        np.testing.assert_array_equal(best.predict(table), search.predict(X))
    assert search.score(X, y) > 0.95
    with pytest.raises(ValueError, match=r"got dates in UTC .*'day'"):
        search.predict(X.assign(day=day.dt.tz_localize("UTC")))
    with pytest.raises(ValueError, match=r"numbers .*got 'cheap' .*'price'"):
        best.predict(X.assign(price="cheap"))
