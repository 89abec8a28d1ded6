import io
import sys
from contextlib import redirect_stderr
from typing import Any

import pytest

from leafscan.index import progress
from leafscan.index.progress import reporting


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(choice: Any) -> str:
    """Report two stages as a build does, and return what a terminal would have shown."""
    # Not by monkeypatch: pytest's own capture puts stderr back between a fixture and its test.
    with redirect_stderr(Terminal()) as screen, reporting(choice) as report:
        if report is not None:
            for stage in ("training the tree", "coding the rows"):
                for done in (0, 5, 10):
                    report(stage, done, 10)
    return screen.getvalue()


def test_a_callable_is_called() -> None:
    seen: list[tuple[str, int, int]] = []
    run(lambda *told: seen.append(told))
    assert seen[-1] == ("coding the rows", 10, 10)


def test_true_shows_a_bar_for_each_stage() -> None:
    pytest.importorskip("tqdm")
    shown = run(True)
    assert "training the tree" in shown
    assert "coding the rows" in shown


def test_none_waits_before_it_shows_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tqdm")
    assert run(None) == ""
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    assert "coding the rows" in run(None)


@pytest.mark.parametrize("stream", [io.StringIO(), None])
def test_nothing_is_shown_without_a_terminal(stream: io.StringIO | None) -> None:
    with redirect_stderr(stream), reporting(None) as report:
        assert report is None


def test_false_shows_nothing() -> None:
    assert run(False) == ""


def test_without_tqdm_none_is_silent_and_true_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    assert run(None) == ""
    with pytest.raises(ModuleNotFoundError, match=r"progress=True needs tqdm.*leafscan\[progress\]"):
        run(True)


@pytest.mark.parametrize("choice", [1, "yes", 0])
def test_something_else_gets_a_sentence(choice: Any) -> None:
    with pytest.raises(TypeError, match="progress must be None, True, False or a callable"):
        run(choice)
