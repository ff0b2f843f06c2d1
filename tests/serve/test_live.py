from collections import Counter
from types import SimpleNamespace

import pytest

from tarragon.errors import NotFoundError
from tarragon.serve.live import Live


def live(**weights):
    made = Live("r", "e")
    made.fleets = {name: SimpleNamespace(variant=SimpleNamespace(name=name, weight=w)) for name, w in weights.items()}
    made.weigh()
    return made


def shares(made):
    return Counter(made.choose("").variant.name for _ in range(2000))


def test_requests_are_shared_by_weight():
    found = shares(live(a=3.0, b=1.0, c=0.0))
    assert 1350 < found["a"] < 1650
    assert found["c"] == 0
    assert shares(live(a=0.5)) == {"a": 2000}
    assert set(shares(live(a=0.0, b=0.0))) == {"a", "b"}


def test_a_variant_may_be_named():
    made = live(a=1.0, b=0.0)
    assert made.choose("b").variant.name == "b"
    with pytest.raises(NotFoundError, match="Variant c not found"):
        made.choose("c")


def test_what_is_counted_is_taken_out_once():
    made = live(a=1.0)
    made.meter(made.choose("")).add(200, 0.1, 0.1, 1)
    assert {point.dimensions["VariantName"] for point in made.points()} == {"a"}
    assert made.points() == []
