"""The class list, `gradebook/roster.csv`."""

from __future__ import annotations

from autograder.course import CourseError, Gradebook


def read_roster(gradebook: Gradebook) -> set[str] | None:
    """Student ids in `gradebook/roster.csv` (first column, header `id`), or None if there is no such file."""
    path = gradebook.folder / "roster.csv"
    if not path.exists():
        return None
    rows = path.read_text(encoding="utf-8-sig").splitlines()
    if not rows or rows[0].split(",")[0].strip() != "id":
        raise CourseError(f"{path}: the first column must be headed `id`")
    return {row.split(",")[0].strip() for row in rows[1:] if row.strip()}
