import copy
import gc

import numpy as np
import pytest

import leafscan

torch = pytest.importorskip("torch")

from leafscan.torch import Retrieval, search  # noqa: E402
from leafscan.torch.operation import slot_tensor  # noqa: E402
from leafscan.torch.operator import found  # noqa: E402

METRICS = ["dot_product", "cosine", "squared_l2"]
QUERIES = np.random.default_rng(9).standard_normal((12, 6)).astype(np.float32)


def build(n: int = 50, d: int = 6, *, seed: int = 0, metric: str = "dot_product", **options):
    vectors = np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)
    return leafscan.build(vectors, metric=metric, **options)


def tensor() -> "torch.Tensor":
    return torch.from_numpy(QUERIES.copy())


def assert_same(result, expected) -> None:
    np.testing.assert_array_equal(result.ids.numpy(), expected.ids)
    np.testing.assert_array_equal(result.scores.detach().numpy(), expected.scores)


class Counting:
    """A compiler that runs the captured graph as it is, and counts."""

    def __init__(self) -> None:
        self.graphs = 0

    def __call__(self, graph, _):
        self.graphs += 1
        return graph.forward


@pytest.mark.parametrize("metric", METRICS)
def test_eager_is_the_indexs_own_search(metric: str):
    index = build(metric=metric)
    result = search(index, tensor(), 5)
    assert_same(result, index.search(QUERIES, k=5))
    assert (result.ids.dtype, result.scores.dtype) == (torch.int64, torch.float32)
    assert_same(search(index, tensor()[0], 3), index.search(QUERIES[0], k=3))
    cube = search(index, tensor().reshape(2, 3, 2, 6), 4).ids
    np.testing.assert_array_equal(cube.reshape(12, 4).numpy(), index.search(QUERIES, k=4).ids)
    assert search(index, tensor()[:0], 4).ids.shape == (0, 4)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("requires_grad", [False, True])
def test_the_operator_passes_opcheck(metric: str, requires_grad: bool):
    slot = leafscan.Slot(build(metric=metric))
    none = torch.empty((12, 0), dtype=torch.int64)
    deny = torch.tensor([[1, 2, -1]]).expand(12, 3).contiguous()
    for lists in ((none, none), (deny, none), (none, deny)):
        queries = tensor().requires_grad_(requires_grad)
        torch.library.opcheck(found, (slot_tensor(slot), queries, *lists, 3, False, True, metric))
    torch.library.opcheck(found, (slot_tensor(slot), tensor(), none, none, 3, True, False, metric))


@pytest.mark.parametrize("metric", METRICS)
def test_scores_differentiate_with_respect_to_queries(metric: str):
    index = build(metric=metric, n=8)
    vectors = np.random.default_rng(0).standard_normal((8, 6)).astype(np.float32)
    queries = tensor().requires_grad_()
    result = search(index, queries, 3)
    weights = torch.rand(12, 3)
    (result.scores * weights).sum().backward()
    again = tensor().double().requires_grad_()
    rows = torch.from_numpy(vectors).double()[result.ids]
    points = again[:, None, :]
    if metric == "squared_l2":
        scores = ((points - rows) ** 2).sum(dim=2)
    elif metric == "cosine":
        scores = torch.nn.functional.cosine_similarity(points, rows, dim=2)
    else:
        scores = (points * rows).sum(dim=2)
    (scores * weights).sum().backward()
    np.testing.assert_allclose(queries.grad, again.grad, rtol=1e-4, atol=1e-5)


def test_padding_and_zero_queries_have_no_derivative():
    for metric in METRICS:
        index = build(2, metric=metric)
        queries = torch.vstack([tensor()[:2], torch.zeros(1, 6)]).requires_grad_()
        padded, whole = search(index, queries, 4).scores, search(index, queries, 2).scores
        (grad,) = torch.autograd.grad(padded, queries, torch.ones(3, 4))
        (expected,) = torch.autograd.grad(whole, queries, torch.ones(3, 2))
        assert torch.isfinite(grad).all(), metric
        np.testing.assert_allclose(grad, expected, rtol=1e-6)


