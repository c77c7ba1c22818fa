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

# Names are imported when they are first used (PEP 562), so that `import sknevo` is
# cheap. Strategies are added from `sknevo.evolution.STRATEGIES`.
_HOMES = {
    "Categorical": "genes",
    "Choice": "genes",
    "Chromosome": "records",
    "Evaluation": "records",
    "EvolvedClassifier": "estimators",
    "EvolvedGAN": "estimators",
    "EvolvedPipelineClassifier": "estimators",
    "EvolvedPipelineRegressor": "estimators",
    "EvolvedSearchCV": "estimators",
    "Genome": "genes",
    "Integer": "genes",
    "JournalError": "evaluation",
    "Real": "genes",
    "Repeat": "genes",
    "Strategy": "evolution",
    "load_network": "builders.networks._serialization",
    "read_journal": "evaluation",
}


def _homes() -> dict[str, str]:
    """Return the package of every public name, the strategies included."""
    from sknevo.evolution import STRATEGIES

    return _HOMES | {strategy.__name__: "evolution" for strategy in STRATEGIES.values()}


def __getattr__(name: str) -> object:
    if name == "__all__":
        return [*_homes()]
    home = _HOMES.get(name)
    if home is None and not name.startswith("_"):
        home = _homes().get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_homes()})
