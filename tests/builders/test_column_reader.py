"""What columns of tables hold, and what becomes of them."""

import datetime as dt
import decimal
import uuid

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from sknevo.builders.pipeline._columns import ColumnReader
from sknevo.records import Column, Sparsity


def read(X):
    return ColumnReader().fit(X).transform(X)


def describe(X):
    reader = ColumnReader().fit(X)
    return reader.describe(reader.transform(X))


def described(values, dtype=None):
    """Return the description of one column of a DataFrame."""
    frame = pd.DataFrame({"c": pd.Series(values, dtype=dtype)})
    (column,) = describe(frame)
    return column.kind, column.n_unique, column.missing


# What columns hold ---------------------------------------------------------------

DAYS = pd.to_datetime(["2026-01-01", "2026-02-01", None])
SENTENCES = [f"the {i}th bee" for i in range(40)]
TEXT_1001, LABELS_1250 = ("text", 1001, False), ("categorical", 1250, False)


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1, 2, 3], None, ("numeric", 0, False)),
        ([1.5, None, 2], None, ("numeric", 0, True)),
        ([1, 2, None], object, ("numeric", 0, True)),
        ([1, 2.5, np.nan], object, ("numeric", 0, True)),
        ([10**30, 5], object, ("numeric", 0, False)),
        ([decimal.Decimal("1.5"), None], object, ("numeric", 0, True)),
        ([1, pd.NA, 3], "Int64", ("numeric", 0, True)),
        ([1.5, pd.NA], "Float64", ("numeric", 0, True)),
        (pd.to_timedelta([1, 2, None], "D"), None, ("numeric", 0, True)),
        (pd.arrays.SparseArray([0.0, 0.0, 1.0]), None, ("numeric", 0, False)),
        ([True, False], None, ("boolean", 2, False)),
        ([True, None, False], object, ("boolean", 2, True)),
        ([True, pd.NA], "boolean", ("boolean", 2, True)),
        (DAYS, None, ("datetime", 0, True)),
        (DAYS.tz_localize("Europe/Berlin"), None, ("datetime", 0, True)),
        ([dt.date(2026, 1, 1), None], object, ("datetime", 0, True)),
        ([dt.datetime(2026, 1, 1), None], object, ("datetime", 0, True)),
        (["ant", "bee", "ant"], None, ("categorical", 2, False)),
        (["ant", None, "ant"], object, ("categorical", 1, True)),
        (["ant", 1, "bee"], object, ("categorical", 3, False)),
        (["a", "b", "a"], "category", ("categorical", 2, False)),
        ([1, 2, 1], "category", ("categorical", 2, False)),
        ([None, None], object, ("categorical", 0, True)),
        (SENTENCES, None, ("text", 40, False)),
        (SENTENCES, object, ("text", 40, False)),
        (SENTENCES, "category", ("categorical", 40, False)),
        (SENTENCES[:30], None, ("categorical", 30, False)),
        (SENTENCES * 5, None, ("categorical", 40, False)),
        ([f"the {i}th bee of all bees" for i in range(1001)] * 9, None, TEXT_1001),
        ([f"{i:05}" for i in range(0, 10**5, 80)] * 3, None, LABELS_1250),
        ([f"AB{i}" for i in range(1250)] * 3, "category", LABELS_1250),
        ([f"bee {i}" for i in range(1250)] * 6, None, LABELS_1250),
        ([f"bee {i}" for i in range(1250)] * 3, None, ("text", 1250, False)),
        ([uuid.UUID(int=i).hex for i in range(1250)] * 3, None, LABELS_1250),
        ([f"AB{i}" for i in range(1250)], None, ("text", 1250, False)),
        ([*range(1250)] * 3, None, ("numeric", 0, False)),
    ],
)
def test_the_kind_of_a_column_follows_from_its_values(values, dtype, expected):
    assert described(values, dtype) == expected


