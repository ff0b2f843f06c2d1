"""The page is laid out for reading and for copying; it adds no words of its own to the report's."""

from tarragon.develop.report import Summary
from tarragon.faces.cli.page import LABEL, WIDTH, page

LONG = "/very/long/folder/" + "x" * 150 + "/report.html"
SUMMARY = Summary(
    decision="SHIP",
    headline="SHIP: Predicting churned from churn.csv",
    meaning="The model holds up.",
    reasons=(("for", "It beats the best baseline by 0.05."), ("note", "Few rows. " * 20), ("against", "Slow.")),
    score="ROC AUC 0.847 (95 % interval 0.839–0.856)",
    baselines=("dummy 0.5", "linear 0.84"),
    model="Blend of 3",
    cost="0.8 ms a row",
    took="31 s of 60 s",
    package="churn/1, waiting for approval",
    report=LONG,
    next=(("tarragon report churn --open", "read it"), ("tarragon registry approve churn/1", "let it go to work")),
)


def test_everything_is_on_the_page_in_order() -> None:
    text = page(SUMMARY)
    flat = " ".join(text.split())
    parts = [
        *(SUMMARY.headline, SUMMARY.meaning, "+ It beats", "· Few rows.", "− Slow.", SUMMARY.score),
        *("dummy 0.5", "linear 0.84", SUMMARY.model, SUMMARY.cost, SUMMARY.took, LONG, SUMMARY.package),
        *("tarragon report churn --open", "read it"),
    ]
    places = [flat.index(part) for part in parts]
    assert places == sorted(places)


def test_lines_fit_but_a_path_is_never_broken() -> None:
    lines = page(SUMMARY).splitlines()
    assert [line for line in lines if len(line) > WIDTH] == [f"{'Report':<{LABEL}}{LONG}"]


def test_what_there_is_not_is_not_mentioned() -> None:
    from dataclasses import replace

    text = page(replace(SUMMARY, package="", report="", baselines=()))
    assert "Registered" not in text
    assert "Report" not in text
    assert "Beside" not in text
