"""Hidden tests of lesson 02: negative log-likelihood."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np

from autograder.checks import judge
from lib.byhand import puzzle

LN2 = math.log(2)
LARGE = 3e-3  # Next to numbers of size 10 000, float32 has steps of 0.001.
# The drill: what the predictions for four tokens look at and should not, as (output, input).
DRILL_LEAKS = {
    "leaks_A": {(0, 0), (1, 1), (2, 2), (3, 3)},
    "leaks_B": {(0, 3)},
    "leaks_C": {(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)},
    "leaks_D": set(),
}


def check_nll(nll: Any) -> None:
    __tracebackhide__ = True
    rng = judge.rng(20)
    given: list[Any] = []
    for n in (1, 2, 4, 9, 60):
        p = rng.uniform(0.02, 1.0, size=n)
        given += [p.tolist(), tuple(p.tolist()), p, p.astype(np.float32)]
    results = judge.calls("nll", nll, [[p] for p in given], [f"{len(p)} conditionals" for p in given])
    for p, result in zip(given, results, strict=True):
        n, total = len(p), math.fsum(-math.log(v) for v in p)
        mistakes = [
            (-total, "the sign is wrong: the negative log of a probability is positive"),
            (total / LN2, "the unit should be nats: use the natural logarithm"),
            (total / math.log(10), "the unit should be nats: use the natural logarithm"),
            (total / n, "the negative logs should be summed, not averaged"),
            (math.exp(-total), "that is the probability of the sequence, not its negative logarithm"),
        ]
        complaint = f"the value is wrong for a sequence of length {n}"
        _number("nll", judge.number("nll", result), total, mistakes, complaint)
    found = judge.number("nll", judge.call("nll", nll, [0.1] * 2000, shown="2000 times 0.1"))
    assert found < 1e9, "nll: not finite for 2000 times 0.1; take logarithms before anything underflows"
    judge.close("nll", found, 2000 * math.log(10), "the value is wrong for 2000 times 0.1")
    found = judge.number("nll", judge.call("nll", nll, np.full(5000, 1e-3), shown="5000 times 0.001"))
    judge.close("nll", found, 5000 * math.log(1000), "the value is wrong for 5000 probabilities of 0.001")
    for tiny, n in [(1e-30, 20), (1e-37, 40)]:  # Single precision still holds both.
        found = judge.number("nll", judge.call("nll", nll, [tiny] * n, shown=f"{n} times {tiny:g}"))
        complaint = f"the value is wrong for {n} times {tiny:g}; a tiny probability has a logarithm as any other"
        judge.close("nll", found, -n * math.log(tiny), complaint)
    # In single precision this one is 0, which costs infinity; nothing in between is right.
    found = judge.number("nll", judge.call("nll", nll, [0.5, 1e-300]))
    told = "nll: the value is wrong for a probability of 1e-300; nothing should be added to it, and nothing clipped"
    assert found == math.inf or np.isclose(found, -math.log(0.5) - math.log(1e-300), rtol=1e-4), told
    found = judge.number("nll", judge.call("nll", nll, [0.5, 0.0, 0.9]))
    assert found == math.inf, "nll: an outcome of probability 0 that did happen should cost infinity"
    for free in ([1.0, 1.0], []):
        complaint = f"the result for {free} should be 0"
        judge.close("nll", judge.number("nll", judge.call("nll", nll, free)), 0.0, complaint)


def check_pieces_BAC(pieces_BAC: Any) -> None:
    __tracebackhide__ = True
    found = judge.array("pieces_BAC", list(judge.sequence("pieces_BAC", pieces_BAC, 3)), (3,))
    right = np.array([-math.log(p) for p in (0.4, 0.5, 0.6)])
    if np.allclose(found, right, rtol=0, atol=0.01):
        return
    assert not np.allclose(found, -right, atol=0.01), "pieces_BAC: all three have the wrong sign"
    assert not np.allclose(found, right / LN2, atol=0.01), "pieces_BAC: these are bits, not nats"
    assert not np.allclose(np.sort(found), np.sort(right), atol=0.01), (
        "pieces_BAC: the right three numbers in another order; give them as the letters come: B, A, C"
    )
    assert not np.allclose(found, (0.4, 0.5, 0.6), atol=0.01), (
        "pieces_BAC: these are the probabilities; take the negative logarithm of each"
    )
    near = np.isclose(found, right, rtol=0, atol=0.01)
    wrong = ", ".join(letter for letter, ok in zip("BAC", near, strict=True) if not ok)
    raise AssertionError(f"pieces_BAC: wrong for {wrong}; each should be right within 0.01 nats")


def check_nll_mine(student_name: Any, nll_mine: Any) -> None:
    __tracebackhide__ = True
    assert isinstance(student_name, str), "nll_mine: student_name should be your name in quotes"
    assert student_name.strip(), "nll_mine: student_name should be your name in quotes, and not blank"
    mine = puzzle(student_name, "02")
    terms = [table[symbol] for table, symbol in zip(mine.tables, mine.sequence, strict=True)]
    total = math.fsum(-math.log(p) for p in terms)
    mistakes = [
        (-total, "the sign is wrong"),
        (total / LN2, "that is in bits; the answer should be in nats"),
        (total / math.log(10), "that is with base 10; the answer should be in nats"),
        (total / len(terms), "that is the mean per letter; the answer should be the total"),
        (math.prod(terms), "that is the probability of the sequence, not its negative logarithm"),
        (1 - math.prod(terms), "one minus the probability is not a negative logarithm"),
        (math.fsum(-math.log(p) for p in terms[1:]), "the first letter counts too: it has the first row"),
    ]
    shown = f"not within 0.02 nats for the sequence {mine.sequence} of {student_name.strip()!r}"
    # Four pieces, each rounded to two decimals, miss their sum by at most this.
    _number("nll_mine", judge.number("nll_mine", nll_mine), total, mistakes, shown, atol=0.02)


def check_perplexity(perplexity: Any) -> None:
    __tracebackhide__ = True
    rng = judge.rng(21)
    cases = [(10 * math.log(27), 10), (0.0, 5), (-math.log(0.12), 3), (math.log(7), 1)]
    cases += [(float(rng.uniform(0.1, 4)) * n, n) for n in (2, 11, 400)]
    cases += [(float(rng.uniform(8, 9)) * 300, 300), (11.0 * 7, 7), (20.0 * 3, 3)]  # An untrained model of words.
    for (total, n), result in zip(cases, judge.calls("perplexity", perplexity, cases), strict=True):
        right = math.exp(total / n)
        mistakes = [
            (2 ** (total / n), "the total is in nats, so the base of the power should match"),
            (total / n, "that is the mean NLL per token; the perplexity is not measured in nats"),
            (_exp(total), "the total should be divided by the number of tokens first"),
            (math.exp(-total / n), "the inverse is asked for: a perplexity is at least 1"),
        ]
        found = judge.number("perplexity", result)
        _number("perplexity", found, right, mistakes, f"wrong for {total:.4g} nats over {n} tokens")
    found = judge.number("perplexity", judge.call("perplexity", perplexity, 6000.0, 2500))
    assert 0 < found < math.inf, "perplexity: overflows for 6000 nats over 2500 tokens; divide first"
    judge.close("perplexity", found, math.exp(2.4), "wrong for 6000 nats over 2500 tokens")
    found = judge.number("perplexity", judge.call("perplexity", perplexity, np.float32(4.0), np.int64(2)))
    judge.close("perplexity", found, math.exp(2.0), "wrong for 4 nats over 2 tokens, given as numpy numbers")


def check_bits_per_dim(bits_per_dim: Any) -> None:
    __tracebackhide__ = True
    rng = judge.rng(22)
    cases = [(3072 * math.log(256), 3072), (0.0, 4), (81.30, 784), (-math.log(0.5), 1), (-35.0, 50), (60_000.0, 12)]
    cases += [(float(rng.uniform(10, 5000)), int(n)) for n in rng.integers(2, 3000, size=4)]
    for (total, n), result in zip(cases, judge.calls("bits_per_dim", bits_per_dim, cases), strict=True):
        mistakes = [
            (total / n, "that is nats per dimension; convert to bits"),
            (total * LN2 / n, "the conversion goes the other way: a nat is more than a bit"),
            (total / LN2, "divide by the number of dimensions too"),
            (_power(2, total / n), "bits per dimension is an average, with no power taken"),
        ]
        found = judge.number("bits_per_dim", result)
        shown = f"the value is wrong for {total:.4g} nats over {n} dimensions"
        _number("bits_per_dim", found, total / (LN2 * n), mistakes, shown)


def check_log_softmax(log_softmax: Any) -> None:
    __tracebackhide__ = True
    name = "log_softmax"
    rng = judge.rng(23)
    drawn = [rng.normal(scale=3.0, size=shape) for shape in [(5,), (1,), (3, 4), (4, 4), (2, 3, 7), (2, 1, 3, 2)]]
    given = [x.astype(kind) for x in drawn for kind in (np.float64, np.float32)]
    for logits, result in zip(given, judge.calls(name, log_softmax, [[x] for x in given]), strict=True):
        shape, right = logits.shape, _log_softmax(logits)
        found = judge.array(name, result, shape)
        mistakes = [
            (np.exp(right), "these are probabilities; their logarithms are asked for"),
            (right / LN2, "the logarithm should be natural"),
            (logits - logits.max(-1, keepdims=True), "taking out the maximum is only a first step"),
        ]
        complaint = f"the values are wrong for logits of shape {shape}"
        if not np.allclose(_sums(found), 1, atol=1e-3):
            complaint = f"for shape {shape}, exp of the result should sum to 1 along the last axis"
        judge.compare(name, found, right, mistakes, complaint)
    large = [
        np.array([10000.0, 9999.0, 9990.0]),
        np.array([-10000.0, -10001.0, -10003.0]),
        np.array([[10000.0, -10000.0, 0.0], [-5.0, 10000.0, 10000.0]]),
    ]
    for x, result in zip(large, judge.calls(name, log_softmax, [[x] for x in large]), strict=True):
        found = judge.array(name, result, x.shape)
        finite = np.isfinite(found).all()
        assert finite, f"{name}: inf or NaN for logits of size 10 000; no exp may overflow, no log see 0"
        complaint = "the values are wrong for logits of size 10 000"
        judge.close(name, found, _log_softmax(x), complaint, atol=LARGE)
    sizes = (17.0, 30.0, 50.0, 300.0, 2000.0)
    tall = [
        np.concatenate([size * rng.uniform(-1, 1, size=(3, 4)), [[size, 0.0, -size, 1.0], [-size] * 4]])
        for size in sizes
    ]
    results = judge.calls(name, log_softmax, [[x] for x in tall])
    for size, x, result in zip(sizes, tall, results, strict=True):
        found = judge.array(name, result, x.shape)
        assert np.isfinite(found).all(), f"{name}: inf or NaN for logits of size {size:g}; none of them is too large"
        # float32 has steps of size / 2^23.
        complaint = f"the values are wrong for logits of size {size:g}; nothing should be clipped, nothing added"
        judge.close(name, found, _log_softmax(x), complaint, rtol=1e-6, atol=1e-5 + 1e-6 * size)
    mixed = np.array([[0.0, 10000.0], [1.0, 2.0]])  # One maximum for both rows would empty the second.
    complaint = "wrong when the rows differ by thousands; each row has its own maximum"
    judge.close(name, judge.call(name, log_softmax, mixed), _log_softmax(mixed), complaint, atol=LARGE)
    masked = np.array([[0.5, -np.inf, 1.5], [-np.inf, -np.inf, 3.0]])
    complaint = "a logit of -inf should stay -inf and leave the others a distribution"
    judge.close(name, judge.call(name, log_softmax, masked), _log_softmax(masked), complaint)


def check_sequence_nll(sequence_nll: Any) -> None:
    __tracebackhide__ = True
    name = "sequence_nll"
    rng = judge.rng(24)
    cases: list[tuple[np.ndarray, np.ndarray]] = []
    for b, t, v in [(1, 1, 2), (2, 3, 5), (4, 7, 3), (4, 4, 4), (3, 1, 6), (1, 5, 5)]:
        logits, targets = rng.normal(scale=2.0, size=(b, t, v)), rng.integers(v, size=(b, t))
        cases += [(logits, targets), (logits.astype(np.float32), targets.astype(np.int32))]
    for (logits, targets), result in zip(cases, judge.calls(name, sequence_nll, cases), strict=True):
        b, t, v = logits.shape
        log_p = _log_softmax(logits)
        picked = [[log_p[i, j, targets[i, j]] for j in range(t)] for i in range(b)]
        right = np.array([-math.fsum(row) for row in picked])
        raw = np.array([-math.fsum(logits[i, j, targets[i, j]] for j in range(t)) for i in range(b)])
        found = judge.array(name, result)
        complaint = f"for logits of shape {(b, t, v)} the result should have shape {(b,)}"
        assert found.shape == (b,), f"{name}: {complaint}, one number per sequence, found {found.shape}"
        mistakes = [
            (right / t, "the terms should be summed over time, not averaged"),
            (-right, "the sign is wrong"),
            (right / LN2, "the unit should be nats"),
            (raw, "logits are not log-probabilities yet: normalise them over the vocabulary"),
        ]
        judge.compare(name, found, right, mistakes, f"the values are wrong for logits of shape {(b, t, v)}")
    logits = np.array([[[10000.0, 0.0], [0.0, 10000.0]], [[0.0, 10000.0], [3.0, 3.0]]])
    targets = np.array([[0, 1], [0, 1]])
    found = judge.call(name, sequence_nll, logits, targets)
    complaint = "wrong for logits of size 10 000; a bad guess may cost 10 000 nats, but not infinity"
    judge.close(name, found, [0.0, 10000.0 + LN2], complaint, atol=LARGE)


def check_teacher_forcing_pair(teacher_forcing_pair: Any) -> None:
    __tracebackhide__ = True
    name = "teacher_forcing_pair"
    rng = judge.rng(25)
    cases = [(rng.integers(1, 8, size=(b, t)), bos) for b, t, bos in [(1, 4, 0), (2, 3, 9), (3, 1, 8), (2, 6, -1)]]
    cases.append((rng.integers(4, size=(5, 7)), 2))  # bos is a token as any other.
    cases.append((np.array([[3, 3, 1], [3, 1, 3]]), 3))
    cases.append((rng.integers(100, 50_000, size=(4, 4)), 50_000))  # A vocabulary of words.
    for (tokens, bos), result in zip(cases, judge.calls(name, teacher_forcing_pair, cases), strict=True):
        b, t = tokens.shape
        pair = judge.sequence(name, result, 2, "the result (inputs, targets)")
        inputs = judge.integers(name, pair[0], (b, t), f"inputs for tokens of shape {(b, t)}")
        targets = judge.integers(name, pair[1], (b, t), f"targets for tokens of shape {(b, t)}")
        right = np.array([[bos, *row[:-1]] for row in tokens.tolist()])
        if np.array_equal(inputs, right) and np.array_equal(targets, tokens):
            continue
        wrapped = np.array_equal(targets, tokens.astype(np.int8)) or np.array_equal(inputs, right.astype(np.int8))
        assert not (wrapped and tokens.max() > 127), f"{name}: tokens above 127 do not fit into 8 bits"
        swapped = np.array_equal(inputs, tokens) and np.array_equal(targets, right)
        assert not swapped, f"{name}: exchanged; the result should be (inputs, targets)"
        complaint = "the targets are wrong: every token of the data should be predicted once, in its place"
        assert np.array_equal(targets, tokens), f"{name}: {complaint}"
        complaint = "the model would be shown, at position t, the very token it should predict there"
        assert not np.array_equal(inputs, tokens), f"{name}: {complaint}"
        for row, first in enumerate(inputs[:, 0]):
            complaint = (
                f"the first input of every sequence should be bos, {bos} here; that of sequence {row} is {first}"
            )
            assert first == bos, f"{name}: {complaint}"
        raise AssertionError(f"{name}: at each later position the input should be the token of the data just before it")


def check_kl_divergence(kl_divergence: Any) -> None:
    __tracebackhide__ = True
    name = "kl_divergence"
    rng = judge.rng(26)
    cases: list[tuple[np.ndarray, np.ndarray, str]] = []
    for k in (2, 3, 10, 300):
        p, q = judge.random_joint(rng, (k,)), judge.random_joint(rng, (k,))
        cases += [(p, q, f"the value is wrong for {k} outcomes")]
        cases += [(p.astype(np.float32), q.astype(np.float32), f"wrong for {k} outcomes in float32")]
        cases += [(p, p, "a distribution should not diverge from itself")]
    cases += [(np.array([1.0]), np.array([1.0]), "one certain outcome should give 0")]
    p, q = judge.random_joint(rng, (6,), zeros=2), judge.random_joint(rng, (6,))
    cases += [(p, q, "an outcome with p = 0 should add nothing: 0 log 0 counts as 0")]
    q = np.where(p == 0, 0.0, q)
    cases += [(p, q / q.sum(), "an outcome with p = 0 and q = 0 should add nothing")]
    cases += [(np.array([0.0, 1.0]), np.array([0.5, 0.5]), "an outcome with p = 0 should add nothing")]
    for small in (1e-12, 1e-30):
        p, q = np.array([0.25, 0.5, 0.25]), np.array([1 - 2 * small, small, small])
        cases += [(p, q, f"wrong where q is {small:g}; nothing should be added to it, and it is not 0")]
        cases += [(q, p, f"wrong where p is {small:g}")]
    results = judge.calls(name, kl_divergence, [(p, q) for p, q, _ in cases])
    for (p, q, complaint), result in zip(cases, results, strict=True):
        _kl(judge.number(name, result), p, q, complaint)
    rare = ([1 - 1e-12, 1e-12], [1.0, 0.0])
    pairs = [rare, ([0.5, 0.5], [1.0, 0.0]), ([0.999, 0.001, 0.0], [0.5, 0.0, 0.5]), ([0.0, 1.0], [1.0, 0.0])]
    for result in judge.calls(name, kl_divergence, [(np.array(p), np.array(q)) for p, q in pairs]):
        found = judge.number(name, result)
        assert found == math.inf, f"{name}: q = 0 where p > 0 should give infinity, found {found:.4g}"


def check_bigram_mle(bigram_mle: Any) -> None:
    __tracebackhide__ = True
    name = "bigram_mle"
    rng = judge.rng(27)
    # A full table first: a row that the next call forgets to fill then holds what this one left in memory.
    full = [[int(x) for x in rng.permutation(np.repeat(np.arange(3), 3))] + [0, 0, 1, 1, 2, 2, 0] for _ in range(4)]
    cases: list[tuple[list[list[int]], int]] = [
        (full, 3),
        ([[0, 1, 2, 0], [2, 2, 1], [0, 2]], 3),
        ([[int(x) for x in rng.integers(5, size=n)] for n in (6, 1, 9, 0, 3, 12)], 5),
        ([[int(x) for x in rng.integers(4, size=n)] for n in rng.integers(2, 8, size=40)], 9),
        ([[0, 1], [0, 1], [0, 1], [0, 2]], 3),
        ([[3, 0], [3, 0], [1, 0]], 4),
        ([[0, 0, 0]], 1),
        ([[2], [1], []], 3),
        ([], 2),
        ([[0, 1] * 300 + [1]], 2),  # more than a count of 8 bits holds
    ]
    for (sequences, v), result in zip(cases, judge.calls(name, bigram_mle, cases), strict=True):
        counts = [[0.0] * v for _ in range(v)]
        for s in sequences:
            for t in range(1, len(s)):
                counts[s[t - 1]][s[t]] += 1
        right = np.array([[c / sum(row) for c in row] if sum(row) else [1 / v] * v for row in counts])
        found = judge.array(name, result, (v, v))
        seen = np.array(counts).sum(axis=1) > 0
        shown = f"for {_short(sequences)}"
        complaint = f"{shown} the values are wrong; row i is the distribution of what follows i"
        if not np.isfinite(found).all():
            complaint = f"NaN or inf {shown}; a row without any transition should be uniform"
        elif not np.allclose(found.sum(axis=1)[seen], 1, atol=1e-3):
            complaint = f"{shown} a row does not sum to 1; each is a distribution over the next token"
        elif not np.allclose(found[~seen], 1 / v, atol=1e-4):
            complaint = f"{shown} a row without any transition should be uniform"
        smooth = (np.array(counts) + 1) / (np.array(counts) + 1).sum(axis=1, keepdims=True)
        mistakes = [
            (_joined(sequences, v), "the end of one sequence is not followed by the start of the next"),
            (smooth, "that is add-one smoothing; the table of highest likelihood adds nothing to the counts"),
        ]
        judge.compare(name, found, right, mistakes, complaint)


def _in_interval(tokens: list[int], counts: list[list[int]], rng: np.random.Generator) -> list[str]:
    """Bits of three numbers in the message's interval: the shortest, one at random, and the last of that length."""
    low, width = Fraction(0), Fraction(1)
    for i, j in itertools.pairwise([0, *tokens]):
        row = counts[i]
        low, width = low + width * Fraction(sum(row[:j]), sum(row)), width * Fraction(row[j], sum(row))
    n = 1
    while math.ceil(low * 2**n) >= (low + width) * 2**n:
        n += 1
    codes = [f"{math.ceil(low * 2**n):0{n}b}"]
    n += int(rng.integers(4, 40))
    first, end = math.ceil(low * 2**n), math.ceil((low + width) * 2**n)
    return [*codes, f"{first + (end - first) * int(rng.integers(1, 999)) // 1000:0{n}b}", f"{end - 1:0{n}b}"]


