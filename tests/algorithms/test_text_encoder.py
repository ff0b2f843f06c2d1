"""Words are numbered, padding says nothing, and a published checkpoint is read where its library is installed."""

from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms.text_encoder import LENGTH, SHARED, Published, Shape, Small, is_checkpoint
from tarragon.errors import DataError, MissingExtraError

torch = pytest.importorskip("torch")
TEXTS = ("The cat saw the dog.", "the cat ran", "a bird", "")


def test_words_seen_twice_have_places_of_their_own() -> None:
    encoder = Small.learn(TEXTS, Shape())
    assert encoder.words == ("the", "cat")
    ids, mask = encoder.ids(["the dog", "cat", ""])
    assert ids[0, 0] == 1 + SHARED
    assert 1 <= ids[0, 1] <= SHARED
    assert mask.tolist() == [[True, True], [True, False], [True, False]]


def test_long_texts_are_cut() -> None:
    ids, _ = Small.learn(TEXTS, Shape()).ids(["the " * 1000])
    assert ids.shape == (1, LENGTH)


def test_padding_says_nothing() -> None:
    encoder = Small.learn(TEXTS, Shape(8, 2, 1))
    net = encoder.module(torch).eval()
    with torch.no_grad():
        alone = net(*(torch.from_numpy(a) for a in encoder.ids(TEXTS[1:2])))
        among = net(*(torch.from_numpy(a) for a in encoder.ids(TEXTS)))
    np.testing.assert_allclose(alone[0], among[1], atol=1e-5)


def test_a_folder_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    assert not is_checkpoint(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    assert is_checkpoint(tmp_path)
    with pytest.raises((DataError, MissingExtraError)):
        Published(tmp_path)


def checkpoint(folder: Path) -> Path:
    """Make a tiny BERT, as the transformers library saves one."""
    library = pytest.importorskip("transformers")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"t{i}w{j}" for i in range(4) for j in range(8))]
    (folder / "vocab.txt").write_text("\n".join([*words, *"tw0123456789", *(f"##{c}" for c in "tw0123456789")]) + "\n")
    tokens = library.BertTokenizerFast(str(folder / "vocab.txt"))
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = library.BertConfig(vocab_size=len(tokens), max_position_embeddings=64, **sizes)
    library.BertModel(config).save_pretrained(str(folder), safe_serialization=True)
    tokens.save_pretrained(str(folder))
    return folder


def test_a_published_transformer_is_read(tmp_path: Path) -> None:
    encoder = Published(checkpoint(tmp_path))
    ids, mask = encoder.ids(["t0w1 t0w2", "t3w3"])
    assert ids.shape == mask.shape
    with torch.no_grad():
        assert encoder.module(torch)(torch.from_numpy(ids), torch.from_numpy(mask)).shape == (2, 16)
    for path in tmp_path.glob("*.safetensors"):
        path.unlink()
    with pytest.raises(DataError, match="safe weights"):
        Published(tmp_path)
