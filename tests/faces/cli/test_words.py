"""Figures read well, and columns line up."""

import pytest

from tarragon.faces.cli import words


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (0.123456, "0.1235"), (12.3456, "12.35"), (999.94, "999.9"), (1000.0, "1,000"), (-54321.9, "-54,322")],
)
def test_numbers(value: float, said: str) -> None:
    assert words.number(value) == said


@pytest.mark.parametrize(
    ("n_bytes", "said"),
    [(0, "0 B"), (999, "999 B"), (1_000, "1 kB"), (1_500_000, "1.5 MB"), (12_345_678_901, "12.3 GB")],
)
def test_sizes(n_bytes: int, said: str) -> None:
    assert words.size(n_bytes) == said


def test_a_score_without_an_interval_has_none() -> None:
    assert words.score("auc", 0.8, 0.79, 0.81) == "auc 0.8 (0.79 to 0.81)"
    assert words.score("auc", 0.8, None, 0.81) == "auc 0.8"


def test_columns_begin_at_the_same_place_in_every_line() -> None:
    lines = list(words.columns([("churn/12", "Approved"), ("x/1", "PendingManualApproval")]))
    assert [line.index(word) for line, word in zip(lines, ("Approved", "Pending"), strict=True)] == [10, 10]
    assert not any(line.endswith(" ") for line in lines)
