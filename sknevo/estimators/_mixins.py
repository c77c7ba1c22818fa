"""What evolved classifiers, regressors and wrappers of estimators share.

Each mixin stands before `BaseEvolved` in the bases of an estimator.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from copy import deepcopy
from functools import wraps
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import ClassifierTags, RegressorTags, Tags, column_or_1d, get_tags
from sklearn.utils._repr_html.estimator import _VisualBlock
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import assert_all_finite

from sknevo.data_checks import explained, first_word
from sknevo.estimators._results import Method, after_refit, check_refit


class EvolvedClassifierMixin:
    """Labels, probabilities and tags of an evolved classifier.

    It is not a ClassifierMixin: the `score` of that ignores `scoring`.
    """

    _default_scoring: ClassVar[Any] = "accuracy"

    def _check_y(self, y: Any) -> np.ndarray:
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        if type_of_target(y) == "unknown":
            raise ValueError(
                "y must hold labels: strings, numbers or booleans; got "
                f"{type(y[0]).__name__}."
            )
        check_classification_targets(y)
        labels = np.unique(y)
        if len(labels) < 2:
            raise ValueError(
                f"y must hold at least 2 classes; got 1 class: {labels.tolist()}."
            )
        return y

    def _undefined(
        self, objectives: Any, y_train: Any, y_test: Any, may_lack_classes: bool
    ) -> str:
        if len(labels := np.unique(y_train)) < 2:
            return f"nothing can be learned from one class, {labels.tolist()}."
        return super()._undefined(objectives, y_train, y_test, may_lack_classes)

    def _learn(self, X: Any, y: np.ndarray) -> None:
        super()._learn(X, y)
        self.classes_ = np.unique(y)

    @after_refit
    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or images
            Samples, laid out as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities in [0, 1], in the order of `classes_`.
        """
        return self._ask("predict_proba", X)

    @after_refit
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or images
            Samples, laid out as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Logarithms, in the order of `classes_`. They are finite: that of a
            probability of 0 is -708.
        """
        return _logarithm(self.predict_proba(X))

    @after_refit
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the confidence in each class.

        This is the logarithm of the ensemble's probabilities (with two classes, of
        their ratio). Without an ensemble it is the decision function of the best
        individual, or the logarithm of its probabilities if it has none.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or images
            Samples, laid out as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            With two classes, one value per sample; above 0, ``classes_[1]`` is the more
            probable one. `predict` may have another threshold, see there.
        """
        if hasattr(self._best, "decision_function"):
            return self._ask("decision_function", X)
        log = self.predict_log_proba(X)
        return log[:, 1] - log[:, 0] if log.shape[1] == 2 else log

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "classifier"
        tags.classifier_tags = ClassifierTags()
        return tags


def _logarithm(probabilities: np.ndarray) -> np.ndarray:
    """Return logarithms, of which none is minus infinity."""
    return np.log(np.maximum(probabilities, np.finfo(float).tiny))


class EvolvedRegressorMixin:
    """Targets and tags of an evolved regressor.

    It is not a RegressorMixin: the `score` of that ignores `scoring`.
    """

    _default_scoring: ClassVar[Any] = "r2"
    # What predicts labels of the same data.
    _classifier: ClassVar[str]

    def _check_y(self, y: Any) -> np.ndarray:
        y = column_or_1d(y, warn=True)
        if y.dtype.kind not in "biuf":
            y = as_numbers(y, self._classifier)
        assert_all_finite(y, input_name="y")
        return y

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "regressor"
        tags.regressor_tags = RegressorTags()
        return tags


def as_numbers(y: np.ndarray, classifier: str) -> np.ndarray:
    """Return targets as floats; refuse others, and say what predicts labels."""
    if y.dtype.kind not in "mM":  # numpy makes numbers of dates
        with suppress(TypeError, ValueError):
            return y.astype(float)
    word = first_word(y.ravel())
    value = y.ravel()[0] if word is None else word[1]
    raise ValueError(
        f"y must hold numbers; got {value!r}. {classifier} predicts labels."
    )


