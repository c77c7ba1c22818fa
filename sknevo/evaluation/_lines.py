"""An evaluation as what stands in a line of a journal, and back."""

import json
import math
from typing import Any

from sknevo.records import Chromosome, Evaluation

__all__ = ["Measured", "as_evaluation", "as_record", "measures"]

STATUSES = ("ok", "error", "timeout", "memory", "pruned", "slow")
TIMES = ("fit_times", "score_times", "saved_times")
# Seconds: nothing takes as long as three hundred years.
LONGEST = 1e10
# Names of scores, and a number of splits.
Measured = tuple[tuple[str, ...], int]


def as_record(evaluation: Evaluation, repetition: int) -> dict[str, Any]:
    """Return what is written of an evaluation.

    Parameters
    ----------
    evaluation : Evaluation
        Of a trial that came to its end.
    repetition : int
        Which of its trials.

    Returns
    -------
    dict of str to JSON value
    """
    return {
        "repetition": repetition,
        "chromosome": json.loads(evaluation.chromosome.to_json()),
        "resource": evaluation.resource,
        "status": evaluation.status,
        "fitness": _as_json(evaluation.fitness),
        "scores": {
            name: [_as_json(score) for score in scores]
            for name, scores in evaluation.scores.items()
        },
        **{name: list(getattr(evaluation, name)) for name in TIMES},
        "objectives": [_as_json(goal) for goal in evaluation.objectives],
        "error": evaluation.error,
    }


def _as_json(number: float) -> float | str:
    """Return a number as JSON has it, which knows no infinity."""
    return number if math.isfinite(number) else str(number)


def as_evaluation(record: dict[str, Any]) -> tuple[Evaluation, int]:
    """Return an evaluation as it was written, and which trial it is of.

    Parameters
    ----------
    record : dict of str to JSON value
        Whatever was read.

    Returns
    -------
    (Evaluation, int)

    Raises
    ------
    Exception
        Of one kind or another, if no trial can have come to that.
    """
    status, error = record["status"], record["error"]
    if status not in STATUSES or not isinstance(error, str):
        raise ValueError(f"status must be one of {STATUSES}.")
    resource = record["resource"]
    if resource is not None and type(resource) is not int:
        raise ValueError("resource must be a whole number or null.")
    evaluation = Evaluation(
        Chromosome.from_json(json.dumps(record["chromosome"])),
        status,
        float(record["fitness"]),
        {name: _floats(scores) for name, scores in record["scores"].items()},
        **{name: _floats(record[name]) for name in TIMES},
        error=error,
        resource=resource,
        objectives=_floats(record["objectives"]),
    )
    _check(evaluation)
    return evaluation, int(record["repetition"])


def _check(evaluation: Evaluation) -> None:
    """See to it that an evaluation is one that a trial may have come to."""
    times = [getattr(evaluation, name) for name in TIMES]
    if not all(0 <= seconds < LONGEST for column in times for seconds in column):
        raise ValueError("times must be seconds.")
    if any(map(math.isnan, evaluation.objectives)):
        raise ValueError("objectives must be numbers.")
    if (evaluation.status == "ok") != math.isfinite(evaluation.fitness):
        raise ValueError("those that succeed have a finite fitness, and only those.")
    if evaluation.status != "ok":
        return
    columns = [*evaluation.scores.values(), *times]
    if len({*map(len, columns)}) > 1 or not times[0] or not evaluation.scores:
        raise ValueError("those that succeed have scores and times on all splits.")
    n_scores = len(evaluation.scores)
    if len(evaluation.objectives) != (n_scores if n_scores > 1 else 0):
        raise ValueError("of several scores each is an objective.")


def measures(evaluation: Evaluation) -> Measured:
    """Return what can stand in one table: names of scores, and how many splits.

    Parameters
    ----------
    evaluation : Evaluation
        Of one that succeeded.

    Returns
    -------
    (tuple of str, int)
    """
    return tuple(sorted(evaluation.scores)), len(evaluation.fit_times)


def _floats(numbers: list) -> tuple[float, ...]:
    return tuple(map(float, numbers))
