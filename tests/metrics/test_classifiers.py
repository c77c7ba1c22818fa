"""The fitness falls with each fault, and where a classifier sees one."""

import numpy as np
import pandas as pd
import pytest
from generators import GROUPED, labelled_table, linked_rings, twelve_modes
from sklearn.base import BaseEstimator

from sknevo.evaluation import Data, Objectives, Shared, TrialRunner
from sknevo.metrics import (
    GenerativeScore,
    ReferenceSet,
    StandardFeatures,
    TableFeatures,
    diagnose,
)
from sknevo.metrics._classifiers import Columns, Detector, Utility
from sknevo.records import Candidate, Chromosome

N = 1000


class Emulated(BaseEstimator):
    """Samples of a pool; for given labels if the pool has labels."""

    def __init__(self, X=None, y=None):
        self.X = X
        self.y = y

    def sample(self, n_samples, y=None):
        made = self.X[np.arange(n_samples) % len(self.X)].copy()
        for label in np.unique(y) if y is not None else ():
            wanted = y == label
            made[wanted] = np.resize(
                self.X[self.y == label], (wanted.sum(), self.X.shape[1])
            )
        return made


class Unlabelled(Emulated):
    def sample(self, n_samples):
        return super().sample(n_samples)


def noisy(X, groups, training, grade, draw):
    whole = (np.rint(X) == X).all(axis=0)  # else any noise is seen at once
    noise = grade * X.std(axis=0) * draw.normal(size=X.shape)
    return X + np.where(whole, 0, noise), groups


def lost(X, groups, training, grade, draw):
    """Leave out a region."""
    kept = X[:, 0] <= np.quantile(X[:, 0], 1 - grade)
    return X[kept], groups[kept]


def disproportionate(X, groups, training, grade, draw):
    rare = (groups % 2 == 0) & (draw.random(len(X)) < grade)
    return X[~rare], groups[~rare]


def copied(X, groups, training, grade, draw):
    copies, labels = training
    rows = draw.integers(len(copies), size=len(X))
    is_copy = draw.random(len(X)) < grade
    made = np.where(is_copy[:, None], copies[rows], X)
    return made, np.where(is_copy, labels[rows], groups)


FAULTS = {
    noisy: (0, 0.2, 0.4),
    lost: (0, 0.2, 0.5),
    disproportionate: (0, 0.7, 0.95),
    copied: (0, 0.3, 1),
}


# Each fault and each kind of data in every run, the other pairs before a change lands.
@pytest.mark.parametrize(
    ("fault", "name"),
    [
        pytest.param(
            fault,
            name,
            marks=[pytest.mark.slow] * ((i - j) % 4 not in (0, 1)),
            id=f"{fault.__name__}-{name}",
        )
        for i, fault in enumerate(FAULTS)
        for j, name in enumerate(GROUPED)
    ],
)
def test_the_fitness_falls_with_each_fault(name, fault):
    draw = np.random.default_rng(0)
    (X, groups), training, (real, y) = (GROUPED[name](draw, n) for n in (4 * N, 500, N))
    score = GenerativeScore(n_repeats=2)
    fitness = []
    for grade in FAULTS[fault]:
        made, labels = fault(X, groups, training, grade, draw)
        if name == "labelled_table" and fault is not disproportionate:
            scores = score(Emulated(made, labels), real, y, training=training[0])
        else:
            scores = score(Unlabelled(made), real, training=training[0])
        fitness.append(scores["fitness"])
    assert fitness[0] > 0.98
    steps = -np.diff(fitness)
    assert (steps > 0.01).all(), fitness


def mislabelled(X, y, share, draw):
    wrong = draw.random(len(y)) < share
    return X, np.where(wrong, draw.permutation(y), y)


def test_samples_that_teach_wrong_labels_are_of_little_use():
    """Beside what real samples teach. Wrong labels are told apart, too."""
    draw = np.random.default_rng(0)
    (X, y), (real, labels) = labelled_table(draw, 4 * N), labelled_table(draw, N)
    score = GenerativeScore(n_repeats=1)
    found = [
        score(Emulated(*mislabelled(X, y, share, draw)), real, labels)
        for share in (0, 0.4, 1)
    ]
    for name in ("utility", "indistinguishability", "fitness"):
        values = [scores[name] for scores in found]
        assert values == sorted(values, reverse=True)
    assert found[0]["utility"] > 0.9 * found[0]["real_utility"] > 0.6
    assert found[2]["utility"] < 0.1


