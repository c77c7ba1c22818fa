"""On which parts of the data an individual is fitted and scored."""

from collections.abc import Mapping
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
        As in scikit-learn; None stands for five shuffled folds, or for one hold-out of
        20 % if there are more than 10,000 samples, stratified for classifiers.
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
    if cv is None and not split_params:
        return _default_splits(y, classifier, random_state)
    splitter = check_cv(FOLDS if cv is None else cv, y, classifier=classifier)
    splits = [
        (np.asarray(train), np.asarray(test))
        for train, test in splitter.split(X, y, **split_params)
    ]
    if not splits:
        raise ValueError(f"cv must yield at least one split; got none from {cv!r}.")
    return splits


def _default_splits(y: np.ndarray, classifier: bool, random_state: int) -> Splits:
    if not classifier:
        common = np.arange(len(y))
        folds = min(FOLDS, len(y))
    else:
        _, labels, counts = np.unique(y, return_inverse=True, return_counts=True)
        folds = min(FOLDS, counts.max())
        # Members of a rare class are for training only: in a test part they would be
        # of a class that the individual has never seen.
        common = np.flatnonzero(counts[labels] >= folds)
    if folds < 2:
        what = "samples of one class" if classifier else "samples"
        raise ValueError(f"y must hold at least 2 {what} to be split; got 1 sample.")
    rare = np.setdiff1d(np.arange(len(y)), common)
    splitter = _splitter(len(y), folds, classifier, random_state)
    return [
        (np.sort(np.concatenate([common[train], rare])), common[test])
        for train, test in splitter.split(common, y[common])
    ]


def _splitter(n_samples: int, folds: int, classifier: bool, random_state: int) -> Any:
    if n_samples > MANY_SAMPLES:
        shuffle = StratifiedShuffleSplit if classifier else ShuffleSplit
        return shuffle(n_splits=1, test_size=HOLD_OUT, random_state=random_state)
    fold = StratifiedKFold if classifier else KFold
    return fold(folds, shuffle=True, random_state=random_state)
