"""Weights that individuals leave behind, and who may start from them."""

import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from sknevo.evaluation._journal import Journal, JournalError
from sknevo.records import Candidate, Evaluation

__all__ = ["Forebear", "Heir", "Heritage", "HeritageError", "Notary"]


class HeritageError(RuntimeError):
    """Weights cannot be kept or read, which is no fault of any individual."""


@dataclass(frozen=True)
class Forebear:
    """What an individual leaves to its children.

    Parameters
    ----------
    genes : dict
        What it was built of: expressed genes.
    weights : dict of str to ndarray
        What it has learned.
    """

    genes: Mapping[str, Any]
    weights: Mapping[str, np.ndarray]


class Heir(Protocol):
    """An estimator that may start from the weights of others.

    Attributes
    ----------
    inherited_ : float
        Once it is fitted: the share of its parameters that came from another.
    """

    inherited_: float

    def start_from(self, forebears: Sequence[Forebear]) -> Any:
        """Begin the next fit with the weights of that one of whom it shares most."""

    def weights(self) -> Mapping[str, np.ndarray]:
        """Return what it has learned, once it is fitted."""


@dataclass(frozen=True)
class Heritage:
    """A folder of weights: a file for each candidate and split, without pickle.

    Parameters
    ----------
    folder : str
        Where; all workers must see it.
    lasting : bool, default=False
        Whether it outlives the search.
    """

    folder: str
    lasting: bool = False

    @classmethod
    def of(cls, journal: Journal) -> "Heritage":
        """Return that of a new search, or of one that goes on.

        Parameters
        ----------
        journal : Journal
            Of the search: the weights are kept beside it, for those that it has not
            seen yet. Without a path they are gone when the search ends.

        Returns
        -------
        Heritage

        Raises
        ------
        JournalError
            If the journal's weights have been removed.
        """
        if journal.path is None:
            heritage = cls(tempfile.mkdtemp(prefix="sknevo-weights-"))
            # Should nobody call `close`: at the latest when the process ends.
            weakref.finalize(heritage, shutil.rmtree, heritage.folder, True)
            return heritage
        folder = Path(f"{journal.path}.weights")
        if journal.n_evaluations and not folder.is_dir():
            raise JournalError(
                f"the folder {str(folder)!r} is not there: the weights that the search "
                f"of journal {str(journal.path)!r} goes on from with "
                "inherit_weights=True. Put it back, or give another path."
            )
        folder.mkdir(exist_ok=True)
        if not journal.n_evaluations:
            for file in folder.glob("*.safetensors"):  # of a journal that is gone
                file.unlink(missing_ok=True)
        return cls(str(folder), lasting=True)

    @property
    def temporary(self) -> str | None:
        """The folder, if it does not outlive the search."""
        return None if self.lasting else self.folder

    def _file(self, name: str, split: int) -> Path:
        return Path(self.folder) / f"{name}.{split}.safetensors"

    def holds(self, name: str) -> bool:
        """Return whether there are weights of a candidate."""
        return self._file(name, 0).exists()

    def endow(self, estimator: Heir, names: Sequence[str], split: int) -> None:
        """Let an estimator start from the weights of others.

        Parameters
        ----------
        estimator : Heir
            Not fitted yet.
        names : sequence of str
            Names of candidates of whom there are weights.
        split : int
            Of the split: what was learned on another has seen the test part of this.

        Raises
        ------
        HeritageError
            If they cannot be read.
        """
        with self._accessible():
            forebears = [self._forebear(name, split) for name in names]
        estimator.start_from(forebears)

    def _forebear(self, name: str, split: int) -> Forebear:
        with safe_open(self._file(name, split), "numpy") as file:
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            return Forebear(json.loads(file.metadata()["genes"]), weights)

    def leave(
        self, estimator: Heir, genes: Mapping[str, Any], name: str, split: int
    ) -> None:
        """Keep the weights of a fitted estimator.

        Parameters
        ----------
        estimator : Heir
            Fitted.
        genes : dict
            What it was built of.
        name : str
            Of the candidate.
        split : int
            On which it was fitted.

        Raises
        ------
        HeritageError
            If they cannot be written, or this is a worker that does not see the folder.
        """
        file = self._file(name, split)
        content = save(dict(estimator.weights()), {"genes": json.dumps(genes)})
        torn = file.with_suffix(f".{os.getpid()}")
        with self._accessible():
            try:
                torn.write_bytes(content)
                os.replace(torn, file)
            finally:
                torn.unlink(missing_ok=True)

    @contextmanager
    def _accessible(self) -> Iterator[None]:
        """Name the folder, and what to do, if something is wrong with it."""
        try:
            yield
        except (OSError, SafetensorError) as fault:
            if not os.path.isdir(self.folder):
                raise HeritageError(
                    f"inherit_weights=True takes workers that see {self.folder!r}, "
                    "which this one does not: use worker processes of this machine, or "
                    "a journal in a folder that all machines share."
                ) from fault
            raise HeritageError(
                f"weights in {self.folder!r} cannot be kept or read: {fault}. Make "
                "room, or let TMPDIR, or the journal, be elsewhere. With a journal, "
                "fit goes on from where it was."
            ) from fault

    def remove(self, names: Collection[str]) -> None:
        """Remove the weights of candidates, if there are any."""
        for name in names:
            for file in Path(self.folder).glob(f"{name}.*"):
                file.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove everything, unless it is meant to last."""
        if not self.lasting:
            shutil.rmtree(self.folder, ignore_errors=True)


class Notary:
    """Says from whom a candidate may inherit, and removes what nobody can inherit.

    All of that depends on the order of asking and answering alone, so that results do
    not depend on how many work, nor on whether a search was interrupted.

    Parameters
    ----------
    heritage : Heritage
        Where the weights are.
    """

    def __init__(self, heritage: Heritage) -> None:
        self.heritage = heritage
        # Of each individual, the candidate that was given most and succeeded, by key.
        self._furthest: dict[str, Evaluation] = {}
        # Names of those whose weights may be there, and who waits for which.
        self._answered: set[str] = set()
        self._claims: dict[str, tuple[str, ...]] = {}

    def entitled(self, candidate: Candidate) -> Candidate:
        """Return a candidate with those from whom it may inherit.

        Parameters
        ----------
        candidate : Candidate
            Who is to be tried; who asks again before it is answered gets the same.

        Returns
        -------
        Candidate
        """
        parents = candidate.chromosome.parents
        known = [self._furthest[key] for key in parents if key in self._furthest]
        names = tuple(
            e.candidate.name for e in known if self.heritage.holds(e.candidate.name)
        )
        return replace(
            candidate, forebears=self._claims.setdefault(candidate.name, names)
        )

    def answer(self, evaluation: Evaluation) -> None:
        """Note that a candidate has been answered.

        Parameters
        ----------
        evaluation : Evaluation
            Of what was granted.
        """
        name, key = evaluation.candidate.name, evaluation.chromosome.key
        self._claims.pop(name, None)
        self._answered.add(name)
        before = self._furthest.get(key, evaluation)
        if evaluation.status == "ok" and evaluation.rank_key[0] >= before.rank_key[0]:
            self._furthest[key] = evaluation

    def clear(self, alive: Collection[str]) -> None:
        """Remove the weights of those that nobody can inherit from any more.

        Parameters
        ----------
        alive : collection of str
            Keys of those that are, or may become, parents.
        """
        needed = {name for names in self._claims.values() for name in names}
        needed |= {e.candidate.name for k, e in self._furthest.items() if k in alive}
        self.heritage.remove(self._answered - needed)
        self._answered &= needed
