"""Text as numbers: TF-IDF of words and pairs of words, and its leading directions.

Weights are ln-damped term counts times smooth inverse document frequency, rows of length one (Salton & Buckley 1988,
doi:10.1016/0306-4573(88)90021-0); directions are a truncated singular value decomposition (Deerwester et al. 1990,
latent semantic analysis). Notation: n texts, V words, f features, k directions.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from tarragon.data.arrays import Index, Vector
from tarragon.data.measures import SOFT_CLIP

MAX_FEATURES = 20_000
MAX_TOKEN_FEATURES = 2_000  # for names and codes, which are short
MAX_CHARS = 20_000  # of one cell; more adds time, hardly words
FIT_ROWS = 50_000  # rows whose words are counted
SVD_ROWS = 20_000
OVERSAMPLED, POWER_ITERATIONS = 10, 5  # the paper: 5 to 10 extra, and few iterations where the spectrum decays slowly
COMPONENTS, TOKEN_COMPONENTS = 24, 8
WORDS = r"\w+|[^\w\s]"  # marks too: "!" and "$" tell
TOKENS = r"\p{L}+|\d+"  # letters and digits apart: "C85" is deck C, room 85
SPACES = re.compile(r"\s+", re.ASCII)
ASCII_PATTERNS = {WORDS: re.compile(WORDS, re.ASCII), TOKENS: re.compile(r"[a-z]+|[0-9]+")}
ARRAYS = ("single", "pairs", "idf", "directions", "mean", "deviation")
_NONE, _FLAT = np.empty(0, np.float32), np.empty((0, 0), np.float32)
MAX_SHARED = 5_000  # levels looked at for shared pieces
SMALL = 16  # texts; below, a dictionary is quicker than a column operation


@dataclass(frozen=True, slots=True, eq=False)
class TextModel:
    """What was learned about one column of text.

    Parameters
    ----------
    pattern : str
        What a word is.
    words : tuple of str
        V words that occur often enough, sorted.
    single : ndarray of int64
        Numbers of the words that are features by themselves.
    pairs : ndarray of int64
        Word pairs that are features, as first · V + second, ascending.
    idf : ndarray of shape (f,), float32
        Singles first, then pairs.
    directions : ndarray of shape (f, k), float32
    mean, deviation : ndarray of shape (k,), float32
        Centre and spread of the texts along each direction.
    """

    pattern: str
    words: tuple[str, ...]
    single: Index
    pairs: Index
    idf: NDArray[np.float32]
    directions: NDArray[np.float32]
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    _number: dict[str, int] = field(default_factory=dict, repr=False)

    @property
    def n_features(self) -> int:
        """Width of :meth:`tfidf`."""
        return len(self.idf)

    @property
    def n_directions(self) -> int:
        """Width of :meth:`latent`."""
        return int(self.directions.shape[1])

    @classmethod
    def fit(cls, series: pl.Series, *, short: bool, seed: int) -> "TextModel | None":
        """Learn from a column of text; ``short`` for names and codes. None when no word occurs twice."""
        pattern, most = (TOKENS, MAX_TOKEN_FEATURES) if short else (WORDS, MAX_FEATURES)
        least = 3 if short else 2
        step = max(1, -(-len(series) // FIT_ROWS))
        sample = series.gather_every(step)
        n = len(sample)
        lists = _split(sample, pattern)
        counted = lists.explode().drop_nulls().value_counts(name="n_times")
        words = sorted(counted.filter(pl.col("n_times") >= least)[counted.columns[0]].to_list())
        if not words:
            return None
        model = cls(pattern, tuple(words), np.arange(len(words)), np.empty(0, np.int64), _NONE, _FLAT, _NONE, _NONE)
        row, word, after = model._tokens(sample, lists)
        singles = _document_frequency(row, word, len(words))
        pair_keys, pair_df = np.empty(0, np.int64), np.empty(0, np.int64)
        if not short:
            both = after >= 0
            found = np.unique(np.stack([word[both] * len(words) + after[both], row[both]]), axis=1)[0]
            pair_keys, pair_df = np.unique(found, return_counts=True)
            pair_keys, pair_df = pair_keys[pair_df >= least], pair_df[pair_df >= least]
        chosen = _most_common(np.concatenate([singles, pair_df]), least, most)
        single, pairs = chosen[chosen < len(words)], pair_keys[chosen[chosen >= len(words)] - len(words)]
        if len(single) + len(pairs) == 0:
            return None
        df = np.concatenate([singles, pair_df])[chosen]
        idf = (np.log((1.0 + n) / (1.0 + df)) + 1.0).astype(np.float32)
        bare = replace(
            model, single=single, pairs=pairs, idf=idf, directions=np.empty((len(idf), 0), np.float32), _number={}
        )
        return bare._with_directions(sample, TOKEN_COMPONENTS if short else COMPONENTS, seed)

    def _with_directions(self, sample: pl.Series, k: int, seed: int) -> "TextModel":
        matrix = self.tfidf(sample.gather_every(max(1, -(-len(sample) // SVD_ROWS))))
        k = min(k, min(matrix.shape) - 1)
        if k < 1:
            return self
        right = leading(matrix, k, seed)
        # Half precision is what is saved; rounding here makes a loaded model equal to the fitted one.
        directions = right.astype(np.float16).astype(np.float32)
        made = np.asarray(matrix @ directions)
        mean, deviation = made.mean(axis=0, dtype=np.float32), made.std(axis=0, dtype=np.float32)
        kept = deviation > 1e-6
        return replace(
            self,
            directions=np.ascontiguousarray(directions[:, kept]),
            mean=mean[kept],
            deviation=deviation[kept],
            _number={},
        )

    def _tokens(self, series: pl.Series, lists: pl.Series | None = None) -> tuple[Index, Index, Index]:
        """Per known word of each text: row, word number, and the number of the word after it in the same text or −1."""
        if lists is None and len(series) <= SMALL:
            cells = series.to_list()
            if all(c is None or c.isascii() for c in cells):
                return self._few_tokens(cells)
        lists = _split(series, self.pattern) if lists is None else lists
        length = lists.list.len().fill_null(0).to_numpy().astype(np.int64)
        row = np.repeat(np.arange(len(series)), length)
        if len(row) == 0:
            return row, row, row
        flat = lists.filter(lists.list.len() > 0).explode()
        word = flat.cast(pl.Enum(self.words), strict=False).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
        return _followed(row, word)

    def _few_tokens(self, cells: list[str | None]) -> tuple[Index, Index, Index]:
        """Cut a few ASCII texts in Python, where its words and polars' are the same."""
        number, find = self._numbers(), ASCII_PATTERNS[self.pattern].findall
        cut = [find(c[:MAX_CHARS].lower()) if c else [] for c in cells]
        row = np.repeat(np.arange(len(cut)), [len(words) for words in cut])
        return _followed(row, np.array([number.get(w, -1) for words in cut for w in words], dtype=np.int64))

    def _numbers(self) -> dict[str, int]:
        if not self._number:
            self._number.update({w: i for i, w in enumerate(self.words)})  # at once: threads may share this
        return self._number

    def tfidf(self, series: pl.Series) -> sp.csr_matrix:
        """(n,) texts -> (n, f), float32, rows of length one (or zero)."""
        row, word, after = self._tokens(series)
        n_words = len(self.words)
        place = np.full(n_words, -1, dtype=np.int64)
        place[self.single] = np.arange(len(self.single))
        column = place[word]
        if len(self.pairs):
            both = after >= 0
            key = word[both] * n_words + after[both]
            at = np.minimum(np.searchsorted(self.pairs, key), len(self.pairs) - 1)
            hit = self.pairs[at] == key
            row = np.concatenate([row, row[both][hit]])
            column = np.concatenate([column, len(self.single) + at[hit]])
        row, column = row[column >= 0], column[column >= 0]
        cell, times = np.unique(row * self.n_features + column, return_counts=True)
        row, column = np.divmod(cell, max(self.n_features, 1))
        weight = (1.0 + np.log(times)).astype(np.float32) * self.idf[column]
        filled = np.bincount(row, minlength=len(series))
        length = np.sqrt(np.bincount(row, weights=weight.astype(np.float64) ** 2, minlength=len(series)))
        weight = (weight / length[row]).astype(np.float32)
        indptr = np.concatenate([[0], np.cumsum(filled)]).astype(np.int32)
        return sp.csr_matrix((weight, column.astype(np.int32), indptr), shape=(len(series), self.n_features))

    def latent(self, series: pl.Series, *, standard: bool) -> NDArray[np.float32]:
        """(n,) texts -> (n, k); ``standard`` centres, divides by the spread and clips softly, as measures are."""
        made = np.asarray(self.tfidf(series) @ self.directions, dtype=np.float32)
        if not standard:
            return made
        z = (made - self.mean) / self.deviation
        return np.asarray(z / np.sqrt(1.0 + (z / SOFT_CLIP) ** 2), dtype=np.float32)

    def feature_names(self) -> list[str]:
        """Words and word pairs, in the order of :meth:`tfidf`."""
        n_words = len(self.words)
        return [self.words[i] for i in self.single] + [
            f"{self.words[k // n_words]} {self.words[k % n_words]}" for k in self.pairs
        ]

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """JSON and arrays for saving."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        arrays["directions"] = self.directions.astype(np.float16)
        return {"pattern": self.pattern, "words": list(self.words)}, arrays

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> "TextModel":
        """Undo :meth:`state`."""
        single, pairs, idf, directions, mean, deviation = (arrays[name] for name in ARRAYS)
        directions = directions.astype(np.float32)
        return cls(state["pattern"], tuple(state["words"]), single, pairs, idf, directions, mean, deviation)


def leading(matrix: sp.csr_matrix, k: int, seed: int) -> Vector:
    """(n, f) -> (f, k) right singular vectors of the k largest singular values, each with a positive largest entry.

    Randomised subspace iteration, Halko, Martinsson & Tropp 2011, doi:10.1137/090771806, algorithms 4.4 and 5.1.
    """
    width = min(k + OVERSAMPLED, *matrix.shape)
    basis = np.random.default_rng(seed).normal(size=(matrix.shape[1], width))
    for _ in range(POWER_ITERATIONS):
        basis = np.linalg.qr(matrix.T @ np.linalg.qr(matrix @ basis)[0])[0]
    _, _, inner = np.linalg.svd(matrix @ basis, full_matrices=False)
    found = basis @ inner[:k].T
    largest = np.abs(found).argmax(axis=0)
    return np.asarray(found * np.sign(found[largest, np.arange(k)]), dtype=np.float64)


def _followed(row: Index, word: Index) -> tuple[Index, Index, Index]:
    after = np.full(len(word), -1, dtype=np.int64)
    after[:-1] = np.where(row[:-1] == row[1:], word[1:], -1)
    known = word >= 0
    return row[known], word[known], after[known]


def _split(series: pl.Series, pattern: str) -> pl.Series:
    return series.str.slice(0, MAX_CHARS).str.to_lowercase().str.extract_all(pattern)


def _document_frequency(row: Index, word: Index, n_words: int) -> Index:
    """Texts each word occurs in."""
    seen = np.unique(row * n_words + word)
    return np.bincount(seen % n_words, minlength=n_words).astype(np.int64)


def _most_common(df: Index, least: int, most: int) -> Index:
    """Numbers of the features that occur in enough texts, the most common if there are too many; ascending."""
    enough = np.flatnonzero(df >= least)
    if len(enough) > most:
        enough = enough[np.argsort(-df[enough], kind="stable")[:most]]
    return np.sort(enough)


def counts(series: pl.Series) -> Vector:
    """(n,) texts -> (n, 2): characters and words; NaN for missing cells."""
    if len(series) <= SMALL:
        cells = series.to_list()
        if all(c is None or c.isascii() for c in cells):
            nothing = (np.nan, np.nan)
            return np.array(
                [nothing if c is None else (len(c), len(SPACES.findall(c)) + 1) for c in cells], dtype=np.float64
            ).reshape(-1, 2)
    chars = series.str.len_chars().cast(pl.Float64).to_numpy()
    words = (series.str.count_matches(r"\s+") + 1).cast(pl.Float64).to_numpy()
    return np.stack([chars, words], axis=1).astype(np.float64)


def shares_tokens(series: pl.Series) -> bool:
    """Whether levels are built from pieces that other levels share, so that the pieces say more than the whole."""
    levels = series.drop_nulls().unique(maintain_order=True).head(MAX_SHARED)
    flat = levels.str.to_lowercase().str.extract_all(TOKENS).explode().drop_nulls()
    return len(flat) >= 1.2 * len(levels) and flat.n_unique() <= 0.8 * len(flat)
