"""The splits of a search: chosen for the data, or the user's own, which are checked."""

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial, reduce
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
from sklearn.model_selection._split import _CVIterableWrapper
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

# Share of the samples in the test part of a single split, and the most. On 50,000 rows
# an accuracy has a standard error of 0.002 at most. Chosen, not measured.
HOLD_OUT, MOST_HELD_OUT = 0.2, 50_000

# Classes that a message names. Chosen, not measured.
MOST_SHOWN = 3

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
    undefined: Callable[..., str] = lambda y_train, y_test, may_lack_classes: "",
) -> Splits:
    """Return the splits of a search, the same for all individuals.

    Parameters
    ----------
    cv : None, int, splitter or iterable
        As the parameter of an estimator. With `groups` in `split_params`, no group is
        in two folds, nothing is held out, and None is at most one fold per group.
    default_folds : dict of int to int
        For None: number of folds up to a number of samples, ascending. Of more samples
        than the last number, 20 % are held out, 50,000 at most. There are fewer folds
        if scores are undefined otherwise.
    undefined : callable
        Says of the targets of both parts of a split why there can be no score, if so.
        If it `may_lack_classes`, scores may leave out classes that a test part lacks:
        that is asked where no number of folds has all of them.
    """
    labels = _codes(y) if classifier else np.zeros(_num_samples(X))
    hold_out = cv is None and not split_params and len(labels) > max(default_folds)
    by_groups = "groups" in split_params

    def split(folds: Any) -> Splits:
        if not isinstance(folds, Integral) or (split_params and not by_groups):
            # The user's own splits, or metadata for them: taken as they are.
            splitter = check_cv(folds, y, classifier=classifier)
            return _split_by(splitter, cv, X, y, split_params)
        if by_groups:
            fold = StratifiedGroupKFold if classifier else GroupKFold
            splitter = fold(folds, shuffle=True, random_state=random_state)
            return _without_unknown_tests(splitter, labels, split_params)
        share = min(HOLD_OUT, MOST_HELD_OUT / len(labels)) if hold_out else 0.0
        # Of a class with fewer members, a held-out part might have none.
        fewest = max(folds, 0.5 / share) if hold_out else folds
        common = _checked_members(cv, labels, classifier) >= fewest
        if hold_out:
            _check_hold_out(labels[common] if common.any() else labels, share)
        splitter = _splitter(share, folds, classifier, random_state)
        return _without_rare_tests(splitter, common, labels)

    tried = [cv]
    if cv is None:
        most = _most_folds(default_folds, labels, classifier, split_params)
        tried = [most] if hold_out else range(most, 1, -1)
    remedy = "more samples, a cv" if cv is None else "another cv"
    why = partial(_first_undefined, y=y, classifier=classifier, undefined=undefined)
    return _first_defined(map(split, tried), y, why, remedy)


def _most_folds(
    default_folds: Mapping[int, int],
    labels: np.ndarray,
    classifier: bool,
    split_params: Mapping[str, Any],
) -> int:
    """Return the number of folds by default, as far as there are enough samples."""
    # Nothing is held out with groups: the smallest number of folds serves then.
    smallest = [*default_folds.values()][-1]
    folds = next((k for n, k in default_folds.items() if len(labels) <= n), smallest)
    if "groups" in split_params:
        return min(folds, max(2, len(np.unique(split_params["groups"]))))
    if split_params:
        return folds
    _checked_members(None, labels, classifier)
    return _feasible(folds, labels, classifier)


def _first_defined(
    tried: Iterable[Splits], y: Any, why: Callable[..., str], remedy: str
) -> Splits:
    """Return the first splits on which all classes have scores, or else some of them.

    `why` says why splits have no score, "" if they have.
    """
    made, reasons = [], []
    for splits in tried:
        reason = why(splits, may_lack_classes=False)
        if not reason:
            return splits
        made.append(splits)
        reasons.append(reason)
    for splits in made:
        if not why(splits, may_lack_classes=True):
            _warn_of_untested(splits, y)
            return splits
    raise ValueError(f"{reasons[0]} Give {remedy}, or another scoring.")


def _warn_of_untested(splits: Splits, y: Any) -> None:
    """Name classes that some test part lacks, and that scores leave out there."""
    parts = [np.unique(np.asarray(y)[test]) for _, test in splits]
    tested = reduce(np.intersect1d, parts)
    lacking = np.setdiff1d(np.unique(y), tested).tolist()
    named = ", ".join(map(repr, lacking[:MOST_SHOWN]))
    more = f" and {len(lacking) - MOST_SHOWN} more" if len(lacking) > MOST_SHOWN else ""
    warnings.warn(
        "Scores are those of the classes that a test part holds: these have too few "
        f"samples to be in each: {named}{more}.",
        UserWarning,
        stacklevel=6,
    )


