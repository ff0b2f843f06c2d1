"""What is kept is a uniform sample, however the rows arrive and however many hosts they arrive at."""

import threading
from dataclasses import dataclass, field

import numpy as np
import pytest

from tarragon.algorithms import Standalone
from tarragon.algorithms.reservoir import Reservoir, gathered


@dataclass
class Together(Standalone):
    """Hosts of one process: each adds its arrays to the others'."""

    meeting: threading.Barrier = field(default_factory=lambda: threading.Barrier(1))
    brought: dict = field(default_factory=dict)

    def reduce(self, arrays):
        self.brought[self.rank] = arrays
        self.meeting.wait()
        total = {name: sum(self.brought[r][name] for r in range(self.world)) for name in arrays}
        self.meeting.wait()
        return total


def together(size: int, shares: list[np.ndarray], seed: int) -> list[tuple[np.ndarray, int]]:
    """Draw on as many hosts as there are shares; returns what each host has."""
    world, meeting, brought, found = len(shares), threading.Barrier(len(shares)), {}, [None] * len(shares)

    def host(rank: int) -> None:
        own = Reservoir(size, 1, (seed, rank))
        for block in np.array_split(shares[rank], 3):
            own.add(block)
        found[rank] = gathered(own, Together(rank=rank, world=world, meeting=meeting, brought=brought))

    threads = [threading.Thread(target=host, args=(rank,)) for rank in range(world)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    return found


def numbers(start: int, end: int) -> np.ndarray:
    return np.arange(start, end, dtype=np.float32)[:, None]


@pytest.mark.parametrize("blocks", [1, 7, 100])
def test_the_smallest_keys_are_kept_however_the_rows_arrive(blocks: int) -> None:
    sample = Reservoir(20, 1, (5,))
    for block in np.array_split(numbers(0, 100), blocks):
        sample.add(block)
    keys = np.random.default_rng((5,)).random(100)
    assert sorted(sample.rows[:, 0].tolist()) == sorted(np.argsort(keys)[:20].tolist())
    assert gathered(sample, Standalone())[0][:, 0].tolist() == np.argsort(keys)[:20].tolist()


def test_fewer_rows_than_places_are_all_kept() -> None:
    sample = Reservoir(5_000, 1, (0,))
    for start in range(0, 3_000, 500):
        sample.add(numbers(start, start + 500))
    rows, seen = gathered(sample, Standalone())
    assert seen == 3_000
    assert sorted(rows[:, 0].tolist()) == list(range(3_000))


def test_every_row_is_as_likely() -> None:
    counts = np.zeros(50)
    for seed in range(2_000):
        sample = Reservoir(10, 1, (seed,))
        for block in np.array_split(numbers(0, 50), 4):
            sample.add(block)
        counts[sample.rows[:, 0].astype(int)] += 1
    # χ² of 49 degrees of freedom is below 85.4 with probability 0.999; without replacement it is smaller still
    assert ((counts - 400) ** 2 / 400).sum() < 85.4


def test_hosts_draw_the_sample_of_all_rows_together() -> None:
    counts = np.zeros(60)
    for seed in range(300):
        found = together(12, [numbers(0, 5), numbers(5, 20), numbers(20, 60)], seed)
        rows = [part[:, 0].tolist() for part, _ in found]
        assert rows[0] == rows[1] == rows[2]
        assert len(set(rows[0])) == 12
        assert [seen for _, seen in found] == [60, 60, 60]
        counts[np.array(rows[0], int)] += 1
    assert ((counts - 60) ** 2 / 60).sum() < 98.3  # 59 degrees of freedom, 0.999


def test_hosts_with_few_rows_keep_them_all() -> None:
    (rows, seen), _ = together(50, [numbers(0, 3), numbers(3, 10)], 0)
    assert seen == 10
    assert sorted(rows[:, 0].tolist()) == list(range(10))
