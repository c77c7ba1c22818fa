"""Weights are ratios, targets have no unit, and metadata go where they belong."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    StackingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import get_scorer, r2_score
from sklearn.model_selection import KFold, PredefinedSplit
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks

from sknevo import (
    EvolvedAutoencoder,
    EvolvedClassifier,
    EvolvedGAN,
    EvolvedPipelineClassifier,
    EvolvedPipelineRegressor,
    EvolvedRegressor,
    EvolvedSearchCV,
    Real,
)
from sknevo.builders.pipeline._boosting import BOOSTERS, EarlyStoppingRegressor
from sknevo.builders.pipeline._preparation import _StandardizedTargetEncoder
from sknevo.builders.pipeline._svm import SupportVectorRegressor
from sknevo.data_checks import mean_and_std
from sknevo.estimators._samples import Samples
from sknevo.genomes.convnet import convnet
from sknevo.genomes.convnet_regressor import convnet_regressor
from sknevo.genomes.pipeline import pipeline

ONE = {"population_size": 1, "generations": 1, "cv": 2, "random_state": 0}
SVM = partial(pipeline, models=["svm"])
NET = {"max_layers": 1, "max_parameters": 2000, "max_epochs": 4}

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y = X[:, 0] + np.sin(2 * X[:, 1]) + 0.1 * rng.normal(size=60)
labels = (y > 0).astype(int)
weights = rng.integers(1, 6, 60) / 2
zero = np.arange(60) % 4 == 1

CLASSIFIER = EvolvedPipelineClassifier(genome=SVM, **ONE)
WEIGHTED = {
    "pipelines that classify": (CLASSIFIER, labels),
    "pipelines that regress": (EvolvedPipelineRegressor(genome=SVM, **ONE), y),
    "networks that classify": (
        EvolvedClassifier(genome=partial(convnet, **NET), **ONE),
        labels,
    ),
    "networks that regress": (
        EvolvedRegressor(genome=partial(convnet_regressor, **NET), **ONE),
        y,
    ),
}
# In every run: one of pipelines, one of networks; one of classes, one of values.
USUAL = {"pipelines that classify", "networks that regress"}
weighted = pytest.mark.parametrize(
    ("estimator", "y"),
    [
        pytest.param(*pair, id=name, marks=[pytest.mark.slow] * (name not in USUAL))
        for name, pair in WEIGHTED.items()
    ],
)


def found(estimator, X, y, at=X, **params):
    """Return what a search has found: its scores and predictions."""
    fitted = sklearn.clone(estimator).fit(X, y, **params)
    how = "predict_proba" if hasattr(fitted, "predict_proba") else "predict"
    return [fitted.best_score_, *np.ravel(getattr(fitted, how)(at))]


# Weights -------------------------------------------------------------------------


@weighted
def test_a_common_factor_changes_nothing(estimator, y):
    expected = found(estimator, X, y, sample_weight=weights)
    for factor in (2.0**-900, 1e300):
        assert found(estimator, X, y, sample_weight=weights * factor) == expected


@weighted
def test_equal_weights_are_none(estimator, y):
    alone = found(estimator, X, y)
    assert found(estimator, X, y, sample_weight=np.full(60, 7.3)) == alone


@weighted
def test_a_row_of_weight_0_is_as_if_it_were_not_there(estimator, y):
    wild = np.where(zero, 1e6 if y.dtype == float else 2, y)
    heavy = np.where(zero, 0, weights)
    groups = np.arange(60) % 7
    given = {"sample_weight": heavy, "groups": groups}
    left = {"sample_weight": weights[~zero], "groups": groups[~zero]}
    expected = found(estimator, X[~zero], y[~zero], **left)
    assert found(estimator, X, wild, **given) == expected


@pytest.mark.parametrize("junk", [1e17, np.nan, "junk", pd.Timestamp(0)], ids=str)
def test_columns_are_not_read_by_rows_of_weight_0(junk):
    clean = pd.DataFrame(X).astype(object)
    table = clean.copy()
    table.loc[zero, 0] = junk
    heavy = np.where(zero, 0, weights)
    expected = found(
        CLASSIFIER, clean[~zero], labels[~zero], sample_weight=weights[~zero]
    )
    assert found(CLASSIFIER, table, labels, sample_weight=heavy) == expected


def test_rows_of_weight_0_have_no_class():
    clf = sklearn.clone(CLASSIFIER)
    clf.fit(X, np.where(zero, 2, labels), sample_weight=1.0 * ~zero)
    assert clf.classes_.tolist() == [0, 1]


FOLD = KFold(3, shuffle=True, random_state=0)
FOLDS = list(FOLD.split(X))
FOLD_OF = np.argmax([np.isin(np.arange(60), test) for _, test in FOLDS], axis=0)


@pytest.mark.parametrize(
    "cv",
    [
        FOLDS,
        iter(FOLDS),
        PredefinedSplit(FOLD_OF),
        [(np.isin(np.arange(60), a), np.isin(np.arange(60), b)) for a, b in FOLDS],
        [(a - 60, b) for a, b in FOLDS],
    ],
    ids=["list", "generator", "predefined", "masks", "from the end"],
)
def test_the_users_own_splits_are_of_the_rows_as_given(cv):
    samples = Samples(X, y, {"sample_weight": 1.0 * ~zero}, cv=cv).weighted()
    for (train, test), (all_train, all_test) in zip(samples.cv, FOLDS, strict=True):
        np.testing.assert_array_equal(samples.y[train], y[all_train][~zero[all_train]])
        np.testing.assert_array_equal(samples.X[test], X[all_test][~zero[all_test]])


@pytest.mark.parametrize("cv", [None, 3, KFold(3)], ids=str)
def test_other_splits_are_made_of_the_rows_that_are_left(cv):
    assert Samples(X, y, {"sample_weight": 1.0 * ~zero}, cv=cv).weighted().cv is cv


def test_a_part_without_weight_is_refused():
    heavy = {"sample_weight": 1.0 * (FOLD_OF != 1)}
    with pytest.raises(ValueError, match=r"sample_weight is above zero.*in split 1"):
        Samples(X, y, heavy, cv=FOLDS).weighted()


def test_what_is_tiny_beside_the_others_has_weight_0():
    samples = Samples(X, y, {"sample_weight": np.where(zero, 1e-99, weights)})
    np.testing.assert_array_equal(samples.weighted().y, y[~zero])


def test_weights_are_normalised_once():
    ratios = Samples(X, y, {"sample_weight": weights}).weighted()
    expected = weights / weights.mean()
    np.testing.assert_allclose(ratios.fit_params["sample_weight"], expected, rtol=1e-6)


@weighted
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.where(zero, -2.5, 1), r"must not be negative; got -2\.5 for sample 1"),
        (np.where(zero, np.inf, 1), "sample_weight contains infinity"),
        (np.where(zero, np.nan, 1), "sample_weight contains NaN"),
        (np.zeros(60), "above zero for at least 2 samples; got 0 of 60"),
        (np.eye(60)[0], "above zero for at least 2 samples; got 1 of 60"),
        (np.ones(59), "sample_weight must have 60 values, as X has; got 59"),
        (["x"] * 60, "sample_weight must hold numbers; got 'x'"),
        (np.full(60, "1", object), "sample_weight must hold numbers; got '1'"),
        (np.full(60, 1j), "sample_weight must hold numbers; got complex128"),
        (pd.date_range("2020", periods=60), "sample_weight must hold numbers; got dat"),
        (2.0, r"sample_weight must have 60 values, as X has; got 2\.0"),
    ],
    ids=[
        "negative",
        "inf",
        "NaN",
        "zeros",
        "one",
        "short",
        "words",
        "digits",
        "complex",
        "dates",
        "scalar",
    ],
)
def test_weights_that_cannot_be_are_refused(estimator, y, bad, message):
    with pytest.raises(ValueError, match=message):
        sklearn.clone(estimator).fit(X, y, sample_weight=bad)


@weighted
def test_any_individual_is_refitted_with_the_same_weights(estimator, y):
    heavy = np.where(zero, 0, weights)
    search = sklearn.clone(estimator).fit(X, y, sample_weight=heavy)
    best = search.best_index_
    once, thrice = (
        search.refit_individual(best, X, y, sample_weight=factor * heavy)
        for factor in (1, 3)
    )
    np.testing.assert_array_equal(once.predict(X), thrice.predict(X))
    if not hasattr(once, "train_to"):  # networks go on in `fit`, and begin here
        expected = search.best_estimator_.predict(X)
        np.testing.assert_array_equal(once.predict(X), expected)
    with pytest.raises(ValueError, match="must not be negative"):
        search.refit_individual(0, X, y, sample_weight=-heavy)


class Recorder(ClassifierMixin, BaseEstimator):
    """A classifier that remembers its weights and predicts the heaviest class."""

    def __init__(self, gene=0):
        self.gene = gene

    def fit(self, X, y, sample_weight=None):
        self.weights_ = sample_weight
        self.classes_ = np.unique(y)
        heavy = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
        self.shares_ = np.array([heavy[y == c].sum() for c in self.classes_])
        self.shares_ /= self.shares_.sum()
        return self

    def predict_proba(self, X):
        return np.tile(self.shares_, (len(X), 1))

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def recording(**routing):
    model = Recorder().set_fit_request(**routing) if routing else Recorder()
    return EvolvedSearchCV(model, {"gene": [0, 1]}, **ONE)


def test_a_search_around_an_estimator_passes_weights_on_as_they_are():
    """As GridSearchCV: the best is what the user's own fit would give."""
    for given in (weights / 120, np.where(zero, 0, weights), -weights):
        search = recording().fit(X, labels, sample_weight=given)
        np.testing.assert_array_equal(search.best_estimator_.weights_, given)
    C = {"C": Real(0.1, 10, log=True)}
    search = EvolvedSearchCV(LogisticRegression(), C, **ONE)
    search.fit(X, labels, sample_weight=weights / 120)
    alone = LogisticRegression(**search.best_params_)
    alone.fit(X, labels, sample_weight=weights / 120)
    np.testing.assert_array_equal(search.best_estimator_.coef_, alone.coef_)


