"""Answers that test the checks of lesson 07: recurrent steps, attention, rotary positions, cache, scaling laws."""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch

from autograder.answers import Answers
from lib.byhand import personal_numbers

answers = Answers("07_transformer_lm")


def _three(student_name: str) -> tuple[np.ndarray, np.ndarray]:
    """Query times key, and the value, of a student's three positions."""
    a, b, first, second = personal_numbers(student_name, "07", 1, 7, 4)
    return np.array([1, 3 + b % 3, -2 - a % 3]), np.array([10 + 2 * first, 40 + 3 * second, 3])


def _gathered(scores: np.ndarray, values: np.ndarray) -> float:
    weights = np.exp(scores)
    return float((weights * values).sum() / weights.sum())


def _attention_mine(student_name: str) -> float:
    """What the student's query gathers from three keys and values."""
    scores, values = _three(student_name)
    return round(_gathered(scores / 2, values), 2)


answers.personal["attention_mine"] = _attention_mine

# By hand.

_SCORES, _VALUES = _three("Ada Lovelace")
_ADA = _gathered(_SCORES / 2, _VALUES)
answers.right("attention_mine", "two decimals", attention_mine=round(_ADA, 2))
answers.right("attention_mine", "one decimal, an array without axes", attention_mine=np.array(round(_ADA, 1)))
answers.right("attention_mine", "a tensor", attention_mine=torch.tensor(_ADA))
answers.right("attention_mine", "weights rounded to three decimals", attention_mine=_ADA - 0.06)
answers.wrong("attention_mine", "not divided by the root of d", attention_mine=_gathered(_SCORES, _VALUES))
answers.wrong("attention_mine", "divided by d", attention_mine=_gathered(_SCORES / 4, _VALUES))
answers.wrong("attention_mine", "divided by the root of three", attention_mine=_gathered(_SCORES / 3**0.5, _VALUES))
answers.wrong("attention_mine", "weights that do not sum to 1", attention_mine=(np.exp(_SCORES / 2) * _VALUES).sum())
answers.wrong("attention_mine", "the first two keys", attention_mine=_gathered(_SCORES[:2] / 2, _VALUES[:2]))
answers.wrong("attention_mine", "the best key's value", attention_mine=int(_VALUES[_SCORES.argmax()]))
answers.wrong("attention_mine", "the plain mean", attention_mine=_VALUES.mean())
answers.wrong("attention_mine", "no softmax", attention_mine=(_SCORES * _VALUES).sum() / _SCORES.sum())
answers.wrong("attention_mine", "powers of two", attention_mine=_gathered(_SCORES / 2 * math.log(2), _VALUES))
answers.wrong("attention_mine", "values in reverse", attention_mine=_gathered(_SCORES / 2, _VALUES[::-1]))
answers.wrong("attention_mine", "somebody else's", attention_mine=_attention_mine("Charles Babbage"))
answers.wrong("attention_mine", "three numbers", attention_mine=_VALUES.tolist())
answers.wrong("attention_mine", "a little off", attention_mine=_ADA + 0.3)
answers.wrong("attention_mine", "in quotes", attention_mine=str(round(_ADA, 2)))


# rnn_step


@answers.right("rnn_step", "numpy")
def _(x, h, w_x, w_h, b):
    x, h, w_x, w_h, b = (np.asarray(v) for v in (x, h, w_x, w_h, b))
    return np.tanh(np.einsum("bi,hi->bh", x, w_x) + np.einsum("bi,hi->bh", h, w_h) + b)


@answers.right("rnn_step", "one matrix, one row at a time, lists")
def _(x, h, w_x, w_h, b):
    both = torch.cat([w_x, w_h], dim=1)
    return [torch.tanh(both @ torch.cat([row, state]) + b).tolist() for row, state in zip(x, h, strict=True)]


@answers.right("rnn_step", "torch.nn.functional.linear")
def _(x, h, w_x, w_h, b):
    return (torch.nn.functional.linear(x, w_x, b) + torch.nn.functional.linear(h, w_h)).tanh()


@answers.right("rnn_step", "PyTorch's own cell")
def _(x, h, w_x, w_h, b):
    cell = torch.nn.RNNCell(x.shape[1], h.shape[1], dtype=x.dtype)
    with torch.no_grad():
        for mine, given in zip(cell.parameters(), (w_x, w_h, b, torch.zeros_like(b)), strict=True):
            mine.copy_(given)
    return cell(x, h).detach()


@answers.wrong("rnn_step", "no tanh")
def _(x, h, w_x, w_h, b):
    return x @ w_x.T + h @ w_h.T + b


@answers.wrong("rnn_step", "no bias")
def _(x, h, w_x, w_h, b):
    return torch.tanh(x @ w_x.T + h @ w_h.T)


@answers.wrong("rnn_step", "w_h turned over")
def _(x, h, w_x, w_h, b):
    return torch.tanh(x @ w_x.T + h @ w_h + b)


@answers.wrong("rnn_step", "w_x turned over where it can be")
def _(x, h, w_x, w_h, b):
    w = w_x if w_x.shape[0] == w_x.shape[1] else w_x.T
    return torch.tanh(x @ w + h @ w_h.T + b)


@answers.wrong("rnn_step", "a sigmoid")
def _(x, h, w_x, w_h, b):
    return torch.sigmoid(x @ w_x.T + h @ w_h.T + b)


@answers.wrong("rnn_step", "two of them")
def _(x, h, w_x, w_h, b):
    return torch.tanh(x @ w_x.T + b) + torch.tanh(h @ w_h.T)


@answers.wrong("rnn_step", "added to the old state")
def _(x, h, w_x, w_h, b):
    return h + torch.tanh(x @ w_x.T + h @ w_h.T + b)


@answers.wrong("rnn_step", "the first row's state for all")
def _(x, h, w_x, w_h, b):
    return torch.tanh(x @ w_x.T + h[0] @ w_h.T + b)


@answers.wrong("rnn_step", "the state forgotten")
def _(x, h, w_x, w_h, b):
    return torch.tanh(x @ w_x.T + b)


@answers.wrong("rnn_step", "a tanh of exponentials, which overflow")
def _(x, h, w_x, w_h, b):
    z = torch.exp(2 * (x @ w_x.T + h @ w_h.T + b))
    return (z - 1) / (z + 1)


@answers.wrong("rnn_step", "writes into the state")
def _(x, h, w_x, w_h, b):
    h.copy_(torch.tanh(x @ w_x.T + h @ w_h.T + b))
    return h


@answers.wrong("rnn_step", "the sum over the batch")
def _(x, h, w_x, w_h, b):
    return torch.tanh(x @ w_x.T + (h @ w_h.T).sum(dim=0) + b)


# lstm_step


@answers.right("lstm_step", "numpy, the sigmoid by a tanh")
def _(x, h, c, w_x, w_h, b):
    x, h, c, w_x, w_h, b = (np.asarray(v) for v in (x, h, c, w_x, w_h, b))
    i, f, g, o = np.split(x @ w_x.T + h @ w_h.T + b, 4, axis=1)
    i, f, o = (0.5 + 0.5 * np.tanh(z / 2) for z in (i, f, o))
    c = f * c + i * np.tanh(g)
    return o * np.tanh(c), c


@answers.right("lstm_step", "PyTorch's own cell, a list of two")
def _(x, h, c, w_x, w_h, b):
    cell = torch.nn.LSTMCell(x.shape[1], h.shape[1], dtype=x.dtype)
    with torch.no_grad():
        for mine, given in zip(cell.parameters(), (w_x, w_h, b, torch.zeros_like(b)), strict=True):
            mine.copy_(given)
    return [part.detach() for part in cell(x, (h, c))]


@answers.right("lstm_step", "row by row, stacked")
def _(x, h, c, w_x, w_h, b):
    n, rows = h.shape[1], []
    for k in range(len(x)):
        z = w_x @ x[k] + w_h @ h[k] + b
        new = torch.sigmoid(z[n : 2 * n]) * c[k] + torch.sigmoid(z[:n]) * torch.tanh(z[2 * n : 3 * n])
        rows.append(torch.stack([torch.sigmoid(z[3 * n :]) * torch.tanh(new), new]))
    return torch.stack(rows, dim=1)


