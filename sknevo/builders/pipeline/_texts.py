"""Texts as numbers: weighted counts of words and of characters, or embeddings."""

import logging
import re
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from pandas.util import hash_array
from scipy.sparse import csr_matrix, hstack, vstack
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import normalize

from sknevo.builders.pipeline._features import Components, extraction_seconds
from sknevo.builders.pipeline._transformers import ArrayTransformer
from sknevo.columns._kinds import to_labels
from sknevo.extras import require
from sknevo.records import Column
from sknevo.saved_time import note_saved_seconds

# As in scikit-learn: a word has at least two letters, digits or underscores.
WORD = re.compile(r"(?u)\b\w\w+\b")
SPACE = ord(" ")
# An odd number that spreads the names of n-grams over all of 64 bits.
FACTOR = np.uint64(0x9E3779B97F4A7C15)
# Characters of texts that are taken apart at a time, which needs about 50 times as many
# bytes. Chosen, not measured.
BLOCK = 2_000_000
# Bytes of what is remembered of the texts of a table. Chosen, not measured.
MOST_BYTES = 256 * 2**20
# Texts are not remembered if they are less than this share of those of the table: a
# first rung needs few. Chosen, not measured.
FEW = 0.25
# Texts of a class without a word count as so many with it, as in Wang and Manning.
SMOOTHING = 1.0
# Genes that weight n-grams of any unit.
WEIGHTS = ("sublinear", "idf", "ratios")
# Letters of a word with the space behind it, the n-grams of a text that differ, those
# of them that no other text has, and seconds to weight one. Read off 2,257 posts.
WORD_LETTERS, SHARE_OF_DIFFERENT, SHARE_OF_NEW, WEIGHED_SECONDS = 6.0, 0.6, 0.2, 5e-8
EMBEDDED = 256


# Texts of a column -------------------------------------------------------------------

# What was computed of the distinct texts of a table, with the seconds that it took, for
# as long as they live: it is the same in each split, and for all candidates.
_memory: dict[int, dict[Any, tuple[Any, float]]] = {}


def _distinct(X: Any) -> tuple[np.ndarray, pd.Index]:
    """Return the place of each text among the distinct ones, -1 of a missing one."""
    labels = to_labels(pd.DataFrame(X).iloc[:, 0])
    codes, texts = labels.codes, labels.categories
    used = np.unique(codes[codes >= 0])
    if len(used) >= FEW * len(texts):
        return codes, texts
    places = np.full(len(texts) + 1, -1)
    places[used] = np.arange(len(used))
    return places[codes], texts[used]


def _remembered(texts: pd.Index, key: Any, compute: Callable[[], Any]) -> Any:
    """Return what `compute` returns for these texts, computed once while they live."""
    if id(texts) not in _memory:
        _memory[id(texts)] = {}
        weakref.finalize(texts, _memory.pop, id(texts), None)
    known = _memory[id(texts)]
    is_new = key not in known
    if is_new:
        start = time.perf_counter()
        known[key] = compute(), time.perf_counter() - start
    found, seconds = known[key] = known.pop(key)  # the last that was used
    note_saved_seconds((id(texts), key), 0.0 if is_new else seconds)
    for oldest in [*known]:
        if sum(_n_bytes(one) for one, _ in known.values()) <= MOST_BYTES:
            break
        known.pop(oldest, None)
    return found


def _n_bytes(found: Any) -> int:
    if isinstance(found, np.ndarray):
        return found.nbytes
    return found.counts.data.nbytes + found.counts.indices.nbytes + found.names.nbytes


# N-grams -----------------------------------------------------------------------------


class Counted(NamedTuple):
    """How often n-grams occur in texts.

    `counts` has a row for each text and a column for each n-gram, and their `names` are
    hashes of 64 bits in ascending order.
    """

    counts: csr_matrix
    names: np.ndarray


def count_ngrams(texts: Sequence[str], unit: str, n: int, lower_case: bool) -> Counted:
    """Return how often n-grams of words or of characters occur in each text.

    Parameters
    ----------
    texts : sequence of str
        The texts.
    unit : {"word", "character", "letter"}
        What an n-gram consists of. Characters are those within a word and its borders,
        as "char_wb" in scikit-learn; "letter" crosses the borders of words.
    n : int
        Length of an n-gram.
    lower_case : bool
        Whether capital letters are made small.
    """
    blocks = [
        _count(_units(block, unit), n, unit == "character")
        for block in _blocks(texts, lower_case)
    ]
    names = np.unique(np.concatenate([block.names for block in blocks]))
    return Counted(vstack([_among(block, names) for block in blocks], "csr"), names)


