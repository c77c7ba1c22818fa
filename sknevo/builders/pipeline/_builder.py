"""Expressed genes of a tabular pipeline -> an unfitted scikit-learn Pipeline."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from sknevo.builders.pipeline._boosting import (
    EarlyStoppingClassifier,
    EarlyStoppingRegressor,
)
from sknevo.builders.pipeline._features import make_extraction, make_scaling
from sknevo.builders.pipeline._preparation import make_preparation, prepared_width
from sknevo.builders.pipeline._svm import (
    SupportVectorClassifier,
    SupportVectorRegressor,
)
from sknevo.records import DataSpec

__all__ = ["PipelineBuilder"]

# Work of the exact solver of an SVM that takes about two seconds: rows x columns per
# iteration, see `_max_iter`.
SOLVER_WORK = 1e9
# Boosting rounds: slow learners may take more, none for ever. Most stop long before.
ROUNDS, MOST_ROUNDS = 30.0, 1000
USUAL_SHARE = 0.4
# Where few rows are watched, the round at which a booster stops is luck. The winner is
# a committee of three there, each watched on another third. In trials, single boosters
# leave time for more individuals.
COMMITTEE, COMMITTEE_SAMPLES = 3, 2000
# The rows that early stopping watches are worth a second fit unless they abound.
REFIT_SAMPLES = 10_000


@dataclass(frozen=True)
class PipelineBuilder:
    """Makes unfitted pipelines of expressed genes.

    Parameters
    ----------
    spec : DataSpec
        What the table holds.
    probabilities : bool, default=True
        Whether all individuals must predict probabilities; it makes an SVM dearer.
    final : bool, default=False
        Whether it is the winner that is built, and no effort spared.

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

    # Trials share the preparation between individuals and weight the model only.
    makes_pipelines = True

    spec: DataSpec
    probabilities: bool = True
    final: bool = False

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
        pipeline = Pipeline(
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
        # Arrays from step to step, whatever the user's configuration is.
        return pipeline.set_output(transform="default")

    def _model(self, expressed: dict[str, Any], random_state: int) -> BaseEstimator:
        ((name, genes),) = expressed["model"].items()
        if name == "svm":
            return self._svm(genes, expressed, random_state)
        classifies = self.spec.task == "classification"
        booster = _BOOSTERS[name](classifies, genes, random_state)
        shared = {
            "refit": self._refits,
            "n_members": self._members,
            "random_state": random_state,
        }
        if not classifies:
            return EarlyStoppingRegressor(booster, **shared)
        class_weight = expressed["class_weight"]
        return EarlyStoppingClassifier(booster, class_weight=class_weight, **shared)

    @property
    def _refits(self) -> bool:
        return self.final or self.spec.n_samples <= REFIT_SAMPLES

    @property
    def _members(self) -> int:
        few = self.spec.n_samples <= COMMITTEE_SAMPLES
        return COMMITTEE if self.final and few else 1

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
            return 0.01 + _svm_cost(genes, n, width, self.probabilities)
        each, leaf, leaves = _ROUND_COST[name]
        trees = spec.n_classes if spec.n_classes > 2 else 1
        rounds = USUAL_SHARE * _rounds(genes["learning_rate"]) * trees
        fits = 3.2 if self._members > 1 else 1.9 if self._refits else 1.0
        grown = min(leaves(genes), n / (10 * math.sqrt(trees)))
        return 0.01 + fits * rounds * (
            each + leaf * grown * (1 + width / 50) + 4e-9 * n * width
        )


# Seconds per boosting round and per leaf, and where the leaves stand, measured on
# tables of 300 to 30,000 rows. Right within a factor of three: good for an order.
_ROUND_COST: dict[str, tuple[float, float, Callable[[dict], float]]] = {
    "hist_gradient_boosting": (3e-4, 2e-5, lambda genes: genes["max_leaf_nodes"]),
    "lightgbm": (2e-4, 8e-6, lambda genes: genes["num_leaves"]),
    "xgboost": (6e-4, 5e-6, lambda genes: 2 ** genes["max_depth"]),
}


def _svm_cost(
    genes: dict[str, Any], n: int, width: float, probabilities: bool
) -> float:
    calibration = 2.3 if probabilities else 1.0
    if genes["approximate"]:
        return calibration * 2.5e-5 * n
    return calibration * 8e-10 * n * n * (width + 10) * (1 + genes["C"] / 50)


def _landmarks(spec: DataSpec) -> int:
    return min(128, spec.n_samples)


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
        # As many threads as OpenMP is allowed; None would take all cores.
        n_jobs=0,
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
