"""Moodle, assignment, "Download all submissions", in folders or (older, or chosen) flat.

`Full name_NUMBER_assignsubmission_file[_]/name.ipynb`, flat `Full name_NUMBER_assignsubmission_file_name.ipynb`, and
`..._onlinetext/onlinetext.html` for typed text. The number is the participant's in this one assignment. Blind marking:
`Participant_NUMBER_...`, in the site's language. No time anywhere but in the grading worksheet (CSV), which is read if it lies
beside: it names e-mail addresses too.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from autograder.intake.export import Export
from autograder.intake.handed import Handed, parsed
from autograder.intake.reader import Reader, first, rows_of

_PART = re.compile(r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_[a-z]+(?P<rest>_.*)?$")
_NOBODY = {
    "participant", "teilnehmer", "teilnehmerin", "teilnehmer in", "participante", "partecipante", "deelnemer", "deltagare", "deltager",
    "osallistuja", "uczestnik", "účastník", "участник", "参与者", "參與者", "参加者", "참여자",
}  # fmt: skip
_TIMES = ("%A, %d %B %Y, %I:%M %p", "%A, %B %d, %Y, %I:%M %p", "%A, %d %B %Y, %H:%M")


class Moodle(Reader):
    name = "Moodle"
    layout = "Full name_NUMBER_assignsubmission_file[_]/name.ipynb, or flat; blind: Participant_NUMBER_..."

    def __init__(self, export: Export):
        super().__init__(export)
        found = {(m["name"], m["number"]) for file in export.files if (hit := first(file.path, _PART)) for m in hit[1:]}
        names = {name for name, _ in found}
        # The word for a participant in a language we do not know: everybody's name.
        self._nobody = _NOBODY | ({name.casefold() for name in names} if len(names) == 1 and len(found) > 2 else set())
        self._worksheet: dict[str, dict[str, str]] = {}
        for file in export.files:
            if file.path.suffix.casefold() == ".csv" and first(file.path, _PART) is None:
                for row in rows_of(file):
                    if m := re.search(r"(\d+)$", row.get("identifier", "")):
                        self._worksheet[m[1]] = row

    def whose(self, path: PurePosixPath) -> Handed | None:
        hit = first(path, _PART)
        if hit is None:
            return None
        place, m = hit
        row = self._worksheet.get(m["number"], {})
        time = parsed(row.get("last modified (submission)", ""), _TIMES, self.export.zone)
        rest = (m["rest"] or "").lstrip("_")
        return Handed(
            m["name"],
            m["number"],
            email=row.get("email address", ""),
            written=m["name"],
            original=path.name if place < len(path.parts) - 1 else rest,
            time=time,
            everywhere=False,
            depth=place,
            assignment="/".join(path.parts[:place]),
            anonymous=re.sub(r"\W", " ", m["name"]).casefold().strip() in self._nobody
            or m["name"].casefold() in self._nobody,
            also=tuple(x for x in (row.get("id number", ""), row.get("username", "")) if x),
        )
