"""What the transformers of a pipeline share."""

from typing import Self

from sklearn.base import BaseEstimator, TransformerMixin


class ArrayTransformer(TransformerMixin, BaseEstimator):
    """A transformer whose output no configuration of scikit-learn changes."""

    # scikit-learn looks at this before its global configuration.
    _sklearn_output_config = {"transform": "default"}

    def set_output(self, *, transform: str | None = None) -> Self:
        """Return itself: the output stays as it is."""
        return self
