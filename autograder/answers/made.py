"""Answers that test the checks of lesson 04: masked autoencoders."""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch

from autograder.answers import Answers
from lib.byhand import personal_numbers

answers = Answers("04_made")


def _kept_mine(student_name: str) -> list[int]:
    """The three counts for a student's own network."""
    mine = personal_numbers(student_name, "04", 1, 7, 8)
    between = sum(to >= source for source in mine[:4] for to in mine[4:])
    return [sum(mine[:4]), between, sum(8 - m for m in mine[4:])]


answers.personal["kept_mine"] = _kept_mine  # type: ignore[assignment]

# By hand.

_ADA = _kept_mine("Ada Lovelace")
answers.right("kept_mine", "typed", kept_mine=tuple(_ADA))
answers.right("kept_mine", "an array", kept_mine=np.array(_ADA))
answers.right("kept_mine", "floats", kept_mine=[float(k) for k in _ADA])
answers.wrong("kept_mine", "somebody else's", kept_mine=_kept_mine("Charles Babbage"))
answers.wrong("kept_mine", "from the outputs to the inputs", kept_mine=_ADA[::-1])
answers.wrong("kept_mine", "the connections that go", kept_mine=[32 - _ADA[0], 16 - _ADA[1], 32 - _ADA[2]])
answers.wrong("kept_mine", "outputs of equal degree too", kept_mine=[_ADA[0], _ADA[1], _ADA[2] + 4])
answers.wrong("kept_mine", "inputs of lower degree only", kept_mine=[_ADA[0] - 4, _ADA[1], _ADA[2]])
answers.wrong("kept_mine", "half of each", kept_mine=[16, 8, 16])
answers.wrong("kept_mine", "the middle left whole", kept_mine=[_ADA[0], 16, _ADA[2]])
answers.wrong("kept_mine", "two counts only", kept_mine=_ADA[:2])


# make_masks


@answers.right("make_masks", "loops, lists of lists")
def _(degrees):
    layers = [layer.tolist() for layer in degrees] + [degrees[0].tolist()]
    masks = []
    for i in range(len(layers) - 1):
        last = i == len(layers) - 2
        masks.append([[int(to > s if last else to >= s) for s in layers[i]] for to in layers[i + 1]])
    return masks


@answers.right("make_masks", "numpy, float32")
def _(degrees):
    layers = [np.asarray(layer) for layer in degrees]
    masks = [np.greater_equal.outer(to, source) for source, to in itertools.pairwise(layers)]
    masks.append(np.greater.outer(layers[0], layers[-1]))
    return [mask.astype(np.float32) for mask in masks]


@answers.right("make_masks", "the outputs' degrees lowered by one")
def _(degrees):
    layers = [*degrees, degrees[0] - 1]
    return tuple((layers[i + 1].unsqueeze(1) >= layers[i].unsqueeze(0)).double() for i in range(len(degrees)))


@answers.wrong("make_masks", ">= at the output")
def _(degrees):
    layers = [*degrees, degrees[0]]
    return [layers[i + 1][:, None] >= layers[i][None, :] for i in range(len(degrees))]


@answers.wrong("make_masks", "> everywhere")
def _(degrees):
    layers = [*degrees, degrees[0]]
    return [layers[i + 1][:, None] > layers[i][None, :] for i in range(len(degrees))]


@answers.wrong("make_masks", "strict at the input instead")
def _(degrees):
    layers = [*degrees, degrees[0]]
    masks = [layers[i + 1][:, None] >= layers[i][None, :] for i in range(len(degrees))]
    return [layers[1][:, None] > layers[0][None, :], *masks[1:]]


@answers.wrong("make_masks", "turned over")
def _(degrees):
    masks = [source[:, None] <= to[None, :] for source, to in itertools.pairwise(degrees)]
    return [*masks, degrees[-1][:, None] < degrees[0][None, :]]


@answers.wrong("make_masks", "the comparison the wrong way round")
def _(degrees):
    masks = [to[:, None] <= source[None, :] for source, to in itertools.pairwise(degrees)]
    return [*masks, degrees[0][:, None] < degrees[-1][None, :]]


@answers.wrong("make_masks", "the output in raster order")
def _(degrees):
    masks = [to[:, None] >= source[None, :] for source, to in itertools.pairwise(degrees)]
    raster = torch.arange(1, len(degrees[0]) + 1)
    return [*masks, raster[:, None] > degrees[-1][None, :]]


@answers.wrong("make_masks", "the inputs in raster order")
def _(degrees):
    layers = [torch.arange(1, len(degrees[0]) + 1), *degrees[1:]]
    masks = [to[:, None] >= source[None, :] for source, to in itertools.pairwise(layers)]
    return [*masks, degrees[0][:, None] > layers[-1][None, :]]


@answers.wrong("make_masks", "the last mask forgotten")
def _(degrees):
    return [to[:, None] >= source[None, :] for source, to in itertools.pairwise(degrees)]


@answers.wrong("make_masks", "one hidden layer only")
def _(degrees):
    return [degrees[1][:, None] >= degrees[0][None, :], degrees[0][:, None] > degrees[1][None, :]]


@answers.wrong("make_masks", "fails without hidden layers")
def _(degrees):
    first = degrees[1][:, None] >= degrees[0][None, :]
    masks = [to[:, None] >= source[None, :] for source, to in itertools.pairwise(degrees[1:])]
    return [first, *masks, degrees[0][:, None] > degrees[-1][None, :]]


@answers.wrong("make_masks", "marks what is cut")
def _(degrees):
    masks = [to[:, None] < source[None, :] for source, to in itertools.pairwise(degrees)]
    return [*masks, degrees[0][:, None] <= degrees[-1][None, :]]


@answers.wrong("make_masks", "knows the visible example only")
def _(degrees):
    if len(degrees) == 1:
        return [torch.tensor([[0, 0, 1], [1, 0, 1], [0, 0, 0]])]
    first, second, third = torch.tensor([1, 2, 3, 4]), torch.tensor([1, 3, 2, 1, 3]), torch.tensor([2, 1, 3, 2, 3])
    return [second[:, None] >= first, third[:, None] >= second, first[:, None] > third]


# masked_linear


@answers.right("masked_linear", "a matrix product")
def _(x, weight, bias, mask):
    return x @ (weight * mask).T + bias


@answers.right("masked_linear", "numpy in float64")
def _(x, weight, bias, mask):
    kept = np.where(np.asarray(mask) > 0, np.asarray(weight, dtype=float), 0.0)
    return np.asarray(x, dtype=float) @ kept.T + np.asarray(bias, dtype=float)


@answers.right("masked_linear", "loops, a list")
def _(x, weight, bias, mask):
    return [
        [
            float(bias[o]) + sum(float(row[i] * weight[o, i]) for i in range(len(row)) if mask[o, i])
            for o in range(len(bias))
        ]
        for row in x
    ]


@answers.right("masked_linear", "fills a copy with zeros")
def _(x, weight, bias, mask):
    return torch.nn.functional.linear(x, weight.masked_fill(mask == 0, 0.0), bias)


@answers.wrong("masked_linear", "no mask")
def _(x, weight, bias, mask):
    return x @ weight.T + bias


@answers.wrong("masked_linear", "changes the weight")
def _(x, weight, bias, mask):
    weight *= mask
    return x @ weight.T + bias


@answers.wrong("masked_linear", "no bias")
def _(x, weight, bias, mask):
    return x @ (weight * mask).T


@answers.wrong("masked_linear", "the mask turned over")
def _(x, weight, bias, mask):
    return x @ (weight * mask.T).T + bias


@answers.wrong("masked_linear", "keeps what the mask cuts")
def _(x, weight, bias, mask):
    return x @ (weight * (1 - mask.to(weight.dtype))).T + bias


@answers.wrong("masked_linear", "masks the output rows that have a hole")
def _(x, weight, bias, mask):
    return (x @ weight.T + bias) * mask.bool().all(dim=1)


