"""One program over ScaNN and over `leafscan.scann`, compared call by call."""
