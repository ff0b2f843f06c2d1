"""BLEU: how much of a translation's one to four word phrases its reference has too.

The geometric mean of the four precisions over the whole corpus, times exp(1 - r/c) where the translations, c words,
are shorter than the references, r words. A precision without a hit counts as half a hit, the next such as a quarter,
and so on (method 3 of Chen & Cherry 2014, which sacrebleu calls "exp").

Source: Papineni, Roukos, Ward & Zhu (2002), BLEU, ACL, doi:10.3115/1073083.1073135.
"""

import math
from collections import Counter
from collections.abc import Sequence

LONGEST = 4


def bleu(translations: Sequence[Sequence[object]], references: Sequence[Sequence[object]]) -> float:
    """Measure a corpus, from 0 to 100.

    Parameters
    ----------
    translations, references : sequence of sequence of tokens
        One reference a translation.

    Examples
    --------
    >>> bleu(["the cat sat on the mat".split()], ["the cat sat on the mat".split()])
    100.0
    """
    hits, there = [0] * LONGEST, [0] * LONGEST
    for one, other in zip(translations, references, strict=True):
        for n in range(1, LONGEST + 1):
            mine, theirs = _phrases(one, n), _phrases(other, n)
            hits[n - 1] += sum((mine & theirs).values())
            there[n - 1] += max(0, len(one) - n + 1)
    if not hits[0]:
        return 0.0
    logs, misses = [], 0
    for hit, count in zip(hits, there, strict=True):
        if not count:
            return 0.0
        misses += not hit
        logs.append(math.log(hit / count if hit else 1 / (2**misses * count)))
    c, r = sum(map(len, translations)), sum(map(len, references))
    return 100.0 * min(1.0, math.exp(1 - r / c)) * math.exp(sum(logs) / LONGEST)


def _phrases(tokens: Sequence[object], n: int) -> "Counter[tuple[object, ...]]":
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))
