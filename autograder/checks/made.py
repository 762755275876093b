"""Hidden tests of lesson 04: masked autoencoders.

Masks, passes and paths are recomputed one connection at a time, in plain Python; gradients by nudging one parameter at
a time, in float64.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import torch

from autograder.checks import judge
from lib.byhand import personal_numbers

Pairs = set[tuple[int, int]]

# The drill, as (output, input), counted from 0.
DRILL_LEAKS: dict[str, Pairs] = {
    "leaks_A": {(0, 0), (1, 1), (2, 2)},
    "leaks_B": set(),
    "leaks_C": set(),
    "leaks_D": {(0, 0), (0, 3), (2, 0), (2, 2), (2, 3), (3, 3)},
}
DRILL_LOST: Pairs = {(1, 0), (2, 0), (2, 1), (3, 1), (3, 2)}
DRILL_DIFFERS = {1, 2, 3}


def _kept(source: list[int], to: list[int], strict: bool) -> list[list[int]]:
    return [[int(t > s if strict else t >= s) for s in source] for t in to]


def _masks(degrees: list[list[int]]) -> list[np.ndarray]:
    layers = [_kept(degrees[i], degrees[i + 1], strict=False) for i in range(len(degrees) - 1)]
    return [np.array(m) for m in [*layers, _kept(degrees[-1], degrees[0], strict=True)]]


def _random_degrees(rng: np.random.Generator, n: int, hidden: tuple[int, ...]) -> list[list[int]]:
    return [(rng.permutation(n) + 1).tolist(), *(rng.integers(1, n, size=h).tolist() for h in hidden)]


# -- numbers by hand


def _counts(name: str, value: Any, expected: list[int], degrees: tuple[list[int], ...]) -> None:
    __tracebackhide__ = True
    found = judge.integers(name, list(judge.sequence(name, value, 3, what="the answer")), (3,), what="the answer")
    if found.tolist() == expected:
        return
    inputs, first, second = degrees
    all_strict = [
        int(np.sum(_kept(source, to, strict=True)))
        for source, to in ((inputs, first), (first, second), (second, inputs))
    ]
    none_strict = int(np.sum(_kept(second, inputs, strict=False)))
    assert found.tolist() != expected[::-1], f"{name}: give the masks from the inputs to the outputs"
    assert found.tolist() != all_strict, f"{name}: only one of the three masks is strict"
    assert found.tolist() != [*expected[:2], none_strict], f"{name}: equal degrees do not connect to an output"
    sizes = [len(inputs) * len(first), len(first) * len(second), len(second) * len(inputs)]
    cut = [size - e for size, e in zip(sizes, expected, strict=True)]
    assert found.tolist() != cut, f"{name}: count the connections that stay, not those that go"
    wrong = [label for label, f, e in zip(("first", "second", "last"), found, expected, strict=True) if f != e]
    raise AssertionError(f"{name}: of the three counts, not right: {', '.join(wrong)}")


def check_kept_mine(student_name: Any, kept_mine: Any) -> None:
    __tracebackhide__ = True
    assert isinstance(student_name, str), "kept_mine: student_name should be your name in quotes"
    assert student_name.strip(), "kept_mine: student_name should be your name in quotes, and not blank"
    drawn = personal_numbers(student_name, "04", 1, 7, 8)
    degrees = (list(range(1, 9)), drawn[:4], drawn[4:])
    _counts("kept_mine", kept_mine, [int(m.sum()) for m in _masks(list(degrees))], degrees)


# -- masks


def check_make_masks(make_masks: Any) -> None:
    __tracebackhide__ = True
    name = "make_masks"
    rng = judge.rng(41)
    cases = [
        [[1, 2, 3, 4], [1, 3, 2, 1, 3]],
        [[3, 1, 4, 2], [2, 2, 1], [3, 1, 2, 3, 1]],
        [[2, 1], [1]],
        [[1, 2, 3]],
        [[3, 5, 1, 2, 4]],
        [list(range(200, 0, -1)), [1, 199, 127, 128, 150]],
    ]
    for n, hidden in [(5, (5, 5)), (6, (7, 3, 9)), (4, (4,)), (3, (8, 8, 8, 8)), (9, (6, 6))]:
        cases.append(_random_degrees(rng, n, hidden))
    shown_as = [f"layers of {', '.join(str(len(layer)) for layer in degrees)} units" for degrees in cases]
    asked = [([torch.tensor(layer) for layer in degrees],) for degrees in cases]
    results = judge.calls(name, make_masks, asked, shown_as)
    for degrees, shown, result in zip(cases, shown_as, results, strict=True):
        expected = _masks(degrees)
        found = judge.sequence(name, result, len(expected), what=f"the result for {shown}")
        for i, (mask, right) in enumerate(zip(found, expected, strict=True)):
            what = f"mask {i} for {shown}"
            last = i == len(expected) - 1
            got = judge.array(name, mask, what=what)
            assert got.shape == right.shape or got.shape != right.shape[::-1], (
                f"{name}: {what} should have one row per unit that a connection leads to, found shape {got.shape}"
            )
            got = judge.array(name, mask, right.shape, what=what)
            assert np.isin(got, (0, 1)).all(), f"{name}: {what} should hold only 0 and 1 (or False and True)"
            if (got == right).all():
                continue
            source, to = degrees[i], degrees[0] if last else degrees[i + 1]
            loose, strict = np.array(_kept(source, to, strict=False)), np.array(_kept(source, to, strict=True))
            if last:
                assert not (got == loose).all(), f"{name}: {what}, the output's, lets an output see its own pixel"
            else:
                assert not (got == strict).all(), f"{name}: {what} cuts connections between units that know the same"
            assert not ((got == 1 - right).all() or (got == 1 - loose).all() or (got == 1 - strict).all()), (
                f"{name}: {what} keeps what should be cut"
            )
            raster = list(range(1, len(degrees[0]) + 1))
            if (i == 0 or last) and source != raster:
                other = _kept(raster if i == 0 else source, raster if last else to, strict=last)
                assert not (got == np.array(other)).all(), f"{name}: {what} forgets that the inputs have an order"
            raise AssertionError(f"{name}: {what} keeps the wrong connections")


def check_masked_linear(masked_linear: Any) -> None:
    __tracebackhide__ = True
    name = "masked_linear"
    rng = judge.rng(42)
    cases = [(1, 3, 2, torch.float64), (4, 5, 5, torch.float32), (6, 2, 7, torch.float64), (3, 4, 1, torch.float32)]
    cases.append((3, 4, 2, torch.float64))
    drawn, asked, shown_as = [], [], []
    for k, (batch, n_in, n_out, dtype) in enumerate(cases):
        x, weight = rng.normal(size=(batch, n_in)), rng.normal(size=(n_out, n_in))
        bias, mask = rng.normal(size=n_out), rng.random((n_out, n_in)) < 0.5
        mask.flat[0], mask.flat[-1] = True, False
        mask[1:][-1:] = False  # a unit that is left with its bias
        if k == 4:
            mask[:] = False
        kept = torch.from_numpy(mask)
        tensors = [torch.from_numpy(v).to(dtype) for v in (x, weight, bias)]
        drawn.append((x, weight, bias, mask))
        asked.append((*tensors, kept if k % 2 else kept.to(dtype)))
        shown_as.append(f"x of shape {(batch, n_in)}, weight of shape {(n_out, n_in)}")
    results = judge.calls(name, masked_linear, asked, shown_as)
    for (x, weight, bias, mask), shown, result in zip(drawn, shown_as, results, strict=True):
        (batch, n_in), n_out = x.shape, len(weight)
        expected = np.array([
            [bias[o] + sum(x[b, i] * weight[o, i] for i in range(n_in) if mask[o, i]) for o in range(n_out)]
            for b in range(batch)
        ])  # fmt: skip
        found = judge.array(name, result, (batch, n_out), what=f"the result for {shown}")
        mistakes = [
            (x @ weight.T + bias, "the mask has no effect"),
            (x @ (weight * mask).T, "the bias is missing"),
            (x @ (weight * ~mask).T + bias, "what the mask cuts is kept, and the other way round"),
        ]
        told = [(value, f"{sentence} ({shown})") for value, sentence in mistakes]
        judge.compare(name, found, expected, told, f"wrong output for {shown}")


def _logits(
    x: np.ndarray, layers: Any, rectify_last: bool = False, rectify: bool = True, masked: bool = True
) -> np.ndarray:
    for i, (weight, bias, mask) in enumerate(layers):
        x = x @ (weight * mask if masked else weight).T + bias
        if rectify_last if i == len(layers) - 1 else rectify:
            x = np.maximum(x, 0)
    return x


def check_made_logits(made_logits: Any) -> None:
    __tracebackhide__ = True
    name = "made_logits"
    rng = judge.rng(43)
    cases = [(4, (5,), 3, torch.float64), (3, (6, 4), 2, torch.float32), (5, (), 4, torch.float64)]
    cases += [(6, (6, 6, 6), 1, torch.float64), (2, (3,), 5, torch.float32)]
    cases += [(5, (6, 7), 6, torch.float64), (6, (8,), 6, torch.float32)]
    drawn, asked, shown_as = [], [], []
    for k, (n, hidden, batch, dtype) in enumerate(cases):
        masks = _masks(_random_degrees(rng, n, hidden))
        if k == 0:
            masks[0][:2] = 0  # units that are left with their biases
        if k < 5:
            weights = [rng.normal(size=m.shape) for m in masks]
            biases = [rng.normal(size=len(m)) for m in masks]
        else:  # activations in the hundreds; whole numbers, which float32 adds exactly
            weights = [rng.integers(-30, 31, size=m.shape).astype(float) for m in masks]
            biases = [rng.integers(-30, 200, size=len(m)).astype(float) for m in masks]
        if k == 0:
            biases[0][:2] = 1.0, 2.0
        x = (rng.random((batch, n)) < 0.5).astype(float)
        parts = [[torch.from_numpy(v).to(dtype) for v in values] for values in (weights, biases)]
        kept = [torch.from_numpy(m).to(torch.bool if k % 2 else dtype) for m in masks]
        drawn.append((x, list(zip(weights, biases, masks, strict=True))))
        asked.append((torch.from_numpy(x).to(dtype), *parts, kept))
        shown_as.append(f"{n} pixels, hidden layers {list(hidden)}")
    results = judge.calls(name, made_logits, asked, shown_as)
    for (x, layers), shown, result in zip(drawn, shown_as, results, strict=True):
        found = judge.array(name, result, x.shape, what=f"the result for {shown}")
        expected = _logits(x, layers)
        mistakes = [
            (_logits(x, layers, rectify_last=True), "no ReLU after the last layer: a logit may be negative"),
            (_logits(x, layers, rectify=False), "the ReLU between the layers is missing"),
            (_logits(x, layers, masked=False), "the masks have no effect"),
            (0.5 * (1 + np.tanh(0.5 * expected)), "logits are asked for, not probabilities"),
        ]
        told = [(value, f"{sentence} ({shown})") for value, sentence in mistakes]
        judge.compare(name, found, expected, told, f"wrong logits for {shown}")


# -- training


Layers = list[tuple[np.ndarray, np.ndarray, np.ndarray]]  # weight, bias and mask, from the inputs to the outputs


def _nll(logits: np.ndarray, x: np.ndarray) -> np.ndarray:
    """-log p of each image, nats."""
    return (np.logaddexp(0, logits) - x * logits).sum(axis=1)


def _nudged(x: np.ndarray, layers: Layers) -> list[list[np.ndarray]]:
    """The gradients of the mean NLL by finite differences: those of the weights, those of the biases."""
    gradients: list[list[np.ndarray]] = [[], []]
    for layer, kind in itertools.product(range(len(layers)), (0, 1)):
        values = layers[layer][kind]
        gradient = np.zeros(values.shape)
        for place in np.ndindex(values.shape):
            ends = []
            for nudge in (1e-5, -1e-5):
                moved = values.copy()
                moved[place] += nudge
                parts = [moved if k == kind else part for k, part in enumerate(layers[layer])]
                ends.append(_nll(_logits(x, [*layers[:layer], tuple(parts), *layers[layer + 1 :]]), x).mean())
            gradient[place] = (ends[0] - ends[1]) / 2e-5
        gradients[kind].append(gradient)
    return gradients


def _backwards(x: np.ndarray, layers: Layers, kinks: bool = True, stepped: float = 0.0) -> list[list[np.ndarray]]:
    """Gradients by hand, with the mistakes one can make: no derivative of the ReLU, or layers stepped on the way down."""
    values = [x]
    for weight, bias, mask in layers[:-1]:
        values.append(np.maximum(values[-1] @ (weight * mask).T + bias, 0))
    error = (1 / (1 + np.exp(-_logits(x, layers))) - x) / len(x)
    gradients: list[list[np.ndarray]] = [[], []]
    for (weight, _, mask), below in zip(reversed(layers), reversed(values), strict=True):
        gradients[0].insert(0, error.T @ below * mask)
        gradients[1].insert(0, error.sum(axis=0))
        error = error @ ((weight - stepped * gradients[0][0]) * mask)
        error = error * (below > 0) if kinks else error
    return gradients


def _network(rng: np.random.Generator, n: int, hidden: tuple[int, ...], batch: int) -> tuple[np.ndarray, Layers]:
    """Images and layers; no hidden unit is so near to its kink that a nudge could carry it across."""
    while True:
        masks = _masks(_random_degrees(rng, n, hidden))
        layers = [(rng.normal(size=m.shape), rng.normal(size=len(m)), m) for m in masks]
        x = (rng.random((batch, n)) < 0.5).astype(float)
        before = [_logits(x, layers[: k + 1]) for k in range(len(hidden))]
        if all((np.abs(values) > 1e-2).all() for values in before):
            return x, layers


def check_training_step(training_step: Any) -> None:
    __tracebackhide__ = True
    name = "training_step"
    rng = judge.rng(48)
    cases = [(3, (4,), 2, 0.5), (5, (), 4, 1.0), (4, (5, 3), 3, 0.25), (2, (3,), 3, 2.0), (6, (4, 4), 5, 0.3)]
    cases += [(4, (4,), 4, 0.7), (2, (2,), 3, 0.5), (5, (7,), 1, 0.4)]
    drawn, asked, shown_as = [], [], []
    for k, (n, hidden, batch, rate) in enumerate(cases):
        x, layers = _network(rng, n, hidden, batch)
        dtype = torch.float32 if k in (3, 5) else torch.float64
        weights, biases, masks = zip(*layers, strict=True)
        parts = [[torch.from_numpy(v).to(dtype) for v in values] for values in (weights, biases)]
        kept = [torch.from_numpy(m).to(torch.bool if k % 2 else dtype) for m in masks]
        drawn.append((x, layers, rate))
        asked.append((torch.from_numpy(x).to(dtype), *parts, kept, rate))
        shown_as.append(f"{batch} images of {n} pixels, hidden layers {list(hidden)}")
    results = judge.calls(name, training_step, asked, shown_as)
    for (x, layers, rate), shown, result in zip(drawn, shown_as, results, strict=True):
        batch, n = x.shape
        loss, *stepped = judge.sequence(name, result, 3, what=f"the result (loss, weights, biases) for {shown}")
        gradients = _nudged(x, layers)
        right = _nll(_logits(x, layers), x).mean()
        after = [(w - rate * dw, b - rate * db, m) for (w, b, m), dw, db in zip(layers, *gradients, strict=True)]
        mistakes = [
            (right / n, "add up over the pixels of an image; the mean is over the images only"),
            (right * batch, "the loss is the mean over the images, not their sum"),
            (-right, "the loss is minus the log-probability"),
            (_nll(_logits(x, after), x).mean(), "the loss of the given parameters is asked for, before the step"),
            (_nll(_logits(x, layers, masked=False), x).mean(), "the masks have no effect on the loss"),
        ]
        told = [(value, f"{sentence} ({shown})") for value, sentence in mistakes]
        judge.compare(name, np.asarray(judge.number(name, loss, "the loss")), right, told, f"wrong loss for {shown}")
        for kind, what in enumerate(("weight", "bias")):
            by_hand = [_backwards(x, layers, kinks=False), _backwards(x, layers, stepped=rate)]
            values = judge.sequence(name, stepped[kind], len(layers), what=f"the list of each {what} for {shown}")
            for layer, value in enumerate(values):
                given, gradient, mask = layers[layer][kind], gradients[kind][layer], layers[layer][2]
                found = judge.array(name, value, given.shape, what=f"{what} {layer} for {shown}")
                if kind == 0:
                    cut = f"{name}: weight {layer} changed where its mask cuts; nothing depends on it there ({shown})"
                    assert judge.near(found[mask == 0], given[mask == 0]), cut
                moved = (given - found) / rate
                known = [
                    (gradient / n, "the step is that of a mean over pixels: too small by their number"),
                    (gradient * batch, "the step is that of a sum over the images, not of their mean"),
                    (-gradient, "the step goes uphill: the loss should fall"),
                    (0 * gradient, f"{what} {layer} has not moved"),
                    ((given - gradient) / rate, "that is the gradient; the parameters after the step are asked for"),
                    (gradient / rate, "the gradient should be multiplied by the learning rate"),
                    (by_hand[0][kind][layer], "a hidden unit that the ReLU has stopped passes no gradient down"),
                    (by_hand[1][kind][layer], "all gradients are taken at the given parameters, before any is stepped"),
                ]
                sentences = [(wrong, f"{sentence} ({shown})") for wrong, sentence in known]
                judge.compare(name, moved, gradient, sentences, f"{what} {layer} is wrong after the step, for {shown}")
    # Sure, and wrong or right: the loss is what the logits say, and a bias moves by 1 or not at all.
    image, strict = torch.tensor([[1.0, 0.0, 1.0, 0.0]]), torch.ones(4, 4).tril(-1)
    for size, dtype in itertools.product((17.0, 300.0, 20_000.0), (torch.float64, torch.float32)):
        signs = torch.tensor([1.0, 1.0, -1.0, -1.0], dtype=dtype)
        shown = f"logits of {size:g} and {-size:g}"
        still = [torch.zeros(4, 4, dtype=dtype)]
        result = judge.call(
            name, training_step, image.to(dtype), still, [size * signs], [strict.to(dtype)], 1.0, shown=shown
        )
        loss, _, moved_biases = judge.sequence(name, result, 3)
        cost = judge.number(name, loss, "the loss")
        assert np.isfinite(cost), f"{name}: the loss is not finite for {shown}"
        complaint = f"two pixels that were given {shown} and came out otherwise cost {size:g} nats each"
        judge.close(name, cost, 2 * size, complaint, rtol=1e-6, atol=1e-3)
        (bias,) = judge.sequence(name, moved_biases, 1)
        after_it = size * signs.double().numpy() + np.array([0.0, -1, 1, 0])
        judge.close(name, bias, after_it, f"the step is wrong for {shown}", rtol=1e-6, atol=1e-3)
    # Thirty pixels, sure and wrong: the gradient is as long as it is.
    ones, wide = torch.ones(1, 30, dtype=torch.float64), torch.zeros(30, 30, dtype=torch.float64)
    low = torch.full((30,), -50.0, dtype=torch.float64)
    result = judge.call(name, training_step, ones, [wide], [low], [wide + 1], 1.0, shown="logits of -50, all lit")
    _, moved_weights, moved_biases = judge.sequence(name, result, 3)
    complaint = (
        "30 pixels with logits of -50 that are all lit: each bias moves by 1 and each weight too; nothing is clipped"
    )
    judge.close(name, judge.sequence(name, moved_biases, 1)[0], np.full(30, -49.0), complaint)
    judge.close(name, judge.sequence(name, moved_weights, 1)[0], np.ones((30, 30)), complaint)


def check_order_agnostic_nll(order_agnostic_nll: Any) -> None:
    __tracebackhide__ = True
    name = "order_agnostic_nll"
    rng = judge.rng(49)
    cases = [(5, (6,), 4), (4, (5, 7), 3), (6, (), 5), (5, (5,), 5), (9, (12, 8), 2), (1, (2,), 2), (30, (40,), 3)]
    drawn, asked, shown_as = [], [], []
    for k, (n, hidden, batch) in enumerate(cases):
        layers = _random_degrees(rng, n, hidden)[1:] if n > 1 else [[1] * h for h in hidden]
        uniforms = rng.random(n).astype(np.float32).astype(float)
        while n > 3 and (np.argsort(np.argsort(uniforms)) == np.argsort(uniforms)).all():
            uniforms = rng.random(n).astype(np.float32).astype(float)
        shapes = [m.shape for m in _masks([list(range(1, n + 1)), *layers])]
        weights, biases = [rng.normal(size=shape) for shape in shapes], [rng.normal(size=shape[0]) for shape in shapes]
        x = (rng.random((batch, n)) < 0.5).astype(float)
        dtype = torch.float32 if k % 3 == 1 else torch.float64
        tensors = [[torch.from_numpy(v).to(dtype) for v in values] for values in (weights, biases)]
        degrees = [torch.tensor(layer) for layer in layers]
        drawn.append((x, uniforms, layers, weights, biases))
        asked.append((torch.from_numpy(x).to(dtype), torch.from_numpy(uniforms).to(dtype), degrees, *tensors))
        shown_as.append(f"{batch} images of {n} pixels, hidden layers {list(hidden)}")
    results = judge.calls(name, order_agnostic_nll, asked, shown_as)
    for (x, uniforms, layers, weights, biases), shown, result in zip(drawn, shown_as, results, strict=True):
        order = np.argsort(uniforms).tolist()
        place = [order.index(d) + 1 for d in range(len(order))]
        raster = list(range(1, len(order) + 1))

        def nll(inputs: list[int], outputs: list[int], parts: Any = (x, layers, weights, biases)) -> np.ndarray:
            x, layers, weights, biases = parts
            kept = [*_masks([inputs, *layers])[:-1], _masks([outputs, *layers])[-1]] if layers else _masks([inputs])
            return _nll(_logits(x, list(zip(weights, biases, kept, strict=True))), x)

        expected = nll(place, place)
        found = judge.array(name, result)
        assert found.shape != () or len(x) == 1, f"{name}: one number for each image, not their mean ({shown})"
        found = judge.array(name, result, (len(x),), what=f"the result for {shown}")
        turned, falling = [d + 1 for d in order], [len(order) + 1 - p for p in place]
        mistakes = [
            (nll(turned, turned), "order[k] is the pixel that comes k-th; a degree is the place of pixel d"),
            (nll(falling, falling), "the smallest uniform comes first, not the largest"),
            (nll(raster, raster), "the uniforms have no effect; they say which pixel comes when"),
            (nll(place, raster), "the outputs have the degrees of the inputs, in the drawn order too"),
            (nll(raster, place), "the inputs have degrees in the drawn order, as the outputs have"),
            (-expected, "the NLL is minus the log-probability"),
            (expected / len(order), "add up over the pixels of an image"),
        ]
        told = [(value, f"{sentence} ({shown})") for value, sentence in mistakes]
        judge.compare(name, found, expected, told, f"wrong for {shown}")
    # Uniforms that only float64 tells apart; sure mistakes; more pixels than a byte can count.
    close = 0.5 + torch.tensor([3.0, 1.0, 2.0], dtype=torch.float64) * 1e-12
    ties = torch.tensor([[9.0, 1, 2], [9, 9, 9], [9, 3, 9]], dtype=torch.float64)
    image, none = torch.tensor([[0.0, 1.0, 1.0]], dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    found = judge.array(name, judge.call(name, order_agnostic_nll, image, close, [], [ties], [none]), (1,))
    right = math.log(2) + math.log1p(math.exp(-3)) + 3 + math.log1p(math.exp(-3))
    judge.close(name, found, [right], "wrong for float64 uniforms that differ by 1e-12: they are distinct")
    for dtype in (torch.float64, torch.float32):
        values = [[1.0, 0.0], [0.7, 0.2], [[0.0, 0.0], [0.0, 0.0]], [-300.0, 20.0]]
        lit, uniform, weight, bias = (torch.tensor(v, dtype=dtype) for v in values)
        found = judge.array(name, judge.call(name, order_agnostic_nll, lit[None], uniform, [], [weight], [bias]), (1,))
        complaint = "a lit pixel with logit -300 costs 300 nats, an unlit one with 20 costs 20"
        judge.close(name, found, [320.0], complaint, rtol=1e-6)
    n = 300
    turns, row, layer = rng.permutation(n), np.ones((1, n)), (rng.normal(size=(n, n)) / 10, rng.normal(size=n))
    (kept,) = _masks([(turns + 1).tolist()])
    image, uniform, weight, bias = (torch.from_numpy(part) for part in (row, turns / n, *layer))
    result = judge.call(name, order_agnostic_nll, image, uniform, [], [weight], [bias], shown="an image of 300 pixels")
    expected = _nll(_logits(row, [(*layer, kept)]), row)
    judge.close(name, judge.array(name, result, (1,)), expected, "wrong for an image of 300 pixels")


def _paths(masks: list[np.ndarray]) -> np.ndarray:
    """Which outputs each input reaches, by walking along the kept connections."""
    depends = np.zeros((masks[-1].shape[0], masks[0].shape[1]), dtype=int)
    for s in range(masks[0].shape[1]):
        reached = {s}
        for mask in masks:
            reached = {to for to in range(mask.shape[0]) for source in reached if mask[to, source]}
        depends[sorted(reached), s] = 1
    return depends


def check_dependence_by_masks(dependence_by_masks: Any) -> None:
    __tracebackhide__ = True
    name = "dependence_by_masks"
    rng = judge.rng(44)
    cases = [_masks([[1, 2, 3, 4], [1, 3, 2, 1, 3]]), _masks([[3, 1, 4, 2], [2, 2, 1], [3, 1, 2, 3, 1]])]
    cases += [_masks([[2, 4, 1, 3]])]
    for sizes in [(4, 6, 4), (5, 5, 5), (3, 7, 2, 3), (6, 4, 9, 4, 6), (5, 12, 12, 5)]:  # masks of any kind
        share = rng.uniform(0.15, 0.5)
        cases.append([(rng.random((b, a)) < share).astype(int) for a, b in itertools.pairwise(sizes)])
    shown_as = [f"a network of {masks[0].shape[1]}, {', '.join(str(len(m)) for m in masks)} units" for masks in cases]
    kinds = itertools.cycle((torch.bool, torch.float32, torch.int64))
    asked = [([torch.from_numpy(m).to(kind) for m in masks],) for masks, kind in zip(cases, kinds, strict=False)]
    results = judge.calls(name, dependence_by_masks, asked, shown_as)
    for masks, shown, result in zip(cases, shown_as, results, strict=True):
        expected = _paths(masks)
        found = judge.array(name, result, expected.shape, what=f"the result for {shown}")
        if (found == expected).all():
            continue
        assert np.isin(found, (0, 1)).all(), (
            f"{name}: the entries should be True or False, not the number of paths ({shown})"
        )
        assert not (found == expected.T).all(), f"{name}: the result is turned over; rows are outputs ({shown})"
        extra, missing = (found > expected).any(), (found < expected).any()
        told = "connects where no path leads" if extra and not missing else "misses a path"
        raise AssertionError(f"{name}: {told} ({shown})")
    # Eight units that all reach each other: their paths multiply. Eight alone, with one path each beside so many. The
    # last unit looks at seven of these and at itself, of which an ever smaller share comes from its first ancestor.
    deep = np.eye(17, dtype=int)
    deep[:8, :8] = deep[16, 9:] = 1
    wide = [np.ones((256, 3), dtype=int), np.ones((256, 256), dtype=int), np.ones((4, 256), dtype=int)]
    full = [*wide[:1], *wide[1:2] * 8, *wide[2:]]
    # Double precision, whoever turns to it, lasts for some 300 layers; whole numbers for 22.
    large = [("400 layers", [deep] * 400, deep, torch.float32), ("60 layers", [deep] * 60, deep, torch.bool)]
    large += [("60 layers", [deep] * 60, deep, torch.int64), ("256 units a layer", wide, np.ones((4, 3)), torch.bool)]
    large += [("9 layers of 256 units", full, np.ones((4, 3)), torch.bool)]
    asked = [([torch.from_numpy(m).to(kind) for m in masks],) for _, masks, _, kind in large]
    results = judge.calls(name, dependence_by_masks, asked, [label for label, *_ in large])
    for (label, _, expected, _), result in zip(large, results, strict=True):
        found = judge.array(name, result, expected.shape, what=f"the result for {label}")
        told = f"{name}: wrong for {label}: there are more paths than a number can hold, and only 'any?' is asked"
        assert (found == expected).all(), told


# -- sampling and averaging


class _Chain:
    """Autoregressive logits in a given order, one pixel at a time, with strong dependences."""

    def __init__(self, rng: np.random.Generator, order: list[int], certain: bool = False):
        n = len(order)
        self.order, self.bias, self.certain = order, rng.normal(size=n), certain
        self.weight = rng.normal(size=(n, n)) * 3
        self.pair = rng.normal(size=(n, n)) * 2

    def logit(self, x: np.ndarray, d: int) -> float:
        """The logit of pixel d; looks at nothing that comes later."""
        before = self.order[: self.order.index(d)]
        z = self.bias[d] + sum(self.weight[d, s] * x[s] for s in before)
        z += sum(self.pair[s, d] * x[s] * x[before[0]] for s in before[1:])
        return 1000.0 * (1 if z > 0 else -1) if self.certain else float(z)

    def __call__(self, x: Any) -> torch.Tensor:
        values = np.asarray(x.detach().cpu() if isinstance(x, torch.Tensor) else x, dtype=float)
        n = len(self.order)
        if values.ndim != 2 or values.shape[1] != n:
            raise ValueError(f"logits_fn takes images of shape (n, {n}), found {values.shape}")
        logits = [[self.logit(row, d) for d in range(n)] for row in values]
        kind = x.dtype if isinstance(x, torch.Tensor) and x.is_floating_point() else torch.float64
        return torch.tensor(logits, dtype=kind)

    def sample(self, visit: list[int], uniforms: np.ndarray, columns: list[int]) -> tuple[np.ndarray, float]:
        """Images drawn by visiting pixels in an order with given columns of uniforms; and the closest call."""
        out, margin = np.zeros(uniforms.shape), 1.0
        for row, u in zip(out, uniforms, strict=True):
            for d, column in zip(visit, columns, strict=True):
                z = self.logit(row, d)
                p = 1 / (1 + math.exp(-z)) if z > -700 else 0.0
                row[d] = float(u[column] < p)
                margin = min(margin, abs(float(u[column]) - p)) if not self.certain else margin
        return out, margin


class _Copies(_Chain):
    """Each pixel is what the one before it is, for certain: what the first one is takes all passes to reach the last."""

    def logit(self, x: np.ndarray, d: int) -> float:
        place = self.order.index(d)
        if place == 0:
            return 0.0
        return 50.0 if x[self.order[place - 1]] else -50.0


class _Sure(_Chain):
    """Pixel 0 is a fair coin, and pixel 1 is never lit."""

    def __init__(self) -> None:
        self.order = [1, 0]

    def logit(self, x: np.ndarray, d: int) -> float:
        return (0.0, -1000.0)[d]


def check_made_sample(made_sample: Any) -> None:
    __tracebackhide__ = True
    name = "made_sample"
    rng = judge.rng(45)
    cases: list[tuple[int, int, bool, Any]] = [
        (4, 6, False, torch.float64),
        (5, 4, False, torch.float32),
        (3, 1, False, torch.float64),
        (6, 3, False, torch.float64),
        (1, 5, False, torch.float64),
        (4, 3, True, torch.float32),
    ]
    for k, (n, images, certain, dtype) in enumerate(cases):
        for _ in range(200):
            order = list(range(n)) if k == 0 else rng.permutation(n).tolist()
            chain = _Chain(rng, order, certain)
            uniforms = rng.random((images, n)).astype(np.float32).astype(np.float64)
            expected, margin = chain.sample(order, uniforms, order)
            raster = list(range(n))
            tricky = k == 0 or n < 3 or order not in (raster, raster[::-1], np.argsort(order).tolist())
            if margin > 1e-3 and tricky and (n == 1 or 0 < expected.mean() < 1):
                break
        shown = f"order {order}, uniforms of shape {uniforms.shape}"
        given = torch.from_numpy(uniforms).to(dtype)
        result = judge.call(name, made_sample, chain, order, given, shown=shown)
        found = judge.array(name, result, (images, n), what=f"the result for {shown}")
        assert np.isin(found, (0, 1)).all(), f"{name}: pixels should be 0 or 1 ({shown})"
        if (found == expected).all():
            continue
        inverse = np.argsort(order).tolist()
        blank = np.array([1 / (1 + math.exp(-max(chain.logit(np.zeros(n), d), -700))) for d in range(n)])
        once = (uniforms < blank).astype(float)
        for other, told in (
            (chain.sample(order, uniforms, raster)[0], "uniforms[:, d] is for pixel d, whenever it is drawn"),
            (chain.sample(raster, uniforms, raster)[0], "the pixels should be drawn in the given order"),
            (chain.sample(inverse, uniforms, inverse)[0], "order[k] is the pixel drawn k-th, not the turn of pixel k"),
            (chain.sample(order, 1 - uniforms, order)[0], "a pixel is lit if its uniform is below its probability"),
            (1 - chain.sample(order, 1 - uniforms, order)[0], "a pixel is lit if its uniform is below its probability"),
            (once, "what is drawn should be fed back before the next pixel is drawn"),
        ):
            assert not (found == other).all(), f"{name}: {told} ({shown})"
        raise AssertionError(f"{name}: wrong images for {shown}")
    sure = _Sure()
    for u, lit, told in (
        ([[0.5, 0.5]], [[0, 0]], "u < p lights a pixel, and u = p = 0.5 does not"),
        ([[0.25, 1e-6]], [[1, 0]], "a logit of -1000 lights no pixel, however small its uniform"),
    ):
        result = judge.call(
            name, made_sample, sure, [1, 0], torch.tensor(u, dtype=torch.float64), shown=f"uniforms {u}"
        )
        assert judge.array(name, result, (1, 2)).tolist() == lit, f"{name}: {told}"
    order = rng.permutation(30).tolist()
    uniforms = rng.uniform(0.1, 0.9, size=(2, 30))
    uniforms[:, order[0]] = rng.permutation([rng.uniform(0.1, 0.4), rng.uniform(0.6, 0.9)])
    shown = "30 pixels, each a copy of the one drawn before it"
    result = judge.call(name, made_sample, _Copies(rng, order), order, torch.from_numpy(uniforms), shown=shown)
    expected = np.repeat(uniforms[:, order[:1]] < 0.5, 30, axis=1)
    told = (
        "wrong images for 30 pixels, each a copy of the one drawn before it: too few passes, or pixels in another order"
    )
    judge.close(name, result, expected, told)


def check_ensemble_log_prob(ensemble_log_prob: Any) -> None:
    __tracebackhide__ = True
    name = "ensemble_log_prob"
    rng = judge.rng(46)
    cases = [
        np.log(rng.uniform(0.05, 1, size=(2, 3, 4))),
        np.log(rng.uniform(0.05, 1, size=(1, 4, 5))),
        np.log(rng.uniform(0.01, 1, size=(5, 1, 3))),
        np.log(rng.uniform(0.05, 1, size=(3, 3, 3))),
        np.log(rng.uniform(0.3, 1, size=(4, 6, 1))),
    ]
    shown_as = [f"log_probs of shape {values.shape}" for values in cases]
    kinds = itertools.cycle((torch.float64, torch.float32))
    asked = [(torch.from_numpy(values).to(kind),) for values, kind in zip(cases, kinds, strict=False)]
    results = judge.calls(name, ensemble_log_prob, asked, shown_as)
    for values, shown, result in zip(cases, shown_as, results, strict=True):
        n_orders, images, pixels = values.shape
        each = [[math.fsum(values[o, b]) for b in range(images)] for o in range(n_orders)]
        expected = [math.log(sum(math.exp(each[o][b]) for o in range(n_orders)) / n_orders) for b in range(images)]
        found = judge.array(name, result, (images,), what=f"the result for {shown}")
        per_pixel = np.log(np.exp(values).mean(axis=0)).sum(axis=1)
        mistakes = [
            (np.mean(each, axis=0), "the average should be taken of probabilities, not of their logarithms"),
            (per_pixel, "average the probabilities of whole images, not of single pixels"),
            (np.array(expected) + math.log(n_orders), "that is the sum over the orders; their mean is asked for"),
            (np.max(each, axis=0), "that is the best order's; their mean is asked for"),
            (np.array(expected) / pixels, "the log-probability of a whole image is asked for, not per pixel"),
            (-np.array(expected), "the sign is wrong: a log-probability is negative"),
            (np.exp(expected), "the logarithm is missing"),
        ]
        told = [(value, f"{sentence} ({shown})") for value, sentence in mistakes]
        judge.compare(name, found, expected, told, f"wrong for {shown}")
    # Whole images of 784 pixels: every probability is zero in a computer, their mean has a logarithm all the same.
    # Images far apart in one batch; one that is impossible in one order, and one in all.
    values = np.log(rng.uniform(1e-4, 4e-3, size=(4, 5, 784)))
    values[:, 1] = np.log(rng.uniform(0.9, 1.0, size=(4, 784)))
    values[0, 2, 5] = values[2, 3, 7] = values[:, 4, 9] = -np.inf
    each = [[math.fsum(values[o, b]) for b in range(5)] for o in range(4)]
    right = []
    for b in range(5):
        top = max(each[o][b] for o in range(4))
        possible = top > -math.inf
        right.append(top + math.log(sum(math.exp(each[o][b] - top) for o in range(4)) / 4) if possible else top)
    for kind in (torch.float64, torch.float32):
        shown = "images of 784 pixels, log-probabilities from -40 to -6000"
        result = judge.call(name, ensemble_log_prob, torch.from_numpy(values).to(kind), shown=shown)
        found = judge.array(name, result, (5,), what=f"the result for {shown}")
        impossible = f"{name}: an image that is impossible in every order has the log-probability -inf"
        assert found[4] == -math.inf, f"{impossible}, found {found[4]:g}"
        assert np.isfinite(found[:4]).all(), f"{name}: not finite for {shown}"
        judge.close(name, found[:4], right[:4], f"wrong for {shown}")
    # Far down all models count, and an impossible image is farther down than any other.
    values = np.array(
        [[[-3000.0, -3000], [-5000, -5000]], [[-3000, -3000], [0, -np.inf]], [[-2999, -3000], [0, -np.inf]]]
    )
    top = math.log((math.e + 2) / 3) - 6000
    result = judge.call(name, ensemble_log_prob, torch.from_numpy(values))
    complaint = (
        "wrong where three models give an image -6000, -6000 and -5999 nats, or one -10000 and two no chance at all"
    )
    judge.close(name, result, [top, -10000 - math.log(3)], complaint, rtol=1e-6, atol=1e-2)


# -- the drill


def check_found_leaks(leaks_A: Any, leaks_B: Any, leaks_C: Any, leaks_D: Any) -> None:
    __tracebackhide__ = True
    judge.leaks({"leaks_A": leaks_A, "leaks_B": leaks_B, "leaks_C": leaks_C, "leaks_D": leaks_D}, DRILL_LEAKS)


def check_not_leaks(lost_B: Any, differs_C: Any) -> None:
    __tracebackhide__ = True
    found = judge.pairs("lost_B", lost_B)
    if found != DRILL_LOST:
        assert found != {(s, t) for t, s in DRILL_LOST}, "lost_B: pairs are (output, input), the other way round"
        assert found, "lost_B: something is lost; compare with the matrix of a network with the right masks"
        told = "lists a pair that is still connected, or never may be" if found - DRILL_LOST else "misses a pair"
        raise AssertionError(f"lost_B: {told}")
    listed = isinstance(differs_C, (list, tuple, set, frozenset, np.ndarray, torch.Tensor))
    assert listed, "differs_C should be a list of positions, such as [0, 2]"
    values = judge.integers("differs_C", list(differs_C), what="the answer")
    assert values.ndim == 1, "differs_C should be a list of positions, such as [0, 2]"
    positions = {int(v) for v in values}
    if positions != DRILL_DIFFERS:
        told = "lists a position that is drawn as it is scored" if positions - DRILL_DIFFERS else "misses a position"
        raise AssertionError(f"differs_C: {told}")


def check_repaired_D(repaired_D: Any) -> None:
    __tracebackhide__ = True
    name = "repaired_D"
    rng = judge.rng(47)
    cases = [_random_degrees(rng, n, hidden) for n, hidden in [(4, (6, 5)), (4, (4, 4)), (5, (3, 8)), (2, (4, 3))]]
    # Connections past a second layer that lets nothing through are allowed all the same.
    cases.append([rng.permutation([1, 2, 3, 4, 5]).tolist(), [4, 2, 3, 2], [1, 1, 1]])
    cases.append([rng.permutation([1, 2, 3, 4]).tolist(), [0, 4, 2, 0, 3], [4, 0, 1, 4, 2]])
    cases.append(_random_degrees(rng, 140, (30, 30)))
    for degrees in cases:
        n, n_first, dtype = len(degrees[0]), len(degrees[1]), torch.float32
        masks = _masks(degrees)
        weights = [rng.normal(size=m.shape) for m in masks]
        skip = rng.normal(size=(n, n_first))
        loose = np.array(_kept(degrees[1], degrees[0], strict=False))
        strict = np.array(_kept(degrees[1], degrees[0], strict=True))
        x = (rng.random((3, n)) < 0.5).astype(float)
        first = np.tanh(x @ (weights[0] * masks[0]).T)
        second = np.tanh(first @ (weights[1] * masks[1]).T)
        straight = second @ (weights[2] * masks[2]).T
        shown = f"degrees of the inputs {degrees[0] if len(degrees[0]) < 20 else f'drawn at random, {len(degrees[0])} of them'}"
        tensors = [torch.from_numpy(w).to(dtype) for w in weights]
        result = judge.call(
            name, repaired_D, torch.from_numpy(x).to(dtype), [torch.tensor(d) for d in degrees], tensors,
            torch.from_numpy(skip).to(dtype), shown=shown,
        )  # fmt: skip
        found = judge.array(name, result, (3, n), what=f"the result for {shown}")
        expected = straight + first @ (skip * strict).T
        mistakes = [
            (straight + first @ skip.T, "it still leaks through the skip connection"),
            (straight + first @ (skip * loose).T, "it still leaks: an output may not know its own pixel"),
            (straight, "the skip connection is gone; keep what is allowed of it"),
        ]
        told = [(value, f"{sentence} ({shown})") for value, sentence in mistakes]
        judge.compare(name, found, expected, told, f"wrong logits for {shown}")
