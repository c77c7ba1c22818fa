"""The constructor parameters that evolved estimators share, each declared once."""

from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, field, fields
from numbers import Integral, Real
from os import PathLike
from typing import Any, dataclass_transform

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions

from sknevo.evolution import STRATEGIES, Strategy

COUNT = Interval(Integral, 1, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")


def parameter(
    *constraints: Any,
    default: Any = MISSING,
    kw_only: bool = True,
    in_journal: bool = True,
) -> Any:
    """Declare a constructor parameter with scikit-learn's constraints of its value.

    Parameters
    ----------
    in_journal : bool, default=True
        Whether evaluations depend on it: a journal then belongs to one value of it.
    """
    metadata = {"constraints": [*constraints], "in_journal": in_journal}
    return field(default=default, kw_only=kw_only, metadata=metadata)


@dataclass_transform(
    eq_default=False, kw_only_default=True, field_specifiers=(parameter,)
)
def with_parameters(cls: type) -> type:
    """Give a class the constructor and the constraints that its parameters declare."""
    cls = dataclass(eq=False, repr=False, kw_only=True)(cls)
    cls._parameter_constraints = {
        one.name: one.metadata["constraints"] for one in fields(cls)
    }
    return cls


def journal_parameters(estimator: BaseEstimator) -> dict[str, Any]:
    """Return the values of the parameters that evaluations depend on, by name."""
    free = {one.name for one in fields(estimator) if not one.metadata["in_journal"]}
    values = estimator.get_params(deep=False)
    return {name: values[name] for name in sorted(values.keys() - free)}


@with_parameters
class SearchParameters(BaseEstimator):
    """The parameters of every search, described in `_docs`."""

    strategy: str | Strategy = parameter(
        StrOptions(set(STRATEGIES)),
        Strategy,
        default="estimation_of_distribution",
        in_journal=False,
    )
    population_size: int = parameter(COUNT, default=12, in_journal=False)
    generations: int | None = parameter(COUNT, None, default=5, in_journal=False)
    scoring: Any = parameter(str, callable, list, tuple, dict, set, None, default=None)
    # The journal holds what `refit` comes to: the metric or the weights.
    refit: bool | str | Callable | dict[str, float] = parameter(
        "boolean", str, callable, dict, default=True, in_journal=False
    )
    target_score: float | None = parameter(
        Interval(Real, None, None, closed="neither"),
        None,
        default=None,
        in_journal=False,
    )
    n_iter_no_change: int | None = parameter(
        COUNT, None, default=None, in_journal=False
    )
    tol: float = parameter(
        Interval(Real, 0, None, closed="left"), default=1e-4, in_journal=False
    )
    max_time: float | None = parameter(POSITIVE, None, default=None, in_journal=False)
    max_eval_time: float | None = parameter(POSITIVE, None, default=None)
    memory_limit: float | None = parameter(POSITIVE, None, default=None)
    max_predict_time: float | None = parameter(POSITIVE, None, default=None)
    # The journal holds the splits themselves.
    cv: Any = parameter("cv_object", default=None, in_journal=False)
    resource: str | None = parameter(str, None, default=None)
    factor: float = parameter(
        Interval(Real, 1, None, closed="neither"), default=3, in_journal=False
    )
    min_resources: int | str = parameter(
        COUNT,
        StrOptions({"exhaust", "smallest"}),
        default="exhaust",
        in_journal=False,
    )
    max_resources: int | str = parameter(
        COUNT, StrOptions({"auto"}), default="auto", in_journal=False
    )
    initial_population: Sequence | None = parameter(
        "array-like", None, default=None, in_journal=False
    )
    journal: str | PathLike | None = parameter(
        str, PathLike, None, default=None, in_journal=False
    )
    error_score: float | str = parameter(
        StrOptions({"raise"}), Real, default=np.nan, in_journal=False
    )
    n_jobs: int | None = parameter(Integral, None, default=None, in_journal=False)
    # The journal holds the seed that it comes to.
    random_state: int | np.random.RandomState | None = parameter(
        "random_state", default=None, in_journal=False
    )
    verbose: int = parameter("verbose", default=0, in_journal=False)


@with_parameters
class NetworkParameters:
    """The parameters of every search among networks."""

    image_shape: Sequence[int] | None = parameter(tuple, list, None, default=None)
    max_epochs: int | None = parameter(COUNT, None, default=None)
    device: str = parameter(str, default="auto")
    precision: str = parameter(
        StrOptions({"auto", "float32", "bfloat16"}), default="auto"
    )
