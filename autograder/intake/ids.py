"""Who a student is, from one export to the next.

Two people never share an id. Where the system's number or login stands for the person, it is part of the id, or is the id. Moodle's
number stands for a person in one assignment only, so there the id is the name, and the number is added as soon as a name is known
to be borne by two: in one assignment, or in the roster. A roster that knows a number, an e-mail address or, of those who are
alone with it, a name, gives its own id. What was decided is kept in `collected.json`, and so holds for later exports.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from autograder.course import CourseError, write_whole
from autograder.intake.handed import Handed, Refused
from autograder.intake.roster import COLLECTED, NUMBER, Roster, safe

_MAX_ID_BYTES = 200  # A file name has at most 255.


def student_id(name: str, number: str = "") -> str:
    """A student's name as a safe folder name; a long one is cut, and marked so that it stays one of its own.

    Raises Refused if nothing is left.
    """
    parts = [part for part in (safe(name), safe(number)) if part]
    whole = NUMBER.join(parts).lstrip("-+@= ")  # No option of a command, no formula of a spreadsheet.
    if not any(ch.isalnum() for ch in whole):
        raise Refused("its name names no student")
    if len(whole.encode()) <= _MAX_ID_BYTES:
        return whole
    mark = hashlib.sha256(whole.encode()).hexdigest()[:8]
    return f"{whole.encode()[: _MAX_ID_BYTES - 9].decode('utf-8', 'ignore').strip('. ')}-{mark}"


class Ids:
    """The ids of those who handed in by one system, kept in `collected.json` from one export to the next."""

    def __init__(self, folder: Path, system: str, roster: Roster | None):
        self.path, self.system, self.roster = folder / COLLECTED, _KEYS.get(system, system.casefold()), roster
        try:
            self.known: dict[str, str] = json.loads(self.path.read_text(encoding="utf-8"))
            if not all(isinstance(x, str) for x in self.known.values()):
                raise ValueError
        except FileNotFoundError:
            self.known = {}
        except (OSError, ValueError, AttributeError):
            raise CourseError(
                f"{self.path}, which tells namesakes apart, cannot be read; restore it from a copy"
            ) from None
        # By id and lesson; by id alone where a number stands for the person in every assignment.
        self._taken: dict[tuple[str, str], tuple[str, str]] = {}
        for who, theirs in self.known.items():
            system, *rest = who.split(":", 2)
            if system == self.system:
                self._taken[theirs.casefold(), rest[0] if len(rest) == 2 else ""] = who, rest[-1]
        self._numbers: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._names: dict[str, set[str]] = defaultdict(set)

    def expect(self, all_handed: Iterable[Handed]) -> None:
        """Tell of everybody in an export before asking for the first id: namesakes show then."""
        for handed in all_handed:
            if handed.number:
                self._numbers[safe(handed.name).casefold(), handed.assignment].add(handed.number)
                self._names[handed.number].add(safe(handed.name))

    def of(self, handed: Handed, lesson: str) -> str:
        """The student's id. Raises Refused if another has it already."""
        if len(names := self._names[handed.number] - {""}) > 1 and handed.number:
            raise Refused(f"its number {handed.number} stands for several students: {', '.join(sorted(names)[:3])}")
        who = f"{self.system}:{handed.number or handed.written}"
        if not handed.everywhere:
            who = f"{self.system}:{lesson}:{handed.number}"
        found = self.known.get(who) or self._by_roster(handed, lesson, who) or self._by_system(handed, lesson)
        # Compared as a disk does that knows no small letters.
        for scope in (lesson, "") if handed.number and handed.everywhere else (lesson,):
            other, written = self._taken.setdefault((found.casefold(), scope), (who, handed.written or handed.number))
            if other != who:
                raise Refused(f"its student would share the id {found!r} with {written!r}")
        if handed.number:
            self.known[who] = found
        return found

    def _by_system(self, handed: Handed, lesson: str) -> str:
        if handed.number and handed.is_login:
            return student_id("", handed.number)
        numbered = handed.number and (handed.everywhere or handed.anonymous or self._shared(handed, lesson))
        return student_id(handed.name, handed.number if numbered else "")

    def _by_roster(self, handed: Handed, lesson: str, who: str) -> str:
        if self.roster is None or handed.anonymous:
            return ""
        # What `collect` itself wrote into the roster is a number of some system: only logins mean the same in another.
        number = handed.number if handed.everywhere and (handed.is_login or not self.roster.as_collected) else ""
        rows = {r.id: r for x in (number, handed.email, *handed.also) if (r := self.roster.find(x))}
        if len(rows) > 1:
            raise Refused(
                f"{number}, {handed.email or handed.also[0]}: several students of roster.csv: {', '.join(rows)}"
            )
        row = next(iter(rows.values()), None)
        if row is None and not self._shared(handed, lesson):
            row = self.roster.named(handed.name)
            if row and handed.everywhere and (row.lms_id or self._taken.get((row.id.casefold(), ""), (who,))[0] != who):
                row = None  # It is somebody with another number, who may call themselves what they like.
        return row.id if row and self.roster.times(row.id) == 1 else ""

    def _shared(self, handed: Handed, lesson: str) -> bool:
        """Whether more than one student is known to bear the name."""
        if not safe(handed.name):
            return False
        plain = student_id(handed.name)
        if len(self._numbers[safe(handed.name).casefold(), handed.assignment]) > 1:
            return True
        if self.roster is not None and self.roster.times(handed.name) > 1:
            return True
        for who, theirs in self.known.items():
            system, of, number = [*who.split(":", 2), "", ""][:3]
            if system == self.system and (
                theirs == student_id(handed.name, number)
                or (of == lesson and theirs == plain and number != handed.number)
            ):
                return True
        return False

    def write(self) -> None:
        """Keep what was decided. Raises CourseError."""
        if self.known:
            write_whole(self.path, json.dumps(self.known, ensure_ascii=False, indent=0, sort_keys=True))


# Names in collected.json that are not the system's in small letters.
_KEYS = {"plain files": "name"}
