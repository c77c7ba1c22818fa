"""A network is drawn layer by layer, with its silent genes in grey."""

import pytest
from gans import FakeGAN

from sknevo.displays import NetworkDisplay, NoPictureError
from sknevo.network_plan import network_plan

BLOCK = {"channels": 8, "kernel": 3, "pooling": "max", "normalisation": "batch"}
GENES = {
    "blocks": [BLOCK | {"activation": "relu", "convolutions": 2, "residual": True}],
    "head_pooling": "average",
    "dense": [{"units": 16, "dropout": 0.25}],
}
OPTIMIZER = {
    "choice": "muon",
    "adam": {"lr": 0.001},
    "muon": {"lr": 0.1, "momentum": 0.9},
    "sgd": {"lr": 0.5},
}


@pytest.fixture
def display():
    plan = network_plan(GENES, (1, 28, 28), 10)
    return NetworkDisplay(plan, OPTIMIZER, {"batch_size": 64}).plot()


def test_layers_are_in_words(display):
    assert display.layers_ == [
        "3×3 conv, 8 channels, max pooling, batch norm, ReLU",
        "3×3 conv, 8 channels, batch norm, ReLU",
        "global average pooling",
        "dense, 16 units, dropout 0.25",
        "linear, 10 units",
    ]
    assert len(display.boxes_) == 5
    heights = [box.get_y() for box in display.boxes_]
    assert heights == sorted(heights, reverse=True)


def test_silent_optimizers_are_grey(display):
    colors = {text.get_text(): text.get_color() for text in display.ax_.texts}
    assert colors["Muon"] == colors["learning rate 0.1, momentum 0.9"] == "black"
    grey = colors["Adam (silent)"]
    assert grey == colors["learning rate 0.5"] == colors["SGD (silent)"] != "black"
    assert colors["batch size 64"] == "black"


def test_all_lies_within_the_axes(display):
    display.figure_.canvas.draw()
    frame = display.ax_.get_window_extent()
    for text in display.ax_.texts:
        if text.get_text():
            box = text.get_window_extent()
            assert box.x1 <= frame.x1 + 8, text.get_text()
            assert box.y0 >= frame.y0 - 1, text.get_text()


def test_of_a_deep_network_the_middle_is_left_out():
    genes = {**GENES, "blocks": [{"channels": 8, "kernel": 3}] * 20}
    display = NetworkDisplay(network_plan(genes, (1, 28, 28), 10), OPTIMIZER).plot()
    assert len(display.layers_) == 23
    assert len(display.boxes_) == 10
    assert "13 further layers" in [text.get_text() for text in display.ax_.texts]


def test_a_fitted_network(network):
    display = NetworkDisplay.from_estimator(network)
    assert display.layers_[-1] == "linear, 2 units"
    parameters = sum(p.numel() for p in network.best_estimator_.module_.parameters())
    assert f"{parameters:,} parameters" in display.ax_.get_title(loc="left")


def test_only_networks_are_drawn(trees):
    with pytest.raises(NoPictureError, match="estimator must evolve networks"):
        NetworkDisplay.from_estimator(trees)
    with pytest.raises(TypeError, match="must be an evolved estimator"):
        NetworkDisplay.from_estimator(FakeGAN((2,)))
