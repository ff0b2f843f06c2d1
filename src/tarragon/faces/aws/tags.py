"""Tags: kept by the ARN of what they are on, whatever that is."""

from collections.abc import Mapping, Sequence
from typing import Any

from tarragon.errors import NotFoundError
from tarragon.faces.aws.listing import cut
from tarragon.faces.aws.protocol import Answer, Call, Operations, invalid
from tarragon.faces.aws.server import Server

operations = Operations("sagemaker")
KIND = "tags"
MOST = 50
Tag = Mapping[str, str]


def keep(call: Call, arn: str, tags: Sequence[Tag] | None) -> None:
    """Put tags on something new or old; equal keys are replaced. Raises ``AwsError`` beyond fifty."""
    if not tags:
        return
    held = {tag["Key"]: tag["Value"] for tag in of(call.server, call.region, arn)}
    held |= {tag["Key"]: tag["Value"] for tag in tags}
    if len(held) > MOST:
        raise invalid(f"A resource can have at most {MOST} tags; {arn} would have {len(held)}")
    call.server.documents.put(call.region, KIND, arn, {"tags": [{"Key": k, "Value": v} for k, v in held.items()]})


def drop(call: Call, arn: str) -> None:
    """Forget the tags of something that is gone."""
    if call.server.documents.find(call.region, KIND, arn) is not None:
        try:
            call.server.documents.delete(call.region, KIND, arn)
        except NotFoundError:  # somebody was quicker
            return


def of(server: Server, region: str, arn: str) -> list[dict[str, str]]:
    """List the tags on something."""
    found = server.documents.find(region, KIND, arn)
    return [] if found is None else [dict(tag) for tag in found.content["tags"]]


@operations.answer
def add_tags(call: Call) -> Answer:
    """Add tags, and say what there is then."""
    arn = _checked(call)
    keep(call, arn, call.params["Tags"])
    return {"Tags": of(call.server, call.region, arn)}


@operations.answer
def list_tags(call: Call) -> Answer:
    """List tags."""
    found, following = cut(of(call.server, call.region, _checked(call)), call.params, MOST)
    return {"Tags": found, "NextToken": following}


@operations.answer
def delete_tags(call: Call) -> Answer:
    """Remove tags by key."""
    arn = _checked(call)
    gone: Any = set(call.params["TagKeys"])
    left = [tag for tag in of(call.server, call.region, arn) if tag["Key"] not in gone]
    call.server.documents.put(call.region, KIND, arn, {"tags": left})
    return {}


def _checked(call: Call) -> str:
    arn = str(call.params["ResourceArn"])
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[3] not in ("", call.region) or parts[4] not in ("", call.account):
        raise invalid(f"{arn} is no resource of account {call.account} in {call.region}")
    return arn
