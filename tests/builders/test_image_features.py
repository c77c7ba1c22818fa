"""Features of images: what they are, and that each is computed once."""

import numpy as np
import pytest
from PIL import Image
from skimage.feature import hog
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sknevo.builders.pipeline._copies import BesideCopies, OnCopies
from sknevo.builders.pipeline._images import (
    Colours,
    Gabor,
    Hog,
    ImageReader,
    Lbp,
    Pixels,
    image_features,
)
from sknevo.builders.pipeline._linear import LinearClassifier
from sknevo.builders.pipeline._patches import Patches
from sknevo.builders.pipeline._pixels import in_cells, resized
from sknevo.image_stream import _memory
from sknevo.image_stream._feature_widths import features_width
from sknevo.image_stream._images import Images, Layout
from sknevo.image_stream._memory import Memory
from sknevo.records import DataSpec

PHOTOS = np.random.default_rng(0).integers(0, 256, (12, 20, 24, 3)).astype(np.uint8)
LAYOUT = Layout((20, 24, 3), "last")
KINDS = {
    "grey": {"pixels": {"grey": {"side": 8}}},
    "coloured": {"pixels": {"coloured": {"side": 8}}},
    "joint": {
        "colours": {"histogram": {"space": "hsv", "bins": 3, "joint": True, "cells": 2}}
    },
    "apart": {
        "colours": {
            "histogram": {"space": "rgb", "bins": 4, "joint": False, "cells": 1}
        }
    },
    "hog": {"gradients": {"hog": {"side": 16, "cells": 4, "orientations": 6}}},
    "lbp": {"textures": {"lbp": {"side": 32, "radius": 2, "cells": 3}}},
    "gabor": {
        "textures": {"gabor": {"side": 16, "waves": 2, "orientations": 4, "cells": 2}}
    },
    "patches": {
        "filters": {
            "patches": {
                "learned": "kmeans",
                "side": 12,
                "patch": 5,
                "stride": 2,
                "n_filters": 20,
                "cells": 2,
            }
        }
    },
}
GENES = [{"crop": 1.0, **own} for own in KINDS.values()]


def photos(memory=None):
    return Images(PHOTOS, LAYOUT, memory)


@pytest.mark.parametrize("genes", GENES, ids=KINDS)
def test_features_are_as_many_as_genomes_count_with(genes):
    spec = DataSpec("classification", 12, 2, shape=(20, 24, 3), channels="last")
    made = image_features(genes).fit_transform(photos())
    assert made.shape == (12, features_width(genes, spec))
    assert np.isfinite(made).all()
    assert np.ptp(made, axis=0).max() > 0


@pytest.mark.parametrize("genes", GENES, ids=KINDS)
def test_features_do_not_depend_on_how_images_are_stored(genes):
    forms = {
        "bytes": (PHOTOS, LAYOUT),
        "fractions": (PHOTOS / 255, Layout((20, 24, 3), "last", 0.0, 1.0)),
        "first": (np.moveaxis(PHOTOS, -1, 1), Layout((3, 20, 24), "first")),
        "rows": (PHOTOS.reshape(12, -1), LAYOUT),
    }
    made = [image_features(genes).fit_transform(Images(*one)) for one in forms.values()]
    for one in made[1:]:
        np.testing.assert_allclose(one, made[0], atol=0.02)
    assert np.mean(np.abs(made[1] - made[0])) < 1e-4


def test_kinds_of_features_stand_side_by_side():
    both = image_features({"crop": 1.0, **KINDS["hog"], **KINDS["joint"]})
    parts = [
        image_features({"crop": 1.0, **KINDS[name]}).fit_transform(photos())
        for name in ("hog", "joint")
    ]
    np.testing.assert_array_equal(both.fit_transform(photos()), np.hstack(parts))


def test_gradients_are_those_of_scikit_image():
    large = resized(photos().pixels(), 16, 1.0)
    expected = hog(large[3], 6, (4, 4), (2, 2), channel_axis=-1)
    found = Hog(16, 4, 6).fit_transform(photos())
    np.testing.assert_allclose(found[3], expected, rtol=1e-5)


def test_histograms_of_colours_say_what_colour_an_image_has():
    red = np.zeros((2, 8, 8, 3), np.uint8)
    red[0, ..., 0] = 255
    red[1, ..., 2] = 255
    images = Images(red, Layout((8, 8, 3), "last"))
    found = Colours("rgb", 2, joint=True, cells=1).fit_transform(images)
    np.testing.assert_array_equal(found[:, :8].argmax(axis=1), [1, 4])
    np.testing.assert_allclose((found[:, :8] ** 2).sum(axis=1), 1)
    hue = Colours("hsv", 3, joint=False, cells=1).fit_transform(images)
    np.testing.assert_array_equal(hue[:, :3].argmax(axis=1), [0, 2])


