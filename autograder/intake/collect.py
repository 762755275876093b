"""Take in what a learning-management system exports: a folder or zip with one notebook, or one folder, per student.

Known shapes, freely mixed (STUDENT may hold spaces and accents):

    STUDENT/01_chain_rule.ipynb                  STUDENT/01_chain_rule/anything.ipynb
    STUDENT_123_assignsubmission_file_/x.ipynb   (Moodle)
    student_123_456_01_chain_rule-1.ipynb        (Canvas)
    STUDENT - 01_chain_rule.ipynb                01_chain_rule_STUDENT.ipynb

The lesson is read off the path, or else off the exercises inside. Nothing outside the gradebook folder is ever written,
whatever the export says its files are called; a submission that is replaced is kept in `replaced/`.
"""

from __future__ import annotations

import re
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath

from autograder.authoring.source import grade_ids
from autograder.course import CourseError, Gradebook, Lesson, lessons
from autograder.intake import submission

_MOODLE = re.compile(r"_\d+_assignsubmission_(file|onlinetext)_?$")
_CANVAS = re.compile(r"^(?P<student>.+?)(_LATE)?_\d+_\d+_", re.IGNORECASE)


@dataclass(frozen=True)
class Item:
    """One file of an export: its path in there, its time, and how to read it."""

    path: PurePosixPath
    modified: datetime
    read: Callable[[], bytes]


@dataclass
class Collected:
    """What came of an export: submissions by action ("new", "replaced", "unchanged"), and what was left out and why."""

    submissions: list[tuple[str, str, str]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


class Refused(Exception):
    """Why a file of the export is not taken in."""


def collect(export: Path, gradebook: Gradebook, lesson: Lesson | None = None) -> Collected:
    """Copy the export's submissions to `submitted/<student>/<lesson>/<lesson>.ipynb`.

    `lesson` settles which lesson the files belong to where their names do not say.
    Raises CourseError if the export is neither a folder nor a readable zip.
    """
    outcome = Collected()
    items = list(_items(export, outcome))
    depth = _common_folders([item.path for item in items])
    owner: dict[str, str] = {}
    newest: dict[tuple[str, str], Item] = {}
    without: set[tuple[str, str]] = set()
    for item in sorted(items, key=lambda item: (item.modified, str(item.path))):
        path = PurePosixPath(*item.path.parts[depth:])
        try:
            raw, student = _student(path)
            if owner.setdefault(student, raw) != raw:
                raise Refused(f"its student would share the id {student!r} with {owner[student]!r}")
            found = lesson or _lesson_of(path, item)
        except Refused as reason:
            if path.suffix == ".ipynb":
                outcome.left_out.append((str(item.path), str(reason)))
            continue
        key = (student, found.name)
        if path.suffix != ".ipynb":
            without.add(key)
            continue
        if key in newest:
            outcome.left_out.append((str(newest[key].path), "a newer one of the same student was taken"))
        newest[key] = item
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
    return outcome


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
    except (zipfile.BadZipFile, OSError):
        raise CourseError(f"{export} is neither a folder nor a zip file") from None
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
        with path.open("rb") as file:
            return _bounded(file.read(submission.MAX_BYTES + 1))

    return read


def _zip_reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        # Read by bounded amount, not by the size the archive claims: a zip bomb claims little.
        try:
            with archive.open(info) as file:
                return _bounded(file.read(submission.MAX_BYTES + 1))
        except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
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


def _common_folders(paths: list[PurePosixPath]) -> int:
    """How many leading folders all files share and are no student's: `export/STUDENT/x.ipynb` has one."""
    depth = 0
    while paths and all(len(p.parts) > depth + 2 for p in paths) and len({p.parts[: depth + 1] for p in paths}) == 1:
        if any(_is_lesson(p.parts[depth + 1]) and len(p.parts) == depth + 3 for p in paths):
            break
        depth += 1
    return depth


def _is_lesson(part: str) -> bool:
    return any(part == lesson.name for lesson in lessons())


def _student(path: PurePosixPath) -> tuple[str, str]:
    """The student a path names: as written, and as a folder name. Raises Refused."""
    folders = [part for part in path.parts[:-1] if not _is_lesson(part)]
    if folders:
        raw = _MOODLE.sub("", folders[0])
    else:
        stem = path.stem
        canvas = _CANVAS.match(stem)
        if canvas:
            raw = canvas["student"]
        else:
            raw = stem
            for lesson in lessons():
                raw = re.sub(rf"[\s_.-]*{lesson.name}[\s_.-]*", "", raw)
    return raw, student_id(raw)


def student_id(raw: str) -> str:
    """A student's name as a safe folder name: letters of any script, digits, spaces and `. _ - ' @ +` are kept.

    Raises Refused if nothing is left.
    """
    name = unicodedata.normalize("NFC", raw)
    name = "".join(ch if ch.isalnum() or ch in " ._-'@+" else "_" for ch in name)
    name = " ".join(name.split()).strip(". ")[:100]
    if not any(ch.isalnum() for ch in name):
        raise Refused("its name names no student")
    return name


def _lesson_of(path: PurePosixPath, item: Item) -> Lesson:
    """The lesson a path or else a notebook's exercises belong to. Raises Refused."""
    for lesson in lessons():
        if lesson.name in str(path):
            return lesson
    if path.suffix == ".ipynb":
        try:
            names = grade_ids(item.read()).keys()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Refused("its name names no lesson, and it cannot be read; give --lesson") from None
        for lesson in lessons():
            known = grade_ids(lesson.release).keys()
            if len(names & known) > len(known) / 2:
                return lesson
    raise Refused("neither its name nor its exercises say which lesson it is; give --lesson")


def _store(gradebook: Gradebook, student: str, lesson: str, item: Item) -> str:
    content = item.read()
    target = gradebook.submitted / student / lesson / f"{lesson}.ipynb"
    action = "new"
    if target.exists():
        old = target.read_bytes()
        if old == content:
            return "unchanged"
        action = "replaced"
        kept = gradebook.folder / "replaced" / student / lesson
        kept.mkdir(parents=True, exist_ok=True)
        (kept / f"{len(list(kept.iterdir())) + 1}.ipynb").write_bytes(old)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    part.write_bytes(content)
    part.replace(target)
    (target.parent / "timestamp.txt").write_text(item.modified.strftime("%Y-%m-%d %H:%M:%S UTC\n"))
    return action
