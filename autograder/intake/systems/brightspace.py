"""Brightspace (D2L), "Download" of an assignment's submissions, in folders or flat, with an `index.html`.

`USER-FOLDER - Full Name - Jan 15, 2026 1159 PM/name.ipynb`, flat `... - name.ipynb`: the user's number, then the assignment
folder's, which all share. Every attempt has its own time, on the organisation's clock, written mostly without colon and, before
ten, without zero.
"""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from pathlib import PurePosixPath

from autograder.intake.handed import Handed, order_of, parsed
from autograder.intake.reader import Reader, first

_TIME = r"(?=[^-]*\b20\d\d\b)[^-]*?\b(\d{3,4}|\d\d?:\d\d)( ?[APap]\.?[Mm]\.?)?"
_PART = re.compile(rf"(?P<number>\d+)-\d+ - (?P<name>.+?)( - (?P<time>{_TIME})( - (?P<original>.+))?)?$")
_TIMES = (
    "%b %d, %Y %I%M %p",
    "%B %d, %Y %I%M %p",
    "%d %b, %Y %H%M",
    "%d %B, %Y %H%M",
    "%d %b %Y %H%M",
    "%d %B %Y %H%M",
)


class Brightspace(Reader):
    name = "Brightspace"
    layout = "USER-FOLDER - Full Name - Jan 15, 2026 1159 PM/name.ipynb, or flat"

    def whose(self, path: PurePosixPath) -> Handed | None:
        hit = first(path, _PART)
        if hit is None:
            return None
        place, m = hit
        inside = place < len(path.parts) - 1
        if not m["time"] and not inside:
            return None
        time = _time(m["time"] or "", self.export.zone)
        original = path.name if inside else m["original"] or ""
        return Handed(m["name"], m["number"], original=original, time=time, order=order_of(time), depth=place)


def _time(text: str, zone: tzinfo) -> datetime | None:
    # 932 PM, without its zero, is half past nine.
    return parsed(
        re.sub(r" (\d{3})( ?[AP]M)?$", r" 0\1\2", text.replace(".", "").replace(":", "").upper()), _TIMES, zone
    )