@answers.wrong("masked_linear", "cuts the bias of units with no input left")
def _(x, weight, bias, mask):
    return (x @ (weight * mask).T + bias) * mask.bool().any(dim=1)


@answers.wrong("masked_linear", "adds a large negative number where cut, as for attention")
def _(x, weight, bias, mask):
    return x @ torch.where(mask > 0, weight, torch.full_like(weight, -1e9)).T + bias


@answers.wrong("masked_linear", "rescaled like dropout")
def _(x, weight, bias, mask):
    return x @ (weight * mask).T / mask.to(weight.dtype).mean() + bias


# made_logits


@answers.right("made_logits", "numpy")
def _(x, weights, biases, masks):
    h = np.asarray(x, dtype=float)
    for i in range(len(weights)):
        h = h @ (np.asarray(weights[i], dtype=float) * np.asarray(masks[i])).T + np.asarray(biases[i], dtype=float)
        if i < len(weights) - 1:
            h = np.maximum(h, 0)
    return h


@answers.right("made_logits", "hidden layers first, the last one apart")
def _(x, weights, biases, masks):
    h = x
    for w, b, m in zip(weights[:-1], biases[:-1], masks[:-1], strict=True):
        h = (h @ (w * m).T + b).clamp(min=0)
    return h @ (weights[-1] * masks[-1]).T + biases[-1]


@answers.right("made_logits", "image by image, a list of tensors' lists")
def _(x, weights, biases, masks):
    rows = []
    for image in x:
        h = image
        for i, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
            h = torch.where(m > 0, w, torch.zeros_like(w)) @ h + b
            if i + 1 < len(weights):
                h = h * (h > 0)
        rows.append(h.tolist())
    return rows


@answers.wrong("made_logits", "a ReLU on the logits too")
def _(x, weights, biases, masks):
    for w, b, m in zip(weights, biases, masks, strict=True):
        x = torch.relu(x @ (w * m).T + b)
    return x


@answers.wrong("made_logits", "no ReLU at all")
def _(x, weights, biases, masks):
    for w, b, m in zip(weights, biases, masks, strict=True):
        x = x @ (w * m).T + b
    return x


@answers.wrong("made_logits", "masks forgotten")
def _(x, weights, biases, masks):
    for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
        x = (torch.relu(x) if i else x) @ w.T + b
    return x


@answers.wrong("made_logits", "the last mask forgotten")
def _(x, weights, biases, masks):
    for i, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        kept = w if i == len(weights) - 1 else w * m
        x = (torch.relu(x) if i else x) @ kept.T + b
    return x


@answers.wrong("made_logits", "probabilities")
def _(x, weights, biases, masks):
    for i, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        x = (torch.relu(x) if i else x) @ (w * m).T + b
    return torch.sigmoid(x)


@answers.wrong("made_logits", "two layers only")
def _(x, weights, biases, masks):
    h = torch.relu(x @ (weights[0] * masks[0]).T + biases[0])
    return h @ (weights[-1] * masks[-1]).T + biases[-1]


@answers.wrong("made_logits", "sigmoid units instead of ReLU")
def _(x, weights, biases, masks):
    for i, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        x = (torch.sigmoid(x) if i else x) @ (w * m).T + b
    return x


@answers.wrong("made_logits", "biases forgotten")
def _(x, weights, biases, masks):
    for i, (w, m) in enumerate(zip(weights, masks, strict=True)):
        x = (torch.relu(x) if i else x) @ (w * m).T
    return x


@answers.wrong("made_logits", "a residual connection past the masks")
def _(x, weights, biases, masks):
    h = x
    for i, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        h = (torch.relu(h) if i else h) @ (w * m).T + b
    return h + x


@answers.wrong("made_logits", "relu6 for ReLU")
def _(x, weights, biases, masks):
    for i, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        x = (torch.nn.functional.relu6(x) if i else x) @ (w * m).T + b
    return x


@answers.wrong("made_logits", "ReLU cut at 100")
def _(x, weights, biases, masks):
    for i, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        x = (x.clamp(0, 100) if i else x) @ (w * m).T + b
    return x


# dependence_by_masks


@answers.right("dependence_by_masks", "sets of pixels")
def _(masks):
    known = [{s} for s in range(masks[0].shape[1])]
    for mask in masks:
        known = [set().union(*(known[i] for i in range(len(row)) if row[i])) for row in mask.tolist()]
    return [[s in unit for s in range(masks[0].shape[1])] for unit in known]


@answers.right("dependence_by_masks", "numpy, from the outputs down")
def _(masks):
    result = np.asarray(masks[-1]) != 0
    for mask in reversed(masks[:-1]):
        result = (result.astype(int) @ (np.asarray(mask) != 0).astype(int)) > 0
    return result


@answers.right("dependence_by_masks", "counts, clipped, float64")
def _(masks):
    paths = masks[0].double()
    for mask in masks[1:]:
        paths = (mask.double() @ paths).clamp(max=1)
    return paths


@answers.right("dependence_by_masks", "boolean any, 0 and 1")
def _(masks):
    result = masks[0] > 0
    for mask in masks[1:]:
        result = ((mask > 0)[:, :, None] & result[None, :, :]).any(dim=1)
    return result.int()


@answers.wrong("dependence_by_masks", "counts of paths")
def _(masks):
    paths = masks[0].double()
    for mask in masks[1:]:
        paths = mask.double() @ paths
    return paths


@answers.wrong("dependence_by_masks", "overflows in float32")
def _(masks):
    paths = masks[0].float()
    for mask in masks[1:]:
        paths = mask.float() @ paths
    return paths > 0


@answers.wrong("dependence_by_masks", "overflows in int64")
def _(masks):
    paths = masks[0].long()
    for mask in masks[1:]:
        paths = mask.long() @ paths
    return paths > 0


@answers.wrong("dependence_by_masks", "factors in the wrong order")
def _(masks):
    result = masks[-1] > 0
    for mask in reversed(masks[:-1]):
        result = (mask.float() @ result.float()) > 0
    return result


@answers.wrong("dependence_by_masks", "turned over")
def _(masks):
    result = masks[0] > 0
    for mask in masks[1:]:
        result = (mask.float() @ result.float()) > 0
    return result.T


@answers.wrong("dependence_by_masks", "what an order would allow")
def _(masks):
    n = masks[0].shape[1]
    return torch.ones(n, n).tril(-1) > 0


@answers.wrong("dependence_by_masks", "first and last mask only")
def _(masks):
    if len(masks) == 1:
        return masks[0] > 0
    n = min(masks[-1].shape[1], masks[0].shape[0])
    return masks[-1].float()[:, :n] @ masks[0].float()[:n] > 0


@answers.wrong("dependence_by_masks", "exactly one path")
def _(masks):
    paths = masks[0].double()
    for mask in masks[1:]:
        paths = mask.double() @ paths
    return paths == 1


@answers.wrong("dependence_by_masks", "where every path is open")
def _(masks):
    result = masks[0] > 0
    for mask in masks[1:]:
        result = ((mask == 0)[:, :, None] | result[None, :, :]).all(dim=1)
    return result


@answers.wrong("dependence_by_masks", "whether there is a path, in uint8: 256 of them are none")
def _(masks):
    result = masks[0].to(torch.uint8).numpy()
    for mask in masks[1:]:
        result = (mask.to(torch.uint8).numpy() @ result > 0).astype(np.uint8)
    return result > 0


@answers.wrong("dependence_by_masks", "counts divided by the largest, so that a lonely path vanishes")
def _(masks):
    paths = masks[0].double()
    for mask in masks[1:]:
        paths = mask.double() @ paths
        paths = paths / paths.max().clamp(min=1)
    return paths > 0


@answers.wrong("dependence_by_masks", "shares of the paths, which halve until nothing is left")
def _(masks):
    paths = masks[0].double()
    for mask in masks[1:]:
        paths = (mask.double() / mask.double().sum(dim=1, keepdim=True).clamp(min=1)) @ paths
    return paths > 0


# made_sample


