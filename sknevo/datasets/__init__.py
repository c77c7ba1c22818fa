"""Images to evolve on: downloaded once, loaded from folders, or drawn.

All functions return scikit-learn's `Bunch` with `images` and `DESCR`. Those of classes
have `target` and `target_names`, too; if the images are in memory, `data` holds them as
rows. `load_mask_folder` has `masks`; `load_voc_folder` and `load_coco` have boxes in
`targets`.
"""

from sknevo.datasets._boxes import load_coco, load_voc_folder
from sknevo.datasets._folders import load_image_folder, load_imagenet
from sknevo.datasets._folders import unlabelled_images as unlabelled_images
from sknevo.datasets._insects import make_insects
from sknevo.datasets._masks import load_mask_folder
from sknevo.datasets._torchvision import (
    fetch_cifar10,
    fetch_cifar100,
    fetch_fashion_mnist,
    fetch_mnist,
)

__all__ = [
    "fetch_cifar10",
    "fetch_cifar100",
    "fetch_fashion_mnist",
    "fetch_mnist",
    "load_coco",
    "load_image_folder",
    "load_imagenet",
    "load_mask_folder",
    "load_voc_folder",
    "make_insects",
]
