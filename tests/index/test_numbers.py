from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from leafscan.index.numbers import real_number, whole_number


@pytest.mark.parametrize("value", [5, np.int8(5), np.uint64(5), np.array(5)])
def test_whole_number_takes_any_integer(value: Any) -> None:
    number = whole_number(value, "k", low=1, high=5)
    assert (number, type(number)) == (5, int)


@pytest.mark.parametrize("value", [5.0, "5", None, True, np.True_, np.float32(5), [5]])
def test_whole_number_refuses_other_kinds(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^k must be a whole number, at least 1; received .*\."):
        whole_number(value, "k", low=1)


@pytest.mark.parametrize(("value", "high"), [(0, None), (-1, 9), (10, 9)])
def test_whole_number_refuses_what_is_out_of_range(value: int, high: int | None) -> None:
    wanted = "at least 1" if high is None else "between 1 and 9"
    with pytest.raises(ValueError, match=f"^k must be {wanted}; received {value}\\.$"):
        whole_number(value, "k", low=1, high=high)


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), Decimal("0.5")])
def test_real_number_takes_any_number(value: Any) -> None:
    number = real_number(value, "t", low=0)
    assert (number, type(number)) == (0.5, float)


@pytest.mark.parametrize("value", ["0.5", None, True, b"1", 1j])
def test_real_number_refuses_other_kinds(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^t must be a number, at least 0; received"):
        real_number(value, "t", low=0)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), np.float32("-inf")])
def test_real_number_refuses_what_is_out_of_range(value: float) -> None:
    with pytest.raises(ValueError, match=r"^t must be finite and at least 0; received"):
        real_number(value, "t", low=0)
