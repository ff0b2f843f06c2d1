"""How an object's key becomes a path: unchanged wherever that is safe, else escaped so that it can be read back.

A key's parts are file and folder names as they stand. A part that no file can be called, such as "..", "", one with a
control character or of 300 bytes, is written ``~~`` and then with ``~XX`` for its unsafe bytes; a long one is cut into
folders whose names end with ``~+``. An object that shares its name with a folder (``a`` beside ``a/b``) is the file
``~~a~.``. Nobody's own file names begin with two tildes; if one did, its object would be escaped too.
"""

import re

from tarragon.engine.layout import danger

MARK = "~~"
CONTINUED = "~+"
BESIDE = "~."
PIECE_BYTES = 200  # of an escaped name; with its mark and suffix it stays well below 255
PLAIN = re.compile(r"[A-Za-z0-9_=+@,() -][A-Za-z0-9_.=+@,() -]{0,199}")  # surely safe: most names end here
FOLDED_PLAIN = re.compile(r"[a-z0-9_=+@,() -][a-z0-9_.=+@,() -]{0,199}")
ESCAPED = re.compile(rb"~([0-9A-F]{2})")


def names_of(part: str, *, folded: bool = False, beside: bool = False) -> list[str]:
    """Write one part of a key as file names: the last is the file or folder, those before it folders around it.

    Parameters
    ----------
    part : str
        Without "/".
    folded : bool
        The disk takes "A" and "a" for the same name: capitals and letters beyond ASCII are escaped too.
    beside : bool
        For an object whose own name is a folder.

    Examples
    --------
    >>> names_of("model.tar.gz"), names_of(".."), names_of("a", beside=True), names_of("Ab", folded=True)
    (['model.tar.gz'], ['~~~2E~2E'], ['~~a~.'], ['~~~41b'])
    """
    if not beside:
        if (FOLDED_PLAIN if folded else PLAIN).fullmatch(part):
            return [part]
        foldable = folded and not (part.isascii() and part == part.lower())
        if part and not part.startswith(MARK) and not foldable and not danger(part):
            return [part]
    pieces, piece = [], ""
    dots = part.strip(".") == ""
    for letter in part:
        written = letter if _safe(letter, folded) and not (dots and letter == ".") else _hexadecimal(letter)
        if len((piece + written).encode()) > PIECE_BYTES:
            pieces.append(MARK + piece + CONTINUED)
            piece = ""
        piece += written
    return [*pieces, MARK + piece + (BESIDE if beside else "")]


def part_of(name: bytes) -> tuple[bytes, str]:
    """Read a file name back: the part of the key, and "", :data:`CONTINUED` or :data:`BESIDE`.

    Examples
    --------
    >>> part_of(b"~~~2E~2E"), part_of(b"plain"), part_of(b"~~a~.")
    ((b'..', ''), (b'plain', ''), (b'a', '~.'))
    """
    if not name.startswith(MARK.encode()):
        return name, ""
    suffix = next((each for each in (CONTINUED, BESIDE) if name.endswith(each.encode())), "")
    body = name[len(MARK) : len(name) - len(suffix)]
    return ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), body), suffix


def _safe(letter: str, folded: bool) -> bool:
    if ord(letter) < 32 or ord(letter) == 127 or letter in "\\%~:/":
        return False
    return not folded or (letter.isascii() and not letter.isupper())


def _hexadecimal(letter: str) -> str:
    return "".join(f"~{byte:02X}" for byte in letter.encode())
