"""A feature space for generated samples: learned from the real ones, then frozen."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sknevo.builders.networks._data import as_tensor, statistics
from sknevo.builders.networks._modules import Network
from sknevo.data_checks import fingerprint
from sknevo.deadline import check_deadline
from sknevo.metrics import StandardFeatures
from sknevo.network_plan import image_shape

__all__ = ["FeatureNetwork", "feature_space"]

# Seconds on one core for images of 28 x 28.
STEPS, BATCH, LEARNING_RATE = 200, 64, 2e-3
FEATURES, AT_ONCE = 64, 512
N_TURNS = 4
MOST_SAMPLES = 20_000
CHANNELS = (8, 16, 32)
# Larger images are looked at from so far away that no side is longer.
LARGEST_SIDE = 48
# A coarse picture of so many pixels a side is kept by the features.
COARSE = 7
# What the parts of the lesson weigh. Soundness little: at a weight of 1 a blur that
# nobody sees, and the faint noise of every generator, put an image far from all real
# ones; without it, blurred digits pass for real. Labels tell more than turns do.
LABELS, TURNS, SOUNDNESS, LOOK = 1.0, 0.3, 0.1, 5.0
BLOCK = {"kernel": 3, "normalisation": "batch", "activation": "relu"}
BLOCK |= {"residual": False, "dropout": 0.0}
# Bounded, so that no image is further away than another kind of image is.
DENSE = {"units": FEATURES, "normalisation": "none", "activation": "tanh"}
DENSE |= {"dropout": 0.0}


def feature_space(
    X: Any,
    y: Any = None,
    *,
    sample_shape: tuple[int, ...] | None = None,
    device: str = "cpu",
    random_state: int = 0,
) -> Any:
    """Learn the features that real and generated samples are compared by.

    Tables are their own features, standardised. Of images a small network learns, from
    the real ones alone,

    - what they show: their labels; without labels, by how much they are turned [1]_,
    - whether they are sound: blurred, noisy, blended and cut images are told from
      the others. Without that, a classifier takes a blurred digit for a good one,
    - what they look like: a coarse picture can be read off the features.

    It is frozen then, knows no generator, and is the same for the same data and seed.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...)
        Real samples, of which up to 20,000 are used.
    y : array-like of shape (n_samples,) or None, default=None
        Labels.
    sample_shape : tuple of int or None, default=None
        Of one sample, see `sknevo.network_plan.image_shape`, if X is flattened.
    device : str, default="cpu"
        What to learn on.
    random_state : int, default=0
        Seed; global generators are not touched.

    Returns
    -------
    callable
        Takes samples, returns an ndarray of shape (n_samples, n_features); has a
        `fingerprint`.

    References
    ----------
    .. [1] Gidaris, S., Singh, P., & Komodakis, N. (2018). Unsupervised Representation
       Learning by Predicting Image Rotations. ICLR.
    """
    sample_shape = np.shape(X)[1:] if sample_shape is None else sample_shape
    if len(sample_shape) == 1:
        return StandardFeatures.of(X)
    step = math.ceil(len(X) / MOST_SAMPLES)
    X, y = X[::step], None if y is None else np.asarray(y)[::step]
    codes, n_classes = None, N_TURNS
    if y is not None:
        classes, codes = np.unique(y, return_inverse=True)
        codes, n_classes = torch.as_tensor(codes, device=device), len(classes)
    shape, n_answers = tuple(sample_shape), n_classes + len(DAMAGES)
    eye = _Eye(shape, n_answers, **statistics(X, shape), seed=random_state).to(device)
    _Lesson(eye, n_classes, as_tensor(X, device), codes, random_state).learn()
    return FeatureNetwork(eye)


class FeatureNetwork:
    """A frozen network that gives features of images.

    Parameters
    ----------
    eye : _Eye
        Trained.
    """

    def __init__(self, eye: "_Eye") -> None:
        self.eye = eye.cpu().eval().requires_grad_(False)

    def __call__(self, X: Any) -> np.ndarray:
        """Return the features of images.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Images, in the layout and the range of the real ones.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        X = np.asarray(X)
        batches = [X[i : i + AT_ONCE] for i in range(0, len(X), AT_ONCE)]
        with torch.inference_mode():
            features = [
                self.eye.features(self.eye.look(as_tensor(batch))) for batch in batches
            ]
        return torch.cat(features).double().numpy()

    @property
    def fingerprint(self) -> str:
        """A short name for this feature space: figures compare within one only."""
        return fingerprint(*(value.numpy() for value in self.eye.state_dict().values()))

    def __repr__(self) -> str:
        return f"FeatureNetwork({self.fingerprint})"


