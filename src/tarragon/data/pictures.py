"""Pictures with what is known of each: classes, boxes, masks. What algorithms of vision are handed.

Notation: n pictures, each (h, w, 3) of its own size; K classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.data.pixels import Pixels

IGNORED = 255  # a mask's value for pixels that are of no class
Boxes = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Pictures that are decoded when they are asked for: a set may be larger than memory.

    Parameters
    ----------
    count : int
    read : callable
        Position 0…n-1 -> pixels (h, w, 3), uint8; raises ``DataError``.
    labels : ndarray, optional
        (n,) int64 class codes, or (n, K) float32 of 0 and 1 where a picture may be of several classes.
    boxes : tuple of ndarray, optional
        Per picture (m, 5) float32: class, xmin, ymin, xmax, ymax, in shares of width and height.
    mask : callable, optional
        Position -> classes per pixel (h, w), uint8; 255 where there is none.
    names : tuple of str
        Of the classes, where the data say.
    """

    count: int
    read: Callable[[int], Pixels]
    labels: NDArray[Any] | None = None
    boxes: tuple[Boxes, ...] | None = None
    mask: Callable[[int], Pixels] | None = None
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.count

    @classmethod
    def of(
        cls,
        pixels: Sequence[Pixels],
        *,
        labels: NDArray[Any] | None = None,
        boxes: Sequence[Boxes] | None = None,
        masks: Sequence[Pixels] | None = None,
        names: Sequence[str] = (),
    ) -> "Pictures":
        """Take pictures that are in memory.

        Examples
        --------
        >>> len(Pictures.of([np.zeros((2, 3, 3), np.uint8)], labels=np.array([0])))
        1
        """
        kept = None if boxes is None else tuple(boxes)
        mask = None if masks is None else masks.__getitem__
        return cls(len(pixels), pixels.__getitem__, labels, kept, mask, tuple(names))

    def held(self, room: int) -> "Pictures":
        """Decode each only once, as long as those that are kept, and their masks, take at most ``room`` bytes.

        Those that have no room are decoded whenever they are asked for. Several threads may ask.

        Examples
        --------
        >>> pictures = Pictures(2, lambda i: np.zeros((2, 3, 3), np.uint8)).held(20)
        >>> pictures.read(0) is pictures.read(0), pictures.read(1) is pictures.read(1)
        (True, False)
        """
        kept: dict[tuple[bool, int], Pixels] = {}
        lock, left = Lock(), room

        def once(read: Callable[[int], Pixels], masks: bool) -> Callable[[int], Pixels]:
            def again(i: int) -> Pixels:
                nonlocal left
                found = kept.get((masks, i))
                if found is None:
                    found = read(i)
                    with lock:
                        if found.nbytes <= left and (masks, i) not in kept:
                            kept[masks, i] = found
                            left -= found.nbytes
                return found

            return again

        mask = None if self.mask is None else once(self.mask, masks=True)
        return replace(self, read=once(self.read, masks=False), mask=mask)

    def part(self, positions: Sequence[int]) -> "Pictures":
        """Take some of them, in the order given."""
        chosen, read, mask = [int(i) for i in positions], self.read, self.mask
        return replace(
            self,
            count=len(chosen),
            read=lambda i: read(chosen[i]),
            labels=None if self.labels is None else self.labels[chosen],
            boxes=None if self.boxes is None else tuple(self.boxes[i] for i in chosen),
            mask=None if mask is None else lambda i: mask(chosen[i]),
        )
