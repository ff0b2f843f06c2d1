"""Access keys: a lasting pair made at first use, and temporary ones with a token and an end.

They lie in ``keys.json`` in the home, readable by its owner alone.
"""

import json
import os
import secrets
import string
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path

from tarragon.engine.disk import flush, refusals, temporary_in
from tarragon.errors import IntegrityError

FILE = "keys.json"
LETTERS = string.ascii_uppercase + string.digits
LASTING, TEMPORARY = "AKIA", "ASIA"  # how AWS's own ids begin
KEPT = 1000  # temporary keys remembered; the ones that end first are forgotten first


@dataclass(frozen=True, slots=True)
class Key:
    """An access key.

    Parameters
    ----------
    access_key : str
        Its id.
    secret : str
    token : str
        What must come with a temporary key; "" for a lasting one.
    expires : float
        Seconds since 1970; infinity for a lasting one.
    principal : str
        Whom it stands for: ``role/session``.
    """

    access_key: str
    secret: str
    token: str = ""
    expires: float = inf
    principal: str = ""


class Keys:
    """The keys of a home.

    Parameters
    ----------
    home : Path
    clock : callable
        Seconds since 1970.

    Raises
    ------
    IntegrityError
        When ``keys.json`` cannot be read.
    """

    def __init__(self, home: Path, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = Path(home) / FILE, clock
        self._lock = threading.Lock()
        self._keys: dict[str, Key] = {}
        self._stamp = 0
        with self._lock:
            self._read()
            if not any(not key.token for key in self._keys.values()):
                self._first()

    @property
    def root(self) -> Key:
        """The lasting pair."""
        return next(key for key in self._keys.values() if not key.token)

    def find(self, access_key: str) -> Key | None:
        """Look a key up by its id; None for one that is not known or has ended."""
        key = self._keys.get(access_key)
        if key is None:
            with self._lock:
                self._read()
                key = self._keys.get(access_key)
        return key if key is not None and key.expires > self._clock() else None

    def issue(self, principal: str, seconds: float) -> Key:
        """Make a temporary key; durable once this returns."""
        made = Key(
            _id(TEMPORARY), secrets.token_urlsafe(30), secrets.token_urlsafe(96), self._clock() + seconds, principal
        )
        with self._lock:
            self._read()
            lasting = [key for key in self._keys.values() if not key.token]
            current = [key for key in self._keys.values() if key.token and key.expires > self._clock()]
            current = sorted([*current, made], key=lambda key: key.expires)[-KEPT:]
            self._keys = {key.access_key: key for key in (*lasting, *current)}
            self._write()
        return made

    def _first(self) -> None:
        self._keys = {key.access_key: key for key in (Key(_id(LASTING), secrets.token_urlsafe(30), principal="root"),)}
        with refusals("make the access keys", self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            made = self._written()
            try:
                os.link(made, self._path)  # fails when another process was quicker: then its keys count
            except FileExistsError:
                self._stamp = 0
                self._read()
            finally:
                made.unlink()
            flush(self._path.parent)

    def _read(self) -> None:
        try:
            stamp = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if stamp == self._stamp:
            return
        try:
            found = [Key(**{**each, "expires": each["expires"] or inf}) for each in json.loads(self._path.read_bytes())]
        except (ValueError, TypeError, KeyError) as error:
            raise IntegrityError(
                f"{self._path} cannot be read",
                why=str(error),
                fix="Move the file away: new keys are made at the next start, and clients need them",
            ) from error
        self._keys, self._stamp = {key.access_key: key for key in found}, stamp

    def _write(self) -> None:
        with refusals("keep the access keys", self._path):
            os.replace(self._written(), self._path)
            flush(self._path.parent)
            self._stamp = self._path.stat().st_mtime_ns

    def _written(self) -> Path:
        path = temporary_in(self._path.parent, FILE)
        content = [
            {**asdict(key), "expires": None if key.expires == inf else key.expires} for key in self._keys.values()
        ]
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(handle)
        return path


def _id(begin: str) -> str:
    return begin + "".join(secrets.choice(LETTERS) for _ in range(16))
