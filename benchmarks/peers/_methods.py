"""What each method is given, and where it runs. This module runs in every environment.

A method imports its library, then fits within `job.clock`, which measures `fit` alone.
The score that is asked for reaches each library in that library's own way; all else is
as it comes, but for time, cores and seed.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pandas as pd

# What pip installs. The methods of "sknevo" run in the Python that runs the script.
# AutoGluon's extras are what `best_quality` and the default use; its other extras are
# models that load weights from the internet.
REQUIREMENTS = {
    "autogluon": ["autogluon.tabular[lightgbm,xgboost,catboost,fastai,ray]==1.6.3"],
    "flaml": ["flaml[automl]==2.7.0"],
    "tpot": ["tpot==1.1.0"],
    "sklearn_genetic": ["sklearn-genetic-opt==0.12.0", "pandas"],
    # Generators, of benchmarks/gan_tables.py. It has CTGAN, TVAE and SDMetrics.
    "sdv": ["sdv==2.0.0"],
}
TARGET = "__target__"


class Clock:
    """Measures the seconds of the block that it surrounds."""

    seconds = float("nan")

    def __enter__(self) -> None:
        self._begin = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._begin


@dataclass
class Job:
    """One fit: classes are the whole numbers from 0, `n_classes` is 0 in regression."""

    X: pd.DataFrame
    y: Any
    n_classes: int
    score: str
    budget: float
    n_jobs: int
    seed: int
    clock: Clock = field(default_factory=Clock)

    @property
    def classifies(self) -> bool:
        return self.n_classes > 0

    def metric(self, **names: str) -> str:
        """Return a library's name of the score; `ovr` is its AUC of several classes."""
        several = self.score == "roc_auc" and self.n_classes > 2
        return names["ovr" if several else self.score]

    @property
    def scoring(self) -> str:
        """Return scikit-learn's name of the score."""
        return "roc_auc_ovr" if self.metric(**_SAME) == "ovr" else self.score


_SAME = {
    **{name: name for name in ("neg_log_loss", "roc_auc", "balanced_accuracy", "r2")},
    "ovr": "ovr",
}


class Fitted(NamedTuple):
    """What a fit returns: its predictions, how many candidates it tried, remarks.

    `details` become further columns of the row.
    """

    predict: Callable
    predict_proba: Callable | None
    n_candidates: int = 1
    notes: str = ""
    details: Mapping[str, Any] = MappingProxyType({})


def fitted(job: Job, model: Any, n_candidates: int = 1, notes: str = "") -> Fitted:
    proba = model.predict_proba if job.classifies else None
    return Fitted(model.predict, proba, int(n_candidates), notes)


# Sknevo --------------------------------------------------------------------------


def evolved(job: Job, **parameters: Any) -> Fitted:
    from sknevo import EvolvedPipelineClassifier, EvolvedPipelineRegressor

    cls = EvolvedPipelineClassifier if job.classifies else EvolvedPipelineRegressor
    model = cls(
        scoring=job.scoring,
        max_time=job.budget,
        n_jobs=job.n_jobs,
        random_state=job.seed,
        verbose=2,
        **parameters,
    )
    course = Course()
    model.set_callbacks(course)
    with job.clock:
        model.fit(job.X, job.y)
    details = {"best_score": model.best_score_, "n_generations": model.n_generations_}
    details["course"] = course.risen()
    if model.ensemble_ is not None:
        details |= {
            "ensemble_score": model.ensemble_score_,
            "weights": _by_origin(model.ensemble_.members),
        }
    found = fitted(job, model, model.n_evaluations_, model.stop_reason_)
    return found._replace(details=details)


class Course:
    """A callback of scikit-learn: the seconds at which each individual had ended."""

    def __init__(self) -> None:
        self._found: list[tuple[float, float]] = []

    def setup(self, estimator: Any, context: Any) -> None:
        self._begin = time.perf_counter()

    def teardown(self, estimator: Any, context: Any) -> None:
        pass

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        pass

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, metadata: dict | None = None
    ) -> None:
        if metadata and "evaluation" in metadata:
            seconds = time.perf_counter() - self._begin
            self._found.append((seconds, metadata["evaluation"].fitness))

    def risen(self) -> list[list[float]]:
        """Return when the score of the best individual rose, and to what."""
        return risen((seconds, one) for seconds, one in self._found if isfinite(one))


def risen(scores: Iterable[tuple[float, float]]) -> list[list[float]]:
    """Return those of pairs of seconds and score that are higher than all before."""
    course: list[list[float]] = []
    for seconds, score in scores:
        if not course or score > course[-1][1]:
            course.append([round(seconds, 2), score])
    return course


