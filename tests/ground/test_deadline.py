"""A deadline reaches the loops inside it, and nothing else."""

import math
import threading
import time

import pytest

from sknevo.deadline import (
    DeadlineReached,
    check_deadline,
    is_training_over,
    must_end_by,
    training_until,
)


def is_over():
    try:
        check_deadline()
    except DeadlineReached:
        return True
    return False


def loop(seconds):
    end = time.time() + seconds
    while time.time() < end:
        time.sleep(0.01)
        check_deadline()


def test_without_a_deadline_nothing_is_ever_over():
    assert not is_over()
    with must_end_by(math.inf):
        assert not is_over()


def test_a_loop_is_stopped_at_the_moment():
    start = time.time()
    with must_end_by(start + 0.1), pytest.raises(TimeoutError, match="is over"):
        loop(5)
    assert 0.1 <= time.time() - start < 4  # of 5, on a busy machine, too
    assert not is_over()


def test_the_inner_deadline_counts_and_the_outer_comes_back():
    with must_end_by(0):
        with must_end_by(math.inf):
            assert not is_over()
        assert is_over()
    assert not is_over()


def test_a_deadline_belongs_to_its_thread():
    answers = []
    with must_end_by(0):
        thread = threading.Thread(target=lambda: answers.append(is_over()))
        thread.start()
        thread.join()
        assert is_over()
    assert answers == [False]


def test_training_is_over_before_the_deadline():
    assert not is_training_over()
    with must_end_by(math.inf), training_until(time.time() - 1):
        assert is_training_over()
        assert not is_over()
        with training_until(time.time() + 60):
            assert not is_training_over()
        assert is_training_over()
    assert not is_training_over()
