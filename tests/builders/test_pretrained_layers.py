"""Networks that begin with pretrained layers: what they see, learn and keep."""

import os
import pickle

import numpy as np
import pytest

pytest.importorskip("timm")

import timm
import torch
from builder_contract import BuilderContract, Case

from sknevo.builders.convnet import ConvNetBuilder
from sknevo.builders.networks import _net, load_network
from sknevo.builders.networks._optimizers import OPTIMIZERS
from sknevo.builders.networks._pretrained import PretrainedLayers
from sknevo.builders.networks._serialization import save_network
from sknevo.genomes.convnet import convnet
from sknevo.network_plan import network_plan
from sknevo.records import DataSpec

SHAPE, N = (12, 10, 3), 12
# The shorter side of the images becomes 40.
SIDES = (48, 40)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    y = np.arange(N) % 2
    X = rng.integers(0, 200, (N, *SHAPE)) + 50 * y[:, None, None, None]
    return X.astype(np.uint8), y


def genes_of(file, rate=0.0, layer=1, **others):
    first = {"library": "timm", "architecture": "test_resnet", "path": file}
    first |= {"layer": layer, "side": min(SIDES), "rate": rate}
    training = {"batch_size": 4, "epochs": 2, "schedule": "linear"}
    return {
        "stem": {"test_resnet": first},
        "blocks": [],
        "head_pooling": "average",
        "dense": [],
        "optimizer": {"adam": {"lr": 0.01, "beta1": 0.9, "weight_decay": 1e-6}},
        "training": {**training, "label_smoothing": 0.0},
        **others,
    }


def net_of(X, y, genes):
    spec = DataSpec("classification", len(y), 2, shape=X.shape[1:])
    return ConvNetBuilder(spec, "cpu", "float32", final=True)(genes, 0)


def reference(file):
    network = timm.create_model("test_resnet")
    network.load_state_dict(torch.load(file, weights_only=True))
    return network.eval()


@pytest.fixture(scope="module")
def case(data, random_resnet):
    spec = DataSpec("classification", N, 2, shape=SHAPE)
    limits = {"max_layers": 2, "max_parameters": 30_000, "max_epochs": 2}
    genome = convnet(spec, **limits, pretrained={"test_resnet": random_resnet})
    return Case(genome, ConvNetBuilder(spec, device="cpu"), *data, n_fitted=3)


class TestPretrainedLayers(BuilderContract):
    pass


# Images ---------------------------------------------------------------------------


@pytest.mark.parametrize("n_channels", [1, 3, 4, 5])
def test_images_are_seen_as_the_network_expects(data, random_resnet, n_channels):
    X = np.tile(data[0], 2)[..., :n_channels].transpose(0, 3, 1, 2)
    net = net_of(X, data[1], genes_of(random_resnet)).fit(X, data[1])
    network = reference(random_resnet)
    pixels = torch.from_numpy(X / 255).float()
    if n_channels == 5:
        pixels = pixels.mean(dim=1, keepdim=True)
    mean, std = (
        torch.tensor(network.pretrained_cfg[name]).view(3, 1, 1)
        for name in ("mean", "std")
    )
    pixels = (pixels[:, :3] - mean) / std  # one channel stands for all colours
    pixels = torch.nn.functional.interpolate(pixels, SIDES, mode="bilinear")
    with torch.inference_mode():
        expected = network.forward_features(pixels).mean(dim=(2, 3))
        found = net.module_.fixed(torch.from_numpy(X))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)


def test_large_images_are_made_smaller(random_resnet):
    X = np.random.default_rng(0).random((6, 60, 50), np.float32)
    net = net_of(X, np.arange(6) % 2, genes_of(random_resnet)).fit(X, np.arange(6) % 2)
    assert net.module_.blocks[0].sides == SIDES
    assert np.isfinite(net.predict_proba(X)).all()


# Training -------------------------------------------------------------------------


def test_frozen_layers_stay_and_see_each_image_once(data, random_resnet, monkeypatch):
    seen, forward = [], PretrainedLayers.forward

    def counted(self, X):
        seen.append(len(X))
        return forward(self, X)

    monkeypatch.setattr(PretrainedLayers, "forward", counted)
    once = net_of(*data, genes_of(random_resnet)).fit(*data)
    assert sum(seen) == N
    kept = reference(random_resnet).state_dict()
    layers = once.module_.blocks[0].layers
    # Those of the file, statistics of batches included.
    torch.testing.assert_close([*layers.state_dict().values()], [*kept.values()][:-2])
    # What is too large to be kept is computed in each epoch, to the same end.
    monkeypatch.setattr(_net, "MOST_KEPT", 0)
    again = net_of(*data, genes_of(random_resnet)).fit(*data)
    assert sum(seen) > 3 * N
    np.testing.assert_allclose(
        again.predict_proba(data[0]), once.predict_proba(data[0]), atol=1e-4
    )


