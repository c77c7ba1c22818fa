"""Expressed genes of a generator and its discriminator -> an unfitted GAN."""

from dataclasses import dataclass
from typing import Any

from sknevo.builders.gan._estimator import GAN
from sknevo.builders.networks._devices import resolve_device, resolve_precision
from sknevo.network_plan import (
    NetworkSize,
    discriminator_size,
    generator_size,
    image_shape,
)
from sknevo.records import DataSpec

__all__ = ["GANBuilder"]

# What training takes on one core: seconds per multiplication (once forward, twice
# backward), per value that layers give, and per step and layer. What a penalty on the
# slope multiplies the discriminator's share by.
SECONDS_PER_OPERATION, SECONDS_PER_VALUE, SECONDS_PER_STEP = 9e-11, 1.2e-8, 2e-4
PENALTY = 2.5


@dataclass(frozen=True)
class GANBuilder:
    """Makes unfitted GANs: two networks, their optimizers, their contest.

    Parameters
    ----------
    spec : DataSpec
        What the data are.
    device : str, default="auto"
        "auto" stands for CUDA where there is one, in the process that trains.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        "auto" stands for bfloat16 where the hardware has it.
    """

    spec: DataSpec
    device: str = "auto"
    precision: str = "auto"

    def __call__(self, expressed: dict[str, Any], random_state: int) -> GAN:
        """Return the GAN that the genes describe.

        Parameters
        ----------
        expressed : dict
            Expressed genes of `sknevo.genomes.gan`.
        random_state : int
            Seed of everything.

        Returns
        -------
        GAN
            Unfitted.
        """
        device = resolve_device(self.device)
        return GAN(
            expressed,
            self.spec.shape,
            device=device,
            precision=resolve_precision(self.precision, device),
            labelled=self.spec.n_classes != 1,
            random_state=random_state,
        )

    def cost(self, expressed: dict[str, Any]) -> float:
        """Return roughly how many seconds one fit takes, on one core.

        Parameters
        ----------
        expressed : dict
            Expressed genes of `sknevo.genomes.gan`.

        Returns
        -------
        float
        """
        training, n_ahead = expressed["training"], expressed["discriminator"]["steps"]
        made, judged = self._seconds(expressed)
        n_judged = training["epochs"] * self.spec.n_samples
        # Real and generated ones; then, for the generator, once more.
        per_sample = 2 * judged + made / 3 + (made + judged) / n_ahead
        ((genes,),) = (expressed["loss"].values(),)
        if genes["slope"]:
            per_sample += PENALTY * judged
        n_layers = sum(
            len(expressed[name].get("dense", expressed[name].get("blocks", ())))
            for name in ("generator", "discriminator")
        )
        n_steps = n_judged / training["batch_size"] * (1 + 1 / n_ahead)
        return n_judged * per_sample + n_steps * (2 + n_layers) * SECONDS_PER_STEP

    def _seconds(self, expressed: dict[str, Any]) -> tuple[float, float]:
        """Return what a sample costs the generator and the discriminator."""
        shape, n_classes = image_shape(self.spec.shape), self.spec.n_classes
        packing = expressed["training"]["packing"]

        def seconds(size: NetworkSize) -> float:
            operations = SECONDS_PER_OPERATION * size.operations
            return operations + SECONDS_PER_VALUE * size.values

        generator = generator_size(
            expressed["generator"], expressed["noise"]["dimension"], shape, n_classes
        )
        discriminator = discriminator_size(
            expressed["discriminator"], packing, shape, n_classes
        )
        return seconds(generator), seconds(discriminator) / packing
