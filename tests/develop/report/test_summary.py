"""The run in a dozen lines."""

from pathlib import Path

from tarragon.develop.report import summary


def test_the_lines_carry_the_runs_figures(binary):
    s = summary(binary, Path("out/report.html"))
    assert s.decision == "SHIP"
    assert s.headline == "SHIP: Predicting churned from churn.csv"
    assert s.score.startswith("ROC AUC 0.")
    assert "interval" in s.score
    assert len(s.reasons) == 3
    assert len(s.baselines) == 3
    assert s.package == "churn/3, waiting for approval"
    assert s.report == str(Path("out/report.html"))
    assert next(c for c, _ in s.next) == "tarragon registry approve churn/3 --reason WHY"


def test_nothing_is_claimed_without_a_package_or_page(minimal):
    s = summary(minimal)
    assert (s.package, s.report, s.reasons, s.baselines) == ("", "", (), ())
    assert "interval" not in s.score


def test_lines_are_single_lines(hostile):
    s = summary(hostile)
    for line in (s.headline, s.score, s.model, s.cost, s.package, *s.baselines, *(r for _, r in s.reasons)):
        assert "\n" not in line
        assert len(line) < 400
