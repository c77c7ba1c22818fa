"""Evolved networks as their users meet them."""

import pickle
import re
import time
from contextlib import suppress
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from skorch import NeuralNetClassifier

import sknevo
from sknevo import CooperativeCoevolution, EvolvedClassifier
from sknevo.builders.convnet import ConvNetBuilder
from sknevo.builders.networks._modules import Network
from sknevo.builders.networks._serialization import VERSION
from sknevo.datasets import make_insects
from sknevo.displays import NetworkDisplay
from sknevo.evaluation._memory import release_memory
from sknevo.genomes.convnet import convnet
from sknevo.network_plan import network_plan

SMALL = {"population_size": 3, "generations": 2, "max_epochs": 4, "random_state": 0}
ONE = {**SMALL, "population_size": 1, "generations": 1}
small_net = partial(convnet, max_layers=2, max_parameters=5_000, max_epochs=3)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(n_class=4, return_X_y=True)
    names = np.array(["zero", "one", "two", "three"])
    return X.reshape(-1, 8, 8).astype(np.uint8), names[y]


@pytest.fixture(scope="module")
def few(digits):
    X, y = digits
    return X[:200], y[:200]


@pytest.fixture(scope="module")
def fitted(digits):
    return EvolvedClassifier(**SMALL).fit(*digits)


def test_digits_are_learned(digits, fitted):
    X, y = digits
    assert isinstance(fitted.best_estimator_, NeuralNetClassifier)
    assert fitted.score(X, y) > 0.95
    assert fitted.classes_.tolist() == ["one", "three", "two", "zero"]
    assert set(fitted.predict(X)) == set(y)
    probabilities = fitted.predict_proba(X[:5])
    assert probabilities.shape == (5, 4)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (fitted.best_estimator_.predict(X) == y).mean() > 0.9


def test_a_label_without_weight_is_as_if_it_were_not_there(few):
    X, y = few
    one = {**ONE, "max_epochs": 1}
    clf = EvolvedClassifier(**one).fit(X, y, sample_weight=1.0 * (y != "two"))
    assert clf.classes_.tolist() == ["one", "three", "zero"]
    assert clf.predict_proba(X).shape == (len(X), 3)


def test_silent_genes_are_marked(fitted):
    text = fitted.best_chromosome_.listing()
    assert "optimizer" in text
    assert "(silent)" in text
    genes = fitted.best_chromosome_.genes["optimizer"]
    assert {"adam", "sgd"} < set(genes)  # all kinds lie in the chromosome
    chosen = genes["choice"]
    assert fitted.best_params_["optimizer"] == {chosen: genes[chosen]}
    for kind in genes.keys() - {"choice"}:
        line = re.search(rf"^  {kind}\b.*$", text, re.MULTILINE)[0]
        assert line.endswith("(silent)") == (kind != chosen)


def test_results_do_not_depend_on_workers(digits, fitted):
    other = EvolvedClassifier(**SMALL, n_jobs=2).fit(*digits)
    for name in ("key", "mean_test_score"):
        np.testing.assert_array_equal(
            other.cv_results_[name], fitted.cv_results_[name], err_msg=name
        )
    X = digits[0]
    np.testing.assert_allclose(
        other.predict_proba(X), fitted.predict_proba(X), atol=1e-4
    )


