"""What is wrong with generated samples, by name and number."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sknevo.metrics._reference import Measures, Reference

__all__ = ["Finding", "collapse_score", "diagnose"]

# Measures below such a share of what real samples get are a finding. For 500 samples or
# more, those of perfect generators vary by a few per cent (density most), so that none
# of them comes near; half the modes lost leaves a coverage of 0.5.
ENOUGH = 0.8
# Noise beside the data covers little, too. What has collapsed has samples of quality,
# covers far less than their share, or has samples very close to each other.
FAR_LESS, CLOSE = 0.6, 0.25
# In a mode that is covered in part, samples are closer to each other than real ones,
# and neighbours of what is covered are not covered more often than others are. If
# regions are lost as a whole, few features show the latter, many features the former.
IN_PART = 0.5
# Over-narrow modes bring samples closer to each other than a few lost modes do.
CLOSER = 0.75
# How much is authentic varies more, and of fresh prototypes most; copies have 0.
AUTHENTIC = 0.6


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with generated samples.

    Parameters
    ----------
    name : str
        "mode collapse" (regions of the data are lost), "intra-mode collapse" (every
        region is covered in part only), "over-narrow" (what is generated is less
        various than the data), "poor quality" (much lies beside the data), "off
        target" (mean or covariance is another: `Reference.closeness`) or "memorised"
        (training samples are returned).
    measure : str
        What shows it.
    value : float
        Its value.
    expected : float
        What real samples get.
    """

    name: str
    measure: str
    value: float
    expected: float

    @property
    def severity(self) -> float:
        """How bad, from 0 (as real samples are) to 1 (nothing is left)."""
        share = self.value / self.expected if self.expected else 1.0
        return min(1.0, max(0.0, 1 - share))

    def __str__(self) -> str:
        return f"{self.name}: {self.measure} {self.value:.2f} of {self.expected:.2f}"


def diagnose(
    real: Any,
    generated: Any,
    *,
    training: Any = None,
    n_samples: int = 1000,
    n_neighbors: int = 5,
    random_state: Any = 0,
) -> list[Finding]:
    """Say what is wrong with generated samples, the worst first.

    Parameters
    ----------
    real : array-like of shape (n_real, n_features) or Reference
        Features of real samples; a `Reference` saves preparing them each time, and
        has the parameters below.
    generated : array-like of shape (n_generated, n_features)
        Features of generated samples: half as many as real ones, or `n_samples`.
    training : array-like of shape (n_training, n_features) or None, default=None
        Features of all samples that the generator was trained with; `real` should then
        be others. Without them, memorised samples are not found out.
    n_samples : int, default=1000
        How many samples to compare.
    n_neighbors : int, default=5
        The k of the k nearest neighbours.
    random_state : int, RandomState instance or None, default=0
        Which real samples are compared with.

    Returns
    -------
    list of Finding
        Empty if nothing is wrong. `str` of one says it: "mode collapse: coverage 0.08
        of 0.97".

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.metrics import diagnose
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(1500, 2)) + 9 * rng.integers(2, size=(1500, 1))
    >>> diagnose(X[:1000], X[1000:])
    []
    >>> for finding in diagnose(X[:1000], rng.normal(size=(500, 2))):
    ...     print(finding)
    off target: closeness 0.45 of 1.00
    mode collapse: coverage 0.51 of 0.99
    """
    if not isinstance(real, Reference):
        real = Reference.of(
            real,
            training=training,
            n_samples=n_samples,
            n_neighbors=n_neighbors,
            random_state=random_state,
        )
    found = _findings(real, real.measure(generated))
    return sorted(found, key=lambda finding: -finding.severity)


def _findings(reference: Reference, measures: Measures) -> Iterator[Finding]:
    expected = reference.baseline

    def finding(name: str, measure: str) -> Finding:
        return Finding(name, measure, *_both(measures, expected, measure))

    def share(measure: str) -> float:
        value, usual = _both(measures, expected, measure)
        return value / usual if usual else 1.0

    narrow = (
        share("density") >= ENOUGH
        or share("coverage") < FAR_LESS * share("density")
        or measures.variety < CLOSE
    )
    if share("coverage") < ENOUGH and narrow:
        yield finding(_kind_of_collapse(measures, expected), "coverage")
    elif share("recall") < ENOUGH and narrow:
        closer = measures.variety < CLOSER
        yield finding("over-narrow" if closer else "mode collapse", "recall")
    if share("density") < ENOUGH:
        yield finding("poor quality", "density")
    close = reference.closeness(measures)
    if close < ENOUGH:
        yield Finding("off target", "closeness", close, 1.0)
    if measures.authenticity is not None and share("authenticity") < AUTHENTIC:
        yield finding("memorised", "authenticity")


def _kind_of_collapse(measures: Measures, expected: Measures) -> str:
    least, most = measures.coverage, expected.local_coverage
    halfway = least + IN_PART * (most - least)
    in_part = measures.variety < IN_PART and 0 < measures.local_coverage < halfway
    return "intra-mode collapse" if in_part else "mode collapse"


def _both(measures: Measures, expected: Measures, name: str) -> tuple[float, float]:
    return getattr(measures, name), getattr(expected, name)


def collapse_score(real: Any, generated: Any, **parameters: Any) -> float:
    """How much of the variety of real samples generated ones lack.

    Parameters
    ----------
    real : array-like of shape (n_real, n_features) or Reference
        Features of real samples.
    generated : array-like of shape (n_generated, n_features)
        Features of generated samples.
    **parameters
        Of `Reference.of`, if `real` is none yet.

    Returns
    -------
    float
        From 0 (as various as real samples) to 1 (total collapse): what the mean of
        reach (see `Reference.reach`) and recall lacks of that of real samples. Neither
        asks for quality, so that nobody is taken for collapsed who finds all modes and
        is not precise; recall alone takes noise, which is everywhere, for a good one.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.metrics import collapse_score
    >>> X = np.random.default_rng(0).normal(size=(1500, 2))
    >>> collapse_score(X[:1000], X[1000:]) < 0.1
    True
    >>> collapse_score(X[:1000], np.zeros((500, 2))) > 0.9
    True
    """
    if not isinstance(real, Reference):
        real = Reference.of(real, **parameters)
    kept = real.reach(generated) + real.measure(generated).recall
    return float(np.clip(1 - kept / (1 + real.baseline.recall), 0, 1))
