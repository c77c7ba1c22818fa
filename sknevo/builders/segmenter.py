"""Networks that give each pixel a class: patches, losses, tiles, objects, builder."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from sknevo.builders._objects import (
    numbered,
    relative_distances,
    renumbered,
    watershed,
    without_small,
)
from sknevo.builders.networks._builder import NetworkBuilder
from sknevo.builders.networks._data import (
    PLACES,
    as_tensor,
    rows_of_epoch,
)
from sknevo.builders.networks._devices import memory_errors
from sknevo.builders.networks._maps import MapNet, MapNetwork
from sknevo.builders.networks._net import Net
from sknevo.builders.networks._patches import PatchBatches, enlarged
from sknevo.builders.networks._trainer import random_source
from sknevo.data_checks import random_rows
from sknevo.deadline import check_deadline
from sknevo.network_plan import (
    UNetPlan,
    patches_per_image,
    samples_per_epoch,
    shape_of,
    unet_plan,
)

__all__ = ["SegmenterBuilder", "SegmenterNet"]

# The code of pixels that are not learned from: maps are bytes.
UNKNOWN = 255
# Masks that the area of an object is read of. Chosen, not measured.
MOST_MASKS = 100
# The share of a tile that the next one covers, too. Chosen, not measured.
OVERLAP = 0.25
# The exponent of the focal loss that Lin et al. (2017) report as the best.
FOCUS = 2


class SegmentationNetwork(MapNetwork):
    """Returns logits of pixels; its parameters are those of `MapNetwork`."""

    # Patches are shifted in any case.
    still: ClassVar[dict[str, Any]] = {"shift": 0.0, "erase": 0.0}

    def forward(
        self, X: Tensor, maps: Tensor | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Return logits of shape (n, n_outputs, height, width) for a batch of any type.

        With maps of its pixels, which augmentation moves along, return both.
        """
        X = self.standardised(self.arrange(X))
        if maps is not None:
            X, maps = self.augment(X, maps.to(X.dtype))
            return self._logits(X), maps
        if self.training:
            return self._logits(X)
        found = [self._logits(X.flip(axes)).flip(axes) for axes in self.mirrors]
        return torch.stack(found).mean(dim=0) if len(found) > 1 else found[0]

    def _logits(self, X: Tensor) -> Tensor:
        maps, stride = self.unet(X), self.unet.stride
        if stride > 1:
            # In half precision the places of pixels would be rounded.
            with torch.autocast(X.device.type, enabled=False):
                maps = nn.functional.interpolate(
                    maps.float(), scale_factor=stride, mode="bilinear"
                )
        return maps[:, :, : X.shape[2], : X.shape[3]]


