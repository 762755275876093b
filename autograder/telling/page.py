"""The feedback page that a student reads: an exporter for nbgrader's generate_feedback, named in `nbgrader_config.py`.

On top a table: every exercise with its points, the reason for lost ones in one sentence, and a link. Below it the student's
own code and what was said of it; what was asked, the test and whatever else they wrote is folded away, and the lesson's text is left
out. One file that loads nothing and runs nothing, wherever it is opened; what a student wrote is escaped by the template,
and outputs are shown as text or as a picture, never as the HTML that they may hold.
"""

from __future__ import annotations

import base64
import binascii
import functools
import html
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone, tzinfo
from pathlib import Path
from typing import Any

import jinja2
import nbformat
from markupsafe import Markup
from nbconvert.exporters import Exporter
from nbformat import NotebookNode
from nbgrader.api import Gradebook as Database
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from autograder.authoring.source import CHECK_PREFIX
from autograder.cells import is_check
from autograder.course import Gradebook, Lesson
from autograder.intake import submission
from autograder.intake.receipt import Receipt, read_receipt
from autograder.printable import one_line, printable
from autograder.recording.record import NAME_NOTE, NOT_ATTEMPTED, Record, error_of, line_of, record_of
from autograder.telling.hide_tests import lines_named, students_frames
from autograder.telling.markdown import render
from autograder.telling.outcome import Given, Outcome, outcome
from autograder.telling.report import BY_A_GRADER, span

TEMPLATE = Path(__file__).parent / "template"
# What one page shows of one thing, in characters: a page is to be read, and to be sent by mail.
_CODE, _PRINTED, _PICTURE, _ELSEWHERE = 20_000, 2_000, 300_000, 60_000
_HEADING = re.compile(r"^#{2,6} +(?:Exercise: *|Question \d+: *)(.+)$", re.MULTILINE)
_SHOWN_PICTURES = ("image/png", "image/jpeg")


class FeedbackPage(Exporter):
    """Writes the page of one autograded notebook."""

    output_mimetype = "text/html"

    def _file_extension_default(self) -> str:
        return ".html"

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        """The page, and nbconvert's resources."""
        nb, resources = super().from_notebook_node(nb, resources, **options)
        where = resources["nbgrader"]
        lesson = Lesson(where["assignment"])
        record = record_of(nb, Path(resources["metadata"]["path"]), where["student"], lesson)
        with Database(where["db_url"]) as database:
            given = outcome(database, where["student"], lesson.name)
        book = Gradebook()
        receipt = read_receipt(book.submitted / where["student"] / lesson.name)
        return page(nb, lesson, where["student"], record, given, receipt, book.timezone), resources


def page(
    notebook: NotebookNode,
    lesson: Lesson,
    student: str,
    record: Record,
    given: Outcome,
    receipt: Receipt | None = None,
    zone: tzinfo = timezone.utc,
) -> str:
    """The whole page; times on it are those of `zone`."""
    handed_out = _handed_out(lesson)
    exercises, elsewhere, left_out = _cells(notebook, handed_out, record, given)
    text: str = _template().render(
        lesson=handed_out.title,
        student=one_line(student),
        name=one_line(given.name) if given.name and given.name != student else "",
        given=given,
        exercises=exercises,
        elsewhere=elsewhere,
        left_out=left_out,
        failed="" if record.status == "graded" else one_line(record.status),
        facts=_facts(record, given, receipt, zone),
        notes=[one_line(note) for note in record.limits_hit],
    )
    return text


# --- What the page shows ----------------------------------------------------------------------------------------------


@dataclass
class Cell:
    """A cell of the student's: its code, line by line, with `marked` ones where an error came from, and what came of it."""

    lines: list[tuple[Markup, bool]]
    cut: bool = False
    raised: str = ""
    trace: str = ""
    printed: str = ""
    pictures: list[Picture] = field(default_factory=list)
    is_text: bool = False


@dataclass
class Picture:
    """An output's picture, as a data URL."""

    url: str
    alt: str


@dataclass
class Exercise:
    """One exercise: how it went, why, and what belongs to it."""

    name: str
    title: Markup
    given: Given
    reason: str
    frames: list[str]
    cells: list[Cell]
    comments: list[Markup]
    asked: Markup
    test: str
    hidden: bool  # whether `test` shows the hidden ones

    @property
    def kind(self) -> str:
        """`full`, `part` or `none`: how many of the points."""
        if self.given.score >= self.given.maximum:
            return "full"
        return "part" if self.given.score > 0 else "none"

    @property
    def named(self) -> bool:
        """Whether the title says the exercise's name already."""
        return self.name in self.title


