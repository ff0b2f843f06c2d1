"""The verdict on the fit."""

from dataclasses import replace

from tarragon.analyze.protocol import Line
from tarragon.develop.report import fitting


def _with(report, **changes):
    return replace(report, analysis=replace(report.analysis, fit=replace(report.analysis.fit, **changes)))


def test_a_gap_within_noise_is_called_nothing(binary):
    rows = fitting.chapter(_with(binary, gap=0.01, gap_low=-0.01, gap_high=0.03)).blocks[1]
    assert "may be nothing" in rows.caption
    rows = fitting.chapter(_with(binary, gap=0.02, gap_low=0.01, gap_high=0.03)).blocks[1]
    assert "better on rows it learned from, by 0.020 (0.010–0.030)" in rows.caption


def test_the_lowest_loss_is_that_of_unseen_rows(binary):
    rounds = tuple(float(i) for i in range(1, 11))
    train = Line("train", rounds, tuple(1 / r for r in rounds))
    valid = Line("validation", rounds, tuple((r - 4) ** 2 for r in rounds))
    figure = fitting.chapter(_with(binary, history=(train, valid))).blocks[2].figures[0]
    assert figure.caption == "The loss on unseen rows is lowest after 4 of 10 rounds; later rounds bring nothing."
    only = fitting.chapter(_with(binary, history=(train,))).blocks[2].figures[0]
    assert "rows it learned from" in only.caption
    assert "still falling" in only.caption


def test_overfit_is_said_in_a_word(binary):
    callout = fitting.chapter(_with(binary, verdict="overfit")).blocks[0]
    assert (callout.badge, callout.tone) == ("overfit", "note")
