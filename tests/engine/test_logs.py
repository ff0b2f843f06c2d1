"""Log groups and streams: any name, any writer, pages from either end."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarragon.engine import Excerpt, Logs
from tarragon.errors import ConflictError, NotFoundError, ParameterError

GROUP = "/aws/sagemaker/TrainingJobs"


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path, clock=lambda: 1000.0)


def texts(logs: Logs, stream: str, excerpt: Excerpt) -> list[str]:
    return [event.message for event in logs.events("here", GROUP, stream, excerpt).events]


def test_the_group_appears_with_the_first_line(logs: Logs) -> None:
    assert logs.groups("here") == ()
    with pytest.raises(NotFoundError, match="log group"):
        logs.streams("here", GROUP)
    logs.write("here", GROUP, "job/algo-1-17", [(5, "one"), (7, "two\n")])
    (group,) = logs.groups("here", "/aws/")
    assert (group.name, group.made) == (GROUP, 1_000_000)
    (stream,) = logs.streams("here", GROUP, "job/")
    assert (stream.name, stream.made, stream.first, stream.last) == ("job/algo-1-17", 1_000_000, 5, 7)
    assert stream.taken == 1_000_000
    assert group.size_bytes == stream.size_bytes > 0
    assert logs.streams("here", GROUP, "other") == ()
    assert logs.groups("there") == ()


def test_read_on_from_the_head_to_an_empty_page(logs: Logs) -> None:
    logs.write("here", GROUP, "s", [(n, str(n)) for n in range(10)])
    token, found = "", []
    for _ in range(10):
        reading = logs.events("here", GROUP, "s", Excerpt(limit=4, token=token, from_head=True))
        found += [event.message for event in reading.events]
        if not reading.events:
            assert reading.forward == token
            break
        token = reading.forward
    assert found == [str(n) for n in range(10)]
    logs.write("here", GROUP, "s", [(10, "later")])
    assert texts(logs, "s", Excerpt(token=token)) == ["later"]


def test_read_back_from_the_newest(logs: Logs) -> None:
    logs.write("here", GROUP, "s", [(n, str(n)) for n in range(10)])
    first = logs.events("here", GROUP, "s", Excerpt(limit=4))
    assert [event.message for event in first.events] == ["6", "7", "8", "9"]
    second = logs.events("here", GROUP, "s", Excerpt(limit=4, token=first.backward))
    assert [event.message for event in second.events] == ["2", "3", "4", "5"]
    last = logs.events("here", GROUP, "s", Excerpt(limit=4, token=second.backward))
    assert [event.message for event in last.events] == ["0", "1"]
    over = logs.events("here", GROUP, "s", Excerpt(limit=4, token=last.backward))
    assert (over.events, over.backward) == ((), last.backward)
    assert texts(logs, "s", Excerpt(limit=3, token=second.forward)) == ["6", "7", "8"]
    assert texts(logs, "s", Excerpt(token=first.forward)) == []


def test_only_the_times_asked_for(logs: Logs) -> None:
    logs.write("here", GROUP, "s", [(n, str(n)) for n in range(10)])
    assert texts(logs, "s", Excerpt(start=3, end=6, from_head=True)) == ["3", "4", "5"]
    assert texts(logs, "s", Excerpt(start=3, end=6, limit=2)) == ["4", "5"]


@pytest.mark.parametrize("token", ["x", "f/", "f/-1", "b/1e9", "f/99999999999999999999", "g/1"])
def test_a_foreign_token_is_refused(logs: Logs, token: str) -> None:
    logs.write("here", GROUP, "s", [(1, "a")])
    with pytest.raises(ParameterError):
        logs.events("here", GROUP, "s", Excerpt(token=token))


def test_a_token_past_the_end_or_inside_a_line_reads_no_nonsense(logs: Logs) -> None:
    logs.write("here", GROUP, "s", [(1, "a"), (2, "b")])
    assert texts(logs, "s", Excerpt(token="f/100000")) == []
    assert texts(logs, "s", Excerpt(token="f/30")) in ([], ["b"], ["a", "b"])


def test_made_and_removed_by_hand(logs: Logs) -> None:
    logs.create_group("here", "g")
    with pytest.raises(ConflictError):
        logs.create_group("here", "g")
    logs.create_stream("here", "g", "s")
    with pytest.raises(ConflictError):
        logs.create_stream("here", "g", "s")
    (stream,) = logs.streams("here", "g")
    assert (stream.name, stream.first, stream.last) == ("s", None, None)
    assert logs.events("here", "g", "s").events == ()
    logs.delete_stream("here", "g", "s")
    with pytest.raises(NotFoundError, match="log stream"):
        logs.events("here", "g", "s")
    logs.delete_group("here", "g")
    with pytest.raises(NotFoundError, match="log group"):
        logs.delete_group("here", "g")
    with pytest.raises(NotFoundError, match="log group"):
        logs.create_stream("here", "g", "s")


@given(st.text(min_size=1, max_size=512), st.text(min_size=1, max_size=512))
def test_any_name_is_harmless_and_comes_back(tmp_path_factory: pytest.TempPathFactory, group: str, name: str) -> None:
    home = tmp_path_factory.mktemp("home")
    logs = Logs(home / "inside")
    logs.write("../up", group, name, [(1, "a")])
    assert [each.name for each in logs.groups("../up")] == [group]
    assert [each.name for each in logs.streams("../up", group)] == [name]
    assert [path.name for path in home.iterdir()] == ["inside"]


@pytest.mark.parametrize("name", ["", "x" * 513])
def test_no_name_is_refused(logs: Logs, name: str) -> None:
    with pytest.raises(ParameterError):
        logs.write("here", name, "s", [(1, "a")])


def _write(home: str, worker: int) -> None:
    for step in range(50):
        Logs(Path(home)).write("here", GROUP, "s", [(step, f"{worker}:{step}"), (step, "x" * 2000)])


def test_writers_in_many_processes_lose_and_mix_nothing(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("fork")) as pool:
        list(pool.map(_write, [str(tmp_path)] * 4, range(4)))
    found = [event.message for event in Logs(tmp_path).scan("here", GROUP, "s", 0, size=5000)]
    assert len(found) == 400
    for worker in range(4):
        mine = [text for text in found if text.startswith(f"{worker}:")]
        assert mine == [f"{worker}:{step}" for step in range(50)]


def test_streams_that_may_hold_a_time(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    logs.write("here", GROUP, "a", [(1, "a")])
    logs.write("here", GROUP, "b", [(1, "b")])
    assert logs.names("here", GROUP) == ("a", "b")
    assert logs.names("here", GROUP, since=10**15) == ()
    assert logs.names("here", GROUP, "b", since=0) == ("b",)
    assert logs.stream("here", GROUP, "a").last == 1
    assert logs.near("here", GROUP, "a", 1) == 0
    assert [event.message for event in logs.scan("here", GROUP, "gone", 0)] == []
