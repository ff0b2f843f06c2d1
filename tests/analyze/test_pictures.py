import numpy as np
from sklearn.metrics import average_precision_score, confusion_matrix, f1_score, roc_auc_score

from tarragon.analyze.pictures import POINTS, calibration_line, confusion_of, draw, gain_line, pr_line, roc_line, thin
from tarragon.analyze.predictive import Judged


def _scores(n=3_000, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.3
    return y, 1 / (1 + np.exp(-(rng.normal(size=n) + 1.5 * y - 1)))


def test_the_area_under_the_thinned_roc_is_the_auc():
    y, s = _scores()
    line = roc_line("yes", y, s)
    assert len(line.x) <= POINTS + 1
    assert (line.x[0], line.y[0], line.x[-1], line.y[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert abs(np.trapezoid(line.y, line.x) - roc_auc_score(y, s)) < 2e-3


def test_weights_move_the_roc():
    y, s = _scores()
    w = np.random.default_rng(1).random(len(y)) * 5
    line = roc_line("yes", y, s, w)
    assert abs(np.trapezoid(line.y, line.x) - roc_auc_score(y, s, sample_weight=w)) < 2e-3


def test_the_area_under_the_thinned_pr_curve_is_average_precision():
    y, s = _scores()
    line = pr_line("yes", y, s)
    assert len(line.x) <= POINTS
    assert np.all(np.diff(line.x) >= 0)
    assert abs(np.trapezoid(line.y, line.x) - average_precision_score(y, s)) < 0.02


def test_calibration_bins_hold_the_shares_and_their_bands():
    rng = np.random.default_rng(0)
    s = rng.random(5_000)
    y = rng.random(5_000) < s
    line = calibration_line("yes", y, s)
    assert len(line.x) == 10
    assert np.allclose(line.x, line.y, atol=0.06)  # calibrated by construction
    assert all(low <= share <= high for low, share, high in zip(line.low, line.y, line.high, strict=True))


def test_confusion_counts_as_scikit_learn_and_names_the_worst(multiclass):
    rows = Judged(multiclass.table.y, multiclass.oof)
    drawn = confusion_of(rows, ("high", "low", "mid"))
    theirs = confusion_matrix(rows.y, rows.p.argmax(axis=1))
    assert np.array_equal(drawn.counts, theirs)
    wrong = theirs - np.diag(np.diag(theirs))
    i, j = np.unravel_index(wrong.argmax(), wrong.shape)
    names = ("high", "low", "mid")
    assert f"{wrong[i, j]} of {theirs[i].sum()} rows that are {names[i]} are called {names[j]}" in drawn.sentence


def test_many_classes_are_gathered_and_no_row_is_lost():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(20), 500)
    y = rng.integers(0, 20, 500).astype(float)
    drawn = confusion_of(Judged(y, p), tuple(map(str, range(20))))
    assert len(drawn.classes) == 11
    assert drawn.classes[-1] == "10 others"
    assert np.sum(drawn.counts) == 500
    assert len(draw(Judged(y, p), range(20)).roc) == 10


def test_threshold_lines_are_the_metrics_at_each_cut():
    y, s = _scores(300)
    pictures = draw(Judged(y.astype(float), np.c_[1 - s, s]), ("no", "yes"))
    f1 = pictures.threshold[2]
    for i in (0, 50, len(f1.x) - 1):
        assert np.isclose(f1.y[i], f1_score(y, s >= f1.x[i]))
    assert np.all(np.diff(f1.x) > 0)


def test_gain_ends_with_everything_found():
    y, s = _scores(500)
    line = gain_line(y, s)
    assert (line.x[0], line.y[0], line.x[-1], line.y[-1]) == (0.0, 0.0, 1.0, 1.0)
    half = np.interp(0.5, line.x, line.y)
    assert np.isclose(half, y[np.argsort(-s, kind="stable")[:250]].sum() / y.sum(), atol=0.01)


def test_values_get_clouds_and_a_histogram_of_all_rows():
    rng = np.random.default_rng(0)
    y = rng.normal(size=2_500)
    p = y + rng.normal(size=2_500)
    pictures = draw(Judged(y, p), ())
    assert len(pictures.residuals) == len(pictures.predicted_actual) == 1_000
    assert sum(c for *_, c in pictures.residual_histogram) == 2_500
    predicted, residual = pictures.residuals[0]
    actual, again = pictures.predicted_actual[0]
    assert np.isclose(predicted, again)
    assert np.isclose(actual - predicted, residual)
    assert pictures.roc == ()
    assert pictures.confusion is None


def test_thinning_keeps_both_ends():
    kept = thin(10_000)
    assert (kept[0], kept[-1], len(kept)) == (0, 9_999, POINTS)
    assert thin(5).tolist() == [0, 1, 2, 3, 4]
