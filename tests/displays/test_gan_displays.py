"""Pictures of GANs show the data that they hold."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from gans import Evolved, FakeGAN
from matplotlib.figure import Figure
from sklearn.exceptions import NotFittedError

from sknevo import EvolvedGAN
from sknevo.displays import GanSignalsDisplay, SampleGridDisplay
from sknevo.displays._gan_signals import NORMS, SHARES
from sknevo.records import Generation


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
    assert display.ax_.get_title() == "stability of the training 0.75"
    parts = {display.ax_: SHARES, display.norms_ax_: NORMS}
    for part, signals in parts.items():
        assert len(part.lines) == len(signals)
        assert part.get_legend() is None
        # Each line has its name beside its end, in its colour, and none overlap.
        labels = dict(signals.values())
        assert {t.get_text(): t.get_color() for t in part.texts} == labels
        heights = sorted(text.get_position()[1] for text in part.texts)
        assert min(np.diff(heights)) > 0.1


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


def row_labels(display):
    return [label.get_text() for label in display.ax_.get_yticklabels()]


def test_each_label_has_a_row():
    gan = FakeGAN((4, 4))
    gan.classes_ = np.array(["cat", "dog"])
    display = SampleGridDisplay.from_estimator(gan, n_samples=10)
    assert row_labels(display) == ["cat", "dog"]
    assert display.sheet_.shape == (2 * 5 - 1, 5 * 5 - 1)
    assert display.ax_.get_ylabel() == "label"
    one = SampleGridDisplay.from_estimator(gan, n_samples=9, y="cat")
    assert row_labels(one) == []


def test_the_score_is_the_title():
    evolved = Evolved((4, 4))
    evolved.best_score_ = 0.875
    title = SampleGridDisplay.from_estimator(evolved).ax_.get_title(loc="right")
    assert title == "score 0.8750 on held-out samples"


def test_each_checkpoint_is_a_row():
    gan = FakeGAN((4, 4))
    display = SampleGridDisplay.from_snapshots(gan, n_columns=5)
    assert display.sheet_.shape == (3 * 5 - 1, 5 * 5 - 1)
    # What is brighter came later.
    assert display.sheet_[0, 0] < display.sheet_[5, 0] < display.sheet_[10, 0]
    # Rows are named by the step, from top to bottom.
    assert row_labels(display) == ["1", "2", "3"]
    assert (np.diff(display.ax_.get_yticks()) > 0).all()
    assert display.ax_.yaxis_inverted()
    assert display.ax_.get_ylabel() == "steps of the generator"


def test_each_generation_is_a_row():
    gan = FakeGAN((4, 4))
    gan.generation_samples_ = {n: np.full((16, 4, 4), n) for n in (0, 2)}
    counts = {"evaluated": 4, "cached": 0, "failed": 0, "seconds": 1.0}
    gan.history_ = [Generation(n, n / 4, 0.0, **counts) for n in range(3)]
    display = SampleGridDisplay.from_generations(gan, n_columns=5)
    assert display.sheet_.shape == (2 * 5 - 1, 5 * 5 - 1)
    assert display.sheet_[0, 0] < display.sheet_[5, 0]
    assert row_labels(display) == ["0\nscore 0.0000", "2\nscore 0.5000"]
    assert display.ax_.get_ylabel() == "generation"
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


def test_any_two_features_are_plotted():
    evolved = Evolved((3,))
    evolved.feature_names_in_ = np.array(["age", "size", "weight"])
    display = SampleGridDisplay.from_estimator(evolved, features=(2, 0))
    assert display.ax_.get_xlabel() == "weight"
    assert display.ax_.get_ylabel() == "age"
    (line,) = display.ax_.lines
    np.testing.assert_array_equal(line.get_xdata(), display.samples[:, 2])
    with pytest.raises(ValueError, match=r"two positions in \[0, 3\); got \(0, 3\)"):
        SampleGridDisplay.from_estimator(evolved, features=(0, 3))


def test_unfitted_estimators_are_refused():
    with pytest.raises(NotFittedError):
        GanSignalsDisplay.from_estimator(EvolvedGAN())
