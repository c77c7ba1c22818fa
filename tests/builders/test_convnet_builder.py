"""Networks: every individual trains on every kind of sample, as its genes say."""

import multiprocessing
import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from builder_contract import BuilderContract, Case
from sklearn.base import clone
from sklearn.datasets import load_digits
from skorch import NeuralNetClassifier

from sknevo.builders.convnet import ConvNetBuilder
from sknevo.builders.networks import _builder, _data, load_network
from sknevo.builders.networks._augmentation import Augmentation
from sknevo.builders.networks._data import (
    ShuffledBatches,
    as_tensor,
    rows_of_epoch,
    samples_on_device,
    statistics,
)
from sknevo.builders.networks._devices import (
    own_settings,
    resolve_device,
    resolve_precision,
)
from sknevo.builders.networks._modules import (
    Block,
    Dropout,
    Network,
    Whitening,
    layer_module,
)
from sknevo.builders.networks._net import WARM_UP_SHARE
from sknevo.builders.networks._serialization import save_network
from sknevo.builders.networks._trainer import SCHEDULES, WeightAverage
from sknevo.deadline import DeadlineReached, TrialPruned, must_end_by, training_for
from sknevo.genomes.convnet import convnet, well_known
from sknevo.network_plan import EPOCH_SAMPLES, Layer, image_shape, network_plan
from sknevo.records import Chromosome, DataSpec

STILL = dict.fromkeys(("shift", "flip", "rotate", "zoom", "erase", "colour"), 0)
SHAPES = [(8, 8), (3, 6, 7), (9, 8, 3), (5,), (1, 1)]


def images(shape, n=48, n_classes=3, dtype=np.uint8):
    rng = np.random.default_rng(0)
    y = np.arange(n) % n_classes
    X = rng.integers(0, 200, (n, *shape)) + 50 * (y > 0).reshape(-1, *[1] * len(shape))
    return X.astype(dtype), np.array([f"class {label}" for label in y])


def spec_of(X, y, **limits):
    return DataSpec("classification", len(y), len(set(y)), shape=X.shape[1:])


def case(shape, **data):
    X, y = images(shape, **data)
    spec = spec_of(X, y)
    genome = convnet(spec, max_layers=4, max_epochs=2, max_parameters=30_000)
    return Case(genome, ConvNetBuilder(spec, device="cpu"), X, y)


CASES = {f"{shape}": case(shape) for shape in SHAPES}
CASES["floats"] = case((8, 8), dtype=float)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
class TestConvNetBuilder(BuilderContract):
    pass


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X.reshape(-1, 8, 8).astype(np.uint8), y.astype(str)


def net_of(X, y, known=0, final=False, precision="float32", stem=None, **training):
    spec = spec_of(X, y)
    genes = {**well_known(spec)[known], **({"stem": stem} if stem else {})}
    genes["training"] = {**genes["training"], "batch_size": 32, "epochs": 8, **training}
    genome = convnet(spec, max_epochs=64)
    chromosome = Chromosome(genome.complete(genes, np.random.default_rng(0)))
    builder = ConvNetBuilder(spec, "cpu", precision, final)
    return builder(chromosome.expressed, 0)


# The network ---------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_sizes_are_those_that_torch_counts(shape):
    rng = np.random.default_rng(0)
    spec = DataSpec("classification", 100, 4, shape=shape)
    channels, genome = torch.ones(image_shape(shape)[0]), convnet(spec)
    for _ in range(15):
        expressed = Chromosome(genome.sample(rng)).expressed
        network = Network(expressed, shape, 4, 0 * channels, channels)
        parameters = [*network.parameters()]
        plan = network_plan(expressed, image_shape(shape), 4)
        assert sum(p.numel() for p in parameters) == plan.size.parameters
        matrices = [tuple(p.flatten(1).shape) for p in parameters if p.ndim >= 2]
        assert matrices == plan.matrices
        assert network(torch.rand(3, *shape)).shape == (3, 4)


