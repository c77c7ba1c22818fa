"""Networks that predict numbers: scaled targets, losses, and the builder of nets."""

import math
from typing import Any

import numpy as np
import torch
from skorch import NeuralNetRegressor
from torch import Tensor

from sknevo.builders.networks._builder import NetworkBuilder
from sknevo.builders.networks._net import Net
from sknevo.data_checks import mean_and_std

__all__ = ["ConvNetRegressorBuilder", "RegressorNet"]

LOSSES = {
    "squared": torch.nn.MSELoss,
    "absolute": torch.nn.L1Loss,
    "huber": torch.nn.HuberLoss,  # linear from one scale of the targets on
}
# The interquartile range of a normal distribution of variance 1.
NORMAL_RANGE = 1.349
# Predictions are undone from within so many scales: sinh of more overflows.
MOST_SCALES = 100


class RegressorNet(Net, NeuralNetRegressor):
    """A skorch regressor of a network, which learns scaled targets.

    Parameters
    ----------
    target_scaling : {"standard", "robust", "asinh"}, default="standard"
        By mean and standard deviation, by median and interquartile range, or the latter
        and then the inverse hyperbolic sine, which shortens long tails.
    """

    answer = "values"

    def __init__(
        self,
        module: Any,
        *args: Any,
        target_scaling: str = "standard",
        **parameters: Any,
    ) -> None:
        super().__init__(module, *args, **parameters)
        self.target_scaling = target_scaling

    def learn_targets(self, y: Any) -> int:
        y = np.asarray(y, float)
        self.centre_, self.scale_ = map(float, mean_and_std(y, self._weights))
        if self.target_scaling != "standard":
            low, middle, high = map(float, np.quantile(y, [0.25, 0.5, 0.75]))
            self.centre_ = middle
            # More than half of the targets may be equal.
            self.scale_ = (high - low) / NORMAL_RANGE or self.scale_
        return 1

    def encode(self, y: Any) -> Tensor:
        scaled = (np.asarray(y, float) - self.centre_) / (self.scale_ or 1.0)
        if self.target_scaling == "asinh":
            scaled = np.arcsinh(scaled)
        return torch.as_tensor(scaled, dtype=torch.float32, device=self.device)

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.criterion_(outputs[:, 0], targets)

    def guess(self, targets: Tensor, weights: Tensor) -> Tensor:
        """Return the mean or the median, whichever has the smaller loss."""
        order = targets.argsort()
        shares = weights[order].cumsum(0)
        middle = torch.searchsorted(shares, shares[-1] / 2)
        median, mean = targets[order][middle], (targets * weights).mean()
        guesses = [one.expand(len(targets), 1) for one in (mean, median)]
        means = [(self.losses(guess, targets) * weights).mean() for guess in guesses]
        return guesses[int(means[1] < means[0])]

    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted number of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        scaled = self.predict_proba(X)[:, 0].astype(float)
        if self.target_scaling == "asinh":
            scaled = np.sinh(np.clip(scaled, -MOST_SCALES, MOST_SCALES))
        return scaled * self.scale_ + self.centre_

    def answered(self, outputs: Tensor) -> Tensor:
        scaled = outputs[:, 0].double()
        if self.target_scaling == "asinh":
            scaled = scaled.clip(-MOST_SCALES, MOST_SCALES)
            # sinh, which not all runtimes have for double precision.
            scaled = (torch.exp(scaled) - torch.exp(-scaled)) / 2
        return scaled * self.scale_ + self.centre_

    def target_state(self) -> dict[str, Any]:
        return {"centre": self.centre_, "scale": self.scale_}

    def restore_targets(self, state: dict[str, Any]) -> int:
        self.centre_, self.scale_ = float(state["centre"]), float(state["scale"])
        if not math.isfinite(self.centre_) or not math.isfinite(self.scale_):
            raise ValueError(f"its targets are scaled by {state}")
        return 1


class ConvNetRegressorBuilder(NetworkBuilder):
    """Makes unfitted regressors of the genes of `sknevo.genomes.convnet_regressor`."""

    def task(self, training: dict[str, Any]) -> tuple[type[Net], dict[str, Any]]:
        return RegressorNet, {
            "criterion": LOSSES[training["loss"]],
            "target_scaling": training["target_scaling"],
        }
