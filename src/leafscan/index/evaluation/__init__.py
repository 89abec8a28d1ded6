"""How well an index answers, and why where it does not."""

from leafscan.index.evaluation.evaluate import evaluate
from leafscan.index.evaluation.evaluation import Evaluation, Missed, ScoreErrors, WorstQuery, frontier_of

__all__ = ["Evaluation", "Missed", "ScoreErrors", "WorstQuery", "evaluate", "frontier_of"]
