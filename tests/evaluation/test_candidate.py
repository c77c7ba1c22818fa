"""One trial: every fault becomes a status, and nothing outside is touched."""

import math
import random
import re
import time
import warnings
from dataclasses import replace

import numpy as np
import pytest
import sklearn
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, make_scorer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_info
from toys import (
    Centre,
    KeepsSamples,
    OwnPipelines,
    Recipe,
    Toy,
    ToyBuilder,
    Weighed,
    candidate,
    chromosome,
    score,
)

from sknevo.builders import PipelineBuilder
from sknevo.builders._most_probable import MostProbableMixin
from sknevo.deadline import Deadline, TrialPruned, is_training_over
from sknevo.evaluation import Data, Objectives, Shared, TrialRunner
from sknevo.evaluation._model_store import ModelStore
from sknevo.evaluation._scoring import Response
from sknevo.records import Candidate, Chromosome, Column, DataSpec
from sknevo.saved_time import note_saved_seconds

X, y = make_classification(n_samples=60, n_features=5, random_state=0)
rows = np.arange(60)
SPLITS = [(rows[:40], rows[40:]), (rows[20:], rows[:20])]


def make_runner(builder=None, scorer=score, metric=None, fit_params=None, **params):
    data = Data(X, y, SPLITS, fit_params or {})
    objectives = Objectives(scorer, metric)
    builder = builder or ToyBuilder()
    return TrialRunner(builder, Shared(data), objectives, random_state=7, **params)


ACCURACY = Objectives.of(LogisticRegression(), "accuracy", True).scorer


class Onlooker(Toy):
    """A toy that remembers which samples it was fitted on."""

    seen = []

    def fit(self, X, y):
        self.seen.append(X)
        return super().fit(X, y)


@pytest.mark.parametrize(("recipe", "n_seen"), [(KeepsSamples, 1), (Recipe, 2)])
def test_samples_are_the_same_ones_where_they_are_kept(recipe, n_seen):
    Onlooker.seen.clear()
    runner = make_runner(recipe(lambda genes, seed: Onlooker()))
    evaluations = [runner(candidate(x)) for x in (0.1, 0.2)]
    assert [e.status for e in evaluations] == ["ok", "ok"]
    assert len({id(seen) for seen in Onlooker.seen}) == n_seen * len(SPLITS)
    np.testing.assert_array_equal(Onlooker.seen[0], X[SPLITS[0][0]])


# Faults --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "status", "reason"),
    [
        ("raise", "error", r"ValueError: cannot learn with x=0\.2 \(toys\.py:\d+\)"),
        ("starve", "memory", "MemoryError: no more"),
        ("nan", "error", "the fitness is nan, since score is nan on split 0"),
        ("loop", "unfinished", "the time given to this trial is over"),
    ],
)
def test_a_fault_becomes_a_status_with_a_reason(act, status, reason):
    runner = make_runner()
    bad = runner(candidate(0.2, act), Deadline(time.time() + 0.1))
    assert bad.status == status
    assert bad.fitness == -math.inf
    assert re.fullmatch(reason, bad.error), bad.error
    assert len(bad.fit_times) == (2 if act == "nan" else 0)
    good = runner(candidate(0.2))
    assert (good.status, good.fitness, good.error) == ("ok", -0.2, "")
    assert good.scores == {"score": (-0.2, -0.2)}


def test_the_splits_share_the_time_to_train():
    class Endless(Toy):
        def fit(self, X, y):
            while not is_training_over():
                time.sleep(0.01)
            return super().fit(X, y)

    runner = make_runner(Recipe(lambda expressed, _: Endless()))
    trial = runner(candidate(), Deadline(training_seconds=0.4))
    assert trial.status == "ok"
    assert min(trial.fit_times) > 0.19
    assert max(trial.fit_times) < 0.39  # on a busy machine, too


def test_to_raise_is_possible_too():
    runner = make_runner(raise_error=True)
    with pytest.raises(ValueError, match="cannot learn with x"):
        runner(candidate(0.2, "raise"))


def test_a_builder_and_a_scorer_may_fail_as_well():
    def fail(*args):
        raise RuntimeError("not today")

    for runner in (make_runner(Recipe(fail)), make_runner(scorer=fail)):
        bad = runner(candidate())
        assert bad.status == "error"
        assert bad.error.startswith("RuntimeError: not today (test_candidate.py:")