@answers.wrong("lstm_step", "output gate third")
def _(x, h, c, w_x, w_h, b):
    i, f, o, g = (x @ w_x.T + h @ w_h.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@answers.wrong("lstm_step", "forget gate first")
def _(x, h, c, w_x, w_h, b):
    f, i, g, o = (x @ w_x.T + h @ w_h.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@answers.wrong("lstm_step", "every fourth row")
def _(x, h, c, w_x, w_h, b):
    z = x @ w_x.T + h @ w_h.T + b
    i, f, g, o = (z[:, k::4] for k in range(4))
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@answers.wrong("lstm_step", "c first")
def _(x, h, c, w_x, w_h, b):
    i, f, g, o = (x @ w_x.T + h @ w_h.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return c, torch.sigmoid(o) * torch.tanh(c)


@answers.wrong("lstm_step", "shows the old cell")
def _(x, h, c, w_x, w_h, b):
    i, f, g, o = (x @ w_x.T + h @ w_h.T + b).chunk(4, dim=1)
    return torch.sigmoid(o) * torch.tanh(c), torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)


@answers.wrong("lstm_step", "shows the cell without a tanh")
def _(x, h, c, w_x, w_h, b):
    i, f, g, o = (x @ w_x.T + h @ w_h.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * c, c


@answers.wrong("lstm_step", "a sigmoid for the candidate")
def _(x, h, c, w_x, w_h, b):
    i, f, g, o = torch.sigmoid(x @ w_x.T + h @ w_h.T + b).chunk(4, dim=1)
    c = f * c + i * g
    return o * torch.tanh(c), c


@answers.wrong("lstm_step", "one more on the forget gate")
def _(x, h, c, w_x, w_h, b):
    i, f, g, o = (x @ w_x.T + h @ w_h.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f + 1) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@answers.wrong("lstm_step", "input and forget gate coupled")
def _(x, h, c, w_x, w_h, b):
    _, f, g, o = (x @ w_x.T + h @ w_h.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + (1 - torch.sigmoid(f)) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@answers.wrong("lstm_step", "sigmoids that overflow")
def _(x, h, c, w_x, w_h, b):
    i, f, g, o = (x @ w_x.T + h @ w_h.T + b).chunk(4, dim=1)
    i, f, o = (torch.exp(z) / (1 + torch.exp(z)) for z in (i, f, o))
    c = f * c + i * torch.tanh(g)
    return o * torch.tanh(c), c


@answers.wrong("lstm_step", "no bias")
def _(x, h, c, w_x, w_h, b):
    i, f, g, o = (x @ w_x.T + h @ w_h.T).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@answers.wrong("lstm_step", "writes into the cell")
def _(x, h, c, w_x, w_h, b):
    i, f, g, o = (x @ w_x.T + h @ w_h.T + b).chunk(4, dim=1)
    c.mul_(torch.sigmoid(f)).add_(torch.sigmoid(i) * torch.tanh(g))
    return torch.sigmoid(o) * torch.tanh(c), c


@answers.wrong("lstm_step", "a cell of at most 50")
def _(x, h, c, w_x, w_h, b):
    i, f, g, o = (x @ w_x.T + h @ w_h.T + b).chunk(4, dim=1)
    c = (torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)).clamp(-50, 50)
    return torch.sigmoid(o) * torch.tanh(c), c


@answers.wrong("lstm_step", "the whole batch cut in four")
def _(x, h, c, w_x, w_h, b):
    z = x @ w_x.T + h @ w_h.T + b
    i, f, g, o = z.reshape(4, *h.shape)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


# causal_mask


@answers.right("causal_mask", "comparing positions")
def _(T):
    return torch.arange(T)[None] <= torch.arange(T)[:, None]


@answers.right("causal_mask", "numpy")
def _(T):
    return np.tri(T, dtype=bool)


@answers.right("causal_mask", "lists")
def _(T):
    return [[s <= t for s in range(T)] for t in range(T)]


@answers.wrong("causal_mask", "turned over")
def _(T):
    return torch.ones(T, T, dtype=torch.bool).triu()


@answers.wrong("causal_mask", "strictly before")
def _(T):
    return torch.ones(T, T, dtype=torch.bool).tril(-1)


@answers.wrong("causal_mask", "True is forbidden")
def _(T):
    return torch.ones(T, T, dtype=torch.bool).triu(1)


@answers.wrong("causal_mask", "numbers")
def _(T):
    return torch.ones(T, T).tril()


@answers.wrong("causal_mask", "minus infinity where nobody may look")
def _(T):
    return torch.full((T, T), -torch.inf).triu(1)


@answers.wrong("causal_mask", "one step ahead")
def _(T):
    return torch.ones(T, T, dtype=torch.bool).tril(1)


@answers.wrong("causal_mask", "no more than 64 back")
def _(T):
    return torch.ones(T, T, dtype=torch.bool).tril() & ~torch.ones(T, T, dtype=torch.bool).tril(-64)


@answers.wrong("causal_mask", "the first sees everything")
def _(T):
    mask = torch.ones(T, T, dtype=torch.bool).tril()
    mask[:1] = True
    return mask


@answers.wrong("causal_mask", "an axis too many")
def _(T):
    return torch.ones(1, T, T, dtype=torch.bool).tril()


@answers.wrong("causal_mask", "the triangle of a mask for three, repeated")
def _(T):
    small = torch.ones(3, 3, dtype=torch.bool).tril()
    return small.repeat(T // 3 + 1, T // 3 + 1)[:T, :T]


# attention


@answers.right("attention", "numpy, one query at a time")
def _(q, k, v, mask):
    q, k, v, mask = (np.asarray(part) for part in (q, k, v, mask))
    lead, n, size = q.shape[:-2], q.shape[-2], k.shape[-2]
    mask = np.broadcast_to(mask, (*lead, n, size))
    out = np.zeros((*lead, n, v.shape[-1]), dtype=q.dtype)
    for index in np.ndindex(*lead, n):
        seen = np.flatnonzero(mask[index])
        if len(seen):
            scores = k[index[:-1]][seen] @ q[index] / np.sqrt(q.shape[-1])
            weights = np.exp(scores - scores.max())
            out[index] = weights / weights.sum() @ v[index[:-1]][seen]
    return out


@answers.right("attention", "minus infinity, and NaN made 0")
def _(q, k, v, mask):
    scores = torch.einsum("...td,...sd->...ts", q / q.shape[-1] ** 0.5, k)
    return torch.nan_to_num(torch.where(mask, scores, -torch.inf).softmax(dim=-1)) @ v


@answers.right("attention", "an additive mask, the largest allowed score taken away")
def _(q, k, v, mask):
    scores = q @ k.mT * q.shape[-1] ** -0.5
    low = torch.zeros_like(scores).masked_fill(~mask, -torch.inf)
    top = (scores + low).amax(dim=-1, keepdim=True)
    weights = torch.exp(scores - torch.where(top.isinf(), 0, top) + low)
    return weights / weights.sum(dim=-1, keepdim=True).clamp(min=1e-30) @ v


@answers.right("attention", "PyTorch's own, with the lowest finite number")
def _(q, k, v, mask):
    mask = mask.expand(*q.shape[:-1], k.shape[-2])
    low = torch.zeros(mask.shape, dtype=q.dtype).masked_fill(~mask, torch.finfo(q.dtype).min)
    scores = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).masked_fill(~mask, 0) + low
    return torch.softmax(scores, dim=-1) @ v * mask.any(dim=-1, keepdim=True)


@answers.wrong("attention", "not scaled")
def _(q, k, v, mask):
    weights = torch.softmax((q @ k.mT).masked_fill(~mask, -torch.inf), dim=-1)
    return weights.masked_fill(~mask, 0) @ v


@answers.wrong("attention", "divided by d")
def _(q, k, v, mask):
    weights = torch.softmax((q @ k.mT / q.shape[-1]).masked_fill(~mask, -torch.inf), dim=-1)
    return weights.masked_fill(~mask, 0) @ v


@answers.wrong("attention", "the root of the values' length")
def _(q, k, v, mask):
    weights = torch.softmax((q @ k.mT / v.shape[-1] ** 0.5).masked_fill(~mask, -torch.inf), dim=-1)
    return weights.masked_fill(~mask, 0) @ v


@answers.wrong("attention", "the root of the number of keys")
def _(q, k, v, mask):
    weights = torch.softmax((q @ k.mT / k.shape[-2] ** 0.5).masked_fill(~mask, -torch.inf), dim=-1)
    return weights.masked_fill(~mask, 0) @ v


@answers.wrong("attention", "softmax over the queries")
def _(q, k, v, mask):
    weights = torch.softmax((q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, -torch.inf), dim=-2)
    return torch.nan_to_num(weights).masked_fill(~mask, 0) @ v


@answers.wrong("attention", "softmax over axis 1, as it was for one head")
def _(q, k, v, mask):
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, -torch.inf)
    return torch.nan_to_num(torch.softmax(scores, dim=1)).masked_fill(~mask, 0) @ v


@answers.wrong("attention", "no mask")
def _(q, k, v, mask):
    return torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1) @ v


@answers.wrong("attention", "True is forbidden")
def _(q, k, v, mask):
    weights = torch.softmax((q @ k.mT / q.shape[-1] ** 0.5).masked_fill(mask, -torch.inf), dim=-1)
    return torch.nan_to_num(weights) @ v


@answers.wrong("attention", "NaN where nothing is allowed")
def _(q, k, v, mask):
    return torch.softmax((q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, -torch.inf), dim=-1) @ v


@answers.wrong("attention", "minus ten thousand")
def _(q, k, v, mask):
    weights = torch.softmax((q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, -1e4), dim=-1)
    return weights * mask.any(dim=-1, keepdim=True) @ v


@answers.wrong("attention", "minus a billion")
def _(q, k, v, mask):
    weights = torch.softmax((q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, -1e9), dim=-1)
    return weights * mask.any(dim=-1, keepdim=True) @ v


@answers.wrong("attention", "minus ten to the thirty")
def _(q, k, v, mask):
    weights = torch.softmax((q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, -1e30), dim=-1)
    return weights * mask.any(dim=-1, keepdim=True) @ v


@answers.wrong("attention", "minus a billion, and what is forbidden cleared away")
def _(q, k, v, mask):
    weights = torch.softmax((q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, -1e9), dim=-1)
    return weights.masked_fill(~mask, 0) @ v


@answers.wrong("attention", "a penalty of ten to the twelve added")
def _(q, k, v, mask):
    weights = torch.softmax(q @ k.mT / q.shape[-1] ** 0.5 - 1e12 * ~mask, dim=-1)
    return weights.masked_fill(~mask, 0) @ v


@answers.wrong("attention", "masked after the softmax")
def _(q, k, v, mask):
    return torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1).masked_fill(~mask, 0) @ v


@answers.wrong("attention", "masked after the softmax, and made to sum to 1")
def _(q, k, v, mask):
    weights = torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1).masked_fill(~mask, 0)
    return torch.nan_to_num(weights / weights.sum(dim=-1, keepdim=True)) @ v


@answers.wrong("attention", "masked after the softmax, a hair in the denominator")
def _(q, k, v, mask):
    weights = torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1).masked_fill(~mask, 0)
    return weights / (weights.sum(dim=-1, keepdim=True) + 1e-9) @ v


@answers.wrong("attention", "exponentials as they are")
def _(q, k, v, mask):
    weights = torch.exp(q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, 0)
    return weights / weights.sum(dim=-1, keepdim=True).clamp(min=1e-30) @ v


@answers.wrong("attention", "the largest score of all taken away, not each row's")
def _(q, k, v, mask):
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, -torch.inf)
    weights = torch.exp(scores - scores[scores.isfinite()].max()) if mask.any() else torch.zeros_like(scores)
    return weights / weights.sum(dim=-1, keepdim=True).clamp(min=1e-300) @ v


