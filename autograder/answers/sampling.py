"""Answers that test the checks of lesson 08: from conditionals to outputs."""

from __future__ import annotations

import math

import numpy as np
import torch

from autograder.answers import Answers
from lib.byhand import filter_puzzle
from lib.keyed import keyed_uniforms

answers = Answers("08_sampling")


def _kept_mine(student_name: str) -> list[list[int]]:
    """What survives top-k, top-p and min-p of a student's own distribution."""
    mine = filter_puzzle(student_name, "08")
    p = np.array(mine.probabilities)
    falling = np.argsort(-p)
    size = int((np.cumsum(p[falling]) < mine.top_p).sum()) + 1
    return [falling[: mine.k].tolist(), falling[:size].tolist(), np.flatnonzero(p >= mine.min_p * p.max()).tolist()]


answers.personal["kept_mine"] = _kept_mine  # type: ignore[assignment]

# By hand.

_ADA = _kept_mine("Ada Lovelace")
_K, _P, _M = _ADA
_TABLE = np.array(filter_puzzle("Ada Lovelace", "08").probabilities)
answers.right("kept_mine", "typed", kept_mine=_ADA)
answers.right("kept_mine", "in another order", kept_mine=[sorted(_K), _P[::-1], tuple(_M)])
answers.right("kept_mine", "sets", kept_mine=({*_K}, {*_P}, {*_M}))
answers.right("kept_mine", "arrays", kept_mine=[np.array(_K), np.array(_P), np.array(_M, dtype=float)])
answers.wrong("kept_mine", "somebody else's", kept_mine=_kept_mine("Charles Babbage"))
answers.wrong("kept_mine", "top-k one too many", kept_mine=[np.argsort(-_TABLE)[: len(_K) + 1].tolist(), _P, _M])
answers.wrong("kept_mine", "the first k tokens", kept_mine=[list(range(len(_K))), _P, _M])
answers.wrong("kept_mine", "the crossing token dropped", kept_mine=[_K, _P[:-1], _M])
answers.wrong("kept_mine", "one more than needed", kept_mine=[_K, np.argsort(-_TABLE)[: len(_P) + 1].tolist(), _M])
answers.wrong("kept_mine", "min-p taken absolutely", kept_mine=[_K, _P, np.flatnonzero(_TABLE >= 0.35).tolist()])
answers.wrong("kept_mine", "min-p of what top-p has left", kept_mine=[_K, _P, [i for i in _M if i in _P]])
answers.wrong("kept_mine", "the other way round", kept_mine=_ADA[::-1])
answers.wrong("kept_mine", "probabilities", kept_mine=[_TABLE[kept].tolist() for kept in _ADA])
answers.wrong("kept_mine", "counted from 1", kept_mine=[[i + 1 for i in kept] for kept in _ADA])
answers.wrong("kept_mine", "no whole numbers", kept_mine=[[i + 0.9 for i in kept] for kept in _ADA])
answers.wrong("kept_mine", "how many", kept_mine=[len(_K), len(_P), len(_M)])
answers.wrong("kept_mine", "two of three", kept_mine=[_K, _P])
answers.wrong("kept_mine", "what goes", kept_mine=[[i for i in range(7) if i not in kept] for kept in _ADA])
answers.wrong("kept_mine", "everything", kept_mine=[list(range(7))] * 3)


# temperature


@answers.right("temperature", "plain division")
def _(logits, t):
    return logits / t


@answers.right("temperature", "numpy, the largest moved to 0")
def _(logits, t):
    x = np.asarray(logits, dtype=float)
    return (x - x.max(axis=-1, keepdims=True)) / t


@answers.right("temperature", "renormalised log-probabilities, as lists")
def _(logits, t):
    return torch.log_softmax(logits.double() / t, dim=-1).tolist()


@answers.right("temperature", "through log-probabilities")
def _(logits, t):
    return torch.log_softmax(logits.double(), dim=-1) / t


@answers.wrong("temperature", "multiplies")
def _(logits, t):
    return logits * t


@answers.wrong("temperature", "probabilities")
def _(logits, t):
    return torch.softmax(logits / t, dim=-1)


@answers.wrong("temperature", "divides the probabilities")
def _(logits, t):
    return torch.log(torch.softmax(logits, dim=-1) / t)


@answers.wrong("temperature", "in place")
def _(logits, t):
    logits /= t
    return logits


@answers.wrong("temperature", "softmax first: what is improbable becomes impossible")
def _(logits, t):
    return torch.log(torch.softmax(logits, dim=-1)) / t


@answers.wrong("temperature", "never sharper")
def _(logits, t):
    return logits / max(t, 1)


@answers.wrong("temperature", "subtracts")
def _(logits, t):
    return logits - t


@answers.wrong("temperature", "square root")
def _(logits, t):
    return logits / math.sqrt(t)


@answers.wrong("temperature", "the power of the weights overflows")
def _(logits, t):
    return torch.log(torch.exp(logits) ** (1 / t))


@answers.wrong("temperature", "-inf made a large number first")
def _(logits, t):
    return torch.clamp(logits, min=-1e9) / t


@answers.wrong("temperature", "centred on the mean, which is -inf with one impossible token")
def _(logits, t):
    return (logits - logits.mean(dim=-1, keepdim=True)) / t


@answers.wrong("temperature", "whole numbers only")
def _(logits, t):
    return logits / max(int(t), 1)


@answers.wrong("temperature", "half precision on the way")
def _(logits, t):
    return logits.half() / t


# top_k


@answers.right("top_k", "the k-th largest as border")
def _(logits, k):
    border = torch.topk(logits, min(k, logits.shape[-1])).values[..., -1:]
    return torch.where(logits < border, -torch.inf, logits)


@answers.right("top_k", "numpy, sorted")
def _(logits, k):
    x = np.asarray(logits)
    border = np.sort(x, axis=-1)[..., -min(k, x.shape[-1])]
    return np.where(x >= border[..., None], x, -np.inf)


@answers.right("top_k", "whoever has fewer than k above")
def _(logits, k):
    above = (logits[..., None, :] > logits[..., :, None]).sum(dim=-1)
    return logits.masked_fill(above >= k, -math.inf).tolist()


@answers.wrong("top_k", "one too many")
def _(logits, k):
    border = torch.topk(logits, min(k + 1, logits.shape[-1])).values[..., -1:]
    return torch.where(logits < border, -torch.inf, logits)


@answers.wrong("top_k", "the k-th goes, too")
def _(logits, k):
    border = torch.topk(logits, min(k, logits.shape[-1])).values[..., -1:]
    return torch.where(logits > border, logits, -torch.inf)


@answers.wrong("top_k", "exactly k: ties cut")
def _(logits, k):
    values, places = torch.topk(logits, min(k, logits.shape[-1]))
    return torch.full_like(logits, -torch.inf).scatter(-1, places, values)


@answers.wrong("top_k", "one border for the whole batch")
def _(logits, k):
    border = torch.topk(logits.reshape(-1), min(k, logits.numel())).values[-1]
    return torch.where(logits < border, -torch.inf, logits)


@answers.wrong("top_k", "fails where k is larger than K")
def _(logits, k):
    border = torch.topk(logits, k).values[..., -1:]
    return torch.where(logits < border, -torch.inf, logits)


@answers.wrong("top_k", "one row of two axes only")
def _(logits, k):
    border = torch.topk(logits, min(k, logits.shape[-1]), dim=-1).values[:, -1:]
    return torch.where(logits < border, -torch.inf, logits)


@answers.wrong("top_k", "in place")
def _(logits, k):
    border = torch.topk(logits, min(k, logits.shape[-1])).values[..., -1:]
    logits[logits < border] = -torch.inf
    return logits


@answers.wrong("top_k", "ranks by probabilities that have become 0")
def _(logits, k):
    p = torch.softmax(logits, dim=-1)
    border = torch.topk(p, min(k, p.shape[-1])).values[..., -1:]
    return torch.where(p < border, -torch.inf, logits)


