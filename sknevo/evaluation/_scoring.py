"""Scorers of candidates, and the fitness that is made of their scores."""

import copy
import inspect
import math
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence, Sized
from dataclasses import dataclass, field, replace
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.metrics import check_scoring, get_scorer_names, roc_auc_score
from sklearn.metrics._scorer import _BaseScorer, _MultimetricScorer
from sklearn.utils.validation import _num_samples

from sknevo.evaluation._costs import COSTS, Cost
from sknevo.evaluation._predictions import CachingEstimator, GivenPredictions
from sknevo.spelling import did_you_mean


@dataclass(frozen=True)
class Objectives:
    """Scorers, and the fitness: one of their scores by name, or their weighted sum.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> objectives = Objectives.of(SVC(), ["accuracy", "f1"], refit="f1")
    >>> objectives.metric
    'f1'
    """

    scorer: Any
    metric: str | None
    weights: Mapping[str, float] = field(default_factory=dict)
    # What the fitness is called.
    name: str = "score"

    @classmethod
    def of(
        cls, estimator: BaseEstimator, scoring: Any, refit: Any, labels: Any = None
    ) -> "Objectives":
        """Read `scoring` and `refit` as scikit-learn's searches do.

        `labels` are all classes, for scores of probabilities on a split that lacks
        some.
        """
        if isinstance(scoring, Sized) and not len(scoring):
            raise ValueError(f"scoring must name at least one metric; got {scoring!r}.")
        scorer = check_scoring(estimator, _with_costs(scoring))
        scorer = _map_scorers(scorer, partial(_with_labels, labels=labels))
        names = list(getattr(scorer, "_scorers", ()))
        if isinstance(refit, Mapping):
            weights = _checked_weights(refit, names, scoring)
            return cls(scorer, None, weights, f"weighted sum of {', '.join(weights)}")
        if names and isinstance(refit, bool | None):
            if refit:
                raise ValueError(
                    f"refit must name one of {names} or be a callable or False if "
                    f"scoring names several metrics; got {refit!r}."
                )
            refit = names[0]
        if names and isinstance(refit, str) and refit not in names:
            raise ValueError(
                f"refit must be one of {names}; got {refit!r}."
                f"{did_you_mean(refit, names)}"
            )
        metric = refit if isinstance(refit, str) else None
        name = metric or (names[0] if names else _name(scoring))
        return cls(scorer, metric, name=name)

    @property
    def scorers(self) -> Any:
        """The scorer, or a dict of them if there are several."""
        if isinstance(self.scorer, _MultimetricScorer):
            return dict(self.scorer._scorers)
        return self.scorer

    @property
    def scorers_by_name(self) -> dict[str, Any]:
        scorers = self.scorers
        return scorers if isinstance(scorers, dict) else {"score": scorers}

    @property
    def compare_targets(self) -> bool:
        """Whether a score compares predictions with targets."""
        return any(
            isinstance(scorer, _BaseScorer) for scorer in self.scorers_by_name.values()
        )

    @property
    def needs_probabilities(self) -> bool:
        """Whether a score is computed from predicted probabilities."""
        # Of several, a scorer takes the first that there is.
        first = [
            response_methods(scorer)[0] for scorer in self.scorers_by_name.values()
        ]
        return any(r in ("predict_proba", "any") for r in first)

    @property
    def measures_costs(self) -> bool:
        """Whether a score is a cost, which depends on how a model is built."""
        return any(isinstance(scorer, Cost) for scorer in self.scorers_by_name.values())

    @property
    def use_only_predictions(self) -> bool:
        """Whether scorers use X to predict only, so that prepared X serves as well.

        A function of the user may look at anything.
        """
        return all(
            isinstance(scorer, _BaseScorer) for scorer in self.scorers_by_name.values()
        )

    def measure(
        self,
        estimator: "BaseEstimator | CachingEstimator",
        X: Any,
        y: Any,
        score_params: Mapping[str, Any],
        fit_time: float = math.nan,
        training: Any = None,
    ) -> dict[str, float]:
        """Return all scores by name, costs negated; a single one is named "score".

        `training` is X of `fit`, if known, for a scorer that says `takes_training`.
        """
        # Scorers of estimators without targets take no y.
        target = () if y is None else (y,)
        caches = isinstance(estimator, CachingEstimator)
        scorer = _map_scorers(self.scorer, _without_cache) if caches else self.scorer
        if training is not None and getattr(self.scorer, "takes_training", False):
            score_params = {**score_params, "training": training}
        scores = scorer(estimator, X, *target, **score_params)
        if not isinstance(scores, Mapping):
            scores = {"score": scores}
        if not scores:
            raise ValueError(f"{EXPECTED}; got {scores!r}.")
        scores = {name: _number(name, score) for name, score in scores.items()}
        for name, scorer in self.scorers_by_name.items():
            if isinstance(scorer, Cost) and scorer.name == "fit_time":
                scores[name] = -fit_time
        return scores

    @property
    def only_fitness(self) -> "Objectives":
        """These objectives without the scores that are no part of the fitness."""
        if not isinstance(self.scorer, _MultimetricScorer):
            return self
        # Without a name, the first score is the fitness.
        names = list(self.weights) or [self.metric or next(iter(self.scorers_by_name))]
        scorers = {name: self.scorers_by_name[name] for name in names}
        return replace(self, scorer=_MultimetricScorer(scorers=scorers))

    @property
    def fitness_uses_only_predictions(self) -> bool:
        """Whether the fitness depends on predictions alone, not on X or the model."""
        return self.only_fitness.use_only_predictions

    def why_undefined(
        self,
        kind: str,
        y_train: np.ndarray,
        y_test: np.ndarray,
        may_lack_classes: bool = False,
    ) -> str:
        """Return why no model can be scored on a split, "" if models can be.

        A guess is scored, by scikit-learn's metrics alone: these are undefined because
        of the data, whatever the model.

        Parameters
        ----------
        kind : {"classifier", "regressor"}
            What models are.
        y_train, y_test : ndarray
            Targets of both parts of the split.
        may_lack_classes : bool, default=False
            Whether a ROC AUC may leave out classes that the test part lacks.
        """
        guess, y_guessed = _guess(kind, y_train, y_test)
        for name, scorer in self.scorers_by_name.items():
            scorer = scorer if may_lack_classes else _of_all_classes(scorer)
            metric = getattr(scorer, "_score_func", len)
            if not metric.__module__.startswith(("sklearn.", __name__)):
                continue
            if kind == "regressor" and "predict" not in response_methods(scorer):
                return f"{metric.__name__} is a metric for classifiers."
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                try:
                    score = scorer(guess, None, y_guessed)
                    counts = self.is_in_fitness(name) and not math.isfinite(score)
                    reasons = [str(w.message) for w in caught][:1] if counts else []
                except Exception as fault:
                    counts, reasons = True, [str(fault)]
            if counts:
                said = " ".join([f"{metric.__name__} is undefined.", *reasons])
                return said if said.endswith(".") else f"{said}."
        return ""

    def is_in_fitness(self, name: str) -> bool:
        """Return whether a score is part of the fitness."""
        if self.weights:
            return name in self.weights
        return len(self.scorers_by_name) == 1 or name == self.metric

    def name_of_fitness(self, scores: Mapping[str, tuple[float, ...]]) -> str:
        """Return the name of the fitness among the results of one unnamed scorer.

        Its columns in `cv_results_` are repeated as those of "score". With several
        scorers or a weighted sum it is "", and no columns are repeated.
        """
        if isinstance(self.scorer, _MultimetricScorer) or self.weights:
            return ""
        return "score" if "score" in scores else self.metric or next(iter(scores))

    def fitness(self, scores: Mapping[str, float | Sequence[float]]) -> float:
        """Return what evolution maximises: the mean of the fitness over the splits.

        A score of a single part may be a number.
        """
        # A single score is "score", whatever `refit` calls it.
        single = self.metric is None or len(scores) == 1
        weights = self.weights or {next(iter(scores)) if single else self.metric: 1.0}
        if strange := [name for name in weights if name not in scores]:
            raise ValueError(
                f"refit must name scores among {list(scores)}; got {strange[0]!r}."
            )
        return sum(w * float(np.mean(scores[name])) for name, w in weights.items())

    def objective_values(
        self, scores: Mapping[str, tuple[float, ...]]
    ) -> tuple[float, ...]:
        """Return the mean of each score, minus infinity where it is NaN.

        Of a single score the result is empty: the fitness says all.
        """
        if len(scores) < 2:
            return ()
        means = [float(np.mean(values)) for values in scores.values()]
        # NaN would be neither better nor worse than any other score.
        return tuple(-math.inf if math.isnan(mean) else mean for mean in means)


