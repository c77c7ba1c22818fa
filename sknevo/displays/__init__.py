"""Pictures of fitted estimators, with the interface of scikit-learn's displays.

Of a search:

- `SearchDisplay`: the two pictures that say most, side by side,
- `EvolutionDisplay`: every individual, the best so far and the median,
- `ParetoDisplay`: what one score costs in terms of another, or of seconds,
- `RungsDisplay`: scores over the resource of successive halving,
- `GenesDisplay`: which genes the scores depend on,
- `GeneValuesDisplay`: the values of one gene over time,
- `FamilyTreeDisplay`: the ancestors of the best, and what changed at each step.

Of what predicts:

- `EnsembleDisplay`: the members of an ensemble and their weights,
- `NetworkDisplay`: a network and its optimizer, silent genes in grey,
- `FeatureImportanceDisplay`: the columns that predictions depend on,
- `GanSignalsDisplay`: how a GAN's training went,
- `SampleGridDisplay`: samples of a GAN,
- `OverlayDisplay`: images with the outlines of predicted and true masks,
- `BoxesDisplay`: images with predicted and true boxes around objects,
- `ReconstructionDisplay`: what an autoencoder rebuilds,
- `EmbeddingDisplay`: where samples lie for a few-shot classifier,
- `EpisodeDisplay`: what it adapts to, and what it makes of other images.

Each has `from_estimator(estimator, ax=None)` and, once plotted, `ax_` and `figure_`:
``display.figure_.savefig("picture.png")`` saves it.
A `NoPictureError` says that an estimator has no such picture.
matplotlib (``pip install ".[plots]"``) is imported when something is plotted.
"""

from sknevo.displays._boxes import BoxesDisplay
from sknevo.displays._embedding import EmbeddingDisplay, EpisodeDisplay
from sknevo.displays._ensemble import EnsembleDisplay
from sknevo.displays._evolution import EvolutionDisplay
from sknevo.displays._family_tree import FamilyTreeDisplay
from sknevo.displays._feature_importance import FeatureImportanceDisplay
from sknevo.displays._gan_signals import GanSignalsDisplay
from sknevo.displays._gene_importance import GeneImportance
from sknevo.displays._gene_values import GeneValuesDisplay
from sknevo.displays._genes import GenesDisplay
from sknevo.displays._network import NetworkDisplay
from sknevo.displays._overlay import OverlayDisplay
from sknevo.displays._pareto import ParetoDisplay
from sknevo.displays._reconstructions import ReconstructionDisplay
from sknevo.displays._rungs import RungsDisplay
from sknevo.displays._samples import SampleGridDisplay
from sknevo.displays._search import SearchDisplay
from sknevo.displays._shared import NoPictureError

__all__ = [
    "BoxesDisplay",
    "EmbeddingDisplay",
    "EnsembleDisplay",
    "EpisodeDisplay",
    "EvolutionDisplay",
    "FamilyTreeDisplay",
    "FeatureImportanceDisplay",
    "GanSignalsDisplay",
    "GeneImportance",
    "GeneValuesDisplay",
    "GenesDisplay",
    "NetworkDisplay",
    "NoPictureError",
    "OverlayDisplay",
    "ParetoDisplay",
    "ReconstructionDisplay",
    "RungsDisplay",
    "SampleGridDisplay",
    "SearchDisplay",
]
