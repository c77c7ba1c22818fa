"""Policies see, act and learn as their genes say, in whatever company."""

import pickle
from functools import partial

import numpy as np
import pytest

pytest.importorskip("gymnasium")
pytest.importorskip("cmaes")

from builder_contract import BuilderContract, Case
from gymnasium import spaces
from sklearn.base import clone
from walks import Aim, Spaces, Walk

from sknevo.builders.policy import Interface, Policy, PolicyBuilder, fresh_seeds
from sknevo.builders.policy import _episodes as episodes
from sknevo.builders.policy import _estimator as estimator
from sknevo.builders.policy._episodes import Scaling
from sknevo.builders.policy._estimator import Training
from sknevo.builders.policy._networks import Network
from sknevo.builders.policy._optimizers import OPTIMIZERS
from sknevo.genomes.policy import policy, well_known
from sknevo.records import DataSpec, express

SEEDS = np.arange(12)
OPTIONS = DataSpec("control", 12, 2, shape=(12,))
NUMBERS = DataSpec("control", 12, 0, shape=(2,))
FEW = {"max_episodes": 40}
STRATEGIES = {
    "cma_es": {"population": 8, "sigma": 0.5},
    "ars": {"population": 8, "sigma": 0.1, "rate": 0.1, "top": 0.5, "shaping": "ranks"},
    "pgpe": {"population": 8, "sigma": 0.3, "rate": 0.15, "shaping": "standard"},
}


# Seeds are observations of this environment, too.
@pytest.mark.parametrize(
    "case",
    [Case(policy(OPTIONS, **FEW), PolicyBuilder(Walk), SEEDS, None, answers=[0, 1])],
    ids=["walk"],
)
class TestPolicyBuilder(BuilderContract):
    pass


@pytest.mark.parametrize("spec", [OPTIONS, NUMBERS], ids=["options", "numbers"])
def test_known_policies_act(spec):
    env, genome = Walk if spec is OPTIONS else Aim, policy(spec, **FEW)
    for genes in well_known(spec, genome):
        whole = express(genome.complete(genes, np.random.default_rng(0)))
        fitted = PolicyBuilder(env)(whole, 0).fit(SEEDS)
        assert np.isfinite(fitted.score(SEEDS))


# Learning ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", STRATEGIES)
def test_strategies_climb(name):
    rng = np.random.default_rng(0)
    goal = np.array([1.0, -1.0, 0.5])
    optimizer = OPTIMIZERS[name](np.zeros(3), **STRATEGIES[name])
    for _ in range(60):
        tried = optimizer.ask(rng)
        assert tried.shape == (8, 3)
        optimizer.tell(tried, -((tried - goal) ** 2).sum(axis=1))
    assert np.abs(optimizer.centre - goal).max() < 0.2


def test_many_weights_are_trained_without_their_covariance():
    optimizer = OPTIMIZERS["cma_es"](np.zeros(300), 8, 0.5, True)
    tried = optimizer.ask(np.random.default_rng(0))
    optimizer.tell(tried, -(tried**2).sum(axis=1))
    assert np.isfinite(optimizer.centre).all()


@pytest.mark.parametrize("name", STRATEGIES)
def test_pauses_change_nothing(name):
    params = {
        "hidden": (3,),
        "clip": 3.0,
        "actions": "tanh",
        "optimizer": name,
        "options": STRATEGIES[name],
        "repeats": 2,
    }
    whole = Policy(Aim, **params, episodes=96).fit(SEEDS)
    paused = Policy(Aim, **params, episodes=96)
    for amount in (16, 50, 96):
        paused = pickle.loads(pickle.dumps(paused.train_to(SEEDS, None, amount)))
    np.testing.assert_array_equal(paused.weights_, whole.weights_)
    np.testing.assert_array_equal(paused.returns(SEEDS), whole.returns(SEEDS))
    assert paused.episodes_ == whole.episodes_ == 96