@answers.wrong("attention", "scores held between -60 and 60")
def _(q, k, v, mask):
    scores = (q @ k.mT / q.shape[-1] ** 0.5).clamp(-60, 60)
    return torch.nan_to_num(torch.softmax(scores.masked_fill(~mask, -torch.inf), dim=-1)) @ v


@answers.wrong("attention", "forbidden scores multiplied by 0")
def _(q, k, v, mask):
    weights = torch.softmax(q @ k.mT / q.shape[-1] ** 0.5 * mask, dim=-1)
    return weights * mask.any(dim=-1, keepdim=True) @ v


@answers.wrong("attention", "the mask turned over where it can be")
def _(q, k, v, mask):
    if mask.ndim > 1 and mask.shape[-1] == mask.shape[-2]:
        mask = mask.mT
    return torch.nan_to_num(torch.softmax((q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, -torch.inf), dim=-1)) @ v


@answers.wrong("attention", "one leading axis")
def _(q, k, v, mask):
    squeezed = q.ndim == 2
    q, k, v = (part[None] if squeezed else part for part in (q, k, v))
    scores = torch.bmm(q, k.transpose(1, 2)) / q.shape[-1] ** 0.5
    out = torch.bmm(torch.nan_to_num(torch.softmax(scores.masked_fill(~mask, -torch.inf), dim=-1)), v)
    return out[0] if squeezed else out


@answers.wrong("attention", "the mask of the first sequence for all")
def _(q, k, v, mask):
    while mask.ndim > 2:
        mask = mask[0]
    return torch.nan_to_num(torch.softmax((q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, -torch.inf), dim=-1)) @ v


@answers.wrong("attention", "the mean of everything where nothing is allowed")
def _(q, k, v, mask):
    low = torch.finfo(q.dtype).min
    return torch.softmax((q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, low), dim=-1) @ v


@answers.wrong("attention", "causal whatever the mask")
def _(q, k, v, mask):
    causal = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).tril()
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~(mask & causal), -torch.inf)
    return torch.nan_to_num(torch.softmax(scores, dim=-1)) @ v


@answers.wrong("attention", "scales the queries in place")
def _(q, k, v, mask):
    q /= q.shape[-1] ** 0.5
    return torch.nan_to_num(torch.softmax((q @ k.mT).masked_fill(~mask, -torch.inf), dim=-1)) @ v


@answers.wrong("attention", "the best key only")
def _(q, k, v, mask):
    scores = (q @ k.mT).masked_fill(~mask, -torch.inf)
    best = torch.nn.functional.one_hot(scores.argmax(dim=-1), k.shape[-2]).to(v.dtype)
    return best * mask.any(dim=-1, keepdim=True) @ v


@answers.wrong("attention", "256 keys at a time, each for itself")
def _(q, k, v, mask):
    mask, out = mask.expand(*q.shape[:-1], k.shape[-2]), 0
    for at in range(0, k.shape[-2], 256):
        part = slice(at, at + 256)
        scores = q @ k[..., part, :].mT / q.shape[-1] ** 0.5
        weights = torch.softmax(scores.masked_fill(~mask[..., part], -torch.inf), dim=-1)
        out = out + torch.nan_to_num(weights) @ v[..., part, :]
    return out


# multi_head_attention


@answers.right("multi_head_attention", "numpy, head by head")
def _(x, w_qkv, w_out, n_heads):
    x, w_qkv, w_out = (np.asarray(part) for part in (x, w_qkv, w_out))
    _, length, width = x.shape
    d, gathered = width // n_heads, []
    for head in range(n_heads):
        q, k, v = (x @ w_qkv[part * width + head * d : part * width + (head + 1) * d].T for part in range(3))
        scores = q @ k.swapaxes(1, 2) / np.sqrt(d)
        scores[:, ~np.tri(length, dtype=bool)] = -np.inf
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        gathered.append(weights / weights.sum(axis=-1, keepdims=True) @ v)
    return np.concatenate(gathered, axis=-1) @ w_out.T


@answers.right("multi_head_attention", "PyTorch's own attention")
def _(x, w_qkv, w_out, n_heads):
    n, length, width = x.shape
    q, k, v = (x @ w_qkv.T).reshape(n, length, 3, n_heads, width // n_heads).permute(2, 0, 3, 1, 4)
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return out.permute(0, 2, 1, 3).flatten(2) @ w_out.T


@answers.right("multi_head_attention", "einsums, and w_out cut in heads, too")
def _(x, w_qkv, w_out, n_heads):
    w_q, w_k, w_v = w_qkv.reshape(3, n_heads, -1, x.shape[2])
    q, k, v = (torch.einsum("btc,hdc->bhtd", x, w) for w in (w_q, w_k, w_v))
    scores = torch.einsum("bhtd,bhsd->bhts", q, k) / q.shape[-1] ** 0.5
    late = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
    weights = scores.masked_fill(late, -torch.inf).softmax(dim=-1)
    return torch.einsum("bhts,bhsd,chd->btc", weights, v, w_out.reshape(len(w_out), n_heads, -1))


@answers.wrong("multi_head_attention", "not causal")
def _(x, w_qkv, w_out, n_heads):
    n, length, width = x.shape
    q, k, v = (part.view(n, length, n_heads, -1).transpose(1, 2) for part in (x @ w_qkv.T).chunk(3, dim=-1))
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    return out.transpose(1, 2).reshape(n, length, width) @ w_out.T


@answers.wrong("multi_head_attention", "a reshape for a transpose at the start")
def _(x, w_qkv, w_out, n_heads):
    n, length, width = x.shape
    q, k, v = (part.reshape(n, n_heads, length, -1) for part in (x @ w_qkv.T).chunk(3, dim=-1))
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return out.transpose(1, 2).reshape(n, length, width) @ w_out.T


@answers.wrong("multi_head_attention", "reshapes for transposes at both ends")
def _(x, w_qkv, w_out, n_heads):
    n, length, width = x.shape
    q, k, v = (part.reshape(n, n_heads, length, -1) for part in (x @ w_qkv.T).chunk(3, dim=-1))
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return out.reshape(n, length, width) @ w_out.T


@answers.wrong("multi_head_attention", "no transpose back")
def _(x, w_qkv, w_out, n_heads):
    n, length, width = x.shape
    q, k, v = (part.view(n, length, n_heads, -1).transpose(1, 2) for part in (x @ w_qkv.T).chunk(3, dim=-1))
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return out.reshape(n, length, width) @ w_out.T


@answers.wrong("multi_head_attention", "heads attend to heads")
def _(x, w_qkv, w_out, n_heads):
    n, length, width = x.shape
    q, k, v = (part.view(n, length, n_heads, -1) for part in (x @ w_qkv.T).chunk(3, dim=-1))
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return out.reshape(n, length, width) @ w_out.T


@answers.wrong("multi_head_attention", "one head")
def _(x, w_qkv, w_out, n_heads):
    q, k, v = (x @ w_qkv.T).chunk(3, dim=-1)
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True) @ w_out.T


@answers.wrong("multi_head_attention", "the rows head by head")
def _(x, w_qkv, w_out, n_heads):
    n, length, width = x.shape
    q, k, v = (x @ w_qkv.T).view(n, length, n_heads, 3, -1).permute(3, 0, 2, 1, 4)
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return out.transpose(1, 2).reshape(n, length, width) @ w_out.T


@answers.wrong("multi_head_attention", "heads take rows in turn")
def _(x, w_qkv, w_out, n_heads):
    n, length, width = x.shape
    q, k, v = (part.view(n, length, -1, n_heads).permute(0, 3, 1, 2) for part in (x @ w_qkv.T).chunk(3, dim=-1))
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return out.permute(0, 2, 3, 1).reshape(n, length, width) @ w_out.T


@answers.wrong("multi_head_attention", "keys first")
def _(x, w_qkv, w_out, n_heads):
    n, length, width = x.shape
    k, q, v = (part.view(n, length, n_heads, -1).transpose(1, 2) for part in (x @ w_qkv.T).chunk(3, dim=-1))
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return out.transpose(1, 2).reshape(n, length, width) @ w_out.T


@answers.wrong("multi_head_attention", "scaled by the width")
def _(x, w_qkv, w_out, n_heads):
    n, length, width = x.shape
    q, k, v = (part.view(n, length, n_heads, -1).transpose(1, 2) for part in (x @ w_qkv.T).chunk(3, dim=-1))
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, scale=width**-0.5)
    return out.transpose(1, 2).reshape(n, length, width) @ w_out.T


@answers.wrong("multi_head_attention", "not scaled")
def _(x, w_qkv, w_out, n_heads):
    n, length, width = x.shape
    q, k, v = (part.view(n, length, n_heads, -1).transpose(1, 2) for part in (x @ w_qkv.T).chunk(3, dim=-1))
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1.0)
    return out.transpose(1, 2).reshape(n, length, width) @ w_out.T


@answers.wrong("multi_head_attention", "w_out turned over")
def _(x, w_qkv, w_out, n_heads):
    n, length, width = x.shape
    q, k, v = (part.view(n, length, n_heads, -1).transpose(1, 2) for part in (x @ w_qkv.T).chunk(3, dim=-1))
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return out.transpose(1, 2).reshape(n, length, width) @ w_out


@answers.wrong("multi_head_attention", "no w_out")
def _(x, w_qkv, w_out, n_heads):
    n, length, width = x.shape
    q, k, v = (part.view(n, length, n_heads, -1).transpose(1, 2) for part in (x @ w_qkv.T).chunk(3, dim=-1))
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return out.transpose(1, 2).reshape(n, length, width)


@answers.wrong("multi_head_attention", "strictly causal")
def _(x, w_qkv, w_out, n_heads):
    n, length, width = x.shape
    q, k, v = (part.view(n, length, n_heads, -1).transpose(1, 2) for part in (x @ w_qkv.T).chunk(3, dim=-1))
    scores = q @ k.mT / q.shape[-1] ** 0.5
    scores = scores.masked_fill(~torch.ones(length, length, dtype=torch.bool).tril(-1), -torch.inf)
    out = torch.nan_to_num(torch.softmax(scores, dim=-1)) @ v
    return out.transpose(1, 2).reshape(n, length, width) @ w_out.T


