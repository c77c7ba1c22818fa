"""Chromosomes keep their identity, show their silent genes and trust no text."""

import json
import os
import re
import subprocess
import sys

import pytest
from arbitrary import genomes_and_values
from hypothesis import given
from hypothesis import strategies as st

from sknevo.records import Chromosome, Evaluation, express, flatten

GENES = {
    "scaling": "none",
    "model": {"choice": "svm", "svm": {"C": 1.5}, "boosting": {"depth": 3}},
    "layers": {"length": 1, "items": [{"width": 8}, {"width": 16}]},
}
# Journals and lineages name individuals by their keys: these must never change.
KEY = "a477b3a66028803c"


# Identity ------------------------------------------------------------------------


def test_express_leaves_the_silent_out():
    assert express(GENES) == {
        "scaling": "none",
        "model": {"svm": {"C": 1.5}},
        "layers": [{"width": 8}],
    }


def test_flatten_names_the_expressed_by_their_path():
    assert flatten(GENES) == {
        "scaling": "none",
        "model": "svm",
        "model.svm.C": 1.5,
        "layers": 1,
        "layers.0.width": 8,
    }


@pytest.mark.parametrize("seed", ["0", "1"])
def test_the_key_is_the_same_in_every_process_and_release(seed):
    code = (
        "import json, sys; from sknevo.records import Chromosome;"
        "print(Chromosome(json.load(sys.stdin)).key)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(GENES),
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == KEY


def test_the_key_does_not_depend_on_the_order_of_genes_or_on_descent():
    backwards = dict(reversed(GENES.items()))
    assert Chromosome(backwards, 5, "mutation", ("abc",)).key == KEY
    assert hash(Chromosome(backwards)) == hash(Chromosome(GENES))


@given(genomes_and_values())
def test_silent_genes_do_not_change_the_key_expressed_ones_do(family):
    genome, rng, value = family
    key = Chromosome(value).key
    assert Chromosome(genome.complete(express(value), rng)).key == key
    mutant = genome.mutate(value, rng)
    assert (Chromosome(mutant).key == key) == (express(mutant) == express(value))


@given(
    genomes_and_values(),
    st.integers(0, 99),
    st.text(max_size=9),
    st.lists(st.text(max_size=9)),
)
def test_chromosomes_travel_as_json(family, generation, origin, parents):
    _, _, value = family
    chromosome = Chromosome(value, generation, origin, tuple(parents))
    text = chromosome.to_json()
    assert "\n" not in text
    assert Chromosome.from_json(text) == chromosome
    assert Chromosome.from_json(text).key == chromosome.key


# Text that is no chromosome ------------------------------------------------------

RECORD = json.loads(Chromosome(GENES).to_json())
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choice", "length", "items", "rate"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@given(st.text())
def test_text_is_refused(text):
    with pytest.raises(ValueError, match="must be the JSON of a chromosome"):
        Chromosome.from_json(text)


@given(st.sampled_from(sorted(RECORD)), ANY_JSON)
def test_json_is_refused_or_makes_a_whole_chromosome(name, value):
    try:
        chromosome = Chromosome.from_json(json.dumps({**RECORD, name: value}))
    except ValueError:
        return
    assert re.fullmatch("[0-9a-f]{16}", chromosome.key)
    assert chromosome.key in str(chromosome)
    assert isinstance(flatten(chromosome.genes), dict)
    assert Chromosome.from_json(chromosome.to_json()).key == chromosome.key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        json.dumps({**RECORD, "genes": [["rate", 1]]}),
        json.dumps({**RECORD, "genes": {"model": {"choice": "svm"}}}),
        json.dumps({**RECORD, "genes": {"layers": {"length": "2", "items": []}}}),
        json.dumps({**RECORD, "generation": float("inf")}),
        json.dumps({**RECORD, "generation": "later"}),
        json.dumps({**RECORD, "parents": "a477b3a66028803c"}),
        json.dumps({**RECORD, "parents": None}),
        "[" * 100_000,
        Chromosome(GENES).to_json()[:-1],
    ],
    ids=lambda text: text[:60],
)
def test_garbage_is_refused(text):
    with pytest.raises(ValueError, match="must be the JSON of a chromosome"):
        Chromosome.from_json(text)


def test_reading_runs_no_code(tmp_path):
    target = tmp_path / "was_here"
    for text in (
        f"__import__('pathlib').Path({str(target)!r}).touch()",
        f"cpathlib\nPath\n(S{str(target)!r}\ntR.",  # a pickle
        f"!!python/object/apply:pathlib.Path.touch [{target}]",
    ):
        with pytest.raises(ValueError, match="must be the JSON of a chromosome"):
            Chromosome.from_json(text)
    assert not target.exists()


# Representations -----------------------------------------------------------------


def test_str_says_the_expressed_genes_part_by_part():
    assert str(Chromosome(GENES, 3, "crossover", ("aa", "bb"))).splitlines() == [
        "scaling=none, model=svm, C=1.5, layers=1, width=8",
        f"  crossover of aa and bb, generation 3, key {KEY}",
        "scaling=none",
        "Model: model=svm, C=1.5",
        "Layers 1: width=8",
    ]
    assert repr(Chromosome({"C": 1.0})).endswith(": C=1>")


def test_html_says_the_expressed_genes_part_by_part():
    rows = Chromosome(GENES)._repr_html_().split("<tr>")[1:]
    texts = [re.sub("<[^>]*>", " ", row).split() for row in rows]
    assert texts == [
        ["scaling=none"],
        ["Model", "model=svm,", "C=1.5"],
        ["Layers", "1", "width=8"],
    ]


def test_a_listing_shows_every_gene_and_marks_the_silent():
    lines = Chromosome(GENES).listing().splitlines()
    shown = {tuple(line.split()) for line in lines}
    assert {("model", "svm"), ("C", "1.5"), ("layers", "1"), ("width", "8")} < shown
    silent = {("boosting",), ("depth", "3"), ("1",), ("width", "16")}
    assert {(*words, "(silent)") for words in silent} < shown
    assert sum("(silent)" in line for line in lines) == 4


def test_scores_are_shown_but_are_no_part_of_the_individual():
    chromosome = Chromosome(GENES, scores={"accuracy": 0.123456, "<f1>": 1.0})
    assert "accuracy = 0.1235" in str(chromosome)
    assert "accuracy 0.1235, &lt;f1&gt; 1" in chromosome._repr_html_()
    assert chromosome == Chromosome(GENES)
    assert chromosome.to_json() == Chromosome(GENES).to_json()


def test_html_escapes_what_it_shows():
    html = Chromosome({"<b>": "<script>"}, origin="<i>")._repr_html_()
    assert not re.search("<(b|script|i)>", html)
    assert "&lt;script&gt;" in html


def test_the_duration_is_of_fits_and_scores_unless_cached():
    times = {"fit_times": (1.0, 2.0), "score_times": (0.25, 0.25)}
    assert Evaluation(Chromosome(GENES), "ok", 1.0, **times).duration == 3.5
    assert Evaluation(Chromosome(GENES), "ok", 1.0, **times, cached=True).duration == 0
