"""What is right in the final exam, for every question that `lib.exam` can draw.

Answers are worked out here from the numbers of the question: by enumeration, by counting, by a search over all candidates, or
by probing. The exam's own solution takes closed forms instead, and the tests compare the two.
"""

from __future__ import annotations

import cmath
import functools
import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from autograder.checks import judge
from lib.causality import dependence, leaks
from lib.exam import SLOTS, Question, question

Numbers = dict[str, Any]

# The right option of each choice.
RIGHT = {
    "order": "How hard the conditionals are for a small network",
    "too good": "Its order of generation is better than the one in which the data were made",
    "one pass": "Sampling has no inputs before it has made them",
    "density": "Nothing wrong: a density may exceed 1",
    "masks": "The comparison of the hidden layers, at the output layer",
    "logarithms": "The product underflows to 0",
    "blind spot": "A second stack, which sees the rows above in full and feeds the first",
    "colours": "It is a proper distribution, which can draw colours that never occur",
    "logistic": "That neighbouring values have similar probabilities",
    "paths": "One",
    "finite mask": "When allowed scores lie some 10 000 below forbidden ones",
    "shifted": "They stay",
    "old keys": "No token's representation depends on later tokens",
    "top-k": "The most probable sequence may have become impossible",
    "tempered": "No: the normalisers depend on the past",
    "not shown": "What its own mistakes do to what it writes next",
    "any order": "A higher one, since it has more to learn",
    "cached step": "Like t",
    "exact": "A flow of Gaussian conditionals",
    "word": "Each conditional depends only on what comes earlier in some order",
    "patches": "exact, with only a quarter of the passes",
    "greedy": "None of the other three",
}
# Codes of mu-law within this of the border between two levels may be either.
_HAIR = 1e-4


@functools.lru_cache(maxsize=256)
def key(student_name: str, slot: int, edition: str | None = None) -> Any:
    """The right answer of one student's question: a float, an int, a sorted list of ints, or letters. Not for question 12."""
    asked = question(student_name, slot, edition)
    if asked.form.kind == "letters":
        shown = zip(asked.numbers["names"], asked.numbers["options"], strict=True)
        return "".join("ABCD"[options.index(RIGHT[name])] for name, options in shown)
    if asked.form.kind == "counts":
        return [len(leaks_of(model)) for model in asked.models.values()]
    return _KEYS[asked.kind](asked.numbers)


def leaks_of(model: Any, probes: int = 8, seed: int = 1) -> list[tuple[int, int]]:
    """The pairs (output, input) at which a model of the drill leaks."""
    seen = dependence(model, model.x, n_values=model.n_values, probes=probes, seed=seed)
    return leaks(seen, model.order, sees_itself=model.letter in "DEFG")


def check(student_name: Any, slot: int, answer: Any) -> None:
    """Raise AssertionError in one sentence unless the answer is the right one; not a word on what would be."""
    __tracebackhide__ = True
    asked, name = question(student_name, slot), f"answer_{slot:02}"
    if asked.form.kind == "function":
        _check_function(name, answer, asked)
        return
    found = asked.read(answer)
    right = key(student_name, slot)
    told = f"{name} is not the right answer to question {slot} of {judge.summary(student_name.strip())}"
    if asked.form.kind == "number":
        assert abs(found - right) <= asked.form.within * (1 + 1e-9), told
    elif asked.kind == "mu-law":
        assert abs(found - _scale(asked.numbers)) <= 0.5 + _HAIR, told
    elif asked.form.kind == "set":
        assert found == frozenset(right), told
    else:
        assert found == (right if asked.form.kind == "count" else tuple(right)), told


