"""Explain one grade to a TA: each lost point with its reason, each limit hit, and where to look further.

`explain` collects the facts from the gradebook database, `grading.json` and the autograded notebook; `text` words them.
Everything a student wrote is shown as it is, and never obeyed as markup or terminal control.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from rich.text import Text

from autograder.authoring.source import CHECK_PREFIX
from autograder.cells import cell_title, is_check
from autograder.course import ROOT, CourseError, Gradebook, Lesson
from autograder.intake import submission
from autograder.intake.receipt import TIMESTAMP
from autograder.printable import one_line, printable
from autograder.recording.record import NAME_NOTE, NOT_ATTEMPTED, Record, read_record
from autograder.telling import report
from autograder.telling.hide_tests import lines_named, students_frames

SOURCE_LINES = 20
SOURCE_WIDTH = 110


@dataclass
class LostPoints:
    """One exercise that lost points: why, where in the student's functions (`in NAME, line N: CODE`), the source of the
    student's cell (None if it is gone) and what it raised when it ran, and the source of the check with its hidden tests."""

    exercise: str
    score: float
    maximum: float
    reason: str
    frames: list[str] = field(default_factory=list)
    source: str | None = None
    raised: str = ""
    check: str = ""


@dataclass
class Explanation:
    """All there is to say about one submission. Times are as text; `failed` are cells that raised, checks aside."""

    result: report.Result
    record: Record
    lesson: Lesson
    submitted: str
    folder: Path
    notebook: Path
    page: Path
    lost: list[LostPoints] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def explain(gradebook: Gradebook, student: str, lesson: Lesson) -> Explanation:
    """What became of that student's submission. Raises CourseError for a student nobody knows, suggesting some."""
    results = {r.student: r for r in report.results(gradebook, [lesson])}
    student = _known(student, list(results), gradebook.folder)
    folder = gradebook.submitted / student / lesson.name
    notebook = gradebook.autograded / student / lesson.name / f"{lesson.name}.ipynb"
    found = Explanation(
        results[student],
        read_record(gradebook, student, lesson) or Record(student, lesson.name, "", results[student].status),
        lesson,
        _submitted(folder),
        folder,
        notebook,
        gradebook.feedback / student / lesson.name / f"{lesson.name}.html",
    )
    cells = nbformat.read(notebook, as_version=4).cells if notebook.exists() else []
    named = {name: cell for cell in cells if (name := cell.metadata.get("nbgrader", {}).get("grade_id"))}
    for name, (score, maximum) in found.result.points.items():
        if score < maximum:
            lost = LostPoints(name, score, maximum, found.result.lost.get(name, report.BY_A_GRADER))
            check, own = named.get(CHECK_PREFIX + name), named.get(name)
            if check is not None:
                lost.check = check.source
                lost.frames = [frame for error in _errors(check) for frame in students_frames(error)]
            if own is not None:
                lost.source, lost.raised = own.source, _raised(own)
            found.lost.append(lost)
    told = {lost.exercise for lost in found.lost}
    for cell in cells:
        if cell.cell_type == "code" and not is_check(cell) and cell_title(cell) not in told:
            found.failed += [f"{cell_title(cell)}: {raised}" for raised in [_raised(cell)] if raised]
    return found


def text(found: Explanation, everything: bool = False) -> Text:
    """The explanation for a terminal; with `everything` also the checks, hidden tests included, and cells in full."""
    lines = list(_head(found))
    if found.record.status == "graded":
        for lost in found.lost:
            if lost.reason != NOT_ATTEMPTED:
                lines += ["", *_one(lost, found, everything)]
    if found.failed:
        lines += ["", Text("Other cells that failed:", style="bold")]
        lines += [f"  {one_line(failed)}" for failed in found.failed]
    lines += ["", *_where(found)]
    return Text("\n").join([line if isinstance(line, Text) else Text(line) for line in lines])


def _head(found: Explanation) -> Iterator[Text | str]:
    result, record = found.result, found.record
    points = f"{result.score:g} of {result.maximum:g} points" if result.points else result.status
    yield Text(f"{one_line(result.student)}, {result.lesson}: {points}", style="bold")
    times = [f"submitted {found.submitted}"] if found.submitted else []
    if result.points:
        times += [f"graded {record.when.replace('T', ' ').replace('+00:00', ' UTC')}"] * bool(record.when)
        if record.seconds:
            times.append(f"{record.seconds:g} s to run")
    if times:
        yield "; ".join(times)
    if result.late:
        yield Text(_sentence(result.late[0].upper() + result.late[1:]), style="yellow")
    if result.points and record.status != "graded":
        yield Text(f"It could not be run, so no exercise has points: {_sentence(record.status)}", style="red")
    for note in record.notes:
        if note.startswith(NAME_NOTE):
            yield f"The name typed for the personal sequence: {_sentence(note.removeprefix(NAME_NOTE))}"
        elif note.startswith(submission.TAKEN_FROM):
            yield f"There was no {result.lesson}.ipynb; the notebook was {_sentence(note)}"
        else:
            yield Text(f"Limit or crash: {_sentence(note)}", style="yellow")
    for note in result.notes:
        if note not in record.notes:  # What only comparing the whole class shows.
            yield Text(f"Compared with the class: {_sentence(note)}", style="yellow")
    kept = [name for name, (score, maximum) in result.points.items() if score >= maximum]
    if kept:
        yield f"Full points: {', '.join(kept)}"
    left = [f"{lost.exercise} ({lost.maximum:g})" for lost in found.lost if lost.reason == NOT_ATTEMPTED]
    if left:
        yield f"Not attempted (points): {', '.join(left)}"