def test_what_was_measured_before_a_fault_is_kept():
    def moody(estimator, X, y):
        if (X == X_SECOND).all():
            raise ValueError("enough")
        return 1.0

    X_SECOND = X[SPLITS[1][1]]
    bad = make_runner(scorer=moody)(candidate())
    assert bad.status == "error"
    assert bad.fitness == -math.inf
    assert bad.scores == {"score": (1.0,)}
    assert len(bad.fit_times) == len(bad.score_times) == 1


def test_time_may_be_over_before_and_between_the_splits():
    runner = make_runner(ToyBuilder(seconds=0.2))
    assert runner(candidate(), Deadline(time.time() - 1)).fit_times == ()
    late = runner(candidate(), Deadline(time.time() + 0.1))
    assert late.status == "unfinished"
    assert len(late.fit_times) == 1


def test_times_are_measured_for_each_split():
    good = make_runner(ToyBuilder(seconds=0.05))(candidate())
    assert len(good.fit_times) == len(good.score_times) == 2
    assert all(0.05 <= seconds < 1 for seconds in good.fit_times)
    assert good.duration == sum(good.fit_times) + sum(good.score_times)


# A function of seed and chromosome -----------------------------------------------


def test_the_seed_depends_on_the_expressed_genes_and_the_random_state_only():
    seeds = []

    def make(genes, seed):
        seeds.append(seed)
        return Toy()

    runner = make_runner(Recipe(make))
    genes = {"model": {"choice": "a", "a": {}, "b": {"x": 1}}}
    runner(Candidate(Chromosome(genes)))
    runner(
        Candidate(
            Chromosome({"model": {**genes["model"], "b": {"x": 2}}}, 5, "mutation")
        )
    )
    runner(Candidate(Chromosome({"model": {**genes["model"], "choice": "b"}})))
    assert (
        seeds[:4] == [runner.seed(Candidate(Chromosome(genes)))] * 4
    )  # each on two splits
    assert seeds[4] == seeds[5] != seeds[0]
    assert 0 <= min(seeds) <= max(seeds) < 2**31


def noisy(genes, seed):
    """Build what calls for all that a trial must put back."""
    warnings.warn("at the builder", UserWarning, stacklevel=1)
    return DecisionTreeClassifier(splitter="random", random_state=seed)


@pytest.mark.parametrize("act", ["learn", "raise", "loop"])
def test_the_surroundings_are_as_before(act):
    def make(genes, seed):
        if act == "learn":
            return noisy(genes, seed)
        return Toy(act=act)

    np.ones((50, 50)) @ np.ones((50, 50))
    before = surroundings()
    deadline = Deadline(time.time() + (0.1 if act == "loop" else 60))
    status = make_runner(Recipe(make))(candidate(), deadline).status
    assert status == {"learn": "ok", "raise": "error", "loop": "unfinished"}[act]
    assert surroundings() == before


def surroundings():
    return (
        random.getstate(),
        repr(np.random.get_state()),  # noqa: NPY002
        list(warnings.filters),
        warnings.showwarning,
        threadpool_info(),
        sklearn.get_config(),
    )


def test_a_trial_is_given_its_share_of_threads():
    inside = []

    def look(estimator, X, y):
        inside.extend(threadpool_info())
        return 0.0

    assert make_runner(scorer=look)(candidate()).status == "ok"
    blas = [pool["num_threads"] for pool in inside if pool["user_api"] == "blas"]
    assert set(blas) == {1}


# Preparation ---------------------------------------------------------------------


def prepared(genes, seed):
    model = DecisionTreeClassifier(max_depth=genes["depth"], random_state=seed)
    steps = [("scaler", StandardScaler()), ("model", model)]
    return Pipeline([("preparation", Centre(genes["factor"])), *steps])


def individual(depth, factor=1.0):
    return Chromosome({"depth": depth, "factor": factor})


@pytest.fixture(autouse=True)
def account():
    Centre.fits.clear()
    Weighed.weights.clear()
    return Centre.fits


def test_a_preparation_is_fitted_once_for_each_split(account):
    runner = make_runner(OwnPipelines(prepared), ACCURACY)
    for depth in (1, 2, 3):
        runner(Candidate(individual(depth)))
    assert account == [(1.0, 40), (1.0, 40)]
    runner(Candidate(individual(1, factor=2.0)))
    assert account[2:] == [(2.0, 40), (2.0, 40)]


def test_nothing_of_a_users_pipeline_is_shared_whatever_its_steps_are_called(account):
    runner = make_runner(Recipe(prepared), ACCURACY)
    for depth in (1, 2):
        runner(Candidate(individual(depth)))
    assert len(account) == 4


class Remembering(Centre):
    """A preparation of which a part is remembered, whatever its factor."""

    def fit(self, X, y=None):
        note_saved_seconds("part", 1000.0 if self.fits else 0.0)
        return super().fit(X, y)


