"""Where things are: the repository's folders, its lessons, and nbgrader's own configuration of them.

`nbgrader_config.py` is the one place that names the folders; everything here is read from it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

ROOT = Path(__file__).resolve().parents[1]
LESSON_NAME = re.compile(r"\d\d_[a-z0-9_]+")


class CourseError(Exception):
    """Something a person can mend, in one sentence; the command line prints it without a traceback."""


@dataclass(frozen=True)
class Lesson:
    """One lesson: `name` is its folder's and its notebook's name, such as `01_chain_rule`."""

    name: str

    @property
    def topic(self) -> str:
        """The name without its number: also the name of its modules in `autograder.checks` and `autograder.answers`."""
        return self.name.partition("_")[2]

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
    """The lessons in order, or those named: by full name, number or topic (`01_chain_rule`, `01`, `chain_rule`).

    Raises CourseError for a name that is no lesson.
    """
    every = [Lesson(p.parent.name) for p in sorted(ROOT.glob("solutions/*/*.py")) if p.stem == p.parent.name]
    every = [lesson for lesson in every if LESSON_NAME.fullmatch(lesson.name)]
    if not wanted:
        return every
    chosen = []
    for name in wanted:
        match = [x for x in every if name in (x.name, x.name[:2], x.name.lstrip("0")[:1], x.topic)]
        if not match:
            raise CourseError(f"There is no lesson {name!r}; the lessons are {', '.join(x.name for x in every)}.")
        chosen += match
    return sorted(set(chosen), key=lambda lesson: lesson.name)


class Gradebook:
    """The folders of one class, as `nbgrader_config.py` lays them out. Default: `gradebook/`.

    `folder` may be any folder; it is also put in AUTOGRADER_GRADEBOOK, where nbgrader's own commands find it.
    """

    def __init__(self, folder: str | Path | None = None):
        if folder is not None:
            os.environ["AUTOGRADER_GRADEBOOK"] = str(Path(folder).resolve())
        self.config: Config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
        # nbgrader's own log is for its commands; ours say what a TA needs to know.
        self.config.Application.log_level = 50

    @cached_property
    def coursedir(self) -> CourseDirectory:
        return CourseDirectory(config=self.config)

    @property
    def db_url(self) -> str:
        return str(self.coursedir.db_url)

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
