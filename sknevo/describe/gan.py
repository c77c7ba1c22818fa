"""What the genes of generators and their discriminators are called."""

from sknevo.describe._words import Words
from sknevo.describe.convnet import LAYERS, OPTIMIZER, TRAINING, UPSAMPLING

GAN = Words(
    marks=frozenset({"generator", "discriminator"}),
    phrases={
        **LAYERS,
        **OPTIMIZER,
        **TRAINING,
        "generator.blocks": "generator of {channels} channels",
        "generator.dense": "generator of {units} units",
        "discriminator.blocks": "discriminator of {channels} channels",
        "discriminator.dense": "discriminator of {units} units",
        "dimension": {1: "1 dimension of noise", ...: "{} dimensions of noise"},
        "distribution": {
            "normal": "normal",
            "uniform": "uniform",
            "truncated_normal": "truncated normal",
            "mixture": "mixture of normals",
        },
        "scale": "scale {}",
        "bound": "bound {}",
        "components": "{} components",
        "spread": "spread {}",
        "upsampling": UPSAMPLING,
        "pooling": {"none": "", "stride": "step 2", "average": "average pooling"},
        "steps": {1: "", ...: "{} steps for each of the generator"},
        "loss": {
            "non_saturating": "non-saturating loss",
            "least_squares": "least-squares loss",
            "wasserstein": "Wasserstein loss",
            "hinge": "hinge loss",
            "relativistic": "relativistic loss",
            "variational": "variational autoencoder",
            ...: "{} loss",
        },
        "reconstruction": "reconstruction {}",
        "gradient_penalty": {0: "", ...: "gradient penalty {}"},
        "generated_penalty": {0: "", ...: "gradient penalty at generated samples {}"},
        "packing": {1: "", ...: "{} samples judged together"},
        "ema_decay": {0: "", ...: "moving average of weights {}"},
        "rejection": {0: "", ...: "rejection {}"},
        "relaxation": {
            "shares": "options as shares",
            "straight_through": "options straight through",
        },
        "temperature": "temperature {}",
        "conditional": {True: "rows made for labels", False: ""},
        "shift": {0: "", ...: "shifts up to {:.0%}"},
        "erase": {0: "", ...: "erased with probability {}"},
        "colour": {0: "", ...: "colours varied by {:.0%}"},
    },
    short=(
        ("loss", "gradient_penalty", "generated_penalty"),
        (
            *("generator.blocks", "generator.dense"),
            *("discriminator.blocks", "discriminator.dense"),
            "dimension",
        ),
        ("epochs",),
    ),
    title="GAN",
    titles={"blocks": "block", "dense": "dense layer"},
)
