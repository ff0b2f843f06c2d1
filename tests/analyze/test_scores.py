import numpy as np
import pytest

from tarragon.analyze.predictive import Judged
from tarragon.analyze.scores import Wording, every_score, number, one_score
from tarragon.metrics import for_task, metric


def _binary():
    y = np.array([1.0] * 50 + [0.0] * 150)
    p = np.r_[np.full(28, 0.8), np.full(22, 0.2), np.full(135, 0.1), np.full(15, 0.7)]
    return Judged(y, np.c_[1 - p, p])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("recall", "Of 100 rows with churned = yes, it finds 56."),
        ("precision", "Of 100 rows it calls yes, 65 are."),
        ("specificity", "Of 100 rows without churned = yes, it leaves 90 alone."),
        ("accuracy", "Of 100 rows, 82 are answered right."),
    ],
)
def test_sentences_hold_the_actual_number(name, said):
    score = one_score(metric(name), _binary(), Wording("churned", ("no", "yes")))
    assert score.sentence == said
    assert score.low < score.value < score.high


def test_every_metric_of_every_task_has_its_own_sentence(binary, multiclass, regression):
    for subject in (binary, multiclass, regression):
        words = Wording("target", subject.table.classes)
        objective = metric(subject.board.metric)
        scores = every_score(subject.table.task, objective, Judged(subject.table.y, subject.oof), words)
        assert {s.metric for s in scores} == {m.name for m in for_task(subject.table.task)} - {objective.name}
        assert len({s.sentence for s in scores}) == len(scores)
        for s in scores:
            assert s.low <= s.value <= s.high
            assert s.sentence.endswith(".")
            assert np.isclose(s.value, metric(s.metric).score(subject.table.y, subject.oof))


def test_an_undefined_metric_says_why():
    rows = Judged(np.array([1.0, 1, 1]), np.array([[0.9, 0.1]] * 3))
    score = one_score(metric("precision"), rows, Wording("t", ("no", "yes")))
    assert score.value is None
    assert score.why == "no row is called positive"
    assert "no row is called positive" in score.sentence


def test_the_models_threshold_counts():
    strict = Judged(_binary().y, _binary().p, threshold=0.75)
    assert one_score(metric("precision"), strict, Wording("t", ("no", "yes"))).value == 1.0


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "0.5"), (123.456, "123.5"), (-1234.5, "-1,234"), (0.0, "0"), (3e-7, "3.00e-07")]
)
def test_numbers_read_like_a_persons(value, text):
    assert number(value) == text
