"""Late work: due dates and extensions, and what a late submission loses, by nbgrader's own columns and plugin.

Dates stand in the class's `due.csv`, and from there go into nbgrader's gradebook, where formgrader shows them:

    lesson,student,due
    01_chain_rule,,2026-01-15 23:59          everybody's date; a date alone means the end of that day
    01_chain_rule,Grace Hopper,2026-01-22    her own
    ,Alan Turing,2 days                      so much more than everybody, in every lesson

Lessons that the file does not name keep the dates that formgrader or `nbgrader` gave them. What being late costs is
`LatePolicy`'s to say, or that of another plugin that `c.AssignLatePenalties.plugin_class` names.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, timezone, tzinfo
from typing import Any

from nbgrader.api import Assignment, Grade, Student, SubmittedAssignment, SubmittedNotebook
from nbgrader.api import Gradebook as Database
from nbgrader.converters import Autograde
from nbgrader.plugins import LateSubmissionPlugin
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import func, select, update
from traitlets import Float, TraitError

from autograder import sheet
from autograder.course import CourseError, Gradebook, Lesson, lessons
from autograder.intake.roster import Entry, Roster, read_roster, spelling
from autograder.printable import one_line
from autograder.recording.database import one_writer
from autograder.recording.pipeline import named

DATES = "due.csv"
_HEADER = ["lesson", "student", "due"]
_LONGER = re.compile(r"\+? *(?P<n>\d{1,4}) *(?P<unit>hour|day|week)s?", re.IGNORECASE)


class LatePolicy(LateSubmissionPlugin):
    """A share of the points reached is lost for every day begun after the student's own due date."""

    percent_per_day = Float(0.0, min=0, max=100, help="Percent of the points lost for each day begun.").tag(config=True)
    at_most_percent = Float(100.0, min=0, max=100, help="No more than this is lost.").tag(config=True)
    grace_minutes = Float(0.0, min=0, help="So many minutes are forgiven, of each day.").tag(config=True)
    nothing_after_days = Float(math.inf, min=0, help="Later than this, all points are lost.").tag(config=True)

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """The points lost, to two decimals; None if none are."""
        days = math.ceil((total_seconds_late - 60 * self.grace_minutes) / 86_400)
        if days <= 0 or score <= 0:
            return None
        if days > self.nothing_after_days:
            return score
        percent = min(days * self.percent_per_day, self.at_most_percent)
        return score if percent >= 100 else round(score * percent / 100, 2) or None


@dataclass
class Dates:
    """What `due.csv` says, in UTC without a zone, as nbgrader stores it. `own` dates are by lesson and name as written;
    `longer` is by name, for every lesson, and by lesson and name."""

    due: dict[str, datetime] = field(default_factory=dict)
    own: dict[tuple[str, str], datetime] = field(default_factory=dict)
    longer: dict[tuple[str, str], timedelta] = field(default_factory=dict)

    def students(self) -> set[str]:
        """The students who are named."""
        return {student for _, student in (*self.own, *self.longer)}

    def extension(self, lesson: str, name: str) -> timedelta | None:
        """How much later than everybody's date the student of that name may hand in."""
        if (lesson, name) in self.own:
            return self.own[lesson, name] - self.due[lesson]
        return self.longer.get((lesson, name), self.longer.get(("", name)))


def read_dates(gradebook: Gradebook) -> Dates:
    """The class's due dates and extensions; empty if there is no `due.csv`. Raises CourseError, naming the entry."""
    path = gradebook.folder / DATES
    try:
        rows = sheet.read(path)
    except FileNotFoundError:
        return Dates()
    if [name.strip().lower() for name in rows[0][:3]] != _HEADER if rows else True:
        raise CourseError(f"{path}: the first line must be `{','.join(_HEADER)}`")
    dates = Dates()
    for n, row in enumerate(rows[1:], start=1):
        lesson, student, due = (spelling(text) for text in [*row, "", "", ""][:3])
        try:
            name = lessons([lesson])[0].name if lesson else ""
            if not due or not (name or student):
                raise CourseError("a line needs a date, and a lesson or a student")
            if longer := _LONGER.fullmatch(due):
                if not student:
                    raise CourseError(f"{due!r} is more time, which only a student is given; write a date")
                dates.longer[name, student] = timedelta(**{f"{longer['unit'].lower()}s": int(longer["n"])})
            elif student and name:
                dates.own[name, student] = _moment(due, gradebook.timezone)
            elif name:
                dates.due[name] = _moment(due, gradebook.timezone)
            else:
                raise CourseError(f"{due!r} for every lesson: write the lesson, or how much longer, as `2 days`")
        except CourseError as error:
            raise CourseError(f"{path}, entry {n}: {error}") from None
    for lesson, student in (*dates.own, *dates.longer):
        if lesson and lesson not in dates.due:
            raise CourseError(f"{path}: {student} has a date of their own in {lesson}, which has none for everybody")
    return dates


