"""What a replay needs, and what was left out."""

from dataclasses import replace

from tarragon.develop.report import rerun


def test_the_question_is_told_as_asked(binary):
    fold = next(b for b in rerun.reproduce(binary).blocks if b.part == "fold")
    pairs = {row[0].text: row[1].text for row in fold.blocks[0].rows}
    assert (pairs["target"], pairs["seed"], pairs["metric"]) == ("churned", "0", "auc (chosen)")
    assert "group" not in pairs


def test_everything_left_out_is_named(binary):
    items = rerun.notes(binary).blocks[0].items
    assert any("partial dependence" in i for i in items)
    assert any("tabular-net" in i for i in items)
    many = replace(binary, notes=tuple(f"note {i}" for i in range(200)))
    assert "more notes are in report.json" in rerun.notes(many).blocks[0].items[-1]


def test_hashes_are_shown_whole(binary):
    folds = [b for b in rerun.reproduce(binary).blocks if b.part == "fold"]
    assert any(cell.text == binary.package.sha256 for f in folds for row in f.blocks[0].rows for cell in row)
