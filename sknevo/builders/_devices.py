"""Where networks compute, and in what precision."""

import multiprocessing

import torch

__all__ = ["resolve_device", "resolve_precision"]


def resolve_device(device: str) -> str:
    """Return the device to use.

    Parameters
    ----------
    device : str
        As torch names them. "auto" stands for CUDA where there is one, else the CPU;
        so does a CUDA device that is not there. Worker processes take several devices
        in turn.

    Returns
    -------
    str
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
    """Return the place of this process among its siblings, 0 if it has none."""
    number = multiprocessing.current_process().name.rpartition("-")[2]
    return int(number) if number.isdigit() else 0


def resolve_precision(precision: str, device: str) -> str:
    """Return the precision to compute in.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16"}
        "auto" stands for bfloat16 where the hardware has it.
    device : str
        Where the network is.

    Returns
    -------
    str
    """
    if precision != "auto":
        return precision
    if device.startswith("cuda"):
        has_it = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        has_it = torch.cpu._is_avx512_bf16_supported()
    return "bfloat16" if has_it else "float32"
