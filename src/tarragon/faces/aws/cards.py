"""Model cards: what a model is for, in versions, with a status; and their export as PDF."""

from collections.abc import Iterator, Mapping
from typing import Any

from tarragon.engine import Document
from tarragon.errors import ConflictError, DataError, NotFoundError, StorageError
from tarragon.faces.aws import search, tags
from tarragon.faces.aws.card_content import blocks, read
from tarragon.faces.aws.error import AwsError, invalid
from tarragon.faces.aws.listing import page
from tarragon.faces.aws.pdf import document as pdf
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.faces.aws.server import Server
from tarragon.train import require_bucket

operations = Operations("sagemaker")
KIND, ARN = "model-card", "model-card"
VERSION, EXPORT = "model-card-version", "model-card-export"
"""Documents of a card's versions and exports: ``<card>|<version>``, ``<card>|<export>``."""
BETWEEN = "|"
ARCHIVED = "Archived"


@operations.answer
def create_model_card(call: Call) -> Answer:
    """Keep a card as its version 1."""
    params, name = call.params, call.params["ModelCardName"]
    read(params["Content"])
    arn = call.arn(ARN, name)
    try:
        call.server.documents.create(
            call.region, KIND, name, {"latest": 1, "SecurityConfig": params.get("SecurityConfig")}
        )
    except ConflictError:
        raise AwsError("ConflictException", f"Model Card with name {name} already exists: {arn}") from None
    _keep(call, name, 1, {"Content": params["Content"], "ModelCardStatus": params["ModelCardStatus"]})
    tags.keep(call, arn, params.get("Tags"))
    return {"ModelCardArn": arn}


@operations.answer
def describe_model_card(call: Call) -> Answer:
    """Describe a card: its latest version, or the one asked for."""
    card = _card(call, call.params["ModelCardName"])
    shown = _described(call.server, call.region, card, _version(call, card, call.params.get("ModelCardVersion")))
    return {**shown, "Content": "{}"} if call.params.get("IncludedData") == "MetadataOnly" else shown


@operations.answer
def update_model_card(call: Call) -> Answer:
    """Write a new version of the content, or change the status of the latest: never both at once."""
    params, name = call.params, call.params["ModelCardName"]
    if ("Content" in params) == ("ModelCardStatus" in params):
        raise invalid("UpdateModelCard changes either Content or ModelCardStatus: give one of them, not both")
    card = _card(call, name)
    latest = _version(call, card, None)
    if "ModelCardStatus" in params:
        status = params["ModelCardStatus"]
        call.server.documents.change(call.region, VERSION, latest.name, lambda old: {**old, "ModelCardStatus": status})
        return {"ModelCardArn": call.arn(ARN, card.name)}
    read(params["Content"])
    if latest.content["ModelCardStatus"] == ARCHIVED:
        raise AwsError("ConflictException", f"The model card {card.name} is Archived: its content cannot be changed")
    number = card.content["latest"] + 1
    try:
        _keep(call, card.name, number, {**latest.content, "Content": params["Content"]})
    except ConflictError:
        raise AwsError("ConflictException", f"The model card {card.name} is being changed by another call") from None
    call.server.documents.change(
        call.region, KIND, card.name, lambda old: {**old, "latest": max(number, old["latest"])}
    )
    return {"ModelCardArn": call.arn(ARN, card.name)}


@operations.answer
def delete_model_card(call: Call) -> Answer:
    """Forget a card, its versions and its exports; exported files stay."""
    card = _card(call, call.params["ModelCardName"])
    documents = call.server.documents
    for kind in (EXPORT, VERSION):
        for each in documents.list(call.region, kind, prefix=f"{card.name}{BETWEEN}"):
            documents.delete(call.region, kind, each.name)
    documents.delete(call.region, KIND, card.name)
    tags.drop(call, call.arn(ARN, card.name))
    return None


@operations.answer
def list_model_cards(call: Call) -> Answer:
    """List cards, as their latest versions are."""
    members = ("ModelCardName", "ModelCardArn", "ModelCardStatus", "CreationTime", "LastModifiedTime")
    items = [{name: each[name] for name in members} for each in _latest(call.server, call.region)]
    params = {**call.params, "StatusEquals": call.params.get("ModelCardStatus")}
    found, following = page(items, params, name="ModelCardName", status="ModelCardStatus")
    return {"ModelCardSummaries": found, "NextToken": following}


@operations.answer
def list_model_card_versions(call: Call) -> Answer:
    """List a card's versions."""
    card = _card(call, call.params["ModelCardName"])
    members = (
        "ModelCardName", "ModelCardArn", "ModelCardStatus", "ModelCardVersion", "CreationTime", "LastModifiedTime",
    )  # fmt: skip
    items = []
    for document in call.server.documents.list(call.region, VERSION, prefix=f"{card.name}{BETWEEN}"):
        each = _described(call.server, call.region, card, document)
        items.append({name: each[name] for name in members} | {"CreationTime": document.created})
    params = {**call.params, "SortBy": "ModelCardVersion", "StatusEquals": call.params.get("ModelCardStatus")}
    found, following = page(items, params, status="ModelCardStatus")
    return {"ModelCardVersionSummaryList": found, "NextToken": following}


