import numpy as np

from tarragon.metrics import labels, metric


def test_labels_take_the_threshold_only_for_two_classes():
    two = np.array([[0.7, 0.3], [0.4, 0.6]])
    assert labels(two).tolist() == [0, 1]
    assert labels(two, 0.3).tolist() == [1, 1]
    three = np.array([[0.2, 0.5, 0.3]])
    assert labels(three, 0.9).tolist() == [1]
    assert labels(np.array([2, 0])).tolist() == [2, 0]


def test_utility_turns_losses_around():
    assert metric("rmse").utility(2.0) == -2.0
    assert metric("auc").utility(0.7) == 0.7


def test_losses_average_to_the_metric():
    y, p = np.array([0.0, 1.0, 1.0]), np.array([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    for name in ("log_loss", "brier", "accuracy"):
        m = metric(name)
        assert np.isclose(m.losses(y, p).mean(), m.score(y, p))
    assert np.isclose(metric("accuracy").losses(y, p, threshold=0.4).mean(), 1.0)
    assert metric("auc").losses(y, p) is None
