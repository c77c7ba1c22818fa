"""Networks that embed: losses with and without episodes, centroids, the builder."""

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, column_or_1d
from torch import Tensor, nn
from torch.nn import functional

from sknevo.builders._most_probable import MostProbableMixin
from sknevo.builders.convnet import ClassifierNet
from sknevo.builders.networks._builder import NetworkBuilder
from sknevo.builders.networks._data import ShuffledBatches
from sknevo.builders.networks._modules import Network
from sknevo.builders.networks._net import Net
from sknevo.builders.networks._trainer import random_source
from sknevo.metrics._episodes import squared_distances
from sknevo.network_plan import NetworkPlan

__all__ = ["CentroidClassifier", "FewShotBuilder", "FewShotNet"]

# What is random beside a training: the first proxies, and the views of what is adapted
# to.
PROXIES, VIEWS = 10, 11
# Deviation of the first proxies: chosen, not measured.
FIRST = 0.1
# So many samples, the first ones of each class, tell the centroids of the base classes:
# of many more, the pass would take as long as epochs. Chosen, not measured.
MOST_EMBEDDED = 10_000
# Angles by which an image may be turned: none, and three.
TURNS = 4
# Instead of minus infinity, which has no gradient.
NEVER = -1e4


# Losses ----------------------------------------------------------------------------


def closeness(Z: Tensor, centroids: Tensor, distance: str) -> Tensor:
    """Return the negative squared distances: the higher, the closer.

    Those of vectors of any length are divided by their size, so that a temperature
    means about the same for all; those of vectors of length 1 are halved.
    """
    if distance == "cosine":
        Z, centroids = (functional.normalize(one, dim=1) for one in (Z, centroids))
        return Z @ centroids.T - 1
    squares = Z.square().sum(1)[:, None] + centroids.square().sum(1)
    return (2 * Z @ centroids.T - squares) / Z.shape[1]


