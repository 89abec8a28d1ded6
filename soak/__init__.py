"""Long runs that try to break leafscan: ``python -m soak --help``."""