def _check_function(name: str, function: Any, asked: Question) -> None:
    __tracebackhide__ = True
    may = _MAY[asked.kind]
    lengths = [1, 2, 3, 5, 8, 13, 21, 34, 60]
    shown = [f"T = {n}" for n in lengths]
    results = judge.calls(name, function, [[n] for n in lengths], shown)
    for n, words, result in zip(lengths, shown, results, strict=True):
        found = judge.array(name, result, (n, n), what=f"the result for {words}")
        assert np.asarray(result).dtype == bool, f"{name}: the result for {words} should be of dtype bool"
        right = [[may(asked.numbers, n, t, s) for s in range(n)] for t in range(n)]
        assert np.array_equal(found, np.array(right, dtype=float)), f"{name}: an entry is wrong for {words}"


def _check_of(slot: int) -> Callable[[Any, Any], None]:
    def check_answer(student_name: Any, answer: Any) -> None:
        __tracebackhide__ = True
        check(student_name, slot, answer)

    return check_answer


(
    check_answer_01, check_answer_02, check_answer_03, check_answer_04, check_answer_05, check_answer_06,
    check_answer_07, check_answer_08, check_answer_09, check_answer_10, check_answer_11, check_answer_12,
) = (_check_of(slot) for slot in range(1, SLOTS + 1))  # fmt: skip


# -- 1: the chain rule


def _reverse(n: Numbers) -> float:
    chances = {
        s: Fraction(n["first"][s[0]] * n["rows"][s[0]][s[1]] * n["rows"][s[1]][s[2]])
        for s in itertools.product(range(3), repeat=3)
        if s[2] == n["end"]
    }
    return float(sum(p for s, p in chances.items() if s[0] == n["start"]) / sum(chances.values()))


def _joint(n: Numbers) -> float:
    outcomes = [dict(zip("ABC", values, strict=True)) for values in itertools.product(range(2), repeat=3)]
    told = [(o, p) for o, p in zip(outcomes, n["cells"], strict=True) if o[n["given"]] == n["known"]]
    return sum(p for o, p in told if o[n["of"]] == n["value"]) / sum(p for _, p in told)


def _parameters(n: Numbers) -> int:
    total = n["sizes"][0] - 1
    for variable, parents in n["parents"].items():
        for _ in itertools.product(*(range(n["sizes"][p]) for p in parents)):
            total += n["sizes"][variable] - 1
    return int(total)


# -- 2: NLL


def _corpus(n: Numbers) -> float:
    tokens = [p for sentence in n["sentences"] for p in sentence]
    return float(math.prod(tokens) ** (-1 / len(tokens)))


def _bits(n: Numbers) -> float:
    return float(n["total"] / math.log(2) / (n["images"] * n["side"] ** 2 * 3))


def _floor(n: Numbers) -> float:
    return math.fsum(p / 100 * math.log(p / q) for p, q in zip(n["p"], n["q"], strict=True))


# -- 3: NADE


def _cost(n: Numbers) -> int:
    scratch = running = 0
    for before in range(n["pixels"]):
        scratch += n["hidden"] * before + n["hidden"]
        running += n["hidden"] + n["hidden"]
    return scratch - running


def _sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def _nade(n: Numbers) -> float:
    hidden = [
        _sigmoid(c + sum(w * x for w, x in zip(row[:3], n["x"], strict=False)))
        for row, c in zip(n["W"], n["c"], strict=True)
    ]
    return _sigmoid(n["b"] + sum(v * h for v, h in zip(n["V"], hidden, strict=True)))


def _fvsbn(n: Numbers) -> float:
    p = 1.0
    for d, x in enumerate(n["x"]):
        one = _sigmoid(n["b"][d] + sum(n["W"][d][s] * n["x"][s] for s in range(d)))
        p *= one if x else 1 - one
    return -math.log(p)


# -- 4: MADE


def _made_paths(inputs: list[int], hidden: list[list[int]]) -> np.ndarray:
    """For each output (row) and input, the number of paths that the masks leave."""
    masks = [
        np.array([[above >= below for below in inputs] for above in hidden[0]], dtype=int),
        np.array([[above >= below for below in hidden[0]] for above in hidden[1]], dtype=int),
        np.array([[above > below for below in hidden[1]] for above in inputs], dtype=int),
    ]
    return np.asarray(masks[2] @ masks[1] @ masks[0])