def _by_origin(members: Sequence[Any]) -> dict[str, float]:
    """Return the share of an ensemble that is known, random or bred."""
    weights = dict.fromkeys(("known", "random", "bred"), 0.0)
    for member in members:
        origin = member.chromosome.origin
        weights[origin if origin in weights else "bred"] += member.weight
    return {origin: round(weight, 4) for origin, weight in weights.items()}


def tpe(job: Job) -> Fitted:
    from _tpe_pipelines import search

    with job.clock:
        model, n_trials = search(job)
    return fitted(job, model, n_trials)


# Searches of others --------------------------------------------------------------


def autogluon(job: Job, presets: str | None, ray: bool = True) -> Fitted:
    if not ray:
        sys.modules["ray"] = None  # as if it were not installed
    from autogluon.tabular import TabularPredictor

    kind = "binary" if job.n_classes == 2 else "multiclass"
    model = TabularPredictor(
        TARGET,
        problem_type=kind if job.classifies else "regression",
        eval_metric=job.metric(
            neg_log_loss="log_loss",
            roc_auc="roc_auc",
            ovr="roc_auc_ovr",
            balanced_accuracy="balanced_accuracy",
            r2="r2",
        ),
        path="models",
        verbosity=2,
    )
    with job.clock:
        model.fit(
            job.X.assign(**{TARGET: job.y}),
            presets=presets,
            time_limit=job.budget,
            num_cpus=job.n_jobs,
            num_gpus=0,
        )

    def predict_proba(X: pd.DataFrame) -> Any:
        # It leaves out classes that are too rare.
        found = model.predict_proba(X, as_multiclass=True)
        return found.reindex(columns=range(job.n_classes), fill_value=0.0)

    levels = model.leaderboard(silent=True).stack_level.max()
    notes = f"{model.model_best}, highest level {levels}"
    count = len(model.model_names())
    proba = predict_proba if job.classifies else None
    return Fitted(model.predict, proba, count, notes)


def flaml(job: Job) -> Fitted:
    from flaml import AutoML
    from sklearn.metrics import balanced_accuracy_score

    def imbalance(X: Any, y: Any, estimator: Any, *_: Any, **__: Any) -> tuple:
        loss = 1 - balanced_accuracy_score(y, estimator.predict(X))
        return loss, {"loss": loss}

    metric = job.metric(
        neg_log_loss="log_loss",
        roc_auc="roc_auc",
        ovr="roc_auc_ovr",
        balanced_accuracy="its own",
        r2="r2",
    )
    model = AutoML()
    with job.clock:
        model.fit(
            job.X,
            job.y,
            task="classification" if job.classifies else "regression",
            metric=imbalance if metric == "its own" else metric,
            time_budget=job.budget,
            n_jobs=job.n_jobs,
            seed=job.seed,
            verbose=1,
            log_file_name="flaml.log",
        )
    found = fitted(job, model, sum(model._iter_per_learner.values()))
    lines = map(json.loads, Path("flaml.log").read_text().splitlines())
    best = 0 if metric == "log_loss" else 1
    course = risen(
        (line["wall_clock_time"], best - line["validation_loss"])
        for line in lines
        if "wall_clock_time" in line
    )
    return found._replace(details={"course": course})


def tpot(job: Job) -> Fitted:
    from tpot import TPOTClassifier, TPOTRegressor

    model = (TPOTClassifier if job.classifies else TPOTRegressor)(
        scorers=[job.scoring],
        scorers_weights=[1],
        preprocessing=True,  # columns that are no numbers, and missing values
        max_time_mins=job.budget / 60,
        n_jobs=job.n_jobs,
        random_state=job.seed,
        verbose=1,
    )
    with job.clock:
        model.fit(job.X, job.y)
    return fitted(job, model, len(model.evaluated_individuals))


def sklearn_genetic(job: Job) -> Fitted:
    """Search the parameters of one booster: the library searches no pipelines."""
    from sklearn import ensemble
    from sklearn_genetic import GASearchCV
    from sklearn_genetic.callbacks import TimerStopping
    from sklearn_genetic.space import Continuous, Integer

    kind = "Classifier" if job.classifies else "Regressor"
    booster = getattr(ensemble, f"HistGradientBoosting{kind}")(random_state=job.seed)
    ranges = {
        "learning_rate": Continuous(0.01, 0.5, distribution="log-uniform"),
        "max_leaf_nodes": Integer(3, 128),
        "min_samples_leaf": Integer(1, 100),
        "l2_regularization": Continuous(1e-3, 30, distribution="log-uniform"),
        "max_features": Continuous(0.3, 1.0),
    }
    model = GASearchCV(
        _encoded(job, booster),
        param_grid={f"model__{name}": one for name, one in ranges.items()},
        scoring=job.scoring,
        population_size=10,
        generations=10_000,  # the time ends it
        n_jobs=job.n_jobs,
        verbose=False,
    )
    with job.clock:
        model.fit(job.X, job.y, callbacks=TimerStopping(total_seconds=job.budget))
    return fitted(job, model, len(model.cv_results_["params"]))


