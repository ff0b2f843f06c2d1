"""AutoGluon's answers without its model are refused; with one, see tests/develop/test_autogluon.py."""

import json
from pathlib import Path

import pytest

from tarragon.errors import TarragonError
from tarragon.serve.builtin import load
from tarragon.serve.builtin.load import SIDECAR


def test_a_folder_without_the_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / SIDECAR).write_text(json.dumps({"algorithm": "autogluon"}))
    with pytest.raises(TarragonError):
        load(tmp_path, {})
