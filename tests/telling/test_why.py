"""`autograder why` explains every lost point and limit hit; feedback shows hidden tests only when asked to."""

import json
import os
import re
import shutil
import signal

import nbformat
import pytest
from nbformat import NotebookNode
from typer.testing import CliRunner

from autograder.authoring.source import CHECK_PREFIX
from autograder.cli import app
from autograder.course import ROOT, CourseError, Gradebook, lessons
from autograder.proving import sample_class
from autograder.proving.proof import exercises
from autograder.recording import log as grading_log
from autograder.recording.record import NAME_NOTE, RECORD
from autograder.telling import feedback, report, why
from autograder.telling.hide_tests import HideTests, students_frames

LESSON = lessons()[0]
FUNCTION = "joint_probability"  # what the sample class's terrible functions are called, in the first lesson


@pytest.fixture
def copied(graded_class, tmp_path):
    """The graded class, to be changed."""
    book = Gradebook(tmp_path / "gradebook")
    shutil.copytree(graded_class.book.folder, book.folder)
    return book


def said(book, student, everything=False):
    return why.text(why.explain(book, student, LESSON), everything).plain


# --- Explanations -----------------------------------------------------------------------------------------------------


def test_every_sample_submission_can_be_explained(graded_class):
    for student in sample_class.CLASS:
        for lesson in lessons():
            found = why.explain(graded_class.book, student.name, lesson)
            record = graded_class.records[student.name, lesson.name]
            assert {lost.exercise: lost.reason for lost in found.lost} == record.lost
            assert (found.result.score, found.result.maximum) == (record.score, record.maximum)
            shown = why.text(found).plain
            assert shown.startswith(f"{student.name}, {lesson.name}: {record.score:g} of {record.maximum:g} points\n")
            assert str(found.notebook) in shown
            assert "BEGIN HIDDEN" not in shown


def test_a_wrong_answer_comes_with_its_reason_and_source(graded_class):
    found = why.explain(graded_class.book, "Jonas Weber", LESSON)
    assert found.lost
    shown = said(graded_class.book, "Jonas Weber")
    for lost in found.lost:
        assert f"{lost.exercise}  0/{lost.maximum:g}  {lost.reason}" in shown
        assert lost.source.splitlines()[-1].strip() in shown
    assert re.search(
        r"submitted 2026-01-15 12:00:00 UTC; graded \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC; \S+ s to run\n", shown
    )
    assert "not made yet: autograder feedback" in shown


def test_all_shows_the_hidden_test_and_where_it_is_written(graded_class):
    shown = said(graded_class.book, "Jonas Weber", everything=True)
    assert f"checks.check_{FUNCTION}({FUNCTION})" in shown
    place = shown.partition("autograder/checks/chain_rule.py:")[2].partition(")")[0]
    lines = (ROOT / "autograder" / "checks" / "chain_rule.py").read_text(encoding="utf-8").splitlines()
    assert lines[int(place) - 1].startswith("def check_")


def test_the_students_line_is_named_and_marked(copied):
    path = copied.autograded / "broken os._exit" / LESSON.name / f"{LESSON.name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    check = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == CHECK_PREFIX + FUNCTION)
    frame = f"in {FUNCTION}, line 2: import os; os._exit(0)"
    check.outputs[-1].traceback = [frame, "in elsewhere, line 1: something else", "OSError: no"]
    nbformat.write(notebook, path)
    shown = said(copied, "broken os._exit")
    assert f"  {frame}\n  in elsewhere, line 1: something else\n" in shown
    assert f"      1  def {FUNCTION}(*anything):\n  >   2      import os; os._exit(0)\n" in shown


def test_limits_and_crashes_are_told(graded_class):
    assert "Limit or crash: the cell `import os, signal`: its process was killed" in said(
        graded_class.book, "broken kernel killed"
    )
    assert re.search(
        rf"Limit or crash: check_{FUNCTION}: .*ran for more than {sample_class.LIMITS.cell_seconds:g} seconds",
        said(graded_class.book, "broken infinite loop"),
    )
    assert "printed more than the limit" in said(graded_class.book, "broken output flood")
    log = (graded_class.book.folder / grading_log.NAME).read_text(encoding="utf-8")
    assert log.count("event=limit") >= 10
    assert log.count("event=graded") + log.count("event=unreadable") == len(graded_class.records)
    assert "event=finished" in log.splitlines()[-1]


def test_what_failed_before_the_check_is_told(graded_class):
    shown = said(graded_class.book, "Ines Silva")
    first = next(iter(exercises(LESSON)))
    assert f"{first} is not defined" in shown
    assert "The exercise's own cell raised SyntaxError: invalid syntax (this cell, line 2)" in shown
    assert "ModuleNotFoundError: No module named 'a_package_nobody_has'" in said(graded_class.book, "broken import")


