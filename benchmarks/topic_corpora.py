"""Corpora whose topics are known, and news whose topics are not, for the methods that look for them."""

import csv
import gzip

import numpy as np
import scipy.sparse as sp
from benchmarks.algorithms import SHARED
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer

CASES = {"10 topics, 500 words": (10, 500, 2000, 80, 0.1), "20 topics, 1000 words": (20, 1000, 3000, 100, 0.05)}


def corpus(case: str, seed: int) -> tuple[sp.csr_matrix, np.ndarray]:
    """Draw documents from latent Dirichlet allocation itself: counts, (D, V), and the topics, (K, V)."""
    topics, words, documents, length, mixing = CASES[case]
    rng = np.random.default_rng(seed)
    beta = rng.dirichlet(np.full(words, 0.1), topics)
    theta = rng.dirichlet(np.full(topics, mixing), documents)
    lengths = rng.poisson(length, documents).clip(10)
    counts = [rng.multinomial(n, h @ beta) for n, h in zip(lengths, theta, strict=True)]
    return sp.csr_matrix(np.stack(counts).astype(np.float32)), beta


def news(seed: int) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """Count 2,000 frequent words of public news, stop words aside: documents to learn from, and to judge by."""
    with gzip.open(SHARED / "data" / "text" / "ag_news_7600.csv.gz", "rt", encoding="utf-8") as file:
        texts = [f"{row['title']} {row['description']}" for row in csv.DictReader(file)]
    counts = CountVectorizer(stop_words="english", max_features=2_000).fit_transform(texts).astype(np.float32)
    order = np.random.default_rng(seed).permutation(counts.shape[0])
    cut = len(order) // 2
    learnt, judged = (sp.csr_matrix(counts[np.sort(part)]) for part in (order[:cut], order[cut:]))
    return learnt[np.asarray(learnt.sum(axis=1)).ravel() > 0], judged


def distance(found: np.ndarray, true: np.ndarray) -> float:
    """Mean total variation between matched topics: 0 is recovered, 1 is nothing in common."""
    apart = 0.5 * np.abs(found[:, None] - true).sum(axis=2)
    rows, columns = linear_sum_assignment(apart)
    return float(apart[rows, columns].mean())


def variational(counts: sp.csr_matrix, topics: int, seed: int, passes: int = 10) -> np.ndarray:
    """Fit scikit-learn's variational LDA, its default of passes unless said, and return its topics, (K, V)."""
    model = LatentDirichletAllocation(topics, random_state=seed, max_iter=passes).fit(counts)
    return model.components_ / model.components_.sum(axis=1, keepdims=True)
