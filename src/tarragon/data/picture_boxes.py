"""Pictures and the boxes on them, from what SageMaker's object detection reads.

Four layouts: image records whose labels are header width, object width, then class, xmin, ymin, xmax, ymax per object
in shares, padded with -1; pictures beside one JSON file each, with pixels; an augmented manifest's records (a picture,
then the same JSON); one ``annotations.json`` for all pictures, with corners in pixels.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tarragon.data.channel import files
from tarragon.data.picture_labels import SUFFIXES, by_place
from tarragon.data.picture_records import Labels, Stored, damaged, is_records, pairs, peeked, unpacked
from tarragon.data.pictures import Boxes, Pictures
from tarragon.data.pixels import picture_size
from tarragon.errors import DataError

LEAST_OBJECT = 5  # class and four corners
SLACK = 0.02  # boxes may stand out this much, in shares of the picture, and are cut


def read_boxed(folders: Sequence[Path], annotations: Sequence[Path] | None = None) -> Pictures:
    """Read a channel of pictures with boxes.

    Parameters
    ----------
    folders : sequence of Path
        Folders, files or pipes.
    annotations : sequence of Path, optional
        Folders of the JSON files, one a picture, of the picture's name.

    Raises
    ------
    DataError
    """
    found = files(folders)
    if annotations:
        return _annotated(by_place(folders, found), files(annotations))
    if not is_records(found[0]):
        raise DataError(
            "The channel's pictures have no boxes",
            why=f"{found[0].name} is no image record, and there is no channel of annotations",
            fix="Give the channels train_annotation and validation_annotation, or a .rec file",
        )
    manifest, records = peeked([path for path in found if path.suffix not in (".lst", ".idx")])
    stored: list[Stored] = []
    boxes: list[Boxes] = []
    if manifest:
        for picture, second, _ in pairs(records):
            stored.append(picture)
            boxes.append(_of_json(_loaded(second, picture.name), picture, None))
    else:
        for payload, where in records:
            labels, picture = unpacked(payload, where)
            stored.append(picture)
            boxes.append(_of_labels(labels, picture))
    return boxed(stored, boxes)


def boxed(stored: Sequence[Stored], boxes: Sequence[Boxes], names: Sequence[str] = ()) -> Pictures:
    """Join pictures and their boxes. Raises ``DataError`` when there are none."""
    if not stored:
        raise DataError("The channel has no pictures", why="It is empty", fix="Give at least one")
    pictures = tuple(stored)
    return Pictures(len(pictures), lambda i: pictures[i].picture(), boxes=tuple(boxes), names=tuple(names))


def read_boxed_folder(folders: Sequence[Path]) -> Pictures:
    """Read ``annotations.json`` and the pictures of ``images/``; classes are numbered in the order of their ids.

    ``images`` lists file_name, height, width, id; ``annotations`` lists image_id, bbox [xmin, ymin, xmax, ymax] in
    pixels, category_id; ``categories``, where there, names them.

    Raises
    ------
    DataError
    """
    places = by_place(folders, files(folders))
    index = next((path for place, path in sorted(places.items()) if place.endswith("annotations.json")), None)
    if index is None:
        raise DataError(
            "The channel has no annotations.json", why=f"It holds {sorted(places)[:5]}", fix="Put it beside images/"
        )
    told = _loaded(index.read_bytes(), index.name)
    try:
        images = {_key(one["id"]): one for one in told["images"]}
        rows = [(_key(one["image_id"]), _key(one["category_id"]), one["bbox"]) for one in told["annotations"]]
        named = {_key(one["id"]): str(one["name"]) for one in told.get("categories") or []}
        kinds = sorted({kind for _, kind, _ in rows} | set(named), key=lambda kind: (isinstance(kind, str), kind))
        number = {kind: i for i, kind in enumerate(kinds)}
        wanted: dict[Any, list[list[float]]] = {key: [] for key in images}
        for key, kind, box in rows:
            if key not in wanted:
                raise DataError(
                    f"{index.name} has a box for a picture it does not list", why=f"image_id {key}", fix="List it"
                )
            left, top, right, bottom = (float(v) for v in box)
            wanted[key].append([float(number[kind]), left, top, right, bottom])
        stored, boxes = [], []
        for key, one in images.items():
            place = str(one["file_name"]).removeprefix("./")
            path = next((places[p] for p in (f"images/{place}", place) if p in places), None)
            if path is None:
                raise DataError(f"{index.name} names {place[:80]!r}", why="It is not in images/", fix="Add the picture")
            picture = Stored(place, path)
            stored.append(picture)
            boxes.append(_shares(np.array(wanted[key]), float(one["width"]), float(one["height"]), picture))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _spoilt(index.name, error) from error
    return boxed(stored, boxes, [named.get(kind, str(kind)) for kind in kinds])


def write_boxes(boxes: Boxes, width: int = 0) -> list[float]:
    """Lay boxes (m, 5) out as an image record's labels, padded with -1 to ``width``."""
    flat = [2.0, 5.0, *boxes.reshape(-1).tolist()]
    return flat + [-1.0] * (width - len(flat))


