"""`make bench`: how fast the course builds and grades, against stock nbgrader in the same run.

What counts are the ratios. `python -m benchmarks 02 03` measures some lessons only, `--thousand` grades a class of 1,000 as well,
`--build` executes the lessons.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from nbformat import NotebookNode
from rich.console import Console
from rich.table import Table

from autograder.authoring import build
from autograder.authoring.source import CHECK_PREFIX
from autograder.cells import SETUP, is_demo
from autograder.course import ROOT, Gradebook, Lesson, lessons
from autograder.intake.repair import plain_cells
from autograder.intake.submission import clean
from autograder.proving import proof, sample_class
from autograder.recording.grade import grade
from autograder.recording.tasks import pending
from autograder.running.execute import Worker
from autograder.running.limits import Limits
from benchmarks.stock import HONEST, StockClass, without_demos

COPIES = 20  # Of each honest student, for ours: a class of 120. Stock is slow enough to measure on one of each.
THOUSAND = 1_000


def seconds(action: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def thousand(of: list[Lesson], workers: int) -> float:
    """Seconds that a class's THOUSAND submissions take, in equal parts to these lessons, everything included."""
    with tempfile.TemporaryDirectory() as folder:
        book = Gradebook(Path(folder) / "gradebook")
        for lesson in of:
            hand_in(book, lesson, math.ceil(THOUSAND / len(of) / len(HONEST)))
        tasks, _ = pending(book, of, None, Limits(), force=False)
        return seconds(lambda: grade(book, tasks[:THOUSAND], workers, Limits()))


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


