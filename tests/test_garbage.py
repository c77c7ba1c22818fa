"""Bad input is named, whatever it is given to, and leaves the estimator unfitted."""

import copy
import re
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gans import FakeGAN
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

import sknevo
from sknevo import (
    NSGA2,
    Categorical,
    Choice,
    Chromosome,
    CooperativeCoevolution,
    Elitist,
    EstimationOfDistribution,
    EvolvedAutoencoder,
    EvolvedClassifier,
    EvolvedDetector,
    EvolvedFewShotClassifier,
    EvolvedGAN,
    EvolvedPipelineClassifier,
    EvolvedPipelineRegressor,
    EvolvedRegressor,
    EvolvedSearchCV,
    EvolvedSegmenter,
    GeneticAlgorithm,
    Genome,
    Integer,
    Real,
    RegularizedEvolution,
    Repeat,
    SurrogateAssisted,
)
from sknevo.datasets import (
    fetch_cifar10,
    fetch_mnist,
    load_image_folder,
    load_imagenet,
    make_insects,
)
from sknevo.displays import GanSignalsDisplay, SampleGridDisplay
from sknevo.genomes.convnet import convnet
from sknevo.genomes.pipeline import pipeline
from sknevo.metrics import (
    authenticity,
    frechet_distance,
    kernel_distance,
    mode_coverage,
    nearest_neighbour_psnr,
    nearest_neighbour_ssim,
    peak_signal_noise_ratio,
    precision_recall_density_coverage,
    structural_similarity,
)
from sknevo.records import DataSpec

TABLE = np.random.default_rng(0).normal(size=(12, 3))
LABELS = np.arange(12) % 2
IMAGES = np.arange(12 * 64, dtype=np.uint8).reshape(12, 8, 8)
ESTIMATORS = {
    EvolvedPipelineClassifier: (TABLE, LABELS),
    EvolvedPipelineRegressor: (TABLE, TABLE[:, 0]),
    EvolvedClassifier: (IMAGES, LABELS),
    EvolvedRegressor: (IMAGES, TABLE[:, 0]),
}
MASKS = np.zeros((12, 8, 8), int)
MASKS[:, :4] = 1
BOXES = [{"boxes": [[0, 0, 4, 5]], "labels": [1]}] * 12
# They take no labels: what is wrong with their targets is in their own tests.
WITHOUT_LABELS = {
    EvolvedAutoencoder: (TABLE, None),
    EvolvedDetector: (IMAGES, BOXES),
    EvolvedGAN: (TABLE, None),
    EvolvedSegmenter: (IMAGES, MASKS),
}
SEARCH = {"population_size": 1, "generations": 1, "cv": 2}


def search_svc(**params):
    """Return the cheapest search for parameters; it takes a genome of its own kind."""
    return EvolvedSearchCV(SVC(), **{"genome": {"C": [1.0]}, **SEARCH, **params})


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
    "strategy": ["best", "", 1, None, GeneticAlgorithm],
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
NETWORK_PARAMETERS = {
    "image_shape": [3, "8x8", (8,), (7, 9), (8, 8, 8, 8), ("8", "8"), (-8, -8)],
    "channels": ["middle", 3, None],
    "max_epochs": [0, -1, 1.5, "5"],
    "device": [3, "gpu", "cuda:x", None],
    "precision": ["half", 16, None],
}
# Checked by each task with what it has itself: its genome, its shapes of data.
OWN_CHECKS = {"genome", "initial_population", "image_shape"}


def kinds(name, values):
    """Return all values that a task checks itself, else one: all share those checks.

    `test_bad_parameters_of_a_search` goes through all values of shared parameters.
    """
    return values if name in OWN_CHECKS else values[:1]


BAD_PARAMETERS = [
    (estimator, name, value)
    for estimator in ESTIMATORS | WITHOUT_LABELS
    for name, values in PARAMETERS.items()
    for value in kinds(name, values)
    # What a GAN's fitness is made of is known when it is measured, and that takes long.
    if (estimator, name) != (EvolvedGAN, "refit")
] + [
    (estimator, name, value)
    for estimator, checked in {
        EvolvedClassifier: NETWORK_PARAMETERS,
        EvolvedGAN: {n: kinds(n, v) for n, v in NETWORK_PARAMETERS.items()},
    }.items()
    for name, values in checked.items()
    for value in values
]


