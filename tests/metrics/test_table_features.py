"""Tables are compared in a space in which every column has the same weight."""

import numpy as np
import pytest

from sknevo.metrics import GenerativeScore, TableFeatures

N = 800
ARE_LABELS = [False, True, False, True]


def table(seed=0):
    rng = np.random.default_rng(seed)
    kind = rng.choice(12, N)
    number = np.where(rng.random(N) < 0.3, np.nan, kind + rng.normal(size=N))
    return np.column_stack([number, kind, np.exp(3 * rng.normal(size=N)), kind % 2])


def test_every_column_has_the_same_weight():
    X = table()
    features = TableFeatures.of(X, ARE_LABELS)
    found = features(X)
    assert np.isfinite(found).all()
    # The indicator of gaps is a column of its own: four columns and this one.
    assert found.var(axis=0).sum() == pytest.approx(5)
    labels = found[:, 2:14]
    assert labels.var(axis=0).sum() == pytest.approx(1)
    # Numbers with a long tail are within a few standard deviations.
    assert np.ptp(found[:, 14]) < 10 < np.ptp(X[:, 2]) / X[:, 2].std()
    assert repr(features) == repr(TableFeatures.of(X, ARE_LABELS))
    assert repr(features) != repr(TableFeatures.of(X[:99], ARE_LABELS))


def test_classifiers_get_labels_and_gaps_as_they_are():
    X = table()
    plain = TableFeatures.of(X, ARE_LABELS).plain_columns(X)
    np.testing.assert_array_equal(plain[:, ARE_LABELS], X[:, ARE_LABELS])
    np.testing.assert_array_equal(np.isnan(plain), np.isnan(X))
    assert (np.argsort(plain[:, 2]) == np.argsort(X[:, 2])).all()
    assert np.ptp(plain[:, 2]) < 10


def test_what_is_not_finite_is_refused():
    X, other = table(), table(1)
    other[0, 2] = np.inf
    score = GenerativeScore(TableFeatures.of(X, ARE_LABELS), n_samples=200)
    with pytest.raises(ValueError, match="finite"):
        score.measure(X, other)


def test_wide_tables_are_projected():
    X = np.random.default_rng(0).integers(0, 50, (300, 3)).astype(float)
    assert TableFeatures.of(X, [True] * 3)(X).shape == (300, 64)


@pytest.mark.parametrize("column", [1, 3])
def test_labels_that_do_not_fit_lower_the_fitness(column):
    X, other = table(), table(1)
    score = GenerativeScore(TableFeatures.of(X, ARE_LABELS), n_samples=200)
    good = score.measure(X, other)["fitness"]
    shuffled = other.copy()
    shuffled[:, column] = np.random.default_rng(0).permutation(shuffled[:, column])
    assert score.measure(X, shuffled)["fitness"] < good - 0.05


def test_gaps_that_are_missing_lower_the_fitness():
    X, other = table(), table(1)
    score = GenerativeScore(TableFeatures.of(X, ARE_LABELS), n_samples=200)
    filled = np.where(np.isnan(other), np.nanmedian(other, axis=0), other)
    without = score.measure(X, filled)["fitness"]
    assert without < score.measure(X, other)["fitness"] - 0.05
