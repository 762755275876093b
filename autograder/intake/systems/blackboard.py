"""Blackboard, "Assignment File Download": one flat zip with every attempt that was asked for.

`Assignment_LOGIN_attempt_2026-01-15-12-00-00_name.ipynb`, and for each attempt a receipt, `..._attempt_2026-01-15-12-00-00.txt`,
with the student's name and login, `Name: Grace Hopper (ghopper)`, and the time with its zone. A login may hold underscores, so the
receipt's is believed before the file name's. The time is the server's.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from autograder.intake.export import Export
from autograder.intake.handed import Handed, order_of, parsed
from autograder.intake.reader import Reader, first, text_of

_PART = re.compile(r"(?P<head>.+?_[^/]+?)_attempt_(?P<time>\d{4}(-\d\d){5})((?P<receipt>\.txt)|_(?P<original>.+))$")
_NAME = re.compile(r"^Name:\s*(?P<name>.*?)\s*\((?P<login>[^()\n]+)\)\s*$", re.MULTILINE)
_FILES = re.compile(
    r"^\s*Original filename:[ \t]*(?P<original>.+?)\s*\n\s*Filename:[ \t]*(?P<file>.+?)\s*$", re.MULTILINE
)


class Blackboard(Reader):
    name = "Blackboard"
    layout = "Assignment_LOGIN_attempt_2026-01-15-12-00-00_name.ipynb with Assignment_LOGIN_attempt_....txt"

    def __init__(self, export: Export):
        super().__init__(export)
        self._people: dict[str, tuple[str, str]] = {}
        self._originals: dict[str, str] = {}
        for file in export.files:
            hit = first(file.path, _PART)
            if hit and hit[1]["receipt"]:
                text = text_of(file)
                if m := _NAME.search(text):
                    self._people[hit[1]["head"]] = m["name"], m["login"]
                self._originals |= {found["file"]: found["original"] for found in _FILES.finditer(text)}

    def whose(self, path: PurePosixPath) -> Handed | None:
        hit = first(path, _PART)
        if hit is None:
            return None
        place, m = hit
        name, login = self._people.get(m["head"], ("", m["head"].rpartition("_")[2]))
        time = parsed(m["time"], ("%Y-%m-%d-%H-%M-%S",), self.export.zone)
        return Handed(
            name,
            login,
            original=self._originals.get(path.parts[place], m["original"] or ""),
            time=time,
            order=order_of(time),
            is_login=True,
            depth=place,
            is_work=not m["receipt"],
        )
