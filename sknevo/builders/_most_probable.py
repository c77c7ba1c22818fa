"""Classifiers whose prediction is the most probable label."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin


class MostProbableMixin(ClassifierMixin):
    """Predicts by the probabilities that a subclass returns for its `classes_`."""

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self.most_probable(self.predict_proba(X))

    def most_probable(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the most probable label of each sample, given all probabilities.

        Probabilities that are known need not be predicted again for the labels.

        Parameters
        ----------
        probabilities : ndarray of shape (n_samples, n_classes)
            Of the labels in `classes_`.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self.classes_[probabilities.argmax(axis=1)]
