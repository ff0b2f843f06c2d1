"""A server starts, says where, ends, and starts again on what it left."""

from pathlib import Path

import pytest
from tests.faces.aws.conftest import client_of, started

from tarragon.errors import ConflictError
from tarragon.faces.aws.gateway import Address, Running


def test_what_was_acknowledged_is_there_after_a_restart(tmp_path: Path) -> None:
    with started(tmp_path) as first:
        client_of(first, "s3").create_bucket(Bucket="kept")
        client_of(first, "s3").put_object(Bucket="kept", Key="a/b", Body=b"words")
        client_of(first, "sagemaker").create_experiment(ExperimentName="kept")
    with started(tmp_path) as second:
        assert client_of(second, "s3").get_object(Bucket="kept", Key="a/b")["Body"].read() == b"words"
        assert client_of(second, "sagemaker").describe_experiment(ExperimentName="kept")["ExperimentName"] == "kept"


def test_regions_are_separate(tmp_path: Path) -> None:
    with started(tmp_path) as running:
        client_of(running, "sagemaker", "eu-west-1").create_experiment(ExperimentName="there")
        assert client_of(running, "sagemaker").list_experiments()["ExperimentSummaries"] == []


def test_a_port_is_taken_once(tmp_path: Path) -> None:
    with started(tmp_path) as running:
        port = int(running.url.rpartition(":")[2])
        with pytest.raises(ConflictError, match="--port"):
            Running(tmp_path / "other", Address(port=port))
