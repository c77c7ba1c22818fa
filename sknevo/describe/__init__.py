"""Candidates in words: what each gene is called, one file per task.

The words of a genome are data: see `Words`. A new genome brings a file with its own,
and a place in `WORDS`.
"""

from sknevo.describe._words import Genes, Words, shown
from sknevo.describe.convnet import CONVNET, DENSE_NETWORK
from sknevo.describe.gan import GAN
from sknevo.describe.pipeline import PIPELINE
from sknevo.describe.search_cv import PARAMETERS

__all__ = ["describe", "parts", "shown"]

# The first one that fits a genome is taken; the last one fits all.
WORDS = (PIPELINE, GAN, CONVNET, DENSE_NETWORK, PARAMETERS)


def describe(genes: Genes) -> str:
    """Return the main genes of a candidate in one short line.

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


def parts(genes: Genes) -> list[tuple[str, str]]:
    """Return all genes of a candidate in words, part by part.

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