def test_results_do_not_depend_on_whether_samples_are_kept(few, monkeypatch):
    """On a GPU they are."""
    small = {**ONE, "genome": small_net}
    scores = []
    for kept in (False, True):
        monkeypatch.setattr(ConvNetBuilder, "keeps_samples", kept)
        clf = EvolvedClassifier(**small).fit(*few)
        scores.append(clf.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(*scores)


def test_it_pickles_without_its_data(digits, fitted):
    X, _ = digits
    text = pickle.dumps(fitted)
    again = pickle.loads(text)
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    assert len(pickle.dumps(fitted.best_estimator_)) < 3_000_000


@pytest.mark.parametrize("layout", ["channels first", "channels last", "rows"])
def test_images_come_in_any_layout(layout):
    insects = make_insects(24, image_size=16, random_state=0)
    X, y = insects.images, insects.target
    image_shape = None
    if layout == "channels first":
        X = np.moveaxis(X, -1, 1)
    if layout == "rows":
        X, image_shape = insects.data, (16, 16, 3)
    clf = EvolvedClassifier(
        genome=small_net,
        population_size=2,
        generations=1,
        image_shape=image_shape,
        cv=2,
        random_state=0,
    ).fit(X, y)
    assert "blocks" in clf.best_params_
    assert clf.predict(X).shape == (24,)


def test_images_and_rows_of_them_are_the_same(few):
    X, y = few
    clf = EvolvedClassifier(**ONE).fit(X, y)
    rows = X.reshape(len(X), -1)
    np.testing.assert_array_equal(clf.predict(rows), clf.predict(X))
    clf.set_params(image_shape=(8, 8)).fit(rows, y)
    np.testing.assert_array_equal(clf.predict(rows), clf.predict(X))
    assert clf.n_features_in_ == 64


def test_rows_of_features_evolve_dense_networks():
    X, y = load_digits(n_class=3, return_X_y=True)
    clf = EvolvedClassifier(**SMALL).fit(X, y)
    assert "blocks" not in clf.best_params_
    assert clf.score(X, y) > 0.95


def test_limits_hold_and_known_individuals_come_along(few):
    X, y = few
    clf = EvolvedClassifier(
        genome=small_net, population_size=6, generations=2, random_state=0
    ).fit(X, y)
    for params in clf.cv_results_["params"]:
        assert network_plan(params, (1, 8, 8), 4).size.parameters <= 5_000
        assert len(params["blocks"]) + len(params["dense"]) <= 2
        assert params["training"]["epochs"] <= 3
    assert "known" in clf.cv_results_["origin"]


def test_any_scoring_and_any_cv(digits):
    X, y = digits
    clf = EvolvedClassifier(
        **ONE,
        scoring=["precision_macro", "recall_macro", "f1_macro"],
        refit="f1_macro",
        cv=StratifiedKFold(2),
    ).fit(X, y)
    assert clf.n_splits_ == 2
    assert {"mean_test_precision_macro", "split1_test_recall_macro"} <= set(
        clf.cv_results_
    )
    assert clf.score(X, y) == f1_score(y, clf.predict(X), average="macro")


def test_it_is_tuned_and_validated_like_any_estimator(few):
    X, y = few
    fast = EvolvedClassifier(
        genome=partial(small_net, max_epochs=1),
        population_size=1,
        generations=1,
        random_state=0,
    )
    pipe = make_pipeline(FunctionTransformer(lambda X: 16 - X), fast)
    assert len(cross_val_score(pipe, X, y, cv=2)) == 2
    grid = GridSearchCV(fast, {"precision": ["float32", "bfloat16"]}, cv=2).fit(X, y)
    assert grid.best_estimator_.predict(X[:3]).shape == (3,)


def test_networks_that_learn_nothing_are_pruned():
    rng = np.random.default_rng(0)
    X = np.zeros((900, 6, 6), np.uint8)
    X[0] = 1
    y = rng.integers(0, 3, 900)
    clf = EvolvedClassifier(
        initial_population=[{"training": {"batch_size": 16, "epochs": 8}}],
        population_size=1,
        generations=1,
        max_epochs=8,
        random_state=0,
    )
    with pytest.raises(ValueError, match=r"1 x still at chance level after \d of"):
        clf.fit(X, y)


@pytest.mark.slow
def test_max_time_is_kept(digits):
    X, y = digits
    # Short enough that two candidates end in time on a busy machine, too.
    clf = EvolvedClassifier(max_time=5, generations=None, max_epochs=3, random_state=0)
    begin = time.time()
    clf.fit(X, y)
    assert time.time() - begin < 10
    assert "max_time=5 s" in clf.stop_reason_
    assert clf.n_evaluations_ > 1


def test_a_full_device_gives_the_status_memory(few, monkeypatch):
    def greedy(network, X, forward=Network.forward):
        if not len(network.dense):
            return forward(network, X)
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Network, "forward", greedy)
    first = [{"blocks": [{}], "dense": layers} for layers in ([], [{}])]
    clf = EvolvedClassifier(
        genome=partial(small_net, max_epochs=1),
        initial_population=first,
        population_size=2,
        generations=1,
        cv=2,
        random_state=0,
    ).fit(*few)
    assert clf.cv_results_["status"].tolist() == ["ok", "memory"]
    assert clf.cv_results_["error"][1] == "MemoryError: CUDA out of memory"


