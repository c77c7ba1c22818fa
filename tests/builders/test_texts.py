"""Texts become weighted counts that depend on the training part alone."""

import gc
import pickle

import numpy as np
import pandas as pd
import pytest
import tables
from scipy.sparse import issparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.model_selection import train_test_split

from sknevo.builders.pipeline import _texts
from sknevo.builders.pipeline._preparation import make_preparation, prepared_size
from sknevo.builders.pipeline._texts import (
    Embedding,
    Ngrams,
    count_ngrams,
    embedded,
    log_count_ratios,
)
from sknevo.saved_time import counting_saved_seconds

TEXTS = [
    "The bee, the BEE and a moth",
    "Über  die\tBiene\n— naïve 🐝 bees",
    "",
    "a b c",
    "moth moth moth bee",
    "the ant is no bee_keeper 42",
]


def frame(texts):
    return pd.DataFrame({"text": pd.Categorical(texts)})


def nothing(**genes):
    none = {"words": {"none": {}}, "characters": {"none": {}}, "components": {}}
    return {**none, "target": False, **genes}


def words(longest=1, **genes):
    return {"ngrams": {"longest": longest, "min_df": 1, "n_features": 999, **genes}}


# Counts ------------------------------------------------------------------------------


@pytest.mark.parametrize("lower_case", [True, False])
@pytest.mark.parametrize(
    ("unit", "analyzer", "n"),
    [
        ("word", "word", 1),
        ("word", "word", 2),
        ("word", "word", 7),
        ("character", "char_wb", 3),
        ("letter", "char", 4),
    ],
)
def test_counts_are_those_of_scikit_learn(unit, analyzer, n, lower_case):
    texts = TEXTS[:2] + TEXTS[4:]  # the words of the others are short
    counted = count_ngrams(texts, unit, n, lower_case)
    vectorizer = CountVectorizer(
        analyzer=analyzer, ngram_range=(n, n), lowercase=lower_case
    )
    # At both ends of a text it has no space.
    padded = [f" {' '.join(text.split())} " for text in texts]
    try:
        expected = vectorizer.fit_transform(padded)
    except ValueError:  # no text is so long
        assert counted.counts.nnz == 0
        return
    assert counted.counts.shape == expected.shape
    # The columns have another order: products of rows have none.
    np.testing.assert_array_equal(
        (counted.counts @ counted.counts.T).toarray(),
        (expected @ expected.T).toarray(),
    )


def test_counts_do_not_depend_on_how_many_texts_are_taken_at_a_time(monkeypatch):
    whole = count_ngrams(TEXTS, "character", 3, True)
    monkeypatch.setattr(_texts, "BLOCK", 10)
    parts = count_ngrams(TEXTS, "character", 3, True)
    np.testing.assert_array_equal(whole.names, parts.names)
    assert abs(whole.counts - parts.counts).nnz == 0


def test_weights_are_those_of_scikit_learn():
    ours = Ngrams("word", 1, 2, min_df=2).fit_transform(frame(TEXTS))
    theirs = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    theirs = theirs.fit_transform(TEXTS)
    np.testing.assert_allclose(
        (ours @ ours.T).toarray(), (theirs @ theirs.T).toarray(), atol=1e-6
    )


