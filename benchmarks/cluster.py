"""`python -m benchmarks.cluster`: grade on a Dask cluster of this machine, kill a worker half-way, and count.

A scheduler and four workers, each a process of its own, grade copies of honest submissions through `autograder.recording.grade`. When
half of them are recorded, one worker is killed with SIGKILL. Then every submission must be graded exactly once, with the
points one machine gives, or this ends with an error. Last comes the arithmetic for a large course (docs/cluster.md).
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import psutil
import typer
from nbgrader.api import Gradebook as Database
from rich.console import Console
from rich.table import Table

from autograder.course import ROOT, Gradebook, Lesson, lessons
from autograder.proving import sample_class
from autograder.recording.database import register
from autograder.recording.grade import grade
from autograder.recording.prepare import Preparation
from autograder.recording.record import RECORD, Record
from autograder.recording.tasks import pending
from autograder.running.crew import question
from autograder.running.limits import Limits
from autograder.telling import report
from benchmarks.stock import HONEST

# nbgrader 0.9 reads half-made rows of its database; it has always done so, and it is harmless.
warnings.filterwarnings("ignore", message="Object of type <Submitted")

LARGE = 100_000
console = Console(width=110, highlight=False)


@contextlib.contextmanager
def cluster(folder: Path, workers: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and that many one-thread workers on loopback: its address, and the workers' processes."""
    where = folder / "scheduler.json"
    common = ["--scheduler-file", str(where), "--no-dashboard"]
    with (folder / "dask.log").open("wb") as log:

        def start(*arguments: str) -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments, *common],
                env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log,
            )  # fmt: skip

        # No nanny: a worker that is killed stays away.
        own = ["--nthreads", "1", "--no-nanny", "--local-directory", str(folder)]
        processes = [start("scheduler", "--host", "127.0.0.1", "--port", "0")]
        processes += [start("worker", "--name", str(i), *own) for i in range(workers)]
        try:
            while True:
                with contextlib.suppress(OSError, ValueError):
                    address = json.loads(where.read_text())["address"]
                    break
                time.sleep(0.1)
            yield address, processes[1:]
        finally:
            for process in processes:
                process.kill()
                process.wait()


def hand_in(book: Gradebook, lesson: Lesson, count: int) -> dict[str, str]:
    """Put that many submissions in place, the honest students' in turn; returns which student's each is."""
    stories = {}
    content = {s.name: next(iter(s.hands_in(lesson, s.name).values())) for s in sample_class.CLASS if s.name in HONEST}
    for i in range(count):
        student = f"student {i:06d}"
        stories[student] = HONEST[i % len(HONEST)]
        folder = book.submitted / student / lesson.name
        folder.mkdir(parents=True)
        (folder / f"{lesson.name}.ipynb").write_bytes(content[stories[student]])
    return stories


def run_grading(
    book: Gradebook, lesson: Lesson, scheduler: str | None = None, victims: list[subprocess.Popen[bytes]] | None = None
) -> tuple[list[Record], float, float, list[float]]:
    """Grade what is handed in, with one worker here or on the cluster. When half is recorded, the first of the victims that
    is found running a submission is killed.

    Returns the records in order, wall seconds, this process's CPU seconds, and when each was recorded.
    """
    records: list[Record] = []
    when: list[float] = []
    tasks, _ = pending(book, [lesson], None, Limits(), force=False)
    spared = list(victims or [])

    def on_record(record: Record) -> None:
        records.append(record)
        when.append(time.perf_counter())
        if len(records) >= len(tasks) // 2 and len(spared) == len(victims or []):
            for victim in spared:
                if busy(victim):
                    victim.kill()
                    spared.remove(victim)
                    break

    begun, cpu = time.perf_counter(), time.process_time()
    grade(book, tasks, 1, Limits(), on_record=on_record, scheduler=scheduler)
    return records, time.perf_counter() - begun, time.process_time() - cpu, when


def busy(worker: subprocess.Popen[bytes]) -> bool:
    """Whether a Dask worker runs a submission now: its warm worker process has forked."""
    return len(psutil.Process(worker.pid).children(recursive=True)) > 1


