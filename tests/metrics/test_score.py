"""One fitness of a generative model, as a scikit-learn scorer."""

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from generators import ring
from sklearn.base import BaseEstimator, clone
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity

from sknevo.metrics import GenerativeScore, StandardFeatures


class Gan(BaseEstimator):
    """Returns samples that it was constructed with."""

    def __init__(self, samples=None, stability=None):
        self.samples = samples
        if stability is not None:
            self.stability_ = stability

    def sample(self, n_samples):
        return self.samples[:n_samples]


@pytest.fixture
def real():
    return ring(np.random.default_rng(0), 1000)


@pytest.fixture
def half():
    return ring(np.random.default_rng(1), 500, modes=range(4))


def test_scores_are_named_and_shown_with_what_real_samples_get(real, half):
    scores = GenerativeScore()(Gan(half), real)
    assert next(iter(scores)) == "fitness"
    assert scores["coverage"] == pytest.approx(0.5, abs=0.1)
    assert scores["real_coverage"] > 0.9
    assert scores["neg_frechet_distance"] < scores["real_neg_frechet_distance"] <= 0
    assert scores["density"] > scores["real_density"] > 0.8
    assert "stability" not in scores


def test_no_good_number_hides_a_bad_one(real):
    point = np.zeros((500, 2))
    geometric = GenerativeScore()(Gan(point, stability=1.0), real)
    mean = GenerativeScore(combine="sum")(Gan(point, stability=1.0), real)
    assert geometric["fitness"] < 0.1 < mean["fitness"]


def test_stability_is_a_term_where_it_is_known(real, half):
    score = GenerativeScore()
    fitness = [score(Gan(half, s), real)["fitness"] for s in (1.0, 0.5, 0.0)]
    assert fitness == sorted(fitness, reverse=True)
    assert score(Gan(half, 0.5), real)["stability"] == 0.5
    known = GenerativeScore.TERMS.keys() - {"utility", "authenticity"}
    share = 1 / sum(GenerativeScore.TERMS[name] for name in known)
    assert fitness[1] == pytest.approx(fitness[0] * 0.5**share)
    assert score.measure(real, half, stability=0.5)["fitness"] == fitness[1]


def test_the_densest_samples_do_not_pay_for_those_astray(real):
    draw = np.random.default_rng(1)
    narrow = ring(draw, 2000, width=0.75)
    strays = narrow.copy()
    strays[::8] = draw.normal(size=(250, 2))
    fitness = [GenerativeScore().measure(real, X)["fitness"] for X in (narrow, strays)]
    assert fitness[1] < fitness[0] - 0.02


class Conditional(Gan):
    """Samples of one mode for each label, or of any."""

    def __init__(self, obedient=True):
        self.obedient = obedient

    def sample(self, n_samples, y=None, random_state=None):
        draw = np.random.default_rng(random_state)
        if y is None or not self.obedient:
            return ring(draw, n_samples)
        made = np.empty((n_samples, 2))
        for label in np.unique(y):
            made[y == label] = ring(
                draw, (y == label).sum(), modes=[round(float(label))]
            )
        return made


def labelled(draw, n_samples):
    y = draw.integers(8, size=n_samples)
    X = np.vstack([ring(draw, 1, modes=[label]) for label in y])
    return X, y


@pytest.mark.parametrize(
    "kind",
    [int, *(pytest.param(kind, marks=pytest.mark.slow) for kind in (float, str))],
)
def test_disregarded_labels_or_values_lower_the_fitness(kind):
    draw = np.random.default_rng(0)
    X, y = labelled(draw, 1000)
    # Samples depend on nothing but the label, as those of `Conditional` do.
    wanted = y.astype(kind) if kind is not float else y + 0.02 * draw.normal(size=1000)
    good, bad = (GenerativeScore()(Conditional(o), X, wanted) for o in (True, False))
    assert good["fitness"] > 0.9
    assert bad["fitness"] < 0.6
    without = GenerativeScore()(Conditional(False), X)
    assert without["fitness"] > 0.9