@pytest.mark.parametrize(("estimator", "name", "value"), BAD_PARAMETERS)
def test_bad_parameters(estimator, name, value):
    refused(estimator(**{name: value}), *(ESTIMATORS | WITHOUT_LABELS)[estimator], name)


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in PARAMETERS.items() for value in values],
)
def test_bad_parameters_of_a_search(name, value):
    refused(search_svc(**{name: value}), TABLE, LABELS, name)


CONFLICTS = [
    ({"generations": None}, "set one of generations, target_score"),
    ({"scoring": ["accuracy", "f1"]}, "refit must name one of"),
    ({"scoring": ["accuracy", "f1"], "refit": "recall"}, "refit must be one of"),
    ({"scoring": ["accuracy", "size"]}, "refit must name one of"),
    ({"scoring": ["accuracy", "size"], "refit": {"bytes": 1}}, "refit must weigh"),
    ({"scoring": ["accuracy", "size"], "refit": {"size": -1}}, "refit .* positive"),
    ({"strategy": GeneticAlgorithm(mutation_probability=2)}, "mutation_probability"),
    ({"strategy": GeneticAlgorithm(tournament_size=0)}, "tournament_size"),
    ({"strategy": Elitist(elite_fraction=-1)}, "elite"),
    ({"strategy": EstimationOfDistribution(step_probability=2)}, "step_probability"),
    (
        {"strategy": EstimationOfDistribution(immigrant_probability=-1)},
        "immigrant_probability",
    ),
    ({"strategy": RegularizedEvolution(tournament_size=0)}, "tournament_size"),
    (
        {"strategy": RegularizedEvolution(crossover_probability="x")},
        "crossover_probability",
    ),
    ({"strategy": NSGA2(crossover_probability=-1)}, "crossover_probability"),
    ({"strategy": NSGA2(mutation_probability=2)}, "mutation_probability"),
    ({"strategy": CooperativeCoevolution(parts=["weather"])}, "parts must name genes"),
    ({"strategy": CooperativeCoevolution(parts=[])}, "parts must name genes"),
    ({"strategy": CooperativeCoevolution(parts=[3])}, "parts must name genes"),
    ({"strategy": CooperativeCoevolution(parts=3)}, "parts"),
    (
        {"strategy": CooperativeCoevolution(strategy=EstimationOfDistribution)},
        "strategy",
    ),
    (
        {"strategy": CooperativeCoevolution(strategy=RegularizedEvolution())},
        "strategy must go by generations",
    ),
    (
        {
            "strategy": CooperativeCoevolution(
                strategy=GeneticAlgorithm(crossover_probability=-1)
            )
        },
        "crossover_probability",
    ),
    (
        {"strategy": CooperativeCoevolution(random_partner_probability=2)},
        "random_partner",
    ),
    (
        {"strategy": SurrogateAssisted(strategy="estimation_of_distribution")},
        "strategy",
    ),
    (
        {"strategy": SurrogateAssisted(strategy=RegularizedEvolution(0))},
        "tournament_size",
    ),
    ({"strategy": SurrogateAssisted(n_candidates=0)}, "n_candidates"),
    ({"strategy": SurrogateAssisted(exploration_weight=-1)}, "exploration_weight"),
    ({"strategy": SurrogateAssisted(archive_size=1)}, "archive_size"),
]


@pytest.mark.parametrize(("params", "message"), CONFLICTS)
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


