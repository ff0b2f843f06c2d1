"""Tables of the hub's tabular algorithms: channels, categories, labels, what is held out."""

import json
from pathlib import Path

import numpy as np
import pytest

from tarragon.errors import DataError
from tarragon.train.builtin import Channel, Order, Teller
from tarragon.train.builtin.labelled import Labelled, apart, read

from .conftest import Heard

ROWS = "1,a,0.5\n0,b,\n1,a,2\n0,c,1\n1,b,3\n"
CATEGORIES = json.dumps({"cat_index_list": [1]})


def given(folder: Path, files: dict[str, str], model_id: str = "", content_type: str = "", **how: bool) -> Labelled:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    channels = {each.name: Channel(each, content_type) for each in folder.iterdir()}
    return read(Order({}, channels, folder, Teller(Heard()), model_id), **how)


@pytest.mark.parametrize(
    "layout",
    [
        ("train/rows.csv", "validation/rows.csv", "train/categorical_index.json"),
        ("training/rows.csv", "validation/rows.csv", "training/categorical_index.json"),
        ("training/training/rows.csv", "training/validation/rows.csv", "training/categorical_index.json"),
        ("training/train/rows.csv", "training/validation/rows.csv", "training/train/categorical_index.json"),
    ],
)
def test_rows_are_found_in_every_layout(tmp_path: Path, layout: tuple[str, str, str]) -> None:
    rows, judged, index = layout
    held = "0,b,7\n1,d,8\n"
    found = given(tmp_path, {rows: ROWS, judged: held, index: CATEGORIES}, "catboost-classification-model")
    assert found.levels == {0: ("a", "b", "c")}
    assert found.classes == (0, 1)
    assert found.train.categorical == (0,)
    np.testing.assert_array_equal(found.train.X[:, 0], [0, 1, 0, 2, 1])
    np.testing.assert_array_equal(found.valid.X, [[1, 7], [np.nan, 8]])  # d was not there in training
    np.testing.assert_array_equal(found.valid.y, [0, 1])


def test_a_fifth_is_held_out_where_nothing_is_given(tmp_path: Path) -> None:
    text = "\n".join(f"{i},{i * 2}" for i in range(50))
    found = given(tmp_path, {"training/a.csv": text[:40].rpartition("\n")[0], "training/b.csv": text[40:].lstrip("\n")})
    whole = given(tmp_path / "whole", {"training/a.csv": text}, "lightgbm-regression-model")
    assert (whole.train.n_rows, whole.valid.n_rows) == (40, 10)
    assert sorted([*whole.train.y, *whole.valid.y]) == list(range(50))  # type: ignore[misc]
    assert found.classes == ()  # fifty values are no classes
    fit, judged = apart(7)
    assert (len(fit), len(judged)) == (5, 2)


def test_labels_may_be_text_and_are_answered_as_they_were(tmp_path: Path) -> None:
    rows = "yes,1\nno,2\nyes,3\n"
    found = given(tmp_path, {"train/a.csv": rows, "validation/a.csv": "no,1\n"}, "lightgbm-classification-model")
    assert found.classes == ("no", "yes")
    np.testing.assert_array_equal(found.train.y, [1, 0, 1])
    assert found.facts() == {"feature_dim": 1, "classes": ["no", "yes"], "levels": {}}


def test_categories_that_are_codes_stay_unless_they_are_to_be_coded(tmp_path: Path) -> None:
    files = {"train/a.csv": "1.5,7\n2.5,3.0\n", "validation/a.csv": "1,3\n", "train/categorical_index.json": CATEGORIES}
    plain = given(tmp_path / "plain", files, "lightgbm-regression-model")
    np.testing.assert_array_equal(plain.train.X[:, 0], [7, 3])
    coded = given(tmp_path / "coded", files, "pytorch-tabtransformerregression-model", coded=True)
    assert coded.levels == {0: ("3", "7")}
    np.testing.assert_array_equal(coded.train.X[:, 0], [1, 0])
    np.testing.assert_array_equal(coded.valid.X[:, 0], [0])


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"train/a.csv": "1,2\n2,3,4\n"}, "cannot be read"),
        ({"train/a.csv": ""}, "no rows"),
        ({"train/a.csv": "1\n2\n"}, "no columns beside the label|cannot be read"),
        ({"train/a.csv": "label,age\n1,2\n0,3\n"}, "not a number"),
        ({"train/a.csv": "1,x\n0,y\n1,z\n"}, "not a number"),
        ({"train/a.csv": "1,1\n1,2\n"}, "all are alike"),
        ({"train/a.csv": "1,1\n,2\n0,2\n"}, "are missing"),
        ({"train/a.csv": "1,1\n0,2\n", "validation/a.csv": "2,1\n"}, "validation rows have 2"),
        ({"train/a.csv": "1,1\n0,2\n", "validation/a.csv": "1,1,1\n"}, "do not fit together"),
        ({"train/a.csv": "1,1\n0,2\n", "train/categorical_index.json": "{"}, "cannot be read"),
        ({"train/a.csv": "1,1\n0,2\n", "train/categorical_index.json": '{"cat_index_list": [0]}'}, "not there"),
        ({"train/a.csv": "1,1.5\n0,2\n", "train/categorical_index.json": CATEGORIES}, "holds no categories"),
        ({"validation/a.csv": "1,1\n"}, '"training" is missing'),
    ],
)
def test_what_cannot_be_learned_is_said(tmp_path: Path, files: dict[str, str], words: str) -> None:
    with pytest.raises(DataError, match=words):
        given(tmp_path, files, "lightgbm-classification-model")


def test_rows_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="libsvm"):
        given(tmp_path, {"train/a": "1 0:1\n"}, content_type="text/libsvm")
    with pytest.raises(DataError, match="not numbers"):
        given(tmp_path / "text", {"train/a": "x,1\ny,2\n"}, "catboost-regression-model")