@answers.wrong("top_k", "a large negative number for -inf")
def _(logits, k):
    border = torch.topk(logits, min(k, logits.shape[-1])).values[..., -1:]
    return torch.where(logits < border, torch.tensor(-1e10, dtype=logits.dtype), logits)


@answers.wrong("top_k", "zeros for -inf")
def _(logits, k):
    border = torch.topk(logits, min(k, logits.shape[-1])).values[..., -1:]
    return logits * (logits >= border)


@answers.wrong("top_k", "probabilities, renormalised")
def _(logits, k):
    border = torch.topk(logits, min(k, logits.shape[-1])).values[..., -1:]
    return torch.softmax(torch.where(logits < border, -torch.inf, logits), dim=-1)


@answers.wrong("top_k", "the least probable")
def _(logits, k):
    border = torch.topk(-logits, min(k, logits.shape[-1])).values[..., -1:]
    return torch.where(-logits < border, -torch.inf, logits)


@answers.wrong("top_k", "distinct values counted")
def _(logits, k):
    rows = []
    for row in logits.reshape(-1, logits.shape[-1]):
        border = torch.unique(row).flip(0)[: min(k, len(torch.unique(row)))][-1]
        rows.append(torch.where(row < border, -torch.inf, row))
    return torch.stack(rows).reshape(logits.shape)


# top_p


@answers.right("top_p", "what comes before has not reached p")
def _(logits, p):
    if p == 1:
        return logits.clone()
    falling, order = torch.sort(logits, dim=-1, descending=True, stable=True)
    probabilities = torch.softmax(falling.double(), dim=-1)
    before = torch.cumsum(probabilities, dim=-1) - probabilities
    gone = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, before >= p)
    return logits.masked_fill(gone, -math.inf)


@answers.right("top_p", "numpy, row by row")
def _(logits, p):
    x = np.array(logits, dtype=float)
    out = np.full_like(x, -np.inf)
    for place in np.ndindex(x.shape[:-1]):
        row = x[place]
        q = np.exp(row - row.max())
        q /= q.sum()
        total = 0.0
        for i in np.argsort(-row, kind="stable"):
            if total >= p and p < 1:
                break
            out[(*place, i)] = row[i]
            total += q[i]
    return out


@answers.right("top_p", "float32, shifted by one")
def _(logits, p):
    falling, order = torch.sort(logits, dim=-1, descending=True, stable=True)
    reached = torch.cumsum(torch.softmax(falling, dim=-1), dim=-1) >= p
    gone = torch.cat([torch.zeros_like(reached[..., :1]), reached[..., :-1]], dim=-1) & (p < 1)
    return torch.where(torch.gather(gone, -1, torch.argsort(order, dim=-1)), -torch.inf, logits)


@answers.wrong("top_p", "the crossing token dropped")
def _(logits, p):
    falling, order = torch.sort(logits, dim=-1, descending=True, stable=True)
    gone = torch.cumsum(torch.softmax(falling.double(), dim=-1), dim=-1) > p
    gone[..., 0] = False
    return logits.masked_fill(torch.zeros_like(gone).scatter(-1, order, gone) & (p < 1), -math.inf)


@answers.wrong("top_p", "the crossing token dropped, and nothing left")
def _(logits, p):
    falling, order = torch.sort(logits, dim=-1, descending=True, stable=True)
    gone = torch.cumsum(torch.softmax(falling.double(), dim=-1), dim=-1) > p
    return logits.masked_fill(torch.zeros_like(gone).scatter(-1, order, gone), -math.inf)


@answers.wrong("top_p", "an extra token where the sum hits p exactly")
def _(logits, p):
    falling, order = torch.sort(logits, dim=-1, descending=True, stable=True)
    probabilities = torch.softmax(falling.double(), dim=-1)
    before = torch.cumsum(probabilities, dim=-1) - probabilities
    gone = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, before > p) & (p < 1)
    return logits.masked_fill(gone, -math.inf)


@answers.wrong("top_p", "not put back")
def _(logits, p):
    falling, _ = torch.sort(logits, dim=-1, descending=True, stable=True)
    probabilities = torch.softmax(falling.double(), dim=-1)
    before = torch.cumsum(probabilities, dim=-1) - probabilities
    return logits.masked_fill((before >= p) & (p < 1), -math.inf)


@answers.wrong("top_p", "sorted values returned")
def _(logits, p):
    falling, _ = torch.sort(logits, dim=-1, descending=True, stable=True)
    probabilities = torch.softmax(falling.double(), dim=-1)
    before = torch.cumsum(probabilities, dim=-1) - probabilities
    return falling.masked_fill((before >= p) & (p < 1), -math.inf)


@answers.wrong("top_p", "put back with the order instead of its inverse")
def _(logits, p):
    falling, order = torch.sort(logits, dim=-1, descending=True, stable=True)
    probabilities = torch.softmax(falling.double(), dim=-1)
    before = torch.cumsum(probabilities, dim=-1) - probabilities
    return logits.masked_fill(torch.gather((before >= p) & (p < 1), -1, order), -math.inf)


@answers.wrong("top_p", "p = 1 removes the rarest: the sum before them is 1 already")
def _(logits, p):
    falling, order = torch.sort(logits, dim=-1, descending=True, stable=True)
    probabilities = torch.softmax(falling, dim=-1)
    before = torch.cumsum(probabilities, dim=-1) - probabilities
    gone = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, before >= p)
    return logits.masked_fill(gone, -math.inf)


@answers.wrong("top_p", "the first place that reaches p, of none the first of all")
def _(logits, p):
    x = np.array(logits, dtype=float)
    out = np.full_like(x, -np.inf)
    for place in np.ndindex(x.shape[:-1]):
        row = x[place]
        order = np.argsort(-row, kind="stable")
        q = np.exp(row - row.max())
        last = (np.cumsum(q[order] / q.sum()) >= p).argmax()
        kept = order[: last + 1]
        out[place][kept] = row[kept]
    return out


@answers.wrong("top_p", "ties: the higher token first")
def _(logits, p):
    x = np.array(logits, dtype=float)
    out = np.full_like(x, -np.inf)
    for place in np.ndindex(x.shape[:-1]):
        row = x[place]
        order = np.argsort(row, kind="stable")[::-1]
        q = np.exp(row - row.max())[order]
        before = np.cumsum(q / q.sum()) - q / q.sum()
        kept = order[(before < p) | (p == 1)]
        out[place][kept] = row[kept]
    return out


@answers.wrong("top_p", "1 - p for p")
def _(logits, p):
    falling, order = torch.sort(logits, dim=-1, descending=True, stable=True)
    probabilities = torch.softmax(falling.double(), dim=-1)
    before = torch.cumsum(probabilities, dim=-1) - probabilities
    gone = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, before >= 1 - p)
    return logits.masked_fill(gone, -math.inf)


@answers.wrong("top_p", "in the order of the tokens")
def _(logits, p):
    probabilities = torch.softmax(logits.double(), dim=-1)
    before = torch.cumsum(probabilities, dim=-1) - probabilities
    return logits.masked_fill((before >= p) & (p < 1), -math.inf)


@answers.wrong("top_p", "ties kept together")
def _(logits, p):
    falling, _ = torch.sort(logits, dim=-1, descending=True, stable=True)
    probabilities = torch.softmax(falling.double(), dim=-1)
    before = torch.cumsum(probabilities, dim=-1) - probabilities
    least = falling.masked_fill((before >= p) & (p < 1), math.inf).min(dim=-1, keepdim=True).values
    return logits.masked_fill(logits < least, -math.inf)


@answers.wrong("top_p", "exponentials that overflow")
def _(logits, p):
    falling, order = torch.sort(logits, dim=-1, descending=True, stable=True)
    weights = torch.exp(falling)
    probabilities = weights / weights.sum(dim=-1, keepdim=True)
    before = torch.cumsum(probabilities, dim=-1) - probabilities
    gone = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, (before >= p) & (p < 1))
    return logits.masked_fill(gone, -math.inf)


