"""Runs a command as if in a container: ``/opt/ml`` is the job's own folder, and what it prints is heard line by line.

Where the kernel allows it, the command has a private view of the file system (a mount namespace; for ordinary users
inside a user namespace), in which ``/opt/ml`` is that folder and ``algo-1``, ``algo-2`` … are names of this machine.
Elsewhere every ``/opt/ml`` in the private copies of its text files, its arguments and its environment is rewritten.
It is not a sandbox: the command runs as whoever runs Tarragon, and sees the rest of the disk.
"""

import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

INSIDE = "/opt/ml"
GRACE_S = 120.0  # between SIGTERM and SIGKILL, as SageMaker gives
LOOK_S = 0.1  # how often the caller is asked whether to stop
AFTER_S = 2.0  # how long output is still awaited once a command has ended: a child of it may hold the pipe for ever
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000  # linux/sched.h
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18  # linux/mount.h
PR_SET_PDEATHSIG = 1
KEPT = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "USER", "LOGNAME", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
PREFIXES = ("AWS_", "PIP_", "OMP_WAIT_POLICY", "LD_LIBRARY_PATH", "CUDA_", "NVIDIA_", "TARRAGON_SHIM")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
DIRECT = "127.0.0.1,localhost,::1"  # what no proxy may come between: the server that jobs are clients of
TEXT_BYTES = 2 << 20  # a larger file is no script
TEXT_SUFFIXES = frozenset({"", ".py", ".sh", ".json", ".env", ".txt", ".cfg", ".toml", ".yaml", ".yml"})
Hear = Callable[[int, float, Sequence[str]], None]
"""Hears lines: which command they came from, when (seconds since 1970), and the texts without their newlines."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run.

    Parameters
    ----------
    argv : tuple of str
    root : Path
        The folder that is ``/opt/ml``.
    environment : mapping of str to str
        All there is; see :func:`base_environment`.
    folder : str
        Where it starts, as it sees it.
    hosts : tuple of str
        Names that mean this machine.
    """

    argv: tuple[str, ...]
    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str = INSIDE
    hosts: tuple[str, ...] = ()


