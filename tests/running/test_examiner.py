"""Checks run beside the student's process, not in it: calls cross as plain data, and only the failing check fails."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder.cells import SETUP, WHOM
from autograder.running import sandbox
from autograder.running.execute import Worker
from autograder.running.limits import Limits
from lib import sealed

LIMITS = Limits(cell_seconds=1.5, total_seconds=30.0, patience=2.0, memory_mib=1024)


@pytest.fixture(scope="module")
def worker():
    worker = Worker()
    yield worker
    worker.close()


def check(source: str, n: int = 0):
    return new_code_cell(source, metadata={"nbgrader": {"grade_id": f"check_{n}", "grade": True, "points": 1}})


def examine(worker, student: str, *checks: str, setup: tuple[str, ...] = (), whom: str = "") -> list[str]:
    """What each check said: "" if it passed, else its error."""
    notebook = new_notebook(cells=[new_code_cell(student), *(check(c, n) for n, c in enumerate(checks))])
    notebook.metadata[SETUP], notebook.metadata[WHOM] = list(setup), whom
    worker.run(notebook, LIMITS)
    errors = [[o for o in cell.outputs if o.output_type == "error"] for cell in notebook.cells[1:]]
    return [f"{e[0].ename}: {e[0].evalue}" if e else "" for e in errors]


def test_functions_and_values_cross(worker):
    student = """
import numpy as np, torch
def double(x, *, extra=0): return 2 * x + extra
def make(): return lambda x: x + 1
def apply(f, x): return f(f(x))
number, words, table, tensor = 0.12, ["a", ("b", 1)], np.eye(2, dtype=np.float32), torch.arange(3)
"""
    verdicts = examine(
        worker,
        student,
        "assert double(3) == 6 and double(1, extra=2) == 4",
        "import numpy as np\nassert np.array_equal(double(np.arange(3)), [0, 2, 4])",
        "assert number == 0.12 and words == ['a', ('b', 1)]",
        "import numpy as np, torch\nassert type(table) is np.ndarray and table.dtype == np.float32 and torch.equal(tensor, torch.arange(3))",
        "assert make()(1) == 2",
        "assert apply(lambda x: x * 10, 1) == 100",
        "assert [double(i) for i in range(3)] == [0, 2, 4]\ndef inner(): return double(5)\nassert inner() == 10",
    )
    assert verdicts == [""] * 7


def test_errors_cross_by_name(worker):
    student = """
class Mine(Exception): pass
def key(): return {}["x"]
def own(): raise Mine("because")
def unsolved(): raise NotImplementedError("not written yet")
def bye(): raise SystemExit(3)
class Empty(ValueError): pass
def empty(): raise Empty("nothing left")
"""
    caught = "try:\n    {}()\n    assert False\nexcept {}: pass"
    checks = ["key()", "own()", "unsolved()", "bye()", "missing()"]
    checks += [caught.format("key", "KeyError"), caught.format("empty", "ValueError")]
    verdicts = examine(worker, student, *checks, "empty()")
    assert verdicts[0].startswith("KeyError")
    assert verdicts[1] == "Mine: because"
    assert verdicts[2] == "NotImplementedError: not written yet"
    assert verdicts[3].startswith("SystemExit")
    assert verdicts[4] == "NameError: name 'missing' is not defined"
    assert verdicts[5:7] == ["", ""]
    assert verdicts[7] == "Empty: nothing left"


def test_what_a_function_does_to_its_arguments_is_seen(worker):
    student = "def spoil(a, b, c):\n    a[0] = 9; b.append(1); c['x'] = 1\n    return 0"
    source = "import numpy as np\na, b, c = np.zeros(2), ['function'], {}\nspoil(a, b, c)\nassert (a.tolist(), b, c) == ([9, 0], ['function', 1], {'x': 1})"
    assert examine(worker, student, source) == [""]


def test_many_cases_cross_together_and_each_is_answered_in_its_turn(worker):
    student = """
seen = []
def f(x):
    seen.append(x)
    if x == 3: raise ValueError("three")
    if x == 4:
        while True: pass
    if isinstance(x, list): x.append(1)
    return 10 * x if isinstance(x, int) else "y" * 9_000