def test_steps_that_are_made_orthogonal_cost_more_where_layers_are_wide():
    spec = DataSpec("classification", 1000, 4, shape=(14, 14))
    builder, genome = ConvNetBuilder(spec), convnet(spec, max_parameters=10**7)

    def cost(width, optimizer):
        blocks = [{"channels": width, "kernel": 3}] * 2
        training = {"epochs": 10, "batch_size": 64}
        genes = {"blocks": blocks, "optimizer": optimizer, "training": training}
        completed = genome.complete(genes, np.random.default_rng(0))
        return builder.cost(Chromosome(completed).expressed)

    assert 1 < cost(16, "muon") / cost(16, "adam") < 1.02
    assert cost(256, "muon") / cost(256, "adam") > 1.1


def test_layouts_are_the_same_images():
    X = np.random.default_rng(0).integers(0, 256, (5, 3, 9, 8)).astype(np.uint8)
    last = np.moveaxis(X, 1, -1)
    spec = DataSpec("classification", 5, 2, shape=X.shape[1:])
    expressed = Chromosome(convnet(spec).sample(np.random.default_rng(0))).expressed
    outputs = []
    for array in (X, last, last.reshape(5, -1)):
        shape = (9, 8, 3) if array is not X else (3, 9, 8)
        network = Network(expressed, shape, 2, **statistics(array, shape)).eval()
        outputs.append(network(as_tensor(array)).detach())
    torch.testing.assert_close(outputs[1], outputs[0])
    torch.testing.assert_close(outputs[2], outputs[0])


def test_a_network_without_augmentation_needs_no_genes_for_it():
    spec = DataSpec("classification", 5, 2, shape=(9, 8))
    expressed = Chromosome(convnet(spec).sample(np.random.default_rng(0))).expressed
    known = {"mean": torch.zeros(1), "scale": torch.ones(1)}
    plain = {k: v for k, v in expressed.items() if k != "augmentation"}
    network = Network(plain, (9, 8), 2, **known).train()
    assert network(torch.rand(3, 9, 8)).shape == (3, 2)


def test_images_are_moved_in_full_precision():
    genes = dict.fromkeys(("shift", "zoom", "flip", "colour", "erase"), 0.0)
    augment = Augmentation({**genes, "rotate": 30}).train()
    X = torch.rand(4, 1, 64, 64)

    def moved():
        augment.generator = torch.Generator().manual_seed(0)
        return augment(X)

    expected = moved()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(moved(), expected)


def block_of(shape=(3, 7, 9), **genes):
    plain = {"channels": 8, "kernel": 3, "normalisation": "batch", "pooling": "max"}
    layers = Layer.block(plain | genes, shape)
    rng = torch.Generator().manual_seed(0)
    return torch.nn.Sequential(*(layer_module(layer, rng) for layer in layers))


@pytest.mark.parametrize("separable", [False, True])
def test_convolutions_can_begin_as_the_identity(separable):
    genes = {"normalisation": "none", "pooling": "none", "separable": separable}
    block = block_of(initialisation="identity", **genes)
    X = torch.randn(2, 3, 7, 9)
    torch.testing.assert_close(block(X)[:, :3], X)
    assert block_of(initialisation="identity", **genes, channels=2)(X).shape[1] == 2


def test_a_shortcut_leads_past_the_convolutions_after_the_pooling():
    block = block_of(convolutions=3, residual=True)
    first, further = block
    assert [type(module) for module in further] == [Block, Block]
    for layer in further:  # what they make is nothing
        torch.nn.init.zeros_(layer.convolve.weight)
    X = torch.randn(4, 3, 7, 9)
    torch.testing.assert_close(block(X), first(X))


