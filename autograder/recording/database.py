"""The gradebook's database: one writer, one engine, and the lessons registered in it."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbgrader.api
from alembic.config import Config
from alembic.script import ScriptDirectory
from filelock import FileLock, Timeout
from nbgrader.api import Gradebook as Database
from nbgrader.api import MissingEntry
from nbgrader.dbutil import _temp_alembic_ini

from autograder.authoring.build import fingerprint, generate_release
from autograder.course import CourseError, Gradebook, Lesson, write_whole


def register(gradebook: Gradebook, lesson: Lesson) -> None:
    """Record the lesson's exercises and checks in the gradebook database, through nbgrader's generate_assignment.

    Raises CourseError if the database does not answer, or the lesson gained or lost exercises since submissions to it were
    graded, which nbgrader's gradebook cannot follow.
    """
    stamp = gradebook.folder / "assignments.json"
    known = _stamps(stamp)
    current = fingerprint(lesson)
    gradebook.folder.mkdir(parents=True, exist_ok=True)
    if lesson.name in in_database(gradebook, [lesson]) and known.get(lesson.name) == current:
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


def _stamps(path: Path) -> dict[str, str]:
    """What each lesson was made from when it was registered. A file that is cut or edited says nothing: they register again."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


@contextlib.contextmanager
def one_writer(gradebook: Gradebook) -> Iterator[None]:
    """Hold the gradebook's lock: only one process at a time writes its database. The system lets go of it with the process."""
    lock = FileLock(gradebook.folder / ".lock", timeout=0)
    try:
        gradebook.folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise CourseError(f"Another grading run is writing {gradebook.folder}; wait for it, or stop it.") from None
    except (OSError, NotImplementedError) as error:  # The latter from a file system without locks.
        told = getattr(error, "strerror", None) or error
        raise CourseError(f"{gradebook.folder} cannot be written: {told}.") from error
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def one_engine() -> Iterator[None]:
    """Keep one SQLAlchemy engine per database while grading.

    nbgrader opens the database anew in every step, and a new engine compiles every query again: most of a step's time.
    """
    engines: dict[str, Any] = {}
    create, version = nbgrader.api.create_engine, nbgrader.api.get_alembic_version

    def create_once(url: str, **options: Any) -> Any:
        if url not in engines:
            engines[url] = create(url, **options)
        return engines[url]

    nbgrader.api.create_engine, nbgrader.api.get_alembic_version = create_once, newest_schema
    try:
        yield
    finally:
        nbgrader.api.create_engine, nbgrader.api.get_alembic_version = create, version


def newest_schema() -> str:
    """The version that nbgrader stamps on a new database: its own way asks `alembic heads` in another process, two seconds long."""
    with _temp_alembic_ini("sqlite://") as ini:
        return str(ScriptDirectory.from_config(Config(ini)).get_current_head())


def in_database(gradebook: Gradebook, lessons: list[Lesson]) -> dict[str, set[str]]:
    """The lessons that are registered in the database, each with the students whose submissions are."""
    found: dict[str, set[str]] = {}
    if gradebook.has_database():
        with Database(gradebook.db_url) as database:
            for lesson in lessons:
                with contextlib.suppress(MissingEntry):
                    rows = database.find_assignment(lesson.name).submissions
                    found[lesson.name] = {row.student_id for row in rows}
    return found
