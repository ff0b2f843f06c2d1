"""Where everything lives, and the one rule by which a name may become a path.

::

    $TARRAGON_HOME
    ├── tarragon.db                jobs, events, packages, audit
    ├── objects/<bucket>/<key>     plain files: what ``s3://`` means locally
    ├── objects/.meta/             what is known of them beside their bytes, and unfinished uploads
    ├── jobs/<kind>/<name>/        one folder per job
    └── machine.json               how fast this machine is, measured once
"""

import os
import re
from pathlib import Path
from urllib.parse import unquote

from tarragon.errors import ParameterError

NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")  # SageMaker's pattern for job names
NAME_LENGTH = 63
PART_BYTES = 255  # longest file name on ext4, xfs, APFS and NTFS
DECODINGS = 4  # %25252e… unwraps one layer per pass; nobody nests an honest key deeper


def home() -> Path:
    """Say where Tarragon keeps its things: ``$TARRAGON_HOME``, or the platform's user data folder.

    The folder is not created; :meth:`tarragon.engine.Workspace.open` does that.
    """
    if told := os.environ.get("TARRAGON_HOME"):
        return Path(told).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("tarragon", appauthor=False))


def valid_name(name: str, what: str = "name") -> str:
    """Return a job's name or kind unchanged if it is one.

    Raises
    ------
    ParameterError
        Unless it is 1 to 63 letters, digits and inner hyphens.

    Examples
    --------
    >>> valid_name("churn-2")
    'churn-2'
    """
    if len(name) <= NAME_LENGTH and NAME.fullmatch(name):
        return name
    raise ParameterError(
        f"{name[:80]!r} cannot be a {what}",
        why=f"a {what} is 1 to {NAME_LENGTH} letters, digits and hyphens, with a letter or digit at both ends",
        fix=f'For example "{suggested(name)}"',
    )


def suggested(text: str) -> str:
    """Make the nearest valid name out of any text, such as a file's.

    Examples
    --------
    >>> suggested("Churn data (2).csv")
    'Churn-data-2-csv'
    """
    words = re.sub(r"[^a-zA-Z0-9]+", "-", text).strip("-")[:NAME_LENGTH].strip("-")
    return words or "run"


def contained(root: Path, name: str) -> Path:
    """Turn a name from outside into a path that is surely inside ``root``.

    Parameters
    ----------
    root : Path
        The folder that must not be left.
    name : str
        Relative, parts separated by "/".

    Raises
    ------
    ParameterError
        For an absolute name, an empty, "." or ".." part (also percent-encoded), a NUL or other control character, a
        backslash, a part longer than a file name may be, or a symbolic link that leads out of ``root``.
    """
    if reason := danger(name):
        raise _refusal(name, reason)
    inside = root.resolve()
    path = (inside / name).resolve()
    if path == inside or not path.is_relative_to(inside):
        raise _refusal(name, "it leads out of its folder")
    return path


def danger(name: str) -> str:
    """Say why a name must not become a path; "" when it may.

    Examples
    --------
    >>> danger("a/../b")
    'it has an empty, "." or ".." part'
    """
    decoded = name
    for _ in range(DECODINGS):
        if reason := _danger_as_written(decoded):
            return reason
        decoded, before = unquote(decoded), decoded
        if decoded == before:
            return ""
    return "it is percent-encoded several times over"


def _danger_as_written(name: str) -> str:
    if any(ord(c) < 32 or ord(c) == 127 for c in name):
        return "it holds a control character"
    if "\\" in name:
        return "it holds a backslash"
    parts = name.split("/")
    if name.startswith("/") or re.match(r"[a-zA-Z]:", name):
        return "it is absolute"
    if any(part in ("", ".", "..") for part in parts):
        return 'it has an empty, "." or ".." part'
    if any(len(part.encode(errors="surrogatepass")) > PART_BYTES for part in parts):
        return f"a part of it is longer than {PART_BYTES} bytes"
    return ""


def _refusal(name: str, reason: str) -> ParameterError:
    return ParameterError(
        f"{name[:80]!r} is not allowed as a name",
        why=reason,
        fix='Use a relative name such as "folder/file.csv"',
    )
