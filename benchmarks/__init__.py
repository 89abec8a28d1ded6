"""Leafscan and its peers, measured on the same data in one run: ``python -m benchmarks --help``.

This file imports nothing: worker processes import it inside environments that hold one peer and NumPy.
"""
