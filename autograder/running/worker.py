"""The process in which students' code runs: `python -m autograder.running.worker`. Nothing else of the grader's exists there.

It imports what lessons need once, then forks a fresh process for every submission: a fork starts in milliseconds, where a
new kernel takes seconds to import torch. It is told what to do over a socket, one byte a command (`S` start a submission,
whose own socket comes along; `E` end it, `W` it has ended: how? answered by the exit code). On the submission's socket, lines of JSON:

    to    {"limits": {...}, "folder": "/tmp"}                       once, first
                                                                    from  {"ready": true}
    to    {"run": "source", "seconds": 10}                          from  {"outputs": [...], "count": 3}, with "missing": "terms" if
                                                                          that name was not defined
    to    {"fill": "terms", "before": 7, "seconds": 10,             from  {"filled": true} or {"why": "..."}
           "skipped": [[5, "source"]]}
    to    {"names": ["marginal", "p_BAC"]}                          from  {"names": {"p_BAC": 0.12, "marginal": {"function": "0"}}}
    to    {"call": "0", "cases": [[...], ...], "named": {},         from  {"answers": [{"value": ...}, {"raised": {...}}]}, or the last
           "seconds": 9.5}                                                {"late": "processor"}: as many as came of it
    from  {"callback": "1", "arguments": [...]}                     to    {"value": ...} or {"raised": {...}}

Values cross as `autograder.running.plain` encodes them. Whatever is said here is said by students' code, for all the other side
(`autograder.running.examiner`) knows: it believes none of it.
"""

from __future__ import annotations

import base64
import contextlib
import gc
import importlib
import io
import json
import os
import resource
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from matplotlib_inline.backend_inline import configure_inline_support
from traitlets.config import Config

from autograder.running import plain, sandbox, skipped
from lib import sealed

# Beside torch and the like: what many a cell would import for itself, in every process anew.
_LESSONS_IMPORT = (
    "lib.byhand", "lib.causality", "lib.errors", "lib.plots", "lib.practice", "numpy.linalg", "numpy.random",
)  # fmt: skip
# Each may hold buffers of a socket, which are memory that belongs to no process.
OPEN_FILES = 256
TRUNCATED = "\n[output truncated here: it went over the limit of {:,} characters]\n"

# Characters of answers after which those to come wait for another message.
_LOAD = 2**20
# Times that running skipped cells may begin anew because one of them missed a name that only running it showed.
_FILLS = 5


class TimeLimit(BaseException):
    """A cell ran too long. Not an Exception, so that `except Exception` in a loop does not swallow it."""


class Outputs:
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

    record: Outputs
    raised: BaseException | None = None
    """The last error that a cell ended in."""

    def should_run_async(self, raw_cell: str, **more: Any) -> bool:
        """IPython compiles every cell to find out; without these words none of them awaits anything."""
        return ("await" in raw_cell or "async" in raw_cell) and bool(super().should_run_async(raw_cell, **more))

    def enable_gui(self, gui: Any = None) -> None:
        pass

    @contextlib.contextmanager
    def _tee(self, channel: str) -> Iterator[None]:
        """IPython 9 keeps a second copy of all output here, without bound; ours is in the record."""
        yield

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        self.raised = evalue
        self.record.error(getattr(etype, "__name__", "Error"), _message(evalue), [str(line) for line in stb])


def _message(error: Any) -> str:
    try:
        return str(error)[:2000]
    except BaseException:
        return "(its message cannot be shown)"


def _missing(error: BaseException | None) -> str:
    """The name whose lack is all that was wrong, or none."""
    return str(getattr(error, "name", None) or "") if type(error) is NameError else ""


