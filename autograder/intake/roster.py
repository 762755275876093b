"""The class list, `gradebook/roster.csv`, and when two spellings are one name."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable

from autograder import sheet
from autograder.course import CourseError, Gradebook

_APOSTROPHES = dict.fromkeys(map(ord, "\u2019\u2018\u02bc\u02b9\u00b4`\uff07"), "'")
# Between a student's name and the number or login by which the LMS tells them from a namesake.
NUMBER = "_"


def spelling(name: str) -> str:
    """A name in one spelling: composed accents, straight apostrophes, single spaces."""
    return " ".join(unicodedata.normalize("NFC", name).translate(_APOSTROPHES).split())


def safe(name: str) -> str:
    """A name in one spelling, of characters that a folder may bear: letters of any script, digits, spaces, `. _ - ' @ +`."""
    kept = "".join(ch if ch.isalnum() or ch in " ._-'@+" or unicodedata.combining(ch) else "_" for ch in spelling(name))
    return " ".join(kept.split()).strip(". ")


class Roster:
    """Who is in the class. A student is known by id, or by the name or the number that make one up, however spelt."""

    def __init__(self, ids: Iterable[str]):
        self.ids = list(ids)
        self._times = Counter(_key(known) for known in self.ids)

    def __contains__(self, student: str) -> bool:
        return any(form in self._times for form in _forms(student))

    def times(self, name: str) -> int:
        """How many of that name there are."""
        return self._times[_key(name)]

    def absent(self, students: Iterable[str]) -> set[str]:
        """The ids of those who are none of `students`."""
        present = {form for student in students for form in _forms(student)}
        return {known for known in self.ids if _key(known) not in present}


def _key(name: str) -> str:
    return safe(name).casefold()


def _forms(student: str) -> set[str]:
    name, _, number = student.rpartition(NUMBER)
    return {_key(form) for form in (student, name, number) if form}


def read_roster(gradebook: Gradebook) -> Roster | None:
    """The students in `gradebook/roster.csv` (first column, header `id`), or None if there is no such file.

    Raises CourseError if it is not a table of text.
    """
    path = gradebook.folder / "roster.csv"
    try:
        rows = sheet.read(path)
    except FileNotFoundError:
        return None
    if not rows or rows[0][0].strip() != "id":
        raise CourseError(f"{path}: the first column must be headed `id`")
    return Roster(row[0].strip() for row in rows[1:] if row[0].strip())
