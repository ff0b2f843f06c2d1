"""How the score was kept honest."""

import re
from dataclasses import replace

import pytest

from tarragon.develop.report import honesty


def test_it_is_told_with_this_runs_numbers(binary):
    told = " ".join(honesty.chapter(binary).blocks[0].items)
    trials = len(binary.board.standings) + len(binary.board.dropped)
    assert f"best of {trials} trials" in told
    assert "3 folds" in told
    out_of_fold = float(re.search(r"Out of fold it scored ([0-9.]+)", told).group(1))
    assert out_of_fold == pytest.approx(binary.analysis.apparent, abs=1e-3)


def test_limits_are_told_with_the_measured_figure(binary):
    assert honesty.chapter(binary).blocks[2].items == ("latency 0.84 ms ≤ 2 ms.",)
    silent = replace(binary, model=replace(binary.model, obeyed=()))
    assert "within 2\u202fms: measured 840\u202fµs" in honesty.chapter(silent).blocks[2].items[0]


def test_an_opened_holdout_is_told(binary):
    holdout = replace(binary.analysis.score, n=250)
    told = honesty.chapter(replace(binary, analysis=replace(binary.analysis, holdout=holdout))).blocks[0].items
    assert any("250 rows were set aside" in t for t in told)
