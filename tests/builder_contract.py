"""What every builder keeps, with whatever its genome describes.

A new task joins all of this by one case::

    @pytest.mark.parametrize("case", [Case(genome, builder, X, y)])
    class TestMyBuilder(BuilderContract): ...
"""

import json
import pickle
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import _num_samples, check_is_fitted

from sknevo.records import Chromosome


@dataclass
class Case:
    genome: Any
    builder: Any
    X: Any
    y: Any
    n: int = 24
    # What may be predicted; None stands for what is in y, or floats.
    answers: Any = None

    def chromosomes(self, seed=0):
        rng = np.random.default_rng(seed)
        return [Chromosome(self.genome.sample(rng)) for _ in range(self.n)]


class BuilderContract:
    """Tests of one builder on one kind of data, to be parametrized with a `Case`."""

    def test_every_chromosome_builds_fits_and_predicts(self, case):
        for chromosome in case.chromosomes():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # as in a trial
                fitted = case.builder(chromosome.expressed, 0).fit(case.X, case.y)
            predicted = fitted.predict(case.X)
            assert len(predicted) == _num_samples(case.X), chromosome
            answers = case.y if case.answers is None else case.answers
            assert predicted.dtype.kind == "f" or set(predicted) <= set(answers)

    def test_estimators_are_unfitted_clones_of_their_parameters(self, case):
        for chromosome in case.chromosomes(1)[:8]:  # to show them takes its time
            estimator = case.builder(chromosome.expressed, 0)
            assert repr(clone(estimator)) == repr(estimator)
            with pytest.raises(NotFittedError):
                check_is_fitted(estimator)

    def test_the_seed_decides(self, case):
        chromosome = case.chromosomes(2)[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            one, two = (
                case.builder(chromosome.expressed, 7).fit(case.X, case.y)
                for _ in range(2)
            )
        np.testing.assert_equal(one.predict(case.X), two.predict(case.X))

    def test_fitted_estimators_pickle(self, case):
        for chromosome in case.chromosomes(3)[:5]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fitted = case.builder(chromosome.expressed, 0).fit(case.X, case.y)
            again = pickle.loads(pickle.dumps(fitted))
            np.testing.assert_equal(again.predict(case.X), fitted.predict(case.X))

    def test_builder_and_genome_pickle(self, case):
        assert repr(pickle.loads(pickle.dumps(case.builder))) == repr(case.builder)
        value = case.chromosomes()[0].genes
        assert pickle.loads(pickle.dumps(case.genome)).contains(value)

    def test_chromosomes_are_json(self, case):
        for chromosome in case.chromosomes(4):
            assert json.loads(json.dumps(chromosome.genes)) == chromosome.genes

    def test_every_chromosome_has_a_cost(self, case):
        costs = [case.builder.cost(c.expressed) for c in case.chromosomes(5)]
        assert all(0 < cost < np.inf for cost in costs)
        assert len(set(costs)) > 1
