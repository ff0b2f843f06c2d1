"""A set of pictures, and parts of it."""

import numpy as np

from tarragon.data import Pictures


def test_a_part_keeps_what_belongs_together() -> None:
    pixels = [np.full((2, 2 + i, 3), i, np.uint8) for i in range(4)]
    boxes = [np.full((i, 5), i, np.float32) for i in range(4)]
    masks = [np.full((2, 2 + i), i, np.uint8) for i in range(4)]
    whole = Pictures.of(pixels, labels=np.arange(4), boxes=boxes, masks=masks, names=("a",))
    part = whole.part([3, 1]).part([1])
    assert len(part) == 1
    assert part.read(0).shape == (2, 3, 3)
    assert part.labels is not None
    assert part.labels.tolist() == [1]
    assert part.boxes is not None
    assert part.boxes[0].shape == (1, 5)
    assert part.mask is not None
    assert part.mask(0)[0, 0] == 1


def test_pictures_are_decoded_once_while_there_is_room() -> None:
    decoded: list[int] = []

    def read(i: int) -> np.ndarray:
        decoded.append(i)
        return np.full((2, 2, 3), i, np.uint8)

    held = Pictures(3, read, mask=lambda i: read(i)[..., 0]).held(12 + 4 + 12)  # a picture, a mask, a picture
    assert held.mask is not None
    for _ in range(2):
        assert [int(held.read(0)[0, 0, 0]), int(held.mask(0)[0, 0])] == [0, 0]
        assert [int(held.read(i)[0, 0, 0]) for i in (1, 2)] == [1, 2]
    assert sorted(decoded) == [0, 0, 1, 2, 2]
