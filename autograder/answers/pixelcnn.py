"""Answers that test the checks of lesson 05: masked convolutions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch

from autograder.answers import Answers
from lib.byhand import personal_numbers

answers = Answers("05_pixelcnn")


def _stack(student_name: str) -> tuple[int, int]:
    """How many layers a student drew, and how far each kernel reaches to either side."""
    a, b = personal_numbers(student_name, "05", 0, 5, 2)
    return 3 + a, 2 + b % 2


def _counts(n_layers: int, side: int) -> list[int]:
    """The three counts for such a stack, in closed form."""
    return [n_layers * side, n_layers * side + 1 + side, side * n_layers * (n_layers - 1) // 2]


def _seen_mine(student_name: str) -> list[int]:
    return _counts(*_stack(student_name))


answers.personal["seen_mine"] = _seen_mine  # type: ignore[assignment]

_N_LAYERS, _SIDE = _stack("Ada Lovelace")
_ADA = _counts(_N_LAYERS, _SIDE)
answers.right("seen_mine", "typed", seen_mine=tuple(_ADA))
answers.right("seen_mine", "an array", seen_mine=np.array(_ADA))
answers.right("seen_mine", "floats", seen_mine=[float(k) for k in _ADA])
answers.wrong("seen_mine", "the pixel itself counted", seen_mine=[_ADA[0] + 1, _ADA[1], _ADA[2]])
answers.wrong("seen_mine", "the row above as far right as left", seen_mine=[_ADA[0], 2 * _ADA[0] + 1, _ADA[2]])
answers.wrong("seen_mine", "the row above without the pixel straight up", seen_mine=[_ADA[0], _ADA[1] - 1, _ADA[2]])
answers.wrong("seen_mine", "a wedge on both sides", seen_mine=[_ADA[0], _ADA[1], 2 * _ADA[2]])
answers.wrong("seen_mine", "no blind spot to speak of", seen_mine=[_ADA[0], _ADA[1], 1])
answers.wrong("seen_mine", "one layer more", seen_mine=_counts(_N_LAYERS + 1, _SIDE))
answers.wrong("seen_mine", "one layer fewer", seen_mine=_counts(_N_LAYERS - 1, _SIDE))
answers.wrong("seen_mine", "as for 3 x 3", seen_mine=_counts(_N_LAYERS, 1))
answers.wrong("seen_mine", "a row too many in the wedge", seen_mine=[*_ADA[:2], _counts(_N_LAYERS + 1, _SIDE)[2]])
answers.wrong("seen_mine", "somebody else's", seen_mine=_seen_mine("Charles Babbage"))
answers.wrong("seen_mine", "two counts only", seen_mine=_ADA[:2])


# conv_mask


@answers.right("conv_mask", "raster order as one long row")
def _(kernel_size, kind):
    height, width = kernel_size
    middle = (height // 2) * width + width // 2
    return (torch.arange(height * width) < middle + (kind == "B")).view(height, width)


@answers.right("conv_mask", "loops, nested lists")
def _(kernel_size, kind):
    h, w = kernel_size
    mask = [[0] * w for _ in range(h)]
    for i in range(h):
        for j in range(w):
            if i < h // 2 or (i == h // 2 and j < w // 2) or (kind == "B" and i == h // 2 and j == w // 2):
                mask[i][j] = 1
    return mask


@answers.right("conv_mask", "everything, then cut; numpy")
def _(kernel_size, kind):
    h, w = kernel_size
    mask = np.ones((h, w))
    mask[h // 2 + 1 :] = 0
    mask[h // 2, w // 2 + 1 :] = 0
    if kind == "A":
        mask[h // 2, w // 2] = 0
    return mask


@answers.wrong("conv_mask", "the kinds exchanged")
def _(kernel_size, kind):
    h, w = kernel_size
    mask = torch.zeros(h, w)
    mask[: h // 2] = 1
    mask[h // 2, : w // 2 + (kind == "A")] = 1
    return mask


@answers.wrong("conv_mask", "rows below left open in kind B, the own row closed")
def _(kernel_size, kind):
    h, w = kernel_size
    mask = torch.ones(h, w)
    if kind == "A":
        mask[h // 2, w // 2 :] = 0
        mask[h // 2 + 1 :] = 0
    else:
        mask[h // 2, w // 2 + 1 :] = 0
        mask[h // 2] = 0
    return mask


@answers.wrong("conv_mask", "columns for rows")
def _(kernel_size, kind):
    h, w = kernel_size
    mask = torch.zeros(h, w)
    mask[:, : w // 2] = 1
    mask[: h // 2 + (kind == "B"), w // 2] = 1
    return mask


@answers.wrong("conv_mask", "width, height")
def _(kernel_size, kind):
    w, h = kernel_size
    mask = torch.zeros(h, w)
    mask[: h // 2] = 1
    mask[h // 2, : w // 2 + (kind == "B")] = 1
    return mask


@answers.wrong("conv_mask", "square kernels only")
def _(kernel_size, kind):
    k = kernel_size[0]
    mask = torch.zeros(k, k)
    mask[: k // 2] = 1
    mask[k // 2, : k // 2 + (kind == "B")] = 1
    return mask


@answers.wrong("conv_mask", "what comes later")
def _(kernel_size, kind):
    h, w = kernel_size
    mask = torch.zeros(h, w)
    mask[h // 2 + 1 :] = 1
    mask[h // 2, w // 2 + (kind == "A") :] = 1
    return mask


@answers.wrong("conv_mask", "the upper left quarter only")
def _(kernel_size, kind):
    h, w = kernel_size
    mask = torch.zeros(h, w)
    mask[: h // 2 + 1, : w // 2 + 1] = 1
    mask[h // 2, w // 2] = float(kind == "B")
    return mask


@answers.wrong("conv_mask", "the whole middle row in kind B")
def _(kernel_size, kind):
    h, w = kernel_size
    mask = torch.zeros(h, w)
    mask[: h // 2] = 1
    mask[h // 2, : w // 2] = 1
    if kind == "B":
        mask[h // 2] = 1
    return mask


@answers.wrong("conv_mask", "knows 3 x 3 and 3 x 5 only")
def _(kernel_size, kind):
    b = int(kind == "B")
    if kernel_size[1] == 3:
        return torch.tensor([[1, 1, 1], [1, b, 0], [0, 0, 0]])
    return torch.tensor([[1, 1, 1, 1, 1], [1, 1, b, 0, 0], [0, 0, 0, 0, 0]])


# masked_conv2d


@answers.right("masked_conv2d", "pads first, numpy mask")
def _(x, weight, bias, mask):
    h, w = weight.shape[2:]
    kept = torch.where(torch.as_tensor(mask) > 0, weight, torch.zeros_like(weight))
    padded = torch.nn.functional.pad(x, (w // 2, w // 2, h // 2, h // 2))
    return torch.nn.functional.conv2d(padded, kept) + bias[:, None, None]


@answers.right("masked_conv2d", "padding='same'")
def _(x, weight, bias, mask):
    return torch.nn.functional.conv2d(x, weight * mask.to(weight.dtype), bias, padding="same")


@answers.right("masked_conv2d", "shifts added up, numpy float64")
def _(x, weight, bias, mask):
    x, weight, bias, mask = (np.asarray(a, dtype=np.float64) for a in (x, weight, bias, mask))
    kept = weight * mask
    h, w = weight.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (h // 2, h // 2), (w // 2, w // 2)))
    out = np.zeros((len(x), len(weight), *x.shape[2:])) + bias[None, :, None, None]
    for i in range(h):
        for j in range(w):
            window = padded[:, :, i : i + x.shape[2], j : j + x.shape[3]]
            out += np.einsum("bihw,oi->bohw", window, kept[:, :, i, j])
    return out


@answers.right("masked_conv2d", "unfold and a matrix product")
def _(x, weight, bias, mask):
    h, w = weight.shape[2:]
    kept = (weight * mask).flatten(1)
    columns = torch.nn.functional.unfold(x, (h, w), padding=(h // 2, w // 2))
    return (kept @ columns + bias[:, None]).view(len(x), len(weight), *x.shape[2:])


@answers.wrong("masked_conv2d", "no mask")
def _(x, weight, bias, mask):
    h, w = weight.shape[2:]
    return torch.nn.functional.conv2d(x, weight, bias, padding=(h // 2, w // 2))


@answers.wrong("masked_conv2d", "changes the weight")
def _(x, weight, bias, mask):
    weight *= mask
    h, w = weight.shape[2:]
    return torch.nn.functional.conv2d(x, weight, bias, padding=(h // 2, w // 2))


@answers.wrong("masked_conv2d", "no padding")
def _(x, weight, bias, mask):
    return torch.nn.functional.conv2d(x, weight * mask, bias)


@answers.wrong("masked_conv2d", "padding of one, whatever the kernel")
def _(x, weight, bias, mask):
    return torch.nn.functional.conv2d(x, weight * mask, bias, padding=1)[:, :, : x.shape[2], : x.shape[3]]


@answers.wrong("masked_conv2d", "square padding")
def _(x, weight, bias, mask):
    p = weight.shape[2] // 2
    return torch.nn.functional.conv2d(x, weight * mask, bias, padding=(p, p))


@answers.wrong("masked_conv2d", "no bias")
def _(x, weight, bias, mask):
    h, w = weight.shape[2:]
    return torch.nn.functional.conv2d(x, weight * mask, padding=(h // 2, w // 2))


@answers.wrong("masked_conv2d", "wraps round the border")
def _(x, weight, bias, mask):
    h, w = weight.shape[2:]
    rows = torch.arange(-(h // 2), x.shape[2] + h // 2) % x.shape[2]
    columns = torch.arange(-(w // 2), x.shape[3] + w // 2) % x.shape[3]
    return torch.nn.functional.conv2d(x[:, :, rows][:, :, :, columns], weight * mask, bias)


@answers.wrong("masked_conv2d", "repeats the border")
def _(x, weight, bias, mask):
    h, w = weight.shape[2:]
    padded = torch.nn.functional.pad(x, (w // 2, w // 2, h // 2, h // 2), mode="replicate")
    return torch.nn.functional.conv2d(padded, weight * mask, bias)


@answers.wrong("masked_conv2d", "the kernel turned round, as mathematicians do")
def _(x, weight, bias, mask):
    h, w = weight.shape[2:]
    kept = (weight * mask).flip(2, 3)
    return torch.nn.functional.conv2d(x, kept, bias, padding=(h // 2, w // 2))


@answers.wrong("masked_conv2d", "a mask of the kernel only: the first of a whole one")
def _(x, weight, bias, mask):
    h, w = weight.shape[2:]
    mask = mask if mask.ndim == 2 else mask[0, 0]
    return torch.nn.functional.conv2d(x, weight * mask, bias, padding=(h // 2, w // 2))


@answers.wrong("masked_conv2d", "masks the output instead")
def _(x, weight, bias, mask):
    h, w = weight.shape[2:]
    out = torch.nn.functional.conv2d(x, weight, bias, padding=(h // 2, w // 2))
    return out * mask.to(x.dtype).mean()


# reach


@answers.right("reach", "shifted maps, torch")
def _(masks, height, width):
    seen = torch.zeros(height, width, dtype=torch.bool)
    seen[height // 2, width // 2] = True
    for mask in reversed(masks):
        h, w = mask.shape
        pad = torch.zeros(height + 2 * h, width + 2 * w, dtype=torch.bool)
        for i, j in (mask > 0).nonzero().tolist():
            up, along = i - h // 2, j - w // 2
            pad[h + up : h + up + height, w + along : w + along + width] |= seen
        seen = pad[h : h + height, w : w + width]
    return seen


@answers.right("reach", "a transposed convolution, clipped, float")
def _(masks, height, width):
    seen = torch.zeros(1, 1, height, width)
    seen[0, 0, height // 2, width // 2] = 1
    for mask in masks[::-1]:
        h, w = mask.shape
        seen = torch.nn.functional.conv_transpose2d(seen, mask.float()[None, None], padding=(h // 2, w // 2)).clamp(
            max=1
        )
    return seen[0, 0]


@answers.right("reach", "by trying: every pixel in turn through the layers, as nested lists of 0 and 1")
def _(masks, height, width):
    out = [[0] * width for _ in range(height)]
    for r in range(height):
        for c in range(width):
            lit = torch.zeros(1, 1, height, width)
            lit[0, 0, r, c] = 1
            for mask in masks:
                h, w = mask.shape
                lit = (torch.nn.functional.conv2d(lit, mask.float()[None, None], padding=(h // 2, w // 2)) > 0).float()
            out[r][c] = int(lit[0, 0, height // 2, width // 2])
    return out


@answers.right("reach", "an adjacency matrix per layer, numpy")
def _(masks, height, width):
    row = np.zeros(height * width)
    row[height // 2 * width + width // 2] = 1
    for mask in masks[::-1]:
        mask = np.asarray(mask) > 0
        h, w = mask.shape
        matrix = np.zeros((height * width, height * width))
        for r in range(height):
            for c in range(width):
                for i in range(h):
                    for j in range(w):
                        to = (r + i - h // 2, c + j - w // 2)
                        if mask[i, j] and 0 <= to[0] < height and 0 <= to[1] < width:
                            matrix[r * width + c, to[0] * width + to[1]] = 1
        row = (row @ matrix > 0).astype(float)
    return row.reshape(height, width).astype(bool)


@answers.wrong("reach", "from the first layer to the last")
def _(masks, height, width):
    seen = torch.zeros(height, width, dtype=torch.bool)
    places = {(height // 2, width // 2)}
    for mask in masks:
        h, w = mask.shape
        steps = [(i - h // 2, j - w // 2) for i, j in (mask > 0).nonzero().tolist()]
        places = {(r + i, c + j) for r, c in places for i, j in steps}
        places = {(r, c) for r, c in places if 0 <= r < height and 0 <= c < width}
    for r, c in places:
        seen[r, c] = True
    return seen


@answers.wrong("reach", "paths may lead outside and come back")
def _(masks, height, width):
    seen = torch.zeros(height, width, dtype=torch.bool)
    places = {(height // 2, width // 2)}
    for mask in masks[::-1]:
        h, w = mask.shape
        steps = [(i - h // 2, j - w // 2) for i, j in (mask > 0).nonzero().tolist()]
        places = {(r + i, c + j) for r, c in places for i, j in steps}
    for r, c in places:
        if 0 <= r < height and 0 <= c < width:
            seen[r, c] = True
    return seen


@answers.wrong("reach", "down instead of up")
def _(masks, height, width):
    seen = torch.zeros(1, 1, height, width)
    seen[0, 0, height // 2, width // 2] = 1
    for mask in masks[::-1]:
        h, w = mask.shape
        seen = (torch.nn.functional.conv2d(seen, mask.float()[None, None], padding=(h // 2, w // 2)) > 0).float()
    return seen[0, 0] > 0


@answers.wrong("reach", "negative indices wrap round")
def _(masks, height, width):
    seen = torch.zeros(height, width, dtype=torch.bool)
    seen[height // 2, width // 2] = True
    for mask in masks[::-1]:
        h, w = mask.shape
        new = torch.zeros_like(seen)
        for i, j in (mask > 0).nonzero().tolist():
            new |= torch.roll(seen, (i - h // 2, j - w // 2), dims=(0, 1))
        seen = new
    return seen


@answers.wrong("reach", "numbers of paths")
def _(masks, height, width):
    seen = torch.zeros(1, 1, height, width)
    seen[0, 0, height // 2, width // 2] = 1
    for mask in masks[::-1]:
        h, w = mask.shape
        seen = torch.nn.functional.conv_transpose2d(seen, mask.float()[None, None], padding=(h // 2, w // 2))
    return seen[0, 0]


@answers.wrong("reach", "numbers of paths in a byte, then above zero")
def _(masks, height, width):
    seen = torch.zeros(height, width, dtype=torch.uint8)
    seen[height // 2, width // 2] = 1
    for mask in masks[::-1]:
        h, w = mask.shape
        pad = torch.zeros(height + 2 * h, width + 2 * w, dtype=torch.uint8)
        for i, j in (mask > 0).nonzero().tolist():
            up, along = i - h // 2, j - w // 2
            pad[h + up : h + up + height, w + along : w + along + width] += seen
        seen = pad[h : h + height, w : w + width]
    return seen > 0


@answers.wrong("reach", "numbers of paths, normalised: rare ones underflow")
def _(masks, height, width):
    seen = torch.zeros(1, 1, height, width)
    seen[0, 0, height // 2, width // 2] = 1
    for mask in masks[::-1]:
        h, w = mask.shape
        seen = torch.nn.functional.conv_transpose2d(seen, mask.float()[None, None], padding=(h // 2, w // 2))
        seen = (seen / (seen.sum() + 1e-30)).half().float()
    return seen[0, 0] > 0


@answers.wrong("reach", "the middle of an even side a pixel early")
def _(masks, height, width):
    seen = torch.zeros(1, 1, height, width)
    seen[0, 0, (height - 1) // 2, (width - 1) // 2] = 1
    for mask in masks[::-1]:
        h, w = mask.shape
        seen = torch.nn.functional.conv_transpose2d(seen, mask.float()[None, None], padding=(h // 2, w // 2)).clamp(
            max=1
        )
    return seen[0, 0] > 0


@answers.wrong("reach", "the places in all layers")
def _(masks, height, width):
    seen = torch.zeros(1, 1, height, width)
    seen[0, 0, height // 2, width // 2] = 1
    everything = torch.zeros_like(seen)
    for mask in masks[::-1]:
        h, w = mask.shape
        seen = torch.nn.functional.conv_transpose2d(seen, mask.float()[None, None], padding=(h // 2, w // 2)).clamp(
            max=1
        )
        everything = torch.maximum(everything, seen)
    return everything[0, 0] > 0


@answers.wrong("reach", "all that comes before, within the frame")
def _(masks, height, width):
    up = sum(m.shape[0] // 2 for m in masks)
    along = sum(m.shape[1] // 2 for m in masks)
    r, c = torch.arange(height)[:, None] - height // 2, torch.arange(width)[None, :] - width // 2
    return (((r < 0) & (c.abs() <= along)) | ((r == 0) & (c < 0) & (c >= -along))) & (r >= -up)


@answers.wrong("reach", "the first mask, then the second for all others")
def _(masks, height, width):
    masks = [masks[0]] + [masks[min(1, len(masks) - 1)]] * (len(masks) - 1)
    seen = torch.zeros(1, 1, height, width)
    seen[0, 0, height // 2, width // 2] = 1
    for mask in masks[::-1]:
        h, w = mask.shape
        seen = torch.nn.functional.conv_transpose2d(seen, mask.float()[None, None], padding=(h // 2, w // 2)).clamp(
            max=1
        )
    return seen[0, 0] > 0


# stack_masks


@answers.wrong("reach", "float32 counts of paths, which overflow")
def _(masks, height, width):
    seen = torch.zeros(1, 1, height, width)
    seen[..., height // 2, width // 2] = 1
    for mask in masks[::-1]:
        h, w = mask.shape
        seen = torch.nn.functional.conv2d(seen, mask.float()[None, None].flip(2, 3), padding=(h // 2, w // 2))
    return seen[0, 0] > 0


@answers.right("stack_masks", "comparisons of places, booleans")
def _(kernel_size):
    rows = torch.arange(kernel_size[0])[:, None] - kernel_size[0] // 2
    columns = torch.arange(kernel_size[1])[None, :] - kernel_size[1] // 2
    return (rows <= 0).expand(kernel_size), (rows == 0) & (columns <= 0)


@answers.right("stack_masks", "numpy, a list")
def _(kernel_size):
    h, w = kernel_size
    vertical, horizontal = np.ones((h, w), dtype=int), np.zeros((h, w), dtype=int)
    vertical[h // 2 + 1 :, :] = 0
    horizontal[h // 2, : w // 2 + 1] = 1
    return [vertical, horizontal]


@answers.right("stack_masks", "nested lists")
def _(kernel_size):
    h, w = kernel_size
    vertical = [[1.0 if i <= h // 2 else 0.0 for _ in range(w)] for i in range(h)]
    horizontal = [[1.0 if i == h // 2 and j <= w // 2 else 0.0 for j in range(w)] for i in range(h)]
    return vertical, horizontal


@answers.wrong("stack_masks", "the masks of the first layer")
def _(kernel_size):
    h, w = kernel_size
    vertical, horizontal = torch.zeros(h, w), torch.zeros(h, w)
    vertical[: h // 2] = 1
    horizontal[h // 2, : w // 2] = 1
    return vertical, horizontal


@answers.wrong("stack_masks", "vertical strict, horizontal not")
def _(kernel_size):
    h, w = kernel_size
    vertical, horizontal = torch.zeros(h, w), torch.zeros(h, w)
    vertical[: h // 2] = 1
    horizontal[h // 2, : w // 2 + 1] = 1
    return vertical, horizontal


@answers.wrong("stack_masks", "vertical like kind B")
def _(kernel_size):
    h, w = kernel_size
    vertical, horizontal = torch.zeros(h, w), torch.zeros(h, w)
    vertical[: h // 2] = 1
    vertical[h // 2, : w // 2 + 1] = 1
    horizontal[h // 2, : w // 2 + 1] = 1
    return vertical, horizontal


@answers.wrong("stack_masks", "horizontal like kind B")
def _(kernel_size):
    h, w = kernel_size
    vertical, horizontal = torch.zeros(h, w), torch.zeros(h, w)
    vertical[: h // 2 + 1] = 1
    horizontal[: h // 2] = 1
    horizontal[h // 2, : w // 2 + 1] = 1
    return vertical, horizontal


@answers.wrong("stack_masks", "horizontal, then vertical")
def _(kernel_size):
    h, w = kernel_size
    vertical, horizontal = torch.zeros(h, w), torch.zeros(h, w)
    vertical[: h // 2 + 1] = 1
    horizontal[h // 2, : w // 2 + 1] = 1
    return horizontal, vertical


@answers.wrong("stack_masks", "the whole own row in the horizontal stack")
def _(kernel_size):
    h, w = kernel_size
    vertical, horizontal = torch.zeros(h, w), torch.zeros(h, w)
    vertical[: h // 2 + 1] = 1
    horizontal[h // 2] = 1
    return vertical, horizontal


@answers.wrong("stack_masks", "horizontal strict")
def _(kernel_size):
    h, w = kernel_size
    vertical, horizontal = torch.zeros(h, w), torch.zeros(h, w)
    vertical[: h // 2 + 1] = 1
    horizontal[h // 2, : w // 2] = 1
    return vertical, horizontal


@answers.wrong("stack_masks", "only as wide as high")
def _(kernel_size):
    k = kernel_size[0]
    vertical, horizontal = torch.zeros(k, k), torch.zeros(k, k)
    vertical[: k // 2 + 1] = 1
    horizontal[k // 2, : k // 2 + 1] = 1
    return vertical, horizontal


@answers.wrong("stack_masks", "the vertical one a column wide")
def _(kernel_size):
    h, w = kernel_size
    vertical, horizontal = torch.zeros(h, w), torch.zeros(h, w)
    vertical[: h // 2 + 1, w // 2] = 1
    horizontal[h // 2, : w // 2 + 1] = 1
    return vertical, horizontal


@answers.wrong("stack_masks", "knows 3 x 3 only")
def _(kernel_size):
    return torch.tensor([[1, 1, 1], [1, 1, 1], [0, 0, 0]]), torch.tensor([[0, 0, 0], [1, 1, 0], [0, 0, 0]])


# gated


@answers.right("gated", "slices")
def _(features):
    half = features.shape[1] // 2
    return torch.tanh(features[:, :half]) * torch.sigmoid(features[:, half:])


@answers.right("gated", "numpy, the sigmoid by tanh")
def _(features):
    values = np.asarray(features, dtype=np.float64)
    content, gate = np.split(values, 2, axis=1)
    return np.tanh(content) * 0.5 * (1 + np.tanh(gate / 2))


@answers.right("gated", "both by sigmoid, a list")
def _(features):
    half = features.shape[1] // 2
    content, gate = torch.split(features.double(), half, dim=1)
    return ((2 * torch.sigmoid(2 * content) - 1) * torch.sigmoid(gate)).tolist()


@answers.wrong("gated", "gates first")
def _(features):
    gate, content = features.chunk(2, dim=1)
    return torch.tanh(content) * torch.sigmoid(gate)


@answers.wrong("gated", "halves of the batch")
def _(features):
    content, gate = torch.cat([features, features]).chunk(2, dim=0)
    half = features.shape[1] // 2
    return (torch.tanh(content) * torch.sigmoid(gate))[:, :half]


@answers.wrong("gated", "every other channel")
def _(features):
    return torch.tanh(features[:, ::2]) * torch.sigmoid(features[:, 1::2])


@answers.wrong("gated", "no tanh, as torch's glu")
def _(features):
    return torch.nn.functional.glu(features, dim=1)


@answers.wrong("gated", "exponentials that overflow")
def _(features):
    content, gate = features.chunk(2, dim=1)
    e = torch.exp(2 * content)
    return (e - 1) / (e + 1) / (1 + torch.exp(-gate))


@answers.wrong("gated", "two tanhs")
def _(features):
    content, gate = features.chunk(2, dim=1)
    return torch.tanh(content) * torch.tanh(gate)


@answers.wrong("gated", "added")
def _(features):
    content, gate = features.chunk(2, dim=1)
    return torch.tanh(content) + torch.sigmoid(gate)


@answers.wrong("gated", "a ReLU for the content")
def _(features):
    content, gate = features.chunk(2, dim=1)
    return torch.relu(content) * torch.sigmoid(gate)


@answers.wrong("gated", "a softmax over the gates")
def _(features):
    content, gate = features.chunk(2, dim=1)
    return torch.tanh(content) * torch.softmax(gate, dim=1)


@answers.wrong("gated", "a hard sigmoid")
def _(features):
    content, gate = features.chunk(2, dim=1)
    return torch.tanh(content) * torch.nn.functional.hardsigmoid(gate)


# sample_image


@answers.right("sample_image", "numpy, one image at a time")
def _(logits_fn, shape, uniforms):
    n, channels, height, width = shape
    x = torch.zeros(shape, dtype=torch.int64)
    for r in range(height):
        for c in range(width):
            for k in range(channels):
                z = np.asarray(logits_fn(x), dtype=np.float64)[:, k, r, c]
                for i in range(n):
                    p = np.exp(z[i] - z[i].max())
                    p = p / p.sum()
                    cumulative = np.cumsum(p)
                    beyond = np.flatnonzero(cumulative > float(uniforms[i, k, r, c]))
                    x[i, k, r, c] = int(beyond[0]) if len(beyond) else int(np.flatnonzero(p > 0)[-1])
    return x


@answers.right("sample_image", "plain Python sums, a list")
def _(logits_fn, shape, uniforms):
    x = torch.zeros(shape, dtype=torch.int64)
    for place in range(shape[2] * shape[3]):
        r, c = divmod(place, shape[3])
        for k in range(shape[1]):
            logits = logits_fn(x)[:, k, r, c].tolist()
            for i, row in enumerate(logits):
                top = max(row)
                p = [math.exp(z - top) for z in row]
                total, chosen, so_far = math.fsum(p), None, 0.0
                for value, share in enumerate(p):
                    if share == 0:
                        continue
                    so_far += share
                    chosen = value
                    if so_far / total > uniforms[i, k, r, c]:
                        break
                x[i, k, r, c] = chosen
    return x.tolist()


@answers.right("sample_image", "searchsorted, the impossible values pushed out")
def _(logits_fn, shape, uniforms):
    x = torch.zeros(shape, dtype=torch.int64)
    for r, c, k in itertools.product(range(shape[2]), range(shape[3]), range(shape[1])):
        p = torch.softmax(logits_fn(x)[:, k, r, c].double(), dim=-1)
        cumulative = p.cumsum(-1)
        value = torch.searchsorted(cumulative, uniforms[:, k, r, c, None].double().contiguous(), right=True)[:, 0]
        last = torch.where(p > 0, torch.arange(p.shape[1]), 0).amax(dim=1)
        x[:, k, r, c] = torch.minimum(value, last)
    return x


@answers.wrong("sample_image", "one colour plane after the other")
def _(logits_fn, shape, uniforms):
    x = torch.zeros(shape, dtype=torch.int64)
    for k, r, c in itertools.product(range(shape[1]), range(shape[2]), range(shape[3])):
        p = torch.softmax(logits_fn(x)[:, k, r, c].double(), dim=1)
        last = p.shape[1] - 1 - (p > 0).flip(1).long().argmax(1)
        x[:, k, r, c] = torch.minimum((p.cumsum(1) <= uniforms[:, k, r, c, None]).sum(1), last)
    return x


@answers.wrong("sample_image", "column by column")
def _(logits_fn, shape, uniforms):
    x = torch.zeros(shape, dtype=torch.int64)
    for c, r, k in itertools.product(range(shape[3]), range(shape[2]), range(shape[1])):
        p = torch.softmax(logits_fn(x)[:, k, r, c].double(), dim=1)
        last = p.shape[1] - 1 - (p > 0).flip(1).long().argmax(1)
        x[:, k, r, c] = torch.minimum((p.cumsum(1) <= uniforms[:, k, r, c, None]).sum(1), last)
    return x


@answers.wrong("sample_image", "uniforms by turn")
def _(logits_fn, shape, uniforms):
    x = torch.zeros(shape, dtype=torch.int64)
    flat = uniforms.reshape(shape[0], -1)
    turns = itertools.product(range(shape[2]), range(shape[3]), range(shape[1]))
    for turn, (r, c, k) in enumerate(turns):
        p = torch.softmax(logits_fn(x)[:, k, r, c].double(), dim=1)
        last = p.shape[1] - 1 - (p > 0).flip(1).long().argmax(1)
        x[:, k, r, c] = torch.minimum((p.cumsum(1) <= flat[:, turn, None]).sum(1), last)
    return x


@answers.wrong("sample_image", "all channels of a pixel from one pass")
def _(logits_fn, shape, uniforms):
    x = torch.zeros(shape, dtype=torch.int64)
    for r, c in itertools.product(range(shape[2]), range(shape[3])):
        p = torch.softmax(logits_fn(x)[:, :, r, c].double(), dim=-1)
        last = p.shape[-1] - 1 - (p > 0).flip(-1).long().argmax(-1)
        x[:, :, r, c] = torch.minimum((p.cumsum(-1) <= uniforms[:, :, r, c, None]).sum(-1), last)
    return x


@answers.wrong("sample_image", "one pass for all")
def _(logits_fn, shape, uniforms):
    x = torch.zeros(shape, dtype=torch.int64)
    p = torch.softmax(logits_fn(x).double(), dim=-1)
    last = p.shape[-1] - 1 - (p > 0).flip(-1).long().argmax(-1)
    return torch.minimum((p.cumsum(-1) <= uniforms[..., None]).sum(-1), last)


@answers.wrong("sample_image", "the likeliest value")
def _(logits_fn, shape, uniforms):
    x = torch.zeros(shape, dtype=torch.int64)
    for r, c, k in itertools.product(range(shape[2]), range(shape[3]), range(shape[1])):
        x[:, k, r, c] = logits_fn(x)[:, k, r, c].argmax(dim=1)
    return x


@answers.wrong("sample_image", "reaches the uniform instead of exceeding it")
def _(logits_fn, shape, uniforms):
    x = torch.zeros(shape, dtype=torch.int64)
    for r, c, k in itertools.product(range(shape[2]), range(shape[3]), range(shape[1])):
        p = torch.softmax(logits_fn(x)[:, k, r, c].double(), dim=1)
        last = p.shape[1] - 1 - (p > 0).flip(1).long().argmax(1)
        x[:, k, r, c] = torch.minimum((p.cumsum(1) < uniforms[:, k, r, c, None]).sum(1), last)
    return x


@answers.wrong("sample_image", "the last value, if rounding leaves none")
def _(logits_fn, shape, uniforms):
    x = torch.zeros(shape, dtype=torch.int64)
    for r, c, k in itertools.product(range(shape[2]), range(shape[3]), range(shape[1])):
        p = torch.softmax(logits_fn(x)[:, k, r, c].double(), dim=1)
        x[:, k, r, c] = (p.cumsum(1) <= uniforms[:, k, r, c, None]).sum(1).clamp(max=p.shape[1] - 1)
    return x


@answers.wrong("sample_image", "values beyond the last, if rounding leaves none")
def _(logits_fn, shape, uniforms):
    x = torch.zeros(shape, dtype=torch.int64)
    for r, c, k in itertools.product(range(shape[2]), range(shape[3]), range(shape[1])):
        p = torch.softmax(logits_fn(x)[:, k, r, c].double(), dim=1)
        x[:, k, r, c] = (p.cumsum(1) <= uniforms[:, k, r, c, None]).sum(1)
    return x


@answers.wrong("sample_image", "a random generator of its own")
def _(logits_fn, shape, uniforms):
    x = torch.zeros(shape, dtype=torch.int64)
    generator = torch.Generator().manual_seed(0)
    for r, c, k in itertools.product(range(shape[2]), range(shape[3]), range(shape[1])):
        p = torch.softmax(logits_fn(x)[:, k, r, c].double(), dim=1)
        x[:, k, r, c] = torch.multinomial(p, 1, generator=generator)[:, 0]
    return x


@answers.wrong("sample_image", "counts from the last value down")
def _(logits_fn, shape, uniforms):
    x = torch.zeros(shape, dtype=torch.int64)
    for r, c, k in itertools.product(range(shape[2]), range(shape[3]), range(shape[1])):
        p = torch.softmax(logits_fn(x)[:, k, r, c].double(), dim=1).flip(1)
        passed = (p.cumsum(1) <= uniforms[:, k, r, c, None]).sum(1)
        x[:, k, r, c] = (p.shape[1] - 1 - passed).clamp(min=0)
    return x


# affected


@answers.wrong("sample_image", "float images for the network")
def _(logits_fn, shape, uniforms):
    x = torch.zeros(shape)
    for row, column, channel in itertools.product(range(shape[2]), range(shape[3]), range(shape[1])):
        p = torch.softmax(logits_fn(x)[:, channel, row, column].double(), dim=1)
        passed = (p.cumsum(dim=1) <= uniforms[:, channel, row, column, None]).sum(dim=1)
        last = p.shape[1] - 1 - (p > 0).flip(1).long().argmax(dim=1)
        x[:, channel, row, column] = torch.minimum(passed, last).float()
    return x.long()


@answers.right("affected", "convolution of the map with the mask, clipped")
def _(masks, row, column, height, width):
    changed = torch.zeros(1, 1, height, width)
    changed[0, 0, row, column] = 1
    maps = []
    for mask in masks:
        h, w = mask.shape
        changed = torch.nn.functional.conv2d(changed, mask.float()[None, None], padding=(h // 2, w // 2)).clamp(max=1)
        maps.append(changed[0, 0] > 0)
    return maps


@answers.right("affected", "every output asks its window, nested lists")
def _(masks, row, column, height, width):
    below = [[int((r, c) == (row, column)) for c in range(width)] for r in range(height)]
    maps = []
    for mask in masks:
        h, w = mask.shape
        entries = [(i - h // 2, j - w // 2) for i in range(h) for j in range(w) if mask[i, j]]
        now = [[0] * width for _ in range(height)]
        for r in range(height):
            for c in range(width):
                window = [(r + i, c + j) for i, j in entries]
                now[r][c] = int(any(0 <= a < height and 0 <= b < width and below[a][b] for a, b in window))
        maps.append(now)
        below = now
    return maps


@answers.right("affected", "by measuring, numpy stack")
def _(masks, row, column, height, width):
    before, after = torch.zeros(1, 1, height, width), torch.zeros(1, 1, height, width)
    after[0, 0, row, column] = 1
    maps = []
    for mask in masks:
        h, w = mask.shape
        weight = mask.double()[None, None]
        before, after = (
            torch.nn.functional.conv2d(v.double(), weight, padding=(h // 2, w // 2)) for v in (before, after)
        )
        changed = (after != before)[0, 0]
        after = changed.double()[None, None]
        maps.append(changed.numpy())
    return np.stack(maps)


@answers.wrong("affected", "what the pixel's place sees")
def _(masks, row, column, height, width):
    changed = torch.zeros(1, 1, height, width)
    changed[0, 0, row, column] = 1
    maps = []
    for mask in masks:
        h, w = mask.shape
        changed = torch.nn.functional.conv_transpose2d(
            changed, mask.float()[None, None], padding=(h // 2, w // 2)
        ).clamp(max=1)
        maps.append(changed[0, 0] > 0)
    return maps


@answers.wrong("affected", "the last layer only")
def _(masks, row, column, height, width):
    changed = torch.zeros(1, 1, height, width)
    changed[0, 0, row, column] = 1
    for mask in masks:
        h, w = mask.shape
        changed = torch.nn.functional.conv2d(changed, mask.float()[None, None], padding=(h // 2, w // 2)).clamp(max=1)
    return changed[0, 0] > 0


@answers.wrong("affected", "layers watch all layers below")
def _(masks, row, column, height, width):
    changed = torch.zeros(1, 1, height, width)
    changed[0, 0, row, column] = 1
    maps = []
    for mask in masks:
        h, w = mask.shape
        new = torch.nn.functional.conv2d(changed, mask.float()[None, None], padding=(h // 2, w // 2)).clamp(max=1)
        changed = torch.maximum(changed, new)
        maps.append(changed[0, 0] > 0)
    return maps


@answers.wrong("affected", "begins with the pixel's own map")
def _(masks, row, column, height, width):
    changed = torch.zeros(1, 1, height, width)
    changed[0, 0, row, column] = 1
    maps = []
    for mask in masks:
        h, w = mask.shape
        maps.append(changed[0, 0] > 0)
        changed = torch.nn.functional.conv2d(changed, mask.float()[None, None], padding=(h // 2, w // 2)).clamp(max=1)
    return maps


@answers.wrong("affected", "each layer watches the image")
def _(masks, row, column, height, width):
    lit = torch.zeros(1, 1, height, width)
    lit[0, 0, row, column] = 1
    maps = []
    for mask in masks:
        h, w = mask.shape
        maps.append(torch.nn.functional.conv2d(lit, mask.float()[None, None], padding=(h // 2, w // 2))[0, 0] > 0)
    return maps


@answers.wrong("affected", "everything that comes later")
def _(masks, row, column, height, width):
    later = (torch.arange(height * width) > row * width + column).view(height, width)
    itself = later.clone()
    itself[row, column] = True
    return [later, *[itself] * (len(masks) - 1)]


@answers.wrong("affected", "wraps round the border")
def _(masks, row, column, height, width):
    changed = torch.zeros(height, width, dtype=torch.bool)
    changed[row, column] = True
    maps = []
    for mask in masks:
        h, w = mask.shape
        new = torch.zeros_like(changed)
        for i, j in (mask > 0).nonzero().tolist():
            new |= torch.roll(changed, (h // 2 - i, w // 2 - j), dims=(0, 1))
        changed = new
        maps.append(changed)
    return maps


@answers.wrong("affected", "paths may lead outside and come back")
def _(masks, row, column, height, width):
    places, maps = {(row, column)}, []
    for mask in masks:
        h, w = mask.shape
        steps = [(h // 2 - i, w // 2 - j) for i, j in (mask > 0).nonzero().tolist()]
        places = {(r + i, c + j) for r, c in places for i, j in steps}
        now = torch.zeros(height, width, dtype=torch.bool)
        for r, c in places:
            if 0 <= r < height and 0 <= c < width:
                now[r, c] = True
        maps.append(now)
    return maps


@answers.wrong("affected", "counts in bytes")
def _(masks, row, column, height, width):
    changed = torch.zeros(height, width, dtype=torch.uint8)
    changed[row, column] = 1
    maps = []
    for mask in masks:
        h, w = mask.shape
        pad = torch.zeros(height + 2 * h, width + 2 * w, dtype=torch.uint8)
        for i, j in (mask > 0).nonzero().tolist():
            up, along = h // 2 - i, w // 2 - j
            pad[h + up : h + up + height, w + along : w + along + width] += changed
        changed = pad[h : h + height, w : w + width]
        maps.append(changed > 0)
    return maps


@answers.wrong("affected", "the layers in the other order")
def _(masks, row, column, height, width):
    changed = torch.zeros(1, 1, height, width)
    changed[0, 0, row, column] = 1
    maps = []
    for mask in masks[::-1]:
        h, w = mask.shape
        changed = torch.nn.functional.conv2d(changed, mask.float()[None, None], padding=(h // 2, w // 2)).clamp(max=1)
        maps.append(changed[0, 0] > 0)
    return maps[::-1]


# class_posterior


@answers.right("class_posterior", "logsumexp, then exp")
def _(log_probs, log_prior):
    scores = log_prior.double()[:, None, None] + torch.nn.functional.pad(log_probs.double(), (1, 0)).cumsum(-1)
    return torch.exp(scores - torch.logsumexp(scores, dim=0)).permute(1, 2, 0)


@answers.right("class_posterior", "numpy, the largest taken out")
def _(log_probs, log_prior):
    pieces, prior = np.asarray(log_probs, dtype=np.float64), np.asarray(log_prior, dtype=np.float64)
    classes, images, pixels = pieces.shape
    scores = np.zeros((images, pixels + 1, classes)) + prior
    scores[:, 1:] += pieces.cumsum(axis=2).transpose(1, 2, 0)
    scores -= scores.max(axis=2, keepdims=True)
    shares = np.exp(scores)
    return shares / shares.sum(axis=2, keepdims=True)


@answers.right("class_posterior", "one pixel after the other, normalised at each step, a list")
def _(log_probs, log_prior):
    classes, images, pixels = log_probs.shape
    now = torch.log_softmax(log_prior.double(), dim=0).expand(images, classes)
    steps = [now]
    for d in range(pixels):
        now = torch.log_softmax(now + log_probs[:, :, d].double().T, dim=1)
        steps.append(now)
    return torch.stack(steps, dim=1).exp().tolist()


@answers.wrong("class_posterior", "the prior forgotten")
def _(log_probs, log_prior):
    so_far = torch.nn.functional.pad(log_probs, (1, 0)).cumsum(-1)
    return torch.softmax(so_far, dim=0).permute(1, 2, 0)


@answers.wrong("class_posterior", "the prior counted at every pixel")
def _(log_probs, log_prior):
    pieces = torch.nn.functional.pad(log_probs, (1, 0)) + log_prior[:, None, None]
    return torch.softmax(pieces.cumsum(-1), dim=0).permute(1, 2, 0)


@answers.wrong("class_posterior", "begins after the first pixel")
def _(log_probs, log_prior):
    return torch.softmax(log_prior[:, None, None] + log_probs.cumsum(-1), dim=0).permute(1, 2, 0)


@answers.wrong("class_posterior", "each pixel by itself")
def _(log_probs, log_prior):
    pieces = torch.nn.functional.pad(log_probs, (1, 0))
    return torch.softmax(log_prior[:, None, None] + pieces, dim=0).permute(1, 2, 0)


@answers.wrong("class_posterior", "probabilities multiplied: nothing is left of a whole digit")
def _(log_probs, log_prior):
    joint = torch.exp(torch.nn.functional.pad(log_probs, (1, 0))).cumprod(-1) * torch.exp(log_prior)[:, None, None]
    return (joint / joint.sum(dim=0)).permute(1, 2, 0)


@answers.wrong("class_posterior", "probabilities handed on: whoever is 745 nats behind never comes back")
def _(log_probs, log_prior):
    classes, images, pixels = log_probs.shape
    now = torch.softmax(log_prior.double(), dim=0).expand(images, classes)
    steps = [now]
    for d in range(pixels):
        now = torch.softmax(torch.log(now) + log_probs[:, :, d].double().T, dim=1)
        steps.append(now)
    return torch.stack(steps, dim=1)


@answers.wrong("class_posterior", "log-probabilities")
def _(log_probs, log_prior):
    so_far = torch.nn.functional.pad(log_probs, (1, 0)).cumsum(-1)
    return torch.log_softmax(log_prior[:, None, None] + so_far, dim=0).permute(1, 2, 0)


@answers.wrong("class_posterior", "normalised over pixels")
def _(log_probs, log_prior):
    so_far = torch.nn.functional.pad(log_probs, (1, 0)).cumsum(-1)
    return torch.softmax(log_prior[:, None, None] + so_far, dim=2).permute(1, 2, 0)


@answers.wrong("class_posterior", "classes first")
def _(log_probs, log_prior):
    so_far = torch.nn.functional.pad(log_probs, (1, 0)).cumsum(-1)
    return torch.softmax(log_prior[:, None, None] + so_far, dim=0)


@answers.wrong("class_posterior", "the prior as if it were a probability")
def _(log_probs, log_prior):
    so_far = torch.nn.functional.pad(log_probs, (1, 0)).cumsum(-1)
    return torch.softmax(torch.log(torch.softmax(-log_prior, 0))[:, None, None] + so_far, dim=0).permute(1, 2, 0)


@answers.wrong("class_posterior", "the mean of the pixels so far, not their sum")
def _(log_probs, log_prior):
    so_far = torch.nn.functional.pad(log_probs, (1, 0)).cumsum(-1)
    counts = torch.arange(so_far.shape[-1]).clamp(min=1)
    return torch.softmax(log_prior[:, None, None] + so_far / counts, dim=0).permute(1, 2, 0)


@answers.wrong("class_posterior", "infinities replaced: what is impossible comes back")
def _(log_probs, log_prior):
    pieces = torch.nan_to_num(log_probs, neginf=-3.0)
    so_far = torch.nn.functional.pad(pieces, (1, 0)).cumsum(-1)
    return torch.softmax(torch.nan_to_num(log_prior, neginf=-3.0)[:, None, None] + so_far, dim=0).permute(1, 2, 0)


@answers.wrong("class_posterior", "adds to what it is given")
def _(log_probs, log_prior):
    log_probs[:, :, 0] += log_prior[:, None]
    scores = torch.cat([log_prior[:, None, None].expand(-1, log_probs.shape[1], 1), log_probs.cumsum(-1)], dim=2)
    return torch.softmax(scores, dim=0).permute(1, 2, 0)


# channel_mask


@answers.wrong("class_posterior", "impossible is -10000 nats")
def _(log_probs, log_prior):
    scores = torch.nn.functional.pad(torch.nan_to_num(log_probs, neginf=-1e4).cumsum(2), (1, 0))
    return torch.softmax(scores + log_prior[:, None, None], dim=0).permute(1, 2, 0)


@answers.wrong("channel_mask", "groups by np.array_split, the longer ones first")
def _(kind, c_in, c_out, n_channels):
    parts = [np.array_split(np.arange(c), n_channels) for c in (c_in, c_out)]
    source, to = (np.repeat(np.arange(n_channels), [len(p) for p in part]) for part in parts)
    return to[:, None] > source if kind == "A" else to[:, None] >= source


@answers.right("channel_mask", "floors of floats kept exact, two comparisons")
def _(kind, c_in, c_out, n_channels):
    source = torch.div(torch.arange(c_in) * n_channels, c_in, rounding_mode="floor")
    to = torch.div(torch.arange(c_out) * n_channels, c_out, rounding_mode="floor")
    return (to[:, None] > source[None, :]) | ((to[:, None] == source[None, :]) & (kind == "B"))


@answers.right("channel_mask", "one-hot groups and a triangle, numpy")
def _(kind, c_in, c_out, n_channels):
    small = np.tril(np.ones((n_channels, n_channels)), -1 if kind == "A" else 0)
    hot = np.eye(n_channels)
    return hot[np.arange(c_out) * n_channels // c_out] @ small @ hot[np.arange(c_in) * n_channels // c_in].T


@answers.right("channel_mask", "loops, nested lists")
def _(kind, c_in, c_out, n_channels):
    rows = []
    for o in range(c_out):
        to = (o * n_channels) // c_out
        sources = [(i * n_channels) // c_in for i in range(c_in)]
        rows.append([1 if (s < to if kind == "A" else s <= to) else 0 for s in sources])
    return rows


@answers.wrong("channel_mask", "groups of equal size, the rest in the last one")
def _(kind, c_in, c_out, n_channels):
    source = (torch.arange(c_in) // (c_in // n_channels)).clamp(max=n_channels - 1)
    to = (torch.arange(c_out) // (c_out // n_channels)).clamp(max=n_channels - 1)
    return to[:, None] > source[None, :] if kind == "A" else to[:, None] >= source[None, :]


@answers.wrong("channel_mask", "refuses what does not divide")
def _(kind, c_in, c_out, n_channels):
    if c_in % n_channels or c_out % n_channels:
        raise ValueError("not a multiple")
    source, to = torch.arange(c_in) // (c_in // n_channels), torch.arange(c_out)[:, None] // (c_out // n_channels)
    return source < to if kind == "A" else source <= to


@answers.wrong("channel_mask", "all closed in kind A: G never sees R")
def _(kind, c_in, c_out, n_channels):
    source, to = torch.arange(c_in) * n_channels // c_in, torch.arange(c_out) * n_channels // c_out
    return (to[:, None] >= source[None, :]) & (kind == "B")


@answers.wrong("channel_mask", "all open in kind B")
def _(kind, c_in, c_out, n_channels):
    source, to = torch.arange(c_in) * n_channels // c_in, torch.arange(c_out) * n_channels // c_out
    return (to[:, None] > source[None, :]) | (kind == "B")


@answers.wrong("channel_mask", "kind B like kind A")
def _(kind, c_in, c_out, n_channels):
    source, to = torch.arange(c_in) * n_channels // c_in, torch.arange(c_out) * n_channels // c_out
    return to[:, None] > source[None, :]


@answers.wrong("channel_mask", "kind A like kind B")
def _(kind, c_in, c_out, n_channels):
    source, to = torch.arange(c_in) * n_channels // c_in, torch.arange(c_out) * n_channels // c_out
    return to[:, None] >= source[None, :]


@answers.wrong("channel_mask", "interleaved: R G B R G B")
def _(kind, c_in, c_out, n_channels):
    source, to = torch.arange(c_in) % n_channels, torch.arange(c_out) % n_channels
    return to[:, None] > source[None, :] if kind == "A" else to[:, None] >= source[None, :]


@answers.wrong("channel_mask", "turned over")
def _(kind, c_in, c_out, n_channels):
    source, to = torch.arange(c_in) * n_channels // c_in, torch.arange(c_out) * n_channels // c_out
    return source[:, None] < to[None, :] if kind == "A" else source[:, None] <= to[None, :]


@answers.wrong("channel_mask", "B sees G, G sees R, B not R")
def _(kind, c_in, c_out, n_channels):
    source, to = torch.arange(c_in) * n_channels // c_in, torch.arange(c_out) * n_channels // c_out
    step = to[:, None] - source[None, :]
    return step == 1 if kind == "A" else (step == 0) | (step == 1)


@answers.wrong("channel_mask", "channels compared, not groups")
def _(kind, c_in, c_out, n_channels):
    source, to = torch.arange(c_in), torch.arange(c_out)
    return to[:, None] > source[None, :] if kind == "A" else to[:, None] >= source[None, :]


@answers.wrong("channel_mask", "always three colours")
def _(kind, c_in, c_out, n_channels):
    source, to = torch.arange(c_in) * 3 // c_in, torch.arange(c_out) * 3 // c_out
    return to[:, None] > source[None, :] if kind == "A" else to[:, None] >= source[None, :]


@answers.wrong("channel_mask", "the groups of the input in bytes")
def _(kind, c_in, c_out, n_channels):
    source = (np.arange(c_in).astype(np.uint8) * np.uint8(n_channels)) // np.uint8(min(c_in, 255))
    to = np.arange(c_out) * n_channels // c_out
    return to[:, None] > source[None, :] if kind == "A" else to[:, None] >= source[None, :]


# discretized_logistic_log_prob


@answers.right("discretized_logistic_log_prob", "the identity in numpy, by logaddexp")
def _(x, mean, log_scale, n_values):
    x, mean, log_scale = (np.asarray(a, dtype=np.float64) for a in (x, mean, log_scale))
    scale, value, half = np.exp(log_scale), 2 * x / (n_values - 1) - 1, 1 / (n_values - 1)
    a, b = (value - half - mean) / scale, (value + half - mean) / scale
    first, last = (x == 0) | (b != b), x == n_values - 1
    upper = np.where(last, 0.0, -np.logaddexp(0, -b))
    lower = np.where(first, 0.0, -np.logaddexp(0, a))
    return upper + lower + np.where(first | last, 0.0, np.log(-np.expm1(-2 * half / scale)))


@answers.right("discretized_logistic_log_prob", "the difference of two logarithms, mirrored to the left tail")
def _(x, mean, log_scale, n_values):
    x, mean, log_scale = torch.broadcast_tensors(x.double(), mean.double(), log_scale.double())
    scale, value, half = torch.exp(log_scale), 2 * x / (n_values - 1) - 1, 1 / (n_values - 1)
    low = torch.where(x == 0, -torch.inf, (value - half - mean) / scale)
    high = torch.where(x == n_values - 1, torch.inf, (value + half - mean) / scale)
    mirror = low + high > 0
    low, high = torch.where(mirror, -high, low), torch.where(mirror, -low, high)
    top = torch.nn.functional.logsigmoid(high)
    bottom = torch.nn.functional.logsigmoid(low)
    return top + torch.log1p(-torch.exp(bottom - top))


@answers.right("discretized_logistic_log_prob", "in units of the values, softplus, a list of lists")
def _(x, mean, log_scale, n_values):
    mean, log_scale = (mean.double() + 1) * (n_values - 1) / 2, log_scale.double() + math.log((n_values - 1) / 2)
    x, mean, log_scale = torch.broadcast_tensors(x, mean, log_scale)
    inverse = torch.exp(-log_scale)
    out = torch.zeros_like(mean)
    softplus = torch.nn.functional.softplus
    out = out - torch.where(x < n_values - 1, softplus(-(x + 0.5 - mean) * inverse), 0.0)
    out = out - torch.where(x > 0, softplus((x - 0.5 - mean) * inverse), 0.0)
    inner = torch.log(-torch.expm1(-inverse))
    return (out + torch.where((x > 0) & (x < n_values - 1), inner, 0.0)).tolist()


@answers.right("discretized_logistic_log_prob", "float32 throughout")
def _(x, mean, log_scale, n_values):
    x, mean, log_scale = x.float(), mean.float(), log_scale.float()
    step = 2.0 / (n_values - 1)
    s = torch.exp(log_scale)
    low, high = ((x - 0.5) * step - 1 - mean) / s, ((x + 0.5) * step - 1 - mean) / s
    out = torch.nn.functional.logsigmoid(high) * (x < n_values - 1) + torch.nn.functional.logsigmoid(-low) * (x > 0)
    return out + torch.log(-torch.expm1(-step / s)) * ((x > 0) & (x < n_values - 1))


@answers.wrong("discretized_logistic_log_prob", "the logarithm of a difference: -inf far out")
def _(x, mean, log_scale, n_values):
    s, value, half = torch.exp(log_scale), 2 * x / (n_values - 1) - 1, 1 / (n_values - 1)
    above = torch.where(x == n_values - 1, 1.0, torch.sigmoid((value + half - mean) / s))
    below = torch.where(x == 0, 0.0, torch.sigmoid((value - half - mean) / s))
    return torch.log(above - below)


@answers.wrong("discretized_logistic_log_prob", "kept from zero by 1e-12")
def _(x, mean, log_scale, n_values):
    s, value, half = torch.exp(log_scale), 2 * x / (n_values - 1) - 1, 1 / (n_values - 1)
    above = torch.where(x == n_values - 1, 1.0, torch.sigmoid((value + half - mean) / s))
    below = torch.where(x == 0, 0.0, torch.sigmoid((value - half - mean) / s))
    return torch.log((above - below).clamp(min=1e-12))


@answers.wrong("discretized_logistic_log_prob", "the density in the middle where the bin is small, as PixelCNN++")
def _(x, mean, log_scale, n_values):
    s, value, half = torch.exp(log_scale), 2 * x / (n_values - 1) - 1, 1 / (n_values - 1)
    above, below, z = (value + half - mean) / s, (value - half - mean) / s, (value - mean) / s
    inner = torch.sigmoid(above) - torch.sigmoid(below)
    density = z - log_scale - 2 * torch.nn.functional.softplus(z) + math.log(2 * half)
    out = torch.where(inner > 1e-5, torch.log(inner.clamp(min=1e-12)), density)
    out = torch.where(x == 0, -torch.nn.functional.softplus(-above), out)
    return torch.where(x == n_values - 1, -torch.nn.functional.softplus(below), out)


@answers.wrong("discretized_logistic_log_prob", "in the units of x")
def _(x, mean, log_scale, n_values):
    inverse = torch.exp(-log_scale)
    below, above = (x - 0.5 - mean) * inverse, (x + 0.5 - mean) * inverse
    logsigmoid = torch.nn.functional.logsigmoid
    inner = logsigmoid(above) + logsigmoid(-below) + torch.log(-torch.expm1(-inverse))
    return torch.where(x == 0, logsigmoid(above), torch.where(x == n_values - 1, logsigmoid(-below), inner))


@answers.wrong("discretized_logistic_log_prob", "the outer bins end too")
def _(x, mean, log_scale, n_values):
    value, half, inverse = 2 * x / (n_values - 1) - 1, 1 / (n_values - 1), torch.exp(-log_scale)
    below, above = (value - half - mean) * inverse, (value + half - mean) * inverse
    logsigmoid = torch.nn.functional.logsigmoid
    inner = logsigmoid(above) + logsigmoid(-below) + torch.log(-torch.expm1(-2 * half * inverse))
    return torch.where(x < 0, logsigmoid(above), torch.where(x < 0, logsigmoid(-below), inner))


@answers.wrong("discretized_logistic_log_prob", "only the first bin goes on")
def _(x, mean, log_scale, n_values):
    value, half, inverse = 2 * x / (n_values - 1) - 1, 1 / (n_values - 1), torch.exp(-log_scale)
    below, above = (value - half - mean) * inverse, (value + half - mean) * inverse
    logsigmoid = torch.nn.functional.logsigmoid
    inner = logsigmoid(above) + logsigmoid(-below) + torch.log(-torch.expm1(-2 * half * inverse))
    return torch.where(x == 0, logsigmoid(above), torch.where(x < 0, logsigmoid(-below), inner))


@answers.wrong("discretized_logistic_log_prob", "the last of 256 bins, whatever n")
def _(x, mean, log_scale, n_values):
    value, half, inverse = 2 * x / (n_values - 1) - 1, 1 / (n_values - 1), torch.exp(-log_scale)
    below, above = (value - half - mean) * inverse, (value + half - mean) * inverse
    logsigmoid = torch.nn.functional.logsigmoid
    inner = logsigmoid(above) + logsigmoid(-below) + torch.log(-torch.expm1(-2 * half * inverse))
    return torch.where(x == 0, logsigmoid(above), torch.where(x == 255, logsigmoid(-below), inner))


@answers.wrong("discretized_logistic_log_prob", "the first and the last exchanged")
def _(x, mean, log_scale, n_values):
    value, half, inverse = 2 * x / (n_values - 1) - 1, 1 / (n_values - 1), torch.exp(-log_scale)
    below, above = (value - half - mean) * inverse, (value + half - mean) * inverse
    logsigmoid = torch.nn.functional.logsigmoid
    inner = logsigmoid(above) + logsigmoid(-below) + torch.log(-torch.expm1(-2 * half * inverse))
    return torch.where(x == n_values - 1, logsigmoid(above), torch.where(x == 0, logsigmoid(-below), inner))


@answers.wrong("discretized_logistic_log_prob", "the scale itself for its logarithm")
def _(x, mean, log_scale, n_values):
    value, half, inverse = 2 * x / (n_values - 1) - 1, 1 / (n_values - 1), 1 / log_scale
    below, above = (value - half - mean) * inverse, (value + half - mean) * inverse
    logsigmoid = torch.nn.functional.logsigmoid
    inner = logsigmoid(above) + logsigmoid(-below) + torch.log(-torch.expm1(-2 * half * inverse))
    return torch.where(x == 0, logsigmoid(above), torch.where(x == n_values - 1, logsigmoid(-below), inner))


@answers.wrong("discretized_logistic_log_prob", "half a step is 1 / n")
def _(x, mean, log_scale, n_values):
    value, half, inverse = 2 * x / (n_values - 1) - 1, 1 / n_values, torch.exp(-log_scale)
    below, above = (value - half - mean) * inverse, (value + half - mean) * inverse
    logsigmoid = torch.nn.functional.logsigmoid
    inner = logsigmoid(above) + logsigmoid(-below) + torch.log(-torch.expm1(-2 * half * inverse))
    return torch.where(x == 0, logsigmoid(above), torch.where(x == n_values - 1, logsigmoid(-below), inner))


@answers.wrong("discretized_logistic_log_prob", "n steps between -1 and 1")
def _(x, mean, log_scale, n_values):
    value, half, inverse = 2 * x / n_values - 1, 1 / n_values, torch.exp(-log_scale)
    below, above = (value - half - mean) * inverse, (value + half - mean) * inverse
    logsigmoid = torch.nn.functional.logsigmoid
    inner = logsigmoid(above) + logsigmoid(-below) + torch.log(-torch.expm1(-2 * half * inverse))
    return torch.where(x == 0, logsigmoid(above), torch.where(x == n_values - 1, logsigmoid(-below), inner))


@answers.wrong("discretized_logistic_log_prob", "values from 0 to 1")
def _(x, mean, log_scale, n_values):
    value, half, inverse = x / (n_values - 1), 0.5 / (n_values - 1), torch.exp(-log_scale)
    below, above = (value - half - mean) * inverse, (value + half - mean) * inverse
    logsigmoid = torch.nn.functional.logsigmoid
    inner = logsigmoid(above) + logsigmoid(-below) + torch.log(-torch.expm1(-2 * half * inverse))
    return torch.where(x == 0, logsigmoid(above), torch.where(x == n_values - 1, logsigmoid(-below), inner))


@answers.wrong("discretized_logistic_log_prob", "bins of a whole step to either side")
def _(x, mean, log_scale, n_values):
    value, half, inverse = 2 * x / (n_values - 1) - 1, 2 / (n_values - 1), torch.exp(-log_scale)
    below, above = (value - half - mean) * inverse, (value + half - mean) * inverse
    logsigmoid = torch.nn.functional.logsigmoid
    inner = logsigmoid(above) + logsigmoid(-below) + torch.log(-torch.expm1(-2 * half * inverse))
    return torch.where(x == 0, logsigmoid(above), torch.where(x == n_values - 1, logsigmoid(-below), inner))


@answers.wrong("discretized_logistic_log_prob", "always 256 values")
def _(x, mean, log_scale, n_values):
    value, half, inverse = 2 * x / 255 - 1, 1 / 255, torch.exp(-log_scale)
    below, above = (value - half - mean) * inverse, (value + half - mean) * inverse
    logsigmoid = torch.nn.functional.logsigmoid
    inner = logsigmoid(above) + logsigmoid(-below) + torch.log(-torch.expm1(-2 * half * inverse))
    return torch.where(x == 0, logsigmoid(above), torch.where(x == 255, logsigmoid(-below), inner))


@answers.wrong("discretized_logistic_log_prob", "scales below e^-5 not taken seriously")
def _(x, mean, log_scale, n_values):
    value, half, inverse = 2 * x / (n_values - 1) - 1, 1 / (n_values - 1), torch.exp(-log_scale.clamp(min=-5))
    below, above = (value - half - mean) * inverse, (value + half - mean) * inverse
    logsigmoid = torch.nn.functional.logsigmoid
    inner = logsigmoid(above) + logsigmoid(-below) + torch.log(-torch.expm1(-2 * half * inverse))
    return torch.where(x == 0, logsigmoid(above), torch.where(x == n_values - 1, logsigmoid(-below), inner))


# the drill

_FOUND = {
    "leaks_A": [4, 5, 6, 7], "leaks_B": [6], "leaks_C_training": [4, 5, 6, 7], "leaks_C_in_use": [], "leaks_D": [4],
    "leaks_E": [], "leaks_F": [], "leaks_H": [(0, 0), (0, 1), (1, 1)], "lost_A": [2], "lost_B": [2], "lost_G": [0, 1, 2],
}  # fmt: skip


def _instead(**changed):
    return _FOUND | changed


answers.right("found_leaks", "typed", **_FOUND)
answers.right("found_leaks", "in another order, as tuples", **{name: tuple(reversed(v)) for name, v in _FOUND.items()})
answers.right("found_leaks", "ranges", **_instead(leaks_A=range(4, 8), lost_G=range(3)))
answers.right("found_leaks", "arrays", **{name: np.array(v) for name, v in _FOUND.items()})
answers.right("found_leaks", "floats", **_instead(leaks_A=[4.0, 5.0, 6.0, 7.0], lost_A=[2.0]))
answers.wrong("found_leaks", "A: the rows below only", **_instead(leaks_A=[6, 7, 8]))
answers.wrong("found_leaks", "A: the last pixel too", **_instead(leaks_A=[4, 5, 6, 7, 8]))
answers.wrong("found_leaks", "A: nothing lost", **_instead(lost_A=[]))
answers.wrong("found_leaks", "A: the left neighbour lost", **_instead(lost_A=[2, 3]))
answers.wrong("found_leaks", "B: sound, only turned", **_instead(leaks_B=[]))
answers.wrong("found_leaks", "B: the left column", **_instead(leaks_B=[3, 6]))
answers.wrong("found_leaks", "C: sound in training", **_instead(leaks_C_training=[]))
answers.wrong("found_leaks", "C: everything in training", **_instead(leaks_C_training=[4, 5, 6, 7, 8]))
answers.wrong("found_leaks", "C: leaks in use too", **_instead(leaks_C_in_use=[4, 5, 6, 7]))
answers.wrong("found_leaks", "D: residual connections are fine", **_instead(leaks_D=[]))
answers.wrong("found_leaks", "E: judged in raster order", **_instead(leaks_E=[5, 6, 7, 8]))
answers.wrong("found_leaks", "F: no mask, so it leaks", **_instead(leaks_F=[4]))
answers.wrong("found_leaks", "G: only the row directly above", **_instead(lost_G=[1]))
answers.wrong("found_leaks", "G: the left neighbour", **_instead(lost_G=[3]))
answers.wrong("found_leaks", "H: sound", **_instead(leaks_H=[]))
answers.wrong("found_leaks", "H: pairs turned round", **_instead(leaks_H=[(0, 0), (1, 0), (1, 1)]))
answers.wrong("found_leaks", "H: R sees all three", **_instead(leaks_H=[(0, 0), (0, 1), (0, 2), (1, 1)]))
answers.wrong("found_leaks", "H: itself only", **_instead(leaks_H=[(0, 0), (1, 1)]))


# repaired_H


@answers.right("repaired_H", "loops over channels, numpy")
def _(kernel_size, kind, c_in, c_out, n_channels):
    h, w = kernel_size
    mask = np.zeros((c_out, c_in, h, w))
    for o in range(c_out):
        for i in range(c_in):
            to, source = o * n_channels // c_out, i * n_channels // c_in
            mask[o, i, : h // 2] = 1
            mask[o, i, h // 2, : w // 2] = 1
            mask[o, i, h // 2, w // 2] = source < to or (kind == "B" and source == to)
    return mask


@answers.right("repaired_H", "ranks of (pixel, colour), booleans")
def _(kernel_size, kind, c_in, c_out, n_channels):
    h, w = kernel_size
    place = torch.arange(h * w).view(1, 1, h, w) - (h // 2 * w + w // 2)
    source = (torch.arange(c_in) * n_channels // c_in).view(1, -1, 1, 1) + n_channels * place
    to = (torch.arange(c_out) * n_channels // c_out).view(-1, 1, 1, 1)
    return source < to if kind == "A" else source <= to


@answers.right("repaired_H", "a flat row of the kernel, nested lists")
def _(kernel_size, kind, c_in, c_out, n_channels):
    h, w = kernel_size
    middle = h // 2 * w + w // 2
    small = torch.tril(torch.ones(n_channels, n_channels), 0 if kind == "B" else -1)
    to, source = (torch.arange(c) * n_channels // c for c in (c_out, c_in))
    among = small[to][:, source]
    flat = torch.zeros(c_out, c_in, h * w)
    flat[:, :, :middle] = 1
    flat[:, :, middle] = among
    return flat.view(c_out, c_in, h, w).tolist()


@answers.wrong("repaired_H", "as it was: the middle open in kind B")
def _(kernel_size, kind, c_in, c_out, n_channels):
    h, w = kernel_size
    mask = torch.zeros(c_out, c_in, h, w)
    mask[:, :, : h // 2] = 1
    mask[:, :, h // 2, : w // 2] = 1
    small = torch.tril(torch.ones(n_channels, n_channels), -1)
    among = torch.kron(small, torch.ones(c_out // n_channels, c_in // n_channels))
    mask[:, :, h // 2, w // 2] = 1 if kind == "B" else among
    return mask


@answers.wrong("repaired_H", "strict in the middle of both kinds")
def _(kernel_size, kind, c_in, c_out, n_channels):
    h, w = kernel_size
    mask = torch.zeros(c_out, c_in, h, w)
    mask[:, :, : h // 2] = 1
    mask[:, :, h // 2, : w // 2] = 1
    small = torch.tril(torch.ones(n_channels, n_channels), -1)
    mask[:, :, h // 2, w // 2] = torch.kron(small, torch.ones(c_out // n_channels, c_in // n_channels))
    return mask


@answers.wrong("repaired_H", "all of the middle closed in kind A")
def _(kernel_size, kind, c_in, c_out, n_channels):
    h, w = kernel_size
    mask = torch.zeros(c_out, c_in, h, w)
    mask[:, :, : h // 2] = 1
    mask[:, :, h // 2, : w // 2] = 1
    small = torch.tril(torch.ones(n_channels, n_channels), 0)
    among = torch.kron(small, torch.ones(c_out // n_channels, c_in // n_channels))
    mask[:, :, h // 2, w // 2] = among if kind == "B" else 0
    return mask


@answers.wrong("repaired_H", "colours decide at every place")
def _(kernel_size, kind, c_in, c_out, n_channels):
    h, w = kernel_size
    small = torch.tril(torch.ones(n_channels, n_channels), 0 if kind == "B" else -1)
    among = torch.kron(small, torch.ones(c_out // n_channels, c_in // n_channels))
    mask = torch.zeros(c_out, c_in, h, w)
    mask[:, :, : h // 2] = 1
    mask[:, :, h // 2, : w // 2 + 1] = 1
    return mask * among[:, :, None, None]


@answers.wrong("repaired_H", "interleaved colours")
def _(kernel_size, kind, c_in, c_out, n_channels):
    h, w = kernel_size
    mask = torch.zeros(c_out, c_in, h, w)
    mask[:, :, : h // 2] = 1
    mask[:, :, h // 2, : w // 2] = 1
    source, to = torch.arange(c_in) % n_channels, torch.arange(c_out) % n_channels
    mask[:, :, h // 2, w // 2] = (to[:, None] > source if kind == "A" else to[:, None] >= source).float()
    return mask


@answers.wrong("repaired_H", "input channels first")
def _(kernel_size, kind, c_in, c_out, n_channels):
    h, w = kernel_size
    mask = torch.zeros(c_in, c_out, h, w)
    mask[:, :, : h // 2] = 1
    mask[:, :, h // 2, : w // 2] = 1
    small = torch.triu(torch.ones(n_channels, n_channels), 0 if kind == "B" else 1)
    mask[:, :, h // 2, w // 2] = torch.kron(small, torch.ones(c_in // n_channels, c_out // n_channels))
    return mask


@answers.wrong("repaired_H", "the middle as if the kernel were square")
def _(kernel_size, kind, c_in, c_out, n_channels):
    h, w = kernel_size
    mask = torch.zeros(c_out, c_in, h, w)
    mask[:, :, : h // 2] = 1
    mask[:, :, h // 2, : w // 2] = 1
    small = torch.tril(torch.ones(n_channels, n_channels), 0 if kind == "B" else -1)
    middle = min(h // 2, w // 2)
    mask[:, :, middle, middle] = torch.kron(small, torch.ones(c_out // n_channels, c_in // n_channels))
    return mask


@answers.wrong("repaired_H", "rows below open")
def _(kernel_size, kind, c_in, c_out, n_channels):
    h, w = kernel_size
    mask = torch.ones(c_out, c_in, h, w)
    mask[:, :, h // 2, w // 2 + 1 :] = 0
    small = torch.tril(torch.ones(n_channels, n_channels), 0 if kind == "B" else -1)
    mask[:, :, h // 2, w // 2] = torch.kron(small, torch.ones(c_out // n_channels, c_in // n_channels))
    return mask


@answers.wrong("repaired_H", "three colours, whatever n_channels")
def _(kernel_size, kind, c_in, c_out, n_channels):
    h, w = kernel_size
    mask = torch.zeros(c_out, c_in, h, w)
    mask[:, :, : h // 2] = 1
    mask[:, :, h // 2, : w // 2] = 1
    source, to = torch.arange(c_in) * 3 // c_in, torch.arange(c_out) * 3 // c_out
    mask[:, :, h // 2, w // 2] = (to[:, None] > source if kind == "A" else to[:, None] >= source).float()
    return mask
