"""Metric points: what is kept by minute adds up to what went in, on both databases."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tarragon.engine import Bucket, Metric, Point, Series, Store, summed
from tarragon.errors import ParameterError

WHERE = {"EndpointName": "e", "VariantName": "v"}
LATENCY = Metric("here", "AWS/SageMaker", "ModelLatency", WHERE)


@pytest.fixture
def series(store_url: str) -> Series:
    return Series(Store(store_url))


def test_values_add_up_by_minute_and_period(series: Series) -> None:
    for number, time in enumerate((600, 630, 661, 719, 1200)):
        series.add("here", "AWS/SageMaker", "ModelLatency", WHERE, float(number), time, "Microseconds")
    minutes = series.statistics(LATENCY, 600, 1201, 60)
    assert minutes == [
        Bucket(600, 2, 1, 0, 1, "Microseconds"),
        Bucket(660, 2, 5, 2, 3, "Microseconds"),
        Bucket(1200, 1, 4, 4, 4, "Microseconds"),
    ]
    assert series.statistics(LATENCY, 600, 1200, 300) == [Bucket(600, 4, 6, 0, 3, "Microseconds")]
    assert minutes[1].average == 2.5
    assert series.statistics(LATENCY, 0, 600, 60) == []


def test_other_dimensions_realms_and_names_are_others(series: Series) -> None:
    series.add("here", "n", "m", {"a": "1"}, 1.0, 0)
    series.add("here", "n", "m", {"a": "2"}, 1.0, 60)
    series.add("here", "n", "o", {}, 1.0, 6000)
    series.add("there", "n", "m", {"a": "1"}, 1.0, 0)
    assert [(each.name, dict(each.dimensions)) for each in series.metrics("here")] == [
        ("m", {"a": "1"}), ("m", {"a": "2"}), ("o", {}),
    ]  # fmt: skip
    assert [each.name for each in series.metrics("here", since=3000)] == ["o"]
    assert series.metrics("here", "n", "o") == [Metric("here", "n", "o", {})]
    assert series.metrics("here", "N") == []
    assert len(series.statistics(Metric("here", "n", "m", {"a": "1"}), 0, 100, 60)) == 1


def test_writers_side_by_side_lose_nothing(series: Series) -> None:
    def write(worker: int) -> None:
        for step in range(10):
            series.add_many(
                [Point("here", "n", str(name), {}, 30.0, 1, worker, worker, worker) for name in range(worker % 3, 5)]
                + [Point("here", "n", "all", {}, 30.0, 1, step, step, step)]
            )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    (found,) = series.statistics(Metric("here", "n", "all"), 0, 60, 60)
    assert found == Bucket(0, 40, 4 * 45, 0, 9)


def test_what_is_no_number_is_refused(series: Series) -> None:
    with pytest.raises(ParameterError, match="finite"):
        series.add("here", "n", "m", {}, float("nan"), 0)


def test_periods_count_from_their_origin() -> None:
    values = [Bucket(time, 1, time, time, time) for time in (130.0, 10.0, 69.0)]
    assert summed(values, 10, 60) == [Bucket(10, 2, 79, 10, 69), Bucket(130, 1, 130, 130, 130)]