def _sees(n: Numbers) -> list[int]:
    row = _made_paths(n["degrees"], n["hidden"])[n["output"]]
    return [int(i) for i in np.flatnonzero(row)]


def _paths(n: Numbers) -> int:
    return int(_made_paths([1, 2, 3, 4, 5], n["hidden"]).sum())


def _ensemble(n: Numbers) -> float:
    most = max(n["logs"])
    return -most - math.log(math.fsum(math.exp(x - most) for x in n["logs"]) / 4)


# -- 5: PixelCNN


def _row_above(n: Numbers) -> int:
    """Step by step: where the layers carry what is seen, on a sheet of pixels above and beside."""
    wide, high = n["first"] + n["layers"] * n["others"] + 1, n["up"] + 1
    seen = np.zeros((high, 2 * wide + 1), dtype=bool)
    seen[0, wide] = True
    for layer in range(n["layers"] + 1):
        half = n["others"] if layer else n["first"]
        after = np.zeros_like(seen)
        for up in range(min(half, high - 1) + 1):
            for right in range(-half, half + 1):
                if up or right < 0 or (right == 0 and layer):
                    after[up:] |= np.roll(seen, right, axis=1)[: high - up]
        seen = after
    return int(seen[n["up"]].sum())


def _posterior(n: Numbers) -> float:
    weights = [p * math.exp(x - max(n["logs"])) for p, x in zip(n["prior"], n["logs"], strict=True)]
    return weights[n["asked"]] / math.fsum(weights)


def _logistic(n: Numbers) -> float:
    def below(value: int) -> float:
        """The probability of all values up to this one."""
        if value < 0 or value >= n["n"] - 1:
            return float(value >= 0)
        border = -1 + (2 * value + 1) / (n["n"] - 1)
        return _sigmoid((border - n["mean"]) / n["scale"])

    return below(n["value"]) - below(n["value"] - 1)


# -- 6: WaveNet


def _hears(n: Numbers) -> float:
    furthest = n["front"] - 1
    for _ in range(n["blocks"]):
        for layer in range(n["layers"]):
            furthest += (n["kernel"] - 1) * 2**layer
    return 1000 * (furthest + 1) / n["rate"]


def _scale(n: Numbers) -> float:
    """Where a sample lies on the scale on which the codes are the whole numbers."""
    mu = n["n"] - 1
    y = math.copysign(math.log(1 + mu * abs(n["x"])) / math.log(1 + mu), n["x"])
    return (y + 1) / 2 * mu


def _mu_law(n: Numbers) -> int:
    return min(range(n["n"]), key=lambda code: abs(code - _scale(n)))


def _queues(n: Numbers) -> int:
    return sum(n["channels"] * (n["kernel"] - 1) * 2**layer for _ in range(n["blocks"]) for layer in range(n["layers"]))


# -- 7: the transformer


def _cache(n: Numbers) -> int:
    of_a_token = sum(2 * n["groups"] * n["head"] * n["itemsize"] for _ in range(n["layers"]))
    return int(Fraction(n["memory"] * 2**30, n["texts"] * of_a_token).__floor__())


def _rope(n: Numbers) -> float:
    def turned(vector: list[int], position: int) -> complex:
        return complex(*vector) * cmath.exp(1j * math.radians(n["degrees"]) * position)

    return (turned(n["q"], n["at"]) * turned(n["k"], n["key_at"]).conjugate()).real


def _attention(n: Numbers) -> float:
    weights = [math.exp(x / math.sqrt(n["size"])) for x in n["products"][: n["t"] + 1]]
    return sum(w * v for w, v in zip(weights, n["values"], strict=False)) / sum(weights)


# -- 8: sampling