def _in_dyadic(tokens: list[int], counts: list[list[int]]) -> str:
    """The lower end of the message's interval, whose shares are powers of 1/2 and named by so many bits each."""
    bits = ""
    for i, j in itertools.pairwise([0, *tokens]):
        row = counts[i]
        n = (sum(row) // row[j]).bit_length() - 1
        bits += f"{sum(row[:j]) // row[j]:0{n}b}"
    return bits


def check_arithmetic_decode(arithmetic_decode: Any) -> None:
    __tracebackhide__ = True
    name = "arithmetic_decode"
    rng = judge.rng(29)
    cases: list[tuple[str, list[list[int]]]] = []
    right: list[list[int]] = []
    for v, length, most, zeros in [
        (2, 0, 3, 0), (2, 3, 5, 0), (3, 4, 4, 0), (4, 6, 9, 5), (5, 9, 20, 8), (27, 8, 40, 0), (6, 90, 12, 9), (9, 250, 1000, 20),
    ]:  # fmt: skip
        counts = rng.integers(1, most + 1, size=(v, v))
        for i, j in zip(*rng.integers(v, size=(2, zeros)), strict=True):
            if 0 < j != (i + 1) % v:  # A path through all tokens stays open, and the end.
                counts[i, j] = 0
        tokens = [0]
        for _ in range(length):
            row = counts[tokens[-1]].astype(float)
            row[0] = 0
            tokens.append(int(rng.choice(v, p=row / row.sum())))
        message, table = [*tokens[1:], 0], counts.tolist()
        for bits in _in_interval(message, table, rng):
            cases.append((bits, table))
            right.append(message)
    # Thousands of tokens: no recursion goes that deep. All shares are powers of 1/2.
    table = [[1, 1, 2], [2, 1, 1], [1, 1, 2]]
    message = [*rng.integers(1, 3, size=3000).tolist(), 0]
    cases.append((_in_dyadic(message, table), table))
    right.append(message)
    # On the very edge between two shares: it belongs to the upper one.
    cases += [("11", [[1, 1], [1, 1]]), ("10110", [[1, 2, 1], [4, 0, 4], [2, 1, 1]])]
    right += [[1, 1, 0], [1, 2, 2, 0]]
    shown_as = [
        f"{bits!r}, counts={counts}" if len(counts) == 2 else f"{len(bits)} bits, counts of {len(counts)} tokens"
        for bits, counts in cases
    ]
    results = judge.calls(name, arithmetic_decode, cases, shown_as)
    for message, shown, result in zip(right, shown_as, results, strict=True):
        found = judge.integers(name, result, what=f"the message for {shown}").reshape(-1).tolist()
        if found == message:
            continue
        assert found != [0, *message], f"{name}: the 0 before the first token is no part of the message ({shown})"
        assert found != message[:-1], f"{name}: the message ends with its 0 ({shown})"
        same = next((k for k, (a, b) in enumerate(zip(found, message, strict=False)) if a != b), None)
        if same is None:
            raise AssertionError(f"{name}: the message should go on to its first 0, and end there ({shown})")
        assert same, f"{name}: the first token is wrong: in which share of the first row does the number lie? ({shown})"
        assert same < 20, f"{name}: right up to token {same}, then wrong: exact numbers have no such limit ({shown})"
        raise AssertionError(
            f"{name}: wrong from token {same} on (counted from 0): which row of the counts, and which part of the stick? ({shown})"
        )


def check_found_leaks(leaks_A: Any, leaks_B: Any, leaks_C: Any, leaks_D: Any) -> None:
    __tracebackhide__ = True
    judge.leaks({"leaks_A": leaks_A, "leaks_B": leaks_B, "leaks_C": leaks_C, "leaks_D": leaks_D}, DRILL_LEAKS)


def check_repaired_C(repaired_C: Any) -> None:
    __tracebackhide__ = True
    name = "repaired_C"
    rng = judge.rng(28)
    cases: list[tuple[np.ndarray, np.ndarray, int, int, float]] = []
    # Within float32's steps at logits of that size.
    for t, v, bos, size, atol in [
        (4, 3, 0, 2, judge.ATOL), (1, 4, 2, 2, judge.ATOL), (6, 6, 0, 2, judge.ATOL), (9, 5, 4, 2, judge.ATOL),
        (2, 7, 1, 2, judge.ATOL), (5, 4, 3, 2000, LARGE), (3, 4, 1, 300, LARGE),
    ]:  # fmt: skip
        features = np.zeros((t, v))
        # Drawn again until large logits are still large when they are centred: equal tokens would cancel.
        while (size > 2 and (features - features.mean(axis=0))[-1].max() < size / 2) or not features.any():
            tokens, table = rng.integers(v, size=t), rng.normal(size=(v, v)).clip(-1, 1) * size
            inputs = [bos, *tokens.tolist()[:-1]]
            features = np.array([table[i] for i in inputs])
        cases += [(tokens, x, bos, size, atol) for x in (table, table.astype(np.float32))]
    results = judge.calls(name, repaired_C, [(tokens, table, bos) for tokens, table, bos, _, _ in cases])
    for (tokens, table, bos, size, atol), result in zip(cases, results, strict=True):
        (t,), v = tokens.shape, len(table)
        features = np.array([table[i] for i in (bos, *tokens[:-1])], dtype=float)
        own = np.array([table[i] for i in tokens], dtype=float)
        running = np.arange(1, t + 1)[:, None]
        right = _log_softmax(np.stack([features[k] - features[: k + 1].mean(axis=0) for k in range(t)]))
        found = judge.array(name, result, (t, v))
        assert np.isfinite(found).all(), f"{name}: inf or NaN for logits of size {size}; no exp may overflow"
        if judge.near(found, right, atol=atol):
            continue
        mistakes = [
            (_log_softmax(features - features.mean(axis=0)), "the mean still runs over all positions"),
            (_log_softmax(features), "the features should be centred still, by what is known"),
            (np.exp(right), "the result should be log-probabilities"),
            (features - features.cumsum(axis=0) / running, "these are logits; normalise each row"),
            (_log_softmax(own - own.cumsum(axis=0) / running), "position t is fed its own token"),
        ]
        complaint = f"the values are wrong for {t} tokens; row t is centred by the mean of rows 0 to t"
        if not np.allclose(_sums(found), 1, atol=1e-3):
            complaint = "exp of each row should sum to 1"
        judge.compare(name, found, right, mistakes, complaint)


def _number(
    name: str, found: float, right: float, mistakes: judge.Mistakes, complaint: str, *, atol: float = judge.ATOL
) -> None:
    """The same for a number."""
    __tracebackhide__ = True
    assert not math.isnan(found), f"{name}: the result is NaN"
    if np.isclose(found, right, rtol=judge.RTOL, atol=atol):
        return
    for value, sentence in mistakes:
        # On some inputs a mistake makes no difference: an answer that is merely imprecise is not told of it.
        tells = not np.isclose(value, right, rtol=1e-2, atol=atol)
        assert not (tells and np.isclose(found, value, rtol=1e-3, atol=atol)), f"{name}: {sentence}"
    raise AssertionError(f"{name}: {complaint}")


def _kl(found: float, p: np.ndarray, q: np.ndarray, complaint: str) -> None:
    __tracebackhide__ = True
    right = math.fsum(float(a) * math.log(float(a) / float(b)) for a, b in zip(p, q, strict=True) if a > 0)
    mistakes = [(right / LN2, "the unit should be nats"), (-right, "the sign is wrong: it is never negative")]
    if (p > 0).all() and (q > 0).all():
        reverse = math.fsum(float(b) * math.log(float(b) / float(a)) for a, b in zip(p, q, strict=True))
        cross = -math.fsum(float(a) * math.log(float(b)) for a, b in zip(p, q, strict=True))
        mistakes += [
            (reverse, "that is KL(q, p); the average should be taken under p"),
            (cross, "that is the cross-entropy; the entropy of p is still in it"),
        ]
    _number("kl_divergence", found, right, mistakes, complaint)


def _joined(sequences: list[list[int]], v: int) -> np.ndarray:
    """The table of one who reads all sequences as one."""
    counts = np.zeros((v, v))
    for i, j in itertools.pairwise(x for s in sequences for x in s):
        counts[i, j] += 1
    totals = counts.sum(axis=1, keepdims=True)
    return np.where(totals > 0, counts / np.maximum(totals, 1), 1 / v)


def _log_softmax(x: np.ndarray) -> np.ndarray:
    """Row by row with exact sums: slow, stable, and unlike what a student would write."""
    rows = np.asarray(x, dtype=np.float64).reshape(-1, np.shape(x)[-1])
    out = np.empty_like(rows)
    for i, row in enumerate(rows):
        top = max(row)
        log_total = top + math.log(math.fsum(math.exp(v - top) for v in row))
        out[i] = [v - log_total for v in row]
    return out.reshape(np.shape(x))


def _sums(log_p: np.ndarray) -> np.ndarray:
    return np.exp(np.clip(log_p, None, 50)).sum(axis=-1)


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else math.inf


def _power(base: float, exponent: float) -> float:
    return base**exponent if exponent < 1000 else math.inf


def _short(sequences: list[list[int]]) -> str:
    text = repr(sequences)
    return text if len(text) <= 60 else f"{len(sequences)} sequences"
