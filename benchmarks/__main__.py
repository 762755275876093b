"""`make bench`: how fast the course builds and grades, against stock nbgrader in the same run.

Figures are medians of a few repetitions; what counts are the ratios.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autograder import build, sample_class
from autograder.course import Gradebook, Lesson, lessons
from autograder.execute import Limits
from autograder.grade import grade, pending
from benchmarks.stock import HONEST, StockClass, without_demos

COPIES = 5  # Of each honest student, for ours; stock is slow enough to measure on one.


def seconds(action: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def hand_in(book: Gradebook, lesson: Lesson, copies: int) -> int:
    """Put copies of the honest submissions in place; returns how many."""
    count = 0
    for student in [s for s in sample_class.CLASS if s.name in HONEST]:
        (content,) = student.hands_in(lesson, student.name).values()
        for copy in range(copies):
            folder = book.submitted / f"{student.name} {copy}" / lesson.name
            folder.mkdir(parents=True)
            (folder / f"{lesson.name}.ipynb").write_bytes(content)
            count += 1
    return count


def ours(lesson: Lesson, workers: int) -> float:
    """Seconds per submission with `autograder grade`, everything included."""
    with tempfile.TemporaryDirectory() as folder:
        book = Gradebook(Path(folder) / "gradebook")
        count = hand_in(book, lesson, COPIES)
        tasks, _ = pending(book, [lesson], None, Limits(), force=False)
        return seconds(lambda: grade(book, tasks, workers, Limits())) / count


def stock(lesson: Lesson, demos: bool) -> float:
    """Seconds per submission with stock `nbgrader autograde`, with or without the demo cells it does not know to skip."""
    with tempfile.TemporaryDirectory() as folder:
        course = StockClass(Path(folder) / "stock", [lesson])
        for student in [s for s in sample_class.CLASS if s.name in HONEST]:
            (content,) = student.hands_in(lesson, student.name).values()
            course.hand_in(student.name, lesson, content if demos else without_demos(content))
        return seconds(lambda: course.autograde(lesson)) / len(HONEST)


def main() -> None:
    """Measure and print."""
    os.environ.pop("AUTOGRADER_DB", None)  # Nothing here belongs into a real class's database.
    console = Console(width=110)
    cores = os.cpu_count() or 1
    console.print(
        f"{cores} cores. Seconds per submission, {len(HONEST)} honest submissions per lesson ({COPIES} copies each for ours)."
    )
    shown = Table("lesson", "ours", "stock", "ratio", "stock without demos", "ratio")
    for lesson in lessons():
        mine = statistics.median(ours(lesson, cores) for _ in range(3))
        full, bare = stock(lesson, demos=True), stock(lesson, demos=False)
        shown.add_row(
            lesson.name, f"{mine:.3f}", f"{full:.2f}", f"{full / mine:.0f}x", f"{bare:.2f}", f"{bare / mine:.0f}x"
        )
    console.print(shown)
    again = statistics.median(seconds(lambda: [build.build(x) for x in lessons()]) for _ in range(3))
    once = Table("lesson", "execute and build, s", "notebook, kB")
    for lesson in lessons():
        once.add_row(
            lesson.name,
            f"{seconds(lambda lesson=lesson: build.execute(lesson)):.1f}",
            f"{lesson.solution.stat().st_size / 1e3:.0f}",
        )
    console.print(once)
    console.print(f"Building again when nothing changed: {again:.2f} s for {len(lessons())} lessons.")


if __name__ == "__main__":
    main()
