import os
import time

import numpy as np
import pytest

from tarragon.errors import DataError, JobError
from tarragon.train.builtin.peers import shared


@pytest.mark.parametrize("world", [2, 4])
def test_arrays_are_summed_over_all_hosts(world, tmp_path):
    def work(rank, peers):
        for n in range(3):
            total = peers.sum(
                {"a": np.full((2, 3), rank + n, np.float32), "b": np.array([rank], np.int64), "c": np.zeros((0, 2))}
            )
            assert total["a"].dtype == np.float32
            np.testing.assert_array_equal(total["a"], np.full((2, 3), sum(range(world)) + n * world))
            assert total["b"].tolist() == [sum(range(world))]
            assert total["c"].shape == (0, 2)
        (tmp_path / str(rank)).touch()

    shared(world, work)
    assert len(list(tmp_path.iterdir())) == world


def test_one_host_is_alone():
    seen = []
    shared(1, lambda rank, peers: seen.append((rank, peers)))
    assert seen == [(0, None)]


def test_a_host_that_fails_is_named_with_its_words():
    def work(rank, peers):
        if rank == 2:
            raise DataError("The channel train is empty", why="x", fix="y")
        peers.sum({"a": np.ones(1)})

    with pytest.raises(JobError, match=r"algo-3: The channel train is empty"):
        shared(3, work)


def test_a_host_that_is_killed_ends_the_job():
    def work(rank, peers):
        if rank == 1:
            os.kill(os.getpid(), 9)
        peers.sum({"a": np.ones(1)})

    with pytest.raises(JobError, match="has ended"):
        shared(2, work)


def test_the_others_end_when_the_first_fails(tmp_path):
    def work(rank, peers):
        if rank == 0:
            while not (tmp_path / "pid").exists():
                time.sleep(0.01)
            raise DataError("no rows", why="x", fix="y")
        (tmp_path / "part").write_text(str(os.getpid()))
        os.replace(tmp_path / "part", tmp_path / "pid")
        peers.sum({"a": np.ones(1)})
        peers.sum({"a": np.ones(1)})

    with pytest.raises(DataError):
        shared(2, work)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_other_arrays_are_refused():
    with pytest.raises(JobError, match="other arrays"):
        shared(2, lambda rank, peers: peers.sum({"a": np.ones(rank + 1)}))
