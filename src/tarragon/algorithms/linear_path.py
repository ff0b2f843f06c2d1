"""Fit weights for a path of L2 penalties, from strong to weak, and judge each on rows it did not learn from.

Minimises mean loss + λ/2 · ‖W‖². Squared loss is solved in closed form with exact leave-one-out errors; the others by
L-BFGS, each penalty started from the one before.

Source: leave-one-out errors of ridge: Golub, Heath & Wahba (1979), Technometrics 21; curvature of softmax: Böhning
(1992), Annals of the Institute of Statistical Mathematics 44.

Notation: n rows, r columns after rotation, K outputs, λ penalty. Parameters travel as one flat ((r + 1) · K,) vector,
intercepts last.
"""

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import expit

from tarragon.algorithms.protocol import Context
from tarragon.algorithms.target import Dense, Target, shares
from tarragon.data import Tabular

Table: TypeAlias = NDArray[Any] | sp.csr_matrix
Line: TypeAlias = tuple[float, float, float]  # penalty, training loss, held-out loss
Judge: TypeAlias = "list[tuple[Problem, Problem | None]]"  # learn from, be judged on

PATIENCE = 2  # penalties in a row without gain before the path ends
GAIN = 2e-4  # share by which held-out loss must fall to prefer a weaker penalty: below it is noise
ROTATE = 1_500  # min(n, d) up to which an eigendecomposition (about 2 s at this size) pays for itself
COARSE = {"maxiter": 200, "maxcor": 20, "ftol": 3e-6, "gtol": 1e-4}  # along the path: near enough to compare
FINE = {"maxiter": 500, "maxcor": 20, "ftol": 1e-9, "gtol": 1e-6}  # the weights that are kept


