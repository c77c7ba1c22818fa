"""Made tables of all sizes and shapes, binary: `make` returns a part by name and seed.

Runs in every environment. X is an array of float32; with labels a DataFrame with one
column of them; sparse, a CSR matrix of counted words. Rows for training and held-out
ones come from streams of their own, in chunks, so that no copy is made on the way.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

# Values that are made at a time.
CHUNK = 5_000_000
# Words of a document, and columns that say something in a sparse table.
WORDS, TELLING = 100, 300


@dataclass(frozen=True)
class Made:
    """What a table is made of, and the seconds that a search of it is given.

    `n_labels` is the number of different labels in its last column, 0 for none. `kind`
    is what the target depends on: "mixed" on products, steps and curves of the first
    six columns, "linear" on the first four, "words" on common columns of a sparse one.
    """

    n_rows: int
    n_columns: int
    n_labels: int = 0
    kind: str = "mixed"
    budget: float = 30.0
    n_test: int = 100_000

    @property
    def is_wide(self) -> bool:
        return self.n_columns >= self.n_rows


def _wide(n_rows: int, n_columns: int, **options: Any) -> Made:
    return Made(n_rows, n_columns, n_test=5_000, **options)


# The tables of the first measurements: of so many rows a fifth was held out.
NAMED = {
    "labels_300k": Made(240_000, 30, 200, budget=60),
    "labels_1m": Made(800_000, 30, 200, budget=120),
    "numbers_1m": Made(800_000, 30, budget=120),
    "numbers_10m": Made(10_000_000, 20, budget=270),
    "wide_20k": _wide(800, 20_000, budget=60),
    "linear_8k": _wide(400, 8_000, kind="linear", budget=40),
    "sparse_30k": _wide(4_000, 30_000, kind="words", budget=40),
}
# One size at a time.
ROWS = {f"rows_{n}": Made(n, 20) for n in (1_000, 10_000, 100_000, 1_000_000)}
COLUMNS = {f"columns_{n}": _wide(1_000, n) for n in (10, 100, 1_000, 5_000, 20_000)}
LABELS = {
    f"categories_{n}": Made(100_000, 10, n) for n in (10, 100, 1_000, 10_000, 100_000)
}
MADE = NAMED | ROWS | COLUMNS | LABELS


@dataclass
class Parts:
    """What of a table is made: X and y, and the bytes that they take."""

    X: Any
    y: np.ndarray
    megabytes: float = field(init=False)

    def __post_init__(self) -> None:
        self.megabytes = (_bytes(self.X) + self.y.nbytes) / 2**20


def make(name: str, seed: int, is_test: bool) -> Parts:
    """Return the rows for training of a table, or those that are held out."""
    made = MADE[name]
    n = made.n_test if is_test else made.n_rows
    rng = np.random.default_rng([seed, is_test])
    # What the table has in common with its other part.
    common = np.random.default_rng([seed, 2])
    if made.kind == "words":
        return Parts(*_documents(n, made.n_columns, rng, common))
    X, y = np.empty((n, made.n_columns), np.float32), np.empty(n, int)
    codes = np.empty(n, np.int32)
    effects = common.standard_normal(made.n_labels)
    step = max(1, CHUNK // made.n_columns)
    for begin in range(0, n, step):
        rows = X[begin : begin + step]
        rng.standard_normal(out=rows, dtype=np.float32)
        z = _signal(rows.T, made.kind) + rng.standard_normal(len(rows))
        if made.n_labels:
            codes[begin : begin + step] = rng.integers(0, made.n_labels, len(rows))
            z += effects[codes[begin : begin + step]]
        y[begin : begin + step] = z > 0
    return Parts(_labelled(X, codes, made.n_labels) if made.n_labels else X, y)


def _signal(x: np.ndarray, kind: str) -> np.ndarray:
    """Return what the target depends on beside labels, of columns x."""
    if kind == "linear":
        return 2 * x[0] + x[1] - x[2] + x[3]
    return x[0] * x[1] + np.sin(2 * x[2]) + x[3] / 2 - (x[4] > 0.5) * x[5]


def _labelled(X: np.ndarray, codes: np.ndarray, n_labels: int) -> Any:
    import pandas as pd

    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])], copy=False)
    names = [f"label {i}" for i in range(n_labels)]
    return frame.assign(label=pd.Categorical.from_codes(codes, names))


def _documents(
    n: int, n_words: int, rng: np.random.Generator, common: np.random.Generator
) -> tuple[Any, np.ndarray]:
    """Return how often words are in documents: few are frequent, a few hundred tell."""
    from scipy.sparse import csr_matrix

    share = 1 / np.arange(10, n_words + 10)
    share /= share.sum()
    words = rng.choice(n_words, (n, WORDS), p=share)
    effects = np.zeros(n_words)
    effects[:TELLING] = common.standard_normal(TELLING)
    z = effects[words].sum(axis=1) - WORDS * (share @ effects)
    z = z / z.std() + rng.standard_normal(n) / 2
    starts = np.arange(0, n * WORDS + 1, WORDS)
    ones = np.ones(words.size, np.float32)
    X = csr_matrix((ones, words.ravel(), starts), shape=(n, n_words))
    X.sum_duplicates()
    X.data = np.log1p(X.data)
    return X, (z > 0).astype(int)


def _bytes(X: Any) -> int:
    if hasattr(X, "indptr"):
        return X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
    return X.memory_usage().sum() if hasattr(X, "memory_usage") else X.nbytes
