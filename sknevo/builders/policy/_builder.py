"""Expressed genes of a policy -> an unfitted `Policy`."""

import math
from dataclasses import dataclass
from typing import Any

from sknevo.builders.policy._environments import Env
from sknevo.builders.policy._estimator import Policy

# Seconds of an episode: what a step takes, and how many there are. Chosen, not
# measured: a search learns by how much it errs.
STEP, STEPS = 3e-5, 200


@dataclass(frozen=True)
class PolicyBuilder:
    """Makes unfitted policies of the genes of `sknevo.genomes.policy`.

    Parameters
    ----------
    env : str or callable
        The name of an environment of Gymnasium, or what makes one.
    max_steps : int or None, default=None
        Steps after which an episode ends.

    Examples
    --------
    >>> genes = {"observations": {"frames": 1}, "policy": {"mlp": {
    ...     "layers": [{"units": 8}]}}, "training": {"episodes": 300}}
    >>> PolicyBuilder("CartPole-v1")(genes, random_state=0).hidden
    (8,)
    """

    # Training goes on: see `sknevo.evaluation`.
    resource = "episodes"

    env: Env
    max_steps: int | None = None

    def __call__(self, expressed: dict[str, Any], random_state: int) -> Policy:
        """Return the unfitted policy that the expressed genes describe."""
        observations = expressed.get("observations", {})
        normalisation = observations.get("normalisation", {}).get("running", {})
        ((kind, network),) = expressed.get("policy", {"linear": {}}).items()
        hidden = [layer["units"] for layer in network.get("layers", ())]
        if kind == "recurrent":
            hidden = [network["state"]]
        actions = expressed.get("actions", "argmax")
        options = {}
        if isinstance(actions, dict):
            ((actions, options),) = actions.items()
        ((optimizer, parameters),) = expressed.get("optimizer", {"": None}).items()
        known = {"optimizer": optimizer, "options": parameters} if optimizer else {}
        return Policy(
            self.env,
            clip=normalisation.get("clip"),
            frames=observations.get("frames", 1),
            hidden=tuple(hidden),
            activation=network.get("activation", "tanh"),
            recurrent=kind == "recurrent",
            actions=actions,
            n_bins=options.get("n_bins", 3),
            **known,
            **expressed.get("training", {}),
            max_steps=self.max_steps,
            random_state=random_state,
        )

    def cost(self, expressed: dict[str, Any]) -> float:
        """Return roughly how many seconds a fit takes."""
        policy = self(expressed, 0)
        layers = math.prod(1 + n / 100 for n in policy.hidden)
        return policy.episodes * STEPS * STEP * layers
