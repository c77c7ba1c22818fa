"""What classifiers see: what tells samples from real ones, and what samples teach.

Both measures are means over two halves: a model is trained on one half and tested on
the other, then the other way round. The same samples give the same values.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

import numpy as np
from sklearn.metrics import r2_score, roc_auc_score

if TYPE_CHECKING:
    from lightgbm import Booster

# Classifiers get at most so many real and so many generated samples, and at most so
# many bins of a column. Of 4,000 samples of 12 modes in 20 dimensions, made a tenth too
# wide, the excess of the ROC AUC over 0.5 is 4 times its standard deviation; of 1,000
# once, and four such comparisons take twice as long. 255 bins see no more than 63 (two
# rings in 3-D, 10 modes in 2-D, 12 in 20-D). It takes 0.2 s with 20 columns and 0.4 s
# with 64, on one core.
MOST_ROWS, MOST_BINS = 4000, 63
# A tree looks at so many columns at most: of more, at a random part. Chosen, not
# measured.
MOST_COLUMNS = 64
# In a table without y, models learn so many columns, the last ones, since targets often
# are last; and none of more labels than the second number. Chosen, not measured.
MOST_TARGETS, MOST_LABELS = 4, 20
# The fewest samples in a leaf, and trees: of labels, all together at most the second
# number, in no fewer rounds than the third.
LEAF, TREES, LEAST_ROUNDS = 10, 60, 5
# What a model of real samples must know of a target (`Utility`), or so many standard
# errors of what chance knows: 2 AUC - 1 of n samples, in two halves, has an error of
# 2 / sqrt(3 n). Chosen, not measured.
LEAST_UTILITY, LEAST_ERRORS = 0.1, 3
# Real samples are halved so often, to know what they get (chosen, not measured).
HALVINGS = 2


@dataclass(frozen=True, eq=False)
class Columns:
    """What the columns of samples are, for classifiers.

    Parameters
    ----------
    are_labels : ndarray of bool of shape (n_columns,)
        Whether a column holds labels as places, which have no order; NaN for gaps.
    targets : tuple of tuple of int, default=()
        What models learn from all other columns. A target of several columns is a label
        by indicators: the greatest is its own. One column holds labels or values.
    """

    are_labels: np.ndarray
    targets: tuple[tuple[int, ...], ...] = ()

    @classmethod
    def of(cls, width: int, n_targets: int, n_labels: Sequence[int] = ()) -> Self:
        """Tell what `width` columns are, the last `n_targets` of them one target.

        `n_labels` has the number of labels of the columns of a table, 0 for numbers. If
        it is empty, columns are numbers of which none is to be learned by itself.
        """
        counts = np.zeros(width, int)
        counts[: len(n_labels)] = n_labels
        learned = [i for i, n in enumerate(n_labels) if n == 0 or 1 < n <= MOST_LABELS]
        targets = tuple((i,) for i in learned[-MOST_TARGETS:])
        if n_targets:
            targets = (tuple(range(width - n_targets, width)),)
        return cls(counts > 0, targets)


class Detection(NamedTuple):
    """How well a classifier tells generated samples from real ones, and by what.

    `gains` are shares of the columns in what splits of its trees gain, of shape
    (n_columns,); all are 0 if there is no split.
    """

    auc: float
    gains: np.ndarray


@dataclass(frozen=True, eq=False)
class Detector:
    """Tells generated samples from real ones (a classifier two-sample test [1]_).

    Its value is 1 less the excess of the ROC AUC over 0.5, relative to the most: 1 if
    nothing tells them apart, 0 if everything does.

    Parameters
    ----------
    real : ndarray of shape (n_real, n_columns)
        Real samples, in random order.
    are_labels : ndarray of bool of shape (n_columns,)
        See `Columns`.
    expected : float
        Its value between two parts of the real samples.

    References
    ----------
    .. [1] Lopez-Paz, D., & Oquab, M. (2017). Revisiting Classifier Two-Sample Tests.
       ICLR.
    """

    name: ClassVar[str] = "indistinguishability"
    takes_columns: ClassVar[bool] = True
    real: np.ndarray
    are_labels: np.ndarray
    expected: float = 1.0

    @classmethod
    def of(cls, real: np.ndarray, columns: Columns) -> Self:
        bare = cls(real[:MOST_ROWS], columns.are_labels)
        values = [replace(bare, real=one)(other) for one, other in bare._halvings()]
        return replace(bare, expected=float(np.mean(values)))

    def _halvings(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        rng = np.random.default_rng(0)
        for _ in range(HALVINGS):
            rows = self.real[rng.permutation(len(self.real))]
            yield rows[::2], rows[1::2]

    def __call__(self, generated: np.ndarray) -> float:
        return min(1.0, 2 * (1 - self.detect(generated).auc))

    def detect(self, generated: np.ndarray) -> Detection:
        """Compare the real samples with generated ones, of the same width."""
        generated = _some(generated, MOST_ROWS)
        rows = np.concatenate([self.real, generated])
        is_real = np.repeat([1.0, 0.0], [len(self.real), len(generated)])
        half = np.concatenate(
            [np.arange(len(part)) % 2 for part in (self.real, generated)]
        )
        areas, gains = [], np.zeros(rows.shape[1])
        for test in (0, 1):
            known, asked = half != test, half == test
            model = _trained(rows[known], is_real[known], self.are_labels, 2)
            if model is None:
                areas.append(0.5)
                continue
            areas.append(roc_auc_score(is_real[asked], model.predict(rows[asked])))
            gains += model.feature_importance("gain")
        total = gains.sum()
        return Detection(float(np.mean(areas)), gains / total if total else gains)


@dataclass(frozen=True, eq=False)
class Utility:
    """What models learn of the targets of real samples, from generated ones.

    Its value is the score of a model that is trained on generated and tested on real
    samples [1]_: 2 AUC - 1 of labels, one against the rest, or R2 of values; 0 if it is
    no better than a guess. Of several targets it is the mean.

    Parameters
    ----------
    real : ndarray of shape (n_real, n_columns)
        Real samples, in random order.
    columns : Columns
        What the columns are. Its targets are those that models of real samples know.
    expected : float
        The value of models that learn from real samples; 0 without targets.

    References
    ----------
    .. [1] Esteban, C., Hyland, S. L., & Rätsch, G. (2017). Real-valued (Medical) Time
       Series Generation with Recurrent Conditional GANs. arXiv:1706.02633.
    """

    name: ClassVar[str] = "utility"
    takes_columns: ClassVar[bool] = True
    real: np.ndarray
    columns: Columns
    expected: float = 0.0

    @classmethod
    def of(cls, real: np.ndarray, columns: Columns) -> Self:
        bare = cls(real[:MOST_ROWS], columns)
        values = bare._tested(bare.real[1::2], bare.real[::2])
        chance = 2 / math.sqrt(3 * len(bare.real))
        is_known = values >= max(LEAST_UTILITY, LEAST_ERRORS * chance)
        known = replace(columns, targets=tuple(compress(columns.targets, is_known)))
        return cls(bare.real, known, _mean(values[is_known]))

    def __call__(self, generated: np.ndarray) -> float:
        generated = _some(generated, len(self.real))
        return _mean(self._tested(generated[1::2], generated[::2]))

    def _tested(self, *training: np.ndarray) -> np.ndarray:
        """Return for each target the score of models on the halves of real samples."""
        scores = [
            [
                self._score(known, self.real[i::2], target)
                for target in self.columns.targets
            ]
            for i, known in enumerate(training)
        ]
        return np.maximum(np.mean(scores, axis=0), 0.0)

    def _score(
        self, known: np.ndarray, asked: np.ndarray, target: tuple[int, ...]
    ) -> float:
        """Return the score of a target, on real samples that a model has not seen."""
        others = np.setdiff1d(np.arange(self.real.shape[1]), target)
        are_labels = self.columns.are_labels[others]
        X, X_asked = known[:, others], asked[:, others]
        if len(target) == 1 and not self.columns.are_labels[target[0]]:
            y, y_asked = (rows[:, target[0]] for rows in (known, asked))
            told, has_answer = np.isfinite(y), np.isfinite(y_asked)
            model = _trained(X[told], y[told], are_labels, 1)
            answers = y_asked[has_answer]
            if model is None or len(answers) < LEAF or np.ptp(answers) == 0:
                return 0.0
            return r2_score(answers, model.predict(X_asked[has_answer]))
        labels = np.unique(self._labels(self.real, target))
        y, y_asked = (self._labels(rows, target) for rows in (known, asked))
        is_known = np.isin(y, labels)
        X, y = X[is_known], np.searchsorted(labels, y[is_known])
        model = _trained(X, y, are_labels, len(labels)) if len(labels) > 1 else None
        if model is None:
            return 0.0
        predicted = np.asarray(model.predict(X_asked))
        if len(labels) == 2:
            predicted = np.column_stack([1 - predicted, predicted])
        is_label = y_asked[:, np.newaxis] == labels
        present = is_label.any(axis=0) & ~is_label.all(axis=0)
        if not present.any():
            return 0.0
        return 2 * roc_auc_score(is_label[:, present], predicted[:, present]) - 1

    def _labels(self, rows: np.ndarray, target: tuple[int, ...]) -> np.ndarray:
        """Return the label of each row as a number; gaps have one, too."""
        if len(target) > 1:
            return rows[:, list(target)].argmax(axis=1)
        return np.nan_to_num(rows[:, target[0]], nan=-1.0)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0


def _some(rows: np.ndarray, most: int) -> np.ndarray:
    """Return rows in a random order, always the same, and of many a part."""
    return rows[np.random.default_rng(0).permutation(len(rows))[:most]]


def _trained(
    X: np.ndarray, y: np.ndarray, are_labels: np.ndarray, n_classes: int
) -> "Booster | None":
    """Return boosted trees on one core; None if there are too few samples to split.

    A single class stands for values.
    """
    if len(X) < 2 * LEAF:
        return None
    # Imported here, since many searches measure no generated samples.
    import lightgbm

    objectives = {1: {"objective": "regression"}, 2: {"objective": "binary"}}
    many = {"objective": "multiclass", "num_class": n_classes}
    rounds = max(LEAST_ROUNDS, TREES // max(2, n_classes))
    settings = {
        **objectives.get(n_classes, many),
        "learning_rate": min(0.3, 3 / rounds),
        "min_data_in_leaf": LEAF,
        "max_bin": MOST_BINS,
        "feature_fraction": min(1.0, MOST_COLUMNS / X.shape[1]),
        "num_threads": 1,
        "deterministic": True,
        "force_col_wise": True,
        "verbose": -1,
    }
    labels = np.flatnonzero(are_labels).tolist()
    samples = lightgbm.Dataset(X, y, categorical_feature=labels)
    return lightgbm.train(settings, samples, rounds)
