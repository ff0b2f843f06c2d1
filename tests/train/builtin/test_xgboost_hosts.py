"""Several hosts grow XGBoost's trees together: one host's model on all rows, on every host, or a sentence why not."""

import os
import re
import socket
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from sklearn import metrics

from tarragon.algorithms.xgboost import XGBoost
from tarragon.data import Tabular
from tarragon.errors import DataError, JobError
from tarragon.train.builtin import Channel, Teller, fit, learn, shares
from tarragon.train.builtin.peers import Peers, shared
from tarragon.train.builtin.run import known
from tarragon.train.builtin.xgboost_hosts import alone, gathered, over_all, ring
from tarragon.train.protocol import Source, TrainingSpec

from .conftest import Heard, Rows, csv, table, together

ASKED = {"num_round": "20", "objective": "binary:logistic", "eta": "0.2", "eval_metric": "accuracy,auc,logloss"}


def parts(rows: Rows, *cuts: int) -> list[Rows]:
    return list(zip(np.split(rows[0], cuts), np.split(rows[1], cuts), strict=True))


def grown(shares: list[Rows], model: Callable[[], XGBoost], valid: list[Rows] | None = None) -> list[XGBoost]:
    """Fit hosts in a thread each: the library keeps a ring per thread."""
    found: dict[int, XGBoost] = {}

    def host(rank: int, peers: Peers) -> None:
        classes = 2 if len(np.unique(shares[0][1])) == 2 else 0
        held = None if valid is None else Tabular(valid[rank][0], y=valid[rank][1], n_classes=classes)
        rows = Tabular(shares[rank][0], y=shares[rank][1], n_classes=classes)
        teller = Teller(Heard(), (), None, threads=1, rank=rank, world=len(shares), peers=peers)
        rows, held, teller = gathered(teller, rows, held)
        with ring(teller):
            found[rank] = model().fit(rows, valid=held, context=teller)

    together(len(shares), host)
    return [found[rank] for rank in range(len(shares))]


def job(root: Path, asked: Mapping[str, str], train: list[str], valid: list[str], *, kind: str = "text/csv") -> Any:
    """Lay out a job's hosts, each with its files; return what ``fit`` needs."""
    for rank, texts in enumerate(zip(train, valid or [""] * len(train), strict=True)):
        for name, text in zip(("train", "validation")[: 1 + bool(valid)], texts, strict=False):
            folder = root / f"algo-{rank + 1}" / "ml" / "input" / "data" / name
            folder.mkdir(parents=True)
            (folder / "part").write_text(text)
    names = ("train", "validation")[: 1 + bool(valid)]
    spec = TrainingSpec(
        arn="arn", region="us-east-1", image="xgboost:1", hyperparameters=asked,
        sources=tuple(Source(name, f"s3://b/{name}", content_type=kind, sharded=True) for name in names),
        output_uri="s3://b/out", instances=len(train),
    )  # fmt: skip
    return spec, root / "algo-1" / "ml"


def test_every_host_ends_with_the_model_of_one_that_has_all_rows() -> None:
    rows, (X, y) = table(3_000, 2), table(1_000, 2, seed=1)
    make = lambda: XGBoost(num_round=30, eta=0.2, max_depth=4)  # noqa: E731 - three words
    first, second, third = grown(parts(rows, 300, 1_200), make)
    raw = first.booster_.save_raw("ubj")
    assert raw == second.booster_.save_raw("ubj") == third.booster_.save_raw("ubj")
    one = make().fit(Tabular(rows[0], y=rows[1], n_classes=2))
    mine, whole, part = (
        model.predict(Tabular(X))["probability"][:, 1]
        for model in (first, one, make().fit(Tabular(rows[0][:300], y=rows[1][:300], n_classes=2)))
    )
    assert metrics.roc_auc_score(y, mine) == pytest.approx(metrics.roc_auc_score(y, whole), abs=0.003)
    assert metrics.log_loss(y, mine) == pytest.approx(metrics.log_loss(y, whole), rel=0.03)
    assert metrics.log_loss(y, mine) < 0.95 * metrics.log_loss(y, part)  # the others' rows were learned from
    assert np.corrcoef(mine, whole)[0, 1] > 0.99


def test_where_the_cuts_are_the_same_so_are_the_trees() -> None:
    """With few values a column the sketch is exact, and sums over hosts are all there is."""
    X, y = table(2_000)
    rows = np.round(X * 4) / 4, y
    make = lambda: XGBoost(num_round=10, objective="reg:pseudohubererror")  # noqa: E731
    found = grown(parts(rows, 700), make)[1].predict(Tabular(rows[0]))["score"]
    one = make().fit(Tabular(rows[0], y=y)).predict(Tabular(rows[0]))["score"]
    np.testing.assert_allclose(found, one, atol=1e-3)


