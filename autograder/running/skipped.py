"""Which of the cells that grading skips would bind a name: demos are not run, but what they define stood on the student's screen.

Used in the student's process, on the student's own cells; imports nothing of the grader's.
"""

from __future__ import annotations

import symtable
from collections.abc import Callable, Collection
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Skipped:
    """A cell that was not run: where it stands, the names it binds, and the names it takes from elsewhere."""

    position: int
    source: str
    binds: frozenset[str] = field(default=frozenset())
    needs: frozenset[str] = field(default=frozenset())


def read(position: int, source: str, to_python: Callable[[str], str]) -> Skipped:
    """The cell with its names; without any if it is no Python. `to_python` takes IPython's own syntax out."""
    try:
        top = symtable.symtable(to_python(source), "cell", "exec")
    except Exception:
        return Skipped(position, source)
    binds = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    needs = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
    tables = list(top.get_children())
    while tables:
        table = tables.pop()
        needs |= {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
        tables += table.get_children()
    return Skipped(position, source, frozenset(binds), frozenset(needs - binds))


def binder(cells: Collection[Skipped], name: str, before: int) -> Skipped | None:
    """The last cell before a position that binds the name: its value is what was on the screen there."""
    found = [cell for cell in cells if cell.position < before and name in cell.binds]
    return max(found, key=lambda cell: cell.position, default=None)


def to_run(cells: Collection[Skipped], name: str, before: int, known: Collection[str]) -> list[Skipped]:
    """The cell that binds the name, after those that bind what it needs in turn and is not known; in the notebook's order."""
    chosen: set[Skipped] = set()
    ahead = [(name, before)]
    while ahead:
        cell = binder(cells, *ahead.pop())
        if cell is not None and cell not in chosen:
            chosen.add(cell)
            ahead += [(needed, cell.position) for needed in cell.needs if needed not in known]
    return sorted(chosen, key=lambda cell: cell.position)
