"""How good generated samples are, each way to be bad seen by some measure.

- of features: `frechet_distance`, `kernel_distance`,
  `precision_recall_density_coverage`, `authenticity`,
- where modes are known: `mode_coverage`,
- of images: `peak_signal_noise_ratio`, `structural_similarity` of what `invert`
  rebuilds; `nearest_neighbour_psnr`, `nearest_neighbour_ssim` with training images,
- feature spaces: `StandardFeatures` of tables, `InceptionFeatures`,
- relative to what real samples get: `Reference`, `diagnose`, `collapse_score`,
- one fitness, as a scikit-learn scorer: `GenerativeScore`.
"""

from sknevo.metrics._diagnosis import Finding, collapse_score, diagnose
from sknevo.metrics._features import StandardFeatures
from sknevo.metrics._frechet import frechet_distance
from sknevo.metrics._images import (
    nearest_neighbour_psnr,
    nearest_neighbour_ssim,
    peak_signal_noise_ratio,
    structural_similarity,
)
from sknevo.metrics._inception import InceptionFeatures
from sknevo.metrics._inversion import invert
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
    "InceptionFeatures",
    "KernelDistance",
    "Measures",
    "ModeCoverage",
    "Reference",
    "StandardFeatures",
    "authenticity",
    "collapse_score",
    "diagnose",
    "frechet_distance",
    "invert",
    "kernel_distance",
    "mode_coverage",
    "nearest_neighbour_psnr",
    "nearest_neighbour_ssim",
    "peak_signal_noise_ratio",
    "precision_recall_density_coverage",
    "structural_similarity",
]
