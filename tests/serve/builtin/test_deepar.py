"""DeepAR's answers: what was asked for, by the names it was asked by; what cannot be answered is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tarragon.algorithms.deepar import DeepAR
from tarragon.algorithms.protocol import Standalone
from tarragon.data import Series, SeriesSet
from tarragon.errors import DataError
from tarragon.serve.builtin.deepar import load
from tarragon.serve.protocol import RefusalError

JSON, LINES = "application/json", "application/jsonlines"
SERIES = {"start": "2024-01-01 00:00:00", "target": [1.0, None, 3.0, "NaN", 2.0], "cat": [1]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("deepar")
    start = np.datetime64("2024-01-01", "s")
    data = SeriesSet(tuple(Series(start, 5.0 + np.arange(200) % 7, (i,)) for i in (0, 1)))
    model = DeepAR(time_freq="D", prediction_length=4, context_length=7, epochs=1, num_cells=4, num_layers=1)
    model.fit(data, context=Standalone()).save(place)
    return place


def asked(folder: Path, body: Any, content_type: str = JSON, accept: str = "", **environment: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer, kind = load(folder, {"algorithm": "deepar"}, environment).answer(raw, content_type, accept)
    if kind == JSON:
        return json.loads(answer)["predictions"]
    return [json.loads(line) for line in answer.splitlines()]


def test_means_quantiles_and_samples(folder: Path) -> None:
    configuration = {"num_samples": 30, "output_types": ["mean", "quantiles", "samples"], "quantiles": ["0.1", "0.50"]}
    first, second = asked(folder, {"instances": [SERIES, SERIES], "configuration": configuration})
    assert set(first) == {"mean", "quantiles", "samples"}
    assert list(first["quantiles"]) == ["0.1", "0.50"]
    samples = np.array(first["samples"])
    assert samples.shape == (30, 4)
    np.testing.assert_allclose(samples.mean(axis=0), first["mean"])
    np.testing.assert_allclose(np.quantile(samples, 0.5, axis=0), first["quantiles"]["0.50"])
    assert len(second["mean"]) == 4


def test_left_out_the_configuration_is_the_containers(folder: Path) -> None:
    (answer,) = asked(folder, {"instances": [SERIES]})
    assert set(answer) == {"mean", "quantiles"}
    assert list(answer["quantiles"]) == [f"0.{n}" for n in range(1, 10)]


def test_a_new_series_is_forecast_from_its_category(folder: Path) -> None:
    (answer,) = asked(folder, {"instances": [{"start": "2024-01-01", "target": [], "cat": [0]}]})
    assert np.isfinite(answer["mean"]).all()


def test_lines_of_a_batch_take_their_configuration_from_the_environment(folder: Path) -> None:
    config = json.dumps({"num_samples": 10, "output_types": ["samples"], "quantiles": []})
    body = b"\n".join([json.dumps(SERIES).encode()] * 3) + b"\n"
    found = asked(folder, body, LINES, LINES, DEEPAR_INFERENCE_CONFIG=config)
    assert [set(line) for line in found] == [{"samples"}] * 3
    assert np.array(found[0]["samples"]).shape == (10, 4)
    assert set(asked(folder, body, LINES)[0]) == {"mean", "quantiles"}
    with pytest.raises(DataError, match="DEEPAR_INFERENCE_CONFIG"):
        asked(folder, body, LINES, DEEPAR_INFERENCE_CONFIG="{")
    with pytest.raises(DataError, match="num_samples"):
        asked(folder, body, LINES, DEEPAR_INFERENCE_CONFIG='{"num_samples": 0}')


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not JSON"), ({}, "instances"), ({"instances": []}, "instances"), ({"instances": [1]}, "object"),
        ({"instances": [{"target": [1]}]}, "start"), ({"instances": [{**SERIES, "cat": [7]}]}, "categories"),
        ({"instances": [{**SERIES, "cat": []}]}, "categories"), ({"instances": [SERIES], "configuration": 3}, "object"),
        ({"instances": [SERIES], "configuration": {"num_samples": "9"}}, "num_samples"),
        ({"instances": [SERIES], "configuration": {"output_types": ["mode"]}}, "output_types"),
        ({"instances": [SERIES], "configuration": {"quantiles": [1.5]}}, "quantiles"),
        ({"instances": [SERIES], "configuration": {"samples": 1}}, "samples"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused(folder: Path, body: Any, words: str) -> None:
    with pytest.raises(RefusalError, match=words) as refused:
        asked(folder, body)
    assert refused.value.status == 400


def test_other_types_are_refused(folder: Path) -> None:
    body = {"instances": [SERIES]}
    for content_type, accept, status in (("text/csv", "", 415), (JSON, "text/csv", 406), (JSON, "image/png", 406)):
        with pytest.raises(RefusalError) as refused:
            asked(folder, body, content_type, accept)
        assert refused.value.status == status