def test_training_makes_policies_better():
    trained, others = Policy(Walk, episodes=320).fit(SEEDS), np.arange(100, 120)
    begins = np.array([Walk().reset(seed=int(seed))[0] for seed in others])
    steps = np.arange(1, 7)
    right, left = (
        np.clip(begins + step * steps[:, None], 0, 11).sum(axis=0) / 11
        for step in (1, -1)
    )
    assert trained.score(others) == pytest.approx(right.mean())
    assert right.mean() > left.mean() + 2
    assert trained.returns_[-1] > trained.returns_[0]


def test_training_ends_if_there_is_nothing_more_to_gain():
    # The return is 1 for one of the actions, and 0 for the other.
    env = partial(Spaces, spaces.Discrete(1), spaces.Discrete(2))
    trained = Policy(env, episodes=10_000, max_steps=1).fit(SEEDS)
    assert trained.episodes_ < 1000
    assert trained.score(SEEDS) == 1


def test_equal_returns_are_no_end_before_there_was_any_success():
    training = Training(OPTIMIZERS["ars"](np.zeros(2), **STRATEGIES["ars"]))
    for _ in range(20):
        training.tell(np.zeros((8, 2)), np.full((8, 1), -200.0))
    assert not training.is_over
    for _ in range(5):
        training.tell(np.zeros((8, 2)), np.full((8, 1), -100.0))
    assert training.is_over


def test_finish_keeps_what_is_best_in_fresh_episodes():
    paused = Policy(Walk, episodes=64).train_to(SEEDS, None, 32)
    before = paused._returns(paused._learned(), fresh_seeds(SEEDS, 8))
    finished = paused.finish(SEEDS)
    assert finished.training_ is None
    assert 64 <= finished.episodes_ < 96
    assert finished.fresh_returns_.mean() >= before.mean()
    fresh = fresh_seeds(SEEDS, len(finished.fresh_returns_))
    np.testing.assert_array_equal(finished.returns(fresh), finished.fresh_returns_)


class Clock:
    """A clock that goes on by a hundredth of a second whenever it is looked at."""

    now = 0.0

    def time(self):
        self.now += 0.01
        return self.now

    perf_counter = time


