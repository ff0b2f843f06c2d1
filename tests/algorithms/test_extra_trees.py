"""Extra trees against scikit-learn's own forest."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

from tarragon.algorithms.contract import AlgorithmContract, made, values
from tarragon.algorithms.extra_trees import ExtraTrees
from tarragon.algorithms.protocol import Standalone
from tarragon.algorithms.target import Target
from tarragon.errors import DataError


class TestExtraTrees(AlgorithmContract):
    algorithm = ExtraTrees(n_estimators=25, min_samples_leaf=5)
    iterative = True
    takes_sparse = False


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("bootstrap", [False, True])
def test_same_trees_as_scikit_learn(task: str, bootstrap: bool) -> None:
    train, rows = made(task), made(task, seed=1)
    asked = ExtraTrees(n_estimators=30, min_samples_leaf=2, max_features=0.5, bootstrap=bootstrap, smoothing=0.0)
    kind = ExtraTreesRegressor if task == "regression" else ExtraTreesClassifier
    peer = kind(30, min_samples_leaf=2, max_features=0.5, bootstrap=bootstrap, random_state=7)
    target = Target.learn(train)  # the trees see standardised targets: ties between splits depend on rounding
    peer.fit(train.X, target.code(train.y))
    expected = target.values(peer.predict(rows.X))["score"] if task == "regression" else peer.predict_proba(rows.X)
    ours = values(asked.fit(train, context=Standalone(seed=7)).predict(rows))
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def test_smoothing_counts_as_trees_that_answer_the_overall_shares() -> None:
    train, rows = made("multiclass"), made("multiclass", seed=1)
    plain = values(ExtraTrees(n_estimators=30, smoothing=0.0).fit(train).predict(rows))
    mixed = values(ExtraTrees(n_estimators=30, smoothing=10.0).fit(train).predict(rows))
    share = np.bincount(train.y.astype(int)) / train.n_rows
    np.testing.assert_allclose(mixed, 0.75 * plain + 0.25 * share, atol=1e-12)
    assert plain.min() == 0.0
    assert mixed.min() > 0.0


def test_model_of_many_rows_stays_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50_000, 3)).astype(np.float32)
    data = replace(made("regression"), X=X, y=rng.normal(size=50_000), names=(), categorical=())
    model = ExtraTrees(n_estimators=100).fit(data, context=_AtOnce())  # four trees stand for the hundred
    model.save(tmp_path)
    per_tree = sum(p.stat().st_size for p in tmp_path.iterdir()) / model.rounds_
    assert 100 * per_tree < 30e6


class _AtOnce(Standalone):
    def stop_asked(self) -> bool:
        return True


def test_stops_with_whole_trees_and_says_how_many() -> None:
    model = ExtraTrees(n_estimators=100).fit(made("regression"), context=_AtOnce())
    assert model.rounds_ == model.rounds_done_ == 4
    again = ExtraTrees(n_estimators=4).fit(made("regression"))
    np.testing.assert_array_equal(
        model.predict(made("regression", seed=1))["score"], again.predict(made("regression", seed=1))["score"]
    )


def test_threads_do_not_change_the_answer() -> None:
    data = made("multiclass")
    one = ExtraTrees(n_estimators=20).fit(data, context=Standalone(threads=1))
    two = ExtraTrees(n_estimators=20).fit(data, context=Standalone(threads=2))
    assert values(one.predict(data)).tobytes() == values(two.predict(data)).tobytes()


def test_sparse_rows_are_refused_in_words() -> None:
    import scipy.sparse as sp

    data = made("regression", "onehot")
    with pytest.raises(DataError, match="dense"):
        ExtraTrees().fit(replace(data, X=sp.csr_matrix(data.X)))
