import json
from typing import Any

import pytest

from tarragon.faces.aws.card_content import blocks, read
from tarragon.faces.aws.error import AwsError

CONTENT: dict[str, Any] = {
    "model_overview": {"model_name": "churn", "model_version": 1, "model_artifact": ["s3://b/m"]},
    "intended_uses": {"risk_rating": "Low", "purpose_of_model": "to call them in time"},
    "evaluation_details": [
        {
            "name": "test",
            "metric_groups": [{"name": "all", "metric_data": [{"name": "auc", "type": "number", "value": 0.9}]}],
        }
    ],
    "additional_information": {"custom_details": {"Owner team": "Risk"}},
}


def test_a_content_of_the_schema_is_read() -> None:
    assert read(json.dumps(CONTENT)) == CONTENT
    assert read("{}") == {}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("not json", "JSON"), ("[]", "object"), ('{"model_overviews": {}}', "model_overviews"),
        ('{"model_overview": {"name": "x"}}', "name"), ('{"model_overview": {"model_name": 1}}', "model_name"),
        ('{"intended_uses": {"risk_rating": "Some"}}', "risk_rating"), ('{"evaluation_details": {}}', "a list"),
        ('{"evaluation_details": [{}]}', "name"), ('{"model_overview": {"model_version": true}}', "number"),
        ('{"additional_information": {"custom_details": ' + '{"a":' * 50 + "1" + "}" * 52, "levels"),
        ("[" * 100_000, "JSON"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(AwsError, match="Model card content validation failed") as raised:
        read(text)
    assert named in raised.value.message


def test_pages_say_everything() -> None:
    card = {"ModelCardName": "card", "ModelCardVersion": 3, "ModelCardStatus": "Approved"}
    said = [each.text for each in blocks(card, CONTENT)]
    assert said[:3] == ["card", "Model card, version 3: Approved", "Model overview"]
    for each in ("Model name: churn", "1. s3://b/m", "Risk rating: Low", "Value: 0.9", "Owner team: Risk"):
        assert each in said
