"""A first guess at topics: words that occur in one topic alone, and every other word as a mixture of those.

Idea:   how often a word meets every other word, as a row of probabilities, is a mixture of the rows of words that only
        one topic has. Those lie at the corners: each next one is the row farthest from the span of those found. The
        rows are kept as random projections, so that nothing of size vocabulary × vocabulary is made; what is kept of a
        corpus is a sum over documents, and so a sum over hosts.
Source: Arora, Ge, Halpern, Mimno, Moitra, Sontag, Wu & Zhu (2013), A practical algorithm for topic modeling with
        provable guarantees, ICML, arXiv:1212.4777. Non-negative least squares by the accelerated gradient of Beck &
        Teboulle (2009) takes the place of their exponentiated gradient.
Cost:   non-zeros × p to gather, V × p × K to find and V × K² a step to mix; memory V × (p + K).

Notation: V words, K topics, p = K + 100 projections (at most V), Q (V, p) projected rows.
"""

from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Floats = NDArray[np.float64]
EXTRA = 100  # projections beyond the topics: distances between rows are kept within some tenth
RARE = 0.01  # share of documents below which a word is too rare to be a corner: its row is noise
FEW = 5  # documents, likewise
STEPS = 60  # of the least squares


def projection(words: int, topics: int, seed: int) -> Floats:
    """Draw the signs that rows are projected with, (V, p)."""
    p = min(words, topics + EXTRA)
    return np.asarray(np.random.default_rng([seed, 11]).choice([-1.0, 1.0], size=(words, p)) / np.sqrt(p))


def gathered(C: "sp.csr_matrix", R: Floats) -> Mapping[str, Floats]:
    """Sum what is needed of some documents, (D, V): add the answers of all blocks."""
    n = np.asarray(C.sum(axis=1), np.float64).ravel()
    rows, n = C[n >= 2], n[n >= 2]  # a word alone meets none
    pairs = 1.0 / (n * (n - 1.0))
    alone = np.asarray(rows.T @ pairs).reshape(-1, 1)
    meets = np.asarray(rows.T @ ((rows @ R) * pairs[:, None])) - alone * R
    total = np.asarray(C.sum(axis=0), np.float64).ravel()
    return {
        "meets": meets,
        "share": np.asarray(rows.T @ (1.0 / n)).ravel(),
        "in": np.asarray(rows.getnnz(axis=0), np.float64),
        "words": total,
        "documents": np.array([float(len(n))]),
        "squares": np.array([float((rows.multiply(rows).sum(axis=1).A1 / n**2).sum())]),
    }


def topics(found: Mapping[str, Floats], K: int, seed: int) -> Floats:
    """Return word probabilities, (K, V), from the sums of :func:`gathered` over a corpus."""
    share = found["share"]
    rows = found["meets"] / np.maximum(share, 1e-300)[:, None]
    corners = rows[_corners(rows, found["in"], float(found["documents"][0]), K, seed)]
    mixed = _mixed(rows, corners)
    beta = (mixed * share[:, None]).T + 1e-12
    answer: Floats = beta / beta.sum(axis=1, keepdims=True)
    return answer


def _corners(rows: Floats, within: Floats, documents: float, K: int, seed: int) -> NDArray[np.int64]:
    """Choose the words whose rows lie farthest from the span of those chosen, (K,)."""
    known = np.flatnonzero(within >= max(FEW, RARE * documents))
    if len(known) < 3 * K:
        known = np.argsort(-within, kind="stable")[: 3 * K]
    left = rows[known]
    spare = np.random.default_rng([seed, 12]).permutation(len(known))
    chosen: list[int] = []
    for k in range(K):
        size = (left**2).sum(axis=1)
        far = int(size.argmax())
        if size[far] <= 1e-20:  # the corpus has no more directions than this
            far = int(spare[k % len(spare)])
        chosen.append(far)
        if k == 0:
            left = left - left[far]
        elif size[far] > 1e-20:
            axis = left[far] / np.sqrt(size[far])
            left = left - (left @ axis)[:, None] * axis
    return known[chosen]


def _mixed(rows: Floats, corners: Floats) -> Floats:
    """Write each row as a mixture of the corners: (V, p), (K, p) -> (V, K), rows about sum to 1."""
    scale = float((corners**2).sum(axis=1).mean())  # a column of it makes parts sum to 1
    gram = corners @ corners.T + scale
    target = rows @ corners.T + scale
    step = 1.0 / max(float(np.linalg.eigvalsh(gram)[-1]), 1e-300)
    now = np.full(target.shape, 1.0 / len(corners))
    ahead, t = now, 1.0
    for _ in range(STEPS):
        moved = np.maximum(ahead - step * (ahead @ gram - target), 0.0)
        after = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * t * t))
        ahead = moved + ((t - 1.0) / after) * (moved - now)
        now, t = moved, after
    return np.asarray(now / np.maximum(now.sum(axis=1, keepdims=True), 1e-12))
