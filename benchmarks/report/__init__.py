"""What a run leaves behind: tables, raw points, plots."""
