"""The tensor flavour: arrays of a framework go in, and the same come out."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from leafscan import scann
from leafscan.scann import scann_ops

Matrix = NDArray[np.float32]


def of_jax(array: Matrix) -> Any:
    return pytest.importorskip("jax.numpy").asarray(array)


def of_torch(array: Matrix) -> Any:
    return pytest.importorskip("torch").from_numpy(array.copy()).requires_grad_()


def of_tensorflow(array: Matrix) -> Any:
    return pytest.importorskip("tensorflow").constant(array)


FRAMEWORKS: dict[str, Callable[[Matrix], Any]] = {
    "numpy": lambda array: array,
    "jax": of_jax,
    "torch": of_torch,
    "tensorflow": of_tensorflow,
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_results_are_of_the_framework_of_the_queries(rows: Matrix, queries: Matrix, framework: str) -> None:
    make = FRAMEWORKS[framework]
    searcher = scann_ops.builder(make(rows), 5, "dot_product").score_brute_force().build(shared_name="mine")
    plain = scann.scann_ops_pybind.builder(rows, 5, "dot_product").score_brute_force().build()
    wanted = plain.search_batched(queries)
    kind = type(make(queries[0]))
    for search in (searcher.search_batched, searcher.search_batched_parallel):
        found = search(make(queries))
        assert isinstance(found.indices, kind)
        assert isinstance(found.distances, kind)
        assert "int32" in str(found.indices.dtype)
        assert "float32" in str(found.distances.dtype)
        np.testing.assert_array_equal(np.asarray(found.indices), wanted.indices)
        np.testing.assert_array_equal(np.asarray(found.distances), wanted.distances)
    one = searcher.search(make(queries[0]), 3)
    assert isinstance(one.index, kind)
    np.testing.assert_array_equal(np.asarray(one.index), wanted.indices[0, :3])
    np.testing.assert_array_equal(np.asarray(one.indices), wanted.indices[0, :3])


def test_a_batch_is_padded_with_minus_1(rows: Matrix, queries: Matrix) -> None:
    searcher = scann_ops.builder(rows[:4], 2, "squared_l2").score_brute_force().build()
    found = searcher.search_batched(queries, 6)
    assert found.indices.dtype == np.int32
    assert (found.indices[:, 4:] == -1).all()
    assert np.isnan(found.distances[:, 4:]).all()
    assert (found.indices[:, :4] >= 0).all()


def test_bfloat16_of_torch_is_read(rows: Matrix) -> None:
    torch = pytest.importorskip("torch")
    searcher = (
        scann_ops.builder(torch.from_numpy(rows).bfloat16(), 5, "dot_product").score_brute_force().build()
    )
    assert searcher.search(torch.from_numpy(rows[0]).bfloat16()).index.shape == (5,)


def test_what_is_traced_is_told_of(rows: Matrix) -> None:
    jax = pytest.importorskip("jax")
    searcher = scann_ops.builder(rows, 5, "dot_product").score_brute_force().build()
    with pytest.raises(TypeError, match=r"traced by jax\.jit"):
        jax.jit(lambda q: searcher.search(q).index)(rows[0])


def test_importing_it_imports_no_framework() -> None:
    import subprocess
    import sys

    code = (
        "import sys\nfrom leafscan import scann\n"
        "print(sorted({'jax', 'torch', 'tensorflow', 'keras', 'google.protobuf'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_modules_are_refused_with_what_to_call_instead(rows: Matrix) -> None:
    searcher = scann_ops.builder(rows, 5, "dot_product").score_brute_force().build(container="c")
    with pytest.raises(NotImplementedError, match=r"call searcher\.serialize"):
        searcher.serialize_to_module()
    with pytest.raises(NotImplementedError, match=r"scann_ops\.load_searcher"):
        scann_ops.searcher_from_module(object(), rows)


def test_what_they_say_to_call_works(rows: Matrix, queries: Matrix, tmp_path: Path) -> None:
    searcher = scann_ops.builder(rows, 5, "dot_product").tree(20, 5).score_ah(2).reorder(50).build()
    searcher.serialize(tmp_path)
    again = scann_ops.load_searcher(tmp_path)
    np.testing.assert_array_equal(
        again.search_batched(queries).indices, searcher.search_batched(queries).indices
    )


def test_docids_are_refused(rows: Matrix, names: list[str]) -> None:
    with pytest.raises(ValueError, match="tensors hold numbers, not docids"):
        scann_ops.builder(rows, 5, "dot_product").score_brute_force().build(docids=names)


def test_it_is_where_scann_has_it() -> None:
    assert importlib.import_module("leafscan.scann").scann_ops is scann_ops
