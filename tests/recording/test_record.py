"""What a record tells of lost points: each reason in one sentence, with the error that a TA would look for."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder.recording.record import lost_points
from autograder.running.execute import Worker
from autograder.running.limits import Limits


@pytest.fixture(scope="module")
def worker():
    worker = Worker()
    yield worker
    worker.close()


def why(worker, *cells: str, demo: str = "") -> str:
    """Why the check of `p_mine` lost its points."""
    check = new_code_cell("assert p_mine == 1, 'p_mine: not the probability'")
    check.metadata.nbgrader = {
        "grade": True, "grade_id": "check_p_mine", "points": 2, "solution": False, "cell_type": "code",
    }  # fmt: skip
    notebook = new_notebook(cells=[new_code_cell(demo, metadata={"tags": ["demo"]}), *map(new_code_cell, cells), check])
    worker.run(notebook, Limits(cell_seconds=1.0))
    return lost_points(notebook)["p_mine"]


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (
            "# by hand\n\np_mine = k + 1",
            "p_mine is not defined: its cell raised NameError: name 'k' is not defined (line 3)",
        ),
        (
            "def half(x):\n    return x / 0\n\np_mine = half(1)",
            "p_mine is not defined: its cell raised ZeroDivisionError: division by zero (line 4)",
        ),
        ("p_mine = 3 +", "p_mine is not defined: its cell raised SyntaxError: invalid syntax (line 1)"),
        ("x = 1", "p_mine is not defined: no cell of the notebook defines it"),
        ("p_mine = 1\ndel p_mine", "p_mine is not defined: its cell did not define it"),
        ("raise NotImplementedError\np_mine = 1", "not attempted"),
        ("p_mine = 2", "p_mine: not the probability"),
    ],
)
def test_a_name_that_is_not_there_says_what_became_of_its_cell(worker, cell, says):
    assert why(worker, cell) == says


def test_a_cell_that_ran_too_long_is_said_to(worker):
    told = why(worker, "while True: pass\np_mine = 1")
    assert told.startswith("p_mine is not defined: its cell was cut short (")
    assert "ran for more than" in told


def test_a_demo_that_failed_is_named(worker):
    told = why(worker, "p_mine = made.p", demo="import lib.models.nowhere\nmade = lib.models.nowhere.Model()")
    assert told.startswith(
        "p_mine is not defined: its cell raised NameError: name 'made' is not defined; the cell `import"
    )
    assert "lib.models is not there when grading" in told