def test_the_means_of_channels_tell_how_strong_each_is():
    block = block_of(excitation=True, normalisation="none", pooling="none")[0]
    X = torch.randn(4, 3, 7, 9)
    Z = block.convolve(X)
    ratios = (block(X) / Z).flatten(2)
    torch.testing.assert_close(ratios, ratios[:, :, :1].expand_as(ratios))
    assert ((ratios > 0) & (ratios < 1)).all()


def test_the_head_is_scaled():
    genes = {"blocks": [{"channels": 8, "kernel": 3}], "head_pooling": "maximum"}
    known = {"mean": torch.zeros(1), "scale": torch.ones(1)}
    networks = [
        Network({**genes, "dense": [], **scale}, (6, 6), 2, **known)
        for scale in ({}, {"head_scale": 0.1})
    ]
    X = torch.rand(3, 6, 6)
    torch.testing.assert_close(networks[1](X), 0.1 * networks[0](X))


@pytest.mark.parametrize("shape", [(9, 8), (9, 8, 3)])
def test_the_first_layer_whitens_the_patches_of_the_images(shape):
    X, y = images(shape, n=200)
    X = X + np.arange(8).reshape(8, *[1] * (len(shape) - 2)).astype(np.uint8)
    net = net_of(X, y, stem={"whitening": {"kernel": 2, "stride": 1}})
    stem = net.fit(X, y).module_.blocks[0]
    assert isinstance(stem, Whitening)
    assert not [*stem.parameters()]
    module = net.module_
    Z = stem(module.standardise(module.arrange(as_tensor(X))))
    n = Z.shape[1] // 2
    assert n == min(16, 4 * (shape[-1] if len(shape) == 3 else 1))
    Z = (Z[:, :n] - Z[:, n:]).transpose(0, 1).flatten(1)
    products = Z @ Z.T / Z.shape[1]
    torch.testing.assert_close(products, torch.eye(n), atol=0.02, rtol=0)


def test_a_whitening_layer_is_written_to_files(digits, tmp_path):
    X, y = digits[0][:100], digits[1][:100]
    net = net_of(X, y, stem={"whitening": {"kernel": 3, "stride": 1}}).fit(X, y)
    genes = net.get_params_for("module")["genes"]
    expressed = {**genes, "optimizer": {"adam": {"lr": 0.01}}}
    expressed["training"] = {"epochs": 8, "batch_size": 32, "schedule": "constant"}
    expressed["training"]["label_smoothing"] = 0.0
    save_network(net, expressed, tmp_path / "digits.safetensors")
    loaded = load_network(tmp_path / "digits.safetensors", device="cpu")
    np.testing.assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))


def test_a_whitening_layer_bears_images_of_one_colour():
    X, y = np.full((40, 6, 6), 7, np.uint8), np.arange(40) % 2
    stem = {"whitening": {"kernel": 3, "stride": 2}}
    net = net_of(X, y, stem=stem, final=True).fit(X, y)
    assert np.isfinite(net.predict_proba(X)).all()


def test_dropout_silences_a_share_and_keeps_the_mean():
    X = torch.ones(7, 5, 9, 11).contiguous(memory_format=torch.channels_last)
    drop = Dropout(0.25).train()
    drop.generator = torch.Generator().manual_seed(0)
    first, second = drop(X), drop(X)
    assert first.unique().tolist() == pytest.approx([0, 4 / 3])
    assert 0.22 < (first == 0).float().mean() < 0.28
    assert not torch.equal(first, second)
    drop.generator.manual_seed(0)
    assert torch.equal(drop(X), first)
    assert drop.eval()(X) is X


def test_inputs_are_standardised_by_channel():
    X = np.random.default_rng(0).normal([1, 5], [2, 0.1], (400, 6, 5, 2))
    X[..., 1] = 7.0
    known = statistics(X, (6, 5, 2))
    np.testing.assert_allclose(known["mean"], [1, 7], atol=0.15)
    np.testing.assert_allclose(known["scale"], [2, 1], atol=0.15)


