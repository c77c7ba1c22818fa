"""Images are compared as scikit-image compares them; inversion finds what is there."""

import sys

import numpy as np
import pytest
import skimage.metrics
import torch
from sklearn.datasets import load_digits

from sknevo.metrics import (
    invert,
    nearest_neighbour_psnr,
    nearest_neighbour_ssim,
    peak_signal_noise_ratio,
    structural_similarity,
)

DIGITS = load_digits().images


def pairs(shape, dtype=np.uint8):
    draw = np.random.default_rng(0)
    real = draw.integers(256, size=shape)
    images = (real + draw.integers(-40, 40, size=shape)).clip(0, 255)
    return real.astype(dtype), images.astype(dtype)


@pytest.mark.parametrize("shape", [(3, 16, 20), (2, 3, 9, 9), (2, 12, 10, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_psnr_is_that_of_scikit_image(shape, dtype):
    real, images = pairs(shape, dtype)
    expected = [
        skimage.metrics.peak_signal_noise_ratio(x, y, data_range=255)
        for x, y in zip(real, images, strict=True)
    ]
    ours = peak_signal_noise_ratio(real, images, data_range=255)
    assert ours == pytest.approx(expected)


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((3, 16, 20), None),
        ((2, 3, 9, 9), 0),
        ((2, 12, 10, 3), 2),
        ((2, 16, 16, 13), 2),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_ssim_is_that_of_scikit_image(shape, axis, dtype):
    real, images = pairs(shape, dtype)
    expected = [
        skimage.metrics.structural_similarity(x, y, data_range=255, channel_axis=axis)
        for x, y in zip(real, images, strict=True)
    ]
    assert structural_similarity(real, images, data_range=255) == pytest.approx(
        expected
    )


def test_ssim_is_what_its_definition_says():
    real, images = (Z.astype(float) for Z in pairs((1, 9, 10)))
    x, y = (
        np.lib.stride_tricks.sliding_window_view(Z[0], (7, 7)) for Z in (real, images)
    )
    x, y = (Z.reshape(-1, 49) for Z in (x, y))
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    covariances = [np.cov(*window)[0, 1] for window in zip(x, y, strict=True)]
    similarities = (2 * x.mean(1) * y.mean(1) + c1) * (2 * np.array(covariances) + c2)
    similarities /= x.mean(1) ** 2 + y.mean(1) ** 2 + c1
    similarities /= x.var(1, ddof=1) + y.var(1, ddof=1) + c2
    ours = structural_similarity(real, images, data_range=255)
    assert ours == pytest.approx([similarities.mean()])


@pytest.mark.parametrize("measure", [structural_similarity, nearest_neighbour_ssim])
def test_ssim_without_scikit_image_names_the_extra(monkeypatch, measure):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(ImportError, match=r'pip install "\.\[images\]"'):
        measure(DIGITS[:2], DIGITS[:2])


def test_the_range_of_bytes_is_known_and_that_of_floats_is_seen():
    real, images = pairs((3, 16, 16))
    by_hand = peak_signal_noise_ratio(real, images, data_range=255)
    assert peak_signal_noise_ratio(real, images) == pytest.approx(by_hand)
    scaled = peak_signal_noise_ratio(real / 255, images / 255)
    assert scaled == pytest.approx(by_hand, abs=0.1)


def test_small_images_get_a_small_window():
    real, images = pairs((2, 4, 5))
    expected = skimage.metrics.structural_similarity(
        real[0], images[0], data_range=255, win_size=3
    )
    assert structural_similarity(real, images)[0] == pytest.approx(expected)
    assert structural_similarity(real[:, :1], real[:, :1]) == pytest.approx([1, 1])


def test_memorised_images_are_told_from_held_out_ones():
    training, fresh = DIGITS[:1500], DIGITS[1500:1600]
    copies = training[:100] + np.random.default_rng(0).normal(size=(100, 8, 8)) / 10
    held_out = nearest_neighbour_psnr(fresh, training)
    assert nearest_neighbour_psnr(copies, training).min() > held_out.max()
    assert np.isinf(nearest_neighbour_psnr(training[:5], training)).all()
    held_out = nearest_neighbour_ssim(fresh, training)
    assert np.median(nearest_neighbour_ssim(copies, training)) > np.max(held_out)


def test_the_nearest_is_found_by_brute_force():
    training, fresh = DIGITS[:200], DIGITS[200:210]
    expected = [
        max(peak_signal_noise_ratio(training, np.broadcast_to(x, training.shape)))
        for x in fresh
    ]
    assert nearest_neighbour_psnr(fresh, training) == pytest.approx(expected)


def generator(noise_dimension, side=8):
    draw = torch.Generator().manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(noise_dimension, 32),
        torch.nn.Tanh(),
        torch.nn.Linear(32, side * side),
        torch.nn.Sigmoid(),
        torch.nn.Unflatten(1, (side, side)),
    )
    for weights in net.parameters():
        torch.nn.init.normal_(weights, generator=draw)
    return net.eval()


def test_a_generator_rebuilds_its_own_images_and_no_others():
    net, draw = generator(4), np.random.default_rng(0)
    noise = draw.normal(size=(200, 4)).astype(np.float32)
    with torch.no_grad():
        own = net(torch.from_numpy(noise[:10])).numpy()
    others = draw.random((10, 8, 8), dtype=np.float32)
    rebuilt = [invert(net, images, noise[10:], n_steps=100) for images in (own, others)]
    assert np.median(peak_signal_noise_ratio(own, rebuilt[0], data_range=1)) > 30
    assert np.max(peak_signal_noise_ratio(others, rebuilt[1], data_range=1)) < 15
    assert np.median(structural_similarity(own, rebuilt[0], data_range=1)) > 0.9


def test_descent_improves_on_the_best_candidate_and_leaves_the_generator_alone():
    net, draw = generator(4), np.random.default_rng(0)
    images, noise = draw.random((5, 8, 8)), draw.normal(size=(50, 4))
    net.double()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    first = peak_signal_noise_ratio(images, invert(net, images, noise, n_steps=0))
    last = peak_signal_noise_ratio(images, invert(net, images, noise, n_steps=50))
    assert (last > first).all()
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())
    assert all(weights.grad is None for weights in net.parameters())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: structural_similarity(DIGITS[:2], DIGITS[:3]), "the same shape; got"),
        (lambda: structural_similarity(np.eye(9), np.eye(9)), "must be of shape"),
        (lambda: peak_signal_noise_ratio(DIGITS[:0], DIGITS[:0]), "must have pixels"),
        (
            lambda: peak_signal_noise_ratio(np.ones((2, 9)), np.ones((2, 9))),
            "data_range must be given",
        ),
        (lambda: nearest_neighbour_psnr(DIGITS[:2], DIGITS[:2, 1:]), "the same shape"),
        (lambda: nearest_neighbour_psnr(DIGITS[:0], DIGITS), "at least one image"),
        (
            lambda: invert(generator(4), np.ones((1, 9)), np.ones((2, 4), np.float32)),
            "generator must return images of 9 values, like those to rebuild; got 64",
        ),
    ],
)
def test_what_is_wrong_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
