"""The search spaces, one file or folder per task, read like tables.

- `pipeline` is that of tables: preparation, scaling, feature extraction, model,
- `convnet` and `convnet_regressor` are those of networks for images and rows,
- `gan` is that of generators and their discriminators,
- `search_cv` is that of an estimator's parameters.
"""

from sknevo.genomes import convnet, convnet_regressor, gan, pipeline, search_cv

__all__ = ["convnet", "convnet_regressor", "gan", "pipeline", "search_cv"]
