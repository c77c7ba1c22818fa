"""Estimators that trials have fitted, if the winner would be fitted just so again."""

import pickle
from dataclasses import replace

from sklearn.base import BaseEstimator

from sknevo.records import Candidate, Evaluation

__all__ = ["Fitted"]

# Of so many of the best: some may have ended before it is their turn to win.
KEPT = 3


class Fitted:
    """The fitted estimators of the best, as long as a search goes on.

    They come back from the workers with the evaluation, wherever these are. Who is not
    there (a journal had the answer) can be fitted again, to the same result. Pickles
    empty: a worker has no use for what others have fitted.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> from sknevo.records import Chromosome
    >>> fitted, best = Fitted(), Chromosome({"C": 2.0})
    >>> told = Evaluation(best, "ok", 0.9, fitted=pickle.dumps(SVC(C=2.0)))
    >>> fitted.receive(told).fitted is None
    True
    >>> fitted.get(Candidate(best)), fitted.spares(Candidate(best))
    (SVC(C=2.0), True)
    """

    def __init__(self) -> None:
        self._best: list[Evaluation] = []
        self._names: set[str] = set()

    def __reduce__(self) -> tuple[type["Fitted"], tuple[()]]:
        return Fitted, ()

    def receive(self, evaluation: Evaluation) -> Evaluation:
        """Put by what a trial has fitted, if it is one of the best.

        Parameters
        ----------
        evaluation : Evaluation
            With its estimator, or without.

        Returns
        -------
        Evaluation
            Without.
        """
        if evaluation.fitted is None:
            return evaluation
        self._names.add(evaluation.candidate.name)
        best = [*self._best, evaluation]
        self._best = sorted(best, key=lambda e: e.rank_key, reverse=True)[:KEPT]
        return replace(evaluation, fitted=None)

    def spares(self, candidate: Candidate) -> bool:
        """Return whether nobody will have to fit a candidate again.

        Its estimator is here, or was, until those of better ones came.
        """
        return candidate.name in self._names

    def get(self, candidate: Candidate) -> BaseEstimator | None:
        """Return the fitted estimator of a candidate, a new one each time, or None."""
        for evaluation in self._best:
            if evaluation.candidate.name == candidate.name:
                return pickle.loads(evaluation.fitted)
        return None
