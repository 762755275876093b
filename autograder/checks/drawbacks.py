"""Hidden tests of lesson 09: what the chain rule costs, and what the remedies give back.

Everything is recomputed number by number: means and sums in loops, attention one query at a time, a recurrence one step
after the other, the optimum of scheduled sampling by going through all that can happen.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from autograder.checks import judge
from lib.byhand import costs_puzzle, typed

Pairs = set[tuple[int, int]]

# The drill: six tokens, of which the first three and the last three are a text each. Leaks as (row, token).
_LATER: Pairs = {(0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5)}
DRILL_LEAKS: dict[str, Pairs] = {
    "leaks_A": set(),
    "leaks_B": _LATER,
    "leaks_C": set(),
    "leaks_D": set(),
    "leaks_E": {(t, s) for t in range(3, 6) for s in range(3)},
    "leaks_F": {(t, 5) for t in range(3)} | {(t, 2) for t in range(3, 6)},
}
DRILL_BEYOND: Pairs = {(2, 0), (5, 3)}  # (row, token): read, though the window should end before it
DRILL_OFF: Pairs = {(t, head) for t in range(6) for head in range(2)} - {(0, 0), (3, 0)}  # (row, head)


def _given(arrays: Sequence[np.ndarray], dtype: torch.dtype) -> list[torch.Tensor]:
    """Fresh tensors of one type."""
    return [torch.from_numpy(np.array(a)).to(dtype) for a in arrays]


def _kept(array: np.ndarray) -> np.ndarray:
    """What float32 keeps of the numbers, so that both precisions are given the same ones."""
    return array.astype(np.float32).astype(np.float64)


# -- exposure bias


def _gap(data: np.ndarray, samples: np.ndarray, mean: Callable[[list[float], int], float] | None = None) -> np.ndarray:
    """The gap, step by step; `mean`, of what is there and of the number of rows, makes mistakes of it."""
    out = []
    for t in range(data.shape[1]):
        sides = []
        for rows in (samples, data):
            there = [float(x) for x in rows[:, t] if not math.isnan(x)]
            sides.append(
                (mean or (lambda values, n: math.fsum(values) / len(values)))(there, len(rows)) if there else math.nan
            )
        out.append(sides[0] - sides[1])
    return np.array(out)


def check_exposure_gap(exposure_gap: Any) -> None:
    __tracebackhide__ = True
    name = "exposure_gap"
    rng = judge.rng(91)
    # Real sequences, samples, steps, type, size of the nats, whether they end.
    cases: list[tuple[int, int, int, Any, float, bool]] = [
        (3, 5, 4, np.float64, 2.0, False),
        (1, 2, 6, np.float32, 2.0, False),
        (6, 6, 3, np.float64, 2.0, False),
        (4, 1, 1, np.float64, 2.0, False),
        (1, 1, 1, np.float32, 2.0, False),
        (7, 3, 5, np.float64, 1e4, False),
        (5, 4, 2, np.float64, 1e-4, False),
        (40, 60, 20, np.float32, 3.0, False),
        (5, 7, 6, np.float64, 2.0, True),
        (4, 4, 8, np.float32, 2.0, True),
        (2, 9, 5, np.float64, 1e3, True),
        (1, 6, 7, np.float64, 2.0, True),
        (12, 1, 9, np.float32, 2.0, True),
    ]
    given: list[list[np.ndarray]] = []
    right: list[list[np.ndarray]] = []
    for n, m, steps, dtype, size, ends in cases:
        sides = []
        for rows in (n, m):
            nll = _kept(rng.gamma(1.5, size=(rows, steps)) * size)
            if ends:
                # On one side or the other, nobody reaches the last step.
                longest = steps - (n != m and (len(given) % 2 == 0) == (rows == n))
                lengths = rng.integers(1, longest + 1, size=rows)
                lengths[0] = longest
                nll[np.arange(steps) >= lengths[:, None]] = math.nan
            sides.append(nll)
        given.append([side.astype(dtype) for side in sides])
        right.append(sides)
    shown_as = [
        f"{n} and {m} sequences of {steps} step{'s' if steps > 1 else ''}{', some of which end' if ends else ''}"
        for n, m, steps, _, _, ends in cases
    ]
    for (data, samples), case, shown, result in zip(
        right, cases, shown_as, judge.calls(name, exposure_gap, given, shown_as), strict=True
    ):
        size = case[4]
        found, expected = judge.array(name, result, (case[2],), what=f"the result for {shown}"), _gap(data, samples)
        nobody = np.isnan(expected)
        assert not np.isnan(found[~nobody]).any(), (
            f"{name}: NaN at a step that sequences of both sides reach; those that have ended are left out ({shown})"
        )
        assert np.isnan(found[nobody]).all(), f"{name}: a step that one side never reaches has no gap: NaN ({shown})"
        there = ~nobody
        ratio = expected / _gap(np.zeros_like(data), data)
        pooled = np.full(there.sum(), np.nanmean(samples) - np.nanmean(data))
        zeroed = _gap(data, samples, lambda values, rows: math.fsum(values) / rows)
        own = [
            np.nanmean(np.where(np.isnan(side), np.nanmean(side, axis=1, keepdims=True), side), axis=0)
            for side in (samples, data)
        ]
        mistakes = [
            (-expected[there], "what is asked for is samples minus data: how much more the samples cost"),
            (zeroed[there], "a sequence that has ended is not one of those over which the mean is taken"),
            (_gap(data, samples, lambda values, _: math.fsum(values))[there], "means over sequences, not sums"),
            (_gap(data, samples, lambda values, _: float(np.median(values)))[there], "the mean, not the median"),
            (pooled, "each step has a gap of its own"),
            (np.cumsum(expected)[there], "each step has a gap of its own, which is not summed up over the steps"),
            ((own[0] - own[1])[there], "a step that is not there is left out, and not filled in"),
            (ratio[there], "a difference, not a share of what the data cost"),
        ]
        told = [(value / size, f"{sentence} ({shown})") for value, sentence in mistakes]
        judge.compare(name, found[there] / size, expected[there] / size, told, f"wrong gap for {shown}")
    inf, nan = math.inf, math.nan
    edges = [
        [np.array([[1.0, 2.0, nan], [3.0, inf, nan]]), np.array([[2.0, 4.0, nan], [1.0, 5.0, nan], [3.0, nan, nan]])],
        [np.array([[1.0, 2.0, 4.0], [3.0, nan, nan]]), np.array([[inf, 2.0, nan], [1.0, 1.0, nan]])],
    ]
    shown_as = ["nats of which one is inf, and a step that nobody reaches", "nats of which one is inf, and a step that no sample reaches"]  # fmt: skip
    for wanted, shown, result in zip(
        ([0.0, -inf, nan], [inf, -0.5, nan]), shown_as, judge.calls(name, exposure_gap, edges, shown_as), strict=True
    ):
        found = judge.array(name, result, (3,), what=f"the result for {shown}")
        assert np.isnan(found[2]), f"{name}: a step that one side never reaches, or neither, has no gap: NaN ({shown})"
        finite = f"{name}: inf is a price like any other, and makes the mean infinite; only NaN is left out ({shown})"
        assert judge.near(found[:2], np.array(wanted[:2])), finite


def _read(
    tokens: np.ndarray, predictions: np.ndarray, use: np.ndarray, *, back: int = 1, first: bool = True
) -> np.ndarray:
    """What the network reads, place by place; how far `back` it was said, and whether the `first` place is spared."""
    out = tokens.copy()
    length = tokens.shape[1]
    for b, t in np.ndindex(tokens.shape):
        if use[b, t] and not (first and t == 0):
            out[b, t] = predictions[b, (t - back) % length]
    return out


def check_scheduled_inputs(scheduled_inputs: Any) -> None:
    __tracebackhide__ = True
    name = "scheduled_inputs"
    rng = judge.rng(92)
    cases = [
        (2, 5, 0.5),
        (1, 4, 1.0),
        (3, 6, 0.0),
        (1, 1, 1.0),
        (4, 1, 0.5),
        (2, 2, 0.7),
        (3, 30, 0.25),
        (5, 7, 0.9),
        (1, 3, 0.5),
    ]
    given, shown_as = [], []
    for batch, steps, share in cases:
        # No number twice, so that a token tells where it comes from; negative ones are tokens like any other.
        numbers = rng.permutation(4 * batch * steps)[: 2 * batch * steps] - 3
        if batch == 5:
            numbers = numbers + 2**24  # no longer whole numbers for float32
        tokens, predictions = numbers.reshape(2, batch, steps)
        use = rng.random((batch, steps)) < share
        use[0, 0] = share > 0
        given.append([torch.from_numpy(a.copy()) for a in (tokens, predictions, use)])
        shown_as.append(f"tokens of shape ({batch}, {steps}), {int(use.sum())} places with a prediction")
    for (tokens, predictions, use), shown, result in zip(
        [[np.asarray(a) for a in case] for case in given],
        shown_as,
        judge.calls(name, scheduled_inputs, given, shown_as),
        strict=True,
    ):
        found = judge.integers(name, result, tokens.shape, what=f"the result for {shown}")

        right = _read(tokens, predictions, use)
        if (found == right).all():
            continue
        once = np.logical_or.accumulate(use, axis=1)
        inner = use & (np.arange(use.shape[1]) < use.shape[1] - 1)
        moved = "what was said at place t is about place t + 1, and is read there"
        slips: list[tuple[np.ndarray, str]] = [
            (_read(tokens, predictions, use, first=False), "at place 0 nothing has been said yet; the data is read"),
            (_read(tokens, predictions, use, back=0, first=False), moved),
            (_read(tokens, predictions, use, back=0), moved),
            (_read(tokens, predictions, use, back=-1, first=False), "the predictions are moved the wrong way"),
            (_read(tokens, predictions, use, back=-1), "the predictions are moved the wrong way"),
            (_read(tokens, predictions, inner, back=-1, first=False), "the predictions are moved the wrong way"),
            (_read(tokens, predictions, ~use), "a prediction is read where use_prediction is True"),
            (_read(tokens, predictions, np.roll(use, 1, axis=1)), "use_prediction[:, t] is about what is read at t"),
            (_read(tokens, predictions, np.ones_like(use)), "where use_prediction is False, the data is read"),
            (tokens, "use_prediction has no effect"),
            (_read(tokens, predictions, np.broadcast_to(use[:1], use.shape)), "each row has its own places"),
            (_read(tokens, predictions, once), "where use_prediction is False, the data is read again"),
        ]
        for value, sentence in slips:
            assert (value == right).all() or (found != value).any(), f"{name}: {sentence} ({shown})"
        rounded = (found == right.astype(np.float32)).all()
        assert not rounded, f"{name}: int64 is asked for; float32 rounds token numbers above 2^24 ({shown})"
        raise AssertionError(f"{name}: not what the network reads ({shown})")


def _optimum(joint: np.ndarray, share: float) -> np.ndarray:
    """How often each second token is to be predicted after each first one that is read: all that can happen, counted."""
    size = len(joint)
    seen = np.zeros(joint.shape)
    for first, second, drawn in itertools.product(range(size), repeat=3):
        p = float(joint[first, second]) * math.fsum(joint[drawn])
        seen[first, second] += (1 - share) * p
        seen[drawn, second] += share * p
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(seen / seen.sum(axis=1, keepdims=True))


def check_scheduled_optimum(scheduled_optimum: Any) -> None:
    __tracebackhide__ = True
    name = "scheduled_optimum"
    rng = judge.rng(93)
    single, double = np.float32, np.float64
    cases: list[tuple[np.ndarray, float, Any]] = [
        (judge.random_joint(rng, (3, 3)), 0.3, double),
        (judge.random_joint(rng, (2, 2)), 0.0, single),
        (judge.random_joint(rng, (4, 4)), 1.0, double),
        (judge.random_joint(rng, (5, 5), zeros=8), 0.5, double),
        (judge.random_joint(rng, (1, 1)), 0.4, single),
        (judge.random_joint(rng, (3, 3), zeros=2), 0.75, single),
        (judge.random_joint(rng, (9, 9)), 0.1, double),
        (judge.random_joint(rng, (4, 4)), 0.0, double),
        (judge.random_joint(rng, (6, 6), zeros=10), 1.0, single),
        (judge.random_joint(rng, (2, 2)), 0.9, double),
    ]
    never = judge.random_joint(rng, (4, 4))
    never[2] = 0
    rare = judge.random_joint(rng, (3, 3)) * np.array([1.0, 1e-3, 1.0])[:, None]
    cases += [(never / never.sum(), 0.25, double), (rare / rare.sum(), 0.6, double), (never / never.sum(), 0.0, single)]
    given = [[joint.astype(dtype), share] for joint, share, dtype in cases]
    shown_as = [f"joint of shape {joint.shape}, share {share:g}" for joint, share, _ in cases]
    for (joint, share, _), shown, result in zip(
        cases, shown_as, judge.calls(name, scheduled_optimum, given, shown_as), strict=True
    ):
        first, second = joint.sum(axis=1), joint.sum(axis=0)
        there = first > 0
        found = judge.array(name, result, joint.shape, what=f"the result for {shown}")[there]
        right = _optimum(joint, share)[there]
        if judge.near(found, right):
            continue
        told = f"{name}: a row of the result contains NaN whose first token does occur ({shown})"
        assert not np.isnan(found).any(), told
        with np.errstate(all="ignore"):
            true = (joint / first[:, None])[there]
            mixed = (1 - share) * joint + share * np.outer(first, second)
            geometric = true ** (1 - share) * second**share
            turned = (joint / second).T if (second > 0).all() else joint.T * math.nan
            backwards = ((1 - share) * joint / second + share * first[:, None])[there]
        mistakes = [
            (mixed[there], "each row should be a distribution: it should sum to 1"),
            (_optimum(joint, 1 - share)[there], "share is the probability of reading the model's own token, not the data's"),
            (true, "the data's second token belongs to the data's first, which is not always what was read"),
            (np.tile(second, (len(first), 1))[there], "not always is the model's own token read; with which probability?"),
            ((1 - share) * true + share * first, "of which variable is the marginal? A distribution over the second token is asked for"),
            ((1 - share) * true + share / len(first), "tokens that the model draws are not uniform, nor is what follows"),
            (backwards, "rows are the first token, and each row sums to 1"),
            (geometric / geometric.sum(axis=1, keepdims=True), "the expected loss mixes probabilities, and not their logarithms"),
            (turned[there], "rows are the first token, columns the second"),
            ((1 - share) * true + share * (true @ (joint / np.maximum(first, 1e-300)[:, None])), "there are two steps only"),
        ]  # fmt: skip
        mistakes = [(value, f"{sentence} ({shown})") for value, sentence in mistakes if not np.isnan(value).any()]
        judge.compare(name, found, right, mistakes, f"these rows do not minimise the expected loss ({shown})")


# -- fewer passes


def _passes(n: int, method: str, block: int) -> int:
    """Generate, and count."""
    done, passes = 0, 0
    while done < n:
        done += {"one by one": 1, "blocks": block, "doubling": max(done, 1), "one shot": n}[method]
        passes += 1
    return passes


def check_generation_passes(generation_passes: Any) -> None:
    __tracebackhide__ = True
    name = "generation_passes"
    rng = judge.rng(94)
    methods = ("one by one", "blocks", "doubling", "one shot")
    cases = [(n, method, block) for method in methods for n in range(1, 18) for block in (1, 3, 4, 20)]
    for n, block in ((784, 28), (785, 28), (1000, 7), (4096, 64), (4097, 64), (65_536, 1000), (65_537, 65_536)):
        cases += [(n, method, block) for method in methods]
    for _ in range(6):
        n, block = int(rng.integers(20, 3000)), int(rng.integers(2, 40))
        cases += [(n, method, block) for method in methods]
    shown_as = [f"{n}, {method!r}, {block}" for n, method, block in cases]
    found: list[float] = []
    for shown, result in zip(shown_as, judge.calls(name, generation_passes, cases, shown_as), strict=True):
        found.append(judge.number(name, result, f"the result for ({shown})"))
    for method in methods:
        which = [i for i, case in enumerate(cases) if case[1] == method]
        wrong = next((i for i in which if found[i] != _passes(*cases[i])), None)
        if wrong is None:
            continue
        shown, mine = shown_as[wrong], [found[i] for i in which]
        slips: list[tuple[Callable[[int, int], float], str]] = {
            "one by one": [
                (lambda n, block: n - 1, "the first token takes a pass, too"),
                (lambda n, block: n + 1, "one pass for each token, and none before them"),
                (lambda n, block: n * (n + 1) / 2, "passes are counted, not tokens that are read"),
            ],
            "blocks": [
                (lambda n, block: n // block, "the last block may be short, and takes a pass as well"),
                (lambda n, block: n // block + 1, "where the blocks come out even, there is no short one behind them"),
                (lambda n, block: n / block, "half a pass is a pass"),
                (lambda n, block: round(n / block), "half a pass is a pass"),
                (lambda n, block: block, "how many blocks are there?"),
                (lambda n, block: -(-n // block) * block, "one pass for a block, not for each of its tokens"),
                (lambda n, block: max(n // block, 1), "the last block may be short, and takes a pass as well"),
            ],
            "doubling": [
                (lambda n, block: math.ceil(math.log2(n)), "the first token takes a pass, too"),
                (lambda n, block: math.floor(math.log2(n)) + 1, "what doubling leaves over takes a last pass"),
                (lambda n, block: math.log2(n) + 1, "the number of passes is whole"),
                (
                    lambda n, block: (n + 1).bit_length() - ((n + 1) & n == 0),
                    "1, 1, 2, 4: as many as there are already",
                ),
                (lambda n, block: -(-math.ceil(math.log2(n) + 1) // block), "doubling does not look at block"),
            ],
            "one shot": [
                (lambda n, block: n, "all tokens at once"),
                (lambda n, block: 0, "that takes a pass, too"),
            ],
        }[method]
        for slip, sentence in slips:
            assert mine != [slip(cases[i][0], cases[i][2]) for i in which], f"{name}: {sentence} ({shown})"
        raise AssertionError(f"{name}: wrong for ({shown})")


def _scales(side: int, after: Sequence[int] = (4, 2, 1), start: int = 0) -> list[list[int]]:
    """Pixel numbers of each scale, pixel by pixel, without those that were there before."""
    out: list[list[int]] = []
    for step in after:
        before = {i for scale in out for i in scale}
        grid = [
            (r, c) for r in range(side) for c in range(side) if r % step == start % step and c % step == start % step
        ]
        out.append([r * side + c for r, c in grid if r * side + c not in before])
    return out


def check_scale_blocks(scale_blocks: Any) -> None:
    __tracebackhide__ = True
    name = "scale_blocks"
    sides = (4, 8, 12, 28, 20, 40)
    shown_as = [f"side {side}" for side in sides]
    for side, shown, result in zip(
        sides, shown_as, judge.calls(name, scale_blocks, [[n] for n in sides], shown_as), strict=True
    ):
        parts = judge.sequence(name, result, 3, what=f"the result for {shown}")
        found = [judge.integers(name, part, what=f"scale {k} for {shown}") for k, part in enumerate(parts)]
        floats = any(
            part.size and np.asarray(given).dtype.kind == "f" for part, given in zip(found, parts, strict=True)
        )
        assert not floats, f"{name}: pixel numbers are int64; floats index nothing ({shown})"
        right = _scales(side)
        if [part.tolist() for part in found] == right:
            continue
        for part in found:
            assert part.ndim == 1, f"{name}: each scale is a list of pixel numbers, row * side + column ({shown})"
            assert part.size == 0 or 0 <= part.min() <= part.max() < side**2, (
                f"{name}: pixel numbers go from 0 to {side**2 - 1} ({shown})"
            )
        as_sets = [set(part.tolist()) for part in found]
        every = [set(range(0, side * side, step)) for step in (4, 2, 1)]
        together = [set(itertools.chain(*right[: k + 1])) for k in range(3)]
        assert as_sets != together, f"{name}: what is there already is not drawn again ({shown})"
        assert [len(part) for part in found] == [len(part) for part in as_sets], (
            f"{name}: a pixel is listed twice ({shown})"
        )
        assert as_sets != [set(part) for part in right], (
            f"{name}: the right pixels, but not in ascending order ({shown})"
        )
        slips = [
            ([set(part) for part in right[::-1]], "from coarse to fine"),
            *(
                (
                    [set(part) for part in _scales(side, start=k)],
                    "rows and columns, and every fourth of them, count from 0",
                )
                for k in (1, 2, 3)
            ),
            ([set(part) for part in _scales(side, (8, 4, 1))], "the scales are 4, 2 and 1"),
            (
                [every[0], every[1] - every[0], every[2] - every[1]],
                "every fourth row and column, not every fourth pixel number",
            ),
        ]
        for value, sentence in slips:
            assert as_sets != value, f"{name}: {sentence} ({shown})"
        assert set().union(*as_sets) == set(range(side**2)), f"{name}: a pixel is in none of the scales ({shown})"
        assert sum(map(len, as_sets)) == side**2, f"{name}: a pixel is in two scales ({shown})"
        wrong = next(k for k in range(3) if as_sets[k] != set(right[k]))
        raise AssertionError(f"{name}: not the right pixels in scale {wrong} ({shown})")


def _token_log_probs(logits: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    out = np.zeros(tokens.shape)
    for b, t in np.ndindex(tokens.shape):
        row = [float(x) for x in logits[b, t]]
        most = max(row)
        out[b, t] = row[tokens[b, t]] - most - math.log(math.fsum(math.exp(x - most) for x in row))
    return out


def _in_blocks(each: np.ndarray, block: int) -> np.ndarray:
    starts = range(0, each.shape[1], block)
    return np.array([[math.fsum(row[start : start + block]) for start in starts] for row in each])


def check_block_log_prob(block_log_prob: Any) -> None:
    __tracebackhide__ = True
    name = "block_log_prob"
    rng = judge.rng(95)
    single, double = torch.float32, torch.float64
    # Batch, steps, tokens, block, type, size of the logits, whether some tokens cannot be.
    cases: list[tuple[int, int, int, int, torch.dtype, float, bool]] = [
        (2, 6, 4, 2, double, 2.0, False),
        (1, 7, 3, 3, single, 2.0, False),
        (3, 5, 5, 1, double, 2.0, False),
        (2, 4, 6, 9, double, 2.0, False),
        (1, 1, 3, 1, single, 2.0, False),
        (4, 1, 2, 3, double, 2.0, False),
        (1, 6, 1, 4, double, 2.0, False),
        (2, 8, 8, 4, double, 2.0, False),
        (5, 5, 5, 5, single, 2.0, False),
        (2, 9, 3, 4, single, 1e4, False),
        (2, 6, 4, 4, double, 1e-5, False),
        (3, 10, 6, 3, double, 3.0, True),
        (1, 11, 4, 5, single, 1e4, True),
        (2, 50, 30, 16, single, 3.0, False),
    ]
    given, sound, shown_as = [], [], []
    for batch, steps, size, block, dtype, scale, holes in cases:
        logits = _kept(
            np.clip(rng.normal(size=(batch, steps, size)), -2, 2) * scale / (2 if scale > 10 else 1)
            + (rng.normal() if scale < 10 else 0)
        )
        tokens = rng.integers(0, size, size=(batch, steps))
        if holes:
            gone = rng.random(logits.shape) < 0.4
            np.put_along_axis(gone, tokens[..., None], False, axis=2)
            logits = np.where(gone, -math.inf, logits)
        given.append([*_given([logits], dtype), torch.from_numpy(tokens.copy()), block])
        sound.append((logits, tokens, block))
        shown_as.append(
            f"logits of shape ({batch}, {steps}, {size}){', some -inf' if holes else ''}"
            f"{f', numbers around {scale:g}' if scale > 10 else ''}, block {block}"
        )
    # One token that cannot be makes its block impossible, and no other.
    logits = _kept(rng.normal(size=(2, 5, 3)))
    tokens = rng.integers(0, 3, size=(2, 5))
    logits[0, 3, tokens[0, 3]] = -math.inf
    given.append([*_given([logits], double), torch.from_numpy(tokens.copy()), 2])
    sound.append((logits, tokens, 2))
    shown_as.append("logits of shape (2, 5, 3), block 2, a token that its logit of -inf makes impossible")
    for (logits, tokens, block), shown, result in zip(
        sound, shown_as, judge.calls(name, block_log_prob, given, shown_as), strict=True
    ):
        each = _token_log_probs(logits, tokens)
        right = np.where(np.isneginf(_in_blocks(np.maximum(each, -1e300), block)) | (_in_blocks(np.maximum(each, -1e300), block) < -1e200), -math.inf, _in_blocks(np.maximum(each, -1e300), block))  # fmt: skip
        got = judge.array(name, result, what=f"the result for {shown}")
        batch, steps = tokens.shape
        short = f"{name}: the last block may be short, and is a block as well ({shown})"
        assert got.shape != (batch, steps // block) or steps % block == 0, short
        assert got.shape != tokens.shape or right.shape == tokens.shape, f"{name}: one number for each block ({shown})"
        found = judge.array(name, got, right.shape, what=f"the result for {shown}")
        if judge.near(found, right):
            continue
        assert not np.isnan(found).any(), f"{name}: the result contains NaN ({shown})"
        impossible = np.isneginf(right)
        if impossible.any():
            told = (
                f"{name}: a block with a token that cannot be has probability 0, so -inf nats, and the others have not"
            )
            assert (np.isneginf(found) == impossible).all(), f"{told} ({shown})"
        finite = np.isfinite(logits)
        with np.errstate(all="ignore"):
            raw = np.take_along_axis(np.where(finite, logits, 0), tokens[..., None], axis=2)[..., 0]
            lengths = _in_blocks(np.ones(tokens.shape), block)
            over_steps = (
                logits
                - np.log(np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True))
                - logits.max(axis=1, keepdims=True)
            )
            wrong_axis = np.take_along_axis(over_steps, tokens[..., None], axis=2)[..., 0]
            n_blocks = right.shape[1]
            stripes = np.array(
                [[math.fsum(row[k::n_blocks]) for k in range(n_blocks)] for row in np.maximum(each, -1e300)]
            )
            back = np.array(
                [np.concatenate([_in_blocks(row[None, ::-1], block)[0][::-1]]) for row in np.maximum(each, -1e300)]
            )
            mixture = np.array([[math.log(max(math.fsum(math.exp(x) for x in row[s : s + block]), 1e-300)) for s in range(0, steps, block)] for row in each])  # fmt: skip
        slips = [
            (np.exp(right), "nats are asked for: log p, not p"),
            (-right, "log p is at most 0"),
            (right / lengths, "log p of the whole block: a sum, not a mean"),
            (_in_blocks(raw, block), "a logit is no log-probability yet"),
            (np.cumsum(right, axis=1), "each block by itself, given those before it"),
            (_in_blocks(np.nan_to_num(wrong_axis, nan=0.0, neginf=-1e9), block), "the softmax is over the tokens that there are, not over the steps"),
            (stripes, "a block holds tokens that follow one another"),
            (back, "it is the last block that may be short"),
            (mixture, "independent: probabilities are multiplied, and not added"),
            (np.tile(right.sum(axis=0), (batch, 1)), "each row has its own probabilities"),
            (right / math.log(2), "nats, not bits"),
        ]  # fmt: skip
        told_slips = [(value, f"{sentence} ({shown})") for value, sentence in slips if not np.isnan(value).any()]
        judge.compare(name, found, right, told_slips, f"wrong log-probabilities for {shown}")


# -- any order


def _first_ones(orders: Sequence[Sequence[int]], t: np.ndarray) -> np.ndarray:
    """Which pixels are among the first t of each row's order."""
    return np.array([[d in order[:n] for d in range(len(order))] for order, n in zip(orders, t.tolist(), strict=True)])


