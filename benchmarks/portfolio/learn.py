"""Learn the order of the known candidates from what `matrix.py` has measured.

The order is built greedily. The next candidate is the one that improves the ensemble of
those before it most per second, on average over tables. The gain is that of the loss
(log-loss, or squared error), in units of what separates the best and the median
candidate of the table. The weight of the new candidate is chosen on out-of-fold
predictions; the loss is the mean of those on out-of-fold and on held-out rows, since
one of them alone is noisy on small tables.

    python learn.py MATRIX                        # prints what the orders are worth
    python learn.py MATRIX --write ../../sknevo/genomes/pipeline/portfolio.json

MATRIX is a folder with the files of `matrix.py`, or with their tar files. What an order
is worth is measured on tables that it was not learned from, one after the other: the
held-out loss of the ensemble after so many seconds of two processes.
"""

import argparse
import io
import json
import re
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

# File of the candidates' genes, written by matrix.py.
CANDIDATES = "candidates.json"
# Candidates in the order that is learned. As a first generation, 20 were as good as 24
# on tables left out. Against 12, the regret after 50 s was 0.055 lower (standard error
# 0.017) for classification, 0.012 higher (0.023) for regression.
LENGTH = 20
# Weights that a new candidate may have in the ensemble.
WEIGHTS = np.array([0.0, 0.1, 0.2, 0.35, 0.5, 0.7])
# A candidate is learned from if it was evaluated on this share of the tables.
ENOUGH = 0.6
# Seconds that are added to those of a candidate, in units of the table's median
# candidate, before its gain is divided by them: else the cheapest would always come
# first. With 0.5 the regret on tables left out was 0.212 and 0.250 after 50 s
# (classification and regression), with 2 0.196 and 0.236, with 8 0.202 and 0.225; after
# 5 s 0.327 and 0.261, 0.319 and 0.253, 0.312 and 0.282.
OVERHEAD = 4.0
# Rounds of the greedy selection of an ensemble.
ROUNDS = 25
# Processor seconds, two processes together, after which orders are compared; the last
# is a search of 30 s.
BUDGETS = (5.0, 15.0, 50.0)
# Random orders whose mean is compared.
N_SHUFFLES = 5
# Sizes of the first generation that are compared.
SIZES = (4, 8, 12, 16, 20)
TINY = 1e-6


