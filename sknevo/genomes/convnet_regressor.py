"""The search space of networks that predict numbers, and known configurations."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

from sknevo.genes import Categorical, Genome
from sknevo.genomes._networks import (
    known_networks,
    network_space,
    networks_to_begin_with,
)
from sknevo.records import DataSpec

__all__ = ["convnet_regressor", "well_known"]


def convnet_regressor(
    spec: DataSpec,
    *,
    max_layers: int = 8,
    max_parameters: int = 1_000_000,
    max_epochs: int | None = None,
    pretrained: str | Sequence[str] | Mapping[str, str | PathLike[str]] | None = None,
    download: bool = False,
) -> Genome:
    """Return the search space for numbers from images, or from rows of features.

    It is that of `sknevo.genomes.convnet.convnet`, but for two genes of `training`: the
    loss (squared, absolute, or Huber's [1]_) and the scaling of the targets.

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
        Of the genes of `sknevo.genomes.convnet.convnet`.

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
    .. [1] Huber, P. J. (1964). Robust Estimation of a Location Parameter. The Annals of
       Mathematical Statistics.

    Examples
    --------
    >>> from sknevo.records import DataSpec
    >>> spec = DataSpec("regression", 1000, 0, shape=(28, 28))
    >>> genome = convnet_regressor(spec, max_layers=2, max_epochs=10)
    >>> list(genome.genes["training"].genes)
    ['batch_size', 'epochs', 'schedule', 'loss', 'target_scaling']
    """
    return network_space(
        spec,
        max_layers=max_layers,
        max_parameters=max_parameters,
        max_epochs=max_epochs,
        pretrained=networks_to_begin_with(spec, pretrained, download),
        loss=Categorical(["squared", "absolute", "huber"], weights=[2, 1, 2]),
        target_scaling=Categorical(["standard", "robust", "asinh"], weights=[3, 1, 1]),
    )


def well_known(spec: DataSpec, genome: Genome | None = None) -> list[dict[str, Any]]:
    """Return configurations to begin with, the cheap ones first.

    They are those of `sknevo.genomes.convnet.well_known` without augmentation: a number
    may say where something is, or how large.

    Parameters
    ----------
    spec : DataSpec
        Description of the data.
    genome : Genome or None, default=None
        Its limits of epochs and layers hold for the configurations. None stands for
        those of `convnet_regressor`.

    Returns
    -------
    list of dict
        Partial expressed genes.

    Examples
    --------
    >>> from sknevo.records import DataSpec
    >>> spec = DataSpec("regression", 1000, 0, shape=(7,))
    >>> [list(genes["optimizer"]) for genes in well_known(spec)]
    [['adam'], ['sgd']]
    """
    known = []
    for genes in known_networks(spec, genome):
        # With a learning rate of 0.05, SGD on squared errors diverged on made images.
        loss = "huber" if "sgd" in genes["optimizer"] else "squared"
        own = {"loss": loss, "target_scaling": "standard"}
        known.append(genes | {"training": genes["training"] | own})
        if "augmentation" in genes:
            known[-1]["augmentation"] = {}
    return known