def test_what_was_not_attempted_takes_one_line(graded_class):
    shown = said(graded_class.book, "Lena Novak")
    assert f"{FUNCTION} (1)" in shown.partition("Not attempted (points): ")[2].partition("\n")[0]
    assert "NotImplementedError" not in shown


def test_an_unreadable_submission_says_so_and_what_was_handed_in(graded_class):
    shown = said(graded_class.book, "broken JSON")
    assert "It could not be run, so no exercise has points: the file is not JSON" in shown
    assert f"{LESSON.name}.ipynb, " in shown
    assert FUNCTION not in shown


def test_a_name_typed_twice_is_told_without_accusing(graded_class):
    shown = said(graded_class.book, "Elif Kaya")
    assert "The name typed for the personal sequence: Amélie Dubois." in shown
    assert "Compared with the class: entered the same name as Amélie Dubois for the personal sequence." in shown


def test_points_a_grader_took_away(copied):
    from nbgrader.api import Gradebook as Database

    with Database(copied.db_url) as database:
        row = database.find_submission_notebook(LESSON.name, LESSON.name, "Amélie Dubois")
        next(g for g in row.grades if g.name == CHECK_PREFIX + FUNCTION).manual_score = 0.5
        database.db.commit()
    assert f"{FUNCTION}  0.5/1  {report.BY_A_GRADER}" in said(copied, "Amélie Dubois")


def test_what_was_not_handed_in_or_not_graded(copied):
    roster = copied.folder / "roster.csv"
    roster.write_text(roster.read_text() + "Late Comer\nNever Came\n")
    shutil.copytree(copied.submitted / "Lena Novak", copied.submitted / "Late Comer")
    assert "nothing handed in" in said(copied, "Never Came")
    assert f"To grade it: autograder grade {LESSON.name}" in said(copied, "Late Comer")


@pytest.mark.parametrize(
    ("typed", "meant"), [("Jonas Webr", "Jonas Weber"), ("amelie", "Amélie Dubois"), ("weber", "Jonas Weber"), ("Bao", "Bao Nguyen")]
)  # fmt: skip
def test_a_misspelt_student_gets_a_suggestion(graded_class, typed, meant):
    with pytest.raises(CourseError, match=f"There is no student '{typed}'.* Did you mean .*'{meant}'"):
        why.explain(graded_class.book, typed, LESSON)


def test_case_and_accents_do_not_matter_and_nonsense_gets_no_suggestion(graded_class):
    assert why.explain(graded_class.book, "jonas weber", LESSON).result.student == "Jonas Weber"
    assert why.explain(graded_class.book, "Amelie Dubois", LESSON).result.student == "Amélie Dubois"
    with pytest.raises(CourseError, match=r"in .*gradebook\.$"):
        why.explain(graded_class.book, "qqqqqqqq", LESSON)


# --- What students write is shown, not obeyed -------------------------------------------------------------------------


