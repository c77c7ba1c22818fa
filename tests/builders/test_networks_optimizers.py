"""The optimizers of networks."""

import pickle

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from sknevo.builders.networks._optimizers import (
    OPTIMIZERS,
    Muon,
    optimizer_of,
    orthogonal,
)

GENES = {
    "sgd": {"lr": 0.01, "momentum": 0.9, "nesterov": True, "bias_rate": 8.0},
    "muon": {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01},
    "adam": {"lr": 0.01, "beta1": 0.9, "weight_decay": 1e-5},
    "adamw": {"lr": 0.01, "beta1": 0.9, "weight_decay": 0.01},
    "rmsprop": {"lr": 0.003, "alpha": 0.9, "momentum": 0.5},
}


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3), torch.nn.Flatten(), torch.nn.Linear(32, 1)
    )


def trained(name, steps, model, optimizer=None):
    if optimizer is None:
        kind, options = optimizer_of({name: GENES[name]})
        optimizer = kind(model.parameters(), **options)
    X = torch.rand(64, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    y = X.amax(dim=(2, 3))
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(X) - y).square().mean()
        loss.backward()
        optimizer.step()
    return loss.item(), optimizer


@pytest.mark.parametrize("shape", [(8, 20), (20, 8), (5, 5)])
def test_products_of_muon_are_those_that_torch_counts(shape):
    with FlopCounterMode(display=False) as counter:
        orthogonal(torch.rand(shape))
    # torch counts additions, too; the last matrix is that of the head.
    assert counter.get_total_flops() == 2 * Muon.n_products([shape, (9, 9)])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_learns_and_goes_on_where_it_was(name):
    at_once, in_parts = network(), network()
    first, _ = trained(name, 1, network())
    last, _ = trained(name, 40, at_once)
    assert last < first / 5
    _, optimizer = trained(name, 15, in_parts)
    in_parts, optimizer = pickle.loads(pickle.dumps((in_parts, optimizer)))
    trained(name, 25, in_parts, optimizer)
    for one, other in zip(at_once.parameters(), in_parts.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("name", "theirs", "options"),
    [
        ("sgd", torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
        ("adam", torch.optim.Adam, {}),
        ("adamw", torch.optim.AdamW, {}),
        ("rmsprop", torch.optim.RMSprop, {"alpha": 0.9, "momentum": 0.5}),
    ],
)
def test_steps_are_those_of_torch(name, theirs, options):
    genes = {**GENES[name], "weight_decay": 0.02, "lr": 0.003}
    options = {**options, "weight_decay": 0.02, "lr": 0.003}
    kind, own = optimizer_of(
        {name: genes | ({"bias_rate": 1.0} if name == "sgd" else {})}
    )
    ours, other = network(), network()
    trained(name, 10, ours, kind(ours.parameters(), **own))
    trained(name, 10, other, theirs(other.parameters(), **options))
    for one, expected in zip(ours.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, expected)


@pytest.mark.parametrize("shape", [(5, 5), (4, 30), (30, 4), (1, 9)])
def test_singular_values_of_steps_become_alike(shape):
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    found = orthogonal(drawn)
    assert found.shape == shape
    assert (torch.linalg.svdvals(found) - 1).abs().max() < 0.4


def test_muon_learns_the_head_and_vectors_by_adam():
    model = network()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    trained("muon", 1, model)
    kernel, bias, head, last = (
        new - old for new, old in zip(model.parameters(), before, strict=True)
    )
    steps = torch.linalg.svdvals(
        kernel.detach().flatten(1) + 0.05 * 0.01 * before[0].flatten(1)
    )
    assert steps.max() < 0.05 * 1.4
    # The first step of Adam is as long as its rate.
    for step in (bias, head, last):
        torch.testing.assert_close(step.abs(), torch.full_like(step, 0.005))


def test_biases_are_learned_faster():
    _, optimizer = trained("sgd", 1, network())
    others, vectors = optimizer.param_groups
    assert {parameter.ndim for parameter in vectors["params"]} == {1}
    assert others["lr"] == 0.01
    assert vectors["lr"] == pytest.approx(0.08)