class SegmentationLoss(nn.Module):
    """The loss of each image: that of its pixels, of regions, and of distances.

    Parameters
    ----------
    pixel_loss : {"cross_entropy", "focal"}, default="cross_entropy"
        The focal loss [1]_ leaves out what is certain already.
    dice : float, default=0.5
        The share of the Dice loss [2]_ of all classes but the first.
    distance : float, default=1.0
        The weight of the squared error of distances, if there are outputs for them.
    reduction : {"none"}, default="none"
        A loss for each image is returned.

    References
    ----------
    .. [1] Lin, T.-Y. et al. (2017). Focal Loss for Dense Object Detection. ICCV.
    .. [2] Milletari, F., Navab, N., & Ahmadi, S.-A. (2016). V-Net: Fully Convolutional
       Neural Networks for Volumetric Medical Image Segmentation. 3DV.
    """

    def __init__(
        self,
        pixel_loss: str = "cross_entropy",
        dice: float = 0.5,
        distance: float = 1.0,
        reduction: str = "none",
    ) -> None:
        super().__init__()
        self.pixel_loss, self.dice, self.distance = pixel_loss, dice, distance

    def forward(
        self, outputs: Tensor, targets: Tensor, class_weights: Tensor
    ) -> Tensor:
        """Return losses of shape (n,); the first target is the class, or UNKNOWN."""
        n_classes, codes = len(class_weights), targets[:, 0].long()
        known = codes != UNKNOWN
        codes = torch.where(known, codes, 0)
        log = outputs[:, :n_classes].log_softmax(dim=1)
        loss = self._of_pixels(log, codes, class_weights[codes] * known)
        if self.dice:
            regions = self._of_regions(log.exp(), codes, known)
            loss = (1 - self.dice) * loss + self.dice * regions
        if outputs.shape[1] > n_classes:
            wrong = outputs[:, n_classes].sigmoid() - targets[:, 1] / 255
            loss = loss + self.distance * _mean(wrong.square(), known)
        return loss

    def _of_pixels(self, log: Tensor, codes: Tensor, weights: Tensor) -> Tensor:
        own = log.gather(1, codes[:, None])[:, 0]
        if self.pixel_loss == "focal":
            own = own * (1 - own.exp()) ** FOCUS
        return _mean(-own, weights)

    def _of_regions(self, shares: Tensor, codes: Tensor, known: Tensor) -> Tensor:
        places = torch.arange(1, shares.shape[1], device=codes.device)
        true = (codes[:, None] == places[:, None, None]) & known[:, None]
        found = shares[:, 1:] * known[:, None]
        common = 2 * (found * true).sum(dim=(2, 3))
        # A pixel more of each, so that what neither has is no loss.
        both = found.sum(dim=(2, 3)) + true.sum(dim=(2, 3))
        return 1 - ((common + 1) / (both + 1)).mean(dim=1)


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean over the pixels of each image, 0 without weight."""
    total = weights.sum(dim=(1, 2)).clamp_min(torch.finfo(values.dtype).tiny)
    return (values * weights).sum(dim=(1, 2)) / total


class SegmenterNet(MapNet):
    """A skorch net that gives each pixel of images a class, and finds objects.

    Images are an array, or a sequence of arrays of several sizes. It learns from random
    patches. Images larger than those of `fit` are predicted in tiles that overlap.

    Parameters
    ----------
    labels : sequence of int or None, default=None
        All labels, sorted; the first is the background. None stands for those of y.
    ignore_label : int or None, default=None
        The label of pixels that are not learned from.
    instances : bool, default=False
        Whether masks number objects, with 0 for the background.
    patch : int, default=64
        Side of a patch.
    foreground : float, default=0.0
        Share of the patches that have an object in their middle.
    class_weights : {"equal", "root", "balanced"}, default="equal"
        What pixels of a class count: the same, or by how rare they are.
    decision : dict or None, default=None
        `threshold` that the probability of not being background must exceed, and
        `smallest` area of an object, in shares of the median in `fit`. None stands for
        0.5 and 0.
    watershed : dict or None, default=None
        `seed`, see `sknevo.builders._objects.watershed`, and `smoothing` of distances,
        in shares of the square root of the median area. None takes connected parts for
        objects.

    Attributes
    ----------
    classes_ : ndarray of int of shape (n_classes,)
        The labels.
    class_shares_ : ndarray of shape (n_classes,)
        Share of the pixels of each.
    object_area_ : float
        Median number of pixels of an object.
    tile_ : tuple of int
        Height and width of the largest part that is predicted at a time.
    """

    answer = "probabilities"

    def __init__(
        self,
        module: Any,
        *args: Any,
        labels: Sequence[int] | None = None,
        ignore_label: int | None = None,
        instances: bool = False,
        patch: int = 64,
        foreground: float = 0.0,
        class_weights: str = "equal",
        decision: Mapping[str, float] | None = None,
        watershed: Mapping[str, float] | None = None,
        **parameters: Any,
    ) -> None:
        super().__init__(module, *args, **parameters)
        self.labels = labels
        self.ignore_label = ignore_label
        self.instances = instances
        self.patch = patch
        self.foreground = foreground
        self.class_weights = class_weights
        self.decision = decision
        self.watershed = watershed

    # Masks.

    def learn_targets(self, y: Any) -> int:
        if self.labels is not None:
            labels = np.array(self.labels)
        elif self.instances:
            labels = np.array([0, 1])
        else:
            found = np.unique(np.concatenate([np.unique(mask) for mask in y]))
            labels = found[found != self.ignore_label]
        self.classes_ = labels
        counts = sum(
            np.bincount(self.codes_of(mask).ravel(), minlength=UNKNOWN + 1)
            for mask in y
        )[: len(labels)]
        self.class_shares_ = counts / max(1, counts.sum())
        areas = [
            np.bincount(self.objects_of(y[i]).ravel())[1:]
            for i in random_rows(len(y), MOST_MASKS)
        ]
        areas = np.concatenate(areas)
        self.object_area_ = float(np.median(areas[areas > 0])) if areas.any() else 1.0
        sides = np.array([mask.shape for mask in y]).max(axis=0)
        self.tile_ = tuple(int(max(side, self.patch)) for side in sides)
        return self._n_outputs

    @property
    def _n_outputs(self) -> int:
        return len(self.classes_) + (self.watershed is not None)

    def codes_of(self, mask: np.ndarray) -> np.ndarray:
        """Return the place in `classes_` of each pixel's label, 255 of unknown ones."""
        mask = np.asarray(mask)
        unknown = np.zeros(mask.shape, bool)
        if self.ignore_label is not None:
            unknown = mask == self.ignore_label
        if self.instances:
            codes = (mask > 0).astype(np.uint8)
        else:
            places = np.searchsorted(self.classes_, mask)
            codes = np.minimum(places, len(self.classes_) - 1).astype(np.uint8)
            unknown = unknown | (self.classes_[codes] != mask)
        codes[unknown] = UNKNOWN
        return codes

    def objects_of(self, mask: np.ndarray) -> np.ndarray:
        """Return the numbers of the objects in a true mask, 0 for the background."""
        codes = self.codes_of(mask)
        if self.instances:
            return renumbered(np.where(codes == UNKNOWN, 0, mask))
        return numbered(np.where(codes == UNKNOWN, 0, codes))

    def encode(self, y: Any) -> list[np.ndarray]:
        """Return maps of each mask as bytes: classes and, if need be, distances."""
        maps = [self.codes_of(mask)[None] for mask in y]
        if self.watershed is None:
            return maps
        distances = (relative_distances(self.objects_of(mask)) for mask in y)
        far = (np.rint(UNKNOWN * one).astype(np.uint8)[None] for one in distances)
        return [np.concatenate(pair) for pair in zip(maps, far, strict=True)]

    # Training.

    def get_split_datasets(self, X: Any, y: Any = None, **_: Any) -> tuple[Any, None]:
        weights = np.asarray(self._weights, float)
        images = [
            enlarged(image, self.patch, self._axis, mode="symmetric") for image in X
        ]
        maps = [
            enlarged(one, self.patch, 1, constant_values=UNKNOWN)
            for one in self.encode(y)
        ]
        return [images, maps, as_tensor(weights / weights.mean(), self.device)], None

    def batches(self, dataset: Any, epoch: int) -> PatchBatches:
        images, maps, weights = dataset
        sides = np.mean([one.shape[1:] for one in maps], axis=0)
        n_patches = len(images) * patches_per_image(sides, self.patch)
        draws = rows_of_epoch(epoch, n_patches, self.random_state).numpy()
        rng = random_source(self.random_state, PLACES, epoch)
        places = torch.rand(len(draws), 4, generator=rng, dtype=torch.float64)
        return PatchBatches(
            images,
            maps,
            weights,
            draws % len(images),
            places.numpy(),
            side=self.patch,
            size=self.batch_size,
            axis=self._axis,
            foreground=self.foreground,
            unknown=UNKNOWN,
            device=self.device,
        )

    def outputs_and_targets(self, X: Any, targets: Any) -> tuple[Any, Any]:
        return self.infer(X, targets)

    def losses(self, outputs: Any, targets: Any) -> Tensor:
        return self.criterion_(outputs, targets, self._class_weights(outputs.device))

    def _class_weights(self, device: Any) -> Tensor:
        power = {"equal": 0.0, "root": 0.5, "balanced": 1.0}[self.class_weights]
        # A class without pixels weighs nothing.
        shares = np.where(self.class_shares_ > 0, self.class_shares_, np.inf)
        weights = (len(shares) * shares) ** -power if power else np.ones(len(shares))
        return torch.as_tensor(weights, dtype=torch.float32, device=device)

    def chance_loss(self, batches: PatchBatches) -> float:
        """Return the loss of class frequencies on the first batch."""
        _, targets, weights = next(iter(batches))
        class_weights = self._class_weights("cpu").double().numpy()
        shares = np.maximum(self.class_shares_ * class_weights, 1e-6)
        logits = np.zeros(self._n_outputs)
        logits[: len(shares)] = np.log(shares)
        guess = torch.as_tensor(logits, dtype=torch.float32, device=targets.device)
        n, _, *sides = targets.shape
        guessed = guess[:, None, None].expand(n, -1, *sides)
        return float((self.losses(guessed, targets.float()) * weights).mean())

    # Predictions.

    def predict(self, X: Any) -> Any:
        """Return the label of each pixel.

        Parameters
        ----------
        X : array-like of shape (n_images, ...), or sequence of arrays
            Images.

        Returns
        -------
        ndarray of shape (n_images, height, width), or list of ndarray
            A list if images have several sizes.
        """
        return stacked([self.classes_[self._codes(maps)] for maps in self._maps(X)])

    def predict_proba(self, X: Any) -> Any:
        """Return the probabilities of the labels of each pixel.

        Parameters
        ----------
        X : array-like of shape (n_images, ...), or sequence of arrays
            Images.

        Returns
        -------
        ndarray of shape (n_images, height, width, n_classes), or list of ndarray
            A list if images have several sizes.
        """
        n_classes = len(self.classes_)
        return stacked([np.moveaxis(m[:n_classes], 0, -1) for m in self._maps(X)])

    def predict_instances(self, X: Any) -> Any:
        """Return the number of the object of each pixel.

        Parameters
        ----------
        X : array-like of shape (n_images, ...), or sequence of arrays
            Images.

        Returns
        -------
        ndarray of int32 of shape (n_images, height, width), or list of ndarray
            Numbers from 1 in each image, and 0 for the background. All pixels of an
            object have the same label.
        """
        return stacked([self._objects(maps) for maps in self._maps(X)])

    @property
    def _smallest(self) -> float:
        return (self.decision or {}).get("smallest", 0.0) * self.object_area_

    def _codes(self, maps: np.ndarray) -> np.ndarray:
        """Return the place of each pixel's label, without parts that are too small."""
        shares = maps[: len(self.classes_)].copy()
        threshold = (self.decision or {}).get("threshold", 0.5)
        shares[0] *= threshold / (1 - threshold)
        codes = shares.argmax(axis=0)
        if self._smallest > 1:
            codes[without_small(numbered(codes), self._smallest) == 0] = 0
        return codes

    def _objects(self, maps: np.ndarray) -> np.ndarray:
        codes = self._codes(maps)
        if self.watershed is None:
            return numbered(codes)
        # Noise would make several seeds of one object.
        sigma = self.watershed["smoothing"] * math.sqrt(self.object_area_)
        heights = gaussian_filter(maps[-1], sigma) if sigma else maps[-1]
        ids = np.zeros(codes.shape, np.int32)
        for code in np.unique(codes[codes > 0]):
            own = watershed(codes == code, heights, self.watershed["seed"])
            ids = np.where(own > 0, own + ids.max(), ids)
        return renumbered(without_small(ids, self._smallest))

    def _maps(self, X: Any) -> Iterator[np.ndarray]:
        """Yield of each image the probabilities, and the distances if it has any."""
        for images in self._of_one_size(X):
            yield from self._in_tiles(images)

    def _in_tiles(self, images: np.ndarray) -> np.ndarray:
        """Return maps of images of one size, of several tiles if they are large."""
        axis = self._axis + 1
        sides = images.shape[axis : axis + 2]
        tops, lefts = map(_tiles, sides, self.tile_)
        if len(tops) == len(lefts) == 1:
            return self._answer(images)
        maps = np.zeros((len(images), self._n_outputs, *sides), np.float32)
        weights = np.zeros(sides, np.float32)
        for rows in tops:
            for columns in lefts:
                found = self._answer(images[(slice(None),) * axis + (rows, columns)])
                # The middle of a tile has seen most of what is around it.
                window = np.outer(*map(_tent, found.shape[2:]))
                maps[:, :, rows, columns] += window * found
                weights[rows, columns] += window
        return maps / weights

    @memory_errors()
    def _answer(self, images: np.ndarray) -> np.ndarray:
        check_deadline()
        with torch.inference_mode():
            outputs = self.infer(as_tensor(images)).float()
            far = outputs[:, len(self.classes_) :].sigmoid()
            return torch.cat([self.answered(outputs), far], dim=1).cpu().numpy()

    def answered(self, outputs: Tensor) -> Tensor:
        return outputs[:, : len(self.classes_)].float().softmax(dim=1)

    # On another machine.

    def target_state(self) -> dict[str, Any]:
        return {
            "labels": self.classes_.tolist(),
            "shares": self.class_shares_.tolist(),
            "object_area": self.object_area_,
            "tile": list(self.tile_),
            "ignore_label": self.ignore_label,
            "instances": self.instances,
        }

    def restore_targets(self, state: dict[str, Any]) -> int:
        self.classes_ = np.array(state["labels"])
        if self.classes_.dtype.kind not in "biu" or len(self.classes_) < 2:
            raise ValueError(f"its labels are {state['labels']}")
        self.class_shares_ = np.array(state["shares"], float)
        self.object_area_ = float(state["object_area"])
        self.tile_ = tuple(int(side) for side in state["tile"])
        self.ignore_label = state["ignore_label"]
        self.instances = bool(state["instances"])
        return self._n_outputs