@answers.wrong("top_p", "log-probabilities returned")
def _(logits, p):
    falling, order = torch.sort(logits, dim=-1, descending=True, stable=True)
    probabilities = torch.softmax(falling.double(), dim=-1)
    before = torch.cumsum(probabilities, dim=-1) - probabilities
    gone = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, (before >= p) & (p < 1))
    return torch.log_softmax(logits, dim=-1).masked_fill(gone, -math.inf)


@answers.wrong("top_p", "half precision")
def _(logits, p):
    falling, order = torch.sort(logits, dim=-1, descending=True, stable=True)
    probabilities = torch.softmax(falling, dim=-1).half()
    before = torch.cumsum(probabilities, dim=-1) - probabilities
    gone = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, (before >= p) & (p < 1))
    return logits.masked_fill(gone, -math.inf)


# min_p


@answers.right("min_p", "in logarithms")
def _(logits, p):
    border = logits.amax(dim=-1, keepdim=True) + math.log(p)
    return torch.where(logits >= border, logits, -torch.inf)


@answers.right("min_p", "probabilities")
def _(logits, p):
    q = torch.softmax(logits, dim=-1)
    return logits.masked_fill(q < p * q.max(dim=-1, keepdim=True).values, -math.inf)


@answers.right("min_p", "numpy, ratios to the largest")
def _(logits, p):
    x = np.asarray(logits, dtype=float)
    ratio = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.where(ratio >= p, x, -np.inf).tolist()


@answers.wrong("min_p", "absolute")
def _(logits, p):
    return logits.masked_fill(torch.softmax(logits, dim=-1) < p, -math.inf)


@answers.wrong("min_p", "the largest of the whole batch")
def _(logits, p):
    q = torch.softmax(logits, dim=-1)
    return logits.masked_fill(q < p * q.max(), -math.inf)


@answers.wrong("min_p", "p times the largest logit")
def _(logits, p):
    return logits.masked_fill(logits < p * logits.amax(dim=-1, keepdim=True), -math.inf)


@answers.wrong("min_p", "p below the largest")
def _(logits, p):
    q = torch.softmax(logits, dim=-1)
    return logits.masked_fill(q < q.amax(dim=-1, keepdim=True) - p, -math.inf)


@answers.wrong("min_p", "strictly above")
def _(logits, p):
    q = torch.softmax(logits, dim=-1)
    return logits.masked_fill(q <= p * q.amax(dim=-1, keepdim=True), -math.inf)


@answers.wrong("min_p", "removes the probable ones")
def _(logits, p):
    q = torch.softmax(logits, dim=-1)
    return logits.masked_fill(q >= p * q.amax(dim=-1, keepdim=True), -math.inf)


@answers.wrong("min_p", "in place")
def _(logits, p):
    q = torch.softmax(logits, dim=-1)
    logits[q < p * q.amax(dim=-1, keepdim=True)] = -math.inf
    return logits


@answers.wrong("min_p", "first token for the largest")
def _(logits, p):
    q = torch.softmax(logits, dim=-1)
    return logits.masked_fill(q < p * q[..., :1], -math.inf)


@answers.wrong("min_p", "exponentials that overflow")
def _(logits, p):
    q = torch.exp(logits)
    return logits.masked_fill(q < p * q.amax(dim=-1, keepdim=True), -math.inf)


@answers.wrong("min_p", "1 - p")
def _(logits, p):
    q = torch.softmax(logits, dim=-1)
    return logits.masked_fill(q < (1 - p) * q.amax(dim=-1, keepdim=True), -math.inf)


@answers.wrong("min_p", "renormalised probabilities returned")
def _(logits, p):
    q = torch.softmax(logits, dim=-1)
    q = q * (q >= p * q.amax(dim=-1, keepdim=True))
    return q / q.sum(dim=-1, keepdim=True)


@answers.wrong("min_p", "the wrong axis")
def _(logits, p):
    q = torch.softmax(logits, dim=-1)
    return logits.masked_fill(q < p * q.amax(dim=0, keepdim=True), -math.inf)


@answers.wrong("min_p", "rounded to three digits")
def _(logits, p):
    q = torch.round(torch.softmax(logits, dim=-1), decimals=3)
    return logits.masked_fill(q < p * q.amax(dim=-1, keepdim=True), -math.inf)


# constrain


@answers.right("constrain", "masked_fill")
def _(logits, allowed):
    kept = logits.masked_fill(~allowed, -math.inf)
    if torch.isneginf(kept).all(dim=-1).any():
        raise ValueError("nothing is allowed")
    return kept


@answers.right("constrain", "numpy")
def _(logits, allowed):
    x, mask = np.asarray(logits), np.asarray(allowed)
    if not (mask & np.isfinite(x)).any(axis=-1).all():
        raise ValueError("no allowed token is possible")
    return np.where(mask, x, -np.inf)


@answers.right("constrain", "row by row, as lists")
def _(logits, allowed):
    if logits.ndim == 1:
        kept = [x if ok else -math.inf for x, ok in zip(logits.tolist(), allowed.tolist(), strict=True)]
        if max(kept) == -math.inf:
            raise ValueError("nothing is left")
        return kept
    rows = []
    for row, mask in zip(logits.reshape(-1, logits.shape[-1]), allowed.reshape(-1, logits.shape[-1]), strict=True):
        if max(row[mask].tolist(), default=-math.inf) == -math.inf:
            raise ValueError("nothing is left")
        rows.append(torch.where(mask, row, torch.tensor(-math.inf, dtype=row.dtype)))
    return torch.stack(rows).reshape(logits.shape)


@answers.wrong("constrain", "the mask the other way round")
def _(logits, allowed):
    kept = logits.masked_fill(allowed, -math.inf)
    if torch.isneginf(kept).all(dim=-1).any():
        raise ValueError("nothing is allowed")
    return kept


@answers.wrong("constrain", "no error")
def _(logits, allowed):
    return logits.masked_fill(~allowed, -math.inf)


@answers.wrong("constrain", "an empty mask only")
def _(logits, allowed):
    if not allowed.any():
        raise ValueError("nothing is allowed")
    return logits.masked_fill(~allowed, -math.inf)


@answers.wrong("constrain", "allowed and impossible not thought of")
def _(logits, allowed):
    if not allowed.any(dim=-1).all():
        raise ValueError("nothing is allowed")
    return logits.masked_fill(~allowed, -math.inf)


@answers.wrong("constrain", "one row is enough")
def _(logits, allowed):
    kept = logits.masked_fill(~allowed, -math.inf)
    if torch.isneginf(kept).all():
        raise ValueError("nothing is allowed")
    return kept


@answers.wrong("constrain", "an assertion")
def _(logits, allowed):
    kept = logits.masked_fill(~allowed, -math.inf)
    assert not torch.isneginf(kept).all(dim=-1).any()
    return kept


@answers.wrong("constrain", "a large negative number")
def _(logits, allowed):
    kept = torch.where(allowed, logits, torch.tensor(-1e4, dtype=logits.dtype))
    if torch.isneginf(logits.masked_fill(~allowed, -math.inf)).all(dim=-1).any():
        raise ValueError("nothing is allowed")
    return kept


@answers.wrong("constrain", "zeros")
def _(logits, allowed):
    if torch.isneginf(logits.masked_fill(~allowed, -math.inf)).all(dim=-1).any():
        raise ValueError("nothing is allowed")
    return logits * allowed


@answers.wrong("constrain", "probabilities that have become 0 are taken for impossible")
def _(logits, allowed):
    if not ((torch.softmax(logits, dim=-1) * allowed).sum(dim=-1) > 0).all():
        raise ValueError("nothing is allowed")
    return logits.masked_fill(~allowed, -math.inf)


