"""Equal data have the same fingerprint, other data another one."""

import copy
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sknevo.data_checks import fingerprint
from sknevo.image_stream import ImageStream

TABLE = pd.DataFrame(
    {
        "size": [1.5, np.nan, 3.0],
        "kind": pd.Categorical(["ant", "bee", None]),
        "note": ["a", None, "c"],
        "seen": pd.to_datetime(["2026-01-01", None, "2026-01-03"]),
        "wings": pd.array([True, None, False], dtype="boolean"),
    }
)
IMAGES = [Image.new("L", (8, 6), color) for color in range(40)]
DATA = {
    "floats": np.linspace(0, 1, 7),
    "bytes": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    "strings": np.array(["ant", "bee"]),
    "objects": np.array(["ant", 3, None, 2.5], dtype=object),
    "flags": np.array([True, False]),
    "columns first": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "nothing": np.empty((0, 3)),
    "table": TABLE,
    "series": TABLE["note"],
    "stream": ImageStream(IMAGES),
    "splits": [(np.arange(3), np.arange(3, 5)), (np.arange(2), np.arange(2, 5))],
    "parameters": {"b": np.ones(2), "a": [1, "x", None]},
}


def copied(value):
    if isinstance(value, ImageStream):
        return ImageStream([image.copy() for image in IMAGES])
    if isinstance(value, dict):
        return {name: copied(value[name]) for name in reversed(value)}
    if isinstance(value, list | tuple):
        return type(value)(map(copied, value))
    return value.copy() if hasattr(value, "copy") else value


@pytest.mark.parametrize("value", DATA.values(), ids=DATA)
def test_copies_have_the_same_fingerprint(value):
    assert fingerprint(value) == fingerprint(copied(value))


def test_different_data_have_different_fingerprints():
    X = DATA["floats"]
    others = [
        *([value] for value in DATA.values()),
        [X, X],
        [[X, X]],
        [X[::-1]],
        [X.astype(np.float32)],
        [X.reshape(7, 1)],
        [np.nextafter(X, 2)],
        [TABLE.rename(columns={"size": "length"})],
        [TABLE[::-1]],
        [TABLE[TABLE.columns[::-1]]],
        [TABLE.astype({"kind": object})],
        [TABLE.fillna({"size": 2.0})],
        [ImageStream(IMAGES[::-1])],
        [ImageStream(IMAGES[:-1])],
        [np.array(["ant", 3, None, 2.75], dtype=object)],
        [None],
        ["None"],
        [1],
        [1.0],
        [True],
    ]
    assert len({fingerprint(*values) for values in others}) == len(others)


def tensor(*values):
    import torch

    return torch.tensor(values)


def masked(*mask):
    return np.ma.array([1.0, 2.0, 3.0], mask=mask)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (tensor(*range(1000)), tensor(0, 7, *range(2, 1000))),
        (tensor(1.0), tensor(1.0 + 1e-6)),
        (pd.array(range(1000)), pd.array([0, 7, *range(2, 1000)])),
        (pd.array([1, None, 3]), pd.array([1, 2, 3])),
        (pd.Categorical(["a", "b"]), pd.Categorical(["a", "a"])),
        (masked(False, True, False), masked(False, False, True)),
        (masked(False, False, False), masked(False, False, True)),
    ],
    ids=["rows", "digits", "extension", "gaps", "categories", "masks", "masked"],
)
def test_all_of_an_array_of_another_library_counts(one, other):
    assert fingerprint(one) != fingerprint(other)
    assert fingerprint(one) == fingerprint(copy.deepcopy(one))


def test_the_memory_layout_does_not_matter():
    X = np.arange(6.0).reshape(2, 3)
    assert fingerprint(X) == fingerprint(np.asfortranarray(X))
    assert fingerprint(X[:, ::2]) == fingerprint(X[:, ::2].copy())


def test_the_index_does_not_matter():
    assert fingerprint(TABLE) == fingerprint(TABLE.set_axis([7, 8, 9]))


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["0", pytest.param("1", marks=pytest.mark.slow)])
def test_fingerprints_are_the_same_in_any_process(seed):
    script = """
import numpy as np, pandas as pd
from sknevo.data_checks import fingerprint
kinds = pd.Categorical(["ant", "bee"])
table = pd.DataFrame({"kind": kinds, "note": ["a", "".join("bc")]})
print(fingerprint(table, np.array(["x", "y" * 3], dtype=object), {"b": 1, "a": None}))
"""
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    printed = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    kinds = {"kind": pd.Categorical(["ant", "bee"]), "note": ["a", "bc"]}
    here = fingerprint(
        pd.DataFrame(kinds), np.array(["x", "yyy"], object), {"a": None, "b": 1}
    )
    assert printed == here
