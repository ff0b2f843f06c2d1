"""A booster answers what the library answers, one row at a time or many, whoever saved it."""

import json
import pickle
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from tarragon.data import write_rows
from tarragon.errors import DataError
from tarragon.serve.builtin.booster import Booster, opened
from tarragon.serve.protocol import RefusalError

X = np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32)
GOALS = {
    "reg:squarederror": X[:, 0] * 2 - X[:, 1],
    "binary:logistic": (X[:, 0] > 0).astype(float),
    "binary:logitraw": (X[:, 0] > 0).astype(float),
    "binary:hinge": (X[:, 0] > 0).astype(float),
    "multi:softprob": np.digitize(X[:, 0], [-0.5, 0.5]),
    "multi:softmax": np.digitize(X[:, 0], [-0.5, 0.5]),
    "count:poisson": np.round(np.exp(X[:, 0])),
}


def made(objective: str, rounds: int = 8) -> Any:
    params = {"objective": objective, "nthread": 1, "max_depth": 3}
    if objective.startswith("multi:"):
        params["num_class"] = 3
    return xgboost.train(params, xgboost.DMatrix(X, GOALS[objective]), rounds)


def saved(booster: Any, folder: Path, kind: str = "ubj", name: str = "xgboost-model") -> Path:
    (folder / name).write_bytes(booster.save_raw(kind))
    return folder / name


def csv(rows: np.ndarray) -> bytes:
    return "\n".join(",".join(repr(float(v)) for v in row) for row in rows).encode()


@pytest.mark.parametrize("objective", list(GOALS))
@pytest.mark.parametrize("kind", ["ubj", "json"])
def test_it_answers_what_the_library_answers(tmp_path: Path, objective: str, kind: str) -> None:
    booster = made(objective)
    ours = Booster([saved(booster, tmp_path, kind)], {})
    expected = booster.predict(xgboost.DMatrix(X[:5]))
    answer, content_type = ours.answer(csv(X[:5]), "text/csv", "text/csv")
    assert content_type == "text/csv"
    assert answer.decode() == ",".join(map(str, expected.tolist()))
    for i in range(5):
        assert ours.answer(csv(X[i : i + 1]), "text/csv", "*/*")[0].decode() == str(expected[i].tolist())
    found = json.loads(ours.answer(csv(X[:5]), "text/csv", "application/json")[0])
    assert found == {"predictions": [{"score": value} for value in expected.tolist()]}


def test_gaps_and_sparse_rows_are_missing(tmp_path: Path) -> None:
    booster = made("reg:squarederror")
    ours = Booster([saved(booster, tmp_path)], {})
    gaps = np.array([[0.5, np.nan, np.nan, 1.0, np.nan, np.nan]], np.float32)
    expected = str(booster.predict(xgboost.DMatrix(gaps)).tolist()[0])
    assert ours.answer(b"0.5,,,1,,", "text/csv", "")[0].decode() == expected
    assert ours.answer(b"0:0.5 3:1", "text/libsvm", "")[0].decode() == expected
    assert ours.answer(write_rows(X[:2]), "application/x-recordio-protobuf", "")[0].count(b",") == 1


def test_batches_are_a_line_each(tmp_path: Path) -> None:
    ours = Booster([saved(made("reg:squarederror"), tmp_path)], {"SAGEMAKER_BATCH": "true"})
    answer = ours.answer(csv(X[:3]), "text/csv", "")[0]
    assert answer.endswith(b"\n")
    assert len(answer.splitlines()) == 3


def test_the_environment_chooses_the_output(tmp_path: Path) -> None:
    path = saved(made("binary:logistic"), tmp_path)
    ours = Booster([path], {"SAGEMAKER_INFERENCE_OUTPUT": "predicted_label,probability"})
    label, probability = ours.answer(csv(X[:1]), "text/csv", "")[0].decode().strip().split(",")
    assert int(label) == (float(probability) > 0.5)


