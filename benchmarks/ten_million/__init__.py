"""Ten million vectors on two cores: ``python -m benchmarks.ten_million``."""
