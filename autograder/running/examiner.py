"""The trusted process beside every worker: it drives a submission through its cells and judges it.

`python -m autograder.running.examiner`, one JSON job a line on stdin, one JSON result a line on stdout. Exercise cells run in the
student's process (`autograder.running.worker`); check cells, visible test and hidden, run here. The names a check uses are, in this
order, what the lesson's own plain cells define (run here, from the lesson, not from the submission), and what the student's
process has: values cross as plain data, functions are called across (`Remote`). So hidden tests, expected values and check
modules never exist where students' code runs, and no object of a student's ever reaches an assert.
"""

from __future__ import annotations

import ast
import base64
import binascii
import builtins
import contextlib
import functools
import importlib
import io
import json
import os
import pkgutil
import resource
import signal
import socket
import subprocess
import tempfile
import time
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from autograder.checks import judge
from autograder.running import launch, plain, skipped

# Beyond a time limit that the worker enforces itself: how long until it is ended from here.
GRACE_SECONDS = 1.0
# Starting is the machine's doing, not the submission's: it may take long where much else runs.
_START_SECONDS = 300.0
_LOOK_SECONDS = 0.25
# Of the name that a submission goes by in its personal exercises.
_NAME_CHARACTERS = 100
_PROCESSOR = " of processor time"
_TICKS = os.sysconf("SC_CLK_TCK")
# Names that skipped cells may be run for, for one cell or one call; and how much of those cells is sent across.
_FILLS = 10
_SKIPPED_CHARACTERS = 200_000
_LINE_BYTES = 2 * plain.MAX_CHARACTERS
# What an answer may become in this process's memory, beyond its own: the next one may be no larger for it.
_ROOM_BYTES = 2 * 2**30
_TOO_MUCH = "sent back more than it may"
# All outputs of a submission together, in characters, as a multiple of what one cell may print.
_OUTPUT_CELLS = 50


class Died(Exception):
    """The student's process ended, or did not answer in time; its message says which, in a few words."""


class Late(Died):
    """It took more time than it may: of the processor, or by the clock."""

    def __init__(self, by_the_clock: bool):
        super().__init__("late")
        self.by_the_clock = by_the_clock


class Stopped(BaseException):
    """A call into the student's process cannot be answered any more. No Exception: no check may take it for an answer."""


class Overran(Stopped):
    """Judging took too long on this side; wherever that struck, the conversation may be broken off in mid-word."""


class Unstartable(Exception):
    """There can be no process for the submission, in one sentence: the machine's failure, none of the submission's code ran."""


@dataclass
class Allowance:
    """Time that the submission's processes may take: seconds of the processor, and of the clock far behind.

    What the processor has done is looked at now and then only. So the count begins with the first look: that is within a
    fraction of a second, and what ends sooner is never counted at all.
    """

    processor: float
    ends: float
    begun: float | None = None

    @classmethod
    def of(cls, seconds: float, patience: float) -> Allowance:
        return cls(seconds, time.monotonic() + seconds * patience)

    def spent_at(self, used: float) -> float:
        """Seconds of it that are gone when the submission has used that much."""
        if self.begun is None:
            self.begun = used
        return used - self.begun


