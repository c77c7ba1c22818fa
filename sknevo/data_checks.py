"""What scikit-learn lacks for data: checks, a random part, moments, a checksum."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils.validation import _num_samples

# Rows that a message names. Chosen, not measured.
MOST_SHOWN = 5
# What to do with a column that holds words.
ENCODE = (
    "Encode it as numbers, or take EvolvedPipelineClassifier or "
    "EvolvedPipelineRegressor, which take columns of any kind."
)


@contextmanager
def plain_values(name: str, values: Any) -> Iterator[None]:
    """Refuse masked values, and name the data whose conversion overflows inside."""
    if np.ma.is_masked(values):  # scikit-learn would drop the mask without a word
        raise ValueError(
            f"{name} has masked values: fill them, or set them to NaN if missing "
            "values are accepted."
        )
    try:
        yield
    except OverflowError as error:
        raise ValueError(
            f"{name} contains a value too large for a float: {error}."
        ) from error


def plain_column(name: str, values: Any) -> Any:
    """Return labels, targets or groups as numpy has them.

    Those of other types than numpy's become integers, booleans, floats or strings, and
    so do objects that are all numbers. A missing value, and values of several types,
    are a ValueError.
    """
    from pandas import isna
    from pandas.api.types import infer_dtype

    # In an array of its own type, a list of words would have "nan" as a word.
    kept = None if hasattr(values, "dtype") else object
    array = np.asarray(values, kept)
    missing = isna(array)
    if np.any(missing):
        rows = np.flatnonzero(missing.any(axis=tuple(range(1, array.ndim))))
        held = sorted({repr(value) for value in array[missing].tolist()})
        more = ", ..." if len(rows) > MOST_SHOWN else ""
        raise ValueError(
            f"{name} must not have missing values; got {' and '.join(held)} in "
            f"{len(rows)} of {len(array)} rows: "
            f"{', '.join(map(str, rows[:MOST_SHOWN]))}{more}. Leave these rows out."
        )
    if kept is None and array.ndim:  # scikit-learn makes floats of types with a mask
        values = array
    if array.dtype != object or array.shape[1:] not in ((), (1,)):
        return values
    column = array.ravel()
    match infer_dtype(column, skipna=False):
        case "integer" | "floating" | "mixed-integer-float" | "boolean":
            return np.array(array.tolist())
        case "mixed" | "mixed-integer" if len(kinds := set(map(type, column))) > 1:
            named = " and ".join(sorted(kind.__name__ for kind in kinds))
            raise ValueError(f"{name} must hold values of one type; got {named}.")
    return values


def first_word(values: Any) -> tuple[int, Any] | None:
    """Return place and value of the first that is no number; None if all are.

    A number may be written as text, and a missing value counts as one.
    """
    from pandas import isna

    objects = np.asarray(values, object)
    for place in np.flatnonzero(~isna(objects)):
        with suppress(OverflowError):  # a number, if a large one
            try:
                float(objects[place])
            except (TypeError, ValueError):
                return int(place), objects[place]
    return None


@contextmanager
def explained(X: Any, names: Any = None) -> Iterator[None]:
    """Note on errors of an estimator what it cannot read in X.

    `names` are those of the columns that `fit` saw, None if they had none.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        for name, column in _columns(X):
            found = first_word(column)
            if found is not None and f"to float: {found[1]!r}" in str(error):
                error.add_note(
                    f"Column {name!r} of X holds {found[1]!r} in row {found[0]}. "
                    f"{ENCODE}"
                )
        if names is not None and not hasattr(X, "columns"):
            error.add_note(
                f"In fit, X had the columns {', '.join(map(repr, names))}; here it is "
                f"of type {type(X).__name__}, without names of columns."
            )
        raise


def _columns(X: Any) -> Iterator[tuple[Any, Any]]:
    """Yield name and values of the columns of a table that may hold words."""
    if hasattr(X, "iloc") and hasattr(X, "columns"):
        for i, name in enumerate(X.columns):
            if X.dtypes.iloc[i].kind not in "biuf":
                yield name, X.iloc[:, i]
    elif isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind in "OUS":
        yield from enumerate(X.T)


def check_count(name: str, value: Any, least: int = 1) -> None:
    """Refuse a parameter that is no whole number, or less than the least."""
    if not isinstance(value, Integral) or value < least:
        raise ValueError(
            f"{name} must be a whole number of at least {least}; got {value!r}."
        )


