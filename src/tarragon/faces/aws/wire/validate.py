"""An operation's input held against the model's constraints, in AWS's words.

Client libraries check types, required members and minima; patterns, enums and maxima are left to the server.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from botocore.model import Shape

from tarragon.faces.aws.error import AwsError

CODES: Mapping[str, str] = {
    "sagemaker-runtime": "ValidationError", "logs": "InvalidParameterException", "sts": "ValidationError",
    "iam": "ValidationError", "cloudwatch": "InvalidParameterValue", "s3": "InvalidRequest",
}  # fmt: skip
"""What each service calls a broken constraint; "ValidationException" elsewhere."""
SHOWN = 200  # characters of an offending value that a message repeats
LOOK_MAX = 100_000  # a text longer than any name is not held against a pattern: nobody's regular expression is linear
# Java's Unicode classes, as far as models use them, by a superset that Python's expressions know.
CLASSES = {
    r"\p{L}": r"\w",
    r"\p{Z}": r"\s",
    r"\p{N}": r"\d",
    r"\p{M}": "",
    r"\p{S}": r"$+<=>^`|~",
    r"\p{P}": r"!-/:-@_",
}


def check(service: str, shape: Shape | None, params: Mapping[str, Any]) -> None:
    """Raise ``AwsError`` with every constraint that is broken."""
    if shape is None:
        return
    broken = list(_broken(shape, params, ""))
    if broken:
        count = f"{len(broken)} validation error{'s' if len(broken) > 1 else ''} detected: "
        raise AwsError(CODES.get(service, "ValidationException"), count + "; ".join(broken))


def _broken(shape: Shape, value: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    if kind == "structure":
        yield from _broken_structure(shape, value, path)
        return
    yield from _out_of_range(shape, value, path)
    if kind == "list":
        for i, each in enumerate(value):
            yield from _broken(shape.member, each, f"{path}.{i + 1}.member")
    elif kind == "map":
        for key, each in value.items():
            yield from _broken(shape.key, key, f"{path}.key")
            yield from _broken(shape.value, each, f"{path}.{str(key)[:SHOWN]}.member")
    elif kind == "string":
        yield from _unlike(shape, value, path)


def _broken_structure(shape: Any, value: Mapping[str, Any], path: str) -> Iterator[str]:
    if shape.is_document_type:
        return
    for name in shape.required_members:
        member = shape.members[name]
        if value.get(name) is None and not member.serialization.get("streaming"):
            yield f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must not be null"
    if shape.is_tagged_union and len(value) != 1:
        known = ", ".join(shape.members)
        yield f"Value at '{path}' failed to satisfy constraint: Member must have exactly one of [{known}]"
    for name, given in value.items():
        if name in shape.members and not shape.members[name].serialization.get("streaming"):
            yield from _broken(shape.members[name], given, _join(path, name))


def _out_of_range(shape: Shape, value: Any, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is None and high is None:
        return
    number = shape.type_name in ("integer", "long", "float", "double")
    size = value if number else len(value)
    words = "have value" if number else "have length"
    if low is not None and size < low:
        yield _fault(shape, value, path, f"{words} greater than or equal to {low}")
    if high is not None and size > high:
        yield _fault(shape, value, path, f"{words} less than or equal to {high}")


def _unlike(shape: Shape, value: str, path: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield _fault(shape, value, path, f"satisfy enum value set: [{', '.join(shape.enum)}]")
    pattern = shape.metadata.get("pattern")
    high = shape.metadata.get("max")
    if not pattern or (high is not None and len(value) > high) or len(value) > LOOK_MAX:
        return
    compiled = _compiled(pattern)
    if compiled is not None and not compiled.fullmatch(value):
        yield _fault(shape, value, path, f"satisfy regular expression pattern: {pattern}")


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Make a model's expression one of Python's; None for what Python cannot read."""
    text = pattern
    for java, ours in CLASSES.items():
        text = text.replace(java, ours)
    try:
        return re.compile(text, re.DOTALL)
    except re.error:
        return None


def _fault(shape: Shape, value: Any, path: str, must: str) -> str:
    shown = "***" if shape.metadata.get("sensitive") else str(value)[:SHOWN]
    return f"Value '{shown}' at '{path}' failed to satisfy constraint: Member must {must}"


def _join(path: str, name: str) -> str:
    name = name[:1].lower() + name[1:]
    return f"{path}.{name}" if path else name
