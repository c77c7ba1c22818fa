"""The part of the search space that all networks share, whatever they predict.

A task adds genes of its own to `training`, such as a loss.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from sknevo.genes import Categorical, Choice, Gene, Genome, Integer, Real, Repeat
from sknevo.network_plan import (
    WIDTH_STEP,
    Layer,
    network_plan,
    samples_per_epoch,
    shape_of,
)
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
STEM = Choice(
    {"none": 3},
    none=Genome(),
    # The side of a patch, and the step from one to the next.
    whitening=Genome(
        kernel=Categorical([2, 3, 4], [2, 3, 1]), stride=Categorical([1, 2])
    ),
).with_neutral("none")
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


# The search space ------------------------------------------------------------------


def network_space(
    spec: DataSpec,
    *,
    max_layers: int,
    max_parameters: int,
    max_epochs: int | None,
    further: Mapping[str, Gene] | None = None,
    n_outputs: Callable[[Mapping[str, Any]], int] | None = None,
    **training: Gene,
) -> Genome:
    """Return the search space of networks with their optimizer and training.

    The limits are as `sknevo.genomes.convnet.convnet` describes them; `training` are
    genes of the task, beside those of every training, and `further` those beside the
    training. `n_outputs` tells the width of the head by the genes; None stands for the
    number of classes.
    """
    further, n_outputs = further or {}, n_outputs or partial(_n_classes, spec=spec)
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

    genes: dict[str, Gene] = {}
    if images:
        genes["stem"] = STEM
        genes["blocks"] = Repeat(BLOCK, 1, max_layers)
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


def check_smallest(least: int, spec: DataSpec, max_parameters: int) -> None:
    """Raise an error if the smallest network has too many parameters."""
    if least > max_parameters:
        raise ValueError(
            f"max_parameters must be at least {least}, what the smallest network for "
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
    plan = network_plan(expressed, shape_of(spec), n_outputs(expressed))
    return plan.size.parameters


def _repair(
    genes: dict[str, Any],
    spec: DataSpec,
    count: Callable[[Mapping[str, Any]], int],
    max_layers: int,
    max_parameters: int,
) -> dict[str, Any]:
    """Make a network that can be built, in one way only, within its limits."""
    if "blocks" in genes:
        fit_to_depth(genes, max_layers)
        fit_to_sides(genes, spec)
    round_widths(genes)
    while count(express(genes)) > max_parameters:
        _shrink(genes)
    if "blocks" in genes:
        _silence(genes)
    return genes


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
    for block in expressed_items(genes["blocks"]):
        if block["kernel"] == 1:  # a kernel of one pixel is what mixes channels
            block["separable"] = False


def _shrink(genes: dict[str, Any]) -> None:
    """Narrow the widest layer; if all are narrow, take away the last."""
    if narrow_widest(genes, NARROWEST):
        return
    *_, last = expressed_items(genes["blocks"]) if "blocks" in genes else [{}]
    if genes.get("head_pooling") == "flatten":
        genes["head_pooling"] = "average"
    elif genes["dense"]["length"]:
        genes["dense"]["length"] -= 1
    elif last["convolutions"] > 1:
        last["convolutions"] -= 1
    elif genes["blocks"]["length"] > 1:
        genes["blocks"]["length"] -= 1
    else:
        genes["stem"]["choice"] = "none"
        last |= {**BLOCK.neutral, "kernel": 1, "normalisation": "none"}


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
    return [
        known(narrow[:2], short),
        known(narrow, short, moved),
        known(narrow, short, varied),
        own(epochs=short),
        known(deep, half, varied, head_pooling="average", stem="none"),
        own(epochs=half),
        known(narrow, half, varied, convolutions=2, residual=True),
        known(narrow, half, moved, {"sgd": {**sgd, "bias_rate": 8.0}}),
        known(narrow, full, moved),
        known(wide, full, varied),
        known(wide, full, dropping, dropout=0.2),
    ]


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
