"""Grades and feedback as a learning-management system takes them back, by its own column heads and file names.

    canvas       Gradebook > Import: Student, ID, SIS User ID, SIS Login ID, Section, a column each; then the row of points possible.
                 Feedback: Assignment > Upload Submissions takes a zip of files named as it handed them out.
    moodle       Assignment > Upload grading worksheet: Identifier, Full name, ..., Grade, ...: a file for each lesson, since the
                 identifier is the participant's in that assignment. Feedback: Upload multiple feedback files in a zip.
    blackboard   Gradebook > Upload: Last Name, First Name, Username, a column `NAME [Total Pts: N Score]` each.
    brightspace  Grades > Import: OrgDefinedId or Username, `NAME Points Grade <Numeric MaxPoints:N>`, End-of-Line Indicator.
    gradescope   No import of scores is documented; a file for each lesson, by the heads of its own Download Grades.

Which assignment a column belongs to only the system knows: its title must be the lesson's name, or else the system's own export is
filled (`into`), which keeps every column and row of it. Whoever handed nothing in stays empty: what that means is the system's to say.
"""

from __future__ import annotations

import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import methodcaller
from pathlib import Path, PurePosixPath

from autograder import sheet
from autograder.course import CourseError, Gradebook, Lesson
from autograder.course import lessons as every_lesson
from autograder.intake.receipt import Receipt, read_receipt
from autograder.intake.roster import NUMBER, Entry, Roster, read_roster, safe
from autograder.printable import printable
from autograder.sheet import number
from autograder.telling.report import BY_A_GRADER, Result, by_student

POINTS_ROW = "    Points Possible"
END_OF_LINE = "End-of-Line Indicator"
_WORKSHEET = [
    "Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade", "Grade can be changed", "Last modified (submission)",
    "Last modified (grade)", "Feedback comments",
]  # fmt: skip
_GRADESCOPE = [
    "First Name", "Last Name", "SID", "Email", "Sections", "Total Score", "Max Points", "Status", "Submission ID", "Submission Time",
    "Lateness (H:M:S)",
]  # fmt: skip
# The columns by which the systems' own exports name a student.
_IDS = {
    "id", "sis user id", "sis login id", "username", "orgdefinedid", "identifier", "email address", "email", "sid", "student id",
    "id number",
}  # fmt: skip
# Moodle's worksheet is in the language of the site: the identifier comes first, and this is the column of grades.
_GRADE = {"grade", "bewertung", "note", "calificación", "nota", "valutazione", "cijfer"}
# How the systems write the points possible: in the head of a column, or in a column of their own.
_MOST = re.compile(r"\[Total Pts: (?:up to )?([\d.]+)|MaxPoints:([\d.]+)")
_MAXIMUM_HEADS = ("maximum grade", "max points")


@dataclass
class Person:
    """A student as systems know one. `own_id` is what the roster, if a person wrote it, calls them, `lms_ids` what it says the system
    does; `receipts` are of what they handed in, by lesson."""

    id: str
    own_id: str = ""
    name: str = ""
    email: str = ""
    section: str = ""
    lms_ids: list[str] = field(default_factory=list)
    receipts: dict[str, Receipt] = field(default_factory=dict)

    def known_to(self, system: str) -> str:
        """The number or login that the system gave for them with a submission; empty if it gave none."""
        return next((r.number for r in self.receipts.values() if r.system.casefold() == system and r.number), "")

    def participant(self, lesson: str) -> str:
        """Moodle's number for them in one assignment."""
        receipt = self.receipts.get(lesson)
        return receipt.number if receipt is not None and receipt.system == "Moodle" else ""

    @property
    def names(self) -> tuple[str, str]:
        """Last and first name, as well as a name can be taken apart."""
        last, comma, first = (part.strip() for part in self.name.partition(","))
        if not comma:
            first, _, last = self.name.strip().rpartition(" ")
        return last, first

    @property
    def internal(self) -> set[str]:
        """Numbers that mean something within one system only, and nothing in its column of student numbers."""
        return {
            r.number
            for r in self.receipts.values()
            if r.system in ("Canvas", "Brightspace", "Moodle", "GitHub Classroom")
        }

    @property
    def keys(self) -> set[str]:
        """All that stands for them anywhere, to be found by."""
        logins = {r.number for r in self.receipts.values()} - self.internal
        return {x.casefold() for x in {self.own_id, self.email, *self.lms_ids, *logins} if x}