def test_columns_of_an_array_are_numeric_and_known_by_position():
    X = np.array([[1, np.nan], [3, 4]])
    columns = describe(X)
    assert [(c.name, c.kind, c.missing) for c in columns] == [
        (0, "numeric", False),
        (1, "numeric", True),
    ]
    assert not describe(np.eye(2, dtype=int))[0].missing


def test_columns_of_a_data_frame_are_known_by_name():
    frame = pd.DataFrame({"size": [1.0, 2.0], "kind": ["ant", "bee"]})
    assert [c.name for c in describe(frame)] == ["size", "kind"]


# What becomes of the table -------------------------------------------------------


def test_numbers_stay_an_array():
    for X in ([[1, 2], [3, 4]], np.eye(2, dtype=np.float32), np.eye(2, dtype=bool)):
        table = read(X)
        assert isinstance(table, np.ndarray)
        assert table.dtype.kind in "fib"
        np.testing.assert_array_equal(table, X)


def test_an_array_of_objects_becomes_a_table_with_typed_columns():
    X = np.array([[1, "ant", True], [2.5, "bee", None]], dtype=object)
    table = read(X)
    assert [c.kind for c in describe(table)] == [
        "numeric",
        "categorical",
        "boolean",
    ]
    assert table[0].dtype == float


def test_an_array_of_text_becomes_a_table():
    kinds = [c.kind for c in describe(np.array([["a"], ["b"]]))]
    assert kinds == ["categorical"]


def test_objects_that_are_numbers_become_numbers():
    frame = pd.DataFrame({"n": [1, 2, None], "k": list("abc")}, dtype=object)
    table = read(frame)
    assert table["n"].dtype == float
    assert table["k"].tolist() == list("abc")


def odd_frames():
    kinds = {"a": [1, None], "b": [True, None], "c": ["x", 1]}
    yield "objects", pd.DataFrame(kinds, dtype=object)
    yield "sparse", pd.DataFrame({"s": pd.arrays.SparseArray([0, 1]), "d": [1, 2]})
    yield "int names", pd.DataFrame([[1, "x"], [3, "y"]], dtype=object)
    yield "index", pd.DataFrame({"n": [1, 2]}, dtype=object, index=[7, 7])


@pytest.mark.parametrize(
    "frame", [pytest.param(frame, id=name) for name, frame in odd_frames()]
)
def test_the_users_frame_is_never_changed(frame):
    before, dtypes = frame.copy(deep=True), frame.dtypes.copy()
    table = read(frame)
    assert table is not frame
    table.iloc[0, 0] = 99
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_series_equal(frame.dtypes, dtypes)


@pytest.mark.parametrize(
    "frame", [pytest.param(frame, id=name) for name, frame in odd_frames()]
)
def test_rows_and_columns_keep_their_names_and_order(frame):
    table = read(frame)
    assert table.columns.tolist() == frame.columns.tolist()
    assert table.index.tolist() == frame.index.tolist()
    assert len(describe(table)) == frame.shape[1]


# What is refused -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[np.inf, 1.0]], "contains infinity"),
        (pd.DataFrame({"good": [1.0], "bad": [-np.inf]}), "infinity.*column 'bad'"),
        (pd.DataFrame({"bad": [np.inf, 1]}, dtype=object), "infinity.*column 'bad'"),
        (
            pd.DataFrame({"bad": pd.arrays.SparseArray([np.inf, 0.0])}),
            "infinity.*column 'bad'",
        ),
        (
            pd.DataFrame({"bad": pd.array([np.inf, pd.NA], "Float64")}),
            "infinity.*'bad'",
        ),
        (np.array([[1j]]), "Complex data not supported"),
        (pd.DataFrame({"bad": [1j]}), "Complex data not supported.*'bad'"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "unique column names.*\n.*'a'"),
        (np.zeros((0, 3)), r"0 sample\(s\)"),
        (np.zeros((3, 0)), r"0 feature\(s\)"),
        (pd.DataFrame({"a": []}), r"0 sample\(s\)"),
        (pd.DataFrame(index=[0, 1]), r"0 feature\(s\)"),
        (np.zeros(3), "Expected 2D array"),
        (np.zeros((2, 2, 2)), "Found array with dim 3"),
    ],
)
def test_unusable_tables_are_refused(X, message):
    with pytest.raises(ValueError, match=message):
        read(X)


