"""Hidden tests of lesson 07: recurrent steps, attention, rotary positions, the KV cache and scaling laws.

Everything is recomputed number by number, in plain Python: attention one query at a time, over what it may see.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from autograder.checks import judge
from lib.byhand import personal_numbers, typed

Pairs = set[tuple[int, int]]

# The drill, as (row, token), counted from 0. A and B are asked for twice: at ordinary and at large scores.
FROM_NOW_ON: Pairs = {(t, s) for t in range(4) for s in range(t, 4)}
DRILL_LEAKS: dict[str, Pairs] = {
    "leaks_A": set(),
    "leaks_A_large": FROM_NOW_ON,
    "leaks_B": set(),
    "leaks_B_large": FROM_NOW_ON,
    "leaks_C": FROM_NOW_ON,
    "leaks_D": FROM_NOW_ON,
    "leaks_E": {(t, t) for t in range(5)},
    "leaks_F": set(),
}
DRILL_LOST = {(t, t - 1) for t in range(1, 5)}

BOTH = (torch.float64, torch.float32)


def _given(arrays: Sequence[np.ndarray], dtype: torch.dtype) -> list[torch.Tensor]:
    """Fresh tensors of one type."""
    return [torch.from_numpy(np.array(a)).to(dtype) for a in arrays]


def _kept(array: np.ndarray) -> np.ndarray:
    """What float32 keeps of the numbers, so that both precisions are given the same ones."""
    return array.astype(np.float32).astype(np.float64)


# -- by hand


def _three(student_name: str) -> tuple[list[int], list[int]]:
    """For one student: query times key, and the value, of each of three positions. Keys have four entries."""
    a, b, first, second = personal_numbers(student_name, "07", 1, 7, 4)
    a, b = 1 + a % 3, 1 + b % 3
    query, keys = (1, 1, 0, 2), [(1, 0, 3, 0), (0, b, 2, 1), (-a, 1, 0, -1)]
    return [sum(x * y for x, y in zip(query, key, strict=True)) for key in keys], [10 + 2 * first, 40 + 3 * second, 3]


def check_attention_mine(student_name: Any, attention_mine: Any) -> None:
    __tracebackhide__ = True
    name = "attention_mine"
    assert isinstance(student_name, str), f"{name}: student_name should be your name in quotes"
    assert student_name.strip(), f"{name}: student_name should be your name in quotes, and not blank"
    found = judge.number(name, typed(attention_mine, name))
    scores, values = _three(student_name)

    def gathered(divisor: float, which: slice = slice(None)) -> float:
        return _mean([s / divisor for s in scores[which]], values[which])

    if abs(found - gathered(2)) <= 0.1 + 1e-9:
        return
    weights = [math.exp(s / 2) for s in scores]
    mistakes = [
        (gathered(1), "the scores are divided by the root of the keys' length"),
        (gathered(4), "the scores are divided by the root of the keys' length, not by the length"),
        (gathered(math.sqrt(3)), "the root is of the keys' length, not of their number"),
        (gathered(2, slice(2)), "all three positions may be looked at"),
        (math.fsum(w * v for w, v in zip(weights, values, strict=True)), "the weights should sum to 1"),
        (math.fsum(s * v for s, v in zip(scores, values, strict=True)) / 2, "scores are no weights yet"),
        (sum(values) / 3, "the three do not count alike"),
        (values[max(range(3), key=lambda i: scores[i])], "the best key does not get all the weight"),
        (_mean([-s / 2 for s in scores], values), "a key that fits better should get more weight, not less"),
    ]
    value, told = min(mistakes, key=lambda mistake: abs(found - mistake[0]))
    assert abs(found - value) > 0.15, f"{name}: {told}"
    raise AssertionError(f"{name}: not what the three keys and values give")


def _mean(scores: Sequence[float], values: Sequence[float]) -> float:
    """The mean of the values, weighted by the softmax of the scores."""
    top = max(scores)
    weights = [math.exp(s - top) for s in scores]
    return math.fsum(w * v for w, v in zip(weights, values, strict=True)) / math.fsum(weights)


# -- recurrent steps


def _sums(x: np.ndarray, h: np.ndarray, w_x: np.ndarray, w_h: np.ndarray, b: np.ndarray) -> np.ndarray:
    """x w_x^T + h w_h^T + b, one number at a time."""
    weights, told = np.concatenate([w_x, w_h], axis=1), np.concatenate([x, h], axis=1)
    return np.array([[math.fsum([*(w * row), bias]) for w, bias in zip(weights, b, strict=True)] for row in told])


# (batch, inputs, states, dtype, scale). Scaled down, a step is linear; scaled up, its units are full.
RECURRENT: list[tuple[int, int, int, torch.dtype, float]] = [
    (2, 3, 4, torch.float64, 1.0),
    (1, 1, 1, torch.float32, 1.0),
    (3, 2, 2, torch.float32, 1.0),
    (1, 4, 1, torch.float64, 1.0),
    (4, 1, 3, torch.float64, 1.0),
    (5, 5, 5, torch.float64, 1.0),
    (2, 3, 3, torch.float64, 1e-5),
    (3, 4, 2, torch.float64, 1e4),
    (2, 2, 4, torch.float64, 1e4),  # in float32 a gate whose sum is near 0 is nobody's to get right
    (1, 20, 17, torch.float32, 1.0),
]


def check_rnn_step(rnn_step: Any) -> None:
    __tracebackhide__ = True
    name = "rnn_step"
    rng = judge.rng(70)
    for batch, n_in, n_out, dtype, scale in RECURRENT:
        x, h = rng.normal(size=(batch, n_in)) * scale, rng.normal(size=(batch, n_out)) * scale
        w_x, w_h = (rng.normal(size=(n_out, n)) / math.sqrt(n) for n in (n_in, n_out))
        b = rng.normal(size=n_out) * scale
        shown = f"x of shape {x.shape}, h of shape {h.shape}" + (f", numbers around {scale:g}" if scale != 1 else "")
        result = judge.call(name, rnn_step, *_given([x, h, w_x, w_h, b], dtype), shown=shown)
        found = judge.array(name, result, (batch, n_out), what=f"the result for {shown}")
        sums = _sums(x, h, w_x, w_h, b)
        unit = min(scale, 1.0)  # what a tanh makes of numbers of this size
        mistakes: list[tuple[np.ndarray, str]] = [
            (sums, "where is the tanh?"),
            (np.tanh(sums - b), "b is missing"),
            (np.tanh(h @ w_h.T + b), "x is missing"),
            (np.tanh(x @ w_x.T + b), "the state before, h, is missing"),
            (np.tanh(x @ w_x.T + h @ w_h + b), "w_h is turned over: its rows are the outputs"),
            (1 / (1 + np.exp(-np.clip(sums, -700, 700))), "a tanh, not a sigmoid"),
            (np.tanh(sums) + h, "the new state takes the place of the old one, and is not added to it"),
            (np.tanh(x @ w_x.T + b) + np.tanh(h @ w_h.T), "one tanh, of the sum"),
        ]
        if n_in == n_out:
            mistakes.append((np.tanh(x @ w_x + h @ w_h.T + b), "w_x is turned over: its rows are the outputs"))
            mistakes.append((np.tanh(x @ w_x + h @ w_h + b), "the weights are turned over: their rows are the outputs"))
        told = [(value / unit, f"{sentence} ({shown})") for value, sentence in mistakes]
        judge.compare(name, found / unit, np.vectorize(math.tanh)(sums) / unit, told, f"wrong state for {shown}")


def _gates(sums: np.ndarray, c: np.ndarray, order: str = "ifgo", plus: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """(h, c) after a step of an LSTM, number by number. `order` and `plus`, on the forget gate, make mistakes of it."""
    batch, n = c.shape
    at = {gate: k * n for k, gate in enumerate(order)}
    after = np.zeros((2, batch, n))
    for m, j in itertools.product(range(batch), range(n)):
        i, f, g, o = (float(sums[m, at[gate] + j]) for gate in "ifgo")
        after[1, m, j] = _sigmoid(f + plus) * c[m, j] + _sigmoid(i) * math.tanh(g)
        after[0, m, j] = _sigmoid(o) * math.tanh(after[1, m, j])
    return after[0], after[1]


def _sigmoid(z: float) -> float:
    return 0.5 * (1 + math.tanh(0.5 * z))


def check_lstm_step(lstm_step: Any) -> None:
    __tracebackhide__ = True
    name = "lstm_step"
    rng = judge.rng(71)
    for batch, n_in, n, dtype, scale in RECURRENT:
        x, h, c = (rng.normal(size=(batch, k)) * scale for k in (n_in, n, n))
        w_x, w_h = (rng.normal(size=(4 * n, k)) / math.sqrt(k) for k in (n_in, n))
        b = rng.normal(size=4 * n) * scale
        shown = f"x of shape {x.shape}, h and c of shape {h.shape}"
        shown += f", numbers around {scale:g}" if scale != 1 else ""
        result = judge.call(name, lstm_step, *_given([x, h, c, w_x, w_h, b], dtype), shown=shown)
        pair = judge.sequence(name, result, 2, what="the result (h, c)")
        sums, unit = _sums(x, h, w_x, w_h, b), min(scale, 1.0)
        right = _gates(sums, c)
        both = [
            judge.array(name, value, c.shape, what=f"{which} for {shown}") / unit
            for value, which in zip(pair, ("the first of the two, h,", "the second of the two, c,"), strict=True)
        ]
        i, f, g, o = (1 / (1 + np.exp(-np.clip(sums[:, k * n : (k + 1) * n], -700, 700))) for k in range(4))
        candidate = np.tanh(sums[:, 2 * n : 3 * n])
        others: list[tuple[tuple[np.ndarray, np.ndarray], str]] = [
            ((right[1], right[0]), "h first, then c"),
            *(
                (_gates(sums, c, order), "the four parts come in the order input, forget, candidate, output")
                for order in map("".join, itertools.permutations("ifgo"))
                if order != "ifgo"
            ),
            (_gates(_interleaved(sums), c), "each of the four parts is a block of its own, one after the other"),
            (_gates(sums - b, c), "b is missing"),
            (_gates(sums, c, plus=1.0), "nothing is added to the forget gate"),
            ((o * np.tanh(f * c + i * g), f * c + i * g), "the candidate goes through a tanh, not a sigmoid"),
            ((o * right[1], right[1]), "what is shown is a tanh of the cell"),
            ((o * np.tanh(c), right[1]), "what is shown is the new cell, not the old one"),
            ((o * np.tanh(f * c + candidate), f * c + candidate), "the input gate is missing"),
            ((o * np.tanh(c + i * candidate), c + i * candidate), "the forget gate is missing"),
        ]
        # Which of the two is wrong, if no mistake explains both.
        if not all(judge.near(got, r / unit) for got, r in zip(both, right, strict=True)):
            told = [(np.stack(value) / unit, f"{sentence} ({shown})") for value, sentence in others]
            which = "h" if judge.near(both[1], right[1] / unit) else "c"
            judge.compare(name, np.stack(both), np.stack(right) / unit, told, f"wrong {which} for {shown}")


def _interleaved(sums: np.ndarray) -> np.ndarray:
    return np.concatenate([sums[:, k::4] for k in range(4)], axis=1)


# -- who may attend to whom


def check_causal_mask(causal_mask: Any) -> None:
    __tracebackhide__ = True
    name = "causal_mask"
    rng = judge.rng(72)
    for length in (3, 2, 1, 7, 16, 65, 130, 300, *(int(n) for n in rng.integers(4, 60, size=4))):
        shown = f"T = {length}"
        result = judge.call(name, causal_mask, length, shown=shown)
        what = f"the result for {shown}"
        found = judge.array(name, result, (length, length), what=what)
        kind = np.asarray(result.detach().cpu() if isinstance(result, torch.Tensor) else result).dtype
        assert kind == np.bool_, f"{name}: {what} should hold True and False, found {kind}"
        right = np.array([[float(s <= t) for s in range(length)] for t in range(length)])
        if (found == right).all():
            continue
        if length > 1:
            told = f"{name}: row t is the position that asks, column s the one that is asked; yours is turned over"
            assert not (found == right.T).all(), f"{told} ({shown})"
            assert not (found == 1 - right).all(), f"{name}: True is for what may be attended to ({shown})"
            strict = right - np.eye(length)
            assert not (found == strict).all(), f"{name}: a position may attend to itself ({shown})"
            assert not (found > right).any(), f"{name}: a position may attend to a later one ({shown})"
        raise AssertionError(f"{name}: a position may not attend to all it should ({shown})")


# -- attention


def _attend(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    allowed: np.ndarray,
    divisor: float | None = None,
) -> np.ndarray:
    """Attention of one head, one query at a time: q (T, d), k (S, d), v (S, e), allowed (T, S)."""
    divisor = math.sqrt(q.shape[1]) if divisor is None else divisor
    out = np.zeros((len(q), v.shape[1]))
    for t in range(len(q)):
        seen = [s for s in range(len(k)) if allowed[t, s]]
        if seen:
            scores = [math.fsum(a * b for a, b in zip(q[t], k[s], strict=True)) / divisor for s in seen]
            out[t] = [_mean(scores, v[seen, j].tolist()) for j in range(v.shape[1])]
    return out


def _over(q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray, divisor: float | None = None) -> np.ndarray:
    """`_attend` over all leading axes."""
    lead, n, size = q.shape[:-2], q.shape[-2], k.shape[-2]
    allowed = np.broadcast_to(mask, (*lead, n, size))
    out = np.zeros((*lead, n, v.shape[-1]))
    for index in np.ndindex(*lead):
        out[index] = _attend(q[index], k[index], v[index], allowed[index], divisor)
    return out


def _softmax(scores: np.ndarray, axis: int = -1) -> np.ndarray:
    with np.errstate(all="ignore"):
        shares = np.exp(scores - scores.max(axis=axis, keepdims=True))
        return shares / shares.sum(axis=axis, keepdims=True)


def _slips(q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray) -> list[tuple[np.ndarray, str]]:
    """What likely mistakes in attention give."""
    root = math.sqrt(q.shape[-1])
    scores = q @ np.swapaxes(k, -1, -2) / root
    allowed = np.broadcast_to(mask, scores.shape)
    everything = np.ones_like(allowed)
    with np.errstate(all="ignore"):
        down = np.nan_to_num(_softmax(np.where(allowed, scores, -np.inf), axis=-2))
        finite = _softmax(np.where(allowed, scores, -1e4))
        finite_9 = _softmax(np.where(allowed, scores, -1e9))
        unscaled = _over(q, k, v, mask, 1.0)
        by_length = _over(q, k, v, mask, root**2)
        bare = _over(q, k, v, everything)
        slips = [
            (unscaled, "the scores should be divided by the root of d"),
            (by_length, "the scores should be divided by the root of d, not by d"),
            (bare, "the mask has no effect"),
            (_over(q, k, v, ~allowed), "True is for what may be attended to"),
            (np.where(allowed, _softmax(scores), 0) @ v, "the weights of what is allowed should sum to 1"),
            (_softmax(np.where(allowed, scores, 0)) @ v, "a forbidden score of 0 is a score like any other"),
            (_softmax(scores * allowed) @ v, "a forbidden score of 0 is a score like any other"),
            (down @ v, "the weights of each query should sum to 1, over the keys"),
            (_softmax(scores, axis=-2) @ v, "the weights of each query should sum to 1, over the keys"),
            (
                finite * allowed.any(axis=-1, keepdims=True) @ v,
                "what is forbidden still has weight: a large negative score is a score",
            ),
            (
                finite_9 * allowed.any(axis=-1, keepdims=True) @ v,
                "what is forbidden still has weight: a large negative score is a score",
            ),
        ]
        root_of = "the root is of d, the length of the keys"
        slips.append((_over(q, k, v, mask, math.sqrt(v.shape[-1])), root_of))
        slips.append((_over(q, k, v, mask, math.sqrt(k.shape[-2])), f"{root_of}, not of their number"))
        if scores.shape[-1] == scores.shape[-2]:
            slips.append((_over(q, k, v, np.swapaxes(allowed, -1, -2)), "the mask is turned over"))
    return slips


def _whole(rng: np.random.Generator, shape: tuple[int, ...], n_keys: int, allowed: np.ndarray) -> tuple[Any, Any]:
    """Queries and keys of small whole numbers in which, for every query, one allowed key fits better than the others.

    Scaled up by powers of two, they say exactly which key gets everything.
    """
    lead, d = shape[:-2], shape[-1]
    while True:
        q, k = rng.integers(-3, 4, size=shape).astype(float), rng.integers(-3, 4, size=(*lead, n_keys, d)).astype(float)
        scores = np.where(allowed, q @ np.swapaxes(k, -1, -2), -np.inf)
        best = np.sort(scores, axis=-1)
        seen = np.broadcast_to(allowed, scores.shape).sum(axis=-1)
        if ((best[..., -1] >= best[..., -2] + 1) | (seen < 2)).all():
            return q, k


def check_attention(attention: Any) -> None:
    __tracebackhide__ = True
    name = "attention"
    rng = judge.rng(73)
    # Leading axes, T, S, d, e, shape of the mask, dtype.
    shapes: list[tuple[tuple[int, ...], int, int, int, int, tuple[int, ...], torch.dtype]] = [
        ((), 3, 3, 4, 4, (3, 3), torch.float64),
        ((), 4, 6, 3, 2, (4, 6), torch.float32),
        ((2,), 5, 4, 2, 3, (5, 4), torch.float64),
        ((1,), 1, 1, 1, 1, (1, 1), torch.float32),
        ((2, 3), 4, 4, 5, 2, (4, 4), torch.float64),
        ((2, 3), 4, 5, 2, 4, (2, 3, 4, 5), torch.float32),
        ((3, 2), 3, 4, 9, 5, (3, 1, 1, 4), torch.float64),
        ((2, 3), 2, 5, 3, 3, (3, 1, 1), torch.float64),
        ((2,), 3, 5, 16, 1, (5,), torch.float32),
        ((2,), 4, 3, 2, 6, (4, 1), torch.float64),
        ((3, 1, 2), 2, 3, 4, 2, (2, 3), torch.float32),
        ((4,), 1, 9, 7, 3, (4, 1, 9), torch.float64),
        ((3,), 6, 6, 2, 2, (1, 6, 6), torch.float32),
        ((), 2, 300, 4, 3, (2, 300), torch.float64),
        ((1, 1), 70, 70, 3, 2, (70, 70), torch.float64),
    ]
    cases: list[tuple[str, np.ndarray, np.ndarray, np.ndarray, np.ndarray, torch.dtype, float]] = []
    for lead, n, n_keys, d, e, mask_shape, dtype in shapes:
        q, k, v = (_kept(rng.normal(size=(*lead, *s))) for s in ((n, d), (n_keys, d), (n_keys, e)))
        mask = _some(rng, mask_shape)
        shown = f"q of shape {q.shape}, k of shape {k.shape}, v of shape {v.shape}, mask of shape {mask.shape}"
        cases.append((shown, q, k, v, mask, dtype, 1.0))
    # Scores of any size, and rows of different sizes. Powers of two, so that float32 knows them exactly.
    for exponent, dtype in itertools.product((7, 50), BOTH):
        mask = _some(rng, (2, 5, 6))
        q, k = _whole(rng, (2, 5, 4), 6, mask)
        # All of them far below 0 in the first sequence, and far above in the second.
        q = np.concatenate([q, np.ones((2, 5, 1))], axis=2)
        k = np.concatenate([k, np.broadcast_to([[[-64.0]], [[64.0]]], (2, 6, 1))], axis=2)
        q *= 2.0 ** np.array([exponent, -3, exponent, 0, exponent])[:, None]
        v = _kept(rng.normal(size=(2, 6, 3)))
        shown = f"scores below -1e{31 if exponent > 9 else 5}, and above 1e{31 if exponent > 9 else 5}"
        k *= 2.0**exponent
        cases.append((shown, q, k, v, mask, dtype, 1.0))
    # All allowed scores far below 0, ordinary distances apart, and what is forbidden far above.
    for offset in (-3e3, -1e5, -1e10, -1e14):
        mask = _some(rng, (5, 6))
        q, k = _kept(rng.normal(size=(5, 3))), _kept(rng.normal(size=(6, 3)))
        spread = 1.0 if offset > -1e9 else 2.0 ** math.floor(math.log2(-offset) - 20)
        q = np.concatenate([q, np.ones((5, 1))], axis=1)
        k = np.concatenate([k * spread, np.full((6, 1), 2 * offset)], axis=1)
        v = _kept(rng.normal(size=(6, 2)))
        cases.append((f"all scores around {offset:g}", q, k, v, mask, torch.float64, 1.0))
    for far in (60.0, 1e4, 1e9):
        mask = np.array([[True, True, False, True], [True, False, False, False], [False, True, False, True]])
        q, k = _kept(rng.uniform(0.5, 1.0, size=(2, 3, 4))), _kept(rng.normal(size=(2, 4, 4)))
        k[:, 2] = far
        v = _kept(rng.normal(size=(2, 4, 2)))
        v[:, 2] = 1e6
        cases.append((f"a forbidden key whose scores are {far:g}", q, k, v, mask, torch.float64, 1.0))
    # Values far smaller, and larger, than 1.
    for scale in (1e-6, 1e6):
        q, k, v = (_kept(rng.normal(size=s)) for s in ((2, 3, 2), (2, 4, 2), (2, 4, 5)))
        cases.append((f"values around {scale:g}", q, k, v, _some(rng, (3, 4)), torch.float64, scale))
    # Nothing allowed at all.
    q, k, v = (_kept(rng.normal(size=s)) for s in ((2, 3, 2), (2, 4, 2), (2, 4, 5)))
    cases.append(("a mask that allows nothing", q, k, v, np.zeros((3, 4), dtype=bool), torch.float32, 1.0))

    given = [
        [*_given([q, k, v * scale], dtype), torch.from_numpy(mask.copy())] for _, q, k, v, mask, dtype, scale in cases
    ]
    results = judge.calls(name, attention, given, [case[0] for case in cases])
    for (shown, q, k, v, mask, _, scale), result in zip(cases, results, strict=True):
        right = _over(q, k, v, mask)
        found = judge.array(name, result, right.shape, what=f"the result for {shown}") / scale
        nothing = ~np.broadcast_to(mask, (*q.shape[:-1], k.shape[-2])).any(axis=-1)
        told = f"{name}: a query that may attend to nothing should get zeros ({shown})"
        assert not np.isnan(found[nothing]).any() and (found[nothing] == 0).all(), told
        assert np.isfinite(found).all(), f"{name}: the result is not finite ({shown})"
        if judge.near(found, right):
            continue
        slips = [(value, f"{sentence} ({shown})") for value, sentence in _slips(q, k, v, mask)]
        judge.compare(name, found, right, slips, f"wrong for {shown}")


def _some(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """A mask that allows two thirds; if it has three rows or more, the second of them allows nothing."""
    mask = rng.random(shape) < 2 / 3
    mask[..., 0] = True
    if len(shape) > 1 and shape[-2] > 2:
        mask[..., 1, :] = False
        mask[..., 2, :-1], mask[..., 2, -1] = mask[..., 2, -1:] & False, True
    return mask


# -- heads


def _heads(
    x: np.ndarray, w_qkv: np.ndarray, w_out: np.ndarray, n_heads: int, *, strict: bool = False, bare: bool = False,
    divisor: float | None = None, order: tuple[int, int, int] = (0, 1, 2), rows: str = "blocks", mixed: str = "side",
) -> np.ndarray:  # fmt: skip
    """Causal attention, head by head, position by position. The settings make likely mistakes of it."""
    batch, length, width = x.shape
    d = width // n_heads
    allowed = np.array([[bare or s < t + (not strict) for s in range(length)] for t in range(length)])
    out = np.zeros((batch, length, width))
    for n, head in itertools.product(range(batch), range(n_heads)):
        parts: list[np.ndarray] = []
        for part in order:
            if rows == "blocks":
                which = [part * width + head * d + j for j in range(d)]
            elif rows == "turns":
                which = [part * width + j * n_heads + head for j in range(d)]
            else:  # each head's queries, keys and values together
                which = [head * 3 * d + part * d + j for j in range(d)]
            parts.append(np.array([[math.fsum(w_qkv[r] * x[n, t]) for r in which] for t in range(length)]))
        got = _attend(parts[0], parts[1], parts[2], allowed, divisor)
        where = [head * d + j for j in range(d)] if mixed == "side" else [j * n_heads + head for j in range(d)]
        out[n][:, where] = got
    return np.array([[[math.fsum(w * y) for w in w_out] for y in row] for row in out])


def check_multi_head_attention(multi_head_attention: Any) -> None:
    __tracebackhide__ = True
    name = "multi_head_attention"
    rng = judge.rng(74)
    cases: list[tuple[int, int, int, int, torch.dtype, float]] = [
        (2, 5, 6, 3, torch.float64, 1.0),
        (1, 1, 4, 2, torch.float32, 1.0),
        (1, 4, 4, 1, torch.float64, 1.0),
        (3, 3, 4, 4, torch.float32, 1.0),
        (2, 7, 8, 2, torch.float64, 1.0),
        (1, 6, 12, 3, torch.float32, 1.0),
        (2, 2, 6, 2, torch.float64, 1.0),
        (3, 4, 9, 3, torch.float64, 1.0),
        (2, 6, 6, 2, torch.float64, 1e5),
        (2, 4, 8, 4, torch.float64, 1e-4),
        (1, 40, 4, 2, torch.float32, 1.0),
        (1, 3, 1, 1, torch.float64, 1.0),
    ]
    for case, (batch, length, width, n_heads, dtype, scale) in enumerate(cases):
        x = rng.normal(size=(batch, length, width)) * scale
        if case == 4:  # a bang at the end must not be heard before
            x[:, -1] *= 1e6
        w_qkv, w_out = (rng.normal(size=(n, width)) / math.sqrt(width) for n in (3 * width, width))
        w_qkv[: 2 * width] *= 1.5
        if scale > 1:  # the key least like each query is its own: all that the first position may see is far below 0
            w_qkv[width : 2 * width] = -w_qkv[:width]
        shown = f"x of shape {x.shape}, {n_heads} head{'s' if n_heads > 1 else ''}"
        shown += f", numbers around {scale:g}" if scale != 1 else ""
        result = judge.call(name, multi_head_attention, *_given([x, w_qkv, w_out], dtype), n_heads, shown=shown)
        found = judge.array(name, result, x.shape, what=f"the result for {shown}") / scale
        right = _heads(x, w_qkv, w_out, n_heads) / scale
        if judge.near(found, right):
            continue
        together = (
            "heads and positions are mixed up: cut the width in heads first, then bring the axis of heads forward"
        )
        slips = [
            (_heads(x, w_qkv, w_out, n_heads, bare=True), "it is not causal: a position sees later ones"),
            (_heads(x, w_qkv, w_out, n_heads, strict=True), "a position may attend to itself"),
            (_heads(x, w_qkv, w_out, n_heads, divisor=1.0), "the scores should be divided by the root of d"),
            (
                _heads(x, w_qkv, w_out, n_heads, divisor=math.sqrt(width)),
                "the scores should be divided by the root of a head's size, not of the width",
            ),
            (_heads(x, w_qkv, w_out, 1), "the heads have no effect"),
            (_heads(x, w_qkv, np.eye(width), n_heads), "w_out is missing"),
            (_heads(x, w_qkv, w_out.T, n_heads), "w_out is turned over: its rows are the outputs"),
            (_heads(x, w_qkv, w_out, n_heads, rows="turns"), "a head owns consecutive rows, not every so manyth"),
            (
                _heads(x, w_qkv, w_out, n_heads, rows="turns", mixed="turns"),
                "a head owns consecutive rows, not every so manyth",
            ),
            (
                _heads(x, w_qkv, w_out, n_heads, rows="heads"),
                "the rows are first those of all queries, then of all keys, then of all values",
            ),
            (_heads(x, w_qkv, w_out, n_heads, mixed="turns"), "what the heads bring home is put side by side"),
            *(
                (_heads(x, w_qkv, w_out, n_heads, order=order), "first queries, then keys, then values")
                for order in ((1, 0, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0), (2, 0, 1))
            ),
            (_reshaped(x, w_qkv, w_out, n_heads, "at the start"), together),
            (_reshaped(x, w_qkv, w_out, n_heads, "at both ends"), together),
            (
                _reshaped(x, w_qkv, w_out, n_heads, "at the end"),
                "heads and positions are mixed up: bring the axis of heads back before they are joined",
            ),
        ]  # fmt: skip
        told = [(value / scale, f"{sentence} ({shown})") for value, sentence in slips]
        judge.compare(name, found, right, told, f"wrong for {shown}")


def _reshaped(x: np.ndarray, w_qkv: np.ndarray, w_out: np.ndarray, n_heads: int, where: str) -> np.ndarray:
    """A reshape in place of a transpose: where the heads are parted, or where they are joined."""
    batch, length, _ = x.shape
    parts = np.split(x @ w_qkv.T, 3, axis=-1)
    if where != "at the end":
        q, k, v = (p.reshape(batch, n_heads, length, -1) for p in parts)
    else:
        q, k, v = (p.reshape(batch, length, n_heads, -1).swapaxes(1, 2) for p in parts)
    got = _over(q, k, v, np.tril(np.ones((length, length), dtype=bool)))
    joined = (got.swapaxes(1, 2) if where == "at the start" else got).reshape(x.shape)
    return joined @ w_out.T


# -- positions


def _turn(
    x: np.ndarray, positions: Sequence[float], base: float = 10000.0, *,
    sign: int = 1, halves: bool = False, rate: float = 2.0,
) -> np.ndarray:  # fmt: skip
    """Rotary positions, pair by pair: x (..., T, d). `sign`, `halves` and `rate` make likely mistakes of it."""
    d = x.shape[-1]
    out = np.zeros(x.shape)
    for t, i in itertools.product(range(x.shape[-2]), range(d // 2)):
        angle = sign * float(positions[t]) * math.pow(base, -rate * i / d)
        first, second = (i, i + d // 2) if halves else (2 * i, 2 * i + 1)
        a, b = x[..., t, first], x[..., t, second]
        out[..., t, first] = a * math.cos(angle) - b * math.sin(angle)
        out[..., t, second] = a * math.sin(angle) + b * math.cos(angle)
    return out


def check_rope(rope: Any) -> None:
    __tracebackhide__ = True
    name = "rope"
    rng = judge.rng(75)
    whole, halves, far = torch.int64, torch.float64, 1e-2
    # Shape of x, positions (numbers, or how many to draw), their type, base (None: not given), dtype, scale, tolerance.
    cases: list[tuple[tuple[int, ...], list[float] | None, Any, float | None, torch.dtype, float, float]] = [
        ((3, 4), [0, 1, 2], whole, None, torch.float64, 1.0, 0),
        ((5, 2), None, whole, None, torch.float32, 1.0, 0),
        ((2, 4, 6), None, whole, 300.0, torch.float64, 1.0, 0),
        ((2, 3, 5, 8), None, whole, None, torch.float32, 1.0, 0),
        ((1, 6), [7], whole, 10.0, torch.float64, 1.0, 0),
        ((3, 4), [0, 0, 0], whole, None, torch.float32, 1.0, 0),
        ((4, 4), [3, 0, 3, 11], torch.int32, 50.0, torch.float64, 1.0, 0),
        ((3, 2, 4), [0.5, 2.25], torch.float32, None, torch.float64, 1.0, 0),
        ((2, 5, 10), [-2, -1, 0, 1, 2], whole, 1000.0, torch.float64, 1.0, 0),
        ((4, 1, 3, 4), [5, 6, 7], torch.float64, 10000.0, torch.float32, 1.0, 0),
        ((2, 6, 6), None, halves, None, torch.float64, 1e-6, 0),
        ((6, 6), None, whole, 500.0, torch.float64, 1e6, 0),
        ((1, 1, 1, 2), [1], whole, None, torch.float32, 1.0, 0),
        ((3, 4), [2, 1, 5], whole, 1.0, torch.float64, 1.0, 0),
        ((2, 2, 8), [1500, 9000], whole, None, torch.float64, 1.0, far),
        ((2, 64), [30, 17], whole, None, torch.float32, 1.0, 0),
    ]
    given, shown_as, sound = [], [], []
    for shape, places, kind, base, dtype, scale, tolerance in cases:
        x = rng.normal(size=shape)
        positions = rng.permutation(40)[: shape[-2]].astype(float).tolist() if places is None else places
        arguments: list[Any] = [torch.from_numpy(x * scale).to(dtype), torch.tensor(positions).to(kind)]
        given.append([*arguments, *([] if base is None else [base])])
        shown_as.append(f"x of shape {shape}, positions {positions}" + ("" if base is None else f", base {base:g}"))
        sound.append((x, positions, 10000.0 if base is None else base, scale, tolerance))
    results = judge.calls(name, rope, given, shown_as)
    for (x, positions, base, scale, tolerance), shown, result in zip(sound, shown_as, results, strict=True):
        right = _turn(x, positions, base)
        found = judge.array(name, result, x.shape, what=f"the result for {shown}") / scale
        if judge.near(found, right, atol=max(tolerance, judge.ATOL)):
            continue
        d, counted = x.shape[-1], range(len(positions))
        unwoven = np.concatenate([right[..., 0::2], right[..., 1::2]], axis=-1)
        slips = [
            (x, "nothing is turned"),
            (_turn(x, positions, base, sign=-1), "it turns the wrong way: counter-clockwise takes (1, 0) to (0, 1)"),
            (_turn(x, positions, base, halves=True), "the pairs are neighbours, 2i and 2i + 1"),
            (unwoven, "the turned pairs should go back to where they came from"),
            (_turn(x, positions, base, rate=1.0), "pair i turns by base ** (-2i / d), not by base ** (-i / d)"),
            (_turn(x, positions, base, rate=4.0), "pair i turns by base ** (-2i / d), and i counts the pairs"),
            (_turn(x, positions, base, rate=-2.0), "later pairs turn more slowly, not faster"),
            (_turn(x, positions, base, rate=0.0), "each pair turns at its own rate"),
            (_turn(x, positions, 10000.0), "the base given has no effect"),
            (_turn(x, counted, base), "the positions given have no effect"),
            (_turn(x, [p + 1 for p in positions], base), "position 0 is not turned, and position 1 by one step"),
            (_turn(x, [math.radians(p) for p in positions], base), "angles are in radians"),
            (_turn(x, positions[::-1], base), "each vector is turned by its own position"),
            (_turn(x, positions, base ** (d / max(d - 2, 1))), "the rates go down to base ** (-(d - 2) / d)"),
        ]  # fmt: skip
        told = [(value, f"{sentence} ({shown})") for value, sentence in slips]
        judge.compare(name, found, right, told, f"wrong for {shown}")


# -- the loss


def check_next_token_loss(next_token_loss: Any) -> None:
    __tracebackhide__ = True
    name = "next_token_loss"
    rng = judge.rng(76)
    cases: list[tuple[int, int, int, torch.dtype, float]] = [
        (2, 5, 4, torch.float64, 1.0),
        (1, 2, 2, torch.float32, 1.0),
        (3, 4, 7, torch.float32, 2.0),
        (1, 9, 3, torch.float64, 1.0),
        (4, 2, 5, torch.float64, 3.0),
        (2, 5, 5, torch.float64, 1.0),
        (3, 6, 5, torch.float32, 1.0),  # as many predictions as tokens to choose from
        (2, 4, 6, torch.float64, 1e4),
        (2, 3, 3, torch.float32, 1e4),
        (5, 7, 1, torch.float64, 1.0),
        (2, 3, 300, torch.float64, 1.0),
        (3, 3, 4, torch.float64, 0.0),
        (2, 4, 4, torch.float64, -1.0),  # all of them far from 0
    ]
    for batch, length, size, dtype, scale in cases:
        logits = _kept(rng.normal(size=(batch, length, size)) * abs(scale) + (-5e3 if scale < 0 else 0))
        if scale == 1.0:  # sequences are of different value, and the last output is no matter
            logits[0] *= 4
            logits[:, -1] *= 50
        tokens = rng.integers(size, size=(batch, length))
        shown = f"logits of shape {logits.shape}" + (f" around {scale:g}" if scale > 100 else "")
        arguments = [*_given([logits], dtype), torch.from_numpy(tokens.copy())]
        found = judge.number(
            name, judge.call(name, next_token_loss, *arguments, shown=shown), f"the result for {shown}"
        )
        nats = _nats(logits)

        def mean(shift: int, nats: np.ndarray = nats, tokens: np.ndarray = tokens) -> float:
            """With output t compared with token t + shift."""
            length = tokens.shape[1]
            steps = [t for t in range(length) if 0 <= t + shift < length]
            paid = [nats[b, t, tokens[b, t + shift]] for b in range(len(tokens)) for t in steps]
            return math.fsum(paid) / len(paid) if paid else math.nan

        right, n = mean(1), batch * (length - 1)
        flat_nats, flat = nats.reshape(-1, size), tokens.reshape(-1)
        on = math.fsum(flat_nats[i, flat[i + 1]] for i in range(len(flat) - 1)) / (len(flat) - 1)
        wrapped = math.fsum(nats[b, t, tokens[b, (t + 1) % length]] for b in range(batch) for t in range(length))
        direct = -math.fsum(logits[b, t, tokens[b, t + 1]] for b in range(batch) for t in range(length - 1)) / n
        mistakes: list[tuple[float, str]] = [
            (mean(0), "output t describes token t + 1; yours is compared with token t"),
            (mean(0, nats[:, 1:], tokens[:, 1:]), "output t describes token t + 1; yours is compared with token t"),
            (mean(0, nats[:, :-1], tokens[:, :-1]), "output t describes token t + 1; yours is compared with token t"),
            (mean(2), "output t describes token t + 1; yours is compared with token t + 2"),
            (mean(-1), "output t describes token t + 1; yours is compared with token t - 1"),
            (right * n, "the mean is asked for, not the sum"),
            (right * n / batch, "the mean over all predictions, not the sum over each sequence"),
            (right * n / (length - 1), "the mean over all predictions, over the sequences too"),
            (right * n / (batch * length), "divide by the number of predictions that have a target"),
            (on, "the last output of a sequence says nothing about the first token of the next one"),
            (wrapped / (batch * length), "the last output has no target"),
            (right / math.log(2), "nats are asked for, not bits"),
            (-right, "the sign is wrong: a loss is positive"),
            (math.exp(min(right, 700)), "the perplexity is not asked for"),
            (direct, "logits are no log-probabilities yet"),
        ]
        told = [(value, f"{sentence} ({shown})") for value, sentence in mistakes if not math.isnan(value)]
        judge.compare(name, np.array(found), right, told, f"wrong for {shown}")


def _nats(logits: np.ndarray) -> np.ndarray:
    """-log p of every value at every place, one place at a time."""
    out = np.zeros(logits.shape)
    for index in np.ndindex(*logits.shape[:-1]):
        row = logits[index]
        top = float(row.max())
        out[index] = top + math.log(math.fsum(math.exp(z - top) for z in row)) - row
    return out


# -- the cache


def check_attention_step(attention_step: Any) -> None:
    __tracebackhide__ = True
    name = "attention_step"
    rng = judge.rng(77)
    # Batch, heads, d, in the cache, dtype, size of the scores.
    cases: list[tuple[int, int, int, int, torch.dtype, float]] = [
        (2, 3, 4, 5, torch.float64, 1.0),
        (1, 1, 1, 0, torch.float32, 1.0),
        (2, 2, 3, 0, torch.float64, 1.0),
        (1, 2, 4, 1, torch.float32, 1.0),
        (3, 1, 2, 4, torch.float64, 1.0),
        (1, 1, 5, 7, torch.float32, 1.0),
        (3, 3, 3, 3, torch.float64, 1.0),
        (2, 4, 2, 2, torch.float32, 1.0),
        (1, 2, 4, 300, torch.float64, 1.0),
        (2, 2, 4, 6, torch.float64, 1e4),
        (2, 2, 4, 6, torch.float32, 1e4),
        (2, 1, 16, 3, torch.float64, 1.0),
    ]
    given, shown_as, sound = [], [], []
    for batch, heads, d, past, dtype, size in cases:
        q, v = rng.normal(size=(batch, heads, 1, d)), _kept(rng.normal(size=(batch, heads, past + 1, d)))
        k = rng.normal(size=v.shape)
        if size > 1:
            q, k = _whole(rng, q.shape, past + 1, np.array([[True]]))
            q, k = q * 2.0**7, k * 2.0**7
        q, k = _kept(q), _kept(k)
        shown = f"batch of {batch}, {heads} head{'s' if heads > 1 else ''} of {d}, {past} in the cache"
        shown += ", scores around 10 000" if size > 1 else ""
        new = _given([q[:, :, 0], k[:, :, -1], v[:, :, -1]], dtype)
        given.append([*new, tuple(_given([k[:, :, :-1], v[:, :, :-1]], dtype))])
        shown_as.append(shown)
        sound.append((q, k, v))
    # All of them first: one that keeps a buffer would write over what it has given back.
    results = list(judge.calls(name, attention_step, given, shown_as))
    for (q, k, v), shown, result in zip(sound, shown_as, results, strict=True):
        out, cache = judge.sequence(name, result, 2, what="the result (output, cache)")
        after = judge.sequence(name, cache, 2, what="the cache (keys, values)")
        right = _seen(q, k, v)
        past = k.shape[2] - 1
        found = judge.array(name, out, right.shape, what=f"the output for {shown}")
        if not judge.near(found, right):
            d = q.shape[-1]
            backwards = np.concatenate([v[:, :, -1:], v[:, :, :-1]], axis=2)
            slips = [
                (_seen(q, k, v, divisor=1.0), "the scores should be divided by the root of d"),
                (_seen(q, k, v, divisor=float(d)), "the scores should be divided by the root of d, not by d"),
                (_seen(q, k[:, :, -1:], v[:, :, -1:]), "only the new position is seen"),
                (_seen(q, v, k), "keys and values have changed places"),
                (_seen(q, k, backwards), "each value belongs to its own key"),
                (v.mean(axis=2), "the values do not count alike"),
            ]
            if past:
                slips.append((_seen(q, k[:, :, :-1], v[:, :, :-1]), "the new position may attend to itself as well"))
            told = [(value, f"{sentence} ({shown})") for value, sentence in slips]
            judge.compare(name, found, right, told, f"the output is not what the whole pass gives here ({shown})")
        for kept, expected, which in zip(after, (k, v), ("keys", "values"), strict=True):
            got = judge.array(name, kept, what=f"the {which} in the cache")
            shapes = f"the {which} of the new cache should have shape {expected.shape}, found {got.shape}"
            assert got.shape == expected.shape, f"{name}: {shapes} ({shown})"
            if judge.near(got, expected):
                continue
            first = np.concatenate([expected[:, :, -1:], expected[:, :, :-1]], axis=2)
            assert not judge.near(got, first), f"{name}: the new one goes behind the old ones ({shown})"
            other = v if which == "keys" else k
            assert not judge.near(got, other), f"{name}: keys first, values second ({shown})"
            raise AssertionError(f"{name}: the new cache should hold the old {which} and the new one ({shown})")


def _seen(q: np.ndarray, k: np.ndarray, v: np.ndarray, divisor: float | None = None) -> np.ndarray:
    """One query, (B, H, 1, d), over all keys: (B, H, d)."""
    return _over(q, k, v, np.array([[True]]), divisor)[:, :, 0]


def check_cache_bytes(cache_bytes: Any) -> None:
    __tracebackhide__ = True
    name = "cache_bytes"
    rng = judge.rng(78)
    cases = [(3, 2, 5, 7, 4), (1, 1, 1, 1, 4), (12, 12, 64, 1024, 2), (80, 8, 128, 4096, 2), (2, 1, 16, 100, 8)]
    cases += [(4, 3, 8, 0, 2), (1, 5, 1, 3, 1), (126, 8, 128, 131_072, 2), (200, 128, 256, 10_000_000, 4)]
    cases.append((61, 7, 80, 99_991, 2))
    cases += [tuple(int(n) for n in rng.integers(2, 40, size=5)) for _ in range(5)]  # type: ignore[misc]
    for case in cases:
        layers, groups, head_size, length, itemsize = case
        shown = ", ".join(map(str, case))
        found = judge.number(name, judge.call(name, cache_bytes, *case, shown=shown), f"the result for ({shown})")
        right = sum(layers * groups * head_size * length * itemsize for _ in ("keys", "values"))
        if found == right:
            continue
        one = right // 2
        for value, told in [
            (one, "values are kept as well as keys"),
            (right // itemsize, "each number takes `itemsize` bytes"),
            (8 * right, "bytes are asked for, not bits"),
            (right * length, "a new token adds one key and one value, not one for each token before"),
            (right // max(groups, 1), "every group has keys and values of its own"),
            (right // layers, "every layer has keys and values of its own"),
            (right // head_size, "a key is a vector of `head_size` numbers"),
            (one * 3, "queries need not be kept"),
            (2 * layers * groups * head_size * (length + 1) * itemsize, "`length` tokens, not one more"),
            (2 * layers * groups * head_size * (length - 1) * itemsize, "`length` tokens, not one fewer"),
        ]:
            assert value == right or found != value, f"{name}: {told} ({shown})"
        raise AssertionError(f"{name}: wrong for ({shown})")


# -- scaling laws

Law = tuple[float, float, float]


def check_fit_power_law(fit_power_law: Any) -> None:
    __tracebackhide__ = True
    name = "fit_power_law"
    rng = judge.rng(79)
    # Law as (floor, loss above it at the first size, exponent), sizes from and to (powers of ten), how many. Exponents
    # lie half-way between hundredths: who tries them in steps of a hundredth has tried too few.
    exact: list[tuple[Law, float, float, int]] = [
        ((1.5, 1.5, 0.405), 3, 7, 5),
        ((0.0, 3.0, 0.155), 2, 9, 8),
        ((0.9, 1.0, 0.705), 4, 6, 4),
        ((0.02, 0.3, 1.005), 2, 5, 9),
        ((3.0, 6.0, 0.125), 2, 8, 12),
        ((0.5, 3.0, 0.065), 3, 9, 8),
        ((1.0, 2.0, 1.405), 2, 4, 6),
    ]
    noisy: list[tuple[Law, float, float, int]] = [
        ((1.6, 2.0, 0.355), 3, 7, 9),
        ((0.0, 3.0, 0.205), 3, 8, 10),
        ((2.0, 1.5, 0.305), 4, 9, 10),
    ]
    given, shown_as, sound = [], [], []
    for case, (law, low, high, n) in enumerate(exact + noisy):
        law = (law[0] * rng.uniform(0.95, 1.05), law[1] * rng.uniform(0.95, 1.05), law[2] + rng.uniform(-1e-3, 1e-3))
        floor, above, exponent = law
        sizes = np.unique(np.round(np.logspace(low, high, n)))
        if case % 3 == 1:  # in no order: the largest not at the end
            sizes = np.roll(sizes[rng.permutation(len(sizes))], 1)
            sizes = np.roll(sizes, 1) if sizes[-1] == sizes.max() else sizes
        losses = floor + above * (sizes / sizes.min()) ** -exponent
        noise = case >= len(exact)
        if noise and floor:
            losses = losses * np.exp(0.002 * rng.uniform(-1, 1, size=len(sizes)))
        elif noise:  # bent a little, so that a floor below 0 would fit better
            where = 2 * (np.log10(sizes) - low) / (high - low) - 1
            losses = losses * np.exp(0.002 * (1 - 2 * where**2 + rng.uniform(-0.2, 0.2, size=len(sizes))))
        as_list = case % 2 == 0
        given.append([[int(s) for s in sizes] if as_list else sizes, losses.tolist() if as_list else losses])
        told = f"{len(sizes)} sizes from 1e{low} to 1e{high}, losses from {losses.max():.3g} to {losses.min():.3g}"
        shown_as.append(told + (", with a little noise" if noise else ""))
        sound.append((law, sizes, noise))
    results = judge.calls(name, fit_power_law, given, shown_as)
    for (law, sizes, noise), shown, (_, losses), result in zip(sound, shown_as, given, results, strict=True):
        three = judge.sequence(name, result, 3, what="the result (floor, scale, exponent)")
        floor, scale, exponent = (
            judge.number(name, v, f"the {which}")
            for v, which in zip(three, ("floor", "scale", "exponent"), strict=True)
        )
        assert all(map(math.isfinite, (floor, scale, exponent))), (
            f"{name}: three finite numbers are asked for ({shown})"
        )
        assert exponent > 0, f"{name}: the exponent should be positive, found {exponent:.3g} ({shown})"
        assert floor >= -1e-3, f"{name}: no law here has a negative floor, found {floor:.3g} ({shown})"
        _predicts(name, shown, (floor, scale, exponent), law, sizes, np.array(losses), noise)


def _predicts(name: str, shown: str, found: Law, law: Law, sizes: np.ndarray, losses: np.ndarray, noise: bool) -> None:
    """Judge a fit by what it says about the sizes given, and about larger ones."""
    __tracebackhide__ = True
    floor, above, exponent = law

    def says(at: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.asarray(found[0] + found[1] * at ** -found[2])

    hint = "; is there no floor?" if found[0] == 0 and floor > 0 else ""
    hint = hint or ("; there are exponents above 1" if exponent > 1.1 >= found[2] else "")
    off = np.abs(says(sizes) / losses - 1).max()
    assert off < 0.01, f"{name}: the law does not go through the losses given{hint} ({shown})"
    for times, which, allowed in ((10.0, "ten", 0.02), (100.0, "a hundred", 0.03)):
        larger = sizes.max() * times
        truth = floor + above * (larger / sizes.min()) ** -exponent
        told = float(says(np.array([larger]))[0])
        side = "low" if told < truth else "high"
        # Without a floor the loss has fallen far by then, and what counts is that it has.
        share = abs(told - truth) / max(truth, losses.min() / 3)
        assert share < (2 * allowed if noise else allowed), (
            f"{name}: at a size {which} times the largest, its loss is too {side}{hint} ({shown})"
        )


# -- the drill


def check_found_leaks(
    leaks_A: Any, leaks_A_large: Any, leaks_B: Any, leaks_B_large: Any,
    leaks_C: Any, leaks_D: Any, leaks_E: Any, leaks_F: Any, lost_F: Any,
) -> None:  # fmt: skip
    __tracebackhide__ = True
    answers = {"leaks_A": leaks_A, "leaks_A_large": leaks_A_large, "leaks_B": leaks_B, "leaks_B_large": leaks_B_large}
    answers |= {"leaks_C": leaks_C, "leaks_D": leaks_D, "leaks_E": leaks_E, "leaks_F": leaks_F}
    judge.leaks(answers, DRILL_LEAKS)
    name = "lost_F"
    found = judge.pairs(name, typed(lost_F, name))
    if found == DRILL_LOST:
        return
    turned = f"{name}: each pair should be (row, token); yours are the other way round"
    assert found != {(s, t) for t, s in DRILL_LOST}, turned
    assert all(0 <= s < t < 5 for t, s in found), f"{name}: only a token before the row can be lost to it"
    told = "a token that you list reaches its row after all" if found - DRILL_LOST else "a pair is missing"
    raise AssertionError(f"{name}: {told}; change one token at a time and watch the rows after it")


FAR_BELOW = 6  # how many the cache holds in the case whose scores lie far below 0


def check_repaired_G(repaired_G: Any) -> None:
    __tracebackhide__ = True
    name = "repaired_G"
    rng = judge.rng(710)
    # Batch, heads, d, in the cache, new ones, dtype.
    cases: list[tuple[int, int, int, int, int, torch.dtype]] = [
        (1, 2, 4, 3, 2, torch.float64),
        (2, 1, 2, 0, 4, torch.float32),
        (2, 3, 6, 5, 1, torch.float64),
        (1, 1, 4, 1, 5, torch.float32),
        (3, 2, 2, 4, 4, torch.float64),
        (1, 2, 8, 0, 1, torch.float64),
        (2, 2, 4, 2, 3, torch.float32),
        (1, 1, 2, 90, 3, torch.float64),
        (1, 3, 4, 7, 6, torch.float64),
        (1, 1, 4, 2, 40, torch.float64),
        (1, 1, 2, 300, 2, torch.float64),
        (1, 2, 4, FAR_BELOW, 3, torch.float64),
    ]
    given, shown_as, sound = [], [], []
    for batch, heads, d, past, n, dtype in cases:
        q, k, v = (_kept(rng.normal(size=(batch, heads, past + n, d))) for _ in range(3))
        if past == FAR_BELOW:  # all scores near -12 000: a finite mask is no mask, and exponentials are all 0
            q, k = (_kept(0.01 * part + sign * np.array([0, 0, 155, 0])) for part, sign in ((q, -1), (k, 1)))
        turned = _kept(_turn(k, range(past + n)))
        new = _given([part[:, :, past:] for part in (q, k, v)], dtype)
        given.append([*new, tuple(_given([turned[:, :, :past], v[:, :, :past]], dtype))])
        shown_as.append(
            f"batch of {batch}, {heads} head{'s' if heads > 1 else ''} of {d}, {past} in the cache, {n} new"
        )
        sound.append((q, k, v, past))
    results = list(judge.calls(name, repaired_G, given, shown_as))
    for (q, k, v, past), shown, result in zip(sound, shown_as, results, strict=True):
        out, cache = judge.sequence(name, result, 2, what="the result (output, cache)")
        after = judge.sequence(name, cache, 2, what="the cache (keys, values)")
        n = q.shape[2] - past
        places, again = range(past + n), [*range(past), *range(n)]
        turned, asked = _turn(k, places), _turn(q, places)[:, :, past:]
        late = [[s <= past + t for s in range(past + n)] for t in range(n)]
        right = _over(asked, turned, v, np.array(late))
        found = judge.array(name, out, right.shape, what=f"the output for {shown}")
        # Angles in float32 are as good as any, and far out they are a little off.
        tolerance = 1e-4 if past + n < 40 and past != FAR_BELOW else 2e-3
        if not judge.near(found, right, rtol=1e-3, atol=tolerance):
            asked_again, turned_again = _turn(q, again)[:, :, past:], _turn(k, again)
            corner = np.array([[s <= t for s in range(past + n)] for t in range(n)])
            before = np.array([[s < past + t for s in range(past + n)] for t in range(n)])
            everything = np.ones((n, past + n), dtype=bool)
            twice = np.concatenate([_turn(turned[:, :, :past], range(past)), turned[:, :, past:]], axis=2)
            bare = np.concatenate([turned[:, :, :past], k[:, :, past:]], axis=2)
            said = np.concatenate([v[:, :, :past], _turn(v, places)[:, :, past:]], axis=2)
            slips = [
                (_over(asked_again, turned_again, v, np.array(late)), "the positions still begin again at 0"),
                (_over(asked, turned, v, corner), "the new ones do not see all that is in the cache"),
                (_over(asked_again, turned_again, v, corner), "positions and mask are as wrong as they were"),
                (_over(asked, turned, v, everything), "a new one sees those that come after it"),
                (_over(asked, turned, v, before), "a new one may attend to itself"),
                (_over(asked_again, turned, v, np.array(late)), "the queries' positions begin again at 0"),
                (_over(asked, turned_again, v, np.array(late)), "the keys' positions begin again at 0"),
                (_over(asked, twice, v, np.array(late)), "the keys in the cache are turned already"),
                (_over(q[:, :, past:], turned, v, np.array(late)), "the queries have to be turned, too"),
                (_over(asked, bare, v, np.array(late)), "the new keys have to be turned, too"),
                (_over(asked, turned, said, np.array(late)), "values are not turned"),
                (_over(asked, turned[:, :, past:], v[:, :, past:], np.tri(n, dtype=bool)), "the cache is not seen"),
            ]  # fmt: skip
            told = [(value, f"{sentence} ({shown})") for value, sentence in slips]
            judge.compare(name, found, right, told, f"the output is not that of one pass over everything ({shown})")
        for kept, expected, raw, which in zip(after, (turned, v), (k, v), ("keys", "values"), strict=True):
            got = judge.array(name, kept, what=f"the {which} in the cache")
            told_shape = f"the {which} of the new cache should have shape {expected.shape}, found {got.shape}"
            assert got.shape == expected.shape, f"{name}: {told_shape} ({shown})"
            if judge.near(got, expected, rtol=1e-3, atol=tolerance):
                continue
            bare = np.concatenate([expected[:, :, :past], raw[:, :, past:]], axis=2)
            assert not judge.near(got, bare), f"{name}: the new keys go into the cache as they were turned ({shown})"
            assert not past or judge.near(got[:, :, :past], expected[:, :, :past], rtol=1e-3, atol=tolerance), (
                f"{name}: what was in the cache should stay there, in front, as it was ({shown})"
            )
            raise AssertionError(f"{name}: the new {which} do not stand in the cache as they should ({shown})")
