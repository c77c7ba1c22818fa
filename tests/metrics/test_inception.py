"""Features of Inception v3, with weights that the user has."""

import pickle
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sknevo.metrics import GenerativeScore, InceptionFeatures


@pytest.mark.slow
def test_features_of_torchvisions_weights(tmp_path):
    from torchvision.models import inception_v3

    torch_state = torch.get_rng_state()
    network = inception_v3(weights=None, init_weights=False)
    torch.set_rng_state(torch_state)
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    features = InceptionFeatures(tmp_path / "weights.pth")
    grey = np.random.default_rng(0).integers(256, size=(2, 12, 12), dtype=np.uint8)
    found = features(grey)
    assert found.shape == (2, 2048)
    colour = np.repeat(grey[..., np.newaxis], 3, axis=3)
    assert features(colour) == pytest.approx(found)
    assert features(np.moveaxis(colour, 3, 1)) == pytest.approx(found)
    scaled = InceptionFeatures(tmp_path / "weights.pth", data_range=1.0)
    assert scaled(grey / 255) == pytest.approx(found, rel=1e-3, abs=1e-3)
    rows = InceptionFeatures(tmp_path / "weights.pth", image_shape=(12, 12))
    assert rows(grey.reshape(2, -1)) == pytest.approx(found)
    with pytest.raises(ValueError, match="image_shape must say how rows are to be"):
        features(grey.reshape(2, -1))
    assert len(pickle.dumps(features)) < 1000
    assert features.fingerprint != scaled.fingerprint
    score = GenerativeScore(features)
    assert "neg_fid" in score.measure(
        np.tile(grey, (3, 1, 1)), np.tile(grey, (3, 1, 1))
    )


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no .*nowhere\.pth"):
        InceptionFeatures(tmp_path / "nowhere.pth")(np.zeros((1, 8, 8)))


def test_other_weights_are_refused(tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="holds no weights of Inception v3"):
        InceptionFeatures(tmp_path / "other.pth")(np.zeros((1, 8, 8)))


def test_the_weights_of_the_fid_ask_for_torch_fidelity(tmp_path, monkeypatch):
    torch.save({"fc.weight": torch.zeros(1008, 1)}, tmp_path / "fid.pth")
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(ImportError, match=r'pip install "\.\[metrics\]"'):
        InceptionFeatures(tmp_path / "fid.pth")(np.zeros((1, 8, 8)))


def test_the_network_of_the_fid_gets_bytes_of_three_channels(tmp_path, monkeypatch):
    class Extractor(torch.nn.Module):
        def __init__(self, name, features_list, feature_extractor_weights_path):
            super().__init__()
            assert features_list == ["2048"]
            assert feature_extractor_weights_path == str(tmp_path / "fid.pth")

        def forward(self, images):
            assert images.dtype == torch.uint8
            return (images.flatten(1),)

    module = SimpleNamespace(FeatureExtractorInceptionV3=Extractor)
    name = "torch_fidelity.feature_extractor_inceptionv3"
    monkeypatch.setitem(sys.modules, "torch_fidelity", SimpleNamespace())
    monkeypatch.setitem(sys.modules, name, module)
    torch.save({"fc.weight": torch.zeros(1008, 1)}, tmp_path / "fid.pth")
    grey = np.array([[[0.0, 0.5], [0.999, 1.0]]])
    features = InceptionFeatures(tmp_path / "fid.pth", data_range=1.0)
    assert features(grey).tolist() == [[0, 128, 255, 255] * 3]
