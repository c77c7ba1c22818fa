"""Pipelines for tables: preparation, scaling, features, models."""

from sknevo.builders.pipeline._builder import PipelineBuilder
from sknevo.builders.pipeline._forest import plain_tree
from sknevo.builders.pipeline._plain import is_plain, plain_pipeline
from sknevo.builders.pipeline._scripted import Decided

__all__ = ["Decided", "PipelineBuilder", "is_plain", "plain_pipeline", "plain_tree"]
