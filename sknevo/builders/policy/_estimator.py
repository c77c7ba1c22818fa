"""A policy as an estimator: trained by an evolution strategy, it predicts actions."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, NamedTuple, Self

import cloudpickle
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from sknevo.builders.policy._environments import Env, Interface, make_environment
from sknevo.builders.policy._episodes import Arena, Behaviour, Memory, Scaling
from sknevo.builders.policy._networks import Network
from sknevo.builders.policy._optimizers import OPTIMIZERS, Optimizer
from sknevo.data_checks import fingerprint
from sknevo.deadline import is_training_over

# Generations in a row in which all returns are the same, and not the worst so far,
# after which there is nothing more to gain. Chosen, not measured.
MOST_EQUAL = 5
# Episodes by which what a training has come to is compared with what it was: this share
# of those that it was trained in, or as many as take about this share of the time of
# `finish`, within limits. The mean of the most has a standard error of a tenth of the
# deviation. Chosen, not measured.
FRESH_SHARE, FRESH_TIME, FEWEST_FRESH, MOST_FRESH = 0.1, 0.2, 8, 100
# So many times as long as predicted this may take. Chosen, not measured.
MARGIN = 1.3
# Stages of `finish` after each of which the policy is one of those that are compared.
# Chosen, not measured.
STAGES = 2


def fresh_seeds(known: np.ndarray, n: int, number: int = 0) -> np.ndarray:
    """Return seeds that are none of the known ones, the same ones each time.

    Parameters
    ----------
    known : ndarray of int of shape (n_known,)
        Seeds that are in use.
    n : int
        How many others.
    number : int, default=0
        Which of several sets; two of them share hardly any seed.

    Returns
    -------
    ndarray of int of shape (n,)

    Examples
    --------
    >>> seeds = fresh_seeds(np.arange(10), 3)
    >>> len(np.union1d(seeds, np.arange(10)))
    13
    """
    rng = np.random.default_rng([number, int(fingerprint(np.sort(known)), 16)])
    drawn = rng.integers(2**31, size=2 * n + len(known))
    return rng.choice(np.setdiff1d(drawn, known), n, replace=False)


class Learned(NamedTuple):
    """What a training has come to."""

    weights: np.ndarray
    scaling: Scaling


@dataclass
class Training:
    """What it takes to go on with a training."""

    optimizer: Optimizer
    worst: float = np.inf
    n_equal: int = 0
    # Mean return of all episodes, of each generation.
    returns: list[float] = field(default_factory=list)

    def tell(self, weights: np.ndarray, returns: np.ndarray) -> None:
        """Learn from a generation: returns of shape (n_policies, n_episodes)."""
        self.returns.append(float(returns.mean()))
        self.worst = min(self.worst, float(returns.min()))
        means = returns.mean(axis=1)
        if np.ptp(returns) > 0:
            self.optimizer.tell(weights, means)
            self.n_equal = 0
        else:
            # Nothing to learn: all are as good as can be, or no one has had success.
            self.n_equal += means[0] > self.worst

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to gain."""
        return self.optimizer.is_over or self.n_equal >= MOST_EQUAL


