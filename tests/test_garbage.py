"""Bad input is named, whatever it is given to, and leaves the estimator unfitted."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.svm import SVC

import sknevo
from sknevo import (
    Categorical,
    Choice,
    Chromosome,
    Crossover,
    Elitist,
    EvolvedClassifier,
    EvolvedGAN,
    EvolvedPipelineClassifier,
    EvolvedPipelineRegressor,
    EvolvedSearchCV,
    Genome,
    Integer,
    Real,
    Repeat,
)
from sknevo.datasets import (
    fetch_cifar10,
    fetch_mnist,
    load_image_folder,
    load_imagenet,
    make_insects,
)
from sknevo.genomes.convnet import convnet
from sknevo.genomes.pipeline import pipeline
from sknevo.records import DataSpec

TABLE = np.random.default_rng(0).normal(size=(12, 3))
LABELS = np.arange(12) % 2
IMAGES = np.arange(12 * 64, dtype=np.uint8).reshape(12, 8, 8)
ESTIMATORS = {
    EvolvedPipelineClassifier: (TABLE, LABELS),
    EvolvedPipelineRegressor: (TABLE, TABLE[:, 0]),
    EvolvedClassifier: (IMAGES, LABELS),
}
# Needs no labels: what is wrong with them is in its own tests.
GAN = {EvolvedGAN: (TABLE, None)}
FACTORIES = {
    EvolvedPipelineClassifier: pipeline,
    EvolvedPipelineRegressor: pipeline,
    EvolvedClassifier: convnet,
}


def refused(estimator, X, y, message, **params):
    """Check that `fit` says what is wrong and leaves nothing behind."""
    with pytest.raises((ValueError, TypeError), match=message):
        estimator.fit(X, y, **params)
    assert not hasattr(estimator, "best_estimator_")
    with pytest.raises(NotFittedError):
        estimator.predict(X)


# Parameters: what is wrong for all estimators, and what the message must name --------

PARAMETERS = {
    "genome": [3, "convnet", [], {}, Genome(), lambda spec: 3, lambda spec: Genome()],
    "strategy": ["best", "", 1, None, Crossover],
    "population_size": [0, -1, 1.5, "12", None, np.nan],
    "generations": [0, -1, 1.5, "5"],
    "scoring": ["goodness", 3, ["accuracy", "goodness"], {}, "size", ["size"]],
    "refit": [3, ["accuracy"], {"accuracy": 1}],
    "target_score": ["high", [1], np.nan],
    "n_iter_no_change": [0, -3, 2.5, "2"],
    "tol": [-1e-3, "small", None],
    "max_time": [0, -1, "60"],
    "max_eval_time": [0, -1, "60"],
    "memory_limit": [0, -1, "1GB"],
    "max_predict_time": [0, -1, "1 s"],
    "cv": [1, 0, "five", 2.5, []],
    "initial_population": [3, [7], [{"modell": 1}], ["svm"]],
    "journal": [3, b"run", ["run"]],
    "error_score": ["ignore", None],
    "n_jobs": [0, 1.5, "all"],
    "random_state": ["seed", -1, 1.5],
    "verbose": [-1, "loud"],
}
BAD_PARAMETERS = [
    (estimator, name, value)
    for estimator in ESTIMATORS | GAN
    for name, values in PARAMETERS.items()
    for value in values
    # What a GAN's fitness is made of is known when it is measured, and that takes long.
    if (estimator, name) != (EvolvedGAN, "refit")
] + [
    (estimator, name, value)
    for estimator in (EvolvedClassifier, EvolvedGAN)
    for name, values in {
        "image_shape": [3, "8x8", (8,), (7, 9), (8, 8, 8, 8)],
        "max_epochs": [0, -1, 1.5, "5"],
        "device": [3, "gpu", None],
        "precision": ["half", 16, None],
    }.items()
    for value in values
]


@pytest.mark.parametrize(
    ("estimator", "name", "value"),
    BAD_PARAMETERS,
    ids=[f"{e.__name__}-{n}-{v!r:.40}" for e, n, v in BAD_PARAMETERS],
)
def test_bad_parameters(estimator, name, value):
    refused(estimator(**{name: value}), *(ESTIMATORS | GAN)[estimator], name)


CONFLICTS = [
    ({"generations": None}, "set one of generations, target_score"),
    ({"scoring": ["accuracy", "f1"]}, "refit must name one of"),
    ({"scoring": ["accuracy", "f1"], "refit": "recall"}, "refit must be one of"),
    ({"scoring": ["accuracy", "size"]}, "refit must name one of"),
    ({"scoring": ["accuracy", "size"], "refit": {"bytes": 1}}, "refit must weigh"),
    ({"scoring": ["accuracy", "size"], "refit": {"size": -1}}, "refit .* positive"),
    ({"strategy": Crossover(mutation_probability=2)}, "mutation_probability"),
    ({"strategy": Crossover(tournament_size=0)}, "tournament_size"),
    ({"strategy": Elitist(elite_fraction=-1)}, "elite"),
]


@pytest.mark.parametrize(("params", "message"), CONFLICTS, ids=str)
def test_parameters_that_do_not_go_together(params, message):
    refused(EvolvedPipelineClassifier(**params), TABLE, LABELS, message)


SPACES = [
    (None, "genome"),
    (3, "genome"),
    ("C", "genome"),
    ({}, "genome must be a Genome, or a dict"),
    ([], "genome must hold dicts"),
    ([{"C": [1]}, 3], "genome must hold dicts"),
    (Genome(), "genome must be a Genome, or a dict"),
    ({"c": [1]}, "genome names 'c', which is no parameter of SVC"),
    ({3: [1]}, "genome names '3'"),
    ({"svc__C": [1]}, "genome names 'svc__C'"),
    ({"C": []}, "genome of parameter 'C': options must hold"),
    ({"C": 1.0}, "genome of parameter 'C': must be a gene"),
    ({"C": stats.uniform(0, -1)}, "genome of parameter 'C': .* allows"),
    ({"C": stats.gamma}, "genome of parameter 'C': .* frozen"),
    (Genome(degree=Repeat(Genome(x=Real(0, 1)), 1, 2)), "genome repeats more than"),
    ({"kernel": ["cubic"]}, "none of 1 individuals succeeded.*'kernel' parameter"),
]


@pytest.mark.parametrize(("space", "message"), SPACES, ids=str)
def test_bad_spaces_of_parameters(space, message):
    search = EvolvedSearchCV(SVC(), space, population_size=1, generations=1)
    refused(search, TABLE, LABELS, "(?s)" + message)


@pytest.mark.parametrize("estimator", [None, 3, "svm", SVC, object()])
def test_what_is_no_estimator(estimator):
    with pytest.raises((TypeError, ValueError), match=r"estimator|SVC"):
        EvolvedSearchCV(estimator, {"C": [1]}).fit(TABLE, LABELS)


# Data: rows, labels, weights ---------------------------------------------------------

NAN, INF = TABLE.copy(), TABLE.copy()
NAN[3, 1], INF[3, 1] = np.nan, np.inf
BAD_DATA = {
    "no X": (None, LABELS, "X|Expected 2D"),
    "a number": (3.0, LABELS, "X|Expected 2D|dim|scalar"),
    "text": ("table", LABELS, "X|Expected 2D|dim|scalar"),
    "a list of words": (["a"] * 12, LABELS, "Expected 2D|X"),
    "one dimension": (TABLE[:, 0], LABELS, "Expected 2D|Reshape"),
    "no rows": (TABLE[:0], LABELS[:0], "minimum of 1|0 sample"),
    "no columns": (TABLE[:, :0], LABELS, "0 feature|minimum of 1"),
    "one row": (TABLE[:1], LABELS[:1], "1 sample|at least 2|class"),
    "too few labels": (TABLE, LABELS[:-1], "inconsistent"),
    "too many labels": (TABLE, np.r_[LABELS, 1], "inconsistent"),
    "infinity": (INF, LABELS, "infinity"),
    "complex": (TABLE + 1j, LABELS, "[Cc]omplex"),
    "sparse": (sparse.csr_matrix(TABLE), LABELS, "[Ss]parse"),
    "ragged": ([[1, 2], [3]] * 6, LABELS, "inhomogeneous|sequence|X|features"),
    "no y": (TABLE, None, "requires y"),
    "labels in two columns": (TABLE, np.c_[LABELS, LABELS], "1d|shape|multi"),
    "labels with gaps": (TABLE, np.where(LABELS, 1, np.nan), "NaN"),
    "infinite labels": (TABLE, np.where(LABELS, 1, np.inf), "infinity|large"),
    "complex labels": (TABLE, LABELS + 1j, "[Cc]omplex|label type"),
    "dictionaries": (TABLE, [{}] * 12, "y|label|dict|number"),
}
ONLY_CLASSES = {
    "one class": (TABLE, np.zeros(12), "2 classes"),
    "numbers as labels": (TABLE, TABLE[:, 0], "Unknown label type"),
    "labels of several types": (TABLE, [1, "a", None] * 4, "y|label|type"),
}


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data(estimator, case):
    X, y, message = BAD_DATA[case]
    refused(estimator(), X, y, message)


@pytest.mark.parametrize("estimator", [EvolvedPipelineClassifier, EvolvedClassifier])
@pytest.mark.parametrize("case", ONLY_CLASSES)
def test_bad_labels(estimator, case):
    X, y, message = ONLY_CLASSES[case]
    refused(estimator(), X, y, message)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(11), "inconsistent|sample_weight"),
        (np.ones((12, 2)), "1D|sample_weight|1-d"),
        (np.full(12, np.nan), "NaN"),
        (["heavy"] * 12, "sample_weight|could not convert"),
    ],
    ids=["short", "two columns", "NaN", "words"],
)
def test_bad_weights(estimator, weights, message):
    refused(estimator(), *ESTIMATORS[estimator], message, sample_weight=weights)


BAD_IMAGES = {
    "gaps": (np.where(IMAGES == 3, np.nan, IMAGES), "NaN"),
    "infinity": (np.where(IMAGES == 3, np.inf, IMAGES), "infinity"),
    "five dimensions": (IMAGES.reshape(12, 1, 1, 8, 8), r"got \(12, 1, 1, 8, 8\)"),
    "objects": (np.full((12, 8, 8), "pixel", object), "convert|numeric|string"),
    "no pixels": (IMAGES[:, :0], "must hold samples with values"),
}


@pytest.mark.parametrize("case", BAD_IMAGES)
def test_bad_images(case):
    X, message = BAD_IMAGES[case]
    refused(EvolvedClassifier(), X, LABELS, message)


# Functions and genes -----------------------------------------------------------------

SPEC = DataSpec("classification", 100, 3, shape=(8, 8))
BAD_CALLS = [
    (lambda: Real(2, 1), "low must be <= high"),
    (lambda: Real(0, np.inf), "finite"),
    (lambda: Real(0, np.nan), "low must be"),
    (lambda: Real(0, 1, log=True), "low must be > 0"),
    (lambda: Integer(3, 2), "low must be <= high"),
    (lambda: Integer(0, 9, log=True), "low must be > 0"),
    (lambda: Integer(0.5, 2), "int|whole"),
    (lambda: Categorical([]), "at least one"),
    (lambda: Categorical([1, 1]), "differ"),
    (lambda: Categorical([object()]), "option"),
    (lambda: Categorical([np.nan]), "finite"),
    (lambda: Categorical([1, 2], weights=[1]), "weights"),
    (lambda: Categorical([1, 2], weights=[1, -1]), "weights"),
    (lambda: Choice(), "at least|branch"),
    (lambda: Choice({"b": 1}, a=Genome()), "weights|b"),
    (lambda: Repeat(Real(0, 1), 3, 2), "0 <= low <= high"),
    (lambda: Repeat(3, 1, 2), "gene"),
    (lambda: Genome(x=3), "x"),
    (lambda: Chromosome.from_json("no JSON"), "text must be the JSON"),
    (lambda: Chromosome.from_json("[]"), "text must be the JSON"),
    (lambda: Chromosome.from_json('{"genes": 3}'), "text must be the JSON"),
    (lambda: convnet(SPEC, max_parameters=1), "max_parameters"),
    (lambda: convnet(SPEC, max_layers=0), "max_layers"),
    (lambda: convnet(SPEC, max_epochs=0), "max_epochs"),
    (lambda: pipeline(SPEC, models=[]), "models"),
    (lambda: pipeline(SPEC, models=["forest"]), "models"),
    (lambda: make_insects(0), "n_samples"),
    (lambda: make_insects(-1), "n_samples"),
    (lambda: make_insects("many"), "n_samples"),
    (lambda: make_insects(4, image_size=0), "image_size"),
    (lambda: make_insects(4, image_size="big"), "image_size"),
    (lambda: make_insects(4, random_state="seed"), "random_state"),
    (lambda: fetch_mnist(subset="validation"), "subset"),
    (lambda: fetch_cifar10(subset=3), "subset"),
    (lambda: load_image_folder("/nowhere"), "root|nowhere"),
    (lambda: load_image_folder("."), "root"),
    (lambda: load_image_folder(".", image_size=0), "image_size"),
    (lambda: load_imagenet("/nowhere"), "root|nowhere"),
    (lambda: sknevo.read_journal("/nowhere/run.jsonl"), "no journal"),
    (lambda: sknevo.read_journal(__file__), "no journal"),
    (lambda: sknevo.load_network("/nowhere/net"), "nowhere"),
    (lambda: sknevo.load_network(__file__), "not a network"),
]


@pytest.mark.parametrize(
    ("call", "message"),
    BAD_CALLS,
    ids=[f"{i}-{m}" for i, (_, m) in enumerate(BAD_CALLS)],
)
def test_bad_calls(call, message):
    with pytest.raises((ValueError, TypeError, OSError), match=message):
        call()


def test_there_are_enough_of_them():
    n_cases = len(BAD_PARAMETERS) + len(CONFLICTS) + len(BAD_CALLS) + len(BAD_IMAGES)
    assert n_cases + len(ESTIMATORS) * (len(BAD_DATA) + 4) >= 200


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_what_is_refused_is_unchanged(estimator):
    bad = estimator(population_size=-1, generations=2)
    before = clone(bad).get_params()
    X, y = ESTIMATORS[estimator]
    kept = X.copy(), y.copy()
    refused(bad, X, y, "population_size")
    assert re.sub(" at 0x.*", "", str(bad.get_params())) == str(before)
    np.testing.assert_array_equal(X, kept[0])
    np.testing.assert_array_equal(y, kept[1])


def test_tables_with_odd_columns_are_no_garbage():
    """What users have and expect to work is not refused."""
    table = pd.DataFrame({"gaps": NAN[:, 1], "constant": 1.0, "huge": [10**30] * 12})
    clf = EvolvedPipelineClassifier(
        population_size=1, generations=1, cv=2, random_state=0
    )
    assert clf.fit(table, LABELS).predict(table).shape == (12,)
