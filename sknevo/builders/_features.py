"""A feature space for generated samples: learned from the real ones, then frozen."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sknevo.builders._batches import as_tensor, statistics
from sknevo.builders._networks import Arrange, Network
from sknevo.fingerprints import fingerprint
from sknevo.interruption import check_deadline
from sknevo.metrics import StandardFeatures
from sknevo.sizes import image_shape

__all__ = ["FeatureNetwork", "feature_space"]

# Seconds on one core for images of 28 x 28.
STEPS, BATCH, LEARNING_RATE = 200, 64, 2e-3
FEATURES, AT_ONCE = 64, 512
N_TURNS = 4
MOST_SAMPLES = 20_000
CHANNELS = (8, 16, 32)
# Larger images are looked at in this size.
LARGEST_SIDE = 64
# A coarse picture of so many pixels a side is kept by the features.
COARSE = 7
# What the parts of the lesson weigh. Soundness little: at a weight of 1 a blur that
# nobody sees, and the faint noise of every generator, put an image far from all real
# ones; without it, blurred digits pass for real. Labels tell more than turns do.
LABELS, TURNS, SOUNDNESS, LOOK = 1.0, 0.3, 0.1, 5.0
NO_AUGMENTATION = dict.fromkeys(
    ("shift", "zoom", "rotate", "flip", "erase", "colour"), 0
)


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
        Of one sample, see `sknevo.sizes.image_shape`, if X is flattened.
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
    network = _network(X, tuple(sample_shape), n_classes, random_state).to(device)
    images = as_tensor(X, device)
    _Lesson(network, n_classes, images, codes, random_state).learn()
    return FeatureNetwork(network.cpu())


class FeatureNetwork:
    """A frozen network that gives features of images.

    Parameters
    ----------
    network : Network
        Trained; what its last layer is fed with are the features.
    """

    def __init__(self, network: Network) -> None:
        self.network = network.eval().requires_grad_(False)

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
        with torch.inference_mode():
            batches = [
                _features(self.network, _arranged(self.network, as_tensor(part)))
                for part in np.array_split(np.asarray(X), math.ceil(len(X) / AT_ONCE))
            ]
        return torch.cat(batches).double().numpy()

    @property
    def fingerprint(self) -> str:
        """A short name for this feature space: figures compare within one only."""
        weights = [value.numpy() for value in self.network.state_dict().values()]
        return fingerprint(*weights)

    def __repr__(self) -> str:
        return f"FeatureNetwork({self.fingerprint})"


def _network(X: Any, sample_shape: tuple[int, ...], n_classes: int, seed: int) -> Any:
    channels, height, width = image_shape(sample_shape)
    shorter = min(height, width, LARGEST_SIDE)
    blocks = []
    for n_channels in CHANNELS:
        if blocks and shorter <= COARSE:
            break
        pooling = "max" if shorter >= 2 else "none"
        blocks.append(
            {
                "channels": n_channels,
                "kernel": 3,
                "normalisation": "batch",
                "activation": "relu",
                "residual": False,
                "pooling": pooling,
                "dropout": 0.0,
            }
        )
        shorter //= 2
    dense = {"units": FEATURES, "normalisation": "none", "activation": "tanh"}
    genes = {
        "augmentation": NO_AUGMENTATION,
        "blocks": blocks,
        "bridge": "flatten",
        "dense": [dense | {"dropout": 0.0}],
    }
    seen = _seen_shape((channels, height, width))
    n_outputs = n_classes + len(DAMAGES) + channels * COARSE**2
    known = statistics(X, sample_shape)
    network = Network(genes, seen, n_outputs, **known, seed=seed)
    network.arrange = Arrange(sample_shape)
    network.seen_shape = seen
    return network


def _seen_shape(shape: tuple[int, int, int]) -> tuple[int, int, int]:
    channels, height, width = shape
    factor = max(1, math.ceil(max(height, width) / LARGEST_SIDE))
    return channels, max(1, height // factor), max(1, width // factor)


def _arranged(network: Network, X: Tensor) -> Tensor:
    """Return images as the convolutions see them."""
    images = network.standardise(network.arrange(X))
    if images.shape[1:] != network.seen_shape:
        images = F.adaptive_avg_pool2d(images, network.seen_shape[1:])
    return images


def _features(network: Network, images: Tensor) -> Tensor:
    channels_last = images.contiguous(memory_format=torch.channels_last)
    return network.dense(network.blocks(channels_last))


class _Lesson:
    """What the network learns, batch by batch."""

    def __init__(
        self,
        network: Network,
        n_classes: int,
        images: Tensor,
        codes: Tensor | None,
        seed: int,
    ) -> None:
        self.network = network
        self.images, self.codes = images, codes
        n_outputs = network.head.out_features
        self.parts = [n_classes, len(DAMAGES), n_outputs - n_classes - len(DAMAGES)]
        self.draw = torch.Generator(images.device).manual_seed(seed)

    def learn(self) -> None:
        optimizer = torch.optim.AdamW(self.network.parameters(), LEARNING_RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, LEARNING_RATE, total_steps=STEPS
        )
        self.network.train()
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
        images = _arranged(self.network, self.images[rows])
        if self.codes is not None:
            return images, self.codes[rows]
        turns = self._integers(0, N_TURNS)
        return _turned(images, turns), turns

    def _loss(self, images: Tensor, codes: Tensor) -> Tensor:
        kinds = self._integers(1, len(DAMAGES))
        both = torch.cat([images, self._damaged(images, kinds)])
        outputs = self.network.head(_features(self.network, both))
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