def _cells(
    notebook: NotebookNode, handed_out: _HandedOut, record: Record, given: Outcome
) -> tuple[list[Exercise], list[Cell], int]:
    """The exercises in the order of the notebook, the student's other cells, and how many of those a page has no room for."""
    exercises: list[Exercise] = []
    elsewhere: list[NotebookNode] = []
    own: list[NotebookNode] = []
    for cell in notebook.cells:
        if cell.cell_type == "code" and is_check(cell):
            exercises.append(_exercise(cell, own, handed_out, record, given))
            own = []
        elif cell.metadata.get("nbgrader", {}).get("grade_id"):
            own.append(cell)
        elif cell.source.strip() and (cell.source not in handed_out.sources or _failed(cell)):
            elsewhere.append(cell)
    shown, room = [], _ELSEWHERE
    for cell in own + elsewhere:
        room -= min(len(cell.source), _CODE)
        if room >= 0:
            shown.append(_shown(cell, []))
    return exercises, shown, len(own + elsewhere) - len(shown)


def _exercise(
    check: NotebookNode, own: list[NotebookNode], handed_out: _HandedOut, record: Record, given: Outcome
) -> Exercise:
    name = check.metadata.nbgrader.grade_id.removeprefix(CHECK_PREFIX)
    points = given.points.get(name, Given(0.0, float(check.metadata.nbgrader.get("points", 0))))
    lost = points.score < points.maximum
    error = error_of(check)
    frames = students_frames(error) if error and lost else []
    hidden = "### BEGIN HIDDEN TESTS" in check.source
    asked = handed_out.exercises.get(name)
    return Exercise(
        name,
        asked.title if asked else Markup("<code>{}</code>").format(name),
        points,
        _reason(record.lost.get(name, ""), points),
        [one_line(frame) for frame in frames],
        [_shown(cell, frames) for cell in own],
        [
            Markup(render(given.comments[cell.metadata.nbgrader.grade_id]))
            for cell in own
            if cell.metadata.nbgrader.grade_id in given.comments
        ],
        asked.text if asked else Markup(),
        printable(check.source[:_CODE]) if lost or hidden else "",
        hidden,
    )


def _reason(said: str, points: Given) -> str:
    if points.score >= points.maximum:
        return ""
    if points.by_hand and not said:
        return BY_A_GRADER
    return "not solved yet" if said == NOT_ATTEMPTED else one_line(said or "the check did not run")


def _shown(cell: NotebookNode, frames: list[str]) -> Cell:
    """What a page shows of a cell that the student wrote."""
    source = cell.source[:_CODE]
    if cell.cell_type != "code":
        typed = [(Markup(html.escape(line)), False) for line in printable(source).split("\n")]
        return Cell(typed, len(cell.source) > _CODE, is_text=True)
    error = error_of(cell)
    lines = printable(source).split("\n")
    marked = lines_named(frames, lines)
    if error and error.ename != "NotImplementedError" and (line := line_of(error)):
        marked.add(line)
    coloured = highlight("\n".join(lines), _PYTHON, _COLOURS).removesuffix("\n").split("\n")
    if len(coloured) != len(lines):  # What the lexer takes for a line end beside ours.
        coloured = [html.escape(line) for line in lines]
    shown = Cell([(Markup(text), n in marked) for n, text in enumerate(coloured, start=1)], len(cell.source) > _CODE)
    if error and error.ename != "NotImplementedError":
        said = printable(str(error.evalue)[:_PRINTED]).strip()
        shown.raised = one_line(f"{error.ename}: {said}")
        shown.trace = printable("\n".join(error.traceback)[:_PRINTED]).strip()
        if " ".join(shown.trace.split()) == shown.raised:
            shown.trace = ""
    printed = "".join(_text(output) for output in cell.outputs)
    shown.printed = printable(printed[:_PRINTED]).rstrip() + ("\n…" if len(printed) > _PRINTED else "")
    shown.pictures = [picture for output in cell.outputs for picture in _pictures(output)]
    return shown


