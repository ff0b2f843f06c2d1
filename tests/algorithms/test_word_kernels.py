"""The compiled loops: noise is drawn by its frequencies, one step is the gradient of the published loss."""

import numpy as np
import pytest

from tarragon.algorithms import word_kernels as kernels


def noise(frequency: np.ndarray) -> kernels.Noise:
    made = kernels.Noise(np.empty(len(frequency), np.float32), np.empty(len(frequency), np.int32))
    kernels.alias(frequency / frequency.sum(), *made)
    return made


def test_noise_is_drawn_by_frequency_and_never_the_target() -> None:
    frequency = np.array([0.5, 0.2, 0.2, 0.05, 0.05])
    made, state, counts = noise(frequency), np.uint64(7), np.zeros(5)
    for _ in range(40_000):
        word, state = kernels.draw(made, np.uint64(state), 1)
        counts[word] += 1
    expected = np.where(np.arange(5) == 1, 0.0, frequency)
    np.testing.assert_allclose(counts / counts.sum(), expected / expected.sum(), atol=0.01)


def test_the_logistic_table_is_close() -> None:
    x = np.linspace(-9, 9, 501).astype(np.float32)
    table = kernels.logistic_table()
    found = np.array([kernels.logistic(table, value) for value in x])
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-x)), atol=0.005)


@pytest.mark.parametrize("kernel", [kernels.skipgram, kernels.batch_skipgram, kernels.cbow])
def test_a_step_is_the_gradient_of_negative_sampling(kernel) -> None:  # type: ignore[no-untyped-def]
    """Of three words, two in the text and the third the only noise, every term of the loss is known."""
    rng = np.random.default_rng(0)
    inputs, outputs = (rng.normal(size=(3, 4)).astype(np.float32) for _ in range(2))
    weights = kernels.Weights(inputs.copy(), outputs.copy())
    words = kernels.Words(np.arange(4), np.arange(3, dtype=np.int32), np.ones(3, np.float32))
    plan = kernels.Plan(1, 1, 8, 0.01, 0.01)
    kernel(np.array([0, 1], np.int32), weights, words, noise(np.array([1e-9, 1e-9, 1.0])), plan, np.uint64(3))

    def gradient(i: int, o: int) -> tuple[np.ndarray, np.ndarray]:
        """Of -log s(h·o) - log s(-h·n) at the start, for the input and the output."""
        h = inputs[i]
        miss, hit = 1 / (1 + np.exp(-h @ outputs[2])), 1 / (1 + np.exp(-h @ outputs[o])) - 1
        return hit * outputs[o] + miss * outputs[2], hit * h

    for i, o in ((0, 1), (1, 0)):
        by_input, by_output = gradient(i, o)
        np.testing.assert_allclose(weights.inputs[i] - inputs[i], -0.01 * by_input, atol=8e-4)
        np.testing.assert_allclose(weights.outputs[o] - outputs[o], -0.01 * by_output, atol=8e-4)


def test_a_sentence_ends_with_its_line_and_frequent_words_are_skipped() -> None:
    words = kernels.Words(np.arange(3), np.arange(2, dtype=np.int32), np.array([1.0, 0.0], np.float32))
    ids, out = np.array([0, 1, -1, 0, kernels.END, 0], np.int32), np.empty(kernels.LONGEST, np.int32)
    at, n, _ = kernels.sentence(ids, 0, words, np.uint64(1), out)
    assert (at, out[:n].tolist()) == (5, [0, 0])
