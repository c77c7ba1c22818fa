"""The append-only log of evaluations: cache, checkpoint and history in one."""

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Self

from filelock import FileLock, Timeout

from sknevo.evaluation._lines import Measured, as_evaluation, as_record, measures
from sknevo.records import Candidate, Evaluation

__all__ = ["Journal", "JournalError", "read_journal"]

FORMAT = 2
# Every journal begins with it, also one whose first line was torn.
BEGIN = b'{"sknevo_journal":'
# Whatever comes of reading a line that is not as it should be.
FAULTS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
REMEDY = "Give another path, or remove the file."


class JournalError(ValueError):
    """A journal cannot be read or written, or is that of another search."""


class Journal:
    """Keeps evaluations in a file of JSON lines, for the next time.

    A line is written, flushed and synced per evaluation. A last line that was torn when
    the process died is dropped. Only one process at a time has the file: beside it lies
    an empty one, with `.lock` appended to the name, that stands for the right to it.

    Parameters
    ----------
    path : path-like or None
        The file; None remembers nothing.

    Attributes
    ----------
    search : dict of str to JSON value
        What the file says of its search; empty if there is none yet.

    Raises
    ------
    JournalError
        If another process has the file, it cannot be read, or is no journal.

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
        self._evaluations: dict[tuple[str, int], Evaluation] = {}
        # Of those that succeeded: the scores' names, and on how many splits.
        self._measured: Measured | None = None
        self._file: BinaryIO | None = None
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
            content = _read(self.path)
            self.search, self._evaluations, self._measured, self._size = content
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
        """Say which search goes on, or begins.

        Parameters
        ----------
        search : dict of str to JSON value
            All that evaluations depend on.
        n_splits : int or None, default=None
            On how many splits individuals are measured; None takes any.

        Raises
        ------
        JournalError
            If the file is that of another search, or cannot be written.
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

    def recall(self, candidate: Candidate, repetition: int = 0) -> Evaluation | None:
        """Return how an individual fared, None if it was not tried.

        Parameters
        ----------
        candidate : Candidate
            Who asks; others of the same name are the same.
        repetition : int, default=0
            Which of its trials.

        Returns
        -------
        Evaluation or None
        """
        return self._evaluations.get((candidate.name, repetition))

    def append(self, evaluation: Evaluation, repetition: int = 0) -> None:
        """Write down how an individual fared, unless it is written already.

        Parameters
        ----------
        evaluation : Evaluation
            Of a trial that came to its end.
        repetition : int, default=0
            Which of its trials.

        Raises
        ------
        JournalError
            If it cannot be written; what was written before is as it was.
        """
        name = (evaluation.candidate.name, repetition)
        if self._file is not None and name not in self._evaluations:
            if evaluation.status == "ok":
                self._check_measured(measures(evaluation))
            self._write(as_record(evaluation, repetition))
            self._evaluations[name] = evaluation

    def _check_measured(self, measured: Measured) -> None:
        """See to it that all who succeeded can stand in one table."""
        self._measured = self._measured or measured
        if measured != self._measured:
            raise JournalError(
                f"journal {str(self.path)!r} is damaged: its individuals have "
                f"{_told(self._measured)}, those of this search {_told(measured)}. "
                f"{REMEDY}"
            )

    def _write(self, record: Mapping[str, Any]) -> None:
        line = json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n"
        line = line.encode()
        try:
            written = 0
            while written < len(line):  # a nearly full disk takes a part at a time
                written += self._file.write(line[written:])
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
        Of the journal; also of a search that still goes on.

    Returns
    -------
    list of Evaluation
        In the order in which they were written, those of the finals not included.

    Raises
    ------
    JournalError
        If it is no journal, or damaged.

    Examples
    --------
    >>> read_journal("setup.cfg")
    Traceback (most recent call last):
    ...
    sknevo.evaluation._journal.JournalError: 'setup.cfg' is no journal of sknevo.
    """
    path = Path(path)
    if not path.exists():
        raise JournalError(f"there is no journal {str(path)!r}.")
    _, evaluations, *_ = _read(path)
    return [e for (_, repetition), e in evaluations.items() if repetition == 0]


Evaluations = dict[tuple[str, int], Evaluation]
# What a file says of its search, its evaluations, how those that succeeded were
# measured, and how many bytes of it are sound.
Content = tuple[dict[str, Any], Evaluations, Measured | None, int]


def _read(path: Path) -> Content:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        content = b""
    except OSError as fault:
        raise JournalError(
            f"journal {str(path)!r} cannot be read: {fault.strerror or fault}."
        ) from fault
    if content[: len(BEGIN)] != BEGIN[: len(content)]:
        raise JournalError(f"{str(path)!r} is no journal of sknevo.")
    size = content.rfind(b"\n") + 1
    head, *lines = content[:size].split(b"\n")[:-1] or [b""]
    search = _parsed(path, 1, head, partial(_search_of, path)) if head else {}
    evaluations: Evaluations = {}
    for number, line in enumerate(lines, start=2):
        evaluation, repetition = _parsed(path, number, line, as_evaluation)
        evaluations[evaluation.candidate.name, repetition] = evaluation
    return search, evaluations, _measured(path, evaluations), size


def _parsed(path: Path, number: int, line: bytes, read: Callable[[Any], Any]) -> Any:
    try:
        return read(json.loads(line, parse_constant=_refuse))
    except JournalError:
        raise
    except FAULTS as fault:
        remedy = "Remove the line to lose this evaluation only."
        raise JournalError(
            f"line {number} of journal {str(path)!r} is damaged: {_short(line)}. "
            f"{REMEDY if number == 1 else remedy}"
        ) from fault


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON.")


def _search_of(path: Path, record: dict[str, Any]) -> dict[str, Any]:
    if record["sknevo_journal"] != FORMAT:
        raise JournalError(
            f"journal {str(path)!r} has format {_short(record['sknevo_journal'])}; "
            f"this version of sknevo reads format {FORMAT}. Use the version that wrote "
            "it, or give another path."
        )
    if not isinstance(record["search"], dict) or not record["search"]:
        raise ValueError("a search is something.")
    return record["search"]


def _measured(path: Path, evaluations: Evaluations) -> Measured | None:
    """Return how those that succeeded were measured: all of them alike."""
    counts = Counter(measures(e) for e in evaluations.values() if e.status == "ok")
    if len(counts) > 1:
        usual, *others = (_told(measured) for measured, _ in counts.most_common())
        raise JournalError(
            f"journal {str(path)!r} is damaged: most of its individuals have {usual}, "
            f"some {', '.join(others)}. Remove the lines of these."
        )
    return next(iter(counts), None)


def _told(measured: Measured) -> str:
    names, n_splits = measured
    return f"{_short(', '.join(names))} on {n_splits} splits"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
