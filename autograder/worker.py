"""The process in which students' code runs: `python -m autograder.worker`.

It imports what lessons need once, then forks a fresh process for every submission: a fork starts in milliseconds, where
a new kernel takes seconds to import torch. Jobs come as JSON lines on stdin, events leave as JSON lines on stdout:

    in   {"cells": [{"index": 4, "source": "...", "check": false}, ...], "limits": {...}, "folder": "/scratch"}
    out  {"pid": 123}   {"start": 4}   {"end": 4, "count": 1, "outputs": [...]}   ...   {"exit": 0}

Nothing of this package but this file is imported here, and nothing is ever unpickled from here: `autograder.execute`, on
the other side, treats every event as text from a stranger.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import importlib
import io
import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

TRUNCATED = "\n[output truncated here: it went over the limit of {:,} characters]\n"


class TimeLimit(BaseException):
    """A cell ran too long. Not an Exception, so that `except Exception` in a loop does not swallow it."""


class Record:
    """The outputs of one cell, as notebook outputs, within a budget of characters."""

    def __init__(self, budget: int):
        self.budget = self.left = budget
        self.outputs: list[dict[str, Any]] = []

    def stream(self, name: str, text: str) -> None:
        if self.left < 0 or not text:
            return
        text = text[: self.left + 1]
        self.left -= len(text)
        if self.left < 0:
            text = text[:-1] + TRUNCATED.format(self.budget)
        last = self.outputs[-1] if self.outputs else None
        if last and last["output_type"] == "stream" and last["name"] == name:
            last["text"] += text
        else:
            self.outputs.append({"output_type": "stream", "name": name, "text": text})

    def display(self, kind: str, data: dict[str, Any], metadata: dict[str, Any], **more: Any) -> None:
        plain = {k: base64.b64encode(v).decode() if isinstance(v, bytes) else v for k, v in data.items()}
        size = sum(len(str(v)) for v in plain.values())
        # Pictures are large and few: they have ten times the room that text has.
        if size > 10 * self.budget or len(self.outputs) > 100:
            self.stream("stdout", TRUNCATED.format(self.budget))
        else:
            self.outputs.append({"output_type": kind, "data": plain, "metadata": metadata or {}, **more})

    def error(self, ename: str, evalue: str, lines: list[str]) -> None:
        self.outputs.append({"output_type": "error", "ename": ename, "evalue": evalue[:2000], "traceback": lines})


class Stream(io.TextIOBase):
    """Stands for stdout or stderr and writes into the current cell's record."""

    def __init__(self, shell: Shell, name: str):
        self.shell, self.name = shell, name

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.shell.record.stream(self.name, str(text))
        return len(text)


class Publisher(DisplayPublisher):
    """`display(...)` and figures."""

    def publish(self, data: Any, metadata: Any = None, **kwargs: Any) -> None:
        self.shell.record.display("display_data", data, metadata)

    def clear_output(self, wait: bool = False) -> None:
        self.shell.record.outputs.clear()


class Hook(DisplayHook):
    """The value of a cell's last line."""

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        self.shell.record.display("execute_result", format_dict, md_dict, execution_count=self.prompt_count)


class Shell(InteractiveShell):
    """IPython without a terminal or a kernel: cells in, recorded outputs out."""

    record: Record
    checking = False

    def enable_gui(self, gui: Any = None) -> None:
        pass

    @contextlib.contextmanager
    def _tee(self, channel: str) -> Iterator[None]:
        """IPython 9 keeps a second copy of all output here, without bound; ours is in the record."""
        yield

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        name = getattr(etype, "__name__", "Error")
        try:
            text = str(evalue)
        except BaseException:
            text = "(its message cannot be shown)"
        lines = [str(line) for line in stb]
        if self.checking:
            lines = [*_students_frames(evalue), f"{name}: {text}"]
        self.record.error(name, text, lines)


def _students_frames(error: BaseException | None) -> list[str]:
    """Where in the student's own cells a check's error came from; the check's own lines stay hidden."""
    lines: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        tb: TracebackType | None = error.__traceback__
        for frame in traceback.extract_tb(tb):
            # The student's functions live in cells; the check cell's own frame is its module.
            if frame.filename.startswith("<ipython-input") and frame.name != "<module>":
                lines.append(f"in {frame.name}, line {frame.lineno}: {frame.line}")
        error = error.__cause__ or error.__context__
    return lines


