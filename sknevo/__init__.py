"""Estimators that evolve themselves.

- `EvolvedClassifier` evolves networks for images, with their optimizer,
- `EvolvedGAN` evolves generators with their discriminators, for images and tables,
- `EvolvedPipelineClassifier` and `EvolvedPipelineRegressor` evolve preparation,
  scaling, feature extraction and model of a table as one individual,
- `EvolvedSearchCV` evolves the parameters of any scikit-learn estimator,
- `metrics` says how good generated samples are,
- `genes` says what may vary, `genomes` holds the search spaces, `evolution` the
  strategies that breed and select.
"""

import importlib

__version__ = "0.1.0.dev0"

# Names are imported when they are first used (PEP 562): `import sknevo` stays cheap.
_HOMES = {
    "RegularizedEvolution": "evolution",
    "Categorical": "genes",
    "Choice": "genes",
    "Chromosome": "records",
    "CooperativeCoevolution": "evolution",
    "GeneticAlgorithm": "evolution",
    "Elitist": "evolution",
    "Evaluation": "records",
    "EvolvedClassifier": "estimators",
    "EvolvedGAN": "estimators",
    "EvolvedPipelineClassifier": "estimators",
    "EvolvedPipelineRegressor": "estimators",
    "EstimationOfDistribution": "evolution",
    "EvolvedSearchCV": "estimators",
    "Genome": "genes",
    "Integer": "genes",
    "JournalError": "evaluation",
    "NSGA2": "evolution",
    "SurrogateAssisted": "evolution",
    "Real": "genes",
    "Repeat": "genes",
    "Strategy": "evolution",
    "load_network": "builders.networks._serialization",
    "read_journal": "evaluation",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
