"""Hidden tests of lesson 06: dilated causal convolutions over raw audio.

Convolutions, codes and queues are recomputed sample by sample, in plain Python.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import torch

from autograder.checks import judge
from lib.byhand import personal_numbers, typed

Pairs = set[tuple[int, int]]

# By hand: two taps, the last one is now, two steps apart.
SMALL = ([1, 3, 2, 0, 5, 4], [2, 1], 2)
# The drill, as (output, input), counted from 0.
DRILL_LEAKS: dict[str, Pairs] = {
    "leaks_A": {(t, t) for t in range(1, 5)} | {(t, t + 1) for t in range(4)},
    "leaks_B": set(),
    "leaks_C": {(t, t) for t in range(6)},
    "leaks_D": {(t, s) for t in range(6) for s in range(t, 5)},
}
DRILL_DIFFERS = {"differs_E": {1, 2, 3, 4, 5, 6, 7}, "differs_F": {0, 1, 4, 5}}


def _convolve(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, dilation: int, shift: int = 0) -> np.ndarray:
    """Causal convolution by loops: x (B, C_in, T), weight (C_out, C_in, K). `shift` moves all taps into the future."""
    n_out, _, size = weight.shape
    out = np.zeros((len(x), n_out, x.shape[2]))
    for t, k in itertools.product(range(x.shape[2]), range(size)):
        source = t - (size - 1 - k) * dilation + shift
        if 0 <= source < x.shape[2]:
            for b in range(len(x)):
                out[b, :, t] += weight[:, :, k] @ x[b, :, source]
    return out if bias is None else out + bias[None, :, None]


def _same(found: np.ndarray, value: Any) -> bool:
    value = np.asarray(value)
    return found.shape == value.shape and bool((found == value).all())


# -- by hand


def check_conv_small(conv_small: Any) -> None:
    __tracebackhide__ = True
    name = "conv_small"
    x, (old, now), d = SMALL
    n = len(x)
    right = [now * x[t] + (old * x[t - d] if t >= d else 0) for t in range(n)]
    found = judge.array(name, judge.sequence(name, typed(conv_small, name), n, what="the answer"))
    assert found.shape == (n,), f"{name} should be a list of {n} numbers, found {judge.summary(conv_small)}"
    if judge.near(found, np.array(right, dtype=float)):
        return
    mistakes = [
        ([old * x[t] + (now * x[t - d] if t >= d else 0) for t in range(n)], "the last tap, 1, belongs to now"),
        ([now * x[t] + (old * x[t - 1] if t >= 1 else 0) for t in range(n)], "the taps lie two steps apart"),
        ([now * x[t] + (old * x[t + d] if t + d < n else 0) for t in range(n)], "a causal convolution looks back"),
        ([now * x[t] + old * x[t - d] for t in range(n)], "before the first sample there are zeros, not the last ones"),
    ]
    judge.compare(name, found, right, mistakes, "not what the two taps give; count again, position by position")


def layers_needed(student_name: str) -> tuple[int, int, int, int]:
    """For one student: the kernel size, the milliseconds, and the fewest layers without and with doubling dilations."""
    # Kernels of two or four taps, and a stretch of 3m + 2 ms: with these, who forgets the sample of now, or takes the
    # last dilation for their sum, never gets the right counts.
    first, second = personal_numbers(student_name, "06", 20, 400, 2)
    kernel, milliseconds = 2 + 2 * (first % 2), 3 * (second // 3) + 2
    plain, doubling = 0, 0
    while 1 + plain * (kernel - 1) < 8 * milliseconds:
        plain += 1
    while 1 + sum((kernel - 1) * 2**layer for layer in range(doubling)) < 8 * milliseconds:
        doubling += 1
    return kernel, milliseconds, plain, doubling


def check_layers_mine(student_name: Any, layers_mine: Any) -> None:
    __tracebackhide__ = True
    name = "layers_mine"
    assert isinstance(student_name, str), f"{name}: student_name should be your name in quotes"
    assert student_name.strip(), f"{name}: student_name should be your name in quotes, and not blank"
    kernel, milliseconds, plain, doubling = layers_needed(student_name)
    values = judge.sequence(name, typed(layers_mine, name), 2, what="the answer")
    found = judge.integers(name, values, (2,), what="the answer").tolist()
    if found == [plain, doubling]:
        return
    assert found != [doubling, plain], f"{name}: first without dilation, then with doubling dilations"
    samples = 8 * milliseconds
    assert found[0] != -(-samples // kernel), f"{name}: a layer adds fewer samples than its kernel has taps"
    assert found[0] != -(-(milliseconds - 1) // (kernel - 1)), f"{name}: a millisecond is 8 samples, not one"
    forgot = [-(-samples // (kernel - 1)), next(n for n in range(20) if (kernel - 1) * (2**n - 1) >= samples)]
    assert found != forgot, f"{name}: the sample of now is there before the first layer"
    assert found[0] not in (plain - 1, plain + 1) or found[1] != doubling, f"{name}: the first count is off by one"
    assert found[1] not in (doubling - 1, doubling + 1) or found[0] != plain, f"{name}: the second count is off by one"
    wrong = "first" if found[0] != plain else "second"
    raise AssertionError(f"{name}: the {wrong} of the two counts is not right")


# -- sound as numbers


def _encode(x: np.ndarray, n: int, mu: float | None = None, *, step: str = "round", law: bool = True) -> np.ndarray:
    """Codes, one sample at a time. `mu`, `step` and `law` make likely mistakes of it."""
    mu = n - 1 if mu is None else mu
    codes = []
    for value in x.ravel():
        value = min(1.0, max(-1.0, float(value)))
        y = math.copysign(math.log(1 + mu * abs(value)) / math.log(1 + mu), value) if law else value
        place = (y + 1) / 2 * mu
        codes.append(math.floor(place + 0.5) if step == "round" else math.floor(place))
    return np.array(codes).reshape(x.shape)


def _decode(codes: np.ndarray, n: int, mu: float | None = None) -> np.ndarray:
    mu = n - 1 if mu is None else mu
    levels = []
    for c in codes.ravel():
        y = 2 * int(c) / mu - 1
        levels.append(math.copysign((math.pow(1 + mu, abs(y)) - 1) / mu, y))
    return np.array(levels).reshape(codes.shape)


def _samples(rng: np.random.Generator, n: int, shape: tuple[int, ...]) -> np.ndarray:
    """Samples in [-1, 1], loud and soft, none near the border between two codes, as near as float32 can tell."""
    margin = 0.02 if n < 2000 else 0.15
    found: list[float] = []
    while len(found) < math.prod(shape):
        x = float(np.float32(rng.choice([-1, 1]) * rng.random() ** rng.choice([1, 3, 6])))
        y = math.copysign(math.log(1 + (n - 1) * abs(x)) / math.log(n), x)
        place = (y + 1) / 2 * (n - 1) + 0.5
        if margin < place % 1 < 1 - margin:
            found.append(x)
    return np.array(found).reshape(shape)


def check_mu_law_encode(mu_law_encode: Any) -> None:
    __tracebackhide__ = True
    name = "mu_law_encode"
    rng = judge.rng(60)
    shapes: list[tuple[int, tuple[int, ...]]] = [(256, (40,)), (256, (3, 20)), (16, (30,)), (2, (5,)), (3, (1,))]
    shapes += [(5, (2, 3, 4)), (6, (25,)), (1000, (2, 30)), (255, (30,)), (4, (1, 20)), (65536, (60,))]
    for k, (n, shape) in enumerate(shapes):
        x = _samples(rng, n, shape)
        shown = f"samples of shape {shape}, n = {n}"
        given = torch.from_numpy(x).to(torch.float32 if k % 2 else torch.float64)
        found = judge.integers(name, judge.call(name, mu_law_encode, given, n, shown=shown), shape)
        right = _encode(x, n)
        if _same(found, right):
            continue
        assert found.min() >= 0 and found.max() < n, (
            f"{name}: codes should be 0 to {n - 1}, found {found.min()} to {found.max()} ({shown})"
        )
        for value, told in [
            (_encode(x, n, n), "mu should be n - 1"),
            (_encode(x, n, n - 1, step="floor"), "a sample gets the nearest level, not the one below"),
            (_encode(x, n, law=False), "the levels are evenly spaced: where is the logarithm?"),
            (_encode(np.abs(x), n), "the sign is lost"),
            (n - 1 - right, "loud and negative should be code 0, loud and positive the last one"),
        ]:
            assert _same(right, value) or not _same(found, value), f"{name}: {told} ({shown})"
        raise AssertionError(f"{name}: wrong codes for {shown}")
    for n in (2, 3, 4, 6, 16, 255, 256, 1024):
        found = judge.integers(
            name, judge.call(name, mu_law_encode, torch.tensor([0.0, -0.0]), n, shown=f"silence, {n}"), (2,)
        )
        assert (found == n // 2).all(), f"{name}: silence should be code {n // 2} for n = {n}, found {found.tolist()}"
        edges = torch.tensor([-1.0, 1.0, -1.5, 40.0], dtype=torch.float64)
        found = judge.integers(name, judge.call(name, mu_law_encode, edges, n, shown=f"-1, 1, -1.5, 40, {n}"), (4,))
        assert found[:2].tolist() == [0, n - 1], f"{name}: -1 and 1 should be the first and the last code (n = {n})"
        assert found[2:].tolist() == [0, n - 1], f"{name}: louder than 1 should be clipped to the last code (n = {n})"
        loud = torch.tensor([3e38, -3e38])
        found = judge.integers(name, judge.call(name, mu_law_encode, loud, n, shown=f"3e38, -3e38, {n}"), (2,))
        assert found.tolist() == [n - 1, 0], f"{name}: however loud, a sample beyond 1 counts as 1 (n = {n})"
    for n in (2, 3, 7, 10, 64, 256):
        codes = np.arange(n)
        levels = torch.from_numpy(_decode(codes, n)).to(torch.float32 if n % 2 else torch.float64)
        found = judge.integers(name, judge.call(name, mu_law_encode, levels, n, shown=f"all {n} levels"), (n,))
        assert (found == codes).all(), f"{name}: with n = {n}, not every level is encoded as its own code"


def check_mu_law_decode(mu_law_decode: Any) -> None:
    __tracebackhide__ = True
    name = "mu_law_decode"
    rng = judge.rng(61)
    kinds = {np.uint8: torch.uint8, np.int64: torch.int64, np.int32: torch.int32, np.float32: torch.float32}
    kinds |= {np.int8: torch.int8, np.int16: torch.int16, np.float16: torch.float16}
    cases: list[tuple[int, tuple[int, ...], Any]] = [(256, (30,), np.int64), (256, (2, 40), np.uint8)]
    cases += [(4, (4,), np.int64), (2, (6,), np.int32), (3, (1,), np.float32), (255, (3, 2, 4), np.uint8)]
    cases += [(16, (1, 9), np.float32), (1000, (50,), np.int32), (5, (12,), np.uint8), (65536, (40,), np.int64)]
    cases += [(120, (30,), np.int8), (30000, (30,), np.int16), (256, (40,), np.float16)]
    for n, shape, kind in cases:
        codes = rng.integers(0, n, size=shape)
        codes.flat[0], codes.flat[-1] = (n - 1, 0) if codes.size > 1 else (n - 1, n - 1)
        shown = f"codes of shape {shape} and type {np.dtype(kind).name}, n = {n}"
        given = torch.from_numpy(codes.astype(kind)).to(kinds[kind])
        result = judge.call(name, mu_law_decode, given, n, shown=shown)
        found = judge.array(name, result, shape, what=f"the result for {shown}")
        mu = n - 1
        mistakes = [
            (_decode(codes, n, n), "mu should be n - 1"),
            (2 * codes / mu - 1, "the levels are evenly spaced: where is the power?"),
            (np.abs(_decode(codes, n)), "the sign is lost"),
            (-_decode(codes, n), "code 0 is the level -1"),
            (_decode(codes, n) * mu, "the levels should lie between -1 and 1"),
        ]
        judge.compare(
            name, found, _decode(codes, n), [(v, f"{s} ({shown})") for v, s in mistakes], f"wrong for {shown}"
        )
    # Around silence the levels are close together: their distances count, too.
    for n in (256, 17):
        codes = np.arange(n)
        result = judge.call(name, mu_law_decode, torch.arange(n), n, shown=f"all codes, n = {n}")
        found = judge.array(name, result, (n,))
        right = _decode(codes, n)
        assert judge.near(np.diff(found) * n, np.diff(right) * n), (
            f"{name}: the levels near silence are not right (n = {n})"
        )


# -- teacher forcing


def check_audio_pair(audio_pair: Any) -> None:
    __tracebackhide__ = True
    name = "audio_pair"
    rng = judge.rng(62)
    for (batch, steps), n, silence in [
        ((2, 7), 256, 128), ((1, 1), 256, 128), ((3, 1), 16, 8), ((1, 5), 256, 0), ((4, 6), 6, 3), ((2, 12), 1000, 500),
        ((5, 5), 9, 4), ((1, 2), 2, 1), ((2, 5), 2**40, 2**39),
    ]:  # fmt: skip
        codes = rng.integers(0, n, size=(batch, steps))
        codes[codes == silence] = (silence + 1) % n
        if steps > 6:  # clips that begin with silence themselves
            codes[:, :2] = silence
        shown = f"codes of shape {(batch, steps)}, silence {silence}"
        result = judge.call(name, audio_pair, torch.from_numpy(codes), silence, shown=shown)
        pair = judge.sequence(name, result, 2, what="the result")
        start = np.full((batch, 1), silence)
        right = np.concatenate([start, codes[:, :-1]], axis=1)
        arrays = [judge.integers(name, v, what=w) for v, w in zip(pair, ("the inputs", "the targets"), strict=True)]
        inputs, targets = arrays
        both = f"{name}: inputs and targets should have the codes' shape {(batch, steps)}"
        assert inputs.shape == targets.shape == codes.shape, f"{both}, found {inputs.shape} and {targets.shape}"
        if _same(inputs, right) and _same(targets, codes):
            continue
        if steps > 1:
            assert not (_same(inputs, codes) and _same(targets, right)), f"{name}: inputs first, then targets ({shown})"
        assert not (_same(inputs, codes) and _same(targets, codes)), f"{name}: each input is its own target ({shown})"
        assert _same(targets, codes), f"{name}: every sample of the clip should be a target, in its place ({shown})"
        assert (inputs[:, 0] == silence).all(), f"{name}: before the first sample comes silence, {silence} ({shown})"
        raise AssertionError(f"{name}: the input of step t should be the sample before it ({shown})")


# -- convolutions


def check_causal_conv1d(causal_conv1d: Any) -> None:
    __tracebackhide__ = True
    name = "causal_conv1d"
    rng = judge.rng(63)
    cases: list[tuple[int, int, int, int, int, int, torch.dtype, float]] = [
        (2, 3, 4, 2, 1, 7, torch.float64, 1.0),
        (1, 1, 1, 2, 2, 6, torch.float32, 1.0),
        (3, 2, 1, 4, 2, 11, torch.float64, 1.0),
        (1, 1, 3, 3, 1, 1, torch.float32, 1.0),
        (2, 2, 2, 1, 1, 5, torch.float64, 1.0),
        (1, 2, 3, 1, 5, 4, torch.float32, 1.0),
        (2, 1, 2, 2, 8, 5, torch.float64, 1.0),
        (1, 3, 1, 3, 16, 4, torch.float32, 1.0),
        (1, 4, 2, 3, 4, 20, torch.float64, 1e6),
        (2, 2, 2, 2, 3, 9, torch.float64, 1e-6),
        (1, 1, 1, 4, 3, 14, torch.float32, 1.0),
        (1, 1, 1, 2, 4200, 4300, torch.float64, 1.0),  # far back
        (2, 2, 2, 2, 2, 12, torch.float32, 1.0),
    ]
    for case, (batch, n_in, n_out, size, dilation, steps, dtype, scale) in enumerate(cases):
        x = rng.normal(size=(batch, n_in, steps))
        if case == len(cases) - 1:  # a bang at the end must not be heard before, not even in the rounding
            x[:, :, -1] *= 1e6
        weight, bias = rng.normal(size=(n_out, n_in, size)), rng.normal(size=n_out)
        shown = f"x of shape {x.shape}, kernel size {size}, dilation {dilation}"
        given = [torch.from_numpy(v).to(dtype) for v in (x * scale, weight, bias * scale)]
        result = judge.call(name, causal_conv1d, *given, dilation, shown=shown)
        found = judge.array(name, result, what=f"the result for {shown}")
        right = _convolve(x, weight, bias, dilation)
        assert found.shape[:2] == right.shape[:2] and found.ndim == 3, (
            f"{name}: the result should have shape {right.shape}, found {found.shape} ({shown})"
        )
        assert found.shape == right.shape, f"{name}: one output per sample: {steps}, found {found.shape[2]} ({shown})"
        span = (size - 1) * dilation
        mistakes = [
            (_convolve(x, weight, bias, dilation, span // 2), "an output sees samples that come after it"),
            (_convolve(x, weight, bias, dilation, span - span // 2), "an output sees samples that come after it"),
            (_convolve(x, weight, bias, dilation, span), "the outputs are cut off at the wrong end"),
            (_convolve(x, weight, bias, dilation, -1), "the last tap belongs to now, not to the sample before"),
            (_convolve(x, weight[:, :, ::-1], bias, dilation), "the taps are in reverse: the last one belongs to now"),
            (_convolve(x, weight, bias, 1), "the dilation has no effect"),
            (_convolve(x, weight, None, dilation), "the bias is missing"),
        ]
        judge.compare(
            name, found / scale, right, [(v, f"{s} ({shown})") for v, s in mistakes], f"wrong output for {shown}"
        )


def check_receptive_field(receptive_field: Any) -> None:
    __tracebackhide__ = True
    name = "receptive_field"
    rng = judge.rng(64)
    cases: list[tuple[int, list[int]]] = [
        (2, [1, 2, 4]), (3, [1]), (1, [1, 2, 4]), (2, []), (4, [1, 1, 1]), (3, [5, 1, 5]), (2, [7]), (5, [2, 3]),
    ]  # fmt: skip
    cases += [
        (int(rng.integers(2, 5)), rng.integers(1, 9, size=int(rng.integers(2, 5))).tolist()) for _ in range(4)
    ]  # fmt: skip
    for size, dilations in cases:
        furthest = {0}
        for d in dilations:
            furthest = {back + k * d for back in furthest for k in range(size)}
        _field(receptive_field, name, size, dilations, max(furthest) + 1)
    _field(receptive_field, name, 2, [2**i for i in range(10)] * 3, 3070)
    _field(receptive_field, name, 3, [2**i for i in range(30)], 2**31 - 1)
    _field(receptive_field, name, 2, [2**i for i in range(40)], 2**40)


def _field(receptive_field: Any, name: str, size: int, dilations: list[int], right: int) -> None:
    __tracebackhide__ = True
    many = len(dilations) > 9
    shown = f"{size}, {'1, 2, 4, ..., ' + str(max(dilations)) if many else dilations}"
    found = judge.number(
        name, judge.call(name, receptive_field, size, dilations, shown=shown), f"the result for ({shown})"
    )
    if found == right:
        return
    assert found != right - 1, f"{name}: the sample of now counts, too ({shown})"
    if size > 1:
        assert found != size * sum(dilations), f"{name}: two taps lie one dilation apart, not two ({shown})"
        assert found != 1 + size * sum(dilations), f"{name}: two taps lie one dilation apart, not two ({shown})"
    assert not dilations or found != 1 + (size - 1) * max(dilations), f"{name}: every layer adds to it ({shown})"
    raise AssertionError(f"{name}: wrong for ({shown})")


def check_gated_unit(gated_unit: Any) -> None:
    __tracebackhide__ = True
    name = "gated_unit"
    rng = judge.rng(65)
    cases: list[tuple[int, int, int, int, int, int, bool, torch.dtype, float]] = [
        (2, 3, 4, 2, 1, 6, True, torch.float64, 1.0),
        (2, 3, 2, 2, 2, 7, False, torch.float32, 1.0),
        (1, 1, 1, 3, 1, 5, True, torch.float64, 1.0),
        (1, 2, 3, 1, 1, 1, False, torch.float32, 1.0),
        (3, 2, 2, 4, 2, 9, True, torch.float32, 1.0),
        (2, 1, 3, 2, 8, 4, False, torch.float64, 1.0),
        (2, 2, 2, 2, 1, 6, True, torch.float64, 400.0),
        (1, 4, 4, 3, 3, 12, False, torch.float64, 1.0),
        (2, 2, 2, 2, 8, 4, True, torch.float64, 1.0),
        (1, 1, 1, 2, 300, 310, True, torch.float64, 1.0),
    ]
    for batch, n_in, n_out, size, dilation, steps, local, dtype, scale in cases:
        x = rng.normal(size=(batch, n_in, steps)) * scale
        filters, gates = rng.normal(size=(2, n_out, n_in, size))
        condition = rng.normal(size=(batch, 2 * n_out, steps if local else 1)) * scale
        shown = f"x of shape {x.shape}, {n_out} channels out, condition of shape {condition.shape}"
        given = [torch.from_numpy(v).to(dtype) for v in (x, filters, gates)]
        result = judge.call(
            name, gated_unit, *given, dilation, torch.from_numpy(condition).to(dtype), shown=shown
        )  # fmt: skip
        shape = (batch, n_out, steps)
        found = judge.array(name, result, shape, what=f"the result for {shown}")
        f, g = _convolve(x, filters, None, dilation), _convolve(x, gates, None, dilation)
        span = (size - 1) * dilation
        f_ahead, g_ahead = (_convolve(x, w, None, dilation, span - span // 2) for w in (filters, gates))
        f_near, g_near = (_convolve(x, w, None, 1) for w in (filters, gates))
        first, second = condition[:, :n_out], condition[:, n_out:]
        mistakes = [
            (_gate(f, f, first, second), "filter and gate have a convolution of their own each"),
            (_gate(f + first, f + first, 0, 0), "the gate should have weights of its own"),
            (_gate(g, f, second, first), "tanh and sigmoid have changed places"),
            (_gate(f, g, second, first), "the first half of the condition is for the filter"),
            (_gate(f, g, 0, 0), "the condition has no effect"),
            (_gate(f, g, first, 0), "the condition does not reach the gate"),
            (_gate(f, g, 0, second), "the condition does not reach the filter"),
            (_gate(f_ahead, g_ahead, first, second), "an output sees samples that come after it"),
            (_gate(f_near, g_near, first, second), "the dilation has no effect"),
            (np.tanh(f + first) + _sigmoid(g + second), "the gate multiplies the filter"),
            (_sigmoid(f + first) * _sigmoid(g + second), "the filter goes through a tanh"),
            (np.tanh(f + first) * np.tanh(g + second), "the gate goes through a sigmoid"),
        ]
        right = _gate(f, g, first, second)
        judge.compare(name, found, right, [(v, f"{s} ({shown})") for v, s in mistakes], f"wrong output for {shown}")


def _sigmoid(z: Any) -> np.ndarray:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * np.asarray(z))))


def _gate(f: np.ndarray, g: np.ndarray, for_filter: Any, for_gate: Any) -> np.ndarray:
    return np.tanh(f + for_filter) * _sigmoid(g + for_gate)


def check_upsample_condition(upsample_condition: Any) -> None:
    __tracebackhide__ = True
    name = "upsample_condition"
    rng = judge.rng(66)
    for (batch, channels, n_frames), hop, length, dtype in [
        ((2, 3, 4), 5, 20, torch.float64),
        ((1, 2, 3), 4, 14, torch.float32),
        ((2, 1, 5), 3, 11, torch.float64),
        ((1, 1, 1), 7, 7, torch.float32),
        ((1, 1, 1), 2, 9, torch.float64),
        ((3, 2, 6), 1, 6, torch.float32),
        ((1, 4, 3), 10, 1, torch.float64),
        ((2, 2, 2), 80, 161, torch.float32),
        ((1, 3, 7), 2, 3, torch.float64),
        ((1, 1, 3), 2, 100, torch.float64),
        ((1, 1, 300), 2, 600, torch.float32),
        # Divided by these, or multiplied by their inverses, a frame's first sample can fall short by rounding.
        *(((1, 1, 9), hop, 9 * hop, torch.float32) for hop in (41, 47, 49, 55, 61, 82, 83, 94, 98)),
    ]:
        frames = rng.normal(size=(batch, channels, n_frames)) * rng.choice([1.0, 50.0])
        shown = f"frames of shape {frames.shape}, hop {hop}, length {length}"
        result = judge.call(
            name, upsample_condition, torch.from_numpy(frames).to(dtype), hop, length, shown=shown
        )  # fmt: skip
        found = judge.array(name, result, what=f"the result for {shown}")
        assert found.ndim == 3 and found.shape[:2] == (batch, channels), (
            f"{name}: the result should have shape {(batch, channels, length)}, found {found.shape} ({shown})"
        )
        assert found.shape[2] == length, f"{name}: {length} steps are asked for, found {found.shape[2]} ({shown})"
        whose = [min(t // hop, n_frames - 1) for t in range(length)]
        right = frames[:, :, whose]
        zeros = np.where(np.arange(length) < n_frames * hop, right, 0)
        stretched = frames[:, :, [t * n_frames // length for t in range(length)]]
        late = frames[:, :, [min(max(t - 1, 0) // hop, n_frames - 1) for t in range(length)]]
        centred = frames[:, :, [min((t + hop // 2) // hop, n_frames - 1) for t in range(length)]]
        mistakes = [
            (frames[:, :, [t % n_frames for t in range(length)]], "each frame is repeated, one after the other, not all of them in turn"),
            (zeros, "after the last frame's samples, the last frame goes on"),
            (stretched, "a frame lasts `hop` samples, whatever the length"),
            (late, "a frame begins at sample frame * hop, not one later"),
            (centred, "a frame begins at sample frame * hop, not half a hop earlier"),
        ]  # fmt: skip
        judge.compare(name, found, right, [(v, f"{s} ({shown})") for v, s in mistakes], f"wrong for {shown}")


# -- queues


def check_step_with_queue(step_with_queue: Any) -> None:
    __tracebackhide__ = True
    name = "step_with_queue"
    rng = judge.rng(67)
    cases: list[tuple[int, int, int, int, int, int, bool, torch.dtype, float]] = [
        (2, 3, 4, 2, 2, 7, False, torch.float64, 1.0),
        (1, 1, 1, 2, 1, 5, False, torch.float32, 1.0),
        (3, 2, 2, 3, 2, 9, False, torch.float64, 1.0),
        (1, 2, 3, 4, 1, 6, True, torch.float32, 1.0),
        (2, 2, 1, 1, 3, 3, False, torch.float64, 1.0),
        (1, 1, 2, 4, 3, 12, False, torch.float64, 1.0),
        (2, 3, 2, 2, 5, 4, True, torch.float64, 1.0),
        (1, 4, 4, 3, 3, 8, True, torch.float32, 1.0),
        (1, 1, 1, 2, 100, 3, True, torch.float64, 1.0),
        (2, 2, 3, 3, 1, 5, True, torch.float32, 2.0**-30),  # very soft, and not silence
    ]
    # Each step is asked for with the queue that the steps before should have left, so that all can be asked for at once.
    given, shown_as, sound = [], [], []
    for batch, n_in, n_out, size, dilation, steps, begun, dtype, scale in cases:
        span = (size - 1) * dilation
        x = rng.normal(size=(batch, n_in, steps)).astype(np.float32).astype(np.float64)
        weight, bias = rng.normal(size=(n_out, n_in, size)), rng.normal(size=n_out)
        past = np.zeros((batch, n_in, span))
        if begun:  # in the middle of a sound
            past = rng.normal(size=past.shape).astype(np.float32).astype(np.float64)
        whole = np.concatenate([past, x], axis=2)
        expected = _convolve(whole, weight, bias, dilation)[:, :, span:]
        for t in range(steps):
            parts = [x[:, :, t] * scale, whole[:, :, t : t + span] * scale, weight, bias * scale]
            given.append([*(torch.from_numpy(part.copy()).to(dtype) for part in parts), dilation])
            shown_as.append(f"step {t}, kernel size {size}, dilation {dilation}, batch of {batch}")
            sound.append((whole[:, :, t : t + span + 1], weight, bias, dilation, expected[:, :, t], scale))
    results = judge.calls(name, step_with_queue, given, shown_as)
    for (known, weight, bias, dilation, right, scale), shown, result in zip(sound, shown_as, results, strict=True):
        y, after = judge.sequence(name, result, 2, what="the result (y_t, queue)")
        found = judge.array(name, y, right.shape, what=f"y_t at {shown}") / scale
        before, new, now = known[:, :, :-1], known[:, :, 1:], known[:, :, -1]
        if not judge.near(found, right):
            mistakes = [
                (
                    _step(known, weight[:, :, ::-1], bias, dilation),
                    "the last tap belongs to now, the first to the oldest sample",
                ),
                (
                    _step(np.concatenate([new, now[:, :, None]], axis=2), weight, bias, dilation),
                    "the queue has moved on before it was used",
                ),
                (right - bias, "the bias is missing"),
                (now @ weight[:, :, -1].T + bias, "only the sample of now is used"),
            ]
            told = [(value, f"{sentence} ({shown})") for value, sentence in mistakes]
            judge.compare(name, found, right, told, f"y_t is not what the whole convolution gives ({shown})")
        kept = judge.array(name, after, what=f"the queue after {shown}") / scale
        assert kept.shape == before.shape, (
            f"{name}: the queue should stay as long as it was, shape {before.shape}, found {kept.shape} ({shown})"
        )
        if not judge.near(kept, new):
            assert not judge.near(kept, before), f"{name}: the queue has not moved ({shown})"
            assert not judge.near(kept, new[:, :, ::-1]), f"{name}: the queue has the oldest sample first ({shown})"
            raise AssertionError(f"{name}: the queue should hold the last samples, x_t among them ({shown})")


def _step(whole: np.ndarray, weight: np.ndarray, bias: np.ndarray, dilation: int) -> np.ndarray:
    """One output from the samples (B, C_in, (K - 1) * dilation + 1), the oldest first."""
    out = np.zeros((len(whole), len(bias))) + bias
    for k in range(weight.shape[2]):
        out += whole[:, :, k * dilation] @ weight[:, :, k].T
    return out


# -- the drill


def check_found_leaks(leaks_A: Any, leaks_B: Any, leaks_C: Any, leaks_D: Any) -> None:
    __tracebackhide__ = True
    judge.leaks({"leaks_A": leaks_A, "leaks_B": leaks_B, "leaks_C": leaks_C, "leaks_D": leaks_D}, DRILL_LEAKS)


def check_not_leaks(differs_E: Any, differs_F: Any) -> None:
    __tracebackhide__ = True
    for name, answer in (("differs_E", differs_E), ("differs_F", differs_F)):
        listed = isinstance(typed(answer, name), (list, tuple, set, frozenset, range, np.ndarray, torch.Tensor))
        assert listed, f"{name} should be a list of steps, such as [0, 2]"
        values = judge.integers(name, list(answer), what="the answer")
        assert values.ndim == 1, f"{name} should be a list of steps, such as [0, 2]"
        found, right = {int(v) for v in values}, DRILL_DIFFERS[name]
        if found == right:
            continue
        told = "lists a step at which both give the same" if found - right else "misses a step"
        raise AssertionError(f"{name}: {told}")


def check_repaired_A(repaired_A: Any) -> None:
    __tracebackhide__ = True
    name = "repaired_A"
    rng = judge.rng(68)
    cases: list[tuple[int, int, list[tuple[int, int]], torch.dtype]] = [
        (2, 5, [(3, 1), (2, 2), (1, 1)], torch.float64),
        (1, 300, [(2, 1), (2, 2)], torch.float64),
        (2, 6, [(3, 2), (2, 1)], torch.float64),
        (1, 8, [(3, 1)], torch.float32),
        (3, 9, [(2, 1), (2, 2), (2, 4)], torch.float64),
        (1, 1, [(3, 1), (3, 2)], torch.float32),
        (2, 5, [(4, 3), (1, 1), (5, 1)], torch.float64),
        (2, 4, [(1, 2)], torch.float64),
        (1, 12, [(2, 3), (3, 1), (4, 1), (2, 2)], torch.float32),
        (2, 7, [(2, 1), (2, 2)], torch.float64),
    ]
    for case, (batch, steps, layers, dtype) in enumerate(cases):
        x = rng.normal(size=(batch, steps)) * (1e3 if case == len(cases) - 1 else 1.0)  # the last one is loud
        kernels = [rng.normal(size=size) for size, _ in layers]
        dilations = [d for _, d in layers]
        shown = f"x of shape {x.shape}, kernel sizes {[size for size, _ in layers]}, dilations {dilations}"
        given = [torch.from_numpy(k).to(dtype) for k in kernels]
        result = judge.call(name, repaired_A, torch.from_numpy(x).to(dtype), given, dilations, shown=shown)
        found = judge.array(name, result, what=f"the result for {shown}")
        assert found.shape == x.shape, f"{name}: one logit per sample, {x.shape}, found shape {found.shape} ({shown})"
        late = np.concatenate([np.zeros((batch, 1)), x[:, :-1]], axis=1)
        right = _stack(late, kernels, dilations)
        twice = np.concatenate([np.zeros((batch, 1)), late[:, :-1]], axis=1)
        mistakes = [
            (_stack(late, kernels, dilations, "both"), "it still leaks: it is padded on both sides"),
            (_stack(x, kernels, dilations), "it still leaks: output t sees sample t"),
            (_stack(x, kernels, dilations, "both"), "it still leaks"),
            (_stack(twice, kernels, dilations), "the sample just before is allowed, and lost"),
            (np.tanh(right), "no tanh after the last layer"),
            (_stack(late, kernels, [1] * len(layers)), "the dilations should stay"),
            (
                _stack(late, [k[::-1] for k in kernels], dilations),
                "the taps are in reverse: the last one is the latest",
            ),
        ]
        told = [(value, f"{sentence} ({shown})") for value, sentence in mistakes]
        judge.compare(name, found, right, told, f"wrong logits for {shown}")


def _stack(x: np.ndarray, kernels: list[np.ndarray], dilations: list[int], padding: str = "left") -> np.ndarray:
    h = x[:, None, :]
    for layer, (kernel, d) in enumerate(zip(kernels, dilations, strict=True)):
        span = (len(kernel) - 1) * d
        ahead = span - span // 2 if padding == "both" else 0
        h = _convolve(np.tanh(h) if layer else h, kernel[None, None, :], None, d, ahead)
    return h[:, 0]
