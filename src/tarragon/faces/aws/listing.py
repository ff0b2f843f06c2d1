"""Lists as AWS gives them: filtered, sorted, and a page at a time with a token that says where the next one begins."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tarragon.faces.aws.protocol import invalid

Item = Mapping[str, Any]
DEFAULT_RESULTS = 10
FILTERS: Mapping[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "CreationTimeAfter": ("CreationTime", lambda value, bound: value >= bound),
    "CreationTimeBefore": ("CreationTime", lambda value, bound: value <= bound),
    "CreatedAfter": ("CreationTime", lambda value, bound: value >= bound),
    "CreatedBefore": ("CreationTime", lambda value, bound: value <= bound),
    "LastModifiedTimeAfter": ("LastModifiedTime", lambda value, bound: value >= bound),
    "LastModifiedTimeBefore": ("LastModifiedTime", lambda value, bound: value <= bound),
}


def page(
    items: Iterable[Item],
    params: Mapping[str, Any],
    *,
    name: str = "",
    status: str = "",
    order: str = "Descending",
    sort: str = "CreationTime",
) -> tuple[list[Item], str | None]:
    """Filter, sort and cut a list.

    Parameters
    ----------
    items : iterable of mapping
        Summaries as they will be answered.
    params : mapping
        The request: its time filters, NameContains, StatusEquals, SortBy, SortOrder, MaxResults and NextToken.
    name, status : str
        Members that hold the name and the status.
    order, sort : str
        Defaults of SortOrder and SortBy.

    Returns
    -------
    (list of mapping, str or None)
        One page, and the token of the next.

    Raises
    ------
    AwsError
        For a token that was not given by such a request.
    """
    chosen = [item for item in items if _fits(item, params, name, status)]
    by = {"Name": name, "Status": status}.get(params.get("SortBy", sort), params.get("SortBy", sort))
    descending = params.get("SortOrder", order) == "Descending"
    chosen.sort(key=lambda item: _rank(item, by, name), reverse=descending)
    return cut(chosen, params)


def cut(items: Sequence[Item], params: Mapping[str, Any], size: int = DEFAULT_RESULTS) -> tuple[list[Item], str | None]:
    """Take a page out of a list that is in order already; tokens are opaque but survive changes of the list's end."""
    start = place(params["NextToken"]) if params.get("NextToken") else 0
    end = start + int(params.get("MaxResults") or size)
    return list(items[start:end]), token(end) if end < len(items) else None


def token(at: int) -> str:
    """Write a token.

    Examples
    --------
    >>> place(token(30))
    30
    """
    return base64.urlsafe_b64encode(json.dumps({"at": at}).encode()).decode()


def place(text: str) -> int:
    """Read a token. Raises ``AwsError``."""
    try:
        at = json.loads(base64.urlsafe_b64decode(text.encode()))["at"]
    except (ValueError, TypeError, KeyError, binascii.Error):
        at = None
    if not isinstance(at, int) or isinstance(at, bool) or not 0 <= at < 2**40:
        raise invalid("Invalid NextToken: it was not given by this operation")
    return at


def _fits(item: Item, params: Mapping[str, Any], name: str, status: str) -> bool:
    contains = params.get("NameContains")
    if contains and contains.lower() not in str(item.get(name, "")).lower():
        return False
    if params.get("StatusEquals") and item.get(status) != params["StatusEquals"]:
        return False
    return all(
        test(item.get(member, 0), params[word])
        for word, (member, test) in FILTERS.items()
        if params.get(word) is not None
    )


def _rank(item: Item, by: str, name: str) -> tuple[Any, str]:
    value = item.get(by)
    return (
        "" if value is None else value if isinstance(value, (int, float)) else str(value).lower(),
        str(item.get(name, "")),
    )
