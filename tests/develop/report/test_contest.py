"""The leaderboard and its front."""

from dataclasses import replace

from tarragon.develop.report import contest
from tarragon.tune.protocol import Standing


def _standing(name, score, ms):
    return Standing(1, name, name, score, score, score, 0, 0, 0, False, True, False, 1.0, ms, 100, {})


def test_the_knee_is_where_score_stops_being_cheap():
    # Score rises 0.30 for the first doubling of cost and 0.01 for each of the next two.
    items = [_standing("a", 0.5, 1.0), _standing("b", 0.8, 2.0), _standing("c", 0.81, 4.0), _standing("d", 0.82, 8.0)]
    assert contest.knee(items, lambda s: s.predict_ms, lambda s: s.score).trial == "b"


def test_a_straight_or_short_front_has_no_knee():
    straight = [_standing(str(i), 0.5 + 0.1 * i, 2.0**i) for i in range(4)]
    assert contest.knee(straight, lambda s: s.predict_ms, lambda s: s.score) is None
    assert contest.knee(straight[:2], lambda s: s.predict_ms, lambda s: s.score) is None


def test_beaten_trials_do_not_make_the_knee():
    items = [
        _standing("a", 0.5, 1.0),
        _standing("worse", 0.4, 1.5),
        _standing("b", 0.8, 2.0),
        _standing("d", 0.82, 8.0),
    ]
    assert contest.knee(items, lambda s: s.predict_ms, lambda s: s.score).trial == "b"


def test_ties_are_marked_and_counted(binary):
    chapter = contest.chapter(binary)
    table = next(b for b in chapter.blocks if b.part == "table")
    tied = [s for s in binary.board.standings[1:] if s.tied]
    assert sum("tied" in row[1].marks for row in table.rows) == len(tied)
    assert len(table.rows) == len(binary.board.standings)


def test_every_trial_is_named_and_a_long_board_is_folded(binary):
    many = tuple(replace(s, rank=i + 1, trial=f"trial-{i}") for i, s in enumerate(binary.board.standings * 10))
    chapter = contest.chapter(replace(binary, board=replace(binary.board, standings=many)))
    table = next(b for b in chapter.blocks if b.part == "table")
    fold = next(b for b in chapter.blocks if b.part == "fold")
    names = [row[1].text for row in (*table.rows, *fold.blocks[0].rows)]
    assert names == [s.trial for s in many]


def test_a_trial_that_failed_badly_does_not_press_the_others_together(binary):
    board = binary.board
    bad = replace(board.standings[-1], trial="broken", score=-50.0, low=-60.0, high=-40.0)
    report = replace(binary, board=replace(board, standings=(*board.standings, bad)))
    figure = contest._front(report, "size")
    assert "not drawn" in figure.caption
    assert "broken" not in figure.picture


def test_dropped_trials_are_listed(binary):
    fold = contest.chapter(binary).blocks[-1]
    assert [row[0].text for row in fold.blocks[0].rows] == [d[0] for d in binary.board.dropped]
