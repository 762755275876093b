"""Feedback: the HTML page of every graded submission, made with nbgrader's generate_feedback and our `page`.

A page that cannot be laid out within its limit does without: a plain one stands in, with the scores and the reasons.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import html
import json
import os
import select
import signal
import socket
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Gradebook as Database
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder.course import ROOT, CourseError, Gradebook, Lesson, write_whole
from autograder.intake.receipt import TIMESTAMP
from autograder.printable import printable
from autograder.recording.record import RECORD
from autograder.running.execute import require_fork
from autograder.telling.outcome import Outcome, outcome
from autograder.telling.page import TEMPLATE
from autograder.telling.report import BY_A_GRADER, Result, results

PAGE_SECONDS = 60  # of the processor; an ordinary page takes a twentieth of one
PLAIN_CELL = 20_000  # characters
_HIDE_TESTS = "autograder.telling.hide_tests.HideTests"


def feedback(
    gradebook: Gradebook,
    lessons: list[Lesson],
    force: bool = False,
    on_page: Callable[[Path], None] = lambda page: None,
    hidden_tests: bool = False,
    on_plain: Callable[[Path], None] = lambda page: None,
) -> tuple[list[Path], int]:
    """Make the HTML page of every graded submission with nbgrader's generate_feedback; `hidden_tests` shows those too.

    Returns the pages written and how many were up to date: a page is made again when its notebook, a score or a
    comment changed, or it was made with hidden tests and is now wanted without (or the other way round). `on_page` is
    called after each page, made or not; `on_plain` for one that could not be made in full: it holds the scores and the reasons.
    """
    require_fork()
    written, fresh = [], 0
    config = copy.deepcopy(gradebook.config)  # Its own copy() shares the sections.
    if hidden_tests:
        steps = config.GenerateFeedback.preprocessors
        config.GenerateFeedback.preprocessors = [step for step in steps if step != _HIDE_TESTS]
    common = {lesson.name: _common_mark(lesson.name) for lesson in lessons}
    waiting: deque[_Page] = deque()
    with Database(gradebook.db_url) as database:
        for result in results(gradebook, lessons):
            notebook = gradebook.autograded / result.student / result.lesson / f"{result.lesson}.ipynb"
            if not notebook.exists():
                continue
            path = gradebook.feedback / result.student / result.lesson / f"{result.lesson}.html"
            given = outcome(database, result.student, result.lesson)
            mark = _feedback_mark(given, notebook, common[result.lesson]) + " with hidden tests" * hidden_tests
            page = _Page(result, notebook, path, mark, given.comments)
            if not force and page.up_to_date:
                fresh += 1
                on_page(path)
            else:
                waiting.append(page)
    with contextlib.ExitStack() as stack:
        free = [stack.enter_context(contextlib.closing(PageMaker(config))) for _ in range(os.cpu_count() or 1)]
        at_work: dict[PageMaker, _Page] = {}
        while waiting or at_work:
            while waiting and free:
                page, maker = waiting.popleft(), free.pop()
                maker.ask(page.result.student, page.result.lesson)
                at_work[maker] = page
            for maker in select.select(list(at_work), [], [])[0]:
                page = at_work.pop(maker)
                try:
                    if not maker.made():
                        write_whole(page.path, _plain_page(page.result, page.notebook, page.comments))
                        on_plain(page.path)
                    page.stamp.write_text(page.mark)
                except OSError as error:
                    raise CourseError(f"{page.path} cannot be written: {error.strerror}") from error
                written.append(page.path)
                on_page(page.path)
                free.append(maker)
    _ready_for_the_exchange(gradebook, lessons)
    return sorted(written), fresh


def _ready_for_the_exchange(gradebook: Gradebook, lessons: list[Lesson]) -> None:
    """Put beside each page what `nbgrader release_feedback` wants to find there: which submission, of many, it is about."""
    for lesson in lessons:
        for page in gradebook.feedback.glob(f"*/{lesson.name}/{lesson.name}.html"):
            submitted = gradebook.submitted / page.parent.parent.name / lesson.name
            for name in (TIMESTAMP, "submission_secret.txt"):
                if (submitted / name).is_file():
                    write_whole(page.with_name(name), (submitted / name).read_text(encoding="utf-8"))


@dataclass(frozen=True)
class _Page:
    """A page to be made: of what, from which notebook, where, and the mark of all that it is made from."""

    result: Result
    notebook: Path
    path: Path
    mark: str
    comments: dict[str, str]

    @property
    def stamp(self) -> Path:
        return self.path.with_name(".made_from")

    @property
    def up_to_date(self) -> bool:
        return self.path.exists() and self.stamp.exists() and self.stamp.read_text() == self.mark


def _feedback_mark(given: Outcome, notebook: Path, common: bytes) -> str:
    """Of all that a page is made from: it is made again if any of it changed."""
    digest = hashlib.sha256(common + repr(given).encode() + notebook.read_bytes())
    if (record := notebook.with_name(RECORD)).exists():
        digest.update(record.read_bytes())
    return digest.hexdigest()


def _common_mark(lesson: str) -> bytes:
    """Of what all pages of a lesson are made from."""
    made_by = [*sorted(TEMPLATE.iterdir()), *sorted(Path(__file__).parent.glob("*.py"))]
    made_from = [ROOT / "nbgrader_config.py", Lesson(lesson).release, *made_by]
    return hashlib.sha256(b"".join(path.read_bytes() for path in made_from if path.is_file())).digest()


class PageMaker:
    """Makes pages with nbgrader, in a process of its own: what a student wrote may take markdown minutes, or all memory.

    The process goes on from page to page, since templates are read once in each; one that a page ended is replaced.
    """

    def __init__(self, config: Config):
        self._config = config
        self._child = 0
        self._line: socket.socket | None = None

    def ask(self, student: str, lesson: str) -> None:
        """Begin with the page of a graded submission; `made` tells what came of it."""
        if self._line is None:
            self._start()
        assert self._line is not None
        with contextlib.suppress(OSError):  # Then `made` says no.
            self._line.sendall(json.dumps([student, lesson]).encode() + b"\n")

    def made(self) -> bool:
        """Whether the page that was asked for is made; waits for it."""
        assert self._line is not None
        try:
            answer = self._line.recv(1)
        except OSError:
            answer = b""
        if not answer:
            self.close()
        return answer == b"1"

    def fileno(self) -> int:
        """What `select` waits for."""
        assert self._line is not None
        return self._line.fileno()

    def close(self) -> None:
        """End the process."""
        if self._line is not None:
            with contextlib.suppress(OSError):  # It may have hung up.
                self._line.shutdown(socket.SHUT_RDWR)  # Closing would not do: a sibling may have a copy.
            self._line.close()
            os.waitpid(self._child, 0)
            self._line = None

    def _start(self) -> None:
        self._line, theirs = socket.socketpair()
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # Of forking beside the thread that draws the progress bar.
            self._child = os.fork()
        if self._child == 0:
            try:
                self._line.close()
                self._serve(theirs)
            finally:
                os._exit(0)
        theirs.close()

    def _serve(self, line: socket.socket) -> None:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        for asked in line.makefile("rb"):
            student, lesson = json.loads(asked)
            signal.setitimer(signal.ITIMER_PROF, PAGE_SECONDS)
            # A page is one file: nbgrader would put what else lies beside the notebook next to it.
            coursedir = CourseDirectory(config=self._config, assignment_id=lesson, student_id=student, ignore=["*"])
            converter = GenerateFeedback(coursedir=coursedir, config=self._config, force=True)
            converter.log.setLevel("CRITICAL")
            try:
                converter.start()
                made = b"1"
            except (Exception, SystemExit):
                made = b"0"
            line.sendall(made)


def _plain_page(result: Result, notebook: Path, comments: dict[str, str]) -> str:
    """Scores, reasons, graders' comments and the student's cells as they were typed, without layout."""
    scores = [
        f"{name}: {score:g} of {most:g}{'' if score >= most else ': ' + result.lost.get(name, BY_A_GRADER)}"
        for name, (score, most) in result.points.items()
    ]
    scores += [f"penalty for lateness: {result.penalty:g}"] if result.penalty else []
    scores += [f"{name}, comment by a grader: {printable(said)}" for name, said in comments.items()]
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        typed = [cell for cell in cells if not cell["metadata"].get("nbgrader", {}).get("grade")]
        sources = ["".join(cell["source"]) for cell in typed]
    except (OSError, ValueError, KeyError, TypeError):
        sources = []
    title = html.escape(f"{result.student}, {result.lesson}: {result.score:g} of {result.maximum:g} points")
    listed = "".join(f"<li>{html.escape(line)}</li>" for line in scores)
    shown = "".join(f"<pre>{html.escape(printable(source[:PLAIN_CELL]))}</pre>" for source in sources)
    return (
        f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><ul>{listed}</ul>'
        f"<p>This page is plain because the notebook could not be laid out.</p>{shown}</html>"
    )
