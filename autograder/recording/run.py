"""Submissions on their way through a crew: prepared a little ahead of it, settled in the order in which they finish.

Preparing and settling happen in the caller's thread, the only one that touches the database.
"""

from __future__ import annotations

import functools
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any

from autograder.course import Lesson
from autograder.intake import submission
from autograder.recording.log import Log
from autograder.recording.prepare import Preparation
from autograder.recording.record import NAME_NOTE, Record
from autograder.recording.settle import DATABASE_ERRORS, TOGETHER, Finished, Settlement
from autograder.recording.tasks import Task
from autograder.running.crew import Crew
from autograder.running.execute import MachineFailed, NotRun, Run
from autograder.running.limits import Limits

AHEAD = 5
"""How many submissions for each worker are prepared or run at a time."""
SOON_SECONDS = 0.5
"""How long a submission waits at most for others to be recorded with."""


def nobody(*_: Any) -> None:
    """Nobody wants to hear of it."""


@dataclass
class Listeners:
    """Who is told what becomes of a submission, beside the log: `on_run` from another thread, the rest from the caller's."""

    on_start: Callable[[Task], None] = nobody
    on_run: Callable[[Task], None] = nobody
    on_record: Callable[[Record], None] = nobody
    on_failure: Callable[[Task, str], None] = nobody


@dataclass
class Way:
    """The way of submissions from their folders into the gradebook."""

    preparation: Preparation
    settlement: Settlement
    crew: Crew
    limits: dict[Lesson, Limits]
    log: Log
    listeners: Listeners
    late: list[Task] = field(default_factory=list)
    """Those that hit a limit on time while others ran: not recorded, to be run again alone."""
    ungraded: int = 0
    """How many the machine's failures left to the next run."""

    def run(self, tasks: list[Task], alone: bool = False) -> None:
        """Grade these; `alone`, one after the other with nothing beside it, and then what hits a limit on time stays so."""
        queue = deque(tasks)
        under_way: dict[Future[Run], Finished] = {}
        done: list[Finished] = []
        # Prepare ahead of the workers what keeps them busy while many are recorded, no more: memory is finite.
        together, ahead = (1, lambda: 1) if alone else (TOGETHER, lambda: AHEAD * self.crew.size)
        waiting_since = 0.0
        while queue or under_way or done:
            while queue and len(under_way) < ahead() and len(done) < together:
                one, future = self._start(queue.popleft())
                if future is None:
                    done.append(one)
                else:
                    under_way[future] = one
            finished, _ = wait(under_way, return_when=FIRST_COMPLETED, timeout=SOON_SECONDS)
            done += [one for future in finished if self._ran(one := under_way.pop(future), future, alone)]
            if not done:
                waiting_since = time.monotonic() + SOON_SECONDS
            elif len(done) >= together or not under_way or time.monotonic() > waiting_since:
                self._settle(done)
                done, waiting_since = [], time.monotonic() + SOON_SECONDS

    def _start(self, task: Task) -> tuple[Finished, Future[Run] | None]:
        """Prepare a submission and hand it to the crew; without a future if there is nothing to run."""
        self.listeners.on_start(task)
        record = Record(task.student, task.lesson.name, task.fingerprint)
        try:
            notebook = self.preparation.prepare(task, record)
        except DATABASE_ERRORS:
            raise
        except Exception as error:
            # Unreadable says why; anything else is a surprise of this submission, which must not stop the rest.
            known = isinstance(error, submission.Unreadable)
            record.status = str(error) if known else f"could not be prepared: {type(error).__name__}: {error}"
            return Finished(task, self.preparation.blank(task, record.status), record), None
        on_run = functools.partial(self.listeners.on_run, task)
        return Finished(task, notebook, record), self.crew.submit(notebook, self.limits[task.lesson], on_run)

    def _ran(self, one: Finished, future: Future[Run], alone: bool) -> bool:
        """Note what came of running it; returns whether that is to be recorded."""
        try:
            outcome = future.result()
        except MachineFailed as failure:
            self._leave(one.task, str(failure))
            return False
        except NotRun as error:
            one.record.status = str(error)
            one.notebook = self.preparation.blank(one.task, one.record.status)
            return True
        if outcome.late and not alone:
            self.late.append(one.task)
            self.log.again(one.record.student, one.record.lesson)
            return False
        one.record.notes += [*(f"{NAME_NOTE}{name}" for name in outcome.names), *outcome.notes]
        one.record.seconds = round(outcome.seconds, 3)
        return True

    def _settle(self, done: list[Finished]) -> None:
        left = []
        for one, error in self.settlement.settle(done):
            one.record.status = f"could not be recorded: {type(error).__name__}: {error}"
            one.notebook = self.preparation.blank(one.task, one.record.status)
            for _, again in self.settlement.settle([one]):
                left.append(one)
                self._leave(one.task, f"could not be recorded: {type(again).__name__}: {again}")
        for one in done:
            if one not in left:
                self.log.settled(one.record)
                self.listeners.on_record(one.record)

    def _leave(self, task: Task, why: str) -> None:
        """Leave a submission to the next run: the machine failed, which is nobody's grade."""
        self.ungraded += 1
        self.log.ungraded(task.student, task.lesson.name, why)
        self.listeners.on_failure(task, why)
