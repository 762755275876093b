"""Take in what a learning-management system exports: recognise its format, and store each student's newest notebook of each lesson.

Who handed a file in is read off the system's own part of its path (`systems/`), never off what a student named. The lesson is what
the exercises inside say, or else the path. Nothing outside the gradebook folder is ever written, whatever the export says its
files are called; a submission that is replaced, or came with a newer one, is kept in `replaced/`.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path

from autograder.authoring.source import grade_ids
from autograder.course import CourseError, Gradebook, Lesson, lessons, write_whole
from autograder.intake.export import Export, File
from autograder.intake.handed import Aside, Handed, Refused
from autograder.intake.ids import Ids
from autograder.intake.reader import Reader
from autograder.intake.receipt import Receipt, read_receipt, read_timestamp
from autograder.intake.roster import WRITTEN, Entry, Roster, read_roster, spelling, write_roster
from autograder.intake.systems import recognise

_GRADE_ID = re.compile(rb'"grade_id"\s*:\s*"([^"\\]{1,100})"')


@dataclass
class Collected:
    """What came of an export.

    system : whose format it has.
    submissions : (student, lesson, action), the action one of "new", "replaced", "unchanged", "without a notebook".
    older : files that gave way to another of the same student and lesson, and which; kept in `replaced/`.
    aside : files that are no submissions, though they look like some, and why: drafts, what was handed out.
    left_out : what was not taken in, and why. It is for a person to see to.
    enrolled : the students that were added to `roster.csv`.   strangers : those that it does not name.
    late : the submissions that the system itself calls late.   by_file_times : times are files' own, not the system's.
    """

    system: str = ""
    submissions: list[tuple[str, str, str]] = field(default_factory=list)
    older: list[tuple[str, str]] = field(default_factory=list)
    aside: list[tuple[str, str]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    enrolled: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    late: list[tuple[str, str]] = field(default_factory=list)
    by_file_times: bool = False


@dataclass(frozen=True)
class _Found:
    """A student's file, and its lesson; `by_exercises`: it holds that lesson's."""

    file: File
    handed: Handed
    lesson: Lesson
    by_exercises: bool

    @property
    def path(self) -> str:
        return str(self.file.path)

    @property
    def rank(self) -> tuple[object, ...]:
        """Which of a student's files counts: the last attempt's; of that, the one that is the lesson's; of these, the newest."""
        named = self.lesson.name in (self.handed.original or self.path)
        modified = self.file.modified.timestamp() if self.file.modified else 0.0
        return self.handed.order, self.by_exercises, named, self.handed.place, modified, self.path


def collect(export: Path, gradebook: Gradebook, lesson: Lesson | None = None) -> Collected:
    """Copy the export's submissions to `submitted/<student>/<lesson>/<lesson>.ipynb`, with receipts.

    `lesson` settles which lesson the files belong to, except for those whose exercises or names say that it is another.
    Raises CourseError if the export is neither a folder nor a readable archive, or the gradebook cannot be written.
    """
    outcome = Collected()
    with Export(export, gradebook.timezone) as opened:
        reader = recognise(opened)
        outcome.system = reader.name
        outcome.left_out += opened.left_out
        ids = Ids(gradebook.folder, reader.name, read_roster(gradebook))
        try:
            people = _take(reader, lesson, gradebook, ids, outcome)
            _enrol(gradebook, ids, people, outcome)
            ids.write()
        except OSError as error:
            where = error.filename or gradebook.folder
            raise CourseError(f"{where} cannot be written: {error.strerror or error}") from error
    return outcome


def _take(
    reader: Reader, lesson: Lesson | None, gradebook: Gradebook, ids: Ids, outcome: Collected
) -> dict[str, Handed]:
    """Store what the reader finds; returns who handed something in, by id."""
    found = list(_find(reader, lesson, outcome))
    ids.expect(one.handed for one in found)
    works: dict[tuple[str, str], list[_Found]] = defaultdict(list)
    for one in found:
        try:
            works[ids.of(one.handed, one.lesson.name), one.lesson.name].append(one)
        except Refused as reason:
            if one.file.is_notebook:
                outcome.left_out.append((one.path, str(reason)))
    _set_aside(works, lesson, outcome)
    people: dict[str, Handed] = {}
    with_notebook = {student for (student, _), files in works.items() if any(one.file.is_notebook for one in files)}
    without: list[tuple[str, str, str]] = []
    for (student, name), files in sorted(works.items(), key=lambda item: item[0]):
        notebooks = sorted((one for one in files if one.file.is_notebook), key=lambda one: one.rank)
        if notebooks and (two := _two_persons(notebooks, ids.roster)):
            outcome.left_out += [(one.path, two) for one in notebooks]
        elif notebooks:
            *others, newest = notebooks
            for other in others:
                of_one_attempt = newest.handed.order == other.handed.order and newest.rank[:3] != other.rank[:3]
                what = "the lesson's" if of_one_attempt else "newer"
                outcome.older.append((other.path, f"{newest.path} is {what}, of the same student"))
                _keep(gradebook, student, name, other.file.read(), _receipt(other, reader))
            receipt = _receipt(newest, reader)
            try:
                outcome.submissions.append((student, name, _store(gradebook, student, newest, receipt)))
            except Refused as reason:
                outcome.left_out.append((newest.path, str(reason)))
                continue
            people[student] = newest.handed
            outcome.by_file_times |= receipt.time_of == "file"
            if newest.handed.late:
                outcome.late.append((student, name))
        elif student not in with_notebook and (unopened := next((one for one in files if one.file.unopened), None)):
            outcome.left_out.append((unopened.path, unopened.file.unopened))
        elif student not in with_notebook and any(one.handed.is_work for one in files):
            # Handed in, but no notebook: an empty folder, so that the gradebook says so.
            (gradebook.submitted / student / name).mkdir(parents=True, exist_ok=True)
            without.append((student, name, "without a notebook"))
            people[student] = files[0].handed
    outcome.submissions += without
    return people


