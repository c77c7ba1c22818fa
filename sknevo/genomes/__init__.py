"""The search spaces, one file or folder per task, read like tables.

- `pipeline` is that of tables: preparation, scaling, feature extraction, model,
- `convnet` and `convnet_regressor` are those of networks for images and rows,
- `detector` is that of networks that find objects,
- `autoencoder` is that of encoders with their decoders,
- `gan` is that of generators and their discriminators,
- `policy` is that of policies that act in environments,
- `search_cv` is that of an estimator's parameters,
- `segmenter` is that of networks that give each pixel a class.
"""

from sknevo.genomes import (
    autoencoder,
    convnet,
    convnet_regressor,
    detector,
    gan,
    pipeline,
    policy,
    search_cv,
    segmenter,
)

__all__ = [
    "autoencoder",
    "convnet",
    "convnet_regressor",
    "detector",
    "gan",
    "pipeline",
    "policy",
    "search_cv",
    "segmenter",
]