def test_finish_ends_in_time(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(estimator, "time", clock)
    paused = Policy(Aim, actions="clip").train_to(SEEDS, None, 32)
    begun = clock.now
    finished = paused.finish(SEEDS, until=begun + 1)
    assert finished.episodes_ > 64
    assert begun + 0.5 < clock.now <= begun + 1


def test_fresh_seeds_are_new_and_the_same_each_time():
    seeds = fresh_seeds(SEEDS, 50)
    assert len(np.union1d(seeds, SEEDS)) == 62
    np.testing.assert_array_equal(seeds, fresh_seeds(SEEDS[::-1], 50))
    assert set(seeds) != set(fresh_seeds(SEEDS, 50, number=1))


# Acting ------------------------------------------------------------------------------

WITH_MEMORY = [
    {"frames": 3},
    {"hidden": (4,), "recurrent": True},
    {"hidden": (5, 4), "recurrent": True, "frames": 2, "clip": 2.0},
]


@pytest.mark.parametrize("params", [{}, {"clip": 1.0}, *WITH_MEMORY])
def test_policies_act_step_by_step_as_in_their_episodes(params):
    fitted = Policy(Aim, actions="clip", episodes=16, **params).fit(SEEDS)
    env, total = Aim(), []
    for seed in SEEDS[:4]:
        (observation, _), actor = env.reset(seed=int(seed)), fitted.actor()
        rewards, seen, actions, is_over = 0.0, [], [], False
        while not is_over:
            seen.append(observation)
            actions.append(actor(observation))
            observation, reward, is_over, _, _ = env.step(actions[-1])
            rewards += reward
        total.append(rewards)
        np.testing.assert_array_equal(fitted.predict(seen), actions)
    np.testing.assert_allclose(fitted.returns(SEEDS[:4]), total)


def test_memory_tells_equal_observations_apart():
    fitted = Policy(Aim, actions="clip", frames=2, episodes=64).fit(SEEDS)
    one, two = ([[t, 0.0], [0.0, 0.1]] for t in (-1.0, 1.0))
    assert fitted.predict(one)[1] != fitted.predict(two)[1]
    forgetful = Policy(Aim, actions="clip", episodes=64).fit(SEEDS)
    assert forgetful.predict(one)[1] == forgetful.predict(two)[1]


@pytest.mark.parametrize("lanes", [1, 5])
def test_episodes_do_not_depend_on_those_beside_them(lanes, monkeypatch):
    fitted = Policy(Aim, hidden=(4,), recurrent=True, frames=2, actions="clip")
    fitted.set_params(episodes=16).fit(SEEDS)
    expected = fitted.returns(np.arange(40))
    monkeypatch.setattr(episodes, "LANES", lanes)
    np.testing.assert_array_equal(fitted.returns(np.arange(40)), expected)


@pytest.mark.parametrize(("max_steps", "expected"), [(None, 1000), (7, 7)])
def test_episodes_end(max_steps, expected):
    endless = partial(Aim, n_steps=-1)
    fitted = Policy(endless, actions="clip", episodes=1, max_steps=max_steps)
    lane = fitted._arena.lanes(1)[0]
    assert lane.most_steps == expected


def test_observations_are_normalised_by_all_that_were_seen():
    parts = np.random.default_rng(0).normal(5, 3, (3, 10, 4))
    parts[..., 0] = 7.0
    scaling = Scaling()
    np.testing.assert_array_equal(scaling(parts[0], 1.0), parts[0])
    for part in parts:
        scaling = scaling.seen(part)
    seen = parts.reshape(-1, 4)
    expected = (seen - seen.mean(axis=0)) / np.where(seen.std(axis=0), seen.std(0), 1)
    np.testing.assert_allclose(scaling(seen, 9.0)[:, 1:], expected[:, 1:])
    np.testing.assert_allclose(scaling(seen, 9.0)[:, 0], 0, atol=1e-6)
    assert np.abs(scaling(seen, 0.5)).max() == 0.5


def test_networks_answer_each_row_by_its_own_weights():
    network = Network(3, 2, (4,), recurrent=True)
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(2, network.n_weights))
    x, state = rng.normal(size=(2, 3)), rng.normal(size=(2, 4))
    outputs, after = network(weights, x, state)
    for i in range(2):
        w = weights[i]
        first, last = w[:16].reshape(4, 4), w[16:26].reshape(5, 2)
        hidden = np.tanh(
            x[i] @ first[:-1] + first[-1] + state[i] @ w[26:].reshape(4, 4)
        )
        np.testing.assert_allclose(after[i], hidden)
        np.testing.assert_allclose(outputs[i], hidden @ last[:-1] + last[-1])
    assert not np.any(network(network.initial(rng)[None], x[:1], state[:1])[0])


# Spaces ------------------------------------------------------------------------------

BOX = spaces.Box(-1, 1, (2,))
OBSERVED = {
    "box": (spaces.Box(0, 1, (2, 3)), 6),
    "discrete": (spaces.Discrete(5, start=2), 5),
    "binary": (spaces.MultiBinary(3), 3),
    "discretes": (spaces.MultiDiscrete([2, 3]), 5),
    "dict": (spaces.Dict(a=BOX, b=spaces.Discrete(3)), 5),
    "tuple": (spaces.Tuple([BOX, BOX]), 4),
}
ACTIONS = {
    "discrete": spaces.Discrete(4, start=-1),
    "binary": spaces.MultiBinary(3),
    "binaries": spaces.MultiBinary((2, 3)),
    "discretes": spaces.MultiDiscrete([2, 4]),
    "bounded": spaces.Box(np.array([-1.0, 5.0]), np.array([2.0, 6.0]), dtype=float),
    "matrix": spaces.Box(-1, 1, (2, 2)),
    "half bounded": spaces.Box(0, np.inf, (2,)),
    "unbounded": spaces.Box(-np.inf, np.inf, (2,)),
    "integers": spaces.Box(0, 255, (2,), np.uint8),
}


