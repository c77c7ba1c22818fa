"""Files and Dask DataFrames are read in parts, the same ones in each pass."""

import sys

import numpy as np
import pandas as pd
import pytest

from sknevo import large_tables
from sknevo.large_tables import is_large, source_of

pytest.importorskip("pyarrow")
dd = pytest.importorskip("dask.dataframe")


def table(n=100, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "size": rng.normal(size=n),
            "legs": np.arange(n),
            "kind": pd.Categorical(rng.choice(["ant", "bee"], n)),
            "label": rng.choice(["wild", "tame"], n),
        }
    )


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(large_tables, "PART_CELLS", 3 * 30)


def parts_of(source, **options):
    return [*source.map(lambda part: part, **options)]


def joined(parts):
    return pd.concat([part.X for part in parts], ignore_index=True)


def test_parts_have_the_same_rows_whatever_is_read(tmp_path):
    path = tmp_path / "a.parquet"
    table().to_parquet(path, row_group_size=37)
    source = source_of(path, "label")
    assert source.columns == ["size", "legs", "kind"]
    parts = parts_of(source)
    assert [len(part.X) for part in parts] == [30, 30, 30, 10]
    assert joined(parts).legs.tolist() == list(range(100))
    labels = parts_of(source, columns=[])
    for part, same in zip(parts, labels, strict=True):
        assert same.X.shape == (len(part.X), 0)
        np.testing.assert_array_equal(part.y, same.y)


def test_some_parts_with_arguments(tmp_path):
    path = tmp_path / "a.parquet"
    table().to_parquet(path)
    for source in (source_of(path), source_of(dd.from_pandas(table(), 4))):
        arguments = {1: ("a",), 2: ("b",)}
        told = source.map(lambda part, name: (len(part.X), name), arguments)
        assert [name for _, name in told] == ["a", "b"]


def test_files_of_a_folder_follow_their_numbers(tmp_path):
    for i in range(12):
        table()[i * 8 : i * 8 + 8].to_parquet(tmp_path / f"part.{i}.parquet")
    (tmp_path / "_SUCCESS").touch()
    read = joined(parts_of(source_of(tmp_path, "label")))
    assert read.legs.tolist() == list(range(96))


def test_the_index_of_pandas_is_no_column(tmp_path):
    path = tmp_path / "a.parquet"
    table().set_index(np.arange(100) * 2).to_parquet(path, index=True)
    assert source_of(path, "label").columns == ["size", "legs", "kind"]


@pytest.mark.parametrize(
    "name", ["a.CSV", pytest.param("a.csv.gz", marks=pytest.mark.slow)]
)
def test_csv_whose_later_rows_are_of_another_type(tmp_path, name):
    n = 20_000
    frame = pd.DataFrame({"count": np.arange(n).astype(str), "day": "2026-01-01"})
    frame["empty"] = None
    frame.loc[n - 1] = ["0.5", "unknown", "late"]
    frame["label"] = np.arange(n) % 2
    frame["padding"] = 50 * "."  # a megabyte in all: pyarrow learns the types from less
    frame.to_csv(tmp_path / name, index=False)
    parts = parts_of(source_of(tmp_path / name, "label"))
    last = parts[-1].X.iloc[-1, :3]
    assert last.tolist() == [0.5, "unknown", "late"]
    assert parts[0].y.dtype.kind == "i"


@pytest.mark.parametrize("as_y", [str, dd.Series, np.ndarray])
def test_partitions_are_parts(as_y):
    frame = dd.from_pandas(table(), 4)
    y = {str: "label", dd.Series: frame["label"], np.ndarray: table().label.to_numpy()}
    X = frame if as_y is str else frame.drop(columns="label")
    source = source_of(X, y[as_y])
    parts = parts_of(source)
    assert [len(part.X) for part in parts] == [25] * 4
    np.testing.assert_array_equal(source.targets().y, table().label)


def test_files_that_dask_reads_stay_parts_if_few_columns_are_read(tmp_path):
    for i in range(6):
        table()[i * 8 : i * 8 + 8].to_parquet(tmp_path / f"part.{i}.parquet")
    frame = dd.read_parquet(tmp_path)
    for y in ("label", frame["label"]):
        source = source_of(frame if isinstance(y, str) else frame[["size", "legs"]], y)
        assert [len(part.y) for part in parts_of(source, columns=[])] == [8] * 6
        assert joined(parts_of(source)).legs.tolist() == list(range(48))


def test_weights_of_zero_do_not_count():
    frame = dd.from_pandas(table(), 4)
    weights = (frame["legs"] >= 60) * 2.0
    parts = parts_of(source_of(frame, "label", weights))
    assert [len(part.counted.X) for part in parts] == [0, 0, 15, 25]


ERRORS = {
    "no file": (lambda p: source_of(p / "b.parquet", "label"), "no file or folder"),
    "a suffix": (lambda p: source_of(p / "a.txt", "label"), r"ends with \.parquet"),
    "a mixture": (lambda p: source_of(p, "label"), "of one format; got"),
    "an empty folder": (lambda p: source_of(p / "empty", "label"), "got no file"),
    "no column": (
        lambda p: source_of(p / "a.parquet", "labels"),
        "has no column 'labels'; its columns are 'size', 'legs'",
    ),
    "no weights": (
        lambda p: source_of(dd.from_pandas(table(), 2), "label", "w"),
        "X has no column 'w'",
    ),
    "an array": (
        lambda p: source_of(p / "a.parquet", table().label),
        "X is the path '.*', so y must be the name of one of its columns; got Series",
    ),
    "twice": (
        lambda p: source_of(
            dd.from_pandas(table(), 2), dd.from_pandas(table(), 2).kind
        ),
        "y is given twice: X has the column 'kind', too",
    ),
    "partitions": (
        lambda p: source_of(
            dd.from_pandas(table()[["size"]], 2), dd.from_pandas(table(), 3).label
        ),
        "y must have the partitions of X: X has 2, y 3",
    ),
    "a length": (
        lambda p: source_of(dd.from_pandas(table()[["size"]], 2), [1, 2]),
        "y must have 100 values, as X has; got 2",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_what_cannot_be_read_is_said(case, tmp_path):
    table().to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.txt").touch()
    (tmp_path / "empty").mkdir()
    ask, message = ERRORS[case]
    with pytest.raises(ValueError, match=message):
        ask(tmp_path)


def test_without_pyarrow_the_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r'needs pyarrow\..* "\.\[dask\]"'):
        source_of(tmp_path / "a.parquet")


def test_only_paths_and_dask_frames_are_large():
    assert not any(map(is_large, [table(), table().to_numpy(), [[1]], None]))
    assert is_large("a.csv")
    assert is_large(dd.from_pandas(table(), 2))
