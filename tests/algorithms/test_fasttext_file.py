"""The files are fastText's: read back whole, refused when damaged, opened by fastText itself where it is installed."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms import fasttext_file
from tarragon.algorithms.blazingtext import BlazingText
from tarragon.algorithms.fasttext_file import Stored
from tarragon.data import Lines
from tarragon.errors import IntegrityError

from .texts import labelled, plain

PEER = Path(__file__).parents[2] / ".clients" / "peers" / "bin" / "python"
QUERIES = ["t0w1 t0w2 any3", "t3w3 neverseen", "été any1"]


def model(mode: str, **more: object) -> BlazingText:
    made = BlazingText(mode=mode, vector_dim=8, buckets=700, epochs=3, min_count=1, learning_rate=0.3, **more)
    return made.fit(Lines.of(labelled(120) if mode == "supervised" else plain(120)))


def fasttext(script: str, *arguments: str) -> object:
    """Run lines of Python where fastText is installed; what they print is the answer."""
    if not PEER.exists():
        pytest.skip("the peers are not installed")
    code = f"import sys, json\ntry:\n    import fasttext\nexcept ImportError:\n    sys.exit(77)\n{script}"
    done = subprocess.run([PEER, "-c", code, *arguments], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("fastText is not installed")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(("mode", "more"), [("supervised", {}), ("cbow", {"subwords": True}), ("batch_skipgram", {})])
def test_what_is_written_is_read(tmp_path: Path, mode: str, more: dict[str, object]) -> None:
    made = model(mode, **more)
    made.save(tmp_path)
    path = next(tmp_path.glob("*.bin"))
    found = fasttext_file.read(path)
    fasttext_file.write(tmp_path / "again", found)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()
    np.testing.assert_array_equal(found.inputs, made.inputs_)
    assert found.vocabulary.words == made.vocabulary_.words


def test_fasttext_labels_texts_as_we_do(tmp_path: Path) -> None:
    made = model("supervised", word_ngrams=3)
    made.save(tmp_path)
    script = (
        "m = fasttext.load_model(sys.argv[1])\n"
        "found = [m.f.predict(q + '\\n', 4, 0.0, 'strict') for q in sys.argv[2:]]\n"
        "print(json.dumps([[[b for a, b in row], [a for a, b in row]] for row in found]))"
    )
    theirs = fasttext(script, str(tmp_path / "model.bin"), *QUERIES)
    ours = made.predict(Lines.of(QUERIES))["probability"]
    for row, (labels, p) in zip(ours, theirs, strict=True):
        np.testing.assert_allclose([row[made.labels_.index(label)] for label in labels], p, atol=2e-5)


@pytest.mark.parametrize(("mode", "more"), [("skipgram", {"subwords": True}), ("batch_skipgram", {}), ("cbow", {})])
def test_fasttext_gives_our_vectors(tmp_path: Path, mode: str, more: dict[str, object]) -> None:
    made = model(mode, **more)
    made.save(tmp_path)
    words = ["t0w1", "any3", "t0w99", "été"]
    script = (
        "m = fasttext.load_model(sys.argv[1])\n"
        "print(json.dumps([list(map(float, m.get_word_vector(w))) for w in sys.argv[2:]]))"
    )
    theirs = fasttext(script, str(tmp_path / "vectors.bin"), *words)
    np.testing.assert_allclose(made.predict(Lines.of(words))["vector"], theirs, atol=1e-6)


def test_models_that_fasttext_trained_are_read(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("\n".join(labelled(200)) + "\n")
    script = (
        "folder = sys.argv[1]\n"
        "m = fasttext.train_supervised(folder + '/text', dim=8, epoch=9, bucket=500, wordNgrams=2, verbose=0)\n"
        "m.save_model(folder + '/model.bin')\n"
        "found = [m.f.predict(q + '\\n', 4, 0.0, 'strict') for q in sys.argv[2:]]\n"
        "print(json.dumps([[[b for a, b in row], [a for a, b in row]] for row in found]))"
    )
    theirs = fasttext(script, str(tmp_path), *QUERIES)
    made = BlazingText.load(tmp_path)
    ours = made.predict(Lines.of(QUERIES))["probability"]
    for row, (labels, p) in zip(ours, theirs, strict=True):
        np.testing.assert_allclose([row[made.labels_.index(label)] for label in labels], p, atol=2e-5)


def test_vectors_that_fasttext_trained_are_read(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("\n".join(plain(200)) + "\n")
    words = ["t0w1", "any3", "t0w99"]
    script = (
        "folder = sys.argv[1]\n"
        "m = fasttext.train_unsupervised(folder + '/text', dim=8, epoch=1, bucket=500, verbose=0)\n"
        "m.save_model(folder + '/vectors.bin')\n"
        "print(json.dumps([list(map(float, m.get_word_vector(w))) for w in sys.argv[2:]]))"
    )
    theirs = fasttext(script, str(tmp_path), *words)
    np.testing.assert_allclose(BlazingText.load(tmp_path).predict(Lines.of(words))["vector"], theirs, atol=1e-6)


@pytest.mark.parametrize("at", [0, 4, 8, 52, 64, 68, 72, 84, 92])
def test_spoilt_numbers_are_refused_or_harmless(tmp_path: Path, at: int) -> None:
    """A size that is a lie is never used to take memory or to read past the end."""
    made = model("supervised")
    made.save(tmp_path)
    path = tmp_path / "model.bin"
    raw = bytearray(path.read_bytes())
    raw[at : at + 4] = b"\xff\xff\xff\x7f"
    path.write_bytes(raw)
    try:
        found = fasttext_file.read(path)
    except IntegrityError:
        return
    assert found.inputs.shape == made.inputs_.shape


def test_a_cut_file_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    model("cbow").save(tmp_path)
    path = tmp_path / "vectors.bin"
    raw = path.read_bytes()
    for length in [*range(0, 200, 7), len(raw) // 2, len(raw) - 1]:
        path.write_bytes(raw[:length])
        with pytest.raises(IntegrityError):
            fasttext_file.read(path)


def test_a_large_matrix_stays_in_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = model("cbow")
    made.save(tmp_path)
    monkeypatch.setattr(fasttext_file, "MAPPED", 1)
    found = fasttext_file.read(tmp_path / "vectors.bin")
    assert isinstance(found, Stored)
    assert isinstance(found.inputs, np.memmap)
    np.testing.assert_array_equal(found.inputs, made.inputs_)
