"""The house: imports run one way, from room to room, and no file is part of a circle."""

from __future__ import annotations

import ast
import graphlib
from pathlib import Path

import pytest

from autograder.course import ROOT

# Along the data's way: a room may import itself and those before it.
ROOMS = ["course", "printable", "cells", "sheet", "checks", "answers", "authoring", "running", "intake", "recording", "telling", "proving", "cli"]  # fmt: skip
FILES = sorted((ROOT / "autograder").rglob("*.py"))


def module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, everywhere: bool) -> set[str]:
    """The modules of `autograder` that a file imports: at its top level only, or everywhere in it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known = {module(p) for p in FILES}
    found = set()
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found & known - {"autograder", module(path)}


def room(name: str) -> str:
    return name.split(".")[1]


@pytest.mark.parametrize("path", FILES, ids=module)
def test_a_room_imports_only_rooms_before_it(path):
    if module(path) == "autograder":
        return
    own = ROOMS.index(room(module(path)))
    assert [m for m in imports(path, everywhere=True) if ROOMS.index(room(m)) > own] == []


def test_there_are_no_circles():
    graph = {module(path): imports(path, everywhere=True) - {"autograder"} for path in FILES}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_running_knows_no_database():
    for path in (ROOT / "autograder" / "running").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "nbgrader.api" not in text and "sqlalchemy" not in text, path


def test_tests_mirror_the_rooms():
    rooms = {path.name for path in (ROOT / "autograder").iterdir() if path.is_dir()} | {
        "lib",
        "lib/controls",
        "browser",
    }
    folders = {path.parent.relative_to(ROOT / "tests").as_posix() for path in (ROOT / "tests").rglob("test_*.py")}
    assert folders - {"."} <= rooms
    assert {"authoring", "intake", "lib", "proving", "recording", "running", "telling"} <= folders
