"""Autoencoders: any individual learns, and errors are on one scale for all losses."""

import numpy as np
import pytest
import torch
from builder_contract import BuilderContract, Case

from sknevo.builders.autoencoder import (
    AutoencoderBuilder,
    ReconstructionLoss,
    structural_similarity,
)
from sknevo.deadline import TrialPruned
from sknevo.genomes.autoencoder import autoencoder
from sknevo.metrics import structural_similarity as measured_similarity
from sknevo.records import Chromosome, DataSpec


def case(shape):
    X = np.random.default_rng(0).normal(size=(40, *shape))
    spec = DataSpec("reconstruction", len(X), 0, shape=shape)
    limits = {"max_layers": 4, "max_epochs": 1, "max_parameters": 30_000}
    builder = AutoencoderBuilder(spec, device="cpu")
    return Case(autoencoder(spec, **limits), builder, X, None, n_fitted=4, answers=())


CASES = {f"{shape}": case(shape) for shape in [(8, 8), (9, 8, 3), (5,)]}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
class TestAutoencoderBuilder(BuilderContract):
    pass


def waves(n=120, side=8):
    """Return images that two numbers describe."""
    rng = np.random.default_rng(0)
    height, phase = rng.uniform(0, np.pi, (2, n, 1))
    values = np.sin(np.linspace(0, 2, side**2) + phase) * np.sin(height)
    return (100 + 100 * values).astype(np.uint8).reshape(n, side, side)


def net_of(X, final=True, units=(32,), epochs=30, loss="squared", **genes):
    spec = DataSpec("reconstruction", len(X), 0, shape=X.shape[1:])
    genome = autoencoder(spec, n_components=2, max_epochs=64)
    layer = {"normalisation": "batch", "activation": "relu"}
    encoder = {"dense": [{"units": each, **layer} for each in units]}
    images = X.ndim > 2
    training = {"batch_size": 16, "epochs": epochs, "schedule": "cosine", "loss": loss}
    known = {
        "encoder": {"blocks": [], **encoder} if images else encoder,
        "decoder": {"tied": {"upsampling": "nearest"} if images else {}},
        "optimizer": {"adam": {"lr": 0.01, "beta1": 0.9, "weight_decay": 1e-6}},
        "training": training,
    }
    chosen = genome.complete(known | genes, np.random.default_rng(0))
    builder = AutoencoderBuilder(spec, "cpu", "float32", final)
    return builder(Chromosome(chosen).expressed, 0)


LEARNED = [{"loss": "squared"}, {"loss": "binary"}]
LEARNED += [{"denoising": {"normal": {"scale": 0.1}}}]
LEARNED += [{"code": {"variational": {"weight": 1e-3}}}]
LESS_USUAL = [{"loss": "absolute"}, {"loss": "ssim"}, {"augmentation": {"flip": True}}]
LESS_USUAL += [{"denoising": {"masking": {"share": 0.1}}}]


@pytest.mark.parametrize(
    "genes",
    [*LEARNED, *(pytest.param(g, marks=pytest.mark.slow) for g in LESS_USUAL)],
    ids=str,
)
def test_whatever_it_learns_by_images_are_rebuilt(genes):
    X = waves()
    net = net_of(X[:100], **genes).fit(X[:100])
    rebuilt = net.predict(X[100:])
    assert rebuilt.dtype == X.dtype
    errors = ((rebuilt.astype(float) - X[100:]) / np.ptp(X[:100])) ** 2
    # Bytes are rounded.
    np.testing.assert_allclose(-net.score(X[100:]), errors.mean(), atol=1e-4)
    mean = ((X[:100].mean(axis=0) - X[100:]) / np.ptp(X[:100])) ** 2
    assert errors.mean() < 0.5 * mean.mean()


def test_errors_of_rows_are_in_units_of_their_variance():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2)) @ rng.normal(size=(2, 5)) * [1, 10, 1e3, 1, 1e-3]
    net = net_of(X, epochs=40).fit(X)
    rebuilt = net.predict(X)
    # Samples end at the range of each column, errors do not.
    inside = ((X.min(axis=0) < rebuilt) & (rebuilt < X.max(axis=0))).all(axis=1)
    errors = (((rebuilt - X) / X.std(axis=0)) ** 2).mean(axis=1)
    np.testing.assert_allclose(-net.score_samples(X)[inside], errors[inside])
    assert inside.mean() > 0.8
    assert net.score(X) > -0.2


def test_components_cost_a_share_of_the_variance():
    X = waves()
    net = net_of(X, epochs=2).fit(X)
    plain = net.score(X)
    net.set_params(component_penalty=0.01)
    variance = (X / np.ptp(X)).var(axis=0).mean()
    np.testing.assert_allclose(plain - net.score(X), 0.01 * 2 * variance)


def test_a_constant_guess_is_given_up_and_noise_is_not_learned():
    X = np.random.default_rng(0).integers(0, 256, (800, 6, 6), dtype=np.uint8)
    dead = {"optimizer": {"sgd": {"lr": 3e-3, "momentum": 0.1, "weight_decay": 1e-2}}}
    with pytest.raises(TrialPruned, match="chance level"):
        net_of(X, final=False, units=(), epochs=8, **dead).fit(X)


def test_the_similarity_that_is_learned_is_the_one_that_is_measured():
    rng = np.random.default_rng(0)
    one = rng.random((3, 2, 12, 9))
    other = np.clip(one + 0.2 * rng.normal(size=one.shape), 0, 1)
    ours = structural_similarity(torch.tensor(one), torch.tensor(other))
    known = {"data_range": 1.0, "channels": "first"}
    np.testing.assert_allclose(ours, measured_similarity(one, other, **known))


@pytest.mark.parametrize("loss", ["squared", "absolute", "binary", "ssim"])
def test_losses_are_least_where_nothing_differs(loss):
    clean = torch.rand((4, 1, 9, 9), generator=torch.Generator().manual_seed(0)) - 0.5
    losses = ReconstructionLoss(loss, of_images=True)
    best = losses(torch.atanh(clean), clean)
    assert best.shape == (4,)
    assert (best < losses(torch.atanh(clean) + 0.3, clean)).all()