def test_augmented_images_are_seen_in_each_epoch(data, random_resnet):
    genes = genes_of(random_resnet, augmentation={"flip": True, "test_time": True})
    genes["augmentation"] |= dict.fromkeys(("shift", "rotate", "zoom", "erase"), 0)
    genes["augmentation"]["colour"] = 0
    plan = network_plan(genes, (3, 12, 10), 2)
    assert plan.n_fixed == 0
    assert network_plan(genes_of(random_resnet), (3, 12, 10), 2).n_fixed == 2
    assert np.isfinite(net_of(*data, genes).fit(*data).predict_proba(data[0])).all()


def test_tuned_layers_learn_slowly_and_keep_their_statistics(data, random_resnet):
    net = net_of(*data, genes_of(random_resnet, rate=0.1)).fit(*data)
    before = reference(random_resnet).state_dict()
    after = net.module_.blocks[0].layers.state_dict()
    changes = {}
    for name, value in zip(before, after.values(), strict=False):
        if value.is_floating_point():
            changes[name] = float((value - before[name]).abs().max())
    statistics = {name: c for name, c in changes.items() if ".running_" in name}
    assert statistics
    assert set(statistics.values()) == {0.0}
    learned = [changes[name] for name in changes.keys() - statistics.keys()]
    # Adam takes steps of about its rate: six of them, at most 0.001 each.
    assert 1e-4 < max(learned) < 0.01


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_every_optimizer_slows_pretrained_layers(name):
    first, head = torch.nn.Linear(3, 4), torch.nn.Linear(4, 2)
    groups = [
        {"params": [*first.parameters()], "rate": 0.1},
        {"params": [*head.parameters()]},
    ]
    options = {"momentum": 0.9} if name in ("sgd", "muon") else {}
    optimizer = OPTIMIZERS[name](iter(groups), lr=0.5, **options)
    rates = {id(p): g["lr"] for g in optimizer.param_groups for p in g["params"]}
    assert len(rates) == 4
    assert rates[id(first.bias)] == pytest.approx(0.1 * rates[id(head.bias)])
    # Muon has another rate for the head.
    whole = rates[id(head.weight)] if name != "muon" else 0.5
    assert rates[id(first.weight)] == pytest.approx(0.1 * whole)


@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_sizes_are_those_that_torch_counts(data, random_resnet, rate):
    net = net_of(*data, genes_of(random_resnet, rate, layer=2)).fit(*data)
    learned = [p for p in net.module_.parameters() if p.requires_grad]
    genes = net.get_params_for("module")["genes"]
    plan = network_plan(genes, (3, 12, 10), 2)
    assert plan.size.parameters == sum(p.numel() for p in learned)
    assert plan.matrices == [tuple(p.flatten(1).shape) for p in learned if p.ndim > 1]
    with torch.inference_mode():
        maps = net.module_.blocks[0](torch.zeros(1, 3, 12, 10))
    assert tuple(maps.shape[1:]) == plan.layers[0].outputs


def test_frozen_networks_cost_one_pass_and_tuned_ones_many(random_resnet):
    spec = DataSpec("classification", 1_000, 2, shape=SHAPE)
    builder = ConvNetBuilder(spec, device="cpu")
    training = {"batch_size": 50, "epochs": 30}
    frozen, tuned = (
        builder.cost(genes_of(random_resnet, rate, training=training))
        for rate in (0.0, 0.1)
    )
    assert 20 < tuned / frozen < 120


# What is kept ---------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_a_training_goes_on_in_another_process(data, random_resnet, rate):
    whole = net_of(*data, genes_of(random_resnet, rate)).fit(*data)
    paused = net_of(*data, genes_of(random_resnet, rate)).train_to(*data, 1)
    resumed = pickle.loads(pickle.dumps(paused)).train_to(*data, 2)
    np.testing.assert_allclose(
        resumed.predict_proba(data[0]), whole.predict_proba(data[0]), atol=1e-6
    )


def test_files_do_without_those_of_the_weights(data, random_resnet, tmp_path):
    weights = tmp_path / "weights.pth"
    os.link(random_resnet, weights)
    genes = genes_of(str(weights), rate=0.1)
    net = net_of(*data, genes).fit(*data)
    save_network(net, genes, tmp_path / "photos.safetensors")
    pickled = pickle.dumps(net)
    weights.unlink()
    expected = net.predict_proba(data[0])
    for again in (
        load_network(tmp_path / "photos.safetensors", device="cpu"),
        pickle.loads(pickled),
    ):
        np.testing.assert_allclose(again.predict_proba(data[0]), expected, atol=1e-6)
