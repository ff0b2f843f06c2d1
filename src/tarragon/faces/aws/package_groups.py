"""Model package groups: names under which versions are registered, with a description and a policy."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tarragon.errors import ConflictError, NotFoundError
from tarragon.faces.aws import search, tags
from tarragon.faces.aws.error import AwsError, invalid
from tarragon.faces.aws.jobs import HOME_REGION
from tarragon.faces.aws.listing import page
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.faces.aws.server import Server
from tarragon.registry import Package, Registry, qualified, unqualified

operations = Operations("sagemaker")
KIND, POLICY = "model-package-group", "model-package-group-policy"
ARN = re.compile(r"arn:aws[a-z-]*:sagemaker:([a-z0-9-]*):(\d{12}):model-package-group/(.+)")


@operations.answer
def create_model_package_group(call: Call) -> Answer:
    """Keep a group."""
    params, name = dict(call.params), str(call.params["ModelPackageGroupName"])
    if params.get("ManagedConfiguration"):
        raise invalid("ManagedConfiguration cannot be honoured: storage that AWS manages is not answered here")
    arn, given = call.arn(KIND, name), params.pop("Tags", None)
    try:
        if versions(call.server, call.region, name):
            raise ConflictError(f"{name} is there")
        call.server.documents.create(call.region, KIND, name, params)
    except ConflictError:
        raise invalid(f"Model Package Group already exists: {arn}") from None
    tags.keep(call, arn, given)
    return {"ModelPackageGroupArn": arn}


@operations.answer
def describe_model_package_group(call: Call) -> Answer:
    """Describe a group; one that `tarragon develop` registered in is one too."""
    return described(call.server, call.region, group_named(call, call.params["ModelPackageGroupName"]))


@operations.answer
def list_model_package_groups(call: Call) -> Answer:
    """List groups."""
    found = [
        {name: value for name, value in each.items() if name != "CreatedBy"}
        for each in _all(call.server, call.region)
        if call.params.get("CrossAccountFilterOption") != "CrossAccount"  # none are shared by other accounts
    ]
    chosen, following = page(found, call.params, name="ModelPackageGroupName", order="Ascending")
    return {"ModelPackageGroupSummaryList": chosen, "NextToken": following}


@operations.answer
def delete_model_package_group(call: Call) -> Answer:
    """Forget a group that has no versions."""
    name = group_named(call, call.params["ModelPackageGroupName"])
    arn = call.arn(KIND, name)
    if versions(call.server, call.region, name):
        raise AwsError("ConflictException", f"ModelPackageGroup {arn} cannot be deleted: it still has model packages")
    for kind in (KIND, POLICY):
        if call.server.documents.find(call.region, kind, name) is not None:
            call.server.documents.delete(call.region, kind, name)
    tags.drop(call, arn)
    return None


@operations.answer
def put_model_package_group_policy(call: Call) -> Answer:
    """Keep a group's policy; it is given back, there are no other accounts it could admit."""
    name, policy = group_named(call, call.params["ModelPackageGroupName"]), call.params["ResourcePolicy"]
    try:
        sound = isinstance(json.loads(policy), dict)
    except ValueError:
        sound = False
    if not sound:
        raise invalid("The resource policy is not a JSON document")
    call.server.documents.put(call.region, POLICY, name, {"policy": policy})
    return {"ModelPackageGroupArn": call.arn(KIND, name)}


@operations.answer
def get_model_package_group_policy(call: Call) -> Answer:
    """Give a group's policy back."""
    name = group_named(call, call.params["ModelPackageGroupName"])
    return {"ResourcePolicy": _policy(call, name)["policy"]}


@operations.answer
def delete_model_package_group_policy(call: Call) -> Answer:
    """Forget a group's policy."""
    name = group_named(call, call.params["ModelPackageGroupName"])
    _policy(call, name)
    call.server.documents.delete(call.region, POLICY, name)
    return None


def realm(region: str) -> str:
    """Say which of the registry's realms a region is: native commands and the home region share one."""
    return "" if region == HOME_REGION else region


def registry(server: Server) -> Registry:
    """Open the one registry there is."""
    return Registry(server.workspace, clock=server.clock)


def versions(server: Server, region: str, name: str) -> tuple[Package, ...]:
    """List a group's versions, newest first."""
    try:
        found = registry(server).list(qualified(name, realm(region)))
    except NotFoundError:
        return ()
    return tuple(each for each in found if each.version)


def group_named(call: Call, given: str) -> str:
    """Read a group's name or ARN. Raises ``AwsError`` when there is none."""
    match = ARN.fullmatch(given)
    name = match[3] if match else given
    here = match is None or match.group(1, 2) == (call.region, call.account)
    if not here or not _exists(call, name):
        raise invalid(f"ModelPackageGroup {given if match else call.arn(KIND, name)} does not exist.")
    return name


def described(server: Server, region: str, name: str) -> dict[str, Any]:
    """Write a group as Describe answers it."""
    document = server.documents.find(region, KIND, name)
    made = [seconds(each.created) for each in versions(server, region, name)[-1:]]
    return {
        "ModelPackageGroupName": name,
        "ModelPackageGroupArn": f"arn:aws:sagemaker:{region}:{server.account}:{KIND}/{name}",
        "ModelPackageGroupDescription": document.content.get("ModelPackageGroupDescription") if document else None,
        "CreationTime": document.created if document else made[0],
        "CreatedBy": {},
        "ModelPackageGroupStatus": "Completed",
    }


def seconds(time: str) -> float:
    """Read the registry's ISO 8601 as seconds since 1970.

    Examples
    --------
    >>> seconds("1970-01-01T00:00:01.500Z")
    1.5
    """
    return datetime.fromisoformat(time).timestamp()


def _exists(call: Call, name: str) -> bool:
    if call.server.documents.find(call.region, KIND, name) is not None:
        return True
    return bool(versions(call.server, call.region, name))


def _policy(call: Call, name: str) -> Any:
    found = call.server.documents.find(call.region, POLICY, name)
    if found is None:
        raise invalid(f"Cannot find a resource policy for ModelPackageGroup {call.arn(KIND, name)}")
    return found.content


def _all(server: Server, region: str) -> Iterator[dict[str, Any]]:
    names = {each.name for each in server.documents.list(region, KIND)}
    apart = {unqualified(each.group) for each in registry(server).list() if each.version}
    names |= {group for where, group in apart if where == realm(region)}
    for name in sorted(names):
        try:
            yield described(server, region, name)
        except IndexError:  # its last version went away meanwhile
            continue


def _documents(server: Server, region: str) -> Iterator[dict[str, Any]]:
    for found in _all(server, region):
        yield {**found, "Tags": tags.of(server, region, found["ModelPackageGroupArn"])}


search.RESOURCES["ModelPackageGroup"] = _documents