@pytest.mark.parametrize(
    "values",
    [
        [{"a": 1}, {"a": 2}],
        [[1], [2, 3]],
        [{1}, None],
        ["a", {}],
        [1, {"a": 1}],
        [1.5, [2]],
        [True, object()],
        [1j, 2j],
        [1j, 2],
    ],
)
def test_values_of_unsupported_types_are_refused(values):
    column = np.empty((len(values), 1), dtype=object)
    column[:, 0] = values
    frame = pd.DataFrame({"bad": values}, dtype=object)
    with pytest.raises(TypeError, match="must be a string or a real number"):
        read(frame)
    with pytest.raises((TypeError, ValueError), match=r"real number|Complex"):
        read(column)


# Sparse --------------------------------------------------------------------------

SPARSE = np.array([[0, 2.5, 0, -1], [0, 0, 0, 0], [3, 0, 0, 1]])
FORMATS = ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")


def long_indices(rows):
    rows.indices, rows.indptr = rows.indices.astype("i8"), rows.indptr.astype("i8")
    return rows


def with_stored_zeros(rows):
    return scipy.sparse.csr_array(
        (np.r_[rows.data, 0.0], np.r_[rows.indices, 0], [0, 2, 2, 5]), rows.shape
    )


def sparse_forms():
    """Yield the same values in all forms that are sparse."""
    for form in FORMATS:
        yield f"{form} array", scipy.sparse.coo_array(SPARSE).asformat(form)
        yield f"{form} matrix", scipy.sparse.coo_matrix(SPARSE).asformat(form)
    rows = scipy.sparse.csr_array(SPARSE)
    yield "long indices", long_indices(rows.copy())
    yield "stored zeros", with_stored_zeros(rows)
    yield "unsorted", scipy.sparse.csr_array(rows[:, ::-1])[:, ::-1]
    yield "frame", pd.DataFrame.sparse.from_spmatrix(rows)


def dense_forms():
    yield "array", SPARSE
    yield "list", SPARSE.tolist()
    yield "frame", pd.DataFrame(SPARSE)
    yield "frame of objects", pd.DataFrame(SPARSE, dtype=object)
    yield "frame of text", pd.DataFrame(SPARSE).astype(str)
    yield "half sparse", pd.DataFrame(SPARSE).astype({0: pd.SparseDtype(float, 0.0)})


def forms(made):
    return [pytest.param(X, id=name) for name, X in made()]


@pytest.mark.parametrize("X", forms(sparse_forms))
def test_sparse_forms_are_sorted_rows_without_stored_zeros(X):
    reader = ColumnReader()
    read = reader.fit_transform(X)
    assert (read.format, read.nnz) == ("csr", 4)
    assert (read.indices.dtype, read.dtype) == (np.int32, float)
    np.testing.assert_array_equal(read.toarray(), SPARSE)
    assert read.has_sorted_indices
    assert reader.transform(read).nnz == 4


@pytest.mark.parametrize("X", forms(sparse_forms) + forms(dense_forms))
@pytest.mark.parametrize("fitted", ["array", "csr array", "frame"])
def test_what_fit_has_seen_decides_whether_a_table_is_sparse(fitted, X):
    seen = (dict(sparse_forms()) | {"array": SPARSE})[fitted]
    reader = ColumnReader().fit(seen)
    read = reader.transform(X)
    assert scipy.sparse.issparse(read) == (fitted != "array")
    dense = read if fitted == "array" else read.toarray()
    np.testing.assert_array_equal(dense, SPARSE)


def test_sparse_matrices_become_what_a_frame_of_fit_was():
    reader = ColumnReader().fit(pd.DataFrame(SPARSE, columns=[*"abcd"]))
    with pytest.warns(UserWarning, match="valid feature names"):
        read = reader.transform(scipy.sparse.coo_array(SPARSE))
    assert [*read.columns] == [*"abcd"]
    np.testing.assert_array_equal(read, SPARSE)


