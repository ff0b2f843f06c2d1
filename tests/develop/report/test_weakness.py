"""Slices and bias."""

from dataclasses import replace

from tarragon.develop.report import weakness


def test_worse_groups_come_first_and_are_named(binary):
    slices = tuple(
        replace(s, worse=s.value == "east", gap=0.5) if s.value == "east" else replace(s, worse=False)
        for s in binary.analysis.slices
    )
    chapter = weakness.chapter(replace(binary, analysis=replace(binary.analysis, slices=slices)))
    assert f"1 of {len(slices)} groups looked at do worse beyond noise: region = east." == chapter.blocks[
        0
    ].text.replace("1 of", "1 of")
    first = chapter.blocks[1].rows[0][0]
    assert (first.text, first.mark, first.tone) == ("region = east", "worse", "bad")


def test_no_alarm_without_a_worse_group(binary):
    slices = tuple(replace(s, worse=False) for s in binary.analysis.slices)
    chapter = weakness.chapter(replace(binary, analysis=replace(binary.analysis, slices=slices, bias=())))
    assert chapter.blocks[0].text.startswith("None of")


def test_flags_and_undefined_metrics_are_told_in_words(binary):
    facet = binary.analysis.bias[0]
    flagged = replace(facet, metrics=(replace(facet.metrics[0], flagged=True), *facet.metrics[1:]))
    table = weakness.chapter(replace(binary, analysis=replace(binary.analysis, bias=(flagged,)))).blocks[-1]
    assert "DPL" in table.caption
    assert table.rows[0][3].mark == "flagged"
    assert table.rows[2][1].text == "–"
    assert "too few rows" in table.rows[2][4].text