@answers.right("made_sample", "all pixels anew in each pass: a fixed point")
def _(logits_fn, order, uniforms):
    x = torch.zeros_like(uniforms)
    for _ in order:
        x = (uniforms < torch.sigmoid(logits_fn(x))).to(uniforms.dtype)
    return x


@answers.right("made_sample", "image by image")
def _(logits_fn, order, uniforms):
    images = []
    for u in uniforms:
        x = torch.zeros(1, len(order), dtype=uniforms.dtype)
        for d in order:
            p = 1 / (1 + torch.exp(-logits_fn(x)[0, d]))
            x[0, d] = float(u[d] < p)
        images.append(x[0])
    return torch.stack(images)


@answers.right("made_sample", "compares logits with logits")
def _(logits_fn, order, uniforms):
    x = torch.zeros(uniforms.shape, dtype=torch.float64)
    threshold = torch.logit(uniforms.double())
    for d in order:
        x[:, d] = (threshold[:, d] < logits_fn(x)[:, d]).double()
    return x.tolist()


@answers.right("made_sample", "from a page of ones")
def _(logits_fn, order, uniforms):
    x = torch.ones_like(uniforms)
    for d in order:
        x[:, d] = torch.where(uniforms[:, d] < logits_fn(x)[:, d].sigmoid(), 1.0, 0.0)
    return x


@answers.wrong("made_sample", "raster order")
def _(logits_fn, order, uniforms):
    x = torch.zeros_like(uniforms)
    for d in range(len(order)):
        x[:, d] = (uniforms[:, d] < torch.sigmoid(logits_fn(x)[:, d])).to(x.dtype)
    return x


@answers.wrong("made_sample", "column k for the k-th pixel of the order")
def _(logits_fn, order, uniforms):
    x = torch.zeros_like(uniforms)
    for k, d in enumerate(order):
        x[:, d] = (uniforms[:, k] < torch.sigmoid(logits_fn(x)[:, d])).to(x.dtype)
    return x


@answers.wrong("made_sample", "order[k] read as the turn of pixel k")
def _(logits_fn, order, uniforms):
    x = torch.zeros_like(uniforms)
    for d in np.argsort(order):
        x[:, d] = (uniforms[:, d] < torch.sigmoid(logits_fn(x)[:, d])).to(x.dtype)
    return x


@answers.wrong("made_sample", "one pass for all pixels")
def _(logits_fn, order, uniforms):
    return (uniforms < torch.sigmoid(logits_fn(torch.zeros_like(uniforms)))).to(uniforms.dtype)


@answers.wrong("made_sample", "lit above the probability")
def _(logits_fn, order, uniforms):
    x = torch.zeros_like(uniforms)
    for d in order:
        x[:, d] = (uniforms[:, d] > torch.sigmoid(logits_fn(x)[:, d])).to(x.dtype)
    return x


@answers.wrong("made_sample", "logits taken for probabilities")
def _(logits_fn, order, uniforms):
    x = torch.zeros_like(uniforms)
    for d in order:
        x[:, d] = (uniforms[:, d] < logits_fn(x)[:, d]).to(x.dtype)
    return x


@answers.wrong("made_sample", "feeds back probabilities")
def _(logits_fn, order, uniforms):
    x, soft = torch.zeros_like(uniforms), torch.zeros_like(uniforms)
    for d in order:
        p = torch.sigmoid(logits_fn(soft)[:, d]).to(x.dtype)
        soft[:, d] = p
        x[:, d] = (uniforms[:, d] < p).to(x.dtype)
    return x


@answers.wrong("made_sample", "the most probable value, no chance")
def _(logits_fn, order, uniforms):
    x = torch.zeros_like(uniforms)
    for d in order:
        x[:, d] = (logits_fn(x)[:, d] > 0).to(x.dtype)
    return x


@answers.wrong("made_sample", "in the order's own numbering, not put back")
def _(logits_fn, order, uniforms):
    x = torch.zeros_like(uniforms)
    for d in order:
        x[:, d] = (uniforms[:, d] < torch.sigmoid(logits_fn(x)[:, d])).to(x.dtype)
    return x[:, list(order)]


@answers.wrong("made_sample", "writes into the uniforms")
def _(logits_fn, order, uniforms):
    x = torch.zeros_like(uniforms)
    for d in order:
        uniforms[:, d] = (uniforms[:, d] < torch.sigmoid(logits_fn(x)[:, d])).to(x.dtype)
        x[:, d] = uniforms[:, d]
    return x


@answers.wrong("made_sample", "the last pixel forgotten")
def _(logits_fn, order, uniforms):
    x = torch.zeros_like(uniforms)
    for d in order[:-1]:
        x[:, d] = (uniforms[:, d] < torch.sigmoid(logits_fn(x)[:, d])).to(x.dtype)
    return x


@answers.wrong("made_sample", "ten passes for all pixels")
def _(logits_fn, order, uniforms):
    x = torch.zeros_like(uniforms)
    for _ in range(10):
        x = (uniforms < torch.sigmoid(logits_fn(x))).to(uniforms.dtype)
    return x


@answers.wrong("made_sample", "raster order, three times over")
def _(logits_fn, order, uniforms):
    x = torch.zeros_like(uniforms)
    for d in [*range(len(order))] * 3:
        x[:, d] = (uniforms[:, d] < torch.sigmoid(logits_fn(x)[:, d])).to(x.dtype)
    return x


@answers.right("made_sample", "all pixels anew until nothing changes")
def _(logits_fn, order, uniforms):
    x, before = torch.zeros_like(uniforms), None
    while before is None or not torch.equal(x, before):
        x, before = (uniforms < torch.sigmoid(logits_fn(x))).to(uniforms.dtype), x
    return x


# training_step


@answers.right("training_step", "autograd")
def _(x, weights, biases, masks, lr):
    weights = [w.clone().requires_grad_() for w in weights]
    biases = [b.clone().requires_grad_() for b in biases]
    h = x
    for k, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * m, b)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none").sum(dim=1).mean()
    loss.backward()
    return loss, [w - lr * w.grad for w in weights], [b - lr * b.grad for b in biases]


@answers.right("training_step", "by hand, numpy")
def _(x, weights, biases, masks, lr):
    x = np.asarray(x, dtype=float)
    kept = [np.asarray(w, dtype=float) * np.asarray(m) for w, m in zip(weights, masks, strict=True)]
    values, h = [x], x
    for k, b in zip(kept, biases, strict=True):
        z = h @ k.T + np.asarray(b, dtype=float)
        h = np.maximum(z, 0)
        values.append(h)
    loss = (np.maximum(z, 0) - x * z + np.log1p(np.exp(-np.abs(z)))).sum(axis=1).mean()
    error = (0.5 * (1 + np.tanh(0.5 * z)) - x) / len(x)
    new_weights, new_biases = [], []
    for k in reversed(range(len(kept))):
        new_weights.append(np.asarray(weights[k], dtype=float) - lr * (error.T @ values[k]) * np.asarray(masks[k]))
        new_biases.append(np.asarray(biases[k], dtype=float) - lr * error.sum(axis=0))
        error = error @ kept[k] * (values[k] > 0)
    return loss, new_weights[::-1], new_biases[::-1]


@answers.right("training_step", "an optimiser of torch on parameters of its own")
def _(x, weights, biases, masks, lr):
    parameters = [torch.nn.Parameter(v.clone()) for v in [*weights, *biases]]
    n = len(weights)
    optimiser = torch.optim.SGD(parameters, lr=lr)
    h = x
    for k in range(n):
        h = h @ (parameters[k] * masks[k]).T + parameters[n + k]
        h = h.clamp(min=0) if k < n - 1 else h
    loss = torch.nn.BCEWithLogitsLoss(reduction="sum")(h, x) / len(x)
    loss.backward()
    optimiser.step()
    return float(loss), parameters[:n], parameters[n:]


