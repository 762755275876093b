"""A sample class with every kind of submission there is, for `make demo` and for the end-to-end tests.

Its answers come from `autograder.answers`, put into the students' own notebook; its broken submissions are what students
and file systems really produce. `CLASS` tells each student's story; `export` writes what an LMS would export.
"""

from __future__ import annotations

import ast
import copy
import inspect
import json
import math
import textwrap
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nbgrader.api import Gradebook as Database

from autograder.answers import Answer
from autograder.authoring.source import CHECK_PREFIX
from autograder.course import CourseError, Gradebook, Lesson, lessons, write_whole
from autograder.proving import proof
from autograder.recording.tasks import submissions
from autograder.running.limits import Limits

# Infinite loops are part of the class, and every one costs its time limit.
LIMITS = Limits(cell_seconds=5.0, total_seconds=30.0)
_IMPORTS = "import itertools\nimport math\nfrom decimal import Decimal\nfrom fractions import Fraction\n\nimport numpy as np\nimport torch\n"

Notebook = dict[str, Any]
Files = dict[str, bytes]


@dataclass(frozen=True)
class Student:
    """One sample student: `hands_in(lesson, name)` gives the files of a submission by name; `enrolled` students are on the roster."""

    name: str
    story: str
    hands_in: Callable[[Lesson, str], Files]
    enrolled: bool = True


# --- Notebooks, from the one students get -----------------------------------------------------------------------------


def handed_out(lesson: Lesson) -> Notebook:
    """The student notebook as parsed JSON, nothing solved."""
    notebook: Notebook = json.loads(lesson.release.read_bytes())
    return notebook


def solved(lesson: Lesson, answers: dict[str, str], name: str) -> Notebook:
    """The student notebook with the lesson's own solutions, `answers` (exercise to source) in place of some of them, and
    `name` entered where the student's own name is asked for."""
    answers = {e: f"{e} = {right(name)!r}" for e, right in proof.answers(lesson).personal.items()} | answers
    solutions = {_grade_id(c): _text(c) for c in json.loads(lesson.solution.read_bytes())["cells"]}
    notebook = handed_out(lesson)
    for cell in notebook["cells"]:
        exercise = _grade_id(cell)
        if exercise and not exercise.startswith(CHECK_PREFIX):
            own, other = _without_markers(solutions[exercise]), answers.get(exercise, "")
            # Typed answers may be given in part: the others are the lesson's own.
            cell["source"] = other if f"def {exercise}(" in other else f"{own}\n{other}".strip()
        if exercise == "student_name":
            cell["source"] = f"student_name = {name!r}"
    return notebook


def source_of(answer: Answer) -> str:
    """An answer as a student would hand it in: the source of one cell."""
    lines = [_IMPORTS]
    for name, value in answer.values.items():
        if not inspect.isfunction(value):
            lines.append(f"{name} = {_literal(value)}")
            continue
        definition = ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]
        assert isinstance(definition, ast.FunctionDef)
        definition.name, definition.decorator_list = name, []
        lines.append(ast.unparse(definition))
    return "\n".join(lines)


def _literal(value: Any) -> str:
    """The value as Python source."""
    if isinstance(value, torch.Tensor):
        return f"torch.tensor({value.tolist()!r})"
    if isinstance(value, np.ndarray):
        return f"np.array({value.tolist()!r})"
    if isinstance(value, (list, tuple)):
        items = "".join(f"{_literal(v)}, " for v in value)
        return f"[{items}]" if isinstance(value, list) else f"({items})"
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(float(value))!r})"
    return repr(value)


def _answers(lesson: Lesson, right: bool, pick: int, me: str) -> dict[str, str]:
    """The pick-th right or wrong answer to every exercise (counting round)."""
    chosen = {}
    for exercise in proof.exercises(lesson):
        if exercise in proof.answers(lesson).personal:
            # Its right answer depends on the name typed, and `solved` enters it.
            if not right:
                chosen[exercise] = f"{exercise} = {proof.answers(lesson).personal_mistake(exercise, me)!r}"
            continue
        mine = [a for a in proof.answers(lesson).all if a.exercise == exercise and a.right == right]
        if mine:
            chosen[exercise] = source_of(mine[pick % len(mine)])
    return chosen


def _grade_id(cell: dict[str, Any]) -> str:
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))


