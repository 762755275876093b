"""Grade submissions: what happens to a class, step by step. Each step has its own file in this room.

A submission whose fingerprint stands in its `grading.json` is done, so a run that was stopped anywhere goes on where it was.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from autograder.course import CourseError, Gradebook, first_line
from autograder.recording import log as grading_log
from autograder.recording.database import one_engine, one_writer, register
from autograder.recording.prepare import Preparation
from autograder.recording.prove import prove
from autograder.recording.record import Record
from autograder.recording.run import Listeners, Way, nobody
from autograder.recording.settle import DATABASE_ERRORS, Settlement
from autograder.recording.tasks import Task
from autograder.running.crew import muster
from autograder.running.execute import require_sandbox
from autograder.running.limits import Limits


def grade(
    gradebook: Gradebook,
    tasks: list[Task],
    workers: int,
    limits: Limits,
    on_start: Callable[[Task], None] = nobody,
    on_record: Callable[[Record], None] = nobody,
    on_run: Callable[[Task], None] = nobody,
    on_failure: Callable[[Task, str], None] = nobody,
    scheduler: str | None = None,
) -> int:
    """Grade the tasks with that many worker processes, or with the Dask cluster at the address `scheduler`.

    Returns how many the machine's failures left ungraded, for the next run to try again. `on_start` is called when a submission
    is prepared, `on_run` when its cells start to run (from another thread), `on_record` when it is graded, `on_failure` when it
    is left ungraded; `grading.log` is told in any case. An exception, KeyboardInterrupt included, stops all workers at once and
    leaves every submission either wholly graded or to be graded by the next run.

    Raises CourseError if another grading run holds this gradebook, its database does not answer or its files cannot be
    written, a lesson cannot be registered in it, students' code cannot be contained here, or the cluster cannot be used.
    """
    if not tasks:
        return 0
    if scheduler is None:  # A cluster's workers see to it themselves.
        require_sandbox()
    with one_writer(gradebook), one_engine(), grading_log.run(gradebook.folder, tasks, workers, limits) as log:
        crew = muster(min(workers, len(tasks)), scheduler)  # It warms up while the lessons are registered.
        try:
            with _database_trouble_in_a_sentence():
                lessons = sorted({task.lesson for task in tasks}, key=lambda lesson: lesson.name)
                for lesson in lessons:
                    register(gradebook, lesson)
                preparation, settlement = Preparation(gradebook), Settlement(gradebook)
                measured = prove(lessons, preparation, crew, limits)
                way = Way(
                    preparation, settlement, crew, measured, log, Listeners(on_start, on_run, on_record, on_failure)
                )
                way.run(tasks)
                way.run(way.late, alone=True)  # The machine was busy, or they are slow: now there is no other reason.
                return way.ungraded
        finally:
            crew.stop()


@contextlib.contextmanager
def _database_trouble_in_a_sentence() -> Iterator[None]:
    try:
        yield
    except DATABASE_ERRORS as error:
        raise CourseError(
            f"The gradebook's database stopped answering; run the same command again to go on. ({first_line(error)})"
        ) from error