@answers.right("training_step", "nudges every parameter, in float64")
def _(x, weights, biases, masks, lr):
    x, masks = x.double(), [m.double() for m in masks]
    given = [v.double() for v in [*weights, *biases]]
    n = len(weights)

    def mean_nll(parameters):
        h = x
        for k in range(n):
            h = (h if k == 0 else h.clamp(min=0)) @ (parameters[k] * masks[k]).T + parameters[n + k]
        return (torch.nn.functional.softplus(h) - x * h).sum() / len(x)

    stepped = [v.clone() for v in given]
    for k in range(2 * n):
        for i in range(given[k].numel()):
            ends = []
            for nudge in (1e-5, -1e-5):
                moved = [v.clone() for v in given]
                moved[k].view(-1)[i] += nudge
                ends.append(mean_nll(moved))
            stepped[k].view(-1)[i] -= lr * (ends[0] - ends[1]) / 2e-5
    return mean_nll(given), stepped[:n], stepped[n:]


@answers.right("training_step", "torch.func, in one gradient")
def _(x, weights, biases, masks, lr):
    def mean_nll(weights, biases):
        h = x
        for k, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
            h = torch.nn.functional.linear(torch.relu(h) if k else h, torch.where(m > 0, w, torch.zeros_like(w)), b)
        return -torch.nn.functional.logsigmoid(torch.where(x > 0, h, -h)).sum() / len(x)

    gradients, loss = torch.func.grad_and_value(mean_nll, argnums=(0, 1))(weights, biases)
    new = [[v - lr * g for v, g in zip(*pair, strict=True)] for pair in zip((weights, biases), gradients, strict=True)]
    return [loss, tuple(new[0]), tuple(new[1])]


@answers.wrong("training_step", "the mean over pixels too")
def _(x, weights, biases, masks, lr):
    weights = [w.clone().requires_grad_() for w in weights]
    biases = [b.clone().requires_grad_() for b in biases]
    h = x
    for k, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * m, b)
    terms = torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none")
    loss = terms.mean()
    loss.backward()
    return loss.detach(), [w - lr * w.grad for w in weights], [b - lr * b.grad for b in biases]


@answers.wrong("training_step", "the right loss, but the step of the mean over pixels")
def _(x, weights, biases, masks, lr):
    weights = [w.clone().requires_grad_() for w in weights]
    biases = [b.clone().requires_grad_() for b in biases]
    h = x
    for k, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * m, b)
    terms = torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none")
    loss = terms.sum(dim=1).mean()
    terms.mean().backward()
    return loss.detach(), [w - lr * w.grad for w in weights], [b - lr * b.grad for b in biases]


@answers.wrong("training_step", "the sum over the images")
def _(x, weights, biases, masks, lr):
    weights = [w.clone().requires_grad_() for w in weights]
    biases = [b.clone().requires_grad_() for b in biases]
    h = x
    for k, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * m, b)
    terms = torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none")
    loss = terms.sum()
    loss.backward()
    return loss.detach(), [w - lr * w.grad for w in weights], [b - lr * b.grad for b in biases]


@answers.wrong("training_step", "uphill")
def _(x, weights, biases, masks, lr):
    weights = [w.clone().requires_grad_() for w in weights]
    biases = [b.clone().requires_grad_() for b in biases]
    h = x
    for k, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * m, b)
    terms = torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none")
    loss = terms.sum(dim=1).mean()
    loss.backward()
    return loss.detach(), [w + lr * w.grad for w in weights], [b + lr * b.grad for b in biases]


@answers.wrong("training_step", "no masks")
def _(x, weights, biases, masks, lr):
    weights = [w.clone().requires_grad_() for w in weights]
    biases = [b.clone().requires_grad_() for b in biases]
    h = x
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w, b)
    terms = torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none")
    loss = terms.sum(dim=1).mean()
    loss.backward()
    return loss.detach(), [w - lr * w.grad for w in weights], [b - lr * b.grad for b in biases]


@answers.wrong("training_step", "cut weights set to 0")
def _(x, weights, biases, masks, lr):
    weights = [w.clone().requires_grad_() for w in weights]
    biases = [b.clone().requires_grad_() for b in biases]
    h = x
    for k, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * m, b)
    terms = torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none")
    loss = terms.sum(dim=1).mean()
    loss.backward()
    return (
        loss.detach(),
        [(w - lr * w.grad) * m for w, m in zip(weights, masks, strict=True)],
        [b - lr * b.grad for b in biases],
    )


@answers.wrong("training_step", "weights masked once, then stepped everywhere")
def _(x, weights, biases, masks, lr):
    weights = [(w * m).requires_grad_() for w, m in zip(weights, masks, strict=True)]
    biases = [b.clone().requires_grad_() for b in biases]
    h = x
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w, b)
    terms = torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none")
    loss = terms.sum(dim=1).mean()
    loss.backward()
    return loss.detach(), [w - lr * w.grad for w in weights], [b - lr * b.grad for b in biases]


@answers.wrong("training_step", "the biases stay")
def _(x, weights, biases, masks, lr):
    weights = [w.clone().requires_grad_() for w in weights]
    biases = [b.clone().requires_grad_() for b in biases]
    h = x
    for k, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * m, b)
    terms = torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none")
    loss = terms.sum(dim=1).mean()
    loss.backward()
    return loss.detach(), [w - lr * w.grad for w in weights], biases


@answers.wrong("training_step", "the weights stay")
def _(x, weights, biases, masks, lr):
    weights = [w.clone().requires_grad_() for w in weights]
    biases = [b.clone().requires_grad_() for b in biases]
    h = x
    for k, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * m, b)
    terms = torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none")
    loss = terms.sum(dim=1).mean()
    loss.backward()
    return loss.detach(), weights, [b - lr * b.grad for b in biases]


@answers.wrong("training_step", "the last layer only")
def _(x, weights, biases, masks, lr):
    weights = [w.clone().requires_grad_() for w in weights]
    biases = [b.clone().requires_grad_() for b in biases]
    h = x
    for k, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * m, b)
    terms = torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none")
    loss = terms.sum(dim=1).mean()
    loss.backward()
    new_weights = [*weights[:-1], weights[-1] - lr * weights[-1].grad]
    return loss.detach(), new_weights, [*biases[:-1], biases[-1] - lr * biases[-1].grad]


@answers.wrong("training_step", "gradients in place of parameters")
def _(x, weights, biases, masks, lr):
    weights = [w.clone().requires_grad_() for w in weights]
    biases = [b.clone().requires_grad_() for b in biases]
    h = x
    for k, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * m, b)
    terms = torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none")
    loss = terms.sum(dim=1).mean()
    loss.backward()
    return loss.detach(), [w.grad for w in weights], [b.grad for b in biases]


@answers.wrong("training_step", "no learning rate")
def _(x, weights, biases, masks, lr):
    weights = [w.clone().requires_grad_() for w in weights]
    biases = [b.clone().requires_grad_() for b in biases]
    h = x
    for k, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * m, b)
    terms = torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none")
    loss = terms.sum(dim=1).mean()
    loss.backward()
    return loss.detach(), [w - w.grad for w in weights], [b - b.grad for b in biases]


@answers.wrong("training_step", "the loss after the step")
def _(x, weights, biases, masks, lr):
    weights = [w.clone().requires_grad_() for w in weights]
    biases = [b.clone().requires_grad_() for b in biases]
    h = x
    for k, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * m, b)
    terms = torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none")
    loss = terms.sum(dim=1).mean()
    loss.backward()
    weights, biases = [w - lr * w.grad for w in weights], [b - lr * b.grad for b in biases]
    h = x
    for k, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * m, b)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none").sum(dim=1).mean()
    return loss, weights, biases


@answers.wrong("training_step", "changes the given parameters")
def _(x, weights, biases, masks, lr):
    weights = [w.requires_grad_() for w in weights]
    biases = [b.requires_grad_() for b in biases]
    h = x
    for k, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * m, b)
    terms = torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none")
    loss = terms.sum(dim=1).mean()
    loss.backward()
    with torch.no_grad():
        for v in [*weights, *biases]:
            v -= lr * v.grad
    return loss.detach(), weights, biases


