"""Made pictures of discs, some of which touch, with masks that number them."""

import numpy as np


def discs(n=12, side=32, seed=0, channels=None):
    """Return images of bright discs on a dark ground, and the number of each disc."""
    rng = np.random.default_rng(seed)
    down, right = np.mgrid[:side, :side]
    masks = np.zeros((n, side, side), int)
    for mask in masks:
        for number in (1, 2, 3):
            radius = rng.uniform(3, 5)
            middle = rng.uniform(4, side - 4, 2)
            inside = (down - middle[0]) ** 2 + (right - middle[1]) ** 2 < radius**2
            mask[inside & (mask == 0)] = number
    images = 60 + 120 * (masks > 0) + rng.normal(0, 15, masks.shape)
    images = images.clip(0, 255).astype(np.uint8)
    if channels:
        images = np.repeat(images[..., None], channels, axis=3)
    return images, masks
