"""A feature space for generated samples: learned from the real ones, then frozen."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sknevo.builders.networks._data import as_tensor, statistics
from sknevo.builders.networks._devices import own_settings
from sknevo.builders.networks._modules import Network
from sknevo.builders.networks._trainer import Trainer
from sknevo.data_checks import fingerprint, random_rows
from sknevo.metrics import StandardFeatures
from sknevo.network_plan import image_shape

# Training takes seconds on one core for images of 28 x 28. What the features then find
# is measured by benchmarks/emulated_generators.py (doc/generative.md).
N_STEPS, BATCH_SIZE, LEARNING_RATE = 200, 64, 2e-3
MAX_SAMPLES = 20_000
# The network: channels of its blocks, and features.
CHANNELS, N_FEATURES = (8, 16, 32), 64
# Images that pass the trained network at once.
CHUNK_SIZE = 512
N_ROTATIONS = 4
# Larger images are reduced until no side is longer; chosen, not measured.
LARGEST_SIDE = 48
# Side of the coarse image that is reconstructed from the features.
COARSE_SIDE = 7
# Weights of the pretext tasks. That of corruptions is small: at a weight of 1 a blur
# that cannot be seen, and the faint noise of every generator, put an image far from all
# real ones; without it, blurred digits pass for real. Labels tell more than rotations.
LABEL_WEIGHT, ROTATION_WEIGHT, CORRUPTION_WEIGHT = 1.0, 0.3, 0.1
RECONSTRUCTION_WEIGHT = 5.0
BLOCK = {"kernel": 3, "normalisation": "batch", "activation": "relu"}
# Bounded, so that no image is further away than another kind of image is.
DENSE = {"units": N_FEATURES, "activation": "tanh"}


@own_settings()
def feature_space(
    X: Any,
    y: Any = None,
    *,
    sample_shape: tuple[int, ...] | None = None,
    channels: str = "auto",
    device: str = "cpu",
    random_state: int = 0,
) -> Any:
    """Learn the features that real and generated samples are compared by.

    The features of tables are their columns, standardised. Those of images are learned
    by a small network from the real images alone. It is trained on pretext tasks:

    - to tell the labels; without labels, by how much an image is rotated [1]_,
    - to tell blurred, noisy, blended and cut images from the others: without that, a
      classifier takes a blurred digit for a good one,
    - to reconstruct a coarse image from the features.

    Then it is frozen. It knows no generator, and is the same for the same data and
    seed.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...)
        Real samples, of which up to 20,000 are used, drawn at random.
    y : array-like of shape (n_samples,) or None, default=None
        Labels.
    sample_shape : tuple of int or None, default=None
        Of one sample, see `sknevo.network_plan.image_shape`, if X is flattened.
    channels : {"auto", "first", "last"}, default="auto"
        Where the channels are in the shape of a sample.
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

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.builders.gan import feature_space
    >>> features = feature_space(np.array([[0.0, 10.0], [2.0, 30.0]]))
    >>> features([[1.0, 20.0]]).tolist()
    [[0.0, 0.0]]
    """
    sample_shape = np.shape(X)[1:] if sample_shape is None else tuple(sample_shape)
    if len(sample_shape) == 1:
        return StandardFeatures.of(X)
    rows = random_rows(len(X), MAX_SAMPLES)
    X, y = X[rows], None if y is None else np.asarray(y)[rows]
    codes, n_classes = None, N_ROTATIONS
    if y is not None:
        classes, codes = np.unique(y, return_inverse=True)
        codes, n_classes = torch.as_tensor(codes, device=device), len(classes)
    known = statistics(X, sample_shape, channels=channels)
    n_answers = n_classes + len(CORRUPTIONS)
    encoder = _Encoder(sample_shape, channels, n_answers, **known, seed=random_state)
    tasks = _PretextTasks(
        encoder.to(device), n_classes, as_tensor(X, device), codes, random_state
    )
    tasks.train()
    return FeatureNetwork(encoder)


class FeatureNetwork:
    """A frozen encoder: takes images, returns features."""

    def __init__(self, encoder: "_Encoder") -> None:
        self.encoder = encoder.cpu().eval().requires_grad_(False)

    @own_settings()
    def __call__(self, X: Any) -> np.ndarray:
        """Return features (n_samples, n_features) of images like the real ones."""
        X = np.asarray(X)
        chunks = [X[i : i + CHUNK_SIZE] for i in range(0, len(X), CHUNK_SIZE)]
        with torch.inference_mode():
            features = [
                self.encoder.features(self.encoder.prepare(as_tensor(chunk)))
                for chunk in chunks
            ]
        return torch.cat(features).double().numpy()

    @property
    def fingerprint(self) -> str:
        """A short name for this feature space: figures compare within one only."""
        state = self.encoder.state_dict()
        return fingerprint(*(value.numpy() for value in state.values()))

    def __repr__(self) -> str:
        return f"FeatureNetwork({self.fingerprint})"


class _Encoder(nn.Module):
    """A small network with features, and answers to the pretext tasks."""

    def __init__(
        self,
        sample_shape: tuple[int, ...],
        channels: str,
        n_answers: int,
        mean: Tensor,
        scale: Tensor,
        seed: int,
    ) -> None:
        super().__init__()
        n_channels, *sides = image_shape(sample_shape, channels)
        # Sides that differ much stay in proportion; none vanishes.
        factor = max(1, math.ceil(max(sides) / LARGEST_SIDE))
        self.sides = tuple(max(1, side // factor) for side in sides)
        self.network = Network(
            _genes(self.sides),
            sample_shape,
            n_answers + n_channels * COARSE_SIDE**2,
            mean,
            scale,
            channels,
            seed,
            (n_channels, *self.sides),
        )

    def prepare(self, X: Tensor) -> Tensor:
        """Return images standardised, and reduced if they are large."""
        images = self.network.standardise(self.network.arrange(X))
        if images.shape[2:] != self.sides:
            images = F.adaptive_avg_pool2d(images, self.sides)
        return images.contiguous(memory_format=torch.channels_last)

    def features(self, images: Tensor) -> Tensor:
        return self.network.dense(self.network.blocks(images))

    def forward(self, images: Tensor) -> Tensor:
        return self.network.head(self.features(images))


def _genes(sides: tuple[int, ...]) -> dict[str, Any]:
    """Return a network that halves images until they are as small as coarse ones."""
    blocks: list[dict[str, Any]] = []
    shorter = min(sides)
    for channels in CHANNELS:
        pooling = "max" if shorter >= 2 else "none"
        blocks.append({**BLOCK, "channels": channels, "pooling": pooling})
        shorter //= 2
        if shorter < COARSE_SIDE:
            break
    return {"blocks": blocks, "head_pooling": "flatten", "dense": [DENSE]}


class _PretextTasks:
    """What the encoder is trained on: labels or rotations, corruptions, a coarse image.

    Parameters
    ----------
    codes : Tensor of shape (n_images,) or None
        Labels; without them, rotations are predicted.
    """

    def __init__(
        self,
        encoder: _Encoder,
        n_classes: int,
        images: Tensor,
        codes: Tensor | None,
        seed: int,
    ) -> None:
        self.encoder = encoder
        self.images, self.codes = images, codes
        n_coarse = encoder.network.head.out_features - n_classes - len(CORRUPTIONS)
        self.parts = [n_classes, len(CORRUPTIONS), n_coarse]
        self.rng = torch.Generator(images.device).manual_seed(seed)

    def train(self) -> None:
        optimizer = torch.optim.AdamW(self.encoder.parameters(), LEARNING_RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, LEARNING_RATE, total_steps=N_STEPS
        )
        trainer = Trainer([optimizer])
        with trainer.training(self.rng, self.encoder):
            for _ in trainer.steps(range(N_STEPS)):
                trainer.minimise(self._loss(*self._batch()), optimizer)
                schedule.step()

    def _integers(self, low: int, high: int) -> Tensor:
        size, device = (BATCH_SIZE,), self.images.device
        return torch.randint(low, high, size, generator=self.rng, device=device)

    def _batch(self) -> tuple[Tensor, Tensor]:
        """Return images, rotated unless they have labels, and their codes."""
        rows = self._integers(0, len(self.images))
        images = self.encoder.prepare(self.images[rows])
        if self.codes is not None:
            return images, self.codes[rows]
        quarters = self._integers(0, N_ROTATIONS)
        return _rotated(images, quarters), quarters

    def _loss(self, images: Tensor, codes: Tensor) -> Tensor:
        kinds = self._integers(1, len(CORRUPTIONS))
        both = torch.cat([images, self._corrupted(images, kinds)])
        label, corruption, image = self.encoder(both).split(self.parts, dim=1)
        kinds = torch.cat([torch.zeros_like(kinds), kinds])
        coarse = F.adaptive_avg_pool2d(images, COARSE_SIDE).flatten(1)
        return (
            (ROTATION_WEIGHT if self.codes is None else LABEL_WEIGHT)
            * F.cross_entropy(label[:BATCH_SIZE], codes)
            + CORRUPTION_WEIGHT * F.cross_entropy(corruption, kinds)
            + RECONSTRUCTION_WEIGHT * F.mse_loss(image[:BATCH_SIZE], coarse)
        )

    def _corrupted(self, images: Tensor, kinds: Tensor) -> Tensor:
        options = {"generator": self.rng, "device": images.device}
        strength = torch.rand(len(images), 1, 1, 1, **options)
        noise = torch.randn(images.shape, **options)
        versions = [corrupt(images, strength, noise) for corrupt in CORRUPTIONS]
        return torch.stack(versions)[kinds, torch.arange(len(images))]


def _rotated(images: Tensor, quarters: Tensor) -> Tensor:
    """Rotate each image by its own number of right angles."""
    versions = [images, images.rot90(2, (2, 3))]
    if images.shape[2] == images.shape[3]:
        versions += [images.rot90(1, (2, 3)), images.rot90(3, (2, 3))]
    else:  # upside down, mirrored, or both
        versions += [images.flip(2), images.flip(3)]
    return torch.stack(versions)[quarters, torch.arange(len(images))]


def _blurred(images: Tensor, strength: Tensor, noise: Tensor) -> Tensor:
    smooth = images
    for _ in range(3):
        smooth = F.avg_pool2d(smooth, 3, 1, padding=1, count_include_pad=False)
    return torch.lerp(images, smooth, 0.4 + 0.6 * strength)


# Each takes images, strengths in [0, 1] and normal noise. The first leaves images as
# they are, the last exchanges two halves of an image.
CORRUPTIONS = (
    lambda images, strength, noise: images,
    _blurred,
    lambda images, strength, noise: images + (0.2 + 0.8 * strength) * noise,
    lambda images, strength, noise: images.lerp(
        images.roll(1, 0), 0.3 + 0.4 * strength
    ),
    lambda images, strength, noise: images.roll(images.shape[2] // 2, 2),
)