class Student:
    """The student's process, forked off a warm worker; started again at will."""

    def __init__(self, sandboxed: bool, launched: launch.Launched | None = None):
        self.sandboxed, self._launched = sandboxed, launched
        self.worker: subprocess.Popen[bytes] | None = None
        self.control: socket.socket | None = None
        self.line: socket.socket | None = None
        self._unread, self._hung_up = b"", False
        # Memory is looked at now and then: the limit on each process would let many together use many times as much.
        self._own, self._may_use, self._look_again = 0, 0, 0.0
        # Seconds of processor time: of this submission with earlier workers, with this one, and of this worker before it.
        self._carried, self._used, self._before = 0.0, 0.0, 0.0

    def start(self, limits: dict[str, Any], folder: str) -> None:
        """A fresh process for a submission, ready to run its first cell. Raises Unstartable if there can be none."""
        self.end()
        if self.worker is None or self.worker.poll() is not None:
            self._start_worker()
        assert self.control is not None
        self.line, theirs = socket.socketpair()
        try:
            socket.send_fds(self.control, [b"S"], [theirs.fileno()])
        except OSError:
            raise Unstartable("its worker ended") from None
        finally:
            theirs.close()
        self._unread, self._hung_up = b"", False
        self._may_use, self._look_again = int(limits["memory_mib"]) * 2**20, 0.0
        begin = {"limits": limits, "folder": "/tmp" if self.sandboxed else folder}
        try:
            self.ask(begin, Allowance.of(_START_SECONDS, 1.0))
        except Died as death:
            raise Unstartable(str(death) or self.end() or "its process ended") from None

    def begin(self) -> None:
        """From here on, what the processor does is counted for another submission."""
        self._carried, self._used, self._before = 0.0, 0.0, self._processor()

    @property
    def used(self) -> float:
        """Seconds of processor time that the submission's processes have used, as of the last look."""
        return self._carried + self._used

    def count(self) -> float:
        """The same as of now."""
        # A process that ends between two readings is missed in one of them: what was counted once stays counted.
        self._used = max(self._used, self._processor() - self._before)
        return self.used

    def ask(
        self,
        message: dict[str, Any],
        allowance: Allowance,
        callback: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """Send a message, answer what it calls back for, return its reply. Raises Died."""
        self._send(message, allowance)
        while True:
            reply = self._receive(allowance)
            if "callback" not in reply:
                return reply
            if callback is None:
                raise Died("it broke off the conversation")
            self._send(callback(reply), allowance)

    def end(self) -> str:
        """End the process; returns what became of it, in a few words."""
        if self.line is None:
            return ""
        self.line.close()
        self.line = None
        try:
            assert self.control is not None
            self.control.sendall(b"W" if self._hung_up else b"E")
            self.control.settimeout(_START_SECONDS)
            code = self.control.recv(1)
        except OSError:
            code = b""
        if not code:
            self._end_worker()
            return "its process was killed"
        return _ending(code[0])

    def _memory(self) -> int:
        """Bytes that the processes of the submission use together, beyond what the warm worker used before it."""
        processes = self._family()
        resident = [_kibibytes(f"{p}/status", "RssAnon:", "RssShmem:", "VmSwap:") or 0 for p in processes]
        # What several share counts once for each here; only where that looks like too much, the shares are asked for.
        if self._own and 1024 * sum(resident) <= self._may_use:
            return 1024 * sum(resident)
        shares = [_kibibytes(f"{p}/smaps_rollup", "Pss_Anon:", "Pss_Shmem:", "SwapPss:") for p in processes]
        # A kernel that hides or does not know them leaves the larger figure.
        known = [r if share is None else share for r, share in zip(resident, shares, strict=True)]
        self._own = self._own or max(1, 1024 * sum(known))
        return max(0, 1024 * sum(known) - self._own)

    def _processor(self) -> float:
        """Seconds of processor time of the worker and all processes below it, those that have ended included."""
        ticks = 0
        for process in self._family():
            with contextlib.suppress(OSError), open(f"{process}/stat", "rb") as stat:
                # Behind the name, which may hold anything: utime, stime, and both for the children waited for.
                ticks += sum(map(int, stat.read().rpartition(b")")[2].split()[11:15]))
        return ticks / _TICKS

    def _family(self) -> list[str]:
        """The worker and all processes below it, as folders of /proc."""
        processes, ahead = [], [] if self.worker is None else [self.worker.pid]
        while ahead:
            process = f"/proc/{ahead.pop()}"
            # A process that has just ended has no children; its own go to one further up.
            with contextlib.suppress(OSError):
                for thread in os.listdir(f"{process}/task"):
                    with open(f"{process}/task/{thread}/children") as children:
                        ahead += map(int, children.read().split())
            processes.append(process)
        return processes

    def close(self) -> None:
        """End the worker too."""
        self.end()
        self._end_worker()

    def _start_worker(self) -> None:
        self._end_worker()
        launched = self._launched or launch.worker(self.sandboxed)
        self._launched, self.worker, self.control = None, launched.process, launched.control
        self.control.settimeout(_START_SECONDS)
        with launched.complaint:
            if self.control.recv(1) != b"R":
                launched.complaint.seek(0)
                said = launched.complaint.read().decode(errors="replace").strip()[-500:]
                raise Unstartable(f"its worker did not start: {said}")
        self._own = 0
        self._memory()
        self._carried, self._used, self._before = self.used, 0.0, self._processor()

    def _end_worker(self) -> None:
        if self.control is not None:
            self.control.close()
        if self.worker is not None:
            self.worker.kill()
            self.worker.wait()
        self.control = self.worker = None

    def _send(self, message: dict[str, Any], allowance: Allowance) -> None:
        assert self.line is not None
        try:
            self.line.settimeout(max(allowance.ends - time.monotonic(), 0.001))
            self.line.sendall(json.dumps(message).encode() + b"\n")
        except TimeoutError:
            raise Late(by_the_clock=True) from None
        except OSError:
            self._hung_up = True
            raise Died("") from None

    def _receive(self, allowance: Allowance) -> dict[str, Any]:
        assert self.line is not None
        while True:
            line, newline, rest = self._unread.partition(b"\n")
            if newline:
                self._unread = rest
                # A byte on the line can become a hundred in memory: what counts is how many values there are.
                if sum(map(line.count, (b",", b"[", b"{"))) > plain.MAX_VALUES:
                    raise Died(_TOO_MUCH)
                try:
                    reply = json.loads(line)
                except (ValueError, RecursionError):
                    raise Died("it broke off the conversation") from None
                if not isinstance(reply, dict):
                    raise Died("it broke off the conversation")
                return reply
            now = time.monotonic()
            if now >= min(allowance.ends, self._look_again):  # What uses up memory often runs late for it.
                self._look_again = now + _LOOK_SECONDS
                if self._memory() > self._may_use:
                    raise Died("stopped: its processes together used more memory than it may")
                if allowance.spent_at(self.count()) > allowance.processor:
                    raise Late(by_the_clock=False)
            if now >= allowance.ends:
                raise Late(by_the_clock=True)
            self.line.settimeout(min(allowance.ends - now, _LOOK_SECONDS))
            try:
                chunk = self.line.recv(1 << 20)
            except TimeoutError:
                continue
            except OSError:
                chunk = b""
            if not chunk:
                self._hung_up = True
                raise Died("")
            self._unread += chunk
            if len(self._unread) > _LINE_BYTES:
                raise Died(_TOO_MUCH)


class Remote(judge.Elsewhere):
    """A function of the student's, as checks call it: arguments and result cross as plain data."""

    def __init__(self, examination: Examination, name: str, shown: str):
        self._examination, self._name, self.__name__ = examination, name, shown

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        value, changed = next(self._examination.calls(self._name, self.__name__, [arguments], named))
        for i, argument in enumerate(arguments):
            if i in changed:
                _change(argument, plain.decode(changed[i]))
        return value

    def each(self, cases: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, bool]]:
        for value, changed in self._examination.calls(self._name, self.__name__, cases, {}):
            yield value, bool(changed)

    def __deepcopy__(self, memo: Any) -> Remote:
        return self

    def __repr__(self) -> str:
        return f"<function {self.__name__}>"


