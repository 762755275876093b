"""Which names a lesson's exercises lean on though grading does not have them.

Grading skips demo cells, and refuses what `lib` holds finished (`lib.sealed`) to students' code. An exercise whose solution or visible test needs a
name that only a demo binds is right on every screen and wrong in every gradebook.
"""

from __future__ import annotations

import ast
import builtins
import re
from dataclasses import dataclass

from nbformat import NotebookNode

from autograder.authoring import source
from autograder.cells import is_demo
from autograder.course import Lesson
from lib.sealed import is_finished

_IN_BACKTICKS = re.compile(r"`([A-Za-z_]\w*)(?:\([^`]*\))?`")


@dataclass(frozen=True)
class Leaning:
    """One place where a lesson leans on what grading skips: `wrong` if the exercise cannot be graded so."""

    line: int
    says: str
    wrong: bool


def leanings(lesson: Lesson) -> list[Leaning]:
    """Every such place in a lesson, in its order: cells that use a skipped name, and text before an exercise that mentions one."""
    read = source.read(lesson)
    cells = list(zip(read.notebook.cells, read.lines, strict=True))
    skipped: dict[str, int] = {}
    kept = set(dir(builtins))
    for cell, line in cells:
        if cell.cell_type == "code":
            for name in _bound(ast.parse(cell.source)):
                if is_demo(cell):
                    skipped.setdefault(name, line)
                else:
                    kept.add(name)
    only_demos = {name: line for name, line in skipped.items() if name not in kept}
    found = []
    for i, (cell, line) in enumerate(cells):
        if cell.cell_type == "code" and not is_demo(cell):
            found += _in_code(cell, line, only_demos)
        elif cell.cell_type == "markdown" and i + 1 < len(cells) and _is_exercise(cells[i + 1][0]):
            arguments = {n.arg for n in ast.walk(ast.parse(cells[i + 1][0].source)) if isinstance(n, ast.arg)}
            for n, text in enumerate(cell.source.splitlines()):
                for name in dict.fromkeys(_IN_BACKTICKS.findall(text)):
                    if only_demos.get(name, line) < line and name not in arguments:
                        found.append(Leaning(line + n, _only_a_demo(name, only_demos[name]), wrong=False))
    return found


def _in_code(cell: NotebookNode, line: int, only_demos: dict[str, int]) -> list[Leaning]:
    found = []
    tree = ast.parse(cell.source)
    # A name that the cell binds itself, as a variable or an argument, is its own.
    own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in only_demos.keys() - own:
            found.append(Leaning(line + node.lineno - 1, _only_a_demo(node.id, only_demos[node.id]), wrong=True))
        elif cell.metadata.get("nbgrader") and isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = [a.name for a in node.names]
            if isinstance(node, ast.ImportFrom):
                modules = [node.module or "", *(f"{node.module}.{name}" for name in modules)]
            if refused := next((m for m in modules if is_finished(m)), None):
                says = f"{refused} is imported in an exercise or its check, and grading refuses it to students' code"
                found.append(Leaning(line + node.lineno - 1, says, wrong=True))
    return sorted(found, key=lambda f: f.line)


def _only_a_demo(name: str, line: int) -> str:
    return f"{name} is bound only by the demo at line {line}, which grading skips"


def _is_exercise(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def _bound(tree: ast.Module) -> set[str]:
    """The names that running a cell leaves behind."""
    found: set[str] = set()
    queue: list[ast.AST] = list(tree.body)
    while queue:
        node = queue.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
            continue  # What is bound inside stays inside.
        if isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {(a.asname or a.name).partition(".")[0] for a in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        queue += ast.iter_child_nodes(node)
    return found
