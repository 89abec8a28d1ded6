import os
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

from leafscan.accelerator import sharded_top_k

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
