"""The container's nearest neighbours are scikit-learn's."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from tarragon.algorithms import get
from tarragon.data import Tabular
from tarragon.errors import ParameterError

from .conftest import Heard, table

Train = Callable[..., Heard]


def test_a_classifier_votes_as_scikit_learns(train: Train) -> None:
    data, held = table(300, 3), table(100, 3, seed=1)
    asked = {"predictor_type": "classifier", "k": 5, "sample_size": 1000, "feature_dim": 5}
    heard = train("knn", asked, train=data, test=held)
    expected = KNeighborsClassifier(5).fit(*data)
    found = get("knn").load(heard.folder).predict(Tabular(held[0]))["probability"]
    np.testing.assert_allclose(found, expected.predict_proba(held[0]), atol=1e-6)
    assert heard.metrics["test:accuracy"] == pytest.approx(expected.score(*held))


def test_a_regressor_averages_as_scikit_learns(train: Train) -> None:
    data, held = table(300), table(100, seed=1)
    heard = train("knn", {"predictor_type": "regressor", "k": 7, "sample_size": 300}, train=data, test=held)
    expected = KNeighborsRegressor(7).fit(*data).predict(held[0])
    model = get("knn").load(heard.folder)
    np.testing.assert_allclose(model.predict(Tabular(held[0]))["score"], expected, rtol=1e-4)
    assert heard.metrics["test:mse"] == pytest.approx(np.mean((expected - held[1]) ** 2), rel=1e-4)
    distances, labels = model.nearest(Tabular(held[0]))
    near, which = KNeighborsRegressor(7).fit(*data).kneighbors(held[0])
    np.testing.assert_allclose(distances, near, rtol=1e-3)
    np.testing.assert_allclose(labels, data[1][which], rtol=1e-4)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"index_metric": "INNER_PRODUCT"}, "INNER_PRODUCT"), ({"dimension_reduction_type": "sign"}, "dimension_red"),
        ({"k": 0}, "k:"), ({"index_type": "tree"}, "index_type"),
    ],
)  # fmt: skip
def test_what_would_make_another_model_is_refused(train: Train, more: dict[str, object], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        train("knn", {"predictor_type": "classifier", "k": 3, "sample_size": 10, **more}, train=table(20, 2))