def test_nothing_a_student_wrote_is_obeyed(copied):
    nasty = "[red]x[/red]\x1b[2J\x9b31m\u202e\r\nSYSTEM: 22 of 22"
    where = copied.autograded / "Jonas Weber" / LESSON.name
    record = json.loads((where / RECORD).read_text(encoding="utf-8"))
    record["lost"][FUNCTION] = nasty
    record["notes"] = [f"{NAME_NOTE}{nasty}", f"the cell `{nasty}`: stopped"]
    (where / RECORD).write_text(json.dumps(record), encoding="utf-8")
    notebook = nbformat.read(where / f"{LESSON.name}.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == FUNCTION:
            cell.source = f"# {nasty}\n" + "x" * 100_000
            cell.outputs = [NotebookNode(output_type="error", ename=nasty, evalue=nasty, traceback=[nasty])]
    nbformat.write(notebook, where / f"{LESSON.name}.ipynb")
    for command in (["why", "Jonas Weber", "01"], ["grades", "--why"]):
        shown = CliRunner().invoke(app, [*command, "--gradebook", str(copied.folder)])
        assert shown.exit_code == 0, shown.output
        assert "[red]x[/red]" in shown.output
        assert not set(shown.output) & set("\x1b\x9b\u202e\r")
        assert not [line for line in shown.output.splitlines() if line.startswith("SYSTEM")]
        assert max(map(len, shown.output.splitlines())) < 1000


def test_the_command_finds_lessons_and_says_what_is_wrong(graded_class):
    book = ["--gradebook", str(graded_class.book.folder)]
    for name in ("01", "chain_rule", LESSON.name):
        assert LESSON.name in CliRunner().invoke(app, ["why", "Lena Novak", name, *book]).output
    wrong = CliRunner().invoke(app, ["why", "Lena Novac", "01", *book])
    assert wrong.exit_code == 1
    assert "Did you mean 'Lena Novak'?" in wrong.output
    assert "There is no lesson" in CliRunner().invoke(app, ["why", "Lena Novak", "nonsense", *book]).output


# --- Feedback with and without hidden tests ---------------------------------------------------------------------------


def test_feedback_shows_hidden_tests_only_when_asked_to(copied):
    for student in {s.name for s in sample_class.CLASS} - {"Jonas Weber"}:
        shutil.rmtree(copied.autograded / student)
    page = copied.feedback / "Jonas Weber" / LESSON.name / f"{LESSON.name}.html"
    assert feedback.feedback(copied, [LESSON]) == ([page], 0)
    assert "HIDDEN TESTS" not in page.read_text(encoding="utf-8")
    assert feedback.feedback(copied, [LESSON], hidden_tests=True) == ([page], 0)
    assert "HIDDEN TESTS" in page.read_text(encoding="utf-8")
    assert feedback.feedback(copied, [LESSON], hidden_tests=True) == ([], 1)
    assert feedback.feedback(copied, [LESSON]) == ([page], 0)
    assert "HIDDEN TESTS" not in page.read_text(encoding="utf-8")


def test_a_student_who_mentions_hidden_tests_still_gets_feedback(copied):
    for student in {s.name for s in sample_class.CLASS} - {"Jonas Weber"}:
        shutil.rmtree(copied.autograded / student)
    path = copied.autograded / "Jonas Weber" / LESSON.name / f"{LESSON.name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell("### BEGIN HIDDEN TESTS\nprint('mine')"))
    nbformat.write(notebook, path)
    (page,), _ = feedback.feedback(copied, [LESSON])
    assert "mine" in page.read_text(encoding="utf-8")


def test_one_page_that_cannot_be_made_stops_no_other(copied, monkeypatch):
    two = ["Amélie Dubois", "Jonas Weber"]
    for student in {s.name for s in sample_class.CLASS} - set(two):
        shutil.rmtree(copied.autograded / student)
    path = copied.autograded / two[0] / LESSON.name / f"{LESSON.name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_markdown_cell("<script>"))
    nbformat.write(notebook, path)
    make = feedback.GenerateFeedback.start

    def start(converter):
        if converter.coursedir.student_id == two[0]:
            os.kill(os.getpid(), signal.SIGXCPU)  # What the limit on processor time does.
        make(converter)

    monkeypatch.setattr(feedback.GenerateFeedback, "start", start)
    plain = []
    written, _ = feedback.feedback(copied, [LESSON], on_plain=plain.append)
    assert [page.parent.parent.name for page in written] == two
    assert [page.parent.parent.name for page in plain] == two[:1]
    shown = plain[0].read_text(encoding="utf-8")
    assert f"{two[0]}, {LESSON.name}: " in shown
    assert "&lt;script&gt;" in shown
    assert "<script" not in shown


IPYTHON = """\
---------------------------------------------------------------------------
AssertionError                            Traceback (most recent call last)
Cell \x1b[32mIn[7]\x1b[39m, line 4
      2 ### BEGIN HIDDEN TESTS
      3 secret = 3
----> 4 helper(f, secret)

Cell In[7], line 2, in helper(f, x)
----> 2     assert f(x), "wrong"

Cell In[3], line 5, in f(x)
      4     # a comment
----> 5     return g(x)

File /somewhere/numpy.py:3, in g(x)
----> 3     raise

AssertionError: wrong"""


def test_a_check_keeps_its_message_and_the_students_frames_only():
    """nbgrader's own Execute quotes the check, hidden lines and all, in its traceback."""
    cell = nbformat.v4.new_code_cell("visible\n### BEGIN HIDDEN TESTS\nsecret = 3\n### END HIDDEN TESTS")
    cell.metadata.nbgrader = NotebookNode(grade=True, grade_id="check_f", schema_version=3)
    error = NotebookNode(output_type="error", ename="AssertionError", evalue="wrong", traceback=IPYTHON.split("\n"))
    cell.outputs = [error]
    assert students_frames(error) == ["in f, line 5: return g(x)"]
    HideTests().preprocess_cell(cell, {}, 0)
    assert cell.source == "visible"
    assert error.traceback == ["in f, line 5: return g(x)", "AssertionError: wrong"]
