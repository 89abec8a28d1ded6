"""What `test_sharded` runs in a process with several CPU devices: equal answers, one device or four."""

import jax
import jax.numpy as jnp
import numpy as np

from leafscan.accelerator import exact_top_k, sharded_top_k

DEVICES = 4


def main() -> None:
    assert len(jax.devices()) == DEVICES
    generator = np.random.default_rng(0)
    queries = jnp.asarray(generator.standard_normal((5, 12)), jnp.float32)
    # Whole numbers, so that many scores tie and none is rounded.
    rows = jnp.asarray(generator.integers(-3, 4, (400, 12)), jnp.float32)
    whole = jnp.round(queries)
    mask = jnp.asarray(generator.random(400) < 0.3)
    for shape, axes, spread in (
        ((4,), ("rows",), "rows"),
        ((2, 2), ("rows", "more"), ("rows", "more")),
        ((2, 2), ("queries", "rows"), "rows"),
    ):
        mesh = jax.make_mesh(shape, axes)
        for metric in ("dot_product", "cosine", "squared_l2"):
            for allowed in (None, mask, jnp.zeros(400, bool)):
                one = exact_top_k(whole, rows, 130, metric=metric, mask=allowed)
                many = jax.jit(
                    lambda q, c, m, mesh=mesh, spread=spread, metric=metric: sharded_top_k(
                        q, c, 130, mesh=mesh, axis=spread, metric=metric, mask=m
                    )
                )(whole, rows, allowed)
                np.testing.assert_allclose(one.scores, many.scores, rtol=1e-6, atol=1e-6)
                # Cosines of equal directions differ by a rounding, which may go either way.
                equal = np.mean(np.asarray(one.positions) == np.asarray(many.positions))
                assert equal > 0.8 if metric == "cosine" else equal == 1, (metric, equal)
        sums = [
            jax.jit(jax.grad(lambda q, search=search: jnp.sum(search(q).scores)))(queries)
            for search in (
                lambda q: exact_top_k(q, rows, 3),
                lambda q, mesh=mesh, spread=spread: sharded_top_k(q, rows, 3, mesh=mesh, axis=spread),
            )
        ]
        np.testing.assert_allclose(*sums, rtol=1e-5)
    print("equal")


if __name__ == "__main__":
    main()
