import numpy as np
import polars as pl
import pytest

from tarragon.data import Encoder, read_table
from tarragon.errors import IntegrityError


@pytest.fixture(scope="module")
def encoder(mixed):
    return Encoder.fit(read_table(mixed, "bought"))


def test_loaded_encoders_encode_equally_and_save_equal_bytes(mixed, encoder, tmp_path):
    encoder.save(tmp_path / "a")
    again = Encoder.load(tmp_path / "a")
    again.save(tmp_path / "b")
    for name in ("encoder.json", "encoder.npz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    frame, _ = again.align(mixed)
    assert again.columns == encoder.columns
    for view in ("codes", "onehot", "dense"):
        a, b = encoder.transform(frame, view), again.transform(frame, view)
        difference = a.X - b.X
        assert np.nansum(np.abs(difference if isinstance(difference, np.ndarray) else difference.data)) == 0
        assert (a.names, a.categorical, encoder.origin(view)) == (b.names, b.categorical, again.origin(view))


def test_fitting_twice_saves_equal_bytes(mixed, encoder, tmp_path):
    encoder.save(tmp_path / "a")
    Encoder.fit(read_table(mixed, "bought")).save(tmp_path / "b")
    for name in ("encoder.json", "encoder.npz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("name", ["encoder.json", "encoder.npz"])
@pytest.mark.parametrize("damage", ["gone", "cut", "other"])
def test_damaged_files_are_told(encoder, tmp_path, name, damage):
    encoder.save(tmp_path)
    path = tmp_path / name
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:200] if damage == "cut" else b"{}")
    with pytest.raises(IntegrityError, match="no readable encoder"):
        Encoder.load(tmp_path)


def test_nothing_pickled_is_read(encoder, tmp_path):
    encoder.save(tmp_path)
    np.savez(tmp_path / "encoder.npz", evil=np.array([pl.DataFrame()], dtype=object))
    with pytest.raises(IntegrityError):
        Encoder.load(tmp_path)
