"""Latent Dirichlet allocation: every document mixes a few topics, and every topic is a distribution over words.

Idea:   topics are read off the moments of word counts by decomposing a tensor (see ``topic_moments``), which no random
        start of theirs can lead astray; a few sweeps of variational expectation-maximisation from there use what
        three-word moments leave unused. A document's mixture is the one that makes its words most likely.
Source: Blei, Ng & Jordan (2003), Latent Dirichlet allocation, JMLR 3; Anandkumar, Ge, Hsu, Kakade & Telgarsky (2014),
        JMLR 15; moments as a start for likelihood: Zhang, Chen, Zhou & Jordan (2016), JMLR 17.
Cost:   see ``topic_moments``; then sweeps × non-zeros × topics × steps. Memory: the corpus as a sparse matrix, words ×
        topics, topics³.

Decisions. A quarter more topics than asked for are decomposed, as the container is said to do; which are kept is
decided by how much of the corpus each is given: a component made of noise has a small λ and so, by formula, a large α.
The sweeps after the decomposition are ours. α sums to ``alpha0``. ``mini_batch_size``, which the container wants to be
the number of documents, has no effect: all documents are one batch. The log-likelihood per word is that of the most
likely mixture of each document, found on the same words.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tarragon.algorithms import topic_moments
from tarragon.algorithms.artifact import SEAL, fitted, opened, seal
from tarragon.algorithms.counts import counted, counts_of
from tarragon.algorithms.params import Range, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.threads import limited
from tarragon.algorithms.topic_mixture import mixtures
from tarragon.algorithms.weights import broken
from tarragon.data import Prediction, Tabular, read_ndarrays, write_ndarrays
from tarragon.errors import DataError, ParameterError

TITLE = "Latent Dirichlet allocation"
MODEL = "model_algo-1"
MORE = 1.25  # topics decomposed per topic kept (AWS developer guide, "How LDA works")
SHORTEST = 3  # words in a document whose triples can be counted
SWEEPS = 15  # of expectation-maximisation at most: likelihood per word moves in the fourth digit after some ten
GAIN = 2e-5  # rise of the likelihood per word below which a sweep was the last
SMOOTH = 0.05  # added to a word's count in each topic: Dirichlet weight of words
STEPS, NEAR = 30, 1e-3  # of the variational distribution within a sweep
BIG = 2**31 - 1


@dataclass(eq=False, kw_only=True)
class LDA:
    """Find topics by their moments.

    Parameters
    ----------
    num_topics : int >= 1
    feature_dim : int >= 1, optional
        Words in the vocabulary; left out, as many as the data have columns.
    mini_batch_size : int >= 1, optional
        Taken and not used.
    alpha0 : float > 0, default=1.0
        Total of the Dirichlet weights: small ones give documents of one topic, large ones of all.
    max_restarts : int >= 1, default=10
    max_iterations : int >= 1, default=1000
    tol : float > 0, default=1e-8
        Of the decomposition: random starts, sweeps of each, and the gain in fit that ends one.
    """

    card: ClassVar[Card] = Card(
        name="lda",
        title=TITLE,
        tasks=frozenset({"topics"}),
        view="onehot",
        use="Count vectors of documents with a vocabulary of middle size, and topics that come out the same each time.",
        avoid="Short, noisy texts, huge vocabularies, or corpora larger than memory.",
        interpretability="high",
        growth="non-zeros × topics + documents × topics³",
        source="Blei, Ng & Jordan (2003), JMLR 3, doi:10.5555/944919.944937; Anandkumar et al. (2014), JMLR 15",
        images=("lda",),
        channels=("train", "test"),
        content_types=("text/csv", "application/x-recordio-protobuf"),
        metrics=("test:pwll",),
        answer=("topic_mixture",),
    )
    num_topics: Annotated[int, Range(1, BIG, tune=(1, 150), about="How many topics.")]
    feature_dim: Annotated[int | None, Range(1, BIG, about="Words in the vocabulary.")] = None
    mini_batch_size: Annotated[int | None, Range(1, BIG, about="Documents in the corpus.")] = None
    alpha0: Annotated[
        float, Range(0.0, math.inf, open_low=True, open_high=True, tune=(0.1, 10.0), about="More mixes more topics.")
    ] = 1.0
    max_restarts: Annotated[int, Range(1, BIG, about="Random starts of the decomposition.")] = 10
    max_iterations: Annotated[int, Range(1, BIG, about="Sweeps of each start at most.")] = 1000
    tol: Annotated[
        float, Range(0.0, math.inf, open_low=True, open_high=True, about="Gain in fit that ends a start.")
    ] = 1e-8
    alpha_: NDArray[np.float32] | None = field(default=None, init=False, repr=False)  # (K,)
    beta_: NDArray[np.float32] | None = field(default=None, init=False, repr=False)  # (K, V)

    def fit(self, data: Tabular, *, valid: Tabular | None = None, context: Context | None = None) -> Self:
        """Find the topics of a corpus.

        Parameters
        ----------
        data : Tabular
            Counts, (D, V), dense or sparse. Documents of fewer than three words say nothing about topics.
        valid
            Not used.

        Raises
        ------
        ParameterError
            There are more topics than words.
        DataError
            Counts are negative or missing, or the corpus does not hold so many topics.
        """
        check(self)
        context = context or Standalone()
        C = counts_of(data, self.feature_dim, TITLE)
        if self.num_topics > C.shape[1]:
            raise ParameterError(
                f"num_topics={self.num_topics} is more than there are words",
                why=f"The vocabulary has {C.shape[1]}",
                fix="Ask for fewer topics",
            )
        with limited(context.threads):
            beta = self._decomposed(C, context)
            self.alpha_, self.beta_ = self._refined(C, beta, context)
        return self

    def predict(self, data: Tabular) -> Prediction:
        """Answer ``{"topic_mixture": (n, K)}``, rows sum to 1. Raises ``NotFittedError`` or ``DataError``."""
        return {"topic_mixture": mixtures(counted(data, self._width(), TITLE), self._topics()).theta}

    def pwll(self, data: Tabular) -> float:
        """Return the log-likelihood per word, base e. Raises ``NotFittedError`` or ``DataError``."""
        C = counted(data, self._width(), TITLE)
        return float(mixtures(C, self._topics()).likelihood.sum() / max(float(C.sum()), 1.0))

    def save(self, folder: Path) -> None:
        """Write ``model_algo-1``, a list of α, (K,), and β, (K, V). Raises ``NotFittedError``."""
        fitted(self._width(), TITLE)
        assert self.alpha_ is not None
        assert self.beta_ is not None
        (folder / MODEL).write_bytes(write_ndarrays([self.alpha_, self.beta_]))
        seal(folder, self, {})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote, or a model that SageMaker trained, which has no seal. Raises ``IntegrityError``."""
        sealed = opened(folder, cls)[0] if (folder / SEAL).is_file() else None
        try:
            arrays = read_ndarrays((folder / MODEL).read_bytes())
        except OSError as error:
            raise broken(f"{MODEL} cannot be read ({type(error).__name__})") from error
        if len(arrays) != 2:
            raise broken(f"{MODEL} holds {len(arrays)} arrays, not α and β")
        alpha, beta = (np.asarray(array, np.float32) for array in arrays.values())
        if alpha.ndim != 1 or beta.ndim != 2 or len(alpha) != len(beta) or not beta.size:
            raise broken(f"α has shape {alpha.shape} and β {beta.shape}")
        if not (np.isfinite(alpha).all() and np.isfinite(beta).all()) or beta.min() < 0 or beta.sum(axis=1).min() <= 0:
            raise broken("β does not hold probabilities")
        model = sealed or cls(num_topics=len(alpha), feature_dim=beta.shape[1])
        if model.num_topics != len(alpha) or model.feature_dim not in (None, beta.shape[1]):
            raise broken(f"β has shape {beta.shape}, not {model.num_topics} topics of {model.feature_dim} words")
        model.alpha_, model.beta_ = alpha, beta
        return model

    def _width(self) -> int | None:
        return None if self.beta_ is None else self.beta_.shape[1]

    def _topics(self) -> NDArray[np.float64]:
        assert self.beta_ is not None
        beta = self.beta_.astype(np.float64)
        beta /= beta.sum(axis=1, keepdims=True)
        return beta

    def _decomposed(self, C: "sp.csr_matrix", context: Context) -> NDArray[np.float64]:
        """Return more topics than asked for, by their moments."""
        long = C[np.asarray(C.sum(axis=1)).ravel() >= SHORTEST]
        wanted = min(math.ceil(MORE * self.num_topics), C.shape[1])
        if long.shape[0] == 0:
            raise DataError(
                f"{TITLE} has nothing to learn from",
                why=f"No document has {SHORTEST} words or more",
                fix="Give word counts, a document a row",
            )
        found = topic_moments.moments(long, wanted, self.alpha0, context.seed)
        if len(found.third) < self.num_topics:
            raise DataError(
                f"The documents do not hold {self.num_topics} topics",
                why=f"The words that meet in them tell {len(found.third)} apart",
                fix="Give more documents, or ask for fewer topics",
            )
        scale, A = topic_moments.decomposed(
            found.third, self.max_restarts, self.max_iterations, self.tol, context.seed, context.stop_asked
        )
        return topic_moments.topics(found, scale, A, self.alpha0)[1]

    def _refined(
        self, C: "sp.csr_matrix", beta: NDArray[np.float64], context: Context
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Keep the topics that are given most of the corpus, and raise its likelihood from there."""
        V, total = C.shape[1], max(float(C.sum()), 1.0)
        beta = 0.99 * beta + 0.01 / V  # what the moments cut off may come back
        share = np.full(len(beta), 1.0 / len(beta))
        seen = mixtures(C, beta, prior=self.alpha0 * share, steps=STEPS, tol=NEAR)
        share = seen.theta.mean(axis=0)
        order = np.argsort(-share, kind="stable")[: self.num_topics]
        beta, share = beta[order], share[order] / share[order].sum()
        before = -math.inf
        for _ in range(SWEEPS):
            seen = mixtures(C, beta, prior=self.alpha0 * share, steps=STEPS, tol=NEAR)
            given = seen.given.T + SMOOTH
            beta, share = given / given.sum(axis=1, keepdims=True), np.maximum(seen.theta.mean(axis=0), 1e-6)
            now = float(seen.likelihood.sum()) / total
            if now - before < GAIN or context.stop_asked():
                break
            before = now
        order = np.argsort(-share, kind="stable")
        return (self.alpha0 * share / share.sum())[order].astype(np.float32), beta[order].astype(np.float32)
