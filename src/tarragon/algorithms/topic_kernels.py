"""Compiled loops over the words of documents (see ``topic_mixture``); importing it loads numba."""

import math
from typing import NamedTuple, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

FAR = 6.0  # from which the series of the digamma function is exact to 1e-10
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
F = TypeVar("F")


class Documents(NamedTuple):
    """Counts by rows: starts (D + 1,), words and counts (non-zeros,)."""

    starts: Integers
    words: Integers
    counts: Floats


class Until(NamedTuple):
    """How to look: for the variational distribution or the most likely mixture, so many steps, so near."""

    spread: bool
    steps: int
    tol: float


class Found(NamedTuple):
    """What is filled in: theta (D, K), given (V, K), likelihood (D,)."""

    theta: Floats
    given: Floats
    likelihood: Floats


def compiled(function: F) -> F:
    """Compile on first use, and keep the machine code beside the module."""
    made: F = njit(cache=True, nogil=True)(function)
    return made


@compiled
def digamma(x: float) -> float:
    """ψ(x) for x > 0: the recurrence up to FAR, then the asymptotic series (Abramowitz & Stegun 6.3.18)."""
    if x < 1e-8:
        return -1.0 / max(x, 1e-300)
    found = 0.0
    while x < FAR:
        found -= 1.0 / x
        x += 1.0
    r = 1.0 / (x * x)
    return found + math.log(x) - 0.5 / x - r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r / 132))))


@compiled
def chance(factor: Floats, beta: Floats, word: int) -> float:
    """Σ over topics of factor, (K,), times the word's probability."""
    p = 0.0
    for k in range(len(factor)):
        p += factor[k] * beta[word, k]
    return max(p, 1e-300)


@compiled
def factors(held: Floats, factor: Floats, spread: bool) -> None:
    """Weigh topics by what they hold, or by the exponent of its expected logarithm."""
    for k in range(len(held)):
        factor[k] = math.exp(digamma(held[k])) if spread else held[k]


@compiled
def conclude(
    words: Integers, counts: Floats, beta: Floats, factor: Floats, held: Floats, found: tuple[Floats, Floats, Floats]
) -> None:
    """Write down one document: its mixture, its words by topic, its log-likelihood."""
    theta, given, likelihood = found
    mass = held.sum()
    theta[:] = held / mass if mass > 0.0 else np.full(len(held), 1.0 / len(held))
    likelihood[0] = 0.0
    for i in range(len(words)):
        share = counts[i] / chance(factor, beta, words[i])
        for k in range(len(held)):
            given[words[i], k] += share * factor[k] * beta[words[i], k]
        likelihood[0] += counts[i] * math.log(chance(theta, beta, words[i]))


@compiled
def mix(documents: Documents, beta: Floats, prior: Floats, until: Until, found: Found) -> None:
    """Fill ``found``, document by document; ``beta`` is (V, K)."""
    K = beta.shape[1]
    held, factor, fresh = np.empty(K), np.empty(K), np.empty(K)
    for d in range(len(documents.starts) - 1):
        words = documents.words[documents.starts[d] : documents.starts[d + 1]]
        counts = documents.counts[documents.starts[d] : documents.starts[d + 1]]
        held[:] = prior + counts.sum() / K
        near = until.tol * K * held.sum()
        for _ in range(until.steps + 1):
            factors(held, factor, until.spread)
            fresh[:] = 0.0
            for i in range(len(words)):
                share = counts[i] / chance(factor, beta, words[i])
                for k in range(K):
                    fresh[k] += share * beta[words[i], k]
            moved = 0.0
            for k in range(K):
                now = prior[k] + factor[k] * fresh[k]
                moved += abs(now - held[k])
                held[k] = now
            if moved < near:
                break
        conclude(words, counts, beta, factor, held, (found.theta[d], found.given, found.likelihood[d : d + 1]))
