"""Any estimator of the user's own evolves with a genome of its own."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from scipy.stats import loguniform, poisson, randint
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KernelDensity, KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import check_is_fitted

from sknevo import (
    Choice,
    Chromosome,
    EvolvedSearchCV,
    Genome,
    Integer,
    JournalError,
    Real,
    Repeat,
)

X, y = load_iris(return_X_y=True)
SMALL = {"population_size": 3, "generations": 2, "cv": 2, "random_state": 0}
C = {"C": loguniform(1e-2, 1e2)}


def evolve(estimator, genome, X=X, y=y, **params):
    search = EvolvedSearchCV(estimator, genome, **{**SMALL, **params})
    return search.fit(X, y)


# The search ----------------------------------------------------------------------


def test_parameters_evolve_and_the_best_is_refitted():
    search = evolve(SVC(), {**C, "kernel": ["rbf", "linear"]}, generations=3)
    best = search.best_estimator_
    assert isinstance(best, SVC)
    assert search.best_params_ == {"C": best.C, "kernel": best.kernel}
    assert search.best_score_ > 0.9
    np.testing.assert_array_equal(search.predict(X), best.predict(X))
    assert search.classes_.tolist() == [0, 1, 2]
    assert search.score(X, y) == accuracy_score(y, search.predict(X))
    assert set(search.cv_results_) > {"param_C", "param_kernel", "mean_test_score"}
    assert search.cv_results_["params"][0].keys() == {"C", "kernel"}


def test_scores_are_those_of_cross_validation():
    cv = StratifiedKFold(3)
    search = evolve(SVC(), {**C, "kernel": ["rbf", "poly"]}, cv=cv)
    for i, params in enumerate(search.cv_results_["params"]):
        scores = cross_val_score(SVC(**params), X, y, cv=cv)
        assert search.cv_results_["mean_test_score"][i] == scores.mean()


def test_the_users_estimators_are_never_changed():
    forest, svm = RandomForestClassifier(4), SVC()
    pipeline = Pipeline([("scale", StandardScaler()), ("clf", svm)])
    before = repr(pipeline), repr(forest)
    evolve(pipeline, [{"clf": [svm], "clf__C": [1, 2]}, {"clf": [forest]}])
    assert (repr(pipeline), repr(forest)) == before
    for estimator in (forest, svm, pipeline.steps[0][1]):
        with pytest.raises(NotFittedError):
            check_is_fitted(estimator)


def test_alternative_steps_bring_their_own_parameters():
    pipeline = Pipeline([("scale", None), ("clf", GaussianNB())])
    space = [
        {"clf": [SVC(), SVC(kernel="linear")], "clf__C": loguniform(0.1, 10)},
        {"clf": [DecisionTreeClassifier()], "clf__max_depth": randint(1, 5)},
    ]
    results = evolve(pipeline, space, population_size=8).cv_results_
    assert set(results["status"]) == {"ok"}
    for params in results["params"]:
        own = {SVC: "clf__C", DecisionTreeClassifier: "clf__max_depth"}
        assert params.keys() == {"clf", own[type(params["clf"])]}
    masked = [results[f"param_clf__{name}"].mask for name in ("C", "max_depth")]
    np.testing.assert_array_equal(masked[0], ~masked[1])
    assert 0 < masked[0].sum() < len(masked[0])


def test_branches_are_values_and_their_genes_parameters_beside_it():
    gamma = Choice(scale=Genome(), auto=Genome(), number=Real(0.1, 1))
    kernel = Choice(rbf=Genome(gamma=gamma), linear=Genome())
    search = evolve(SVC(), Genome(C=Real(1, 9), kernel=kernel), population_size=12)
    seen = {
        (p["kernel"], type(p.get("gamma")).__name__)
        for p in search.cv_results_["params"]
    }
    assert seen == {("rbf", "str"), ("rbf", "float"), ("linear", "NoneType")}
    assert set(search.cv_results_["status"]) == {"ok"}


def test_a_repeat_is_a_tuple_and_a_record_a_step():
    layers = Repeat(Integer(2, 5), 1, 3)
    genome = Genome(clf=Genome(hidden_layer_sizes=layers, alpha=Real(0.1, 1)))
    mlp = MLPClassifier(solver="lbfgs", max_iter=3)
    pipeline = Pipeline([("scale", StandardScaler()), ("clf", mlp)])
    params = evolve(pipeline, genome).best_params_
    assert params.keys() == {"clf__hidden_layer_sizes", "clf__alpha"}
    assert isinstance(params["clf__hidden_layer_sizes"], tuple)


def test_values_of_any_kind():
    space = {"max_features": [1, 1.0, None], "class_weight": [{0: 2, 1: 1, 2: 1}, None]}
    results = evolve(DecisionTreeClassifier(), space, population_size=6).cv_results_
    kinds = {type(params["max_features"]) for params in results["params"]}
    assert kinds == {int, float, type(None)}
    assert set(results["status"]) == {"ok"}


def test_the_estimator_as_it_is_comes_first():
    search = evolve(SVC(C=3.0), C)
    assert search.cv_results_["params"][0] == {"C": 3.0}
    assert search.cv_results_["origin"][0] == "known"


def test_a_search_begins_where_another_ended():
    forest = RandomForestClassifier(2, random_state=0)
    pipeline = Pipeline([("scale", None), ("clf", SVC())])
    space = {"clf": [SVC(), forest], "scale": ["passthrough", StandardScaler()]}
    first = evolve(pipeline, space)
    for known in (first, first.best_chromosome_, first.best_params_):
        again = evolve(pipeline, space, initial_population=[known], generations=1)
        assert again.cv_results_["origin"][0] == "user"
        assert again.cv_results_["key"][0] == first.best_chromosome_.key


# Seeds ---------------------------------------------------------------------------


def test_seeds_come_from_random_state():
    one, two = (
        evolve(SGDClassifier(), {"alpha": loguniform(1e-4, 1)}, n_jobs=n)
        for n in (1, 2)
    )
    names = ("mean_test_score", "key")
    for name in names:
        np.testing.assert_array_equal(one.cv_results_[name], two.cv_results_[name])
    np.testing.assert_array_equal(one.best_estimator_.coef_, two.best_estimator_.coef_)


def test_a_seed_of_the_users_is_kept():
    pipeline = make_pipeline(PCA(random_state=5), SGDClassifier())
    best = evolve(pipeline, {"sgdclassifier__alpha": [0.1, 0.2]}).best_estimator_
    assert best["pca"].random_state == 5
    assert best["sgdclassifier"].random_state is not None


# What the estimator takes and can ------------------------------------------------


def test_methods_are_those_of_the_estimator():
    methods = ["predict", "predict_proba", "decision_function", "transform"]
    methods += ["inverse_transform", "score_samples", "predict_log_proba"]

    def has(estimator, genome, **params):
        search = EvolvedSearchCV(estimator, genome, **params)
        return [method for method in methods if hasattr(search, method)]

    assert has(SVC(), C) == ["predict", "decision_function"]
    assert has(PCA(), {"whiten": [True]}) == [
        *["transform", "inverse_transform", "score_samples"]
    ]
    assert has(SVC(), C, refit=False) == []


def test_probabilities():
    search = evolve(LogisticRegression(), C)
    best = search.best_estimator_
    for method in ("predict_proba", "predict_log_proba", "decision_function"):
        expected = getattr(best, method)(X)
        np.testing.assert_array_equal(getattr(search, method)(X), expected)


def test_without_y():
    clusters = evolve(KMeans(2, n_init=1), {"n_clusters": [2, 3, 4]}, y=None)
    assert clusters.predict(X).shape == (150,)
    assert clusters.transform(X).shape == (150, clusters.best_params_["n_clusters"])
    assert clusters.score(X) == clusters.best_estimator_.score(X)
    density = evolve(KernelDensity(), {"bandwidth": loguniform(0.1, 9)}, y=None)
    assert density.score_samples(X).shape == (150,)


def test_a_transformer():
    search = evolve(PCA(), {"n_components": [1, 2, 3]}, y=None)
    assert search.best_params_ == {"n_components": 3}  # the most likely
    assert search.inverse_transform(search.transform(X)).shape == X.shape


def ordinary(detector, X):
    return float(np.mean(detector.predict(X) == 1))


def test_an_outlier_detector():
    forest = IsolationForest(n_estimators=3)
    genome = {"contamination": [0.1, 0.4]}
    search = evolve(forest, genome, y=None, scoring=ordinary)
    assert search.best_params_ == {"contamination": 0.1}


def test_sparse_data(tmp_path):
    rows, journal = sparse.coo_matrix(X), tmp_path / "run.jsonl"
    search = evolve(LogisticRegression(), C, rows, n_jobs=2, journal=journal)
    assert search.predict(sparse.csr_matrix(X)).shape == (150,)
    evolve(LogisticRegression(), C, rows, journal=journal)
    with pytest.raises(JournalError, match="data"):
        evolve(LogisticRegression(), C, 2 * rows, journal=journal)


def test_words():
    texts = ["a good thing", "so bad", "very good", "bad bad thing"] * 5
    pipeline = make_pipeline(CountVectorizer(), MultinomialNB())
    space = {"countvectorizer__ngram_range": [(1, 1), (1, 2)]}
    search = evolve(pipeline, space, texts, ["+", "-", "+", "-"] * 5)
    assert search.predict(["good"]).tolist() == ["+"]
    assert isinstance(search.best_params_["countvectorizer__ngram_range"], tuple)


def test_frames_and_their_names():
    frame = pd.DataFrame(X, columns=list("abcd"))
    search = evolve(LogisticRegression(), C, frame, pd.Series(y))
    assert search.feature_names_in_.tolist() == list("abcd")
    assert search.n_features_in_ == 4


def test_kernels():
    search = evolve(SVC(kernel="precomputed"), C, X @ X.T)
    assert search.predict(X @ X.T).shape == (150,)
    assert search.best_score_ > 0.9


def test_several_outputs():
    labels = np.c_[y == 0, y == 1].astype(int)
    search = evolve(KNeighborsClassifier(), {"n_neighbors": [1, 3, 5]}, X, labels)
    assert search.predict(X).shape == (150, 2)
    search = evolve(Ridge(), {"alpha": loguniform(0.1, 1)}, X, labels.astype(float))
    assert search.predict(X).shape == (150, 2)


def test_a_column_is_flattened_with_one_warning():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        evolve(SVC(), C, X, y.reshape(-1, 1))
    assert [w.category for w in caught] == [DataConversionWarning]


# Metadata ------------------------------------------------------------------------

WEIGHTS = np.where(y == 2, 1.0, 1e-9)


def test_weights_reach_the_estimator():
    search = EvolvedSearchCV(LogisticRegression(), C, **SMALL)
    assert set(search.fit(X, y, sample_weight=WEIGHTS).predict(X)) == {2}
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    search = EvolvedSearchCV(pipeline, {"logisticregression__C": [1, 2]}, **SMALL)
    search.fit(X, y, logisticregression__sample_weight=WEIGHTS)
    assert set(search.predict(X)) == {2}
    with pytest.raises(ValueError, match="__sample_weight must have 150 values"):
        search.fit(X, y, logisticregression__sample_weight=WEIGHTS[1:])


def test_metadata_go_where_they_are_requested():
    with sklearn.config_context(enable_metadata_routing=True):
        asking = LogisticRegression().set_fit_request(sample_weight=True)
        silent = LogisticRegression().set_fit_request(sample_weight=False)
        for estimator, found in ((asking, {2}), (silent, {0, 1, 2})):
            scored = estimator.set_score_request(sample_weight=True)
            search = EvolvedSearchCV(scored, C, **SMALL)
            search.fit(X, y, sample_weight=WEIGHTS)
            assert set(search.predict(X)) == found


@pytest.mark.parametrize("asks", ["scaler", "model"])
def test_metadata_go_to_the_steps_of_a_pipeline_that_request_them(asks):
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=asks == "scaler")
        model = LogisticRegression().set_fit_request(sample_weight=asks == "model")
        model.set_score_request(sample_weight=True)
        pipeline = Pipeline([("scaler", scaler), ("model", model)])
        search = EvolvedSearchCV(pipeline, {"model__C": [1.0]}, **SMALL)
        search.fit(X, y, sample_weight=WEIGHTS)
        alone = clone(pipeline).fit(X, y, sample_weight=WEIGHTS)
    np.testing.assert_array_equal(search.predict_proba(X), alone.predict_proba(X))


def test_weights_for_a_whole_pipeline_are_refused_as_by_scikit_learn():
    pipeline = make_pipeline(LogisticRegression())
    search = EvolvedSearchCV(pipeline, {"logisticregression__C": [1]}, **SMALL)
    with pytest.raises(ValueError, match="does not accept the sample_weight"):
        search.fit(X, y, sample_weight=WEIGHTS)


class Steps(Pipeline):
    """A pipeline of the user's own."""