@dataclass
class Handout:
    """The files made, and what a person must know of them, a sentence each."""

    files: list[Path] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


def people(gradebook: Gradebook, results: Iterable[Result]) -> dict[str, Person]:
    """Who they are, by id: as the roster says, or else as the exports said that their work came in."""
    roster = read_roster(gradebook)
    rows = {row.id: row for row in roster.rows} if roster is not None else {}
    found: dict[str, Person] = {}
    for result in results:
        person = found.setdefault(result.student, Person(result.student))
        receipt = read_receipt(gradebook.submitted / result.student / result.lesson)
        if receipt is not None:
            person.receipts[result.lesson] = receipt
    for person in found.values():
        row = rows.get(person.id)
        if roster is not None and row is not None:
            person.name, person.email, person.section = row.name, row.email, row.section
            person.lms_ids = [x for x in row.lms_id.split() if x not in person.internal]
            collected = roster.as_collected or any(row.id.endswith(NUMBER + n) for n in person.internal)
            person.own_id = "" if collected or " " in row.id else row.id
        person.email = person.email or next((r.email for r in person.receipts.values() if r.email), "")
        # Canvas's is no name: `lastfirst`, in small letters.
        said = next((r.name for r in person.receipts.values() if r.name and r.system != "Canvas"), "")
        person.name = person.name or said or person.id.rpartition(NUMBER)[0] or person.id
    return found


def grade_files(
    gradebook: Gradebook, results: list[Result], lessons: list[Lesson], system: str, into: Path | None = None
) -> Handout:
    """Write the CSV that the system imports, `grades-SYSTEM.csv` or one for each lesson, into the gradebook's folder.

    Raises CourseError for an unknown system, where nothing is graded, or if `into`, the system's own export, has no column
    for a lesson.
    """
    if system not in SYSTEMS:
        raise CourseError(f"There is no {system!r}; expected one of: {', '.join(SYSTEMS)}")
    graded = [result for result in results if result.points]
    names = [lesson.name for lesson in lessons if any(r.lesson == lesson.name for r in graded)]
    if not names:
        raise CourseError(f"There is nothing graded in {gradebook.folder} yet; first: autograder grade")
    table = _Table(gradebook, people(gradebook, results), names, graded)
    if into is not None:
        return _filled(table, into, system)
    SYSTEMS[system](table)
    if not table.handout.files:
        raise CourseError(
            f"{system.capitalize()} knows none of the graded students by what their work came with; give its ids in the column "
            "lms_id of roster.csv, or fill its own export, which may also know them by name: --into EXPORT.csv"
        )
    return table.handout


class _Table:
    """What every system's file is made of."""

    def __init__(self, gradebook: Gradebook, persons: dict[str, Person], lessons: list[str], graded: list[Result]):
        self.gradebook, self.persons, self.lessons = gradebook, persons, lessons
        self.by = by_student(graded)
        self.most = {name: max(r.maximum for r in graded if r.lesson == name) for name in lessons}
        self.handout = Handout()
        self._unknown: list[str] = []
        self._ordered = sorted(self.by, key=str.casefold)

    def score(self, student: str, lesson: str) -> str:
        result = self.by[student].get(lesson)
        return "" if result is None else number(result.score)

    def scores(self, student: str) -> list[str]:
        return [self.score(student, name) for name in self.lessons]

    def keyed(self, key: Callable[[Person], str], lesson: str = "") -> list[tuple[Person, str]]:
        """The graded students with what the system knows them by; who has none is told of."""
        found = []
        for student in self._ordered:
            person = self.persons[student]
            if lesson and lesson not in self.by[student]:
                continue
            if written := key(person):
                found.append((person, written))
                if sheet.cell(written) != written:
                    self.tell(
                        f"{student!r}: {written!r} would be a formula, so a quote stands in front of it; enter the points by hand"
                    )
            else:
                self._unknown.append(student)
        return found

    def tell(self, sentence: str) -> None:
        self.handout.told.append(printable(sentence))

    def write(self, name: str, header: list[str], rows: list[list[str]], above: Sequence[list[str]] = ()) -> None:
        """Write a file, unless it has no row of a student; `above` them may stand others."""
        if not rows:
            return
        self.handout.files.append(sheet.write(self.gradebook.folder / name, header, [*above, *rows], end="\r\n"))

    def tell_of_unknown(self, missing: str) -> None:
        if self._unknown:
            unknown = list(dict.fromkeys(self._unknown))
            self.tell(f"left out, for want of {missing} (roster.csv may say it): {', '.join(unknown)}")


