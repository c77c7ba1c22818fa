"""Folders of images: found, turned, cropped, and refused with the reason."""

import numpy as np
import pytest
from PIL import Image

from sknevo.datasets import load_image_folder, load_imagenet


@pytest.fixture
def folder(tmp_path):
    for label, (name, colour) in enumerate({"dogs": "red", "cats": "blue"}.items()):
        (tmp_path / name / "deeper").mkdir(parents=True)
        for i in range(2 + label):
            image = Image.new("RGB", (40, 20), colour)
            image.save(tmp_path / name / "deeper" / f"{i}.PNG")
    for hidden in (".hidden", "dogs/.thumbnails"):
        (tmp_path / hidden).mkdir()
        Image.new("RGB", (4, 4)).save(tmp_path / hidden / "0.png")
    (tmp_path / "dogs" / "notes.txt").write_text("good dogs")
    return tmp_path


def test_each_folder_is_a_class(folder):
    pets = load_image_folder(folder, image_size=8)
    assert pets.images.shape == (5, 8, 8, 3)
    assert pets.target_names.tolist() == ["cats", "dogs"]
    assert pets.target.tolist() == [0, 0, 0, 1, 1]
    assert pets.images[0, 0, 0].tolist() == [0, 0, 255]
    assert pets.filenames[0].endswith("0.PNG")


def test_images_are_cropped_to_their_middle(folder):
    striped = np.zeros((20, 40, 3), np.uint8)
    striped[:, 10:30] = 255
    Image.fromarray(striped).save(folder / "cats" / "striped.png")
    pets = load_image_folder(folder, image_size=[10, 10])
    (striped,) = pets.images[[name.endswith("striped.png") for name in pets.filenames]]
    assert striped[:, 1:-1].min() == 255


def test_gray_and_transparent_images_become_rgb(folder):
    for mode in ("L", "RGBA", "P", "1"):
        Image.new(mode, (9, 9)).save(folder / "cats" / f"{mode}.png")
    assert load_image_folder(folder, (6, 4)).images.shape == (9, 6, 4, 3)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(NotADirectoryError, match="root must be a folder"):
        load_image_folder(tmp_path / "nowhere")


def test_a_folder_without_images(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="folders without images: empty"):
        load_image_folder(tmp_path)


def test_a_broken_image_is_named(folder):
    (folder / "cats" / "broken.jpg").write_bytes(b"not a picture")
    with pytest.raises(OSError, match=r"image 0 cannot be read: .*broken\.jpg"):
        load_image_folder(folder)


def test_images_may_stay_on_disk(folder):
    held = load_image_folder(folder, image_size=8)
    read = load_image_folder(folder, image_size=8, in_memory=False)
    np.testing.assert_array_equal(np.asarray(read.images), held.images)
    assert "data" not in read


def test_imagenet_has_a_folder_for_each_subset(folder, tmp_path):
    (tmp_path / "set").mkdir()
    folder.joinpath("dogs").rename(tmp_path / "set" / "dogs")
    folder.joinpath("cats").rename(tmp_path / "set" / "cats")
    (tmp_path / "set").rename(tmp_path / "val")
    imagenet = load_imagenet(tmp_path, subset="val", image_size=8)
    assert imagenet.images.shape == (5, 8, 8, 3)
    assert imagenet.target_names.tolist() == ["cats", "dogs"]
    with pytest.raises(NotADirectoryError, match="train"):
        load_imagenet(tmp_path)
    with pytest.raises(ValueError, match="'subset' parameter"):
        load_imagenet(tmp_path, subset="test")


@pytest.mark.parametrize("image_size", [(8, 8, 3), (8,), (8, 0), ("8", 8), [8.5, 8]])
def test_an_invalid_size_is_refused(folder, image_size):
    for load in (load_image_folder, load_imagenet):
        with pytest.raises(ValueError, match="image_size must be"):
            load(folder, image_size=image_size)
