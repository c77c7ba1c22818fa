"""Individuals and scores in words; what each gene is called, one file per task.

The words of a genome are data: see `Words`. A new genome brings a file with its own,
and a place in `WORDS`.
"""

from collections.abc import Iterable, Sequence

from sknevo.describe._scores import COSTS, metric_label, score_text
from sknevo.describe._words import Genes, Words, shown
from sknevo.describe.autoencoder import AUTOENCODER
from sknevo.describe.convnet import CONVNET, DENSE_NETWORK
from sknevo.describe.detector import DETECTOR
from sknevo.describe.few_shot import FEW_SHOT_DENSE_NETWORK, FEW_SHOT_NETWORK
from sknevo.describe.gan import GAN
from sknevo.describe.pipeline import PIPELINE
from sknevo.describe.policy import POLICY
from sknevo.describe.search_cv import PARAMETERS
from sknevo.describe.segmenter import SEGMENTER

__all__ = [
    "COSTS",
    "describe",
    "describe_all",
    "family_label",
    "metric_label",
    "parts",
    "score_text",
    "shown",
]

# The first one that fits a genome is taken; the last one fits all.
WORDS = (
    PIPELINE,
    GAN,
    AUTOENCODER,
    SEGMENTER,
    DETECTOR,
    FEW_SHOT_NETWORK,
    FEW_SHOT_DENSE_NETWORK,
    CONVNET,
    DENSE_NETWORK,
    POLICY,
    PARAMETERS,
)


def describe(genes: Genes) -> str:
    """Return the main genes of an individual in one short line.

    Parameters
    ----------
    genes : dict of str to JSON scalar
        Every expressed gene by its path, see `sknevo.records.flatten`.

    Returns
    -------
    str

    Examples
    --------
    >>> from sknevo.records import flatten
    >>> booster = {"num_leaves": 127, "learning_rate": 0.05}
    >>> genes = {"preparation": {"encoding": "onehot"}, "scaling": "standard",
    ...          "model": {"choice": "lightgbm", "lightgbm": booster}}
    >>> describe(flatten(genes))
    'LightGBM, 127 leaves, rate 0.05; one-hot categories, standard scaling'
    >>> describe({"C": 1.0, "kernel": "rbf"})
    'C=1, kernel=rbf'
    """
    return _words(genes).line(genes)


def describe_all(individuals: Sequence[Genes]) -> list[str]:
    """Return a short line for each individual, which tells it from the others.

    Parameters
    ----------
    individuals : sequence of dict of str to JSON scalar
        Every expressed gene of each by its path, see `sknevo.records.flatten`.

    Returns
    -------
    list of str
        What `describe` returns. Where different individuals have the same line, a few
        genes that tell them apart follow in parentheses.

    Examples
    --------
    >>> describe_all([{"C": 1.0}, {"C": 0.12341}, {"C": 0.12342}])
    ['C=1', 'C=0.123 (C=0.12341)', 'C=0.123 (C=0.12342)']
    """
    lines = [describe(genes) for genes in individuals]
    alike: dict[str, list[int]] = {}
    for place, line in enumerate(lines):
        alike.setdefault(line, []).append(place)
    for line, places in alike.items():
        told = _told_apart([individuals[place] for place in places])
        for place, difference in zip(places, told, strict=True):
            lines[place] = f"{line} ({difference})" if difference else line
    return lines


def _told_apart(group: Sequence[Genes]) -> list[str]:
    """Return the words of a few genes that tell individuals apart, "" if all are one.

    Step by step, the gene is taken that leaves the fewest alike.
    """
    values = {path: [genes.get(path) for genes in group] for path in _paths(group)}
    known, words = [""] * len(group), [[] for _ in group]
    n_different = len({*zip(*values.values(), strict=True)}) if values else 1
    while len({*known}) < n_different:
        finer = {path: _refined(known, column) for path, column in values.items()}
        path = max(finer, key=lambda path: len({*finer[path]}))
        known = finer[path]
        for said, text in zip(words, _phrases(path, group), strict=True):
            said += [text] if text else []
    return [", ".join(said) for said in words]


def _paths(group: Iterable[Genes]) -> list[str]:
    return [*dict.fromkeys(path for genes in group for path in genes)]


def _refined(known: Iterable[str], column: Iterable[object]) -> list[str]:
    return [f"{one}|{value!r}" for one, value in zip(known, column, strict=True)]


def _phrases(path: str, group: Sequence[Genes]) -> list[str]:
    """Return the words of a gene of each individual, "" where it is silent."""
    having = [genes for genes in group if path in genes]
    texts = {repr(g[path]): _words(g).phrase(path, g) for g in having}
    if len({*texts.values()} - {""}) < len(texts):  # rounded, or without words
        name = path.rpartition(".")[2]
        texts = {repr(genes[path]): f"{name}={genes[path]}" for genes in having}
    return [texts[repr(g[path])] if path in g else "" for g in group]


def family_label(name: str) -> str:
    """Return what texts call a family of models of pipelines.

    Examples
    --------
    >>> family_label("lightgbm"), family_label("my_model")
    ('LightGBM', 'my_model')
    """
    return PIPELINE.phrase("model", {"model": name})


def parts(genes: Genes) -> list[tuple[str, str]]:
    """Return all genes of an individual in words, part by part.

    Parameters
    ----------
    genes : dict of str to JSON scalar
        Every expressed gene by its path, see `sknevo.records.flatten`.

    Returns
    -------
    list of tuple of (str, str)
        The title of each part, "" for genes that belong to none, and its words.

    Examples
    --------
    >>> from sknevo.records import flatten
    >>> genes = {"blocks": {"length": 1, "items": [{"channels": 16, "kernel": 3}]},
    ...          "optimizer": {"choice": "muon", "muon": {"lr": 0.1}}}
    >>> for title, text in parts(flatten(genes)):
    ...     print(f"{title}: {text}")
    Block 1: 16 channels, kernel 3
    Optimizer: Muon, rate 0.1
    """
    return _words(genes).parts(genes)


def _words(genes: Genes) -> Words:
    return next(words for words in WORDS if words.fit(genes))
