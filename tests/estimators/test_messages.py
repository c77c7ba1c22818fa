"""Errors say what is wrong in the user's words: names, columns, values."""

import inspect
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

import sknevo.estimators
from sknevo import (
    EvolvedClassifier,
    EvolvedGAN,
    EvolvedPipelineClassifier,
    EvolvedPipelineRegressor,
    EvolvedPolicy,
    EvolvedRegressor,
    EvolvedSearchCV,
)
from sknevo.genomes.pipeline import pipeline
from sknevo.spelling import did_you_mean

N = 24
LABELS = np.where(np.arange(N) % 2, "no", "yes")
NUMBERS = pd.DataFrame({"age": np.arange(N) / 7, "height": np.arange(N) % 5 + 0.5})
WORDS = NUMBERS.astype(object)
WORDS.loc[7, "height"] = "tall"
MIXED = NUMBERS.assign(city=np.where(np.arange(N) % 3, "Ulm", "Bonn"))
SMALL = {"population_size": 1, "generations": 1, "cv": 2, "random_state": 0}
SVMS = partial(pipeline, models=["svm"])
search = partial(EvolvedSearchCV, SVC(), {"C": [1.0]}, **SMALL)


# Names --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("generation", ["genome", "generations"], " Did you mean 'generations'?"),
        ("c", ["C", "gamma"], " Did you mean 'C'?"),
        ("F1", ["f1", "r2"], " Did you mean 'f1'?"),
        ("weather", ["genome", "generations"], ""),
        (3, ["genome"], ""),
        ("x", [], ""),
    ],
)
def test_a_question_names_what_is_alike(name, known, said):
    assert did_you_mean(name, known) == said


def make(name):
    """Return an estimator of a class by its name; two classes want arguments."""
    wanting = {
        "EvolvedPolicy": partial(EvolvedPolicy, "CartPole-v1"),
        "EvolvedSearchCV": search,
    }
    return wanting.get(name, getattr(sknevo, name))()


@pytest.mark.parametrize("name", sknevo.estimators.__all__)
def test_unknown_parameters_are_refused_by_the_name_that_users_see(name):
    said = rf"^{name} has no parameter 'generation'\. Did you mean 'generations'\?"
    own = make(name).get_params(deep=False)
    with pytest.raises(TypeError, match=said):
        type(make(name))(**own, generation=3)
    with pytest.raises(ValueError, match=said):
        make(name).set_params(generation=3)


def test_parameters_without_their_names_are_refused():
    said = r"^EvolvedPipelineClassifier takes its parameters by name.*strategy=.*got 60"
    with pytest.raises(TypeError, match=said):
        EvolvedPipelineClassifier(60)
    with pytest.raises(TypeError, match=r"by name, such as strategy=.*got 'nsga2'"):
        EvolvedSearchCV(SVC(), {"C": [1]}, "nsga2")


def test_constructors_still_show_their_signature():
    signature = inspect.signature(EvolvedPipelineClassifier)
    assert signature.parameters["generations"].default == "auto"
    nested = search().set_params(estimator__C=3.0, generations=2)
    assert clone(nested).get_params()["estimator__C"] == 3.0


MISSPELT = [
    ({"strategy": "nsga"}, r"strategy.* or a Strategy; got 'nsga'\. .* mean 'nsga2'\?"),
    ({"min_resources": "exhausted"}, r"'exhaust', 'smallest' or an int.*'exhaust'\?"),
    ({"scoring": "acuracy"}, r"scoring names 'acuracy'.* Did you mean 'accuracy'"),
    ({"scoring": ["f1", "log_loss"], "refit": "f1"}, r"'log_loss'.* 'neg_log_loss'"),
    ({"scoring": {"a": "roc_auk"}, "refit": "a"}, r"'roc_auk'.* mean 'roc_auc'"),
    ({"scoring": ["f1", "recall"], "refit": "recal"}, r"got 'recal'\. .* 'recall'\?"),
    ({"initial_population": [{"c": 1.0}]}, r"no gene 'c'.* Did you mean 'C'\?"),
    ({"genome": {"c": [1.0]}}, r"genome names 'c'.* Did you mean 'C'\?"),
    ({"genome": "C"}, r"genome must be a search space, not a name; got 'C'"),
]


