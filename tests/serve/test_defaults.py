import json

import numpy as np
import pytest

from tarragon.errors import DataError, MissingExtraError
from tarragon.serve.defaults import DEFAULTS
from tarragon.serve.protocol import RefusalError


def test_torchscript_is_loaded_and_asked(tmp_path):
    torch = pytest.importorskip("torch")
    layer = torch.nn.Linear(2, 1)
    torch.jit.script(layer).save(tmp_path / "model.pth")
    own = DEFAULTS["pytorch"]
    model = own.model_fn(str(tmp_path))
    given = own.input_fn("[[1.0, 2.0]]", "application/json")
    body, kind = own.output_fn(own.predict_fn(given, model), "application/json")
    expected = layer(torch.tensor([[1.0, 2.0]])).detach().numpy()
    assert kind == "application/json"
    assert np.allclose(json.loads(body), expected)


def test_what_is_no_torchscript_is_said_so(tmp_path):
    pytest.importorskip("torch")
    with pytest.raises(DataError, match="there is no model"):
        DEFAULTS["pytorch"].model_fn(str(tmp_path))
    (tmp_path / "model.pth").write_bytes(b"no")
    with pytest.raises(DataError, match="no TorchScript"):
        DEFAULTS["pytorch"].model_fn(str(tmp_path))


def test_xgboost_reads_csv_and_libsvm():
    own = DEFAULTS["xgboost"]
    assert own.input_fn("1,2\n3,4", "text/csv").num_row() == 2
    assert own.input_fn("1 0:1.5 3:2\n0 1:1", "text/libsvm").num_col() == 4
    with pytest.raises(RefusalError):
        own.input_fn("{}", "image/png")
    assert own.output_fn(np.array([0.5, 1.0]), "*/*") == (b"0.5\n1.0\n", "text/csv")


def test_a_saved_model_of_tensorflow_is_not_pretended():
    with pytest.raises(MissingExtraError, match="cannot be served here"):
        DEFAULTS["tensorflow"].model_fn("")