def test_global_generators_are_not_touched(digits):
    X, y = digits
    before = torch.get_rng_state(), repr(np.random.get_state())  # noqa: NPY002
    net_of(X[:100], y[:100], 1, epochs=8).fit(X[:100], y[:100])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert repr(np.random.get_state()) == before[1]  # noqa: NPY002


@pytest.mark.slow
def test_two_fits_at_a_time_do_not_disturb_each_other(digits):
    X, y = digits[0][:150], digits[1][:150]
    nets = [net_of(X, y, known) for known in (0, 1, 0, 1)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda net: net.fit(X, y).predict_proba(X), nets))
    alone = [net_of(X, y, known).fit(X, y).predict_proba(X) for known in (0, 1)]
    for seen, expected in zip(together, alone * 2, strict=True):
        np.testing.assert_allclose(seen, expected, atol=1e-5)


# Augmentation --------------------------------------------------------------------


def augmented(X, **genes):
    augmentation = Augmentation({**STILL, **genes})
    augmentation.generator = torch.Generator().manual_seed(0)
    return augmentation.train()(X)


def test_images_are_moved_by_whole_pixels():
    X = torch.zeros(200, 1, 10, 10)
    X[:, :, 5, 5] = 1.0
    moved = augmented(X, shift=0.2)
    torch.testing.assert_close(moved.sum(dim=(1, 2, 3)), torch.ones(200))
    places = moved.flatten(1).argmax(dim=1)
    rows, columns = places // 10, places % 10
    assert set(rows.tolist()) == set(columns.tolist()) == {3, 4, 5, 6, 7}


def test_half_of_the_images_are_flipped():
    X = torch.arange(3.0).expand(1000, 1, 2, 3)
    flipped = (augmented(X, flip=True) - X.flip(-1)).abs().amax(dim=(1, 2, 3)) < 1e-5
    assert 0.4 < flipped.float().mean() < 0.6


def test_images_that_are_shifted_and_flipped_repeat_their_border():
    X = torch.rand(40, 3, 5, 10)
    padded = torch.nn.functional.pad(X, (2, 2, 1, 1), mode="replicate")
    views = [padded[:, :, i : i + 5, j : j + 10] for i in range(3) for j in range(5)]
    views = torch.stack(views + [view.flip(-1) for view in views])
    found = (views == augmented(X, shift=0.2, flip=True)).all(dim=(2, 3, 4))
    assert (found.sum(dim=0) == 1).all()
    assert found.any(dim=1).sum() > 15  # of 30


def test_a_quarter_turn_is_a_quarter_turn():
    X = torch.rand(1, 1, 5, 5)
    augmentation = Augmentation({**STILL, "rotate": 90})
    augmentation._uniform = lambda X, *shape: torch.ones(len(X), *shape)
    turned = augmentation.train()(X)
    assert min((turned - torch.rot90(X, k, (2, 3))).abs().max() for k in (1, 3)) < 1e-4


def test_images_of_any_ratio_keep_their_shapes_when_turned():
    X = torch.zeros(300, 1, 20, 40)
    X[:, :, 6:14, 16:24] = 1.0  # a square stays one, as large
    areas = augmented(X, rotate=45).sum(dim=(1, 2, 3))
    torch.testing.assert_close(areas, torch.full((300,), 64.0), rtol=0.05, atol=0)


def test_stretched_images_keep_their_areas():
    X = torch.zeros(300, 1, 20, 40)
    X[:, :, 6:14, 16:24] = 1.0
    stretched = augmented(X, stretch=0.25)
    areas = stretched.sum(dim=(1, 2, 3))
    torch.testing.assert_close(areas, torch.full((300,), 64.0), rtol=0.06, atol=0)
    # At least 8 exp(-0.25) pixels if it is stretched upright; at most 11.1, that is
    # 8 (cosh 0.25 + sqrt(2) sinh 0.25), if along a slanting axis.
    widths = stretched.amax(dim=(1, 2)).sum(dim=1)
    assert 6 < widths.min() < 7
    assert 10 < widths.max() < 11.2