def _blocks(texts: Sequence[str], lower_case: bool) -> Iterator[list[str]]:
    """Yield the texts, few long ones or many short ones at a time."""
    block, size = [], 0
    for text in texts:
        block.append(text.lower() if lower_case else text)
        size += len(text)
        if size > BLOCK:
            yield block
            block, size = [], 0
    yield block


class _Units(NamedTuple):
    """The units of texts, one after the other, as numbers, and how many each has."""

    numbers: np.ndarray
    lengths: np.ndarray


def _units(texts: list[str], unit: str) -> _Units:
    if unit == "word":
        words = [WORD.findall(text) for text in texts]
        codes, distinct = pd.factorize(np.array([*chain(*words)], object))
        numbers = hash_array(np.asarray(distinct, object), categorize=False)[codes]
    else:
        words = [f" {' '.join(text.split())} " for text in texts]
        written = "".join(words).encode("utf-32-le", "surrogatepass")
        numbers = np.frombuffer(written, np.uint32)
    lengths = np.array([len(one) for one in words], int)
    return _Units(numbers.astype(np.uint64), lengths)


def _count(units: _Units, n: int, within_words: bool) -> Counted:
    numbers, lengths = units
    rows = np.repeat(np.arange(len(lengths)), lengths)
    n_starts = max(0, len(numbers) - n + 1)
    hashes = np.full(n_starts, n, np.uint64)
    for place in range(n):
        hashes = hashes * FACTOR + numbers[place : place + n_starts]
    whole = rows[:n_starts] == rows[n - 1 :][:n_starts]
    if within_words and n > 2:
        spaces = np.concatenate([[0], np.cumsum(numbers == SPACE)])
        whole &= spaces[n - 1 :][:n_starts] == spaces[1 : n_starts + 1]
    codes, names = pd.factorize(hashes[whole], sort=True)
    starts = np.bincount(rows[:n_starts][whole], minlength=len(lengths))
    ends = np.concatenate([[0], np.cumsum(starts)])
    ones = np.ones(len(codes), np.float32)
    counts = csr_matrix((ones, codes, ends), (len(lengths), len(names)))
    counts.sum_duplicates()
    return Counted(counts, names)


def _among(counted: Counted, names: np.ndarray) -> csr_matrix:
    """Return the counts of n-grams of these names; the others are left out."""
    counts, own = counted
    width = max(1, len(names))
    places = np.searchsorted(names, own)
    known = places < len(names)
    known[known] = names[places[known]] == own[known]
    if not known.all():
        counts, places = counts[:, np.flatnonzero(known)], places[known]
    indices = places.astype(np.int32)[counts.indices]
    return csr_matrix((counts.data, indices, counts.indptr), (counts.shape[0], width))


def _rows(counts: csr_matrix, places: np.ndarray) -> csr_matrix:
    """Return the rows at these places; -1 is an empty one."""
    n, width = counts.shape
    ends = np.append(counts.indptr, counts.indptr[-1])
    # The last row is the empty one.
    return csr_matrix((counts.data, counts.indices, ends), (n + 1, width))[places]