def _moment(text: str, zone: tzinfo) -> datetime:
    try:
        moment = datetime.fromisoformat(re.sub(r" ?(UTC|Z)$", "+00:00", text))
    except ValueError:
        raise CourseError(f"{text!r} is no date; write it as 2026-01-15 23:59") from None
    if len(text) <= len("2026-01-15"):
        moment = datetime.combine(moment.date(), time(23, 59, 59))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    if not 1970 < moment.year < 2200:  # So much is left for zones and extensions.
        raise CourseError(f"{text!r} is no date of a course; where there is none, leave the line out")
    return moment.astimezone(timezone.utc).replace(tzinfo=None)


class Late:
    """Enters dates, extensions and penalties; reads `due.csv` and the configuration once, so make one for each run."""

    def __init__(self, gradebook: Gradebook):
        self.dates, self._roster = read_dates(gradebook), read_roster(gradebook)
        self.unclear: set[str] = set()
        steps = named(Autograde(coursedir=gradebook.coursedir, config=gradebook.config).autograde_preprocessors)
        self._plugin: Any = None
        for step in steps:
            if issubclass(step, AssignLatePenalties):
                try:
                    assign = step(config=gradebook.config)
                    assign.init_plugin()
                except (TraitError, ImportError, AttributeError) as error:
                    raise CourseError(
                        f"c.AssignLatePenalties or c.LatePolicy in nbgrader_config.py: {one_line(str(error))}"
                    ) from error
                self._plugin = assign.plugin_inst
                self._plugin.log.setLevel("CRITICAL")

    def assess(
        self, db: Any, lesson_names: Iterable[str], students: Iterable[str] | None = None, keep: bool = True
    ) -> set[tuple[str, str]]:
        """Enter what these submissions' dates and penalties are now, in the session's transaction; the caller commits.

        Returns the student and lesson of each whose lateness, extension or penalty changed. An extension for a name that two have
        is nobody's, and goes to `unclear`. Without `keep` nothing is written: not even a lock is taken.
        """
        changed: set[tuple[str, str]] = set()
        wanted = None if students is None else set(students)
        for name in lesson_names:
            assignment = db.query(Assignment).filter(Assignment.name == name).one_or_none()
            if assignment is None:
                continue
            dated = name in self.dates.due
            before = assignment.duedate
            due = self.dates.due[name] if dated else before
            if keep and due != before:
                assignment.duedate = due
            asked = select(
                SubmittedAssignment.id, SubmittedAssignment.student_id, SubmittedAssignment.timestamp,
                SubmittedAssignment.extension,
            ).where(SubmittedAssignment.assignment_id == assignment.id)  # fmt: skip
            rows = db.execute(asked).all()
            extensions = self._extensions(name, [row.student_id for row in rows]) if dated else {}
            late: dict[str, tuple[str, float]] = {}
            for row in rows:
                if wanted is not None and row.student_id not in wanted:
                    continue
                extension = extensions.get(row.student_id) if dated else row.extension
                if extension != row.extension and keep:
                    of_row = update(SubmittedAssignment).where(SubmittedAssignment.id == row.id)
                    db.execute(of_row.values(extension=extension).execution_options(synchronize_session=False))
                behind = _behind(row.timestamp, due, extension)
                if extension != row.extension or behind != _behind(row.timestamp, before, row.extension):
                    changed.add((row.student_id, name))
                late[row.id] = row.student_id, behind
            changed |= {(student, name) for student in self._penalties(db, late, keep)}
        return changed

    def _extensions(self, lesson: str, students: list[str]) -> dict[str, timedelta]:
        """The extensions of those who handed in, by their ids."""
        found: dict[str, timedelta] = {}
        for written in self.dates.students():
            extension = self.dates.extension(lesson, written)
            if extension is None:
                continue
            known = self.known(written, students)
            if len(known) == 1 and known[0] in found and found[known[0]] != extension:
                self.unclear.add(
                    f"{DATES} names {known[0]!r} in several spellings, with other dates; write the id in all lines"
                )
                continue
            if len(known) > 1:
                self.unclear.add(f"{DATES}: {written!r} may be {' or '.join(map(repr, sorted(known)))}; write the id")
                continue
            found.update(dict.fromkeys(known, extension))
        return found

    def known(self, written: str, students: list[str]) -> list[str]:
        """Those of the students who may be meant: by id, or as the roster knows them, or by how an id is spelt."""
        if written in students:
            return [written]
        row = self.enrolled(written)
        if row and row.id in students:
            return [row.id]
        if self._roster is not None and self._roster.times(written) > 1:
            return [known.id for known in self._roster.rows if spelling(known.name).casefold() == written.casefold()]
        alone = Roster([Entry(written)])
        return [student for student in students if student in alone]

    def enrolled(self, written: str) -> Entry | None:
        """The only student on the roster who may be meant."""
        if self._roster is None:
            return None
        return self._roster.find(written) or self._roster.named(written)

    def _penalties(self, db: Any, late: dict[str, tuple[str, float]], keep: bool) -> set[str]:
        db.flush()
        asked = select(SubmittedNotebook.id, SubmittedNotebook.assignment_id, SubmittedNotebook.late_submission_penalty)
        rows = db.execute(asked.where(SubmittedNotebook.assignment_id.in_(late))).all()
        behind = {row.id: late[row.assignment_id] for row in rows if late[row.assignment_id][1] > 0}
        scored = select(Grade.notebook_id, func.sum(Grade.score)).where(Grade.notebook_id.in_(behind))
        scores = dict(db.execute(scored.group_by(Grade.notebook_id)).all())
        changed = set()
        for row in rows:
            penalty = None
            if row.id in behind and self._plugin is not None:
                student, seconds = behind[row.id]
                score = scores.get(row.id) or 0.0
                penalty = self._plugin.late_submission_penalty(student, score, seconds)
                penalty = None if penalty is None else min(max(penalty, 0.0), max(score, 0.0))
            if (penalty or 0.0) != (row.late_submission_penalty or 0.0):
                if keep:
                    of_row = update(SubmittedNotebook).where(SubmittedNotebook.id == row.id)
                    entered = of_row.values(late_submission_penalty=penalty)
                    db.execute(entered.execution_options(synchronize_session=False))
                changed.add(late[row.assignment_id][0])
        return changed