def _students_frames(error: BaseException) -> list[str]:
    """Where in the student's own cells an error came from."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"in {f.name}, line {f.lineno}: {f.line}"[:300] for f in frames if f.filename.startswith("<ipython-input")][
        -10:
    ]


def make_shell() -> Shell:
    """A shell with stdout, stderr, display and figures recorded. Made once, before any submission: each gets a copy, by fork."""
    quiet = Config()
    quiet.HistoryManager.enabled = False
    shell = Shell.instance(config=quiet)
    shell.colors = "nocolor"
    shell.display_pub = Publisher(shell=shell, parent=shell)
    shell.displayhook = Hook(shell=shell, parent=shell)
    shell.display_trap.hook = shell.displayhook
    shell.record = Outputs(0)
    configure_inline_support(shell, "module://matplotlib_inline.backend_inline")
    shell.run_cell("pass", store_history=False)  # The first cell pays for much that is made only when needed.
    return shell


class Submission:
    """One submission in its forked process: a shell, and the conversation about it."""

    def __init__(self, line: socket.socket, shell: Shell, isolated: bool):
        self.reader, self.writer = line.makefile("rb"), line.makefile("wb")
        first = self.read()
        self.limits = first["limits"]
        confine(self.limits, isolated)
        os.chdir(first["folder"])
        os.environ["HOME"] = os.environ["TMPDIR"] = first["folder"]
        self.shell = shell
        sys.stdout, sys.stderr = Stream(shell, "stdout"), Stream(shell, "stderr")
        self.functions: list[Any] = []
        self.timing, self.late = False, ""
        for alarm in (signal.SIGALRM, signal.SIGPROF):
            signal.signal(alarm, self.on_alarm)

    def converse(self) -> None:
        """Answer until the other side hangs up."""
        self.send({"ready": True})
        while True:
            message = self.read()
            if "run" in message:
                self.send(self.run(message["run"], message["seconds"]))
            elif "fill" in message:
                self.send(self.fill(message))
            elif "names" in message:
                self.send({"names": self.look_up(message["names"])})
            elif "call" in message:
                self.send_text(self.call(message))

    def run(self, source: str, seconds: float) -> dict[str, Any]:
        record = self.shell.record = Outputs(self.limits["output_characters"])
        self.shell.raised = None
        try:
            with self.time_limit(seconds):
                result = self.shell.run_cell(source, store_history=True)
            if not result.success and not any(o["output_type"] == "error" for o in record.outputs):
                error = result.error_before_exec or result.error_in_exec
                record.error(type(error).__name__, str(error), [])
        except BaseException as error:  # An alarm between the cell's code and ours.
            record.error(type(error).__name__, str(error), [])
        answer = {"outputs": record.outputs, "count": max(self.shell.execution_count - 1, 1)}
        if name := _missing(self.shell.raised):
            answer["missing"] = name
        return answer

    def fill(self, message: dict[str, Any]) -> dict[str, Any]:
        """Define a name by running the skipped cells that do, and those they need. What is there already stays as it is."""
        name, names = message["fill"], self.shell.user_ns
        cells = [skipped.read(position, source, self.shell.transform_cell) for position, source in message["skipped"]]
        there = dict(names)
        wanted, why = [(name, message["before"])], ""
        with contextlib.suppress(TimeLimit), self.time_limit(message["seconds"]):
            for _ in range(_FILLS):
                chosen = {c.position: c for w, before in wanted for c in skipped.to_run(cells, w, before, there)}
                why, again = "", False
                for _, cell in sorted(chosen.items()):
                    self.shell.record, self.shell.raised = Outputs(self.limits["output_characters"]), None
                    self.shell.run_cell(cell.source, store_history=False)
                    error = self.shell.raised
                    if error is not None:
                        title = (cell.source.strip().splitlines() or [""])[0][:40]
                        why = f"the cell `{title}` failed: {type(error).__name__}: {_message(error)}"
                        if isinstance(error, TimeLimit):
                            raise error
                        lacking = (_missing(error), cell.position)
                        if lacking[0] and lacking not in wanted and skipped.binder(cells, *lacking):
                            wanted.append(lacking)
                            again = True
                        break
                if not again:
                    break
        names.update(there)
        if name in names:
            return {"filled": True}
        return {"why": why[:500]}

    def look_up(self, names: list[str]) -> dict[str, Any]:
        found = {}
        for name in names:
            if name in self.shell.user_ns:
                try:
                    found[name] = plain.encode(self.shell.user_ns[name], self.name_of)
                except Exception as error:
                    found[name] = {"opaque": f"value that does not cross: {error}"[:200]}
        return found

    def call(self, message: dict[str, Any]) -> str:
        """The answers to its cases, as JSON: up to the first that cannot be right, or to what makes a good load for a message."""
        # What a function prints while it is checked is dropped.
        self.shell.record = Outputs(self.limits["output_characters"])
        answers: list[str] = []
        try:
            with self.time_limit(message["seconds"]):
                for case in message["cases"]:
                    answer = self.answer(message["call"], case, message["named"])
                    answers.append(json.dumps(answer, default=str))
                    if set(answer) != {"value"} or sum(map(len, answers)) > _LOAD:
                        break
        except TimeLimit:
            answers.append(json.dumps({"late": self.late}))
        return f'{{"answers": [{", ".join(answers)}]}}'

    def answer(self, name: str, case: list[Any], more: dict[str, Any]) -> dict[str, Any]:
        """What calling a function with these arguments comes to. Raises TimeLimit."""
        try:
            arguments = [plain.decode(a, self.callback) for a in case]
            value = self.functions[int(name)](
                *arguments, **{k: plain.decode(v, self.callback) for k, v in more.items()}
            )
            answer = {"value": plain.encode(value, self.name_of)}
            # A function may have changed what it was given; the other side judges that.
            for i, (sent, argument) in enumerate(zip(case, arguments, strict=True)):
                mutable = isinstance(sent, list) or (isinstance(sent, dict) and "function" not in sent)
                if mutable and (now := plain.encode(argument, self.name_of)) != sent:
                    answer.setdefault("changed", {})[str(i)] = now
            return answer
        except TimeLimit:
            raise
        except BaseException as error:
            answer = {
                "raised": {
                    "ename": type(error).__name__,
                    "base": next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"),
                    "evalue": _message(error),
                    "frames": _students_frames(error),
                }
            }
            if name := _missing(error):
                answer["missing"] = name
            return answer

    def name_of(self, function: Any) -> str:
        self.functions.append(function)
        return str(len(self.functions) - 1)

    def callback(self, name: str) -> Any:
        """A function of the other side's, as this side calls it."""

        def call_back(*arguments: Any) -> Any:
            self.send({"callback": name, "arguments": [plain.encode(a, self.name_of) for a in arguments]})
            answer = self.read()
            if "raised" in answer:
                raise RuntimeError(f"{answer['raised']['ename']}: {answer['raised']['evalue']}")
            return plain.decode(answer["value"], self.callback)

        return call_back

    @contextlib.contextmanager
    def time_limit(self, seconds: float) -> Iterator[None]:
        """Raise TimeLimit in the student's code after that long, and again every half second: it may catch everything.

        The seconds are the processor's: on a busy machine the clock says little. It has its say far behind, for sleepers.
        """
        self.seconds, self.timing = seconds, True
        signal.setitimer(signal.ITIMER_PROF, max(seconds, 0.01), 0.5)
        signal.setitimer(signal.ITIMER_REAL, max(seconds * self.limits["patience"], 0.01), 0.5)
        try:
            yield
        finally:
            self.timing = False
            for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL):
                signal.setitimer(timer, 0)

    def on_alarm(self, number: int, _frame: FrameType | None) -> None:
        if not self.timing:
            return
        self.late = "processor" if number == signal.SIGPROF else "clock"
        if number == signal.SIGPROF:
            raise TimeLimit(f"this cell ran for more than {self.seconds:g} seconds of processor time")
        raise TimeLimit(f"this cell ran for more than {self.seconds * self.limits['patience']:g} seconds")

    def read(self) -> dict[str, Any]:
        line = self.reader.readline()
        if not line:
            os._exit(0)
        return json.loads(line)

    def send(self, message: dict[str, Any]) -> None:
        self.send_text(json.dumps(message, default=str))

    def send_text(self, text: str) -> None:
        self.writer.write(text.encode() + b"\n")
        self.writer.flush()