class _Eye(nn.Module):
    """Looks at images, describes them by features, and says something of each."""

    def __init__(
        self,
        sample_shape: tuple[int, ...],
        n_answers: int,
        mean: Tensor,
        scale: Tensor,
        seed: int,
    ) -> None:
        super().__init__()
        channels, *sides = image_shape(sample_shape)
        # Sides that differ much stay in proportion; none vanishes.
        factor = max(1, math.ceil(max(sides) / LARGEST_SIDE))
        self.sides = tuple(max(1, side // factor) for side in sides)
        self.network = Network(
            _genes(self.sides),
            sample_shape,
            n_answers + channels * COARSE**2,
            mean,
            scale,
            seed,
            (channels, *self.sides),
        )

    def look(self, X: Tensor) -> Tensor:
        """Return images standardised, and no larger than need be."""
        images = self.network.standardise(self.network.arrange(X))
        if images.shape[2:] != self.sides:
            images = F.adaptive_avg_pool2d(images, self.sides)
        return images.contiguous(memory_format=torch.channels_last)

    def features(self, images: Tensor) -> Tensor:
        return self.network.dense(self.network.blocks(images))

    def forward(self, images: Tensor) -> Tensor:
        return self.network.head(self.features(images))


def _genes(sides: tuple[int, ...]) -> dict[str, Any]:
    """Return a network that halves images until they are as small as COARSE."""
    blocks: list[dict[str, Any]] = []
    shorter = min(sides)
    for channels in CHANNELS:
        pooling = "max" if shorter >= 2 else "none"
        blocks.append({**BLOCK, "channels": channels, "pooling": pooling})
        shorter //= 2
        if shorter < COARSE:
            break
    still = dict.fromkeys(("shift", "zoom", "rotate", "flip", "erase", "colour"), 0)
    return {
        "augmentation": still,
        "blocks": blocks,
        "bridge": "flatten",
        "dense": [DENSE],
    }


class _Lesson:
    """What the eye learns, batch by batch."""

    def __init__(
        self,
        eye: _Eye,
        n_classes: int,
        images: Tensor,
        codes: Tensor | None,
        seed: int,
    ) -> None:
        self.eye = eye
        self.images, self.codes = images, codes
        n_outputs = eye.network.head.out_features
        self.parts = [n_classes, len(DAMAGES), n_outputs - n_classes - len(DAMAGES)]
        self.draw = torch.Generator(images.device).manual_seed(seed)

    def learn(self) -> None:
        optimizer = torch.optim.AdamW(self.eye.parameters(), LEARNING_RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, LEARNING_RATE, total_steps=STEPS
        )
        self.eye.train()
        for _ in range(STEPS):
            check_deadline()
            optimizer.zero_grad()
            self._loss(*self._batch()).backward()
            optimizer.step()
            schedule.step()

    def _integers(self, low: int, high: int) -> Tensor:
        device = self.images.device
        return torch.randint(low, high, (BATCH,), generator=self.draw, device=device)

    def _batch(self) -> tuple[Tensor, Tensor]:
        """Draw images, turned unless they have labels, and what they show."""
        rows = self._integers(0, len(self.images))
        images = self.eye.look(self.images[rows])
        if self.codes is not None:
            return images, self.codes[rows]
        turns = self._integers(0, N_TURNS)
        return _turned(images, turns), turns

    def _loss(self, images: Tensor, codes: Tensor) -> Tensor:
        kinds = self._integers(1, len(DAMAGES))
        both = torch.cat([images, self._damaged(images, kinds)])
        outputs = self.eye(both)
        shown, soundness, look = outputs.split(self.parts, dim=1)
        kinds = torch.cat([torch.zeros_like(kinds), kinds])
        coarse = F.adaptive_avg_pool2d(images, COARSE).flatten(1)
        return (
            (TURNS if self.codes is None else LABELS)
            * F.cross_entropy(shown[:BATCH], codes)
            + SOUNDNESS * F.cross_entropy(soundness, kinds)
            + LOOK * F.mse_loss(look[:BATCH], coarse)
        )

    def _damaged(self, images: Tensor, kinds: Tensor) -> Tensor:
        draw = {"generator": self.draw, "device": images.device}
        strength = torch.rand(len(images), 1, 1, 1, **draw)
        noise = torch.randn(images.shape, **draw)
        versions = [damage(images, strength, noise) for damage in DAMAGES]
        return torch.stack(versions)[kinds, torch.arange(len(images))]


def _turned(images: Tensor, quarters: Tensor) -> Tensor:
    """Turn each image by its own number of right angles."""
    square = images.shape[2] == images.shape[3]
    # What is not square is turned upside down, mirrored, or both.
    versions = [images, images.rot90(2, (2, 3))]
    if square:
        versions += [images.rot90(1, (2, 3)), images.rot90(3, (2, 3))]
    else:
        versions += [images.flip(2), images.flip(3)]
    return torch.stack(versions)[quarters, torch.arange(len(images))]


def _sound(images: Tensor, strength: Tensor, noise: Tensor) -> Tensor:
    return images


def _blurred(images: Tensor, strength: Tensor, noise: Tensor) -> Tensor:
    smooth = images
    for _ in range(3):
        smooth = F.avg_pool2d(smooth, 3, 1, padding=1, count_include_pad=False)
    return torch.lerp(images, smooth, 0.4 + 0.6 * strength)


def _noisy(images: Tensor, strength: Tensor, noise: Tensor) -> Tensor:
    return images + (0.2 + 0.8 * strength) * noise


def _blended(images: Tensor, strength: Tensor, noise: Tensor) -> Tensor:
    return torch.lerp(images, images.roll(1, 0), 0.3 + 0.4 * strength)


def _cut(images: Tensor, strength: Tensor, noise: Tensor) -> Tensor:
    """Exchange two halves of the image."""
    return images.roll(images.shape[2] // 2, 2)


# The first is none.
DAMAGES = (_sound, _blurred, _noisy, _blended, _cut)
