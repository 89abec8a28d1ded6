import json

import numpy as np
import pytest

from soak.kills.run import Results, run
from soak.kills.work import Model, draw


def test_a_killed_writer_loses_nothing() -> None:
    results = run(6, seed=5)
    assert results.wrong == []
    assert results.kills == 6
    assert sum(results.acknowledged.values()) > 0
    assert sum(results.cuts.values()) == 6


def test_a_broken_promise_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that takes no note of deletions stands for a catalogue that does not keep them."""
    apply = Model.apply
    monkeypatch.setattr(
        Model, "apply", lambda model, deed: apply(model, deed) if deed.kind == "upsert" else model
    )
    results = run(8, seed=5)
    assert len(results.wrong) == 1
    assert results.kills < 8


def test_work_is_drawn_from_its_seed() -> None:
    one, same, other = draw(3, 7, [*range(300)]), draw(3, 7, [*range(300)]), draw(4, 7, [*range(300)])
    assert one.kind == same.kind
    assert np.array_equal(one.ids, same.ids)
    assert not np.array_equal(one.ids, other.ids)


def test_results_are_json() -> None:
    results = Results(seed=1)
    results.acknowledged["upsert"] += 2
    assert json.loads(json.dumps(results.to_dict()))["acknowledged"] == {"upsert": 2}
