"""The banner and the tiles."""

import shlex
from dataclasses import replace

from tarragon.develop.report import headline
from tarragon.registry.protocol import Approval


def test_the_banner_shows_three_reasons_and_the_score(binary):
    b = headline.banner(binary)
    assert (b.decision, b.tone) == ("SHIP", "good")
    assert len(b.reasons) == 3
    assert float(b.score) == round(binary.analysis.score.value, len(b.score) - 2)


def test_baselines_are_listed_from_best_to_worst_below_the_model(binary, regression):
    for report in (binary, regression):
        rows = headline.banner(report).picture.rows
        assert rows[0].strong
        assert rows[0].label == "This model"
        shown = [float(r.value.split(" (")[0].replace("\u202f", "").replace("−", "-")) for r in rows[1:]]
        assert shown == sorted(shown, reverse=report.analysis.score.greater_is_better)
        assert {"No model", "One rule", "Linear model"} <= {r.label for r in rows}


def test_the_finding_does_not_claim_what_is_within_noise(binary):
    beaten = [replace(b, gain=0.1, gain_low=0.05, gain_high=0.2) for b in binary.analysis.baselines]
    won = replace(binary, analysis=replace(binary.analysis, baselines=tuple(beaten)))
    assert "beats every baseline" in headline.banner(won).picture.caption
    tied = replace(won, analysis=replace(won.analysis, baselines=(replace(beaten[0], gain_low=-0.01), *beaten[1:])))
    said = headline.banner(tied).picture.caption
    assert "not better beyond noise" in said
    assert "without a model" in said
    assert "linear" not in said


def test_a_holdout_score_stands_beside_the_estimate(binary):
    score = replace(binary.analysis.score, value=0.8, low=0.7, high=0.9, n=200)
    rows = headline.banner(replace(binary, analysis=replace(binary.analysis, holdout=score))).picture.rows
    assert rows[1].label == "Holdout"
    assert "200" in rows[1].note


def test_a_glass_box_is_not_compared_with_itself(binary):
    rows = headline.banner(replace(binary, model=replace(binary.model, glass_box=True))).picture.rows
    assert "Best glass box" not in {r.label for r in rows}


def test_commands_are_safe_to_paste(hostile):
    for command, _ in headline.next_commands(hostile):
        parts = shlex.split(command)
        assert parts[0] == "tarragon"
        assert not {";", "rm"} & set(parts)


def test_approval_is_offered_only_while_it_is_pending(binary):
    assert any("approve" in c for c, _ in headline.next_commands(binary))
    done = replace(binary, package=replace(binary.package, approval=Approval.APPROVED))
    assert not any("approve" in c for c, _ in headline.next_commands(done))
    assert [c for c, _ in headline.next_commands(replace(binary, package=None))] == [
        "tarragon replay churn-20260504-a1b2"
    ]