def check_enough(X: Any) -> None:
    """Refuse fewer than two samples: one part is to train on and one to test on."""
    if (n := _num_samples(X)) < 2:
        raise ValueError(f"Found {n} sample; at least 2 samples are required to fit.")


def random_rows(n_samples: int, n_rows: int) -> np.ndarray:
    """Return up to n_rows different indices in order, the same ones each time.

    Every k-th sample would not do: interleaved data would show only one of their kinds.
    """
    rng = np.random.default_rng(0)
    return np.sort(rng.choice(n_samples, min(n_rows, n_samples), replace=False))


def mean_and_std(
    values: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the standard deviation of columns, in whatever unit.

    A column of equal values has exactly these as its mean and 0 as its deviation, which
    rounding might miss.

    Parameters
    ----------
    values : ndarray of shape (n_samples,) or (n_samples, n_columns)
        Finite numbers or booleans.
    weights : ndarray of shape (n_samples,) or None, default=None
        Weights; a common factor has no effect.
    """
    low, high = (limit(axis=0).astype(float) for limit in (values.min, values.max))
    # Squares of huge values overflow. To divide by a power of two rounds nothing.
    exponent = np.frexp(np.maximum(np.abs(low), np.abs(high)))[1]
    shares = np.ldexp(values.astype(float), -exponent)
    mean = np.average(shares, axis=0, weights=weights)
    std = np.sqrt(np.average((shares - mean) ** 2, axis=0, weights=weights))
    varies = low < high
    return (
        np.where(varies, np.ldexp(mean, exponent), low),
        np.where(varies, np.ldexp(std, exponent), 0.0),
    )


def fingerprint(*values: Any) -> str:
    """Return 16 hexadecimal digits that are the same for equal data on any machine.

    Parameters
    ----------
    *values : array-like, sparse matrix, DataFrame, Series or plain JSON
        The mask of a masked array counts, too. An object with an attribute
        `fingerprint`, such as an `ImageStream`, counts by that.
    """
    digest = hashlib.sha256()
    for value in values:
        _feed(digest, value)
    return digest.hexdigest()[:16]


def _feed(digest: Any, value: Any) -> None:
    if hasattr(value, "iloc"):
        _feed_frame(digest, value)
    elif isinstance(value, np.ndarray):
        _feed_array(digest, value)
    elif hasattr(value, "tocsr"):
        rows = value.tocsr()
        _feed(digest, [rows.shape, rows.data, rows.indices, rows.indptr])
    elif isinstance(value, Mapping):
        _feed(digest, [[name, value[name]] for name in sorted(value)])
    elif isinstance(value, list | tuple):
        digest.update(f"{len(value)} items".encode())
        for item in value:
            _feed(digest, item)
    else:
        _feed_other(digest, value)


def _feed_array(digest: Any, array: np.ndarray) -> None:
    digest.update(f"{array.dtype} {array.shape}".encode())
    if isinstance(array, np.ma.MaskedArray):
        _feed_array(digest, np.ma.getmaskarray(array))
        array = np.ma.getdata(array)
    if array.size and isinstance(array.flat[0], np.ndarray):  # images of many sizes
        _feed(digest, array.ravel().tolist())
        return
    if array.dtype.hasobject:
        from pandas.util import hash_array

        # The bytes of an object array are addresses, which differ in every process.
        array = hash_array(array.ravel(), categorize=False)
    digest.update(np.ascontiguousarray(array).view(np.uint8).data)


def _feed_other(digest: Any, value: Any) -> None:
    if hasattr(value, "fingerprint"):
        digest.update(value.fingerprint.encode())
    elif hasattr(value, "__array__"):  # a tensor, or an array of another library
        _feed(digest, [str(getattr(value, "dtype", "")), np.asarray(value)])
    else:
        digest.update(repr(value).encode())


def _feed_frame(digest: Any, frame: Any) -> None:
    """Hash values, names and types, but not the index."""
    from pandas.util import hash_pandas_object

    names = list(getattr(frame, "columns", [getattr(frame, "name", None)]))
    kinds = list(map(str, np.atleast_1d(frame.dtypes)))
    _feed(digest, [names, kinds])
    _feed(digest, hash_pandas_object(frame, index=False).to_numpy())
