"""A part of the rows of a large table, which has all classes and fits memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from sys import getsizeof
from typing import NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals
from sklearn.utils.multiclass import check_classification_targets

from sknevo.data_checks import plain_column
from sknevo.large_tables import Census, Source, TablePart, joined

# Megabytes for the table and all that a trial makes of it, if `memory_limit` is None.
# Chosen, not measured.
MEMORY = 500
# The share of them that the sample may take. Chosen, not measured.
SHARE = 0.1
# So many rows of each class are in the sample, or all that there are. Chosen, not
# measured.
FEWEST_OF_CLASS = 20
# So many rows tell how much memory a row takes. Chosen, not measured.
ROWS_SEEN = 1_000
# The only class of regression.
_NO_CLASSES = np.zeros(1, int)


@dataclass(frozen=True)
class Sample:
    """Some rows of a table, in their order, and the census of all."""

    rows: TablePart
    census: Census

    @property
    def is_whole(self) -> bool:
        """Whether the sample is the table."""
        return len(self.rows.X) == self.census.n_rows


def draw_sample(
    source: Source, classifies: bool, megabytes: float | None, seed: int
) -> Sample:
    """Return a random sample, stratified by class, that fits the memory of trials.

    Parts that hold the same rows give the same sample, whatever they come from.

    Parameters
    ----------
    megabytes : float or None
        What a trial may take; the sample takes `SHARE` of it. None stands for `MEMORY`.
    """
    census = _count(source, classifies)
    lengths = census.lengths
    first = int(np.argmax(lengths > 0))
    (row_bytes,) = source.map(_bytes_per_row, {first: ()})
    n_rows = int(SHARE * 1e6 * (megabytes or MEMORY) / row_bytes)
    totals = census.totals
    quotas = np.round(totals * min(1.0, n_rows / census.n_rows)).astype(int)
    quotas = np.maximum(quotas, np.minimum(totals, FEWEST_OF_CLASS))
    rng = np.random.default_rng(seed)
    drawn = np.column_stack(
        [
            rng.multivariate_hypergeometric(counts, quota, method="marginals")
            for counts, quota in zip(census.counts.T, quotas, strict=True)
        ]
    )
    arguments = {
        place: (numbers, [seed, place])
        for place, numbers in enumerate(drawn)
        if numbers.any()
    }
    take = partial(_take_part, census.labels if classifies else None)
    return Sample(_joined([*source.map(take, arguments)]), census)


def _count(source: Source, classifies: bool) -> Census:
    """Return the census of a table; missing targets are refused."""
    counted = [*source.map(partial(_count_part, classifies), columns=[])]
    n_missing = sum(one.n_missing for one in counted)
    n_rows = sum(one.n_rows for one in counted)
    if n_missing:
        raise ValueError(
            f"y must not have missing values; got {n_missing:,} in {n_rows:,} rows. "
            "Leave these rows out."
        )
    if not sum(one.counts.sum() for one in counted):
        raise ValueError("X must have rows, of a weight above zero; it has none.")
    labels = np.unique(np.concatenate([one.labels for one in counted if one.n_rows]))
    counts = np.zeros((len(counted), len(labels)), int)
    for row, one in zip(counts, counted, strict=True):
        row[np.searchsorted(labels, one.labels)] = one.counts
    return Census(labels, counts, sum(one.weight for one in counted))


class _Counted(NamedTuple):
    labels: np.ndarray
    counts: np.ndarray
    n_rows: int
    n_missing: int
    weight: float


def _count_part(classifies: bool, part: TablePart) -> _Counted:
    counted = part.counted
    missing = pd.isna(counted.y)
    known = plain_column("y", counted.y[~missing])
    labels, counts = _NO_CLASSES, np.array([len(known)])
    if classifies:
        check_classification_targets(known)
        labels, counts = np.unique(known, return_counts=True)
    elif not np.isfinite(np.asarray(known, float)).all():
        raise ValueError("Input y contains infinity or a value too large.")
    weights = counted.weights
    if weights is not None and not (weights > 0).all():
        raise ValueError("sample_weight must hold numbers, none of them negative.")
    weight = float(len(counted.y) if weights is None else weights.sum())
    return _Counted(labels, counts, len(part.y), int(missing.sum()), weight)


def _bytes_per_row(part: TablePart) -> float:
    """Return the bytes of a row, whatever the types of columns are."""
    few = part.X[:ROWS_SEEN]
    return sum(map(_bytes_per_value, (column for _, column in few.items())))


def _bytes_per_value(column: pd.Series) -> float:
    if column.dtype.kind in "biufmM":
        return 8.0
    lengths = column.dropna().astype(str).str.len()
    return getsizeof("") + 8 + (lengths.mean() if len(lengths) else 0)


def _take_part(
    labels: np.ndarray | None, part: TablePart, numbers: np.ndarray, seed: Sequence[int]
) -> TablePart:
    """Return so many random rows of each class."""
    part = part.counted
    codes = np.zeros(len(part.y), int)
    if labels is not None:
        codes = np.searchsorted(labels, part.y)
    order = np.random.default_rng(seed).permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    of_class = codes[order]
    ranks = np.arange(len(order)) - np.searchsorted(of_class, of_class)
    return part.take(np.sort(order[ranks < numbers[of_class]]))


def _joined(parts: Sequence[TablePart]) -> TablePart:
    y, weights = (joined([part[i] for part in parts]) for i in (1, 2))
    return TablePart(_joined_frames([part.X for part in parts]), y, weights)


def _joined_frames(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return all rows; categories are those of all frames."""
    if not any(isinstance(kind, pd.CategoricalDtype) for kind in frames[0].dtypes):
        return pd.concat(frames, ignore_index=True)
    columns = []
    for column in zip(*(frame.items() for frame in frames), strict=True):
        pieces = [piece for _, piece in column]
        if all(isinstance(piece.dtype, pd.CategoricalDtype) for piece in pieces):
            same = all(piece.dtype == pieces[0].dtype for piece in pieces)
            joined = pd.Series(union_categoricals(pieces, ignore_order=not same))
        else:
            joined = pd.concat(pieces, ignore_index=True)
        columns.append(joined.rename(pieces[0].name))
    return pd.concat(columns, axis=1)