def test_rectangles_are_covered():
    X = torch.ones(2000, 1, 16, 16)
    covered = (augmented(X, erase=0.5) == 0).float().mean(dim=(1, 2, 3))
    assert 0.45 < (covered > 0).float().mean() < 0.55
    assert covered.max() < 0.35
    assert covered[covered > 0].min() > 0.02


def test_colours_change_by_image_and_channel():
    X = torch.ones(50, 3, 4, 4)
    changed = augmented(X, colour=0.4)
    assert changed.std(dim=0).min() > 0.1
    assert changed.std(dim=1).max() > 0.05
    assert (changed.std(dim=(2, 3)) < 1e-6).all()


def test_nothing_is_augmented_in_prediction():
    X = torch.rand(4, 1, 5, 5)
    genes = {"shift": 0.2, "flip": True, "erase": 0.5, "colour": 0.4}
    assert Augmentation({**STILL, **genes}).eval()(X) is X


def test_predictions_are_means_over_mirror_images_where_genes_say_so():
    spec = DataSpec("classification", 5, 2, shape=(9, 8))
    expressed = Chromosome(convnet(spec).sample(np.random.default_rng(0))).expressed
    known = {"mean": torch.zeros(1), "scale": torch.ones(1)}
    X = torch.rand(3, 9, 8)

    def outputs(X, **genes):
        expressed["augmentation"] = {**STILL, **genes}
        return Network(expressed, (9, 8), 2, **known).eval()(X)

    mirrored = outputs(X, test_time=True)
    torch.testing.assert_close(mirrored, (outputs(X) + outputs(X.flip(-1))) / 2)
    torch.testing.assert_close(mirrored, outputs(X.flip(-1), test_time=True))


# Training ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "precision", ["float32", pytest.param("bfloat16", marks=pytest.mark.slow)]
)
def test_digits_are_learned(digits, precision):
    X, y = digits
    net = net_of(X[:1000], y[:1000], precision=precision).fit(X[:1000], y[:1000])
    assert isinstance(net, NeuralNetClassifier)
    assert net.score(X[1000:], y[1000:]) > 0.93
    assert net.predict(X[:3]).dtype.kind == "U"
    losses = [epoch["train_loss"] for epoch in net.history]
    assert len(losses) == 8
    assert losses[-1] < losses[0] / 4
    np.testing.assert_allclose(net.predict_proba(X).sum(axis=1), 1, rtol=1e-4)


def test_weights_of_samples_count(digits):
    X, y = digits[0][:300], digits[1][:300].copy()
    wrong = np.arange(300) % 2 == 0
    y[wrong] = "7"
    net = net_of(X, y, epochs=16).fit(X, y, sample_weight=np.where(wrong, 1e-6, 1.0))
    true = digits[1][:300]
    assert (net.predict(X) == true).mean() > 0.8


def test_what_is_mapped_and_what_is_read_only_can_be_learned(tmp_path, digits):
    X, y = digits[0][:100], digits[1][:100]
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    one, other = (net_of(X, y).fit(A, y).predict_proba(A) for A in (X, mapped))
    np.testing.assert_array_equal(one, other)


def test_batches_hold_every_row_once_and_no_single_one():
    tensors = [torch.arange(33), torch.arange(33) * 2]
    rows = rows_of_epoch(0, 33, seed=0)
    batches = ShuffledBatches(tensors, rows, 16)
    first = list(batches)
    assert len(first) == len(batches) == 3
    assert min(len(batch[0]) for batch in first) == 11
    assert torch.equal(torch.cat([batch[0] for batch in first]), rows)
    assert all(torch.equal(2 * a, b) for a, b in first)


def test_epochs_of_few_samples_are_passes_each_in_its_own_order():
    first, second = (rows_of_epoch(epoch, 33, seed=0) for epoch in range(2))
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(33))
    assert not torch.equal(first, second)
    assert torch.equal(rows_of_epoch(1, 33, seed=0), second)
    assert not torch.equal(rows_of_epoch(1, 33, seed=1), second)


