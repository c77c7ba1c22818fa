"""What the genes of embeddings for few-shot learning are called."""

from dataclasses import replace

from sknevo.describe._words import Phrases
from sknevo.describe.convnet import CONVNET, DENSE_NETWORK

MARKS = frozenset({"embedding", "optimizer"})
EMBEDDING: Phrases = {
    "size": "{} components",
    "distance": {"euclidean": "Euclidean distance", ...: "{} distance"},
    "centring": {True: "centred", False: ""},
    "embedding.normalisation": {"none": "", "l2": "length 1"},
    "support_views": {0: "", ...: "adapts to {} views"},
    "loss": {
        "cross_entropy": "cross-entropy",
        "nca": "neighbourhood components",
        "prototypical": "prototypes",
        ...: "{} loss",
    },
    "per_class": {1: "", ...: "{} of a class side by side"},
    "temperature": "temperature {}",
    "rotations": {True: "right angles as classes", False: ""},
}
SHORT = ("loss", "optimizer", "lr"), ("epochs", "rotations", "shift", "rotate")
FEW_SHOT_NETWORK = replace(
    CONVNET,
    marks=MARKS | {"blocks"},
    phrases={**CONVNET.phrases, **EMBEDDING},
    short=(("stem", "blocks", "dense", "size"), *SHORT),
)
FEW_SHOT_DENSE_NETWORK = replace(
    DENSE_NETWORK,
    marks=MARKS,
    phrases={**DENSE_NETWORK.phrases, **EMBEDDING},
    short=(("dense", "size"), *SHORT),
)