@dataclass(frozen=True)
class Response:
    """What an ensemble averages: probabilities of all labels, or predicted values."""

    labels: np.ndarray | None = None

    def of(self, estimator: BaseEstimator, X: Any) -> np.ndarray:
        """Return predictions; a label that an estimator has not seen has none."""
        if self.labels is None:
            return np.asarray(estimator.predict(X), float)
        known = np.searchsorted(self.labels, estimator.classes_)
        probabilities = np.zeros((_num_samples(X), len(self.labels)), np.float32)
        probabilities[:, known] = estimator.predict_proba(X)
        return probabilities


@dataclass(frozen=True)
class _WithoutCache:
    """A scorer that gets the estimator inside a `CachingEstimator`."""

    scorer: Any

    def __call__(self, estimator: CachingEstimator, *args: Any, **metadata: Any) -> Any:
        return self.scorer(estimator.fitted, *args, **metadata)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.scorer, name)


def _without_cache(scorer: Any) -> Any:
    """Let a scorer that looks at more than predictions see the estimator itself."""
    return scorer if isinstance(scorer, _BaseScorer) else _WithoutCache(scorer)


def _map_scorers(scorer: Any, change: Callable[[Any], Any]) -> Any:
    """Return what a function makes of a scorer, or of each of several."""
    if not isinstance(scorer, _MultimetricScorer):
        return change(scorer)
    scorers = {name: change(one) for name, one in scorer._scorers.items()}
    # A scorer that fails makes a failed trial, rather than a score of NaN.
    return _MultimetricScorer(scorers=scorers, raise_exc=True)


