"""Put boxes around objects in pictures
====================================

Evolve a network that finds objects in pictures, and plot what it finds::

    python examples/evolve_detector.py
    python examples/evolve_detector.py --max-time 600 --plot shapes.png
    python examples/evolve_detector.py --images FOLDER --annotations FOLDER

Takes about three minutes. Without folders, the pictures are drawn: discs, squares and
crosses of several sizes on an uneven ground. Folders hold pictures, and boxes around
objects as files of XML in the format of Pascal VOC. Needs
``pip install ".[networks]"``, and for plots ``pip install ".[networks,plots]"``.
"""

import argparse

import numpy as np
from sklearn.model_selection import train_test_split

from sknevo import EvolvedDetector
from sknevo.datasets import load_voc_folder


def main():
    args = parse_arguments()
    if args.images:
        found = load_voc_folder(args.images, args.annotations, degenerate="drop")
        images = found.images
        targets = [
            {"boxes": one["boxes"], "labels": found.target_names[one["labels"]]}
            for one in found.targets
        ]
    else:
        images, targets = draw_shapes(args.random_state)
    X_train, X_test, y_train, y_test = train_test_split(
        images, targets, test_size=0.25, random_state=args.random_state
    )
    evolved = EvolvedDetector(
        max_time=args.max_time,
        max_epochs=args.max_epochs,
        n_jobs=args.n_jobs,
        random_state=args.random_state,
        verbose=1,
    ).fit(X_train, y_train)
    print(f"\nThe best network ({evolved.stop_reason_}):\n{evolved.best_chromosome_}")

    print("\nIn an unseen picture:")
    for objects in evolved.predict(X_test[:1]):
        for box, label, score in zip(*objects.values(), strict=True):
            if score >= 0.3:  # the others are unsure
                corners = box.round().astype(int).tolist()
                print(f"{label:8} {score:.2f} at {corners}")
    print(f"Mean average precision: {evolved.score(X_test, y_test):.3f}")
    if args.plot:
        from sknevo.displays import BoxesDisplay

        display = BoxesDisplay.from_estimator(evolved, X_test, y_test)
        display.figure_.savefig(args.plot, dpi=120)
        print(f"plotted to {args.plot}")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--max-time", type=float, default=170, help="seconds to evolve")
    parser.add_argument("--max-epochs", type=int, help="most epochs of a network")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--images", help="folder of images, instead of drawn ones")
    parser.add_argument("--annotations", help="folder of files of XML with boxes")
    parser.add_argument("--plot", help="where to write a picture, such as shapes.png")
    return parser.parse_args()


def draw_shapes(seed, n=48, side=64):
    """Return drawn pictures of shapes, and a box around each of them."""
    rng = np.random.default_rng(seed)
    down, right = np.mgrid[:side, :side]
    images, targets = np.zeros((n, side, side), np.uint8), []
    for image in images:
        picture = 40 + 40 * rng.random() * down / side + rng.normal(0, 8, image.shape)
        boxes, labels = [], []
        for _ in range(rng.integers(1, 5)):
            radius = rng.integers(5, 10)
            top, left = rng.integers(radius, side - radius, 2)
            y, x = abs(down - top), abs(right - left)
            shapes = {
                "disc": x**2 + y**2 <= radius**2,
                "square": np.maximum(x, y) <= radius,
                "cross": (np.maximum(x, y) <= radius) & (np.minimum(x, y) <= 1),
            }
            label = str(rng.choice([*shapes]))
            picture[shapes[label]] = rng.uniform(120, 220)
            boxes.append(
                [left - radius, top - radius, left + radius + 1, top + radius + 1]
            )
            labels.append(label)
        image[:] = picture.clip(0, 255)
        targets.append({"boxes": np.array(boxes, float), "labels": labels})
    return images, targets


if __name__ == "__main__":  # worker processes import this file
    main()