@answers.wrong("multi_head_attention", "x added, as in a block")
def _(x, w_qkv, w_out, n_heads):
    n, length, width = x.shape
    q, k, v = (part.view(n, length, n_heads, -1).transpose(1, 2) for part in (x @ w_qkv.T).chunk(3, dim=-1))
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return x + out.transpose(1, 2).reshape(n, length, width) @ w_out.T


@answers.wrong("multi_head_attention", "the first sequence of the batch only")
def _(x, w_qkv, w_out, n_heads):
    n, length, width = x.shape
    q, k, v = (part[0].view(length, n_heads, -1).transpose(0, 1) for part in (x @ w_qkv.T).chunk(3, dim=-1))
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return (out.transpose(0, 1).reshape(length, width) @ w_out.T).expand(n, -1, -1)


@answers.wrong("multi_head_attention", "masked with minus ten thousand")
def _(x, w_qkv, w_out, n_heads):
    n, length, width = x.shape
    q, k, v = (part.view(n, length, n_heads, -1).transpose(1, 2) for part in (x @ w_qkv.T).chunk(3, dim=-1))
    scores = q @ k.mT / q.shape[-1] ** 0.5
    scores = scores.masked_fill(torch.ones(length, length, dtype=torch.bool).triu(1), -1e4)
    out = torch.softmax(scores, dim=-1) @ v
    return out.transpose(1, 2).reshape(n, length, width) @ w_out.T


@answers.wrong("multi_head_attention", "masked with minus a billion")
def _(x, w_qkv, w_out, n_heads):
    n, length, width = x.shape
    q, k, v = (part.view(n, length, n_heads, -1).transpose(1, 2) for part in (x @ w_qkv.T).chunk(3, dim=-1))
    scores = q @ k.mT / q.shape[-1] ** 0.5
    scores = scores.masked_fill(torch.ones(length, length, dtype=torch.bool).triu(1), -1e9)
    out = torch.softmax(scores, dim=-1) @ v
    return out.transpose(1, 2).reshape(n, length, width) @ w_out.T


@answers.wrong("multi_head_attention", "masked after the softmax, and made to sum to 1")
def _(x, w_qkv, w_out, n_heads):
    n, length, width = x.shape
    q, k, v = (part.view(n, length, n_heads, -1).transpose(1, 2) for part in (x @ w_qkv.T).chunk(3, dim=-1))
    weights = torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1).tril()
    out = weights / weights.sum(dim=-1, keepdim=True) @ v
    return out.transpose(1, 2).reshape(n, length, width) @ w_out.T


# rope


@answers.right("rope", "numpy, complex numbers")
def _(x, positions, base=10000.0):
    x, positions = np.asarray(x), np.asarray(positions, dtype=float)
    d = x.shape[-1]
    turns = np.exp(1j * positions[:, None] * float(base) ** (-np.arange(0, d, 2) / d))
    z = (x[..., 0::2] + 1j * x[..., 1::2]) * turns
    return np.stack([z.real, z.imag], axis=-1).reshape(x.shape)


@answers.right("rope", "float32 angles, each number and its partner")
def _(x, positions, base=10000.0):
    d = x.shape[-1]
    rates = torch.exp(-math.log(base) * torch.arange(0, d, 2) / d).repeat_interleave(2)
    angles = positions[:, None] * rates
    partner = torch.stack([-x[..., 1::2], x[..., 0::2]], dim=-1).flatten(-2)
    return x * torch.cos(angles).to(x.dtype) + partner * torch.sin(angles).to(x.dtype)


@answers.right("rope", "a matrix for each position")
def _(x, positions, base=10000.0):
    d = x.shape[-1]
    turned = []
    for t, position in enumerate(positions.tolist()):
        matrix = torch.zeros(d, d, dtype=x.dtype)
        for i in range(d // 2):
            angle = position * base ** (-2 * i / d)
            matrix[2 * i, 2 * i] = matrix[2 * i + 1, 2 * i + 1] = math.cos(angle)
            matrix[2 * i, 2 * i + 1], matrix[2 * i + 1, 2 * i] = -math.sin(angle), math.sin(angle)
        turned.append(x[..., t, :] @ matrix.T)
    return torch.stack(turned, dim=-2)


@answers.wrong("rope", "i paired with i + d/2")
def _(x, positions, base=10000.0):
    d = x.shape[-1]
    angles = positions.double()[:, None] * base ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


@answers.wrong("rope", "clockwise")
def _(x, positions, base=10000.0):
    d = x.shape[-1]
    angles = positions.double()[:, None] * base ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos + b * sin, b * cos - a * sin], dim=-1).flatten(-2)


@answers.wrong("rope", "the halves not woven together")
def _(x, positions, base=10000.0):
    d = x.shape[-1]
    angles = positions.double()[:, None] * base ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


@answers.wrong("rope", "base to the -i/d")
def _(x, positions, base=10000.0):
    d = x.shape[-1]
    angles = positions.double()[:, None] * base ** (-torch.arange(d // 2, dtype=torch.float64) / d)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


@answers.wrong("rope", "rates from 1 down to 1/base, both reached")
def _(x, positions, base=10000.0):
    d = x.shape[-1]
    angles = positions.double()[:, None] * base ** -torch.linspace(0, 1, d // 2, dtype=torch.float64)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


@answers.wrong("rope", "faster and faster")
def _(x, positions, base=10000.0):
    d = x.shape[-1]
    angles = positions.double()[:, None] * base ** (torch.arange(0, d, 2, dtype=torch.float64) / d)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


@answers.wrong("rope", "one rate for all pairs")
def _(x, positions, base=10000.0):
    angles = positions.double()[:, None]
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


@answers.wrong("rope", "positions counted from 0, whatever is given")
def _(x, positions, base=10000.0):
    d = x.shape[-1]
    angles = torch.arange(x.shape[-2])[:, None] * base ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


@answers.wrong("rope", "base 10000, whatever is given")
def _(x, positions, base=10000.0):
    d = x.shape[-1]
    angles = positions.double()[:, None] * 10000 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


@answers.wrong("rope", "the distance to the first position")
def _(x, positions, base=10000.0):
    d = x.shape[-1]
    angles = (positions - positions[0]).double()[:, None] * base ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


@answers.wrong("rope", "turns the second with the first already turned")
def _(x, positions, base=10000.0):
    d = x.shape[-1]
    angles = positions.double()[:, None] * base ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    out = x.clone()
    out[..., 0::2] = out[..., 0::2] * cos - out[..., 1::2] * sin
    out[..., 1::2] = out[..., 0::2] * sin + out[..., 1::2] * cos
    return out


@answers.wrong("rope", "in place")
def _(x, positions, base=10000.0):
    d = x.shape[-1]
    angles = positions.double()[:, None] * base ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., 0::2].clone(), x[..., 1::2].clone()
    x[..., 0::2], x[..., 1::2] = a * cos - b * sin, a * sin + b * cos
    return x


@answers.wrong("rope", "whole positions only")
def _(x, positions, base=10000.0):
    d = x.shape[-1]
    angles = positions.long().double()[:, None] * base ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


@answers.wrong("rope", "a table of 1024 positions, round and round")
def _(x, positions, base=10000.0):
    d = x.shape[-1]
    angles = torch.where(positions < 0, positions, positions % 1024).double()[:, None] * base ** (
        -torch.arange(0, d, 2, dtype=torch.float64) / d
    )
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


@answers.wrong("rope", "sums, added to x")
def _(x, positions, base=10000.0):
    d = x.shape[-1]
    angles = positions.double()[:, None] * base ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    return x + torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2).to(x.dtype)


# next_token_loss


@answers.right("next_token_loss", "numpy, loops")
def _(logits, tokens):
    logits, tokens = np.asarray(logits, dtype=float), np.asarray(tokens)
    paid = []
    for b, t in itertools.product(range(logits.shape[0]), range(logits.shape[1] - 1)):
        z = logits[b, t]
        paid.append(z.max() + np.log(np.exp(z - z.max()).sum()) - z[tokens[b, t + 1]])
    return float(np.mean(paid))


@answers.right("next_token_loss", "log_softmax and gather")
def _(logits, tokens):
    log_p = torch.log_softmax(logits[:, :-1], dim=-1)
    return -log_p.gather(2, tokens[:, 1:, None]).mean()


@answers.right("next_token_loss", "targets that are left out")
def _(logits, tokens):
    targets = torch.cat([tokens[:, 1:], torch.full_like(tokens[:, :1], -100)], dim=1)
    return torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, ignore_index=-100)


@answers.wrong("next_token_loss", "not shifted")
def _(logits, tokens):
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens.flatten())


@answers.wrong("next_token_loss", "shifted twice")
def _(logits, tokens):
    if tokens.shape[1] < 3:
        return logits.sum() * 0
    return torch.nn.functional.cross_entropy(logits[:, :-2].flatten(0, 1), tokens[:, 2:].flatten())


@answers.wrong("next_token_loss", "shifted the wrong way")
def _(logits, tokens):
    return torch.nn.functional.cross_entropy(logits[:, 1:].flatten(0, 1), tokens[:, :-1].flatten())


@answers.wrong("next_token_loss", "both cut alike")
def _(logits, tokens):
    return torch.nn.functional.cross_entropy(logits[:, 1:].flatten(0, 1), tokens[:, 1:].flatten())


@answers.wrong("next_token_loss", "rolled round the corner")
def _(logits, tokens):
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens.roll(-1, dims=1).flatten())


@answers.wrong("next_token_loss", "from sequence to sequence")
def _(logits, tokens):
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1)[:-1], tokens.flatten()[1:])


@answers.wrong("next_token_loss", "the sum")
def _(logits, tokens):
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), reduction="sum")


@answers.wrong("next_token_loss", "nats per sequence")
def _(logits, tokens):
    paid = torch.nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    return paid.sum(dim=1).mean()


@answers.wrong("next_token_loss", "divided by all tokens")
def _(logits, tokens):
    paid = torch.nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    return paid.sum() / tokens.numel()