def test_ngrams_are_learned_from_the_training_part_alone():
    """Rows of a table share what was counted, and nothing else."""
    whole = frame(TEXTS)
    train, test = whole.iloc[:3], whole.iloc[3:]
    together = Ngrams("word", 1, 2).fit(train)
    apart = Ngrams("word", 1, 2).fit(frame(TEXTS[:3]))
    for one, other in zip(together.names_, apart.names_, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(together.idf_, apart.idf_)
    np.testing.assert_array_equal(
        together.transform(test).toarray(), apart.transform(frame(TEXTS[3:])).toarray()
    )


def test_what_is_remembered_of_texts_goes_with_them():
    before = len(_texts._memory)
    table = frame([f"text number {i}" for i in range(9)])
    Ngrams().fit(table)
    assert len(_texts._memory) == before + 1
    del table
    gc.collect()
    assert len(_texts._memory) == before


def test_seconds_that_a_later_trial_saves_are_counted_once():
    table = frame([f"text number {i}" for i in range(9)])
    with counting_saved_seconds() as first:
        Ngrams().fit(table).transform(table)
    assert [*first.values()] == [0.0]
    known = _texts._memory[id(table["text"].cat.categories)]
    ((key, (found, seconds)),) = known.items()
    assert seconds > 0
    known[key] = found, 5.0
    with counting_saved_seconds() as second:
        Ngrams().fit(table).transform(table)
    assert [*second.values()] == [5.0]


def test_a_limit_keeps_the_last_that_was_counted(monkeypatch):
    monkeypatch.setattr(_texts, "MOST_BYTES", 1)
    table = frame(TEXTS)
    first = Ngrams("character", 2, 4).fit_transform(table)
    assert not _texts._memory[id(table["text"].cat.categories)]
    again = Ngrams("character", 2, 4).fit_transform(table)
    assert abs(first - again).nnz == 0


def test_only_the_most_frequent_ngrams_are_kept():
    few = Ngrams("word", 1, 1, n_features=1, idf=False)
    few.fit(frame(["moth bee", "bee", "an ant or a bee"]))
    found = few.transform(frame(["bee", "moth", "keeper"])).toarray()
    np.testing.assert_array_equal(found, [[1], [0], [0]])


@pytest.mark.parametrize("texts", [["", " "], [None, "?"], [None, None]])
def test_texts_without_words_are_zeros(texts):
    table = frame(pd.Series(texts, dtype=object))
    for ratios in (False, True):
        found = Ngrams(ratios=ratios).fit_transform(table, [0, 1])
        assert found.shape == (2, 1)
        assert found.nnz == 0


def test_log_count_ratios_are_large_where_classes_differ():
    """As in Wang and Manning, whose ratio is smoothed by one text of each class."""
    table = frame(["good film", "good plot", "bad film", "bad plot"])
    ngrams = Ngrams().fit(table)
    counts = ngrams.transform(table)
    ratios = log_count_ratios(counts, [1, 1, 0, 0])
    np.testing.assert_allclose(sorted(ratios), [0, 0, np.log(3), np.log(3)], atol=1e-6)
    by_name = log_count_ratios(counts, ["a", "a", "b", "b"])
    np.testing.assert_array_equal(ratios, by_name)


# Preparations ------------------------------------------------------------------------


def test_words_beside_other_columns_are_sparse_and_components_are_dense():
    X, y = tables.mixed(), np.arange(90) % 2
    spec = tables.spec_of(X, y)
    genes = {"encoding": "onehot", "min_frequency": 0.0, "imputation": "mean"}
    for text, is_sparse in (
        (nothing(words=words()), True),
        (nothing(words=words(), characters=words(4, shortest=3)), True),
        (nothing(words=words(), components={"svd": {"n_components": 5}}), False),
        (nothing(target=True), False),
        (nothing(), False),
    ):
        prepare = make_preparation(spec, {**genes, "text": text})
        found = prepare.fit_transform(X, y)
        assert issparse(found) == is_sparse
        assert found.dtype == float
        width, density = prepared_size(spec, {**genes, "text": text})
        assert found.shape[1] / 4 < width < 4 * found.shape[1]
        assert (density < 1) == is_sparse
        # What is beside words has about their size.
        assert abs(found).max() <= 3 or not is_sparse
        again = pickle.loads(pickle.dumps(prepare)).transform(X.head(7))
        assert abs(again - prepare.transform(X.head(7))).max() == 0


def test_beside_words_each_label_has_a_column():
    X = pd.DataFrame({"note": TEXTS * 20, "shop": [f"shop {i}" for i in range(120)]})
    reader = tables.ColumnReader(text_columns=["note"])
    X = reader.fit_transform(X)
    spec = tables.DataSpec("regression", 120, 0, reader.describe(X))
    genes = {"encoding": "onehot", "min_frequency": 0.0}
    widths = [
        make_preparation(spec, {**genes, "text": nothing(words=words(), **few)})
        .fit_transform(X, np.arange(120.0))
        .shape[1]
        for few in ({}, {"components": {"svd": {"n_components": 3}}})
    ]
    n_words = Ngrams(n_features=999).fit_transform(X[["note"]]).shape[1]
    assert widths == [120 + n_words, 40 + 3]


def test_each_column_of_text_has_words_of_its_own():
    X = pd.DataFrame({"a": TEXTS, "b": TEXTS[::-1]})
    kinds = tables.ColumnReader(text_columns=["a", "b"])
    X = kinds.fit_transform(X)
    spec = tables.DataSpec("regression", 6, 0, kinds.describe(X))
    text = nothing(words=words())
    both = make_preparation(spec, {"text": text}).fit_transform(X, np.arange(6.0))
    one = Ngrams(n_features=999).fit_transform(X[["a"]])
    assert both.shape[1] == 2 * one.shape[1]


# Embeddings --------------------------------------------------------------------------


def test_embeddings_come_from_the_package_and_no_address_is_asked(monkeypatch):
    pytest.importorskip("wordllama")
    import logging
    import socket

    def refuse(*_, **__):
        raise AssertionError("an address was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    handlers = [*logging.getLogger().handlers]
    _texts._embedding.cache_clear()
    found = embedded(["a dog barks", "the puppy barked", "stock markets fell", ""])
    assert found.shape == (4, 256)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), [1, 1, 1, 0], atol=1e-6)
    alike = found @ found.T
    assert alike[0, 1] > alike[0, 2]
    assert logging.getLogger().handlers == handlers
    table = frame(["a dog barks", None])
    rows = Embedding().fit(table).transform(table)
    np.testing.assert_array_equal(rows[0], found[0])
    assert not rows[1].any()


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "wordllama", None)
    with pytest.raises(ImportError, match=r'pip install "\.\[text\]"'):
        Embedding().fit(frame(TEXTS))


def test_a_split_of_rows_keeps_the_texts_of_the_table():
    """Otherwise each split would count them again."""
    table = frame(TEXTS)
    train, _ = train_test_split(table, random_state=0)
    assert train["text"].cat.categories is table["text"].cat.categories
