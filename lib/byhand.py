"""Numbers the student works out by hand: answers typed into a cell, and a sequence nobody else has.

The personal sequence is drawn from the student's name, so that answers cannot be passed around, and the
grader draws it again from the same name.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import unicodedata
from dataclasses import dataclass
from typing import Any

import numpy as np


def typed(value: Any, name: str) -> Any:
    """The typed answer, or `NotImplementedError` while the student has not typed one (`None` or `...`).

    Every typed answer but the student's name consists of numbers: text in its place is refused in a sentence, before
    a comparison with a number stops with a TypeError.
    """
    if value is None or value is ...:
        what = (
            "your name, in quotes, in the cell that asks for it"
            if name == "student_name"
            else "your answer in the cell above"
        )
        raise NotImplementedError(f"{name}: type {what}")
    texts = [v for v in (value if isinstance(value, (list, tuple)) else [value]) if isinstance(v, str)]
    if texts and name != "student_name":
        raise AssertionError(f"{name}: type numbers, not text; found {texts[0][:40]!r}, so leave out the quotes")
    return value


def agrees(value: Any, name: str, *digests: str, within: float = 0.0) -> bool:
    """Whether a typed answer that is the same for everybody is right, without the right one standing anywhere.

    value : a number, or a short list of numbers. name : the answer's. digests : what `digest` gives for each right answer.
    within : how far each number may lie from the right one, and at most a tenth of that further; 0 for whole numbers.
    """
    try:
        numbers = [float(v) for v in np.ravel(value)]
        if not within and any(abs(v - round(v)) > 1e-3 for v in numbers):
            return False
        near = [range(_steps(v - within, within), _steps(v + within, within) + 1) for v in numbers]
    except (TypeError, ValueError, OverflowError, RuntimeError):  # the last: a tensor that wants a gradient
        return False
    return any(_hash(steps, name) in digests for steps in itertools.product(*near))


def digest(value: Any, name: str, within: float = 0.0) -> str:
    """What stands for a right answer in a lesson: a salted hash of its numbers."""
    return _hash(tuple(_steps(float(v), within) for v in np.ravel(value)), name)


def _steps(value: float, within: float) -> int:
    """A number in tenths of what it may be off by, rounded."""
    return math.floor(10 * value / within + 0.5) if within else math.floor(value + 0.5)


def _hash(steps: tuple[int, ...], name: str) -> str:
    return hashlib.sha256(f"{name}/{steps}".encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Puzzle:
    """A sequence and, for each of its positions, the distribution of the next symbol after the true prefix.

    `sequence` is a string of length T; `tables[t]` maps each symbol of the vocabulary to
    p(symbol | sequence[:t]), multiples of 0.05 that sum to 1. No likely mistake gives nearly the right answer.
    """

    sequence: str
    tables: tuple[dict[str, float], ...]

    def agrees(self, nll: float, within: float = 0.02) -> bool:
        """Whether -ln p(sequence) is `nll`, in nats."""
        return abs(nll - _nll(self.tables, self.sequence)) <= within

    def _repr_markdown_(self) -> str:
        symbols = list(self.tables[0])
        lines = [f"Your sequence is **{self.sequence}**.", ""]
        lines.append("| the next symbol, after | " + " | ".join(symbols) + " |")
        lines.append("|:--|" + "--:|" * len(symbols))
        for t, table in enumerate(self.tables):
            prefix = self.sequence[:t] or "(nothing)"
            lines.append(f"| {prefix} | " + " | ".join(f"{table[s]:.2f}" for s in symbols) + " |")
        return "\n".join(lines)


def puzzle(student_name: str | None, lesson: str, vocabulary: str = "ABC", length: int = 4) -> Puzzle:
    """The student's own sequence for a lesson.

    Parameters
    ----------
    student_name : any non-empty string; case, accents' encoding and spacing do not matter.
    lesson : such as `"01"`; each lesson draws a new sequence.

    Raises
    ------
    NotImplementedError : no name typed yet. ValueError : the name is not a string, or is blank.
    """
    rng = _generator(student_name, lesson)
    while True:
        drawn = _drawn(rng, vocabulary, length)
        right = _nll(drawn.tables, drawn.sequence)
        if all(abs(wrong - right) > APART for wrong in likely_mistakes(drawn)):
            return drawn


# Answers are accepted within 1 % of a probability, or 0.02 nats of its logarithm, and a mistake is rounded as well.
APART = 0.045


def likely_mistakes(mine: Puzzle) -> list[float]:
    """-ln p as it comes out for those who misread the table: wrong rows, wrong columns, or not all of it."""
    tables, sequence = mine.tables, mine.sequence
    symbols = list(tables[0])
    neighbours = ["".join(symbols[(symbols.index(s) + step) % len(symbols)] for s in sequence) for step in (-1, 1)]
    readings = [(tables, moved) for moved in neighbours]
    for k in range(1, len(sequence)):
        readings += [(tables[:k], sequence[:k]), (tables[k:], sequence[k:])]
    if len(sequence) > 1:
        readings += [(tables, sequence[::-1]), (tables[:1] * len(tables), sequence)]
    return [_nll(*reading) for reading in readings]


def _nll(tables: tuple[dict[str, float], ...], symbols: str) -> float:
    return -math.fsum(math.log(table[s]) for table, s in zip(tables, symbols, strict=True))


def _drawn(rng: np.random.Generator, vocabulary: str, length: int) -> Puzzle:
    n = len(vocabulary)
    sequence, tables = "", []
    for _ in range(length):
        # Cut 20 twentieths into n non-empty parts: every entry is a multiple of 0.05 and none is zero.
        cuts = np.sort(rng.choice(np.arange(1, 20), size=n - 1, replace=False))
        twentieths = np.diff(np.concatenate([[0], cuts, [20]]))
        tables.append({s: round(float(k) / 20, 2) for s, k in zip(vocabulary, twentieths, strict=True)})
        sequence += vocabulary[rng.integers(n)]
    return Puzzle(sequence, tuple(tables))


@dataclass(frozen=True)
class FilterPuzzle:
    """A distribution over seven tokens, and a setting for each of three filters that are applied to it separately.

    `probabilities[i]` is that of token i: whole percents, all different, sum 1. No probability lies near a threshold, the
    three right answers differ, and no likely mistake gives one of them.
    """

    probabilities: tuple[float, ...]
    k: int
    top_p: float
    min_p: float

    def _repr_markdown_(self) -> str:
        tokens = range(len(self.probabilities))
        return "\n".join(
            [
                f"Your filters: top-k with **k = {self.k}**, top-p with **p = {self.top_p:g}**, "
                f"min-p with **p = {self.min_p:g}**.",
                "",
                "| token | " + " | ".join(str(i) for i in tokens) + " |",
                "|:--|" + "--:|" * len(self.probabilities),
                "| probability | " + " | ".join(f"{p:.2f}" for p in self.probabilities) + " |",
            ]
        )


def filter_puzzle(student_name: str | None, lesson: str) -> FilterPuzzle:
    """The student's own distribution and filters. `student_name` and `lesson` as for `puzzle`, and the same errors."""
    rng = _generator(student_name, lesson)
    while True:
        cuts = np.sort(rng.choice(np.arange(1, 100), size=6, replace=False))
        percents = np.diff(np.concatenate([[0], cuts, [100]])).tolist()
        k, top_p, min_p = int(rng.integers(2, 6)), 5 * int(rng.integers(10, 20)), 5 * int(rng.integers(1, 13))
        if _tells_apart(percents, k, top_p, min_p):
            return FilterPuzzle(tuple(n / 100 for n in percents), k, top_p / 100, min_p / 100)


