"""The ensemble of what a search has evaluated: its selection, and its predictions."""

import pickle
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, gen_batches
from sklearn.utils.validation import _num_samples

from sknevo.evaluation import Decision, Evaluator, Response, select, tune
from sknevo.records import Chromosome, Evaluation
from sknevo.time_budget import TimeBudget

# Rows that are predicted at a time: prepared rows take memory. Chosen, not measured.
BATCH = 50_000


@dataclass(frozen=True)
class Member:
    """An individual in an ensemble.

    Parameters
    ----------
    index : int
        Its row in `cv_results_`.
    chromosome : Chromosome
        Its genes.
    weight : float
        Its share of the prediction: the weights of all members add up to 1.
    models : tuple of estimator
        Its model of each split, fitted on the training part.
    whole : estimator or None, default=None
        Its model of all of the data. It has half of the weight, and the models of the
        splits share the other half. A network that has gone on with all of the data
        takes the place of its model of the last split.
    """

    index: int
    chromosome: Chromosome
    weight: float
    models: tuple[BaseEstimator, ...]
    whole: BaseEstimator | None = None

    @property
    def shares(self) -> list[tuple[BaseEstimator, float]]:
        """Each model with its share of the ensemble's prediction."""
        # Measured by benchmarks/folds.py at 150 to 4,000 rows (doc/figures.md): the
        # loss is 0.5 to 1.7 % lower than without a model of all data. That model alone
        # is as good in the mean, and up to 7 % worse on tables that are noisy.
        if self.whole is None:
            return [(model, self.weight / len(self.models)) for model in self.models]
        if not self.models:
            return [(self.whole, self.weight)]
        each = self.weight / 2 / len(self.models)
        return [
            *((model, each) for model in self.models),
            (self.whole, self.weight / 2),
        ]


class _Ensemble(BaseEstimator):
    """Averages what the models of its members predict; a search makes it.

    Parameters
    ----------
    members : list of Member
        The individuals with their rows of `cv_results_`, weights and models.
    scores : list of float
        The fitness after each step of the selection, on the held-out parts, and after
        the decision is tuned. The last one is that of the ensemble as it predicts.
    response : Response
        What of the models' predictions is averaged.
    decision : Decision
        What is made of averaged probabilities.
    first_steps : list of (str, transformer), default=()
        Fitted steps that read X before the models do.

    References
    ----------
    .. [1] Caruana, R., Niculescu-Mizil, A., Crew, G., & Ksikes, A. (2004). Ensemble
       Selection from Libraries of Models. ICML 2004.
    """

    def __init__(
        self,
        members: Sequence[Member],
        scores: Sequence[float],
        response: Response,
        decision: Decision,
        first_steps: Sequence[tuple[str, BaseEstimator]] = (),
    ) -> None:
        self.members = members
        self.scores = scores
        self.response = response
        self.decision = decision
        self.first_steps = first_steps

    @property
    def score_(self) -> float:
        """Fitness on the held-out parts that the members were selected by."""
        return self.scores[-1]

    @property
    def weights_(self) -> np.ndarray:
        """The members' weights, of shape (n_members,)."""
        return np.array([member.weight for member in self.members])

    @property
    def _weight_by_key(self) -> dict[str, float]:
        """The weight of each individual: one may be a member with several resources."""
        weights: dict[str, float] = {}
        for member in self.members:
            key = member.chromosome.key
            weights[key] = weights.get(key, 0.0) + member.weight
        return weights

    @property
    def n_bytes_(self) -> int:
        """Number of bytes when pickled."""
        return len(pickle.dumps(self))

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        n_models = sum(len(member.shares) for member in self.members)
        return f"{type(self).__name__}({len(self.members)} members, {n_models} models)"

    def _mean(self, X: Any) -> np.ndarray:
        """Return the weighted mean of what the models predict."""
        for _, step in self.first_steps:
            X = step.transform(X)
        batches = gen_batches(_num_samples(X), BATCH)
        return np.concatenate([self._mean_of(_safe_indexing(X, b)) for b in batches])

    def _mean_of(self, X: Any) -> np.ndarray:
        # Models that share a fitted preparation share what it makes of X.
        prepared: dict[int, Any] = {}
        total = 0.0
        for member in self.members:
            for model, share in member.shares:
                inner, prepared_X = model, X
                if isinstance(model, Pipeline):
                    first, inner = model.steps[0][1], model[1:]
                    if id(first) not in prepared:
                        prepared[id(first)] = first.transform(X)
                    prepared_X = prepared[id(first)]
                total = total + share * self.response.of(inner, prepared_X)
        return total