def test_a_sparse_table_stays_in_the_precision_of_fit():
    rows = scipy.sparse.csr_array(SPARSE.astype(np.float32))
    reader = ColumnReader()
    assert reader.fit_transform(rows).dtype == np.float32
    assert reader.transform(SPARSE).dtype == np.float32
    assert reader.transform(rows.astype(int)).dtype == np.float32
    assert ColumnReader().fit(rows.astype(float)).transform(rows).dtype == float
    with pytest.raises(ValueError, match="infinity"):
        reader.transform(SPARSE * 1e300)


def test_the_users_sparse_matrix_is_never_changed():
    rows = with_stored_zeros(scipy.sparse.csr_array(SPARSE))
    before = rows.copy()
    ColumnReader().fit_transform(rows)
    assert rows.nnz == 5
    np.testing.assert_array_equal(rows.data, before.data)
    np.testing.assert_array_equal(rows.indices, before.indices)


def test_columns_of_a_sparse_table_are_described():
    rows = scipy.sparse.csr_array(np.where(SPARSE == 1, np.nan, SPARSE))
    reader = ColumnReader()
    read = reader.fit_transform(rows)
    assert reader.describe(read) == tuple(
        Column(i, "numeric", missing=i == 3) for i in range(4)
    )
    assert reader.sparsity(read) == Sparsity(4 / 12, negative=True)
    assert reader.sparsity(SPARSE) is None


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (scipy.sparse.csr_array(SPARSE * 1j), "Complex"),
        (scipy.sparse.csr_array(np.where(SPARSE == 1, np.inf, SPARSE)), "infinity"),
        (scipy.sparse.coo_array(np.ones(3)), "Expected 2D"),
        (scipy.sparse.csr_array((0, 3)), "minimum of 1"),
        (scipy.sparse.csr_array((3, 0)), "minimum of 1"),
    ],
    ids=["complex", "infinite", "one dimension", "no rows", "no columns"],
)
def test_bad_sparse_tables_are_refused(X, message):
    with pytest.raises(ValueError, match=message):
        read(X)


def test_sparse_columns_that_store_more_than_zeros_are_dense():
    gaps = pd.DataFrame({"a": pd.arrays.SparseArray([np.nan, 1.0, np.nan])})
    words = pd.DataFrame({"a": pd.arrays.SparseArray(["x", "y", "y"], fill_value="x")})
    for frame in (gaps, words):
        assert isinstance(read(frame), pd.DataFrame)


# At predict ----------------------------------------------------------------------

FRAME = pd.DataFrame({"size": [1.0, 2.0], "kind": ["ant", "bee"]})


@pytest.fixture
def fitted():
    return ColumnReader().fit(FRAME)


def test_names_are_learned_in_fit(fitted):
    assert fitted.n_features_in_ == 2
    assert fitted.feature_names_in_.tolist() == ["size", "kind"]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (FRAME[["kind", "size"]], "must be in the same order"),
        (FRAME.rename(columns={"kind": "sort"}), "should match(.|\n)*sort"),
        (FRAME.assign(more=1), "unseen at fit time(.|\n)*more"),
        (FRAME[["size"]], "missing(.|\n)*kind"),
    ],
)
def test_other_columns_than_in_fit_are_refused(fitted, frame, message):
    with pytest.raises(ValueError, match=message):
        fitted.transform(frame)


def test_arrays_must_have_the_number_of_columns_of_fit():
    estimator = ColumnReader().fit(np.eye(3))
    assert not hasattr(estimator, "feature_names_in_")
    assert estimator.transform(np.ones((1, 3))).shape == (1, 3)
    with pytest.raises(ValueError, match="expecting 3 features"):
        estimator.transform(np.eye(2))


def test_names_that_are_numbers_are_not_learned():
    estimator = ColumnReader().fit(FRAME.set_axis([0, 1], axis=1))
    assert not hasattr(estimator, "feature_names_in_")
    assert estimator.n_features_in_ == 2
