"""Networks that find objects: any individual learns, scenes, maps of centres, boxes."""

import numpy as np
import pytest
import torch
from builder_contract import BuilderContract, Case
from squares import squares

from sknevo.builders._centres import boxes_of, centre_maps, found_objects
from sknevo.builders.detector import DetectorBuilder
from sknevo.builders.networks._scenes import SceneBatches, padded
from sknevo.estimators._boxes import as_boxes
from sknevo.genomes.detector import detector, well_known
from sknevo.metrics import mean_average_precision
from sknevo.records import Chromosome, DataSpec

LABELS = ("filled", "hollow")


def spec_of(X, side=20.0):
    shape = X.shape[1:]
    return DataSpec("detection", len(X), 2, shape=shape, object_side=side)


def case(X, y):
    genome = detector(spec_of(X), max_parameters=20_000, max_epochs=1)
    builder = DetectorBuilder(spec_of(X), device="cpu", labels=LABELS, min_score=0.0)
    return Case(genome, builder, X, as_boxes(y), n_fitted=2)


X, Y = squares(3, 64)
CASES = {
    "gray": case(X, Y),
    "colours first": case(np.repeat(X[:, None], 3, axis=1)[..., :50], Y),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
class TestDetectorBuilder(BuilderContract):
    def check_predictions(self, case, fitted, predicted):
        height, width = case.X.shape[-2:]
        for one in predicted:
            x1, y1, x2, y2 = one["boxes"].T
            assert ((x1 >= 0) & (x1 < x2) & (x2 <= width)).all()
            assert ((y1 >= 0) & (y1 < y2) & (y2 <= height)).all()
            assert {*one["labels"]} <= {*LABELS}
            assert (np.diff(one["scores"]) <= 0).all()


def net_of(X, builder=None, **changes):
    """Return an unfitted net, some genes changed by `part__gene`."""
    genes = well_known(spec_of(X, 9))[1]
    genes["training"] |= {"batch_size": 4, "epochs": 30}
    genes["network"] |= {"width": 8, "depth": 2, "stride": 1, "output_stride": 2}
    for path, value in changes.items():
        part, _, name = path.partition("__")
        genes[part] = {**genes[part], name: value}
    genome = detector(spec_of(X, 9), max_epochs=60)
    expressed = Chromosome(genome.complete(genes, np.random.default_rng(0))).expressed
    builder = builder or DetectorBuilder(spec_of(X), "cpu", "float32", True, LABELS)
    return builder(expressed, 0)


@pytest.fixture(scope="module")
def fitted():
    images, targets = squares(24)
    net = net_of(images, augmentation__test_time=True, augmentation__turn=True)
    return net.fit(images, as_boxes(targets))


def test_squares_are_found(fitted):
    images, targets = squares(12, seed=1)
    assert mean_average_precision(targets, fitted.predict(images)) > 0.6
    np.testing.assert_allclose(fitted.usual_sides_, 10, atol=2)


def test_images_of_any_size_are_predicted(fitted):
    images, _ = squares(3, seed=1)
    large = np.full((75, 64), 60, np.uint8)
    large[30:62, 20:52] = images[1]
    small, moved = fitted.predict([images[1], large])
    (best, *_), (again, *_) = small["boxes"], moved["boxes"]
    np.testing.assert_allclose(again - [20, 30, 20, 30], best, atol=3)
    np.testing.assert_equal(fitted.predict(images[1:2])[0], small)


def test_images_of_several_sizes_are_learned():
    images, targets = squares(6)
    X = np.empty(6, object)
    X[:] = [image[: 32 - i] for i, image in enumerate(images)]
    assert (
        len(net_of(images, training__epochs=2).fit(X, as_boxes(targets)).predict(X))
        == 6
    )


# Maps of centres ---------------------------------------------------------------------

TARGETS = torch.tensor(
    [[[4.0, 8, 12, 24, 1], [20, 2, 30, 10, 0]], [[-1.0] * 5, [-1.0] * 5]]
)
USUAL = torch.tensor([8.0, 8.0])


@pytest.mark.parametrize("around", [False, True])
def test_boxes_are_read_from_the_maps_that_are_learned(around):
    maps = centre_maps(TARGETS, (2, 16, 16), 2, USUAL, 0.15, around)
    assert maps.n_objects.tolist() == [2, 0]
    np.testing.assert_allclose(maps.weights.sum(dim=(1, 2)), [2, 0], atol=1e-5)
    assert ((maps.weights > 0).sum() > 2) == around
    assert maps.bells.amax(dim=(2, 3)).tolist() == [[1, 1], [0, 0]]
    found, nothing = found_objects(
        maps.bells, boxes_of(maps.boxes, 2, USUAL), (32, 32), 0.5, 0.5, 10
    )
    order = found.codes.argsort(descending=True)
    np.testing.assert_allclose(found.boxes[order], TARGETS[0, :, :4], atol=1e-4)
    assert not len(nothing.boxes)


def test_of_boxes_that_overlap_the_better_one_is_kept():
    shares = torch.zeros(1, 2, 4, 4)
    shares[0, 0, 0, 0], shares[0, 0, 3, 3], shares[0, 1, 0, 3] = 0.9, 0.8, 0.7
    boxes = torch.tensor([0.0, 0, 10, 10])[:, None, None].expand(4, 4, 4)[None]
    (found,) = found_objects(shares, boxes, (20, 20), 0.1, 0.5, 10)
    assert found.codes.tolist() == [0, 1]  # another class covers nothing
    np.testing.assert_allclose(found.scores, [0.9, 0.7])
    (both,) = found_objects(shares, boxes, (20, 20), 0.1, 1.0, 10)
    assert len(both.scores) == 3


# Scenes ------------------------------------------------------------------------------

STILL = {"mosaic": 0.0, "zoom": 0.0, "flip": False, "turn": False}


def scenes_of(side, **changes):
    """Return scenes of images that are white within their only box."""
    rng = np.random.default_rng(0)
    images, boxes = [], []
    for number in range(8):
        image = torch.zeros(1, 40 + number, 50, dtype=torch.uint8)
        left, top = rng.integers(0, 28, 2)
        image[:, top : top + 12, left : left + 18] = 200
        images.append(image)
        boxes.append(np.array([[left, top, left + 18, top + 12, 1.0]]))
    return SceneBatches(
        images,
        boxes,
        torch.ones(8),
        np.arange(8).repeat(4),
        (0, 1),
        side=side,
        size=5,
        fill=torch.zeros(1),
        changes=STILL | changes,
        device="cpu",
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"flip": True, "turn": True},
        {"zoom": 0.5},
        {"mosaic": 1.0, "zoom": 0.2, "turn": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("side", [32, 64])
def test_boxes_move_with_their_images(changes, side):
    scenes, seen = scenes_of(side, **changes), 0
    for number in range(len(scenes.rows)):
        picture, boxes = scenes.scene(number)
        assert picture.shape == (1, side, side)
        for x1, y1, x2, y2, code in boxes:
            assert code == 1
            assert 0 <= x1 < x2 <= side
            assert 0 <= y1 < y2 <= side
            # The middle of what is in the box is white, the rest of it nearly so.
            part = picture[0, round(y1) : round(y2), round(x1) : round(x2)].float()
            assert part.mean() > 120
            seen += 1
        white = (picture > 150).sum()
        area = sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2, _ in boxes)
        # What has no box is less than a quarter of an object.
        assert white <= area * 1.25 + 4 * 0.25 * 18 * 12 * np.exp(
            2 * scenes.changes["zoom"]
        )
    assert seen >= 12


def test_scenes_are_drawn_anew_in_each_epoch_and_not_twice():
    scenes = scenes_of(32, mosaic=0.5, zoom=0.25, flip=True)
    one, two = [*scenes], [*scenes]
    assert len(one) == len(scenes) == 7
    torch.testing.assert_close(one, two, rtol=0, atol=0)
    scenes.seeds = (0, 2)
    assert not torch.equal(next(iter(scenes))[0], one[0][0])


def test_boxes_of_several_scenes_are_one_tensor():
    found = padded([np.zeros((0, 5)), np.ones((2, 5))])
    assert found.shape == (2, 2, 5)
    assert found[..., 4].tolist() == [[-1, -1], [1, 1]]


def test_a_network_that_learns_nothing_is_given_up():
    images, targets = squares(8)
    net = net_of(images)
    net._weights = np.ones(8)
    net._begin(images, as_boxes(targets), None)
    dataset, _ = net.get_split_datasets(images, as_boxes(targets))
    batches = net.batches(dataset, 0)
    scenes, boxes, _ = next(iter(batches))
    # No constant is better than the one that is compared with.
    guess = net.chance_loss(batches)
    for logit in (-12.0, -3.5, 2.0):
        outputs = torch.zeros(len(scenes), 6, 16, 16)
        outputs[:, :2] = logit
        assert net.losses(outputs, boxes).mean() >= 0.9 * guess
