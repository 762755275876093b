"""Before anybody is graded: each lesson's own solution must get every point here, and shows how fast this machine is."""

from __future__ import annotations

import math
from dataclasses import replace

from autograder.course import CourseError, Lesson
from autograder.printable import one_line
from autograder.recording.prepare import Preparation
from autograder.recording.record import lost_points
from autograder.running.crew import Crew
from autograder.running.execute import MachineFailed, NotRun
from autograder.running.limits import Limits

TIMES = 10
"""Nobody is stopped before using this many times the seconds that the lesson's own solution needs here, nor is that
solution before this many times the limits: a slow or busy machine must not look like a wrong answer."""


def prove(lessons: list[Lesson], preparation: Preparation, crew: Crew, limits: Limits) -> dict[Lesson, Limits]:
    """Run each lesson's own solution, several at once; returns the limits for its submissions on this machine.

    Raises CourseError where one does not get every point, since nobody's grade would mean anything: a package is missing
    where submissions run, limits are too tight for this machine.
    """
    patient = replace(limits, cell_seconds=TIMES * limits.cell_seconds, total_seconds=TIMES * limits.total_seconds)
    solutions = {lesson: preparation.solution(lesson) for lesson in lessons}
    runs = {lesson: crew.submit(notebook, patient) for lesson, notebook in solutions.items()}
    measured = {}
    for lesson, run in runs.items():
        try:
            seconds = run.result().seconds
            lost = lost_points(solutions[lesson])
        except (NotRun, MachineFailed) as error:
            seconds, lost = 0.0, {"it": str(error)}
        if lost:
            name, why = next(iter(lost.items()))
            raise CourseError(
                f"{lesson.name}: its own solution does not get every point here, so nothing was graded. ({name}: {one_line(why)})"
            )
        measured[lesson] = widened(limits, seconds)
    return measured


def widened(limits: Limits, seconds: float) -> Limits:
    """The limits on time, or more where the lesson's own solution took long: a cell may take what all of it did, twice."""
    return replace(
        limits,
        cell_seconds=max(limits.cell_seconds, math.ceil(2 * seconds)),
        total_seconds=max(limits.total_seconds, math.ceil(TIMES * seconds)),
    )
