from typing import Any

import numpy as np
import pytest

from leafscan.index import arrays
from leafscan.index.arrays import as_queries, as_vectors

VALUES = [[1.0, -2.0, 3.0], [4.0, 5.5, 6.0]]


class Exported:
    """An array that speaks DLPack and nothing else."""

    def __init__(self, array: np.ndarray, device: int = 1) -> None:
        self.array, self.kind = array, device

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.kind, 0


class Unreadable:
    """A tensor with a gradient, which refuses to become an array."""

    def __array__(self, *arguments: Any, **options: Any) -> Any:
        raise RuntimeError("detached it must be")


def test_float32_in_c_order_is_not_copied() -> None:
    array = np.array(VALUES, np.float32)
    assert as_vectors(array) is array or np.shares_memory(as_vectors(array), array)
    assert np.shares_memory(as_queries(array[0], 3), array)


def test_read_only_memory_is_fine(tmp_path: Any) -> None:
    np.save(tmp_path / "v.npy", np.array(VALUES, np.float32))
    mapped = np.load(tmp_path / "v.npy", mmap_mode="r")
    read = as_vectors(mapped)
    assert type(read) is np.ndarray
    assert np.shares_memory(read, mapped)


@pytest.mark.parametrize(
    "values",
    [
        VALUES,
        tuple(map(tuple, VALUES)),
        np.array(VALUES),
        np.array(VALUES, np.float16),
        np.array(VALUES, ">f4"),
        np.asfortranarray(np.array(VALUES, np.float32)),
        np.array([VALUES[0], [0, 0, 0], VALUES[1]], np.float32)[::2],
        Exported(np.array(VALUES)),
    ],
    ids=lambda values: type(values).__name__,
)
def test_what_numpy_or_dlpack_can_read_is_converted(values: Any) -> None:
    read = as_vectors(values)
    assert read.dtype == np.float32
    assert read.flags.c_contiguous
    np.testing.assert_array_equal(read, np.array(VALUES, np.float32))


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int64])
def test_integers_are_numbers(dtype: type[np.integer[Any]]) -> None:
    np.testing.assert_array_equal(as_vectors(np.ones((2, 3), dtype)), np.ones((2, 3), np.float32))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32"])
def test_jax_arrays_are_converted(dtype: str) -> None:
    jax = pytest.importorskip("jax")
    np.testing.assert_array_equal(as_vectors(jax.numpy.ones((2, 3), dtype)), np.ones((2, 3), np.float32))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_tensors_are_converted(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.ones((2, 3), dtype=getattr(torch, dtype))
    np.testing.assert_array_equal(as_vectors(tensor), np.ones((2, 3), np.float32))


def test_tensors_of_float32_are_not_copied() -> None:
    tensor = pytest.importorskip("torch").tensor(VALUES)
    assert as_vectors(tensor).ctypes.data == tensor.data_ptr()


def test_masked_numbers_are_not_read_as_if_they_were_there() -> None:
    masked = np.ma.masked_array(VALUES, mask=[[0, 0, 0], [0, 1, 0]])
    with pytest.raises(TypeError, match=r"vectors has masked numbers, .* fill them, as by numpy\.ma\.filled"):
        as_vectors(masked)
    with pytest.raises(TypeError, match="queries has masked numbers"):
        as_queries(masked, 3)
    np.testing.assert_array_equal(as_vectors(np.ma.masked_array(VALUES)), VALUES)


def test_tensors_that_numpy_cannot_read_get_a_sentence() -> None:
    torch = pytest.importorskip("torch")
    for tensor in (torch.ones(2, 2, requires_grad=True), torch.ones(2, 2, dtype=torch.bfloat16)):
        with pytest.raises(TypeError, match=r"^vectors cannot be read as an array \(torch.Tensor: "):
            as_vectors(tensor)
    with pytest.raises(TypeError, match=r"^vectors (lies on|cannot be read)"):
        as_vectors(torch.ones(2, 2, device="meta"))


def test_what_overflows_is_left_to_the_engine_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    assert np.isinf(as_vectors([[1e300, 1.0]])).any()
    assert not recwarn.list


@pytest.mark.parametrize(
    ("values", "error", "sentence"),
    [
        ([1.0, 2.0], ValueError, r"shape \(n, d\), one row each; received \(2,\)"),
        (np.zeros((1, 1, 1)), ValueError, r"received \(1, 1, 1\)"),
        (3.0, ValueError, r"received \(\)"),
        (np.zeros((0, 3)), ValueError, r"at least one row of one number; received \(0, 3\)"),
        (np.zeros((3, 0)), ValueError, r"at least one row of one number; received \(3, 0\)"),
        ([[1.0, 2.0], [3.0]], ValueError, "cannot be read as one array: .* Give rows of equal length"),
        ([["a", "b"]], TypeError, "must hold real numbers; received the dtype <U1"),
        ([[1j]], TypeError, "must hold real numbers; received the dtype complex128"),
        ([[True]], TypeError, "must hold real numbers; received the dtype bool"),
        (np.array([[1.0, None]]), TypeError, "must hold real numbers; received the dtype object"),
        (np.zeros((2, 2), "M8[s]"), TypeError, "must hold real numbers; received the dtype datetime64"),
        (Unreadable(), TypeError, "cannot be read as an array .*Unreadable: detached.*without a gradient"),
    ],
)
def test_bad_vectors_get_a_sentence(values: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=f"^vectors .*{sentence}"):
        as_vectors(values)


def test_too_many_rows_get_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "MAX_ROWS", 1)
    with pytest.raises(ValueError, match="at most 1 rows; received 2"):
        as_vectors(VALUES)


@pytest.mark.parametrize("values", [[1.0, 2.0], [[1.0, 2.0]], np.zeros((0, 2)), [], 1.0, np.zeros((1, 1, 3))])
def test_bad_queries_get_a_sentence(values: Any) -> None:
    with pytest.raises(
        ValueError, match=r"queries must have the shape \(3,\) or \(q, 3\), since the index has 3"
    ):
        as_queries(values, 3)


def test_an_empty_batch_is_a_batch() -> None:
    assert as_queries(np.zeros((0, 3)), 3).shape == (0, 3)


def test_an_array_elsewhere_gets_a_sentence() -> None:
    with pytest.raises(
        TypeError, match=r"vectors lies on another device \(.*Exported\); copy it to the CPU first\.$"
    ):
        as_vectors(Exported(np.zeros((2, 2)), device=2))  # type: ignore[arg-type]


@pytest.mark.parametrize("framework", ["jax", "torch"])
def test_an_array_on_a_gpu_names_the_module(monkeypatch: pytest.MonkeyPatch, framework: str) -> None:
    class Tensor(Exported):
        device = "cuda:0"

    monkeypatch.setattr(Tensor, "__module__", f"{framework}.tensors")
    with pytest.raises(
        TypeError, match=f"queries lies on cuda:0 .*search where it lies with leafscan.{framework}"
    ):
        as_queries(Tensor(np.zeros(2), device=2), 2)  # type: ignore[arg-type]