def prove(
    book: Gradebook, lesson: Lesson, stories: dict[str, str], records: list[Record], points: dict[str, float]
) -> None:
    """Raises AssertionError unless every submission was graded exactly once, with the points expected."""
    times = Counter(record.student for record in records)
    assert times == dict.fromkeys(stories, 1), f"not once: {[s for s in stories if times[s] != 1][:5]}"
    assert all(record.status == "graded" for record in records), "set aside"
    with Database(book.db_url) as database:
        rows = Counter(row.student.id for row in database.assignment_submissions(lesson.name))
    assert rows == dict.fromkeys(stories, 1), "rows in the database"
    on_disk = {path.parents[1].name for path in book.autograded.glob(f"*/{lesson.name}/{RECORD}")}
    assert on_disk == set(stories), "records on disk"
    for result in report.results(book, [lesson]):
        assert result.score == points[stories[result.student]], f"{result.student}: {result.score}"


def main(
    count: Annotated[int, typer.Argument(help="Submissions.")] = 1000,
    workers: Annotated[int, typer.Option(min=2, help="Dask workers.")] = 4,
) -> None:
    """Measure, prove, print."""
    lesson = lessons()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alone = Gradebook(folder / "alone")
        stories = hand_in(alone, lesson, 2 * len(HONEST))
        records, _, _, _ = run_grading(alone, lesson)
        # The first one waits for torch to be imported.
        run_seconds = statistics.mean(record.seconds for record in records[1:])
        points = {stories[result.student]: result.score for result in report.results(alone, [lesson])}
        console.print(f"One machine, one worker: {run_seconds:.2f} s to run a submission of {lesson.name}.")

        book = Gradebook(folder / "cluster")
        stories = hand_in(book, lesson, count)
        with cluster(folder, workers) as (address, processes):
            records, wall, cpu, when = run_grading(book, lesson, address, processes)
            alive = sum(process.poll() is None for process in processes)
        prove(book, lesson, stories, records, points)
        again = sum("run twice: its first worker was lost" in record.notes for record in records)
        console.print(
            f"Scheduler and {workers} workers on {os.cpu_count()} cores: {count} submissions in {wall:.0f} s "
            f"({count / wall:.1f}/s); one worker killed after {count // 2}, {alive} left at the end.\n"
            f"Every submission recorded once, in the database once, with the points of one machine: {count} of {count}. "
            f"Run a second time: {again}."
        )
        quarter = max(1, count // 4)
        console.print(
            f"Preparing and recording: {cpu / count * 1e3:.0f} ms of one core each; "
            f"first quarter {(when[quarter - 1] - when[0]) / quarter * 1e3:.0f} ms, "
            f"last quarter {(when[-1] - when[-quarter]) / quarter * 1e3:.0f} ms from one record to the next."
        )
        arithmetic(book, lesson, run_seconds, cpu / count, count)


def arithmetic(book: Gradebook, lesson: Lesson, run_seconds: float, desk_seconds: float, count: int) -> None:
    """What LARGE submissions of this lesson cost, from what was measured."""
    tasks, _ = pending(book, [lesson], None, Limits(), force=True)
    register(book, lesson)
    asked = len(question(Preparation(book).prepare(tasks[0], Record("", "", "")), Limits()))
    kept = sum(path.stat().st_size for path in book.autograded.rglob("*") if path.is_file()) / count
    rows = (book.folder / "gradebook.db").stat().st_size / count
    enough = math.ceil(run_seconds / desk_seconds)
    shown = Table(
        "gradebooks", "workers", "could run", "could record", f"{LARGE:,} take", title=f"{LARGE:,} submissions"
    )
    # Gradebooks are independent: each is one process that records, with a cluster of its own.
    for desks, workers in ((1, 1), (1, 2), (1, 4), (1, 64), (4, 4 * enough), (9, 9 * enough)):
        run, record = workers / run_seconds, desks / desk_seconds
        hours = LARGE / min(run, record) / 3600
        shown.add_row(str(desks), str(workers), f"{run:.1f}/s", f"{record:.1f}/s", f"{hours:.1f} h")
    console.print(shown)
    console.print(
        f"Core-hours: {LARGE * run_seconds / 3600:.1f} on workers, {LARGE * desk_seconds / 3600:.1f} at the desk. "
        f"More than {enough} workers for one gradebook do not help.\n"
        f"Text sent: {asked / 1e3:.0f} kB each, {LARGE * asked / 1e9:.1f} GB. "
        f"Kept: notebooks {LARGE * kept / 1e9:.1f} GB, database {LARGE * rows / 1e9:.2f} GB."
    )


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