def test_values_are_taught_too():
    draw = np.random.default_rng(0)
    X = draw.normal(size=(4 * N, 3))
    values = np.sin(X[:, :1]) + 0.1 * draw.normal(size=(len(X), 1))
    real, generated = np.split(np.hstack([X, values]), 2)
    utility = Utility.of(real, Columns.of(4, 1))
    assert 0.8 < utility.expected < 1
    assert utility(generated) == pytest.approx(utility.expected, abs=0.05)
    generated[:, -1] = draw.permutation(generated[:, -1])
    assert utility(generated) == 0


def test_labels_that_nothing_tells_of_do_not_count():
    draw = np.random.default_rng(0)
    (X, _), (real, _) = labelled_table(draw, 2 * N), labelled_table(draw, N)
    y = draw.integers(2, size=2 * N)
    scores = GenerativeScore(n_repeats=1)(Emulated(X, y), real, y[:N])
    assert scores["real_utility"] == 0
    assert scores["fitness"] > 0.9


def test_many_labels_are_told_from_each_other():
    draw = np.random.default_rng(0)
    X, modes = twelve_modes(draw, 2 * N)
    rows = np.hstack([X, np.eye(12)[modes]])
    utility = Utility.of(rows[:N], Columns.of(32, 12))
    assert utility(rows[N:]) == pytest.approx(utility.expected, abs=0.02)
    assert utility.expected > 0.95


def test_a_classifier_sees_what_neighbours_do_not():
    """Numbers of few digits, and a constant that is slightly off."""
    draw = np.random.default_rng(0)
    real, generated = (labelled_table(draw, N)[0] for _ in "ab")
    generated[:, 3] += 0.01 * draw.normal(size=N)
    before = dict.fromkeys(("coverage", "density", "precision", "recall"), 1)
    assert GenerativeScore(weights=before).measure(real, generated)["fitness"] > 0.97
    assert GenerativeScore().measure(real, generated)["fitness"] < 0.5
    features = StandardFeatures.of(real)
    (finding,) = diagnose(features(real), features(generated))
    assert finding.name == "told apart"
    assert str(finding).endswith("(a classifier tells them apart by column 3)")
    names = ["height", "width", "price", "rooms", "age"]
    tables = [pd.DataFrame(features(X), columns=names) for X in (real, generated)]
    assert "by column rooms)" in str(diagnose(*tables)[0])
    with pytest.raises(ValueError, match="columns must name all 5 features; got 1"):
        diagnose(features(real), features(generated), columns=["height"])


def test_samples_of_little_use_are_a_finding():
    draw = np.random.default_rng(0)
    (X, y), (real, labels) = labelled_table(draw, N), labelled_table(draw, N)
    rows = np.hstack([real, np.eye(2)[labels]])
    wrong = np.hstack([X, np.eye(2)[draw.permutation(y)]])
    assert "little use" in {found.name for found in diagnose(rows, wrong, n_targets=2)}
    right = np.hstack([X, np.eye(2)[y]])
    assert diagnose(rows, right, n_targets=2) == []
    with pytest.raises(ValueError, match=r"n_targets must be from 0 to 6, .* got 7"):
        diagnose(rows, right, n_targets=7)


def test_perfect_samples_are_told_apart_no_better_than_real_ones():
    draw = np.random.default_rng(0)
    for n in (5, 40, 400):
        detector = Detector.of(linked_rings(draw, n)[0], Columns.of(3, 0))
        value = detector(linked_rings(draw, n)[0])
        assert detector.expected > 0.7
        assert value > 0.7
    assert detector(linked_rings(draw, n)[0] + 9) == 0  # nothing overlaps


