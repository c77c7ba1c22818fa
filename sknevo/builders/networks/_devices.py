"""Where and how networks compute: device, precision, memory, and torch's settings."""

import copy
import io
import multiprocessing
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.backends import cudnn


def check_device(device: str) -> None:
    """Refuse a device that torch does not have; warn if "auto" takes its place."""
    if device == "auto":
        return
    try:
        if torch.device(device).type != "cuda":
            torch.zeros(1, device=device).cpu()
    except (RuntimeError, NotImplementedError, AssertionError) as error:
        raise ValueError(
            'device must be "auto", "cpu", "cuda", "cuda:0", "mps" or another device '
            f"that torch has; got {device!r}: {str(error).splitlines()[0]}"
        ) from error
    if (found := resolve_device(device)) != device and device.startswith("cuda"):
        warnings.warn(
            f"device={device!r} is not available: {found!r} is used instead.",
            UserWarning,
            stacklevel=2,
        )


def resolve_device(device: str) -> str:
    """Return the device to use, as torch names it.

    "auto" stands for CUDA where there is one, else the CPU; so does a CUDA device that
    is not there. Worker processes take several devices in turn.
    """
    if device != "auto" and not device.startswith("cuda"):
        return device
    n_devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not n_devices:
        return "cpu"
    if device == "auto":
        return f"cuda:{_worker_number() % n_devices}"
    there = int(device.partition(":")[2] or 0) < n_devices
    return device if there else resolve_device("auto")


def _worker_number() -> int:
    """Return the number of this worker process, 0 in the main process."""
    # Workers of joblib's own backend are called "LokyProcess-3", others alike.
    number = multiprocessing.current_process().name.rpartition("-")[2]
    return int(number) if number.isdigit() else 0


def resolve_precision(precision: str, device: str) -> str:
    """Return the precision; "auto" stands for bfloat16 where the hardware has it."""
    if precision != "auto":
        return precision
    if device.startswith("cuda"):
        has_it = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        has_it = torch.cpu._is_avx512_bf16_supported()
    return "bfloat16" if has_it else "float32"


def has_double(device: str) -> bool:
    """Return whether a device computes in double precision."""
    return torch.device(device).type != "mps"


def moved(state: dict[str, Any], names: Sequence[str], device: str) -> dict[str, Any]:
    """Return a state with copies of its named modules and tensors on a device."""
    # Copies: the object itself stays where it is.
    there = {name: state[name] for name in names if state.get(name) is not None}
    copies = {name: copy.deepcopy(value).to(device) for name, value in there.items()}
    return state | copies


def copied_to(value: Any, device: str) -> Any:
    """Return a copy of any object, with all tensors inside it on a device."""
    with io.BytesIO() as buffer:
        torch.save(value, buffer)
        buffer.seek(0)
        return torch.load(buffer, map_location=device, weights_only=False)


@contextmanager
def memory_errors() -> Iterator[None]:
    """Raise MemoryError where torch has one of its own."""
    try:
        yield
    except torch.OutOfMemoryError as shortage:
        raise MemoryError(str(shortage)) from shortage


class _ReproducibleConvolutions:
    """Those of cuDNN, while any thread computes: the same seed gives the same weights.

    All threads share its settings: the first one sets them, the last one restores them.
    """

    def __init__(self) -> None:
        self._lock, self._n_inside = threading.Lock(), 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._n_inside:
                self._before = cudnn.deterministic, cudnn.benchmark
                cudnn.deterministic, cudnn.benchmark = True, False
            self._n_inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._n_inside -= 1
            if not self._n_inside:
                cudnn.deterministic, cudnn.benchmark = self._before


_reproducible_convolutions = _ReproducibleConvolutions()


@contextmanager
def own_settings() -> Iterator[None]:
    """Compute as in a new process, whatever modes and types the caller has set.

    Those are `torch.no_grad`, `torch.inference_mode`, `torch.autocast`, the default
    type and device of tensors, and how cuDNN chooses among its convolutions.
    """
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    with ExitStack() as settings:
        settings.enter_context(_reproducible_convolutions)
        settings.enter_context(torch.inference_mode(False))
        settings.enter_context(torch.enable_grad())
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                # Inside it, the cache of cast weights would outlive a training step.
                off = torch.autocast(kind, enabled=False, cache_enabled=False)
                settings.enter_context(off)
        if device.type != "cpu":
            settings.enter_context(torch.device("cpu"))
        if dtype != torch.float32:  # all threads share it
            torch.set_default_dtype(torch.float32)
            settings.callback(torch.set_default_dtype, dtype)
        yield
