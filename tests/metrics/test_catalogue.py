import pytest

from tarragon.errors import ParameterError
from tarragon.metrics import DEFAULT, METRICS, TASKS, for_task, metric


def test_every_name_and_alias_finds_its_metric():
    for m in METRICS:
        for name in (m.name, *m.aliases):
            assert metric(name) is m


def test_default_comes_first():
    for task in TASKS:
        assert for_task(task)[0].name == DEFAULT[task]
        assert all(task in m.tasks for m in for_task(task))


def test_unknown_metric_names_what_was_meant():
    with pytest.raises(ParameterError, match="Did you mean") as caught:
        metric("accurracy", "binary")
    assert "accuracy" in caught.value.fix


def test_metric_of_another_task_is_refused():
    with pytest.raises(ParameterError, match="regression"):
        metric("auc", "regression")
