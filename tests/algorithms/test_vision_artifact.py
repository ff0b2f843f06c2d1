"""Weights in MXNet's file, with its prefixes; what is spoilt is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms.vision_artifact import read_params, write_params, write_symbol
from tarragon.data import read_ndarrays
from tarragon.errors import IntegrityError


def test_names_say_what_is_learnt(tmp_path: Path) -> None:
    weights = {"conv.weight": np.ones((2, 3), np.float32), "bn.running_mean": np.zeros(2, np.float32)}
    write_params(tmp_path / "a.params", weights)
    assert set(read_ndarrays((tmp_path / "a.params").read_bytes())) == {"arg:conv.weight", "aux:bn.running_mean"}
    found = read_params(tmp_path / "a.params")
    for name, array in weights.items():
        np.testing.assert_array_equal(found[name], array)
    write_symbol(tmp_path / "s.json", {"kind": "resnet"})
    assert json.loads((tmp_path / "s.json").read_text())["network"] == {"kind": "resnet"}


def test_spoilt_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError):
        read_params(tmp_path / "none")
    (tmp_path / "a").write_bytes(b"no arrays")
    with pytest.raises(IntegrityError):
        read_params(tmp_path / "a")
