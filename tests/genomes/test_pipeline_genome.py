"""The search space of tables: what is left out, and what is repaired."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sknevo.builders.pipeline import PipelineBuilder
from sknevo.genomes.pipeline import pipeline, well_known
from sknevo.genomes.pipeline._families import MODELS
from sknevo.genomes.pipeline._known import PORTFOLIO
from sknevo.genomes.pipeline._space import MOST_KEPT, SCALING, WIDE
from sknevo.records import Chromosome, Column, DataSpec, Sparsity

TREES = {name for name, family in MODELS.items() if family.is_tree}
DENSE_ONLY = {name for name, family in MODELS.items() if not family.takes_sparse}
KINDS = ("numeric", "boolean", "categorical", "datetime", "text")
COLUMNS = st.builds(
    Column,
    name=st.integers(0, 99),
    kind=st.sampled_from(KINDS),
    n_unique=st.integers(2, 500),
    missing=st.booleans(),
)
SPARSE = st.builds(Sparsity, density=st.floats(0, 1), negative=st.booleans())


def table_of(n_samples, n_classes, columns, sparse=None):
    task = "classification" if n_classes else "regression"
    return DataSpec(task, n_samples, n_classes, tuple(columns), sparse=sparse)


ROWS_AND_CLASSES = st.integers(4, 10**6), st.sampled_from([0, 2, 3, 50])
SPECS = (
    st.builds(table_of, *ROWS_AND_CLASSES, st.lists(COLUMNS, min_size=1, max_size=60))
    | st.builds(
        table_of,
        *ROWS_AND_CLASSES,
        st.integers(1, 1000).map(lambda n: [Column(i, "numeric") for i in range(n)]),
        SPARSE,
    )
    | st.builds(
        lambda n, k, sides: DataSpec(
            "classification" if k else "regression", n, k, shape=sides, channels="last"
        ),
        *ROWS_AND_CLASSES,
        st.tuples(st.integers(1, 300), st.integers(1, 300))
        | st.tuples(st.integers(1, 300), st.integers(1, 300), st.integers(1, 13)),
    )
)


def samples(spec, n=300, seed=0):
    genome, rng = pipeline(spec), np.random.default_rng(seed)
    return [Chromosome(genome.sample(rng)).expressed for _ in range(n)]


def spec(n_samples=500, n_columns=5, task="classification", **column):
    columns = [Column(i, **{"kind": "numeric", **column}) for i in range(n_columns)]
    return DataSpec(task, n_samples, 2 * (task == "classification"), tuple(columns))


@given(SPECS, st.integers(0, 2**32 - 1))
def test_operators_stay_inside_for_any_table(table, seed):
    genome, rng = pipeline(table), np.random.default_rng(seed)
    mother, father = genome.sample(rng), genome.sample(rng)
    for genes in (
        mother,
        genome.mutate(mother, rng),
        genome.cross(mother, father, rng),
    ):
        assert genome.contains(genes)
        assert genome.repair(genes) == genes


@given(SPECS)
def test_known_individuals_belong_to_the_genome_of_any_table(table):
    genome, rng = pipeline(table), np.random.default_rng(0)
    known = [genome.complete(genes, rng) for genes in well_known(table)]
    assert all(map(genome.contains, known))
    assert len({Chromosome(genes).key for genes in known}) == len(known)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_known_individuals_keep_the_order_of_the_file(task):
    """On a table of all kinds but text, every entry is there as it is."""
    kinds = [kind for kind in KINDS if kind != "text"]
    columns = [Column(kind, kind, n_unique=20, missing=True) for kind in kinds]
    table = DataSpec(task, 2000, 3 * (task == "classification"), tuple(columns))
    assert well_known(table) == json.loads(PORTFOLIO.read_text())[task]


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize(
    ("n_labels", "n_samples", "kept"),
    [(200, 20_000, True), (5_000, 500, True), (200, 2_000, False), (20, 10**6, False)],
)
def test_many_labels_are_kept_by_one_of_the_first(task, n_labels, n_samples, kept):
    columns = Column("a", "numeric"), Column("b", "categorical", n_labels)
    table = DataSpec(task, n_samples, 2 * (task == "classification"), columns)
    known = well_known(table)
    keeping = [
        one["preparation"]["targets"] or one["preparation"]["encoding"] == "target"
        for one in known
    ]
    assert any(keeping[:3]) == kept
    encodings = {one["preparation"]["encoding"] for one in known}
    assert encodings >= {"ordinal", "native", "onehot"}
    linear = [
        one["preparation"]["encoding"] for one in known if "linear" in one["model"]
    ]
    assert set(linear) == {"native" if kept else "onehot"}
    genome, rng = pipeline(table), np.random.default_rng(0)
    for genes in known:  # nothing that a search space lacks, or would repair
        expressed = Chromosome(genome.complete(genes, rng)).expressed
        assert expressed["preparation"] == genes["preparation"]


def test_the_first_known_individuals_are_of_several_models():
    for task in ("classification", "regression"):
        first = well_known(spec(task=task))[:8]
        assert len({name for genes in first for name in genes["model"]}) >= 4


def test_every_part_can_be_drawn():
    drawn = samples(spec(missing=True), 1000)
    assert {s for d in drawn for s in [d["scaling"]]} == set(SCALING.options)
    assert {name for d in drawn for name in d["model"]} == {*MODELS} - {"naive_bayes"}
    assert {name for d in drawn for name in d["extraction"]} == {
        "none", "pca", "nystroem", "select_k_best", "polynomial", "ica", "lda",
        "agglomeration",
    }  # fmt: skip
    kernels = {
        k for d in drawn for m in d["model"].values() for k in m.get("kernel", ())
    }
    assert kernels == {"linear", "poly", "rbf", "sigmoid"}
    assert {d["class_weight"] for d in drawn} == {None, "balanced"}


def sparse_spec(n_columns=5, negative=False, **given):
    sparse = Sparsity(0.01, negative)
    return replace(spec(n_columns=n_columns, **given), sparse=sparse)


@pytest.mark.parametrize("n_columns", [5, 30_000])
def test_of_a_sparse_table_only_few_components_become_dense(n_columns):
    drawn = samples(sparse_spec(n_columns))
    drawn_models = {name for d in drawn for name in d["model"]}
    assert drawn_models == {*MODELS} - {*DENSE_ONLY}
    assert {d["scaling"] for d in drawn} == {"none", "maxabs", "tfidf"}
    assert {name for d in drawn for name in d["extraction"]} == {"none", "svd"}


def test_naive_bayes_counts_what_is_not_negative():
    def models(spec):
        return {*pipeline(spec).genes["model"].branches}

    assert "naive_bayes" in models(sparse_spec())
    assert "naive_bayes" not in models(sparse_spec(negative=True))
    assert "naive_bayes" not in models(sparse_spec(task="regression"))
    assert "naive_bayes" not in models(spec())
    drawn = samples(sparse_spec())
    assert all("none" in d["extraction"] for d in drawn if "naive_bayes" in d["model"])


@pytest.mark.parametrize(
    ("kinds", "has_some_without"), [(["text"], False), (["text", "numeric"], True)]
)
def test_texts_that_say_nothing_can_be_left_alone(kinds, has_some_without):
    columns = [Column(kind, kind, 50, missing=True, letters=30.0) for kind in kinds]

    def is_given_text(genes):
        text = genes["preparation"]["text"]
        counted = any("ngrams" in text[unit] for unit in ("words", "characters"))
        return counted or text["target"] or text.get("embedding", False)

    given = [is_given_text(one) for one in well_known(table_of(300, 3, columns))]
    assert all(given) != has_some_without
    assert given[0] != has_some_without


@pytest.mark.parametrize(
    "task", ["classification", pytest.param("regression", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("kinds", [["text"], ["text", "categorical", "numeric"]])
def test_words_stay_sparse_for_models_that_take_many_columns(kinds, task):
    columns = [Column(kind, kind, 50, missing=True, letters=30.0) for kind in kinds]
    table = table_of(300, 3 * (task == "classification"), columns)
    sparse, dense = set(), set()
    for genes in samples(table, 600):
        text, (model,) = genes["preparation"]["text"], genes["model"]
        units = text["words"], text["characters"]
        counts = any("ngrams" in unit for unit in units)
        if counts and "none" in text["components"]:
            sparse.add(model)
            assert genes["scaling"] == "none"
            assert genes["preparation"].get("encoding") != "native"
            assert [*genes["model"].get("svm", {}).get("kernel", "")] in (
                [],
                ["linear"],
            )
        else:
            dense.add(model)
        if counts or text.get("embedding"):
            assert "none" in genes["extraction"]
        elif kinds == ["text"]:
            assert text["target"]
    bayes = {"naive_bayes"} if task == "classification" and len(kinds) == 1 else set()
    assert sparse == {"linear", "svm"} | bayes
    assert dense >= {"lightgbm", "mlp", "hist_gradient_boosting"}
    assert "naive_bayes" not in dense


def test_models_for_dense_tables_are_refused_on_sparse_ones():
    known = pipeline(sparse_spec(), models=["gaussian_process", "linear"])
    assert [*known.genes["model"].branches] == ["linear"]
    with pytest.raises(ValueError, match=r"models must be among \['svm', 'lightgbm'"):
        pipeline(sparse_spec(), models=["gaussian_process"])


def test_genes_that_a_table_has_no_use_for_are_left_out():
    def preparation(**given):
        return set(pipeline(spec(**given)).genes["preparation"].genes)

    assert preparation(n_columns=1) == set()
    assert preparation() == {"pairs"}
    labels = {"encoding", "min_frequency", "targets"}
    assert preparation(kind="categorical", n_unique=3) == labels
    assert preparation(kind="categorical", n_unique=300) == labels | {"counts"}
    assert "cat_l2" not in pipeline(spec()).genes["model"].branches["lightgbm"].genes
    assert "class_weight" not in pipeline(spec(task="regression")).genes


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize(
    "n_columns", [WIDE + 1, pytest.param(1500, marks=pytest.mark.slow), 20_000]
)
def test_on_wide_tables_nothing_costly_sees_all_columns(n_columns, task):
    table = spec(n_columns=n_columns, task=task)
    genome, rng = pipeline(table), np.random.default_rng(0)
    known = [Chromosome(genome.complete(genes, rng)) for genes in well_known(table)]
    assert len({one.key for one in known}) == len(known)
    drawn = samples(table)
    kept = [d["preparation"]["filter"] for d in drawn]
    share = np.mean(["none" in each for each in kept])
    assert share < WIDE / (WIDE + n_columns) + 0.08
    assert min(k["univariate"]["n_columns"] for k in kept if "univariate" in k) < 10
    builder = PipelineBuilder(table)
    assert builder.cost(known[0].expressed) < 0.5
    for genes in [one.expressed for one in known] + drawn:
        if "none" in genes["preparation"]["filter"] and n_columns > MOST_KEPT:
            assert genes["scaling"] in ("none", "standard", "minmax", "maxabs")
            assert "none" in genes["extraction"]
            assert {*genes["model"]} <= {
                n for n, one in MODELS.items() if one.takes_thousands
            }


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_on_long_tables_nothing_takes_many_times_their_memory(task):
    numbers = [Column(i, "numeric") for i in range(20)]
    labels = Column("label", "categorical", 5_000)
    table = table_of(1_000_000, 2 * (task == "classification"), [*numbers, labels])
    models = {"lightgbm", "xgboost", "mlp", "linear"}
    for genes in samples(table, 100):
        expressed = Chromosome(genes).expressed
        assert {*expressed["model"]} < models
        assert expressed["scaling"] not in ("power", "quantile", "piecewise")
        assert {*expressed["extraction"]} <= {"none", "select_k_best"}
        assert expressed["preparation"]["encoding"] != "onehot"
    known = well_known(table)
    assert [{*one["model"]} for one in known[:3]] == [
        {"lightgbm"},
        {"mlp"},
        {"xgboost"},
    ]
    genome = pipeline(table)
    for one in known:
        genome.complete(one, np.random.default_rng(0))


def test_tables_that_are_not_wide_have_no_genes_of_wide_ones():
    narrow, wide = (pipeline(spec(n_columns=n)) for n in (WIDE, WIDE + 1))
    assert "filter" not in narrow.genes["preparation"].genes
    assert "select_k_best" in narrow.genes["extraction"].branches
    assert "l1_ratio" not in narrow.genes["model"].branches["linear"].genes
    assert "l1_ratio" in wide.genes["model"].branches["linear"].genes


def test_an_svm_that_cannot_finish_is_approximated():
    large = samples(spec(n_samples=50_000))
    assert all(d["model"]["svm"]["approximate"] for d in large if "svm" in d["model"])
    small = samples(spec(n_samples=500))
    assert not all(
        d["model"]["svm"]["approximate"] for d in small if "svm" in d["model"]
    )


def test_all_but_trees_are_scaled_and_complete():
    for drawn in samples(spec(missing=True)):
        if not set(TREES) & set(drawn["model"]):
            assert drawn["scaling"] != "none"
            assert drawn["preparation"]["imputation"] != "none"
        elif "none" in drawn["extraction"]:
            assert drawn["scaling"] == "none"


def test_genes_without_effect_do_not_tell_individuals_apart():
    columns = (Column(0, "numeric", 0, True), Column(1, "categorical", 3))
    for drawn in samples(DataSpec("classification", 500, 2, columns)):
        preparation = drawn["preparation"]
        if preparation["imputation"] == "none":
            assert preparation["missing_indicator"] is False
        if preparation["encoding"] == "target":
            assert preparation["min_frequency"] == 0


def test_generated_features_are_for_trees():
    columns = (*(Column(i, "numeric") for i in range(3)), Column(3, "categorical", 3))
    seen = set()
    for drawn in samples(DataSpec("classification", 500, 2, columns), 600):
        flags = {n for n in ("targets", "pairs", "groups") if drawn["preparation"][n]}
        seen |= flags
        if not set(TREES) & set(drawn["model"]) or "none" not in drawn["extraction"]:
            assert not flags
        if (
            drawn["preparation"]["encoding"] != "native"
            and "lightgbm" in drawn["model"]
        ):
            assert drawn["model"]["lightgbm"]["cat_l2"] == 10
    assert seen == {"targets", "pairs", "groups"}


def test_polynomials_of_many_columns_are_not_tried():
    assert not any("polynomial" in d["extraction"] for d in samples(spec(n_columns=60)))


def test_pieces_of_columns_are_not_extracted_from():
    for drawn in samples(spec(n_columns=5)):
        assert drawn["scaling"] != "piecewise" or "none" in drawn["extraction"]


def test_models_can_be_chosen():
    only = pipeline(spec(), models=["svm"])
    assert list(only.genes["model"].branches) == ["svm"]
    with pytest.raises(ValueError, match=r"models must be among .*; got \['forest'\]"):
        pipeline(spec(), models=["forest"])
