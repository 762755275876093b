"""What grading needs to know of a notebook's cells: which are demos, what to call one, how an error stands in one."""

from __future__ import annotations

from nbformat import NotebookNode

# Where RestoreCells leaves the lesson's plain cells, which checks may use, on the way to the examiner.
SETUP = "lesson_setup"
# And whose submission it is, "student/lesson": checks draw its cases by that.
WHOM = "whose_submission"


def is_demo(cell: NotebookNode) -> bool:
    """Whether grading skips the cell. A cell with an exercise or a check is never a demo, whatever its tags say."""
    if cell.metadata.get("nbgrader", {}).get("grade_id"):
        return False
    tags = cell.metadata.get("tags", [])
    return isinstance(tags, list) and "demo" in tags


def is_check(cell: NotebookNode) -> bool:
    """Whether the cell gives points: what nbgrader calls a grade cell. (Its own `utils` takes two seconds to import.)"""
    return bool(cell.metadata.get("nbgrader", {}).get("grade"))


def cell_title(cell: NotebookNode) -> str:
    """What to call a cell in a sentence: its grade id, or its first line."""
    name = cell.metadata.get("nbgrader", {}).get("grade_id")
    return str(name) if name else "the cell `" + (cell.source.strip().splitlines() or [""])[0][:40] + "`"


def error_output(ename: str, evalue: str) -> NotebookNode:
    """An error output as a notebook keeps it."""
    return NotebookNode(output_type="error", ename=ename, evalue=evalue, traceback=[f"{ename}: {evalue}"])


def fail_every_check(notebook: NotebookNode, reason: str) -> None:
    """Make every check of a notebook that could not be run say why."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and is_check(cell):
            cell.outputs = [error_output("NotRun", reason)]
