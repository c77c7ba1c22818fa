"""Optuna's TPE with its Hyperband pruner, over a genome of sknevo in the same time.

Two or more processes share a study in a journal file; each trains with one thread. The
accuracy of a network on held-out images is reported after each epoch. The search ends
early enough to train the best complete trial again on all images, as in sknevo.
"""

import tempfile
import time
from contextlib import suppress
from pathlib import Path

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
from sknevo.deadline import TrialPruned
from sknevo.genomes.convnet import convnet, well_known
from sknevo.records import Chromosome, DataSpec

HELD_OUT, REFIT_MARGIN = 0.2, 1.15


def search(X, y, limits, args, seed):
    """Return the best network, fitted on all images, and the number of trials."""
    begin, n_jobs, device = time.time(), args.n_jobs, args.device
    train_size = args.train_size or 1 - HELD_OUT
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "study")
        spec = DataSpec(
            "classification",
            round(train_size * len(y)),
            len(np.unique(y)),
            shape=X.shape[1:],
        )
        genome = convnet(spec, **limits)
        study = _study(file, genome, seed)
        for known in well_known(spec, genome):
            with suppress(ValueError):  # of more layers than the genome has
                genome.complete(known, np.random.default_rng(0))
                study.enqueue_trial(flat(genome, known, "genome"))
        Parallel(n_jobs)(
            delayed(_work)(
                file, genome, spec, X, y, begin + args.max_time, device, seed, i
            )
            for i in range(n_jobs)
        )
        genes = study.best_trial.user_attrs["genes"]
        n_trials = len(study.trials)
    torch.set_num_threads(n_jobs)
    return ConvNetBuilder(spec, device, final=True)(genes, seed).fit(X, y), n_trials


def _study(file, genome, seed):
    return optuna.create_study(
        study_name="study",
        storage=JournalStorage(JournalFileBackend(file)),
        sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=True),
        pruner=optuna.pruners.HyperbandPruner(
            max_resource=genome.genes["training"].genes["epochs"].high
        ),
        direction="maximize",
        load_if_exists=True,
    )


def _work(file, genome, spec, X, y, end, device, seed, worker):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    torch.set_num_threads(1)
    study = _study(file, genome, 1000 * seed + worker)
    rng = np.random.default_rng(0)
    X_train, X_test, y_train, y_test = train_test_split(
        X,
        y,
        train_size=spec.n_samples,
        test_size=HELD_OUT,
        stratify=y,
        random_state=seed,
    )

    def end_of_search():
        complete = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
        best = max(complete, key=lambda t: t.value, default=None)
        if best is None:
            return end
        growth = len(y) / len(y_train)
        return end - REFIT_MARGIN * growth * best.user_attrs["seconds"]

    def objective(trial):
        genes = genome.complete(suggest(trial, genome, "genome"), rng)
        expressed = Chromosome(genes).expressed
        net = ConvNetBuilder(spec, device, final=True)(expressed, seed)

        scoring = []

        def after_epoch(net, **_):
            begin = time.time()
            score = float((net.predict(X_test) == y_test).mean())
            trial.report(score, len(net.history))
            trial.set_user_attr("score", score)
            scoring.append(time.time() - begin)
            if trial.should_prune() or time.time() > end_of_search():
                raise optuna.TrialPruned

        net.on_epoch_end = after_epoch
        begin = time.time()
        try:
            net.fit(X_train, y_train)
        except TrialPruned as reason:
            raise optuna.TrialPruned from reason
        trial.set_user_attr("seconds", time.time() - begin - sum(scoring))
        trial.set_user_attr("genes", expressed)
        return trial.user_attrs["score"]

    while time.time() < end_of_search():
        study.optimize(objective, n_trials=1, catch=(RuntimeError, ValueError))
