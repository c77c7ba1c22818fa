"""Evolved policies: seeds are samples, and fresh seeds name the winner."""

import pickle
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("gymnasium")
pytest.importorskip("cmaes")

from gymnasium import spaces
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from walks import Aim, Spaces, Walk

from sknevo import EvolvedPolicy, Genome, Real
from sknevo.builders.policy import fresh_seeds
from sknevo.genomes.policy import policy
from sknevo.time_budget import TimeBudget

SMALL = {
    "population_size": 3,
    "generations": 2,
    "genome": partial(policy, max_episodes=100),
    "random_state": 0,
}
SEEDS = np.arange(30)
OTHERS = np.arange(100, 130)


@pytest.fixture(scope="module")
def evolved():
    return EvolvedPolicy(Walk, **SMALL).fit(SEEDS)


def test_it_learns_to_act(evolved):
    assert evolved.score(OTHERS) > 3.5  # at random it is 3
    assert set(evolved.predict(np.arange(11))) == {1}
    assert evolved.actor()(5) == 1
    assert evolved.n_splits_ == 1
    assert evolved.ensemble_ is None
    assert evolved.n_features_in_ == 12


def test_scores_are_mean_returns_on_held_out_seeds(evolved):
    returns = evolved.best_estimator_.returns(OTHERS)
    assert evolved.score(OTHERS) == returns.mean()
    # Without seeds, on fresh ones: the same each time.
    assert evolved.score() == evolved.score(fresh_seeds(SEEDS, 100, number=2))
    n = len(evolved.best_estimator_.fresh_returns_)
    assert evolved.fresh_score_ == evolved.score(fresh_seeds(SEEDS, n))


def test_fitted_policies_pickle_and_say_what_they_are(evolved):
    again = pickle.loads(pickle.dumps(evolved))
    assert again.score(OTHERS) == evolved.score(OTHERS)
    alone = pickle.loads(pickle.dumps(evolved.best_estimator_))
    assert alone.score(OTHERS) == evolved.score(OTHERS)
    board = evolved.leaderboard()
    assert board["model"].str.contains("CMA-ES").any()
    assert "Optimizer" in str(evolved.best_chromosome_)
    assert "EvolvedPolicy" in evolved._repr_html_()
    tags = get_tags(evolved)
    assert (tags.input_tags.one_d_array, tags.input_tags.two_d_array) == (True, False)


def test_seeds_have_a_default():
    evolved = EvolvedPolicy(Walk, **SMALL | {"generations": 1, "population_size": 1})
    assert len(evolved.fit().seeds_) == 160


@pytest.mark.slow
def test_results_depend_on_the_seed_and_not_on_workers(evolved):
    two = EvolvedPolicy(Walk, **SMALL, n_jobs=2).fit(SEEDS)
    np.testing.assert_array_equal(
        two.cv_results_["fitness"], evolved.cv_results_["fitness"]
    )
    np.testing.assert_array_equal(
        two.best_estimator_.weights_, evolved.best_estimator_.weights_
    )


def test_a_journal_takes_the_place_of_training(tmp_path):
    params = {**SMALL, "population_size": 2, "generations": 1, "cv": 2}
    params["journal"] = tmp_path / "run.jsonl"
    first = EvolvedPolicy(Walk, **params).fit(SEEDS)
    assert first.n_splits_ == 2
    again = EvolvedPolicy(Walk, **params).fit(SEEDS)
    np.testing.assert_array_equal(
        first.best_estimator_.weights_, again.best_estimator_.weights_
    )
    assert again.fresh_score_ == first.fresh_score_


def test_episodes_are_a_resource():
    halved = EvolvedPolicy(
        Walk, **SMALL | {"population_size": 6}, resource="episodes", min_resources=16
    ).fit(SEEDS)
    resources = halved.cv_results_["resource"]
    assert min(resources) == 16
    assert max(resources) > 16
    # What was promoted goes on: it has the same name, and at least as many episodes.
    assert halved.best_estimator_.episodes_ >= 16


def test_the_best_trains_on_until_the_time_is_over():
    params = {**SMALL, "generations": None, "genome": None}
    evolved = EvolvedPolicy(Walk, **params, max_time=4).fit(SEEDS)
    assert evolved.stop_reason_.startswith("max_time")
    assert evolved.refitted_
    assert evolved.fresh_score_ == evolved.best_estimator_.fresh_returns_.mean()


def test_scoring_may_be_another():
    def successes(estimator, seeds):
        return (estimator.returns(seeds) > 4).mean()

    scoring = {"successes": successes, "weights": "n_parameters"}
    params = {**SMALL, "generations": 1, "refit": "successes"}
    evolved = EvolvedPolicy(Walk, **params, scoring={**scoring}).fit(SEEDS)
    returns = evolved.best_estimator_.returns(OTHERS)
    assert evolved.score(OTHERS) == (returns > 4).mean()
    assert max(evolved.cv_results_["mean_test_weights"]) < 0


