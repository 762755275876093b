"""Grade submissions: prepare, run, judge, record; many at once, one of them at a time into the database.

For each submission, in this order:

1. read it (`autograder.intake.submission`) and repair it: nbgrader's sanitize preprocessors, with our RestoreCells;
2. run its cells in a worker process (`autograder.running.execute`) here or on a cluster (`autograder.running.crew`), demos skipped;
3. nbgrader's autograde preprocessors: scores go to the gradebook database, the notebook to `autograded/`;
4. last, write `grading.json` beside it: what was graded, what came of it, and a fingerprint of both sides.

Steps 1, 3 and 4 happen in the main thread, the only one that touches the database. A submission whose fingerprint stands
in its `grading.json` is done, so a run that was stopped anywhere goes on where it was.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.api import Gradebook as Database
from nbgrader.converters import Autograde
from sqlalchemy.exc import InterfaceError, OperationalError
from traitlets import import_item

from autograder.cells import fail_every_check
from autograder.course import CourseError, Gradebook, Lesson, first_line, write_whole
from autograder.intake import submission
from autograder.intake.roster import Roster, read_roster
from autograder.printable import one_line
from autograder.recording import log as grading_log
from autograder.recording.database import one_engine, one_writer, register
from autograder.recording.record import NAME_NOTE, RECORD, Record, limits_within, lost_points, points
from autograder.recording.tasks import Task
from autograder.running.crew import Crew, muster
from autograder.running.execute import Limits, NotRun, Run, require_sandbox
from autograder.running.step import ExecuteInWorker


def grade(
    gradebook: Gradebook,
    tasks: list[Task],
    workers: int,
    limits: Limits,
    on_start: Callable[[Task], None] = lambda task: None,
    on_record: Callable[[Record], None] = lambda record: None,
    on_run: Callable[[Task], None] = lambda task: None,
    scheduler: str | None = None,
) -> None:
    """Grade the tasks with that many worker processes, or with the Dask cluster at the address `scheduler`.

    `on_start` is called when a submission is prepared, `on_run` when its cells start to run (from another thread),
    `on_record` when it is graded; `grading.log` is told in any case. An exception, KeyboardInterrupt included, stops all
    workers at once and leaves every submission either wholly graded or to be graded by the next run.

    Raises CourseError if another grading run holds this gradebook, its database does not answer, a lesson cannot be
    registered in it, students' code cannot be contained here, or the cluster cannot be used.
    """
    if not tasks:
        return
    if scheduler is None:  # A cluster's workers see to it themselves.
        require_sandbox()
    with one_writer(gradebook), one_engine(), grading_log.run(gradebook.folder, tasks, workers, limits) as log:
        for lesson in sorted({task.lesson for task in tasks}, key=lambda lesson: lesson.name):
            register(gradebook, lesson)
        roster = read_roster(gradebook)
        desk = Desk(gradebook)
        crew = muster(min(workers, len(tasks)), scheduler)
        try:
            for lesson in sorted({task.lesson for task in tasks}, key=lambda lesson: lesson.name):
                desk.prove(lesson, crew, limits)
        except BaseException:
            crew.stop()
            raise
        under_way: dict[Future[Run], tuple[Task, NotebookNode, Record]] = {}
        queue = iter(tasks)
        try:
            while True:
                # Prepare a little ahead of the workers, no more: preparing reads the database, and memory is finite.
                while len(under_way) < 2 * crew.size and (task := next(queue, None)) is not None:
                    on_start(task)
                    record = Record(task.student, task.lesson.name, task.fingerprint)
                    try:
                        notebook = desk.prepare(task, record, roster)
                    except (OperationalError, InterfaceError):
                        raise  # The database's trouble, not this submission's.
                    except Exception as error:
                        # Unreadable says why; anything else is a surprise of this submission, which must not stop the rest.
                        known = isinstance(error, submission.Unreadable)
                        record.status = (
                            str(error) if known else f"could not be prepared: {type(error).__name__}: {error}"
                        )
                        desk.settle(task, desk.blank(task, record.status), record)
                        log.settled(record)
                        on_record(record)
                        continue
                    future = crew.submit(notebook, limits, functools.partial(on_run, task))
                    under_way[future] = (task, notebook, record)
                if not under_way:
                    break
                finished, _ = wait(under_way, return_when=FIRST_COMPLETED, timeout=1.0)
                for future in finished:
                    task, notebook, record = under_way.pop(future)
                    try:
                        outcome = future.result()
                    except NotRun as error:
                        record.status = str(error)
                        notebook = desk.blank(task, record.status)
                    else:
                        record.notes += outcome.notes
                        record.seconds = round(outcome.seconds, 3)
                    desk.settle(task, notebook, record)
                    log.settled(record)
                    on_record(record)
        except (OperationalError, InterfaceError) as error:
            raise CourseError(
                f"The gradebook's database stopped answering; run the same command again to go on. ({first_line(error)})"
            ) from error
        finally:
            crew.stop()


class Desk:
    """The main thread's side of grading: everything that reads or writes the gradebook."""

    def __init__(self, gradebook: Gradebook):
        self.gradebook = gradebook
        steps = Autograde(coursedir=gradebook.coursedir, config=gradebook.config)
        self.repair = self._pipeline(steps.sanitize_preprocessors)
        self.judge = self._pipeline(steps.autograde_preprocessors)

    def prepare(self, task: Task, record: Record, roster: Roster | None) -> NotebookNode:
        """The repaired notebook, ready to run. Raises submission.Unreadable."""
        if roster is not None and task.student not in roster:
            raise submission.Unreadable("unknown student: not on the roster (gradebook/roster.csv)")
        path, note = submission.find(task.folder, task.lesson.name)
        if note:
            record.notes.append(note)
        notebook = self._through(self.repair, submission.read(path), task)
        record.notes += _name_entered(notebook)
        return notebook

    def prove(self, lesson: Lesson, crew: Crew, limits: Limits) -> None:
        """Grade the lesson's own solution first: where it does not get every point, nobody's grade would mean anything.

        Raises CourseError if it does not: a package missing where submissions run, limits too tight for this machine.
        """
        task = Task("the lesson's own solution", lesson, lesson.solution.parent, "")
        notebook = self._through(self.repair, submission.read(lesson.solution), task)
        try:
            crew.submit(notebook, limits).result()
            lost = lost_points(notebook)
        except NotRun as error:
            lost = {"it": str(error)}
        if lost:
            name, why = next(iter(lost.items()))
            raise CourseError(
                f"{lesson.name}: its own solution does not get every point here, so nothing was graded. ({name}: {one_line(why)})"
            )

    def blank(self, task: Task, reason: str) -> NotebookNode:
        """The lesson as handed out, with the reason on top and in every check: what an unreadable submission becomes."""
        handed_out = nbformat.read(task.lesson.release, as_version=4)
        notebook = self._through(self.repair, handed_out, task)
        fail_every_check(notebook, reason)
        notebook.cells.insert(0, nbformat.v4.new_markdown_cell(f"**This submission could not be graded:** {reason}."))
        return notebook

    def settle(self, task: Task, notebook: NotebookNode, record: Record) -> None:
        """Scores into the database, the notebook into autograded/, the record beside it."""
        with Database(self.gradebook.db_url) as database:
            database.update_or_create_student(task.student)
            timestamp = self.gradebook.coursedir.get_existing_timestamp(str(task.folder))
            more = {"timestamp": timestamp} if timestamp else {}
            database.update_or_create_submission(task.lesson.name, task.student, **more)
        notebook = self._through(self.judge, notebook, task)
        record.notes += limits_within(notebook, record.notes)
        record.status, record.notes = one_line(record.status), [one_line(note) for note in record.notes]
        record.lost = {name: one_line(why) for name, why in lost_points(notebook).items()}
        record.score, record.maximum = points(notebook)
        record.when = datetime.now(timezone.utc).isoformat(timespec="seconds")
        folder = self.gradebook.autograded / task.student / task.lesson.name
        write_whole(folder / f"{task.lesson.name}.ipynb", nbformat.writes(notebook) + "\n")
        write_whole(folder / RECORD, json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n")

    def _pipeline(self, preprocessors: list[Any]) -> NotebookExporter:
        """nbgrader's steps as configured, but for the one that runs the notebook: here a whole crew does that."""
        exporter = NotebookExporter(config=self.gradebook.config)
        exporter._preprocessors = []
        for pp in preprocessors:
            step = import_item(pp) if isinstance(pp, str) else pp
            if step is not ExecuteInWorker:
                exporter.register_preprocessor(step, enabled=True)
        for step in exporter._preprocessors:
            step.log.setLevel("CRITICAL")  # Repairs are expected here; what matters is in the record.
        return exporter

    def _through(self, pipeline: NotebookExporter, notebook: NotebookNode, task: Task) -> NotebookNode:
        name = task.lesson.name
        where = {"student": task.student, "assignment": name, "notebook": name, "db_url": self.gradebook.db_url}
        resources: dict[str, Any] = {"nbgrader": where, "unique_key": name, "output_files_dir": f"{name}_files"}
        for step in pipeline._preprocessors:
            notebook, resources = step(notebook, resources)
        return notebook


def _name_entered(notebook: NotebookNode) -> list[str]:
    """A note with the name typed for the personal sequence: the report compares it across the class."""
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "student_name":
            typed = re.findall(r"^student_name\s*=\s*(['\"])(.+?)\1", cell.source, flags=re.MULTILINE)
            if typed:
                return [f"{NAME_NOTE}{typed[-1][1].strip()}"]
    return []
