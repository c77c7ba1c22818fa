"""Episodes: how well an embedding tells classes apart that few samples stand for."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, column_or_1d

from sknevo.data_checks import check_count

# Classes of an episode, if the user names no number and there are so many; as papers
# most often report.
USUAL_WAYS = 5


def squared_distances(
    Z: np.ndarray, centroids: np.ndarray, distance: str = "euclidean"
) -> np.ndarray:
    """Return the squared distances of embeddings to centroids.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_components)
        Embeddings.
    centroids : ndarray of shape (n_classes, n_components)
        Means of the embeddings of classes.
    distance : {"euclidean", "cosine"}, default="euclidean"
        With "cosine" all are scaled to a length of 1 before.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)

    Examples
    --------
    >>> import numpy as np
    >>> Z, centroids = np.array([[3.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 3.0]])
    >>> squared_distances(Z, centroids).tolist()
    [[4.0, 18.0]]
    >>> squared_distances(Z, centroids, "cosine").tolist()
    [[0.0, 2.0]]
    """
    if distance == "cosine":
        Z, centroids = _unit(Z), _unit(centroids)
    # scikit-learn's functions check their arguments, which takes far longer than this.
    squares = np.square(Z).sum(1)[:, None] + np.square(centroids).sum(1)
    return np.maximum(squares - 2 * Z @ centroids.T, 0.0)


def _unit(Z: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(Z, axis=1, keepdims=True)
    return Z / np.where(lengths > 0, lengths, 1.0)


class EpisodeAccuracy(BaseEstimator):
    """A scorer of embeddings: the mean accuracy of few-shot episodes [1]_.

    An episode draws some classes, and samples of each: a few to adapt to, and others to
    classify, each by the nearest centroid of the former. All estimators that are scored
    on the same samples get the same episodes.

    Parameters
    ----------
    n_way : int or None, default=None
        Number of classes of an episode. None stands for 5, or for all classes if there
        are fewer.
    n_shot : int, default=1
        Number of samples of each class that are adapted to.
    n_queries : int, default=5
        Most samples of each class that are classified; all others if there are fewer.
    n_episodes : int, default=500
        Number of episodes.
    random_state : int, default=0
        Seed that draws the episodes.

    See Also
    --------
    sknevo.EvolvedFewShotClassifier : Evolves embeddings.

    Notes
    -----
    Classes with `n_shot` samples or fewer are not drawn.

    References
    ----------
    .. [1] Vinyals, O., Blundell, C., Lillicrap, T., Kavukcuoglu, K., & Wierstra, D.
       (2016). Matching Networks for One Shot Learning. NeurIPS.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sknevo.metrics import EpisodeAccuracy
    >>> X, y = load_digits(return_X_y=True)
    >>> pca = PCA(16).fit(X[y < 5])
    >>> scores = [EpisodeAccuracy(n_shot=k)(pca, X[y >= 5], y[y >= 5]) for k in (1, 5)]
    >>> [round(score, 1) for score in scores]
    [0.7, 0.9]
    """

    def __init__(
        self,
        n_way: int | None = None,
        n_shot: int = 1,
        *,
        n_queries: int = 5,
        n_episodes: int = 500,
        random_state: int = 0,
    ) -> None:
        self.n_way = n_way
        self.n_shot = n_shot
        self.n_queries = n_queries
        self.n_episodes = n_episodes
        self.random_state = random_state

    def __call__(self, estimator: BaseEstimator, X: Any, y: Any) -> float:
        """Return the mean accuracy of the episodes; `accuracies` takes the same."""
        return float(self.accuracies(estimator, X, y).mean())

    def accuracies(self, estimator: BaseEstimator, X: Any, y: Any) -> np.ndarray:
        """Return the accuracy of each episode.

        Parameters
        ----------
        estimator : estimator
            `transform` returns embeddings of shape (n_samples, n_components). If it has
            a `distance`, "euclidean" or "cosine", that is measured. If its
            `support_views` is above 0, `transform_support` embeds what is adapted to.
        X : array-like of shape (n_samples, ...)
            Samples, best of classes that the estimator was not fitted on.
        y : array-like of shape (n_samples,)
            Their labels.

        Returns
        -------
        ndarray of shape (n_episodes,)

        Raises
        ------
        ValueError
            If there are too few classes or samples, or if a parameter is invalid.
        """
        y = column_or_1d(y)
        check_consistent_length(X, y)
        if reason := self.undefined(y):
            raise ValueError(f"No episode can be drawn: {reason}")
        queries = support = np.asarray(estimator.transform(X))
        if getattr(estimator, "support_views", 0):
            support = np.asarray(estimator.transform_support(X))
        distance = getattr(estimator, "distance", "euclidean")
        if distance == "cosine":
            queries = _unit(queries)
        found = np.empty(self.n_episodes)
        for i, (shots, asked) in enumerate(self.episodes(y)):
            centroids = np.stack([support[rows].mean(axis=0) for rows in shots])
            correct = np.repeat(np.arange(len(asked)), [*map(len, asked)])
            if distance == "cosine":
                centroids = _unit(centroids)
            distances = squared_distances(queries[np.concatenate(asked)], centroids)
            found[i] = np.mean(distances.argmin(axis=1) == correct)
        return found

    def episodes(self, y: Any) -> list[tuple[list[np.ndarray], list[np.ndarray]]]:
        """Return the rows of each episode, class by class.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            Labels.

        Returns
        -------
        list of tuple of (list of ndarray, list of ndarray)
            For each episode the rows that are adapted to, and those that are asked for,
            both with an array for each class.
        """
        rng = np.random.default_rng(self.random_state)
        members = self._members(y)
        n_way = self.n_way or min(USUAL_WAYS, len(members))
        drawn = []
        for _ in range(self.n_episodes):
            chosen = rng.choice(len(members), n_way, replace=False)
            rows = [rng.permutation(members[k]) for k in chosen]
            last = self.n_shot + self.n_queries
            drawn.append(
                (
                    [one[: self.n_shot] for one in rows],
                    [one[self.n_shot : last] for one in rows],
                )
            )
        return drawn

    def undefined(self, y: Any) -> str:
        """Return why no episode can be drawn of these labels, "" if one can.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            Labels.

        Returns
        -------
        str

        Raises
        ------
        ValueError
            If a parameter is invalid.
        """
        for name in ("n_shot", "n_queries", "n_episodes"):
            check_count(name, getattr(self, name))
        if self.n_way is not None:
            check_count("n_way", self.n_way, 2)
        needed, n_found = self.n_way or 2, len(self._members(y))
        if n_found >= needed:
            return ""
        return (
            f"it takes {needed} classes of at least {self.n_shot + 1} samples each "
            f"(n_way={self.n_way}, n_shot={self.n_shot}); there are {n_found}."
        )

    def _members(self, y: Any) -> list[np.ndarray]:
        """Return the rows of each class that has enough of them."""
        _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
        rows = np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])
        return [one for one in rows if len(one) > self.n_shot]
