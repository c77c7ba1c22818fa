"""Targets, groups, splits and failures of searches: served, or refused with reasons."""

import datetime as dt
import importlib
import re
from decimal import Decimal
from types import SimpleNamespace
from unittest.mock import Mock

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.metrics import make_scorer
from sklearn.model_selection import KFold, LeaveOneOut
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from toys import Failing, Toy

from sknevo import (
    Categorical,
    EvolvedClassifier,
    EvolvedPipelineClassifier,
    EvolvedPipelineRegressor,
    EvolvedSearchCV,
    Genome,
    JournalError,
)
from sknevo.builders import PipelineBuilder
from sknevo.estimators import _base
from sknevo.evaluation import _pools, _workers
from sknevo.genomes.pipeline import pipeline, well_known
from sknevo.records import Candidate, Chromosome, Column, DataSpec, Evaluation
from sknevo.time_budget import TimeBudget

rng = np.random.default_rng(0)
N = 24
CODES = np.arange(N) % 2
LABELS = np.array(["no", "yes"], object)[CODES]
X = np.column_stack([CODES + rng.normal(0, 0.3, N), rng.normal(size=N)])
Y = X[:, 0] + np.sin(X[:, 1])
QUICK = {"population_size": 1, "generations": 1, "cv": 2, "random_state": 0}


def svm(spec):
    """Return the cheapest space of pipelines."""
    return pipeline(spec, models=["svm"])


def classifier(**params):
    return EvolvedPipelineClassifier(genome=svm, **QUICK | params)


def regressor(**params):
    return EvolvedPipelineRegressor(genome=svm, **QUICK | params)


def tree(**params):
    """Search for parameters of a tree."""
    space = {"max_depth": [1, 2, 3, 4, 5, 6, 7, 8]}
    return EvolvedSearchCV(DecisionTreeClassifier(), space, **QUICK | params)


# Missing and strange targets ----------------------------------------------------------


def with_gap(values, gap, dtype=object):
    changed = np.array(values, object)
    changed[[3, 5]] = gap
    return changed if dtype is object else pd.Series(changed, dtype=dtype)


GAPS = {
    "None": with_gap(LABELS, None),
    "NaN": with_gap(LABELS, np.nan),
    "NA": with_gap(LABELS, pd.NA),
    "NaT": with_gap(LABELS, pd.NaT),
    "list": with_gap(LABELS, np.nan).tolist(),
    "string": with_gap(LABELS, None, "string"),
    "category": with_gap(LABELS, None, "category"),
    "Int64": with_gap(CODES, pd.NA, "Int64"),
    "boolean": with_gap(CODES == 1, pd.NA, "boolean"),
    "float": np.where(np.isin(np.arange(N), [3, 5]), np.nan, CODES),
    "column": with_gap(LABELS, None)[:, None],
}
GAP = "must not have missing values; got .+ in 2 of 24 rows: 3, 5. Leave these rows out"


@pytest.mark.parametrize("search", [classifier, tree])
@pytest.mark.parametrize("y", GAPS.values(), ids=GAPS)
def test_missing_labels_are_refused_with_their_rows(y, search):
    with pytest.raises(ValueError, match=f"^y {GAP}"):
        search().fit(X, y)


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA], ids=repr)
def test_missing_targets_of_a_regressor_are_refused_with_their_rows(gap):
    with pytest.raises(ValueError, match=f"^y {GAP}"):
        regressor().fit(X, with_gap(Y, gap))


