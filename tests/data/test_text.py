import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from tarragon.data.text import WORDS, TextModel, counts, leading, shares_tokens


def documents(n=80, seed=0):
    rng = np.random.default_rng(seed)
    words = ["red", "blue", "green", "fast", "slow", "car", "boat", "a", "!", "naïve", "x2"]
    return [" ".join(rng.choice(words, rng.integers(1, 9))) for _ in range(n)]


def test_tfidf_equals_scikit_learn():
    texts = documents()
    model = TextModel.fit(pl.Series(texts), short=False, seed=0)
    reference = TfidfVectorizer(token_pattern=WORDS, ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    expected = reference.fit_transform(texts)
    # scikit-learn's pairs need each word twice in the corpus only through min_df of the pair; names line them up.
    mine = {name: i for i, name in enumerate(model.feature_names())}
    theirs = list(reference.get_feature_names_out())
    assert sorted(mine) == sorted(theirs)
    np.testing.assert_allclose(
        model.tfidf(pl.Series(texts)).toarray()[:, [mine[n] for n in theirs]], expected.toarray(), atol=1e-6
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=30), st.sampled_from(documents(20))), min_size=1, max_size=5))
def test_few_texts_are_cut_as_many_are(texts):
    model = TextModel.fit(pl.Series(documents()), short=False, seed=0)
    few = pl.Series(texts, dtype=pl.String)
    many = pl.concat([few, pl.Series(documents(30), dtype=pl.String)])
    np.testing.assert_array_equal(model.tfidf(few).toarray(), model.tfidf(many)[: len(few)].toarray())
    np.testing.assert_array_equal(model.latent(few, standard=True), model.latent(many, standard=True)[: len(few)])
    np.testing.assert_array_equal(counts(few), counts(many)[: len(few)])


def test_directions_reconstruct_as_well_as_the_exact_decomposition():
    texts = pl.Series(documents(200))
    model = TextModel.fit(texts, short=False, seed=0)
    matrix = model.tfidf(texts).toarray().astype(float)
    projected = matrix @ model.directions @ model.directions.T
    singular = np.linalg.svd(matrix, compute_uv=False)
    best = np.sqrt((singular[model.n_directions :] ** 2).sum())
    assert np.linalg.norm(matrix - projected) <= 1.02 * best


def test_leading_directions_are_the_singular_vectors():
    rng = np.random.default_rng(0)
    matrix = sp.random(120, 60, density=0.3, random_state=1, format="csr") + sp.csr_matrix(
        rng.normal(size=(120, 3)) @ np.diag([9.0, 6.0, 4.0]) @ rng.normal(size=(3, 60))
    )
    exact = np.linalg.svd(matrix.toarray())[2][:3]
    found = leading(sp.csr_matrix(matrix), 3, seed=0)
    np.testing.assert_allclose(np.abs(found.T @ exact.T), np.eye(3), atol=1e-5)
    assert np.all(found[np.abs(found).argmax(axis=0), range(3)] > 0)


def test_pieces_of_codes():
    cells = pl.Series([f"{'AB'[i % 2]}{i % 7}" for i in range(60)])
    model = TextModel.fit(cells, short=True, seed=0)
    assert model.feature_names() == ["0", "1", "2", "3", "4", "5", "6", "a", "b"]
    row = model.tfidf(pl.Series(["b3"])).toarray()[0]
    assert {model.feature_names()[i] for i in np.flatnonzero(row)} == {"b", "3"}


def test_shared_pieces():
    assert shares_tokens(pl.Series([f"{d}{i}" for d in "ABC" for i in range(20)]))
    assert not shares_tokens(pl.Series([chr(97 + i) * 4 for i in range(20)]))


def test_counts_and_long_texts():
    made = counts(pl.Series(["two words", None, "x" * 100_000] + ["a b"] * 20))
    np.testing.assert_array_equal(made[:3], [[9, 2], [np.nan, np.nan], [100_000, 1]])
    model = TextModel.fit(
        pl.Series(["long words " * 50_000, "long words", "other words", "other"]), short=False, seed=0
    )
    assert "long words" in model.feature_names()


def test_nothing_in_common_is_no_model():
    assert TextModel.fit(pl.Series(["one", "two", "three"]), short=False, seed=0) is None
    assert TextModel.fit(pl.Series([None, None], dtype=pl.String), short=False, seed=0) is None


def test_state_restores_the_model():
    texts = pl.Series(documents())
    model = TextModel.fit(texts, short=False, seed=0)
    again = TextModel.restore(*model.state())
    np.testing.assert_array_equal(model.latent(texts, standard=True), again.latent(texts, standard=True))


@pytest.mark.parametrize("seed", [0, 1])
def test_same_seed_same_directions(seed):
    texts = pl.Series(documents())
    a, b = (TextModel.fit(texts, short=False, seed=seed) for _ in range(2))
    np.testing.assert_array_equal(a.directions, b.directions)
