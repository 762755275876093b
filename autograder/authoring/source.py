"""Read a lesson's `.py` (jupytext percent format) as a notebook of proper nbgrader cells.

The markers are all the metadata a maintainer writes:

    # %% [markdown]           prose
    # %%                      code that always runs, also when grading
    # %% exercise NAME        the student's cell: ### BEGIN SOLUTION ... ### END SOLUTION is cut out for students
    # %% check NAME 2 points  its tests: ### BEGIN HIDDEN TESTS ... ### END HIDDEN TESTS is cut out for students
    # %% demo                 plots, widgets, training: skipped when grading; text output must be deterministic
    # %% demo varies          the same, with output that differs from run to run
    # %% figure               a demo that only draws: its source is folded away
    # %% figure varies        the same, with printed output that differs from run to run
    # %% practice             a quiz or flashcards, folded away too
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
from nbformat import NotebookNode

from autograder.course import CourseError, Lesson

CHECK_PREFIX = "check_"
_MARKER = re.compile(r"# %%(.*)")
_EXERCISE = re.compile(r"exercise (?P<name>[A-Za-z_]\w*)")
_CHECK = re.compile(r"check (?P<name>[A-Za-z_]\w*) (?P<points>\d+) points?")
_REGIONS = ("### BEGIN SOLUTION", "### END SOLUTION", "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")


@dataclass(frozen=True)
class Source:
    """A lesson as written: the notebook (no outputs), and for each cell the line of its first source line."""

    notebook: NotebookNode
    lines: list[int]


def read(lesson: Lesson) -> Source:
    """The lesson's notebook, format 4.5, with nbgrader metadata (schema 3), cell ids that depend on content only.

    Raises CourseError, naming file and line, for an unknown marker, an exercise without check or with two, a check
    without hidden tests, points without exercise, or an unpaired region.
    """
    text = lesson.source.read_text(encoding="utf-8")
    where = lesson.source.relative_to(lesson.source.parents[2])
    starts = [n for n, line in enumerate(text.splitlines(), start=1) if _MARKER.match(line)]
    try:
        parsed = jupytext.reads(text, fmt="py:percent")
    except Exception as error:
        raise CourseError(f"{where}: jupytext cannot read it: {error}") from error
    if len(parsed.cells) != len(starts):
        first = text.lstrip().splitlines()[0] if text.strip() else "nothing"
        raise CourseError(f"{where}: the file must begin with a `# %%` marker, found {first!r}")

    notebook = NotebookNode(cells=[], metadata=_notebook_metadata(), nbformat=4, nbformat_minor=5)
    named: dict[str, list[str]] = {"exercise": [], "check": []}
    ids: set[str] = set()
    for cell, start in zip(parsed.cells, starts, strict=True):
        marker = str(cell.metadata.get("title", ""))
        try:
            metadata = _cell_metadata(cell.cell_type, marker, cell.source, named)
        except ValueError as error:
            raise CourseError(f"{where}:{start}: {error}") from None
        clean: dict[str, Any] = {"cell_type": cell.cell_type, "id": _cell_id(cell.source, marker, ids)}
        clean |= {"metadata": metadata, "source": cell.source}
        if cell.cell_type == "code":
            clean |= {"execution_count": None, "outputs": []}
        notebook.cells.append(NotebookNode(clean))
    orphans = sorted(set(named["check"]) - set(named["exercise"]))
    if orphans:
        raise CourseError(f"{where}: check without exercise: {', '.join(orphans)}")
    return Source(notebook, [start + 1 for start in starts])


def grade_ids(notebook: Path | str | bytes) -> dict[str, float | None]:
    """The exercises and checks of a built notebook (a path, or its JSON) in order, with the checks' points.

    Raises ValueError, KeyError, TypeError or AttributeError for what is no notebook: callers decide what that means.
    """
    content = json.loads(notebook.read_bytes() if isinstance(notebook, Path) else notebook)
    named = [cell["metadata"]["nbgrader"] for cell in content["cells"] if "nbgrader" in cell.get("metadata", {})]
    return {cell["grade_id"]: cell.get("points") for cell in named}


def _cell_metadata(kind: str, marker: str, source: str, named: dict[str, list[str]]) -> NotebookNode:
    for begin, end in zip(_REGIONS[::2], _REGIONS[1::2], strict=True):
        if source.count(begin) != source.count(end):
            raise ValueError(f"{begin!r} and {end!r} do not pair")
    words = marker.split()
    if kind != "code" or not words:
        if "BEGIN SOLUTION" in source or "BEGIN HIDDEN TESTS" in source:
            raise ValueError(
                "solutions and hidden tests belong in exercise and check cells, or students would see them"
            )
        if words:
            raise ValueError(f"a text cell takes no marker, found {marker!r}")
        return NotebookNode()
    if match := _EXERCISE.fullmatch(marker):
        if "### BEGIN SOLUTION" not in source:
            raise ValueError(f"exercise {match['name']} has no ### BEGIN SOLUTION region")
        return _nbgrader(named["exercise"], match["name"], match["name"], grade=False)
    if match := _CHECK.fullmatch(marker):
        if "### BEGIN HIDDEN TESTS" not in source:
            raise ValueError(f"check {match['name']} has no ### BEGIN HIDDEN TESTS region")
        return _nbgrader(
            named["check"], match["name"], CHECK_PREFIX + match["name"], grade=True, points=int(match["points"])
        )
    if words == ["demo"]:
        return NotebookNode(tags=["demo"])
    if words == ["demo", "varies"]:
        return NotebookNode(tags=["demo", "nbval-ignore-output"])
    if words in (["figure"], ["practice"]):
        return NotebookNode(tags=["demo"], jupyter=NotebookNode(source_hidden=True))
    if words == ["figure", "varies"]:
        return NotebookNode(tags=["demo", "nbval-ignore-output"], jupyter=NotebookNode(source_hidden=True))
    raise ValueError(
        f"unknown marker {marker!r}; there are: exercise NAME, check NAME N points, demo, demo varies, figure, figure varies, practice"
    )


def _nbgrader(seen: list[str], name: str, grade_id: str, grade: bool, points: int | None = None) -> NotebookNode:
    if name in seen:
        raise ValueError(f"{'check' if grade else 'exercise'} {name} appears twice")
    seen.append(name)
    fields = {
        "grade": grade,
        "grade_id": grade_id,
        "locked": grade,
        "schema_version": 3,
        "solution": not grade,
        "task": False,
    }
    if points is not None:
        fields["points"] = points
    return NotebookNode(nbgrader=NotebookNode(fields))


def _cell_id(source: str, marker: str, taken: set[str]) -> str:
    """An id that survives edits elsewhere: named cells by name, others by content."""
    words = marker.split()
    base = "-".join(words[:2]).replace("_", "-") if words and words[0] in ("exercise", "check") else ""
    base = (base or hashlib.sha256(source.encode()).hexdigest()[:10])[:60]
    unique, n = base, 2
    while unique in taken:
        unique, n = f"{base}-{n}", n + 1
    taken.add(unique)
    return unique


def _notebook_metadata() -> NotebookNode:
    kernel = NotebookNode(display_name="Python 3 (ipykernel)", language="python", name="python3")
    return NotebookNode(kernelspec=kernel, language_info=NotebookNode(name="python"))
