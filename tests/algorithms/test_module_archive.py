import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms.module_archive import EXTRA, FILE, PARAMS, read_module, write_module
from tarragon.data import write_ndarrays
from tarragon.errors import IntegrityError

NODES = [("null", "data", {}, ()), ("FullyConnected", "fc0", {"num_hidden": 2}, (0,))]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_module(tmp_path, {"a": np.arange(3, dtype=np.float32)}, NODES, {"threshold": 0.3})
    found = read_module(tmp_path)
    assert found.arrays.get("a", "f", (3,)).tolist() == [0, 1, 2]
    assert found.operators == ("FullyConnected",)
    assert found.facts == {"threshold": 0.3}
    with zipfile.ZipFile(tmp_path / FILE) as archive:
        graph = json.loads(archive.read("mx-mod-symbol.json"))
    assert graph["arg_nodes"] == [0]
    assert graph["heads"] == [[1, 0, 0]]
    assert graph["nodes"][1]["attrs"] == {"num_hidden": "2"}


@pytest.mark.parametrize(
    "files",
    [
        {}, {PARAMS: b"x"}, {PARAMS: write_ndarrays({}), EXTRA: b"[1]"}, {PARAMS: write_ndarrays({}), EXTRA: b"{"},
        {PARAMS: write_ndarrays({}), "mx-mod-symbol.json": b"[]"},
        {PARAMS: write_ndarrays({}), "mx-mod-symbol.json": b'{"nodes": [{"name": 1}]}'},
    ],
)  # fmt: skip
def test_archives_that_lie_are_refused(tmp_path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(tmp_path / FILE, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(IntegrityError):
        read_module(tmp_path)


def test_no_file_or_no_zip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError):
        read_module(tmp_path)
    (tmp_path / FILE).write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(IntegrityError):
        read_module(tmp_path)
