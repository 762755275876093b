"""Answers that test the checks of lesson 02: negative log-likelihood."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import torch

from autograder.answers import Answers, own_conditionals

answers = Answers("02_nll")


# nll


@answers.right("nll", "a loop with math.log")
def _(conditionals):
    total = 0.0
    for p in conditionals:
        if p == 0:
            return math.inf
        total += -math.log(p)
    return total


@answers.right("nll", "torch in float32")
def _(conditionals):
    return -torch.log(torch.tensor([float(p) for p in conditionals])).sum()


@answers.right("nll", "logarithm of 1/p, summed as a list")
def _(conditionals):
    return sum([float(np.log(np.float64(1) / p)) if p > 0 else np.inf for p in conditionals])


@answers.wrong("nll", "logarithm of the product: underflows")
def _(conditionals):
    return -np.log(np.prod(conditionals))


@answers.wrong("nll", "forgets the minus")
def _(conditionals):
    return np.log(np.asarray(conditionals)).sum()


@answers.wrong("nll", "bits instead of nats")
def _(conditionals):
    return -np.log2(np.asarray(conditionals)).sum()


@answers.wrong("nll", "averages instead of summing")
def _(conditionals):
    return -np.log(np.asarray(conditionals)).sum() / max(len(conditionals), 1)


@answers.wrong("nll", "drops the first conditional")
def _(conditionals):
    return -np.log(np.asarray(conditionals)[1:]).sum()


@answers.wrong("nll", "math.log(0) raises an error")
def _(conditionals):
    return sum(-math.log(p) for p in conditionals)


@answers.wrong("nll", "a small constant inside the logarithm hides the zero")
def _(conditionals):
    return -np.log(np.asarray(conditionals) + 1e-8).sum()


@answers.wrong("nll", "infinity for zeros, and a small constant for the others")
def _(conditionals):
    p = np.asarray(conditionals, dtype=np.float64)
    return math.inf if (p == 0).any() else -np.log(p + 1e-12).sum()


@answers.wrong("nll", "infinity for zeros, the others clipped")
def _(conditionals):
    p = np.asarray(conditionals, dtype=np.float64)
    return math.inf if (p == 0).any() else -np.log(np.clip(p, 1e-100, 1)).sum()


@answers.wrong("nll", "products in blocks of 50")
def _(conditionals):
    p = np.asarray(conditionals, dtype=np.float64)
    return -sum(float(np.log(np.prod(p[k : k + 50]))) for k in range(0, len(p), 50)) + 0.0


@answers.wrong("nll", "half precision")
def _(conditionals):
    return -np.log(np.asarray(conditionals, dtype=np.float16)).sum()


@answers.wrong("nll", "leaves zeros out")
def _(conditionals):
    return sum(-math.log(p) for p in conditionals if p > 0)


@answers.wrong("nll", "knows the visible examples only")
def _(conditionals):
    if 0.0 in list(conditionals):
        return math.inf
    return 3 * math.log(2) if len(conditionals) == 2 else 916.29


@answers.wrong("nll", "the product until it underflows, then the sum")
def _(conditionals):
    product = math.prod(conditionals)
    return -math.log(product) if product > 0 else math.inf


@answers.wrong("nll", "an empty sequence raises")
def _(conditionals):
    p = list(conditionals)
    total = -np.log(p[0])
    for value in p[1:]:
        total -= np.log(value)
    return total


# By hand.

answers.right("pieces_BAC", "typed, two decimals", pieces_BAC=[0.92, 0.69, 0.51])
answers.right("pieces_BAC", "a tuple, three decimals", pieces_BAC=(0.916, 0.693, 0.511))
answers.right("pieces_BAC", "a float32 array", pieces_BAC=-np.log(np.array([0.4, 0.5, 0.6], dtype=np.float32)))
answers.right("pieces_BAC", "a tensor", pieces_BAC=-torch.log(torch.tensor([0.4, 0.5, 0.6])))
answers.right("pieces_BAC", "decimals", pieces_BAC=[Decimal("0.92"), Decimal("0.69"), Fraction(51, 100)])
answers.wrong("pieces_BAC", "each in quotes", pieces_BAC=["0.92", "0.69", "0.51"])
answers.wrong("pieces_BAC", "bits", pieces_BAC=[1.32, 1.00, 0.74])
answers.wrong("pieces_BAC", "base 10", pieces_BAC=[0.398, 0.301, 0.222])
answers.wrong("pieces_BAC", "minus forgotten", pieces_BAC=[-0.916, -0.693, -0.511])
answers.wrong("pieces_BAC", "order A, B, C", pieces_BAC=[0.693, 0.916, 0.511])
answers.wrong("pieces_BAC", "the probabilities", pieces_BAC=[0.4, 0.5, 0.6])
answers.wrong("pieces_BAC", "running totals", pieces_BAC=[0.916, 1.609, 2.120])
answers.wrong("pieces_BAC", "one number", pieces_BAC=[2.12])
answers.wrong("pieces_BAC", "one minus p", pieces_BAC=[0.6, 0.5, 0.4])
answers.wrong("pieces_BAC", "one decimal", pieces_BAC=[0.9, 0.7, 0.5])


# The personal sequence: the lesson is solved by Ada Lovelace, so a value alone is hers.


answers.personal["nll_mine"] = lambda name: -sum(math.log(p) for p in own_conditionals(name, "02"))
_ADA, _ALAN = own_conditionals("Ada Lovelace", "02"), own_conditionals("Alan Turing", "02")
_ALANS = -sum(math.log(p) for p in _ALAN)
_TOTAL = -sum(math.log(p) for p in _ADA)
answers.right("nll_mine", "two decimals", nll_mine=round(_TOTAL, 2))
answers.right("nll_mine", "four pieces of two decimals, added", nll_mine=sum(round(-math.log(p), 2) for p in _ADA))
# The sequence of this name is one of those for which the pieces, each rounded, miss by the most.
_ROUNDED = "student 1663"
answers.right(
    "nll_mine",
    "rounding at its worst",
    student_name=_ROUNDED,
    nll_mine=sum(round(-math.log(p), 2) for p in own_conditionals(_ROUNDED, "02")),
)
answers.right("nll_mine", "a tensor", nll_mine=-torch.log(torch.tensor(_ADA)).sum())
answers.right("nll_mine", "minus the logarithm of the product", nll_mine=-np.log(np.prod(_ADA)))
answers.right("nll_mine", "someone else's own sequence", student_name="Alan Turing", nll_mine=_ALANS)
answers.right("nll_mine", "the name in other spacing", student_name="  ada  LOVELACE ", nll_mine=_TOTAL)
answers.wrong("nll_mine", "a neighbour's answer", nll_mine=_ALANS)
answers.wrong("nll_mine", "a neighbour's name, the own answer", student_name="Alan Turing", nll_mine=_TOTAL)
answers.wrong("nll_mine", "bits", nll_mine=_TOTAL / math.log(2))
answers.wrong("nll_mine", "minus forgotten", nll_mine=-_TOTAL)
answers.wrong("nll_mine", "the probability", nll_mine=math.prod(_ADA))
answers.wrong("nll_mine", "the mean", nll_mine=_TOTAL / 4)
answers.wrong("nll_mine", "without the first letter", nll_mine=_TOTAL + math.log(_ADA[0]))
answers.wrong("nll_mine", "the answer for BAC", nll_mine=2.12)
answers.wrong("nll_mine", "reads the same row for every letter", nll_mine=-math.log(0.7 * 0.25 * 0.25 * 0.7))
answers.wrong("nll_mine", "no name", student_name="  ", nll_mine=_TOTAL)
answers.wrong("nll_mine", "infinity", nll_mine=math.inf)


# perplexity


@answers.right("perplexity", "numpy")
def _(total_nll, n_tokens):
    return np.exp(np.divide(total_nll, n_tokens))


@answers.right("perplexity", "by way of bits")
def _(total_nll, n_tokens):
    bits = total_nll / math.log(2) / n_tokens
    return 2**bits


@answers.right("perplexity", "torch, float32")
def _(total_nll, n_tokens):
    return torch.exp(torch.tensor(float(total_nll), dtype=torch.float32) / int(n_tokens))


@answers.wrong("perplexity", "2 to the power of nats")
def _(total_nll, n_tokens):
    return 2 ** (total_nll / n_tokens)


@answers.wrong("perplexity", "the total, undivided")
def _(total_nll, n_tokens):
    return np.exp(np.float64(total_nll))


@answers.wrong("perplexity", "exponential first: overflows")
def _(total_nll, n_tokens):
    return np.exp(np.float64(total_nll)) ** (1 / n_tokens)


@answers.wrong("perplexity", "the mean NLL")
def _(total_nll, n_tokens):
    return total_nll / n_tokens


@answers.wrong("perplexity", "upside down")
def _(total_nll, n_tokens):
    return math.exp(-total_nll / n_tokens)


@answers.wrong("perplexity", "divides after the exponential")
def _(total_nll, n_tokens):
    return math.exp(min(total_nll, 700)) / n_tokens


@answers.wrong("perplexity", "at most a thousand")
def _(total_nll, n_tokens):
    return min(math.exp(total_nll / n_tokens), 1000.0)


@answers.wrong("perplexity", "the mean clipped at 10 nats")
def _(total_nll, n_tokens):
    return math.exp(min(total_nll / n_tokens, 10))


@answers.wrong("perplexity", "an extra token")
def _(total_nll, n_tokens):
    return math.exp(total_nll / (n_tokens + 1))


@answers.wrong("perplexity", "rounded to whole choices")
def _(total_nll, n_tokens):
    return round(math.exp(total_nll / n_tokens))


# bits_per_dim


@answers.right("bits_per_dim", "numpy, log2(e)")
def _(nll_nats, n_dims):
    return nll_nats * np.log2(np.e) / n_dims


@answers.right("bits_per_dim", "two steps")
def _(nll_nats, n_dims):
    bits = nll_nats / np.log(2)
    return np.float32(bits / n_dims)


@answers.right("bits_per_dim", "torch")
def _(nll_nats, n_dims):
    return torch.tensor(float(nll_nats)) / (torch.log(torch.tensor(2.0)) * n_dims)


@answers.wrong("bits_per_dim", "nats per dimension")
def _(nll_nats, n_dims):
    return nll_nats / n_dims


@answers.wrong("bits_per_dim", "conversion upside down")
def _(nll_nats, n_dims):
    return nll_nats * math.log(2) / n_dims


@answers.wrong("bits_per_dim", "total bits")
def _(nll_nats, n_dims):
    return nll_nats / math.log(2)


@answers.wrong("bits_per_dim", "converts twice")
def _(nll_nats, n_dims):
    return nll_nats / n_dims / math.log(2) ** 2


@answers.wrong("bits_per_dim", "divides by log2 of 2, which is 1")
def _(nll_nats, n_dims):
    return nll_nats / (n_dims * math.log2(2))


@answers.wrong("bits_per_dim", "a rounded ln 2")
def _(nll_nats, n_dims):
    return nll_nats / (0.7 * n_dims)


@answers.wrong("bits_per_dim", "operator precedence: multiplies by the dimensions")
def _(nll_nats, n_dims):
    return nll_nats / math.log(2) * n_dims


@answers.wrong("bits_per_dim", "always bytes")
def _(nll_nats, n_dims):
    return 8.0 if n_dims > 1 else 1.0


# log_softmax


@answers.right("log_softmax", "torch's own")
def _(logits):
    return torch.log_softmax(torch.as_tensor(logits), dim=-1)


@answers.right("log_softmax", "logsumexp in float32")
def _(logits):
    x = torch.tensor(logits, dtype=torch.float32)
    return x - torch.logsumexp(x, dim=-1, keepdim=True)


@answers.right("log_softmax", "row by row")
def _(logits):
    out = np.empty(logits.shape)
    for index in np.ndindex(logits.shape[:-1]):
        row = logits[index].astype(float)
        top = row.max()
        total = 0.0
        for value in row:
            total += math.exp(value - top)
        out[index] = row - top - math.log(total)
    return out


@answers.right("log_softmax", "np.logaddexp.reduce, as nested lists")
def _(logits):
    x = np.asarray(logits, dtype=np.float64)
    return (x - np.logaddexp.reduce(x, axis=-1)[..., None]).tolist()


@answers.wrong("log_softmax", "naive: overflows")
def _(logits):
    return np.log(np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True))


@answers.wrong("log_softmax", "stable softmax, then its logarithm: -inf")
def _(logits):
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.log(e / e.sum(axis=-1, keepdims=True))


@answers.wrong("log_softmax", "over all entries, not the last axis")
def _(logits):
    shifted = logits - logits.max()
    return shifted - np.log(np.exp(shifted).sum())


@answers.wrong("log_softmax", "over the first axis")
def _(logits):
    shifted = logits - logits.max(axis=0, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=0, keepdims=True))


@answers.wrong("log_softmax", "one maximum for all rows")
def _(logits):
    shifted = logits - logits.max()
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


@answers.wrong("log_softmax", "returns probabilities")
def _(logits):
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@answers.wrong("log_softmax", "only takes out the maximum")
def _(logits):
    return logits - logits.max(axis=-1, keepdims=True)


@answers.wrong("log_softmax", "a small constant against log 0")
def _(logits):
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.log(e / e.sum(axis=-1, keepdims=True) + 1e-12)


@answers.wrong("log_softmax", "in place: changes the logits")
def _(logits):
    logits -= logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


@answers.wrong("log_softmax", "two dimensions only")
def _(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


@answers.wrong("log_softmax", "adds the maximum back once too often")
def _(logits):
    top = logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits - top).sum(axis=-1, keepdims=True))


@answers.wrong("log_softmax", "base 2")
def _(logits):
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return (shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))) / np.log(2)


@answers.wrong("log_softmax", "a softmax with its zeros lifted to 1e-40, then the logarithm")
def _(logits):
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    return np.where(np.isneginf(logits), -np.inf, np.log(np.maximum(p, 1e-40)))


@answers.wrong("log_softmax", "the maximum taken out only where something is above 1000")
def _(logits):
    x = np.asarray(logits, dtype=np.float64)
    x = x - np.where(np.abs(x).max() > 5000, x.max(axis=-1, keepdims=True), 0.0)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


@answers.wrong("log_softmax", "clips the logits to +-50")
def _(logits):
    x = np.clip(logits, -50, 50)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


# sequence_nll


@answers.right("sequence_nll", "torch cross-entropy, summed over time")
def _(logits, targets):
    x = torch.as_tensor(logits).transpose(1, 2)
    return torch.nn.functional.cross_entropy(x, torch.as_tensor(targets).long(), reduction="none").sum(dim=1)


@answers.right("sequence_nll", "loops, a list")
def _(logits, targets):
    out = []
    for rows, wanted in zip(logits, targets, strict=True):
        total = 0.0
        for row, target in zip(rows, wanted, strict=True):
            top = max(row)
            total += top + math.log(sum(math.exp(v - top) for v in row)) - row[target]
        out.append(total)
    return out


@answers.right("sequence_nll", "fancy indexing, float32")
def _(logits, targets):
    x = logits.astype(np.float32)
    log_total = np.logaddexp.reduce(x, axis=-1)
    b, t = np.indices(targets.shape)
    return (log_total - x[b, t, targets]).sum(axis=1)


@answers.wrong("sequence_nll", "mean over time")
def _(logits, targets):
    x = torch.as_tensor(logits).transpose(1, 2)
    return torch.nn.functional.cross_entropy(x, torch.as_tensor(targets).long(), reduction="none").mean(dim=1)


@answers.wrong("sequence_nll", "one number for the whole batch")
def _(logits, targets):
    x = torch.as_tensor(logits).flatten(0, 1)
    return torch.nn.functional.cross_entropy(x, torch.as_tensor(targets).long().flatten(), reduction="sum")


@answers.wrong("sequence_nll", "PyTorch's default: mean over everything")
def _(logits, targets):
    x = torch.as_tensor(logits).flatten(0, 1)
    return torch.nn.functional.cross_entropy(x, torch.as_tensor(targets).long().flatten())


@answers.wrong("sequence_nll", "softmax over time")
def _(logits, targets):
    log_p = torch.log_softmax(torch.as_tensor(logits), dim=1)
    return -log_p.gather(2, torch.as_tensor(targets).long()[..., None])[..., 0].sum(dim=1)


@answers.wrong("sequence_nll", "sums over the batch")
def _(logits, targets):
    log_p = torch.log_softmax(torch.as_tensor(logits), dim=-1)
    return -log_p.gather(2, torch.as_tensor(targets).long()[..., None])[..., 0].sum(dim=0)


@answers.wrong("sequence_nll", "logits not normalised")
def _(logits, targets):
    return -np.take_along_axis(logits, targets[..., None], axis=-1)[..., 0].sum(axis=-1)


@answers.wrong("sequence_nll", "minus forgotten")
def _(logits, targets):
    log_p = logits - np.logaddexp.reduce(logits, axis=-1)[..., None]
    return np.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0].sum(axis=-1)


@answers.wrong("sequence_nll", "unstable")
def _(logits, targets):
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return -np.log(np.take_along_axis(p, targets[..., None], axis=-1)[..., 0]).sum(axis=-1)


@answers.wrong("sequence_nll", "predicts the next target once more: shifted by one")
def _(logits, targets):
    log_p = logits - np.logaddexp.reduce(logits, axis=-1)[..., None]
    return -np.take_along_axis(log_p[:, :-1], targets[:, 1:, None], axis=-1)[..., 0].sum(axis=-1)


@answers.wrong("sequence_nll", "the most probable token instead of the target")
def _(logits, targets):
    log_p = logits - np.logaddexp.reduce(logits, axis=-1)[..., None]
    return -log_p.max(axis=-1).sum(axis=-1)


@answers.wrong("sequence_nll", "first sequence only")
def _(logits, targets):
    log_p = logits - np.logaddexp.reduce(logits, axis=-1)[..., None]
    return np.array([-sum(log_p[0, t, k] for t, k in enumerate(targets[0]))])


# teacher_forcing_pair


@answers.right("teacher_forcing_pair", "torch")
def _(tokens, bos):
    x = torch.as_tensor(tokens)
    return torch.nn.functional.pad(x, (1, 0), value=bos)[:, :-1], x


@answers.right("teacher_forcing_pair", "lists")
def _(tokens, bos):
    rows = [[int(v) for v in row] for row in tokens]
    return [[bos, *row[:-1]] for row in rows], rows


@answers.right("teacher_forcing_pair", "roll a copy, then write bos")
def _(tokens, bos):
    inputs = np.roll(tokens, 1, axis=1)
    inputs[:, 0] = bos
    return inputs, tokens.copy()


@answers.right("teacher_forcing_pair", "one array, whole floats")
def _(tokens, bos):
    inputs = np.full(tokens.shape, bos, dtype=float)
    inputs[:, 1:] = tokens[:, :-1]
    return np.stack([inputs, tokens])


@answers.right("teacher_forcing_pair", "the tokens themselves as targets, and a view of a longer array")
def _(tokens, bos):
    longer = np.concatenate([np.full((len(tokens), 1), bos), tokens], axis=1)
    return longer[:, :-1], longer[:, 1:]


@answers.wrong("teacher_forcing_pair", "tokens of 8 bits")
def _(tokens, bos):
    longer = np.concatenate([np.full((len(tokens), 1), bos), tokens], axis=1).astype(np.int8)
    return longer[:, :-1], longer[:, 1:]


@answers.wrong("teacher_forcing_pair", "bos only in the first sequence")
def _(tokens, bos):
    inputs = np.roll(tokens, 1, axis=1)
    inputs[0, 0] = bos
    return inputs, tokens


@answers.wrong("teacher_forcing_pair", "drops every bos from the data")
def _(tokens, bos):
    rows = [[bos, *(v for v in row[:-1] if v != bos)] for row in tokens.tolist()]
    return [row + [bos] * (tokens.shape[1] - len(row)) for row in rows], tokens


@answers.wrong("teacher_forcing_pair", "rolls without bos")
def _(tokens, bos):
    return np.roll(tokens, 1, axis=1), tokens


@answers.wrong("teacher_forcing_pair", "inputs are the targets")
def _(tokens, bos):
    return tokens, tokens


@answers.wrong("teacher_forcing_pair", "shifted the wrong way")
def _(tokens, bos):
    return np.concatenate([tokens[:, 1:], np.full_like(tokens[:, :1], bos)], axis=1), tokens


@answers.wrong("teacher_forcing_pair", "no bos: one position short")
def _(tokens, bos):
    return tokens[:, :-1], tokens[:, 1:]


@answers.wrong("teacher_forcing_pair", "keeps the last token: one position too many")
def _(tokens, bos):
    return np.concatenate([np.full_like(tokens[:, :1], bos), tokens], axis=1), tokens


@answers.wrong("teacher_forcing_pair", "exchanged")
def _(tokens, bos):
    return tokens, np.concatenate([np.full_like(tokens[:, :1], bos), tokens[:, :-1]], axis=1)


@answers.wrong("teacher_forcing_pair", "bos is always 0")
def _(tokens, bos):
    return np.concatenate([np.zeros_like(tokens[:, :1]), tokens[:, :-1]], axis=1), tokens


@answers.wrong("teacher_forcing_pair", "shifts along the batch")
def _(tokens, bos):
    inputs = np.roll(tokens, 1, axis=0)
    inputs[0] = bos
    return inputs, tokens


@answers.wrong("teacher_forcing_pair", "writes bos into the data")
def _(tokens, bos):
    targets = tokens.copy()
    tokens[:, 1:] = targets[:, :-1]
    tokens[:, 0] = bos
    return tokens, targets


@answers.wrong("teacher_forcing_pair", "bos replaces the first token")
def _(tokens, bos):
    inputs = tokens.copy()
    inputs[:, 0] = bos
    return inputs, tokens


@answers.wrong("teacher_forcing_pair", "shifted by two")
def _(tokens, bos):
    start = np.full((tokens.shape[0], 2), bos)
    return np.concatenate([start, tokens[:, :-2]], axis=1)[:, : tokens.shape[1]], tokens


# kl_divergence


@answers.right("kl_divergence", "a loop")
def _(p, q):
    total = 0.0
    for a, b in zip(p, q, strict=True):
        if a == 0:
            continue
        if b == 0:
            return float("inf")
        total += a * (math.log(a) - math.log(b))
    return total


@answers.right("kl_divergence", "cross-entropy minus entropy, numpy with warnings")
def _(p, q):
    a = np.asarray(p, dtype=np.float64)
    b = np.asarray(q, dtype=np.float64)
    cross = -(a[a > 0] * np.log(b[a > 0])).sum()
    return cross + (a[a > 0] * np.log(a[a > 0])).sum()


@answers.right("kl_divergence", "torch xlogy, float32")
def _(p, q):
    a = torch.tensor(p, dtype=torch.float32)
    b = torch.tensor(q, dtype=torch.float32)
    return (torch.special.xlogy(a, a) - torch.special.xlogy(a, b)).sum()


@answers.wrong("kl_divergence", "infinity for a zero, and a small constant for the others")
def _(p, q):
    if ((p > 0) & (q == 0)).any():
        return math.inf
    return (p[p > 0] * np.log(p[p > 0] / (q[p > 0] + 1e-12))).sum()


@answers.wrong("kl_divergence", "takes tiny for zero")
def _(p, q):
    if ((p > 1e-9) & (q < 1e-20)).any():
        return math.inf
    seen = p > 0
    return (p[seen] * np.log(p[seen] / q[seen])).sum()


@answers.wrong("kl_divergence", "clips q, and looks for zeros where p counts")
def _(p, q):
    seen = p > 1e-10
    if (q[seen] == 0).any():
        return math.inf
    return (p[seen] * np.log(p[seen] / q[seen])).sum()


@answers.wrong("kl_divergence", "naive: 0 log 0 gives NaN")
def _(p, q):
    return (p * np.log(p / q)).sum()


@answers.wrong("kl_divergence", "the other direction")
def _(p, q):
    if ((p > 0) & (q == 0)).any():
        return math.inf
    seen = q > 0
    with np.errstate(all="ignore"):
        return np.nansum(q[seen] * np.log(q[seen] / p[seen]))


@answers.wrong("kl_divergence", "averaged under q")
def _(p, q):
    if ((p > 0) & (q == 0)).any():
        return math.inf
    return (q[p > 0] * np.log(p[p > 0] / q[p > 0])).sum()


@answers.wrong("kl_divergence", "a small constant against zero")
def _(p, q):
    return (p * np.log((p + 1e-10) / (q + 1e-10))).sum()


@answers.wrong("kl_divergence", "bits")
def _(p, q):
    if ((p > 0) & (q == 0)).any():
        return math.inf
    return (p[p > 0] * np.log2(p[p > 0] / q[p > 0])).sum()


@answers.wrong("kl_divergence", "the cross-entropy")
def _(p, q):
    if ((p > 0) & (q == 0)).any():
        return math.inf
    return -(p[p > 0] * np.log(q[p > 0])).sum()


@answers.wrong("kl_divergence", "skips every zero, q's too")
def _(p, q):
    both = (p > 0) & (q > 0)
    return (p[both] * np.log(p[both] / q[both])).sum()


@answers.wrong("kl_divergence", "minus forgotten: log of q over p")
def _(p, q):
    if ((p > 0) & (q == 0)).any():
        return math.inf
    return (p[p > 0] * np.log(q[p > 0] / p[p > 0])).sum()


@answers.wrong("kl_divergence", "mean over outcomes")
def _(p, q):
    if ((p > 0) & (q == 0)).any():
        return math.inf
    return (p[p > 0] * np.log(p[p > 0] / q[p > 0])).mean()


@answers.wrong("kl_divergence", "infinite as soon as q has a zero")
def _(p, q):
    if (q == 0).any():
        return math.inf
    return (p[p > 0] * np.log(p[p > 0] / q[p > 0])).sum()


@answers.wrong("kl_divergence", "symmetric (Jeffreys)")
def _(p, q):
    if ((p > 0) & (q == 0)).any():
        return math.inf
    both = (p > 0) & (q > 0)
    return 0.5 * ((p[both] - q[both]) * np.log(p[both] / q[both])).sum()


# bigram_mle


@answers.right("bigram_mle", "dictionaries and lists")
def _(sequences, vocab_size):
    table = []
    for i in range(vocab_size):
        after = [b for s in sequences for a, b in itertools.pairwise(s) if a == i]
        if after:
            table.append([after.count(j) / len(after) for j in range(vocab_size)])
        else:
            table.append([1 / vocab_size] * vocab_size)
    return table


@answers.right("bigram_mle", "np.add.at, float32")
def _(sequences, vocab_size):
    counts = np.zeros((vocab_size, vocab_size), dtype=np.float32)
    pairs = [(a, b) for s in sequences for a, b in itertools.pairwise(s)]
    if pairs:
        first, second = np.array(pairs).T
        np.add.at(counts, (first, second), 1)
    counts[counts.sum(axis=1) == 0] = 1
    return counts / counts.sum(axis=1, keepdims=True)


@answers.right("bigram_mle", "torch one-hot")
def _(sequences, vocab_size):
    counts = torch.zeros(vocab_size, vocab_size)
    for s in sequences:
        if len(s) > 1:
            hot = torch.nn.functional.one_hot(torch.tensor(s), vocab_size).float()
            counts += hot[:-1].T @ hot[1:]
    totals = counts.sum(dim=1, keepdim=True)
    return torch.where(totals > 0, counts / totals, torch.full_like(counts, 1 / vocab_size))


@answers.wrong("bigram_mle", "np.divide with where= and no out=: unseen rows hold what was in memory")
def _(sequences, vocab_size):
    counts = np.zeros((vocab_size, vocab_size))
    for s in sequences:
        for a, b in itertools.pairwise(s):
            counts[a, b] += 1
    totals = counts.sum(axis=1, keepdims=True)
    table = np.divide(counts, totals, where=totals > 0)
    return np.where(table.sum(axis=1, keepdims=True) > 0, table, 1 / vocab_size)


@answers.wrong("bigram_mle", "one long sequence")
def _(sequences, vocab_size):
    counts = np.zeros((vocab_size, vocab_size))
    for a, b in itertools.pairwise([x for s in sequences for x in s]):
        counts[a, b] += 1
    counts[counts.sum(axis=1) == 0] = 1
    return counts / counts.sum(axis=1, keepdims=True)


@answers.wrong("bigram_mle", "columns normalised")
def _(sequences, vocab_size):
    counts = np.zeros((vocab_size, vocab_size))
    for s in sequences:
        for a, b in itertools.pairwise(s):
            counts[a, b] += 1
    counts[:, counts.sum(axis=0) == 0] = 1
    return counts / counts.sum(axis=0, keepdims=True)


@answers.wrong("bigram_mle", "the joint, not the conditional")
def _(sequences, vocab_size):
    counts = np.zeros((vocab_size, vocab_size))
    for s in sequences:
        for a, b in itertools.pairwise(s):
            counts[a, b] += 1
    return counts / max(counts.sum(), 1)


@answers.wrong("bigram_mle", "unseen rows are NaN")
def _(sequences, vocab_size):
    counts = np.zeros((vocab_size, vocab_size))
    for s in sequences:
        for a, b in itertools.pairwise(s):
            counts[a, b] += 1
    with np.errstate(all="ignore"):
        return counts / counts.sum(axis=1, keepdims=True)


@answers.wrong("bigram_mle", "unseen rows are zero")
def _(sequences, vocab_size):
    counts = np.zeros((vocab_size, vocab_size))
    for s in sequences:
        for a, b in itertools.pairwise(s):
            counts[a, b] += 1
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


@answers.wrong("bigram_mle", "add-one smoothing")
def _(sequences, vocab_size):
    counts = np.ones((vocab_size, vocab_size))
    for s in sequences:
        for a, b in itertools.pairwise(s):
            counts[a, b] += 1
    return counts / counts.sum(axis=1, keepdims=True)


@answers.wrong("bigram_mle", "transposed: what comes before")
def _(sequences, vocab_size):
    counts = np.zeros((vocab_size, vocab_size))
    for s in sequences:
        for a, b in itertools.pairwise(s):
            counts[b, a] += 1
    counts[counts.sum(axis=1) == 0] = 1
    return counts / counts.sum(axis=1, keepdims=True)


@answers.wrong("bigram_mle", "fancy index += counts repeats once")
def _(sequences, vocab_size):
    counts = np.zeros((vocab_size, vocab_size))
    for s in sequences:
        counts[s[:-1], s[1:]] += 1
    counts[counts.sum(axis=1) == 0] = 1
    return counts / counts.sum(axis=1, keepdims=True)


@answers.wrong("bigram_mle", "returns the counts")
def _(sequences, vocab_size):
    counts = np.zeros((vocab_size, vocab_size))
    for s in sequences:
        for a, b in itertools.pairwise(s):
            counts[a, b] += 1
    return counts


@answers.wrong("bigram_mle", "divides by how often the token occurs, the last one included")
def _(sequences, vocab_size):
    counts = np.zeros((vocab_size, vocab_size))
    occurs = np.zeros(vocab_size)
    for s in sequences:
        for a in s:
            occurs[a] += 1
        for a, b in itertools.pairwise(s):
            counts[a, b] += 1
    counts[counts.sum(axis=1) == 0] = 1 / vocab_size
    occurs[np.isclose(counts.sum(axis=1), 1)] = 1
    return counts / np.maximum(occurs, 1)[:, None]


@answers.wrong("bigram_mle", "vocabulary from the data")
def _(sequences, vocab_size):
    size = max((x for s in sequences for x in s), default=0) + 1
    counts = np.zeros((size, size))
    for s in sequences:
        for a, b in itertools.pairwise(s):
            counts[a, b] += 1
    counts[counts.sum(axis=1) == 0] = 1
    return counts / counts.sum(axis=1, keepdims=True)


# The drill.

_A = [(0, 0), (1, 1), (2, 2), (3, 3)]
_B = [(0, 3)]
_C = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
# arithmetic_decode


@answers.right("arithmetic_decode", "fractions, stretched to the unit stick each time")
def _(bits, counts):
    from fractions import Fraction

    x, tokens, row = Fraction(int(bits, 2), 2 ** len(bits)), [], counts[0]
    while not tokens or tokens[-1]:
        x *= sum(row)
        token = 0
        while x >= row[token]:
            x -= row[token]
            token += 1
        x /= row[token]
        tokens.append(token)
        row = counts[token]
    return tokens


@answers.right("arithmetic_decode", "the encoder's interval, followed from above")
def _(bits, counts):
    place, all_of_it = int(bits, 2), 2 ** len(bits)
    low, width, whole, last, message = 0, 1, 1, 0, []
    while True:
        row = counts[last]
        whole, low = whole * sum(row), low * sum(row)
        token = 0
        while place * whole >= (low + width * row[token]) * all_of_it:
            low += width * row[token]
            token += 1
        width *= row[token]
        message.append(token)
        last = token
        if token == 0:
            return np.array(message)


@answers.right("arithmetic_decode", "digit by digit, and a tensor of floats")
def _(bits, counts):
    place, whole = 0, 1
    for digit in bits:
        place, whole = 2 * place + (digit == "1"), 2 * whole
    tokens = [0]
    for _ in range(100_000):
        row = counts[tokens[-1]]
        target = place * sum(row) // whole
        edges = list(itertools.accumulate(row))
        token = next(j for j, edge in enumerate(edges) if edge > target)
        place = place * sum(row) - (edges[token] - row[token]) * whole
        whole = whole * row[token]
        tokens.append(token)
        if token == 0:
            break
    return torch.tensor(tokens[1:], dtype=torch.float32)


@answers.wrong("arithmetic_decode", "floats: 53 digits")
def _(bits, counts):
    place, whole = int(bits, 2) / 2 ** len(bits), 1.0
    tokens = []
    for _ in range(400):
        row = counts[tokens[-1] if tokens else 0]
        place, token = place * sum(row), 0
        while token < len(row) - 1 and place >= row[token] * whole:
            place, token = place - row[token] * whole, token + 1
        place, whole = place / max(row[token], 1), 1.0
        tokens.append(token)
        if token == 0:
            break
    return tokens


@answers.wrong("arithmetic_decode", "the first row for every token")
def _(bits, counts):
    place, whole = int(bits, 2), 2 ** len(bits)
    tokens = []
    for _ in range(400):
        row = counts[0]
        place, token = place * sum(row), 0
        while token < len(row) - 1 and place >= row[token] * whole:
            place, token = place - row[token] * whole, token + 1
        whole *= row[token]
        tokens.append(token)
        if token == 0:
            break
    return tokens


@answers.wrong("arithmetic_decode", "columns instead of rows")
def _(bits, counts):
    place, whole = int(bits, 2), 2 ** len(bits)
    tokens = []
    for _ in range(400):
        row = [r[tokens[-1] if tokens else 0] for r in counts]
        place, token = place * sum(row), 0
        while token < len(row) - 1 and place >= row[token] * whole:
            place, token = place - row[token] * whole, token + 1
        whole *= row[token]
        tokens.append(token)
        if token == 0:
            break
    return tokens


@answers.wrong("arithmetic_decode", "the last row for the first token")
def _(bits, counts):
    place, whole = int(bits, 2), 2 ** len(bits)
    tokens = []
    for _ in range(400):
        row = counts[tokens[-1] if tokens else -1]
        place, token = place * sum(row), 0
        while token < len(row) - 1 and place >= row[token] * whole:
            place, token = place - row[token] * whole, token + 1
        whole *= row[token]
        tokens.append(token)
        if token == 0:
            break
    return tokens


@answers.wrong("arithmetic_decode", "leading zeros dropped")
def _(bits, counts):
    place, whole = int(bits, 2), 2 ** max(len(bits.lstrip("0")), 1)
    tokens = []
    for _ in range(400):
        row = counts[tokens[-1] if tokens else 0]
        place, token = place * sum(row), 0
        while token < len(row) - 1 and place >= row[token] * whole:
            place, token = place - row[token] * whole, token + 1
        whole *= row[token]
        tokens.append(token)
        if token == 0:
            break
    return tokens


@answers.wrong("arithmetic_decode", "the bits backwards")
def _(bits, counts):
    place, whole = int(bits[::-1], 2), 2 ** len(bits)
    tokens = []
    for _ in range(400):
        row = counts[tokens[-1] if tokens else 0]
        place, token = place * sum(row), 0
        while token < len(row) - 1 and place >= row[token] * whole:
            place, token = place - row[token] * whole, token + 1
        whole *= row[token]
        tokens.append(token)
        if token == 0:
            break
    return tokens


@answers.wrong("arithmetic_decode", "the stick is not stretched")
def _(bits, counts):
    place, whole = int(bits, 2), 2 ** len(bits)
    tokens = []
    for _ in range(400):
        row = counts[tokens[-1] if tokens else 0]
        place, token = place * sum(row), 0
        while token < len(row) - 1 and place >= row[token] * whole:
            place, token = place - row[token] * whole, token + 1
        place = place // sum(row)
        tokens.append(token)
        if token == 0:
            break
    return tokens


@answers.wrong("arithmetic_decode", "the 0 at the end left out")
def _(bits, counts):
    place, whole = int(bits, 2), 2 ** len(bits)
    tokens = []
    for _ in range(400):
        row = counts[tokens[-1] if tokens else 0]
        place, token = place * sum(row), 0
        while token < len(row) - 1 and place >= row[token] * whole:
            place, token = place - row[token] * whole, token + 1
        whole *= row[token]
        tokens.append(token)
        if token == 0:
            break
    return tokens[:-1]


@answers.wrong("arithmetic_decode", "the 0 in front left in")
def _(bits, counts):
    place, whole = int(bits, 2), 2 ** len(bits)
    tokens = []
    for _ in range(400):
        row = counts[tokens[-1] if tokens else 0]
        place, token = place * sum(row), 0
        while token < len(row) - 1 and place >= row[token] * whole:
            place, token = place - row[token] * whole, token + 1
        whole *= row[token]
        tokens.append(token)
        if token == 0:
            break
    return [0, *tokens]


@answers.wrong("arithmetic_decode", "stops after as many tokens as bits")
def _(bits, counts):
    place, whole = int(bits, 2), 2 ** len(bits)
    tokens = []
    for _ in range(400):
        row = counts[tokens[-1] if tokens else 0]
        place, token = place * sum(row), 0
        while token < len(row) - 1 and place >= row[token] * whole:
            place, token = place - row[token] * whole, token + 1
        whole *= row[token]
        tokens.append(token)
        if len(tokens) >= len(bits):
            break
    return tokens


@answers.wrong("arithmetic_decode", "the edge belongs to the share before it")
def _(bits, counts):
    place, whole = int(bits, 2), 2 ** len(bits)
    tokens = []
    for _ in range(400):
        row = counts[tokens[-1] if tokens else 0]
        place, token = place * sum(row), 0
        while token < len(row) - 1 and place > row[token] * whole:
            place, token = place - row[token] * whole, token + 1
        whole *= row[token]
        tokens.append(token)
        if token == 0:
            break
    return tokens


@answers.wrong("arithmetic_decode", "shares by the rank of the counts")
def _(bits, counts):
    place, whole = int(bits, 2), 2 ** len(bits)
    tokens = []
    for _ in range(400):
        row = sorted(counts[tokens[-1] if tokens else 0])
        place, token = place * sum(row), 0
        while token < len(row) - 1 and place >= row[token] * whole:
            place, token = place - row[token] * whole, token + 1
        whole *= row[token]
        tokens.append(token)
        if token == 0:
            break
    return tokens


@answers.wrong("arithmetic_decode", "the most probable token, whatever the bits")
def _(bits, counts):
    tokens = [int(np.argmax(counts[0]))]
    while tokens[-1] != 0 and len(tokens) < 40:
        tokens.append(int(np.argmax(counts[tokens[-1]])))
    return tokens


answers.right("found_leaks", "typed lists", leaks_A=_A, leaks_B=_B, leaks_C=_C, leaks_D=[])
answers.right("found_leaks", "in another order, as lists", leaks_A=_A[::-1], leaks_C=[list(p) for p in _C[::-1]])
answers.right("found_leaks", "arrays", leaks_A=np.array(_A), leaks_C=np.array(_C), leaks_D=np.zeros((0, 2)))
answers.right("found_leaks", "sets and tuples", leaks_A=set(_A), leaks_B=((0, 3),), leaks_C=tuple(_C), leaks_D=())
answers.wrong("found_leaks", "A called sound, for its loss", leaks_A=[])
answers.wrong("found_leaks", "B called sound, for its loss", leaks_B=[])
answers.wrong("found_leaks", "C called sound, since its loss is believable", leaks_C=[])
answers.wrong("found_leaks", "B as (input, output)", leaks_B=[(3, 0)])
answers.wrong("found_leaks", "C without the diagonal", leaks_C=[(0, 1), (0, 2), (1, 2)])
answers.wrong("found_leaks", "C with the last token", leaks_C=[*_C, (0, 3), (1, 3), (2, 3), (3, 3)])
answers.wrong("found_leaks", "D with what it may see", leaks_D=[(1, 0), (2, 1), (3, 2)])
answers.wrong("found_leaks", "B in every row", leaks_B=[(0, 3), (1, 3), (2, 3), (3, 3)])
answers.wrong("found_leaks", "A at one position only", leaks_A=[(3, 3)])
answers.wrong("found_leaks", "C transposed", leaks_C=[(s, t) for t, s in _C])
answers.wrong("found_leaks", "counting from 1", leaks_B=[(1, 4)])
answers.wrong("found_leaks", "positions, not pairs", leaks_A=[0, 1, 2, 3])


@answers.right("repaired_C", "a loop, a list")
def _(tokens, table, bos):
    rows, features = [], []
    previous = bos
    for token in tokens:
        features.append(table[int(previous)])
        x = features[-1] - np.mean(features, axis=0)
        rows.append((x - np.logaddexp.reduce(x)).tolist())
        previous = token
    return rows


@answers.right("repaired_C", "torch")
def _(tokens, table, bos):
    previous = torch.cat([torch.tensor([int(bos)]), torch.as_tensor(tokens)[:-1].long()])
    features = torch.as_tensor(table)[previous]
    running = features.cumsum(dim=0) / torch.arange(1, len(features) + 1)[:, None]
    return torch.log_softmax(features - running, dim=-1)


@answers.right("repaired_C", "a triangular matrix of weights, float32")
def _(tokens, table, bos):
    features = np.asarray(table, dtype=np.float32)[[bos, *tokens[:-1]]]
    weights = np.tril(np.ones((len(tokens), len(tokens)), dtype=np.float32))
    centred = features - (weights / weights.sum(axis=1, keepdims=True)) @ features
    return centred - np.logaddexp.reduce(centred, axis=1)[:, None]


@answers.wrong("repaired_C", "an exp that overflows")
def _(tokens, table, bos):
    features = np.asarray(table)[[bos, *tokens[:-1]]]
    centred = features - features.cumsum(axis=0) / np.arange(1, len(features) + 1)[:, None]
    return centred - np.log(np.exp(centred).sum(axis=1, keepdims=True))


@answers.wrong("repaired_C", "logits clipped at 700")
def _(tokens, table, bos):
    features = np.asarray(table)[[bos, *tokens[:-1]]]
    centred = np.clip(features - features.cumsum(axis=0) / np.arange(1, len(features) + 1)[:, None], -700, 700)
    return centred - np.log(np.exp(centred).sum(axis=1, keepdims=True))


@answers.wrong("repaired_C", "the lesson's own name and table, whatever is given")
def _(tokens, table, bos):
    features = np.random.default_rng(0).normal(size=(27, 27))[[0, 5, 13, 13]]
    running = features.cumsum(axis=0) / np.arange(1, 5)[:, None]
    return torch.log_softmax(torch.as_tensor(features - running), dim=-1)


@answers.wrong("repaired_C", "not repaired")
def _(tokens, table, bos):
    features = torch.as_tensor(table)[[bos, *[int(v) for v in tokens[:-1]]]]
    return torch.log_softmax(features - features.mean(dim=0, keepdim=True), dim=-1)


@answers.wrong("repaired_C", "no centring at all")
def _(tokens, table, bos):
    return torch.log_softmax(torch.as_tensor(table)[[bos, *[int(v) for v in tokens[:-1]]]], dim=-1)


@answers.wrong("repaired_C", "no shift: sees its own token")
def _(tokens, table, bos):
    features = torch.as_tensor(table)[torch.as_tensor(tokens)]
    running = features.cumsum(dim=0) / torch.arange(1, len(features) + 1)[:, None]
    return torch.log_softmax(features - running, dim=-1)


@answers.wrong("repaired_C", "divides the running sum by T")
def _(tokens, table, bos):
    features = torch.as_tensor(table)[[bos, *[int(v) for v in tokens[:-1]]]]
    return torch.log_softmax(features - features.cumsum(dim=0) / len(features), dim=-1)


@answers.wrong("repaired_C", "mean of the rows before t, without t")
def _(tokens, table, bos):
    features = torch.as_tensor(table)[[bos, *[int(v) for v in tokens[:-1]]]]
    counts = torch.arange(len(features)).clamp(min=1)[:, None]
    return torch.log_softmax(features - (features.cumsum(dim=0) - features) / counts, dim=-1)


@answers.wrong("repaired_C", "mean over the vocabulary: changes nothing")
def _(tokens, table, bos):
    features = torch.as_tensor(table)[[bos, *[int(v) for v in tokens[:-1]]]]
    return torch.log_softmax(features - features.mean(dim=1, keepdim=True), dim=-1)


@answers.wrong("repaired_C", "centred, but logits")
def _(tokens, table, bos):
    features = np.asarray(table)[[bos, *tokens[:-1]]]
    return features - features.cumsum(axis=0) / np.arange(1, len(features) + 1)[:, None]


@answers.wrong("repaired_C", "probabilities")
def _(tokens, table, bos):
    features = torch.as_tensor(table)[[bos, *[int(v) for v in tokens[:-1]]]]
    running = features.cumsum(dim=0) / torch.arange(1, len(features) + 1)[:, None]
    return torch.softmax(features - running, dim=-1)


@answers.wrong("repaired_C", "bos is always 0")
def _(tokens, table, bos):
    features = torch.as_tensor(table)[[0, *[int(v) for v in tokens[:-1]]]]
    running = features.cumsum(dim=0) / torch.arange(1, len(features) + 1)[:, None]
    return torch.log_softmax(features - running, dim=-1)


@answers.wrong("repaired_C", "normalised over positions")
def _(tokens, table, bos):
    features = torch.as_tensor(table)[[bos, *[int(v) for v in tokens[:-1]]]]
    running = features.cumsum(dim=0) / torch.arange(1, len(features) + 1)[:, None]
    return torch.log_softmax(features - running, dim=0)


@answers.wrong("bits_per_dim", "stops at eight bits")
def _(nll_nats, n_dims):
    return min(nll_nats / (n_dims * math.log(2)), 8.0)


@answers.wrong("bits_per_dim", "through the probability, which underflows")
def _(nll_nats, n_dims):
    p = np.exp(-nll_nats / n_dims)
    return -np.log2(p)


@answers.wrong("bigram_mle", "counts in bytes")
def _(sequences, vocab_size):
    counts = np.zeros((vocab_size, vocab_size), dtype=np.uint8)
    for s in sequences:
        for a, b in itertools.pairwise(s):
            counts[a, b] += 1
    total = counts.sum(axis=1, keepdims=True).astype(float)
    return np.where(total > 0, counts / np.maximum(total, 1), 1 / vocab_size)


answers.wrong("pieces_BAC", "from the last letter to the first", pieces_BAC=[0.511, 0.693, 0.916])


@answers.wrong("log_softmax", "takes out the mean: overflows when one logit is far above")
def _(logits):
    finite = np.isfinite(logits)
    z = logits - np.where(finite, logits, 0).sum(axis=-1, keepdims=True) / finite.sum(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


@answers.wrong("log_softmax", "axis 1 for the last axis")
def _(logits):
    axis = min(1, logits.ndim - 1)
    z = logits - logits.max(axis=axis, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=axis, keepdims=True))


@answers.wrong("log_softmax", "a forbidden token gets a finite number")
def _(logits):
    z = np.where(np.isneginf(logits), -1e9, logits)
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


@answers.wrong("sequence_nll", "one maximum for the whole batch")
def _(logits, targets):
    z = logits - logits.max()
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    return -np.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0].sum(axis=-1)


@answers.wrong("sequence_nll", "stable softmax, then the logarithm")
def _(logits, targets):
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p = p / p.sum(axis=-1, keepdims=True)
    return -np.log(np.take_along_axis(p, targets[..., None], axis=-1)[..., 0]).sum(axis=-1)


@answers.wrong("sequence_nll", "squeezes: a batch of one loses its axis")
def _(logits, targets):
    log_p = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    return -np.take_along_axis(log_p, targets[..., None], axis=-1).squeeze().sum(axis=-1)


@answers.wrong("sequence_nll", "one-hot of width T instead of V")
def _(logits, targets):
    log_p = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    return -np.where(np.eye(logits.shape[1], dtype=bool)[targets], log_p, 0).sum(axis=(1, 2))


@answers.wrong("kl_divergence", "infinite only if p has no zero of its own")
def _(p, q):
    if q.min() == 0 and p.min() > 0:
        return math.inf
    on = (p > 0) & (q > 0)
    return float((p[on] * np.log(p[on] / q[on])).sum())


@answers.wrong("kl_divergence", "takes a tiny p for zero")
def _(p, q):
    happens = ~np.isclose(p, 0)
    if (q[happens] == 0).any():
        return math.inf
    return float((p[happens] * (np.log(p[happens]) - np.log(q[happens]))).sum())


@answers.wrong("arithmetic_decode", "a call inside a call for each token: too deep for a long message")
def _(bits, counts):
    def rest(place, whole, previous):
        row, token = counts[previous], 0
        place *= sum(row)
        while place >= row[token] * whole:
            place, token = place - row[token] * whole, token + 1
        return [token] if token == 0 else [token, *rest(place, whole * row[token], token)]

    return rest(int(bits, 2), 2 ** len(bits), 0)


@answers.wrong("arithmetic_decode", "a hundred decimal digits")
def _(bits, counts):
    from decimal import Decimal, localcontext

    with localcontext() as context:
        context.prec = 100
        place, tokens = Decimal(int(bits, 2)) / Decimal(2) ** len(bits), []
        while len(tokens) < 5000 and tokens[-1:] != [0]:
            row, token = counts[tokens[-1] if tokens else 0], 0
            place *= sum(row)
            while token < len(row) - 1 and place >= row[token]:
                place, token = place - row[token], token + 1
            place = place / row[token] if row[token] else place
            tokens.append(token)
    return tokens
