"""Individuals that cost nothing, and some that misbehave, for tests of the engine."""

import os
import time
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from sknevo.deadline import check_deadline
from sknevo.evaluation import Data, Evaluator, Objectives, Shared, Trial
from sknevo.genes import Categorical, Genome, Real


class Toy(ClassifierMixin, BaseEstimator):
    """Scores what its gene x says; does on the way what its gene act says."""

    def __init__(self, x=0.0, act="learn", seconds=0.0, random_state=0):
        self.x = x
        self.act = act
        self.seconds = seconds
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        match self.act:
            case "raise":
                raise ValueError(f"cannot learn with x={self.x:.1f}")
            case "die":
                os._exit(1)
            case "starve":
                raise MemoryError("no more")
            case "loop":
                for _ in range(10_000):
                    time.sleep(0.01)
                    check_deadline()
        time.sleep(self.seconds)
        return self

    def score(self, X, y):
        return np.nan if self.act == "nan" else -abs(self.x)


@dataclass(frozen=True)
class ToyBuilder:
    seconds: float = 0.0

    def __call__(self, expressed, random_state):
        return Toy(**expressed, seconds=self.seconds, random_state=random_state)

    def cost(self, expressed):
        return max(self.seconds, 1e-6)


GENOME = Genome(x=Real(-1, 1), act=Categorical(["learn"]))


def score(estimator, X, y):
    return estimator.score(X, y)


def make_evaluator(seconds=0.0, n_jobs=1, n_splits=2, **trial):
    X = np.arange(20.0).reshape(10, 2)
    rows = np.arange(10)
    data = Data(X, rows % 2, [(rows[:5], rows[5:])] * n_splits)
    objectives = Objectives(score, None)
    return Evaluator(
        Trial(ToyBuilder(seconds), Shared(data), objectives, 0, **trial), n_jobs
    )
