"""How an answer to be typed is handed out: a step of nbgrader's generate_assignment, named in `nbgrader_config.py`."""

from __future__ import annotations

import re
from typing import Any

from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor

_TO_BE_TYPED = re.compile(r"[A-Za-z_]\w* = (None\b|\[\w+(, \w+)*\]$)|#")


class TypedAnswers(NbGraderPreprocessor):
    """An answer to be typed is handed out as `name = None` (or a list of such names), without the stub that a function to be written needs.

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
