"""Individuals that cost nothing, and some that misbehave, for tests of the engine."""

import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin

from sknevo.deadline import check_deadline
from sknevo.evaluation import Data, Evaluator, Journal, Objectives, Shared, TrialRunner
from sknevo.genes import Categorical, Choice, Genome, Integer, Real, Repeat
from sknevo.records import Candidate, Chromosome, Evaluation
from sknevo.time_budget import TimeBudget


def fail(toy):
    raise ValueError(f"cannot learn with x={toy.x:.1f}")


def is_due(deaths):
    """Return whether to end another process: always, or as often as the file says."""
    if deaths is None:
        return True
    left = int(Path(deaths).read_text())
    Path(deaths).write_text(str(max(0, left - 1)))
    return left > 0


def die(toy, deaths=None):
    """End this process."""
    if is_due(deaths):
        os._exit(1)


def be_killed(toy, deaths=None):
    """Have this process ended as the system, or an administrator, would."""
    if is_due(deaths):
        os.kill(os.getpid(), signal.SIGKILL)


def starve(toy):
    raise MemoryError("no more")


def swell(toy):
    held = [b"x" * 10**7 for _ in range(200)]
    time.sleep(len(held))


def loop(toy):
    for _ in range(10_000):
        time.sleep(0.01)
        check_deadline()


def hang(toy):
    time.sleep(1000)


def hog(toy):
    """Stay in C, without ever letting go of the interpreter."""
    re.match(r"(a+)+$", "a" * 64 + "b")


def meet(toy, folder):
    """Wait for another trial that runs at the same time."""
    Path(folder, str(toy.x)).touch()
    for _ in range(2_000):
        if len(os.listdir(folder)) > 1:
            return
        time.sleep(0.01)
    raise TimeoutError(f"no other trial met x={toy.x:.1f}")


class Centroids(ClassifierMixin, BaseEstimator):
    """The class of the nearest mean: without probabilities, values and weights."""

    def __init__(self, shrinkage=0.0, random_state=None):
        self.shrinkage = shrinkage
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        means = np.array([X[y == label].mean(axis=0) for label in self.classes_])
        self.means_ = means + self.shrinkage * (X.mean(axis=0) - means)
        return self

    def predict(self, X):
        distances = ((X[:, None, :] - self.means_) ** 2).sum(axis=2)
        return self.classes_[distances.argmin(axis=1)]


ACTS = {
    "raise": fail,
    "meet": meet,
    "die": die,
    "be_killed": be_killed,
    "starve": starve,
    "swell": swell,
    "loop": loop,
    "hang": hang,
    "hog": hog,
}


class Toy(ClassifierMixin, BaseEstimator):
    """Scores what its gene x says; does on the way what its gene act says."""

    def __init__(self, x=0.0, act="learn", seconds=0.0, random_state=0):
        self.x = x
        self.act = act
        self.seconds = seconds
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        act, *how = self.act.split()
        if act in ACTS:  # others show in the score
            ACTS[act](self, *how)
        time.sleep(self.seconds)
        return self

    def score(self, X, y):
        return np.nan if self.act == "nan" else -abs(self.x)


class Failing(Toy):
    """Fails for a share of seeds, for so many causes, each time with other numbers."""

    def __init__(self, share=1.0, causes=1, seed=0):
        super().__init__()
        self.share = share
        self.causes = causes
        self.seed = seed

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        if self.seed % 100 < 100 * self.share:
            cause = "ab"[self.seed % self.causes]
            raise ValueError(f"cause {cause}, number {self.seed % 2000}")
        return self

    def score(self, X, y):
        return -float(self.seed)


@dataclass(frozen=True)
class ToyBuilder:
    seconds: float = 0.0

    def __call__(self, expressed, random_state):
        genes = {"seconds": self.seconds, **expressed}
        return Toy(**genes, random_state=random_state)

    def cost(self, expressed):
        return max(expressed.get("seconds", self.seconds), 1e-6)


class PidBuilder(ToyBuilder):
    """Makes toys whose score tells in which process they were made."""

    def __call__(self, expressed, random_state):
        toy = super().__call__({}, random_state)
        return toy.set_params(x=float(os.getpid()))


@dataclass(frozen=True)
class Recipe:
    """A builder made of a function of the expressed genes and the seed."""

    make: Callable

    def __call__(self, expressed, random_state):
        return self.make(expressed, random_state)

    def cost(self, expressed):
        return 1.0


class Priceless(ToyBuilder):
    """Cannot tell what anything costs."""

    def cost(self, expressed):
        raise KeyError("num_leaves")


class OwnPipelines(Recipe):
    """A recipe for pipelines of which individuals share the first step."""

    makes_pipelines = True


class KeepsSamples(Recipe):
    """A recipe for what leaves its samples as they are."""

    keeps_samples = True


class Centre(TransformerMixin, BaseEstimator):
    """A preparation that keeps account of its fits."""

    fits = []

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y=None):
        self.fits.append((self.factor, len(X)))
        self.mean_ = X.mean(axis=0)
        return self

    def transform(self, X):
        return self.factor * (X - self.mean_)


class Weighed(Toy):
    """A toy that remembers with which metadata it was fitted."""

    weights = []

    def fit(self, X, y, sample_weight=None):
        self.weights.append(sample_weight)
        return super().fit(X, y)

    def predict(self, X):
        return np.zeros(len(X))


def profit(y, predicted, amount=1.0):
    """Score by what every right answer is worth."""
    return float(np.mean((y == predicted) * amount))


