"""Networks that embed: losses, what they adapt to, and classes that come later."""

import pickle

import numpy as np
import pytest
import torch
from builder_contract import BuilderContract, Case

from sknevo.builders.few_shot import (
    EmbeddingLoss,
    FewShotBuilder,
    class_means,
    rank_in_class,
    side_by_side,
)
from sknevo.genomes.few_shot import few_shot, well_known
from sknevo.records import Chromosome, DataSpec

KINDS = ("cross_entropy", "nca", "prototypical")


def bars(n_classes, per_class, seed=0, side=8):
    """Return noisy images of one bright bar, its place and direction by class."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(n_classes), per_class)
    X = rng.integers(0, 60, (len(y), side, side))
    for image, label in zip(X, y, strict=True):
        image[label % side] += 150
        image[:, (3 * label) // side % side] += 90
    return X.astype(np.uint8), np.array([f"class {label}" for label in y])


def case(shape):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(48, *shape)), np.arange(48) % 6
    spec = DataSpec("classification", len(X), 6, shape=shape)
    limits = {"max_layers": 4, "max_epochs": 2, "max_parameters": 30_000}
    genome = few_shot(spec, **limits)
    return Case(genome, FewShotBuilder(spec, device="cpu"), X, y, n_fitted=4)


CASES = {f"{shape}": case(shape) for shape in [(8, 8), (9, 8, 3), (5,)]}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
class TestFewShotBuilder(BuilderContract):
    pass


def net_of(X, y, n_classes=0, embedding=None, **training):
    n_classes = n_classes or len(set(y))
    spec = DataSpec("classification", len(y), n_classes, shape=X.shape[1:])
    genes = well_known(spec)[0]
    genes["augmentation"] = {"shift": 0.1}
    genes["embedding"] = {**genes["embedding"], **(embedding or {})}
    genes["training"] = {
        **genes["training"],
        "batch_size": min(16, len(y)),
        "epochs": 10,
        "rotations": False,
        **training,
    }
    genome = few_shot(spec, max_epochs=64)
    chromosome = Chromosome(genome.complete(genes, np.random.default_rng(0)))
    return FewShotBuilder(spec, "cpu", "float32", True)(chromosome.expressed, 0)


# Losses ------------------------------------------------------------------------------


def loss_of(kind, distance, Z, targets, **options):
    n_classes = int(targets.max()) + 1
    size = Z.shape[1]
    loss = EmbeddingLoss(kind, 0.5, distance, size, n_classes, **options)
    return loss(Z, targets)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_losses_are_those_of_their_definitions(distance):
    Z = torch.randn(7, 4, generator=torch.Generator().manual_seed(0)).double()
    targets = torch.tensor([0, 0, 0, 1, 1, 2, 0])

    def close(a, b):
        if distance == "cosine":
            return torch.cosine_similarity(a, b, dim=0) - 1
        return -((a - b) ** 2).mean()

    unit = Z / Z.norm(dim=1, keepdim=True) if distance == "cosine" else Z
    nca, prototypical = torch.zeros(7).double(), torch.zeros(7).double()
    for i in range(7):
        others = [j for j in range(7) if j != i]
        alike = [j for j in others if targets[j] == targets[i]]
        if not alike:
            continue
        weight = {j: torch.exp(close(Z[i], Z[j]) / 0.5) for j in others}
        nca[i] = -torch.log(sum(weight[j] for j in alike) / sum(weight.values()))
        means = {
            int(k): unit[[j for j in others if targets[j] == k]].mean(0)
            for k in targets[others].unique()
        }
        logits = {k: close(Z[i], mean) / 0.5 for k, mean in means.items()}
        total = sum(torch.exp(one) for one in logits.values())
        prototypical[i] = -(logits[int(targets[i])] - torch.log(total))
    found = [loss_of(kind, distance, Z, targets) for kind in KINDS[1:]]
    torch.testing.assert_close(found[0], nca)
    torch.testing.assert_close(found[1], prototypical)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_finite_where_a_class_is_alone_or_all_are_the_same(kind):
    for Z in (torch.zeros(3, 4), torch.ones(3, 4), torch.eye(4)[:3]):
        for targets in (torch.tensor([0, 1, 2]), torch.tensor([0, 0, 0])):
            Z = Z.clone().requires_grad_()
            loss = loss_of(kind, "cosine", Z, targets, reduction="mean")
            (gradient,) = torch.autograd.grad(loss, Z)
            assert torch.isfinite(gradient).all()
            assert torch.isfinite(loss)


# Training ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_new_classes_are_told_apart(kind):
    X, y = bars(16, 12)
    options = {} if kind == "cross_entropy" else {"per_class": 4}
    base = np.isin(y, [f"class {k}" for k in range(10)])
    net = net_of(X[base], y[base], loss={kind: options}).fit(X[base], y[base])
    new, shots = ~base, np.tile(np.arange(12) < 2, 6)
    adapted = net.adapt(X[new][shots], y[new][shots])
    assert set(adapted.classes_) == set(y[new])
    assert adapted.score(X[new][~shots], y[new][~shots]) > 0.8
    assert net.score(X[base], y[base]) > 0.8
    again = pickle.loads(pickle.dumps(adapted))
    np.testing.assert_array_equal(again.predict(X), adapted.predict(X))


@pytest.mark.parametrize("kind", KINDS[:2])
def test_classes_that_come_later_are_learned_too(kind):
    X, y = bars(6, 12)
    first = np.isin(y, ["class 5", "class 2", "class 0"])
    net = net_of(X, y, loss={kind: {}})
    net.train_to(X[first], y[first], 5)
    assert len(net.classes_) == len(net.centroids_) == 3
    proxies = getattr(net.criterion_, "proxies", torch.zeros(1)).detach().clone()
    net.finish(X, y, epochs=6)
    assert net.classes_.tolist() == sorted(set(y))
    assert net.score(X, y) > 0.8
    # Known classes keep their places, and what is not seen is not learned.
    codes = net.encode(np.array(["class 0", "class 2", "class 5", "class 1"]))
    assert codes.tolist() == [0, 1, 2, 3]
    if kind == "cross_entropy":
        fresh = EmbeddingLoss(kind, 1.0, "cosine", *reversed(proxies.shape))
        torch.testing.assert_close(proxies[3:], fresh.proxies.detach()[3:])
        assert (proxies[:3] != fresh.proxies[:3]).all()


def test_more_classes_than_there_is_room_for_are_refused():
    X, y = bars(6, 4)
    few = np.isin(y, ["class 0", "class 1"])
    net = net_of(X[few], y[few], epochs=4).train_to(X[few], y[few], 1)
    with pytest.raises(ValueError, match="room for 2 classes; y brings 4"):
        net.finish(X, y, epochs=1)


def test_turned_images_are_other_classes():
    X, y = bars(3, 4)
    net = net_of(X, y, rotations=True, epochs=2).fit(X, y)
    net.module_.generator = torch.Generator().manual_seed(1)
    targets = net.encode(y)
    turned, classes = net.module_.turned(torch.from_numpy(X), targets, 3)
    for image, before, label, code in zip(turned, X, classes, targets, strict=True):
        angle = int(label) - 4 * int(code)
        np.testing.assert_array_equal(image, np.rot90(before, angle))
    assert len(set((classes % 4).tolist())) > 1
    assert net.criterion_.proxies.shape[0] == 12


@pytest.mark.parametrize("shape", [(3, 6, 6), (6, 6, 3), (6, 6)])
def test_images_are_turned_in_any_layout(shape):
    X = np.random.default_rng(0).normal(size=(8, *shape)).astype(np.float32)
    net = net_of(X, np.arange(8) % 2, rotations=True, epochs=2)
    net.fit(X, np.arange(8) % 2)
    net.module_.generator = torch.Generator().manual_seed(0)
    codes = torch.arange(8) % 2
    turned, classes = net.module_.turned(torch.from_numpy(X).flatten(1), codes, 2)
    axes = (1, 2) if shape[0] == 3 else (0, 1)
    for image, before, label, code in zip(turned, X, classes, codes, strict=True):
        expected = np.rot90(before, int(label - 4 * code), axes)
        np.testing.assert_array_equal(image, expected)


# What is adapted to ------------------------------------------------------------------


def test_embeddings_are_centred_and_of_length_one_as_the_genes_say():
    X, y = bars(5, 6)
    for centring in (False, True):
        for normalisation in ("none", "l2"):
            embedding = {"centring": centring, "normalisation": normalisation}
            net = net_of(X, y, embedding=embedding, epochs=2).fit(X, y)
            Z = net.transform(X)
            lengths = np.linalg.norm(Z, axis=1)
            assert np.allclose(lengths, 1, atol=1e-5) == (normalisation == "l2")
            if normalisation == "none":
                assert np.allclose(Z.mean(0), 0, atol=1e-4) == centring


def test_views_are_adapted_to_and_nothing_is_left_of_them():
    X, y = bars(5, 6)
    net = net_of(X, y, embedding={"support_views": 4}, epochs=2).fit(X, y)
    before = net.transform(X)
    support = net.transform_support(X)
    assert not np.allclose(support, before)
    np.testing.assert_array_equal(net.transform_support(X), support)
    np.testing.assert_array_equal(net.transform(X), before)


def test_weights_count_in_centroids():
    X, y = bars(4, 6)
    weights = np.where(np.arange(len(y)) % 6 < 3, 1e-6, 1.0)
    net = net_of(X, y, epochs=2).fit(X, y, weights)
    heavy = weights == 1
    codes = np.unique(y[heavy], return_inverse=True)[1]
    expected = class_means(net.transform(X[heavy]), codes, np.ones(heavy.sum()))
    np.testing.assert_allclose(net.centroids_, expected, atol=1e-4)


# Orders of samples -------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3])
def test_samples_of_a_class_lie_side_by_side(size):
    codes = np.random.default_rng(0).integers(0, 7, 100)
    order = side_by_side(codes, size)
    assert sorted(order) == list(range(100))
    ordered = codes[order]
    starts = rank_in_class(ordered) % size == 0
    for place in np.flatnonzero(starts):
        left = np.sum(ordered[place:] == ordered[place])
        group = ordered[place : place + min(size, left)]
        assert (group == ordered[place]).all()
