"""GANs: every individual trains on every kind of sample; a collapse is named."""

import copy
import math
import pickle
import time
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from builder_contract import BuilderContract, Case
from torch import nn
from torch.utils.data import TensorDataset
from torch.utils.flop_counter import FlopCounterMode

from sknevo.builders.gan import GANBuilder
from sknevo.builders.gan._conditions import ColumnConditions, ConditionEncoder
from sknevo.builders.gan._heads import TableHead
from sknevo.builders.gan._modules import Discriminator, Generator, Noise
from sknevo.builders.gan._monitor import Monitor, _auc
from sknevo.builders.gan._sampling import RejectionSampler, generate
from sknevo.builders.gan._training import (
    LOSSES,
    SAMPLING,
    GANTraining,
    MovingAverage,
    gradient_penalty,
)
from sknevo.builders.networks._augmentation import Augmentation
from sknevo.builders.networks._modules import Spectral
from sknevo.builders.networks._scaler import Scaler
from sknevo.builders.networks._trainer import random_source
from sknevo.deadline import DeadlineReached, TrialPruned, must_end_by, training_until
from sknevo.evaluation import limited_threads
from sknevo.genomes.gan import gan, well_known
from sknevo.network_plan import gan_plans, image_shape
from sknevo.records import Chromosome, DataSpec, Part
from sknevo.table_codec import TableCodec

SHAPES = [(2,), (8, 8), (3, 6, 7), (9, 8, 3), (1, 1)]


def samples(shape, n=40, dtype=float, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, *shape)).astype(dtype)


def case(shape, y=None, dtype=float):
    n_conditions = 0 if y is None else 1 if y.dtype.kind == "f" else len(set(y))
    spec = DataSpec("generation", 40, n_conditions, shape=shape)
    genome = gan(spec, max_layers=2, max_epochs=2, max_parameters=20_000)
    X = samples(shape, dtype=dtype)
    return Case(genome, GANBuilder(spec, "cpu"), X, y, n_fitted=3, answers={-1, 1})


LABELS = np.array(["one", "two", "three", "four"])[np.arange(40) % 4]
CASES = {f"{shape}": case(shape) for shape in SHAPES}
CASES["labels"] = case((8, 8), LABELS, np.uint8)
CASES["labels of rows"] = case((2,), LABELS)
CASES["values"] = case((2,), np.linspace(0, 1, 40))


