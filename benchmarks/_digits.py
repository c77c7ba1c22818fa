"""MNIST for generators, and two Fréchet distances that judge them.

The distance "judge" uses the last hidden layer of a convolutional network. It was
trained on the real digits independently of the fitness; its accuracy is printed. The
distance "related" uses a feature space like that of the fitness, but with another seed
and trained with labels.
"""

import numpy as np
import torch

from sknevo.builders.convnet import ConvNetBuilder
from sknevo.builders.gan import feature_space
from sknevo.datasets import fetch_mnist
from sknevo.genomes.convnet import convnet, well_known
from sknevo.metrics import frechet_distance
from sknevo.records import Chromosome, DataSpec

SEED = 12345
AT_ONCE = 500


class _Judge:
    """A classifier of digits whose last hidden layer gives the features."""

    def __init__(self, X, y):
        spec = DataSpec("classification", len(X), 10, shape=X.shape[1:])
        genome, rng = convnet(spec), np.random.default_rng(SEED)
        known = genome.complete(well_known(spec)[0], rng)
        genes = Chromosome(known).expressed
        genes["training"]["batch_size"] = 128
        genes["dense"] = [
            {"units": 64, "normalisation": "none", "activation": "relu", "dropout": 0.0}
        ]
        self.classifier = ConvNetBuilder(spec, "cpu", "float32")(genes, SEED).fit(X, y)

    def __call__(self, X):
        network, seen = self.classifier.module_.eval(), []
        hook = network.head.register_forward_pre_hook(
            lambda _, inputs: seen.append(inputs[0])
        )
        with hook, torch.inference_mode():
            for part in torch.as_tensor(X).split(AT_ONCE):
                network(part)
        return torch.cat(seen).double().numpy()


class Digits:
    """Real digits, and the distances of generated ones to held-out ones."""

    def __init__(self, data_home, n_samples):
        known = {"data_home": data_home, "download_if_missing": False}
        train, test = (fetch_mnist(subset=part, **known) for part in ("train", "test"))
        self.X, y = train.images[:n_samples], train.target[:n_samples]
        self.judge = _Judge(self.X, y)
        related = feature_space(self.X, y, random_state=SEED)
        self.spaces = {"judge": self.judge, "related": related}
        self.real = {name: space(test.images) for name, space in self.spaces.items()}
        self.n = len(test.images)
        accuracy = self.judge.classifier.score(test.images, test.target)
        print(f"judge: accuracy {accuracy:.4f}")
        print(f"real: Fréchet distances {self._distances(self.X)}", flush=True)

    def judged(self, gan):
        """Return the distances of a generator, and the share of each digit."""
        images = gan.sample(self.n, random_state=1)
        counts = np.bincount(self.judge.classifier.predict(images), minlength=10)
        return self._distances(images), counts / self.n

    def _distances(self, images):
        return {
            name: round(frechet_distance(real, self.spaces[name](images)), 4)
            for name, real in self.real.items()
        }
