"""PyTorch: CUDA tensors are copied to the host, ids and scores back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import leafscan
import leafscan.torch
from benchmarks.gpu.host_paths import keras_checks
from benchmarks.gpu.host_paths.checks import DIM, Checks, K, catalogue, draw, gradient, right, same

__all__ = ["main"]


def main(device: str) -> int:
    """Check; returns the process' status."""
    on_gpu = torch.cuda.is_available() and device != "cpu"
    if device == "gpu" and not on_gpu:
        print("torch: FAILED: no GPU, which --device gpu asks for")
        return 1
    place = torch.device("cuda" if on_gpu else "cpu")
    name = torch.cuda.get_device_name() if on_gpu else "the CPU"
    check = Checks("torch", f"{name} ({place.type}), PyTorch {torch.__version__}")
    _operation(check, place, on_gpu)
    keras_checks.check_layers(check, on_gpu)
    return check.end()


def _operation(check: Checks, place: torch.device, on_gpu: bool) -> None:
    rows, points = draw(400, 0), draw(33, 1)
    queries = torch.from_numpy(points).to(place)
    indices = {metric: catalogue(rows, metric) for metric in ("dot_product", "cosine", "squared_l2")}
    index = indices["dot_product"]
    search = leafscan.torch.search
    backend = "inductor" if on_gpu else "aot_eager"

    def host(tensor: Any) -> Any:
        assert tensor.device.type == place.type, f"it should lie on {place}, and lies on {tensor.device}"
        return tensor.detach().cpu().numpy()

    def is_right(found: Any, expected: Any) -> None:
        same(host(found.ids), host(found.scores), expected)

    for metric, each in indices.items():

        def eager(each: Any = each, metric: str = metric) -> None:
            is_right(search(each, queries, K), right(rows, points, metric=metric))

        def compiled(each: Any = each, metric: str = metric) -> None:
            program = torch.compile(lambda queries: search(each, queries, K), fullgraph=True, backend=backend)
            is_right(program(queries), right(rows, points, metric=metric))

        def derived(each: Any = each, metric: str = metric) -> None:
            for program in (search, torch.compile(search, fullgraph=True, backend=backend)):
                leaf = queries.clone().requires_grad_()
                program(each, leaf, K).scores.sum().backward()
                expected = gradient(rows, points, metric)
                np.testing.assert_allclose(host(leaf.grad), expected, rtol=1e-3, atol=1e-4)

        check(f"eager, {metric}", eager)
        check(f"torch.compile, fullgraph, {backend}, {metric}", compiled)
        check(f"backward, eager and compiled, {metric}", derived)

    def twice() -> None:
        leaf = queries[:1].clone().requires_grad_()
        total = search(indices["squared_l2"], leaf, K).scores.sum()
        (first,) = torch.autograd.grad(total, leaf, create_graph=True)
        (second,) = torch.autograd.grad(first.sum(), leaf)
        np.testing.assert_allclose(host(second), np.full((1, DIM), 2.0 * K), rtol=1e-4)

    def swapped() -> None:
        module = leafscan.torch.Retrieval(index, k=K).to(place)
        compiles: list[int] = []

        def counting(graph: Any, inputs: Any) -> Any:
            compiles.append(1)
            return graph.forward

        program = torch.compile(module, fullgraph=True, backend=counting)
        for other in (rows, rows[::-1].copy(), draw(50, 3)):
            module.slot.publish(catalogue(other))
            is_right(program(queries), right(other, points))
        assert len(compiles) == 1, f"it was compiled {len(compiles)} times"

    def listed() -> None:
        ranked = right(rows, points, 400)[0]
        seen = torch.from_numpy(ranked[:, :3].copy()).to(place)
        same(host(search(index, queries, K, deny=seen).ids), None, (ranked[:, 3 : 3 + K], points))
        few = torch.from_numpy(ranked[:, 20:10:-1].copy()).to(place)
        same(host(search(index, queries, K, allow=few).ids), None, (ranked[:, 11 : 11 + K], points))
        # Lists on the host go to where queries are.
        same(host(search(index, queries, K, deny=ranked[:, :3]).ids), None, (ranked[:, 3 : 3 + K], points))

    def shaped() -> None:
        one = search(index, queries[0], K)
        same(host(one.ids), host(one.scores), right(rows, points[0]))
        cube = search(index, queries[:32].reshape(4, 8, DIM), K)
        same(host(cube.ids).reshape(32, K), None, right(rows, points[:32]))
        strided = queries.t().contiguous().t()
        is_right(search(index, strided, K), right(rows, points))
        half = search(index, queries.half(), K)
        is_right(half, right(rows, points.astype(np.float16)))

    def padded() -> None:
        found = search(catalogue(rows[:3]), queries, K)
        assert (host(found.ids)[:, 3:] == -1).all()
        assert np.isneginf(host(found.scores)[:, 3:]).all()

    def on_a_stream() -> None:
        side: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            large = torch.randn(4096, 4096, device=place)
            for _ in range(20):
                large = large @ large / 64
            late = queries + large.sum() * 0
            late = torch.where(torch.isnan(late), queries, late)
            found = search(index, late, K)
        torch.cuda.current_stream().wait_stream(side)
        is_right(found, right(rows, points))

    def operators_own() -> None:
        slot = leafscan.Slot(index)
        number = torch.tensor(slot.number)
        none = queries.new_empty((33, 0), dtype=torch.int64)
        arguments = (number, queries.clone().requires_grad_(), none, none, K, False, True, "dot_product")
        torch.library.opcheck(torch.ops.leafscan.search.default, arguments)

    def not_a_number() -> Any:
        wrong = queries.clone()
        wrong[0, 0] = float("nan")
        return search(index, wrong, K)

    check("a derivative's derivative", twice)
    check("another index under a compiled module, not compiled again", swapped)
    check("deny and allow", listed)
    check("one query, more dimensions, strides, float16", shaped)
    check("more than there are", padded)
    if on_gpu:
        check("queries of another stream that are not ready yet", on_a_stream)
    check("torch.library.opcheck", operators_own)
    check.raises("NaN in a query is refused", "NaN", not_a_number)