def test_epochs_of_many_samples_are_the_next_ones_of_a_pass():
    n_samples = EPOCH_SAMPLES * 5 // 2
    epochs = [rows_of_epoch(epoch, n_samples, seed=0) for epoch in range(5)]
    assert {len(rows) for rows in epochs} == {EPOCH_SAMPLES}
    seen = torch.cat(epochs)
    for each_pass in seen.split(n_samples):
        assert len(each_pass.unique()) == n_samples


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_end_low_whatever_the_number_of_epochs(name):
    shares = [SCHEDULES[name](step / 1000) for step in range(1000)]
    assert max(shares) <= 1
    assert max(shares) > 0.99
    assert min(shares) > 0
    if name != "constant":
        assert shares[-1] < 0.011


def test_the_learning_rate_follows_its_schedule(digits):
    X, y = digits[0][:100], digits[1][:100]
    net = net_of(X, y, schedule="cosine")
    seen = []
    step = type(net).train_step

    class Watched(type(net)):
        def train_step(self, batch, **_):
            seen.append(self.optimizer_.param_groups[0]["lr"])
            return step(self, batch)

    net.__class__ = Watched
    net.fit(X, y)
    rate, warm_up = net.get_params()["optimizer__lr"], int(WARM_UP_SHARE * len(seen))
    rising, falling = seen[:warm_up], seen[warm_up:]
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)
    assert 0.9 * rate < falling[0] < rate
    assert falling[-1] < rate / 100


def test_a_network_whose_loss_is_not_finite_gives_up(digits):
    X, y = digits[0][:100].astype(np.float32), digits[1][:100]
    X[0] = np.nan
    with pytest.raises(TrialPruned, match="the loss is nan after epoch 1"):
        net_of(X, y).fit(X, y)


def test_a_network_at_chance_level_is_pruned_unless_it_is_the_refit():
    X = np.zeros((400, 4, 4), np.uint8)
    y = np.arange(400) % 4
    with pytest.raises(TrialPruned, match="at chance level after 4 of 8 epochs"):
        net_of(X, y).fit(X, y)
    net_of(X, y, final=True).fit(X, y)


def test_a_network_looks_at_the_clock(digits):
    X, y = digits
    with must_end_by(time.time() - 1), pytest.raises(DeadlineReached):
        net_of(X, y).fit(X, y)


def test_a_clone_trains_the_same(digits):
    X, y = digits[0][:100], digits[1][:100]
    net = net_of(X, y)
    expected = net.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(clone(net).fit(X, y).predict_proba(X), expected)
    np.testing.assert_array_equal(net.fit(X, y).predict_proba(X), expected)


