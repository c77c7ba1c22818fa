"""Episodes: what is drawn, and what is measured."""

import numpy as np
import pytest
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import FunctionTransformer

from sknevo.metrics import EpisodeAccuracy
from sknevo.metrics._episodes import squared_distances

RNG = np.random.default_rng(0)
Y = np.repeat(list("abcdefg"), [9, 9, 9, 9, 9, 3, 1])
X = (
    RNG.normal(size=(len(Y), 3))
    + 2 * RNG.normal(size=(7, 3))[np.unique(Y, return_inverse=True)[1]]
)


class Identity(FunctionTransformer):
    """Embeds a sample as it is."""

    distance = "euclidean"


def test_an_episode_has_classes_and_samples_as_asked_for():
    draw = EpisodeAccuracy(4, 2, n_queries=3, n_episodes=50)
    for shots, asked in draw.episodes(Y):
        labels = [
            set(Y[np.concatenate(pair)]) for pair in zip(shots, asked, strict=True)
        ]
        assert all(len(one) == 1 for one in labels)
        assert len(set().union(*labels)) == len(shots) == 4
        assert "g" not in set().union(*labels)
        rows = np.concatenate([*shots, *asked])
        assert len(set(rows)) == len(rows)
        assert {len(one) for one in shots} == {2}
        sizes = {
            label.pop(): len(one) for label, one in zip(labels, asked, strict=True)
        }
        assert all(n == (1 if label == "f" else 3) for label, n in sizes.items())


def test_all_estimators_get_the_same_episodes_and_another_seed_others():
    def rows(seed):
        episodes = EpisodeAccuracy(3, n_episodes=4, random_state=seed).episodes(Y)
        return [np.concatenate([*a, *b]).tolist() for a, b in episodes]

    assert rows(0) == rows(0) != rows(1)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_accuracies_are_those_of_the_nearest_centroid(distance):
    score = EpisodeAccuracy(3, 2, n_episodes=20)
    estimator = Identity()
    estimator.distance = distance
    Z = X / np.linalg.norm(X, axis=1, keepdims=True) if distance == "cosine" else X
    expected = []
    for shots, asked in score.episodes(Y):
        support, queries = np.concatenate(shots), np.concatenate(asked)
        if distance == "euclidean":
            model = NearestCentroid().fit(Z[support], Y[support])
            right = model.predict(Z[queries]) == Y[queries]
        else:
            means = np.stack([X[rows].mean(0) for rows in shots])
            similar = Z[queries] @ (means.T / np.linalg.norm(means, axis=1))
            right = similar.argmax(1) == np.repeat(range(3), [*map(len, asked)])
        expected.append(np.mean(right))
    np.testing.assert_allclose(score.accuracies(estimator, X, Y), expected)
    assert score(estimator, X, Y) == pytest.approx(np.mean(expected))


def test_what_is_adapted_to_may_have_an_embedding_of_its_own():
    class Blind(Identity):
        support_views = 4

        def transform_support(self, X):
            return np.zeros_like(X)

    assert EpisodeAccuracy(5)(Blind(), X, Y) == pytest.approx(0.2, abs=0.02)


def test_zeros_have_no_direction():
    Z = np.array([[0.0, 0.0], [1.0, 0.0]])
    assert np.isfinite(squared_distances(Z, Z, "cosine")).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_way": 7}, "7 classes of at least 2 samples .* there are 6"),
        ({"n_shot": 9}, "2 classes of at least 10 samples .* there are 0"),
        ({"n_way": 1}, "n_way must be a whole number of at least 2; got 1"),
        ({"n_shot": 0}, "n_shot must be"),
        ({"n_episodes": 1.5}, "n_episodes must be"),
        ({"n_queries": -1}, "n_queries must be"),
    ],
)
def test_what_cannot_be_drawn_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        EpisodeAccuracy(**parameters)(Identity(), X, Y)
