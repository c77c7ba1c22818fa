"""Multilayer perceptrons that keep the weights of their best epoch."""

import math
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sknevo.builders.pipeline._watched_rows import Rows, Watch
from sknevo.deadline import check_deadline

# Epochs at most, and so many without an improvement before training ends. Chosen, not
# measured.
MOST_EPOCHS, PATIENCE = 200, 16
# What the mean weights keep from epoch to epoch. Log-loss without and with it, learning
# rates of 0.001 and 0.003, on three tables: phoneme 0.291, 0.315 -> 0.295, 0.298;
# credit_g 0.582, 0.568 -> 0.575, 0.569; adult 0.354, 0.347 -> 0.343, 0.344.
AVERAGED = 0.8
# On more rows than these, batches and rates grow with the rows, from what the genes say
# to no more than these. With batches of 64 and a rate of 0.001 on one hand, 256 and
# 0.004 on the other, a fit took 1.49 and 0.44 s (ring), 1.57 and 1.22 (texture), 0.59
# and 0.22 (marketing), 1.31 and 0.55 (nassCDS), 0.92 and 0.49 (mn_police_use_of_force),
# 4.85 and 2.02 (complete); the log-loss was 0.111 and 0.112, 0.032 and 0.022, 1.798 and
# 1.802, 0.136 and 0.136, 0.678 and 0.676, 0.615 and 0.616.
SMALL_BATCH_ROWS, LARGE_BATCH, LARGE_RATE = 500, 256, 0.004
# An epoch has so many rows at most: of more rows, the next ones are in the next epoch.
# So training can end in time. Chosen, not measured.
MOST_ROWS = 200_000
# Epochs after which training usually stops, at a learning rate of 0.001. Chosen with
# the seconds below.
USUAL_EPOCHS = 50


def mlp_seconds(
    genes: dict[str, Any], n_rows: int, width: float, n_outputs: int
) -> float:
    """Return roughly how long a fit takes on one core.

    The factors were fitted to seconds on tables of 300 to 30,000 rows.
    """
    batch, rate = batch_and_rate(genes["batch_size"], genes["learning_rate"], n_rows)
    hidden = genes["width"]
    n_weights = hidden * (width + (genes["n_layers"] - 1) * hidden + n_outputs)
    step = 2.5e-4 + 4e-9 * n_weights + 2.5e-10 * batch * n_weights
    # Small learning rates take more epochs.
    epochs = USUAL_EPOCHS * np.sqrt(1e-3 / rate)
    return 0.02 + epochs * (2e-3 + np.ceil(n_rows / batch) * step)


def batch_and_rate(batch: int, rate: float, n_rows: int) -> tuple[int, float]:
    """Return the rows of a batch and the learning rate for a number of rows."""
    growth = np.clip(n_rows / SMALL_BATCH_ROWS, 1, max(1, LARGE_BATCH / batch))
    return round(growth * batch), max(rate, min(growth * rate, LARGE_RATE))


def make_mlp(
    classifies: bool, genes: dict[str, Any], random_state: int
) -> MLPClassifier | MLPRegressor:
    """Return the unfitted network that genes describe."""
    return (MLPClassifier if classifies else MLPRegressor)(
        hidden_layer_sizes=(genes["width"],) * genes["n_layers"],
        activation=genes["activation"],
        alpha=genes["alpha"],
        learning_rate_init=genes["learning_rate"],
        batch_size=genes["batch_size"],
        max_iter=MOST_EPOCHS,
        random_state=random_state,
    )


def fit_mlp(
    network: MLPClassifier | MLPRegressor, fitted: Rows, watch: Watch | None
) -> MLPClassifier | MLPRegressor:
    """Train a network; keep its weights after the epochs that are best by `watch`.

    These are `kept_`, by the number of epochs: one for each choice of the watch. All
    weights are running means over epochs, which are less noisy than the last ones.
    """
    X, n_rows = fitted.X.astype(np.float32, copy=False), fitted.X.shape[0]
    watched = None if watch is None else watch.rows.X.astype(np.float32, copy=False)
    seed = network.random_state
    batch, rate = batch_and_rate(network.batch_size, network.learning_rate_init, n_rows)
    # With a number, `partial_fit` would order the rows of each epoch alike.
    network.set_params(
        random_state=np.random.RandomState(seed),
        batch_size=min(batch, n_rows),
        learning_rate_init=rate,
    )
    options = {}
    if isinstance(network, MLPClassifier):
        options["classes"] = np.unique(fitted.y)
    mean: list[np.ndarray] = []
    kept: dict[int, list[np.ndarray]] = {}
    n_parts = math.ceil(n_rows / MOST_ROWS)
    for epoch in range(1, network.max_iter + 1):
        check_deadline()
        rows = slice(epoch % n_parts, None, n_parts)  # all of them, if they are few
        weights = None if fitted.weights is None else fitted.weights[rows]
        network.partial_fit(X[rows], fitted.y[rows], sample_weight=weights, **options)
        options = {}
        trained = _weights(network)
        # Early on all epochs count alike, or the random beginning would for long.
        share = max(1 - AVERAGED, 1 / epoch)
        mean = [
            (1 - share) * m + share * w
            for m, w in zip(mean or trained, trained, strict=True)
        ]
        if watch is None:
            continue
        _set_weights(network, mean)
        ends = watch.add_predicted(_predict(network, watched))
        _set_weights(network, trained)
        kept = {best: kept.get(best, mean) for best in watch.best.tolist()}
        if ends:
            break
    _set_weights(network, mean)
    del network._optimizer  # two numbers for each weight, and the last weights
    network.set_params(random_state=seed)
    network.kept_ = kept
    return network


def predict_mlp(
    network: MLPClassifier | MLPRegressor, X: Any, epochs: int | None
) -> np.ndarray:
    """Return predictions with the weights after one of the best numbers of epochs."""
    if epochs is not None:
        _set_weights(network, network.kept_[epochs])
    return _predict(network, X)


def keep_mlp(
    network: MLPClassifier | MLPRegressor, epochs: int
) -> MLPClassifier | MLPRegressor:
    """Keep the weights after one of the best numbers of epochs only."""
    _set_weights(network, network.kept_[epochs])
    network.kept_ = {}
    return network


def _predict(network: Any, X: Any) -> np.ndarray:
    classifies = isinstance(network, MLPClassifier)
    return network.predict_proba(X) if classifies else network.predict(X)


def _weights(network: Any) -> list[np.ndarray]:
    return [*network.coefs_, *network.intercepts_]


def _set_weights(network: Any, weights: list[np.ndarray]) -> None:
    n = len(network.coefs_)
    network.coefs_, network.intercepts_ = weights[:n], weights[n:]
