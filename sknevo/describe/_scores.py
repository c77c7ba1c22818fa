"""Scores in words: what a metric is called, and numbers as short text."""

import math

# Names of metrics that are not read well as they are.
METRICS = {
    "r2": "R²",
    "roc_auc": "ROC AUC",
    "f1": "F1",
    "mean_iou": "mean IoU",
    "mean_dice": "mean Dice",
    "object_f1": "F1 of objects",
}
# Units of costs, which are negated scores.
COSTS = {
    "fit_time": "seconds of training",
    "predict_time": "seconds of prediction per 1,000 samples",
    "n_parameters": "number of parameters",
    "size": "bytes when pickled",
}


def metric_label(name: str) -> str:
    """Return what texts and axes call a metric: the negated ones say so.

    Examples
    --------
    >>> [metric_label(name) for name in ("roc_auc", "neg_log_loss", "f1_macro")]
    ['ROC AUC', 'log loss, negated', 'f1 macro']
    """
    if name in COSTS:
        return COSTS[name]
    plain = name.removeprefix("neg_")
    label = METRICS.get(plain, plain.replace("_", " "))
    return label if plain == name else f"{label}, negated"


def score_text(score: float, error: float = math.nan) -> str:
    """Return a score as short text, with its standard error of two digits if known.

    Examples
    --------
    >>> score_text(0.95123, 0.00412), score_text(1234.5, 20.3), score_text(1.0, 0.0)
    ('0.9512 ± 0.0041', '1,234 ± 20', '1.0000 ± 0')
    >>> [score_text(score) for score in (0.9, -12.345, 1234567, 0.00012)]
    ['0.9000', '-12.35', '1,234,567', '1.20e-04']
    """
    if error > 0:
        digits = max(0, 1 - math.floor(math.log10(error)))
        return f"{score:,.{digits}f} ± {error:,.{digits}f}"
    return _alone(score) + (" ± 0" if error == 0 else "")


def _alone(score: float) -> str:
    if score and abs(score) < 1e-3:
        return f"{score:.2e}"
    if abs(score) >= 1000:
        return f"{score:,.0f}"
    return f"{score:.4f}" if abs(score) < 10 else f"{score:.2f}"
