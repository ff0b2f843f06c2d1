"""Looks at a table, says whether it can be trusted, whether it is worth modelling, and what is worth trying."""

from tarragon.choose.feasibility import feasibility
from tarragon.choose.plan import libraries, n_folds, n_repeats, plan
from tarragon.choose.profile import profile
from tarragon.choose.protocol import (
    Candidate,
    ColumnProfile,
    Curve,
    Feasibility,
    Finding,
    Plan,
    PlanRequest,
    Profile,
)
from tarragon.choose.repair import repair
from tarragon.choose.task import objective

__all__ = [
    "Candidate", "ColumnProfile", "Curve", "Feasibility", "Finding", "Plan", "PlanRequest", "Profile", "feasibility",
    "libraries", "n_folds", "n_repeats", "objective", "plan", "profile", "repair",
]  # fmt: skip