def mixed_table(n, seed=0):
    """Return numbers with gaps, two columns of labels, numbers that are mostly 0."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(4, n, p=[0.6, 0.3, 0.08, 0.02])
    number = np.where(rng.random(n) < 0.2, np.nan, 5 * kind + rng.normal(size=n))
    often_zero = np.where(rng.random(n) < 0.7, 0, rng.exponential(size=n))
    return np.column_stack([number, kind, often_zero, kind % 2])


ARE_LABELS = [False, True, False, True]


def spec_of_table(codecs, n_samples, n_labels=0):
    parts = {name: codec.parts for name, codec in codecs.items()}
    return DataSpec("generation", n_samples, n_labels, shape=(4,), parts=parts)


def table_case(y=None):
    X = mixed_table(40)
    codecs = TableCodec.of_all_codings(X, ARE_LABELS)
    n_labels = 0 if y is None else len(set(y))
    spec = spec_of_table(codecs, 40, n_labels)
    genome = gan(spec, max_layers=2, max_epochs=2, max_parameters=40_000)
    builder = GANBuilder(spec, "cpu", tables=codecs)
    return Case(genome, builder, X, y, n_fitted=3, answers={-1, 1})


CASES["table"] = table_case()
CASES["labels of a table"] = table_case(LABELS)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
class TestGANBuilder(BuilderContract):
    pass


def gan_of(X, y=None, known=0, seed=0, prune=True, **genes):
    n_classes = 0 if y is None else 1 if y.dtype.kind == "f" else len(set(y))
    spec = DataSpec("generation", len(X), n_classes, shape=X.shape[1:])
    chosen = well_known(spec)[known]
    rng = np.random.default_rng(0)
    expressed = Chromosome(gan(spec).complete(chosen, rng)).expressed
    for name, value in genes.items():
        whole = isinstance(value, dict)
        expressed[name] = {**expressed[name], **value} if whole else value
    return GANBuilder(spec, "cpu")(expressed, seed).set_params(prune=prune)


def training(epochs, batch_size=32, **more):
    return {"epochs": epochs, "batch_size": batch_size, **more}


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """As in a trial: small networks wait for threads longer than they compute."""
    with limited_threads(1):
        yield


@pytest.fixture(scope="module")
def blobs():
    """Two blobs, three apart, and which one a sample is of."""
    rng = np.random.default_rng(0)
    y = np.arange(400) % 2
    return rng.normal(size=(400, 2)) * [0.3, 0.1] + 3 * y[:, None], y


@pytest.fixture(scope="module")
def fitted(blobs):
    X, y = blobs
    return gan_of(X, y, training=training(20)).fit(X, y)


# Networks ------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_sizes_are_those_that_torch_counts(shape):
    rng, spec = np.random.default_rng(0), DataSpec("generation", 100, 3, shape=shape)
    genome = gan(spec, max_parameters=300_000)
    shape, draw = image_shape(shape), torch.Generator()
    for _ in range(8):
        genes = Chromosome(genome.sample(rng)).expressed
        dimension, packing = genes["noise"]["dimension"], genes["training"]["packing"]
        plans = gan_plans(genes, shape, 3)
        G = Generator(plans["generator"], genes["noise"], draw)
        D = Discriminator(plans["discriminator"], packing, draw)
        for network, plan in zip((G, D), plans.values(), strict=True):
            counted = sum(p.numel() for p in network.parameters())
            assert counted == plan.size.parameters
        with FlopCounterMode(display=False) as counter:
            made = G(torch.randn(4, dimension), torch.eye(3)[[0, 1, 2, 0]])
        assert counter.get_total_flops() == 4 * 2 * plans["generator"].size.operations
        assert made.shape == (4, *shape)
        assert D(made, torch.eye(3)[[0, 1, 2, 0]]).shape == (4 // packing,)


def test_spectral_normalization_bounds_the_gradient():
    draw = torch.Generator().manual_seed(0)
    layer = Spectral(torch.nn.Linear(20, 30), draw)
    before = torch.get_rng_state()
    for _ in range(20):
        layer(torch.randn(2, 20, generator=draw))
    layer.requires_grad_(False).eval()
    stretched = layer(torch.eye(20)) - layer(torch.zeros(20))
    assert torch.linalg.matrix_norm(stretched, 2) == pytest.approx(1, rel=0.02)
    assert torch.equal(torch.get_rng_state(), before)
    assert pickle.loads(pickle.dumps(layer))(torch.ones(20)).shape == (30,)


@pytest.mark.parametrize(
    ("distribution", "most", "scale"),
    [
        ({"normal": {"scale": 2.0}}, np.inf, 2.0),
        ({"uniform": {"scale": 1.0}}, 3**0.5, 1.0),
        ({"truncated_normal": {"scale": 1.0, "bound": 1.5}}, 1.5, 0.74),
        ({"mixture": {"scale": 1.0, "components": 9, "spread": 0.1}}, np.inf, None),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_noise_is_as_its_genes_say(distribution, most, scale):
    draw = torch.Generator().manual_seed(0)
    noise = Noise({"dimension": 5, "distribution": distribution}, draw)
    Z = noise(4000, draw)
    assert Z.shape == (4000, 5)
    assert Z.abs().max() <= most + 1e-5
    if scale:
        assert Z.std() == pytest.approx(scale, rel=0.05)
    else:
        nearest = torch.cdist(Z, noise.centres).min(dim=1).values
        assert nearest.mean() < 0.3 < Z.std()


# Losses --------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOSSES)
def test_losses_pull_logits_apart_and_together(name):
    loss = LOSSES[name]
    real, made = (torch.full((4,), 0.5, requires_grad=True) for _ in range(2))
    up, down = torch.autograd.grad(loss.discriminator(real, made), [real, made])
    assert (up < 0).all()
    assert (down > 0).all()
    (follow,) = torch.autograd.grad(loss.generator(real, made), [made])
    assert (follow < 0).all()


def test_gradient_penalties_are_those_of_a_plane():
    draw = torch.Generator().manual_seed(0)
    X, Z = torch.randn(6, 3, generator=draw), torch.randn(6, 3, generator=draw)

    def plane(points, _):
        return points @ torch.tensor([3.0, 4.0, 0.0])

    def paid(name, *weights, judge=plane):
        genes = dict(
            zip(("gradient_penalty", "generated_penalty"), weights, strict=False)
        )
        paid = gradient_penalty(name, genes, judge, X, Z, None, draw)
        return float(torch.as_tensor(paid).detach())

    assert paid("wasserstein", 10.0) == pytest.approx(10 * (5 - 1) ** 2)
    assert paid("hinge", 0.5) == pytest.approx(0.5 / 2 * 25)
    assert paid("hinge", 0.5, 0.2) == pytest.approx(0.7 / 2 * 25)
    assert paid("hinge", 0.0, 0.0) == 0.0

    def bowl(points, _):  # its gradients are the samples
        return points.square().sum(dim=1) / 2

    squares = [float(samples.square().sum(dim=1).mean()) for samples in (X, Z)]
    assert paid("hinge", 2.0, 0.0, judge=bowl) == pytest.approx(squares[0])
    assert paid("relativistic", 0.0, 2.0, judge=bowl) == pytest.approx(squares[1])


# Samples and conditions ----------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3,), (4, 5), (3, 6, 7), (6, 7, 3)])
def test_samples_come_back_as_they_were(dtype, shape):
    X = samples(shape, dtype=dtype)
    scale = Scaler(X, shape)
    scaled = scale(torch.from_numpy(scale.standardise(X)))
    assert scaled.shape[1:] == image_shape(shape)
    assert scaled.abs().max() <= (1.0 if len(shape) > 1 else 3.0)
    again = scale.inverse(scaled)
    assert again.dtype == dtype
    np.testing.assert_allclose(again, X, rtol=1e-4, atol=1e-2)


def test_labels_and_values_are_conditions():
    labels = ConditionEncoder(np.array(["b", "a", "b", "b"]))
    assert labels.encode(np.array(["a", "b"])).tolist() == [[1, 0], [0, 1]]
    assert labels.mean(1).tolist() == [[0.25, 0.75]]
    drawn = labels.sample(2000, np.random.default_rng(0))
    assert drawn.mean(axis=0) == pytest.approx([0.25, 0.75], abs=0.05)
    values = ConditionEncoder(np.linspace(10, 20, 50), labelled=False)
    drawn = values.sample(2000, np.random.default_rng(0))
    assert drawn.mean() == pytest.approx(0, abs=0.1)
    assert drawn.std() == pytest.approx(1, rel=0.1)
    with pytest.raises(ValueError, match=r"labels of fit, \['a', 'b'\]; got \['c'\]"):
        labels.encode(np.array(["a", "c"]))
    assert ConditionEncoder(None).width == ConditionEncoder(np.ones(5)).width == 0


def test_samples_are_of_the_label_that_is_asked_for(fitted):
    made = [fitted.sample(200, y=label) for label in (0, 1)]
    assert made[0].mean() < 1 < 2 < made[1].mean()
    mixed = fitted.sample(400)
    assert 0.3 < (mixed[:, 0] > 1.5).mean() < 0.7
    with pytest.raises(ValueError, match="y must hold labels of fit"):
        fitted.sample(3, y=7)


def test_labels_are_refused_where_there_were_none(blobs):
    X = blobs[0][:40]
    with pytest.raises(ValueError, match="y must be None, since fit got no y"):
        gan_of(X, training=training(1)).fit(X).sample(2, y=1)


PARTS = (Part(2, 3), Part(3), Part(0, 1), Part(1), Part(2))


@pytest.mark.parametrize("straight_through", [False, True])
def test_heads_of_tables_turn_on_one_option_of_each_column(straight_through):
    head = TableHead(PARTS, 0.5, straight_through, conditional=False)
    draw = torch.Generator().manual_seed(0)
    outputs = torch.randn(500, head.width, generator=draw, requires_grad=True)
    uniform = torch.rand(500, head.width, generator=draw)
    for training in (True, False):
        rows = head.train(training)(outputs, uniform, None)
        for start, stop in ((1, 6), (6, 9), (10, 12)):
            options = rows[:, start:stop]
            assert options.sum(dim=1).detach() == pytest.approx(1, abs=1e-5)
            is_hard = straight_through or not training
            rounded = torch.allclose(options, options.round(), atol=1e-6)
            assert rounded == is_hard
    # A value counts where a mode is on, the only mode of a column always.
    has_mode = rows[:, 3:6].sum(dim=1) > 0.5
    assert not rows[~has_mode, 0].any()
    assert rows[:, 9].detach() == pytest.approx(outputs[:, 9].tanh().detach())
    (gradient,) = torch.autograd.grad(
        head.train()(outputs, uniform, None)[:, 6].sum(), outputs
    )
    assert gradient[:, 6:9].abs().sum() > 0 == gradient[:, :6].abs().sum()


def test_options_are_drawn_as_often_as_their_shares_say():
    head = TableHead((Part(3),), 0.2, False, conditional=False).eval()
    shares = torch.tensor([0.7, 0.2, 0.1])
    draw = torch.Generator().manual_seed(0)
    rows = head(
        shares.log().expand(20_000, 3), torch.rand(20_000, 3, generator=draw), None
    )
    assert rows.mean(dim=0).tolist() == pytest.approx(shares.tolist(), abs=0.01)


def test_values_are_as_likely_as_they_are_drawn():
    """A value of a mode among options, and one of a column that always has it."""
    head = TableHead(PARTS, 0.2, False, conditional=False, has_spread=True).eval()
    with torch.no_grad():
        head.log_spread.copy_(torch.tensor([0.05, 0.2]).log())
    draw = torch.Generator().manual_seed(0)
    outputs = torch.randn(12, generator=draw) / 4
    with torch.no_grad():
        many = outputs.expand(20_000, -1)
        rows = head(many, torch.rand(many.shape, generator=draw), None)
    in_mode = rows[:, 3:6].any(dim=1)
    assert not rows[~in_mode, 0].any()
    for values, place, spread in ((rows[in_mode], 0, 0.051), (rows, 9, 0.201)):
        assert values[:, place].mean().item() == pytest.approx(
            outputs[place].tanh().item(), abs=0.01
        )
        assert values[:, place].std().item() == pytest.approx(spread, rel=0.05)
    # Nothing is more likely, in the mean, than what the rows are drawn from.
    likely = head.log_likelihood(outputs.expand(len(rows), -1), rows).mean()
    for other in outputs + torch.eye(12)[[0, 2, 5, 7, 9, 11]] / 2:
        assert head.log_likelihood(other.expand(len(rows), -1), rows).mean() < likely


def test_rows_hold_the_label_that_they_are_made_for():
    head = TableHead(PARTS, 0.5, False, conditional=True).train()
    draw = torch.Generator().manual_seed(0)
    outputs, uniform = torch.randn(2, 5, 12, generator=draw)
    wanted = torch.eye(5)
    # Further conditions, of y, come first.
    rows = head(
        outputs, uniform.abs() % 1, torch.cat([torch.ones(5, 2), wanted], dim=1)
    )
    assert rows[:3, 6:9].tolist() == torch.eye(3).tolist()
    assert rows[3:, 10:12].tolist() == torch.eye(2).tolist()
    assert (rows[3:, 6:9] < 1).all()


def test_training_rows_have_the_labels_that_they_are_drawn_for():
    X = mixed_table(3000)
    codec = TableCodec(X, ARE_LABELS)
    encoded = codec.encode(X)
    conditions = ColumnConditions(codec.parts, encoded)
    assert conditions.width == 6
    rows = torch.as_tensor(encoded, dtype=torch.float)
    drawn, wanted = conditions.to_train(rows).draw(
        6000, torch.Generator().manual_seed(0)
    )
    own = rows[drawn][:, torch.as_tensor(conditions.places)]
    assert (own * wanted).sum(dim=1).eq(1).all()
    often = wanted.mean(dim=0).numpy()
    # Each column as often; rare labels more often than they are, by logarithms.
    assert often[:4].sum() == pytest.approx(0.5, abs=0.03)
    logarithms = np.log1p(np.bincount(X[:, 1].astype(int)))
    assert often[:4] == pytest.approx(logarithms / logarithms.sum() / 2, abs=0.03)
    made = conditions.sample(6000, np.random.default_rng(0)).mean(axis=0)
    assert made[:4] == pytest.approx(np.bincount(X[:, 1].astype(int)) / 6000, abs=0.03)
    assert conditions.of_rows(rows).sum(dim=1).eq(1).all()


# The place of a known individual that learns with an encoder, and of one that does not.
VARIATIONAL, ADVERSARIAL = 0, 4


def gan_of_table(X, known, epochs, batch_size, coding="quantiles"):
    codecs = TableCodec.of_all_codings(X, ARE_LABELS)
    spec = spec_of_table(codecs, len(X))
    genes = gan(spec).complete(well_known(spec)[known], np.random.default_rng(0))
    expressed = Chromosome(genes).expressed
    assert ("variational" in expressed["loss"]) == (known == VARIATIONAL)
    expressed["table"]["numbers"] = coding
    for network in ("generator", "discriminator"):
        expressed[network]["dense"] = [
            layer | {"units": 64} for layer in expressed[network]["dense"]
        ]
        expressed[network]["optimizer"]["adam"]["lr"] = 0.006
    expressed["training"] |= training(epochs, batch_size)
    return GANBuilder(spec, "cpu", tables=codecs)(expressed, 0)


@pytest.mark.parametrize("known", [VARIATIONAL, ADVERSARIAL])
@pytest.mark.parametrize("coding", ["quantiles", "modes"])
def test_gans_of_tables_learn_what_columns_have_to_do_with_each_other(coding, known):
    X = mixed_table(800)
    batch_size = 50 if known == VARIATIONAL else 250
    made = gan_of_table(X, known, 40, batch_size, coding).fit(X).sample(1500)
    assert set(made[:, 1]) <= {0, 1, 2, 3}
    assert 0.05 < np.isnan(made[:, 0]).mean() < 0.5
    assert 0.4 < (made[:, 2] == 0).mean() < 0.95
    means = [np.nanmean(made[made[:, 1] == kind, 0]) for kind in (0, 1)]
    # Of columns that do not know of each other, 0 and 0.5; of the data, 5 and 1.
    assert means[1] - means[0] > 2
    assert (made[:, 3] == made[:, 1] % 2).mean() > 0.7


def test_the_seed_decides_what_is_sampled(fitted):
    first, same, other = (fitted.sample(9, random_state=s) for s in (None, None, 5))
    np.testing.assert_array_equal(first, same)
    assert not np.allclose(first, other)


def test_a_sample_is_judged_by_itself(blobs):
    X = blobs[0][:100]
    for packing in (1, 4):
        gan = gan_of(X, training=training(2, packing=packing)).fit(X)
        alone = [gan.score_samples(X[i : i + 1])[0] for i in range(5)]
        np.testing.assert_allclose(gan.score_samples(X)[:5], alone, rtol=1e-9)
        above = gan.decision_function(X) >= 0
        np.testing.assert_array_equal(gan.predict(X), np.where(above, 1, -1))


def test_samples_far_from_the_data_have_lower_logits(fitted, blobs):
    X, y = blobs
    assert fitted.score_samples(X, y).mean() > fitted.score_samples(X + 9, y).mean()


def test_rejected_samples_are_drawn_again(fitted):
    rejecting, label = copy.copy(fitted), np.zeros(500)
    usual = np.median(fitted.score_samples(fitted.sample(500, y=0), label))
    rejecting._rejection = lambda logits, draw: logits > usual
    made = rejecting.sample(500, y=0)
    # A few are moved into the range of the data after that.
    assert (rejecting.score_samples(made, label) > usual - 1e-6).mean() > 0.98
    assert made.mean() < 1
    np.testing.assert_array_equal(made, rejecting.sample(500, y=0))
    # A sample that is never accepted is returned in the end.
    rejecting._rejection = lambda logits, draw: torch.zeros_like(logits, dtype=bool)
    assert rejecting.sample(7, y=0).shape == (7, 2)


def test_samples_are_rebuilt(fitted, blobs):
    X = blobs[0][:20]
    rebuilt = fitted.reconstruct(X)
    nearest = np.linalg.norm(X[:, None] - fitted.sample(500), axis=2).min(axis=1)
    assert rebuilt.shape == X.shape
    assert np.linalg.norm(rebuilt - X, axis=1).mean() < nearest.mean()
    images = samples((8, 8, 3), 40, np.uint8)
    gan = gan_of(images, training=training(2)).fit(images)
    rebuilt = gan.reconstruct(images[:3], n_steps=5)
    assert rebuilt.shape == (3, 8, 8, 3)
    assert rebuilt.dtype == np.uint8


@pytest.mark.parametrize("n_samples", [0, -3])
def test_less_than_one_sample_is_refused(fitted, n_samples):
    with pytest.raises(
        ValueError,
        match=f"n_samples must be a whole number of at least 1; got {n_samples}",
    ):
        fitted.sample(n_samples)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_whole_numbers_may_be_rejected(dtype):
    X = (samples((2,), 200) > 128).astype(dtype)
    gan = gan_of(X, training=training(5), rejection=0.8).fit(X)
    assert gan.sample(50).dtype == dtype
    # It judges samples before they are rounded, as when it was fitted.
    draw = random_source(0, SAMPLING)
    logits = gan.discriminator_.judge(generate(gan.generator_, 500, None, draw))
    assert 0.05 < gan._rejection(logits, draw).double().mean() < 0.5


@pytest.mark.parametrize("unit", [0.01, 1, 100])
def test_rejection_brings_the_density_of_the_data(unit):
    """Of two normal distributions the logarithm of the odds is known."""
    rng, draw = np.random.default_rng(0), torch.Generator().manual_seed(0)
    real, made = rng.normal(1, 1, 4000), rng.normal(0, 1, 4000)
    for strictness, mean in ((0.5, 0.35), (0.9, 0.65), (0.99, 0.9)):
        rejection = RejectionSampler(
            unit * (real - 0.5), unit * (made - 0.5), strictness
        )
        accepted = rejection(torch.from_numpy(unit * (made - 0.5)), draw)
        assert made[accepted].mean() == pytest.approx(mean, abs=0.1)


def test_a_discriminator_that_ranks_the_wrong_way_is_ignored():
    rng, draw = np.random.default_rng(0), torch.Generator().manual_seed(0)
    real, made = rng.normal(0, 1, 1000), rng.normal(1, 1, 1000)
    accepted = RejectionSampler(real, made, 0.5)(torch.from_numpy(made), draw)
    assert made[accepted].mean() == pytest.approx(made.mean(), abs=0.1)
    assert RejectionSampler(real * 0, made * 0, 0.5)(torch.zeros(9), draw).shape == (9,)


def test_companions_keep_their_labels():
    draw = torch.Generator().manual_seed(0)
    network = {"dense": [{"units": 8}]}
    genes = {"generator": network, "discriminator": network}
    genes |= {"noise": {"dimension": 1}, "training": {"packing": 4}}
    plan = gan_plans(genes, (1,), n_conditions=24)["discriminator"]
    discriminator = Discriminator(plan, 4, draw)
    discriminator.keep_companions(torch.arange(24.0).reshape(24, 1), torch.eye(24))
    real, own = torch.tensor([[-1.0], [-2.0]]), torch.eye(24)[[5, 7]]
    seen = []

    def judge(X, known):
        seen.append((X.reshape(-1, 4), known.reshape(-1, 4, 24).argmax(dim=2)))
        return X.reshape(-1, 4).sum(dim=1)

    discriminator.forward = judge
    logits = discriminator.judge(real, own)
    assert len(seen) == 8
    assert seen[1][0].tolist() == [[-1, 3, 4, 5], [-2, 3, 4, 5]]
    assert seen[1][1].tolist() == [[5, 3, 4, 5], [7, 3, 4, 5]]
    assert logits.tolist() == [24 * 11.5 / 8 - 1, 24 * 11.5 / 8 - 2]


# Training ------------------------------------------------------------------------


def test_signals_and_snapshots_tell_the_course_of_the_training(fitted):
    signals = fitted.signals_
    # Twelve that are evenly spaced, and one after the first epoch.
    assert {len(values) for values in signals.values()} == {13}
    assert signals["step"][-1] == fitted.n_steps_
    assert signals["wide_coverage"][-1] > signals["wide_coverage"][0]
    assert all(np.isfinite(values).all() for values in signals.values())
    assert 0.5 < fitted.stability_ <= 1
    assert fitted.snapshots_.shape == (13, 256, 2)


CHANGES = {
    "as it is": {},
    "ahead": {"discriminator": {"steps": 3}},
    "cosine": {"training": {"schedule": "cosine", "ema_decay": 0.999}},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_training_that_paused_is_the_same(blobs, change):
    X, y = blobs
    known = {"training": training(6, 50) | change.get("training", {})}
    whole = gan_of(X, y, **change | known).fit(X, y)
    paused = gan_of(X, y, **change | known).train_to(X, y, 1)
    first = paused.sample(5)
    again = pickle.loads(pickle.dumps(paused)).train_to(X, y, 4)
    again = pickle.loads(pickle.dumps(again)).train_to(X, y, 99)
    # A copy goes on, the other stays.
    np.testing.assert_array_equal(paused.sample(5), first)
    np.testing.assert_array_equal(again.sample(5), whole.sample(5))
    np.testing.assert_array_equal(again.score_samples(X, y), whole.score_samples(X, y))
    assert again.stability_ == whole.stability_
    np.testing.assert_array_equal(again.snapshots_, whole.snapshots_)
    assert again.training_.epochs == 6
    assert whole.training_ is None


TURNS = ("_discriminator_losses", "_generator_loss")


def counted_turns(monkeypatch):
    """Return a list to which each turn of a network in training is added."""
    taught = []
    for name in TURNS:
        teach = getattr(GANTraining, name)

        def counted(self, *args, name=name, teach=teach):
            taught.append(name)
            return teach(self, *args)

        monkeypatch.setattr(GANTraining, name, counted)
    return taught


def test_a_training_with_an_encoder_that_paused_is_the_same():
    X = mixed_table(200)
    whole = gan_of_table(X, VARIATIONAL, 6, 32).fit(X)
    paused = gan_of_table(X, VARIATIONAL, 6, 32).train_to(X, None, 2)
    again = pickle.loads(pickle.dumps(paused)).train_to(X, None, 99)
    np.testing.assert_array_equal(again.sample(5), whole.sample(5))
    np.testing.assert_array_equal(again.score_samples(X), whole.score_samples(X))


def test_beside_an_encoder_the_discriminator_learns_now_and_then(monkeypatch):
    taught = counted_turns(monkeypatch)
    model = gan_of_table(mixed_table(200), VARIATIONAL, 30, 25).fit(mixed_table(200))
    assert model.n_steps_ == taught.count("_generator_loss") == 240
    # In one of five steps, and at checkpoints.
    assert 48 <= taught.count("_discriminator_losses") < 80
    assert np.isfinite(model.score_samples(mixed_table(9))).all()


def test_a_training_ends_with_other_samples_at_a_falling_rate(blobs):
    X, y = blobs
    gan = gan_of(X[:200], y[:200], training=training(20, 50)).train_to(
        X[:200], y[:200], 2
    )
    before = gan.n_steps_
    gan.finish(X, y, epochs=3)
    assert gan.n_steps_ == before + 3 * 8
    assert gan.training_ is None
    timed = gan_of(X, y, training=training(20, 50)).train_to(X, y, 1)
    end = time.time() + 1
    timed.finish(X, y, until=end)
    assert timed.n_steps_ > 8
    assert time.time() - end < 2


def test_a_training_pauses_when_its_time_is_over(blobs):
    X, y = blobs
    with training_until(0.0):
        gan = gan_of(X, y, training=training(9, 50)).train_to(X, y, 9)
    assert gan.training_.epochs == 1
    assert np.isfinite(gan.sample(5)).all()


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_discriminator_is_some_steps_ahead(blobs, monkeypatch, steps):
    taught = counted_turns(monkeypatch)
    X = blobs[0]
    gan = gan_of(X, discriminator={"steps": steps}, training=training(2, 50)).fit(X)
    n_steps = math.ceil(16 / steps)
    assert taught == [*TURNS[:1] * steps, TURNS[1]] * n_steps
    assert gan.n_steps_ == n_steps


def test_a_pause_after_few_batches_has_a_checkpoint(blobs):
    X = blobs[0][:120]
    for steps in (2, 5):
        ahead = {"discriminator": {"steps": steps}}
        gan = gan_of(X, **ahead, training=training(20, 60)).train_to(X, None, 1)
        assert len(gan.snapshots_) == 1
        assert np.isfinite(gan.stability_)


def test_a_generator_is_the_average_of_what_it_was():
    now = nn.Linear(1, 1, bias=False)
    following, as_it_is = (MovingAverage(now, decay) for decay in (0.9, 0.0))
    with torch.no_grad():
        now.weight.zero_()
    start = float(following.smooth.weight)
    for step in range(1000, 1003):
        following.update(step)
        as_it_is.update(step)
    assert float(following.network().weight) == pytest.approx(0.9**3 * start)
    assert float(as_it_is.network().weight) == 0.0
    # In the beginning it forgets sooner what it was before any training.
    early = MovingAverage(nn.Linear(1, 1, bias=False), 0.999)
    first = float(early.smooth.weight)
    with torch.no_grad():
        early.current.weight.zero_()
    early.update(1)
    assert float(early.network().weight) == pytest.approx(first / 11)


def test_what_the_discriminator_sees_is_augmented_real_or_not(monkeypatch):
    seen, forward = [], Augmentation.forward

    def watched(self, X):
        seen.append(X.requires_grad)
        moved = forward(self, X)
        assert not torch.equal(moved, X)
        return moved

    monkeypatch.setattr(Augmentation, "forward", watched)
    X = samples((8, 8))
    changes = {"shift": 0.125, "erase": 0.5, "colour": 0.3}
    gan_of(X, augmentation=changes, training=training(1, 40), prune=False).fit(X)
    # Generated and real ones for the discriminator; the generator learns through it.
    assert seen == [False, False, True]


def test_global_generators_are_not_touched(blobs):
    before = torch.get_rng_state(), repr(np.random.get_state())  # noqa: NPY002
    gan_of(blobs[0][:60], training=training(2)).fit(blobs[0][:60]).sample(3)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert repr(np.random.get_state()) == before[1]  # noqa: NPY002


def test_a_deadline_ends_the_training(blobs):
    gan = gan_of(blobs[0], training=training(1000))
    begin = time.time()
    with must_end_by(begin + 0.3), pytest.raises(DeadlineReached):
        gan.fit(blobs[0])
    assert time.time() - begin < 20  # on a busy machine, too


def test_a_full_device_is_a_memory_error(blobs, fitted, monkeypatch):
    def fill(network, *args):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    X, y = blobs
    for network in (Generator, Discriminator):
        monkeypatch.setattr(network, "forward", fill)
    for use in (
        lambda: gan_of(X, training=training(1)).fit(X),
        lambda: fitted.sample(3),
        lambda: fitted.score_samples(X[:3], y[:3]),
    ):
        with pytest.raises(MemoryError, match="CUDA out of memory"):
            use()


def test_what_is_not_finite_is_named(blobs):
    X = blobs[0].copy()
    X[0] = np.nan
    with pytest.raises(TrialPruned, match="not finite"):
        gan_of(X, training=training(2)).fit(X)


def test_images_take_the_type_and_layout_that_they_had():
    X = samples((8, 8, 3), 60, np.uint8)
    for known in range(4):
        gan = gan_of(X, known=known, training=training(1)).fit(X)
        made = gan.sample(7)
        assert made.shape == (7, 8, 8, 3)
        assert made.dtype == np.uint8
        assert gan.snapshots_.shape[1:] == (16, 8, 8, 3)


def test_images_stream_from_disk():
    X = samples((8, 8), 40, np.uint8)
    gan = gan_of(X, training=training(2)).fit(TensorDataset(torch.from_numpy(X)))
    whole = gan_of(X, training=training(2)).fit(X)
    np.testing.assert_array_equal(gan.sample(5), whole.sample(5))
    np.testing.assert_allclose(gan.score_samples(X), whole.score_samples(X))


@pytest.mark.parametrize("gradient_penalty", [0.0, 0.1])
@pytest.mark.parametrize("known", range(4))
def test_it_trains_in_bfloat16(known, gradient_penalty):
    X = samples((8, 8), 40, np.uint8)
    gan = gan_of(X, known=known, training=training(2)).set_params(precision="bfloat16")
    ((loss,),) = (gan.genes["loss"].values(),)
    loss["gradient_penalty"] = gradient_penalty
    assert np.isfinite(gan.fit(X).score_samples(gan.sample(5))).all()
    assert {p.dtype for p in gan.generator_.parameters()} == {torch.float}


@pytest.mark.slow
def test_columns_far_from_zero_are_learned(blobs):
    X = blobs[0] * [1.0, 0.0] + [1.7e9, 5.0]
    made = gan_of(X, training=training(20)).fit(X).sample(500)
    assert made[:, 0].std() == pytest.approx(X[:, 0].std(), rel=0.5)
    assert abs(made[:, 0].mean() - X[:, 0].mean()) < 1


def test_noise_and_weights_have_random_numbers_of_their_own():
    X = samples((30,), 40)
    noise = {"dimension": 60, "distribution": {"normal": {"scale": 1.0}}}
    gan = gan_of(X, noise=noise, training=training(1)).fit(X)
    generator, *_ = gan._networks()
    Z = generator.noise(60, random_source(0, SAMPLING))
    weights = generator.layers[0][0].weight.detach()
    nearest = nn.functional.cosine_similarity(Z[:, None], weights[None], dim=2)
    assert nearest.abs().max() < 0.7


def test_what_was_trained_on_another_device_works_here(blobs):
    gan = gan_of(blobs[0], training=training(2, packing=2)).fit(blobs[0])
    made = gan.sample(5)
    gan.device = "cuda:7"
    again = pickle.loads(pickle.dumps(gan))
    assert again.device in ("cpu", "cuda:0")
    if again.device == "cpu":  # other devices draw other numbers
        np.testing.assert_allclose(again.sample(5), made, rtol=1e-3)
    assert gan.device == "cuda:7"


# The monitor ---------------------------------------------------------------------


def ring(n, modes=8, sigma=0.02, seed=0):
    rng = np.random.default_rng(seed)
    angles = 2 * np.pi * rng.integers(modes, size=n) / 8
    points = np.c_[np.cos(angles), np.sin(angles)] + sigma * rng.normal(size=(n, 2))
    return torch.from_numpy(points).float()


def test_a_training_that_was_never_looked_at_has_no_signals():
    monitor = Monitor(ring(500), n_steps=1000)
    assert monitor.signals == {}
    assert monitor.stability == 0


def watched(courses, aucs=None, norm=1.0):
    """Show a monitor one set of samples after another."""
    monitor = Monitor(ring(500), n_steps=1000)
    for i, generated in enumerate(courses, start=1):
        auc = 0.5 if aucs is None else aucs[i - 1]
        made = torch.zeros(100)
        real = torch.where(torch.arange(100) < 100 * (2 * auc - 1), 1.0, 0.0)
        norms = (1.0, 1.0 if i == 1 else norm)
        monitor.record(i, (1.0, 1.0), norms, real, made)
        monitor.check(i * 1000 // len(courses), generated)
    return monitor


FAKES = [ring(500, seed=seed) for seed in range(1, 13)]


def test_a_good_training_is_stable():
    monitor = watched(FAKES)
    assert monitor.signals["coverage"].min() > 0.9
    assert monitor.signals["wide_coverage"].min() > 0.99
    assert monitor.signals["spread"].mean() == pytest.approx(1, abs=0.3)
    assert monitor.signals["nearest"].mean() == pytest.approx(1, abs=0.3)
    assert monitor.stability > 0.95


def test_lost_modes_lower_the_reach_by_their_share():
    monitor = watched([ring(500, modes=6, seed=s) for s in range(12)])
    assert monitor.signals["wide_coverage"][-1] == pytest.approx(6 / 8, abs=0.06)


@pytest.mark.parametrize(
    ("course", "aucs", "norm", "message"),
    [
        ([ring(500, modes=1)] * 12, None, 1.0, "^mode collapse: coverage 0.1"),
        (FAKES[:6] + [ring(500, modes=2)] * 6, None, 1.0, "^late collapse: .*was 1.00"),
        ([ring(500, sigma=1e-4)] * 12, None, 1.0, "^intra-mode collapse: .* times as"),
        ([ring(500, modes=2)] * 12, [1.0] * 12, 1e-6, "^starved generator: .* AUC"),
        (FAKES[:3] + [FAKES[0] * torch.nan] * 9, None, 1.0, "^not finite: .* samples"),
    ],
)
def test_collapses_are_named(course, aucs, norm, message):
    with pytest.raises(TrialPruned, match=message):
        watched(course, aucs, norm)


def test_far_from_the_data_is_no_mode_collapse():
    draw = torch.Generator().manual_seed(0)
    real, wide, far = torch.randn(3, 512, 100, generator=draw)
    for generated, message in (
        (1.4 * wide, None),
        (9 + 1.1 * far, "^far from the data: "),
    ):
        monitor = Monitor(real, n_steps=1000)
        with pytest.raises(TrialPruned, match=message) if message else nullcontext():
            monitor.check(900, generated)


def test_tables_of_few_values_are_covered():
    draw = np.random.default_rng(0)
    X = torch.from_numpy(draw.integers(2, size=(1024, 3))).float() * 2 - 1
    monitor = Monitor(X[:512], n_steps=1000)
    near = 0.01 * torch.randn(512, 3, generator=torch.Generator().manual_seed(0))
    monitor.check(900, X[512:] + near)
    assert monitor.signals["coverage"] == monitor.signals["wide_coverage"] == 1
    one = Monitor(X[:512], n_steps=1000)
    with pytest.raises(TrialPruned, match=r"^intra-mode collapse: "):
        one.check(900, torch.ones(512, 3))


def test_near_is_not_rounded_away():
    """Two tight clusters, far from each other."""
    places = torch.tensor([[100.0], [-100.0]]).repeat(100, 1)
    real = places + 1e-4 * torch.arange(200)[:, None]
    monitor = Monitor(real, n_steps=1000)
    monitor.check(100, real + 5e-5)
    assert monitor.signals["nearest"][-1] == pytest.approx(0.25, abs=0.1)


def test_a_strong_discriminator_may_stay_where_samples_are_covered():
    assert watched(FAKES, [1.0] * 12, 1e-6).stability > 0.9


def test_what_explodes_is_named():
    with pytest.raises(
        TrialPruned, match=r"^exploding gradient: the generator's has norm"
    ):
        watched(FAKES, norm=1e9)
    with pytest.raises(
        TrialPruned, match=r"^not finite: the generator's gradient is nan"
    ):
        watched(FAKES, norm=float("nan"))


def test_lost_reach_and_a_certain_discriminator_cost_stability():
    good = watched(FAKES).stability
    half = [ring(500, modes=5, seed=seed) for seed in range(12)]
    assert watched(FAKES[:6] + half[:6]).stability < 0.9 * good
    assert watched(half, [1.0] * 12).stability < watched(half).stability


def test_losses_that_leap_cost_stability():
    stability = []
    for leap in (0.0, 40.0):
        monitor = Monitor(ring(500), n_steps=1000)
        for i, generated in enumerate(FAKES, start=1):
            for j in range(8):
                loss = 1 + 0.1 * (j % 2) + leap * (j == 5)
                monitor.record(i, (loss, 1.0), (1.0, 1.0), torch.ones(9), torch.ones(9))
            monitor.check(80 * i, generated)
        stability.append(monitor.stability)
    assert stability[0] > 0.95
    assert stability[1] < 0.9 * stability[0]


def test_auc_ranks_with_ties():
    real, made = torch.tensor([3.0, 1.0, 1.0]), torch.tensor([1.0, 0.0])
    assert _auc(real, made) == pytest.approx((2 + 1.5 + 1.5) / 6)
