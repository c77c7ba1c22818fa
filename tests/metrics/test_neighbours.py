"""Measures by nearest neighbours agree with prdc, and with their definition."""

import numpy as np
import pytest
from generators import CENTERS, SIGMA, circle, ring
from prdc import compute_prdc

from sknevo.metrics import (
    authenticity,
    mode_coverage,
    precision_recall_density_coverage,
)


@pytest.mark.parametrize(("n", "m", "width", "k"), [(60, 40, 2, 5), (50, 80, 16, 3)])
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_the_four_measures_are_those_of_prdc(n, m, width, k, shift):
    draw = np.random.default_rng(0)
    real, generated = draw.normal(size=(n, width)), draw.normal(size=(m, width)) + shift
    expected = compute_prdc(real, generated, nearest_k=k)
    ours = precision_recall_density_coverage(real, generated, n_neighbors=k)
    assert ours._asdict() == pytest.approx({k: float(v) for k, v in expected.items()})


def test_too_few_samples_are_refused():
    with pytest.raises(ValueError, match="generated must hold at least 6 samples"):
        precision_recall_density_coverage(np.zeros((9, 2)), np.zeros((5, 2)))
    with pytest.raises(ValueError, match="n_neighbors must be at least 1; got 0"):
        precision_recall_density_coverage(np.zeros((9, 2)), np.zeros((5, 2)), 0)


def test_authenticity_is_what_its_definition_says():
    draw = np.random.default_rng(0)
    training, generated = draw.normal(size=(50, 3)), draw.normal(size=(30, 3))
    authentic = 0
    for sample in generated:
        distances = np.linalg.norm(training - sample, axis=1)
        own = np.linalg.norm(training - training[distances.argmin()], axis=1)
        authentic += distances.min() > np.sort(own)[1]
    assert authenticity(training, generated) == authentic / 30


def test_copies_are_not_authentic_and_narrow_samples_are():
    draw = np.random.default_rng(0)
    training = draw.normal(size=(2000, 2))
    assert authenticity(training, training[:500] + 1e-9) == 0
    fresh = authenticity(training, draw.normal(size=(500, 2)))
    assert authenticity(training, 0.5 * draw.normal(size=(500, 2))) > 0.8 * fresh


def test_a_perfect_ring_has_all_modes():
    found = mode_coverage(ring(np.random.default_rng(0), 2500), CENTERS, 3 * SIGMA)
    assert found.n_modes == 8
    assert found.high_quality == pytest.approx(1 - np.exp(-4.5), abs=0.01)
    assert found.counts.sum() == pytest.approx(2500 * found.high_quality)


def test_modes_are_counted_by_any_sample_or_by_their_share():
    draw = np.random.default_rng(0)
    X = np.vstack([ring(draw, 990, [0, 2, 5]), CENTERS[:4].repeat(2, axis=0)])
    assert mode_coverage(X, CENTERS, 3 * SIGMA).n_modes == 5
    assert mode_coverage(X, CENTERS, 3 * SIGMA, min_share=0.5).n_modes == 3


def test_quality_is_asked_beside_modes():
    draw = np.random.default_rng(0)
    assert mode_coverage(circle(draw, 2500), CENTERS, 3 * SIGMA).high_quality < 0.1
    # What mode counts do not see: a point for each mode.
    points = CENTERS[draw.integers(8, size=2500)]
    assert mode_coverage(points, CENTERS, 3 * SIGMA)[:2] == (8, 1.0)
    assert (
        precision_recall_density_coverage(ring(draw, 500), points[:500]).coverage < 0.2
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"radius": 0}, "radius must be above 0; got 0"),
        ({"radius": float("nan")}, "radius must be above 0; got nan"),
        ({"radius": 1, "min_share": 2}, r"min_share must be in \[0, 1\]; got 2"),
    ],
)
def test_wrong_parameters_of_mode_coverage_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        mode_coverage(CENTERS, CENTERS, **parameters)