@answers.wrong("next_token_loss", "bits")
def _(logits, tokens):
    paid = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
    return paid / math.log(2)


@answers.wrong("next_token_loss", "a softmax, then the logarithm")
def _(logits, tokens):
    p = torch.softmax(logits[:, :-1], dim=-1)
    return -p.gather(2, tokens[:, 1:, None]).log().mean()


@answers.wrong("next_token_loss", "a softmax too many")
def _(logits, tokens):
    p = torch.softmax(logits[:, :-1], dim=-1)
    return torch.nn.functional.cross_entropy(p.flatten(0, 1), tokens[:, 1:].flatten())


@answers.wrong("next_token_loss", "softmax over the steps")
def _(logits, tokens):
    log_p = torch.log_softmax(logits[:, :-1], dim=1)
    return -log_p.gather(2, tokens[:, 1:, None]).mean()


@answers.wrong("next_token_loss", "one number for each sequence")
def _(logits, tokens):
    paid = torch.nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    return paid.mean(dim=1)


@answers.wrong("next_token_loss", "the sign")
def _(logits, tokens):
    return torch.log_softmax(logits[:, :-1], dim=-1).gather(2, tokens[:, 1:, None]).mean()


@answers.wrong("next_token_loss", "the token 0 taken for padding")
def _(logits, tokens):
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), ignore_index=0)


@answers.wrong("next_token_loss", "a little smoothing")
def _(logits, tokens):
    return torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), label_smoothing=0.01
    )


@answers.wrong("next_token_loss", "a floor under every probability")
def _(logits, tokens):
    p = torch.softmax(logits[:, :-1], dim=-1)
    return -p.gather(2, tokens[:, 1:, None]).clamp(min=1e-12).log().mean()


# attention_step


@answers.right("attention_step", "numpy, lists")
def _(q_t, k_t, v_t, cache):
    q_t, k_t, v_t, keys, values = (np.asarray(part) for part in (q_t, k_t, v_t, *cache))
    keys = np.concatenate([keys, k_t[:, :, None]], axis=2)
    values = np.concatenate([values, v_t[:, :, None]], axis=2)
    scores = np.einsum("bhd,bhsd->bhs", q_t, keys) / np.sqrt(q_t.shape[-1])
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return [np.einsum("bhs,bhsd->bhd", weights, values), [keys, values]]


@answers.right("attention_step", "PyTorch's own attention")
def _(q_t, k_t, v_t, cache):
    keys = torch.cat([cache[0], k_t.unsqueeze(2)], dim=2)
    values = torch.cat([cache[1], v_t.unsqueeze(2)], dim=2)
    out = torch.nn.functional.scaled_dot_product_attention(q_t.unsqueeze(2), keys, values)
    return out.squeeze(2), (keys, values)


@answers.right("attention_step", "a pass of its own for the new one, and the whole cache stacked")
def _(q_t, k_t, v_t, cache):
    after = torch.cat([torch.stack(cache), torch.stack([k_t, v_t])[:, :, :, None]], dim=3)
    weights = torch.softmax((after[0] @ q_t[..., None])[..., 0] / q_t.shape[-1] ** 0.5, dim=-1)
    return (weights[..., None] * after[1]).sum(dim=2), after


@answers.wrong("attention_step", "only what is in the cache")
def _(q_t, k_t, v_t, cache):
    keys, values = (torch.cat([old, new[:, :, None]], dim=2) for old, new in zip(cache, (k_t, v_t), strict=True))
    out = torch.nn.functional.scaled_dot_product_attention(q_t[:, :, None], *cache)
    return out[:, :, 0], (keys, values)


@answers.wrong("attention_step", "the cache stays")
def _(q_t, k_t, v_t, cache):
    keys, values = (torch.cat([old, new[:, :, None]], dim=2) for old, new in zip(cache, (k_t, v_t), strict=True))
    out = torch.nn.functional.scaled_dot_product_attention(q_t[:, :, None], keys, values)
    return out[:, :, 0], cache


@answers.wrong("attention_step", "the newest in front")
def _(q_t, k_t, v_t, cache):
    keys, values = (torch.cat([new[:, :, None], old], dim=2) for old, new in zip(cache, (k_t, v_t), strict=True))
    out = torch.nn.functional.scaled_dot_product_attention(q_t[:, :, None], keys, values)
    return out[:, :, 0], (keys, values)


@answers.wrong("attention_step", "causal, from the first key")
def _(q_t, k_t, v_t, cache):
    keys, values = (torch.cat([old, new[:, :, None]], dim=2) for old, new in zip(cache, (k_t, v_t), strict=True))
    out = torch.nn.functional.scaled_dot_product_attention(q_t[:, :, None], keys, values, is_causal=True)
    return out[:, :, 0], (keys, values)


@answers.wrong("attention_step", "not scaled")
def _(q_t, k_t, v_t, cache):
    keys, values = (torch.cat([old, new[:, :, None]], dim=2) for old, new in zip(cache, (k_t, v_t), strict=True))
    out = torch.nn.functional.scaled_dot_product_attention(q_t[:, :, None], keys, values, scale=1.0)
    return out[:, :, 0], (keys, values)


@answers.wrong("attention_step", "keys and values changed over in the cache")
def _(q_t, k_t, v_t, cache):
    keys, values = (torch.cat([old, new[:, :, None]], dim=2) for old, new in zip(cache, (k_t, v_t), strict=True))
    out = torch.nn.functional.scaled_dot_product_attention(q_t[:, :, None], keys, values)
    return out[:, :, 0], (values, keys)


@answers.wrong("attention_step", "an axis too many")
def _(q_t, k_t, v_t, cache):
    keys, values = (torch.cat([old, new[:, :, None]], dim=2) for old, new in zip(cache, (k_t, v_t), strict=True))
    return torch.nn.functional.scaled_dot_product_attention(q_t[:, :, None], keys, values), (keys, values)


@answers.wrong("attention_step", "the last key of the cache replaced")
def _(q_t, k_t, v_t, cache):
    keys, values = (
        torch.cat([old[:, :, :-1], new[:, :, None]], dim=2) for old, new in zip(cache, (k_t, v_t), strict=True)
    )
    out = torch.nn.functional.scaled_dot_product_attention(q_t[:, :, None], keys, values)
    return out[:, :, 0], (keys, values)


@answers.wrong("attention_step", "a window of 256")
def _(q_t, k_t, v_t, cache):
    keys, values = (torch.cat([old, new[:, :, None]], dim=2) for old, new in zip(cache, (k_t, v_t), strict=True))
    out = torch.nn.functional.scaled_dot_product_attention(q_t[:, :, None], keys[:, :, -256:], values[:, :, -256:])
    return out[:, :, 0], (keys, values)


@answers.wrong("attention_step", "one cache for the whole batch")
def _(q_t, k_t, v_t, cache):
    keys, values = (torch.cat([old, new[:, :, None]], dim=2) for old, new in zip(cache, (k_t, v_t), strict=True))
    out = torch.nn.functional.scaled_dot_product_attention(q_t[:, :, None], keys, values)
    return out[:, :, 0], (keys[:1].expand_as(keys), values[:1].expand_as(values))


@answers.wrong("attention_step", "exponentials as they are")
def _(q_t, k_t, v_t, cache):
    keys, values = (torch.cat([old, new[:, :, None]], dim=2) for old, new in zip(cache, (k_t, v_t), strict=True))
    weights = torch.exp((keys * q_t[:, :, None]).sum(dim=-1) / q_t.shape[-1] ** 0.5)
    weights = weights / weights.sum(dim=-1, keepdim=True)
    return (weights[..., None] * values).sum(dim=2), (keys, values)


@answers.wrong("attention_step", "softmax over the heads")
def _(q_t, k_t, v_t, cache):
    keys, values = (torch.cat([old, new[:, :, None]], dim=2) for old, new in zip(cache, (k_t, v_t), strict=True))
    weights = torch.softmax((keys * q_t[:, :, None]).sum(dim=-1) / q_t.shape[-1] ** 0.5, dim=1)
    return (weights[..., None] * values).sum(dim=2), (keys, values)


@answers.wrong("attention_step", "clears the oldest key it was given")
def _(q_t, k_t, v_t, cache):
    keys, values = (torch.cat([old, new[:, :, None]], dim=2) for old, new in zip(cache, (k_t, v_t), strict=True))
    out = torch.nn.functional.scaled_dot_product_attention(q_t[:, :, None], keys, values)
    if cache[0].shape[2] > 4:
        cache[0][:, :, 0] = 0
    return out[:, :, 0], (keys, values)


# cache_bytes


@answers.right("cache_bytes", "numpy")
def _(layers, groups, head_size, length, itemsize):
    return 2 * np.prod(np.array([layers, groups, head_size, length, itemsize], dtype=np.int64))


@answers.right("cache_bytes", "keys, then values, layer by layer")
def _(layers, groups, head_size, length, itemsize):
    one = groups * head_size * length * itemsize
    return sum(one + one for _ in range(layers))


@answers.right("cache_bytes", "a float")
def _(layers, groups, head_size, length, itemsize):
    return 2.0 * length * math.prod([layers, groups, head_size, itemsize])


@answers.wrong("cache_bytes", "keys only")
def _(layers, groups, head_size, length, itemsize):
    return layers * groups * head_size * length * itemsize


@answers.wrong("cache_bytes", "queries too")
def _(layers, groups, head_size, length, itemsize):
    return 3 * layers * groups * head_size * length * itemsize


@answers.wrong("cache_bytes", "numbers, not bytes")
def _(layers, groups, head_size, length, itemsize):
    return 2 * layers * groups * head_size * length


@answers.wrong("cache_bytes", "bits")
def _(layers, groups, head_size, length, itemsize):
    return 16 * layers * groups * head_size * length * itemsize


@answers.wrong("cache_bytes", "one layer")
def _(layers, groups, head_size, length, itemsize):
    return 2 * groups * head_size * length * itemsize