def _text(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def _without_markers(source: str) -> str:
    return "\n".join(line for line in source.splitlines() if not line.strip().startswith("### "))


# --- The class --------------------------------------------------------------------------------------------------------
# Every function below makes what the student called `me` hands in for a lesson.


def _right(lesson: Lesson, me: str) -> Notebook:
    return solved(lesson, {}, me)


def _right_style(pick: int) -> Callable[[Lesson, str], Notebook]:
    return lambda lesson, me: solved(lesson, _answers(lesson, True, pick, me), me)


def _wrong(lesson: Lesson, me: str) -> Notebook:
    return solved(lesson, _answers(lesson, right=False, pick=0, me=me), me)


def _half_wrong(lesson: Lesson, me: str) -> Notebook:
    wrong = _answers(lesson, right=False, pick=1, me=me)
    return solved(lesson, dict(list(wrong.items())[::2]), me)


def _blank(lesson: Lesson, me: str) -> Notebook:
    return handed_out(lesson)


def _first_function(body: str) -> Callable[[Lesson, str], Notebook]:
    """Right, but calling the lesson's first function does something terrible."""

    def make(lesson: Lesson, me: str) -> Notebook:
        right = [a for a in proof.answers(lesson).all if a.right]
        first = next(e for e in proof.exercises(lesson) if any(callable(a.values.get(e)) for a in right))
        return solved(lesson, {first: f"def {first}(*anything):\n" + textwrap.indent(body, "    ")}, me)

    return make


def _syntax_error(lesson: Lesson, me: str) -> Notebook:
    first = next(iter(proof.exercises(lesson)))
    return solved(lesson, {first: f"def {first}(x):\n    return x +"}, me)


def _extra_cell(source: str, at: int = 1) -> Callable[[Lesson, str], Notebook]:
    """Right, with one cell more."""

    def make(lesson: Lesson, me: str) -> Notebook:
        notebook = _right(lesson, me)
        cell: Notebook = {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
        notebook["cells"].insert(at, cell)
        return notebook

    return make


def _checks_become(
    change: Callable[[Notebook], list[Notebook]], base: Callable[[Lesson, str], Notebook]
) -> Callable[[Lesson, str], Notebook]:
    """The notebook `base`, with every check cell replaced by what `change` makes of it."""

    def make(lesson: Lesson, me: str) -> Notebook:
        notebook = base(lesson, me)
        changed = [change(c) if _grade_id(c).startswith(CHECK_PREFIX) else [c] for c in notebook["cells"]]
        return notebook | {"cells": [cell for cells in changed for cell in cells]}

    return make


def _worth_1000(cell: Notebook) -> list[Notebook]:
    cell["metadata"]["nbgrader"]["points"] = 1000
    return [cell | {"source": "print('all tests passed')"}]


def _notebook(make: Callable[[Lesson, str], Notebook]) -> Callable[[Lesson, str], Files]:
    return lambda lesson, me: {f"{lesson.name}.ipynb": _json(make(lesson, me))}


def _json(notebook: Notebook) -> bytes:
    return json.dumps(notebook, ensure_ascii=False, indent=1).encode()


def _bytes(make: Callable[[Lesson, str], bytes], ending: str = "ipynb") -> Callable[[Lesson, str], Files]:
    return lambda lesson, me: {f"{lesson.name}.{ending}": make(lesson, me)}


_STUBBORN = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"

CLASS = [
    Student("Amélie Dubois", "all right", _notebook(_right)),
    Student("Bao Nguyen", "all right, in another style", _notebook(_right_style(0))),
    Student("Chiara Rossi", "all right, in a third style", _notebook(_right_style(1))),
    Student("Dmitri Orlov", "all right, in a fourth style", _notebook(_right_style(2))),
    Student("Elif Kaya", "all right, with Amélie's name typed for the personal sequence", _notebook(lambda x, me: _right(x, "Amélie Dubois"))),
    Student("Ines Silva", "a syntax error in one cell", _notebook(_syntax_error)),
    Student("Jonas Weber", "every other exercise wrong", _notebook(_half_wrong)),
    Student("Kofi Mensah", "every exercise wrong", _notebook(_wrong)),
    Student("Lena Novak", "nothing solved", _notebook(_blank)),
    Student("broken empty file", "an empty file", _bytes(lambda x, me: b"")),
    Student("broken format", "a notebook format of the future", _notebook(lambda x, me: _right(x, me) | {"nbformat": 99})),
    Student("broken import", "the first cell raises", _notebook(_extra_cell("import a_package_nobody_has", at=0))),
    Student("broken infinite loop", "a function never returns", _notebook(_first_function("while True: pass"))),
    Student("broken JSON", "a download cut short", _bytes(lambda x, me: _json(_right(x, me))[:-2000])),
    Student("broken kernel killed", "a cell kills its own process", _notebook(_extra_cell("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"))),
    Student("broken no notebook", "a PDF instead of the notebook", _bytes(lambda x, me: b"%PDF-1.4", ending="pdf")),
    Student("broken os._exit", "a function ends its process", _notebook(_first_function("import os; os._exit(0)"))),
    Student("broken output flood", "a cell prints 1 GB", _notebook(_extra_cell("for _ in range(1000):\n    print('x' * 10**6)"))),
    Student("broken stubborn loop", "a loop that catches every interrupt", _notebook(_first_function(_STUBBORN))),
    Student("cells deleted", "all right, the check cells deleted", _notebook(_checks_become(lambda c: [], _right))),
    Student("cells duplicated", "all right, the check cells twice", _notebook(_checks_become(lambda c: [c, copy.deepcopy(c)], _right))),
    Student("cells edited", "nothing solved, the check cells emptied and worth 1000 points", _notebook(_checks_become(_worth_1000, _blank))),
    Student("unknown student", "all right, but not on the roster", _notebook(_right), enrolled=False),
]  # fmt: skip


def export(path: Path, which: list[Lesson]) -> Path:
    """Write the class as an LMS exports it: a zip with a folder per student."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for lesson in which:
            for student in CLASS:
                for name, content in student.hands_in(lesson, student.name).items():
                    info = zipfile.ZipInfo(
                        f"export/{student.name}/{lesson.name}/{name}", date_time=(2026, 1, 15, 12, 0, 0)
                    )
                    archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


def enrol(gradebook: Gradebook) -> None:
    """Write the roster of the sample class."""
    names = [student.name for student in CLASS if student.enrolled]
    write_whole(gradebook.folder / "roster.csv", "\n".join(["id", *names]) + "\n")


def refuse_real_class(gradebook: Gradebook) -> None:
    """Raises CourseError if the gradebook, folder or database, holds students who are not of the sample class."""
    known = {student.name for student in CLASS}
    found = {student for student, _, _ in submissions(gradebook, lessons())}
    if gradebook.has_database():
        with Database(gradebook.db_url) as database:
            found |= {student.id for student in database.students}
    others = sorted(found - known)
    if others:
        raise CourseError(
            f"{gradebook.folder} or its database holds a real class ({others[0]!r} and {len(others) - 1} others). The sample "
            "class would mix with it; give it a folder of its own, without AUTOGRADER_DB: autograder demo --gradebook /tmp/sample"
        )
