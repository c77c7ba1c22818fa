"""What the transformers of a pipeline share."""

from typing import Any, Self

from sklearn.base import BaseEstimator, TransformerMixin


class ArrayTransformer(TransformerMixin, BaseEstimator):
    """A transformer with an output that no configuration of scikit-learn changes."""

    # scikit-learn looks at this before its global configuration.
    _sklearn_output_config = {"transform": "default"}

    def set_output(self, *, transform: str | None = None) -> Self:
        """Return itself: the output stays as it is."""
        return self


class Stateless(ArrayTransformer):
    """A transformer that learns nothing but the number of columns."""

    def fit(self, X: Any, y: Any = None) -> Self:
        self.n_features_in_ = X.shape[1]
        return self
