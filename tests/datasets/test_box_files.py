"""Boxes in files of Pascal VOC and of COCO."""

import json

import numpy as np
import pytest
from PIL import Image

from sknevo.datasets import load_coco, load_voc_folder


def xml(*objects):
    said = [
        f"<object><name>{name}</name><bndbox>"
        + "".join(
            f"<{tag}>{value}</{tag}>"
            for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
        )
        + "</bndbox></object>"
        for name, box in objects
    ]
    return f"<annotation><size><width>40</width></size>{''.join(said)}</annotation>"


@pytest.fixture
def folder(tmp_path):
    for name, side in (("a", 30), ("b", 30), ("c", 20)):
        Image.new("RGB", (40, side)).save(tmp_path / f"{name}.jpg")
    (tmp_path / "a.xml").write_text(
        xml(("cat", (1, 1, 10, 10)), ("ant", (5, 5, 60, 9)))
    )
    (tmp_path / "b.xml").write_text(xml())
    (tmp_path / "c.xml").write_text(xml(("cat", (3.5, 3, 7, 4))))
    return tmp_path


def test_boxes_are_distances_from_the_corner_of_their_images(folder):
    found = load_voc_folder(folder, folder)
    assert found.target_names.tolist() == ["ant", "cat"]
    assert [image.shape for image in found.images] == [(30, 40, 3)] * 2 + [(20, 40, 3)]
    first, second, third = found.targets
    assert first["boxes"].tolist() == [[0, 0, 10, 10], [4, 4, 40, 9]]
    assert first["labels"].tolist() == [1, 0]
    assert second["boxes"].shape == (0, 4)
    assert third["boxes"].tolist() == [[2.5, 2, 7, 4]]


def test_some_names_are_loaded_in_their_order(folder):
    assert len(load_voc_folder(folder, folder, names=["c", "a"]).images) == 2
    (folder / "val.txt").write_text("b\na  1\n")
    found = load_voc_folder(folder, folder, names=folder / "val.txt")
    assert [len(target["labels"]) for target in found.targets] == [0, 2]
    assert found.images.shape == (2, 30, 40, 3)
    Image.new("RGB", (4, 4)).save(folder / "d.png")
    with pytest.raises(ValueError, match="There is no file of XML of 'd'"):
        load_voc_folder(folder, folder, names=["d"])


def test_degenerate_boxes_are_named_by_their_files(folder):
    (folder / "b.xml").write_text(
        xml(("cat", (5, 5, 5, 9)), ("cat", (50, 2, 60, 9)), ("cat", (2, 2, 4, 4)))
    )
    with pytest.raises(
        ValueError, match=r"b\.xml holds 5, 5, 5, 9, b\.xml holds 49, 1"
    ):
        load_voc_folder(folder, folder)
    with pytest.warns(UserWarning, match="left out") as told:
        found = load_voc_folder(folder, folder, degenerate="drop")
    assert len(told) == 1
    assert found.targets[1]["boxes"].tolist() == [[1, 1, 4, 4]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation>", r"b\.xml must hold XML as Pascal VOC has it.*ParseError"),
        (xml(("cat", ("x", 1, 2, 3))), r"b\.xml must hold XML.*'x'"),
        ("<a><object><name>cat</name></object></a>", r"b\.xml must hold XML"),
    ],
)
def test_broken_files_are_named(folder, text, message):
    (folder / "b.xml").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_voc_folder(folder, folder)


def test_the_boxes_are_those_of_the_pixels_in_the_file(folder):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a right angle
    Image.new("RGB", (40, 30)).save(folder / "a.jpg", exif=exif)
    assert load_voc_folder(folder, folder).images[0].shape == (30, 40, 3)


COCO = {
    "images": [{"id": 2, "file_name": "a.jpg"}, {"id": 5, "file_name": "b.jpg"}],
    "categories": [{"id": 9, "name": "ant"}, {"id": 4, "name": "cat"}],
    "annotations": [
        {"image_id": 5, "category_id": 9, "bbox": [30, 2, 20, 10]},
        {"image_id": 5, "category_id": 4, "bbox": [0, 0, 40, 30], "iscrowd": 1},
    ],
}


def write(folder, about):
    (folder / "boxes.json").write_text(json.dumps(about))
    return folder / "boxes.json", folder


def test_coco_has_one_file_for_all(folder):
    found = load_coco(*write(folder, COCO))
    assert found.target_names.tolist() == ["cat", "ant"]
    assert found.category_ids.tolist() == [4, 9]
    assert found.images.shape == (2, 30, 40, 3)
    assert found.targets[0]["labels"].dtype.kind == "i"
    np.testing.assert_equal(
        found.targets[1], {"boxes": np.array([[30.0, 2, 40, 12]]), "labels": [1]}
    )


def test_what_is_wrong_with_coco_is_named(folder):
    flat = {"image_id": 2, "category_id": 4, "bbox": [3, 4, 0, 5]}
    files = write(folder, {**COCO, "annotations": [flat]})
    with pytest.raises(ValueError, match=r"a\.jpg holds 3, 4, 3, 9"):
        load_coco(*files)
    with pytest.warns(UserWarning, match=r"left out.*a\.jpg"):
        assert len(load_coco(*files, degenerate="drop").targets[0]["labels"]) == 0
    with pytest.raises(ValueError, match=r"boxes\.json must hold JSON as COCO has it"):
        load_coco(*write(folder, {"images": []}))
    with pytest.raises(ValueError, match=r"boxes\.json must hold JSON.*KeyError: 77"):
        load_coco(*write(folder, {**COCO, "annotations": [{**flat, "image_id": 77}]}))
