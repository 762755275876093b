"""Show the gradebook: a table, the reason for every lost point, CSV files, and feedback pages per student.

Scores are read from nbgrader's database, so points a TA changed in formgrader count; reasons come from the records
beside the autograded notebooks.
"""

from __future__ import annotations

import copy
import csv
import hashlib
import html
import io
import json
import os
import re
import resource
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.api import Gradebook as Database
from nbgrader.api import MissingEntry
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from rich.table import Table
from traitlets.config import Config

from autograder.authoring.source import CHECK_PREFIX, grade_ids
from autograder.course import ROOT, CourseError, Gradebook, Lesson, write_whole
from autograder.intake.roster import read_roster, spelling
from autograder.printable import for_markup, printable
from autograder.recording.record import NAME_NOTE, Record, read_record
from autograder.recording.tasks import submissions

# Where a cell may begin for some spreadsheet, and what makes it a formula there.
_FORMULA = re.compile(r"""(?:(?<=^)|(?<=[;\t\r\n]))(?=[\s"']*[=+\-@\uff1d\uff0b\uff0d\uff20])""")
PAGE_SECONDS = 60  # of the processor; an ordinary page takes one or two
PLAIN_CELL = 20_000  # characters
BY_A_GRADER = "changed by a grader"
_HIDE_TESTS = "autograder.telling.hide_tests.HideTests"


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


def feedback(
    gradebook: Gradebook,
    lessons: list[Lesson],
    force: bool = False,
    on_page: Callable[[Path], None] = lambda page: None,
    hidden_tests: bool = False,
    on_plain: Callable[[Path], None] = lambda page: None,
) -> tuple[list[Path], int]:
    """Make the HTML page of every graded submission with nbgrader's generate_feedback; `hidden_tests` shows those too.

    Returns the pages written and how many were up to date: a page is made again when its notebook, a score or a
    comment changed, or it was made with hidden tests and is now wanted without (or the other way round). `on_page` is
    called after each page, made or not; `on_plain` for one that could not be made in full: it holds the scores and the reasons.
    """
    written, fresh = [], 0
    config = copy.deepcopy(gradebook.config)  # Its own copy() shares the sections.
    if hidden_tests:
        steps = config.GenerateFeedback.preprocessors
        config.GenerateFeedback.preprocessors = [step for step in steps if step != _HIDE_TESTS]
    for result in results(gradebook, lessons):
        notebook = gradebook.autograded / result.student / result.lesson / f"{result.lesson}.ipynb"
        page = gradebook.feedback / result.student / result.lesson / f"{result.lesson}.html"
        if not notebook.exists():
            continue
        mark = _feedback_mark(gradebook, result, notebook) + " with hidden tests" * hidden_tests
        stamp = page.with_name(".made_from")
        if not force and page.exists() and stamp.exists() and stamp.read_text() == mark:
            fresh += 1
        else:
            try:
                if not _make_page(config, result):
                    write_whole(page, _plain_page(result, notebook))
                    on_plain(page)
                stamp.write_text(mark)
            except OSError as error:
                raise CourseError(f"{page} cannot be written: {error.strerror}") from error
            written.append(page)
        on_page(page)
    return written, fresh


def _feedback_mark(gradebook: Gradebook, result: Result, notebook: Path) -> str:
    digest = hashlib.sha256(notebook.read_bytes() + (ROOT / "nbgrader_config.py").read_bytes())
    digest.update(repr(sorted(result.points.items())).encode())
    with Database(gradebook.db_url) as database:
        for nb in database.find_submission(result.lesson, result.student).notebooks:
            digest.update(repr(sorted((c.name, c.comment) for c in nb.comments)).encode())
    return digest.hexdigest()


def _make_page(config: Config, result: Result) -> bool:
    """Make a page with nbgrader, in a process of its own: what a student wrote may take markdown minutes, or all memory.

    Returns whether it was made.
    """
    coursedir = CourseDirectory(config=config, assignment_id=result.lesson, student_id=result.student)
    converter = GenerateFeedback(coursedir=coursedir, config=config, force=True)
    converter.log.setLevel("CRITICAL")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Of forking beside the thread that draws the progress bar.
        child = os.fork()
    if child == 0:
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (PAGE_SECONDS, PAGE_SECONDS))
            converter.start()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def _plain_page(result: Result, notebook: Path) -> str:
    """Scores, reasons and the student's cells as they were typed, without layout."""
    scores = [
        f"{name}: {score:g} of {most:g}{'' if score >= most else ': ' + result.lost.get(name, BY_A_GRADER)}"
        for name, (score, most) in result.points.items()
    ]
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        typed = [cell for cell in cells if not cell["metadata"].get("nbgrader", {}).get("grade")]
        sources = ["".join(cell["source"]) for cell in typed]
    except (OSError, ValueError, KeyError, TypeError):
        sources = []
    title = html.escape(f"{result.student}, {result.lesson}: {result.score:g} of {result.maximum:g} points")
    listed = "".join(f"<li>{html.escape(line)}</li>" for line in scores)
    shown = "".join(f"<pre>{html.escape(printable(source[:PLAIN_CELL]))}</pre>" for source in sources)
    return (
        f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><ul>{listed}</ul>'
        f"<p>This page is plain because the notebook could not be laid out.</p>{shown}</html>"
    )
