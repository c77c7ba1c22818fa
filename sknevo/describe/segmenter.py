"""What the genes of segmenters are called."""

from sknevo.describe._words import Phrases, Words
from sknevo.describe.convnet import AUGMENTATION, BLOCKS, LAYERS, OPTIMIZER, TRAINING

# Of all networks that give maps of images.
MAPS: Phrases = {
    **LAYERS,
    **BLOCKS,
    **OPTIMIZER,
    **TRAINING,
    **AUGMENTATION,
    "depth": "halved {} times",
    "network.stride": {1: "", 2: "at half of the sides"},
    "each_image": {True: "each image standardised", False: ""},
    "width": "{} channels",
    "growth": {1: "", ...: "x {} per stage"},
    "decoder_convolutions": {1: "", ...: "{} in the decoder"},
    "pooling": {"stride": "step 2", ...: "{} pooling"},
    "upsampling": {
        "transposed": "transposed convolution",
        ...: "{} upsampling",
    },
    "attention": {True: "attention gates", False: ""},
    "turn": {True: "turned by right angles", False: ""},
}
SEGMENTER = Words(
    marks=frozenset({"network", "objects", "decision"}),
    phrases={
        **MAPS,
        "patch": "patches of {}",
        "foreground": {0: "", ...: "objects in the middle of {:.0%}"},
        "pixel_loss": {"cross_entropy": "cross-entropy", "focal": "focal loss"},
        "dice": {0: "", ...: "Dice loss {:.0%}"},
        "class_weights": {
            "equal": "",
            "root": "rare classes weighted by the root",
            "balanced": "balanced classes",
        },
        "threshold": "threshold {}",
        "smallest": {0: "", ...: "objects of at least {:.0%} of the median area"},
        "objects": {"components": "connected parts", "watershed": "watershed"},
        "distance_weight": "distances weighted {}",
        "seed": "seeds above {}",
        "smoothing": {0: "", ...: "distances smoothed {}"},
    },
    short=(
        ("depth", "width", "network.stride", "attention", "residual"),
        ("optimizer", "lr"),
        ("patch", "epochs", "pixel_loss", "dice", "objects"),
    ),
    title="U-Net",
)