@pytest.mark.parametrize(("space", "message"), SPACES)
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
HUGE = np.full((12, 3), 10**400, dtype=object)
BAD_DATA = {
    "no X": (None, LABELS, "X|Expected 2D"),
    "a number": (3.0, LABELS, "X|Expected 2D|dim|scalar"),
    "text": ("table", LABELS, "X|Expected 2D|dim|scalar"),
    "words and numbers": (["a", 1.0] * 6, LABELS, "Expected 2D|X"),
    "one dimension": (TABLE[:, 0], LABELS, "Expected 2D|Reshape"),
    "no rows": (TABLE[:0], LABELS[:0], "minimum of 1|0 sample"),
    "no columns": (TABLE[:, :0], LABELS, "0 feature|minimum of 1"),
    "one row": (TABLE[:1], LABELS[:1], "1 sample|at least 2|class"),
    "too few labels": (TABLE, LABELS[:-1], "inconsistent"),
    "too many labels": (TABLE, np.r_[LABELS, 1], "inconsistent"),
    "infinity": (INF, LABELS, "infinity"),
    "masked": (np.ma.array(TABLE, mask=TABLE > 1), LABELS, "X has masked values"),
    "masked labels": (TABLE, np.ma.array(LABELS, mask=LABELS), "y has masked values"),
    "huge": (HUGE, LABELS, "too large"),
    "huge in a list": (HUGE.tolist(), LABELS, "too large"),
    "huge in a frame": (pd.DataFrame(HUGE), LABELS, "too large"),
    "complex": (TABLE + 1j, LABELS, "[Cc]omplex"),
    "sparse infinity": (sparse.csr_matrix(INF), LABELS, "[Ss]parse|infinity"),
    "ragged": ([[1, 2], [3]] * 6, LABELS, "inhomogeneous|sequence|X|features"),
    "no y": (TABLE, None, "requires y"),
    "labels in two columns": (TABLE, np.c_[LABELS, LABELS], "1d|shape|multi"),
    "labels with gaps": (TABLE, np.where(LABELS, 1, np.nan), "y must not have missing"),
    "infinite labels": (TABLE, np.where(LABELS, 1, np.inf), "infinity|large"),
    "complex labels": (TABLE, LABELS + 1j, "[Cc]omplex|label type"),
    "dictionaries": (TABLE, [{}] * 12, "y|label|dict|number"),
    "a dictionary": ({"a": TABLE[:, 0]}, LABELS, "X|dict|scalar|inconsistent"),
    "a set": ({1, 2, 3}, LABELS, "X|set|dim|scalar"),
    "a generator": ((row for row in TABLE), LABELS, "X|dim|generator|samples"),
    "a path": (Path("table.csv"), LABELS, "X|dim|scalar|path"),
    "lists in cells": (pd.DataFrame({"a": [[1, 2]] * 12}), LABELS, "'a'|column a"),
    "dictionaries in cells": (pd.DataFrame({"a": [{}] * 12}), LABELS, "'a'|column a"),
    "labels without a value": (TABLE, [*LABELS[:-1], None], "y must not have missing"),
    "labels with NA": (TABLE, [*LABELS[:-1], pd.NA], "y must not have missing"),
    "labels without a date": (TABLE, [pd.NaT] * 12, "y must not have missing"),
    "labels of a frame": (TABLE, pd.DataFrame({"a": LABELS, "b": LABELS}), "1d|shape"),
}
ONLY_CLASSES = {
    "one class": (TABLE, np.zeros(12), "2 classes"),
    "numbers as labels": (TABLE, TABLE[:, 0], "Unknown label type"),
    "labels of several types": (TABLE, [1, "a", None] * 4, "y|label|type"),
    "huge labels": (TABLE, [10**400, 10**401] * 6, "label|too large"),
    "too many classes": (
        np.zeros((20_000, 1)),
        np.arange(20_000) // 2,
        "y holds 10000 classes, too many for 4000 held-out samples",
    ),
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


# What its estimator says in its own words, since data go there as they are.
SAID_OF_SEARCH = {
    "text": "inconsistent",
    "words and numbers": "could not convert",
    "no rows": "0 sample",
    "lists in cells": "with a sequence",
    "dictionaries in cells": "not 'dict'",
    "one class": "number of classes",
    "too many classes": "too many for 4000",
}


@pytest.mark.parametrize("case", BAD_DATA | ONLY_CLASSES)
def test_bad_data_of_a_search(case):
    X, y, message = (BAD_DATA | ONLY_CLASSES)[case]
    cv = None if case == "too many classes" else 2
    message = SAID_OF_SEARCH.get(case, message)
    refused(search_svc(cv=cv), X, y, f"(?s){message}")


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(11), "inconsistent|sample_weight"),
        (np.ones((12, 2)), "1D|sample_weight|1-d"),
        (np.full(12, np.nan), "NaN"),
        (["heavy"] * 12, "sample_weight|could not convert"),
        ([10**400] * 12, "sample_weight contains a value too large"),
        (np.ma.array(np.ones(12), mask=LABELS), "sample_weight has masked values"),
        (np.full(12, np.inf), "sample_weight contains infinity"),
        (np.where(LABELS, 1, -2), "sample_weight must not be negative; got -2"),
        (np.zeros(12), "sample_weight must be above zero .* got 0 of 12"),
        (np.eye(12)[0], "sample_weight must be above zero .* got 1 of 12"),
        ([1] * 11 + [None], "sample_weight|NaN"),
        ("balanced", "sample_weight must have 12 values"),
        ({0: 1.0, 1: 5.0}, "sample_weight must have 12 values"),
    ],
    ids=repr,
)
def test_bad_weights(estimator, weights, message):
    refused(estimator(), *ESTIMATORS[estimator], message, sample_weight=weights)


