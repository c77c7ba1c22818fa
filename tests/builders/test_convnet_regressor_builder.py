"""Networks that predict numbers: any individual learns, whatever the targets' scale."""

import pickle

import numpy as np
import pytest
from builder_contract import BuilderContract, Case
from skorch import NeuralNetRegressor

from sknevo.builders.convnet_regressor import ConvNetRegressorBuilder
from sknevo.deadline import TrialPruned
from sknevo.genomes.convnet_regressor import convnet_regressor, well_known
from sknevo.records import Chromosome, DataSpec


def blobs(n=48, side=8, seed=0):
    """Return images of a bright spot, and the row that it is in."""
    rng = np.random.default_rng(seed)
    row, column = rng.uniform(1, side - 2, (2, n))
    grid = np.arange(side)
    squares = (grid[:, None] - row[:, None, None]) ** 2
    squares = squares + (grid - column[:, None, None]) ** 2
    return (255 * np.exp(-squares / 2)).astype(np.uint8), row


def case(shape):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(48, *shape)), 100 + 10 * rng.normal(size=48)
    spec = DataSpec("regression", len(X), 0, shape=shape)
    limits = {"max_layers": 4, "max_epochs": 2, "max_parameters": 30_000}
    genome = convnet_regressor(spec, **limits)
    return Case(genome, ConvNetRegressorBuilder(spec, device="cpu"), X, y, n_fitted=4)


CASES = {f"{shape}": case(shape) for shape in [(8, 8), (9, 8, 3), (5,)]}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
class TestConvNetRegressorBuilder(BuilderContract):
    pass


def net_of(X, y, final=True, **training):
    spec = DataSpec("regression", len(y), 0, shape=X.shape[1:])
    genes = well_known(spec)[0]
    genes["training"] = {
        **genes["training"],
        "batch_size": 16,
        "epochs": 40,
        **training,
    }
    genome = convnet_regressor(spec, max_epochs=64)
    chromosome = Chromosome(genome.complete(genes, np.random.default_rng(0)))
    return ConvNetRegressorBuilder(spec, "cpu", "float32", final)(
        chromosome.expressed, 0
    )


@pytest.mark.parametrize(
    ("loss", "scaling"),
    [
        ("squared", "standard"),
        pytest.param("absolute", "robust", marks=pytest.mark.slow),
        pytest.param("huber", "asinh", marks=pytest.mark.slow),
    ],
)
def test_numbers_of_any_scale_are_learned(loss, scaling):
    X, y = blobs(300)
    y = 1e6 * (y - 100)
    net = net_of(X[:200], y[:200], loss=loss, target_scaling=scaling)
    net.fit(X[:200], y[:200])
    assert isinstance(net, NeuralNetRegressor)
    assert net.score(X[200:], y[200:]) > 0.85


@pytest.mark.parametrize("scaling", ["standard", "robust", "asinh"])
@pytest.mark.parametrize(
    "y", [[1e300, -1e300], [5, 5], [0, 0], [1e-300, 0], [1, 2]], ids=str
)
def test_scaled_targets_are_of_moderate_size(scaling, y):
    y = np.repeat(np.array(y, float), 8)
    net = net_of(blobs(16)[0], y, target_scaling=scaling)
    net.learn_targets(y)
    assert net.encode(y).isfinite().all()
    assert net.encode(y).abs().max() < 10


def test_half_of_the_targets_may_be_equal():
    y = np.r_[np.zeros(40), np.arange(8.0)]
    net = net_of(blobs()[0], y, target_scaling="robust")
    net.learn_targets(y)
    assert net.encode(y).abs().max() < 10


@pytest.mark.slow
def test_absolute_loss_is_not_drawn_away_by_outliers():
    X, y = blobs(200)
    wild = y.copy()
    wild[::5] += 1000
    errors = {}
    for loss, scaling in (("squared", "standard"), ("absolute", "robust")):
        net = net_of(X, y, loss=loss, target_scaling=scaling).fit(X, wild)
        errors[loss] = np.median(np.abs(net.predict(X) - y))
    assert errors["absolute"] < 2 < errors["squared"]


def test_weights_of_samples_count():
    X, y = blobs(300)
    wrong = np.arange(300) % 2 == 0
    mixed = np.where(wrong, -y, y)
    net = net_of(X, mixed).fit(X, mixed, sample_weight=np.where(wrong, 1e-6, 1.0))
    assert net.score(X, y) > 0.8


def test_a_network_no_better_than_a_constant_gives_up_unless_it_is_final():
    X, y = np.zeros((400, 4, 4), np.uint8), np.random.default_rng(0).normal(size=400)
    with pytest.raises(TrialPruned, match="at chance level after 10 of 40 epochs"):
        net_of(X, y, final=False).fit(X, y)
    net_of(X[:48], y[:48], epochs=12).fit(X[:48], y[:48])


def test_constant_targets_are_predicted():
    X = blobs(100)[0]
    net = net_of(X, np.full(100, 7), final=False).fit(X, np.full(100, 7))
    np.testing.assert_allclose(net.predict(X), 7, atol=0.5)


def test_predictions_survive_pickle():
    X, y = blobs(60)
    net = net_of(X, y, epochs=8, target_scaling="asinh").fit(X, y)
    again = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(again.predict(X), net.predict(X))
