"""What a person sees while a class is graded: a live table on a terminal, plain lines on a pipe or in a file.

`Progress` is told what happens (`running`, `settled`) and draws it; it may be told from several threads.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from autograder.printable import one_line

if TYPE_CHECKING:
    from autograder.recording.record import Record
    from autograder.recording.tasks import Task

REMARKS_SHOWN = 5
LINE_SECONDS = 10.0
# The rate is that of the last so many submissions: it forgets how long the workers took to start.
_WINDOW = 64
# What the columns of numbers take; the names of lessons share the rest.
_NUMBERS_WIDTH = 47


@dataclass
class Counts:
    """Where the submissions of one lesson are. One is `running` from the start of its cells until its grade is recorded, so
    a few more run than there are workers."""

    total: int = 0
    running: int = 0
    graded: int = 0
    full: int = 0
    not_runnable: int = 0

    @property
    def settled(self) -> int:
        return self.graded + self.not_runnable

    @property
    def waiting(self) -> int:
        return self.total - self.settled - self.running


class Progress:
    """The progress of one grading run, shown between entering and leaving the `with` block.

    On a terminal: rows per lesson, a total, rate and time left (ETA), and the last few remarks, drawn over themselves.
    Elsewhere: a line for every submission with something to say, and one on the whole every ten seconds. NO_COLOR is
    respected.
    """

    def __init__(self, tasks: Sequence[Task], console: Console, clock: Callable[[], float] = time.monotonic):
        self.console, self.clock = console, clock
        self.lessons = {name: Counts() for name in sorted({task.lesson.name for task in tasks})}
        for task in tasks:
            self.lessons[task.lesson.name].total += 1
        self.remarks: deque[str] = deque(maxlen=REMARKS_SHOWN)
        self.remarkable = 0
        self.begun = clock()
        self._times = deque([self.begun], maxlen=_WINDOW + 1)
        self._running: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._over = threading.Event()
        # FORCE_COLOR makes rich take a pipe for a terminal; a table drawn over itself has no place in a file.
        self.live = (
            Live(console=console, get_renderable=self.render, refresh_per_second=4)
            if console.is_interactive and console.file.isatty()
            else None
        )
        self._lines = threading.Thread(target=self._print_lines, daemon=True)

    def __enter__(self) -> Progress:
        if self.live:
            self.live.start(refresh=True)
        else:
            self._lines.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self.live:
            self.live.stop()  # Draws the last state, and gives the cursor back.
        else:
            self._lines.join()

    def running(self, task: Task) -> None:
        """A submission's cells start to run."""
        with self._lock:
            if (task.student, task.lesson.name) not in self._running:  # One that hit a limit on time runs twice.
                self._running.add((task.student, task.lesson.name))
                self.lessons[task.lesson.name].running += 1

    def ungraded(self, task: Task, why: str) -> None:
        """The machine failed: the submission is left to the next run."""
        remark = one_line(f"{task.student}, {task.lesson.name}: NOT GRADED: {why}")
        with self._lock:
            if (task.student, task.lesson.name) in self._running:
                self._running.remove((task.student, task.lesson.name))
                self.lessons[task.lesson.name].running -= 1
            self.remarks.append(remark)
        if not self.live:
            self.console.print(Text("  " + remark))

    def settled(self, record: Record) -> None:
        """A submission is graded, or cannot be."""
        remark = f"{record.student}, {record.lesson}: {'; '.join(record.remarks)}" if record.remarks else ""
        with self._lock:
            counts = self.lessons[record.lesson]
            if (record.student, record.lesson) in self._running:
                self._running.remove((record.student, record.lesson))
                counts.running -= 1
            if record.status == "graded":
                counts.graded += 1
                counts.full += not record.lost
            else:
                counts.not_runnable += 1
            self._times.append(self.clock())
            if remark:
                self.remarkable += 1
                self.remarks.append(one_line(remark))
        if remark and not self.live:
            self.console.print(Text("  " + one_line(remark)))

    @property
    def total(self) -> Counts:
        """All lessons together."""
        every = self.lessons.values()
        return Counts(*(sum(getattr(c, name) for c in every) for name in Counts.__dataclass_fields__))

    @property
    def rate(self) -> float:
        """Submissions per second, lately."""
        return (len(self._times) - 1) / max(self.clock() - self._times[0], 1e-3)

    def line(self) -> str:
        """The whole in one line."""
        total = self.total
        share = f"{total.settled} of {total.total} done, {total.running} running"
        if total.not_runnable:
            share += f", {total.not_runnable} not runnable"
        elapsed = f"elapsed {clock_time(self.clock() - self.begun)}"
        left = total.total - total.settled
        if not left or not total.settled:
            return f"{share}; {self.rate:.1f} per second, {elapsed}" if total.settled else f"{share}; {elapsed}"
        return f"{share}; {self.rate:.1f} per second, {elapsed}, ETA {clock_time(left / self.rate)}"

    def render(self) -> RenderableType:
        """The live table as it stands."""
        with self._lock:
            table = Table(
                box=box.SIMPLE_HEAD,
                show_edge=False,
                pad_edge=False,
                padding=(0, 1, 0, 0),
                show_footer=len(self.lessons) > 1,
            )
            rows = {**self.lessons, "total": self.total}
            room = max(self.console.width - _NUMBERS_WIDTH, 8)
            table.add_column("lesson", footer="total", no_wrap=True, overflow="ellipsis", max_width=room)
            for head in ("waiting", "running", "graded", "full marks", "not runnable"):
                footer = f"{getattr(rows['total'], head.replace(' marks', '').replace(' ', '_'))}"
                table.add_column(head, footer=footer, justify="right", vertical="bottom")
            for name, c in self.lessons.items():
                cells = (c.waiting, c.running, c.graded, c.full, c.not_runnable)
                table.add_row(name, *(str(n) if n else "-" for n in cells))
            said = [Text(remark, style="yellow", no_wrap=True, overflow="ellipsis") for remark in self.remarks]
            return Group(table, Text(self.line()), *said)

    def _print_lines(self) -> None:
        while not self._over.wait(LINE_SECONDS):
            with self._lock:
                line = self.line()
            self.console.print(Text(line))


def clock_time(seconds: float) -> str:
    """A duration as `0:07`, `12:34` or `1:02:03`."""
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02}:{s:02}" if hours else f"{m}:{s:02}"