def confine(limits: dict[str, Any], isolated: bool) -> None:
    """Limits of the forked process and all that it starts, which none of them can lift: memory, file size, open files, CPU
    time, queues of messages, no core files, threads that suit a shared machine."""
    with open("/proc/self/statm", "rb") if os.path.exists("/proc/self/statm") else io.BytesIO(b"0") as statm:
        already = int(statm.read().split()[0]) * resource.getpagesize()
    memory = already + int(limits["memory_mib"]) * 2**20
    caps = [
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, int(limits["file_mib"]) * 2**20),
        (resource.RLIMIT_CPU, int(limits["total_seconds"]) + 10),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ]
    if sys.platform == "linux":
        caps.append((12, 0))  # RLIMIT_MSGQUEUE, which Python's module has no name for: memory outside any process.
    if isolated:  # Elsewhere the limit would count all of the user's processes.
        caps.append((resource.RLIMIT_NPROC, int(limits["processes"])))
    for kind, amount in caps:
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            amount = min(amount, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some; the time limits still hold.
            # The hard limit too, or the submission raises the soft one again. A second more of processor time: reaching the
            # soft limit names the cause, and only the hard one cannot be ignored.
            resource.setrlimit(kind, (amount, amount + 1 if kind == resource.RLIMIT_CPU else amount))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def serve(control: socket.socket, isolated: bool) -> None:
    """Fork a process per submission, one at a time, until the other side hangs up."""
    sandbox.die_with_parent()
    if isolated:
        sandbox.adopt_orphans()
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)
    shell = warm_up()
    control.sendall(b"R")
    child = 0
    while True:
        command, sockets, _, _ = socket.recv_fds(control, 1, 1)
        if command == b"S":
            child = os.fork()
            if child == 0:
                os.setsid()
                sandbox.die_with_parent()
                control.close()
                _live(sockets[0], shell, isolated)
            os.close(sockets[0])
        elif command in (b"E", b"W"):
            for _ in range(100 if command == b"W" else 0):
                # It has hung up: give it the time to say how it ended.
                if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                    break
                time.sleep(0.005)
            for kill in (os.killpg, os.kill):
                with contextlib.suppress(ProcessLookupError):
                    kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            with contextlib.suppress(ChildProcessError):
                # Process 1 of the submission's namespace goes last: then nothing of it is left.
                while isolated:
                    os.waitpid(-1, 0)
            control.sendall(bytes([min(sandbox.exit_code(status), 255)]))
        else:
            os._exit(0)


def _live(line: int, shell: Shell, isolated: bool) -> NoReturn:
    """The forked process: enter the namespaces, hold the conversation, never return."""
    code = 70  # Nothing below got as far as running a cell.
    try:
        if isolated:
            sandbox.enter_namespaces(scratch_mib=64)
        submission = Submission(socket.socket(fileno=line), shell, isolated)
        code = 1
        submission.converse()
    finally:
        os._exit(code)


def warm_up() -> Shell:
    """Import once what every submission imports, make the shell it runs in, and ready this process to be forked."""
    for name in ("ipywidgets", "matplotlib.pyplot", "numpy", "torch", "tqdm.auto", *_LESSONS_IMPORT):
        importlib.import_module(name)
    sealed.refuse()  # Students are to build the models, not to import them.
    sys.modules["torch"].set_num_threads(1)  # A thread pool would not survive the fork.
    shell = make_shell()
    # What a fork writes to is copied, and collecting garbage writes to everything: what is there now stays out of it.
    gc.collect()
    gc.freeze()
    sandbox.use_huge_pages()
    return shell


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), isolated="--isolate" in sys.argv)
