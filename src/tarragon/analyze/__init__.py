"""What there is to say about a model: honest score, errors, importance, bias, cost. Changes nothing."""

from tarragon.analyze.examine import examine
from tarragon.analyze.protocol import (
    Action,
    Analysis,
    Baseline,
    BiasFacet,
    BiasMetric,
    Confusion,
    Cost,
    Explanation,
    Fit,
    Importance,
    Interpretability,
    Line,
    Pictures,
    Score,
    Slice,
)
from tarragon.analyze.subject import Predictor, Subject

__all__ = [
    "Action", "Analysis", "Baseline", "BiasFacet", "BiasMetric", "Confusion", "Cost", "Explanation", "Fit",
    "Importance", "Interpretability", "Line", "Pictures", "Predictor", "Score", "Slice", "Subject", "examine",
]  # fmt: skip
