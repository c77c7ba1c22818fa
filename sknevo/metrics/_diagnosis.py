"""What is wrong with generated samples, by name and number."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sknevo.metrics._classifiers import Detector
from sknevo.metrics._features import feature_rows
from sknevo.metrics._reference import Measures, ReferenceSet, compared

# All thresholds were chosen on the emulated generators of the ring and of MNIST that
# benchmarks/emulated_generators.py prints; tests/metrics/test_diagnosis.py holds them.

# A measure below such a share of that of real samples is a finding. Of perfect
# generators (500 samples, 10 seeds) coverage, density and recall stay above 0.98 and
# closeness above 0.94; a generator of half the modes has a coverage of 0.5.
ENOUGH = 0.8
# Noise has low coverage, too. A collapsed generator differs: its density is high, or
# its coverage is below such a share of its density, or its variety below the other.
FAR_LESS, CLOSE = 0.6, 0.25
# Collapse is within the modes if variety is below this and local coverage lies less
# than this share of the way from coverage to that of real samples. (Where regions are
# lost as a whole, few features show high local coverage and many show high variety.)
IN_PART = 0.5
# Lost recall comes from over-narrow modes if variety is below this, else from lost
# modes: these bring samples less close to each other.
CLOSER = 0.75
# Authenticity varies more: perfect generators stay above 0.84 of real samples, fresh
# samples of few prototypes vary most, copies have 0.
AUTHENTIC = 0.6
# What is found if a measure is below such a share of that of real samples.
TOLD = "told apart"
BELOW = {
    "poor quality": ("density", ENOUGH),
    TOLD: ("indistinguishability", ENOUGH),
    "little use": ("utility", ENOUGH),
    "memorised": ("authenticity", AUTHENTIC),
}
# What a classifier sees is told by so many columns at most, and by no more than are
# needed for such a share of what its splits gain. Chosen, not measured.
MOST_NAMED, NAMED_SHARE = 3, 0.5


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with generated samples.

    Parameters
    ----------
    name : str
        "mode collapse" (regions of the data are lost), "intra-mode collapse" (every
        region is covered, but only in part), "over-narrow" (generated samples are less
        various than the data), "poor quality" (many samples lie beside the data), "off
        target" (mean or covariance differ, see `ReferenceSet.closeness`), "told apart"
        (a classifier tells generated from real samples), "little use" (a model that
        learns labels or values from generated samples predicts real ones badly) or
        "memorised" (training samples are returned).
    measure : str
        Name of the measure that shows the fault.
    value : float
        Its value.
    expected : float
        Its value for other real samples.
    detail : str, default=""
        What else is known, as a sentence without its full stop.

    Examples
    --------
    >>> from sknevo.metrics import Finding
    >>> finding = Finding("mode collapse", "coverage", 0.25, 1.0)
    >>> print(finding, finding.severity)
    mode collapse: coverage 0.25 of 1.00 0.75
    """

    name: str
    measure: str
    value: float
    expected: float
    detail: str = ""

    @property
    def severity(self) -> float:
        """How bad it is, from 0 (as real samples) to 1 (the value is 0)."""
        share = self.value / self.expected if self.expected else 1.0
        return min(1.0, max(0.0, 1 - share))

    def __str__(self) -> str:
        text = f"{self.name}: {self.measure} {self.value:.2f} of {self.expected:.2f}"
        return f"{text} ({self.detail})" if self.detail else text


def diagnose(
    real: Any,
    generated: Any,
    *,
    training: Any = None,
    n_targets: int = 0,
    columns: Sequence[Any] | None = None,
    n_samples: int = 1000,
    n_neighbors: int = 5,
    random_state: Any = 0,
) -> list[Finding]:
    """Name what is wrong with generated samples, the worst first.

    Parameters
    ----------
    real : array-like of shape (n_real, n_features) or ReferenceSet
        Features of real samples. With a `ReferenceSet`, which can be used for several
        calls, the parameters below have no effect.
    generated : array-like of shape (n_generated, n_features)
        Features of generated samples: at least half as many as real ones, or
        `n_samples`.
    training : array-like of shape (n_training, n_features) or None, default=None
        Features of all samples that the generator was trained with; `real` should then
        be other samples. Without them, memorised samples are not found.
    n_targets : int, default=0
        Number of last columns that hold what samples are made for: a column for each
        label (1 for samples that have it, else 0), or a column of values. Without them,
        it is not found that samples are of little use.
    columns : sequence or None, default=None
        Names of the features. None stands for those of `real` if it is a DataFrame,
        else for numbers from 0.
    n_samples : int, default=1000
        Number of samples to compare.
    n_neighbors : int, default=5
        The k of the k nearest neighbours.
    random_state : int, RandomState instance or None, default=0
        Draws the real samples for the comparison.

    Returns
    -------
    list of Finding
        Empty if nothing is wrong. `str` of a finding is, for example, "told apart:
        indistinguishability 0.41 of 0.98 (a classifier tells them apart by column 3)".

    Raises
    ------
    ValueError
        If a parameter is out of its range, if there are too few samples, or if features
        are no tables of finite numbers of one width.

    See Also
    --------
    collapse_score : Sums up lost variety in one number.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.metrics import diagnose
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(1500, 2)) + 9 * rng.integers(2, size=(1500, 1))
    >>> diagnose(X[:1000], X[1000:])
    []
    >>> findings = diagnose(X[:1000], rng.normal(size=(1000, 2)))
    >>> [finding.name for finding in findings]
    ['off target', 'told apart', 'mode collapse']
    >>> print(findings[-1])
    mode collapse: coverage 0.51 of 0.99
    """
    if columns is None:
        columns = getattr(real, "columns", None)
    if not isinstance(real, ReferenceSet):
        real = ReferenceSet.of(
            real,
            training=training,
            n_targets=n_targets,
            n_samples=n_samples,
            n_neighbors=n_neighbors,
            random_state=random_state,
        )
    found = [
        _told_by(finding, real, generated, columns) if finding.name == TOLD else finding
        for finding in _findings(real, real.measure(generated))
    ]
    return sorted(found, key=lambda finding: -finding.severity)


