"""A student's hour with the bundle in JupyterLab: open a lesson, run it, move what can be moved, answer, solve, validate."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest

from autograder.authoring.run_all import MORE
from autograder.authoring.source import read
from autograder.course import Lesson, lessons
from autograder.running import skipped
from tests.browser.notebook import Notebook
from tests.browser.serve import SCREENS

LESSONS = [lesson for lesson in lessons() if not lesson.is_exam]
# These are run from the first cell to the last; of the others what their controls need, since trainings take minutes.
IN_FULL = ("01", "02")
_IMPORTED = re.compile(r"from lib\.controls\.\w+ import (?P<names>.+)")


@pytest.fixture
def opened(page: Any, lab: dict[str, Any]):
    """Opens lessons; ends their kernels afterwards."""
    notebooks = []

    def open_lesson(lesson: Lesson) -> Notebook:
        notebooks.append(Notebook(page, lab, f"{lesson.name}/{lesson.name}.ipynb"))
        return notebooks[-1]

    yield open_lesson
    for notebook in notebooks:
        notebook.close()


def controls(sources: list[str]) -> list[int]:
    """The cells that show a control: they end in a call of what `lib.controls` makes."""
    found = []
    for n, source in enumerate(sources):
        names = [
            part.split(" as ")[-1].strip() for match in _IMPORTED.finditer(source) for part in match["names"].split(",")
        ]
        made = [name for name in names if not name.startswith("draw_") and name.islower()]
        if made and re.match(rf"(?:{'|'.join(made)})\(", (source.strip().splitlines() or [""])[-1]):
            found.append(n)
    return found


def lighter(source: str) -> str:
    """The cell with one epoch for each training and fewer digits to read: a control asks for no more."""
    return re.sub(r"\b60\b", "8", re.sub(r"epochs=\d+", "epochs=1", source))


def needed(sources: list[str], n: int) -> list[int]:
    """The cells before that a cell needs, by the names that they bind."""
    cells = [skipped.read(i, source, str) for i, source in enumerate(sources) if _is_python(source)]
    wanted = next(cell.needs for cell in cells if cell.position == n)
    return sorted({cell.position for name in wanted for cell in skipped.to_run(cells, name, n, dir(__builtins__))})


def _is_python(source: str) -> bool:
    try:
        return bool(ast.parse(source).body)
    except SyntaxError:
        return False


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_a_lesson_runs_and_its_controls_its_quiz_and_its_cards_work(lesson, opened, page):
    notebook = opened(lesson)
    page.screenshot(path=SCREENS / f"{lesson.name}_opened.png")
    sources = notebook.sources()
    shown = controls(sources)
    assert shown
    in_full = lesson.name.startswith(IN_FULL)
    if in_full:
        notebook.run_all()
    solved = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in read(lesson).notebook.cells
        if "nbgrader" in cell.metadata
    }
    for n in shown:
        if not in_full:
            for before in [1, *needed(sources, n), n]:
                notebook.type(before, lighter(solved.get(notebook.grade_id(before), sources[before])))
                notebook.run(before)
        cell = notebook.show(n)
        assert notebook.move_every_control(cell) > 1
        page.screenshot(path=SCREENS / f"{lesson.name}_control.png")

    def practice(called: str):
        n = next(n for n, source in enumerate(sources) if f"\n{called}(" in source)
        return notebook.show(n) if in_full else notebook.run(n)

    cell = practice("quiz")
    right = cell.locator(".MCButton[data-correct=true]").first
    right.click()
    page.wait_for_function("button => button.classList.contains('correctButton')", arg=right.element_handle())
    assert cell.locator(".Feedback", has_text=re.compile(r"\w")).count() == 1
    page.screenshot(path=SCREENS / f"{lesson.name}_quiz.png")

    card = practice("flashcards").locator(".flip-container").first
    card.click()
    page.wait_for_function("card => card.classList.contains('flip')", arg=card.element_handle())
    page.screenshot(path=SCREENS / f"{lesson.name}_card.png")


def test_an_exercise_is_solved_and_validated(opened, page):
    lesson = LESSONS[0]
    notebook = opened(lesson)
    notebook.run(1)
    exercise, check = notebook.named("joint_probability"), notebook.named("check_joint_probability")
    notebook.run(exercise)
    notebook.run(check)
    assert MORE not in notebook.output(check)
    notebook.type(exercise, "def joint_probability(conditionals):\n    return math.prod(conditionals)")
    notebook.run(exercise)
    notebook.run(check)
    assert MORE in notebook.output(check)
    page.screenshot(path=SCREENS / "exercise_solved.png")
    page.get_by_role("button", name="Validate").click()
    told = page.locator(".jp-Dialog", has_text="Validation")
    told.wait_for()
    said = told.inner_text()
    page.screenshot(path=SCREENS / "validated.png")
    assert "failed" in said
    assert "joint_probability([0.5])" not in said
