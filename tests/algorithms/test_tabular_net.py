"""The tabular network: its own forward pass against torch's, what it learns, and when it ends."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tarragon.algorithms.contract import AlgorithmContract, Stopping, loss, made, values
from tarragon.algorithms.protocol import Standalone
from tarragon.algorithms.tabular_net import FILE, TabularNet
from tarragon.data import Tabular
from tarragon.errors import DataError, IntegrityError, MissingExtraError

SMALL = TabularNet(epochs=16, hidden=24, layers=1, members=2, bins=8, learning_rate=1e-2, batch_size=64)


class TestTabularNet(AlgorithmContract):
    algorithm = SMALL
    iterative = True
    takes_sparse = False


def needs_torch() -> None:
    pytest.importorskip("torch")


def test_numpy_answers_what_torch_does() -> None:
    torch = pytest.importorskip("torch")
    data, rows = made("multiclass", "dense"), made("multiclass", "dense", seed=1)
    model = replace(SMALL, layers=2).fit(data)
    w = {name: torch.from_numpy(a.astype(np.float64)) for name, a in model.weights_.items()}
    silu = torch.nn.functional.silu
    x = torch.from_numpy(model._pieces.encode(rows.X).astype(np.float64))
    h = silu((x * w["scale"]) @ w["first"] + w["first_bias"])[None] * w["sign"][:, None]
    for i in range(2):
        h = silu((h @ w[f"layer{i}"]) * w[f"gain{i}"][:, None] + w[f"bias{i}"][:, None])
    expected = torch.softmax(h @ w["head"] + w["head_bias"], dim=-1).mean(dim=0).numpy()
    np.testing.assert_allclose(model.predict(rows)["probability"], expected, atol=1e-5)


def test_learns_a_bend_that_no_line_follows() -> None:
    needs_torch()
    rng = np.random.default_rng(0)
    X = rng.normal(size=(800, 3)).astype(np.float32)
    data = Tabular(X, y=np.abs(X[:, 0]) * 4.0 + 100.0 + 0.1 * rng.normal(size=800))
    model = replace(SMALL, epochs=30).fit(data.rows(np.arange(600)))
    rest = data.rows(np.arange(600, 800))
    assert loss(model.predict(rest), rest.y) < 0.05 * rest.y.var()


def test_validation_rows_pick_the_epoch() -> None:
    needs_torch()
    rng = np.random.default_rng(0)
    data = replace(made("binary", "dense"), y=rng.integers(0, 2, 400).astype(float))
    valid = replace(made("binary", "dense", seed=1), y=rng.integers(0, 2, 400).astype(float))
    model = replace(SMALL, epochs=40, patience=5).fit(data, valid=valid)
    losses = [held for _, held in model.history_]
    assert model.rounds_ == 1 + int(np.argmin(losses))
    assert model.rounds_done_ == len(losses) == min(40, model.rounds_ + 5)
    assert loss(model.predict(valid), valid.y) == pytest.approx(min(losses), rel=1e-4)


def test_a_run_cut_short_is_repeated_by_stop_after() -> None:
    needs_torch()
    data, valid = made("regression", "dense"), made("regression", "dense", seed=1)
    cut = replace(SMALL).fit(data, valid=valid, context=Stopping(after=5))
    again = replace(SMALL, stop_after=cut.rounds_done_).fit(data, valid=valid, context=Standalone())
    assert cut.rounds_done_ == 5
    assert values(cut.predict(valid)).tobytes() == values(again.predict(valid)).tobytes()


def test_no_time_at_all_answers_the_overall_shares() -> None:
    needs_torch()
    data = made("multiclass", "dense")
    p = replace(SMALL).fit(data, context=Stopping(after=0)).predict(data)["probability"]
    np.testing.assert_allclose(p, np.tile(np.bincount(data.y.astype(int)) / 400, (400, 1)), atol=1e-6)


def test_members_differ_and_their_mean_is_the_answer() -> None:
    needs_torch()
    data = made("regression", "dense")
    model = replace(SMALL, members=3).fit(data)
    heads = model.weights_["head"]
    assert np.abs(heads[0] - heads[1]).max() > 0.01
    one_by_one = []
    for m in range(3):
        alone = replace(SMALL, members=1)
        alone._pieces, alone._target = model._pieces, model._target
        each = ("sign", "head", "head_bias", "gain0", "bias0")
        alone.weights_ = {name: a[m : m + 1] if name in each else a for name, a in model.weights_.items()}
        one_by_one.append(alone.predict(data)["score"])
    np.testing.assert_allclose(np.mean(one_by_one, axis=0), model.predict(data)["score"], rtol=1e-5)


def test_torch_is_left_as_it_was() -> None:
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    replace(SMALL, epochs=1).fit(made("binary", "dense"), context=Standalone(threads=1))
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before


def test_without_torch_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"tarragon\[deep\]"):
        replace(SMALL).fit(made("binary", "dense"))


def test_predicting_needs_no_torch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    needs_torch()
    data = made("binary", "dense")
    model = replace(SMALL).fit(data)
    model.save(tmp_path)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert values(TabularNet.load(tmp_path).predict(data)).tobytes() == values(model.predict(data)).tobytes()


def test_arrays_of_another_shape_are_refused(tmp_path: Path) -> None:
    needs_torch()
    from tarragon.algorithms.artifact import seal

    model = replace(SMALL).fit(made("binary", "dense"))
    model.save(tmp_path)
    arrays = load_file(tmp_path / FILE)
    for name in ("first", "head", "bin_column"):
        wrong = arrays[name][:-1] if name != "bin_column" else arrays[name] + 100
        save_file({**arrays, name: np.ascontiguousarray(wrong)}, tmp_path / FILE)
        facts = {"n_features": 8, "n_rows": 400, "rounds": 1, "rounds_done": 1, "history": []}
        seal(tmp_path, model, {**facts, "target": model._target.facts()})
        with pytest.raises(IntegrityError):
            TabularNet.load(tmp_path)


def test_missing_values_are_refused() -> None:
    data = made("regression", "dense")
    with pytest.raises(DataError, match="missing"):
        replace(SMALL).fit(replace(data, X=np.where(data.X > 2, np.nan, data.X)))


@pytest.mark.gpu
def test_accelerator_agrees_with_cpu() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no accelerator")
    data = made("regression", "dense")
    cpu = replace(SMALL).fit(data).predict(data)["score"]
    gpu = replace(SMALL).fit(data, context=Standalone(device="cuda")).predict(data)["score"]
    np.testing.assert_allclose(gpu, cpu, atol=0.05 * data.y.std())
