"""Confusion heat maps."""

from xml.etree import ElementTree

import pytest

from tarragon.develop.report import heat


@pytest.mark.parametrize("k", [2, 5, 12, 21])
def test_every_cell_is_drawn_inside_and_shaded_by_its_share(k):
    counts = [[100 if i == j else i + j for j in range(k)] for i in range(k)]
    shares = [[c / sum(row) for c in row] for row in counts]
    drawn = ElementTree.fromstring(
        heat.matrix("c", "t", [f"a class with a long name {i}" for i in range(k)], counts, shares)
    )
    cells = list(drawn.iter("rect"))
    assert len(cells) == k * k
    width, height = float(drawn.get("width")), float(drawn.get("height"))
    assert all(float(c.get("x")) + float(c.get("width")) <= width for c in cells)
    assert all(float(c.get("y")) + float(c.get("height")) <= height for c in cells)
    assert cells[1].get("class") == f"cell h{round(shares[0][1] * 10)}"


def test_text_on_a_cell_is_tied_to_its_shade_and_zeros_are_quiet_in_large_ones():
    counts = [[3 if i == j else 0 for j in range(8)] for i in range(8)]
    shares = [[1.0 if i == j else 0.0 for j in range(8)] for i in range(8)]
    drawn = ElementTree.fromstring(heat.matrix("c", "t", list("abcdefgh"), counts, shares))
    texts = [e for e in drawn.iter("text") if (e.get("class") or "").startswith("on ")]
    assert len(texts) == 8
    assert all("h10" in e.get("class") for e in texts)