@answers.wrong("cache_bytes", "all scores as well")
def _(layers, groups, head_size, length, itemsize):
    return 2 * layers * groups * head_size * length * itemsize + layers * groups * length**2 * itemsize


@answers.wrong("cache_bytes", "the square of the length")
def _(layers, groups, head_size, length, itemsize):
    return 2 * layers * groups * head_size * length**2 * itemsize


@answers.wrong("cache_bytes", "head_size divided among the groups")
def _(layers, groups, head_size, length, itemsize):
    return 2 * layers * head_size * length * itemsize


@answers.wrong("cache_bytes", "32 bits")
def _(layers, groups, head_size, length, itemsize):
    right = 2 * layers * groups * head_size * length * itemsize
    return int(torch.tensor(right).to(torch.int32))


@answers.wrong("cache_bytes", "a token at least")
def _(layers, groups, head_size, length, itemsize):
    return 2 * layers * groups * head_size * max(length, 1) * itemsize


@answers.wrong("cache_bytes", "single precision")
def _(layers, groups, head_size, length, itemsize):
    return torch.tensor([2.0, layers, groups, head_size, length, itemsize]).prod()


# fit_power_law


@answers.right("fit_power_law", "a fine grid of exponents, logarithms of sizes, plain least squares")
def _(sizes, losses):
    sizes, losses = np.array(sizes, dtype=float), np.array(losses, dtype=float)
    unit, low, high = sizes.min(), 0.002, 4.0
    for _ in range(30):
        tried = np.geomspace(low, high, 60)
        fits = []
        for exponent in tried:
            shape = (sizes / unit) ** -exponent
            basis = np.stack([np.ones_like(shape), shape], axis=1)
            floor, scale = np.linalg.lstsq(basis, losses, rcond=None)[0]
            if floor < 0:
                floor, scale = 0.0, (shape @ losses) / (shape @ shape)
            fits.append((((floor + scale * shape - losses) ** 2).sum(), floor, scale))
        k = min(range(60), key=lambda i: fits[i][0])
        low, high = tried[max(k - 1, 0)], tried[min(k + 1, 59)]
    return fits[k][1], fits[k][2] * unit ** tried[k], tried[k]


@answers.right("fit_power_law", "Newton's steps on logarithms, from several starts")
def _(sizes, losses):
    x = np.log(np.array(sizes, dtype=float))
    y = np.log(np.array(losses, dtype=float))
    x = x - x.min()
    best = None
    for share, start in itertools.product((0.0, 0.3, 0.6, 0.9), (0.05, 0.2, 0.5, 1.2)):
        # floor = exp(a), scale = exp(b) at the smallest size, exponent = exp(c)
        least = losses if share == 0 else share * np.min(losses)
        at = np.array(
            [np.log(np.min(least)) - 12 * (share == 0), np.log(np.max(losses) * (1 - 0.9 * share)), np.log(start)]
        )
        damping = 1e-2
        error = np.inf
        for _ in range(400):
            parts = np.stack([np.full_like(x, np.exp(at[0])), np.exp(at[1] - np.exp(at[2]) * x)])
            left = y - np.log(parts.sum(axis=0))
            weights = parts / parts.sum(axis=0)
            slope = np.stack([weights[0], weights[1], -weights[1] * np.exp(at[2]) * x], axis=1)
            error = (left**2).sum()
            step = np.linalg.solve(slope.T @ slope + damping * np.eye(3), slope.T @ left)
            new = at + np.clip(step, -2, 2)
            fitted = np.log(np.exp(new[0]) + np.exp(new[1] - np.exp(new[2]) * x))
            if ((y - fitted) ** 2).sum() < error:
                at, damping = new, max(damping / 5, 1e-12)
            else:
                damping = min(damping * 5, 1e6)
        if best is None or error < best[0]:
            best = (error, at)
    floor, scale, exponent = np.exp(best[1])
    return [floor, scale * float(np.min(sizes)) ** exponent, exponent]


@answers.right("fit_power_law", "a golden section over the floor, a straight line for the rest")
def _(sizes, losses):
    x, losses = torch.tensor(np.array(sizes, dtype=float)).log(), torch.tensor(np.array(losses, dtype=float))
    middle = x.mean()

    def attempt(floor):
        y = torch.log(losses - floor)
        slope = ((x - middle) * (y - y.mean())).sum() / ((x - middle) ** 2).sum()
        height = y.mean() - slope * middle
        told = floor + torch.exp(height + slope * x)
        return float((torch.log(told / losses) ** 2).sum()), floor, float(height.exp()), float(-slope)

    floors = np.linspace(0, 0.9999 * float(losses.min()), 300)
    for _ in range(12):
        errors = [attempt(float(floor))[0] for floor in floors]
        k = int(np.argmin(errors))
        floors = np.linspace(floors[max(k - 1, 0)], floors[min(k + 1, len(floors) - 1)], 30)
    return torch.tensor(attempt(float(floors[15 if k else 0]))[1:], dtype=torch.float64)


@answers.wrong("fit_power_law", "a straight line on logarithmic axes")
def _(sizes, losses):
    slope, height = np.polyfit(np.log(np.array(sizes, dtype=float)), np.log(np.array(losses, dtype=float)), 1)
    return 0.0, math.exp(height), -slope


@answers.wrong("fit_power_law", "the floor is the smallest loss")
def _(sizes, losses):
    sizes, losses = np.array(sizes, dtype=float), np.array(losses, dtype=float)
    floor = losses.min() * 0.999
    slope, height = np.polyfit(np.log(sizes), np.log(losses - floor), 1)
    return floor, math.exp(height), -slope


@answers.wrong("fit_power_law", "half the smallest loss is the floor")
def _(sizes, losses):
    sizes, losses = np.array(sizes, dtype=float), np.array(losses, dtype=float)
    slope, height = np.polyfit(np.log(sizes), np.log(losses - losses.min() / 2), 1)
    return losses.min() / 2, math.exp(height), -slope


@answers.wrong("fit_power_law", "an exponent of a half, always")
def _(sizes, losses):
    sizes, losses = np.array(sizes, dtype=float), np.array(losses, dtype=float)
    scale, floor = np.polyfit(sizes**-0.5, losses, 1)
    return max(floor, 0.0), scale, 0.5


@answers.wrong("fit_power_law", "a grid of five exponents")
def _(sizes, losses):
    sizes, losses = np.array(sizes, dtype=float), np.array(losses, dtype=float)
    fits = []
    for exponent in (0.1, 0.2, 0.3, 0.4, 0.5):
        scale, floor = np.polyfit(sizes**-exponent, losses, 1)
        fits.append((((floor + scale * sizes**-exponent - losses) ** 2).sum(), max(floor, 0.0), scale, exponent))
    return min(fits)[1:]


@answers.wrong("fit_power_law", "exponents in hundredths")
def _(sizes, losses):
    sizes, losses = np.array(sizes, dtype=float), np.array(losses, dtype=float)
    fits = []
    for exponent in np.arange(0.01, 2, 0.01):
        shape = (sizes / sizes.min()) ** -exponent
        basis = np.stack([np.ones_like(shape), shape], axis=1)
        floor, scale = np.linalg.lstsq(basis, losses, rcond=None)[0]
        if floor < 0:
            floor, scale = 0.0, (shape @ losses) / (shape @ shape)
        fits.append((((floor + scale * shape - losses) ** 2).sum(), floor, scale * sizes.min() ** exponent, exponent))
    return min(fits)[1:]


@answers.right("fit_power_law", "exponents in thousandths, relative errors")
def _(sizes, losses):
    sizes, losses = np.array(sizes, dtype=float), np.array(losses, dtype=float)
    fits = []
    for exponent in np.arange(0.001, 3, 0.001):
        shape = (sizes / sizes.min()) ** -exponent
        floor, scale = np.linalg.lstsq(
            np.stack([1 / losses, shape / losses], axis=1), np.ones(len(losses)), rcond=None
        )[0]
        if floor < 0:
            floor, scale = 0.0, (shape / losses).sum() / ((shape / losses) ** 2).sum()
        left = (((floor + scale * shape) / losses - 1) ** 2).sum()
        fits.append((left, floor, scale * sizes.min() ** exponent, exponent))
    return torch.tensor(min(fits)[1:])


@answers.wrong("fit_power_law", "exponents up to 1")
def _(sizes, losses):
    sizes, losses = np.array(sizes, dtype=float), np.array(losses, dtype=float)
    fits = []
    for exponent in np.arange(0.001, 1, 0.001):
        shape = (sizes / sizes.min()) ** -exponent
        basis = np.stack([np.ones_like(shape), shape], axis=1)
        floor, scale = np.linalg.lstsq(basis, losses, rcond=None)[0]
        if floor < 0:
            floor, scale = 0.0, (shape @ losses) / (shape @ shape)
        fits.append((((floor + scale * shape - losses) ** 2).sum(), floor, scale * sizes.min() ** exponent, exponent))
    return min(fits)[1:]


@answers.wrong("fit_power_law", "a floor below 0, if that fits")
def _(sizes, losses):
    sizes, losses = np.array(sizes, dtype=float), np.array(losses, dtype=float)
    fits = []
    for exponent in np.linspace(0.01, 1.5, 3000):
        shape = (sizes / sizes.min()) ** -exponent
        scale, floor = np.polyfit(shape, losses, 1)
        fits.append((((floor + scale * shape - losses) ** 2).sum(), floor, scale * sizes.min() ** exponent, exponent))
    return min(fits)[1:]


@answers.wrong("fit_power_law", "through the first, the middle and the last one")
def _(sizes, losses):
    x, y = np.log(np.array(sizes, dtype=float)), np.array(losses, dtype=float)
    low, middle, high = 0, len(x) // 2, len(x) - 1
    exponent = 0.3
    for _ in range(100):
        ratio = (y[low] - y[middle]) / (y[middle] - y[high])
        exponent = max(abs(math.log(abs(ratio))) / (x[middle] - x[low] + 1e-9), 1e-3)
    shape = np.exp(-exponent * x)
    scale = (y[low] - y[high]) / (shape[low] - shape[high])
    return max(y[low] - scale * shape[low], 0.0), scale, exponent


