from typing import Any

import numpy as np
import pytest

from leafscan import _engine
from leafscan.index.threads import MAX_THREADS, VARIABLE, check_threads, default_threads


def test_default_is_all_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert default_threads() == _engine.available_threads() >= 1


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_variable_counts_for_nothing(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    assert default_threads() == _engine.available_threads()


def test_the_variable_replaces_the_default_and_the_argument_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, " 3 ")
    assert check_threads(None) == 3
    assert check_threads(5) == 5


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "²", "1" * 400, str(MAX_THREADS + 1)])
def test_a_bad_variable_gets_a_sentence(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ValueError, match="LEAFSCAN_NUM_THREADS must be a whole number between 1 and"):
        default_threads()


@pytest.mark.parametrize(
    ("threads", "error"), [(0, ValueError), (10**9, ValueError), (True, TypeError), ("2", TypeError)]
)
def test_a_bad_argument_gets_a_sentence(threads: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^threads must be"):
        check_threads(threads)


def test_numpy_integers_are_integers() -> None:
    assert check_threads(np.int64(2)) == 2
