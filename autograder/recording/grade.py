"""Grade submissions: prepare, run, judge, record; many at once, one of them at a time into the database.

For each submission, in this order:

1. read it (`autograder.intake.submission`) and repair it: nbgrader's sanitize preprocessors, with our RestoreCells;
2. run its cells in a worker process (`autograder.running.execute`) here or on a cluster (`autograder.running.crew`), demos skipped;
3. nbgrader's autograde preprocessors: scores go to the gradebook database, the notebook to `autograded/`;
4. last, write `grading.json` beside it: what was graded, what came of it, and a fingerprint of both sides.

Steps 1, 3 and 4 happen in the main thread, the only one that touches the database. A submission whose fingerprint stands
in its `grading.json` is done, so a run that was stopped anywhere goes on where it was.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import nbformat
import nbgrader.api
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import Gradebook as Database
from nbgrader.api import MissingEntry
from nbgrader.converters import Autograde
from sqlalchemy.exc import InterfaceError, OperationalError
from traitlets import import_item

from autograder.intake import submission
from autograder.recording import log as grading_log
from autograder.authoring.build import fingerprint, generate_release, write_whole
from autograder.course import CourseError, Gradebook, Lesson, first_line
from autograder.running.crew import Crew, muster
from autograder.running.execute import Limits, NotRun, Run, cell_title, require_sandbox
from autograder.printable import one_line
from autograder.authoring.source import CHECK_PREFIX
from autograder.steps import ExecuteInWorker, fail_every_check

RECORD = "grading.json"
# How the system words its refusal when a limit is hit, in the errors that reach a cell.
_LIMIT_ERRORS = {
    f"[Errno {errno.EFBIG}]": "wrote a larger file than it may",
    f"[Errno {errno.ENOSPC}]": "filled its scratch space",
    f"[Errno {errno.EAGAIN}]": "started more processes than it may",
    "can't start new thread": "started more processes than it may",
}
NAME_NOTE = "by-hand name: "
NOT_ATTEMPTED = "not attempted"


@dataclass
class Record:
    """What `grading.json` keeps of one graded submission.

    `status` is "graded", or why nothing could be run; `notes` are the limits it hit and the like; `lost` maps each
    exercise that lost points to the reason, in one sentence. `score` and `maximum` are points, `seconds` is what
    running the cells took, `when` the time of grading (ISO 8601, UTC; empty if unknown).
    """

    student: str
    lesson: str
    fingerprint: str
    status: str = "graded"
    notes: list[str] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    score: float = 0.0
    maximum: float = 0.0
    when: str = ""

    @property
    def limits_hit(self) -> list[str]:
        """The notes on limits, as `CELL: what happened`; the others say what was typed or which file was taken."""
        return [note for note in self.notes if not note.startswith((NAME_NOTE, submission.TAKEN_FROM))]

    @property
    def remarks(self) -> list[str]:
        """What a TA wants to hear about this submission at once; empty if nothing is out of the ordinary."""
        return [self.status] * (self.status != "graded") + [n for n in self.notes if not n.startswith(NAME_NOTE)]


@dataclass(frozen=True)
class Task:
    """One submission to grade."""

    student: str
    lesson: Lesson
    folder: Path
    fingerprint: str


def submissions(
    gradebook: Gradebook, lessons: list[Lesson], students: list[str] | None = None
) -> list[tuple[str, Lesson, Path]]:
    """Every `submitted/<student>/<lesson>/` folder there is, by lesson, then student. Links are not followed."""
    found = []
    for lesson in lessons:
        for folder in sorted(gradebook.submitted.glob(f"*/{lesson.name}")):
            student = folder.parent.name
            linked = folder.is_symlink() or folder.parent.is_symlink()
            if folder.is_dir() and not linked and (students is None or student in students):
                found.append((student, lesson, folder))
    return found


def pending(
    gradebook: Gradebook, lessons: list[Lesson], students: list[str] | None, limits: Limits, force: bool
) -> tuple[list[Task], int]:
    """The submissions to grade, and how many are already graded and unchanged.

    Raises CourseError if the gradebook's database cannot be opened.
    """
    tasks, done = [], 0
    recorded = _in_database(gradebook, lessons)
    sides = {lesson: fingerprint(lesson) + json.dumps(asdict(limits)) for lesson in lessons}
    for student, lesson, folder in submissions(gradebook, lessons, students):
        mark = _fingerprint(folder, sides[lesson])
        record = read_record(gradebook, student, lesson)
        known = student in recorded.get(lesson.name, ())  # Not so after a change to another database, or a lost one.
        if not force and known and record is not None and record.fingerprint == mark:
            done += 1
        else:
            tasks.append(Task(student, lesson, folder, mark))
    return tasks, done


def grade(
    gradebook: Gradebook,
    tasks: list[Task],
    workers: int,
    limits: Limits,
    on_start: Callable[[Task], None] = lambda task: None,
    on_record: Callable[[Record], None] = lambda record: None,
    on_run: Callable[[Task], None] = lambda task: None,
    scheduler: str | None = None,
) -> None:
    """Grade the tasks with that many worker processes, or with the Dask cluster at the address `scheduler`.

    `on_start` is called when a submission is prepared, `on_run` when its cells start to run (from another thread),
    `on_record` when it is graded; `grading.log` is told in any case. An exception, KeyboardInterrupt included, stops all
    workers at once and leaves every submission either wholly graded or to be graded by the next run.

    Raises CourseError if another grading run holds this gradebook, its database does not answer, a lesson cannot be
    registered in it, students' code cannot be contained here, or the cluster cannot be used.
    """
    if not tasks:
        return
    if scheduler is None:  # A cluster's workers see to it themselves.
        require_sandbox()
    with one_writer(gradebook), one_engine(), grading_log.run(gradebook.folder, tasks, workers, limits) as log:
        for lesson in sorted({task.lesson for task in tasks}, key=lambda lesson: lesson.name):
            register(gradebook, lesson)
        roster = read_roster(gradebook)
        desk = Desk(gradebook)
        crew = muster(min(workers, len(tasks)), scheduler)
        try:
            for lesson in sorted({task.lesson for task in tasks}, key=lambda lesson: lesson.name):
                desk.prove(lesson, crew, limits)
        except BaseException:
            crew.stop()
            raise
        under_way: dict[Future[Run], tuple[Task, NotebookNode, Record]] = {}
        queue = iter(tasks)
        try:
            while True:
                # Prepare a little ahead of the workers, no more: preparing reads the database, and memory is finite.
                while len(under_way) < 2 * crew.size and (task := next(queue, None)) is not None:
                    on_start(task)
                    record = Record(task.student, task.lesson.name, task.fingerprint)
                    try:
                        notebook = desk.prepare(task, record, roster)
                    except (OperationalError, InterfaceError):
                        raise  # The database's trouble, not this submission's.
                    except Exception as error:
                        # Unreadable says why; anything else is a surprise of this submission, which must not stop the rest.
                        known = isinstance(error, submission.Unreadable)
                        record.status = (
                            str(error) if known else f"could not be prepared: {type(error).__name__}: {error}"
                        )
                        desk.settle(task, desk.blank(task, record.status), record)
                        log.settled(record)
                        on_record(record)
                        continue
                    future = crew.submit(notebook, limits, functools.partial(on_run, task))
                    under_way[future] = (task, notebook, record)
                if not under_way:
                    break
                finished, _ = wait(under_way, return_when=FIRST_COMPLETED, timeout=1.0)
                for future in finished:
                    task, notebook, record = under_way.pop(future)
                    try:
                        outcome = future.result()
                    except NotRun as error:
                        record.status = str(error)
                        notebook = desk.blank(task, record.status)
                    else:
                        record.notes += outcome.notes
                        record.seconds = round(outcome.seconds, 3)
                    desk.settle(task, notebook, record)
                    log.settled(record)
                    on_record(record)
        except (OperationalError, InterfaceError) as error:
            raise CourseError(
                f"The gradebook's database stopped answering; run the same command again to go on. ({first_line(error)})"
            ) from error
        finally:
            crew.stop()


class Desk:
    """The main thread's side of grading: everything that reads or writes the gradebook."""

    def __init__(self, gradebook: Gradebook):
        self.gradebook = gradebook
        steps = Autograde(coursedir=gradebook.coursedir, config=gradebook.config)
        self.repair = self._pipeline(steps.sanitize_preprocessors)
        self.judge = self._pipeline(steps.autograde_preprocessors)

    def prepare(self, task: Task, record: Record, roster: set[str] | None) -> NotebookNode:
        """The repaired notebook, ready to run. Raises submission.Unreadable."""
        if roster is not None and task.student not in roster:
            raise submission.Unreadable("unknown student: not on the roster (gradebook/roster.csv)")
        path, note = submission.find(task.folder, task.lesson.name)
        if note:
            record.notes.append(note)
        notebook = self._through(self.repair, submission.read(path), task)
        record.notes += _name_entered(notebook)
        return notebook

    def prove(self, lesson: Lesson, crew: Crew, limits: Limits) -> None:
        """Grade the lesson's own solution first: where it does not get every point, nobody's grade would mean anything.

        Raises CourseError if it does not: a package missing where submissions run, limits too tight for this machine.
        """
        task = Task("the lesson's own solution", lesson, lesson.solution.parent, "")
        notebook = self._through(self.repair, submission.read(lesson.solution), task)
        try:
            crew.submit(notebook, limits).result()
            lost = lost_points(notebook)
        except NotRun as error:
            lost = {"it": str(error)}
        if lost:
            name, why = next(iter(lost.items()))
            raise CourseError(
                f"{lesson.name}: its own solution does not get every point here, so nothing was graded. ({name}: {one_line(why)})"
            )

    def blank(self, task: Task, reason: str) -> NotebookNode:
        """The lesson as handed out, with the reason on top and in every check: what an unreadable submission becomes."""
        handed_out = nbformat.read(task.lesson.release, as_version=4)
        notebook = self._through(self.repair, handed_out, task)
        fail_every_check(notebook, reason)
        notebook.cells.insert(0, nbformat.v4.new_markdown_cell(f"**This submission could not be graded:** {reason}."))
        return notebook

    def settle(self, task: Task, notebook: NotebookNode, record: Record) -> None:
        """Scores into the database, the notebook into autograded/, the record beside it."""
        with Database(self.gradebook.db_url) as database:
            database.update_or_create_student(task.student)
            timestamp = self.gradebook.coursedir.get_existing_timestamp(str(task.folder))
            more = {"timestamp": timestamp} if timestamp else {}
            database.update_or_create_submission(task.lesson.name, task.student, **more)
        notebook = self._through(self.judge, notebook, task)
        record.notes += limits_within(notebook, record.notes)
        record.status, record.notes = one_line(record.status), [one_line(note) for note in record.notes]
        record.lost = {name: one_line(why) for name, why in lost_points(notebook).items()}
        record.score, record.maximum = points(notebook)
        record.when = datetime.now(timezone.utc).isoformat(timespec="seconds")
        folder = self.gradebook.autograded / task.student / task.lesson.name
        write_whole(folder / f"{task.lesson.name}.ipynb", nbformat.writes(notebook) + "\n")
        write_whole(folder / RECORD, json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n")

    def _pipeline(self, preprocessors: list[Any]) -> NotebookExporter:
        """nbgrader's steps as configured, but for the one that runs the notebook: here a whole crew does that."""
        exporter = NotebookExporter(config=self.gradebook.config)
        exporter._preprocessors = []
        for pp in preprocessors:
            step = import_item(pp) if isinstance(pp, str) else pp
            if step is not ExecuteInWorker:
                exporter.register_preprocessor(step, enabled=True)
        for step in exporter._preprocessors:
            step.log.setLevel("CRITICAL")  # Repairs are expected here; what matters is in the record.
        return exporter

    def _through(self, pipeline: NotebookExporter, notebook: NotebookNode, task: Task) -> NotebookNode:
        name = task.lesson.name
        where = {"student": task.student, "assignment": name, "notebook": name, "db_url": self.gradebook.db_url}
        resources: dict[str, Any] = {"nbgrader": where, "unique_key": name, "output_files_dir": f"{name}_files"}
        for step in pipeline._preprocessors:
            notebook, resources = step(notebook, resources)
        return notebook


def register(gradebook: Gradebook, lesson: Lesson) -> None:
    """Record the lesson's exercises and checks in the gradebook database, through nbgrader's generate_assignment.

    Raises CourseError if the database does not answer, or the lesson gained or lost exercises since submissions to it were
    graded, which nbgrader's gradebook cannot follow.
    """
    stamp = gradebook.folder / "assignments.json"
    known: dict[str, str] = json.loads(stamp.read_text()) if stamp.exists() else {}
    current = fingerprint(lesson)
    gradebook.folder.mkdir(parents=True, exist_ok=True)
    if lesson.name in _in_database(gradebook, [lesson]) and known.get(lesson.name) == current:
        return
    if not lesson.solution.exists():
        raise CourseError(f"{lesson.name} is not built yet; run: autograder build")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            generate_release(lesson, Path(scratch), gradebook)
        except Exception as error:
            raise CourseError(
                f"{lesson.name} does not fit the gradebook {gradebook.folder}: its exercises changed after submissions were "
                f"graded. Grade into another folder with --gradebook, or remove this one. (nbgrader: {error})"
            ) from error
    write_whole(stamp, json.dumps(known | {lesson.name: current}, indent=1) + "\n")


def read_record(gradebook: Gradebook, student: str, lesson: Lesson) -> Record | None:
    """The record of a graded submission, or None if it is not graded.

    Where another nbgrader command graded it there is no `grading.json`: the record is then read off the notebook, with
    an empty fingerprint.
    """
    folder = gradebook.autograded / student / lesson.name
    try:
        return Record(**json.loads((folder / RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        pass
    try:
        notebook = nbformat.read(folder / f"{lesson.name}.ipynb", as_version=4)
    except Exception:
        return None
    return Record(student, lesson.name, "", lost=lost_points(notebook))


def read_roster(gradebook: Gradebook) -> set[str] | None:
    """Student ids in `gradebook/roster.csv` (first column, header `id`), or None if there is no such file."""
    path = gradebook.folder / "roster.csv"
    if not path.exists():
        return None
    rows = path.read_text(encoding="utf-8-sig").splitlines()
    if not rows or rows[0].split(",")[0].strip() != "id":
        raise CourseError(f"{path}: the first column must be headed `id`")
    return {row.split(",")[0].strip() for row in rows[1:] if row.strip()}


def limits_within(notebook: NotebookNode, known: list[str]) -> list[str]:
    """Notes on limits that cells hit and survived, as their outputs show them, but for cells `known` has a note on."""
    notes = []
    for cell in notebook.cells:
        title = cell_title(cell)
        if cell.cell_type != "code" or any(note.startswith(f"{title}: ") for note in known):
            continue
        for output in cell.outputs:
            if output.output_type == "error" and output.ename == "TimeLimit":
                notes.append(f"{title}: {output.evalue}")
            elif output.output_type == "error" and output.ename.endswith("MemoryError"):
                notes.append(f"{title}: ran out of memory")
            elif output.output_type == "error" and (
                hit := [why for mark, why in _LIMIT_ERRORS.items() if mark in output.evalue]
            ):
                notes.append(f"{title}: {hit[0]}")
            elif output.output_type == "stream" and "\n[output truncated here: " in output.text[-200:]:
                notes.append(f"{title}: printed more than the limit")
    return notes


def points(notebook: NotebookNode) -> tuple[float, float]:
    """The score and the maximum of an autograded notebook, in points."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and utils.is_grade(cell)]
    grades = [utils.determine_grade(cell) for cell in cells]
    return sum(score or 0.0 for score, _ in grades), sum(maximum for _, maximum in grades)


def lost_points(notebook: NotebookNode) -> dict[str, str]:
    """Each exercise of an autograded notebook that lost points, with the reason."""
    lost = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and utils.is_grade(cell):
            score, maximum = utils.determine_grade(cell)
            if score is not None and score < maximum:
                lost[cell.metadata.nbgrader.grade_id.removeprefix(CHECK_PREFIX)] = reason_of(cell)
    return lost


def reason_of(cell: NotebookNode) -> str:
    """Why a check cell lost its points, in one sentence."""
    for output in cell.outputs:
        if output.output_type == "error":
            first = (output.evalue.strip().splitlines() or [""])[0]
            if output.ename == "NotImplementedError":
                return NOT_ATTEMPTED
            if output.ename == "NameError" and (name := re.search(r"name '(\w+)' is not defined", first)):
                return f"{name[1]} is not defined: its cell is missing or failed"
            if output.ename in ("AssertionError", "CellStopped", "NotRun", "TimeLimit"):
                return first or "a test failed"
            return f"{output.ename}: {first}"
    return "the check did not run"


@contextlib.contextmanager
def one_writer(gradebook: Gradebook) -> Iterator[None]:
    """Hold the gradebook's lock: only one process at a time writes its database."""
    import fcntl

    gradebook.folder.mkdir(parents=True, exist_ok=True)
    with (gradebook.folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CourseError(f"Another grading run is writing {gradebook.folder}; wait for it, or stop it.") from None
        yield


@contextlib.contextmanager
def one_engine() -> Iterator[None]:
    """Keep one SQLAlchemy engine per database while grading.

    nbgrader opens the database anew in every step, and a new engine compiles every query again: most of a step's time.
    """
    engines: dict[str, Any] = {}
    create = nbgrader.api.create_engine

    def create_once(url: str, **options: Any) -> Any:
        if url not in engines:
            engines[url] = create(url, **options)
        return engines[url]

    nbgrader.api.create_engine = create_once
    try:
        yield
    finally:
        nbgrader.api.create_engine = create


def _fingerprint(folder: Path, side: str) -> str:
    """sha256 of a submission's files and of what it is graded with."""
    digest = hashlib.sha256(side.encode())
    for path in sorted(folder.rglob("*")):
        digest.update(str(path.relative_to(folder)).encode("utf-8", "surrogateescape") + b"\0")
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                digest.update(
                    hashlib.file_digest(file, "sha256").digest() if hasattr(hashlib, "file_digest") else file.read()
                )
    return digest.hexdigest()


def _name_entered(notebook: NotebookNode) -> list[str]:
    """A note with the name typed for the personal sequence: the report compares it across the class."""
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "student_name":
            typed = re.findall(r"^student_name\s*=\s*(['\"])(.+?)\1", cell.source, flags=re.MULTILINE)
            if typed:
                return [f"{NAME_NOTE}{typed[-1][1].strip()}"]
    return []


def _in_database(gradebook: Gradebook, lessons: list[Lesson]) -> dict[str, set[str]]:
    """The lessons that are registered in the database, each with the students whose submissions are."""
    found: dict[str, set[str]] = {}
    if gradebook.has_database():
        with Database(gradebook.db_url) as database:
            for lesson in lessons:
                with contextlib.suppress(MissingEntry):
                    rows = database.find_assignment(lesson.name).submissions
                    found[lesson.name] = {row.student_id for row in rows}
    return found
