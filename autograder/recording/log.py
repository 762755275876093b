"""`gradebook/grading.log`: one line per event of grading worth reading, appended by every run that has something to grade.

    2026-01-15T12:00:00Z INFO event=graded student="Amélie Dubois" lesson=01_chain_rule score=20 maximum=20 seconds=0.71

The events: `started`, `graded`, `unreadable` (with the reason), `limit` (one for each limit hit), `ungraded` (the machine
failed, with how: the submission is left to the next run), `again` (a limit on time was hit: it runs once more, alone), and
at the end of a run `finished`, `stopped` (by a person) or `failed`. Values come from students too: each is bounded and quoted onto one line.
"""

from __future__ import annotations

import contextlib
import json
import logging
import platform
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.course import CourseError
from autograder.printable import one_line
from autograder.running.sandbox import unprotected

if TYPE_CHECKING:
    from autograder.recording.record import Record
    from autograder.recording.tasks import Task
    from autograder.running.limits import Limits

NAME = "grading.log"
MAX_BYTES = 5 * 2**20
FILES = 3
_BARE = re.compile(r"[\w.,:/+@-]+")


class Log:
    """One run's side of the log: counts what became of the submissions while it writes."""

    def __init__(self, logger: logging.Logger):
        self.logger = logger
        self.counts: Counter[str] = Counter()

    def write(self, level: int, event: str, **values: object) -> None:
        """One line: `event=... key=value ...`."""
        self.logger.log(level, "%s", " ".join([f"event={event}", *(f"{k}={_value(v)}" for k, v in values.items())]))

    def settled(self, record: Record) -> None:
        """What came of one submission, and every limit it hit."""
        who = {"student": record.student, "lesson": record.lesson}
        for limit in record.limits_hit:
            self.counts["limits"] += 1
            self.write(logging.WARNING, "limit", **who, what=limit)
        if record.status != "graded":
            self.counts["unreadable"] += 1
            self.write(logging.WARNING, "unreadable", **who, reason=record.status)
            return
        self.counts["graded"] += 1
        notes = {"notes": "; ".join(record.notes)} if record.notes else {}
        self.write(
            logging.INFO, "graded", **who, score=record.score, maximum=record.maximum, seconds=record.seconds, **notes
        )

    def ungraded(self, student: str, lesson: str, reason: str) -> None:
        """A submission that the machine's failure left to the next run."""
        self.write(logging.ERROR, "ungraded", student=student, lesson=lesson, reason=reason)

    def again(self, student: str, lesson: str) -> None:
        """A submission that hit a limit on time, to be run once more when nothing runs beside it."""
        self.write(logging.INFO, "again", student=student, lesson=lesson)


class _File(RotatingFileHandler):
    """The log's file. A full disk stops the run here as it does at a record, and not with a traceback per line."""

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        raise CourseError(
            f"{self.baseFilename} cannot be written: {getattr(error, 'strerror', None) or error}."
        ) from error


@contextlib.contextmanager
def run(folder: Path, tasks: Sequence[Task], workers: int, limits: Limits) -> Iterator[Log]:
    """The log of one grading run in that gradebook folder, from `started` to `finished`, `stopped` or `failed`.

    The caller holds the gradebook's lock: files that are rotated have one writer.
    """
    handler = _File(
        folder / NAME, maxBytes=MAX_BYTES, backupCount=FILES - 1, encoding="utf-8", errors="backslashreplace"
    )
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logger = logging.Logger("autograder.grading")  # Ours alone: nothing else logs here, nothing goes elsewhere.
    logger.addHandler(handler)
    log = Log(logger)
    begun = time.monotonic()

    def end(level: int, event: str, **more: object) -> None:
        counts = {name: log.counts[name] for name in ("graded", "unreadable", "limits")}
        left = len(tasks) - counts["graded"] - counts["unreadable"]
        log.write(level, event, **counts, left=left, seconds=round(time.monotonic() - begun, 1), **more)

    try:
        log.write(
            logging.INFO, "started", submissions=len(tasks), lessons=",".join(sorted({t.lesson.name for t in tasks})),
            workers=workers, **asdict(limits), python=platform.python_version(), **_versions(),
        )  # fmt: skip
        if unprotected():
            log.write(logging.WARNING, "no_sandbox", reason="students' code runs with the grader's own rights")
        yield log
    except KeyboardInterrupt:
        end(logging.WARNING, "stopped")
        raise
    except BaseException as error:
        end(logging.ERROR, "failed", reason=f"{type(error).__name__}: {error}")
        raise
    else:
        end(logging.INFO, "finished")
    finally:
        handler.close()


def _versions() -> dict[str, str]:
    found = {}
    for package in ("autoregressive-course", "nbgrader", "numpy", "torch"):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _value(value: object) -> str:
    """A value on one line: bare if it is one word, else in double quotes with escapes as in JSON."""
    text = f"{value:g}" if isinstance(value, float) else one_line(str(value))
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)
