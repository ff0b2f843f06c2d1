r"""The part of JSONPath that batch transform knows: from the root down by names, places and slices.

::

    $  $.a.b  $['a']  $[0]  $[-1]  $[1:]  $[0,2]  $.a[:2]  $[*]
"""

import re
from collections.abc import Callable
from typing import Any

from tarragon.errors import ParameterError

STEP = re.compile(
    r"""\.(?P<name>[A-Za-z_][\w-]*)
      | \['(?P<quoted>(?:[^'\\]|\\.)*)'\] | \["(?P<double>(?:[^"\\]|\\.)*)"\]
      | \[(?P<slice>-?\d*:-?\d*(?::-?\d*)?)\]
      | \[(?P<places>-?\d+(?:\s*,\s*-?\d+)*)\]
      | \[(?P<all>\*)\]""",
    re.VERBOSE,
)
LONGEST = 63  # characters, as SageMaker allows for a filter
Step = Callable[[Any], Any]


class JsonPath:
    """A path, read once and applied to many values.

    Parameters
    ----------
    text : str

    Examples
    --------
    >>> JsonPath("$[1:]").of([5, 6, 7]), JsonPath("$[0,2]").of([5, 6, 7]), JsonPath("$.a['b']").of({"a": {"b": 1}})
    ([6, 7], [5, 7], 1)
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip() or "$"
        self.whole = self.text == "$"
        self._steps = _steps(self.text)

    def of(self, value: Any) -> Any:
        """Take what the path leads to. Raises ``ParameterError`` when there is nothing."""
        for step in self._steps:
            try:
                value = step(value)
            except (KeyError, IndexError, TypeError, AttributeError):
                raise ParameterError(
                    f"The filter {self.text} finds nothing",
                    why=f"in {str(value)[:100]}",
                    fix="Check it with one record",
                ) from None
        return value


def _steps(text: str) -> list[Step]:
    if not text.startswith("$"):
        raise _wrong(text, "it does not begin with $")
    found, at = [], 1
    while at < len(text):
        matched = STEP.match(text, at)
        if matched is None:
            raise _wrong(text, f"{text[at:][:20]!r} is no step of it")
        found.append(_step(matched))
        at = matched.end()
    return found


def _step(matched: "re.Match[str]") -> Step:
    groups = {name: text for name, text in matched.groupdict().items() if text is not None}
    kind, text = next(iter(groups.items()))
    if kind == "all":
        return lambda value: list(value.values()) if isinstance(value, dict) else list(value)
    if kind == "slice":
        parts = [int(each) if each else None for each in text.split(":")]
        return lambda value: _listed(value)[slice(*parts)]
    if kind == "places":
        places = [int(each) for each in text.split(",")]
        if len(places) == 1:
            return lambda value: _listed(value)[places[0]]
        return lambda value: [_listed(value)[place] for place in places]
    name = re.sub(r"\\(.)", r"\1", text)
    return lambda value: value[name] if isinstance(value, dict) else _nothing()


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _nothing() -> Any:
    raise KeyError


def _wrong(text: str, why: str) -> ParameterError:
    return ParameterError(f"{text[:LONGEST]!r} is no filter", why=why, fix="For example $[1:], $[0,2] or $.features")
