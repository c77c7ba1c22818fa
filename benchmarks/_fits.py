"""Fits of a benchmark of images, each in a process of its own, and their rows."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

from _rows import append, commit, read


def new_rows(
    out: Path, cells: Iterable[Any], fit: Callable[..., dict], *args: Any, n_jobs: int
) -> Iterator[tuple[Any, dict]]:
    """Yield each cell that the file has no row of, and its row, which is appended.

    `cells` are named tuples of one type, and `fit(cell, *args, n_jobs)` returns what is
    said of one.
    """
    for cell in cells:
        if cell in [tuple(row[name] for name in cell._fields) for row in read(out)]:
            continue
        begin = {
            "commit": commit(),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "load": round(os.getloadavg()[0], 2),
            "n_jobs": n_jobs,
            **cell._asdict(),
        }
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=spawn) as alone:
            row = begin | alone.submit(fit, cell, *args, n_jobs).result()
        append(out, row)
        yield cell, row


def search_details(search: Any) -> dict[str, Any]:
    """Return what a row says of a search."""
    results = search.cv_results_
    return {
        "best": search.best_chromosome_.words,
        "origin": search.best_chromosome_.origin,
        "held_out": round(search.best_score_, 4),
        "n_candidates": len({*results["key"]}),
        "n_failed": int((results["status"] == "error").sum()),
        "genes": search.best_params_,
    }