def test_an_interrupted_training_is_not_taken_for_a_whole_one(digits, monkeypatch):
    X, y = digits[0][:100], digits[1][:100]
    net = net_of(X, y)

    def interrupted(batch, **_):
        raise KeyboardInterrupt

    monkeypatch.setattr(net, "train_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, y)


# A training as a sequence of epochs ------------------------------------------------


def weights_of(net):
    return net.module_.state_dict()


def assert_same_weights(one, other):
    expected = weights_of(other)
    for name, weight in weights_of(one).items():
        assert torch.equal(weight, expected[name]), name


@pytest.mark.parametrize("flat", [False, True], ids=["images", "rows"])
def test_where_a_training_pauses_has_no_effect(digits, flat):
    X, y = digits[0][:200], digits[1][:200]
    X = X.reshape(200, -1).astype(float) if flat else X
    known = 0 if flat else 1  # with dropout or augmentation
    whole = net_of(X, y, known).train_to(X, y, 6)
    paused = net_of(X, y, known).train_to(X, y, 2)
    assert (paused.epochs_, len(paused.history)) == (2, 2)
    again = pickle.loads(pickle.dumps(paused)).train_to(X, y, 6)
    assert_same_weights(again, whole)
    assert_same_weights(paused.train_to(X, y, 6), whole)
    assert (again.epochs_, len(again.history)) == (6, 6)


def test_a_whole_training_is_that_of_all_epochs(digits):
    X, y = digits[0][:100], digits[1][:100]
    paused = net_of(X, y).train_to(X, y, 3).train_to(X, y, 1000)
    fitted = net_of(X, y).fit(X, y)
    assert_same_weights(paused, fitted)
    assert paused.epochs_ == fitted.epochs_ == 8


def test_what_a_training_goes_on_with_is_dropped_at_its_end(digits):
    X, y = digits[0][:100], digits[1][:100]
    paused = net_of(X, y).train_to(X, y, 8)
    size = len(pickle.dumps(paused))
    fitted = net_of(X, y).fit(X, y)
    finished = paused.finish(X, y)
    for net in (fitted, finished):
        assert net.training_ is None
        assert len(pickle.dumps(net)) < size / 2


def test_a_training_ends_early_after_an_epoch(digits):
    X, y = digits[0][:100], digits[1][:100]
    with training_for(2):
        net = net_of(X, y).train_to(X, y, 5)
    assert net.epochs_ == 2
    assert_same_weights(net, net_of(X, y).train_to(X, y, 2))


def test_a_training_is_finished_with_more_samples(digits):
    X, y = digits
    net = net_of(X[:500], y[:500]).train_to(X[:500], y[:500], 4)
    before = net.score(X[1000:], y[1000:])
    net.finish(X[:1000], y[:1000], epochs=3)
    assert net.epochs_ == 7
    assert net.score(X[1000:], y[1000:]) > before


def test_a_training_is_finished_in_time(digits):
    X, y = digits
    net = net_of(X, y).train_to(X, y, 1)
    until = time.time() + 0.5
    net.finish(X, y, until=until)
    assert 0 <= time.time() - until < 0.3
    assert net.score(X, y) > 0.9


def test_a_training_that_has_no_time_to_finish_predicts_as_before(digits):
    X, y = digits[0][:300], digits[1][:300]
    net = net_of(X, y).train_to(X, y, 2)
    expected = net.predict_proba(X)
    np.testing.assert_array_equal(
        net.finish(X, y, until=0.0).predict_proba(X), expected
    )


def test_an_interrupted_training_does_not_go_on(digits, monkeypatch):
    X, y = digits[0][:100], digits[1][:100]
    net = net_of(X, y).train_to(X, y, 2)
    with must_end_by(time.time() - 1), pytest.raises(DeadlineReached):
        net.train_to(X, y, 4)
    assert_same_weights(net.train_to(X, y, 4), net_of(X, y).train_to(X, y, 4))


def test_a_training_does_not_go_on_with_labels_that_it_does_not_know(digits):
    X, y = digits[0][:100], digits[1][:100]
    few = y != "7"
    net = net_of(X[few], y[few]).train_to(X[few], y[few], 1)
    with pytest.raises(ValueError, match=r"begun without samples of .'7'."):
        net.finish(X, y)


def test_an_average_of_weights_has_the_width_of_a_share_of_the_training():
    network = torch.nn.Linear(1, 1)
    average = WeightAverage(network)
    for step in range(1, 2001):
        torch.nn.init.constant_(network.weight, step)
        average.update(network)
        if step in (200, 2000):
            mean = average.network.weight.item() / step
            assert 0.85 < mean < 0.92


# Devices -------------------------------------------------------------------------


def test_a_device_that_is_not_there_is_the_cpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert [resolve_device(d) for d in ("auto", "cuda:1", "cpu")] == ["cpu"] * 3


def test_worker_processes_take_several_devices_in_turn(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    here = multiprocessing.current_process()
    for name, device in (
        ("MainProcess", "cuda:0"),
        ("LokyProcess-1", "cuda:1"),
        ("LokyProcess-2", "cuda:0"),
    ):
        monkeypatch.setattr(here, "name", name)
        assert resolve_device("auto") == resolve_device("cuda:2") == device
    assert [resolve_device(d) for d in ("cuda:1", "cpu")] == ["cuda:1", "cpu"]


def test_samples_that_nobody_can_change_are_moved_to_a_device_once():
    X = np.zeros((5, 3), np.float32)
    assert samples_on_device(X, "meta") is not samples_on_device(X, "meta")
    X.flags.writeable = False
    moved = samples_on_device(X, "meta")
    assert moved.shape == (5, 3)
    assert samples_on_device(X, "meta") is moved
    assert samples_on_device(X, "cpu") is not samples_on_device(X, "cpu")
    del X
    assert not _data._moved


def test_on_a_gpu_batches_and_layers_cost_and_widths_hardly_do(monkeypatch):
    monkeypatch.setattr(_builder, "resolve_device", lambda device: "cuda:0")
    spec = DataSpec("classification", 10_000, 10, shape=(28, 28))
    builder, genome = ConvNetBuilder(spec), convnet(spec)
    assert builder.keeps_samples

    def cost(width, batch_size):
        training = {"epochs": 10, "batch_size": batch_size}
        blocks = [{"channels": width, "kernel": 3, "pooling": "max"}] * 2
        genes = {"blocks": blocks, "optimizer": "adam", "training": training}
        completed = genome.complete(genes, np.random.default_rng(0))
        return builder.cost(Chromosome(completed).expressed)

    assert cost(32, 128) < 1.1 * cost(8, 128)
    assert cost(8, 64) > 1.9 * cost(8, 128)


def test_precision_is_the_users_or_the_hardwares(monkeypatch):
    assert resolve_precision("float32", "cpu") == "float32"
    for has_it, expected in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(
            "torch.cpu._is_avx512_bf16_supported", lambda has_it=has_it: has_it
        )
        assert resolve_precision("auto", "cpu") == expected


def test_a_net_from_a_machine_with_a_gpu_predicts_without_one(digits, recwarn):
    X, y = digits[0][:100], digits[1][:100]
    net = net_of(X, y).fit(X, y)
    net.device, net.precision = "cuda", "bfloat16"
    there = pickle.loads(pickle.dumps(net))
    assert there.device == "cpu"
    assert there.precision == resolve_precision("auto", "cpu")
    net.precision = there.precision
    np.testing.assert_array_equal(
        there.predict(X), net.set_params(device="cpu").predict(X)
    )
    assert not recwarn.list


def test_a_net_does_not_go_on(digits):
    X, y = digits[0][:40], digits[1][:40]
    with pytest.raises(NotImplementedError, match="schedule ends with fit"):
        net_of(X, y).fit(X, y).partial_fit(X, y)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_digits_are_learned_on_a_gpu(digits):
    X, y = digits
    net = net_of(X, y)
    net.set_params(device="cuda", precision="bfloat16").fit(X, y)
    assert net.score(X, y) > 0.97


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_same_seed_gives_the_same_weights_on_a_gpu(digits, precision):
    X, y = digits
    first, second = (
        net_of(X, y).set_params(device="cuda", precision=precision).fit(X, y).module_
        for _ in range(2)
    )
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_threads_share_the_settings_of_convolutions():
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic
    first, second = own_settings(), own_settings()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert cudnn.deterministic
    second.__exit__(None, None, None)
    assert cudnn.deterministic == before


def test_a_full_device_is_memory(digits, monkeypatch):
    def fill(network, X):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    X, y = digits[0][:40], digits[1][:40]
    trained = net_of(X, y).fit(X, y)
    monkeypatch.setattr(Network, "forward", fill)
    for use in (lambda: net_of(X, y).fit(X, y), lambda: trained.predict(X)):
        with pytest.raises(MemoryError, match="CUDA out of memory"):
            use()
