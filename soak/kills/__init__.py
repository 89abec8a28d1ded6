"""A writer is killed at random moments, and everything that it acknowledged must be there."""