def test_few_different_values_are_no_labels_if_the_estimator_says_so():
    """An estimator that was fitted with more values has `n_conditions_` of 1."""
    X, y = labelled(np.random.default_rng(0), 400)
    ages = 10 * y + np.random.default_rng(1).integers(10, size=400)

    class OfValues(Conditional):
        n_conditions_ = 1

        def sample(self, n_samples, y=None, random_state=None):
            return super().sample(n_samples, np.asarray(y) // 10, random_state)

    good, bad = (GenerativeScore()(OfValues(o), X, ages)["fitness"] for o in (1, 0))
    assert good > 0.85 > 0.7 > bad


@pytest.mark.parametrize("kind", [list, pd.DataFrame])
def test_lists_and_data_frames_are_compared_alike(real, half, kind):
    scores = GenerativeScore()(Gan(half), real)
    assert GenerativeScore()(Gan(half), kind(real)) == scores
    assert GenerativeScore().measure(kind(real), half) == scores


def test_other_parameters_prepare_real_samples_anew(real, half):
    score = GenerativeScore()
    first = score(Gan(half), real)
    fewer = score.set_params(n_samples=100)(Gan(half), real)
    assert fewer == GenerativeScore(n_samples=100)(Gan(half), real) != first


def test_labels_are_as_many_as_samples(real):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        GenerativeScore()(Conditional(), real, np.ones(7))


@pytest.mark.slow
def test_chance_decides_little(real):
    draw = np.random.default_rng(2)
    spreads = []
    for n_repeats in (1, 4):
        score = GenerativeScore(n_repeats=n_repeats)
        sets = [ring(draw, 2000, width=1.2) for _ in range(30)]
        spreads.append(np.std([score.measure(real, X)["fitness"] for X in sets]))
    assert spreads[1] < 0.9 * spreads[0]


def test_the_fitness_can_be_computed_from_what_is_shown(real, half):
    scores = GenerativeScore()(Gan(half), real)
    terms = {"closeness": scores["closeness"]}
    for name in ("coverage", "density", "precision", "recall", "indistinguishability"):
        terms[name] = min(1, scores[name] / scores[f"real_{name}"])
    weights = [GenerativeScore.TERMS[name] for name in terms]
    logarithms = np.log([*terms.values()])
    mean = np.average(logarithms, weights=weights)
    assert scores["fitness"] == pytest.approx(np.exp(mean))


def test_weights_say_what_counts(real, half):
    scores = GenerativeScore(combine="sum", weights={"coverage": 2})(Gan(half), real)
    share = scores["coverage"] / scores["real_coverage"]
    assert scores["fitness"] == pytest.approx(share)
    weights = {"coverage": 1, "stability": 3}
    scores = GenerativeScore(combine="sum", weights=weights)(Gan(half, 0.2), real)
    assert scores["fitness"] == pytest.approx((share + 3 * 0.2) / 4)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"combine": "product"}, "combine must be 'geometric' or 'sum'; got 'product'"),
        ({"weights": {"fid": 1.0}}, r"weights may only name .*; got \['fid'\]"),
        ({"weights": {}}, "weights must not be negative, and at least one"),
        ({"weights": {"coverage": -1, "recall": 2}}, "weights must not be negative"),
        ({"weights": {"stability": 1}}, "weights must be above 0 for one of"),
        ({"n_samples": 1}, "n_samples must be at least 2"),
        ({"n_repeats": 0}, "n_repeats must be at least 1; got 0"),
    ],
)
def test_wrong_parameters_are_named(real, half, parameters, message):
    with pytest.raises(ValueError, match=message):
        GenerativeScore(**parameters)(Gan(half), real)


@pytest.mark.parametrize("stability", [-0.1, 1.1, float("nan")])
def test_a_stability_that_is_none_is_refused(real, half, stability):
    with pytest.raises(ValueError, match=r"stability must be in \[0, 1\]; got"):
        GenerativeScore()(Gan(half, stability), real)


def test_samples_that_are_not_numbers_are_refused(real):
    with pytest.raises(ValueError, match="generated must be finite"):
        GenerativeScore()(Gan(np.full((500, 2), np.nan)), real)


def test_scikit_learns_density_models_are_scored(real):
    score = GenerativeScore()
    mixtures = [GaussianMixture(k, random_state=0).fit(real) for k in (2, 8)]
    assert score(mixtures[0], real)["fitness"] < score(mixtures[1], real)["fitness"]
    density = KernelDensity(bandwidth=0.01).fit(real)
    assert score(density, real) == score(density, real)


def test_it_selects_in_a_grid_search(real):
    search = GridSearchCV(
        KernelDensity(),
        {"bandwidth": [0.005, 0.3]},
        scoring=GenerativeScore(),
        refit="fitness",
        cv=2,
    ).fit(real)
    assert search.best_params_ == {"bandwidth": 0.005}
    assert "mean_test_real_coverage" in search.cv_results_


def test_it_clones_pickles_and_forgets_the_data(real, half):
    score = GenerativeScore(StandardFeatures.of(real), n_samples=300)
    scores = score(Gan(half), real)
    copy = pickle.loads(pickle.dumps(score))
    assert len(pickle.dumps(score)) < 2000
    assert copy(Gan(half), real) == scores
    assert clone(score).n_samples == 300


def test_other_real_samples_are_noticed(real, half):
    score = GenerativeScore()
    first = score(Gan(half), real)
    other = score(Gan(half), half.repeat(2, axis=0) + 1e-3)
    assert other["coverage"] > 0.8 > first["coverage"]
    assert score(Gan(half), real) == first


def test_any_callable_gives_features(real, half):
    def mirrored(X):
        return np.abs(X)

    assert GenerativeScore(mirrored)(Gan(half), real)["coverage"] > 0.8
    scored = GenerativeScore(mirrored)
    mirrored.frechet_name = "fid"
    assert "neg_fid" in scored(Gan(half), real)


def test_wide_tables_are_compared_by_principal_components():
    draw = np.random.default_rng(0)
    X = draw.normal(size=(300, 4)) @ draw.normal(size=(4, 100))
    features = StandardFeatures.of(X)
    assert features(X).shape == (300, 64)
    # No distance is lost: four dimensions are all there is.
    apart = np.linalg.norm((X[0] - X[1]) / X.std(axis=0))
    assert np.linalg.norm(np.diff(features(X[:2]), axis=0)) == pytest.approx(apart)
    assert features.fingerprint == StandardFeatures.of(X).fingerprint
    assert features.fingerprint != StandardFeatures.of(X[1:]).fingerprint


@pytest.mark.slow
def test_tables_are_scored_without_torch_and_scikit_image():
    code = (
        "import sys, numpy as np; from sklearn.neighbors import KernelDensity\n"
        "from sknevo.metrics import GenerativeScore\n"
        "X = np.random.default_rng(0).normal(size=(200, 2))\n"
        "GenerativeScore()(KernelDensity().fit(X), X)\n"
        "print({'torch', 'skimage'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
