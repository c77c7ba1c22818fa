"""What is measured: scikit-learn's scorers, and the one that evolution maximises."""

import copy
import inspect
from collections.abc import Mapping, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.metrics import check_scoring
from sklearn.metrics._scorer import _BaseScorer, _MultimetricScorer

__all__ = ["Objectives"]


@dataclass(frozen=True)
class Objectives:
    """Scorers, and the name of the score that is the fitness.

    Parameters
    ----------
    scorer : callable
        ``scorer(estimator, X, y) -> float`` or dict of str to float.
    metric : str or None
        Which score is the fitness; None takes the first.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> objectives = Objectives.of(SVC(), ["accuracy", "f1"], refit="f1")
    >>> objectives.metric
    'f1'
    """

    scorer: Any
    metric: str | None

    @classmethod
    def of(
        cls, estimator: BaseEstimator, scoring: Any, refit: Any, labels: Any = None
    ) -> "Objectives":
        """Read `scoring` and `refit` as scikit-learn's searches do.

        Parameters
        ----------
        estimator : estimator
            Whose scores are meant; only its interface counts.
        scoring : str, callable, list, tuple or dict
            One scorer or several.
        refit : bool, str or callable
            With several scorers, the name of the one that is the fitness.
        labels : array-like or None, default=None
            All classes, for scores of probabilities on a split that lacks some.

        Returns
        -------
        Objectives

        Raises
        ------
        ValueError
            If there is no scorer, or several and `refit` names none of them.
        """
        if isinstance(scoring, Sized) and not len(scoring):
            raise ValueError(f"scoring must name at least one metric; got {scoring!r}.")
        scorer = _told_labels(check_scoring(estimator, scoring), labels)
        names = list(getattr(scorer, "_scorers", ()))
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
        return any(r in ("predict_proba", "any") for r in responses)

    @property
    def blind_to_X(self) -> bool:
        """Whether X serves to predict only, so that prepared X does as well."""
        return all(isinstance(scorer, _BaseScorer) for scorer in self._scorers)

    def measure(
        self, estimator: BaseEstimator, X: Any, y: Any, score_params: Mapping[str, Any]
    ) -> dict[str, float]:
        """Return every score by name; a single one is named "score"."""
        scores = self.scorer(estimator, X, y, **score_params)
        if not isinstance(scores, Mapping):
            scores = {"score": scores}
        return {name: float(score) for name, score in scores.items()}

    def fitness(self, scores: Mapping[str, tuple[float, ...]]) -> float:
        """Return what evolution maximises: the mean over the splits."""
        # A single score is "score", whatever `refit` calls it.
        single = self.metric is None or len(scores) == 1
        name = next(iter(scores)) if single else self.metric
        return float(np.mean(scores[name]))


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