def _canvas(table: _Table) -> None:
    def ids(person: Person) -> list[str]:
        """Canvas's own number, by which it finds a student at once; the student number, the login."""
        own = person.known_to("canvas")
        numbers = [x for x in person.lms_ids if x.isdigit()] + [person.own_id]
        logins = [x for x in person.lms_ids if not x.isdigit()]
        return [own if own.isdigit() else "", numbers[0], next(iter(logins), "")]

    found = table.keyed(lambda person: next(filter(None, ids(person)), ""))
    table.write(
        "grades-canvas.csv",
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *table.lessons],
        [[_last_first(person), *ids(person), person.section, *table.scores(person.id)] for person, _ in found],
        [[POINTS_ROW, "", "", "", "", *(number(table.most[name]) for name in table.lessons)]],
    )
    table.tell_of_unknown("Canvas's number, a student number or a login")


def _last_first(person: Person) -> str:
    last, first = person.names
    return f"{last}, {first}" if first else last


def _moodle(table: _Table) -> None:
    for lesson in table.lessons:
        rows = []
        for person, key in table.keyed(methodcaller("participant", lesson), lesson):
            result = table.by[person.id][lesson]
            blind = person.receipts[lesson].name.casefold() == "participant"
            who = ["", ""] if blind else [person.name, person.email]
            rows.append(
                [
                    f"Participant {key}",
                    *who,
                    "",
                    number(result.score),
                    number(table.most[lesson]),
                    "Yes",
                    "-",
                    "-",
                    _comment(result),
                ]
            )
        table.write(f"grades-moodle-{lesson}.csv", _WORKSHEET, rows)
    table.tell_of_unknown("Moodle's participant number, which a submission from Moodle has")


def _comment(result: Result) -> str:
    """What was lost and why, for the column of comments: HTML to Moodle."""
    said = [result.late[0].upper() + result.late[1:]] if result.late else []
    said += [
        f"{name}: {number(score)} of {number(most)}. {result.lost.get(name, BY_A_GRADER)}"
        for name, (score, most) in result.points.items()
        if score < most
    ]
    escaped = (printable(line).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for line in said)
    return "<br>".join(" ".join(line.split()) for line in escaped)


def _blackboard(table: _Table) -> None:
    found = table.keyed(lambda person: person.known_to("blackboard") or next(iter(person.lms_ids), person.own_id))
    heads = [f"{name} [Total Pts: {number(table.most[name])} Score]" for name in table.lessons]
    table.write(
        "grades-blackboard.csv",
        ["Last Name", "First Name", "Username", *heads],
        [[*person.names, key, *table.scores(person.id)] for person, key in found],
    )
    table.tell_of_unknown("a user name")


def _brightspace(table: _Table) -> None:
    """Its download names a number of its own that its import does not know: only the roster can say the id or the login."""
    heads = [f"{name} Points Grade <Numeric MaxPoints:{number(table.most[name])}>" for name in table.lessons]
    found = table.keyed(lambda person: next(iter(person.lms_ids), person.own_id))
    kinds = [("OrgDefinedId", True), ("Username", False)]
    used = [(head, digits) for head, digits in kinds if any(key.isdigit() == digits for _, key in found)]
    table.write(
        "grades-brightspace.csv",
        [*(head for head, _ in used), *heads, END_OF_LINE],
        # As its own exports write ids: a spreadsheet takes away no leading zero.
        [
            [*(f"#{key}" if key.isdigit() == digits else "" for _, digits in used), *table.scores(person.id), "#"]
            for person, key in found
        ],
    )
    table.tell_of_unknown("the OrgDefinedId or user name")


