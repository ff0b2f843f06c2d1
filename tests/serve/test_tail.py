import tarragon.serve.tail as module
from tarragon.serve.tail import Tail


def messages(place):
    return [event.message for event in place.logs.events("r", "g", "s").events]


def test_whole_lines_are_followed(place, tmp_path, monkeypatch):
    tail = Tail(tmp_path, "s")
    tail.move(place.logs, "r", "g")
    file = tmp_path / "stdout.txt"
    file.write_text("one\ntw")
    tail.move(place.logs, "r", "g")
    assert messages(place) == ["one"]
    with open(file, "a") as more:
        more.write("o\n")
    (tmp_path / "stderr.txt").write_text("oh\n")
    tail.move(place.logs, "r", "g")
    assert messages(place) == ["one", "two", "oh"]
    monkeypatch.setattr(module, "LARGEST", 5)
    with open(file, "a") as more:
        more.write("three\n")
        more.flush()
        tail.move(place.logs, "r", "g")
        more.write("four\n")
    assert file.read_text() == "four\n"
    tail.move(place.logs, "r", "g")
    assert messages(place)[-2:] == ["three", "four"]
