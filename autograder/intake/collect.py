"""Take in what a learning-management system exports: a folder or zip with one notebook, or one folder, per student.

Who handed a file in is read off the system's own part of its path (`whose.py`), never off what a student named. The lesson
is read off the path, or else off the exercises inside. Nothing outside the gradebook folder is ever written, whatever the
export says its files are called; a submission that is replaced is kept in `replaced/`.
"""

from __future__ import annotations

import lzma
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path, PurePosixPath

from autograder.authoring.source import grade_ids
from autograder.course import CourseError, Gradebook, Lesson, lessons
from autograder.intake import submission
from autograder.intake.roster import read_roster
from autograder.intake.whose import GRADESCOPE_LIST, Handed, Ids, Refused, Shape, submitters

_GRADE_ID = re.compile(rb'"grade_id"\s*:\s*"([^"\\]{1,100})"')
_TIME, _TIME_SHAPE = "timestamp.txt", "%Y-%m-%d %H:%M:%S UTC\n"  # As nbgrader reads it.
_UNPACKING = (
    zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError, ValueError, zlib.error, lzma.LZMAError, struct.error,
)  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One file of an export: its path in there, its time, and how to read it."""

    path: PurePosixPath
    modified: datetime
    read: Callable[[], bytes]

    @property
    def is_notebook(self) -> bool:
        return self.path.suffix.lower() == ".ipynb"


@dataclass
class Collected:
    """What came of an export: submissions by action ("new", "replaced", "unchanged"), the files that gave way to a newer one
    of the same student, and what was left out, and why."""

    submissions: list[tuple[str, str, str]] = field(default_factory=list)
    older: list[tuple[str, str]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def collect(export: Path, gradebook: Gradebook, lesson: Lesson | None = None) -> Collected:
    """Copy the export's submissions to `submitted/<student>/<lesson>/<lesson>.ipynb`.

    `lesson` settles which lesson the files belong to, except for those whose exercises are clearly another's.
    Raises CourseError if the export is neither a folder nor a readable zip, or the gradebook cannot be written.
    """
    outcome = Collected()
    items = list(_items(export, outcome))
    roster = read_roster(gradebook)
    shape = Shape([item.path for item in items], [x.name for x in lessons()], _gradescope(items))
    found: list[tuple[Item, Handed, Lesson]] = []
    for item in items:
        try:
            handed = shape.handed(item.path)
            found.append((item, handed, _lesson_of(item, lesson)))
        except Refused as reason:
            if item.is_notebook:
                outcome.left_out.append((str(item.path), str(reason)))
    try:
        ids = Ids(gradebook.folder, roster)
        ids.expect((handed, of.name) for _, handed, of in found)
        newest: dict[tuple[str, str], Item] = {}
        without: set[tuple[str, str]] = set()
        for item, handed, of in sorted(found, key=lambda x: (x[1].order, x[0].modified, str(x[0].path))):
            try:
                key = (ids.of(handed, of.name), of.name)
            except Refused as reason:
                if item.is_notebook:
                    outcome.left_out.append((str(item.path), str(reason)))
                continue
            if not item.is_notebook:
                if handed.is_work:
                    without.add(key)
                continue
            if key in newest:
                outcome.older.append((str(newest[key].path), f"{item.path} is newer, of the same student"))
            newest[key] = item
        ids.write()
        for (student, name), item in sorted(newest.items()):
            try:
                action = _store(gradebook, student, name, item)
            except Refused as reason:
                outcome.left_out.append((str(item.path), str(reason)))
                continue
            outcome.submissions.append((student, name, action))
        for student, name in sorted(without - newest.keys()):
            # Handed in, but no notebook: an empty folder, so that the gradebook says so.
            (gradebook.submitted / student / name).mkdir(parents=True, exist_ok=True)
            outcome.submissions.append((student, name, "without a notebook"))
    except OSError as error:
        raise CourseError(
            f"{error.filename or gradebook.folder} cannot be written: {error.strerror or error}"
        ) from error
    return outcome


def _gradescope(items: list[Item]) -> dict[str, list[tuple[str, str]]]:
    """Who handed in which `submission_123` folder, by Gradescope's list; empty if there is none."""
    for item in sorted(items, key=lambda item: len(item.path.parts)):
        if item.path.name == GRADESCOPE_LIST:
            try:
                return submitters(item.read())
            except Refused as reason:
                raise CourseError(f"{item.path} {reason}") from None
    return {}


