"""Scalers and feature extractors by the names of their genes' values."""

import math
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, clone
from sklearn.cluster import FeatureAgglomeration
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, FastICA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.feature_selection import SelectKBest, f_classif, f_regression
from sklearn.kernel_approximation import Nystroem
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    normalize,
)

from sknevo.builders.pipeline._transformers import ArrayTransformer
from sknevo.data_checks import random_rows
from sknevo.records import DataSpec

Step = BaseEstimator | str

# Pieces of a column, and columns that all pieces together may become. 16 pieces and 8
# were as good with linear models, 16 better with MLPs (16 tables of 400 rows).
PIECES, MOST_COLUMNS = 16, 1000
# Seconds for each value of a fit and a transform; 1e-8 for others. Measured on 800 rows
# of 4,000 columns, and 200 of "power".
VALUE_SECONDS = {
    "none": 0.0,
    "power": 5e-6,
    "quantile": 8e-7,
    "piecewise": 2e-7,
    "robust": 1e-7,
    "squashing": 1e-7,
}
# Quantiles are those of so many random rows at most: of more, sorting takes seconds.
# Chosen, not measured.
MOST_ROWS = 200_000
# A column of no more values has no pieces. Chosen, not measured.
FEW_VALUES = 4

_SCALERS: dict[str, Callable[[], BaseEstimator]] = {
    "standard": StandardScaler,
    "minmax": MinMaxScaler,
    "maxabs": MaxAbsScaler,
    "tfidf": lambda: Tfidf(),
    "robust": RobustScaler,
    "power": PowerTransformer,
    "squashing": lambda: SquashingScaler(),
    "piecewise": lambda: PiecewiseScaler(),
}