def _find(reader: Reader, given: Lesson | None, outcome: Collected) -> Iterator[_Found]:
    """The export's files that are somebody's, with their lessons; the others are told of."""
    lost: dict[tuple[str, str], str] = {}
    seen: set[tuple[str, str]] = set()
    for file in reader.export.files:
        try:
            handed = reader.whose(file.path)
            if handed is None:
                if file.is_notebook:
                    raise Refused(f"is not named as {reader.name} names submissions ({reader.layout})")
                continue
            who = (handed.name, handed.number)
            lesson, by_exercises = _lesson_of(file, given)
        except Aside as reason:
            if file.is_notebook:
                outcome.aside.append((str(file.path), str(reason)))
        except Refused as reason:
            if file.is_notebook:
                outcome.left_out.append((str(file.path), str(reason)))
        else:
            if file.is_notebook or (lesson and handed.is_work):
                seen.add(who)
            if lesson is None:
                if handed.is_work:
                    lost.setdefault(who, str(file.path))
            else:
                yield _Found(file, handed, lesson, by_exercises)
    for who, path in lost.items():
        if who not in seen:
            outcome.left_out.append((path, "is no notebook, and does not say which lesson it is; give --lesson"))


def _lesson_of(file: File, given: Lesson | None) -> tuple[Lesson | None, bool]:
    """The lesson a file belongs to, and whether its exercises say so: else its path does, the innermost part first, or else the
    lesson given. Raises Refused for a notebook that nothing tells of."""
    if file.is_notebook:
        # Found in the raw text: a file that was cut short still says which lesson it is.
        names = {name.decode("utf-8", "replace") for name in _GRADE_ID.findall(file.read())}
        shares = {lesson: _share(names, lesson) for lesson in lessons()}
        best = max(shares, key=lambda lesson: shares[lesson])
        if shares[best] > 0.5:
            return best, True
    for part in reversed(file.path.parts):
        named = max(lessons(), key=lambda lesson: part.rfind(lesson.name))
        if named.name in part:
            return named, False
    if given is None and file.is_notebook:
        raise Refused("neither its name nor its exercises say which lesson it is; give --lesson")
    return given, False


def _share(names: set[str], lesson: Lesson) -> float:
    known = _exercises(lesson)
    return len(names & known) / max(len(known), 1)


@cache
def _exercises(lesson: Lesson) -> frozenset[str]:
    return frozenset(grade_ids(lesson.release))


def _set_aside(works: dict[tuple[str, str], list[_Found]], given: Lesson | None, outcome: Collected) -> None:
    """Of a student's notebooks of several lessons, such as a whole course folder in one archive: only the lesson that was asked
    for, or else those that they touched."""
    lessons_of: dict[str, set[str]] = defaultdict(set)
    for (student, name), files in works.items():
        if any(one.file.is_notebook for one in files):
            lessons_of[student].add(name)
    for student, names in lessons_of.items():
        if given and given.name in names:
            gone = {
                name: f"is of another lesson than {given.name}, which is there too" for name in names - {given.name}
            }
        else:
            starter = any(one.handed.has_starter for name in names for one in works[student, name])
            untouched = (
                {name for name in names if _untouched(works[student, name])} if starter or len(names) > 1 else set()
            )
            gone = dict.fromkeys(untouched, "is as it was handed out") if starter or untouched != names else {}
        for name, why in gone.items():
            files = works.pop((student, name))
            outcome.aside += [(one.path, why) for one in files if one.file.is_notebook]


def _untouched(files: list[_Found]) -> bool:
    return all(_sources(one.file.read()) == _released(one.lesson) for one in files if one.file.is_notebook)


@cache
def _released(lesson: Lesson) -> list[str] | None:
    return _sources(lesson.release.read_bytes())


