"""Expressed genes of a generator and its discriminator -> an unfitted GAN."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sknevo.builders.gan._estimator import GAN
from sknevo.builders.gan._training import JUDGE_EVERY
from sknevo.builders.networks._devices import resolve_device, resolve_precision
from sknevo.network_plan import (
    NetworkPlan,
    gan_encoder_plan,
    gan_plans,
    parts_of,
    samples_per_epoch,
    shape_of,
)
from sknevo.records import DataSpec
from sknevo.table_codec import TableCodec

# What training takes on one core: seconds per multiplication (once forward, twice
# backward), per output of a layer, and per step and layer. Fitted to random GANs.
SECONDS_PER_OPERATION, SECONDS_PER_VALUE, SECONDS_PER_STEP = 9e-11, 1.2e-8, 2e-4
# A gradient penalty costs this many passes of the discriminator.
PENALTY_PASSES = 2.5


@dataclass(frozen=True)
class GANBuilder:
    """Builds unfitted GANs from expressed genes.

    Parameters
    ----------
    spec : DataSpec
        The number of samples and labels, and the shape of a sample.
    device : str, default="auto"
        As torch names it. "auto" stands for CUDA where there is one, in the process
        that trains.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        What convolutions compute in. "auto" stands for bfloat16 where the hardware has
        it.
    tables : dict of str to TableCodec, or None, default=None
        What encodes the rows of a table, by the coding of numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.builders.gan import GANBuilder
    >>> from sknevo.genomes.gan import gan
    >>> from sknevo.records import Chromosome, DataSpec
    >>> X = np.random.default_rng(0).normal(size=(40, 2))
    >>> spec = DataSpec("generation", len(X), 0, shape=(2,))
    >>> genes = gan(spec, max_epochs=1).sample(np.random.default_rng(0))
    >>> model = GANBuilder(spec)(Chromosome(genes).expressed, random_state=0)
    >>> model.fit(X).sample(3).shape
    (3, 2)
    """

    spec: DataSpec
    device: str = "auto"
    precision: str = "auto"
    tables: Mapping[str, TableCodec] | None = None
    # Training is resumable, and counted by this gene.
    resource: ClassVar[str] = "epochs"

    def __call__(self, expressed: dict[str, Any], random_state: int) -> GAN:
        """Return the unfitted GAN that the genes describe.

        Parameters
        ----------
        expressed : dict
            Expressed genes of `sknevo.genomes.gan`.
        random_state : int
            Seed of everything.

        Returns
        -------
        GAN
        """
        device = resolve_device(self.device)
        return GAN(
            expressed,
            self.spec.shape,
            self.spec.channels,
            device=device,
            precision=resolve_precision(self.precision, device),
            labelled=self.spec.n_classes != 1,
            table=self.tables and self.tables[expressed["table"]["numbers"]],
            random_state=random_state,
        )

    def cost(self, expressed: dict[str, Any]) -> float:
        """Return roughly how many seconds one fit takes on one core.

        Parameters
        ----------
        expressed : dict
            Expressed genes of `sknevo.genomes.gan`.

        Returns
        -------
        float
        """
        spec, training = self.spec, expressed["training"]
        parts = parts_of(expressed, spec.parts)
        plans = gan_plans(expressed, shape_of(spec), spec.n_classes, parts)
        generated, per_pack = map(_seconds, plans.values())
        judged = per_pack / training["packing"]
        ((loss, loss_genes),) = expressed["loss"].items()
        # How often each network learns from a sample, and what the generator learns by.
        judge, make, by = 1.0, 1 / expressed["discriminator"]["steps"], judged
        if loss == "variational":
            judge, make = 1 / JUDGE_EVERY, 1.0
            by = _seconds(gan_encoder_plan(expressed, parts))
        penalties = ("gradient_penalty", "generated_penalty")
        n_penalties = sum(loss_genes.get(name, 0.0) > 0 for name in penalties)
        # Real and generated samples; then, for the generator, once more.
        judging = 2 * judged + generated / 3 + n_penalties * PENALTY_PASSES * judged
        per_sample = judge * judging + make * (generated + by)
        n_judged = training["epochs"] * samples_per_epoch(spec.n_samples)
        n_layers = 2 + sum(
            len(expressed[network].get("dense", expressed[network].get("blocks", ())))
            for network in plans
        )
        n_steps = n_judged / training["batch_size"] * (judge + make)
        return n_judged * per_sample + n_steps * n_layers * SECONDS_PER_STEP


def _seconds(plan: NetworkPlan) -> float:
    """Return what it takes to learn from one sample, without what each step takes."""
    size = plan.size
    return SECONDS_PER_OPERATION * size.operations + SECONDS_PER_VALUE * size.values
