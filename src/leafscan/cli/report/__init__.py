"""An evaluation as one page of HTML."""

from leafscan.cli.report.page import Subject, render

__all__ = ["Subject", "render"]
