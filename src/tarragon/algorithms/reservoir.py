"""A uniform sample of a stream, without replacement, that several hosts can draw together.

Idea:   every row draws a key from [0, 1) and the rows of the smallest keys are kept: whatever was seen, they are a
        uniform sample of it. The smallest keys of several samples are the sample of all their rows together, exactly.
Source: Park, Ostrouchov, Samatova & Geist (2004), Reservoir-based random sampling with replacement from data stream,
        SDM, doi:10.1137/1.9781611972740.53, cites the one-pass methods; keys as in Efraimidis & Spirakis (2006),
        Weighted random sampling with a reservoir, doi:10.1016/j.ipl.2005.11.003, with equal weights.
Cost:   O(1) a row, and a copy of the rows that enter: about size · log(n / size) of n. Memory is the sample.

Notation: n rows seen, d columns, size rows kept at most.
"""

import numpy as np

from tarragon.algorithms.protocol import Context
from tarragon.data import Matrix, Vector

NONE = 2.0  # the key of a place nobody has taken: above every key
FIRST = 1_024  # rows allocated at first


class Reservoir:
    """Keeps at most ``size`` rows of ``width`` columns.

    Parameters
    ----------
    size, width : int
    seed : sequence of int
        Hosts that draw together need different ones.
    """

    def __init__(self, size: int, width: int, seed: tuple[int, ...]) -> None:
        self.size, self.seen = size, 0
        self._rng = np.random.default_rng(seed)
        self._rows: Matrix = np.empty((min(size, FIRST), width), np.float32)
        self._keys: Vector = np.empty(0)

    @property
    def rows(self) -> Matrix:
        """The kept rows, (min(n, size), d), in no order."""
        return self._rows[: len(self._keys)]

    @property
    def keys(self) -> Vector:
        """Their keys."""
        return self._keys

    def add(self, rows: Matrix) -> None:
        """Show it more rows, (m, d)."""
        keys = self._rng.random(len(rows))
        self.seen += len(rows)
        free = min(self.size - len(self._keys), len(rows))
        if free:
            self._fill(rows[:free], keys[:free])
        self._replace(rows[free:], keys[free:])

    def _fill(self, rows: Matrix, keys: Vector) -> None:
        held = len(self._keys)
        if held + len(rows) > len(self._rows):
            larger = np.empty((min(self.size, max(held + len(rows), 2 * held)), rows.shape[1]), np.float32)
            larger[:held] = self._rows[:held]
            self._rows = larger
        self._rows[held : held + len(rows)] = rows
        self._keys = np.concatenate([self._keys, keys])

    def _replace(self, rows: Matrix, keys: Vector) -> None:
        """Let rows with smaller keys take the places of those with the greatest."""
        if not len(keys):
            return
        entering = np.flatnonzero(keys < self._keys.max())
        if not len(entering):
            return
        both = np.concatenate([self._keys, keys[entering]])
        kept = np.zeros(len(both), bool)
        kept[np.argpartition(both, self.size - 1)[: self.size]] = True
        places, takers = np.flatnonzero(~kept[: self.size]), entering[kept[self.size :]]
        self._rows[places] = rows[takers]
        self._keys[places] = keys[takers]


def gathered(own: Reservoir, context: Context) -> tuple[Matrix, int]:
    """Return the sample of all hosts' rows, in the order of the keys, and how many rows all have seen.

    Only sums go between hosts: of keys, each host's in places of its own, then of rows, each in the place of its key.
    """
    keys = np.full((context.world, own.size), NONE)
    if context.world > 1:
        keys[:] = 0.0
        keys[context.rank] = NONE
    keys[context.rank, : len(own.keys)] = own.keys
    if context.world == 1:
        return own.rows[np.argsort(own.keys, kind="stable")], own.seen
    told = context.reduce({"keys": keys, "seen": np.array([own.seen], np.int64)})
    every = told["keys"].reshape(-1)
    order = np.argsort(every, kind="stable")[: min(own.size, int((every < NONE).sum()))]
    mine = np.flatnonzero(order // own.size == context.rank)
    rows = np.zeros((len(order), own.rows.shape[1]), np.float32)
    rows[mine] = own.rows[order[mine] - context.rank * own.size]
    return np.asarray(context.reduce({"rows": rows})["rows"]), int(told["seen"][0])
