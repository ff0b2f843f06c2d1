"""Model packages: the registry's versions in AWS's words, registered, decided about, listed, deleted."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tarragon.errors import ConflictError, IntegrityError, NotFoundError
from tarragon.faces.aws import search, tags
from tarragon.faces.aws.error import AwsError, invalid
from tarragon.faces.aws.listing import page
from tarragon.faces.aws.package_groups import group_named, realm, registry, seconds
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.faces.aws.server import Server
from tarragon.registry import Approval, Manifest, Package, Reference, qualified, unqualified

operations = Operations("sagemaker")
KIND, TOKEN = "model-package", "model-package-token"
NAMED = re.compile(
    r"(?:arn:aws[a-z-]*:sagemaker:([a-z0-9-]*):(\d{12}):model-package/)?([a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62})(?:/([1-9]\d{0,8}))?"
)
APART = ("ModelPackageName", "ModelPackageGroupName", "Tags", "ClientToken", "ModelApprovalStatus")  # not as sent
UNANSWERED = {
    "ValidationSpecification": "packages are not validated by transform jobs here; run one yourself",
    "SourceAlgorithmSpecification": "there are no algorithm packages here; give an InferenceSpecification",
    "ManagedStorageType": "storage that AWS manages is not answered here",
}
TRIES = 5  # against others who change the same package


@operations.answer
def create_model_package(call: Call) -> Answer:
    """Register a version of a group, or the only package of its name."""
    params = call.params
    name, group = params.get("ModelPackageName"), params.get("ModelPackageGroupName")
    if bool(name) == bool(group):
        both = "Both ModelPackageName and ModelPackageGroupName are provided" if name else "Neither is provided"
        raise invalid(f"{both}: give ModelPackageGroupName for a version, or ModelPackageName for a package without")
    for member, why in UNANSWERED.items():
        if params.get(member):
            raise invalid(f"{member} cannot be honoured: {why}")
    if group and params.get("Tags"):
        raise invalid("Tags cannot be given to a versioned ModelPackage: it has those of its ModelPackageGroup")
    if name and not params.get("InferenceSpecification"):
        raise invalid("A ModelPackage without a group needs an InferenceSpecification")
    made = _repeated(call)
    if made is None:
        made = _registered(call, group_named(call, group) if group else str(name), versioned=bool(group))
    tags.keep(call, made, params.get("Tags"))
    return {"ModelPackageArn": made}


@operations.answer
def describe_model_package(call: Call) -> Answer:
    """Describe a package by name or ARN."""
    answer = described(call.server, call.region, found(call, call.params["ModelPackageName"]))
    if call.params.get("IncludedData") == "MetadataOnly" and answer.get("ModelCard"):
        answer["ModelCard"] = {**answer["ModelCard"], "ModelCardContent": None}
    return answer


@operations.answer
def update_model_package(call: Call) -> Answer:
    """Decide about a package, or say anew what it is and how it is served; every change is in the audit log."""
    named = call.params["ModelPackageArn"]
    for change in (_amended, _decided):
        for _ in range(TRIES):
            try:
                change(call, found(call, named))
                break
            except ConflictError:
                continue
        else:
            raise AwsError("ConflictException", f"ModelPackage {named} is being changed by others")
    return {"ModelPackageArn": arn(call.server, call.region, found(call, named))}


@operations.answer
def list_model_packages(call: Call) -> Answer:
    """List packages: a group's versions, or those without a group unless another type is asked for."""
    params = call.params
    group = group_named(call, params["ModelPackageGroupName"]) if params.get("ModelPackageGroupName") else None
    kind = params.get("ModelPackageType") or ("Versioned" if group else "Unversioned")
    state = params.get("ModelApprovalStatus")
    items = [
        {**summary(call.server, call.region, each), "Name": unqualified(each.group)[1]}
        for each in _all(call.server, call.region)
        if (kind == "Both" or bool(each.version) == (kind == "Versioned"))
        and (group is None or (each.version and unqualified(each.group)[1] == group))
        and (state is None or (each.version and each.approval.value == state))
    ]
    chosen, following = page(items, params, name="Name", order="Ascending")
    shown = [{member: value for member, value in each.items() if member != "Name"} for each in chosen]
    return {"ModelPackageSummaryList": shown, "NextToken": following}


@operations.answer
def delete_model_package(call: Call) -> Answer:
    """Take a package away; its number is not used again."""
    package = found(call, call.params["ModelPackageName"])
    registry(call.server).remove(package.name, call.principal)
    tags.drop(call, arn(call.server, call.region, package))
    return None


