"""Shapley values of a model's answers on the table's own columns, for any model.

Shapley (1953); Štrumbelj & Kononenko (2014), Knowledge and Information Systems 41.

Notation: r rows to explain, b background rows, M players. A player is a column (or several that move together).
The value of a coalition S for row i is the mean over background rows of the answer to "columns of S from row i, all
others from the background row". Few players are enumerated exactly; more are sampled by walking through random orders
of the players, each order also backwards (antithetic; Mitchell et al. 2022), one pair of walks per background row.
Every walk starts at the background row and ends at the row itself, so the values of a row sum to its answer minus
the background's mean answer exactly, however few walks there are.

Cost: r · b · 2(M − 1) answers sampled, r · b · (2^M − 2) exact, plus r + b.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import factorial

import numpy as np
from numpy.typing import NDArray

from tarragon.data import Index, Vector

Ask = Callable[[Index, Index, NDArray[np.bool_]], Vector]
"""(e,) explained row numbers, (e,) background row numbers, (e, M) which players come from the explained row -> (e,)."""
EXACT = 10  # players up to which all coalitions may be enumerated


@dataclass(frozen=True, slots=True)
class Shapley:
    """Values and what they sum to.

    Parameters
    ----------
    values : ndarray of shape (r, M)
    expected : float
        Mean answer to the background rows.
    answers : ndarray of shape (r,)
        The model's answers to the rows.
    exact : bool
    """

    values: NDArray[np.float64]
    expected: float
    answers: Vector
    exact: bool

    @property
    def additivity_error(self) -> float:
        """Largest |sum of values + expected − answer|."""
        return float(np.abs(self.values.sum(axis=1) + self.expected - self.answers).max(initial=0.0))


def cost_of(players: int, *, exact: bool) -> int:
    """Answers needed per explained row and background row."""
    return 2**players - 2 if exact else 2 * (players - 1)


def explain(ask: Ask, shape: tuple[int, int, int], *, exact: bool, seed: int = 0) -> Shapley:
    """Shapley values of ``shape`` = (r rows, b background rows, M players), in one large question."""
    rows, background, players = shape
    ends = _ends(ask, rows, background, players)
    if players == 1:
        return Shapley((ends[0] - ends[1].mean())[:, None], float(ends[1].mean()), ends[0], True)
    return _exact(ask, shape, ends) if exact else _sampled(ask, shape, ends, seed)


def joined(parts: Sequence[Shapley]) -> Shapley:
    """Put groups of rows explained against the same background together."""
    return Shapley(
        np.concatenate([p.values for p in parts]),
        parts[0].expected,
        np.concatenate([p.answers for p in parts]),
        parts[0].exact,
    )


def _ends(ask: Ask, rows: int, background: int, players: int) -> tuple[Vector, Vector]:
    """Answers to the rows themselves (r,) and to the background rows (b,)."""
    own = ask(np.arange(rows), np.zeros(rows, dtype=np.int64), np.ones((rows, players), dtype=np.bool_))
    none = ask(
        np.zeros(background, dtype=np.int64), np.arange(background), np.zeros((background, players), dtype=np.bool_)
    )
    return own, none


def _exact(ask: Ask, shape: tuple[int, int, int], ends: tuple[Vector, Vector]) -> Shapley:
    rows, background, players = shape
    count = 2**players
    masks = (np.arange(count)[:, None] >> np.arange(players) & 1).astype(np.bool_)
    inner = np.arange(1, count - 1)
    i, b, s = (a.ravel() for a in np.meshgrid(np.arange(rows), np.arange(background), inner, indexing="ij"))
    worth = np.empty((rows, count))
    worth[:, 0], worth[:, -1] = ends[1].mean(), ends[0]
    worth[:, inner] = ask(i, b, masks[s]).reshape(rows, background, -1).mean(axis=1)
    size = masks.sum(axis=1)
    chance = np.array([factorial(k) * factorial(players - k - 1) / factorial(players) for k in range(players)])
    values = np.empty((rows, players))
    for j in range(players):
        without = np.flatnonzero(~masks[:, j])
        values[:, j] = (worth[:, without | (1 << j)] - worth[:, without]) @ chance[size[without]]
    return Shapley(values, float(ends[1].mean()), ends[0], True)


def _sampled(ask: Ask, shape: tuple[int, int, int], ends: tuple[Vector, Vector], seed: int) -> Shapley:
    rows, background, players = shape
    rng = np.random.default_rng(seed)
    orders = rng.permuted(np.tile(np.arange(players), (rows * background, 1)), axis=1)
    walks = np.stack([orders, orders[:, ::-1]], axis=1)  # (r·b, 2, M)
    rank = np.argsort(walks, axis=2)  # when each player joins
    steps = np.arange(1, players)
    masks = rank[:, :, None, :] < steps[None, None, :, None]  # (r·b, 2, M − 1, M)
    pair = np.arange(rows * background)
    i = np.repeat(pair // background, 2 * (players - 1))
    b = np.repeat(pair % background, 2 * (players - 1))
    inner = ask(i, b, masks.reshape(-1, players)).reshape(rows * background, 2, players - 1)
    first = np.broadcast_to(ends[1][pair % background][:, None, None], (rows * background, 2, 1))
    last = np.broadcast_to(ends[0][pair // background][:, None, None], (rows * background, 2, 1))
    path = np.concatenate([first, inner, last], axis=2)
    gained = np.diff(path, axis=2)  # of the player that joins at each step
    values = np.take_along_axis(gained, rank, axis=2).mean(axis=1).reshape(rows, background, players).mean(axis=1)
    return Shapley(values, float(ends[1].mean()), ends[0], False)


def spread_rows(answers: Vector, size: int) -> Index:
    """Choose background rows whose answers are the middles of ``size`` equal parts of all answers."""
    order = np.argsort(answers, kind="stable")
    edges = np.linspace(0, len(order), min(size, len(order)) + 1).round().astype(np.int64)
    return np.sort(order[[(a + b) // 2 for a, b in pairwise(edges)]])
