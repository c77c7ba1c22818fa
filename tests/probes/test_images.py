"""Images and rows as users have them, given to networks: what is right, what refused.

Each table has one probe per line. Those that cannot be served are refused before
anything is trained, with the name of the parameter or column and what is accepted.
"""

import numpy as np
import pytest

from sknevo import EvolvedClassifier
from sknevo.builders.networks._data import random_rows, readable, statistics
from sknevo.image_stream import ImageStream

SMALL = {"population_size": 1, "generations": 1, "random_state": 0}


# What networks are standardised by -------------------------------------------------


def _interleaved(n_samples: int, factor: float) -> np.ndarray:
    X = np.random.default_rng(0).normal(size=(n_samples, 3))
    X[1::2, 0] *= factor
    return X


def _dark_and_bright() -> np.ndarray:
    X = np.random.default_rng(0).integers(0, 9, (20_000, 4, 4), np.uint8)
    X[1::2] += 240
    return X


@pytest.mark.parametrize(
    "X",
    [
        _interleaved(12_000, 1e5),
        _interleaved(500_001, 1e5),  # more than one block
        _interleaved(12_000, 1) + 1.7e9,  # seconds since 1970
        _dark_and_bright(),
        _dark_and_bright() / np.float32(255),
    ],
)
def test_inputs_are_standardised_by_all_data(X):
    axes = (0, 1, 2) if X.ndim > 2 else 0
    kind = np.float32 if X.ndim > 2 else np.float64
    known = statistics(X, X.shape[1:], kind)
    np.testing.assert_allclose(known["mean"], X.mean(axes, dtype=float), rtol=1e-6)
    np.testing.assert_allclose(known["scale"], X.std(axes, dtype=float), rtol=1e-6)


def test_a_constant_feature_is_not_scaled():
    X = np.column_stack([np.full(600_000, 0.1), np.arange(600_000.0)])
    scale = statistics(X, (2,), np.float64)["scale"]
    np.testing.assert_allclose(scale, [1, X[:, 1].std()])


def test_interleaved_rows_are_learned_as_shuffled_ones():
    X = _interleaved(12_000, 1e5)
    y = (X[:, 0] > 0) ^ (X[:, 1] > 0)
    clf = EvolvedClassifier(**SMALL, max_epochs=2).fit(X, y)
    assert clf.score(X, y) > clf.best_score_ - 0.02  # by every other row: 0.50


def test_a_stream_shows_a_random_part():
    X = ImageStream(np.broadcast_to(np.uint8(0), (100, 800, 800)))
    rows = readable(X).rows
    assert len(rows) == 32
    assert 8 <= (rows % 2).sum() <= 24
    assert (np.diff(rows) > 0).all()
    assert random_rows(5, 20).tolist() == [0, 1, 2, 3, 4]
