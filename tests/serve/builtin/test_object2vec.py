"""Object2Vec answers scores and embeddings in its container's formats."""

import json
from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms.object2vec import Object2Vec
from tarragon.data import LabelledPairs, Tokens
from tarragon.serve.builtin import load
from tarragon.serve.protocol import RefusalError

pytest.importorskip("torch")
JSON, LINES = "application/json", "application/jsonlines"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model")
    model = Object2Vec(
        enc0_max_seq_len=5, enc0_vocab_size=9, enc0_network="pooled_embedding", enc0_token_embedding_dim=4, mlp_dim=4,
        epochs=1, num_classes=3,
    )  # fmt: skip
    model.fit(LabelledPairs(Tokens.of([[1, 2], [3]]), Tokens.of([[4], [5, 6]]), np.array([0.0, 2.0]))).save(place)
    (place / ".tarragon-serving.json").write_text(json.dumps({"algorithm": "object2vec"}))
    return place


def test_pairs_are_scored_in_both_formats(folder: Path) -> None:
    pairs = [{"in0": [1, 2], "in1": [4]}, {"in0": [3], "in1": [5, 6]}]
    tokens = LabelledPairs(Tokens.of([[1, 2], [3]]), Tokens.of([[4], [5, 6]]))
    expected = Object2Vec.load(folder).predict(tokens)["scores"]
    model = load(folder, {})
    answer, kind = model.answer(json.dumps({"instances": pairs}).encode(), JSON, "")
    assert kind == JSON
    np.testing.assert_allclose([each["scores"] for each in json.loads(answer)["predictions"]], expected, rtol=1e-6)
    answer, kind = model.answer("\n".join(map(json.dumps, pairs)).encode(), LINES, LINES)
    np.testing.assert_allclose([json.loads(line)["scores"] for line in answer.splitlines()], expected, rtol=1e-6)
    assert expected.shape == (2, 3)


@pytest.mark.parametrize("side", ["in0", "in1"])
def test_one_sequence_is_embedded(folder: Path, side: str) -> None:
    model = load(folder, {})
    body = json.dumps({"instances": [{side: [1, 2, 3]}]}).encode()
    (whole,) = json.loads(model.answer(body, JSON, JSON)[0])["predictions"]
    assert len(whole["embeddings"]) == 4
    (cut,) = json.loads(model.answer(body, f"{JSON}; infer_max_seqlens=1,1", JSON)[0])["predictions"]
    one = json.dumps({"instances": [{side: [1]}]}).encode()
    assert cut == json.loads(model.answer(one, JSON, JSON)[0])["predictions"][0]
    assert cut != whole


@pytest.mark.parametrize(
    ("body", "kind", "accept", "status"),
    [
        (b'{"instances": [{"in0": [99], "in1": [1]}]}', JSON, "", 400), (b'{"instances": []}', JSON, "", 415),
        (b'{"instances": [{"in0": [1]}]}', f"{JSON};infer_max_seqlens=0,9", "", 400), (b"1,2", "text/csv", "", 415),
        (b'{"instances": [{"in0": [1]}]}', JSON, "text/csv", 406), (b'{"instances": [{"in2": [1]}]}', JSON, "", 415),
        (b'{"instances": [{"in0": [1]}, {"in1": [1]}]}', JSON, "", 415), (b"{", JSON, "", 415),
    ],
)  # fmt: skip
def test_refusals_have_a_status(folder: Path, body: bytes, kind: str, accept: str, status: int) -> None:
    with pytest.raises(RefusalError) as refused:
        load(folder, {}).answer(body, kind, accept)
    assert refused.value.status == status
