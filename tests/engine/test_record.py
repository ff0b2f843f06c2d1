import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from tarragon.engine import dump, load
from tarragon.errors import IntegrityError, NotFoundError, ParameterError


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    name: str
    scores: tuple[float, ...]
    oof: NDArray[np.float64]
    more: Mapping[str, NDArray[Any]]
    other: "NDArray[np.float64] | None" = None


@dataclass(frozen=True, slots=True)
class Cat:
    name: str


@dataclass(frozen=True, slots=True)
class Dog:
    name: str


@dataclass(frozen=True, slots=True)
class Kennel:
    animals: tuple[Cat | Dog, ...]


def test_a_value_with_arrays_comes_back(tmp_path):
    trial = Trial(
        "a", (0.5, math.nan), np.array([[1.0, np.nan], [np.inf, 2.0]]), {"codes": np.arange(3, dtype=np.int8)}, None
    )
    dump(trial, tmp_path / "t.json")
    back = load(tmp_path / "t.json", Trial)
    assert back.name == "a"
    assert math.isnan(back.scores[1])
    np.testing.assert_array_equal(back.oof, trial.oof)
    assert back.more["codes"].dtype == np.int8
    assert back.other is None
    json.loads((tmp_path / "t.json").read_text(), parse_constant=lambda word: pytest.fail(word))


dtypes = st.sampled_from(["f8", "f4", "f2", "i8", "u1", "?", "<U3", "c16", "M8[us]", ">i4"])


@settings(deadline=None, max_examples=50)
@given(array=dtypes.flatmap(lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0))))
def test_any_array_without_objects_comes_back(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("arrays") / "x.json"
    dump({"a": array}, path)
    back = load(path, dict[str, NDArray[Any]])["a"]
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


def test_the_same_value_gives_the_same_bytes(tmp_path):
    for folder in ("a", "b"):
        dump({"x": np.arange(10)}, tmp_path / folder / "v.json")
    assert sorted(os.listdir(tmp_path / "a")) == sorted(os.listdir(tmp_path / "b"))
    for name in os.listdir(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_replaced_value_leaves_nothing_behind(tmp_path):
    path = tmp_path / "v.json"
    dump({"x": np.arange(10)}, path)
    dump({"x": np.arange(11)}, tmp_path / "v2.json")
    dump({"x": np.arange(12)}, path)
    assert len(os.listdir(tmp_path)) == 4
    assert len(load(path, dict[str, NDArray[Any]])["x"]) == 12
    dump({"x": 1}, path)
    assert sorted(name for name in os.listdir(tmp_path) if not name.startswith("v2")) == ["v.json"]
    assert len(load(tmp_path / "v2.json", dict[str, NDArray[Any]])["x"]) == 11


def test_a_union_of_records_with_equal_fields_comes_back(tmp_path):
    kennel = Kennel((Dog("a"), Cat("b")))
    dump(kennel, tmp_path / "k.json")
    assert load(tmp_path / "k.json", Kennel) == kennel


def test_object_arrays_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="pickled"):
        dump({"x": np.array([{}], dtype=object)}, tmp_path / "v.json")
    assert os.listdir(tmp_path) == []


def test_what_would_not_come_back_is_refused_before_it_is_written(tmp_path):
    for value in (Cat(3), (Cat("a"), Cat(3)), {"x": [Cat(3)]}):
        with pytest.raises(ParameterError, match=r"value\.name is 3 where a text is expected"):
            dump(value, tmp_path / "v.json")
    assert os.listdir(tmp_path) == []


def test_nothing_there(tmp_path):
    with pytest.raises(NotFoundError, match="no saved v"):
        load(tmp_path / "v.json", int)


def test_damage_is_noticed(tmp_path):
    path = tmp_path / "v.json"
    dump({"x": np.arange(100)}, path)
    packed = next(tmp_path.glob("*.npz"))
    good = packed.read_bytes()
    packed.write_bytes(good[:400] + b"\xff" + good[401:])
    with pytest.raises(IntegrityError, match="hash"):
        load(path, dict[str, NDArray[Any]])
    packed.unlink()
    with pytest.raises(IntegrityError, match="not beside it"):
        load(path, dict[str, NDArray[Any]])
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(IntegrityError, match="no JSON"):
        load(path, dict[str, NDArray[Any]])
    path.write_text('{"format": 99, "value": 1}')
    with pytest.raises(IntegrityError, match="format"):
        load(path, int)


def test_a_file_name_from_outside_does_not_lead_out(tmp_path):
    path = tmp_path / "in" / "v.json"
    dump({"x": np.arange(3)}, path)
    dump({"x": np.arange(3)}, tmp_path / "v.json")
    name = next(tmp_path.glob("*.npz")).name
    path.write_text(path.read_text().replace(name, f"../{name}"))
    with pytest.raises(IntegrityError, match="not beside it"):
        load(path, dict[str, NDArray[Any]])
