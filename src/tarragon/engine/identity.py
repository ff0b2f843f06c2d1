"""Who is writing: a process that can be told from every other, and asked whether it still lives.

An identity reads ``host.realm.pid.started``: the host's name for people; the realm, a hash over host, boot and process
namespace, within which process ids mean something; the process id; and when it started, because ids are reused.
"""

import hashlib
import os
import socket
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path


def myself() -> str:
    """Name the running process.

    Examples
    --------
    >>> alive(myself())
    True
    """
    return _identity(os.getpid())  # by process id: a fork is somebody else


def alive(identity: str) -> bool | None:
    """Say whether a process still runs; None where that cannot be known from here (another host, boot or container).

    Examples
    --------
    >>> alive("elsewhere.0123456789.17.99") is None
    True
    """
    parts = identity.rsplit(".", 3)
    if len(parts) != 4 or parts[1] != _realm() or not parts[2].isdigit():
        return None
    return _started(int(parts[2])) == parts[3]


def described(identity: str) -> str:
    """Say in words who that is."""
    parts = identity.rsplit(".", 3)
    return f"process {parts[2]} on {parts[0]}" if len(parts) == 4 else identity or "nobody"


@lru_cache(maxsize=4)
def _identity(pid: int) -> str:
    host = "".join(c if c.isalnum() or c == "-" else "-" for c in socket.gethostname())[:40] or "host"
    return f"{host}.{_realm()}.{pid}.{_started(pid)}"


@lru_cache(maxsize=1)
def _realm() -> str:
    facts = [socket.gethostname()]
    with suppress(OSError):
        facts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    with suppress(OSError):
        facts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:10]


def _started(pid: int) -> str:
    """Read when a process started, in clock ticks since boot; "" when there is none (a zombie is none)."""
    if sys.platform == "linux":
        try:
            # The second field is the program's name in brackets and may itself hold spaces and brackets.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] in "ZX" else fields[19]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "running"  # no start time without /proc: only the id is compared
