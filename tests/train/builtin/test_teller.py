"""Lines become metrics, passes are counted, checkpoints are kept and found again."""

import re
from pathlib import Path

import numpy as np
import pytest

from tarragon.errors import DataError
from tarragon.train.builtin.teller import Channel, Order, Teller

from .conftest import Heard


def test_a_metric_is_found_in_the_line_that_says_it() -> None:
    heard = Heard()
    Teller(heard, (("train:loss", re.compile(r"loss=(\S+)")),)).say("step 1 loss=0.25")
    assert heard.lines == ["step 1 loss=0.25"]
    assert heard.metrics == {"train:loss": 0.25}


def test_a_pass_is_passed_on_and_said() -> None:
    heard, said = Heard(), []
    teller = Teller(heard, round=lambda done: said.append((done.n, dict(done.metrics))))
    teller.epoch(2, steps=1, records=10, metrics={"train:rmse": 1.0})
    assert (heard.epochs, said) == ([2], [(2, {"train:rmse": 1.0})])


def test_the_newest_two_checkpoints_stay_and_the_last_is_resumed(tmp_path: Path) -> None:
    now = [0.0]
    teller = Teller(Heard(), checkpoints=tmp_path / "kept", every_s=5.0, clock=lambda: now[0])
    assert teller.resume() is None
    assert not teller.due()
    for i in range(4):
        now[0] += 6.0
        assert teller.due()
        teller.checkpoint({"model": np.full(3, i, np.uint8)})
    assert sorted(p.name for p in (tmp_path / "kept").iterdir()) == ["xgboost-checkpoint.2", "xgboost-checkpoint.3"]
    found = teller.resume()
    assert found is not None
    assert found["model"].tolist() == [3, 3, 3]


def test_a_channel_that_is_not_there_is_named(tmp_path: Path) -> None:
    order = Order({}, {"train": Channel(tmp_path)}, tmp_path, Teller(Heard()))
    with pytest.raises(DataError, match='channel "validation" is missing'):
        order.rows("validation")