def _annotated(places: Mapping[str, Path], found: Sequence[Path]) -> Pictures:
    """Match JSON files with pictures by name, the folder first, then the bare name."""
    notes = {path.stem: path for path in found if path.suffix == ".json"}
    pictures = {place: path for place, path in sorted(places.items()) if path.suffix.lower() in SUFFIXES}
    stored, boxes = [], []
    for place, path in pictures.items():
        picture, note = Stored(place, path), notes.get(path.stem)
        if note is None:
            raise DataError(
                f"{place} has no annotation", why=f"There is no {path.stem}.json", fix="Give one JSON file a picture"
            )
        stored.append(picture)
        boxes.append(_of_json(_loaded(note.read_bytes(), note.name), picture, note.name))
    return boxed(stored, boxes)


def _of_json(told: Mapping[str, Any], picture: Stored, name: str | None) -> Boxes:
    """Read the JSON of one picture; its own size counts where image_size is left out."""
    name = name or f"The annotation of {picture.name}"
    try:
        sizes = told.get("image_size") or []
        size = sizes[0] if isinstance(sizes, list) and sizes else sizes
        if size:
            width, height = float(size["width"]), float(size["height"])
        else:
            width, height = (float(side) for side in picture_size(picture.raw()))
        rows = [
            [float(one["class_id"]), float(one["left"]), float(one["top"]), float(one["width"]), float(one["height"])]
            for one in told["annotations"]
        ]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise _spoilt(name, error) from error
    flat = np.array(rows, dtype=np.float64).reshape(-1, 5)
    flat[:, 3:] += flat[:, 1:3]
    return _shares(flat, width, height, picture)


def _of_labels(labels: Labels, picture: Stored) -> Boxes:
    """Read header width, object width, the rest of the header, then objects; those of class -1 pad."""
    if len(labels) < 2:
        raise damaged(picture, "its label has no header: it was written for classification")
    head, width = int(labels[0]), int(labels[1])
    rest = len(labels) - head
    if head < 2 or width < LEAST_OBJECT or rest < 0 or rest % width:
        if head < 2 or width < LEAST_OBJECT or rest < 0:
            raise damaged(picture, f"its label begins with header width {head} and object width {width}")
        rest -= rest % width  # padding need not be whole objects
    objects = labels[head : head + rest].reshape(-1, width)[:, :5].astype(np.float64)
    return _shares(objects[objects[:, 0] >= 0], 1.0, 1.0, picture)


def _shares(boxes: "np.ndarray[Any, Any]", width: float, height: float, picture: Stored) -> Boxes:
    """Turn corners in pixels to shares; cut what stands out a little, refuse what stands out far, drop empty ones."""
    if not (width > 0 and height > 0):
        raise damaged(picture, f"its annotation says it is {width:g} × {height:g}")
    flat = np.asarray(boxes, np.float64).reshape(-1, 5).copy()
    if not np.isfinite(flat).all() or (flat[:, 0] < 0).any() or (flat[:, 0] % 1).any():
        raise damaged(picture, "a box has a class or a corner that is no number")
    flat[:, [1, 3]] /= width
    flat[:, [2, 4]] /= height
    corners = flat[:, 1:]
    if (corners < -SLACK).any() or (corners > 1 + SLACK).any() or (flat[:, 3:] < flat[:, 1:3]).any():
        raise damaged(picture, "a box lies outside of it, or its corners are the wrong way round")
    flat[:, 1:] = corners.clip(0.0, 1.0)
    whole = (flat[:, 3] > flat[:, 1]) & (flat[:, 4] > flat[:, 2])
    return np.ascontiguousarray(flat[whole], dtype=np.float32)


def _loaded(raw: bytes, name: str) -> Any:
    try:
        told = json.loads(raw)
        if isinstance(told, str):
            told = json.loads(told)
    except (ValueError, RecursionError) as error:
        raise _spoilt(name, error) from error
    if not isinstance(told, dict):
        raise _spoilt(name, TypeError("it is no JSON object"))
    return told


def _key(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"{value!r} is no id")
    return value


def _spoilt(name: str, error: Exception) -> DataError:
    return DataError(f"{name} cannot be read", why=f"{type(error).__name__}: {error}", fix="See the format's fields")
