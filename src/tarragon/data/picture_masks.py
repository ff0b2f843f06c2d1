"""Pictures and the class of each of their pixels, from what SageMaker's semantic segmentation reads.

Pictures (JPEG) and masks (PNG of one channel, or with a palette) lie in two channels under the same names, or follow
each other in the records of an augmented manifest. A label map says how stored values become classes.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tarragon.data.channel import files
from tarragon.data.picture_labels import SUFFIXES, by_place
from tarragon.data.picture_records import Stored, is_records, pairs, peeked
from tarragon.data.pictures import IGNORED, Pictures
from tarragon.data.pixels import Pixels
from tarragon.errors import DataError

PLAIN = np.arange(256, dtype=np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """How a mask's stored values become classes: position is the value, what is there the class."""

    table: Pixels

    def __call__(self, mask: Pixels) -> Pixels:
        """(h, w) -> (h, w)."""
        return self.table[mask]


def label_map(raw: bytes | None) -> LabelMap:
    """Read a label map: ``{"scale": "3"}`` divides, ``{"map": {"0": 5}}`` gives value 5 the class 0.

    Values that a map does not name are of no class; 255 is of no class unless it is named.

    Raises
    ------
    DataError

    Examples
    --------
    >>> label_map(b'{"scale": "3"}').table[:8].tolist()
    [0, 0, 0, 1, 1, 1, 2, 2]
    """
    if raw is None:
        return LabelMap(PLAIN)
    try:
        told: Any = json.loads(raw)
        if "map" in told:
            table = np.full(256, IGNORED, np.uint8)
            for kind, stored in told["map"].items():
                for value in stored if isinstance(stored, list) else [stored]:
                    table[_byte(value)] = _byte(kind)
            return LabelMap(table)
        scale = _byte(told["scale"])
        if not scale:
            raise ValueError("scale is 0")
        table = (PLAIN // scale).astype(np.uint8)
        table[IGNORED] = IGNORED
        return LabelMap(table)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DataError(
            "The label map cannot be read",
            why=f"{type(error).__name__}: {error}",
            fix='Write {"scale": "3"} or {"map": {"0": 5, "1": 0}}, numbers from 0 to 255',
        ) from error


def read_masked(
    folders: Sequence[Path], masks: Sequence[Path] | None = None, mapped: LabelMap | None = None
) -> Pictures:
    """Read a channel of pictures and masks.

    Parameters
    ----------
    folders : sequence of Path
        Folders of the pictures; or a pipe or file with the records of an augmented manifest.
    masks : sequence of Path, optional
        Folders of the masks.
    mapped : LabelMap, optional

    Raises
    ------
    DataError
        A picture has no mask, or the other way round.
    """
    change = mapped or LabelMap(PLAIN)
    found = files(folders)
    if masks is None:
        if not is_records(found[0]):
            raise DataError(
                "The channel's pictures have no masks",
                why="There is no channel of annotations",
                fix="Give the channels train_annotation and validation_annotation",
            )
        _, records = peeked(found)
        both = [(picture, mask) for picture, _, mask in pairs(records)]
    else:
        both = _matched(by_place(folders, found), by_place(masks, files(masks)))

    def mask(i: int) -> Pixels:
        return change(both[i][1].mask())

    return Pictures(len(both), lambda i: both[i][0].picture(), mask=mask)


def _matched(pictures: dict[str, Path], masks: dict[str, Path]) -> list[tuple[Stored, Stored]]:
    seen = {_base(place): Stored(place, path) for place, path in sorted(pictures.items()) if _is_picture(path)}
    drawn = {_base(place): Stored(place, path) for place, path in sorted(masks.items()) if path.suffix == ".png"}
    alone = sorted(set(seen) ^ set(drawn))
    if alone or not seen:
        raise DataError(
            "Pictures and masks do not belong together",
            why=f"{alone[0]!r} is there once" if alone else "There are none",
            fix="Give each JPEG a PNG of the same name in the channel of annotations",
        )
    return [(seen[base], drawn[base]) for base in sorted(seen)]


def _base(place: str) -> str:
    return place.rpartition(".")[0] or place


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def _byte(value: Any) -> int:
    number = int(value)
    if isinstance(value, bool) or not 0 <= number <= IGNORED:
        raise ValueError(f"{value!r} is not a number from 0 to 255")
    return number
