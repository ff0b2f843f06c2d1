"""Slices and bias."""

from dataclasses import replace

from tarragon.develop.report import weakness


def test_worse_groups_come_first_and_are_named(binary):
    slices = tuple(
        replace(s, worse=s.value == "east", gap=0.5) if s.value == "east" else replace(s, worse=False)
        for s in binary.analysis.slices
    )
    chapter = weakness.chapter(replace(binary, analysis=replace(binary.analysis, slices=slices)))
    assert f"1 of {len(slices)} groups looked at do worse beyond noise: region = east." == chapter.blocks[0].text
    first = chapter.blocks[1].rows[0][0]
    assert (first.text, first.marks, first.tone) == ("region = east", ("worse",), "bad")


def test_no_alarm_without_a_worse_group(binary):
    slices = tuple(replace(s, worse=False) for s in binary.analysis.slices)
    chapter = weakness.chapter(replace(binary, analysis=replace(binary.analysis, slices=slices, bias=())))
    assert chapter.blocks[0].text.startswith("None of")


def test_flags_and_undefined_metrics_are_told_in_words(binary):
    facet = binary.analysis.bias[0]
    flagged = replace(facet, metrics=(replace(facet.metrics[0], flagged=True), *facet.metrics[1:]))
    table = weakness.chapter(replace(binary, analysis=replace(binary.analysis, bias=(flagged,)))).blocks[-1]
    assert "DPL" in table.caption
    assert table.rows[0][3].marks == ("flagged",)
    assert table.rows[2][1].text == "–"
    assert "too few rows" in table.rows[2][4].text


def test_a_facet_without_flags_is_one_click_away(binary):
    facet = binary.analysis.bias[0]
    calm = replace(facet, metrics=tuple(replace(m, flagged=False) for m in facet.metrics))
    fold = weakness.chapter(replace(binary, analysis=replace(binary.analysis, bias=(calm,)))).blocks[-1]
    assert fold.part == "fold"
    assert "No metric is flagged" in fold.blocks[0].caption


def test_ranges_bring_their_own_sign(binary):
    ranged = replace(binary.analysis.slices[0], column="tenure", value="≤ 9")
    assert weakness._rows_of(ranged) == "tenure ≤ 9"
