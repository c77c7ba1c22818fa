"""Pictures, folders, torch Datasets and streams as real users have them."""

import os
import random
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from torchvision.datasets import ImageFolder

from sknevo import EvolvedClassifier, EvolvedPipelineClassifier, JournalError
from sknevo.data_checks import fingerprint
from sknevo.datasets import load_image_folder
from sknevo.image_stream import ImageStream
from sknevo.image_stream._items import labels_of
from sknevo.image_stream._stream import streamed
from sknevo.metrics import GenerativeScore

SMALL = {
    "population_size": 1,
    "generations": 1,
    "max_epochs": 1,
    "cv": 2,
    "random_state": 0,
}
PIXELS = np.random.default_rng(0).integers(0, 256, (60, 6, 6, 3), dtype=np.uint8)
LABELS = np.arange(60) % 2


class Items(Dataset):
    """A Dataset of what a function returns for each row."""

    def __init__(self, item, n=60, **held):
        self.item, self.n = item, n
        vars(self).update(held)

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return self.item(i)


class Endless(IterableDataset):
    def __iter__(self):
        return zip(PIXELS, LABELS, strict=True)


@pytest.fixture
def folder(tmp_path):
    """Return 60 pictures of the classes ant and bee."""
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
    for i, pixels in enumerate(PIXELS):
        Image.fromarray(pixels).save(tmp_path / ["ant", "bee"][i % 2] / f"{i:02}.png")
    return tmp_path


def reads(dataset):
    return np.asarray(ImageStream(dataset))


# The values of pictures. --------------------------------------------------------------


def rotated():
    """Return a picture that is red on the left once it is turned as EXIF says."""
    image = Image.new("RGB", (8, 16), "blue")
    image.paste("red", (0, 8, 8, 16))
    image.getexif()[0x0112] = 6  # to be turned by a quarter, clockwise
    return image, [[255, 0, 0], [0, 0, 255]]


def hidden(mode, color):
    """Return a picture whose left half is transparent, whatever its colour."""
    image = Image.new(mode, (16, 8), color)
    alpha = Image.new("L", (16, 8), 255)
    alpha.paste(0, (0, 0, 8, 8))
    image.putalpha(alpha)
    return image


