"""A recurrent layer of LSTM cells with zoneout, and its gradient, written out step by step.

Zoneout keeps a cell's earlier state at random instead of dropping it, so that what an LSTM remembers is disturbed but
never lost; in use, the expectation takes the place of chance. Automatic differentiation would record a dozen small
operations per step; here a step is written out, and the gradients of the weights are one product at the end. Single
precision on the processor goes through compiled steps (:mod:`~tarragon.algorithms.lstm_kernels`); the steps in torch's
own operations are for accelerators, and what the compiled ones are tested against: they agree to 1 in 100,000.

Notation: T steps, B series, H cells. i, f, o gates, g candidate, c cell state, h output, m zoneout masks (1 keeps):
c' = f·c + i·g, c ← c' + m_c (c - c'), h' = o·tanh(c'), h ← h' + m_h (h - h').

Source: Krueger et al. (2017), Zoneout, arXiv:1606.01305; Hochreiter & Schmidhuber (1997), Neural Computation 9.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


def masks(torch: Any, shape: tuple[int, int, int], rate: float, generator: Any) -> Any | None:
    """Draw which cells keep their state at which step: (2, T, B, H), or None without zoneout."""
    if rate <= 0.0:
        return None
    return (torch.rand((2, *shape), generator=generator) < rate).float()


def run(torch: Any, projected: Any, recurrent: Any, mask: Any | None, rate: float) -> tuple[Any, Any, Any]:
    """Run the layer from a state of zeros.

    Parameters
    ----------
    projected : tensor of shape (T, B, 4H)
        Input times input weights, plus bias; gates in the order i, f, o, g.
    recurrent : tensor of shape (H, 4H)
    mask : tensor of shape (2, T, B, H), optional
        Of :func:`masks`, when training.
    rate : float
        The zoneout rate, whose expectation is used without masks.

    Returns
    -------
    outputs, last output, last cell state : tensors (T, B, H), (B, H), (B, H)
        Only the outputs carry gradients.
    """
    found: tuple[Any, Any, Any] = _function().apply(projected, recurrent, mask, rate)
    return found


def step(gates: Any, h: Any, c: Any, rate: float) -> tuple[Any, Any]:
    """Take one step without gradients.

    Parameters
    ----------
    gates : tensor of shape (B, 4H)
        Input's and state's share together; overwritten.
    h, c : tensors of shape (B, H)
    rate : float
    """
    H = h.shape[1]
    gates[:, : 3 * H].sigmoid_()
    gates[:, 3 * H :].tanh_()
    i, f, o, g = gates[:, :H], gates[:, H : 2 * H], gates[:, 2 * H : 3 * H], gates[:, 3 * H :]
    cell = (f * c).addcmul_(i, g)
    out = cell.tanh().mul_(o)
    if rate > 0.0:
        return out.lerp_(h, rate), cell.lerp_(c, rate)
    return out, cell


def _plain(tensor: Any) -> NDArray[np.float32]:
    found: NDArray[np.float32] = tensor.detach().contiguous().numpy()
    return found


def _masked(mask: Any | None) -> NDArray[np.float32]:
    return np.zeros((0, 0, 0, 0), np.float32) if mask is None else _plain(mask)


@cache
def _function() -> Any:
    """Make the function with its gradient; torch is imported when it is first wanted."""
    import torch

    class Recurrence(torch.autograd.Function):  # type: ignore[misc, unused-ignore]
        @staticmethod
        def forward(ctx: Any, projected: Any, recurrent: Any, mask: Any | None, rate: float) -> tuple[Any, Any, Any]:
            T, B, H = projected.shape[0], projected.shape[1], recurrent.shape[0]
            gates = torch.empty_like(projected)
            compiled = projected.dtype == torch.float32 and projected.device.type == "cpu"
            hs, cs = projected.new_zeros(T + 1, B, H), projected.new_zeros(T + 1, B, H)
            squashed = projected.new_empty(T, B, H)
            cell = projected.new_empty(B, H)
            if compiled:
                from tarragon.algorithms import lstm_kernels

                given = (_plain(projected), _plain(recurrent), _masked(mask), np.float32(rate))
                lstm_kernels.forward(*given, tuple(_plain(a) for a in (gates, hs, cs, squashed)))
            for t in range(0 if compiled else T):
                gate, h, c, squash = gates[t], hs[t], cs[t], squashed[t]
                torch.addmm(projected[t], h, recurrent, out=gate)
                gate[:, : 3 * H].sigmoid_()
                gate[:, 3 * H :].tanh_()
                torch.mul(gate[:, H : 2 * H], c, out=cell)
                cell.addcmul_(gate[:, :H], gate[:, 3 * H :])
                torch.tanh(cell, out=squash)
                torch.mul(squash, gate[:, 2 * H : 3 * H], out=hs[t + 1])
                if mask is not None:
                    hs[t + 1].lerp_(h, mask[0, t])
                    torch.lerp(cell, c, mask[1, t], out=cs[t + 1])
                elif rate > 0.0:
                    hs[t + 1].lerp_(h, rate)
                    torch.lerp(cell, c, rate, out=cs[t + 1])
                else:
                    cs[t + 1].copy_(cell)
            ctx.save_for_backward(gates, hs, cs, squashed, recurrent)
            ctx.mask, ctx.rate, ctx.compiled = mask, rate, compiled
            last, state = hs[T].clone(), cs[T].clone()
            ctx.mark_non_differentiable(last, state)
            return hs[1:], last, state

        @staticmethod
        def backward(ctx: Any, *outer: Any) -> tuple[Any, Any, None, None]:
            above = outer[0]
            gates, hs, cs, squashed, recurrent = ctx.saved_tensors
            T, B, H = squashed.shape
            slopes = torch.empty_like(gates)  # of the loss along the gates before their activation
            if ctx.compiled:
                from tarragon.algorithms import lstm_kernels

                given = (_plain(above), _plain(recurrent), _masked(ctx.mask), np.float32(ctx.rate))
                memory = tuple(_plain(a) for a in (gates, hs, cs, squashed))
                lstm_kernels.backward(*given, memory, _plain(slopes))
            back = recurrent.t().contiguous()
            dh, dc = above.new_zeros(B, H), above.new_zeros(B, H)
            for t in range(-1 if ctx.compiled else T - 1, -1, -1):
                gate, slope, squash, c = gates[t], slopes[t], squashed[t], cs[t]
                i, f = gate[:, :H], gate[:, H : 2 * H]
                o, g = gate[:, 2 * H : 3 * H], gate[:, 3 * H :]
                dh = dh + above[t]
                through = kept = None
                if ctx.mask is not None:
                    through, kept = dh * ctx.mask[0, t], dc * ctx.mask[1, t]
                elif ctx.rate > 0.0:
                    through, kept = dh * ctx.rate, dc * ctx.rate
                own, cell = (dh, dc) if through is None else (dh - through, dc - kept)
                cell = torch.addcmul(cell, own * o, 1 - squash * squash)
                torch.mul(cell, g, out=slope[:, :H])
                torch.mul(cell, c, out=slope[:, H : 2 * H])
                torch.mul(own, squash, out=slope[:, 2 * H : 3 * H])
                torch.mul(cell, i, out=slope[:, 3 * H :])
                sigmoids = gate[:, : 3 * H]
                slope[:, : 3 * H].mul_(sigmoids).addcmul_(slope[:, : 3 * H], sigmoids, value=-1)
                slope[:, 3 * H :].addcmul_(slope[:, 3 * H :], g * g, value=-1)
                dh, dc = slope @ back, cell * f
                if through is not None:
                    dh, dc = dh + through, dc + kept
            weights = hs[:-1].reshape(T * B, H).t() @ slopes.reshape(T * B, 4 * H)
            return slopes, weights, None, None

    return Recurrence