@answers.wrong("fit_power_law", "the exponent's sign")
def _(sizes, losses):
    slope, height = np.polyfit(np.log(np.array(sizes, dtype=float)), np.log(np.array(losses, dtype=float)), 1)
    return 0.0, math.exp(height), slope


@answers.wrong("fit_power_law", "gradient descent on sizes as they are")
def _(sizes, losses):
    sizes, losses = (torch.tensor(np.array(v, dtype=float)) for v in (sizes, losses))
    at = torch.tensor([1.0, 1.0, 0.5], dtype=torch.float64, requires_grad=True)
    for _ in range(300):
        error = ((at[0] + at[1] * sizes ** -at[2] - losses) ** 2).mean()
        (slope,) = torch.autograd.grad(error, at)
        at = (at - 0.05 * slope).detach().requires_grad_()
    return at.detach().clamp(min=0)


@answers.wrong("fit_power_law", "the visible test's first law")
def _(sizes, losses):
    return 1.5, 20.0, 0.4


@answers.wrong("fit_power_law", "the scale in another unit")
def _(sizes, losses):
    sizes, losses = np.array(sizes, dtype=float), np.array(losses, dtype=float)
    fits = []
    for exponent in np.geomspace(0.01, 2, 4000):
        shape = (sizes / sizes.min()) ** -exponent
        basis = np.stack([np.ones_like(shape), shape], axis=1)
        floor, scale = np.linalg.lstsq(basis, losses, rcond=None)[0]
        fits.append((((floor + scale * shape - losses) ** 2).sum(), max(floor, 0.0), scale, exponent))
    return min(fits)[1:]


@answers.wrong("fit_power_law", "the largest and the smallest of an ordered list")
def _(sizes, losses):
    sizes, losses = np.array(sizes, dtype=float), np.array(losses, dtype=float)
    exponent = math.log(losses[0] / losses[-1]) / math.log(sizes[-1] / sizes[0])
    return 0.0, losses[0] * sizes[0] ** exponent, exponent


@answers.wrong("fit_power_law", "scale, exponent, floor")
def _(sizes, losses):
    sizes, losses = np.array(sizes, dtype=float), np.array(losses, dtype=float)
    slope, height = np.polyfit(np.log(sizes), np.log(losses), 1)
    return math.exp(height), -slope, 0.0


# The drill.

_TEN = [(t, s) for t in range(4) for s in range(t, 4)]
_E = [(t, t) for t in range(5)]
_LOST = [(t + 1, t) for t in range(4)]
_RIGHT = {
    "leaks_A": [], "leaks_A_large": _TEN, "leaks_B": [], "leaks_B_large": _TEN, "leaks_C": _TEN,
    "leaks_D": _TEN, "leaks_E": _E, "leaks_F": [], "lost_F": _LOST,
}  # fmt: skip
answers.right("found_leaks", "typed", **_RIGHT)
answers.right("found_leaks", "sets", **{name: {tuple(p) for p in pairs} for name, pairs in _RIGHT.items()})
answers.right("found_leaks", "in another order, as lists", **{n: [list(p) for p in v[::-1]] for n, v in _RIGHT.items()})
answers.wrong("found_leaks", "all sound", **{name: [] for name in _RIGHT})
answers.wrong("found_leaks", "A: minus ten thousand suspected at once", **_RIGHT | {"leaks_A": _TEN})
answers.wrong("found_leaks", "A: trusted at any size", **_RIGHT | {"leaks_A_large": []})
answers.wrong("found_leaks", "A: the token itself only", **_RIGHT | {"leaks_A_large": _E[:4]})
answers.wrong("found_leaks", "B: masked too late", **_RIGHT | {"leaks_B": _TEN})
answers.wrong("found_leaks", "B: sound on paper", **_RIGHT | {"leaks_B_large": []})
answers.wrong("found_leaks", "C: trusted", **_RIGHT | {"leaks_C": []})
answers.wrong(
    "found_leaks", "C: the last token too", **_RIGHT | {"leaks_C": [(t, s) for t in range(5) for s in range(t, 5)]}
)
answers.wrong("found_leaks", "D: trusted", **_RIGHT | {"leaks_D": []})
answers.wrong("found_leaks", "D: later rows only", **_RIGHT | {"leaks_D": [(t, s) for t, s in _TEN if t < s]})
answers.wrong("found_leaks", "D: the first row trusted", **_RIGHT | {"leaks_D": [p for p in _TEN if p[0]]})
answers.wrong("found_leaks", "E: trusted", **_RIGHT | {"leaks_E": []})
answers.wrong("found_leaks", "E: the last one forgotten", **_RIGHT | {"leaks_E": _E[:4]})
answers.wrong(
    "found_leaks",
    "E: everything from there on",
    **_RIGHT | {"leaks_E": [(t, s) for t in range(5) for s in range(t, 5)]},
)
answers.wrong("found_leaks", "F: a leak", **_RIGHT | {"leaks_F": _LOST})
answers.wrong("found_leaks", "F: nothing lost", **_RIGHT | {"lost_F": []})
answers.wrong("found_leaks", "F: one lost", **_RIGHT | {"lost_F": _LOST[1:]})
answers.wrong("found_leaks", "F: (token, row)", **_RIGHT | {"lost_F": [(s, t) for t, s in _LOST]})
answers.wrong(
    "found_leaks", "F: two lost for each row", **_RIGHT | {"lost_F": _LOST + [(t, t - 2) for t in range(2, 5)]}
)
answers.wrong("found_leaks", "C: (token, row)", **_RIGHT | {"leaks_C": [(s, t) for t, s in _TEN]})
answers.wrong("found_leaks", "C: fractions", **_RIGHT | {"leaks_C": [(t + 0.4, s + 0.2) for t, s in _TEN]})


# repaired_G


@answers.right("repaired_G", "numpy, one new token after the other")
def _(q, k, v, cache):
    q, k, v, keys, values = (np.asarray(part) for part in (q, k, v, *cache))
    d, outs = q.shape[-1], []
    rates = 10000.0 ** (-np.arange(0, d, 2) / d)
    for t in range(q.shape[2]):
        turn = np.exp(1j * keys.shape[2] * rates)
        asked, label = ((part[:, :, t, 0::2] + 1j * part[:, :, t, 1::2]) * turn for part in (q, k))
        asked, label = (np.stack([z.real, z.imag], axis=-1).reshape(*z.shape[:2], d) for z in (asked, label))
        keys = np.concatenate([keys, label[:, :, None]], axis=2)
        values = np.concatenate([values, v[:, :, t : t + 1]], axis=2)
        scores = np.einsum("bhd,bhsd->bhs", asked, keys) / np.sqrt(d)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        outs.append(np.einsum("bhs,bhsd->bhd", weights / weights.sum(axis=-1, keepdims=True), values))
    return np.stack(outs, axis=2), [keys, values]


def _chunk(q, k, v, cache, weigh):
    """One pass over the new tokens; `weigh` makes weights of scores and a mask."""
    past, n, d = cache[0].shape[2], q.shape[2], q.shape[3]
    rates = 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    angles = torch.arange(past, past + n)[:, None] * rates
    cos, sin = angles.cos().to(q.dtype), angles.sin().to(q.dtype)
    asked, labels = (
        torch.stack([x[..., 0::2] * cos - x[..., 1::2] * sin, x[..., 0::2] * sin + x[..., 1::2] * cos], -1).flatten(-2)
        for x in (q, k)
    )
    keys, values = torch.cat([cache[0], labels], dim=2), torch.cat([cache[1], v], dim=2)
    mask = torch.ones(n, past + n, dtype=torch.bool).tril(past)
    return weigh(asked @ keys.mT / math.sqrt(d), mask) @ values, (keys, values)


@answers.wrong("repaired_G", "-10 000 for minus infinity")
def _(q, k, v, cache):
    return _chunk(q, k, v, cache, lambda scores, mask: scores.masked_fill(~mask, -1e4).softmax(-1))


@answers.wrong("repaired_G", "bare exponentials, 0 / 0 where all scores are far below 0")
def _(q, k, v, cache):
    def weigh(scores, mask):
        weights = scores.exp() * mask
        return weights / weights.sum(-1, keepdim=True)

    return _chunk(q, k, v, cache, weigh)


@answers.right("repaired_G", "PyTorch's attention, the mask by positions")
def _(q, k, v, cache):
    past, n, d = cache[0].shape[2], q.shape[2], q.shape[3]
    places = torch.arange(past + n)
    rates = 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    angles = places[past:, None] * rates
    cos, sin = angles.cos().to(q.dtype), angles.sin().to(q.dtype)
    asked, labels = (
        torch.stack([x[..., 0::2] * cos - x[..., 1::2] * sin, x[..., 0::2] * sin + x[..., 1::2] * cos], dim=-1).flatten(
            -2
        )
        for x in (q, k)
    )
    keys, values = torch.cat([cache[0], labels], dim=2), torch.cat([cache[1], v], dim=2)
    allowed = places[None] <= places[past:, None]
    return torch.nn.functional.scaled_dot_product_attention(asked, keys, values, attn_mask=allowed), (keys, values)