# The winner --------------------------------------------------------------------------


def finalists(fresh_scores, fitness, **params):
    """Return which individuals go on, of those with these scores."""
    evaluations = [
        SimpleNamespace(
            status="ok",
            fitness=one,
            rank_key=(0.0, one),
            chromosome=SimpleNamespace(key=str(i)),
            candidate=i,
            fit_times=(1.0,),
            score_times=(1.0,),
        )
        for i, one in enumerate(fitness)
    ]
    data = SimpleNamespace(splits=[(SEEDS[:20], SEEDS[20:])])
    runner = SimpleNamespace(
        has_models=lambda i: True,
        stored_model=lambda i: i,
        data=SimpleNamespace(value=data),
        objectives=SimpleNamespace(
            measure=lambda model, X, y, params, time: {"score": fresh_scores[model]},
            fitness=lambda scores: scores["score"],
        ),
    )
    evolved = EvolvedPolicy(Walk, **params)
    evolved.best_index_, evolved.seeds_ = int(np.argmax(fitness)), SEEDS
    outcome = SimpleNamespace(evaluations=evaluations)
    budget = TimeBudget(params.get("max_time"))
    evaluator = SimpleNamespace(
        runner=runner, fit_missing_models=lambda evaluations, budget: None
    )
    return evolved._finalists(outcome, evaluator, budget)


def test_fresh_seeds_decide_among_the_five_with_the_best_scores():
    fitness, fresh = [9, 8, 7, 6, 5, 4], [1, 2, 3, 4, 5, 99]
    assert finalists(fresh, fitness) == [4, 3, 2]
    assert finalists(fresh, fitness, max_time=100, n_jobs=2) == [4, 3]
    # The choice of a callable is final.
    assert finalists(fresh, fitness, refit=lambda results: 0) == [0]


def test_the_winner_is_the_best_in_fresh_episodes_once_trained():
    models = {
        index: SimpleNamespace(fresh_returns_=np.array(returns))
        for index, returns in {4: [1.0, 3.0], 3: [5.0, 4.0]}.items()
    }
    evolved = EvolvedPolicy(Walk)
    assert evolved._winner([4, 3], models, {}) == 3
    assert evolved.fresh_score_ == 4.5
    assert EvolvedPolicy(Walk)._winner([4, 3], {}, {}) == 4
    other = EvolvedPolicy(Walk, scoring=lambda policy, seeds: 0.0)
    assert other._winner([4, 3], models, {}) == 4


# Errors ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ([1, 2, 2], "seeds must differ.*got 2 2 times"),
        ([1, -2], "seeds must be whole numbers of at least 0"),
        ([0.5, 1.5], "seeds must be whole numbers"),
        ([[1], [2]], r"of shape \(n_seeds,\)"),
        (["a", "b"], "seeds must be whole numbers"),
        (7, "seeds must be whole numbers"),
        (np.arange(0), "seeds must hold at least one"),
        ([3], "at least 2 samples"),
    ],
)
def test_bad_seeds_are_refused(seeds, message):
    with pytest.raises(ValueError, match=message):
        EvolvedPolicy(Walk, **SMALL).fit(seeds)


BOX = spaces.Box(-1, 1, (2,))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"env": "Pendulm-v1"}, "'Pendulm-v1'.*Did you mean 'Pendulum-v1'"),
        ({"env": partial(Spaces, spaces.Text(3), BOX)}, "observation space Text"),
        ({"env": partial(Spaces, BOX, spaces.Text(3))}, "action space Text"),
        ({"env": dict}, r"the callable returned \{\}"),
        ({"env": 3}, "'env' parameter"),
        ({"max_episodes": 0}, "'max_episodes' parameter"),
        ({"max_steps": 0}, "'max_steps' parameter"),
        ({"max_predict_time": 1}, "max_predict_time must be None"),
        (
            {"scoring": {"own": len, "time": "predict_time"}, "refit": "own"},
            "without 'predict_time'",
        ),
        ({"genome": Genome(x=Real(0, 1))}, "named 'episodes'"),
        ({"resource": "epochs"}, "resource must be None.*'epochs'"),
    ],
)
def test_bad_parameters_are_refused_before_anything_is_trained(params, message):
    evolved = EvolvedPolicy(**{"env": Walk, **SMALL, **params})
    with pytest.raises(ValueError, match=message):
        evolved.fit(SEEDS)
    with pytest.raises(NotFittedError):
        evolved.predict([1])
    with pytest.raises(NotFittedError):
        evolved.score()


def test_parameters_are_kept():
    params = {"env": Aim, "max_steps": 5, "max_episodes": 7}
    assert params.items() <= clone(EvolvedPolicy(**params)).get_params().items()
