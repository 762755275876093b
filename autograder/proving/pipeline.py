"""Try the answers as submissions are graded: the student's process in its sandbox, the check in the examiner.

`proof` runs an answer and its check in one process, where nothing lies between them. Here only plain values cross, names
of demos are missing and limits hold: where the two decide differently, a check is proven that is not the one that grades.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from autograder.answers import Answer
from autograder.authoring import source
from autograder.cells import SETUP, WHOM, is_check, is_demo
from autograder.course import Lesson
from autograder.proving import proof
from autograder.proving.sample_class import source_of
from autograder.recording.record import reason_of
from autograder.running.execute import Worker
from autograder.running.limits import Limits

# One notebook tries many answers, and an answer that is slow here is not what is asked.
LIMITS = Limits(cell_seconds=300.0, total_seconds=3600.0)


@dataclass(frozen=True)
class Difference:
    """An answer on which the harness and the pipeline differ, with what each said: None for "passed"."""

    answer: Answer
    whom: str
    harness: str | None
    pipeline: str | None


def differences(
    lesson: Lesson, harness: dict[str, list[proof.Verdict]], workers: int, only: set[str] | None = None
) -> Iterator[Difference]:
    """Where the pipeline decides otherwise than `harness`, the verdicts by whose cases they were reached on.

    A warm worker for each of `workers` threads; one notebook per exercise and draw. `only` names some of the exercises.
    """
    jobs = [
        (whom, exercise, [v for v in verdicts if v.answer.exercise == exercise])
        for whom, verdicts in harness.items()
        for exercise in proof.exercises(lesson)
        if only is None or exercise in only
    ]
    idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(workers) as pool:
        for _ in range(workers):
            worker = Worker()
            stack.callback(worker.close)
            idle.put(worker)

        def tried(job: tuple[str, str, list[proof.Verdict]]) -> list[str | None]:
            whom, exercise, verdicts = job
            worker = idle.get()
            try:
                return messages(lesson, exercise, [v.answer for v in verdicts], whom, worker)
            finally:
                idle.put(worker)

        for (whom, _, verdicts), found in zip(jobs, pool.map(tried, jobs), strict=True):
            for verdict, message in zip(verdicts, found, strict=True):
                if (verdict.message is None) != (message is None):
                    yield Difference(verdict.answer, whom, verdict.message, message)


def messages(lesson: Lesson, exercise: str, answers: list[Answer], whom: str, worker: Worker) -> list[str | None]:
    """What the check of one exercise says to each answer, run by `worker`: None if it passes."""
    cells = [c for c in source.read(lesson).notebook.cells if c.cell_type == "code" and not is_demo(c)]
    check = proof.exercises(lesson)[exercise]
    # Typed answers may be given in part, and whatever the answer before it changed is as the lesson's own again.
    changed = {exercise} | {name for answer in answers for name in answer.values}
    own = [c for c in cells if c.metadata.get("nbgrader", {}).get("grade_id") in changed]
    notebook = new_notebook(cells=[new_code_cell(c.source) for c in cells if not is_check(c)])
    tries: list[NotebookNode] = []
    for answer in answers:
        notebook.cells += [new_code_cell(c.source) for c in own]
        notebook.cells += [new_code_cell(source_of(answer)), new_code_cell(check.source)]
        tries.append(notebook.cells[-1])
        tries[-1].metadata = check.metadata
    notebook.metadata[SETUP] = [c.source for c in cells if "nbgrader" not in c.metadata]
    notebook.metadata[WHOM] = whom
    worker.run(notebook, LIMITS)
    return [reason_of(c, notebook) if any(o.output_type == "error" for o in c.outputs) else None for c in tries]
