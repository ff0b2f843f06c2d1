"""The service models that botocore ships, loaded once: operations by name, protocols, and which URI means which."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

Protocol = str
"""Of "json", "rest-json", "rest-xml", "query", "smithy-rpc-v2-cbor"."""
LABEL = re.compile(r"\{(\w+)(\+?)\}")


@lru_cache(maxsize=64)
def service_model(name: str) -> ServiceModel:
    """Load a service's model by botocore's name ("sagemaker-runtime")."""
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


@lru_cache(maxsize=4096)
def operation_model(service: str, operation: str) -> OperationModel | None:
    """Find an operation; None when the service has none of that name."""
    model = service_model(service)
    return model.operation_model(operation) if operation in model.operation_names else None


@lru_cache(maxsize=64)
def function_names(service: str) -> Mapping[str, str]:
    """Map each operation to the name of the function that answers it (``CreateModel`` → ``create_model``)."""
    return {name: xform_name(name) for name in service_model(service).operation_names}


@dataclass(frozen=True, slots=True)
class Pattern:
    """One operation's place among URIs.

    Parameters
    ----------
    operation : str
    method : str
    path : re.Pattern
        Over the percent-encoded path, a group per label.
    literals : tuple of (str, str)
        Query parameters the URI fixes, as ``list-type=2``.
    queries, headers : tuple of str
        Those that must be there.
    """

    operation: str
    method: str
    path: re.Pattern[str]
    literals: tuple[tuple[str, str], ...]
    queries: tuple[str, ...]
    headers: tuple[str, ...]

    @property
    def weight(self) -> int:
        """How particular it is."""
        return 2 * len(self.literals) + len(self.queries) + len(self.headers)

    def fits(self, query: Mapping[str, Sequence[str]], headers: Mapping[str, str]) -> bool:
        """Whether what must be there is."""
        return (
            all(value in query.get(name, ()) for name, value in self.literals)
            and all(name in query for name in self.queries)
            and all(name in headers for name in self.headers)
        )


@lru_cache(maxsize=64)
def patterns(service: str) -> Mapping[str, tuple[Pattern, ...]]:
    """List a REST service's operations by method, the most particular first."""
    model = service_model(service)
    found: dict[str, list[Pattern]] = {}
    for name in model.operation_names:
        if model.operation_model(name).deprecated:  # an older spelling of another one, with the same URI
            continue
        pattern = _pattern(model.operation_model(name))
        found.setdefault(pattern.method, []).append(pattern)
    return {
        method: tuple(sorted(each, key=lambda p: (-p.weight, -len(p.path.pattern)))) for method, each in found.items()
    }


def match(
    service: str, method: str, path: str, query: Mapping[str, Sequence[str]], headers: Mapping[str, str]
) -> tuple[str, dict[str, str]] | None:
    """Find which operation a request means, and its labels; None when no URI fits.

    Parameters
    ----------
    path : str
        Percent-encoded, as it was received.
    query : mapping of str to list of str
    headers : mapping of str to str
        Lower-case names.
    """
    for pattern in patterns(service).get(method, ()):
        found = pattern.path.fullmatch(path)
        if found and pattern.fits(query, headers):
            return pattern.operation, {name: unquote(value) for name, value in found.groupdict().items()}
    return None


def wire_name(shape: Shape, member: str) -> str:
    """Say what a member is called on the wire."""
    return str(shape.members[member].serialization.get("name", member))


def event_stream(shape: Shape | None) -> str | None:
    """Name the member of an output that is a stream of events, if one is."""
    for name, member in shape.members.items() if shape is not None else ():
        if member.serialization.get("eventstream"):
            return str(name)
    return None


def _pattern(operation: OperationModel) -> Pattern:
    uri, _, query = operation.http["requestUri"].partition("?")
    shape: Any = operation.input_shape
    members = shape.members if shape is not None else {}
    required = set(shape.required_members) if shape is not None else set()
    places: dict[str, list[str]] = {"querystring": [], "header": []}
    for name, member in members.items():
        place = member.serialization.get("location")
        if name in required and place in places:
            places[place].append(str(member.serialization.get("name", name)))
    wires = {member: name for name, member in ((n, m.serialization.get("name", n)) for n, m in members.items())}
    text, position = "", 0
    for label in LABEL.finditer(uri):
        member = wires.get(label[1], label[1])
        text += re.escape(uri[position : label.start()]) + f"(?P<{member}>{'.+' if label[2] else '[^/]+'})"
        position = label.end()
    text += re.escape(uri[position:])
    if not text.endswith(("/", ".+)")):  # a slash after a bucket's name changes nothing, one after a key does
        text += "/?"
    return Pattern(
        operation.name,
        operation.http["method"],
        re.compile(text, re.DOTALL),
        tuple(parse_qsl(query, keep_blank_values=True)),
        tuple(places["querystring"]),
        tuple(name.lower() for name in places["header"]),
    )