def test_missing_targets_are_refused_by_score():
    search = classifier().fit(X, LABELS)
    with pytest.raises(ValueError, match=f"^y {GAP}"):
        search.score(X, with_gap(LABELS, None))


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA], ids=repr)
@pytest.mark.parametrize("groups", [np.arange(N) // 4, LABELS], ids=["int", "str"])
def test_missing_groups_are_refused_with_their_rows(groups, gap):
    with pytest.raises(ValueError, match=f"^groups {GAP}"):
        classifier().fit(X, LABELS, groups=with_gap(groups, gap))


STRANGE = {
    "words": (LABELS, "y must hold numbers; got 'no'"),
    "a word": (
        np.array([*Y[1:].astype(str), "none"]),
        "y must hold numbers; got .+none",
    ),
    "dates": (pd.date_range("2026", periods=N), "y must hold numbers; got .+2026"),
    "durations": (pd.timedelta_range("1D", periods=N), "y must hold numbers"),
}


@pytest.mark.parametrize(("y", "message"), STRANGE.values(), ids=STRANGE)
def test_what_is_no_number_is_no_target_of_a_regressor(y, message):
    with pytest.raises(ValueError, match=message):
        regressor().fit(X, y)


@pytest.mark.parametrize("kind", [str, Decimal, object])
def test_numbers_of_any_type_are_targets_of_a_regressor(kind):
    y = np.array(
        [Y[i] if kind is object else kind(str(Y[i])) for i in range(N)], object
    )
    assert regressor().fit(X, y).best_score_ == regressor().fit(X, Y).best_score_


# Labels and what predictions of them are. scikit-learn makes floats of masked types.
TYPES = {
    "Int64": (pd.Series(CODES, dtype="Int64"), int),
    "boolean": (pd.Series(CODES == 1, dtype="boolean"), bool),
    "string": (pd.Series(LABELS, dtype="string"), object),
    "integers of arrow": (pd.Series(CODES, dtype="int64[pyarrow]"), int),
    "booleans of arrow": (pd.Series(CODES == 1, dtype="bool[pyarrow]"), bool),
    "strings of arrow": (pd.Series(LABELS, dtype="string[pyarrow]"), object),
    "categories": (pd.Series(LABELS, dtype="category"), object),
    "numbers as categories": (pd.Series(CODES, dtype="Int64").astype("category"), int),
    "a column": (pd.DataFrame({"y": pd.Series(CODES, dtype="Int64")}), int),
    "integers of polars": (pl.Series(CODES), int),
    "booleans of polars": (pl.Series(CODES == 1), bool),
    "words of polars": (pl.Series(LABELS.tolist()), "<U3"),
    "pyarrow": (pa.array(CODES == 1), bool),
    "words of pyarrow": (pa.chunked_array([LABELS.tolist()]), object),
}


@pytest.fixture(scope="module")
def usual_score():
    return classifier().fit(X, CODES).score(X, CODES)


@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
@pytest.mark.parametrize(("y", "dtype"), TYPES.values(), ids=TYPES)
def test_predictions_have_the_type_of_numpy_for_the_labels(y, dtype, usual_score):
    search = classifier().fit(X, y)
    assert search.classes_.dtype == search.predict(X).dtype == np.dtype(dtype)
    assert search.classes_.tolist() in ([0, 1], ["no", "yes"])
    assert search.score(X, y) == usual_score


SAME = {
    "Float64": lambda values: pd.Series(values, dtype="Float64"),
    "arrow": lambda values: pd.Series(values, dtype="double[pyarrow]"),
    "polars": pl.Series,
    "pyarrow": pa.array,
}


@pytest.mark.parametrize("make", SAME.values(), ids=SAME)
def test_targets_weights_and_groups_are_series_of_any_library(make):
    weights, groups = 1.0 + np.arange(N), np.arange(N) // 4
    search = regressor().fit(X, make(Y), sample_weight=make(weights))
    same = regressor().fit(X, Y, sample_weight=weights)
    assert search.best_score_ == same.best_score_
    search, same = (
        classifier().fit(X, CODES, groups=g) for g in (make(groups), groups)
    )
    assert search.best_score_ == same.best_score_


@pytest.mark.parametrize(
    "codes", [CODES.astype(object), CODES == 1, (CODES == 1).astype(object)]
)
def test_numbers_in_an_array_of_objects_are_labels(codes, usual_score):
    search = classifier().fit(X, codes)
    assert search.score(X, codes) == usual_score
    assert search.predict(X).dtype == np.array(codes.tolist()).dtype


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (
            np.array([1, "1"] * 12, object),
            "y must hold values of one type; got int and s",
        ),
        (
            np.array([dt.date(2026, 1, 1 + c) for c in CODES]),
            "y must hold labels.+date",
        ),
    ],
)
def test_labels_are_of_one_type(y, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, y)


def test_groups_are_of_one_type():
    groups = np.array([1, "a", 2.0] * 8, object)
    with pytest.raises(ValueError, match="groups must hold values of one type; got fl"):
        classifier().fit(X, LABELS, groups=groups)


# Splits of the user's own -------------------------------------------------------------

