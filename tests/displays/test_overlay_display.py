"""Images with outlines of masks."""

import numpy as np
import pytest
from discs import discs

from sknevo import EvolvedSegmenter
from sknevo.displays import NetworkDisplay, OverlayDisplay
from sknevo.displays._overlay import _rgb
from sknevo.displays._shared import ORANGE, SKY

X, IDS = discs(6, 24, channels=3)


@pytest.fixture(scope="module")
def segmenter():
    return EvolvedSegmenter(
        population_size=1,
        generations=1,
        max_epochs=2,
        cv=2,
        instances=True,
        random_state=0,
    ).fit(X, IDS)


def test_outlines_are_drawn_on_the_border_of_objects():
    shown = OverlayDisplay(X, np.zeros_like(IDS), IDS).plot()
    (picture, *_) = shown.overlays_
    drawn = (picture == _rgb(SKY)).all(axis=-1)
    assert drawn.any()
    assert not drawn[IDS[0] == 0].any()
    both = OverlayDisplay(X, IDS, IDS).plot().overlays_[0]
    np.testing.assert_array_equal((both == _rgb(ORANGE)).all(axis=-1), drawn)


def test_images_of_several_sizes_share_a_sheet():
    shown = OverlayDisplay([X[0], X[1][:10]], [IDS[0], IDS[1][:10]], n_columns=1).plot()
    assert shown.sheet_.shape == (52, 24, 3)
    assert shown.ax_.images[0].get_array().shape == shown.sheet_.shape


def test_a_segmenter_shows_its_masks_and_its_network(segmenter):
    shown = OverlayDisplay.from_estimator(segmenter, X, IDS, n_images=2)
    assert len(shown.overlays_) == 2
    np.testing.assert_array_equal(shown.predicted, segmenter.predict_instances(X[:2]))
    assert len(shown.ax_.get_legend().get_texts()) == 2
    classes = OverlayDisplay.from_estimator(segmenter, X, instances=False)
    np.testing.assert_array_equal(classes.predicted, segmenter.predict(X[:4]))
    assert "conv" in NetworkDisplay.from_estimator(segmenter).layers_[-1]


def test_wrong_numbers_are_refused(segmenter):
    with pytest.raises(ValueError, match="n_images"):
        OverlayDisplay.from_estimator(segmenter, X, n_images=0)
