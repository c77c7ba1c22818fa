"""Answers known individuals from memory and sends the rest to joblib's workers."""

import math
import statistics
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

from joblib import effective_n_jobs
from joblib._parallel_backends import LokyBackend
from joblib.externals.loky.process_executor import TerminatedWorkerError
from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed

from sknevo.evaluation._clusters import cluster_backend
from sknevo.evaluation._journal import Journal
from sknevo.evaluation._trial import Trial
from sknevo.evaluation._warden import Inquest, Warden
from sknevo.records import Chromosome, Evaluation

__all__ = ["Evaluator"]

NO_JOURNAL = Journal(None)


class Evaluator:
    """Evaluates chromosomes, each individual once, in the order asked.

    Parameters
    ----------
    trial : Trial
        What is done with each.
    n_jobs : int or None, default=None
        Workers, as joblib counts them.
    memory_limit : float or None, default=None
        Megabytes that a worker process may hold; who takes more is ended.
    journal : Journal, default=Journal(None)
        What is remembered from before, and for the next time.

    Attributes
    ----------
    known : dict of str to Evaluation
        All that was tried, by key.
    """

    def __init__(
        self,
        trial: Trial,
        n_jobs: int | None = None,
        memory_limit: float | None = None,
        journal: Journal = NO_JOURNAL,
    ) -> None:
        self.memory_limit = memory_limit
        self.n_jobs = n_jobs
        self.journal = journal
        self.n_workers = effective_n_jobs(n_jobs)
        self.trial = trial
        self.known: dict[str, Evaluation] = {}
        # Those that ended before others that were asked for earlier.
        self._early: dict[str, Evaluation] = {}
        self._paces: deque[float] = deque(maxlen=50)

    def again(self) -> "Evaluator":
        """Return an evaluator that tries everybody anew, with other seeds.

        Returns
        -------
        Evaluator
            Of the same data, which are this one's to close.
        """
        trial = replace(self.trial, repetition=self.trial.repetition + 1)
        other = Evaluator(trial, self.n_jobs, self.memory_limit, self.journal)
        other._paces = self._paces
        return other

    def evaluate(
        self,
        chromosomes: Sequence[Chromosome],
        moment: Callable[[], float] = lambda: math.inf,
    ) -> Iterator[Evaluation]:
        """Yield the evaluation of each chromosome, in the order given.

        Parameters
        ----------
        chromosomes : sequence of Chromosome
            Who is evaluated.
        moment : callable, default=never
            Returns the `time.time()` at which work must stop. What is unfinished then
            is yielded with the status "unfinished", what has not begun is not yielded.
            It does not hold for the very first individual: a search has to have one.

        Yields
        ------
        Evaluation
        """
        new = {
            c.key: c
            for c in chromosomes
            if c.key not in self.known
            and c.key not in self._early
            and self._recalled(c) is None
        }
        with closing(self._try(new, moment)) as arriving:
            for chromosome in chromosomes:
                if chromosome.key in self.known:
                    known = self.known[chromosome.key]
                    yield replace(known, chromosome=chromosome, cached=True)
                    continue
                evaluation = self._recalled(chromosome)
                evaluation = evaluation or self._awaited(chromosome, arriving)
                if evaluation is None:
                    return
                self._remember(evaluation)
                yield evaluation

    def _awaited(
        self, chromosome: Chromosome, arriving: Iterator[Evaluation]
    ) -> Evaluation | None:
        """Return the answer that is asked for; keep those that arrive before it."""
        while chromosome.key not in self._early:
            evaluation = next(arriving, None)
            if evaluation is None:
                return None
            # Whom the end of the search cut off deserves another trial.
            if evaluation.status != "unfinished":
                self.journal.append(evaluation, self.trial.repetition)
            self._early[evaluation.chromosome.key] = evaluation
        return self._early.pop(chromosome.key)

    def _recalled(self, chromosome: Chromosome) -> Evaluation | None:
        """Return what the journal says of a trial, as an answer to who asks."""
        evaluation = self.journal.recall(chromosome, self.trial.repetition)
        return evaluation and replace(evaluation, chromosome=chromosome)

    def _remember(self, evaluation: Evaluation) -> None:
        self.known[evaluation.chromosome.key] = evaluation
        if evaluation.status != "ok":
            return
        thought = self.trial.builder.cost(evaluation.chromosome.expressed)
        self._paces.append(evaluation.duration / len(evaluation.fit_times) / thought)

    def _try(
        self, waiting: dict[str, Chromosome], moment: Callable[[], float]
    ) -> Iterator[Evaluation]:
        """Yield results as they arrive; who kills a worker costs one trial only."""
        inquest = Inquest(self.n_workers)
        while waiting:
            # The very first has all the time it needs: no one who has not, and may
            # have to be stopped by force, is beside it.
            names = inquest.alone() or list(waiting)[: None if self.known else 1]
            trying = [waiting[name] for name in names]
            warden = Warden(self.trial.data, self.memory_limit)
            try:
                with warden, _closing(self._parallel(trying, moment)) as results:
                    for evaluation in results:
                        del waiting[evaluation.chromosome.key]
                        yield evaluation
                if not waiting.keys().isdisjoint(names):
                    return  # there is no time for them
            except TerminatedWorkerError:
                over = time.time() >= moment()
                for name, (status, error) in inquest.verdicts(names, warden, over):
                    if name in waiting:
                        yield Evaluation(waiting.pop(name), status, error=error)
                if over:
                    return
            inquest.acquit(waiting)

    def _parallel(
        self, chromosomes: list[Chromosome], moment: Callable[[], float]
    ) -> Iterator[Evaluation]:
        # Who may have to be ended by force is not tried in this process: of two workers
        # one is idle.
        apart = self.n_workers == 1 and self._forceful and _has_workers()
        return Parallel(
            n_jobs=2 if apart else self.n_jobs,
            backend=cluster_backend(self.trial.data),
            return_as="generator_unordered",
            batch_size=1,
            pre_dispatch=1 if apart else 2 * self.n_workers,
        )(self._tasks(chromosomes, moment))

    @property
    def _forceful(self) -> bool:
        limits = (self.trial.max_eval_time, self.memory_limit)
        return any(limit is not None for limit in limits)

    def _tasks(
        self, chromosomes: list[Chromosome], moment: Callable[[], float]
    ) -> Iterator[tuple]:
        """Yield joblib's tasks until time is over or too short for what comes next."""
        for i, chromosome in enumerate(list(chromosomes)):
            if i == 0 and not self.known:
                yield delayed(self.trial)(chromosome, math.inf)
                continue
            stop = moment()
            if time.time() + self._seconds(chromosome) > stop:
                return
            yield delayed(self.trial)(chromosome, stop)

    def cost(self, chromosome: Chromosome) -> float:
        """Return roughly what a trial costs, 0 if the answer is known."""
        if chromosome.key in self.known:
            return 0.0
        return self.trial.builder.cost(chromosome.expressed)

    def expected_seconds(self, chromosomes: Sequence[Chromosome]) -> float | None:
        """Return roughly how long they take together, None if nobody can say yet."""
        if not self._paces:
            return None
        n_splits = len(self.trial.data.value.splits)
        work = sum(map(self._seconds, chromosomes)) * n_splits
        return work / self.n_workers

    def _seconds(self, chromosome: Chromosome) -> float:
        """Return roughly the seconds on one split, by how long others really took."""
        pace = statistics.median(self._paces) if self._paces else 0.0
        return pace * self.cost(chromosome)

    def close(self) -> None:
        """Remove what was written for the workers."""
        self.trial.data.close()


def _has_workers() -> bool:
    """Whether joblib would start processes of its own here."""
    backend, _ = get_active_backend()
    return isinstance(backend, LokyBackend)


@contextmanager
def _closing(results: Iterator[Evaluation]) -> Iterator[Iterator[Evaluation]]:
    """Stop the workers at the end; that some are stopped early is no news then."""
    try:
        yield results
    finally:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*tasks")
            results.close()
