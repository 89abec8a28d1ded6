"""The subject "scann": random calls of leafscan.scann, held against a dictionary."""
