"""Numbers the student works out by hand: answers typed into a cell, and a sequence nobody else has.

The personal sequence is drawn from the student's name, so that answers cannot be passed around, and the
grader draws it again from the same name.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from typing import Any

import numpy as np


def typed(value: Any, name: str) -> Any:
    """The typed answer, or `NotImplementedError` while the student has not typed one (`None` or `...`)."""
    if value is None or value is ...:
        raise NotImplementedError(f"{name}: type your answer in the cell above")
    return value


@dataclass(frozen=True)
class Puzzle:
    """A sequence and, for each of its positions, the distribution of the next symbol after the true prefix.

    `sequence` is a string of length T; `tables[t]` maps each symbol of the vocabulary to
    p(symbol | sequence[:t]), multiples of 0.05 that sum to 1.
    """

    sequence: str
    tables: tuple[dict[str, float], ...]

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
    n = len(vocabulary)
    sequence, tables = "", []
    for _ in range(length):
        # Cut 20 twentieths into n non-empty parts: every entry is a multiple of 0.05 and none is zero.
        cuts = np.sort(rng.choice(np.arange(1, 20), size=n - 1, replace=False))
        twentieths = np.diff(np.concatenate([[0], cuts, [20]]))
        tables.append({s: round(float(k) / 20, 2) for s, k in zip(vocabulary, twentieths, strict=True)})
        sequence += vocabulary[rng.integers(n)]
    return Puzzle(sequence, tuple(tables))


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
