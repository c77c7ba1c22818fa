"""Individuals and genes in words, as pictures say them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sknevo.describe import shown

PARAMETER = "param_"


def genes_of(results: Mapping[str, Any], row: int) -> dict[str, Any]:
    """Return the expressed genes of a row of results, by their paths."""
    return {
        name.removeprefix(PARAMETER): column[row]
        for name, column in results.items()
        if name.startswith(PARAMETER) and not np.ma.getmaskarray(column)[row]
    }


def are_numbers(values: Sequence[Any]) -> bool:
    """Return whether all values of a gene are numbers; booleans are not."""
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def gene_name(path: str) -> str:
    """Return the name of a gene without what it belongs to.

    Examples
    --------
    >>> gene_name("model.lightgbm.learning_rate"), gene_name("blocks.0.kernel")
    ('learning rate', 'block 1 kernel')
    """
    *outer, name = path.split(".")
    words = [name.replace("_", " ")]
    if name.isdigit():
        return place_name(outer[-1], name)
    if outer and outer[-1].isdigit():
        words.insert(0, place_name(outer[-2], outer[-1]))
    if outer and outer[0] in ("generator", "discriminator"):
        words.insert(0, outer[0])
    return " ".join(words)


def place_name(name: str, position: str) -> str:
    """Return the name of one of a list: "block 1" of "blocks" and "0"."""
    singular = name.removesuffix("s")
    return f"{singular.replace('_', ' ')} {int(position) + 1}"


def gene_label(path: str) -> str:
    """Return the name of a gene, and what it belongs to.

    Examples
    --------
    >>> gene_label("model.lightgbm.learning_rate"), gene_label("scaling")
    ('learning rate (lightgbm)', 'scaling')
    """
    outer = path.split(".")[:-1]
    groups = [each for each in outer if not each.isdigit()]
    name = gene_name(path)
    # The names of items of a list, and of genes of a GAN, say where they belong.
    is_said = not groups or outer[-1].isdigit() or name.startswith(groups[-1])
    return name if is_said else f"{name} ({groups[-1].replace('_', ' ')})"


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return what distinguishes two individuals, gene by gene.

    Where another branch is chosen, or a list has another length, the genes inside are
    left out.

    Examples
    --------
    >>> differences({"model": "svm", "model.svm.C": 1.0, "scaling": "none"},
    ...             {"model": "knn", "model.knn.k": 3, "scaling": "none"})
    ['model: svm → knn']
    """
    paths = [*dict.fromkeys([*before, *after])]
    changed = [path for path in paths if before.get(path) != after.get(path)]
    switched = tuple(f"{path}." for path in changed if path in before and path in after)
    return [
        _difference(path, before, after)
        for path in changed
        if not path.startswith(switched)
    ]


def _difference(path: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    name = gene_name(path)
    if path not in before:
        return f"{name} {shown(after[path])} (was silent)"
    if path not in after:
        return f"{name} silent (was {shown(before[path])})"
    return f"{name}: {shown(before[path])} → {shown(after[path])}"
