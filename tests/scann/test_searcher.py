"""Searches: shapes, dtypes, order and docids are ScaNN's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from leafscan import scann

Matrix = NDArray[np.float32]
Builder = Callable[..., scann.ScannBuilder]

KINDS = scann.ReorderType


def products(rows: Matrix, queries: Matrix) -> Any:
    return queries.astype(np.float64) @ rows.astype(np.float64).T


@pytest.mark.parametrize("measure", ["dot_product", "squared_l2"])
def test_exact_searches_are_exact(builder: Builder, rows: Matrix, queries: Matrix, measure: str) -> None:
    searcher = builder(measure).score_brute_force().build()
    exact = products(rows, queries)
    if measure == "squared_l2":
        exact = np.square(queries[:, None].astype(np.float64) - rows).sum(axis=2)
    order = np.argsort(exact if measure == "squared_l2" else -exact, axis=1)[:, :10]
    indices, distances = searcher.search_batched(queries)
    assert (indices.dtype, distances.dtype) == (np.uint32, np.float32)
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_allclose(distances, np.take_along_axis(exact, order, axis=1), rtol=1e-5)
    for query, ids, scores in zip(queries, indices, distances, strict=True):
        index, distance = searcher.search(query)
        assert (index.dtype, distance.dtype, index.shape) == (np.uint32, np.float32, (10,))
        np.testing.assert_array_equal(index, ids)
        np.testing.assert_array_equal(distance, scores)


PLANS: dict[str, Any] = {
    "tree": lambda b: b.tree(20, 20).score_brute_force(),
    "int8": lambda b: b.score_brute_force(KINDS.INT8),
    "bfloat16": lambda b: b.score_brute_force(KINDS.BFLOAT16).reorder(20),
    "codes": lambda b: b.score_ah(2, 0.2).reorder(200),
    "lut256": lambda b: b.score_ah(2, hash_type="lut256").reorder(200),
    "uneven": lambda b: b.score_ah(3).reorder(300),
    "tree and codes": lambda b: b.tree(20, 20).score_ah(2).reorder(200),
    "wide blocks": lambda b: b.tree(20, 20).score_ah(40).reorder(800),
    "pca": lambda b: b.tree(20, 20).pca(12, None).score_ah(2).reorder(300),
    "pca by share": lambda b: b.tree(20, 20).pca().score_ah(2).reorder(400),
    "truncate": lambda b: b.tree(20, 20).truncate(12).score_ah(2).reorder(300),
    "upper tree": lambda b: b.tree(20, 20).upper_tree(4, 4).score_ah(2).reorder(200),
    "small rows": lambda b: b.tree(20, 20).score_ah(2).reorder(200, KINDS.INT8, 0.2),
    "half rows": lambda b: b.tree(20, 20).score_ah(2).reorder(200, KINDS.BFLOAT16),
    "autopilot": lambda b: b.autopilot(),
    "autopilot, int8": lambda b: b.autopilot(scann.IncrementalMode.ONLINE, KINDS.INT8),
    "soar": lambda b: b.tree(20, 20, soar_lambda=1.5).score_ah(2, 0.2).reorder(200),
    "soar, exact": lambda b: b.tree(20, 20, soar_lambda=1.5).score_brute_force(),
    "avq": lambda b: b.tree(20, 20, avq=2.5).score_ah(2).reorder(200),
    "spherical": lambda b: b.tree(20, 20, spherical=True).score_ah(2).reorder(200),
    "one leaf": lambda b: b.tree(1, 1).score_ah(2).reorder(200),
}
DOT_ONLY = {"soar", "soar, exact", "avq"}


@pytest.mark.parametrize("measure", ["dot_product", "squared_l2"])
@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.filterwarnings("ignore:score_ah's anisotropic:UserWarning")
def test_every_plan_finds_what_is_near(
    builder: Builder, rows: Matrix, queries: Matrix, plan: str, measure: str
) -> None:
    if measure == "squared_l2" and plan in DOT_ONLY:
        pytest.skip("for dot products")
    searcher = PLANS[plan](builder(measure)).build()
    exact = -products(rows, queries)
    if measure == "squared_l2":
        exact = np.square(queries[:, None].astype(np.float64) - rows).sum(axis=2)
    near = np.argsort(exact, axis=1)[:, :10]
    found = searcher.search_batched_parallel(queries).indices
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, near, strict=True)])
    assert recall >= 0.9


def test_results_have_the_names_of_the_tensor_ops(builder: Builder, queries: Matrix) -> None:
    searcher = builder().score_brute_force().build()
    one, many = searcher.search(queries[0]), searcher.search_batched(queries)
    assert one.index is one[0] is one.indices
    assert one.distance is one[1] is one.distances
    assert many.indices is many[0]
    assert many.distances is many[1]


def test_docids_stand_for_rows(builder: Builder, queries: Matrix, names: list[str]) -> None:
    plain = builder().score_brute_force().build()
    named = builder().score_brute_force().build(docids=names)
    ids, scores = plain.search_batched(queries)
    told, again = named.search_batched(queries)
    assert told == [[names[i] for i in row] for row in ids.tolist()]
    np.testing.assert_array_equal(scores, again)
    index, _ = named.search(queries[0])
    assert type(index) is list
    assert index == told[0]
    assert named.docids == names
    assert plain.docids is None


def test_a_batch_is_by_default_as_wide_as_its_longest_answer(
    builder: Builder, queries: Matrix, names: list[str]
) -> None:
    # As scann 1.4.2 has it: 200 neighbours by default, of which the one leaf that is visited has fewer.
    begun = builder(k=200).tree(40, 1).score_brute_force()
    for docids in (None, names):
        searcher = begun.build(docids=docids)
        most = max(len(searcher.search(query).index) for query in queries)
        assert most < 200
        for search in (searcher.search_batched, searcher.search_batched_parallel):
            found = search(queries)
            assert found.distances.shape == (12, most)
            assert {len(ids) for ids in found.indices} == {most}
            assert search(queries, 200).distances.shape == (12, 200)
            assert search(queries[:0]).distances.shape == (0, 200)


def test_what_is_not_said_is_what_was_configured(builder: Builder, queries: Matrix) -> None:
    searcher = builder(k=7).tree(20, 3).score_ah(2).reorder(50).build()
    for unsaid in (-1, None):
        assert len(searcher.search(queries[0], unsaid, unsaid, unsaid).index) == 7
        assert searcher.search_batched(queries, unsaid, unsaid, unsaid).indices.shape == (12, 7)
    few = searcher.search(queries[0], 5, 40, 1)
    assert few.index.shape == (5,)
    all_leaves = searcher.search_batched(queries, 10, 800, 10_000).indices
    exact = builder().score_brute_force().build().search_batched(queries).indices
    np.testing.assert_array_equal(all_leaves, exact)


def test_leaves_and_candidates_count_for_nothing_where_there_are_none(
    builder: Builder, queries: Matrix
) -> None:
    for searcher in (builder().score_brute_force().build(), builder().score_ah(2).build()):
        assert searcher.search(queries[0], 7, 3, 5).index.shape == (7,)


def test_inputs_are_converted_as_scann_converts_them(builder: Builder, queries: Matrix) -> None:
    searcher = builder().score_brute_force().build()
    wanted = searcher.search_batched(queries).indices
    for given in (queries.astype(np.float64), np.asfortranarray(queries), queries.tolist()):
        np.testing.assert_array_equal(searcher.search_batched(given).indices, wanted)
    whole = np.arange(16)
    np.testing.assert_array_equal(
        searcher.search(whole).index, searcher.search(whole.astype(np.float32)).index
    )


def test_rows_are_read_from_what_can_be_read(rows: Matrix, queries: Matrix) -> None:
    wanted = scann.scann_ops_pybind.builder(rows, 5, "dot_product").score_brute_force().build()
    for given in (rows.astype(np.float64), np.asfortranarray(rows), rows.tolist()):
        made = scann.scann_ops_pybind.builder(given, 5, "dot_product").score_brute_force().build()
        np.testing.assert_array_equal(
            made.search_batched(queries).indices, wanted.search_batched(queries).indices
        )
    for wrong, told in ((rows[0], r"\(n, d\)"), (rows[None], r"\(n, d\)"), ("rows", "real numbers|shape")):
        with pytest.raises((ValueError, TypeError), match=told):
            scann.scann_ops_pybind.builder(wrong, 5, "dot_product").score_brute_force().build()


def test_batches_on_threads_give_what_one_thread_gives(builder: Builder, queries: Matrix) -> None:
    searcher = builder().tree(20, 5).score_ah(2).reorder(50).build()
    wanted = searcher.search_batched(queries)
    for threads in (1, 2, 5):
        searcher.set_num_threads(threads)
        found = searcher.search_batched_parallel(queries, batch_size=1)
        np.testing.assert_array_equal(found.indices, wanted.indices)
        np.testing.assert_array_equal(found.distances, wanted.distances)


def test_sizes_and_configurations_are_told(builder: Builder) -> None:
    begun = builder().tree(20, 5).score_ah(2).reorder(50)
    searcher = begun.build()
    assert searcher.size() == 800
    assert searcher.config() == begun.create_config()
    assert searcher.reserve(10_000) is None
    assert searcher.initialize_health_stats() is None
    assert "800 x 16" in repr(searcher)


def test_create_searcher_builds_what_the_builder_builds(
    builder: Builder, rows: Matrix, queries: Matrix
) -> None:
    begun = builder().tree(20, 5).score_ah(2, 0.2).reorder(50)
    wanted = begun.build().search_batched(queries)
    made = scann.scann_ops_pybind.create_searcher(rows, begun.create_config(), 1, None, anything="else")
    np.testing.assert_array_equal(made.search_batched(queries).indices, wanted.indices)
    named = scann.scann_ops_pybind.create_searcher(rows, begun.create_config(), docids=list(range(1, 801)))
    assert named.search(queries[0]).index == (wanted.indices[0] + 1).tolist()
