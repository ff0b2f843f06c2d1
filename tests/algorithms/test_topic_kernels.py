"""The digamma function is SciPy's."""

import numpy as np
from scipy.special import digamma as expected

from tarragon.algorithms.topic_kernels import digamma


def test_digamma_is_scipys() -> None:
    points = np.concatenate([np.geomspace(1e-6, 1e6, 200), [1.0, 2.0, 6.0]])
    np.testing.assert_allclose([digamma(x) for x in points], expected(points), rtol=1e-8, atol=1e-9)
