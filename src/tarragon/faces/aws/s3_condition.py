"""Requests that depend on what is there, and requests for some of an object's bytes (RFC 9110, sections 13 and 14)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tarragon.engine import Stored
from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.s3_object import http_date, no_such_key, quoted

RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Run:
    """Some of an object's bytes.

    Parameters
    ----------
    start, size : int
    whole : int
        Bytes the object has.
    """

    start: int
    size: int
    whole: int

    @property
    def text(self) -> str:
        """As Content-Range says it."""
        return f"bytes {self.start}-{self.start + self.size - 1}/{self.whole}"


def check_read(params: Mapping[str, Any], stored: Stored) -> None:
    """Stop a read whose conditions do not hold: 412, or 304 when the reader has these bytes already."""
    changed = int(stored.modified)
    if (wanted := params.get("IfMatch")) is not None:
        if not matches(wanted, stored.tag):
            raise failed("If-Match")
    elif (since := params.get("IfUnmodifiedSince")) is not None and changed > since:
        raise failed("If-Unmodified-Since")
    if (known := params.get("IfNoneMatch")) is not None:
        if matches(known, stored.tag):
            raise _unchanged(stored)
    elif (since := params.get("IfModifiedSince")) is not None and changed <= since:
        raise _unchanged(stored)


def check_copy(params: Mapping[str, Any], stored: Stored) -> None:
    """Stop a copy whose source's conditions do not hold: always 412."""
    named = {
        name.removeprefix("CopySource"): value for name, value in params.items() if name.startswith("CopySourceIf")
    }
    try:
        check_read(named, stored)
    except AwsError as error:
        raise failed(str(error.fields.get("Condition", "x-amz-copy-source-If-None-Match"))) from None


def check_write(params: Mapping[str, Any], key: str, stored: Stored | None) -> None:
    """Stop a write or removal whose conditions do not hold."""
    if params.get("IfNoneMatch") is not None and stored is not None and matches(params["IfNoneMatch"], stored.tag):
        raise failed("If-None-Match")
    if (wanted := params.get("IfMatch")) is not None:
        if stored is None:
            raise no_such_key(key)
        if not matches(wanted, stored.tag):
            raise failed("If-Match")


def check_removal(params: Mapping[str, Any], stored: Stored | None) -> None:
    """Stop a removal whose conditions do not hold; nothing there is fine."""
    if stored is None:
        return
    if (wanted := params.get("IfMatch", params.get("ETag"))) is not None and not matches(wanted, stored.tag):
        raise failed("If-Match")
    size = params.get("IfMatchSize", params.get("Size"))
    if size is not None and size != stored.size_bytes:
        raise failed("x-amz-if-match-size")
    time = params.get("IfMatchLastModifiedTime", params.get("LastModifiedTime"))
    if time is not None and int(time) != int(stored.modified):
        raise failed("x-amz-if-match-last-modified-time")


def matches(header: str, tag: str) -> bool:
    """Whether a list of tags, or "*", holds a tag.

    Examples
    --------
    >>> matches('"a", "b"', "b"), matches("*", "x"), matches("b", "b"), matches('"a"', "b")
    (True, True, True, False)
    """
    return any(each.strip().removeprefix("W/").strip('"') in (tag, "*") for each in header.split(","))


def failed(condition: str) -> AwsError:
    """Make the error of a condition that does not hold."""
    return AwsError(
        "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", status=412,
        fields={"Condition": condition},
    )  # fmt: skip


def run_of(params: Mapping[str, Any], stored: Stored) -> Run | None:
    """Say which bytes are asked for; None for all of them, also when the range makes no sense or is several.

    Raises
    ------
    AwsError
        ``InvalidRange`` (416), ``InvalidPartNumber`` (416).
    """
    if (number := params.get("PartNumber")) is not None:
        return _part(number, stored)
    found = RANGE.fullmatch(str(params.get("Range") or "").replace(" ", ""))
    if found is None or found[1] == found[2] == "":
        return None
    size = stored.size_bytes
    if found[1]:
        start, end = int(found[1]), min(int(found[2]) if found[2] else size - 1, size - 1)
        if found[2] and int(found[2]) < start:
            return None
    else:
        start, end = max(0, size - int(found[2])), size - 1
    if start > end:
        raise AwsError(
            "InvalidRange", "The requested range is not satisfiable", status=416,
            fields={"RangeRequested": params["Range"], "ActualObjectSize": size},
            headers={"content-range": f"bytes */{size}"},
        )  # fmt: skip
    return Run(start, end - start + 1, size)


def _part(number: int, stored: Stored) -> Run:
    sizes = stored.facts.get("parts") or [stored.size_bytes]
    if not 1 <= number <= len(sizes):
        raise AwsError(
            "InvalidPartNumber", "The requested partnumber is not satisfiable", status=416,
            fields={"PartNumberRequested": number, "ActualPartCount": len(sizes)},
        )  # fmt: skip
    return Run(sum(sizes[: number - 1]), sizes[number - 1], stored.size_bytes)


def _unchanged(stored: Stored) -> AwsError:
    headers = {"etag": quoted(stored.tag), "last-modified": http_date(stored.modified)}
    return AwsError("NotModified", "Not Modified", status=304, headers=headers)
