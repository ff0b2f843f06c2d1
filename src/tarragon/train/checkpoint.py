"""Keeps a job's checkpoints in step with their place in the object store, both ways."""

import threading
from pathlib import Path

from tarragon.engine import Objects
from tarragon.train import transfer

SYNC_S = 5.0  # how often what changed is stored


class Checkpoints:
    """What is stored is fetched first; what changes is stored every few seconds, and at the end.

    Parameters
    ----------
    objects : Objects
    uri : str
        "" for a job without: then nothing happens.
    folder : Path
    """

    def __init__(self, objects: Objects, uri: str, folder: Path) -> None:
        self._objects, self._uri, self.folder = objects, uri.rstrip("/"), folder
        self._done = threading.Event()
        self._seen: dict[str, tuple[int, int]] = {}
        self._thread = threading.Thread(target=self._watch, name="checkpoints", daemon=True)

    def __enter__(self) -> None:
        if not self._uri:
            return
        transfer.require_bucket(self._objects, self._uri)
        self.folder.mkdir(parents=True, exist_ok=True)
        earlier = any(self.folder.iterdir())  # an earlier attempt's, which may be newer than what was stored
        if not earlier and self._objects.list(self._uri + "/"):
            transfer.download(self._objects, transfer.chosen(self._objects, self._uri + "/", "prefix"), self.folder)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        if not self._uri:
            return
        self._done.set()
        self._thread.join()
        self._store()

    def _watch(self) -> None:
        while not self._done.wait(SYNC_S):
            self._store()

    def _store(self) -> None:
        """Store what is new. What the job removed stays stored, as SageMaker leaves it."""
        transfer.upload(self._objects, self.folder, self._uri, self._seen)
