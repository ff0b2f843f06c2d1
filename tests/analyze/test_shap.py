"""Against Shapley's definition by enumeration of orders, and the closed form of a linear model."""

from itertools import permutations

import numpy as np
import pytest

from tarragon.analyze.shap import cost_of, explain, spread_rows


class Asked:
    def __init__(self, f, rows, background):
        self.f, self.rows, self.background, self.answers = f, rows, background, 0

    def __call__(self, row, back, mask):
        self.answers += len(row)
        return self.f(np.where(mask, self.rows[row], self.background[back]))


def _given(players, seed=0, rows=6, background=4):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, players)), rng.normal(size=(background, players))


def _twisted(X):
    return X[:, 0] * X[:, 1] + np.sin(X[:, 2]) + (X[:, 0] > 0) * X[:, -1]


def _by_definition(f, x, background):
    """Mean over all orders and background rows of what each player adds when it joins."""
    players = len(x)
    phi = np.zeros(players)
    orders = list(permutations(range(players)))
    for order in orders:
        for b in background:
            row = b.copy()
            before = f(row[None])[0]
            for j in order:
                row[j] = x[j]
                after = f(row[None])[0]
                phi[j] += after - before
                before = after
    return phi / (len(orders) * len(background))


def test_enumeration_is_the_definition():
    rows, background = _given(4)
    found = explain(Asked(_twisted, rows, background), (6, 4, 4), exact=True)
    for i in range(6):
        assert np.allclose(found.values[i], _by_definition(_twisted, rows[i], background), atol=1e-12)
    assert found.exact
    assert found.additivity_error < 1e-12


@pytest.mark.parametrize("exact", [True, False])
def test_a_linear_model_gets_its_closed_form(exact):
    rows, background = _given(7)
    beta = np.arange(1.0, 8.0)
    found = explain(Asked(lambda X: X @ beta + 3, rows, background), (6, 4, 7), exact=exact)
    assert np.allclose(found.values, (rows - background.mean(axis=0)) * beta, atol=1e-10)
    assert np.isclose(found.expected, background.mean(axis=0) @ beta + 3)


def test_sampling_adds_up_and_approaches_enumeration():
    rows, background = _given(6, rows=10, background=40)
    exact = explain(Asked(_twisted, rows, background), (10, 40, 6), exact=True)
    drawn = explain(Asked(_twisted, rows, background), (10, 40, 6), exact=False, seed=1)
    assert drawn.additivity_error < 1e-12
    assert not drawn.exact
    assert np.abs(drawn.values - exact.values).mean() < 0.08 * np.abs(exact.values).mean()


def test_sampling_is_unbiased():
    rows, background = _given(4, rows=2, background=3)
    exact = explain(Asked(_twisted, rows, background), (2, 3, 4), exact=True).values
    drawn = [explain(Asked(_twisted, rows, background), (2, 3, 4), exact=False, seed=s).values for s in range(400)]
    error = np.std(drawn, axis=0) / np.sqrt(400)
    assert np.all(np.abs(np.mean(drawn, axis=0) - exact) < 4 * error + 1e-12)


def test_a_player_that_does_nothing_gets_nothing():
    rows, background = _given(5)
    found = explain(Asked(lambda X: X[:, 0] * X[:, 1], rows, background), (6, 4, 5), exact=False)
    assert np.all(found.values[:, 2:] == 0.0)


@pytest.mark.parametrize(("players", "exact"), [(5, True), (5, False), (12, False)])
def test_the_cost_is_what_it_says(players, exact):
    rows, background = _given(players)
    asked = Asked(_twisted, rows, background)
    explain(asked, (6, 4, players), exact=exact)
    assert asked.answers == 6 * 4 * cost_of(players, exact=exact) + 6 + 4


def test_one_player_takes_all():
    rows, background = _given(1)
    found = explain(Asked(lambda X: X[:, 0] ** 2, rows, background), (6, 4, 1), exact=False)
    assert np.allclose(found.values[:, 0], rows[:, 0] ** 2 - (background**2).mean())


def test_the_same_seed_gives_the_same_bytes():
    rows, background = _given(8)
    one, other = (explain(Asked(_twisted, rows, background), (6, 4, 8), exact=False, seed=5) for _ in range(2))
    assert one.values.tobytes() == other.values.tobytes()


def test_background_rows_spread_over_the_answers():
    answers = np.random.default_rng(0).normal(size=1_000)
    picked = answers[spread_rows(answers, 10)]
    assert np.allclose(np.sort(picked), np.quantile(answers, np.linspace(0.05, 0.95, 10)), atol=0.02)
    assert len(spread_rows(answers[:3], 10)) == 3
