"""Show the gradebook: a table, the reason for every lost point, and CSV files.

Scores are read from nbgrader's database, so points a TA changed in formgrader count; reasons come from the records
beside the autograded notebooks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from nbgrader.api import Gradebook as Database
from nbgrader.api import MissingEntry
from rich.table import Table

from autograder import sheet
from autograder.authoring.source import CHECK_PREFIX, grade_ids
from autograder.course import Gradebook, Lesson
from autograder.intake.receipt import read_receipt
from autograder.intake.roster import read_roster, spelling
from autograder.printable import for_markup
from autograder.recording.record import NAME_NOTE, Record, read_record
from autograder.recording.tasks import submissions
from autograder.sheet import number

BY_A_GRADER = "changed by a grader"
LATE = "(late)"
"""In place of an exercise's name: what is taken off for handing in late."""


@dataclass
class Result:
    """One student's result in one lesson: points per exercise `(score, maximum)`, and what there is to say about it.

    `penalty` is what nbgrader's gradebook takes off for being late; `due` is the student's own date, in UTC without a zone
    like `handed_in`; each is None if unknown. `by_the_file`: nothing but the file's own time says when that was.
    """

    student: str
    lesson: str
    points: dict[str, tuple[float, float]]
    status: str
    notes: list[str] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)
    penalty: float = 0.0
    due: datetime | None = None
    handed_in: datetime | None = None
    late_by_the_lms: bool = False
    by_the_file: bool = False

    @property
    def score(self) -> float:
        """The points that count, everywhere: as nbgrader's own export has them, never below 0 for being late."""
        reached = sum(score for score, _ in self.points.values())
        return max(0.0, reached - self.penalty) if self.penalty else reached

    @property
    def maximum(self) -> float:
        return sum(maximum for _, maximum in self.points.values())

    @property
    def late(self) -> str:
        """How late it came, in words, and what that costs; empty if it was in time, or nobody knows."""
        behind = self.handed_in - self.due if self.handed_in and self.due else timedelta()
        if behind > timedelta():
            cost = f", which costs {sheet.number(self.penalty)} points" if self.penalty else ""
            guess = " (by the file's own time, which copying changes)" if self.by_the_file else ""
            return f"handed in {span(behind)} late{guess}{cost}"
        if self.late_by_the_lms and not self.handed_in:
            return "handed in late, as the export says, which does not say how late"
        return ""

    @property
    def remarks(self) -> list[str]:
        late = [f"{self.lesson}: {self.late}"] if self.late else []
        return [self.status] * (self.status != "graded") + late + self.notes


def span(behind: timedelta) -> str:
    """A time span in the two largest of its units."""
    minutes = max(1, int(behind.total_seconds() // 60))
    parts = [(minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute")]
    while not parts[0][0]:
        del parts[0]
    return " ".join(f"{n} {unit}{'s' * (n != 1)}" for n, unit in parts[:2] if n)


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
                receipt = read_receipt(gradebook.submitted / row.student.id / lesson.name)
                scores = {g.name: (g.score, g.max_score) for nb in row.notebooks for g in nb.grades}
                grades = {name.removeprefix(CHECK_PREFIX): scores[name] for name in sorted(scores, key=order.index)}
                graded[row.student.id] = Result(
                    row.student.id, lesson.name, grades, record.status, list(record.notes), record.lost,
                    row.late_submission_penalty or 0.0, row.assignment.duedate and row.duedate, row.timestamp,
                    bool(receipt and receipt.late), bool(receipt and receipt.time_of == "file"),
                )  # fmt: skip
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


def by_student(results: Iterable[Result]) -> dict[str, dict[str, Result]]:
    """Each student's results, by lesson."""
    found: dict[str, dict[str, Result]] = defaultdict(dict)
    for result in results:
        found[result.student][result.lesson] = result
    return found


def table(results: list[Result], lessons: list[Lesson]) -> Table:
    """The class: a row per student, a column per lesson, and a total."""
    shown = Table(title=None, header_style="bold", pad_edge=False)
    shown.add_column("student", no_wrap=True, max_width=32)
    for lesson in lessons:
        shown.add_column(lesson.name, justify="right")
    shown.add_column("total", justify="right")
    shown.add_column("remarks", overflow="fold")
    for student, theirs in by_student(results).items():
        cells, remarks = [], []
        for lesson in lessons:
            mine = theirs.get(lesson.name)
            cells.append(f"{number(mine.score)}/{number(mine.maximum)}" if mine and mine.points else "-")
            if mine:
                remarks += mine.remarks
        total, most = (sum(getattr(r, x) for r in theirs.values()) for x in ("score", "maximum"))
        unique = list(dict.fromkeys(remarks))
        shown.add_row(for_markup(student), *cells, f"{number(total)}/{number(most)}", for_markup("; ".join(unique)))
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
        if result.penalty:
            lost.append((LATE, result.penalty, result.late or "late"))
        if lost:
            found.append((result.student, result.lesson, lost))
    return found


def write_csv(gradebook: Gradebook, results: list[Result], lessons: list[Lesson]) -> tuple[Path, Path]:
    """Write `grades.csv` (a row per student) and `exercises.csv` (a row per exercise, with reasons)."""
    wide, long = gradebook.folder / "grades.csv", gradebook.folder / "exercises.csv"
    header = ["student", *(column for x in lessons for column in (x.name, f"{x.name} maximum")), "total", "remarks"]
    rows: list[list[object]] = []
    for student, theirs in by_student(results).items():
        row: list[object] = [student]
        for lesson in lessons:
            mine = theirs.get(lesson.name)
            row += [mine.score, mine.maximum] if mine and mine.points else ["", ""]
        remarks = dict.fromkeys(remark for result in theirs.values() for remark in result.remarks)
        rows.append([*row, sum(r.score for r in theirs.values()), "; ".join(remarks)])
    detail: list[list[object]] = []
    for r in results:
        for name, (score, maximum) in r.points.items():
            detail.append([r.student, r.lesson, name, score, maximum, r.lost.get(name, "") if score < maximum else ""])
        if r.penalty:
            detail.append([r.student, r.lesson, LATE, -r.penalty, 0, r.late])
    sheet.write(wide, header, rows)
    sheet.write(long, ["student", "lesson", "exercise", "score", "maximum", "reason"], detail)
    return wide, long
