"""Hidden tests of lesson 08: from conditionals to outputs.

Distributions are recomputed token by token, in plain Python; a beam is compared with the stated rules taken literally, and
with every sequence there is.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch

from autograder.checks import judge
from lib.byhand import filter_puzzle, typed

# The drill: tokens that a filter treats otherwise than it should, prompt lengths at which a search returns another text,
# and the probabilities of three tokens.
DRILL_WRONG: dict[str, set[int]] = {
    "wrong_A": {4},
    "wrong_B": {5},
    "wrong_C": set(),
    "wrong_D": {4, 5},
    "wrong_E": {0, 2},
    "wrong_F": {0},
    "wrong_G": set(range(1, 10)),
    "differs_J": {6, 7, 8},
}
DRILL_GIVES = {"gives_H": [0.45, 0.35, 0.2], "gives_I": [0.5, 0.3, 0.2]}
GIVES_WITHIN = 0.01

Row = Sequence[float]


def _softmax(row: Row) -> list[float]:
    most = max(row)
    weights = [math.exp(x - most) for x in row]
    total = math.fsum(weights)
    return [w / total for w in weights]


def _falling(row: Row) -> list[int]:
    """The most probable token first; of equals, the lower one."""
    return sorted(range(len(row)), key=lambda i: (-row[i], i))


def _only(row: Row, tokens: Iterable[int]) -> list[float]:
    """Logits after everything but these tokens has been removed."""
    kept = set(tokens)
    return [x if i in kept else -math.inf for i, x in enumerate(row)]


def _each_row(logits: np.ndarray, change: Callable[[list[float]], list[float]]) -> np.ndarray:
    rows = logits.reshape(-1, logits.shape[-1])
    return np.array([change([float(x) for x in row]) for row in rows]).reshape(logits.shape)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    with np.errstate(divide="ignore"):
        return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def _floats(x: np.ndarray, single: bool) -> np.ndarray:
    """Numbers that single precision holds exactly, if the case is to be handed over in it."""
    return x.astype(np.float32).astype(np.float64) if single else x


def _tensor(x: Any, single: bool = False) -> torch.Tensor:
    return torch.from_numpy(np.array(x, dtype=np.float32 if single else np.float64))


def _with_holes(rng: np.random.Generator, logits: np.ndarray) -> np.ndarray:
    """Some tokens impossible, in each row at least one possible."""
    holes = rng.random(logits.shape) < 0.3
    np.put_along_axis(holes, rng.integers(0, logits.shape[-1], size=(*logits.shape[:-1], 1)), False, axis=-1)
    return np.where(holes, -math.inf, logits)


# -- by hand


def kept_by_hand(student_name: str) -> list[set[int]]:
    """For one student: the tokens that survive top-k, top-p and min-p."""
    mine = filter_puzzle(student_name, "08")
    percents = [round(100 * p) for p in mine.probabilities]
    falling = _falling(percents)
    size = next(n for n in range(1, 8) if sum(percents[i] for i in falling[:n]) >= round(100 * mine.top_p))
    relative = {i for i, n in enumerate(percents) if 100 * n >= round(100 * mine.min_p) * max(percents)}
    return [set(falling[: mine.k]), set(falling[:size]), relative]


def check_kept_mine(student_name: Any, kept_mine: Any) -> None:
    __tracebackhide__ = True
    name = "kept_mine"
    assert isinstance(student_name, str), f"{name}: student_name should be your name in quotes"
    assert student_name.strip(), f"{name}: student_name should be your name in quotes, and not blank"
    right = kept_by_hand(student_name)
    answers = judge.sequence(name, typed(kept_mine, name), 3, what="the answer")
    named = zip(("top-k", "top-p", "min-p"), answers, strict=True)
    found = [_tokens(f"{name}, {what}", typed(answer, f"{name}, {what}"), 7) for what, answer in named]
    if found == right:
        return
    assert found != right[::-1] and not (found[0] != right[0] and sorted(map(len, found)) == sorted(map(len, right)) and
        all(f in right for f in found)), f"{name}: the order is top-k, top-p, min-p"  # fmt: skip
    mine = filter_puzzle(student_name, "08")
    assert len(found[0]) == mine.k, f"{name}: top-k keeps k tokens, here {mine.k}, found {len(found[0])}"
    assert found[0] == right[0], f"{name}: top-k keeps the k most probable tokens"
    if found[1] != right[1]:
        falling = _falling(mine.probabilities)
        assert found[1] != set(falling[: len(right[1]) - 1]), f"{name}: the token that makes the sum reach p stays"
        total = sum(mine.probabilities[i] for i in found[1])
        assert total > mine.top_p - 1e-9, f"{name}: what top-p keeps should reach p together"
        assert found[1] != set(falling[: len(found[1])]), f"{name}: top-p keeps no more tokens than it needs"
        raise AssertionError(f"{name}: top-p begins with the most probable token, whatever its number")
    absolute = {i for i, p in enumerate(mine.probabilities) if p > mine.min_p - 1e-9}
    assert found[2] != absolute, f"{name}: min-p's threshold is p times the largest probability, not p"
    assert not found[2] < right[2], f"{name}: each filter is applied to the whole table, and min-p keeps more than this"
    raise AssertionError(f"{name}: min-p is not right; compute its threshold first")


def _tokens(name: str, value: Any, n: int | None = None, first: int = 0) -> set[int]:
    """A typed list of token numbers as a set; a single one may stand by itself."""
    __tracebackhide__ = True
    told = f"{name} should be a list of numbers, such as [0, 2], or [] for none"
    if isinstance(value, (set, frozenset, range)):
        value = sorted(value)
    numbers = judge.integers(name, value, what="the list")
    numbers = numbers[None] if numbers.ndim == 0 else numbers
    assert numbers.ndim == 1 or numbers.size == 0, f"{told}; found {judge.summary(value)}"
    found = [int(i) for i in numbers.reshape(-1)]
    within = n is None or all(first <= i < n for i in found)
    assert within, f"{name}: the numbers go from {first} to {0 if n is None else n - 1}, found {judge.summary(value)}"
    return set(found)


# -- filters

SHAPES: list[tuple[tuple[int, ...], bool]] = [
    ((6,), False),
    ((4, 7), True),
    ((1, 5), False),
    ((2, 3, 5), True),
    ((3, 1), False),
    ((1,), True),
    ((2, 1, 2, 4), False),
    ((5, 30), True),
]


def check_temperature(temperature: Any) -> None:
    __tracebackhide__ = True
    name = "temperature"
    rng = judge.rng(80)
    cases: list[tuple[np.ndarray, float, bool]] = []
    for n, (shape, single) in enumerate(SHAPES):
        logits = _floats(rng.normal(size=shape) * 2 + (5 if n % 2 else -5), single)
        t = [0.5, 1.7, 0.3, 2.5, 1.0, 0.8, 3.0, 0.7][n]
        cases.append((_with_holes(rng, logits) if n in (1, 3, 6) else logits, t, single))
    cases += [
        (np.array([[1e4, 1e4 - 2, 0.0, -1e4], [-1e4, -9999.0, -1e4 - 4, -math.inf]]), 2.0, True),
        (np.array([[1e4, 1e4 - 2, 0.0, -1e4], [-1e4, -9999.0, -1e4 - 4, -math.inf]]), 0.7, False),
        (_floats(rng.normal(size=(2, 5)), True), 1e-3, False),
        (_floats(rng.normal(size=(2, 5)) * 100, True), 1e3, True),
        (np.array([0.0, -200.0, -math.inf, -3.0]), 40.0, True),
    ]
    for logits, t, single in cases:
        shown = f"logits of shape {logits.shape}, t = {t:g}"
        result = judge.call(name, temperature, _tensor(logits, single), t, shown=shown)
        found = judge.array(name, result, logits.shape, what=f"the result for {shown}")
        assert not np.isnan(found).any(), f"{name}: the result contains NaN ({shown})"
        gone = np.isneginf(logits)
        assert np.isneginf(found[gone]).all(), f"{name}: what is impossible, -inf, should stay so at every temperature"
        assert not np.isposinf(found).any(), f"{name}: the result contains inf ({shown})"
        assert np.isfinite(found[~gone]).all(), f"{name}: a token has become impossible, -inf, that was not ({shown})"
        right, log_found = _log_softmax(logits / t), _log_softmax(found)
        if judge.near(log_found, right, rtol=1e-3, atol=1e-4):
            continue
        with np.errstate(all="ignore"):
            p = np.exp(_log_softmax(logits))
            powers = p ** (1 / t) / (p ** (1 / t)).sum(axis=-1, keepdims=True)
        for value, told in (
            (_log_softmax(logits * t), "above 1 it should make the distribution flatter, below 1 sharper"),
            (_log_softmax(logits), "the temperature has no effect"),
            (_log_softmax(powers), "logits are asked for, not probabilities"),
            (_log_softmax(np.where(gone, -math.inf, p / t)), "the logits are divided, not the probabilities"),
            (_log_softmax(np.where(gone, -math.inf, logits - t)), "the logits are divided by the temperature"),
        ):
            tells = not judge.near(value, right, rtol=1e-2, atol=1e-2)
            assert not (tells and judge.near(log_found, value, rtol=1e-3, atol=1e-3)), f"{name}: {told} ({shown})"
        raise AssertionError(f"{name}: the softmax of the result is not p^(1/t), renormalised ({shown})")


def _judge_filter(
    name: str, result: Any, logits: np.ndarray, right: np.ndarray, mistakes: judge.Mistakes, shown: str
) -> None:
    """Whether a filter kept the right tokens, and left them as they were."""
    __tracebackhide__ = True
    found = judge.array(name, result, logits.shape, what=f"the result for {shown}")
    assert not np.isnan(found).any(), f"{name}: the result contains NaN ({shown})"
    kept, should = ~np.isneginf(found), ~np.isneginf(right)
    if not (kept == should).all():
        odd = kept & ~should & (found != logits)
        probable = (found >= 0).all() and (found <= 1).all()
        assert not (odd.any() and probable), f"{name}: logits are asked for, not probabilities ({shown})"
        assert not odd.any(), f"{name}: what is removed should become -inf, not {found[odd][0] + 0:g} ({shown})"
        for value, told in mistakes:
            stays = ~np.isneginf(np.asarray(value))
            assert (stays == should).all() or not (kept == stays).all(), f"{name}: {told} ({shown})"
        assert not (kept & np.isneginf(logits)).any(), f"{name}: what was impossible, -inf, should stay so ({shown})"
        assert kept.any(axis=-1).all(), f"{name}: a distribution has no token left ({shown})"
        told = "a token stays that should go" if (kept & ~should).any() else "a token is gone that should stay"
        raise AssertionError(f"{name}: {told} ({shown})")
    _judge_left(name, found, logits, kept, shown)


def _judge_left(name: str, found: np.ndarray, logits: np.ndarray, kept: np.ndarray, shown: str) -> None:
    __tracebackhide__ = True
    if judge.near(found[kept], logits[kept]):
        return
    with np.errstate(all="ignore"):
        p = np.exp(_log_softmax(logits))
    sums = np.where(kept, found, 0).sum(axis=-1)
    probable = np.abs(sums - 1).max() < 1e-3 and (found[kept] >= 0).all()
    assert not (probable or judge.near(found[kept], p[kept])), (
        f"{name}: logits are asked for, not probabilities ({shown})"
    )
    raise AssertionError(f"{name}: what stays should keep its logit ({shown})")


def check_top_k(top_k: Any) -> None:
    __tracebackhide__ = True
    name = "top_k"
    rng = judge.rng(81)
    cases: list[tuple[np.ndarray, int, bool]] = []
    for n, (shape, single) in enumerate(SHAPES):
        logits = _floats(rng.permuted(rng.normal(size=shape) * 3 + np.arange(shape[-1]), axis=-1), single)
        for k in {1, 2 + n % 2, shape[-1] - 1, shape[-1], shape[-1] + 3} - {0}:
            cases.append((logits, k, single))
    for n in range(4):  # ties, of which some with the k-th, and holes
        logits = rng.integers(-2, 3, size=(4, 8)).astype(float)
        cases.append((_with_holes(rng, logits) if n % 2 else logits, 2 + n, n % 2 == 0))
    cases += [
        (_with_holes(rng, rng.normal(size=(3, 2, 6))), 5, False),
        (np.array([[-math.inf, 3.0, -math.inf], [-math.inf, -math.inf, -2.0]]), 2, True),
        (np.array([0.0, -1e4, -1.1e4, 1.0]), 3, False),
        (np.array([[-1e4, 1e4, 9999.5, 9999.0], [1e4, 1e4, -1e4, 1e4]]), 2, True),
        (np.zeros((2, 5)), 1, True),
        (np.array([-3e4, -3e4 - 8, -3e4 + 8]), 2, True),
    ]
    for logits, k, single in cases:
        shown = f"logits of shape {logits.shape}, k = {k}"
        result = judge.call(name, top_k, _tensor(logits, single), k, shown=shown)

        right, mistakes = _largest(logits, k), _top_k_mistakes(logits, k)
        _judge_filter(name, result, logits, right, mistakes, shown)


def _largest(logits: np.ndarray, k: int, *, ties: bool = True) -> np.ndarray:
    """The k largest of each row, and with `ties` all that equal the last of them, otherwise none of these."""

    def cut(row: list[float]) -> list[float]:
        border = sorted(row, reverse=True)[min(k, len(row)) - 1] if k else math.inf
        return [x if x > border or (ties and x == border) else -math.inf for x in row]

    return _each_row(logits, cut)


def _top_k_mistakes(logits: np.ndarray, k: int) -> judge.Mistakes:
    everywhere = sorted(logits.ravel(), reverse=True)[min(k, logits.size) - 1]

    def least(row: list[float]) -> list[float]:
        return _only(row, _falling([-x for x in row])[:k])

    return [
        (_largest(logits, k + 1), "one token too many stays"),
        (_largest(logits, k - 1), "one token too few stays"),
        (_largest(logits, k, ties=False), "the k-th most probable token stays"),
        (_each_row(logits, lambda row: _only(row, _falling(row)[:k])), "all tokens that tie with the k-th stay"),
        (_each_row(logits, least), "the most probable tokens stay, not the least"),
        (_each_row(logits, lambda row: _only(row, range(k))), "the most probable tokens stay, not the first ones"),
        (np.where(logits >= everywhere, logits, -math.inf), "each distribution has its own k tokens"),
    ]


def _nucleus(row: Row, p: float) -> list[int]:
    """The fewest most probable tokens that reach p together; all possible ones, where p is 1."""
    probabilities, total, kept = _softmax(row), 0.0, []
    for i in _falling(row):
        if row[i] == -math.inf:
            break
        kept.append(i)
        total = math.fsum((total, probabilities[i]))
        if p < 1 and total >= p:
            break
    return kept


def _nuclei(logits: np.ndarray, p: float) -> np.ndarray:
    return _each_row(logits, lambda row: _only(row, _nucleus(row, p)))


def _nucleus_mistakes(logits: np.ndarray, p: float) -> judge.Mistakes:
    def short(row: list[float]) -> list[float]:
        kept, probabilities = _nucleus(row, p), _softmax(row)
        return _only(row, kept if sum(probabilities[i] for i in kept) <= p else kept[:-1])

    def longer(row: list[float]) -> list[float]:
        return _only(row, _falling(row)[: len(_nucleus(row, p)) + 1])

    def below(row: list[float]) -> list[float]:
        probabilities = _softmax(row)
        return [x if probabilities[i] >= 1 - p else -math.inf for i, x in enumerate(row)]

    def rising(row: list[float]) -> list[float]:
        kept, total, probabilities = [], 0.0, _softmax(row)
        for i in _falling(row)[::-1]:
            kept.append(i)
            total += probabilities[i]
            if total >= p:
                break
        return _only(row, kept)

    def in_turn(row: list[float]) -> list[float]:
        sums = np.cumsum(_softmax(row))
        return _only(row, range(int((sums >= p - 1e-12).argmax()) + 1))

    def by_place(row: list[float]) -> list[float]:
        """The mask of the sorted tokens laid on the unsorted ones."""
        return _only(row, range(len(_nucleus(row, p))))

    return [
        (_each_row(logits, short), "the token with which the sum reaches p stays, too"),
        (_each_row(logits, longer), "one token too many stays: without the last one the sum has reached p"),
        (_nuclei(logits, 1 - p), "the sum that counts is p, not 1 - p"),
        (_each_row(logits, rising), "begin with the most probable token"),
        (_each_row(logits, in_turn), "begin with the most probable token, not with token 0"),
        (_each_row(logits, by_place), "what is found for the sorted tokens has to be put back into their own places"),
        (_each_row(logits, below), "the probabilities are added up, not compared with p"),
    ]


def check_top_p(top_p: Any) -> None:
    __tracebackhide__ = True
    name = "top_p"
    rng = judge.rng(82)
    cases: list[tuple[np.ndarray, float, bool]] = []
    for shape, single in SHAPES:
        for p in (0.65, 0.3, 0.9, 0.05, 1.0):
            for _ in range(200):
                logits = _floats(rng.normal(size=shape) * 1.5, single)
                logits = _with_holes(rng, logits) if p in (0.3, 1.0) else logits
                rows = logits.reshape(-1, shape[-1])
                sums = [np.cumsum(sorted(_softmax(row), reverse=True)) for row in rows.tolist()]
                if p == 1 or min(np.abs(s - p).min() for s in sums) > 2e-3:
                    break
            cases.append((logits, p, single))
    big = np.full((2, 40), -math.inf)  # of forty, sixteen are equally probable and all others impossible
    for row in big:
        row[rng.permutation(40)[:16]] = 2.0
    cases += [
        (np.zeros((2, 4)), 0.5, True),
        (np.zeros(4), 0.6, False),
        (np.full((1, 8), -3.0), 0.25, False),
        (np.array([[1.0, 1.0, -math.inf, 1.0, 1.0]]), 0.75, True),
        (np.array([0.0, 1.0, 0.0, 1.0, 0.0]), 0.8, False),
        (np.array([0.0, 1.0, 0.0, 1.0, 0.0]), 0.8, True),
        (big, 0.5, True),
        (big, 0.625, False),
        (np.array([[1e4, 1e4 - 1, 9000.0, -1e4], [-1e4, -1e4 - 1, -math.inf, -1.1e4]]), 0.8, True),
        (np.array([[1e4, 1e4 - 1, 9000.0, -1e4], [-1e4, -1e4 - 1, -math.inf, -1.1e4]]), 0.7, False),
        (np.array([5.0, 20.0, -math.inf]), 1e-6, True),
        (np.log(np.array([0.9, 0.0993, 0.0005, 0.0002])), 0.9996, False),
        # p = 1: sums that rounding has brought to 1, or just not to it, before the last token.
        (np.array([[0.0, -12.0, -20.0, -30.0, -80.0, -math.inf]]), 1.0, True),
        (np.array([[0.0, -30.0, -50.0, -80.0, -math.inf]]), 1.0, False),
        (np.zeros(10), 1.0, False),
        (np.zeros((1, 10)), 1.0, True),
        (_floats(rng.normal(size=(2, 3000)), True), 1.0, True),
    ]
    for logits, p, single in cases:
        shown = f"logits of shape {logits.shape}, p = {p:g}"
        result = judge.call(name, top_p, _tensor(logits, single), p, shown=shown)
        right = _nuclei(logits, p)
        found = judge.array(name, result, logits.shape, what=f"the result for {shown}")
        if p == 1 and logits.shape[-1] > 5:
            kept = ~np.isneginf(found)
            told = f"{name}: p = 1 keeps every token that has a probability, also where rounding ends the sum early or late"
            assert not ((kept <= ~np.isneginf(right)).all() and (kept < ~np.isneginf(right)).any()), f"{told} ({shown})"
        _judge_filter(name, result, logits, right, _nucleus_mistakes(logits, p), shown)
    _check_nearly_all(name, top_p, rng)


def _check_nearly_all(name: str, top_p: Any, rng: np.random.Generator) -> None:
    """Just below 1, rounding decides how long the tail is; that the head stays, it does not."""
    __tracebackhide__ = True
    for size, single, p in (
        (3000, True, 0.9999999),
        (3000, False, 1 - 1e-15),
        (10, False, 1 - 2**-53),
        (10, True, 1 - 2**-24),
    ):
        logits = _floats(np.zeros(size) if size == 10 else rng.normal(size=size), single)
        shown = f"{size} logits, p = {p!r}"
        result = judge.call(name, top_p, _tensor(logits, single), p, shown=shown)
        found = judge.array(name, result, logits.shape, what=f"the result for {shown}")
        kept = ~np.isneginf(found)
        falling = _falling(logits.tolist())
        surely = set(_nucleus(logits.tolist(), p - (1e-4 if single else 1e-9)))
        told = f"{name}: where rounding keeps the sum below p, nothing is to be removed ({shown})"
        assert surely <= set(np.flatnonzero(kept).tolist()), told
        assert set(np.flatnonzero(kept).tolist()) == set(falling[: int(kept.sum())]), f"{name}: wrong tokens ({shown})"
        _judge_left(name, found, logits, kept, shown)


def check_min_p(min_p: Any) -> None:
    __tracebackhide__ = True
    name = "min_p"
    rng = judge.rng(83)
    cases: list[tuple[np.ndarray, float, bool]] = []
    for shape, single in SHAPES:
        for p in (0.4, 0.15, 0.02, 0.8):
            for _ in range(200):
                logits = _floats(rng.normal(size=shape) * 1.5, single)
                logits = _with_holes(rng, logits) if p == 0.15 else logits
                below = logits - logits.max(axis=-1, keepdims=True)
                if np.abs(below - math.log(p)).min() > 1e-3:
                    break
            cases.append((logits, p, single))
    cases += [
        (np.array([[1.0, 3.0, 3.0, -math.inf], [2.0, 2.0, 2.0, 2.0]]), 1.0, True),
        (np.array([0.5]), 1.0, False),
        (np.array([[1e4, 1e4 - 1, 9000.0, -1e4], [-1e4, -1e4 - 1, -math.inf, -1.1e4]]), 0.3, True),
        (np.array([[1e4, 1e4 - 1, 9000.0, -1e4], [-1e4, -1e4 - 1, -math.inf, -1.1e4]]), 0.5, False),
        (np.array([[0.0, -9.0, -9.4, -12.0]]), 1e-4, False),
        (_floats(rng.normal(size=(2, 2000)) * 0.01, True), 0.9, True),  # of 2000 tokens, each improbable
    ]
    for logits, p, single in cases:
        shown = f"logits of shape {logits.shape}, p = {p:g}"
        if logits.shape[-1] == 2000:  # none near the threshold
            below = logits - logits.max(axis=-1, keepdims=True)
            logits = np.where(np.abs(below - math.log(p)) < 1e-3, logits.min() - 1, logits)
            logits = _floats(logits, single)
        result = judge.call(name, min_p, _tensor(logits, single), p, shown=shown)
        relative = logits - logits.max(axis=-1, keepdims=True)
        right = np.where(relative >= math.log(p), logits, -math.inf)
        _judge_filter(name, result, logits, right, _min_p_mistakes(logits, p), shown)


def _min_p_mistakes(logits: np.ndarray, p: float) -> judge.Mistakes:
    log_p, relative = _log_softmax(logits), logits - logits.max(axis=-1, keepdims=True)
    threshold = math.log(p)
    by_logits = logits >= p * logits.max(axis=-1, keepdims=True)
    below = np.exp(log_p) >= np.exp(log_p).max(axis=-1, keepdims=True) - p
    kept = [
        (relative > threshold, "a token of exactly p times the largest stays"),
        (relative >= (math.log1p(-p) if p < 1 else -math.inf), "the threshold is p times the largest, not 1 - p"),
        (log_p >= threshold, "the threshold is p times the largest probability, not p"),
        (relative < threshold, "the improbable ones go, not the probable ones"),
        (log_p >= log_p.max() + threshold, "each distribution has its own largest probability"),
        (below, "the threshold is p times the largest probability, not p below it"),
        (by_logits, "the threshold is for probabilities, not for logits"),
        (relative == 0, "others than the most probable token stay, too"),
    ]
    return [(np.where(mask, logits, -math.inf), told) for mask, told in kept]


def check_constrain(constrain: Any) -> None:
    __tracebackhide__ = True
    name = "constrain"
    rng = judge.rng(84)
    for n, (shape, single) in enumerate([*SHAPES, ((2, 3), True), ((4,), False)]):
        logits = _floats(rng.normal(size=shape) * 3, single)
        logits = _with_holes(rng, logits) if n % 2 else logits
        logits = logits * 2000 if n >= len(SHAPES) else logits
        allowed = rng.random(shape) < (1 if n == 4 else 0.6)
        # At least one token of positive probability is allowed, in each row.
        np.put_along_axis(allowed, logits.argmax(axis=-1)[..., None], True, axis=-1)
        shown = f"logits of shape {shape}"
        result = judge.call(name, constrain, _tensor(logits, single), torch.from_numpy(allowed), shown=shown)
        right = np.where(allowed, logits, -math.inf)
        mistakes = [
            (np.where(allowed, -math.inf, logits), "what is allowed stays, the rest goes"),
            (logits, "nothing is removed"),
        ]
        _judge_filter(name, result, logits, right, mistakes, shown)
    holes = np.array([[0.5, -math.inf, -1e4, -math.inf]])
    nothing: list[tuple[np.ndarray, list[Any], str]] = [
        (np.array([0.0, 1.0, 2.0]), [False] * 3, "no token is allowed"),
        (np.array([[0.0, 1.0], [2.0, 3.0]]), [[True, True], [False, False]], "in one row no token is allowed"),
        (holes, [[False, True, False, True]], "the allowed tokens have probability 0"),
        (np.zeros((2, 2, 1)), [[[True], [True]], [[False], [True]]], "in one row no token is allowed"),
    ]
    for logits, mask, told in nothing:
        try:
            result = judge.call(name, constrain, _tensor(logits), torch.tensor(mask), shown=told)
        except AssertionError as error:
            if isinstance(error.__cause__, ValueError):
                continue
            if error.__cause__ is None:
                raise
            raised = type(error.__cause__).__name__
            raise AssertionError(f"{name}: {told}: that should raise a ValueError, not {raised}") from error
        raise AssertionError(f"{name}: {told}: that should raise a ValueError, found {judge.summary(result)}")
    # A very improbable token is still possible.
    result = judge.call(
        name, constrain, _tensor(holes), torch.tensor([[False, True, True, False]]), shown="a logit of -10000"
    )
    _judge_filter(
        name, result, holes, np.where([[False, False, True, False]], holes, -math.inf), [], "a logit of -10000"
    )


# -- drawing


def _choose(weights: Row, u: float) -> int:
    """The first value whose cumulative share exceeds u; if rounding leaves none, the last of positive weight."""
    total, gone = math.fsum(weights), 0.0
    for i, w in enumerate(weights):
        gone = math.fsum((gone, w))
        if gone > u * total:
            return i
    return max(i for i, w in enumerate(weights) if w > 0)


def _clear(rng: np.random.Generator, weights: Row, n: int, margin: float = 1e-4) -> np.ndarray:
    """Uniforms, none near a border between two values; single precision holds them."""
    borders = np.cumsum(weights) / math.fsum(weights)
    drawn: list[float] = []
    while len(drawn) < n:
        u = float(np.float32(rng.random()))
        if np.abs(borders - u).min() > margin or len(weights) == 1:
            drawn.append(u)
    return np.array(drawn)


def check_sample_token(sample_token: Any) -> None:
    __tracebackhide__ = True
    name = "sample_token"
    rng = judge.rng(85)
    cases: list[tuple[np.ndarray, np.ndarray, bool]] = []
    for n, (rows, size) in enumerate([(40, 5), (1, 6), (30, 3), (5, 1), (60, 12), (2, 2), (1, 1), (20, 8), (40, 1000)]):
        single = n % 2 == 0
        logits = _floats(rng.normal(size=(rows, size)) * 1.5, single)
        if n in (0, 2, 4, 7):
            logits = _with_holes(rng, logits)
        margin = 2e-5 if size == 1000 else 1e-4  # that many tokens leave no more room between two borders
        u = np.array([_clear(rng, _softmax(row), 1, margin)[0] for row in logits.tolist()])
        cases.append((logits, u, single))
    # A grid of uniforms: each token comes out as often as it should, and in the right cells.
    weights = [0.0, 0.3, 0.0, 0.45, 0.25, 0.0]
    with np.errstate(divide="ignore"):
        row = np.log(weights)
    grid = (np.arange(50) + 0.5) / 50 + 0.003
    cases.append((np.tile(row, (50, 1)), grid, False))
    cases.append((np.tile(row + 7, (50, 1)), grid, True))
    zero = np.array([[-math.inf, 0.0, 1.0], [0.0, -math.inf, 5.0]])
    cases += [
        (zero, np.zeros(2), True),
        (zero, np.zeros(2), False),
        (np.array([[1e4, 9999.0, -1e4], [-1e4, -9999.0, -math.inf]]), np.array([0.9, 0.1]), True),
        (np.array([[1e4, 9999.0, -1e4], [-1e4, -9999.0, -math.inf]]), np.array([0.5, 0.9]), False),
        # One quarter each, exactly: a uniform on the border belongs to the token after it.
        (np.zeros((3, 4)), np.array([0.25, 0.5, 0.75]), True),
        (np.zeros((3, 2)), np.array([0.5, 0.0, 0.499]), False),
    ]
    for logits, u, single in cases:
        shown = f"logits of shape {logits.shape}"
        result = judge.call(name, sample_token, _tensor(logits, single), _tensor(u, single), shown=shown)
        found = judge.integers(name, result, (len(u),), what=f"the result for {shown}")
        p = [_softmax(row) for row in logits.tolist()]
        right = [_choose(row, x) for row, x in zip(p, u.tolist(), strict=True)]
        if found.tolist() == right:
            continue
        assert ((found >= 0) & (found < logits.shape[1])).all(), (
            f"{name}: a token that does not exist was drawn ({shown})"
        )
        impossible = np.isneginf(logits[np.arange(len(u)), found])
        assert not impossible.any(), f"{name}: a token of probability 0 was drawn ({shown})"
        last = logits.shape[1] - 1
        by_rank = [
            _falling(row)[_choose(sorted(q, reverse=True), x)] for row, q, x in zip(logits.tolist(), p, u, strict=True)
        ]
        reached = [int((np.cumsum(q) >= x).argmax()) for q, x in zip(p, u, strict=True)]
        mistakes = [
            (
                [max(range(len(q)), key=q.__getitem__) for q in p],
                "it is always the most probable token; where is the uniform?",
            ),
            ([last - _choose(q[::-1], x) for q, x in zip(p, u, strict=True)], "the sum begins with token 0"),
            ([_choose(q, 1 - x) for q, x in zip(p, u, strict=True)], "a small uniform belongs to the first tokens"),
            (by_rank, "the tokens stay in their own order, and are not sorted"),
            (reached, "the sum has to exceed u, and to reach it is not enough"),
            ([_choose(p[0], x) for x in u], "each row has its own distribution"),
            ([_choose(q, u[0]) for q in p], "each row has its own uniform"),
        ]
        told: judge.Mistakes = [(value, f"{sentence} ({shown})") for value, sentence in mistakes]
        judge.compare(name, found.astype(float), right, told, f"not the first token whose sum exceeds u ({shown})")
    _check_last_resort(name, sample_token, rng)


def _check_last_resort(name: str, sample_token: Any, rng: np.random.Generator) -> None:
    """Uniforms that rounded sums do not exceed: somewhere at the end, and never an impossible token."""
    __tracebackhide__ = True
    ten = np.array([*np.zeros(10), -math.inf, -math.inf])
    large = np.array([*_floats(rng.normal(size=4000), True), *np.full(3, -math.inf)])
    for row, single in ((ten, False), (ten, True), (large, True), (large, False)):
        u = float(np.nextafter(np.float32(1), np.float32(0)) if single else np.nextafter(1.0, 0.0))
        shown = f"{len(row)} logits, u = {u!r}"
        result = judge.call(name, sample_token, _tensor(row[None], single), _tensor([u], single), shown=shown)
        found = int(judge.integers(name, result, (1,), what=f"the result for {shown}")[0])
        assert 0 <= found < len(row), f"{name}: a token that does not exist was drawn ({shown})"
        assert row[found] > -math.inf, f"{name}: a token of probability 0 was drawn ({shown})"
        after = math.fsum(_softmax(row.tolist())[found + 1 :])
        told = f"{name}: where rounding leaves no sum above u, it is the last token of positive probability ({shown})"
        assert after < (1e-3 if single else 1e-9), told


def check_accept_or_resample(accept_or_resample: Any) -> None:
    __tracebackhide__ = True
    name = "accept_or_resample"
    rng = judge.rng(86)
    cases: list[tuple[np.ndarray, np.ndarray, int, float, float, bool]] = []
    for n, size in enumerate([4, 3, 2, 6, 5, 8]):
        single = n % 2 == 1
        for _ in range(500):
            p, q = (rng.dirichlet(np.ones(size)) for _ in range(2))
            if n in (0, 3):
                p[rng.integers(size)] = 0
            if n in (4, 5):
                q[rng.integers(size)] = 0
            p, q = _floats(p / p.sum(), single), _floats(q / q.sum(), single)
            left = np.maximum(p - q, 0)
            # Both kinds of token there, and several to draw from where there is room.
            if left.sum() > 0.2 and (size < 4 or (left > 0.05).sum() >= 2) and (p < q - 0.05).any():
                break
        for token in np.flatnonzero(q > 0.02).tolist():
            ratio = p[token] / q[token]
            around = [u for u in (0.0, 0.5 * ratio, 0.98 * ratio, ratio + 0.01, (ratio + 1) / 2, 0.9999) if u < 1]
            around = [u for u in around if abs(u - ratio) > 1e-4 or ratio == 0]
            for u_accept in around:
                for u_resample in [*_clear(rng, left.tolist(), 4), 0.0]:
                    cases.append((p, q, token, float(u_accept), float(u_resample), single))
    half, quarter = np.array([0.25, 0.75]), np.array([0.5, 0.5])
    same = rng.dirichlet(np.ones(4))
    cases += [
        (half, quarter, 0, 0.5, 0.3, False),  # exactly p / q: not below it
        (half, quarter, 1, 0.9999, 0.3, True),
        (np.array([0.0, 1.0]), np.array([1.0, 0.0]), 0, 0.0, 0.5, False),
        (np.array([0.0, 0.0, 1.0]), np.array([0.5, 0.5, 0.0]), 1, 0.0, 0.0, True),
        *((same, same, k, 0.999, u, False) for k, u in itertools.product(range(4), (0.1, 0.9))),
        (np.array([1.0]), np.array([1.0]), 0, 0.999, 0.5, True),
        # Ten tokens equally wanted: their shares add up to a little less than 1, and the last two are not wanted at all.
        (np.array([*np.full(10, 0.1), 0.0, 0.0]), np.array([*np.zeros(10), 0.5, 0.5]), 11, 0.3, 1 - 2.0**-53, False),
    ]
    shown = [
        f"{len(p)} tokens, p[token] = {p[token]:.4g}, q[token] = {q[token]:.4g}, u_accept = {u:.4g}, u_resample = {v:.4g}"
        for p, q, token, u, v, _ in cases
    ]
    given = [[_tensor(p, single), _tensor(q, single), token, u, v] for p, q, token, u, v, single in cases]
    results = judge.calls(name, accept_or_resample, given, shown)
    rules: list[tuple[Callable[..., int], str]] = [
        (lambda p, q, t, u, v: _speculate(p, q, t, u, u), "u_accept has been used up; the other token is drawn with u_resample"),
        (lambda p, q, t, u, v: _speculate(p, q, t, v, v), "whether the token stays is decided by u_accept"),
        (lambda p, q, t, u, v: _speculate(p, q, t, v, u), "the two uniforms have changed places"),
        (lambda p, q, t, u, v: _speculate(p, q, t, u, v, lambda a, b: a), "the other token is drawn from max(p - q, 0), not from p"),
        (lambda p, q, t, u, v: _speculate(p, q, t, u, v, lambda a, b: b), "the other token is drawn from max(p - q, 0), not from q"),
        (lambda p, q, t, u, v: _speculate(p, q, t, u, v, lambda a, b: np.abs(a - b)), "where p is below q, nothing is left to draw"),
        (lambda p, q, t, u, v: _speculate(p, q, t, u, v, lambda a, b: np.maximum(b - a, 0)), "what is missing is p - q, not q - p"),
        (lambda p, q, t, u, v: _speculate(p, q, t, u, v, lambda a, b: np.where(np.arange(len(a)) == t, 0, a)), "the other token is drawn from max(p - q, 0)"),
        (lambda p, q, t, u, v: t if u * p[t] < q[t] else _choose(np.maximum(p - q, 0).tolist(), v), "the token stays where u_accept is below p / q, not q / p"),
        (lambda p, q, t, u, v: t if u < p[t] else _choose(np.maximum(p - q, 0).tolist(), v), "the token stays with probability p / q, not p"),
        (lambda p, q, t, u, v: t if u <= p[t] / q[t] else _choose(np.maximum(p - q, 0).tolist(), v), "the token stays where u_accept is below p / q, and to be equal is not enough"),
        (lambda p, q, t, u, v: _choose(p.tolist(), v), "the drafted token is not looked at"),
        (lambda p, q, t, u, v: t, "the drafted token always stays"),
        (lambda p, q, t, u, v: t if p[t] >= q[t] else _choose(np.maximum(p - q, 0).tolist(), v), "where p is below q, the token stays sometimes"),
    ]  # fmt: skip
    found = []
    for (p, *_), words, result in zip(cases, shown, results, strict=True):
        token = int(judge.integers(name, judge.number(name, result, f"the result for {words}"), ())[()])
        assert 0 <= token < len(p), f"{name}: a token that does not exist was returned ({words})"
        found.append(token)
    right = [_speculate(*case[:5]) for case in cases]
    if found == right:
        return
    worst = next(n for n, (a, b) in enumerate(zip(found, right, strict=True)) if a != b)
    p = cases[worst][0]
    for rule, told in rules:
        assert found != [_safely(rule, *case[:5]) for case in cases], f"{name}: {told} ({shown[worst]})"
    assert p[found[worst]] > 0, f"{name}: a token that the target never says was returned ({shown[worst]})"
    kept = found[worst] == cases[worst][2]
    told = "the drafted token stays, though it should not" if kept else "not the right token"
    if not kept and right[worst] == cases[worst][2]:
        told = "the drafted token should stay"
    raise AssertionError(f"{name}: {told} ({shown[worst]})")


def _speculate(
    p: np.ndarray,
    q: np.ndarray,
    token: int,
    u: float,
    v: float,
    left: Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda p, q: np.maximum(p - q, 0),
) -> int:
    return token if u < p[token] / q[token] else _choose(left(p, q).tolist(), v)


def _safely(rule: Callable[..., int], *case: Any) -> int:
    """What a mistake makes of a case; -1 where it comes to nothing."""
    try:
        return rule(*case)
    except ValueError:
        return -1


# -- watermarks


def check_watermarked_token(watermarked_token: Any) -> None:
    __tracebackhide__ = True
    name = "watermarked_token"
    rng = judge.rng(87)
    cases: list[tuple[np.ndarray, np.ndarray, bool]] = []

    def race(logits: np.ndarray, u: np.ndarray) -> np.ndarray:
        p = np.array(_softmax(logits.tolist()))
        with np.errstate(divide="ignore"):
            return np.asarray(np.where(p > 0, np.log(u) / p, -math.inf))

    for n in range(60):
        single = n % 2 == 1
        size = [5, 3, 2, 8, 12, 1, 40][n % 7]
        for _ in range(500):
            logits = _floats(rng.normal(size=size) * [0.5, 1.5, 2.5][n % 3], single)
            logits = _with_holes(rng, logits) if n % 4 == 3 else logits
            u = _floats(np.clip(rng.random(size), 1e-6, 1 - 1e-6), single)
            first, second = np.sort(race(logits, u))[::-1][:2] if size > 1 else (0.0, -1.0)
            if first - second > 1e-3 * abs(first) + 1e-5:
                break
        cases.append((logits, u, single))
    # A grid over two uniforms: of 12 x 12 cells, as many for token 0 as its probability says.
    cells = (np.arange(12) + 0.5) / 12
    cases += [(np.log([0.8, 0.2]), np.array([a, b]), False) for a, b in itertools.product(cells, cells + 0.01)]
    cases += [
        (np.array([1e4, 9998.0, -1e4, -math.inf]), np.array([0.4, 0.9, 0.999, 0.9999]), True),
        (np.array([-9999.0, -1e4, -math.inf]), np.array([0.2, 0.95, 0.999999]), False),
        (np.array([0.0, -math.inf, -math.inf]), np.array([1e-6, 0.5, 0.999999]), True),
        (np.array([0.0, -100.0]), np.array([1e-5, 0.99999]), True),
        (np.log(np.full(2000, 1 / 2000)), np.linspace(0.05, 0.6, 2000)[rng.permutation(2000)], False),
        (np.array([0.0, -math.inf]), np.array([1e-5, 1 - 1e-12]), False),
    ]
    cases = [c for c in cases if len(c[0]) == 1 or np.diff(np.sort(race(c[0], c[1]))[-2:])[0] > 1e-6]
    shown = [f"{len(logits)} tokens, probabilities {np.round(_softmax(logits.tolist()), 3).tolist()[:6]}, uniforms {np.round(u, 3).tolist()[:6]}" for logits, u, _ in cases]  # fmt: skip
    results = judge.calls(name, watermarked_token, [[_tensor(a, s), _tensor(u, s)] for a, u, s in cases], shown)
    found = []
    for (logits, _, _), words, result in zip(cases, shown, results, strict=True):
        token = int(judge.integers(name, judge.number(name, result, f"the result for {words}"), ())[()])
        assert 0 <= token < len(logits), f"{name}: a token that does not exist was returned ({words})"
        found.append(token)
    right = [int(race(logits, u).argmax()) for logits, u, _ in cases]
    if found == right:
        return

    def chosen(rule: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> list[int]:
        with np.errstate(all="ignore"):
            return [
                int(np.nan_to_num(rule(np.array(_softmax(a.tolist())), u), nan=-math.inf).argmax()) for a, u, _ in cases
            ]

    worst = next(n for n, (a, b) in enumerate(zip(found, right, strict=True)) if a != b)
    mistakes: list[tuple[Callable[[np.ndarray, np.ndarray], np.ndarray], str]] = [
        (lambda p, u: p, "the uniforms have no effect"),
        (lambda p, u: u, "the probabilities have no effect"),
        (lambda p, u: p * u, "the product of p and u does not keep the probabilities"),
        (lambda p, u: u / p, "where is the logarithm?"),
        (lambda p, u: u**p, "the logarithm is divided by p, not multiplied"),
        (lambda p, u: np.where(p > 0, -np.log(u) / p, -math.inf), "it is the largest of log(u) / p, not the smallest"),
        (lambda p, u: np.log(p) + u, "a uniform is no Gumbel noise; where is the logarithm of u?"),
        (lambda p, u: np.where(p > 0, np.log1p(-u) / p, -math.inf), "it is log(u), not log(1 - u)"),
    ]
    for rule, told in mistakes:
        assert found != chosen(rule), f"{name}: {told} ({shown[worst]})"
    assert cases[worst][0][found[worst]] > -math.inf, f"{name}: a token of probability 0 was chosen ({shown[worst]})"
    raise AssertionError(f"{name}: not the token whose log(u) / p is largest ({shown[worst]})")


def keyed_uniforms(key: int, previous: Sequence[int], n_tokens: int) -> list[float]:
    """The uniforms of `lib.keyed.keyed_uniforms` for one context, computed from its description."""
    bits = hashlib.shake_256(f"{key}:{','.join(str(int(t)) for t in previous)}".encode()).digest(8 * n_tokens)
    return [((int.from_bytes(bits[8 * i : 8 * i + 8], "little") >> 12) + 0.5) * 2.0**-52 for i in range(n_tokens)]


def _watermark(tokens: list[int], key: int, n_tokens: int, positions: range, first: int, last: int = 0) -> np.ndarray:
    """The uniforms of the tokens at some positions, for contexts from `first` positions before it up to `last` before it."""
    spans = [tokens[max(t - first, 0) : t - last] for t in positions]
    return np.array([keyed_uniforms(key, s, n_tokens)[tokens[t]] for s, t in zip(spans, positions, strict=True)])


def _watermark_mistakes(tokens: list[int], key: int, n_tokens: int, width: int, u: np.ndarray) -> judge.Mistakes:
    length = len(tokens)
    after, late = range(width, length), range(width + 1, length)

    def mean(positions: range, first: int, last: int = 0) -> float:
        scored = _watermark(tokens, key, n_tokens, positions, first, last)
        return float(-np.log1p(-scored).mean()) if positions else math.inf

    backwards = [keyed_uniforms(key, tokens[t - width : t][::-1], n_tokens)[tokens[t]] for t in after]
    return [
        (float(np.log1p(-u).mean()), "the sign: text of this key should score more than other text"),
        (float(-np.log(u).mean()), "it is log(1 - u), which is far from 0 where u is large"),
        (float(-np.log1p(-u).sum()), "the mean is asked for, not the sum"),
        (float(-np.log1p(-u).sum() / length), "the mean over the positions that are scored, not over all"),
        (float(u.mean()), "the mean of -log(1 - u), not of u"),
        (mean(range(length), width), "the first `width` positions are not scored"),
        (mean(after, width - 1, -1), "the context ends before the token itself"),
        (float(-np.log1p(-np.array(backwards)).mean()), "the context is given in the order of the text"),
        (mean(after, 1), "the context is `width` tokens"),
        (mean(after, length), "the context is `width` tokens, not all"),
        (mean(late, width), "the first position that is scored is number `width`"),
        (float(-np.log2(1 - u).mean()), "the natural logarithm is asked for"),
    ]


def check_watermark_score(watermark_score: Any) -> None:
    __tracebackhide__ = True
    name = "watermark_score"
    rng = judge.rng(88)
    for length, n_tokens, width in ((12, 5, 2), (2, 3, 1), (40, 27, 4), (5, 2, 4), (30, 2, 3), (9, 1, 2), (60, 100, 1)):
        tokens = rng.integers(0, n_tokens, size=length).tolist()
        key = int(rng.integers(1, 10 ** (6 if length % 2 else 15)))
        shown = f"{length} tokens of {n_tokens}, width {width}"
        result = judge.call(name, watermark_score, torch.tensor(tokens), key, n_tokens, width, shown=shown)
        found = judge.number(name, result, f"the result for {shown}")

        u = _watermark(tokens, key, n_tokens, range(width, length), width)
        right = float(-np.log1p(-u).mean())
        if judge.near(np.array(found), np.array(right)):
            continue
        mistakes = _watermark_mistakes(tokens, key, n_tokens, width, u)
        told: judge.Mistakes = [(value, f"{sentence} ({shown})") for value, sentence in mistakes]
        judge.compare(name, np.array(found), right, told, f"wrong for {shown}")


# -- beam search


class _Toy:
    """A language in which every prefix has its own distribution, drawn from `seed`; it refuses what should not be asked.

    Called with what stands so far, it returns the log-probabilities of the next token, as a tensor (K,).
    """

    def __init__(self, seed: int, size: int, start: list[int], length: int, end: int, holes: float = 0.0):
        self.seed, self.size, self.start, self.length, self.end, self.holes = seed, size, start, length, end, holes
        self.asked: list[tuple[int, ...]] = []

    def log_probs(self, generated: Sequence[int]) -> list[float]:
        rng = np.random.default_rng([self.seed, len(generated), *generated])
        logits = rng.normal(size=self.size) * 1.3
        logits[rng.random(self.size) < self.holes] = -math.inf
        logits[rng.integers(self.size)] = 1.0
        return [float(x) for x in _log_softmax(logits)]

    def __call__(self, tokens: Any) -> torch.Tensor:
        given = [int(t) for t in np.asarray(judge._plain(tokens)).reshape(-1)]
        n = len(self.start)
        if given[:n] != self.start:
            raise ValueError("step was not given the tokens of start, and then those generated so far")
        generated = given[n:]
        if len(generated) >= self.length:
            raise ValueError(f"step was asked for more than {self.length} generated tokens")
        if self.end in generated:
            raise ValueError("step was asked to continue a sequence that has ended")
        if any(not 0 <= t < self.size for t in generated):
            raise ValueError("step was given a token that does not exist")
        self.asked.append(tuple(generated))
        return torch.tensor(self.log_probs(generated), dtype=torch.float64)

    def __deepcopy__(self, memo: Any) -> _Toy:
        return self  # what it has been asked is to be seen afterwards


Found = tuple[list[int], float]


def _beam(toy: _Toy, width: int, alpha: float, variant: str = "") -> tuple[Found, float]:
    """The search by its stated rules, and by how much the nearest decision was clear. `variant` makes a mistake of it."""
    prompt = len(toy.start)

    def n(tokens: tuple[int, ...]) -> int:
        return (
            len(tokens)
            + (prompt if variant == "prompt counted" else 0)
            - (variant == "end not counted" and tokens[-1] == toy.end)
        )

    def ended(tokens: tuple[int, ...]) -> bool:
        return len(tokens) == toy.length or tokens[-1:] == (toy.end,)

    def score(hypothesis: tuple[tuple[int, ...], float]) -> float:
        tokens, log_p = hypothesis
        if variant == "no normalisation":
            return log_p
        return log_p / max(n(tokens), 1) ** alpha

    beam: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    finished: list[tuple[tuple[int, ...], float]] = []
    clear = math.inf
    while not all(ended(tokens) for tokens, _ in beam):
        candidates = []
        for tokens, log_p in beam:
            if ended(tokens):
                candidates.append((tokens, log_p))
                continue
            for token, x in enumerate(toy.log_probs(tokens)):
                if x > -math.inf:
                    total = x if variant == "last step only" else log_p + x
                    candidates.append(((*tokens, token), total))
        ranked = sorted(candidates, key=(lambda h: h[1]) if variant == "ranked by log p" else score, reverse=True)
        if len(ranked) > width:
            clear = min(clear, abs(score(ranked[width - 1]) - score(ranked[width])))
        beam = ranked[:width]
        if variant == "finished ones dropped":
            finished += [h for h in beam if ended(h[0])]
            beam = [h for h in beam if not ended(h[0])]
            if not beam:
                break
        if variant == "finished ones aside":
            finished += [h for h in ranked if ended(h[0]) and h not in finished]
            beam = [h for h in ranked if not ended(h[0])][:width]
            if not beam:
                break
        if variant == "first to finish" and ended(beam[0][0]):
            beam = beam[:1]
            break
    if variant == "finished ones dropped" and beam:
        finished = beam
    beam = finished if variant in ("finished ones aside", "finished ones dropped") and finished else beam
    ranked = sorted(beam, key=(lambda h: h[1]) if variant == "best by log p" else score, reverse=True)
    if len(ranked) > 1:
        clear = min(clear, score(ranked[0]) - score(ranked[1]))
    return (list(ranked[0][0]), score(ranked[0])), clear


def _exhaustive(toy: _Toy, alpha: float) -> tuple[Found, float]:
    """The best of all sequences there are, and by how much."""
    scores: list[tuple[float, list[int]]] = []
    waiting: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    while waiting:
        tokens, log_p = waiting.pop()
        if tokens and (len(tokens) == toy.length or tokens[-1] == toy.end):
            scores.append((log_p / len(tokens) ** alpha, list(tokens)))
            continue
        waiting += [((*tokens, k), log_p + x) for k, x in enumerate(toy.log_probs(tokens)) if x > -math.inf]
    scores.sort(reverse=True)
    clear = scores[0][0] - scores[1][0] if len(scores) > 1 else math.inf
    return (scores[0][1], scores[0][0]), clear


_BEAM_MISTAKES = {
    "prompt counted": "the length counts generated tokens, not those of start",
    "no normalisation": "the score is divided by the length to the power of alpha",
    "ranked by log p": "which hypotheses stay is decided by score, too",
    "finished ones dropped": "a finished sequence waits among the candidates; it is not forgotten",
    "finished ones aside": "finished sequences take up places in the beam, too",
    "first to finish": "that one sequence has finished does not end the search",
    "best by log p": "at the end the best by score is asked for",
    "end not counted": "the token `end` counts, too",
    "last step only": "log-probabilities add up along the sequence",
}


def check_beam_search(beam_search: Any) -> None:
    __tracebackhide__ = True
    name = "beam_search"
    rng = judge.rng(89)
    cases: list[Case] = []

    def toy(size: int, start: list[int], length: int, end: int, holes: float = 0.0) -> _Toy:
        return _Toy(int(rng.integers(2**31)), size, start, length, end, holes)

    def clear_one(
        make: Callable[[], tuple[_Toy, int, float]], wanted: Callable[[_Toy, int, float, Found], bool]
    ) -> None:
        for _ in range(3000):
            case = make()
            found, margin = _beam(*case)
            if margin > 1e-3 and wanted(*case, found):
                cases.append(case)
                return

    def any_of(*options: Any) -> Any:
        return options[int(rng.integers(len(options)))]

    def where_it_matters(variant: str, start: list[int]) -> None:
        clear_one(
            lambda: (toy(4, start, 4, 0), any_of(2, 3), any_of(0.7, 1.0)),
            lambda t, w, a, found: _beam(t, w, a, variant)[0][0] != found[0],
        )

    for variant, start in itertools.product(_BEAM_MISTAKES, ([0, 2], [3])):
        where_it_matters(variant, [1, *start])
    # The beam misses what an exhaustive search finds; and a beam that is wide enough does not.
    clear_one(lambda: (toy(3, [1], 4, 0), 2, 0.0), lambda t, w, a, found: _exhaustive(t, a)[0][0] != found[0])
    clear_one(lambda: (toy(3, [2], 4, 2), 60, 1.0), lambda t, w, a, found: _exhaustive(t, a)[1] > 1e-3)
    # The edges: greedy; one step; nothing before; one token; impossible tokens; an end that cannot come, or that stands in start.
    clear_one(lambda: (toy(5, [4], 5, 0), 1, 0.6), lambda t, w, a, found: len(found[0]) > 2)
    clear_one(lambda: (toy(4, [3, 1], 1, 0), 2, 1.0), lambda t, w, a, found: True)
    clear_one(lambda: (toy(4, [], 4, 0), 2, 0.8), lambda t, w, a, found: len(found[0]) > 1)
    clear_one(lambda: (toy(1, [0], 3, 5), 2, 1.0), lambda t, w, a, found: True)
    clear_one(lambda: (toy(3, [1], 5, 7), 2, 0.5), lambda t, w, a, found: len(found[0]) == 5)
    clear_one(lambda: (toy(5, [2], 4, 0, 0.5), 3, 1.0), lambda t, w, a, found: len(found[0]) > 1)
    clear_one(lambda: (toy(4, [0], 4, 0), 3, 1.0), lambda t, w, a, found: len(found[0]) > 2)
    clear_one(lambda: (toy(4, [1, 0, 0], 4, 0), 2, 0.3), lambda t, w, a, found: len(found[0]) == 2)
    clear_one(lambda: (toy(3, [1], 4, 0), 9, 2.0), lambda t, w, a, found: len(found[0]) > 1)
    clear_one(lambda: (toy(20, [1], 3, 0), 4, 1.0), lambda t, w, a, found: True)
    shown = [
        f"start {t.start}, width {width}, length {t.length}, end {t.end}, alpha {alpha:g}" for t, width, alpha in cases
    ]
    given = [[t, list(t.start), width, t.length, t.end, alpha] for t, width, alpha in cases]
    results = judge.calls(name, beam_search, given, [f"step, {words}" for words in shown])
    found: list[list[int]] = []
    scores: list[float] = []
    for words, result in zip(shown, results, strict=True):
        tokens, score = judge.sequence(name, result, 2, what="the result (tokens, score)")
        listed = judge.integers(name, tokens, what="the tokens")
        assert listed.ndim == 1, f"{name}: the tokens should be a list, found {judge.summary(tokens)} ({words})"
        found.append(listed.tolist())
        scores.append(judge.number(name, score, "the score"))
    right = [_beam(*case)[0] for case in cases]
    if found != [tokens for tokens, _ in right]:
        _explain_beam(name, cases, found, right, shown)
    _judge_scores(name, cases, scores, right, shown)
    for (t, width, _), words in zip(cases, shown, strict=True):
        asked = len(set(t.asked))
        told = f"{name}: step was asked about {asked} prefixes; a beam of {width} continues at most {width} at a step"
        assert asked <= 1 + width * (t.length - 1), f"{told} ({words})"


Case = tuple[_Toy, int, float]


def _explain_beam(name: str, cases: list[Case], found: list[list[int]], right: list[Found], shown: list[str]) -> None:
    """Raise the sentence of the mistake that explains every sequence found."""
    __tracebackhide__ = True
    rules: list[tuple[Callable[[_Toy, int, float], list[int]], str]] = [
        (lambda t, w, a: t.start + _beam(t, w, a)[0][0], "the tokens of start are not returned"),
        (lambda t, w, a: [k for k in _beam(t, w, a)[0][0] if k != t.end], "`end` is returned, too"),
        (lambda t, w, a: _beam(t, 1, a)[0][0], "that is what greedy search finds; keep `width` hypotheses"),
        (lambda t, w, a: _beam(t, w + 1, a)[0][0], "one hypothesis too many is kept"),
        (lambda t, w, a: _beam(t, 2 * w, a)[0][0], "more than `width` hypotheses are kept"),
    ]
    worst = next(n for n, (tokens, (best, _)) in enumerate(zip(found, right, strict=True)) if tokens != best)
    for rule, told in rules:
        assert found != [rule(*case) for case in cases], f"{name}: {told} ({shown[worst]})"
    for variant, told in _BEAM_MISTAKES.items():
        alike = all(tokens == _beam(*case, variant)[0][0] for tokens, case in zip(found, cases, strict=True))
        assert not alike, f"{name}: {told} ({shown[worst]})"
    toy, width, alpha = cases[worst]
    if toy.size**toy.length < 1000 and width > 1:
        best = f"{name}: that is the best of all sequences, and a beam of this width does not come across it"
        assert found[worst] != _exhaustive(toy, alpha)[0][0], f"{best} ({shown[worst]})"
    raise AssertionError(f"{name}: not the sequence that the rules lead to ({shown[worst]})")


def _judge_scores(name: str, cases: list[Case], scores: list[float], right: list[Found], shown: list[str]) -> None:
    """The scores of the right sequences."""
    __tracebackhide__ = True
    best = [score for _, score in right]
    summed = [score * len(tokens) ** alpha for (tokens, score), (_, _, alpha) in zip(right, cases, strict=True)]
    longer = [
        log_p / (len(tokens) + len(t.start)) ** alpha
        for log_p, (tokens, _), (t, _, alpha) in zip(summed, right, cases, strict=True)
    ]
    shorter = [
        log_p / max(len(tokens) - (tokens[-1] == t.end), 1) ** alpha
        for log_p, (tokens, _), (t, _, alpha) in zip(summed, right, cases, strict=True)
    ]
    mistakes = [
        (summed, "the score is log p divided by the length to the power of alpha"),
        (longer, "the length counts generated tokens, not those of start"),
        ([-x for x in best], "the score is a log-probability, and not positive"),
        ([math.exp(x) for x in summed], "the score is a log-probability, not a probability"),
        (shorter, "the length counts every generated token, `end` too"),
    ]
    worst = next(
        (n for n, (a, b) in enumerate(zip(scores, best, strict=True)) if not judge.near(np.array(a), np.array(b))), 0
    )
    told: judge.Mistakes = [(value, f"{sentence} ({shown[worst]})") for value, sentence in mistakes]
    complaint = f"the tokens are right, their score is not ({shown[worst]})"
    judge.compare(name, np.array(scores), best, told, complaint)


# -- the drill


def check_found_wrong(
    wrong_A: Any,
    wrong_B: Any,
    wrong_C: Any,
    wrong_D: Any,
    wrong_E: Any,
    wrong_F: Any,
    wrong_G: Any,
    gives_H: Any,
    gives_I: Any,
    differs_J: Any,
) -> None:
    __tracebackhide__ = True
    answers = {"wrong_A": wrong_A, "wrong_B": wrong_B, "wrong_C": wrong_C, "wrong_D": wrong_D, "wrong_E": wrong_E}
    answers |= {"wrong_F": wrong_F, "wrong_G": wrong_G, "differs_J": differs_J}
    for name, right in DRILL_WRONG.items():
        found = _tokens(name, typed(answers[name], name))
        if found == right:
            continue
        # Not a word on how many there are: for a sound one that would be the answer.
        listed = "prompt length" if name == "differs_J" else "token"
        told = f"lists a {listed} at which nothing is wrong" if found - right else f"misses a {listed}"
        raise AssertionError(f"{name}: {told}; run it, and compare with what it should give")
    for name, probabilities in DRILL_GIVES.items():
        answer = typed({"gives_H": gives_H, "gives_I": gives_I}[name], name)
        told = f"{name} should be a list of three probabilities, such as [0.2, 0.5, 0.3]"
        assert isinstance(answer, (list, tuple, np.ndarray, torch.Tensor)) and len(answer) == 3, told
        values = judge.array(name, answer, (3,), what="the answer")
        assert (values >= 0).all() and abs(values.sum() - 1) < 0.03, f"{name}: three probabilities should sum to 1"
        near = np.abs(values - probabilities).max() <= GIVES_WITHIN + 1e-9
        assert near, f"{name}: not the probabilities of what comes out; average over a grid of uniforms"


def check_repaired_F(repaired_F: Any) -> None:
    __tracebackhide__ = True
    name = "repaired_F"
    rng = judge.rng(90)
    cases: list[tuple[np.ndarray, np.ndarray, float, bool]] = []
    for n, (batch, size, length) in enumerate(
        [(1, 6, 4), (3, 5, 7), (2, 4, 1), (1, 1, 2), (4, 8, 3), (2, 3, 0), (1, 30, 50)]
    ):
        logits = _floats(rng.normal(size=(batch, size)) * 2, n % 2 == 0)
        logits = _with_holes(rng, logits) if n in (1, 4) else logits
        tokens = rng.integers(0, size, size=(batch, length))
        cases.append((logits, tokens, [1.5, 1.2, 3.0, 1.3, 0.5, 1.5, 1.1][n], n % 2 == 0))
    cases += [
        (np.array([[-1.0, 2.0, -2.0, 1.5, 0.5, 0.25]]), np.array([[3, 0, 4, 0]]), 1.5, False),
        (np.array([[0.0, 0.0, -math.inf, 1e4, -1e4]]), np.array([[0, 2, 3, 4, 3]]), 2.0, True),
        (np.array([[2.0, -2.0], [2.0, -2.0]]), np.array([[0, 0], [1, 1]]), 4.0, True),
        (np.array([[1.0, -1.0, 3.0]]), np.array([[0, 1]]), 1.0, False),
        (rng.normal(size=(1, 5)), np.array([[3, 1] + 300 * [0]]), 1.5, False),
    ]
    for logits, tokens, penalty, single in cases:
        shown = f"logits of shape {logits.shape}, tokens of shape {tokens.shape}, penalty {penalty:g}"
        result = judge.call(name, repaired_F, _tensor(logits, single), torch.from_numpy(tokens), penalty, shown=shown)
        found = judge.array(name, result, logits.shape, what=f"the result for {shown}")

        right, mistakes = _penalised(logits, tokens.tolist(), penalty), _penalty_mistakes(logits, tokens, penalty)
        told = [(value, f"{sentence} ({shown})") for value, sentence in mistakes if not np.isnan(value).any()]
        judge.compare(name, found, right, told, f"wrong logits ({shown})")


def _penalised(
    logits: np.ndarray, rows: list[list[int]], penalty: float, rule: str = "sign", *, again: bool = False
) -> np.ndarray:
    """Every token of a row once, or `again` for each time it has been said; `rule` makes likely mistakes of it."""
    out = logits.copy()
    for b, row in enumerate(rows):
        for token in row if again else set(row):
            x = out[b, token]
            divided = {"sign": x > 0, "reversed": x <= 0, "divide": True, "multiply": False}[rule]
            out[b, token] = x / penalty if divided else x * penalty
    return out


def _penalty_mistakes(logits: np.ndarray, tokens: np.ndarray, penalty: float) -> judge.Mistakes:
    rows = tokens.tolist()
    size = logits.shape[1]
    together = [tokens.ravel().tolist()] * len(rows)
    divided = "a negative logit is still divided, which makes the token more probable"
    lower = np.where([[i in row for i in range(size)] for row in rows], logits - math.log(penalty), logits)
    return [
        (_penalised(logits, rows, penalty, "divide"), divided),
        (_penalised(logits, rows, penalty, "divide", again=True), divided),
        (_penalised(logits, rows, penalty, again=True), "a token counts once, however often it has been said"),
        (_penalised(logits, together, penalty), "each row has its own text"),
        (_penalised(logits, rows, penalty, "reversed"), "what has been said should become less probable, not more"),
        (_penalised(logits, rows, penalty, "multiply"), "a positive logit should become smaller"),
        (lower, "the logit is divided or multiplied by the penalty, nothing is subtracted"),
        (_penalised(logits, [list(range(size))] * len(rows), penalty), "only what has been said is penalised"),
        (logits, "the penalty has no effect"),
    ]
