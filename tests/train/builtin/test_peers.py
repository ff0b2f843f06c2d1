import os
import textwrap

import numpy as np
import pytest

from tarragon.errors import DataError, JobError
from tarragon.train.builtin.peers import shared

WORK = """
import os, time
import numpy as np
from tarragon.errors import DataError

def sums(world):
    def work(rank, peers):
        for n in range(3):
            total = peers.sum(
                {"a": np.full((2, 3), rank + n, np.float32), "b": np.array([rank], np.int64), "c": np.zeros((0, 2)),
                 "d": np.ones(3, np.uint8)}
            )
            assert total["a"].dtype == np.float32
            np.testing.assert_array_equal(total["a"], np.full((2, 3), sum(range(world)) + n * world))
            assert total["b"].tolist() == [sum(range(world))]
            assert total["c"].shape == (0, 2)
            assert total["d"].tolist() == [world] * 3
    return work

class Sums:
    def __init__(self, world, place):
        self.world, self.place = world, place

    def __call__(self, rank, peers):
        sums(self.world)(rank, peers)
        (self.place / str(rank)).touch()

def fails(rank, peers):
    if rank == 2:
        raise DataError("The channel train is empty", why="x", fix="y")
    peers.sum({"a": np.ones(1)})

def dies(rank, peers):
    os.kill(os.getpid(), 9)

def other(rank, peers):
    peers.sum({"a": np.ones(rank + 1)})

class Waits:
    def __init__(self, place):
        self.place = place

    def __call__(self, rank, peers):
        (self.place / "part").write_text(str(os.getpid()))
        os.replace(self.place / "part", self.place / "pid")
        peers.sum({"a": np.ones(1)})
        peers.sum({"a": np.ones(1)})
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A module that fresh processes can import."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "peer_work.py").write_text(textwrap.dedent(WORK))
    monkeypatch.syspath_prepend(folder)
    import peer_work

    return peer_work


def test_arrays_are_summed_over_all_hosts(work, tmp_path):
    sums = work.Sums(3, tmp_path)
    shared(3, lambda peers: sums(0, peers), sums)
    assert {path.name for path in tmp_path.iterdir()} == {"modules", "0", "1", "2"}


def test_one_host_is_alone(work):
    seen = []
    shared(1, seen.append, work.other)
    assert seen == [None]


def test_a_host_that_fails_is_named_with_its_words(work):
    with pytest.raises(JobError, match=r"algo-3: The channel train is empty"):
        shared(3, lambda peers: peers.sum({"a": np.ones(1)}), work.fails)


def test_a_host_that_is_killed_ends_the_job(work):
    with pytest.raises(JobError, match="has ended"):
        shared(2, lambda peers: peers.sum({"a": np.ones(1)}), work.dies)


def test_the_others_end_when_the_first_fails(work, tmp_path):
    def first(peers):
        peers.sum({"a": np.ones(1)})
        raise DataError("no rows", why="x", fix="y")

    with pytest.raises(DataError):
        shared(2, first, work.Waits(tmp_path))
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_other_arrays_are_refused(work):
    with pytest.raises(JobError, match="other arrays"):
        shared(2, lambda peers: peers.sum({"a": np.ones(1)}), work.other)


def test_the_first_learns_which_host_failed_though_another_waits(work):
    """Host 3 has words, host 2 only waits."""

    def first(peers):
        raise peers.failure()

    with pytest.raises(JobError, match="algo-3: The channel train is empty"):
        shared(3, first, work.fails)
