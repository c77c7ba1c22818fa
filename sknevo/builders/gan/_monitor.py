"""Signals of a GAN's training, and the end of a training that has collapsed.

Losses do not tell whether a GAN collapses: each network's depends on the other. So
generated samples are compared with real ones a few times in the course of the training.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sknevo.deadline import TrialPruned
from sknevo.metrics import ReferenceSet

NETWORKS = ("discriminator", "generator")
# What is read of single steps; its means are signals.
READINGS = ("auc", *(f"{n}_{kind}" for n in NETWORKS for kind in ("loss", "norm")))
# A real sample is covered if a generated one is as near as its fifth real neighbour,
# and reached if one is as near as `ReferenceSet.wide_share` of all. Coverage sees
# quality, wide_coverage sees lost modes.
N_NEIGHBORS = 5
# Images are compared at this side at most: fine detail is left out.
COMPARED_SIDE = 8
# No training of fewer samples or fewer steps of the generator is pruned.
MIN_SAMPLES, MIN_STEPS = 100, 300
# Pruning begins after this share of the training: early samples say little.
GRACE = 0.4
# Limits of what is pruned; chosen, not measured. Wide coverage finds the collapsed
# networks of a ring of eight Gaussians with an area under the ROC curve of 0.994
# (doc/figures.md, collapse detector).
# Mode collapse: less wide coverage than this at two checkpoints, and samples that are
# close to each other.
COLLAPSED_COVERAGE = 0.15
# Far from the data: as little wide coverage, and samples that are this many times as
# far from real ones as real ones are from each other.
FAR = 3.0
# Starved generator: the discriminator's AUC is above, wide coverage is below, and the
# generator's gradient is below this share of what it was at first.
CERTAIN_AUC, STARVED_COVERAGE, SILENT_GRADIENT = 0.995, 0.3, 1e-3
# Late collapse: of a wide coverage of at least the first, less than the second share
# is left.
PEAK_COVERAGE, LOST_SHARE = 0.5, 0.5
# Intra-mode collapse: generated samples this much closer to each other than real ones.
NARROW_SPREAD = 0.1
# Norm of an exploding gradient; chosen, not measured.
EXPLODED_NORM = 1e6
# A loss this many median steps away from the one before is a spike; chosen.
SPIKE = 10.0


def as_points(X: Tensor) -> Tensor:
    """Return samples as the points (n, n_values) that are compared."""
    if X.ndim == 4 and max(X.shape[2:]) > COMPARED_SIDE:
        sides = [min(COMPARED_SIDE, side) for side in X.shape[2:]]
        X = nn.functional.adaptive_avg_pool2d(X, sides)
    return X.flatten(1).float()


class Monitor:
    """Records the signals of a training, and prunes one that has collapsed.

    Parameters
    ----------
    real : Tensor of shape (n, ...)
        Some of the training samples, scaled.
    n_steps : int
        Steps that the generator is going to make.
    prune : bool, default=True
        Whether a collapse ends the training. What is not finite always does.

    Attributes
    ----------
    signals : dict of str to ndarray of shape (n_checkpoints,)
        `step`; `coverage`, the share of real samples with a generated one nearer than
        their fifth real neighbour; `wide_coverage`, the same with a twentieth of all;
        `nearest` and `spread`, the distances of generated samples to the nearest real
        and to the nearest other generated one, in units of those between real ones;
        `auc`, how well the discriminator ranks; losses and gradient norms of both
        networks, averaged since the checkpoint before; `spikes`, the share of losses
        that leap.
    """

    def __init__(self, real: Tensor, n_steps: int, prune: bool = True) -> None:
        self.real = as_points(real)
        distances = _distances(self.real, self.real).sort(dim=1).values
        wide = max(N_NEIGHBORS, math.ceil(ReferenceSet.wide_share * len(self.real)))
        self.near = _neighbourhoods(distances, N_NEIGHBORS)
        self.wide = _neighbourhoods(distances, wide)
        self.between = float(_neighbourhoods(distances, 1).median())
        self.n_steps = n_steps
        self.prune = prune and len(real) >= MIN_SAMPLES and n_steps >= MIN_STEPS
        self._readings: list[dict[str, float]] = []  # since the last checkpoint
        self._jumps: list[float] = []
        self._first_norm = math.nan
        self._rows: list[dict[str, float]] = []

    @property
    def last_step(self) -> int:
        """The step of the last checkpoint, 0 before the first one."""
        return int(self._rows[-1]["step"]) if self._rows else 0

    @property
    def signals(self) -> dict[str, np.ndarray]:
        if not self._rows:
            return {}
        return {
            name: np.array([row[name] for row in self._rows]) for name in self._rows[0]
        }

    def record(
        self, step: int, losses: Any, norms: Any, real: Tensor, generated: Tensor
    ) -> None:
        """Record a step.

        Parameters
        ----------
        losses, norms : (discriminator's, generator's)
            Scalars.
        real, generated : Tensor of shape (n,)
            Logits.

        Raises
        ------
        TrialPruned
            If something is not finite, or a gradient explodes.
        """
        reading = {"auc": _auc(real, generated)}
        for network, loss, norm in zip(NETWORKS, losses, norms, strict=True):
            loss, norm = float(loss), float(norm)
            if not math.isfinite(loss) or not math.isfinite(norm):
                what = (
                    f"loss is {loss}" if math.isfinite(norm) else f"gradient is {norm}"
                )
                raise TrialPruned(
                    f"not finite: the {network}'s {what} after {step} steps"
                )
            if norm > EXPLODED_NORM:
                raise TrialPruned(
                    f"exploding gradient: the {network}'s has norm {norm:.2g} after "
                    f"{step} steps"
                )
            reading |= {f"{network}_loss": loss, f"{network}_norm": norm}
        if self._readings:
            before, names = self._readings[-1], [f"{n}_loss" for n in NETWORKS]
            self._jumps.append(max(abs(reading[n] - before[n]) for n in names))
        self._readings.append(reading)

    def check(self, step: int, generated: Tensor) -> None:
        """Compare generated samples with real ones.

        Raises
        ------
        TrialPruned
            If the generator collapses, starves or is far from the data.
        """
        points = as_points(generated)
        if not torch.isfinite(points).all():
            raise TrialPruned(f"not finite: the generator's samples after {step} steps")
        across = _distances(self.real, points)
        closest = across.min(dim=1).values
        among = _distances(points, points).fill_diagonal_(torch.inf).min(dim=1).values
        row = {
            "step": step,
            "coverage": float((closest <= self.near).float().mean()),
            "wide_coverage": float((closest <= self.wide).float().mean()),
            "nearest": float(across.min(dim=0).values.median()) / self.between,
            "spread": float(among.median()) / self.between,
        }
        for name in READINGS:
            # Without a step that was read since, as at the checkpoint before.
            read = self._readings or self._rows[-1:]
            row[name] = _mean([reading[name] for reading in read])
        self._readings = []
        usual = np.median(self._jumps) if self._jumps else 0.0
        spikes = [jump > SPIKE * max(usual, 1e-3) for jump in self._jumps]
        row["spikes"] = _mean(spikes) if spikes else 0.0
        self._rows.append(row)
        if not math.isfinite(self._first_norm):
            self._first_norm = row["generator_norm"]
        if self.prune and step >= GRACE * self.n_steps:
            self._prune_if_collapsed(row)

    def _prune_if_collapsed(self, row: dict[str, float]) -> None:
        """Raise `TrialPruned`, with the reason, if the generator has collapsed."""
        step, wide_coverage = int(row["step"]), row["wide_coverage"]
        peak = max(other["wide_coverage"] for other in self._rows)
        last_two = [other["wide_coverage"] for other in self._rows[-2:]]
        when = f"after {step} of {self.n_steps} steps"
        if (
            row["auc"] > CERTAIN_AUC
            and wide_coverage < STARVED_COVERAGE
            and row["generator_norm"] < SILENT_GRADIENT * self._first_norm
        ):
            raise TrialPruned(
                f"starved generator: the discriminator's AUC is {row['auc']:.3f}, the "
                f"generator's gradient {row['generator_norm']:.2g} and coverage "
                f"{wide_coverage:.2f} {when}"
            )
        if max(last_two) < COLLAPSED_COVERAGE and row["spread"] < 1:
            raise TrialPruned(f"mode collapse: coverage {wide_coverage:.2f} {when}")
        if max(last_two) < COLLAPSED_COVERAGE and row["nearest"] > FAR:
            raise TrialPruned(
                f"far from the data: coverage {wide_coverage:.2f}, generated samples "
                f"are {row['nearest']:.2g} times as far from real ones as real ones "
                f"are from each other {when}"
            )
        if (
            peak >= PEAK_COVERAGE
            and len(last_two) == 2
            and max(last_two) < LOST_SHARE * peak
        ):
            raise TrialPruned(
                f"late collapse: coverage {wide_coverage:.2f} {when}, it was {peak:.2f}"
            )
        if row["spread"] < NARROW_SPREAD and row["coverage"] < STARVED_COVERAGE:
            raise TrialPruned(
                f"intra-mode collapse: generated samples are {row['spread']:.2g} times "
                f"as far from each other as real ones {when}"
            )

    @property
    def stability(self) -> float:
        """How calm the training was and how much of its best it kept, in [0, 1].

        The geometric mean of three shares: of the widest coverage that is left in the
        end, of losses that do not leap, and of checkpoints at which the generator
        still had something to learn from: a discriminator that is always right does
        harm as far as samples are not covered.
        """
        if not self._rows:
            return 0.0
        late = [row for row in self._rows if row["step"] > self.last_step / 2]
        peak = max(row["wide_coverage"] for row in self._rows)
        kept = self._rows[-1]["wide_coverage"] / peak if peak else 0.0
        certain = [min(1.0, max(0.0, (row["auc"] - 0.9) / 0.1)) for row in late]
        missed = [1 - row["wide_coverage"] for row in late]
        heard = 1 - float(np.mean(np.multiply(certain, missed)))
        calm = 1 - self._rows[-1]["spikes"]
        return float((kept * calm * heard) ** (1 / 3))


def _distances(X: Tensor, Y: Tensor) -> Tensor:
    # By differences: by products, small distances would be lost in rounding.
    return torch.cdist(X, Y, compute_mode="donot_use_mm_for_euclid_dist")


def _neighbourhoods(distances: Tensor, k: int) -> Tensor:
    """Return the distance of the k-th neighbour, of rows of sorted distances.

    A sample with so many copies reaches halfway to the nearest other one.
    """
    kth = distances[:, min(k, len(distances) - 1)]
    others = distances.masked_fill(distances == 0, torch.inf).min(dim=1).values / 2
    # If all are the same, whatever is finite will do.
    return torch.where(kth > 0, kth, others.nan_to_num(posinf=1.0))


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _auc(real: Tensor, generated: Tensor) -> float:
    """Return how often a real sample's logit is above a generated one's."""
    logits = torch.cat([real, generated]).float()
    if not torch.isfinite(logits).all():
        return 0.5
    # Ties count half: every logit by the mean of its first and last rank.
    ordered = logits.sort().values
    ranks = torch.searchsorted(ordered, real.float().contiguous())
    ranks = ranks + torch.searchsorted(ordered, real.float().contiguous(), right=True)
    n_real, n_generated = len(real), len(generated)
    total = float(ranks.sum()) / 2 + n_real / 2
    return (total - n_real * (n_real + 1) / 2) / (n_real * n_generated)
