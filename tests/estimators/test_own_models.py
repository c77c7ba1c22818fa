"""Models of the user's own among the families of pipelines."""

import json
import pickle
from functools import partial

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import loguniform
from sklearn.cluster import KMeans
from sklearn.datasets import load_diabetes, load_iris, make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import Lasso, LogisticRegression, RidgeClassifier
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from toys import Centroids

from sknevo import (
    Categorical,
    EvolvedPipelineClassifier,
    EvolvedPipelineRegressor,
    Real,
    read_journal,
)
from sknevo.builders.pipeline import PipelineBuilder
from sknevo.builders.pipeline._calibration import CalibratedClassifier
from sknevo.genes import EstimatorGenome, Genome
from sknevo.genomes.pipeline import pipeline, well_known
from sknevo.genomes.pipeline._families import own_models
from sknevo.records import Chromosome, Column, DataSpec, Sparsity

SHRINKAGE = {"shrinkage": Real(0, 0.5)}
RIDGE = RidgeClassifier(), {"alpha": loguniform(0.01, 100)}


def spec_of(n_columns=3, task="classification", **options):
    columns = tuple(Column(i, "numeric", missing=True) for i in range(n_columns))
    n_classes = 2 if task == "classification" else 0
    return DataSpec(task, 300, n_classes, columns, **options)


def built(estimator, genes=None, probabilities=True, spec=None, **changed):
    """Return the last step of a first pipeline with a model of one's own."""
    spec = spec or spec_of()
    genome = pipeline(spec, models=[], extra_models={"mine": (estimator, genes or {})})
    first = genome.complete(
        well_known(spec, genome)[1] | changed, np.random.default_rng(0)
    )
    builder = PipelineBuilder(spec, probabilities, None, own_models(genome))
    return builder(Chromosome(first).expressed, random_state=3)[-1]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ([RidgeClassifier()], "extra_models must be a dict"),
        ({"svm": RIDGE}, "sknevo does not use.*got 'svm'"),
        ({"a.b": RIDGE}, "without dots.*got 'a.b'"),
        ({3: RIDGE}, "got 3"),
        ({"mine": RidgeClassifier()}, r"\['mine'\] must be a pair"),
        ({"mine": (RidgeClassifier, {})}, r"\['mine'\].*a class, not an object"),
        ({"mine": ("ridge", {})}, r"\['mine'\].*it has no fit"),
        ({"mine": (StandardScaler(), {})}, r"\['mine'\].*it has no predict"),
        ({"mine": (KMeans(), {})}, "must begin with a classifier.*KMeans is a cluster"),
        ({"mine": (Lasso(), {})}, "Lasso is a regressor"),
        ({"mine": (RidgeClassifier(), {"C": [1]})}, r"\['mine'\].*names 'C', which"),
        ({"mine": (RidgeClassifier(), {"alpha": 3})}, r"\['mine'\].*'alpha': must be"),
        ({"mine": (RidgeClassifier(), 3)}, r"\['mine'\]: genome must be"),
    ],
)
def test_a_bad_entry_is_refused_before_anything_is_trained(extra, message):
    with pytest.raises(ValueError, match=message):
        pipeline(spec_of(), extra_models=extra)
    clf = EvolvedPipelineClassifier(genome=partial(pipeline, extra_models=extra))
    with pytest.raises(ValueError, match=message):
        clf.fit(*load_iris(return_X_y=True))


def test_own_models_join_the_others_or_stand_alone():
    genome = pipeline(spec_of(), extra_models={"ridge": RIDGE})
    names = [*pipeline(spec_of()).genes["model"].branches]
    assert [*genome.genes["model"].branches] == [*names, "ridge"]
    alone = pipeline(spec_of(), models=[], extra_models={"ridge": RIDGE})
    assert [*alone.genes["model"].branches] == ["ridge"]
    # The name of the estimator tells journals of different searches apart.
    assert "RidgeClassifier()" in repr(genome)


@pytest.mark.parametrize(
    "spec",
    [
        spec_of(),
        spec_of(400),
        spec_of(40, sparse=Sparsity(0.1)),
        spec_of(task="regression"),
    ],
    ids=["few", "wide", "sparse", "regression"],
)
def test_bred_values_stay_inside(spec):
    lasso = Lasso(), {"alpha": Real(0.01, 10, log=True)}
    own = {"mine": RIDGE if spec.task == "classification" else lasso}
    genome = pipeline(spec, models=["linear"], extra_models=own)
    rng = np.random.default_rng(0)
    for _ in range(20):
        mother, father = genome.sample(rng), genome.sample(rng)
        child = genome.mutate(genome.cross(mother, father, rng), rng)
        assert genome.contains(json.loads(json.dumps(child)))
    assert [*own_models(pickle.loads(pickle.dumps(genome)))] == ["mine"]
    assert own_models(Genome(x=Real(0, 1))) == {}


def test_a_search_begins_with_own_models_as_they_are():
    spec, forest = spec_of(), RandomForestClassifier(max_depth=3)
    own = {"ridge": RIDGE, "forest": (forest, {"max_depth": [3, 5]})}
    known = well_known(spec, pipeline(spec, extra_models=own))
    assert known[1]["model"] == {"ridge": {"alpha": 1.0}}
    assert known[2]["model"] == {"forest": {"max_depth": 3}}
    # Tags say what an estimator takes.
    assert known[1]["preparation"]["imputation"] != "none"
    assert known[1]["scaling"] != "none"
    assert known[2]["scaling"] == "none"
    assert known[0] == well_known(spec)[0]
    assert known[3:] == well_known(spec)[1:]


