"""The part of the search space that all networks share, whatever they predict.

A task adds genes of its own to `training`, such as a loss.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from os import PathLike
from typing import Any

from sknevo.extras import require
from sknevo.genes import Categorical, Choice, Gene, Genome, Integer, Real, Repeat
from sknevo.genomes._pretrained import (
    FEW_NETWORKS,
    LAYERS,
    SIDES,
    are_photos,
    layers_of,
    with_nearest_side,
)
from sknevo.network_plan import (
    WIDTH_STEP,
    Layer,
    NetworkPlan,
    network_plan,
    samples_per_epoch,
    shape_of,
)
from sknevo.pretrained import Weights, find_weights
from sknevo.pretrained._stages import check_weights
from sknevo.pretrained._weights import NEEDED
from sknevo.records import DataSpec, express

# The tables -----------------------------------------------------------------------

# Ranges are chosen around the defaults of torch and the values that papers report. The
# second list of a category holds its weights, which are chosen, not measured: what is
# common is drawn more often, and nothing is left out. What can be added to a plain
# network has a neutral value.

# The least widths; the limit of parameters decides before the widest does.
NARROWEST = {"channels": 8, "units": 16, "size": 16}
# Named and scaled as in `torch.optim`.
RATE, DECAY = Real(1e-4, 2e-2, log=True), Real(1e-6, 1e-2, log=True)
# A decay that is decoupled from the gradient is on another scale.
DECOUPLED = Real(1e-4, 0.3, log=True)
BETA1 = Real(0.8, 0.97)
OPTIMIZER = Choice(
    {"muon": 4, "adam": 2, "adamw": 2},
    sgd=Genome(
        # On digits and clothes 0.3 was no better than 0.1; more may diverge.
        lr=Real(3e-3, 0.2, log=True),
        momentum=Real(0.1, 0.99),
        nesterov=Categorical([False, True]).with_neutral(False),
        # Of biases, in multiples of `lr` (Jordan 2024).
        bias_rate=Categorical([1.0, 8.0], [2, 1]).with_neutral(1.0),
        weight_decay=DECAY,
    ),
    # Jordan et al. (2024).
    muon=Genome(
        lr=Real(0.01, 0.5, log=True),
        momentum=Real(0.5, 0.97),
        weight_decay=DECOUPLED,
    ),
    adam=Genome(lr=RATE, beta1=BETA1, weight_decay=DECAY),
    adamw=Genome(lr=RATE, beta1=BETA1, weight_decay=DECOUPLED),
    rmsprop=Genome(
        lr=Real(1e-4, 1e-2, log=True),
        alpha=Real(0.9, 0.999),
        momentum=Real(0.0, 0.9),
        weight_decay=DECAY,
    ),
)
ACTIVATION = Categorical(
    ["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh"],
    [3, 1, 1, 1, 2, 2, 1],
)
BLOCK = Genome(
    channels=Integer(NARROWEST["channels"], 256, log=True),
    # The first one may halve the sides.
    convolutions=Categorical([1, 2, 3], [6, 3, 1]).with_neutral(1),
    kernel=Categorical([1, 3, 5, 7], [1, 6, 3, 1]),
    separable=Categorical([False, True], [4, 1]).with_neutral(False),
    normalisation=Categorical(
        ["none", "batch", "instance", "group", "layer"], [2, 6, 1, 1, 1]
    ),
    activation=ACTIVATION,
    pooling=Categorical(["none", "max", "average"], [3, 3, 1]),
    dropout=Real(0.0, 0.5).with_neutral(0.0),
    residual=Categorical([False, True]).with_neutral(False),
    excitation=Categorical([False, True], [4, 1]).with_neutral(False),
)
# Of what makes images: generators and decoders. It may double the sides.
UP_WIDTH = Integer(8, 256, log=True)
UP_KERNEL = Categorical([3, 5], [3, 1])
UP_ACTIVATIONS = ["relu", "leaky_relu", "elu", "silu", "gelu", "tanh"]
UP_BLOCK = Genome(
    channels=UP_WIDTH,
    kernel=UP_KERNEL,
    upsampling=Categorical(["none", "transposed", "nearest", "bilinear"], [1, 2, 2, 1]),
    normalisation=Categorical(["none", "batch", "group", "layer"], [1, 4, 1, 1]),
    activation=Categorical(UP_ACTIVATIONS, [3, 2, 1, 1, 1, 1]),
)
# Of a network of images, beside its layers.
STEMS = {
    "none": Genome(),
    # The side of a patch, and the step from one to the next.
    "whitening": Genome(
        kernel=Categorical([2, 3, 4], [2, 3, 1]), stride=Categorical([1, 2])
    ),
}
STEM_WEIGHTS = {"none": 3.0, "whitening": 1.0}
STEM = Choice(STEM_WEIGHTS, **STEMS).with_neutral("none")
# With pretrained networks to choose from, half of the networks begin with one.
OFTEN_PRETRAINED = sum(STEM_WEIGHTS.values())
# The rate of pretrained layers, as a share of that of the others. With 0 they are
# frozen, and cost one pass over the images unless these are augmented.
PRETRAINED_RATE = Categorical([0.0, 0.03, 0.1, 0.3], [6, 1, 2, 1])
HEAD_POOLING = Categorical(["average", "flatten", "maximum"], [2, 2, 1])
WHOLE = {
    "initialisation": Categorical(["random", "identity"]).with_neutral("random"),
    "head_scale": Categorical([1.0, 0.3, 0.1], [3, 1, 1]).with_neutral(1.0),
}
DENSE = Genome(
    units=Integer(NARROWEST["units"], 512, log=True),
    normalisation=Categorical(["none", "batch", "layer"], [2, 2, 1]),
    activation=ACTIVATION,
    dropout=Real(0.0, 0.5).with_neutral(0.0),
)
SCHEDULE = Categorical(["constant", "cosine", "step", "linear"], [1, 3, 1, 4])
# Shifts and zooms are shares of the side, rotations degrees.
AUGMENTATION = Genome(
    shift=Categorical([0.0, 0.05, 0.1, 0.2], [2, 1, 1, 1]).with_neutral(0.0),
    flip=Categorical([False, True], [2, 1]).with_neutral(False),
    rotate=Categorical([0, 10, 20, 45], [3, 1, 1, 1]).with_neutral(0),
    zoom=Categorical([0.0, 0.1, 0.25], [2, 1, 1]).with_neutral(0.0),
    # Along any axis, with the area kept.
    stretch=Categorical([0.0, 0.1, 0.25], [2, 1, 1]).with_neutral(0.0),
    erase=Categorical([0.0, 0.25, 0.5], [3, 1, 1]).with_neutral(0.0),
    colour=Categorical([0.0, 0.2, 0.4], [2, 1, 1]).with_neutral(0.0),
    # Whether the outputs are means over an image and its mirror image. It doubles the
    # time of predictions, and takes `flip`.
    test_time=Categorical([False, True]).with_neutral(False),
)

# The share of its width that a layer keeps when a network is made smaller; chosen, not
# measured.
NARROWED = 0.8
# Images that pass a network in one evaluation, however many there are: few are seen
# often. Epochs stay within bounds. On MNIST it comes to ten passes, which the known
# networks were compared with (doc/figures.md); the bounds are chosen, not measured.
IMAGES, FEWEST_EPOCHS, MOST_EPOCHS = 500_000, 10, 100
# Images that a short training sees, so that it ends within a few seconds; it takes a
# quarter of the epochs at most. Chosen by seconds of 28 x 28 pixels on one core.
SHORT = 20_000

# Learning rates of AdamW for a linear head on frozen layers, and for other networks
# that begin with pretrained ones. On features of EfficientNet-Lite0, of the training
# photos of shore4 (twice three folds), heads had these accuracies after 19 and 100
# epochs: 0.60 and 0.79 with a rate of 3e-4, 0.74 and 0.85 with 1e-3, 0.83 and 0.88 with
# 3e-3, 0.88 and 0.88 with 1e-2. The other is chosen, not measured.
HEAD_RATE, OTHER_RATE = 1e-2, 3e-3

# Known networks of images with such sides begin with a whitening layer of step 2. With
# 48 and 64 pixels they were better after as many seconds, with 28 as good
# (doc/figures.md).
LARGE_SIDE = 40


# What is known of data and genomes -------------------------------------------------


def are_images(spec: DataSpec) -> bool:
    """Return whether samples are images rather than rows of numbers."""
    return len(shape_of(spec)) == 3


def most(genome: Genome | None, *path: str, unknown: float = math.inf) -> Any:
    """Return the greatest value of a number of a genome, or length of a list."""
    gene: Any = genome
    for name in path:  # a genome of the user's own may have other genes
        gene = getattr(gene, "genes", {}).get(name)
    gene = gene.length if isinstance(gene, Repeat) else gene
    return getattr(gene, "high", unknown)


def usual_epochs(spec: DataSpec) -> int:
    """Return the epochs of a whole training, if the user sets no limit."""
    return min(
        MOST_EPOCHS, max(FEWEST_EPOCHS, IMAGES // samples_per_epoch(spec.n_samples))
    )


def shortest(all_epochs: int) -> int:
    """Return the fewest epochs of a search space that has so many at most."""
    return max(1, all_epochs // 25)


def networks_to_begin_with(
    spec: DataSpec,
    pretrained: str | Sequence[str] | Mapping[str, str | PathLike[str]] | None,
    download: bool,
) -> dict[str, Weights]:
    """Return the pretrained networks that are asked for; an error says why not."""
    if pretrained is None or len(pretrained) == 0:
        return {}
    if not are_images(spec):
        raise ValueError(
            f"pretrained networks begin with images; got samples of shape {spec.shape} "
            f"and {pretrained=}."
        )
    found = find_weights(pretrained, download)
    if not found:
        require("A pretrained network", *NEEDED)
        raise ValueError(
            f"{pretrained=} finds no weights on this machine: name those to download "
            "with download=True, or a file with a dict of name to file."
        )
    for weights in found.values():
        check_weights(weights)
    return found


# The search space ------------------------------------------------------------------


def network_space(
    spec: DataSpec,
    *,
    max_layers: int,
    max_parameters: int,
    max_epochs: int | None,
    pretrained: Mapping[str, Weights] | None = None,
    further: Mapping[str, Gene] | None = None,
    n_outputs: Callable[[Mapping[str, Any]], int] | None = None,
    **training: Gene,
) -> Genome:
    """Return the search space of networks with their optimizer and training.

    The limits are as `sknevo.genomes.convnet.convnet` describes them; `training` are
    genes of the task, beside those of every training, and `further` those beside the
    training. Networks may begin with layers of `pretrained` ones. `n_outputs` tells
    the width of the head by the genes; None stands for the number of classes.
    """
    further, pretrained = further or {}, pretrained or {}
    n_outputs = n_outputs or partial(_n_classes, spec=spec)
    count = partial(_n_parameters, spec=spec, n_outputs=n_outputs)
    check_limits(max_layers=max_layers, max_epochs=max_epochs)
    images = are_images(spec)
    smallest: dict[str, Any] = {"dense": []}
    if images:
        block = {"channels": NARROWEST["channels"], "kernel": 1}
        smallest |= {"blocks": [block], "head_pooling": "average"}
    if "embedding" in further:
        smallest["embedding"] = {"size": NARROWEST["size"]}
    check_smallest(count(smallest), spec, max_parameters)

    for name, weights in pretrained.items():
        heads = [smallest | _linear_on(weights, layer) for layer in LAYERS.options]
        what = f"network that begins with {name}"
        check_smallest(min(map(count, heads)), spec, max_parameters, what)

    genes: dict[str, Gene] = {}
    if images:
        genes["stem"] = _stem(spec, pretrained) if pretrained else STEM
        # Pretrained layers take the place of blocks.
        genes["blocks"] = Repeat(BLOCK, 0 if pretrained else 1, max_layers)
        genes["head_pooling"] = HEAD_POOLING
    genes["dense"] = Repeat(DENSE, 0, max(1, min(2, max_layers - images)))
    if images:
        genes["dense"] = genes["dense"].with_neutral([])
        genes |= WHOLE
    genes["optimizer"] = OPTIMIZER
    genes["training"] = training_genes(spec, max_epochs, **training)
    if images:
        genes["augmentation"] = AUGMENTATION
    genes |= further
    limits = {"max_layers": max_layers, "max_parameters": max_parameters}
    return Genome(**genes).constrained(
        partial(_repair, spec=spec, count=count, **limits)
    )


def _stem(spec: DataSpec, pretrained: Mapping[str, Weights]) -> Choice:
    """Return the choice of what a network begins with, pretrained layers included."""
    often = OFTEN_PRETRAINED / len(pretrained)
    return Choice(
        {**STEM_WEIGHTS, **dict.fromkeys(pretrained, often)},
        **STEMS,
        **{
            name: Genome(**layers_of(one, spec), rate=PRETRAINED_RATE)
            for name, one in pretrained.items()
        },
    ).with_neutral("none")


def _linear_on(weights: Weights, layer: int) -> dict[str, Any]:
    """Return the expressed genes of a linear head on the maps of a pretrained layer."""
    first = weights._asdict() | {"layer": layer, "side": SIDES[0], "rate": 0.0}
    return {"stem": {first.pop("name"): first}, "blocks": []}


def training_genes(spec: DataSpec, max_epochs: int | None, **own: Gene) -> Genome:
    """Return the genes of a training, with those of a task."""
    max_epochs = max_epochs or usual_epochs(spec)
    largest = max(2, min(512, spec.n_samples))
    return Genome(
        batch_size=Integer(min(8, largest), largest, log=True),
        epochs=Integer(shortest(max_epochs), max_epochs, log=True),
        schedule=SCHEDULE,
        **own,
    )


def check_limits(**limits: int | None) -> None:
    """Raise an error for a limit that is less than 1; None is no limit."""
    for name, limit in limits.items():
        if limit is not None and limit < 1:
            raise ValueError(f"{name} must be at least 1; got {limit}.")


def check_smallest(
    least: int, spec: DataSpec, max_parameters: int, what: str = "network"
) -> None:
    """Raise an error if the smallest network has too many parameters."""
    if least > max_parameters:
        raise ValueError(
            f"max_parameters must be at least {least}, what the smallest {what} for "
            f"data of shape {spec.shape} has; got {max_parameters}."
        )


# Constraints -----------------------------------------------------------------------


def _n_classes(expressed: Mapping[str, Any], spec: DataSpec) -> int:
    return max(1, spec.n_classes)


def _n_parameters(
    expressed: Mapping[str, Any],
    spec: DataSpec,
    n_outputs: Callable[[Mapping[str, Any]], int],
) -> int:
    """Count what is learned, but for pretrained layers."""
    plan = network_plan(expressed, shape_of(spec), n_outputs(expressed))
    own = [layer for layer in plan.layers if not layer.pretrained]
    return NetworkPlan(tuple(own)).size.parameters


def _repair(
    genes: dict[str, Any],
    spec: DataSpec,
    count: Callable[[Mapping[str, Any]], int],
    max_layers: int,
    max_parameters: int,
) -> dict[str, Any]:
    """Make a network that can be built, in one way only, within its limits."""
    if "blocks" in genes:
        if _is_pretrained(genes) and count(_bare(genes)) > max_parameters:
            genes["stem"]["choice"] = "none"
        _fit_to_stem(genes)
        fit_to_depth(genes, max_layers)
        fit_to_sides(genes, spec)
    round_widths(genes)
    while count(express(genes)) > max_parameters:
        _shrink(genes)
    if "blocks" in genes:
        _silence(genes)
    return genes


def _is_pretrained(genes: dict[str, Any]) -> bool:
    stem = genes["stem"]
    return "architecture" in stem[stem["choice"]]


def _bare(genes: dict[str, Any]) -> dict[str, Any]:
    """Return the expressed genes of pretrained layers with a linear head alone."""
    head = {"blocks": [], "head_pooling": "average", "dense": []}
    return {**express(genes), **head}


def _fit_to_stem(genes: dict[str, Any]) -> None:
    """Have no blocks after pretrained layers, and one at least without them."""
    blocks = genes["blocks"]
    blocks["length"] = 0 if _is_pretrained(genes) else max(1, blocks["length"])


def fit_to_depth(genes: dict[str, Any], max_layers: int) -> None:
    """Leave out the further convolutions and dense layers that are too many."""
    rest = max_layers - genes["blocks"]["length"]
    for block in expressed_items(genes["blocks"]):
        if "convolutions" in block:
            block["convolutions"] = min(block["convolutions"], 1 + rest)
            rest -= block["convolutions"] - 1
    genes["dense"]["length"] = min(genes["dense"]["length"], rest)


def fit_to_sides(genes: dict[str, Any], spec: DataSpec) -> None:
    """Silence what a block that sees one pixel or a thin line cannot do."""
    shape, stem = shape_of(spec), genes.get("stem", {"choice": "none"})
    if stem["choice"] == "whitening":
        if min(shape[1:]) < 2 * stem["whitening"]["kernel"]:
            stem["choice"] = "none"
        else:
            shape = Layer.whitening(stem["whitening"], shape).outputs
    for block in expressed_items(genes["blocks"]):
        if min(shape[1:]) < 2:
            block["pooling"] = "none"
        if math.prod(shape[1:]) == 1:
            block["kernel"] = 1
        shape = Layer.convolution(block, shape).outputs
        if math.prod(shape[1:]) == 1:
            block["convolutions"] = 1
            if block["normalisation"] == "instance":
                block["normalisation"] = "layer"


def _silence(genes: dict[str, Any]) -> None:
    """Give what has no effect its plainest value."""
    augmentation = genes["augmentation"]
    augmentation["test_time"] &= augmentation["flip"]
    if _is_pretrained(genes):  # there is no convolution to begin in one way or another
        genes["initialisation"] = "random"
    for block in expressed_items(genes["blocks"]):
        if block["kernel"] == 1:  # a kernel of one pixel is what mixes channels
            block["separable"] = False


def _shrink(genes: dict[str, Any]) -> None:
    """Narrow the widest layer; if all are narrow, take away the last."""
    if narrow_widest(genes, NARROWEST):
        return
    blocks = expressed_items(genes["blocks"]) if "blocks" in genes else []
    if genes.get("head_pooling") == "flatten":
        genes["head_pooling"] = "average"
    elif genes["dense"]["length"]:
        genes["dense"]["length"] -= 1
    elif blocks[-1]["convolutions"] > 1:
        blocks[-1]["convolutions"] -= 1
    elif genes["blocks"]["length"] > 1:
        genes["blocks"]["length"] -= 1
    else:
        genes["stem"]["choice"] = "none"
        blocks[-1].update({**BLOCK.neutral, "kernel": 1, "normalisation": "none"})


def expressed_items(repeat: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the expressed ones of repeated genes."""
    return repeat["items"][: repeat["length"]]