class EnsembleClassifier(ClassifierMixin, _Ensemble):
    __doc__ = _Ensemble.__doc__

    @property
    def classes_(self) -> np.ndarray:
        """The labels, sorted."""
        return self.response.labels

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, of shape (n_samples, n_classes)."""
        return self.decision.probabilities(self._mean(X))

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the logarithm of probabilities, or of their ratio."""
        values = np.log(np.maximum(self.predict_proba(X), np.finfo(float).tiny))
        return values[:, 1] - values[:, 0] if values.shape[1] == 2 else values

    def predict(self, X: Any) -> np.ndarray:
        """Return the classes that serve the score, of shape (n_samples,).

        The most probable ones, if the decision has no offsets.
        """
        return self.classes_[self.decision.codes(self._mean(X))]


class EnsembleRegressor(RegressorMixin, _Ensemble):
    __doc__ = _Ensemble.__doc__

    def predict(self, X: Any) -> np.ndarray:
        """Return the values, of shape (n_samples,)."""
        return self._mean(X)


def make_ensemble(
    evaluator: Evaluator,
    budget: TimeBudget,
    names: Sequence[str],
    size: int,
    first_steps: Sequence[tuple[str, BaseEstimator]],
) -> EnsembleClassifier | EnsembleRegressor | None:
    """Return an ensemble of evaluated candidates, None if none has models.

    A candidate that was promoted counts with each of its resources, unless training is
    resumable.

    Parameters
    ----------
    names : sequence of str
        The candidates in the order of `cv_results_`.
    size : int
        Steps of the selection.
    """
    runner = evaluator.runner
    rows = {name: index for index, name in enumerate(names)}
    library = [e for e in runner.model_store.kept if e.candidate.name in rows]
    if runner.is_resumable:  # checkpoints of one training are alike
        library = _with_most_resources(library)
    if not library:
        return None
    predictions = [evaluation.predictions for evaluation in library]
    held_out = runner.held_out()
    selection = select(predictions, held_out, size)
    average = selection.average(predictions)
    decision = tune(average, held_out)
    chosen = [library[i] for i in selection.weights]
    evaluator.fit_missing_models(chosen, budget)
    models = [runner.split_models(evaluation.candidate) for evaluation in chosen]
    _share_first_steps(model for of_member in models for model in of_member)
    weights = np.array(list(selection.weights.values()))
    weights *= [bool(of_member) for of_member in models]  # no time to fit the others
    if not weights.any():
        return None
    members = [
        Member(rows[e.candidate.name], e.chromosome, float(weight), tuple(of_member))
        for e, weight, of_member in zip(
            chosen, weights / weights.sum(), models, strict=True
        )
        if weight
    ]
    scores = list(selection.scores)
    if decision != Decision():
        scores.append(held_out.score(average, decision))
    kind = EnsembleRegressor if runner.response.labels is None else EnsembleClassifier
    return kind(members, scores, runner.response, decision, list(first_steps))


def _with_most_resources(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """Return for each individual its evaluation with the most of the resource."""
    latest: dict[str, Evaluation] = {}
    for evaluation in sorted(evaluations, key=lambda e: e.rank_key):
        latest[evaluation.chromosome.key] = evaluation
    return [e for e in evaluations if latest[e.chromosome.key] is e]


def heaviest_first(members: Sequence[Member]) -> list[Member]:
    """Return members by their weights; of equal ones the earlier first."""
    return sorted(members, key=lambda member: -member.weight)


def with_models_of_all_data(
    members: Sequence[Member], models: Mapping[int, BaseEstimator]
) -> list[Member]:
    """Return members with their models of all of the data, which are given by index."""
    _share_first_steps(models.values())
    return [replace(member, whole=models.get(member.index)) for member in members]


def _share_first_steps(models: Iterable[BaseEstimator]) -> None:
    """Let pipelines whose fitted first steps are equal have the same one, in place.

    So X is prepared once for all of them, and an ensemble pickles to fewer bytes.
    """
    steps: dict[bytes, tuple[str, BaseEstimator]] = {}
    for model in models:
        if isinstance(model, Pipeline):
            first = model.steps[0]
            model.steps[0] = steps.setdefault(pickle.dumps(first), first)