def _tells_apart(percents: list[int], k: int, top_p: int, min_p: int) -> bool:
    """Whether everything that is read in another way, or nearly missed, gives other tokens; thresholds in percent."""
    falling = sorted(range(len(percents)), key=lambda i: -percents[i])
    most = percents[falling[0]]
    sums = np.cumsum([percents[i] for i in falling])
    if len(set(percents)) < len(percents) or abs(sums - top_p).min() < 2:
        return False
    if min(abs(100 * n - min_p * most) for n in percents) < 100:
        return False

    def nucleus(order: list[int], p: float) -> list[int]:
        reached = np.cumsum([percents[i] for i in order]) >= p
        return sorted(order[: int(reached.argmax()) + 1])

    def above(threshold: float) -> list[int]:
        return [i for i, n in enumerate(percents) if n >= threshold]

    of_k, of_p, of_m = sorted(falling[:k]), nucleus(falling, top_p), above(min_p * most / 100)
    # Min-p keeps the most, so that it shows if it is applied to what another filter has left.
    if of_k == of_p or len(of_p) < 2 or not max(k, len(of_p)) < len(of_m) < len(percents):
        return False
    # What top-p leaves of what top-k has left: the right answer must not be that of the two in turn.
    then_p = nucleus(falling[:k], top_p * sum(percents[i] for i in falling[:k]) / 100)
    in_turn, rising = list(range(len(percents))), falling[::-1]
    wrong_k = [in_turn[:k], in_turn[-k:], rising[:k]]
    wrong_p = [
        nucleus(in_turn, top_p),
        nucleus(in_turn[::-1], top_p),
        nucleus(rising, top_p),
        nucleus(rising, 100 - top_p),
    ]
    wrong_p += [above(100 - top_p), above(top_p), nucleus(falling, 100 - top_p), above(top_p * most / 100), then_p]
    wrong_m = [above(min_p), above(most - min_p), above((100 - min_p) * most / 100), above(min_p * min(percents) / 100)]
    wrong_m += [nucleus(falling, min_p), nucleus(falling, 100 - min_p), [i for i in of_m if i != falling[0]]]
    return not (
        any(sorted(w) == of_k for w in wrong_k)
        or any(sorted(w) == of_p for w in wrong_p)
        or any(sorted(w) == of_m for w in wrong_m)
    )