HALF = np.arange(N) < N // 2
WRONG_SPLITS = {
    "out of bounds": ([0, 1, 500], [2, 3], "index 500 is out of bounds"),
    "nothing to test": (np.arange(N), [], "an empty part"),
    "nothing to train on": ([], np.arange(N), "an empty part"),
    "an empty mask": (~HALF & HALF, HALF, "an empty part"),
    "floats": ([0.0, 1.0], [2.0, 3.0], "integer .or boolean. type"),
    "another length": (HALF, ~HALF[:9], "boolean dimension is 9|boolean axis is 9"),
    "a part of parts": ([[0, 1]], [2, 3], r"a part of shape \(1, 2\)"),
    "one part": (np.arange(N), "not enough values"),
    "three parts": ([0, 1], [2, 3], [4, 5], "too many values"),
}


@pytest.mark.parametrize("case", WRONG_SPLITS)
@pytest.mark.parametrize("weights", [None, np.arange(N)], ids=["equal", "weighted"])
def test_wrong_splits_are_refused_by_their_number(case, weights):
    *split, reason = WRONG_SPLITS[case]
    message = (
        rf"cv must yield pairs .+ row numbers below {N} or .+ split 1: .*({reason})"
    )
    cv = [(HALF, ~HALF), tuple(split)]
    with pytest.raises(ValueError, match=message):
        classifier(cv=cv).fit(X, CODES, sample_weight=weights)


def test_masks_are_row_numbers():
    masks = classifier(cv=[(HALF, ~HALF)]).fit(X, CODES)
    rows = [(np.flatnonzero(HALF), np.flatnonzero(~HALF))]
    assert masks.best_score_ == classifier(cv=rows).fit(X, CODES).best_score_


# Splits on which there can be no score ------------------------------------------------

THREE = np.array(["a", "b", "c"])[np.arange(N) % 3]
RARE = np.array([*LABELS[1:], "c"])
UNDEFINED = {
    "leave-one-out R2": (
        regressor,
        Y,
        LeaveOneOut(),
        None,
        r"r2_score is undefined. R\^2",
    ),
    "leave-one-out AUC": (
        classifier,
        LABELS,
        LeaveOneOut(),
        "roc_auc",
        r"split 0 of 24 \(23 samples to train on, 1 sample without class 'yes' to test "
        r"on\): roc_auc_score is undefined. Only one class is present",
    ),
    "unknown class": (
        tree,
        np.sort(THREE),
        KFold(3),
        "neg_log_loss",
        "16 samples without class 'a' to train on.+log_loss is undefined.+Give anoth",
    ),
    "one class": (
        classifier,
        np.sort(LABELS),
        KFold(2),
        None,
        "learned from one class",
    ),
    "words": (
        tree,
        LABELS,
        2,
        "f1",
        "pos_label=1 is not a valid label.+another scoring",
    ),
    "three classes": (tree, THREE, 2, "roc_auc", "multi_class must be in"),
    "one of several": (tree, LABELS, 2, ["accuracy", "f1"], "pos_label=1"),
    "negative": (
        regressor,
        Y - 9,
        2,
        "neg_mean_squared_log_error",
        "less than or equal",
    ),
    "two samples": (
        regressor,
        Y[:2],
        None,
        None,
        "Give more samples, a cv, or another",
    ),
}


@pytest.mark.parametrize("case", UNDEFINED)
def test_a_score_that_is_undefined_on_a_split_is_refused(case):
    search, y, cv, scoring, reason = UNDEFINED[case]
    refit = "accuracy" if isinstance(scoring, list) else True
    with pytest.raises(ValueError, match=f"^No individual could be scored.+{reason}"):
        search(cv=cv, scoring=scoring, refit=refit).fit(X[: len(y)], y)


@pytest.mark.parametrize(("n", "folds"), [(4, 2), (5, 2), (6, 3), (9, 4), (10, 5)])
def test_by_default_each_test_part_suffices_for_the_score(n, folds):
    assert regressor(cv=None).fit(X[:n], Y[:n]).n_splits_ == folds
    mae = "neg_mean_absolute_error"
    assert regressor(cv=None, scoring=mae).fit(X[:n], Y[:n]).n_splits_ == min(n, 5)


def test_by_default_rare_classes_are_tested_if_the_score_needs_them():
    y = np.repeat(["a", "b", "c"], [11, 10, 3])
    assert classifier(cv=None).fit(X, y).n_splits_ == 5
    assert classifier(cv=None, scoring="roc_auc_ovr").fit(X, y).n_splits_ == 3