def base_environment(*folders: Path) -> dict[str, str]:
    """Make the environment every command starts from: an allow-list, the PATH led by ``folders`` and this Python's."""
    taken = (*KEPT, *PROXIES)
    found = {name: value for name, value in os.environ.items() if name in taken or name.startswith(PREFIXES)}
    if any(name in found for name in PROXIES):
        found["NO_PROXY"] = found["no_proxy"] = ",".join(filter(None, [os.environ.get("NO_PROXY"), DIRECT]))
    path = [*(str(each) for each in folders), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    return {**found, "PATH": os.pathsep.join(path), "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}


@lru_cache(maxsize=1)
def private_mounts() -> bool:
    """Whether this machine lets a command have its own ``/opt/ml``."""
    if sys.platform != "linux" or not Path("/opt").is_dir() or os.environ.get("TARRAGON_NO_MOUNTS"):
        return False
    with suppress(OSError, subprocess.SubprocessError):
        probe = Command(("true",), Path("/tmp"))
        return subprocess.run(probe.argv, preexec_fn=_enter(probe, None), check=False, timeout=10).returncode == 0
    return False


def run_commands(
    commands: Sequence[Command], hear: Hear, stop: Callable[[], bool] = lambda: False, grace_s: float = GRACE_S
) -> list[int]:
    """Run commands side by side until all have ended; one that fails ends the others.

    Parameters
    ----------
    commands : sequence of Command
    hear : callable
    stop : callable
        Asked ten times a second; once true, every command gets SIGTERM, and SIGKILL ``grace_s`` later.

    Returns
    -------
    list of int
        Exit statuses as a shell counts them: 128 + n for signal n.
    """
    started = [_start(command) for command in commands]
    rest = [b""] * len(started)
    asked_at = ended_at = None
    with selectors.DefaultSelector() as selector:
        for i, process in enumerate(started):
            assert process.stdout is not None
            os.set_blocking(process.stdout.fileno(), False)
            selector.register(process.stdout, selectors.EVENT_READ, i)
        try:
            while ended_at is None or (selector.get_map() and time.monotonic() - ended_at < AFTER_S):
                for key, _ in selector.select(LOOK_S):
                    rest[key.data] = _heard(key.fd, key.data, rest[key.data], hear, selector)
                codes, now = [process.poll() for process in started], time.monotonic()
                if asked_at is None and (stop() or any(codes)):
                    asked_at = now
                    _signal(started, signal.SIGTERM)
                if asked_at is not None and now - asked_at > grace_s:
                    _signal(started, signal.SIGKILL)
                if None not in codes:
                    ended_at = ended_at or now
        finally:
            for i, process in enumerate(started):
                if rest[i]:
                    hear(i, time.time(), [rest[i].decode("utf-8", "replace")])
                if process.poll() is None:  # not the id of one that is gone: it may be another's by now
                    end(process.pid)
                process.wait()
                if process.stdout is not None:
                    process.stdout.close()
    return [code if (code := process.returncode) >= 0 else 128 - code for process in started]


def spawn(command: Command, **streams: int) -> "subprocess.Popen[bytes]":
    """Start a command whose streams are the caller's to see to, such as a model server."""
    prepared = _prepared(command)
    started: subprocess.Popen[bytes] = subprocess.Popen(
        prepared.argv,
        stdin=subprocess.DEVNULL,
        env=dict(prepared.environment),
        preexec_fn=_enter(prepared, os.getpid()) if private_mounts() else _die_with(os.getpid()),
        cwd="/" if private_mounts() else str(_outside(prepared)),
        **streams,  # type: ignore[call-overload]
    )
    return started


def end(pid: int) -> None:
    """Kill a process and whatever it started."""
    for each in (*descendants(pid), pid):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(each, signal.SIGKILL)


def _start(command: Command) -> "subprocess.Popen[bytes]":
    return spawn(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def _heard(fd: int, number: int, buffer: bytes, hear: Hear, selector: selectors.BaseSelector) -> bytes:
    try:
        block = os.read(fd, 1 << 16)
    except BlockingIOError:
        return buffer
    if not block:
        selector.unregister(fd)
        return buffer
    *whole, rest = (buffer + block).split(b"\n")
    if len(rest) > TEXT_BYTES:  # a line without an end
        whole, rest = [*whole, rest], b""
    if whole:
        hear(number, time.time(), [each.decode("utf-8", "replace").rstrip("\r") for each in whole])
    return rest


def _signal(processes: "Sequence[subprocess.Popen[bytes]]", number: int) -> None:
    """Signal commands, and a shell's children too, whom bash would not tell."""
    for process in processes:
        if process.poll() is None:
            for pid in (process.pid, *descendants(process.pid)):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)


def descendants(pid: int) -> list[int]:
    """List the processes a process started, and those started by them."""
    children: dict[int, list[int]] = {}
    for each in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            fields = (each / "stat").read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(each.name))
    found, todo = [], [pid]
    while todo:
        for child in children.get(todo.pop(), ()):
            found.append(child)
            todo.append(child)
    return found


def _enter(command: Command, parent: int | None) -> Callable[[], None]:
    """Build what runs between fork and exec: everything is looked up before, only system calls are made after."""
    libc = ctypes.CDLL(None, use_errno=True)
    root = str(command.root).encode()
    folder = command.folder.encode()
    user = os.getuid(), os.getgid()
    steps = list(_mounts(command.root)) if parent is not None else []
    hosts = _hosts_file(command) if parent is not None and command.hosts else None

    def enter() -> None:
        if parent is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it died before we had asked
                os._exit(1)
        flags = CLONE_NEWNS if user[0] == 0 else CLONE_NEWNS | CLONE_NEWUSER
        if libc.unshare(flags):
            raise OSError(ctypes.get_errno(), "unshare")
        if user[0] != 0:
            _write("/proc/self/setgroups", b"deny")
            _write("/proc/self/uid_map", b"%d %d 1" % (user[0], user[0]))
            _write("/proc/self/gid_map", b"%d %d 1" % (user[1], user[1]))
        if libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None):
            raise OSError(ctypes.get_errno(), "mount")
        for source, target in (*steps, *(((hosts, b"/etc/hosts"),) if hosts else ())):
            if libc.mount(source, target, None, MS_BIND | MS_REC, None):
                raise OSError(ctypes.get_errno(), "mount " + target.decode())
        if parent is not None:
            os.chdir(folder if os.path.isdir(folder) else root)

    return enter


