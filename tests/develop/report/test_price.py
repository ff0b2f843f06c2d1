"""Interpretability and cost."""

from dataclasses import replace

from tarragon.develop.report import price


def _caption(report, low, high):
    glass = replace(report.analysis.interpretability, price=(low + high) / 2, price_low=low, price_high=high)
    chapter = price.interpretability(replace(report, analysis=replace(report.analysis, interpretability=glass)))
    return chapter.blocks[1].caption


def test_the_price_is_only_charged_beyond_noise(binary):
    assert "better by 0.020 (0.010–0.030)" in _caption(binary, 0.01, 0.03)
    assert "no clear difference" in _caption(binary, -0.01, 0.03)


def test_a_glass_box_pays_nothing(binary):
    chapter = price.interpretability(replace(binary, model=replace(binary.model, glass_box=True)))
    assert [b.part for b in chapter.blocks] == ["text"]


def test_parts_of_the_size_sum_to_the_whole_even_when_many(binary):
    parts = {f"part {i}": 1000 + i for i in range(30)}
    cost = replace(binary.analysis.cost, size_parts=parts)
    rows = price.cost(replace(binary, analysis=replace(binary.analysis, cost=cost))).blocks[1].rows
    assert len(rows) == price.N_PARTS + 1
    assert rows[-1].label == "18 smaller parts"
