"""The search space of pipelines for tables and images."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from os import PathLike
from typing import Any

from sklearn.base import BaseEstimator

from sknevo.genes import (
    Categorical,
    Choice,
    EstimatorGenome,
    Gene,
    Genome,
    Integer,
    Real,
)
from sknevo.genomes.pipeline._families import (
    MODELS,
    Family,
    has_texts,
    own_families,
    suits,
)
from sknevo.genomes.pipeline._images import (
    copies,
    extraction,
    features,
    has_images,
    repair_features,
    width_of_genes,
)
from sknevo.genomes.pipeline._texts import keeps_words, repair_texts, text_width, texts
from sknevo.pretrained import find_weights
from sknevo.records import DataSpec
from sknevo.spelling import did_you_mean

Genes = dict[str, Any]
Own = Mapping[str, Family]

# The tables. The second list of a category holds its weights. Weights and ranges are
# chosen, not measured, with an eye on those of published portfolios: AutoGluon's
# (2025) and the search spaces of TabArena.

SCALING = Categorical(
    [
        "none",
        "standard",
        "minmax",
        "maxabs",
        "robust",
        "quantile",
        "power",
        "squashing",
        "piecewise",
    ],
    [3, 3, 1, 1, 1, 1, 1, 2, 2],
)
IMPUTATION = Categorical(["none", "median", "mean", "most_frequent"], [3, 2, 1, 1])
# Genes of LightGBM that concern its own handling of categories, and their values where
# it has no effect: LightGBM's defaults.
NATIVE = Genome(
    cat_smooth=Real(1e-3, 100, log=True),
    cat_l2=Real(5e-3, 20, log=True),
    max_cat_to_onehot=Integer(4, 100, log=True),
    min_data_per_group=Integer(2, 100, log=True),
)
NATIVE_DEFAULTS = {
    "cat_smooth": 10.0,
    "cat_l2": 10.0,
    "max_cat_to_onehot": 4,
    "min_data_per_group": 100,
}
# Labels are many if a one-hot encoding does not tell all of a column apart.
MANY_LABELS = 40
# An exact SVM costs rows x rows: with more rows it is approximated. Chosen, not
# measured.
MANY_SAMPLES = 6000
# Generated features, and how often a pipeline is without and with each. All else equal,
# "pairs" improved 56 of 69 candidates with trees on five tables, by 4 % in the mean,
# "groups" 27 of 34 on three, by 1 %, "targets" 7 of 17 (benchmarks/extraction.py). With
# LightGBM alone and 8 held-out parts per table, "targets" gained on 8 of 9 tables.
# Crosses of categories lost on 5 of 7 and are left out.
# "counts" beside targets improved LightGBM on 13 of 13 samples of ratings, by 1.2 %,
# and on 6 of 13 of flights (benchmarks/labels.py).
GENERATED = {"targets": [4, 1], "pairs": [1, 1], "groups": [1, 1], "counts": [3, 1]}
# How often each extraction is drawn. All else equal it improved the held-out log-loss
# with polynomials in 8 of 12 candidates, with others in 11 of 108
# (benchmarks/extraction.py, three tables). None of the 64 pipelines in auto-sklearn's
# portfolios has one.
EXTRACTION_WEIGHTS = {"none": 40, "polynomial": 4, "select_k_best": 1.5}
OTHER_EXTRACTIONS = 0.5
# With more columns there are no polynomial features: their number grows with the square
# of the columns. Trees find interactions themselves and are slow on so many. Chosen,
# not measured.
MANY_COLUMNS, MANY_COLUMNS_FOR_TREES = 40, 15

# Sparse tables have few scalings and extractions, which keep them sparse or make few
# dense columns of them.
SPARSE_SCALING = Categorical(["none", "maxabs", "tfidf"], [3, 1, 2])
# Components of a singular value decomposition. Chosen, not measured.
MOST_COMPONENTS, FEWEST_COMPONENTS = 300, 8


# Tables of more columns are wide: what each column costs matters, and most columns may
# tell nothing. What follows, up to LONG, is for them. The tables that the portfolio was
# learned on have 100 columns at most.
WIDE = 300
# Columns that a univariate filter keeps at most, and at least. Chosen, not measured.
MOST_KEPT, FEWEST_KEPT = 1000, 4
# With more columns than these, a scaling or an extraction is left out: it would take
# longer than most models. Seconds of a fit and a transform of 800 rows and 1,000
# columns: standard 0.01, squashing 0.07, robust 0.08, piecewise 0.13, quantile 0.6,
# power 4.
MOST_TRANSFORMED = {
    "power": 100,
    "quantile": MOST_KEPT,
    "robust": MOST_KEPT,
    "squashing": MOST_KEPT,
    "piecewise": 100,
    "pca": MOST_KEPT,
    "ica": 300,
    "agglomeration": 300,
    "lda": MOST_KEPT,
    "nystroem": MOST_KEPT,
}


# Tables of more values are long: models that need many times the memory or time of a
# booster are left out, trees may have more leaves, and boosters come first. The rest of
# these constants is for them. Chosen, not measured.
LONG = 4_000_000
# Scalings of one pass, and without new columns.
FAST_SCALINGS = ("none", "standard", "minmax", "maxabs", "robust", "squashing")


def pipeline(
    spec: DataSpec,
    *,
    models: Sequence[str] = tuple(MODELS),
    extra_models: Mapping[str, tuple[BaseEstimator, Any]] | None = None,
    pretrained: str | Sequence[str] | Mapping[str, str | PathLike[str]] | None = "auto",
    download: bool = False,
) -> Genome:
    """Return the search space of pipelines for a table, or for images.

    Parameters
    ----------
    spec : DataSpec
        Describes the table or the images: genes that have no effect are left out.
    models : sequence of str, default=("svm", "hist_gradient_boosting", "lightgbm", \
"xgboost", "extra_trees", "random_forest", "mlp", "linear", "gaussian_process", \
"neighbours", "naive_bayes")
        The models to choose from. Those that do not suit the table are left out: naive
        Bayes needs texts alone, or a sparse table without negative values; the gradient
        boosting of scikit-learn and Gaussian processes need a dense one.
    extra_models : dict of str to (estimator, genes) or None, default=None
        Models of your own, which join the others: a name for each, an unfitted
        classifier or regressor of scikit-learn's kind, and what varies of its
        parameters, in the forms that `EvolvedSearchCV` takes. An empty dict varies
        nothing. The estimator gets arrays of numbers. Its tags say whether these may be
        sparse or have missing values.
    pretrained : "auto", sequence of str, dict of str to path, or None, default="auto"
        The pretrained networks to choose from, whose features pipelines of images may
        have: names of architectures of timm or torchvision, in a dict with the files of
        their weights. "auto" stands for those whose weights are on this machine, see
        `sknevo.pretrained.known_weights`; None for none.
    download : bool, default=False
        Whether torchvision downloads named weights that are not on this machine.

    Returns
    -------
    Genome
        Its genes are `preparation`, `scaling`, `extraction`, `model` and, for
        classification, `class_weight`.

    Raises
    ------
    ValueError
        If a model is not known, none suits the table, one of your own cannot be used,
        or a pretrained network is not on this machine.
    ImportError
        If named pretrained networks need a library that is missing.

    Examples
    --------
    >>> from sknevo.records import Column, DataSpec
    >>> spec = DataSpec("classification", 100, 2, (Column("a", "numeric"),))
    >>> list(pipeline(spec).genes)
    ['preparation', 'scaling', 'extraction', 'class_weight', 'model']
    >>> from sklearn.linear_model import RidgeClassifier
    >>> ridge = RidgeClassifier(), {"alpha": Real(0.01, 100, log=True)}
    >>> genome = pipeline(spec, models=["linear"], extra_models={"ridge": ridge})
    >>> list(genome.genes["model"].branches)
    ['linear', 'ridge']
    """
    own = own_families({} if extra_models is None else extra_models, spec.task)
    families = MODELS | own
    wanted = [*models, *own]
    known = [name for name in families if suits(name, spec)]
    unknown = [name for name in wanted if name not in families]
    suited = [name for name in wanted if name in known]
    if unknown or not suited:
        meant = did_you_mean(unknown[0], known) if unknown else ""
        raise ValueError(f"models must be among {known}; got {list(models)}.{meant}")
    if is_long(spec):
        fast = [n for n in suited if n in own or families[n].takes_millions]
        suited = fast or suited
    genes: dict[str, Gene] = {
        "preparation": _preparation(spec, pretrained, download),
        "scaling": SPARSE_SCALING if spec.sparse else SCALING,
        "extraction": _extraction_of(spec),
    }
    if spec.task == "classification":
        genes["class_weight"] = Categorical([None, "balanced"], [3, 1]).with_neutral(
            None
        )
    genes["model"] = Choice(
        {name: families[name].weight for name in suited},
        **{name: _model(name, families[name], spec) for name in suited},
    )
    return Genome(**genes).constrained(
        *(partial(each, spec=spec, own=own) for each in _repairs(spec))
    )


def _repairs(spec: DataSpec) -> list[Callable[..., Genes]]:
    """Return what makes genes suit each other and the samples."""
    if spec.sparse:
        repairs = [_repair_sparse]
    elif is_wide(spec):
        repairs = [_repair_wide, _repair]
    elif is_long(spec):
        repairs = [_repair_long, _repair]
    else:
        repairs = [_repair]
    if has_texts(spec):
        repairs = [_repair_texts, *repairs]
    if has_images(spec):
        repairs = [_repair_images, *repairs]
    return repairs


def _model(name: str, family: Family, spec: DataSpec) -> Genome:
    """Return the genes of a model that have an effect on the table."""
    if isinstance(family.genes, EstimatorGenome):
        return family.genes
    classifies = spec.task == "classification"
    added = family.of_classifiers if classifies else family.of_regressors
    genes = family.genes.genes | added.genes
    if name == "lightgbm" and _has_categories(spec):
        genes = genes | NATIVE.genes
    if has_texts(spec):
        genes = genes | family.of_wide.genes | family.of_texts.genes
    if spec.sparse or is_wide(spec) or has_images(spec):
        genes = genes | family.of_wide.genes
    if is_long(spec):
        genes = genes | family.of_long.genes
    return Genome(**genes)


def is_wide(spec: DataSpec) -> bool:
    return len(spec.columns) > WIDE and not spec.sparse


def is_long(spec: DataSpec) -> bool:
    if spec.sparse or is_wide(spec):
        return False
    return spec.n_samples * len(spec.columns) > LONG


def _has_categories(spec: DataSpec) -> bool:
    return any(column.kind == "categorical" for column in spec.columns)


def most_labels(spec: DataSpec) -> int:
    """Return the largest number of labels that a column has."""
    labels = [c.n_unique for c in spec.columns if c.kind == "categorical"]
    return max(labels, default=0)


def _preparation(spec: DataSpec, pretrained: Any, download: bool) -> Genome:
    """Return the genes of the preparation that the columns of the table need."""
    if has_images(spec):
        of_images = {"features": features(spec, find_weights(pretrained, download))}
        if (choice := copies(spec)) is not None:
            of_images["copies"] = choice
        return Genome(**of_images)
    kinds = {column.kind for column in spec.columns}
    genes: dict[str, Gene] = {}
    if {c.kind for c in spec.columns if c.missing} & {"numeric", "boolean", "datetime"}:
        genes["imputation"] = IMPUTATION
        genes["missing_indicator"] = Categorical([False, True])
    if "categorical" in kinds:
        genes["encoding"] = Categorical(["onehot", "ordinal", "target", "native"])
        genes["min_frequency"] = Categorical([0.0, 0.01, 0.05], [2, 1, 1])
    # Generated features: the target by category beside the encoding, arithmetic of
    # pairs of numbers, distances of numbers from their mean by category, and how many
    # rows have the category. Pairs are of all columns, which takes seconds on a wide
    # table.
    several = sum(c.kind in ("numeric", "boolean") for c in spec.columns) > 1
    several = several and len(spec.columns) <= WIDE and not spec.sparse
    generated = {
        "targets": "categorical" in kinds,
        "pairs": several,
        "groups": several and "categorical" in kinds,
        "counts": most_labels(spec) > MANY_LABELS,
    }
    for name in (name for name, useful in generated.items() if useful):
        genes[name] = Categorical([False, True], GENERATED[name]).with_neutral(False)
    if "text" in kinds:
        genes["text"] = texts(spec)
    if len(spec.columns) > WIDE:
        genes["filter"] = _sparse_filter(spec) if spec.sparse else _filter(spec)
    return Genome(**genes)


def _filter(spec: DataSpec) -> Choice:
    """Return the choice of a filter: of many columns few pipelines have none."""
    n_columns = len(spec.columns)
    kept = Genome(
        n_columns=Integer(FEWEST_KEPT, min(MOST_KEPT, n_columns // 2), log=True),
        relation=Categorical(["linear", "any"]),
    )
    return Choice({"none": WIDE / n_columns}, none=Genome(), univariate=kept)


def _extraction_of(spec: DataSpec) -> Choice:
    """Return the choice of an extraction that suits the samples."""
    if has_images(spec):
        return extraction(spec)
    return _sparse_extraction(spec) if spec.sparse else _extraction(spec)


def _extraction(spec: DataSpec) -> Choice:
    """Return the choice of an extraction of features; most have none."""
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
    if is_wide(spec):  # the preparation has a filter
        del branches["select_k_best"]
    weights = {
        name: EXTRACTION_WEIGHTS.get(name, OTHER_EXTRACTIONS) for name in branches
    }
    return Choice(weights, **branches).with_neutral("none")


def _sparse_filter(spec: DataSpec) -> Choice:
    """Return the choice of a filter; a sparse column costs little."""
    n_kept = Integer(WIDE // 2, len(spec.columns) // 2, log=True)
    return Choice({"none": 3}, none=Genome(), univariate=Genome(n_columns=n_kept))


def _sparse_extraction(spec: DataSpec) -> Choice:
    """Return the choice of an extraction that takes a sparse table."""
    most = min(MOST_COMPONENTS, spec.n_samples // 2, len(spec.columns) - 1)
    fewest = min(FEWEST_COMPONENTS, most)
    if fewest < 1:
        return Choice(none=Genome())
    n_components = Integer(fewest, most, log=True)
    svd = Genome(n_components=n_components)
    return Choice({"none": 2}, none=Genome(), svd=svd).with_neutral("none")


def _chosen(genes: Genes, own: Own) -> tuple[str, Family]:
    """Return the name and the family of the model that is expressed."""
    name = genes["model"]["choice"]
    return name, own[name] if name in own else MODELS[name]


def _repair_sparse(genes: Genes, spec: DataSpec, own: Own) -> Genes:
    """Return genes of a pipeline that takes sparse tables, as `_repair` does."""
    preparation, extraction = genes["preparation"], genes["extraction"]
    model, family = _chosen(genes, own)
    too_many = _width(spec, preparation) > family.most_sparse_columns
    if too_many and "svd" in extraction:
        extraction["choice"] = "svd"
    if model == "naive_bayes":  # which takes no negative values
        extraction["choice"] = "none"
    _repair_model(genes, spec, family)
    if preparation.get("imputation") == "none":
        preparation["imputation"] = "median"
    return genes


def _repair(genes: Genes, spec: DataSpec, own: Own) -> Genes:
    """Return genes of a pipeline that works, without genes that have no effect."""
    preparation, extraction = genes["preparation"], genes["extraction"]
    _, family = _chosen(genes, own)
    trees = family.is_tree
    most = MANY_COLUMNS_FOR_TREES if trees else MANY_COLUMNS
    if extraction["choice"] == "polynomial" and _width(spec, preparation) > most:
        extraction["choice"] = "none"
    # Many models depend on distances, which unscaled columns would dominate. Features
    # of images are on scales of their own, which tell how much they matter.
    is_table = not has_images(spec)
    if is_table and family.needs_scaling and genes["scaling"] == "none":
        genes["scaling"] = "standard"
    if keeps_words(preparation):  # the preparation scales what is beside them
        genes["scaling"] = "none"
    if trees and extraction["choice"] in ("none", "select_k_best"):
        # Trees depend on the order of values alone: a scaler has no effect.
        genes["scaling"] = "none"
    # The pieces of columns are for models; extractions of so many columns take long.
    if genes["scaling"] == "piecewise" and extraction["choice"] != "none":
        genes["scaling"] = "squashing"
    _repair_model(genes, spec, family)
    many = most_labels(spec) > MANY_LABELS
    takes = family.takes_many_categories if many else family.takes_categories
    _repair_preparation(preparation, family, extraction["choice"], takes)
    if "lightgbm" in genes["model"] and preparation.get("encoding") != "native":
        known = genes["model"]["lightgbm"]
        known |= {n: v for n, v in NATIVE_DEFAULTS.items() if n in known}
    return genes


def _repair_texts(genes: Genes, spec: DataSpec, own: Own) -> Genes:
    """Return genes by which texts become what the model of these genes takes."""
    return repair_texts(genes, spec, _chosen(genes, own)[1])


def _repair_images(genes: Genes, spec: DataSpec, own: Own) -> Genes:
    """Return genes by which images become what the model of these genes takes."""
    return repair_features(genes, spec, _chosen(genes, own)[1])


def _repair_wide(genes: Genes, spec: DataSpec, own: Own) -> Genes:
    """Return genes without what would take too long on so many columns."""
    preparation, extraction = genes["preparation"], genes["extraction"]
    (model, family), kept = _chosen(genes, own), preparation["filter"]
    if _width(spec, preparation) > MOST_KEPT and not family.takes_thousands:
        kept["choice"] = "univariate"
    width = _width(spec, preparation)
    if width > MOST_TRANSFORMED.get(genes["scaling"], width):
        genes["scaling"] = "standard"
    if width > MOST_TRANSFORMED.get(extraction["choice"], width):
        extraction["choice"] = "none"
    if kept["choice"] == "univariate" and preparation.get("encoding") == "native":
        preparation["encoding"] = "ordinal"  # it is not known which columns are left
    # Its bins of weighted rows take 0.1 s for each column.
    if model == "hist_gradient_boosting" and "class_weight" in genes:
        genes["class_weight"] = None
    return genes


def _repair_model(genes: Genes, spec: DataSpec, family: Family) -> None:
    """Change genes of models that would take too long, or have no effect."""
    model = genes["model"]["choice"]
    if model == "svm" and spec.n_samples > MANY_SAMPLES:
        genes["model"]["svm"]["approximate"] = True
    if not family.weighs_classes and "class_weight" in genes:
        genes["class_weight"] = None


def _repair_long(genes: Genes, spec: DataSpec, own: Own) -> Genes:
    """Return genes without what needs many times the memory of so many rows."""
    preparation = genes["preparation"]
    if genes["extraction"]["choice"] != "select_k_best":
        genes["extraction"]["choice"] = "none"
    if genes["scaling"] not in FAST_SCALINGS:
        genes["scaling"] = "standard"
    if _width(spec, preparation) > 2 * len(spec.columns):
        preparation["encoding"] = "target"
    return genes


def _repair_preparation(
    preparation: Genes, family: Family, extraction: str, takes_categories: bool
) -> None:
    """Change genes that the model cannot take, and those without effect."""
    # Trees handle missing values themselves; most other models and extractions do not.
    imputed = not family.takes_missing or extraction != "none"
    if preparation.get("imputation") == "none" and imputed:
        preparation["imputation"] = "median"
    # Generated features were measured with trees; polynomials serve the others.
    if imputed or not family.is_tree:
        preparation |= dict.fromkeys({*GENERATED} & {*preparation}, False)
    takes_categories = takes_categories and extraction == "none"
    if preparation.get("encoding") == "native" and not takes_categories:
        preparation["encoding"] = "ordinal"
    # Genes without effect have one value, so that equal pipelines have the same key.
    if preparation.get("imputation") == "none":
        preparation["missing_indicator"] = False
    if preparation.get("encoding") in ("target", "native"):
        preparation["min_frequency"] = 0.0
    if preparation.get("encoding") == "target":
        preparation["targets"] = False


def _width(spec: DataSpec, preparation: dict[str, Any]) -> int:
    """Return roughly the number of columns after the preparation."""
    width = len(spec.columns)
    if preparation.get("encoding") == "onehot":
        labels = [c.n_unique for c in spec.columns if c.kind == "categorical"]
        width += sum(labels) - len(labels)
    match preparation.get("filter"):
        case {"choice": "univariate", "univariate": {"n_columns": n}}:
            width = min(n, width)
    if "text" in preparation:
        width += text_width(spec, preparation["text"])
    if "features" in preparation:
        width += width_of_genes(preparation["features"], spec)
    return width
