"""Compiled loops that learn word vectors: skip-gram, the same with shared negatives, and continuous bag of words.

Several threads change the same weights without locks (Recht et al. 2011, Hogwild): rows are many, and meet rarely.
This module imports numba and is imported late.

Notation: d dimensions; ids int32, numbers of words, negative where a token is none of the vocabulary or a line's end;
``Weights.inputs`` (rows, d), the vectors; ``Weights.outputs`` (words, d), by which contexts are scored.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="call-overload,assignment"

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit

END = -2  # as in text_kernels
LONGEST = 1_024  # words of a sentence, beyond which it is cut
STEPS, EDGE = 1_024, 8.0  # of the table of the logistic function, as fastText's
LOOSE = {"reassoc", "contract", "nsz", "arcp"}  # sums may be reordered; infinities and NaN stay what they are
MULTIPLIER, INCREMENT = np.uint64(6364136223846793005), np.uint64(1442695040888963407)  # Knuth's MMIX generator


class Weights(NamedTuple):
    """What is learned, float32."""

    inputs: Any
    outputs: Any


class Words(NamedTuple):
    """Of the words: the rows of each (``rows[starts[i]:starts[i + 1]]``), and the chance to be kept, float32."""

    starts: Any
    rows: Any
    keep: Any


class Noise(NamedTuple):
    """Words to draw in an even time (Walker's alias method): share float32 and other int32, (words,)."""

    share: Any
    other: Any


class Plan(NamedTuple):
    """How to learn: window, negatives per context, inputs that share negatives; learning rate from, to."""

    window: int
    negatives: int
    batch: int
    rate: float
    last: float


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function that may reorder its sums, without the interpreter's lock."""
    return njit(cache=True, nogil=True, fastmath=LOOSE, error_model="numpy")(function)


@compiled
def logistic_table():
    """Tabulate 1 / (1 + exp(-x)) from -EDGE to EDGE."""
    x = (np.arange(STEPS + 1).astype(np.float32) * np.float32(2.0) / STEPS - np.float32(1.0)) * np.float32(EDGE)
    return (1.0 / (1.0 + np.exp(-x))).astype(np.float32)


@compiled
def logistic(table, x):
    """Look up the logistic function."""
    if x <= -EDGE:
        return np.float32(0.0)
    if x >= EDGE:
        return np.float32(1.0)
    return table[int((x + np.float32(EDGE)) * np.float32(STEPS / EDGE / 2))]


@compiled
def alias(frequency, share, other):
    """Fill the tables of Walker's alias method from frequencies that sum to 1 (Vose 1991)."""
    n = len(frequency)
    left = frequency * n
    small, large = np.empty(n, np.int64), np.empty(n, np.int64)
    a, b = 0, 0
    for i in range(n):
        if left[i] < 1.0:
            small[a] = i
            a += 1
        else:
            large[b] = i
            b += 1
    while a > 0 and b > 0:
        a -= 1
        i, j = small[a], large[b - 1]
        share[i], other[i] = left[i], j
        left[j] -= 1.0 - left[i]
        if left[j] < 1.0:
            b -= 1
            small[a] = j
            a += 1
    while b > 0:
        b -= 1
        share[large[b]], other[large[b]] = 1.0, large[b]
    while a > 0:
        a -= 1
        share[small[a]], other[small[a]] = 1.0, small[a]


@compiled
def draw(noise, state, target):
    """Draw a word by its noise frequency that is not ``target``; return it and the generator's state."""
    n = np.uint64(len(noise.share))
    word = target
    while word == target:
        state = state * MULTIPLIER + INCREMENT
        at = np.int64(((state >> np.uint64(32)) * n) >> np.uint64(32))
        state = state * MULTIPLIER + INCREMENT
        u = np.float32(state >> np.uint64(40)) * np.float32(1.0 / 16777216.0)
        word = at if u < noise.share[at] else np.int64(noise.other[at])
    return word, state


@compiled
def sentence(ids, at, words, state, out):
    """Take the words up to a line's end, frequent ones by chance; return position, how many, the generator's state."""
    found, seen = 0, 0
    n = len(ids)
    while at < n and seen < LONGEST:
        word = ids[at]
        at += 1
        if word == END:
            break
        if word < 0:
            continue
        seen += 1
        keep = words.keep[word]
        if keep < 1.0:
            state = state * MULTIPLIER + INCREMENT
            if np.float32(state >> np.uint64(40)) * np.float32(1.0 / 16777216.0) > keep:
                continue
        out[found] = word
        found += 1
    return at, found, state


@compiled
def near(i, n, window, state):
    """Draw how far word ``i`` of ``n`` sees; return the first and the last word seen + 1, the generator's state."""
    state = state * MULTIPLIER + INCREMENT
    reach = 1 + np.int64(((state >> np.uint64(32)) * np.uint64(window)) >> np.uint64(32))
    return max(0, i - reach), min(n, i + reach + 1), state


@compiled
def choose(noise, state, goals):
    """Draw the words that ``goals[0]`` is told from into the rest of ``goals``; return the generator's state."""
    for k in range(1, len(goals)):
        goals[k], state = draw(noise, state, goals[0])
    return state


@compiled
def gather(inputs, words, word, hidden):
    """Add a word's rows to ``hidden``; return how many."""
    begin, end = words.starts[word], words.starts[word + 1]
    for r in range(begin, end):
        row = words.rows[r]
        for x in range(len(hidden)):
            hidden[x] += inputs[row, x]
    return end - begin


@compiled
def scatter(inputs, words, word, grad):
    """Add a gradient to each of a word's rows."""
    for r in range(words.starts[word], words.starts[word + 1]):
        row = words.rows[r]
        for x in range(len(grad)):
            inputs[row, x] += grad[x]


@compiled
def tell(hidden, outputs, goals, rate, table, grad):
    """Learn to tell ``goals[0]`` from the other goals by ``hidden``: change outputs, set hidden's gradient."""
    grad[:] = 0.0
    for k in range(len(goals)):
        goal = goals[k]
        score = np.float32(0.0)
        for x in range(len(grad)):
            score += hidden[x] * outputs[goal, x]
        wanted = np.float32(1.0) if k == 0 else np.float32(0.0)
        g = rate * (wanted - logistic(table, score))
        for x in range(len(grad)):
            grad[x] += g * outputs[goal, x]
            outputs[goal, x] += g * hidden[x]


@compiled
def skipgram(ids, weights, words, noise, plan, seed):
    """Tell each word by each of those around it, each time from negatives of its own (Mikolov et al. 2013).

    A word's vector is the mean of its rows: with character n-grams, Bojanowski et al. (2017). Returns pairs learned.
    """
    inputs, outputs = weights.inputs, weights.outputs
    table = logistic_table()
    line = np.empty(LONGEST, np.int32)
    hidden, grad = np.empty(inputs.shape[1], np.float32), np.empty(inputs.shape[1], np.float32)
    goals = np.empty(plan.negatives + 1, np.int64)
    state = seed
    at, pairs = 0, 0
    total = max(len(ids), 1)
    while at < len(ids):
        rate = np.float32(plan.rate + (plan.last - plan.rate) * (at / total))
        at, n, state = sentence(ids, at, words, state, line)
        for i in range(n):
            low, high, state = near(i, n, plan.window, state)
            goals[0] = line[i]
            for j in range(low, high):
                if j == i:
                    continue
                state = choose(noise, state, goals)
                hidden[:] = 0.0
                part = np.float32(1.0) / np.float32(gather(inputs, words, line[j], hidden))
                for x in range(len(hidden)):
                    hidden[x] *= part
                tell(hidden, outputs, goals, rate, table, grad)
                scatter(inputs, words, line[j], grad)
                pairs += 1
    return pairs


@compiled
def batch_skipgram(ids, weights, words, noise, plan, seed):  # noqa: C901
    """Learn the words around each word together, against negatives that they share (Ji et al. 2016).

    Their scores are one product of small matrices, (inputs, d) by (d, 1 + negatives); both gradients are two more.
    A word here has one row. Returns pairs learned.
    """
    inputs, outputs = weights.inputs, weights.outputs
    d = inputs.shape[1]
    table = logistic_table()
    line = np.empty(LONGEST, np.int32)
    many = plan.negatives + 1
    around = np.empty(2 * plan.window + 1, np.int64)
    goals = np.empty(many, np.int64)
    sums = np.empty((many, d), np.float32)  # gradient of the outputs
    grad = np.empty(d, np.float32)
    errors = np.empty(many, np.float32)
    state = seed
    at, pairs = 0, 0
    total = max(len(ids), 1)
    while at < len(ids):
        rate = np.float32(plan.rate + (plan.last - plan.rate) * (at / total))
        at, n, state = sentence(ids, at, words, state, line)
        for i in range(n):
            low, high, state = near(i, n, plan.window, state)
            size = 0
            for j in range(low, high):
                if j != i:
                    around[size] = line[j]
                    size += 1
            for first in range(0, size, plan.batch):
                goals[0] = line[i]
                state = choose(noise, state, goals)
                sums[:] = 0.0
                for b in range(first, min(size, first + plan.batch)):
                    word = around[b]
                    for k in range(many):
                        goal = goals[k]
                        score = np.float32(0.0)
                        for x in range(d):
                            score += inputs[word, x] * outputs[goal, x]
                        wanted = np.float32(1.0) if k == 0 else np.float32(0.0)
                        errors[k] = rate * (wanted - logistic(table, score))
                    grad[:] = 0.0
                    for k in range(many):
                        goal = goals[k]
                        g = errors[k]
                        for x in range(d):
                            grad[x] += g * outputs[goal, x]
                            sums[k, x] += g * inputs[word, x]
                    for x in range(d):
                        inputs[word, x] += grad[x]
                    pairs += 1
                for k in range(many):
                    goal = goals[k]
                    for x in range(d):
                        outputs[goal, x] += sums[k, x]
    return pairs


@compiled
def cbow(ids, weights, words, noise, plan, seed):
    """Tell each word by the mean of those around it (Mikolov et al. 2013). Returns words learned."""
    inputs, outputs = weights.inputs, weights.outputs
    table = logistic_table()
    line = np.empty(LONGEST, np.int32)
    hidden, grad = np.empty(inputs.shape[1], np.float32), np.empty(inputs.shape[1], np.float32)
    goals = np.empty(plan.negatives + 1, np.int64)
    state = seed
    at, learned = 0, 0
    total = max(len(ids), 1)
    while at < len(ids):
        rate = np.float32(plan.rate + (plan.last - plan.rate) * (at / total))
        at, n, state = sentence(ids, at, words, state, line)
        for i in range(n):
            low, high, state = near(i, n, plan.window, state)
            if high - low < 2:
                continue
            hidden[:] = 0.0
            count = 0
            for j in range(low, high):
                if j != i:
                    count += gather(inputs, words, line[j], hidden)
            part = np.float32(1.0) / np.float32(count)
            for x in range(len(hidden)):
                hidden[x] *= part
            goals[0] = line[i]
            state = choose(noise, state, goals)
            tell(hidden, outputs, goals, rate, table, grad)
            for j in range(low, high):
                if j != i:
                    scatter(inputs, words, line[j], grad)
            learned += 1
    return learned