@dataclass(frozen=True, slots=True)
class Loss:
    """What a wrong answer costs.

    Parameters
    ----------
    name : str
        squared_loss, absolute_loss, huber_loss, logistic or softmax_loss.
    delta : float
        Errors beyond it count linearly (huber_loss; a small one makes absolute_loss smooth).
    """

    name: str
    delta: float = 1.0

    @property
    def classifies(self) -> bool:
        """Whether the target is a class."""
        return self.name in ("logistic", "softmax_loss")

    def single(self) -> "Loss":
        """Return the form for one score per row: two classes seen of many are told apart by one."""
        return replace(self, name="logistic") if self.name == "softmax_loss" else self

    def bend(self, outputs: int) -> float:
        """Curvature in the scores, near the minimum; for scaling only."""
        return {"logistic": 0.15, "softmax_loss": 1.0 / outputs}.get(self.name, 1.0)

    def of(self, scores: Dense, y: Dense, s: Dense) -> tuple[float, Dense]:
        """(n, K) scores, (n,) targets, (n,) shares -> mean loss and its (n, K) slope, shares included."""
        if self.name == "logistic":
            z = scores[:, 0]
            p = expit(z)
            loss = np.logaddexp(0.0, z) - y * z
            return float(s @ loss), (s * (p - y))[:, None]
        if self.name == "softmax_loss":
            rows, code = np.arange(len(y)), y.astype(np.int64)
            shifted = scores - scores.max(axis=1, keepdims=True)
            p = np.exp(shifted)
            total = p.sum(axis=1, keepdims=True)
            p /= total
            loss = np.log(total[:, 0]) - shifted[rows, code]
            p[rows, code] -= 1.0
            return float(s @ loss), p * s[:, None]
        error = scores[:, 0] - y
        if self.name == "squared_loss":
            return float(s @ error**2) / 2.0, (s * error)[:, None]
        cut = np.clip(error, -self.delta, self.delta)
        return float(s @ (cut * (error - 0.5 * cut))), (s * cut)[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Rows to learn from or to be judged on, in coordinates where the curvature is nearly diagonal.

    Rotating Z by the eigenvectors of ZᵀZ/n makes the Hessian of squared loss diagonal and that of the others nearly
    so; dividing by its square root leaves L-BFGS a nearly round bowl: about ten steps instead of hundreds.

    Parameters
    ----------
    Z : ndarray or csr_matrix of shape (n, r)
        Rotated columns.
    y : ndarray of shape (n,)
        Standardised values, or positions in the classes seen.
    share : ndarray of shape (n,)
        Weights that sum to 1.
    loss : Loss
    outputs : int
        K.
    curve : ndarray of shape (r,)
        Mean square of each column.
    rotation : ndarray of shape (d', r), or None
        None where nothing was rotated.
    """

    Z: Table
    y: Dense
    share: Dense
    loss: Loss
    outputs: int
    curve: Dense
    rotation: Dense | None

    @classmethod
    def make(cls, Z: Table, target: Target, data: Tabular, loss: "Loss") -> "Problem":
        """Bring training rows into good coordinates."""
        part, rotation = shares(data), None
        if not sp.issparse(Z) and min(Z.shape) <= ROTATE:
            rotation = _principal(Z, part)
            Z = Z @ rotation
        square = Z.multiply(Z).T @ part if sp.issparse(Z) else np.einsum("ij,ij,i->j", Z, Z, part)
        assert data.y is not None
        curve = np.asarray(square, dtype=np.float64).ravel()
        return cls(Z, target.code(data.y), part, loss, target.outputs, curve, rotation)

    def beside(self, Z: Table, target: Target, data: Tabular) -> "Problem":
        """Bring other rows into the same coordinates; rows of classes never seen are left out."""
        assert data.y is not None
        y = target.code(data.y)
        seen = y >= 0 if target.n_classes else np.ones(len(y), dtype=bool)
        share = shares(data)
        Z = Z[seen] if self.rotation is None else Z[seen] @ self.rotation
        return replace(self, Z=Z, y=y[seen], share=share[seen] / max(share[seen].sum(), 1e-300))

    def folds(self, n: int, seed: int, *, used: int) -> "Judge":
        """Deal the rows of each class in turn into ``n`` parts: (learn, judge) for the first ``used`` of them."""
        order = np.random.default_rng(seed).permutation(self.n_rows)
        if self.loss.classifies:
            order = order[np.argsort(self.y[order], kind="stable")]
        part = np.empty(self.n_rows, dtype=np.int64)
        part[order] = np.arange(self.n_rows) % n
        taken = [part == k for k in range(used) if (part == k).any()]
        return [(self.rows(np.flatnonzero(~t)), self.rows(np.flatnonzero(t))) for t in taken]

    def rows(self, index: NDArray[np.int64]) -> "Problem":
        """Take rows by number."""
        share = self.share[index]
        return replace(self, Z=self.Z[index], y=self.y[index], share=share / max(share.sum(), 1e-300))

    @property
    def n_rows(self) -> int:
        """Rows in the problem."""
        return len(self.y)

    @property
    def constant(self) -> bool:
        """Whether there is nothing to learn: one value or class only, or columns without variance."""
        return bool(np.ptp(self.y) == 0.0 or self.curve.max(initial=0.0) <= 1e-12)

    def start(self) -> Dense:
        """Flat ((r + 1) · K,) parameters: no weights, and the intercept that predicts the average."""
        flat = np.zeros((len(self.curve) + 1, self.outputs))
        if self.loss.classifies:
            counts = np.bincount(self.y.astype(np.int64), weights=self.share, minlength=max(2, self.outputs))
            logs = np.log(np.maximum(counts, 0.5 / (self.n_rows + 1)))
            flat[-1] = logs[1] - logs[0] if self.outputs == 1 else logs - logs.mean()
        return flat.ravel()

    def scores(self, flat: Dense) -> Dense:
        """(n, K) scores of unscaled parameters."""
        W = flat.reshape(-1, self.outputs)
        raw: Dense = np.add(self.Z @ W[:-1].astype(self.Z.dtype), W[-1], dtype=np.float64)
        return raw

    def mean_loss(self, flat: Dense) -> float:
        """Mean loss without penalty."""
        return self.loss.of(self.scores(flat), self.y, self.share)[0]

    def solve(self, penalty: float, flat: Dense, *, fine: bool = False) -> Dense:
        """Minimise from where another penalty ended: flat parameters in, flat parameters out."""
        from scipy.optimize import minimize

        K = self.outputs
        bend = self.loss.bend(K)
        scale = 1.0 / np.sqrt(np.append(bend * self.curve + penalty, bend) + 1e-12)[:, None]
        ridge = np.append(np.full(len(self.curve), penalty), 0.0)[:, None]
        back = self.Z.T

        def objective(u: Dense) -> tuple[float, Dense]:
            W = u.reshape(-1, K) * scale
            loss, slope = self.loss.of(self.scores(W), self.y, self.share)
            down = np.vstack([back @ slope.astype(self.Z.dtype), slope.sum(axis=0)]) + ridge * W
            return loss + 0.5 * float((ridge * W * W).sum()), (down * scale).ravel()

        start = (flat.reshape(-1, K) / scale).ravel()
        steps = FINE if fine else COARSE
        found = minimize(objective, start, jac=True, method="L-BFGS-B", options=steps)  # type: ignore[call-overload]
        return np.asarray((found.x.reshape(-1, K) * scale).ravel(), dtype=np.float64)

    def unpack(self, flat: Dense) -> tuple[Dense, Dense]:
        """Turn flat parameters into weights of Z before rotation, (d', K), and the intercept, (K,)."""
        W = flat.reshape(-1, self.outputs)
        return (W[:-1] if self.rotation is None else self.rotation @ W[:-1]), W[-1]

    def ridge(self, penalties: tuple[float, ...]) -> tuple[float, tuple[Line, ...], Dense]:
        """Solve squared loss in closed form for every penalty: the best by leave-one-out, the path, its parameters.

        With centred Z and shares s, row i's leverage is hᵢ = sᵢ (1 + Σₖ zᵢₖ² / (curveₖ + λ)) and its leave-one-out
        error (yᵢ − ŷᵢ) / (1 − hᵢ).
        """
        Z, y, s = np.asarray(self.Z), self.y, self.share
        centred = y - s @ y
        target = np.asarray(Z.T @ (s * centred).astype(Z.dtype), dtype=np.float64)
        inverse = 1.0 / np.maximum(self.curve[:, None] + np.asarray(penalties)[None, :], 1e-9)
        residual = centred[:, None] - Z @ (target[:, None] * inverse).astype(Z.dtype)
        leverage = s[:, None] * (1.0 + (Z * Z) @ inverse.astype(Z.dtype))
        left_out = s @ (residual / np.maximum(1.0 - leverage, 1e-6)) ** 2 / 2.0
        inside = s @ residual**2 / 2.0
        lines = tuple((penalty, float(a), float(b)) for penalty, a, b in zip(penalties, inside, left_out, strict=True))
        best = int(np.flatnonzero(left_out <= left_out.min() * (1.0 + GAIN))[0])
        flat = np.append(target * inverse[:, best], s @ y)
        return penalties[best], lines, flat


def walk(judge: Judge, penalties: tuple[float, ...], context: Context) -> tuple[tuple[Line, ...], tuple[float, Dense]]:
    """Go from strong to weak penalties until held-out loss stops falling.

    Returns the path, and the best penalty with the parameters it gave the first of ``judge``.
    """
    states = [learn.start() for learn, _ in judge]
    lines: list[Line] = []
    best, best_loss, worse = (penalties[0], states[0]), np.inf, 0
    for penalty in penalties:
        states = [learn.solve(penalty, state) for (learn, _), state in zip(judge, states, strict=True)]
        pairs = list(zip(judge, states, strict=True))
        train = float(np.mean([learn.mean_loss(state) for (learn, _), state in pairs]))
        held = float(np.mean([(learn if rows is None else rows).mean_loss(state) for (learn, rows), state in pairs]))
        lines.append((penalty, train, held))
        gained = held < best_loss * (1.0 - GAIN)
        worse = 0 if gained else worse + 1
        if gained:
            best, best_loss = (penalty, states[0]), held
        if worse >= PATIENCE or context.stop_asked():
            break
    return tuple(lines), best


def _principal(Z: NDArray[Any], part: Dense) -> NDArray[Any]:
    """(n, d) -> (d, r) directions of variance: all that min(n, d) rows and columns can span, without the empty ones."""
    n, d = Z.shape
    if d <= n:
        values, vectors = np.linalg.eigh(((Z * part[:, None].astype(Z.dtype)).T @ Z).astype(np.float64))
    else:
        root = Z * np.sqrt(part)[:, None].astype(Z.dtype)
        values, left = np.linalg.eigh((root @ root.T).astype(np.float64))
        vectors = root.T @ left / np.sqrt(np.maximum(values, 1e-300))
    keep = values > values.max(initial=0.0) * (1e-12 if Z.dtype == np.float64 else 1e-7)
    return np.ascontiguousarray(vectors[:, keep], dtype=Z.dtype)
