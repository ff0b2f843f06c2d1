"""A line's rows are those of fastText's rule; one step is the gradient of the softmax loss."""

import numpy as np
from scipy.special import softmax

from tarragon.algorithms import label_kernels as kernels
from tarragon.algorithms.vocabulary import Vocabulary
from tarragon.algorithms.word_training import encoded

LINE = b"__label__a the cat saw nobody\n"
TEXT = LINE + b"__label__b the dog\n"


def model(ngrams: int, buckets: int) -> tuple[kernels.Linear, Vocabulary]:
    rng = np.random.default_rng(0)
    vocabulary = Vocabulary.learn([TEXT.replace(b" nobody", b"")], min_count=1, labelled=True)
    inputs = rng.normal(size=(vocabulary.n_words + buckets, 3)).astype(np.float32)
    outputs = rng.normal(size=(2, 3)).astype(np.float32)
    return kernels.Linear(inputs, outputs, vocabulary.n_words, ngrams, buckets, vocabulary.ending, True), vocabulary


def expected_rows(words: list[str], known: Vocabulary, ngrams: int, buckets: int) -> list[int]:
    """Rows by fastText's rule: known words, then n-grams hashed from signed 32-bit hashes in 64-bit arithmetic."""

    def fnv(text: str) -> int:
        h = 2166136261
        for byte in text.encode():
            h = ((h ^ byte) * 16777619) & 0xFFFFFFFF
        return h - (1 << 32) if h >> 31 else h

    rows = [known.words.index(w.encode()) for w in words if w.encode() in known.words]
    hashes = [fnv(w) for w in words]
    for i in range(len(words)):
        h = hashes[i] % (1 << 64)
        for j in range(i + 1, min(len(words), i + ngrams)):
            h = (h * 116049371 + hashes[j]) % (1 << 64)
            rows.append(known.n_words + h % buckets)
    return rows


def test_rows_are_words_and_hashed_ngrams() -> None:
    made, vocabulary = model(3, 100)
    ids, hashes = encoded(vocabulary.table(), vocabulary.ending, np.frombuffer(LINE, np.uint8))
    rows, labels = np.empty(50, np.int64), np.empty(50, np.int64)
    at, found, marked = kernels.features(ids, hashes, 0, made, rows, labels)
    assert (at, labels[:marked].tolist()) == (len(ids), [0])
    assert rows[:found].tolist() == expected_rows(["the", "cat", "saw", "nobody", "</s>"], vocabulary, 3, 100)


def test_a_step_is_the_gradient_of_softmax() -> None:
    made, vocabulary = model(1, 0)
    inputs, outputs = made.inputs.copy(), made.outputs.copy()
    ids, hashes = encoded(vocabulary.table(), vocabulary.ending, np.frombuffer(LINE, np.uint8))
    touched = np.zeros(len(inputs), np.uint8)
    learned, loss = kernels.supervise(ids, hashes, made, touched, (0.1, 0.1))
    rows = expected_rows(["the", "cat", "saw", "</s>"], vocabulary, 1, 1)
    h = inputs[rows].mean(axis=0)
    p = softmax(outputs @ h)
    wanted = np.array([1.0, 0.0])
    assert learned == 1
    np.testing.assert_allclose(loss, -np.log(p[0]), rtol=1e-5)
    np.testing.assert_allclose(made.outputs, outputs + 0.1 * np.outer(wanted - p, h), rtol=1e-4, atol=1e-6)
    step = 0.1 * (wanted - p) @ outputs / len(rows)
    np.testing.assert_allclose(made.inputs[rows], inputs[rows] + step, rtol=1e-4, atol=1e-6)
    assert sorted(np.flatnonzero(touched)) == sorted(rows)


def test_answers_are_softmax_or_one_of_each_label() -> None:
    made, vocabulary = model(1, 0)
    ids, hashes = encoded(vocabulary.table(), vocabulary.ending, np.frombuffer(TEXT, np.uint8))
    out = np.empty((2, 2), np.float32)
    examples, right = kernels.classify(ids, hashes, made, out)
    h = made.inputs[expected_rows(["the", "cat", "saw", "</s>"], vocabulary, 1, 1)].mean(axis=0)
    np.testing.assert_allclose(out[0], softmax(made.outputs @ h), rtol=1e-5)
    assert (examples, right) == (2, int(out[0].argmax() == 0) + int(out[1].argmax() == 1))
    kernels.classify(ids, hashes, made._replace(softmax=False), out)
    np.testing.assert_allclose(out[0], 1 / (1 + np.exp(-made.outputs @ h)), rtol=1e-5)
