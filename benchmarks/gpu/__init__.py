"""Exact retrieval on one GPU, beside what there is: ``python -m benchmarks.gpu``."""