def _nucleus(n: Numbers) -> list[int]:
    weights = [Fraction(p) ** 2 for p in n["percents"]]
    kept: list[int] = []
    for token in sorted(range(len(weights)), key=lambda i: -weights[i]):
        kept.append(token)
        if sum(weights[i] for i in kept) >= Fraction(str(n["p"])) * sum(weights):
            break
    return sorted(kept)


def _speculative(n: Numbers) -> float:
    accepted = sum(min(p, q) for p, q in zip(n["p"], n["q"], strict=True)) / 100
    stops = [accepted**k * (1 - accepted) * (k + 1) for k in range(n["drafted"])]
    return math.fsum([*stops, accepted ** n["drafted"] * (n["drafted"] + 1)])


def _constrained(n: Numbers) -> float:
    valid = {(i, j): Fraction(n["first"][i] * n["rows"][i][j]) for i in range(3) for j in n["allowed"][i]}
    i, j = "ABC".index(n["asked"][0]), "XYZ".index(n["asked"][1])
    given_valid = valid[i, j] / sum(valid.values())
    decoded = Fraction(n["first"][i], 100) * Fraction(n["rows"][i][j], sum(n["rows"][i][k] for k in n["allowed"][i]))
    return float(decoded / given_valid)


# -- 9: drawbacks


def _state(n: Numbers) -> int:
    state = n["key"] * n["value"] + n["key"]
    return next(tokens for tokens in itertools.count(1) if tokens * (n["key"] + n["value"]) > state)


def _window(n: Numbers) -> int:
    return sum(t + 1 - min(t + 1, n["window"]) for t in range(n["n"]))


def _scheduled(n: Numbers) -> float:
    joint = np.array(n["cells"]).reshape(2, 2) / 100
    share = n["share"] / 100
    seen = (1 - share) * joint + share * np.outer(joint.sum(axis=1), joint.sum(axis=0))
    return float(seen[n["first"], n["second"]] / seen[n["first"]].sum())


def _masked(n: Numbers) -> float:
    return sum(s * n["pixels"] / (n["pixels"] - t) for t, s in zip(n["known"], n["sums"], strict=True)) / 3


_KEYS: dict[str, Callable[[Numbers], Any]] = {
    "reverse": _reverse, "joint": _joint, "parameters": _parameters,
    "corpus": _corpus, "bits": _bits, "floor": _floor,
    "cost": _cost, "nade": _nade, "fvsbn": _fvsbn,
    "sees": _sees, "paths": _paths, "ensemble": _ensemble,
    "row above": _row_above, "posterior": _posterior, "logistic": _logistic,
    "hears": _hears, "mu-law": _mu_law, "queues": _queues,
    "cache": _cache, "rope": _rope, "attention": _attention,
    "nucleus": _nucleus, "speculative": _speculative, "constrained": _constrained,
    "state": _state, "window": _window, "scheduled": _scheduled, "masked": _masked,
}  # fmt: skip


# -- 12: may output t depend on input s, of T?


def _sinks(n: Numbers, T: int, t: int, s: int) -> bool:
    return s <= t and (s < n["sinks"] or t - s < n["window"])


def _taps(n: Numbers, T: int, t: int, s: int) -> bool:
    return any(t - a * n["dilation"] - b == s for a in range(n["kernel"]) for b in range(n["first"]))


def _blocks(n: Numbers, T: int, t: int, s: int) -> bool:
    return 1 <= t // n["block"] - s // n["block"] <= n["back"]


def _order(n: Numbers, T: int, t: int, s: int) -> bool:
    def turn(position: int) -> tuple[int, int]:
        late = position % n["stride"] != n["rest"]
        return int(late), -position if late and n["falling"] else position

    return turn(s) < turn(t)


def _prefix(n: Numbers, T: int, t: int, s: int) -> bool:
    return s < n["prefix"] or (t >= n["prefix"] and 0 <= t - s < n["window"])


_MAY = {"sinks": _sinks, "taps": _taps, "blocks": _blocks, "order": _order, "prefix": _prefix}
