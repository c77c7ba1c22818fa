"""The data of a search, and their splits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _check_method_params


@dataclass(frozen=True)
class Data:
    """The data of a search, its splits, and the metadata of `fit` and scorers."""

    X: Any
    y: np.ndarray | None
    splits: list[tuple[np.ndarray, np.ndarray]]
    fit_params: Mapping[str, Any] = field(default_factory=dict)
    score_params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_train(self) -> int:
        """Number of samples of the smallest training part."""
        return min(len(train) for train, _ in self.splits)

    def part(self, rows: np.ndarray) -> "Data":
        """Return some of the samples, without splits."""
        X, y = _safe_indexing(self.X, rows), part_of(self.y, rows)
        return Data(X, y, [], self.take(self.fit_params, rows))

    def take(self, params: Mapping[str, Any], rows: np.ndarray) -> dict[str, Any]:
        """Return metadata of some of the samples; others are left whole."""
        return _check_method_params(self.X, params, rows)


def part_of(values: Any, rows: np.ndarray) -> Any:
    """Return some rows of values, None of None."""
    return None if values is None else _safe_indexing(values, rows)