def _text(output: NotebookNode) -> str:
    if output.output_type == "stream":
        return str(output.text)
    data = output.get("data", {})
    if any(kind in data for kind in _SHOWN_PICTURES):
        return ""
    text = data.get("text/plain", "")
    return f"{text}\n" if isinstance(text, str) and text else ""


def _pictures(output: NotebookNode) -> list[Picture]:
    for kind in _SHOWN_PICTURES:
        content = output.get("data", {}).get(kind)
        if isinstance(content, str) and len(content) <= _PICTURE:
            try:
                content = base64.b64encode(base64.b64decode("".join(content.split()), validate=True)).decode()
            except (binascii.Error, ValueError):
                continue
            told = output.get("metadata", {}).get(kind, {})
            alt = told.get("alt", "") if isinstance(told, dict) else ""
            return [Picture(f"data:{kind};base64,{content}", one_line(str(alt)) or "a figure that this cell drew")]
    return []


def _failed(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and error_of(cell) is not None


def _facts(record: Record, given: Outcome, receipt: Receipt | None, zone: tzinfo) -> list[tuple[str, str]]:
    """What there is to say of the submission as a whole, as pairs of a heading and a text."""
    facts = []
    if given.submitted:
        when = _moment(given.submitted, zone)
        if given.due:
            extended = f", with an extension of {span(given.extension)}" if given.extension else ""
            when += f"; it was due {_moment(given.due, zone)}{extended}"
        facts.append(("Handed in", when))
    if given.late:
        facts.append(("Late", f"by {span(given.late)}"))
    elif receipt and receipt.late and not given.submitted:
        facts.append(("Late", f"as {receipt.system} says, which does not say by how much"))
    if receipt and receipt.original:
        facts.append(("Your file", one_line(receipt.original)))
    if given.penalty:
        facts.append(("Penalty for lateness", f"{given.penalty:g} point{'' if given.penalty == 1 else 's'}"))
    for note in record.notes:
        if note.startswith(NAME_NOTE):
            facts.append(("Name you typed", one_line(note.removeprefix(NAME_NOTE))))
        elif note.startswith(submission.TAKEN_FROM):
            facts.append(("File", one_line(note)))
    return facts


def _moment(when: datetime, zone: tzinfo) -> str:
    return f"{when.replace(tzinfo=timezone.utc).astimezone(zone):%Y-%m-%d %H:%M %Z}"


# --- What the lesson says, read once ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Asked:
    title: Markup
    text: Markup


@dataclass(frozen=True)
class _HandedOut:
    title: str
    exercises: dict[str, _Asked]
    sources: set[str]


def _handed_out(lesson: Lesson) -> _HandedOut:
    return _handed_out_as_of(lesson, lesson.release.stat().st_mtime_ns)


@functools.lru_cache(maxsize=32)
def _handed_out_as_of(lesson: Lesson, _changed: int) -> _HandedOut:
    """What students were given: the title, and for each exercise its heading and the text from there to its cell."""
    cells = nbformat.read(lesson.release, as_version=4).cells
    title = re.match(r"# (.+)", cells[0].source)
    exercises: dict[str, _Asked] = {}
    heading, text = Markup(), ""
    for cell in cells:
        if cell.cell_type == "markdown":
            if found := list(_HEADING.finditer(cell.source)):
                said = found[-1][1].strip()
                heading = Markup(render(said[:1].upper() + said[1:], trusted=True).strip()[len("<p>") : -len("</p>")])
                text = cell.source[found[-1].end() :]
            else:
                text += f"\n\n{cell.source}"
        elif (marks := cell.metadata.get("nbgrader")) and not marks.get("grade"):
            name = marks["grade_id"]
            exercises[name] = _Asked(
                heading or Markup("<code>{}</code>").format(name), Markup(render(text, trusted=True))
            )
    return _HandedOut(title[1] if title else lesson.name, exercises, {cell.source for cell in cells})


# --- Drawing ----------------------------------------------------------------------------------------------------------


_PYTHON = PythonLexer(stripnl=False)
_COLOURS = HtmlFormatter(nowrap=True)


@functools.lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    surroundings = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    surroundings.globals["style"] = Markup((TEMPLATE / "feedback.css").read_text(encoding="utf-8"))
    surroundings.filters["points"] = lambda points: f"{points:g}"
    return surroundings.get_template("feedback.html.j2")