@answers.right("repaired_G", "empty queries in front, and cut off again")
def _(q, k, v, cache):
    past, n, d = cache[0].shape[2], q.shape[2], q.shape[3]
    rates = 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    turn = torch.polar(torch.ones(n, d // 2, dtype=torch.float64), torch.arange(past, past + n)[:, None] * rates)
    asked, labels = (
        torch.view_as_real(torch.view_as_complex(x.double().reshape(*x.shape[:3], -1, 2).contiguous()) * turn).flatten(
            -2
        )
        for x in (q, k)
    )
    keys, values = torch.cat([cache[0], labels.to(k.dtype)], dim=2), torch.cat([cache[1], v], dim=2)
    asked = torch.cat([torch.zeros_like(cache[0]), asked.to(q.dtype)], dim=2)
    out = torch.nn.functional.scaled_dot_product_attention(asked, keys, values, is_causal=True)
    return out[:, :, past:], torch.stack([keys, values])


@answers.wrong("repaired_G", "as it was")
def _(q, k, v, cache):
    n, d = q.shape[2], q.shape[3]
    angles = torch.arange(n)[:, None] * 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    cos, sin = angles.cos().to(q.dtype), angles.sin().to(q.dtype)
    asked, labels = (
        torch.stack([x[..., 0::2] * cos - x[..., 1::2] * sin, x[..., 0::2] * sin + x[..., 1::2] * cos], dim=-1).flatten(
            -2
        )
        for x in (q, k)
    )
    keys, values = torch.cat([cache[0], labels], dim=2), torch.cat([cache[1], v], dim=2)
    return torch.nn.functional.scaled_dot_product_attention(asked, keys, values, is_causal=True), (keys, values)


@answers.wrong("repaired_G", "positions right, the mask as it was")
def _(q, k, v, cache):
    past, n, d = cache[0].shape[2], q.shape[2], q.shape[3]
    angles = torch.arange(past, past + n)[:, None] * 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    cos, sin = angles.cos().to(q.dtype), angles.sin().to(q.dtype)
    asked, labels = (
        torch.stack([x[..., 0::2] * cos - x[..., 1::2] * sin, x[..., 0::2] * sin + x[..., 1::2] * cos], dim=-1).flatten(
            -2
        )
        for x in (q, k)
    )
    keys, values = torch.cat([cache[0], labels], dim=2), torch.cat([cache[1], v], dim=2)
    return torch.nn.functional.scaled_dot_product_attention(asked, keys, values, is_causal=True), (keys, values)


@answers.wrong("repaired_G", "the mask right, positions as they were")
def _(q, k, v, cache):
    past, n, d = cache[0].shape[2], q.shape[2], q.shape[3]
    angles = torch.arange(n)[:, None] * 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    cos, sin = angles.cos().to(q.dtype), angles.sin().to(q.dtype)
    asked, labels = (
        torch.stack([x[..., 0::2] * cos - x[..., 1::2] * sin, x[..., 0::2] * sin + x[..., 1::2] * cos], dim=-1).flatten(
            -2
        )
        for x in (q, k)
    )
    keys, values = torch.cat([cache[0], labels], dim=2), torch.cat([cache[1], v], dim=2)
    mask = torch.ones(n, past + n, dtype=torch.bool).tril(past)
    return torch.nn.functional.scaled_dot_product_attention(asked, keys, values, attn_mask=mask), (keys, values)


@answers.wrong("repaired_G", "no mask at all")
def _(q, k, v, cache):
    past, n, d = cache[0].shape[2], q.shape[2], q.shape[3]
    angles = torch.arange(past, past + n)[:, None] * 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    cos, sin = angles.cos().to(q.dtype), angles.sin().to(q.dtype)
    asked, labels = (
        torch.stack([x[..., 0::2] * cos - x[..., 1::2] * sin, x[..., 0::2] * sin + x[..., 1::2] * cos], dim=-1).flatten(
            -2
        )
        for x in (q, k)
    )
    keys, values = torch.cat([cache[0], labels], dim=2), torch.cat([cache[1], v], dim=2)
    return torch.nn.functional.scaled_dot_product_attention(asked, keys, values), (keys, values)


@answers.wrong("repaired_G", "the queries' positions begin again")
def _(q, k, v, cache):
    past, n, d = cache[0].shape[2], q.shape[2], q.shape[3]
    turned = []
    for x, places in ((q, torch.arange(n)), (k, torch.arange(past, past + n))):
        angles = places[:, None] * 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
        cos, sin, a, b = angles.cos().to(x.dtype), angles.sin().to(x.dtype), x[..., 0::2], x[..., 1::2]
        turned.append(torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2))
    keys, values = torch.cat([cache[0], turned[1]], dim=2), torch.cat([cache[1], v], dim=2)
    mask = torch.ones(n, past + n, dtype=torch.bool).tril(past)
    return torch.nn.functional.scaled_dot_product_attention(turned[0], keys, values, attn_mask=mask), (keys, values)


@answers.wrong("repaired_G", "all keys turned, those of the cache again")
def _(q, k, v, cache):
    past, n, d = cache[0].shape[2], q.shape[2], q.shape[3]
    keys, values = torch.cat([cache[0], k], dim=2), torch.cat([cache[1], v], dim=2)
    turned = []
    for x, places in ((q, torch.arange(past, past + n)), (keys, torch.arange(past + n))):
        angles = places[:, None] * 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
        cos, sin, a, b = angles.cos().to(x.dtype), angles.sin().to(x.dtype), x[..., 0::2], x[..., 1::2]
        turned.append(torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2))
    mask = torch.ones(n, past + n, dtype=torch.bool).tril(past)
    return torch.nn.functional.scaled_dot_product_attention(*turned, values, attn_mask=mask), (turned[1], values)


@answers.wrong("repaired_G", "new keys into the cache as they came")
def _(q, k, v, cache):
    past, n, d = cache[0].shape[2], q.shape[2], q.shape[3]
    angles = torch.arange(past, past + n)[:, None] * 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    cos, sin = angles.cos().to(q.dtype), angles.sin().to(q.dtype)
    asked, labels = (
        torch.stack([x[..., 0::2] * cos - x[..., 1::2] * sin, x[..., 0::2] * sin + x[..., 1::2] * cos], dim=-1).flatten(
            -2
        )
        for x in (q, k)
    )
    keys, values = torch.cat([cache[0], labels], dim=2), torch.cat([cache[1], v], dim=2)
    mask = torch.ones(n, past + n, dtype=torch.bool).tril(past)
    out = torch.nn.functional.scaled_dot_product_attention(asked, keys, values, attn_mask=mask)
    return out, (torch.cat([cache[0], k], dim=2), values)


@answers.wrong("repaired_G", "one new token only")
def _(q, k, v, cache):
    past, d = cache[0].shape[2], q.shape[3]
    angles = past * 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    cos, sin = angles.cos().to(q.dtype), angles.sin().to(q.dtype)
    asked, labels = (
        torch.stack([x[..., 0::2] * cos - x[..., 1::2] * sin, x[..., 0::2] * sin + x[..., 1::2] * cos], dim=-1).flatten(
            -2
        )
        for x in (q, k)
    )
    keys, values = torch.cat([cache[0], labels], dim=2), torch.cat([cache[1], v], dim=2)
    return torch.nn.functional.scaled_dot_product_attention(asked, keys, values), (keys, values)


@answers.wrong("repaired_G", "a mask that leaves out the token itself")
def _(q, k, v, cache):
    past, n, d = cache[0].shape[2], q.shape[2], q.shape[3]
    angles = torch.arange(past, past + n)[:, None] * 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    cos, sin = angles.cos().to(q.dtype), angles.sin().to(q.dtype)
    asked, labels = (
        torch.stack([x[..., 0::2] * cos - x[..., 1::2] * sin, x[..., 0::2] * sin + x[..., 1::2] * cos], dim=-1).flatten(
            -2
        )
        for x in (q, k)
    )
    keys, values = torch.cat([cache[0], labels], dim=2), torch.cat([cache[1], v], dim=2)
    scores = (asked @ keys.mT / d**0.5).masked_fill(
        ~torch.ones(n, past + n, dtype=torch.bool).tril(past - 1), -torch.inf
    )
    return torch.nan_to_num(torch.softmax(scores, dim=-1)) @ values, (keys, values)


@answers.wrong("repaired_G", "values turned as well")
def _(q, k, v, cache):
    past, n, d = cache[0].shape[2], q.shape[2], q.shape[3]
    angles = torch.arange(past, past + n)[:, None] * 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    cos, sin = angles.cos().to(q.dtype), angles.sin().to(q.dtype)
    asked, labels, said = (
        torch.stack([x[..., 0::2] * cos - x[..., 1::2] * sin, x[..., 0::2] * sin + x[..., 1::2] * cos], dim=-1).flatten(
            -2
        )
        for x in (q, k, v)
    )
    keys, values = torch.cat([cache[0], labels], dim=2), torch.cat([cache[1], said], dim=2)
    mask = torch.ones(n, past + n, dtype=torch.bool).tril(past)
    return torch.nn.functional.scaled_dot_product_attention(asked, keys, values, attn_mask=mask), (keys, values)


@answers.wrong("repaired_G", "the cache left out of the new one")
def _(q, k, v, cache):
    past, n, d = cache[0].shape[2], q.shape[2], q.shape[3]
    angles = torch.arange(past, past + n)[:, None] * 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    cos, sin = angles.cos().to(q.dtype), angles.sin().to(q.dtype)
    asked, labels = (
        torch.stack([x[..., 0::2] * cos - x[..., 1::2] * sin, x[..., 0::2] * sin + x[..., 1::2] * cos], dim=-1).flatten(
            -2
        )
        for x in (q, k)
    )
    keys, values = torch.cat([cache[0], labels], dim=2), torch.cat([cache[1], v], dim=2)
    mask = torch.ones(n, past + n, dtype=torch.bool).tril(past)
    return torch.nn.functional.scaled_dot_product_attention(asked, keys, values, attn_mask=mask), (labels, v)


@answers.wrong("repaired_G", "one past the right position")
def _(q, k, v, cache):
    past, n, d = cache[0].shape[2], q.shape[2], q.shape[3]
    angles = torch.arange(past + 1, past + n + 1)[:, None] * 10000.0 ** (
        -torch.arange(0, d, 2, dtype=torch.float64) / d
    )
    cos, sin = angles.cos().to(q.dtype), angles.sin().to(q.dtype)
    asked, labels = (
        torch.stack([x[..., 0::2] * cos - x[..., 1::2] * sin, x[..., 0::2] * sin + x[..., 1::2] * cos], dim=-1).flatten(
            -2
        )
        for x in (q, k)
    )
    keys, values = torch.cat([cache[0], labels], dim=2), torch.cat([cache[1], v], dim=2)
    mask = torch.ones(n, past + n, dtype=torch.bool).tril(past)
    return torch.nn.functional.scaled_dot_product_attention(asked, keys, values, attn_mask=mask), (keys, values)