def _one(lost: LostPoints, found: Explanation, everything: bool) -> Iterator[Text | str]:
    yield Text.assemble((lost.exercise, "bold"), f"  {lost.score:g}/{lost.maximum:g}  ", (one_line(lost.reason), "red"))
    for frame in lost.frames:
        yield f"  {one_line(frame)}"
    if lost.raised:
        yield f"  The exercise's own cell raised {one_line(lost.raised)}"
    if lost.source is None:
        yield "  The exercise's cell is missing."
    else:
        yield from _listing(lost.source, lost.frames, everything)
    if everything and lost.check:
        yield f"  The check, with its hidden tests{_check_place(found.lesson, lost.exercise)}:"
        yield from _listing(lost.check, [], everything)


def _listing(source: str, frames: list[str], everything: bool) -> Iterator[Text]:
    """The first lines of a cell, numbered, and those the frames name, marked."""
    lines = printable(source).split("\n")
    named = lines_named(frames, lines)
    last = 0
    for n, line in enumerate(lines, start=1):
        if not everything and n > SOURCE_LINES and n not in named:
            continue
        if n > last + 1:
            yield Text("       ...", style="dim")
        cut = line if everything or len(line) <= SOURCE_WIDTH else line[: SOURCE_WIDTH - 1] + "…"
        yield Text(f"{'>' if n in named else ' ':>3} {n:3}  {cut}", style="" if n in named else "dim")
        last = n
    if last < len(lines):
        yield Text(f"       ... {len(lines) - last} more lines", style="dim")


def _where(found: Explanation) -> Iterator[str]:
    holds = sorted(found.folder.iterdir()) if found.folder.is_dir() else []
    if holds:
        yield f"Handed in:  {found.folder}"
        if found.record.status != "graded":
            yield from (f"            {one_line(p.name)}, {p.lstat().st_size} bytes" for p in holds[:5])
    if found.notebook.exists():
        yield f"Autograded: {found.notebook}"
        made = "" if found.page.exists() else " (not made yet: autograder feedback)"
        yield f"Feedback:   {found.page}{made}"
    if found.result.status == "not graded yet":
        yield f"To grade it: autograder grade {found.lesson.name}"


def _check_place(lesson: Lesson, exercise: str) -> str:
    """Where the hidden test is written, for a sentence; empty if not where lessons keep theirs."""
    module = ROOT / "autograder" / "checks" / f"{lesson.topic}.py"
    for n, line in enumerate(module.read_text(encoding="utf-8").splitlines() if module.exists() else [], start=1):
        if line.startswith(f"def {CHECK_PREFIX}{exercise}("):
            return f" ({module.relative_to(ROOT)}:{n})"
    return ""


def _known(wanted: str, students: list[str], folder: Path) -> str:
    """The student's id, whatever case and accents were typed. Raises CourseError, suggesting ids that are spelt alike or
    contain what was typed."""
    if wanted in students:
        return wanted
    folded: dict[str, list[str]] = {}
    for student in students:
        folded.setdefault(_folded(student), []).append(student)
    if len(same := folded.get(_folded(wanted), [])) == 1:
        return same[0]
    close = difflib.get_close_matches(_folded(wanted), folded, n=3)
    close += [name for name in folded if _folded(wanted) in name and name not in close]
    suggested = [repr(one_line(student)) for name in close for student in folded[name]]
    hint = f" Did you mean {' or '.join(suggested[:3])}?" if suggested else ""
    raise CourseError(f"There is no student {one_line(wanted)!r} in {folder}.{hint}")


def _folded(name: str) -> str:
    """The name without case and accents."""
    return "".join(ch for ch in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(ch))


def _submitted(folder: Path) -> str:
    try:
        return one_line((folder / TIMESTAMP).read_text(encoding="utf-8", errors="replace"), 40)
    except OSError:
        return ""


def _errors(cell: NotebookNode) -> list[NotebookNode]:
    return [output for output in cell.get("outputs", []) if output.output_type == "error"]


def _raised(cell: NotebookNode) -> str:
    """The error a cell ended in, on one line; empty if none."""
    for error in _errors(cell):
        said = f"{error.ename}: {(error.evalue.strip().splitlines() or [''])[0]}"
        return one_line(re.sub(r"<ipython-input-[^>]*>", "this cell", said))
    return ""


def _sentence(text: str) -> str:
    line = one_line(text)
    return line if line.endswith((".", "?", "!")) else line + "."
