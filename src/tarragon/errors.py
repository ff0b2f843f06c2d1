"""The family of errors: each says what happened, why, and how to fix it.

::

    TarragonError
    ├── DataError           the table or file cannot be used as it is
    ├── ParameterError      a setting or hyperparameter is out of its declared range
    ├── NotFittedError      predict or save before fit
    ├── NotFoundError       no such run, package, algorithm or object
    ├── MissingExtraError   an optional part of Tarragon is not installed
    ├── ConflictError       the thing exists already, or changed since it was read
    ├── IntegrityError      bytes on disk are not the bytes that were recorded
    ├── StorageError        the disk, database or object store refused
    └── JobError            a job ended without doing its work
"""

from collections.abc import Iterable
from difflib import get_close_matches


class TarragonError(Exception):
    """Base of the family.

    Parameters
    ----------
    what : str
        What happened, one sentence without a full stop.
    why : str
        The reason, with the offending value.
    fix : str
        What the reader can do next.
    """

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        self.what, self.why, self.fix = what, why, fix
        super().__init__(". ".join(part for part in (what, why, fix) if part))


class DataError(TarragonError, ValueError):
    """The table or file cannot be used as it is."""


class ParameterError(TarragonError, ValueError):
    """A setting or hyperparameter is out of its declared range."""


class NotFittedError(TarragonError, AttributeError):
    """A model was asked to predict or save before it was fitted."""


class NotFoundError(TarragonError, KeyError):
    """No such run, package, algorithm or object."""

    __str__ = Exception.__str__  # KeyError would print the repr


class MissingExtraError(TarragonError, ImportError):
    """An optional part of Tarragon is not installed."""


class ConflictError(TarragonError):
    """The thing exists already, or changed since it was read."""


class IntegrityError(TarragonError):
    """Bytes on disk are not the bytes that were recorded."""


class StorageError(TarragonError, OSError):
    """The disk, database or object store refused."""

    __str__ = Exception.__str__


class JobError(TarragonError, RuntimeError):
    """A job ended without doing its work."""


def near_miss(name: str, known: Iterable[str]) -> str:
    """Name what was probably meant.

    Examples
    --------
    >>> near_miss("chrned", ["churned", "tenure"])
    'Did you mean "churned"?'
    >>> near_miss("zzz", ["a", "b"])
    'Known: a, b'
    """
    names = list(known)
    close = get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return "Did you mean " + " or ".join(f'"{c}"' for c in close) + "?"
    shown = ", ".join(names[:12])
    return f"Known: {shown}" + (f" and {len(names) - 12} more" if len(names) > 12 else "")