def test_a_worker_gives_back_what_it_does_not_use_of_a_gpu(monkeypatch):
    given_back = []
    monkeypatch.setattr("torch.cuda.empty_cache", lambda: given_back.append(True))
    for has_used_it in (False, True):
        monkeypatch.setattr("torch.cuda.is_initialized", lambda now=has_used_it: now)
        release_memory()
        assert given_back == [True] * has_used_it


# Races and parts -----------------------------------------------------------------


def test_it_races_over_epochs(few):
    clf = EvolvedClassifier(
        genome=partial(small_net, max_epochs=9),
        resource="epochs",
        population_size=6,
        generations=1,
        cv=2,
        random_state=0,
    ).fit(*few)
    results = clf.cv_results_
    assert set(results["resource"]) == {3, np.inf}
    wanted = [params["training"]["epochs"] for params in results["params"]]
    assert max(wanted) > 3  # what it was given is less than its genes say
    best = clf.best_index_  # the winner had all that its genes say
    assert results["resource"][best] == np.inf or wanted[best] <= 3
    assert [rung.resource for rung in clf.rungs_] == [3, None]
    assert clf.best_estimator_.max_epochs == clf.best_params_["training"]["epochs"]


@pytest.mark.slow
def test_augmentation_evolves_apart_towards_a_weighted_sum(few):
    weights = {"accuracy": 1, "n_parameters": 1e-6}
    clf = EvolvedClassifier(
        genome=small_net,
        strategy=CooperativeCoevolution(parts=["augmentation"]),
        scoring=list(weights),
        refit=weights,
        ensemble_size=None,  # a cost is no matter of predictions
        population_size=6,
        generations=5,  # a species of a quarter of the genes is bred, luck or not
        cv=2,
        random_state=0,
    ).fit(*few)
    results = clf.cv_results_
    species = {origin.partition(" in ")[2] for origin in results["origin"]}
    assert {"augmentation", "the rest"} <= species
    fitness = sum(w * results[f"mean_test_{n}"] for n, w in weights.items())
    assert clf.best_index_ == np.nanargmax(fitness)
    assert clf.best_score_ == pytest.approx(fitness[clf.best_index_])


# Without pickle ------------------------------------------------------------------


def test_a_network_is_saved_and_loaded_without_pickle(digits, fitted, tmp_path):
    X, _ = digits
    path = tmp_path / "digits.safetensors"
    fitted.save_network(path)
    net = sknevo.load_network(path, device="cpu")
    best = fitted.best_estimator_
    np.testing.assert_array_equal(net.predict(X), best.predict(X))
    np.testing.assert_allclose(net.predict_proba(X), best.predict_proba(X), atol=1e-6)
    assert b"pickle" not in path.read_bytes()