def palette(**info):
    image = Image.new("P", (16, 8), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(0, (0, 0, 8, 8))
    image.info.update(info)
    return image, [[255, 0, 0] if not info else [255, 255, 255], [0, 0, 255]]


def deep(dtype):
    values = np.repeat([[0, 100 * 257]], 8, 0).repeat(8, 1).astype(dtype)
    return Image.fromarray(values), [[0, 0, 0], [100, 100, 100]]


WHITE = [255, 255, 255]
PICTURES = {
    "turned by EXIF": (".jpg", *rotated()),
    "palette": (".gif", *palette()),
    "palette with a transparent colour": (".png", *palette(transparency=0)),
    "colours under alpha": (".png", hidden("RGB", "red"), [WHITE, [255, 0, 0]]),
    "gray under alpha": (".png", hidden("L", 50), [WHITE, [50, 50, 50]]),
    "alpha in WebP": (".webp", hidden("RGB", "red"), [WHITE, [255, 0, 0]]),
    "CMYK": (".jpg", Image.new("CMYK", (16, 8), (0, 255, 255, 0)), [[255, 0, 0]] * 2),
    "CMYK in TIFF": (".tif", Image.new("CMYK", (16, 8), (0, 0, 0, 255)), [[0] * 3] * 2),
    "16 bits in PNG": (".png", *deep("u2")),
    "16 bits in TIFF": (".tif", *deep("u2")),
    "16 bits, the other byte first": (".tif", *deep(">u2")),
    "16 bits in PGM": (".pgm", *deep("u2")),
    "1 bit": (".bmp", Image.new("1", (16, 8), 1), [WHITE] * 2),
    "PPM": (".ppm", Image.new("RGB", (16, 8), "red"), [[255, 0, 0]] * 2),
}


@pytest.mark.parametrize(("suffix", "image", "ends"), PICTURES.values(), ids=PICTURES)
def test_pictures_have_the_right_values(tmp_path, suffix, image, ends):
    (tmp_path / "class").mkdir()
    exif = {"exif": image.getexif()} if suffix == ".jpg" else {}
    image.save(tmp_path / "class" / f"one{suffix}", **exif)
    pictures = load_image_folder(tmp_path, image_size=(8, 16))
    found = pictures.images[0].astype(int)
    assert np.abs(found[:, [0, -1]] - ends).max() <= 2  # JPEG is not exact


def test_opacity_stays_where_there_is_a_channel_for_it():
    (pixels,) = np.asarray(ImageStream([hidden("RGB", "red")], (8, 16, 4)))
    assert pixels[0, [0, -1]].tolist() == [[255, 0, 0, 0], [255, 0, 0, 255]]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pictures_of_an_unknown_range_are_refused(tmp_path, mode):
    (tmp_path / "class").mkdir()
    Image.new(mode, (4, 4)).save(tmp_path / "class" / "one.tif")
    with pytest.raises(OSError, match=rf"one\.tif\) .*8 or 16 bits; got mode '{mode}'"):
        load_image_folder(tmp_path)


def test_colours_are_refused_where_the_first_picture_is_gray():
    gray, red = Image.new("L", (4, 4)), Image.new("RGB", (4, 4), "red")
    with pytest.raises(ValueError, match=r"image 1 has colours. Set image_shape to"):
        reads([gray, red])
    pixels = reads([gray, Image.new("RGB", (4, 4), "gray")])
    assert pixels[1].tolist() == [[128] * 4] * 4
    assert reads([red, gray]).shape == (2, 4, 4, 3)
    assert np.asarray(ImageStream([gray, red], (4, 4)))[1, 0, 0] == 76  # as asked for


# Folders. -----------------------------------------------------------------------------


SUFFIXES = "bmp gif jfif jpe JPG pbm pgm pnm ppm tga tif TIFF webp"


@pytest.mark.parametrize("suffix", SUFFIXES.split())
def test_all_that_pillow_opens_is_loaded(folder, suffix):
    kind = Image.registered_extensions()[f".{suffix.lower()}"]
    Image.new("1", (4, 4)).save(folder / "ant" / f"new.{suffix}", kind)
    assert len(load_image_folder(folder, 6).images) == 61


LEFT_BEHIND = """
__MACOSX/._1.png @eaDir/1.png .git/1.png ant/__MACOSX/1.png ant/.DS_Store ant/._1.png
ant/Thumbs.db notes.txt ._1.png
"""


@pytest.mark.parametrize("junk", LEFT_BEHIND.split())
def test_what_systems_leave_behind_is_ignored(folder, junk):
    (folder / junk).parent.mkdir(exist_ok=True)
    shutil.copy(folder / "ant" / "00.png", folder / junk)
    pictures = load_image_folder(folder, 6)
    assert pictures.target_names.tolist() == ["ant", "bee"]
    assert len(pictures.images) == 60


def test_a_folder_with_the_name_of_a_picture(folder):
    (folder / "ant" / "scan.png").mkdir()
    shutil.copy(folder / "ant" / "00.png", folder / "ant" / "scan.png" / "page.png")
    assert len(load_image_folder(folder, 6).images) == 61


def test_links_to_folders_are_followed(folder, tmp_path_factory):
    there = tmp_path_factory.mktemp("linked")
    (there / "ant").symlink_to(folder / "ant")
    (there / "bee").mkdir()
    (there / "bee" / "more").symlink_to(folder / "bee")
    (there / "bee" / "again").symlink_to(there / "bee")  # a circle
    assert len(load_image_folder(there, 6).images) == 60


@pytest.mark.parametrize(
    "parts", [["train", "test"], ["Train", "VAL", "readme"], ["train"]]
)
def test_parts_of_a_set_are_no_classes(folder, tmp_path_factory, parts):
    root = tmp_path_factory.mktemp("parts")
    for part in parts:
        shutil.copytree(folder, root / part)
    with pytest.raises(ValueError, match=rf"parts of a set, .*{parts[0]}"):
        load_image_folder(root)
    assert len(load_image_folder(root / parts[0], 6).images) == 60
    os.rename(root / parts[-1], root / "locomotive")
    if len(parts) == 2:  # "train" may be a class like any other
        assert load_image_folder(root, 6).target_names.tolist()[1] == "train"


def test_a_class_without_pictures_is_named(folder):
    (folder / "cat").mkdir()
    with pytest.raises(ValueError, match=r"folders without images: cat\."):
        load_image_folder(folder)


def test_pictures_that_are_left_out_are_reported(folder):
    shutil.copy(folder / "ant" / "00.png", folder / "loose.png")
    with pytest.warns(UserWarning, match="in no folder of a class: 1 in "):
        load_image_folder(folder, 6)
    os.rename(folder / "loose.png", folder / "ant" / "drawing.svg")
    with pytest.warns(UserWarning, match=r"open their formats: 1 in .*ant \(\.svg\)"):
        load_image_folder(folder, 6)


def test_a_flat_folder_says_that_it_needs_classes(folder):
    with pytest.raises(
        ValueError, match=r"no folder, and images outside of folders \(30\)"
    ):
        load_image_folder(folder / "ant")


# Pictures that cannot be read. --------------------------------------------------------


def broken(path, how):
    content = path.read_bytes()
    path.write_bytes({"empty": b"", "cut": content[:60], "text": b"<html>"}[how])


@pytest.mark.parametrize("how", ["empty", "cut", "text"])
@pytest.mark.parametrize("kind", ["ours", "torchvision", "part of torchvision's"])
def test_a_corrupt_picture_is_named_before_anything_is_trained(folder, how, kind):
    broken(folder / "bee" / "37.png", how)
    X, y = ImageFolder(str(folder)), None
    if kind == "ours":
        pictures = load_image_folder(folder, 6, in_memory=False)
        X, y = pictures.images, pictures.target
    elif kind != "torchvision":
        X = Subset(X, range(10, 60))
    search = EvolvedClassifier(**SMALL | {"generations": None}, max_time=60)
    with pytest.raises(OSError, match=r"^image \d+ .*37\.png"):
        search.fit(X, y)
    assert not hasattr(search, "cv_results_")


def test_a_corrupt_picture_of_many_is_named_at_first_sight(folder, monkeypatch):
    monkeypatch.setattr("sknevo.image_stream._items.LOOKED_AT", 3)
    broken(folder / "bee" / "37.png", "cut")
    photos = ImageFolder(str(folder))
    search = EvolvedClassifier(**SMALL)
    with pytest.raises(ValueError, match=r"1 x OSError: image 48 \(.*37\.png\)"):
        search.fit(photos, photos.targets)


def test_several_corrupt_pictures_are_named_together(folder):
    for i in range(1, 17, 2):
        broken(folder / "bee" / f"{i:02}.png", "empty")
    names = r".*".join(rf"0{i}\.png" for i in (1, 3, 5, 7, 9))
    with pytest.raises(OSError, match=rf"^8 of 60 images .*{names}.*; \.\.\.$"):
        load_image_folder(folder, 6)


# Datasets. ----------------------------------------------------------------------------


def pair(i):
    return PIXELS[i], LABELS[i]


REFUSED = {
    "without labels": (
        lambda: Items(lambda i: PIXELS[i]),
        r"y must be given, or the items of X must be tuples \(image, label\); item 0 "
        "is a ndarray",
    ),
    "one tensor": (lambda: TensorDataset(torch.tensor(PIXELS)), "a tuple of Tensor"),
    "dicts": (
        lambda: Items(lambda i: {"image": PIXELS[i], "label": 0}),
        r"a dict with the keys \['image', 'label'\]",
    ),
    "stacked": (
        lambda: StackDataset(image=Items(pair), label=Items(pair)),
        r"a dict with the keys \['image', 'label'\]",
    ),
    "labels None": (lambda: Items(lambda i: (PIXELS[i], None)), "item 0 is a NoneType"),
    "label first": (
        lambda: Items(lambda i: (LABELS[i], Image.fromarray(PIXELS[i]))),
        "that of item 0 is an Image",
    ),
    "many labels": (lambda: Items(lambda i: (PIXELS[i], [0, 1])), "item 0 is a list"),
    "labels of two types": (
        lambda: Items(lambda i: (PIXELS[i], "a" if i % 2 else 1)),
        "y must hold values of one type; got int and str",
    ),
    "boxes": (lambda: Items(lambda i: (PIXELS[i], {"boxes": 1})), "item 0 is a dict"),
    "paths": (
        lambda: Items(lambda i: (f"{i}.png", 0)),
        "item 0 is a tuple of str, int",
    ),
    "iterable": (Endless, "Endless has not"),
    "no length": (type("Bare", (Dataset,), {}), "Bare has not"),
    "loader": (lambda: DataLoader(Items(pair)), r"give its dataset, X\.dataset"),
    "empty": (lambda: Subset(Items(pair), []), "at least 1 image; got none"),
    "raising": (lambda: Items(lambda i: 1 / 0), "image 0 cannot be read: division"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_datasets_that_cannot_be_used_say_what_is_accepted(make, message):
    with pytest.raises((OSError, TypeError, ValueError), match=message):
        EvolvedClassifier(**SMALL).fit(make())


@pytest.mark.parametrize("item", [{"image": PIXELS[0]}, 3, None, (3, PIXELS[0])])
def test_items_without_image_are_refused_with_labels_too(item):
    with pytest.raises(TypeError, match=r"tuples \(image, label\) that begin with one"):
        streamed(Items(lambda i: item))


def test_pipelines_of_tables_say_that_a_dataset_is_none():
    table = EvolvedPipelineClassifier(population_size=1, generations=1, cv=2)
    table.fit(PIXELS.reshape(len(PIXELS), -1), LABELS)
    with pytest.raises(TypeError, match=r"a table, as in fit: .* got a torch Dataset"):
        table.predict(Items(pair))


def test_lists_of_lists_are_images():
    (pixels, *_) = np.asarray(streamed(Items(lambda i: PIXELS[i].tolist())))
    assert np.array_equal(pixels, PIXELS[0])


class Relabelled(Items):
    """A subclass whose items have other labels than its `targets`."""

    def __getitem__(self, i):
        image, label = super().__getitem__(i)
        return image, f"not {label}"


class Wrapper(Dataset):
    """Hands everything on to another dataset but what its items are."""

    def __init__(self, inner, item):
        self.inner, self.item = inner, item

    def __getattr__(self, name):
        return getattr(vars(self)["inner"], name)

    def __len__(self):
        return len(self.inner)

    def __getitem__(self, i):
        return self.item(*self.inner[i])


def held(i=None, **more):
    return Items(pair, targets=LABELS.tolist(), **more)


def swapped_samples(folder):
    photos = ImageFolder(str(folder))
    photos.samples = [(path, 1 - label) for path, label in photos.samples]
    return photos


LABELLED = {
    "held": (lambda f: held(), LABELS),
    "subclass": (
        lambda f: Relabelled(pair, targets=LABELS),
        np.char.add("not ", LABELS.astype(str)),
    ),
    "wrapper": (lambda f: Wrapper(held(), lambda x, y: (x, 1 - y)), 1 - LABELS),
    "wrapped subset": (
        lambda f: Wrapper(Subset(held(), range(60)), lambda x, y: (x, y + 5)),
        LABELS + 5,
    ),
    "relabelled samples": (swapped_samples, 1 - np.arange(60) // 30),
    "target_transform": (
        lambda f: ImageFolder(str(f), target_transform=lambda label: "ab"[label]),
        np.array(list("ab")).repeat(30),
    ),
    "target_transform that is not applied": (
        lambda f: held(target_transform=lambda label: label + 7),
        LABELS,
    ),
    "targets of another length": (lambda f: Items(pair, targets=[0, 1]), LABELS),
    "targets that are no labels": (
        lambda f: Items(pair, targets=[{"box": 1}] * 60),
        LABELS,
    ),
    "concatenated": (
        lambda f: ConcatDataset([Subset(held(), [1, 3]), Subset(held(), [0, 2])]),
        [1, 1, 0, 0],
    ),
    "split at random": (
        lambda f: random_split(held(), [0.5, 0.5], torch.Generator().manual_seed(0))[0],
        None,
    ),
    "one dimension each": (
        lambda f: Items(lambda i: (PIXELS[i], LABELS[i : i + 1])),
        LABELS[:, None],
    ),
}


@pytest.mark.parametrize("looked_at", [20, 1000])
@pytest.mark.parametrize(("make", "labels"), LABELLED.values(), ids=LABELLED)
def test_labels_are_those_of_the_items(folder, make, labels, looked_at, monkeypatch):
    monkeypatch.setattr("sknevo.image_stream._items.LOOKED_AT", looked_at)
    dataset = make(folder)
    if labels is None:
        labels = [dataset[i][1] for i in range(len(dataset))]
    assert np.array_equal(labels_of(dataset), labels)


@pytest.mark.parametrize("wrap", [lambda d: d, lambda d: Subset(d, range(60))])
def test_labels_that_agree_need_no_other_items(wrap, monkeypatch):
    monkeypatch.setattr("sknevo.image_stream._items.LOOKED_AT", 20)
    seen = []
    dataset = Items(lambda i: seen.append(i) or pair(i), targets=LABELS)
    assert np.array_equal(labels_of(wrap(dataset)), LABELS)
    assert len(seen) == 20


def test_a_search_learns_the_labels_of_the_items(folder):
    search = EvolvedClassifier(**SMALL).fit(Relabelled(pair, targets=LABELS))
    assert search.classes_.tolist() == ["not 0", "not 1"]


def test_images_that_change_at_random_give_a_warning(folder):
    def turned(image):
        return image.transpose(Image.Transpose.ROTATE_180) if draw() < 0.5 else image

    draw = random.Random(0).random
    with pytest.warns(UserWarning, match="changes its images each time"):
        EvolvedClassifier(**SMALL).fit(ImageFolder(str(folder), turned))


# Fingerprints of streams. -------------------------------------------------------------


def replaced(folder, how, n):
    """Change some of the pictures of a folder."""
    files = sorted(folder.rglob("*.png"))
    for file in random.Random(0).sample(files, n):
        if how == "content":  # as many bytes as before
            state = os.stat(file)
            swapped = Image.open(file).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            swapped.save(file)
            os.truncate(file, max(state.st_size, os.path.getsize(file)))
        elif how == "size":
            with open(file, "ab") as end:
                end.write(b"more")
        else:
            file.rename(file.with_stem(f"{file.stem}-new"))


def streams(folder):
    """Return streams of a folder: ours, torchvision's, and a Dataset of our own."""
    photos = ImageFolder(str(folder))
    return {
        "ours": load_image_folder(folder, 6, in_memory=False).images,
        "torchvision": streamed(photos),
        "part": streamed(Subset(photos, range(60))),
        "own": streamed(Items(lambda i: photos[i])),
    }


@pytest.mark.parametrize("kind", ["ours", "torchvision", "part", "own"])
@pytest.mark.parametrize(("how", "n"), [("content", 48), ("content", 1), ("size", 1)])
def test_changed_pictures_change_the_fingerprint(folder, kind, how, n):
    before = fingerprint(streams(folder)[kind])
    replaced(folder, how, n)
    changed = fingerprint(streams(folder)[kind]) != before
    assert changed == (kind != "own" or how == "content")  # files of its own: unknown


@pytest.mark.parametrize("how", ["size", "name"])
def test_names_and_sizes_of_all_files_count(folder, how, monkeypatch):
    monkeypatch.setattr("sknevo.image_stream._items.LOOKED_AT", 3)
    before = fingerprint(streams(folder)["ours"])
    replaced(folder, how, 60)
    assert fingerprint(streams(folder)["ours"]) != before


@pytest.mark.parametrize("kind", ["ours", "torchvision", "part", "own"])
def test_a_copy_of_a_folder_has_the_same_fingerprint(folder, kind, tmp_path_factory):
    there = shutil.copytree(folder, tmp_path_factory.mktemp("there") / "copy")
    for file in there.rglob("*.png"):
        os.utime(file, (1, 1))
    assert fingerprint(streams(there)[kind]) == fingerprint(streams(folder)[kind])


def test_a_transform_changes_the_fingerprint(folder):
    plain, flipped = (
        fingerprint(streamed(ImageFolder(str(folder), transform)))
        for transform in (None, lambda x: x.transpose(Image.Transpose.ROTATE_180))
    )
    assert plain != flipped


def test_a_journal_refuses_changed_pictures(folder, tmp_path_factory):
    journal = tmp_path_factory.mktemp("journal") / "run.jsonl"
    search = EvolvedClassifier(**SMALL, journal=journal)
    search.fit(ImageFolder(str(folder)))
    scores = search.cv_results_["mean_test_score"]
    there = shutil.copytree(folder, tmp_path_factory.mktemp("there") / "copy")
    search.fit(ImageFolder(str(there)))  # read from the journal
    assert np.array_equal(search.cv_results_["mean_test_score"], scores)
    replaced(folder, "content", 48)
    with pytest.raises(JournalError, match="data"):
        search.fit(ImageFolder(str(folder)))


def test_files_that_are_not_there_are_known_by_name():
    named = [
        fingerprint(streamed(Items(pair, files=list(n)))) for n in ("a" * 60, "b" * 60)
    ]
    assert named[0] != named[1]


def test_a_score_does_not_read_real_pictures_to_know_them_again():
    reads = []
    stream = streamed(Items(lambda i: reads.append(i) or PIXELS[i]))
    score = GenerativeScore(
        n_samples=20, features=lambda x: x.reshape(len(x), -1)[:, :4]
    )
    first = score.measure(stream[10:], PIXELS[:20])
    n_reads = len(reads)
    assert score.measure(stream[10:], PIXELS[:20]) == first
    assert len(reads) == n_reads
    assert score.measure(stream[5:55], PIXELS[:20]) != first