def test_the_estimator_itself_is_the_last_step():
    forest = RandomForestClassifier(n_estimators=7)
    made = built(forest, {"max_depth": [2]}, class_weight="balanced")
    assert type(made) is RandomForestClassifier
    assert (made.n_estimators, made.max_depth) == (7, 2)
    assert made.class_weight == "balanced"
    assert isinstance(made.random_state, int)
    assert forest.random_state is None


def test_class_weights_of_the_user_are_left_as_they_are():
    weights = {0: 1, 1: 5}
    one = LogisticRegression(class_weight=weights)
    assert built(one, class_weight="balanced").class_weight == weights
    varied = built(
        LogisticRegression(),
        {"class_weight": Categorical(["balanced"])},
        class_weight=None,
    )
    assert varied.class_weight == "balanced"


def test_sparse_tables_stay_sparse_for_models_that_take_them():
    spec = spec_of(40, sparse=Sparsity(0.1))
    own = {"ridge": RIDGE, "boosting": (HistGradientBoostingClassifier(), {})}
    genome = pipeline(spec, models=[], extra_models=own)
    rng = np.random.default_rng(0)
    drawn = [Chromosome(genome.sample(rng)).expressed for _ in range(40)]
    extractions = {(*d["model"], *d["extraction"]) for d in drawn}
    assert extractions == {("ridge", "none"), ("ridge", "svd"), ("boosting", "svd")}


@pytest.mark.parametrize("estimator", [Centroids(), LinearSVC(), RidgeClassifier()])
def test_probabilities_are_learned_if_they_are_needed(estimator):
    assert type(built(estimator, probabilities=False)) is type(estimator)
    model = built(estimator)
    assert isinstance(model, CalibratedClassifier)
    X, y = make_classification(400, 5, flip_y=0.1, class_sep=2, random_state=0)
    labels = np.array(["no", "yes"])[y]
    weights = np.where(y, 2.0, 1.0)
    model.fit(X[:200], labels[:200], sample_weight=weights[:200])
    probabilities = model.predict_proba(X[200:])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert log_loss(labels[200:], probabilities) < 0.68
    np.testing.assert_array_equal(model.predict(X), model.machine_.predict(X))


def test_a_class_of_one_member_leaves_probabilities_in_order():
    X, y = load_iris(return_X_y=True)
    y = np.where(np.arange(150) == 149, 2, np.minimum(y, 1))
    model = CalibratedClassifier(Centroids()).fit(X, y)
    np.testing.assert_array_equal(
        model.predict_proba(X).argmax(axis=1), model.predict(X)
    )


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """Search own models alone, in workers, with an ensemble and a journal."""
    X, y = load_iris(return_X_y=True, as_frame=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    own = {
        "centroids": (Centroids(), SHRINKAGE),
        "logistic": (LogisticRegression(), Genome(C=Real(0.1, 10, log=True))),
        "boosting": (HistGradientBoostingClassifier(max_iter=5), {}),
    }
    journal = tmp_path_factory.mktemp("own") / "run.jsonl"
    clf = EvolvedPipelineClassifier(
        genome=partial(pipeline, models=[], extra_models=own),
        scoring="neg_log_loss",
        population_size=6,
        generations=1,
        cv=2,
        n_jobs=2,
        journal=journal,
        random_state=0,
    )
    return clf.fit(X, names, sample_weight=np.linspace(1, 2, 150)), X, names, journal


@pytest.mark.slow
def test_own_models_are_evaluated_in_workers_and_in_the_ensemble(searched):
    clf, X, y, _ = searched
    results = clf.cv_results_
    assert {*results["status"]} <= {"ok", "pruned"}
    assert {*results["param_model"]} == {"centroids", "logistic", "boosting"}
    assert clf.ensemble_ is not None
    assert clf.score(X, y) > -0.3
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))


@pytest.mark.slow
def test_a_journal_repeats_nothing_and_refuses_another_estimator(searched):
    clf, X, y, journal = searched
    weights = np.linspace(1, 2, 150)
    assert {e.status for e in read_journal(journal)} <= {"ok", "pruned"}
    before = journal.read_bytes()
    clf = EvolvedPipelineClassifier(**clf.get_params())
    clf.fit(X, y, sample_weight=weights)
    assert journal.read_bytes() == before
    own = clf.genome.keywords["extra_models"]
    own = own | {"boosting": (HistGradientBoostingClassifier(max_iter=6), {})}
    other = clf.set_params(genome=partial(pipeline, models=[], extra_models=own))
    with pytest.raises(ValueError, match="journal"):
        other.fit(X, y, sample_weight=weights)


def test_a_regressor_of_ones_own():
    X, y = load_diabetes(return_X_y=True)
    lasso = make_pipeline(Lasso())
    genes = {"lasso__alpha": loguniform(0.01, 1)}
    reg = EvolvedPipelineRegressor(
        genome=partial(pipeline, models=[], extra_models={"lasso": (lasso, genes)}),
        population_size=3,
        generations=1,
        cv=2,
        random_state=0,
    ).fit(X, y, sample_weight=np.ones(len(y)))
    assert {*reg.cv_results_["status"]} <= {"ok", "pruned"}
    assert reg.score(X, y) > 0.3
    assert isinstance(reg.genome_.genes["model"].branches["lasso"], EstimatorGenome)


def test_sparse_rows_reach_own_models():
    X, y = make_classification(120, 30, random_state=0)
    X = csr_array(np.where(np.abs(X) > 1, X, 0))
    own = {"ridge": RIDGE}
    clf = EvolvedPipelineClassifier(
        genome=partial(pipeline, models=[], extra_models=own),
        population_size=2,
        generations=1,
        cv=2,
        ensemble_size=None,
        random_state=0,
    ).fit(X, y)
    assert isinstance(clf.best_estimator_[-1].estimator, RidgeClassifier)
    assert clf.score(X, y) > 0.7
