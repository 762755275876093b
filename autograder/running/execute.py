"""Run a notebook's cells and come back with their outputs, whatever the cells do.

`Worker` is the grader's handle on a pair of processes: the examiner (`autograder.running.examiner`), which is trusted and runs the
check cells, and the student's process in its sandbox, which runs all others. A cell that ends, kills or hangs the student's
process costs only itself. What comes back is the examiner's: outputs of text and pictures, rebuilt from the student's.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from nbformat import NotebookNode, from_dict

from autograder.cells import SETUP, WHOM, cell_title, is_check, is_demo
from autograder.course import CourseError
from autograder.running import launch
from autograder.running.limits import Limits
from autograder.running.sandbox import NO_SANDBOX, problem, unprotected

# How long an examiner may take beyond the limits: it imports torch and starts a worker, on a machine that may be busy.
EXAMINER_SECONDS = 600.0


@dataclass
class Run:
    """What running a notebook came to: the processor's seconds it took, and one note per limit hit."""

    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    late: bool = False
    """Whether a limit on time was hit: before that costs points, the submission is run once more, with nothing beside it."""
    names: list[str] = field(default_factory=list)
    """The values of `student_name` that checks used."""


class Stopped(Exception):
    """The grader was told to stop; the submission being run is not graded."""


class NotRun(Exception):
    """A submission could not be run at all, in one sentence; others can."""


class MachineFailed(Exception):
    """The machine's failure, not the submission's, in one sentence: an examiner was lost, a namespace was refused. Never a
    grade; the submission stays to be graded."""


class Worker:
    """A warm examiner and the worker it drives. Used by one thread at a time."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()

    def run(self, notebook: NotebookNode, limits: Limits) -> Run:
        """Run all code cells but demos; fill in outputs and execution counts in place.

        Check cells see what the lesson's plain cells define (`notebook.metadata[SETUP]`) and draw the cases of this submission
        (`notebook.metadata[WHOM]`); both are taken out here.
        Demos are run after all where something that is run uses a name that only they define.
        Raises Stopped after `stop()`; MachineFailed if two examiners in a row were lost, or no process could be started for
        the submission; CourseError if there is no sandbox.
        """
        setup, whom = list(notebook.metadata.pop(SETUP, [])), str(notebook.metadata.pop(WHOM, ""))
        cells: list[dict[str, Any]] = []
        skipped: list[dict[str, Any]] = []
        for i, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
                if cell.source.strip() and is_demo(cell):
                    skipped.append({"index": i, "source": cell.source})
                elif cell.source.strip():
                    cells.append({"index": i, "source": cell.source, "check": is_check(cell)})
        job = {"cells": cells, "skipped": skipped, "limits": asdict(limits), "setup": setup, "whom": whom}
        result = self._examined(job, limits)
        for index, outcome in result["cells"].items():
            cell = notebook.cells[int(index)]
            cell.outputs = from_dict(outcome["outputs"])
            cell.execution_count = outcome["count"]
        notes = [f"{cell_title(notebook.cells[i])}: {why}" if i is not None else why for i, why in result["notes"]]
        return Run(result["seconds"], notes, result["late"], result["names"])

    def stop(self) -> None:
        """Kill the worker, from any thread; a run under way raises Stopped."""
        self._stopped.set()
        self.close()

    def close(self) -> None:
        """End the processes."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _examined(self, job: dict[str, Any], limits: Limits) -> dict[str, Any]:
        """The examiner's result; where the machine fails, a fresh examiner's."""
        # The examiner keeps to the limits by itself; this deadline is for an examiner gone wrong.
        patience = 2 * limits.patience * limits.total_seconds + EXAMINER_SECONDS
        for last in (False, True):
            try:
                self._start()
                result = self._ask(job, time.monotonic() + patience)
                if "not_run" not in result:
                    return result
                raise MachineFailed(str(result["not_run"]))
            except MachineFailed:
                self.close()
                if self._stopped.is_set():
                    raise Stopped from None
                if last:
                    raise
        raise AssertionError("unreachable")

    def _start(self) -> None:
        if self._stopped.is_set():
            raise Stopped
        if self.process is not None and self.process.poll() is None:
            return
        require_sandbox()
        self.process = launch.examiner()

    def _ask(self, job: dict[str, Any], deadline: float) -> dict[str, Any]:
        assert self.process is not None and self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(job).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            raise self._gone() from None
        answer = b""
        fd = self.process.stdout.fileno()
        while not answer.endswith(b"\n"):
            readable, _, _ = select.select([fd], [], [], 0.5)
            if self._stopped.is_set():
                raise Stopped
            chunk = os.read(fd, 1 << 20) if readable else b""
            if (readable and not chunk) or time.monotonic() > deadline:
                raise self._gone()
            answer += chunk
        result: dict[str, Any] = json.loads(answer)
        return result

    def _gone(self) -> Exception:
        """What to raise when the examiner does not answer: it is ended, and the next run starts another."""
        self.close()
        if self._stopped.is_set():
            return Stopped()
        return MachineFailed("its examiner ended unexpectedly")


def require_fork() -> None:
    """Raise CourseError where no process can be forked for each submission and page: on Windows."""
    if not hasattr(os, "fork"):
        raise CourseError(
            "Grading needs Linux or macOS, where a process can be forked for each submission; on Windows, use its Linux (WSL)."
        )


def require_sandbox() -> None:
    """Raise CourseError if students' code cannot be contained here and nobody said that it need not be, or cannot run at all."""
    require_fork()
    if not unprotected() and problem():
        raise CourseError(
            f"{problem()} Without it students' code would run with your rights; if that is all right, say "
            f"--no-sandbox, or set {NO_SANDBOX}=1 for nbgrader's own commands."
        )