# Metadata that nothing takes -----------------------------------------------------

SEARCHES = {
    **WEIGHTED,
    "autoencoders": (EvolvedAutoencoder(**ONE, max_epochs=1), None),
    "GANs": (EvolvedGAN(**ONE, max_epochs=1), None),
    "searches": (recording(), labels),
}


@pytest.mark.parametrize(("estimator", "y"), SEARCHES.values(), ids=SEARCHES.keys())
@pytest.mark.parametrize(
    "metadata", [{"eval_set": [(X, y)]}, {"verbose": True}], ids=["eval_set", "verbose"]
)
def test_unknown_metadata_are_named(estimator, y, metadata):
    (name,) = metadata
    message = rf"unexpected metadata \['{name}'\]; accepted are \['groups'"
    with pytest.raises(TypeError, match=message):
        sklearn.clone(estimator).fit(X, y, **metadata)
    with (
        sklearn.config_context(enable_metadata_routing=True),
        pytest.raises(TypeError, match=name),
    ):
        sklearn.clone(estimator).fit(X, y, **metadata)


@pytest.mark.parametrize("routing", [False, True])
def test_a_gan_takes_no_weights(routing):
    with (
        sklearn.config_context(enable_metadata_routing=routing),
        pytest.raises(TypeError, match="sample_weight"),
    ):
        EvolvedGAN(**ONE).fit(X, sample_weight=weights)


