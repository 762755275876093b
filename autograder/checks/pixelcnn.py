"""Hidden tests of lesson 05: masked convolutions.

Convolutions, paths and samples are recomputed one connection at a time, in plain Python; logistic bins with 60 digits.
"""

from __future__ import annotations

import itertools
import math
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from autograder.checks import judge
from lib.byhand import personal_numbers, typed

# The drill: pixels of a 3 x 3 image, and pairs (output channel, input channel).
DRILL: dict[str, set[int]] = {
    "leaks_A": {4, 5, 6, 7},
    "leaks_B": {6},
    "leaks_C_training": {4, 5, 6, 7},
    "leaks_C_in_use": set(),
    "leaks_D": {4},
    "leaks_E": set(),
    "leaks_F": set(),
    "lost_A": {2},
    "lost_B": {2},
    "lost_G": {0, 1, 2},
}
DRILL_COLOURS = {(0, 0), (0, 1), (1, 1)}

Place = tuple[int, int]


# -- by hand


def check_seen_mine(student_name: Any, seen_mine: Any) -> None:
    __tracebackhide__ = True
    name = "seen_mine"
    assert isinstance(student_name, str), f"{name}: student_name should be your name in quotes"
    assert student_name.strip(), f"{name}: student_name should be your name in quotes, and not blank"
    a, b = personal_numbers(student_name, "05", 0, 5, 2)
    n_layers, side = 3 + a, 2 + b % 2
    found = judge.integers(name, list(judge.sequence(name, seen_mine, 3, what="the answer")), (3,), what="the answer")
    expected = _seen(n_layers, side)
    if found.tolist() == expected:
        return
    told = "the layer of kind A is one of the layers that were drawn, not one more"
    assert found.tolist() != _seen(n_layers + 1, side), f"{name}: {told}"
    assert found.tolist() != _seen(n_layers, 1), f"{name}: that would be right for kernels of 3 x 3"
    which = [
        label for label, f, e in zip(("own row", "row above", "blind spot"), found, expected, strict=True) if f != e
    ]
    raise AssertionError(f"{name}: of the three counts, not right: {', '.join(which)}")


def _seen(n_layers: int, side: int) -> list[int]:
    """In its own row, in the row above, in the blind spot: by walking."""
    far = n_layers * side
    steps = [(up, along) for up in range(-side, 1) for along in range(-side, side + 1) if up < 0 or along < 0]
    reached: set[Place] = set(steps)
    for _ in range(n_layers - 1):
        reached |= {(r + up, c + along) for r, c in reached for up, along in steps}
    rows = [{c for r, c in reached if r == -up} for up in range(far + 1)]
    blind = sum(2 * far + 1 - len(row) for row in rows[1:])
    return [len(rows[0]), len(rows[1]), blind]


# -- masks


