"""The steps this course adds to nbgrader's pipeline, as nbgrader preprocessors.

They are named in `nbgrader_config.py`, so nbgrader's own commands and formgrader run them as `autograder` does.
"""

from __future__ import annotations

import atexit
import functools
import re
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.preprocessors import ClearHiddenTests, NbGraderPreprocessor, SaveAutoGrades
from traitlets import Float, Int

from autograder.course import Lesson
from autograder.running.execute import SETUP, Limits, NotRun, Worker, error_output, is_demo
from autograder.printable import printable
from autograder.authoring.source import CHECK_PREFIX

_FRAME = re.compile(r"in \S+, line \d+: .*")
_IPYTHON_FRAME = re.compile(r"Cell In\[(?P<cell>\d+)\], line (?P<line>\d+)(, in (?P<name>[^\s(]+))?")
_IPYTHON_LINE = re.compile(r"-+> \d+ (.*)")
# What nbgrader cuts out of cells; it fails on one that it did not expect.
_MARKERS = re.compile(r"(BEGIN|END) (HIDDEN TESTS|SOLUTION|MARK SCHEME)")
# What makes a tag or a link, which may hold a script. nbgrader's pages show text cells as they are; a space makes it text.
_TAG_OR_LINK = re.compile(r"<(?=[A-Za-z/!?])|\](?=[(:\[])")
_TO_BE_TYPED = re.compile(r"[A-Za-z_]\w* = None\b|#")


class TypedAnswers(NbGraderPreprocessor):
    """An answer to be typed is handed out as `name = None`, without the stub that a function to be written needs.

    Its check says what to do while it is None (`lib.byhand.typed`); a `raise` below it would only be in the way.
    """

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], cell_index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        if cell.cell_type == "code" and utils.is_solution(cell):
            kept = [
                line for line in cell.source.splitlines() if not line.startswith(("# YOUR CODE HERE", "raise NotImpl"))
            ]
            if all(_TO_BE_TYPED.match(line) for line in kept if line.strip()):
                cell.source = "\n".join(kept).strip()
        return cell, resources


class RestoreCells(NbGraderPreprocessor):
    """Give every exercise and check cell back the metadata it was handed out with, and put deleted checks back.

    Whatever a submission says of points, locks or ids is replaced by what the gradebook says; a cell that claims an id
    which is unknown, or taken by an earlier cell, becomes an ordinary cell. nbgrader's OverwriteCells then restores the
    text of edited checks. In what the student wrote, nothing is left that nbgrader or a TA's browser would act on.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        where = resources["nbgrader"]
        with Gradebook(where["db_url"]) as gradebook:
            known = gradebook.find_notebook(where["notebook"], where["assignment"])
            points = {cell.name: cell.max_score for cell in known.grade_cells}
            handed_out = {cell.name: (cell.cell_type, cell.source, cell.checksum) for cell in known.source_cells}

        nb.metadata[SETUP] = plain_cells(where["assignment"])
        ours = handed_out_text(where["assignment"])
        for cell in nb.cells:
            cell.source = _MARKERS.sub(lambda marker: marker[0].lower(), cell.source)
            if cell.cell_type != "code" and cell.source not in ours:
                cell.source = _TAG_OR_LINK.sub(r"\g<0> ", cell.source)
        seen: set[str] = set()
        for cell in nb.cells:
            claimed = cell.metadata.pop("nbgrader", None)
            name = claimed.get("grade_id") if isinstance(claimed, dict) else None
            if isinstance(name, str) and name in handed_out and name not in seen:
                seen.add(name)
                cell.metadata.nbgrader = self._metadata(name, points.get(name), handed_out[name][2])
        for name in sorted(set(points) - seen):
            cell = new_code_cell(handed_out[name][1])
            cell.metadata.nbgrader = self._metadata(name, points[name], handed_out[name][2])
            nb.cells.insert(self._place(nb, name.removeprefix(CHECK_PREFIX)), cell)
        return nb, resources

    @staticmethod
    def _metadata(name: str, points: float | None, checksum: str | None) -> NotebookNode:
        grade = points is not None
        fields: dict[str, Any] = {
            "grade": grade, "grade_id": name, "locked": grade, "schema_version": 3,
            "solution": not grade, "task": False, "checksum": checksum, "cell_type": "code",
        }  # fmt: skip
        if grade:
            fields["points"] = points
        return NotebookNode(fields)

    @staticmethod
    def _place(nb: NotebookNode, exercise: str) -> int:
        """Just after the exercise it judges, or at the end if that is gone too."""
        for i, cell in enumerate(nb.cells):
            if cell.metadata.get("nbgrader", {}).get("grade_id") == exercise:
                return i + 1
        return len(nb.cells)


def plain_cells(lesson: str) -> list[str]:
    """The sources of a lesson's plain code cells: what it defines apart from exercises, checks and demos."""
    cells = _cells_of(Lesson(lesson).solution)
    return [c.source for c in cells if c.cell_type == "code" and "nbgrader" not in c.metadata and not is_demo(c)]


