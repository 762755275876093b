"""Microsoft Teams: the folder of an assignment's files in the class's SharePoint library "Student Work".

`Submitted files/Full Name/Assignment/Version 2/name.ipynb`; every time a student turns work in is a version. `Working files` are
drafts, not turned in. A file keeps its own time.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from autograder.intake.handed import Aside, Handed
from autograder.intake.reader import Reader, first

_VERSION = re.compile(r"(Versi[oóe]+n?e?|Versão|版本|バージョン) ?(?P<number>\d+)$", re.IGNORECASE)
_SUBMITTED, _DRAFTS = re.compile(r"Submitted files$", re.IGNORECASE), re.compile(r"Working files$", re.IGNORECASE)


class Teams(Reader):
    name = "Teams"
    layout = "Submitted files/Full Name/Assignment/Version 2/name.ipynb"
    file_times = True

    def whose(self, path: PurePosixPath) -> Handed | None:
        if first(path, _DRAFTS) and not first(path, _SUBMITTED):
            raise Aside("is a draft (Working files), not turned in")
        version = first(path, _VERSION)
        submitted = first(path, _SUBMITTED)
        if submitted and len(path.parts) > submitted[0] + 3:
            depth = submitted[0] + 1
        elif version and version[0] >= 2 and not submitted:
            depth = version[0] - 2
        else:
            return None
        order = (int(version[1]["number"][:9]),) if version else ()
        name = path.parts[depth]
        return Handed(name, written=name, original=path.name, order=order, depth=depth)
