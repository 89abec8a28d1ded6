"""The KerasRS tutorial's functions run as they stand there; only the import differs."""

import sys
import time
import uuid
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from leafscan.scann import scann_ops

Matrix = NDArray[np.float32]

#: The tutorial's functions read it.
user_embedding: Any = None

# As the tutorial has them.


def build_scann(
    candidates: Any,
    k: int = 10,
    distance_measure: str = "dot_product",
    dimensions_per_block: int = 2,
    num_reordering_candidates: int = 500,
    num_leaves: int = 100,
    num_leaves_to_search: int = 30,
    training_iterations: int = 12,
) -> Any:
    builder = scann_ops.builder(
        db=candidates,
        num_neighbors=k,
        distance_measure=distance_measure,
    )

    builder = builder.tree(
        num_leaves=num_leaves,
        num_leaves_to_search=num_leaves_to_search,
        training_iterations=training_iterations,
    )
    builder = builder.score_ah(dimensions_per_block=dimensions_per_block)

    if num_reordering_candidates is not None:
        builder = builder.reorder(num_reordering_candidates)

    searcher = builder.build(shared_name=str(uuid.uuid4()))
    return searcher


def run_scann(searcher: Any) -> Any:
    pred_movie_ids = searcher.search_batched_parallel(
        user_embedding,
        final_num_neighbors=10,
    ).indices
    return pred_movie_ids


def array_of(framework: str) -> Any:
    """Return what makes the framework's arrays; the tutorial's own are made by Keras."""
    if framework == "jax":
        return pytest.importorskip("jax.numpy").asarray
    if framework == "torch":
        return pytest.importorskip("torch").as_tensor
    if framework == "tensorflow":
        return pytest.importorskip("tensorflow").constant
    if framework == "keras":
        return pytest.importorskip("keras").ops.array
    return np.asarray


@pytest.mark.parametrize("framework", ["numpy", "jax", "torch", "tensorflow", "keras"])
def test_the_tutorials_lines(framework: str, monkeypatch: pytest.MonkeyPatch) -> None:
    array = array_of(framework)
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((20_000, 32)).astype(np.float32)
    users = rng.standard_normal((4, 32)).astype(np.float32)
    candidate_embeddings = array(rows)
    monkeypatch.setattr(sys.modules[__name__], "user_embedding", array(users))

    searcher = build_scann(candidates=candidate_embeddings)

    t0 = time.time()
    pred_movie_ids = run_scann(searcher)
    print("Time taken by ScANN (sec):", time.time() - t0)

    assert isinstance(pred_movie_ids, type(user_embedding))
    assert tuple(pred_movie_ids.shape) == (4, 10)
    near = np.argsort(-(users @ rows.T), axis=1)[:, :10]
    found = np.asarray(pred_movie_ids)
    recall = np.mean([len(set(a.tolist()) & set(b)) / 10 for a, b in zip(found, near, strict=True)])
    assert recall >= 0.7


def test_the_other_arguments_of_the_tutorial(monkeypatch: pytest.MonkeyPatch) -> None:
    candidates = np.random.default_rng(3).standard_normal((2_000, 32)).astype(np.float32)
    monkeypatch.setattr(sys.modules[__name__], "user_embedding", candidates[:3])
    searcher = build_scann(candidates, 5, "squared_l2", 4, None, 20, 20, 3)  # type: ignore[arg-type]
    assert run_scann(searcher).shape == (3, 10)