def check_mask_and_weight(mask_and_weight: Any) -> None:
    __tracebackhide__ = True
    name = "mask_and_weight"
    rng = judge.rng(96)
    single, double = torch.float32, torch.float64
    # Batch, pixels, type, what t is.
    cases: list[tuple[int, int, torch.dtype, str]] = [
        (6, 5, double, "all kinds"),
        (1, 6, single, "all kinds"),
        (4, 1, double, "nothing"),
        (1, 1, single, "nothing"),
        (3, 4, double, "nothing"),
        (3, 4, single, "all but one"),
        (7, 7, double, "all kinds"),
        (5, 40, single, "all kinds"),
        (2, 2, double, "all but one"),
        (4, 9, double, "all kinds"),
    ]
    given, sound, shown_as = [], [], []
    for batch, pixels, dtype, kind in cases:
        x = rng.integers(0, 2, size=(batch, pixels)).astype(float)
        x[:, rng.integers(pixels)] = 1.0
        # No two uniforms alike, in either precision.
        places = np.array([rng.permutation(pixels) for _ in range(batch)])
        uniforms = _kept((places + rng.uniform(0.1, 0.9, size=places.shape)) / pixels) ** (3 if pixels % 2 else 1)
        uniforms = _kept(uniforms)
        drawn = {"nothing": np.zeros(batch), "all but one": np.full(batch, pixels - 1)}.get(kind)
        t = rng.integers(1, pixels, size=batch) if drawn is None else drawn.astype(np.int64)
        if kind == "all kinds" and batch > 3:
            t[:3] = 0, pixels - 1, pixels // 2
        given.append([*_given([x, uniforms], dtype), torch.from_numpy(t.copy())])
        sound.append((x, uniforms, t))
        shown_as.append(
            f"x of shape ({batch}, {pixels}), t = {t.tolist()}" if batch < 5 else f"x of shape ({batch}, {pixels})"
        )
    for (x, uniforms, t), shown, result in zip(
        sound, shown_as, judge.calls(name, mask_and_weight, given, shown_as), strict=True
    ):
        parts = judge.sequence(name, result, 3, what="the result (shown, known, weight)")
        what_is_shown = judge.array(name, parts[0], x.shape, what=f"shown for {shown}")
        known = judge.array(name, parts[1], x.shape, what=f"known for {shown}")
        weight = judge.array(name, parts[2], what=f"weight for {shown}")
        assert np.isin(known, (0, 1)).all(), f"{name}: known should be True or False for each pixel ({shown})"
        batch, pixels = x.shape
        falling = np.argsort(-uniforms, axis=1).tolist()
        rising = [order[::-1] for order in falling]

        right = _first_ones(rising, t)
        if not (known == right).all():
            once = np.array([[order[d] < n for d in range(pixels)] for order, n in zip(rising, t, strict=True)])
            for value, sentence in (
                (~right, "that is what is unknown"),
                (_first_ones(falling, t), "the pixels with the smallest uniforms come first"),
                (once, "an order says which pixel comes k-th; whether a pixel is known depends on its place in it"),
                (
                    _first_ones([list(range(pixels))] * batch, t),
                    "the order is that of the uniforms, not that of the pixels",
                ),
                (_first_ones(rising, t + 1), "t pixels are known, not one more"),
                (_first_ones(rising, np.maximum(t - 1, 0)), "t pixels are known, not one fewer"),
                (_first_ones([rising[0]] * batch, t), "each row has an order of its own"),
                (_first_ones(rising, np.full_like(t, t[0])), "each row has a t of its own"),
                (
                    uniforms < (t / pixels)[:, None],
                    "exactly t pixels are known: the t smallest uniforms, whatever their size",
                ),
            ):
                assert (value == right).all() or not (known == value).all(), f"{name}: {sentence} ({shown})"
            counts = known.sum(axis=1).astype(int).tolist() != t.tolist()
            told = "t pixels of a row are known" if counts else "other pixels are known than should be"
            raise AssertionError(f"{name}: {told} ({shown})")
        for value, sentence in (
            (x, "an unknown pixel is shown as 0, whatever it is"),
            (np.where(right, 0, x), "what is known is shown, not what is unknown"),
            (right.astype(float), "what is shown of a known pixel is whether it is lit"),
        ):
            tells = not (value == np.where(right, x, 0)).all()
            assert not (tells and (what_is_shown == value).all()), f"{name}: {sentence} ({shown})"
        told = f"{name}: shown should be x where it is known and 0 elsewhere ({shown})"
        assert judge.near(what_is_shown, np.where(right, x, 0)), told
        wanted = pixels / (pixels - t)
        one_each = f"{name}: one weight for each row ({shown})"
        assert weight.shape == (batch,) or (weight.size == batch and weight.shape == (batch, 1)), one_each
        if weight.shape == (batch, 1):
            raise AssertionError(f"{name}: weight should have shape ({batch},), found ({batch}, 1)")
        with np.errstate(divide="ignore"):
            slips = [
                (1 / wanted, "the fewer pixels are left, the more each of them has to stand for"),
                (1 / (pixels - t), "that is a mean over the unknown pixels; it stands for how many?"),
                (
                    pixels / np.maximum(t, 1),
                    "it is the unknown pixels that have to stand for all",
                ),
                (np.ones(batch), "few unknown pixels have to stand for as many as there are"),
                (pixels / (pixels - t + 1), "how many pixels are unknown?"),
                (np.full(batch, float(pixels)), "the loss is of all the unknown pixels, not of one of them"),
                (np.full(batch, float(wanted.mean())), "each row has a t of its own"),
                ((pixels - t).astype(float), "the fewer pixels are left, the more each of them has to stand for"),
            ]
        judge.compare(
            name, weight, wanted, [(value, f"{s} ({shown})") for value, s in slips], f"wrong weights for {shown}"
        )