class Policy(BaseEstimator):
    """A policy, trained by an evolution strategy on episodes.

    Samples are the seeds of episodes. A training is one sequence of generations: in
    each, many weights are tried in episodes with the same seeds, which are drawn from
    those given. `fit` trains to its end. `train_to` trains the beginning of it and may
    go on later; `finish` ends a training that was begun.

    Parameters
    ----------
    env : str or callable
        The name of an environment of Gymnasium, or what makes one.
    clip : float or None, default=None
        Observations are normalised by the mean and the deviation of all that were seen
        in training, and clipped to so many deviations. None leaves them as they are.
    frames : int, default=1
        Number of latest observations that the policy sees.
    hidden : tuple of int, default=()
        Units of the hidden layers; a linear policy has none.
    activation : {"tanh", "relu", "silu"}, default="tanh"
        The activation of the hidden layers.
    recurrent : bool, default=False
        Whether the last hidden layer also sees its own last answer.
    actions : {"argmax", "bins", "tanh", "clip"}, default="argmax"
        How outputs become actions, see `Interface.decoded`.
    n_bins : int, default=3
        Values of each number of an action with ``actions="bins"``.
    optimizer : {"cma_es", "ars", "pgpe"}, default="cma_es"
        The evolution strategy.
    options : dict or None, default=None
        Its parameters. None stands for a `population` of 16 and a `sigma` of 0.5 of
        "cma_es".
    repeats : int, default=1
        Episodes by which the weights of each are judged in a generation.
    episodes : int, default=1000
        Episodes of the training, all together; the last generation may exceed them.
    max_steps : int or None, default=None
        Steps after which an episode ends; None stands for the environment's own limit,
        or for 1,000 if it has none.
    random_state : int, default=0
        Seed of the weights that are tried, and of which seeds are drawn.

    Attributes
    ----------
    weights_ : ndarray of shape (n_weights,)
        The weights of the network.
    episodes_, generations_ : int
        How many were trained.
    returns_ : ndarray of shape (n_generations,)
        The mean return of all episodes of each generation.
    fresh_returns_ : ndarray of shape (n,)
        Returns in episodes by which `finish` has decided. Their seeds were not used
        before.
    n_features_in_ : int
        Number of values of an observation.
    training_ : object or None
        What it takes to go on; None once the training has ended.

    Examples
    --------
    >>> policy = Policy("CartPole-v1", episodes=100, max_steps=50).fit(np.arange(50))
    >>> policy.predict(np.zeros((3, 4))).shape
    (3,)
    >>> policy.score(np.arange(50, 60)) > 40
    True
    """

    training_: Training | None = None

    def __init__(
        self,
        env: Env,
        *,
        clip: float | None = None,
        frames: int = 1,
        hidden: Sequence[int] = (),
        activation: str = "tanh",
        recurrent: bool = False,
        actions: str = "argmax",
        n_bins: int = 3,
        optimizer: str = "cma_es",
        options: Mapping[str, Any] | None = None,
        repeats: int = 1,
        episodes: int = 1000,
        max_steps: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.env = env
        self.clip = clip
        self.frames = frames
        self.hidden = hidden
        self.activation = activation
        self.recurrent = recurrent
        self.actions = actions
        self.n_bins = n_bins
        self.optimizer = optimizer
        self.options = options
        self.repeats = repeats
        self.episodes = episodes
        self.max_steps = max_steps
        self.random_state = random_state

    # Training. ------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train to the end.

        Parameters
        ----------
        X : array-like of int of shape (n_seeds,)
            Seeds of episodes.
        y : None
            Not used.

        Returns
        -------
        self : object
        """
        self.training_ = None
        return self.train_to(X, y, self.episodes).settle()

    def train_to(self, X: Any, y: Any, episodes: int) -> Self:
        """Begin a training or go on with it, until so many episodes are done in all.

        It ends early, after a generation, if `sknevo.deadline.is_training_over`, or if
        there is nothing more to gain.

        Parameters
        ----------
        X, y
            As for `fit`, the same each time.
        episodes : int
            More than before.

        Returns
        -------
        self : object
        """
        if self.training_ is None:
            self._begin()
        seeds = np.asarray(X)
        while self.episodes_ < episodes and not self.training_.is_over:
            self._train(seeds)
            if is_training_over(self.generations_):
                break
        self._learn(self._learned())
        return self

    def finish(
        self,
        X: Any,
        y: Any = None,
        *,
        episodes: int | None = None,
        until: float | None = None,
    ) -> Self:
        """Go on from where `train_to` paused, and keep the best of what it comes to.

        What it was and what it has come to are compared in episodes with fresh seeds,
        which are none of X.

        Parameters
        ----------
        X, y
            As for `fit`; X may have other seeds than before.
        episodes : int or None, default=None
            Episodes to train. None stands for what is left of `episodes`, or for any
            number if `until` is given.
        until : float or None, default=None
            The `time.time()` at which to end.

        Returns
        -------
        self : object
        """
        if self.training_ is None:
            self._begin()
        if until is None and episodes is None:
            episodes = max(0, self.episodes - self.episodes_)
        seeds, now = np.asarray(X), time.time()
        more = np.inf if episodes is None else episodes
        end = np.inf if until is None else until - FRESH_TIME * (until - now)
        found = [self._learned(), *self._stages(seeds, more, end)]
        n_fresh = FRESH_SHARE * self.episodes_
        if until is not None:
            # The latest episodes tell how long the next ones take.
            seconds = MARGIN * len(found) * self._episode_seconds
            n_fresh = (until - time.time()) / max(seconds, 1e-9)
        n_fresh = int(np.clip(n_fresh, FEWEST_FRESH, MOST_FRESH))
        fresh = fresh_seeds(seeds, n_fresh)
        returns = [self._returns(one, fresh) for one in found]
        best = int(np.argmax([each.mean() for each in returns]))
        self._learn(found[best])
        self.fresh_returns_ = returns[best]
        return self.settle()

    def _stages(
        self, seeds: np.ndarray, episodes: float, end: float
    ) -> Iterator[Learned]:
        """Train so many episodes more, or until an end; yield what each stage comes to.

        Stages are equally long.
        """
        begun, start = self.episodes_, time.time()
        for stage in range(1, STAGES + 1):
            most = begun + episodes * stage / STAGES
            until = start + (end - start) * stage / STAGES
            n_before = self.episodes_
            while not self.training_.is_over and self.episodes_ < most:
                seconds = self._episode_seconds * self._generation_size
                if time.time() + seconds > until:
                    break
                self._train(seeds)
            if self.episodes_ > n_before:
                yield self._learned()

    def settle(self) -> Self:
        """Drop what it takes to go on; it predicts as before.

        Returns
        -------
        self : object
        """
        self.training_ = None
        return self

    def _begin(self) -> None:
        interface = Interface.of(self.env)
        network = Network(
            interface.size * self.frames,
            interface.n_outputs(self.actions),
            tuple(self.hidden),
            self.activation,
            self.recurrent,
        )
        self.n_features_in_ = interface.size
        self._behaviour = Behaviour(
            interface, network, self.frames, self.clip, self.actions, self.n_bins
        )
        options = {"population": 16, "sigma": 0.5}
        if self.options is not None:
            options = {**self.options}
        weights = network.initial(np.random.default_rng(self.random_state))
        self.training_ = Training(OPTIMIZERS[self.optimizer](weights, **options))
        self._scaling = Scaling()
        # Of the latest generation: its episodes, and the seconds of each.
        self._generation_size, self._episode_seconds = 0, 0.0
        self.episodes_ = self.generations_ = 0

    def _train(self, seeds: np.ndarray) -> None:
        """Train for a generation, which depends on its number and not on the pauses."""
        start, optimizer = time.perf_counter(), self.training_.optimizer
        rng = np.random.default_rng([self.random_state, 1 + self.generations_])
        weights = optimizer.ask(rng)
        chosen = rng.choice(seeds, self.repeats, replace=self.repeats > len(seeds))
        arena, behaviour = self._arena, self._behaviour
        returns, seen = arena.run(behaviour, weights, self._scaling, chosen)
        self.training_.tell(weights, returns)
        if self.clip is not None:
            self._scaling = self._scaling + seen
        self.episodes_ += returns.size
        self.generations_ += 1
        self._generation_size = returns.size
        self._episode_seconds = (time.perf_counter() - start) / returns.size

    def _learned(self) -> Learned:
        return Learned(self.training_.optimizer.centre, self._scaling)

    def _learn(self, learned: Learned) -> None:
        self.returns_ = np.array(self.training_.returns)
        self.weights_, self._final_scaling = learned

    @cached_property
    def _arena(self) -> Arena:
        return Arena(partial(make_environment, self.env), self.max_steps)

    def __getstate__(self) -> dict[str, Any]:
        state = {**super().__getstate__()}
        state.pop("_arena", None)  # environments are made again
        if callable(self.env):
            # A function of a notebook or a lambda goes with the policy.
            state["env"] = _ByValue(cloudpickle.dumps(self.env))
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        env = state["env"]
        if isinstance(env, _ByValue):
            state = {**state, "env": cloudpickle.loads(env.content)}
        super().__setstate__(state)

    # What it has learned. -------------------------------------------------------------

    def predict(self, X: Any) -> np.ndarray:
        """Return actions for observations.

        Parameters
        ----------
        X : array-like of shape (n, ...)
            Observations. A policy that remembers earlier ones takes them for those of
            one episode, in their order; to others the order is nothing.

        Returns
        -------
        ndarray of shape (n,) or (n, ...)
            An action for each.
        """
        check_is_fitted(self, "weights_")
        interface = self._behaviour.interface
        observations = interface.encoded(interface.checked(X))
        if self.frames == 1 and not self.recurrent:
            n = len(observations)
            return self._act(observations, self._behaviour.start(n))
        memory = self._behaviour.start(1)
        return np.concatenate([self._act(one[None], memory) for one in observations])

    def _act(self, observations: np.ndarray, memory: Memory) -> np.ndarray:
        weights = np.broadcast_to(
            self.weights_, (len(observations), len(self.weights_))
        )
        scaling = self._final_scaling
        return self._behaviour.act(weights, scaling, observations, memory)

    def actor(self) -> "Actor":
        """Return what acts step by step in one episode.

        Returns
        -------
        Actor
            Called with an observation, it returns the action.
        """
        check_is_fitted(self, "weights_")
        return Actor(self)

    def returns(self, X: Any) -> np.ndarray:
        """Return the sum of the rewards of an episode with each seed.

        Parameters
        ----------
        X : array-like of int of shape (n_seeds,)
            Seeds.

        Returns
        -------
        ndarray of shape (n_seeds,)
        """
        check_is_fitted(self, "weights_")
        known = Learned(self.weights_, self._final_scaling)
        return self._returns(known, np.asarray(X))

    def _returns(self, learned: Learned, seeds: np.ndarray) -> np.ndarray:
        weights, scaling = learned
        returns, _ = self._arena.run(self._behaviour, weights[None], scaling, seeds)
        return returns[0]

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean return in episodes with these seeds.

        Parameters
        ----------
        X : array-like of int of shape (n_seeds,)
            Seeds.
        y : None
            Not used.

        Returns
        -------
        float
        """
        return float(self.returns(X).mean())

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array, tags.input_tags.two_d_array = True, False
        return tags


class _ByValue(NamedTuple):
    """A callable as bytes of cloudpickle."""

    content: bytes


class Actor:
    """Acts in one episode, observation by observation, and remembers what it needs.

    Parameters
    ----------
    policy : Policy
        A fitted policy.

    Examples
    --------
    >>> policy = Policy("CartPole-v1", episodes=16, max_steps=9).fit(np.arange(10))
    >>> int(policy.actor()(np.zeros(4))) in (0, 1)
    True
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._memory = policy._behaviour.start(1)

    def __call__(self, observation: Any) -> Any:
        """Return the action after an observation."""
        encoded = self.policy._behaviour.interface.encoded([observation])
        return self.policy._act(encoded, self._memory)[0]
