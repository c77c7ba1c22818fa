"""What individuals are given in a race: samples, or what one of their genes counts."""

import math
from typing import Any

import numpy as np

from sknevo.genes import Gene, Integer

SAMPLES = "samples"


def limited(expressed: Any, name: str, limit: int) -> Any:
    """Return expressed genes in which those of a name are no more than a limit.

    Parameters
    ----------
    expressed : JSON value
        Expressed genes; left as they are.
    name : str
        Of a gene, at whatever depth.
    limit : int
        The most that it may be.

    Returns
    -------
    JSON value

    Examples
    --------
    >>> limited({"training": {"epochs": 30, "batch_size": 64}}, "epochs", 10)
    {'training': {'epochs': 10, 'batch_size': 64}}
    """
    match expressed:
        case dict():
            return {
                key: min(value, limit) if key == name else limited(value, name, limit)
                for key, value in expressed.items()
            }
        case list():
            return [limited(item, name, limit) for item in expressed]
    return expressed


def wanted(expressed: Any, name: str) -> float:
    """Return how much the genes of a name ask for, 0 if there is none.

    Parameters
    ----------
    expressed : JSON value
        Expressed genes.
    name : str
        Of a gene, at whatever depth.

    Returns
    -------
    float

    Examples
    --------
    >>> wanted({"training": {"epochs": 30}}, "epochs")
    30
    """
    match expressed:
        case dict():
            values = [v if k == name else wanted(v, name) for k, v in expressed.items()]
        case list():
            values = [wanted(item, name) for item in expressed]
        case _:
            values = []
    return max(values, default=0)


def most(gene: Gene, name: str) -> int:
    """Return the most that any gene of this name may ask for, 0 if there is none.

    Only genes of whole numbers count.
    """
    inside = gene.parts.get(name)
    highest = inside.high if isinstance(inside, Integer) else 0
    return max([highest, *(most(part, name) for part in gene.parts.values())])


def rungs(
    n_candidates: int,
    factor: float,
    min_resources: int | str,
    max_resources: int,
    smallest: int = 1,
) -> list[int]:
    """Return what is given below all, rising, as in scikit-learn's halving searches.

    Parameters
    ----------
    n_candidates : int
        How many begin.
    factor : float
        One of so many goes on, with so many times as much.
    min_resources : int or {"exhaust", "smallest"}
        The least that is given. With "exhaust" the best of `n_candidates` just come to
        the most; "smallest" is the smallest that makes sense.
    max_resources : int
        The most that any individual asks for.
    smallest : int, default=1
        What "smallest" is, and the least of "exhaust".

    Returns
    -------
    list of int

    Examples
    --------
    >>> rungs(12, 3, "exhaust", 27), rungs(12, 3, "smallest", 27), rungs(12, 3, 10, 27)
    ([3, 9], [1, 3, 9], [10])
    """
    if min_resources == "exhaust":
        halvings = math.floor(math.log(max(n_candidates, 1), factor) + 1e-9)
        least = max(smallest, round(max_resources / factor**halvings))
    else:
        least = smallest if min_resources == "smallest" else min_resources
    resources, resource = [], least
    # What is hardly less than all decides nothing and costs as much.
    while resource * math.sqrt(factor) < max_resources:
        resources.append(resource)
        resource = math.ceil(resource * factor)
    return resources


def spread(y: Any, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return an order of which any beginning has all classes, in their proportions.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or None
        Labels; of values to predict, of several, or none, the order is random.
    n_samples : int
        How many there are.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of shape (n_samples,)

    Examples
    --------
    >>> import numpy as np
    >>> y = np.array(["a"] * 6 + ["b"] * 3)
    >>> sorted(y[spread(y, 9, np.random.default_rng(0))[:3]].tolist())
    ['a', 'a', 'b']
    """
    order = rng.permutation(n_samples)
    y = np.asarray(y)
    if y.ndim != 1 or (y.dtype.kind == "f" and np.any(y % 1)):
        return order
    _, labels, counts = np.unique(y, return_inverse=True, return_counts=True)
    grouped = order[np.argsort(labels[order], kind="stable")]
    number = np.arange(n_samples) - np.repeat(np.cumsum(counts) - counts, counts)
    place = np.empty(n_samples)
    place[grouped] = number / counts[labels[grouped]]  # the first of each comes first
    return order[np.argsort(place[order], kind="stable")]
