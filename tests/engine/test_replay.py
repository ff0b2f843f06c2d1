from dataclasses import replace

import pytest

from tarragon.engine import WorkRecord, WorkUnit, difference, dump, load

UNIT = WorkUnit("lightgbm-1", "lightgbm", {"num_leaves": 31, "rate": 0.1}, "trees", 0, 100, 7)
RECORD = WorkRecord(
    "d" * 64, "s" * 64, "c" * 64, {"python": "3.12", "lib.numpy": "2.4"}, 0, 1, (UNIT, replace(UNIT, fold=1)), "p" * 64
)


def test_an_exact_replay_differs_in_nothing():
    assert difference(RECORD, RECORD) == ()


def test_a_record_comes_back_from_a_file(tmp_path):
    dump(RECORD, tmp_path / "work.json")
    back = load(tmp_path / "work.json", WorkRecord)
    assert back == RECORD
    assert difference(RECORD, back) == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data_sha256": "e" * 64}, "the data are not the same"),
        ({"split_sha256": "e" * 64}, "the split is not the same"),
        ({"code_sha256": "e" * 64}, "code is not the same (cccccccccccc then, eeeeeeeeeeee now)"),
        ({"environment": {"python": "3.12", "lib.numpy": "2.5"}}, "environment: lib.numpy was 2.4, is 2.5"),
        ({"environment": {"lib.numpy": "2.4"}}, "environment: python was 3.12, is absent"),
        ({"seed": 1}, "seed was 0, is 1"),
        ({"threads": 2}, "threads was 1, is 2"),
        ({"prediction_sha256": ""}, "the predictions are not byte-equal (pppppppppppp then, none now)"),
        ({"units": (UNIT,)}, "lightgbm-1, fold 1 was not done again"),
        ({"units": (*RECORD.units, replace(UNIT, fold=-1))}, "lightgbm-1, all rows is new"),
        ({"units": RECORD.units[::-1]}, "the same work was done in another order"),
        ({"units": (replace(UNIT, rounds=99), RECORD.units[1])}, "lightgbm-1, fold 0: rounds was 100, is 99"),
        (
            {"units": (replace(UNIT, params={"rate": 0.1}), RECORD.units[1])},
            "lightgbm-1, fold 0: num_leaves was 31, is absent",
        ),
    ],
)
def test_every_difference_is_said(change, words):
    said = difference(RECORD, replace(RECORD, **change))
    assert len(said) == 1
    assert words in said[0]


def test_many_differences_are_summed_up():
    many = tuple(replace(UNIT, fold=n) for n in range(20))
    said = difference(replace(RECORD, units=many), replace(RECORD, units=tuple(replace(u, seed=9) for u in many)))
    assert len(said) == 6
    assert said[-1] == "and 15 more differences in the work"
