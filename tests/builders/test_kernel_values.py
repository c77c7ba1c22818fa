"""Matrix products say what libsvm says."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import make_classification, make_regression
from sklearn.svm import SVC, SVR

from sknevo.builders.pipeline import _kernel_values
from sknevo.builders.pipeline._kernel_values import decision_values, kernel_regression

KERNELS = ["linear", "poly", "rbf", "sigmoid"]


def table(n_classes):
    X, y = make_classification(
        200, 8, n_informative=6, n_classes=n_classes, random_state=0
    )
    # Classes of unequal sizes have unequal numbers of support vectors.
    kept = np.random.default_rng(0).random(200) < 1 - 0.15 * y
    return X[kept], y[kept]


@pytest.fixture(params=[17, 2**23], ids=["in batches", "at once"], autouse=True)
def most_values(request, monkeypatch):
    monkeypatch.setattr(_kernel_values, "MOST_VALUES", request.param)


@pytest.mark.parametrize("container", [np.asarray, csr_array])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_decision_values_are_those_of_libsvm(n_classes, kernel, container):
    X, y = table(n_classes)
    machine = SVC(kernel=kernel, gamma=0.1, coef0=0.5).fit(container(X[:100]), y[:100])
    expected = machine.decision_function(container(X))
    np.testing.assert_allclose(decision_values(machine, container(X)), expected, 1e-7)


@pytest.mark.parametrize("container", [np.asarray, csr_array])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("epsilon", [0.1, 1e9], ids=["", "no support vectors"])
def test_regression_is_that_of_libsvm(kernel, epsilon, container):
    X, y = make_regression(200, 8, noise=1, random_state=0)
    machine = SVR(kernel=kernel, gamma=0.1, epsilon=epsilon)
    machine.fit(container(X[:100]), y[:100])
    expected = machine.predict(container(X))
    found = kernel_regression(machine, container(X))
    np.testing.assert_allclose(found, expected, 1e-7)