@answers.wrong("constrain", "in place")
def _(logits, allowed):
    logits[~allowed] = -math.inf
    if torch.isneginf(logits).all(dim=-1).any():
        raise ValueError("nothing is allowed")
    return logits


@answers.wrong("constrain", "log-probabilities, renormalised")
def _(logits, allowed):
    kept = logits.masked_fill(~allowed, -math.inf)
    if torch.isneginf(kept).all(dim=-1).any():
        raise ValueError("nothing is allowed")
    return torch.log_softmax(kept, dim=-1)


@answers.wrong("constrain", "always an error")
def _(logits, allowed):
    raise ValueError("nothing is allowed")


@answers.wrong("constrain", "error where anything is impossible")
def _(logits, allowed):
    kept = logits.masked_fill(~allowed, -math.inf)
    if torch.isneginf(kept).any():
        raise ValueError("nothing is allowed")
    return kept


# sample_token


@answers.right("sample_token", "how many sums do not exceed u")
def _(logits, u):
    p = torch.softmax(logits.double(), dim=-1)
    token = (torch.cumsum(p, dim=-1) <= u[:, None]).sum(dim=-1)
    last = torch.where(p > 0, torch.arange(p.shape[1]), -1).amax(dim=-1)
    return torch.minimum(token, last)


@answers.right("sample_token", "numpy, row by row")
def _(logits, u):
    drawn = []
    for row, x in zip(np.asarray(logits, dtype=float), np.asarray(u, dtype=float), strict=True):
        p = np.exp(row - row.max())
        above = np.flatnonzero(np.cumsum(p / p.sum()) > x)
        drawn.append(int(above[0]) if len(above) else int(np.flatnonzero(p)[-1]))
    return drawn


@answers.right("sample_token", "float32, a loop that stops at the last possible token")
def _(logits, u):
    p = torch.softmax(logits, dim=-1)
    out = []
    for b in range(len(u)):
        total, token = 0.0, 0
        for k in range(p.shape[1]):
            if p[b, k] > 0:
                token = k
                total += float(p[b, k])
                if total > u[b]:
                    break
        out.append(token)
    return torch.tensor(out)


@answers.wrong("sample_token", "reaching is enough: impossible tokens at u = 0")
def _(logits, u):
    p = torch.softmax(logits.double(), dim=-1)
    token = (torch.cumsum(p, dim=-1) < u[:, None]).sum(dim=-1)
    last = torch.where(p > 0, torch.arange(p.shape[1]), -1).amax(dim=-1)
    return torch.minimum(token, last)


@answers.wrong("sample_token", "argmax of a mask: token 0 where no sum exceeds u")
def _(logits, u):
    p = torch.softmax(logits.double(), dim=-1)
    return (torch.cumsum(p, dim=-1) > u[:, None]).int().argmax(dim=-1)


@answers.wrong("sample_token", "a token that does not exist")
def _(logits, u):
    p = torch.softmax(logits.double(), dim=-1)
    return (torch.cumsum(p, dim=-1) <= u[:, None]).sum(dim=-1)


@answers.wrong("sample_token", "the last token, even if impossible")
def _(logits, u):
    p = torch.softmax(logits.double(), dim=-1)
    return (torch.cumsum(p, dim=-1) <= u[:, None]).sum(dim=-1).clamp(max=p.shape[1] - 1)


@answers.wrong("sample_token", "sorted first")
def _(logits, u):
    p, order = torch.sort(torch.softmax(logits.double(), dim=-1), dim=-1, descending=True, stable=True)
    place = (torch.cumsum(p, dim=-1) <= u[:, None]).sum(dim=-1)
    place = torch.minimum(place, (p > 0).sum(dim=-1) - 1)
    return order.gather(1, place[:, None])[:, 0]


@answers.wrong("sample_token", "from the end")
def _(logits, u):
    p = torch.softmax(logits.double(), dim=-1).flip(1)
    token = (torch.cumsum(p, dim=-1) <= u[:, None]).sum(dim=-1)
    last = torch.where(p > 0, torch.arange(p.shape[1]), -1).amax(dim=-1)
    return p.shape[1] - 1 - torch.minimum(token, last)


@answers.wrong("sample_token", "greedy")
def _(logits, u):
    return logits.argmax(dim=-1)


@answers.wrong("sample_token", "one uniform for all")
def _(logits, u):
    p = torch.softmax(logits.double(), dim=-1)
    token = (torch.cumsum(p, dim=-1) <= u[0]).sum(dim=-1)
    last = torch.where(p > 0, torch.arange(p.shape[1]), -1).amax(dim=-1)
    return torch.minimum(token, last)


@answers.wrong("sample_token", "the first row's distribution")
def _(logits, u):
    p = torch.softmax(logits[0].double(), dim=-1)
    token = (torch.cumsum(p, dim=-1) <= u[:, None]).sum(dim=-1)
    return torch.clamp(token, max=int(torch.nonzero(p)[-1]))


@answers.wrong("sample_token", "draws by itself")
def _(logits, u):
    return torch.multinomial(torch.softmax(logits, dim=-1), 1)[:, 0]


@answers.wrong("sample_token", "a Gumbel race")
def _(logits, u):
    generator = torch.Generator().manual_seed(int(1e6 * float(u[0])))
    noise = -torch.log(-torch.log(torch.rand(logits.shape, generator=generator)))
    return (logits + noise).argmax(dim=-1)


@answers.wrong("sample_token", "exponentials that overflow")
def _(logits, u):
    w = torch.exp(logits.double())
    sums = torch.cumsum(w, dim=-1) / w.sum(dim=-1, keepdim=True)
    return (sums <= u[:, None]).sum(dim=-1).clamp(max=logits.shape[1] - 1)


@answers.wrong("sample_token", "probabilities expected")
def _(logits, u):
    return (torch.cumsum(logits, dim=-1) <= u[:, None]).sum(dim=-1).clamp(max=logits.shape[1] - 1)


@answers.wrong("sample_token", "half precision")
def _(logits, u):
    p = torch.softmax(logits.double(), dim=-1).half()
    token = (torch.cumsum(p, dim=-1) <= u[:, None]).sum(dim=-1)
    last = torch.where(p > 0, torch.arange(p.shape[1]), -1).amax(dim=-1)
    return torch.minimum(token, last)


# accept_or_resample


@answers.right("accept_or_resample", "sums, then the last wanted one")
def _(p, q, token, u_accept, u_resample):
    if u_accept < float(p[token]) / float(q[token]):
        return token
    left = torch.clamp(p.double() - q.double(), min=0)
    sums = torch.cumsum(left / left.sum(), dim=0)
    above = torch.nonzero(sums > u_resample)
    return int(above[0]) if len(above) else int(torch.nonzero(left)[-1])


@answers.right("accept_or_resample", "without division")
def _(p, q, token, u_accept, u_resample):
    if u_accept * q[token] < p[token]:
        return token
    left = [max(float(a) - float(b), 0.0) for a, b in zip(p, q, strict=True)]
    bar, total, chosen = u_resample * math.fsum(left), 0.0, 0
    for k, w in enumerate(left):
        if w > 0:
            chosen = k
            total += w
            if total > bar:
                break
    return chosen


@answers.right("accept_or_resample", "numpy, a tensor returned")
def _(p, q, token, u_accept, u_resample):
    p, q = np.asarray(p, dtype=float), np.asarray(q, dtype=float)
    if u_accept < min(1.0, p[token] / q[token]):
        return torch.tensor(token)
    left = np.where(p > q, p - q, 0)
    k = int((np.cumsum(left) / left.sum() <= u_resample).sum())
    return torch.tensor(min(k, int(np.flatnonzero(left)[-1])))


@answers.wrong("accept_or_resample", "one uniform for both")
def _(p, q, token, u_accept, u_resample):
    if u_accept < p[token] / q[token]:
        return token
    left = torch.clamp(p - q, min=0)
    k = int((torch.cumsum(left / left.sum(), dim=0) <= u_accept).sum())
    return min(k, int(torch.nonzero(left)[-1]))


