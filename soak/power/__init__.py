"""The power fails at random moments, on a disk that keeps of what was not synced whatever it likes."""