def until_first(lesson: Lesson, workers: int) -> float:
    """Seconds from typing `autograder grade` for a class of one lesson until its first submission is graded."""
    with tempfile.TemporaryDirectory() as folder:
        book = Gradebook(Path(folder) / "gradebook")
        hand_in(book, lesson, 8)
        command = [sys.executable, "-m", "autograder.cli", "grade", lesson.name, "--workers", str(workers)]
        begun = time.time()
        subprocess.run([*command, "--gradebook", book.folder], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        return min(path.stat().st_mtime for path in book.autograded.rglob("grading.json")) - begun


def recording(lesson: Lesson) -> float:
    """Processor seconds of the grader's own process per submission: preparing and recording."""
    with tempfile.TemporaryDirectory() as folder:
        book = Gradebook(Path(folder) / "gradebook")
        count = hand_in(book, lesson, COPIES)
        tasks, _ = pending(book, [lesson], None, Limits(), force=False)
        at: list[float] = []
        grade(book, tasks, 2, Limits(), on_record=lambda _: at.append(time.process_time()))
        return (at[-1] - at[0]) / (count - 1)


def stock(lesson: Lesson, demos: bool) -> float:
    """Seconds per submission with stock `nbgrader autograde`, with or without the demo cells it does not know to skip.

    With them, a lesson that trains takes minutes; two submissions are enough to see it.
    """
    students = HONEST[:2] if demos else HONEST
    with tempfile.TemporaryDirectory() as folder:
        course = StockClass(Path(folder) / "stock", [lesson])
        for student in [s for s in sample_class.CLASS if s.name in students]:
            (content,) = student.hands_in(lesson, student.name).values()
            course.hand_in(student.name, lesson, content if demos else without_demos(content))
        return seconds(lambda: course.autograde(lesson)) / len(students)


def overhead(lesson: Lesson) -> tuple[float, float]:
    """Seconds that running one submission takes, and those that its cells take by themselves, on one warm worker.

    The difference is what isolation costs: a fresh sandboxed process, and calls that cross processes.
    """
    student = sample_class.CLASS[0]
    (content,) = student.hands_in(lesson, student.name).values()
    notebook = clean(json.loads(content))
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        cell.metadata.nbgrader = NotebookNode(grade_id=name, grade=name.startswith(CHECK_PREFIX), points=1)
    check_sources = proof.exercises(lesson)
    for cell in notebook.cells:
        name = cell.metadata.nbgrader.grade_id
        if name.startswith(CHECK_PREFIX):
            cell.source = check_sources[name.removeprefix(CHECK_PREFIX)].source
        elif not name:
            del cell.metadata["nbgrader"]
    worker = Worker()
    times = []
    try:
        for _ in range(12):
            notebook.metadata[SETUP] = plain_cells(lesson.name)
            times.append(seconds(lambda: worker.run(notebook, Limits())))
    finally:
        worker.close()
    names: dict[str, object] = {}
    sources = [c.source for c in notebook.cells if c.cell_type == "code" and not is_demo(c)]
    direct = []
    for _ in range(6):
        begun = time.perf_counter()
        for source in sources:
            exec(compile(source, "cell", "exec"), names)
        direct.append(time.perf_counter() - begun)
    return statistics.median(times[2:]), statistics.median(direct[1:])


def footprint() -> float:
    """Proportional set size of one warm worker (examiner and sandboxed worker together), MiB. Linux only."""
    worker = Worker()
    try:
        worker.run(NotebookNode(cells=[], metadata=NotebookNode()), Limits())
        assert worker.process is not None
        family, total = [worker.process.pid], 0
        while family:
            pid = family.pop()
            family += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(next(line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")))
        return total / 1024
    finally:
        worker.close()


def main(
    wanted: Annotated[list[str] | None, typer.Argument(help="Lessons to measure: 01, 02 ... Default: all.")] = None,
    in_full: Annotated[bool, typer.Option("--thousand", help="Grade a class of 1,000 as well.")] = False,
    executed: Annotated[bool, typer.Option("--build", help="Execute and build the lessons as well.")] = False,
) -> None:
    """Measure and print."""
    os.environ.pop("AUTOGRADER_DB", None)  # Nothing here belongs into a real class's database.
    console = Console(width=110)
    cores, chosen = os.cpu_count() or 1, lessons(wanted)
    console.print(
        f"{cores} cores. Seconds per submission, {len(HONEST)} honest submissions per lesson ({COPIES} copies each for ours)."
    )
    shown = Table("lesson", "ours", "stock", "ratio", "stock without demos", "ratio")
    for lesson in chosen:
        mine = ours(lesson, cores)
        full, bare = stock(lesson, demos=True), stock(lesson, demos=False)
        shown.add_row(
            lesson.name, f"{mine:.3f}", f"{full:.2f}", f"{full / mine:.0f}x", f"{bare:.2f}", f"{bare / mine:.0f}x"
        )
    console.print(shown)
    first = chosen[0]
    console.print(
        f"{first.name}: {until_first(first, cores):.1f} s from the command until the first submission is graded."
    )
    console.print(
        f"{first.name}: {1000 * recording(first):.1f} ms of the grader's own process to prepare and record one."
    )
    if in_full:
        console.print(f"{THOUSAND} submissions to {len(chosen)} lessons: {thousand(chosen, cores):.0f} s.")
    console.print("One submission on a warm worker, and its cells by themselves in one process:")
    for lesson in chosen:
        whole, bare = overhead(lesson)
        console.print(
            f"  {lesson.name}: {1000 * whole:.0f} ms, {1000 * bare:.0f} ms by themselves: {1000 * (whole - bare):.0f} ms more"
        )
    if sys.platform == "linux":
        console.print(
            f"Memory of a warm worker: {footprint():.0f} MiB (proportional set size, examiner and sandbox together)."
        )
    again = seconds(lambda: [build.build(x) for x in chosen])
    if executed:
        once = Table("lesson", "execute and build, s", "notebook, kB")
        for lesson in chosen:
            taken, size = seconds(lambda lesson=lesson: build.execute(lesson)), lesson.solution.stat().st_size
            once.add_row(lesson.name, f"{taken:.1f}", f"{size / 1e3:.0f}")
        console.print(once)
    console.print(f"Building again when nothing changed: {again:.2f} s for {len(chosen)} lessons.")


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
