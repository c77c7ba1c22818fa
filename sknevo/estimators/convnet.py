"""Evolved networks for images: layers, optimizer, training and augmentation."""

from collections.abc import Callable
from os import PathLike
from typing import Any

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sknevo.estimators._base import BaseEvolved
from sknevo.estimators._classifier import EvolvedClassifierMixin
from sknevo.estimators._docs import documented
from sknevo.estimators._network import EvolvedNetworkMixin
from sknevo.estimators._parameters import parameter, with_parameters
from sknevo.estimators._refit import refitted
from sknevo.evaluation import Builder
from sknevo.genes import Genome
from sknevo.genomes.convnet import convnet, well_known
from sknevo.image_stream import labels_of
from sknevo.records import DataSpec

__all__ = ["EvolvedClassifier"]


@documented
@with_parameters
class EvolvedClassifier(EvolvedClassifierMixin, EvolvedNetworkMixin, BaseEvolved):
    """Evolve a network that classifies images, or rows of numbers.

    An individual is a network *with* what trains it [1]_: its blocks of convolutions
    (width, kernel, normalisation, activation, shortcut, pooling, dropout) and dense
    layers, its optimizer with the parameters of its own, batch size, epochs, schedule
    of the learning rate, label smoothing and augmentation. The fittest is trained once
    more on all of X, by skorch.

    Parameters
    ----------
    genome : Genome, callable or None, default=None
        What may vary. A callable gets the `DataSpec` and returns a Genome, such as
        ``partial(convnet, max_layers=2, max_parameters=100_000)`` of
        `sknevo.genomes.convnet`; None stands for `convnet`.
    {parameters}
    image_shape : tuple of int or None, default=None
        Shape of an image if X holds images as rows: (height, width),
        (channels, height, width) or (height, width, channels). Images of a Dataset are
        scaled and cropped to it; None stands for the shape of the first.
    max_epochs : int or None, default=None
        Most passes over the training data; None stands for 500,000 samples seen, but at
        least 10 and at most 100 epochs. Not used if `genome` is given.
    device : str, default="auto"
        Where networks are trained, as torch names it. "auto" stands for CUDA where
        there is one, else the CPU; so does a CUDA device that is not there, with a
        warning.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        What networks compute in; "auto" stands for bfloat16 where the hardware has it.

    Attributes
    ----------
    {attributes}
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.

    See Also
    --------
    EvolvedPipelineClassifier : For tables.

    Notes
    -----
    X may be (n, height, width), (n, channels, height, width), (n, height, width,
    channels), or (n, features): then dense networks evolve, or images if `image_shape`
    says so. Bytes stay bytes until they are in a batch. X may also be a torch Dataset
    of images and labels (y is None then), such as torchvision's `ImageFolder`, or a
    `sknevo.image_stream.ImageStream`: images are read for each batch, from several
    threads, and never held whole.
    Without `cv`, five folds score
    individuals on up to 500 samples, and 20 % are held out of more. The best three are
    trained again with other seeds before the winner is named, unless that would take
    more than a fifth of `max_time`: `cv_results_` has the `final_score`.

    References
    ----------
    .. [1] Assunção, F., Lourenço, N., Machado, P., & Ribeiro, B. (2019). DENSER: deep
       evolutionary network structured representation. Genetic Programming and Evolvable
       Machines.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknevo import EvolvedClassifier
    >>> digits = load_digits()
    >>> clf = EvolvedClassifier(population_size=2, generations=1, max_epochs=4,
    ...                         random_state=0).fit(digits.images, digits.target)
    >>> clf.score(digits.images, digits.target) > 0.8
    True
    """

    genome: Genome | Callable[[DataSpec], Genome] | None = parameter(
        Genome, callable, None, default=None
    )
    _default_folds = {500: 5}
    _n_finalists = 3
    _threads = 1

    def _validate(self, X: Any, y: Any) -> tuple[Any, np.ndarray]:
        return super()._validate(X, labels_of(X) if y is None else y)

    @available_if(refitted)
    def score(self, X: Any, y: Any = None, **params: Any) -> float:
        """Return the score that was the fitness, on other data.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...), or Dataset
            Images, or rows.
        y : array-like of shape (n_samples,) or None, default=None
            Labels; None for a Dataset that brings them along.
        **params : dict
            Metadata for the scorer, such as `sample_weight`.

        Returns
        -------
        float
            The higher, the better.
        """
        return super().score(X, labels_of(X) if y is None else y, **params)

    def _spec(self, X: Any, y: np.ndarray, n_samples: int) -> DataSpec:
        return DataSpec(
            "classification", n_samples, len(self.classes_), shape=self._sample_shape
        )

    def _default_genome(self, spec: DataSpec) -> Genome:
        return convnet(spec, max_epochs=self.max_epochs)

    def _well_known(self, spec: DataSpec) -> list[dict]:
        return well_known(spec, self.genome_)

    def _builder(
        self, spec: DataSpec, probabilities: bool, final: bool = False
    ) -> Builder:
        # Here, so that evolving pipelines never imports torch.
        from sknevo.builders.convnet import ConvNetBuilder

        return ConvNetBuilder(spec, self.device, self.precision, final)

    @available_if(refitted)
    def save_network(self, path: str | PathLike) -> None:
        """Write the best network to a file, without pickle.

        Weights are written as safetensors, genes and labels as JSON in the same file;
        `sknevo.load_network` reads it back as a fitted skorch net and executes nothing.

        Parameters
        ----------
        path : path
            File to write, such as "digits.safetensors"; one that is there is replaced.

        Raises
        ------
        TypeError
            If the labels are neither strings, numbers nor booleans.
        """
        from sknevo.builders.networks._serialization import save_network

        check_is_fitted(self, "best_estimator_")
        save_network(self.best_estimator_, self.best_params_, path)