class _Pixels:
    """A network for any order, drawn from `rng`, which remembers that a pixel is known to be 0. What it says of pixels that
    are known means nothing.
    """

    def __init__(self, rng: np.random.Generator, n: int, scale: float):
        self.scale, self.bias, self.calls = scale, rng.normal(size=n), 0
        self.lit, self.dark, self.pair = rng.normal(size=(3, n, n)) * 1.5

    def logit(self, shown: Sequence[float], known: Sequence[bool], d: int) -> float:
        if known[d]:
            return 40.0 * math.cos(3 * d + sum(known))
        seen = [s for s in range(len(shown)) if known[s]]
        z = math.fsum(self.lit[d, s] if shown[s] else self.dark[d, s] for s in seen)
        z += math.sin(math.fsum(self.pair[d, s] * shown[s] for s in seen))
        return float(self.scale * (self.bias[d] + z) / math.sqrt(1 + len(seen)))

    def __call__(self, shown: Any, known: Any) -> torch.Tensor:
        given, mask = (np.asarray(judge._plain(a)).astype(float) for a in (shown, known))
        n = len(self.bias)
        self.calls += 1
        if self.calls > n:
            raise ValueError("logits_fn was called more than D times; one call at each place is for all rows")
        for values, what in ((given, "shown"), (mask, "known")):
            if values.ndim != 2 or values.shape[1] != n:
                raise ValueError(f"logits_fn takes {what} of shape (B, {n}), found {values.shape}")
        if given.shape != mask.shape or not np.isin(mask, (0, 1)).all():
            raise ValueError("logits_fn takes known as True or False for each pixel that is shown")
        if (given[mask == 0] != 0).any():
            raise ValueError("logits_fn was shown a pixel that is not known; an unknown one is shown as 0")
        logits = [
            [self.logit(a, m, d) for d in range(n)] for a, m in zip(given.tolist(), (mask > 0).tolist(), strict=True)
        ]
        kind = shown.dtype if isinstance(shown, torch.Tensor) and shown.is_floating_point() else torch.float64
        return torch.tensor(logits, dtype=kind).reshape(given.shape)

    def cost(self, shown: Sequence[float], known: Sequence[bool], d: int, pixel: float) -> float:
        """-log p of what a pixel is."""
        z = self.logit(shown, known, d) * (1 if pixel else -1)
        return max(-z, 0.0) + math.log1p(math.exp(-abs(z)))

    def nll(self, row: list[float], order: Sequence[int], sees: Callable[[int], Sequence[int]] | None = None) -> float:
        """Summed over the places of the order; `sees` gives the pixels that are known at a place, if not those before."""
        total = []
        for place, d in enumerate(order):
            there = order[:place] if sees is None else sees(place)
            known = [s in there for s in range(len(row))]
            total.append(self.cost([x if k else 0.0 for x, k in zip(row, known, strict=True)], known, d, row[d]))
        return math.fsum(total)


