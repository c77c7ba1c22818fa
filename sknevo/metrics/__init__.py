"""How good generated samples are, each way to be bad seen by some measure.

- of features: `frechet_distance`, `kernel_distance`,
  `precision_recall_density_coverage`, `authenticity`,
- where modes are known: `mode_coverage`,
- relative to what real samples get: `Reference`, `diagnose`, `collapse_score`,
- one fitness, as a scikit-learn scorer: `GenerativeScore`.
"""

from sknevo.metrics._diagnosis import Finding, collapse_score, diagnose
from sknevo.metrics._features import StandardFeatures
from sknevo.metrics._frechet import frechet_distance
from sknevo.metrics._kernel import KernelDistance, kernel_distance
from sknevo.metrics._modes import ModeCoverage, mode_coverage
from sknevo.metrics._neighbours import (
    PRDC,
    authenticity,
    precision_recall_density_coverage,
)
from sknevo.metrics._reference import Measures, Reference
from sknevo.metrics._score import GenerativeScore

__all__ = [
    "PRDC",
    "Finding",
    "GenerativeScore",
    "KernelDistance",
    "Measures",
    "ModeCoverage",
    "Reference",
    "StandardFeatures",
    "authenticity",
    "collapse_score",
    "diagnose",
    "frechet_distance",
    "kernel_distance",
    "mode_coverage",
    "precision_recall_density_coverage",
]