@answers.wrong("accept_or_resample", "resamples from p")
def _(p, q, token, u_accept, u_resample):
    if u_accept < p[token] / q[token]:
        return token
    k = int((torch.cumsum(p, dim=0) <= u_resample).sum())
    return min(k, int(torch.nonzero(p)[-1]))


@answers.wrong("accept_or_resample", "resamples from p without the token")
def _(p, q, token, u_accept, u_resample):
    if u_accept < p[token] / q[token]:
        return token
    left = p.clone()
    left[token] = 0
    k = int((torch.cumsum(left / left.sum(), dim=0) <= u_resample).sum())
    return min(k, int(torch.nonzero(left)[-1]))


@answers.wrong("accept_or_resample", "absolute differences")
def _(p, q, token, u_accept, u_resample):
    if u_accept < p[token] / q[token]:
        return token
    left = (p - q).abs()
    k = int((torch.cumsum(left / left.sum(), dim=0) <= u_resample).sum())
    return min(k, int(torch.nonzero(left)[-1]))


@answers.wrong("accept_or_resample", "not normalised")
def _(p, q, token, u_accept, u_resample):
    if u_accept < p[token] / q[token]:
        return token
    left = torch.clamp(p - q, min=0)
    k = int((torch.cumsum(left, dim=0) <= u_resample).sum())
    return min(k, int(torch.nonzero(left)[-1]))


@answers.wrong("accept_or_resample", "q / p")
def _(p, q, token, u_accept, u_resample):
    left = torch.clamp(p - q, min=0)
    if u_accept * p[token] < q[token] or left.sum() == 0:
        return token
    k = int((torch.cumsum(left / left.sum(), dim=0) <= u_resample).sum())
    return min(k, int(torch.nonzero(left)[-1]))


@answers.wrong("accept_or_resample", "accepts with probability p")
def _(p, q, token, u_accept, u_resample):
    left = torch.clamp(p - q, min=0)
    if u_accept < p[token] or left.sum() == 0:
        return token
    k = int((torch.cumsum(left / left.sum(), dim=0) <= u_resample).sum())
    return min(k, int(torch.nonzero(left)[-1]))


@answers.wrong("accept_or_resample", "always accepts")
def _(p, q, token, u_accept, u_resample):
    return token


@answers.wrong("accept_or_resample", "draws from the target")
def _(p, q, token, u_accept, u_resample):
    k = int((torch.cumsum(p, dim=0) <= u_resample).sum())
    return min(k, int(torch.nonzero(p)[-1]))


@answers.wrong("accept_or_resample", "equal is enough")
def _(p, q, token, u_accept, u_resample):
    if u_accept <= p[token] / q[token]:
        return token
    left = torch.clamp(p - q, min=0)
    k = int((torch.cumsum(left / left.sum(), dim=0) <= u_resample).sum())
    return min(k, int(torch.nonzero(left)[-1]))


@answers.wrong("accept_or_resample", "the largest remainder instead of a draw")
def _(p, q, token, u_accept, u_resample):
    if u_accept < p[token] / q[token]:
        return token
    return int((p - q).argmax())


@answers.wrong("accept_or_resample", "uniforms exchanged")
def _(p, q, token, u_accept, u_resample):
    left = torch.clamp(p - q, min=0)
    if u_resample < p[token] / q[token] or left.sum() == 0:
        return token
    k = int((torch.cumsum(left / left.sum(), dim=0) <= u_accept).sum())
    return min(k, int(torch.nonzero(left)[-1]))


@answers.wrong("accept_or_resample", "token 0 where no sum exceeds the uniform")
def _(p, q, token, u_accept, u_resample):
    if u_accept < p[token] / q[token]:
        return token
    left = torch.clamp(p - q, min=0)
    return int((torch.cumsum(left / left.sum(), dim=0) > u_resample).int().argmax())


@answers.wrong("accept_or_resample", "the last token where no sum exceeds the uniform")
def _(p, q, token, u_accept, u_resample):
    if u_accept < p[token] / q[token]:
        return token
    left = torch.clamp(p - q, min=0)
    k = int((torch.cumsum(left / left.sum(), dim=0) <= u_resample).sum())
    return min(k, len(p) - 1)


@answers.wrong("accept_or_resample", "a uniform below p / q rejects")
def _(p, q, token, u_accept, u_resample):
    left = torch.clamp(p - q, min=0)
    if u_accept >= p[token] / q[token] or left.sum() == 0:
        return token
    k = int((torch.cumsum(left / left.sum(), dim=0) <= u_resample).sum())
    return min(k, int(torch.nonzero(left)[-1]))


# watermarked_token


@answers.right("watermarked_token", "log u over p")
def _(logits, u):
    p = torch.softmax(logits.double(), dim=-1)
    return int(torch.where(p > 0, torch.log(u.double()) / p, -torch.inf).argmax())


@answers.right("watermarked_token", "Gumbel noise on the logits")
def _(logits, u):
    return (logits.double() - torch.log(-torch.log(u.double()))).argmax()


@answers.right("watermarked_token", "a race: the smallest time")
def _(logits, u):
    x, v = np.asarray(logits, dtype=float), np.asarray(u, dtype=float)
    with np.errstate(divide="ignore"):
        return int(np.argmin(np.log(-np.log(v)) - x))


@answers.wrong("watermarked_token", "u / p")
def _(logits, u):
    return int((u / torch.softmax(logits, dim=-1)).argmax())


@answers.wrong("watermarked_token", "u p")
def _(logits, u):
    return int((u * torch.softmax(logits, dim=-1)).argmax())


@answers.wrong("watermarked_token", "log u times p")
def _(logits, u):
    return int((torch.log(u) * torch.softmax(logits, dim=-1)).argmax())


@answers.wrong("watermarked_token", "the smallest")
def _(logits, u):
    p = torch.softmax(logits, dim=-1)
    return int(torch.where(p > 0, torch.log(u) / p, torch.inf).argmin())


@answers.wrong("watermarked_token", "greedy")
def _(logits, u):
    return int(logits.argmax())


@answers.wrong("watermarked_token", "the largest uniform")
def _(logits, u):
    return int(torch.where(torch.isneginf(logits), -1, u).argmax())


@answers.wrong("watermarked_token", "a uniform added to the logits")
def _(logits, u):
    return int((logits + u).argmax())


@answers.wrong("watermarked_token", "the first uniform draws by sums")
def _(logits, u):
    p = torch.softmax(logits.double(), dim=-1)
    k = int((torch.cumsum(p, dim=-1) <= u[0]).sum())
    return min(k, int(torch.nonzero(p)[-1]))


@answers.wrong("watermarked_token", "logits for probabilities")
def _(logits, u):
    return int((torch.log(u) / logits).argmax())


@answers.wrong("watermarked_token", "exponentials that overflow")
def _(logits, u):
    w = torch.exp(logits)
    p = w / w.sum()
    return int(torch.where(p > 0, torch.log(u) / p, -torch.inf).argmax())


@answers.wrong("watermarked_token", "a green half, whatever the probabilities")
def _(logits, u):
    return int((logits + 2.0 * (u > 0.5)).argmax())


@answers.wrong("watermarked_token", "one logarithm too few")
def _(logits, u):
    return int((logits - torch.log(1 - u)).argmax())


@answers.wrong("watermarked_token", "not normalised, added instead of divided")
def _(logits, u):
    return int((torch.log(u) + logits).argmax())


# watermark_score


@answers.right("watermark_score", "position by position")
def _(tokens, key, n_tokens, width):
    total = 0.0
    for t in range(width, len(tokens)):
        u = keyed_uniforms(key, tokens[t - width : t], n_tokens)
        total += -math.log(1 - float(u[tokens[t]]))
    return total / (len(tokens) - width)


