"""Evaluation of candidates: the trials, the workers that run them, and the scores.

- `Data` are the samples and their splits, `Shared` brings them to each worker once,
- `Trials` is what all trials have in common: seeds, rows, predicted seconds, models,
- `TrialRunner` is a `Trials` that builds, fits and scores one candidate; an exception
  becomes the status of its evaluation,
- `FinishingRunner` is a `TrialRunner` for the final training of kept models,
- `Evaluator` returns known evaluations and sends other candidates to workers,
- `Objectives` are the scorers, and the fitness that is made of their scores,
- `Journal` keeps evaluations in a file, to resume a search from it,
- `ModelStore` keeps fitted models of the best.
"""

from sknevo.evaluation._candidate import TrialRunner
from sknevo.evaluation._costs import COSTS
from sknevo.evaluation._data import Data
from sknevo.evaluation._evaluator import Evaluator
from sknevo.evaluation._finish import FinishingRunner
from sknevo.evaluation._held_out import Decision
from sknevo.evaluation._journal import Journal, JournalError, read_journal
from sknevo.evaluation._model_store import ModelStore
from sknevo.evaluation._optimism import expected_score
from sknevo.evaluation._pools import start_early
from sknevo.evaluation._resources import SAMPLES
from sknevo.evaluation._scoring import Objectives, Response
from sknevo.evaluation._selection import select, tune
from sknevo.evaluation._shared import Shared
from sknevo.evaluation._threads import inner_threads, limited_threads
from sknevo.evaluation._trials import Builder, training_is_resumable
from sknevo.evaluation._workers import end_idle_workers

__all__ = [
    "COSTS",
    "SAMPLES",
    "Builder",
    "Data",
    "Decision",
    "Evaluator",
    "FinishingRunner",
    "Journal",
    "JournalError",
    "ModelStore",
    "Objectives",
    "Response",
    "Shared",
    "TrialRunner",
    "end_idle_workers",
    "expected_score",
    "inner_threads",
    "limited_threads",
    "read_journal",
    "select",
    "start_early",
    "training_is_resumable",
    "tune",
]
