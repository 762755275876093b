"""Whose is a file of an export? Each learning-management system says so in its own part of the path:

    Canvas           lastfirst_[LATE_]USER_ATTACHMENT_name.ipynb          anon_ab12C_ATTACHMENT_name.ipynb
    Moodle           Name_NUMBER_assignsubmission_file_/name.ipynb        or flat; blind: Participant_NUMBER_...
    Blackboard       Assignment_LOGIN_attempt_2026-01-15-12-00-00_name.ipynb
    Brightspace      NUMBER-FOLDER - Name - Jan 15, 2026 1159 PM/name.ipynb
    Sakai            Last, First(LOGIN)/Submission attachment(s)/name.ipynb
    Gradescope       submission_NUMBER/name.ipynb, and who that is in submission_metadata.yml
    anything else    STUDENT/name.ipynb   STUDENT - 01_chain_rule.ipynb   01_chain_rule_STUDENT.ipynb

Two people never share an id. Where the system's number or login stands for the person, it is part of the id. Moodle's number
stands for a person in one assignment only, so there the id is the name, and the number is added as soon as a name is known to
be borne by two: in one assignment, or in the roster. What was decided is kept in `collected.json`, and so holds for later exports.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

import yaml

from autograder.course import CourseError, write_whole
from autograder.intake.roster import NUMBER, Roster, safe, spelling

GRADESCOPE_LIST = "submission_metadata.yml"
_MAX_ID_BYTES = 200  # A file name has at most 255.

# The system's part comes first in a name, so each takes the first place that fits: what follows is the student's.
_CANVAS = re.compile(r"(?P<name>.+?)_(LATE_)?(?P<number>\d+)_(?P<order>\d+)_", re.IGNORECASE)
_CANVAS_ANONYMOUS = re.compile(r"(?P<name>anon)_(LATE_)?(?P<number>[A-Za-z0-9]{5})_(?P<order>\d+)_")
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(file|onlinetext)(_|$)")
_BLACKBOARD = re.compile(r"(?P<head>.+?_(?P<number>[^_]+))_attempt_(?P<time>\d{4}(-\d\d){5})")
_BRIGHTSPACE = re.compile(
    r"(?P<number>\d+)-\d+ - (?P<name>.+?)( - (?P<time>[A-Z][a-z]+ \d{1,2}, \d{4} \d{3,4} ?[AP]M)( - .*)?)?$"
)
_SAKAI = re.compile(r"(?P<last>[^(]+?)(, (?P<first>[^(]+?))? ?\((?P<number>[^()]+)\)$")
_SAKAI_WORK, _SAKAI_FEEDBACK = "Submission attachment", "Feedback Attachment"
_GRADESCOPE = re.compile(r"submission_(?P<number>\d+)$")
_COPIED = re.compile(r"^(copy of|kopie von|copie de|copia de)\s+|\s*\(\d+\)$|[ -]+copy$", re.IGNORECASE)


class Refused(Exception):
    """Why a file of the export is not taken in."""


@dataclass(frozen=True)
class Handed:
    """Whose a file is, as its system says: the name, and a number or login (empty if it knows none). `written` is that part
    of the path in full; `order` sorts a student's attempts; `everywhere`: the number stands for the person in every
    assignment; `is_work`: not a receipt of the system."""

    system: str
    name: str
    number: str = ""
    written: str = ""
    order: tuple[int, ...] = ()
    everywhere: bool = True
    is_work: bool = True


def submitters(content: bytes) -> dict[str, list[tuple[str, str]]]:
    """Gradescope's list: the name and e-mail address (or student number) of those who handed in each folder. Raises Refused."""
    try:
        listed = yaml.load(content[: 10 * 2**20], Loader=_Untagged)
        return {
            str(folder): [
                (str(who.get(":name") or ""), str(who.get(":email") or who.get(":sid") or ""))
                for who in entry.get(":submitters") or []
            ]
            for folder, entry in listed.items()
        }
    except (yaml.YAMLError, AttributeError, ValueError, RecursionError) as error:
        raise Refused(f"cannot be read as Gradescope's list of submissions ({type(error).__name__})") from None


