"""Files of every version of the format load, and answer as they did when they were written.

scripts/write_golden.py wrote them.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import leafscan
from leafscan import _engine
from leafscan.index.files import FORMAT

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*/*.leafscan"))


@pytest.fixture(params=_engine.instruction_sets())
def _instructions(request: pytest.FixtureRequest) -> Iterator[None]:
    _engine.use_instruction_set(request.param)
    yield
    _engine.use_instruction_set("")


def answers(path: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(path.with_name("answers.json").read_text(encoding="utf-8"))[path.stem]
    return said


def test_there_are_files_of_every_version() -> None:
    assert {int(path.parent.name) for path in FILES} == set(range(1, FORMAT + 1))
    assert len(FILES) >= 12
    assert sum(path.stat().st_size for path in FILES) < 300_000


@pytest.mark.usefixtures("_instructions")
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
@pytest.mark.parametrize("memory", [False, True], ids=["mapped", "memory"])
def test_a_file_answers_as_it_did(path: Path, memory: bool) -> None:
    leafscan.verify(path)
    index, said = leafscan.load(path, memory=memory), answers(path)
    queries = np.array(said["queries"], np.float32)
    f = index.filter(allow=said["allowed"])
    for found, wanted in (
        (index.search(queries, k=5), "ids"),
        (index.search(queries, k=5, filter=f), "ids_allowed"),
    ):
        assert found.ids.tolist() == said[wanted]
        scores = said[wanted.replace("ids", "scores")]
        np.testing.assert_allclose(found.scores, np.array(scores, np.float32), rtol=1e-6, atol=1e-7)
    assert index.tags(index.ids[:9]) == said.get("tags", {})
    one = index.search(queries[0], k=5)
    assert one.ids.tolist() == said["ids"][0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_file_says_what_it_is(path: Path) -> None:
    inside = leafscan.inspect(path)
    assert inside.format == int(path.parent.name)
    assert inside.rows == len(leafscan.load(path))
