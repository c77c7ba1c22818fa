"""On which parts of the data an individual is fitted and scored."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.model_selection import (
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    check_cv,
)

__all__ = ["make_splits"]

# Cross-validation steadies the fitness of small tables; large ones need it less.
FOLDS = 5
SOME_SAMPLES, FEWER_FOLDS = 2_000, 3
MANY_SAMPLES = 10_000
HOLD_OUT = 0.2

Splits = list[tuple[np.ndarray, np.ndarray]]


def make_splits(
    cv: Any,
    X: Any,
    y: np.ndarray,
    *,
    classifier: bool,
    random_state: int,
    split_params: Mapping[str, Any],
) -> Splits:
    """Return the splits of a search, the same for all individuals.

    Parameters
    ----------
    cv : None, int, splitter or iterable
        A number of shuffled folds, stratified for classifiers; None stands for five of
        them, for three if there are more than 2,000 samples, and for one hold-out of
        20 % if there are more than 10,000. Splitters and iterables are as in
        scikit-learn.
    X, y : array-like
        The data.
    classifier : bool
        Whether y holds classes.
    random_state : int
        Seed of the default.
    split_params : dict
        Metadata for the splitter, such as `groups`.

    Returns
    -------
    list of (train, test) index arrays

    Raises
    ------
    ValueError
        If no class has two members, or the splitter yields nothing.
    """
    if not split_params and (cv is None or isinstance(cv, Integral)):
        return _shuffled_splits(cv, y, classifier, random_state)
    folds = _default_folds(len(y)) if cv is None else cv
    splitter = check_cv(folds, y, classifier=classifier)
    splits = [
        (np.asarray(train), np.asarray(test))
        for train, test in splitter.split(X, y, **split_params)
    ]
    if not splits:
        raise ValueError(f"cv must yield at least one split; got none from {cv!r}.")
    return splits


def _default_folds(n_samples: int) -> int:
    return FEWER_FOLDS if n_samples > SOME_SAMPLES else FOLDS


def _shuffled_splits(
    cv: int | None, y: np.ndarray, classifier: bool, random_state: int
) -> Splits:
    folds = _default_folds(len(y)) if cv is None else cv
    if folds < 2:
        raise ValueError(f"cv must be at least 2 if it is a number; got {cv}.")
    members = _members(y) if classifier else np.full(len(y), len(y))
    what = "samples of one class" if classifier else "samples"
    if members.max() < 2:
        raise ValueError(f"y must hold at least 2 {what} to be split; got 1 sample.")
    if cv is not None and cv > members.max():
        raise ValueError(
            f"cv={cv} folds need as many {what}; got {members.max()} at most."
        )
    if cv is None:
        # All but one class are in every test part, if they have two members at all.
        second = np.sort(np.unique(y, return_counts=True)[1])[-2:][0]
        folds = min(folds, max(2, second)) if classifier else min(folds, len(y))
    # Members of a rare class are for training only: in a test part they would be of a
    # class that the individual may never have seen.
    common = np.flatnonzero(members >= folds)
    rare = np.setdiff1d(np.arange(len(y)), common)
    hold_out = cv is None and len(y) > MANY_SAMPLES
    splitter = _splitter(hold_out, folds, classifier, random_state)
    return [
        (np.sort(np.concatenate([common[train], rare])), common[test])
        for train, test in splitter.split(common, y[common])
    ]


def _members(y: np.ndarray) -> np.ndarray:
    """Return for each sample how many there are of its class."""
    _, labels, counts = np.unique(y, return_inverse=True, return_counts=True)
    return counts[labels]


def _splitter(hold_out: bool, folds: int, classifier: bool, random_state: int) -> Any:
    if hold_out:
        shuffle = StratifiedShuffleSplit if classifier else ShuffleSplit
        return shuffle(n_splits=1, test_size=HOLD_OUT, random_state=random_state)
    fold = StratifiedKFold if classifier else KFold
    return fold(folds, shuffle=True, random_state=random_state)
