"""The trials of a search: what each is given, what it costs, what it leaves."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from sklearn.base import BaseEstimator

from sknevo.evaluation._data import part_of
from sknevo.evaluation._held_out import HeldOut
from sknevo.evaluation._model_store import ModelStore
from sknevo.evaluation._resources import SAMPLES, limited, spread, wanted
from sknevo.evaluation._scoring import Objectives, Response
from sknevo.evaluation._shared import Shared
from sknevo.records import Candidate


class Builder(Protocol):
    """Makes an unfitted scikit-learn estimator of expressed genes.

    If it has `makes_pipelines = True`, its estimators are Pipelines; the first step of
    each prepares the data. Candidates share fitted preparations, and sample weights go
    to the last step only, if its `fit` takes them. If that step has `watches_held_out =
    True`, its `fit` gets the held-out part as `X_val` and `y_val`. If it then has
    `held_out_`, a dict of honest predictions of `X_val` by method, they are what is
    scored. If it has `rounds_`, the builder takes their mean as `rounds` for a refit.
    If it has a method `for_samples`, that returns the builder for a number of samples;
    else the cost is taken to rise with them in proportion.
    If it has a method `family`, that returns for expressed genes a name of candidates
    for which `cost` errs by about the same factor.
    If it has `keeps_samples = True`, its estimators leave samples as they are, and keep
    what they make of them for as long as these live: all candidates get the same ones.
    If it has a `resource`, the name of a gene, training goes on: its estimators have
    `train_to(X, y, amount)`, which trains until so much of the resource is used in all,
    `finish(X, y, until=None)`, which ends it with other samples and also takes how much
    of the resource, by its name, and `settle()`, which drops what only training needs.
    """

    def __call__(self, expressed: dict[str, Any], random_state: int) -> BaseEstimator:
        """Return an unfitted estimator."""

    def cost(self, expressed: dict[str, Any]) -> float:
        """Return roughly how many seconds one fit takes."""


def training_continues(builder: Builder) -> bool:
    """Return whether the training of what a builder makes can go on."""
    return getattr(builder, "resource", None) is not None


@dataclass(frozen=True)
class Trials:
    """The trials of a search.

    All randomness derives from `random_state` and the key of the candidate. `resource`
    is "n_samples" or the name of a gene, `rungs` are the amounts of it below the last.
    A `model_store` takes the models of trials with all resources, which serve as the
    refit if `refits`. With a `response`, evaluations bring held-out predictions along,
    and the models of all trials are stored; so they are if training goes on.
    """

    builder: Builder
    data: Shared
    objectives: Objectives
    random_state: int
    resource: str | None = None
    rungs: tuple[int, ...] = ()
    model_store: ModelStore | None = None
    refits: bool = False
    response: Response | None = None

    # What a trial is given. ----------------------------------------------------------

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
        """Return the candidate, without a resource that is no restriction to it."""
        if candidate.resource is None:
            return candidate
        whole = self.data.value.n_train
        if self.resource != SAMPLES:
            whole = wanted(candidate.chromosome.expressed, self.resource)
        if candidate.resource < whole:
            return candidate
        return replace(candidate, resource=None)

    def share(self, candidate: Candidate) -> float:
        """Return the share of the training part that a candidate is given."""
        few = self._n_samples(candidate)
        return 1.0 if few is None else few / self.data.value.n_train

    def _n_samples(self, candidate: Candidate) -> int | None:
        """Return how many training samples a candidate is given, None for all."""
        few = self.normalized(candidate).resource
        return few if self.resource == SAMPLES else None

    def _genes(self, candidate: Candidate) -> dict[str, Any]:
        """Return the expressed genes, limited to the resource if that is a gene."""
        expressed = candidate.chromosome.expressed
        if candidate.resource is None or self.resource == SAMPLES:
            return expressed
        return limited(expressed, self.resource, candidate.resource)

    def rows(self, candidate: Candidate, split: int) -> tuple[np.ndarray, np.ndarray]:
        """Return training and test rows; the resource limits the former only."""
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
        """Return the order in which training rows are given to candidates."""
        train, _ = self.data.value.splits[split]
        rng = np.random.default_rng([self.random_state, split])
        order = spread(part_of(self.data.value.y, train), len(train), rng)
        return order.astype(np.min_scalar_type(len(train)))

    def built(self, candidate: Candidate) -> BaseEstimator:
        """Return the unfitted estimator of a candidate."""
        # What goes on is built for all of its training.
        whole = candidate.chromosome.expressed
        genes = whole if self._climbs else self._genes(candidate)
        return self._builder_for(candidate)(genes, self.seed(candidate))

    def _builder_for(self, candidate: Candidate) -> Builder:
        """Return the builder for as many samples as a candidate is given."""
        few = self._n_samples(candidate)
        if few is None or not hasattr(self.builder, "for_samples"):
            return self.builder
        return self.builder.for_samples(few)

    # What it costs. ------------------------------------------------------------------

    def cost(self, candidate: Candidate) -> float:
        """Return the predicted seconds of a fit, 0 if there is no prediction."""
        builder = self._builder_for(candidate)
        try:
            predicted = builder.cost(self._genes(candidate))
        except Exception:  # if it cannot be built, its trial reports why
            return 0.0
        if self.continues:
            predicted *= 1 - self._done(candidate)
        # A builder that knows no number of samples predicts for all of them.
        return (
            predicted * self.share(candidate) if builder is self.builder else predicted
        )

    def _done(self, candidate: Candidate) -> float:
        """Return the share of a training that a kept model has behind it."""
        if self.model_store is None:
            return 0.0
        below = next(filter(self.model_store.received, self._below(candidate)), None)
        return 0.0 if below is None else below.resource / self.amount(candidate)

    def family(self, candidate: Candidate) -> str:
        """Return the name of candidates for which predicted costs err alike."""
        try:
            return self.builder.family(candidate.chromosome.expressed)
        except Exception:  # a builder without families, or nothing that can be built
            return ""

    # Training that goes on. ----------------------------------------------------------

    @property
    def continues(self) -> bool:
        """Whether the training of a kept model can go on."""
        return training_continues(self.builder)

    @property
    def _climbs(self) -> bool:
        """Whether training goes on from one rung to the next."""
        return self.continues and self.builder.resource == self.resource

    def amount(self, candidate: Candidate) -> int | None:
        """Return how much is trained in all, None if training does not go on."""
        if not self.continues:
            return None
        all_of_it = int(wanted(candidate.chromosome.expressed, self.builder.resource))
        few = candidate.resource if self._climbs else None
        return all_of_it if few is None else min(few, all_of_it)

    def _below(self, candidate: Candidate) -> Iterator[Candidate]:
        """Yield the same individual with less of the resource, the most first."""
        if self._climbs:
            amount = self.amount(candidate)
            for rung in sorted(self.rungs, reverse=True):
                if rung < amount:
                    yield Candidate(candidate.chromosome, rung)

    def begun(self, candidate: Candidate, split: int) -> BaseEstimator | None:
        """Return a kept model that can be trained on, None if there is none."""
        if self.model_store is None:
            return None
        kept = (self.model_store.load(one, split) for one in self._below(candidate))
        return next((model for model in kept if model is not None), None)

    # What it leaves. -----------------------------------------------------------------

    def keeps_models(self, candidate: Candidate) -> bool:
        """Return whether the models of a candidate are kept."""
        # Members of an ensemble, and what goes on, may have a part of the resources.
        partial = self.response is not None or self.continues
        counts = partial or self.normalized(candidate).resource is None
        return self.model_store is not None and counts

    def is_refit(self, candidate: Candidate) -> bool:
        """Return whether the model of a candidate's trial serves as its refit."""
        return self.refits and self.keeps_models(candidate)

    def needs_no_refit(self, candidate: Candidate) -> bool:
        """Return whether a model of this candidate was kept that is its refit."""
        return self.is_refit(candidate) and self.model_store.received(
            self.normalized(candidate)
        )

    def stored_model(self, candidate: Candidate) -> BaseEstimator | None:
        """Return the model that a trial has fitted on its last split, if it is kept."""
        return self.model_store and self._settled(candidate, self.n_splits - 1)

    def models(self, candidate: Candidate) -> list[BaseEstimator]:
        """Return the models of all splits, none if one of them is not kept."""
        models = [self._settled(candidate, i) for i in range(self.n_splits)]
        return [] if any(model is None for model in models) else models

    def _settled(self, candidate: Candidate, split: int) -> BaseEstimator | None:
        """Return a kept model without what only training needs."""
        model = self.model_store.load(self.normalized(candidate), split)
        return model.settle() if self.continues and model is not None else model

    def held_out(self) -> HeldOut:
        """Return the held-out parts of the splits, to score predictions of them."""
        data = self.data.value
        parts = [test for _, test in data.splits]
        targets = [part_of(data.y, test) for test in parts]
        params = [data.take(data.score_params, test) for test in parts]
        return HeldOut(self.objectives, targets, params, self.response.labels)
