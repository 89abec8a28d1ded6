import keras
import numpy as np

from leafscan.cli.demo.methods import TUTORIAL, Method, compiled_method, keras_rs_method, leafscan_method

RNG = np.random.default_rng(0)
CANDIDATES = RNG.normal(size=(2000, 8)).astype(np.float32)
QUERIES = RNG.normal(size=(4, 8)).astype(np.float32)
BEST = np.argsort(-(QUERIES @ CANDIDATES.T), axis=1)[:, :5]


def found(method: Method) -> np.ndarray:
    assert method.candidates == 2000
    assert (method.parameters["k"], method.parameters["threads"]) == (5, 2)
    ids = method.search(method.prepare(QUERIES))
    assert isinstance(ids, np.ndarray)
    assert ids.shape == (4, 5)
    return ids


def test_brute_force_is_exact():
    for method in (
        keras_rs_method(CANDIDATES, k=5, threads=2),
        compiled_method(keras.backend.backend(), CANDIDATES, k=5, threads=2),
    ):
        assert method.exact
        assert np.array_equal(found(method), BEST)


def test_leafscan_finds_nearly_all_and_says_how():
    stages: list[str] = []
    method = leafscan_method(
        CANDIDATES,
        k=5,
        threads=2,
        config=TUTORIAL,
        seed=7,
        progress=lambda stage, done, total, note="", /: stages.append(stage),
    )
    assert not method.exact
    assert method.name == "leafscan, tutorial's parameters"
    assert method.parameters["config"]["tree"]["num_leaves"] == 100
    assert method.parameters["seed"] == 7
    hits = sum(len(np.intersect1d(mine, best)) for mine, best in zip(found(method), BEST, strict=True))
    assert hits >= 12
    assert stages
    own = leafscan_method(CANDIDATES, k=5, threads=2)
    assert own.name == "leafscan, own choice"
    assert np.array_equal(found(own), BEST)