def _first_undefined(
    splits: Splits,
    y: Any,
    classifier: bool,
    undefined: Callable[..., str],
    may_lack_classes: bool,
) -> str:
    """Return on which split there can be no score, and why; "" if there is none."""
    if y is None:
        return ""
    labels = np.unique(y) if classifier else []
    for number, rows in enumerate(splits):
        parts = [np.asarray(_safe_indexing(y, part)) for part in rows]
        if reason := undefined(*parts, may_lack_classes=may_lack_classes):
            train, test = (_described_part(part, labels) for part in parts)
            return (
                f"No individual could be scored on split {number} of {len(splits)} "
                f"({train} to train on, {test} to test on): {reason}"
            )
    return ""


def _described_part(y: np.ndarray, labels: Sequence[Any]) -> str:
    """Return how many targets there are, and which classes lack."""
    # Targets that are no classes may be anything.
    found = np.setdiff1d(labels, y).tolist() if len(labels) else []
    lacking = [repr(label) for label in found]
    without = f" without class {' and '.join(lacking[:MOST_SHOWN])}" if lacking else ""
    return f"{len(y)} sample{'s' * (len(y) > 1)}{without}"


def _split_by(
    splitter: Any, cv: Any, X: Any, y: Any, split_params: Mapping[str, Any]
) -> Splits:
    """Return the splits of a splitter as they are."""
    splits = checked_splits(splitter, X, y, **split_params)
    if not splits:
        raise ValueError(f"cv must yield at least one split; got none from {cv!r}.")
    return splits


def checked_splits(splitter: Any, X: Any, y: Any = None, **split_params: Any) -> Splits:
    """Return splits as row numbers, where their parts may be masks."""
    if isinstance(splitter, _CVIterableWrapper):
        splits = splitter.cv  # its own `split` takes apart what may be no pair
    else:
        splits = splitter.split(X, y, **split_params)
    n = _num_samples(X)
    return [_rows_of(split, number, n) for number, split in enumerate(splits)]


def _rows_of(split: Any, number: int, n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the row numbers of both parts of a split, or refuse it by its number."""
    try:
        train, test = (_rows(part, n_samples) for part in split)
    except (IndexError, TypeError, ValueError) as error:
        raise ValueError(
            "cv must yield pairs of a training and a test part, each of row numbers "
            f"below {n_samples} or a mask of {n_samples} values, and neither empty; in "
            f"split {number}: {error}."
        ) from error
    return train, test


def _rows(part: Any, n_samples: int) -> np.ndarray:
    part = np.asarray(part)
    rows = np.arange(n_samples)[part] if part.size else part
    if not rows.size:
        raise ValueError("an empty part")
    if rows.ndim != 1:
        raise ValueError(f"a part of shape {rows.shape}")
    return rows


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
            f"cv={cv} needs at least {cv} {what}; got {members.max()} at most."
        )
    return members


def _members(labels: np.ndarray) -> np.ndarray:
    """Return for each sample the size of its class, a number from 0."""
    return np.bincount(labels)[labels]


def _check_hold_out(y: np.ndarray, share: float) -> None:
    n_classes, n_held_out = len(np.unique(y)), math.ceil(share * len(y))
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


def _splitter(hold_out: float, folds: int, classifier: bool, random_state: int) -> Any:
    if 0 < hold_out < HOLD_OUT:
        return _FewHeldOut(hold_out, random_state)
    if hold_out:
        shuffle = StratifiedShuffleSplit if classifier else ShuffleSplit
        return shuffle(n_splits=1, test_size=hold_out, random_state=random_state)
    fold = StratifiedKFold if classifier else KFold
    return fold(folds, shuffle=True, random_state=random_state)


class _FewHeldOut:
    """Holds out a small share of many rows, of each class alike.

    scikit-learn's splitters permute all rows, which takes seconds if they are millions.
    """

    def __init__(self, share: float, random_state: int) -> None:
        self._share, self._random_state = share, random_state

    def split(self, X: Any, y: np.ndarray) -> Splits:
        """Return one split; y are numbers from 0."""
        rng = np.random.default_rng(self._random_state)
        codes = y.astype(np.min_scalar_type(int(y.max())))  # sorted much faster
        order = np.argsort(codes, kind="stable")
        counts = np.bincount(codes)
        # A class without members, if rare ones are left out, has none here either.
        sizes = np.minimum(counts, np.maximum(1, np.rint(self._share * counts)))
        picked = [
            begin + rng.choice(count, int(size), replace=False, shuffle=False)
            for begin, count, size in zip(
                np.cumsum(counts) - counts, counts, sizes, strict=True
            )
        ]
        is_test = np.zeros(len(y), bool)
        is_test[order[np.concatenate(picked)]] = True
        return [(np.flatnonzero(~is_test), np.flatnonzero(is_test))]


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
        raise ValueError("groups must share classes; got no class in two groups.")
    return [(train, test) for train, test in splits if len(test)]