def _layers(network: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the genes of each layer of a network, and the name of its width."""
    for name, width in (("blocks", "channels"), ("dense", "units")):
        if name in network:
            yield from ((layer, width) for layer in expressed_items(network[name]))
    if "embedding" in network:
        yield network["embedding"], "size"


def round_widths(network: dict[str, Any]) -> None:
    """Make all widths multiples of eight."""
    for layer, width in _layers(network):
        steps = max(1, round(layer[width] / WIDTH_STEP))
        layer[width] = steps * WIDTH_STEP


def narrow_widest(network: dict[str, Any], narrowest: Mapping[str, int]) -> bool:
    """Narrow the widest layer by a fifth; return False if all are at their least."""
    # Widths of units and of channels are compared as multiples of their least.
    layers = list(_layers(network))
    excess = [layer[width] / narrowest[width] for layer, width in layers]
    if not layers or max(excess) <= 1:
        return False
    layer, width = layers[excess.index(max(excess))]
    narrowed = int(NARROWED * layer[width]) // WIDTH_STEP * WIDTH_STEP
    layer[width] = max(narrowest[width], narrowed)
    return True


# Known configurations --------------------------------------------------------------


def known_networks(spec: DataSpec, genome: Genome | None) -> list[dict[str, Any]]:
    """Return networks that are known to do well, the cheap ones first."""
    # Chosen on held-out training images, see doc/figures.md. What they leave out is
    # neutral or, as genes that a task adds to `training` may be, drawn.
    all_epochs = most(genome, "training", "epochs", unknown=usual_epochs(spec))
    half, full = (math.ceil(all_epochs / k) for k in (2, 1))
    few = math.ceil(SHORT / samples_per_epoch(spec.n_samples))
    short = max(shortest(all_epochs), min(math.ceil(all_epochs / 4), few))
    if not are_images(spec):
        return _known_rows(math.ceil(all_epochs / 4))

    # Small batches where images are few, so that there are steps enough.
    n = spec.n_samples
    batch_size = max(min(8, n), min(128, max(n // 32, min(64, n // 4))))
    # Larger batches bear higher rates.
    rate = 0.1 * max(1.0, batch_size / 64)
    muon = {"muon": {"lr": rate, "momentum": 0.9, "weight_decay": 1e-3}}
    sgd = {"lr": rate / 2, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}
    # What photos show may be mirrored and of another colour; digits may not.
    photos = shape_of(spec)[0] > 1
    moved = {"shift": 0.1, "flip": photos, "test_time": photos}
    varied = {**moved, "rotate": 20 if photos else 10, "zoom": 0.1}
    varied["colour"] = 0.4 if photos else 0.0
    # What is written may be stretched; clothes may not.
    stretched = varied if photos else {**varied, "stretch": 0.25}
    # Of gray images some may be mirrored, such as those of clothes.
    mirrored = {"flip": True, "test_time": True}
    # Large images are halved at once: so are the seconds.
    whitening = {"whitening": {"kernel": 3, "stride": 2}}
    large = min(shape_of(spec)[1:]) >= LARGE_SIDE
    usual_stem = whitening if large else "none"
    # Images are halved until a few pixels are left.
    halvings = max(2, round(math.log2(min(shape_of(spec)[1:]))) - 1)
    n_blocks = min(halvings, most(genome, "blocks"))

    def known(
        channels: Sequence[int],
        epochs: int,
        augmentation: dict[str, Any] | None = None,
        optimizer: dict[str, Any] = muon,
        head_pooling: str = "flatten",
        stem: str | dict[str, Any] = usual_stem,
        **changes: Any,
    ) -> dict[str, Any]:
        block = {"normalisation": "batch", "activation": "relu", "pooling": "max"}
        block |= {"kernel": 3, **changes}
        training = {"schedule": "linear", "epochs": epochs}
        return {
            "stem": stem,
            "blocks": [{"channels": each, **block} for each in channels[:n_blocks]],
            "head_pooling": head_pooling,
            "dense": [],
            "optimizer": optimizer,
            "training": {**training, "batch_size": batch_size},
            "augmentation": augmentation or {},
        }

    narrow, deep, wide = (16, 32, 64), (16, 32, 64, 64), (32, 64, 128)
    if photos:
        # After the step of 2, few pixels are left of small ones.
        channels = wide if large else wide[:2]
        own = partial(known, channels, augmentation=varied, stem=whitening)
        dropping = moved
    else:
        own, dropping = partial(known, narrow, augmentation=mirrored), mirrored
    quick = [
        known(narrow[:2], short),
        known(narrow, short, moved),
        known(narrow, short, varied),
        own(epochs=short),
    ]
    slow = [
        known(deep, half, varied, head_pooling="average", stem="none"),
        own(epochs=half),
        known(narrow, half, stretched, convolutions=2, residual=True),
        known(narrow, half, moved, {"sgd": {**sgd, "bias_rate": 8.0}}),
        known(narrow, full, moved),
        known(wide, full, varied),
        known(wide, full, dropping, dropout=0.2),
    ]
    training = {"schedule": "linear", "batch_size": batch_size}
    frozen, tuned = _known_on_pretrained(genome, training, (short, full), moved)
    # Pretrained networks have seen photos, and take long to see thousands of images.
    if are_photos(spec):
        return [*frozen, *quick, *tuned, *slow]
    return [*quick, *slow, *frozen, *tuned]


def _known_on_pretrained(
    genome: Genome | None,
    training: Mapping[str, Any],
    epochs: tuple[int, int],
    moved: Mapping[str, Any],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return networks on pretrained layers of a genome: on frozen and on tuned ones."""
    stems = getattr(getattr(genome, "genes", {}).get("stem"), "parts", {})
    names = [name for name, gene in stems.items() if "architecture" in gene.parts]
    short, full = epochs

    def known(
        name: str,
        first: Mapping[str, Any],
        epochs: int,
        lr: float,
        augmentation: Mapping[str, Any] | None = None,
        dense: Sequence[Mapping[str, Any]] = (),
    ) -> dict[str, Any]:
        own = with_nearest_side({"layer": 1, **first}, stems[name].parts)
        return {
            "stem": {name: own},
            "blocks": [],
            "head_pooling": "average",
            "dense": [*dense],
            "optimizer": {"adamw": {"lr": lr, "beta1": 0.9, "weight_decay": 1e-2}},
            "training": {**training, "epochs": epochs},
            "augmentation": {**(augmentation or {})},
        }

    hidden: dict[str, Any] = {"units": 128, "normalisation": "batch"}
    hidden |= {"activation": "relu", "dropout": 0.3}
    large, small = {"side": 224}, {"side": 128}
    frozen: list[dict[str, Any]] = []
    tuned: list[dict[str, Any]] = []
    for name in names[:FEW_NETWORKS]:
        frozen += [
            known(name, {**large, "rate": 0.0}, full, HEAD_RATE),
            known(name, {**small, "rate": 0.0}, full, HEAD_RATE),
            known(name, {**large, "rate": 0.0}, full, OTHER_RATE, {}, [hidden]),
        ]
        tuned += [
            known(name, {**small, "rate": 0.1}, short, OTHER_RATE),
            known(name, {**large, "rate": 0.1}, short, OTHER_RATE, moved),
        ]
    # The same, if images are so small that they have one nearest length.
    return _distinct(frozen), _distinct(tuned)


def _distinct(known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for i, one in enumerate(known) if one not in known[:i]]


def _known_rows(epochs: int) -> list[dict[str, Any]]:
    """Return networks for rows of features."""
    block = {"units": 64, "normalisation": "batch", "activation": "relu"}
    adam = {"lr": 3e-3, "beta1": 0.9, "weight_decay": 1e-5}
    sgd = {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-4}
    return [
        {
            "dense": [{**block, "dropout": 0.1}],
            "training": {"schedule": "cosine", "epochs": epochs},
            "optimizer": optimizer,
        }
        for optimizer in ({"adam": adam}, {"sgd": sgd})
    ]
