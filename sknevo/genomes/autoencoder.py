"""The search space of autoencoders, and known configurations."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from sknevo.genes import Categorical, Choice, Gene, Genome, Integer, Real, Repeat
from sknevo.genomes._networks import (
    AUGMENTATION,
    BLOCK,
    DENSE,
    NARROWEST,
    OPTIMIZER,
    UP_BLOCK,
    are_images,
    check_limits,
    check_smallest,
    expressed_items,
    fit_to_depth,
    fit_to_sides,
    most,
    narrow_widest,
    round_widths,
    training_genes,
)
from sknevo.network_plan import autoencoder_plans, samples_per_epoch, shape_of
from sknevo.records import DataSpec, express

__all__ = ["autoencoder", "well_known"]

# The tables -----------------------------------------------------------------------

# Ranges and weights are chosen, not measured.

# The most components of an evolved code, if samples have twice as many values.
MOST_COMPONENTS = 256
MOST_DENSE = 3
UPSAMPLING = Categorical(["transposed", "nearest", "bilinear"], [2, 2, 1])
# What is done to the inputs, but not to what is to be rebuilt (Vincent et al. 2010).
# Noise is in units of the scaled samples: of columns the standard deviation, of images
# half of the range of the pixels.
DENOISING = Choice(
    {"none": 3},
    none=Genome(),
    normal=Genome(scale=Real(0.02, 1.0, log=True)),
    masking=Genome(share=Real(0.02, 0.5, log=True)),
).with_neutral("none")
# The weight is that of the divergence of the code (Higgins et al. 2017).
CODE = Choice(
    {"plain": 4},
    plain=Genome(),
    variational=Genome(weight=Real(1e-4, 1.0, log=True)),
).with_neutral("plain")
LOSS = Categorical(["squared", "absolute"], [3, 1])
IMAGE_LOSS = Categorical(["squared", "absolute", "binary", "ssim"], [3, 1, 2, 1])
# The names of genes with which a network halves and doubles the sides of images.
HALVING = {"encoder": ("pooling", "max"), "decoder": ("upsampling", "nearest")}
# Samples that pass an autoencoder in one evaluation, however many there are: three
# times as many as a classifier, since rebuilding goes on to improve. Epochs stay within
# bounds. Chosen, not measured.
SAMPLES, FEWEST_EPOCHS, MOST_EPOCHS = 1_500_000, 20, 200


# The search space -----------------------------------------------------------------


def autoencoder(
    spec: DataSpec,
    *,
    n_components: int | None = None,
    max_layers: int = 8,
    max_parameters: int = 2_000_000,
    max_epochs: int | None = None,
) -> Genome:
    """Return the search space for images, or for rows of features.

    Parameters
    ----------
    spec : DataSpec
        Description of the data. For rows of features both networks are dense.
    n_components : int or None, default=None
        Numbers in a code. None lets it evolve, up to half of the values of a sample and
        256 at most.
    max_layers : int, default=8
        Greatest number of layers with weights in each network, without the last.
    max_parameters : int, default=2_000_000
        Greatest number of weights of both networks together.
    max_epochs : int or None, default=None
        Greatest number of epochs. None stands for as many as it takes to train on
        1,500,000 samples, but at least 20 and at most 200.

    Returns
    -------
    Genome
        Of `n_components`, `encoder` (blocks of convolutions, none for a dense network,
        and dense layers), `decoder` (tied to the widths of the encoder, or of its own),
        `code` (plain or variational [1]_), `denoising` [2]_, `optimizer`, `training`
        and (for images) `augmentation`.

    Raises
    ------
    ValueError
        If a limit is less than 1, or the smallest networks have more parameters.

    References
    ----------
    .. [1] Higgins, I. et al. (2017). beta-VAE: Learning Basic Visual Concepts with a
       Constrained Variational Framework. ICLR.
    .. [2] Vincent, P. et al. (2010). Stacked Denoising Autoencoders. Journal of Machine
       Learning Research 11.

    Examples
    --------
    >>> from sknevo.records import DataSpec
    >>> genome = autoencoder(DataSpec("reconstruction", 1000, 0, shape=(28, 28)))
    >>> list(genome.genes)[:5]
    ['n_components', 'encoder', 'decoder', 'code', 'denoising']
    """
    check_limits(
        n_components=n_components, max_layers=max_layers, max_epochs=max_epochs
    )
    _check_smallest(spec, n_components, max_layers, max_parameters)
    images = are_images(spec)
    dense = Repeat(DENSE, 0, min(MOST_DENSE, max_layers))
    encoder: dict[str, Gene] = {"dense": dense}
    decoder: dict[str, Gene] = {"dense": dense}
    if images:
        encoder = {"blocks": Repeat(BLOCK, 0, max_layers), **encoder}
        decoder = {"blocks": Repeat(UP_BLOCK, 0, max_layers), **decoder}
    tied = Genome(upsampling=UPSAMPLING) if images else Genome()
    genes: dict[str, Gene] = {
        "n_components": _components(spec, n_components),
        "encoder": Genome(**encoder),
        "decoder": Choice({"tied": 3}, tied=tied, own=Genome(**decoder)),
        "code": CODE,
        "denoising": DENOISING,
        "optimizer": OPTIMIZER,
        "training": training_genes(
            spec,
            max_epochs or _usual_epochs(spec),
            loss=IMAGE_LOSS if images else LOSS,
        ),
    }
    if images:
        # What is covered could not be rebuilt: that is for `denoising`.
        moves = ("shift", "flip", "rotate", "zoom", "stretch", "colour")
        genes["augmentation"] = Genome(**{n: AUGMENTATION.genes[n] for n in moves})
    limits = {"max_layers": max_layers, "max_parameters": max_parameters}
    return Genome(**genes).constrained(
        partial(_repair, spec=spec, fixed=n_components is not None, **limits)
    )


def _components(spec: DataSpec, n_components: int | None) -> Integer:
    if n_components is not None:
        return Integer(n_components, n_components)
    most = max(1, min(MOST_COMPONENTS, math.prod(shape_of(spec)) // 2))
    return Integer(min(2, most), most, log=True)


def _usual_epochs(spec: DataSpec) -> int:
    epochs = SAMPLES // samples_per_epoch(spec.n_samples)
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, epochs))


# Constraints ----------------------------------------------------------------------


def _n_parameters(expressed: dict[str, Any], spec: DataSpec) -> dict[str, int]:
    plans = autoencoder_plans(expressed, shape_of(spec))
    return {name: plan.size.parameters for name, plan in plans.items()}


def _most_halvings(spec: DataSpec) -> int:
    """Return how often the sides of an image may be halved."""
    return int(math.log2(min(shape_of(spec)[1:])))


def _check_smallest(
    spec: DataSpec, n_components: int | None, max_layers: int, max_parameters: int
) -> None:
    """Raise an error if what `_shrink` ends with has too many parameters."""
    network: dict[str, Any] = {"dense": []}
    tied = {}
    if are_images(spec):
        block = {"channels": NARROWEST["channels"], "kernel": 1, "pooling": "max"}
        network["blocks"] = [block] * min(max_layers, _most_halvings(spec))
        tied = {"upsampling": "nearest"}
    smallest = {
        "n_components": n_components or 1,
        "encoder": network,
        "decoder": {"tied": tied},
        "code": {"variational": {}},
    }
    least = sum(_n_parameters(smallest, spec).values())
    check_smallest(least, spec, max_parameters)


def _repair(
    genes: dict[str, Any],
    spec: DataSpec,
    fixed: bool,
    max_layers: int,
    max_parameters: int,
) -> dict[str, Any]:
    """Make networks that can be built, in one way only, within their limits."""
    networks = {"encoder": genes["encoder"]}
    if genes["decoder"]["choice"] == "own":
        networks["decoder"] = genes["decoder"]["own"]
    limits = {"spec": spec, "max_layers": max_layers}
    _fit_networks(networks, **limits)
    while sum((counts := _n_parameters(express(genes), spec)).values()) > (
        max_parameters
    ):
        largest_first = sorted(networks, key=counts.__getitem__, reverse=True)
        if not any(_shrink(networks[name], name, **limits) for name in largest_first):
            _simplify(genes, fixed)
        # A block that was silent may be expressed now.
        _fit_networks(networks, **limits)
    if are_images(spec):
        _silence(genes)
    return genes


def _silence(genes: dict[str, Any]) -> None:
    """Give what has no effect its plainest value."""
    blocks = expressed_items(genes["encoder"]["blocks"])
    for block in blocks:
        if block["kernel"] == 1:  # a kernel of one pixel is what mixes channels
            block["separable"] = False
    if all(block["pooling"] == "none" for block in blocks):
        genes["decoder"]["tied"]["upsampling"] = "nearest"


def _fit_networks(
    networks: dict[str, dict[str, Any]], spec: DataSpec, max_layers: int
) -> None:
    """Leave out the layers that are too many, and what single pixels cannot do."""
    for name, network in networks.items():
        if are_images(spec):
            fit_to_depth(network, max_layers)
            _fit_halvings(network, name, spec)
        round_widths(network)


def _fit_halvings(network: dict[str, Any], name: str, spec: DataSpec) -> None:
    """Halve or double sides as often as there are pixels for it, no more."""
    if name == "encoder":
        fit_to_sides(network, spec)
        return
    gene, _ = HALVING[name]
    doubling = [b for b in expressed_items(network["blocks"]) if b[gene] != "none"]
    for block in doubling[: max(0, len(doubling) - _most_halvings(spec))]:
        block[gene] = "none"


def _shrink(
    network: dict[str, Any], name: str, spec: DataSpec, max_layers: int
) -> bool:
    """Narrow the widest layer, or make smaller what it ends in; False if it cannot."""
    if narrow_widest(network, NARROWEST):
        return True
    if network["dense"]["length"]:
        network["dense"]["length"] -= 1
        return True
    if "blocks" not in network:
        return False
    for block in expressed_items(network["blocks"]):
        if block.get("convolutions", 1) > 1:
            block["convolutions"] = 1
            return True
    return _halve_once_more(network["blocks"], name, spec, max_layers)


def _halve_once_more(
    blocks: dict[str, Any], name: str, spec: DataSpec, max_layers: int
) -> bool:
    """Let one more block halve or double the sides; False if none can."""
    gene, halving = HALVING[name]
    whole = [block for block in expressed_items(blocks) if block[gene] == "none"]
    if blocks["length"] - len(whole) >= _most_halvings(spec):
        return False
    if not whole and blocks["length"] == max_layers:
        return False
    if not whole:
        blocks["length"] += 1
        whole = expressed_items(blocks)[-1:]
    whole[-1][gene] = halving
    return True


def _simplify(genes: dict[str, Any], fixed: bool) -> None:
    """Halve the code if it evolves; else leave the plainest networks."""
    if genes["n_components"] > 1 and not fixed:
        genes["n_components"] //= 2
        return
    genes["decoder"]["choice"] = "tied"
    if "blocks" in genes["encoder"]:
        genes["decoder"]["tied"]["upsampling"] = "nearest"
        plain = {**BLOCK.neutral, "kernel": 1, "normalisation": "none"}
        for block in expressed_items(genes["encoder"]["blocks"]):
            block |= plain


# Known configurations -------------------------------------------------------------


def well_known(spec: DataSpec, genome: Genome | None = None) -> list[dict[str, Any]]:
    """Return configurations to begin with, the cheap ones first.

    Parameters
    ----------
    spec : DataSpec
        Description of the data.
    genome : Genome or None, default=None
        Its limits of epochs and layers hold for the configurations. None stands for
        `autoencoder`.

    Returns
    -------
    list of dict
        Partial expressed genes.

    Examples
    --------
    >>> from sknevo.records import DataSpec
    >>> known = well_known(DataSpec("reconstruction", 1000, 0, shape=(28, 28)))
    >>> [len(genes["encoder"]["blocks"]) for genes in known]
    [2, 0, 2, 2, 2, 2]
    """
    # On 5,000 digits, two blocks that learned by Muon had an error of 0.0087 on other
    # digits after 10,000 images, by Adam one of 0.0201 (0.0106 after 40,000); 512 and
    # 256 dense units had 0.0183 after 15,000 images by Adam. For wide dense layers,
    # Muon's steps take longer than all else.
    epochs = most(genome, "training", "epochs", unknown=_usual_epochs(spec))
    half, quarter = (math.ceil(epochs / k) for k in (2, 4))
    n, images = spec.n_samples, are_images(spec)
    deepest = most(genome, "encoder", "dense")
    most_blocks = most(genome, "encoder", "blocks")
    adam = {"adam": {"lr": 2e-3, "beta1": 0.9, "weight_decay": 1e-6}}
    muon = {"muon": {"lr": 0.05, "momentum": 0.9, "weight_decay": 1e-3}}
    layer = {"normalisation": "batch", "activation": "relu"}
    block = {**layer, "kernel": 3, "pooling": "max"}

    def known(
        channels: Sequence[int],
        units: Sequence[int],
        epochs: int,
        optimizer: dict[str, Any] = muon,
        **more: Any,
    ) -> dict[str, Any]:
        units = units[: min(MOST_DENSE, deepest)]
        encoder: dict[str, Any] = {
            "dense": [{"units": each, **layer} for each in units]
        }
        if images:
            channels = channels[: min(len(channels), most_blocks)]
            encoder["blocks"] = [{"channels": each, **block} for each in channels]
        training = {"schedule": "cosine", "loss": "squared", "epochs": epochs}
        return {
            "n_components": _known_components(spec, genome),
            "encoder": encoder,
            "decoder": {"tied": {"upsampling": "nearest"} if images else {}},
            "optimizer": optimizer,
            "training": {**training, "batch_size": max(min(8, n), min(64, n // 4))},
            **more,
        }

    if not images:
        wide = min(512, max(32, 8 * spec.shape[0]))
        noise = {"denoising": {"normal": {"scale": 0.1}}}
        return [
            known([], [], quarter, adam),
            known([], [wide], half),
            known([], [wide, wide // 2], half, adam),
            known([], [wide, wide // 2], epochs),
            known([], [wide, wide // 2], epochs, **noise),
        ]
    # Images are halved until some seven pixels are left.
    halvings = max(1, round(math.log2(max(14, min(shape_of(spec)[1:])) / 7)))
    narrow, wider = ([min(64, k * 2**i) for i in range(halvings)] for k in (16, 32))
    return [
        known(narrow, [], quarter),
        known([], [512, 256], half, adam),
        known(narrow, [], half),
        known(narrow, [], epochs),
        known(narrow, [128], epochs),
        known(wider, [], epochs),
    ]


def _known_components(spec: DataSpec, genome: Genome | None) -> int:
    """Return a usual size of codes, within the limits of the genome."""
    gene = getattr(genome, "genes", {}).get("n_components") or _components(spec, None)
    # An eighth of a table's columns at least, and as many as an image has long sides.
    usual = 32 if are_images(spec) else max(2, math.ceil(spec.shape[0] / 4))
    return gene.repair(usual)
