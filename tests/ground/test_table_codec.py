"""Tables of all kinds become parts of a generator, and come back as they were."""

import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.stats import kstest

from sknevo.table_codec import FrameNumbers, TableCodec

N = 90
DRAW = np.random.default_rng(0)
DAYS = pd.Timestamp("2020-01-01") + pd.to_timedelta(DRAW.integers(0, 400, N), unit="D")
MOMENTS = DAYS + pd.to_timedelta(DRAW.integers(0, 86400, N), unit="s")


def with_gaps(values, every=7):
    column = pd.Series(values)
    return column.where(np.arange(N) % every != 0)


COLUMNS = {
    "normal": DRAW.normal(size=N),
    "skewed": np.exp(3 * DRAW.normal(size=N)),
    "modes": DRAW.choice([-5.0, 0.0, 5.0], N) + 0.1 * DRAW.normal(size=N),
    "mostly zero": np.where(DRAW.random(N) < 0.8, 0, DRAW.exponential(size=N)),
    "gaps": with_gaps(DRAW.normal(size=N)),
    "single": DRAW.normal(size=N).astype("f4"),
    "big-endian": DRAW.normal(size=N).astype(">f8"),
    "decimals": np.round(DRAW.normal(size=N), 2),
    "hundreds": 100 * DRAW.integers(0, 99, N),
    "few": DRAW.integers(0, 5, N).astype("u1"),
    "counts": pd.Series(DRAW.integers(0, 10**6, N))
    .astype("Int64")
    .where(np.arange(N) % 5 != 0),
    "large": 2**53 - DRAW.integers(0, 10**9, N),
    "bool": DRAW.random(N) < 0.5,
    "nullable bool": with_gaps(pd.array(DRAW.random(N) < 0.5, "boolean")),
    "category": pd.Categorical(DRAW.choice([*"abc"], N), [*"cabd"], ordered=True),
    "number as category": pd.Categorical(DRAW.choice([1, 2, 7], N)),
    "words": with_gaps(DRAW.choice(["red", "green", "?"], N)),
    "objects": pd.Series(DRAW.choice(["one", "two"], N), dtype=object).where(
        np.arange(N) % 9 != 0, None
    ),
    "true or word": pd.Series([True, "no", 3] * (N // 3), dtype=object),
    "numbers as objects": pd.Series([*range(N)], dtype=object),
    "decimal objects": pd.Series([Decimal(i) / 4 for i in range(N)], dtype=object),
    "numbers as text": [f"{v:.2f}" for v in DRAW.normal(size=N)],
    "constant": 2.5,
    "constant word": "x",
    "only gaps": np.nan,
    "half constant": np.where(np.arange(N) % 2, 4.0, np.nan),
    "days": DAYS,
    "moments": pd.Series(MOMENTS).astype("datetime64[ns]").where(np.arange(N) % 4 != 0),
    "zone": MOMENTS.tz_localize(
        "Europe/Vienna", ambiguous=True, nonexistent="shift_forward"
    ),
    "months": DAYS.to_period("M"),
    "durations": MOMENTS - MOMENTS[0],
    "dates as text": DAYS.strftime("%Y-%m-%d"),
    "moments as text": MOMENTS.strftime("%d.%m.%Y %H:%M"),
    "dates as objects": pd.Series([*DAYS.date], dtype=object),
    "sparse": pd.arrays.SparseArray(DRAW.integers(0, 2, N).astype(float)),
}


CODINGS = "quantiles", "modes"


def round_trip(X, coding="quantiles"):
    frame = FrameNumbers(X)
    numbers = frame.read(X)
    codec = TableCodec(numbers, frame.are_labels, coding=coding)
    frame, codec = pickle.loads(pickle.dumps((frame, codec)))
    encoded = codec.encode(numbers)
    assert encoded.shape == (len(numbers), codec.width)
    # Floats round what is far from 0.
    assert np.abs(encoded).max(initial=0) <= 1 + 1e-6
    return frame.write(codec.decode(encoded))


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("name", COLUMNS)
def test_columns_come_back_as_they_were(name, coding):
    X = pd.DataFrame({name: pd.Series(COLUMNS[name], range(N))})
    pd.testing.assert_frame_equal(round_trip(X, coding), X, rtol=1e-9)


def test_frames_of_all_libraries_come_back_as_they_were():
    names = ["normal", "gaps", "few", "counts", "bool", "words", "days", "durations"]
    X = pd.DataFrame({name: pd.Series(COLUMNS[name], range(N)) for name in names})
    X = X.assign(day=pd.Series(COLUMNS["dates as objects"]))
    for frame in (pl.from_pandas(X), pa.Table.from_pandas(X, preserve_index=False)):
        again = round_trip(frame)
        assert type(again) is type(frame)
        assert str(again.schema) == str(frame.schema) or isinstance(frame, pa.Table)
        pd.testing.assert_frame_equal(
            pl.DataFrame(again).to_pandas(), pl.DataFrame(frame).to_pandas(), rtol=1e-9
        )
    arrow = X.drop(columns="day").convert_dtypes(dtype_backend="pyarrow")
    pd.testing.assert_frame_equal(round_trip(arrow), arrow, rtol=1e-9)
    names = X.set_axis([*range(8), "a"], axis=1)
    pd.testing.assert_frame_equal(round_trip(names), names, rtol=1e-9)


@settings(max_examples=25)
@given(
    arrays.arrays(
        float,
        st.tuples(st.integers(1, 80), st.just(1)),
        elements=st.one_of(
            st.just(np.nan),
            st.sampled_from([0.0, 1.0, -7.25]),
            st.integers(-(10**9), 10**9).map(float),
            st.floats(-1e100, 1e100),
        ),
    )
)
def test_any_numbers_come_back_as_they_were(numbers):
    room = 1e-12 * np.ptp(np.nan_to_num(numbers))
    for codec in TableCodec.of_all_codings(numbers, [False]).values():
        again = codec.decode(codec.encode(numbers))
        np.testing.assert_allclose(again, numbers, rtol=1e-9, atol=room)


def test_quantiles_make_any_column_normal():
    draw = np.random.default_rng(0)
    # Many are 0, few are far out.
    numbers = np.where(draw.random(4000) < 0.6, 0.0, draw.exponential(size=4000) ** 5)
    (column,) = TableCodec(numbers[:, None], [False], coding="quantiles").columns
    scores = column.encode(numbers, draw)[:, 0]
    assert np.abs(scores).max() == pytest.approx(1)
    scores *= column.spread.bound
    assert kstest(scores, "norm").pvalue > 0.1
    np.testing.assert_allclose(
        column.decode(scores[:, None] / column.spread.bound), numbers
    )
    # Without random numbers, the same one has the same score.
    assert len(set(column.encode(np.zeros(5))[:, 0])) == 1
    # What was not seen lies between its neighbours, or at the ends.
    known = np.unique(numbers)
    new = np.array([-1.0, (known[7] + known[8]) / 2, 1e9])
    decoded = column.decode(column.encode(new))
    np.testing.assert_allclose(decoded, [0, new[1], known[-1]])