class EmbeddingLoss(nn.Module):
    """The loss of embeddings with their classes; other samples of a batch take part.

    Parameters
    ----------
    kind : {"cross_entropy", "nca", "prototypical"}
        Cross-entropy compares with a learned proxy of each class. "nca" [1]_ compares
        with each other sample of the batch, "prototypical" [2]_ with the mean of all
        others of a class.
    temperature : float
        Closeness is divided by it.
    distance : {"euclidean", "cosine"}
        See `closeness`.
    size, n_classes : int
        Of the proxies.
    label_smoothing : float, default=0.0
        Of the cross-entropy.
    reduction : {"none", "mean"}, default="none"
        Whether the loss of each sample is returned, or their mean.
    seed : int, default=0
        Seed of the first proxies.

    References
    ----------
    .. [1] Goldberger, J., Roweis, S., Hinton, G., & Salakhutdinov, R. (2004).
       Neighbourhood Components Analysis. NeurIPS.
    .. [2] Snell, J., Swersky, K., & Zemel, R. (2017). Prototypical Networks for
       Few-shot Learning. NeurIPS.
    """

    def __init__(
        self,
        kind: str,
        temperature: float,
        distance: str,
        size: int,
        n_classes: int,
        label_smoothing: float = 0.0,
        reduction: str = "none",
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.kind, self.temperature, self.distance = kind, temperature, distance
        self.label_smoothing, self.reduction = label_smoothing, reduction
        # Classes beyond these have proxies, but have not been seen.
        self.n_seen = n_classes
        if kind == "cross_entropy":
            drawn = torch.randn(n_classes, size, generator=random_source(seed, PROXIES))
            self.proxies = nn.Parameter(FIRST * drawn)

    def forward(self, Z: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of embeddings (n, size) with classes (n,)."""
        losses = LOSSES[self.kind](self, Z, targets)
        return losses if self.reduction == "none" else losses.mean()

    def _close(self, Z: Tensor, centroids: Tensor) -> Tensor:
        return closeness(Z, centroids, self.distance) / self.temperature

    def _cross_entropy(self, Z: Tensor, targets: Tensor) -> Tensor:
        logits = self._close(Z, self.proxies[: self.n_seen].to(Z.dtype))
        return functional.cross_entropy(
            logits, targets, reduction="none", label_smoothing=self.label_smoothing
        )

    def _nca(self, Z: Tensor, targets: Tensor) -> Tensor:
        close = self._close(Z, Z)
        itself = torch.eye(len(Z), dtype=torch.bool, device=Z.device)
        alike = (targets[:, None] == targets) & ~itself
        close = close.masked_fill(itself, NEVER)
        of_class = close.masked_fill(~alike, NEVER).logsumexp(1)
        # One that is alone in the batch teaches nothing.
        return (close.logsumexp(1) - of_class) * alike.any(1)

    def _prototypical(self, Z: Tensor, targets: Tensor) -> Tensor:
        if self.distance == "cosine":
            Z = functional.normalize(Z, dim=1)
        _, place, counts = targets.unique(return_inverse=True, return_counts=True)
        sums = Z.new_zeros(len(counts), Z.shape[1]).index_add(0, place, Z)
        close = self._close(Z, sums / counts[:, None])
        # Of its own class, a sample is compared with the others.
        others = (sums[place] - Z) / (counts[place] - 1).clamp(min=1)[:, None]
        own = self._pairs(Z, others)
        close = close.scatter(1, place[:, None], own[:, None])
        losses = functional.cross_entropy(close, place, reduction="none")
        return losses * (counts[place] > 1)

    def _pairs(self, Z: Tensor, others: Tensor) -> Tensor:
        """Return how close each embedding is to the one in the same place."""
        if self.distance == "cosine":
            similar = functional.cosine_similarity(Z, others) - 1
        else:
            similar = -(Z - others).square().mean(1)
        return similar / self.temperature


LOSSES: dict[str, Callable[[EmbeddingLoss, Tensor, Tensor], Tensor]] = {
    "cross_entropy": EmbeddingLoss._cross_entropy,
    "nca": EmbeddingLoss._nca,
    "prototypical": EmbeddingLoss._prototypical,
}


# The network -----------------------------------------------------------------------


class EmbeddingNetwork(Network):
    """A network of which images may be turned by right angles while it is trained."""

    generator: torch.Generator | None = None

    def turned(
        self, X: Tensor, targets: Tensor, n_classes: int
    ) -> tuple[Tensor, Tensor]:
        """Turn the images of each class alike; with each angle it is another class."""
        shape = self.arrange.sample_shape
        images = X.reshape(-1, *shape)
        first = 2 if len(shape) == 3 and not self.arrange.channels_last else 1
        drawn = torch.randint(
            TURNS, (n_classes,), generator=self.generator, device=X.device
        )
        turns = drawn[targets]
        turned = torch.empty_like(images)
        for turn in range(TURNS):
            rows = turns == turn
            turned[rows] = images[rows].rot90(turn, (first, first + 1))
        return turned, TURNS * targets + turns


class FewShotNet(ClassifierNet):
    """A skorch net that embeds samples, and classifies by the nearest centroid.

    It learns from the classes that it is fitted with, and `adapt` returns a classifier
    of others.

    Parameters
    ----------
    n_classes : int, default=0
        Classes to have room for: training may go on with more than it was begun with.
    per_class : int, default=1
        Samples of a class that lie side by side in a batch, as far as it has so many.
    rotations : bool, default=False
        Whether images that are turned by right angles are classes of their own.

    Attributes
    ----------
    centre_ : ndarray of shape (n_components,)
        What is subtracted from outputs: their mean, or zeros.
    centroids_ : ndarray of shape (n_classes, n_components)
        Means of the embeddings of the base classes.
    """

    answer = "embeddings"

    def __init__(
        self,
        module: Any,
        *args: Any,
        n_classes: int = 0,
        per_class: int = 1,
        rotations: bool = False,
        **parameters: Any,
    ) -> None:
        super().__init__(module, *args, **parameters)
        self.n_classes = n_classes
        self.per_class = per_class
        self.rotations = rotations

    @property
    def _embedding(self) -> dict[str, Any]:
        return self.get_params_for("module")["genes"]["embedding"]

    @property
    def distance(self) -> str:
        """What is measured to centroids, "euclidean" or "cosine"."""
        return self._embedding["distance"]

    @property
    def support_views(self) -> int:
        """How many augmented views of each image are adapted to, beside itself."""
        return self._embedding.get("support_views", 0)

    # Training.

    def learn_targets(self, y: Any) -> int:
        self._seen = np.unique(y)
        return self._begin_targets()

    def _begin_targets(self) -> int:
        self.classes_inferred_ = np.sort(self._seen)
        self._n_places = max(len(self._seen), self.n_classes)
        return self._embedding["size"]

    def initialize_criterion(self) -> Self:
        """Build the loss, with proxies of all classes that there may be."""
        self.criterion_ = self.criterion(
            **self.get_params_for("criterion"),
            distance=self.distance,
            size=self._embedding["size"],
            n_classes=self._n_places * self._n_turns,
            seed=self.random_state,
        )
        self._count_seen()
        return self

    @property
    def _n_turns(self) -> int:
        return TURNS if self.rotations else 1

    def _count_seen(self) -> None:
        self.criterion_.n_seen = len(self._seen) * self._n_turns

    def encode(self, y: Any) -> Tensor:
        if len(unknown := np.setdiff1d(y, self._seen)):
            raise ValueError(
                f"the network was begun without samples of {unknown.tolist()}"
            )
        # In the order in which classes were first seen: proxies keep their places.
        order = np.argsort(self._seen)
        codes = order[np.searchsorted(self._seen, y, sorter=order)]
        return torch.as_tensor(codes, device=self.device)

    def finish(self, X: Any, y: Any, *args: Any, **goal: Any) -> Self:
        """Go on as `Net.finish` does; there may be classes that were not seen before.

        Raises
        ------
        ValueError
            If there are more classes than the network has room for.
        """
        if self.training_ is not None:
            new = np.setdiff1d(y, self._seen)
            if len(self._seen) + len(new) > self._n_places:
                raise ValueError(
                    f"the network has room for {self._n_places} classes; y brings "
                    f"{len(new)} to its {len(self._seen)}"
                )
            self._seen = np.concatenate([self._seen, new])
            self._count_seen()
        return super().finish(X, y, *args, **goal)

    def batches(self, dataset: Any, epoch: int) -> ShuffledBatches:
        plain = super().batches(dataset, epoch)
        if self.per_class == 1:
            return plain
        labels = dataset[1][plain.rows.to(self.device)].cpu().numpy()
        rows = plain.rows[torch.from_numpy(side_by_side(labels, self.per_class))]
        return ShuffledBatches(dataset, rows, self.batch_size)

    def outputs_and_targets(self, X: Any, targets: Any) -> tuple[Any, Any]:
        if self.rotations:
            X, targets = self.module_.turned(X, targets, self._n_places)
        return self.infer(X), targets

    def chance_loss(self, batches: ShuffledBatches) -> float:
        if self.criterion_.kind == "cross_entropy":
            return math.log(self.criterion_.n_seen)
        # Of embeddings that are all the same.
        targets = batches.tensors[1]
        parts = [targets[rows] for rows in batches.rows.tensor_split(len(batches))]
        losses = [self.losses(one.new_zeros(len(one), 1).float(), one) for one in parts]
        return float(torch.cat(losses).mean())

    def calibrate(self, X: Any, y: Any, sample_weight: Any) -> None:
        """Learn the centre, and the centroids of the base classes."""
        y = np.asarray(y)
        self.classes_inferred_, codes = np.unique(y, return_inverse=True)
        most = math.ceil(MOST_EMBEDDED / len(self.classes_inferred_))
        rows = np.flatnonzero(rank_in_class(codes) < most)
        codes, weights = codes[rows], np.asarray(sample_weight, float)[rows]
        outputs = self._outputs(X[rows])
        self.centre_ = np.zeros_like(outputs[0])
        if self._embedding["centring"]:
            self.centre_ = np.average(outputs, 0, weights).astype(outputs.dtype)
        self.centroids_ = class_means(self._embedded(outputs), codes, weights)

    # Answers.

    def _outputs(self, X: Any) -> np.ndarray:
        """Return the outputs of the network, of shape (n_samples, n_components)."""
        return super().predict_proba(X)

    def _embedded(self, outputs: np.ndarray) -> np.ndarray:
        return self.answered(torch.from_numpy(outputs)).numpy()

    def answered(self, outputs: Tensor) -> Tensor:
        centre = torch.as_tensor(self.centre_, dtype=outputs.dtype)
        centred = outputs - centre.to(outputs.device)
        if self._embedding["normalisation"] == "l2":
            return functional.normalize(centred, dim=1)
        return centred

    def transform(self, X: Any) -> np.ndarray:
        """Return the embeddings of samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
        """
        return self._embedded(self._outputs(X))

    def transform_support(self, X: Any) -> np.ndarray:
        """Return the embeddings of samples to adapt to: means over their views.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
        """
        views, augment = [self.transform(X)], self.module_.augment
        augment.train(self.support_views > 0)
        try:
            for number in range(self.support_views):
                augment.generator = random_source(
                    self.random_state, VIEWS, number, device=self.device
                )
                views.append(self.transform(X))
        finally:
            augment.eval()
            augment.generator = None
        return np.mean(views, axis=0)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each base class.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        return self.probabilities(X, self.centroids_)

    def probabilities(self, X: Any, centroids: np.ndarray) -> np.ndarray:
        """Return probabilities by the distance to centroids, at the temperature."""
        Z = self.transform(X)
        squares = squared_distances(Z, centroids, self.distance)
        unit = self.distance == "cosine" or self._embedding["normalisation"] == "l2"
        scale = 2 if unit else Z.shape[1]
        temperature = self.get_params_for("criterion")["temperature"]
        logits = torch.from_numpy(-squares / (scale * temperature))
        return torch.softmax(logits, dim=1).numpy()

    def adapt(self, X: Any, y: Any) -> "CentroidClassifier":
        """Return a classifier of the classes of a few samples; this net stays as it is.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples, such as one or five of each class.
        y : array-like of shape (n_samples,)
            Their labels, which may be other ones than those of `fit`.

        Returns
        -------
        CentroidClassifier

        Raises
        ------
        ValueError
            If there are fewer than two classes.
        """
        y = column_or_1d(y, warn=True)
        check_consistent_length(X, y)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(
                f"y must hold at least 2 classes to adapt to; got {classes.tolist()}."
            )
        centroids = class_means(self.transform_support(X), codes, np.ones(len(y)))
        return CentroidClassifier(self, classes, centroids)

    # The file.

    def target_state(self) -> dict[str, Any]:
        learned = {"centre": self.centre_, "centroids": self.centroids_}
        return super().target_state() | {k: v.tolist() for k, v in learned.items()}

    def restore_targets(self, state: dict[str, Any]) -> int:
        n_classes = super().restore_targets(state)
        self._seen = self.classes_inferred_
        size = self._begin_targets()
        dtype = self._input_type
        self.centre_ = np.array(state["centre"], dtype)
        self.centroids_ = np.array(state["centroids"], dtype)
        for name, shape in {
            "centre_": (size,),
            "centroids_": (n_classes, size),
        }.items():
            found = getattr(self, name)
            if found.shape != shape or not np.isfinite(found).all():
                raise ValueError(f"its {name} are not {shape} finite numbers")
        return size


class CentroidClassifier(MostProbableMixin, BaseEstimator):
    """Classifies by the nearest centroid in an embedding; `FewShotNet.adapt` makes it.

    Parameters
    ----------
    net : FewShotNet
        The fitted net that embeds.
    classes : ndarray of shape (n_classes,)
        The labels, sorted.
    centroids : ndarray of shape (n_classes, n_components)
        The means of their embeddings.
    """

    def __init__(
        self, net: FewShotNet, classes: np.ndarray, centroids: np.ndarray
    ) -> None:
        self.net = net
        self.classes = classes
        self.centroids = centroids

    @property
    def classes_(self) -> np.ndarray:
        """The labels, sorted."""
        return self.classes

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, of shape (n_samples, n_classes)."""
        return self.net.probabilities(X, self.centroids)


# Classes ---------------------------------------------------------------------------


def rank_in_class(codes: np.ndarray) -> np.ndarray:
    """Return how many samples of the same class come before each.

    Examples
    --------
    >>> import numpy as np
    >>> rank_in_class(np.array([1, 0, 1, 1, 0])).tolist()
    [0, 0, 1, 2, 1]
    """
    order = np.argsort(codes, kind="stable")
    begins = np.searchsorted(codes[order], codes)
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return places - begins


def side_by_side(codes: np.ndarray, size: int) -> np.ndarray:
    """Return an order in which so many samples of a class follow one another.

    Each comes as early as the first of them.

    Examples
    --------
    >>> import numpy as np
    >>> side_by_side(np.array([1, 0, 2, 1, 0, 1]), 2).tolist()
    [0, 3, 1, 4, 2, 5]
    """
    rank = rank_in_class(codes)
    _, group = np.unique(np.stack([codes, rank // size]), axis=1, return_inverse=True)
    first = np.full(group.max() + 1, len(codes))
    np.minimum.at(first, group, np.arange(len(codes)))
    return np.argsort(first[group], kind="stable")


def class_means(Z: np.ndarray, codes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted mean of the rows of each class, a number from 0."""
    shares = weights / np.bincount(codes, weights)[codes]
    means = np.zeros((codes.max() + 1, Z.shape[1]))
    np.add.at(means, codes, shares[:, None] * Z)
    return means.astype(Z.dtype)


class FewShotBuilder(NetworkBuilder):
    """Makes unfitted embeddings of the genes of `sknevo.genomes.few_shot`."""

    module = EmbeddingNetwork
    module_genes = (*NetworkBuilder.module_genes, "embedding")

    def plan(
        self, expressed: dict[str, Any], n_outputs: int | None = None
    ) -> NetworkPlan:
        return super().plan(expressed, n_outputs or expressed["embedding"]["size"])

    def task(self, training: dict[str, Any]) -> tuple[type[Net], dict[str, Any]]:
        ((kind, options),) = training["loss"].items()
        options = {**options}
        return FewShotNet, {
            "n_classes": self.spec.n_classes,
            "per_class": options.pop("per_class", 1),
            "rotations": training.get("rotations", False),
            "criterion": EmbeddingLoss,
            "criterion__kind": kind,
            "criterion__temperature": training["temperature"],
            **{f"criterion__{name}": value for name, value in options.items()},
        }
