"""Hidden tests of lesson 03: FVSBN, NADE and mixtures of Gaussians."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from autograder.checks import judge
from lib.byhand import personal_numbers, typed

ORDER = (2, 0, 4, 1, 3)  # the drill's order
# The drill: what the logits of five pixels look at and should not, in the order each program claims.
DRILL_LEAKS = {
    "leaks_A": {(d, d) for d in range(5)},
    "leaks_B": {(2, 0), (2, 2), (4, 1), (4, 4)},
    "leaks_C": set(),
    "leaks_D": set(),
}
# What is asked, in code and in words: (H, D) of the network whose multiplications are counted.
COUNTED = (500, 784)


def check_fvsbn_logits(fvsbn_logits: Any) -> None:
    __tracebackhide__ = True
    name = "fvsbn_logits"
    rng = judge.rng(30)
    cases: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for n, d, kind in [
        (1, 1, np.float64),
        (4, 3, np.float64),
        (3, 3, np.float32),
        (2, 7, np.float64),
        (7, 5, np.float32),
    ]:
        x = rng.integers(2, size=(n, d)).astype(kind)
        cases.append((x, rng.normal(scale=2.0, size=(d, d)).astype(kind), rng.normal(size=d).astype(kind)))
    shown_as = [f"x of shape {x.shape}" for x, _, _ in cases]
    results = judge.calls(name, fvsbn_logits, [_tensors(*case) for case in cases], shown_as)
    for (x, W, b), shown, result in zip(cases, shown_as, results, strict=True):
        right = _fvsbn(x, W, b, range)
        found = judge.array(name, result, x.shape)
        if judge.near(found, right):
            continue
        mistakes = [
            (np.trunc(right), "the logits are cut to whole numbers; is the array that holds them one of integers?"),
            (_fvsbn(x, W, b, _itself_too), "pixel d looks at itself: the diagonal of W must not be used"),
            (_fvsbn(x, W, b, _all_of(b)), "every pixel looks at all pixels; some entries of W are to be ignored"),
            (_fvsbn(x, W, b, _later_of(b)), "each pixel looks at those after it, not at those before it"),
            (_fvsbn(x, W.T, b, _later_of(b)), "each row of W belongs to one logit; yours is used transposed"),
            (_fvsbn(x, W.T, b, range), "W[d, s] is what pixel s says about pixel d; yours is used transposed"),
            (_fvsbn(x, W, 0 * b, range), "the bias b is missing"),
            (_sigmoid(right), "these are probabilities; logits are asked for"),
        ]
        judge.compare(name, found, right, mistakes, f"the values are wrong for {shown}")
    # What must be ignored is ignored whatever it holds.
    x, b = rng.integers(2, size=(3, 4)).astype(float), rng.normal(size=4)
    W = np.tril(rng.normal(size=(4, 4)), -1) + np.triu(np.full((4, 4), 1e25))
    found = judge.array(name, judge.call(name, fvsbn_logits, *_tensors(x, W, b)), (3, 4))
    told = "wrong where W holds large numbers on and above its diagonal; these entries may hold anything"
    judge.compare(name, found, _fvsbn(x, W, b, range), [], told)


def check_logit_mine(student_name: Any, logit_mine: Any) -> None:
    __tracebackhide__ = True
    name = "logit_mine"
    found = judge.number(name, typed(logit_mine, name))
    k = [float(number) for number in personal_numbers(student_name, "03", 1, 6, 11)]
    W, c, v, b = [[k[0], -k[1], k[2]], [-k[3], k[4], k[5]]], [-k[6], k[7]], [k[8], -k[9]], -k[10]

    def logit(columns: Sequence[int], bias: float = b, start: Sequence[float] = c) -> float:
        hidden = [_sigmoid(start[j] + sum(W[j][s] for s in columns)) for j in range(2)]
        return float(bias + v[0] * hidden[0] + v[1] * hidden[1])

    right = logit([0])
    if abs(found - right) <= 0.01:
        return
    raw = b + sum(v[j] * (c[j] + W[j][0]) for j in range(2))
    mistakes = [
        (_sigmoid(right), "that is the probability; the logit is asked for"),
        (1 - _sigmoid(right), "that is a probability; the logit is asked for"),
        (logit([0, 2]), "pixel 3 must not look at itself: its own column of W stays out"),
        (logit([0, 1]), "an unlit pixel adds nothing to the sums"),
        (logit([0, 1, 2]), "only lit pixels before pixel 3 add their column of W"),
        (logit([]), "pixel 1 is lit and comes before pixel 3, so its column of W is to be added"),
        (logit([0], start=(0, 0)), "the sums start at c, not at 0"),
        (logit([0], bias=0), "the output bias b is missing"),
        (raw, "the hidden values are the sigmoids of the sums"),
    ]
    for value, sentence in mistakes:
        assert abs(found - value) > 0.01, f"{name}: {sentence}"
    raise AssertionError(
        f"{name} is more than 0.01 away from the logit of your third pixel "
        "(is student_name still the one that the network was drawn for?)"
    )


def check_nade_logits(nade_logits: Any) -> None:
    __tracebackhide__ = True
    name = "nade_logits"
    rng = judge.rng(31)
    cases = [(3, 4, 2), (4, 4, 4), (2, 3, 9), (6, 12, 5), (5, 7, 1), (1, 1, 1)]
    given = [_network(rng, n, d, h, kind) for (n, d, h), kind in itertools.product(cases, (np.float64, np.float32))]
    for x, _ in given:
        x[-1] = 1  # each column of W comes in
    shown_as = [f"x of shape {x.shape}, {len(weights[0])} hidden units" for x, weights in given]
    results = judge.calls(name, nade_logits, [_tensors(x, *weights) for x, weights in given], shown_as)
    for (x, weights), shown, result in zip(given, shown_as, results, strict=True):
        W, V, b, c = weights
        right = _nade(x, *weights)
        found = judge.array(name, result, x.shape)
        if judge.near(found, right):
            continue
        mistakes = [
            (_nade(x, *weights, see=_itself_too), "pixel d is in the sum before its own logit is computed"),
            (_nade(x, *weights, see=_all_of(b)), "every logit looks at all pixels; a sum has to grow as you go"),
            (_nade(x, *weights, see=lambda i: range(i - 1, i) if i else []), "the sum runs over all earlier pixels"),
            (_nade(x, W, V, b, 0 * c), "the hidden bias c is missing; the sums start at it"),
            (_nade(x, W, V, 0 * b, c), "the output bias b is missing"),
            (_nade(x, *weights, activation=lambda a: a), "the hidden values are the sigmoids of the sums"),
            (_nade(x, *weights, activation=np.tanh), "the hidden units are sigmoids"),
            (_sigmoid(right), "these are probabilities; logits are asked for"),
        ]
        judge.compare(name, found, right, mistakes, f"the values are wrong for {shown}")
    # Sums that go to hundreds and come back: each second column nearly undoes the one before. In eighths, which are
    # exact in float32, so that whoever adds them in another order comes back to the same place.
    for kind in (np.float64, np.float32):
        x = np.repeat(np.array([[1, 1, 1], [1, 0, 1], [0, 1, 1]]), 2, axis=1)
        W = np.empty((4, 6))
        W[:, ::2] = rng.choice([-1, 1], size=(4, 3)) * rng.integers(150 * 8, 500 * 8, size=(4, 3)) / 8
        W[:, 1::2] = rng.integers(-4, 5, size=(4, 3)) / 8 - W[:, ::2]
        V, b, c = rng.normal(size=(6, 4)), rng.normal(size=6), rng.integers(-8, 9, size=4) / 8
        parts = [part.astype(kind) for part in (x, W, V, b, c)]
        found = judge.array(name, judge.call(name, nade_logits, *_tensors(*parts)), (3, 6))
        told = "wrong where sums go to hundreds, up or down, and come back; nothing may overflow or be cut"
        judge.compare(name, found, _nade(*parts), [], told)


def check_cost(cost_separate: Any, cost_running: Any) -> None:
    __tracebackhide__ = True
    separate = judge.number("cost_separate", typed(cost_separate, "cost_separate"))
    running = judge.number("cost_running", typed(cost_running, "cost_running"))
    h, d = COUNTED
    output = h * d
    first = sum(h * seen for seen in range(d))
    told = "cost_separate: that leaves out the multiplications by V"
    assert not math.isclose(separate, first, rel_tol=5e-4), told
    told = "cost_separate: each conditional sees only the pixels before it; the first one sees none"
    assert not math.isclose(separate, h * d * d + output, rel_tol=5e-4), told
    assert not math.isclose(separate, first + h * d + output, rel_tol=5e-4), told
    told = "cost_separate is not the number of multiplications without the running sum, exactly counted"
    assert math.isclose(separate, first + output, rel_tol=5e-4), told
    told = "cost_running: W and V both multiply"
    assert not math.isclose(running, output, rel_tol=2e-3), told
    # The last column of W meets no later pixel: whoever leaves it out is right too.
    told = "cost_running is not the number of multiplications with the running sum"
    assert any(math.isclose(running, right, rel_tol=2e-4) for right in (2 * output, 2 * output - h)), told


def check_nade_log_prob(nade_log_prob: Any) -> None:
    __tracebackhide__ = True
    name = "nade_log_prob"
    rng = judge.rng(32)
    sizes = itertools.product([(4, 4, 3), (5, 9, 4), (3, 30, 6), (1, 1, 2)], (np.float64, np.float32))
    cases = [_network(rng, n, d, h, kind) for (n, d, h), kind in sizes]
    shown_as = [f"x of shape {x.shape}, {len(weights[0])} hidden units" for x, weights in cases]
    results = judge.calls(name, nade_log_prob, [_tensors(x, *weights) for x, weights in cases], shown_as)
    for (x, weights), shown, result in zip(cases, shown_as, results, strict=True):
        n, d = x.shape
        found = judge.array(name, result)
        told = f"{name}: one number per image, so for {shown} the shape should be {(n,)}, found {found.shape}"
        assert found.shape == (n,), told
        logits = _nade(x, *weights)
        right = np.array([_log_bernoulli(row, z) for row, z in zip(x, logits, strict=True)])
        if judge.near(found, right):
            continue
        itself = _nade(x, *weights, see=_itself_too)
        mistakes = [
            (-right, "the sign is wrong: log-probabilities are not positive"),
            (right / d, "sum over the pixels; this is their mean"),
            (right / math.log(2), "the unit should be nats: natural logarithms"),
            (np.exp(right), "that is the probability; its logarithm is asked for"),
            ((x * np.log(_sigmoid(logits))).sum(1), "unlit pixels cost something too"),
            ([_log_bernoulli(1 - row, z) for row, z in zip(x, logits, strict=True)], "lit and unlit are exchanged"),
            ([_log_bernoulli(r, z) for r, z in zip(x, itself, strict=True)], "a pixel is in its own sum"),
        ]
        judge.compare(name, found, right, mistakes, f"the values are wrong for {shown}")
    # All images of six pixels together have probability 1.
    _, weights = _network(rng, 1, 6, 4, np.float64)
    x = np.array(list(itertools.product((0.0, 1.0), repeat=6)))
    found = judge.array(name, judge.call(name, nade_log_prob, *_tensors(x, *weights)), (64,))
    told = f"{name}: the probabilities of all 64 images of six pixels should sum to 1"
    assert abs(np.exp(found).sum() - 1) < 1e-3, told
    # Confident and right costs nothing; confident and wrong costs what the logit says.
    W, V, c = np.zeros((2, 4)), np.zeros((4, 2)), np.zeros(2)
    signs, x = np.array([1.0, -1.0, 1.0, -1.0]), np.array([[1.0, 0, 1, 0], [0, 0, 1, 0], [0, 1, 0, 1], [1, 1, 1, 0]])
    sure = list(itertools.product((17.0, 30.0, 50.0, 300.0, 1000.0, 2000.0, 30_000.0), (np.float64, np.float32)))
    given = [_tensors(*(part.astype(kind) for part in (x, W, V, size * signs, c))) for size, kind in sure]
    for (size, _), result in zip(sure, judge.calls(name, nade_log_prob, given), strict=True):
        found = judge.array(name, result, (4,))
        told = f"{name}: not finite for logits of {size:g} and {-size:g}"
        assert np.isfinite(found).all(), told
        told = f"a pixel that was given a logit of {size:g} and is not lit costs {size:g} nats, neither more nor less"
        judge.close(name, found, [0.0, -size, -4 * size, -size], told, rtol=1e-6, atol=1e-3)


def check_nade_sample(nade_sample: Any) -> None:
    __tracebackhide__ = True
    name = "nade_sample"
    rng = judge.rng(33)
    cases: list[tuple[list[np.ndarray], np.ndarray, np.ndarray]] = []
    for (n, d, h), kind in itertools.product(
        [(30, 4, 3), (25, 9, 5), (4, 4, 4), (40, 6, 2), (1, 1, 1)], (np.float64, np.float32)
    ):
        _, weights = _network(rng, n, d, h, kind)
        uniforms, expected = _clear_draw(rng, np.zeros((n, d)), 0, weights)
        cases.append((weights, uniforms.astype(kind), expected))
    shown_as = [f"uniforms of shape {u.shape}, {len(weights[0])} hidden units" for weights, u, _ in cases]
    results = judge.calls(name, nade_sample, [_tensors(*weights, u) for weights, u, _ in cases], shown_as)
    for (weights, uniforms, expected), shown, result in zip(cases, shown_as, results, strict=True):
        d = uniforms.shape[1]
        found = judge.integers(name, result, expected.shape, f"the result for {shown}")
        assert ((found == 0) | (found == 1)).all(), f"{name}: pixels are 0 or 1, found {found.min()} to {found.max()}"
        if np.array_equal(found, expected):
            continue
        told = f"{name}: lit and unlit are exchanged; a pixel is lit where its uniform is below its probability"
        assert not np.array_equal(found, _draw(1 - uniforms, 0 * expected, 0, *weights)[0]), told
        blind = np.stack([uniforms[:, i] < _sigmoid(_nade(0 * uniforms, *weights)[:, i]) for i in range(d)], axis=1)
        told = f"{name}: a pixel does not look at those drawn before it ({shown})"
        assert not np.array_equal(found, blind), told
        raise AssertionError(f"{name}: some pixels do not follow their conditionals given those before them ({shown})")
    # Logits of 300 and -300: certain, whatever the uniform.
    b = np.array([300.0, -300.0, 300.0])
    for kind in (np.float64, np.float32):
        uniforms = np.array([[0.5, 0.5, 0.99], [0.01, 0.01, 0.01]])
        certain = [part.astype(kind) for part in (np.zeros((1, 3)), np.zeros((3, 1)), b, np.zeros(1), uniforms)]
        found = judge.integers(name, judge.call(name, nade_sample, *_tensors(*certain)), (2, 3))
        told = f"{name}: a pixel with a logit of 300 is lit and one with -300 is not, whatever the uniforms"
        assert found.tolist() == [[1, 0, 1], [1, 0, 1]], told
    # On the boundary: u < p lights the pixel. Both sides are exact in binary.
    given = _tensors(np.zeros((1, 2)), np.zeros((2, 1)), np.zeros(2), np.zeros(1), np.array([[0.5, 0.0]]))
    found = judge.integers(name, judge.call(name, nade_sample, *given), (1, 2))
    told = f"{name}: with p = 0.5 for both pixels, uniforms of 0.5 and 0 leave the first unlit and light the second"
    assert found.tolist() == [[0, 1]], told
    given = _tensors(
        np.zeros((1, 2)), np.zeros((2, 1)), np.array([-20.0, 20.0]), np.zeros(1), np.array([[1e-6, 1 - 1e-6]])
    )
    found = judge.integers(name, judge.call(name, nade_sample, *given), (1, 2))
    assert found.tolist() == [[0, 1]], (
        f"{name}: with logits of -20 and 20, uniforms within a millionth of 0 and 1 decide nothing"
    )


def check_complete(complete: Any) -> None:
    __tracebackhide__ = True
    name = "complete"
    rng = judge.rng(34)
    cases: list[tuple[np.ndarray, np.ndarray, int, list[np.ndarray], np.ndarray, np.ndarray, bool]] = []
    for n, d, h in [(20, 5, 3), (15, 9, 4), (5, 5, 5), (1, 1, 1)]:
        for observed, kind in [
            (0, np.float64),
            (1, np.float32),
            (d // 2, np.float64),
            (d - 1, np.float32),
            (d, np.float64),
        ]:
            x, weights = _network(rng, n, d, h, kind)
            uniforms, expected = _clear_draw(rng, x, observed, weights)
            for junk in (False, True):
                given = x.copy()
                given[:, observed:] = 7.0 if junk else rng.integers(2, size=given[:, observed:].shape)
                cases.append((x, given, observed, weights, uniforms.astype(kind), expected, junk))
    asked = [
        (torch.from_numpy(given), observed, *_tensors(*weights, u)) for _, given, observed, weights, u, *_ in cases
    ]
    shown_as = [f"x of shape {x.shape}, observed={observed}" for x, _, observed, *_ in cases]
    results = judge.calls(name, complete, asked, shown_as)
    for case, shown, result in zip(cases, shown_as, results, strict=True):
        x, given, observed, weights, uniforms, expected, junk = case
        found = judge.array(name, result, expected.shape, f"the result for {shown}")
        told = f"{name}: the first {observed} pixels are given and have to stay as they are ({shown})"
        assert np.array_equal(found[:, :observed], x[:, :observed]), told
        if np.array_equal(found, expected):
            continue
        told = f"{name}: what x holds after the observed pixels must not matter ({shown})"
        assert not junk, told
        told = f"{name}: the other pixels come out as they were in x; they have to be drawn ({shown})"
        assert not np.array_equal(found, given), told
        alone, _ = _draw(uniforms, x, 0, *weights)
        told = f"{name}: the pixels drawn do not look at the observed ones ({shown})"
        assert not np.array_equal(found[:, observed:], alone[:, observed:]), told
        told = f"{name}: pixel d is drawn with column d of the uniforms, observed pixels have one too ({shown})"
        shifted = uniforms[:, np.arange(x.shape[1]) - observed]
        assert not np.array_equal(found, _draw(shifted, x, observed, *weights)[0]), told
        raise AssertionError(f"{name}: some pixels do not follow their conditionals ({shown})")
    # Certain whatever the uniform: logits of 300 and -300.
    for kind in (np.float64, np.float32):
        parts = (
            np.zeros((1, 3)),
            np.zeros((3, 1)),
            np.array([300.0, -300.0, 300.0]),
            np.zeros(1),
            np.full((1, 3), 0.5),
        )
        W, V, b, c, u = _tensors(*(part.astype(kind) for part in parts))
        found = judge.array(
            name, judge.call(name, complete, torch.zeros(1, 3, dtype=W.dtype), 1, W, V, b, c, u), (1, 3)
        )
        told = f"{name}: a pixel with a logit of 300 is lit and one with -300 is not, whatever the uniforms"
        assert found.tolist() == [[0, 0, 1]], told
    # On the boundary, which is exact in binary; and probabilities near 0 and 1, which nobody should round.
    for logits, given_u, lit, told in (
        ([0.0, 0.0], [0.5, 0.0], [0, 1], "u < p lights a pixel: with p = 0.5, u = 0 does and u = 0.5 does not"),
        ([-20.0, 20.0], [1e-6, 1 - 1e-6], [0, 1], "with logits of -20 and 20, uniforms near 0 and 1 decide nothing"),
    ):
        edge = _tensors(np.zeros((1, 2)), np.zeros((2, 1)), np.array(logits), np.zeros(1), np.array([given_u]))
        blank = torch.zeros(1, 2, dtype=torch.float64)
        found = judge.integers(name, judge.call(name, complete, blank, 0, *edge), (1, 2))
        assert found.tolist() == [lit], f"{name}: {told}"


def check_mixture_log_prob(mixture_log_prob: Any) -> None:
    __tracebackhide__ = True
    name = "mixture_log_prob"
    rng = judge.rng(35)
    cases: list[list[np.ndarray]] = []
    for shape, k, kind in [((), 2, float), ((5,), 1, float), ((4,), 3, np.float32), ((2, 3), 4, float), ((3, 3), 3, float), ((1, 2, 2), 5, np.float32)]:  # fmt: skip
        x = np.asarray(rng.normal(scale=2.0, size=shape), dtype=kind)
        weights = rng.dirichlet(np.full(k, 2.0), size=shape).astype(kind)
        means = rng.normal(scale=2.0, size=(*shape, k)).astype(kind)
        log_scales = rng.uniform(-1.5, 1.0, size=(*shape, k)).astype(kind)
        cases.append([x, np.log(weights), means, log_scales])
    shown_as = [f"x of shape {x.shape} and {w.shape[-1]} component{'s' * (w.shape[-1] > 1)}" for x, w, *_ in cases]
    results = judge.calls(name, mixture_log_prob, [_tensors(*case) for case in cases], shown_as)
    for (x, log_weights, means, log_scales), shown, result in zip(cases, shown_as, results, strict=True):
        shape, k, weights = x.shape, log_weights.shape[-1], np.exp(log_weights)
        right = np.array(_mixture(x, log_weights, means, log_scales))
        found = judge.array(name, result)
        told = (
            f"{name}: one log-density per entry of x, so for {shown} the shape should be {shape}, found {found.shape}"
        )
        assert found.shape == shape, told
        if judge.near(found, right):
            continue
        scales, half_log_2pi = np.exp(log_scales.astype(float)), 0.5 * math.log(2 * math.pi)
        z = (np.asarray(x, dtype=float)[..., None] - means) / scales
        each = -0.5 * z**2 - log_scales - half_log_2pi
        variance = (
            -0.5 * (np.asarray(x, dtype=float)[..., None] - means) ** 2 / scales - 0.5 * log_scales - half_log_2pi
        )
        mistakes = [
            (-right, "the sign is wrong; the log-density itself is asked for"),
            (np.exp(right), "that is the density; its logarithm is asked for"),
            (right + half_log_2pi, "the Gaussian's constant, 2 pi, is missing"),
            (
                _log_sum(log_weights + each + log_scales),
                "a narrow component is a high one: the scale belongs in front too",
            ),
            (_log_sum(each), "the components' weights are missing"),
            (_log_sum(each) - math.log(k), "the components have weights of their own; this is their plain mean"),
            (
                (weights * each).sum(-1),
                "that is the average of log-densities; average the densities, then take the log",
            ),
            (_log_sum(log_weights + variance), "log_scales are logarithms of standard deviations, not of variances"),
            ((log_weights + each).max(-1), "all components count, not only the largest"),
        ]
        judge.compare(name, found, right, mistakes, f"the values are wrong for {shown}")
    # Far from all components, and with a component of weight 0.
    x = np.array([1e4, -3e3, 0.0])
    log_weights = np.log(np.array([[0.5, 0.5], [0.9, 0.1], [0.25, 0.75]]))
    means, log_scales = (
        np.array([[0.0, 1.0], [5.0, 2.0], [100.0, -90.0]]),
        np.array([[0.0, -1.0], [1.0, 0.5], [-1.0, 0.0]]),
    )
    right = np.array(_mixture(x, log_weights, means, log_scales))
    for kind in (np.float64, np.float32):
        given = _tensors(*(part.astype(kind) for part in (x, log_weights, means, log_scales)))
        found = judge.array(name, judge.call(name, mixture_log_prob, *given), (3,))
        told = f"{name}: not finite far from all components, where every density underflows; stay in logarithms"
        assert np.isfinite(found).all(), told
        judge.close(name, found, right, "the values are wrong far from all components")
    # Eight components alike, where no density can be held: all eight count.
    x, alike = np.array([45.0, -60.0, 110.0]), np.zeros((3, 8))
    right = np.array(_mixture(x, alike - math.log(8), alike, alike))
    for kind in (np.float64, np.float32):
        given = _tensors(*(part.astype(kind) for part in (x, alike - math.log(8), alike, alike)))
        found = judge.array(name, judge.call(name, mixture_log_prob, *given), (3,))
        told = "the values are wrong far from eight components alike, all of which count"
        judge.close(name, found, right, told, rtol=1e-5, atol=1e-3)
    with np.errstate(divide="ignore"):
        log_weights = np.log(np.array([[1.0, 0.0], [0.0, 1.0]]))
    x, means, log_scales = np.array([0.3, 2.0]), np.array([[0.0, 1.0], [5.0, 2.0]]), np.zeros((2, 2))
    found = judge.array(name, judge.call(name, mixture_log_prob, *_tensors(x, log_weights, means, log_scales)), (2,))
    right = np.array([-0.5 * z**2 - 0.5 * math.log(2 * math.pi) for z in (0.3, 0.0)])
    judge.compare(name, found, right, [], "wrong where one component has weight 0 (a log-weight of -inf)")
    # The component of weight 0 sits on x, the other is far: its density is all there is.
    x, means = np.array([1e4, -50.0, 0.5]), np.array([[1e4, 0.0], [0.0, -50.0], [0.5, 1e3]])
    with np.errstate(divide="ignore"):
        log_weights = np.log(np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]))
    right = np.array(_mixture(x, log_weights, means, log_scales := np.zeros((3, 2))))
    for kind in (np.float64, np.float32):
        given = _tensors(*(part.astype(kind) for part in (x, log_weights, means, log_scales)))
        found = judge.array(name, judge.call(name, mixture_log_prob, *given), (3,))
        told = "a component of weight 0 must not matter, however near it is and however far the others are"
        judge.compare(name, found, right, [], told)


def check_found_leaks(leaks_A: Any, leaks_B: Any, leaks_C: Any, leaks_D: Any) -> None:
    __tracebackhide__ = True
    judge.leaks({"leaks_A": leaks_A, "leaks_B": leaks_B, "leaks_C": leaks_C, "leaks_D": leaks_D}, DRILL_LEAKS)


def check_repaired_B(repaired_B: Any) -> None:
    __tracebackhide__ = True
    name = "repaired_B"
    rng = judge.rng(36)
    cases: list[tuple[int, int, tuple[int, ...]]] = [
        (3, 2, (2, 0, 4, 1, 3)),
        (2, 3, (0, 1, 2, 3)),
        (4, 2, (3, 2, 1, 0)),
        (1, 1, (0,)),
        (2, 2, (1, 4, 0, 3, 2)),
        (5, 4, (1, 2, 3, 4, 5, 0)),
        (3, 3, (4, 0, 2, 1, 5, 3, 6)),
        (2, 3, (1, 2, 3, 4, 5, 6, 0)),
        (2, 2, tuple(rng.permutation(23).tolist())),
    ]
    given = [
        (order, *_network(rng, n, len(order), h, kind)) for n, h, order in cases for kind in (np.float64, np.float32)
    ]
    asked = [(torch.from_numpy(x), order, *_tensors(*weights)) for order, x, weights in given]
    results = judge.calls(name, repaired_B, asked, [f"order={order}" for order, _, _ in given])
    for (order, x, weights), result in zip(given, results, strict=True):
        moved = x[:, list(order)]
        in_order = _nade(moved, *weights)
        right = np.zeros(x.shape)
        for t, pixel in enumerate(order):
            right[:, pixel] = in_order[:, t]
        found = judge.array(name, result, x.shape)
        if judge.near(found, right):
            continue
        mistakes = [
            (in_order, "column t still holds the logit of the t-th pixel generated, not of pixel t"),
            (in_order[:, list(order)], "the order is applied a second time instead of being undone"),
            (_nade(x, *weights), "the order is ignored"),
            (_nade(moved, *weights, see=_itself_too), "a pixel is in its own sum"),
        ]
        judge.compare(name, found, right, mistakes, f"the values are wrong for order={order}")


# -- independent computations: one pixel at a time, each from scratch


def _tensors(*arrays: np.ndarray) -> list[torch.Tensor]:
    return [torch.from_numpy(np.array(a)) for a in arrays]


def _network(rng: np.random.Generator, n: int, d: int, h: int, kind: Any) -> tuple[np.ndarray, list[np.ndarray]]:
    """A batch of images (n, d) and weights W (h, d), V (d, h), b (d,), c (h,), all of one dtype."""
    x = rng.integers(2, size=(n, d))
    weights = [rng.normal(size=(h, d)), rng.normal(size=(d, h)), rng.normal(size=d), rng.normal(size=h)]
    return x.astype(kind), [w.astype(kind) for w in weights]


def _itself_too(i: int) -> range:
    """For `see`: pixel i looks at itself as well."""
    return range(i + 1)


def _all_of(b: np.ndarray) -> Callable[[int], range]:
    """For `see`: each pixel looks at all of them."""
    return lambda _: range(len(b))


def _later_of(b: np.ndarray) -> Callable[[int], range]:
    """For `see`: each pixel looks at those after it."""
    return lambda i: range(i + 1, len(b))


def _sigmoid(z: Any) -> Any:
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(z, dtype=np.float64)))


def _fvsbn(x: np.ndarray, W: np.ndarray, b: np.ndarray, see: Any) -> np.ndarray:
    x, W, b = (np.asarray(a, dtype=np.float64) for a in (x, W, b))
    return np.array([[b[i] + math.fsum(W[i, s] * row[s] for s in see(i)) for i in range(len(b))] for row in x])


def _nade(
    x: np.ndarray,
    W: np.ndarray,
    V: np.ndarray,
    b: np.ndarray,
    c: np.ndarray,
    *,
    see: Any = range,
    activation: Any = _sigmoid,
) -> np.ndarray:
    """Each conditional from scratch, as if nothing were shared; `see(i)` are the pixels that pixel i looks at."""
    x, W, V, b, c = (np.asarray(a, dtype=np.float64) for a in (x, W, V, b, c))
    logits = np.empty(x.shape)
    for i in range(x.shape[1]):
        seen = list(see(i))
        logits[:, i] = b[i] + activation(c + x[:, seen] @ W[:, seen].T) @ V[i]
    return logits


def _log_bernoulli(x: np.ndarray, logits: np.ndarray) -> float:
    """log p of one image: -log(1 + exp(-z)) for each pixel that came out as its logit z says."""
    total = 0.0
    for lit, z in zip(x, logits, strict=True):
        z = float(z) if lit else -float(z)
        total -= math.log1p(math.exp(-z)) if z > 0 else math.log1p(math.exp(z)) - z
    return total


def _draw(
    uniforms: np.ndarray, x: np.ndarray, observed: int, W: np.ndarray, V: np.ndarray, b: np.ndarray, c: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The samples, and how far each uniform is from the probability that it is compared with."""
    out, margin = np.array(x, dtype=np.float64), np.ones(uniforms.shape)
    W, V, b, c = (np.asarray(a, dtype=np.float64) for a in (W, V, b, c))
    for i in range(observed, uniforms.shape[1]):
        p = _sigmoid(b[i] + _sigmoid(c + out[:, :i] @ W[:, :i].T) @ V[i])
        out[:, i] = uniforms[:, i] < p
        margin[:, i] = np.abs(uniforms[:, i] - p)
    return out, margin