def _behind(handed_in: datetime | None, due: datetime | None, extension: timedelta | None) -> float:
    """How many seconds late; 0 if in time, or if nobody knows."""
    if handed_in is None or due is None:
        return 0.0
    return max((handed_in - due - (extension or timedelta())).total_seconds(), 0.0)


def strangers(gradebook: Gradebook) -> list[str]:
    """The names in `due.csv` that are nobody's who handed in or is on the roster: spelt wrong, perhaps."""
    late = Late(gradebook)
    students: list[str] = []
    if late.dates.students() and gradebook.has_database():
        with Database(gradebook.db_url) as database:
            students = list(database.db.execute(select(Student.id)).scalars())
    return sorted(name for name in late.dates.students() if not late.known(name, students) and not late.enrolled(name))


def enter(gradebook: Gradebook, of_lessons: list[Lesson], keep: bool = True) -> set[tuple[str, str]]:
    """Bring dates, extensions and penalties of all that is graded up to what `due.csv`, the policy and the points say now.

    Returns the student and lesson of each that changed; without `keep`, of each that would. Raises CourseError if another
    process writes the gradebook, `due.csv` cannot be understood, or it gives more time to a name that two have.
    """
    if not gradebook.has_database():
        read_dates(gradebook)
        return set()
    late, names = Late(gradebook), [lesson.name for lesson in of_lessons]
    with one_writer(gradebook) if keep else contextlib.nullcontext(), Database(gradebook.db_url) as database:
        changed = late.assess(database.db, names, keep=keep)
        if keep and not late.unclear:
            database.db.commit()
    if late.unclear:
        raise CourseError(min(late.unclear))
    return changed
