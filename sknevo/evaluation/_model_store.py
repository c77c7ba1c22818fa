"""What trials have fitted and predicted, as long as a search runs."""

import itertools
import os
import pickle
import shutil
import tempfile
import weakref
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator

from sknevo.records import Candidate, Evaluation

# Candidates of which predictions and models are kept, and bytes of models. Chosen, not
# measured.
MOST_KEPT, MOST_BYTES = 100, 2**30
# The best of each family are kept before others: what is bred is alike, and would leave
# no room for the variety that an ensemble lives on. Chosen, not measured.
OF_EACH_FAMILY = 5


class ModelStore:
    """Models and held-out predictions of the best candidates, as long as a search runs.

    A trial saves the model of each split in the `folder`. Where it does not see the
    folder, the models return with its evaluation, and `receive` saves them. `add` keeps
    an evaluation with its predictions if it is one of the best, of all or of its
    family. What is kept depends on what was added, not on the order.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> from sknevo.records import Chromosome
    >>> store, candidate = ModelStore(), Candidate(Chromosome({"C": 2.0}))
    >>> store.save(candidate, 0, SVC(C=2.0)) is None
    True
    >>> store.load(candidate, 0)
    SVC(C=2.0)
    >>> store.close()
    """

    def __init__(self, folder: str | None = None) -> None:
        self._folder = folder
        self._best: list[Evaluation] = []
        self._families: dict[str, str] = {}
        # Bytes of models, by the name of the candidate; of removed ones, too.
        self._received: dict[str, int] = {}

    def __reduce__(self) -> tuple[type["ModelStore"], tuple[str]]:
        # A worker has no use for what is known of others.
        return ModelStore, (self.folder,)

    @property
    def folder(self) -> str:
        """The folder of the models, made when it is first asked for."""
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="sknevo-models-")
            # Without a call of `close` the folder goes when the process ends.
            weakref.finalize(self, shutil.rmtree, self._folder, True)
        return self._folder

    def _file(self, name: str, split: int) -> Path:
        return Path(self.folder) / f"{name}.{split}.pickle"

    def save(
        self, candidate: Candidate, split: int, model: BaseEstimator
    ) -> bytes | None:
        """Save the model of a split; return it pickled if the folder is not here."""
        content = pickle.dumps(model)
        if not os.path.isdir(self.folder):
            return content
        self._file(candidate.name, split).write_bytes(content)
        return None

    def receive(self, evaluation: Evaluation) -> Evaluation:
        """Note the models of an ended trial; return its evaluation without them.

        Those that came with the evaluation are saved first. Those of a trial that
        failed are removed.
        """
        name = evaluation.candidate.name
        if evaluation.status != "ok":
            self._remove(name)
            return evaluation
        for split, content in enumerate(evaluation.fitted):
            self._file(name, split).write_bytes(content)
        self._received[name] = sum(file.stat().st_size for file in self._files(name))
        return replace(evaluation, fitted=())

    def add(self, evaluation: Evaluation, family: str = "") -> Evaluation:
        """Keep an evaluation if it is one of the best; return it without predictions.

        Of models of which there are too many bytes, those of the worst are removed. A
        repeated trial changes nothing.
        """
        name = evaluation.candidate.name
        if evaluation.status == "ok" and name not in self._families:
            self._families[name] = family
            ranked = self._ranked([*self._best, evaluation])
            self._best, others = ranked[:MOST_KEPT], ranked[MOST_KEPT:]
            names = [one.candidate.name for one in ranked]
            total = np.cumsum([self._received.get(name, 0) for name in names])
            for one in others:
                self._remove(one.candidate.name)
            for name, so_far in zip(names[1:], total[1:], strict=True):
                if so_far > MOST_BYTES:
                    self._remove(name)
        return replace(evaluation, predictions=())

    def _ranked(self, evaluations: list[Evaluation]) -> list[Evaluation]:
        """Return the best of each family by fitness, then all others by fitness.

        An individual that was promoted counts once in its family.
        """
        families: defaultdict[str, set[str]] = defaultdict(set)
        first, others = [], []
        for one in sorted(evaluations, key=_rank):
            key = one.chromosome.key
            members = families[self._families[one.candidate.name]]
            is_first = key not in members and len(members) < OF_EACH_FAMILY
            members.add(key)
            (first if is_first else others).append(one)
        return first + others

    @property
    def kept(self) -> list[Evaluation]:
        """The best evaluations with their predictions, the best first."""
        return sorted(self._best, key=_rank)

    def received(self, candidate: Candidate) -> bool:
        """Return whether the models of a candidate are here, or have been."""
        return candidate.name in self._received

    def has(self, candidate: Candidate, split: int) -> bool:
        """Return whether the model of a split is here."""
        return self._file(candidate.name, split).exists()

    def load(self, candidate: Candidate, split: int) -> BaseEstimator | None:
        """Return the model of a split, a new copy each time; None if it is not here."""
        try:
            return pickle.loads(self._file(candidate.name, split).read_bytes())
        except FileNotFoundError:
            return None

    def _files(self, name: str) -> list[Path]:
        files = (self._file(name, split) for split in itertools.count())
        return list(itertools.takewhile(Path.exists, files))

    def _remove(self, name: str) -> None:
        for file in self._files(name):
            file.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _rank(evaluation: Evaluation) -> tuple[float, str]:
    """Return what evaluations are sorted by: of equals, the first by name."""
    return -evaluation.fitness, evaluation.candidate.name
