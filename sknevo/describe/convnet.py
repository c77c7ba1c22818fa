"""What the genes of networks are called, those of classifiers and of regressors."""

from dataclasses import replace

from sknevo.describe._words import Phrases, Words

ACTIVATION = {
    "relu": "ReLU",
    "leaky_relu": "leaky ReLU",
    "elu": "ELU",
    "selu": "SELU",
    "gelu": "GELU",
    "silu": "SiLU",
    ...: "{}",
}
NORMALISATION = {"none": "", ...: "{} normalisation"}
LAYERS: Phrases = {
    "blocks": {0: "", ...: "{channels} channels"},
    "dense": {0: "", ...: "{units} dense units"},
    "channels": "{} channels",
    "units": "{} units",
    "kernel": "kernel {}",
    "normalisation": NORMALISATION,
    "activation": ACTIVATION,
    "dropout": {0: "", ...: "dropout {}"},
    "head_pooling": {
        "average": "global average pooling",
        "maximum": "global max pooling",
        "flatten": "flattened",
    },
}
# Of the maps of a pretrained network, in networks and in pipelines.
PRETRAINED: Phrases = {
    "library": {...: ""},
    "architecture": {...: ""},
    "path": {...: ""},
    "layer": {1: "last layer", ...: "layer {} from the end"},
    "side": "at {} pixels",
}
BLOCKS: Phrases = {
    "convolutions": {1: "", ...: "{} convolutions"},
    "separable": {True: "separable", False: ""},
    "pooling": {"none": "", ...: "{} pooling"},
    "residual": {True: "residual", False: ""},
    "excitation": {True: "squeeze and excitation", False: ""},
    "stem": {"none": "", "whitening": "whitening stem", ...: "pretrained {}"},
    **PRETRAINED,
    "rate": {0: "frozen", ...: "learning {} x as fast"},
    "stride": "step {}",
    "initialisation": "{}",
    "head_scale": {1: "", ...: "outputs x {}"},
}
UPSAMPLING = {
    "none": "",
    "transposed": "transposed convolution",
    "nearest": "nearest upsampling",
    "bilinear": "bilinear upsampling",
}
OPTIMIZERS = {
    "sgd": "SGD",
    "muon": "Muon",
    "adam": "Adam",
    "adamw": "AdamW",
    "rmsprop": "RMSprop",
    ...: "{}",
}
OPTIMIZER: Phrases = {
    "optimizer": OPTIMIZERS,
    "lr": "rate {}",
    "momentum": "momentum {}",
    "nesterov": {True: "Nesterov", False: ""},
    "bias_rate": {1: "", ...: "biases {} x as fast"},
    "weight_decay": "weight decay {}",
    "beta1": "beta1 {}",
    "beta2": "beta2 {}",
    "alpha": "alpha {}",
}
TRAINING: Phrases = {
    "batch_size": "batches of {}",
    "epochs": {1: "1 epoch", ...: "{} epochs"},
    "schedule": "{} rate",
    "label_smoothing": {0: "", ...: "label smoothing {}"},
    "loss": {"huber": "Huber loss", ...: "{} loss"},
    "target_scaling": "{} scaling of targets",
}
AUGMENTATION: Phrases = {
    "shift": {0: "", ...: "shifts up to {:.0%}"},
    "flip": {True: "mirrored", False: ""},
    "rotate": {0: "", ...: "rotations up to {}°"},
    "zoom": {0: "", ...: "zoom up to {:.0%}"},
    "stretch": {0: "", ...: "stretched by up to {:.0%}"},
    "erase": {0: "", ...: "erased with probability {}"},
    "colour": {0: "", ...: "colours varied by {:.0%}"},
    "test_time": {True: "mirrored in predictions", False: ""},
}
CONVNET = Words(
    marks=frozenset({"blocks", "optimizer"}),
    phrases={**LAYERS, **BLOCKS, **OPTIMIZER, **TRAINING, **AUGMENTATION},
    short=(
        ("stem", "rate", "blocks", "dense"),
        ("optimizer", "lr"),
        ("epochs", "shift", "flip", "rotate"),
    ),
    title="CNN",
    titles={"blocks": "block", "dense": "dense layer"},
)
DENSE_NETWORK = replace(
    CONVNET,
    marks=frozenset({"dense", "optimizer"}),
    phrases={**CONVNET.phrases, "dense": {0: "no hidden layer", ...: "{units} units"}},
    title="dense network",
)
