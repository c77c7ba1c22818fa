"""The last layer of a generator of tables: values, and options of which one is on."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from sknevo.builders.gan._conditions import places_of_conditions
from sknevo.records import Part

# The spread of values about what the generator says, at first and at least. Chosen, not
# measured.
FIRST_SPREAD, LEAST_SPREAD = 0.1, 1e-3


class TableHead(nn.Module):
    """Turns the outputs of a generator into parts of rows.

    Values are tanh, and normal noise if they have a spread. Of the options of a column
    one is drawn, by the Gumbel-softmax [1]_: in training as shares that almost are
    one-hot, which gradients pass. The column that a row is made for holds what is asked
    for, without a loss that asks for it. A value is 0 as far as the option that is on
    has none.

    Parameters
    ----------
    parts : sequence of Part
        Of the columns.
    temperature : float
        The lower, the nearer to one-hot shares are in training.
    straight_through : bool
        Whether options are one-hot in training, too: gradients are those of the shares.
    conditional : bool
        Whether rows are made for labels of columns.
    has_spread : bool, default=False
        Whether values have a spread, which is learned for each column.

    References
    ----------
    .. [1] Jang, E., Gu, S., & Poole, B. (2017). Categorical Reparameterization with
       Gumbel-Softmax. ICLR.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        temperature: float,
        straight_through: bool,
        conditional: bool,
        has_spread: bool = False,
    ) -> None:
        super().__init__()
        self.temperature, self.straight_through = temperature, straight_through
        widths = [part.width for part in parts]
        starts = np.cumsum([0, *widths])[:-1]
        self.width = sum(widths)
        self.sizes = sorted({part.n_options for part in parts} - {0})
        # The options of all columns that have as many, of shape (n_columns, n_options).
        for size in self.sizes:
            firsts = [
                start + part.has_value
                for start, part in zip(starts, parts, strict=True)
                if part.n_options == size
            ]
            places = torch.tensor(firsts)[:, None] + torch.arange(size)
            self.register_buffer(f"options_{size}", places)
        values = [s for s, part in zip(starts, parts, strict=True) if part.has_value]
        self.register_buffer("values", torch.tensor(values, dtype=torch.long))
        self.register_buffer("modes", _modes(parts, starts))
        self.log_spread: nn.Parameter | None = None
        if has_spread:
            first = torch.full((len(values),), math.log(FIRST_SPREAD))
            self.log_spread = nn.Parameter(first)
        conditions = places_of_conditions(parts) if conditional else []
        self.register_buffer("conditions", torch.tensor(conditions, dtype=torch.long))
        sizes = [part.n_conditions for part in parts if part.n_conditions]
        of_column = torch.block_diag(*(torch.ones(1, n) for n in sizes))
        self.register_buffer("of_column", of_column if len(conditions) else None)

    def forward(
        self, outputs: Tensor, uniform: Tensor, conditions: Tensor | None
    ) -> Tensor:
        """Return parts of shape (n, width).

        Parameters
        ----------
        outputs : Tensor of shape (n, width)
            Of the last layer.
        uniform : Tensor of shape (n, width)
            Noise between 0 and 1, which draws the options, and values about their
            means.
        conditions : Tensor of shape (n, n_conditions) or None
            What rows are made for; those of columns are the last.
        """
        rows, uniform = outputs.tanh(), uniform.clamp(1e-6, 1 - 1e-6)
        drawn = outputs - (-uniform.log()).log()
        for size in self.sizes:
            places = getattr(self, f"options_{size}")
            shares = self._shares(drawn[:, places])
            rows = rows.index_copy(1, places.flatten(), shares.flatten(1))
        if len(self.conditions):
            wanted = conditions[:, -len(self.conditions) :]
            asked = wanted @ self.of_column.T @ self.of_column > 0.5
            kept = torch.where(asked, wanted, rows[:, self.conditions])
            rows = rows.index_copy(1, self.conditions, kept)
        if len(self.values):
            values = rows[:, self.values]
            if self.log_spread is not None:
                noise = math.sqrt(2) * torch.erfinv(2 * uniform[:, self.values] - 1)
                values = (values + self._spread * noise).clamp(-1, 1)
            rows = rows.index_copy(1, self.values, values * self._counting(rows))
        return rows

    def log_likelihood(self, outputs: Tensor, rows: Tensor) -> Tensor:
        """Return the log-likelihood of real rows, but for a constant, of shape (n,).

        Parameters
        ----------
        outputs : Tensor of shape (n, width)
            Of the last layer.
        rows : Tensor of shape (n, width)
            Encoded.
        """
        total = outputs.new_zeros(len(outputs))
        for size in self.sizes:
            places = getattr(self, f"options_{size}")
            shares = outputs[:, places].log_softmax(dim=-1)
            total = total + (rows[:, places] * shares).sum(dim=(1, 2))
        if len(self.values):
            means = outputs[:, self.values].tanh()
            errors, spread = rows[:, self.values] - means, self._spread
            surprise = (errors / spread).square() / 2 + spread.log()
            total = total - (self._counting(rows) * surprise).sum(dim=1)
        return total

    @property
    def _spread(self) -> Tensor:
        return self.log_spread.exp() + LEAST_SPREAD

    def _counting(self, rows: Tensor) -> Tensor:
        """Return how far each value counts: as far as its column is in a mode."""
        # Of a column without options the only mode goes without saying.
        return torch.where(self.modes.any(dim=0), rows @ self.modes, 1.0)

    def _shares(self, drawn: Tensor) -> Tensor:
        """Return shares of options; the same as one-hot outside of training."""
        shares = (drawn / self.temperature).softmax(dim=-1)
        if self.training and not self.straight_through:
            return shares
        on = torch.zeros_like(shares).scatter(-1, drawn.argmax(-1, keepdim=True), 1.0)
        return on + shares - shares.detach() if self.training else on


def _modes(parts: Sequence[Part], starts: np.ndarray) -> Tensor:
    """Return which places (rows) say that the values (columns) count."""
    with_values = [
        (s, part) for s, part in zip(starts, parts, strict=True) if part.has_value
    ]
    modes = torch.zeros(sum(part.width for part in parts), len(with_values))
    for i, (start, part) in enumerate(with_values):
        if part.n_options:
            first = start + 1 + part.n_plain
            modes[first : first + part.n_modes, i] = 1
    return modes