def _gradescope(table: _Table) -> None:
    for lesson in table.lessons:
        rows = []
        for person, key in table.keyed(lambda person: person.email or person.known_to("gradescope"), lesson):
            result = table.by[person.id][lesson]
            last, first = person.names
            late = (
                max(int((result.handed_in - result.due).total_seconds()), 0) if result.handed_in and result.due else 0
            )
            when = f"{result.handed_in:%Y-%m-%d %H:%M:%S} +0000" if result.handed_in else ""
            sid = next((x for x in person.lms_ids if "@" not in x), "")
            rows.append([
                first, last, sid, key, person.section, number(result.score), number(table.most[lesson]), "Graded", "", when,
                f"{late // 3600:02}:{late // 60 % 60:02}:{late % 60:02}",
            ])  # fmt: skip
        table.write(f"grades-gradescope-{lesson}.csv", _GRADESCOPE, rows)
    table.tell_of_unknown("an e-mail address")


SYSTEMS: dict[str, Callable[[_Table], None]] = {
    "canvas": _canvas,
    "moodle": _moodle,
    "blackboard": _blackboard,
    "brightspace": _brightspace,
    "gradescope": _gradescope,
}


# --- Into the system's own export -------------------------------------------------------------------------------------


def _filled(table: _Table, export: Path, system: str) -> Handout:
    """The system's own export with our points in it."""
    try:
        rows = sheet.read(export)
    except FileNotFoundError:
        raise CourseError(f"{export} does not exist") from None
    if rows and system == "moodle" and re.fullmatch(r"\D*\d+", rows[-1][0].strip()):
        rows[0][0] = rows[0][0].strip()
        id_columns = [0, *(n for n, head in enumerate(rows[0]) if n and head.strip().casefold() in _IDS)]
    elif not rows or not (id_columns := [n for n, head in enumerate(rows[0]) if head.strip().casefold() in _IDS]):
        raise CourseError(
            f"{export} has no column that names students; expected one of: ID, Username, OrgDefinedId, Identifier, Email"
        )
    heads = [head.strip() for head in rows[0]]
    columns = _columns(heads, table.lessons, export)
    if without := [name for name in table.lessons if name not in columns]:
        table.tell(f"graded, but without a column in {export.name}: {', '.join(without)}")
    students = _finder(table, list(columns), system)
    named = _by_name(table, heads, rows[1:], system, list(columns))
    found: set[str] = set()
    by_name: list[str] = []
    width = len(heads)
    for row in rows[1:]:
        row += [""] * (width - len(row))
    by_id = [students(heads, [(n, row[n]) for n in id_columns]) for row in rows[1:]]
    for row, student in zip(rows[1:], by_id, strict=True):
        if student is None:
            student = named(row)
            if student is None or student in by_id:
                continue
            by_name.append(student)
        for lesson, n in columns.items():
            if score := table.score(student, lesson):
                found.add(student)
                row[n] = score
    for lesson, n in columns.items():
        theirs = _points_possible(heads, n, rows[1:])
        if theirs and abs(theirs - table.most[lesson]) > 1e-6:
            table.tell(
                f"{lesson}: {heads[n]!r} has {number(theirs)} points there, and {number(table.most[lesson])} here"
            )
    if by_name:
        table.tell(f"known by name alone, which is nobody else's: {', '.join(sorted(by_name))}")
    missing = [s for s in table.by if s not in found and any(table.score(s, lesson) for lesson in columns)]
    if missing:
        table.tell(f"graded, but not in {export.name}: {', '.join(sorted(missing))}")
    if not found:
        raise CourseError(
            f"None of the graded students is in {export.name}, by its columns {', '.join(heads[n] for n in id_columns)}, or by name"
        )
    lesson = f"-{next(iter(columns))}" if system in ("moodle", "gradescope") else ""
    table.write(f"grades-{system}{lesson}.csv", rows[0], rows[1:])
    return table.handout


