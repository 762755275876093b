"""The systems whose exports are known, one reader each. A new one is a file here and a name in `SYSTEMS`."""

from __future__ import annotations

from pathlib import PurePosixPath

from autograder.intake.export import Export
from autograder.intake.handed import Aside, Refused
from autograder.intake.reader import Reader
from autograder.intake.systems.blackboard import Blackboard
from autograder.intake.systems.brightspace import Brightspace
from autograder.intake.systems.canvas import Canvas
from autograder.intake.systems.classroom import Classroom
from autograder.intake.systems.exchange import Exchange
from autograder.intake.systems.github import GitHub
from autograder.intake.systems.gradescope import Gradescope
from autograder.intake.systems.ilias import Ilias
from autograder.intake.systems.moodle import Moodle
from autograder.intake.systems.plain import Plain
from autograder.intake.systems.sakai import Sakai
from autograder.intake.systems.teams import Teams

# What is told apart most surely first: of two that fit all files, the first is taken.
SYSTEMS: tuple[type[Reader], ...] = (
    Moodle, Blackboard, Exchange, Gradescope, Sakai, Brightspace, Teams, GitHub, Canvas, Ilias, Classroom, Plain,
)  # fmt: skip


def recognise(export: Export) -> Reader:
    """The reader that knows whose most of the export's notebooks are; without any notebook, most of its files.

    Of several that know as many, the one whose part of the paths comes first: further in, students choose the names.
    """
    files = [file for file in export.files if file.is_notebook] or export.files
    best: Reader | None = None
    most = (len(files) / 2, 0)
    for system in SYSTEMS[:-1]:
        reader = system(export)
        depths = [depth for file in files if (depth := _depth(reader, file.path)) is not None]
        if (mark := (len(depths), -sum(depths))) > most and len(depths) > len(files) / 2:
            best, most = reader, mark
    return best or SYSTEMS[-1](export)


def _depth(reader: Reader, path: PurePosixPath) -> int | None:
    try:
        handed = reader.whose(path)
        return None if handed is None else handed.depth
    except (Refused, Aside):
        return len(path.parts)
