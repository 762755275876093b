"""From a submission's folder to a notebook that is ready to run: read, repaired, with its cells as they were handed out."""

from __future__ import annotations

import nbformat
from nbformat import NotebookNode
from nbgrader.converters import Autograde

from autograder.cells import fail_every_check
from autograder.course import Gradebook, Lesson
from autograder.intake import submission
from autograder.intake.roster import read_roster
from autograder.recording.pipeline import Pipeline, named
from autograder.recording.record import Record
from autograder.recording.tasks import Task


class Preparation:
    """nbgrader's sanitize steps, with what they read of each lesson read once: make one for each run."""

    def __init__(self, gradebook: Gradebook):
        steps = Autograde(coursedir=gradebook.coursedir, config=gradebook.config)
        self._repair = Pipeline(gradebook, named(steps.sanitize_preprocessors))
        self._roster = read_roster(gradebook)

    def prepare(self, task: Task, record: Record) -> NotebookNode:
        """The repaired notebook, ready to run. Raises submission.Unreadable."""
        if self._roster and not self._roster.as_collected and task.student not in self._roster:
            raise submission.Unreadable("unknown student: not on the roster (gradebook/roster.csv)")
        path, note = submission.find(task.folder, task.lesson.name)
        if note:
            record.notes.append(note)
        return self._repair(submission.read(path), task)

    def solution(self, lesson: Lesson) -> NotebookNode:
        """The lesson's own solution, ready to run."""
        task = Task("the lesson's own solution", lesson, lesson.solution.parent, "")
        return self._repair(submission.read(lesson.solution), task)

    def blank(self, task: Task, reason: str) -> NotebookNode:
        """The lesson as handed out, with the reason on top and in every check: what an unreadable submission becomes."""
        notebook = self._repair(nbformat.read(task.lesson.release, as_version=4), task)
        fail_every_check(notebook, reason)
        notebook.cells.insert(0, nbformat.v4.new_markdown_cell(f"**This submission could not be graded:** {reason}."))
        return notebook
