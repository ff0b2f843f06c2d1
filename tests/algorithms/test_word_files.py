"""Vectors as text: written and read, refused when they are not what they say."""

from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms import word_files
from tarragon.errors import IntegrityError


def test_written_and_read(tmp_path: Path) -> None:
    words = ["the", "été", "a b", "日本"]
    vectors = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    word_files.write(tmp_path / "v", words, vectors)
    assert (tmp_path / "v").read_text().splitlines()[0] == "4 3"
    found, read = word_files.read(tmp_path / "v")
    assert found == words
    np.testing.assert_allclose(read, vectors, rtol=1e-4)


@pytest.mark.parametrize(
    "text", ["", "x\n", "2 2\na 1 2\n", "1 2\na 1\n", "1 2\na 1 nan\n", "2 1\na 1\na 2\n", "-1 2\n"]
)
def test_what_does_not_fit_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "v").write_text(text)
    with pytest.raises(IntegrityError):
        word_files.read(tmp_path / "v")
