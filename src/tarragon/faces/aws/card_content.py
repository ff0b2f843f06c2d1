"""What a model card says: its schema, and its pages. Pure.

The schema is the one that SageMaker documents for a model card's content, down to the members of its sections.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tarragon.faces.aws.error import invalid
from tarragon.faces.aws.pdf import Block

Kinds = tuple[type, ...]
TEXT: Kinds = (str,)
LIST: Kinds = (list,)
MAP: Kinds = (dict,)
NUMBER: Kinds = (int, float)
NAMES: Mapping[Kinds, str] = {TEXT: "text", LIST: "a list", MAP: "an object", NUMBER: "a number"}
SECTIONS: Mapping[str, Mapping[str, Kinds]] = {
    "model_overview": {
        "model_description": TEXT, "model_creator": TEXT, "model_artifact": LIST, "algorithm_type": TEXT,
        "problem_type": TEXT, "model_owner": TEXT, "model_name": TEXT, "model_version": NUMBER, "model_id": TEXT,
        "inference_environment": MAP,
    },
    "model_package_details": {
        "model_package_arn": TEXT, "model_package_group_name": TEXT, "model_package_name": TEXT,
        "model_package_version": NUMBER, "model_package_description": TEXT, "model_package_status": TEXT,
        "model_approval_status": TEXT, "approval_description": TEXT, "inference_specification": MAP,
        "source_algorithms": LIST, "created_by": MAP, "domain": TEXT, "task": TEXT,
    },
    "intended_uses": {
        "purpose_of_model": TEXT, "intended_uses": TEXT, "factors_affecting_model_efficiency": TEXT,
        "risk_rating": TEXT, "explanations_for_risk_rating": TEXT,
    },
    "business_details": {"business_problem": TEXT, "business_stakeholders": TEXT, "line_of_business": TEXT},
    "training_details": {"objective_function": MAP, "training_observations": TEXT, "training_job_details": MAP},
    "additional_information": {
        "ethical_considerations": TEXT, "caveats_and_recommendations": TEXT, "custom_details": MAP,
    },
}  # fmt: skip
EVALUATION: Mapping[str, Kinds] = {
    "name": TEXT, "evaluation_observation": TEXT, "evaluation_job_arn": TEXT, "datasets": LIST, "metadata": MAP,
    "metric_groups": LIST,
}  # fmt: skip
RISKS = ("High", "Medium", "Low", "Unknown")
DEEPEST = 40  # levels of a content: a page has no use for more


def read(text: str) -> Mapping[str, Any]:
    """Read a card's content and hold it against the schema. Raises ``AwsError`` that names the member."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise invalid("Model card content validation failed: Content is not valid JSON") from None
    _is(content, MAP, "Content")
    for name, section in content.items():
        if name == "evaluation_details":
            _is(section, LIST, name)
            for i, each in enumerate(section):
                _members(each, EVALUATION, f"{name}[{i}]")
                if "name" not in each:
                    raise _wrong(f"{name}[{i}] has no name")
        elif name in SECTIONS:
            _members(section, SECTIONS[name], name)
        else:
            raise _wrong(f"{name} is no section; sections are {', '.join([*SECTIONS, 'evaluation_details'])}")
    risk = content.get("intended_uses", {}).get("risk_rating")
    if risk is not None and risk not in RISKS:
        raise _wrong(f"intended_uses.risk_rating is {risk!r}, not one of {', '.join(RISKS)}")
    if _depth(content) > DEEPEST:
        raise _wrong(f"it is more than {DEEPEST} levels deep")
    found: Mapping[str, Any] = content
    return found


def blocks(card: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[Block]:
    """Lay a card out: its name and status, then its sections as they stand."""
    yield Block(card["ModelCardName"], 20, bold=True)
    yield Block(f"Model card, version {card['ModelCardVersion']}: {card['ModelCardStatus']}", 11)
    for name, section in content.items():
        yield Block(_words(name), 14, bold=True)
        yield from _laid(section, 0)


def _laid(value: Any, depth: int) -> Iterator[Block]:
    indent = 14.0 * depth
    if isinstance(value, Mapping):
        for name, each in value.items():
            if isinstance(each, (Mapping, list)):
                yield Block(_words(name), 10, bold=True, indent=indent)
                yield from _laid(each, depth + 1)
            else:
                yield Block(f"{_words(name)}: {_said(each)}", indent=indent)
    elif isinstance(value, list):
        for i, each in enumerate(value, 1):
            if isinstance(each, (Mapping, list)):
                yield Block(f"{i}.", indent=indent)
                yield from _laid(each, depth + 1)
            else:
                yield Block(f"{i}. {_said(each)}", indent=indent)
    else:
        yield Block(_said(value), indent=indent)


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize() if name.islower() else name


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _members(section: Any, known: Mapping[str, Kinds], where: str) -> None:
    _is(section, MAP, where)
    for name, value in section.items():
        if name not in known:
            raise _wrong(f"{where} has no member {name}; members are {', '.join(known)}")
        if value is not None:
            _is(value, known[name], f"{where}.{name}")


def _is(value: Any, kinds: Kinds, where: str) -> None:
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise _wrong(f"{where} must be {NAMES[kinds]}")


def _depth(value: Any) -> int:
    """Count levels without recursion: the content is a stranger's."""
    deepest, left = 0, [(value, 1)]
    while left:
        each, depth = left.pop()
        deepest = max(deepest, depth)
        inside = each.values() if isinstance(each, Mapping) else each if isinstance(each, list) else ()
        left += [(one, depth + 1) for one in inside]
    return deepest


def _wrong(what: str) -> Exception:
    return invalid(f"Model card content validation failed: {what}")