@answers.right("watermark_score", "all contexts at once")
def _(tokens, key, n_tokens, width):
    contexts = tokens.unfold(0, width, 1)[:-1]
    u = keyed_uniforms(key, contexts, n_tokens).gather(1, tokens[width:, None])
    return -torch.log1p(-u).mean()


@answers.right("watermark_score", "lists and numpy")
def _(tokens, key, n_tokens, width):
    text = [int(t) for t in tokens]
    u = [float(keyed_uniforms(key, text[t - width : t], n_tokens)[text[t]]) for t in range(width, len(text))]
    return np.mean(-np.log1p(-np.array(u)))


@answers.wrong("watermark_score", "log u")
def _(tokens, key, n_tokens, width):
    contexts = tokens.unfold(0, width, 1)[:-1]
    u = keyed_uniforms(key, contexts, n_tokens).gather(1, tokens[width:, None])
    return float(-torch.log(u).mean())


@answers.wrong("watermark_score", "the sign")
def _(tokens, key, n_tokens, width):
    contexts = tokens.unfold(0, width, 1)[:-1]
    u = keyed_uniforms(key, contexts, n_tokens).gather(1, tokens[width:, None])
    return float(torch.log1p(-u).mean())


@answers.wrong("watermark_score", "the sum")
def _(tokens, key, n_tokens, width):
    contexts = tokens.unfold(0, width, 1)[:-1]
    u = keyed_uniforms(key, contexts, n_tokens).gather(1, tokens[width:, None])
    return float(-torch.log1p(-u).sum())


@answers.wrong("watermark_score", "divided by all tokens")
def _(tokens, key, n_tokens, width):
    contexts = tokens.unfold(0, width, 1)[:-1]
    u = keyed_uniforms(key, contexts, n_tokens).gather(1, tokens[width:, None])
    return float(-torch.log1p(-u).sum() / len(tokens))


@answers.wrong("watermark_score", "the context includes the token")
def _(tokens, key, n_tokens, width):
    total = 0.0
    for t in range(width, len(tokens)):
        u = keyed_uniforms(key, tokens[t - width + 1 : t + 1], n_tokens)
        total += -math.log(1 - float(u[tokens[t]]))
    return total / (len(tokens) - width)


@answers.wrong("watermark_score", "short contexts at the beginning scored as well")
def _(tokens, key, n_tokens, width):
    text = tokens.tolist()
    u = [float(keyed_uniforms(key, text[max(t - width, 0) : t] or [0], n_tokens)[text[t]]) for t in range(len(text))]
    return float(np.mean(-np.log1p(-np.array(u))))


@answers.wrong("watermark_score", "the last token only as context")
def _(tokens, key, n_tokens, width):
    text = tokens.tolist()
    u = [float(keyed_uniforms(key, text[t - 1 : t], n_tokens)[text[t]]) for t in range(width, len(text))]
    return float(np.mean(-np.log1p(-np.array(u))))


@answers.wrong("watermark_score", "one context too many forgotten")
def _(tokens, key, n_tokens, width):
    text = tokens.tolist()
    u = [float(keyed_uniforms(key, text[t - width : t], n_tokens)[text[t]]) for t in range(width + 1, len(text))]
    return float(np.mean(-np.log1p(-np.array(u)))) if u else 1.0


@answers.wrong("watermark_score", "the mean of the uniforms")
def _(tokens, key, n_tokens, width):
    contexts = tokens.unfold(0, width, 1)[:-1]
    return float(keyed_uniforms(key, contexts, n_tokens).gather(1, tokens[width:, None]).mean())


@answers.wrong("watermark_score", "the uniform of the wrong token")
def _(tokens, key, n_tokens, width):
    text = tokens.tolist()
    u = [float(keyed_uniforms(key, text[t - width : t], n_tokens)[text[t - 1]]) for t in range(width, len(text))]
    return float(np.mean(-np.log1p(-np.array(u))))


@answers.wrong("watermark_score", "the key has no effect")
def _(tokens, key, n_tokens, width):
    contexts = tokens.unfold(0, width, 1)[:-1]
    u = keyed_uniforms(0, contexts, n_tokens).gather(1, tokens[width:, None])
    return float(-torch.log1p(-u).mean())


@answers.wrong("watermark_score", "always four tokens of context")
def _(tokens, key, n_tokens, width):
    text = tokens.tolist()
    u = [float(keyed_uniforms(key, text[t - 4 : t], n_tokens)[text[t]]) for t in range(4, len(text))]
    return float(np.mean(-np.log1p(-np.array(u)))) if u else 1.0


@answers.wrong("watermark_score", "the logarithm of the mean")
def _(tokens, key, n_tokens, width):
    contexts = tokens.unfold(0, width, 1)[:-1]
    u = keyed_uniforms(key, contexts, n_tokens).gather(1, tokens[width:, None])
    return float(-torch.log1p(-u.mean()))


@answers.wrong("watermark_score", "contexts that repeat counted once")
def _(tokens, key, n_tokens, width):
    text = tokens.tolist()
    seen = {tuple(text[t - width : t + 1]) for t in range(width, len(text))}
    u = [float(keyed_uniforms(key, s[:-1], n_tokens)[s[-1]]) for s in seen]
    return float(np.mean(-np.log1p(-np.array(u))))


# beam_search


@answers.right("beam_search", "hypotheses in one sorted list")
def _(step, start, width, length, end, alpha):
    beam = [([], 0.0)]

    def done(tokens):
        return len(tokens) == length or tokens[-1:] == [end]

    def score(hypothesis):
        return hypothesis[1] / len(hypothesis[0]) ** alpha

    while any(not done(tokens) for tokens, _ in beam):
        candidates = [h for h in beam if done(h[0])]
        for tokens, log_p in beam:
            if not done(tokens):
                candidates += [([*tokens, k], log_p + x) for k, x in enumerate(step(start + tokens).tolist())]
        beam = sorted(candidates, key=score, reverse=True)[:width]
    best = max(beam, key=score)
    return best[0], score(best)


@answers.right("beam_search", "arrays, a fixed number of rounds")
def _(step, start, width, length, end, alpha):
    beam, sums, over = [()], np.zeros(1), [False]
    for _ in range(length):
        new, new_sums, new_over, scores = [], [], [], []
        for tokens, total, finished in zip(beam, sums, over, strict=True):
            if finished:
                new.append(tokens)
                new_sums.append(total)
                new_over.append(True)
                continue
            log_p = np.asarray(step(list(start) + list(tokens)), dtype=float)
            for k in np.flatnonzero(np.isfinite(log_p)):
                new.append((*tokens, int(k)))
                new_sums.append(total + log_p[k])
                new_over.append(int(k) == end)
        scores = np.array([s / len(t) ** alpha for s, t in zip(new_sums, new, strict=True)])
        best = np.argsort(-scores, kind="stable")[:width]
        beam, sums, over = [new[i] for i in best], np.array(new_sums)[best], [new_over[i] for i in best]
    return list(beam[0]), float(scores[best[0]])


@answers.right("beam_search", "a heap, and numbers of any kind returned")
def _(step, start, width, length, end, alpha):
    import heapq

    beam = [(0.0, 0.0, ())]
    while True:
        candidates, going = [], False
        for score, log_p, tokens in beam:
            if tokens and (tokens[-1] == end or len(tokens) == length):
                candidates.append((score, log_p, tokens))
                continue
            going = True
            for k, x in enumerate(step([*start, *tokens])):
                total = log_p + float(x)
                candidates.append((total / (len(tokens) + 1) ** alpha, total, (*tokens, k)))
        if not going:
            score, _, tokens = max(beam)
            return torch.tensor(tokens), torch.tensor(score, dtype=torch.float64)
        beam = heapq.nlargest(width, candidates)