def check_order_nll(order_nll: Any) -> None:
    __tracebackhide__ = True
    name = "order_nll"
    rng = judge.rng(97)
    single, double = torch.float32, torch.float64
    # Batch, pixels, type, size of the logits.
    cases = [(3, 5, double, 1.0), (1, 6, single, 1.0), (4, 1, double, 1.0), (1, 1, single, 1.0), (2, 4, double, 5e3), (2, 5, single, 3e3), (2, 2, double, 1.0), (2, 11, double, 1.0), (5, 3, single, 1.0), (3, 4, double, 1e-4)]  # fmt: skip
    given, sound, shown_as = [], [], []
    for n, (batch, pixels, dtype, scale) in enumerate(cases):
        network = _Pixels(rng, pixels, scale)
        x = rng.integers(0, 2, size=(batch, pixels)).astype(float)
        order = rng.permutation(pixels)
        for _ in range(200):
            raster = np.arange(pixels)
            if pixels < 3 or not any((order == o).all() for o in (np.argsort(order), raster, raster[::-1])):
                break
            order = rng.permutation(pixels)
        if n == 8:
            order = np.array([2, 0, 1])
        given.append([network, *_given([x], dtype), torch.from_numpy(order.copy())])
        sound.append((network, x, order.tolist()))
        shown_as.append(
            f"x of shape ({batch}, {pixels}), order {order.tolist()}" + (", large logits" if scale > 10 else "")
        )
    words = [f"logits_fn, {shown}" for shown in shown_as]
    for (network, x, order), shown, result in zip(
        sound, shown_as, judge.calls(name, order_nll, given, words), strict=True
    ):
        rows, pixels = x.tolist(), x.shape[1]
        right = np.array([network.nll(row, order) for row in rows])
        got = judge.array(name, result, what=f"the result for {shown}")
        assert got.shape == right.shape or got.size != 1, f"{name}: one number for each row ({shown})"
        found = judge.array(name, got, right.shape, what=f"the result for {shown}")
        if judge.near(found, right, rtol=2e-4):
            continue
        assert not np.isposinf(found).any(), f"{name}: infinite, where -log p is finite, if large ({shown})"
        slips = [(np.array([way(row) for row in rows]), sentence) for way, sentence in _order_ways(network, order)]
        slips += [
            (-right, "nats are at least 0: -log p, not log p"),
            (right / pixels, "-log p of the whole: a sum over pixels, not a mean"),
            (np.full(len(rows), right.sum()), "one number for each row"),
            (np.full(len(rows), right.mean()), "one number for each row"),
            (np.exp(-right), "nats are asked for, not a probability"),
            (right / math.log(2), "nats, not bits"),
        ]
        told = [(value, f"{sentence} ({shown})") for value, sentence in slips]
        judge.compare(name, found, right, told, f"not -log p in this order ({shown})")


