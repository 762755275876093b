"""Give a submission back the cells it was handed out with: a step of nbgrader's autograde, named in `nbgrader_config.py`."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook as Database
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.authoring.source import CHECK_PREFIX
from autograder.cells import SETUP, WHOM, is_demo
from autograder.course import Lesson

# What nbgrader cuts out of cells; it fails on one that it did not expect.
_MARKERS = re.compile(r"(BEGIN|END) (HIDDEN TESTS|SOLUTION|MARK SCHEME)")
# What makes a tag or a link, which may hold a script. nbgrader's pages show text cells as they are; a space makes it text.
_TAG_OR_LINK = re.compile(r"<(?=[A-Za-z/!?])|\](?=[(:\[])")


class RestoreCells(NbGraderPreprocessor):
    """Give every exercise and check cell back the metadata it was handed out with, and put deleted checks back.

    Whatever a submission says of points, locks or ids is replaced by what the gradebook says; a cell that claims an id
    which is unknown, or taken by an earlier cell, becomes an ordinary cell, and edited checks get their text back: what
    nbgrader's OverwriteCells and OverwriteKernelspec do, with one look into the gradebook for each lesson, not for each
    cell. In what the student wrote, nothing is left that nbgrader or a TA's browser would act on.
    """

    def __init__(self, **options: Any):
        super().__init__(**options)
        # nbgrader makes its steps anew for every notebook, `autograder grade` for every run: until then a lesson stays as it is.
        self._lessons: dict[tuple[str, str], _HandedOut] = {}

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        where = resources["nbgrader"]
        lesson = where["db_url"], where["assignment"]
        if lesson not in self._lessons:
            self._lessons[lesson] = _handed_out(*lesson, where["notebook"])
        points, handed_out = self._lessons[lesson].points, self._lessons[lesson].cells
        if self._lessons[lesson].kernelspec:
            nb.metadata.kernelspec = from_dict(self._lessons[lesson].kernelspec)

        nb.metadata[SETUP] = plain_cells(where["assignment"])
        nb.metadata[WHOM] = f"{where['student']}/{where['assignment']}"
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
                _become(cell, handed_out[name][0])
                if name in points:
                    cell.source = handed_out[name][1]
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


@dataclass(frozen=True)
class _HandedOut:
    """What the gradebook knows of a lesson: points of its checks, and (kind, source, checksum) of its cells, by name."""

    points: dict[str, float]
    cells: dict[str, tuple[str, str, str]]
    kernelspec: dict[str, Any] | None


def _handed_out(db_url: str, assignment: str, name: str) -> _HandedOut:
    with Database(db_url) as gradebook:
        known = gradebook.find_notebook(name, assignment)
        return _HandedOut(
            {cell.name: cell.max_score for cell in known.grade_cells},
            {cell.name: (cell.cell_type, cell.source, cell.checksum) for cell in known.source_cells},
            json.loads(known.kernelspec) if known.kernelspec else None,
        )


def _become(cell: NotebookNode, kind: str) -> None:
    """Make a cell one of that kind, if it is another."""
    if cell.cell_type != kind:
        cell.cell_type = kind
        for field in ("outputs", "execution_count", "attachments"):
            cell.pop(field, None)
        if kind == "code":
            cell.outputs, cell.execution_count = [], None


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
