"""Pipelines for tables: preparation, scaling, features, models."""

from sknevo.builders.pipeline._builder import PipelineBuilder

__all__ = ["PipelineBuilder"]
