"""Find cells in pictures
======================

Evolve a network that finds cells in pictures, and plot what it finds::

    python examples/evolve_segmenter.py
    python examples/evolve_segmenter.py --max-time 300 --plot cells.png
    python examples/evolve_segmenter.py --images FOLDER --masks FOLDER

Takes about two minutes. Without folders, the pictures are drawn: bright cells, some of
which touch, on an uneven ground. Masks number the cells, with 0 for the background; in
folders, each has the name of its image. Needs ``pip install ".[networks]"``, and for
plots ``pip install ".[networks,plots]"``.
"""

import argparse

import numpy as np
from sklearn.model_selection import train_test_split

from sknevo import EvolvedSegmenter
from sknevo.datasets import load_mask_folder


def main():
    args = parse_arguments()
    if args.images:
        pairs = load_mask_folder(args.images, args.masks)
        images, masks = pairs.images, pairs.masks
    else:
        images, masks = draw_cells(args.random_state)
    X_train, X_test, y_train, y_test = train_test_split(
        images, masks, test_size=0.25, random_state=args.random_state
    )
    evolved = EvolvedSegmenter(
        instances=True,  # masks number objects: their F1 is the fitness
        max_time=args.max_time,
        n_jobs=args.n_jobs,
        random_state=args.random_state,
        verbose=1,
    ).fit(X_train, y_train)
    print(f"\nThe best network ({evolved.stop_reason_}):\n{evolved.best_chromosome_}")

    cells = evolved.predict_instances(X_test)
    found, true = ([int(mask.max()) for mask in some] for some in (cells, y_test))
    print(f"\nCells in unseen pictures: {found}, in truth {true}.")
    print(f"F1 of cells: {evolved.score(X_test, y_test):.3f}")
    if args.plot:
        from sknevo.displays import OverlayDisplay

        display = OverlayDisplay.from_estimator(evolved, X_test, y_test)
        display.figure_.savefig(args.plot, dpi=120)
        print(f"plotted to {args.plot}")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--max-time", type=float, default=100, help="seconds to evolve")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--images", help="folder of images, instead of drawn ones")
    parser.add_argument("--masks", help="folder of their masks")
    parser.add_argument("--plot", help="where to write a picture, such as cells.png")
    return parser.parse_args()


def draw_cells(seed, n=32, side=64):
    """Return drawn pictures of cells, and masks that number the cells."""
    rng = np.random.default_rng(seed)
    down, right = np.mgrid[:side, :side]
    images = np.zeros((n, side, side), np.uint8)
    masks = np.zeros((n, side, side), int)
    for image, mask in zip(images, masks, strict=True):
        picture = 40 + 40 * rng.random() * down / side + rng.normal(0, 12, mask.shape)
        for _ in range(rng.integers(5, 11)):
            height, width = rng.uniform(4, 8, 2)
            top, left = rng.uniform(5, side - 5, 2)
            away = ((down - top) / height) ** 2 + ((right - left) / width) ** 2
            inside = (away < 1) & (mask == 0)
            picture[inside] += rng.uniform(50, 120) * (1.2 - 0.6 * away[inside])
            if inside.sum() > 20:
                mask[inside] = mask.max() + 1
        image[:] = picture.clip(0, 255)
    return images, masks


if __name__ == "__main__":  # worker processes import this file
    main()
