import gc
import time

import numpy as np
import pytest

from leafscan.cli.demo.methods import Method
from leafscan.cli.demo.race import race


def sleeper(name: str, seconds: float, log: list[str]) -> Method:
    def search(queries: np.ndarray) -> np.ndarray:
        assert queries.tolist() == [[2.0]]
        log.append(name)
        time.sleep(seconds)
        return queries

    return Method(name, {}, lambda queries: 2 * queries, search, exact=True, candidates=1)


def test_turns_alternate_and_medians_are_of_a_call():
    log: list[str] = []
    methods = [sleeper("slow", 0.02, log), sleeper("quick", 0.002, log)]
    seconds = race(methods, np.ones((1, 1), np.float32), rounds=3, progress=lambda *_: None)
    assert seconds[0] > 0.02
    assert 0.002 < seconds[1] < seconds[0]
    turns = [log[place] for place in range(len(log)) if place == 0 or log[place] != log[place - 1]]
    # The warm-up, then there, back and there again: neighbours of one name melt into one turn.
    assert turns == ["slow", "quick", "slow", "quick", "slow", "quick"]
    assert log.count("slow") == 5 + 3 * 3
    assert log.count("quick") > log.count("slow")
    assert gc.isenabled()


def test_garbage_collection_comes_back_after_an_error():
    calls: list[int] = []

    def search(queries: np.ndarray) -> np.ndarray:
        calls.append(1)
        if len(calls) > 6:
            assert not gc.isenabled()
            raise RuntimeError("enough")
        time.sleep(0.001)
        return queries

    method = Method("failing", {}, np.asarray, search, exact=True, candidates=1)
    with pytest.raises(RuntimeError, match="enough"):
        race([method], np.ones((1, 1), np.float32), rounds=1, progress=lambda *_: None)
    assert gc.isenabled()
