"""Pictures of embeddings and of an episode."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from sknevo import EvolvedFewShotClassifier
from sknevo.displays import (
    EmbeddingDisplay,
    EpisodeDisplay,
    NetworkDisplay,
    NoPictureError,
)
from sknevo.displays._shared import GREEN, VERMILLION


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (48, 8, 8), dtype=np.uint8), np.repeat(range(8), 6)


@pytest.fixture(scope="module")
def few_shot(images):
    clf = EvolvedFewShotClassifier(
        population_size=1, generations=1, max_epochs=1, cv=2, random_state=0
    )
    return clf.fit(*images)


def test_embeddings_lie_where_their_greatest_variance_is(few_shot, images):
    X, y = images
    shown = EmbeddingDisplay.from_estimator(few_shot, X, y)
    assert len(shown.lines_) == 8
    assert [line.get_label() for line in shown.lines_] == [*map(str, range(8))]
    Z = PCA(2, svd_solver="full").fit_transform(few_shot.transform(X))
    drawn = np.concatenate([line.get_xydata() for line in shown.lines_])
    np.testing.assert_allclose(np.abs(drawn), np.abs(Z), atol=1e-4)
    assert {text.get_text() for text in shown.ax_.texts} == {*map(str, range(8))}
    assert shown.ax_.get_title(loc="right").endswith("of the variance")


def test_embeddings_need_no_labels_and_no_network():
    X = np.random.default_rng(0).normal(size=(9, 3))
    shown = EmbeddingDisplay.from_estimator(PCA(1).fit(X), X)
    assert len(shown.lines_[0].get_xdata()) == 9
    with pytest.raises(ValueError, match="at least 2 samples; got 1"):
        EmbeddingDisplay.from_estimator(PCA(1).fit(X), X[:1])


def test_an_episode_shows_what_was_right_and_what_was_taken_for_it(few_shot, images):
    X, y = images
    shown = EpisodeDisplay.from_estimator(few_shot, X, y, n_way=4, n_shot=2)
    assert shown.predicted.shape == (4, 4)
    assert len(shown.frames_) == 16
    right = shown.predicted == np.asarray(shown.labels)[:, None]
    colors = [frame.get_edgecolor() for frame in shown.frames_]
    assert len(set(colors)) == len({GREEN, VERMILLION})
    assert colors.count(colors[int(right.ravel().argmax())]) == right.sum()
    wrong = [str(one) for one in shown.predicted[~right]]
    assert [text.get_text() for text in shown.ax_.texts] == wrong
    assert shown.accuracy_ == right.mean()
    labels = [tick.get_text() for tick in shown.ax_.get_yticklabels()]
    assert labels == [*map(str, shown.labels)]
    for row, label in enumerate(shown.labels):
        rows = shown.images.reshape(4, 6, 8, 8)[row]
        assert all((X[y == label] == image).all((1, 2)).any() for image in rows)


def test_an_episode_that_cannot_be_drawn_is_refused(few_shot, images, network):
    X, y = images
    with pytest.raises(ValueError, match="9 classes of at least 2 samples"):
        EpisodeDisplay.from_estimator(few_shot, X, y, n_way=9)
    with pytest.raises(NoPictureError, match="EvolvedFewShotClassifier"):
        EpisodeDisplay.from_estimator(network, X, y)


def test_the_network_ends_with_the_embedding(few_shot):
    shown = NetworkDisplay.from_estimator(few_shot)
    size = few_shot.best_params_["embedding"]["size"]
    assert shown.layers_[-1].startswith(f"linear, {size} units")
    texts = " ".join(text.get_text() for text in shown.ax_.texts)
    assert "loss cross entropy" in texts
    assert "{" not in texts
