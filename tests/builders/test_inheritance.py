"""What a network takes over from another: exactly what computes the same."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sknevo.builders.convnet import ConvNetBuilder
from sknevo.builders.networks._inheritance import inherit, learned
from sknevo.builders.networks._modules import Network
from sknevo.genomes.convnet import convnet, well_known
from sknevo.records import DataSpec

STILL = dict.fromkeys(("shift", "flip", "rotate", "zoom", "erase", "colour"), 0)
BLOCK = {
    "channels": 8,
    "kernel": 3,
    "normalisation": "batch",
    "activation": "relu",
    "pooling": "max",
    "dropout": 0.0,
    "residual": True,
}
DENSE = {"units": 16, "normalisation": "batch", "activation": "tanh", "dropout": 0.1}
PARENT = {
    "blocks": [BLOCK, {**BLOCK, "channels": 16}],
    "bridge": "flatten",
    "dense": [DENSE],
    "augmentation": STILL,
}


def network(genes, seed=0, shape=(8, 8), n_outputs=3):
    channels = 1 if len(shape) > 1 else shape[0]
    mean, scale = torch.zeros(channels), torch.ones(channels)
    return Network(genes, shape, n_outputs, mean, scale, seed)


def trained(genes, **parameters):
    """Return what a network with weights and statistics of its own leaves behind."""
    net = network(genes, seed=7, **parameters)
    net.train()(torch.rand(20, *net.arrange.sample_shape))
    return net.eval(), SimpleNamespace(genes=genes, weights=learned(net))


def inherited(genes, *forebears, **parameters):
    """Return the names of layers that are taken over; check that all others are not."""
    net, fresh = (network(genes, **parameters) for _ in range(2))
    share = inherit(net, genes, forebears)
    before, after = fresh.state_dict(), net.state_dict()
    names = set()
    for name, value in after.items():
        layer = ".".join(name.split(".")[: 1 if name.startswith("head") else 2])
        source = [f.weights.get(name) for f in forebears]
        if not torch.equal(value, before[name]):
            assert any(np.array_equal(value, other) for other in source)
            names.add(layer)
    sizes = {name: p.numel() for name, p in net.named_parameters()}
    own = sum(n for k, n in sizes.items() if any(k.startswith(f"{o}.") for o in names))
    assert share == own / sum(sizes.values())
    return names


def changed(**genes):
    return {**PARENT, **genes}


def second(**genes):
    return changed(blocks=[BLOCK, {**BLOCK, "channels": 16, **genes}])


ALL = {"blocks.0", "blocks.1", "dense.0", "head"}
CHILDREN = {
    "the same": (PARENT, ALL),
    "dropout": (second(dropout=0.5), ALL),
    "augmentation": (changed(augmentation={**STILL, "shift": 0.1}), ALL),
    "dense": (
        changed(dense=[{**DENSE, "units": 8}]),
        {"blocks.0", "blocks.1"},
    ),
    "one dense more": (changed(dense=[DENSE, DENSE]), ALL - {"head"}),
    "bridge": (changed(bridge="average"), {"blocks.0", "blocks.1"}),
    "second block": (second(kernel=5), {"blocks.0"}),
    "pooling": (second(pooling="average"), {"blocks.0"}),
    "one block less": (changed(blocks=[BLOCK]), {"blocks.0"}),
    "first block": (changed(blocks=[{**BLOCK, "activation": "elu"}]), set()),
}


@pytest.mark.parametrize(("child", "expected"), CHILDREN.values(), ids=CHILDREN)
def test_what_is_the_same_from_the_front_on_is_taken_over(child, expected):
    assert inherited(child, trained(PARENT)[1]) == expected


def test_who_shares_all_layers_computes_the_same():
    parent, forebear = trained(PARENT)
    child = network(second(dropout=0.3)).eval()
    assert inherit(child, second(dropout=0.3), [forebear]) == 1.0
    X = torch.rand(5, 8, 8)
    assert torch.equal(child(X), parent(X))


def test_of_two_parents_it_takes_the_one_of_whom_it_shares_more():
    little = trained(second(kernel=5))[1]
    much = trained(changed(dense=[]))[1]
    child = changed(dense=[{**DENSE, "units": 8}])
    assert inherited(child, little, much) == {"blocks.0", "blocks.1"}
    assert inherited(child, little) == {"blocks.0"}
    assert inherited(child) == set()


def test_layers_of_another_shape_are_not_taken_over():
    # Of another input, and with another number of classes.
    assert inherited(PARENT, trained(PARENT, shape=(3, 8, 8))[1]) == set()
    assert inherited(PARENT, trained(PARENT, n_outputs=5)[1]) == ALL - {"head"}


def test_rows_of_numbers():
    genes = {"dense": [DENSE]}
    forebear = trained(genes, shape=(4,))[1]
    assert inherited(genes, forebear, shape=(4,)) == {"dense.0", "head"}
    deeper = {"dense": [DENSE, DENSE]}
    assert inherited(deeper, forebear, shape=(4,)) == {"dense.0"}


@pytest.mark.parametrize("shape", [(8, 8), (5,)])
def test_a_net_begins_with_the_weights_of_another(shape):
    rng = np.random.default_rng(0)
    X, y = rng.random((40, *shape)).astype(np.float32), np.arange(40) % 2
    spec = DataSpec("classification", 40, 2, shape=shape)
    first = well_known(spec, convnet(spec, max_epochs=4))[0]
    first = {**first, "training": {**first["training"], "batch_size": 20}}
    # Weights do not change at a learning rate of zero.
    still = {"adam": {**first["optimizer"]["adam"], "lr": 0.0, "weight_decay": 0.0}}
    build = ConvNetBuilder(spec, device="cpu", precision="float32", final=True)
    parent = build(first, 1).fit(X, y)
    child = build({**first, "optimizer": still}, 2)
    child.start_from([SimpleNamespace(genes=first, weights=parent.weights())])
    child.fit(X, y)
    assert child.inherited_ == 1.0
    assert parent.inherited_ == 0.0
    for name, weights in child.module_.named_parameters():
        assert torch.equal(weights, parent.module_.get_parameter(name)), name
    # It does so once.
    assert child.fit(X, y).inherited_ == 0.0