def _columns(heads: list[str], lessons: list[str], export: Path) -> dict[str, int]:
    """The column of each lesson, by its head."""
    plain = [n for n, head in enumerate(heads) if head.casefold() in _GRADE | {"total score"}]
    if len(plain) == 1:  # A file of one assignment.
        if len(lessons) != 1:
            raise CourseError(
                f"{export.name} is of one assignment; name its lesson: autograder grades LESSON --for ... --into ..."
            )
        return {lessons[0]: plain[0]}
    columns = {}
    for lesson in lessons:
        digits, _, topic = lesson.partition("_")
        forms = [
            re.escape(lesson),
            rf"\b{topic.replace('_', ' ')}\b",
            rf"\b(lesson|exercise|notebook|week) *0*{int(digits)}\b",
        ]
        for form in forms:
            taken = _titled(heads) if form is forms[2] else set()
            match = [n for n, head in enumerate(heads) if n not in taken and re.search(form, head, re.IGNORECASE)]
            if len(match) > 1:
                shown = " or ".join(repr(heads[n]) for n in match)
                raise CourseError(f"{export.name}: {lesson} may be {shown}; leave one of them in the file")
            if match:
                columns[lesson] = match[0]
                break
    if not columns:
        raise CourseError(
            f"{export.name} has no column for {', '.join(lessons)}; a head must say the lesson's name, and these are: {', '.join(map(repr, heads))}"
        )
    return columns


def _titled(heads: list[str]) -> set[int]:
    """The columns that say some lesson's name or title: a number in there, `Week 2`, is of no other lesson."""
    topics = [lesson.topic.replace("_", " ") for lesson in every_lesson()]
    titles = re.compile(
        "|".join([*(lesson.name for lesson in every_lesson()), *(rf"\b{t}\b" for t in topics)]), re.IGNORECASE
    )
    return {n for n, head in enumerate(heads) if titles.search(head)}


def _finder(table: _Table, lessons: list[str], system: str) -> Callable[[list[str], list[tuple[int, str]]], str | None]:
    """Finds the student of a row by its columns of ids; a key that two share finds nobody."""
    known: dict[str, set[str]] = defaultdict(set)
    participants: dict[str, set[str]] = defaultdict(set)
    canvas: dict[str, set[str]] = defaultdict(set)
    for student, person in table.persons.items():
        canvas[person.known_to("canvas")].add(student)
        for key in person.keys:
            known[key].add(student)
        for lesson in lessons:
            if participant := person.participant(lesson):
                participants[participant].add(student)

    def find(heads: list[str], ids: list[tuple[int, str]]) -> str | None:
        for n, written in ids:
            if not written.strip():
                continue
            if heads[n] == "ID" and system == "canvas":
                fits = canvas.get(written.strip(), set())
            elif n == 0 and system == "moodle":
                digits = re.search(r"\d+$", written.strip())
                fits = participants.get(digits[0], set()) if digits else set()
            else:
                fits = known.get(written.strip().removeprefix("#").casefold(), set())
            if len(fits) == 1:
                return next(iter(fits))
        return None

    return find


def _by_name(
    table: _Table, heads: list[str], rows: list[list[str]], system: str, lessons: list[str]
) -> Callable[[list[str]], str | None]:
    """Finds the student of a row by name: one that nobody else in the file bears, nor among ours; never one whom the system's
    own number stands for."""
    plain = [head.casefold() for head in heads]

    def name(row: list[str]) -> str:
        for whole in ("student", "full name", "name"):
            if whole in plain:
                return row[plain.index(whole)].strip()
        if "last name" in plain and "first name" in plain:
            return f"{row[plain.index('last name')]}, {row[plain.index('first name')]}".strip(" ,")
        return ""

    def has_number(person: Person) -> bool:
        """Whether the file would name them by what their work came with. Brightspace's downloads have another number."""
        return bool(system != "brightspace" and person.known_to(system)) or any(map(person.participant, lessons))

    everybody = Roster(Entry(p.id, p.name) for p in table.persons.values())
    numberless = {p.id for p in table.persons.values() if not has_number(p)}
    theirs = Counter(name(row).casefold() for row in rows if len(row) == len(heads))

    def find(row: list[str]) -> str | None:
        written = name(row)
        entry = everybody.named(written) if written and theirs[written.casefold()] == 1 else None
        return entry.id if entry is not None and entry.id in numberless else None

    return find


