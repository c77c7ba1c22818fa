"""What to try next, by rules that look at what has happened."""

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from sknevo.describe import shown
from sknevo.genes import Integer, Real, positions
from sknevo.records import CUT_OFF, FAILED
from sknevo.report._facts import Facts

# All are chosen, not measured.
# The best came late if it is among this last share of the individuals.
LATE = 1 / 3
# Failures, and individuals that were cut off, are worth a word from these shares on.
MANY_FAILED, MANY_CUT_OFF = 0.1, 0.5
# Positions in its range, from either end, where a number is at the end.
EDGE = 0.02
# Whole numbers of fewer values are at an end by chance, and no gene of a share can go
# beyond these.
FEWEST_VALUES, NATURAL = 10, (0, 1)
# Fewer rows than these can be scored on several splits in little time.
FEW_ROWS = 10_000

# What may be changed about each kind of failure.
REMEDIES = {
    "timeout": "Raise max_eval_time, or leave slow models out of the genome.",
    "memory": "Raise memory_limit, or lower n_jobs.",
    "slow": "Raise max_predict_time, or leave slow models out of the genome.",
}


def advice(facts: Facts) -> list[str]:
    """Return what to try next, the most promising first."""
    return [text for rule in RULES for text in rule(facts)]


def _more_time(facts: Facts) -> Iterator[str]:
    n, reason = len(facts.ok), facts.estimator.stop_reason_
    if n < 2 or facts.best < n * (1 - LATE):
        return
    late = f"The best is number {facts.best + 1} of {n}: the search was improving."
    if reason.startswith("max_time"):
        yield f"{late} Give it more time: a larger max_time."
    elif reason.startswith("generations"):
        yield f"{late} Raise generations, or set max_time instead."


def _failures(facts: Facts) -> Iterator[str]:
    results, n = facts.results, len(facts.ok)
    for status in FAILED:
        rows = np.flatnonzero(results["status"] == status)
        if len(rows) < MANY_FAILED * n:
            continue
        errors = Counter(results["error"][row].splitlines()[0] for row in rows)
        ((cause, _),) = errors.most_common(1)
        remedy = REMEDIES.get(status, "Leave what fails out of the genome.")
        yield (
            f'{len(rows)} of {n} individuals ended with the status "{status}", most '
            f"often because of: {cause} {remedy}"
        )


def _cut_off(facts: Facts) -> Iterator[str]:
    status, n = facts.results["status"], len(facts.ok)
    cut_off = int(np.isin(status, CUT_OFF).sum())
    if cut_off > MANY_CUT_OFF * n:
        yield (
            f"{cut_off} of {n} individuals were cut off by the end of the search: a "
            "larger max_time, or more processes by n_jobs, lets them end."
        )


def _equals(facts: Facts) -> Iterator[str]:
    error, fitness = facts.errors[facts.best], facts.fitness
    rows = [row for row in facts.ranked if facts.ok[row]]
    rows = [row for row in rows if fitness[row] >= fitness[facts.best] - error]
    if len(rows) < 2:  # also if there is no error
        return
    fastest = min(rows, key=lambda row: facts.seconds[row])
    text = (
        f"{len(rows)} individuals are within one standard error of the best, so they "
        "may be as good."
    )
    if fastest != facts.best:
        text += (
            f" The fastest of them is {facts.words[fastest]}, fitted by "
            f"refit_individual({fastest}, X, y)."
        )
    yield text


def _one_split(facts: Facts) -> Iterator[str]:
    few = facts.spec is None or facts.spec.n_samples < FEW_ROWS
    if facts.estimator.n_splits_ == 1 and few:
        yield (
            "All scores are of one held-out part, so their error is not known. cv=5 "
            "gives one, and takes about five times as long."
        )


def _edges(facts: Facts) -> Iterator[str]:
    genome, genes = facts.estimator.genome_, facts.estimator.best_chromosome_.genes
    places = positions(genome, genes)
    found = []
    for path, gene, value, _ in genome.walk(genes):
        many = isinstance(gene, Integer) and gene.high - gene.low >= FEWEST_VALUES
        if path not in places or not (many or isinstance(gene, Real)):
            continue
        if not EDGE < places[path] < 1 - EDGE and value not in NATURAL:
            found.append(
                f"{path.rpartition('.')[2]} = {shown(value)} (of {shown(gene.low)} to "
                f"{shown(gene.high)})"
            )
    if found:
        yield (
            f"The best is at the end of a range: {', '.join(found)}. A genome with a "
            "wider range may have better ones."
        )


def _ensemble(facts: Facts) -> Iterator[str]:
    if facts.estimator.get_params(deep=False).get("ensemble_size", 0) is None:
        yield (
            "The best predicts alone. With ensemble_size=25 an ensemble of the "
            "individuals predicts, which is usually better."
        )


RULES: tuple[Callable[[Facts], Iterator[str]], ...] = (
    _more_time,
    _failures,
    _cut_off,
    _equals,
    _one_split,
    _edges,
    _ensemble,
)
