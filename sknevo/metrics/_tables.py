"""The feature space of tables with columns of several kinds."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sknevo.data_checks import fingerprint
from sknevo.metrics._features import StandardFeatures, principal_axes

# A number counts by its distance from the median, in units of this share of the middle
# of its column; further than one unit, by the logarithm. Chosen, not measured.
MIDDLE = (0.1, 0.9)


@dataclass(frozen=True, eq=False)
class TableFeatures:
    """The columns of a table, each of the same weight.

    Every column has a variance of 1, as in `StandardFeatures`. Labels and gaps are
    indicators that share this variance among them: so a column of many labels counts no
    more than a number. Long tails of numbers are shortened (asinh): what is usual
    counts, not the greatest. Wide tables are projected as in `StandardFeatures`.

    Parameters
    ----------
    labels : tuple of ndarray or None
        For each column the places of its labels in the table, None for numbers.
    middles, units : ndarray of shape (n_columns,)
        Median and spread of each column of numbers.
    have_gaps : ndarray of bool of shape (n_columns,)
        Whether a column has gaps.
    standard : StandardFeatures
        Scales of all indicators and numbers, and their projection.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.metrics import TableFeatures
    >>> table = np.array([[1.0, 0], [2.0, 1], [3.0, 0], [np.nan, 1]])
    >>> features = TableFeatures.of(table, [False, True])
    >>> features(table).var(axis=0).sum().round(6).item()
    3.0
    """

    labels: tuple[np.ndarray | None, ...]
    middles: np.ndarray
    units: np.ndarray
    have_gaps: np.ndarray
    standard: StandardFeatures

    @classmethod
    def of(cls, table: np.ndarray, are_labels: Any) -> Self:
        """Learn the statistics of real rows.

        Parameters
        ----------
        table : ndarray of shape (n_rows, n_columns)
            Floats; labels as places, NaN for gaps.
        are_labels : sequence of bool
            Whether each column holds labels.

        Returns
        -------
        TableFeatures

        Examples
        --------
        >>> import numpy as np
        >>> from sknevo.metrics import TableFeatures
        >>> TableFeatures.of(np.eye(2), [True, True]).have_gaps.tolist()
        [False, False]
        """
        gaps = np.isnan(table)
        labels = tuple(
            np.unique(column[~np.isnan(column)]) if is_label else None
            for column, is_label in zip(table.T, are_labels, strict=True)
        )
        told = np.where(gaps.all(axis=0), 0.0, table)
        middles = np.nanmedian(told, axis=0)
        low, high = np.nanquantile(told, MIDDLE, axis=0)
        units = high - low
        spread = np.nanstd(told, axis=0)
        units = np.where(units > 0, units, np.where(spread > 0, spread, 1.0))
        nothing = StandardFeatures(np.zeros(0), np.ones(0))
        bare = cls(labels, middles, units, gaps.any(axis=0), nothing)
        rows, owners = bare._rows(table)
        mean, variances = rows.mean(axis=0), rows.var(axis=0)
        # What belongs together shares a variance of 1.
        shared = np.bincount(owners, variances)[owners]
        scale = np.sqrt(np.where(shared > 0, shared, 1.0))
        standard = StandardFeatures(mean, scale, principal_axes(rows, mean, scale))
        return cls(labels, middles, units, bare.have_gaps, standard)

    def __call__(self, X: Any) -> np.ndarray:
        """Return the features of rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_columns)
            Floats; labels as places, NaN for gaps.

        Returns
        -------
        ndarray of shape (n_rows, n_features)
        """
        return self.standard(self._rows(np.asarray(X, dtype=float))[0])

    def plain_columns(self, X: Any) -> np.ndarray:
        """Return rows as they are, long tails of numbers shortened, for classifiers.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_columns)
            Floats; labels as places, NaN for gaps.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
        """
        table = np.asarray(X, dtype=float)
        are_labels = [labels is not None for labels in self.labels]
        return np.where(are_labels, table, self._shortened(table))

    @property
    def n_labels(self) -> tuple[int, ...]:
        """Number of labels of each column, 0 for numbers."""
        return tuple(0 if labels is None else len(labels) for labels in self.labels)

    def _shortened(self, numbers: np.ndarray) -> np.ndarray:
        return np.arcsinh((numbers - self.middles) / self.units)

    def _rows(self, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return numbers and indicators side by side, and which belong together."""
        columns, owners = [], []
        numbers = self._shortened(np.where(np.isnan(table), self.middles, table))
        for i, labels in enumerate(self.labels):
            values, gaps = table[:, i], np.isnan(table[:, i])
            if labels is None:
                columns.append(numbers[:, i])
                owners.append(2 * i)
            else:
                columns += [values == label for label in labels]
                owners += [2 * i] * len(labels)
            if self.have_gaps[i]:
                columns.append(gaps)
                owners.append(2 * i + (labels is None))
        return np.column_stack(columns).astype(float), np.array(owners)

    @property
    def fingerprint(self) -> str:
        """Hash of the feature space, within which distances can be compared."""
        return fingerprint(
            list(self.labels), self.middles, self.units, self.standard.fingerprint
        )

    def __repr__(self) -> str:
        return f"TableFeatures({self.fingerprint})"
