import numpy as np

from tarragon.analyze.honest import (
    Choice,
    averaging_gain,
    best_threshold,
    between_folds,
    blend,
    fresh_rows,
    honest,
    optimism,
)
from tarragon.analyze.predictive import Judged
from tarragon.metrics import metric


def _best_single(y, stack, m):
    def again(rows):
        scores = [m.utility(m.score(y[rows], p[rows])) for p in stack]
        return np.eye(len(stack))[int(np.argmax(scores))]

    return again


def test_choosing_among_coin_flippers_is_seen_through():
    """40 models that know nothing: the best looks better than 0.5, the corrected score is 0.5 on average."""
    m, apparent, corrected = metric("auc"), [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 2, 200).astype(float)
        stack = tuple(np.c_[1 - p, p] for p in rng.random((40, 200)))
        again = _best_single(y, stack, m)
        choice = Choice(stack, np.arange(200), again(np.arange(200)), again)
        count = iter(range(25))
        penalty, resamples = optimism(m, y, choice, seed=seed, go_on=lambda count=count: next(count, None) is not None)
        assert 20 <= resamples <= 26
        apparent.append(m.score(y, blend(choice, choice.weights, np.arange(200))))
        corrected.append(apparent[-1] - penalty)
    assert np.mean(apparent) > 0.57
    assert abs(np.mean(corrected) - 0.5) < 0.025


def test_a_clear_winner_costs_nothing():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300).astype(float)
    good, bad = 0.8 * y + 0.1, rng.random(300)
    stack = tuple(np.c_[1 - p, p] for p in (good, bad))
    m = metric("log_loss")
    choice = Choice(stack, np.arange(300), np.array([1.0, 0.0]), _best_single(y, stack, m))
    assert optimism(m, y, choice, go_on=lambda: True)[0] == 0.0


def test_nothing_to_choose_between_needs_no_resampling():
    p = np.full((10, 2), 0.5)
    choice = Choice((p,), np.arange(10), np.ones(1), lambda rows: np.ones(1))
    assert optimism(metric("auc"), np.arange(10) % 2.0, choice, go_on=lambda: True) == (0.0, 0)


def test_a_threshold_tuned_on_the_same_rows_is_seen_through():
    m, found = metric("f1"), []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        y = (rng.random(150) < 0.3).astype(float)
        p = np.clip(0.3 + 0.1 * y + 0.2 * rng.normal(size=150), 0.01, 0.99)
        table = np.c_[1 - p, p]
        choice = Choice(
            (table,), np.arange(150), np.ones(1), lambda rows: np.ones(1), best_threshold(m, y, table, None)
        )
        found.append(optimism(m, y, choice, seed=seed, go_on=lambda: True)[0])
    assert np.mean(found) > 0.003


def test_blend_is_the_weighted_mean_of_the_trials_that_count():
    stack = (np.array([1.0, 2.0, 3.0]), np.array([np.nan] * 3), np.array([5.0, 6.0, 7.0]))
    choice = Choice(stack, np.array([0, 2]), np.array([1.0, 0.0, 3.0]), lambda rows: np.zeros(3))
    assert np.allclose(blend(choice, choice.weights, np.array([1, 0])), [6.0, 4.0])


def test_the_interval_is_moved_by_the_penalty_and_widened_on_the_better_side():
    rng = np.random.default_rng(0)
    y = rng.normal(size=400)
    rows = Judged(y, y + 0.5 * rng.normal(size=400))
    m = metric("rmse")
    value, low, high = honest(m, rows, penalty=0.0)
    worse, low2, high2 = honest(m, rows, penalty=0.1)
    assert np.isclose(worse, value + 0.1)
    assert np.isclose(high2, high + 0.1)
    assert low2 == low
    _, low3, high3 = honest(m, rows, penalty=0.0, shifts=(0.1, 0.0))
    assert low3 < low - 0.05
    assert high3 == high


def test_scores_never_leave_their_range():
    y = np.array([0.0, 1] * 30)
    p = np.c_[1 - y, y] * 0.9 + 0.05
    value, low, high = honest(metric("auc"), Judged(y, p), penalty=0.02, shifts=(0.5, 0.0))
    assert value == 0.98
    assert 0.5 < low <= value <= high <= 1.0


def test_averaging_gain_of_squared_error_is_the_ambiguity():
    """Krogh & Vedelsby: mean of the single errors minus the error of the mean is the models' variance."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=4_000)
    singles = truth + 0.5 * rng.normal(size=(5, 4_000))
    residuals = rng.normal(size=4_000)
    gain = averaging_gain(metric("mse"), singles, residuals)
    assert np.isclose(gain, singles.var(axis=0).mean(), rtol=0.05)
    few = averaging_gain(metric("mse"), singles[:2], residuals, models=5)
    assert np.isclose(few, 0.25 * (1 - 1 / 5), rtol=0.1)  # two of five speak for all five
    assert averaging_gain(metric("mse"), np.stack([truth, truth]), residuals) == 0.0


def test_averaging_gain_predicts_what_a_bag_gains_on_fresh_rows():
    from sklearn.tree import DecisionTreeClassifier

    rng = np.random.default_rng(0)
    X = rng.normal(size=(3_000, 5))
    y = (X[:, 0] + X[:, 1] * X[:, 2] + rng.logistic(size=3_000) > 0).astype(float)
    models = [
        DecisionTreeClassifier(min_samples_leaf=20, random_state=k).fit(X[k:1_500:2], y[k:1_500:2]) for k in range(2)
    ]
    m = metric("auc")
    told = averaging_gain(m, np.stack([t.predict_proba(X[:1_500]) for t in models]), None)
    fresh = np.stack([t.predict_proba(X[1_500:]) for t in models])
    real = m.score(y[1_500:], fresh.mean(axis=0)) - np.mean([m.score(y[1_500:], p) for p in fresh])
    assert 0.5 < told / real < 2.0


def test_between_folds_is_zero_for_like_folds_and_the_spread_for_unlike_ones():
    rng = np.random.default_rng(0)
    y, fold = np.zeros(5_000), np.repeat(np.arange(5), 1_000)
    same = rng.normal(size=5_000)
    drift = same + np.repeat([0.0, 1.0, 2.0, 3.0, 4.0], 1_000)
    m = metric("mae")
    assert between_folds(m, y, same, fold, next_fold=True) < 0.05
    spread = between_folds(m, y, drift, fold, next_fold=True)
    scores = [np.abs(drift[fold == k]).mean() for k in range(5)]
    assert np.isclose(spread, np.std(scores, ddof=1), rtol=0.02)
    assert np.isclose(between_folds(m, y, drift, fold, next_fold=False), spread / np.sqrt(5))


def test_best_threshold_finds_the_best_cut():
    rng = np.random.default_rng(0)
    y = (rng.random(2_000) < 0.1).astype(float)
    p = np.clip(0.1 + 0.15 * y + 0.05 * rng.normal(size=2_000), 0, 1)
    m, table = metric("f1"), np.c_[1 - p, p]
    cut = best_threshold(m, y, table, None)
    assert m.score(y, table, threshold=cut) > m.score(y, table) + 0.3
    assert best_threshold(m, y, p, None) == 0.5


def test_fresh_sample_is_a_third():
    assert (fresh_rows(300), fresh_rows(1)) == (100, 1)
