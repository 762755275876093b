"""ILIAS, exercise, "Download all submissions", or the multi-feedback file: a folder per participant, teams one level more.

`Assignment/Submissions/Last_First_LOGIN_USER/name.ipynb`, names in plain ASCII, so that of a Chinese name nothing may be left. A
late file is called `Late submission - name.ipynb`, in the site's language. Files keep the time at which they were handed in.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePosixPath

from autograder.intake.export import Export
from autograder.intake.handed import Handed
from autograder.intake.reader import Reader

_PART = re.compile(r"(?P<last>[^_/]*)_(?P<first>.*)_(?P<login>[^_/]+)_(?P<number>\d+)$")
_LATE = re.compile(
    r"(Late submission|Versp(ae|ä|a)tete (Abgabe|Einreichung)|Nachtr(ae|ä|a)gliche Abgabe) - ", re.IGNORECASE
)


class Ilias(Reader):
    name = "ILIAS"
    layout = "Assignment/Submissions/Last_First_LOGIN_USER/name.ipynb"
    file_times = True

    def __init__(self, export: Export):
        super().__init__(export)
        # A folder above may look like a participant's: theirs is the depth at which most notebooks have one.
        depths = Counter(
            place
            for file in export.files
            if file.is_notebook
            for place, part in enumerate(file.path.parts[:-1])
            if _PART.match(part)
        )
        numbers = {
            place: len({f.path.parts[place] for f in export.files if len(f.path.parts) > place + 1}) for place in depths
        }
        self._depth = max(depths, key=lambda place: (depths[place], numbers[place], -place), default=0)
        folders = {
            file.path.parts[: self._depth + 1] for file in export.files if len(file.path.parts) > self._depth + 1
        }
        found = [m for folder in folders if (m := _PART.match(folder[-1]))]
        # Every participant has a login and a number of their own; other names of this shape do not.
        self._is_ilias = all(len({m[key] for m in found}) == len({m[0] for m in found}) for key in ("login", "number"))

    def whose(self, path: PurePosixPath) -> Handed | None:
        if not self._is_ilias or len(path.parts) <= self._depth + 1 or not (m := _PART.match(path.parts[self._depth])):
            return None
        name = " ".join(part for part in (m["first"].strip("_ "), m["last"].strip("_ ")) if part)
        late = _LATE.match(path.name)
        return Handed(
            name,
            m["login"],
            original=path.name[late.end() :] if late else path.name,
            late=bool(late) or None,
            is_login=True,
            depth=self._depth,
            also=(m["number"],),
        )
