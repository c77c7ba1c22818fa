"""What comes back from a worker: an evaluation, or why there is none."""

import math
import traceback
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any

from joblib import parallel_config
from joblib.parallel import ThreadingBackend
from sklearn import config_context

from sknevo.deadline import Deadline
from sknevo.evaluation._candidate import TrialRunner
from sknevo.records import Candidate, Evaluation

# Seconds between two looks at what has ended: chosen, not measured.
POLL = 0.05


@dataclass(frozen=True)
class Lost:
    """The worker of a candidate has ended before the candidate was evaluated."""

    status: str = "error"
    error: str = "the worker died"
    retries: int = 0


# A candidate's name, and its evaluation, the loss of its worker, or a fault to raise.
Outcome = tuple[str, Evaluation | Lost | BaseException]


def evaluate_safely(
    runner: TrialRunner,
    config: dict[str, Any],
    candidate: Candidate,
    deadline: Deadline,
    pipe: connection.Connection | None = None,
) -> Evaluation | BaseException:
    """Return an evaluation, or why there is none: an exception with its traceback.

    scikit-learn's settings belong to a thread and do not follow by themselves. What
    uses joblib inside a trial uses threads, as in joblib's own workers. The pipe, if
    there is one, takes the limit of the trial as soon as it begins.
    """
    nested = ThreadingBackend(nesting_level=1)
    try:
        with config_context(**config), parallel_config(nested, n_jobs=1):
            limit = runner.limit(deadline)
            if pipe is not None and limit.until < math.inf:
                pipe.send(limit)
            return runner.run(candidate, limit)
    except BaseException as fault:
        fault.add_note(f"In a worker:\n{traceback.format_exc()}")
        return fault
