"""Optuna's TPE over sknevo's genome of pipelines, in the same time.

Processes share a study in a journal file; each trains with one thread. The folds are
those of an `EvolvedPipelineClassifier` and the known configurations come first. The
search ends early enough to fit the best pipeline on all rows. Trials that then still
run are stopped.
"""

import multiprocessing
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import optuna
from _optuna_genes import flat, suggest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from sklearn.model_selection import (
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    cross_validate,
)
from threadpoolctl import threadpool_limits

from sknevo import EvolvedPipelineClassifier
from sknevo.builders.pipeline import PipelineBuilder
from sknevo.builders.pipeline._columns import ColumnReader
from sknevo.genomes.pipeline import pipeline, well_known
from sknevo.records import Chromosome, DataSpec

# Up to so many rows there are so many folds; of more rows, a fifth is held out.
FOLDS = EvolvedPipelineClassifier._default_folds
# The refit takes the time of a fit in the best trial, times its rows, times this.
REFIT_MARGIN = 1.5
# Seconds between two looks at the study.
INTERVAL = 0.2


def search(job):
    """Return the best pipeline, fitted on all rows, and the number of trials."""
    end = time.time() + job.budget
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # The reader is a step of its own, so that trials get tables that are read already.
    reader = ColumnReader()
    X = reader.fit_transform(job.X)
    task = "classification" if job.classifies else "regression"
    spec = DataSpec(task, len(X), job.n_classes, reader.describe(X))
    genome = pipeline(spec)
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "study")
        study = _study(file, job.seed)
        for known in well_known(spec):
            with suppress(ValueError):
                genome.complete(known, np.random.default_rng(0))
                study.enqueue_trial(flat(genome, known, "genome"))
        workers = [
            multiprocessing.Process(
                target=_work, args=(file, job.seed + 1000 * i, genome, spec, X, job)
            )
            for i in range(1, job.n_jobs + 1)
        ]
        for worker in workers:
            worker.start()
        while time.time() < end - _refit_seconds(study):
            time.sleep(INTERVAL)
        for worker in workers:
            worker.kill()
        best = study.best_trial
        complete = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    genes = best.user_attrs["genes"]
    builder = PipelineBuilder(spec, probabilities=job.classifies)
    with threadpool_limits(job.n_jobs):
        model = builder(genes, job.seed).fit(X, job.y)
    model.steps.insert(0, ("columns", _Read(reader)))
    return model, len(complete)


class _Read:
    """The reader of the columns, as a fitted step."""

    def __init__(self, reader):
        self.reader = reader

    def transform(self, X):
        return self.reader.read(X)


def _study(file, seed):
    return optuna.create_study(
        study_name="study",
        storage=JournalStorage(JournalFileBackend(file)),
        sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=True),
        direction="maximize",
        load_if_exists=True,
    )


def _refit_seconds(study):
    complete = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    best = max(complete, key=lambda trial: trial.value, default=None)
    return 0.0 if best is None else REFIT_MARGIN * best.user_attrs["seconds"]


def _splits(job):
    folds = next((k for rows, k in FOLDS.items() if len(job.X) <= rows), None)
    if folds is None:
        kind = StratifiedShuffleSplit if job.classifies else ShuffleSplit
        return kind(1, test_size=0.2, random_state=job.seed)
    kind = StratifiedKFold if job.classifies else KFold
    return kind(folds, shuffle=True, random_state=job.seed)


def _work(file, seed, genome, spec, X, job):
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study, rng, splits = _study(file, seed), np.random.default_rng(seed), _splits(job)
    share = splits.get_n_splits()
    growth = share / (share - 1) if share > 1 else 1.25
    builder = PipelineBuilder(spec, probabilities=job.classifies)

    def objective(trial):
        genes = genome.complete(suggest(trial, genome, "genome"), rng)
        expressed = Chromosome(genes).expressed
        scores = cross_validate(
            builder(expressed, job.seed),
            X,
            job.y,
            cv=splits,
            scoring=job.scoring,
            error_score="raise",
        )
        trial.set_user_attr("seconds", growth * float(scores["fit_time"].mean()))
        trial.set_user_attr("genes", expressed)
        return float(scores["test_score"].mean())

    with threadpool_limits(1):
        while True:
            study.optimize(objective, n_trials=1, catch=(Exception,))
