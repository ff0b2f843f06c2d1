"""``keys.json``: the access keys of a home, one made at first start and temporary ones that run out by themselves.

The file is readable by its owner only. Several processes may use it: changes are made one at a time under a lock and
appear whole, and a reader notices them.
"""

import fcntl
import json
import os
import secrets
import string
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any

from tarragon.engine.disk import atomic, refusals
from tarragon.errors import IntegrityError

FILE = "keys.json"
ROOT = "TarragonRole/tarragon"  # whom the lasting key stands for
KEPT_S = 86_400  # how long an ended key is remembered: its user is told that it ended, not that there is none
ID_LETTERS = string.ascii_uppercase + "234567"
SECRET_LETTERS = string.ascii_letters + string.digits  # neither "/" nor "+": it is pasted into shells and URLs


@dataclass(frozen=True, slots=True)
class Key:
    """An access key.

    Parameters
    ----------
    access_key : str
        Its public id: twenty letters and digits.
    secret : str
    token : str
        What must come with each request of a temporary key; "" for the lasting one.
    expires : float
        Seconds since 1970; infinite for the lasting one.
    principal : str
        Whom it stands for: ``role/session``.
    """

    access_key: str
    secret: str
    token: str = ""
    expires: float = inf
    principal: str = ""

    def __repr__(self) -> str:
        return f"Key({self.access_key}, {self.principal})"  # secrets stay out of logs


class Keys:
    """The keys of a home; the lasting one is made when there is none yet.

    Parameters
    ----------
    home : Path
    clock : callable
        Seconds since 1970.

    Raises
    ------
    StorageError
        When the file cannot be written.
    IntegrityError
        When it can be read but holds no keys.
    """

    def __init__(self, home: Path, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = home / FILE, clock
        self._guard = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._known: Mapping[str, Key] = {}
        if not self._path.exists():
            with self._changing() as known:
                if not any(key.expires == inf for key in known.values()):
                    made = _made("AKIA", ROOT)
                    known[made.access_key] = made
        self._current()

    @property
    def root(self) -> Key:
        """The lasting key."""
        for key in self._current().values():
            if key.expires == inf:
                return key
        raise self._broken("it holds no lasting key")

    def issue(self, principal: str, seconds: float) -> Key:
        """Make a temporary key that stands for ``role/session``; it outlives a restart once this returns."""
        made = _made("ASIA", principal, self._clock() + seconds)
        with self._changing() as known:
            for gone in [each for each, key in known.items() if key.expires + KEPT_S <= self._clock()]:
                del known[gone]
            known[made.access_key] = made
        return made

    def find(self, access_key: str) -> Key | None:
        """Look a key up by its id, also one that ended within the last day: its ``expires`` says so."""
        return self._current().get(access_key)

    def _current(self) -> Mapping[str, Key]:
        """Read the file if it was replaced since the last look: each change is a new file."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            raise self._broken("it was removed") from None
        mark = (found.st_ino, found.st_mtime_ns, found.st_size)
        with self._guard:
            if mark != self._seen:
                self._known, self._seen = self._read(), mark
            return self._known

    def _read(self) -> Mapping[str, Key]:
        try:
            return {each["access_key"]: _key(each) for each in json.loads(self._path.read_bytes())}
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError) as error:
            raise self._broken(f"it cannot be read ({error})") from None

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Key]]:
        """Hold the lock, give the keys to change, and write them."""
        with refusals("keep the access keys", self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._path.with_name(f".{FILE}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                known = dict(self._read())
                yield known
                content = [_written(key) for key in known.values()]
                with atomic(self._path) as file:
                    os.fchmod(file.fileno(), 0o600)
                    file.write(json.dumps(content, indent=1).encode())
            finally:
                os.close(lock)

    def _broken(self, why: str) -> IntegrityError:
        return IntegrityError(
            f"The access keys in {self._path} cannot be used",
            why=why,
            fix="Restore the file, or move it away and start again: new keys are made",
        )


def _made(prefix: str, principal: str, expires: float = inf) -> Key:
    public = prefix + "".join(secrets.choice(ID_LETTERS) for _ in range(16))
    secret = "".join(secrets.choice(SECRET_LETTERS) for _ in range(40))
    return Key(public, secret, "" if expires == inf else secrets.token_urlsafe(120), expires, principal)


def _key(content: Mapping[str, Any]) -> Key:
    texts = {name: str(content[name]) for name in ("access_key", "secret", "token", "principal")}
    expires = content["expires"]
    return Key(**texts, expires=inf if expires is None else float(expires))


def _written(key: Key) -> Mapping[str, Any]:
    return {**asdict(key), "expires": None if key.expires == inf else key.expires}
