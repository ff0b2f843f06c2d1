"""Latent Dirichlet allocation: topics recovered from corpora drawn from the model, against scikit-learn's."""

from collections.abc import Mapping

from benchmarks.algorithms import Line, Measured, timed
from benchmarks.topic_corpora import CASES, corpus, distance, variational

from tarragon.algorithms import Standalone
from tarragon.algorithms.lda import LDA
from tarragon.data import Tabular

BAR = "topics nearer to those that made the documents than scikit-learn's variational LDA finds"


def measure(seed: int, threads: int) -> list[Measured]:
    """Fit both to each corpus; the measure is total variation, less is better."""
    found = []
    for case, (topics, *_) in CASES.items():
        counts, beta = corpus(case, seed)
        data, model = Tabular(counts), LDA(num_topics=topics)
        seconds, _ = timed(lambda m=model, d=data: m.fit(d, context=Standalone(seed, threads)))
        peer_seconds, peer = timed(lambda c=counts, k=topics: variational(c, k, seed))
        ours, theirs = distance(model.beta_, beta), distance(peer, beta)
        found.append(Measured(case, "apart", seconds, ours, "sklearn LDA", peer_seconds, theirs))
    return found


def met(lines: Mapping[str, Line]) -> bool:
    """Whether the median distance is below the peer's in every corpus."""
    return all(line.quality < line.peer_quality for line in lines.values())
