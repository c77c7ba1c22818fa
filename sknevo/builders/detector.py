"""Networks that find objects in images: scenes, losses, boxes, builder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from sknevo.builders._centres import (
    OF_A_BOX,
    boxes_of,
    centre_maps,
    found_objects,
)
from sknevo.builders.networks._builder import NetworkBuilder
from sknevo.builders.networks._data import PLACES, as_tensor, rows_of_epoch
from sknevo.builders.networks._devices import memory_errors
from sknevo.builders.networks._maps import MapNet, MapNetwork
from sknevo.builders.networks._net import Net
from sknevo.builders.networks._scenes import SceneBatches
from sknevo.deadline import check_deadline
from sknevo.network_plan import (
    UNetPlan,
    patches_per_image,
    samples_per_epoch,
    shape_of,
    unet_plan,
)

__all__ = ["DetectorBuilder", "DetectorNet"]

# How probable a centre is before anything is learned, and what the weights of the last
# layer are multiplied by then: networks begin with few and usual boxes, as those of
# Lin et al. (2017). Chosen, not measured.
PRIOR, FIRST_WEIGHTS = 0.05, 0.3
# The exponents of the loss that Zhou et al. (2019) use.
FOCUS, REDUCED = 2, 4
# Most objects in an image.
MOST_OBJECTS = 300


class DetectionNetwork(MapNetwork):
    """Returns maps of centres; its parameters are those of `MapNetwork`.

    Among the genes of the network, `reduction` says by how many pixels of a side images
    are divided first.
    """

    # Scenes are moved with their boxes before they are batches.
    still: ClassVar[dict[str, Any]] = {
        "shift": 0.0,
        "rotate": 0,
        "zoom": 0.0,
        "erase": 0.0,
        "flip": False,
        "turn": False,
    }

    def __init__(self, genes: dict[str, Any], *args: Any, **parameters: Any) -> None:
        super().__init__(genes, *args, **parameters)
        self.reduction = genes["network"]["reduction"]
        head = self.unet.head.convolve
        with torch.no_grad():
            head.weight *= FIRST_WEIGHTS
            head.bias[:-OF_A_BOX] = float(np.log(PRIOR / (1 - PRIOR)))

    def reduced(self, X: Tensor) -> Tensor:
        """Return images as the user has them with channels first, and reduced."""
        X = self.arrange(X)
        if self.reduction == 1:
            return X
        options = {"ceil_mode": True, "count_include_pad": False}
        return nn.functional.avg_pool2d(X.float(), self.reduction, **options)

    def forward(self, X: Tensor) -> Tensor:
        """Return maps of shape (n, n_classes + 4, rows, columns) for a batch.

        In training X are scenes of reduced images, in predictions images.
        """
        if self.training:
            return self.unet(self.augment(self.standardised(X)))
        # Padded before it is mirrored, so that pixels of maps are at the same places.
        X = self.unet.padded(self.standardised(self.reduced(X)))
        found = [self._mirrored(X, axes) for axes in self.mirrors]
        return torch.stack(found).mean(dim=0) if len(found) > 1 else found[0]

    def _mirrored(self, X: Tensor, axes: list[int]) -> Tensor:
        """Return the maps of mirrored images, mirrored back."""
        if not axes:
            return self.unet(X)
        maps = self.unet(X.flip(axes)).flip(axes)
        signs = maps.new_ones(maps.shape[1])
        # Of places, the first is across and the second down.
        for axis in axes:
            signs[-OF_A_BOX - 1 - axis] = -1.0
        return maps * signs[:, None, None]


class DetectionLoss(nn.Module):
    """The loss of each scene: that of centres [1]_, and those of boxes there.

    Parameters
    ----------
    stride : int, default=4
        Side, in pixels, of what a pixel of the maps stands for.
    radius : float, default=0.1
        See `sknevo.builders._centres.centre_maps`.
    around : bool, default=True
        The same; pixels around a centre learn its box [2]_.
    size_gain, offset_gain : float, default=1.0, 0.3
        What errors of the logarithms of sides, and of the places of centres, count.
    reduction : {"none"}, default="none"
        A loss for each scene is returned.

    References
    ----------
    .. [1] Zhou, X., Wang, D., & Krähenbühl, P. (2019). Objects as Points.
       arXiv:1904.07850.
    .. [2] Liu, Z. et al. (2020). Training-Time-Friendly Network for Real-Time Object
       Detection. AAAI. arXiv:1909.00700.
    """

    def __init__(
        self,
        stride: int = 4,
        radius: float = 0.1,
        around: bool = True,
        size_gain: float = 1.0,
        offset_gain: float = 0.3,
        reduction: str = "none",
    ) -> None:
        super().__init__()
        self.stride, self.radius, self.around = stride, radius, around
        self.gains = torch.tensor([offset_gain] * 2 + [size_gain] * 2)

    def forward(self, outputs: Tensor, targets: Tensor, usual: Tensor) -> Tensor:
        """Return losses of shape (n,), of boxes as `SceneBatches` gives them."""
        logits, boxes = outputs[:, :-OF_A_BOX], outputs[:, -OF_A_BOX:]
        true = centre_maps(
            targets, logits.shape[1:], self.stride, usual, self.radius, self.around
        )
        loss = self._of_centres(logits, true.bells)
        wrong = (boxes - true.boxes).abs() * true.weights[:, None]
        loss = loss + wrong.sum(dim=(2, 3)) @ self.gains.to(wrong.device)
        # Scenes with many objects count more, those without any do not count for many.
        return loss / true.n_objects.float().mean().clamp_min(1.0)

    def _of_centres(self, logits: Tensor, bells: Tensor) -> Tensor:
        shares = logits.sigmoid()
        at_centres = (1 - shares) ** FOCUS * nn.functional.logsigmoid(logits)
        # Near centres, it is less wrong to see one.
        elsewhere = (
            (1 - bells) ** REDUCED * shares**FOCUS * nn.functional.logsigmoid(-logits)
        )
        return -torch.where(bells == 1, at_centres, elsewhere).sum(dim=(1, 2, 3))


class DetectorNet(MapNet):
    """A skorch net that finds objects in images of any size.

    Images are an array, or a sequence of arrays of several sizes. It learns from random
    square scenes of them.

    Parameters
    ----------
    labels : sequence or None, default=None
        All labels, sorted. None stands for those of y.
    patch : int, default=64
        Side of a scene, in pixels of reduced images.
    changes : dict or None, default=None
        How scenes vary, see `sknevo.builders.networks._scenes.SceneBatches`. None
        stands for not at all.
    suppression : float, default=0.5
        The intersection over union of two boxes of a class above which only the more
        probable one is predicted.
    min_score : float, default=0.05
        What the probability of a predicted box must reach.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    usual_sides_ : ndarray of shape (2,)
        Median width and height of boxes, in pixels.
    """

    answer = "maps"

    def __init__(
        self,
        module: Any,
        *args: Any,
        labels: Sequence[Any] | None = None,
        patch: int = 64,
        changes: Mapping[str, Any] | None = None,
        suppression: float = 0.5,
        min_score: float = 0.05,
        **parameters: Any,
    ) -> None:
        super().__init__(module, *args, **parameters)
        self.labels = labels
        self.patch = patch
        self.changes = changes
        self.suppression = suppression
        self.min_score = min_score

    # Boxes.

    def learn_targets(self, y: Any) -> int:
        labels = self.labels
        if labels is None:
            labels = np.unique(np.concatenate([one["labels"] for one in y]))
        self.classes_ = np.asarray(labels)
        boxes = np.concatenate([one["boxes"] for one in y])
        sides = boxes[:, 2:] - boxes[:, :2]
        self.usual_sides_ = np.median(sides, axis=0) if len(sides) else np.ones(2)
        return self._n_outputs

    @property
    def _n_outputs(self) -> int:
        return len(self.classes_) + OF_A_BOX

    def encode(self, y: Any) -> list[np.ndarray]:
        """Return the boxes of each image, in reduced pixels, with codes of classes."""
        return [
            np.column_stack(
                [
                    one["boxes"] / self._reduction,
                    np.searchsorted(self.classes_, one["labels"]),
                ]
            )
            for one in y
        ]

    @property
    def _reduction(self) -> int:
        return self.get_params_for("module")["genes"]["network"]["reduction"]

    def _usual(self, pixel: int) -> Tensor:
        """Return the usual width and height, in units of so many pixels."""
        sides = self.usual_sides_ / pixel
        return torch.as_tensor(sides, dtype=torch.float32, device=self.device)

    # Training.

    def get_split_datasets(self, X: Any, y: Any = None, **_: Any) -> tuple[Any, None]:
        weights = np.asarray(self._weights, float)
        images = [self._reduced(image) for image in X]
        weights = as_tensor(weights / weights.mean(), self.device)
        return [images, self.encode(y), weights], None

    def _reduced(self, image: np.ndarray) -> Tensor:
        found = self.module_.reduced(as_tensor(image[None]).to(self.device))[0].cpu()
        are_bytes = np.asarray(image).dtype == np.uint8
        return found.round().to(torch.uint8) if are_bytes else found.float()

    def batches(self, dataset: Any, epoch: int) -> SceneBatches:
        images, boxes, weights = dataset
        sides = np.mean([image.shape[1:] for image in images], axis=0)
        n_scenes = len(images) * patches_per_image(sides, self.patch)
        draws = rows_of_epoch(epoch, n_scenes, self.random_state).numpy()
        still = {"mosaic": 0.0, "zoom": 0.0, "flip": False, "turn": False}
        return SceneBatches(
            images,
            boxes,
            weights,
            draws % len(images),
            (self.random_state, PLACES, epoch),
            side=self.patch,
            size=self.batch_size,
            fill=self.module_.standardise.mean.cpu(),
            changes={**still, **(self.changes or {})},
            device=self.device,
        )

    def losses(self, outputs: Any, targets: Any) -> Tensor:
        return self.criterion_(outputs, targets, self._usual(self._reduction))

    def chance_loss(self, batches: SceneBatches) -> float:
        """Return the loss of the best of some constants on the first batch."""
        scenes, targets, weights = next(iter(batches))
        stride = self.criterion_.stride
        shape = [-(-side // stride) for side in scenes.shape[2:]]
        outputs = torch.zeros(len(scenes), self._n_outputs, *shape)
        outputs = outputs.to(self.device)
        found = []
        for logit in range(-9, 1):
            outputs[:, :-OF_A_BOX] = logit
            found.append(float((self.losses(outputs, targets) * weights).mean()))
        return min(found)

    # Predictions.

    @memory_errors()
    def predict(self, X: Any) -> list[dict[str, np.ndarray]]:
        """Return the objects in images.

        Parameters
        ----------
        X : array-like of shape (n_images, ...), or sequence of arrays
            Images.

        Returns
        -------
        list of dict
            Of each image, the most probable object first: `boxes` of shape (k, 4), x1,
            y1, x2, y2 in pixels, `labels` and `scores` of shape (k,).
        """
        answers = []
        for images in self._of_one_size(X):
            check_deadline()
            sides = images.shape[self._axis + 1 : self._axis + 3]
            with torch.inference_mode():
                maps = self.answered(self.infer(as_tensor(images)))
                answers += found_objects(
                    maps[:, :-OF_A_BOX],
                    maps[:, -OF_A_BOX:],
                    sides,
                    self.min_score,
                    self.suppression,
                    MOST_OBJECTS,
                )
        return [
            {
                "boxes": found.boxes.cpu().numpy(),
                "labels": self.classes_[found.codes.cpu().numpy()],
                "scores": found.scores.cpu().numpy(),
            }
            for found in answers
        ]

    def answered(self, outputs: Tensor) -> Tensor:
        """Return the probabilities of centres, and the box of each pixel."""
        stride = self.criterion_.stride * self._reduction
        usual = self._usual(1).to(outputs.device)  # a copy may be exported
        boxes = boxes_of(outputs[:, -OF_A_BOX:], stride, usual)
        return torch.cat([outputs[:, :-OF_A_BOX].sigmoid(), boxes], dim=1)

    # On another machine.

    def target_state(self) -> dict[str, Any]:
        return {
            "labels": self.classes_.tolist(),
            "usual_sides": self.usual_sides_.tolist(),
            "min_score": self.min_score,
        }

    def restore_targets(self, state: dict[str, Any]) -> int:
        self.classes_ = np.array(state["labels"])
        if self.classes_.dtype.kind not in "biuU" or not len(self.classes_):
            raise ValueError(f"its labels are {state['labels']}")
        self.usual_sides_ = np.array(state["usual_sides"], float)
        self.min_score = float(state["min_score"])
        return self._n_outputs


@dataclass(frozen=True)
class DetectorBuilder(NetworkBuilder):
    """Makes unfitted detectors of the genes of `sknevo.genomes.detector`.

    Parameters
    ----------
    labels : tuple or None, default=None
        All labels, sorted.
    min_score : float, default=0.05
        What the probability of a predicted box must reach.
    """

    module: ClassVar[type] = DetectionNetwork
    module_genes: ClassVar[tuple[str, ...]] = ("network", "augmentation")

    labels: tuple[Any, ...] | None = None
    min_score: float = 0.05

    def task(self, training: dict[str, Any]) -> tuple[type[Net], dict[str, Any]]:
        return DetectorNet, {
            "criterion": DetectionLoss,
            "patch": training["patch"],
            "labels": self.labels,
            "min_score": self.min_score,
        }

    def __call__(self, expressed: dict[str, Any], random_state: int) -> Net:
        net = super().__call__(expressed, random_state)
        centres = {f"criterion__{k}": v for k, v in expressed["centres"].items()}
        moves = ("mosaic", "zoom", "flip", "turn")
        return net.set_params(
            **centres,
            criterion__stride=expressed["network"]["output_stride"],
            suppression=expressed["decision"]["suppression"],
            changes={name: expressed["augmentation"][name] for name in moves},
        )

    def plan(self, expressed: dict[str, Any], n_outputs: int | None = None) -> UNetPlan:
        n_outputs = n_outputs or self.spec.n_classes + OF_A_BOX
        n_channels, patch = shape_of(self.spec)[0], expressed["training"]["patch"]
        return unet_plan(expressed["network"], n_channels, n_outputs, patch)

    def samples_per_epoch(self, expressed: dict[str, Any]) -> int:
        reduction = expressed["network"]["reduction"]
        sides = [-(-side // reduction) for side in shape_of(self.spec)[1:]]
        patch = expressed["training"]["patch"]
        return samples_per_epoch(self.spec.n_samples * patches_per_image(sides, patch))
