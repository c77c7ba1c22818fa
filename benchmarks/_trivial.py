"""Evolved networks whose images are augmented by TrivialAugment, for comparison.

A module apart from coevolution.py, so that worker processes can import it.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torchvision.transforms import v2

from sknevo import EvolvedClassifier
from sknevo.builders.convnet import ConvNetBuilder
from sknevo.builders.networks._modules import Network

# The images of CIFAR, for which the ranges of TrivialAugment were made, have this side.
CIFAR_SIDE = 32


class TrivialAugment(nn.Module):
    """torchvision's TrivialAugmentWide for batches, with its own random generator.

    Images are shifted by up to their whole side, as those of CIFAR are. torchvision
    shifts by up to 32 pixels, which would move digits of 8 pixels out of the picture.

    Parameters
    ----------
    chunk : int
        Number of images of the shuffled batch that are changed in the same way: 1 is
        TrivialAugment proper, and a few are several times as fast.
    """

    def __init__(self, chunk):
        super().__init__()
        self.chunk = chunk
        self.transform = _Scaled()
        self.generator = None

    def forward(self, X):
        if not self.training:
            return X
        seed = torch.randint(2**31, (1,), generator=self.generator).item()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return torch.cat([self.transform(part) for part in X.split(self.chunk)])


class _Scaled(v2.TrivialAugmentWide):
    def _apply_image_or_video_transform(self, image, transform_id, magnitude, **how):
        if transform_id.startswith("Translate"):
            magnitude *= image.shape[-1] / CIFAR_SIDE
        return super()._apply_image_or_video_transform(
            image, transform_id, magnitude, **how
        )


class TrivialNetwork(Network):
    """A network that augments bytes before it standardises them."""

    def __init__(self, *args, chunk=1, **parameters):
        super().__init__(*args, **parameters)
        self.trivial = TrivialAugment(chunk)

    def forward(self, X):
        return super().forward(self.trivial(self.arrange(X)))


@dataclass(frozen=True)
class TrivialBuilder(ConvNetBuilder):
    chunk: int = 1

    def __call__(self, expressed, random_state):
        net = super().__call__(expressed, random_state)
        return net.set_params(module=TrivialNetwork, module__chunk=self.chunk)


class TrivialClassifier(EvolvedClassifier):
    """An EvolvedClassifier with TrivialAugment for the training images."""

    chunk = 1

    def _builder(self, spec, probabilities, final=False):
        return TrivialBuilder(spec, self.device, self.precision, final, self.chunk)
