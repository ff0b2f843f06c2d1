"""The compiled hyperbolic tangent is numpy's; the steps are held against torch's in test_zoneout_lstm."""

import numpy as np

from tarragon.algorithms import lstm_kernels


def test_tanh_is_right_to_the_last_digits() -> None:
    tanh = lstm_kernels.compiled(lambda x: lstm_kernels.tanh(x))
    x = np.linspace(-12, 12, 501).astype(np.float32)
    found = np.array([tanh(v) for v in x])
    np.testing.assert_allclose(found, np.tanh(x.astype(np.float64)), atol=1e-6)