def _sources(content: bytes) -> list[str] | None:
    """What a notebook's cells say; None if it is none."""
    try:
        return ["".join(cell["source"]).strip() for cell in json.loads(content)["cells"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _two_persons(notebooks: list[_Found], roster: Roster | None) -> str:
    """Why several files may be several people's, where only a file's name says whose they are; empty if they are not."""
    name = notebooks[0].handed.name
    if not notebooks[0].handed.by_file_name or (roster and roster.times(name) == 1):
        return ""
    if len({one.file.read() for one in notebooks}) == 1:
        return ""
    return f"{len(notebooks)} files are called by the name {name!r}, perhaps of two people; put each into a folder of its student"


def _receipt(one: _Found, reader: Reader) -> Receipt:
    handed, file = one.handed, one.file
    time, time_of = handed.time, "export" if handed.time else ""
    if time is None and reader.file_times and file.modified:
        time, time_of = file.modified, "file"
    return Receipt(
        reader.name,
        reader.export.path.name,
        one.path,
        handed.original,
        handed.name,
        handed.number,
        handed.email,
        time.isoformat(timespec="seconds") if time else None,
        time_of,
        handed.late,
        handed.order or handed.place,
        file.modified.isoformat(timespec="seconds") if file.modified else None,
    )


def _store(gradebook: Gradebook, student: str, one: _Found, receipt: Receipt) -> str:
    """Make it the student's submission, unless it is there or older than what is; returns what was done. Raises Refused."""
    content, name = one.file.read(), one.lesson.name
    folder = gradebook.submitted / student / name
    target = folder / f"{name}.ipynb"
    action = "new"
    if target.exists():
        old = target.read_bytes()
        there = read_receipt(folder)
        if old == content:
            if there is None or _says_more(receipt, there):
                receipt.write(folder)
            return "unchanged"
        _be_newer(folder, there, receipt)
        action = "replaced"
        _keep(gradebook, student, name, old, there)
    receipt.write(folder)
    write_whole(target, content)
    return action


def _says_more(new: Receipt, there: Receipt) -> bool:
    """Of one and the same notebook: whether the system says now when it was handed in, or that it was again."""
    again = new.system == there.system and new.order > there.order
    return new.time_of == "export" and (there.time_of != "export" or again)


def _keep(gradebook: Gradebook, student: str, lesson: str, content: bytes, receipt: Receipt | None) -> None:
    """Keep a submission that another replaces, once."""
    folder = gradebook.folder / "replaced" / student / lesson
    kept = list(folder.glob("*.ipynb"))
    if not any(path.stat().st_size == len(content) and path.read_bytes() == content for path in kept):
        number = 1 + max((int(path.stem) for path in kept if path.stem.isdigit()), default=0)
        write_whole(folder / f"{number}.ipynb", content)
        if receipt:
            receipt.write(folder, f"{number}.json")


def _be_newer(folder: Path, there: Receipt | None, new: Receipt) -> None:
    """Raises Refused for an earlier attempt, or a file of an older export: it must not take the place of what came later."""
    if there and there.system == new.system and there.order and new.order:
        if new.order < there.order:
            raise Refused(f"is an earlier attempt than what is there ({there.file}); to take it, remove {folder}")
        return
    if there and there.when and new.when:
        before, now = there.when, new.when
    elif there and there.changed and new.changed:
        before, now = there.changed, new.changed
    elif not there and (stamp := read_timestamp(folder)) and (time := new.when or new.changed):
        before, now = stamp, time
    else:
        return
    if now < before - timedelta(seconds=2):  # Archives keep seconds by twos.
        raise Refused(
            f"is of {now:%Y-%m-%d %H:%M}, older than what is there ({before:%Y-%m-%d %H:%M}); to take it, remove {folder}"
        )


def _enrol(gradebook: Gradebook, ids: Ids, people: dict[str, Handed], outcome: Collected) -> None:
    """Write the class list where there is none, add to it while nobody edited it, and else tell of those it does not name.

    Anonymous names are for one assignment: no class is made of them.
    """
    roster = ids.roster
    if roster and not roster.as_collected:
        outcome.strangers = sorted(student for student in people if student not in roster)
        return
    if not people or any(handed.anonymous for handed in people.values()):
        return
    known = {row.id: row for row in roster.rows} if roster else {}
    there = {path.name for path in gradebook.submitted.iterdir() if path.is_dir() and not path.is_symlink()}
    for student in sorted(people.keys() | there):
        if student not in known:
            handed = people.get(student, Handed(""))
            number = handed.number if handed.everywhere and handed.number != handed.email else ""
            numbers = [x for x in (number, *handed.also) if x and x != handed.email]
            known[student] = Entry(student, spelling(handed.name), handed.email, "", " ".join(numbers))
            outcome.enrolled.append(student)
    if outcome.enrolled:
        ids.known[WRITTEN] = write_roster(gradebook, known.values())