@pytest.mark.parametrize(("params", "said"), MISSPELT, ids=str)
def test_misspelt_names_of_a_search(params, said):
    with pytest.raises(ValueError, match=said):
        search().set_params(**params).fit(NUMBERS, LABELS)


def test_misspelt_names_of_models_resources_and_metadata():
    networks = EvolvedClassifier(resource="epoch", max_epochs=4, **SMALL)
    with pytest.raises(ValueError, match=r"got 'epoch'\. Did you mean 'epochs'\?"):
        networks.fit(NUMBERS, LABELS)
    models = partial(pipeline, models=["lightgb"])
    with pytest.raises(ValueError, match=r"models must .* Did you mean 'lightgbm'\?"):
        EvolvedPipelineClassifier(genome=models).fit(NUMBERS, LABELS)
    with pytest.raises(TypeError, match=r"Did you mean 'sample_weight'\?"):
        search().fit(NUMBERS, LABELS, sample_weights=np.ones(N))


# Targets ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("regressor", "classifier"),
    [
        (EvolvedPipelineRegressor(**SMALL), "EvolvedPipelineClassifier"),
        (EvolvedRegressor(**SMALL), "EvolvedClassifier"),
        (EvolvedSearchCV(SVR(), {"C": [1.0]}, **SMALL), "A classifier"),
    ],
    ids=["pipeline", "network", "search"],
)
def test_labels_for_a_regressor(regressor, classifier):
    said = rf"y must hold numbers; got 'yes'\. {classifier}.* predicts labels"
    with pytest.raises(ValueError, match=said):
        regressor.fit(NUMBERS, LABELS)


# Columns ------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", [EvolvedClassifier(), EvolvedGAN()], ids=str)
@pytest.mark.parametrize(
    ("X", "column"), [(WORDS, "'height'"), (WORDS.to_numpy(), "1")], ids=["X", "array"]
)
def test_a_word_among_numbers_for_networks(estimator, X, column):
    said = rf"column {column} of type object holds 'tall' in row 7"
    with pytest.raises(ValueError, match=said):
        estimator.fit(X, LABELS)


@pytest.mark.parametrize(
    ("X", "column"), [(WORDS, "'height'"), (WORDS.to_numpy(), "1")], ids=["X", "array"]
)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_a_word_among_numbers_for_an_estimator_of_the_users(X, column):
    said = f"Column {column} of X holds 'tall' in row 7"
    with pytest.raises(ValueError, match=f"(?s)none of 1 individuals.*{said}"):
        search().fit(X, LABELS)
    fitted = search().fit(NUMBERS, LABELS)
    for call in (fitted.predict, partial(fitted.score, y=LABELS)):
        with pytest.raises(ValueError, match=f"(?s)to float: 'tall'.*{said}"):
            call(X)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_an_array_after_a_table_with_words():
    clf = EvolvedPipelineClassifier(genome=SVMS, ensemble_size=None, **SMALL)
    clf.fit(MIXED, LABELS)
    known = clf.predict(MIXED)
    assert (clf.predict(MIXED.to_numpy()) == known).all()
    swapped = MIXED.to_numpy()[:, ::-1]
    said = (
        r"numbers were expected, as in fit; got '(Ulm|Bonn)' \(column 'age'; fit saw a "
        r"DataFrame with the columns 'age', 'height', 'city', and X has not these names"
    )
    for estimator in (clf, clf.best_estimator_):
        with pytest.raises(ValueError, match=said):
            estimator.predict(swapped)
    # What cannot be read is named as in fit, too.
    one = MIXED.to_numpy()
    one[3, 1] = "tall"
    with pytest.warns(UserWarning, match="Column 'height' is read as numbers"):
        clf.predict(one)


def test_an_array_for_an_estimator_that_saw_names():
    encode = make_column_transformer((OneHotEncoder(), ["city"]))
    model = make_pipeline(encode, DecisionTreeClassifier())
    genome = {"decisiontreeclassifier__max_depth": [2]}
    fitted = EvolvedSearchCV(model, genome, **SMALL).fit(MIXED, LABELS)
    said = "In fit, X had the columns 'age', 'height', 'city'; here it is of type ndar"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match=said):
            fitted.predict(MIXED.to_numpy())
