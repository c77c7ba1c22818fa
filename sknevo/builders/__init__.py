"""Expressed genes -> an unfitted scikit-learn estimator, one file per task.

- `PipelineBuilder` makes pipelines for tables.
"""

from sknevo.builders.pipeline import PipelineBuilder

__all__ = ["PipelineBuilder"]