def response_methods(scorer: Any) -> Sequence[str]:
    """Return the methods that a scorer may call, "any" if it is unknown."""
    methods = getattr(scorer, "_response_method", "any")
    return [methods] if isinstance(methods, str) else methods


EXPECTED = "scoring must return a number, or a dict of at least one number"


def _number(name: str, score: Any) -> float:
    got = f"{EXPECTED}; got {score!r:.80} as {name}."
    if isinstance(score, str | bytes):  # these can be converted, too
        raise TypeError(got)
    try:
        return float(score)
    except (TypeError, ValueError) as fault:
        raise type(fault)(got) from fault


# Samples that a guess is scored on, beside one of each class: chosen, not measured.
GUESSED = 1000


def _guess(
    kind: str, y_train: np.ndarray, y_test: np.ndarray
) -> tuple[GivenPredictions, np.ndarray]:
    """Return a model that guesses targets of the training part, and the targets."""
    rows = np.arange(min(GUESSED, len(y_test)))
    if kind == "regressor":
        return GivenPredictions(np.resize(y_train, rows.shape)), y_test[rows]
    rows = np.union1d(rows, np.unique(y_test, return_index=True)[1])
    guessed, labels = np.resize(y_train, rows.shape), np.unique(y_train)
    certain = (guessed[:, None] == labels).astype(float)
    return GivenPredictions(guessed, certain, labels), y_test[rows]


def _with_costs(scoring: Any) -> Any:
    """Replace the names of costs by their scorers; sort sets; refuse other names."""
    if isinstance(scoring, set | frozenset):
        scoring = sorted(scoring, key=repr)  # their order differs between processes
    _check_scores(scoring)
    named = scoring
    if isinstance(scoring, list | tuple) and not COSTS.keys().isdisjoint(
        name for name in scoring if isinstance(name, str)
    ):
        if repeated := [name for name in scoring if scoring.count(name) > 1]:
            raise ValueError(f"scoring must name {repeated[0]!r} once only.")
        named = {name: name for name in scoring}
    if isinstance(named, Mapping):
        named = {name: _scorer(scorer) for name, scorer in named.items()}
        costs = [isinstance(scorer, Cost) for scorer in named.values()]
    else:
        costs = [isinstance(scoring, str) and scoring in COSTS]
    if all(costs):
        raise ValueError(
            f"scoring must name a score beside the costs {list(COSTS)}; got "
            f"{scoring!r}."
        )
    return named


