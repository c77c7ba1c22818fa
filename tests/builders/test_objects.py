"""Objects in masks: numbered, told apart, without small ones."""

import numpy as np
import pytest
from discs import discs

from sknevo.builders._objects import (
    numbered,
    relative_distances,
    renumbered,
    watershed,
    without_small,
)
from sknevo.metrics import object_f1_score


def test_parts_of_different_classes_are_different_objects():
    codes = np.array([[1, 1, 2, 2, 0, 1]])
    assert numbered(codes).tolist() == [[1, 1, 3, 3, 0, 2]]


def test_numbers_have_no_gaps_and_the_background_stays():
    assert renumbered(np.array([[0, 7, 7, 90]])).tolist() == [[0, 1, 1, 2]]
    assert renumbered(np.array([[7, 9]])).tolist() == [[1, 2]]


def test_small_objects_become_background():
    ids = np.array([[1, 1, 1, 2, 0, 3, 3]])
    assert without_small(ids, 2).tolist() == [[1, 1, 1, 0, 0, 3, 3]]
    assert without_small(ids, 0).tolist() == ids.tolist()


def test_distances_are_greatest_in_the_middle_of_each_object():
    ids = discs(1)[1][0]
    found = relative_distances(ids)
    for number in (1, 2, 3):
        assert found[ids == number].max() == 1
        assert found[ids == number].min() > 0
    assert (found[ids == 0] == 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_watershed_of_true_distances_finds_the_objects(seed):
    masks = discs(6, 48, seed)[1]
    found = [watershed(m > 0, relative_distances(m), 0.5) for m in masks]
    joined = [numbered((m > 0).astype(int)) for m in masks]
    assert object_f1_score(masks, found) >= object_f1_score(masks, joined)
    assert object_f1_score(masks, found) > 0.85
    for mask, ids in zip(masks, found, strict=True):
        np.testing.assert_array_equal(ids > 0, mask > 0)


def test_a_part_without_a_seed_is_one_object():
    inside = np.array([[1, 1, 0, 1, 1]], bool)
    heights = np.array([[0.2, 0.3, 0.0, 0.9, 0.4]])
    assert len(np.unique(watershed(inside, heights, 0.5))) == 3
    assert not watershed(~inside & False, heights, 0.5).any()
