import asyncio
import json
import os
import signal
import time

import pytest

from tarragon.engine.series import Metric
from tarragon.errors import ConflictError, NotFoundError
from tarragon.serve import Deployment, Invocation, Variant

REGION = "us-east-1"
ASKED = Invocation(b"[1, 2]", "application/json", "application/json")
TRIPLES = """
def model_fn(model_dir):
    return 3

def predict_fn(data, model):
    return data * model
"""
WHO = """
import os, time

def model_fn(model_dir):
    return os.getpid()

def input_fn(body, content_type):
    return body

def predict_fn(data, model):
    if data == "die":
        os._exit(3)
    if data.startswith("sleep"):
        time.sleep(float(data.split()[1]))
    return model

def output_fn(prediction, accept):
    return str(prediction)
"""


async def asked(endpoints, name, text, **settings):
    reply = await endpoints.invoke(REGION, name, Invocation(text.encode(), "text/plain", **settings))
    return reply.status, reply.body.decode()


def test_a_model_answers_and_is_deleted(place):
    async def work(endpoints):
        await endpoints.create(REGION, "one", place.deployment())
        assert place.documents.get(REGION, "endpoint", "one").content["status"] == "Creating"
        assert (await place.settled("one"))["status"] == "InService"
        reply = await endpoints.invoke(REGION, "one", ASKED)
        assert (reply.status, json.loads(reply.body), reply.variant) == (200, [2, 4], "AllTraffic")
        with pytest.raises(ConflictError):
            await endpoints.create(REGION, "one", place.deployment())
        with pytest.raises(NotFoundError):
            await endpoints.invoke("eu-west-1", "one", ASKED)
        await endpoints.delete(REGION, "one")
        with pytest.raises(NotFoundError):
            await endpoints.invoke(REGION, "one", ASKED)
        assert place.documents.find(REGION, "endpoint", "one") is None

    place.run(work)
    group = "/aws/sagemaker/Endpoints/one"
    lines = [
        event.message
        for stream in place.logs.streams(REGION, group)
        for event in place.logs.events(REGION, group, stream.name).events
    ]
    assert "loading the model" in lines
    where = {"EndpointName": "one", "VariantName": "AllTraffic"}
    now = time.time()
    found = place.series.statistics(Metric(REGION, "AWS/SageMaker", "Invocations", where), now - 600, now + 600, 60)
    assert sum(bucket.total for bucket in found) == 1
    latency = place.series.statistics(Metric(REGION, "AWS/SageMaker", "ModelLatency", where), now - 600, now + 600, 60)
    assert latency[0].unit == "Microseconds"
    assert 0 < latency[0].most < 60e6


def test_an_endpoint_that_cannot_be_says_why(place):
    async def work(endpoints):
        lost = place.deployment()
        place.objects.delete(lost.variants[0].containers[0].model)
        await endpoints.create(REGION, "lost", lost)
        await endpoints.create(REGION, "broken", place.deployment("raise OSError('no such weights')", name="broken"))
        await endpoints.create(REGION, "ended", place.deployment("import os; os._exit(3)", name="ended"))
        reasons = {}
        for name in ("lost", "broken", "ended"):
            content = await place.settled(name)
            assert content["status"] == "Failed"
            reasons[name] = content["reason"]
        assert "Failed to download model data" in reasons["lost"]
        assert "no such weights" in reasons["broken"]
        assert "AllTraffic did not pass the ping health check" in reasons["ended"]
        with pytest.raises(NotFoundError):
            await endpoints.invoke(REGION, "broken", ASKED)

    place.run(work)


def test_an_update_answers_throughout_and_a_bad_one_changes_nothing(place):
    async def work(endpoints):
        await endpoints.create(REGION, "one", place.deployment())
        await place.settled("one")
        answers, stop = [], asyncio.Event()

        async def ask():
            while not stop.is_set():
                reply = await endpoints.invoke(REGION, "one", ASKED)
                assert reply.status == 200, reply.body
                answers.append(json.loads(reply.body))

        asking = asyncio.create_task(ask())
        await endpoints.update(REGION, "one", place.deployment("raise ValueError('bad')", name="bad"))
        with pytest.raises(ConflictError):
            await endpoints.update(REGION, "one", place.deployment())
        content = await place.settled("one")
        assert content["status"] == "InService"
        assert "bad" in content["reason"]
        assert answers[-1] == [2, 4]
        await endpoints.update(REGION, "one", place.deployment(TRIPLES, name="triples"))
        content = await place.settled("one")
        assert content["reason"] == ""
        await asyncio.sleep(0.2)
        stop.set()
        await asking
        assert answers[0] == [2, 4]
        assert answers[-1] == [3, 6]

    place.run(work)