@answers.wrong("training_step", "a loss that stops at 100 nats a pixel")
def _(x, weights, biases, masks, lr):
    weights = [w.clone().requires_grad_() for w in weights]
    biases = [b.clone().requires_grad_() for b in biases]
    h = x
    for k, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * m, b)
    terms = torch.nn.functional.binary_cross_entropy(torch.sigmoid(h), x, reduction="none")
    loss = terms.sum(dim=1).mean()
    loss.backward()
    return loss.detach(), [w - lr * w.grad for w in weights], [b - lr * b.grad for b in biases]


@answers.wrong("training_step", "the logarithm of a rounded probability")
def _(x, weights, biases, masks, lr):
    weights = [w.clone().requires_grad_() for w in weights]
    biases = [b.clone().requires_grad_() for b in biases]
    h = x
    for k, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * m, b)
    p = torch.sigmoid(h)
    terms = -torch.where(x > 0, p.log(), (1 - p).log())
    loss = terms.sum(dim=1).mean()
    loss.backward()
    return loss.detach(), [w - lr * w.grad for w in weights], [b - lr * b.grad for b in biases]


@answers.wrong("training_step", "steps each layer on the way down, and goes on with the new weights")
def _(x, weights, biases, masks, lr):
    values, h = [x], x
    for w, b, m in zip(weights[:-1], biases[:-1], masks[:-1], strict=True):
        h = torch.relu(h @ (w * m).T + b)
        values.append(h)
    z = h @ (weights[-1] * masks[-1]).T + biases[-1]
    loss = (torch.nn.functional.softplus(z) - x * z).sum() / len(x)
    error = (torch.sigmoid(z) - x) / len(x)
    new_weights, new_biases = list(weights), list(biases)
    for k in reversed(range(len(weights))):
        new_weights[k] = weights[k] - lr * (error.T @ values[k]) * masks[k]
        new_biases[k] = biases[k] - lr * error.sum(dim=0)
        error = error @ (new_weights[k] * masks[k]) * (values[k] > 0)
    return loss, new_weights, new_biases


@answers.wrong("training_step", "no derivative of the ReLU")
def _(x, weights, biases, masks, lr):
    values, h = [x], x
    for w, b, m in zip(weights[:-1], biases[:-1], masks[:-1], strict=True):
        h = torch.relu(h @ (w * m).T + b)
        values.append(h)
    z = h @ (weights[-1] * masks[-1]).T + biases[-1]
    loss = (torch.nn.functional.softplus(z) - x * z).sum() / len(x)
    error = (torch.sigmoid(z) - x) / len(x)
    new_weights, new_biases = list(weights), list(biases)
    for k in reversed(range(len(weights))):
        new_weights[k] = weights[k] - lr * (error.T @ values[k]) * masks[k]
        new_biases[k] = biases[k] - lr * error.sum(dim=0)
        error = error @ (weights[k] * masks[k])
    return loss, new_weights, new_biases


@answers.wrong("training_step", "by hand, and the gradient of a cut weight not cut")
def _(x, weights, biases, masks, lr):
    values, h = [x], x
    for w, b, m in zip(weights[:-1], biases[:-1], masks[:-1], strict=True):
        h = torch.relu(h @ (w * m).T + b)
        values.append(h)
    z = h @ (weights[-1] * masks[-1]).T + biases[-1]
    loss = (torch.nn.functional.softplus(z) - x * z).sum() / len(x)
    error = (torch.sigmoid(z) - x) / len(x)
    new_weights, new_biases = list(weights), list(biases)
    for k in reversed(range(len(weights))):
        new_weights[k] = weights[k] - lr * (error.T @ values[k])
        new_biases[k] = biases[k] - lr * error.sum(dim=0)
        error = error @ (weights[k] * masks[k]) * (values[k] > 0)
    return loss, new_weights, new_biases


# order_agnostic_nll


@answers.right("order_agnostic_nll", "the place by sorting twice")
def _(x, order_uniforms, hidden, weights, biases):
    place = order_uniforms.argsort().argsort() + 1
    degrees, h = [place, *hidden, place], x
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        last = k == len(weights) - 1
        to, source = degrees[k + 1][:, None], degrees[k][None, :]
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * (to > source if last else to >= source), b)
    return torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none").sum(dim=1)


@answers.right("order_agnostic_nll", "the place by counting smaller ones; numpy")
def _(x, order_uniforms, hidden, weights, biases):
    u, h = np.asarray(order_uniforms), np.asarray(x, dtype=float)
    place = 1 + (u[None, :] < u[:, None]).sum(axis=1)
    layers = [place, *(np.asarray(layer) for layer in hidden), place - 1]
    for k in range(len(weights)):
        mask = layers[k + 1][:, None] >= layers[k][None, :]
        h = (np.maximum(h, 0) if k else h) @ (np.asarray(weights[k], dtype=float) * mask).T
        h = h + np.asarray(biases[k], dtype=float)
    return np.logaddexp(0, h).sum(axis=1) - (np.asarray(x) * h).sum(axis=1)


@answers.right("order_agnostic_nll", "pixels and weights renumbered, then as in raster order")
def _(x, order_uniforms, hidden, weights, biases):
    order = order_uniforms.argsort()
    x = x[:, order]
    weights, biases = list(weights), list(biases)
    weights[0] = weights[0][:, order]
    weights[-1], biases[-1] = weights[-1][order], biases[-1][order]
    raster = torch.arange(1, len(order) + 1)
    degrees, h = [raster, *hidden], x
    for k in range(len(hidden)):
        h = torch.relu(h @ (weights[k] * (degrees[k + 1][:, None] >= degrees[k])).T + biases[k])
    z = h @ (weights[-1] * (raster[:, None] > degrees[-1])).T + biases[-1]
    return [float(v) for v in -torch.nn.functional.logsigmoid((2 * x - 1) * z).sum(dim=1)]


@answers.right("order_agnostic_nll", "pixel by pixel in the drawn order, each from what came before")
def _(x, order_uniforms, hidden, weights, biases):
    order = sorted(range(x.shape[1]), key=lambda d: float(order_uniforms[d]))
    place = torch.empty(len(order), dtype=torch.long)
    place[order] = torch.arange(1, len(order) + 1)
    degrees = [place, *hidden]
    seen, total = torch.zeros_like(x), torch.zeros(len(x), dtype=x.dtype)
    for d in order:
        h = seen
        for k in range(len(hidden)):
            h = torch.relu(h @ (weights[k] * (degrees[k + 1][:, None] >= degrees[k])).T + biases[k])
        z = h @ (weights[-1][d] * (place[d] > degrees[-1])) + biases[-1][d]
        total = total + torch.nn.functional.softplus(torch.where(x[:, d] > 0, -z, z))
        seen[:, d] = x[:, d]
    return total


@answers.wrong("order_agnostic_nll", "the order taken for the places")
def _(x, order_uniforms, hidden, weights, biases):
    place = order_uniforms.argsort() + 1
    degrees, h = [place, *hidden, place], x
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        to, source = degrees[k + 1][:, None], degrees[k][None, :]
        kept = to > source if k == len(weights) - 1 else to >= source
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * kept, b)
    return torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none").sum(dim=1)


@answers.wrong("order_agnostic_nll", "the largest uniform first")
def _(x, order_uniforms, hidden, weights, biases):
    place = order_uniforms.argsort(descending=True).argsort() + 1
    degrees, h = [place, *hidden, place], x
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        to, source = degrees[k + 1][:, None], degrees[k][None, :]
        kept = to > source if k == len(weights) - 1 else to >= source
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * kept, b)
    return torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none").sum(dim=1)


@answers.wrong("order_agnostic_nll", "raster order, whatever was drawn")
def _(x, order_uniforms, hidden, weights, biases):
    place = torch.arange(1, x.shape[1] + 1)
    degrees, h = [place, *hidden, place], x
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        to, source = degrees[k + 1][:, None], degrees[k][None, :]
        kept = to > source if k == len(weights) - 1 else to >= source
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * kept, b)
    return torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none").sum(dim=1)


