"""Pipelines take texts: alone, in each form, and in columns beside others."""

import pickle
import subprocess
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest

from sknevo import EvolvedPipelineClassifier, EvolvedPipelineRegressor
from sknevo.genomes.pipeline import pipeline

SMALL = {"population_size": 3, "generations": 1, "cv": 2, "random_state": 0}
TOPICS = {
    "bees": "bee hive honey queen swarm comb wax drone",
    "cars": "car wheel motor road brake petrol driver seat",
}


def texts(n=80, seed=0):
    """Return texts of two topics with words that say nothing among them."""
    rng = np.random.default_rng(seed)
    labels = rng.choice([*TOPICS], n)
    noise = [f"word{i}" for i in range(40)]
    written = [
        " ".join([*rng.choice(noise, 6), *rng.choice(TOPICS[label].split(), 3)])
        for label in labels
    ]
    return written, labels


def mixed(n=80):
    """Return a table with a column of text; all columns decide the target."""
    written, labels = texts(n)
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "size": rng.normal(size=n),
            "note": written,
            "kind": rng.choice(["old", "new"], n),
        }
    )
    table.loc[::9, "note"] = None
    table.loc[::7, "size"] = np.nan
    y = (labels == "bees") + table["size"].fillna(0) + (table["kind"] == "old")
    return table, y.to_numpy()


@pytest.fixture(scope="module")
def fitted():
    """Return a search on texts alone, the most of which are told by their words."""
    written, labels = texts()
    models = partial(pipeline, models=["linear", "naive_bayes"])
    search = EvolvedPipelineClassifier(genome=models, **SMALL)
    return search.fit(pd.Series(written), labels)


def test_texts_are_told_apart_in_each_form(fitted):
    new, labels = texts(40, seed=5)
    predicted = fitted.predict(pd.Series(new))
    assert np.mean(predicted == labels) > 0.9
    assert not hasattr(fitted, "feature_names_in_")
    assert fitted.n_features_in_ == 1
    for form in (new, tuple(new), np.array(new), np.array(new, object)):
        np.testing.assert_array_equal(fitted.predict(form), predicted)
    frame = pd.DataFrame({0: new})
    np.testing.assert_array_equal(fitted.predict(frame), predicted)
    best = fitted.best_estimator_.predict(pd.Series(new, dtype="category"))
    assert np.mean(best == labels) > 0.9
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(new[:3]), predicted[:3])
    assert fitted.predict([""]).shape == (1,)


def test_words_of_the_best_name_what_is_counted(fitted):
    assert "words of texts" in fitted.best_chromosome_.words
    assert set(fitted.cv_results_["status"]) <= {"ok", "pruned"}


def test_the_importance_of_texts_can_be_asked(fitted):
    new, labels = texts(40, seed=5)
    table = fitted.feature_importance(new, labels, n_repeats=2, random_state=0)
    assert table["feature"].tolist() == [0]
    assert table["mean"][0] > 0.2


@pytest.mark.slow
def test_a_script_predicts_as_the_best_does(fitted, tmp_path):
    written, labels = texts()
    fitted.to_script(tmp_path / "script.py")
    (tmp_path / "data.pkl").write_bytes(pickle.dumps((written, labels)))
    code = (
        "import pickle, sys; sys.modules['sknevo'] = None\n"
        "import pandas as pd\nfrom script import make_model\n"
        "X, y = pickle.load(open('data.pkl', 'rb')); X = pd.DataFrame({0: X})\n"
        "print(*make_model().fit(X, y).predict(X))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        env={"PYTHONPATH": ""},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == [*fitted.best_estimator_.predict(written)]


def test_a_table_may_have_texts_numbers_and_categories():
    X, y = mixed()
    search = EvolvedPipelineRegressor(**SMALL).fit(X[:60], y[:60])
    assert search.score(X[60:], y[60:]) > 0.3
    told = search.feature_importance(X[60:], y[60:], n_repeats=2, random_state=0)
    assert set(told["feature"]) == {"size", "note", "kind"}
    best = search.best_estimator_.predict(X[60:])
    assert np.isfinite(best).all()


# Which columns are text --------------------------------------------------------------


def kinds(X, **given):
    search = EvolvedPipelineClassifier(
        genome=partial(pipeline, models=["linear"]),
        initial_population=[],
        **SMALL | {"population_size": 1},
        **given,
    )
    search.fit(X, np.arange(len(X)) % 2)
    return [kind.name for kind in search._reader_.kinds_]


def test_the_user_says_which_columns_are_text():
    X, _ = mixed()
    assert kinds(X) == ["numeric", "text", "categorical"]
    both = kinds(X, text_columns=["note", "kind"])
    assert both == ["numeric", "text", "text"]
    assert kinds(X, text_columns=[])[1:] == ["categorical"] * 2
    assert kinds(X.to_numpy(object), text_columns=[2])[1:] == ["categorical", "text"]
    labels = ["old", "new"] * 40  # as a column they are labels
    assert kinds(labels) == ["text"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["nota"], r"text_columns must name columns of X; got 'nota'. Did you mean 'n"),
        (["size"], r"text_columns must name columns of text; got numbers \(column 's"),
        ("note", "'text_columns' parameter of EvolvedPipelineClassifier must be one"),
        (3, "'text_columns' parameter"),
    ],
)
def test_columns_that_are_no_text_are_refused(given, message):
    X, _ = mixed()
    search = EvolvedPipelineClassifier(text_columns=given)
    with pytest.raises(ValueError, match=message):
        search.fit(X, np.arange(len(X)) % 2)


def test_a_table_of_numbers_has_no_columns_of_text():
    search = EvolvedPipelineClassifier(text_columns=[0])
    with pytest.raises(ValueError, match="X holds numbers alone"):
        search.fit(np.eye(12), np.arange(12) % 2)


# Texts that are none -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (["a bee", None] * 6, "a text in each row; got None of type NoneType in row 1"),
        (["a bee", 3.5] * 6, "a text in each row; got 3.5 of type float in row 1"),
        (pd.Series(["a bee", np.nan] * 6), "a text in each row; got nan of type float"),
        (["", " "] * 6, "X must hold texts; all of them are empty"),
        (pd.Series(range(12)), "Expected a 2-dimensional container"),
        ([1.5] * 12, "Expected 2D array"),
    ],
)
def test_what_is_no_text_is_refused_before_anything_is_trained(X, message):
    with pytest.raises(ValueError, match=message):
        EvolvedPipelineClassifier().fit(X, np.arange(12) % 2)


def test_what_is_no_text_is_refused_in_predict(fitted):
    with pytest.raises(ValueError, match="a text in each row; got None"):
        fitted.predict(["a bee", None])
