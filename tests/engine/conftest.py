"""Homes and stores for the engine's tests: each test that asks for ``store_url`` runs on SQLite and on PostgreSQL."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tarragon.engine import Workspace


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _binaries() -> Path | None:
    """Find Debian's PostgreSQL, newest first, or one on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    if found:
        return found[-1].parent
    told = shutil.which("initdb")
    return Path(told).resolve().parent if told else None


def _account() -> pwd.struct_passwd | None:
    """Whom the server runs as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Start a server of our own on a Unix socket; skip, saying why, where that cannot be done."""
    pytest.importorskip("psycopg", reason="PostgreSQL's driver is not installed: pip install 'tarragon[postgres]'")
    binaries, account = _binaries(), _account()
    if binaries is None:
        pytest.skip("no PostgreSQL on this machine: apt-get install postgresql")
    if account is None:
        pytest.skip("PostgreSQL refuses to run as root, and there is no other account to run it as")
    folder = Path(tempfile.mkdtemp(prefix="tarragon-pg-", dir="/tmp"))  # a socket's path must be short
    user = {} if os.geteuid() != 0 else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    os.chown(folder, account.pw_uid, account.pw_gid)
    data, log = folder / "data", folder / "log"
    server = None
    try:
        with open(log, "wb") as output:
            options = ["--no-sync", "--auth=trust", "--username=tarragon", "--encoding=UTF8", "--locale=C"]
            made = subprocess.run(
                [binaries / "initdb", "-D", data, *options],
                stdout=output,
                stderr=output,
                cwd=folder,
                check=False,
                **user,
            )
            if made.returncode:
                pytest.skip(f"initdb failed: {log.read_text()[-300:]}")
            settings = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", f"unix_socket_directories={folder}"]
            server = subprocess.Popen(
                [binaries / "postgres", "-D", data, *settings], stdout=output, stderr=output, cwd=folder, **user
            )
        while not list(folder.glob(".s.PGSQL.*.lock")) or "ready to accept" not in log.read_text():
            if server.poll() is not None:
                pytest.skip(f"PostgreSQL did not start: {log.read_text()[-300:]}")
            time.sleep(0.02)
        yield f"postgresql://tarragon@/postgres?host={folder}"
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)  # a fast shutdown
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store that is still empty."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    server = request.getfixturevalue("postgres")
    import psycopg

    name = "t" + os.urandom(6).hex()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    yield f"{server}&options=-csearch_path%3D{name}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA {name} CASCADE")


@pytest.fixture
def workspace(tmp_path: Path, store_url: str) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "home", url=store_url) as opened:
        yield opened