def make_scaling(name: str, spec: DataSpec, random_state: int) -> Step:
    """Return the unfitted scaler of this name, or "passthrough" for none."""
    if name == "none":
        return "passthrough"
    if name == "quantile":
        # At most a quantile for every second row, and a subsample that costs little
        # beside the model.
        return QuantileTransformer(
            n_quantiles=max(2, min(200, spec.n_samples // 2)),
            output_distribution="normal",
            subsample=10_000,
            random_state=random_state,
        )
    return _SCALERS[name]()


def beside_categories(scaling: Step, n_categorical: int) -> ColumnTransformer:
    """Return a scaler of all but the first columns; these get one for each category.

    Its output is sparse. Unseen categories are zeros.
    """
    encoder = OneHotEncoder(handle_unknown="ignore")
    return ColumnTransformer(
        [("categories", encoder, slice(n_categorical))],
        remainder=scaling,
        sparse_threshold=1.0,
    )


def scaled_width(name: str, width: float) -> float:
    """Return roughly how many columns a scaler makes of so many."""
    return width * (1 + n_pieces(width)) if name == "piecewise" else width


def scaling_seconds(name: str, n_rows: int, width: float) -> float:
    """Return roughly how long a scaler takes on one core to fit and transform."""
    return VALUE_SECONDS.get(name, 1e-8) * n_rows * width


def extraction_seconds(
    expressed: dict[str, dict[str, Any]], n_rows: int, width: float
) -> float:
    """Return roughly how long components take on one core; others take little."""
    n = n_components(expressed) or 0
    # Fitted to seconds of 100 and 200 components of 1,300 rows and 10,000 columns.
    return 1.2e-9 * (n_rows + width) * n**2


def n_components(expressed: dict[str, dict[str, Any]]) -> int | None:
    """Return how many components an extraction makes at most, if it says so."""
    match expressed:
        case {"svd": {"n_components": n}} | {"pca": {"n_components": n}}:
            return n
    return None


def n_pieces(width: float) -> int:
    """Return in how many pieces each of so many columns is cut; 0 are too many."""
    return min(PIECES, int(MOST_COLUMNS / max(1.0, width)))


def make_extraction(  # noqa: C901 (one case for each extractor)
    expressed: dict[str, dict[str, Any]], spec: DataSpec, random_state: int
) -> Step:
    """Return the unfitted extractor of `{name: genes}`, or "passthrough" for none."""
    match expressed:
        case {"none": _}:
            return "passthrough"
        case {"pca": {"n_components": n, "whiten": whiten}}:
            return Principal(n, whiten, random_state)
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
            return Fraction(SelectKBest(score), "k", genes["fraction"])
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
        case {"svd": genes}:
            return Components(genes["n_components"], random_state)
        case {"agglomeration": genes}:
            return Fraction(FeatureAgglomeration(), "n_clusters", genes["fraction"])
        case _:
            raise ValueError(f"extraction must be a known one; got {expressed!r}.")


class SquashingScaler(OneToOneFeatureMixin, ArrayTransformer):
    """Scales columns robustly and bends values far from the median towards a bound.

    The median becomes 0, the distance between the quartiles 1, and no value leaves
    [-3, 3]. A column most of whose values are equal is divided by half its range
    instead. The same as in RealMLP [1]_ and skrub.

    References
    ----------
    .. [1] Holzmüller, D., Grinsztajn, L., & Steinwart, I. (2024). Better by default:
       strong pre-tuned MLPs and boosted trees on tabular data. NeurIPS.
    """

    bound = 3.0

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Learn the median and the scale of each column."""
        self.n_features_in_ = X.shape[1]
        sample = X if len(X) <= MOST_ROWS else X[random_rows(len(X), MOST_ROWS)]
        low, median, high = np.nanquantile(sample, [0.25, 0.5, 0.75], axis=0)
        half = (np.fmax.reduce(X, axis=0) - np.fmin.reduce(X, axis=0)) / 2
        scale = np.where(high > low, high - low, half)
        # Single precision stays what it is.
        self.median_ = median.astype(X.dtype)
        self.scale_ = np.where(scale > 0, scale, 1.0).astype(X.dtype)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the scaled and bent values."""
        scaled = X - self.median_
        # In place: there may be millions of rows.
        scaled /= self.scale_
        bent = scaled / self.bound
        scaled /= np.hypot(1, bent, out=bent)
        return scaled


class Tfidf(ArrayTransformer, TfidfTransformer):
    """Divides columns by how frequent they are, and rows by their length."""


class PiecewiseScaler(ArrayTransformer):
    """Squashes columns, and adds how far each of their pieces is filled.

    A column is cut at its quantiles. A piece is -0.5 for values below it, 0.5 for those
    above and linear in between [1]_: what is linear in these features is piecewise
    linear in the column. Columns of few values have no pieces.

    References
    ----------
    .. [1] Gorishniy, Y., Rubachev, I., & Babenko, A. (2022). On embeddings for
       numerical features in tabular deep learning. NeurIPS.
    """

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Learn the scale and the pieces of each column."""
        self.n_features_in_ = X.shape[1]
        self.squashing_ = SquashingScaler().fit(X)
        shares = np.linspace(0, 1, n_pieces(X.shape[1]) + 1)
        cuts = {i: np.unique(np.quantile(column, shares)) for i, column in _varied(X)}
        places = [np.full(len(c) - 1, i) for i, c in cuts.items()]
        none = np.empty(0)
        self.places_ = np.concatenate([none, *places]).astype(int)
        self.starts_ = np.concatenate([none, *(c[:-1] for c in cuts.values())])
        self.lengths_ = np.concatenate([none, *map(np.diff, cuts.values())])
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the squashed columns and the pieces."""
        filled = X[:, self.places_] - self.starts_
        # In place: there may be a thousand columns of many rows.
        filled /= self.lengths_
        np.clip(filled, 0, 1, out=filled)
        filled -= 0.5
        return np.hstack([self.squashing_.transform(X), filled])


def _varied(X: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the columns of many values, with their places."""
    for i, column in enumerate(X.T):
        if len(np.unique(column)) > FEW_VALUES:
            yield i, column


class Components(ArrayTransformer):
    """Makes few dense columns of a sparse table: its principal components, not centred.

    Rows get the same length, so that the mean square of all values is 1: documents are
    of any length. If the table has no more columns, these become dense as they are.
    After it the log-loss of an MLP was 0.69, 0.50 and 0.14 on three tables, 0.71, 0.53
    and 0.18 with a common factor alone, and 0.71, 0.50 and 0.14 if each component is
    standardised, too.

    Parameters
    ----------
    n_components : int
        Number of components, no more than there are rows.
    random_state : int
        Seed of the decomposition.
    """

    def __init__(self, n_components: int, random_state: int) -> None:
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: csr_matrix, y: Any = None) -> Self:
        """Learn the components."""
        self.fit_transform(X)
        return self

    def fit_transform(self, X: csr_matrix, y: Any = None) -> np.ndarray:
        """Learn and return the components."""
        self.n_features_in_ = X.shape[1]
        n = min(self.n_components, X.shape[0])
        self.svd_ = None
        if n >= X.shape[1]:
            return X.toarray()
        self.svd_ = TruncatedSVD(n, random_state=self.random_state)
        self.svd_.set_output(transform="default")
        return self._scaled(self.svd_.fit_transform(X))

    def transform(self, X: csr_matrix) -> np.ndarray:
        """Return the components."""
        if self.svd_ is None:
            return X.toarray()
        return self._scaled(self.svd_.transform(X))

    def _scaled(self, components: np.ndarray) -> np.ndarray:
        return math.sqrt(components.shape[1]) * normalize(components)


class Principal(ArrayTransformer):
    """Makes few columns of many: principal components, no more than there are.

    Parameters
    ----------
    n_components : int
        Number of components.
    whiten : bool
        Whether all get the same variance.
    random_state : int
        Seed of the decomposition.
    """

    def __init__(self, n_components: int, whiten: bool, random_state: int) -> None:
        self.n_components = n_components
        self.whiten = whiten
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Learn the components."""
        self.n_features_in_ = X.shape[1]
        n = min(self.n_components, *X.shape)
        self.pca_ = PCA(n, whiten=self.whiten, random_state=self.random_state)
        self.pca_.set_output(transform="default").fit(X)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the components."""
        return self.pca_.transform(X)


class Fraction(ArrayTransformer):
    """Selects or merges features until a fraction of them is left, at least one.

    Parameters
    ----------
    reducer : transformer
        Makes a given number of features of at least two.
    size : str
        The reducer's parameter for that number.
    fraction : float
        Features to keep, in relation to their number.
    """

    def __init__(self, reducer: BaseEstimator, size: str, fraction: float) -> None:
        self.reducer = reducer
        self.size = size
        self.fraction = fraction

    def fit(self, X: np.ndarray, y: Any) -> Self:
        """Fit the reducer, unless there is only one feature."""
        self.n_features_in_ = X.shape[1]
        self.reducer_ = None
        if X.shape[1] > 1:
            n_features = max(1, round(self.fraction * X.shape[1]))
            reducer = clone(self.reducer).set_params(**{self.size: n_features})
            self.reducer_ = reducer.set_output(transform="default").fit(X, y)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the features that are left."""
        return X if self.reducer_ is None else self.reducer_.transform(X)
