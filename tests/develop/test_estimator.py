"""The estimators as scikit-learn sees them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import tarragon

pytestmark = pytest.mark.contract
FAST = ("linear", "lightgbm")


@parametrize_with_checks([tarragon.Classifier(algorithms=FAST), tarragon.Regressor(algorithms=FAST)])
def test_scikit_learns_own_checks(estimator: object, check: object) -> None:
    check(estimator)  # type: ignore[operator]


def test_in_a_pipeline_and_cross_validation() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 3))
    y = np.where(X[:, 0] + 0.3 * rng.normal(size=150) > 0, "up", "down")
    scores = cross_val_score(make_pipeline(StandardScaler(), tarragon.Classifier(algorithms=FAST)), X, y, cv=3)
    assert scores.mean() > 0.8


def test_frames_with_words_and_gaps() -> None:
    rng = np.random.default_rng(0)
    n = 120
    X = pd.DataFrame({"size": rng.normal(size=n), "colour": rng.choice(["red", "blue"], n)})
    X.loc[::7, "size"] = np.nan
    y = 3.0 * (X["colour"] == "red") + X["size"].fillna(0)
    fitted = tarragon.Regressor(algorithms=FAST).fit(X, y)
    assert fitted.score(X, y) > 0.8
    assert list(fitted.feature_names_in_) == ["size", "colour"]
