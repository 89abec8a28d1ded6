"""Searches, updates and all else over threads for a long time, held against an exact model."""