def _order_ways(network: _Pixels, order: list[int]) -> list[tuple[Callable[[list[float]], float], str]]:
    """What likely mistakes make of a row, each with its sentence."""
    inverse = np.argsort(order).tolist()
    return [
        (lambda row: network.nll(row, range(len(order)), lambda k: range(k)), "the pixels are taken in the given order, not by their numbers"),
        (lambda row: network.nll(row, inverse, lambda k: inverse[:k]), "order[k] is the pixel that is k-th, not the place of pixel k"),
        (lambda row: network.nll(row, order[::-1], lambda k: order[::-1][:k]), "the order is taken from its end"),
        (lambda row: network.nll(row, order, lambda k: ()), "what has been taken is known to those that follow"),
        (lambda row: network.nll(row, order, lambda k: order[: k + 1]), "a pixel must not be known when it is asked for"),
        (lambda row: network.nll(row, order, lambda k: order[:k] + order[k + 1 :]), "a pixel must not know those that come after it"),
        (lambda row: network.nll(row, order, lambda k: order[: max(k - 1, 0)]), "all pixels before it are known, the last one, too"),
        (lambda row: network.nll(row, order, lambda k: order[max(k - 1, 0) : k]), "all pixels before it are known, not only the last"),
        (lambda row: network.nll([1 - p for p in row], order, lambda k: order[:k]), "a logit is that of the pixel being 1"),
        (lambda row: _crossed(network, row, order), "a logit is that of the pixel being 1"),
        (lambda row: math.fsum(_everything(network, row, order)), "at each place one pixel is taken, the one whose turn it is"),
        (lambda row: _everything(network, row, order)[0], "at each place one pixel is taken, and then it is known to the next"),
    ]  # fmt: skip


def _crossed(network: _Pixels, row: list[float], order: list[int]) -> float:
    """What is known is right, and 1 and 0 are mixed up where they are paid for."""
    total = 0.0
    for place, d in enumerate(order):
        known = [s in order[:place] for s in range(len(row))]
        total += network.cost([x if k else 0.0 for x, k in zip(row, known, strict=True)], known, d, 1 - row[d])
    return total


def _everything(network: _Pixels, row: list[float], order: list[int]) -> list[float]:
    """At each place, the sum over all pixels that are unknown then."""
    out = []
    for place in range(len(order)):
        known = [s in order[:place] for s in range(len(row))]
        shown = [x if k else 0.0 for x, k in zip(row, known, strict=True)]
        out.append(math.fsum(network.cost(shown, known, d, row[d]) for d in order[place:]))
    return out


# -- attention for less


def check_sliding_window_mask(sliding_window_mask: Any) -> None:
    __tracebackhide__ = True
    name = "sliding_window_mask"
    cases = [(length, window) for length in range(1, 8) for window in range(1, 10)]
    cases += [(40, 7), (64, 64), (33, 32), (20, 1000), (64, 63), (50, 1)]
    shown_as = [f"T = {length}, window = {window}" for length, window in cases]
    found = []
    for (length, _), shown, result in zip(
        cases, shown_as, judge.calls(name, sliding_window_mask, cases, shown_as), strict=True
    ):
        mask = judge.array(name, result, (length, length), what=f"the mask for {shown}")
        told = f"{name}: the mask should hold True and False (of numbers, ~mask is something else) ({shown})"
        assert np.asarray(judge._plain(result)).dtype == bool, told
        found.append(mask.astype(bool))

    def made(rule: Callable[[int, int, int, int], bool]) -> list[np.ndarray]:
        return [np.array([[rule(t, s, w, n) for s in range(n)] for t in range(n)]) for n, w in cases]

    def alike(masks: list[np.ndarray]) -> bool:
        return all((a == b).all() for a, b in zip(found, masks, strict=True))

    right = made(lambda t, s, w, n: s in range(max(t - w + 1, 0), t + 1))
    if alike(right):
        return
    worst = next(shown for a, b, shown in zip(found, right, shown_as, strict=True) if (a != b).any())
    rules: list[tuple[Callable[[int, int, int, int], bool], str]] = [
        (lambda t, s, w, n: 0 <= t - s <= w, "the window counts the token itself; it reaches one too far"),
        (
            lambda t, s, w, n: 0 <= t - s < w - 1,
            "the window counts the token itself, and nothing more; it is one too short",
        ),
        (lambda t, s, w, n: 0 < t - s <= w, "a token may attend to itself"),
        (lambda t, s, w, n: 0 < t - s < w, "a token may attend to itself"),
        (lambda t, s, w, n: abs(t - s) < w, "no token may attend to a later one"),
        (lambda t, s, w, n: abs(t - s) <= w, "no token may attend to a later one"),
        (lambda t, s, w, n: 0 <= s - t < w, "rows are who looks, columns are who is looked at"),
        (lambda t, s, w, n: not 0 <= t - s < w, "True is who may be attended to, not who may not"),
        (lambda t, s, w, n: s <= t, "the window has no effect"),
        (lambda t, s, w, n: t - s < w, "no token may attend to a later one"),
        (
            lambda t, s, w, n: s <= t and t // w == s // w,
            "the window slides: each token has its own, that ends with itself",
        ),
        (lambda t, s, w, n: s <= t and s < w, "the window is of the last tokens, not of the first"),
        (lambda t, s, w, n: t - s >= w, "True is who may be attended to, not who may not"),
    ]
    for rule, sentence in rules:
        assert not alike(made(rule)), f"{name}: {sentence} ({worst})"
    raise AssertionError(f"{name}: wrong mask for {worst}")


def _phi(u: float) -> float:
    return u + 1 if u > 0 else math.exp(u)


