"""The shim changes one thing, and only for AWS's own addresses; another sitecustomize still runs."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from tarragon.data import write_ndarrays
from tarragon.faces.local import SHIM

ASK = """
import boto3, sys
for address in ("https://sts.eu-west-1.amazonaws.com", "http://127.0.0.1:9", None):
    client = boto3.client("sts", region_name="eu-west-1", endpoint_url=address, aws_access_key_id="a",
                          aws_secret_access_key="b")
    print(client.meta.endpoint_url)
"""


def printed(code: str, **more: str) -> list[str]:
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(SHIM), "AWS_ENDPOINT_URL": "http://127.0.0.1:4747", **more,
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_hard_wired_address_of_awss_becomes_ours() -> None:
    ours = "http://127.0.0.1:4747"
    assert printed(ASK, TARRAGON_SHIM="1") == [ours, "http://127.0.0.1:9", ours]


def test_nothing_changes_without_being_asked() -> None:
    assert printed(ASK)[0] == "https://sts.eu-west-1.amazonaws.com"


def test_nothing_is_loaded_for_others_and_the_next_of_the_name_runs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.was_here = True")
    code = "import sys; print(was_here, 'botocore' in sys.modules)"
    path = os.pathsep.join([str(SHIM), str(tmp_path)])
    assert printed(code, TARRAGON_SHIM="1", PYTHONPATH=path) == ["True", "False"]


def test_arrays_of_a_model_can_be_read_without_mxnet(tmp_path: Path) -> None:
    (tmp_path / "model_algo-1").write_bytes(write_ndarrays([np.array([[1.0, 2.5]], np.float32)]))
    (tmp_path / "named").write_bytes(write_ndarrays({"mean": np.arange(3), "s": np.zeros((0, 2))}))
    code = (
        f"import mxnet as mx, os; os.chdir({str(tmp_path)!r})"
        "; print(mx.ndarray.load('model_algo-1')[0].asnumpy()[0, 1])"
        "; found = mx.nd.load('named'); print(found['mean'].asnumpy().sum(), found['s'].shape[1])"
    )
    assert printed(code, TARRAGON_SHIM="1") == ["2.5", "3", "2"]


def test_an_mxnet_that_is_there_comes_first(tmp_path: Path) -> None:
    (tmp_path / "mxnet.py").write_text("real = True")
    path = os.pathsep.join([str(SHIM), str(tmp_path)])
    assert printed("import mxnet; print(mxnet.real)", TARRAGON_SHIM="1", PYTHONPATH=path) == ["True"]
