"""Run a notebook's cells in a worker process and come back with their outputs, whatever the cells do.

A cell that ends, kills or hangs its process costs only itself: the process is started again and the other cells run as
if that cell were absent. Everything that comes back from a worker is text from a stranger: parsed, bounded, rebuilt.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from nbformat import NotebookNode, from_dict
from nbgrader import utils

from autograder.course import CourseError

# Beyond a cell's own time limit, which the worker enforces: how long until it is killed from outside.
GRACE_SECONDS = 2.0
_LINE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Times are wall-clock seconds; memory comes on top of the warm worker's own."""

    cell_seconds: float = 10.0
    total_seconds: float = 60.0
    memory_mib: int = 2048
    file_mib: int = 64
    output_characters: int = 100_000


@dataclass
class Run:
    """What running a notebook came to: seconds it took, and one note per limit hit."""

    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)


class Stopped(Exception):
    """The grader was told to stop; the submission being run is not graded."""


class NotRun(Exception):
    """A submission could not be run at all, in one sentence; others can."""


class Worker:
    """A warm worker process and the conversation with it. Used by one thread at a time."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self._unread = b""
        self._stopped = threading.Event()

    def run(self, notebook: NotebookNode, limits: Limits) -> Run:
        """Run all code cells but demos; fill in outputs and execution counts in place.

        Raises Stopped after `stop()`; NotRun if no cell could be run; CourseError if workers cannot be started at all.
        """
        outcome = Run()
        todo = {}
        for i, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
                if cell.source.strip() and not is_demo(cell):
                    todo[i] = {"index": i, "source": cell.source, "check": bool(utils.is_grade(cell))}
        begun = time.monotonic()
        deadline = begun + limits.total_seconds
        while True:
            with tempfile.TemporaryDirectory(prefix="submission-", ignore_cleanup_errors=True) as folder:
                job = {"cells": list(todo.values()), "limits": asdict(limits), "folder": folder}
                culprit, reason = self._attempt(notebook, job, limits, deadline)
            if culprit is None:
                break
            outcome.notes.append(f"{cell_title(notebook.cells[culprit])}: {reason}")
            notebook.cells[culprit].outputs = [error_output("CellStopped", reason)]
            del todo[culprit]
            if time.monotonic() >= deadline:
                unrun = [i for i in todo if i > culprit]
                for i in unrun:
                    why = f"not run: the submission used up its {limits.total_seconds:g} seconds"
                    notebook.cells[i].outputs = [error_output("CellStopped", why)]
                if unrun:
                    outcome.notes.append(f"{len(unrun)} cells {why}")
                break
        outcome.seconds = time.monotonic() - begun
        return outcome

    def _attempt(
        self, notebook: NotebookNode, job: dict[str, Any], limits: Limits, deadline: float
    ) -> tuple[int | None, str]:
        """Run the job's cells in a fresh fork. Returns the cell that ended it early and why, or (None, "")."""
        self._start()
        self._send(job)
        pid = current = last = None
        cell_deadline = deadline
        while True:
            event = self._receive(min(cell_deadline, deadline))
            if event is None:
                self._kill(pid)
                if last is not None and last == job["cells"][-1]["index"]:
                    return None, ""
                if current is None:
                    raise NotRun("its process did not start in time")
                if time.monotonic() >= deadline:
                    return current, f"stopped: the submission used up its {limits.total_seconds:g} seconds here"
                return current, f"stopped: ran for more than {limits.cell_seconds:g} seconds"
            if "pid" in event:
                pid = int(event["pid"])
            elif "start" in event:
                current = int(event["start"])
                cell_deadline = time.monotonic() + limits.cell_seconds + GRACE_SECONDS
            elif "end" in event and event["end"] == current and current is not None:
                cell = notebook.cells[current]
                cell.outputs = [rebuilt for o in event["outputs"] if (rebuilt := _rebuild(o))]
                cell.execution_count = int(event["count"])
                last, current = current, None
            elif "exit" in event:
                if self.process is None or self.process.poll() is not None:
                    _kill_group(pid)  # The worker itself is gone; nobody else will clean up after it.
                if (last is not None and last == job["cells"][-1]["index"]) or not job["cells"]:
                    return None, ""
                culprit = current if current is not None else last
                if culprit is None:
                    raise NotRun(f"its process ended before running anything (exit {event['exit']})")
                return culprit, _cause_of_death(event["exit"], limits)

    def stop(self) -> None:
        """Kill the worker, from any thread; a run under way raises Stopped."""
        self._stopped.set()
        self.close()

    def close(self) -> None:
        """End the worker process."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            self.process.wait()

    def _start(self) -> None:
        if self._stopped.is_set():
            raise Stopped
        if self.process is not None and self.process.poll() is None:
            return
        self._unread = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "autograder.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        ready = self._receive(time.monotonic() + 120)
        if not ready or "ready" not in ready:
            self.close()
            raise CourseError(
                "The worker process does not start; this shows why: python -m autograder.worker < /dev/null"
            )

    def _send(self, job: dict[str, Any]) -> None:
        assert self.process is not None and self.process.stdin is not None
        self.process.stdin.write(json.dumps(job).encode() + b"\n")
        self.process.stdin.flush()

    def _receive(self, deadline: float) -> dict[str, Any] | None:
        """The next event; None at the deadline. The end of the worker counts as `{"exit": ...}`."""
        assert self.process is not None and self.process.stdout is not None
        fd = self.process.stdout.fileno()
        while True:
            line, newline, rest = self._unread.partition(b"\n")
            if newline:
                self._unread = rest
                with contextlib.suppress(ValueError, RecursionError):
                    event = json.loads(line)
                    if isinstance(event, dict):
                        return event
                continue
            readable, _, _ = select.select([fd], [], [], max(0.0, min(deadline - time.monotonic(), 0.5)))
            if self._stopped.is_set():
                raise Stopped
            if readable:
                chunk = os.read(fd, 1 << 20)
                if not chunk or len(self._unread) > _LINE_BYTES:
                    self.close()
                    return {"exit": self.process.returncode}
                self._unread += chunk
            elif time.monotonic() >= deadline:
                return None

    def _kill(self, pid: int | None) -> None:
        """Kill a submission's process group and read on until the worker has seen it end."""
        _kill_group(pid)
        until = time.monotonic() + 5
        while (event := self._receive(until)) is not None:
            if "exit" in event:
                return
        self.close()