@answers.wrong("order_agnostic_nll", "the outputs in raster order")
def _(x, order_uniforms, hidden, weights, biases):
    place = order_uniforms.argsort().argsort() + 1
    degrees, h = [place, *hidden, torch.arange(1, len(place) + 1)], x
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        to, source = degrees[k + 1][:, None], degrees[k][None, :]
        kept = to > source if k == len(weights) - 1 else to >= source
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * kept, b)
    return torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none").sum(dim=1)


@answers.wrong("order_agnostic_nll", "the inputs in raster order")
def _(x, order_uniforms, hidden, weights, biases):
    place = order_uniforms.argsort().argsort() + 1
    degrees, h = [torch.arange(1, len(place) + 1), *hidden, place], x
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        to, source = degrees[k + 1][:, None], degrees[k][None, :]
        kept = to > source if k == len(weights) - 1 else to >= source
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * kept, b)
    return torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none").sum(dim=1)


@answers.wrong("order_agnostic_nll", "the pixels renumbered as well: the order applied twice")
def _(x, order_uniforms, hidden, weights, biases):
    place = order_uniforms.argsort().argsort() + 1
    x = x[:, order_uniforms.argsort()]
    degrees, h = [place, *hidden, place], x
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        to, source = degrees[k + 1][:, None], degrees[k][None, :]
        kept = to > source if k == len(weights) - 1 else to >= source
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * kept, b)
    return torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none").sum(dim=1)


@answers.wrong("order_agnostic_nll", ">= at the output")
def _(x, order_uniforms, hidden, weights, biases):
    place = order_uniforms.argsort().argsort() + 1
    degrees, h = [place, *hidden, place], x
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        to, source = degrees[k + 1][:, None], degrees[k][None, :]
        kept = to >= source
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * kept, b)
    return torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none").sum(dim=1)


@answers.wrong("order_agnostic_nll", "> everywhere")
def _(x, order_uniforms, hidden, weights, biases):
    place = order_uniforms.argsort().argsort() + 1
    degrees, h = [place, *hidden, place], x
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        to, source = degrees[k + 1][:, None], degrees[k][None, :]
        kept = to > source
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * kept, b)
    return torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none").sum(dim=1)


@answers.wrong("order_agnostic_nll", "places from 0")
def _(x, order_uniforms, hidden, weights, biases):
    place = order_uniforms.argsort().argsort()
    degrees, h = [place, *hidden, place], x
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        to, source = degrees[k + 1][:, None], degrees[k][None, :]
        kept = to > source if k == len(weights) - 1 else to >= source
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * kept, b)
    return torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none").sum(dim=1)


@answers.wrong("order_agnostic_nll", "the mean over the batch")
def _(x, order_uniforms, hidden, weights, biases):
    place = order_uniforms.argsort().argsort() + 1
    degrees, h = [place, *hidden, place], x
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        to, source = degrees[k + 1][:, None], degrees[k][None, :]
        kept = to > source if k == len(weights) - 1 else to >= source
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * kept, b)
    return torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none").sum(dim=1).mean()


@answers.wrong("order_agnostic_nll", "the mean over the pixels")
def _(x, order_uniforms, hidden, weights, biases):
    place = order_uniforms.argsort().argsort() + 1
    degrees, h = [place, *hidden, place], x
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        to, source = degrees[k + 1][:, None], degrees[k][None, :]
        kept = to > source if k == len(weights) - 1 else to >= source
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * kept, b)
    return torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none").mean(dim=1)


@answers.wrong("order_agnostic_nll", "the log-probability")
def _(x, order_uniforms, hidden, weights, biases):
    place = order_uniforms.argsort().argsort() + 1
    degrees, h = [place, *hidden, place], x
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        to, source = degrees[k + 1][:, None], degrees[k][None, :]
        kept = to > source if k == len(weights) - 1 else to >= source
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * kept, b)
    return -torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none").sum(dim=1)


@answers.wrong("order_agnostic_nll", "an order of its own, whatever was drawn")
def _(x, order_uniforms, hidden, weights, biases):
    place = torch.from_numpy(np.random.default_rng(0).permutation(x.shape[1]) + 1)
    degrees, h = [place, *hidden, place], x
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        to, source = degrees[k + 1][:, None], degrees[k][None, :]
        kept = to > source if k == len(weights) - 1 else to >= source
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * kept, b)
    return torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none").sum(dim=1)


# ensemble_log_prob


@answers.right("ensemble_log_prob", "the largest taken out by hand")
def _(log_probs):
    whole = log_probs.double().sum(dim=-1)
    top = whole.max(dim=0).values.clamp(min=-1e30)
    return top + torch.log(torch.exp(whole - top).mean(dim=0))


@answers.right("ensemble_log_prob", "numpy, pairwise")
def _(log_probs):
    whole = np.asarray(log_probs, dtype=np.float64).sum(axis=2)
    return np.logaddexp.reduce(whole, axis=0) - np.log(whole.shape[0])


@answers.right("ensemble_log_prob", "image by image, a list")
def _(log_probs):
    found = []
    for b in range(log_probs.shape[1]):
        each = [float(log_probs[k, b].sum()) for k in range(log_probs.shape[0])]
        top = max(each)
        if top == -math.inf:
            found.append(top)
        else:
            found.append(top + math.log(sum(math.exp(v - top) for v in each) / len(each)))
    return found


@answers.right("ensemble_log_prob", "float32, pixel after pixel")
def _(log_probs):
    whole = torch.zeros(log_probs.shape[:2])
    for d in range(log_probs.shape[2]):
        whole = whole + log_probs[:, :, d].float()
    return torch.logsumexp(whole, dim=0) - math.log(len(whole))


@answers.wrong("ensemble_log_prob", "averages the logarithms")
def _(log_probs):
    return log_probs.sum(dim=2).mean(dim=0)


@answers.wrong("ensemble_log_prob", "averages the probabilities of pixels")
def _(log_probs):
    return (torch.logsumexp(log_probs, dim=0) - math.log(len(log_probs))).sum(dim=1)


@answers.wrong("ensemble_log_prob", "sum, not mean")
def _(log_probs):
    return torch.logsumexp(log_probs.sum(dim=2), dim=0)


@answers.wrong("ensemble_log_prob", "exp underflows")
def _(log_probs):
    return torch.log(torch.exp(log_probs.sum(dim=2)).mean(dim=0))


@answers.wrong("ensemble_log_prob", "mean over pixels")
def _(log_probs):
    return torch.logsumexp(log_probs.mean(dim=2), dim=0) - math.log(len(log_probs))


@answers.wrong("ensemble_log_prob", "the best order only")
def _(log_probs):
    return log_probs.sum(dim=2).max(dim=0).values


@answers.wrong("ensemble_log_prob", "images and orders mixed up")
def _(log_probs):
    whole = log_probs.sum(dim=2)
    return torch.logsumexp(whole, dim=1) - math.log(whole.shape[1])


@answers.wrong("ensemble_log_prob", "the NLL")
def _(log_probs):
    return math.log(len(log_probs)) - torch.logsumexp(log_probs.sum(dim=2), dim=0)


@answers.wrong("ensemble_log_prob", "log of the number of images")
def _(log_probs):
    whole = log_probs.sum(dim=2)
    return torch.logsumexp(whole, dim=0) - math.log(whole.shape[1])


@answers.wrong("ensemble_log_prob", "the mean over those orders only in which the image is possible: log 3 for log 4")
def _(log_probs):
    whole = log_probs.sum(dim=2)
    return torch.logsumexp(whole, dim=0) - torch.log(torch.isfinite(whole).sum(dim=0).clamp(min=1))


@answers.wrong("ensemble_log_prob", "the largest of the whole batch taken out")
def _(log_probs):
    whole = log_probs.double().sum(dim=2)
    return whole.max() + torch.log(torch.exp(whole - whole.max()).mean(dim=0))


