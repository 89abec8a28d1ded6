from pathlib import Path

from leafscan.cli.demo.methods import Method
from leafscan.cli.demo.plots import plot_retrieval
from leafscan.cli.demo.retrieval import Retrieval


def test_every_method_has_a_label(tmp_path: Path, methods: list[Method], results: list[Retrieval]):
    path = plot_retrieval(methods, results, tmp_path / "plot.svg", title="A title")
    drawn = path.read_text(encoding="utf-8")
    for result in results:
        assert f"<!-- {result.method}" in drawn
    assert "<!-- A title -->" in drawn
    assert "<!-- 0.250 ms, 6,000 times faster -->" in drawn
    png = plot_retrieval(methods, results, tmp_path / "plot.png", title="A title")
    assert png.read_bytes().startswith(b"\x89PNG")
