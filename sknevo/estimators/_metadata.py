"""Metadata of a fit: which are taken, by what, and of what length."""

from collections.abc import Collection, Mapping
from typing import Any

from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.validation import _num_samples, check_consistent_length

from sknevo.spelling import did_you_mean


def without_none(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata that are not None: one that is None was not passed."""
    return {name: value for name, value in params.items() if value is not None}


def check_names(params: Mapping[str, Any], accepted: Collection[str] | None) -> None:
    """Refuse metadata that individuals do not take; None is any."""
    if accepted is not None and (unknown := params.keys() - accepted):
        known = sorted({*accepted, "groups"})
        raise TypeError(
            f"fit got unexpected metadata {sorted(unknown)}; accepted are {known} "
            "(others with metadata routing enabled)."
            f"{did_you_mean(min(unknown), known)}"
        )


def route(
    estimator: BaseEstimator,
    params: Mapping[str, Any],
    accepted: Collection[str] | None,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return the metadata for the individuals, the splitter and the scorers.

    Without metadata routing, individuals take what is `accepted`; None is anything.
    Metadata that are neither accepted nor requested are a TypeError.
    """
    if not get_config()["enable_metadata_routing"]:
        fit_params = {n: v for n, v in params.items() if n != "groups"}
        check_names(fit_params, accepted)
        return fit_params, {n: v for n, v in params.items() if n == "groups"}, {}
    if not params:  # scikit-learn's answer to none has no end if it is iterated
        return {}, {}, {}
    routed = process_routing(estimator, "fit", **params)
    if "estimator" in routed:  # a search around an estimator of the user's
        fit_params = dict(routed.estimator.fit)
    else:
        requests = estimator._get_metadata_request().fit.requests
        asked = {name for name, wanted in requests.items() if wanted is not False}
        fit_params = {n: v for n, v in params.items() if n in asked}
    return fit_params, dict(routed.splitter.split), dict(routed.scorer.score)


def make_router(estimator: BaseEstimator, scorer: Any) -> MetadataRouter:
    """Return scikit-learn's description of which object gets which metadata."""
    to_scorer = MethodMapping().add(caller="fit", callee="score")
    return (
        MetadataRouter(owner=estimator)
        .add_self_request(estimator)
        .add(
            scorer=scorer,
            method_mapping=to_scorer.add(caller="score", callee="score"),
        )
        .add(
            splitter=estimator.cv,
            method_mapping=MethodMapping().add(caller="fit", callee="split"),
        )
    )


def check_metadata(
    X: Any, y: Any, params: Mapping[str, Any], per_sample: Collection[str]
) -> None:
    """Refuse metadata of these names that have not one value per sample."""
    check_consistent_length(X, y)
    n = _num_samples(X)
    for name in per_sample:
        try:
            found = _num_samples(params[name])
        except TypeError:
            found = repr(params[name])
        if found != n:
            raise ValueError(f"{name} must have {n} values, as X has; got {found}.")
