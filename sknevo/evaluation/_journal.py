"""The journal: evaluations in a file of JSON lines, to resume a search from."""

import base64
import json
import math
import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Self, get_args

import numpy as np
from filelock import FileLock, Timeout

from sknevo.records import CUT_OFF, Candidate, Chromosome, Evaluation, Status

FORMAT = 5
# Every journal begins so, even if its first line was written in part.
BEGIN = b'{"sknevo_journal":'
# What reading a damaged line may raise.
FAULTS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    zlib.error,
)
STATUSES = tuple(s for s in get_args(Status) if s not in CUT_OFF)
TIMES = ("fit_times", "score_times", "saved_times")
# Types of predictions.
NUMBERS = ("<f4", "<f8")
# Seconds: nothing takes three hundred years.
LONGEST = 1e10
# Names of scores, and a number of splits.
Measured = tuple[tuple[str, ...], int]
REMEDY = "Give another path, or remove the file."


class JournalError(ValueError):
    """A journal cannot be read or written, or is that of another search."""


class Journal:
    """Keeps evaluations in a file, for another fit of the same search.

    Each evaluation is one line, which is written, flushed and synced. A last line that
    was written in part is dropped. Only one process at a time has the file: beside it
    lies an empty file, named like it with `.lock` appended, which is locked. Without a
    path nothing is kept. `search` is what the file says of its search.

    Examples
    --------
    >>> import os, tempfile
    >>> from sknevo.records import Chromosome
    >>> path = os.path.join(tempfile.mkdtemp(), "run.jsonl")
    >>> times = {name: (0.1,) for name in ("fit_times", "score_times", "saved_times")}
    >>> tried = Evaluation(Chromosome({"x": 1}), "ok", 0.5, {"score": (0.5,)}, **times)
    >>> with Journal(path) as journal:
    ...     journal.begin({"random_state": 0})
    ...     journal.append(tried)
    >>> with Journal(path) as journal:
    ...     journal.recall(Candidate(Chromosome({"x": 1}))).fitness
    0.5
    """

    def __init__(self, path: str | os.PathLike | None) -> None:
        self.path = None if path is None else Path(path)
        self.search: dict[str, Any] = {}
        self._evaluations: dict[str, Evaluation] = {}
        # Of those that succeeded: the scores' names, and on how many splits.
        self._measured: Measured | None = None
        self._file: BinaryIO | None = None
        # A file of its own: on Windows nothing could read a journal that is locked.
        self._lock = None if path is None else FileLock(f"{self.path}.lock")

    @property
    def n_evaluations(self) -> int:
        """Number of evaluations that the file holds."""
        return len(self._evaluations)

    def __enter__(self) -> Self:
        if self.path is None:
            return self
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise JournalError(
                f"journal {str(self.path)!r} is in use: another fit writes to it. Wait "
                "for it to end, or give another path."
            ) from None
        except OSError as fault:
            raise self._unwritable(fault) from fault
        try:
            self._read()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._lock is not None:
            self._lock.release()

    def begin(self, search: Mapping[str, Any], n_splits: int | None = None) -> None:
        """Begin or resume a search, described by all that its evaluations depend on.

        Raises JournalError if the file belongs to another search, or is not writable.
        """
        if self.path is None:
            return
        differing = [
            name
            for name in search
            if self.search and self.search.get(name) != search[name]
        ]
        if differing:
            lines = "\n".join(
                f"  {name}: {_short(self.search.get(name))} there, "
                f"{_short(search[name])} here"
                for name in differing
            )
            raise JournalError(
                f"journal {str(self.path)!r} is that of another search. What differs:\n"
                f"{lines}\n{REMEDY}"
            )
        if n_splits is not None and self._measured is not None:
            self._check_measured((self._measured[0], n_splits))
        try:
            self._file = self.path.open("ab", buffering=0)
            self._file.truncate(self._size)  # a line was torn
        except OSError as fault:
            raise self._unwritable(fault) from fault
        if not self.search:
            self._write({"sknevo_journal": FORMAT, "search": {**search}})
            self.search = {**search}

    def recall(self, candidate: Candidate) -> Evaluation | None:
        """Return the evaluation of a candidate, None if there is none."""
        return self._evaluations.get(candidate.name)

    def append(self, evaluation: Evaluation) -> None:
        """Write an evaluation, unless it is written already.

        Raises JournalError if that fails; what was written before is unchanged.
        """
        name = evaluation.candidate.name
        if self._file is not None and name not in self._evaluations:
            if evaluation.status == "ok":
                self._check_measured(_measures(evaluation))
            self._write(_as_record(evaluation))
            self._evaluations[name] = replace(evaluation, predictions=())

    def _read(self) -> None:
        self.search, self._evaluations, self._measured = {}, {}, None
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            content = b""
        except OSError as fault:
            raise JournalError(
                f"journal {str(self.path)!r} cannot be read: {fault.strerror or fault}."
            ) from fault
        if content[: len(BEGIN)] != BEGIN[: len(content)]:
            raise JournalError(
                f"{str(self.path)!r} is no journal of sknevo: it begins with "
                f"{content[:20]!r}. Give the path of a journal, or of no file."
            )
        self._size = content.rfind(b"\n") + 1
        for number, line in enumerate(content[: self._size].split(b"\n")[:-1], 1):
            try:
                record = json.loads(line, parse_constant=_refuse)
                if number == 1:
                    self._read_head(record)
                else:
                    self._read_evaluation(record)
            except JournalError:
                raise
            except FAULTS as fault:
                remedy = "Remove the line to lose this evaluation only."
                raise JournalError(
                    f"line {number} of journal {str(self.path)!r} is damaged: "
                    f"{_short(line)}. {REMEDY if number == 1 else remedy}"
                ) from fault

    def _read_head(self, record: dict[str, Any]) -> None:
        if record["sknevo_journal"] != FORMAT:
            raise JournalError(
                f"journal {str(self.path)!r} has format "
                f"{_short(record['sknevo_journal'])}; this version of sknevo reads "
                f"format {FORMAT}. Use the version that wrote it, or give another path."
            )
        if not isinstance(record["search"], dict) or not record["search"]:
            raise ValueError("a search is something.")
        self.search = record["search"]

    def _read_evaluation(self, record: dict[str, Any]) -> None:
        evaluation = _as_evaluation(record)
        if evaluation.status == "ok":
            self._measured = self._measured or _measures(evaluation)
            if self._measured != _measures(evaluation):
                raise ValueError("all evaluations have the same scores and splits.")
        self._evaluations[evaluation.candidate.name] = evaluation

    def _check_measured(self, measured: Measured) -> None:
        """Refuse evaluations that cannot be in one table."""
        self._measured = self._measured or measured
        if measured != self._measured:
            raise JournalError(
                f"journal {str(self.path)!r} is damaged: its evaluations have "
                f"{_described(self._measured)}, this search has "
                f"{_described(measured)}. {REMEDY}"
            )

    def _write(self, record: Mapping[str, Any]) -> None:
        # NaN is no JSON: other readers of the file would refuse it.
        line = json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n"
        line = line.encode()
        try:
            written = 0
            while written < len(line):  # a nearly full disk takes a part at a time
                written += self._file.write(line[written:])
            # What the caller was told is on the disk, even if the power fails.
            os.fsync(self._file.fileno())
        except OSError as fault:
            with suppress(OSError):  # or else the next `begin` does it
                self._file.truncate(self._size)
            raise self._unwritable(fault) from fault
        self._size += len(line)

    def _unwritable(self, fault: OSError) -> JournalError:
        return JournalError(
            f"journal {str(self.path)!r} cannot be written: {fault.strerror or fault}. "
            "What it holds is safe: make room for it, or give another path, and fit "
            "again."
        )