@operations.answer
def batch_describe_model_package(call: Call) -> Answer:
    """Describe several packages by ARN; what cannot be is told per ARN."""
    summaries, errors = {}, {}
    for each in call.params["ModelPackageArnList"]:
        try:
            package = found(call, each)
            content = registry(call.server).manifest(package.name).specification
        except (AwsError, IntegrityError, NotFoundError) as error:
            code = error.code if isinstance(error, AwsError) else "ValidationException"
            errors[each] = {"ErrorCode": code, "ErrorResponse": str(error)}
            continue
        short = summary(call.server, call.region, package, content)
        short = {name: value for name, value in short.items() if name not in ("ModelPackageName", "ModelLifeCycle")}
        served = content.get("InferenceSpecification") or {"Containers": []}
        group = {"ModelPackageGroupName": unqualified(package.group)[1]}
        summaries[each] = {**short, **group, "InferenceSpecification": served}
    return {"ModelPackageSummaries": summaries, "BatchDescribeModelPackageErrorMap": errors}


def found(call: Call, given: str) -> Package:
    """Look a package up by name or ARN. Raises ``AwsError`` in SageMaker's words."""
    return _found(call.server, call.region, given)


def specification(server: Server, region: str, given: str, inference: str = "") -> list[Mapping[str, Any]]:
    """Say which containers serve a package, after checking that it may be deployed and is what was registered.

    Parameters
    ----------
    given : str
        The package's name or ARN.
    inference : str
        Name of one of its additional inference specifications; "" is the main one.

    Raises
    ------
    AwsError
        When it is missing, not approved, altered, or says nothing of serving.
    """
    package = _found(server, region, given)
    named = arn(server, region, package)
    if package.version and package.approval is not Approval.APPROVED:
        raise invalid(
            f"Cannot create a model from ModelPackage {named}: its ModelApprovalStatus is {package.approval.value}, "
            "and only an Approved one can be deployed"
        )
    try:
        content: Mapping[str, Any] = registry(server).checked(package.name).specification
    except IntegrityError as error:
        raise invalid(f"Cannot create a model from ModelPackage {named}: {error}") from None
    known = {each["Name"]: each for each in content.get("AdditionalInferenceSpecifications") or ()}
    if inference and inference not in known:
        raise invalid(f"ModelPackage {named} has no inference specification named {inference}")
    chosen = known[inference] if inference else content.get("InferenceSpecification")
    if not chosen:
        raise invalid(f"ModelPackage {named} has no InferenceSpecification, so it cannot be deployed")
    return list(chosen["Containers"])


def arn(server: Server, region: str, package: Package) -> str:
    """Write a package's ARN."""
    return f"arn:aws:sagemaker:{region}:{server.account}:{KIND}/{_called(package)}"


def described(server: Server, region: str, package: Package) -> dict[str, Any]:
    """Write a package as Describe answers it."""
    held = registry(server)
    manifest, last = held.manifest(package.name), held.history(package.name)[-1]
    return {
        **(manifest.specification if package.reference else _native(package, manifest)),
        **{name: value for name, value in summary(server, region, package, {}).items() if value is not None},
        "ModelPackageName": _called(package),
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "ApprovalDescription": package.reason or None,
        "CreatedBy": {},
        "LastModifiedTime": last.act.time if last.act.action != "register" else None,
    }


