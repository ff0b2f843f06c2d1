"""Published fixtures of Clarify's metrics, worked examples of its documentation, and the edge cases."""

from fractions import Fraction

import numpy as np
import pytest

from tarragon.analyze.fairness import DESCRIPTIONS, POST, PRE, conditional_disparity, count


def _bits(text):
    return np.array([c == "1" for c in text])


FACET = np.array(list("MFFMFMFFMMFF"))
Y, ANSWER = _bits("011110001000"), _bits("111000110100")
FIRST = {
    "CI": -1 / 6, "DPL": -1 / 35, "KL": 0.001676949906878701, "JS": 0.00042058755900406617, "LP": 0.0404061017820884,
    "TVD": 1 / 35, "KS": 1 / 35, "DPPL": -6 / 35, "DI": 10 / 7, "DCA": 1 / 4, "DCR": 1 / 3, "RD": -2 / 3, "SD": 1 / 6,
    "DRR": 1 / 3, "AD": -13 / 35, "DAR": -1 / 2, "TE": -1 / 2, "GE": 0.24556213017751485,
}  # fmt: skip


def _all(facet, y, answer):
    n = count(facet, y, answer)
    return {name: float(f(n)) for name, f in {**PRE, **POST}.items()}


@pytest.mark.parametrize("name", FIRST)
def test_first_fixture(name):
    assert _all(FACET == "F", Y, ANSWER)[name] == pytest.approx(FIRST[name], abs=1e-9)


def test_seen_from_the_other_group_differences_turn_around():
    there, here = _all(FACET == "M", Y, ANSWER), _all(FACET == "F", Y, ANSWER)
    for name in ("CI", "DPL", "DPPL", "DCA", "DCR", "RD", "SD", "DRR", "AD", "DAR", "TE"):
        assert there[name] == pytest.approx(-here[name], abs=1e-9)
    assert there["DI"] == pytest.approx(7 / 10, abs=1e-9)
    assert there["GE"] == here["GE"]


def test_nobody_accepted_in_the_rest_makes_the_impact_infinite():
    assert _all(FACET == "F", Y, _bits("011010110011"))["DI"] == np.inf
    assert _all(FACET == "F", Y, _bits("100111011101"))["DRR"] == pytest.approx(0.5, abs=1e-9)


def test_conditional_disparity_fixture():
    x = np.array(list("MMMFFFFMMMMFMMFMFFMMFMMF"))
    y = _bits("011010111101110000100110")
    stratum = np.array([int(c) for c in "102211211201201112010011"])
    assert conditional_disparity(x == "F", y, stratum) == pytest.approx(0.3982142857142857, abs=1e-9)
    assert conditional_disparity(x == "M", y, stratum) == pytest.approx(-0.3982142857142857, abs=1e-9)


def test_an_outcome_absent_in_a_group_is_counted_not_dropped():
    found = _all(np.arange(6) == 0, _bits("111000"), _bits("111000"))
    assert found["KL"] == np.inf
    by_hand = (0.6 * np.log(0.6 / 0.3) + 0.4 * np.log(0.4 / 0.7) + np.log(1 / 0.7)) / 2
    assert found["JS"] == pytest.approx(by_hand, abs=1e-12)
    assert found["LP"] == pytest.approx(0.848528, abs=1e-6)
    assert found["TVD"] == pytest.approx(0.6, abs=1e-9)
    assert found["KS"] == pytest.approx(0.6, abs=1e-9)


def test_jensen_shannon_of_given_shares():
    facet = np.repeat([False, True], 4)
    assert _all(facet, _bits("01010111"), _bits("01010111"))["JS"] == pytest.approx(0.0338220, abs=1e-7)


@pytest.mark.parametrize(
    ("sizes", "imbalance"), [((8, 16), Fraction(1, 3)), ((9, 15), Fraction(1, 4)), ((7, 17), Fraction(5, 12))]
)
def test_one_group_against_the_rest(sizes, imbalance):
    facet = np.repeat([True, False], sizes)
    assert _all(facet, facet, facet)["CI"] == pytest.approx(float(imbalance), abs=1e-9)


def test_documented_examples():
    # demographic disparity of women: 46 % of the rejected, 32 % of the accepted
    facet = np.r_[np.repeat([True, False], (46, 54)), np.repeat([True, False], (32, 68))]
    accepted = np.repeat([False, True], 100)
    assert conditional_disparity(facet, accepted, np.zeros(200, dtype=int)) == pytest.approx(0.14, abs=1e-9)
    n = np.zeros((2, 2, 2))
    n[0, 1, 1], n[0, 1, 0] = 60, 10  # the rest: 70 deserve it, 60 get it
    n[1, 1, 1], n[1, 0, 1] = 20, 10  # the facet: 20 deserve it, 30 get it
    assert float(POST["DCA"](n)) == pytest.approx(70 / 60 - 20 / 30, abs=1e-9)
    n[0, 1, 1], n[0, 1, 0], n[0, 0, 1] = 50, 0, 10
    n[1, 1, 1], n[1, 1, 0], n[1, 0, 1] = 30, 10, 0
    assert float(POST["DCA"](n)) == pytest.approx(50 / 60 - 40 / 30, abs=1e-9)


def test_a_table_at_a_time_or_many_is_the_same():
    n = np.random.default_rng(0).integers(0, 9, (5, 2, 2, 2)).astype(float)
    for f in {**PRE, **POST}.values():
        assert np.allclose(f(n), [f(one) for one in n], equal_nan=True)


def test_all_false_negatives_share_no_benefit():
    assert np.isnan(_all(np.array([True, False]), _bits("11"), _bits("00"))["GE"])


def test_every_metric_is_described():
    assert {*PRE, *POST, "CDDL", "CDDPL"} == set(DESCRIPTIONS)