@pytest.mark.parametrize("cv", [None, 2])
def test_a_class_that_no_test_part_holds_is_left_out_of_the_roc_auc(cv):
    search = classifier(cv=cv, scoring="roc_auc_ovr")
    with pytest.warns(UserWarning, match="too few samples to be in each: 'c'"):
        search.fit(X, RARE)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert np.isfinite(search.score(X[:-1], RARE[:-1]))


def inverse_error(y, predicted):
    """Return what is infinite for a perfect prediction."""
    return 1 / np.mean((y - predicted) ** 2)


def test_scores_that_may_be_undefined_are_tried():
    space, own = {"constant": [1.0, 2.0]}, make_scorer(inverse_error)
    dummy = DummyRegressor(strategy="constant")
    search = EvolvedSearchCV(dummy, space, scoring=own, **QUICK).fit(X, Y)
    assert search.best_score_ > 0


def test_one_of_several_scores_may_be_undefined():
    search = tree(cv=LeaveOneOut(), scoring=["accuracy", "roc_auc"], refit="accuracy")
    assert np.isnan(search.fit(X, LABELS).cv_results_["mean_test_roc_auc"]).all()


def half_defined(estimator, X, y):
    return float(np.float64(0) / np.float64(0))


def test_a_score_that_is_not_finite_says_where_and_why():
    reason = r"the fitness is nan, since score is nan on split 0 \(invalid value .+\)"
    with pytest.raises(ValueError, match=reason):
        tree(scoring=half_defined).fit(X, LABELS)


@pytest.mark.parametrize("score", [None, "good", "0.5", [1, 2], {}], ids=repr)
def test_a_score_is_a_number(score):
    reason = f"scoring must return a number, or .+; got {re.escape(repr(score))}"
    with pytest.raises((TypeError, ValueError), match=reason):
        tree(scoring=lambda estimator, X, y: score).fit(X, LABELS)


@pytest.mark.parametrize("scoring", ["roc_auc", "neg_log_loss"])
def test_metrics_of_classifiers_are_no_scores_of_regressors(scoring):
    with pytest.raises(ValueError, match=r"_(score|loss) is a metric for classifiers"):
        regressor(scoring=scoring).fit(X, Y)


def test_a_timeout_names_its_parameter():
    slow = EvolvedSearchCV(Toy(act="loop"), {"x": [1.0]}, max_eval_time=0.1, **QUICK)
    with (
        joblib.parallel_config("sequential"),
        pytest.raises(ValueError, match=r"trial is over: max_eval_time=0\.1"),
    ):
        slow.fit(X, LABELS)


def test_a_file_that_is_no_journal_says_how_it_begins(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2")
    with pytest.raises(
        JournalError, match="is no journal of sknevo: it begins with b'a"
    ):
        tree(journal=path).fit(X, LABELS)
    assert path.read_text() == "a,b\n1,2"


# Searches in which all fail -----------------------------------------------------------


def failing(*, share=1.0, causes=1, **params):
    """Search in which a share of the individuals fails, for so many causes."""
    space = Genome(seed=Categorical(list(range(2000))))
    first = {"initial_population": [], "population_size": 10, "generations": 12}
    return EvolvedSearchCV(
        Failing(share=share, causes=causes), space, **QUICK | first | params
    )


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"n_jobs": 2},
        {"resource": "n_samples"},
        {"strategy": "regularized_evolution", "population_size": 3, "generations": 40},
        {"n_jobs": 2, "strategy": "regularized_evolution", "generations": 40},
    ],
    ids=["plain", "threads", "halving", "steady", "steady threads"],
)
def test_a_search_stops_if_the_first_ones_fail_alike(params):
    message = (
        r"none of 30 individuals succeeded \(30 individuals in a row failed for the "
        r"same reason\). The most frequent causes:\n    30 x ValueError: cause a, num"
    )
    with (
        joblib.parallel_config("threading"),  # which start in no time
        pytest.raises(ValueError, match=message),
    ):
        failing(**params).fit(X, LABELS)


def test_individuals_known_to_work_elsewhere_count_more():
    with pytest.raises(ValueError, match=r"none of 21 individuals succeeded \(21 in"):
        failing(initial_population=None).fit(X, LABELS)


