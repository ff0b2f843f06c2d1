"""Follows what workers print, file by file, into the log of their endpoint."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from tarragon.engine import Logs

FILES = ("stdout.txt", "stderr.txt")
BLOCK = 1 << 18
LARGEST = 8 << 20  # a worker's own file is emptied beyond this; the log has it all


@dataclass(slots=True)
class Tail:
    """One worker's output.

    Parameters
    ----------
    folder : Path
        The worker's.
    stream : str
        Of the log.
    """

    folder: Path
    stream: str
    places: dict[str, int] = field(default_factory=dict)

    def move(self, logs: Logs, realm: str, group: str) -> None:
        """Write new lines to the log; an unfinished one waits for its end."""
        for name in FILES:
            place = self.places.get(name, 0)
            try:
                with open(self.folder / name, "rb") as file:
                    size = os.fstat(file.fileno()).st_size
                    if size <= place:
                        continue
                    file.seek(place)
                    block = file.read(BLOCK)
            except OSError:
                continue
            whole = block[: block.rfind(b"\n") + 1] or (block if len(block) == BLOCK else b"")
            now = int(time.time() * 1000)
            lines = [(now, text.decode("utf-8", "replace")) for text in whole.splitlines()]
            if lines:
                logs.write(realm, group, self.stream, lines)
            place += len(whole)
            if place == size and place > LARGEST:
                os.truncate(self.folder / name, 0)
                place = 0
            self.places[name] = place
