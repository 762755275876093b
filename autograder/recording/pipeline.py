"""nbgrader's steps of autograding as `nbgrader_config.py` names them, run on notebooks in memory."""

from __future__ import annotations

from typing import Any

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from traitlets import import_item

from autograder.course import Gradebook
from autograder.recording.tasks import Task


class Pipeline:
    """Some of nbgrader's steps, made once for a whole run."""

    def __init__(self, gradebook: Gradebook, steps: list[Any]):
        self.db_url = gradebook.db_url
        exporter = NotebookExporter(config=gradebook.config)
        exporter._preprocessors = []
        for step in steps:
            exporter.register_preprocessor(step, enabled=True)
        self.steps = exporter._preprocessors
        for step in self.steps:
            step.log.setLevel("CRITICAL")  # Repairs are expected here; what matters is in the record.

    def __call__(self, notebook: NotebookNode, task: Task) -> NotebookNode:
        name = task.lesson.name
        where = {"student": task.student, "assignment": name, "notebook": name, "db_url": self.db_url}
        resources: dict[str, Any] = {"nbgrader": where, "unique_key": name, "output_files_dir": f"{name}_files"}
        for step in self.steps:
            notebook, resources = step(notebook, resources)
        return notebook


def named(steps: list[Any]) -> list[Any]:
    """The classes of steps that a configuration names, as classes or as text."""
    return [import_item(step) if isinstance(step, str) else step for step in steps]
