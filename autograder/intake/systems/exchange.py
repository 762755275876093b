"""nbgrader's exchange: the inbound folder, or what `nbgrader collect` made of it (also another gradebook's `submitted`).

`inbound/USER+01_chain_rule+2026-01-15 11:59:00 UTC+RANDOM/01_chain_rule.ipynb`, one folder per submission, and
`submitted/USER/01_chain_rule/01_chain_rule.ipynb`; each with `timestamp.txt`, which nbgrader itself writes.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import PurePosixPath

from autograder.course import LESSON_NAME
from autograder.intake.export import Export
from autograder.intake.handed import Handed, order_of, parsed
from autograder.intake.reader import Reader, first, text_of
from autograder.intake.receipt import BESIDE, TIMESTAMP

_INBOUND = re.compile(
    r"(?P<user>.+)\+(?P<assignment>[^+]+)\+(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [^+]+)(\+[\w=-]*)?$"
)
_TIMES = ("%Y-%m-%d %H:%M:%S.%f %Z", "%Y-%m-%d %H:%M:%S %Z")


class Exchange(Reader):
    name = "nbgrader"
    layout = "USER+ASSIGNMENT+TIME[+RANDOM]/name.ipynb, or USER/01_chain_rule/name.ipynb with timestamp.txt"

    def __init__(self, export: Export):
        super().__init__(export)
        stamps = {file.path.parent: file for file in export.files if file.path.name == TIMESTAMP}
        self._collected = {
            folder: time
            for folder, file in stamps.items()
            if len(folder.parts) > 1 and LESSON_NAME.fullmatch(folder.name) and (time := _time(text_of(file)))
        }

    def whose(self, path: PurePosixPath) -> Handed | None:
        if (hit := first(path, _INBOUND)) and hit[0] < len(path.parts) - 1:
            time = _time(hit[1]["time"])
            user, depth = hit[1]["user"], hit[0]
        else:
            folders = [PurePosixPath(*path.parts[:n]) for n in range(2, len(path.parts))]
            folder = next((folder for folder in folders if folder in self._collected), None)
            if folder is None:
                return None
            time, user, depth = self._collected[folder], folder.parent.name, len(folder.parts) - 2
        is_work = path.name not in BESIDE
        return Handed(
            "", user, original=path.name, time=time, order=order_of(time), is_login=True, is_work=is_work, depth=depth
        )


def _time(text: str) -> datetime | None:
    return parsed(text, _TIMES, timezone.utc)
