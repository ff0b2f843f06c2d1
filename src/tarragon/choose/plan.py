"""From the time that is left to the work that will be done."""

import numpy as np

from tarragon.algorithms import catalogue
from tarragon.choose.portfolio import PORTFOLIO, SPACES, Line, Shape
from tarragon.choose.protocol import Candidate, Plan, PlanRequest
from tarragon.choose.task import objective
from tarragon.data import Kind, Split, Table
from tarragon.errors import ParameterError

CLOSING_SHARE = 0.15  # of the budget goes to analysis, report and registration
CLOSING_MOST = 0.35  # on a machine so loaded that closing takes longer than planned
CLOSING_MIN_S, CLOSING_MAX_S = 2.0, 12.0
DEAR_SHARE = 0.25  # of the budget, in seconds of one core
OPENING = 2  # the cheapest lines come first whatever their place: a usable model within seconds
AFFORDABLE = 0.5  # of what is left is the most that one candidate may be expected to take
HOPELESS_SHARE = 0.2  # of the search time is enough to confirm that there is no signal


def n_folds(table: Table, budget_s: float) -> int:
    """Folds: five; three where one quick booster would use up the time, fewer where the rarest class is too rare."""
    shape = Shape(table.n_rows, len(table.features), 0, table.n_classes, text=False)
    booster = next(line for line in PORTFOLIO if line.algorithm == "lightgbm")
    folds = 5 if 5 * booster.cost(shape) < DEAR_SHARE * budget_s else 3
    if table.n_classes:
        rarest = int(np.bincount(table.y.astype(np.int64), minlength=table.n_classes).min())
        folds = max(2, min(folds, rarest))
    return folds


def n_repeats(table: Table) -> int:
    """How often the division is repeated: small tables are judged on several, since one says little."""
    cells = table.n_rows * max(1, len(table.features)) * max(1, table.n_classes)
    if table.n_rows < 1_000 and cells < 200_000:
        return 2
    return 1


def shape_of(table: Table, split: Split) -> Shape:
    """Return the size of one fold's training part."""
    wide = 0
    text = False
    for column in table.features:
        text = text or column.kind is Kind.TEXT
        wide += (
            min(column.n_unique, 60) if column.kind is Kind.CATEGORICAL else 4_000 if column.kind is Kind.TEXT else 1
        )
    return Shape(len(split.folds[0].train), len(table.features), wide, table.n_classes, text)


def plan(table: Table, split: Split, request: PlanRequest) -> Plan:
    """Choose candidates and shares of time.

    Raises
    ------
    ParameterError
        For an unknown algorithm, or when nothing that is installed fits what was asked.
    """
    name, why = objective(table, request.metric)
    asked = tuple(request.algorithms)
    for algorithm in asked:
        catalogue.get(algorithm)  # raises with near misses, or with the extra to install
    shape = shape_of(table, split)
    lines, left_out = [], []
    for line in PORTFOLIO:
        reason = _reason_against(line, shape, request)
        if not reason:
            lines.append(line)
        elif "pip install" in reason and reason not in left_out:
            left_out.append(reason)
    named = [Line(a, {}, "asked for", lambda s: 1.0) for a in asked if a not in {line.algorithm for line in lines}]
    lines += [line for line in named if not _reason_against(line, shape, request)]
    if not lines:
        raise ParameterError(
            "Nothing to try is left",
            why="No installed algorithm fits what was asked",
            fix="Ask for other algorithms or drop a limit",
        )
    fold_s = AFFORDABLE * request.left_s * request.workers / len(split.folds)
    lines = _affordable(_opening_first(lines, shape), shape, fold_s)
    closing = min(CLOSING_MAX_S, max(CLOSING_MIN_S, CLOSING_SHARE * request.budget_s))
    closing = min(closing * request.slowness, CLOSING_MOST * request.budget_s)
    search = max(1.0, request.left_s - closing) * (HOPELESS_SHARE if request.hopeless else 1.0)
    return Plan(
        metric=name,
        why_metric=why,
        candidates=tuple(
            Candidate(
                line.algorithm, dict(line.params), catalogue.get(line.algorithm).card.view, line.why, line.cost(shape)
            )
            for line in lines
        ),
        n_folds=split.n_folds,
        n_repeats=split.n_repeats,
        budget_s=request.budget_s,
        search_s=search,
        closing_s=closing,
        workers=request.workers,
        threads=1,
        seed=request.seed,
        spaces={}
        if request.hopeless
        else {k: v for k, v in SPACES.items() if any(line.algorithm == k for line in lines)},
        left_out=tuple(left_out),
    )


def libraries(plan: Plan) -> tuple[str, ...]:
    """List modules that the plan's fits need and that are slow to load, sorted."""
    return tuple(sorted({catalogue.get(c.algorithm).card.library for c in plan.candidates} - {""}))


def _opening_first(lines: list[Line], shape: Shape) -> list[Line]:
    cheap = sorted(lines, key=lambda line: line.cost(shape))[:OPENING]
    return cheap + [line for line in lines if line not in cheap]


def _reason_against(line: Line, shape: Shape, request: PlanRequest) -> str:
    """Why a line is not planned; "" if it is."""
    if request.algorithms and line.algorithm not in request.algorithms:
        return "not asked for"
    if not catalogue.installed(line.algorithm):
        card = catalogue.cards().get(line.algorithm)
        if card is None:
            return "not offered by any installed package"
        return f"{card.title} is left out (pip install 'tarragon[{card.extra}]'): {card.use}"
    card = catalogue.get(line.algorithm).card
    if request.glass_box and card.interpretability != "high":
        return "not a glass box"
    task = "regression" if not shape.classes else "binary" if shape.classes == 2 else "multiclass"
    if task not in card.tasks:
        return f"not for {task}"
    return "" if line.fits(shape) else "does not fit the table's size"


def _affordable(lines: list[Line], shape: Shape, fold_s: float) -> list[Line]:
    """Leave out what is not expected to end in time even if it ran alone."""
    first, *others = lines
    return [first, *(line for line in others if line.cost(shape) <= fold_s)]
