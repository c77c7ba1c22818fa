"""50 training and 16 test images of four insects: how many of the 16 are right.

Per seed, interleaved: an evolved network (with cross-validated fitness, and small
networks and augmentation in its genome), a plain small network, and an SVM on colour
histograms. The images are those of `make_insects` at 64 x 64; training and test images
come from one draw.

    python benchmarks/insects.py --max-time 180
"""

import argparse
import statistics
import time

import numpy as np
import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sknevo import EvolvedClassifier
from sknevo.datasets import make_insects


def evolved(X, y, X_test, seed, args):
    clf = EvolvedClassifier(
        max_time=args.max_time, n_jobs=args.n_jobs, random_state=seed
    ).fit(X, y)
    return clf.predict(X_test)


def plain_network(X, y, X_test, seed, args):
    """Train three convolutions with Adam for 60 epochs, without tuning."""
    torch.manual_seed(seed)
    layers, channels = [], 3
    for width in (16, 32, 64):
        layers += [
            torch.nn.Conv2d(channels, width, 3, padding=1),
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),
        ]
        channels = width
    network = torch.nn.Sequential(
        *layers, torch.nn.Flatten(), torch.nn.Linear(64 * 8 * 8, 4)
    )
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)

    def tensor(X):
        return torch.from_numpy(X).permute(0, 3, 1, 2).float() / 255

    images, labels = tensor(X), torch.from_numpy(y)
    for _ in range(60):
        for rows in torch.randperm(len(images)).split(10):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(
                network(images[rows]), labels[rows]
            )
            loss.backward()
            optimizer.step()
    with torch.inference_mode():
        return network(tensor(X_test)).argmax(dim=1).numpy()


def colour_histogram(X, y, X_test, seed, args):
    def histograms(images):
        return np.array(
            [
                np.histogramdd(image.reshape(-1, 3), bins=4, range=[(0, 256)] * 3)[0]
                for image in images
            ]
        ).reshape(len(images), -1)

    svm = make_pipeline(StandardScaler(), SVC()).fit(histograms(X), y)
    return svm.predict(histograms(X_test))


METHODS = (evolved, plain_network, colour_histogram)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-time", type=float, default=180)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    right = {method.__name__: [] for method in METHODS}
    for seed in range(args.seeds):
        insects = make_insects(66, image_size=64, random_state=seed)
        X, y = insects.images, insects.target
        for method in METHODS:
            begin = time.perf_counter()
            predicted = method(X[:50], y[:50], X[50:], seed, args)
            n_right = int((predicted == y[50:]).sum())
            right[method.__name__].append(n_right)
            seconds = time.perf_counter() - begin
            print(
                f"seed {seed} {method.__name__}: {n_right} of 16, {seconds:.0f} s",
                flush=True,
            )
    for name, counts in right.items():
        print(f"{name}: median {statistics.median(counts)} of 16, {counts}")


if __name__ == "__main__":
    main()
