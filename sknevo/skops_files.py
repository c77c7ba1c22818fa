"""Files of skops: what predicts, in a form that is loaded without running its code."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sknevo.builders.pipeline import plain_tree

# What a file of skops may hold beside what skops trusts itself: classes of sknevo that
# predict, by the beginning of their names, and what the libraries of models need.
TRUSTED = (
    "sknevo.builders.",
    "sknevo.columns.",
    "sknevo.estimators._ensemble.",
    "sknevo.evaluation._held_out.",
    "sknevo.evaluation._scoring.",
    "sknevo.records.",
)
TRUSTED_TYPES = {
    "collections.OrderedDict",
    "functools.partial",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRegressor",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.model_selection._split.KFold",
    "sklearn.tree._tree.Tree",
    "sklearn.utils.validation.check_array",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRegressor",
}


def save_skops(model: Any, path: Path) -> None:
    """Write a fitted pipeline, or an ensemble of them, to a file."""
    from skops import io

    io.dump(_known_to_skops(model), path)


def _known_to_skops(model: Any) -> Any:
    """Return a copy of what predicts, with trees that skops knows."""
    model = copy.deepcopy(model)
    members = getattr(model, "members", ())
    models = [one for member in members for one, _ in member.shares] or [model]
    for forest in (getattr(one.steps[-1][1], "forest_", None) for one in models):
        for tree in getattr(forest, "estimators_", ()):
            tree.tree_ = plain_tree(tree.tree_)
    return model


def load_skops(path: Path, trusted: Sequence[str]) -> Any:
    """Load a file of skops if all its types are trusted."""
    from skops import io

    types = io.get_untrusted_types(file=path)
    strange = [
        one
        for one in types
        if not one.startswith(TRUSTED) and one not in {*TRUSTED_TYPES, *trusted}
    ]
    if strange:
        raise ValueError(
            f"{path} holds types that are not known to be safe: {', '.join(strange)}. "
            "If you trust the file, pass each with --trust."
        )
    return io.load(path, trusted=types)