@dataclass(frozen=True)
class CostsPuzzle:
    """A small transformer and a text of `n` tokens, to be drawn in blocks and attended to in full, in a window or by a state.

    `block` does not divide `n`, and `window` is less than half of it. `itemsize` is in bytes.
    """

    n: int
    block: int
    window: int
    layers: int
    heads: int
    head_size: int
    itemsize: int

    def _repr_markdown_(self) -> str:
        return "\n".join(
            [
                f"Your text has **{self.n} tokens**.",
                "",
                "| blocks of | window of | layers | heads in each | size of a head | bytes per number |",
                "|--:|--:|--:|--:|--:|--:|",
                f"| {self.block} | {self.window} | {self.layers} | {self.heads} | {self.head_size} | {self.itemsize} |",
            ]
        )


def costs_puzzle(student_name: str | None, lesson: str) -> CostsPuzzle:
    """The student's own transformer and text. `student_name` and `lesson` as for `puzzle`, and the same errors."""
    rng = _generator(student_name, lesson)
    while True:
        n, block, window, layers, heads = (
            int(rng.integers(*ends)) for ends in ((21, 61), (4, 13), (3, 9), (2, 10), (2, 10))
        )
        head_size, itemsize = int(rng.choice([6, 8, 10, 12, 16])), int(rng.choice([2, 4]))
        passes = -(-n // block)
        # Rounding down tells, and no number is mistaken for another.
        factors = {layers, heads, head_size, itemsize}
        if (
            n % block
            and block != window
            and len(factors) == 4
            and passes not in {block, window, layers, heads, n - block}
        ):
            return CostsPuzzle(n, block, window, layers, heads, head_size, itemsize)


def personal_numbers(student_name: str | None, lesson: str, low: int, high: int, n: int) -> list[int]:
    """The student's own whole numbers for a lesson: n of them, each from `low` to `high`, both included.

    `student_name` and `lesson` as for `puzzle`, and the same errors.
    """
    return [int(k) for k in _generator(student_name, lesson).integers(low, high, size=n, endpoint=True)]


def _generator(student_name: str | None, lesson: str) -> np.random.Generator:
    """Randomness that belongs to one name and one lesson."""
    typed(student_name, "student_name")
    if not isinstance(student_name, str) or not student_name.strip():
        raise ValueError('student_name must be your name in quotes, such as "Ada Lovelace"')
    name = " ".join(unicodedata.normalize("NFC", student_name).casefold().split())
    seed = hashlib.sha256(f"{lesson}/{name}".encode()).digest()
    return np.random.default_rng(int.from_bytes(seed[:8], "big"))