class _Untagged(yaml.SafeLoader):
    """YAML without Ruby's objects: what Gradescope writes holds some."""


_Untagged.add_multi_constructor("!", lambda loader, tag, node: None)


class Shape:
    """How one export is laid out: which folders lead to the students, and what the systems' lists say."""

    def __init__(self, paths: list[PurePosixPath], lessons: list[str], gradescope: dict[str, list[tuple[str, str]]]):
        self.lessons, self.gradescope = lessons, gradescope
        notebooks = [path for path in paths if path.suffix.lower() == ".ipynb"] or paths
        self.shared = _shared_folders(notebooks, paths)
        self.lead = self._lead(notebooks)

    def handed(self, path: PurePosixPath) -> Handed:
        """Whose the file is. Raises Refused."""
        for place, part in enumerate(path.parts[: self.shared + 2]):
            if place > self.shared and not all(p in self.lessons for p in path.parts[self.shared : place]):
                break
            found = self._by_system(part, path.parts[place + 1 :])
            if found:
                return found
        folders = [part for part in path.parts[self.lead : -1] if part not in self.lessons]
        name = spelling(folders[0] if folders else self._in_file_name(path.stem))
        listing = not folders and path.suffix.lower() != ".ipynb" and not any(x in path.stem for x in self.lessons)
        return Handed("name", name, written=name, is_work=not listing)

    def _by_system(self, part: str, rest: tuple[str, ...]) -> Handed | None:
        if m := _BLACKBOARD.match(part):
            receipt = bool(re.fullmatch(r"\.txt", part[m.end() :]))
            time = tuple(map(int, m["time"].split("-")))
            return Handed("blackboard", "", m["number"], m["head"], time, is_work=not receipt)
        if m := _MOODLE.match(part):
            return Handed("moodle", m["name"], m["number"], m["name"], everywhere=False)
        if (m := _BRIGHTSPACE.match(part)) and (rest or m["time"]):
            return Handed("brightspace", m["name"], m["number"], m["number"], _order(m["time"]))
        if rest:
            if (m := _SAKAI.match(part)) and (m["first"] or rest[0].startswith(_SAKAI_WORK)):
                if rest[0].startswith(_SAKAI_FEEDBACK):
                    raise Refused("is a grader's, not the student's")
                name = f"{m['first']} {m['last']}" if m["first"] else m["last"]
                return Handed("sakai", name, m["number"], m["number"], is_work=len(rest) > 1)
            if m := _GRADESCOPE.match(part):
                return self._by_gradescope(part, m["number"])
        elif m := _CANVAS_ANONYMOUS.match(part) or _CANVAS.match(part):
            return Handed("canvas", m["name"], m["number"], m["number"], (int(m["order"][:18]),))
        return None

    def _by_gradescope(self, folder: str, number: str) -> Handed:
        who = self.gradescope.get(folder, [])
        if len(who) > 1:
            raise Refused(f"is handed in by {len(who)} students together; make a folder for each")
        if who and who[0][1]:
            name, login = who[0]
            return Handed("gradescope", name, login, login, (int(number[:18]),))
        return Handed("gradescope", "submission", number, folder)

    def _in_file_name(self, stem: str) -> str:
        """What a file's name says beside the lesson's."""
        name = _COPIED.sub("", _COPIED.sub("", stem))
        for lesson in self.lessons:
            name = re.sub(rf"[\s_.-]*{re.escape(lesson)}[\s_.-]*", "", name)
        return _COPIED.sub("", name)

    def _lead(self, notebooks: list[PurePosixPath]) -> int:
        """How many of the folders that all share lead to the students: not the last one if it is a student's."""
        depth = self.shared
        inside = [path.parts[depth:] for path in notebooks]
        if any(len(parts) > 1 and parts[0] not in self.lessons for parts in inside):
            return depth
        names = [self._in_file_name(PurePosixPath(parts[-1]).stem) for parts in inside]
        if len(names) > 1 and all(names) and len(set(names)) == len(names) and all(len(parts) == 1 for parts in inside):
            return depth  # A file per student, all in one folder.
        depth = max(depth - 1, 0)
        while depth and notebooks[0].parts[depth] in self.lessons:
            depth -= 1
        return depth


