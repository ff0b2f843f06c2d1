"""Latent Dirichlet allocation stands the contract, finds topics that are known, and reads SageMaker's artifact."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import linear_sum_assignment

from tarragon.algorithms import Standalone
from tarragon.algorithms.lda import LDA, MODEL
from tarragon.algorithms.model_contract import ModelContract
from tarragon.data import Tabular, read_ndarrays, write_ndarrays
from tarragon.errors import DataError, IntegrityError, ParameterError

WORDS = 60


def corpus(seed: int, documents: int = 400, topics: int = 3, words: int = 50) -> tuple[sp.csr_matrix, np.ndarray]:
    """Documents drawn from the model itself, and the topics they were drawn from."""
    rng = np.random.default_rng(seed)
    beta = np.random.default_rng(99).dirichlet(np.full(WORDS, 0.1), topics)
    theta = rng.dirichlet(np.full(topics, 0.3), documents)
    counts = np.stack([rng.multinomial(words, mixture @ beta) for mixture in theta])
    return sp.csr_matrix(counts.astype(np.float32)), beta


def distance(found: np.ndarray, true: np.ndarray) -> float:
    """Mean total variation between matched topics."""
    apart = 0.5 * np.abs(found[:, None] - true).sum(axis=2)
    rows, columns = linear_sum_assignment(apart)
    return float(apart[rows, columns].mean())


class TestLDA(ModelContract):
    algorithm = LDA(num_topics=3, max_restarts=2)

    def data(self, seed: int) -> Tabular:
        return Tabular(corpus(seed)[0])

    def bad(self) -> Mapping[str, Any]:
        some = corpus(0)[0].toarray()
        gap, below = some.copy(), some.copy()
        gap[3, 4], below[3, 4] = np.nan, -1
        return {
            "gaps": Tabular(gap), "negative counts": Tabular(below), "no documents": Tabular(some[:0]),
            "one document": Tabular(some[:1]), "short documents": Tabular(np.eye(WORDS, dtype=np.float32)),
            "fewer words than topics": Tabular(some[:, :2]),
        }  # fmt: skip


def test_topics_that_made_the_documents_are_found() -> None:
    counts, beta = corpus(1, 2000)
    model = LDA(num_topics=3).fit(Tabular(counts))
    assert model.beta_ is not None
    assert distance(model.beta_, beta) < 0.06
    np.testing.assert_allclose(model.beta_.sum(axis=1), 1, rtol=1e-5)


def test_dense_and_sparse_counts_are_one() -> None:
    counts, _ = corpus(2)
    some, other = (LDA(num_topics=3, max_restarts=1).fit(Tabular(X)) for X in (counts, counts.toarray()))
    np.testing.assert_array_equal(some.beta_, other.beta_)


def test_alpha_sums_to_what_was_asked_and_follows_the_shares() -> None:
    rng = np.random.default_rng(3)
    beta = rng.dirichlet(np.full(WORDS, 0.1), 2)
    theta = rng.dirichlet([1.5, 0.5], 3000)
    counts = np.stack([rng.multinomial(60, mixture @ beta) for mixture in theta]).astype(np.float32)
    model = LDA(num_topics=2, alpha0=2.0).fit(Tabular(counts))
    assert model.alpha_ is not None
    np.testing.assert_allclose(model.alpha_, [1.5, 0.5], atol=0.1)
    assert model.alpha_.sum() == pytest.approx(2.0, rel=1e-5)


def test_the_likelihood_per_word_is_its_formula() -> None:
    counts, _ = corpus(4, 200)
    model = LDA(num_topics=3, max_restarts=1).fit(Tabular(counts))
    assert model.beta_ is not None
    theta = model.predict(Tabular(counts))["topic_mixture"]
    dense = counts.toarray()
    expected = (dense * np.log(theta @ model.beta_.astype(float))).sum() / dense.sum()
    assert model.pwll(Tabular(counts)) == pytest.approx(expected, rel=1e-5)


def test_mixtures_of_documents_of_one_topic_are_pure() -> None:
    counts, _ = corpus(5, 1000)
    model = LDA(num_topics=3).fit(Tabular(counts))
    assert model.beta_ is not None
    pure = np.round(model.beta_ * 1000).astype(np.float32)
    assert np.diag(model.predict(Tabular(pure))["topic_mixture"]).min() > 0.97


def test_an_artifact_of_sagemaker_is_read_without_a_seal(tmp_path: Path) -> None:
    beta = np.random.default_rng(0).dirichlet(np.ones(5), 2).astype(np.float32)
    (tmp_path / MODEL).write_bytes(write_ndarrays([np.ones(2, np.float32), beta]))
    model = LDA.load(tmp_path)
    assert (model.num_topics, model.feature_dim) == (2, 5)
    assert model.predict(Tabular(np.ones((1, 5), np.float32)))["topic_mixture"].shape == (1, 2)


def test_the_artifact_is_a_list_of_alpha_and_beta(tmp_path: Path) -> None:
    model = LDA(num_topics=3, max_restarts=1).fit(Tabular(corpus(0)[0]))
    model.save(tmp_path)
    assert [a.shape for a in read_ndarrays((tmp_path / MODEL).read_bytes()).values()] == [(3,), (3, WORDS)]


@pytest.mark.parametrize(
    "arrays",
    [
        [np.ones(2, np.float32)], [np.ones(2, np.float32), np.ones((3, 4), np.float32)],
        [np.ones(2, np.float32), -np.ones((2, 4), np.float32)],
        [np.ones(2, np.float32), np.full((2, 4), np.nan, np.float32)], [np.ones(2, np.float32), np.zeros((2, 0), "f4")],
    ],
)  # fmt: skip
def test_arrays_that_are_no_topics_are_refused(tmp_path: Path, arrays: list[np.ndarray]) -> None:
    (tmp_path / MODEL).write_bytes(write_ndarrays(arrays))
    with pytest.raises(IntegrityError):
        LDA.load(tmp_path)


def test_what_does_not_fit_together_is_refused() -> None:
    counts, _ = corpus(0, 50)
    with pytest.raises(ParameterError, match="feature_dim"):
        LDA(num_topics=3, feature_dim=7).fit(Tabular(counts))
    model = LDA(num_topics=3, max_restarts=1).fit(Tabular(counts))
    with pytest.raises(DataError, match="60 columns"):
        model.predict(Tabular(np.ones((1, 7), np.float32)))


def test_asked_to_stop_it_ends_with_a_model() -> None:
    class Hurried(Standalone):
        def stop_asked(self) -> bool:
            return True

    model = LDA(num_topics=3).fit(Tabular(corpus(0)[0]), context=Hurried())
    assert model.predict(Tabular(corpus(1)[0]))["topic_mixture"].shape == (400, 3)
