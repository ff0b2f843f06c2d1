"""What jobs would wait for is loaded where they are forked from."""

from tarragon.train import preload


def test_the_algorithms_are_known() -> None:
    assert {"xgboost", "linear-learner", "knn"} <= set(preload.KNOWN)
