"""Compiled loops of a linear text classifier: a line's vector is the mean of its words' and word n-grams' rows.

Source: Joulin, Grave, Bojanowski & Mikolov (2017), Bag of tricks for efficient text classification. The n-grams are
hashed as fastText hashes them. This module imports numba and is imported late.

Notation: d dimensions, K labels; ids int32 (labels from ``n_words``), hashes int64 of the tokens, a line's end is
``END``; ``inputs`` (n_words + buckets, d), ``outputs`` (K, d).
"""

# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="call-overload,assignment"

from typing import Any, NamedTuple

import numpy as np

from tarragon.algorithms.word_kernels import END, compiled

FACTOR = np.uint64(116049371)


class Linear(NamedTuple):
    """A classifier: inputs, outputs; words, word n-grams, buckets; the number of the line's end, or -1."""

    inputs: Any
    outputs: Any
    n_words: int
    ngrams: int
    buckets: int
    ending: int
    softmax: bool


@compiled
def longest_line(ids):
    """Return the tokens of the longest line, its end included."""
    longest, now = 0, 0
    for i in range(len(ids)):
        now += 1
        longest = max(longest, now)
        if ids[i] == END:
            now = 0
    return longest


@compiled
def features(ids, hashes, at, model, rows, labels):
    """Write the rows and labels of the line that begins at a token; return its end, how many rows, how many labels."""
    n, found, marked = len(ids), 0, 0
    begin = at
    while at < n:
        word = ids[at]
        at += 1
        if word == END:
            if model.ending >= 0:
                rows[found] = model.ending
                found += 1
            break
        if word >= model.n_words:
            labels[marked] = word - model.n_words
            marked += 1
        elif word >= 0:
            rows[found] = word
            found += 1
    if model.ngrams > 1 and model.buckets > 0:
        for i in range(begin, at):
            if ids[i] >= model.n_words:
                continue
            h = np.uint64(np.int64(np.int32(hashes[i])))
            size, j = 1, i + 1
            while size < model.ngrams and j < at:
                if ids[j] < model.n_words:
                    h = h * FACTOR + np.uint64(np.int64(np.int32(hashes[j])))
                    rows[found] = model.n_words + np.int64(h % np.uint64(model.buckets))
                    found += 1
                    size += 1
                j += 1
    return at, found, marked


@compiled
def scores(model, rows, found, hidden, out):
    """Write the mean of the rows and the probability of each label."""
    inputs, outputs = model.inputs, model.outputs
    d = inputs.shape[1]
    hidden[:] = 0.0
    for r in range(found):
        row = rows[r]
        for x in range(d):
            hidden[x] += inputs[row, x]
    part = np.float32(1.0) / np.float32(max(found, 1))
    for x in range(d):
        hidden[x] *= part
    highest = np.float32(-1e30)
    for k in range(len(out)):
        score = np.float32(0.0)
        for x in range(d):
            score += hidden[x] * outputs[k, x]
        out[k] = score
        highest = max(highest, score)
    if not model.softmax:
        for k in range(len(out)):
            out[k] = np.float32(1.0) / (np.float32(1.0) + np.exp(-out[k]))
        return
    total = np.float32(0.0)
    for k in range(len(out)):
        out[k] = np.exp(out[k] - highest)
        total += out[k]
    for k in range(len(out)):
        out[k] /= total


@compiled
def supervise(ids, hashes, model, touched, rates):
    """Learn from each line that has a label; a line of several is each of them in equal parts.

    ``touched`` (rows,) uint8 marks the rows that were changed; ``rates`` is the learning rate from, to. Returns lines
    learned and the sum of their losses.
    """
    inputs, outputs = model.inputs, model.outputs
    d, classes = inputs.shape[1], outputs.shape[0]
    room = longest_line(ids) * max(model.ngrams, 1) + 1
    rows, labels = np.empty(room, np.int64), np.empty(room, np.int64)
    hidden, grad = np.empty(d, np.float32), np.empty(d, np.float32)
    out = np.empty(classes, np.float32)
    at, learned, loss = 0, 0, 0.0
    total = max(len(ids), 1)
    while at < len(ids):
        rate = np.float32(rates[0] + (rates[1] - rates[0]) * (at / total))
        at, found, marked = features(ids, hashes, at, model, rows, labels)
        if found == 0 or marked == 0:
            continue
        scores(model, rows, found, hidden, out)
        part = np.float32(1.0) / np.float32(marked)
        for i in range(marked):
            loss -= part * np.log(max(out[labels[i]], np.float32(1e-7)))
        for k in range(classes):
            out[k] = -out[k]
        for i in range(marked):
            out[labels[i]] += part
        grad[:] = 0.0
        for k in range(classes):
            g = rate * out[k]
            for x in range(d):
                grad[x] += g * outputs[k, x]
                outputs[k, x] += g * hidden[x]
        even = np.float32(1.0) / np.float32(found)
        for x in range(d):
            grad[x] *= even
        for r in range(found):
            row = rows[r]
            touched[row] = 1
            for x in range(d):
                inputs[row, x] += grad[x]
        learned += 1
    return learned, loss


@compiled
def classify(ids, hashes, model, out):
    """Write each line's probabilities, (lines, K); return (lines with a label, those whose likeliest label is one)."""
    room = longest_line(ids) * max(model.ngrams, 1) + 1
    rows, labels = np.empty(room, np.int64), np.empty(room, np.int64)
    hidden = np.empty(model.inputs.shape[1], np.float32)
    at, line, examples, right = 0, 0, 0, 0
    while at < len(ids):
        at, found, marked = features(ids, hashes, at, model, rows, labels)
        scores(model, rows, found, hidden, out[line])
        if marked > 0 and found > 0:
            examples += 1
            guess = np.argmax(out[line])
            for i in range(marked):
                if labels[i] == guess:
                    right += 1
                    break
        line += 1
    return examples, right
