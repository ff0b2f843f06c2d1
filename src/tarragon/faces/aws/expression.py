"""Search expressions over documents: paths into them, operators, and how several conditions join. Pure."""

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tarragon.faces.aws.error import invalid

Document = Mapping[str, Any]
COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": operator.gt, "GreaterThanOrEqualTo": operator.ge, "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}  # fmt: skip
METRIC = {name.lower(): name for name in ("Max", "Min", "Last", "Count", "Avg", "StdDev")}


def matches(document: Document, expression: Document) -> bool:
    """Whether a document fits an expression; an empty one fits all.

    Examples
    --------
    >>> words = {"Filters": [{"Name": "HyperParameters.eta", "Operator": "LessThan", "Value": "0.5"}]}
    >>> matches({"HyperParameters": {"eta": "0.1"}}, words), matches({"HyperParameters": {"eta": "0.9"}}, words)
    (True, False)
    """
    found = [_fits(list(values(document, each["Name"])), each) for each in expression.get("Filters") or ()]
    found += [_nested(document, each) for each in expression.get("NestedFilters") or ()]
    found += [matches(document, each) for each in expression.get("SubExpressions") or ()]
    if not found:
        return True
    return any(found) if expression.get("Operator") == "Or" else all(found)


def values(document: Any, path: str) -> Iterator[Any]:
    """Yield what a path leads to; through lists, to every element's.

    Examples
    --------
    >>> list(values({"Tags": [{"Key": "team", "Value": "a"}]}, "Tags.team"))
    ['a']
    >>> list(values({"Parents": [{"TrialName": "t"}, {"TrialName": "u"}]}, "Parents.TrialName"))
    ['t', 'u']
    """
    if not path:
        yield document
    elif isinstance(document, Mapping):
        for name, rest in _steps(document, path):
            yield from values(document[name], rest)
    elif isinstance(document, list):
        for each in document:
            yield from _named(each, path) if isinstance(each, Mapping) else ()


def rank(document: Document, path: str) -> tuple[int, Any]:
    """Give a document its place in an order by a path: numbers, then words, then what has none."""
    value = next(values(document, path), None)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return 0, value
    return (2, "") if value is None else (1, str(value))


def _steps(document: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Split a path where it fits: names of hyperparameters and metrics may hold dots themselves."""
    parts = path.split(".")
    lower = {str(name).lower(): name for name in document}  # "metrics.loss.max" is asked for, too
    for n in range(len(parts), 0, -1):
        name = ".".join(parts[:n])
        name = name if name in document else lower.get(name.lower(), "")
        if name:
            yield name, ".".join(parts[n:])
            return


def _named(each: Mapping[str, Any], path: str) -> Iterator[Any]:
    """Look into an element of a list: tags by key, metrics by name, anything else by its members."""
    if "Key" in each and set(each) <= {"Key", "Value"}:
        if path == each["Key"]:
            yield each["Value"]
        elif path in ("Key", "Value"):
            yield each[path]
        return
    name = each.get("MetricName")
    if name is not None and (path == name or path.startswith(f"{name}.")):
        rest = path[len(name) + 1 :]
        yield each.get(METRIC[rest.lower()]) if rest.lower() in METRIC else each.get("Value", each.get("Last"))
        return
    yield from values(each, path)


def _fits(found: list[Any], condition: Document) -> bool:
    word, wanted = condition.get("Operator", "Equals"), condition.get("Value")
    there = [each for each in found if each is not None]
    if word == "Exists":
        return bool(there)
    if word == "NotExists":
        return not there
    if wanted is None:
        raise invalid(f"The filter on {condition['Name']} needs a Value for {word}")
    if word == "NotEquals":
        return not any(_equal(each, wanted) for each in there)
    return any(_holds(each, word, wanted) for each in there)


def _holds(value: Any, word: str, wanted: str) -> bool:
    if word == "Equals":
        return _equal(value, wanted)
    if word == "Contains":
        return wanted.lower() in str(value).lower()
    if word == "In":
        return any(_equal(value, each.strip()) for each in wanted.split(","))
    left, right = _comparable(value, wanted)
    return left is not None and COMPARISONS[word](left, right)


def _equal(value: Any, wanted: str) -> bool:
    left, right = _comparable(value, wanted)
    return str(value) == wanted or (left is not None and left == right)


def _comparable(value: Any, wanted: str) -> tuple[float | None, float]:
    """Read both as numbers, or as moments; (None, 0) when they are neither."""
    from tarragon.faces.aws.wire.parse import moment

    if isinstance(value, bool):
        return (1.0 if value else 0.0), {"true": 1.0, "false": 0.0}.get(wanted.lower(), -1.0)
    left, right = moment(str(value)), moment(wanted)
    return (None, 0.0) if left == float("inf") or right == float("inf") else (left, right)


def _nested(document: Document, condition: Document) -> bool:
    """Whether one element of a list fits every filter, each named from the list's own path on."""
    path = condition["NestedPropertyName"]
    elements = [each for found in values(document, path) for each in (found if isinstance(found, list) else [found])]
    for element in elements:
        filters = [{**each, "Name": each["Name"].removeprefix(f"{path}.")} for each in condition["Filters"]]
        if all(_fits(list(values(element, each["Name"])), each) for each in filters):
            return True
    return False