def so_far(): return len(seen)
"""
    asking = "from autograder.checks.judge import calls\nresults = calls('f', f, [[x] for x in {}])\n"
    verdicts = examine(
        worker,
        student,
        asking.format([1, 2]) + "assert list(results) == [10, 20]",
        asking.format([1, 3, 2]) + "assert next(results) == 10\nnext(results)",
        asking.format([1, 4]) + "assert next(results) == 10",
        asking.format([[0], 4]) + "next(results)",
        "assert so_far() == 7",  # Nobody is asked on after a failure.
        asking.format(["x"] * 300) + "assert [len(result) for result in results] == [9000] * 300",
    )
    assert verdicts[0] == verdicts[2] == verdicts[4] == verdicts[5] == ""
    assert verdicts[1] == "AssertionError: f(3) raised ValueError: three"
    assert verdicts[3] == "AssertionError: f changed its argument in place; work on a copy instead"


def test_a_name_that_only_a_demo_defines_is_made_in_the_middle_of_many_cases(worker):
    asking = "from autograder.checks.judge import calls\nassert list(calls('f', f, [[0], [1], [2]])) == [0, 7, 14]"
    cells = [new_code_cell("seven = 7", metadata={"tags": ["demo"]}), new_code_cell("def f(x): return x and x * seven")]
    notebook = new_notebook(cells=[*cells, check(asking)])
    worker.run(notebook, LIMITS)
    assert notebook.cells[-1].outputs == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("while True: pass", "ran for more than"),
        ("import time; time.sleep(99)", "ran for more than"),
        ("import os; os._exit(4)", "exit 4"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        ("return bytes(60 * 2**20)", "larger than"),
    ],
)
def test_a_call_that_goes_wrong_fails_its_check_and_no_other(worker, body, says):
    student = f"state = 5\ndef bad():\n    {body}\ndef good():\n    return state"
    before, broken, after = examine(worker, student, "assert good() == 5", "bad()", "assert good() == 5")
    assert (before, after) == ("", "")
    assert says in broken


def test_no_check_can_swallow_a_dead_process(worker):
    student = "import os\ndef bad(): os._exit(0)"
    source = "try:\n    bad()\nexcept Exception:\n    pass"
    assert examine(worker, student, source)[0].startswith("CellStopped")


def test_the_lessons_own_names_come_from_the_lesson(worker):
    student = "TABLE = [0, 0]\ndef helper(x): return 'mine'\ndef look(): return TABLE"
    verdicts = examine(
        worker, student, "assert TABLE == [1, 2] and helper(1) == 'ours'", "assert look() == [0, 0]",
        setup=("TABLE = [1, 2]", "def helper(x): return 'ours'"),
    )  # fmt: skip
    assert verdicts == ["", ""]


def test_prints_of_checks_are_kept_and_of_calls_are_not(worker):
    notebook = new_notebook(cells=[new_code_cell("def f():\n    print('noise')\n    return 3"), check("print(f())")])
    worker.run(notebook, LIMITS)
    assert [o.text for o in notebook.cells[1].outputs] == ["3\n"]


def test_a_strange_answer_equals_nothing(worker):
    student = """
class Everything:
    def __eq__(self, other): return True
    def __array__(self, *a, **k): return [[1]]
    def __float__(self): return 1.0
def f(): return Everything()
p = Everything()
"""
    verdicts = examine(
        worker, student, "assert f() == 1", "assert p == 1", "import numpy as np\nassert np.allclose(f(), 1)"
    )
    assert all(verdicts)


def test_the_tests_are_not_where_the_student_is(worker):
    """Neither the check's text nor its modules can be found in the student's process, before or during a call."""
    student = """
import gc, sys
def seen():
    everything = [o for o in gc.get_objects() if isinstance(o, (list, tuple, dict))]
    texts = [s for o in everything for s in (o.values() if isinstance(o, dict) else o) if isinstance(s, str)]
    wanted = "-".join(["canary", "of", "the", "hidden", "test"])
    return [any(wanted in t for t in texts), [m for m in sys.modules if "checks" in m or "answers" in m]]
