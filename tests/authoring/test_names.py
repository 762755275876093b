"""What a lesson's exercises lean on though grading skips it is found, with its line, and nothing else is."""

import pytest

from autograder.authoring import names
from autograder.course import Lesson, lessons

LESSON = """# %% demo
step = 3

# %% [markdown]
# Use `step` and `x`.

# %% exercise f
def f(x):
    ### BEGIN SOLUTION
    return SOLUTION
    ### END SOLUTION

# %% check f 1 point
assert f(1) == 4
### BEGIN HIDDEN TESTS
assert f(2) == 5
### END HIDDEN TESTS
"""


def leanings(monkeypatch, tmp_path, text):
    monkeypatch.setattr("autograder.course.ROOT", tmp_path)
    lesson = Lesson("01_toy")
    lesson.source.parent.mkdir(parents=True)
    lesson.source.write_text(text)
    return [(found.line, found.wrong) for found in names.leanings(lesson)]


@pytest.mark.parametrize(
    ("solution", "wrong"),
    [
        ("x + 3", []),
        ("x + step", [(10, True)]),
        ("[x + step for step in [3]][0]", []),
    ],
)
def test_a_solution_that_needs_a_demo_is_wrong_and_text_is_a_warning(monkeypatch, tmp_path, solution, wrong):
    assert leanings(monkeypatch, tmp_path, LESSON.replace("SOLUTION\n    ###", f"{solution}\n    ###")) == [
        (5, False),
        *wrong,
    ]


def test_models_in_an_exercise_are_wrong(monkeypatch, tmp_path):
    text = LESSON.replace("def f", "from lib.models.made import MADE\ndef f").replace("return SOLUTION", "return x + 3")
    assert (8, True) in leanings(monkeypatch, tmp_path, text)


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_no_exercise_of_the_course_needs_a_demo(lesson):
    assert [found for found in names.leanings(lesson) if found.wrong] == []
