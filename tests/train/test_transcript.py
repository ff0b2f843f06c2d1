"""Lines are kept in the log, searched for metrics, and remembered for a failure."""

from pathlib import Path

from tarragon.engine import Logs
from tarragon.train import Pattern
from tarragon.train.transcript import KEPT_LINES, Transcript


def test_lines_go_to_their_hosts_streams(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    made = Transcript(logs, ("us-east-1", "/g", "job"), 2)
    made.hear(0, 1000.5, ["one", "two"])
    made.say("three\nfour", 1)
    streams = logs.streams("us-east-1", "/g")
    assert [each.name.rpartition("-")[0] for each in streams] == ["job/algo-1", "job/algo-2"]
    first = logs.events("us-east-1", "/g", streams[0].name).events
    assert [(event.time, event.message) for event in first] == [(1_000_500, "one"), (1_000_500, "two")]
    assert made.tail(1) == ["three", "four"]
    made.forget()
    assert made.tail(1) == []


def test_every_match_is_a_value_and_what_is_no_number_is_none(tmp_path: Path) -> None:
    found: list[tuple[str, float]] = []
    patterns = (Pattern("a", r"a=([0-9.e-]+|nan)"), Pattern("b", "b=.*"), Pattern("word", "(x+)"))
    made = Transcript(Logs(tmp_path), ("us-east-1", "/g", "job"), 1, patterns, lambda n, v: found.append((n, v)))
    made.say("a=1 a=2.5e-1 a=nan b=3 xxx")
    assert found == [("a", 1.0), ("a", 0.25)]


def test_only_the_last_lines_are_remembered(tmp_path: Path) -> None:
    made = Transcript(Logs(tmp_path), ("us-east-1", "/g", "job"), 1)
    made.hear(0, 0, [str(i) for i in range(1000)])
    assert made.tail(0) == [str(i) for i in range(1000 - KEPT_LINES, 1000)]
