import numpy as np
import pytest

from benchmarks.data.local_dimension import local_intrinsic_dimension


@pytest.mark.parametrize("dimensions", [2, 5, 10])
def test_a_cube_inside_a_wider_space_has_the_dimension_of_the_cube(dimensions):
    generator = np.random.default_rng(0)
    flat = generator.random((20_000, dimensions)).astype(np.float32)
    turned = flat @ np.linalg.qr(generator.standard_normal((30, 30)))[0][:dimensions].astype(np.float32)
    assert local_intrinsic_dimension(turned, sample=300) == pytest.approx(dimensions, rel=0.2)


def test_copies_do_not_count():
    flat = np.random.default_rng(1).random((5_000, 3)).astype(np.float32)
    doubled = np.concatenate([flat, flat])
    assert local_intrinsic_dimension(doubled, sample=300) == pytest.approx(3, rel=0.25)
