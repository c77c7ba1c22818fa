"""What pictures of GANs share."""

from typing import Any

from sklearn.utils.validation import check_is_fitted

from sknevo.displays._shared import NoPictureError


def gan_of(estimator: Any) -> Any:
    """Return the best GAN of an `EvolvedGAN`, or the GAN itself.

    Other evolved estimators, and one without a refit, have no such picture.
    """
    check_is_fitted(estimator)
    gan = getattr(estimator, "best_estimator_", estimator)
    if not hasattr(gan, "sample_shape"):
        # An evolved estimator may have other pictures.
        error = NoPictureError if hasattr(estimator, "cv_results_") else TypeError
        kind = type(estimator).__name__
        raise error(f"estimator must be an EvolvedGAN or a GAN; got {kind}.")
    return gan