@dataclass
class Measured:
    """What was measured on a table; rows of arrays are candidates.

    Predictions are the probability of the true class, or the deviation from the
    target: the loss of an ensemble depends on their weighted mean alone.
    """

    name: str
    task: str
    seconds: np.ndarray
    out_of_fold: np.ndarray
    held_out: np.ndarray
    gains_after: dict[tuple[int, ...], np.ndarray] = field(default_factory=dict)

    @property
    def works(self) -> np.ndarray:
        return ~np.isnan(self.held_out[:, 0])

    def loss(self, predictions: np.ndarray) -> np.ndarray:
        """Return the loss of each row of predictions."""
        if self.task == "regression":
            return np.mean(predictions**2, axis=-1)
        return -np.mean(np.log(np.maximum(predictions, TINY)), axis=-1)

    def ensemble(self, chosen: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Return what the ensemble of some candidates predicts on both parts."""
        chosen = [one for one in chosen if self.works[one]]
        parts = self.out_of_fold[chosen]
        total, best, weights = np.zeros(parts.shape[1]), np.inf, np.zeros(len(chosen))
        for n in range(ROUNDS):
            losses = self.loss((total + parts) / (n + 1))
            one = int(np.argmin(losses))
            weights[one] += 1
            total = total + parts[one]
            if losses[one] < best:
                best, kept = losses[one], weights / weights.sum()
        return kept @ parts, kept @ self.held_out[chosen]

    def regret(self, chosen: Sequence[int]) -> float:
        """Return the held-out loss of an ensemble: 0 as the best, 1 as the median."""
        losses = self.loss(self.held_out[self.works])
        best, median = float(losses.min()), float(np.median(losses))
        if not any(self.works[one] for one in chosen):
            return 1.0
        loss = self.loss(self.ensemble(chosen)[1])
        return float(np.clip((loss - best) / max(median - best, TINY), -1, 2))

    def gains(self, order: tuple[int, ...]) -> np.ndarray:
        """Return by how much each candidate improves the ensemble of an order."""
        if order not in self.gains_after:
            self.gains_after[order] = self._gains(order)
        return self.gains_after[order]

    def _gains(self, order: tuple[int, ...]) -> np.ndarray:
        alone = self.both(self.out_of_fold[self.works], self.held_out[self.works])
        best, median = float(alone.min()), float(np.median(alone))
        gains = np.zeros(len(self.works))
        fresh = self.works.copy()
        fresh[list(order)] = False
        parts = self.out_of_fold[fresh], self.held_out[fresh]
        if not any(self.works[one] for one in order):
            before, after = best + 2 * (median - best), self.both(*parts)
        else:
            means = self.ensemble(order)
            before = self.both(*means)
            trained = [self.loss((1 - w) * means[0] + w * parts[0]) for w in WEIGHTS]
            w = WEIGHTS[np.argmin(trained, axis=0)][:, None]
            after = self.both(
                *((1 - w) * m + w * p for m, p in zip(means, parts, strict=True))
            )
        gains[fresh] = np.clip((before - after) / max(median - best, TINY), -2, 2)
        return gains

    def both(self, out_of_fold: np.ndarray, held_out: np.ndarray) -> np.ndarray:
        """Return the mean loss on both parts."""
        return (self.loss(out_of_fold) + self.loss(held_out)) / 2

    @property
    def relative_seconds(self) -> np.ndarray:
        return self.seconds / np.nanmedian(self.seconds)


def learn(tables: list[Measured], n_candidates: int, length: int = LENGTH) -> list[int]:
    """Return the order of candidates that is best on the tables."""
    seconds = np.nanmean([table.relative_seconds for table in tables], axis=0)
    order: list[int] = []
    for _ in range(min(length, n_candidates)):
        gain = np.mean([table.gains(tuple(order)) for table in tables], axis=0)
        worth = gain / (OVERHEAD + seconds)
        # What makes matters worse comes last, whatever it costs.
        worth = np.where(gain > 0, worth, gain)
        worth[order] = -np.inf
        order.append(int(np.argmax(worth)))
    return order


def within(table: Measured, order: Sequence[int], seconds: float) -> list[int]:
    """Return the candidates that two processes finish in so many seconds."""
    done, clocks = [], [0.0, 0.0]
    for one in order:
        if np.isnan(table.seconds[one]):  # it was not evaluated on this table
            continue
        first = int(np.argmin(clocks))
        if clocks[first] + table.seconds[one] <= seconds / 2:
            clocks[first] += table.seconds[one]
            done.append(one)
    return done


def compare(tables: list[Measured], names: list[str]) -> None:
    """Print the regret of orders, and of first generations of several sizes.

    Each is the mean over tables; wins and losses are those against the known order.
    """
    known = [i for i, name in enumerate(names) if re.fullmatch(r"known-\d+", name)]
    random = [i for i, name in enumerate(names) if re.fullmatch(r"random-\d+", name)]
    rng = np.random.default_rng(0)
    shuffles = [rng.permutation(random).tolist() for _ in range(N_SHUFFLES)]
    learned = [
        learn([*tables[:i], *tables[i + 1 :]], len(names)) for i in range(len(tables))
    ]
    # For each table, the orders whose mean counts. After its end, an order goes on with
    # random candidates.
    orders = {
        "known": [[_extended(known, random)]] * len(tables),
        "random": [shuffles] * len(tables),
        "learned": [[_extended(order, random)] for order in learned],
    }
    orders |= {f"first {n}": [[order[:n]] for order in learned] for n in SIZES}
    print("order   " + "".join(f"{budget:>20g} s" for budget in BUDGETS))
    of_known = [regrets(tables, orders["known"], budget) for budget in BUDGETS]
    for kind, of_table in orders.items():
        text = f"{kind:8}"
        for budget, other in zip(BUDGETS, of_known, strict=True):
            ones = regrets(tables, of_table, budget)
            won, lost = (ones < other - 1e-9).sum(), (ones > other + 1e-9).sum()
            text += f"{ones.mean():10.3f} {won:2} to {lost:2}  "
        print(text)


def regrets(
    tables: list[Measured], orders: list[list[Sequence[int]]], seconds: float
) -> np.ndarray:
    """Return the regret on each table after so many seconds, the mean of its orders."""
    return np.array(
        [
            np.mean([table.regret(within(table, one, seconds)) for one in of_table])
            for table, of_table in zip(tables, orders, strict=True)
        ]
    )


def _extended(order: Sequence[int], others: Sequence[int]) -> list[int]:
    return list(dict.fromkeys([*order, *others]))


def read(folder: Path) -> tuple[dict[str, Any], dict[str, dict[str, np.ndarray]]]:
    """Return the candidates of each task, and the arrays of each table."""
    files = {path.name: path.read_bytes() for path in sorted(folder.glob("*.npz"))}
    if (alone := folder / CANDIDATES).exists():
        files[CANDIDATES] = alone.read_bytes()
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as tar:
            files |= {m.name: tar.extractfile(m).read() for m in tar}
    genes = json.loads(files.pop(CANDIDATES))
    tables = {
        Path(name).stem: dict(np.load(io.BytesIO(content)))
        for name, content in sorted(files.items())
    }
    return genes, tables


def measured(
    name: str, task: str, arrays: dict[str, np.ndarray], names: list[str]
) -> Measured:
    """Return a table with all candidates in one order; NaN where one is missing."""
    place = {name: i for i, name in enumerate(names)}
    good = arrays["error"] == ""
    rows = [place[n] for n in arrays["candidate"][good]]
    failed = [place[n] for n in arrays["candidate"][~good]]
    seconds = np.full(len(names), np.nan)
    seconds[rows] = arrays["seconds"].sum(axis=(1, 2))
    slow = [n for n, e in zip(failed, arrays["error"][~good], strict=True) if e]
    seconds[slow] = np.nanmax(seconds)
    parts = []
    for field_, target in (("out_of_fold", "y"), ("held_out", "y_test")):
        values, y = arrays[field_].astype(np.float32), arrays[target]
        if task == "classification":
            values = values[:, np.arange(len(y)), y.astype(int)]
        else:
            values = values - y.astype(np.float32)
        whole = np.full((len(names), len(y)), np.nan, np.float32)
        whole[rows] = values
        parts.append(whole)
    return Measured(name, task, seconds, *parts)


def restricted(
    tables: list[Measured], names: list[str]
) -> tuple[list[Measured], list[str]]:
    """Return tables and names with the candidates that most tables have."""
    share = np.mean([~np.isnan(table.seconds) for table in tables], axis=0)
    kept = np.flatnonzero(share >= ENOUGH)
    parts = [
        Measured(t.name, t.task, t.seconds[kept], t.out_of_fold[kept], t.held_out[kept])
        for t in tables
    ]
    return parts, [names[i] for i in kept]


def entry(genes: dict[str, Any]) -> dict[str, Any]:
    """Return the genes of a candidate for the file: with three digits."""
    return json.loads(json.dumps(genes), parse_float=lambda x: float(f"{float(x):.3g}"))


def dumped(value: Any, depth: int = 0) -> str:
    """Return indented JSON with an entry, or the names of all tables, in each line."""
    if depth == 2 or isinstance(value, str):
        return json.dumps(value)
    brackets, parts = "[]", [dumped(one, depth + 1) for one in value]
    if isinstance(value, dict):
        brackets = "{}"
        parts = [f'"{key}": {dumped(one, depth + 1)}' for key, one in value.items()]
    end, space = "\n" + " " * depth, "\n" + " " * (depth + 1)
    text = brackets[0] + space + ("," + space).join(parts) + end + brackets[1]
    return text if depth else text + "\n"


def commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("matrix", type=Path, help="folder of the results")
    parser.add_argument("--write", type=Path, help="file of the learned orders")
    args = parser.parse_args()
    candidates, arrays_of = read(args.matrix)
    result: dict[str, Any] = {
        "made_by": f"benchmarks/portfolio/learn.py at {commit()}",
        "tables": {},
    }
    for task, genes in candidates.items():
        tables = [
            measured(name, task, arrays, [*genes])
            for name, arrays in arrays_of.items()
            if json.loads(str(arrays["about"]))["task"] == task
        ]
        if len(tables) < 2:
            continue
        tables, names = restricted(tables, [*genes])
        print(f"{task}: {len(tables)} tables, {len(names)} candidates")
        compare(tables, names)
        order = learn(tables, len(names))
        for rank, one in enumerate(order, 1):
            gain = np.mean(
                [table.gains(tuple(order[: rank - 1]))[one] for table in tables]
            )
            seconds = np.nanmean([table.relative_seconds[one] for table in tables])
            model = next(iter(genes[names[one]]["model"]))
            print(f"{rank:3} {names[one]:13} {model:23} {gain:.4f} {seconds:.2f}")
        result["tables"][task] = sorted(table.name for table in tables)
        result[task] = [entry(genes[names[one]]) for one in order]
    if args.write:
        args.write.write_text(dumped(result))


if __name__ == "__main__":
    main()
