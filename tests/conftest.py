"""Settings that all tests share."""

import os
import re

import pytest
from hypothesis import HealthCheck, settings

# Tests never open a window, in child processes neither.
os.environ.setdefault("MPLBACKEND", "Agg")
# Tests run side by side (pytest-xdist): threads that spin while they wait for others
# on busy cores are many times as slow as one. Set before anything loads OpenMP.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# The same examples on every run, however slow the machine.
settings.register_profile(
    "sknevo",
    derandomize=True,
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("sknevo")

# Contract kits explain what failed as test files do.
pytest.register_assert_rewrite("strategy_contract")


def pytest_make_parametrize_id(val):
    """Name cases by what they hold, alike in every process: no addresses, no sets.

    Processes that share the tests (pytest-xdist) compare the names.
    """
    if hasattr(val, "__name__") or isinstance(val, set):
        return None  # as pytest names functions, classes, and what has no name
    return re.sub(r"\s+", " ", re.sub(" at 0x[0-9a-f]+", "", str(val)))[:60]


@pytest.fixture(scope="session")
def random_resnet(tmp_path_factory):
    """Return a file of random weights of a small network, `test_resnet` of timm."""
    torch = pytest.importorskip("torch")
    timm = pytest.importorskip("timm")
    file = tmp_path_factory.mktemp("weights") / "resnet.pth"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(timm.create_model("test_resnet").state_dict(), file)
    return str(file)
