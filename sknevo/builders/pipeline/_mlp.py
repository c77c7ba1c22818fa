"""Multilayer perceptrons that keep the weights of their best epoch."""

from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sknevo.builders.pipeline._parts import Part, Watch
from sknevo.deadline import check_deadline

# Epochs at most, and so many without an improvement before training ends. Chosen, not
# measured.
MOST_EPOCHS, PATIENCE = 200, 16
# What the mean weights keep from epoch to epoch. Log-loss without and with it, learning
# rates of 0.001 and 0.003, on three tables: phoneme 0.291, 0.315 -> 0.295, 0.298;
# credit_g 0.582, 0.568 -> 0.575, 0.569; adult 0.354, 0.347 -> 0.343, 0.344.
AVERAGED = 0.8
# Epochs after which training usually stops, at a learning rate of 0.001. Chosen with
# the seconds below.
USUAL_EPOCHS = 50


def mlp_seconds(
    genes: dict[str, Any], n_rows: int, width: float, n_outputs: int
) -> float:
    """Return roughly how long a fit takes on one core.

    The factors were fitted to seconds on tables of 300 to 30,000 rows.
    """
    hidden = genes["width"]
    n_weights = hidden * (width + (genes["n_layers"] - 1) * hidden + n_outputs)
    steps = np.ceil(n_rows / genes["batch_size"])
    step = 2.5e-4 + 4e-9 * n_weights + 2.5e-10 * genes["batch_size"] * n_weights
    # Small learning rates take more epochs.
    epochs = USUAL_EPOCHS * np.sqrt(1e-3 / genes["learning_rate"])
    return 0.02 + epochs * (2e-3 + steps * step)


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
    network: MLPClassifier | MLPRegressor, fitted: Part, watch: Watch | None
) -> None:
    """Train a network in place, with the weights that `watch` chooses at hand.

    Its weights are running means over epochs, which are less noisy than the last ones.
    """
    X = np.asarray(fitted.X, np.float32)
    watched = None if watch is None else np.asarray(watch.rows.X, np.float32)
    seed = network.random_state
    # With a number, `partial_fit` would order the rows of each epoch alike.
    network.set_params(
        random_state=np.random.RandomState(seed),
        batch_size=min(network.batch_size, len(X)),
    )
    options = {}
    if isinstance(network, MLPClassifier):
        options["classes"] = np.unique(fitted.y)
    mean: list[np.ndarray] = []
    kept: dict[int, list[np.ndarray]] = {}
    for epoch in range(1, network.max_iter + 1):
        check_deadline()
        network.partial_fit(X, fitted.y, sample_weight=fitted.weights, **options)
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
    network.set_params(random_state=seed)
    network.kept_ = kept


def predict_mlp(
    network: MLPClassifier | MLPRegressor, X: Any, epochs: int | None = None
) -> np.ndarray:
    """Return predictions with the weights after one of the best numbers of epochs."""
    if epochs is not None:
        _set_weights(network, network.kept_[epochs])
    return _predict(network, X)


def keep_mlp(network: MLPClassifier | MLPRegressor, epochs: int) -> None:
    """Keep the weights after one of the best numbers of epochs only."""
    _set_weights(network, network.kept_[epochs])
    network.kept_ = {}


def _predict(network: Any, X: Any) -> np.ndarray:
    classifies = isinstance(network, MLPClassifier)
    return network.predict_proba(X) if classifies else network.predict(X)


def _weights(network: Any) -> list[np.ndarray]:
    return [*network.coefs_, *network.intercepts_]


def _set_weights(network: Any, weights: list[np.ndarray]) -> None:
    n = len(network.coefs_)
    network.coefs_, network.intercepts_ = weights[:n], weights[n:]
