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
    n_fitted: int = 6  # of each seed
    # What may be predicted; None stands for what is in y, or floats.
    answers: Any = None

    def chromosomes(self, seed=0, n=24):
        rng = np.random.default_rng(seed)
        return [Chromosome(self.genome.sample(rng)) for _ in range(n)]


def values_of(estimator):
    """Return how all parameters but parts are written, those of parts included.

    scikit-learn takes seconds to write a nested pipeline.
    """
    plain = (bool, int, float, str, bytes, dict, np.generic, np.ndarray, type(None))
    params = estimator.get_params()
    return {k: repr(v) for k, v in params.items() if isinstance(v, plain)}


# The first seed in every run, the others before a change of genomes or builders lands.
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))]


class BuilderContract:
    """Tests of one builder on one kind of data, to be parametrized with a `Case`."""

    @pytest.mark.parametrize("seed", SEEDS)
    def test_every_chromosome_builds_fits_predicts_and_pickles(self, case, seed):
        for chromosome in case.chromosomes(seed, case.n_fitted):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # as in a trial
                fitted = case.builder(chromosome.expressed, 0).fit(case.X, case.y)
            predicted = fitted.predict(case.X)
            assert len(predicted) == _num_samples(case.X), chromosome
            self.check_predictions(case, fitted, predicted)
            again = pickle.loads(pickle.dumps(fitted))
            np.testing.assert_equal(again.predict(case.X), predicted)

    def check_predictions(self, case, fitted, predicted):
        """Look at what is predicted; where it is not one value each, in another way."""
        answers = case.y if case.answers is None else case.answers
        assert predicted.dtype.kind == "f" or set(predicted) <= set(answers)

    def test_estimators_are_unfitted_clones_of_their_parameters(self, case):
        for chromosome in case.chromosomes(1, 8):
            estimator = case.builder(chromosome.expressed, 0)
            assert values_of(clone(estimator)) == values_of(estimator)
            with pytest.raises(NotFittedError):
                check_is_fitted(estimator)

    def test_the_seed_decides(self, case):
        chromosome = case.chromosomes(2, 1)[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            one, two = (
                case.builder(chromosome.expressed, 7).fit(case.X, case.y)
                for _ in range(2)
            )
        np.testing.assert_equal(one.predict(case.X), two.predict(case.X))

    def test_builder_and_genome_pickle(self, case):
        assert repr(pickle.loads(pickle.dumps(case.builder))) == repr(case.builder)
        value = case.chromosomes(0, 1)[0].genes
        assert pickle.loads(pickle.dumps(case.genome)).contains(value)

    def test_chromosomes_are_json(self, case):
        for chromosome in case.chromosomes(4):
            assert json.loads(json.dumps(chromosome.genes)) == chromosome.genes

    def test_every_chromosome_has_a_cost(self, case):
        costs = [case.builder.cost(c.expressed) for c in case.chromosomes(5)]
        assert all(0 < cost < np.inf for cost in costs)
        assert len(set(costs)) > 1
