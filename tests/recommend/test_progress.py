import pytest

from leafscan.recommend import (
    MovieLens,
    Popularity,
    quality_report,
    train,
    tune,
    tutorial_preset,
)
from leafscan.recommend.progress import steps


def test_a_bar_or_nothing(capsys: pytest.CaptureFixture[str]):
    with steps("Counting", 2, unit="number", progress=True) as step:
        step("one")
        step("two")
    said = capsys.readouterr().err
    assert "Counting: 100%" in said
    assert "two" in said
    with steps("Counting", 2, unit="number", progress=False) as step:
        step("one")
    assert capsys.readouterr() == ("", "")


def test_every_long_call_takes_a_display(data: MovieLens, capsys: pytest.CaptureFixture[str]):
    seen: list[tuple[str, int, int, str]] = []

    def display(what: str, done: int, total: int, note: str = "", /) -> None:
        seen.append((what, done, total, note))

    train(tutorial_preset(data), epochs=5, progress=display)
    assert [step[:3] for step in seen] == [("Training tutorial", done, 5) for done in range(6)]
    assert seen[0][3] == ""
    assert seen[1][3].startswith("loss=0.")
    assert "validation=0." in seen[5][3]
    seen.clear()
    quality_report(data, seeds=(0, 1), models={"popular": Popularity()}, progress=display)
    assert seen == [("Evaluating", 0, 1, ""), ("Evaluating", 1, 1, "popular, seed 0")]
    seen.clear()
    tune(data, [Popularity(), Popularity()], seeds=(0,), progress=display)
    assert seen[-1] == ("Tuning", 2, 2, "Popularity")
    assert capsys.readouterr() == ("", "")
