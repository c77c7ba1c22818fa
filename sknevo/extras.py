"""Optional packages: which extra brings a module, and the error if it is missing."""

import sys
from importlib.util import find_spec

# The extra of setup.cfg that brings each module. What has none comes with sknevo.
EXTRAS = {
    "cmaes": "rl",
    "dask": "dask",
    "distributed": "dask",
    "gymnasium": "rl",
    "jinja2": "report",
    "matplotlib": "plots",
    "mlflow": "mlflow",
    "onnx": "export",
    "onnxruntime": "export",
    "onnxscript": "export",
    "pyarrow": "dask",
    "ray": "ray",
    "rich": "progress",
    "safetensors": "networks",
    "skimage": "images",
    "skl2onnx": "export",
    "skops": "export",
    "skorch": "networks",
    "tensorboard": "tensorboard",
    "timm": "pretrained",
    "torch": "networks",
    "torch_fidelity": "metrics",
    "torchvision": "networks",
    "wordllama": "text",
}


def require(what: str, *modules: str) -> None:
    """Raise an ImportError with the command to run if modules are not installed.

    Parameters
    ----------
    what : str
        What needs them, the subject of the message.
    *modules : str
        Names of modules of `EXTRAS`.

    Raises
    ------
    ImportError
        If one of them is missing. Nothing is imported otherwise.

    Examples
    --------
    >>> require("An example")
    """
    missing = [name for name in modules if not is_installed(name)]
    if missing:
        extras = ",".join(sorted({EXTRAS[name] for name in missing}))
        raise ImportError(
            f"{what} needs {', '.join(missing)}. In the folder of sknevo's source "
            f'code, run: pip install ".[{extras}]"',
            name=missing[0],
        )


def is_installed(module: str) -> bool:
    """Return whether a module can be found, without importing it."""
    if module in sys.modules:
        return sys.modules[module] is not None
    try:
        # A folder of this name in the working directory has no origin.
        return getattr(find_spec(module), "origin", None) is not None
    except ImportError:
        return False
