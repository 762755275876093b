"""Scores entered in bulk leave the rows that nbgrader's own, slower way leaves."""

import copy

import nbformat
import nbgrader.api
import pytest
from nbgrader.api import BaseCell, Comment, Grade, MissingEntry, SubmittedAssignment, SubmittedNotebook
from nbgrader.api import Gradebook as Database
from nbgrader.preprocessors import SaveAutoGrades

from autograder.cells import error_output
from autograder.course import Gradebook
from autograder.recording.database import newest_schema, register
from autograder.recording.prepare import Preparation
from autograder.recording.scores import Entry, Scores

STUDENTS = ["Ada", "Bao", "Łucja O'Neil"]


@pytest.fixture
def two(tmp_path, first_lesson):
    """Two gradebooks with the lesson in them."""
    folders = [tmp_path / name / "gradebook" for name in ("bulk", "stock")]
    urls = []
    for folder in folders:
        book = Gradebook(folder)
        register(book, first_lesson)
        urls.append(book.db_url)
    return urls


def notebooks(lesson, tmp_path):
    """A notebook per student: everything right, every second check failed, and one untouched with a cell deleted."""
    whole = Preparation(Gradebook(tmp_path / "bulk" / "gradebook")).solution(lesson)
    partly, little = copy.deepcopy(whole), copy.deepcopy(whole)
    checks = [cell for cell in partly.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    for cell in checks[::2]:
        cell.outputs = [error_output("AssertionError", "should be 3, found 4")]
    handed_out = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in nbformat.read(lesson.release, as_version=4).cells
        if "nbgrader" in cell.metadata
    }
    for cell in little.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = handed_out[cell.metadata.nbgrader.grade_id]
    exercises = [i for i, cell in enumerate(little.cells) if cell.metadata.get("nbgrader", {}).get("solution")]
    del little.cells[exercises[1]]
    return dict(zip(STUDENTS, (whole, partly, little), strict=True))


def stock(url, lesson, student, notebook, **more):
    with Database(url) as database:
        database.update_or_create_student(student)
        database.update_or_create_submission(lesson.name, student, **more)
    where = {"student": student, "assignment": lesson.name, "notebook": lesson.name, "db_url": url}
    SaveAutoGrades().preprocess(copy.deepcopy(notebook), {"nbgrader": where})


def rows(url):
    """Everything in the tables of submissions, but for the ids, which are drawn at random."""
    with Database(url) as database:
        named = {cell.id: (cell.type, cell.name) for cell in database.db.query(BaseCell)}
        submissions = {
            s.id: (s.student_id, s.assignment.name, s.timestamp, s.extension)
            for s in database.db.query(SubmittedAssignment)
        }
        submitted = {
            n.id: (submissions[n.assignment_id], n.name, n.flagged, n.late_submission_penalty)
            for n in database.db.query(SubmittedNotebook)
        }
        grades = {
            (submitted[g.notebook_id], named[g.cell_id]): (
                g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade,
            )
            for g in database.db.query(Grade)
        }  # fmt: skip
        comments = {
            (submitted[c.notebook_id], named[c.cell_id]): (c.auto_comment, c.manual_comment)
            for c in database.db.query(Comment)
        }
        return {s.id for s in database.students}, grades, comments


def test_the_rows_are_nbgraders(two, first_lesson, tmp_path):
    bulk, theirs = two
    content = notebooks(first_lesson, tmp_path)
    late = {"Bao": "2026-01-15 12:00:00 UTC"}
    scores = Scores()
    for again in (False, True):
        if again:  # A person gave a point and wrote a comment, and the student hands in something else.
            for url in two:
                with Database(url) as database:
                    for grade in database.find_submission_notebook(first_lesson.name, first_lesson.name, "Bao").grades:
                        grade.manual_score = 0.5
                    for student in STUDENTS:
                        row = database.find_submission_notebook(first_lesson.name, first_lesson.name, student)
                        row.comments[0].manual_comment = "Come and see me."
                    database.db.commit()
            content = dict(zip(STUDENTS, reversed(content.values()), strict=True))
            late = {"Ada": "2026-01-16 12:00:00 UTC"}
        entries = [Entry(s, first_lesson.name, n, late.get(s)) for s, n in content.items()]
        with Database(bulk) as database:
            scores.save(database.db, entries)
            database.db.commit()
        for student, notebook in content.items():
            more = {"timestamp": late[student]} if student in late else {}
            stock(theirs, first_lesson, student, notebook, **more)
        assert rows(bulk)[0] == rows(theirs)[0] == set(STUDENTS)
        for ours, stocks in zip(rows(bulk)[1:], rows(theirs)[1:], strict=True):
            assert ours == stocks
            assert len(ours) % len(STUDENTS) == 0 < len(ours)


def test_a_cell_that_the_lesson_does_not_know_is_refused(two, first_lesson, tmp_path):
    notebook = notebooks(first_lesson, tmp_path)["Ada"]
    next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade")).metadata.nbgrader.grade_id = "mine"
    with Database(two[0]) as database, pytest.raises(MissingEntry, match="mine"):
        Scores().save(database.db, [Entry("Ada", first_lesson.name, notebook)])


def test_a_new_database_bears_nbgraders_own_version():
    assert newest_schema() == nbgrader.api.get_alembic_version()
