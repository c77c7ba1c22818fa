"""Distances of two sets of features agree with those of torchmetrics."""

import numpy as np
import pytest
import torch

from sknevo.metrics import frechet_distance, kernel_distance


class Given(torch.nn.Module):
    """The features are what is given."""

    def __init__(self, num_features):
        super().__init__()
        self.num_features = num_features

    def forward(self, X):
        return X


def features(n, m, width, seed=0):
    draw = np.random.default_rng(seed)
    mix = draw.normal(size=(width, width))
    X = draw.normal(size=(n, width)) @ mix
    return X, 1.3 * draw.normal(size=(m, width)) @ mix.T + draw.normal(size=width)


def theirs(metric, X, Y):
    metric.update(torch.from_numpy(X), real=True)
    metric.update(torch.from_numpy(Y), real=False)
    return metric.compute()


@pytest.mark.parametrize(("n", "m", "width"), [(200, 150, 2), (300, 300, 20)])
def test_frechet_distance_is_that_of_torchmetrics(n, m, width):
    from torchmetrics.image.fid import FrechetInceptionDistance  # takes seconds

    X, Y = features(n, m, width)
    expected = theirs(FrechetInceptionDistance(Given(width)), X, Y)
    assert frechet_distance(X, Y) == pytest.approx(float(expected), rel=1e-6)


def test_frechet_distance_of_fewer_samples_than_features():
    X, Y = features(8, 12, 30)
    # C1^(1/2) C2 C1^(1/2) is symmetric: eigenvalues of the definition, one by one.
    values, vectors = np.linalg.eigh(np.cov(X.T))
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    shared = np.sqrt(np.linalg.eigvalsh(root @ np.cov(Y.T) @ root).clip(0)).sum()
    moved = np.square(X.mean(0) - Y.mean(0)).sum()
    expected = moved + np.cov(X.T).trace() + np.cov(Y.T).trace() - 2 * shared
    assert frechet_distance(X, Y) == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_with_copied_and_constant_features():
    X, Y = features(100, 100, 3)
    wide = [np.column_stack([Z, Z, np.full(len(Z), 5.0)]) for Z in (X, Y)]
    assert frechet_distance(*wide) == pytest.approx(2 * frechet_distance(X, Y))


def test_frechet_distance_is_symmetric_and_zero_for_the_same():
    X, Y = features(50, 60, 5)
    assert frechet_distance(X, Y) == pytest.approx(frechet_distance(Y, X))
    assert frechet_distance(X, X) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(X[:1], X[:1] + 2) == pytest.approx(20)


def test_frechet_distance_far_from_the_origin():
    X, Y = features(100, 100, 4)
    near, far = frechet_distance(X, Y), frechet_distance(X + 1e6, Y + 1e6)
    assert far == pytest.approx(near, rel=1e-6)


@pytest.mark.parametrize("parameters", [{}, {"degree": 2, "gamma": 0.5, "coef0": 0.1}])
def test_kernel_distance_is_that_of_torchmetrics(parameters):
    from torchmetrics.image.kid import KernelInceptionDistance

    X, Y = features(80, 80, 6)
    named = {"coef" if k == "coef0" else k: v for k, v in parameters.items()}
    with pytest.warns(UserWarning, match="large memory footprint"):
        metric = KernelInceptionDistance(Given(6), subsets=1, subset_size=80, **named)
    ours = kernel_distance(X, Y, n_subsets=1, **parameters)
    assert ours.mean == pytest.approx(float(theirs(metric, X, Y)[0]), rel=1e-6)
    assert ours.std == 0


def test_kernel_distance_has_no_bias():
    draw = np.random.default_rng(0)
    distances = [
        kernel_distance(*draw.normal(size=(2, 20, 3)), n_subsets=1).mean
        for _ in range(300)
    ]
    error = np.std(distances) / np.sqrt(len(distances))
    assert abs(np.mean(distances)) < 3 * error


def test_kernel_distance_varies_from_subset_to_subset_by_the_seed():
    X, Y = features(80, 90, 6)
    first, again = (kernel_distance(X, Y, subset_size=30, n_subsets=5) for _ in "ab")
    assert first == again
    assert first.std > 0


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
@pytest.mark.parametrize(
    ("X", "Y", "message"),
    [
        (np.zeros(3), np.zeros((3, 1)), r"X must be of shape .* got \(3,\)"),
        (np.zeros((3, 1)), np.zeros((0, 1)), "Y must hold at least"),
        (np.zeros((3, 1)), np.full((3, 1), np.nan), "Y must be finite"),
        (
            np.zeros((3, 1)),
            np.zeros((3, 2)),
            "the same number of features; got 1 and 2",
        ),
    ],
)
def test_what_is_wrong_is_named(distance, X, Y, message):
    with pytest.raises(ValueError, match=message):
        distance(X, Y)
