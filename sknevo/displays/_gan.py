"""What pictures of GANs share."""

from typing import Any

from sklearn.utils.validation import check_is_fitted


def gan_of(estimator: Any) -> Any:
    """Return the best GAN of an `EvolvedGAN`, or the GAN itself."""
    check_is_fitted(estimator)
    gan = getattr(estimator, "best_estimator_", estimator)
    if not hasattr(gan, "sample_shape"):
        raise TypeError(f"estimator must be an EvolvedGAN or a GAN; got {estimator!r}.")
    return gan
