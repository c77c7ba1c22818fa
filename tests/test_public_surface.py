"""What users can rely on is written down, and does not change by accident.

`golden/public_surface.json` holds every public name, parameter with default, method,
fitted attribute, column of `cv_results_` and type of error. After a change on purpose,
write the file anew and describe each changed line in CHANGELOG.md:

    python tests/test_public_surface.py
"""

import importlib
import inspect
import json
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from public_names import MODULES
from sklearn.base import BaseEstimator
from sklearn.tree import DecisionTreeClassifier
from walks import Walk

from sknevo import (
    Categorical,
    Chromosome,
    EvolvedAutoencoder,
    EvolvedClassifier,
    EvolvedDetector,
    EvolvedFewShotClassifier,
    EvolvedGAN,
    EvolvedPipelineClassifier,
    EvolvedPipelineRegressor,
    EvolvedPolicy,
    EvolvedRegressor,
    EvolvedSearchCV,
    EvolvedSegmenter,
    Integer,
    Real,
    Repeat,
    load_network,
    read_journal,
)
from sknevo.datasets import load_image_folder, make_insects
from sknevo.genomes.autoencoder import autoencoder
from sknevo.genomes.convnet import convnet
from sknevo.genomes.convnet_regressor import convnet_regressor
from sknevo.genomes.detector import detector
from sknevo.genomes.few_shot import few_shot
from sknevo.genomes.gan import gan
from sknevo.genomes.pipeline import pipeline
from sknevo.genomes.policy import policy
from sknevo.genomes.segmenter import segmenter
from sknevo.metrics import frechet_distance, mode_coverage

GOLDEN = Path(__file__).parent / "golden" / "public_surface.json"
# Names and parameters ----------------------------------------------------------------


def text_of(default):
    """Return a default as text without an address in memory."""
    return default.__name__ if inspect.isroutine(default) else repr(default)


def parameters(function):
    """Yield the name of each parameter, and its default and place as text."""
    for place, parameter in enumerate(inspect.signature(function).parameters.values()):
        required = parameter.default is parameter.empty
        said = "required" if required else f"default {text_of(parameter.default)}"
        if parameter.kind is parameter.KEYWORD_ONLY:
            said += ", keyword only"
        elif parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            said += f", place {place}"
        else:
            said = parameter.kind.description
        yield parameter.name, said


def members(cls):
    """Yield the public members of a class; scikit-learn's own base is left out."""
    for name in dir(cls):
        if not name.startswith("_") and not hasattr(BaseEstimator, name):
            yield name, getattr(cls, name)


def describe_class(name, cls):
    """Yield lines about a class: its parameters, its members and what they take."""
    yield name, "class"
    for parameter, said in parameters(cls):
        yield f"{name}({parameter})", said
    for member, found in members(cls):
        is_method = inspect.isroutine(found)
        yield f"{name}.{member}", "method" if is_method else "attribute"
        # Signatures of methods that are inherited depend on the library's version.
        if is_method and str(getattr(found, "__module__", "")).startswith("sknevo"):
            for parameter, said in parameters(found):
                if parameter not in ("self", "cls"):
                    yield f"{name}.{member}({parameter})", said


def describe(name, value):
    """Yield lines about a public object: what it is and what it takes."""
    if inspect.isclass(value) and issubclass(value, Exception):
        yield name, f"error, a kind of {value.__base__.__name__}"
    elif inspect.isclass(value):
        yield from describe_class(name, value)
    elif inspect.isroutine(value):
        yield name, "function"
        for parameter, said in parameters(value):
            yield f"{name}({parameter})", said
    elif isinstance(value, dict):
        yield name, f"dict of {sorted(value)}"
    else:
        yield name, type(value).__name__


def names():
    """Describe what every public module exports; what two export, once."""
    surface, homes = {}, {}
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            value, path = getattr(module, name), f"{module.__name__}.{name}"
            home = homes.setdefault(id(value), path)
            surface |= {path: f"is {home}"} if home != path else describe(path, value)
    return surface


# Fits --------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(40, 3))
LABELS = np.arange(40) % 2
FIVE = np.arange(40) % 5
IMAGES = RNG.integers(0, 256, (40, 8, 8), dtype=np.uint8)
SEARCH = {"population_size": 2, "generations": 1, "random_state": 0}
TREES = {"max_depth": [1, 2], "min_samples_leaf": [1, 5]}
SVMS = partial(pipeline, models=["svm"])
MASKS = (IMAGES > 128).astype(int)
BOXES = [{"boxes": [[1, 1, 6, 6]], "labels": [1]}] * 40
MASKED = {"max_depth": 1, "max_parameters": 3_000, "max_epochs": 1}
TINY = {"max_layers": 1, "max_parameters": 3_000, "max_epochs": 1}


