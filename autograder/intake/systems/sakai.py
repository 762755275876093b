"""Sakai, "Download All" of an assignment, in folders or flat, with `grades.csv`.

`Assignment/Last, First(LOGIN)/Submission attachment(s)/name.ipynb` with a `timestamp.txt` in each student's folder, flat
`Last, First(LOGIN)_Submission attachment(s)_name.ipynb`. The time is in UTC: `2026-01-15T11:59:00Z`, before Sakai 12
`20260115115900000`. The last column of `grades.csv` says who was late. Anonymous: the submission's name, without a login.
"""

from __future__ import annotations

import csv
import re
from datetime import datetime, timezone
from pathlib import PurePosixPath

from autograder.intake.export import Export
from autograder.intake.handed import Aside, Handed, parsed
from autograder.intake.reader import Reader, first, text_of

_WORK, _FEEDBACK, _TIME = "Submission attachment", "Feedback", "timestamp.txt"
_NAME = r"(?P<last>[^(,/]+?)(,(?P<first>[^(/]*?))? ?\((?P<number>[^()]+)\)"
_FOLDER = re.compile(rf"{_NAME}$")
_FLAT = re.compile(rf"{_NAME}_{_WORK}[^_]*_(?P<original>.+)$")


class Sakai(Reader):
    name = "Sakai"
    layout = "Assignment/Last, First(LOGIN)/Submission attachment(s)/name.ipynb, or flat; timestamp.txt, grades.csv"

    def __init__(self, export: Export):
        super().__init__(export)
        self._times: dict[PurePosixPath, datetime | None] = {}
        self._late: dict[str, bool] = {}
        for file in export.files:
            if file.path.name == _TIME:
                hit = first(file.path, _FOLDER)
                if hit is None or hit[0] == len(file.path.parts) - 2:
                    self._times[file.path.parent] = _time(text_of(file))
            if file.path.name != "grades.csv" or first(file.path, _FOLDER) or first(file.path, _FLAT):
                continue
            text = text_of(file)
            try:
                rows = list(csv.reader(text.splitlines(), delimiter=max(",;\t", key=text.count)))
            except csv.Error:
                continue
            for cells in rows:
                if cells and cells[-1].casefold().startswith(("late", "on time")):
                    self._late[cells[0]] = cells[-1].casefold().startswith("late")

    def whose(self, path: PurePosixPath) -> Handed | None:
        flat, hit = first(path, _FLAT), first(path, _FOLDER)
        if flat and (hit is None or flat[0] < hit[0]):
            return self._handed(*flat, None, flat[1]["original"])
        if hit is None:
            return self._anonymous(path)
        place, m = hit
        rest = path.parts[place + 1 :]
        if not rest or not (m["first"] is not None or rest[0].startswith(_WORK)):
            return None
        if rest[0].startswith(_FEEDBACK):
            raise Aside("is a grader's, not the student's")
        return self._handed(
            place, m, self._times.get(PurePosixPath(*path.parts[: place + 1])), path.name, len(rest) > 1
        )

    def _handed(
        self, depth: int, m: re.Match[str], time: datetime | None, original: str, is_work: bool = True
    ) -> Handed:
        name = f"{(m['first'] or '').strip()} {m['last']}".strip()
        late = self._late.get(m["number"])
        return Handed(
            name, m["number"], original=original, time=time, late=late, is_login=True, is_work=is_work, depth=depth
        )

    def _anonymous(self, path: PurePosixPath) -> Handed | None:
        for place, part in enumerate(path.parts[:-1]):
            if place and part.startswith(_WORK):
                folder = PurePosixPath(*path.parts[:place])
                time = self._times.get(folder)
                return Handed(
                    "anonymous",
                    folder.name,
                    original=path.name,
                    time=time,
                    everywhere=False,
                    anonymous=True,
                    depth=place - 1,
                )
        return None


def _time(text: str) -> datetime | None:
    line = (text.strip().splitlines() or [""])[0].strip()
    line = re.sub(r"\.\d+Z$", "Z", line)
    if re.fullmatch(r"\d{17}", line):
        line = line[:14]
    return parsed(line, ("%Y-%m-%dT%H:%M:%SZ", "%Y%m%d%H%M%S"), timezone.utc)