FEATURES: dict[str, Callable[[float], float]] = {
    "phi": _phi,
    "elu": lambda u: u if u > 0 else math.expm1(u),
    "relu": lambda u: max(u, 0.0),
    "relu + 1": lambda u: max(u, 0.0) + 1,
    "exp": math.exp,
    "nothing": lambda u: u,
    "softplus": lambda u: max(u, 0.0) + math.log1p(math.exp(-abs(u))),
}


def _linear(q: np.ndarray, k: np.ndarray, v: np.ndarray, *, numerator: str = "past", below: str = "past", features: tuple[str, str] = ("phi", "phi")) -> np.ndarray:  # fmt: skip
    """Linear attention, one query at a time. The settings say what is summed above and below, and make mistakes of it."""
    of_q, of_k = (np.vectorize(FEATURES[kind], otypes=[float])(x) for kind, x in zip(features, (q, k), strict=True))
    batch, heads, length, _ = q.shape
    scores = np.einsum("bhtd,bhsd->bhts", of_q, of_k)
    out = np.zeros((batch, heads, length, v.shape[-1]))
    for b, h, t in np.ndindex(batch, heads, length):
        spans = {
            "past": range(t + 1),
            "all": range(length),
            "before": range(t),
            "now": range(t, t + 1),
            "later": range(t, length),
        }
        over = spans[numerator]
        above = sum((scores[b, h, t, s] * v[b, h, s] for s in over), start=np.zeros(v.shape[-1]))
        if below in spans:
            total = math.fsum(scores[b, h, t, s] for s in spans[below])
        else:
            total = {
                "nothing": 1.0,
                "count": float(t + 1),
                "all heads": math.fsum(scores[b, g, t, s] for g in range(heads) for s in range(t + 1)),
                "heads": math.fsum(float(of_q[b, h, t] @ of_k[b, g, t]) for g in range(h + 1)),
                "keys": math.fsum(of_k[b, h, : t + 1].ravel()),
                "batch": math.fsum(float(of_q[b, h, t] @ of_k[c, h, s]) for c in range(batch) for s in range(t + 1)),
                "times": 1 / (math.fsum(scores[b, h, t, s] for s in range(t + 1)) or math.inf),
            }[below]
        with np.errstate(all="ignore"):
            out[b, h, t] = np.divide(above, total)
    return out


def _softmax_attention(q: np.ndarray, k: np.ndarray, v: np.ndarray, divisor: float) -> np.ndarray:
    batch, heads, length, _ = q.shape
    out = np.zeros((batch, heads, length, v.shape[-1]))
    for b, h, t in np.ndindex(batch, heads, length):
        scores = k[b, h, : t + 1] @ q[b, h, t] / divisor
        weights = np.exp(scores - scores.max())
        out[b, h, t] = weights @ v[b, h, : t + 1] / weights.sum()
    return out


_LINEAR_SLIPS: list[tuple[dict[str, Any], str]] = [
    ({"below": "all"}, "it is divided by a sum over all positions, later ones too: a leak"),
    ({"numerator": "all", "below": "all"}, "it is not causal: a position sees later ones"),
    ({"numerator": "all"}, "it is not causal: the sum over values goes on to the end"),
    ({"numerator": "before", "below": "before"}, "a position sees itself, too"),
    ({"numerator": "before"}, "a position sees itself, too"),
    ({"below": "before"}, "what it is divided by counts the position itself, too"),
    ({"below": "now"}, "what it is divided by has to remember the keys before, as well"),
    ({"numerator": "now"}, "the values before are forgotten"),
    ({"numerator": "now", "below": "now"}, "all that came before is forgotten"),
    ({"numerator": "later", "below": "later"}, "it runs backwards in time"),
    ({"below": "nothing"}, "the weights of a position should sum to 1"),
    ({"below": "count"}, "the weights of a position should sum to 1; dividing by how many there are does not do it"),
    ({"below": "all heads"}, "each head has weights of its own, that sum to 1"),
    ({"below": "heads"}, "keys are summed up over time, not over heads"),
    ({"below": "keys"}, "the weights of a position should sum to 1: what is summed up depends on its query, too"),
    ({"below": "batch"}, "each sequence has weights of its own"),
    ({"below": "times"}, "divided, not multiplied"),
    ({"features": ("elu", "elu")}, "the features are elu(u) + 1; what about the 1?"),
    ({"features": ("relu", "relu")}, "the features are elu(u) + 1, not relu(u)"),
    ({"features": ("relu + 1", "relu + 1")}, "below 0, elu is not 0"),
    ({"features": ("exp", "exp")}, "the features are elu(u) + 1, not exp(u)"),
    ({"features": ("softplus", "softplus")}, "the features are elu(u) + 1, not softplus(u)"),
    ({"features": ("nothing", "nothing")}, "queries and keys go through the features first"),
    ({"features": ("nothing", "phi")}, "queries go through the features, too"),
    ({"features": ("phi", "nothing")}, "keys go through the features, too"),
]


def _explain_linear(
    name: str, found: np.ndarray, right: np.ndarray, parts: Sequence[np.ndarray], size: float, shown: str
) -> None:
    """Raise the sentence of the mistake that explains what was found."""
    __tracebackhide__ = True
    q, k, v = parts
    slips = []
    for settings, sentence in _LINEAR_SLIPS:
        value = _linear(q, k, v, **settings)
        # A mistake that divides by 0 at the first position may still be told by the others.
        slips.append((np.where(np.isfinite(value), value, 0), sentence))
    slips += [
        (_softmax_attention(q, k, v, 1.0), "that is attention with a softmax, whose past has no fixed size"),
        (_softmax_attention(q, k, v, math.sqrt(q.shape[-1])), "that is attention with a softmax, whose past has no fixed size"),
        (np.swapaxes(_linear(*(np.swapaxes(x, 1, 2) for x in (q, k, v))), 1, 2), "the axes are (B, H, T, d): time is the third"),
    ]  # fmt: skip
    told = [(value / size, f"{sentence} ({shown})") for value, sentence in slips]
    judge.compare(name, found / size, right / size, told, f"not the weighted mean of the values so far ({shown})")


# Batch, heads, length, d, e, type, size of queries and keys, size of values.
LINEAR: list[tuple[int, int, int, int, int, torch.dtype, float, float]] = [
    (2, 2, 5, 3, 4, torch.float64, 1.0, 1.0),
    (1, 1, 1, 2, 2, torch.float32, 1.0, 1.0),
    (1, 3, 6, 4, 1, torch.float32, 1.0, 1.0),
    (3, 1, 4, 1, 3, torch.float64, 1.0, 1.0),
    (2, 4, 4, 4, 4, torch.float64, 1.5, 1.0),
    (1, 2, 7, 3, 3, torch.float64, 1.0, 1e4),
    (2, 1, 3, 5, 2, torch.float64, 1.0, 1e-4),
    (1, 2, 6, 2, 3, torch.float64, 30.0, 1.0),
    (1, 1, 70, 2, 1, torch.float32, 1.0, 1.0),
]


def _queries(rng: np.random.Generator, case: tuple[Any, ...]) -> list[np.ndarray]:
    batch, heads, length, d, e, _, size, of_values = case
    q, k = (_kept(rng.normal(size=(batch, heads, length, d)) * size) for _ in range(2))
    if (
        size > 10
    ):  # large numbers, of which only a few are negative: a feature that is nearly 0 is nobody's to get right
        q, k = (np.where(x < -3, -x, x) for x in (q, k))
    return [q, k, _kept(rng.normal(size=(batch, heads, length, e)) * of_values + of_values)]


def _told_linear(case: tuple[Any, ...]) -> str:
    batch, heads, length, d, e, _, size, _ = case
    return f"q of shape ({batch}, {heads}, {length}, {d}), v of shape ({batch}, {heads}, {length}, {e})" + (
        ", large numbers" if size > 10 else ""
    )


def check_linear_attention(linear_attention: Any) -> None:
    __tracebackhide__ = True
    name = "linear_attention"
    rng = judge.rng(98)
    parts = [_queries(rng, case) for case in LINEAR]
    parts[5][2][:, :, -1] *= 1e3  # a bang at the end must not be heard before
    given = [_given(three, case[5]) for three, case in zip(parts, LINEAR, strict=True)]
    shown_as = [_told_linear(case) for case in LINEAR]
    for case, three, shown, result in zip(
        LINEAR, parts, shown_as, judge.calls(name, linear_attention, given, shown_as), strict=True
    ):
        right = _linear(*three)
        found = judge.array(name, result, right.shape, what=f"the result for {shown}")
        size = case[7] * (np.abs(three[2]).max() / case[7] if case[7] > 10 else 1.0)
        assert not np.isnan(found).any(), f"{name}: the result contains NaN; is it divided by 0 somewhere? ({shown})"
        if not judge.near(found / case[7], right / case[7], rtol=3e-4, atol=3e-5):
            _explain_linear(name, found, right, three, size, shown)


