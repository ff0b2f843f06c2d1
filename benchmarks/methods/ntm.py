"""Neural topic model: recovery and coherence of topics against scikit-learn's variational LDA, and a stream's memory.

.clients/peers/bin/python -m benchmarks.methods.ntm      # peak memory and time at 1× and 16× the documents
"""

from collections.abc import Iterator, Mapping

import numpy as np
import scipy.sparse as sp
from benchmarks.algorithms import Line, Measured, timed
from benchmarks.streams import compared
from benchmarks.topic_corpora import CASES, corpus, distance, news, variational

from tarragon.algorithms import Standalone
from tarragon.algorithms.coherence import npmi, top_words
from tarragon.algorithms.ntm import NTM
from tarragon.data import Batches, Tabular

BAR = "topics nearer to those that made the documents than scikit-learn's variational LDA finds, and more coherent"
BLOCK = 1_000
SETTINGS = {
    "optimizer": "rmsprop", "learning_rate": 0.005, "encoder_layers_activation": "relu", "mini_batch_size": 64,
    "epochs": 100, "tolerance": 1e-4,
}  # fmt: skip
PASSES = (10, 50)  # of the peer: its default, and as many as it takes until more change little
NEWS_TOPICS = 20


def measure(seed: int, threads: int) -> list[Measured]:
    """Fit both to each corpus; "apart" is total variation, less is better, "npmi" is coherence, more is better."""
    found = []
    for case, (topics, *_) in CASES.items():
        counts, beta = corpus(case, seed)
        seconds, ours = _fitted(counts, topics, seed, threads)
        for passes in PASSES:
            peer_seconds, peer = timed(lambda c=counts, k=topics, n=passes: variational(c, k, seed, n))
            about = (f"{case}, apart", f"sklearn LDA ({passes})")
            found.append(_line(about, "apart", (seconds, distance(ours, beta)), (peer_seconds, distance(peer, beta))))
    learnt, judged = news(seed)
    seconds, ours = _fitted(learnt, NEWS_TOPICS, seed, threads)
    for passes in PASSES:
        peer_seconds, peer = timed(lambda n=passes: variational(learnt, NEWS_TOPICS, seed, n))
        mine, theirs = (float(npmi(top_words(b), [judged]).mean()) for b in (ours, peer))
        about = ("news, 20 topics, npmi of new texts", f"sklearn LDA ({passes})")
        found.append(_line(about, "npmi", (seconds, mine), (peer_seconds, theirs)))
    return found


def _fitted(counts: sp.csr_matrix, topics: int, seed: int, threads: int) -> tuple[float, np.ndarray]:
    model = NTM(num_topics=topics, **SETTINGS)
    seconds, _ = timed(lambda: model.fit(Tabular(counts), context=Standalone(seed, threads)))
    return seconds, model.topics()


def _line(about: tuple[str, str], measure: str, ours: tuple[float, float], theirs: tuple[float, float]) -> Measured:
    case, peer = about
    return Measured(f"{case} / {peer[12:]}", measure, *ours, peer, *theirs)


def met(lines: Mapping[str, Line]) -> bool:
    """Whether medians are on the better side of the peer's in every case, of the peer that has converged too."""
    return all((x.quality < x.peer_quality) == (x.measure == "apart") for x in lines.values())


def streamed(blocks: int) -> None:
    """Fit a stream of so many blocks of documents."""

    def opened() -> Iterator[Tabular]:
        for block in range(blocks):
            counts = np.random.default_rng(block).poisson(0.05, (BLOCK, 2_000)).astype(np.float32)
            yield Tabular(sp.csr_matrix(counts))

    NTM(num_topics=10, epochs=2).fit(Batches(opened, 2_000), context=Standalone(threads=1))


if __name__ == "__main__":
    compared(streamed, 4)
