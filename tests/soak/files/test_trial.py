"""A short version of the soak "files", and what it must see to be worth anything."""

from pathlib import Path

import pytest

import leafscan
from leafscan.index import sections
from soak.families import FAMILIES
from soak.files.craft import Crafted
from soak.files.mutations import MUTATIONS
from soak.files.trial import crafted, run_trial

COUNT = 400


def test_crafted_files_are_refused_or_searched_safely(tmp_path: Path) -> None:
    trials = [run_trial(7, number, tmp_path) for number in range(COUNT)]
    assert [trial for trial in trials if trial.status == "failed"] == []
    assert {trial.family for trial in trials} == set(FAMILIES)
    assert {trial.mutation for trial in trials} == set(MUTATIONS)
    assert sum(trial.status == "accepted" for trial in trials) > COUNT / 20


def test_a_number_makes_the_same_file_again(tmp_path: Path) -> None:
    for number in range(20):
        assert crafted(3, number, tmp_path) == crafted(3, number, tmp_path)


def test_a_check_that_is_missing_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Ids that begin inside a character, or are empty, go through: searches fail, or find what is not there.
    monkeypatch.setattr(sections, "_check_ids", lambda contents, n: None)
    statuses = [run_trial(1, number, tmp_path).status for number in range(COUNT)]
    assert "failed" in statuses


def test_valid_files_are_taken_apart_and_put_together_again(tmp_path: Path) -> None:
    for name, family in FAMILIES.items():
        index = family.build()
        index.save(tmp_path / name)
        again = tmp_path / f"{name}.again"
        again.write_bytes(Crafted.of((tmp_path / name).read_bytes()).signed())
        leafscan.verify(again)
        query = family.queries(1)[0]
        assert leafscan.load(again).search(query, k=5).ids.tolist() == index.search(query, k=5).ids.tolist()
