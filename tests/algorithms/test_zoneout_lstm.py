"""The layer against automatic differentiation, with and without zoneout, in both precisions."""

from typing import Any

import pytest

from tarragon.algorithms import zoneout_lstm

torch = pytest.importorskip("torch")
T, B, H = 6, 3, 5


def reference(projected: Any, recurrent: Any, mask: Any, rate: float) -> Any:
    h = c = torch.zeros(B, H, dtype=projected.dtype)
    out = []
    for t in range(T):
        gates = projected[t] + h @ recurrent
        i, f, o = (torch.sigmoid(gates[:, k * H : (k + 1) * H]) for k in range(3))
        cell = f * c + i * torch.tanh(gates[:, 3 * H :])
        new = o * torch.tanh(cell)
        keep_h, keep_c = (rate, rate) if mask is None else (mask[0, t], mask[1, t])
        h, c = new + keep_h * (h - new), cell + keep_c * (c - cell)
        out.append(h)
    return torch.stack(out), h, c


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize(("rate", "drawn"), [(0.0, False), (0.3, False), (0.3, True)])
def test_values_and_gradients_agree(precision: str, rate: float, drawn: bool) -> None:
    dice = torch.Generator().manual_seed(0)
    kind = getattr(torch, precision)
    projected = torch.randn(T, B, 4 * H, generator=dice, dtype=kind).requires_grad_()
    recurrent = (torch.randn(H, 4 * H, generator=dice, dtype=kind) * 0.5).requires_grad_()
    weight = torch.randn(T, B, H, generator=dice, dtype=kind)
    mask = zoneout_lstm.masks(torch, (T, B, H), rate, dice).to(kind) if drawn else None
    found, expected = (
        zoneout_lstm.run(torch, projected, recurrent, mask, rate), reference(projected, recurrent, mask, rate)
    )  # fmt: skip
    near = {"atol": 1e-10 if precision == "float64" else 1e-5, "rtol": 1e-5}
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, **near)
    slopes = (torch.autograd.grad((x[0] * weight).sum(), (projected, recurrent)) for x in (found, expected))
    for one, other in zip(*slopes, strict=True):
        torch.testing.assert_close(one, other, **near)


def test_one_step_is_the_layers_first() -> None:
    gates = torch.randn(1, B, 4 * H)
    zeros = torch.zeros(B, H)
    outputs, _, cell = zoneout_lstm.run(torch, gates, torch.zeros(H, 4 * H), None, 0.2)
    h, c = zoneout_lstm.step(gates[0].clone(), zeros, zeros, 0.2)
    torch.testing.assert_close(h, outputs[0])
    torch.testing.assert_close(c, cell)


def test_without_zoneout_there_are_no_masks() -> None:
    assert zoneout_lstm.masks(torch, (T, B, H), 0.0, torch.Generator()) is None
    kept = zoneout_lstm.masks(torch, (50, 20, 30), 0.25, torch.Generator().manual_seed(1)).mean()
    assert float(kept) == pytest.approx(0.25, abs=0.02)