def _encoded(job: Job, model: Any) -> Any:
    """Return a pipeline that turns labels into numbers, of which trees can do much."""
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=float("nan")
    )
    columns = make_column_transformer((encoder, labels(job.X)), remainder="passthrough")
    return Pipeline([("columns", columns), ("model", model)])


# Models with default parameters --------------------------------------------------


def lightgbm(job: Job) -> Fitted:
    from lightgbm import LGBMClassifier, LGBMRegressor

    model = (LGBMClassifier if job.classifies else LGBMRegressor)(
        verbose=-1, random_state=job.seed, n_jobs=job.n_jobs
    )
    return _with_categories(job, model)


def xgboost(job: Job) -> Fitted:
    from xgboost import XGBClassifier, XGBRegressor

    model = (XGBClassifier if job.classifies else XGBRegressor)(
        enable_categorical=True, random_state=job.seed, n_jobs=job.n_jobs
    )
    return _with_categories(job, model)


def univariate(job: Job) -> Fitted:
    """Fit logistic regression to the columns that say most alone, so many by folds."""
    from sklearn.feature_selection import SelectKBest
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    steps = {
        "filter": SelectKBest(),
        "scaling": StandardScaler(with_mean=False),  # sparse columns stay sparse
        "model": LogisticRegression(max_iter=1000),
    }
    numbers = [k for k in (10, 100, 1000) if k < job.X.shape[1]]
    model = GridSearchCV(
        Pipeline([*steps.items()]),
        {"filter__k": [*numbers, "all"]},
        scoring=job.scoring,
        n_jobs=job.n_jobs,
    )
    with job.clock:
        model.fit(job.X, job.y)
    return fitted(job, model, len(numbers) + 1, f"k={model.best_params_['filter__k']}")


def svm(job: Job) -> Fitted:
    """Fit a default SVM on scaled numbers and one-hot labels, calibrated as advised."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from sklearn.svm import SVC, SVR

    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), labels(job.X)), remainder=numbers
    )
    calibrated = CalibratedClassifierCV(SVC(), ensemble=False, n_jobs=job.n_jobs)
    model = make_pipeline(columns, calibrated if job.classifies else SVR())
    with job.clock:
        model.fit(job.X, job.y)
    return fitted(job, model)


def labels(X: Any) -> list[str]:
    """Return the columns that are no numbers."""
    if not isinstance(X, pd.DataFrame):
        return []
    return X.select_dtypes(exclude=["number", "bool"]).columns.tolist()


def _with_categories(job: Job, model: Any) -> Fitted:
    """Fit a booster that takes pandas' categories."""
    if not labels(job.X):
        with job.clock:
            model.fit(job.X, job.y)
        return fitted(job, model)
    kinds = {
        name: pd.CategoricalDtype(sorted(job.X[name].dropna().unique()))
        for name in labels(job.X)
    }
    with job.clock:
        model.fit(job.X.astype(kinds), job.y)
    predict = lambda X: model.predict(X.astype(kinds))  # noqa: E731
    proba = lambda X: model.predict_proba(X.astype(kinds))  # noqa: E731
    return Fitted(predict, proba if job.classifies else None)


# All of them ---------------------------------------------------------------------


@dataclass(frozen=True)
class Method:
    """A method and the environment it runs in.

    A variant of another method is not counted among the peers.
    """

    environment: str
    fit: Callable[[Job], Fitted]
    package: str
    is_variant: bool = False


METHODS = {
    "sknevo": Method("sknevo", evolved, "sknevo"),
    "sknevo_random": Method(
        "sknevo", partial(evolved, strategy="elitist"), "sknevo", True
    ),
    "sknevo_single": Method(
        "sknevo", partial(evolved, ensemble_size=None), "sknevo", True
    ),
    "autogluon_best": Method(
        "autogluon", partial(autogluon, presets="best_quality"), "autogluon.tabular"
    ),
    "autogluon_best_no_ray": Method(
        "autogluon",
        partial(autogluon, presets="best_quality", ray=False),
        "autogluon.tabular",
        True,
    ),
    "autogluon": Method(
        "autogluon", partial(autogluon, presets=None), "autogluon.tabular"
    ),
    "flaml": Method("flaml", flaml, "flaml"),
    "tpot": Method("tpot", tpot, "tpot"),
    "sklearn_genetic": Method(
        "sklearn_genetic", sklearn_genetic, "sklearn-genetic-opt"
    ),
    "tpe": Method("sknevo", tpe, "optuna"),
    "lightgbm": Method("sknevo", lightgbm, "lightgbm"),
    "xgboost": Method("sknevo", xgboost, "xgboost"),
    "svm": Method("sknevo", svm, "scikit-learn"),
    "univariate": Method("sknevo", univariate, "scikit-learn", True),
}
