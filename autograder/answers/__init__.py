"""Answers that test the checks: for every exercise at least six wrong ones, which must lose the points, and three right
ones written differently, which must all keep them. `autograder checks` prints the table; the tests hold it.

One module per lesson, each with one `Answers` object:

    answers = Answers("01_chain_rule")

    @answers.right("marginal", "loops over outcomes")
    def _(joint, keep): ...

    @answers.wrong("marginal", "sums over the axes to keep")
    def _(joint, keep): ...

    answers.wrong("p_BAC", "adds instead of multiplying", p_BAC=1.5)   # typed values: names and values

The functions are also what the sample class hands in, so they are written as a student would: each complete in itself,
using only `np`, `torch`, `math` and `itertools`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lib.byhand import puzzle


def own_conditionals(student_name: str, lesson: str) -> list[float]:
    """The conditional probabilities along a student's personal sequence, read off its table."""
    mine = puzzle(student_name, lesson)
    return [table[symbol] for symbol, table in zip(mine.sequence, mine.tables, strict=True)]


@dataclass(frozen=True)
class Answer:
    """One answer to one exercise: a function under the exercise's name, or typed values by name."""

    exercise: str
    right: bool
    story: str
    values: dict[str, Any]


@dataclass
class Answers:
    """All answers that test the checks of one lesson.

    `personal` maps an exercise on numbers of one's own to a function from a student's name to the right answer: what
    a sample student who typed that name hands in. `mistaken` does the same for a wrong one, where somebody else's right
    answer may be right by chance.
    """

    lesson: str
    all: list[Answer] = field(default_factory=list)
    personal: dict[str, Callable[[str], Any]] = field(default_factory=dict)
    mistaken: dict[str, Callable[[str], Any]] = field(default_factory=dict)

    def right(self, exercise: str, story: str, /, **values: Any) -> Callable[..., Any]:
        """Register a right answer: as decorator of a function, or with typed values."""
        return self._add(exercise, True, story, values)

    def wrong(self, exercise: str, story: str, /, **values: Any) -> Callable[..., Any]:
        """Register a wrong answer; `story` is the mistake in a few words."""
        return self._add(exercise, False, story, values)

    def personal_mistake(self, exercise: str, student_name: str) -> Any:
        """A wrong answer to a personal exercise of this student: somebody else's will do where nothing else is said."""
        mistake = self.mistaken.get(exercise)
        return mistake(student_name) if mistake else self.personal[exercise]("somebody else")

    def _add(self, exercise: str, right: bool, story: str, values: dict[str, Any]) -> Callable[..., Any]:
        if values:
            self.all.append(Answer(exercise, right, story, values))

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            self.all.append(Answer(exercise, right, story, {exercise: function}))
            return function

        return register
