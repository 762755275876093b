"""Canvas, "Download Submissions": one flat zip.

`lastfirst_[LATE_]USER_FILE_name.ipynb`: the sortable name in small letters without punctuation, the user's number, the uploaded
file's number, which grows with time, and the student's own file name, to which Canvas adds `-1`, `-2` when a name comes again.
Anonymous: `[LATE_]anon_ab12C_FILE_name.ipynb`. Typed text and links have no file number. The zip holds each student's last
attempt, no time of it, and the time of the download for every file.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import PurePosixPath

from autograder.intake.export import Export
from autograder.intake.handed import Handed
from autograder.intake.reader import Reader, is_archive, shared_folders

_NAMED = re.compile(
    r"(?P<name>.+?)_(?P<late>LATE_)?(?P<number>\d+)_((?P<file>\d+)_(?P<original>.+)|(text|link)\.html)$"
)
_ANONYMOUS = re.compile(
    r"(?P<late>LATE_)?anon_(?P<number>[A-Za-z0-9]{5})_((?P<file>\d+)_(?P<original>.+)|(text|link)\.html)$"
)


class Canvas(Reader):
    name = "Canvas"
    layout = "lastfirst_[LATE_]USER_FILE_name.ipynb; anonymous: [LATE_]anon_CODE_FILE_name.ipynb"

    def __init__(self, export: Export):
        super().__init__(export)
        paths = [file.path for file in export.files]
        self._lead = shared_folders(paths)
        if not any(self._match(path) for path in paths):
            self._lead = 0  # One student's files, in an archive of theirs.
        found = [(path, *hit) for path in paths if (hit := self._match(path))]
        files: dict[tuple[str, str], set[tuple[str, ...]]] = defaultdict(set)
        users: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for path, place, m in found:
            users[path.parts[:place]].add(m["number"])
            if m["file"]:
                files[m["number"], m["file"]].add(path.parts[: place + 1])
        # A folder of each student's own, or numbers that stand for two files: names like Canvas's, but not from it.
        self._not_flat = {folder for folder, numbers in users.items() if len(users) > 1 and len(numbers) == 1}
        self._is_canvas = all(len(parts) == 1 for parts in files.values())

    def _match(self, path: PurePosixPath) -> tuple[int, re.Match[str]] | None:
        for place, part in enumerate(path.parts):
            is_file = place == len(path.parts) - 1 or is_archive(part)
            if place >= self._lead and is_file and (m := _ANONYMOUS.match(part) or _NAMED.match(part)):
                return place, m
        return None

    def whose(self, path: PurePosixPath) -> Handed | None:
        hit = self._match(path) if self._is_canvas else None
        if hit is None or path.parts[: hit[0]] in self._not_flat:
            return None
        m = hit[1]
        anonymous = m.re is _ANONYMOUS
        return Handed(
            "anon" if anonymous else m["name"],
            m["number"],
            original=m["original"] or "",
            late=bool(m["late"]),
            place=(int(m["file"][:18]),) if m["file"] else (),
            anonymous=anonymous,
            depth=hit[0],
        )
