"""GitHub Classroom, `gh classroom clone student-repos`: a clone per student in a folder named after the assignment.

`SLUG-submissions/SLUG-USERNAME/...`, or any folder of clones named alike. The classroom's lists are read if they lie beside:
`classroom_roster.csv` (identifier, github_username, name) and the assignment's grades (student_repository_name, github_username,
roster_identifier, submission_timestamp). A clone says the time of the clone. The starter's notebooks lie in every repository, so
an untouched one counts as not handed in.
"""

from __future__ import annotations

import re
from datetime import timezone
from pathlib import PurePosixPath

from autograder.intake.export import Export
from autograder.intake.handed import Handed, order_of, parsed
from autograder.intake.reader import Reader, rows_of, shared_folders

_TIMES = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S %Z", "%Y-%m-%d %H:%M:%S")


class GitHub(Reader):
    name = "GitHub Classroom"
    layout = "SLUG-submissions/SLUG-USERNAME/... (clones); classroom_roster.csv and grades CSV beside, if there"

    def __init__(self, export: Export):
        super().__init__(export)
        self._people: dict[str, dict[str, str]] = {}
        self._work: dict[str, dict[str, str]] = {}
        lead = shared_folders([file.path for file in export.files if file.is_notebook])
        for file in export.files:
            # Beside or above the repositories: what lies in one is a student's.
            if file.path.suffix.casefold() == ".csv" and len(file.path.parts) <= lead + 1:
                for row in rows_of(file):
                    user = row.get("github_username", "").casefold()
                    if user and "identifier" in row:
                        self._people[user] = row
                    if user and "student_repository_name" in row:
                        self._work[row["student_repository_name"].casefold()] = row
        self._users = self._repositories()

    def _repositories(self) -> dict[tuple[str, ...], str]:
        """The repositories' folders, each with its user."""
        found: dict[tuple[str, ...], str] = {}
        by_parent: dict[tuple[str, ...], set[str]] = {}
        for file in self.export.files:
            for place in range(len(file.path.parts) - 1):
                by_parent.setdefault(file.path.parts[:place], set()).add(file.path.parts[place])
        for parent, folders in by_parent.items():
            above = parent[-1] if parent else self.export.path.name
            for folder in folders:
                for slug in (above.removesuffix("-submissions"), above) if above.endswith("-submissions") else ():
                    if folder.startswith(f"{slug}-"):
                        found[(*parent, folder)] = folder[len(slug) + 1 :]
                if row := self._work.get(folder.casefold()):
                    found[(*parent, folder)] = row.get("github_username", "")
            clones = {f for f in folders if PurePosixPath(*parent, f) in self.export.repositories}
            if len(clones) > 1 and not any((*parent, f) in found for f in folders):
                least, greatest = min(clones), max(clones)
                same = next((n for n, (a, b) in enumerate(zip(least, greatest, strict=False)) if a != b), len(least))
                slug = least[: least.rfind("-", 0, same) + 1]
                if slug:
                    found |= {(*parent, f): f[len(slug) :] for f in clones}
        outermost = {parts for parts in found if not any(parts[:n] in found for n in range(len(parts)))}
        return {parts: found[parts] for parts in outermost}

    def whose(self, path: PurePosixPath) -> Handed | None:
        for place in range(1, len(path.parts)):
            user = self._users.get(path.parts[:place], "").casefold()  # GitHub knows no small letters
            if user:
                person, work = (
                    self._people.get(user, {}),
                    self._work.get(path.parts[place - 1].casefold(), {}),
                )
                identifier = person.get("identifier") or work.get("roster_identifier", "")
                time = parsed(work.get("submission_timestamp", ""), _TIMES, timezone.utc)
                return Handed(
                    person.get("name", ""),
                    user,
                    email=identifier if re.fullmatch(r"[^@\s]+@[^@\s]+", identifier) else "",
                    original=path.name,
                    time=time,
                    order=order_of(time),
                    is_login=True,
                    depth=place - 1,
                    has_starter=True,
                    also=(identifier,) if identifier else (),
                )
        return None