@pytest.mark.parametrize("kind", [Pipeline, Steps])
def test_a_step_called_preparation_is_a_step_like_any_other(kind):
    steps = [("preparation", StandardScaler()), ("model", LogisticRegression())]
    space = {"preparation": [StandardScaler(), "passthrough"], "model__C": [0.1, 1]}
    search = EvolvedSearchCV(kind(steps), space, scoring="accuracy", **SMALL).fit(X, y)
    assert set(search.cv_results_["status"]) == {"ok"}
    assert "passthrough" in search.cv_results_["param_preparation"].tolist()
    assert type(search.best_estimator_) is kind
    search.set_params(genome={"model__C": [0.1, 1]})
    search.fit(X, y, preparation__sample_weight=WEIGHTS)
    weighted = X[y == 2].mean(axis=0)
    assert search.best_estimator_[0].mean_ == pytest.approx(weighted, abs=1e-6)


def test_a_pipeline_may_have_a_single_step():
    alone = Pipeline([("preparation", LogisticRegression())])
    search = evolve(alone, {"preparation__C": [0.1, 1]}, scoring="accuracy")
    assert search.best_score_ > 0.9


# As any estimator ----------------------------------------------------------------


def test_it_clones_and_pickles():
    search = evolve(SVC(), {"C": loguniform(0.1, 1), "kernel": ["rbf", "linear"]})
    again = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(again.predict(X), search.predict(X))
    fresh = clone(search).fit(X, y)
    np.testing.assert_array_equal(fresh.predict(X), search.predict(X))
    assert "estimator__C" in search.get_params()
    assert "best_estimator_: SVC" in search._repr_html_()


