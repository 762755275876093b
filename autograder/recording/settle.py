"""From submissions that ran to grades: scores into the database, the notebook into `autograded/`, the record beside it.

Many submissions share one transaction, which is most of what recording costs. `grading.json` is written last, after its
transaction: wherever a run is stopped, a submission is either recorded in whole or graded again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook as Database
from nbgrader.converters import Autograde
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy.exc import InterfaceError, OperationalError

from autograder.course import CourseError, Gradebook, write_whole
from autograder.printable import one_line
from autograder.recording.late import Late
from autograder.recording.pipeline import Pipeline, named
from autograder.recording.record import RECORD, Record, limits_within, lost_points, points
from autograder.recording.scores import Entry, SaveScores, Scores
from autograder.recording.tasks import Task
from autograder.running.step import ExecuteInWorker

TOGETHER = 16
"""How many submissions share a transaction at most."""
# The database's trouble, not a submission's.
DATABASE_ERRORS = (OperationalError, InterfaceError)


@dataclass
class Finished:
    """A submission that ran, or whose notebook says why it could not."""

    task: Task
    notebook: NotebookNode
    record: Record


class Settlement:
    """nbgrader's autograde steps but for running the notebook, with what they read of each lesson read once."""

    def __init__(self, gradebook: Gradebook):
        self.gradebook = gradebook
        configured = Autograde(coursedir=gradebook.coursedir, config=gradebook.config).autograde_preprocessors
        steps = [step for step in named(configured) if step is not ExecuteInWorker]
        if SaveScores not in steps:
            raise CourseError("c.Autograde.autograde_preprocessors in nbgrader_config.py must name SaveScores.")
        at = steps.index(SaveScores)
        self._before = Pipeline(gradebook, steps[:at])
        # Penalties are entered with the scores, many at a time.
        after = [step for step in steps[at + 1 :] if not issubclass(step, AssignLatePenalties)]
        self._after = Pipeline(gradebook, after)
        self._scores, self._late = Scores(), Late(gradebook)

    def settle(self, finished: Sequence[Finished]) -> list[tuple[Finished, Exception]]:
        """Record these together; where that fails, each by itself. Returns those that cannot be recorded, and why.

        Raises OperationalError or InterfaceError if the database does not answer, CourseError if a file cannot be written.
        """
        try:
            self._into_database(finished)
        except (*DATABASE_ERRORS, CourseError):
            raise
        except Exception as error:
            if len(finished) == 1:
                return [(finished[0], error)]
            return [trouble for one in finished for trouble in self.settle([one])]
        failed: list[tuple[Finished, Exception]] = []
        for one in finished:
            try:
                self._into_files(one)
            except CourseError:
                raise
            except Exception as error:
                failed.append((one, error))
        return failed

    def _into_database(self, finished: Sequence[Finished]) -> None:
        entries = []
        for one in finished:
            one.notebook = self._before(one.notebook, one.task)
            timestamp = self.gradebook.coursedir.get_existing_timestamp(str(one.task.folder))
            entries.append(Entry(one.task.student, one.task.lesson.name, one.notebook, timestamp or ""))
        with Database(self.gradebook.db_url) as database:
            self._scores.save(database.db, entries)
            for name in sorted({entry.lesson for entry in entries}):
                self._late.assess(database.db, [name], [entry.student for entry in entries if entry.lesson == name])
            database.db.commit()
        for one in finished:
            one.notebook = self._after(one.notebook, one.task)

    def _into_files(self, one: Finished) -> None:
        task, notebook, record = one.task, one.notebook, one.record
        record.notes += limits_within(notebook, record.notes)
        record.status, record.notes = one_line(record.status), [one_line(note) for note in record.notes]
        record.lost = {name: one_line(why) for name, why in lost_points(notebook).items()}
        record.score, record.maximum = points(notebook)
        record.when = datetime.now(timezone.utc).isoformat(timespec="seconds")
        folder = self.gradebook.autograded / task.student / task.lesson.name
        write_whole(folder / f"{task.lesson.name}.ipynb", nbformat.writes(notebook) + "\n")
        write_whole(folder / RECORD, json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n")