@answers.wrong("beam_search", "greedy")
def _(step, start, width, length, end, alpha):
    tokens, log_p = [], 0.0
    while len(tokens) < length and tokens[-1:] != [end]:
        x = step(start + tokens)
        tokens.append(int(x.argmax()))
        log_p += float(x.max())
    return tokens, log_p / len(tokens) ** alpha


@answers.wrong("beam_search", "the prompt counted")
def _(step, start, width, length, end, alpha):
    beam = [([], 0.0)]

    def done(tokens):
        return len(tokens) == length or tokens[-1:] == [end]

    def score(hypothesis):
        return hypothesis[1] / (len(start) + len(hypothesis[0])) ** alpha

    while any(not done(tokens) for tokens, _ in beam):
        candidates = [h for h in beam if done(h[0])]
        for tokens, log_p in beam:
            if not done(tokens):
                candidates += [([*tokens, k], log_p + x) for k, x in enumerate(step(start + tokens).tolist())]
        beam = sorted(candidates, key=score, reverse=True)[:width]
    return beam[0][0], score(beam[0])


@answers.wrong("beam_search", "ranked by log p, the score only at the end")
def _(step, start, width, length, end, alpha):
    beam = [([], 0.0)]

    def done(tokens):
        return len(tokens) == length or tokens[-1:] == [end]

    def score(hypothesis):
        return hypothesis[1] / len(hypothesis[0]) ** alpha

    while any(not done(tokens) for tokens, _ in beam):
        candidates = [h for h in beam if done(h[0])]
        for tokens, log_p in beam:
            if not done(tokens):
                candidates += [([*tokens, k], log_p + x) for k, x in enumerate(step(start + tokens).tolist())]
        beam = sorted(candidates, key=lambda h: h[1], reverse=True)[:width]
    best = max(beam, key=score)
    return best[0], score(best)


@answers.wrong("beam_search", "no normalisation")
def _(step, start, width, length, end, alpha):
    beam = [([], 0.0)]
    while any(len(t) < length and t[-1:] != [end] for t, _ in beam):
        candidates = [(t, s) for t, s in beam if len(t) == length or t[-1:] == [end]]
        for t, s in beam:
            if len(t) < length and t[-1:] != [end]:
                candidates += [([*t, k], s + x) for k, x in enumerate(step(start + t).tolist())]
        beam = sorted(candidates, key=lambda h: h[1], reverse=True)[:width]
    return beam[0]


@answers.wrong("beam_search", "stops at the first that finishes")
def _(step, start, width, length, end, alpha):
    beam = [([], 0.0)]

    def done(tokens):
        return len(tokens) == length or tokens[-1:] == [end]

    def score(hypothesis):
        return hypothesis[1] / len(hypothesis[0]) ** alpha

    while not done(beam[0][0]):
        candidates = [h for h in beam if done(h[0])]
        for tokens, log_p in beam:
            if not done(tokens):
                candidates += [([*tokens, k], log_p + x) for k, x in enumerate(step(start + tokens).tolist())]
        beam = sorted(candidates, key=score, reverse=True)[:width]
    return beam[0][0], score(beam[0])


@answers.wrong("beam_search", "goes on after the end")
def _(step, start, width, length, end, alpha):
    beam = [([], 0.0)]
    for _ in range(length):
        candidates = []
        for tokens, log_p in beam:
            candidates += [([*tokens, k], log_p + x) for k, x in enumerate(step(start + tokens).tolist())]
        beam = sorted(candidates, key=lambda h: h[1] / len(h[0]) ** alpha, reverse=True)[:width]
    return beam[0][0], beam[0][1] / len(beam[0][0]) ** alpha


@answers.wrong("beam_search", "step is not told the start")
def _(step, start, width, length, end, alpha):
    tokens, log_p = [], 0.0
    while len(tokens) < length and tokens[-1:] != [end]:
        x = step(tokens)
        tokens.append(int(x.argmax()))
        log_p += float(x.max())
    return tokens, log_p / len(tokens) ** alpha


@answers.wrong("beam_search", "finished ones aside, the beam full again")
def _(step, start, width, length, end, alpha):
    beam, finished = [([], 0.0)], []

    def score(hypothesis):
        return hypothesis[1] / len(hypothesis[0]) ** alpha

    while beam:
        candidates = []
        for tokens, log_p in beam:
            candidates += [([*tokens, k], log_p + x) for k, x in enumerate(step(start + tokens).tolist())]
        candidates.sort(key=score, reverse=True)
        finished += [h for h in candidates if len(h[0]) == length or h[0][-1] == end]
        beam = [h for h in candidates if len(h[0]) < length and h[0][-1] != end][:width]
    best = max(finished, key=score)
    return best[0], score(best)


@answers.wrong("beam_search", "the tokens of start returned, too")
def _(step, start, width, length, end, alpha):
    beam = [(list(start), 0.0)]
    n = len(start)

    def done(tokens):
        return len(tokens) == n + length or (len(tokens) > n and tokens[-1] == end)

    def score(hypothesis):
        return hypothesis[1] / (len(hypothesis[0]) - n) ** alpha

    while any(not done(tokens) for tokens, _ in beam):
        candidates = [h for h in beam if done(h[0])]
        for tokens, log_p in beam:
            if not done(tokens):
                candidates += [([*tokens, k], log_p + x) for k, x in enumerate(step(tokens).tolist())]
        beam = sorted(candidates, key=score, reverse=True)[:width]
    return beam[0][0], score(beam[0])


@answers.wrong("beam_search", "an end in start taken for its own")
def _(step, start, width, length, end, alpha):
    beam = [(list(start), 0.0)]
    n = len(start)

    def done(tokens):
        return len(tokens) == n + length or end in tokens

    def score(hypothesis):
        return hypothesis[1] / max(len(hypothesis[0]) - n, 1) ** alpha

    while any(not done(tokens) for tokens, _ in beam):
        candidates = [h for h in beam if done(h[0])]
        for tokens, log_p in beam:
            if not done(tokens):
                candidates += [([*tokens, k], log_p + x) for k, x in enumerate(step(tokens).tolist())]
        beam = sorted(candidates, key=score, reverse=True)[:width]
    return beam[0][0][n:], score(beam[0])


@answers.wrong("beam_search", "log p for the score")
def _(step, start, width, length, end, alpha):
    beam = [([], 0.0)]

    def done(tokens):
        return len(tokens) == length or tokens[-1:] == [end]

    while any(not done(tokens) for tokens, _ in beam):
        candidates = [h for h in beam if done(h[0])]
        for tokens, log_p in beam:
            if not done(tokens):
                candidates += [([*tokens, k], log_p + x) for k, x in enumerate(step(start + tokens).tolist())]
        beam = sorted(candidates, key=lambda h: h[1] / len(h[0]) ** alpha, reverse=True)[:width]
    return beam[0]


@answers.wrong("beam_search", "the end left out")
def _(step, start, width, length, end, alpha):
    beam = [([], 0.0)]

    def done(tokens):
        return len(tokens) == length or tokens[-1:] == [end]

    def score(hypothesis):
        return hypothesis[1] / len(hypothesis[0]) ** alpha

    while any(not done(tokens) for tokens, _ in beam):
        candidates = [h for h in beam if done(h[0])]
        for tokens, log_p in beam:
            if not done(tokens):
                candidates += [([*tokens, k], log_p + x) for k, x in enumerate(step(start + tokens).tolist())]
        beam = sorted(candidates, key=score, reverse=True)[:width]
    return [t for t in beam[0][0] if t != end], score(beam[0])


@answers.wrong("beam_search", "every sequence there is")
def _(step, start, width, length, end, alpha):
    found, waiting = [], [([], 0.0)]
    while waiting:
        tokens, log_p = waiting.pop()
        if tokens and (len(tokens) == length or tokens[-1] == end):
            found.append((log_p / len(tokens) ** alpha, tokens))
            continue
        waiting += [([*tokens, k], log_p + x) for k, x in enumerate(step(start + tokens).tolist())]
    score, tokens = max(found)
    return tokens, score


