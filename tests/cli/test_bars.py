import io

import pytest
from rich.console import Console

from leafscan.cli.bars import Bars


@pytest.mark.parametrize(("width", "noted"), [(60, False), (120, True)])
def test_bars_show_what_goes_on_and_how_far_it_is(width: int, noted: bool):
    console = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)
    with Bars(console) as bars:
        bars("reading", 0, 0)
        bars._progress.refresh()
        bars("training", 1, 4, "loss=0.5")
        bars._progress.refresh()
        assert len(bars._progress.tasks) == 1
        assert bars._progress.tasks[0].percentage == 25
    drawn = console.file.getvalue()
    for text in ("Reading", "Training", "25%"):
        assert text in drawn
    assert ("loss=0.5" in drawn) == noted
    assert max(len(line) for line in drawn.replace("\r", "\n").splitlines()) < 3 * width


def test_nothing_is_drawn_where_there_is_no_terminal():
    console = Console(file=io.StringIO(), width=80)
    with Bars(console) as bars:
        bars("Reading", 1, 2)
    assert console.file.getvalue().strip() == ""
