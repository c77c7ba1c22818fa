"""The splits of the data on which individuals are fitted and scored."""

import math
from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
    check_cv,
)
from sklearn.utils.validation import _num_samples

# Share of the samples in the test part of a single split; chosen, not measured.
HOLD_OUT = 0.2

Splits = list[tuple[np.ndarray, np.ndarray]]


def make_splits(
    cv: Any,
    X: Any,
    y: Any,
    *,
    classifier: bool,
    random_state: int,
    split_params: Mapping[str, Any],
    default_folds: Mapping[int, int],
) -> Splits:
    """Return the splits of a search, the same for all individuals.

    Parameters
    ----------
    cv : None, int, splitter or iterable
        As the parameter of an estimator. With `groups` in `split_params`, no group is
        in two folds, nothing is held out, and None is at most one fold per group.
    default_folds : dict of int to int
        For None: number of folds up to a number of samples, ascending. Of more samples
        than the last number, 20 % are held out.
    """
    n = _num_samples(X)
    hold_out = cv is None and n > max(default_folds)
    folds = cv
    if cv is None:
        folds = next((k for most, k in default_folds.items() if n <= most), None)
        # Nothing is held out with groups: the smallest number of folds serves then.
        folds = folds or [*default_folds.values()][-1]
    if not split_params and isinstance(folds, Integral):
        labels = _codes(y) if classifier else np.zeros(n)
        members = _checked_members(cv, labels, classifier)
        if cv is None:
            folds = _feasible(folds, labels, classifier)
        common = members >= folds
        if hold_out:
            _check_hold_out(labels[common])
        splitter = _splitter(hold_out, folds, classifier, random_state)
        return _without_rare_tests(splitter, common, labels)
    if isinstance(folds, Integral) and "groups" in split_params:
        labels = _codes(y) if classifier else np.zeros(n)
        if cv is None:
            folds = min(folds, max(2, len(np.unique(split_params["groups"]))))
        fold = StratifiedGroupKFold if classifier else GroupKFold
        splitter = fold(folds, shuffle=True, random_state=random_state)
        return _without_unknown_tests(splitter, labels, split_params)
    splitter = check_cv(folds, y, classifier=classifier)
    splits = [
        (np.asarray(train), np.asarray(test))
        for train, test in splitter.split(X, y, **split_params)
    ]
    if not splits:
        raise ValueError(f"cv must yield at least one split; got none from {cv!r}.")
    return splits


def _codes(y: Any) -> np.ndarray:
    """Return classes as numbers, since scikit-learn's splitters refuse objects."""
    return np.unique(np.ravel(y), return_inverse=True)[1]


def _checked_members(cv: int | None, y: np.ndarray, classifier: bool) -> np.ndarray:
    """Return the size of each sample's class, or raise if no class can be split."""
    if cv is not None and cv < 2:
        raise ValueError(f"cv must be at least 2 if it is a number; got {cv}.")
    members = _members(y) if classifier else np.full(len(y), len(y))
    what = "samples of one class" if classifier else "samples"
    if members.max() < 2:
        raise ValueError(f"y must hold at least 2 {what} to be split; got 1 sample.")
    if cv is not None and cv > members.max():
        raise ValueError(
            f"cv={cv} folds need as many {what}; got {members.max()} at most."
        )
    return members


def _check_hold_out(y: np.ndarray) -> None:
    n_classes, n_held_out = len(np.unique(y)), math.ceil(HOLD_OUT * len(y))
    if n_classes > n_held_out:
        raise ValueError(
            f"y holds {n_classes} classes, too many for {n_held_out} held-out samples "
            "to have some of each: set cv to a number of folds, or merge rare classes."
        )


def _feasible(folds: int, y: np.ndarray, classifier: bool) -> int:
    """Return a number of folds for which there are enough samples."""
    if not classifier:
        return min(folds, len(y))
    # At least two classes are in all test parts, so that a score says something.
    second = np.sort(np.unique(y, return_counts=True)[1])[-2:][0]
    return min(folds, max(2, second))


def _without_rare_tests(splitter: Any, common: np.ndarray, y: np.ndarray) -> Splits:
    """Split the common classes; samples of rare ones are in all training parts.

    In a test part, a sample might be of a class that the training part lacks.
    """
    rare, common = np.flatnonzero(~common), np.flatnonzero(common)
    return [
        (np.sort(np.concatenate([common[train], rare])), common[test])
        for train, test in splitter.split(common, y[common])
    ]


def _without_unknown_tests(
    splitter: Any, y: np.ndarray, split_params: Mapping[str, Any]
) -> Splits:
    """Split by groups; drop test samples of classes that the training part lacks."""
    splits = [
        (train, test[np.isin(y[test], y[train])])
        for train, test in splitter.split(y, y, **split_params)
    ]
    if not any(len(test) for _, test in splits):
        raise ValueError("groups must share a class: each has only classes of its own.")
    return [(train, test) for train, test in splits if len(test)]


def _members(y: np.ndarray) -> np.ndarray:
    """Return for each sample the size of its class."""
    _, labels, counts = np.unique(y, return_inverse=True, return_counts=True)
    return counts[labels]


def _splitter(hold_out: bool, folds: int, classifier: bool, random_state: int) -> Any:
    if hold_out:
        shuffle = StratifiedShuffleSplit if classifier else ShuffleSplit
        return shuffle(n_splits=1, test_size=HOLD_OUT, random_state=random_state)
    fold = StratifiedKFold if classifier else KFold
    return fold(folds, shuffle=True, random_state=random_state)
