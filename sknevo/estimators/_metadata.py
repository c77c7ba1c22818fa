"""Metadata routing: what goes to the individuals, the splitter and the scorers."""

from collections.abc import Mapping
from typing import Any

from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)


def route(
    estimator: BaseEstimator, params: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return the metadata for the individuals, the splitter and the scorers.

    Metadata that none of them requests are a TypeError.
    """
    fit_params = {n: v for n, v in params.items() if n == "sample_weight"}
    if get_config()["enable_metadata_routing"]:
        requests = estimator._get_metadata_request().fit.requests
        if requests.get("sample_weight") is False:
            fit_params = {}
        routed = process_routing(estimator, "fit", **params)
        return fit_params, dict(routed.splitter.split), dict(routed.scorer.score)
    if unknown := params.keys() - {"sample_weight", "groups"}:
        raise TypeError(
            f"fit got unexpected metadata {sorted(unknown)}; accepted are "
            "sample_weight and groups (others with metadata routing enabled)."
        )
    return fit_params, {n: v for n, v in params.items() if n == "groups"}, {}


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
