import json

import numpy as np
import pytest

from soak.power import run as power
from soak.power.disk import SECTOR, Disk
from soak.power.trace import NoTraceError


def test_a_power_cut_loses_nothing_that_was_acknowledged() -> None:
    try:
        results = power.run(60, seed=3, deeds=12)
    except NoTraceError as error:
        pytest.skip(str(error))
    assert results.wrong == []
    assert results.cuts == 60
    assert json.loads(json.dumps(results.to_dict()))["found"]["acknowledged"] > 0


def test_a_disk_without_syncs_breaks_promises(monkeypatch: pytest.MonkeyPatch) -> None:
    """The soak would see it: here no sync does anything."""
    monkeypatch.setattr(Disk, "sync", lambda disk, name: None)
    try:
        results = power.run(40, seed=3, deeds=12)
    except NoTraceError as error:
        pytest.skip(str(error))
    assert results.wrong


def test_what_was_synced_is_kept_and_the_rest_may_be_lost() -> None:
    disk = Disk()
    disk.create("a")
    disk.write("a", 0, b"x" * SECTOR)
    disk.sync("a")
    disk.sync("")
    disk.write("a", 0, b"y" * 2 * SECTOR)
    disk.create("b")
    seen = {tuple(sorted(disk.fail(np.random.default_rng(seed)).items())) for seed in range(200)}
    first = {dict(one)["a"][:SECTOR] for one in seen}
    assert first == {b"x" * SECTOR, b"y" * SECTOR}
    assert {len(dict(one)["a"]) for one in seen} == {SECTOR, 2 * SECTOR}
    assert {"b" in dict(one) for one in seen} == {False, True}


def test_names_come_in_their_order() -> None:
    disk = Disk()
    for name in ("a", "b"):
        disk.create(name)
    disk.rename("a", "c")
    disk.unlink("b")
    seen = {frozenset(disk.fail(np.random.default_rng(seed))) for seed in range(200)}
    assert seen == {frozenset(names) for names in ("", "a", "ab", "bc", "c")}
    disk.sync("")
    assert set(disk.fail(np.random.default_rng(0))) == {"c"}


def test_a_file_may_become_shorter() -> None:
    disk = Disk()
    disk.create("a")
    disk.write("a", 3, b"x")
    disk.sync("a")
    disk.truncate("a", 2)
    disk.sync("")
    assert {disk.fail(np.random.default_rng(seed))["a"] for seed in range(50)} == {b"\0\0\0x", b"\0\0"}
