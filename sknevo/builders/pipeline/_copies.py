"""Copies of training images, a little moved, from which models learn as well."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import has_fit_parameter

from sknevo.builders.pipeline._transformers import ArrayTransformer
from sknevo.image_stream._images import Images


def n_copies(genes: dict[str, Any]) -> int:
    """Return how many copies of an image models learn from.

    Parameters
    ----------
    genes : dict
        The expressed genes of "preparation".
    """
    return genes.get("copies", {}).get("moved", {}).get("n_copies", 0)


class BesideCopies(ArrayTransformer):
    """Features of images; in `fit_transform` those of copies follow in the same row.

    `OnCopies` makes rows of them. Images that are predicted have no copies.

    Parameters
    ----------
    features : transformer of images
        Makes the features. It is fitted to the images alone.
    n_copies : int
        Copies of each image.
    mirrored : bool
        Whether copies are mirrored at random, beside being moved.
    """

    def __init__(self, features: BaseEstimator, n_copies: int, mirrored: bool) -> None:
        self.features = features
        self.n_copies = n_copies
        self.mirrored = mirrored

    def fit(self, X: Images, y: Any = None) -> Self:
        """Fit the features to the images."""
        self.features_ = clone(self.features).set_output(transform="default").fit(X, y)
        self.n_features_in_ = self.features_.n_features_in_
        return self

    def fit_transform(self, X: Images, y: Any = None) -> np.ndarray:
        """Return the features of each image and of its copies, side by side."""
        self.fit(X, y)
        copies = [X.copied(i, self.mirrored) for i in range(1, 1 + self.n_copies)]
        return np.hstack([self.features_.transform(one) for one in (X, *copies)])

    def transform(self, X: Images) -> np.ndarray:
        """Return the features of each image."""
        return self.features_.transform(X)


def _has(name: str) -> Any:
    def check(model: "OnCopies") -> bool:
        fitted = getattr(model, "pipeline_", model.pipeline)
        return hasattr(fitted.steps[-1][1], name)

    return available_if(check)


class OnCopies(BaseEstimator):
    """Fits a pipeline to images and their copies, each of which is a sample.

    Parameters
    ----------
    pipeline : Pipeline
        Steps that take features of images.
    n_copies : int
        How many follow the features of an image in a row of `fit`.
    """

    def __init__(self, pipeline: Pipeline, n_copies: int) -> None:
        self.pipeline = pipeline
        self.n_copies = n_copies

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        sample_weight: np.ndarray | None = None,
        X_val: np.ndarray | None = None,
        y_val: np.ndarray | None = None,
        sample_weight_val: np.ndarray | None = None,
    ) -> Self:
        """Fit the steps; the model may watch held-out images, which have no copies."""
        n_versions = 1 + self.n_copies
        X, y = X.reshape(len(X) * n_versions, -1), np.repeat(y, n_versions)
        self.pipeline_ = clone(self.pipeline).set_output(transform="default")
        *steps, (_, model) = self.pipeline_.steps
        watches = X_val is not None and self.watches_held_out
        for _, step in steps:
            if step != "passthrough":
                X = step.fit_transform(X, y)
                X_val = step.transform(X_val) if watches else None
        params: dict[str, Any] = {}
        if sample_weight is not None:
            params["sample_weight"] = np.repeat(sample_weight, n_versions)
        if watches:
            params |= {"X_val": X_val, "y_val": y_val}
            params["sample_weight_val"] = sample_weight_val
        known = {n: v for n, v in params.items() if has_fit_parameter(model, n)}
        model.fit(X, y, **known)
        self.held_out_ = vars(model).pop("held_out_", {})
        return self

    @property
    def watches_held_out(self) -> bool:
        """Whether the model watches held-out images."""
        return getattr(self.pipeline.steps[-1][1], "watches_held_out", False)

    @property
    def rounds_(self) -> int:
        """The rounds of the model, if it has some."""
        return self.pipeline_.steps[-1][1].rounds_

    @property
    def classes_(self) -> np.ndarray:
        """The labels, if the model is a classifier."""
        return self.pipeline_.steps[-1][1].classes_

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict by the features of images."""
        return self.pipeline_.predict(X)

    @_has("predict_proba")
    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Predict the probability of each class."""
        return self.pipeline_.predict_proba(X)

    @_has("most_probable")
    def most_probable(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the most probable labels, if these are the model's predictions."""
        return self.pipeline_.steps[-1][1].most_probable(probabilities)

    @_has("decision_function")
    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Return the confidence in each class."""
        return self.pipeline_.decision_function(X)

    def __sklearn_tags__(self) -> Tags:
        return get_tags(self.pipeline.steps[-1][1])
