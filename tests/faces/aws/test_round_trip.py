"""Every operation answers the smallest and the fullest valid input, through real boto3, in AWS's shape."""

import pytest
from botocore.exceptions import ClientError, ParamValidationError
from tests.faces.aws.conftest import client_of, started
from tests.faces.aws.generate import Generator
from tests.faces.aws.stage import KNOWN, prepare
from tests.faces.aws.test_generate import operations

from tarragon.faces.aws.wire.model import function_names, operation_model

OPERATIONS = list(operations())


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    made = {}
    with started(tmp_path_factory.mktemp("home")) as running:

        def client(service):
            if service not in made:
                made[service] = client_of(running, service)
            return made[service]

        prepare(client)
        yield client


@pytest.mark.parametrize(("service", "name"), OPERATIONS, ids=[f"{s}.{n}" for s, n in OPERATIONS])
def test_valid_inputs_are_answered(clients, service, name):
    operation = operation_model(service, name)
    call = getattr(clients(service), function_names(service)[name])
    for full in (False, True):
        for known in ({}, KNOWN):
            params = Generator(7, full=full, known=known).input(operation.input_shape)
            try:
                answer = call(**params)
            except ParamValidationError:  # botocore's own rules beyond the model, such as bucket names
                if service != "s3":
                    raise
                continue
            except ClientError as error:
                refused(service, error.response)
                continue
            assert answer["ResponseMetadata"]["HTTPStatusCode"] < 400
            lacking = missing(operation.output_shape, answer)
            assert lacking == [], f"{name} answers without {lacking}"
            drain(answer)


def refused(service, response):
    status, code = response["ResponseMetadata"]["HTTPStatusCode"], response["Error"].get("Code", "")
    assert 400 <= status < 500 or (service == "s3" and (status, code) == (501, "NotImplemented")), response
    assert code, response
    assert "fault in Tarragon" not in response["Error"].get("Message", "")


def missing(shape, value, path=""):
    """Name required members that an answer lacks."""
    if shape is None or value is None:
        return []
    if shape.type_name == "structure":
        found = [f"{path}.{name}" for name in shape.required_members if name not in value]
        return found + [
            each
            for name, member in shape.members.items()
            if name in value
            for each in missing(member, value[name], f"{path}.{name}")
        ]
    if shape.type_name == "list":
        return [each for item in value for each in missing(shape.member, item, f"{path}[]")]
    if shape.type_name == "map":
        return [each for item in value.values() for each in missing(shape.value, item, f"{path}{{}}")]
    return []


def drain(answer):
    for value in answer.values():
        if hasattr(value, "read"):
            value.read()
