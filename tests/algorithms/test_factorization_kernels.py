import numpy as np
import scipy.sparse as sp

from tarragon.algorithms import factorization_kernels as kernels


def test_scores_and_slopes_are_those_of_the_formula() -> None:
    rng = np.random.default_rng(0)
    X = sp.random(12, 8, 0.4, format="csr", dtype=np.float32, random_state=0)
    v, w = rng.normal(size=(8, 3)).astype(np.float32), rng.normal(size=8).astype(np.float32)
    S, z = np.empty((12, 3), np.float32), np.empty(12, np.float32)
    rows = (X.indptr, X.indices, X.data)
    kernels.scores(rows, (np.float32(0.5), w, v), S, z)
    D = X.toarray().astype(float)

    def formula(v: np.ndarray) -> np.ndarray:
        return 0.5 + D @ w + 0.5 * ((D @ v) ** 2 - (D**2) @ (v**2)).sum(axis=1)

    np.testing.assert_allclose(z, formula(v.astype(float)), rtol=1e-4, atol=1e-5)
    slope = rng.normal(size=12).astype(np.float32)
    columns = np.flatnonzero(X.getnnz(axis=0))
    place = np.zeros(8, np.int64)
    place[columns] = np.arange(len(columns))
    down, across = np.zeros((len(columns), 3), np.float32), np.zeros(len(columns), np.float32)
    kernels.slopes(rows, slope, v, S, place, (down, across))
    np.testing.assert_allclose(across, (D.T @ slope)[columns], rtol=1e-4, atol=1e-5)
    for m, i in enumerate(columns):
        for f in range(3):
            up, low = v.astype(float), v.astype(float)
            up[i, f] += 1e-4
            low[i, f] -= 1e-4
            numeric = slope @ (formula(up) - formula(low)) / 2e-4
            np.testing.assert_allclose(down[m, f], numeric, rtol=1e-3, atol=1e-4)
