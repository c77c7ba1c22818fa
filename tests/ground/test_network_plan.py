"""How large networks are, known without building them."""

import pytest

from sknevo.network_plan import NetworkSize, image_shape, network_plan

BLOCK = {"channels": 8, "kernel": 3, "normalisation": "batch", "pooling": "max"}
BLOCK |= {"residual": False, "convolutions": 1}


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ((28, 28), (1, 28, 28)),
        ((3, 32, 32), (3, 32, 32)),
        ((32, 32, 3), (3, 32, 32)),
        ((32, 32, 1), (1, 32, 32)),
        ((1, 32, 4), (1, 32, 4)),
        ((64, 8, 8), (64, 8, 8)),
        ((64, 64, 13), (13, 64, 64)),
        ((8, 8, 64), (64, 8, 8)),
        ((64, 48, 13), (64, 48, 13)),
        ((22, 40, 18), (22, 40, 18)),
        ((9, 9, 9), (9, 9, 9)),
        ((5,), (5,)),
    ],
)
def test_channels_come_first(sample, expected):
    assert image_shape(sample) == expected


def test_a_network_counted_by_hand():
    genes = {
        "blocks": [BLOCK, {**BLOCK, "channels": 16, "residual": True}],
        "head_pooling": "flatten",
        "dense": [{"units": 10, "normalisation": "none"}],
    }
    # A quarter of what is pooled, and all that is normalised.
    values = 8 * 12 * 10 // 4 + 3 * 8 * 6 * 5 // 4
    first = NetworkSize(3 * 8 * 9 + 16, 3 * 8 * 9 * 12 * 10, values)
    # The shortcut comes after the pooling.
    operations = 8 * 16 * (9 * 6 * 5 + 3 * 2)
    values = 16 * 6 * 5 // 4 + 3 * 16 * 3 * 2 // 4
    second = NetworkSize(8 * 16 * (9 + 1) + 32, operations, values)
    # 12 x 10 is halved twice: 3 x 2.
    dense = NetworkSize(16 * 6 * 10 + 10, 16 * 6 * 10, 10)
    head = NetworkSize(10 * 4 + 4, 10 * 4, 4)
    assert network_plan(genes, (3, 12, 10), 4).size == first + second + dense + head


def test_rows_of_features_need_no_convolutions():
    genes = {"dense": [{"units": 7, "normalisation": "layer"}]}
    size = network_plan(genes, (5,), 2).size
    assert size == NetworkSize(5 * 7 + 14 + 7 * 2 + 2, 5 * 7 + 7 * 2, 7 + 2)


def test_blocks_counted_by_hand():
    genes = {
        "stem": {"whitening": {"kernel": 2, "stride": 1}},
        "blocks": [
            {**BLOCK, "convolutions": 3, "residual": True},
            {**BLOCK, "kernel": 3, "separable": True, "excitation": True},
        ],
        "head_pooling": "maximum",
        "dense": [],
    }
    plan = network_plan(genes, (3, 9, 9), 4)
    # 12 directions and their opposites, none of them learned: 8 x 8, then 4 x 4.
    stem = NetworkSize(0, 12 * 24 * 8 * 8, 24 * 8 * 8 // 4)
    values = (8 * 8 * 8 + 3 * 8 * 4 * 4) // 4
    first = NetworkSize(24 * 8 * 9 + 16, 24 * 8 * 9 * 8 * 8, values)
    further = NetworkSize(8 * 8 * 9 + 16, 8 * 8 * 9 * 4 * 4, 8 * 4 * 4)
    added = NetworkSize(values=8 * 4 * 4)
    weights = 8 * 9 + 8 * 8
    values = ((8 + 8) * 4 * 4 + 3 * 8 * 2 * 2) // 4
    separable = NetworkSize(weights + 16, weights * 4 * 4, values)
    excited = NetworkSize(2 * 8 * 2 + 2 + 8, 2 * 8 * 2, 8 * 2 * 2)
    head = NetworkSize(8 * 4 + 4, 8 * 4, 4)
    expected = [stem, first, further, further, added, separable, excited, head]
    assert plan.size == sum(expected, NetworkSize())
    assert plan.n_weighted == 6
