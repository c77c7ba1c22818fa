"""What makes a search the same search, as the journal's head has it."""

import re
from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator

from sknevo.data_checks import fingerprint
from sknevo.estimators._parameters import journal_parameters
from sknevo.evaluation import Trial

if TYPE_CHECKING:
    from sknevo.estimators._base import BaseEvolved

__all__ = ["identity"]


def identity(estimator: "BaseEvolved", trial: Trial) -> dict[str, Any]:
    """Return all that evaluations depend on.

    Parameters
    ----------
    estimator : BaseEvolved
        With the `genome_` of this search.
    trial : Trial
        How individuals are tried.

    Returns
    -------
    dict of str to JSON value
    """
    data = trial.data.value
    return {
        "estimator": type(estimator).__name__,
        "seed": trial.random_state,
        "fitness": trial.objectives.weights or trial.objectives.metric,
        **{
            name: _described(value)
            for name, value in journal_parameters(estimator).items()
        },
        "genome_": _described(estimator.genome_),
        "data": fingerprint(data.X, data.y, data.fit_params, data.score_params),
        "splits": fingerprint(data.splits),
    }


def _described(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(name := getattr(value, "fingerprint", None), str):
        return f"{type(value).__name__}({name})"
    if isinstance(value, set | frozenset):
        value = sorted(value, key=repr)  # their order differs between processes
    # Not cut short, as scikit-learn does to print.
    whole = isinstance(value, BaseEstimator)
    text = value.__repr__(N_CHAR_MAX=10**6) if whole else repr(value)
    return re.sub(r" at 0x[0-9a-f]+", "", text)