class Examination:
    """One submission's way through its cells."""

    def __init__(self, job: dict[str, Any], student: Student):
        self.cells, self.limits = job["cells"], job["limits"]
        self.setup = [compiled(source, "<lesson>") for source in job["setup"]]
        self.whom = str(job["whom"])
        self.output_room = _OUTPUT_CELLS * int(self.limits["output_characters"])
        self.student = student
        self.skipped = job["skipped"]
        # What the cells that ended in an error would have defined, and the error.
        self.failed: dict[str, str] = {}
        self.notes: list[list[Any]] = []
        # Values of `student_name` that checks used.
        self.names: list[str] = []
        self.late = False
        self.ends = 0.0
        # The check at hand: its position, and the time it has.
        self.at, self.time = 0, Allowance.of(0.0, 0.0)
        self.callbacks: dict[str, Callable[..., Any]] = {}
        self.dead = ""

    def run(self) -> dict[str, Any]:
        """Run every cell. Returns `{"cells": {index: {"outputs", "count"}}, "notes": [[index, why], ...], "seconds": 0.7,
        "late": false, "names": [...]}`."""
        results: dict[str, Any] = {}
        with tempfile.TemporaryDirectory(prefix="submission-", ignore_cleanup_errors=True) as folder:
            self.student.start(self.limits, folder)
            # The clock starts here: what starting a worker takes is not the submission's.
            self.student.begin()
            self.ends = time.monotonic() + self.limits["total_seconds"] * self.limits["patience"]
            behind: list[dict[str, Any]] = []
            for position, cell in enumerate(self.cells):
                if (seconds := self._seconds_left()) <= 0:
                    left = self.cells[position:]
                    of, total = ("", self.limits["patience"]) if time.monotonic() >= self.ends else (_PROCESSOR, 1)
                    why = f"not run: the submission used up its {self.limits['total_seconds'] * total:g} seconds{of}"
                    results |= {str(c["index"]): _stopped(why) for c in left}
                    self.notes.append([None, f"{len(left)} cells {why}"])
                    self.late = True
                    break
                try:
                    if cell["check"]:
                        result, why = self._judge(cell, seconds)
                        if self.dead:
                            raise Died(self.dead)
                    else:
                        result, why = self._run(cell, seconds), ""
                        behind.append(cell)
                except (Died, MemoryError) as death:
                    # Out of memory here: the conversation may be broken off in mid-word.
                    why = self._cause(death if isinstance(death, Died) else Died(_TOO_MUCH))
                    result = _stopped(why)
                    self._revive(behind, folder)
                results[str(cell["index"])] = result
                if why:
                    self.notes.append([cell["index"], why])
            self.student.end()
            seconds = self.student.count()
        return {"cells": results, "notes": self.notes, "seconds": seconds, "late": self.late, "names": self.names}

    def _seconds_left(self) -> float:
        """Seconds of processor time for the next cell; none if the submission's are used up, or its time by the clock is."""
        left = self.limits["total_seconds"] - self.student.used
        return min(self.limits["cell_seconds"], left if time.monotonic() < self.ends else 0.0)

    def _allowance(self, seconds: float) -> Allowance:
        """What there is from outside for that many seconds: a little more, the worker is to keep the limit by itself."""
        allowance = Allowance.of(seconds, self.limits["patience"])
        return Allowance(allowance.processor + GRACE_SECONDS, allowance.ends + GRACE_SECONDS)

    def _run(self, cell: dict[str, Any], seconds: float) -> dict[str, Any]:
        reply = self.student.ask({"run": cell["source"], "seconds": seconds}, self._allowance(seconds))
        for _ in range(_FILLS):
            if not isinstance(name := reply.get("missing"), str) or (seconds := self._seconds_left()) <= 0:
                break
            filled, why = self._fill(name, cell["index"], seconds)
            if not filled:
                _explain(reply.get("outputs"), why)
                break
            reply = self.student.ask({"run": cell["source"], "seconds": seconds}, self._allowance(seconds))
        claimed, count = reply.get("outputs"), reply.get("count")
        outputs = []
        for output in map(_rebuilt, claimed[:1000] if isinstance(claimed, list) else []):
            if output is not None:
                self.late = self.late or output.get("ename") == "TimeLimit"
                self.output_room -= len(json.dumps(output))
                if self.output_room < 0:
                    outputs.append(
                        {"output_type": "stream", "name": "stdout", "text": "[outputs left out: too many]\n"}
                    )
                    break
                outputs.append(output)
        if broken := next((o for o in outputs if o["output_type"] == "error"), None):
            said = f"the cell that defines it failed: {broken['ename']}: {broken['evalue']}"
            self.failed |= dict.fromkeys(skipped.read(0, cell["source"], str).binds, said[:500])
        return {"outputs": outputs, "count": count if type(count) is int and 0 <= count < 10**6 else None}

    def _fill(self, name: str, before: int, seconds: float) -> tuple[bool, str]:
        """Have skipped cells run that define a name which stood on the student's screen. Returns whether it is there now, and
        what was in the way."""
        room, cells = _SKIPPED_CHARACTERS, []
        for cell in reversed([cell for cell in self.skipped if cell["index"] < before]):
            room -= len(cell["source"])
            if room < 0:
                break
            cells.append([cell["index"], cell["source"]])
        if not any(name in source for _, source in cells):
            return False, ""
        message = {"fill": name, "before": before, "skipped": cells, "seconds": seconds}
        reply = self.student.ask(message, self._allowance(seconds))
        return reply.get("filled") is True, _text(reply.get("why"))[:500]

    def _cause(self, death: Died) -> str:
        ending = self.student.end()
        if isinstance(death, Late):
            return f"stopped: {self._ran_for(death.by_the_clock)}"
        self.late = self.late or ending == _ending(128 + signal.SIGXCPU)
        return str(death) or ending or "its process ended"

    def _ran_for(self, by_the_clock: bool) -> str:
        """How it hit the limit of a cell, which is noted."""
        self.late = True
        if by_the_clock:
            return f"ran for more than {self.limits['cell_seconds'] * self.limits['patience']:g} seconds"
        return f"ran for more than {self.limits['cell_seconds']:g} seconds{_PROCESSOR}"

    def _revive(self, behind: list[dict[str, Any]], folder: str) -> None:
        """A fresh process in the state that the cells so far leave behind; without the one that ended the old process."""
        self.dead = ""
        self.student.start(self.limits, folder)
        for cell in behind:
            # A cell may well take longer, or never end, when it is run again.
            if (seconds := self._seconds_left()) <= 0:
                break
            with contextlib.suppress(Died):
                self._run(cell, seconds)

    # --- Judging ----------------------------------------------------------------------------------------------------------

    def _judge(self, cell: dict[str, Any], seconds: float) -> tuple[dict[str, Any], str]:
        """Run a check cell here. Returns its outputs, and a note if a limit was hit."""
        source, self.at, self.time = cell["source"], cell["index"], self._allowance(seconds)
        self.callbacks.clear()
        printed = io.StringIO()
        outputs: list[dict[str, Any]] = []
        note = ""
        try:
            # Made anew for every check: a student's function may write into any table that a test hands it.
            names = made(self.setup)
            with (
                alarm(seconds + 2 * GRACE_SECONDS, seconds * self.limits["patience"] + 2 * GRACE_SECONDS),
                judge.cases_for(self.whom),
                contextlib.redirect_stdout(printed),
                contextlib.redirect_stderr(io.StringIO()),
            ):
                names |= self._fetch(source, names)
                exec(compiled(source, "<check>"), names)
        except Stopped as stopped:
            note = str(stopped)
            if isinstance(stopped, Overran):
                self.dead, self.late = note, True
            outputs.append(_error("CellStopped", note, []))
        except (Died, MemoryError):
            raise
        except BaseException as error:
            frames = [f for e in _chain(error) for f in getattr(e, "frames", [])]
            said = str(error)[:2000]
            if type(error) is NameError and error.name in self.failed:
                said += f"; {self.failed[error.name]}"
            outputs.append(_error(type(error).__name__, said, frames))
        if printed.getvalue():
            text = _text(printed.getvalue()[: self.limits["output_characters"]])
            outputs.insert(0, {"output_type": "stream", "name": "stdout", "text": text})
        return {"outputs": outputs, "count": None}, note

    def _fetch(self, source: str, known: dict[str, Any]) -> dict[str, Any]:
        """The names that a check uses and only the student can have defined, as plain values and Remotes."""
        wanted = sorted(name for name in used_names(source) if name not in known and not hasattr(builtins, name))
        if not wanted:
            return {}
        found = self._look_up(wanted)
        absent = [name for name in wanted if name not in found]
        # What the check binds itself, a lambda's argument say, it does not want from a demo that has the same name.
        needed = needed_names(source) if self.skipped and absent else ()
        for name in [name for name in absent if name in needed]:
            if (seconds := self._check_seconds_left()) > 0 and self._fill(name, self.at, seconds)[0]:
                found |= self._look_up([name])
        values = {}
        for name in wanted:
            if name in found:
                try:
                    values[name] = plain.decode(found[name], functools.partial(self._remote, shown=name))
                except ValueError:
                    values[name] = plain.Opaque("strange")
        called = values.get("student_name")
        if isinstance(called, str) and (called := _text(called[:_NAME_CHARACTERS]).strip()) not in ("", *self.names):
            self.names.append(called)
        return values

    def _look_up(self, names: list[str]) -> dict[str, Any]:
        found = self.student.ask({"names": names}, self.time).get("names")
        return found if isinstance(found, dict) else {}

    def _check_seconds_left(self) -> float:
        """Seconds of processor time that the check at hand has left for the student's process."""
        if time.monotonic() >= self.time.ends - GRACE_SECONDS:
            return 0.0
        return self.time.processor - GRACE_SECONDS - self.time.spent_at(self.student.used)

    def calls(
        self, name: str, shown: str, cases: Sequence[Sequence[Any]], named: dict[str, Any]
    ) -> Iterator[tuple[Any, dict[int, Any]]]:
        """Call a function in the student's process, for several cases in one message: for each its result, and what it changed in
        its arguments, by position and still encoded. What one of them comes to is raised in its turn."""
        encoded = [[plain.encode(a, self._name_of) for a in arguments] for arguments in cases]
        message: dict[str, Any] = {"call": name, "named": {k: plain.encode(v, self._name_of) for k, v in named.items()}}
        fills = _FILLS if self.skipped else 0
        while encoded:
            message |= {"cases": encoded, "seconds": self._seconds_to_call()}
            try:
                reply = self.student.ask(message, self.time, self._called_back)
                answers = reply.get("answers")
                if not isinstance(answers, list) or not 0 < len(answers) <= len(encoded):
                    raise Died("it broke off the conversation")
                last = answers[-1] if isinstance(answers[-1], dict) else {}
                if fills and isinstance(lacking := last.get("missing"), str) and self._check_seconds_left() > 0:
                    fills -= 1
                    filled, why = self._fill(lacking, self.at, self._check_seconds_left())
                    if filled:
                        answers.pop()  # That case is asked about again.
                    else:
                        fills = 0
                        _explain([last.get("raised")], why)
            except Late as late:
                self.dead = f"this check {self._ran_for(late.by_the_clock)}"
                raise Stopped(self.dead) from None
            except Died as death:
                self.dead = self._cause(death)
                raise Stopped(self.dead) from None
            encoded = encoded[len(answers) :]
            for answer in answers:
                yield self._answer(answer if isinstance(answer, dict) else {}, shown)

    def _seconds_to_call(self) -> float:
        if (remaining := self._check_seconds_left()) <= 0:
            raise Stopped(f"this check {self._ran_for(time.monotonic() >= self.time.ends - GRACE_SECONDS)}")
        return remaining

    def _answer(self, answer: dict[str, Any], shown: str) -> tuple[Any, dict[int, Any]]:
        if answer.get("late"):
            raise Stopped(f"this check {self._ran_for(answer['late'] == 'clock')}")
        if "raised" in answer:
            raise _as_exception(answer["raised"])
        value = plain.decode(answer.get("value"), functools.partial(self._remote, shown=shown))
        changed = answer.get("changed")
        pairs = changed if isinstance(changed, dict) else {}
        return value, {int(i): now for i, now in pairs.items() if i.isdecimal()}

    def _remote(self, name: str, shown: str) -> Remote:
        return Remote(self, name, shown)

    def _name_of(self, function: Callable[..., Any]) -> str:
        self.callbacks[str(len(self.callbacks))] = function
        return str(len(self.callbacks) - 1)

    def _called_back(self, request: dict[str, Any]) -> dict[str, Any]:
        """The student's code calls a function of the check's (a model's logits, say)."""
        try:
            function = self.callbacks[str(request["callback"])]
            arguments = [
                plain.decode(a, functools.partial(self._remote, shown="function")) for a in request["arguments"]
            ]
            return {"value": plain.encode(function(*arguments), self._name_of)}
        except Exception as error:
            return {"raised": {"ename": type(error).__name__, "evalue": str(error)[:500]}}


