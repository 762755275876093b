"""What a cell says when it fails, in a Jupyter kernel; and that it says what it always did elsewhere."""

import os

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from autograder.course import ROOT

SETUP = "from lib.byhand import typed\nfrom lib.errors import short_errors\nshort_errors()"
CASES = {
    "unwritten": (
        "def f(x):\n    # YOUR CODE HERE\n    raise NotImplementedError('not written yet')\ndef g(x):\n    return f(x)\ng(1)",
        "`f` is not written yet. Write it where the notebook says # YOUR CODE HERE, run that cell, then this one.",
    ),
    "begun": (
        "import matplotlib.pyplot as plt\nplt.figure()\nf(1)",
        "`f` is not written yet. Write it where the notebook says # YOUR CODE HERE, run that cell, then this one.",
    ),
    "untyped": ("typed(None, 'p')", "p: type your answer in the cell above. Run that cell, then this one."),
    "text": ("typed('0.2', 'p')", "Not yet: p: type numbers, not text; found '0.2', so leave out the quotes"),
    "failed": ("assert 1 > 2, 'one is less than two'", "Not yet: one is less than two"),
    "own": (
        "def half(x):\n    return x / 2\nhalf('a')",
        "Cell In[7], line 3:\n    half('a')\nCell In[7], line 2, in half:\n    return x / 2\n"
        "TypeError: unsupported operand type(s) for /: 'str' and 'int'",
    ),
    "own assert": (
        "def even(x):\n    assert x % 2 == 0, x\neven(3)",
        "Cell In[8], line 3:\n    even(3)\nCell In[8], line 2, in even:\n    assert x % 2 == 0, x\nAssertionError: 3",
    ),
    "library": (
        "import json\njson.loads('{')",
        "Cell In[9], line 2:\n    json.loads('{')\n"
        "JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)\n"
        "(raised in json.decoder; %tb shows every step)",
    ),
    "more": ("%tb", "raw_decode"),
    "endless": ("def down(n):\n    return down(n - 1)\ndown(0)", "calls more ..."),
}

SYNTAX = "p = 0.4 * * 0.5"


@pytest.fixture(scope="module")
def ran():
    """One kernel for all cases: the error output of each."""
    sources = [SETUP, *(source for source, _ in CASES.values()), SYNTAX]
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    NotebookClient(notebook, allow_errors=True).execute(env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert not notebook.cells[0].outputs
    return {name: cell.outputs for name, cell in zip([*CASES, "syntax"], notebook.cells[1:], strict=True)}


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("endless", "more")])
def test_an_error_is_told_shortly(ran, name):
    (output,) = ran[name]  # and no figure that was only begun
    assert "\n".join(output.traceback) == CASES[name][1]
    assert output.output_type == "error"


def test_endless_recursion_is_cut(ran):
    (output,) = ran["endless"]
    lines = "\n".join(output.traceback).splitlines()
    assert len(lines) < 20 and any("calls more ..." in line for line in lines)
    assert output.ename == "RecursionError"


def test_the_whole_traceback_is_there_for_who_asks(ran):
    assert CASES["more"][1] in str(ran["more"])


def test_what_is_no_python_is_shown_where_it_stands(ran):
    (output,) = ran["syntax"]
    shown = "\n".join(output.traceback)
    assert "0.4" in shown and "^" in shown and "SyntaxError" in shown
