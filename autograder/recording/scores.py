"""Scores into the database: the rows that nbgrader would write, many submissions at a time.

nbgrader's own way asks the database for each row by name, through joins of six tables, and loads with every submitted
notebook sums over the whole class. Here a lesson's cells are looked up once, and rows are read and written in bulk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    MissingEntry,
    Notebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.api import Gradebook as Database
from nbgrader.preprocessors import SaveAutoGrades
from sqlalchemy import bindparam, insert, select, update

from autograder.cells import is_check

STUDENT, SUBMISSION, SUBMITTED = Student.__table__, SubmittedAssignment.__table__, SubmittedNotebook.__table__
GRADE, COMMENT, CELL = Grade.__table__, Comment.__table__, BaseCell.__table__


@dataclass(frozen=True)
class Entry:
    """A graded notebook to be entered, with the time it was handed in where that is known."""

    student: str
    lesson: str
    notebook: NotebookNode
    timestamp: str | None = None
    """Empty: known to be unknown; None: as it stands."""


@dataclass(frozen=True)
class _Rows:
    """A lesson's rows: the ids of its assignment, its notebook and its cells, by name."""

    assignment: str
    notebook: str
    graded: dict[str, str]
    commented: dict[str, str]


class Scores:
    """Enters scores; remembers the lessons' rows, so make one for each run."""

    def __init__(self) -> None:
        self._lessons: dict[str, _Rows] = {}

    def save(self, db: Any, entries: Sequence[Entry]) -> None:
        """Enter these, at most one for a student and lesson, in the session's transaction. The caller commits."""
        self._students(db, {entry.student for entry in entries})
        for name in sorted({entry.lesson for entry in entries}):
            self._lesson(db, name, [entry for entry in entries if entry.lesson == name])

    def _students(self, db: Any, students: set[str]) -> None:
        known = set(db.execute(select(STUDENT.c.id).where(STUDENT.c.id.in_(students))).scalars())
        _write(db, STUDENT, [{"id": student} for student in sorted(students - known)], [])

    def _lesson(self, db: Any, name: str, entries: list[Entry]) -> None:
        rows = self._rows(db, name)
        students = {entry.student: entry for entry in entries}

        def submitted() -> dict[str, str]:
            asked = select(SUBMISSION.c.student_id, SUBMISSION.c.id)
            of_lesson = asked.where(SUBMISSION.c.assignment_id == rows.assignment)
            return dict(db.execute(of_lesson.where(SUBMISSION.c.student_id.in_(students))).all())

        before = submitted()
        times = {
            s: {"timestamp": utils.parse_utc(e.timestamp) if e.timestamp else None} if e.timestamp is not None else {}
            for s, e in students.items()
        }
        fresh = [{"assignment_id": rows.assignment, "student_id": s, "timestamp": None} | times[s] for s in students]
        _write(
            db,
            SUBMISSION,
            [row for row in fresh if row["student_id"] not in before],
            [{"id": before[student], **time} for student, time in times.items() if student in before and time],
        )
        submissions = submitted()

        def notebooks() -> dict[str, str]:
            asked = select(SUBMITTED.c.assignment_id, SUBMITTED.c.id).where(SUBMITTED.c.notebook_id == rows.notebook)
            return dict(db.execute(asked.where(SUBMITTED.c.assignment_id.in_(submissions.values()))).all())

        known = notebooks()
        _write(
            db,
            SUBMITTED,
            [{"assignment_id": s, "notebook_id": rows.notebook} for s in submissions.values() if s not in known],
            [{"id": notebook, "late_submission_penalty": None} for notebook in known.values()],
        )
        of_submission = notebooks()
        mine = {student: of_submission[submission] for student, submission in submissions.items()}
        self._grades(db, rows, {mine[student]: entry.notebook for student, entry in students.items()})
        self._comments(db, rows, {mine[student]: entry.notebook for student, entry in students.items()})

    @staticmethod
    def _grades(db: Any, rows: _Rows, notebooks: dict[str, NotebookNode]) -> None:
        asked = select(GRADE.c.notebook_id, GRADE.c.cell_id, GRADE.c.id, GRADE.c.manual_score)
        found = db.execute(asked.where(GRADE.c.notebook_id.in_(notebooks))).all()
        known = {(notebook, cell): (row, manual) for notebook, cell, row, manual in found}
        new, changed = [], []
        for notebook, content in notebooks.items():
            cells = {cell.metadata.nbgrader.grade_id: cell for cell in content.cells if is_check(cell)}
            if unknown := set(cells) - set(rows.graded):
                raise MissingEntry(f"No such grade cell: {min(unknown)}")
            for name, cell_id in rows.graded.items():
                row, manual = known.get((notebook, cell_id), (None, None))
                if name in cells:
                    score, _ = utils.determine_grade(cells[name])
                    # As nbgrader has it: a point a person gave stays, and asks to be looked at again.
                    values = {"auto_score": score, "needs_manual_grade": manual is not None or score is None}
                elif row is None:
                    values = {"auto_score": None, "needs_manual_grade": True}
                else:
                    continue
                if row is None:
                    new.append({"notebook_id": notebook, "cell_id": cell_id, **values})
                else:
                    changed.append({"id": row, **values})
        _write(db, GRADE, new, changed)

    @staticmethod
    def _comments(db: Any, rows: _Rows, notebooks: dict[str, NotebookNode]) -> None:
        asked = select(COMMENT.c.notebook_id, COMMENT.c.cell_id, COMMENT.c.id)
        found = db.execute(asked.where(COMMENT.c.notebook_id.in_(notebooks))).all()
        known = {(notebook, cell): row for notebook, cell, row in found}
        new, changed = [], []
        for notebook, content in notebooks.items():
            cells = {
                cell.metadata.nbgrader.grade_id: cell
                for cell in content.cells
                if utils.is_solution(cell) or utils.is_task(cell)
            }
            if unknown := set(cells) - set(rows.commented):
                raise MissingEntry(f"No such solution cell: {min(unknown)}")
            for name, cell_id in rows.commented.items():
                row, cell = known.get((notebook, cell_id)), cells.get(name)
                said = "No response." if cell is not None and _untouched(cell) else None
                if row is None:
                    new.append({"notebook_id": notebook, "cell_id": cell_id, "auto_comment": said})
                elif cell is not None:
                    changed.append({"id": row, "auto_comment": said})
        _write(db, COMMENT, new, changed)

    def _rows(self, db: Any, lesson: str) -> _Rows:
        if lesson not in self._lessons:
            asked = select(Assignment.id, Notebook.id).join(Notebook, Notebook.assignment_id == Assignment.id)
            found = db.execute(asked.where(Assignment.name == lesson, Notebook.name == lesson)).first()
            if found is None:
                raise MissingEntry(f"No such notebook: {lesson}/{lesson}")
            assignment, notebook = found
            cells = db.execute(select(CELL.c.type, CELL.c.name, CELL.c.id).where(CELL.c.notebook_id == notebook)).all()
            graded, commented = (
                {name: row for kind, name, row in cells if kind in kinds}
                for kinds in (("GradeCell", "TaskCell"), ("SolutionCell", "TaskCell"))
            )
            self._lessons[lesson] = _Rows(assignment, notebook, graded, commented)
        return self._lessons[lesson]


class SaveScores(SaveAutoGrades):
    """nbgrader's SaveAutoGrades as a step of `nbgrader autograde`, named in `nbgrader_config.py`."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        where = resources["nbgrader"]
        with Database(where["db_url"]) as gradebook:
            Scores().save(gradebook.db, [Entry(where["student"], where["assignment"], nb)])
            gradebook.db.commit()
        return nb, resources


def _untouched(cell: NotebookNode) -> bool:
    return not utils.is_task(cell) and cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(cell)


def _write(db: Any, table: Any, new: list[dict[str, Any]], changed: list[dict[str, Any]]) -> None:
    """Insert rows, and update those that have an `id`; all rows of a kind name the same columns."""
    if new:
        db.execute(insert(table), new)
    if changed:
        columns = [name for name in changed[0] if name != "id"]
        statement = update(table).where(table.c.id == bindparam("row_id"))
        statement = statement.values({name: bindparam(f"new_{name}") for name in columns})
        db.execute(statement, [{"row_id": row["id"], **{f"new_{n}": row[n] for n in columns}} for row in changed])
