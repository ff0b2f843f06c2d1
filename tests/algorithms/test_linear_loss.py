import numpy as np
import pytest

from tarragon.algorithms.linear_loss import BINARY, OBJECTIVES, VALUES, Loss, probability


@pytest.mark.parametrize("name", [*BINARY, *VALUES])
def test_slopes_are_those_of_the_costs(name: str) -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(0, 2, (40, 3))
    y = rng.integers(0, 2, 40).astype(float) if name in BINARY else rng.normal(size=40)
    loss = Loss(name, insensitivity=0.3, quantile=0.7, delta=0.8)
    step = 1e-5
    _, slope = loss(z.copy(), y)
    numeric = (loss(z + step, y)[0] - loss(z - step, y)[0]) / (2 * step)
    np.testing.assert_allclose(slope, numeric, atol=1e-3)


def test_softmax_slopes_and_costs() -> None:
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(20, 4, 2)), rng.integers(0, 4, 20).astype(float)
    cost, slope = Loss("softmax_loss")(z.copy(), y)
    p = probability(z[:, :, 0])
    np.testing.assert_allclose(cost[:, 0], -np.log(p[np.arange(20), y.astype(int)]))
    np.testing.assert_allclose(slope[:, :, 0], p - np.eye(4)[y.astype(int)], atol=1e-12)


def test_costs_by_hand() -> None:
    z, y = np.array([[2.0], [-0.5]]), np.zeros(2)
    by_hand = {
        "squared_loss": [4, 0.25], "absolute_loss": [2, 0.5], "eps_insensitive_absolute_loss": [1.9, 0.4],
        "eps_insensitive_squared_loss": [3.61, 0.16], "quantile_loss": [0.4, 0.4], "huber_loss": [1.5, 0.125],
        "hinge_loss": [3, 0.5],
    }  # fmt: skip
    for name, expected in by_hand.items():
        np.testing.assert_allclose(Loss(name, 1.0, 0.1, 0.8, 1.0)(z, y)[0][:, 0], expected, rtol=1e-6)


def test_large_scores_cost_no_overflow() -> None:
    with np.errstate(all="raise", under="ignore"):
        cost, slope = Loss("logistic")(np.array([[500.0], [-500.0]]), np.array([0.0, 1.0]))
        assert cost[:, 0].tolist() == [500, 500]
        assert slope[:, 0].tolist() == [1, -1]
        assert probability(np.array([800.0, -800.0])).tolist() == [1, 0]


def test_every_loss_has_a_name_in_the_log_and_a_unit() -> None:
    assert all(Loss(name).objective.endswith("_objective") for name in (*BINARY, *VALUES, *OBJECTIVES))
    assert Loss("squared_loss").unit(3.0) == 9
    assert Loss("absolute_loss").unit(3.0) == 3
    assert Loss("logistic").unit(3.0) == 1
