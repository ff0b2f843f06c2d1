"""How versions are named: ``group/version``, ``group`` (the latest) or ``group@approved``; before it a realm if any."""

from tarragon.engine import valid_name
from tarragon.errors import ParameterError

AT = "."  # between a realm and a group; neither holds one


def parts(name: str) -> tuple[str, int | None, bool]:
    """Read a name: group, version if one is named, and whether it must be approved.

    Raises ``ParameterError`` when it is none.

    Examples
    --------
    >>> parts("churn/2"), parts("churn"), parts("eu-west-1.churn@approved")
    (('churn', 2, False), ('churn', None, False), ('eu-west-1.churn', None, True))
    """
    group, at, state = name.partition("@")
    group, slash, version = group.partition("/")
    digits = version.isascii() and version.isdigit()
    if (slash and not digits) or (at and (slash or state != "approved")):
        raise ParameterError(
            f"{name!r} names no version",
            why="A name is a model's, with /VERSION for one version or @approved for the latest approved one",
            fix=f"Write for example {group or 'churn'}/1, {group or 'churn'} or {group or 'churn'}@approved",
        )
    return group, int(version) if digits else None, bool(at)


def qualified(group: str, realm: str = "") -> str:
    """Say a model's name among all realms. Raises ``ParameterError`` for what is no name.

    Examples
    --------
    >>> qualified("churn"), qualified("churn", "eu-west-1")
    ('churn', 'eu-west-1.churn')
    """
    name = valid_name(group, "model name")
    return f"{valid_name(realm, 'realm')}{AT}{name}" if realm else name


def unqualified(name: str) -> tuple[str, str]:
    """Take a realm off a name.

    Examples
    --------
    >>> unqualified("churn"), unqualified("eu-west-1.churn")
    (('', 'churn'), ('eu-west-1', 'churn'))
    """
    realm, at, group = name.partition(AT)
    return (realm, group) if at else ("", name)