def summary(server: Server, region: str, package: Package, content: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Write what lists say of a package."""
    called = unqualified(package.group)[1]
    if content is None and package.reference:
        content = registry(server).manifest(package.name).specification
    content = content or {}
    return {
        "ModelPackageName": None if package.version else called,
        "ModelPackageGroupName": called if package.version else None,
        "ModelPackageVersion": package.version or None,
        "ModelPackageArn": arn(server, region, package),
        "ModelPackageDescription": content.get("ModelPackageDescription"),
        "CreationTime": seconds(package.created),
        "ModelPackageStatus": "Completed",  # a row is committed once everything of it was read and hashed
        "ModelApprovalStatus": package.approval.value if package.version else None,
        "ModelLifeCycle": content.get("ModelLifeCycle"),
        "ModelPackageRegistrationType": content.get("ModelPackageRegistrationType"),
    }


def _registered(call: Call, name: str, *, versioned: bool) -> str:
    params = call.params
    content = {member: value for member, value in params.items() if member not in APART}
    reference = Reference(
        name,
        content,
        _uris(content),
        realm(call.region),
        versioned,
        Approval(params.get("ModelApprovalStatus", Approval.PENDING)) if versioned else Approval.PENDING,
        actor=call.principal,
    )
    try:
        package = registry(call.server).register_reference(reference)
    except ConflictError:
        raise invalid(f"ModelPackage already exists: {call.arn(KIND, name)}") from None
    made = arn(call.server, call.region, package)
    if params.get("ClientToken"):
        call.server.documents.put(call.region, TOKEN, params["ClientToken"], {"arn": made, "name": name})
    return made


def _repeated(call: Call) -> str | None:
    """Find what a request that is sent again has made already."""
    token = call.params.get("ClientToken")
    document = call.server.documents.find(call.region, TOKEN, token) if token else None
    return None if document is None else str(document.content["arn"])


def _amended(call: Call, package: Package) -> None:
    params = call.params
    sent = {
        member: params[member]
        for member in ("InferenceSpecification", "SourceUri", "ModelLifeCycle", "ModelPackageRegistrationType")
        if member in params
    }
    held = registry(call.server)
    old = held.manifest(package.name).specification
    new: dict[str, Any] = {**old, **sent}
    if params.get("ModelCard"):
        new["ModelCard"] = {**new.get("ModelCard", {}), **params["ModelCard"]}
    if params.get("CustomerMetadataProperties") or params.get("CustomerMetadataPropertiesToRemove"):
        metadata = {**new.get("CustomerMetadataProperties", {}), **params.get("CustomerMetadataProperties", {})}
        gone = set(params.get("CustomerMetadataPropertiesToRemove", ()))
        new["CustomerMetadataProperties"] = {key: value for key, value in metadata.items() if key not in gone}
    added = params.get("AdditionalInferenceSpecificationsToAdd") or []
    if added:
        both = [*new.get("AdditionalInferenceSpecifications", []), *added]
        names = [each["Name"] for each in both]
        if len(set(names)) < len(names):
            raise invalid("Each additional inference specification must have a name of its own")
        new["AdditionalInferenceSpecifications"] = both
    if new == old:
        return
    if not package.reference:
        raise invalid(f"ModelPackage {params['ModelPackageArn']} holds its own files: only its approval can change")
    held.amend(package, new, _uris(new), call.principal)


def _decided(call: Call, package: Package) -> None:
    state, reason = call.params.get("ModelApprovalStatus"), call.params.get("ApprovalDescription", "")
    if package.version and (state or reason):
        wanted = Approval(state) if state else package.approval
        registry(call.server).decide(package.name, wanted, reason, call.principal)


def _uris(content: Mapping[str, Any]) -> tuple[str, ...]:
    """List where a package's models are, each once."""
    wanted: dict[str, None] = {}
    more = content.get("AdditionalInferenceSpecifications") or ()
    for each in (content.get("InferenceSpecification") or {}, *more):
        for container in each.get("Containers", ()):
            wanted.update(dict.fromkeys(_data(container)))
    for uri in wanted:
        if not uri.startswith("s3://"):
            raise invalid(f"Model data must be in S3: {uri} is not")
    return tuple(wanted)


def _data(container: Mapping[str, Any]) -> Iterable[str]:
    if container.get("ModelDataUrl"):
        yield container["ModelDataUrl"]
    sources = [container.get("ModelDataSource") or {}, *(container.get("AdditionalModelDataSources") or ())]
    for source in sources:
        if source.get("S3DataSource"):
            yield source["S3DataSource"]["S3Uri"]
    if container.get("AdditionalS3DataSource"):
        yield container["AdditionalS3DataSource"]["S3Uri"]


def _found(server: Server, region: str, given: str) -> Package:
    match = NAMED.fullmatch(given)
    if match is not None and (match[1] is None or match.group(1, 2) == (region, server.account)):
        try:
            return registry(server).show(f"{qualified(match[3], realm(region))}/{int(match[4] or 0)}")
        except NotFoundError:
            pass
    named = given if given.startswith("arn:") else f"arn:aws:sagemaker:{region}:{server.account}:{KIND}/{given}"
    raise invalid(f"ModelPackage {named} does not exist")


def _called(package: Package) -> str:
    """Say a package's name as AWS has it: without a realm, and without the version that is none."""
    name = unqualified(package.group)[1]
    return f"{name}/{package.version}" if package.version else name


def _native(package: Package, manifest: Manifest) -> dict[str, Any]:
    """Say what `tarragon develop` knows of a model where AWS has a place for it."""
    facts = {"task": package.task, "target": package.target, package.metric: f"{package.score:.6g}"}
    words = f"Predicts {package.target} ({package.task}) from {len(manifest.columns)} columns"
    return {"ModelPackageDescription": words, "CustomerMetadataProperties": {**package.lineage, **facts}}


def _all(server: Server, region: str) -> Iterator[Package]:
    return (each for each in registry(server).list() if unqualified(each.group)[0] == realm(region))


def _documents(server: Server, region: str) -> Iterator[dict[str, Any]]:
    for package in _all(server, region):
        try:
            answer = described(server, region, package)
        except (NotFoundError, IntegrityError):  # gone meanwhile, or altered: `tarragon registry verify` tells
            continue
        yield {**answer, "Tags": tags.of(server, region, answer["ModelPackageArn"])}


search.RESOURCES["ModelPackage"] = _documents
