"""Show the gradebook: a table, the reason for every lost point, CSV files, and feedback pages per student.

Scores are read from nbgrader's database, so points a TA changed in formgrader count; reasons come from the records
beside the autograded notebooks.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.api import Gradebook as Database
from nbgrader.api import MissingEntry
from rich.table import Table

from autograder.authoring.source import CHECK_PREFIX, grade_ids
from autograder.course import CourseError, Gradebook, Lesson, write_whole
from autograder.intake.roster import read_roster, spelling
from autograder.printable import for_markup
from autograder.recording.record import NAME_NOTE, Record, read_record
from autograder.recording.tasks import submissions

# Where a cell may begin for some spreadsheet, and what makes it a formula there.
_FORMULA = re.compile(r"""(?:(?<=^)|(?<=[;\t\r\n]))(?=[\s"']*[=+\-@\uff1d\uff0b\uff0d\uff20])""")
BY_A_GRADER = "changed by a grader"


@dataclass
class Result:
    """One student's result in one lesson: points per exercise `(score, maximum)`, and what there is to say about it."""

    student: str
    lesson: str
    points: dict[str, tuple[float, float]]
    status: str
    notes: list[str] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)

    @property
    def score(self) -> float:
        return sum(score for score, _ in self.points.values())

    @property
    def maximum(self) -> float:
        return sum(maximum for _, maximum in self.points.values())

    @property
    def remarks(self) -> list[str]:
        return [self.status] * (self.status != "graded") + self.notes


def results(gradebook: Gradebook, lessons: list[Lesson]) -> list[Result]:
    """Every graded, submitted or enrolled student's result in every lesson that was collected at all, by student."""
    found: list[Result] = []
    handed_in = {(student, lesson.name) for student, lesson, _ in submissions(gradebook, lessons)}
    roster = read_roster(gradebook)
    with Database(gradebook.db_url) as database:
        for lesson in lessons:
            graded: dict[str, Result] = {}
            order = list(grade_ids(lesson.release))
            try:
                rows = database.find_assignment(lesson.name).submissions
            except MissingEntry:
                rows = []
            for row in rows:
                record = read_record(gradebook, row.student.id, lesson) or Record(row.student.id, lesson.name, "")
                scores = {g.name: (g.score, g.max_score) for nb in row.notebooks for g in nb.grades}
                grades = {name.removeprefix(CHECK_PREFIX): scores[name] for name in sorted(scores, key=order.index)}
                graded[row.student.id] = Result(
                    row.student.id, lesson.name, grades, record.status, list(record.notes), record.lost
                )
            students = {student for student, name in handed_in if name == lesson.name}
            if roster is not None:
                students |= roster.absent(students | set(graded))
            for student in students - set(graded):
                status = "not graded yet" if (student, lesson.name) in handed_in else "nothing handed in"
                graded[student] = Result(student, lesson.name, {}, status)
            _compare_names(graded)
            found += graded.values()
    return sorted(found, key=lambda r: (r.student.casefold(), r.lesson))


def _compare_names(graded: dict[str, Result]) -> None:
    """Replace the notes on names entered for the personal sequence by a remark where several students entered the same.

    Who had it from whom nobody can tell, and two may just be called Maria: the remark says what was entered, no more.
    """
    entered: dict[str, list[str]] = defaultdict(list)
    for result in graded.values():
        for note in [n for n in result.notes if n.startswith(NAME_NOTE)]:
            result.notes.remove(note)
            entered[spelling(note.removeprefix(NAME_NOTE)).casefold()].append(result.student)
    for students in entered.values():
        for student in students if len(students) > 1 else []:
            others = ", ".join(s for s in students if s != student)
            graded[student].notes.append(f"entered the same name as {others} for the personal sequence")


def table(results: list[Result], lessons: list[Lesson]) -> Table:
    """The class: a row per student, a column per lesson, and a total."""
    shown = Table(title=None, header_style="bold", pad_edge=False)
    shown.add_column("student", no_wrap=True, max_width=32)
    for lesson in lessons:
        shown.add_column(lesson.name, justify="right")
    shown.add_column("total", justify="right")
    shown.add_column("remarks", overflow="fold")
    by_student: dict[str, dict[str, Result]] = defaultdict(dict)
    for result in results:
        by_student[result.student][result.lesson] = result
    for student, theirs in by_student.items():
        cells, remarks = [], []
        for lesson in lessons:
            mine = theirs.get(lesson.name)
            cells.append(f"{mine.score:g}/{mine.maximum:g}" if mine and mine.points else "-")
            if mine:
                remarks += mine.remarks
        total, most = (sum(getattr(r, x) for r in theirs.values()) for x in ("score", "maximum"))
        unique = list(dict.fromkeys(remarks))
        shown.add_row(for_markup(student), *cells, f"{total:g}/{most:g}", for_markup("; ".join(unique)))
    return shown


def reasons(results: list[Result]) -> list[tuple[str, str, list[tuple[str, float, str]]]]:
    """`(student, lesson, [(exercise, points lost, why), ...])` for every result that lost points."""
    found = []
    for result in results:
        lost = [
            (name, maximum - score, result.lost.get(name, BY_A_GRADER))
            for name, (score, maximum) in result.points.items()
            if score < maximum
        ]
        if lost:
            found.append((result.student, result.lesson, lost))
    return found


def write_csv(gradebook: Gradebook, results: list[Result], lessons: list[Lesson]) -> tuple[Path, Path]:
    """Write `grades.csv` (a row per student, to upload to an LMS) and `exercises.csv` (a row per exercise, with reasons)."""
    wide, long = gradebook.folder / "grades.csv", gradebook.folder / "exercises.csv"
    by_student: dict[str, dict[str, Result]] = defaultdict(dict)
    for result in results:
        by_student[result.student][result.lesson] = result
    header = ["student", *(column for x in lessons for column in (x.name, f"{x.name} maximum")), "total", "remarks"]
    rows: list[list[object]] = []
    for student, theirs in by_student.items():
        row: list[object] = [student]
        for lesson in lessons:
            mine = theirs.get(lesson.name)
            row += [mine.score, mine.maximum] if mine and mine.points else ["", ""]
        remarks = dict.fromkeys(remark for result in theirs.values() for remark in result.remarks)
        rows.append([*row, sum(r.score for r in theirs.values()), "; ".join(remarks)])
    _csv(wide, header, rows)
    detail = [
        [r.student, r.lesson, name, score, maximum, r.lost.get(name, "") if score < maximum else ""]
        for r in results
        for name, (score, maximum) in r.points.items()
    ]
    _csv(long, ["student", "lesson", "exercise", "score", "maximum", "reason"], detail)
    return wide, long


def _csv(path: Path, header: list[str], rows: list[list[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([[_cell(value) for value in row] for row in rows])
    try:
        write_whole(path, text.getvalue())
    except OSError as error:
        raise CourseError(f"{path} cannot be written: {error.strerror}") from error


def _cell(value: object) -> object:
    """What starts with = + - @ a spreadsheet runs; a quote in front keeps it text. Some split at semicolons or tabs whatever
    the quotes say, so each piece is one to be kept."""
    if isinstance(value, float):
        return f"{value:g}"
    return _FORMULA.sub("'", value) if isinstance(value, str) else value
