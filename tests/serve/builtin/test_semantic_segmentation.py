"""A mask as PNG, and probabilities as one record."""

import io

import numpy as np

from tarragon.data import Pictures, read_mask
from tarragon.data.record import parse
from tarragon.data.recordio import frames
from tarragon.serve.builtin.semantic_segmentation import PNG, PROTOBUF, written

P = np.random.default_rng(0).random((1, 3, 2, 4)).astype(np.float32)


class Model:
    def predict(self, data: Pictures) -> dict[str, np.ndarray]:
        return {"probability": P, "mask": P.argmax(axis=1).astype(np.uint8)}


def test_formats() -> None:
    picture = Pictures.of([np.zeros((2, 4, 3), np.uint8)])
    np.testing.assert_array_equal(read_mask(written(Model(), picture, PNG, {})), P.argmax(axis=1)[0])
    (payload,) = frames(io.BytesIO(written(Model(), picture, PROTOBUF, {})))
    features = parse(payload).features
    assert features["shape"].values.tolist() == [1, 3, 2, 4]
    np.testing.assert_array_equal(features["target"].values.reshape(P.shape), P)