def _check_scores(scoring: Any) -> None:
    """Refuse a name, alone or of several, that neither a score nor a cost has."""
    known = {*get_scorer_names(), *COSTS}
    several = scoring.values() if isinstance(scoring, Mapping) else scoring
    names = several if isinstance(several, Collection) else ()
    for name in [scoring] if isinstance(scoring, str) else names:
        if isinstance(name, str) and name not in known:
            raise ValueError(
                f"scoring names {name!r}, which is no score: these are listed by "
                f"sklearn.metrics.get_scorer_names().{did_you_mean(name, known)}"
            )


def _name(scoring: Any) -> str:
    """Return what a single score is called."""
    if scoring is None or isinstance(scoring, str):
        return scoring or "score"
    function = getattr(scoring, "_score_func", scoring)
    return getattr(function, "__name__", type(function).__name__)


def _scorer(scorer: Any) -> Any:
    return Cost(scorer) if isinstance(scorer, str) and scorer in COSTS else scorer


def _checked_weights(
    weights: Mapping[str, Any], names: list[str], scoring: Any
) -> dict[str, float]:
    """Return the weights of a sum, or refuse them."""
    if names and (strange := [name for name in weights if name not in names]):
        raise ValueError(f"refit must weigh some of {names}; got {strange[0]!r}.")
    if not names and not callable(scoring):
        raise ValueError(f"refit={dict(weights)} needs several metrics in scoring.")
    if not weights or not all(map(_is_weight, weights.values())):
        raise ValueError(
            "refit must give at least one score a weight, all of them positive and "
            f"finite (costs are negated already); got {dict(weights)}."
        )
    return {name: float(weight) for name, weight in weights.items()}


def _is_weight(weight: Any) -> bool:
    # `True` is a number, and a slip here.
    number = isinstance(weight, Real) and not isinstance(weight, bool)
    return number and 0 < weight < math.inf


def roc_auc_of_present(
    y_true: np.ndarray,
    y_score: np.ndarray,
    *,
    labels: np.ndarray,
    average: str = "macro",
    multi_class: str = "raise",
    sample_weight: np.ndarray | None = None,
    **settings: Any,
) -> float:
    """Return the ROC AUC; one against rest, over those classes that `y_true` holds.

    A class of one sample is in no test part. scikit-learn has no score there.
    """
    score = partial(roc_auc_score, sample_weight=sample_weight, **settings)
    is_class = y_true == np.asarray(labels)[:, None]
    present = np.flatnonzero(is_class.any(axis=1))
    if multi_class != "ovr" or len(present) in (1, len(labels)):
        settings = {"labels": labels, "average": average, "multi_class": multi_class}
        return score(y_true, y_score, **settings)
    areas = [score(is_class[i], y_score[:, i]) for i in present]
    weight = np.ones(len(y_true)) if sample_weight is None else sample_weight
    shares = is_class[present] @ weight if average == "weighted" else None
    return float(np.average(areas, weights=shares))


def _of_all_classes(scorer: Any) -> Any:
    """Return a scorer as scikit-learn has it: undefined if a class is absent."""
    if getattr(scorer, "_score_func", None) is not roc_auc_of_present:
        return scorer
    strict = copy.copy(scorer)
    strict._score_func = roc_auc_score
    return strict


def _with_labels(scorer: Any, labels: Any) -> Any:
    """Return a scorer of probabilities, such as the log loss, that knows all classes.

    On a test part that lacks a class it could not tell which columns are whose.
    """
    if labels is None or not isinstance(scorer, _BaseScorer):
        return scorer
    wants_labels = "labels" in inspect.signature(scorer._score_func).parameters
    if scorer._response_method != "predict_proba" or not wants_labels:
        return scorer
    changed = copy.copy(scorer)
    changed._kwargs = {"labels": labels, **scorer._kwargs}
    if scorer._score_func is roc_auc_score:
        changed._score_func = roc_auc_of_present
    return changed
