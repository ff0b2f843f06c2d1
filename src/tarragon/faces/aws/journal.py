"""The request log: a line per request, for a person to read; written twice a second, so that no request waits."""

import logging
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path

FLUSH_S = 0.5
KEPT = 5  # older files: server.log.1 is the newest of them


class Journal(logging.Handler):
    """Gathers lines and writes them in the background.

    Parameters
    ----------
    path : Path
    most_bytes : int
        When the file is larger it becomes ``<path>.1``, and a new one is begun.
    """

    def __init__(self, path: Path, most_bytes: int) -> None:
        super().__init__()
        self._path, self._most = path, most_bytes
        self._records: deque[logging.LogRecord] = deque(maxlen=100_000)
        self._done = threading.Event()
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._write_on, name="tarragon-journal", daemon=True)
        self._thread.start()

    def handle(self, record: logging.LogRecord) -> bool:
        """Take a record in; nothing is locked or formatted here."""
        self._records.append(record)
        if record.levelno >= logging.ERROR:
            self.flush()
        return True

    def flush(self) -> None:
        """Write what has come in so far."""
        with self._writing:
            lines = []
            while self._records:
                lines.append(self.format(self._records.popleft()))
            if not lines:
                return
            with suppress(OSError):  # a full disk must not end the server: what it keeps for users says so itself
                with open(self._path, "a", encoding="utf-8", errors="replace") as file:
                    file.write("\n".join(lines) + "\n")
                    size = file.tell()
                if size > self._most:
                    self._turn_over()

    def close(self) -> None:
        """Write the rest and end."""
        self._done.set()
        self._thread.join(2)
        self.flush()
        super().close()

    def _write_on(self) -> None:
        while not self._done.wait(FLUSH_S):
            self.flush()

    def _turn_over(self) -> None:
        for n in range(KEPT - 1, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{n}")
            if older.exists():
                older.replace(self._path.with_name(f"{self._path.name}.{n + 1}"))
        self._path.replace(self._path.with_name(f"{self._path.name}.1"))
