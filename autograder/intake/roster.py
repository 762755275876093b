"""The class list, `gradebook/roster.csv`, and when two spellings are one name.

`id,name,email,section,lms_id`; only `id` is needed. `id` is what the student is called here; `lms_id` the number or login that the
LMS knows the student by, several separated by spaces.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields

from autograder import sheet
from autograder.course import CourseError, Gradebook

_APOSTROPHES = dict.fromkeys(map(ord, "\u2019\u2018\u02bc\u02b9\u00b4`\uff07"), "'")
# Between a student's name and the number or login by which the LMS tells them from a namesake.
NUMBER = "_"
COLLECTED, WRITTEN = "collected.json", "roster.csv"
"""Where `collect` keeps what it decided, and in there the roster as it wrote it."""
# Heads that people write, and the columns meant.
_HEADS = {"mail": "email", "emailaddress": "email", "fullname": "name", "group": "section", "lms": "lms_id", "lmsid": "lms_id", "login": "lms_id"}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One student of the class list; what it does not say is empty."""

    id: str
    name: str = ""
    email: str = ""
    section: str = ""
    lms_id: str = ""


def spelling(name: str) -> str:
    """A name in one spelling: composed accents, straight apostrophes, single spaces."""
    return " ".join(unicodedata.normalize("NFC", name).translate(_APOSTROPHES).split())


def safe(name: str) -> str:
    """A name in one spelling, of characters that a folder may bear: letters of any script, digits, spaces, `. _ - ' @ +`."""
    kept = "".join(ch if ch.isalnum() or ch in " ._-'@+" or unicodedata.combining(ch) else "_" for ch in spelling(name))
    return " ".join(kept.split()).strip(". ")


class Roster:
    """Who is in the class. A student is known by id, or by the name or the number that make one up, however spelt.

    `as_collected`: it is as `collect` wrote it, so it lists who handed in, and keeps nobody out.
    """

    def __init__(self, rows: Iterable[Entry], as_collected: bool = False):
        self.rows, self.as_collected = list(rows), as_collected
        self.ids = [row.id for row in self.rows]
        self._ids = {_key(known) for known in self.ids}
        self._times = Counter(_key(name) for row in self.rows for name in {row.id, row.name} - {""})
        self._by_number = _unique((_key(x), row) for row in self.rows for x in (row.id, row.email, *row.lms_id.split()))
        self._by_name = _unique((key, row) for row in self.rows for key in _name_keys(row.name or row.id))

    def __contains__(self, student: str) -> bool:
        return any(_key(form) in self._ids for form in _forms(student))

    def times(self, name: str) -> int:
        """How many of that name there are."""
        return self._times[_key(name)]

    def find(self, number: str) -> Entry | None:
        """The only student with this number, login or e-mail address."""
        return self._by_number.get(_key(number))

    def named(self, name: str) -> Entry | None:
        """The only student of that name: also `Last, First`, or `lastfirst` as Canvas writes it."""
        found = [row for key in _name_keys(name) if (row := self._by_name.get(key))]
        return found[0] if found and all(row == found[0] for row in found) else None

    def absent(self, students: Iterable[str]) -> set[str]:
        """The ids of those who are none of `students`."""
        present = {_key(form) for student in students for form in _forms(student)}
        return {known for known in self.ids if _key(known) not in present}


def _unique(pairs: Iterable[tuple[str, Entry]]) -> dict[str, Entry]:
    """Each key's entry, but for keys of several."""
    found: dict[str, set[Entry]] = defaultdict(set)
    for key, row in pairs:
        if key:
            found[key].add(row)
    return {key: next(iter(rows)) for key, rows in found.items() if len(rows) == 1}


def _key(name: str) -> str:
    return safe(name).casefold()


def _name_keys(name: str) -> set[str]:
    """What a name may be compared by: itself, the order of a list of names, and run together."""
    last, comma, given = spelling(name).partition(",")
    forms = {_key(f"{given} {last}" if comma else name)}
    words = spelling(f"{given} {last}" if comma else name).split()
    # Canvas's `lastfirst`: nobody knows where the last name begins.
    forms |= {re.sub(r"\W|_", "", "".join(words[n:] + words[:n])).casefold() for n in range(len(words))}
    return forms - {""}


def _forms(student: str) -> set[str]:
    name, _, number = student.rpartition(NUMBER)
    return {form for form in (student, name, number) if form}


def read_roster(gradebook: Gradebook) -> Roster | None:
    """The students in `gradebook/roster.csv`, or None if there is no such file.

    Raises CourseError if it is not a table of text.
    """
    path = gradebook.folder / "roster.csv"
    try:
        rows = sheet.read(path)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None
    heads = [_head(cell) for cell in rows[0]] if rows else []
    if not heads or heads[0] != "id":
        raise CourseError(f"{path}: the first column must be headed `id`")
    known = {field.name for field in fields(Entry)}
    cells = [{head: cell.strip() for head, cell in zip(heads, row, strict=False) if head in known} for row in rows[1:]]
    for row in cells:
        if (name := row.get("id", "")) and (name in (".", "..") or any(ch in name for ch in "/\\\0")):
            raise CourseError(
                f"{path}: the id {name!r} names a folder of submissions, so it should have no slash in it"
            )
    return Roster((Entry(**row) for row in cells if row.get("id")), as_collected=sha256 == _written(gradebook))


def _written(gradebook: Gradebook) -> str:
    """sha256 of the roster as `collect` wrote it; empty if it never did."""
    try:
        known = json.loads((gradebook.folder / COLLECTED).read_text(encoding="utf-8"))
        return str(known.get(WRITTEN, ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _head(cell: str) -> str:
    plain = re.sub(r"[\W_]", "", cell).casefold()
    return _HEADS.get(plain, plain)


def write_roster(gradebook: Gradebook, rows: Iterable[Entry]) -> str:
    """Write the class list, by id, and return its sha256. Raises CourseError."""
    ordered = sorted(rows, key=lambda row: _key(row.id))
    cells = ((row.id, *(safe(cell).lstrip("=+-@'") for cell in astuple(row)[1:])) for row in ordered)
    path = sheet.write(gradebook.folder / "roster.csv", [field.name for field in fields(Entry)], cells)
    return hashlib.sha256(path.read_bytes()).hexdigest()
