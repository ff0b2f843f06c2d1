"""Numbers and names as they are written."""

import math
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarragon.develop.report import format as say

THIN = "\u202f"


@pytest.mark.parametrize(
    ("value", "low", "high", "written"),
    [
        (0.84731, 0.8391, 0.8555, "0.847 (0.839–0.856)"),
        (48213.2, 47300.0, 49300.0, f"48{THIN}200 (47{THIN}300–49{THIN}300)"),
        (-0.0213, -0.0301, 0.0042, "−0.021 (−0.030 to 0.004)"),
        (1.0, 1.0, 1.0, "1.000"),
        (None, None, None, "–"),
        (math.nan, 0.0, 1.0, "– (0.0–1.0)"),
    ],
)
def test_a_score_has_the_digits_its_interval_justifies(value, low, high, written):
    assert say.with_interval(value, low, high) == written


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e6))
def test_rounding_a_score_moves_it_by_less_than_a_tenth_of_its_interval(value, width):
    places = say.decimals(value, width)
    text = say.fixed(value, places).replace(THIN, "").replace("−", "-")
    assert abs(float(text) - value) <= 0.051 * width + 1e-6 * abs(value) * 1e-6 + 1e-8


@pytest.mark.parametrize(
    ("ms", "written"),
    [(0.0042, "4.2 µs"), (0.84, "840 µs"), (1.31, "1.31 ms"), (1500.0, "1.5 s"), (None, "–"), (math.inf, "–")],
)
def test_latency(ms, written):
    assert say.milliseconds(ms).replace(THIN, " ") == written


@pytest.mark.parametrize(
    ("s", "written"),
    [(0.0, "0 s"), (0.4, "400 ms"), (48.3, "48.3 s"), (119.4, "119 s"), (303.0, "5 min 3 s"), (7260.0, "2 h 1 min")],
)
def test_seconds(s, written):
    assert say.seconds(s).replace(THIN, " ") == written


@pytest.mark.parametrize(("n", "written"), [(0, "0 B"), (999, "999 B"), (999_600, "1 MB"), (48_213_000, "48.2 MB")])
def test_size(n, written):
    assert say.size(n).replace(THIN, " ") == written


@pytest.mark.parametrize(
    ("share", "written"),
    [(0.0, "0 %"), (0.0004, "<1 %"), (0.265, "26 %"), (0.9996, ">99 %"), (1.0, "100 %"), (None, "–")],
)
def test_percent(share, written):
    assert say.percent(share).replace(THIN, " ") == written


def test_a_share_is_never_rounded_to_all_or_nothing():
    assert say.percent(0.001) != say.percent(0.0)
    assert say.percent(0.999) != say.percent(1.0)


def test_a_difference_carries_its_sign():
    assert say.difference(0.0213, 0.012, 0.031) == "+0.021 (+0.012 to +0.031)"
    assert say.difference(-0.0213).startswith("−")
    assert say.difference(0.0) == "0"


@given(st.text(max_size=300), st.integers(4, 60))
def test_short_fits_and_holds_nothing_that_rearranges_the_page(text, limit):
    cut = say.short(text, limit)
    assert cut
    assert say.text_width(cut) <= max(limit, len("(blank)"))
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} or c in "\u202a\u202b\u202d\u202e\u2066\u2067" for c in cut)


def test_short_does_not_split_a_family():
    family = "👩\u200d👩\u200d👧\u200d👦"
    cut = say.short("ab" + family * 9, 8)
    assert not cut.rstrip("…").endswith("\u200d")


def test_a_very_long_word_in_a_sentence_is_cut_and_a_name_keeps_its_case():
    written = say.sentence("tenure_months " + "x" * 5000 + " gives it away")
    assert len(written) < 120
    assert written.startswith("tenure_months")
    assert written.endswith("away.")


def test_a_listing_never_hides_a_single_name():
    assert say.listing(["a", "b", "c", "d", "e"], 4) == "a, b, c, d and e"
    assert say.listing([]) == ""
