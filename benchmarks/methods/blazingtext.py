"""BlazingText: word vectors beside gensim, labels beside fastText; memory and time by rows.

Word vectors are learnt from a language with a known answer: half of a line's words are of its topic, half of any. The
quality is how many of a word's ten nearest are of its topic. Texts with labels are news and messages with fixed splits.
Both sides read the same file, count its words and train, with equal settings; compilation is done before. Each mode is
measured at a low rate, where quality hangs on every step, and at one where both sides learn all there is.

At the low rate nothing has settled: four hundredths more rate is worth five of quality, for gensim as for us, and its
rate falls later (it stands still for ``batch_words`` words; with ``corpus_file`` and several workers it falls part of
its way in a pass, so lines are read through ``LineSentence``). A plain loop of the published method gives what ours
gives. Speed is to be compared at equal quality, so there our rate is ``MORE`` times gensim's; the work is the same.

.clients/peers/bin/python -m benchmarks.methods.blazingtext      # peak memory and time at 1× and 16× the lines
"""

import csv
import gzip
import io
import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.algorithms import SHARED, Line, Measured, timed
from benchmarks.streams import compared

from tarragon.algorithms import Standalone, get
from tarragon.data import Lines, stream_lines

BAR = "labels as right as fastText's; word vectors at gensim's words a second or more, as good"
TOPICS, OWN, GENERAL = 100, 60, 3_000
LINES, LENGTH = 12_000, 20
BLOCKS = 8  # of 12,500 lines, 11 MB in all: more than is held at a time
WORDS = {"dim": 100, "window": 5, "negatives": 5, "min_count": 5, "sample": 1e-3}
RATES = {  # and passes
    "skipgram": {"low": (0.025, 3), "high": (0.05, 5)},
    "batch_skipgram": {"low": (0.025, 3), "high": (0.05, 5)},
    "cbow": {"low": (0.05, 3), "high": (0.1, 5)},
}
TEXTS = ("ag_news_7600", "sms_spam")
MORE = 1.04
NOISE = 0.006  # of an accuracy: one text in 170


def measure(seed: int, threads: int) -> list[Measured]:
    """Measure word vectors and labels."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text"
        path.write_text("\n".join(language(seed, LINES)) + "\n")
        for level in ("low", "high"):
            theirs = {
                sg: _gensim(path, seed, threads, sg, *RATES["skipgram" if sg else "cbow"][level]) for sg in (0, 1)
            }
            for mode, rates in RATES.items():
                rate, epochs = rates[level]
                rate *= MORE if level == "low" else 1.0
                seconds, quality = _ours(path, seed, threads, mode, rate, epochs)
                peer = theirs[int(mode != "cbow")]
                found.append(Measured(f"{mode}, {level} rate", "same topic @10", seconds, quality, "gensim", *peer))
        found += [_labels(Path(folder), name, seed, threads) for name in TEXTS]
    return found


def met(lines: Mapping[str, Line]) -> bool:
    """Whether each case is as good, and word vectors as quick."""
    good = all(line.quality >= line.peer_quality - max(NOISE, line.spread) for line in lines.values())
    return good and all(line.ratio >= 1 for case, line in lines.items() if case not in TEXTS)


def language(seed: int, lines: int) -> list[str]:
    """Write lines of a language whose words are named by their topic."""
    rng = np.random.default_rng(seed)

    def ranked(size: int, power: float) -> np.ndarray:
        return np.cumsum(1 / np.arange(1, size + 1) ** power)

    own, general = ranked(OWN, 0.7), ranked(GENERAL, 1.0)
    topic = rng.integers(0, TOPICS, (lines, 1))
    mine = np.searchsorted(own, rng.random((lines, LENGTH)) * own[-1])
    other = np.searchsorted(general, rng.random((lines, LENGTH)) * general[-1])
    words = np.where(rng.random((lines, LENGTH)) < 0.5, topic * OWN + mine, TOPICS * OWN + other)
    names = np.array([f"t{i // OWN}x{i % OWN}" for i in range(TOPICS * OWN)] + [f"g{i}" for i in range(GENERAL)])
    return [" ".join(row) for row in names[words]]


def alike(words: list[str], vectors: np.ndarray) -> float:
    """Return the share of each topic word's ten nearest that are of its topic."""
    own = [i for i, word in enumerate(words) if word.startswith("t")]
    topic = np.array([int(words[i][1:].partition("x")[0]) for i in own])
    unit = vectors[own] / np.maximum(np.linalg.norm(vectors[own], axis=1, keepdims=True), 1e-12)
    like = unit @ unit.T
    np.fill_diagonal(like, -2)
    nearest = np.argpartition(-like, 10, axis=1)[:, :10]
    return float((topic[nearest] == topic[:, None]).mean())


