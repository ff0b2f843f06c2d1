"""Packages hold data only: formats are recognised by their content, and what can run code is refused."""

import io
import json
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tarragon.errors import DataError
from tarragon.registry.formats import FORMATS, detect, is_pickle


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def safetensors(header: bytes = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}') -> bytes:
    return struct.pack("<Q", len(header)) + header + b"\0\0\0\0"


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def skops(schema: object, **members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("model.json", b'{"a": 1}', "json"),
        (".tarragon.json", b'{"a": 1}', "json"),
        ("model.txt", "tree\nversion=v4\nä".encode(), "text"),
        ("model.ubj", b"{L\x00\x00", "ubjson"),
        ("xgboost-model", b"{L\x00\x00", "ubjson"),
        ("lightgbm-model", b"tree\nversion=v4\n", "lightgbm"),
        ("weights.safetensors", safetensors(), "safetensors"),
        ("model_algo-1", safetensors(), "safetensors"),
        ("a.npz", npz(x=np.eye(2), names=np.array(["a", "b"])), "npz"),
        ("a.npy", npy(np.arange(3)), "npy"),
        ("model.cbm", b"CBM1\x10\x00", "catboost"),
        ("model.onnx", b"\x08\x07\x12\x00", "onnx"),
    ],
)
def test_data_formats_are_recognised(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    assert detect(write(tmp_path, name, content)) == expected


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "name", ["m.pkl", "m.joblib", "m.pt", "m.json", "m.txt", "m.npz", "m.onnx", "m.ubj", "model", "m.bin"]
)
def test_a_pickle_is_refused_under_any_name(tmp_path: Path, name: str, protocol: int) -> None:
    with pytest.raises(DataError, match="cannot be part of a package"):
        detect(write(tmp_path, name, pickle.dumps({"a": [1]}, protocol=protocol)))


def test_arrays_of_objects_are_pickles_inside(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        detect(write(tmp_path, "a.npy", npy(np.array([{"a": 1}], dtype=object))))
    with pytest.raises(DataError):
        detect(write(tmp_path, "a.npz", npz(ok=np.eye(2), bad=np.array([print], dtype=object))))
    mixed = np.array([(1, None)], dtype=[("a", "i4"), ("b", "O")])
    with pytest.raises(DataError):
        detect(write(tmp_path, "b.npy", npy(mixed)))


def test_a_torch_archive_renamed_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}))
    for name in ("m.npz", "m.skops", "m", "m.zip"):
        with pytest.raises(DataError):
            detect(write(tmp_path, name, buffer.getvalue()))


def test_skops_needs_known_types(tmp_path: Path) -> None:
    known = {
        "__class__": "LogisticRegression",
        "__module__": "sklearn.linear_model",
        "__loader__": "ObjectNode",
        "content": {"coef_": {"__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode"}},
    }
    assert detect(write(tmp_path, "m.skops", skops(known, **{"0.npy": npy(np.eye(2))}))) == "skops"
    for foreign in (
        {"__class__": "system", "__module__": "os"},
        {"__class__": "eval", "__module__": "builtins"},
        {"__class__": "function", "__module__": "numpy", "__loader__": "FunctionNode"},
    ):
        with pytest.raises(DataError):
            detect(write(tmp_path, "m.skops", skops({**known, "content": [foreign]})))


def test_a_header_that_lies_about_its_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        detect(write(tmp_path, "w.safetensors", struct.pack("<Q", 10**9) + b'{"a":1}'))


def test_a_safetensors_file_whose_length_looks_like_a_pickle_is_fine(tmp_path: Path) -> None:
    content = safetensors(b'{"a":1}'.ljust(0x480))  # little-endian 0x480 starts with 0x80 0x04, as protocol 4 does
    assert is_pickle(content)
    assert detect(write(tmp_path, "w.safetensors", content)) == "safetensors"


def test_the_refusal_names_the_file_and_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        detect(write(tmp_path, "model.bin", b"\x00\x01"))
    assert "model.bin" in caught.value.what
    assert all(suffix in caught.value.fix for suffix in FORMATS)