def check_linear_attention_step(linear_attention_step: Any) -> None:
    __tracebackhide__ = True
    name = "linear_attention_step"
    rng = judge.rng(99)
    for case in [LINEAR[0], *LINEAR[1:4], LINEAR[7], LINEAR[5]]:
        # Two texts are read in turn, each with a state of its own.
        texts = [_queries(rng, case) for _ in range(2)]
        batch, heads, length, _, e, dtype, _, of_values = case
        tensors = [_given(three, dtype) for three in texts]
        states: list[Any] = [None, None]
        sizes: set[int] = set()
        found = np.zeros((2, batch, heads, length, e))
        shown = f"{length} step{'s' if length > 1 else ''}, batch of {batch}, {heads} head{'s' if heads > 1 else ''}"
        for t, text in itertools.product(range(length), range(2)):
            now = [x[:, :, t].clone() for x in tensors[text]]
            what = f"q_t, k_t, v_t, state at step {t} of {shown}"
            y, state = judge.sequence(
                name,
                judge.call(name, linear_attention_step, *now, states[text], shown=what),
                2,
                what="the result (y_t, state)",
            )
            found[text, :, :, t] = judge.array(name, y, (batch, heads, e), what=f"y_t at step {t} of {shown}")
            assert state is not None, f"{name}: the new state is None; what is remembered? ({shown})"
            states[text] = state
            sizes.add(_numbers_in(state))
            assert len(sizes) == 1, (
                f"{name}: the state has grown after {t + 1} steps; its size should not depend on how many there were ({shown})"
            )
        for text, three in enumerate(texts):
            right = _linear(*three)
            assert not np.isnan(found[text]).any(), (
                f"{name}: the result contains NaN; is it divided by 0 somewhere? ({shown})"
            )
            if not judge.near(found[text] / of_values, right / of_values, rtol=3e-4, atol=3e-5):
                _explain_linear(name, found[text], right, three, of_values, f"step by step, {shown}")
        # From one state, two ways to go on: what was read on the one is not known on the other.
        if length == 5:
            _two_ways(name, linear_attention_step, texts[0], tensors[0], dtype)


def _two_ways(name: str, step: Any, arrays: list[np.ndarray], tensors: list[torch.Tensor], dtype: torch.dtype) -> None:
    __tracebackhide__ = True
    state: Any = None
    for t in range(2):
        _, state = judge.sequence(
            name, judge.call(name, step, *[x[:, :, t].clone() for x in tensors], state, shown=f"step {t}"), 2
        )
    for t in (3, 4, 3):
        y, _ = judge.sequence(
            name, judge.call(name, step, *[x[:, :, t].clone() for x in tensors], state, shown="step 2"), 2
        )
        right = _linear(*(x[:, :, [0, 1, t]] for x in arrays))[:, :, 2]
        found = judge.array(name, y, right.shape, what="y_t")
        told = f"{name}: from one state, a text can go on in two ways, and neither should know of the other"
        assert judge.near(found, right, rtol=3e-4, atol=3e-5), told


def _numbers_in(state: Any) -> int:
    """How many numbers a state holds."""
    if isinstance(state, dict):
        return sum(_numbers_in(part) for part in state.values())
    if isinstance(state, (list, tuple)):
        return sum(_numbers_in(part) for part in state)
    if isinstance(state, (np.ndarray, torch.Tensor)):
        return int(np.prod(state.shape))
    return 1


# -- recurrences


def _states(
    decay: np.ndarray, value: np.ndarray, rule: Callable[[float, float, float, int], float], before: float = 0.0
) -> np.ndarray:
    """A recurrence, number by number. `rule` gives h_t from h_{t-1}, decay_t, value_t and t."""
    out = np.zeros(value.shape)
    batch, length, channels = value.shape
    for b, c in np.ndindex(batch, channels):
        h = before
        for t in range(length):
            h = rule(h, float(decay[b, t, c]), float(value[b, t, c]), t)
            out[b, t, c] = h
    return out


def _step(h: float, a: float, x: float, t: int) -> float:
    return a * h + x


def check_scan(scan: Any) -> None:
    __tracebackhide__ = True
    name = "scan"
    rng = judge.rng(910)
    single, double = torch.float32, torch.float64
    # Batch, steps, channels, type, decays from, to, size of the values.
    cases: list[tuple[int, int, int, torch.dtype, float, float, float]] = [
        (2, 5, 3, double, 0.2, 0.9, 1.0),
        (1, 1, 1, single, 0.2, 0.9, 1.0),
        (3, 8, 2, single, -0.9, 0.9, 1.0),
        (2, 7, 2, double, 0.5, 1.6, 1.0),
        (4, 4, 4, double, -1.5, 1.5, 1.0),
        (1, 9, 1, double, 0.0, 0.0, 1.0),
        (1, 33, 2, double, 0.7, 1.0, 1e4),
        (2, 6, 1, double, 0.2, 0.9, 1e-5),
        (1, 200, 1, double, 0.001, 0.05, 1.0),  # whose product is 0 in any precision
        (1, 100, 2, single, 0.9, 1.0, 1.0),
        (5, 1, 2, double, 2.0, 3.0, 1.0),
        (1, 5, 2, double, 2.0, 4.0, 1.0),
        (2, 16, 2, double, 0.3, 0.9, 1.0),
        (3, 6, 2, double, -1.0, 1.0, 1.0),
    ]
    given, sound, shown_as = [], [], []
    for n, (batch, steps, channels, dtype, low, high, size) in enumerate(cases):
        shape = (batch, steps, channels)
        decay, value = _kept(rng.uniform(low, high, size=shape)), _kept((rng.normal(size=shape) + 0.5) * size)
        zeros = n >= len(cases) - 2
        if zeros:
            decay = np.where(rng.random(shape) < 0.4, 0.0, decay)
        given.append(_given([decay, value], dtype))
        sound.append((decay, value, size))
        kind = (
            ", some of the decays 0"
            if zeros
            else ", all decays 0"
            if low == high == 0
            else f", decays from {low:g} to {high:g}"
        )
        shown_as.append(f"decay and value of shape {shape}{kind}")
    for (decay, value, size), shown, result in zip(
        sound, shown_as, judge.calls(name, scan, given, shown_as), strict=True
    ):
        found = judge.array(name, result, value.shape, what=f"the result for {shown}") / size
        right = _states(decay, value, _step) / size
        assert not np.isnan(found).any(), (
            f"{name}: the result contains NaN; a decay may be 0, or negative, or very small ({shown})"
        )
        assert not np.isinf(found).any(), f"{name}: the result contains inf; a decay may be 0, or very small ({shown})"
        if judge.near(found, right):
            continue
        late = np.concatenate([decay[:, :1], decay[:, :-1]], axis=1)
        early = np.concatenate([decay[:, 1:], decay[:, -1:]], axis=1)
        across = value.reshape(1, -1, value.shape[2]), decay.reshape(1, -1, value.shape[2])
        slips = [
            (_states(decay, value, lambda h, a, x, t: h + x), "the decay has no effect"),
            (_states(decay, value, lambda h, a, x, t: a * (h + x)), "value_t is added after the decay, and is not decayed at t"),
            (_states(decay, value, lambda h, a, x, t: a * h + (1 - a) * x), "value_t is added as it is"),
            (_states(decay, value, lambda h, a, x, t: (1 - a) * h + x), "decay_t is what is kept, not what is lost"),
            (_states(decay, value, lambda h, a, x, t: a * h + x, before=1.0), "before the first step, h is 0"),
            (_states(late, value, _step), "h_t has decay_t, not that of the step before"),
            (_states(early, value, _step), "h_t has decay_t, not that of the step after"),
            (_states(decay, value, lambda h, a, x, t: x), "what was there before has no effect"),
            (_states(decay[:, ::-1], value[:, ::-1], _step)[:, ::-1], "it runs backwards in time"),
            (_states(np.abs(decay), value, _step), "a decay may be negative"),
            (_states(np.clip(decay, 0, 1), value, _step), "a decay may be negative, or above 1"),
            (_states(np.clip(decay, -1, 1), value, _step), "a decay may be above 1"),
            (_states(np.maximum(decay, 1e-6), value, _step), "a decay may be negative"),
            (_states(across[1], across[0], _step).reshape(value.shape), "each row of the batch begins with h = 0"),
            (np.broadcast_to(_states(decay, value, _step)[:, -1:], value.shape), "all h are asked for, not the last alone"),
            (np.concatenate([value[:, :1], decay[:, 1:] * value[:, :-1] + value[:, 1:]], axis=1), "what was there has a past of its own"),
            (np.swapaxes(_states(np.swapaxes(decay, 0, 1), np.swapaxes(value, 0, 1), _step), 0, 1), "it runs over the steps, the second axis"),
            (np.concatenate([np.zeros_like(value[:, :1]), _states(decay, value, _step)[:, :-1]], axis=1), "h_t has value_t in it"),
        ]  # fmt: skip
        told = [(v / size, f"{sentence} ({shown})") for v, sentence in slips]
        judge.compare(name, found, right, told, f"wrong states for {shown}")


# -- by hand