@answers.wrong("beam_search", "width per hypothesis, twice as many kept")
def _(step, start, width, length, end, alpha):
    beam = [([], 0.0)]

    def done(tokens):
        return len(tokens) == length or tokens[-1:] == [end]

    def score(hypothesis):
        return hypothesis[1] / len(hypothesis[0]) ** alpha

    while any(not done(tokens) for tokens, _ in beam):
        candidates = [h for h in beam if done(h[0])]
        for tokens, log_p in beam:
            if not done(tokens):
                candidates += [([*tokens, k], log_p + x) for k, x in enumerate(step(start + tokens).tolist())]
        beam = sorted(candidates, key=score, reverse=True)[: 2 * width]
    return beam[0][0], score(beam[0])


# The drill.

_RIGHT = {
    "wrong_A": [4],
    "wrong_B": [5],
    "wrong_C": [],
    "wrong_D": [4, 5],
    "wrong_E": [0, 2],
    "wrong_F": [0],
    "wrong_G": [1, 2, 3, 4, 5, 6, 7, 8, 9],
    "gives_H": [0.45, 0.35, 0.2],
    "gives_I": [0.5, 0.3, 0.2],
    "differs_J": [6, 7, 8],
}
_SETS = {name: set(value) for name, value in _RIGHT.items() if not name.startswith("gives")}
answers.right("found_wrong", "typed", **_RIGHT)
answers.right("found_wrong", "sets", **_RIGHT | _SETS)
answers.right("found_wrong", "averaged over a grid", **_RIGHT | {"gives_H": np.array([0.4502, 0.35, 0.1998])})
answers.right("found_wrong", "backwards", **_RIGHT | {"wrong_E": (2, 0), "wrong_D": np.array([5, 4]), "wrong_A": 4})
answers.wrong("found_wrong", "all sound", **_RIGHT | {name: [] for name in _SETS})
answers.wrong("found_wrong", "A: no whole number", **_RIGHT | {"wrong_A": [4.9]})
answers.wrong("found_wrong", "A: one too many is gone", **_RIGHT | {"wrong_A": [5]})
answers.wrong("found_wrong", "B: k and not k + 1", **_RIGHT | {"wrong_B": []})
answers.wrong("found_wrong", "C: suspected like D and E", **_RIGHT | {"wrong_C": [5]})
answers.wrong("found_wrong", "D: one of the two", **_RIGHT | {"wrong_D": [5]})
answers.wrong("found_wrong", "E: what stays", **_RIGHT | {"wrong_E": [1, 3, 4, 5]})
answers.wrong("found_wrong", "F: everything that was said", **_RIGHT | {"wrong_F": [0, 3, 4]})
answers.wrong("found_wrong", "F: penalised twice", **_RIGHT | {"wrong_F": [0, 3]})
answers.wrong("found_wrong", "G: trusted", **_RIGHT | {"wrong_G": []})
answers.wrong("found_wrong", "G: what stays", **_RIGHT | {"wrong_G": [0]})
answers.wrong("found_wrong", "H: trusted", **_RIGHT | {"gives_H": [0.5, 0.3, 0.2]})
answers.wrong("found_wrong", "H: the draft", **_RIGHT | {"gives_H": [0.2, 0.2, 0.6]})
answers.wrong("found_wrong", "H: resampled from p", **_RIGHT | {"gives_H": [0.4, 0.32, 0.28]})
answers.wrong("found_wrong", "I: not trusted", **_RIGHT | {"gives_I": [0.62, 0.26, 0.12]})
answers.wrong("found_wrong", "J: all lengths", **_RIGHT | {"differs_J": [1, 2, 3, 4, 5, 6, 7, 8]})
answers.wrong("found_wrong", "J: one too early", **_RIGHT | {"differs_J": [5, 6, 7, 8]})
answers.wrong("found_wrong", "fractions", **_RIGHT | {"wrong_A": [4.4]})
answers.wrong("found_wrong", "percent", **_RIGHT | {"gives_H": [45, 35, 20]})


# repaired_F


@answers.right("repaired_F", "a mask of what was said")
def _(logits, tokens, penalty):
    said = torch.zeros_like(logits, dtype=torch.bool).scatter(1, tokens, True)
    return torch.where(said, torch.where(logits > 0, logits / penalty, logits * penalty), logits)


@answers.right("repaired_F", "row by row")
def _(logits, tokens, penalty):
    out = np.array(logits, dtype=float)
    for row, said in zip(out, np.asarray(tokens), strict=True):
        for k in set(said.tolist()):
            row[k] = row[k] / penalty if row[k] > 0 else row[k] * penalty
    return out


@answers.right("repaired_F", "gathered and written back")
def _(logits, tokens, penalty):
    found = logits.gather(1, tokens)
    return logits.scatter(1, tokens, torch.where(found < 0, found * penalty, found / penalty))


@answers.wrong("repaired_F", "still divides")
def _(logits, tokens, penalty):
    return logits.scatter(1, tokens, logits.gather(1, tokens) / penalty)


@answers.wrong("repaired_F", "multiplies")
def _(logits, tokens, penalty):
    return logits.scatter(1, tokens, logits.gather(1, tokens) * penalty)


@answers.wrong("repaired_F", "once for each time")
def _(logits, tokens, penalty):
    out = logits.clone()
    for b in range(len(out)):
        for k in tokens[b].tolist():
            out[b, k] = out[b, k] / penalty if out[b, k] > 0 else out[b, k] * penalty
    return out


@answers.wrong("repaired_F", "the signs the other way round")
def _(logits, tokens, penalty):
    found = logits.gather(1, tokens)
    return logits.scatter(1, tokens, torch.where(found < 0, found / penalty, found * penalty))


@answers.wrong("repaired_F", "every token")
def _(logits, tokens, penalty):
    return torch.where(logits > 0, logits / penalty, logits * penalty)


@answers.wrong("repaired_F", "all rows' tokens")
def _(logits, tokens, penalty):
    out = logits.clone()
    said = torch.unique(tokens)
    out[:, said] = torch.where(out[:, said] > 0, out[:, said] / penalty, out[:, said] * penalty)
    return out


@answers.wrong("repaired_F", "in place")
def _(logits, tokens, penalty):
    found = logits.gather(1, tokens)
    return logits.scatter_(1, tokens, torch.where(found < 0, found * penalty, found / penalty))


@answers.wrong("repaired_F", "subtracts")
def _(logits, tokens, penalty):
    return logits.scatter(1, tokens, logits.gather(1, tokens) - math.log(penalty))


@answers.wrong("repaired_F", "log-probabilities multiplied")
def _(logits, tokens, penalty):
    log_p = torch.log_softmax(logits, dim=-1)
    return log_p.scatter(1, tokens, log_p.gather(1, tokens) * penalty)


@answers.wrong("repaired_F", "the last token only")
def _(logits, tokens, penalty):
    found = logits.gather(1, tokens[:, -1:])
    return logits.scatter(1, tokens[:, -1:], torch.where(found < 0, found * penalty, found / penalty))


@answers.wrong("repaired_F", "what was said is forbidden")
def _(logits, tokens, penalty):
    return logits.scatter(1, tokens, -math.inf)


@answers.wrong("repaired_F", "shifted so that all are positive, then divided")
def _(logits, tokens, penalty):
    low = logits.masked_fill(torch.isneginf(logits), math.inf).amin(dim=1, keepdim=True)
    shifted = logits - low
    return shifted.scatter(1, tokens, shifted.gather(1, tokens) / penalty) + low


@answers.wrong("repaired_F", "a text that is empty not thought of")
def _(logits, tokens, penalty):
    first, last = int(tokens.min()), int(tokens.max())
    assert 0 <= first <= last < logits.shape[1]
    found = logits.gather(1, tokens)
    return logits.scatter(1, tokens, torch.where(found < 0, found * penalty, found / penalty))
