"""Which outputs depend on which inputs: one probe for every model of the course.

An autoregressive model is a promise: the conditional at position t looks only at what comes before t.
`dependence` tests the promise from the outside. It changes one input at a time and watches which outputs
move, so it needs no gradient, no source code and no framework: a formula in numpy, a network in torch and
a function with a bug are all judged alike.

A probe can only find dependences that show at the inputs it tries, so it tries several. A `True` is proof
(the output did move); a `False` is strong evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch


def dependence(
    function: Callable[[Any], Any],
    x: Any,
    *,
    n_values: int | None = None,
    probes: int = 4,
    seed: int = 0,
    tolerance: float = 1e-6,
) -> np.ndarray:
    """Which outputs of `function` change when one input changes.

    Parameters
    ----------
    function : maps an input shaped like `x` to an output whose leading axes are `x.shape`; further axes (a
        row of logits per position, say) belong to the position.
    x : array or tensor `(...)`, the input to start from. Booleans are flipped, integers redrawn from
        `range(n_values)`, floats get standard normal noise.
    n_values : number of values an integer input can take. Needed for integers only.
    probes : how many random inputs to start from; the first is `x` itself.
    seed : seeds the random inputs, so that the answer is always the same.
    tolerance : outputs that differ by less are equal. Relative to the largest output for |output| > 1.

    Returns
    -------
    bool array `(N, N)` with `N = x.size`: entry `[t, s]` says that output t depends on input s, both
    counted in raster order.

    Raises
    ------
    ValueError : the output's shape does not start with `x.shape`; integers without `n_values`; or the
        function gives two answers for one input (dropout left on, say), which no probe can judge.
    """
    base = np.asarray(x.detach().cpu() if isinstance(x, torch.Tensor) else x)
    if base.dtype.kind in "iu" and (n_values is None or n_values < 2):
        raise ValueError("dependence: integer inputs need n_values, the number of values each can take (at least 2)")
    rng = np.random.default_rng(seed)
    size = base.size

    def run(values: np.ndarray) -> np.ndarray:
        argument: Any = values.copy()
        if isinstance(x, torch.Tensor):
            argument = torch.from_numpy(argument).to(dtype=x.dtype, device=x.device)
        with torch.no_grad():
            result = function(argument)
        result = np.asarray(result.detach().cpu() if isinstance(result, torch.Tensor) else result, dtype=float)
        if result.shape[: base.ndim] != base.shape:
            raise ValueError(
                f"dependence: the output's shape {result.shape} does not start with the input's {base.shape}"
            )
        return result.reshape(size, -1)

    def another(value: Any) -> Any:
        if base.dtype.kind == "b":
            return not value
        if base.dtype.kind in "iu":
            assert n_values is not None
            return (int(value) + rng.integers(1, n_values)) % n_values
        return value + rng.standard_normal()

    found = np.zeros((size, size), dtype=bool)
    for probe in range(probes):
        start = base.copy()
        if probe:
            start = np.array([another(v) if rng.random() < 0.5 else v for v in base.flat], dtype=base.dtype)
            start = start.reshape(base.shape)
        before = run(start)
        if not np.allclose(before, run(start), rtol=tolerance, atol=tolerance, equal_nan=True):
            raise ValueError("dependence: the function gives two answers for the same input; switch off its randomness")
        for s in range(size):
            changed = start.copy()
            changed.flat[s] = another(start.flat[s])
            after = run(changed)
            same = np.isclose(before, after, rtol=tolerance, atol=tolerance, equal_nan=True)
            found[:, s] |= ~same.all(axis=1)
    return found


def leaks(
    depends: np.ndarray, order: Sequence[int] | None = None, *, sees_itself: bool = False
) -> list[tuple[int, int]]:
    """The dependences that an autoregressive model must not have.

    Parameters
    ----------
    depends : bool array `(N, N)` from `dependence`.
    order : the generation order, a permutation of `range(N)`; raster order if absent.
    sees_itself : allow output t to depend on input t. True for a network whose output t predicts the *next*
        input; False where output t describes input t itself.

    Returns
    -------
    list of `(t, s)`, sorted: output t looks at input s, which is not generated before it.
    """
    depends = np.asarray(depends, dtype=bool)
    n = len(depends)
    if depends.shape != (n, n):
        raise ValueError(f"leaks: expected a square matrix, found shape {depends.shape}")
    order = list(range(n)) if order is None else [int(i) for i in order]
    if sorted(order) != list(range(n)):
        raise ValueError(f"leaks: order must be a permutation of 0..{n - 1}, found {order}")
    rank = np.argsort(order)
    allowed = rank[None, :] <= rank[:, None] if sees_itself else rank[None, :] < rank[:, None]
    return [(int(t), int(s)) for t, s in np.argwhere(depends & ~allowed)]


def describe(found: Iterable[tuple[int, int]]) -> str:
    """One sentence for a list of leaks, such as `output 1 sees input 2, output 3 sees input 3`."""
    sentences = [f"output {t} sees input {s}" for t, s in found]
    return ", ".join(sentences) if sentences else "no leak"
