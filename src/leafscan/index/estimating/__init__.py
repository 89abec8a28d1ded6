"""What an index will cost, told before it is built."""

from leafscan.index.estimating.estimate import Estimate, Interval
from leafscan.index.estimating.planning import plan

__all__ = ["Estimate", "Interval", "plan"]
