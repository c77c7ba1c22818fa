"""Collapse, blur, narrow modes and copies are found; good generators are not."""

from functools import partial

import numpy as np
import pytest
from generators import blob, circle, noise, partly_noise, point, prototypes, ring
from sklearn.datasets import load_digits

from sknevo.metrics import (
    GenerativeScore,
    ReferenceSet,
    StandardFeatures,
    collapse_score,
    diagnose,
    frechet_distance,
)

N = 500
COLLAPSED, NARROW = {"mode collapse", "intra-mode collapse"}, {"over-narrow"}
FAILURES = {
    "four of eight modes": (partial(ring, modes=[0, 2, 4, 6]), {"mode collapse"}),
    "four neighbours": (partial(ring, modes=range(4)), {"mode collapse"}),
    "six of eight modes": (partial(ring, modes=range(6)), {"mode collapse"}),
    "one mode": (partial(ring, modes=[3]), {"mode collapse"}),
    "a single point": (point, {"mode collapse"}),
    "a point of each mode": (partial(prototypes, n_prototypes=16), COLLAPSED),
    "narrow points": (partial(ring, width=0.1), {"intra-mode collapse"}),
    "80 prototypes": (
        partial(prototypes, n_prototypes=80, jitter=0.02),
        {"intra-mode collapse"},
    ),
    "over-narrow modes": (partial(ring, width=0.5), NARROW | COLLAPSED),
    "blurred modes": (partial(ring, width=2.0), {"poor quality"}),
    "noise": (noise, {"poor quality"}),
    "partly noise": (partial(partly_noise, share=0.4), {"poor quality"}),
    "moment-matched blob": (blob, {"poor quality"}),
    "a circle through the modes": (circle, {"poor quality"}),
}


@pytest.fixture(params=[0, *(pytest.param(i, marks=pytest.mark.slow) for i in (1, 2))])
def draw(request):
    return np.random.default_rng(request.param)


def standardised(draw):
    """Return a reference of the ring, and its feature space."""
    real = ring(draw, 5 * N)
    features = StandardFeatures.of(real)
    return features, ReferenceSet.of(features(real), n_samples=N)


# In every run: one of each kind.
USUAL = {
    "four of eight modes",
    "a point of each mode",
    "80 prototypes",
    "over-narrow modes",
    "blurred modes",
    "partly noise",
    "moment-matched blob",
}


@pytest.mark.parametrize(
    "failure",
    [pytest.param(f, marks=[pytest.mark.slow] * (f not in USUAL)) for f in FAILURES],
)
def test_each_failure_is_named_and_scored_below_a_perfect_generator(draw, failure):
    generator, names = FAILURES[failure]
    real, generated, good = ring(draw, 2 * N), generator(draw, N), ring(draw, N)
    features = StandardFeatures.of(real)
    findings = diagnose(features(real), features(generated))
    assert {finding.name for finding in findings} & names, [*map(str, findings)]
    score = GenerativeScore()
    fitness = [score.measure(real, X)["fitness"] for X in (generated, good)]
    assert fitness[0] < fitness[1] - 0.05
    assert fitness[1] > 0.93


def test_a_perfect_generator_has_no_findings():
    findings = []
    for seed in range(10):
        draw = np.random.default_rng(seed)
        features, reference = standardised(draw)
        findings += diagnose(reference, features(ring(draw, N)))
    assert findings == []


def test_slightly_other_modes_are_no_finding(draw):
    features, reference = standardised(draw)
    assert diagnose(reference, features(ring(draw, N, width=0.8))) == []
    assert diagnose(reference, features(ring(draw, N, width=1.2))) == []


def test_the_names_do_not_mix_up_noise_and_collapse(draw):
    features, reference = standardised(draw)
    for generator in (noise, blob, circle, partial(ring, width=3.0)):
        names = {
            found.name for found in diagnose(reference, features(generator(draw, N)))
        }
        assert not names & COLLAPSED
    lost = diagnose(reference, features(ring(draw, N, modes=[0, 2, 4, 6])))
    assert {finding.name for finding in lost} == {"mode collapse", "told apart"}


def test_why_a_frechet_distance_is_not_enough(draw):
    """Half the modes lost, or a blob, have the right mean and covariance."""
    features, reference = standardised(draw)
    for generator in (partial(ring, modes=[0, 2, 4, 6]), blob):
        generated = features(generator(draw, N))
        assert frechet_distance(reference.rows, generated) < 0.05
        assert reference.closeness(reference.measure(generated)) > 0.8
        assert diagnose(reference, generated)


def test_copies_are_found_with_the_training_data_only(draw):
    training, real = ring(draw, N), ring(draw, 2 * N)
    copies = training[draw.permutation(N)]
    assert diagnose(real, copies) == []
    names = {found.name for found in diagnose(real, copies, training=training)}
    assert names == {"memorised"}
    nearly = copies + 1e-4 * draw.normal(size=copies.shape)
    assert "memorised" in {f.name for f in diagnose(real, nearly, training=training)}
    assert diagnose(real, ring(draw, N), training=training) == []