def _points_possible(heads: list[str], n: int, rows: list[list[str]]) -> float | None:
    """How many points the system has for a column, in whichever way it says that."""
    said = next((group for m in [_MOST.search(heads[n])] if m for group in m.groups() if group), "")
    if not said:
        said = next((row[n] for row in rows if row[0].strip() == POINTS_ROW.strip()), "")
    if not said:
        at = next((i for i, head in enumerate(heads) if head.casefold() in _MAXIMUM_HEADS), None)
        said = next((row[at] for row in rows if at is not None and row[at]), "")
    try:
        return float(said)
    except ValueError:
        return None


# --- Feedback ---------------------------------------------------------------------------------------------------------


def feedback_zips(gradebook: Gradebook, results: list[Result], lessons: list[Lesson], system: str) -> Handout:
    """Write `feedback-SYSTEM-LESSON.zip` with the pages that are there, each by the name under which the system knows whose it is.

    Raises CourseError for a system that takes none back, or where there is no page to hand out.
    """
    if system not in _PLACES:
        raise CourseError(f"{system!r} takes no feedback back in a zip; expected one of: {', '.join(_PLACES)}")
    handout = Handout()
    persons = people(gradebook, results)
    for lesson in lessons:
        pages: dict[str, Path] = {}
        unknown = []
        for student, person in sorted(persons.items()):
            page = gradebook.feedback / student / lesson.name / f"{lesson.name}.html"
            if not page.exists():
                continue
            receipt = person.receipts.get(lesson.name)
            place = _PLACES[system](receipt, lesson.name) if receipt is not None else ""
            if place:
                pages[place] = page
            else:
                unknown.append(student)
        if pages:
            handout.files.append(_zip(gradebook.folder / f"feedback-{system}-{lesson.name}.zip", pages))
        if unknown:
            handout.told.append(
                printable(
                    f"{lesson.name}: not in the zip, since their work did not come from {system.capitalize()}'s export: {', '.join(unknown)}"
                )
            )
    if not handout.files:
        raise CourseError(
            f"There is no feedback on work that came from {system.capitalize()}'s export in {gradebook.folder}"
        )
    return handout


def _moodle_place(receipt: Receipt, lesson: str) -> str:
    """Moodle reads the number off the second piece, and the file's name off the rest."""
    if receipt.system != "Moodle" or not receipt.number.isdigit():
        return ""
    name = safe(receipt.name).replace("_", " ").strip(" .~") or "Participant"
    return f"{name}_{receipt.number}_assignsubmission_file_{lesson}_feedback.html"


def _canvas_place(receipt: Receipt, lesson: str) -> str:
    """Canvas reads the first two numbers among the pieces: the user's, and that of the file which was handed in."""
    if receipt.system != "Canvas":
        return ""
    for part in PurePosixPath(receipt.file).parts:
        pieces = part.split("_")
        numbers = [n for n, piece in enumerate(pieces) if piece.isdecimal() and piece.isascii()]
        if len(numbers) > 1 and pieces[numbers[0]] == receipt.number:
            return f"{safe('_'.join(pieces[: numbers[1] + 1]))}_{lesson}_feedback.html"
    return ""


_PLACES: dict[str, Callable[[Receipt, str], str]] = {"canvas": _canvas_place, "moodle": _moodle_place}


def _zip(path: Path, pages: dict[str, Path]) -> Path:
    part = path.with_name(path.name + ".part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for place, page in pages.items():
                archive.write(page, place)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise CourseError(f"{path} cannot be written: {error.strerror or error}") from error
    return path
