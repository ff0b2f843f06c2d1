"""Spoilt requests, properly signed, are answered as AWS would: never a fault of ours, never silence."""

from random import Random
from urllib.parse import urlsplit

import pytest
from botocore.credentials import Credentials
from tests.faces.aws.conftest import client_of, started
from tests.faces.aws.mutate import Tally, mutated, send, valid_requests
from tests.faces.aws.stage import prepare
from tests.faces.aws.test_generate import operations

from tarragon.engine import Keys

REQUESTS = 500  # benchmarks/fuzz.py sends 10,000


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with started(tmp_path_factory.mktemp("home")) as server:
        yield server


def test_spoilt_requests_are_answered_as_aws_would(running):
    made = {}

    def client(service):
        return made.setdefault(service, client_of(running, service))

    prepare(client)
    requests = valid_requests(client, operations())
    assert len(requests) > 400
    key, parts = Keys(running.home).root, urlsplit(running.url)
    credentials = Credentials(key.access_key, key.secret)
    random, tally = Random(20), Tally()
    for _ in range(REQUESTS):
        request = mutated(random.choice(requests), random)
        try:
            tally.count(request, *send(request, (parts.hostname, parts.port), credentials))
        except OSError as error:
            tally.hung(request, error)
    assert tally.faults == []
    assert tally.classes.get("2xx", 0) > 20  # some changes do no harm; more, and nothing was changed
    assert tally.classes["4xx"] > REQUESTS // 2
