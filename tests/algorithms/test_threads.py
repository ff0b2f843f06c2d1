"""The limit holds while the block runs, and is gone after it."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from tarragon.algorithms.threads import limited


def counts() -> set[int]:
    """Threads each linear algebra library that is loaded would use now."""
    np.linalg.inv(np.eye(2))
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.mark.parametrize("threads", [1, 2])
def test_as_many_as_given_and_then_as_before(threads: int) -> None:
    if not counts():
        pytest.skip("no linear algebra library here can be limited")
    with limited(3 - threads):
        before = counts()
        with limited(threads):
            assert counts() == {threads}
        assert counts() == before


def test_none_means_one() -> None:
    with limited(0):
        assert counts() <= {1}