def search_trees(**parameters):
    return EvolvedSearchCV(
        DecisionTreeClassifier(),
        **{"genome": TREES, "cv": 2, **SEARCH, **parameters},
    )


def fits():
    """Return small searches by name, each with its data."""
    two = {"scoring": ["accuracy", "f1"], "refit": "f1"}
    svms = {"genome": SVMS, "cv": 2, **SEARCH}
    return {
        "EvolvedAutoencoder": (
            EvolvedAutoencoder(genome=partial(autoencoder, **TINY), **SEARCH),
            (TABLE,),
        ),
        "EvolvedClassifier": (
            EvolvedClassifier(genome=partial(convnet, **TINY), **SEARCH),
            (IMAGES, LABELS),
        ),
        "EvolvedDetector": (
            EvolvedDetector(genome=partial(detector, **MASKED), **SEARCH),
            (IMAGES, BOXES),
        ),
        "EvolvedFewShotClassifier": (
            EvolvedFewShotClassifier(genome=partial(few_shot, **TINY), **SEARCH),
            (IMAGES, FIVE),
        ),
        "EvolvedGAN": (
            EvolvedGAN(genome=partial(gan, **TINY), **SEARCH),
            (TABLE, LABELS),
        ),
        "EvolvedPipelineClassifier": (
            EvolvedPipelineClassifier(**svms),
            (TABLE, LABELS),
        ),
        "EvolvedPipelineRegressor": (
            EvolvedPipelineRegressor(**svms),
            (TABLE, TABLE[:, 0]),
        ),
        "EvolvedPolicy": (
            EvolvedPolicy(Walk, genome=partial(policy, max_episodes=8), **SEARCH),
            (np.arange(40),),
        ),
        "EvolvedRegressor": (
            EvolvedRegressor(genome=partial(convnet_regressor, **TINY), **SEARCH),
            (IMAGES, TABLE[:, 0]),
        ),
        "EvolvedSearchCV": (search_trees(), (TABLE, LABELS)),
        "EvolvedSegmenter": (
            EvolvedSegmenter(genome=partial(segmenter, **MASKED), **SEARCH),
            (IMAGES, MASKS),
        ),
        "EvolvedSearchCV of two metrics": (search_trees(**two), (TABLE, LABELS)),
    }


def kind_of(value):
    """Return the type of what a fit leaves behind; our own may be renamed."""
    if isinstance(value, np.ndarray):
        return f"array of {value.dtype.type.__name__}"
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else "object"


def fitted():
    """Describe what small searches leave behind."""
    surface = {}
    for name, (estimator, data) in fits().items():
        estimator.fit(*data)
        attributes = [n for n in dir(estimator) if n.endswith("_") and n[0] != "_"]
        for attribute in attributes:
            if hasattr(estimator, attribute):
                kind = kind_of(getattr(estimator, attribute))
                surface[f"{name}.{attribute}"] = kind
        for column, values in estimator.cv_results_.items():
            # Genes are data; only those that are written above belong to the surface.
            if not column.startswith("param_") or "SearchCV" in name:
                surface[f"{name}.cv_results_[{column}]"] = kind_of(values)
    return surface


# Errors ------------------------------------------------------------------------------

GAPS = np.where(TABLE > 1, np.nan, TABLE)
PAIRS = {
    "EvolvedAutoencoder": (EvolvedAutoencoder, TABLE, None),
    "EvolvedClassifier": (EvolvedClassifier, IMAGES, LABELS),
    "EvolvedDetector": (EvolvedDetector, IMAGES, BOXES),
    "EvolvedFewShotClassifier": (EvolvedFewShotClassifier, IMAGES, FIVE),
    "EvolvedGAN": (EvolvedGAN, TABLE, None),
    "EvolvedPipelineClassifier": (EvolvedPipelineClassifier, TABLE, LABELS),
    "EvolvedPipelineRegressor": (EvolvedPipelineRegressor, TABLE, TABLE[:, 0]),
    "EvolvedRegressor": (EvolvedRegressor, IMAGES, TABLE[:, 0]),
    "EvolvedSearchCV": (search_trees, TABLE, LABELS),
    "EvolvedSegmenter": (EvolvedSegmenter, IMAGES, MASKS),
}
BAD_PARAMETERS = [
    {"genome": 3},
    {"strategy": "best"},
    {"population_size": 0},
    {"generations": None},
    {"scoring": "goodness"},
    {"max_time": -1},
    {"cv": 1},
    {"resource": "sunshine"},
    {"factor": 1},
    {"initial_population": [{"nonsense": 1}]},
    {"journal": 3},
    {"error_score": "ignore"},
    {"n_jobs": 0},
    {"random_state": "seed"},
]


def invoke(estimator, method, *data):
    """Call a method that may not be there."""
    return getattr(estimator, method)(*data)


