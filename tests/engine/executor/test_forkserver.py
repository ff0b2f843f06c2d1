import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from tarragon.engine.executor import work


def test_it_speaks_lines_and_leaves_when_nobody_listens(tmp_path):
    """The protocol itself, without the executor: one fork that works, one kill, the end of the line."""
    ours, theirs = socket.socketpair()
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    server = subprocess.Popen(
        [sys.executable, "-P", "-m", "tarragon.engine.executor.forkserver", str(theirs.fileno())],
        pass_fds=(theirs.fileno(),),
        env={**os.environ, "PYTHONPATH": path},
    )
    theirs.close()
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / work.TASK).write_text('{"seconds": 60}')
    orders = [
        {"preload": ["no_such_extra"], "parent": os.getpid(), "python_path": "kept"},
        {"fork": 1, "target": "work_samples:echo", "folder": str(tmp_path / "a"), "threads": 1},
    ]
    ours.sendall(b"".join(json.dumps(order).encode() + b"\n" for order in orders))
    with ours.makefile("r") as lines:
        started, ended = json.loads(lines.readline()), json.loads(lines.readline())
        assert started["started"] == ended["ended"] == 1
        assert (ended["code"], ended["killed"]) == (0, False)
        assert json.loads((tmp_path / "a" / work.RESULT).read_text())["result"]["pid"] == started["pid"]
        order = {"fork": 2, "target": "work_samples:sleep", "threads": 1}
        order["folder"] = str(tmp_path / "b")
        # In three pieces: a line is a line however it arrives.
        text = json.dumps(order).encode() + b"\n" + json.dumps({"kill": 2}).encode() + b"\n"
        for piece in (text[:5], text[5:-3], text[-3:]):
            ours.sendall(piece)
        started, ended = json.loads(lines.readline()), json.loads(lines.readline())
        assert (ended["code"], ended["killed"]) == (-9, True)
        ours.shutdown(socket.SHUT_WR)
        assert lines.readline() == ""
    assert server.wait() == 0
    ours.close()
