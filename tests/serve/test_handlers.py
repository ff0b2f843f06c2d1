import json
import os

import pytest

from tarragon.errors import DataError
from tarragon.serve.handlers import load
from tarragon.serve.protocol import RefusalError

KIND = {"type": "application/json", "accept": "application/json"}


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Write an inference.py and load it."""

    def loaded(text, framework="sklearn"):
        (tmp_path / "inference.py").write_text(text)
        monkeypatch.chdir(tmp_path)
        return load(framework, {"SAGEMAKER_PROGRAM": "inference.py", "SM_MODEL_DIR": str(tmp_path)})

    return loaded


def test_what_a_script_leaves_out_is_the_containers(script):
    model = script("def model_fn(model_dir): return 2\ndef predict_fn(x, model): return x * model")
    assert model.answer(b"[1, 2]", "application/json", "*/*") == (b"[2, 4]", "application/json")
    assert model.answer(b"1,2\n", "text/csv", "text/csv")[0] == b"2.0\n4.0\n"


def test_each_function_may_have_the_context(script):
    model = script(
        "def model_fn(d, context): return context.model_dir\n"
        "def input_fn(b, t, context): return context.custom_attributes\n"
        "def predict_fn(x, m, ctx): return [x, ctx.accept_header]\n"
        "def output_fn(p, a): return ','.join(p), 'text/csv'\n"
    )
    assert model.respond({**KIND, "custom": "c=1"}, b"") == (b"c=1,application/json", {"type": "text/csv"})


def test_one_function_may_do_it_all_but_not_beside_the_others(script):
    model = script("def model_fn(d): return 1\ndef transform_fn(m, data, t, a): return (p for p in data.split())")
    pieces, _ = model.respond({"type": "text/plain", "accept": "text/plain"}, b"a b")
    assert list(pieces) == [b"a", b"b"]
    with pytest.raises(DataError, match="in conjunction with"):
        script("def transform_fn(*a): 0\ndef input_fn(b, t): 0")


def test_tensorflows_handler_is_known(script):
    model = script("def handler(data, context): return data.read(), context.request_content_type", "tensorflow")
    assert model.answer(b"x", "image/png", "*/*") == (b"x", "image/png")


def test_a_script_must_load_its_model(script):
    with pytest.raises(DataError, match="Please provide a model_fn implementation"):
        script("def predict_fn(x, m): return x")


def test_a_type_nobody_reads_is_refused(script):
    model = script("def model_fn(d): return 1")
    with pytest.raises(RefusalError) as caught:
        model.respond({**KIND, "type": "image/png"}, b"")
    assert caught.value.status == 415
    with pytest.raises(RefusalError):
        model.respond({**KIND, "type": "text/csv"}, b"\xff")


def test_pipelines_of_hugging_face_need_a_task(script):
    os.environ.pop("HF_TASK", None)
    with pytest.raises(DataError, match="HF_TASK"):
        script("", "huggingface")
    model = script("def model_fn(d): return lambda inputs, **given: [{'label': inputs, **given}]", "huggingface")
    body = json.dumps({"inputs": "hi", "parameters": {"k": 1}}).encode()
    assert json.loads(model.respond(KIND, body)[0]) == [{"label": "hi", "k": 1}]