def test_data_of_a_wrong_type_is_wrong_for_all():
    with pytest.raises(TypeError, match="none of 3 individuals succeeded"):
        evolve(SVC(), C, [[{}, 1], [2, 3]] * 10, [0, 1] * 10, generations=1)


def test_chromosomes_are_json():
    search = evolve(SVC(), {"class_weight": [{0: 1, 1: 2, 2: 3}, "balanced"]})
    best = search.best_chromosome_
    assert Chromosome.from_json(best.to_json()) == best


# Races -----------------------------------------------------------------------------


@pytest.mark.parametrize("resource", ["n_samples", "n_estimators"])
def test_any_whole_number_is_raced_for(resource):
    X, y = load_iris(return_X_y=True)
    genome = {"n_estimators": randint(1, 9), "max_depth": [1, 2, 3]}
    search = EvolvedSearchCV(
        RandomForestClassifier(),
        genome,
        resource=resource,
        generations=1,
        population_size=9,
        cv=2,
        random_state=0,
    ).fit(X, y)
    given = search.cv_results_["resource"]
    assert len(set(given)) > 1
    assert given[search.best_index_] == np.inf
    trees = len(search.best_estimator_.estimators_)
    assert trees == search.best_params_["n_estimators"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"resource": "max_depth"}, "resource must be None"),
        ({"resource": "n_estimators"}, "max_resources must be a number"),
        (
            {"resource": "n_samples", "min_resources": 10_000, "cv": 2},
            "min_resources must be less than 75",
        ),
    ],
)
def test_what_cannot_be_raced_for_is_named(parameters, message):
    genome = {"n_estimators": poisson(10, loc=1), "max_depth": [1, 2, 3]}
    search = EvolvedSearchCV(RandomForestClassifier(), genome, **parameters)
    with pytest.raises(ValueError, match=message):
        search.fit(*load_iris(return_X_y=True))
