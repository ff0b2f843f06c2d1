"""Lists as AWS gives them: filtered, sorted, and a page at a time with a token that says where the next one begins.

Where items have names, a token says after which item its page begins: what is made or deleted between two pages
neither repeats an item nor hides one.
"""

import base64
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tarragon.faces.aws.error import AwsError, invalid

Item = Mapping[str, Any]
Rank = tuple[int, Any, str]
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

    def rank(item: Item) -> Rank:
        return _rank(item, by, name)

    chosen.sort(key=rank, reverse=descending)
    if not name:
        return cut(chosen, params)
    size = int(params.get("MaxResults") or DEFAULT_RESULTS)
    if params.get("NextToken"):
        last = _last(params["NextToken"])
        chosen = [item for item in chosen if (rank(item) < last if descending else rank(item) > last)]
    found = chosen[:size]
    return found, _written({"after": rank(found[-1])}) if found and size < len(chosen) else None


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
    return _written({"at": at})


def place(text: str) -> int:
    """Read a token. Raises ``AwsError``."""
    at = _read(text).get("at")
    if not isinstance(at, int) or isinstance(at, bool) or not 0 <= at < 2**40:
        raise _forged()
    return at


def _last(text: str) -> Rank:
    """Read after which item a page begins. Raises ``AwsError``."""
    match _read(text).get("after"):
        case [0, "", str(name)]:
            return 0, "", name
        case [1, int(value) | float(value), str(name)] if math.isfinite(value):
            return 1, value, name
        case [2, str(value), str(name)]:
            return 2, value, name
    raise _forged()


def _written(content: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


def _read(text: str) -> Mapping[str, Any]:
    try:
        content = json.loads(base64.b64decode(text.encode(), altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        raise _forged() from None
    if not isinstance(content, dict):
        raise _forged()
    return content


def _forged() -> AwsError:
    return invalid("Invalid NextToken: it was not given by this operation")


def _fits(item: Item, params: Mapping[str, Any], name: str, status: str) -> bool:
    contains = params.get("NameContains")
    if contains and contains.lower() not in str(item.get(name, "")).lower():
        return False
    if params.get("StatusEquals") and item.get(status) != params["StatusEquals"]:
        return False
    return all(
        test(_moment(item.get(member)), _moment(params[word]))
        for word, (member, test) in FILTERS.items()
        if params.get(word) is not None
    )


def _moment(value: Any) -> float:
    return value.timestamp() if isinstance(value, datetime) else float(value or 0)


def _rank(item: Item, by: str, name: str) -> Rank:
    """Give an item its place: nothing, then numbers and moments, then words; equal ones by name."""
    value, called = item.get(by), str(item.get(name, ""))
    if isinstance(value, datetime):
        value = value.timestamp()
    if value is None:
        return 0, "", called
    if isinstance(value, (int, float)) and math.isfinite(value):
        return 1, value, called
    return 2, str(value).lower(), called
