"""benchmarks/detection.py: scenes of digits with tight boxes that do not overlap."""

import importlib
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("detection")


def test_boxes_are_around_the_ink_of_digits(benchmark):
    digits = np.zeros((10, 28, 28), np.uint8)
    for place, digit in enumerate(digits):
        digit[4 : 20 + place // 2, 9:19] = 100 + place
    rng = np.random.default_rng(0)
    pictures, targets = benchmark.scenes(digits, np.arange(10), 20, rng)
    for picture, target in zip(pictures, targets, strict=True):
        assert 2 <= len(target["labels"]) <= 5
        left = picture.copy()
        for (x1, y1, x2, y2), label in zip(*target.values(), strict=True):
            place = slice(int(y1), int(y2)), slice(int(x1), int(x2))
            assert (picture[place] == 100 + label).all()
            assert left[place].all()  # of no other digit
            left[place] = 0
        assert not left.any()