def test_weights_share_the_requests_and_a_variant_can_be_named(place):
    async def work(endpoints):
        two = place.model("two", "def model_fn(d): return 2\n\ndef predict_fn(x, m): return m")
        three = place.model("three", "def model_fn(d): return 3\n\ndef predict_fn(x, m): return m")
        variants = Variant("a", (two,), 3.0), Variant("b", (three,), 1.0)
        await endpoints.create(REGION, "both", Deployment("c", variants))
        await place.settled("both")
        found = [(await endpoints.invoke(REGION, "both", ASKED)).variant for _ in range(400)]
        assert 240 < found.count("a") < 360
        named = await endpoints.invoke(REGION, "both", Invocation(b"1", "application/json", target_variant="b"))
        assert (named.variant, named.body) == ("b", b"3")
        with pytest.raises(NotFoundError):
            await endpoints.invoke(REGION, "both", Invocation(b"1", "application/json", target_variant="c"))
        await endpoints.rescale(REGION, "both", {"a": (0.0, 2)})
        content = await place.settled("both")
        found = [(await endpoints.invoke(REGION, "both", ASKED)).variant for _ in range(50)]
        assert set(found) == {"b"}
        assert content["status"] == "InService"

    place.run(work)


def test_a_pipeline_hands_on(place):
    async def work(endpoints):
        two, three = (
            place.model("two", "def model_fn(d): return 2\n\ndef predict_fn(x, m): return x * m"),
            place.model("three", TRIPLES),
        )
        await endpoints.create(REGION, "line", Deployment("c", (Variant("a", (two, three)),)))
        await place.settled("line")
        assert json.loads((await endpoints.invoke(REGION, "line", ASKED)).body) == [6, 12]

    place.run(work)


def test_a_worker_that_dies_or_hangs_is_replaced(place):
    async def work(endpoints):
        await endpoints.create(REGION, "who", place.deployment(WHO, name="who"))
        await place.settled("who")
        status, first = await asked(endpoints, "who", "hello")
        assert status == 200
        dying = asyncio.create_task(asked(endpoints, "who", "die"))
        behind = asyncio.create_task(asked(endpoints, "who", "behind"))
        status, words = await dying
        assert (status, "ended while" in words) == (0, True)
        status, second = await behind
        assert status == 200
        assert second != first
        os.kill(int(second), signal.SIGKILL)
        await asyncio.sleep(0.05)
        status, third = await asked(endpoints, "who", "again")
        assert third != second
        status, words = await asked(endpoints, "who", "sleep 30", timeout_s=0.5)
        assert (status, "timed out" in words) == (0, True)
        status, fourth = await asked(endpoints, "who", "again")
        assert status == 200
        assert fourth != third

    place.run(work)


def test_endpoints_come_back(place):
    async def create(endpoints):
        await endpoints.create(REGION, "one", place.deployment())
        await place.settled("one")

    async def interrupted(endpoints):
        reply = await endpoints.invoke(REGION, "one", ASKED)  # waits until it is up again
        assert json.loads(reply.body) == [2, 4]
        await endpoints.update(REGION, "one", place.deployment(TRIPLES, name="triples"))

    async def after(endpoints):
        assert (await place.settled("one"))["status"] == "InService"
        assert json.loads((await endpoints.invoke(REGION, "one", ASKED)).body) == [3, 6]
        place.objects.delete("s3://models/triples/model.tar.gz")

    place.run(create)
    place.run(interrupted)
    place.run(after)
    place.run(lambda endpoints: endpoints.invoke(REGION, "one", ASKED))  # its model is kept here, not fetched again


def test_pieces_come_one_by_one(place):
    script = """
import time
def model_fn(d): return 1
def transform_fn(model, data, content_type, accept):
    def pieces():
        for word in ("a", "b", "c"):
            yield word
            time.sleep(0.2)
    return pieces(), "text/plain"
"""

    async def work(endpoints):
        await endpoints.create(REGION, "words", place.deployment(script, name="words"))
        await place.settled("words")
        loop = asyncio.get_running_loop()
        reply = await endpoints.stream(REGION, "words", ASKED)
        times, parts = [], []
        async for piece in reply.pieces:
            times.append(loop.time())
            parts.append(piece)
        assert [part for part in parts if part] == [b"a", b"b", b"c"]
        assert times[-1] - times[0] > 0.3
        whole = await endpoints.invoke(REGION, "words", ASKED)
        assert (whole.body, whole.content_type) == (b"abc", "text/plain")

    place.run(work)
