"""Check searches of arrays on a GPU, by way of the host: ``python -m benchmarks.gpu.host_paths``."""
