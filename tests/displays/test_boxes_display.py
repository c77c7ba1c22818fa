"""Images with boxes around objects."""

import numpy as np
import pytest
from squares import squares

from sknevo import EvolvedDetector
from sknevo.displays import BoxesDisplay, NetworkDisplay

X, Y = squares(6, 24, channels=3)


@pytest.fixture(scope="module")
def detector():
    return EvolvedDetector(
        population_size=1, generations=1, max_epochs=1, cv=2, random_state=0
    ).fit(X, Y)


def test_boxes_lie_where_their_images_are():
    found = [{**one, "scores": [0.9] * len(one["boxes"])} for one in Y]
    shown = BoxesDisplay([X[1], X[2][:10]], found[1:3], Y[1:3], n_columns=2).plot()
    assert shown.sheet_.shape == (24, 52, 3)
    assert len(shown.boxes_) == len(shown.true_boxes_) == 3
    x1, y1, x2, y2 = Y[2]["boxes"][0]
    drawn = shown.boxes_[1]
    assert drawn.get_xy() == (28 + x1 - 0.5, y1 - 0.5)
    assert (drawn.get_width(), drawn.get_height()) == (x2 - x1, y2 - y1)
    assert shown.ax_.texts[0].get_text() == f"{Y[1]['labels'][0]} 0.90"
    assert len(shown.ax_.get_legend().get_texts()) == 2


def test_boxes_of_low_scores_are_left_out():
    found = {"boxes": np.ones((3, 4)), "labels": [1, 2, 3], "scores": [0.9, 0.5, 0.1]}
    assert len(BoxesDisplay(X[:1], [found]).plot().boxes_) == 2
    assert len(BoxesDisplay(X[:1], [found], min_score=0.6).plot().boxes_) == 1


def test_a_detector_shows_its_boxes_and_its_network(detector):
    shown = BoxesDisplay.from_estimator(detector, X, Y, n_images=3, min_score=0.0)
    np.testing.assert_equal(shown.predicted, detector.predict(X[:3]))
    assert len(shown.true_boxes_) == 3
    assert "conv" in NetworkDisplay.from_estimator(detector).layers_[-1]
    with pytest.raises(ValueError, match="n_images"):
        BoxesDisplay.from_estimator(detector, X, n_images=0)