def _mask(size: tuple[int, int], kind: str) -> np.ndarray:
    h, w = size
    middle = (h // 2, w // 2)
    return np.array([[int((i, j) < middle or (kind == "B" and (i, j) == middle)) for j in range(w)] for i in range(h)])


def check_conv_mask(conv_mask: Any) -> None:
    __tracebackhide__ = True
    name = "conv_mask"
    rng = judge.rng(50)
    sizes = [(3, 3), (1, 1), (5, 3), (3, 7), (1, 5), (7, 1), (5, 5), (1, 3), (3, 1)]
    sizes += [tuple(int(2 * k + 1) for k in rng.integers(0, 7, size=2)) for _ in range(4)]  # type: ignore[misc]
    for size, kind in itertools.product(sizes, "AB"):
        shown = f"{size}, {kind!r}"
        right = _mask(size, kind)
        found = judge.array(name, judge.call(name, conv_mask, size, kind, shown=shown), what=f"the result for {shown}")
        told = f"{name}: kernel_size is (height, width), in this order ({shown})"
        assert found.shape == size or found.shape != size[::-1], told
        found = judge.array(name, found, size, what=f"the result for {shown}")
        assert np.isin(found, (0, 1)).all(), f"{name}: the entries should be 0 and 1 (or False and True), for {shown}"
        if (found == right).all():
            continue
        other = _mask(size, "AB"[kind == "A"])
        assert not (found == other).all(), f"{name}: that is the mask of the other kind ({shown})"
        assert not (found == right[::-1, ::-1]).all(), f"{name}: that looks at what comes later ({shown})"
        assert not (found == 1 - right).all(), f"{name}: that keeps what should be cut ({shown})"
        below = found[size[0] // 2 + 1 :]
        assert not below.any(), f"{name}: rows below come later ({shown})"
        assert found[: size[0] // 2].all(), f"{name}: rows above come before, whole ({shown})"
        raise AssertionError(f"{name}: the middle row is wrong for {shown}")


def check_stack_masks(stack_masks: Any) -> None:
    __tracebackhide__ = True
    name = "stack_masks"
    rng = judge.rng(51)
    sizes = [(3, 3), (1, 1), (5, 3), (3, 7), (1, 5), (7, 1)]
    sizes += [tuple(int(2 * k + 1) for k in rng.integers(0, 6, size=2)) for _ in range(3)]  # type: ignore[misc]
    for size in sizes:
        h, w = size
        right = (
            np.array([[int(i <= h // 2) for _ in range(w)] for i in range(h)]),
            np.array([[int(i == h // 2 and j <= w // 2) for j in range(w)] for i in range(h)]),
        )
        result = judge.call(name, stack_masks, size, shown=f"{size}")
        pair = judge.sequence(name, result, 2, what=f"the result for {size}")
        found = []
        for mask, which in zip(pair, ("vertical", "horizontal"), strict=True):
            what = f"the {which} mask for {size}"
            found.append(judge.array(name, mask, size, what=what))
            assert np.isin(found[-1], (0, 1)).all(), f"{name}: {what} should hold 0 and 1 (or False and True)"
        vertical, horizontal = found
        swapped = (vertical == right[1]).all() and (horizontal == right[0]).all()
        assert not swapped or size == (1, 1), f"{name}: vertical first, horizontal second ({size})"
        assert not vertical[h // 2 + 1 :].any(), f"{name}: the vertical stack must not see rows below ({size})"
        told = f"{name}: the vertical stack may see more: ask what the features in its own row know ({size})"
        assert (vertical == right[0]).all(), told
        other_rows = np.delete(horizontal, h // 2, axis=0)
        assert not other_rows.any(), f"{name}: the horizontal stack keeps to its own row ({size})"
        row = horizontal[h // 2]
        assert not row[w // 2 + 1 :].any(), f"{name}: the horizontal stack must not look to the right ({size})"
        assert row[w // 2] == 1, (
            f"{name}: behind the first layer, the horizontal stack may see the feature here ({size})"
        )
        assert (row == right[1][h // 2]).all(), f"{name}: the horizontal stack may see more on its left ({size})"


def _groups(n: int, n_channels: int) -> list[int]:
    return [math.floor(Fraction(i * n_channels, n)) for i in range(n)]


def _among(kind: str, c_in: int, c_out: int, n_channels: int) -> np.ndarray:
    pairs = [[(to, source) for source in _groups(c_in, n_channels)] for to in _groups(c_out, n_channels)]
    return np.array([[int(to > source or (kind == "B" and to == source)) for to, source in row] for row in pairs])


def check_channel_mask(channel_mask: Any) -> None:
    __tracebackhide__ = True
    name = "channel_mask"
    rng = judge.rng(52)
    cases = [
        ("A", 3, 3, 3),
        ("B", 3, 3, 3),
        ("A", 3, 6, 3),
        ("B", 12, 6, 3),
        ("B", 6, 12, 3),
        ("A", 1, 4, 1),
        ("B", 5, 1, 1),
    ]
    cases += [("A", 2, 8, 2), ("B", 8, 8, 4), ("B", 300, 150, 3), ("A", 4, 4, 4)]
    cases += [("A", 4, 7, 3), ("B", 64, 10, 3), ("B", 5, 9, 4)]
    cases += [("B", 6, 10, 4), ("A", 7, 13, 5)]  # groups of equal size, the longer ones first, are other groups
    for kind in "AB":
        n = int(rng.integers(2, 6))
        cases.append((kind, n * int(rng.integers(2, 5)), n * int(rng.integers(5, 8)), n))
        cases.append((kind, n * int(rng.integers(2, 5)) + 1, n * int(rng.integers(5, 8)) + 1, n))
    for kind, c_in, c_out, n in cases:
        shown = f"{kind!r}, {c_in}, {c_out}, {n}"
        right = _among(kind, c_in, c_out, n)
        found = judge.array(
            name, judge.call(name, channel_mask, kind, c_in, c_out, n, shown=shown), what=f"the result for ({shown})"
        )
        told = f"{name}: one row per output channel, one column per input channel ({shown})"
        assert found.shape == right.shape or found.shape != right.shape[::-1], told
        found = judge.array(name, found, right.shape, what=f"the result for ({shown})")
        assert np.isin(found, (0, 1)).all(), f"{name}: the entries should be 0 and 1 (or False and True), for ({shown})"
        if (found == right).all():
            continue
        other = _among("AB"[kind == "A"], c_in, c_out, n)
        assert not (found == other).all(), f"{name}: that is the other kind's ({shown})"
        step = np.arange(c_in)[None, :] % n, np.arange(c_out)[:, None] % n
        interleaved = step[1] > step[0] if kind == "A" else step[1] >= step[0]
        told = f"{name}: channels are grouped: all of colour 0 first, then all of colour 1 ({shown})"
        assert not (found == interleaved).all(), told
        if right.shape == right.T.shape:
            assert not (found == right.T).all(), f"{name}: rows are outputs; yours are turned over ({shown})"
        told = "lets a channel see one that comes later" if (found > right).any() else "cuts what may be seen"
        raise AssertionError(f"{name}: it {told} ({shown})")


def check_repaired_H(repaired_H: Any) -> None:
    __tracebackhide__ = True
    name = "repaired_H"
    rng = judge.rng(53)
    cases: list[tuple[tuple[int, int], str, int, int, int]] = [
        ((3, 3), "A", 3, 3, 3), ((3, 3), "B", 6, 9, 3), ((1, 1), "A", 3, 6, 3), ((1, 1), "B", 6, 3, 3),
        ((5, 3), "B", 3, 6, 3), ((1, 5), "A", 4, 2, 2), ((7, 1), "B", 8, 4, 4), ((3, 5), "A", 1, 2, 1),
        ((3, 3), "B", 6, 10, 4), ((1, 3), "A", 90, 99, 3),
    ]  # fmt: skip
    for kind in "AB":
        n = int(rng.integers(2, 4))
        size = (2 * int(rng.integers(1, 3)) + 1, 2 * int(rng.integers(1, 4)) + 1)
        cases.append((size, kind, n * int(rng.integers(1, 4)), n * int(rng.integers(4, 6)), n))
    for size, kind, c_in, c_out, n in cases:
        h, w = size
        shown = f"{size}, {kind!r}, {c_in}, {c_out}, {n}"
        right = np.empty((c_out, c_in, h, w))
        right[:] = _mask(size, kind)
        right[:, :, h // 2, w // 2] = _among(kind, c_in, c_out, n)
        result = judge.call(name, repaired_H, size, kind, c_in, c_out, n, shown=shown)
        found = judge.array(name, result, right.shape, what=f"the result for ({shown})")
        assert np.isin(found, (0, 1)).all(), f"{name}: the entries should be 0 and 1 (or False and True), for ({shown})"
        if (found == right).all():
            continue
        around = found.copy()
        around[:, :, h // 2, w // 2] = right[:, :, h // 2, w // 2]
        told = "beside the middle, all channels of what comes before are open, and nothing else"
        assert (around == right).all(), f"{name}: {told} ({shown})"
        middle, among = found[:, :, h // 2, w // 2], right[:, :, h // 2, w // 2]
        assert not (middle > among).any(), f"{name}: in the middle, a channel sees one that it must not ({shown})"
        raise AssertionError(f"{name}: in the middle, a channel does not see one that it may ({shown})")


# -- convolution


def _convolve(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    (batch, _, height, width), (c_out, _, h, w) = x.shape, weight.shape
    out = np.zeros((batch, c_out, height, width)) + bias[:, None, None]
    for r, c, i, j in itertools.product(range(height), range(width), range(h), range(w)):
        at = (r + i - h // 2, c + j - w // 2)
        if 0 <= at[0] < height and 0 <= at[1] < width:
            out[:, :, r, c] += x[:, :, at[0], at[1]] @ weight[:, :, i, j].T
    return out


def check_masked_conv2d(masked_conv2d: Any) -> None:
    __tracebackhide__ = True
    name = "masked_conv2d"
    rng = judge.rng(54)
    # (batch, c_in, height, width), c_out, kernel, dtype, mask: of the kernel or of the whole weight, and its type
    cases: list[tuple[tuple[int, int, int, int], int, tuple[int, int], Any, bool, Any]] = [
        ((2, 1, 4, 5), 3, (3, 3), torch.float64, False, torch.float64),
        ((1, 3, 6, 2), 1, (3, 5), torch.float32, False, torch.bool),
        ((3, 2, 5, 5), 2, (1, 1), torch.float64, True, torch.bool),
        ((1, 4, 3, 7), 4, (5, 3), torch.float32, True, torch.float32),
        ((2, 3, 1, 6), 3, (1, 3), torch.float64, False, torch.int64),
        ((1, 1, 6, 1), 2, (7, 1), torch.float32, False, torch.bool),
        ((2, 3, 3, 3), 3, (3, 3), torch.float64, True, torch.int64),
    ]
    for k, (shape, c_out, kernel, dtype, whole, kind) in enumerate(cases):
        x = rng.normal(size=shape) * (1, 1, 1, 1, 1000, 1, 1)[k]
        weight, bias = rng.normal(size=(c_out, shape[1], *kernel)), rng.normal(size=c_out)
        mask = (rng.random(weight.shape if whole else kernel) < 0.5).astype(float)
        mask.flat[0], mask.flat[-1] = (1, 0) if mask.size > 1 else (1, 1)
        kept = weight * mask
        shown = f"x of shape {shape}, weight of shape {weight.shape}, mask of shape {mask.shape}"
        tensors = [torch.from_numpy(v).to(dtype) for v in (x, weight, bias)]
        result = judge.call(name, masked_conv2d, *tensors, torch.from_numpy(mask).to(kind), shown=shown)
        right = _convolve(x, kept, bias)
        found = judge.array(name, result, right.shape, what=f"the result for {shown}")
        mistakes = [
            (_convolve(x, weight, bias), "the mask has no effect"),
            (_convolve(x, kept, 0 * bias), "the bias is missing"),
            (_convolve(x, weight * (1 - mask), bias), "what the mask cuts is kept, and the other way round"),
            (_convolve(x, kept[:, :, ::-1, ::-1], bias), "the kernel is turned round"),
        ]
        told = [(value, f"{sentence} ({shown})") for value, sentence in mistakes]
        judge.compare(name, found, right, told, f"wrong output for {shown}")


# -- who sees whom


def _steps(mask: np.ndarray) -> list[Place]:
    h, w = mask.shape
    return [(i - h // 2, j - w // 2) for i, j in np.argwhere(mask).tolist()]


def _walk(masks: list[np.ndarray], start: Place, height: int, width: int, inside: bool = True) -> np.ndarray:
    """The places that a path from `start` reaches, through `masks` in the order given."""
    places = {start}
    inside = inside or len(masks) > 20  # outside, places multiply without end: too slow for a mere hint
    for mask in masks:
        places = {(r + up, c + along) for r, c in places for up, along in _steps(mask)}
        if inside:
            places = {(r, c) for r, c in places if 0 <= r < height and 0 <= c < width}
    seen = np.zeros((height, width))
    for r, c in places:
        if 0 <= r < height and 0 <= c < width:
            seen[r, c] = 1
    return seen


def _stacks(rng: np.random.Generator) -> list[tuple[str, list[np.ndarray], int, int]]:
    """(what it is, masks, height, width): some of kinds A and B, and some that nobody would build."""
    cases = [
        ("A", [_mask((3, 3), "A")], 5, 5),
        ("A, B and B", [_mask((3, 3), "A"), *[_mask((3, 3), "B")] * 2], 6, 9),
        ("A of 7 x 7 and B of 3 x 5", [_mask((7, 7), "A"), _mask((3, 5), "B")], 10, 8),
        ("1 x 1", [_mask((1, 1), "B")], 4, 3),
        ("1 x 1 of kind A", [_mask((3, 3), "B"), _mask((1, 1), "A")], 4, 4),
        ("all kernels of one row", [_mask((1, 5), "A"), _mask((1, 3), "B")], 2, 7),
        ("no layer's mask open", [np.zeros((3, 3), dtype=int), np.ones((3, 3), dtype=int)], 5, 5),
        ("one pixel", [np.ones((3, 3), dtype=int)] * 2, 1, 1),
    ]
    for height, width, n in ((5, 7, 2), (8, 6, 3), (3, 3, 4), (2, 9, 3), (7, 2, 2), (4, 4, 3)):
        masks = []
        for _ in range(n):
            size = tuple(int(k) for k in 2 * rng.integers(0, 3, size=2) + 1)
            masks.append((rng.random(size) < 0.35).astype(int))
            masks[-1].flat[int(rng.integers(masks[-1].size))] = 1
        cases.append(("masks of any kind", masks, height, width))
    # Two rows up and one down: in one order the way leads out of an image of three rows, in the other it stays inside.
    up, down = np.zeros((5, 3), dtype=int), np.zeros((3, 3), dtype=int)
    up[0, 1] = down[2, 0] = 1
    cases += [("up and down", [up, down], 3, 4), ("down and up", [down, up], 3, 4)]
    # Many layers: paths multiply beyond what a number can hold.
    cases.append(("17 layers of 1 x 31", [np.ones((1, 31), dtype=int)] * 17, 1, 16))  # 16 ** 16 paths: 0 in 64 bits
    cases.append(("60 layers", [_mask((3, 3), "A"), *[_mask((3, 3), "B")] * 59], 9, 8))
    # Some 2 ** 155 paths, of 24 ** 130: either float32 overflows, or their share does the opposite.
    wide = np.ones((5, 5), dtype=int)
    wide[2, 0] = 0
    cases.append(("130 layers of 5 x 5", [wide] * 130, 1, 3))
    return cases


def _of(masks: list[np.ndarray], k: int) -> list[torch.Tensor]:
    return [torch.from_numpy(m).to((torch.bool, torch.float32, torch.int64)[k % 3]) for m in masks]


def check_reach(reach: Any) -> None:
    __tracebackhide__ = True
    name = "reach"
    stacks = [*_stacks(judge.rng(55)), ("no layer", [], 3, 4)]
    for k, (label, masks, height, width) in enumerate(stacks):
        sizes = ", ".join(f"{m.shape[0]} x {m.shape[1]}" for m in masks[:4]) + (", ..." if len(masks) > 4 else "")
        shown = f"{label}; masks of {sizes} on {height} x {width}" if masks else f"no masks, on {height} x {width}"
        middle = (height // 2, width // 2)
        right = _walk(masks[::-1], middle, height, width)
        result = judge.call(name, reach, _of(masks, k), height, width, shown=shown)
        found = judge.array(name, result, (height, width), what=f"the result for {shown}")
        if (found == right).all():
            continue
        assert np.isin(found, (0, 1)).all(), (
            f"{name}: the entries should be True or False, not numbers of paths ({shown})"
        )
        turned = [m[::-1, ::-1] for m in masks]
        union = right.copy()
        for n in range(len(masks)):
            union = np.maximum(union, _walk(masks[::-1][:n], middle, height, width))
        mistakes = [
            (_walk(masks, middle, height, width), "walk backwards, from the last layer to the first"),
            (_walk(masks[::-1], middle, height, width, inside=False), "no path leads through places outside the image"),
            (_walk(turned[::-1], middle, height, width), "the first row of a mask belongs to the row above"),
            (union, "only the image is asked for, not the places in the layers between"),
            (_walk(masks[::-1], ((height - 1) // 2, (width - 1) // 2), height, width), "the middle is row height // 2, column width // 2"),
        ]  # fmt: skip
        for value, told in mistakes:
            assert not (found == value).all(), f"{name}: {told} ({shown})"
        told = "sees a pixel that no path reaches" if (found > right).any() else "misses a pixel"
        raise AssertionError(f"{name}: it {told} ({shown})")


def check_affected(affected: Any) -> None:
    __tracebackhide__ = True
    name = "affected"
    rng = judge.rng(56)
    for k, (label, masks, height, width) in enumerate(_stacks(rng)):
        at = (int(rng.integers(height)), int(rng.integers(width)))
        shown = f"{label}; pixel {at} of {height} x {width}"
        turned = [m[::-1, ::-1] for m in masks]
        right = [_walk(turned[: n + 1], at, height, width) for n in range(len(masks))]
        result = judge.call(name, affected, _of(masks, k), *at, height, width, shown=shown)
        maps = judge.sequence(name, result, len(masks), what=f"the result for {shown}")
        seen = [_walk(masks[: n + 1], at, height, width) for n in range(len(masks))]
        for layer, (value, expected) in enumerate(zip(maps, right, strict=True)):
            what = f"map {layer} for {shown}"
            found = judge.array(name, value, (height, width), what=what)
            if (found == expected).all():
                continue
            assert np.isin(found, (0, 1)).all(), f"{name}: {what} should hold True and False, not numbers of paths"
            told = f"{name}: {what}: who sees the pixel is asked for, not what the pixel's place sees"
            assert not (found == seen[layer]).all(), told
            grown = np.maximum.reduce([*right[: layer + 1], _walk([], at, height, width)])
            told = f"{name}: {what}: a layer watches the layer below alone, not all of them"
            assert not (found == grown).all(), told
            outside = _walk(turned[: layer + 1], at, height, width, inside=False)
            told = f"{name}: {what}: beyond the border nothing changes, so nothing comes back from there"
            assert not (found == outside).all(), told
            told = (
                "names a feature that cannot change" if (found > expected).any() else "misses a feature that can change"
            )
            raise AssertionError(f"{name}: {what} {told}")


# -- gates, samples, classes


def check_gated(gated: Any) -> None:
    __tracebackhide__ = True
    name = "gated"
    rng = judge.rng(57)
    cases = [
        ((2, 6, 3, 4), 1.0),
        ((1, 2, 1, 5), 1.0),
        ((3, 4, 4, 4), 3.0),
        ((4, 8, 2, 1), 0.01),
        ((2, 2, 3, 3), 1000.0),
    ]
    cases += [((1, 10, 1, 1), 90.0), ((6, 4, 6, 6), 1.0)]
    for k, (shape, scale) in enumerate(cases):
        features = rng.normal(size=shape) * scale
        features = np.where(np.abs(features) < 0.05 * scale, 0.05 * scale, features)
        half = shape[1] // 2
        content, gate = features[:, :half], features[:, half:]
        sigmoid = lambda z: np.exp(-np.logaddexp(0, -z))  # noqa: E731
        right = np.tanh(content) * sigmoid(gate)
        shown = f"features of shape {shape}, of size {scale:g}"
        given = torch.from_numpy(features).to(torch.float32 if k % 2 else torch.float64)
        found = judge.array(
            name, judge.call(name, gated, given, shown=shown), right.shape, what=f"the result for {shown}"
        )
        mistakes = [
            (np.tanh(gate) * sigmoid(content), "the first half is the content, the second half the gate"),
            (np.tanh(features[:, ::2]) * sigmoid(features[:, 1::2]), "halves are asked for, not every other channel"),
            (content * sigmoid(gate), "the tanh is missing"),
            (np.tanh(content) * np.tanh(gate), "the gate goes through a sigmoid"),
            (sigmoid(content) * sigmoid(gate), "the content goes through a tanh"),
            (np.tanh(content) + sigmoid(gate), "the two are multiplied"),
        ]
        told = [(value, f"{sentence} ({shown})") for value, sentence in mistakes]
        judge.compare(name, found, right, told, f"wrong for {shown}")


class _Colours:
    """Conditionals over K values, pixel by pixel and channel by channel, with strong dependences."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, int, int], n_values: int, scale: float = 2.0):
        self.shape, self.n_values, self.scale = shape, n_values, scale
        size = math.prod(shape)
        self.bias = rng.normal(size=(size, n_values))
        self.weight = rng.normal(size=(size, size, n_values, n_values))
        self.forbidden = rng.random((size, n_values)) < 0.3  # values of probability zero
        self.forbidden[np.arange(size), rng.integers(n_values, size=size)] = False
        channels, height, width = shape
        # When each number's turn comes: pixels in raster order, the channels of a pixel one after the other.
        order = [(c, r, k) for r in range(height) for k in range(width) for c in range(channels)]
        self.order = [(c * height + r) * width + k for c, r, k in order]

    def logits_of(self, x: np.ndarray, place: int) -> np.ndarray:
        """The logits (K,) of one number of an image (flat); looks at nothing that comes later."""
        before = self.order[: self.order.index(place)]
        z = self.bias[place] + sum(self.weight[place, s, int(x[s])] for s in before)
        z = self.scale * z / math.sqrt(1 + len(before))
        return np.where(self.forbidden[place], -np.inf, z)

    def __call__(self, x: Any) -> torch.Tensor:
        given = np.asarray(x.detach().cpu() if isinstance(x, torch.Tensor) else x)
        if given.dtype.kind not in "iu":
            raise ValueError(f"logits_fn takes int64 images, found {given.dtype}")
        values = given.astype(float)
        if values.ndim != 4 or values.shape[1:] != self.shape:
            raise ValueError(
                f"logits_fn takes images of shape (n, {', '.join(map(str, self.shape))}), found {values.shape}"
            )
        flat = values.reshape(len(values), -1)
        logits = [[self.logits_of(row, d) for d in range(flat.shape[1])] for row in flat]
        return torch.tensor(np.array(logits).reshape(*values.shape, self.n_values), dtype=torch.float64)

    def draw(
        self, uniforms: np.ndarray, visit: list[int], columns: list[int], pick: Any = None
    ) -> tuple[np.ndarray, float]:
        """Images (n, size), visiting places in an order with given columns of uniforms; and the closest call."""
        out, margin = np.zeros(uniforms.shape), 1.0
        for row, u in zip(out, uniforms, strict=True):
            for place, column in zip(visit, columns, strict=True):
                z = self.logits_of(row, place)
                p = np.exp(z - z.max())
                edges = np.cumsum(p / p.sum())
                margin = min(margin, float(np.abs(edges - u[column]).min()))
                row[place] = pick(p) if pick else int((edges <= u[column]).sum())
        return out, margin


class _Edges:
    """One number after the other, each with the same hand-made distribution."""

    def __init__(self, p: list[float]):
        with np.errstate(divide="ignore"):
            self.logits = torch.tensor(np.log(p))

    def __call__(self, x: Any) -> torch.Tensor:
        return self.logits.expand(*np.shape(x), len(self.logits)).clone()


def check_sample_image(sample_image: Any) -> None:
    __tracebackhide__ = True
    name = "sample_image"
    rng = judge.rng(58)
    cases = [
        ((1, 2, 3), 4, 3),
        ((3, 2, 2), 3, 2),
        ((2, 1, 4), 2, 4),
        ((2, 3, 1), 5, 1),
        ((1, 1, 1), 3, 5),
        ((3, 1, 2), 4, 3),
    ]
    for shape, n_values, n in cases:
        size = math.prod(shape)
        channels, height, width = shape
        raster = list(range(size))
        sideways = [(c * height + r) * width + k for k in range(width) for r in range(height) for c in range(channels)]
        for _ in range(500):
            model = _Colours(rng, shape, n_values)
            u = rng.random((n, size)).astype(np.float32).astype(np.float64)
            right, margin = model.draw(u, model.order, model.order)
            planes, columns = model.draw(u, raster, raster)[0], model.draw(u, sideways, sideways)[0]
            by_turn = model.draw(u, model.order, raster)[0]
            differ = [
                order == model.order or (other != right).any()
                for order, other in ((raster, planes), (sideways, columns), (raster, by_turn))
            ]
            if margin > 1e-3 and all(differ):
                break
        whole = (n, *shape)
        shown = f"shape {whole}, {n_values} values"
        result = judge.call(name, sample_image, model, whole, torch.from_numpy(u.reshape(whole)), shown=shown)
        found = judge.array(name, result, whole, what=f"the result for {shown}").reshape(n, size)
        if (found == right).all():
            continue
        told = f"{name}: values should be whole numbers from 0 to {n_values - 1} ({shown})"
        assert np.isin(found, np.arange(n_values)).all(), told
        blank = np.zeros((n, size))
        once = np.zeros((n, size))
        for d in range(size):
            z = model.logits_of(blank[0], d)
            p = np.exp(z - z.max())
            once[:, d] = [(np.cumsum(p / p.sum()) <= v).sum() for v in u[:, d]]
        for other, told in (
            (planes, "the channels of a pixel come one after the other, before the next pixel"),
            (by_turn, "a uniform belongs to its place, not to a turn"),
            (columns, "pixels come row by row"),
            (model.draw(u, model.order, model.order, pick=np.argmax)[0], "draw with the uniforms instead of taking the likeliest value"),
            (model.draw(1 - u, model.order, model.order)[0], "the first value takes the uniforms near 0, the last those near 1"),
            (once, "what is drawn should be fed back before the next number is drawn"),
        ):  # fmt: skip
            assert not (found == other).all(), f"{name}: {told} ({shown})"
        raise AssertionError(f"{name}: wrong images for {shown}")
    last = "if rounding leaves none, the last value of positive probability is drawn"
    nearly_1 = 1 - 2**-53
    edges: list[tuple[list[float], float, int, str]] = [
        ([0.5, 0.5], 0.5, 1, "the cumulative probability has to exceed the uniform, and 0.5 does not exceed 0.5"),
        ([0.0, 1.0], 0.0, 1, "a value of probability zero is never drawn, not even by a uniform of 0"),
        ([0.1] * 10 + [0.0] * 3, nearly_1, 9, last),
        ([1 / 24] * 24 + [0.0], nearly_1, 23, last),
        ([1.0, 0.0], nearly_1, 0, last),
        ([1e-30, 1.0 - 1e-6, 1e-6], 0.5, 1, "wrong where probabilities differ a million times"),
        ([5e-7, 1 - 5e-7], 2e-7, 0, "a small uniform counts as it is"),
        ([0.3, 0.7], 0.29998, 0, "uniforms and probabilities count to more than four digits"),
        ([0.3, 0.7], 0.30002, 1, "uniforms and probabilities count to more than four digits"),
    ]
    for shares, uniform, value, told in edges:
        uniforms = torch.full((1, 1, 1, 2), uniform, dtype=torch.float64)
        shown = f"probabilities {shares[:4]}{'...' if len(shares) > 4 else ''}, uniform {uniform:g}"
        result = judge.call(name, sample_image, _Edges(shares), (1, 1, 1, 2), uniforms, shown=shown)
        found = judge.array(name, result, (1, 1, 1, 2), what=f"the result for {shown}")
        assert (found == value).all(), f"{name}: {told} ({shown})"


def check_class_posterior(class_posterior: Any) -> None:
    __tracebackhide__ = True
    name = "class_posterior"
    rng = judge.rng(59)
    cases = [(3, 2, 4), (2, 1, 5), (10, 3, 6), (4, 4, 4), (1, 2, 3), (5, 3, 1)]
    for k, (classes, images, pixels) in enumerate(cases):
        log_probs = np.log(rng.uniform(0.02, 1, size=(classes, images, pixels)))
        prior = rng.uniform(0.2, 1, size=classes) ** 2
        log_prior = np.log(prior / prior.sum())
        right = np.array([
            [_bayes(log_prior, log_probs[:, b, :t]) for t in range(pixels + 1)] for b in range(images)
        ])  # fmt: skip
        shown = f"log_probs of shape {log_probs.shape}"
        dtype = torch.float32 if k % 2 else torch.float64
        given = [torch.from_numpy(v).to(dtype) for v in (log_probs, log_prior)]
        result = judge.call(name, class_posterior, *given, shown=shown)
        found = judge.array(name, result, right.shape, what=f"the result for {shown}")
        flat = np.array(
            [[_bayes(0 * log_prior, log_probs[:, b, :t]) for t in range(pixels + 1)] for b in range(images)]
        )
        alone = np.array([
            [_bayes(log_prior, log_probs[:, b, max(t - 1, 0) : t]) for t in range(pixels + 1)] for b in range(images)
        ])  # fmt: skip
        with np.errstate(divide="ignore"):
            mistakes = [
                (flat, "the prior is missing"),
                (alone, "all pixels so far count, not only the last one"),
                (np.log(right), "probabilities are asked for, not their logarithms"),
                (right[:, ::-1], "the pixels come first to last"),
            ]
        told = [(value, f"{sentence} ({shown})") for value, sentence in mistakes]
        judge.compare(name, found, right, told, f"wrong for {shown}")
    # Whole digits: sums of -5000 that differ by a little; classes that are out from the start, or from some pixel on.
    log_probs = np.log(rng.uniform(1e-4, 4e-3, size=(4, 3, 784)))
    log_probs[1:] = log_probs[:1] + rng.normal(size=(3, 3, 784)) * 0.03
    log_probs[1, 0, 5] = log_probs[2, 1, 700] = log_probs[2, 1, 701] = -np.inf
    prior = np.array([0.3, 0.3, 0.4, 0.0])
    with np.errstate(divide="ignore"):
        log_prior = np.log(prior)
    right = np.array([[_bayes(log_prior, log_probs[:, b, :t]) for t in range(785)] for b in range(3)])
    shown = "784 pixels, sums to -5000, and impossible classes"
    given = [torch.from_numpy(v) for v in (log_probs, log_prior)]
    found = judge.array(
        name, judge.call(name, class_posterior, *given, shown=shown), right.shape, what=f"the result for {shown}"
    )
    assert not np.isnan(found).any(), f"{name}: the result contains NaN for {shown}"
    assert (found[:, :, 3] == 0).all(), f"{name}: a class whose prior is zero has the posterior zero ({shown})"
    out = f"{name}: a class in which something impossible has happened has the posterior zero from then on ({shown})"
    assert (found[0, 6:, 1] == 0).all() and (found[1, 701:, 2] == 0).all(), out
    judge.close(name, found, right, f"wrong for {shown}", rtol=1e-3, atol=1e-4)
    # A class far behind may come back, unless it is out; and what is out stays so, however bad the others are.
    behind = np.full((3, 1, 1200), -1.0)
    behind[1, 0, :200], behind[0, 0, 400:600], behind[:2, 0, 800:] = -5.5, -5.5, -40.0
    behind[2, 0, 3] = -np.inf
    even = np.log([0.5, 0.3, 0.2])
    right = np.array([[_bayes(even, behind[:, 0, :t]) for t in range(1201)]])
    shown = "a class that falls 900 nats behind and comes back, and one that is impossible"
    given = [torch.from_numpy(v) for v in (behind, even)]
    result = judge.call(name, class_posterior, *given, shown=shown)
    found = judge.array(name, result, right.shape, what=f"the result for {shown}")
    assert not np.isnan(found).any(), f"{name}: the result contains NaN for {shown}"
    assert (found[0, 4:, 2] == 0).all(), f"{name}: what is impossible stays so, however unlikely the others ({shown})"
    judge.close(name, found, right, f"wrong for {shown}", rtol=1e-3, atol=1e-4)


def _bayes(log_prior: np.ndarray, pieces: np.ndarray) -> list[float]:
    """The posterior (K,) from pieces (K, t)."""
    scores = [
        p + math.fsum(row) if np.isfinite(row).all() else -math.inf for p, row in zip(log_prior, pieces, strict=True)
    ]
    top = max(scores)
    shares = [math.exp(s - top) for s in scores]
    return [share / sum(shares) for share in shares]


# -- logistic bins


def _bin(x: int, mean: float, log_scale: float, n_values: int) -> float:
    """ln p(x), worked out with 60 digits."""
    with localcontext() as context:
        context.prec = 60
        context.Emin, context.Emax = -(10**15), 10**15
        scale, half = Decimal(log_scale).exp(), 1 / Decimal(n_values - 1)
        away = 2 * half * x - 1 - Decimal(mean)
        below, above = (away - half) / scale, (away + half) / scale

        def sigmoid(z: Decimal) -> Decimal:
            return 1 / (1 + (-z).exp()) if z > 0 else z.exp() / (1 + z.exp())

        if x == 0:
            p = sigmoid(above)
        elif x == n_values - 1:
            p = sigmoid(-below)
        elif below < 0 < above:
            p = 1 - sigmoid(below) - sigmoid(-above)
        elif above > 0:  # in the tail in which the numbers are small
            p = sigmoid(-below) - sigmoid(-above)
        else:
            p = sigmoid(above) - sigmoid(below)
        return float(p.ln())


def _naive(x: np.ndarray, value: np.ndarray, mean: np.ndarray, log_scale: np.ndarray, half: float) -> np.ndarray:
    """The logarithm of the difference of two sigmoids, every bin alike."""
    with np.errstate(all="ignore"):
        a, b = (value - half - mean) / np.exp(log_scale), (value + half - mean) / np.exp(log_scale)
        return np.log(np.exp(-np.logaddexp(0, -b)) - np.exp(-np.logaddexp(0, -a))) + 0.0 * x


def check_discretized_logistic_log_prob(discretized_logistic_log_prob: Any) -> None:
    __tracebackhide__ = True
    name = "discretized_logistic_log_prob"
    rng = judge.rng(510)
    function = discretized_logistic_log_prob
    # (shape of x, of mean, of log_scale, n, log_scale from, to)
    cases: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], int, float, float]] = [
        ((5,), (5,), (5,), 4, -2.0, 0.0),
        ((2, 3), (2, 3), (2, 3), 256, -4.0, -1.0),
        ((4, 1), (3,), (3,), 16, -3.0, 0.0),
        ((1,), (1,), (1,), 2, -1.0, 1.0),
        ((2, 3, 2), (), (), 8, -2.0, 0.0),
        ((6,), (6,), (6,), 257, -8.0, -6.0),  # 1/128 apart: in so narrow bells it matters that float32 knows the values
        ((6,), (6,), (6,), 256, 2.0, 7.0),
    ]
    for k, (shape, mean_shape, scale_shape, n, low, high) in enumerate(cases):
        x = rng.integers(n, size=shape)
        x.flat[0] = (0, n - 1)[k % 2]
        if x.size > 2:
            x.flat[-1] = (n - 1, 0)[k % 2]
            x.flat[1] = n // 2
        value = 2 * x / (n - 1) - 1
        mean = rng.uniform(-1.3, 1.3, size=mean_shape)
        if high < -5:  # narrow: within a step of the value
            mean = value + rng.choice([-0.8, -0.3, 0.3, 0.8], size=shape) / (n - 1)
        # What float32 keeps of them, so that both precisions are given the same numbers.
        mean, log_scale = (
            v.astype(np.float32).astype(float)
            for v in (np.asarray(mean), rng.uniform(low, high, size=scale_shape) + np.zeros(scale_shape))
        )
        shown = f"x of shape {shape}, {n} values, log_scale from {low:g} to {high:g}"
        whole = np.broadcast_shapes(shape, mean_shape, scale_shape)
        parts = np.broadcast_arrays(x, mean, log_scale)
        numbers = [_bin(int(v), float(m), float(s), n) for v, m, s in zip(*(p.flat for p in parts), strict=True)]
        right = np.array(numbers).reshape(whole)
        dtype = torch.float32 if k % 2 else torch.float64
        given = [torch.from_numpy(x), *(torch.from_numpy(np.asarray(v)).to(dtype) for v in (mean, log_scale))]
        result = judge.call(name, function, *given, n, shown=shown)
        found = judge.array(name, result, whole, what=f"the result for {shown}")
        mistakes: list[tuple[Any, str]] = [
            (_naive(x, value, mean, log_scale, 1 / (n - 1)), "the first bin begins at minus infinity, the last one ends at infinity"),
            (_naive(x, value, mean, log_scale, 1 / n), "values lie 2 / (n - 1) apart"),
            (_naive(x, x, mean, log_scale, 0.5), "values lie between -1 and 1"),
            (np.exp(right), "the logarithm is missing"),
            (-right, "the sign is wrong: a log-probability is negative"),
        ]  # fmt: skip
        z = (value - mean) / np.exp(log_scale)
        density = -z - log_scale - 2 * np.logaddexp(0, -z)
        mistakes.append((density, "that is the density; what lies in the bin is asked for"))
        told = [(v, f"{sentence} ({shown})") for v, sentence in mistakes if not np.isnan(v).any()]
        judge.compare(name, found, right, told, f"wrong for {shown}")
    # Far out, on both sides, in narrow and wide bells; all numbers such as float32 knows exactly.
    far: list[tuple[int, float, float, int]] = [
        (255, -1.0, -4.0, 256), (0, 1.0, -4.0, 256), (100, -1.0, -5.0, 256), (100, 1.0, -6.0, 256), (3, 10.0, -1.0, 8),
        (254, -3.0, -2.0, 256), (1, 6.0, -3.0, 256), (8, 0.0, -8.0, 17), (8, 0.25, -8.0, 17), (8, -0.25, -6.0, 17),
        (0, 1.0, -8.0, 4), (3, -1.0, -7.0, 4), (1, 0.0, 7.0, 4), (60, -0.5, -4.0, 256), (20, 0.0, -4.5, 256), (130, -0.75, -5.0, 256),
        (0, 3.0, -8.0, 4), (7, -4.0, -8.0, 17), (30000, 0.0, 7.0, 65537),
    ]  # fmt: skip
    for dtype in (torch.float64, torch.float32):
        for n in sorted({case[3] for case in far}):
            # 1 - exp(-z) of a tiny z has few digits in float32, and is no mistake.
            chosen = [case for case in far if case[3] == n and (dtype == torch.float64 or case[2] < 3)]
            values, means, log_scales = (torch.tensor([case[i] for case in chosen]) for i in range(3))
            right = np.array([_bin(*case) for case in chosen])
            shown = f"values far from the mean, {n} values, {str(dtype).removeprefix('torch.')}"
            result = judge.call(name, function, values, means.to(dtype), log_scales.to(dtype), n, shown=shown)
            found = judge.array(name, result, right.shape, what=f"the result for {shown}")
            assert np.isfinite(found).all(), f"{name}: not finite for {shown}"
            judge.close(name, found, right, f"wrong for {shown}")
    for n, mean_at, log_scale_at in ((2, 0.3, -0.5), (7, -4.0, 1.0), (256, -0.2, -3.0), (256, 2.0, 0.5)):
        shown = f"all {n} values, mean {mean_at}, log_scale {log_scale_at}"
        at = [torch.tensor(v, dtype=torch.float64) for v in (mean_at, log_scale_at)]
        result = judge.call(name, function, torch.arange(n), *at, n, shown=shown)
        found = judge.array(name, result, (n,), what=f"the result for {shown}")
        assert abs(float(np.exp(found).sum()) - 1) < 1e-4, f"{name}: the probabilities of {shown} do not sum to 1"


# -- the drill


def check_found_leaks(leaks_H: Any, **answers: Any) -> None:
    __tracebackhide__ = True
    for name, expected in DRILL.items():
        value = typed(answers[name], name)
        listed = isinstance(value, (list, tuple, range, set, frozenset, np.ndarray, torch.Tensor))
        assert listed, f"{name} should be a list of pixels, such as [5, 8], or [] for none"
        numbers = judge.integers(name, list(value), what="the answer")
        assert numbers.ndim == 1, f"{name} should be a list of pixels, such as [5, 8], or [] for none"
        found = {int(v) for v in numbers}
        if found == expected:
            continue
        if name.startswith("lost"):
            assert found <= {0, 1, 2, 3}, f"{name}: only pixels that output 4 may see can be lost"
            told = "a pixel that you list is seen after all" if found - expected else "a pixel is missing"
            raise AssertionError(f"{name}: {told}; change one input at a time and watch output 4")
        # Not a word on how many there are: for a sound program that would be the answer.
        told = "a pixel that you list is no leak; change it and watch output 4"
        assert found <= expected, f"{name}: {told}"
        raise AssertionError(f"{name}: a leak is missing; change one pixel at a time and watch output 4")
    judge.leaks({"leaks_H": leaks_H}, {"leaks_H": DRILL_COLOURS})
