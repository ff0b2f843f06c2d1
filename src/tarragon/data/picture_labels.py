"""Pictures and their classes, from what SageMaker's image classification reads.

Four layouts: image records (``.rec``); pictures beside a list (``.lst``: index, classes, relative path, apart by tabs);
the records of an augmented manifest (a picture, then its class or classes as JSON); a folder for each class.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.data.channel import files
from tarragon.data.picture_records import Labels, Stored, is_records, pairs, peeked, unpacked
from tarragon.data.pictures import Pictures
from tarragon.errors import DataError

SUFFIXES = (".jpg", ".jpeg", ".png")
FORMS = ("multi-hot", "class-id")


def read_labelled(
    folders: Sequence[Path], lists: Sequence[Path] | None = None, *, classes: int, several: bool = False, form: str = ""
) -> Pictures:
    """Read a channel of pictures with classes.

    Parameters
    ----------
    folders : sequence of Path
        Folders, files or pipes.
    lists : sequence of Path, optional
        The folders of the ``.lst`` files; without them a ``.lst`` among the pictures is looked for.
    classes : int
        K.
    several : bool
        Whether a picture may be of several classes.
    form : {"multi-hot", "class-id"}
        How several classes are written; "" is multi-hot.

    Raises
    ------
    DataError
        No pictures, no classes, or what cannot be read.
    """
    if form not in ("", *FORMS):
        raise DataError(f"label-format={form!r} is not known", why=f"It is one of {FORMS}", fix="Correct ContentType")
    found = files(folders)
    listing = [path for path in (files(lists) if lists else found) if path.suffix == ".lst"]
    if lists or (listing and not is_records(found[0])):
        return _listed(by_place(folders, found), listing, classes, several=several, form=form)
    if not is_records(found[0]):
        raise DataError(
            "The channel's pictures have no classes",
            why=f"{found[0].name} is no image record, and there is no .lst file",
            fix="Give the channels train_lst and validation_lst, or a .rec file",
        )
    manifest, records = peeked([path for path in found if path.suffix not in (".lst", ".idx")])
    stored: list[Stored] = []
    labels: list[Labels] = []
    if manifest:
        for picture, second, _ in pairs(records):
            stored.append(picture)
            labels.append(_json_labels(second, picture))
    else:
        for payload, where in records:
            values, picture = unpacked(payload, where)
            stored.append(picture)
            labels.append(values)
    return labelled(stored, labels, classes, several=several, form=form)


def labelled(
    stored: Sequence[Stored], labels: Sequence[Labels], classes: int, *, several: bool = False, form: str = ""
) -> Pictures:
    """Join pictures and their classes as written. Raises ``DataError`` where they do not fit."""
    if not stored:
        raise DataError("The channel has no pictures", why="It is empty", fix="Give at least one")
    pictures = tuple(stored)
    return Pictures(
        len(pictures), lambda i: pictures[i].picture(), labels=_coded(pictures, labels, classes, several, form)
    )


def read_class_folders(folders: Sequence[Path]) -> Pictures:
    """Read pictures that lie in a folder for each class; classes are numbered in the order of the alphabet.

    Raises
    ------
    DataError
        There is no picture in a folder, or one class only.
    """
    found = {
        place: path
        for place, path in by_place(folders, files(folders)).items()
        if path.suffix.lower() in SUFFIXES and "/" in place
    }
    names = sorted({place.split("/", 1)[0] for place in found})
    if len(names) < 2:
        raise DataError(
            "There are no classes to tell apart",
            why=f"JPEG and PNG files lie in the folders {names}",
            fix="Put each class's pictures in a folder that bears its name",
        )
    number = {name: i for i, name in enumerate(names)}
    places = sorted(found)
    stored = [Stored(place, found[place]) for place in places]
    labels = np.array([number[place.split("/", 1)[0]] for place in places])
    return Pictures(len(stored), lambda i: stored[i].picture(), labels=labels, names=tuple(names))


def by_place(folders: Sequence[Path], found: Sequence[Path]) -> dict[str, Path]:
    """Map what lies in a channel by its path in it, with slashes; only what was listed can be found so."""
    places: dict[str, Path] = {}
    for path in found:
        root = next((folder for folder in folders if path.is_relative_to(folder) and path != folder), path.parent)
        places.setdefault(path.relative_to(root).as_posix(), path)
    return places


def _listed(places: Mapping[str, Path], listing: Sequence[Path], classes: int, *, several: bool, form: str) -> Pictures:
    stored, labels = [], []
    for path in listing:
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if not line.strip():
                continue
            cells = line.rstrip("\r").split("\t")
            place = cells[-1].strip().removeprefix("./")
            try:
                values = np.array([float(cell) for cell in cells[1:-1]], np.float32)
            except ValueError:
                values = np.zeros(0, np.float32)
            if not len(values) or not np.isfinite(values).all():
                raise DataError(
                    f"Line {number} of {path.name} cannot be read",
                    why=repr(line[:80]),
                    fix="Write the index, the class and the picture's path, apart by tabs",
                )
            if place not in places:
                raise DataError(
                    f"Line {number} of {path.name} names a picture that is not there",
                    why=f"The channel has no {place[:100]!r}",
                    fix="Give paths relative to the channel's folder",
                )
            stored.append(Stored(place, places[place]))
            labels.append(values)
    return labelled(stored, labels, classes, several=several, form=form)


def _json_labels(raw: bytes, picture: Stored) -> Labels:
    """Read a manifest's classes: a number, a number in quotes, or a list, which may be text again."""
    try:
        value: Any = json.loads(raw)
        if isinstance(value, str):
            value = json.loads(value)
        found = np.asarray(value, np.float32).reshape(-1)
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise DataError(
            f"The class of {picture.name} cannot be read", why=repr(raw[:60]), fix="Write a number, or a list of them"
        ) from error
    if not np.isfinite(found).all():
        raise DataError(f"The class of {picture.name} is not finite", why=repr(raw[:60]), fix="Write whole numbers")
    return found


def _coded(
    pictures: Sequence[Stored], labels: Sequence[Labels], classes: int, several: bool, form: str
) -> NDArray[Any]:
    """Return (n,) codes, or (n, K) of 0 and 1."""
    if not several:
        wrong = next((i for i, values in enumerate(labels) if len(values) != 1 or values[0] % 1), -1)
        if wrong >= 0:
            raise _classes(pictures[wrong], labels[wrong], "one whole number; set multi_label to 1 for several")
        codes = np.array([values[0] for values in labels]).astype(np.int64)
        outside = np.flatnonzero((codes < 0) | (codes >= classes))
        if len(outside):
            raise _classes(pictures[outside[0]], labels[outside[0]], f"a number from 0 to {classes - 1}")
        return codes
    hot = np.zeros((len(labels), classes), np.float32)
    for i, values in enumerate(labels):
        if form == "class-id":
            if (values % 1).any() or (len(values) and (values.min() < 0 or values.max() >= classes)):
                raise _classes(pictures[i], values, f"numbers from 0 to {classes - 1}")
            hot[i, values.astype(np.int64)] = 1.0
        else:
            if values.shape != (classes,) or not np.isin(values, (0.0, 1.0)).all():
                raise _classes(pictures[i], values, f"{classes} numbers, each 0 or 1")
            hot[i] = values
    return hot


def _classes(picture: Stored, values: Labels, wanted: str) -> DataError:
    return DataError(
        f"The classes of {picture.name} do not fit", why=f"They are {values[:10].tolist()}", fix=f"Give {wanted}"
    )
