"""``scann-core``: ScaNN's sources with AVX2 and AVX-512 kernels switched on; the one to beat."""

from typing import ClassVar

from benchmarks.peers.scann import ScaNN


class ScaNNCore(ScaNN):
    """``scann-core`` 0.2.1 from PyPI, which also installs as ``import scann``."""

    name: ClassVar[str] = "scann-core"
    requirements: ClassVar[tuple[str, ...]] = ("scann-core==0.2.1", "numpy")
