import asyncio
import time

from tarragon.errors import NotFoundError
from tarragon.serve import Reply
from tarragon.serve.queue import KIND, Queue


def request(**changes):
    given = {
        "endpoint": "e", "input": "s3://models/in", "output": "s3://models/out", "failure": "s3://models/bad",
        "type": "text/csv", "accept": "*/*", "custom": "", "variant": "", "id": "1", "until": time.time() + 60,
        "timeout_s": 5, "concurrency": 0,
    }  # fmt: skip
    return {**given, **changes}


def worked(place, answer, *requests, seconds=5.0):
    """Queue requests and wait until all are over."""

    async def main():
        queue = Queue(place.documents, place.objects, answer)
        await queue.recover()
        for number, each in enumerate(requests):
            await queue.add("r", str(number), each)
        end = time.monotonic() + seconds
        while place.documents.list("r", KIND) and time.monotonic() < end:
            await asyncio.sleep(0.02)
        await queue.close()

    asyncio.run(main())


async def echoes(realm, name, invocation):
    return Reply(invocation.body + b"!")


async def fails(realm, name, invocation):
    return Reply(b"odd", status=500, container="primary")


async def hangs(realm, name, invocation):
    await asyncio.sleep(60)


def test_the_answer_is_stored(place):
    place.objects.put("s3://models/in", b"x")
    worked(place, echoes, request())
    assert place.objects.get("s3://models/out") == b"x!"
    assert place.documents.list("r", KIND) == ()


def test_a_failure_is_stored_too(place):
    place.objects.put("s3://models/in", b"x")
    worked(place, fails, request(), request(input="s3://models/none", failure="s3://models/missing"))
    assert place.objects.get("s3://models/bad") == b'Received server error (500) from primary with message "odd".'
    assert b"Failed to download input" in place.objects.get("s3://models/missing")
    worked(place, echoes, request(until=0, failure="s3://models/late"))
    assert b"time to live" in place.objects.get("s3://models/late")


def test_what_was_not_done_is_done_by_the_next(place):
    place.objects.put("s3://models/in", b"x")
    worked(place, hangs, request(), seconds=0.3)
    assert len(place.documents.list("r", KIND)) == 1
    worked(place, echoes)
    assert place.objects.get("s3://models/out") == b"x!"


def test_an_endpoint_that_is_gone_fails_its_requests(place):
    async def gone(realm, name, invocation):
        raise NotFoundError("no such endpoint")

    place.objects.put("s3://models/in", b"x")
    worked(place, gone, request())
    assert b"no such endpoint" in place.objects.get("s3://models/bad")
