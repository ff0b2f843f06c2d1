import socket
import threading

import pytest

from tarragon.errors import DataError
from tarragon.serve.frame import Line
from tarragon.serve.host import serve
from tarragon.serve.protocol import RefusalError


class Echo:
    """Answers what it is asked; some words are not answered."""

    def answer(self, body, content_type, accept):
        if body == b"refuse":
            raise RefusalError(415, "no such type")
        if body == b"data":
            raise DataError("bad row", why="it is odd")
        if body == b"fault":
            raise KeyError("x")
        return body + accept.encode(), content_type


class Words:
    """Answers piece by piece."""

    def respond(self, head, body):
        return (word for word in body.split()), {"type": "text/plain"}


@pytest.fixture
def asked():
    """A line to a model that serves in a thread."""
    here, there = socket.socketpair()
    threads = []

    def start(model):
        threads.append(threading.Thread(target=serve, args=(Line(there), model)))
        threads[0].start()
        line = Line(here)
        assert line.read() == ({"ready": True}, b"")
        return line

    yield start
    here.close()
    threads[0].join(5)
    there.close()
    assert not threads[0].is_alive()


def test_requests_are_answered_in_order_and_failures_do_not_end_it(asked):
    line = asked(Echo())
    head = {"type": "text/csv", "accept": "a"}
    for word in (b"1", b"refuse", b"data", b"fault", b"2"):
        line.write(head, word)
    found = [line.read() for _ in range(5)]
    assert [each[0]["status"] for each in found] == [200, 415, 400, 500, 200]
    assert found[0] == ({"status": 200, "type": "text/csv"}, b"1a")
    assert found[1][1] == b"no such type"
    assert found[2][1] == b"bad row. it is odd"
    assert found[3][1] == b"KeyError: 'x'"


def test_pieces_are_sent_as_they_come(asked):
    line = asked(Words())
    line.write({}, b"a b")
    assert [line.read() for _ in range(3)] == [
        ({"status": 200, "type": "text/plain", "more": True}, b"a"),
        ({"status": 200, "type": "text/plain", "more": True}, b"b"),
        ({"status": 200, "type": "text/plain"}, b""),
    ]
