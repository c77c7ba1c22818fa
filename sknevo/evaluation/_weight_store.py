"""Weights of candidates in files, for those that train networks.

It is no part of `sknevo.evaluation`, since tables do without safetensors.
"""

import os
import shutil
import tempfile
import weakref
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from sknevo.evaluation._journal import Journal, JournalError


class WeightStoreError(RuntimeError):
    """Weights cannot be kept or read, which is no candidate's fault."""


@dataclass(frozen=True)
class WeightStore:
    """A folder with one safetensors file for each candidate and split."""

    folder: str
    lasting: bool = False

    @classmethod
    def of(cls, journal: Journal) -> "WeightStore":
        """Open the store beside a journal, or a temporary one without a journal."""
        if journal.path is None:
            store = cls(tempfile.mkdtemp(prefix="sknevo-weights-"))
            # Without a call of `close` the folder goes when the process ends.
            weakref.finalize(store, shutil.rmtree, store.folder, True)
            return store
        folder = Path(f"{journal.path}.weights")
        if journal.n_evaluations and not folder.is_dir():
            raise JournalError(
                f"the folder {str(folder)!r} is missing: it holds the weights that the "
                f"search of journal {str(journal.path)!r} continues from. Put it back, "
                "or give another path."
            )
        folder.mkdir(exist_ok=True)
        if not journal.n_evaluations:
            for file in folder.glob("*.safetensors"):  # of a journal that was deleted
                file.unlink(missing_ok=True)
        return cls(str(folder), lasting=True)

    @property
    def temporary(self) -> str | None:
        """The folder, if the store does not outlive the search."""
        return None if self.lasting else self.folder

    def _file(self, name: str, split: int) -> Path:
        return Path(self.folder) / f"{name}.{split}.safetensors"

    def holds(self, name: str) -> bool:
        """Return whether there are weights of a candidate."""
        return self._file(name, 0).exists()

    def save(
        self,
        name: str,
        split: int,
        weights: Mapping[str, np.ndarray],
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Write the weights of a candidate on one split, all of the file or nothing."""
        file = self._file(name, split)
        content = save(dict(weights), dict(metadata or {}))
        unfinished = file.with_suffix(f".{os.getpid()}")
        with self._accessible():
            try:
                unfinished.write_bytes(content)
                # In one step: a reader finds the former weights or the new ones.
                os.replace(unfinished, file)
            finally:
                unfinished.unlink(missing_ok=True)

    def load(
        self, name: str, split: int
    ) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Return weights and metadata as they were saved."""
        with self._accessible(), safe_open(self._file(name, split), "numpy") as file:
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            return weights, file.metadata() or {}

    @contextmanager
    def _accessible(self) -> Iterator[None]:
        """Name the folder, and what to do, if it cannot be read or written."""
        try:
            yield
        except (OSError, SafetensorError) as fault:
            if not os.path.isdir(self.folder):
                raise WeightStoreError(
                    f"this worker does not see the folder {self.folder!r} of weights: "
                    "use worker processes of this machine, or a journal in a folder "
                    "that all machines share."
                ) from fault
            raise WeightStoreError(
                f"weights in {self.folder!r} cannot be kept or read: {fault}. Make "
                "room, or move TMPDIR or the journal. With a journal, fit continues "
                "from where it was."
            ) from fault

    def remove(self, names: Collection[str]) -> None:
        """Remove the weights of candidates, if there are any."""
        for name in names:
            for file in Path(self.folder).glob(f"{name}.*"):
                file.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder, unless it is meant to last."""
        if not self.lasting:
            shutil.rmtree(self.folder, ignore_errors=True)
