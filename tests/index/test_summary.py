"""An index in one line."""

import pytest

from leafscan import Config
from leafscan.index.summary import summary


@pytest.mark.parametrize(
    ("nbytes", "said"), [(999, "999 bytes"), (1_000, "1 kB"), (148e6, "148 MB"), (2e13, "2e+04 GB")]
)
def test_sizes_read_well(nbytes: float, said: str) -> None:
    assert summary(1, 2, "cosine", Config(), int(nbytes)).endswith(f", {said}")
