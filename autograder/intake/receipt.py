"""What is kept beside a submission of where it came from: `receipt.json`, and `timestamp.txt`, which nbgrader reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from pathlib import Path

from autograder.course import write_whole

RECEIPT, TIMESTAMP = "receipt.json", "timestamp.txt"
BESIDE = (RECEIPT, TIMESTAMP)
"""What lies in a submission's folder beside what the student handed in."""
_SHAPE = "%Y-%m-%d %H:%M:%S UTC"  # As nbgrader reads it.


@dataclass(frozen=True)
class Receipt:
    """Where a submission came from: the LMS, the export, the path in it, and the file's name as the student gave it.

    name, number, email : the student, as the system says; empty where it does not.
    time : when it was handed in, ISO 8601 in UTC, or None; `time_of` is "export" where the system says it, "file" where it is the
        file's own.
    late : what the system itself said; None if nothing, so that a due date decides.
    order : sorts attempts of one student in one system.   modified : the file's own time in the export, for the same.
    """

    system: str
    export: str
    file: str
    original: str = ""
    name: str = ""
    number: str = ""
    email: str = ""
    time: str | None = None
    time_of: str = ""
    late: bool | None = None
    order: tuple[int, ...] = ()
    modified: str | None = None

    @property
    def when(self) -> datetime | None:
        """The time it was handed in, with its zone."""
        return _moment(self.time)

    @property
    def changed(self) -> datetime | None:
        """The file's own time."""
        return _moment(self.modified)

    def write(self, folder: Path, name: str = RECEIPT) -> None:
        """Write it into a submission's folder, with nbgrader's timestamp. Raises CourseError."""
        write_whole(folder / name, json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n")
        if name == RECEIPT:
            stamp = folder / TIMESTAMP
            if self.when:
                write_whole(stamp, self.when.strftime(_SHAPE) + "\n")
            else:
                stamp.unlink(missing_ok=True)  # An earlier submission's.


def read_receipt(folder: Path, name: str = RECEIPT) -> Receipt | None:
    """The receipt in a submission's folder; None if there is none, or none that can be read."""
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
        known = {field.name: found[field.name] for field in fields(Receipt) if field.name in found}
        return Receipt(**known | {"order": tuple(int(n) for n in known.get("order", ()))})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def read_timestamp(folder: Path) -> datetime | None:
    """When a submission was handed in, by `timestamp.txt`; None if that says nothing."""
    try:
        text = (folder / TIMESTAMP).read_text(encoding="utf-8").strip()
        return datetime.strptime(text, _SHAPE).replace(tzinfo=timezone.utc)
    except (OSError, ValueError):
        return None


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except (ValueError, TypeError):
        return None
