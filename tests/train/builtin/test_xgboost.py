"""The container's XGBoost is the library's XGBoost: same trees, same metrics, in the container's lines."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import xgboost
from sklearn import metrics

from tarragon.algorithms import get
from tarragon.data import Tabular
from tarragon.errors import DataError, ParameterError
from tarragon.train.builtin import Channel, Teller, default_metrics, learn
from tarragon.train.builtin.run import compiled

from .conftest import Heard, table

Train = Callable[..., Heard]


def library(params: dict[str, Any], rounds: int, train_rows: Any, valid_rows: Any) -> tuple[Any, dict[str, Any]]:
    history: dict[str, Any] = {}
    sets = [xgboost.QuantileDMatrix(*train_rows)]
    sets.append(xgboost.QuantileDMatrix(*valid_rows, ref=sets[0]))
    booster = xgboost.train(
        {"seed": 0, "nthread": 1, **params},
        sets[0],
        rounds,
        evals=list(zip(sets, ("train", "validation"), strict=True)),
        evals_result=history,
        verbose_eval=False,
    )
    return booster, history


def test_it_is_the_librarys_model_with_its_metrics_on_every_line(train: Train) -> None:
    data, held = table(400, 2), table(150, 2, seed=1)
    asked = {"num_round": 12, "objective": "binary:logistic", "learning_rate": 0.2, "max_depth": 3, "lambda": 2}
    heard = train("xgboost", {**asked, "eval_metric": "auc,logloss"}, train=data, validation=held)
    params = {
        "objective": "binary:logistic",
        "eta": 0.2,
        "max_depth": 3,
        "lambda": 2,
        "eval_metric": ["auc", "logloss"],
    }
    booster, history = library(params, 12, data, held)
    ours = xgboost.Booster(model_file=bytearray((heard.folder / "xgboost-model").read_bytes()))
    np.testing.assert_allclose(ours.inplace_predict(held[0]), booster.inplace_predict(held[0]), rtol=1e-5)
    rounds = [line for line in heard.lines if re.match(r"\[\d+\]#011", line)]
    assert len(rounds) == 12
    last = {f"{place}:{m}": history[place][m][-1] for place in ("train", "validation") for m in ("auc", "logloss")}
    assert heard.metrics == pytest.approx(last, abs=1e-5)
    assert rounds[-1].startswith(f"[11]#011train-auc:{last['train:auc']:.5f}#011train-logloss:")


@pytest.mark.parametrize("objective", ["multi:softmax", "multi:softprob"])
def test_several_classes_need_their_number(train: Train, objective: str) -> None:
    data = table(200, 3)
    with pytest.raises(ParameterError, match="num_class"):
        train("xgboost", {"num_round": 2, "objective": objective}, train=data)
    heard = train("xgboost", {"num_round": 5, "objective": objective, "num_class": 3}, train=data)
    assert set(heard.metrics) == {"train:mlogloss"}


def test_metrics_the_library_lacks_are_scikit_learns(train: Train) -> None:
    data, held = table(300, 3), table(200, 3, seed=1)
    names = "accuracy,f1,precision_macro,recall_micro,balanced_accuracy,mlogloss"
    asked = {"num_round": 5, "objective": "multi:softprob", "num_class": 3, "eval_metric": names}
    heard = train("xgboost", asked, train=data, validation=held)
    booster = xgboost.Booster(model_file=bytearray((heard.folder / "xgboost-model").read_bytes()))
    guess = booster.inplace_predict(held[0]).argmax(axis=1)
    assert heard.metrics["validation:accuracy"] == pytest.approx(metrics.accuracy_score(held[1], guess), abs=1e-5)
    assert heard.metrics["validation:f1"] == pytest.approx(metrics.f1_score(held[1], guess, average="macro"), abs=1e-5)
    expected = metrics.precision_score(held[1], guess, average="macro")
    assert heard.metrics["validation:precision_macro"] == pytest.approx(expected, abs=1e-5)


def test_early_stopping_keeps_the_best_by_the_last_metric(train: Train) -> None:
    data, held = table(120, 2), table(300, 2, seed=1)
    asked = {"objective": "binary:logistic", "eta": 0.8, "eval_metric": "logloss,auc", "num_round": 200}
    heard = train("xgboost", {**asked, "early_stopping_rounds": 5}, train=data, validation=held)
    values = [float(m[1]) for line in heard.lines if (m := re.search(r"validation-auc:([\d.]+)", line))]
    booster = xgboost.Booster(model_file=bytearray((heard.folder / "xgboost-model").read_bytes()))
    assert len(values) < 200
    assert booster.num_boosted_rounds() == len(values) - 5
    assert values[len(values) - 6] == pytest.approx(max(values), abs=1e-5)
    with pytest.raises(ParameterError, match="validation channel"):
        train("xgboost", {**asked, "early_stopping_rounds": 5}, train=data)


def test_a_run_that_was_cut_off_goes_on_from_its_checkpoint(train: Train) -> None:
    data = table(300)
    asked = {"num_round": 10, "max_depth": 3}

    class Cut(Heard):
        def epoch(self, n: int, steps: int, records: int, seconds: float) -> None:
            super().epoch(n, steps, records, seconds)
            if n == 7:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train("xgboost", asked, Cut(), train=data)
    heard = train("xgboost", asked, train=data)
    assert heard.epochs == [7, 8, 9, 10]
    booster, _ = library({"max_depth": 3}, 10, data, data)
    ours = xgboost.Booster(model_file=bytearray((heard.folder / "xgboost-model").read_bytes()))
    np.testing.assert_allclose(ours.inplace_predict(data[0]), booster.inplace_predict(data[0]), rtol=1e-4)


def test_a_stop_ends_it_with_the_rounds_so_far(train: Train) -> None:
    heard = train("xgboost", {"num_round": 50}, Heard(stop=True), train=table(100))
    assert heard.epochs == [1]
    assert (heard.folder / "xgboost-model").is_file()


def test_weights_come_second_when_asked_for(train: Train) -> None:
    X, y = table(200)
    weight = np.where(y > 0, 3.0, 0.5)
    asked = {"num_round": 5, "csv_weights": 1}
    heard = train("xgboost", asked, train=(np.column_stack([weight, X]), y))
    expected = xgboost.train({"nthread": 1}, xgboost.QuantileDMatrix(X, y, weight=weight), 5)
    ours = xgboost.Booster(model_file=bytearray((heard.folder / "xgboost-model").read_bytes()))
    np.testing.assert_allclose(ours.inplace_predict(X), expected.inplace_predict(X), rtol=1e-4)


def test_sparse_channels_are_given_one_width(tmp_path: Path) -> None:
    for name, text in (("train", "1 0:1 2:3\n0 0:2\n" * 20), ("validation", "1 0:1\n0 1:2\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rows").write_text(text)
    (tmp_path / "model").mkdir()
    channels = {name: Channel(tmp_path / name, "text/libsvm") for name in ("train", "validation")}
    heard = Heard()
    learn("xgboost", {"num_round": "2"}, channels, tmp_path / "model", Teller(heard, threads=1))
    assert "[INFO] Validation matrix has 2 rows and 3 columns" in heard.lines


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "num_round"), ({"num_round": 0}, "num_round"), ({"num_round": 1, "trees": 2}, "unexpected"),
        ({"num_round": 1, "eval_metric": "aft-nloglik"}, "aft-nloglik"),
        ({"num_round": 1, "interaction_constraints": "[[0, x]]"}, "interaction_constraints"),
        ({"num_round": 1, "objective": "reg:nonsense"}, "nonsense"), ({"num_round": 1, "booster": "forest"}, "booster"),
        ({"num_round": 1, "eval_metric": "rmse,nonsense"}, "nonsense"), ({"num_round": 1, "eval_metric": "auc"}, "auc"),
        ({"num_round": 1, "subsample": 0}, "subsample"), ({"num_round": 1, "updater": "grow"}, "updater"),
    ],
)  # fmt: skip
def test_hyperparameters_the_container_would_not_take_are_refused(train: Train, asked: Any, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        train("xgboost", asked, train=table(20))


def test_labels_outside_the_objective_are_refused(train: Train, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="label must be"):
        train("xgboost", {"num_round": 1, "objective": "binary:logistic"}, train=table(50, 3))
    channel = {"train": Channel(tmp_path / "data" / "train", "text/csv;label_size=0")}
    with pytest.raises(DataError, match="label_size must be 1"):
        learn("xgboost", {"num_round": "1"}, channel, tmp_path, Teller(Heard()))


def ours(heard: Heard, name: str = "xgboost-model") -> Any:
    return xgboost.Booster(model_file=bytearray((heard.folder / name).read_bytes()))


def ranked(n: int = 120) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of queries of ten, graded 0 to 3."""
    X, y = table(n)
    return X, np.digitize(y, [-2.0, 0.0, 2.0]).astype(float), np.repeat(np.arange(n // 10), 10)


def libsvm(X: np.ndarray, y: np.ndarray, query: np.ndarray | None = None) -> str:
    lines = []
    for i, (row, label) in enumerate(zip(X.tolist(), y.tolist(), strict=True)):
        who = f" qid:{query[i]}" if query is not None else ""
        lines.append(f"{label:g}{who} " + " ".join(f"{j}:{value!r}" for j, value in enumerate(row)))
    return "\n".join(lines) + "\n"


def from_files(folder: Path, asked: dict[str, Any], files: dict[str, str]) -> Heard:
    """Train on channels of LIBSVM files, given by their paths."""
    heard = Heard(folder=folder / "ml" / "model")
    heard.folder.mkdir(parents=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    names = {name.partition("/")[0] for name in files}
    channels = {name: Channel(folder / name, "text/libsvm") for name in names}
    teller = Teller(heard, compiled(default_metrics("xgboost")), threads=1)
    learn("xgboost", {name: str(value) for name, value in asked.items()}, channels, heard.folder, teller)
    return heard


@pytest.mark.parametrize("objective", ["rank:pairwise", "rank:ndcg"])
@pytest.mark.parametrize("told", ["qid", "group"])
def test_ranking_knows_the_queries(tmp_path: Path, objective: str, told: str) -> None:
    X, y, query = ranked()
    files = {"train/a": libsvm(X, y, query if told == "qid" else None)}
    if told == "group":
        files["train/a.group"] = "10\n" * 12
    asked = {"num_round": 8, "objective": objective, "eval_metric": "ndcg@5,ndcg"}
    heard = from_files(tmp_path, asked, files)
    rows = xgboost.QuantileDMatrix(scipy.sparse.csr_matrix(X), y, qid=query)
    expected = xgboost.train({"objective": objective, "nthread": 1, "seed": 0}, rows, 8)
    np.testing.assert_array_equal(ours(heard).inplace_predict(X), expected.inplace_predict(X))
    assert heard.metrics["train:ndcg"] > 0.8


def test_sizes_of_queries_must_fit(tmp_path: Path) -> None:
    X, y, _ = ranked()
    with pytest.raises(DataError, match="counts 90 rows"):
        from_files(
            tmp_path, {"num_round": 1, "objective": "rank:ndcg"},
            {"train/a": libsvm(X, y), "train/a.group": "10\n" * 9},
        )  # fmt: skip


@pytest.mark.parametrize("objective", ["survival:cox", "survival:aft"])
def test_survival_takes_negative_times_for_censored(train: Train, objective: str) -> None:
    X, y = table(300)
    seconds = np.exp(0.3 * y).round(4)
    seconds[::5] *= -1
    more = {"aft_loss_distribution": "logistic"} if objective == "survival:aft" else {}
    heard = train("xgboost", {"num_round": 10, "objective": objective, **more}, train=(X, seconds))
    label: dict[str, Any] = {"label": seconds}
    if more:
        label = {
            "label_lower_bound": abs(seconds), "label_upper_bound": np.where(seconds < 0, np.inf, abs(seconds)),
        }  # fmt: skip
    rows = xgboost.QuantileDMatrix(X, **label)
    expected = xgboost.train({"objective": objective, "nthread": 1, "seed": 0, **more}, rows, 10)
    np.testing.assert_array_equal(ours(heard).inplace_predict(X), expected.inplace_predict(X))
    assert set(heard.metrics) == {f"train:{objective.partition(':')[2]}-nloglik"}


@pytest.mark.parametrize(
    "more",
    [
        {"booster": "dart", "rate_drop": 0.3, "sample_type": "weighted", "normalize_type": "forest"},
        {"booster": "gblinear", "updater": "coord_descent", "lambda": 0.1}, {"booster": "gblinear"},
        {"updater": "grow_colmaker,prune", "gamma": 1}, {"interaction_constraints": "[[0, 1], [2, 3, 4]]"},
    ],
)  # fmt: skip
def test_other_boosters_and_updaters_are_the_librarys(train: Train, more: dict[str, Any]) -> None:
    X, y = table(300)
    heard = train("xgboost", {"num_round": 8, **more}, train=(X, y))
    rows = xgboost.DMatrix(X, y) if {"updater", "booster"} & set(more) else xgboost.QuantileDMatrix(X, y)
    expected = xgboost.train({"nthread": 1, "seed": 0, **more}, rows, 8)
    np.testing.assert_allclose(ours(heard).predict(rows), expected.predict(rows), rtol=1e-5, atol=1e-6)
    model = get("xgboost").load(heard.folder)
    np.testing.assert_allclose(model.predict(Tabular(X))["score"], expected.predict(rows), rtol=1e-5, atol=1e-6)


def test_an_update_refreshes_the_leaves_of_an_earlier_model(train: Train, tmp_path: Path) -> None:
    first = train("xgboost", {"num_round": 6, "max_depth": 3}, train=table(200))
    X, y = table(300, seed=3)
    (tmp_path / "more").mkdir()
    np.savetxt(tmp_path / "more" / "a.csv", np.column_stack([y, X]), delimiter=",", fmt="%.17g")
    (tmp_path / "updated").mkdir()
    heard = Heard(folder=tmp_path / "updated")
    asked = {"num_round": "6", "max_depth": "3", "process_type": "update", "updater": "refresh"}
    channels = {"train": Channel(tmp_path / "more", "text/csv"), "model": Channel(first.folder)}
    learn("xgboost", asked, channels, heard.folder, Teller(heard, threads=1))
    params = {"process_type": "update", "updater": "refresh", "max_depth": 3, "nthread": 1, "seed": 0}
    expected = xgboost.train(params, xgboost.DMatrix(X, y), 6, xgb_model=ours(first))
    np.testing.assert_array_equal(ours(heard).inplace_predict(X), expected.inplace_predict(X))
    assert ours(heard).num_boosted_rounds() == 6
    with pytest.raises(ParameterError, match="model to update"):
        train("xgboost", asked, train=(X, y))
    with pytest.raises(ParameterError, match="does not go with updater"):
        train("xgboost", {**asked, "updater": "grow_colmaker"}, train=(X, y))


def test_the_old_name_of_squared_error(train: Train) -> None:
    data = table(60)
    old = train("xgboost", {"num_round": 3, "objective": "reg:linear"}, train=data)
    new = train("xgboost", {"num_round": 3, "objective": "reg:squarederror"}, train=data)
    assert (old.folder / "xgboost-model").read_bytes() == (new.folder / "xgboost-model").read_bytes()
