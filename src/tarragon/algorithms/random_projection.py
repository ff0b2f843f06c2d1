"""Random projections: rows in fewer columns, their distances and inner products nearly kept.

Idea:   sign multiplies by a matrix of random signs. fjlt flips columns' signs at random, spreads every row over all
        columns by a Hadamard transform, and keeps some of them.
Source: Achlioptas (2003), Database-friendly random projections, doi:10.1016/S0022-0000(03)00025-4; Ailon & Chazelle
        (2009), The fast Johnson-Lindenstrauss transform and approximate nearest neighbors, doi:10.1137/060673096, in
        the form of Tropp (2011), doi:10.1142/S1793536911000787, which keeps columns where they mix them.
Cost:   sign O(n·d·t), fjlt O(n·d·log d), for n rows of d columns in t.

What is drawn depends on the generator's raw bits alone, which numpy promises to keep, so that a seed is all a model
needs to keep. Both scale so that squared lengths are kept on average.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from tarragon.data import Index, Matrix

Kind = Literal["sign", "fjlt"]


@dataclass(frozen=True, slots=True)
class Projection:
    """From ``width`` columns to ``target``; equal seeds project alike."""

    kind: Kind
    seed: int
    width: int
    target: int

    def apply(self, X: Matrix) -> Matrix:
        """Project rows, (n, width) -> (n, target)."""
        if self.kind == "sign":
            return cast("Matrix", X @ _mixing(self.seed, self.width, self.target))
        flips, kept = _flips(self.seed, self.width, self.target)
        spread = np.zeros((len(X), len(flips)), np.float32)
        spread[:, : self.width] = X
        spread *= flips
        return np.asarray(hadamard(spread)[:, kept] * np.float32(1.0 / np.sqrt(self.target)), np.float32)


def hadamard(X: Matrix) -> Matrix:
    """Return every row times the Hadamard matrix of its order, a power of two, entries 1 and -1."""
    step, p = 1, X.shape[1]
    while step < p:
        pairs = X.reshape(len(X), p // (2 * step), 2, step)
        X = np.stack([pairs[:, :, 0] + pairs[:, :, 1], pairs[:, :, 0] - pairs[:, :, 1]], axis=2).reshape(len(X), p)
        step *= 2
    return X


@lru_cache(maxsize=4)
def _mixing(seed: int, width: int, target: int) -> Matrix:
    signs = _signs(np.random.PCG64(seed), width * target).reshape(width, target)
    return np.asarray(signs / np.float32(np.sqrt(target)))


@lru_cache(maxsize=4)
def _flips(seed: int, width: int, target: int) -> tuple[Matrix, Index]:
    bits = np.random.PCG64(seed)
    order = 1 << max(0, width - 1).bit_length()
    flips = _signs(bits, order)
    return flips, np.sort(np.argsort(_words(bits, order), kind="stable")[:target])


def _signs(bits: np.random.PCG64, count: int) -> Matrix:
    drawn = np.unpackbits(_words(bits, (count + 63) // 64).view(np.uint8), count=count)
    return drawn.astype(np.float32) * 2.0 - 1.0


def _words(bits: np.random.PCG64, count: int) -> NDArray[np.uint64]:
    return np.asarray(bits.random_raw(count), "<u8")
