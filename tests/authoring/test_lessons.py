"""Every lesson has the same bones: the same parts in the same order, hints, a quiz of six, flashcards, a drill."""

import ast
import re

import pytest

from autograder.authoring import source
from autograder.course import ROOT, lessons
from autograder.proving.proof import exercises

PARTS = [
    "A picture first",
    "The idea",
    "Build it",
    "Watch it work",
    "Play",
    "Spot the causality bug",
    "Take it with you",
]
CLOSE = ["Pitfalls", "Self-check: six questions", "Flashcards", "The one-line version", "Further reading"]


@pytest.fixture(params=[x for x in lessons() if not x.is_exam], ids=lambda lesson: lesson.name)
def lesson(request):
    return request.param


@pytest.fixture
def cells(lesson):
    return source.read(lesson).notebook.cells


def prose(cells):
    return "\n\n".join(c.source for c in cells if c.cell_type == "markdown")


def test_parts_come_in_order(lesson, cells):
    headings = re.findall(r"^(#+) (.+)$", prose(cells), flags=re.MULTILINE)
    assert headings[0][0] == "#"
    assert headings[0][1].startswith(f"{lesson.name[:2]} · ")
    assert [text for level, text in headings if level == "##"] == PARTS
    assert [text for level, text in headings if level == "###"][-len(CLOSE) :] == CLOSE
    assert sum(level == "#" for level, _ in headings) == 1


def test_the_promise_tells_time_and_needs(cells):
    opening = cells[0].source
    for word in ("**Promise.**", "**Time.**", "**You need.**", "minutes to read", "to practise"):
        assert word in opening


def test_exercises_are_stated_and_hinted(lesson, cells):
    checks = exercises(lesson)
    assert len(checks) >= 7
    assert prose(cells).count("<summary>Hint</summary>") >= 0.6 * len(checks)
    for name, check in checks.items():
        visible = check.source.partition("### BEGIN HIDDEN TESTS")[0]
        assert "assert" in visible or "typed(" in visible, f"{name} has no visible test"
        call = check.source.partition("### BEGIN HIDDEN TESTS")[2]
        assert f"checks.check_{name}(" in call, f"{name}'s hidden test is not check_{name}"


def test_functions_to_write_say_shapes_and_units(cells):
    for cell in cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            for node in ast.parse(cell.source).body:
                if isinstance(node, ast.FunctionDef):
                    assert "eturns" in (ast.get_docstring(node) or ""), node.name


def test_quiz_has_six_questions_and_cards_are_some_ten(cells):
    practice = "\n".join(c.source for c in cells if c.metadata.get("jupyter", {}).get("source_hidden"))
    calls = [n for n in ast.walk(ast.parse(practice)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    by_name = {name: [c for c in calls if c.func.id == name] for name in ("quiz", "choice", "numeric", "flashcards")}
    assert len(by_name["quiz"]) == len(by_name["flashcards"]) == 1
    assert len(by_name["quiz"][0].args) == len(by_name["choice"]) + len(by_name["numeric"]) == 6
    assert 8 <= len(by_name["flashcards"][0].args[0].elts) <= 12


def test_there_is_something_to_move_and_something_to_probe(cells):
    code = "\n".join(c.source for c in cells if c.cell_type == "code")
    assert "from lib.controls." in code
    assert "lib.causality import" in code


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_the_readme_lists_the_lesson(lesson):
    assert f"solutions/{lesson.name}/{lesson.name}.ipynb" in (ROOT / "README.md").read_text(encoding="utf-8")
