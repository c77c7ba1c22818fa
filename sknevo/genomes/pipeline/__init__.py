"""Pipelines for tables: the search space, and individuals known to be good."""

from sknevo.genomes.pipeline._known import well_known
from sknevo.genomes.pipeline._space import pipeline

__all__ = ["pipeline", "well_known"]
