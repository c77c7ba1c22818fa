"""A callback of boosters that ends the process of a worker."""

import os
from pathlib import Path
from typing import Any

from xgboost.callback import TrainingCallback


class DiesOnce(TrainingCallback):
    """Ends the first process that trains for six rounds while a file is there."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        if epoch == 5 and self.file.exists():
            self.file.unlink()
            os._exit(1)
        return False

    def __call__(self, env: Any) -> None:  # as LightGBM has it
        self.after_iteration(None, env.iteration, None)