def read_journal(path: str | os.PathLike) -> list[Evaluation]:
    """Read the history of a search; runs no code.

    Parameters
    ----------
    path : path-like
        Of the journal; the search may still run.

    Returns
    -------
    list of Evaluation
        In the order in which they were written. Fits after the search, such as the
        refit, are not among them.

    Raises
    ------
    JournalError
        If it is no journal, or damaged.

    Examples
    --------
    >>> read_journal("setup.cfg")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    sknevo.evaluation._journal.JournalError: 'setup.cfg' is no journal of sknevo: ...
    """
    journal = Journal(path)
    if not journal.path.exists():
        raise JournalError(f"there is no journal {str(path)!r}.")
    journal._read()
    return [*journal._evaluations.values()]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON.")


def _described(measured: Measured) -> str:
    names, n_splits = measured
    return f"{_short(', '.join(names))} on {n_splits} splits"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _as_record(evaluation: Evaluation) -> dict[str, Any]:
    """Return what a line says of an evaluation."""
    return {
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
        "rounds": list(evaluation.rounds),
        "predictions": [_as_text(array) for array in evaluation.predictions],
        "error": evaluation.error,
    }


def _as_json(number: float) -> float | str:
    """Return a number, as a string if JSON has none for it."""
    return number if math.isfinite(number) else str(number)


def _as_text(array: np.ndarray) -> dict[str, Any]:
    """Return an array as JSON values: its bytes compressed, in base 64."""
    content = base64.b64encode(zlib.compress(np.ascontiguousarray(array), 1))
    return {"type": array.dtype.str, "shape": array.shape, "bytes": content.decode()}


def _as_array(record: Mapping[str, Any]) -> np.ndarray:
    if record["type"] not in NUMBERS:
        raise ValueError(f"predictions must be of a type in {NUMBERS}.")
    content = zlib.decompress(base64.b64decode(record["bytes"], validate=True))
    return np.frombuffer(content, record["type"]).reshape(record["shape"])


def _as_evaluation(record: dict[str, Any]) -> Evaluation:
    """Return an evaluation; raise anything if no trial ends so."""
    status, error = record["status"], record["error"]
    if status not in STATUSES or not isinstance(error, str):
        raise ValueError(f"status must be one of {STATUSES}.")
    resource = record["resource"]
    # `True` is an instance of int.
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
        rounds=tuple(map(int, record["rounds"])),
        predictions=tuple(map(_as_array, record["predictions"])),
    )
    _check(evaluation)
    return evaluation


def _check(evaluation: Evaluation) -> None:
    """Refuse an evaluation that no trial can have."""
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
    counts = {len(evaluation.rounds), len(evaluation.predictions)}
    if not counts <= {0, len(times[0])}:
        raise ValueError("there are rounds and predictions of all splits or none.")
    n_scores = len(evaluation.scores)
    if len(evaluation.objectives) != (n_scores if n_scores > 1 else 0):
        raise ValueError("of several scores each is an objective.")


def _measures(evaluation: Evaluation) -> Measured:
    """Return the names of scores and the number of splits, alike for one table."""
    return tuple(sorted(evaluation.scores)), len(evaluation.fit_times)


def _floats(numbers: list) -> tuple[float, ...]:
    return tuple(map(float, numbers))
