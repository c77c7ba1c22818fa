"""Optuna's TPE with its Hyperband pruner, over a genome of sknevo in the same time.

Two or more processes share a study in a journal file; each trains with one thread. A
trial is the same sequence of epochs as in sknevo. The accuracy on held-out images is
reported where Hyperband decides. The known individuals come first. The search ends
early enough to train the best complete trial again on all images.
"""

import pickle
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import optuna
import torch
from _optuna_genes import flat, suggest
from joblib import Parallel, delayed
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from sklearn.model_selection import train_test_split

from sknevo.builders.convnet import ConvNetBuilder
from sknevo.deadline import DeadlineReached, TrialPruned, must_end_by
from sknevo.genomes.convnet import convnet, well_known
from sknevo.records import Chromosome, DataSpec

# HELD_OUT is as in sknevo, FACTOR as is usual.
HELD_OUT, REFIT_MARGIN, FACTOR = 0.2, 1.15, 3


class Found(NamedTuple):
    """The best network, fitted on all images, and how the search came to it.

    `course` holds the seconds at which a network was better on the held-out images than
    all before, its score on them, and the network.
    """

    net: Any
    n_trials: int
    course: list[tuple[float, float, Any]]


def search(
    X: np.ndarray, y: np.ndarray, max_time: float, n_jobs: int, seed: int
) -> Found:
    """Search for so many seconds, the last fit included."""
    begin = time.time()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        n_train = round((1 - HELD_OUT) * len(y))
        whole = DataSpec("classification", len(y), len(np.unique(y)), shape=X.shape[1:])
        spec = replace(whole, n_samples=n_train)
        genome = convnet(spec)
        study = _study(folder, genome, seed)
        for known in well_known(spec, genome):
            genome.complete(known, np.random.default_rng(0))
            study.enqueue_trial(flat(genome, known, "genome"))
        parts = train_test_split(
            X, y, test_size=HELD_OUT, stratify=y, random_state=seed
        )
        search = (genome, spec, folder, begin, max_time, parts, seed)
        Parallel(n_jobs)(delayed(_work)(i, *search) for i in range(n_jobs))
        genes = study.best_trial.user_attrs["genes"]
        course = _course(folder)
        n_trials = len(study.trials)
    torch.set_num_threads(n_jobs)
    net = ConvNetBuilder(whole, final=True)(genes, seed).fit(X, y)
    return Found(net, n_trials, course)


def _course(folder: Path) -> list[tuple[float, float, Any]]:
    course: list[tuple[float, float, Any]] = []
    found = [pickle.loads(path.read_bytes()) for path in folder.glob("*.pickle")]
    for one in sorted(found, key=lambda one: one[0]):
        if not course or one[1] > course[-1][1]:
            course.append(one)
    return course


def _study(folder: Path, genome: Any, seed: int) -> optuna.Study:
    most = genome.genes["training"].genes["epochs"].high
    return optuna.create_study(
        study_name="study",
        storage=JournalStorage(JournalFileBackend(str(folder / "study"))),
        sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=True),
        pruner=optuna.pruners.HyperbandPruner(
            max_resource=most, reduction_factor=FACTOR
        ),
        direction="maximize",
        load_if_exists=True,
    )


def _work(number: int, genome: Any, spec: DataSpec, folder: Path, *rest: Any) -> None:
    study = _study(folder, genome, 1000 * rest[-1] + number)
    _Worker(study, genome, spec, folder, *rest).run()


@dataclass
class _Worker:
    """A process of a search: it trains one network at a time."""

    study: optuna.Study
    genome: Any
    spec: DataSpec
    folder: Path
    begin: float
    max_time: float
    parts: list[np.ndarray]
    seed: int
    best: float = -np.inf

    def run(self) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        torch.set_num_threads(1)
        while time.time() < self.end():
            self.study.optimize(
                self.objective, n_trials=1, catch=(RuntimeError, ValueError)
            )

    def end(self) -> float:
        """Return the `time.time()` at which the last fit must begin."""
        states = [TrialState.COMPLETE]
        complete = self.study.get_trials(deepcopy=False, states=states)
        best = max(complete, key=lambda trial: trial.value, default=None)
        last_fit = 0.0
        if best is not None:
            last_fit = REFIT_MARGIN / (1 - HELD_OUT) * best.user_attrs["seconds"]
        return self.begin + self.max_time - last_fit

    def objective(self, trial: optuna.Trial) -> float:
        X, X_test, y, y_test = self.parts
        genes = suggest(trial, self.genome, "genome")
        genes = Chromosome(self.genome.complete(genes, np.random.default_rng(0)))
        trial.set_user_attr("genes", genes.expressed)
        net = ConvNetBuilder(self.spec, final=True)(genes.expressed, self.seed)
        seconds = 0.0
        for n_epochs in _rungs(genes.expressed["training"]["epochs"]):
            began = time.time()
            try:
                with must_end_by(self.end()):
                    net.train_to(X, y, n_epochs)
            except (TrialPruned, DeadlineReached) as reason:
                raise optuna.TrialPruned from reason
            seconds += time.time() - began
            score = float((net.predict(X_test) == y_test).mean())
            if score > self.best:
                self.best = score
                found = time.time() - self.begin, score, net
                path = self.folder / f"{trial.number}-{n_epochs}.pickle"
                path.write_bytes(pickle.dumps(found))
            trial.report(score, n_epochs)
            if trial.should_prune():
                raise optuna.TrialPruned
        trial.set_user_attr("seconds", seconds)
        return score


def _rungs(n_epochs: int) -> list[int]:
    """Return the epochs at which Hyperband decides, and the last."""
    rungs = [1]
    while rungs[-1] * FACTOR < n_epochs:
        rungs.append(rungs[-1] * FACTOR)
    return [*rungs, n_epochs] if rungs[-1] < n_epochs else rungs