def test_what_is_remembered_counts_in_the_seconds_of_a_fit():
    def remembering(genes, seed):
        (_, step), *steps = prepared(genes, seed).steps
        return Pipeline([("preparation", Remembering(step.factor)), *steps])

    runner = make_runner(OwnPipelines(remembering), ACCURACY)
    first, other, shared = (
        runner(Candidate(individual(depth, factor)))
        for depth, factor in [(1, 1.0), (1, 2.0), (2, 2.0)]
    )
    assert first.saved_times[0] == 0.0
    for times in (other.saved_times, shared.saved_times):
        assert times == pytest.approx((1000.0, 1000.0), rel=1e-2)


def test_a_shared_preparation_scores_exactly_as_one_of_ones_own():
    runner = make_runner(OwnPipelines(prepared), ACCURACY)
    for depth in (1, 2, 3):
        genes = individual(depth)
        expected = []
        for train, test in SPLITS:
            pipeline = prepared(genes.expressed, runner.seed(Candidate(genes)))
            pipeline.fit(X[train], y[train])
            expected.append(pipeline.score(X[test], y[test]))
        assert runner(Candidate(genes)).scores == {"score": tuple(expected)}


def test_a_preparation_that_fails_fails_its_own_only(account):
    runner = make_runner(OwnPipelines(prepared), ACCURACY)
    statuses = [
        runner(Candidate(individual(1, factor))).status
        for factor in ("bad", 1.0, "bad")
    ]
    assert statuses == ["error", "ok", "error"]


def test_a_scorer_that_may_look_at_X_gets_the_original():
    seen = []

    def look(estimator, X, y):
        seen.append(X)
        return estimator.score(X, y)

    assert (
        make_runner(OwnPipelines(prepared), look)(Candidate(individual(2))).status
        == "ok"
    )
    for X_seen, (_, test) in zip(seen, SPLITS, strict=True):
        np.testing.assert_array_equal(X_seen, X[test])


# Metadata ------------------------------------------------------------------------


BLIND = make_scorer(lambda y, predicted: 0.0)


@pytest.mark.parametrize(
    "scorer", [BLIND, lambda model, X, y: 0.0], ids=["blind", "not"]
)
@pytest.mark.parametrize("routing", [False, True])
def test_weights_reach_the_last_step_only(routing, scorer):
    def make(genes, seed):
        steps = [
            ("preparation", Centre()),
            ("scaler", Centre()),
            ("nothing", "passthrough"),
        ]
        return Pipeline([*steps, ("model", Weighed())])

    weights = {"sample_weight": np.linspace(0, 1, 60)}
    with sklearn.config_context(enable_metadata_routing=routing):
        tried = make_runner(OwnPipelines(make), scorer, fit_params=weights)(candidate())
    assert (tried.status, tried.error) == ("ok", "")
    for seen, (train, _) in zip(Weighed.weights, SPLITS, strict=True):
        np.testing.assert_array_equal(seen, weights["sample_weight"][train])


class Watching(LogisticRegression):
    """Watches held-out rows, of which it says that all are of the first class."""

    watches_held_out = True

    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None):
        super().fit(X, y, sample_weight)
        certain = np.full((len(X_val), 2), [0.75, 0.25])
        labels = np.zeros(len(X_val), int)
        self.held_out_ = {"predict_proba": certain, "predict": labels}
        return self


@pytest.mark.parametrize("response", [None, Response(np.array([0, 1]))])
def test_a_model_that_watches_is_scored_by_its_honest_predictions(response):
    def steps(genes, seed):
        return Pipeline([("preparation", Centre()), ("model", Watching())])

    def inspect(model, X, y):
        assert isinstance(model, Pipeline)
        assert not hasattr(model[-1], "held_out_")
        return accuracy_score(y, model.predict(X))

    scoring = {"loss": "neg_log_loss", "right": "accuracy", "own": inspect}
    objectives = Objectives.of(LogisticRegression(), scoring, "loss")
    runner = TrialRunner(
        OwnPipelines(steps),
        Shared(Data(X, y, SPLITS)),
        objectives,
        7,
        model_store=ModelStore(),
        response=response,
    )
    tried = runner(candidate())
    assert (tried.status, tried.error) == ("ok", "")
    for i, (_, test) in enumerate(SPLITS):
        certain = np.full((len(test), 2), [0.75, 0.25])
        assert tried.scores["loss"][i] == pytest.approx(-log_loss(y[test], certain))
        assert tried.scores["right"][i] == np.mean(y[test] == 0)
        assert tried.scores["own"][i] > 0.7
        if response is not None:
            np.testing.assert_array_equal(tried.predictions[i], certain)
    models = runner.split_models(candidate())
    assert not any(hasattr(model[-1], "held_out_") for model in models)