def test_a_journal_does_not_change_where_it_stops(tmp_path):
    for generations in (1, 2, 12, 12):  # resumed three times
        search = failing(journal=tmp_path / "run.jsonl", generations=generations)
        message = f"none of {min(30, 10 * generations)} individuals succeeded"
        with pytest.raises(ValueError, match=message):
            search.fit(X, LABELS)


@pytest.mark.parametrize(
    ("share", "causes"), [(0.9, 1), (1.0, 2)], ids=["some work", "two causes"]
)
def test_a_search_goes_on_if_some_work_or_fail_for_other_reasons(share, causes):
    search = failing(share=share, causes=causes)
    if share < 1:
        assert len(search.fit(X, LABELS).cv_results_["status"]) == 120
    else:
        with pytest.raises(ValueError, match="none of 120 individuals succeeded"):
            search.fit(X, LABELS)


def test_verbose_output_has_the_causes(capsys):
    with pytest.raises(ValueError, match="none of 30"):
        failing(verbose=1, causes=1).fit(X, LABELS)
    said = capsys.readouterr().out
    assert "nothing has succeeded yet; 10 failed\n    10 x ValueErr" in said


# Workers ------------------------------------------------------------------------------

DEADLY = """
import multiprocessing, os
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

if multiprocessing.parent_process() is not None:
    os._exit(7)


class Deadly(DecisionTreeClassifier):
    pass
"""


@pytest.mark.slow
def test_workers_that_die_as_they_start_end_the_search(tmp_path, monkeypatch):
    (tmp_path / "deadly_module.py").write_text(DEADLY)
    monkeypatch.syspath_prepend(tmp_path)
    deadly = importlib.import_module("deadly_module")
    monkeypatch.setattr(_workers, "_idle", [])  # those of other tests know no path
    monkeypatch.setattr(_workers, "MAX_DEATHS", 1)
    # The limit needs a worker, and one at a time shows it as well as several.
    space, limit = {"max_depth": [1, 2, 3]}, {"max_eval_time": 60}
    search = EvolvedSearchCV(deadly.Deadly(), space, **QUICK | limit)
    message = r"2 workers in a row ended.+\(exit code 7\)"
    with pytest.raises(RuntimeError, match=message):
        search.fit(X, LABELS)


def test_a_memory_limit_below_what_an_idle_worker_holds_is_refused(monkeypatch):
    monkeypatch.setattr(_workers, "_idle", idle := [])
    with pytest.raises(
        ValueError, match=r"memory_limit=20 \(MB\) must be more than .+:"
    ):
        tree(memory_limit=20).fit(X, LABELS)
    # It has a candidate still, whose result would be that of another search.
    assert not idle


@pytest.mark.parametrize(("first", "n_started"), [(None, 2), ([{}, {}, {}], 3)])
def test_no_more_workers_than_candidates_are_started(first, n_started, monkeypatch):
    monkeypatch.setattr(_pools, "ProcessPool", counting := Mock())
    counting.side_effect = ZeroDivisionError
    params = {"population_size": 2, "initial_population": first}
    with pytest.raises(ZeroDivisionError):
        tree(n_jobs=16, **params).fit(X, LABELS)
    assert counting.call_args.args[1] == n_started


# Time ---------------------------------------------------------------------------------


class FewRowsOfManyClasses:
    """Trials of pipelines on 600 rows of 200 classes."""

    trial_is_refit = False
    n_splits = 3

    def __init__(self, n_samples=400):
        columns = tuple(Column(i, "numeric") for i in range(5))
        self.spec = DataSpec("classification", n_samples, 200, columns)
        self.builder = PipelineBuilder(self.spec)

    def cost(self, candidate):
        return self.builder.cost(candidate.chromosome.expressed)

    def family(self, candidate):
        return self.builder.family(candidate.chromosome.expressed)

    def serves_as_refit(self, candidate):
        return False

    has_refit = serves_as_refit


