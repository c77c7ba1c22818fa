"""The search space of pipelines for tables, and well-known configurations in it."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sknevo.genes import Categorical, Choice, Gene, Genome, Integer, Real
from sknevo.records import DataSpec

__all__ = ["pipeline", "well_known"]

# The tables. The second list of a category holds its weights: all of them, and the
# ranges, are chosen, not measured.

SCALING = Categorical(
    ["none", "standard", "minmax", "maxabs", "robust", "quantile", "power"],
    [3, 3, 1, 1, 1, 1, 1],
)
IMPUTATION = Categorical(["none", "median", "mean", "most_frequent"], [3, 2, 1, 1])
GAMMA = Real(1e-2, 10, log=True)
SVM = Genome(
    C=Real(1e-2, 1e3, log=True),
    approximate=Categorical([False, True], [4, 1]),
    kernel=Choice(
        {"rbf": 4, "linear": 2},
        linear=Genome(),
        poly=Genome(degree=Integer(2, 4), gamma=GAMMA, coef0=Real(0, 2)),
        rbf=Genome(gamma=GAMMA),
        sigmoid=Genome(gamma=GAMMA, coef0=Real(-2, 2)),
    ),
)
RATE, LEAF = Real(0.02, 0.3, log=True), Integer(1, 100, log=True)
SHRINK = Real(1e-3, 30, log=True)
BOOSTING = {
    "hist_gradient_boosting": Genome(
        learning_rate=RATE,
        max_leaf_nodes=Integer(3, 128, log=True),
        min_samples_leaf=LEAF,
        l2_regularization=SHRINK,
        max_features=Real(0.3, 1),
    ),
    "lightgbm": Genome(
        learning_rate=RATE,
        num_leaves=Integer(3, 128, log=True),
        min_child_samples=LEAF,
        reg_lambda=SHRINK,
        subsample=Real(0.5, 1),
        colsample_bytree=Real(0.3, 1),
        extra_trees=Categorical([False, True], [3, 1]),
    ),
    "xgboost": Genome(
        learning_rate=RATE,
        max_depth=Integer(2, 10),
        min_child_weight=Real(0.1, 30, log=True),
        reg_lambda=SHRINK,
        gamma=Real(1e-4, 5, log=True),
        subsample=Real(0.5, 1),
        colsample_bytree=Real(0.3, 1),
    ),
}
MODELS = ("svm", *BOOSTING)
# How often a model is drawn, 1 for the others.
MODEL_WEIGHTS = {"lightgbm": 3, "svm": 3, "xgboost": 2}

# An exact SVM costs rows x rows: with more rows it is approximated. Chosen, not
# measured.
MANY_SAMPLES = 6000
# With more columns there are no polynomial features, whose number grows with the square
# of the columns. Trees find interactions themselves and are slow on so many. Chosen,
# not measured.
MANY_COLUMNS, MANY_COLUMNS_FOR_TREES = 40, 15


def pipeline(spec: DataSpec, *, models: Sequence[str] = MODELS) -> Genome:
    """Return the search space of pipelines for a table.

    Parameters
    ----------
    spec : DataSpec
        Describes the table: genes that have no effect on it are left out.
    models : sequence of str, default=("svm", "hist_gradient_boosting", "lightgbm", \
"xgboost")
        The models to choose from.

    Returns
    -------
    Genome
        Its genes are `preparation`, `scaling`, `extraction`, `model` and, for
        classification, `class_weight`.

    Raises
    ------
    ValueError
        If a model is not known.

    Examples
    --------
    >>> from sknevo.records import Column, DataSpec
    >>> spec = DataSpec("classification", 100, 2, (Column("a", "numeric"),))
    >>> list(pipeline(spec).genes)
    ['preparation', 'scaling', 'extraction', 'class_weight', 'model']
    """
    unknown = [name for name in models if name not in MODELS]
    if unknown or not models:
        raise ValueError(f"models must be among {list(MODELS)}; got {list(models)}.")
    genes: dict[str, Gene] = {
        "preparation": _preparation(spec),
        "scaling": SCALING,
        "extraction": _extraction(spec),
    }
    svm = SVM
    if spec.task == "classification":
        genes["class_weight"] = Categorical([None, "balanced"], [3, 1])
    else:
        svm = Genome(**SVM.genes, epsilon=Real(1e-3, 0.5, log=True))
    known = {"svm": svm, **BOOSTING}
    genes["model"] = Choice(
        {name: w for name, w in MODEL_WEIGHTS.items() if name in models},
        **{name: known[name] for name in models},
    )
    return Genome(**genes).constrained(partial(_repair, spec=spec))


def _preparation(spec: DataSpec) -> Genome:
    """Return the genes of the preparation that the columns of the table need."""
    kinds = {column.kind for column in spec.columns}
    genes: dict[str, Gene] = {}
    if {c.kind for c in spec.columns if c.missing} & {"numeric", "boolean", "datetime"}:
        genes["imputation"] = IMPUTATION
        genes["missing_indicator"] = Categorical([False, True])
    if "categorical" in kinds:
        genes["encoding"] = Categorical(["onehot", "ordinal", "target"])
        genes["min_frequency"] = Categorical([0.0, 0.01, 0.05])
    if "text" in kinds:
        # Without its text, a table of text alone would be empty.
        dropped = [] if kinds == {"text"} else ["drop"]
        genes["text"] = Categorical([*dropped, "target", "ngrams"])
    return Genome(**genes)


def _extraction(spec: DataSpec) -> Choice:
    """Return the choice of an extraction of features; two of three have none."""
    widest = max(2, min(256, spec.n_samples // 2))
    branches: dict[str, Gene] = {
        "none": Genome(),
        "pca": Genome(variance=Real(0.5, 0.999), whiten=Categorical([False, True])),
        "nystroem": Genome(
            gamma=Real(1e-3, 1, log=True),
            n_components=Integer(min(16, widest), widest, log=True),
        ),
        "select_k_best": Genome(fraction=Real(0.1, 0.95)),
        "polynomial": Genome(interaction_only=Categorical([False, True])),
        "ica": Genome(n_components=Integer(1, max(1, min(30, len(spec.columns))))),
        "agglomeration": Genome(fraction=Real(0.2, 0.9)),
    }
    if spec.task == "classification":
        branches["lda"] = Genome()
    return Choice({"none": 2.0 * len(branches)}, **branches)


def _repair(genes: dict[str, Any], spec: DataSpec) -> dict[str, Any]:
    """Return genes of a pipeline that works, without genes that have no effect."""
    preparation, extraction = genes["preparation"], genes["extraction"]
    svm = genes["model"]["choice"] == "svm"
    most = MANY_COLUMNS if svm else MANY_COLUMNS_FOR_TREES
    if extraction["choice"] == "polynomial" and _width(spec, preparation) > most:
        extraction["choice"] = "none"
    # An SVM depends on distances, which unscaled columns would dominate.
    if svm and genes["scaling"] == "none":
        genes["scaling"] = "standard"
    if not svm and extraction["choice"] in ("none", "select_k_best"):
        # Trees depend on the order of values alone: a scaler has no effect.
        genes["scaling"] = "none"
    # Boosters handle missing values themselves; SVMs and extractions do not.
    is_incomplete = preparation.get("imputation") == "none"
    if is_incomplete and (svm or extraction["choice"] != "none"):
        preparation["imputation"] = "median"
    if svm and spec.n_samples > MANY_SAMPLES:
        genes["model"]["svm"]["approximate"] = True
    # Genes without effect have one value, so that equal pipelines have the same key.
    if preparation.get("imputation") == "none":
        preparation["missing_indicator"] = False
    if preparation.get("encoding") == "target":
        preparation["min_frequency"] = 0.0
    return genes


def _width(spec: DataSpec, preparation: dict[str, Any]) -> int:
    """Return roughly the number of columns after the preparation."""
    onehot = preparation.get("encoding") == "onehot"
    return sum(
        c.n_unique if onehot and c.kind == "categorical" else 1 for c in spec.columns
    )


def _boosting(model: str, *values: Any) -> dict[str, Any]:
    return {model: dict(zip(BOOSTING[model].genes, values, strict=True))}


# Models of `well_known`, tuned on the first ten tables of doc/figures.md: values of the
# model's genes, in their order.
LIGHTGBM = _boosting("lightgbm", 0.1, 15, 20, 1.0, 0.8, 0.8, False)
MANY_LEAVES = _boosting("lightgbm", 0.05, 31, 20, 1.0, 0.8, 0.5, False)
FEW_LEAVES = _boosting("lightgbm", 0.05, 6, 20, 1.0, 0.8, 0.5, True)
XGBOOST = _boosting("xgboost", 0.08, 4, 1.0, 1.0, 0.001, 0.8, 0.8)
SLOW_XGBOOST = _boosting("xgboost", 0.04, 3, 1.0, 1.0, 0.001, 0.8, 0.5)
DEEP_XGBOOST = _boosting("xgboost", 0.08, 10, 0.5, 1.0, 0.001, 0.7, 0.6)
HISTOGRAM = _boosting("hist_gradient_boosting", 0.06, 90, 5, 0.1, 0.4)
RBF = {"approximate": False, "kernel": {"rbf": {"gamma": 1.0}}}


def well_known(spec: DataSpec) -> list[dict[str, Any]]:
    """Return configurations that do well on many tables, the cheap ones first.

    They are the first individuals of a search. They were tuned on ten tables
    (``doc/figures.md``), where they account for most of what a search of 30 s gains.

    Parameters
    ----------
    spec : DataSpec
        Describes the table.

    Returns
    -------
    list of dict
        Partial expressed genes.

    Examples
    --------
    >>> from sknevo.records import Column, DataSpec
    >>> spec = DataSpec("regression", 100, 0, (Column("a", "numeric"),))
    >>> [*well_known(spec)[0]["model"]], len(well_known(spec))
    (['lightgbm'], 9)
    """

    def prepared(encoding: str, imputation: str) -> dict[str, Any]:
        values = {"encoding": encoding, "min_frequency": 0.01, "text": "target"}
        values |= {"imputation": imputation, "missing_indicator": False}
        return {name: values[name] for name in _preparation(spec).genes}

    plain: dict[str, Any] = {"extraction": {"none": {}}, "scaling": "none"}
    if spec.task == "classification":
        plain["class_weight"] = None
    trees = {**plain, "preparation": prepared("ordinal", "none")}
    onehot_trees = {**plain, "preparation": prepared("onehot", "none")}
    svm = {**plain, "scaling": "standard", "preparation": prepared("onehot", "median")}
    known = [
        {**trees, "model": LIGHTGBM},
        {**svm, "model": {"svm": {**RBF, "C": 1.0}}},
        {**trees, "model": XGBOOST},
        {**onehot_trees, "model": MANY_LEAVES},
        {**onehot_trees, "model": SLOW_XGBOOST},
        {**trees, "model": FEW_LEAVES},
        {**svm, "model": {"svm": {**RBF, "C": 10.0}}},
        {**trees, "model": DEEP_XGBOOST},
        {**trees, "model": HISTOGRAM},
    ]
    if spec.task == "classification":
        # In the middle: they matter for unbalanced classes only.
        known[4:4] = [
            {**one, "class_weight": "balanced"} for one in (known[0], known[1])
        ]
    return known
