"""The steps this course adds to nbgrader's pipeline, as nbgrader preprocessors.

They are named in `nbgrader_config.py`, so nbgrader's own commands and formgrader run them as `autograder` does.
"""

from __future__ import annotations

import json
import re
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.course import Lesson
from autograder.execute import SETUP, is_demo
from autograder.source import CHECK_PREFIX

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
    cells = nbformat.read(Lesson(lesson).solution, as_version=4).cells
    return [c.source for c in cells if c.cell_type == "code" and "nbgrader" not in c.metadata and not is_demo(c)]


def handed_out_text(lesson: str) -> set[str]:
    """The sources of the text cells that students were given."""
    cells = json.loads(Lesson(lesson).release.read_bytes())["cells"]
    return {"".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"}


class WarningsAreNotErrors(NbGraderPreprocessor):
    """A check that passes keeps its points even if the student's function warned on the way.

    nbgrader gives no points to a check cell with anything on stderr, and reads a bare value as partial credit. A right
    answer in float32 may well warn of an overflow; only an error means that a check failed.
    """

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], cell_index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        if cell.cell_type == "code" and utils.is_grade(cell):
            for output in cell.outputs:
                if output.output_type == "stream":
                    output.name = "stdout"
                elif output.output_type == "execute_result":
                    output.output_type = "display_data"
                    output.pop("execution_count", None)
        return cell, resources
