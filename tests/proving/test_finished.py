"""No function of `lib` that is there when grading answers an exercise, and what answers one is in the table of `autograder.checks.finished`.

Each exercise's visible test is run on the lesson's own solution, and the calls it makes are made to every function of `lib`, with
the arguments as they are, as tensors and as arrays. What gives the same values is put in the place of the solution, and the whole
check says whether it passes.
"""

import contextlib
import copy
import importlib
import inspect
import io
import itertools
import pkgutil
import re
import types

import numpy as np
import pytest
import torch

import lib
from autograder.checks.finished import ANSWERS
from autograder.course import lessons
from autograder.proving import proof
from lib import sealed

# Do something else than to compute from their arguments: draw, load, train, print.
LEFT_OUT = re.compile(
    r"lib\.(check|controls|errors|practice|scoreboard|sealed|wav|weights|plots(?!\.convolutions|\.attention))\b|.*\.(fetch|fit|load|read)"
)
HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS", re.DOTALL)


MODULES = [found.name for found in pkgutil.walk_packages(lib.__path__, "lib.")]


def functions():
    """The functions of `lib`, by name, private ones too."""
    modules = [importlib.import_module(name) for name in MODULES]
    named = {
        f"{m.__name__}.{n}": f
        for m in modules
        for n, f in vars(m).items()
        if inspect.isfunction(f) and f.__module__ == m.__name__
    }
    return {name: function for name, function in named.items() if not LEFT_OUT.match(name)}


FUNCTIONS = functions()


def called(function, convert):
    """The answer of somebody lazy: the function, with its arguments converted."""
    return lambda *arguments, **more: function(*map(convert, copy.deepcopy(arguments)), **more)


def tensor(value):
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    return [tensor(v) for v in value] if isinstance(value, (list, tuple)) else value


def array(value):
    if isinstance(value, torch.Tensor):
        return value.numpy()
    return [array(v) for v in value] if isinstance(value, (list, tuple)) else value


def numbers(value):
    """A result as arrays of numbers; raises where it is something else."""
    if isinstance(value, torch.Tensor):
        value = value.detach().numpy()
    if isinstance(value, (list, tuple)) and any(not np.isscalar(v) for v in value):
        return [numbers(v) for v in value]
    return np.asarray(value, dtype=float)


def same(a, b):
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return (
        not isinstance(a, list)
        and not isinstance(b, list)
        and a.shape == b.shape
        and np.allclose(a, b, atol=1e-5, equal_nan=True)
    )


def calls(function, name, check, solved):
    """What the visible test asks the solution, and what it is told."""
    made = []

    def recorded(*arguments, **more):
        given = copy.deepcopy(arguments)
        told = function(*arguments, **more)
        if not more:
            made.append((given, numbers(told)))
        return told

    assert proof._judge(HIDDEN.sub("", check), solved | {name: recorded}) is None
    return made


def agrees(answer, asked):
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return all(same(numbers(answer(*given)), told) for given, told in asked)
    except Exception:
        return False


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "lesson", [lesson for lesson in lessons() if not lesson.is_exam], ids=lambda lesson: lesson.name
)
def test_what_passes_a_check_when_it_is_called_is_known_and_not_there_when_grading(lesson):
    solved, known, tried = proof._solved(lesson), ANSWERS[lesson.topic], 0
    checks = proof.exercises(lesson)
    assert set(known) <= set(checks)
    for exercise, cell in checks.items():
        function = solved.get(exercise)
        if not isinstance(function, types.FunctionType):
            continue
        asked = calls(function, exercise, cell.source, solved)
        for name, convert in itertools.product(FUNCTIONS if asked else (), (copy.copy, tensor, array)):
            answer = called(FUNCTIONS[name], convert)
            tried += 1
            if agrees(answer, asked) and proof._judge(cell.source, solved | {exercise: answer}) is None:
                assert name in known.get(exercise, ()), f"{name} answers {exercise}"
                assert sealed.is_finished(name.rpartition(".")[0]), (
                    f"{name} answers {exercise} and is there when grading"
                )
    assert tried > 1000


def test_the_table_names_what_there_is_and_students_may_read_none_of_it():
    for name in itertools.chain.from_iterable(names for of in ANSWERS.values() for names in of.values()):
        assert callable(pkgutil.resolve_name(name))
        module = max((m for m in MODULES if name.startswith(f"{m}.")), key=len)
        assert not sealed.is_open(module), name


def test_a_function_that_answers_would_be_found():
    """The search finds what it looks for: it knows `dependence_by_masks` in `lib.models.made.paths`."""
    lesson = next(lesson for lesson in lessons() if lesson.topic == "made")
    solved, cell = proof._solved(lesson), proof.exercises(lesson)["dependence_by_masks"]
    asked = calls(solved["dependence_by_masks"], "dependence_by_masks", cell.source, solved)
    assert [name for name, function in FUNCTIONS.items() if agrees(called(function, tensor), asked)] == [
        "lib.models.made.paths"
    ]