def test_training_that_noted_its_best_round_is_answered_from_it(tmp_path: Path) -> None:
    booster = made("reg:squarederror", 20)
    booster.set_attr(best_iteration="4")
    ours = Booster([saved(booster, tmp_path)], {})
    expected = booster.predict(xgboost.DMatrix(X[:3]), iteration_range=(0, 5))
    for rows in (X[:1], X[:3]):
        np.testing.assert_allclose(ours.predict(rows), expected[: len(rows)])


def test_several_boosters_are_averaged_and_classes_voted_on(tmp_path: Path) -> None:
    paths = [saved(made("reg:squarederror", n), tmp_path, name=f"xgboost-model-{n}") for n in (2, 4)]
    expected = np.mean([made("reg:squarederror", n).predict(xgboost.DMatrix(X)) for n in (2, 4)], axis=0)
    np.testing.assert_allclose(Booster(paths, {}).predict(X), expected, rtol=1e-5)
    paths = [saved(made("multi:softmax", n), tmp_path, name=f"xgboost-model-{n}") for n in (5, 6, 7)]
    assert set(Booster(paths, {}).predict(X).tolist()) <= {0.0, 1.0, 2.0}


def test_refusals_have_the_containers_status(tmp_path: Path) -> None:
    ours = Booster([saved(made("reg:squarederror"), tmp_path)], {})
    cases = ((b"1,2", "text/csv", "", 400), (b"x", "text/csv", "", 415), (b"1", "image/png", "", 415),
             (csv(X[:1]), "text/csv", "image/png", 406), (b"9:1", "text/libsvm", "", 400))  # fmt: skip
    for body, content_type, accept, status in cases:
        with pytest.raises(RefusalError) as refused:
            ours.answer(body, content_type, accept)
        assert refused.value.status == status
    assert ours.answer(b"", "text/csv", "") == (b"", "text/csv")


def test_pickles_and_damage_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "xgboost-model").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(DataError, match="save_model"):
        opened(tmp_path / "xgboost-model")
    for content in (b"binf\0\0\0\0" * 20, b"", b'{"learner": 1}', b"nonsense"):
        (tmp_path / "xgboost-model").write_bytes(content)
        with pytest.raises(DataError, match="no model that XGBoost"):
            opened(tmp_path / "xgboost-model")


def test_one_row_is_quick(tmp_path: Path) -> None:
    ours = Booster([saved(made("binary:logistic", 100), tmp_path)], {})
    assert ours._quick is not None
    body = csv(X[:1])
    times = []
    for _ in range(300):
        start = time.perf_counter()
        ours.answer(body, "text/csv", "text/csv")
        times.append(time.perf_counter() - start)
    assert min(times) < 300e-6


def test_a_linear_booster_answers_too(tmp_path: Path) -> None:
    booster = xgboost.train({"booster": "gblinear", "nthread": 1}, xgboost.DMatrix(X, GOALS["reg:squarederror"]), 5)
    ours = Booster([saved(booster, tmp_path)], {})
    np.testing.assert_array_equal(ours.predict(X[:7]), booster.predict(xgboost.DMatrix(X[:7])))


def test_columns_counted_from_1_are_shifted_where_they_cannot_be_counted_from_0(tmp_path: Path) -> None:
    booster = made("reg:squarederror")
    ours = Booster([saved(booster, tmp_path)], {})
    from_0 = " ".join(f"{j}:{value!r}" for j, value in enumerate(X[0].tolist()))
    from_1 = " ".join(f"{j + 1}:{value!r}" for j, value in enumerate(X[0].tolist()))
    assert ours.answer(from_1.encode(), "text/libsvm", "*/*") == ours.answer(from_0.encode(), "text/libsvm", "*/*")
    gap = ours.answer(b"1:0.5 2:1", "text/libsvm", "*/*")[0]  # may be counted from 0, and so is
    expected = booster.predict(xgboost.DMatrix(np.array([[np.nan, 0.5, 1, np.nan, np.nan, np.nan]], np.float32)))
    assert float(gap) == expected[0]
    with pytest.raises(RefusalError):
        ours.answer(b"0:1 6:1", "text/libsvm", "*/*")
