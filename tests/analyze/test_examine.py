from dataclasses import replace

import numpy as np
import pytest

from tarragon.analyze import Analysis, examine
from tarragon.metrics import for_task, metric


class Ticking:
    """A clock that advances a little each time it is read, so that a run plans the same work every time."""

    def __init__(self, step):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


def _examine(subject, budget_s=60.0, step=1e-3, **more):
    return examine(subject, metric=metric(subject.board.metric), seed=0, budget_s=budget_s, clock=Ticking(step), **more)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_everything_is_said_about_every_task(task, request):
    subject = request.getfixturevalue(task)
    steps = []
    found = _examine(subject, on_step=steps.append)
    assert isinstance(found, Analysis)
    assert found.skipped == ()
    assert steps[0] == "score"
    assert len(steps) == 6
    assert found.score.low <= found.score.value <= found.score.high
    assert "200 fresh rows" in found.score.sentence
    assert found.apparent == subject.apparent
    sign = 1 if found.score.greater_is_better else -1
    assert np.isclose(found.score.value, found.apparent - sign * found.optimism)
    assert len(found.others) == len(for_task(task)) - 1
    assert [b.name for b in found.baselines] == ["dummy", "one-rule", "linear"]
    assert found.importance[0].column == "income"
    assert found.importance[0].shap == max(i.shap for i in found.importance)
    assert found.explanation.additivity_error < 1e-10
    assert {f.value for f in found.bias} == {"f", "m"}
    assert found.fit.verdict == "balanced"
    assert found.interpretability.algorithm == "linear"
    assert found.cost.size_bytes == 2_100
    assert found.slices
    assert (found.pictures.confusion is None) == (task == "regression")


def test_the_same_seed_says_the_same(binary):
    one, other = _examine(binary), _examine(binary)
    assert one == other


def test_a_budget_too_small_is_said_not_broken_silently(binary):
    found = _examine(binary, budget_s=0.05, step=0.01)
    assert any("importance" in s for s in found.skipped)
    assert any("SHAP" in s for s in found.skipped)
    assert found.explanation is None
    assert found.importance == ()
    assert found.score.value is not None
    assert found.others
    assert found.bias
    assert found.baselines[0].name == "dummy"


def test_a_real_budget_is_kept_by_asking_less(regression):
    """Every answer costs time: the model below needs 1 ms a row, so a careless run would take minutes."""

    class Paid:
        def __init__(self, inner, clock):
            self.inner, self.clock = inner, clock

        def respond(self, frame, fold=None):
            self.clock.now += 0.001 * frame.height / (1 if fold is None else 3)
            return self.inner.respond(frame, fold)

        def size_parts(self):
            return self.inner.size_parts()

    clock = Ticking(1e-5)
    subject = replace(regression, predictor=Paid(regression.predictor, clock))
    found = examine(subject, metric=metric("rmse"), seed=0, budget_s=8.0, clock=clock)
    assert clock.now <= 8.0
    assert found.importance
    assert found.explanation is not None


def test_the_holdout_is_scored_once_on_its_own_rows(with_holdout):
    found = _examine(with_holdout)
    held = with_holdout.split.holdout
    p = with_holdout.predictor.respond(with_holdout.table.frame.drop("target")[held])
    assert found.holdout.n == 100
    assert np.isclose(found.holdout.value, metric("auc").score(with_holdout.table.y[held], p))
    assert found.score.n == 600


def test_time_splits_judge_fewer_rows_and_say_so(regression):
    oof = regression.oof.copy()
    oof[:200] = np.nan
    subject = replace(regression, oof=oof, split=replace(regression.split, strategy="time"))
    found = _examine(subject)
    assert found.score.n == 400
    assert all(o.n == 400 for o in found.others)