def test_losses_are_of_all_hosts_rows_and_end_the_fit_everywhere() -> None:
    rows, held = table(1_000, 2), table(600, 2, seed=1)
    make = lambda: XGBoost(num_round=200, eta=0.5, early_stopping_rounds=3, eval_metric="logloss")  # noqa: E731
    hosts = grown(parts(rows, 400), make, parts(held, 100))
    assert hosts[0].rounds_ == hosts[1].rounds_ < hosts[0].rounds_done_ == hosts[1].rounds_done_ < 200
    answer = hosts[1].predict(Tabular(held[0]))["probability"][:, 1]
    assert hosts[0].history_[hosts[0].rounds_ - 1][1] == pytest.approx(metrics.log_loss(held[1], answer), rel=1e-4)


def test_a_measure_sees_every_hosts_answers() -> None:
    seen = {}

    def host(rank: int, peers: Peers) -> None:
        teller = Teller(Heard(), (), None, rank=rank, world=2, peers=peers)
        measure = over_all(lambda answer, labels: float((answer * labels[:, None]).sum()), teller)
        seen[rank] = measure(np.full((rank + 1, 2), 1.0 + rank, np.float32), np.array([2.0, 3.0][: rank + 1]))

    together(2, host)
    assert seen[0] == seen[1] == 2 * (1 * 2.0 + 2 * 2.0 + 2 * 3.0)


def test_sparse_rows_are_widened_and_dense_ones_refused() -> None:
    import scipy.sparse as sp

    seen = {}

    def host(rank: int, peers: Peers) -> None:
        teller = Teller(Heard(), (), None, rank=rank, world=2, peers=peers)
        rows = Tabular(sp.csr_matrix(np.eye(3, 3 + rank, dtype=np.float32)), y=np.zeros(3))
        seen[rank] = gathered(teller, rows, None)[0].n_features
        with pytest.raises(DataError, match=r"do not fit together") as caught:
            gathered(teller, Tabular(np.zeros((2, 4 - rank), np.float32), y=np.zeros(2)), None)
        assert "algo-2 has 3 feature columns and another host 4" in caught.value.why

    together(2, host)
    assert seen == {0: 4, 1: 4}


def test_the_ring_is_shut_to_other_machines() -> None:
    from tarragon.train.builtin import xgboost_hosts

    if xgboost_hosts.BIND_TO_DEVICE is None:
        pytest.skip("this system cannot bind a socket to a device")
    before, devices = xgboost_hosts._listening(), []

    def host(rank: int, peers: Peers) -> None:
        teller = Teller(Heard(), (), None, rank=rank, world=2, peers=peers)
        with ring(teller):
            peers.sum({})
            for number in xgboost_hosts._listening() - before if not rank else ():
                with socket.socket(fileno=os.dup(number)) as each:
                    device = each.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
                    devices.append(each.getsockname()[0] == "127.0.0.1" or device.startswith(b"lo"))
            peers.sum({})

    together(2, host)
    assert len(devices) >= 3  # the tracker's, and one of each host that hears of failures
    assert all(devices)
    assert not xgboost.collective.is_distributed()


def test_a_job_of_two_hosts(tmp_path: Path) -> None:
    rows, held = table(1_200, 2), table(500, 2, seed=1)
    texts = ([csv(*each) for each in parts(rows, 300)], [csv(*each) for each in parts(held, 100)])
    spec, root = job(tmp_path, {**ASKED, "early_stopping_rounds": "8"}, *texts)
    assert shares("xgboost", None, spec.hyperparameters)
    fit("xgboost", spec, root, (heard := Heard()))
    assert "[INFO] Distributed node training with 2 hosts: ['algo-1', 'algo-2']" in heard.lines
    lines = [line for line in heard.lines if re.match(r"\[\d+\]#011train-accuracy:", line)]
    booster = xgboost.Booster(model_file=bytearray((root / "model" / "xgboost-model").read_bytes()))
    assert 0 < booster.num_boosted_rounds() <= len(lines) == len(heard.epochs) <= 20
    answer = booster.inplace_predict(held[0])
    last = {k: float(v) for k, v in re.findall(r"#011(\S+?):(\S+?)(?=#|$)", lines[booster.num_boosted_rounds() - 1])}
    assert last["validation-accuracy"] == pytest.approx(metrics.accuracy_score(held[1], answer > 0.5), abs=1e-5)
    assert last["validation-logloss"] == pytest.approx(metrics.log_loss(held[1], answer), abs=1e-4)
    assert last["validation-auc"] == pytest.approx(metrics.roc_auc_score(held[1], answer), abs=0.01)  # weighted
    assert not (tmp_path / "algo-2" / "ml" / "unused" / "xgboost-model").exists()


