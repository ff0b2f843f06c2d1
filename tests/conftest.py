"""Fixtures several rooms share: a home, and a store on SQLite and on a real PostgreSQL."""

import glob
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

START_S = 30.0


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh home that everything without an explicit one uses too."""
    folder = tmp_path / "home"
    monkeypatch.setenv("TARRAGON_HOME", str(folder))
    monkeypatch.delenv("TARRAGON_STORE", raising=False)
    return folder


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str | None:
    """URL of an empty store, once per database: None for the SQLite file inside the home."""
    return None if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty database on the session's PostgreSQL."""
    import psycopg

    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_server.format("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield postgres_server.format(name)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL from Debian's packages, on a socket in a temporary folder, ended with the session.

    Gives a URL with ``{}`` in place of the database.

    Skips, with the reason, where there is none: no programs, no driver, or root without another user to run it as.
    """
    pytest.importorskip("psycopg", reason="PostgreSQL's driver is not installed: pip install 'tarragon[postgres]'")
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    user = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="tarragon-pg-", dir="/tmp"))  # socket paths have at most 107 characters
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    as_user = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "cwd": folder}
    data = folder / "data"
    made = subprocess.run(
        [programs / "initdb", "-D", data, "-U", "test", "-A", "trust", "-E", "UTF8", "--no-sync"],
        capture_output=True, text=True, check=False, **as_user,
    )  # fmt: skip
    if made.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL could not make a cluster: {made.stderr.strip()[-300:]}")
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", folder, "-h", "", "-F", "-c", "max_connections=40"],
            stdout=log, stderr=log, **as_user,
        )  # fmt: skip
    try:
        yield _wait_for(f"postgresql://test@/{{}}?host={folder}", server, folder)
    finally:
        server.terminate()
        server.wait(START_S)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(url: str, server: "subprocess.Popen[bytes]", folder: Path) -> str:
    import psycopg

    deadline = time.monotonic() + START_S
    while True:
        try:
            psycopg.connect(url.format("postgres")).close()
            return url
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.skip(f"PostgreSQL did not start: {error}; {(folder / 'log').read_text()[-300:]}")
            time.sleep(0.05)


def _programs() -> Path | None:
    """Folder of initdb and postgres: on PATH, or where Debian puts the newest version."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else []
    found += [Path(p) for p in sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: -float(p.split("/")[4]))]
    return next((folder for folder in found if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom to run the server as: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.skip("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
