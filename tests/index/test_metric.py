from typing import Any

import pytest

from leafscan.index.metric import METRICS, check_metric, engine_metric


@pytest.mark.parametrize("metric", METRICS)
def test_known_metrics(metric: str) -> None:
    assert check_metric(metric) == metric


@pytest.mark.parametrize("metric", ["l2", "", "Cosine", None, 3, ["cosine"]])
def test_unknown_metrics_get_the_choice(metric: Any) -> None:
    with pytest.raises(ValueError, match='"dot_product", "cosine" or "squared_l2"; received'):
        check_metric(metric)


def test_the_engine_knows_two() -> None:
    assert engine_metric("dot_product") == ("dot_product", False)
    assert engine_metric("cosine") == ("dot_product", True)
    assert engine_metric("squared_l2") == ("squared_l2", False)
