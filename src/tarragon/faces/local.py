"""The local server as other processes see it: whether it runs, how to start and end it, what its clients need.

Imports nothing heavy: a test fixture and the command line both start here.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tarragon.engine import Keys, alive, write_json
from tarragon.errors import ConflictError, NotFoundError, StorageError

FILE, OUT, LOG = "server.json", "server.out", "server.log"
HEALTH = "/_tarragon/health"
SHIM = Path(__file__).with_name("shim")
REGION = "us-east-1"
START_S, STOP_S = 60.0, 30.0
SDK_SETTINGS = "SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n"
CLEARED = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_DEFAULT_PROFILE")
"""Variables that would lead a client to the real service."""


@dataclass(frozen=True, slots=True)
class Known:
    """A server that was started on a home.

    Parameters
    ----------
    url : str
    pid : int
    identity : str
        Tells the process from another that got its number.
    started : float
        Seconds since 1970.
    proxy : str
        The URL of its proxy, if it has one.
    """

    url: str
    pid: int
    identity: str
    started: float
    proxy: str = ""


def known(home: Path) -> Known | None:
    """Say which server runs on a home; None when none does."""
    try:
        found = Known(**json.loads((home / FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return found if alive(found.identity) is not False and healthy(found.url) else None


def healthy(url: str, seconds: float = 2.0) -> bool:
    """Whether a server answers there."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with suppress(OSError, ValueError), opener.open(url + HEALTH, timeout=seconds) as answer:
        return bool(json.load(answer).get("status") == "ok")
    return False


def announce(home: Path, found: Known) -> None:
    """Leave word of a server that has come up."""
    write_json(asdict(found), home / FILE)


def start(
    home: Path, *, host: str = "127.0.0.1", port: int = 4747, expose: bool = False, proxy: int | None = None
) -> Known:
    """Start a server in the background and wait until it answers.

    Raises
    ------
    ConflictError
        When one runs on this home already.
    StorageError
        When it does not come up; its last words are in the error.
    """
    home.mkdir(parents=True, exist_ok=True)
    running = known(home)
    if running is not None:
        raise ConflictError(
            f"A server runs on {home} already", why=f"it answers at {running.url}", fix="`tarragon down` ends it"
        )
    (home / FILE).unlink(missing_ok=True)
    argv = [sys.executable, "-m", "tarragon.faces.cli", "up", "--home", str(home), "--host", host, "--port", str(port)]
    with open(home / OUT, "wb") as out:
        process = subprocess.Popen(
            [*argv, *["--expose"] * expose, *(("--proxy", str(proxy)) if proxy else ())],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        found = known(home)
        if found is not None and found.pid == process.pid:
            return found
        time.sleep(0.05)
    if process.poll() is None:
        process.kill()
    said = (home / OUT).read_text(errors="replace").strip().splitlines()[-4:]
    raise StorageError("The server did not come up", why=" | ".join(said), fix=f"Look at {home / OUT}")


def stop(home: Path) -> Known:
    """End the server of a home and wait until it is gone. Raises ``NotFoundError``."""
    found = known(home)
    if found is None:
        raise NotFoundError(f"No server runs on {home}", fix="`tarragon up` starts one")
    os.kill(found.pid, signal.SIGTERM)
    end = time.monotonic() + STOP_S
    while alive(found.identity) and time.monotonic() < end:
        time.sleep(0.05)
    if alive(found.identity):
        os.kill(found.pid, signal.SIGKILL)
    (home / FILE).unlink(missing_ok=True)
    return found


def environment(home: Path, url: str, *, region: str = REGION) -> dict[str, str]:
    """Say what a client's environment must hold to reach a server and nothing else.

    Parameters
    ----------
    home : Path
    url : str
    region : str

    Returns
    -------
    dict of str to str
        Variables to set; those in :data:`CLEARED` must not be set.
    """
    key = Keys(home).root
    path = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each and each != str(SHIM)]
    settings = home / "sagemaker-sdk.yaml"
    if not settings.exists():
        settings.write_text(SDK_SETTINGS, encoding="utf-8")
    return {
        "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": key.access_key, "AWS_SECRET_ACCESS_KEY": key.secret,
        "AWS_DEFAULT_REGION": region, "AWS_REGION": region, "AWS_EC2_METADATA_DISABLED": "true",
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(settings), "TARRAGON_SHIM": "1",
        "PYTHONPATH": os.pathsep.join([str(SHIM), *path]),
    }  # fmt: skip


def through_proxy(home: Path, found: Known) -> dict[str, str]:
    """Say what leads a client with AWS's own https addresses here. Raises ``NotFoundError`` without a proxy."""
    if not found.proxy:
        raise NotFoundError(
            "The server has no proxy",
            why="it was started without",
            fix="`tarragon down`, then `tarragon up --background --proxy 4748`",
        )
    bundle = str(home / "authority" / "ca.pem")
    return {"HTTPS_PROXY": found.proxy, "AWS_CA_BUNDLE": bundle, "NO_PROXY": "127.0.0.1,localhost"}


def client_environment(home: Path, url: str, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Make a whole environment for a command that is a client of the server."""
    return {name: value for name, value in base.items() if name not in CLEARED} | environment(home, url)
