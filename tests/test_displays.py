"""Displays show the data that they hold."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from sknevo import EvolvedGAN
from sknevo.displays import NORMS, SHARES, GanSignalsDisplay, SampleGridDisplay


class FakeGAN(BaseEstimator):
    """The attributes of a GAN that displays use."""

    channels = "auto"

    def __init__(self, shape):
        self.shape = self.sample_shape = shape
        steps = np.arange(1, 4)
        names = [*SHARES, *NORMS]
        self.signals_ = {"step": steps, **dict.fromkeys(names, 1 / steps)}
        self.stability_ = 0.75
        self._layout = {"shape": shape, "channels": "last"}
        self.snapshots_ = np.arange(3 * 16 * np.prod(shape)).reshape(3, 16, *shape)

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, X):
        return self

    def sample(self, n, y=None, random_state=None):
        return np.random.default_rng(0).random((n, *self.sample_shape))


class Evolved(FakeGAN):
    @property
    def best_estimator_(self):
        return FakeGAN(self.sample_shape)


@pytest.fixture(autouse=True)
def _no_window():
    """Show no figure, and leave none open."""
    plt.switch_backend("agg")
    plt.close("all")  # those of doctests
    yield
    plt.close("all")


def test_new_figures_are_those_of_pyplot():
    """Notebooks show all open figures of pyplot."""
    for display in (GanSignalsDisplay, SampleGridDisplay):
        shown = display.from_estimator(FakeGAN((2,)))
        assert plt.figure(plt.get_fignums()[-1]) is shown.figure_
    ax = Figure().subplots()
    SampleGridDisplay.from_estimator(FakeGAN((2,)), ax=ax)
    assert len(plt.get_fignums()) == 2


@pytest.mark.parametrize("kind", [FakeGAN, Evolved])
def test_signals_are_lines(kind):
    gan = kind((2,))
    display = GanSignalsDisplay.from_estimator(gan)
    for name, line in display.lines_.items():
        np.testing.assert_array_equal(line.get_ydata(), gan.signals_[name])
    assert display.norms_ax_.get_yscale() == "log"
    assert display.ax_.get_title() == "stability 0.75"
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert len(labels) == len(display.lines_) == 6


@pytest.mark.parametrize(
    ("shape", "sheet"),
    [((8, 8), (26, 26)), ((3, 6, 7), (20, 23, 3)), ((6, 7, 3), (20, 23, 3))],
)
def test_images_make_a_square(shape, sheet):
    display = SampleGridDisplay.from_estimator(FakeGAN(shape), n_samples=9)
    assert display.sheet_.shape == sheet
    assert 0 <= display.sheet_.min() <= display.sheet_.max() <= 1
    (image,) = display.ax_.get_images()
    np.testing.assert_array_equal(image.get_array(), display.sheet_)


def test_each_checkpoint_is_a_row():
    display = SampleGridDisplay.from_snapshots(FakeGAN((4, 4)), n_columns=5)
    assert display.sheet_.shape == (3 * 5 - 1, 5 * 5 - 1)
    # What is brighter came later.
    assert display.sheet_[0, 0] < display.sheet_[5, 0] < display.sheet_[10, 0]


def test_each_generation_is_a_row():
    gan = FakeGAN((4, 4))
    gan.generation_samples_ = {n: np.full((16, 4, 4), n) for n in (0, 2)}
    display = SampleGridDisplay.from_generations(gan, n_columns=5)
    assert display.sheet_.shape == (2 * 5 - 1, 5 * 5 - 1)
    assert display.sheet_[0, 0] < display.sheet_[5, 0]
    assert display.ax_.get_ylabel() == "generations →"
    gan.generation_samples_ = {n: np.full((16, 16), n) for n in (0, 2)}
    flat = SampleGridDisplay.from_generations(gan, n_columns=5)
    np.testing.assert_array_equal(flat.sheet_, display.sheet_)
    # Where the channels are was found out in fit, and `channels` may still be "auto".
    colours = FakeGAN((4, 4, 3))
    colours.generation_samples_ = {0: np.zeros((16, 4, 4, 3))}
    sheet = SampleGridDisplay.from_generations(colours).sheet_
    assert sheet.shape == (4, 5 * 10 - 1, 3)
    with pytest.raises(ValueError, match="single split"):
        SampleGridDisplay.from_generations(FakeGAN((4, 4)))


def test_rows_are_points_upon_the_real_ones():
    ax = Figure().subplots()
    real = np.ones((7, 2))
    display = SampleGridDisplay.from_estimator(
        FakeGAN((2,)), n_samples=5, real=real, ax=ax
    )
    assert display.ax_ is ax
    assert [len(line.get_xdata()) for line in ax.lines] == [7, 5]
    assert [line.get_label() for line in ax.lines] == ["real", "generated"]


def test_unfitted_estimators_are_refused():
    with pytest.raises(NotFittedError):
        GanSignalsDisplay.from_estimator(EvolvedGAN())
