"""Reading a lesson's `.py`: the markers, the metadata they become, and the sentences for mistakes."""

import nbformat
import pytest

from autograder.authoring import source
from autograder.course import CourseError, Lesson, lessons

GOOD = """# %% [markdown]
# # A title

# %%
import math

# %% exercise double
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

# %% check double 2 points
assert double(1) == 2
### BEGIN HIDDEN TESTS
assert double(3) == 6
### END HIDDEN TESTS

# %% demo
double(4)

# %% demo varies
double(5)

# %% practice
double(6)

# %% figure
double(7)

# %% figure varies
double(8)
"""


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Read a lesson's text as if it stood in the repository."""

    def read(text: str) -> source.Source:
        path = tmp_path / "solutions" / "01_toy" / "01_toy.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        monkeypatch.setattr(Lesson, "source", property(lambda self: path))
        return source.read(Lesson("01_toy"))

    return read


def test_markers_become_cells(read):
    notebook = read(GOOD).notebook
    nbformat.validate(notebook)
    kinds = [(c.cell_type, dict(c.metadata)) for c in notebook.cells]
    exercise, check = kinds[2][1]["nbgrader"], kinds[3][1]["nbgrader"]
    assert exercise == {
        "grade": False, "grade_id": "double", "locked": False, "schema_version": 3, "solution": True, "task": False,
    }  # fmt: skip
    assert check == exercise | {
        "grade": True,
        "grade_id": "check_double",
        "locked": True,
        "solution": False,
        "points": 2,
    }
    varies = ["demo", "nbval-ignore-output"]
    assert [m.get("tags") for _, m in kinds[4:]] == [["demo"], varies, ["demo"], ["demo"], varies]
    assert all(m["jupyter"] == {"source_hidden": True} for _, m in kinds[6:])
    assert [k for k, _ in kinds] == ["markdown"] + 8 * ["code"]


def test_lines_point_into_the_file(read):
    lines = GOOD.splitlines()
    found = read(GOOD)
    for cell, line in zip(found.notebook.cells, found.lines, strict=True):
        assert lines[line - 1].removeprefix("# ") == cell.source.splitlines()[0]


def test_ids_do_not_depend_on_other_cells(read):
    before = [c.id for c in read(GOOD).notebook.cells]
    after = [c.id for c in read("# %%\nx = 1\n\n" + GOOD).notebook.cells]
    assert after[1:] == before
    assert len(set(after)) == len(after)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("# %% demo\n", "# %% dmo\n", "19: unknown marker 'dmo'"),
        ("# %% check double 2 points", "# %% check double", "13: unknown marker"),
        ("# %% check double 2", "# %% check triple 2", "check without exercise: triple"),
        ("    ### END SOLUTION\n", "", "7: '### BEGIN SOLUTION' and '### END SOLUTION' do not pair"),
        (
            "### BEGIN HIDDEN TESTS\nassert double(3) == 6\n### END HIDDEN TESTS\n",
            "",
            "check double has no ### BEGIN HIDDEN",
        ),
        ("# %% exercise double", "# %%", "students would see them"),
        (
            "# %% practice\ndouble(6)",
            GOOD[GOOD.index("# %% exercise") : GOOD.index("# %% check")],
            "exercise double appears twice",
        ),
        ("# %% [markdown]\n# # A title\n", "import os\n", "must begin with a `# %%` marker"),
    ],
)
def test_mistakes_name_file_and_line(read, old, new, sentence):
    assert old in GOOD
    with pytest.raises(CourseError) as error:
        read(GOOD.replace(old, new, 1))
    assert str(error.value).startswith("solutions/01_toy/01_toy.py")
    assert sentence in str(error.value)


def test_lessons_can_be_named_three_ways():
    first = lessons()[0]
    assert lessons([first.name]) == lessons([first.name[:2]]) == lessons([first.topic]) == [first]
    with pytest.raises(CourseError, match="There is no lesson 'nothing'"):
        lessons(["nothing"])