def _findings(reference: ReferenceSet, measures: Measures) -> Iterator[Finding]:
    expected = reference.baseline

    def finding(name: str, measure: str) -> Finding:
        value, usual = (getattr(of, measure) for of in (measures, expected))
        return Finding(name, measure, value, usual)

    def share(measure: str) -> float:
        return reference.share(measures, measure)

    # Not so of noise, which covers little, too.
    collapsed = (
        share("density") >= ENOUGH
        or share("coverage") < FAR_LESS * share("density")
        or measures.variety < CLOSE
    )
    if share("coverage") < ENOUGH and collapsed:
        yield finding(_kind_of_collapse(measures, expected), "coverage")
    elif share("recall") < ENOUGH and collapsed:
        closer = measures.variety < CLOSER
        yield finding("over-narrow" if closer else "mode collapse", "recall")
    close = reference.closeness(measures)
    if close < ENOUGH:
        yield Finding("off target", "closeness", close, 1.0)
    for name, (measure, enough) in BELOW.items():
        if getattr(measures, measure) is not None and share(measure) < enough:
            yield finding(name, measure)


def _told_by(
    finding: Finding,
    reference: ReferenceSet,
    generated: Any,
    columns: Sequence[Any] | None,
) -> Finding:
    """Say by which columns a classifier tells generated samples from real ones."""
    (detector,) = (one for one in reference.pooled if isinstance(one, Detector))
    gains = detector.detect(feature_rows(generated, "generated")).gains
    names = [*range(len(gains))] if columns is None else list(columns)
    if len(names) != len(gains):
        raise ValueError(
            f"columns must name all {len(gains)} features; got {len(names)} names."
        )
    order = np.argsort(-gains, kind="stable")
    before = np.cumsum(gains[order]) - gains[order]
    told = [names[i] for i in order[(before < NAMED_SHARE) & (gains[order] > 0)]]
    said = " and ".join(f"column {name}" for name in told[:MOST_NAMED])
    return replace(finding, detail=f"a classifier tells them apart by {said}")


def _kind_of_collapse(measures: Measures, expected: Measures) -> str:
    least, most = measures.coverage, expected.local_coverage
    halfway = least + IN_PART * (most - least)
    in_part = measures.variety < IN_PART and 0 < measures.local_coverage < halfway
    return "intra-mode collapse" if in_part else "mode collapse"


def collapse_score(real: Any, generated: Any, **parameters: Any) -> float:
    """Measure how much of the variety of real samples generated ones lack.

    The score is 1 - kept / expected. `kept` is wide coverage (see
    `ReferenceSet.wide_coverage`) plus recall; `expected` is that of real samples.
    Neither term depends on quality much, so an imprecise generator of all modes does
    not count as collapsed. (Recall alone is high for noise, which is everywhere.)

    Parameters
    ----------
    real : array-like of shape (n_real, n_features) or ReferenceSet
        Features of real samples.
    generated : array-like of shape (n_generated, n_features)
        Features of generated samples.
    **parameters
        Parameters of `ReferenceSet.of`, unless `real` is a reference set.

    Returns
    -------
    float
        From 0 (as various as real samples) to 1 (total collapse).

    Raises
    ------
    ValueError
        As `diagnose`.

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
    if not isinstance(real, ReferenceSet):
        real = ReferenceSet.of(real, **parameters)
    kept = real.wide_coverage(generated) + compared(real, generated).recall
    return float(np.clip(1 - kept / (1 + real.baseline.recall), 0, 1))
