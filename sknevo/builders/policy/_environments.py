"""Environments of Gymnasium, and their spaces as arrays."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import gymnasium
import numpy as np
from gymnasium import spaces

from sknevo.spelling import did_you_mean

# What makes environments: a name in Gymnasium's registry, or a callable.
Env = str | Callable[[], gymnasium.Env]

PLAIN = (spaces.Box, spaces.Discrete, spaces.MultiBinary, spaces.MultiDiscrete)
# Steps after which an episode is ended if the environment sets no limit of its own.
# Chosen, not measured.
MOST_STEPS = 1000


def make_environment(env: Env) -> gymnasium.Env:
    """Return a new environment.

    Raises
    ------
    ValueError
        If no environment has this name, or the callable returns none.
    ImportError
        If the environment needs a package that is missing.
    """
    if callable(env):
        made = env()
        if not isinstance(made, gymnasium.Env):
            raise ValueError(
                "env must be the name of an environment of Gymnasium or a callable "
                f"that returns one; the callable returned {made!r:.80}."
            )
        return made
    try:
        # Gymnasium's checks of each step cost more than most steps.
        return gymnasium.make(env, disable_env_checker=True)
    except gymnasium.error.DependencyNotInstalled as error:
        raise ImportError(
            f"env={env!r} needs a package that is missing: {error} The environments "
            "of classic control and Box2D come with the extra: in the folder of "
            'sknevo\'s source code, run: pip install ".[rl]"'
        ) from error
    except (gymnasium.error.Error, ModuleNotFoundError) as error:
        raise ValueError(
            f"env must be the name of an environment of Gymnasium; got {env!r}: "
            f"{str(error).rstrip('.')}.{did_you_mean(env, gymnasium.registry)}"
        ) from error


@dataclass(frozen=True)
class Interface:
    """What a policy sees and does: the two spaces of an environment as arrays.

    Parameters
    ----------
    observations : gymnasium.Space
        Box, Discrete, MultiBinary, MultiDiscrete, or Tuple and Dict of these.
    actions : gymnasium.Space
        Box, Discrete, MultiBinary or MultiDiscrete.

    Examples
    --------
    >>> interface = Interface.of("CartPole-v1")
    >>> interface.size, interface.n_outputs("argmax"), interface.n_outputs("bins")
    (4, 2, 1)
    """

    observations: spaces.Space
    actions: spaces.Space

    @classmethod
    def of(cls, env: Env) -> Self:
        """Return the interface of an environment.

        Raises
        ------
        ValueError
            If there is no such environment, or a space is not supported.
        """
        environment = make_environment(env)
        try:
            return cls(environment.observation_space, environment.action_space)
        finally:
            environment.close()

    def __post_init__(self) -> None:
        if not _is_seen(self.observations):
            raise ValueError(
                f"env has the observation space {self.observations}, of type "
                f"{type(self.observations).__name__}, which is not supported: it must "
                "be Box, Discrete, MultiBinary, MultiDiscrete, or Tuple or Dict of "
                "these."
            )
        if not isinstance(self.actions, PLAIN):
            raise ValueError(
                f"env has the action space {self.actions}, of type "
                f"{type(self.actions).__name__}, which is not supported: it must be "
                "Box, Discrete, MultiBinary or MultiDiscrete."
            )

    # Observations. --------------------------------------------------------------------

    @cached_property
    def size(self) -> int:
        """Number of values of an observation."""
        return spaces.flatdim(self.observations)

    def encoded(self, observations: Sequence[Any]) -> np.ndarray:
        """Return observations as an array of shape (n, size), categories one-hot."""
        if isinstance(self.observations, spaces.Box):
            return np.array(observations, float).reshape(len(observations), -1)
        flat = [spaces.flatten(self.observations, one) for one in observations]
        return np.array(flat, float).reshape(len(observations), -1)

    def checked(self, observations: Any) -> Any:
        """Return observations, or refuse those of another shape."""
        if isinstance(self.observations, spaces.Box):
            shape = self.observations.shape
            given = np.shape(observations)
            if given[1:] != shape:
                raise ValueError(
                    f"observations must be of shape (n, {str(shape)[1:-1].strip(',')});"
                    f" got {given}. One alone is a list of one."
                )
        return observations

    # Actions. -------------------------------------------------------------------------

    @cached_property
    def options(self) -> np.ndarray | None:
        """Number of options of each component of an action; None if it is numbers."""
        match self.actions:
            case spaces.Discrete(n=n):
                return np.array([n])
            case spaces.MultiDiscrete(nvec=nvec):
                return nvec.ravel()
            case spaces.MultiBinary():
                return np.full(math.prod(self.actions.shape), 2)
        return None

    def n_outputs(self, handling: str) -> int:
        """Return how many outputs of a network an action is made of."""
        if self.options is None:
            return math.prod(self.actions.shape)
        return int(self.options.sum()) if handling == "argmax" else len(self.options)

    def decoded(self, outputs: np.ndarray, handling: str, n_bins: int) -> np.ndarray:
        """Return what outputs of shape (n, n_outputs) mean as actions.

        Parameters
        ----------
        handling : {"argmax", "bins", "tanh", "clip"}
            "argmax" takes the option with the greatest output; "bins" cuts the range of
            the hyperbolic tangent of an output into as many parts as there are options,
            or into `n_bins` values from the lower bound to the upper one. "tanh" scales
            the tangent to the bounds, "clip" takes the output itself within them. A
            component without bounds is the output itself.

        Returns
        -------
        ndarray of shape (n,) or (n, ...)
        """
        if self.options is None:
            return self._numbers(outputs, handling, n_bins)
        if handling == "argmax":
            parts = np.split(outputs, np.cumsum(self.options)[:-1], axis=1)
            chosen = np.stack([part.argmax(axis=1) for part in parts], axis=1)
        else:
            share = (np.tanh(outputs) + 1) / 2
            chosen = np.minimum(share * self.options, self.options - 1).astype(int)
        actions = self.actions
        chosen = chosen.reshape(len(chosen), *actions.shape)
        return (chosen + getattr(actions, "start", 0)).astype(actions.dtype)

    def _numbers(self, outputs: np.ndarray, handling: str, n_bins: int) -> np.ndarray:
        low, high, bounded = self._bounds
        if handling == "clip":
            values = np.clip(outputs, low, high)
        else:
            share = (np.tanh(outputs) + 1) / 2
            if handling == "bins":
                share = np.minimum(np.floor(share * n_bins), n_bins - 1) / (n_bins - 1)
            with np.errstate(invalid="ignore"):  # where there are no bounds
                values = np.where(bounded, low + share * (high - low), outputs)
            values = np.clip(values, low, high)
        if self.actions.dtype.kind in "iu":
            values = np.rint(values)
        shape = len(outputs), *self.actions.shape
        return values.reshape(shape).astype(self.actions.dtype)

    @cached_property
    def _bounds(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Bounds of the components of an action, and whether both are finite."""
        low = self.actions.low.ravel().astype(float)
        high = self.actions.high.ravel().astype(float)
        return low, high, np.isfinite(low) & np.isfinite(high)


def _is_seen(space: spaces.Space) -> bool:
    """Return whether observations of a space can be made arrays of one size."""
    if isinstance(space, spaces.Tuple | spaces.Dict):
        inside = space.values() if isinstance(space, spaces.Dict) else space
        return all(map(_is_seen, inside))
    return isinstance(space, PLAIN)
