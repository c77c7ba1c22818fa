"""Folders of images and masks of the same names."""

import numpy as np
import pytest
from PIL import Image

from sknevo.datasets import load_mask_folder


def write(folder, name, array, **options):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)


@pytest.fixture
def folders(tmp_path):
    images, masks = tmp_path / "images", tmp_path / "masks"
    for i, name in enumerate(("b/2", "a/1")):
        write(images, f"{name}.png", np.full((6, 9, 3), 50 * i, np.uint8))
        write(masks, f"{name}.tif", np.full((6, 9), 300 * i, np.uint16))
    return images, masks


def test_pairs_are_read_in_the_order_of_their_names(folders):
    found = load_mask_folder(*folders)
    assert found.images.shape == (2, 6, 9, 3)
    assert found.masks[:, 0, 0].tolist() == [300, 0]
    assert [name[-7:] for name in found.filenames] == ["a/1.png", "b/2.png"]


def test_images_of_several_sizes_keep_them(folders):
    images, masks = folders
    write(images, "c.png", np.zeros((4, 4), np.uint8))
    write(masks, "c.png", np.ones((4, 4), np.uint8))
    found = load_mask_folder(images, masks)
    assert [image.shape for image in found.images] == [(6, 9, 3), (6, 9, 3), (4, 4, 3)]
    assert found.masks[2].sum() == 16


def test_places_in_a_palette_are_labels(folders):
    images, masks = folders
    write(images, "p.png", np.zeros((6, 9, 3), np.uint8))
    picture = Image.fromarray(np.full((6, 9), 7, np.uint8), "L").convert("P")
    picture.putpalette([255, 0, 0] * 256)
    picture.putdata([7] * 54)
    picture.save(masks / "p.png")
    assert (load_mask_folder(images, masks).masks[2] == 7).all()


def test_what_is_wrong_is_named(folders):
    images, masks = folders
    write(masks, "d.png", np.zeros((6, 9), np.uint8))
    with pytest.raises(
        ValueError, match=r"Each mask must have an image .* none has that of d"
    ):
        load_mask_folder(images, masks)
    write(images, "d.png", np.zeros((6, 8, 3), np.uint8))
    with pytest.raises(ValueError, match=r"d\.png has 9 x 6 pixels, .*d\.png 8 x 6"):
        load_mask_folder(images, masks)
    write(masks, "d.png", np.zeros((6, 8, 3), np.uint8))
    with pytest.raises(ValueError, match=r"d\.png has the mode RGB"):
        load_mask_folder(images, masks)
    with pytest.raises(NotADirectoryError, match="masks must be a folder"):
        load_mask_folder(images, masks / "none")
    write(images, "d.jpg", np.zeros((6, 8, 3), np.uint8))
    with pytest.raises(ValueError, match="one file of each name"):
        load_mask_folder(images, masks)
