"""`python -m benchmarks.lessons [01 02 ...]`: what running and grading each lesson takes, in processor seconds.

Running in full is what a student's "Run all" does: every demo, training included, with one thread. Grading is what one honest submission costs,
sandbox and recording included. Writes `benchmarks/lessons.csv`, from which `autograder build` makes the README's table; lessons
that are not named keep their rows.
"""

from __future__ import annotations

import csv
import os
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from autograder.authoring import build
from autograder.course import ROOT, Gradebook, Lesson, lessons
from autograder.recording.grade import grade
from autograder.recording.tasks import pending
from autograder.running.limits import Limits
from benchmarks.__main__ import hand_in

TIMES = ROOT / "benchmarks" / "lessons.csv"
COPIES = 4  # of each honest student


def processor_seconds(action: Callable[[], object]) -> float:
    """Of this process and of all that it starts and waits for."""

    def used() -> float:
        both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(usage.ru_utime + usage.ru_stime for usage in both)

    begun = used()
    action()
    return used() - begun


def grading(lesson: Lesson) -> float:
    """Processor seconds per submission of a small class."""
    with tempfile.TemporaryDirectory() as folder:
        book = Gradebook(Path(folder) / "gradebook")
        count = hand_in(book, lesson, COPIES)
        tasks, _ = pending(book, [lesson], None, Limits(), force=False)
        return processor_seconds(lambda: grade(book, tasks, 1, Limits())) / count


def main(wanted: list[str]) -> None:
    """Measure, print, and write the table."""
    os.environ["OMP_NUM_THREADS"] = "1"  # more threads than free cores would spin, and spinning is processor time
    os.environ.pop("AUTOGRADER_DB", None)  # Nothing here belongs into a real class's database.
    found: dict[str, tuple[str, str, str]] = {}
    if TIMES.exists():
        with TIMES.open(encoding="utf-8", newline="") as file:
            found = {row["lesson"]: (row["lesson"], row["run"], row["grade"]) for row in csv.DictReader(file)}
    for lesson in lessons(wanted or None):
        run, graded = processor_seconds(lambda lesson=lesson: build.execute(lesson)), grading(lesson)
        found[lesson.name] = (lesson.name, f"{run:.0f}", f"{graded:.2f}")
        Console().print(f"{lesson.name}: run in full {run:.0f} s, graded {graded:.2f} s a submission")
    with TIMES.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("lesson", "run", "grade"))
        writer.writerows(found[lesson.name] for lesson in lessons() if lesson.name in found)


if __name__ == "__main__":
    main(sys.argv[1:])