def handed_out_text(lesson: str) -> set[str]:
    """The sources of the text cells that students were given."""
    return {c.source for c in _cells_of(Lesson(lesson).release) if c.cell_type == "markdown"}


def _cells_of(path: Path) -> list[NotebookNode]:
    return _cells_as_of(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _cells_as_of(path: Path, _changed: int) -> list[NotebookNode]:
    """A notebook's cells, read once and not once per submission; whoever asks only looks."""
    return list(nbformat.read(path, as_version=4).cells)


class ExecuteInWorker(NbGraderPreprocessor):
    """Run the notebook in a worker process, as `autograder grade` does; it takes the place of nbgrader's Execute.

    Demos are skipped, limits hold, and a cell that ends or hangs its process costs only itself. The worker stays warm for
    the next notebook this process grades. `c.ExecuteInWorker` in nbgrader_config.py sets the limits of every way to grade.
    """

    cell_seconds = Float(Limits.cell_seconds, min=0.1, help="Time limit of one cell, in seconds.").tag(config=True)
    total_seconds = Float(Limits.total_seconds, min=0.1, help="Time limit of a submission, in seconds.").tag(
        config=True
    )
    memory_mib = Int(Limits.memory_mib, min=64, help="Memory beyond the worker's own, in 2**20 bytes.").tag(config=True)
    file_mib = Int(Limits.file_mib, min=1, help="Size of one file, in 2**20 bytes.").tag(config=True)
    processes = Int(Limits.processes, min=8, help="Processes and threads at once.").tag(config=True)
    output_characters = Int(Limits.output_characters, min=1000, help="What one cell may print.").tag(config=True)

    _worker: ClassVar[Worker | None] = None

    @property
    def limits(self) -> Limits:
        """The limits as configured."""
        return Limits(**{field.name: getattr(self, field.name) for field in fields(Limits)})

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Raises CourseError if a worker cannot be started at all."""
        worker = self._warm_worker()
        who = f"{resources['nbgrader']['student']}, {resources['nbgrader']['notebook']}"
        try:
            notes = worker.run(nb, self.limits).notes
        except NotRun as error:
            fail_every_check(nb, str(error))
            notes = [str(error)]
        except BaseException:
            worker.close()  # Left in mid-conversation; the next notebook starts it again.
            raise
        for note in notes:
            self.log.warning("%s: %s", who, note)
        return nb, resources

    @classmethod
    def _warm_worker(cls) -> Worker:
        if cls._worker is None:
            cls._worker = Worker()
            atexit.register(cls._worker.close)
        return cls._worker


def fail_every_check(notebook: NotebookNode, reason: str) -> None:
    """Make every check of a notebook that could not be run say why."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and utils.is_grade(cell):
            cell.outputs = [error_output("NotRun", reason)]


class SaveScores(SaveAutoGrades):
    """nbgrader's SaveAutoGrades, in one transaction per notebook instead of one per cell: all scores or none, and quicker."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        where = resources["nbgrader"]
        self.notebook_id, self.assignment_id, self.student_id = where["notebook"], where["assignment"], where["student"]
        with Gradebook(where["db_url"]) as self.gradebook:
            commit, self.gradebook.db.commit = self.gradebook.db.commit, self.gradebook.db.flush
            for index, cell in enumerate(nb.cells):
                self.preprocess_cell(cell, resources, index)
            commit()
        return nb, resources


class HideTests(ClearHiddenTests):
    """Feedback shows what a hidden test complained about, and where in the student's own cells; not the test.

    Only check cells have hidden tests: nbgrader's step would stop at a student's cell that merely mentions one. Of a
    check's traceback the student's frames and the message stay, since nbgrader's own Execute quotes the check around them.
    """

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], cell_index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        if cell.cell_type == "code" and utils.is_grade(cell):
            cell, resources = super().preprocess_cell(cell, resources, cell_index)
            for output in cell.outputs:
                if output.output_type == "error":
                    output.traceback = [*students_frames(output), f"{output.ename}: {output.evalue}"]
        return cell, resources


def students_frames(error: NotebookNode) -> list[str]:
    """Where in the student's functions a check's error came from, as `in NAME, line N: CODE`, outermost first.

    `error` is the error output of a check cell, as `autograder grade` leaves it or as nbgrader's own Execute does.
    """
    ours = [line for line in error.traceback[:-1] if _FRAME.fullmatch(line)]
    if ours:
        return ours
    frames: list[str] = []
    check = frame = None
    for line in printable("\n".join(error.traceback)).splitlines():
        if place := _IPYTHON_FRAME.match(line):
            check = check or place["cell"]
            # The first frame is the check itself, and so is a function it defines.
            frame = f"in {place['name']}, line {place['line']}" if place["cell"] != check and place["name"] else None
        elif frame and (code := _IPYTHON_LINE.match(line)):
            frames.append(f"{frame}: {code[1].strip()}")
            frame = None
    return frames