@functools.lru_cache(maxsize=256)
def compiled(source: str, where: str) -> types.CodeType:
    """A cell of the course's own, ready to run."""
    return compile(source, where, "exec")


@functools.lru_cache(maxsize=256)
def used_names(source: str) -> frozenset[str]:
    """The names that a check takes from somewhere."""
    names = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name))
    return frozenset(name.id for name in names if isinstance(name.ctx, ast.Load))


@functools.lru_cache(maxsize=256)
def needed_names(source: str) -> frozenset[str]:
    """Of these, the names that it does not bind itself."""
    return skipped.read(0, source, str).needs


def made(cells: list[types.CodeType]) -> dict[str, Any]:
    """The names that these cells define, run in order."""
    names: dict[str, Any] = {"__name__": "__lesson__"}
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in cells:
            exec(cell, names)
    return names


@contextlib.contextmanager
def alarm(seconds: float, by_the_clock: float) -> Iterator[None]:
    """Checks are the course's own code and short; this is for one that a strange answer sends round in circles.

    The seconds are this processor's: while the student's process is waited for, they stand still.
    """

    def ring(_signal: int, _frame: Any) -> None:
        raise Overran(f"could not be judged within {seconds:g} seconds")

    timers = [(signal.ITIMER_PROF, signal.SIGPROF, seconds), (signal.ITIMER_REAL, signal.SIGALRM, by_the_clock)]
    before = [signal.signal(number, ring) for _, number, _ in timers]
    for timer, _, after in timers:
        signal.setitimer(timer, after)
    try:
        yield
    finally:
        for (timer, number, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def _as_exception(raised: Any) -> Exception:
    """An exception like the one the student's code raised: builtin ones as themselves, others by name and builtin base."""
    raised = raised if isinstance(raised, dict) else {}
    name, text = str(raised.get("ename"))[:80], str(raised.get("evalue"))[:2000]
    kind = _builtin_exception(name)
    if kind is None:
        base = _builtin_exception(str(raised.get("base"))) or Exception
        kind = type("".join(c for c in name if c.isalnum() or c == "_") or "Error", (base,), {})
    try:
        error = kind(text)
    except TypeError:
        error = Exception(f"{name}: {text}")
    frames = raised.get("frames")
    vars(error)["frames"] = [str(f)[:300] for f in frames[:10]] if isinstance(frames, list) else []
    return error


def _builtin_exception(name: str) -> type[Exception] | None:
    """Python's own exception of this name; None for those that mean something here, or are not made from a text."""
    kind = getattr(builtins, name, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)) or kind in (
        MemoryError,  # This process's own, to `Examination.run`.
        StopIteration,
        UnicodeDecodeError,
        UnicodeEncodeError,
    ):
        return None
    return kind


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _change(argument: Any, now: Any) -> None:
    """Repeat here, in place, what a student's function did to its argument."""
    with contextlib.suppress(TypeError, ValueError, RuntimeError):
        if isinstance(argument, torch.Tensor):
            argument.copy_(now)
        elif isinstance(argument, np.ndarray):
            argument[...] = now
        elif isinstance(argument, list):
            argument[:] = now
        elif isinstance(argument, dict):
            argument.clear()
            argument.update(now)