@operations.answer
def create_model_card_export_job(call: Call) -> Answer:
    """Write a version of a card as a PDF into S3; it is there, or has failed, when this answers."""
    params = call.params
    card = _card(call, params["ModelCardName"])
    chosen = _version(call, card, params.get("ModelCardVersion"))
    shown = _described(call.server, call.region, card, chosen)
    job, output = params["ModelCardExportJobName"], params["OutputConfig"]["S3OutputPath"]
    content = {
        "ModelCardExportJobName": job, "ModelCardName": card.name, "OutputConfig": params["OutputConfig"],
        "ModelCardVersion": shown["ModelCardVersion"], "Status": "InProgress",
    }  # fmt: skip
    name = f"{card.name}{BETWEEN}{job}"
    try:
        call.server.documents.create(call.region, EXPORT, name, content)
    except ConflictError:
        raise AwsError("ConflictException", f"Model card export job {job} already exists") from None
    uri = f"{output.rstrip('/')}/{card.name}/{job}/{card.name}.pdf"
    objects = call.server.workspace.objects
    try:
        require_bucket(objects, uri)
        objects.put(uri, pdf(blocks(shown, read(shown["Content"])), card.name))
        ended = {"Status": "Completed", "ExportArtifacts": {"S3ExportArtifacts": uri}}
    except (DataError, StorageError) as error:
        ended = {"Status": "Failed", "FailureReason": str(error)[:1024]}
    call.server.documents.change(call.region, EXPORT, name, lambda old: {**old, **ended})
    return {"ModelCardExportJobArn": call.arn(ARN, f"{card.name}/export-job/{job}")}


@operations.answer
def describe_model_card_export_job(call: Call) -> Answer:
    """Describe an export."""
    arn = call.params["ModelCardExportJobArn"]
    card, _, job = arn.partition(f":{ARN}/")[2].partition("/export-job/")
    found = call.server.documents.find(call.region, EXPORT, f"{card}{BETWEEN}{job}")
    if found is None:
        raise AwsError("ResourceNotFound", f"Model card export job {arn} does not exist.")
    return _export(call, found)


@operations.answer
def list_model_card_export_jobs(call: Call) -> Answer:
    """List a card's exports."""
    params = call.params
    card = _card(call, params["ModelCardName"])
    hidden = ("OutputConfig", "ExportArtifacts", "FailureReason")
    items = []
    for document in call.server.documents.list(call.region, EXPORT, prefix=f"{card.name}{BETWEEN}"):
        each = {name: value for name, value in _export(call, document).items() if name not in hidden}
        if params.get("ModelCardVersion") in (None, each["ModelCardVersion"]):
            items.append({**each, "CreationTime": document.created})
    asked = {**params, "NameContains": params.get("ModelCardExportJobNameContains")}
    found, following = page(items, asked, name="ModelCardExportJobName", status="Status")
    shown = [{name: value for name, value in each.items() if name != "CreationTime"} for each in found]
    return {"ModelCardExportJobSummaries": shown, "NextToken": following}


def _keep(call: Call, name: str, number: int, content: Mapping[str, Any]) -> None:
    call.server.documents.create(
        call.region, VERSION, f"{name}{BETWEEN}{number}", {**content, "ModelCardVersion": number}
    )


def _card(call: Call, name: str) -> Document:
    """Look a card up, by name or ARN. Raises ``AwsError``."""
    try:
        return call.server.documents.get(call.region, KIND, name.rpartition("/")[2])
    except NotFoundError:
        raise AwsError("ResourceNotFound", f"Model Card {name} does not exist.") from None


def _version(call: Call, card: Document, number: int | None) -> Document:
    wanted = card.content["latest"] if number is None else number
    found = call.server.documents.find(call.region, VERSION, f"{card.name}{BETWEEN}{wanted}")
    if found is None:
        raise AwsError("ResourceNotFound", f"Model Card {card.name} version {wanted} does not exist.")
    return found


def _described(server: Server, region: str, card: Document, version: Document) -> dict[str, Any]:
    arn = f"arn:aws:sagemaker:{region}:{server.account}:{ARN}/{card.name}"
    security = card.content.get("SecurityConfig")
    return {
        **version.content, "ModelCardName": card.name, "ModelCardArn": arn, "CreationTime": card.created,
        "CreatedBy": {}, "LastModifiedTime": version.updated, "LastModifiedBy": {},
        **({"SecurityConfig": security} if security else {}),
    }  # fmt: skip


def _export(call: Call, document: Document) -> dict[str, Any]:
    content = document.content
    return {
        **content, "CreatedAt": document.created, "LastModifiedAt": document.updated,
        "ModelCardExportJobArn": call.arn(
            ARN, f"{content['ModelCardName']}/export-job/{content['ModelCardExportJobName']}"
        ),
    }  # fmt: skip


def _latest(server: Server, region: str) -> Iterator[dict[str, Any]]:
    for card in server.documents.list(region, KIND):
        version = server.documents.find(region, VERSION, f"{card.name}{BETWEEN}{card.content['latest']}")
        if version is not None:
            yield _described(server, region, card, version)


def _documents(server: Server, region: str) -> Iterator[dict[str, Any]]:
    for each in _latest(server, region):
        content = read(each["Content"])
        risk = content.get("intended_uses", {}).get("risk_rating")
        model = content.get("model_overview", {}).get("model_id")
        facts = {name: value for name, value in (("RiskRating", risk), ("ModelId", model)) if value}
        yield {**each, **facts, "Tags": tags.of(server, region, each["ModelCardArn"])}


search.RESOURCES["ModelCard"] = _documents