def _mounts(root: Path) -> Iterator[tuple[bytes, bytes]]:
    """Say what is bound where. Without an ``/opt/ml`` a private ``/opt`` is put together, with all of the real one."""
    if Path(INSIDE).is_dir():
        yield str(root).encode(), INSIDE.encode()
        return
    made = root.parent / f".opt-{root.name}"
    (made / "ml").mkdir(parents=True, exist_ok=True)
    for each in Path("/opt").iterdir():
        target = made / each.name
        if each.is_symlink():
            with suppress(FileExistsError):
                target.symlink_to(os.readlink(each))
        elif each.is_dir():
            target.mkdir(exist_ok=True)
            yield str(each).encode(), str(target).encode()
        else:
            target.touch()
            yield str(each).encode(), str(target).encode()
    yield str(root).encode(), str(made / "ml").encode()
    yield str(made).encode(), b"/opt"


def _hosts_file(command: Command) -> bytes:
    path = command.root.parent / f".hosts-{command.root.name}"
    path.write_text("127.0.0.1 localhost " + " ".join(command.hosts) + "\n::1 localhost\n")
    return str(path).encode()


def _write(path: str, text: bytes) -> None:
    handle = os.open(path, os.O_WRONLY)
    try:
        os.write(handle, text)
    finally:
        os.close(handle)


def _die_with(parent: int) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _prepared(command: Command) -> Command:
    """Rewrite ``/opt/ml`` where there can be no private one."""
    if private_mounts():
        return command
    _rewrite(command.root)

    def outside(text: str) -> str:
        before, sign, last = text.rpartition("=")
        text = f"{before}{sign}127.0.0.1" if last in command.hosts and before.endswith("_addr") else text
        return text.replace(INSIDE, str(command.root))

    environment = {name: outside(value) for name, value in command.environment.items()}
    if environment.get("MASTER_ADDR") in command.hosts:
        environment["MASTER_ADDR"] = "127.0.0.1"
    return replace(command, argv=tuple(map(outside, command.argv)), environment=environment)


def _rewrite(root: Path) -> None:
    """Rewrite the scripts and settings in a job's folder; its data and model are not touched."""
    data = root / "input" / "data"
    for path in root.rglob("*"):
        below = path.relative_to(data).parts if path.is_relative_to(data) else None
        if below is not None and below[:1] not in (("code",), ("sm_drivers",)):
            continue
        if path.is_symlink() or not path.is_file() or path.suffix not in TEXT_SUFFIXES:
            continue
        if path.stat().st_size > TEXT_BYTES:
            continue
        with suppress(UnicodeDecodeError):
            text = path.read_text(encoding="utf-8")
            if INSIDE in text and str(root) not in text:
                path.write_text(text.replace(INSIDE, str(root)), encoding="utf-8")


def _outside(command: Command) -> Path:
    """Say where a folder that a command sees really is."""
    if command.folder == INSIDE or command.folder.startswith(INSIDE + "/"):
        found = command.root / command.folder[len(INSIDE) :].strip("/")
        return found if found.is_dir() else command.root
    return Path(command.folder)
