"""The chain from a request to an answer: whatever comes, an answer in AWS's shape, and nothing without a signature."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from tests.faces.aws.conftest import Client

from tarragon.engine import Keys
from tarragon.errors import ConflictError, NotFoundError, ParameterError, StorageError
from tarragon.faces.aws.chain import BODY_BYTES, HEALTH, _finished, translate
from tarragon.faces.aws.gateway import Running
from tarragon.faces.aws.wire.model import patterns

JSON = {"content-type": "application/x-amz-json-1.1"}


def ask(running: Running, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Any:
    connection = http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=20)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    response.text = response.read().decode("utf-8", "replace")
    connection.close()
    return response


def signed(running: Running, method: str, path: str, body: bytes, service: str, **headers: str) -> dict[str, str]:
    """Sign as botocore does, with the server's own key."""
    key = Keys(running.home).root
    request = AWSRequest(method, running.url + path, headers, body)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(Credentials(key.access_key, key.secret), service, "us-east-1").add_auth(request)
    return {name: str(value) for name, value in request.headers.items()}


def test_health_needs_no_signature(server: Running) -> None:
    assert json.loads(ask(server, "GET", HEALTH).text) == {"status": "ok"}


ROUTES = [
    ("POST", "/", {**JSON, "x-amz-target": "SageMaker.ListModels"}),
    ("POST", "/", {**JSON, "x-amz-target": "Logs_20140328.DescribeLogGroups"}),
    ("POST", "/", {"content-type": "application/x-www-form-urlencoded"}),
    ("POST", "/endpoints/e/invocations", {}),
    ("POST", "/service/GraniteServiceVersion20100801/operation/ListMetrics", {"smithy-protocol": "rpc-v2-cbor"}),
    *(
        (
            method,
            p.path.pattern.replace("(?P<Bucket>[^/]+)", "bucket").replace("(?P<Key>.+)", "key").rstrip("/?") or "/",
            {},
        )
        for method, found in patterns("s3").items()
        for p in found[:4]
    ),
]


@pytest.mark.parametrize(("method", "path", "headers"), ROUTES)
@pytest.mark.parametrize("forged", [False, True])
def test_no_route_answers_without_the_right_signature(
    server: Running, method: str, path: str, headers: dict[str, str], forged: bool
) -> None:
    given = dict(headers)
    if forged:
        given |= signed(server, method, path, b"", "s3" if not headers else "sagemaker", **headers)
        given["Authorization"] = given["Authorization"][:-4] + "0000"
    response = ask(server, method, path, b"", given)
    assert response.status in (400, 403, 404, 405), response.text
    if method != "HEAD" and response.status not in (404, 405):
        words = ("Signature", "Authentication", "AccessDenied", "Token", "Client")
        assert any(word in response.text + str(response.headers) for word in words), response.text


def test_a_changed_body_is_not_the_signed_one(server: Running) -> None:
    headers = signed(server, "POST", "/", b"{}", "sagemaker", **JSON, **{"x-amz-target": "SageMaker.ListModels"})
    assert ask(server, "POST", "/", b"{}", headers).status == 200
    assert ask(server, "POST", "/", b"{ }", headers).status in (400, 403)


@pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"origin": "http://evil.example"}])
def test_what_a_web_page_could_send_is_refused(server: Running, headers: dict[str, str]) -> None:
    response = ask(server, "POST", "/", b"{}", {**JSON, "x-amz-target": "SageMaker.ListModels", **headers})
    assert response.status == 403
    assert json.loads(response.text)["__type"] == "AccessDenied"


def test_an_oversized_body_is_refused_before_it_is_read(server: Running) -> None:
    headers = {**JSON, "x-amz-target": "SageMaker.ListModels", "content-length": str(BODY_BYTES + 1)}
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
    connection.putrequest("POST", "/")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_an_operation_that_is_not_answered_is_named(client: Client) -> None:
    with pytest.raises(ClientError, match="ListNotebookInstances") as caught:
        client("sagemaker").list_notebook_instances()
    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"


def test_every_answer_carries_its_request_id(client: Client) -> None:
    answer = client("sts").get_caller_identity()
    assert len(answer["ResponseMetadata"]["RequestId"]) == 36


def test_our_errors_in_their_words() -> None:
    assert translate(NotFoundError("x"), "sagemaker").code == "ResourceNotFound"
    assert translate(NotFoundError("x"), "logs").code == "ResourceNotFoundException"
    assert translate(ConflictError("x"), "sagemaker").code == "ResourceInUse"
    assert translate(ParameterError("x"), "sagemaker").code == "ValidationException"
    assert translate(StorageError("x"), "sagemaker").status == 503


def test_what_a_request_says_never_becomes_a_header_of_its_own(server: Running, client: Client) -> None:
    client("s3").create_bucket(Bucket="headers")
    client("s3").put_object(Bucket="headers", Key="a", Body=b"x")
    answer = client("s3").get_object(Bucket="headers", Key="a", ResponseContentType="a\r\nx-mine: b")
    assert "x-mine" not in answer["ResponseMetadata"]["HTTPHeaders"]
    assert answer["Body"].read() == b"x"


def test_an_iterator_that_ends_early_is_a_fault_not_a_silence() -> None:
    def ended(_: Any) -> Any:
        return next(iter(()))

    with pytest.raises(RuntimeError, match="ended early"):
        _finished(ended, None)


@pytest.mark.parametrize(
    ("service", "function"),
    [("ec2", "describe_instances"), ("sns", "list_topics"), ("ecr", "describe_repositories"), ("batch", "list_jobs")],
)
def test_a_service_that_is_not_answered_is_named_whatever_its_protocol(
    client: Client, service: str, function: str
) -> None:
    arguments = {"jobQueue": "q"} if service == "batch" else {}
    with pytest.raises(ClientError, match=f"does not answer the service '{service}'") as caught:
        getattr(client(service), function)(**arguments)
    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"
