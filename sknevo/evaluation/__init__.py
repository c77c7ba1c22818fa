"""How an individual fares: trials, the workers that run them, and what is measured.

- `Trial` builds, fits and scores one individual and survives its faults,
- `Evaluator` remembers, and spreads what is new over joblib's workers,
- `Objectives` are scikit-learn's scorers and the one that evolution maximises,
- `Shared` brings the data to each worker once,
- `Journal` keeps evaluations in a file, for the next time,
- `WeightStore` keeps weights of candidates in files,
- `Fitted` keeps the estimators of the best, if the winner would be fitted just so.
"""

from sknevo.evaluation._evaluator import Evaluator
from sknevo.evaluation._fitted import Fitted
from sknevo.evaluation._journal import Journal, JournalError, read_journal
from sknevo.evaluation._objectives import Objectives
from sknevo.evaluation._resources import SAMPLES, most, rungs
from sknevo.evaluation._shared import Shared
from sknevo.evaluation._threads import inner_threads, limited_threads
from sknevo.evaluation._trial import Builder, Data, Trial
from sknevo.evaluation._weight_store import WeightStore, WeightStoreError

__all__ = [
    "SAMPLES",
    "Builder",
    "Data",
    "Evaluator",
    "Fitted",
    "Journal",
    "JournalError",
    "Objectives",
    "Shared",
    "Trial",
    "WeightStore",
    "WeightStoreError",
    "inner_threads",
    "limited_threads",
    "most",
    "read_journal",
    "rungs",
]