def look(shared):
    """Say, in a worker, what the shared array is there, and which one."""
    array = shared.value["X"]
    return type(array).__name__, array.flags.writeable, array.sum(), id(shared)


# A landscape with every kind of gene; none of exp and log, which differ from platform
# to platform in the last digit and so would change keys.
LANDSCAPE = Genome(
    x=Real(-1, 1),
    n=Integer(0, 20),
    shape=Choice(
        round=Genome(radius=Real(0, 1)),
        square=Genome(side=Real(0, 1), tilt=Integer(0, 9)),
        flat=Genome(),
    ),
    steps=Repeat(Categorical(["left", "right", "up"]), 1, 4),
)


def height(expressed):
    """Return how high an individual stands on the landscape: 2 at most."""
    match expressed["shape"]:
        case {"round": genes}:
            shape = 0.3 - genes["radius"]
        case {"square": genes}:
            shape = 0.5 - (genes["side"] - 0.7) ** 2 - ((genes["tilt"] - 4) / 10) ** 2
        case _:
            shape = 0.0
    steps = sum(step == "up" for step in expressed["steps"]) / 4
    place = (expressed["x"] - 0.3) ** 2 + ((expressed["n"] - 13) / 20) ** 2
    return 0.5 + shape + steps - place


def rate(chromosome, status="ok"):
    """Return the evaluation of a chromosome on the landscape, without training."""
    if status != "ok":
        return Evaluation(chromosome, status, error="bad luck")
    return Evaluation(chromosome, "ok", height(chromosome.expressed))


def chromosome(x=0.0, act="learn", **genes):
    return Chromosome({"x": x, "act": act, **genes})


# Some of every kind, one of them twice.
MIXED = [
    *(chromosome(i / 10) for i in range(5)),
    *(chromosome(0.6, act) for act in ("raise", "starve", "nan")),
    chromosome(0.1),
    chromosome(0.7),
]


def plain(evaluations):
    """Return all but the times, which must not depend on workers."""
    return [replace(e, fit_times=(), score_times=()) for e in evaluations]


class Gone:
    """A parcel that got lost."""

    def __init__(self, *content):
        """Lose it."""

    def open(self):
        raise OSError("gone")


def candidate(*args, **genes):
    return Candidate(chromosome(*args, **genes))


NO_JOURNAL = Journal(None)
GENOME = Genome(x=Real(-1, 1), act=Categorical(["learn"]))


def score(estimator, X, y):
    return estimator.score(X, y)


def make_evaluator(
    seconds=0.0, n_jobs=1, n_splits=2, memory_limit=None, journal=NO_JOURNAL, **runner
):
    X = np.arange(20.0).reshape(10, 2)
    rows = np.arange(10)
    data = Data(X, rows % 2, [(rows[:5], rows[5:])] * n_splits)
    objectives = Objectives(score, None)
    runner = {"builder": ToyBuilder(seconds), **runner}
    runner = TrialRunner(
        data=Shared(data), objectives=objectives, random_state=0, **runner
    )
    return Evaluator(runner, n_jobs, memory_limit, journal)


def evaluate(evaluator, chromosomes, budget=None):
    """Return the evaluations of chromosomes that are asked for at once."""
    return evaluator.evaluate([*map(Candidate, chromosomes)], budget)


class Untransferable(Exception):
    """An exception that can be pickled, but not be made again."""

    def __init__(self, one, two):
        super().__init__("lost on the way")


# Scorers that tell of the worker.


def pid(estimator, X, y):
    return os.getpid()


def resident(estimator, X, y):
    """Return the megabytes that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Budget(TimeBudget):
    """A budget whose refits take what a test says."""

    def __init__(
        self,
        max_time=None,
        refit_seconds=None,
        refit_ratio=None,
        reserve=0,
        started=None,
        **plan,
    ):
        super().__init__(max_time, started=started)
        self.plan(**plan)
        self._seconds, self._factor, self._share = refit_seconds, refit_ratio, reserve
        if refit_seconds is not None or refit_ratio is not None:
            self.final_builder = ToyBuilder()

    def refit_seconds(self, evaluation):
        return 0.0 if self._seconds is None else self._seconds(evaluation)

    def _refit_ratio_if_best(self, candidate):
        return 0.0 if self._factor is None else self._factor(candidate)

    def _reserve(self, best):
        if best is None:
            return self._share * self.max_time
        return self.refit_seconds(best)


def begun(max_time, evaluator, **others):
    """Return a budget of a search in which something was evaluated before."""
    budget = Budget(max_time, trials=evaluator.runner, **others)
    for evaluation in evaluator.known.values():
        budget.observe(evaluation)
    return budget


class Learner(ClassifierMixin, BaseEstimator):
    """Notes each step of its training; its score is the number of steps."""

    def __init__(self, seed, fails=False):
        self.seed, self.fails = seed, fails
        self.steps = []
        self.n_last = 0

    def train_to(self, X, y, amount):
        self.n_last = amount - len(self.steps)
        self.steps += [(len(X), step) for step in range(len(self.steps), amount)]

    def finish(self, X, y, epochs=None, until=None):
        if self.fails:
            raise ValueError("nothing left to learn")
        while until is not None and time.time() < until:
            time.sleep(0.01)
        self.steps += [(len(X), "end")] * (epochs or 1)

    def settle(self):
        self.n_last = None
        return self

    def score(self, X, y):
        return float(len(self.steps))

    def predict(self, X):
        return np.zeros(len(X))


class LearnerBuilder:
    resource = "epochs"

    def __call__(self, expressed, random_state):
        return Learner(random_state, expressed.get("fails", False))

    def cost(self, expressed):
        return float(expressed["epochs"])
