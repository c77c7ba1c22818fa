"""Expressed genes of a tabular pipeline -> an unfitted scikit-learn Pipeline."""

from dataclasses import dataclass
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from sknevo.builders._boosting import EarlyStoppingClassifier, EarlyStoppingRegressor
from sknevo.builders._extraction import make_extraction, make_scaling
from sknevo.builders._preparation import make_preparation, prepared_width
from sknevo.builders._svm import SupportVectorClassifier, SupportVectorRegressor
from sknevo.records import DataSpec

__all__ = ["PipelineBuilder"]

# Work of the exact solver of an SVM that takes about two seconds: rows x columns per
# iteration, see `_max_iter`.
SOLVER_WORK = 4e9
# Boosting rounds: slow learners may take more, but none for ever.
ROUNDS = 12.0
MOST_ROUNDS = 600


@dataclass(frozen=True)
class PipelineBuilder:
    """Makes unfitted pipelines of expressed genes.

    Parameters
    ----------
    spec : DataSpec
        What the table holds.
    probabilities : bool, default=True
        Whether all individuals must predict probabilities; it makes an SVM dearer.

    Examples
    --------
    >>> from sknevo.records import Column, DataSpec
    >>> spec = DataSpec("classification", 100, 2, (Column("a", "numeric"),))
    >>> genes = {"preparation": {}, "scaling": "standard", "extraction": {"none": {}},
    ...          "class_weight": None, "model": {"svm": {
    ...              "C": 1.0, "approximate": False, "kernel": {"linear": {}}}}}
    >>> [name for name, _ in PipelineBuilder(spec)(genes, random_state=0).steps]
    ['preparation', 'scaling', 'extraction', 'model']
    """

    spec: DataSpec
    probabilities: bool = True

    def __call__(self, expressed: dict[str, Any], random_state: int) -> Pipeline:
        """Return the pipeline that the genes describe.

        Parameters
        ----------
        expressed : dict
            Expressed genes of `sknevo.genomes.pipeline`.
        random_state : int
            Seed of all steps but the preparation, which many individuals share.

        Returns
        -------
        Pipeline
            Unfitted.
        """
        spec = self.spec
        return Pipeline(
            [
                ("preparation", make_preparation(spec, expressed["preparation"])),
                ("scaling", make_scaling(expressed["scaling"], spec, random_state)),
                (
                    "extraction",
                    make_extraction(expressed["extraction"], spec, random_state),
                ),
                ("model", self._model(expressed, random_state)),
            ]
        )

    def _model(self, expressed: dict[str, Any], random_state: int) -> BaseEstimator:
        ((name, genes),) = expressed["model"].items()
        if name == "svm":
            return self._svm(genes, expressed, random_state)
        classifies = self.spec.task == "classification"
        booster = _BOOSTERS[name](classifies, genes, random_state)
        if not classifies:
            return EarlyStoppingRegressor(booster, random_state=random_state)
        return EarlyStoppingClassifier(
            booster,
            class_weight=expressed["class_weight"],
            random_state=random_state,
        )

    def _svm(
        self, genes: dict[str, Any], expressed: dict[str, Any], random_state: int
    ) -> BaseEstimator:
        ((kernel, parameters),) = genes["kernel"].items()
        shared = {
            "kernel": kernel,
            "C": genes["C"],
            "n_components": _landmarks(self.spec) if genes["approximate"] else None,
            "max_iter": self._max_iter(expressed),
            "random_state": random_state,
            **parameters,
        }
        if self.spec.task == "regression":
            return SupportVectorRegressor(epsilon=genes["epsilon"], **shared)
        return SupportVectorClassifier(
            class_weight=expressed["class_weight"],
            probabilities=self.probabilities,
            **shared,
        )

    def _max_iter(self, expressed: dict[str, Any]) -> int:
        """Bound the solver: each iteration looks at a row's kernel with all others."""
        width = max(1, prepared_width(self.spec, expressed["preparation"]))
        return max(1000, int(SOLVER_WORK / (self.spec.n_samples * width)))

    def cost(self, expressed: dict[str, Any]) -> float:
        """Return roughly how many seconds one fit takes, on one core.

        Parameters
        ----------
        expressed : dict
            Expressed genes of `sknevo.genomes.pipeline`.

        Returns
        -------
        float
        """
        n, spec = self.spec.n_samples, self.spec
        width = max(1, prepared_width(spec, expressed["preparation"]))
        ((extraction, _),) = expressed["extraction"].items()
        if extraction == "polynomial":
            width = width * (width + 3) / 2
        ((name, genes),) = expressed["model"].items()
        if name == "svm":
            return 0.005 + _svm_cost(genes, n, width, self.probabilities)
        trees = max(1, spec.n_classes if spec.n_classes > 2 else 1)
        rounds = _rounds(genes["learning_rate"]) * trees
        dear = {"hist_gradient_boosting": 3e-4, "lightgbm": 1e-4, "xgboost": 2e-4}
        return 0.01 + rounds * (dear[name] + 4e-9 * n * width)


def _svm_cost(
    genes: dict[str, Any], n: int, width: float, probabilities: bool
) -> float:
    calibration = 2.3 if probabilities else 1.0
    if genes["approximate"]:
        return calibration * 2e-7 * n * 200
    return calibration * 1.5e-9 * n * n * (width + 10) * (1 + genes["C"] / 50)


def _landmarks(spec: DataSpec) -> int:
    return min(200, spec.n_samples)


def _rounds(learning_rate: float) -> int:
    """Return the most boosting rounds: what learns slowly needs more of them."""
    return round(min(MOST_ROUNDS, max(40, ROUNDS / learning_rate)))


# The boosters, each with its own names for the same things --------------------------


def _lightgbm(
    classifies: bool, genes: dict[str, Any], random_state: int
) -> BaseEstimator:
    from lightgbm import LGBMClassifier, LGBMRegressor

    return (LGBMClassifier if classifies else LGBMRegressor)(
        **genes,
        n_estimators=_rounds(genes["learning_rate"]),
        subsample_freq=1,
        verbose=-1,
        random_state=random_state,
        # The same trees for any number of threads.
        deterministic=True,
        force_col_wise=True,
    )


def _xgboost(
    classifies: bool, genes: dict[str, Any], random_state: int
) -> BaseEstimator:
    from xgboost import XGBClassifier, XGBRegressor

    return (XGBClassifier if classifies else XGBRegressor)(
        **genes,
        n_estimators=_rounds(genes["learning_rate"]),
        tree_method="hist",
        verbosity=0,
        random_state=random_state,
    )


def _hist_gradient_boosting(
    classifies: bool, genes: dict[str, Any], random_state: int
) -> BaseEstimator:
    from sklearn.ensemble import (
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
    )

    return (
        HistGradientBoostingClassifier if classifies else HistGradientBoostingRegressor
    )(
        **genes,
        max_iter=_rounds(genes["learning_rate"]),
        random_state=random_state,
    )


_BOOSTERS = {
    "hist_gradient_boosting": _hist_gradient_boosting,
    "lightgbm": _lightgbm,
    "xgboost": _xgboost,
}