def _items(export: Path, outcome: Collected) -> Iterator[Item]:
    """The export's files, except those whose path or kind is a trick."""
    if export.is_dir():
        for path in sorted(export.rglob("*")):
            inside = PurePosixPath(path.relative_to(export).as_posix())
            if path.is_symlink():
                outcome.left_out.append((str(inside), "is a link, which is not followed"))
            elif path.is_file() and not _is_noise(inside) and export.resolve() in path.resolve().parents:
                yield Item(inside, datetime.fromtimestamp(path.stat().st_mtime, timezone.utc), _reader(path))
        return
    if not export.exists():
        raise CourseError(f"{export} does not exist")
    try:
        archive = zipfile.ZipFile(export)
    except PermissionError:
        raise CourseError(f"{export} may not be read") from None
    except _UNPACKING:
        raise CourseError(f"{export} is neither a folder nor a zip file, or a damaged one") from None
    for info in archive.infolist():
        name = info.filename
        inside = PurePosixPath(name)
        mode = info.external_attr >> 16
        if info.is_dir() or _is_noise(inside):
            continue
        if inside.is_absolute() or ".." in inside.parts or "\\" in name or re.match(r"[A-Za-z]:", name) or "\0" in name:
            outcome.left_out.append((name, "its path leads outside the export"))
        elif mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            outcome.left_out.append((name, "is a link or device, not a file"))
        elif info.flag_bits & 1:
            outcome.left_out.append((name, "is encrypted"))
        else:
            when = _zip_time(info)
            yield Item(inside, when, _zip_reader(archive, info))


def _reader(path: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            with path.open("rb") as file:
                return _bounded(file.read(submission.MAX_BYTES + 1))
        except OSError as error:
            raise Refused(f"cannot be read ({error.strerror})") from None

    return read


def _zip_reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        # Read by bounded amount, not by the size the archive claims: a zip bomb claims little.
        try:
            with archive.open(info) as file:
                return _bounded(file.read(submission.MAX_BYTES + 1))
        except _UNPACKING as error:
            raise Refused(f"cannot be unpacked ({type(error).__name__})") from None

    return read


def _bounded(content: bytes) -> bytes:
    if len(content) > submission.MAX_BYTES:
        raise Refused(f"is larger than {submission.MAX_BYTES // 2**20} MB")
    return content


def _zip_time(info: zipfile.ZipInfo) -> datetime:
    try:
        year, month, day, hour, minute, second = info.date_time
        return datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    except ValueError:
        return datetime.now(timezone.utc)


def _is_noise(path: PurePosixPath) -> bool:
    return any(part.startswith(("__MACOSX", ".", "._")) and part not in (".", "..") for part in path.parts)


def _lesson_of(item: Item, given: Lesson | None) -> Lesson:
    """The lesson a file belongs to, by its path, or else its exercises; where one is given, only exercises that are clearly
    another's count against it. Raises Refused."""
    if given is None:
        for part in reversed(item.path.parts):
            for lesson in lessons():
                if lesson.name in part:
                    return lesson
    if item.is_notebook:
        # Found in the raw text: a file that was cut short still says which lesson it is.
        names = {name.decode("utf-8", "replace") for name in _GRADE_ID.findall(item.read())}
        shares = {lesson.name: _share(names, lesson) for lesson in lessons()}
        best = max(lessons(), key=lambda lesson: shares[lesson.name])
        if shares[best.name] > 0.5:
            return best
    if given is None:
        raise Refused("neither its name nor its exercises say which lesson it is; give --lesson")
    return given


def _share(names: set[str], lesson: Lesson) -> float:
    known = grade_ids(lesson.release).keys()
    return len(names & known) / max(len(known), 1)


def _store(gradebook: Gradebook, student: str, lesson: str, item: Item) -> str:
    content = item.read()
    target = gradebook.submitted / student / lesson / f"{lesson}.ipynb"
    action = "new"
    if target.exists():
        old = target.read_bytes()
        if old == content:
            return "unchanged"
        _be_newer(target.parent / _TIME, item.modified)
        action = "replaced"
        kept = gradebook.folder / "replaced" / student / lesson
        kept.mkdir(parents=True, exist_ok=True)
        (kept / f"{len(list(kept.iterdir())) + 1}.ipynb").write_bytes(old)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    part.write_bytes(content)
    part.replace(target)
    (target.parent / _TIME).write_text(item.modified.strftime(_TIME_SHAPE))
    return action


def _be_newer(known: Path, modified: datetime) -> None:
    """Raises Refused for a file of an older export: it must not take the place of what came later."""
    try:
        there = datetime.strptime(known.read_text(encoding="utf-8"), _TIME_SHAPE).replace(tzinfo=timezone.utc)
    except (OSError, ValueError):
        return
    # Archives keep seconds by twos, and 1980 stands for none.
    if modified.year > 1980 and modified < there - timedelta(seconds=2):
        raise Refused(
            f"is of {modified:%Y-%m-%d %H:%M}, older than what is there ({there:%Y-%m-%d %H:%M}); to take it, remove {known.parent}"
        )
