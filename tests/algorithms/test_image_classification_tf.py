"""The hub's dialect: the suite, its changes of pictures, its last layer, its metrics."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_score, recall_score, roc_auc_score

from tarragon.algorithms.image_classification_tf import ImageClassificationTF, binary
from tarragon.algorithms.model_contract import ModelContract
from tarragon.algorithms.protocol import Standalone
from tarragon.data import Pictures
from tarragon.errors import ParameterError


def halves(n: int, seed: int = 0) -> Pictures:
    """Noise, brighter above (class 0) or below (1)."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 120, (n, 16, 20, 3)).astype(np.uint8)
    y = rng.integers(0, 2, n)
    y[:2] = 0, 1
    for i, kind in enumerate(y):
        pixels[i, 8 * kind : 8 * kind + 8] += 120
    return Pictures.of(pixels, labels=y, names=("above", "below"))


def small(**more: Any) -> ImageClassificationTF:
    return ImageClassificationTF(**{"layers": 18, "side": 16, "width": 4, "batch_size": 8, "epochs": 3, **more})


class TestImageClassificationTF(ModelContract):
    algorithm = staticmethod(small)
    iterative = True

    def data(self, seed: int) -> Pictures:
        return halves(24, seed)

    def bad(self) -> dict[str, Pictures]:
        return {"no labels": Pictures.of([halves(2).read(0)]), "nothing": halves(4).part([])}


@pytest.mark.parametrize("metric", ["precision", "recall", "auc", "prc"])
def test_metrics_of_two_classes_are_scikit_learns(metric: str) -> None:
    rng = np.random.default_rng(0)
    true = rng.random(200) < 0.4
    score = rng.normal(size=200) + true
    expected = {
        "precision": precision_score(true, score > 0), "recall": recall_score(true, score > 0),
        "auc": roc_auc_score(true, score),
    }  # fmt: skip
    found = binary(score, true, metric)
    if metric == "prc":  # ours makes the curve monotone first
        assert found == pytest.approx(average_precision_score(true, score), abs=0.03)
    else:
        assert found == pytest.approx(expected[metric])


def test_validation_goes_by_the_metric_asked_for() -> None:
    context = Standalone()
    model = small(
        binary_mode=True, eval_metric="auc", augmentation=True, augmentation_random_flip="horizontal", epochs=6,
        augmentation_random_rotation=0.02, early_stopping=True, learning_rate=0.01,
    )  # fmt: skip
    model.fit(halves(64), valid=halves(32, 1), context=context)
    assert max(epoch["validation:auc"] for epoch in context.epochs) > 0.9
    with pytest.raises(ParameterError, match="eval_metric"):
        small(eval_metric="auc").fit(halves(8))


def test_the_last_layer_alone_learns_and_begins_anew_when_asked() -> None:
    former = small(epochs=1).fit(halves(8))
    later = small(epochs=1, train_only_on_top_layer=True, start=former.weights_, learning_rate=0.1).fit(halves(8))
    assert np.array_equal(later.weights_["conv1.weight"], former.weights_["conv1.weight"])
    assert not np.allclose(later.weights_["fc.weight"], former.weights_["fc.weight"])
    still = {"epochs": 1, "learning_rate": 1e-12, "start": former.weights_}
    kept = small(**still).fit(halves(8)).weights_["fc.weight"]
    anew = small(**still, reinitialize_top_layer="True").fit(halves(8)).weights_["fc.weight"]
    assert np.allclose(kept, former.weights_["fc.weight"])
    assert not np.allclose(anew, former.weights_["fc.weight"])