def make_shell(budget: int) -> Shell:
    """The shell of one submission, with stdout, stderr, display and figures recorded."""
    Shell.clear_instance()
    shell = Shell.instance()
    shell.colors = "nocolor"
    shell.display_pub = Publisher(shell=shell, parent=shell)
    shell.displayhook = Hook(shell=shell, parent=shell)
    shell.display_trap.hook = shell.displayhook
    shell.history_manager.enabled = False
    shell.record = Record(budget)
    sys.stdout, sys.stderr = Stream(shell, "stdout"), Stream(shell, "stderr")
    from matplotlib_inline.backend_inline import configure_inline_support

    configure_inline_support(shell, "module://matplotlib_inline.backend_inline")
    return shell


def run(job: dict[str, Any], events: io.BufferedWriter) -> None:
    """Run a submission's cells, one after the other, reporting each. Runs in the forked process."""
    limits = job["limits"]
    confine(limits)
    os.chdir(job["folder"])
    os.environ["HOME"] = os.environ["TMPDIR"] = job["folder"]
    shell = make_shell(limits["output_characters"])
    running = False

    def on_alarm(_signal: int, _frame: FrameType | None) -> None:
        if running:
            raise TimeLimit(f"this cell ran for more than {limits['cell_seconds']:g} seconds")

    signal.signal(signal.SIGALRM, on_alarm)
    for cell in job["cells"]:
        send(events, {"start": cell["index"]})
        shell.record = Record(limits["output_characters"])
        shell.checking = bool(cell["check"])
        # The alarm rings again every half second, for code that catches everything and goes on.
        signal.setitimer(signal.ITIMER_REAL, limits["cell_seconds"], 0.5)
        try:
            running = True
            result = shell.run_cell(cell["source"], store_history=True)
            running = False
            if not result.success and not any(o["output_type"] == "error" for o in shell.record.outputs):
                error = result.error_before_exec or result.error_in_exec
                shell.record.error(type(error).__name__, str(error), [])
        except BaseException as error:  # An alarm between the cell's code and ours.
            running = False
            shell.record.error(type(error).__name__, str(error), [])
        signal.setitimer(signal.ITIMER_REAL, 0)
        count = max(shell.execution_count - 1, 1)
        send(events, {"end": cell["index"], "count": count, "outputs": shell.record.outputs})


def confine(limits: dict[str, Any]) -> None:
    """Limits of the forked process: memory, file size, CPU time, no core files, threads that suit a shared machine."""
    with open("/proc/self/statm", "rb") if os.path.exists("/proc/self/statm") else io.BytesIO(b"0") as statm:
        already = int(statm.read().split()[0]) * resource.getpagesize()
    memory = already + int(limits["memory_mib"]) * 2**20
    for kind, amount in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, int(limits["file_mib"]) * 2**20),
        (resource.RLIMIT_CPU, int(limits["total_seconds"]) + 10),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            amount = min(amount, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some; the time limits still hold.
            resource.setrlimit(kind, (amount, hard))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent goes, so that a killed grader leaves nothing running."""
    with contextlib.suppress(OSError, AttributeError):  # Not Linux: the limits on time end what is left.
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def send(events: io.BufferedWriter, event: dict[str, Any]) -> None:
    events.write(json.dumps(event, default=str).encode() + b"\n")
    events.flush()


def serve() -> None:
    """Fork a process per job until stdin ends."""
    die_with_parent()
    jobs = os.fdopen(os.dup(0), "rb")
    events = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1):
        os.dup2(nothing, fd)
    warm_up()
    send(events, {"ready": os.getpid()})
    for line in jobs:
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.setsid()
                die_with_parent()
                jobs.close()
                os.dup2(nothing, 2)
                run(job, events)
                code = 0
            finally:
                os._exit(code)
        send(events, {"pid": pid})
        _, status = os.waitpid(pid, 0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)  # Whatever the submission left running.
        send(events, {"exit": os.waitstatus_to_exitcode(status)})


def warm_up() -> None:
    """Import once what every submission imports."""
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    for name in ("ipywidgets", "matplotlib.pyplot", "numpy", "torch", "tqdm.auto"):
        importlib.import_module(name)
    sys.modules["torch"].set_num_threads(1)  # A thread pool would not survive the fork.


if __name__ == "__main__":
    serve()
