"""What the trials of a search have in common: seeds, rows, seconds, kept models.

`TrialRunner` (in `_candidate.py`) adds how one of them runs.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from sklearn.base import BaseEstimator

from sknevo.evaluation._data import part_of
from sknevo.evaluation._held_out import HeldOut
from sknevo.evaluation._model_store import ModelStore
from sknevo.evaluation._resources import SAMPLES, limited, requested, stratified_order
from sknevo.evaluation._scoring import Objectives, Response
from sknevo.evaluation._shared import Shared
from sknevo.records import Candidate


class Builder(Protocol):
    """Makes an unfitted scikit-learn estimator of expressed genes.

    Only `__call__` and `cost` are required. A builder may also have

    - `makes_pipelines = True`: its estimators are Pipelines, and the first step of each
      prepares the data. Candidates share fitted preparations, and sample weights go to
      the last step only, if its `fit` takes them. If that step has `watches_held_out =
      True`, its `fit` gets the held-out part as `X_val` and `y_val`; if it then has
      `held_out_`, a dict of honest predictions of `X_val` by method, these are scored.
      If it has `rounds_`, the builder gets their mean as `rounds` for a refit.
    - `for_samples(n)`: returns the builder for a number of samples. Without it, the
      seconds of a fit are assumed to be proportional to the number of samples.
    - `family(expressed)`: returns the name of a group of candidates for which `cost`
      errs by about the same factor.
    - `keeps_samples = True`: its estimators do not change samples, and cache what they
      make of them (such as a copy on a GPU) by the identity of the array. So all
      candidates get the same array.
    - `resource`, the name of a gene: training is resumable. Its estimators have
      `train_to(X, y, amount)`, which trains until that amount of the resource is used
      in all; `finish(X, y, until=None)`, which ends the training, with other samples if
      need be, and also takes an amount of the resource by its name; and `settle()`,
      which drops what only training needs.
    """

    def __call__(self, expressed: dict[str, Any], random_state: int) -> BaseEstimator:
        """Return an unfitted estimator."""

    def cost(self, expressed: dict[str, Any]) -> float:
        """Return roughly how many seconds one fit takes.

        `sknevo.runtime_model` corrects this by how long trials have taken.
        """


def training_is_resumable(builder: Builder) -> bool:
    """Return whether estimators of a builder can be trained on after a pause."""
    return getattr(builder, "resource", None) is not None


@dataclass(frozen=True)
class Trials:
    """What the trials of a search have in common.

    All randomness derives from `random_state` and the key of the candidate, so that an
    evaluation does not depend on when and where it runs.

    Parameters
    ----------
    builder : Builder
        Makes the estimators.
    data : Shared
        The `Data`, with the splits.
    objectives : Objectives
        The scorers, and the fitness.
    random_state : int
        Seed of the search.
    resource : str or None, default=None
        Of successive halving: "n_samples", or the name of a gene.
    rungs : tuple of int, default=()
        Amounts of the resource on all rungs but the last.
    model_store : ModelStore or None, default=None
        Keeps models of trials with all of the resource; also those with a part of it if
        there is a `response` or if training is resumable.
    trial_is_refit : bool, default=False
        Whether the model of a trial is what a refit would give, since the refit has the
        same rows (a GAN with one split).
    response : Response or None, default=None
        What of held-out predictions evaluations return for an ensemble; None if there
        is no ensemble.
    """

    builder: Builder
    data: Shared
    objectives: Objectives
    random_state: int
    resource: str | None = None
    rungs: tuple[int, ...] = ()
    model_store: ModelStore | None = None
    trial_is_refit: bool = False
    response: Response | None = None

    # Seed, rows and genes of a trial. ------------------------------------------------

    @property
    def n_splits(self) -> int:
        """Number of fits of a trial."""
        return len(self.data.value.splits)

    def seed(self, candidate: Candidate, repetition: int = 0) -> int:
        """Return the seed of all randomness in the trials of a candidate."""
        text = f"{self.random_state}:{candidate.chromosome.key}"
        if repetition:
            text += f":{repetition}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) >> 1

    def normalized(self, candidate: Candidate) -> Candidate:
        """Return the candidate, with a resource of None if it restricts nothing.

        So a candidate whose genes ask for no more than a rung offers has one name, and
        is evaluated once.
        """
        if candidate.resource is None:
            return candidate
        whole = self.data.value.n_train
        if self.resource != SAMPLES:
            whole = requested(candidate.chromosome.expressed, self.resource)
        if candidate.resource < whole:
            return candidate
        return replace(candidate, resource=None)

    def row_share(self, candidate: Candidate) -> float:
        """Return the share of the training rows that a candidate is fitted on."""
        limit = self._sample_limit(candidate)
        return 1.0 if limit is None else limit / self.data.value.n_train

    def _sample_limit(self, candidate: Candidate) -> int | None:
        """Return how many training samples a candidate is fitted on, None for all."""
        limit = self.normalized(candidate).resource
        return limit if self.resource == SAMPLES else None

    def _genes(self, candidate: Candidate) -> dict[str, Any]:
        """Return the expressed genes, limited to the resource if that is a gene."""
        expressed = candidate.chromosome.expressed
        if candidate.resource is None or self.resource == SAMPLES:
            return expressed
        return limited(expressed, self.resource, candidate.resource)

    def split_rows(
        self, candidate: Candidate, split: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return training and test rows of a split; a resource limits the former."""
        train, test = self.data.value.splits[split]
        if candidate.resource is None or self.resource != SAMPLES:
            return train, test
        # Independent of the candidate: all of a rung are compared on the same rows, and
        # the rows of a lower rung are part of those of a higher one.
        (order,) = self.data.computed(
            ("order", self.random_state, split), lambda: (self._order(split),)
        )
        return np.sort(train[order[: candidate.resource]]), test

    def _order(self, split: int) -> np.ndarray:
        """Return an order of the training rows: a rung has the first ones of it."""
        train, _ = self.data.value.splits[split]
        rng = np.random.default_rng([self.random_state, split])
        order = stratified_order(part_of(self.data.value.y, train), len(train), rng)
        return order.astype(np.min_scalar_type(len(train)))

    def make_estimator(self, candidate: Candidate) -> BaseEstimator:
        """Return the unfitted estimator of a candidate."""
        # A training that is resumed on the next rung is built for all of its length.
        unlimited = candidate.chromosome.expressed
        genes = unlimited if self._resumes_on_rungs else self._genes(candidate)
        return self._builder_for(candidate)(genes, self.seed(candidate))

    def _builder_for(self, candidate: Candidate) -> Builder:
        """Return the builder for as many samples as a candidate is fitted on."""
        limit = self._sample_limit(candidate)
        if limit is None or not hasattr(self.builder, "for_samples"):
            return self.builder
        return self.builder.for_samples(limit)

    # Predicted seconds. --------------------------------------------------------------

    def cost(self, candidate: Candidate) -> float:
        """Return the seconds of a fit by the builder's formula, 0 if that fails."""
        builder = self._builder_for(candidate)
        try:
            predicted = builder.cost(self._genes(candidate))
        except Exception:  # if it cannot be built, its trial reports why
            return 0.0
        if self.is_resumable:
            predicted *= 1 - self._trained_share(candidate)
        # A builder that knows no number of samples predicts for all of them.
        return (
            predicted * self.row_share(candidate)
            if builder is self.builder
            else predicted
        )

    def _trained_share(self, candidate: Candidate) -> float:
        """Return the share of a training that the latest checkpoint has behind it."""
        if self.model_store is None:
            return 0.0
        for lower in self._lower_rungs(candidate):
            if self.model_store.received(lower):
                return lower.resource / self.total_amount(candidate)
        return 0.0

    def family(self, candidate: Candidate) -> str:
        """Return the name of a group of candidates for which `cost` errs alike."""
        try:
            return self.builder.family(candidate.chromosome.expressed)
        except Exception:  # a builder without families, or nothing that can be built
            return ""

    # Resumable training. -------------------------------------------------------------

    @property
    def is_resumable(self) -> bool:
        """Whether a kept model can be trained on."""
        return training_is_resumable(self.builder)

    @property
    def _resumes_on_rungs(self) -> bool:
        """Whether each rung resumes the training of the rung below."""
        return self.is_resumable and self.builder.resource == self.resource

    def total_amount(self, candidate: Candidate) -> int | None:
        """Return the amount that is trained in all, lower rungs included.

        It is an amount of the builder's resource, such as epochs; None if training is
        not resumable.
        """
        if not self.is_resumable:
            return None
        amount = int(requested(candidate.chromosome.expressed, self.builder.resource))
        limit = candidate.resource if self._resumes_on_rungs else None
        return amount if limit is None else min(limit, amount)

    def _lower_rungs(self, candidate: Candidate) -> Iterator[Candidate]:
        """Yield the same individual on lower rungs, the highest of them first."""
        if self._resumes_on_rungs:
            amount = self.total_amount(candidate)
            for rung in sorted(self.rungs, reverse=True):
                if rung < amount:
                    yield Candidate(candidate.chromosome, rung)

    def checkpoint(self, candidate: Candidate, split: int) -> BaseEstimator | None:
        """Return a model of a lower rung to be trained on, None if there is none."""
        if self.model_store is None:
            return None
        for lower in self._lower_rungs(candidate):
            if (model := self.model_store.load(lower, split)) is not None:
                return model
        return None

    # Kept models and predictions. ----------------------------------------------------

    def keeps_models(self, candidate: Candidate) -> bool:
        """Return whether the models of a candidate are kept."""
        if self.model_store is None:
            return False
        # Members of an ensemble, and checkpoints, may have a part of the resource.
        keeps_all = self.response is not None or self.is_resumable
        return keeps_all or self.normalized(candidate).resource is None

    def serves_as_refit(self, candidate: Candidate) -> bool:
        """Return whether the model that a trial fits is what a refit would give."""
        return self.trial_is_refit and self.keeps_models(candidate)

    def has_refit(self, candidate: Candidate) -> bool:
        """Return whether a trial has left a model that is what a refit would give."""
        return self.serves_as_refit(candidate) and self.model_store.received(
            self.normalized(candidate)
        )

    def stored_model(self, candidate: Candidate) -> BaseEstimator | None:
        """Return the model of the last split of a trial, None if it is not kept."""
        return self.model_store and self._load(candidate, self.n_splits - 1)

    def has_models(self, candidate: Candidate) -> bool:
        """Return whether the models of all splits are kept."""
        name = self.normalized(candidate)
        return all(self.model_store.has(name, i) for i in range(self.n_splits))

    def split_models(self, candidate: Candidate) -> list[BaseEstimator]:
        """Return the models of all splits, an empty list if one is not kept."""
        models = [self._load(candidate, i) for i in range(self.n_splits)]
        return [] if any(model is None for model in models) else models

    def _load(self, candidate: Candidate, split: int) -> BaseEstimator | None:
        """Return a kept model, without what only training needs, or None."""
        model = self.model_store.load(self.normalized(candidate), split)
        return model.settle() if self.is_resumable and model is not None else model

    def held_out(self) -> HeldOut:
        """Return the held-out parts of the splits, to score predictions of them."""
        data = self.data.value
        parts = [test for _, test in data.splits]
        targets = [part_of(data.y, test) for test in parts]
        params = [data.take(data.score_params, test) for test in parts]
        return HeldOut(self.objectives, targets, params, self.response.labels)