def test_second_derivatives_are_there():
    queries = tensor().requires_grad_()
    scores = search(build(metric="squared_l2"), queries, 5).scores
    (grad,) = torch.autograd.grad(scores.sum(), queries, create_graph=True)
    (second,) = torch.autograd.grad(grad.sum(), queries)
    np.testing.assert_allclose(second, np.full((12, 6), 10.0), rtol=1e-5)


@pytest.mark.parametrize("compiler", ["eager", "aot_eager", "inductor"])
def test_it_compiles_with_fullgraph(compiler: str):
    slot = leafscan.Slot(build(metric="cosine"))
    best = torch.compile(lambda queries: search(slot, queries, 4), fullgraph=True, backend=compiler)
    try:
        result = best(tensor())
    except Exception as error:  # Inductor needs a C++ compiler, and raises many kinds without one.
        if compiler != "inductor":
            raise
        pytest.skip(f"inductor does not work here: {error!r:.80}")
    assert_same(result, slot.index.search(QUERIES, k=4))
    queries = tensor().requires_grad_()
    torch.compile(lambda queries: search(slot, queries, 4).scores.sum(), fullgraph=True, backend=compiler)(
        queries
    ).backward()
    expected = tensor().requires_grad_()
    search(slot, expected, 4).scores.sum().backward()
    np.testing.assert_allclose(queries.grad, expected.grad, rtol=1e-5)


def test_an_index_itself_compiles_too():
    index, compiler = build(), Counting()
    best = torch.compile(lambda queries: search(index, queries, 4), fullgraph=True, backend=compiler)
    for _ in range(2):
        assert_same(best(tensor()), index.search(QUERIES, k=4))
    assert compiler.graphs == 1


@pytest.mark.parametrize("held", ["closure", "argument"])
def test_a_compiled_program_is_never_answered_by_another_index(held: str):
    indexes = [build(), build(seed=1), build(3, seed=2, metric="cosine")]
    served = indexes[0]
    if held == "closure":
        best = torch.compile(lambda queries: search(served, queries, 4), fullgraph=True, backend="eager")
    else:
        whole = torch.compile(lambda index, queries: search(index, queries, 4), backend="eager")

        def best(queries):
            return whole(served, queries)

    for served in [*indexes, indexes[0]]:
        assert_same(best(tensor()), served.search(QUERIES, k=4))


def test_a_compiled_program_sees_what_an_index_is_updated_with():
    index, compiler = build(), Counting()
    best = torch.compile(lambda queries: search(index, queries, 4), fullgraph=True, backend=compiler)
    for row in range(3):
        index.upsert([row], QUERIES[row : row + 1] * 9)
        assert_same(best(tensor()), index.search(QUERIES, k=4))
    assert compiler.graphs == 1


def test_a_swap_needs_no_recompilation():
    slot, compiler = leafscan.Slot(build()), Counting()
    best = torch.compile(lambda queries: search(slot, queries, 5), fullgraph=True, backend=compiler)
    best(tensor())
    for other in (build(80, seed=1), build(3, seed=2)):
        slot.publish(other)
        assert_same(best(tensor()), other.search(QUERIES, k=5))
    assert compiler.graphs == 1


def test_the_module_retrieves_compiles_and_swaps():
    tower = torch.nn.Linear(6, 6, bias=False)
    module = Retrieval(build(), k=5, query_tower=tower)
    compiler = Counting()
    compiled = torch.compile(module, fullgraph=True, backend=compiler)
    queries = tower(tensor()).detach().numpy()
    for index in (module.slot.index, build(3, seed=1), build(90, seed=2)):
        module.publish(index)
        assert_same(module(tensor()), index.search(queries, k=5))
        assert_same(compiled(tensor()), index.search(queries, k=5))
    assert compiler.graphs == 1
    assert module(tensor(), 2).ids.shape == (12, 2)
    module(tensor()).scores.sum().backward()
    assert torch.isfinite(tower.weight.grad).all()
    assert list(module.state_dict()) == ["query_tower.weight"]
    assert "k=5" in repr(module)


