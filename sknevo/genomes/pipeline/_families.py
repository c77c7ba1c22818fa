"""The families of models: their genes, and what tables and preparations they take."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sklearn.utils import get_tags

from sknevo.genes import Categorical, Choice, EstimatorGenome, Genome, Integer, Real
from sknevo.genomes.search_cv import parameters
from sknevo.records import DataSpec

__all__ = ["MODELS", "Family", "own_families", "own_models", "suits"]

NONE = Genome()


@dataclass(frozen=True)
class Family:
    """A family of models: its genes, and what a model of it can be given."""

    genes: Genome
    # How often it is drawn, in relation to the others.
    weight: float = 1.0
    # Genes for one task alone.
    of_classifiers: Genome = NONE
    of_regressors: Genome = NONE
    # Genes for wide and sparse tables, and for long ones, alone or with another range.
    of_wide: Genome = NONE
    of_long: Genome = NONE
    # Genes for tables with texts alone.
    of_texts: Genome = NONE
    # A tree depends on the order of values alone; others may need columns of one scale.
    is_tree: bool = False
    needs_scaling: bool = True
    takes_missing: bool = False
    # Categories as they are, in columns with few labels and with many.
    takes_categories: bool = False
    takes_many_categories: bool = False
    # A dense table is made of a sparse one that has more columns.
    takes_sparse: bool = True
    most_sparse_columns: float = math.inf
    # Sparse columns of words, of which a text makes tens of thousands; others get few
    # components of them. LightGBM took 13 s for 30,000 columns of 1,504 posts, 10 s for
    # 4,500 and 1 s for 100 components, and macro F1 was 0.923, 0.926 and 0.928.
    takes_words: bool = False
    # Columns of a wide table without a filter, and the rows of a long one.
    takes_thousands: bool = False
    takes_millions: bool = False
    weighs_classes: bool = True
    # Copies of images beside them. What cross-validates for its probabilities would see
    # an image where it is fitted and a copy of it where it is not.
    takes_copies: bool = True


# Weights and ranges are chosen, not measured, with an eye on those of published
# portfolios: AutoGluon's (2025) and the search spaces of TabArena.
GAMMA = Real(1e-2, 10, log=True)
RATE, LEAF = Real(0.005, 0.3, log=True), Integer(1, 100, log=True)
LEAVES = Integer(2, 200, log=True)
RIDGE, LASSO = Real(1e-4, 30, log=True), Real(1e-4, 5, log=True)
SOME, MOST = Real(0.3, 1), Real(0.5, 1)
FEW_OF_MANY = Real(0.01, 1, log=True)
# Some models get components of more columns of a sparse table, since the time that they
# take grows with all columns. Chosen, not measured.
MANY_SPARSE_COLUMNS = 2_000

TREE = {"is_tree": True, "needs_scaling": False, "takes_missing": True}
BOOSTER = {**TREE, "takes_categories": True, "takes_many_categories": True}
FOREST = Family(
    Genome(
        max_features=Real(0.1, 1),
        min_samples_leaf=Integer(1, 32, log=True),
        bootstrap=Categorical([False, True]),
    ),
    of_classifiers=Genome(criterion=Categorical(["gini", "entropy"])),
    of_wide=Genome(max_features=FEW_OF_MANY),
    takes_thousands=True,
    **TREE,
)
MODELS = {
    "svm": Family(
        Genome(
            C=Real(1e-2, 1e3, log=True),
            approximate=Categorical([False, True], [4, 1]),
            kernel=Choice(
                {"rbf": 4, "linear": 2},
                linear=Genome(),
                poly=Genome(degree=Integer(2, 4), gamma=GAMMA, coef0=Real(0, 2)),
                rbf=Genome(gamma=GAMMA),
                sigmoid=Genome(gamma=GAMMA, coef0=Real(-2, 2)),
            ),
        ),
        weight=2,
        of_regressors=Genome(epsilon=Real(1e-3, 0.5, log=True)),
        takes_words=True,
        takes_copies=False,
    ),
    "hist_gradient_boosting": Family(
        Genome(
            learning_rate=RATE,
            max_leaf_nodes=LEAVES,
            min_samples_leaf=LEAF,
            l2_regularization=RIDGE,
            max_features=SOME,
        ),
        takes_sparse=False,
        **BOOSTER,
    ),
    "lightgbm": Family(
        Genome(
            learning_rate=RATE,
            num_leaves=LEAVES,
            min_child_samples=LEAF,
            reg_alpha=LASSO,
            reg_lambda=RIDGE,
            subsample=MOST,
            colsample_bytree=SOME,
            extra_trees=Categorical([False, True]),
        ),
        weight=4,
        of_wide=Genome(
            colsample_bytree=FEW_OF_MANY, max_bin=Integer(15, 255, log=True)
        ),
        of_long=Genome(num_leaves=Integer(8, 1000, log=True)),
        takes_thousands=True,
        takes_millions=True,
        **BOOSTER,
    ),
    "xgboost": Family(
        Genome(
            learning_rate=RATE,
            max_depth=Integer(2, 10),
            min_child_weight=Real(1e-3, 30, log=True),
            reg_alpha=LASSO,
            reg_lambda=RIDGE,
            subsample=MOST,
            colsample_bylevel=SOME,
            colsample_bynode=SOME,
        ),
        weight=2,
        of_long=Genome(max_depth=Integer(2, 12)),
        most_sparse_columns=MANY_SPARSE_COLUMNS,
        takes_millions=True,
        **BOOSTER,
    ),
    "extra_trees": FOREST,
    "random_forest": FOREST,
    "mlp": Family(
        Genome(
            n_layers=Integer(1, 3),
            width=Integer(16, 256, log=True),
            activation=Categorical(["relu", "tanh"]),
            learning_rate=Real(3e-4, 1e-2, log=True),
            alpha=Real(1e-6, 1, log=True),
            batch_size=Categorical([32, 64, 128, 256]),
        ),
        weight=2,
        most_sparse_columns=MANY_SPARSE_COLUMNS,
        takes_millions=True,
    ),
    "linear": Family(
        Genome(C=Real(1e-4, 1e3, log=True)),
        of_wide=Genome(l1_ratio=Categorical([0.0, 1.0])),
        # It gets a column for each of many labels.
        takes_many_categories=True,
        takes_words=True,
        takes_thousands=True,
        takes_millions=True,
    ),
    "gaussian_process": Family(
        Genome(own_lengths=Categorical([True, False], [2, 1])),
        takes_sparse=False,
        takes_copies=False,
    ),
    "neighbours": Family(
        Genome(
            n_neighbors=Integer(1, 100, log=True),
            weights=Categorical(["uniform", "distance"]),
            p=Categorical([2, 1]),
        ),
        weighs_classes=False,
    ),
    "naive_bayes": Family(
        Genome(alpha=Real(3e-3, 1, log=True)),
        of_texts=Genome(complement=Categorical([True, False])),
        takes_words=True,
        weighs_classes=False,
    ),
}


def has_texts(spec: DataSpec) -> bool:
    """Return whether a table has columns of text."""
    return any(column.kind == "text" for column in spec.columns)


def has_texts_alone(spec: DataSpec) -> bool:
    """Return whether a table consists of columns of text."""
    return bool(spec.columns) and all(c.kind == "text" for c in spec.columns)


def suits(name: str, spec: DataSpec) -> bool:
    """Return whether a model takes such a table; one that is not here takes all."""
    if name == "naive_bayes":
        counts = spec.sparse is not None and not spec.sparse.negative
        counts = counts or has_texts_alone(spec)
        return counts and spec.task == "classification"
    return name not in MODELS or spec.sparse is None or MODELS[name].takes_sparse


# Families of the user's own -----------------------------------------------------------

# What an estimator of a pipeline must have.
METHODS = ("fit", "predict", "get_params", "set_params", "__sklearn_tags__")
KINDS = {"classification": "classifier", "regression": "regressor"}


def own_families(extra_models: Any, task: str) -> dict[str, Family]:
    """Return the families that a user adds; a bad entry is a ValueError.

    What a model takes is known from the tags of its estimator.
    """
    if not isinstance(extra_models, Mapping):
        raise ValueError(
            "extra_models must be a dict of name to (estimator, genes); got "
            f"{extra_models!r}."
        )
    return {name: _own(name, entry, task) for name, entry in extra_models.items()}


def _own(name: Any, entry: Any, task: str) -> Family:
    # A chromosome holds "choice" beside the names, and dots separate names in paths.
    reserved = {"", "choice", "items", *MODELS}
    if not isinstance(name, str) or name in reserved or "." in name:
        raise ValueError(
            "extra_models must have names without dots that sknevo does not use, which "
            f"are 'choice', 'items' and {[*MODELS]}; got {name!r}."
        )
    where = f"extra_models[{name!r}]"
    if not isinstance(entry, tuple | list) or len(entry) != 2:
        raise ValueError(f"{where} must be a pair (estimator, genes); got {entry!r}.")
    estimator, genes = entry
    _check_estimator(where, estimator, task)
    try:
        empty = isinstance(genes, Mapping) and not genes
        genome = NONE if empty else parameters(genes, estimator)
    except ValueError as fault:
        raise ValueError(f"{where}: {fault}") from fault
    takes = get_tags(estimator).input_tags
    own = estimator.get_params(deep=False)
    varies = "class_weight" in genome.genes
    return Family(
        EstimatorGenome(estimator, genome),
        needs_scaling=False,
        takes_missing=takes.allow_nan,
        most_sparse_columns=math.inf if takes.sparse else 0,
        takes_words=takes.sparse,
        takes_copies=False,
        weighs_classes=own.get("class_weight", "none") is None and not varies,
    )


def _check_estimator(where: str, estimator: Any, task: str) -> None:
    """Raise a ValueError for what is no estimator of the task."""
    kind = KINDS[task]
    is_class = isinstance(estimator, type)
    lacking = [name for name in METHODS if not hasattr(estimator, name)]
    if is_class or lacking:
        why = "a class, not an object" if is_class else f"it has no {lacking[0]}"
        raise ValueError(
            f"{where} must begin with an unfitted {kind} of scikit-learn's kind; got "
            f"{estimator!r}: {why}."
        )
    found = get_tags(estimator).estimator_type
    if found not in (kind, None):
        raise ValueError(
            f"{where} must begin with a {kind}, since this is a {task}; "
            f"{type(estimator).__name__} is a {found}."
        )


def own_models(genome: Genome) -> dict[str, EstimatorGenome]:
    """Return the families of a search space that are the user's own."""
    models = genome.parts.get("model")
    parts = models.parts if isinstance(models, Choice) else {}
    return {n: gene for n, gene in parts.items() if isinstance(gene, EstimatorGenome)}
