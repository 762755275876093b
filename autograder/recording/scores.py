"""Scores into the database: a step of nbgrader's autograde, named in `nbgrader_config.py`."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbgrader.api import Gradebook as Database
from nbgrader.preprocessors import SaveAutoGrades


class SaveScores(SaveAutoGrades):
    """nbgrader's SaveAutoGrades, in one transaction per notebook instead of one per cell: all scores or none, and quicker."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        where = resources["nbgrader"]
        self.notebook_id, self.assignment_id, self.student_id = where["notebook"], where["assignment"], where["student"]
        with Database(where["db_url"]) as self.gradebook:
            commit, self.gradebook.db.commit = self.gradebook.db.commit, self.gradebook.db.flush
            for index, cell in enumerate(nb.cells):
                self.preprocess_cell(cell, resources, index)
            commit()
        return nb, resources
