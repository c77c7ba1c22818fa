"""Estimators that evolve themselves.

- `EvolvedAutoencoder` evolves codes of images and rows, and finds anomalies,
- `EvolvedClassifier` evolves networks for images, with their optimizers,
- `EvolvedDetector` evolves networks that find objects in images,
- `EvolvedFewShotClassifier` evolves networks that learn new classes from few images,
- `EvolvedGAN` evolves generators with their discriminators, for images and tables,
- `EvolvedPipelineClassifier` and `EvolvedPipelineRegressor` evolve preparation,
  scaling, feature extraction and model of a table as one individual,
- `EvolvedPolicy` evolves policies that act in environments of Gymnasium,
- `EvolvedRegressor` evolves networks that predict numbers from images,
- `EvolvedSearchCV` evolves the parameters of any scikit-learn estimator,
- `EvolvedSegmenter` evolves networks that give each pixel of an image a class,
- `metrics` measures how good generated samples, masks and boxes are,
- `genes` says what may vary, `genomes` has the search spaces, `evolution` the
  strategies that breed and select.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # editors and type checkers cannot follow `__getattr__`
    from sknevo import callbacks as callbacks
    from sknevo import datasets as datasets
    from sknevo import displays as displays
    from sknevo import evolution as evolution
    from sknevo import genes as genes
    from sknevo import genomes as genomes
    from sknevo import image_stream as image_stream
    from sknevo import metrics as metrics
    from sknevo import pretrained as pretrained
    from sknevo import records as records
    from sknevo.builders.networks import load_network as load_network
    from sknevo.estimators import *  # noqa: F403
    from sknevo.evaluation import JournalError as JournalError
    from sknevo.evaluation import read_journal as read_journal
    from sknevo.evolution import *  # noqa: F403
    from sknevo.genes import *  # noqa: F403
    from sknevo.records import Chromosome as Chromosome
    from sknevo.records import Evaluation as Evaluation

__version__ = "0.1.0"

# Packages and names are imported when they are first used (PEP 562), so that `import
# sknevo` is cheap.
_PACKAGES = (
    "callbacks",
    "datasets",
    "displays",
    "evolution",
    "genes",
    "genomes",
    "image_stream",
    "metrics",
    "pretrained",
    "records",
)
# All names of `sknevo.estimators` and all strategies are added to these.
_HOMES = {
    "Categorical": "genes",
    "Choice": "genes",
    "Chromosome": "records",
    "Evaluation": "records",
    "Genome": "genes",
    "Integer": "genes",
    "JournalError": "evaluation",
    "Real": "genes",
    "Repeat": "genes",
    "Strategy": "evolution",
    "load_network": "builders.networks",
    "read_journal": "evaluation",
}


def _homes() -> dict[str, str]:
    """Return the package of every public name, in alphabetical order."""
    from sknevo.estimators import __all__ as estimators
    from sknevo.evolution import STRATEGIES

    homes = _HOMES | dict.fromkeys(estimators, "estimators")
    homes |= {strategy.__name__: "evolution" for strategy in STRATEGIES.values()}
    return dict(sorted(homes.items()))


if not TYPE_CHECKING:  # type checkers know the names from above, and no others

    def __getattr__(name: str) -> object:
        if name == "__all__":
            return [*_homes()]
        if name in _PACKAGES:
            return importlib.import_module(f"{__name__}.{name}")
        home = _HOMES.get(name)
        if home is None and name[0].isupper():  # a class
            home = _homes().get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{home}"), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *_PACKAGES, *_homes()})
