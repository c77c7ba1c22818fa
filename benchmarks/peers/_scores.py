"""Held-out scores, higher is better. All methods are scored by this code."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    log_loss,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)


def held_out(predictions: dict[str, NDArray], y_test: NDArray, n_classes: int) -> dict:
    """Return the scores by name.

    `predictions` holds "values", of shape (n_test,), and of classifiers
    "probabilities", of shape (n_test, n_classes). Probabilities that are no numbers are
    an error.
    """
    values = predictions["values"]
    if len(values) != len(y_test):
        raise ValueError(f"{len(values)} predictions for {len(y_test)} rows.")
    if not n_classes:
        rmse = root_mean_squared_error(y_test, values)
        return {"r2": r2_score(y_test, values), "neg_rmse": -rmse}
    labels = values.astype(int)
    scores = {
        "balanced_accuracy": balanced_accuracy_score(y_test, labels),
        "accuracy": accuracy_score(y_test, labels),
    }
    if "probabilities" in predictions:
        # Single precision does not sum to one closely enough for scikit-learn.
        p = predictions["probabilities"].astype(float)
        p = p / p.sum(axis=1, keepdims=True)
        scores["neg_log_loss"] = -log_loss(y_test, p, labels=np.arange(n_classes))
        positive = p[:, 1] if n_classes == 2 else p
        scores["roc_auc"] = roc_auc_score(y_test, positive, multi_class="ovr")
    return scores
