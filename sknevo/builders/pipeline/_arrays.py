"""Transformers that return arrays, whatever scikit-learn is configured to."""

from typing import Self

from sklearn.base import BaseEstimator, TransformerMixin

__all__ = ["ArrayTransformer"]


class ArrayTransformer(TransformerMixin, BaseEstimator):
    """A transformer inside a pipeline of ours: the next step gets an array."""

    # What scikit-learn asks before its global configuration.
    _sklearn_output_config = {"transform": "default"}

    def set_output(self, *, transform: str | None = None) -> Self:
        """Stay with arrays.

        Parameters
        ----------
        transform : str or None, default=None
            Not used.

        Returns
        -------
        self : object
        """
        return self
