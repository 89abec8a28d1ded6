from importlib.util import find_spec

import numpy as np
import pytest

from leafscan.cli.demo.compiled import compile_top_k

RNG = np.random.default_rng(0)
CANDIDATES = RNG.normal(size=(300, 8)).astype(np.float32)
QUERIES = RNG.normal(size=(5, 8)).astype(np.float32)
BEST = np.argsort(-(QUERIES @ CANDIDATES.T), axis=1)[:, :4]


@pytest.mark.parametrize(("backend", "name"), [("jax", "jax.jit"), ("tensorflow", "tf.function")])
def test_it_finds_the_best(backend: str, name: str):
    pytest.importorskip(backend)
    compiled = compile_top_k(backend, CANDIDATES, 4)
    ids = compiled.search(compiled.prepare(QUERIES))
    assert isinstance(ids, np.ndarray)
    assert np.array_equal(ids, BEST)
    assert compiled.name == name


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
@pytest.mark.parametrize(
    ("has_compiler", "name"), [(True, "torch.compile"), (False, "torch.compile (aot_eager)")]
)
def test_torch_compiles_with_a_compiler_or_without(
    has_compiler: bool, name: str, monkeypatch: pytest.MonkeyPatch
):
    import torch

    genuine = torch.compile

    def compile_(function, **options):
        if "backend" not in options and not has_compiler:

            def fail(*_):
                raise RuntimeError("no C++ compiler")

            return fail
        # The real default backend takes long to start; the other one runs the same kernels.
        return genuine(function, **{"backend": "aot_eager", **options})

    monkeypatch.setattr(torch, "compile", compile_)
    compiled = compile_top_k("torch", CANDIDATES, 4)
    ids = compiled.search(compiled.prepare(QUERIES))
    assert isinstance(ids, np.ndarray)
    assert np.array_equal(ids, BEST)
    assert compiled.name == name
