"""The model a run ends with is the weighted mean of its members, comes back from disk as it was, and runs no code."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tarragon.engine import folder_bytes
from tarragon.errors import DataError, IntegrityError
from tarragon.refine import Calibration, TableModel, is_glass_box
from tarragon.refine.model import bag


@pytest.fixture
def model(ground: Any) -> TableModel:
    members = tuple(bag(t, w, ground.folder) for t, w in zip(ground.trials, (0.25, 0.75), strict=True))
    return TableModel(
        ground.encoder, members, "binary", ground.table.classes, "back", Calibration(1.3, 0.2), threshold=0.4
    )


def test_an_answer_is_the_calibrated_weighted_mean(model: TableModel, ground: Any) -> None:
    frame = ground.table.frame
    mean = np.zeros((len(frame), 2))
    for member in model.members:
        rows = ground.encoder.transform(frame, member.view)
        mean += member.weight * np.mean([m.predict(rows)["probability"] for m in member.models], axis=0)
    odds = np.log(mean[:, 1] / mean[:, 0])
    expected = 1 / (1 + np.exp(-(1.3 * odds + 0.2)))
    np.testing.assert_allclose(model.predict_proba(frame)[:, 1], expected, rtol=1e-6)
    np.testing.assert_array_equal(model.predict(frame), np.asarray(ground.table.classes)[(expected >= 0.4).astype(int)])


def test_asked_for_a_fold_only_models_that_did_not_see_it_answer(model: TableModel, ground: Any) -> None:
    model.calibration = Calibration()
    fold = ground.split.folds[1].valid
    expected = sum(w * t.oof[fold] for t, w in zip(ground.trials, (0.25, 0.75), strict=True))
    np.testing.assert_allclose(model.respond(ground.table.frame[fold], fold=1), expected, rtol=1e-6)
    with pytest.raises(DataError, match=r"no fit of .* for fold 7"):
        model.respond(ground.table.frame[fold], fold=7)


def test_saved_and_loaded_it_answers_with_the_same_bytes(model: TableModel, ground: Any, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    back = TableModel.load(tmp_path / "model")
    assert back.respond(ground.table.frame).tobytes() == model.respond(ground.table.frame).tobytes()
    assert (back.classes, back.threshold, back.calibration) == (model.classes, 0.4, Calibration(1.3, 0.2))
    assert back.size_parts() == model.size_parts()
    assert back.size_bytes == folder_bytes(tmp_path / "model" / "members")


def test_a_changed_folder_is_refused(model: TableModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    about = json.loads(path.read_text())
    outside = {**about, "members": [{**about["members"][0], "trial": "../../elsewhere"}]}
    for changed in (outside, {**about, "format": 99}, {"format": 1}):
        path.write_text(json.dumps(changed))
        with pytest.raises(IntegrityError):
            TableModel.load(tmp_path / "model")
    path.write_text("{")
    with pytest.raises(IntegrityError, match="cannot be read"):
        TableModel.load(tmp_path / "model")


def test_missing_columns_are_named_and_others_ignored(model: TableModel, ground: Any) -> None:
    frame = ground.table.frame.head(4)
    answers = model.predict_proba(frame.select("room", "nights", "price").with_columns(extra=1))
    np.testing.assert_array_equal(answers, model.predict_proba(frame))
    assert model.notes == ()
    model.predict(frame.drop("nights"))
    assert any("nights" in note for note in model.notes)


def test_numbers_have_no_probabilities(model: TableModel, ground: Any) -> None:
    model.task = "regression"
    with pytest.raises(DataError, match="Use predict"):
        model.predict_proba(ground.table.frame)


def test_one_readable_member_is_a_glass_box(model: TableModel) -> None:
    assert is_glass_box(model.members[:1])
    assert not is_glass_box(model.members[1:])
    assert not is_glass_box(model.members)
