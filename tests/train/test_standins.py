"""Stand-ins for packages that only SageMaker's images have: what scripts import of them is there, and works."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tarragon.engine import base_environment
from tarragon.train.script import python_path


def ran(text: str, folder: Path, **environment: str) -> str:
    environment = {**base_environment(), "PYTHONPATH": python_path(folder), **environment}
    found = subprocess.run([sys.executable, "-c", text], env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


@pytest.mark.parametrize(
    "line",
    [
        "from sagemaker_xgboost_container.data_utils import get_dmatrix, get_content_type, get_size",
        "from sagemaker_training import environment, errors, params; environment.Environment()",
        "from sagemaker_containers.beta.framework import content_types, encoders, env, modules, transformer, worker",
        "from sagemaker_inference import content_types, decoder, default_inference_handler, encoder, errors",
        "import smdebug.pytorch as smd; smd.Hook(out_dir='x').register_hook(None); assert smd.get_hook() is None",
        "from smdebug.xgboost import Hook; assert Hook.create_from_json_file()(None) is False",
        "import smdebug.tensorflow as smd; smd.KerasHook('x'); smd.modes.TRAIN; smd.SaveConfig(save_interval=1)",
        "import mxnet as mx; mx.nd.load; mx.ndarray.load",
        "from smdebug import SaveConfig, modes, CollectionConfig; from smdebug.mxnet import Hook",
    ],
)  # fmt: skip
def test_scripts_can_import_it(line: str, tmp_path: Path) -> None:
    ran(line, tmp_path)


def test_a_hook_says_that_it_records_nothing(tmp_path: Path) -> None:
    text = (
        "import contextlib, io, smdebug\nheld = io.StringIO()\n"
        "with contextlib.redirect_stderr(held): smdebug.Hook(); smdebug.Hook()\nprint(held.getvalue())"
    )
    assert ran(text, tmp_path).count("records no tensors") == 1


@pytest.mark.parametrize(
    ("name", "content", "content_type", "more", "expected"),
    [
        ("a.csv", "1,2,3\n0,4,5\n", "text/csv", "", [[2, 2], [1.0, 0.0], []]),
        ("a.csv", "1,9,2,3\n0,8,4,5\n", "csv; charset=utf-8", ", csv_weights=1", [[2, 2], [1.0, 0.0], [9.0, 8.0]]),
        ("a.libsvm", "1 1:2 2:3\n0 1:4\n", "libsvm", "", [[2, 3], [1.0, 0.0], []]),
    ],
)
def test_a_channel_becomes_a_matrix(
    tmp_path: Path, name: str, content: str, content_type: str, more: str, expected: object
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).write_text(content)
    text = (
        "import json\nfrom sagemaker_xgboost_container.data_utils import get_dmatrix\n"
        f"m = get_dmatrix({str(tmp_path / 'data')!r}, {content_type!r}{more})\n"
        "print(json.dumps([[m.num_row(), m.num_col()], m.get_label().tolist(), m.get_weight().tolist()]))"
    )
    assert json.loads(ran(text, tmp_path)) == expected


def test_nothing_to_read_is_none_and_a_strange_type_is_refused(tmp_path: Path) -> None:
    text = (
        "from sagemaker_xgboost_container.data_utils import get_dmatrix, get_content_type\n"
        "print(get_dmatrix('/no/such', 'csv'))\n"
        "try: get_content_type('image/png')\nexcept ValueError as e: print(e)"
    )
    first, second = ran(text, tmp_path).splitlines()
    assert first == "None"
    assert "image/png" in second


def test_the_environment_is_the_jobs(tmp_path: Path) -> None:
    text = (
        "from sagemaker_training.environment import Environment\n"
        "e = Environment()\nprint(e.hyperparameters, e.num_cpus, e.model_dir)"
    )
    whole = json.dumps({"hyperparameters": {"lr": 1}, "num_cpus": 3})
    assert ran(text, tmp_path, SM_TRAINING_ENV=whole, SM_MODEL_DIR="/m") == "{'lr': 1} 3 /m"


def test_encoding_is_a_round_trip(tmp_path: Path) -> None:
    text = (
        "import numpy as np\nfrom sagemaker_inference import content_types as c, decoder, encoder, errors\n"
        "for kind in (c.JSON, c.CSV, c.NPY, c.NPZ):\n"
        "    assert np.allclose(decoder.decode(encoder.encode(np.eye(2), kind), kind), np.eye(2)), kind\n"
        "try: decoder.decode(b'', 'x/y')\nexcept errors.UnsupportedFormatError as e: print(e.status_code)\n"
    )
    assert ran(text, tmp_path) == "415"


def test_an_old_response_is_a_body_and_its_type(tmp_path: Path) -> None:
    text = (
        "from sagemaker_containers.beta.framework import worker\n"
        "r = worker.Response('x', 'a/b', mimetype='a/b')\nprint(tuple(r), r.mimetype)"
    )
    assert ran(text, tmp_path) == "('x', 'a/b') a/b"
