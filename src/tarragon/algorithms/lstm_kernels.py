"""Compiled steps of an LSTM with zoneout on the processor; the notation is :mod:`~tarragon.algorithms.zoneout_lstm`'s.

A step is one product with the recurrent weights and one pass over its numbers. The pass has no function calls, so that
the compiler works on eight numbers at a time: tanh is Lambert's (1770) continued fraction at half the argument,
doubled by tanh 2a = 2 tanh a / (1 + tanh² a), right to one in a million. This module imports numba, and is imported
late.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit

F = TypeVar("F", bound=Callable[..., Any])
FLAT = np.float32(9.0)  # from where on tanh is 1 in float32
ONE, TWO, HALF = np.float32(1), np.float32(2), np.float32(0.5)
TOP = np.float32(135135), np.float32(17325), np.float32(378)
BOTTOM = np.float32(135135), np.float32(62370), np.float32(3150), np.float32(28)


def compiled(function: F) -> F:
    """Compile a function; the machine code is kept on disk, and other threads run meanwhile."""
    made: F = njit(cache=True, nogil=True, fastmath=True, error_model="numpy")(function)
    return made


def inlined(function: F) -> F:
    """Compile a function into its callers."""
    made: F = njit(inline="always", fastmath=True, error_model="numpy")(function)
    return made


@inlined
def tanh(x: Any) -> Any:
    """Hyperbolic tangent of a float32."""
    a = min(max(x, -FLAT), FLAT) * HALF
    s = a * a
    t = a * (TOP[0] + s * (TOP[1] + s * (TOP[2] + s))) / (BOTTOM[0] + s * (BOTTOM[1] + s * (BOTTOM[2] + s * BOTTOM[3])))
    return TWO * t / (ONE + t * t)


@compiled
def forward(projected: Any, recurrent: Any, mask: Any, rate: Any, memory: Any) -> None:
    """Fill ``memory`` = (gates (T, B, 4H), h (T+1, B, H), c (T+1, B, H), tanh c' (T, B, H)) from states of zeros.

    ``mask`` is (2, T, B, H), or has a first axis of 0 for the expectation.
    """
    gates, hs, cs, squashed = memory
    T, B = projected.shape[0], projected.shape[1]
    H = recurrent.shape[0]
    product = np.empty((B, 4 * H), np.float32)
    chance = mask.shape[0] > 0
    for t in range(T):
        np.dot(hs[t], recurrent, product)
        for b in range(B):
            gate, own, given = gates[t, b], product[b], projected[t, b]
            for j in range(3 * H):
                gate[j] = HALF + HALF * tanh(HALF * (own[j] + given[j]))
            for j in range(3 * H, 4 * H):
                gate[j] = tanh(own[j] + given[j])
            before, cell, squash = cs[t, b], cs[t + 1, b], squashed[t, b]
            held, out = hs[t, b], hs[t + 1, b]
            for j in range(H):
                cell[j] = gate[H + j] * before[j] + gate[j] * gate[3 * H + j]
                squash[j] = tanh(cell[j])
                out[j] = gate[2 * H + j] * squash[j]
            if chance:
                of_h, of_c = mask[0, t, b], mask[1, t, b]
                for j in range(H):
                    cell[j] += of_c[j] * (before[j] - cell[j])
                    out[j] += of_h[j] * (held[j] - out[j])
            else:
                for j in range(H):
                    cell[j] += rate * (before[j] - cell[j])
                    out[j] += rate * (held[j] - out[j])


@compiled
def backward(above: Any, recurrent: Any, mask: Any, rate: Any, memory: Any, slopes: Any) -> None:
    """Fill ``slopes``, (T, B, 4H), the loss's along the gates before activation; ``above`` is along h, (T, B, H)."""
    gates, _, cs, squashed = memory
    T, B, H = squashed.shape
    back = np.ascontiguousarray(recurrent.T)
    of_h, of_c = np.zeros((B, H), np.float32), np.zeros((B, H), np.float32)
    through = np.zeros((B, H), np.float32)
    chance = mask.shape[0] > 0
    for t in range(T - 1, -1, -1):
        for b in range(B):
            gate, slope, squash, before = gates[t, b], slopes[t, b], squashed[t, b], cs[t, b]
            dh, dc, passed, given = of_h[b], of_c[b], through[b], above[t, b]
            keep_h, keep_c = mask[0, t, b] if chance else squash, mask[1, t, b] if chance else squash
            for j in range(H):
                kept_h, kept_c = (keep_h[j], keep_c[j]) if chance else (rate, rate)
                i, f, o, g = gate[j], gate[H + j], gate[2 * H + j], gate[3 * H + j]
                whole = dh[j] + given[j]
                passed[j] = whole * kept_h
                own = whole - passed[j]
                stays = dc[j] * kept_c
                cell = dc[j] - stays + own * o * (ONE - squash[j] * squash[j])
                slope[j] = cell * g * i * (ONE - i)
                slope[H + j] = cell * before[j] * f * (ONE - f)
                slope[2 * H + j] = own * squash[j] * o * (ONE - o)
                slope[3 * H + j] = cell * i * (ONE - g * g)
                dc[j] = cell * f + stays
        np.dot(slopes[t], back, of_h)
        for b in range(B):
            for j in range(H):
                of_h[b, j] += through[b, j]
