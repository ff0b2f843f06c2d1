"""SHAP values of a sample of rows through the whole model: table rows in, answers out.

Explained is the probability of the last class (binary: the positive one), or the predicted value. Columns beyond the
twenty strongest move together as one player, so the values still sum to the answer.
"""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tarragon.analyze.importance import CELLS, places
from tarragon.analyze.protocol import Explanation
from tarragon.analyze.shap import EXACT, Shapley, cost_of, explain, joined, spread_rows
from tarragon.analyze.subject import Evidence, Subject
from tarragon.data import Index, Vector
from tarragon.metrics import number

COLUMNS = 20
ROWS = (150, 100, 60, 40, 25)
BACKGROUND = (16, 10, 6, 4)
GROUP = 25  # rows explained between two looks at the clock


def plan_rows(players: int, affordable: float) -> tuple[int, int, bool] | None:
    """Choose rows to explain, background rows and whether to enumerate, within ``affordable`` answers; None: too dear.

    Enumerating is taken where it is affordable with as many rows; then more rows come before more background.
    """
    for background in BACKGROUND:
        for rows in ROWS[: 2 + BACKGROUND.index(background)]:
            if players <= EXACT and rows * background * cost_of(players, exact=True) <= affordable:
                return rows, background, True
            if rows * background * cost_of(players, exact=False) <= affordable:
                return rows, background, False
    return None


def explain_rows(
    subject: Subject,
    proof: Evidence,
    columns: Sequence[str],
    *,
    affordable: float,
    seed: int,
    go_on: Callable[[], bool] = lambda: True,
) -> Explanation | None:
    """Explain a sample of the judged rows, or None where even the smallest sample costs more than ``affordable``.

    Parameters
    ----------
    columns : sequence of str
        The model's columns, strongest first.
    affordable : float
        Answers of the model there is time for.
    go_on : callable
        Asked between groups of rows; the rows explained so far are kept.
    """
    players = _players(columns)
    plan = plan_rows(len(players), affordable)
    while plan is None and len(players) > 6:
        players = _players(columns, max(5, len(players) // 2))
        plan = plan_rows(len(players), affordable)
    if plan is None:
        return None
    frame = subject.table.frame.drop(subject.table.target)
    chosen = proof.sample(plan[0], seed)
    pool = proof.sample(2_000, seed + 1)
    back = pool.rows[spread_rows(_one(pool.p), plan[1])]
    rows = frame[chosen.rows]
    parts: list[Shapley] = []
    for start in range(0, rows.height, GROUP):
        if parts and not go_on():
            break
        some = rows.slice(start, GROUP)
        asked = _Asked(subject, pl.concat([some, frame[back]]), some.height, players)
        parts.append(explain(asked, (some.height, len(back), len(players)), exact=plan[2], seed=seed + start))
    found = joined(parts)
    return _written(subject, players, chosen.rows[: len(found.answers)], found, len(back))


def _players(columns: Sequence[str], size: int = COLUMNS) -> list[list[str]]:
    """Give each of the strongest columns its own player, and all others one."""
    if len(columns) <= size:
        return [[c] for c in columns]
    return [*([c] for c in columns[: size - 1]), list(columns[size - 1 :])]


def _one(p: NDArray[np.float64]) -> Vector:
    """(n, K) or (n,) -> (n,): the answer that is explained."""
    return p if p.ndim == 1 else p[:, -1]


class _Asked:
    """The model as a function of which columns come from which row."""

    def __init__(self, subject: Subject, frame: pl.DataFrame, n_rows: int, players: Sequence[Sequence[str]]) -> None:
        self.subject, self.frame, self.n_rows, self.players = subject, frame, n_rows, players

    def __call__(self, row: Index, background: Index, mask: NDArray[np.bool_]) -> Vector:
        block = max(1, CELLS // max(1, self.frame.width))
        parts = [
            self._ask(row[s : s + block], background[s : s + block], mask[s : s + block])
            for s in range(0, len(row), block)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _ask(self, row: Index, background: Index, mask: NDArray[np.bool_]) -> Vector:
        sources = [np.where(mask[:, j], row, self.n_rows + background) for j in range(len(self.players))]
        widest = max(range(len(self.players)), key=lambda j: len(self.players[j]))
        base = self.frame[sources[widest]]  # one gather for the many columns that move together
        changed = [
            self.frame[c].gather(sources[j]) for j, columns in enumerate(self.players) if j != widest for c in columns
        ]
        return _one(np.asarray(self.subject.predictor.respond(base.with_columns(changed)), dtype=np.float64))


def _written(
    subject: Subject, players: Sequence[Sequence[str]], rows: Index, found: Shapley, n_background: int
) -> Explanation:
    order = np.argsort(-np.abs(found.values).mean(axis=0), kind="stable")
    names: list[str] = []
    scaled: list[list[float | None]] = []
    cells: list[list[str]] = []
    for j in order:
        if len(players[j]) > 1:
            names.append(f"({len(players[j])} other columns)")
            scaled.append([None] * len(rows))
            cells.append([""] * len(rows))
        else:
            column = subject.table.frame[players[j][0]]
            names.append(players[j][0])
            scaled.append(places(column, column[rows]))
            cells.append([_text(v) for v in column[rows].to_list()])
    what = (
        f"the probability of {subject.table.classes[-1]}"
        if subject.table.classes
        else f"the predicted {subject.table.target}"
    )
    how = "all coalitions" if found.exact else "antithetic random orders"
    return Explanation(
        columns=tuple(names),
        values=tuple(tuple(map(float, found.values[i, order])) for i in range(len(rows))),
        scaled=tuple(zip(*scaled, strict=True)),
        cells=tuple(zip(*cells, strict=True)),
        expected=found.expected,
        method=f"Shapley values of {what}, {how}, against {n_background} background rows",
        additivity_error=found.additivity_error,
        rows=tuple(map(int, rows)),
    )


def _text(cell: object) -> str:
    """Write a cell for a tooltip."""
    if cell is None or (isinstance(cell, float) and cell != cell):
        return "missing"
    if isinstance(cell, float):
        return number(cell)
    text = str(cell)
    return text if len(text) <= 40 else text[:39] + "…"
