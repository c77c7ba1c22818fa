"""The most important columns are on top."""

import pandas as pd
import pytest
from sklearn.datasets import load_iris

from sknevo.displays import FeatureImportanceDisplay


def importances(n):
    mean = [i / n for i in range(n)]
    names = [f"c{i}" for i in range(n)]
    return pd.DataFrame({"feature": names, "mean": mean, "std": 0.1})


def test_columns_are_sorted_and_cut():
    display = FeatureImportanceDisplay(importances(20), "accuracy").plot()
    assert [bar.get_width() for bar in display.bars_] == [
        i / 20 for i in range(19, 4, -1)
    ]
    ticks = [tick.get_text() for tick in display.ax_.get_yticklabels()]
    assert ticks[:2] == ["c19", "c18"]
    label = (
        "loss of accuracy if the column is shuffled\n5 further columns, each at most"
    )
    assert display.ax_.get_xlabel().startswith(label)


def test_an_estimator_is_asked(two_scores):
    X, y = load_iris(return_X_y=True)
    display = FeatureImportanceDisplay.from_estimator(two_scores, X[::3], y[::3])
    assert len(display.bars_) == X.shape[1]
    assert display.ax_.get_xlabel().startswith("loss of accuracy if")


def test_other_estimators_are_refused():
    with pytest.raises(TypeError, match="which has feature_importance; got int"):
        FeatureImportanceDisplay.from_estimator(3, None, None)
    with pytest.raises(ValueError, match=r"lacks \['std'\]"):
        FeatureImportanceDisplay(importances(2).drop(columns="std")).plot()
