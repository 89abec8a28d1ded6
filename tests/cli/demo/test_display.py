import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from leafscan.cli.demo.display import Display
from leafscan.cli.demo.retrieval import Retrieval
from leafscan.recommend import Movie, Recommendation

LONG = "Land Before Time III: The Time of the Great Giving (1995) (V)"
ANSWER = Recommendation(
    "42",
    (Movie("1", LONG, ("Animation", "Children"), 4.48), Movie("2", "[bold]X[/bold] (1996)", ("Drama",), 4.1)),
    (Movie("3", "Dave (1993)", ("Comedy", "Romance"), 5.0),),
)


def shown(width: int, show: Callable[[Display], None]) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    show(Display(console))
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    return lines


@pytest.mark.parametrize("width", [50, 64, 80, 130])
def test_retrieval_fits_and_tells_all(width: int, results: list[Retrieval]):
    said = " ".join(shown(width, lambda display: display.retrieval(results)))
    for text in ("1,500 ms", "0.250 ms", "0.125 ms", "12,000 x", "64 x", "0.9950", "leafscan, own choice"):
        assert text in said, text


@pytest.mark.parametrize("width", [50, 80])
def test_quality_fits(width: int, quality: list[dict[str, object]]):
    said = " ".join(shown(width, lambda display: display.quality(quality)))
    assert "0.2500" in said
    assert ("+100 %, +150 %" in said) == (width == 80)
    quality[0]["ndcg_at_10"] = 0.0
    assert "+150 %" in " ".join(shown(80, lambda display: display.quality(quality)))


@pytest.mark.parametrize("width", [40, 80, 130])
def test_recommendations_lose_no_word(width: int):
    lines = shown(width, lambda display: display.recommendation(ANSWER))
    said = " ".join(" ".join(lines).split())
    for text in ("User 42 rated highest", "Recommended next", "[bold]X[/bold]", "4.48", "(V)", "Children"):
        assert text in said, text
    together = any("Dave (1993)" in line and "Land Before" in line for line in lines)
    assert together == (width == 130)


def test_facts_and_files_line_up():
    def show(display: Display) -> None:
        display.heading("Heading")
        display.fact("Name", "[text] " * 20)
        display.files([Path("a.json"), Path("b.png"), Path("c.png")])

    lines = shown(60, show)
    assert lines[:2] == ["", "Heading"]
    assert lines[2].startswith("Name         [text]")
    assert lines[3].startswith(" " * 13 + "[text]")
    assert [line.split() for line in lines[-3:]] == [["Report", "a.json"], ["Plots", "b.png"], ["c.png"]]