class Watching(Recorder):
    """A classifier whose `fit` takes more than samples have."""

    def fit(self, X, y, eval_set=None, verbose=False):
        assert verbose is True
        assert eval_set[0][0].shape == (60, 3)
        return super().fit(X, y)


def test_an_estimators_own_metadata_reach_it_whole():
    search = EvolvedSearchCV(Watching(), {"gene": [0]}, **ONE)
    search.fit(X, labels, eval_set=[(X, labels)], verbose=True)
    assert search.cv_results_["status"].tolist() == ["ok"]


# scikit-learn's checks -----------------------------------------------------------

CHECKS = [
    estimator_checks.check_all_zero_sample_weights_error,
    estimator_checks.check_classifiers_one_label_sample_weights,
    estimator_checks.check_sample_weights_list,
    estimator_checks.check_sample_weights_not_an_array,
    estimator_checks.check_sample_weights_not_overwritten,
    estimator_checks.check_sample_weights_pandas_series,
    estimator_checks.check_sample_weights_shape,
]
# A weight of 2 is not a row twice in them: weights are ratios, LightGBM counts the rows
# of a leaf, C of a support vector machine is a penalty per row, and scalers count rows.
# In a search around an estimator it is, where it is for the estimator itself.
REPEATED = {
    "logistic": (LogisticRegression(C=0.5), {"C": [0.5]}),
    "ridge": (Ridge(2.0), {"alpha": [2.0]}),
}


class Named:
    """Names sample_weight in the signature of fit, at which some checks look."""

    def fit(self, X, y=None, sample_weight=None):
        return super().fit(X, y, sample_weight=sample_weight)


def named(estimator):
    """Return the estimator as one of a class that names sample_weight."""
    kind = type(estimator)
    return type(kind.__name__, (Named, kind), {})(**estimator.get_params(deep=False))