"""
    assert examine(worker, student, "secret = 'canary-of-the-hidden-test'\nassert seen() == [False, []], seen()") == [
        ""
    ]


def test_each_submission_is_judged_on_cases_of_its_own_and_on_the_same_again(worker):
    def drawn(whom):
        source = "from autograder.checks import judge\nraise ValueError(judge.rng(1).integers(10**9))"
        return examine(worker, "", source, whom=whom)

    ada = drawn("Ada/02_next_token")
    assert ada == drawn("Ada/02_next_token")
    assert len({*ada, *drawn("Ada/03_nade"), *drawn("Ben/02_next_token"), *drawn("")}) == 4


# --- Names that demos define ----------------------------------------------------------------------------------------------


def graded_with_demos(worker, *cells: tuple[str, str]) -> list[list[str]]:
    """The errors of each cell; cells are (kind, source), kinds "demo", "own" and "check"."""
    made = []
    for n, (kind, source) in enumerate(cells):
        made.append(check(source, n) if kind == "check" else new_code_cell(source))
        made[-1].metadata.update({"tags": ["demo"]} if kind == "demo" else {})
    notebook = new_notebook(cells=made)
    worker.run(notebook, LIMITS)
    return [[f"{o.ename}: {o.evalue}" for o in c.outputs if o.output_type == "error"] for c in notebook.cells]


def test_an_answer_by_hand_may_use_what_a_demo_defined(worker):
    errors = graded_with_demos(
        worker,
        ("own", "data = [2, 3]"),
        ("demo", "terms = ['an earlier one']"),
        ("demo", "import math\nfor i, x in enumerate(data): pass\nterms = [math.log(x) for x in data]"),
        ("own", "p_mine = -sum(terms) / len(terms)"),
        ("demo", "terms = ['a later one']"),
        ("check", "import math\nassert math.isclose(p_mine, -math.log(6) / 2)"),
    )
    assert errors == [[]] * 6


def test_a_demo_may_need_another_demo(worker):
    errors = graded_with_demos(
        worker,
        ("demo", "def changes(before, after): return [i for i, x in enumerate(before) if x != after[i]]"),
        ("demo", "with open('scores', 'w') as file: pass\ndef probe(f): return changes(f([0, 0]), f([0, 1]))"),
        ("own", "found_leaks = probe(lambda x: [x[1], x[0]])"),
        ("check", "assert found_leaks == [0]"),
    )
    assert errors == [[]] * 4


def test_a_function_may_use_what_a_demo_defined(worker):
    errors = graded_with_demos(
        worker,
        ("demo", "step = 2"),
        ("demo", "offset = 3 * step"),
        ("own", "def shifted(x): return x + offset + step"),
        ("check", "assert shifted(1) == 9 and shifted(2) == 10"),
    )
    assert errors == [[]] * 4


def test_what_is_there_stays_as_it_is(worker):
    errors = graded_with_demos(
        worker,
        ("demo", "mine, extra = 'of the demo', 5"),
        ("own", "mine = 'of the student'"),
        ("own", "both = (mine, extra)"),
        ("check", "assert both == ('of the student', 5) and mine == 'of the student'"),
    )
    assert errors == [[]] * 4


def test_a_demo_that_fails_is_named_with_its_reason(worker):
    errors = graded_with_demos(
        worker,
        ("demo", "from lib.models.nowhere import NADE\nnetwork = NADE(4, 2)"),
        ("own", "answer = network.n"),
        ("own", "def use(): return network.n"),
        ("check", "use()"),
        ("own", "nobody + 1"),
    )
    for said in (errors[1][0], errors[3][0]):
        assert said.startswith(
            "NameError: name 'network' is not defined; the cell `from lib.models.nowhere import NADE` failed:"
        )
        assert "lib.models is not there when grading" in said
    assert errors[4] == ["NameError: name 'nobody' is not defined"]


def test_what_lib_holds_finished_is_not_there(worker):
    """However it is asked for; and what else an answer may want of `lib` is."""
    answers = (
        *(f"import {name}" for name in sealed.FINISHED),
        "from lib.sampling import top_k",
        "from lib import sampling",
        "from lib.models.made import paths",
        "import importlib\nimportlib.import_module('lib.mu_law')",
        "from lib.audio import load_spoken_digits\nload_spoken_digits()",
        "open(__import__('lib').__path__[0] + '/sampling.py').close()",
        "from lib import audio, causality, data, information, keyed, text, training",
    )
    cells = [new_code_cell(source) for source in answers]
    worker.run(new_notebook(cells=[*cells, check("pass")]), LIMITS)
    errors = [[f"{o.ename}: {o.evalue}" for o in cell.outputs if o.output_type == "error"] for cell in cells]
    assert errors.pop() == []
    if opened := errors.pop():
        assert opened[0].startswith("FileNotFoundError")
    else:
        assert sandbox.unprotected()
    for error in errors:
        assert error[0].startswith("ModuleNotFoundError") and "is not there when grading" in error[0]


def test_a_name_whose_cell_failed_is_told_why(worker):
    said = examine(worker, "from lib.sampling import top_k\nmine = 1", "top_k(1)", "assert mine", "assert other")
    why = "the cell that defines it failed: ModuleNotFoundError: No module named 'lib.sampling'; lib.sampling is not there when grading"
    assert said[0].startswith(f"NameError: name 'top_k' is not defined; {why}")
    assert said[1].startswith(
        "NameError: name 'mine' is not defined; the cell that defines it failed: ModuleNotFoundError"
    )
    assert said[2] == "NameError: name 'other' is not defined"


def test_a_demo_that_takes_too_long_leaves_the_rest_alone(worker):
    errors = graded_with_demos(
        worker,
        ("demo", "while True: pass\nslow = 1"),
        ("own", "slow + 1"),
        ("own", "fine = 1"),
        ("check", "assert fine == 1"),
    )
    assert "slow" in errors[1][0]
    assert errors[2:] == [[], []]


def test_the_name_that_checks_used_is_told(worker):
    cells = [
        new_code_cell("student_name = 'Ada'"),
        new_code_cell("student_name = ' Ben' + 'x' * 500"),
        check("student_name"),
    ]
    notebook = new_notebook(cells=cells)
    (name,) = worker.run(notebook, LIMITS).names
    assert name.startswith("Benxxx")
    assert len(name) < 200
