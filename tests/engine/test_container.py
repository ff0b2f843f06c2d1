"""Commands see their own /opt/ml, with and without private mounts; they are stopped, and end with their parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tarragon.engine import Command, base_environment, private_mounts, run_commands

Heard = list[tuple[int, str]]


@pytest.fixture(params=["private mounts", "rewritten paths"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Each test is run both ways, where the kernel allows the first."""
    if request.param == "rewritten paths":
        monkeypatch.setenv("TARRAGON_NO_MOUNTS", "1")
    private_mounts.cache_clear()
    if request.param == "private mounts" and not private_mounts():
        pytest.skip("this kernel gives no mount namespace")
    yield request.param
    private_mounts.cache_clear()


def ran(*commands: Command, **settings: object) -> tuple[list[int], Heard]:
    heard: Heard = []
    codes = run_commands(commands, lambda i, at, lines: heard.extend((i, line) for line in lines), **settings)  # type: ignore[arg-type]
    return codes, heard


def python(root: Path, text: str, **settings: object) -> Command:
    root.mkdir(parents=True, exist_ok=True)
    (root / "code").mkdir(exist_ok=True)
    (root / "code" / "main.py").write_text(text)
    return Command(("python3", "/opt/ml/code/main.py"), root, base_environment(), "/opt/ml/code", **settings)  # type: ignore[arg-type]


def test_a_command_sees_its_own_folder(tmp_path: Path, way: str) -> None:
    text = "import os; open('/opt/ml/made', 'w').write('x'); print(os.getcwd()); print(open('main.py').read()[:6])"
    codes, heard = ran(python(tmp_path / "ml", text))
    assert codes == [0]
    assert (tmp_path / "ml" / "made").read_text() == "x"
    where = "/opt/ml/code" if way == "private mounts" else str(tmp_path / "ml" / "code")
    assert heard == [(0, where), (0, "import")]
    assert not Path("/opt/ml/made").exists()


def test_what_is_in_opt_stays_there(tmp_path: Path, way: str) -> None:
    _, heard = ran(python(tmp_path / "ml", "import os; print(sorted(set(os.listdir('/opt')) - {'ml'}))"))
    assert heard == [(0, str(sorted(set(os.listdir("/opt")) - {"ml"})))]


def test_shell_scripts_arguments_and_environment_are_led_there_too(tmp_path: Path, way: str) -> None:
    root = tmp_path / "ml"
    root.mkdir()
    (root / "run.sh").write_text('#!/bin/bash\nset -e\necho hi > /opt/ml/x\ncat "$PLACE" /opt/ml/x\necho "$1"\n')
    (root / "given").write_text("given\n")
    command = Command(
        ("/bin/bash", "-c", "chmod +x /opt/ml/run.sh && /opt/ml/run.sh /opt/ml/given"),
        root,
        {**base_environment(), "PLACE": "/opt/ml/given"},
    )
    codes, heard = ran(command)
    assert codes == [0]
    assert [line for _, line in heard][:2] == ["given", "hi"]


def test_two_at_a_time_do_not_see_each_other_and_know_the_hosts(tmp_path: Path, way: str) -> None:
    text = "import socket; open('/opt/ml/made', 'w'); print(socket.gethostbyname('algo-2'))"
    if way != "private mounts":
        text = "open('/opt/ml/made', 'w'); print('127.0.0.1')"
    roots = [tmp_path / name / "ml" for name in ("a", "b")]
    codes, heard = ran(*(python(root, text, hosts=("algo-1", "algo-2")) for root in roots))
    assert codes == [0, 0]
    assert sorted(heard) == [(0, "127.0.0.1"), (1, "127.0.0.1")]
    assert all((root / "made").exists() for root in roots)


def test_the_environment_is_an_allow_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_MINE", "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    found = base_environment(tmp_path)
    assert "SECRET_OF_MINE" not in found
    assert found["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert found["PATH"].split(os.pathsep)[:2] == [str(tmp_path), str(Path(sys.executable).parent)]
    assert "127.0.0.1" in found["NO_PROXY"]


def test_output_is_heard_as_it_comes_with_standard_error_and_a_last_line_without_end(tmp_path: Path) -> None:
    times: list[float] = []
    text = "import sys, time; print('one'); time.sleep(0.5); sys.stderr.write('two\\n'); sys.stdout.write('three')"
    command = python(tmp_path / "ml", text)
    heard: list[str] = []

    def hear(_: int, at: float, lines: list[str]) -> None:
        times.append(at)
        heard.extend(lines)

    assert run_commands([command], hear) == [0]  # type: ignore[arg-type]
    assert heard == ["one", "two", "three"]
    assert times[1] - times[0] > 0.3


def test_a_stop_is_a_polite_signal_first(tmp_path: Path, way: str) -> None:
    text = (
        "import signal, sys, time\n"
        "def bye(*_):\n    print('bye'); sys.exit(7)\n"
        "signal.signal(signal.SIGTERM, bye)\nprint('up'); time.sleep(60)\n"
    )
    seen: Heard = []
    begun = time.monotonic()
    codes = run_commands(
        [python(tmp_path / "ml", text)], lambda i, at, lines: seen.extend((i, x) for x in lines), lambda: bool(seen)
    )
    assert codes == [7]
    assert seen == [(0, "up"), (0, "bye")]
    assert time.monotonic() - begun < 20


def test_who_does_not_listen_is_killed_with_its_children(tmp_path: Path) -> None:
    root = tmp_path / "ml"
    root.mkdir()
    command = Command(
        ("/bin/bash", "-c", "trap '' TERM; sleep 987 & echo up; while true; do sleep 0.1; done"),
        root,
        base_environment(),
    )
    seen: list[str] = []
    codes = run_commands([command], lambda i, at, lines: seen.extend(lines), lambda: bool(seen), grace_s=0.3)
    assert codes == [128 + signal.SIGKILL]
    assert "sleep\x00987" not in running()


def test_one_that_fails_ends_the_others(tmp_path: Path) -> None:
    begun = time.monotonic()
    codes, _ = ran(
        python(tmp_path / "a" / "ml", "import time; time.sleep(60)"),
        python(tmp_path / "b" / "ml", "raise SystemExit(3)"),
    )
    assert codes == [128 + signal.SIGTERM, 3]
    assert time.monotonic() - begun < 30


def test_a_command_dies_with_the_process_that_runs_it(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\nfrom tarragon.engine import *\n"
        f"root = Path({str(tmp_path)!r})\n"
        "run_commands([Command(('sleep', '9876'), root, base_environment(), '/')], lambda *_: None)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program])
    until(lambda: "sleep\x009876" in running())
    parent.kill()
    parent.wait()
    until(lambda: "sleep\x009876" not in running())


def test_a_line_without_end_is_cut_and_bytes_that_are_no_text_are_kept_readable(tmp_path: Path) -> None:
    text = "import sys; sys.stdout.buffer.write(b'x' * (5 << 20) + b'\\n\\xff\\n')"
    codes, heard = ran(python(tmp_path / "ml", text))
    assert codes == [0]
    assert sum(len(line) for _, line in heard[:-1]) == 5 << 20
    assert heard[-1] == (0, "\ufffd")


def running() -> str:
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            found.append((each / "cmdline").read_text())
        except OSError:
            continue
    return "\n".join(found)


def until(condition: object, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)