@pytest.mark.parametrize("observed", OBSERVED)
def test_observations_of_many_spaces_are_seen(observed):
    space, size = OBSERVED[observed]
    env = partial(Spaces, space, spaces.Discrete(2))
    fitted = Policy(env, episodes=16, frames=2).fit(SEEDS)
    assert fitted.n_features_in_ == size
    assert fitted.predict([space.sample(), space.sample()]).shape == (2,)


@pytest.mark.parametrize("acted", ACTIONS)
def test_actions_of_many_spaces_are_valid(acted):
    space, env = ACTIONS[acted], partial(Spaces, BOX, ACTIONS[acted])
    options = Interface.of(env).options
    for handling in ("tanh", "clip", "bins") if options is None else ("argmax", "bins"):
        # The environment checks each action.
        params = {"actions": handling, "n_bins": 2, "episodes": 32}
        fitted = Policy(env, **params).fit(SEEDS)
        made = fitted.predict(np.zeros((3, 2)))
        assert all(map(space.contains, made)), (handling, made)


def decoded(space, outputs, handling, n_bins=3):
    return Interface(BOX, space).decoded(np.array(outputs), handling, n_bins).tolist()


def test_outputs_become_actions():
    assert decoded(ACTIONS["discrete"], [[0.0, 2, 1, 0]], "argmax") == [0]
    assert decoded(ACTIONS["discrete"], [[-9.0], [-0.1], [9]], "bins") == [-1, 0, 2]
    assert decoded(ACTIONS["discretes"], [[1, 0, 0, 0, 0, 1.0]], "argmax") == [[0, 3]]
    bounded = ACTIONS["bounded"]
    assert decoded(bounded, [[0.0, 0], [9, -9]], "clip") == [[0, 5], [2, 5]]
    assert decoded(bounded, [[0.0, 0], [99, -99]], "tanh") == [[0.5, 5.5], [2, 5]]
    assert decoded(bounded, [[-9.0, 0], [0, 9]], "bins") == [[-1, 5.5], [0.5, 6]]
    assert decoded(ACTIONS["half bounded"], [[-3.0, 7]], "tanh") == [[0, 7]]


BAD = [
    ("CartPol-v1", "'CartPol-v1'.* Did you mean 'CartPole-v1'"),
    ("CartPole-v9", "'CartPole-v9'"),
    (lambda: 3, "the callable returned 3"),
    (
        partial(Spaces, spaces.Text(5), spaces.Discrete(2)),
        "observation space Text.*of type Text, which is not supported: it must be Box",
    ),
    (
        partial(Spaces, BOX, spaces.Dict(a=BOX)),
        "action space Dict.*of type Dict, which is not supported: it must be Box",
    ),
]


@pytest.mark.parametrize(("env", "message"), BAD)
def test_what_cannot_be_used_is_refused_by_name(env, message):
    with pytest.raises(ValueError, match=message):
        Interface.of(env)


def test_observations_of_another_shape_are_refused():
    fitted = Policy(Aim, actions="clip", episodes=8).fit(SEEDS)
    with pytest.raises(ValueError, match=r"of shape \(n, 2\); got \(2,\)"):
        fitted.predict([0.0, 1.0])


def test_functions_of_a_notebook_go_with_the_policy():
    fitted = Policy(lambda: Walk(), episodes=8).fit(SEEDS)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.returns(SEEDS), fitted.returns(SEEDS))
    assert clone(again).set_params(episodes=9).fit(SEEDS).episodes_ == 16
