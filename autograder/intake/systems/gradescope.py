"""Gradescope, "Export Submissions" of a programming assignment: a folder per submission, and a list of whose they are.

`assignment_9_export/submission_123/...` and `submission_metadata.yml`, in Ruby's YAML: per folder `:submitters` with `:name`,
`:sid`, `:email`, and `:created_at`. The last submission of each student, or group.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timezone
from pathlib import PurePosixPath
from typing import Any

import yaml

from autograder.course import CourseError
from autograder.intake.export import Export
from autograder.intake.handed import Handed, Refused, parsed
from autograder.intake.reader import Reader, first

LIST = "submission_metadata.yml"
_PART = re.compile(r"submission_(?P<number>\d+)$")


class Gradescope(Reader):
    name = "Gradescope"
    layout = "submission_NUMBER/name.ipynb with submission_metadata.yml"

    def __init__(self, export: Export):
        super().__init__(export)
        self._lists: dict[PurePosixPath, dict[str, Any]] = {}
        beside = {PurePosixPath(*f.path.parts[: hit[0]]) for f in export.files if (hit := first(f.path, _PART))}
        for file in export.files:
            if file.path.name != LIST or file.path.parent not in beside:
                continue  # A student's own file may be called so.
            try:
                self._lists[file.path.parent] = submissions(file.read())
            except Refused as reason:
                raise CourseError(f"{file.path} {reason}") from None

    def whose(self, path: PurePosixPath) -> Handed | None:
        hit = first(path, _PART)
        if hit is None or hit[0] == len(path.parts) - 1:
            return None
        place, m = hit
        entry = self._lists.get(PurePosixPath(*path.parts[:place]), {}).get(m[0]) or {}
        submitters = [who for who in entry.get(":submitters") or [] if isinstance(who, dict)]
        if len(submitters) > 1:
            raise Refused(f"is handed in by {len(submitters)} students together; make a folder for each")
        who = submitters[0] if submitters else {}
        name, sid, email = (str(who.get(key) or "") for key in (":name", ":sid", ":email"))
        order = (int(m["number"][:18]),)
        if not (email or sid):
            return Handed("submission", m["number"], original=path.name, order=order, anonymous=True, depth=place)
        also = (sid,) if sid and email else ()
        return Handed(
            name,
            email or sid,
            email,
            original=path.name,
            time=_time(entry.get(":created_at")),
            order=order,
            also=also,
            depth=place,
        )


def submissions(content: bytes) -> dict[str, Any]:
    """Gradescope's list: what it says of each folder. Raises Refused."""
    try:
        listed = yaml.load(content[: 10 * 2**20], Loader=_Untagged)
        return {str(folder): entry for folder, entry in listed.items() if isinstance(entry, dict)}
    except (yaml.YAMLError, AttributeError, ValueError, RecursionError) as error:
        raise Refused(f"cannot be read as Gradescope's list of submissions ({type(error).__name__})") from None


class _Untagged(yaml.SafeLoader):
    """YAML without Ruby's objects: of a time with a zone, what it is in UTC; of any other, nothing."""


def _ruby(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        known = {key.value: value.value for key, value in node.value if isinstance(value, yaml.ScalarNode)}
        return f"{known['utc']} UTC" if "utc" in known else None
    return node.value if isinstance(node, yaml.ScalarNode) else None


_Untagged.add_multi_constructor("!", _ruby)


def _time(value: Any) -> datetime | None:
    if isinstance(value, str):
        m = re.match(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d+)?\s*(Z|UTC|[+-]\d\d:?\d\d)", value)
        time = f"{m[1]} {m[2]} {m[4].replace('UTC', 'Z')}" if m else ""
        return parsed(time, ("%Y-%m-%d %H:%M:%S %z",), timezone.utc)
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or timezone.utc).astimezone(timezone.utc)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    return None
