"""What CatBoost with its own defaults would add to ensembles of the known candidates.

CatBoost joins the search space for this script alone, as a family beside the others.
Arguments and report are those of `families.py`.

    pip install catboost
    python portfolio/tables.py tables.pkl.xz
    python catboost_family.py tables.pkl.xz FOLDER --sizes 400 1000 --seconds 1000
    python catboost_family.py --report FOLDER
"""

from dataclasses import dataclass
from typing import Any

import catboost
import families
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from sknevo.builders.pipeline import _boosting, _models
from sknevo.genes import Genome, Integer, Real
from sknevo.genomes.pipeline import _known as known
from sknevo.genomes.pipeline import _space as space
from sknevo.genomes.pipeline._families import TREE, Family

# CatBoost's defaults for 1,000 rounds and some thousand rows, a slower rate, and trees
# that are less deep.
SETTINGS = [
    {"learning_rate": 0.05, "depth": 6},
    {"learning_rate": 0.03, "depth": 6},
    {"learning_rate": 0.05, "depth": 4},
]


class _Parameters(BaseEstimator):
    """The parameters of CatBoost, until `_fit` makes it of them."""

    def __init__(
        self, learning_rate, depth, n_estimators, random_state, cat_features=()
    ):
        self.learning_rate = learning_rate
        self.depth = depth
        self.n_estimators = n_estimators
        self.cat_features = cat_features
        self.random_state = random_state


class CatClassifier(ClassifierMixin, _Parameters):
    model = catboost.CatBoostClassifier


class CatRegressor(RegressorMixin, _Parameters):
    model = catboost.CatBoostRegressor


# The library of a booster is known by the module of its class.
for kind in CatClassifier, CatRegressor:
    kind.__module__ = "catboost"
    setattr(catboost, kind.__name__, kind)


@dataclass
class Fitted:
    """A model and the places of its categories, which must be whole numbers."""

    model: Any
    categorical: list[int]

    def pool(self, X, y=None, weights=None):
        X = np.asarray(X, np.float32)
        if self.categorical:
            labels = np.nan_to_num(X[:, self.categorical], nan=-1).astype(int)
            X = catboost.FeaturesData(
                np.ascontiguousarray(np.delete(X, self.categorical, axis=1)),
                labels.astype("S").astype(object),
            )
        return catboost.Pool(X, y, weight=weights)


class AfterRound:
    def __init__(self, watch, power):
        self.watch, self.power = watch, power

    def after_iteration(self, info):
        if self.watch is None:
            return True
        losses = [v for k, v in sorted(info.metrics.items()) if k != "learn"]
        last = [next(iter(values.values()))[-1] ** self.power for values in losses]
        return not self.watch.add(last)


def _fit(booster, fitted, watch):
    classifies = isinstance(booster, ClassifierMixin)
    parameters = booster.get_params()
    categorical = [*parameters.pop("cat_features")]
    if classifies:
        loss = "MultiClass" if fitted.y.max() > 1 else "Logloss"
        parameters["loss_function"] = loss
    model = booster.model(
        **parameters, thread_count=1, verbose=False, allow_writing_files=False
    )
    made = Fitted(model, categorical)
    parts = () if watch is None else watch.held_out.folds
    model.fit(
        made.pool(*fitted),
        eval_set=[made.pool(*part) for part in parts] or None,
        callbacks=[AfterRound(watch, 1 if classifies else 2)],
        use_best_model=False,
    )
    return made


def _predict(fitted, X, rounds):
    kind = "predict_proba" if hasattr(fitted.model, "predict_proba") else "predict"
    return getattr(fitted.model, kind)(fitted.pool(X), ntree_end=rounds or 0)


def _keep(fitted, rounds):
    fitted.model.shrink(ntree_end=rounds)
    return fitted


def _known(task, genes):
    first = next(e for e in known.portfolio()[task] if "lightgbm" in e["model"])
    preparation = first["preparation"] | {"encoding": "native", "imputation": "none"}
    return first | {"preparation": preparation, "model": {"catboost": genes}}


_boosting._LIBRARIES["catboost"] = _boosting._Library(_fit, _predict, _keep)
_boosting.BOOSTERS["catboost"] = _boosting.Booster(
    *("catboost", "Cat", "n_estimators", 1e-3, 1e-5),
    leaves=lambda genes: 2 ** genes["depth"],
    categorical="cat_features",
)
_models.MODELS["catboost"] = _models._booster("catboost")
space.MODELS["catboost"] = Family(
    Genome(learning_rate=Real(0.005, 0.3, log=True), depth=Integer(2, 10)),
    takes_categories=True,
    **TREE,
)
# `pipeline` has bound its models at its definition.
space.pipeline.__kwdefaults__["models"] = tuple(space.MODELS)
for task in "classification", "regression":
    known.portfolio()[task][:0] = [_known(task, genes) for genes in SETTINGS]

if __name__ == "__main__":
    families.main()
