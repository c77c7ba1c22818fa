"""What users can rely on: the public modules, and the names that they export.

The tests and the reference of the site read both from here, so that a new name of an
`__all__`, or a new module of search spaces, joins them by itself.
"""

import importlib
import pkgutil

import sknevo.genomes

MODULES = [
    "sknevo",
    "sknevo.callbacks",
    "sknevo.datasets",
    "sknevo.displays",
    "sknevo.evolution",
    "sknevo.genes",
    *(
        f"sknevo.genomes.{module.name}"
        for module in pkgutil.iter_modules(sknevo.genomes.__path__)
        if not module.name.startswith("_")
    ),
    "sknevo.image_stream",
    "sknevo.metrics",
    "sknevo.pretrained",
    "sknevo.records",
]


def public_names() -> dict[str, object]:
    """Return what public modules export by the first path that it has."""
    named: dict[int, tuple[str, object]] = {}
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            value = getattr(module, name)
            named.setdefault(id(value), (f"{module.__name__}.{name}", value))
    return dict(named.values())
