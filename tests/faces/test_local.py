"""A server in the background: started once per home, found, described to clients, ended."""

import os
from pathlib import Path

import boto3
import pytest

from tarragon.errors import ConflictError, NotFoundError
from tarragon.faces import local


def test_started_found_used_and_ended(tmp_path: Path) -> None:
    assert local.known(tmp_path) is None
    found = local.start(tmp_path, port=0)
    try:
        assert local.known(tmp_path) == found
        with pytest.raises(ConflictError, match="tarragon down"):
            local.start(tmp_path, port=0)
        told = local.environment(tmp_path, found.url)
        client = boto3.client(
            "sts", endpoint_url=told["AWS_ENDPOINT_URL"], aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"], region_name=told["AWS_DEFAULT_REGION"],
        )  # fmt: skip
        assert client.get_caller_identity()["Account"] == "123456789012"
    finally:
        local.stop(tmp_path)
    assert local.known(tmp_path) is None
    with pytest.raises(NotFoundError):
        local.stop(tmp_path)


def test_a_clients_environment_leads_nowhere_else(tmp_path: Path) -> None:
    base = {"AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "t", "HOME": "/h", "PATH": os.defpath}
    made = local.client_environment(tmp_path, "http://127.0.0.1:1", base)
    assert "AWS_PROFILE" not in made
    assert "AWS_SESSION_TOKEN" not in made
    assert made["HOME"] == "/h"
    assert made["TARRAGON_SHIM"] == "1"
    assert "TelemetryOptOut: true" in Path(made["SAGEMAKER_USER_CONFIG_OVERRIDE"]).read_text()


def test_a_file_of_a_dead_server_is_not_believed(tmp_path: Path) -> None:
    local.announce(tmp_path, local.Known("http://127.0.0.1:9", 1, "host.realm.1.1", 0.0))
    assert local.known(tmp_path) is None
