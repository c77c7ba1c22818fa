"""Settings that all tests share."""

import os

import pytest
from hypothesis import settings

# Tests never open a window, in child processes neither.
os.environ.setdefault("MPLBACKEND", "Agg")

# The same examples on every run, however slow the machine.
settings.register_profile("sknevo", derandomize=True, deadline=None)
settings.load_profile("sknevo")

# Contract kits explain what failed as test files do.
pytest.register_assert_rewrite("strategy_contract")
