"""Networks evolved on images that stay on disk."""

import tracemalloc

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.model_selection import cross_val_score
from torch.utils.data import Dataset, Subset
from torchvision.datasets import ImageFolder

from sknevo import EvolvedClassifier
from sknevo.datasets import load_image_folder, load_imagenet, make_insects
from sknevo.image_stream import ImageStream
from sknevo.image_stream._items import labels_of

SMALL = {
    "population_size": 1,
    "generations": 1,
    "max_epochs": 1,
    "cv": 2,
    "random_state": 0,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("insects")
    insects = make_insects(40, image_size=24, random_state=0)
    for i, (image, label) in enumerate(
        zip(insects.images, insects.target, strict=True)
    ):
        place = root / "val" / insects.target_names[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{i:02}.png")
    return root


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_streamed_images_evolve_as_those_in_memory(folder, n_jobs):
    held = load_image_folder(folder / "val", image_size=16)
    read = load_imagenet(folder, subset="val", image_size=16)
    assert isinstance(read.images, ImageStream)
    expected = EvolvedClassifier(**SMALL).fit(held.images, held.target)
    clf = EvolvedClassifier(**SMALL, n_jobs=n_jobs).fit(read.images, read.target)
    for name in ("key", "mean_test_score"):
        np.testing.assert_array_equal(
            clf.cv_results_[name], expected.cv_results_[name], err_msg=name
        )
    np.testing.assert_allclose(
        clf.predict_proba(read.images), clf.predict_proba(held.images), atol=1e-6
    )


def test_a_torch_dataset_is_enough(folder):
    photos = ImageFolder(str(folder / "val"))
    clf = EvolvedClassifier(**SMALL, image_shape=(16, 16, 3)).fit(photos)
    assert clf.classes_.tolist() == [0, 1, 2, 3]
    assert clf.predict(Subset(photos, [3, 4, 5])).shape == (3,)
    assert clf.best_estimator_.predict(photos).shape == (40,)
    assert clf.predict(np.zeros((2, 16, 16, 3), np.uint8)).shape == (2,)
    assert clf.predict(np.zeros((2, 16 * 16 * 3), np.uint8)).shape == (2,)
    assert clf.n_features_in_ == 16 * 16 * 3
    assert 0 <= clf.score(photos) <= 1
    names = np.array(photos.classes)[photos.targets]
    clf.fit(photos, names)
    assert set(clf.predict(photos)) <= set(photos.classes)


def test_streams_are_cross_validated(folder):
    photos = load_imagenet(folder, subset="val", image_size=12)
    scores = cross_val_score(
        EvolvedClassifier(**SMALL), photos.images, photos.target, cv=2
    )
    assert np.isfinite(scores).all()


@pytest.mark.slow
def test_images_are_never_held_whole():
    class Large:
        """Images of 0.5 MB each that are made when they are asked for."""

        def __len__(self):
            return 120

        def __getitem__(self, i):
            return np.full((400, 400, 3), i % 2, np.uint8)

    block = {"channels": 8, "kernel": 1, "residual": False, "dropout": 0.0}
    genes = {
        "blocks": [{**block, "normalisation": "none", "pooling": "max"}],
        "head_pooling": "average",
        "training": {"batch_size": 16, "epochs": 1},
        "augmentation": {"rotate": 0, "shift": 0.0, "zoom": 0.0, "flip": False},
    }
    clf = EvolvedClassifier(
        **{**SMALL, "population_size": 1},
        initial_population=[genes],
    )
    tracemalloc.start()
    clf.fit(ImageStream(Large()), np.arange(120) % 2)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert held < 35e6  # all of them are 58 MB


def test_an_image_that_cannot_be_read_ends_fit(tmp_path):
    for name in ("ants", "bees"):
        (tmp_path / name).mkdir()
        for i in range(4):
            Image.new("RGB", (9, 9)).save(tmp_path / name / f"{i}.png")
    (tmp_path / "bees" / "broken.png").write_bytes(b"not a picture")
    pets = load_image_folder(tmp_path, image_size=8, in_memory=False)
    with pytest.raises(OSError, match=r"image 8 cannot be read: .*broken\.png"):
        EvolvedClassifier(**SMALL).fit(pets.images, pets.target)


def test_other_images_than_in_fit_are_refused(folder):
    photos = load_imagenet(folder, subset="val", image_size=16)
    clf = EvolvedClassifier(**SMALL).fit(photos.images, photos.target)
    other = load_imagenet(folder, subset="val", image_size=20)
    with pytest.raises(ValueError, match=r"samples of shape \(16, 16, 3\), as in fit"):
        clf.predict(other.images)


class Numbered(Dataset):
    """Images whose labels are a tensor, as torchvision's MNIST has them."""

    def __init__(self, targets, target_transform=None):
        self.targets = targets
        self.target_transform = target_transform

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, i):
        label = int(self.targets[i].ravel()[0])
        transform = self.target_transform or int
        return np.zeros((8, 8), np.uint8), transform(label)


def test_labels_are_transformed_as_those_of_items():
    digits = Numbered(torch.tensor([3, 1, 3]), {1: "one", 3: "three"}.get)
    assert labels_of(digits).tolist() == ["three", "one", "three"]
    nested = Subset(Subset(digits, [2, 1]), [1])
    assert labels_of(nested).tolist() == ["one"]


@pytest.mark.parametrize("transform", [None, {7: "seven", 2: "two"}.get])
def test_targets_that_hold_more_than_labels_are_not_the_labels(transform):
    held = torch.tensor([[7, 0], [2, 5]])  # as torchvision's QMNIST has
    expected = ["seven", "two"] if transform else [7, 2]
    assert labels_of(Numbered(held, transform)).tolist() == expected


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_images_that_are_not_finite_are_refused(wrong):
    images = np.zeros((6, 4, 4))
    images[3, 1, 1] = wrong
    with pytest.raises(ValueError, match=r"X must be finite; image 3 holds"):
        np.asarray(ImageStream(images))