class Counted(MostProbableMixin, LogisticRegression):
    """Remembers how many samples each call predicts."""

    calls = []

    def predict_proba(self, X):
        self.calls.append(len(X))
        return super().predict_proba(X)


def test_a_test_part_is_predicted_once_for_scores_and_ensemble():
    Counted.calls = []
    model = Pipeline([("scaler", StandardScaler()), ("model", Counted())])
    runner = TrialRunner(
        OwnPipelines(lambda genes, seed: model),
        Shared(Data(X, y, SPLITS)),
        Objectives.of(LogisticRegression(), ["accuracy", "neg_log_loss"], "accuracy"),
        7,
        response=Response(np.array([0, 1])),
    )
    tried = runner(candidate())
    assert Counted.calls == [len(test) for _, test in SPLITS]
    for i, (_, test) in enumerate(SPLITS):
        right = np.mean(tried.predictions[i].argmax(axis=1) == y[test])
        assert tried.scores["accuracy"][i] == right > 0.7


def test_scorers_get_the_metadata_of_the_test_part():
    seen = []

    def look(estimator, X, y, sample_weight):
        seen.append(sample_weight)
        return 0.0

    weights = np.arange(60.0)
    data = Data(X, y, SPLITS, {}, {"sample_weight": weights})
    runner = TrialRunner(ToyBuilder(), Shared(data), Objectives(look, None), 0)
    assert runner(candidate()).status == "ok"
    np.testing.assert_array_equal(seen, [weights[test] for _, test in SPLITS])


# Refit ---------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [{}, {"sample_weight": np.linspace(0, 1, 60)}])
def test_the_winner_is_built_once_more_and_fitted_on_all(weights, account):
    runner = make_runner(OwnPipelines(prepared), ACCURACY, fit_params=weights)
    winner = individual(3)
    runner(Candidate(winner))
    account.clear()
    model = runner.refit(winner)
    assert account == [(1.0, 60)]
    assert [name for name, _ in model.steps] == ["preparation", "scaler", "model"]
    alone = prepared(winner.expressed, runner.seed(Candidate(winner)))
    alone.fit(X, y, **{f"model__{name}": value for name, value in weights.items()})
    np.testing.assert_array_equal(model.predict_proba(X), alone.predict_proba(X))


class Fickle(Toy):
    """Gives up if it is given one of some seeds."""

    bad = ()

    def fit(self, X, y):
        if self.random_state in self.bad:
            raise TrialPruned("the loss is nan")
        return super().fit(X, y)


@pytest.mark.parametrize("n_bad", [1, 2, 3])
def test_who_gives_up_in_the_refit_gets_another_seed(n_bad, monkeypatch):
    runner = make_runner(lambda genes, seed: Fickle(**genes, random_state=seed))
    winner = chromosome()
    seeds = [runner.seed(Candidate(winner), i) for i in range(n_bad)]
    monkeypatch.setattr(Fickle, "bad", seeds)
    if n_bad == 3:
        with pytest.raises(TrialPruned, match="the loss is nan"):
            runner.refit(winner)
    else:
        assert runner.refit(winner).random_state not in seeds


def test_a_refit_leaves_the_surroundings_as_before_and_passes_faults_on():
    before = surroundings()
    make_runner().refit(chromosome())
    with pytest.raises(ValueError, match="cannot learn"):
        make_runner().refit(chromosome(0.2, "raise"))
    assert surroundings() == before


def test_the_cost_on_a_rung_is_that_of_so_many_samples():
    """It rises with samples as the model has it, or else in proportion."""
    columns = (Column("a", "numeric"),)
    numbers = np.arange(9000)
    data = Data(numbers[:, None], numbers % 2, [(numbers[:8000], numbers[8000:])])
    genes = {"model": {"gaussian_process": {"own_lengths": True}}, "preparation": {}}
    genes |= {"scaling": "standard", "extraction": {"none": {}}}
    one = Candidate(Chromosome(genes), 4000)
    for builder, share in [
        (PipelineBuilder(DataSpec("classification", 8000, 2, columns)), 1.0),
        (Recipe(None), 0.5),
    ]:
        runner = TrialRunner(builder, Shared(data), None, 0, resource="n_samples")
        whole = runner.cost(replace(one, resource=None))
        assert whole > 0
        # All but the model is a thousandth.
        assert runner.cost(one) == pytest.approx(share * whole, rel=1e-3)