def _kibibytes(file: str, *fields: str) -> int | None:
    """The sum of these fields of a process's file under /proc; None if it cannot be read or has none of them."""
    try:
        with open(file) as lines:
            found = [int(line.split()[1]) for line in lines if line.startswith(fields)]
    except OSError:
        return None
    return sum(found) if found else None


def _explain(errors: Any, why: str) -> None:
    """Add to errors, as the student's process told them, why a name was not there."""
    for error in errors if why and isinstance(errors, list) else []:
        if isinstance(error, dict) and isinstance(error.get("evalue"), str):
            error["evalue"] = f"{error['evalue']}; {why}"


def _stopped(why: str) -> dict[str, Any]:
    return {"outputs": [_error("CellStopped", why, [])], "count": None}


def _error(ename: str, evalue: str, frames: list[str]) -> dict[str, Any]:
    return _rebuilt_error(ename, evalue, [*frames, f"{ename}: {evalue}"])


# --- Outputs, rebuilt from what a student's process says they are --------------------------------------------------------


def _rebuilt(output: Any) -> dict[str, Any] | None:
    """A well-formed notebook output of text and pictures only, or None.

    HTML, scripts, SVG and all else that a browser would run are left out: nothing that grading shows needs them.
    """
    kind = output.get("output_type") if isinstance(output, dict) else None
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return {"output_type": "stream", "name": name, "text": _text(output.get("text"))}
    if kind == "error":
        lines = output.get("traceback")
        return _rebuilt_error(output.get("ename"), output.get("evalue"), lines if isinstance(lines, list) else [])
    if kind not in ("display_data", "execute_result") or not isinstance(output.get("data"), dict):
        return None
    said, data = output["data"], {}
    for source in ("text/markdown", "text/plain"):
        if isinstance(said.get(source), str):
            data["text/plain"] = _text(said[source])
            break
    if isinstance(said.get("image/png"), str) and _is_base64(said["image/png"]):
        data["image/png"] = said["image/png"]
    rebuilt: dict[str, Any] = {"output_type": kind, "data": data, "metadata": {}}
    if kind == "execute_result":
        count = output.get("execution_count")
        rebuilt["execution_count"] = count if type(count) is int and 0 <= count < 10**6 else None
    return rebuilt


