"""Small networks of numpy: many of one architecture answer at once."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0.0),
    "silu": lambda x: x * (0.5 + 0.5 * np.tanh(0.5 * x)),
}


class WeightMatrix(NamedTuple):
    """A matrix in a row of weights: where it begins, its shape, whether it starts as 0.

    The last row of a matrix holds biases, unless it is `recurrent`.
    """

    begin: int
    shape: tuple[int, int]
    is_zero: bool = False
    recurrent: bool = False

    @property
    def end(self) -> int:
        return self.begin + math.prod(self.shape)

    def of(self, weights: np.ndarray) -> np.ndarray:
        """Return the matrices of all rows, of shape (n, inputs, outputs)."""
        return weights[:, self.begin : self.end].reshape(len(weights), *self.shape)


@dataclass(frozen=True)
class Network:
    """The architecture of a policy; its weights are given with each call.

    Parameters
    ----------
    n_inputs, n_outputs : int
        Size of an input and of an output.
    hidden : tuple of int, default=()
        Units of the hidden layers; a linear policy has none.
    activation : {"tanh", "relu", "silu"}, default="tanh"
        The activation of hidden layers.
    recurrent : bool, default=False
        Whether the last hidden layer also sees its own last answer (an Elman network).

    Examples
    --------
    >>> network = Network(4, 2, (8,))
    >>> network.n_weights
    58
    >>> outputs, state = network(np.zeros((3, 58)), np.ones((3, 4)), network.start(3))
    >>> outputs.shape, state.shape
    ((3, 2), (3, 0))
    """

    n_inputs: int
    n_outputs: int
    hidden: tuple[int, ...] = ()
    activation: str = "tanh"
    recurrent: bool = False

    @cached_property
    def matrices(self) -> tuple[WeightMatrix, ...]:
        """The matrices of all layers, in order; that of the state comes last."""
        return tuple(self._matrices())

    def _matrices(self) -> Iterator[WeightMatrix]:
        sizes, begin = [self.n_inputs, *self.hidden, self.n_outputs], 0
        for i, (n_in, n_out) in enumerate(pairwise(sizes)):
            # Outputs of 0 at first: no action is preferred.
            matrix = WeightMatrix(
                begin, (n_in + 1, n_out), is_zero=i == len(self.hidden)
            )
            yield matrix
            begin = matrix.end
        if self.recurrent:
            n_units = self.hidden[-1]
            yield WeightMatrix(begin, (n_units, n_units), recurrent=True)

    @property
    def n_weights(self) -> int:
        """Number of weights."""
        return self.matrices[-1].end

    @property
    def n_state(self) -> int:
        """Number of values that it remembers from one call to the next."""
        return self.hidden[-1] if self.recurrent else 0

    def start(self, n: int) -> np.ndarray:
        """Return the state at the beginning of n episodes."""
        return np.zeros((n, self.n_state))

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Return weights to begin a training with; those of the outputs are 0."""
        weights = np.zeros(self.n_weights)
        for matrix in self.matrices:
            if not matrix.is_zero:
                drawn = rng.standard_normal(matrix.shape) / math.sqrt(matrix.shape[0])
                if not matrix.recurrent:
                    drawn[-1] = 0.0
                weights[matrix.begin : matrix.end] = drawn.ravel()
        return weights

    def __call__(
        self, weights: np.ndarray, inputs: np.ndarray, state: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return outputs and the new state.

        Parameters
        ----------
        weights : ndarray of shape (n, n_weights)
            The weights of each row. What a row is answered does not depend on others.
        inputs : ndarray of shape (n, n_inputs)
            What each network sees.
        state : ndarray of shape (n, n_state)
            What it remembers.
        """
        layers = self.matrices[: len(self.hidden) + 1]
        values = inputs
        for matrix in layers[:-1]:
            sums = _affine(values, matrix.of(weights))
            if self.recurrent and matrix is layers[-2]:
                sums += _product(state, self.matrices[-1].of(weights))
            values = ACTIVATIONS[self.activation](sums)
        if self.recurrent:
            state = values
        return _affine(values, layers[-1].of(weights)), state


def _affine(rows: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Return the product of each row with its own matrix; the last row is added."""
    return _product(rows, matrices[:, :-1]) + matrices[:, -1]


def _product(rows: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Return the product of each row with its own matrix."""
    return np.matmul(rows[:, None, :], matrices)[:, 0]
