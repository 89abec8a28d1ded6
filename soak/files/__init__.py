"""Crafted and damaged index files: each is refused in a sentence, or searched safely."""
