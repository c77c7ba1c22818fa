"""Export a network
================

Evolve a network, export it in three formats, and check their predictions::

    python examples/export_network.py
    python examples/export_network.py --max-time 60 --folder networks --plot network.png

The network standardises images itself, so all three take the raw bytes. Takes about
half a minute. Needs ``pip install ".[networks,export]"``, and for plots
``pip install ".[networks,export,plots]"``.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from sklearn.datasets import load_digits

import sknevo


def main():
    args = parse_arguments()
    digits = load_digits()
    images = digits.images.astype(np.uint8)
    evolved = sknevo.EvolvedClassifier(
        max_time=args.max_time,
        max_epochs=10,
        random_state=args.random_state,
        verbose=1,
    ).fit(images[:-200], digits.target[:-200])
    unseen = images[-200:]
    # What predicts is an ensemble; one network is exported.
    expected = evolved.best_estimator_.predict(unseen)
    print(f"{(expected == digits.target[-200:]).mean():.1%} of unseen digits are right")

    module = evolved.best_estimator_.module_.cpu().eval()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(args.folder or temporary)
        folder.mkdir(exist_ok=True)
        for export in (to_safetensors, to_torchscript, to_onnx):
            file, predict = export(evolved, module, images, folder)
            same = (predict(unseen) == expected).mean()
            size = file.stat().st_size / 1024
            print(f"{file.name}: {size:.0f} KiB, {same:.1%} of predictions the same")
    if args.plot:
        from sknevo.displays import NetworkDisplay

        NetworkDisplay.from_estimator(evolved).figure_.savefig(args.plot, dpi=100)
        print(f"plotted to {args.plot}")


def to_safetensors(evolved, module, images, folder):
    """Write genes, labels and weights, which sknevo reads without pickle."""
    file = folder / "digits.safetensors"
    evolved.save_network(file)
    return file, sknevo.load_network(file).predict


def to_torchscript(evolved, module, images, folder):
    """Write a traced module, which C++ programs and phones read."""
    file = folder / "digits.pt"
    torch.jit.save(torch.jit.trace(module, torch.from_numpy(images[:2])), file)
    traced = torch.jit.load(file)

    def predict(images):
        with torch.inference_mode():
            return evolved.classes_[traced(torch.from_numpy(images)).argmax(1)]

    return file, predict


def to_onnx(evolved, module, images, folder):
    """Write a file for browsers and inference servers, for any number of images."""
    file = folder / "digits.onnx"
    evolved.to_onnx(file)
    session = onnxruntime.InferenceSession(file)

    def predict(images):
        (probabilities,) = session.run(["probabilities"], {"X": images})
        return evolved.classes_[probabilities.argmax(axis=1)]

    return file, predict


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--max-time", type=float, default=30, help="seconds to evolve")
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--plot", help="where to write a picture, such as network.png")
    parser.add_argument("--folder", help="where to write; default: a temporary folder")
    return parser.parse_args()


if __name__ == "__main__":
    main()