def costs_by_hand(student_name: str) -> list[int]:
    """For one student: passes, pairs of full attention and of a window, bytes of a cache and of a state."""
    mine = costs_puzzle(student_name, "09")
    pairs = [[s for s in range(t + 1)] for t in range(mine.n)]
    numbers = mine.layers * mine.heads * mine.itemsize
    return [
        len(range(0, mine.n, mine.block)),
        sum(map(len, pairs)),
        sum(len(seen[-mine.window :]) for seen in pairs),
        sum(numbers * mine.head_size for _ in range(mine.n) for _ in ("key", "value")),
        numbers * (mine.head_size * mine.head_size + mine.head_size),
    ]


def check_costs_mine(student_name: Any, costs_mine: Any) -> None:
    __tracebackhide__ = True
    name = "costs_mine"
    assert isinstance(student_name, str), f"{name}: student_name should be your name in quotes"
    assert student_name.strip(), f"{name}: student_name should be your name in quotes, and not blank"
    listed = judge.sequence(name, typed(costs_mine, name), 5, what="the answer")
    asked = ("passes", "pairs_full", "pairs_window", "cache_bytes", "state_bytes")
    found = [
        judge.number(name, typed(value, f"{name}, {which}"), which) for which, value in zip(asked, listed, strict=True)
    ]
    right = costs_by_hand(student_name)
    if found == right:
        return
    assert sorted(found) != sorted(right), f"{name}: the order is {', '.join(asked)}"
    mine = costs_puzzle(student_name, "09")
    n, w, d = mine.n, mine.window, mine.head_size
    per_number = mine.layers * mine.heads * mine.itemsize
    slips: dict[str, list[tuple[float, str]]] = {
        "passes": [
            (n // mine.block, "the last block may be short, and takes a pass as well"),
            (n / mine.block, "half a pass is a pass"),
            (n, "one pass for a block, not for each token"),
            (mine.block, "how many blocks are there?"),
        ],
        "pairs_full": [
            (n * n, "causal: no token attends to a later one"),
            (n * (n - 1) / 2, "a token attends to itself, too"),
            (n * n / 2, "count them row by row: 1, 2, 3, ..."),
            (n, "count pairs: each token with all those before it"),
        ],
        "pairs_window": [
            (n * w, "the first tokens have fewer than a whole window to look at"),
            ((n - w) * w, "the first tokens have something to look at, too"),
            (sum(min(t, w + 1) for t in range(1, n + 1)), "the window counts the token itself"),
            (sum(min(t, w - 1) for t in range(1, n + 1)), "the window counts the token itself, which attends to itself, too"),
            (w * (w + 1) / 2, "all tokens look through the window, not only the first ones"),
            ((n - w + 1) * w, "the first tokens have something to look at, too"),
        ],
        "cache_bytes": [
            (right[3] / 2, "values are kept as well as keys"),
            (right[3] / mine.itemsize, "bytes are asked for, not numbers"),
            (right[3] / mine.layers, "every layer has a cache"),
            (right[3] / mine.heads, "every head has keys and values of its own"),
            (right[3] / n, "of all the tokens"),
            (right[3] * 8, "bytes, not bits"),
            (right[3] / d, "a key has `head_size` numbers"),
            (right[3] * 3 / 2, "queries need not be kept"),
        ],
        "state_bytes": [
            (per_number * d * d, "z, the sum of the keys, is part of the state"),
            (per_number * d, "S has a number for each pair of a key's and a value's entries"),
            (per_number * (2 * d), "S has a number for each pair of a key's and a value's entries"),
            (per_number * 2 * d * d, "z is a vector"),
            (per_number * (d * d + 1), "z is a vector"),
            (right[4] * n, "the state does not grow with the text"),
            (right[4] / mine.itemsize, "bytes are asked for, not numbers"),
            (right[4] / mine.layers, "every layer has a state"),
            (right[4] / mine.heads, "every head has a state"),
            (right[4] * 8, "bytes, not bits"),
        ],
    }  # fmt: skip
    for which, value, wanted in zip(asked, found, right, strict=True):
        if value == wanted:
            continue
        for slip, sentence in slips[which]:
            assert value != slip, f"{name}: {which} is not right; {sentence}"
        raise AssertionError(f"{name}: {which} is not right; write down what it is a product or a sum of")


# -- the drill


def check_found_leaks(
    leaks_A: Any, beyond_A: Any, leaks_B: Any, leaks_C: Any, leaks_D: Any, off_D: Any, leaks_E: Any, leaks_F: Any
) -> None:
    __tracebackhide__ = True
    answers = {"leaks_A": leaks_A, "leaks_B": leaks_B, "leaks_C": leaks_C, "leaks_D": leaks_D}
    judge.leaks(answers | {"leaks_E": leaks_E, "leaks_F": leaks_F}, DRILL_LEAKS)
    for name, value, right, kind, hint in (
        ("beyond_A", beyond_A, DRILL_BEYOND, "(row, token)", "count the tokens that a row reads, itself included"),
        ("off_D", off_D, DRILL_OFF, "(row, head)", "call it with values that are all 1"),
    ):
        found = judge.pairs(name, typed(value, name))
        if found == right:
            continue
        turned = f"{name}: each pair should be {kind}; yours are the other way round"
        assert found != {(s, t) for t, s in right}, turned
        told = "a pair that you list is in order" if found - right else "a pair is missing"
        raise AssertionError(f"{name}: {told}; {hint}")


def check_repaired_E(repaired_E: Any) -> None:
    __tracebackhide__ = True
    name = "repaired_E"
    rng = judge.rng(911)
    single, double = torch.float32, torch.float64
    # Batch, steps, channels, type, share of the places at which a text begins, whether the first of all is said to.
    cases: list[tuple[int, int, int, torch.dtype, float, bool]] = [
        (2, 7, 2, double, 0.3, True),
        (1, 6, 3, single, 0.4, False),
        (3, 5, 1, double, 0.0, False),
        (2, 4, 2, double, 1.0, True),
        (1, 1, 1, single, 0.0, False),
        (4, 1, 2, double, 1.0, True),
        (4, 9, 2, double, 0.3, False),
        (1, 50, 2, single, 0.1, True),
        (3, 8, 3, double, 0.5, False),
    ]
    given, sound, shown_as = [], [], []
    for n, (batch, steps, channels, dtype, share, said) in enumerate(cases):
        shape = (batch, steps, channels)
        decay, value = (
            _kept(rng.uniform(-0.9, 1.2, size=shape) if n % 2 else rng.uniform(0.3, 1.0, size=shape)),
            _kept(rng.normal(size=shape) + 1),
        )
        first = rng.random((batch, steps)) < share
        if 0 < share < 1:
            first[0, rng.integers(1, steps)] = True
        first[:, 0] = said
        given.append([*_given([decay, value], dtype), torch.from_numpy(first.copy())])
        sound.append((decay, value, first))
        shown_as.append(f"decay and value of shape {shape}, {int(first.sum())} beginnings")
    for (decay, value, first), shown, result in zip(
        sound, shown_as, judge.calls(name, repaired_E, given, shown_as), strict=True
    ):
        found = judge.array(name, result, value.shape, what=f"the result for {shown}")
        right = _by_text(decay, value, first)
        if judge.near(found, right):
            continue
        moved_on = np.concatenate([np.zeros_like(first[:, :1]), first[:, :-1]], axis=1)
        moved_back = np.concatenate([first[:, 1:], np.zeros_like(first[:, :1])], axis=1)
        some = np.broadcast_to(first.any(axis=0), first.shape)
        once = np.where(first[..., None], 0, 1)
        slips = [
            (_by_text(decay, value, np.zeros_like(first)), "the state still runs on from one text into the next"),
            (_by_text(decay, value, moved_on), "the state of a text's first token is its value alone; it is too late one token later"),
            (_by_text(decay, value, moved_back), "what a text has gathered is not lost at its last token; it is too early"),
            (_by_text(decay, value, some), "each row of the batch has beginnings of its own"),
            (_by_text(decay, value * once, first), "a text's first token is part of it"),
            (_by_text(decay, value, ~first), "first is True where a text begins"),
            (_by_text(decay, np.where(first[..., None], decay * value, value), first), "value_t is added as it is"),
            (_states(decay, value, _step) * once, "the state is to be forgotten, and not only to be hidden where a text begins"),
            (np.where(first[..., None], value, _states(decay, value, _step)), "what follows a text's first token has no past beyond it either"),
        ]  # fmt: skip
        told = [(v, f"{sentence} ({shown})") for v, sentence in slips]
        judge.compare(name, found, right, told, f"not what each text would give by itself ({shown})")


def _by_text(decay: np.ndarray, value: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Each text by itself, cut out of its row."""
    out = np.zeros(value.shape)
    for b in range(len(first)):
        starts = [0, *[t for t in range(1, first.shape[1]) if first[b, t]], first.shape[1]]
        for start, end in itertools.pairwise(starts):
            out[b : b + 1, start:end] = _states(decay[b : b + 1, start:end], value[b : b + 1, start:end], _step)
    return out
