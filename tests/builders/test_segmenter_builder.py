"""Networks that give pixels a class: any individual learns, patches, tiles, masks."""

import numpy as np
import pytest
import torch
from builder_contract import BuilderContract, Case
from discs import discs

from sknevo.builders.networks._augmentation import Augmentation
from sknevo.builders.networks._unet import UNet
from sknevo.builders.segmenter import UNKNOWN, SegmenterBuilder
from sknevo.genomes.segmenter import segmenter, well_known
from sknevo.network_plan import unet_plan
from sknevo.records import Chromosome, DataSpec

X, IDS = discs(8, 24)
MASKS = (IDS > 0).astype(int)


def spec_of(X):
    return DataSpec("segmentation", len(X), 2, shape=X.shape[1:])


def case(X, y):
    spec = spec_of(X)
    genome = segmenter(spec, max_parameters=30_000, max_epochs=2)
    return Case(
        genome, SegmenterBuilder(spec, device="cpu"), X, y, n_fitted=4, answers={0, 1}
    )


CASES = {
    "gray": case(X, MASKS),
    "colours first": case(np.repeat(X[:, None], 3, axis=1)[..., :17], MASKS[..., :17]),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
class TestSegmenterBuilder(BuilderContract):
    def check_predictions(self, case, fitted, predicted):
        assert predicted.shape == case.y.shape
        assert {*np.unique(predicted)} <= case.answers
        np.testing.assert_allclose(
            fitted.predict_proba(case.X).sum(axis=-1), 1, atol=1e-5
        )
        assert ((fitted.predict_instances(case.X) > 0) <= (predicted > 0)).all()


def genes_of(X, **changes):
    """Return expressed genes of a small network, some changed by `part__gene`."""
    genes = well_known(spec_of(X))[1]
    genes["network"] |= {"depth": 1, "stride": 1, "width": 8}
    genes["training"] |= {"batch_size": 4, "epochs": 25}
    for path, value in changes.items():
        part, _, name = path.partition("__")
        genes[part] = {**genes[part], name: value} if name else value
    genome = segmenter(spec_of(X), max_epochs=60)
    return Chromosome(genome.complete(genes, np.random.default_rng(0))).expressed


def net_of(X, builder=None, **changes):
    builder = builder or SegmenterBuilder(spec_of(X), "cpu", "float32", final=True)
    return builder(genes_of(X, **changes), 0)


@pytest.fixture(scope="module")
def fitted():
    """Return a net that has learned discs, and tells them apart by a watershed."""
    X, ids = discs(24)
    apart = {"watershed": {"distance_weight": 5.0, "seed": 0.5, "smoothing": 0.0}}
    builder = SegmenterBuilder(spec_of(X), "cpu", "float32", True, instances=True)
    return net_of(X, builder, objects=apart, training__epochs=40).fit(X, ids)


def test_discs_and_their_numbers_are_found(fitted):
    from sknevo.metrics import MaskScore

    X, ids = discs(10, seed=1)
    assert MaskScore("dice_1")(fitted, X, ids) > 0.9
    assert MaskScore("object_f1")(fitted, X, ids) > 0.6
    assert fitted.classes_.tolist() == [0, 1]
    assert 20 < fitted.object_area_ < 80


def test_images_of_any_size_are_predicted(fitted):
    X, _ = discs(3, seed=1)
    large = np.tile(X[0], (3, 2))
    found = fitted.predict([X[0], large, X[0][:7, :21]])
    assert [mask.shape for mask in found] == [(32, 32), (96, 64), (7, 21)]
    np.testing.assert_array_equal(found[0], fitted.predict(X[:1])[0])
    shares = fitted.predict_proba(large[None])
    assert shares.shape == (1, 96, 64, 2)
    np.testing.assert_allclose(shares.sum(axis=-1), 1, atol=1e-5)
    # In the middle of a repetition, tiles see what the image alone has.
    middle = fitted.predict(large[None])[0][36:60, 4:28]
    assert (middle == found[0][4:28, 4:28]).mean() > 0.95


def test_images_of_several_sizes_are_learned():
    images, ids = discs(9)
    sizes = [32, 24, 17] * 3
    X, y = np.empty(9, object), np.empty(9, object)
    for i, side in enumerate(sizes):
        X[i], y[i] = images[i][:side], (ids[i][:side] > 0).astype(int)
    net = net_of(images).fit(X, y)
    assert [mask.shape[0] for mask in net.predict(X)] == sizes


def test_ignored_pixels_are_not_learned_from():
    wrong = MASKS.copy()
    wrong[:, :12] = 9  # half of each image says nothing
    builder = SegmenterBuilder(spec_of(X), "cpu", "float32", True, None, 9)
    net = net_of(X, builder).fit(X, wrong)
    assert net.classes_.tolist() == [0, 1]
    assert (net.predict(X) == MASKS).mean() > 0.85
    assert (net.codes_of(wrong[0])[:12] == UNKNOWN).all()


def test_the_threshold_and_the_smallest_object_decide():
    nets = [
        net_of(X, decision={"threshold": threshold, "smallest": smallest})
        for threshold, smallest in ((0.3, 0.0), (0.7, 0.0), (0.3, 0.4))
    ]
    low, high, large = (net.fit(X, MASKS).predict(X) for net in nets)
    assert (high <= low).all()
    assert high.sum() < low.sum()
    assert (large <= low).all()


def test_masks_move_with_their_images():
    rng = torch.Generator().manual_seed(0)
    changes = {"shift": 0.0, "erase": 0.0, "colour": 0.0, "flip": True, "turn": True}
    for more in ({"rotate": 0, "zoom": 0.0}, {"rotate": 45, "zoom": 0.25}):
        augment = Augmentation({**changes, **more}).train()
        augment.generator = rng
        images = torch.as_tensor(IDS[:, None] > 0).float()
        moved, maps = augment(images, images.clone())
        assert ((moved > 0.5) == (maps > 0.5)).float().mean() > 0.97
        assert not torch.equal(maps, images)
        assert set(maps.unique().tolist()) == {0.0, 1.0}


def test_patches_lie_in_their_images_and_show_objects():
    images, ids = discs(6, 64)
    net = net_of(images, training__patch=32, training__foreground=0.66)
    net._weights = np.ones(6)
    net.learn_targets((ids > 0).astype(int))
    dataset, _ = net.get_split_datasets(images, (ids > 0).astype(int))
    batches = net.batches(dataset, 0)
    assert len(batches.rows) == 6 * 4  # as many as an image holds
    shown = [maps for _, maps, _ in batches]
    assert all(maps.shape[1:] == (1, 32, 32) for maps in shown)
    assert np.mean([(maps > 0).any() for maps in torch.cat(shown)]) > 0.7
    other = [maps for _, maps, _ in net.batches(dataset, 1)]
    assert not torch.equal(torch.cat(shown), torch.cat(other))


@pytest.mark.parametrize(
    "changes",
    [
        {"attention": True, "upsampling": "transposed", "excitation": True},
        {"stride": 2, "separable": True, "upsampling": "nearest", "pooling": "stride"},
        {"residual": True, "convolutions": 1, "normalisation": "instance"},
        {"output_stride": 4, "stride": 2},
    ],
    ids=str,
)
def test_a_plan_counts_what_its_network_holds(changes):
    genes = genes_of(X)["network"] | {"depth": 2, "convolutions": 2, **changes}
    plan = unet_plan(genes, 3, 4, side=32)
    network = UNet(plan, torch.Generator().manual_seed(0)).eval()
    weights = [*network.parameters()]
    assert plan.size.parameters == sum(one.numel() for one in weights)
    matrices = [(len(one), one[0].numel()) for one in weights if one.ndim > 1]
    assert plan.matrices == matrices
    for sides in ((1, 1), (37, 50)):
        maps = network(torch.zeros(2, 3, *sides))
        assert maps.shape[2:] == tuple(-(-side // plan.stride) for side in sides)


def test_images_on_another_scale_are_refused(fitted):
    with pytest.raises(ValueError, match="give images on that scale"):
        fitted.predict(X / 255)
