"""The search space of embeddings for few-shot learning, and known configurations."""

from collections.abc import Mapping
from typing import Any

from sknevo.genes import Categorical, Choice, Genome, Integer, Real
from sknevo.genomes._networks import (
    NARROWEST,
    are_images,
    known_networks,
    most,
    network_space,
)
from sknevo.network_plan import shape_of
from sknevo.records import DataSpec

__all__ = ["few_shot", "well_known"]

# Samples of a class that lie side by side in a batch; 1 leaves batches as they fall.
PER_CLASS = Integer(1, 8).with_neutral(1)
# Values and weights are chosen, not measured. Training without episodes comes first: it
# is as good, and far cheaper (Laenen & Bertinetto 2021).
LOSS = Choice(
    {"cross_entropy": 2, "nca": 2},
    cross_entropy=Genome(
        label_smoothing=Categorical([0.0, 0.05, 0.1], [2, 1, 1]).with_neutral(0.0)
    ),
    nca=Genome(per_class=PER_CLASS),
    prototypical=Genome(per_class=Integer(2, 8)),
)
# Squared distances are divided by it, and by the size of the embedding before, unless
# they are those of vectors of length 1.
TEMPERATURE = Real(0.01, 1.0, log=True)
EMBEDDING = {
    "size": Integer(NARROWEST["size"], 512, log=True),
    "distance": Categorical(["euclidean", "cosine"]),
    "centring": Categorical([False, True], [1, 2]).with_neutral(False),
    "normalisation": Categorical(["none", "l2"], [1, 2]).with_neutral("none"),
}
# Augmented views of each image that is adapted to.
SUPPORT_VIEWS = Categorical([0, 4, 16], [3, 1, 1]).with_neutral(0)
# Whether images that are turned by right angles are classes of their own.
ROTATIONS = Categorical([False, True]).with_neutral(False)
# What makes views of an image that differ from it.
MOVING = ("shift", "flip", "rotate", "zoom", "stretch", "erase", "colour")

# Known configurations. Blocks of the network that papers call Conv-4.
CONV4_BLOCKS, CONV4_WIDTH = 4, 64
# Chosen on the letters of Greek (20 classes, one image) after ten epochs of those of
# Balinese and Korean, one seed. Batches of 32 reached 72 %, of 64 64 %. In batches of
# 64, cosine distances reached 61 % at a temperature of 0.05, 64 % at 0.1 and 67 % at
# 0.2, Euclidean ones 69 % at 0.1. In batches of 32 with more augmentation, Euclidean
# ones reached 73 % at 0.1 and 70 % at 0.3, cosine ones 71 % at 0.2; four views of what
# is adapted to 70 %, NCA 68 %, prototypes 67 %. After 30 epochs of a residual network
# stretched images reached 87 % (84 % without), of Balinese 46 % (42 %), of Korean 81 %
# (81 %).
SMALLER_BATCHES = 2
KNOWN_EMBEDDING = {"size": 64, "centring": True, "normalisation": "l2"}
KNOWN: dict[str, dict[str, Any]] = {
    "cross": {"loss": {"cross_entropy": {"label_smoothing": 0.0}}},
    "nca": {"loss": {"nca": {"per_class": 2}}},
    "prototypes": {"loss": {"prototypical": {"per_class": 4}}},
}
KNOWN_TEMPERATURE = 0.1
KNOWN_DISTANCE = {"cross": "euclidean", "nca": "cosine", "prototypes": "cosine"}


def few_shot(
    spec: DataSpec,
    *,
    max_layers: int = 8,
    max_parameters: int = 1_000_000,
    max_epochs: int | None = None,
) -> Genome:
    """Return the search space for embeddings of images, or of rows of features.

    It is that of `sknevo.genomes.convnet.convnet`, with `embedding` (its size, what is
    done with what the network returns, and the distance to centroids), and with genes
    of the training: the loss (cross-entropy over the base classes, prototypical [1]_,
    or neighbourhood components [2]_), its temperature, and for square images
    `rotations` as further classes.

    Parameters
    ----------
    spec : DataSpec
        Description of the data. For rows of features there are no convolutions.
    max_layers : int, default=8
        Greatest number of layers with weights before the last: convolutions and dense
        layers together. A whitening stem does not count.
    max_parameters : int, default=1_000_000
        Greatest number of weights, without those that only the loss has.
    max_epochs : int or None, default=None
        Greatest number of epochs. None stands for as many as it takes to train on
        500,000 images, but at least 10 and at most 100.

    Returns
    -------
    Genome
        Of the genes of `sknevo.genomes.convnet.convnet`, and `embedding`.

    Raises
    ------
    ValueError
        If a limit is less than 1, or the smallest network has more parameters.

    References
    ----------
    .. [1] Snell, J., Swersky, K., & Zemel, R. (2017). Prototypical Networks for
       Few-shot Learning. NeurIPS.
    .. [2] Laenen, S., & Bertinetto, L. (2021). On Episodes, Prototypical Networks, and
       Few-Shot Learning. NeurIPS. arXiv:2012.09831.

    Examples
    --------
    >>> from sknevo.records import DataSpec
    >>> spec = DataSpec("classification", 1000, 50, shape=(28, 28))
    >>> genome = few_shot(spec, max_layers=4)
    >>> list(genome.genes["training"].genes)
    ['batch_size', 'epochs', 'schedule', 'loss', 'temperature', 'rotations']
    """
    images = are_images(spec)
    embedding = EMBEDDING | ({"support_views": SUPPORT_VIEWS} if images else {})
    genome = network_space(
        spec,
        max_layers=max_layers,
        max_parameters=max_parameters,
        max_epochs=max_epochs,
        further={"embedding": Genome(**embedding)},
        n_outputs=embedding_size,
        loss=LOSS,
        temperature=TEMPERATURE,
        **({"rotations": ROTATIONS} if can_turn(spec) else {}),
    )
    return genome.constrained(_silence) if images else genome


