"""What the genes of autoencoders are called."""

from sknevo.describe._words import Words
from sknevo.describe.convnet import (
    AUGMENTATION,
    BLOCKS,
    LAYERS,
    OPTIMIZER,
    TRAINING,
    UPSAMPLING,
)

AUTOENCODER = Words(
    marks=frozenset({"encoder", "decoder"}),
    phrases={
        **LAYERS,
        **BLOCKS,
        **OPTIMIZER,
        **TRAINING,
        **AUGMENTATION,
        "upsampling": UPSAMPLING,
        "n_components": {1: "code of 1 number", ...: "code of {} numbers"},
        "encoder.blocks": {0: "", ...: "{channels} channels"},
        "encoder.dense": {0: "", ...: "{units} units"},
        "own.blocks": {0: "", ...: "decoder of {channels} channels"},
        "own.dense": {0: "", ...: "decoder of {units} units"},
        "decoder": {"tied": "tied decoder", "own": "own decoder"},
        "code": {"plain": "", "variational": "variational code"},
        "weight": "divergence x {}",
        "denoising": {"none": "", "normal": "noise", "masking": "masking noise"},
        "scale": "scale {}",
        "share": "share {}",
        "loss": {"ssim": "structural similarity", ...: "{} loss"},
    },
    short=(
        ("n_components", "code"),
        ("encoder.blocks", "encoder.dense", "decoder", "own.blocks", "own.dense"),
        ("loss", "optimizer", "lr"),
        ("epochs", "denoising"),
    ),
    title="autoencoder",
    titles={"blocks": "block", "dense": "dense layer", "n_components": "code"},
)
