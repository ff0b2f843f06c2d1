import pytest
from tests.serve.conftest import SKLEARN

from tarragon.errors import NotFoundError
from tarragon.serve import Container, Deployment, Invocation, Variant

REGION = "us-east-1"


def times(factor):
    return f"def model_fn(d): return {factor}\n\ndef predict_fn(x, m): return x * m"


async def asked(endpoints, name, **settings):
    reply = await endpoints.invoke(REGION, name, Invocation(b"[1]", "application/json", **settings))
    return reply.status, reply.body.decode()


def test_several_models_of_one_container_are_loaded_when_asked_for(place):
    for factor in (2, 3):
        place.model(f"many/{factor}", times(factor))
    several = Container(SKLEARN, "s3://models/many/", {"SAGEMAKER_PROGRAM": "inference.py"}, several=True)

    async def work(endpoints):
        await endpoints.create(REGION, "many", Deployment("c", (Variant("v", (several,)),)))
        await place.settled("many")
        assert await asked(endpoints, "many", target_model="2/model.tar.gz") == (200, "[2]")
        assert await asked(endpoints, "many", target_model="3/model.tar.gz") == (200, "[3]")
        status, words = await asked(endpoints, "many", target_model="4/model.tar.gz")
        assert (status, "was not loaded" in words) == (404, True)
        status, words = await asked(endpoints, "many", target_model="../../x")
        assert status in (400, 404)
        assert (await asked(endpoints, "many"))[0] == 400

    place.run(work)


def test_one_container_of_several_may_be_asked_alone(place):
    from dataclasses import replace

    first, second = place.model("a", times(2)), replace(place.model("b", times(3)), name="second")

    async def work(endpoints):
        await endpoints.create(REGION, "direct", Deployment("c", (Variant("v", (first, second), direct=True),)))
        await place.settled("direct")
        assert await asked(endpoints, "direct", target_container="second") == (200, "[3]")
        assert await asked(endpoints, "direct", target_container="container_1") == (200, "[2]")
        with pytest.raises(NotFoundError):
            await asked(endpoints, "direct", target_container="third")

    place.run(work)
