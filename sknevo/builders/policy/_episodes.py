"""Episodes of many policies side by side, and what policies see and do in them."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Self

import gymnasium
import numpy as np

from sknevo.builders.policy._environments import MOST_STEPS, Interface
from sknevo.builders.policy._networks import Network
from sknevo.deadline import check_deadline

# Episodes that run side by side. One call of the network answers all of them: with 32 a
# step of a linear policy takes 0.3 µs of each, and 12 µs if it is alone (LANES of 64
# take hardly less). A step of an environment takes 6 to 100 µs.
LANES = 32
# Steps between two looks at the clock.
PATIENCE = 50
# Deviations that are taken for zero, of values that have not varied so far.
LEAST_DEVIATION = 1e-6


@dataclass(frozen=True)
class Scaling:
    """Mean and deviation of all observations so far, by which they are normalised.

    Parameters
    ----------
    count : int, default=0
        Number of observations; before the first one they are left as they are.
    total, squares : float or ndarray of shape (size,), default=0.0
        Sums of the values and of their squares.
    """

    count: int = 0
    total: np.ndarray | float = 0.0
    squares: np.ndarray | float = 0.0

    def __add__(self, other: Self) -> Self:
        return replace(
            self,
            count=self.count + other.count,
            total=self.total + other.total,
            squares=self.squares + other.squares,
        )

    def seen(self, observations: np.ndarray) -> Self:
        """Return the scaling that has seen these as well."""
        squares = np.einsum("ij,ij->j", observations, observations)
        return self + Scaling(len(observations), observations.sum(axis=0), squares)

    def __call__(self, observations: np.ndarray, clip: float) -> np.ndarray:
        """Return observations of mean 0 and deviation 1, clipped on both sides."""
        if self.count < 2:
            return observations
        mean = self.total / self.count
        variance = self.squares / self.count - mean**2
        deviation = np.sqrt(np.maximum(variance, 0.0))
        deviation = np.where(deviation > LEAST_DEVIATION, deviation, 1.0)
        return np.clip((observations - mean) / deviation, -clip, clip)


@dataclass(frozen=True)
class Behaviour:
    """How observations become actions, but for the weights.

    Parameters
    ----------
    interface : Interface
        What the policy sees and does.
    network : Network
        Its architecture.
    frames : int, default=1
        Number of latest observations that the network sees.
    clip : float or None, default=None
        Where normalised observations are clipped; None does not normalise them.
    actions : str, default="argmax"
        See `Interface.decoded`.
    n_bins : int, default=3
        Number of values of each number of an action, if it has "bins".
    """

    interface: Interface
    network: Network
    frames: int = 1
    clip: float | None = None
    actions: str = "argmax"
    n_bins: int = 3

    def start(self, n: int) -> "Memory":
        """Return what policies know before the first step of n episodes."""
        frames = np.zeros((n, self.frames, self.interface.size))
        return Memory(frames, self.network.start(n), np.ones(n, bool))

    def act(
        self,
        weights: np.ndarray,
        scaling: Scaling,
        observations: np.ndarray,
        memory: "Memory",
    ) -> np.ndarray:
        """Return actions for encoded observations of shape (n, size)."""
        if self.clip is not None:
            observations = scaling(observations, self.clip)
        inputs = memory.with_latest(observations)
        outputs, memory.state = self.network(weights, inputs, memory.state)
        return self.interface.decoded(outputs, self.actions, self.n_bins)


@dataclass
class Memory:
    """What policies remember of their episodes.

    Parameters
    ----------
    frames : ndarray of shape (n, n_frames, size)
        The latest observations, the last one last.
    state : ndarray of shape (n, n_state)
        That of the network.
    is_first : ndarray of bool of shape (n,)
        Whether an episode begins.
    """

    frames: np.ndarray
    state: np.ndarray
    is_first: np.ndarray

    def with_latest(self, observations: np.ndarray) -> np.ndarray:
        """Return what the network sees, the latest observations included."""
        if self.frames.shape[1] == 1 and not self.state.shape[1]:
            return observations  # nothing is remembered
        self.frames[:, :-1] = self.frames[:, 1:]
        self.frames[:, -1] = observations
        if self.is_first.any():
            # There was nothing else before the first observation.
            self.frames[self.is_first] = observations[self.is_first, None]
            self.state[self.is_first] = 0.0
            self.is_first[:] = False
        return self.frames.reshape(len(observations), -1)

    def kept(self, rows: list[int]) -> Self:
        """Return what is remembered of some of the episodes."""
        return replace(
            self,
            frames=self.frames[rows],
            state=self.state[rows],
            is_first=self.is_first[rows],
        )


@dataclass
class Lane:
    """One environment, and the episode that runs in it."""

    env: gymnasium.Env
    most_steps: int
    job: tuple[int, int] = (0, 0)
    observation: Any = None
    n_steps: int = 0
    reward: float = 0.0

    def begin(self, job: tuple[int, int], seed: int) -> None:
        self.job, self.n_steps, self.reward = job, 0, 0.0
        self.observation, _ = self.env.reset(seed=seed)

    def step(self, action: Any) -> bool:
        """Take a step; return whether the episode is over."""
        step = self.env.step(action)
        self.observation, reward, is_terminated, is_truncated, _ = step
        self.reward += float(reward)
        self.n_steps += 1
        return is_terminated or is_truncated or self.n_steps >= self.most_steps


@dataclass
class Arena:
    """Environments of one kind, in which policies run their episodes.

    Parameters
    ----------
    make : callable
        Makes an environment.
    max_steps : int or None, default=None
        Steps after which an episode ends; None stands for the environment's own limit,
        or for 1,000 if it has none.
    """

    make: Callable[[], gymnasium.Env]
    max_steps: int | None = None
    envs: list[gymnasium.Env] = field(default_factory=list)

    def __reduce__(self) -> tuple[type["Arena"], tuple[Any, ...]]:
        return Arena, (self.make, self.max_steps)  # environments are made again

    def lanes(self, n: int) -> list[Lane]:
        while len(self.envs) < n:
            self.envs.append(self.make())
        return [Lane(env, self._most_steps(env)) for env in self.envs[:n]]

    def _most_steps(self, env: gymnasium.Env) -> int:
        if self.max_steps is not None:
            return self.max_steps
        own = None if env.spec is None else env.spec.max_episode_steps
        return MOST_STEPS if own is None else own

    def run(
        self,
        behaviour: Behaviour,
        weights: np.ndarray,
        scaling: Scaling,
        seeds: np.ndarray,
    ) -> tuple[np.ndarray, Scaling]:
        """Run an episode of each policy with each seed.

        Parameters
        ----------
        weights : ndarray of shape (n_policies, n_weights)
            Those of each policy.
        scaling : Scaling
            By which observations are normalised.
        seeds : ndarray of shape (n_seeds,)
            The seeds that environments are reset with.

        Returns
        -------
        returns : ndarray of shape (n_policies, n_seeds)
            The sum of the rewards of each episode.
        seen : Scaling
            The observations of all episodes.
        """
        returns = np.zeros((len(weights), len(seeds)))
        # A policy and a seed each; a lane that is free takes the next one.
        jobs = deque(product(range(len(weights)), range(len(seeds))))
        lanes = self.lanes(min(LANES, len(jobs)))
        for lane in lanes:
            job = jobs.popleft()
            lane.begin(job, int(seeds[job[1]]))
        own = weights[[lane.job[0] for lane in lanes]]
        memory, seen, n_steps = behaviour.start(len(lanes)), Scaling(), 0
        encoded = behaviour.interface.encoded
        while lanes:
            observations = encoded([lane.observation for lane in lanes])
            seen = seen.seen(observations)
            actions = behaviour.act(own, scaling, observations, memory)
            over = [i for i, lane in enumerate(lanes) if lane.step(actions[i])]
            for i in over:
                returns[lanes[i].job] = lanes[i].reward
                if jobs:
                    job = jobs.popleft()
                    lanes[i].begin(job, int(seeds[job[1]]))
                    own[i], memory.is_first[i] = weights[job[0]], True
                else:
                    lanes[i].job = (-1, -1)
            if over and not jobs:
                kept = [i for i, lane in enumerate(lanes) if lane.job[0] >= 0]
                lanes = [lanes[i] for i in kept]
                own, memory = own[kept], memory.kept(kept)
            n_steps += 1
            if n_steps % PATIENCE == 0:
                check_deadline()
        return returns, seen
