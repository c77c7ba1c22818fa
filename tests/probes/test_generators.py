"""Data of all kinds that generators, and the measures of their samples, are given."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator

from sknevo.displays import SampleGridDisplay
from sknevo.metrics import (
    GenerativeScore,
    InceptionFeatures,
    authenticity,
    diagnose,
    nearest_neighbour_psnr,
    peak_signal_noise_ratio,
    structural_similarity,
)

DRAW = np.random.default_rng(0)

# Measures of images ----------------------------------------------------------------

# Two sets of bytes that have nothing to do with each other.
NOISE, OTHER = DRAW.integers(0, 256, size=(2, 3, 16, 16), dtype=np.uint8)


@pytest.mark.parametrize("dtype", ["u1", "i4", "u4", "i8", "u8", ">i8", "f4", object])
def test_pixels_have_the_same_scores_in_every_type(dtype):
    wide = NOISE.astype(dtype), OTHER.astype(dtype)
    for measure in (peak_signal_noise_ratio, structural_similarity):
        assert measure(*wide) == pytest.approx(measure(NOISE, OTHER))
    assert nearest_neighbour_psnr(*wide).max() < 10


@pytest.mark.parametrize(("dtype", "extent"), [("i1", 255), ("u2", 65535), ("?", 1)])
def test_narrow_types_have_the_range_of_the_type(dtype, extent):
    dark, other = np.zeros((2, 1, 8, 8), dtype)
    other[0, 0, 0] = 1
    expected = 10 * np.log10(64 * extent**2)
    assert peak_signal_noise_ratio(dark, other)[0] == pytest.approx(expected)
    assert structural_similarity(other, other) == pytest.approx([1.0])


def inception(data_range=255.0):
    """Return a feature space whose network answers with pixels."""
    features = InceptionFeatures("weights.pth", data_range=data_range)
    features._loaded = torch.nn.Flatten()
    return features


SCALES = {
    "psnr": lambda: peak_signal_noise_ratio(NOISE, NOISE / 255),
    "psnr, bytes generated": lambda: peak_signal_noise_ratio(NOISE / 255, NOISE),
    "ssim": lambda: structural_similarity(NOISE, NOISE / 127.5 - 1),
    "nearest": lambda: nearest_neighbour_psnr(NOISE / 255, NOISE),
    "score": lambda: GenerativeScore(lambda X: X.reshape(len(X), -1)).measure(
        np.repeat(NOISE, 3, axis=0), np.repeat(OTHER, 3, axis=0) / 255
    ),
    "inception, [0, 1]": lambda: inception()(NOISE / 255),
    "inception, [-1, 1]": lambda: inception()(NOISE / 127.5 - 1),
    "inception, negative": lambda: inception(1.0)(NOISE / 127.5 - 1),
    "inception, bytes": lambda: inception(1.0)(NOISE),
    "inception, bool": lambda: inception()(NOISE > 99),
}


@pytest.mark.parametrize("call", SCALES.values(), ids=SCALES)
def test_images_of_two_scales_are_noticed(call):
    with pytest.warns(UserWarning, match="different scales|Set data_range"):
        call()


def test_images_of_one_scale_are_not_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        peak_signal_noise_ratio(NOISE / 255, NOISE / 200)
        peak_signal_noise_ratio(NOISE, np.zeros_like(NOISE))
        structural_similarity(NOISE, OTHER)
        inception()(NOISE)
        inception(1.0)(NOISE / 255)
        inception()(np.zeros((2, 8, 8)))


@pytest.mark.slow
def test_inception_is_not_built_in_the_default_type(tmp_path):
    from torchvision.models import inception_v3

    from sknevo.metrics._features import _inception

    # Neither draws from torch's global generator.
    state = inception_v3(weights=None, init_weights=False).state_dict
    with torch.random.fork_rng():
        torch.save(state(), tmp_path / "weights.pth")
        torch.set_default_dtype(torch.float64)
        try:
            network = _inception(tmp_path / "weights.pth")
        finally:
            torch.set_default_dtype(torch.float32)
    assert {value.dtype for value in network.parameters()} == {torch.float32}


# Copies ----------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2, 5])
def test_near_copies_are_found_among_repeated_training_rows(times):
    X, fresh = DRAW.normal(size=(1000, 2)), DRAW.normal(size=(1500, 2))
    training, copies = np.tile(X, (times, 1)), X[:500] + 1e-5
    assert authenticity(training, copies) == 0
    assert authenticity(training, fresh) == authenticity(X, fresh) > 0.3
    found = diagnose(fresh[:1000], copies, training=training)
    assert [finding.name for finding in found] == ["memorised"]
    assert not diagnose(fresh[:1000], fresh[1000:], training=training)


def test_of_a_single_training_row_only_equals_are_copies():
    assert authenticity(np.ones((9, 2)), [[1, 1], [1, 1.1]]) == 0.5


# Displays --------------------------------------------------------------------------


class RowGAN(BaseEstimator):
    """What displays read of a GAN that was fitted on rows of two features."""

    sample_shape, image_shape = (2,), None
    snapshots_ = np.zeros((3, 256, 2))
    generation_samples_ = {0: np.zeros((256, 2))}

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, X):
        return self


@pytest.mark.parametrize("name", ["from_snapshots", "from_generations"])
def test_grids_of_rows_are_refused(name):
    with pytest.raises(
        ValueError, match="fitted on images; it was fitted on rows of 2"
    ):
        getattr(SampleGridDisplay, name)(RowGAN())