def test_a_copied_module_has_a_slot_of_its_own():
    module = Retrieval(build(), k=5)
    other = copy.deepcopy(module)
    other.publish(build(seed=1))
    assert_same(module(tensor()), module.slot.index.search(QUERIES, k=5))
    assert_same(other(tensor()), other.slot.index.search(QUERIES, k=5))


def test_a_collected_module_closes_its_slot():
    module = Retrieval(build(), k=5)
    number = slot_tensor(module.slot)
    none = torch.empty((12, 0), dtype=torch.int64)
    found(number, tensor(), none, none, 3, False, False, "dot_product")
    del module
    gc.collect()
    with pytest.raises(ValueError, match="is not open"):
        found(number, tensor(), none, none, 3, False, False, "dot_product")


def test_strings_are_found_by_position():
    index = build(4, ids=["a", "b", "c", "d"])
    with pytest.raises(TypeError, match="positions=True"):
        search(index, tensor(), 2)
    module = Retrieval(index, k=6)
    np.testing.assert_array_equal(module.decode(module(tensor()).ids), index.search(QUERIES, k=6).ids)


def test_large_ids_come_back_whole():
    index = build(5, ids=np.arange(5) * 2**40 + 7)
    assert_same(search(index, tensor(), 5), index.search(QUERIES, k=5))


def test_lists_deny_and_allow_at_call_time():
    index = build()
    ranked = index.search(QUERIES, k=50).ids
    deny = torch.from_numpy(ranked[:, :3])
    np.testing.assert_array_equal(search(index, tensor(), 4, deny=deny).ids, ranked[:, 3:7])
    allow = torch.from_numpy(ranked[:, 7:9].copy())
    np.testing.assert_array_equal(search(index, tensor(), 2, allow=allow).ids, ranked[:, 7:9])
    best = torch.compile(lambda q, deny: search(index, q, 4, deny=deny), fullgraph=True, backend="eager")
    np.testing.assert_array_equal(best(tensor(), deny).ids, ranked[:, 3:7])
    assert set(search(index, tensor(), 3, allow=[3, 1, -1]).ids.flatten().tolist()) == {1, 3, -1}
    with pytest.raises(ValueError, match="empty list"):
        search(index, tensor(), 3, allow=[])
    with pytest.raises(ValueError, match="a list for each query"):
        search(index, tensor(), 3, deny=torch.zeros((3, 2), dtype=torch.int64))
    with pytest.raises(TypeError, match="integers"):
        search(index, tensor(), 3, deny=[0.5])


def test_coarse_queries_are_searched_as_float32():
    index = build()
    coarse = tensor().to(torch.bfloat16)
    result = search(index, coarse, 5)
    assert_same(result, index.search(coarse.float().numpy(), k=5))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert_same(search(index, tensor(), 5), index.search(QUERIES, k=5))


def test_bad_arguments_are_told():
    index = build()
    with pytest.raises(ValueError, match=r"queries must have the shape \(6,\) or"):
        search(index, tensor()[:, :5], 5)
    with pytest.raises(ValueError, match="k must be between 1"):
        search(index, tensor(), 0)
    with pytest.raises(TypeError, match="tensor of real numbers"):
        search(index, QUERIES, 5)
    with pytest.raises(TypeError, match=r"leafscan\.Index"):
        search(tensor(), tensor(), 5)
    codes = build(200, config=leafscan.Config(score=leafscan.AsymmetricHash()))
    assert_same(search(codes, tensor(), 3), codes.search(QUERIES, k=3))
    with pytest.raises(ValueError, match="keeps codes alone"):
        search(codes, tensor().requires_grad_(), 3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cuda_tensors_take_the_host_path():
    index = build()
    result = search(index, tensor().cuda(), 5)
    assert result.ids.is_cuda
    np.testing.assert_array_equal(result.ids.cpu(), index.search(QUERIES, k=5).ids)
    queries = tensor().cuda().requires_grad_()
    search(index, queries, 5).scores.sum().backward()
    assert queries.grad.is_cuda
