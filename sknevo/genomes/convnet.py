"""The search space of networks that classify, and configurations known to do well."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

from sknevo.genes import Categorical, Genome
from sknevo.genomes._networks import (
    are_images,
    known_networks,
    network_space,
    networks_to_begin_with,
)
from sknevo.records import DataSpec

__all__ = ["convnet", "well_known"]

# How much known networks smooth the labels of fewer images than so many. On 50 drawings
# of insects it brought 2.5 points, on 7,000 digits and 320 photos nothing; the bound is
# chosen, not measured. A linear head on frozen pretrained layers is better without: it
# had an accuracy of 0.88 on 50 photos, and of 0.80 with it (twice three folds).
SMOOTHING, FEW = 0.1, 200


def convnet(
    spec: DataSpec,
    *,
    max_layers: int = 8,
    max_parameters: int = 1_000_000,
    max_epochs: int | None = None,
    pretrained: str | Sequence[str] | Mapping[str, str | PathLike[str]] | None = None,
    download: bool = False,
) -> Genome:
    """Return the search space for images, or for rows of features.

    Parameters
    ----------
    spec : DataSpec
        Description of the data. For rows of features there are no convolutions.
    max_layers : int, default=8
        Greatest number of layers with weights before the last: convolutions and dense
        layers together. Pretrained layers and a whitening stem do not count.
    max_parameters : int, default=1_000_000
        Greatest number of weights, without those of pretrained layers.
    max_epochs : int or None, default=None
        Greatest number of epochs. None stands for as many as it takes to train on
        500,000 images, but at least 10 and at most 100.
    pretrained : "auto", sequence of str, dict of str to path, or None, default=None
        The pretrained networks that networks of images may begin with: names of
        architectures of timm or torchvision, in a dict with the files of their weights.
        "auto" stands for those whose weights are on this machine, see
        `sknevo.pretrained.known_weights`; None for none.
    download : bool, default=False
        Whether torchvision downloads named weights that are not on this machine.

    Returns
    -------
    Genome
        Of `dense`, `optimizer` and `training`; for images also of `stem` (whether the
        first layer whitens patches [1]_, or the first layers are pretrained: which,
        how large they see images, and with what share of the rate they learn),
        `blocks`, which pretrained layers take the place of, `head_pooling`,
        `initialisation`, `head_scale` and `augmentation`.

    Raises
    ------
    ValueError
        If a limit is less than 1, the smallest network has more parameters, a
        pretrained network is not on this machine or cannot begin a network, or samples
        are no images.
    ImportError
        If pretrained networks need a library that is missing.

    References
    ----------
    .. [1] Jordan, K. (2024). 94% on CIFAR-10 in 3.29 Seconds on a Single GPU.
       arXiv:2404.00498.

    Examples
    --------
    >>> from sknevo.records import DataSpec
    >>> spec = DataSpec("classification", 1000, 10, shape=(28, 28))
    >>> genome = convnet(spec, max_layers=2, max_parameters=100_000)
    >>> list(genome.genes)[:3]
    ['stem', 'blocks', 'head_pooling']
    """
    return network_space(
        spec,
        max_layers=max_layers,
        max_parameters=max_parameters,
        max_epochs=max_epochs,
        pretrained=networks_to_begin_with(spec, pretrained, download),
        # Values and weights are chosen, not measured.
        label_smoothing=Categorical([0.0, 0.05, 0.1], [2, 1, 1]).with_neutral(0.0),
    )


def well_known(spec: DataSpec, genome: Genome | None = None) -> list[dict[str, Any]]:
    """Return configurations that are known to do well, the cheap ones first.

    Parameters
    ----------
    spec : DataSpec
        Description of the data.
    genome : Genome or None, default=None
        Its limits of epochs and layers hold for the configurations. None stands for
        those of `convnet`.

    Returns
    -------
    list of dict
        Partial expressed genes.

    Examples
    --------
    >>> from sknevo.records import DataSpec
    >>> spec = DataSpec("classification", 1000, 10, shape=(28, 28))
    >>> [len(genes["blocks"]) for genes in well_known(spec)]
    [2, 3, 3, 3, 4, 3, 3, 3, 3, 3, 3]
    """
    few = are_images(spec) and spec.n_samples < FEW

    def smoothed(known: dict[str, Any]) -> dict[str, Any]:
        # Pretrained layers take the place of blocks.
        smoothing = SMOOTHING if few and known["blocks"] else 0.0
        training = {**known["training"], "label_smoothing": smoothing}
        return {**known, "training": training}

    return [smoothed(known) for known in known_networks(spec, genome)]
