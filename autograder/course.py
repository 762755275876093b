"""Where things are: the repository's folders, its lessons, and nbgrader's own configuration of them.

`nbgrader_config.py` is the one place that names the folders; everything here is read from it.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
import zoneinfo
from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

if TYPE_CHECKING:  # It takes two seconds to import: only where a gradebook is opened.
    from nbgrader.coursedir import CourseDirectory

# nbgrader 0.9 reads half-made rows of its database; it has always done so, and it is harmless.
warnings.filterwarnings("ignore", message="Object of type <Submitted")
# jsonschema, through nbformat, offers to check the syntax of IRIs if it finds this, which takes a second to import. Nothing
# here has any: without it, `autograder` is there a second sooner.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

ROOT = Path(__file__).resolve().parents[1]
LESSON_NAME = re.compile(r"\d\d_[a-z0-9_]+")


class CourseError(Exception):
    """Something a person can mend, in one sentence; the command line prints it without a traceback."""


def first_line(error: Exception) -> str:
    """What went wrong, without the statement and the traceback that database errors carry along."""
    return (str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__])[0]


@dataclass(frozen=True)
class Lesson:
    """One lesson: `name` is its folder's and its notebook's name, such as `01_chain_rule`."""

    name: str

    @property
    def topic(self) -> str:
        """The name without its number: also the name of its modules in `autograder.checks` and `autograder.answers`."""
        return self.name.partition("_")[2]

    @property
    def is_exam(self) -> bool:
        """Whether it examines what lessons teach: handed out and graded like one, without a lesson's parts."""
        return self.topic == "exam"

    @property
    def source(self) -> Path:
        """The lesson itself, jupytext percent format."""
        return ROOT / "solutions" / self.name / f"{self.name}.py"

    @property
    def solution(self) -> Path:
        """The executed solution notebook made from it."""
        return self.source.with_suffix(".ipynb")

    @property
    def release(self) -> Path:
        """The student's notebook made from that."""
        return ROOT / "notebooks" / self.name / f"{self.name}.ipynb"


def lessons(wanted: list[str] | None = None) -> list[Lesson]:
    """The lessons in order and the exam, or those named: by full name, number or topic (`01_chain_rule`, `01`, `chain_rule`).

    Raises CourseError for a name that is no lesson.
    """
    every = [Lesson(p.parent.name) for p in sorted(ROOT.glob("solutions/*/*.py")) if p.stem == p.parent.name]
    every = [lesson for lesson in every if LESSON_NAME.fullmatch(lesson.name)]
    if not wanted:
        return every
    chosen = []
    for name in wanted:
        match = [x for x in every if name in (x.name, x.name[:2], x.name[:2].lstrip("0"), x.topic)]
        if not match:
            raise CourseError(f"There is no lesson {name!r}; the lessons are {', '.join(x.name for x in every)}.")
        chosen += match
    return sorted(set(chosen), key=lambda lesson: lesson.name)


def configuration() -> Config:
    """`nbgrader_config.py`, as nbgrader reads it."""
    return PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()


def repository() -> str | None:
    """Where everybody can read this copy of the course, as https://github.com/OWNER/NAME: `c.Course.repository`, or None.

    Raises CourseError for anything else.
    """
    address = str(configuration().get("Course", {}).get("repository", ""))
    if address and not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address):
        raise CourseError(
            f"c.Course.repository in nbgrader_config.py is {address!r}; expected an address like https://github.com/OWNER/NAME."
        )
    return address or None


class Gradebook:
    """The folders of one class, as `nbgrader_config.py` lays them out. Default: `gradebook/`.

    `folder` may be any folder; it is also put in AUTOGRADER_GRADEBOOK, where nbgrader's own commands find it.
    """

    def __init__(self, folder: str | Path | None = None):
        if folder is not None:
            os.environ["AUTOGRADER_GRADEBOOK"] = str(Path(folder).resolve())
        self.config = configuration()
        # nbgrader's own log is for its commands; ours say what a TA needs to know.
        self.config.Application.log_level = 50

    @cached_property
    def coursedir(self) -> CourseDirectory:
        from nbgrader.coursedir import CourseDirectory

        return CourseDirectory(config=self.config)

    @property
    def db_url(self) -> str:
        """The SQLAlchemy URL of nbgrader's database: a file in the folder, or what AUTOGRADER_DB names."""
        return str(self.coursedir.db_url)

    def has_database(self) -> bool:
        """Whether nbgrader's tables are in the database yet. Raises CourseError if it cannot be opened."""
        from sqlalchemy import create_engine, inspect, make_url
        from sqlalchemy.exc import SQLAlchemyError

        shown = "the URL in AUTOGRADER_DB"  # Not in full before it is parsed: it may hold a password.
        try:
            url = make_url(self.db_url)
            shown = url.render_as_string()
            if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
                return False  # Connecting would make an empty file.
            engine = create_engine(url)
            try:
                return inspect(engine).has_table("assignment")
            finally:
                engine.dispose()
        except (SQLAlchemyError, ImportError, ValueError) as error:
            raise CourseError(f"The gradebook's database cannot be opened: {shown} ({first_line(error)})") from error

    @property
    def timezone(self) -> tzinfo:
        """The zone of times that are written without one: `c.Course.timezone`, or this machine's.

        Raises CourseError if there is no zone of that name.
        """
        from dateutil.tz import tzlocal  # type: ignore[import-untyped]

        name = str(self.config.get("Course", {}).get("timezone", ""))
        try:
            return zoneinfo.ZoneInfo(name) if name else tzlocal()
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise CourseError(
                f"c.Course.timezone in nbgrader_config.py is {name!r}, which is no time zone; expected one like Europe/Berlin."
            ) from None

    @property
    def folder(self) -> Path:
        return self.submitted.parent

    @property
    def submitted(self) -> Path:
        return ROOT / self.coursedir.submitted_directory

    @property
    def autograded(self) -> Path:
        return ROOT / self.coursedir.autograded_directory

    @property
    def feedback(self) -> Path:
        return ROOT / self.coursedir.feedback_directory


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all: a reader never sees half of it, an interrupt leaves the old one.

    Raises CourseError where it cannot be written: a full disk, a folder that may only be read.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(part, path)
    except OSError as error:
        raise CourseError(f"{path} cannot be written: {error.strerror or error}.") from error
