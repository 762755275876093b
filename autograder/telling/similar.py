"""Answers that are the same code but for the names in it: a list to look at, never a verdict.

Two people may well think alike. So nothing is listed that is short or only typed values, that repeats what was handed out, or
that most of those who answered have too; and whoever reads the list is told which answers are also the lesson's own.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.authoring.source import CHECK_PREFIX
from autograder.course import Gradebook, Lesson
from autograder.recording.tasks import submissions

OWN_WORDS = 50
"""An answer has at least so many words and signs that were not handed out."""
LONGEST = 50_000  # characters of a cell that is looked at; what is longer is no answer
# Without any of these, an answer is values that were typed: all who have them right have the same.
_CODE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.Call, ast.For, ast.While, ast.comprehension)
_WORD = re.compile(r"\w+|[^\w\s]")
_MARKER = re.compile(r"^\s*### (BEGIN|END) SOLUTION.*$", re.MULTILINE)


@dataclass(frozen=True)
class Alike:
    """Students whose answers to these exercises of a lesson are the same; `words` is how much of it is their own, together,
    `reference` names the exercises where the lesson's solution reads the same too."""

    lesson: str
    students: tuple[str, ...]
    exercises: tuple[str, ...]
    words: int
    reference: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """An answer with its names taken away, and how many words of it were not handed out."""

    shape: str
    words: int


def alike(gradebook: Gradebook, lessons: Iterable[Lesson]) -> list[Alike]:
    """The groups of students with the same answers, those who share most first."""
    found = [group for lesson in lessons for group in _in_lesson(gradebook, lesson)]
    return sorted(found, key=lambda group: (-group.words, group.lesson, group.students))


def _in_lesson(gradebook: Gradebook, lesson: Lesson) -> list[Alike]:
    given = set()
    for cell in _cells(lesson.release):
        given |= set(_lines(_text(cell)))
    own = {name: answer(text, given) for name, text in _answers(lesson.solution).items()}
    untouched = _answers(lesson.release)
    answers: dict[str, dict[str, Answer]] = defaultdict(dict)
    answered: Counter[str] = Counter()
    read: dict[str, Answer | None] = {}  # Many cells are the same to the letter.
    for student, _, _ in submissions(gradebook, [lesson]):
        for name, text in _answers(gradebook.autograded / student / lesson.name / f"{lesson.name}.ipynb").items():
            if name in own and text != untouched.get(name):
                answered[name] += 1
                if text not in read:
                    read[text] = answer(text, given)
                if (found := read[text]) and found.words >= OWN_WORDS:
                    answers[name][student] = found
    groups: dict[tuple[str, ...], list[tuple[str, int, bool]]] = defaultdict(list)
    for name, theirs in answers.items():
        by_shape: dict[str, list[str]] = defaultdict(list)
        for student, found in theirs.items():
            by_shape[found.shape].append(student)
        for shape, students in by_shape.items():
            most = len(students) > 2 and 2 * len(students) > answered[name]
            if len(students) > 1 and not most:
                words = min(theirs[student].words for student in students)
                reference = own[name]
                groups[tuple(sorted(students))].append(
                    (name, words, reference is not None and reference.shape == shape)
                )
    return [
        Alike(
            lesson.name, students, tuple(name for name, _, _ in shared), sum(words for _, words, _ in shared),
            tuple(name for name, _, same in shared if same),
        )
        for students, shared in groups.items()
    ]  # fmt: skip


def answer(source: str, given: set[str]) -> Answer | None:
    """A cell's code without its names, comments, imports, annotations and layout; None if it cannot be read or is no code.

    `given` are the lines that were handed out, as `_lines` has them.
    """
    own = [line for line in _lines(source) if line not in given]
    tree = _parsed(source)
    if tree is None or not any(isinstance(node, _CODE) for node in ast.walk(tree)):
        return None
    try:
        bare = _Bare(tree).visit(tree)
        return Answer(ast.unparse(bare), sum(len(_WORD.findall(line)) for line in own))
    except (RecursionError, ValueError, MemoryError):
        return None


def _parsed(source: str) -> ast.Module | None:
    if len(source) > LONGEST:
        return None
    # Lines that only a notebook understands.
    plain = "\n".join(line for line in _MARKER.sub("", source).split("\n") if not line.lstrip().startswith(("%", "!")))
    try:
        return ast.parse(plain)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _lines(source: str) -> list[str]:
    """The code's lines in one layout, a statement each."""
    tree = _parsed(source)
    try:
        return [] if tree is None else [line.strip() for line in ast.unparse(tree).splitlines()]
    except (RecursionError, ValueError, MemoryError):
        return []


class _Bare(ast.NodeTransformer):
    """Numbers the names that the code itself binds, in order of appearance, and drops what is no code."""

    def __init__(self, tree: ast.Module):
        self._bound: set[str] = set()
        self._numbers: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self._bound.add(node.id)
            elif isinstance(node, ast.arg):
                self._bound.add(node.arg)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or (
                isinstance(node, ast.ExceptHandler) and node.name
            ):
                self._bound.add(str(node.name))

    def _number(self, name: str) -> str:
        return self._numbers.setdefault(name, f"n{len(self._numbers)}") if name in self._bound else name

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            return None
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return None  # Documentation, or `...`.
        if isinstance(node, ast.AnnAssign):
            if node.value is None:
                return None
            node = ast.copy_location(ast.Assign([node.target], node.value), node)
        for field in ("id", "arg", "name"):
            if isinstance(value := getattr(node, field, None), str) and not isinstance(node, (ast.keyword, ast.alias)):
                setattr(node, field, self._number(value))
        for field in ("annotation", "returns"):
            if hasattr(node, field):
                setattr(node, field, None)
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            node.names = [self._number(name) for name in node.names]
        self.generic_visit(node)
        if hasattr(node, "body") and node.body == []:
            node.body = [ast.Pass()]
        return node


def _answers(notebook: Path) -> dict[str, str]:
    """The code of each exercise in a notebook; empty if it cannot be read."""
    found: dict[str, str] = {}
    for cell in _cells(notebook):
        marks = cell["metadata"].get("nbgrader")
        name = marks.get("grade_id") if isinstance(marks, dict) else None
        if isinstance(name, str) and not name.startswith(CHECK_PREFIX):
            found.setdefault(name, _text(cell))
    return found


def _cells(notebook: Path) -> list[dict[str, Any]]:
    try:
        cells = json.loads(notebook.read_bytes())["cells"]
        return [cell for cell in cells if cell["cell_type"] == "code" and isinstance(cell["metadata"], dict)]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def _text(cell: dict[str, Any]) -> str:
    return "".join(cell.get("source", ""))
