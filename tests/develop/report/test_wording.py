"""Sentences that several pages share."""

import pytest

from tarragon.develop.report import wording


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        ((0.02, 0.01, 0.03), "better by 0.020 (0.010–0.030)"),
        ((-0.02, -0.03, -0.01), "worse by 0.020 (0.010–0.030)"),
        ((0.0, 0.0, 0.0), "the same"),
    ],
)
def test_a_difference_in_words(gain, said):
    assert wording.compared(*gain) == said


def test_a_difference_within_noise_is_not_called_one():
    assert wording.compared(0.01, -0.001, 0.02).startswith("no clear difference")


def test_an_unknown_metric_keeps_its_name():
    assert wording.title_of("auc") == "ROC AUC"
    assert wording.title_of("house_metric") == "house_metric"
