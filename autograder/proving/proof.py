"""Prove the checks: every wrong answer in `autograder.answers` must lose its points, every right one must keep them.

An answer is put in the place of the lesson's solution, and the whole check cell is run on it, visible test and hidden.
"""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from autograder.answers import Answer, Answers
from autograder.authoring import source
from autograder.cells import is_demo
from autograder.checks import judge
from autograder.course import Lesson

MIN_WRONG, MIN_RIGHT = 6, 3


@dataclass(frozen=True)
class Verdict:
    """What a check said to an answer: `message` is None if it passed."""

    answer: Answer
    message: str | None

    @property
    def fair(self) -> bool:
        """Whether the check decided as it should."""
        return (self.message is None) == self.answer.right


def answers(lesson: Lesson) -> Answers:
    """The lesson's answers, from `autograder.answers`."""
    found = importlib.import_module(f"autograder.answers.{lesson.topic}").answers
    assert isinstance(found, Answers)
    return found


def exercises(lesson: Lesson) -> dict[str, NotebookNode]:
    """The check cell of every exercise with points, by the exercise's name, in the lesson's order."""
    cells = source.read(lesson).notebook.cells
    graded = [c for c in cells if c.metadata.get("nbgrader", {}).get("grade")]
    return {c.metadata.nbgrader.grade_id.removeprefix(source.CHECK_PREFIX): c for c in graded}


def draws(lesson: Lesson, count: int) -> list[str]:
    """Whose cases to try the answers on, for `verdicts`: nobody's first, then those of made-up students."""
    return ["", *(f"draw {k}/{lesson.name}" for k in range(1, count))]


def verdicts(lesson: Lesson, whom: str = "") -> Iterator[Verdict]:
    """Try every answer of a lesson, in the lesson's order, on the hidden cases of `whom` ("student/lesson").

    The lesson's own solution comes first, as a right answer.
    """
    checks = exercises(lesson)
    solved = _solved(lesson)
    written = answers(lesson).all
    unknown = {a.exercise for a in written} - set(checks)
    assert not unknown, f"answers to exercises that {lesson.name} does not have: {sorted(unknown)}"
    for name, check in checks.items():
        own = Answer(name, True, "the lesson's own solution", {})
        for answer in [own, *(a for a in written if a.exercise == name)]:
            with judge.cases_for(whom):
                message = _judge(check.source, solved | answer.values)
            yield Verdict(answer, message)


def _solved(lesson: Lesson) -> dict[str, Any]:
    """The names a solved lesson defines outside its demos and checks."""
    names: dict[str, Any] = {"__name__": "__lesson__"}
    for cell in source.read(lesson).notebook.cells:
        if cell.cell_type == "code" and not is_demo(cell) and not cell.metadata.get("nbgrader", {}).get("grade"):
            exec(compile(cell.source, f"{lesson.name} [{cell.id}]", "exec"), names)
    return names


def _judge(check: str, names: dict[str, Any]) -> str | None:
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            exec(compile(check, "check", "exec"), names)
    except Exception as error:
        return f"{type(error).__name__}: {error}" if not isinstance(error, AssertionError) else str(error)
    return None
