"""Made pictures of filled and of hollow squares, with boxes around them."""

import numpy as np


def squares(n=12, side=32, seed=0, channels=None):
    """Return images, the first one without any square, and dicts of boxes."""
    rng = np.random.default_rng(seed)
    images, targets = rng.normal(60, 10, (n, side, side)), []
    for number, image in enumerate(images):
        boxes, labels = [], []
        for _ in range(min(number, 2)):
            width = int(rng.integers(8, 12))
            left, top = (int(at) for at in rng.integers(0, side - width, 2))
            image[top : top + width, left : left + width] = 160
            hollow = rng.random() < 0.5
            if hollow:
                image[top + 2 : top + width - 2, left + 2 : left + width - 2] = 60
            boxes.append([left, top, left + width, top + width])
            labels.append("hollow" if hollow else "filled")
        targets.append({"boxes": boxes, "labels": labels})
    images = images.clip(0, 255).astype(np.uint8)
    if channels:
        images = np.repeat(images[..., None], channels, axis=3)
    return images, targets
