import os
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

from leafscan.accelerator import TopK, merge_top_k, sharded_top_k

CHECK = pathlib.Path(__file__).with_name("sharded_check.py")


def test_four_devices_answer_as_one_does():
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
    }
    done = subprocess.run(
        [sys.executable, str(CHECK)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "equal\n"


def test_equal_scores_are_merged_by_position_and_nothing_stands_last():
    parts = TopK(
        scores=jnp.array([[[2.0, jnp.inf]], [[1.0, 2.0]]]), positions=jnp.array([[[9, -1]], [[4, 3]]])
    )
    merged = jax.vmap(lambda part: merge_top_k(part, "rows", squared_l2=True), axis_name="rows")(parts)
    assert merged.positions[0].tolist() == [[4, 3]]
    few = TopK(
        scores=jnp.array([[[2.0, jnp.inf, jnp.inf]], [[2.0, jnp.inf, jnp.inf]]]),
        positions=jnp.array([[[9, -1, -1]], [[4, -1, -1]]]),
    )
    merged = jax.vmap(lambda part: merge_top_k(part, "rows", squared_l2=True), axis_name="rows")(few)
    assert merged.positions[1].tolist() == [[4, 9, -1]]
    assert merged.scores[1].tolist() == [[2.0, 2.0, float("inf")]]


def test_what_cannot_be_spread_is_refused():
    mesh = jax.make_mesh((1,), ("rows",))
    rows = jnp.ones((8, 4))
    with pytest.raises(
        ValueError, match="axis must name axes of the mesh, \\('rows',\\); received 'columns'"
    ):
        sharded_top_k(rows[0], rows, 1, mesh=mesh, axis="columns")
    with pytest.raises(ValueError, match="candidates must be of shape"):
        sharded_top_k(rows[0], rows[0], 1, mesh=mesh, axis="rows")
    with pytest.raises(ValueError, match="mask must be of shape"):
        sharded_top_k(rows[0], rows, 1, mesh=mesh, axis="rows", mask=jnp.ones(3, bool))
