"""Tags: kept by the ARN of what they are on, whatever that is."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tarragon.errors import ConflictError, NotFoundError
from tarragon.faces.aws.error import invalid
from tarragon.faces.aws.jobs import kind_in
from tarragon.faces.aws.listing import cut
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.faces.aws.server import Server

operations = Operations("sagemaker")
KIND = "tags"
MOST = 50
Tag = Mapping[str, str]
Exists = Callable[[Server, str, str], bool]
"""Whether there is such a resource: a function of server, region and what follows the kind in its ARN."""


def document(kind: str) -> Exists:
    """Make the question for resources that are kept as documents of a kind."""
    return lambda server, region, name: server.documents.find(region, kind, name) is not None


def job(kind: str) -> Exists:
    """Make the question for resources that are jobs of a kind."""

    def exists(server: Server, region: str, name: str) -> bool:
        try:
            server.workspace.job(kind_in(kind, region), name)
        except NotFoundError:
            return False
        return True

    return exists


EXISTS: dict[str, Exists] = {
    "training-job": job("training"), "processing-job": job("processing"), "transform-job": job("transform"),
    "automl-job": job("automl"), "model": document("model"), "endpoint-config": document("endpoint-config"),
    "endpoint": document("endpoint"),    "experiment": document("experiment"), "experiment-trial": document("trial"),
    "experiment-trial-component": document("trial-component"), "action": document("action"),
    "artifact": document("artifact"), "context": document("context"), "model-card": document("model-card"),
}  # fmt: skip
"""By an ARN's kind. Families add theirs when they are imported; what no family speaks for is taken as it is."""


def keep(call: Call, arn: str, tags: Sequence[Tag] | None) -> None:
    """Put tags on something new or old; equal keys are replaced. Raises ``AwsError`` beyond fifty."""
    if not tags:
        return
    keys = [tag["Key"] for tag in tags]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise invalid(f"Duplicate tag keys found: {twice}. Tag keys must be unique")

    def edit(old: Mapping[str, Any]) -> Mapping[str, Any]:
        held = {tag["Key"]: tag["Value"] for tag in [*old.get("tags", ()), *tags]}
        if len(held) > MOST:
            raise invalid(f"A resource can have at most {MOST} tags; {arn} would have {len(held)}")
        return {"tags": [{"Key": key, "Value": value} for key, value in held.items()]}

    documents = call.server.documents
    try:
        documents.change(call.region, KIND, arn, edit)
    except NotFoundError:
        try:
            documents.create(call.region, KIND, arn, edit({}))
        except ConflictError:  # somebody else put the first ones
            documents.change(call.region, KIND, arn, edit)


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
    arn, gone = _checked(call), set(call.params["TagKeys"])

    def edit(old: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"tags": [tag for tag in old["tags"] if tag["Key"] not in gone]}

    try:
        call.server.documents.change(call.region, KIND, arn, edit)
    except NotFoundError:  # it has none
        return {}
    return {}


def _checked(call: Call) -> str:
    """Make sure that what the ARN names is ours and there. Raises ``AwsError``."""
    arn = str(call.params["ResourceArn"])
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[3] not in ("", call.region) or parts[4] not in ("", call.account):
        raise invalid(f"{arn} is no resource of account {call.account} in {call.region}")
    kind, _, name = parts[5].partition("/")
    if kind in EXISTS and not EXISTS[kind](call.server, call.region, name):
        raise invalid(f'Could not find resource "{arn}".')
    return arn