@weighted
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_checks_of_weights(estimator, y, check):
    if "classifiers" in check.__name__ and y is not labels:
        pytest.skip("for classifiers")
    check(type(estimator).__name__, named(estimator))


@pytest.mark.parametrize("case", REPEATED)
def test_a_search_is_equivalent_to_repetition_if_its_estimator_is(case):
    model, space = REPEATED[case]
    search = named(EvolvedSearchCV(model, space, **ONE))
    estimator_checks.check_sample_weight_equivalence_on_dense_data(case, search)
    estimator_checks.check_sample_weight_equivalence_on_sparse_data(case, search)


def test_all_checks_of_weights_are_here():
    run = {check.__name__ for check in CHECKS}
    repetition = {n for n in dir(estimator_checks) if "weight_equivalence_on" in n}
    theirs = {
        n for n in dir(estimator_checks) if "check_" in n and "sample_weight" in n
    }
    assert theirs - repetition - {"_check_sample_weight_equivalence"} == run


# Metadata routing ----------------------------------------------------------------


def classifier():
    return EvolvedPipelineClassifier(genome=SVM, **ONE)


def regressor():
    return EvolvedPipelineRegressor(genome=SVM, **ONE)


def asking(model):
    return model.set_fit_request(sample_weight=True)


def piped(model):
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    return Pipeline([("scaler", scaler), ("model", model)])


CLASSIFIERS = {
    "calibrated": lambda: CalibratedClassifierCV(classifier(), cv=2),
    "bagging": lambda: BaggingClassifier(classifier(), 2, random_state=0),
    "multi-output": lambda: MultiOutputClassifier(classifier()),
    "stacking": lambda: StackingClassifier(
        [("one", classifier())], asking(LogisticRegression()), cv=2
    ),
    "pipeline": lambda: piped(classifier()),
    "bagging of searches": lambda: BaggingClassifier(
        EvolvedSearchCV(
            asking(LogisticRegression()), {"C": [1, 2]}, scoring=unweighted(), **ONE
        ),
        2,
        random_state=0,
    ),
}
REGRESSORS = {
    "multi-output": lambda: MultiOutputRegressor(regressor()),
    "stacking": lambda: StackingRegressor(
        [("one", regressor())], asking(Ridge()), cv=2
    ),
    "pipeline": lambda: piped(regressor()),
}


def unweighted():
    return get_scorer("accuracy").set_score_request(sample_weight=False)


@pytest.fixture
def _routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("_routing")
@pytest.mark.parametrize(("estimator", "y"), SEARCHES.values(), ids=SEARCHES.keys())
def test_with_routing_metadata_may_be_absent(estimator, y):
    assert np.isfinite(sklearn.clone(estimator).fit(X, y).best_score_)


@pytest.mark.usefixtures("_routing")
@pytest.mark.parametrize("case", CLASSIFIERS)
def test_ensembles_of_classifiers_pass_weights_on(case):
    noise = np.random.default_rng(1).integers(0, 2, 60)
    Y = noise[:, None] if "multi" in case else noise
    model = CLASSIFIERS[case]()
    for label in (0, 1):
        heavy = np.where(noise == label, 1.0, 0.05)
        predicted = model.fit(X, Y, sample_weight=heavy).predict(X)
        assert (predicted == label).mean() > 0.9


@pytest.mark.usefixtures("_routing")
@pytest.mark.parametrize("case", REGRESSORS)
def test_ensembles_of_regressors_pass_weights_on(case):
    noise = np.random.default_rng(1).integers(0, 2, 60) * 10.0
    Y = noise[:, None] if "multi" in case else noise
    model = REGRESSORS[case]()
    for value in (0, 10):
        heavy = np.where(noise == value, 1.0, 0.05)
        predicted = model.fit(X, Y, sample_weight=heavy).predict(X)
        assert abs(np.median(predicted) - value) < 2


def test_without_routing_a_signature_that_names_weights_is_asked_for():
    """As of GridSearchCV, whose fit does not name them either."""
    with pytest.raises(ValueError, match="doesn't support sample_weight"):
        AdaBoostClassifier(classifier()).fit(X, labels)


# The unit and the offset of targets ----------------------------------------------

