"""The notebooks in the repository are what the lessons make, hold nothing they must not, and building is idempotent."""

import json
from pathlib import Path

import nbformat
import pytest
from nbgrader.nbgraderformat import MetadataValidator

from autograder.authoring import build, run_all, source
from autograder.authoring.pack import FORBIDDEN
from autograder.authoring.typed_answers import TypedAnswers
from autograder.course import ROOT, CourseError, Lesson, lessons


@pytest.fixture(params=lessons(), ids=lambda lesson: lesson.name)
def lesson(request):
    return request.param


def test_solution_is_up_to_date(lesson):
    stamp = nbformat.read(lesson.solution, as_version=4).metadata[build.STAMP]
    assert stamp == build.fingerprint(lesson), f"{lesson.name} changed since it was built; run: make build"


def test_solution_holds_the_lesson(lesson):
    written, built = source.read(lesson).notebook, nbformat.read(lesson.solution, as_version=4)
    assert [(c.id, c.cell_type, c.source, c.metadata) for c in built.cells] == [
        (c.id, c.cell_type, c.source, c.metadata) for c in written.cells
    ]
    assert all(c.execution_count for c in built.cells if c.cell_type == "code")


def test_release_is_what_the_solution_makes(lesson, tmp_path):
    made = build.generate_release(lesson, tmp_path)
    assert made.read_bytes() == lesson.release.read_bytes(), "run: make build"


def test_release_gives_nothing_away(lesson):
    text = lesson.release.read_text(encoding="utf-8")
    for word in FORBIDDEN:
        assert word not in text
    notebook = nbformat.reads(text, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    exercises = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("solution")]
    assert exercises
    assert all("raise NotImplementedError" in c.source or " = None" in c.source for c in exercises)


@pytest.mark.parametrize("line", ["answer = None  # a number", "both = [first, second]"])
def test_an_answer_to_be_typed_is_handed_out_without_a_stub(line):
    stub = '\n# YOUR CODE HERE\nraise NotImplementedError("not written yet")'
    marks = {"nbgrader": {"solution": True, "grade": False, "schema_version": 3, "grade_id": "x", "locked": False}}
    for source_, wanted in ((line, line), ("def f():", "def f():" + stub)):
        cell = nbformat.v4.new_code_cell(source_ + stub, metadata=marks)
        assert TypedAnswers().preprocess_cell(cell, {}, 0)[0].source == wanted


def test_what_may_fail_stops_nothing_and_a_check_says_that_it_passes(lesson):
    """Plain cells of a lesson alone may stop the rest: where they fail, nothing can go on."""
    for cell in nbformat.read(lesson.release, as_version=4).cells:
        if cell.cell_type == "code":
            plain = "nbgrader" not in cell.metadata and "demo" not in cell.metadata.get("tags", [])
            assert (run_all.GOES_ON in cell.metadata.get("tags", [])) is not plain
        if cell.metadata.get("nbgrader", {}).get("grade"):
            says = cell.source.splitlines()[-1]
            assert says in [f'print("{words}")' for words in (run_all.DECIDED, run_all.FORM, run_all.MORE)]
            assert "typed(" not in cell.source or run_all.MORE not in says
    written = source.read(lesson).notebook
    assert not any(run_all.GOES_ON in cell.metadata.get("tags", []) for cell in written.cells)


def test_cells_are_nbgrader_cells(lesson):
    for path in (lesson.solution, lesson.release):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        MetadataValidator().validate_nb(notebook)


def test_notebooks_folder_holds_lessons_and_their_index_only():
    held = {
        p.relative_to(ROOT / "notebooks")
        for p in (ROOT / "notebooks").rglob("*")
        if p.is_file() and ".ipynb_checkpoints" not in p.parts
    }
    assert held == {lesson.release.relative_to(ROOT / "notebooks") for lesson in lessons()} | {Path("README.md")}


def test_worked_numbers_are_shown():
    shown = {
        lesson.name[:2]: json.dumps([c.get("outputs") for c in nbformat.read(lesson.solution, as_version=4).cells])
        for lesson in lessons()
    }
    assert "0.12" in shown["01"]
    assert "2.12" in shown["02"]


def test_solution_notebooks_stay_small():
    size = sum(lesson.solution.stat().st_size for lesson in lessons())
    assert size <= len(lessons()) * 6e6 / 9, (
        f"{size / 1e6:.1f} MB for {len(lessons())} lessons; nine should stay under 6 MB"
    )


# --- A lesson of the test's own ------------------------------------------------------------------------------------------

TOY = """# %% [markdown]
# # Toy

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
print(double(21))
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A repository with one small lesson."""
    (tmp_path / "nbgrader_config.py").write_text((ROOT / "nbgrader_config.py").read_text())
    for module in ("autograder.course", "autograder.authoring.build"):
        monkeypatch.setattr(f"{module}.ROOT", tmp_path)
    lesson = Lesson("01_toy")
    lesson.source.parent.mkdir(parents=True)
    lesson.source.write_text(TOY)
    return lesson


def test_build_executes_only_what_changed(toy):
    assert build.build(toy) == build.Built(toy, executed=True, released=True)
    before = toy.solution.read_bytes(), toy.release.read_bytes()
    assert '"42\\n"' in toy.solution.read_text()
    assert build.build(toy) == build.Built(toy, executed=False, released=False)
    assert build.build(toy, force=True) == build.Built(toy, executed=True, released=False)
    assert (toy.solution.read_bytes(), toy.release.read_bytes()) == before
    toy.source.write_text(TOY.replace("Toy", "Toys"))
    assert build.build(toy) == build.Built(toy, executed=True, released=True)


def test_build_error_names_file_and_line(toy):
    toy.source.write_text(TOY.replace("print(double(21))", "y = 1\nprint(double(21) / 0)"))
    with pytest.raises(CourseError, match=r"^solutions/01_toy/01_toy\.py:16: ZeroDivisionError: division by zero$"):
        build.build(toy)
    assert not toy.solution.exists()


def test_build_error_in_a_function_names_the_line_that_called_it(toy):
    toy.source.write_text(TOY.replace("return 2 * x", "return x / 0"))
    with pytest.raises(CourseError, match=r"01_toy\.py:\d+: ZeroDivisionError"):
        build.build(toy)


def test_fingerprint_follows_imports():
    files = {p.relative_to(ROOT).as_posix() for p in build.imported_modules(lessons()[0].source)}
    assert {"lib/plots/style.py", "lib/causality.py", "autograder/checks/judge.py"} <= files
    assert not {
        f
        for f in files
        if f.startswith("autograder/") and not f.startswith(("autograder/checks", "autograder/__init__"))
    }


def test_remove_strays(toy, tmp_path):
    (tmp_path / "notebooks" / "07_gone").mkdir(parents=True)
    build.build(toy)
    assert [p.name for p in build.remove_strays([toy])] == ["07_gone"]
    assert toy.release.exists()
