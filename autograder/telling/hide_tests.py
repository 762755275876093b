"""What feedback shows of a check: a step of nbgrader's generate_feedback, named in `nbgrader_config.py`."""

from __future__ import annotations

import re
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests

from autograder.cells import is_check
from autograder.printable import printable

_FRAME = re.compile(r"in \S+, line (\d+): (.*)")
_IPYTHON_FRAME = re.compile(r"Cell In\[(?P<cell>\d+)\], line (?P<line>\d+)(, in (?P<name>[^\s(]+))?")
_IPYTHON_LINE = re.compile(r"-+> \d+ (.*)")


class HideTests(ClearHiddenTests):
    """Feedback shows what a hidden test complained about, and where in the student's own cells; not the test.

    Only check cells have hidden tests: nbgrader's step would stop at a student's cell that merely mentions one. Of a
    check's traceback the student's frames and the message stay, since nbgrader's own Execute quotes the check around them.
    """

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], cell_index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        if cell.cell_type == "code" and is_check(cell):
            cell, resources = super().preprocess_cell(cell, resources, cell_index)
            for output in cell.outputs:
                if output.output_type == "error":
                    output.traceback = [*students_frames(output), f"{output.ename}: {output.evalue}"]
        return cell, resources


def students_frames(error: NotebookNode) -> list[str]:
    """Where in the student's functions a check's error came from, as `in NAME, line N: CODE`, outermost first.

    `error` is the error output of a check cell, as `autograder grade` leaves it or as nbgrader's own Execute does.
    """
    ours = [line for line in error.traceback[:-1] if _FRAME.fullmatch(line)]
    if ours:
        return ours
    frames: list[str] = []
    check = frame = None
    for line in printable("\n".join(error.traceback)).splitlines():
        if place := _IPYTHON_FRAME.match(line):
            check = check or place["cell"]
            # The first frame is the check itself, and so is a function it defines.
            frame = f"in {place['name']}, line {place['line']}" if place["cell"] != check and place["name"] else None
        elif frame and (code := _IPYTHON_LINE.match(line)):
            frames.append(f"{frame}: {code[1].strip()}")
            frame = None
    return frames


def lines_named(frames: list[str], lines: list[str]) -> set[int]:
    """The lines of a cell that the frames name: only if they read the same, since a frame may lie in another cell."""
    places = [(int(match[1]), match[2].strip()) for frame in frames if (match := _FRAME.fullmatch(frame))]
    return {n for n, code in places if n <= len(lines) and lines[n - 1].strip() == code}