def _clear_draw(
    rng: np.random.Generator, x: np.ndarray, observed: int, weights: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Uniforms for `_draw` and what it draws: where rounding could decide, an image's uniforms are drawn again."""
    uniforms = rng.uniform(size=x.shape)
    while True:
        drawn, margin = _draw(uniforms, x, observed, *weights)
        tied = (margin <= 1e-3).any(axis=1)
        if not tied.any():
            return uniforms, drawn
        uniforms[tied] = rng.uniform(size=(tied.sum(), x.shape[1]))


def _mixture(x: Any, log_weights: np.ndarray, means: np.ndarray, log_scales: np.ndarray) -> Any:
    if np.ndim(x):
        return [_mixture(*parts) for parts in zip(x, log_weights, means, log_scales, strict=True)]
    terms = [
        float(w) - 0.5 * ((float(x) - float(m)) / math.exp(s)) ** 2 - float(s) - 0.5 * math.log(2 * math.pi)
        for w, m, s in zip(log_weights, means, log_scales, strict=True)
    ]
    top = max(terms)
    return top + math.log(math.fsum(math.exp(t - top) for t in terms))


def _log_sum(terms: np.ndarray) -> np.ndarray:
    top = terms.max(axis=-1, keepdims=True)
    return (top + np.log(np.exp(terms - top).sum(axis=-1, keepdims=True)))[..., 0]