def test_training_samples_are_copied_only_as_often_as_they_are():
    draw = np.random.default_rng(0)
    (real, _), (training, _) = linked_rings(draw, N), linked_rings(draw, 300)
    fresh, _ = linked_rings(draw, N)
    reference = ReferenceSet.of(real, training=training)
    for share in (0, 0.5, 1):
        n_copies = round(share * N)
        made = np.vstack([training[draw.integers(300, size=n_copies)], fresh])[:N]
        found = reference.share(reference.measure(made), "authenticity")
        assert found == pytest.approx(1 - share, abs=0.08)


def test_a_search_passes_what_its_candidates_were_trained_with():
    """The first half of each training part is returned."""
    X, _ = linked_rings(np.random.default_rng(0), N)

    class Memory(Unlabelled):
        def fit(self, X, y=None):
            self.X = X[: len(X) // 2]
            return self

    half = np.split(np.arange(N), 2)
    runner = TrialRunner(
        data=Shared(Data(X, None, [tuple(half)])),
        objectives=Objectives.of(Memory(), GenerativeScore(n_repeats=1), True),
        builder=lambda genes, seed: Memory(),
        random_state=0,
    )
    evaluation = runner(Candidate(Chromosome({"x": 0})))
    assert evaluation.status == "ok", evaluation.error
    assert evaluation.scores["authenticity"] == (0,)
    assert evaluation.scores["real_authenticity"] > (0.2,)


def test_columns_of_labels_are_taught_and_told_as_what_they_are():
    """A label that others tell of, in a table with gaps; then one that does not."""
    draw = np.random.default_rng(0)
    (X, y), (real, labels) = labelled_table(draw, N), labelled_table(draw, N)
    tables = [np.column_stack([part, told]) for part, told in ((real, labels), (X, y))]
    for table in tables:
        table[draw.random(N) < 0.1, 4] = np.nan
    score = GenerativeScore(TableFeatures.of(tables[0], [False] * 5 + [True]))
    scores = score.measure(*tables)
    assert scores["utility"] > 0.9 * scores["real_utility"] > 0.6
    assert scores["indistinguishability"] > 0.9
    tables[1][:, 5] = draw.permutation(tables[1][:, 5])
    assert score.measure(*tables)["utility"] < 0.1
    assert score.measure(*tables)["fitness"] < scores["fitness"] - 0.2


def test_what_cannot_be_learned_of_real_rows_is_no_target():
    """Chance, a constant, a label that one half lacks, beside a column that is told."""
    draw = np.random.default_rng(0)
    n = 200
    X = draw.normal(size=(n, 5))
    X[:, 1] = X[:, 0] + 0.1 * X[:, 1]
    X[:, 2], X[:, 3], X[:, 4] = draw.integers(0, 2, n), 7.0, np.arange(n) == 0
    utility = Utility.of(X, Columns.of(5, 0, (0, 0, 2, 0, 2)))
    assert utility.columns.targets == ((1,),)
    assert min(utility.expected, utility(X)) > 0.8
    nothing = Utility.of(X[:, 2:], Columns.of(3, 0, (2, 0, 2)))
    assert nothing.columns.targets == ()
    assert nothing.expected == nothing(X[:, 2:]) == 0


@pytest.mark.parametrize("gaps", [0.0, 0.2])
def test_numbers_of_a_table_are_taught_whatever_their_scale_and_gaps(gaps):
    """A number with a long tail that others tell of; then one that does not."""
    draw = np.random.default_rng(0)
    tables = []
    for _ in range(2):
        X = draw.normal(size=(N, 3))
        told = np.exp(2 * X[:, 0] * X[:, 1] + 0.3 * draw.normal(size=N))
        told[draw.random(N) < gaps] = np.nan
        tables.append(np.column_stack([X, told]))
    score = GenerativeScore(TableFeatures.of(tables[0], [False] * 4))
    scores = score.measure(*tables)
    assert scores["utility"] > 0.9 * scores["real_utility"] > 0.1
    tables[1][:, 3] = draw.permutation(tables[1][:, 3])
    assert score.measure(*tables)["utility"] < 0.1


def test_columns_that_a_projection_loses_are_seen():
    draw = np.random.default_rng(0)
    real, generated = draw.normal(size=(2, N, 90))
    generated[:, 7] = np.rint(generated[:, 7])
    features = StandardFeatures.of(real)
    score = GenerativeScore(features, n_repeats=1)
    assert score.measure(real, generated)["indistinguishability"] < 0.5
