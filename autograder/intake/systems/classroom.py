"""Google Classroom: an assignment's folder in the teacher's Drive, downloaded as a zip.

Drive knows no folder per student. Where the teacher handed out a copy for each, files are called `Full Name - Title`, or
`Copy of Title - Full Name`; Drive adds `(1)` when a name comes again, so two files of one name may be two people. A file that a
student uploaded keeps its name, which may name nobody. Files keep their own time.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePosixPath

from autograder.course import lessons
from autograder.intake.export import Export
from autograder.intake.handed import Handed, without_copy_marks
from autograder.intake.reader import Reader, is_archive, shared_folders, without_ending
from autograder.intake.roster import spelling

_DASHED = re.compile(r"(?P<first>.+?) - (?P<last>.+)$")


class Classroom(Reader):
    name = "Google Classroom"
    layout = "Full Name - Title.ipynb, or Copy of Title - Full Name.ipynb, all in one folder"
    file_times = True

    def __init__(self, export: Export):
        super().__init__(export)
        notebooks = [file.path for file in export.files if file.is_notebook]
        self._lead = shared_folders(notebooks)
        sides: dict[str, Counter[str]] = {"first": Counter(), "last": Counter()}
        for path in notebooks:
            if m := self._match(path):
                for side, names in sides.items():
                    names[m[side]] += 1
        # The title is what most files share; the lesson's name is one.
        known = {lesson.name for lesson in lessons()}
        self._titles = {
            side: {name for name, times in names.items() if name in known or times > max(1, len(notebooks) // 2)}
            for side, names in sides.items()
        }

    def _match(self, path: PurePosixPath) -> re.Match[str] | None:
        inside = path.parts[self._lead :]
        if len(inside) == 1 or is_archive(inside[0]):
            return _DASHED.match(without_copy_marks(without_ending(inside[0])))
        return None

    def whose(self, path: PurePosixPath) -> Handed | None:
        m = self._match(path)
        if m is None:
            return None
        if m["last"] in self._titles["last"]:
            name = m["first"]
        elif m["first"] in self._titles["first"]:
            name = m["last"]
        else:
            return None
        name = spelling(without_copy_marks(name))
        return Handed(name, written=name, original=path.name, by_file_name=True, depth=self._lead)
