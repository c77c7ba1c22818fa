"""The samples of a fit with their metadata, and what their weights mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.model_selection import PredefinedSplit, check_cv
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import (
    _check_method_params,
    _check_sample_weight,
    _num_samples,
)

from sknevo.data_checks import plain_values
from sknevo.estimators._splits import checked_splits


@dataclass(frozen=True)
class Samples:
    """X and y with the metadata for individuals, splitter and scorers."""

    X: Any
    y: Any
    fit_params: Mapping[str, Any]
    split_params: Mapping[str, Any] = field(default_factory=dict)
    score_params: Mapping[str, Any] = field(default_factory=dict)
    cv: Any = None

    def weighted(self) -> Self:
        """Return the samples with weights above 0, which get a mean of 1.

        So a common factor of the weights has no effect, and a sample of weight 0 is as
        if it were not there. Equal weights are none.
        """
        if "sample_weight" not in self.fit_params:
            return self
        weights = _checked_weights(self.fit_params["sample_weight"], self.X)
        # Single precision rounds away what a common factor changes in the last digit.
        shares = (weights / weights.max()).astype(np.float32).astype(float)
        rows = np.flatnonzero(shares)
        kept = self if len(rows) == len(shares) else self._part(rows)
        shares = shares[rows]
        fit_params = {**kept.fit_params, "sample_weight": shares / shares.mean()}
        if shares.min() == shares.max():
            del fit_params["sample_weight"]
        return replace(kept, fit_params=fit_params)

    def _part(self, rows: np.ndarray) -> Self:
        metadata = {
            name: _check_method_params(self.X, getattr(self, name), rows)
            for name in ("fit_params", "split_params", "score_params")
        }
        X = _safe_indexing(self.X, rows)
        y = None if self.y is None else _safe_indexing(self.y, rows)
        return type(self)(X, y, **metadata, cv=self._cv_of(rows))

    def _cv_of(self, rows: np.ndarray) -> Any:
        """Return `cv` for these rows; indices in it are those of all rows."""
        splits_anything = self.cv is None or isinstance(self.cv, Integral)
        splits_anything = splits_anything or hasattr(self.cv, "split")
        if splits_anything and not isinstance(self.cv, PredefinedSplit):
            return self.cv
        n = _num_samples(self.X)
        places = np.full(n, -1)
        places[rows] = np.arange(len(rows))
        splits = []
        for split in checked_splits(check_cv(self.cv), self.X):
            parts = [places[part] for part in split]
            splits.append([part[part >= 0] for part in parts])
            if not all(map(len, splits[-1])):
                raise ValueError(
                    "cv must have samples whose sample_weight is above zero in both "
                    f"parts of each split; got none in split {len(splits) - 1}."
                )
        return splits


def finite_weights(weights: Any, X: Any) -> np.ndarray:
    """Return `sample_weight` as floats, which may have any sign."""
    array = np.asarray(weights)
    strange = array.dtype if array.dtype.kind in "cmM" else None
    if array.dtype.kind in "OSU":
        words = (v for v in array.ravel().tolist() if isinstance(v, str | bytes))
        strange = next(map(repr, words), None)
    if strange is not None:  # numpy makes numbers of dates and digits
        raise ValueError(f"sample_weight must hold numbers; got {strange}.")
    with plain_values("sample_weight", weights):
        return _check_sample_weight(weights, X, allow_all_zero_weights=True)


def _checked_weights(weights: Any, X: Any) -> np.ndarray:
    weights = finite_weights(weights, X)
    if (weights < 0).any():
        sample = int(np.argmax(weights < 0))
        raise ValueError(
            f"sample_weight must not be negative; got {weights[sample]:g} for sample "
            f"{sample}."
        )
    if (positive := np.count_nonzero(weights)) < 2:
        raise ValueError(
            "sample_weight must be above zero for at least 2 samples; got "
            f"{positive} of {len(weights)}."
        )
    return weights
