"""Scalers and feature extractors by the names of their genes."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.cluster import FeatureAgglomeration
from sklearn.decomposition import PCA, FastICA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_selection import SelectKBest, f_classif, f_regression
from sklearn.kernel_approximation import Nystroem
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from sknevo.builders.pipeline._arrays import ArrayTransformer
from sknevo.records import DataSpec

__all__ = ["make_extraction", "make_scaling"]

Step = BaseEstimator | str


def make_scaling(name: str, spec: DataSpec, random_state: int) -> Step:
    """Return the unfitted scaler of this name, or "passthrough" for none.

    Parameters
    ----------
    name : str
        The gene.
    spec : DataSpec
        What the table holds.
    random_state : int
        Seed.

    Returns
    -------
    transformer or "passthrough"
    """
    match name:
        case "none":
            return "passthrough"
        case "quantile":
            # Not more quantiles than rows, and a subsample that does not dominate.
            return QuantileTransformer(
                n_quantiles=max(2, min(200, spec.n_samples // 2)),
                output_distribution="normal",
                subsample=10_000,
                random_state=random_state,
            )
        case _:
            return _SCALERS[name]()


_SCALERS: dict[str, Callable[[], BaseEstimator]] = {
    "standard": StandardScaler,
    "minmax": MinMaxScaler,
    "maxabs": MaxAbsScaler,
    "robust": RobustScaler,
    "power": PowerTransformer,
}


def make_extraction(  # noqa: C901 (a table, not a maze)
    expressed: dict[str, dict[str, Any]], spec: DataSpec, random_state: int
) -> Step:
    """Return the unfitted feature extractor of an expressed choice.

    Parameters
    ----------
    expressed : dict
        ``{name: genes}``.
    spec : DataSpec
        What the table holds.
    random_state : int
        Seed.

    Returns
    -------
    transformer or "passthrough"
    """
    match expressed:
        case {"none": _}:
            return "passthrough"
        case {"pca": genes}:
            return PCA(genes["variance"], whiten=genes["whiten"], svd_solver="full")
        case {"nystroem": genes}:
            return Nystroem(
                gamma=genes["gamma"],
                n_components=min(genes["n_components"], spec.n_samples),
                random_state=random_state,
            )
        case {"select_k_best": genes}:
            score = f_classif if spec.task == "classification" else f_regression
            return FractionSelection(score, genes["fraction"])
        case {"polynomial": genes}:
            return PolynomialFeatures(
                interaction_only=genes["interaction_only"], include_bias=False
            )
        case {"ica": genes}:
            return FastICA(
                genes["n_components"],
                whiten="unit-variance",
                tol=1e-3,
                random_state=random_state,
            )
        case {"lda": _}:
            return LinearDiscriminantAnalysis()
        case {"agglomeration": genes}:
            return FractionAgglomeration(genes["fraction"])
        case _:
            raise ValueError(f"extraction must be a known one; got {expressed!r}.")


class FractionSelection(ArrayTransformer):
    """Keeps the fraction of the features that tells most of the target, one at least.

    Parameters
    ----------
    score : callable, default=f_classif
        Scores each feature, see `SelectKBest`.
    fraction : float, default=0.5
        Number of features to keep in relation to their number.
    """

    def __init__(
        self, score: Callable[..., Any] = f_classif, fraction: float = 0.5
    ) -> None:
        self.score = score
        self.fraction = fraction

    def fit(self, X: np.ndarray, y: Any) -> Self:
        """Score the features.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            Targets.

        Returns
        -------
        self : object
        """
        k = max(1, round(self.fraction * X.shape[1]))
        selection = SelectKBest(self.score, k=k).set_output(transform="default")
        self.selection_ = selection.fit(X, y)
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the best features."""
        return self.selection_.transform(X)


class FractionAgglomeration(ArrayTransformer):
    """Merges like features into a fraction of as many.

    Parameters
    ----------
    fraction : float, default=0.5
        Number of clusters in relation to the number of features.
    """

    def __init__(self, fraction: float = 0.5) -> None:
        self.fraction = fraction

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Cluster the features.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Features.
        y : ignored
            There for the pipeline's sake.

        Returns
        -------
        self : object
        """
        n_clusters = max(1, round(self.fraction * X.shape[1]))
        if X.shape[1] == 1:
            self.agglomeration_ = None
        else:
            agglomeration = FeatureAgglomeration(n_clusters)
            self.agglomeration_ = agglomeration.set_output(transform="default").fit(X)
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the mean feature of each cluster."""
        return X if self.agglomeration_ is None else self.agglomeration_.transform(X)