METADATA = {
    "short groups": ({"groups": [1, 2]}, "groups must have 12 values"),
    "groups with gaps": (
        {"groups": [*range(11), None]},
        "groups must not have missing",
    ),
    "groups of two types": ({"groups": [*range(11), "a"]}, "groups .* of one type"),
    "one group": ({"groups": [1] * 12}, "groups"),
    "another library's": ({"eval_set": [(TABLE, LABELS)]}, "unexpected .*eval_set"),
    "a setting": ({"verbose": True}, "unexpected metadata .*verbose"),
}


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("case", METADATA)
def test_bad_metadata(estimator, case):
    params, message = METADATA[case]
    refused(estimator(), *ESTIMATORS[estimator], message, **params)


BAD_IMAGES = {
    "gaps": (np.where(IMAGES == 3, np.nan, IMAGES), "NaN"),
    "infinity": (np.where(IMAGES == 3, np.inf, IMAGES), "infinity"),
    "five dimensions": (IMAGES.reshape(12, 1, 1, 8, 8), r"got \(12, 1, 1, 8, 8\)"),
    "objects": (np.full((12, 8, 8), "pixel", object), "convert|numeric|string"),
    "no pixels": (IMAGES[:, :0], "must not be empty"),
    "words": (pd.DataFrame({"a": ["cat"] * 12}), "'a'"),
    "paths": ([f"{i}.png" for i in range(12)], "X|path|png"),
    "of two sizes": ([IMAGES[0]] * 11 + [IMAGES[0, :4]], "X|inhomogeneous|shape"),
    "complex": (IMAGES + 1j, "[Cc]omplex"),
    "without some": ([*IMAGES[:11], None], "X|None"),
}
NETWORKS = [
    EvolvedClassifier,
    EvolvedFewShotClassifier,
    EvolvedRegressor,
    EvolvedGAN,
]


@pytest.mark.parametrize("estimator", NETWORKS)
@pytest.mark.parametrize("case", BAD_IMAGES)
def test_bad_images(estimator, case):
    X, message = BAD_IMAGES[case]
    refused(estimator(), X, LABELS, message)


# Functions and genes -----------------------------------------------------------------

SPEC = DataSpec("classification", 100, 3, shape=(8, 8))
ROWS = {
    "no rows": (TABLE[:0], "samples"),
    "gaps": (NAN, "finite"),
    "infinity": (INF, "finite"),
    "one dimension": (TABLE[:, 0], "shape"),
    "other columns": (TABLE[:, :2], "features"),
    "words": ([["a"] * 3] * 12, "convert"),
    "huge": (HUGE, "too large"),
    "masked": (np.ma.array(TABLE, mask=TABLE > 1), "masked"),
}
PICTURES = {
    "no pixels": (IMAGES[:, :0], "shape|pixels"),
    "other shape": (IMAGES[:, :4], "shape"),
    "gaps": (np.where(IMAGES == 3, np.nan, IMAGES), "finite"),
    "infinity": (np.where(IMAGES == 3, np.inf, IMAGES), "finite"),
    "words": (np.full(IMAGES.shape, "a"), "must hold numbers"),
    "masked": (np.ma.array(IMAGES, mask=IMAGES > 9), "masked"),
}
MEASURES = {
    frechet_distance: (TABLE, ROWS),
    kernel_distance: (TABLE, ROWS),
    precision_recall_density_coverage: (TABLE, ROWS),
    authenticity: (TABLE, ROWS),
    partial(mode_coverage, radius=1.0): (TABLE, ROWS),
    peak_signal_noise_ratio: (IMAGES, PICTURES),
    structural_similarity: (IMAGES, PICTURES),
    nearest_neighbour_psnr: (IMAGES, PICTURES),
    nearest_neighbour_ssim: (IMAGES, PICTURES),
}


@pytest.mark.parametrize("measure", MEASURES)
def test_bad_samples(measure):
    good, others = MEASURES[measure]
    for bad, message in others.values():
        for pair in ((good, bad), (bad, good)):
            with pytest.raises(ValueError, match=message):
                measure(*pair)