def _rebuilt_error(ename: Any, evalue: Any, lines: list[Any]) -> dict[str, Any]:
    shown = [_text(line)[:4000] for line in lines[:200]]
    return {"output_type": "error", "ename": _text(ename)[:100], "evalue": _text(evalue)[:2000], "traceback": shown}


def _text(value: Any) -> str:
    """Text that any file can hold: half a surrogate pair cannot be written."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode("".join(text.split()).encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        return False
    return True


def _ending(code: int) -> str:
    """What an exit code of the student's process means."""
    if code == 70:
        return "its process could not enter the sandbox"
    if code == 128 + signal.SIGXCPU:
        return "stopped: used too much processor time"
    if code == 128 + signal.SIGKILL:
        return "its process was killed (by itself, or for lack of memory)"
    if code > 128:
        return f"its process crashed ({signal.Signals(code - 128).name})"
    return f"ended its own process (exit {code})"


def warm_up() -> None:
    """Import every check module once."""
    import autograder.checks

    for module in pkgutil.iter_modules(autograder.checks.__path__):
        importlib.import_module(f"autograder.checks.{module.name}")
    torch.set_num_threads(1)


def limit_memory() -> None:
    """Let this process grow by _ROOM_BYTES and no more: whatever an answer turns into here, the machine is there for others.

    A soft limit: the worker started from here sets its own.
    """
    with contextlib.suppress(OSError, ValueError):  # Where there is no /proc, or no such limit.
        with open("/proc/self/statm") as statm:
            own = int(statm.read().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        wanted = own + _ROOM_BYTES
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def main(sandboxed: bool, worker: launch.Launched) -> None:
    """Examine submissions until stdin ends. `worker` is the first process for students' code, on its way."""
    jobs, results = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1):
        os.dup2(nothing, fd)  # No check and no library may write between the results.
    warm_up()
    limit_memory()
    student = Student(sandboxed, worker)
    for line in jobs:
        try:
            result = Examination(json.loads(line), student).run()
        except Unstartable as failure:
            result = {"not_run": f"its process could not be started: {failure}"}
        results.write(json.dumps(result, default=str).encode() + b"\n")
        results.flush()
    student.close()
