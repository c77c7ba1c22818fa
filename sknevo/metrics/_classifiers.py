"""What classifiers see: who tells samples from real ones, and what samples teach.

Both measures are means over two halves: a model is trained on one half and tested on
the other, then the other way round. Nothing is random.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
from sklearn.metrics import r2_score, roc_auc_score

if TYPE_CHECKING:
    from lightgbm import Booster

# Classifiers get at most so many real and as many generated samples, and at most so
# many bins of a column. Of 4,000 samples of 12 modes in 20 dimensions, made a tenth too
# wide, the excess of the ROC AUC over 0.5 is 4 times its standard deviation; of 1,000
# once, and four such comparisons take twice as long. 255 bins see no more than 63 (two
# rings in 3-D, 10 modes in 2-D, 12 in 20-D). It takes 0.2 s with 20 columns and 0.4 s
# with 64, on one core.
MOST_ROWS, MOST_BINS = 4000, 63
# The fewest samples in a leaf, and trees: of labels, all together at most the second
# number, in no fewer rounds than the third.
LEAF, TREES, LEAST_ROUNDS = 10, 60, 5
# What a model of real samples must know of the targets (`Utility`): less is hard to
# tell from chance. Three standard errors of a ROC AUC of 2 x 500 samples are 0.05, so
# twice as much of its excess over 0.5. Chosen, not measured.
LEAST_UTILITY = 0.1
# Real samples are halved so often, to know what they get (chosen, not measured).
HALVINGS = 2


class Detection(NamedTuple):
    """How well a classifier tells generated samples from real ones, and by what.

    `gains` are shares of the columns in what splits of its trees gain, of shape
    (n_features,); all are 0 if there is no split.
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
    real : ndarray of shape (n_real, n_features)
        Real samples, in random order.
    expected : float
        Its value between two parts of the real samples.

    References
    ----------
    .. [1] Lopez-Paz, D., & Oquab, M. (2017). Revisiting Classifier Two-Sample Tests.
       ICLR.
    """

    name: ClassVar[str] = "indistinguishability"
    real: np.ndarray
    expected: float = 1.0

    @classmethod
    def of(cls, real: np.ndarray) -> Self:
        bare = cls(real[:MOST_ROWS])
        values = [cls(one)(other) for one, other in bare._halvings()]
        return replace(bare, expected=float(np.mean(values)))

    def _halvings(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        rng = np.random.default_rng(0)
        for _ in range(HALVINGS):
            rows = self.real[rng.permutation(len(self.real))]
            yield rows[::2], rows[1::2]

    def __call__(self, generated: np.ndarray) -> float:
        return min(1.0, 2 * (1 - self.detect(generated).auc))

    def detect(self, generated: np.ndarray) -> Detection:
        """Compare the real samples with as many generated ones, of the same width."""
        generated = generated[: len(self.real)]
        rows = np.concatenate([self.real, generated])
        is_real = np.repeat([1.0, 0.0], [len(self.real), len(generated)])
        half = np.concatenate(
            [np.arange(len(part)) % 2 for part in (self.real, generated)]
        )
        areas, gains = [], np.zeros(rows.shape[1])
        for test in (0, 1):
            known, asked = half != test, half == test
            model = _trained(rows[known], is_real[known], {"objective": "binary"}, 2)
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
    no better than a guess.

    Parameters
    ----------
    real : ndarray of shape (n_real, n_features + n_targets)
        Real samples, in random order. The last columns hold the target: a column for
        each label, which is greatest for the own one, or a column of values.
    n_targets : int
        Number of columns of the target.

    References
    ----------
    .. [1] Esteban, C., Hyland, S. L., & Rätsch, G. (2017). Real-valued (Medical) Time
       Series Generation with Recurrent Conditional GANs. arXiv:1706.02633.
    """

    name: ClassVar[str] = "utility"
    real: np.ndarray
    n_targets: int

    @classmethod
    def of(cls, real: np.ndarray, n_targets: int) -> Self:
        return cls(real[:MOST_ROWS], n_targets)

    @cached_property
    def expected(self) -> float:
        """The value of models that learn from real samples; 0 if it hardly is one."""
        value = self._tested(self.real[1::2], self.real[::2])
        return value if value >= LEAST_UTILITY else 0.0

    def __call__(self, generated: np.ndarray) -> float:
        generated = generated[: len(self.real)]
        return self._tested(generated[1::2], generated[::2])

    def _tested(self, *training: np.ndarray) -> float:
        """Return the mean score of models on both halves of the real samples."""
        scores = [
            self._score(known, self.real[i::2]) for i, known in enumerate(training)
        ]
        return max(0.0, float(np.mean(scores)))

    def _score(self, known: np.ndarray, asked: np.ndarray) -> float:
        (X, y), (X_asked, y_asked) = map(self._parted, (known, asked))
        n = self.n_targets
        kind = {1: {"objective": "regression"}, 2: {"objective": "binary"}}
        settings = kind.get(n, {"objective": "multiclass", "num_class": n})
        model = _trained(X, y, settings, n)
        if model is None:
            return 0.0
        predicted = np.asarray(model.predict(X_asked))
        if n == 1:
            return float(r2_score(y_asked, predicted))
        if n == 2:
            predicted = np.column_stack([1 - predicted, predicted])
        present = [k for k in range(n) if 0 < (y_asked == k).sum() < len(y_asked)]
        areas = [roc_auc_score(y_asked == k, predicted[:, k]) for k in present]
        return 2 * float(np.mean(areas)) - 1 if areas else 0.0

    def _parted(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the features, and labels by number or values."""
        X, targets = np.split(rows, [-self.n_targets], axis=1)
        return X, targets[:, 0] if self.n_targets == 1 else targets.argmax(axis=1)


def _trained(
    X: np.ndarray, y: np.ndarray, settings: dict[str, Any], n_classes: int
) -> "Booster | None":
    """Return boosted trees on one core; None if there are too few samples to split."""
    if len(X) < 2 * LEAF:
        return None
    # Imported here, since who generates samples may never measure them.
    import lightgbm

    rounds = max(LEAST_ROUNDS, TREES // max(2, n_classes))
    settings = {
        **settings,
        "learning_rate": min(0.3, 3 / rounds),
        "min_data_in_leaf": LEAF,
        "max_bin": MOST_BINS,
        "num_threads": 1,
        "deterministic": True,
        "force_col_wise": True,
        "verbose": -1,
    }
    return lightgbm.train(settings, lightgbm.Dataset(X, y), rounds)
