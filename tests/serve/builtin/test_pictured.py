"""One picture a request: which types come in and go out, what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tarragon.algorithms.image_classification import ImageClassification
from tarragon.data import Pictures, write_png
from tarragon.serve.builtin.pictured import Pictured, wanted
from tarragon.serve.protocol import RefusalError

PICTURE = write_png(np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 12, 12, 3)).astype(np.uint8)
    model = ImageClassification(
        num_classes=2, num_training_samples=4, num_layers=20, image_shape="3,12,12", epochs=1, width=4
    )
    model.fit(Pictures.of(pixels, labels=np.array([0, 1, 0, 1]))).save(tmp_path)
    return tmp_path


def size(model: Any, picture: Pictures, kind: str, told: Any) -> bytes:
    return f"{picture.read(0).shape} {kind} {dict(told)}".encode()


def test_types_in_and_out(place: Path) -> None:
    answerer = Pictured(place, "image-classification", ("a/b", "c/d"), size, {})
    for kind in ("image/png", "application/x-image", "image/jpeg;q=1", "IMAGE/PNG", ""):
        assert answerer.answer(PICTURE, kind, "*/*") == (b"(20, 30, 3) a/b {}", "a/b")
    assert answerer.answer(PICTURE, "image/png", "x/y, c/d;v=1")[0] == b"(20, 30, 3) c/d {'v': '1'}"
    chosen = Pictured(
        place, "image-classification", ("a/b", "c/d"), size, {"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "c/d"}
    )
    assert chosen.answer(PICTURE, "image/png", "")[1] == "c/d"


@pytest.mark.parametrize(
    ("body", "kind", "accept", "status"),
    [(PICTURE, "text/csv", "", 415), (PICTURE, "image/png", "text/csv", 406), (b"no", "image/png", "", 400),
     (b"", "image/png", "", 400), (PICTURE[:60], "image/png", "", 400)],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused(place: Path, body: bytes, kind: str, accept: str, status: int) -> None:
    with pytest.raises(RefusalError) as caught:
        Pictured(place, "image-classification", ("a/b",), size, {}).answer(body, kind, accept)
    assert caught.value.status == status


def test_short_names() -> None:
    assert wanted("json", ("application/json",), "application/json")[0] == "application/json"
