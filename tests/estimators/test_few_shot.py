"""Evolved embeddings, as their users meet them."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    StratifiedKFold,
)

import sknevo
from sknevo import EvolvedFewShotClassifier
from sknevo.estimators._samples import Samples
from sknevo.genomes.few_shot import few_shot
from sknevo.metrics import EpisodeAccuracy

ONE = {"population_size": 1, "generations": 1, "random_state": 0}
small_net = partial(few_shot, max_layers=3, max_parameters=10_000, max_epochs=12)
# Letters, of which the first ones are learned from.
N_CLASSES, PER_CLASS, N_BASE = 24, 12, 18


def letters(n_classes=N_CLASSES, per_class=PER_CLASS, side=12):
    """Return images of letters of three strokes, drawn with a shaking hand."""
    rng = np.random.default_rng(5)
    y = np.repeat(np.arange(n_classes), per_class)
    strokes = rng.integers(2, side - 2, (n_classes, 3, 4))
    X = np.zeros((len(y), side, side))
    for image, label in zip(X, y, strict=True):
        for stroke in strokes[label] + rng.integers(-1, 2, (3, 4)):
            top, left, bottom, right = stroke
            for t in np.linspace(0, 1, 2 * side):
                row, column = top + t * (bottom - top), left + t * (right - left)
                image[round(row), round(column)] = 255
    names = np.array([f"letter {label:02}" for label in y])
    return X.astype(np.uint8), names


X, Y = letters()
BASE = np.arange(len(Y)) < N_BASE * PER_CLASS
NEW = ~BASE
SHOTS = np.tile(np.arange(PER_CLASS) < 2, N_CLASSES - N_BASE)


@pytest.fixture(scope="module")
def fitted():
    # Forty epochs at most, of which the first known configuration takes ten.
    genome = partial(small_net, max_epochs=40)
    return EvolvedFewShotClassifier(genome=genome, cv=2, **ONE).fit(X[BASE], Y[BASE])


@pytest.fixture(scope="module")
def adapted(fitted):
    return fitted.adapt(X[NEW][SHOTS], Y[NEW][SHOTS])


def test_it_adapts_to_new_classes(adapted):
    assert adapted.classes_.tolist() == sorted(set(Y[NEW]))
    # Of six classes; a network of 10,000 weights that has seen 18.
    assert adapted.score(X[NEW][~SHOTS], Y[NEW][~SHOTS]) > 0.4


def test_the_estimator_does_not_change_and_predicts_the_base_classes(fitted):
    before = fitted.predict_proba(X)
    other = fitted.adapt(X[NEW][:20], np.arange(20) % 2)
    assert other.classes_.tolist() == [0, 1]
    np.testing.assert_array_equal(fitted.predict_proba(X), before)
    assert fitted.classes_.tolist() == sorted(set(Y[BASE]))
    np.testing.assert_allclose(before.sum(1), 1, rtol=1e-5)
    assert np.mean(fitted.predict(X[BASE]) == Y[BASE]) > 0.7
    assert fitted.best_estimator_.score(X[BASE], Y[BASE]) > 0.7


def test_what_was_adapted_pickles_without_the_search(fitted, adapted):
    text = pickle.dumps(adapted)
    assert b"cv_results_" not in text
    assert b"EvolvedFewShotClassifier" not in text
    again = pickle.loads(text)
    np.testing.assert_array_equal(again.predict(X), adapted.predict(X))
    whole = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(whole.transform(X), fitted.transform(X))


def test_embeddings_have_names_and_the_same_form_for_all_who_ask(fitted, adapted):
    Z = fitted.transform(X)
    assert Z.shape == (len(X), fitted.best_params_["embedding"]["size"])
    names = fitted.get_feature_names_out()
    assert len(names) == Z.shape[1]
    assert names[0] == "evolvedfewshotclassifier0"
    np.testing.assert_array_equal(adapted.transform(X), Z)


def test_a_saved_network_adapts_without_pickle(fitted, tmp_path):
    path = tmp_path / "letters.safetensors"
    fitted.save_network(path)
    net = sknevo.load_network(path, device="cpu")
    np.testing.assert_allclose(net.transform(X), fitted.transform(X), atol=1e-5)
    np.testing.assert_array_equal(net.predict(X), fitted.predict(X))
    mine, theirs = (
        one.adapt(X[NEW][SHOTS], Y[NEW][SHOTS]).predict(X[NEW]) for one in (fitted, net)
    )
    np.testing.assert_array_equal(mine, theirs)
    whole = path.read_bytes()
    for damaged in (
        whole.replace(b'centre\\": [', b'centre\\": [9,'),
        whole.replace(b'centroids\\": [[', b'centroids\\":[[NaN+'),
        whole.replace(b'task\\": \\"few_shot', b'task\\": \\"gan     '),
    ):
        assert damaged != whole
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="is not a network that sknevo"):
            sknevo.load_network(path, device="cpu")


def test_samples_come_in_all_forms(fitted, adapted):
    expected = adapted.predict(X[:6])
    pictures = [Image.fromarray(image) for image in X[:6]]
    forms = (X[:6].reshape(6, -1), [*X[:6]], torch.from_numpy(X[:6]), pictures)
    for form in forms:
        np.testing.assert_array_equal(adapted.predict(form), expected)
        np.testing.assert_array_equal(
            fitted.adapt(form, [0, 1] * 3).centroids_,
            fitted.adapt(X[:6], [0, 1] * 3).centroids_,
        )
    with pytest.raises(ValueError, match="on that scale"):
        adapted.predict(X[:6] / 510)
    with pytest.raises(ValueError, match=r"samples of shape \(12, 12\)"):
        adapted.predict(X[:6, :7])


# Held-out classes --------------------------------------------------------------------


def splits_of(y, cv=None, **split_params):
    """Return the splits that an estimator makes, without a fit."""
    clf = EvolvedFewShotClassifier(cv=cv)
    samples = Samples(np.zeros((len(y), 1)), y, {}, split_params, {}, cv)
    objectives = clf._objectives(EpisodeAccuracy())
    return clf._make_data(samples, 0, partial(clf._undefined, objectives)).splits


@pytest.mark.parametrize(("cv", "n"), [(None, 3), (2, 2), (GroupKFold(3), 3)])
def test_classes_are_held_out_as_wholes(cv, n):
    splits = splits_of(Y, cv)
    assert len(splits) == n
    for train, test in splits:
        assert not set(Y[train]) & set(Y[test])
        assert len(set(Y[test])) >= 2
        assert len(train) + len(test) == len(Y)
    assert len({label for _, test in splits for label in Y[test]}) == N_CLASSES


def test_classes_of_a_group_are_held_out_together():
    alphabet = np.where(np.unique(Y, return_inverse=True)[1] % 2, "odd", "even")
    for train, test in splits_of(Y, groups=alphabet):
        assert len(set(alphabet[train])) == len(set(alphabet[test])) == 1
    parted = np.arange(len(Y)) % 2
    with pytest.raises(ValueError, match="class 'letter 00' is in 2"):
        splits_of(Y, groups=parted)


def test_few_classes_have_fewer_folds():
    assert len(splits_of(np.repeat([1, 2, 3, 4], 5))) == 2
    ((train, test),) = splits_of(Y, GroupShuffleSplit(1, random_state=0))
    assert not set(Y[train]) & set(Y[test])


@pytest.mark.parametrize(
    ("y", "parameters", "message"),
    [
        (np.arange(len(Y)) % 3, {}, "at least 4 classes, two to learn .* got 3"),
        (np.zeros(len(Y)), {}, "at least 2 classes"),
        (np.arange(len(Y)), {}, "2 classes of at least 2 samples each"),
        (Y, {"scoring": EpisodeAccuracy(13)}, "13 classes of at least 2 samples"),
        (Y, {"scoring": EpisodeAccuracy(n_shot=12)}, "of at least 13 samples"),
        (Y, {"scoring": EpisodeAccuracy(n_shot=0)}, "n_shot must be"),
        (Y, {"scoring": "accuracy"}, "'letter .*' was held out.*EpisodeAccuracy"),
        (Y, {"cv": 20}, "2 classes of at least 2 samples each"),
    ],
)
def test_too_few_classes_or_images_are_refused_before_training(y, parameters, message):
    clf = EvolvedFewShotClassifier(genome=small_net, **ONE, **parameters)
    with pytest.raises(ValueError, match=message):
        clf.fit(X, y)


def test_known_classes_may_be_scored_on_held_out_images():
    few = np.isin(Y, ["letter 00", "letter 01", "letter 02"])
    clf = EvolvedFewShotClassifier(
        genome=small_net, scoring="accuracy", cv=StratifiedKFold(2), **ONE
    ).fit(X[few], Y[few])
    assert clf.best_score_ > 0.5
    assert clf.score(X[few], Y[few]) > 0.5


@pytest.mark.parametrize(
    ("samples", "labels", "message"),
    [
        (X[:4], Y[:3], "inconsistent numbers of samples"),
        (X[:4], Y[:4], "at least 2 classes"),
        (X[:4, :5], Y[:4], "samples of shape"),
        (X[:4], None, "requires y"),
    ],
)
def test_what_cannot_be_adapted_to_is_refused(fitted, samples, labels, message):
    with pytest.raises(ValueError, match=message):
        fitted.adapt(samples, labels)


def test_one_image_of_each_class_will_do(fitted):
    first = np.arange(0, NEW.sum(), PER_CLASS)
    one_shot = fitted.adapt(X[NEW][first], Y[NEW][first])
    assert one_shot.predict(X[NEW][first]).tolist() == Y[NEW][first].tolist()


def test_the_score_is_that_of_episodes_of_other_classes(fitted):
    score = fitted.score(X[NEW], Y[NEW])
    assert score == EpisodeAccuracy()(fitted, X[NEW], Y[NEW])
    assert 0.5 < score <= 1