class Ngrams(ArrayTransformer):
    """Weighted counts of the words or characters of one column of text, sparse.

    Rows have length 1 before columns are weighted by log-count ratios. A missing text
    is an empty one.

    Parameters
    ----------
    unit : {"word", "character", "letter"}
        See `count_ngrams`.
    shortest, longest : int
        Lengths of n-grams.
    min_df : int
        Texts of `fit` that an n-gram is in at least.
    n_features : int
        Columns at most, of the n-grams that are in most texts.
    lower_case : bool
        Whether capital letters are made small.
    sublinear : bool
        Whether counts become 1 + their logarithm.
    idf : bool
        Whether rare n-grams weigh more, by the logarithm of how many texts they are in.
    ratios : bool
        Whether columns are weighted by the absolute log-count ratio of a class to all
        others [1]_, the largest of all classes.

    References
    ----------
    .. [1] Wang, S., & Manning, C. D. (2012). Baselines and bigrams: simple, good
       sentiment and topic classification. ACL.
    """

    def __init__(
        self,
        unit: str = "word",
        shortest: int = 1,
        longest: int = 1,
        min_df: int = 1,
        n_features: int = 100_000,
        lower_case: bool = True,
        sublinear: bool = True,
        idf: bool = True,
        ratios: bool = False,
    ) -> None:
        self.unit = unit
        self.shortest = shortest
        self.longest = longest
        self.min_df = min_df
        self.n_features = n_features
        self.lower_case = lower_case
        self.sublinear = sublinear
        self.idf = idf
        self.ratios = ratios

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the n-grams and their weights."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> csr_matrix:
        """Learn n-grams and weights, and return the weighted counts."""
        self.n_features_in_ = 1
        counted = self._counted(X)
        self.names_ = self._frequent(counted)
        counts = self._known(counted)
        frequency = np.bincount(counts.indices, minlength=counts.shape[1])
        self.idf_ = None
        if self.idf:
            n = counts.shape[0]
            self.idf_ = (1 + np.log((1 + n) / (1 + frequency))).astype(np.float32)
        self.ratios_ = log_count_ratios(counts, y) if self.ratios else None
        return self._weighted(counts)

    def transform(self, X: Any) -> csr_matrix:
        """Return the weighted counts of the n-grams that were in `fit`."""
        return self._weighted(self._known(self._counted(X)))

    def _counted(self, X: Any) -> list[Counted]:
        """Return the counts of all n-grams of each length."""
        places, texts = _distinct(X)
        found = []
        for n in range(self.shortest, self.longest + 1):
            key = self.unit, n, self.lower_case
            counts, names = _remembered(
                texts, key, lambda key=key: count_ngrams(texts, *key)
            )
            found.append(Counted(_rows(counts, places), names))
        return found

    def _frequent(self, counted: list[Counted]) -> list[np.ndarray]:
        """Return the names of the n-grams that are kept."""
        frequency = [
            np.bincount(counts.indices, minlength=len(names))
            for counts, names in counted
        ]
        every = np.concatenate(frequency)
        order = np.argsort(-every, kind="stable")[: self.n_features]
        kept = np.zeros(len(every), bool)
        kept[order] = True
        kept &= every >= self.min_df
        ends = np.cumsum([len(names) for _, names in counted])[:-1]
        return [
            names[mask]
            for (_, names), mask in zip(counted, np.split(kept, ends), strict=True)
        ]

    def _known(self, counted: list[Counted]) -> csr_matrix:
        pairs = zip(counted, self.names_, strict=True)
        return hstack([_among(one, names) for one, names in pairs], "csr")

    def _weighted(self, counts: csr_matrix) -> csr_matrix:
        if self.sublinear:
            counts.data = 1 + np.log(counts.data)
        if self.idf_ is not None:
            counts.data *= self.idf_[counts.indices]
        counts = normalize(counts, copy=False)
        if self.ratios_ is not None:
            counts.data *= self.ratios_[counts.indices]
        return counts


def log_count_ratios(counts: csr_matrix, y: Any) -> np.ndarray:
    """Return for each column the largest absolute log-count ratio of all classes.

    It compares how many texts of a class have the n-gram with how many of the others.
    """
    classes, codes = np.unique(y, return_inverse=True)
    n = len(codes)
    of_class = csr_matrix((np.ones(n), (codes, np.arange(n))), (len(classes), n))
    with_it = np.asarray((of_class @ (counts > 0)).todense()) + SMOOTHING
    without = with_it.sum(axis=0) - with_it
    without += SMOOTHING * (len(classes) == 1)
    ratio = np.log(with_it / with_it.sum(axis=1, keepdims=True))
    ratio -= np.log(without / without.sum(axis=1, keepdims=True))
    return np.abs(ratio).max(axis=0).astype(np.float32)


# Embeddings --------------------------------------------------------------------------


