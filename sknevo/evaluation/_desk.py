"""Hands candidates out to workers, and knows who has which."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from sklearn.utils.parallel import delayed

from sknevo.evaluation._trial import Trial
from sknevo.evaluation._warden import Inquest, Warden, keep_worker
from sknevo.limits import Span
from sknevo.records import Candidate, Evaluation

if TYPE_CHECKING:
    from sknevo.evaluation._evaluator import Evaluator

__all__ = ["Desk"]

# Seconds that a worker rests when there is nothing to do for it.
NAP = 0.01


class Desk:
    """Hands candidates out to workers, who are many, and knows who has which.

    joblib asks for tasks from threads of its own, which must not be kept waiting.

    Parameters
    ----------
    evaluator : Evaluator
        Whose candidates they are.
    span : callable
        Returns the time for a candidate; of None, for all work.

    Attributes
    ----------
    out : dict of str to Candidate
        Who is being tried, by name.
    over : bool
        Whether nothing more is handed out.
    """

    def __init__(
        self, evaluator: "Evaluator", span: Callable[[Candidate | None], Span]
    ) -> None:
        self.evaluator, self.span = evaluator, span
        self.out: dict[str, Candidate] = {}
        self.over = False
        self._inquest = Inquest(evaluator.n_workers)
        self._waiting: dict[str, Candidate] = {}
        self._skipped: deque[Candidate] = deque()
        self._lock = threading.Lock()

    def take(self, candidates: Sequence[Candidate]) -> None:
        """Take in who is to be tried, each once."""
        with self._lock:
            for candidate in candidates:
                if candidate.name not in self.out:
                    self._waiting.setdefault(candidate.name, candidate)

    def tasks(self) -> Iterator[tuple]:
        """Yield joblib's tasks: a trial, or a rest if there is none at the moment.

        They end after someone who must be alone: the very first, if time may run out,
        who has all that it needs, so that no one who has not, and may have to be
        stopped by force, is beside it; and whoever is suspected of killing workers.
        """
        trial = self.evaluator.trial
        while not self.over:
            with self._lock:
                alone = self._is_first() or self._inquest.alone()
                handed_out = self._hand_out()
            if handed_out is None:
                yield delayed(_rest)(trial, 0 if self._skipped else NAP)
                continue
            yield delayed(trial)(*handed_out)
            if alone:
                return

    def _is_first(self) -> bool:
        return self.evaluator.is_beginning and self.span(None).end < math.inf

    def _hand_out(self) -> tuple[Candidate, Span] | None:
        """Return who is tried next, and its time; nobody if nobody can be.

        joblib hands some on when the workers are busy: a span begins with the trial.
        """
        if not self._waiting:
            return None
        name = next(iter(self._inquest.alone() or self._waiting))
        candidate = self._waiting.pop(name)
        span = Span() if self.evaluator.is_beginning else self.span(candidate)
        if time.time() + self.evaluator.seconds(candidate) > span.until():
            self._skipped.append(candidate)
            self._acquit()
            return None
        self.out[name] = candidate
        return candidate, span

    def end(self) -> float:
        """Return when work must stop, as far as is known now; never if it begins."""
        return math.inf if self.evaluator.is_beginning else self.span(None).end

    def returned(self, evaluation: Evaluation | None) -> Iterator[Evaluation]:
        """Yield what a task has come to, and who was skipped on the way to it."""
        while self._skipped:
            candidate = self._skipped.popleft()
            yield Evaluation(
                candidate.chromosome, "skipped", resource=candidate.resource
            )
        if evaluation is not None:
            with self._lock:
                del self.out[evaluation.candidate.name]
                self._acquit()
            yield evaluation

    def bereaved(self, death: Exception, warden: Warden) -> Iterator[Evaluation]:
        """Yield who is given up as a worker has died; the others wait again."""
        names = list(self.out)
        self._waiting, self.out = {**self.out, **self._waiting}, {}
        over = time.time() >= self.end()
        verdicts = self._inquest.verdicts(death, names, warden, over)
        for name, (status, error) in verdicts:
            if name in self._waiting:
                who = self._waiting.pop(name)
                yield Evaluation(
                    who.chromosome, status, error=error, resource=who.resource
                )
        self._acquit()

    def _acquit(self) -> None:
        if self._inquest.alone():
            self._inquest.acquit({**self.out, **self._waiting})


def _rest(trial: Trial, seconds: float) -> None:
    """Do nothing for a while, but have at hand what trials need."""
    keep_worker(trial.data.folder)
    time.sleep(seconds)
