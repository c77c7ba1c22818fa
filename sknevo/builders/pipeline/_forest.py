"""Random forests and extremely randomised trees, bounded in size."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree._tree import NODE_DTYPE, Tree
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import check_is_fitted

from sknevo.builders._most_probable import MostProbableMixin
from sknevo.builders._targets import StandardizedRegressor
from sknevo.builders.pipeline._votes import smoothed
from sknevo.deadline import check_deadline, is_training_over

# More trees are always better, but never by much. Chosen, not measured.
TREES = 100
# Leaves of all trees together, and values in these leaves: a forest of two classes
# pickles to 4 MB at most. Chosen, not measured.
MOST_LEAVES, MOST_VALUES = 100_000, 800_000
# Trees between two looks at the deadline. Chosen, not measured.
CHUNK = 10

# What predictions need of a node. No tree has 32,768 of them, and features are in
# single precision.
_NODE = np.dtype(
    [
        ("left_child", np.int16),
        ("right_child", np.int16),
        ("feature", np.int32),
        ("missing_go_to_left", np.uint8),
        ("threshold", np.float32),
    ]
)

_FORESTS = {
    ("extra_trees", True): ExtraTreesClassifier,
    ("extra_trees", False): ExtraTreesRegressor,
    ("random_forest", True): RandomForestClassifier,
    ("random_forest", False): RandomForestRegressor,
}


def forest_seconds(
    kind: str, genes: dict[str, Any], n_rows: int, width: float, n_outputs: int
) -> float:
    """Return roughly how long a fit takes on one core.

    The factors were fitted to seconds on tables of 300 to 30,000 rows.
    """
    depth = np.log2(max(2.0, n_rows / genes["min_samples_leaf"]))
    tried = max(1.0, genes["max_features"] * width)
    # A split of extremely randomised trees needs no sorting.
    each = 6e-9 if kind == "extra_trees" else 6e-8
    distinct = 0.63 if genes["bootstrap"] else 1.0
    rows = distinct * n_rows * depth * (1 + n_outputs / 20)
    return 0.02 + TREES * (1e-3 + rows * (3e-8 + each * tried))


class SmallTree(Tree):
    """A fitted tree that pickles no more than predictions need."""

    @classmethod
    def of(cls, tree: Tree) -> Self:
        """Return a fitted tree in this form, with values in single precision."""
        _, shape, state = tree.__reduce__()
        values = state["values"].astype(np.float32).astype(float)
        return cls._with_state(shape, {**state, "values": values})

    @classmethod
    def _with_state(cls, shape: tuple, state: dict[str, Any]) -> Self:
        made = cls(*shape)
        made.__setstate__(state)
        return made

    def __reduce__(self) -> tuple:
        _, shape, state = super().__reduce__()
        nodes = state["nodes"]
        small = np.empty(len(nodes), _NODE)
        small[:] = nodes[[*_NODE.names]]
        # Rounded down, they part numbers of single precision as before.
        high = small["threshold"] > nodes["threshold"]
        small["threshold"][high] = np.nextafter(
            small["threshold"][high], np.float32(-np.inf)
        )
        values = state["values"][nodes["left_child"] < 0].astype(np.float32)
        return SmallTree._unpickled, (shape, state["max_depth"], small, values)

    @classmethod
    def _unpickled(
        cls, shape: tuple, max_depth: int, small: np.ndarray, leaves: np.ndarray
    ) -> Self:
        """Return a tree of nodes, and of the values of its leaves."""
        nodes = np.zeros(len(small), np.dtype(NODE_DTYPE))
        nodes[[*_NODE.names]] = small
        values = np.zeros((len(small), *leaves.shape[1:]))
        values[small["left_child"] < 0] = leaves
        state = {"max_depth": max_depth, "node_count": len(small)}
        return cls._with_state(shape, {**state, "nodes": nodes, "values": values})


def plain_tree(tree: SmallTree) -> Tree:
    """Return a tree as scikit-learn's own, which files of skops can hold."""
    _, shape, state = Tree.__reduce__(tree)
    plain = Tree(*shape)
    plain.__setstate__(state)
    return plain


@dataclass(eq=False, repr=False)
class _Forest(BaseEstimator):
    """What classifier and regressor share: growth in chunks, bounded in size.

    Parameters
    ----------
    kind : {"extra_trees", "random_forest"}, default="extra_trees"
        The trees.
    max_features : float, default=1.0
        Share of the features that each split looks at.
    min_samples_leaf : int, default=1
        Fewest rows in a leaf.
    bootstrap : bool, default=False
        Whether each tree has a sample of the rows, drawn with replacement.
    n_trees : int, default=100
        Trees at most. `rounds_` are those that it has.
    random_state : int or None, default=None
        Seed.
    """

    kind: str = "extra_trees"
    max_features: float = 1.0
    min_samples_leaf: int = 1
    bootstrap: bool = False
    n_trees: int = TREES
    random_state: int | None = None

    def _grow(
        self, X: np.ndarray, y: np.ndarray, weights: np.ndarray | None, **options: Any
    ) -> Self:
        """Fit the forest tree by tree, with y in any form that scikit-learn takes."""
        classifies = isinstance(self, ClassifierMixin)
        n_values = len(np.unique(y)) if classifies else 1
        leaves = min(MOST_LEAVES, MOST_VALUES // n_values) // TREES
        bounded = leaves * self.min_samples_leaf < X.shape[0]
        self.n_features_in_ = X.shape[1]
        self.forest_ = _FORESTS[self.kind, classifies](
            max_features=self.max_features,
            min_samples_leaf=self.min_samples_leaf,
            bootstrap=self.bootstrap,
            # Without need for a bound, growing depth-first is faster.
            max_leaf_nodes=max(2, leaves) if bounded else None,
            warm_start=True,
            n_jobs=1,
            random_state=self.random_state,
            **options,
        )
        for n_trees in range(CHUNK, self.n_trees + CHUNK, CHUNK):
            check_deadline()
            self.rounds_ = min(n_trees, self.n_trees)
            self.forest_.set_params(n_estimators=self.rounds_)
            self.forest_.fit(X, y, sample_weight=weights)
            if is_training_over(self.rounds_):
                break
        for tree in self.forest_.estimators_:
            tree.tree_ = SmallTree.of(tree.tree_)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


@dataclass(eq=False, repr=False)
class ForestClassifier(MostProbableMixin, _Forest):
    """A forest of classification trees.

    No probability is zero: the votes of the trees count as in the rule of succession.
    """

    criterion: str = "gini"
    class_weight: str | None = None

    def fit(self, X: np.ndarray, y: Any, sample_weight: Any = None) -> Self:
        """Fit the trees to an array with NaN for gaps, and labels of any type."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        weights = None if sample_weight is None else np.asarray(sample_weight, float)
        if self.class_weight is not None:
            balance = compute_sample_weight(self.class_weight, codes)
            weights = balance if weights is None else weights * balance
        return self._grow(X, codes, weights, criterion=self.criterion)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of each class."""
        check_is_fitted(self)
        return smoothed(self.forest_.predict_proba(X), self.rounds_)


class ForestRegressor(StandardizedRegressor, _Forest):
    """A forest of regression trees for standardised targets."""

    def fit(self, X: np.ndarray, y: Any, sample_weight: Any = None) -> Self:
        """Fit the trees to an array with NaN for gaps."""
        return self._grow(X, *self._learn_targets(y, sample_weight))

    def _predict_standardized(self, X: np.ndarray) -> np.ndarray:
        check_is_fitted(self)
        return self.forest_.predict(X)
