"""What every reader of one system's exports has in common. The readers are in `systems/`, one file each."""

from __future__ import annotations

import csv
import re
from abc import ABC, abstractmethod
from pathlib import PurePosixPath
from typing import ClassVar

from autograder import sheet
from autograder.intake.export import ARCHIVES, Export, File
from autograder.intake.handed import Handed, Refused


class Reader(ABC):
    """Reads one export as one system lays it out: knows whose each file is. Made for one export, whose lists it may read."""

    name: ClassVar[str]
    """What people call the system."""
    layout: ClassVar[str]
    """How its exports look, for people."""
    file_times: ClassVar[bool] = False
    """Whether a file's own time in the export is when it was handed in, not when it was downloaded."""

    def __init__(self, export: Export):
        self.export = export

    @abstractmethod
    def whose(self, path: PurePosixPath) -> Handed | None:
        """Whose the file is; None if this is not how the system names submissions.

        Raises Refused for a submission that cannot be taken, Aside for what is none.
        """


def first(path: PurePosixPath, pattern: re.Pattern[str]) -> tuple[int, re.Match[str]] | None:
    """The outermost part of the path that fits, and its place: what lies further in was named by a student."""
    for place, part in enumerate(path.parts):
        if m := pattern.match(part):
            return place, m
    return None


def shared_folders(paths: list[PurePosixPath]) -> int:
    """How many leading folders all have in common."""
    depth = 0
    while (
        paths and all(len(path.parts) > depth + 1 for path in paths) and len({p.parts[: depth + 1] for p in paths}) == 1
    ):
        depth += 1
    return depth


def is_archive(part: str) -> bool:
    """Whether a part of a path is an archive that was opened."""
    return part.casefold().endswith(ARCHIVES)


def without_ending(part: str) -> str:
    """An archive's or a file's name without its ending."""
    for ending in (*ARCHIVES, ".ipynb.txt", ".ipynb.json"):
        if part.casefold().endswith(ending):
            return part[: -len(ending)]
    return PurePosixPath(part).stem


def text_of(file: File) -> str:
    """A list's text; nothing if it cannot be read."""
    try:
        return file.read().decode("utf-8-sig", "replace")
    except Refused:
        return ""


def rows_of(file: File) -> list[dict[str, str]]:
    """The rows of a CSV list by their column's head in small letters. Nothing if it is none."""
    try:
        text = text_of(file)
        head, *rows = sheet.rows(text, longest=len(text)) or [[]]  # a cell may hold all that a student has written
    except csv.Error:
        return []
    heads = [name.strip().casefold() for name in head]
    return [dict(zip(heads, map(str.strip, row), strict=False)) for row in rows]
