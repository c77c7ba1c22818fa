"""On which parts an individual is tried: fair, stratified, the same for all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, KFold, PredefinedSplit

from sknevo.estimators._splits import make_splits


def split(y, cv=None, *, classifier=True, seed=0, **params):
    y = np.asarray(y)
    return make_splits(
        cv,
        np.zeros((len(y), 1)),
        y,
        classifier=classifier,
        random_state=seed,
        split_params=params,
        default_folds={2_000: 5, 10_000: 3},
    )


def assert_same(splits, others):
    for parts, other_parts in zip(splits, others, strict=True):
        for part, other in zip(parts, other_parts, strict=True):
            np.testing.assert_array_equal(part, other)


# By default ----------------------------------------------------------------------


@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=60).filter(
        lambda y: max(map(y.count, y)) > 1
    )
)
def test_parts_of_any_labels_are_disjoint_and_no_class_is_unknown(y):
    y, splits = np.array(y), split(y)
    for train, test in splits:
        assert len(test) > 0
        np.testing.assert_array_equal(
            np.sort(np.concatenate([train, test])), np.arange(len(y))
        )
        assert set(y[test]) <= set(y[train])
    tested = np.concatenate([test for _, test in splits])
    assert len(np.unique(tested)) == len(tested)


@pytest.mark.parametrize(("n", "folds"), [(2, 2), (4, 4), (5, 5), (200, 5)])
def test_five_folds_or_as_many_as_there_are_samples(n, folds):
    assert len(split(np.arange(n), classifier=False)) == folds
    assert len(split(np.arange(2 * n) % 2)) == folds


def test_folds_are_shuffled():
    ((train, test), *_) = split(np.arange(100.0), classifier=False)
    assert np.ptp(test) > 20
    assert (np.diff(train) > 0).all()


def test_folds_are_stratified():
    y = np.repeat(["a", "b", "c"], [50, 25, 10])
    for _, test in split(y):
        assert [(y[test] == label).sum() for label in "abc"] == [10, 5, 2]


def test_rare_classes_are_for_training_only():
    y = np.repeat([0, 1, 2, 3], [40, 20, 3, 1])
    splits = split(y)
    for train, test in splits:
        assert set(y[test]) == {0, 1}
        assert set(range(60, 64)) <= set(train)
    assert len(splits) == 5


@pytest.mark.parametrize("classifier", [True, False])
@pytest.mark.parametrize(
    ("n", "n_splits", "share"),
    [
        *[(2000, 5, 1 / 5), (2001, 3, 1 / 3), (10_000, 3, 1 / 3), (10_001, 1, 1 / 5)],
        (500_000, 1, 1 / 10),
    ],
)
def test_the_more_samples_the_fewer_splits(n, n_splits, share, classifier):
    y = np.repeat([0, 1], [n - 1000, 1000])
    splits = split(y, classifier=classifier)
    assert len(splits) == n_splits
    for train, test in splits:
        assert len(test) == pytest.approx(share * n, abs=2)
        assert len(np.union1d(train, test)) == len(train) + len(test) == n
        if classifier:
            assert y[test].sum() == pytest.approx(share * 1000, abs=1)


def test_each_tested_class_has_a_share_in_a_small_part_of_many_samples():
    y = np.repeat([0, 1, 2, 3], [600_000, 400_000, 6, 20])
    ((train, test),) = split(y)
    assert len(test) == pytest.approx(50_000, abs=4)
    assert [(y[test] == label).any() for label in range(4)] == [True, True, False, True]
    assert {*np.unique(y[train])} == {0, 1, 2, 3}


def test_rare_classes_of_many_samples_are_for_training_only():
    y = np.repeat([0, 1, 2], [12_000, 100, 2])
    ((train, test),) = split(y)
    assert (y[train] == 2).sum() == 2
    assert (y[test] == 1).sum() == 20


@pytest.mark.parametrize("n", [50, 10_001])
def test_the_seed_says_it_all(n):
    y = np.arange(n) % 2
    assert_same(split(y, seed=3), split(y, seed=3))
    assert (split(y, seed=3)[0][1] != split(y, seed=4)[0][1]).any()


@pytest.mark.parametrize(
    ("y", "classifier", "message"),
    [
        ([1.0], False, "at least 2 samples"),
        ([0, 1, 2], True, "at least 2 samples of one class"),
    ],
)
def test_what_cannot_be_split_is_refused(y, classifier, message):
    with pytest.raises(ValueError, match=message):
        split(y, classifier=classifier)


# As the user wants it ------------------------------------------------------------

y = np.repeat([0, 1], [20, 10])


@pytest.mark.parametrize("n", [30, 10_020])
def test_a_number_is_a_number_of_shuffled_and_stratified_folds(n):
    labels = np.repeat([0, 1], [n - 10, 10])
    splits = split(labels, 3)
    assert len(splits) == 3
    for _, test in splits:
        assert labels[test].sum() in (3, 4)
        assert np.ptp(test) > n / 2
    assert_same(splits, split(labels, 3))
    assert len(split(np.arange(9.0), 3, classifier=False)) == 3


def test_a_splitter_is_used_as_it_is():
    cv = KFold(4, shuffle=True, random_state=1)
    assert_same(split(y, cv), list(cv.split(np.zeros(30))))


def test_an_iterable_is_used_up_once():
    parts = [(range(20), range(20, 30)), (list(range(10, 30)), [0, 1])]
    splits = split(y, iter(parts))
    assert_same(splits, [tuple(map(np.asarray, pair)) for pair in parts])
    assert all(isinstance(part, np.ndarray) for pair in splits for part in pair)


def test_groups_stay_together():
    groups = np.arange(30) % 6
    for train, test in split(y, GroupKFold(3), groups=groups):
        assert not set(groups[train]) & set(groups[test])


@pytest.mark.parametrize("cv", [[], PredefinedSplit(np.full(30, -1))])
def test_no_split_at_all_is_refused(cv):
    with pytest.raises(ValueError, match="cv must yield at least one split"):
        split(y, cv)


@pytest.mark.parametrize("cv", [1, 0, -3])
def test_too_few_folds_are_refused(cv):
    with pytest.raises(ValueError, match=f"cv must be at least 2.*got {cv}"):
        split(y, cv)


def test_more_folds_than_members_are_refused():
    with pytest.raises(ValueError, match=r"cv=9 needs at least 9 .*; got 4"):
        split(np.arange(12) % 3, 9)


def test_the_smaller_of_two_classes_is_in_every_test_part():
    labels = np.array([0] * 100 + [1] * 4)
    splits = split(labels)
    assert len(splits) == 4
    assert all(set(labels[test]) == {0, 1} for _, test in splits)


@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize("classifier", [True, False])
def test_no_group_is_on_both_sides(cv, classifier):
    y = np.repeat([0, 1], 60)
    groups = np.arange(120) // 3
    splits = split(y, cv, classifier=classifier, groups=groups)
    assert len(splits) == (cv or 5)
    for train, test in splits:
        assert not set(groups[train]) & set(groups[test])
        assert abs(y[test].mean() - 0.5) < 0.35
    assert_same(splits, split(y, cv, classifier=classifier, groups=groups))


@pytest.mark.parametrize("classifier", [True, False])
def test_by_default_there_are_no_more_folds_than_groups(classifier):
    y, groups = np.arange(60) % 2, np.arange(60) // 20
    assert len(split(y, classifier=classifier, groups=groups)) == 3


def test_classes_of_no_training_group_are_not_tested():
    groups = np.arange(60) // 12
    y = np.arange(60) % 2
    y[groups == 4] = np.where(np.arange(12) < 6, 2, 0)  # only there
    for train, test in split(y, groups=groups):
        assert set(y[test]) <= set(y[train])
    y[groups == 4] = 2
    assert len(split(y, groups=groups)) == 4


def test_groups_that_share_no_class_are_refused():
    with pytest.raises(ValueError, match="groups must share classes"):
        split(np.arange(20) // 10, groups=np.arange(20) // 10)