def _kill_group(pid: int | None) -> None:
    if pid is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def is_demo(cell: NotebookNode) -> bool:
    """Whether grading skips the cell. A cell with an exercise or a check is never a demo, whatever its tags say."""
    if cell.metadata.get("nbgrader", {}).get("grade_id"):
        return False
    tags = cell.metadata.get("tags", [])
    return isinstance(tags, list) and "demo" in tags


def cell_title(cell: NotebookNode) -> str:
    """What to call a cell in a sentence: its grade id, or its first line."""
    name = cell.metadata.get("nbgrader", {}).get("grade_id")
    return str(name) if name else "the cell `" + (cell.source.strip().splitlines() or [""])[0][:40] + "`"


def error_output(ename: str, evalue: str) -> NotebookNode:
    """An error output as a notebook keeps it."""
    return NotebookNode(output_type="error", ename=ename, evalue=evalue, traceback=[f"{ename}: {evalue}"])


def _cause_of_death(code: int, limits: Limits) -> str:
    if code == -signal.SIGXCPU:
        return "stopped: used too much processor time"
    if code == -signal.SIGKILL:
        return "its process was killed (by itself, or for lack of memory)"
    if code < 0:
        return f"its process crashed ({signal.Signals(-code).name})"
    return f"ended its own process (exit {code})"


def _rebuild(output: Any) -> NotebookNode | None:
    """A well-formed notebook output from what a worker sent, or None."""
    if not isinstance(output, dict):
        return None
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return NotebookNode(output_type="stream", name=name, text=str(output.get("text", "")))
    if kind == "error":
        lines = [str(line) for line in output.get("traceback") or []]
        return NotebookNode(
            output_type="error", ename=str(output.get("ename")), evalue=str(output.get("evalue")), traceback=lines
        )
    if kind in ("display_data", "execute_result") and isinstance(output.get("data"), dict):
        metadata = output.get("metadata")
        rebuilt = from_dict(
            {"output_type": kind, "data": output["data"], "metadata": metadata if isinstance(metadata, dict) else {}}
        )
        if kind == "execute_result":
            rebuilt.execution_count = (
                output.get("execution_count") if isinstance(output.get("execution_count"), int) else None
            )
        return rebuilt
    return None
