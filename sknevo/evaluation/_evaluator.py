"""Answers known individuals from memory and sends the rest to joblib's workers."""

import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, suppress
from dataclasses import replace

from joblib import effective_n_jobs
from joblib._parallel_backends import LokyBackend
from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel

from sknevo.evaluation._clusters import cluster_backend
from sknevo.evaluation._desk import Desk
from sknevo.evaluation._journal import Journal
from sknevo.evaluation._pace import Pace
from sknevo.evaluation._trial import Trial
from sknevo.evaluation._warden import Warden, the_workers_ended
from sknevo.limits import Span
from sknevo.records import Candidate, Chromosome, Evaluation

__all__ = ["Evaluator"]

NO_JOURNAL = Journal(None)
# Of whom the end of the search left nothing to know.
CUT_OFF = ("unfinished", "skipped")


Spans = Callable[[Candidate | None], Span]


def _endless(candidate: Candidate | None) -> Span:
    return Span()


def _ignore(evaluation: Evaluation) -> None:
    pass


class Evaluator:
    """Evaluates candidates, each once, in the order asked.

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
        All that was tried, by the name of the candidate.
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
        # Whom the last stream has not answered, and who of them was being tried.
        self._unanswered: deque[Candidate] = deque()
        self._interrupted: Mapping[str, Candidate] = {}
        self._pace = Pace()

    def again(self) -> "Evaluator":
        """Return an evaluator that tries everybody anew, with other seeds.

        Returns
        -------
        Evaluator
            Of the same data, which are this one's to close.
        """
        repetition = self.trial.repetition + 1
        trial = replace(self.trial, repetition=repetition, fitted=None)
        other = Evaluator(trial, self.n_jobs, self.memory_limit, self.journal)
        other._pace = self._pace
        return other

    def evaluate(
        self,
        chromosomes: Sequence[Chromosome],
        span: Spans = _endless,
    ) -> Iterator[Evaluation]:
        """Yield the evaluation of each chromosome, in the order given.

        Parameters
        ----------
        chromosomes : sequence of Chromosome
            Who is evaluated, with all that each wants.
        span : callable, default=without end
            As for `stream`; for whom there is no time is not yielded.

        Yields
        ------
        Evaluation
        """
        candidates = iter([[Candidate(chromosome) for chromosome in chromosomes]])
        with closing(self.stream(lambda: next(candidates, []), span)) as evaluations:
            for evaluation in evaluations:
                if evaluation.status != "skipped":
                    yield evaluation

    def stream(
        self,
        ask: Callable[[], Sequence[Candidate]],
        span: Spans = _endless,
        hear: Callable[[Evaluation], None] = _ignore,
    ) -> Iterator[Evaluation]:
        """Yield the evaluations of all who are asked for, in the order asked.

        Parameters
        ----------
        ask : callable
            Returns who else is to be evaluated. It is asked before each answer is
            waited for: who is asked for may depend on the answers so far. The stream
            ends when it returns nobody and nobody is waited for.
        span : callable, default=without end
            Takes a candidate, or None for all that goes on; returns the time for it,
            as far as is known now. What is unfinished then is yielded with the status
            "unfinished", what cannot be done until then with "skipped". It does not
            hold for the very first individual: a search has to have one.
        hear : callable, default=ignore it
            Takes each evaluation as soon as it is there, which may be long before it is
            its turn.

        Yields
        ------
        Evaluation
        """
        self._forget_cut_off()
        line: deque[Candidate] = deque()
        desk = Desk(self, span)
        with closing(self._answers(desk, hear)) as arriving:
            try:
                while True:
                    asked = ask()
                    line.extend(asked)
                    for recalled in filter(None, map(self._recalled, asked)):
                        hear(recalled)
                    desk.take(self._new(asked))
                    if not line:
                        return
                    evaluation = self._answer(line[0], arriving)
                    line.popleft()
                    yield evaluation
            finally:
                desk.over = True
                self._unanswered, self._interrupted = line, desk.out
                if not desk.out:  # nobody is cut off: the workers may stay
                    with suppress(BrokenProcessPool):  # or die, at rest
                        deque(arriving, maxlen=0)

    def left_over(self) -> Iterator[Evaluation]:
        """Yield, at once, the evaluations that a stream has left behind.

        To be called when the stream was closed before its end. Who has ended since, out
        of turn, fared as it did; who was being tried has the status "unfinished", who
        was not "skipped".

        Yields
        ------
        Evaluation
            Of those who were asked for and not answered, in the order asked.
        """
        while self._unanswered:
            asked = self._unanswered.popleft()
            cut_off = self._cut_off(self.trial.granted(asked))
            yield self._answer(asked, iter([cut_off]))

    def _cut_off(self, candidate: Candidate) -> Evaluation:
        """Return what a candidate comes to if nothing more is waited for."""
        status, error = "skipped", ""
        if candidate.name in self._interrupted:
            status, error = "unfinished", "stopped as the search was over"
        return Evaluation(
            candidate.chromosome, status, error=error, resource=candidate.resource
        )

    def _new(self, asked: Sequence[Candidate]) -> list[Candidate]:
        """Return who has to be tried."""
        granted = map(self.trial.granted, asked)
        return [
            candidate
            for candidate in granted
            if candidate.name not in self.known
            and candidate.name not in self._early
            and self._recalled(candidate) is None
        ]

    def _answer(self, asked: Candidate, arriving: Iterator[Evaluation]) -> Evaluation:
        """Return what is known of a candidate, or becomes known, as an answer to it."""
        candidate = self.trial.granted(asked)
        evaluation = self.known.get(candidate.name)
        cached = evaluation is not None
        if not cached:
            evaluation = self._recalled(asked) or self._awaited(candidate, arriving)
            self._remember(evaluation)
        return replace(
            evaluation,
            chromosome=asked.chromosome,
            resource=asked.resource,
            cached=cached,
        )

    def _awaited(
        self, candidate: Candidate, arriving: Iterator[Evaluation]
    ) -> Evaluation:
        """Return the answer that is asked for; keep those that arrive before it."""
        while candidate.name not in self._early:
            evaluation = next(arriving)
            # Whom the end of the search cut off deserves another trial.
            if evaluation.status not in CUT_OFF:
                self.journal.append(evaluation, self.trial.repetition)
            self._early[evaluation.candidate.name] = evaluation
        if self._early[candidate.name].status == "skipped":
            return self._early[candidate.name]  # somebody else may wait for the same
        return self._early.pop(candidate.name)

    def _forget_cut_off(self) -> None:
        """Whoever had no time may have it in another stream."""
        self._early = {n: e for n, e in self._early.items() if e.status not in CUT_OFF}

    def _recalled(self, asked: Candidate) -> Evaluation | None:
        """Return what the journal has as an answer."""
        return self.journal.recall(self.trial.granted(asked), self.trial.repetition)

    def _remember(self, evaluation: Evaluation) -> None:
        if evaluation.status == "skipped":
            return
        self.known[evaluation.candidate.name] = evaluation
        if evaluation.status == "ok":
            self._pace.learn(evaluation, self.trial.cost(evaluation.candidate))

    def _answers(
        self, desk: Desk, hear: Callable[[Evaluation], None]
    ) -> Iterator[Evaluation]:
        """Yield results as they arrive; who kills a worker costs one trial only."""
        while not desk.over:
            warden = Warden(self.trial.data, self.memory_limit, desk.end)
            try:
                with warden, _closing(self._parallel(desk)) as results:
                    for evaluation in results:
                        for answer in map(self._received, desk.returned(evaluation)):
                            hear(answer)
                            yield answer
            except RuntimeError as death:
                if not the_workers_ended(death):
                    raise
                yield from desk.bereaved(death, warden)

    def _received(self, evaluation: Evaluation) -> Evaluation:
        fitted = self.trial.fitted
        return evaluation if fitted is None else fitted.receive(evaluation)

    def _parallel(self, desk: Desk) -> Iterator[Evaluation | None]:
        # Who may have to be ended by force is not tried in this process: of two workers
        # one is idle.
        apart = self.n_workers == 1 and self._forceful and _has_workers()
        return Parallel(
            n_jobs=2 if apart else self.n_jobs,
            backend=cluster_backend(self.trial.data),
            return_as="generator_unordered",
            batch_size=1,
            pre_dispatch=1 if apart else 2 * self.n_workers,
        )(desk.tasks())

    @property
    def _forceful(self) -> bool:
        limits = (self.trial.max_eval_time, self.memory_limit)
        return any(limit is not None for limit in limits)

    @property
    def is_beginning(self) -> bool:
        """Whether nobody has been tried: a search has to have one, its finals not."""
        return not self.known and not self.trial.repetition

    def cost(self, candidate: Candidate) -> float:
        """Return roughly what a trial costs, 0 if the answer is known."""
        candidate = self.trial.granted(candidate)
        known = candidate.name in self.known or self._recalled(candidate) is not None
        return 0.0 if known else self.trial.cost(candidate)

    def expected_seconds(self, candidates: Sequence[Candidate]) -> float | None:
        """Return roughly how long they take together, None if nobody can say yet."""
        if not self.knows_pace:
            return None
        return sum(map(self.seconds, candidates)) * self.n_splits / self.n_workers

    def seconds(self, candidate: Candidate) -> float:
        """Return roughly the seconds on one split, by how long others really took."""
        return self._pace.seconds(self.cost(candidate))

    @property
    def knows_pace(self) -> bool:
        """Whether it can be said how long a trial takes."""
        return self._pace.known

    @property
    def n_splits(self) -> int:
        """Number of fits that a trial takes."""
        return len(self.trial.data.value.splits)

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
