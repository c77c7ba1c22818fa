"""What the genes of policies are called."""

from sknevo.describe._words import Words
from sknevo.describe.convnet import ACTIVATION

POLICY = Words(
    marks=frozenset({"observations", "policy", "actions"}),
    phrases={
        "normalisation": {"none": "", "running": "normalised observations"},
        "clip": {"clip": "outputs within the bounds", ...: "clipped at {}"},
        "frames": {1: "", ...: "{} frames"},
        "policy": {
            "linear": "linear policy",
            "mlp": "multilayer perceptron",
            "recurrent": "recurrent network",
        },
        "layers": "{units} units",
        "units": "{} units",
        "state": "a state of {}",
        "activation": ACTIVATION,
        "actions": {
            "argmax": "greatest output",
            "bins": "binned actions",
            "tanh": "tanh within the bounds",
            "clip": "clipped at the bounds",
        },
        "n_bins": "{} bins",
        "optimizer": {"cma_es": "CMA-ES", "ars": "ARS", "pgpe": "PGPE with ClipUp"},
        "population": "population {}",
        "sigma": "sigma {}",
        "rate": "rate {}",
        "top": {1: "", ...: "the best {:.0%}"},
        "shaping": {"ranks": "ranks", "standard": "standardised returns"},
        "adapts_rate": {True: "adapted rates", False: ""},
        "episodes": "{} episodes",
        "repeats": {1: "", ...: "{} episodes each"},
    },
    short=(
        ("policy", "layers", "state", "normalisation", "frames", "actions"),
        ("optimizer", "population", "sigma"),
        ("episodes",),
    ),
)