PAINTER = FakeGAN((8, 8))
BAD_CALLS = [
    *[
        (partial(measure, IMAGES, IMAGES, data_range=value), "data_range must be")
        for measure, (good, _) in MEASURES.items()
        if good is IMAGES
        for value in (0, -1, np.nan)
    ],
    (lambda: kernel_distance(TABLE, TABLE, n_subsets=0), "n_subsets"),
    (lambda: kernel_distance(TABLE, TABLE, subset_size=1), "subset_size"),
    (lambda: kernel_distance(TABLE, TABLE, degree=0), "degree"),
    (lambda: kernel_distance(TABLE, TABLE, gamma=-1), "gamma"),
    (lambda: kernel_distance(TABLE, TABLE, random_state="x"), "seed"),
    (lambda: precision_recall_density_coverage(TABLE, TABLE, 0), "n_neighbors"),
    (lambda: precision_recall_density_coverage(TABLE, TABLE, 12), "at least 13"),
    (lambda: mode_coverage(TABLE, TABLE, 0), "radius"),
    (lambda: mode_coverage(TABLE, TABLE, 1, min_share=2), "min_share"),
    (lambda: GanSignalsDisplay.from_estimator(None), "not an estimator"),
    (lambda: GanSignalsDisplay.from_estimator(SVC().fit(TABLE, LABELS)), "GAN"),
    (lambda: SampleGridDisplay.from_estimator(SVC().fit(TABLE, LABELS)), "GAN"),
    (lambda: SampleGridDisplay.from_snapshots(SVC().fit(TABLE, LABELS)), "GAN"),
    (lambda: SampleGridDisplay.from_estimator(PAINTER, n_samples=0), "n_samples"),
    (lambda: SampleGridDisplay.from_estimator(PAINTER, n_columns=0), "n_columns"),
    (lambda: SampleGridDisplay.from_snapshots(PAINTER, n_columns=0), "n_columns"),
    (lambda: SampleGridDisplay.from_generations(PAINTER, n_columns=0), "n_columns"),
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
    (lambda: load_image_folder(Path(__file__).parent), "root"),
    (lambda: load_image_folder(".", image_size=0), "image_size"),
    (lambda: load_imagenet("/nowhere"), "root|nowhere"),
    (lambda: sknevo.read_journal("/nowhere/run.jsonl"), "no journal"),
    (lambda: sknevo.read_journal(__file__), "no journal"),
    (lambda: sknevo.load_network("/nowhere/net"), "nowhere"),
    (lambda: sknevo.load_network(__file__), "not a network"),
]


@pytest.mark.parametrize(("call", "message"), BAD_CALLS)
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


def test_constant_columns_and_gaps_alone_are_no_garbage():
    clf = EvolvedPipelineClassifier(**SEARCH, random_state=0)
    for table in (np.ones((12, 2)), pd.DataFrame({"a": ["x"] * 12, "b": [None] * 12})):
        assert clf.fit(table, LABELS).predict(table).shape == (12,)


def test_masked_arrays_with_nothing_masked_are_no_garbage():
    whole = np.ma.array(TABLE, mask=False)
    assert search_svc().fit(whole, LABELS).predict(whole).shape == (12,)
    with pytest.raises(ValueError, match="X has masked values"):
        search_svc().fit(TABLE, LABELS).predict(np.ma.array(TABLE, mask=TABLE > 1))


# A fit that fails after one that did not ---------------------------------------------

TINY = {"population_size": 1, "generations": 1, "cv": 2, "random_state": 0}
FITTED = {
    "classifier": EvolvedPipelineClassifier(genome=partial(pipeline, models=["svm"])),
    "regressor": EvolvedPipelineRegressor(genome=partial(pipeline, models=["svm"])),
    "network": EvolvedClassifier(max_epochs=1),
    "GAN": EvolvedGAN(max_epochs=1),
    "search": EvolvedSearchCV(LogisticRegression(), {"C": [1.0]}),
}


@pytest.fixture(scope="module", params=FITTED)
def fitted(request):
    return clone(FITTED[request.param]).set_params(**TINY).fit(TABLE, LABELS)


@pytest.mark.parametrize("fault", ["parameter", "scoring", "labels"])
def test_a_fit_that_fails_leaves_nothing_of_the_one_before(fitted, fault):
    model = copy.copy(fitted)
    assert model.predict(TABLE).shape == (12,)
    bad = {"parameter": {"tol": -1}, "scoring": {"scoring": "nonsense"}}.get(fault, {})
    model.set_params(**bad)
    with pytest.raises(ValueError, match=r"tol|scoring|inconsistent"):
        model.fit(TABLE[:, :2], np.r_[LABELS, 1] if fault == "labels" else 1 - LABELS)
    assert not {"best_estimator_", "cv_results_", "best_score_"} & vars(model).keys()
    with pytest.raises(NotFittedError):
        model.predict(TABLE)
    with pytest.raises(NotFittedError):
        model.refit_individual(0, TABLE, LABELS)
