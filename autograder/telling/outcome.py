"""What the gradebook's database says of one submission, in three small queries: points, comments, times, penalty.

nbgrader's own GetGrades asks for every cell by name, through joins of six tables, and sums over the whole class.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    GradeCell,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.api import Gradebook as Database
from sqlalchemy import select

from autograder.authoring.source import CHECK_PREFIX


@dataclass(frozen=True)
class Given:
    """The points of one exercise, and whether a person had a hand in them."""

    score: float
    maximum: float
    by_hand: bool = False


@dataclass(frozen=True)
class Outcome:
    """One submission as the database has it. Points and comments (those given by hand alone) are by exercise; times are UTC,
    without a zone, as nbgrader keeps them; `due` has the student's extension in it."""

    name: str = ""
    points: dict[str, Given] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    submitted: datetime | None = None
    due: datetime | None = None
    extension: timedelta | None = None
    penalty: float = 0.0

    @property
    def score(self) -> float:
        """The points in the end: a penalty takes no more than there is."""
        return max(0.0, sum(given.score for given in self.points.values()) - self.penalty)

    @property
    def maximum(self) -> float:
        return sum(given.maximum for given in self.points.values())

    @property
    def late(self) -> timedelta:
        """By how much it came after its time; nothing if it did not, or no time was set."""
        if self.submitted is None or self.due is None:
            return timedelta()
        return max(timedelta(), self.submitted - self.due)


def outcome(database: Database, student: str, lesson: str) -> Outcome:
    """What the database says of that student's submission; an empty Outcome if it holds none."""
    asked = (
        select(
            SubmittedNotebook.id,
            SubmittedNotebook.late_submission_penalty,
            SubmittedAssignment.timestamp,
            SubmittedAssignment.extension,
            Assignment.duedate,
            Student.first_name,
            Student.last_name,
        )
        .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
        .join(Student, SubmittedAssignment.student_id == Student.id)
        .where(Assignment.name == lesson, Student.id == student)
    )
    row = database.db.execute(asked).first()
    if row is None:
        return Outcome()
    notebook, penalty, submitted, extension, due, *names = row
    # The two parts of a grade cell are joined by hand: its class would bring columns along that sum over the class.
    cells, graded = BaseCell.__table__, GradeCell.__table__
    scores = (
        select(cells.c.name, graded.c.max_score, Grade.auto_score, Grade.manual_score, Grade.extra_credit)
        .join(cells, Grade.cell_id == cells.c.id)
        .join(graded, graded.c.id == cells.c.id)
        .where(Grade.notebook_id == notebook)
    )
    comments = (
        select(cells.c.name, Comment.manual_comment)
        .join(cells, Comment.cell_id == cells.c.id)
        .where(Comment.notebook_id == notebook)
    )
    return Outcome(
        " ".join(name for name in names if name),
        {
            name.removeprefix(CHECK_PREFIX): Given(
                ((auto or 0.0) if manual is None else manual) + (extra or 0.0),
                maximum,
                manual is not None or bool(extra),
            )
            for name, maximum, auto, manual, extra in database.db.execute(scores)
        },
        {name: said.strip() for name, said in database.db.execute(comments) if (said or "").strip()},
        submitted,
        due and due + (extension or timedelta()),
        extension or None,
        penalty or 0.0,
    )
