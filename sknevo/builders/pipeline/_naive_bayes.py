"""Naive Bayes for counts, or what is like them, such as TF-IDF."""

from sklearn.naive_bayes import ComplementNB, MultinomialNB


def make_naive_bayes(alpha: float, complement: bool) -> ComplementNB | MultinomialNB:
    """Return the unfitted model, which is scikit-learn's own."""
    return (ComplementNB if complement else MultinomialNB)(alpha=alpha)


def naive_bayes_seconds(n_rows: int, width: float, density: float) -> float:
    """Return roughly how long a fit takes on one core."""
    return 0.01 + 3e-8 * n_rows * width * density
