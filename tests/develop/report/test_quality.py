"""Metrics, curves and their captions."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import auc

from tarragon.analyze.protocol import Confusion, Line
from tarragon.develop.report import quality


def _figures(report):
    return {f.title: f for b in quality.chapter(report).blocks if b.part == "gallery" for f in b.figures}


def test_the_area_is_sklearns(binary):
    line = binary.analysis.pictures.roc[0]
    assert quality.area(tuple(zip(line.x, line.y, strict=True))) == pytest.approx(auc(line.x, line.y))


def test_reading_a_curve_is_numpys_interpolation():
    x, y = np.linspace(0, 1, 9), np.linspace(0, 1, 9) ** 2
    curve = tuple(zip(x.tolist(), y.tolist(), strict=True))
    assert quality.at(curve, 0.33) == pytest.approx(np.interp(0.33, x, y))
    assert quality.at(curve, 1.5) is None


def test_a_calibrated_curve_is_called_so_and_a_crooked_one_not(binary):
    told = tuple(np.linspace(0.05, 0.95, 10))
    good = Line("Yes", told, tuple(t + 0.02 for t in told))
    bad = Line("Yes", told, tuple(min(1.0, t + 0.2) for t in told))
    for line, words in ((good, "Calibrated within 2 points: of 100 rows given 65"), (bad, "Off by up to 20 points")):
        pictures = replace(binary.analysis.pictures, calibration=(line,))
        report = replace(binary, analysis=replace(binary.analysis, pictures=pictures))
        assert _figures(report)["Do probabilities mean what they say?"].caption.startswith(words)


def test_a_bin_is_not_blamed_for_what_its_size_explains():
    line = Line("Yes", (0.2, 0.5), (0.4, 0.51), (0.1, 0.49), (0.7, 0.53))
    assert quality._off(line) < 0.3
    assert quality._off(Line("Yes", (0.2,), (0.4,))) == pytest.approx(0.2)


def test_of_many_classes_the_hardest_are_named(multiclass):
    figure = _figures(multiclass)["ROC: found against false alarms"]
    lines = multiclass.analysis.pictures.roc
    hardest = min(lines, key=lambda c: auc(c.x, c.y)).name
    assert f"“{hardest}” is the hardest" in figure.caption
    assert figure.keys[0].label == hardest
    assert figure.picture.count('class="line faint"') == len(lines) - 4


def test_the_caption_of_gain_counts(binary):
    caption = _figures(binary)["Where to look first"].caption
    line = binary.analysis.pictures.gain
    found = float(np.interp(0.2, line.x, line.y))
    assert f"{100 * found:.0f}\u202f%" in caption


def test_a_large_confusion_keeps_every_row_in_its_sums():
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 30, (40, 40))
    c = Confusion(tuple(f"k{i}" for i in range(40)), tuple(tuple(int(v) for v in row) for row in counts), "said")
    names, summed = quality._largest(c)
    assert len(names) == quality.N_CONFUSED + 1
    assert names[-1] == "20 others"
    assert np.sum(summed) == counts.sum()
    kept = [int(n[1:]) for n in names[:-1]]
    assert set(kept) == set(np.argsort(-counts.sum(axis=1), kind="stable")[:20].tolist())


def test_an_undefined_metric_says_why(binary):
    score = replace(binary.analysis.others[0], value=None, low=None, high=None, why="one class only")
    report = replace(binary, analysis=replace(binary.analysis, others=(score,)))
    row = quality.chapter(report).blocks[0].rows[1]
    assert row[1].text == "–"
    assert "one class only" in row[4].text


def test_errors_of_a_regression_in_its_own_units(regression):
    figures = _figures(regression)
    residuals = np.array([abs(e) for _, e in regression.analysis.pictures.residuals])
    half = sorted(residuals)[len(residuals) // 2]
    assert f"within {half:,.0f}".replace(",", "\u202f") in figures["Predicted against actual"].caption
