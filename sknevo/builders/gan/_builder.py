"""Expressed genes of a generator and its discriminator -> an unfitted GAN."""

from dataclasses import dataclass
from typing import Any

from sknevo.builders.gan._estimator import GAN
from sknevo.builders.networks._devices import resolve_device, resolve_precision
from sknevo.network_plan import gan_plans, image_shape
from sknevo.records import DataSpec

# What training takes on one core: seconds per multiplication (once forward, twice
# backward), per output of a layer, and per step and layer. Fitted to random GANs.
SECONDS_PER_OPERATION, SECONDS_PER_VALUE, SECONDS_PER_STEP = 9e-11, 1.2e-8, 2e-4
# A gradient penalty costs this many passes of the discriminator.
PENALTY_PASSES = 2.5


@dataclass(frozen=True)
class GANBuilder:
    """Builds unfitted GANs of expressed genes."""

    spec: DataSpec
    device: str = "auto"
    precision: str = "auto"

    def __call__(self, expressed: dict[str, Any], random_state: int) -> GAN:
        """Return the GAN that the genes describe."""
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
        """Return roughly how many seconds one fit takes on one core."""
        spec, training = self.spec, expressed["training"]
        plans = gan_plans(expressed, image_shape(spec.shape), spec.n_classes)
        generated, per_pack = (
            SECONDS_PER_OPERATION * plan.size.operations
            + SECONDS_PER_VALUE * plan.size.values
            for plan in plans.values()
        )
        judged = per_pack / training["packing"]
        n_ahead = expressed["discriminator"]["steps"]
        # Real and generated samples; then, for the generator, once more.
        per_sample = 2 * judged + generated / 3 + (generated + judged) / n_ahead
        ((loss_genes,),) = (expressed["loss"].values(),)
        if loss_genes["slope"]:
            per_sample += PENALTY_PASSES * judged
        n_judged = training["epochs"] * spec.n_samples
        n_layers = 2 + sum(
            len(expressed[network].get("dense", expressed[network].get("blocks", ())))
            for network in plans
        )
        n_steps = n_judged / training["batch_size"] * (1 + 1 / n_ahead)
        return n_judged * per_sample + n_steps * n_layers * SECONDS_PER_STEP
