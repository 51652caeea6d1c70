"""What an analysis found: numbers with their controls, tables, pictures, edited GANs."""

from ganlab.results.metrics import Metric
from ganlab.results.result import FORMAT, Figure, Result, Section, Table

__all__ = ["FORMAT", "Figure", "Metric", "Result", "Section", "Table"]