def _shared_folders(notebooks: list[PurePosixPath], paths: list[PurePosixPath]) -> int:
    """How many leading folders all have in common, lists beside these folders apart."""
    depth = 0
    while notebooks and all(len(p.parts) > depth + 1 for p in notebooks):
        if len({p.parts[: depth + 1] for p in paths if len(p.parts) > depth + 1}) > 1:
            break
        depth += 1
    return depth


def _order(time: str | None) -> tuple[int, ...]:
    for shape in ("%b %d, %Y %I%M %p", "%B %d, %Y %I%M %p"):
        try:
            # 932 PM, without its zero, is half past nine.
            return datetime.strptime(re.sub(r" (\d{3}) ?([AP]M)$", r" 0\1 \2", time or ""), shape).timetuple()[:5]
        except ValueError:
            continue
    return ()


def student_id(name: str, number: str = "") -> str:
    """A student's name as a safe folder name; a long one is cut, and marked so that it stays one of its own.

    Raises Refused if nothing is left.
    """
    parts = [part for part in (safe(name), safe(number)) if part]
    whole = NUMBER.join(parts)
    if not any(ch.isalnum() for ch in whole):
        raise Refused("its name names no student")
    if len(whole.encode()) <= _MAX_ID_BYTES:
        return whole
    mark = hashlib.sha256(whole.encode()).hexdigest()[:8]
    return f"{whole.encode()[: _MAX_ID_BYTES - 9].decode('utf-8', 'ignore').strip('. ')}-{mark}"


class Ids:
    """The ids of those who handed in, kept in `collected.json` from one export to the next."""

    def __init__(self, folder: Path, roster: Roster | None):
        self.path, self.roster = folder / "collected.json", roster
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
        self._written: dict[str, str] = {}
        self._numbers: dict[tuple[str, str], set[str]] = defaultdict(set)

    def expect(self, all_handed: Iterable[tuple[Handed, str]]) -> None:
        """Tell of everybody in an export before asking for the first id: namesakes show then."""
        for handed, lesson in all_handed:
            if not handed.everywhere:
                self._numbers[safe(handed.name).casefold(), lesson].add(handed.number)

    def of(self, handed: Handed, lesson: str) -> str:
        """The student's id. Raises Refused if another has it already."""
        who = f"{handed.system}:{handed.number or handed.written}"
        if not handed.everywhere:
            who = f"{handed.system}:{lesson}:{handed.number}"
        found = self.known.get(who)
        if found is None:
            numbered = handed.number and (handed.everywhere or self._shared(handed, lesson))
            found = student_id(handed.name, handed.number if numbered else "")
        other = self._written.setdefault(found, handed.written)
        if other != handed.written:
            raise Refused(f"its student would share the id {found!r} with {other!r}")
        if handed.number:
            self.known[who] = found
        return found

    def _shared(self, handed: Handed, lesson: str) -> bool:
        """Whether more than one student is known to bear the name."""
        plain = student_id(handed.name)
        if len(self._numbers[safe(handed.name).casefold(), lesson]) > 1:
            return True
        if self.roster is not None and self.roster.times(handed.name) > 1:
            return True
        for who, theirs in self.known.items():
            system, of, number = [*who.split(":", 2), "", ""][:3]
            if system == handed.system and (
                theirs == student_id(handed.name, number)
                or (of == lesson and theirs == plain and number != handed.number)
            ):
                return True
        return False

    def write(self) -> None:
        if self.known:
            write_whole(self.path, json.dumps(self.known, ensure_ascii=False, indent=0, sort_keys=True))