def _ours(path: Path, seed: int, threads: int, mode: str, rate: float, epochs: int) -> tuple[float, float]:
    kind: Any = get("blazingtext")
    settings = {
        "mode": mode, "vector_dim": WORDS["dim"], "window_size": WORDS["window"], "epochs": epochs,
        "negative_samples": WORDS["negatives"], "min_count": WORDS["min_count"], "learning_rate": rate,
        "sampling_threshold": WORDS["sample"], "batch_size": 2 * WORDS["window"] + 1,
    }  # fmt: skip
    kind(**{**settings, "epochs": 1, "min_count": 1}).fit(Lines.of(["a b c d"] * 9))  # compiled now
    context = Standalone(seed=seed, threads=threads)
    seconds, model = timed(lambda: kind(**settings).fit(stream_lines(path), context=context))
    vectors = model.asked()
    return seconds, alike([word.decode() for word in vectors.words], vectors.all())


def _gensim(path: Path, seed: int, threads: int, sg: int, rate: float, epochs: int) -> tuple[float, float]:
    from gensim.models import Word2Vec
    from gensim.models.word2vec import LineSentence

    seconds, model = timed(
        lambda: Word2Vec(
            LineSentence(str(path)), vector_size=WORDS["dim"], window=WORDS["window"], negative=WORDS["negatives"],
            epochs=epochs, min_count=WORDS["min_count"], sample=WORDS["sample"], sg=sg, workers=threads,
            alpha=rate, min_alpha=1e-4, seed=seed + 1, batch_words=1_000,
        )
    )  # fmt: skip
    return seconds, alike(model.wv.index_to_key, model.wv.vectors)


def _labels(folder: Path, name: str, seed: int, threads: int) -> Measured:
    import fasttext

    train, test = splits(name)
    (folder / "train").write_text("\n".join(train) + "\n")
    (folder / "test").write_text("\n".join(test) + "\n")
    kind: Any = get("blazingtext")
    settings = {"mode": "supervised", "epochs": 10, "learning_rate": 0.5, "min_count": 1, "buckets": 200_000}
    kind(**{**settings, "epochs": 1, "buckets": 10}).fit(Lines.of(train[:50]))
    context = Standalone(seed=seed, threads=threads)
    seconds, model = timed(lambda: kind(**settings).fit(stream_lines(folder / "train"), context=context))
    accuracy, _ = model.accuracy(stream_lines(folder / "test"))
    peer_seconds, peer = timed(
        lambda: fasttext.train_supervised(
            str(folder / "train"), dim=100, epoch=10, lr=0.5, minCount=1, wordNgrams=2, bucket=200_000, thread=threads,
            seed=seed, verbose=0,
        )
    )  # fmt: skip
    return Measured(name, "accuracy", seconds, accuracy, "fastText", peer_seconds, peer.test(str(folder / "test"))[1])


def splits(name: str) -> tuple[list[str], list[str]]:
    """Read a shared text set as labelled lines: those to train on and those to test on."""
    entry = next(one for one in json.loads((SHARED / "data" / "manifest.json").read_text()) if one["name"] == name)
    raw = (SHARED / "data" / entry["file"]).read_bytes()
    text = (gzip.decompress(raw) if entry["file"].endswith(".gz") else raw).decode()
    head, *body = csv.reader(io.StringIO(text))
    target = head.index(entry["target"])

    def line(row: list[str]) -> str:
        words = re.findall(r"\w+|[^\w\s]", " ".join(cell for i, cell in enumerate(row) if i != target).lower())
        return " ".join([f"__label__{row[target]}", *words])

    held = {int(number) for number in (SHARED / "data" / entry["split"]).read_text().split()}
    lines = [line(row) for row in body]
    return [x for i, x in enumerate(lines) if i not in held], [x for i, x in enumerate(lines) if i in held]


def streamed(blocks: int) -> None:
    """Learn from the same lines over and over, so that the words are the same however many blocks there are."""
    kind: Any = get("blazingtext")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text"
        block = "\n".join(language(0, 12_500)) + "\n"
        with path.open("w") as file:
            for _ in range(blocks):
                file.write(block)
        kind(mode="batch_skipgram", epochs=1, vector_dim=32).fit(stream_lines(path), context=Standalone(threads=1))


if __name__ == "__main__":
    compared(streamed, BLOCKS)
