"""How much predictions depend on each column of a table."""

from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils._param_validation import Interval, StrOptions, validate_params
from sklearn.utils.validation import check_is_fitted

from sknevo.builders.pipeline._columns import are_texts, as_table
from sknevo.estimators._results import after_refit
from sknevo.frames import as_pandas

if TYPE_CHECKING:
    import pandas as pd

# What `feature_importance` takes; X and y are checked as in `score`.
COUNT = Interval(Integral, 1, None, closed="left")
OPTIONS = {
    "of": [StrOptions({"ensemble", "best"})],
    "n_repeats": [COUNT],
    "max_samples": [COUNT, Interval(Real, 0, 1, closed="right")],
    "n_jobs": [Integral, None],
    "random_state": ["random_state"],
}


class FeatureImportanceMixin:
    """The importance of the columns of a table."""

    @after_refit
    @validate_params(OPTIONS, prefer_skip_nested_validation=True)
    def feature_importance(
        self,
        X: Any,
        y: Any = None,
        *,
        of: str = "ensemble",
        n_repeats: int = 5,
        max_samples: int | float = 1.0,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> "pd.DataFrame":
        """Return how much the fitness falls if the values of a column are shuffled.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows that were not in `fit`: on others, columns that were learned by heart
            seem important. Texts, one for each row, are the column 0. A sparse matrix,
            images, a path and a Dask DataFrame are refused.
        y : array-like of shape (n_samples,) or None, default=None
            Targets. None if the task needs none.
        of : {"ensemble", "best"}, default="ensemble"
            What predicts: the ensemble, if there is one, or the best individual.
        n_repeats : int, default=5
            How often each column is shuffled.
        max_samples : int or float, default=1.0
            Number, or share, of the rows that are drawn for each time.
        n_jobs : int or None, default=None
            Number of columns that are shuffled at a time, as in joblib.
        random_state : int, RandomState or None, default=None
            Seed of the shuffles.

        Returns
        -------
        DataFrame of shape (n_features, 3)
            `feature` (the name of a column, or its position in an array), `mean` and
            `std` of the fall of the fitness over the repeats. The most important column
            comes first.

        Raises
        ------
        TypeError
            If X is not a dense table in memory.
        ValueError
            If an option is not valid, or X is not a table as in `fit`.
        NotFittedError
            If the estimator is not fitted.

        Notes
        -----
        Of columns that say the same, each seems unimportant, since the other one
        stands in for it.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.model_selection import train_test_split
        >>> from sklearn.tree import DecisionTreeClassifier
        >>> from sknevo import EvolvedSearchCV
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> X, X_new, y, y_new = train_test_split(X, y, random_state=0)
        >>> search = EvolvedSearchCV(DecisionTreeClassifier(random_state=0),
        ...                          {"max_depth": [2, 3]}, population_size=2,
        ...                          generations=1, random_state=0).fit(X, y)
        >>> search.feature_importance(X_new, y_new, random_state=0)["feature"][0]
        'petal width (cm)'
        """
        check_is_fitted(self, "best_estimator_")
        # Imported here: it takes longer than all that a search needs of scikit-learn.
        import pandas as pd
        from sklearn.inspection import permutation_importance

        X = _dense_table(X)
        found = permutation_importance(
            self,
            X,
            y,
            scoring=partial(_score, of=of),
            n_repeats=n_repeats,
            max_samples=max_samples,
            n_jobs=n_jobs,
            random_state=random_state,
        )
        table = pd.DataFrame(
            {
                "feature": [*getattr(X, "columns", range(X.shape[1]))],
                "mean": found.importances_mean,
                "std": found.importances_std,
            }
        )
        return table.sort_values("mean", ascending=False, ignore_index=True)


def _score(search: Any, X: Any, y: Any, of: str) -> float:
    """Return the fitness of the ensemble, or of the best individual alone."""
    if of == "ensemble":
        return search.score(X, y)
    y = None if y is None else search._plain_y(y)
    return search._scored(search.best_estimator_, search._validate_X(X), y, {})


def _dense_table(X: Any) -> Any:
    """Return a DataFrame of pandas, or an array of two dimensions."""
    if issparse(X) or isinstance(X, str | bytes) or hasattr(X, "__dask_graph__"):
        raise TypeError(
            "X must be a dense table in memory, a DataFrame or an array; got "
            f"{type(X).__name__}."
        )
    X = as_table(X) if are_texts(X) else as_pandas(X)
    X = X if hasattr(X, "shape") else np.asarray(X)
    if len(X.shape) != 2:
        raise ValueError(
            f"X must be a table of shape (n_samples, n_features); got {X.shape}."
        )
    return X
