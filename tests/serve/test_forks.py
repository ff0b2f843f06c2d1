import time

from tarragon.serve.forks import Forks


def test_a_worker_that_cannot_report_ends(tmp_path):
    forks = Forks()
    argument = {"socket": str(tmp_path / "none"), "token": "t", "root": "", "framework": "", "environment": {}}
    handle = forks.launch(argument, tmp_path / "worker")
    end = time.monotonic() + 60
    while not handle.done() and time.monotonic() < end:
        time.sleep(0.02)
    assert handle.done()
    assert "FileNotFoundError" in (tmp_path / "worker" / "stderr.txt").read_text()
    forks.close()
