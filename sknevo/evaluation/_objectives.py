"""What is measured: scores and costs, and the one, or the sum, that is the fitness."""

import copy
import inspect
import math
from collections.abc import Mapping, Sized
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.metrics import check_scoring
from sklearn.metrics._scorer import _BaseScorer, _MultimetricScorer

from sknevo.evaluation._costs import COSTS, Cost

__all__ = ["Objectives"]


@dataclass(frozen=True)
class Objectives:
    """Scorers, and what of their scores is the fitness.

    Parameters
    ----------
    scorer : callable
        ``scorer(estimator, X, y) -> float`` or dict of str to float.
    metric : str or None
        Which score is the fitness; None takes the first.
    weights : dict of str to float, default={}
        Of scores by name: with weights, the fitness is the weighted sum.

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

    @classmethod
    def of(
        cls, estimator: BaseEstimator, scoring: Any, refit: Any, labels: Any = None
    ) -> "Objectives":
        """Read `scoring` and `refit` as scikit-learn's searches do.

        Parameters
        ----------
        estimator : estimator
            Whose scores are meant; only its interface counts.
        scoring : str, callable, list, tuple, set or dict
            One scorer or several; among several, costs by name.
        refit : bool, str, callable or dict of str to float
            With several scorers, the name of the one that is the fitness, or the
            weights of some.
        labels : array-like or None, default=None
            All classes, for scores of probabilities on a split that lacks some.

        Returns
        -------
        Objectives

        Raises
        ------
        ValueError
            If there is no scorer, or nothing but costs, or several scorers and `refit`
            names none of them.
        """
        if isinstance(scoring, Sized) and not len(scoring):
            raise ValueError(f"scoring must name at least one metric; got {scoring!r}.")
        scorer = check_scoring(estimator, _with_costs(scoring))
        scorer = _told_labels(scorer, labels)
        names = list(getattr(scorer, "_scorers", ()))
        if isinstance(refit, Mapping):
            return cls(scorer, None, _checked_weights(refit, names, scoring))
        if names and isinstance(refit, bool | None):
            if refit:
                raise ValueError(
                    f"refit must name one of {names} or be a callable or False if "
                    f"scoring names several metrics; got {refit!r}."
                )
            refit = names[0]
        if names and isinstance(refit, str) and refit not in names:
            raise ValueError(f"refit must be one of {names}; got {refit!r}.")
        return cls(scorer, refit if isinstance(refit, str) else None)

    @property
    def scorers(self) -> Any:
        """The scorer, or a dict of them if there are several."""
        if isinstance(self.scorer, _MultimetricScorer):
            return dict(self.scorer._scorers)
        return self.scorer

    @property
    def _scorers(self) -> list[Any]:
        scorers = self.scorers
        return list(scorers.values()) if isinstance(scorers, dict) else [scorers]

    @property
    def needs_probabilities(self) -> bool:
        """Whether a score can be had from predicted probabilities only."""
        responses = [getattr(s, "_response_method", "any") for s in self._scorers]
        # Of several, a scorer takes the first that there is.
        first = [r if isinstance(r, str) else r[0] for r in responses]
        return any(r in ("predict_proba", "any") for r in first)

    @property
    def measures_costs(self) -> bool:
        """Whether a score depends on how a model is built, not on what it predicts."""
        return any(isinstance(scorer, Cost) for scorer in self._scorers)

    @property
    def blind_to_X(self) -> bool:
        """Whether X serves to predict only, so that prepared X does as well."""
        return all(isinstance(scorer, _BaseScorer) for scorer in self._scorers)

    def measure(
        self,
        estimator: BaseEstimator,
        X: Any,
        y: Any,
        score_params: Mapping[str, Any],
        fit_time: float = math.nan,
    ) -> dict[str, float]:
        """Return every score by name; a single one is named "score".

        Parameters
        ----------
        estimator : estimator
            Fitted.
        X, y : array-like
            What to score on; y is None where nothing is to be predicted.
        score_params : dict
            Metadata for the scorers.
        fit_time : float, default=nan
            Seconds that its fit took.

        Returns
        -------
        dict of str to float
            The higher, the better: costs are negated.
        """
        target = () if y is None else (y,)
        scores = self.scorer(estimator, X, *target, **score_params)
        if not isinstance(scores, Mapping):
            scores = {"score": scores}
        return {
            name: -fit_time if name in self._fit_times else float(score)
            for name, score in scores.items()
        }

    @property
    def _fit_times(self) -> list[str]:
        """The names of scores that only who fitted knows."""
        scorers = self.scorers if isinstance(self.scorers, dict) else {}
        costs = {n: s for n, s in scorers.items() if isinstance(s, Cost)}
        return [name for name, cost in costs.items() if cost.name == "fit_time"]

    def fitness(self, scores: Mapping[str, tuple[float, ...]]) -> float:
        """Return what evolution maximises: the mean over the splits.

        Parameters
        ----------
        scores : dict of str to tuple of float
            For every metric, its score on each split.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If `refit` names a score that a scorer of the user's did not return.
        """
        # A single score is "score", whatever `refit` calls it.
        single = self.metric is None or len(scores) == 1
        weights = self.weights or {next(iter(scores)) if single else self.metric: 1.0}
        if strange := [name for name in weights if name not in scores]:
            raise ValueError(
                f"refit must name scores among {list(scores)}; got {strange[0]!r}."
            )
        return sum(w * float(np.mean(scores[name])) for name, w in weights.items())

    def goals(self, scores: Mapping[str, tuple[float, ...]]) -> tuple[float, ...]:
        """Return what a strategy with several goals maximises.

        Parameters
        ----------
        scores : dict of str to tuple of float
            For every metric, its score on each split.

        Returns
        -------
        tuple of float
            The mean of each metric over the splits, minus infinity where it is NaN;
            empty if there is but one.
        """
        if len(scores) < 2:
            return ()
        means = [float(np.mean(values)) for values in scores.values()]
        return tuple(-math.inf if math.isnan(mean) else mean for mean in means)


def _with_costs(scoring: Any) -> Any:
    """Put scorers of costs where `scoring` names them; give what is named an order."""
    if isinstance(scoring, set | frozenset):
        scoring = sorted(scoring, key=repr)  # their order differs between processes
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


def _scorer(scorer: Any) -> Any:
    return Cost(scorer) if isinstance(scorer, str) and scorer in COSTS else scorer


def _checked_weights(
    weights: Mapping[str, Any], names: list[str], scoring: Any
) -> dict[str, float]:
    """Return the weights of a sum, if that is what they are."""
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
    number = isinstance(weight, Real) and not isinstance(weight, bool)
    return number and 0 < weight < math.inf


def _told_labels(scorer: Any, labels: Any) -> Any:
    """Tell scores of probabilities, such as the log loss, what all classes are."""
    if isinstance(scorer, _MultimetricScorer):
        scorers = {n: _told_labels(s, labels) for n, s in scorer._scorers.items()}
        return _MultimetricScorer(scorers=scorers, raise_exc=True)
    if labels is None or not isinstance(scorer, _BaseScorer):
        return scorer
    wants_labels = "labels" in inspect.signature(scorer._score_func).parameters
    if scorer._response_method != "predict_proba" or not wants_labels:
        return scorer
    told = copy.copy(scorer)
    told._kwargs = {"labels": labels, **scorer._kwargs}
    return told