UNITS = {
    "thousandths": lambda y: y / 1000,
    "an offset": lambda y: y + 1e8,
    "huge": lambda y: y * 1e12,
    "enormous": lambda y: y * 1e150,
    "tiny": lambda y: y * 1e-150,
}
ROWS = np.arange(120)  # enough for boosters that stop early
tall = np.random.default_rng(0).normal(size=(120, 3))
high = (
    tall[:, 0]
    + np.sin(2 * tall[:, 1])
    + 0.1 * np.random.default_rng(1).normal(size=120)
)


def booster(name):
    genes = {
        "hist_gradient_boosting": {"max_leaf_nodes": 6},
        "lightgbm": {"num_leaves": 6},
        "xgboost": {"max_depth": 3, "gamma": 0.1},
    }
    one = BOOSTERS[name].make(False, {"learning_rate": 0.3, **genes[name]}, 0)
    return EarlyStoppingRegressor(one, random_state=0)


MODELS = {
    **{name: partial(booster, name) for name in BOOSTERS},
    "svm": SupportVectorRegressor,
    "approximate svm": partial(SupportVectorRegressor, n_components=20, random_state=0),
}


@pytest.mark.parametrize("model", MODELS)
def test_models_do_not_depend_on_the_unit_of_targets(model):
    expected = MODELS[model]().fit(tall, high).score(tall, high)
    assert expected > 0.5
    for name, in_unit in UNITS.items():
        found = MODELS[model]().fit(tall, in_unit(high))
        # Squares of the targets themselves may overflow in a score.
        share = np.abs(in_unit(high)).max()
        found = r2_score(in_unit(high) / share, found.predict(tall) / share)
        assert found == pytest.approx(expected, abs=1e-3), name


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "targets",
    [
        np.arange(120) % 3,
        np.arange(120) % 2 == 0,
        np.full(120, 0.1),
        np.arange(120, dtype="uint8"),
    ],
    ids=["integers", "booleans", "constant", "bytes"],
)
def test_models_take_targets_of_any_numbers(model, targets):
    wide = np.column_stack([targets, tall])
    predicted = MODELS[model]().fit(wide, targets).predict(wide)
    assert predicted.dtype == float
    targets = targets.astype(float)
    assert np.abs(predicted - targets).mean() <= 0.15 * np.ptp(targets)


SEARCHED = {
    "pipelines": EvolvedPipelineRegressor(genome=SVM, **ONE),
    "networks": WEIGHTED["networks that regress"][0],
}


@pytest.mark.parametrize("case", SEARCHED)
def test_searches_do_not_depend_on_the_unit_of_targets(case):
    score, *_ = found(SEARCHED[case], X, y)
    for unit in ("thousandths", "an offset", "huge"):
        other, *_ = found(SEARCHED[case], X, UNITS[unit](y))
        assert other == pytest.approx(score, abs=1e-3), unit


@pytest.mark.parametrize("case", SEARCHED)
def test_constant_targets_are_predicted_in_any_unit(case):
    for value in (7, 0.1, 1e8 + 1, 1e-9):
        _, *predicted = found(SEARCHED[case], X, np.full(60, value))
        np.testing.assert_allclose(predicted, value, rtol=1e-12)


def test_encodings_of_categories_have_no_offset():
    table = np.random.default_rng(0).choice(["a", "b", "c"], (60, 1))
    encoder = _StandardizedTargetEncoder(target_type="continuous", cv=FOLD)
    plain = encoder.fit_transform(table, y)
    for name, in_unit in UNITS.items():
        encoded = encoder.fit_transform(table, in_unit(y))
        np.testing.assert_allclose(encoded, plain, atol=1e-6, err_msg=name)
    assert not encoder.fit_transform(table, np.full(60, 7.3)).any()


@pytest.mark.parametrize(
    ("values", "weights", "mean", "std"),
    [
        ([0, 4], [3, 1], 1, 3**0.5),
        ([0, 4], [0.3 / 7, 0.1 / 7], 1, 3**0.5),
        ([0.1] * 7, None, 0.1, 0),
        ([True, False], None, 0.5, 0.5),
        ([-(10**18), 10**18], None, 0, 1e18),
        ([-1e308, 1e308], None, 0, 1e308),
        ([-3e-323, 3e-323], None, 0, 3e-323),
        ([1e9 - 1, 1e9 + 1], None, 1e9, 1),
        ([[0, 1e200], [2, 1e200]], None, [1, 1e200], [1, 0]),
    ],
)
def test_mean_and_deviation_in_any_unit(values, weights, mean, std):
    found = mean_and_std(np.array(values), weights)
    np.testing.assert_allclose(found, [mean, std], rtol=1e-14)