def test_all_hosts_stop_when_the_first_is_asked_to(tmp_path: Path) -> None:
    spec, root = job(tmp_path, {**ASKED, "num_round": "500"}, [csv(*table(200, 2)), csv(*table(200, 2, 1))], [])
    fit("xgboost", spec, root, (heard := Heard(stop=True)))
    assert heard.epochs == [1]
    assert (root / "model" / "xgboost-model").exists()


@pytest.mark.parametrize("bad", [0, 1])
def test_a_host_whose_rows_are_refused_is_told_in_its_words(tmp_path: Path, bad: int) -> None:
    """The library finds out in the midst of the ring; the other host learns why."""
    X, y = table(200)
    shares = [(X, np.abs(y)), (X, np.abs(y))]
    shares[bad] = (X, -1 - np.abs(y))
    spec, root = job(tmp_path, {"num_round": "3", "objective": "count:poisson"}, [csv(*s) for s in shares], [])
    with pytest.raises((DataError, JobError), match="XGBoost refused") as caught:
        fit("xgboost", spec, root, Heard())
    assert caught.value.what.startswith("algo-2: XGBoost refused" if bad else "XGBoost refused")
    assert "label" in str(caught.value)
    assert not xgboost.collective.is_distributed()


def test_an_empty_share_fails_the_job_with_a_sentence(tmp_path: Path) -> None:
    spec, root = job(tmp_path, ASKED, [csv(*table(50, 2)), ""], [])
    with pytest.raises(JobError, match=r"algo-2: .*no rows"):
        fit("xgboost", spec, root, Heard())


WORK = """
import os
import numpy as np
from tarragon.algorithms.xgboost import XGBoost
from tarragon.data import Tabular
from tarragon.train.builtin import Teller
from tarragon.train.builtin.teller import Silent
from tarragon.train.builtin.xgboost_hosts import ring

class Deadly(Silent):
    def __init__(self, rank):
        self.rank = rank

    def epoch(self, n, steps, records, seconds):
        if self.rank and n == 3:
            os.kill(os.getpid(), 9)

def boost(rank, peers):
    teller = Teller(Deadly(rank), (), None, threads=1, rank=rank, world=2, peers=peers)
    X = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    with ring(teller):
        XGBoost(num_round=50).fit(Tabular(X, y=X[:, 0].astype(float)), context=teller)
"""


def test_a_host_that_is_killed_in_the_midst_ends_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "xgboost_work.py").write_text(textwrap.dedent(WORK))
    monkeypatch.syspath_prepend(tmp_path)
    import xgboost_work  # type: ignore[import-not-found]

    with pytest.raises(JobError, match="Another host of the job has ended"):
        shared(2, lambda peers: xgboost_work.boost(0, peers), xgboost_work.boost)
    assert not xgboost.collective.is_distributed()
    assert XGBoost(num_round=2).fit(Tabular(np.eye(9, dtype=np.float32), y=np.arange(9.0))).rounds_ == 2


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, False), ({"tree_method": "hist"}, False), ({"tree_method": '"exact"'}, True), ({"_kfold": "3"}, True),
        ({"booster": "gblinear"}, True), ({"booster": "dart"}, False), ({"objective": "survival:cox"}, True),
        ({"updater": "grow_colmaker,prune"}, True), ({"updater": "grow_histmaker"}, False),
    ],
)  # fmt: skip
def test_what_needs_every_row_on_one_host(asked: dict[str, str], expected: bool) -> None:
    assert alone(asked) is expected
    assert shares("xgboost", known("xgboost"), asked) is not expected


def test_what_needs_every_row_is_trained_by_the_first_host_on_all_shares(tmp_path: Path) -> None:
    rows = table(300, 2)
    spec, root = job(tmp_path, {**ASKED, "tree_method": "exact"}, [csv(*each) for each in parts(rows, 100)], [])
    fit("xgboost", spec, root, (heard := Heard()))
    assert "[INFO] Train matrix has 300 rows and 5 columns" in heard.lines
    whole, one = tmp_path / "whole", tmp_path / "one"
    for place in (whole, one):
        place.mkdir()
    (whole / "part").write_text(csv(*rows))
    learn("xgboost", spec.hyperparameters, {"train": Channel(whole, "text/csv")}, one, Teller(Heard(), threads=1))
    raw = [bytearray((place / "xgboost-model").read_bytes()) for place in (root / "model", one)]
    first, second = (xgboost.Booster(model_file=each).inplace_predict(rows[0]) for each in raw)
    np.testing.assert_allclose(first, second, rtol=1e-5)