class Embedding(ArrayTransformer):
    """The mean embedding of the tokens of one column of text, 256 numbers of length 1.

    The embeddings are those in the package wordllama: nothing is downloaded. A text
    without tokens is zeros.
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn nothing; an ImportError names the extra if wordllama is missing."""
        require("An embedding of texts", "wordllama")
        self.n_features_in_ = 1
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the embeddings."""
        places, texts = _distinct(X)
        found = _remembered(texts, "embedding", lambda: embedded(texts))
        return np.vstack([found, np.zeros((1, found.shape[1]), np.float32)])[places]


def embedded(texts: Sequence[str]) -> np.ndarray:
    """Return the mean embedding of the tokens of each text, scaled to length 1."""
    tokenizer, embedding = _embedding()
    tokens = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    indices = np.fromiter(chain(*tokens), np.int32)
    ends = np.concatenate([[0], np.cumsum([len(ids) for ids in tokens])])
    ones = np.ones(len(indices), np.float32)
    counts = csr_matrix((ones, indices, ends), (len(tokens), embedding.shape[0]))
    sums = counts @ embedding
    return normalize(sums, copy=False) if len(sums) else sums  # all may be missing


@cache
def _embedding() -> tuple[Any, np.ndarray]:
    """Return the tokenizer and the embeddings that are in the package's own folder."""
    root = logging.getLogger()
    level, handlers = root.level, [*root.handlers]
    import wordllama

    # The import sets up logging for the whole process.
    root.setLevel(level)
    root.handlers[:] = handlers
    model = wordllama.WordLlama.load(
        cache_dir=Path(wordllama.__file__).parent, disable_download=True
    )
    model.tokenizer.no_padding()
    return model.tokenizer, model.embedding


# What genes describe ------------------------------------------------------------------

# Of a `ColumnTransformer`: name, transformer, and places of the columns.
NamedTransformer = tuple[str, Any, list[int]]


def text_transformers(
    genes: dict[str, Any], columns: Sequence[Column]
) -> list[NamedTransformer]:
    """Return the parts of a `ColumnTransformer` that genes make of columns of text.

    Those of n-grams are sparse, unless few components are made of all of them.

    Parameters
    ----------
    genes : dict
        The expressed genes of "preparation.text".
    columns : sequence of Column
        All columns of the table.
    """
    places = [i for i, column in enumerate(columns) if column.kind == "text"]
    weights = {name: genes[name] for name in WEIGHTS if name in genes}
    parts: list[NamedTransformer] = [
        (f"{unit}s_{i}", Ngrams(unit, **lengths, **weights), [i])
        for unit, lengths in _expressed(genes)
        for i in places
    ]
    match genes.get("components"):
        case {"svd": {"n_components": n}} if parts:
            counted = ColumnTransformer(parts, sparse_threshold=1.0)
            parts = [
                (
                    "texts",
                    make_pipeline(counted, Components(n, 0)),
                    [*range(len(columns))],
                )
            ]
    if genes.get("embedding"):
        parts += [(f"embedding_{i}", Embedding(), [i]) for i in places]
    return parts


def keeps_words(genes: dict[str, Any]) -> bool:
    """Return whether the columns that genes make of texts are sparse."""
    return bool(_expressed(genes)) and "svd" not in genes.get("components", {})


def _expressed(genes: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the units of expressed n-grams, each with genes of its own."""
    found = []
    for name in ("words", "characters"):
        if ngrams := genes.get(name, {}).get("ngrams"):
            across = ngrams.get("across_words")
            unit = "letter" if across else name.removesuffix("s")
            own = {n: v for n, v in ngrams.items() if n != "across_words"}
            found.append((unit, own))
    return found


def text_size(
    genes: dict[str, Any], columns: Sequence[Column], n_rows: int
) -> tuple[float, float]:
    """Return roughly how many columns texts become, and what a row stores of them."""
    letters = [column.letters for column in columns if column.kind == "text"]
    width = stored = 0.0
    for unit, ngrams in _expressed(genes):
        lengths = ngrams["longest"] - ngrams.get("shortest", 1) + 1
        for n in letters:
            of_row = (
                SHARE_OF_DIFFERENT
                * lengths
                * (n / WORD_LETTERS if unit == "word" else n)
            )
            width += min(
                ngrams["n_features"], SHARE_OF_NEW * of_row * n_rows / ngrams["min_df"]
            )
            stored += of_row
    match genes.get("components"):
        case {"svd": {"n_components": n}} if width:
            width = stored = n
    dense = EMBEDDED * len(letters) * genes.get("embedding", False)
    return width + dense, min(width, stored) + dense


def text_seconds(
    genes: dict[str, Any], columns: Sequence[Column], n_rows: int
) -> float:
    """Return roughly how long one core takes to prepare texts that are counted."""
    width, stored = text_size({**genes, "components": {}}, columns, n_rows)
    seconds = WEIGHED_SECONDS * n_rows * stored
    match genes.get("components"):
        case {"svd": found} if width:
            seconds += extraction_seconds({"svd": found}, n_rows, width)
    return seconds
