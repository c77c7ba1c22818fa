"""Measures of generated samples, masks, boxes and embeddings; each sees other faults.

- of features: `frechet_distance`, `kernel_distance`,
  `precision_recall_density_coverage`, `authenticity`,
- if the modes are known: `mode_coverage`,
- of images: `peak_signal_noise_ratio` and `structural_similarity` of what `invert`
  rebuilds; `nearest_neighbour_psnr`, `nearest_neighbour_ssim` with training images,
- feature spaces: `StandardFeatures` of numbers, `TableFeatures` of tables of all kinds,
  `InceptionFeatures` of images,
- relative to real samples, what classifiers see among them: `ReferenceSet`, `diagnose`,
  `collapse_score`,
- one fitness, as a scikit-learn scorer: `GenerativeScore`,
- of masks of pixels: `iou_scores`, `dice_scores`, `object_f1_score`, and `MaskScore`, a
  scorer of any of them,
- of boxes: `box_overlaps`, `average_precision_scores`, `mean_average_precision`, and
  `BoxScore`, a scorer of any of them,
- of embeddings, a scorer, too: `EpisodeAccuracy`.

``pip install ".[metrics]"`` adds scikit-image, for the structural similarity, and
torch-fidelity, for the weights that the FID was defined with. Nothing else needs them.
"""

from sknevo.metrics._boxes import (
    BoxScore,
    average_precision_scores,
    box_overlaps,
    mean_average_precision,
)
from sknevo.metrics._diagnosis import Finding, collapse_score, diagnose
from sknevo.metrics._distances import (
    KernelDistance,
    frechet_distance,
    kernel_distance,
)
from sknevo.metrics._episodes import EpisodeAccuracy
from sknevo.metrics._features import (
    InceptionFeatures,
    StandardFeatures,
    n_conditions,
)
from sknevo.metrics._images import (
    invert,
    nearest_neighbour_psnr,
    nearest_neighbour_ssim,
    peak_signal_noise_ratio,
    structural_similarity,
)
from sknevo.metrics._masks import (
    MaskScore,
    dice_scores,
    iou_scores,
    object_f1_score,
)
from sknevo.metrics._neighbours import (
    PRDC,
    ModeCoverage,
    authenticity,
    mode_coverage,
    precision_recall_density_coverage,
)
from sknevo.metrics._reference import Measures, ReferenceSet
from sknevo.metrics._score import GenerativeScore
from sknevo.metrics._tables import TableFeatures

__all__ = [
    "PRDC",
    "BoxScore",
    "EpisodeAccuracy",
    "Finding",
    "GenerativeScore",
    "InceptionFeatures",
    "KernelDistance",
    "MaskScore",
    "Measures",
    "ModeCoverage",
    "ReferenceSet",
    "StandardFeatures",
    "TableFeatures",
    "authenticity",
    "average_precision_scores",
    "box_overlaps",
    "collapse_score",
    "diagnose",
    "dice_scores",
    "frechet_distance",
    "invert",
    "iou_scores",
    "kernel_distance",
    "mean_average_precision",
    "mode_coverage",
    "n_conditions",
    "nearest_neighbour_psnr",
    "nearest_neighbour_ssim",
    "object_f1_score",
    "peak_signal_noise_ratio",
    "precision_recall_density_coverage",
    "structural_similarity",
]
