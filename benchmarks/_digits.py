"""MNIST for generators, and who judges them.

The judge is a convolutional network that was trained on the real digits and has nothing
to do with the fitness (its accuracy is printed): the Fréchet distance is one of its
last layer. Beside it ("kin") the distance in a feature space as that of the fitness, of
another seed.
"""

import copy

import numpy as np
from torch import nn

from sknevo.builders._features import feature_space
from sknevo.builders.convnet import ConvNetBuilder
from sknevo.datasets import fetch_mnist
from sknevo.genomes.convnet import well_known
from sknevo.metrics import frechet_distance
from sknevo.records import DataSpec

SEED = 12345


class _Judge:
    """Tells digits apart; what its last layer sees are the features."""

    def __init__(self, X, y):
        spec = DataSpec("classification", len(X), 10, shape=X.shape[1:])
        genes = well_known(spec)[0]
        genes["dense"] = [
            {"units": 64, "normalisation": "none", "activation": "relu", "dropout": 0.0}
        ]
        self.classifier = ConvNetBuilder(spec, "cpu")(genes, SEED).fit(X, y)
        self.trunk = copy.deepcopy(self.classifier)
        self.trunk.module_.head = nn.Identity()
        self.predict, self.score = self.classifier.predict, self.classifier.score

    def __call__(self, X):
        return self.trunk.forward(X).double().numpy()


class Digits:
    """Real digits, and how far generated ones are from those nobody has seen."""

    def __init__(self, data_home, n_samples):
        known = {"data_home": data_home, "download_if_missing": False}
        train, test = (fetch_mnist(subset=part, **known) for part in ("train", "test"))
        self.X, y = train.images[:n_samples], train.target[:n_samples]
        self.judge = _Judge(self.X, y)
        kin = feature_space(self.X, y, random_state=SEED)
        self.spaces = {"judge": self.judge, "kin": kin}
        self.real = {name: space(test.images) for name, space in self.spaces.items()}
        self.n = len(test.images)
        accuracy = self.judge.score(test.images, test.target)
        print(f"judge: accuracy {accuracy:.4f}")
        print(f"real: Fréchet distances {self._distances(self.X)}", flush=True)

    def judged(self, gan):
        """Return the distances of a generator, and the share of each digit."""
        images = gan.sample(self.n, random_state=1)
        counts = np.bincount(self.judge.predict(images), minlength=10)
        return self._distances(images), counts / self.n

    def _distances(self, images):
        return {
            name: round(frechet_distance(real, self.spaces[name](images)), 4)
            for name, real in self.real.items()
        }
