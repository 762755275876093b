"""What came of a submission: the record beside the autograded notebook, and how it is read off one."""

from __future__ import annotations

import errno
import functools
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader import utils

from autograder.authoring.source import CHECK_PREFIX
from autograder.cells import cell_title, is_check
from autograder.course import Gradebook, Lesson
from autograder.intake import submission

RECORD = "grading.json"
# How the system words its refusal when a limit is hit, in the errors that reach a cell.
_LIMIT_ERRORS = {
    f"[Errno {errno.EFBIG}]": "wrote a larger file than it may",
    f"[Errno {errno.ENOSPC}]": "filled its scratch space",
    f"[Errno {errno.EAGAIN}]": "started more processes than it may",
    "can't start new thread": "started more processes than it may",
}
NAME_NOTE = "by-hand name: "
NOT_ATTEMPTED = "not attempted"
# Where Python says a cell stands that it could not read.
_NO_FILE = re.compile(r" \(<[^>]*>, line \d+\)$")
# Characters of a cell that are searched for what it defines.
_LOOKED_AT = 100_000


@dataclass
class Record:
    """What `grading.json` keeps of one graded submission.

    `status` is "graded", or why nothing could be run; `notes` are the limits it hit and the like; `lost` maps each
    exercise that lost points to the reason, in one sentence. `score` and `maximum` are points, `seconds` is what
    running the cells took, `when` the time of grading (ISO 8601, UTC; empty if unknown).
    """

    student: str
    lesson: str
    fingerprint: str
    status: str = "graded"
    notes: list[str] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    score: float = 0.0
    maximum: float = 0.0
    when: str = ""

    @property
    def limits_hit(self) -> list[str]:
        """The notes on limits, as `CELL: what happened`; the others say what was typed or which file was taken."""
        return [note for note in self.notes if not note.startswith((NAME_NOTE, submission.TAKEN_FROM))]

    @property
    def remarks(self) -> list[str]:
        """What a TA wants to hear about this submission at once; empty if nothing is out of the ordinary."""
        return [self.status] * (self.status != "graded") + [n for n in self.notes if not n.startswith(NAME_NOTE)]


def read_record(gradebook: Gradebook, student: str, lesson: Lesson) -> Record | None:
    """The record of a graded submission, or None if it is not graded.

    Where another nbgrader command graded it there is no `grading.json`: the record is then read off the notebook, with
    an empty fingerprint.
    """
    folder = gradebook.autograded / student / lesson.name
    if record := _kept(folder):
        return record
    try:
        notebook = nbformat.read(folder / f"{lesson.name}.ipynb", as_version=4)
    except Exception:
        return None
    return Record(student, lesson.name, "", lost=lost_points(notebook))


def record_of(notebook: NotebookNode, folder: Path, student: str, lesson: Lesson) -> Record:
    """The record of an autograded notebook that was read already, from that folder."""
    return _kept(folder) or Record(student, lesson.name, "", lost=lost_points(notebook))


def _kept(folder: Path) -> Record | None:
    try:
        return Record(**json.loads((folder / RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def limits_within(notebook: NotebookNode, known: list[str]) -> list[str]:
    """Notes on limits that cells hit and survived, as their outputs show them, but for cells `known` has a note on."""
    notes = []
    for cell in notebook.cells:
        title = cell_title(cell)
        if cell.cell_type != "code" or any(note.startswith(f"{title}: ") for note in known):
            continue
        for output in cell.outputs:
            if output.output_type == "error" and output.ename == "TimeLimit":
                notes.append(f"{title}: {output.evalue}")
            elif output.output_type == "error" and output.ename.endswith("MemoryError"):
                notes.append(f"{title}: ran out of memory")
            elif output.output_type == "error" and (
                hit := [why for mark, why in _LIMIT_ERRORS.items() if mark in output.evalue]
            ):
                notes.append(f"{title}: {hit[0]}")
            elif output.output_type == "stream" and "\n[output truncated here: " in output.text[-200:]:
                notes.append(f"{title}: printed more than the limit")
    return notes


def points(notebook: NotebookNode) -> tuple[float, float]:
    """The score and the maximum of an autograded notebook, in points."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and is_check(cell)]
    grades = [utils.determine_grade(cell) for cell in cells]
    return sum(score or 0.0 for score, _ in grades), sum(maximum for _, maximum in grades)


def lost_points(notebook: NotebookNode) -> dict[str, str]:
    """Each exercise of an autograded notebook that lost points, with the reason."""
    lost = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and is_check(cell):
            score, maximum = utils.determine_grade(cell)
            if score is not None and score < maximum:
                lost[cell.metadata.nbgrader.grade_id.removeprefix(CHECK_PREFIX)] = reason_of(cell, notebook)
    return lost


def reason_of(check: NotebookNode, notebook: NotebookNode) -> str:
    """Why a check cell of a notebook lost its points, in one sentence."""
    error = error_of(check)
    if error is None:
        return "the check did not run"
    first = (error.evalue.strip().splitlines() or [""])[0]
    if error.ename == "NotImplementedError":
        return NOT_ATTEMPTED
    if error.ename == "NameError" and (name := re.search(r"name '(\w+)' is not defined", first)):
        return why_undefined(name[1], first, notebook)
    if error.ename in ("AssertionError", "CellStopped", "NotRun", "TimeLimit"):
        return first or "a test failed"
    return f"{error.ename}: {first}"


def why_undefined(name: str, told: str, notebook: NotebookNode) -> str:
    """Why a name was not there for a check that wanted it: what became of the last cell that would have bound it."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and not is_check(cell)]
    binding = [cell for cell in cells if _binding(name).search(cell.source[:_LOOKED_AT])]
    if not binding:
        if told != f"name '{name}' is not defined":  # It says more already.
            return f"NameError: {told}"
        return f"{name} is not defined: no cell of the notebook defines it"
    error = error_of(binding[-1])
    if error is None:
        return f"{name} is not defined: its cell did not define it"
    said = _NO_FILE.sub("", (error.evalue.strip().splitlines() or [""])[0])
    if error.ename == "NotImplementedError":
        return NOT_ATTEMPTED
    if error.ename in ("CellStopped", "TimeLimit"):
        return f"{name} is not defined: its cell was cut short ({said})"
    line = line_of(error)
    return f"{name} is not defined: its cell raised {error.ename}: {said}{f' (line {line})' if line else ''}"


def error_of(cell: NotebookNode) -> NotebookNode | None:
    """The first error among a cell's outputs."""
    return next((output for output in cell.outputs if output.output_type == "error"), None)


def line_of(error: NotebookNode) -> int | None:
    """The line of its cell that an error came from, as its traceback shows it: outermost first."""
    for shown in error.traceback[:10]:
        if found := re.search(r"Cell In ?\[\d+\],? line (\d{1,6})\b", shown[:1000]):
            return int(found[1])
    found = re.search(r", line (\d{1,6})\)$", error.evalue)
    return int(found[1]) if found else None


@functools.lru_cache(maxsize=256)
def _binding(name: str) -> re.Pattern[str]:
    """What binds a name at the left edge of a cell: an assignment, a definition, an import."""
    return re.compile(
        rf"^(?:(?:def|class) +{name}\b|{name} *[:=](?!=)|(?:from|import) .*\b{name}\b)", flags=re.MULTILINE
    )