def test_boosters_of_many_classes_are_not_skipped():
    trials = FewRowsOfManyClasses()
    final_builder = PipelineBuilder(FewRowsOfManyClasses(600).spec)
    # No gene of these is silent, so that expressed genes make a chromosome.
    known = sorted(
        well_known(trials.spec), key=lambda genes: "svm" not in genes["model"]
    )
    first, *others = map(Chromosome, known)
    budget = TimeBudget(max_time=12)
    budget.plan(trials, final_builder)
    times = {"fit_times": (0.1,) * 3, "score_times": (0.02,) * 3}
    budget.observe(Evaluation(first, "ok", 0.8, **times, saved_times=(0.0,) * 3))
    assert {trials.family(Candidate(one)) for one in others} > {"lightgbm", "xgboost"}
    assert all(budget.deadline(Candidate(one)) for one in others)


def test_what_a_trial_took_until_it_was_cut_off_is_learned_from():
    budget = TimeBudget(max_time=20)
    trials = FewRowsOfManyClasses()
    budget.plan(trials)
    booster = Candidate(Chromosome(well_known(trials.spec)[0]))
    times = {"fit_times": (40.0,), "score_times": (0.1,)}
    cut_off = Evaluation(booster.chromosome, "unfinished", **times)
    assert budget.deadline(booster)
    for _ in range(2):
        budget.observe(cut_off)
    assert budget.deadline(booster) is None


# Models whose costs were measured.
MEASURED = {
    "lightgbm": {
        "learning_rate": 0.1,
        "num_leaves": 15,
        "min_child_samples": 20,
        "reg_alpha": 1e-4,
        "reg_lambda": 1.0,
        "subsample": 0.8,
        "colsample_bytree": 0.8,
        "extra_trees": False,
    },
    "xgboost": {
        "learning_rate": 0.08,
        "max_depth": 4,
        "min_child_weight": 1.0,
        "reg_alpha": 1e-4,
        "reg_lambda": 1.0,
        "subsample": 0.8,
        "colsample_bylevel": 0.9,
        "colsample_bynode": 0.9,
    },
    "svm": {"C": 1.0, "approximate": False, "kernel": {"rbf": {"gamma": 1.0}}},
}


@pytest.mark.parametrize(
    ("n_samples", "n_classes", "model", "seconds"),
    # Measured on one core.
    [
        (400, 200, "lightgbm", 1.1),
        (400, 200, "xgboost", 1.3),
        (800, 200, "lightgbm", 2.3),
        (2000, 2, "lightgbm", 0.1),
        (2000, 10, "lightgbm", 0.3),
        (2000, 50, "lightgbm", 2.4),
        (400, 200, "svm", 1.0),
        (1600, 10, "svm", 0.12),
        (1600, 200, "svm", 3.3),
    ],
)
def test_costs_are_right_within_a_factor_of_three(n_samples, n_classes, model, seconds):
    columns = tuple(Column(i, "numeric") for i in range(10))
    spec = DataSpec("classification", n_samples, n_classes, columns)
    genes = {
        "preparation": {"pairs": False},
        "scaling": "standard" if model == "svm" else "none",
        "extraction": {"none": {}},
        "class_weight": None,
        "model": {model: MEASURED[model]},
    }
    assert 1 / 3 < PipelineBuilder(spec).cost(genes) / seconds < 3


# python -OO ---------------------------------------------------------------------------


def test_without_docstrings_a_search_says_which_library_needs_them(monkeypatch):
    monkeypatch.setattr(
        _base, "sys", SimpleNamespace(flags=SimpleNamespace(optimize=2))
    )
    with pytest.raises(RuntimeError, match=r"-OO removes docstrings.+LightGBM and"):
        classifier().fit(X, LABELS)
    with pytest.raises(RuntimeError, match="skorch"):
        EvolvedClassifier().fit(X, CODES)
    assert tree().fit(X, LABELS).best_score_ > 0.5


# Probabilities ------------------------------------------------------------------------


def test_logarithms_of_probabilities():
    search = classifier().fit(X, LABELS)
    log = search.predict_log_proba(X)
    np.testing.assert_allclose(np.exp(log), search.predict_proba(X))
    search = tree().fit(X, LABELS)
    with np.errstate(divide="ignore"):
        log = search.predict_log_proba(X)
    np.testing.assert_allclose(np.exp(log), search.predict_proba(X))
    assert not hasattr(EvolvedSearchCV(LinearSVC(), {"C": [1.0]}), "predict_log_proba")


def test_logarithms_of_probabilities_are_finite():
    search = classifier().fit(X, LABELS)
    search.best_estimator_ = DecisionTreeClassifier().fit(X, LABELS)
    assert np.isfinite(search.predict_log_proba(X)).all()