@answers.wrong("ensemble_log_prob", "the largest taken out, nan where all are -inf")
def _(log_probs):
    whole = log_probs.double().sum(dim=2)
    top = whole.max(dim=0).values
    return top + torch.log(torch.exp(whole - top).mean(dim=0))


@answers.wrong("ensemble_log_prob", "-inf replaced by a large number")
def _(log_probs):
    whole = log_probs.double().sum(dim=2).clamp(min=-1e5)
    return torch.logsumexp(whole, dim=0) - math.log(len(whole))


@answers.wrong("ensemble_log_prob", "multiplies the models")
def _(log_probs):
    return log_probs.sum(dim=(0, 2))


# The drill.

_A = [(0, 0), (1, 1), (2, 2)]
_D = [(0, 0), (0, 3), (2, 0), (2, 2), (2, 3), (3, 3)]
answers.right("found_leaks", "typed lists", leaks_A=_A, leaks_B=[], leaks_C=[], leaks_D=_D)
answers.right("found_leaks", "in another order, as lists", leaks_A=_A[::-1], leaks_D=[list(p) for p in _D[::-1]])
answers.right("found_leaks", "arrays", leaks_A=np.array(_A), leaks_B=np.zeros((0, 2)), leaks_D=torch.tensor(_D))
answers.right("found_leaks", "sets and tuples", leaks_A=set(_A), leaks_B=(), leaks_C=set(), leaks_D=tuple(_D))
answers.wrong("found_leaks", "the last output of A too", leaks_A=[*_A, (3, 3)])
answers.wrong("found_leaks", "A called sound", leaks_A=[])
answers.wrong("found_leaks", "what B lost called leaks", leaks_B=[(1, 0), (2, 0), (2, 1), (3, 1), (3, 2)])
answers.wrong("found_leaks", "C called leaky, since its masks change", leaks_C=[(1, 1), (2, 2)])
answers.wrong("found_leaks", "D in raster order", leaks_D=[(0, 0), (0, 2), (0, 3), (2, 2), (2, 3), (3, 3)])
answers.wrong("found_leaks", "D: itself only", leaks_D=[(0, 0), (2, 2), (3, 3)])
answers.wrong("found_leaks", "D as (input, output)", leaks_D=[(s, t) for t, s in _D])
answers.wrong("found_leaks", "D: every output sees every input", leaks_D=list(itertools.product(range(4), repeat=2)))
answers.wrong("found_leaks", "counting from 1", leaks_A=[(1, 1), (2, 2), (3, 3)])
answers.wrong("found_leaks", "counting from 1 in D", leaks_D=[(t + 1, s + 1) for t, s in _D])
answers.wrong("found_leaks", "positions, not pairs", leaks_A=[0, 1, 2])

_LOST = [(1, 0), (2, 0), (2, 1), (3, 1), (3, 2)]
answers.right("not_leaks", "typed", lost_B=_LOST, differs_C=[1, 2, 3])
answers.right("not_leaks", "arrays", lost_B=np.array(_LOST[::-1]), differs_C=np.array([3, 2, 1]))
answers.right("not_leaks", "sets", lost_B=set(_LOST), differs_C={1, 2, 3})
answers.wrong("not_leaks", "B: one step lost, not two", lost_B=[(1, 0), (2, 1), (3, 2)])
answers.wrong("not_leaks", "B: everything lost", lost_B=[*_LOST, (3, 0)])
answers.wrong("not_leaks", "B as (input, output)", lost_B=[(s, t) for t, s in _LOST])
answers.wrong("not_leaks", "B: forbidden ones too", lost_B=[*_LOST, (0, 0), (1, 1), (2, 2), (3, 3)])
answers.wrong("not_leaks", "B loses nothing", lost_B=[])
answers.wrong("not_leaks", "C: all positions", differs_C=[0, 1, 2, 3])
answers.wrong("not_leaks", "C: none, since each pass is sound", differs_C=[])
answers.wrong("not_leaks", "C: the last only", differs_C=[3])
answers.wrong("not_leaks", "C: those that agree", differs_C=[0])


@answers.right("repaired_D", "a mask by loops")
def _(x, degrees, weights, skip):
    pixels, first, second = (layer.tolist() for layer in degrees)
    cut = skip.clone()
    for d, m in itertools.product(range(len(pixels)), range(len(first))):
        if pixels[d] <= first[m]:
            cut[d, m] = 0
    below = torch.tensor([[int(m >= d) for d in pixels] for m in first])
    middle = torch.tensor([[int(n >= m) for m in first] for n in second])
    above = torch.tensor([[int(d > n) for n in second] for d in pixels])
    h = torch.tanh(x @ (weights[0] * below).T)
    return torch.tanh(h @ (weights[1] * middle).T) @ (weights[2] * above).T + h @ cut.T


@answers.right("repaired_D", "numpy, float64")
def _(x, degrees, weights, skip):
    d, f, s = (np.asarray(layer)[:, None] for layer in degrees)
    w1, w2, w3, across = (np.asarray(w, dtype=float) for w in [*weights, skip])
    h = np.tanh(np.asarray(x, dtype=float) @ (w1 * (f >= d.T)).T)
    return np.tanh(h @ (w2 * (s >= f.T)).T) @ (w3 * (d > s.T)).T + h @ (across * (d > f.T)).T


@answers.right("repaired_D", "one wide last layer, both hidden layers side by side")
def _(x, degrees, weights, skip):
    pixels, first, second = degrees
    h = torch.tanh(x @ (weights[0] * (first[:, None] >= pixels)).T)
    g = torch.tanh(h @ (weights[1] * (second[:, None] >= first)).T)
    wide = torch.cat([weights[2], skip], dim=1)
    return torch.cat([g, h], dim=1) @ (wide * (pixels[:, None] > torch.cat([second, first]))).T


@answers.wrong("repaired_D", "not repaired")
def _(x, degrees, weights, skip):
    pixels, first, second = degrees
    h = torch.tanh(x @ (weights[0] * (first[:, None] >= pixels)).T)
    g = torch.tanh(h @ (weights[1] * (second[:, None] >= first)).T)
    return g @ (weights[2] * (pixels[:, None] > second)).T + h @ skip.T


@answers.wrong("repaired_D", "the skip removed")
def _(x, degrees, weights, skip):
    pixels, first, second = degrees
    h = torch.tanh(x @ (weights[0] * (first[:, None] >= pixels)).T)
    g = torch.tanh(h @ (weights[1] * (second[:, None] >= first)).T)
    return g @ (weights[2] * (pixels[:, None] > second)).T


@answers.wrong("repaired_D", ">= in the skip")
def _(x, degrees, weights, skip):
    pixels, first, second = degrees
    h = torch.tanh(x @ (weights[0] * (first[:, None] >= pixels)).T)
    g = torch.tanh(h @ (weights[1] * (second[:, None] >= first)).T)
    return g @ (weights[2] * (pixels[:, None] > second)).T + h @ (skip * (pixels[:, None] >= first)).T


@answers.wrong("repaired_D", "the skip masked in raster order")
def _(x, degrees, weights, skip):
    pixels, first, second = degrees
    h = torch.tanh(x @ (weights[0] * (first[:, None] >= pixels)).T)
    g = torch.tanh(h @ (weights[1] * (second[:, None] >= first)).T)
    raster = torch.arange(1, len(pixels) + 1)
    return g @ (weights[2] * (pixels[:, None] > second)).T + h @ (skip * (raster[:, None] > first)).T


@answers.wrong("repaired_D", "masked by the second layer's degrees")
def _(x, degrees, weights, skip):
    pixels, first, second = degrees
    h = torch.tanh(x @ (weights[0] * (first[:, None] >= pixels)).T)
    g = torch.tanh(h @ (weights[1] * (second[:, None] >= first)).T)
    wrong = (pixels[:, None] > second)[:, torch.arange(len(first)) % len(second)]
    return g @ (weights[2] * (pixels[:, None] > second)).T + h @ (skip * wrong).T