def bad_fits():
    """Yield a description and a call for each bad parameter and bad data."""
    for name, (make, X, y) in PAIRS.items():
        for bad in BAD_PARAMETERS:
            ((parameter, value),) = bad.items()
            yield f"{name}({parameter}={value!r})", make(**bad).fit, X, y
        fit = make(**SEARCH).fit
        yield f"{name}.fit(None)", fit, None, y
        yield f"{name}.fit of no rows", fit, X[:0], None if y is None else y[:0]
        yield f"{name}.fit of too few labels", fit, X, LABELS[:-1]
        yield f"{name}.fit of complex numbers", fit, X + 1j, y
        yield f"{name}.predict before fit", invoke, make(), "predict", X
        yield f"{name}.score before fit", invoke, make(), "score", X, y


def bad_searches(folder):
    """Yield a description and a call for searches that cannot go well."""
    data, ones = (TABLE, LABELS), np.ones(40)
    yield "images with gaps", EvolvedClassifier().fit, GAPS, LABELS
    yield "an unknown device", EvolvedClassifier(device="gpu").fit, IMAGES, LABELS
    yield "a GAN with weights", partial(EvolvedGAN().fit, sample_weight=ones), TABLE
    table_fit = EvolvedPipelineClassifier().fit
    yield "one class", table_fit, TABLE, ones
    yield "too few weights", partial(table_fit, sample_weight=ones[1:]), *data
    yield "no metric to refit by", search_trees(scoring=["accuracy", "f1"]).fit, *data
    yield "a gene that is no parameter", search_trees(genome={"depth": [1]}).fit, *data
    failing = {"genome": {"max_depth": [-1]}, "initial_population": []}
    yield "all fail", search_trees(**failing).fit, *data
    yield "one fails", search_trees(**failing, error_score="raise").fit, *data
    journal = {"journal": folder / "journal.jsonl"}
    search_trees(**journal).fit(*data)
    yield "another search's journal", search_trees(**journal, cv=3).fit, *data
    unfitted = search_trees(refit=False).fit(*data)
    yield "predict without refit", invoke, unfitted, "predict", TABLE
    yield "predict of other columns", search_trees().fit(*data).predict, TABLE[:, :1]


def bad_calls(folder):
    """Yield a description and a call for functions and genes."""
    missing, text = folder / "missing", folder / "text"
    text.write_text("text")
    yield "read_journal of no file", read_journal, missing
    yield "read_journal of text", read_journal, text
    yield "load_network of no file", load_network, missing
    yield "load_network of text", load_network, text
    yield "load_image_folder of no folder", load_image_folder, missing
    yield "make_insects(0)", make_insects, 0
    yield "Real(2, 1)", Real, 2, 1
    yield "Integer(0.5, 2)", Integer, 0.5, 2
    yield "Categorical([])", Categorical, []
    yield "Repeat(3, 1, 2)", Repeat, 3, 1, 2
    yield "Chromosome.from_json('{}')", Chromosome.from_json, "{}"
    yield "frechet_distance of gaps", frechet_distance, GAPS, TABLE
    yield "mode_coverage(radius=0)", mode_coverage, TABLE, TABLE, 0


def errors():
    """Return the type of error that each bad input ends with."""
    surface = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        calls = [*bad_fits(), *bad_searches(folder), *bad_calls(folder)]
        for description, call, *args in calls:
            try:
                call(*args)
                surface[description] = "none"
            except Exception as error:
                surface[description] = type(error).__name__
    return surface


# The comparison ----------------------------------------------------------------------


# What is wrong is named in tests/test_garbage.py, too.
PARTS = [names, fitted, pytest.param(errors, marks=pytest.mark.slow)]


@pytest.mark.parametrize("part", PARTS, ids=lambda f: f.__name__)
def test_public_surface_is_as_written(part):
    written = json.loads(GOLDEN.read_text(encoding="utf-8"))[part.__name__]
    found = part()
    differences = [
        *(f"added: {name} ({found[name]})" for name in found if name not in written),
        *(f"removed: {n} ({written[n]})" for n in written if n not in found),
        *(
            f"changed: {name}: {written[name]} before, {found[name]} now"
            for name in found
            if found[name] != written.get(name, found[name])
        ),
    ]
    assert not differences, (
        "The public surface differs from golden/public_surface.json. If that is meant, "
        "run python tests/test_public_surface.py and describe it in CHANGELOG.md.\n"
        + "\n".join(differences)
    )


if __name__ == "__main__":
    surface = {part.__name__: part() for part in (names, fitted, errors)}
    text = json.dumps(surface, indent=1, sort_keys=True, ensure_ascii=False)
    GOLDEN.write_text(f"{text}\n", encoding="utf-8")
