import numpy as np
import pytest
from sklearn import metrics as sk

from tarragon.metrics import metric

PEERS = {
    "rmse": sk.root_mean_squared_error,
    "mse": sk.mean_squared_error,
    "mae": sk.mean_absolute_error,
    "r2": sk.r2_score,
    "mape": sk.mean_absolute_percentage_error,
    "rmsle": sk.root_mean_squared_log_error,
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", PEERS)
def test_equals_scikit_learn(name, weighted):
    rng = np.random.default_rng(1)
    y = rng.gamma(2.0, 3.0, 300)
    p, w = np.abs(y + rng.normal(size=300)), rng.random(300)
    w = w if weighted else None
    assert np.isclose(metric(name).score(y, p, w), PEERS[name](y, p, sample_weight=w), rtol=1e-12)


def test_median_absolute_error_equals_scikit_learn():
    rng = np.random.default_rng(2)
    y, p = rng.normal(size=51), rng.normal(size=51)
    assert np.isclose(metric("median_absolute_error").score(y, p), sk.median_absolute_error(y, p))


def test_zeros_are_left_out_of_mape_and_a_table_of_zeros_has_none():
    assert np.isclose(metric("mape").score(np.array([0.0, 2.0]), np.array([5.0, 3.0])), 0.5)
    assert np.isnan(metric("mape").score(np.zeros(3), np.ones(3)))


def test_undefined_is_nan():
    assert np.isnan(metric("r2").score(np.ones(4), np.arange(4.0)))
    assert np.isnan(metric("rmsle").score(np.array([-1.0, 2.0]), np.array([1.0, 2.0])))