def test_prototypes_of_digits_are_collapsed():
    X, y = load_digits(return_X_y=True)
    X, y = np.array(X), np.array(y)
    order = np.random.default_rng(0).permutation(len(X))
    real, rest, labels = X[order[:1000]], X[order[1000:]], y[order[1000:]]
    features = StandardFeatures.of(real)
    reference = ReferenceSet.of(features(real))
    copies = np.resize(rest[:20], (500, 64))
    half = np.resize(rest[labels < 5], (500, 64))
    names = [[f.name for f in diagnose(reference, features(Z))] for Z in (copies, half)]
    assert "intra-mode collapse" in names[0]
    assert "mode collapse" in names[1]
    assert diagnose(reference, features(rest[:500])) == []


def test_collapsed_generators_are_not_called_memorised(draw):
    training, real = ring(draw, N), ring(draw, 2 * N)
    for generator in (partial(ring, modes=[3]), partial(ring, width=0.3)):
        findings = diagnose(real, generator(draw, N), training=training)
        assert "memorised" not in {finding.name for finding in findings}


def test_findings_say_what_and_how_much(draw):
    features, reference = standardised(draw)
    worst, *_ = diagnose(reference, features(ring(draw, N, modes=[1])))
    assert worst.severity > 0.6
    found = diagnose(reference, features(ring(draw, N, modes=[0, 2, 4, 6])))
    (finding,) = (one for one in found if one.name == "mode collapse")
    assert finding.severity == pytest.approx(1 - finding.value / finding.expected)
    assert str(finding) == (
        f"mode collapse: coverage {finding.value:.2f} of {finding.expected:.2f}"
    )


def test_wide_coverage_sees_lost_modes_and_no_quality(draw):
    features, reference = standardised(draw)
    for width in (0.5, 2.0):
        for n_modes in (8, 6, 1):
            made = features(ring(draw, 2 * N, modes=range(n_modes), width=width))
            assert reference.wide_coverage(made) == pytest.approx(n_modes / 8, abs=0.06)


def test_tables_of_few_values_are_as_various_as_they_can_be():
    draw = np.random.default_rng(0)
    X = draw.integers(2, size=(1500, 3))
    reference = ReferenceSet.of(X[:1000])
    assert reference.measure(X[1000:]).variety == 1
    assert diagnose(reference, X[1000:]) == []
    assert reference.measure(X[1000:] + 1e-3).coverage == 1


def test_collapse_scores_rise_with_the_modes_that_are_lost(draw):
    features, reference = standardised(draw)
    scores = [
        collapse_score(reference, features(ring(draw, N, modes=range(n_modes))))
        for n_modes in (8, 6, 4, 1)
    ]
    assert scores == sorted(scores)
    assert scores[0] < 0.05
    assert scores[-1] > 0.8
    assert collapse_score(reference, features(point(draw, N))) == 1


def test_a_little_noise_does_not_hide_lost_modes(draw):
    features, reference = standardised(draw)
    generated = ring(draw, N, modes=[0, 2, 4, 6])
    generated[:10] = noise(draw, 10)
    assert reference.measure(features(generated)).recall < 0.6
    assert collapse_score(reference, features(generated)) > 0.4


def test_noise_is_between_collapse_and_a_good_generator(draw):
    features, reference = standardised(draw)
    scores = [
        collapse_score(reference, features(generator(draw, N)))
        for generator in (ring, noise, point)
    ]
    assert scores[0] < 0.1 < 0.4 < scores[1] < 0.6 < 0.9 < scores[2]


def test_a_reference_takes_what_there_is():
    X = np.random.default_rng(0).normal(size=(2600, 3))
    assert ReferenceSet.of(X).n_samples == 1000
    assert ReferenceSet.of(X[:11]).n_samples == 5
    assert ReferenceSet.of(X[:4]).measure(X[:2]).coverage >= 0
    with pytest.raises(ValueError, match="real must hold at least 4 samples; got 3"):
        ReferenceSet.of(X[:3])
    with pytest.raises(
        ValueError, match="generated must hold at least 5 samples; got 4"
    ):
        ReferenceSet.of(X[:11]).measure(X[:4])
    with pytest.raises(ValueError, match="generated must be finite"):
        ReferenceSet.of(X[:11]).measure(np.full((5, 3), np.inf))
    with pytest.raises(ValueError, match="n_samples must be at least 2"):
        ReferenceSet.of(X, n_samples=1)


def test_real_samples_without_any_spread():
    same = np.ones((20, 2))
    assert diagnose(same, same) == []
    assert diagnose(same, same + 1)
