"""How cells are handed out, so that "Run All" reaches the end of a notebook: a step of nbgrader's generate_assignment."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.authoring.source import CHECK_PREFIX
from autograder.cells import is_check, is_demo

# JupyterLab, VS Code, nbclient and nbval all know it: where such a cell fails, the next one is run.
GOES_ON = "raises-exception"

END_OF_HIDDEN = "END HIDDEN TESTS"
# What a check that passes says. Whoever types an answer is told at once where its check decides it (`lib.byhand.agrees`).
DECIDED = "Right."
FORM = "Your answer has the right form. Whether it is right, the grader says."
MORE = "The visible tests pass. The grader has more."


class RunAll(NbGraderPreprocessor):
    """Let exercises, checks and demos fail without stopping the rest, and checks that pass say so.

    Stands between nbgrader's SaveCells, so that grading restores the checks as they were written, and its ClearHiddenTests.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        written = {
            c.metadata.get("nbgrader", {}).get("grade_id") for c in nb.cells if "NotImplementedError" in c.source
        }
        for cell in nb.cells:
            if cell.cell_type == "code" and ("nbgrader" in cell.metadata or is_demo(cell)):
                cell.metadata.tags = [*cell.metadata.get("tags", []), GOES_ON]
            if is_check(cell):
                exercise = cell.metadata.nbgrader.grade_id.removeprefix(CHECK_PREFIX)
                says = DECIDED if "agrees(" in cell.source else MORE if exercise in written else FORM
                cell.source = _ending_with(cell.source, f'print("{says}")')
        return nb, resources


def _ending_with(source: str, line: str) -> str:
    """A check with a line after its hidden tests, which will be cut out."""
    lines = source.split("\n")
    ends = [n for n, text in enumerate(lines, start=1) if END_OF_HIDDEN in text]
    return "\n".join([*lines[: ends[-1]], line, *lines[ends[-1] :]]) if ends else source
