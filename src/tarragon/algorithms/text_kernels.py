"""Compiled loops over bytes: words of a text, their hashes, their numbers in a vocabulary, their character n-grams.

What is a word and how one is hashed is fastText's (Joulin et al. 2017; facts of its file format and dictionary), so
that models can be exchanged with it. This module imports numba and is imported late.

Notation: a block is uint8; token numbers are int32, ``UNKNOWN`` outside the vocabulary, ``END`` for a line's end.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="call-overload,assignment"

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit

UNKNOWN, END = -1, -2
BASIS, PRIME = 2166136261, 16777619  # of the 32-bit FNV-1a hash
LOW = 0xFFFFFFFF
FULL = 0.6  # of the table's slots, beyond which it must grow


class Table(NamedTuple):
    """An open-addressing hash table of words.

    slots (2^b,) int32, -1 free; hashes (n,) int64; starts, lengths (n,) int64 into arena, uint8.
    """

    slots: Any
    hashes: Any
    starts: Any
    lengths: Any
    arena: Any


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function; the machine code is kept on disk, and other threads run meanwhile."""
    return njit(cache=True, nogil=True)(function)


@compiled
def blank(c):
    """Whether a byte parts words."""
    return c == 32 or 9 <= c <= 13 or c == 0


@compiled
def fnv(block, start, end):
    """Hash bytes as fastText does, where a byte above 127 is negative."""
    h = BASIS
    for i in range(start, end):
        c = np.int64(block[i])
        if c > 127:
            c |= 0xFFFFFF00
        h = ((h ^ c) * PRIME) & LOW
    return h


@compiled
def hash_all(arena, starts, lengths, hashes):
    """Hash every word that lies in an arena."""
    for i in range(len(hashes)):
        hashes[i] = fnv(arena, starts[i], starts[i] + lengths[i])


@compiled
def place(table, block, start, end, h):
    """Return the slot that holds a word, or the free one where it belongs."""
    mask = len(table.slots) - 1
    at = h & mask
    while True:
        i = table.slots[at]
        if i < 0:
            return at
        if table.hashes[i] == h and table.lengths[i] == end - start:
            same = True
            base = table.starts[i]
            for k in range(end - start):
                if table.arena[base + k] != block[start + k]:
                    same = False
                    break
            if same:
                return at
        at = (at + 1) & mask


@compiled
def index(table):
    """Fill the slots anew from the hashes of words that all differ."""
    table.slots[:] = -1
    mask = len(table.slots) - 1
    for i in range(len(table.hashes)):
        at = table.hashes[i] & mask
        while table.slots[at] >= 0:
            at = (at + 1) & mask
        table.slots[at] = i


@compiled
def count_words(table, counts, block, state):
    """Count a block's words, new ones included.

    ``state`` is (position, words known, arena used, tokens), int64. Returns True at the block's end, False when the
    table is too small for the next word: the caller makes it larger and calls again. Word 0 is the line's end.
    """
    at, known, used, tokens = state[0], state[1], state[2], state[3]
    n = len(block)
    done = True
    while at < n:
        c = block[at]
        if c == 10:
            counts[0] += 1
            tokens += 1
            at += 1
            continue
        if blank(c):
            at += 1
            continue
        end = at
        while end < n and not blank(block[end]):
            end += 1
        h = fnv(block, at, end)
        slot = place(table, block, at, end, h)
        i = table.slots[slot]
        if i < 0:
            roomy = known < len(counts) and known < FULL * len(table.slots)
            if not roomy or used + (end - at) > len(table.arena):
                done = False
                break
            i = known
            table.slots[slot] = i
            table.hashes[i] = h
            table.starts[i] = used
            table.lengths[i] = end - at
            for k in range(end - at):
                table.arena[used + k] = block[at + k]
            used += end - at
            known += 1
        counts[i] += 1
        tokens += 1
        at = end
    state[0], state[1], state[2], state[3] = at, known, used, tokens
    return done


@compiled
def encode(table, ending, block, ids, hashes):
    """Write the numbers and hashes of a block's tokens; return how many.

    ``ending`` is the number of the line's end among the words, or -1. A line's end is ``END`` with its word's hash.
    """
    n = len(block)
    at, found = 0, 0
    end_hash = fnv(np.array([60, 47, 115, 62], np.uint8), 0, 4)  # "</s>"
    while at < n:
        c = block[at]
        if c == 10:
            ids[found] = END
            hashes[found] = end_hash
            found += 1
            at += 1
            continue
        if blank(c):
            at += 1
            continue
        end = at
        h = BASIS
        while end < n and not blank(block[end]):
            b = np.int64(block[end])
            if b > 127:
                b |= 0xFFFFFF00
            h = ((h ^ b) * PRIME) & LOW
            end += 1
        i = table.slots[place(table, block, at, end, h)]
        ids[found] = END if i >= 0 and i == ending else (i if i >= 0 else UNKNOWN)
        hashes[found] = h
        found += 1
        at = end
    return found


@compiled
def subwords(word, least, most, first, buckets, out):
    """Write the rows of the character n-grams of a word in angle brackets, ``first`` + hash mod buckets.

    Returns how many. ``out`` has room for len(word) · (most - least + 1); its length is never passed.
    """
    n = len(word)
    found = 0
    for i in range(n):
        if (word[i] & 0xC0) == 0x80:  # inside a character
            continue
        j, characters, h = i, 1, BASIS
        while j < n and characters <= most:
            while True:
                c = np.int64(word[j])
                if c > 127:
                    c |= 0xFFFFFF00
                h = ((h ^ c) * PRIME) & LOW
                j += 1
                if j >= n or (word[j] & 0xC0) != 0x80:
                    break
            if characters >= least and not (characters == 1 and (i == 0 or j == n)):
                if found < len(out):
                    out[found] = first + h % buckets
                found += 1
            characters += 1
    return min(found, len(out))


@compiled
def all_subwords(table, skip, sizes, out):
    """Write for each word its own row and those of its n-grams.

    ``sizes`` is (least, most, first, buckets); word ``skip`` (the line's end) has no n-grams. Returns starts (n + 1,).
    """
    least, most, first, buckets = sizes[0], sizes[1], sizes[2], sizes[3]
    n = len(table.hashes)
    starts = np.zeros(n + 1, np.int64)
    at = 0
    for i in range(n):
        starts[i] = at
        out[at] = i
        at += 1
        if i != skip:
            length = table.lengths[i]
            word = np.empty(length + 2, np.uint8)
            word[0] = 60
            word[length + 1] = 62
            word[1 : length + 1] = table.arena[table.starts[i] : table.starts[i] + length]
            at += subwords(word, least, most, first, buckets, out[at:])
    starts[n] = at
    return starts
