"""The flat forest against scikit-learn's trees, and against arrays made to do harm."""

import numpy as np
import pytest
from sklearn.tree import ExtraTreeClassifier, ExtraTreeRegressor

from tarragon.algorithms.forest import FEW_ROWS, Forest
from tarragon.errors import IntegrityError


def rows(n: int, seed: int = 0) -> np.ndarray:
    X = np.random.default_rng(seed).normal(size=(n, 5)).astype(np.float32)
    X[np.random.default_rng(seed + 1).random(X.shape) < 0.1] = np.nan
    return X


def grown(classes: int) -> tuple[Forest, np.ndarray]:
    """A forest of three trees, and the mean of their answers for 400 new rows."""
    X, new = rows(300), rows(400, seed=5)
    y = np.nan_to_num(X[:, 0]) + 0.3 * np.nan_to_num(X[:, 1])
    code = np.digitize(y, [-0.5, 0.3])
    trees = [
        (ExtraTreeClassifier(random_state=s).fit(X, code) if classes else ExtraTreeRegressor(random_state=s).fit(X, y))
        for s in range(3)
    ]
    leaves = [t.tree_.value[t.tree_.children_left < 0][:, 0, :].astype(np.float32) for t in trees]
    expected = np.mean([t.predict_proba(new) if classes else t.predict(new)[:, None] for t in trees], axis=0)
    return Forest.grown([t.tree_ for t in trees], leaves, 5), expected


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("n", [1, FEW_ROWS, FEW_ROWS + 1, 400])
def test_both_walks_end_where_scikit_learn_does(classes: int, n: int) -> None:
    forest, expected = grown(classes)
    np.testing.assert_allclose(forest.mean(rows(400, seed=5)[:n]), expected[:n], rtol=1e-6, atol=1e-7)


def test_a_threshold_between_two_float32_values_separates_the_same_rows() -> None:
    x = np.float32(0.1)
    X = np.array([[x], [np.nextafter(x, np.float32(1))]], dtype=np.float32)
    tree = ExtraTreeRegressor(random_state=0).fit(X, [0.0, 1.0])
    leaves = tree.tree_.value[tree.tree_.children_left < 0][:, 0, :].astype(np.float32)
    np.testing.assert_array_equal(Forest.grown([tree.tree_], [leaves], 1).mean(X)[:, 0], tree.predict(X))


HARM = {
    "child before its parent": ("right", lambda a: np.where(a == a.max(), 1, a)),
    "child beyond the tree": ("right", lambda a: np.where(a == a.max(), 10_000_000, a)),
    "negative child": ("right", lambda a: np.where(a == a.max(), -5, a)),
    "last node not a leaf": ("right", lambda a: np.append(a[:-1], 3).astype(a.dtype)),
    "column beyond the table": ("feature", lambda a: np.append(a[:-1], 5).astype(a.dtype)),
    "negative column": ("feature", lambda a: np.append(a[:-1], -1).astype(a.dtype)),
    "too few columns": ("feature", lambda a: a[:-1]),
    "roots beyond the nodes": ("roots", lambda a: a + 7),
    "an empty tree": ("roots", lambda a: np.array([0, 0, *a[2:]])),
    "roots of the wrong type": ("roots", lambda a: a.astype(float)),
    "thresholds missing": ("threshold", lambda a: a[:0]),
    "flags as numbers": ("missing_left", lambda a: a.astype(np.int8)),
    "leaf entries out of order": ("start", lambda a: a[::-1].copy()),
    "leaf entries beyond the values": ("start", lambda a: a + 1),
    "a class beyond the last": ("column", lambda a: np.append(a[:-1], 3).astype(a.dtype)),
    "a negative class": ("column", lambda a: np.append(a[:-1], -1).astype(a.dtype)),
    "values as text": ("value", lambda a: a.astype(str)),
}


@pytest.mark.parametrize("harm", HARM)
def test_hostile_arrays_are_refused(harm: str) -> None:
    forest, _ = grown(3)
    name, damage = HARM[harm]
    with pytest.raises(IntegrityError):
        Forest.make({**forest.arrays, name: damage(np.array(forest.arrays[name]))}, 5, 3)


def test_random_damage_is_refused_or_harmless() -> None:
    forest, _ = grown(3)
    rng, X = np.random.default_rng(0), rows(400)
    refused = 0
    for _ in range(200):
        name = str(rng.choice(sorted(forest.arrays)))
        raw = np.array(forest.arrays[name])
        view = raw.view(np.uint8)
        view[rng.integers(len(view))] = rng.integers(2) if raw.dtype == bool else rng.integers(256)
        try:
            hurt = Forest.make({**forest.arrays, name: raw}, 5, 3)
        except IntegrityError:
            refused += 1
            continue
        assert hurt.mean(X).shape == (400, 3)
        assert hurt.mean(X[:3]).shape == (3, 3)
    assert 20 < refused < 200
