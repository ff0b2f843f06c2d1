"""The chapter on the table."""

from dataclasses import replace

from tarragon.develop.report import groundwork


def _block(report, title):
    return next(b for b in groundwork.chapter(report).blocks if getattr(b, "title", "") == title)


def test_many_classes_are_summed_not_dropped(multiclass):
    counts = {f"c{i}": 100 - i for i in range(40)}
    report = replace(multiclass, profile=replace(multiclass.profile, target_counts=counts))
    rows = _block(report, "The target").rows
    shown = sum(int(r.value.split(" (")[0].replace("\u202f", "")) for r in rows)
    assert len(rows) == groundwork.N_CLASSES + 1
    assert shown == sum(counts.values())


def test_a_numeric_target_is_drawn_over_its_own_scale(regression):
    gallery = next(b for b in groundwork.chapter(regression).blocks if hasattr(b, "figures"))
    assert gallery.figures[0].title == "The target"
    assert "price" in gallery.figures[0].picture


def test_bins_whose_labels_cannot_be_read_stand_side_by_side(regression):
    odd = replace(regression, profile=replace(regression.profile, target_counts={"low": 3, "high": 5}))
    assert [r.label for r in _block(odd, "The target").rows] == ["low", "high"]


def test_edges_are_read_from_labels():
    assert groundwork._edges(["0 – 1.5", "1.5 – 4"]) == [0.0, 1.5, 4.0]
    assert groundwork._edges(["[-2, 0)", "[0, 2]"]) == [-2.0, 0.0, 2.0]
    assert groundwork._edges(["a", "b"]) is None
    assert groundwork._edges(["0 – 1", "5 – 2"]) is None


def test_the_caption_says_whether_the_signal_is_above_chance(binary):
    clear = _block(binary, "Is there a signal?").caption
    assert "well above chance" in clear
    assert "p < 0.001" in clear
    none = replace(binary, feasibility=replace(binary.feasibility, p_value=0.4))
    assert "not clearly above chance" in _block(none, "Is there a signal?").caption


def test_findings_say_what_was_done(binary):
    steps = next(b for b in groundwork.chapter(binary).blocks if b.part == "steps")
    leak = steps.items[0]
    assert (leak.badge, leak.tone) == ("critical", "bad")
    assert ("Done", "The columns were dropped before training.") in leak.lines


def test_more_rows_are_advised_only_beyond_noise(binary):
    curve = binary.feasibility.curve
    flat = replace(curve, expected=(curve.score[-1], curve.score[-1]))
    steep = replace(
        curve,
        low=tuple(s - 1e-4 for s in curve.score),
        high=tuple(s + 1e-4 for s in curve.score),
        expected=(curve.score[-1] + 0.05,) * 2,
    )
    for c, words in ((flat, "would buy little"), (steep, "worth having")):
        report = replace(binary, feasibility=replace(binary.feasibility, curve=c))
        gallery = [b for b in groundwork.chapter(report).blocks if hasattr(b, "figures")][-1]
        assert words in gallery.figures[0].caption