def test_waves_are_found_in_their_direction():
    at = np.arange(48)
    stripes = np.stack([np.broadcast_to(np.sin(2 * np.pi * at / 6), (48, 48))] * 2)
    stripes[1] = stripes[1].T
    images = Images((stripes + 1) / 2, Layout((48, 48), "last", 0.0, 1.0))
    found = Gabor(48, waves=2, orientations=2, cells=1).fit_transform(images)
    means = found[:, ::2]  # of wave 3 across and down, then of wave 6
    np.testing.assert_array_equal(means.argmax(axis=1), [2, 3])


def test_patterns_do_not_depend_on_brightness():
    darker = Images(PHOTOS // 2, Layout((20, 24, 3), "last", 0.0, 127.5))
    found = Lbp(20, 1, 1).fit_transform(darker)
    close = Lbp(20, 1, 1).fit_transform(photos())
    assert np.abs(found - close).mean() < 0.03


def test_the_middle_of_images_is_kept():
    small = resized(photos().pixels(), 10, 0.5)
    assert small.shape == (12, 10, 12, 3)
    np.testing.assert_allclose(small, photos().pixels()[:, 5:15, 6:18], atol=1e-6)
    found = Pixels(10, True, 0.5).fit_transform(photos())
    np.testing.assert_allclose(found, small.reshape(12, -1), atol=1e-6)


def test_cells_have_the_mean_of_their_pixels():
    maps = np.arange(2 * 5 * 6 * 1.0).reshape(2, 5, 6, 1)
    found = in_cells(maps, 2)
    expected = [
        maps[0, rows, columns].mean()
        for rows in (slice(2), slice(2, 5))
        for columns in (slice(3), slice(3, 6))
    ]
    np.testing.assert_allclose(found[0], expected)
    assert in_cells(maps, 9).shape == (2, 81)


# Filters that are learned -------------------------------------------------------------


@pytest.mark.parametrize("learned", ["kmeans", "random"])
def test_filters_are_learned_from_the_training_part_alone(learned):
    options = {"side": 12, "patch": 4, "stride": 2, "n_filters": 15, "cells": 2}
    memory = Memory(len(PHOTOS))
    together = Patches(learned, **options).fit(photos(memory)[:8])
    apart = Patches(learned, **options).fit(Images(PHOTOS[:8], LAYOUT))
    np.testing.assert_array_equal(together.filters_, apart.filters_)
    np.testing.assert_array_equal(
        together.transform(photos(memory)[8:]),
        apart.transform(Images(PHOTOS[8:], LAYOUT)),
    )
    assert (together.transform(photos()) >= 0).all()


# Copies -------------------------------------------------------------------------------


def test_copies_are_always_moved_in_the_same_way():
    images = photos()
    one, other = (images.copied(i, False).pixels() for i in (1, 2))
    assert one.shape == images.pixels().shape
    assert np.abs(one - images.pixels()).mean() > 0.01
    assert np.abs(one - other).mean() > 0.01
    np.testing.assert_array_equal(images[4:6].copied(1, False).pixels(), one[4:6])
    np.testing.assert_array_equal(images.copied(1, False)[4:6].pixels(), one[4:6])


def test_copies_of_a_smooth_image_are_near_it_and_some_are_mirrored():
    ramp = np.broadcast_to(np.linspace(0, 1, 30), (40, 30, 30))
    images = Images(ramp, Layout((30, 30), "last", 0.0, 1.0))
    plain = images.copied(1, False).pixels()[..., 0]
    assert np.abs(plain - ramp).max() < 0.3
    slopes = images.copied(1, True).pixels()[:, 15, 20, 0] > 0.5
    assert 8 < slopes.sum() < 32


@pytest.mark.parametrize("weighted", [False, True])
def test_a_model_learns_from_images_and_copies(weighted):
    made = BesideCopies(Pixels(8, False), 2, True)
    X = made.fit_transform(photos())
    width = made.transform(photos()).shape[1]
    assert X.shape == (12, 3 * width)
    np.testing.assert_array_equal(X[:, :width], made.transform(photos()))
    y = np.arange(12) % 2
    weights = np.arange(1.0, 13) if weighted else None
    model = OnCopies(Pipeline([("scaling", StandardScaler()), ("model", Ridge())]), 2)
    model.fit(X, y, weights)
    rows, labels = X.reshape(36, width), np.repeat(y, 3)
    scaler = StandardScaler().fit(rows)
    expected = Ridge().fit(
        scaler.transform(rows), labels, None if weights is None else weights.repeat(3)
    )
    new = made.transform(photos()[::2])
    np.testing.assert_allclose(
        model.predict(new), expected.predict(scaler.transform(new)), rtol=1e-6
    )


def test_a_model_beside_copies_tells_labels_from_probabilities():
    made, y = BesideCopies(Pixels(8, False), 2, True), np.arange(12) % 2
    model = OnCopies(Pipeline([("model", LinearClassifier())]), 2)
    model.fit(made.fit_transform(photos()), y)
    X = made.transform(photos())
    found = model.most_probable(model.predict_proba(X))
    np.testing.assert_array_equal(found, model.predict(X))
    assert not hasattr(OnCopies(Pipeline([("model", Ridge())]), 2), "most_probable")


# What is remembered -------------------------------------------------------------------


class Counting(Pixels):
    """Pixels that count the images that they are computed of."""

    seen = 0

    def of(self, images):
        Counting.seen += len(images)
        return super().of(images)


def test_features_are_computed_once_for_all_parts_of_a_set(monkeypatch):
    monkeypatch.setattr(Counting, "seen", 0)
    images = photos(Memory(len(PHOTOS)))
    expected = Pixels(8, True).fit_transform(photos())
    for rows in ([3, 1, 4], np.arange(12), [0, 0, 11]):
        found = Counting(8, True).fit_transform(images[rows])
        np.testing.assert_array_equal(found, expected[rows])
    assert Counting.seen == 12 + 1  # the first one says how many features there are
    Counting(8, False).fit_transform(images[:2])
    assert Counting.seen == 12 + 1 + 2 + 1


def test_no_more_is_kept_on_disk_than_may_be(monkeypatch):
    monkeypatch.setattr(_memory, "MOST_BYTES", 3_000)
    memory = Memory(len(PHOTOS))
    images = photos(memory)
    for side in (4, 3, 5, 20):  # 960, 432 and 1,440 bytes with marks; the last too many
        found = Pixels(side, False).fit_transform(images)
        np.testing.assert_array_equal(found, Pixels(side, False).transform(photos()))
        files = [*memory.folder.rglob("values.npy")]
        assert sum(file.stat().st_size - 128 for file in files) <= 3_000
        assert files


def test_a_memory_goes_with_its_images_and_not_with_copies_of_it():
    import pickle

    memory = Memory(3)
    folder, copy = memory.folder, pickle.loads(pickle.dumps(memory))
    del copy
    assert folder.exists()
    copy = pickle.loads(pickle.dumps(memory))
    del memory
    assert not folder.exists()
    # A machine that does not see the folder has its own.
    found = copy.rows("a", np.array([2, 0]), lambda rows: rows[:, None] + 0.5)
    np.testing.assert_array_equal(found, [[2.5], [0.5]])
    del copy
    assert not folder.exists()


# Readers ------------------------------------------------------------------------------


def test_a_reader_takes_pictures_in_each_form():
    reader = ImageReader((20, 24, 3), "last").fit(PHOTOS)
    expected = reader.transform(PHOTOS).pixels()
    assert expected.shape == (12, 20, 24, 3)
    assert 0 <= expected.min() < expected.max() == 1
    pictures = [Image.fromarray(photo) for photo in PHOTOS]
    np.testing.assert_array_equal(reader.transform(pictures).pixels(), expected)
    np.testing.assert_array_equal(reader.transform([*PHOTOS]).pixels(), expected)
    read = reader.transform(PHOTOS)
    assert reader.transform(read) is read


def test_a_reader_refuses_other_shapes_and_scales():
    reader = ImageReader((20, 24, 3), "last").fit(PHOTOS / 255)
    with pytest.raises(ValueError, match=r"images of shape \(20, 24, 3\), as in fit"):
        reader.transform(PHOTOS[:, :10])
    with pytest.raises(ValueError, match="give images on that scale"):
        reader.transform(PHOTOS)


@pytest.mark.parametrize(
    ("values", "white"),
    [(PHOTOS, 255), (PHOTOS / 255, 1), (PHOTOS // 16, 15), (PHOTOS * 257.0, 255 * 257)],
)
def test_white_is_known_or_the_largest_value(values, white):
    assert ImageReader((20, 24, 3), "last").fit(values).layout_.white == white
