import asyncio
import threading

import pytest

from tarragon.errors import JobError
from tarragon.serve.frame import frame
from tarragon.serve.worker import Asked, Hub, Worker


class Threads:
    """Launches workers as threads that say what they are told to."""

    def __init__(self, *says):
        self.says = says
        self.over = False

    def launch(self, argument, folder):
        folder.mkdir(parents=True, exist_ok=True)
        threading.Thread(target=self._be, args=(argument,), daemon=True).start()
        return self

    def _be(self, argument):
        import socket

        from tarragon.serve.frame import Line

        if self.says == ("silence",):
            self.over = True
            return
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(argument["socket"])
        line = Line(connection)
        line.write({"token": argument["token"]})
        for head in self.says:
            line.write(head)
        while (asked := line.read()) is not None:
            if asked[1] == b"end":
                break
            line.write({"status": 200, "type": "t"}, asked[1] * 2)
        connection.close()
        self.over = True

    def done(self):
        return self.over

    def kill(self):
        self.over = True


def worked(tmp_path, launcher, body):
    async def main():
        hub = Hub(launcher)
        await hub.open()
        lost = []
        worker = Worker(hub, {}, tmp_path / "worker", lost.append)
        try:
            await body(hub, worker, lost)
        finally:
            worker.close()
            await hub.close()

    asyncio.run(main())


def request(data):
    loop = asyncio.get_running_loop()
    return Asked(frame({}, data), loop.create_future(), loop.time() + 10)


def test_requests_are_sent_without_waiting_and_answered_in_order(tmp_path):
    async def body(hub, worker, lost):
        await worker.open()
        sent = [request(b"%d" % number) for number in range(20)]
        for each in sent:
            worker.ask(each)
        assert [(await each.future)[1] for each in sent] == [b"%d" % number * 2 for number in range(20)]
        sent[0].future.cancel()
        gone = request(b"end")
        worker.ask(gone)
        while not lost:
            await asyncio.sleep(0.01)
        assert list(worker.asked) == [gone]
        assert not worker.up

    worked(tmp_path, Threads({"ready": True}), body)


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (({"failed": "no weights"},), "no weights"),
        (("silence",), "ended without a word"),
        ((), "not loaded after"),
    ],
)
def test_a_worker_that_does_not_load_says_why(tmp_path, says, words):
    async def body(hub, worker, lost):
        with pytest.raises(JobError, match=words):
            await worker.open(0.5)

    worked(tmp_path, Threads(*says), body)


def test_a_stranger_is_sent_away(tmp_path):
    async def body(hub, worker, lost):
        for first in (frame({"token": "x"}), b"GET / HTTP/1.1\r\n\r\n"):
            reader, writer = await asyncio.open_unix_connection(str(hub.path))
            writer.write(first)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            writer.close()

    worked(tmp_path, Threads(), body)