def test_files_that_are_no_networks_are_refused(fitted, tmp_path):
    path = tmp_path / "digits.safetensors"
    with pytest.raises(FileNotFoundError):
        sknevo.load_network(path)
    fitted.save_network(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    of_now, before = (f'\\"version\\": {n}'.encode() for n in (VERSION, VERSION - 1))
    version = whole.replace(of_now, before)
    channels = whole.replace(b"channels", b"chinnels")
    for content in (b"", b"no network", whole[:-40], version, channels):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is not a network that sknevo"):
            sknevo.load_network(path, device="cpu")
    for _ in range(30):  # whatever is wrong in the head, there is one kind of error
        damaged = bytearray(whole)
        damaged[rng.integers(8, 400)] = rng.integers(256)
        path.write_bytes(damaged)
        with suppress(ValueError):
            sknevo.load_network(path, device="cpu")


# What is refused -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "shape", "message"),
    [
        ({"image_shape": (3, 3)}, (6, 10), "image_shape must be"),
        ({"image_shape": (10,)}, (6, 10), "image_shape must be"),
        ({"image_shape": (4, 4, 3)}, (6, 3, 4, 4), "image_shape must be"),
        ({"image_shape": 8}, (6, 64), "'image_shape' parameter"),
        ({"max_epochs": 0}, (6, 4), "'max_epochs' parameter"),
        ({"precision": "float16"}, (6, 4), "'precision' parameter"),
        ({"device": 0}, (6, 4), "'device' parameter"),
        ({}, (6, 2, 2, 2, 2), "X must be of shape"),
    ],
)
def test_what_does_not_fit_is_refused(parameters, shape, message):
    X, y = np.zeros(shape), np.arange(6) % 2
    with pytest.raises(ValueError, match=message):
        EvolvedClassifier(**parameters).fit(X, y)


def test_other_images_than_in_fit_are_refused(fitted):
    with pytest.raises(ValueError, match=r"samples of shape \(8, 8\), as in fit"):
        fitted.predict(np.zeros((2, 8, 9), np.uint8))


def test_images_of_another_layout_are_refused():
    X = np.random.default_rng(0).integers(0, 256, (20, 6, 5, 3)).astype(np.uint8)
    clf = EvolvedClassifier(**ONE).fit(X, np.arange(20) % 2)
    for axes in ((0, 3, 1, 2), (0, 2, 1, 3)):
        with pytest.raises(ValueError, match=r"of shape \(6, 5, 3\), as in fit; got"):
            clf.predict(X.transpose(axes))
    rows = clf.predict_proba(X.reshape(20, -1))
    np.testing.assert_allclose(rows, clf.predict_proba(X), atol=1e-6)


def test_a_side_of_one_pixel_makes_no_other_image(fitted, few):
    X = few[0][:5]
    for same in (X[:, None], X[..., None]):
        np.testing.assert_array_equal(fitted.predict(same), fitted.predict(X))


def test_rows_far_from_0_keep_their_digits():
    rng = np.random.default_rng(0)
    moments = 1.7e9 + rng.uniform(0, 60, 200)  # float32 knows every 128th second
    X = np.column_stack([moments, np.full(200, 0.1)])
    y = moments > np.median(moments)
    clf = EvolvedClassifier(**{**ONE, "max_epochs": 30}).fit(X, y)
    assert clf.score(X, y) > 0.9


def test_a_device_that_is_not_there_is_told():
    X, y = np.random.default_rng(0).random((20, 4)), np.arange(20) % 2
    with pytest.warns(UserWarning, match="device='cuda:99' is not available"):
        EvolvedClassifier(**ONE, device="cuda:99").fit(X, y)


def test_networks_may_begin_with_pretrained_layers(random_resnet):
    X = np.random.default_rng(0).integers(0, 256, (24, 32, 32, 3)).astype(np.uint8)
    y = np.array(["dark", "bright"])[np.arange(24) % 2]
    X[y == "dark"] //= 2
    genome = partial(convnet, pretrained={"test_resnet": random_resnet}, max_epochs=2)
    own = {"population_size": 2, "generations": 1, "cv": 2, "random_state": 0}
    clf = EvolvedClassifier(genome=genome, **own).fit(X, y)
    assert all(
        "pretrained test_resnet" in words for words in clf.leaderboard()["model"]
    )
    first = clf.best_params_["stem"]["test_resnet"]
    assert (first["rate"], clf.best_params_["blocks"]) == (0.0, [])
    again = pickle.loads(pickle.dumps(clf.best_estimator_))
    np.testing.assert_array_equal(again.predict(X), clf.best_estimator_.predict(X))
    assert set(clf.predict(X)) <= set(y)
    shown = NetworkDisplay.from_estimator(clf)
    assert shown.layers_[0] == "test_resnet, pretrained, at 128 pixels, frozen"
