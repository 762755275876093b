"""What there is to grade: submissions whose files, lesson or limits changed since."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from autograder.authoring.build import fingerprint
from autograder.course import Gradebook, Lesson
from autograder.recording.database import in_database
from autograder.recording.record import read_record
from autograder.running.limits import Limits


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
    recorded = in_database(gradebook, lessons)
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