def embedding_size(expressed: Mapping[str, Any]) -> int:
    """Return the numbers of an embedding."""
    return expressed["embedding"]["size"]


def can_turn(spec: DataSpec) -> bool:
    """Return whether samples can be turned by right angles: square images."""
    return are_images(spec) and len(set(shape_of(spec)[1:])) == 1


def _silence(genes: dict[str, Any]) -> dict[str, Any]:
    """Make no views that are the images themselves."""
    if not any(genes["augmentation"][name] for name in MOVING):
        genes["embedding"]["support_views"] = 0
    return genes


def well_known(spec: DataSpec, genome: Genome | None = None) -> list[dict[str, Any]]:
    """Return configurations that are known to do well, the cheap ones first.

    They are trained without episodes and classify by the nearest centroid after
    centring and scaling to a length of 1 [1]_ [2]_; one has prototypes, and one is the
    "Conv-4" of papers.

    Parameters
    ----------
    spec : DataSpec
        Description of the data.
    genome : Genome or None, default=None
        Its limits of epochs and layers hold for the configurations. None stands for
        those of `few_shot`.

    Returns
    -------
    list of dict
        Partial expressed genes.

    References
    ----------
    .. [1] Wang, Y., Chao, W.-L., Weinberger, K., & van der Maaten, L. (2019).
       SimpleShot: Revisiting Nearest-Neighbor Classification for Few-Shot Learning.
       arXiv:1911.04623.
    .. [2] Laenen, S., & Bertinetto, L. (2021). On Episodes, Prototypical Networks, and
       Few-Shot Learning. NeurIPS. arXiv:2012.09831.

    Examples
    --------
    >>> from sknevo.records import DataSpec
    >>> spec = DataSpec("classification", 1000, 50, shape=(28, 28))
    >>> [list(genes["training"]["loss"])[0] for genes in well_known(spec)][-3:]
    ['cross_entropy', 'nca', 'prototypical']
    """
    networks = known_networks(spec, genome)
    if not are_images(spec):
        return [_embedding(one, loss) for one in networks for loss in ("cross", "nca")]
    # Images of a class are alike wherever they show it.
    moved = [one for one in networks if one["augmentation"].get("shift")]
    block = {"normalisation": "batch", "activation": "relu", "pooling": "max"}
    block |= {"channels": CONV4_WIDTH, "kernel": 3}
    n_blocks = min(CONV4_BLOCKS, most(genome, "blocks"))
    conv4 = {**moved[-1], "blocks": [block] * n_blocks, "head_pooling": "flatten"}
    if shape_of(spec)[0] == 1:
        conv4["augmentation"] = {**conv4["augmentation"], "stretch": 0.25}
    turns = {"rotations": True} if can_turn(spec) else {}
    return [
        *(_embedding(one, "cross", **turns) for one in moved),
        *(_embedding(conv4, loss, **turns) for loss in KNOWN),
    ]


def _embedding(network: dict[str, Any], loss: str, **turns: bool) -> dict[str, Any]:
    """Return a known network as an embedding."""
    training = {**network["training"], **KNOWN[loss], **turns}
    training["temperature"] = KNOWN_TEMPERATURE
    if "batch_size" in training:  # that of rows is drawn
        least = min(8, training["batch_size"])
        training["batch_size"] = max(least, training["batch_size"] // SMALLER_BATCHES)
    embedding = {**KNOWN_EMBEDDING, "distance": KNOWN_DISTANCE[loss]}
    return {**network, "training": training, "embedding": embedding}
