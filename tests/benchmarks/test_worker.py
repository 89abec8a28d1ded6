import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import worker
from benchmarks.peers.peer import Matrix, Params, Peer, Plan, Search, Shape


class Sorting(Peer):
    """A peer that sorts everything, so that its answers are known."""

    name = "sorting"
    query_rank = 1

    @classmethod
    def plans(cls, shape: Shape, quick: bool) -> list[Plan]:
        return [Plan("all", {})]

    def build(self, vectors: Matrix, metric: str, params: Params, threads: int) -> None:
        self.vectors = vectors

    def save(self, path: Path) -> None:
        path.mkdir()
        np.save(path / "vectors.npy", self.vectors)

    def load(self, path: Path, shape: Shape, params: Params) -> None:
        self.vectors = np.load(path / "vectors.npy")

    def single(self, k: int, params: Params) -> Search:
        return lambda query: (np.argsort(-self.vectors @ query)[:k],)

    def batched(self, k: int, params: Params, threads: int) -> Search:
        if params.get("fails"):
            raise ValueError("no such setting")
        return lambda queries: (np.argsort(-queries @ self.vectors.T, axis=1)[:, : k - 1],)


@pytest.fixture
def talk(tmp_path, monkeypatch):
    """Return a function that sends requests to a worker and returns its replies."""
    monkeypatch.setitem(worker.PEERS, "sorting", Sorting)
    np.save(tmp_path / "base.npy", np.eye(8, dtype=np.float32))
    np.save(tmp_path / "queries.npy", np.eye(8, dtype=np.float32)[::-1])

    def send(*requests: dict[str, Any]) -> list[dict[str, Any]]:
        first = [
            {
                "do": "build",
                "base": str(tmp_path / "base.npy"),
                "metric": "dot_product",
                "params": {},
                "threads": 1,
                "save": str(tmp_path / "index"),
            },
            {"do": "take_queries", "path": str(tmp_path / "queries.npy"), "count": 6},
        ]
        monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(map(json.dumps, [*first, *requests]))))
        answers = io.StringIO()
        worker.serve("sorting", answers)
        return [json.loads(line) for line in answers.getvalue().splitlines()]

    return send


def test_a_build_reports_time_memory_and_bytes(talk):
    build, taken = talk()
    assert build["seconds"] > 0
    assert build["peak_mb"] >= build["before_mb"] > 0
    assert build["disk_mb"] == pytest.approx(8 * 8 * 4 / 2**20, rel=1)
    assert taken == {"queries": 6}


def test_one_by_one_starts_where_it_is_told_and_wraps(talk, tmp_path):
    ids = str(tmp_path / "ids.npy")
    *_, reply = talk({"do": "one_by_one", "k": 2, "params": {}, "first": 4, "seconds": 9, "ids": ids})
    assert reply["queries"] == 6
    assert np.load(ids)[:, 0].tolist() == [3, 2, 7, 6, 5, 4]


def test_a_batch_that_gives_too_few_is_padded(talk, tmp_path):
    ids = str(tmp_path / "ids.npy")
    *_, reply = talk({"do": "all_at_once", "k": 3, "params": {}, "threads": 1, "count": 5, "ids": ids})
    found = np.load(ids)
    assert reply["queries"] == 5
    assert found.shape == (5, 3)
    assert found[:, 0].tolist() == [7, 6, 5, 4, 3]
    assert (found[:, 2] == -1).all()


def test_repeats_are_timed_one_by_one(talk):
    *_, reply = talk(
        {"do": "again_and_again", "k": 3, "params": {}, "threads": 1, "rows": [0, 2], "repeats": 7}
    )
    assert len(reply["seconds"]) == 7


def test_an_error_is_an_answer_and_the_worker_goes_on(talk):
    *_, failed, well = talk(
        {"do": "again_and_again", "k": 3, "params": {"fails": 1}, "threads": 1, "rows": [0], "repeats": 1},
        {"do": "again_and_again", "k": 3, "params": {}, "threads": 1, "rows": [0], "repeats": 1},
    )
    assert failed == {"error": "ValueError: no such setting"}
    assert "seconds" in well
