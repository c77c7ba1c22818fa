"""What the raw rows say: ranks, wins and losses, overrun, failures and memory."""

from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd
from _methods import METHODS
from _rows import Cell
from _tables import MANY_CLASSES

OURS = "sknevo"
VARIANTS = tuple(name for name, method in METHODS.items() if method.is_variant)


def table_of(rows: Iterable[dict]) -> pd.DataFrame:
    """Return a row per cell, the last one of each, with the score that was asked for.

    A failure has no score.
    """
    table = pd.DataFrame(list(rows)).drop_duplicates([*Cell._fields], keep="last")
    asked = [row.get(row["score"]) for row in table.to_dict("records")]
    return table.assign(held_out=np.array(asked, dtype=float))


def scores_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return the held-out scores, a row per split and a column per method.

    Only splits on which all methods ran count. A failure is the lowest of all.
    """
    wide = table.pivot(
        index=["table", "seed"], columns="method", values="held_out"
    ).reindex(columns=[name for name in METHODS if name in set(table.method)])
    ran = table.pivot(index=["table", "seed"], columns="method", values="budget")
    return wide[ran.notna().all(axis=1)].fillna(-np.inf)


def mean_ranks(scores: pd.DataFrame) -> pd.Series:
    """Return the mean rank of each method, 1 is best; ties share their ranks."""
    return scores.rank(axis=1, ascending=False).mean().sort_values()


def wins(scores: pd.DataFrame, method: str) -> pd.DataFrame:
    """Return on how many splits a method won, tied and lost against each other one."""
    others = scores.drop(columns=method)
    own = scores[[method]].to_numpy()
    counts = {
        "won": (own > others).sum(),
        "tied": (own == others).sum(),
        "lost": (own < others).sum(),
    }
    return pd.DataFrame(counts).assign(
        share=lambda c: (c.won + c.tied / 2) / len(others)
    )


def ratios(table: pd.DataFrame, method: str) -> pd.DataFrame:
    """Return by how much the loss of a method differs from those of others, by budget.

    The loss is the log loss, or 1 minus the score. `change` is the mean logarithm of
    the ratio in percent, first over the seeds of a table, then over tables; `error` is
    its standard error. Splits on which one of both failed are left out.
    """
    loss = np.where(table.score == "neg_log_loss", 0.0, 1.0) - table.held_out
    logs = table.assign(log=100 * np.log(loss)).pivot(
        index=["budget", "table", "score", "seed"], columns="method", values="log"
    )
    changes = (-logs).add(logs[method], axis=0).drop(columns=method).stack().dropna()
    means = changes.groupby(["method", "budget", "table", "score"]).mean()
    tables, splits = (one.groupby(["method", "budget"]) for one in (means, changes))
    return pd.DataFrame(
        {
            "change": tables.mean(),
            "error": tables.sem(),
            "tables": tables.size(),
            "won": splits.agg(lambda change: (change < 0).sum()),
            "splits": splits.size(),
        }
    )


def origins(table: pd.DataFrame) -> pd.DataFrame:
    """Return what ensembles are made of: mean shares, and generations, by budget."""
    known = table[table.weights.notna()]
    shares = pd.DataFrame([*known.weights], index=known.index)
    shares["generations"] = known.n_generations
    return shares.groupby([known.method, known.budget]).mean()


def pairs(scores: pd.DataFrame) -> pd.DataFrame:
    """Return on how many splits the method of a row beat that of a column."""
    return pd.DataFrame(
        {name: (scores.gt(scores[name], axis=0)).sum() for name in scores}
    )


def costs(table: pd.DataFrame) -> pd.DataFrame:
    """Return time beyond the budget, memory, candidates and failures per method."""
    over = table.assign(
        fit_over=table.fit_seconds - table.budget,
        process_over=table.seconds - table.budget,
        failed=table.error != "",
    )
    return over.groupby("method").agg(
        fits=("failed", "size"),
        failed=("failed", "sum"),
        fit_over_median=("fit_over", "median"),
        fit_over_most=("fit_over", "max"),
        process_over_most=("process_over", "max"),
        memory_median=("memory_mb", "median"),
        memory_most=("memory_mb", "max"),
        candidates=("n_candidates", "median"),
    )


def report(rows: Iterable[dict], methods: Collection[str] = tuple(METHODS)) -> str:
    """Return all of it as Markdown, part by part: a score and a budget."""
    table = table_of(row for row in rows if row["method"] in methods)
    parts = [
        _part(part, f"{score}, {budget:g} s")
        for (score, budget), part in table.groupby(["score", "budget"], sort=False)
    ]
    failures = table[table.error != ""]
    lines = [
        f"- {row.method}, {row.table}, seed {row.seed}, {row.score}: {row.error}"
        for row in failures.itertuples()
    ]
    if OURS in set(table.method) and table.method.nunique() > 1:
        parts += [
            f"## Loss of {OURS} beside others (%)",
            _by_budget(ratios(table, OURS)),
        ]
    if "weights" in table:
        parts += ["## Origin of the ensembles' members", _by_budget(origins(table))]
    return "\n\n".join([*parts, "## Failures", "\n".join(lines) or "None."])


def _part(table: pd.DataFrame, title: str) -> str:
    scores = scores_of(table)
    if scores.empty:
        return f"## {title}\n\nNo split on which all methods ran."
    peers = scores.drop(columns=[name for name in VARIANTS if name in scores])
    ranks = pd.DataFrame(
        {"among peers": mean_ranks(peers), "with variants": mean_ranks(scores)}
    )
    blocks = [
        f"## {title}: {len(scores)} splits of {scores.index.unique(0).size} tables",
        _markdown(scores.groupby("table").mean(), 4),
        "Mean rank:",
        _markdown(ranks.sort_values("with variants"), 2),
    ]
    many = scores[scores.index.get_level_values("table").isin(MANY_CLASSES)]
    for name, some in {"": scores, ", more than four classes": many}.items():
        if OURS in scores and len(scores.columns) > 1 and len(some):
            blocks += [f"{OURS} against{name}:", _markdown(wins(some, OURS), 2)]
    blocks += ["Splits that the row won against the column:"]
    blocks += [_markdown(pairs(scores), 0)]
    blocks += ["Costs (seconds, MB):", _markdown(costs(table), 1)]
    return "\n\n".join(blocks)


def _by_budget(table: pd.DataFrame) -> str:
    names = [f"{method}, {budget:g} s" for method, budget in table.index]
    return _markdown(table.set_axis(names), 2)


def _markdown(table: pd.DataFrame, digits: int) -> str:
    def cell(value: float) -> str:
        if np.isnan(value):
            return ""
        whole = float(value).is_integer() and digits < 4
        return f"{value:.0f}" if whole else f"{value:.{digits}f}"

    head = ["", *map(str, table.columns)]
    lines = [head, ["-"] * len(head)]
    lines += [[str(name), *map(cell, row)] for name, row in table.T.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
