"""Answers that test the checks of lesson 09: what the chain rule costs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from autograder.answers import Answers
from lib.byhand import costs_puzzle

answers = Answers("09_drawbacks")


def _costs_mine(student_name: str) -> list[int]:
    """Passes, pairs in full and in a window, bytes of a cache and of a state: of a student's own transformer."""
    mine = costs_puzzle(student_name, "09")
    each = mine.layers * mine.heads * mine.itemsize
    window = mine.window * (mine.window + 1) // 2 + (mine.n - mine.window) * mine.window
    state = each * mine.head_size * (mine.head_size + 1)
    return [
        -(-mine.n // mine.block),
        mine.n * (mine.n + 1) // 2,
        window,
        2 * each * mine.n * mine.head_size,
        state,
    ]


answers.personal["costs_mine"] = _costs_mine  # type: ignore[assignment]

# By hand.

_ADA = _costs_mine("Ada Lovelace")
_MINE = costs_puzzle("Ada Lovelace", "09")


def _but(place: int, value: float) -> list[float]:
    """Ada's numbers, one of them changed."""
    return [value if i == place else number for i, number in enumerate(_ADA)]


answers.right("costs_mine", "typed", costs_mine=_ADA)
answers.right("costs_mine", "an array", costs_mine=np.array(_ADA, dtype=float))
answers.right("costs_mine", "a tuple of floats", costs_mine=tuple(float(x) for x in _ADA))
answers.wrong("costs_mine", "somebody else's", costs_mine=_costs_mine("Charles Babbage"))
answers.wrong("costs_mine", "the short block forgotten", costs_mine=_but(0, _MINE.n // _MINE.block))
answers.wrong("costs_mine", "passes not rounded", costs_mine=_but(0, _MINE.n / _MINE.block))
answers.wrong("costs_mine", "all pairs, later ones too", costs_mine=_but(1, _MINE.n**2))
answers.wrong("costs_mine", "a token does not see itself", costs_mine=_but(1, _MINE.n * (_MINE.n - 1) // 2))
answers.wrong("costs_mine", "a whole window for all", costs_mine=_but(2, _MINE.n * _MINE.window))
answers.wrong(
    "costs_mine",
    "a window besides itself",
    costs_mine=_but(2, sum(min(t, _MINE.window + 1) for t in range(1, _MINE.n + 1))),
)
answers.wrong("costs_mine", "keys only", costs_mine=_but(3, _ADA[3] // 2))
answers.wrong("costs_mine", "numbers, not bytes", costs_mine=_but(3, _ADA[3] // _MINE.itemsize))
answers.wrong("costs_mine", "one head", costs_mine=_but(3, _ADA[3] // _MINE.heads))
answers.wrong("costs_mine", "z forgotten", costs_mine=_but(4, _ADA[4] * _MINE.head_size // (_MINE.head_size + 1)))
answers.wrong("costs_mine", "a state for each token", costs_mine=_but(4, _ADA[4] * _MINE.n))
answers.wrong("costs_mine", "the last two the other way round", costs_mine=[*_ADA[:3], _ADA[4], _ADA[3]])
answers.wrong("costs_mine", "four of five", costs_mine=_ADA[:4])


# exposure_gap


@answers.right("exposure_gap", "nanmean")
def _(nll_on_data, nll_on_samples):
    return np.nanmean(nll_on_samples, axis=0) - np.nanmean(nll_on_data, axis=0)


@answers.right("exposure_gap", "step by step, as a list")
def _(nll_on_data, nll_on_samples):
    gap = []
    for t in range(nll_on_data.shape[1]):
        sides = []
        for nll in (nll_on_samples, nll_on_data):
            there = [x for x in nll[:, t].tolist() if x == x]
            sides.append(sum(there) / len(there) if there else math.nan)
        gap.append(sides[0] - sides[1])
    return gap


@answers.right("exposure_gap", "torch, float32")
def _(nll_on_data, nll_on_samples):
    data, samples = (torch.as_tensor(np.asarray(x), dtype=torch.float32) for x in (nll_on_data, nll_on_samples))
    return torch.nanmean(samples, dim=0) - torch.nanmean(data, dim=0)


@answers.right("exposure_gap", "masked arrays")
def _(nll_on_data, nll_on_samples):
    there = [np.ma.masked_where(np.isnan(x), x) for x in (nll_on_samples, nll_on_data)]
    means = [x.sum(axis=0).filled(np.nan) / np.maximum(x.count(axis=0), 1) for x in there]  # x.mean would mask inf, too
    return means[0] - means[1]


@answers.wrong("exposure_gap", "the sign")
def _(nll_on_data, nll_on_samples):
    return np.nanmean(nll_on_data, axis=0) - np.nanmean(nll_on_samples, axis=0)


@answers.wrong("exposure_gap", "NaN not left out")
def _(nll_on_data, nll_on_samples):
    return np.mean(nll_on_samples, axis=0) - np.mean(nll_on_data, axis=0)


@answers.wrong("exposure_gap", "NaN counted as 0")
def _(nll_on_data, nll_on_samples):
    return np.nan_to_num(nll_on_samples).mean(axis=0) - np.nan_to_num(nll_on_data).mean(axis=0)


@answers.wrong("exposure_gap", "0 where nobody is left")
def _(nll_on_data, nll_on_samples):
    return np.nan_to_num(np.nanmean(nll_on_samples, axis=0) - np.nanmean(nll_on_data, axis=0))


@answers.wrong("exposure_gap", "one mean each")
def _(nll_on_data, nll_on_samples):
    gap = np.nanmean(nll_on_samples) - np.nanmean(nll_on_data)
    return np.full(np.shape(nll_on_data)[1], gap)


@answers.wrong("exposure_gap", "one number")
def _(nll_on_data, nll_on_samples):
    return np.nanmean(nll_on_samples) - np.nanmean(nll_on_data)


@answers.wrong("exposure_gap", "pair by pair")
def _(nll_on_data, nll_on_samples):
    n = min(len(nll_on_data), len(nll_on_samples))
    return np.nanmean(nll_on_samples[:n] - nll_on_data[:n], axis=0)


@answers.wrong("exposure_gap", "sums")
def _(nll_on_data, nll_on_samples):
    there = ~np.isnan(nll_on_data).all(axis=0) & ~np.isnan(nll_on_samples).all(axis=0)
    return np.where(there, np.nansum(nll_on_samples, axis=0) - np.nansum(nll_on_data, axis=0), np.nan)


@answers.wrong("exposure_gap", "the median")
def _(nll_on_data, nll_on_samples):
    return np.nanmedian(nll_on_samples, axis=0) - np.nanmedian(nll_on_data, axis=0)


@answers.wrong("exposure_gap", "summed up over the steps")
def _(nll_on_data, nll_on_samples):
    return np.cumsum(np.nanmean(nll_on_samples, axis=0) - np.nanmean(nll_on_data, axis=0))


@answers.wrong("exposure_gap", "an infinite price left out")
def _(nll_on_data, nll_on_samples):
    a, b = (np.ma.masked_invalid(x).mean(0) for x in (nll_on_data, nll_on_samples))
    return np.ma.filled(b - a, np.nan)


@answers.wrong("exposure_gap", "an infinite price made a large one")
def _(nll_on_data, nll_on_samples):
    def mean(x):
        n = (~np.isnan(x)).sum(0)
        return np.where(n > 0, np.nan_to_num(x).sum(0) / np.maximum(n, 1), np.nan)

    return mean(nll_on_samples) - mean(nll_on_data)


@answers.wrong("exposure_gap", "0 at a step that nobody reaches")
def _(nll_on_data, nll_on_samples):
    n, m = (~np.isnan(nll_on_data)).sum(0), (~np.isnan(nll_on_samples)).sum(0)
    out = np.nansum(nll_on_samples, 0) / np.maximum(m, 1) - np.nansum(nll_on_data, 0) / np.maximum(n, 1)
    return np.where((n == 0) ^ (m == 0), np.nan, out)


@answers.wrong("exposure_gap", "a share of what the data cost")
def _(nll_on_data, nll_on_samples):
    return np.nanmean(nll_on_samples, axis=0) / np.nanmean(nll_on_data, axis=0) - 1


@answers.wrong("exposure_gap", "in place")
def _(nll_on_data, nll_on_samples):
    for nll in (nll_on_data, nll_on_samples):
        nll[np.isnan(nll)] = 0.0
    return nll_on_samples.mean(axis=0) - nll_on_data.mean(axis=0)


@answers.wrong("exposure_gap", "sequences that end left out as a whole")
def _(nll_on_data, nll_on_samples):
    whole = [x[~np.isnan(x).any(axis=1)] for x in (nll_on_samples, nll_on_data)]
    return whole[0].mean(axis=0) - whole[1].mean(axis=0)


# scheduled_inputs


@answers.right("scheduled_inputs", "place by place")
def _(tokens, predictions, use_prediction):
    out = tokens.clone()
    for b in range(tokens.shape[0]):
        for t in range(1, tokens.shape[1]):
            if use_prediction[b, t]:
                out[b, t] = predictions[b, t - 1]
    return out


@answers.right("scheduled_inputs", "numpy")
def _(tokens, predictions, use_prediction):
    out = np.array(tokens)
    out[:, 1:] = np.where(np.asarray(use_prediction)[:, 1:], np.asarray(predictions)[:, :-1], out[:, 1:])
    return out


@answers.right("scheduled_inputs", "rolled, and the first place mended; lists")
def _(tokens, predictions, use_prediction):
    rolled = torch.roll(predictions, 1, dims=1)
    out = torch.where(use_prediction, rolled, tokens)
    return torch.cat([tokens[:, :1], out[:, 1:]], dim=1).tolist()


@answers.right("scheduled_inputs", "multiplied, as floats")
def _(tokens, predictions, use_prediction):
    use = use_prediction.double()
    own = torch.cat([tokens[:, :1], predictions[:, :-1]], dim=1)
    return use * own + (1 - use) * tokens


@answers.wrong("scheduled_inputs", "not shifted")
def _(tokens, predictions, use_prediction):
    return torch.where(use_prediction, predictions, tokens)


@answers.wrong("scheduled_inputs", "not shifted, the first place spared")
def _(tokens, predictions, use_prediction):
    out = torch.where(use_prediction, predictions, tokens)
    return torch.cat([tokens[:, :1], out[:, 1:]], dim=1)


@answers.wrong("scheduled_inputs", "rolled, so that the end comes to the front")
def _(tokens, predictions, use_prediction):
    return torch.where(use_prediction, torch.roll(predictions, 1, dims=1), tokens)


@answers.wrong("scheduled_inputs", "rolled over the whole batch")
def _(tokens, predictions, use_prediction):
    out = torch.where(use_prediction, torch.roll(predictions, 1), tokens)
    out[0, 0] = tokens[0, 0]
    return out


@answers.wrong("scheduled_inputs", "shifted the other way")
def _(tokens, predictions, use_prediction):
    later = torch.cat([predictions[:, 1:], tokens[:, -1:]], dim=1)
    return torch.where(use_prediction, later, tokens)


@answers.wrong("scheduled_inputs", "the places shifted, too")
def _(tokens, predictions, use_prediction):
    out = tokens.clone()
    use = use_prediction[:, :-1]
    out[:, 1:] = torch.where(use, predictions[:, :-1], tokens[:, 1:])
    return out


@answers.wrong("scheduled_inputs", "where not")
def _(tokens, predictions, use_prediction):
    own = torch.cat([tokens[:, :1], predictions[:, :-1]], dim=1)
    return torch.where(use_prediction, tokens, own)


@answers.wrong("scheduled_inputs", "a start symbol at place 0")
def _(tokens, predictions, use_prediction):
    own = torch.cat([torch.zeros_like(tokens[:, :1]), predictions[:, :-1]], dim=1)
    return torch.where(use_prediction, own, tokens)


@answers.wrong("scheduled_inputs", "its own from the first time on")
def _(tokens, predictions, use_prediction):
    own = torch.cat([tokens[:, :1], predictions[:, :-1]], dim=1)
    return torch.where(use_prediction.cumsum(1) > 0, own, tokens)


@answers.wrong("scheduled_inputs", "in place")
def _(tokens, predictions, use_prediction):
    own = torch.cat([tokens[:, :1], predictions[:, :-1]], dim=1)
    tokens[use_prediction] = own[use_prediction]
    return tokens


@answers.wrong("scheduled_inputs", "one place shorter")
def _(tokens, predictions, use_prediction):
    return torch.where(use_prediction[:, 1:], predictions[:, :-1], tokens[:, 1:])


@answers.wrong("scheduled_inputs", "through float32, which rounds large token numbers")
def _(tokens, predictions, use_prediction):
    use = use_prediction.float()
    use[:, 0] = 0
    return use * predictions.roll(1, 1) + (1 - use) * tokens


# scheduled_optimum


@answers.right("scheduled_optimum", "conditionals mixed")
def _(joint, share):
    first = joint.sum(axis=1, keepdims=True)
    conditional = np.divide(joint, first, out=np.zeros_like(joint), where=first > 0)
    return (1 - share) * conditional + share * joint.sum(axis=0)


@answers.right("scheduled_optimum", "counted, in loops")
def _(joint, share):
    k = len(joint)
    seen = np.zeros((k, k))
    for a, b in itertools.product(range(k), range(k)):
        seen[a, b] += (1 - share) * joint[a, b]
        for drawn in range(k):
            seen[drawn, b] += share * joint[a, b] * joint[drawn].sum()
    return seen / seen.sum(axis=1)[:, None]


@answers.right("scheduled_optimum", "torch, NaN where nothing is read")
def _(joint, share):
    p = torch.as_tensor(np.asarray(joint))
    mixed = (1 - share) * p + share * torch.outer(p.sum(1), p.sum(0))
    return mixed / mixed.sum(1, keepdim=True)


@answers.right("scheduled_optimum", "minimised by gradient descent's fixed point: lists")
def _(joint, share):
    p = np.asarray(joint, dtype=float)
    rows = []
    for a in range(len(p)):
        weights = [(1 - share) * p[a, b] + share * p[a].sum() * p[:, b].sum() for b in range(len(p))]
        total = sum(weights)
        rows.append([w / total if total > 0 else 1 / len(p) for w in weights])
    return rows


@answers.wrong("scheduled_optimum", "the true conditional, always")
def _(joint, share):
    return joint / joint.sum(axis=1, keepdims=True)


@answers.wrong("scheduled_optimum", "the marginal, always")
def _(joint, share):
    return np.tile(joint.sum(axis=0), (len(joint), 1))


@answers.wrong("scheduled_optimum", "share of the data's")
def _(joint, share):
    mixed = share * joint + (1 - share) * np.outer(joint.sum(axis=1), joint.sum(axis=0))
    return mixed / mixed.sum(axis=1, keepdims=True)


@answers.wrong("scheduled_optimum", "rows not normalised")
def _(joint, share):
    return (1 - share) * joint + share * np.outer(joint.sum(axis=1), joint.sum(axis=0))


@answers.wrong("scheduled_optimum", "columns normalised")
def _(joint, share):
    mixed = (1 - share) * joint + share * np.outer(joint.sum(axis=1), joint.sum(axis=0))
    return mixed / mixed.sum(axis=0, keepdims=True)


@answers.wrong("scheduled_optimum", "the marginal of the first")
def _(joint, share):
    first = joint.sum(axis=1)
    return (1 - share) * joint / first[:, None] + share * first[None, :]


@answers.wrong("scheduled_optimum", "the model's own token is uniform, and so is the second")
def _(joint, share):
    return (1 - share) * joint / joint.sum(axis=1, keepdims=True) + share / len(joint)


@answers.wrong("scheduled_optimum", "joint mixed with the marginal, then normalised")
def _(joint, share):
    mixed = (1 - share) * joint + share * joint.sum(axis=0)
    return mixed / mixed.sum(axis=1, keepdims=True)


@answers.wrong("scheduled_optimum", "logarithms mixed")
def _(joint, share):
    conditional = joint / joint.sum(axis=1, keepdims=True)
    mixed = conditional ** (1 - share) * joint.sum(axis=0) ** share
    return mixed / mixed.sum(axis=1, keepdims=True)


@answers.wrong("scheduled_optimum", "the axes changed over")
def _(joint, share):
    mixed = (1 - share) * joint + share * np.outer(joint.sum(axis=1), joint.sum(axis=0))
    return (mixed / mixed.sum(axis=0, keepdims=True)).T


@answers.wrong("scheduled_optimum", "squared share: as if both steps could be replaced")
def _(joint, share):
    share = share**2
    mixed = (1 - share) * joint + share * np.outer(joint.sum(axis=1), joint.sum(axis=0))
    return mixed / mixed.sum(axis=1, keepdims=True)


# generation_passes and scale_blocks: one cell, so that who answers the second answers both.


def _passes(n, method, block):
    return {"one by one": n, "blocks": -(-n // block), "doubling": 1 + (n - 1).bit_length(), "one shot": 1}[method]


def _scales(right: bool, story: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An answer to `scale_blocks`, beside a right `generation_passes`."""
    register = answers.right if right else answers.wrong

    def of(function: Callable[..., Any]) -> Callable[..., Any]:
        register("scale_blocks", story, scale_blocks=function, generation_passes=_passes)
        return function

    return of


@_scales(False, "as floats, which index nothing")
def _(side):
    r, c = np.divmod(np.arange(side * side), side)
    four, two = (r % 4 == 0) & (c % 4 == 0), (r % 2 == 0) & (c % 2 == 0)
    return [np.flatnonzero(x).astype(float) for x in (four, two & ~four, ~two)]


@_scales(True, "as lists")
def _(side):
    out = [[], [], []]
    for i in range(side * side):
        r, c = divmod(i, side)
        out[0 if r % 4 == c % 4 == 0 else 1 if r % 2 == c % 2 == 0 else 2].append(i)
    return out


def _number_of(right: bool, story: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An answer to `generation_passes`, beside the lesson's own `scale_blocks`."""
    register = answers.right if right else answers.wrong

    def of(function: Callable[..., Any]) -> Callable[..., Any]:
        register("scale_blocks", story, generation_passes=function)
        return function

    return of


@_number_of(True, "passes: counted one by one")
def _(n, method, block):
    done, passes = 0, 0
    while done < n:
        new = {"one by one": 1, "blocks": block, "doubling": done or 1, "one shot": n}[method]
        done, passes = done + new, passes + 1
    return passes


@_number_of(True, "passes: with ceil and log2, as floats")
def _(n, method, block):
    if method == "one by one":
        return float(n)
    if method == "blocks":
        return np.ceil(n / block)
    return 1 + np.ceil(np.log2(n)) if method == "doubling" else np.float64(1)


@_number_of(True, "passes: match")
def _(n, method, block):
    match method:
        case "one by one":
            return n
        case "blocks":
            return len(range(0, n, block))
        case "doubling":
            return next(k for k in itertools.count(1) if 2 ** (k - 1) >= n)
    return 1


@_number_of(False, "passes: the short block forgotten")
def _(n, method, block):
    return {"one by one": n, "blocks": n // block, "doubling": 1 + (n - 1).bit_length(), "one shot": 1}[method]


@_number_of(False, "passes: a block too many where they come out even")
def _(n, method, block):
    return {"one by one": n, "blocks": n // block + 1, "doubling": 1 + (n - 1).bit_length(), "one shot": 1}[method]


@_number_of(False, "passes: the first token of the doubling forgotten")
def _(n, method, block):
    return {"one by one": n, "blocks": -(-n // block), "doubling": (n - 1).bit_length(), "one shot": 1}[method]


@_number_of(False, "passes: what doubling leaves over forgotten")
def _(n, method, block):
    return {"one by one": n, "blocks": -(-n // block), "doubling": n.bit_length(), "one shot": 1}[method]


@_number_of(False, "passes: 1, 2, 4, 8")
def _(n, method, block):
    doubling = math.ceil(math.log2(n + 1))
    return {"one by one": n, "blocks": -(-n // block), "doubling": doubling, "one shot": 1}[method]


@_number_of(False, "passes: rounded to the nearest")
def _(n, method, block):
    doubling = 1 + round(math.log2(n))
    return {"one by one": n, "blocks": round(n / block), "doubling": doubling, "one shot": 1}[method]


@_number_of(False, "passes: one shot is none")
def _(n, method, block):
    return {"one by one": n, "blocks": -(-n // block), "doubling": 1 + (n - 1).bit_length(), "one shot": 0}[method]


@_number_of(False, "passes: doubling in blocks")
def _(n, method, block):
    doubling = 1 + (-(-n // block) - 1).bit_length()
    return {"one by one": n, "blocks": -(-n // block), "doubling": doubling, "one shot": 1}[method]


@_scales(True, "pixel by pixel")
def _(side):
    blocks = [[], [], []]
    for row in range(side):
        for column in range(side):
            scale = 0 if row % 4 == column % 4 == 0 else 1 if row % 2 == column % 2 == 0 else 2
            blocks[scale].append(row * side + column)
    return blocks


@_scales(True, "grids cut out, without those before; torch")
def _(side):
    number = torch.arange(side * side).reshape(side, side)
    coarse, middle, everything = (number[::step, ::step].flatten() for step in (4, 2, 1))
    return coarse, middle[~torch.isin(middle, coarse)], everything[~torch.isin(everything, middle)]


@_scales(True, "sets, sorted")
def _(side):
    grids = [{r * side + c for r in range(0, side, k) for c in range(0, side, k)} for k in (4, 2, 1)]
    return [np.array(sorted(new - old)) for new, old in zip(grids, [set(), *grids], strict=False)]


@_scales(False, "scales: not without those before")
def _(side):
    number = np.arange(side * side).reshape(side, side)
    return [number[::step, ::step].ravel() for step in (4, 2, 1)]


@_scales(False, "scales: odd rows and columns only")
def _(side):
    number = np.arange(side * side).reshape(side, side)
    middle = number[2::4, 2::4].ravel()
    coarse = number[::4, ::4].ravel()
    return [coarse, middle, np.setdiff1d(number.ravel(), np.concatenate([coarse, middle]))]


@_scales(False, "scales: every second row or column")
def _(side):
    rows, columns = np.divmod(np.arange(side * side), side)
    coarse, middle = (rows % 4 == 0) & (columns % 4 == 0), (rows % 2 == 0) | (columns % 2 == 0)
    return [np.flatnonzero(coarse), np.flatnonzero(middle & ~coarse), np.flatnonzero(~middle)]


@_scales(False, "scales: every fourth number")
def _(side):
    every = np.arange(side * side)
    return [every[::4], np.setdiff1d(every[::2], every[::4]), np.setdiff1d(every, every[::2])]


@_scales(False, "scales: the middle of each 4 x 4")
def _(side):
    rows, columns = np.divmod(np.arange(side * side), side)
    coarse, middle = (rows % 4 == 2) & (columns % 4 == 2), (rows % 2 == 0) & (columns % 2 == 0)
    return [np.flatnonzero(coarse), np.flatnonzero(middle & ~coarse), np.flatnonzero(~middle)]


@_scales(False, "scales: not in ascending order")
def _(side):
    number = np.arange(side * side).reshape(side, side)
    return [
        number[::4, ::4].ravel(),
        np.concatenate([number[::4, 2::4].ravel(), number[2::4, ::2].ravel()]),
        np.concatenate([number[::2, 1::2].ravel(), number[1::2].ravel()]),
    ]


@_scales(False, "scales: fine to coarse")
def _(side):
    rows, columns = np.divmod(np.arange(side * side), side)
    coarse, middle = (rows % 4 == 0) & (columns % 4 == 0), (rows % 2 == 0) & (columns % 2 == 0)
    return [np.flatnonzero(~middle), np.flatnonzero(middle & ~coarse), np.flatnonzero(coarse)]


@_scales(False, "scales: masks")
def _(side):
    rows, columns = np.divmod(np.arange(side * side), side)
    coarse, middle = (rows % 4 == 0) & (columns % 4 == 0), (rows % 2 == 0) & (columns % 2 == 0)
    return [coarse, middle & ~coarse, ~middle]


@_scales(False, "scales: 28 taken for granted")
def _(side):
    rows, columns = np.divmod(np.arange(side * side), 28)
    coarse, middle = (rows % 4 == 0) & (columns % 4 == 0), (rows % 2 == 0) & (columns % 2 == 0)
    return [np.flatnonzero(coarse), np.flatnonzero(middle & ~coarse), np.flatnonzero(~middle)]


@_scales(False, "scales: rows and columns")
def _(side):
    pixels = [(r, c) for r in range(side) for c in range(side)]
    coarse = [p for p in pixels if p[0] % 4 == p[1] % 4 == 0]
    middle = [p for p in pixels if p[0] % 2 == p[1] % 2 == 0 and p not in coarse]
    return [coarse, middle, [p for p in pixels if p not in coarse and p not in middle]]


# block_log_prob


@answers.right("block_log_prob", "block by block")
def _(logits, tokens, block):
    each = torch.gather(torch.log_softmax(logits, dim=-1), 2, tokens[:, :, None])[:, :, 0]
    return torch.stack([part.sum(dim=1) for part in torch.split(each, block, dim=1)], dim=1)


@answers.right("block_log_prob", "numpy, in loops")
def _(logits, tokens, block):
    x = np.asarray(logits, dtype=float)
    out = np.zeros((x.shape[0], math.ceil(x.shape[1] / block)))
    for b in range(x.shape[0]):
        for t in range(x.shape[1]):
            row = x[b, t] - x[b, t].max()
            out[b, t // block] += row[int(tokens[b, t])] - np.log(np.exp(row).sum())
    return out


@answers.right("block_log_prob", "cross-entropy, added by index")
def _(logits, tokens, block):
    batch, length, k = logits.shape
    cost = torch.nn.functional.cross_entropy(logits.reshape(-1, k), tokens.reshape(-1), reduction="none")
    out = torch.zeros(batch, -(-length // block), dtype=logits.dtype)
    return out.index_add(1, torch.arange(length) // block, -cost.reshape(batch, length))


@answers.right("block_log_prob", "torch.distributions, lists")
def _(logits, tokens, block):
    each = torch.distributions.Categorical(logits=logits.double(), validate_args=False).log_prob(tokens)
    return [[float(row[s : s + block].sum()) for s in range(0, len(row), block)] for row in each]


@answers.wrong("block_log_prob", "the short block dropped")
def _(logits, tokens, block):
    each = torch.log_softmax(logits, dim=-1).gather(2, tokens[..., None])[..., 0]
    n = each.shape[1] // block
    return each[:, : n * block].reshape(len(each), n, block).sum(dim=2)


@answers.wrong("block_log_prob", "logits, not normalised")
def _(logits, tokens, block):
    each = logits.gather(2, tokens[..., None])[..., 0]
    return torch.stack([part.sum(dim=1) for part in torch.split(each, block, dim=1)], dim=1)


@answers.wrong("block_log_prob", "means")
def _(logits, tokens, block):
    each = torch.log_softmax(logits, dim=-1).gather(2, tokens[..., None])[..., 0]
    return torch.stack([part.mean(dim=1) for part in torch.split(each, block, dim=1)], dim=1)


@answers.wrong("block_log_prob", "probabilities")
def _(logits, tokens, block):
    each = torch.softmax(logits, dim=-1).gather(2, tokens[..., None])[..., 0]
    return torch.stack([part.prod(dim=1) for part in torch.split(each, block, dim=1)], dim=1)


@answers.wrong("block_log_prob", "the log of a product that underflows")
def _(logits, tokens, block):
    each = torch.softmax(logits, dim=-1).gather(2, tokens[..., None])[..., 0]
    return torch.stack([part.prod(dim=1).log() for part in torch.split(each, block, dim=1)], dim=1)


@answers.wrong("block_log_prob", "exponentials that overflow")
def _(logits, tokens, block):
    each = (logits - torch.log(torch.exp(logits).sum(-1, keepdim=True))).gather(2, tokens[..., None])[..., 0]
    return torch.stack([part.sum(dim=1) for part in torch.split(each, block, dim=1)], dim=1)


@answers.wrong("block_log_prob", "softmax over the steps")
def _(logits, tokens, block):
    each = torch.log_softmax(logits, dim=1).gather(2, tokens[..., None])[..., 0]
    return torch.stack([part.sum(dim=1) for part in torch.split(each, block, dim=1)], dim=1)


@answers.wrong("block_log_prob", "so many blocks, not blocks of so many")
def _(logits, tokens, block):
    each = torch.log_softmax(logits, dim=-1).gather(2, tokens[..., None])[..., 0]
    return torch.stack([part.sum(dim=1) for part in torch.chunk(each, block, dim=1)], dim=1)


@answers.wrong("block_log_prob", "each block with all before it")
def _(logits, tokens, block):
    each = torch.log_softmax(logits, dim=-1).gather(2, tokens[..., None])[..., 0]
    return torch.stack([part.sum(dim=1) for part in torch.split(each, block, dim=1)], dim=1).cumsum(dim=1)


@answers.wrong("block_log_prob", "every so many steps")
def _(logits, tokens, block):
    each = torch.log_softmax(logits, dim=-1).gather(2, tokens[..., None])[..., 0]
    n = -(-each.shape[1] // block)
    return torch.stack([each[:, k::n].sum(dim=1) for k in range(n)], dim=1)


@answers.wrong("block_log_prob", "the next token's")
def _(logits, tokens, block):
    each = torch.log_softmax(logits, dim=-1).gather(2, torch.roll(tokens, -1, dims=1)[..., None])[..., 0]
    return torch.stack([part.sum(dim=1) for part in torch.split(each, block, dim=1)], dim=1)


@answers.wrong("block_log_prob", "-inf times 0, in a one-hot sum")
def _(logits, tokens, block):
    hot = torch.nn.functional.one_hot(tokens, logits.shape[-1])
    each = (torch.log_softmax(logits, dim=-1) * hot).sum(dim=-1)
    return torch.stack([part.sum(dim=1) for part in torch.split(each, block, dim=1)], dim=1)


@answers.wrong("block_log_prob", "each token")
def _(logits, tokens, block):
    return torch.log_softmax(logits, dim=-1).gather(2, tokens[..., None])[..., 0]


@answers.wrong("block_log_prob", "the first block is the short one")
def _(logits, tokens, block):
    each = torch.log_softmax(logits, dim=-1).gather(2, tokens[..., None])[..., 0]
    each = torch.nn.functional.pad(each, (-each.shape[1] % block, 0))
    return each.unflatten(1, (-1, block)).sum(dim=2)


# mask_and_weight


@answers.right("mask_and_weight", "row by row")
def _(x, order_uniforms, t):
    shown, known = torch.zeros_like(x), torch.zeros_like(x, dtype=torch.bool)
    for b in range(len(x)):
        which = torch.argsort(order_uniforms[b])[: int(t[b])]
        known[b, which] = True
        shown[b, which] = x[b, which]
    return shown, known, torch.tensor([x.shape[1] / (x.shape[1] - int(n)) for n in t])


@answers.right("mask_and_weight", "numpy, by counting the smaller ones")
def _(x, order_uniforms, t):
    x, u, t = np.asarray(x), np.asarray(order_uniforms), np.asarray(t)
    place = (u[:, None, :] < u[:, :, None]).sum(axis=2)
    known = place < t[:, None]
    return x * known, known, x.shape[1] / (x.shape[1] - t)


@answers.right("mask_and_weight", "a threshold taken from the sorted uniforms; known as numbers")
def _(x, order_uniforms, t):
    rising = torch.sort(order_uniforms, dim=1).values
    border = rising.gather(1, t[:, None])
    known = (order_uniforms < border).long()
    return [x * known, known, (x.shape[1] / (x.shape[1] - t.double())).tolist()]


@answers.wrong("mask_and_weight", "an order taken for places")
def _(x, order_uniforms, t):
    known = order_uniforms.argsort(1) < t[:, None]
    return torch.where(known, x, 0.0), known, x.shape[1] / (x.shape[1] - t)


@answers.wrong("mask_and_weight", "the largest uniforms first")
def _(x, order_uniforms, t):
    known = (-order_uniforms).argsort(1).argsort(1) < t[:, None]
    return torch.where(known, x, 0.0), known, x.shape[1] / (x.shape[1] - t)


@answers.wrong("mask_and_weight", "one known too many")
def _(x, order_uniforms, t):
    known = order_uniforms.argsort(1).argsort(1) <= t[:, None]
    return torch.where(known, x, 0.0), known, x.shape[1] / (x.shape[1] - t)


@answers.wrong("mask_and_weight", "each pixel known with probability t / D")
def _(x, order_uniforms, t):
    known = order_uniforms < (t / x.shape[1])[:, None]
    return torch.where(known, x, 0.0), known, x.shape[1] / (x.shape[1] - t)


@answers.wrong("mask_and_weight", "the mask of the unknown")
def _(x, order_uniforms, t):
    known = order_uniforms.argsort(1).argsort(1) < t[:, None]
    return torch.where(known, x, 0.0), ~known, x.shape[1] / (x.shape[1] - t)


@answers.wrong("mask_and_weight", "the unknown shown")
def _(x, order_uniforms, t):
    known = order_uniforms.argsort(1).argsort(1) < t[:, None]
    return torch.where(known, 0.0, x), known, x.shape[1] / (x.shape[1] - t)


@answers.wrong("mask_and_weight", "all shown")
def _(x, order_uniforms, t):
    known = order_uniforms.argsort(1).argsort(1) < t[:, None]
    return x.clone(), known, x.shape[1] / (x.shape[1] - t)


@answers.wrong("mask_and_weight", "a mean over the unknown")
def _(x, order_uniforms, t):
    known = order_uniforms.argsort(1).argsort(1) < t[:, None]
    return torch.where(known, x, 0.0), known, 1 / (x.shape[1] - t)


@answers.wrong("mask_and_weight", "no weight")
def _(x, order_uniforms, t):
    known = order_uniforms.argsort(1).argsort(1) < t[:, None]
    return torch.where(known, x, 0.0), known, torch.ones(len(x))


@answers.wrong("mask_and_weight", "the weight upside down")
def _(x, order_uniforms, t):
    known = order_uniforms.argsort(1).argsort(1) < t[:, None]
    return torch.where(known, x, 0.0), known, (x.shape[1] - t) / x.shape[1]


@answers.wrong("mask_and_weight", "by how many are known")
def _(x, order_uniforms, t):
    known = order_uniforms.argsort(1).argsort(1) < t[:, None]
    return torch.where(known, x, 0.0), known, x.shape[1] / t.clamp(min=1)


@answers.wrong("mask_and_weight", "whole weights")
def _(x, order_uniforms, t):
    known = order_uniforms.argsort(1).argsort(1) < t[:, None]
    return torch.where(known, x, 0.0), known, x.shape[1] // (x.shape[1] - t)


@answers.wrong("mask_and_weight", "-1 where unknown")
def _(x, order_uniforms, t):
    known = order_uniforms.argsort(1).argsort(1) < t[:, None]
    return torch.where(known, x, -1.0), known, x.shape[1] / (x.shape[1] - t)


@answers.wrong("mask_and_weight", "one order for the batch")
def _(x, order_uniforms, t):
    known = order_uniforms[:1].argsort(1).argsort(1) < t[:, None]
    return torch.where(known, x, 0.0), known, x.shape[1] / (x.shape[1] - t)


@answers.wrong("mask_and_weight", "in place")
def _(x, order_uniforms, t):
    known = order_uniforms.argsort(1).argsort(1) < t[:, None]
    x[~known] = 0.0
    return x, known, x.shape[1] / (x.shape[1] - t)


@answers.wrong("mask_and_weight", "the weight of D - t + 1")
def _(x, order_uniforms, t):
    known = order_uniforms.argsort(1).argsort(1) < t[:, None]
    return torch.where(known, x, 0.0), known, x.shape[1] / (x.shape[1] - t + 1)


# order_nll


@answers.right("order_nll", "one by one, binary cross-entropy")
def _(logits_fn, x, order):
    known = torch.zeros(x.shape, dtype=torch.bool)
    total = torch.zeros(len(x), dtype=x.dtype)
    for d in order:
        logits = logits_fn(x * known, known)
        total = total + torch.nn.functional.binary_cross_entropy_with_logits(logits[:, d], x[:, d], reduction="none")
        known = known.clone()
        known[:, d] = True
    return total


@answers.wrong("order_nll", "row by row, a call for each")
def _(logits_fn, x, order):
    out = []
    for row in x:
        total = 0.0
        for k, d in enumerate(order.tolist()):
            known = torch.zeros(1, len(row), dtype=torch.bool)
            known[0, order[:k]] = True
            z = float(logits_fn(torch.where(known, row[None], 0.0), known)[0, d])
            z = -z if row[d] else z
            total += max(z, 0.0) + math.log1p(math.exp(-abs(z)))
        out.append(total)
    return out


@answers.wrong("order_nll", "asked once more, when all is known")
def _(logits_fn, x, order):
    place, d = order.argsort(), x.shape[1]
    logits = []
    for t in range(d + 1):
        known = (place < t).repeat(len(x), 1)
        logits.append(logits_fn(x * known, known))
    z = torch.stack([logits[t][:, order[t]] for t in range(d)], 1)
    return torch.nn.functional.softplus(torch.where(x[:, order] > 0, -z, z)).sum(1)


@answers.right("order_nll", "all places in one call of a larger batch")
def _(logits_fn, x, order):
    batch, d = x.shape
    place = torch.argsort(order)
    known = (place[None, :] < torch.arange(d)[:, None]).repeat_interleave(batch, dim=0)
    logits = logits_fn(torch.where(known, x.repeat(d, 1), 0.0), known).double().reshape(d, batch, d)
    mine = logits[torch.arange(d), :, order].T
    pixel = x[:, order]
    return -(pixel * torch.nn.functional.logsigmoid(mine) + (1 - pixel) * torch.nn.functional.logsigmoid(-mine)).sum(1)


@answers.right("order_nll", "numpy in between")
def _(logits_fn, x, order):
    pixels = np.asarray(x, dtype=float)
    known, total = np.zeros(pixels.shape, dtype=bool), np.zeros(len(pixels))
    for d in np.asarray(order):
        z = np.asarray(logits_fn(torch.tensor(pixels * known), torch.tensor(known)), dtype=float)[:, d]
        total += np.logaddexp(0, np.where(pixels[:, d] > 0, -z, z))
        known[:, d] = True
    return total


@answers.wrong("order_nll", "raster order")
def _(logits_fn, x, order):
    known, total = torch.zeros_like(x, dtype=torch.bool), 0.0
    for d in range(x.shape[1]):
        z = logits_fn(torch.where(known, x, 0.0), known.clone())[:, d]
        total = total + torch.nn.functional.softplus(torch.where(x[:, d] > 0, -z, z))
        known[:, d] = True
    return total


@answers.wrong("order_nll", "the order's inverse")
def _(logits_fn, x, order):
    known, total = torch.zeros_like(x, dtype=torch.bool), 0.0
    for d in torch.argsort(order).tolist():
        z = logits_fn(torch.where(known, x, 0.0), known.clone())[:, d]
        total = total + torch.nn.functional.softplus(torch.where(x[:, d] > 0, -z, z))
        known[:, d] = True
    return total


@answers.wrong("order_nll", "nothing becomes known")
def _(logits_fn, x, order):
    z = logits_fn(torch.zeros_like(x), torch.zeros_like(x, dtype=torch.bool))
    return torch.nn.functional.softplus(torch.where(x > 0, -z, z)).sum(dim=1)


@answers.wrong("order_nll", "all the others known")
def _(logits_fn, x, order):
    total = 0.0
    for d in order.tolist():
        known = torch.ones_like(x, dtype=torch.bool)
        known[:, d] = False
        z = logits_fn(torch.where(known, x, 0.0), known)[:, d]
        total = total + torch.nn.functional.softplus(torch.where(x[:, d] > 0, -z, z))
    return total


@answers.wrong("order_nll", "known before it is asked for")
def _(logits_fn, x, order):
    known, total = torch.zeros_like(x, dtype=torch.bool), 0.0
    for d in order.tolist():
        known[:, d] = True
        z = logits_fn(torch.where(known, x, 0.0), known.clone())[:, d]
        total = total + torch.nn.functional.softplus(torch.where(x[:, d] > 0, -z, z))
    return total


@answers.wrong("order_nll", "everything shown")
def _(logits_fn, x, order):
    known, total = torch.zeros_like(x, dtype=torch.bool), 0.0
    for d in order.tolist():
        z = logits_fn(x, known.clone())[:, d]
        total = total + torch.nn.functional.softplus(torch.where(x[:, d] > 0, -z, z))
        known[:, d] = True
    return total


@answers.wrong("order_nll", "shown, but never said to be known")
def _(logits_fn, x, order):
    known, total = torch.zeros_like(x, dtype=torch.bool), 0.0
    for d in order.tolist():
        z = logits_fn(torch.where(known, x, 0.0), torch.zeros_like(known))[:, d]
        total = total + torch.nn.functional.softplus(torch.where(x[:, d] > 0, -z, z))
        known[:, d] = True
    return total


@answers.wrong("order_nll", "log p")
def _(logits_fn, x, order):
    known, total = torch.zeros_like(x, dtype=torch.bool), 0.0
    for d in order.tolist():
        z = logits_fn(torch.where(known, x, 0.0), known.clone())[:, d]
        total = total - torch.nn.functional.softplus(torch.where(x[:, d] > 0, -z, z))
        known[:, d] = True
    return total


@answers.wrong("order_nll", "1 and 0 mixed up")
def _(logits_fn, x, order):
    known, total = torch.zeros_like(x, dtype=torch.bool), 0.0
    for d in order.tolist():
        z = logits_fn(torch.where(known, x, 0.0), known.clone())[:, d]
        total = total + torch.nn.functional.softplus(torch.where(x[:, d] > 0, z, -z))
        known[:, d] = True
    return total


@answers.wrong("order_nll", "the log of a sigmoid that is 0")
def _(logits_fn, x, order):
    known, total = torch.zeros_like(x, dtype=torch.bool), 0.0
    for d in order.tolist():
        p = torch.sigmoid(logits_fn(torch.where(known, x, 0.0), known.clone())[:, d])
        total = total - torch.log(torch.where(x[:, d] > 0, p, 1 - p))
        known[:, d] = True
    return total


@answers.wrong("order_nll", "clamped probabilities")
def _(logits_fn, x, order):
    known, total = torch.zeros_like(x, dtype=torch.bool), 0.0
    for d in order.tolist():
        p = torch.sigmoid(logits_fn(torch.where(known, x, 0.0), known.clone())[:, d]).clamp(1e-7, 1 - 1e-7)
        total = total - torch.log(torch.where(x[:, d] > 0, p, 1 - p))
        known[:, d] = True
    return total


@answers.wrong("order_nll", "a mean over pixels")
def _(logits_fn, x, order):
    known, total = torch.zeros_like(x, dtype=torch.bool), 0.0
    for d in order.tolist():
        z = logits_fn(torch.where(known, x, 0.0), known.clone())[:, d]
        total = total + torch.nn.functional.softplus(torch.where(x[:, d] > 0, -z, z))
        known[:, d] = True
    return total / x.shape[1]


@answers.wrong("order_nll", "one number")
def _(logits_fn, x, order):
    known, total = torch.zeros_like(x, dtype=torch.bool), 0.0
    for d in order.tolist():
        z = logits_fn(torch.where(known, x, 0.0), known.clone())[:, d]
        total = total + torch.nn.functional.softplus(torch.where(x[:, d] > 0, -z, z))
        known[:, d] = True
    return total.sum()


@answers.wrong("order_nll", "all the unknown ones, each time")
def _(logits_fn, x, order):
    known, total = torch.zeros_like(x, dtype=torch.bool), 0.0
    for d in order.tolist():
        z = logits_fn(torch.where(known, x, 0.0), known.clone())
        each = torch.nn.functional.softplus(torch.where(x > 0, -z, z))
        total = total + torch.where(known, 0.0, each).sum(dim=1)
        known[:, d] = True
    return total


@answers.wrong("order_nll", "one place of the order, weighted, as in training")
def _(logits_fn, x, order):
    known = torch.zeros_like(x, dtype=torch.bool)
    known[:, order[: x.shape[1] // 2]] = True
    z = logits_fn(torch.where(known, x, 0.0), known)
    each = torch.nn.functional.softplus(torch.where(x > 0, -z, z))
    return torch.where(known, 0.0, each).sum(dim=1) * x.shape[1] / (x.shape[1] - x.shape[1] // 2)


# sliding_window_mask


@answers.right("sliding_window_mask", "two triangles")
def _(T, window):
    ones = torch.ones(T, T, dtype=torch.bool)
    return ones.tril() & ones.triu(1 - window)


@answers.right("sliding_window_mask", "numpy, row by row")
def _(T, window):
    mask = np.zeros((T, T), dtype=bool)
    for t in range(T):
        mask[t, max(0, t - window + 1) : t + 1] = True
    return mask


@answers.wrong("sliding_window_mask", "numbers, of which ~ is -1 and -2")
def _(T, window):
    return torch.ones(T, T, dtype=torch.long).tril().triu(1 - window)


@answers.right("sliding_window_mask", "lists")
def _(T, window):
    return [[s <= t < s + window for s in range(T)] for t in range(T)]


@answers.wrong("sliding_window_mask", "one too wide")
def _(T, window):
    back = torch.arange(T)[:, None] - torch.arange(T)
    return (back >= 0) & (back <= window)


@answers.wrong("sliding_window_mask", "one too narrow")
def _(T, window):
    back = torch.arange(T)[:, None] - torch.arange(T)
    return (back >= 0) & (back < window - 1)


@answers.wrong("sliding_window_mask", "not itself")
def _(T, window):
    back = torch.arange(T)[:, None] - torch.arange(T)
    return (back > 0) & (back <= window)


@answers.wrong("sliding_window_mask", "to both sides")
def _(T, window):
    back = torch.arange(T)[:, None] - torch.arange(T)
    return back.abs() < window


@answers.wrong("sliding_window_mask", "no causal mask")
def _(T, window):
    back = torch.arange(T)[:, None] - torch.arange(T)
    return back < window


@answers.wrong("sliding_window_mask", "turned over")
def _(T, window):
    back = torch.arange(T)[None, :] - torch.arange(T)[:, None]
    return (back >= 0) & (back < window)


@answers.wrong("sliding_window_mask", "who may not")
def _(T, window):
    back = torch.arange(T)[:, None] - torch.arange(T)
    return (back < 0) | (back >= window)


@answers.wrong("sliding_window_mask", "to be added to the scores")
def _(T, window):
    back = torch.arange(T)[:, None] - torch.arange(T)
    return torch.where((back >= 0) & (back < window), 0.0, -torch.inf)


@answers.wrong("sliding_window_mask", "blocks that do not slide")
def _(T, window):
    t = torch.arange(T)
    return (t[:, None] >= t) & (t[:, None] // window == t // window)


@answers.wrong("sliding_window_mask", "the causal mask")
def _(T, window):
    return torch.ones(T, T, dtype=torch.bool).tril()


@answers.wrong("sliding_window_mask", "the first ones")
def _(T, window):
    t = torch.arange(T)
    return (t[:, None] >= t) & (t < window)


@answers.wrong("sliding_window_mask", "the first token always seen, as a sink")
def _(T, window):
    t = torch.arange(T)
    back = t[:, None] - t
    return (back >= 0) & ((back < window) | (t == 0))


# linear_attention and linear_attention_step: one cell.


def _parallel(q, k, v):
    q, k = torch.nn.functional.elu(q) + 1, torch.nn.functional.elu(k) + 1
    weights = (q @ k.mT).tril()
    return weights @ v / weights.sum(dim=-1, keepdim=True)


def _recurrent(q_t, k_t, v_t, state):
    q_t, k_t = torch.nn.functional.elu(q_t) + 1, torch.nn.functional.elu(k_t) + 1
    outer = k_t[..., None] * v_t[..., None, :]
    S, z = (outer, k_t) if state is None else (state[0] + outer, state[1] + k_t)
    return (q_t[..., None] * S).sum(dim=-2) / (q_t * z).sum(dim=-1, keepdim=True), (S, z)


def _at_once(right: bool, story: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An answer to `linear_attention`, beside a right `linear_attention_step`."""
    register = answers.right if right else answers.wrong

    def of(function: Callable[..., Any]) -> Callable[..., Any]:
        register("linear_attention", story, linear_attention=function, linear_attention_step=_recurrent)
        return function

    return of


def _by_steps(right: bool, story: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An answer to `linear_attention_step`, beside a right `linear_attention`."""
    register = answers.right if right else answers.wrong

    def of(function: Callable[..., Any]) -> Callable[..., Any]:
        register("linear_attention", story, linear_attention=_parallel, linear_attention_step=function)
        return function

    return of


@_at_once(True, "running sums of S and z")
def _(q, k, v):
    q, k = torch.nn.functional.elu(q) + 1, torch.nn.functional.elu(k) + 1
    S = (k[..., :, None] * v[..., None, :]).cumsum(dim=2)
    z = k.cumsum(dim=2)
    return torch.einsum("bhtd,bhtde->bhte", q, S) / torch.einsum("bhtd,bhtd->bht", q, z)[..., None]


@_at_once(True, "numpy, position by position")
def _(q, k, v):
    q, k, v = (np.asarray(x, dtype=float) for x in (q, k, v))
    q, k = (np.where(x > 0, x + 1, np.exp(np.minimum(x, 0))) for x in (q, k))
    out = np.zeros(v.shape)
    for t in range(q.shape[2]):
        weights = (k[:, :, : t + 1] * q[:, :, t : t + 1]).sum(axis=-1)
        out[:, :, t] = (weights[..., None] * v[:, :, : t + 1]).sum(axis=2) / weights.sum(axis=2, keepdims=True)
    return out


@_at_once(True, "a small number below, as in public code")
def _(q, k, v):
    q, k = torch.nn.functional.elu(q) + 1, torch.nn.functional.elu(k) + 1
    mask = torch.ones(q.shape[2], q.shape[2]).tril()
    weights = torch.einsum("bhtd,bhsd->bhts", q, k) * mask
    return torch.einsum("bhts,bhse->bhte", weights, v) / (weights.sum(dim=3)[..., None] + 1e-6)


@_at_once(True, "a softmax of logarithms, masked")
def _(q, k, v):
    q, k = (torch.nn.functional.elu(x.double()) + 1 for x in (q, k))
    scores = torch.log(q @ k.transpose(2, 3))
    future = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).triu(1)
    return torch.softmax(scores.masked_fill(future, -math.inf), dim=-1) @ v.double()


@_at_once(False, "divided by the sum over all positions")
def _(q, k, v):
    q, k = torch.nn.functional.elu(q) + 1, torch.nn.functional.elu(k) + 1
    weights = q @ k.mT
    return weights.tril() @ v / weights.sum(dim=-1, keepdim=True)


@_at_once(False, "not causal")
def _(q, k, v):
    q, k = torch.nn.functional.elu(q) + 1, torch.nn.functional.elu(k) + 1
    return q @ (k.mT @ v) / (q @ k.sum(dim=2)[..., None])


@_at_once(False, "keys summed over heads")
def _(q, k, v):
    q, k = torch.nn.functional.elu(q) + 1, torch.nn.functional.elu(k) + 1
    return (q @ k.mT).tril() @ v / (q * k.cumsum(dim=1)).sum(dim=-1, keepdim=True)


@_at_once(False, "all heads sum to 1 together")
def _(q, k, v):
    q, k = torch.nn.functional.elu(q) + 1, torch.nn.functional.elu(k) + 1
    weights = (q @ k.mT).tril()
    return weights @ v / weights.sum(dim=(1, 3))[:, None, :, None]


@_at_once(False, "not divided")
def _(q, k, v):
    q, k = torch.nn.functional.elu(q) + 1, torch.nn.functional.elu(k) + 1
    return (q @ k.mT).tril() @ v


@_at_once(False, "divided by how many there are")
def _(q, k, v):
    q, k = torch.nn.functional.elu(q) + 1, torch.nn.functional.elu(k) + 1
    return (q @ k.mT).tril() @ v / torch.arange(1, q.shape[2] + 1)[:, None]


@_at_once(False, "S divided by the keys, entry by entry")
def _(q, k, v):
    q, k = torch.nn.functional.elu(q) + 1, torch.nn.functional.elu(k) + 1
    S = (k[..., :, None] * v[..., None, :]).cumsum(dim=2) / k.cumsum(dim=2)[..., None]
    return torch.einsum("bhtd,bhtde->bhte", q, S)


@_at_once(False, "elu without the 1")
def _(q, k, v):
    q, k = torch.nn.functional.elu(q), torch.nn.functional.elu(k)
    weights = (q @ k.mT).tril()
    return weights @ v / weights.sum(dim=-1, keepdim=True)


@_at_once(False, "relu + 1")
def _(q, k, v):
    q, k = torch.relu(q) + 1, torch.relu(k) + 1
    weights = (q @ k.mT).tril()
    return weights @ v / weights.sum(dim=-1, keepdim=True)


@_at_once(False, "features of the keys only")
def _(q, k, v):
    k = torch.nn.functional.elu(k) + 1
    weights = (q @ k.mT).tril()
    return weights @ v / weights.sum(dim=-1, keepdim=True)


@_at_once(False, "features of the scores")
def _(q, k, v):
    weights = (torch.nn.functional.elu(q @ k.mT) + 1).tril()
    return weights @ v / weights.sum(dim=-1, keepdim=True)


@_at_once(False, "a softmax")
def _(q, k, v):
    future = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).triu(1)
    return torch.softmax((q @ k.mT / math.sqrt(q.shape[3])).masked_fill(future, -math.inf), dim=-1) @ v


@_at_once(False, "itself left out, but at the first position")
def _(q, k, v):
    q, k = torch.nn.functional.elu(q) + 1, torch.nn.functional.elu(k) + 1
    weights = (q @ k.mT).tril(-1)
    weights[:, :, 0, 0] = 1.0
    return weights @ v / weights.sum(dim=-1, keepdim=True)


@_at_once(False, "axes (B, T, H, d)")
def _(q, k, v):
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    q, k = torch.nn.functional.elu(q) + 1, torch.nn.functional.elu(k) + 1
    weights = (q @ k.mT).tril()
    return (weights @ v / weights.sum(dim=-1, keepdim=True)).transpose(1, 2)


@_at_once(False, "a softmax over the linear scores")
def _(q, k, v):
    q, k = torch.nn.functional.elu(q) + 1, torch.nn.functional.elu(k) + 1
    future = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).triu(1)
    return torch.softmax((q @ k.mT).masked_fill(future, -math.inf), dim=-1) @ v


@_by_steps(True, "step: numpy, a list for a state")
def _(q_t, k_t, v_t, state):
    q, k, v = (np.asarray(x, dtype=float) for x in (q_t, k_t, v_t))
    q, k = (np.where(x > 0, x + 1, np.exp(np.minimum(x, 0))) for x in (q, k))
    S = np.einsum("bhd,bhe->bhde", k, v) + (0 if state is None else np.asarray(state[0]))
    z = k + (0 if state is None else np.asarray(state[1]))
    return [np.einsum("bhd,bhde->bhe", q, S) / np.einsum("bhd,bhd->bh", q, z)[..., None], [S, z]]


@_by_steps(True, "step: einsum, z as one more column of S")
def _(q_t, k_t, v_t, state):
    q, k = torch.nn.functional.elu(q_t) + 1, torch.nn.functional.elu(k_t) + 1
    both = torch.einsum("bhd,bhe->bhde", k, torch.cat([v_t, torch.ones_like(v_t[..., :1])], dim=-1))
    if state is not None:
        both = both + state[0]
    out = torch.einsum("bhd,bhde->bhe", q, both)
    return out[..., :-1] / out[..., -1:], (both,)


@_by_steps(True, "step: begins with zeros")
def _(q_t, k_t, v_t, state):
    q, k = torch.nn.functional.elu(q_t) + 1, torch.nn.functional.elu(k_t) + 1
    if state is None:
        state = torch.zeros(*k_t.shape, v_t.shape[-1], dtype=v_t.dtype), torch.zeros_like(k_t)
    S = state[0] + k.unsqueeze(-1) @ v_t.unsqueeze(-2)
    z = state[1] + k
    return (q.unsqueeze(-2) @ S).squeeze(-2) / (q * z).sum(-1).unsqueeze(-1), (S, z)


@_by_steps(False, "step: the normaliser forgets the keys before")
def _(q_t, k_t, v_t, state):
    q, k = torch.nn.functional.elu(q_t) + 1, torch.nn.functional.elu(k_t) + 1
    S = k[..., None] * v_t[..., None, :] + (0 if state is None else state[0])
    return (q[..., None] * S).sum(dim=-2) / (q * k).sum(dim=-1, keepdim=True), (S, k)


@_by_steps(False, "step: the values before are forgotten")
def _(q_t, k_t, v_t, state):
    q, k = torch.nn.functional.elu(q_t) + 1, torch.nn.functional.elu(k_t) + 1
    z = k + (0 if state is None else state[1])
    S = k[..., None] * v_t[..., None, :]
    return (q[..., None] * S).sum(dim=-2) / (q * z).sum(dim=-1, keepdim=True), (S, z)


@_by_steps(False, "step: read before it is written")
def _(q_t, k_t, v_t, state):
    q, k = torch.nn.functional.elu(q_t) + 1, torch.nn.functional.elu(k_t) + 1
    outer = k[..., None] * v_t[..., None, :]
    S, z = (outer, k) if state is None else state
    y = (q[..., None] * S).sum(dim=-2) / (q * z).sum(dim=-1, keepdim=True)
    return y, ((S, z) if state is None else (S + outer, z + k))


@_by_steps(False, "step: in place")
def _(q_t, k_t, v_t, state):
    q, k = torch.nn.functional.elu(q_t) + 1, torch.nn.functional.elu(k_t) + 1
    if state is None:
        state = torch.zeros(*k_t.shape, v_t.shape[-1], dtype=v_t.dtype), torch.zeros_like(k_t)
    S, z = state
    S += k[..., None] * v_t[..., None, :]
    z += k
    return (q[..., None] * S).sum(dim=-2) / (q * z).sum(dim=-1, keepdim=True), (S, z)


@_by_steps(False, "step: a cache that grows")
def _(q_t, k_t, v_t, state):
    q, k = torch.nn.functional.elu(q_t) + 1, torch.nn.functional.elu(k_t) + 1
    keys, values = k[:, :, None], v_t[:, :, None]
    if state is not None:
        keys, values = torch.cat([state[0], keys], dim=2), torch.cat([state[1], values], dim=2)
    weights = torch.einsum("bhd,bhtd->bht", q, keys)
    return torch.einsum("bht,bhte->bhe", weights, values) / weights.sum(-1, keepdim=True), (keys, values)


@_by_steps(False, "step: not divided")
def _(q_t, k_t, v_t, state):
    q, k = torch.nn.functional.elu(q_t) + 1, torch.nn.functional.elu(k_t) + 1
    outer = k[..., None] * v_t[..., None, :]
    S, z = (outer, k) if state is None else (state[0] + outer, state[1] + k)
    return (q[..., None] * S).sum(dim=-2), (S, z)


@_by_steps(False, "step: the query without features")
def _(q_t, k_t, v_t, state):
    k = torch.nn.functional.elu(k_t) + 1
    outer = k[..., None] * v_t[..., None, :]
    S, z = (outer, k) if state is None else (state[0] + outer, state[1] + k)
    return (q_t[..., None] * S).sum(dim=-2) / (q_t * z).sum(dim=-1, keepdim=True), (S, z)


@_by_steps(False, "step: remembered in the function, whoever asks")
def _(q_t, k_t, v_t, state, kept={}):  # noqa: B006
    q, k = torch.nn.functional.elu(q_t) + 1, torch.nn.functional.elu(k_t) + 1
    outer = k[..., None] * v_t[..., None, :]
    S, z = (outer, k) if state is None else (kept["S"] + outer, kept["z"] + k)
    kept["S"], kept["z"] = S, z
    return (q[..., None] * S).sum(dim=-2) / (q * z).sum(dim=-1, keepdim=True), (torch.zeros(1),)


@_by_steps(False, "step: a mean of what was and what is new")
def _(q_t, k_t, v_t, state):
    q, k = torch.nn.functional.elu(q_t) + 1, torch.nn.functional.elu(k_t) + 1
    outer = k[..., None] * v_t[..., None, :]
    S, z = (outer, k) if state is None else ((state[0] + outer) / 2, (state[1] + k) / 2)
    return (q[..., None] * S).sum(dim=-2) / (q * z).sum(dim=-1, keepdim=True), (S, z)


@_by_steps(False, "step: the state alone")
def _(q_t, k_t, v_t, state):
    k = torch.nn.functional.elu(k_t) + 1
    outer = k[..., None] * v_t[..., None, :]
    return (outer, k) if state is None else (state[0] + outer, state[1] + k)


# scan


@answers.right("scan", "doubling")
def _(decay, value):
    a, h = decay.clone(), value.clone()
    shift = 1
    while shift < value.shape[1]:
        h = torch.cat([h[:, :shift], h[:, shift:] + a[:, shift:] * h[:, :-shift]], dim=1)
        a = torch.cat([a[:, :shift], a[:, shift:] * a[:, :-shift]], dim=1)
        shift *= 2
    return h


@answers.right("scan", "numpy, written into place")
def _(decay, value):
    a, out = np.asarray(decay, dtype=float), np.array(value, dtype=float)
    for t in range(1, out.shape[1]):
        out[:, t] += a[:, t] * out[:, t - 1]
    return out


@answers.right("scan", "accumulate, number by number")
def _(decay, value):
    out = torch.zeros_like(value)
    for b in range(value.shape[0]):
        for c in range(value.shape[2]):
            pairs = zip(decay[b, :, c].tolist(), value[b, :, c].tolist(), strict=True)
            steps = itertools.accumulate(pairs, lambda h, now: now[0] * h + now[1], initial=0.0)
            out[b, :, c] = torch.tensor(list(steps)[1:], dtype=value.dtype)
    return out


@answers.right("scan", "a matrix of products of decays")
def _(decay, value):
    length = value.shape[1]
    rows = []
    for t in range(length):
        weight, total = torch.ones_like(value[:, 0]), torch.zeros_like(value[:, 0])
        for s in range(t, -1, -1):
            total = total + weight * value[:, s]
            if bool((weight == 0).all()):
                break
            weight = weight * decay[:, s]
        rows.append(total)
    return torch.stack(rows, dim=1)


@answers.wrong("scan", "divided by the product of the decays")
def _(decay, value):
    products = decay.cumprod(dim=1)
    return products * (value / products).cumsum(dim=1)


@answers.wrong("scan", "through logarithms")
def _(decay, value):
    logs = decay.log().cumsum(dim=1)
    return logs.exp() * (value * (-logs).exp()).cumsum(dim=1)


@answers.wrong("scan", "products never below a small number")
def _(decay, value):
    products = decay.cumprod(dim=1)
    safe = torch.where(products.abs() < 1e-12, 1e-12, products)
    return safe * (value / safe).cumsum(dim=1)


@answers.wrong("scan", "doubling that wraps round")
def _(decay, value):
    a, h = decay, value
    shift = 1
    while shift < value.shape[1]:
        h = h + a * torch.roll(h, shift, dims=1)
        a = a * torch.roll(a, shift, dims=1)
        shift *= 2
    return h


@answers.wrong("scan", "one round of doubling too few")
def _(decay, value):
    a, h = decay, value
    shift = 1
    while 2 * shift < value.shape[1]:
        h = torch.cat([h[:, :shift], h[:, shift:] + a[:, shift:] * h[:, :-shift]], dim=1)
        a = torch.cat([a[:, :shift], a[:, shift:] * a[:, :-shift]], dim=1)
        shift *= 2
    return h


@answers.wrong("scan", "doubling, decays not multiplied")
def _(decay, value):
    h = value
    shift = 1
    while shift < value.shape[1]:
        h = torch.cat([h[:, :shift], h[:, shift:] + decay[:, shift:] * h[:, :-shift]], dim=1)
        shift *= 2
    return h


@answers.wrong("scan", "the new value decays at once")
def _(decay, value):
    h, rows = torch.zeros_like(value[:, 0]), []
    for t in range(value.shape[1]):
        h = decay[:, t] * (h + value[:, t])
        rows.append(h)
    return torch.stack(rows, dim=1)


@answers.wrong("scan", "the decay of the step before")
def _(decay, value):
    h, rows = value[:, 0], [value[:, 0]]
    for t in range(1, value.shape[1]):
        h = decay[:, t - 1] * h + value[:, t]
        rows.append(h)
    return torch.stack(rows, dim=1)


@answers.wrong("scan", "a moving average")
def _(decay, value):
    h, rows = torch.zeros_like(value[:, 0]), []
    for t in range(value.shape[1]):
        h = decay[:, t] * h + (1 - decay[:, t]) * value[:, t]
        rows.append(h)
    return torch.stack(rows, dim=1)


@answers.wrong("scan", "a first state of 1")
def _(decay, value):
    h, rows = torch.ones_like(value[:, 0]), []
    for t in range(value.shape[1]):
        h = decay[:, t] * h + value[:, t]
        rows.append(h)
    return torch.stack(rows, dim=1)


@answers.wrong("scan", "over the batch")
def _(decay, value):
    h, rows = torch.zeros_like(value[0]), []
    for b in range(value.shape[0]):
        h = decay[b] * h + value[b]
        rows.append(h)
    return torch.stack(rows, dim=0)


@answers.wrong("scan", "the state runs on from row to row")
def _(decay, value):
    h, out = torch.zeros_like(value[0, 0]), torch.zeros_like(value)
    for b in range(value.shape[0]):
        for t in range(value.shape[1]):
            h = decay[b, t] * h + value[b, t]
            out[b, t] = h
    return out


@answers.wrong("scan", "in place")
def _(decay, value):
    for t in range(1, value.shape[1]):
        value[:, t] += decay[:, t] * value[:, t - 1]
    return value


@answers.wrong("scan", "the last state")
def _(decay, value):
    h = torch.zeros_like(value[:, 0])
    for t in range(value.shape[1]):
        h = decay[:, t] * h + value[:, t]
    return h


@answers.wrong("scan", "the step before only")
def _(decay, value):
    out = value.clone()
    out[:, 1:] = value[:, 1:] + decay[:, 1:] * value[:, :-1]
    return out


@answers.wrong("scan", "decays between 0 and 1 only")
def _(decay, value):
    h, rows = torch.zeros_like(value[:, 0]), []
    for t in range(value.shape[1]):
        h = decay[:, t].clamp(0, 1) * h + value[:, t]
        rows.append(h)
    return torch.stack(rows, dim=1)


# The drill.

_LATER = [(0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5)]
_ACROSS = [(t, s) for t in (3, 4, 5) for s in (0, 1, 2)]
_ROUND = [(0, 5), (1, 5), (2, 5), (3, 2), (4, 2), (5, 2)]
_RIGHT: dict[str, Any] = {
    "leaks_A": [],
    "beyond_A": [(2, 0), (5, 3)],
    "leaks_B": _LATER,
    "leaks_C": [],
    "leaks_D": [],
    "off_D": [(0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (3, 1), (4, 0), (4, 1), (5, 0), (5, 1)],
    "leaks_E": _ACROSS,
    "leaks_F": _ROUND,
}
answers.right("found_leaks", "typed", **_RIGHT)
answers.right("found_leaks", "sets", **{name: {*value} for name, value in _RIGHT.items()})
answers.right("found_leaks", "backwards, as arrays", **{name: np.array(value[::-1]) for name, value in _RIGHT.items()})
answers.right(
    "found_leaks", "lists of lists", **{name: [list(pair) for pair in value] for name, value in _RIGHT.items()}
)
answers.wrong("found_leaks", "all sound", **_RIGHT | {name: [] for name in _RIGHT})
answers.wrong("found_leaks", "A: a window too wide is no leak", **_RIGHT | {"leaks_A": [(2, 0), (5, 3)]})
answers.wrong("found_leaks", "A: trusted", **_RIGHT | {"beyond_A": []})
answers.wrong("found_leaks", "A: nothing but itself allowed", **_RIGHT | {"beyond_A": [(1, 0), (2, 1), (4, 3), (5, 4)]})
answers.wrong("found_leaks", "A: over the border, too", **_RIGHT | {"beyond_A": [(2, 0), (3, 1), (4, 2), (5, 3)]})
answers.wrong("found_leaks", "B: it is only a normaliser", **_RIGHT | {"leaks_B": []})
answers.wrong("found_leaks", "B: the last token only", **_RIGHT | {"leaks_B": [(0, 2), (1, 2), (3, 5), (4, 5)]})
answers.wrong("found_leaks", "B: one text", **_RIGHT | {"leaks_B": _LATER[:3]})
answers.wrong("found_leaks", "C: suspected, like B", **_RIGHT | {"leaks_C": _LATER})
answers.wrong("found_leaks", "D: a wrong axis must leak", **_RIGHT | {"leaks_D": _LATER})
answers.wrong("found_leaks", "D: all of them", **_RIGHT | {"off_D": [(t, h) for t in range(6) for h in range(2)]})
answers.wrong("found_leaks", "D: the second head", **_RIGHT | {"off_D": [(t, 1) for t in range(6)]})
answers.wrong("found_leaks", "E: the past may be seen", **_RIGHT | {"leaks_E": []})
answers.wrong("found_leaks", "E: the first token of the text", **_RIGHT | {"leaks_E": [(3, 0), (3, 1), (3, 2)]})
answers.wrong("found_leaks", "E: the other way round", **_RIGHT | {"leaks_E": [(s, t) for t, s in _ACROSS]})
answers.wrong("found_leaks", "F: trusted", **_RIGHT | {"leaks_F": []})
answers.wrong("found_leaks", "F: only where it enters", **_RIGHT | {"leaks_F": [(0, 5), (3, 2)]})
answers.wrong("found_leaks", "F: the past of another text is no leak", **_RIGHT | {"leaks_F": _ROUND[:3]})


# repaired_E


@answers.right("repaired_E", "a decay of 0 where a text begins")
def _(decay, value, first):
    keep = torch.where(first[..., None], torch.zeros_like(decay), decay)
    h, rows = torch.zeros_like(value[:, 0]), []
    for t in range(value.shape[1]):
        h = keep[:, t] * h + value[:, t]
        rows.append(h)
    return torch.stack(rows, dim=1)


@answers.right("repaired_E", "numpy, row by row, each text by itself")
def _(decay, value, first):
    a, x, first = np.asarray(decay, dtype=float), np.asarray(value, dtype=float), np.asarray(first)
    out = np.zeros(x.shape)
    for b in range(len(x)):
        for t in range(x.shape[1]):
            begins = t == 0 or first[b, t]
            out[b, t] = x[b, t] + (0.0 if begins else a[b, t] * out[b, t - 1])
    return out


@answers.right("repaired_E", "doubling, decays multiplied by not first")
def _(decay, value, first):
    a, h = decay * ~first[..., None], value
    shift = 1
    while shift < value.shape[1]:
        h = torch.cat([h[:, :shift], h[:, shift:] + a[:, shift:] * h[:, :-shift]], dim=1)
        a = torch.cat([a[:, :shift], a[:, shift:] * a[:, :-shift]], dim=1)
        shift *= 2
    return h


@answers.right("repaired_E", "masked by which text it is")
def _(decay, value, first):
    text = first.long().cumsum(dim=1) - first[:, :1].long()
    h, rows = torch.zeros_like(value[:, 0]), []
    for t in range(value.shape[1]):
        if t:
            h = h * (text[:, t] == text[:, t - 1])[:, None]
        h = decay[:, t] * h + value[:, t]
        rows.append(h)
    return torch.stack(rows, dim=1)


@answers.wrong("repaired_E", "not repaired")
def _(decay, value, first):
    h, rows = torch.zeros_like(value[:, 0]), []
    for t in range(value.shape[1]):
        h = decay[:, t] * h + value[:, t]
        rows.append(h)
    return torch.stack(rows, dim=1)


@answers.wrong("repaired_E", "one token late")
def _(decay, value, first):
    h, rows = torch.zeros_like(value[:, 0]), []
    for t in range(value.shape[1]):
        h = decay[:, t] * h + value[:, t]
        rows.append(h)
        h = torch.where(first[:, t, None], 0.0, h)
    return torch.stack(rows, dim=1)


@answers.wrong("repaired_E", "the first token forgotten, too")
def _(decay, value, first):
    h, rows = torch.zeros_like(value[:, 0]), []
    for t in range(value.shape[1]):
        h = torch.where(first[:, t, None], 0.0, decay[:, t] * h + value[:, t])
        rows.append(h)
    return torch.stack(rows, dim=1)


@answers.wrong("repaired_E", "if any row begins, all do")
def _(decay, value, first):
    h, rows = torch.zeros_like(value[:, 0]), []
    for t in range(value.shape[1]):
        if first[:, t].any():
            h = torch.zeros_like(h)
        h = decay[:, t] * h + value[:, t]
        rows.append(h)
    return torch.stack(rows, dim=1)


@answers.wrong("repaired_E", "only if all rows begin")
def _(decay, value, first):
    h, rows = torch.zeros_like(value[:, 0]), []
    for t in range(value.shape[1]):
        if first[:, t].all():
            h = torch.zeros_like(h)
        h = decay[:, t] * h + value[:, t]
        rows.append(h)
    return torch.stack(rows, dim=1)


@answers.wrong("repaired_E", "hidden where it begins, and then it is back")
def _(decay, value, first):
    h, rows = torch.zeros_like(value[:, 0]), []
    for t in range(value.shape[1]):
        h = decay[:, t] * h + value[:, t]
        rows.append(torch.where(first[:, t, None], value[:, t], h))
    return torch.stack(rows, dim=1)


@answers.wrong("repaired_E", "the mask upside down")
def _(decay, value, first):
    h, rows = torch.zeros_like(value[:, 0]), []
    for t in range(value.shape[1]):
        h = torch.where(first[:, t, None], decay[:, t], 0.0) * h + value[:, t]
        rows.append(h)
    return torch.stack(rows, dim=1)


@answers.wrong("repaired_E", "where a text ends")
def _(decay, value, first):
    ends = torch.cat([first[:, 1:], torch.ones_like(first[:, :1])], dim=1)
    h, rows = torch.zeros_like(value[:, 0]), []
    for t in range(value.shape[1]):
        h = torch.where(ends[:, t, None], 0.0, decay[:, t]) * h + value[:, t]
        rows.append(h)
    return torch.stack(rows, dim=1)


@answers.wrong("repaired_E", "in place")
def _(decay, value, first):
    decay[first] = 0.0
    h, rows = torch.zeros_like(value[:, 0]), []
    for t in range(value.shape[1]):
        h = decay[:, t] * h + value[:, t]
        rows.append(h)
    return torch.stack(rows, dim=1)


@answers.wrong("repaired_E", "the state of before taken away, and its echo left")
def _(decay, value, first):
    h, rows = torch.zeros_like(value[:, 0]), []
    for t in range(value.shape[1]):
        before = h
        h = decay[:, t] * h + value[:, t]
        h = torch.where(first[:, t, None], h - before, h)
        rows.append(h)
    return torch.stack(rows, dim=1)
