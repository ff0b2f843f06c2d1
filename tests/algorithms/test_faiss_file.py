"""FAISS's own files are read; damaged ones are refused before FAISS sees them."""

import struct

import faiss
import numpy as np
import pytest

from tarragon.algorithms.faiss_file import inspected, restored
from tarragon.algorithms.neighbour_index import Neighbourhood
from tarragon.errors import IntegrityError

X = np.random.default_rng(0).normal(size=(600, 8)).astype(np.float32)
KINDS = {"Flat": "faiss.Flat", "IVF16,Flat": "faiss.IVFFlat", "IVF16,PQ4x2": "faiss.IVFPQ", "IVF4,PQ2x3": "faiss.IVFPQ"}


def written(text: str, metric: int = faiss.METRIC_L2, rows: np.ndarray = X) -> bytes:
    index = faiss.index_factory(8, text, metric)
    index.train(X)
    index.add(rows)
    return faiss.serialize_index(index).tobytes()


@pytest.mark.parametrize("metric", [faiss.METRIC_L2, faiss.METRIC_INNER_PRODUCT])
@pytest.mark.parametrize("text", list(KINDS))
def test_what_faiss_writes_is_read(text: str, metric: int) -> None:
    content = written(text, metric)
    index, shape = restored(content)
    assert (shape.kind, shape.d, shape.n) == (KINDS[text], 8, 600)
    assert shape.inner == (metric == faiss.METRIC_INNER_PRODUCT)
    assert index.ntotal == 600
    assert faiss.serialize_index(index).tobytes() == content


def test_lists_that_are_mostly_empty_are_read() -> None:
    assert inspected(written("IVF500,Flat", rows=X[:5])).n == 5


@pytest.mark.parametrize("text", list(KINDS))
def test_no_cut_is_read(text: str) -> None:
    content = written(text)
    for size in [*range(0, 130), len(content) // 2, len(content) - 8, len(content) - 1]:
        with pytest.raises(IntegrityError):
            inspected(content[:size])
    with pytest.raises(IntegrityError, match="left over"):
        inspected(content + b"x")


@pytest.mark.parametrize("text", list(KINDS))
def test_no_claim_is_believed(text: str) -> None:
    """Every eight bytes of the head as a huge number, and as minus one: refused, or of no weight."""
    content = written(text)
    for at in range(4, 130):
        for claim in (2**62, -1, 2**31 - 1):
            changed = content[:at] + struct.pack("<q", claim) + content[at + 8 :]
            try:
                shape = inspected(changed)
            except IntegrityError:
                continue
            assert (shape.d, shape.n) == (8, 600)  # a float, a probe count or a number without meaning
            assert Neighbourhood(*restored(changed)).search(X[:2], 3)[1].max() < 600


def test_numbers_that_are_not_there_are_refused() -> None:
    content = written("IVF16,Flat")
    with pytest.raises(IntegrityError, match="number that is not there"):
        inspected(content[:-8] + struct.pack("<q", 600))
    with pytest.raises(IntegrityError, match="not finite"):
        inspected(written("Flat")[:-4] + struct.pack("<f", float("nan")))
    other = faiss.serialize_index(faiss.index_factory(8, "HNSW8")).tobytes()
    with pytest.raises(IntegrityError, match="no index known here"):
        inspected(other)
