"""Starting the processes of a worker: the examiner, and beside it the one in which students' code runs.

Both import torch, which takes each more than a second, and so does the grader's own nbgrader: so all are started before
anybody waits for one, and this file imports nothing that takes time.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import IO

from autograder.running import sandbox

_standing_by: list[subprocess.Popen[bytes]] = []


def stand_by() -> None:
    """Start an examiner for whoever calls `examiner` next; it ends with this process."""
    _standing_by.append(_examiner())


def examiner() -> subprocess.Popen[bytes]:
    """An examiner's process: one that stands by, or else a new one. Jobs go to its stdin, results come from its stdout."""
    while _standing_by:
        if (ready := _standing_by.pop()).poll() is None:
            return ready
    return _examiner()


def _examiner() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "autograder.running.examine", *(["--no-sandbox"] if sandbox.unprotected() else [])],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


@dataclass
class Launched:
    """A worker's process that is on its way: `control` says when it is ready, `complaint` holds what it said if it never is."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    complaint: IO[bytes]


def worker(sandboxed: bool) -> Launched:
    """Start a worker's process, in the sandbox or without."""
    control, theirs = socket.socketpair()
    arguments = ["-m", "autograder.running.worker", str(theirs.fileno())]
    line = sandbox.command([*arguments, "--isolate"]) if sandboxed else [sys.executable, *arguments]
    # Where there is no sandbox to hide it: no address or password of a database in the student's environment.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AUTOGRADER_")}
    environment["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    complaint = tempfile.TemporaryFile()  # noqa: SIM115  (whoever waits for the worker closes it)
    process = subprocess.Popen(
        line, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=complaint,
        start_new_session=True, env=environment,
    )  # fmt: skip
    theirs.close()
    return Launched(process, control, complaint)
