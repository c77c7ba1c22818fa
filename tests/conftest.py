"""Settings that all tests share."""

import os

from hypothesis import settings

# Tests never open a window, in child processes neither.
os.environ.setdefault("MPLBACKEND", "Agg")

# The same examples on every run, however slow the machine.
settings.register_profile("sknevo", derandomize=True, deadline=None)
settings.load_profile("sknevo")