def stacked(images: list[np.ndarray]) -> Any:
    """Return images of one size as an array, others as a list."""
    return np.stack(images) if len({one.shape for one in images}) == 1 else images


def _tiles(side: int, tile: int) -> list[slice]:
    """Return the parts of a side that are predicted, which overlap."""
    if side <= tile:
        return [slice(0, side)]
    n = math.ceil((side - tile) / max(1, int((1 - OVERLAP) * tile))) + 1
    begins = np.linspace(0, side - tile, n).round().astype(int)
    return [slice(int(begin), int(begin) + tile) for begin in begins]


def _tent(side: int) -> np.ndarray:
    """Return weights that rise from the border to the middle."""
    places = np.arange(1, side + 1, dtype=np.float32)
    return np.minimum(places, places[::-1])


@dataclass(frozen=True)
class SegmenterBuilder(NetworkBuilder):
    """Makes unfitted segmenters of the genes of `sknevo.genomes.segmenter`.

    Parameters
    ----------
    labels : tuple of int or None, default=None
        All labels, sorted.
    ignore_label : int or None, default=None
        The label of pixels that are not learned from.
    instances : bool, default=False
        Whether masks number objects.
    """

    module: ClassVar[type] = SegmentationNetwork
    module_genes: ClassVar[tuple[str, ...]] = ("network", "augmentation")

    labels: tuple[int, ...] | None = None
    ignore_label: int | None = None
    instances: bool = False

    def task(self, training: dict[str, Any]) -> tuple[type[Net], dict[str, Any]]:
        return SegmenterNet, {
            "criterion": SegmentationLoss,
            "criterion__pixel_loss": training["pixel_loss"],
            "criterion__dice": training["dice"],
            "patch": training["patch"],
            "foreground": training["foreground"],
            "class_weights": training["class_weights"],
            "labels": self.labels,
            "ignore_label": self.ignore_label,
            "instances": self.instances,
        }

    def __call__(self, expressed: dict[str, Any], random_state: int) -> Net:
        net = super().__call__(expressed, random_state)
        ((kind, genes),) = expressed["objects"].items()
        net.set_params(decision=expressed["decision"])
        if kind == "watershed":
            parameters = {name: genes[name] for name in ("seed", "smoothing")}
            net.set_params(
                watershed=parameters, criterion__distance=genes["distance_weight"]
            )
        return net

    def plan(self, expressed: dict[str, Any], n_outputs: int | None = None) -> UNetPlan:
        if n_outputs is None:
            n_outputs = max(2, self.spec.n_classes) + (
                "watershed" in expressed["objects"]
            )
        n_channels, patch = shape_of(self.spec)[0], expressed["training"]["patch"]
        return unet_plan(expressed["network"], n_channels, n_outputs, patch)

    def samples_per_epoch(self, expressed: dict[str, Any]) -> int:
        sides, patch = shape_of(self.spec)[1:], expressed["training"]["patch"]
        return samples_per_epoch(self.spec.n_samples * patches_per_image(sides, patch))