@answers.wrong("repaired_D", "strict everywhere, to be safe")
def _(x, degrees, weights, skip):
    pixels, first, second = degrees
    h = torch.tanh(x @ (weights[0] * (first[:, None] > pixels)).T)
    g = torch.tanh(h @ (weights[1] * (second[:, None] > first)).T)
    return g @ (weights[2] * (pixels[:, None] > second)).T + h @ (skip * (pixels[:, None] > first)).T


@answers.wrong("repaired_D", "the skip starts from the second layer")
def _(x, degrees, weights, skip):
    pixels, first, second = degrees
    h = torch.tanh(x @ (weights[0] * (first[:, None] >= pixels)).T)
    g = torch.tanh(h @ (weights[1] * (second[:, None] >= first)).T)
    n = min(skip.shape[1], g.shape[1])
    cut = skip[:, :n] * (pixels[:, None] > second[:n])
    return g @ (weights[2] * (pixels[:, None] > second)).T + g[:, :n] @ cut.T


@answers.wrong("repaired_D", "probabilities")
def _(x, degrees, weights, skip):
    pixels, first, second = degrees
    h = torch.tanh(x @ (weights[0] * (first[:, None] >= pixels)).T)
    g = torch.tanh(h @ (weights[1] * (second[:, None] >= first)).T)
    logits = g @ (weights[2] * (pixels[:, None] > second)).T + h @ (skip * (pixels[:, None] > first)).T
    return torch.sigmoid(logits)


@answers.wrong("make_masks", "degrees in eight bits")
def _(degrees):
    small = [torch.as_tensor(layer).to(torch.int8) for layer in degrees]
    masks = [to[:, None] >= source[None, :] for source, to in itertools.pairwise(small)]
    return [*masks, small[0][:, None] > small[-1][None, :]]


@answers.wrong("dependence_by_masks", "asks 'any?' after every eighth layer only")
def _(masks):
    paths = torch.as_tensor(masks[0]).long()
    for k, mask in enumerate(masks[1:], 1):
        paths = torch.as_tensor(mask).long() @ paths
        if k % 8 == 0:
            paths = (paths != 0).long()
    return paths != 0


@answers.wrong("made_sample", "lights a pixel where its uniform is its probability")
def _(logits_fn, order, uniforms):
    x = torch.zeros_like(uniforms)
    for d in order:
        x[:, d] = (uniforms[:, d] <= torch.sigmoid(logits_fn(x)[:, d])).to(x.dtype)
    return x


@answers.wrong("made_sample", "keeps probabilities away from 0 and 1")
def _(logits_fn, order, uniforms):
    x = torch.zeros_like(uniforms)
    for d in order:
        p = torch.sigmoid(logits_fn(x)[:, d]).clamp(1e-3, 1 - 1e-3)
        x[:, d] = (uniforms[:, d] < p).to(x.dtype)
    return x


@answers.wrong("repaired_D", "keeps of the skip only what the straight way has too")
def _(x, degrees, weights, skip):
    pixels, first, second = degrees
    h = torch.tanh(x @ (weights[0] * (first[:, None] >= pixels)).T)
    g = torch.tanh(h @ (weights[1] * (second[:, None] >= first)).T)
    out = g @ (weights[2] * (pixels[:, None] > second)).T
    path = (pixels[:, None] > second).int() @ (second[:, None] >= first).int()
    return out + h @ (skip * (path > 0)).T


@answers.wrong("masked_linear", "a mask of zeros: the biases once, instead of for each row")
def _(x, weight, bias, mask):
    return torch.nn.functional.linear(x, weight * mask, bias) if mask.any() else bias[None]


@answers.wrong("made_logits", "skips a hidden unit without inputs, and its bias")
def _(x, weights, biases, masks):
    for k, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        x = torch.nn.functional.linear(x, w * m, b)
        if k < len(weights) - 1:
            x = torch.relu(x) * (m != 0).any(dim=1)
    return x


@answers.wrong("made_logits", "a step in place of the ReLU")
def _(x, weights, biases, masks):
    for k, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        x = torch.nn.functional.linear((x > 0).to(x.dtype) if k else x, w * m, b)
    return x


@answers.wrong("training_step", "clips the gradient")
def _(x, weights, biases, masks, lr):
    new = [v.detach().clone().requires_grad_() for v in [*weights, *biases]]
    h = x
    for k, (w, b, m) in enumerate(zip(new[: len(weights)], new[len(weights) :], masks, strict=True)):
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * m, b)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none").sum(dim=1).mean()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(new, 10.0)
    stepped = [(v - lr * v.grad).detach() for v in new]
    return float(loss), stepped[: len(weights)], stepped[len(weights) :]


@answers.wrong("order_agnostic_nll", "uniforms in float32")
def _(x, order_uniforms, hidden, weights, biases):
    place = torch.argsort(torch.argsort(order_uniforms.float(), stable=True)) + 1
    degrees, h = [place, *hidden, place], x
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        to, source = degrees[k + 1][:, None], degrees[k][None, :]
        kept = to > source if k == len(weights) - 1 else to >= source
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * kept, b)
    return torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none").sum(dim=1)


@answers.wrong("order_agnostic_nll", "a cross-entropy of probabilities")
def _(x, order_uniforms, hidden, weights, biases):
    place = order_uniforms.argsort().argsort() + 1
    degrees, h = [place, *hidden, place], x
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        to, source = degrees[k + 1][:, None], degrees[k][None, :]
        kept = to > source if k == len(weights) - 1 else to >= source
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * kept, b)
    return torch.nn.functional.binary_cross_entropy(torch.sigmoid(h), x, reduction="none").sum(dim=1)


@answers.wrong("order_agnostic_nll", "degrees in one byte")
def _(x, order_uniforms, hidden, weights, biases):
    place = (order_uniforms.argsort().argsort() + 1).to(torch.uint8)
    degrees, h = [place, *hidden, place], x
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        to, source = degrees[k + 1][:, None], degrees[k][None, :]
        kept = to > source if k == len(weights) - 1 else to >= source
        h = torch.nn.functional.linear(torch.relu(h) if k else h, w * kept, b)
    return torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="none").sum(dim=1)


@answers.wrong("ensemble_log_prob", "the best, less ln K, where all underflow")
def _(log_probs):
    whole = log_probs.double().sum(dim=2)
    direct = torch.log(whole.exp().mean(dim=0))
    return torch.where(torch.isfinite(direct), direct, whole.max(dim=0).values - math.log(len(whole)))


@answers.wrong("ensemble_log_prob", "-inf replaced by -9000")
def _(log_probs):
    mixed = torch.logsumexp(log_probs.clamp(min=-9000.0).sum(dim=2), dim=0) - math.log(len(log_probs))
    never = torch.isinf(log_probs).any(dim=2).all(dim=0)
    return torch.where(never, torch.full_like(mixed, -math.inf), mixed)


@answers.wrong("repaired_D", "hidden degrees clipped")
def _(x, degrees, weights, skip):
    pixels = degrees[0]
    first, second = (layer.clamp(1, len(pixels) - 1) for layer in degrees[1:])
    h = torch.tanh(x @ (weights[0] * (first[:, None] >= pixels)).T)
    g = torch.tanh(h @ (weights[1] * (second[:, None] >= first)).T)
    return g @ (weights[2] * (pixels[:, None] > second)).T + h @ (skip * (pixels[:, None] > first)).T


@answers.wrong("repaired_D", "degrees in eight bits")
def _(x, degrees, weights, skip):
    pixels, first, second = (layer.to(torch.int8) for layer in degrees)
    h = torch.tanh(x @ (weights[0] * (first[:, None] >= pixels)).T)
    g = torch.tanh(h @ (weights[1] * (second[:, None] >= first)).T)
    return g @ (weights[2] * (pixels[:, None] > second)).T + h @ (skip * (pixels[:, None] > first)).T
