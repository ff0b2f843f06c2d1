import numpy as np
import pytest

from tarragon.algorithms.linear_search import Winner
from tarragon.errors import IntegrityError


class Models:
    """Three models whose weights are their numbers."""

    def chosen(self, m: int) -> tuple[np.ndarray, np.ndarray]:
        return np.full((2, 1), m, np.float32), np.zeros(1, np.float32)


def winner() -> Winner:
    return Winner(np.zeros((2, 1), np.float32), np.zeros(1, np.float32))


def test_the_best_is_kept_and_the_loss_decides_between_equals() -> None:
    found = winner()
    models: object = Models()
    assert found.consider(models, np.array([0.5, 0.4, 0.4]), np.array([1, 3, 2]), 1) == 2
    assert found.weights[0, 0] == 2
    found.consider(models, np.array([0.45, np.inf, 0.6]), np.array([1, 1, 1]), 2)
    assert (found.model, found.epoch) == (2, 1)
    found.consider(models, np.array([0.3, 0.4, 0.4]), np.array([1, 1, 1]), 3)
    assert (found.model, found.epoch) == (0, 3)


def test_small_gains_count_as_waiting() -> None:
    found = winner()
    for badness, over in ((1.0, False), (0.9995, False), (0.5, False), (0.5, False), (0.4999, True)):
        found.badness = badness
        assert found.stalled(2, 0.001) == over


def test_a_state_is_taken_up_again_or_refused() -> None:
    found = winner()
    found.consider(Models(), np.array([0.5]), np.array([0.5]), 4)
    found.history.append((0.5, 0.25))
    again = winner()
    again.restore(found.state())
    assert (again.epoch, again.badness, again.history) == (4, 0.5, [(0.5, 0.25)])
    with pytest.raises(IntegrityError):
        Winner(np.zeros((3, 1), np.float32), np.zeros(1, np.float32)).restore(found.state())