def _has(name: str) -> Callable[["DelegatingMixin"], bool]:
    """Return a check, for available_if, of whether the estimator has an attribute."""

    def check(search: "DelegatingMixin") -> bool:
        check_refit(search)
        # Where it has not, this raises the AttributeError that available_if expects.
        getattr(getattr(search, "best_estimator_", search.estimator), name)
        return True

    return check


def delegated(method: Method) -> Method:
    """Pass X on to the method of this name of `best_estimator_`, where it has one.

    What is decorated gives the name, the signature and the documentation.
    """

    @wraps(method)
    def ask(self: "DelegatingMixin", X: Any) -> Any:
        with self._explained(X):
            return getattr(self._best, method.__name__)(self._validate_X(X))

    return available_if(_has(method.__name__))(ask)


class DelegatingMixin:
    """Methods and attributes that an evolved estimator has if `best_estimator_` has."""

    @delegated
    def predict(self, X: Any) -> np.ndarray:
        """Predict with the best individual.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples, as the estimator takes them.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        raise NotImplementedError  # `delegated` answers

    @delegated
    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probability of each class, in the order of `classes_`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples, as the estimator takes them.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        raise NotImplementedError  # `delegated` answers

    @delegated
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Predict the logarithm of each probability, in the order of `classes_`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples, as the estimator takes them.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        raise NotImplementedError  # `delegated` answers

    @delegated
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the confidence in each class, or how normal each sample is.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples, as the estimator takes them.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        raise NotImplementedError  # `delegated` answers

    @delegated
    def score_samples(self, X: Any) -> np.ndarray:
        """Return how likely or how normal each sample is.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples, as the estimator takes them.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        raise NotImplementedError  # `delegated` answers

    @delegated
    def transform(self, X: Any) -> Any:
        """Transform with the best individual.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples, as the estimator takes them.

        Returns
        -------
        array-like of shape (n_samples, n_features_out)
        """
        raise NotImplementedError  # `delegated` answers

    @delegated
    def inverse_transform(self, X: Any) -> Any:
        """Undo the transformation of the best individual.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features_out)
            Samples, as the estimator takes them.

        Returns
        -------
        array-like of shape (n_samples, n_features)
        """
        raise NotImplementedError  # `delegated` answers

    @available_if(_has("transform"))
    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Evolve individuals on the data and transform the data with the best.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples, as the estimator takes them.
        y : array-like of shape (n_samples,) or None, default=None
            Targets, if the estimator needs them.
        **params : dict
            As those of `fit`.

        Returns
        -------
        array-like of shape (n_samples, n_features_out)
        """
        return self.fit(X, y, **params).transform(X)

    @property
    def classes_(self) -> np.ndarray:
        """The labels, if the estimator is a classifier."""
        _has("classes_")(self)
        return self.best_estimator_.classes_

    @property
    def n_features_in_(self) -> int:
        """Number of columns, if the estimator counts them."""
        return self._seen("n_features_in_")

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the columns, if the estimator remembers them."""
        return self._seen("feature_names_in_")

    def _explained(self, X: Any) -> AbstractContextManager[None]:
        """Note on errors of the best individual what it cannot read in X."""
        best = getattr(self, "best_estimator_", None)
        return explained(X, getattr(best, "feature_names_in_", None))

    def _seen(self, attribute: str) -> Any:
        if not hasattr(self, "best_estimator_"):
            raise AttributeError(
                f"{type(self).__name__} has no {attribute} before it is fitted."
            )
        return getattr(self.best_estimator_, attribute)

    def __sklearn_tags__(self) -> Tags:
        # A copy, since estimators may hand out the tags that they keep.
        tags = deepcopy(get_tags(self.estimator))
        tags.requires_fit = True
        tags.array_api_support = False
        return tags

    def _sk_visual_block_(self) -> _VisualBlock:
        if hasattr(self, "best_estimator_"):
            return super()._sk_visual_block_()
        inner = self.estimator
        return _VisualBlock(
            "parallel",
            [inner],
            names=[f"estimator: {type(inner).__name__}"],
            name_details=[str(inner)],
        )
