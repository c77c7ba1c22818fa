"""What a trial measures, until it is an evaluation."""

import math

from sknevo.evaluation._objectives import Objectives
from sknevo.records import Candidate, Evaluation

__all__ = ["Record"]


class Record:
    """What was measured so far, split by split."""

    def __init__(self) -> None:
        self.scores: list[dict[str, float]] = []
        self.fit_times: list[float] = []
        self.score_times: list[float] = []
        self.saved_times: list[float] = []
        self.fitted: bytes | None = None

    def add(
        self,
        scores: dict[str, float],
        fit_time: float,
        score_time: float,
        saved_time: float,
    ) -> None:
        if self.scores and scores.keys() != self.scores[0].keys():
            raise ValueError(
                "scoring must return the same scores on each split; got "
                f"{[*self.scores[0]]} and {[*scores]}."
            )
        self.scores.append(scores)
        self.fit_times.append(fit_time)
        self.score_times.append(score_time)
        self.saved_times.append(saved_time)

    def evaluation(
        self, candidate: Candidate, status: str, error: str, objectives: Objectives
    ) -> Evaluation:
        names = self.scores[0] if self.scores else ()
        scores = {name: tuple(s[name] for s in self.scores) for name in names}
        fitness = -math.inf
        if status == "ok":
            fitness = objectives.fitness(scores)
        if status == "ok" and not math.isfinite(fitness):
            status, error = "error", f"the fitness is {fitness}"
            fitness = -math.inf
        return Evaluation(
            candidate.chromosome,
            status,
            fitness,
            scores,
            tuple(self.fit_times),
            tuple(self.score_times),
            tuple(self.saved_times),
            error,
            resource=candidate.resource,
            objectives=objectives.goals(scores) if status == "ok" else (),
            fitted=self.fitted if status == "ok" else None,
        )
