import numpy as np

from tarragon.algorithms.linear_grid import Asked, Columns, grid


def asked(**more):  # type: ignore[no-untyped-def]
    plain = {"learning_rate": None, "wd": None, "l1": None, "schedule": (None, None, None), "scheduled": True}
    return Asked("adam", **{**plain, "positive": (1.0,), **more})


def test_auto_is_32_different_models() -> None:
    found = grid(asked(), None)
    assert len(set(found)) == 32
    assert len({s.learning_rate for s in found}) == 4
    assert {s.factor for s in found} == {0.99}


def test_what_was_asked_for_holds_for_all() -> None:
    found = grid(asked(learning_rate=0.3, l1=0.2), None)
    assert {s.learning_rate for s in found} == {0.3}
    assert {s.l1 for s in found} == {0.2}
    assert len(set(found)) == len(found) == 6
    assert len(grid(asked(learning_rate=0.3, wd=0, l1=0, schedule=(5, 0.5, 0.1)), None)) == 1


def test_as_many_as_wanted() -> None:
    assert len(grid(asked(), 3)) == 3
    assert len(grid(asked(learning_rate=0.3, wd=0, l1=0), 7)) == 7
    assert len(grid(asked(), 40)) == 40


def test_both_weights_of_positives_are_tried() -> None:
    assert {s.positive for s in grid(asked(positive=(1.0, 5.0)), None)} == {1.0, 5.0}


def test_rates_fall_in_steps_to_their_floor() -> None:
    columns = Columns.of(grid(asked(learning_rate=1.0, wd=0, l1=0, schedule=(10, 0.5, 0.2)), None), 2)
    found = np.array([columns.rates(t) for t in (1, 10, 11, 21, 1000)])
    np.testing.assert_allclose(found, np.repeat([[1], [1], [0.5], [0.25], [0.2]], 2, axis=1), rtol=1e-6)
    flat = Columns.of(grid(asked(learning_rate=1.0, scheduled=False), 1), 1)
    assert flat.rates(5000).tolist() == [1.0]
    assert grid(asked(learning_rate=0.5), 1)[0].words("adam")["learning_rate"] == 0.5
