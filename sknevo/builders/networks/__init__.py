"""Networks: modules, data, training, and how they are saved.

torch is imported by the modules of this package, not by the package itself.
"""

from os import PathLike
from typing import TYPE_CHECKING

from sknevo.extras import require

if TYPE_CHECKING:
    from sknevo.builders.networks._net import Net

__all__ = ["load_network"]


def load_network(path: str | PathLike, device: str = "auto") -> "Net":
    """Read a network that `save_network` of an evolved estimator has written.

    Nothing in the file is executed.

    Parameters
    ----------
    path : path-like
        The file.
    device : str, default="auto"
        Device that predicts, as torch names it.

    Returns
    -------
    NeuralNet
        Fitted.

    Raises
    ------
    ImportError
        If torch or skorch is not installed: ``pip install ".[networks]"``.
    OSError
        If there is no such file.
    ValueError
        If the file is not a network of `save_network`, is damaged, or has another
        version; or if torch does not have the device.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.datasets import load_iris
    >>> from sknevo import EvolvedClassifier, load_network
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = EvolvedClassifier(population_size=1, generations=1, max_epochs=1, cv=2,
    ...                         random_state=0).fit(X, y)
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "iris.safetensors"
    ...     clf.save_network(path)
    ...     net = load_network(path)
    >>> bool((net.predict(X) == clf.best_estimator_.predict(X)).all())
    True
    """
    require("load_network", "safetensors", "skorch", "torch")
    from sknevo.builders.networks._serialization import read_network

    return read_network(path, device)
