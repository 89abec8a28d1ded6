"""The three metrics, and what the engine, which knows two, makes of them."""

from typing import Literal, TypeAlias, cast, get_args

__all__ = ["METRICS", "EngineMetric", "Metric", "check_metric", "engine_metric"]

Metric: TypeAlias = Literal["dot_product", "cosine", "squared_l2"]
EngineMetric: TypeAlias = Literal["dot_product", "squared_l2"]

METRICS: tuple[str, ...] = get_args(Metric)


def check_metric(metric: str) -> Metric:
    """Return ``metric`` if it is one of ours.

    Raises
    ------
    ValueError
        If it is not.

    Examples
    --------
    >>> check_metric("euclidean")
    Traceback (most recent call last):
    ValueError: metric must be "dot_product", "cosine" or "squared_l2"; received 'euclidean'.
    """
    if not isinstance(metric, str) or metric not in METRICS:
        raise ValueError(f'metric must be "dot_product", "cosine" or "squared_l2"; received {metric!r:.80}.')
    return cast(Metric, metric)


def engine_metric(metric: Metric) -> tuple[EngineMetric, bool]:
    """Return the engine's metric, and whether rows and queries are scaled to length 1.

    Examples
    --------
    >>> engine_metric("cosine")
    ('dot_product', True)
    """
    return ("squared_l2", False) if metric == "squared_l2" else ("dot_product", metric == "cosine")
