"""Read what a student handed in: from a file of unknown content to a notebook that nbgrader can grade.

Reading is lenient where that saves a student's work (a stray field, a cell without an id) and strict where it must be;
whatever cannot be read is `Unreadable`, with one sentence for the TA.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.intake.receipt import BESIDE

MAX_BYTES = 50 * 2**20
# What JSON may hold, counted before it is parsed: 50 MB of brackets would take 1.3 GB.
MAX_CONTAINERS, MAX_VALUES = 500_000, 5_000_000
MAX_CELLS = 2_000
MAX_CODE, MAX_TEXT = 1_000_000, 50_000  # characters of one cell
TAKEN_FROM = "taken from "


class Unreadable(Exception):
    """Why a submission cannot be graded, in one sentence."""


def find(folder: Path, lesson: str) -> tuple[Path, str]:
    """The notebook in a submission's folder, and a note if it does not bear the lesson's name.

    Raises Unreadable if there is none, or more than one and none has the name.
    """
    wanted = folder / f"{lesson}.ipynb"
    if wanted.is_symlink():
        raise Unreadable("the notebook is a link, which is not followed")
    if wanted.is_file():
        return wanted, ""
    others = [p for p in sorted(folder.glob("*.ipynb")) if p.is_file() and not p.is_symlink()]
    if len(others) == 1:
        return others[0], f"{TAKEN_FROM}{others[0].name!r}"
    found = sorted(p.name for p in folder.iterdir() if p.name not in BESIDE)
    raise Unreadable(f"no {lesson}.ipynb in the folder, which holds {', '.join(found[:5]) or 'nothing'}")


def read(path: Path) -> NotebookNode:
    """The submission as a clean notebook of format 4.5: cells with source, metadata and id; outputs dropped.

    Raises Unreadable.
    """
    size = path.stat().st_size
    if size == 0:
        raise Unreadable("the file is empty")
    if size > MAX_BYTES:
        raise Unreadable(
            f"the file has {size / 2**20:.0f} MB, the limit is {MAX_BYTES // 2**20} MB; clear the outputs and hand it in again"
        )
    raw = path.read_bytes()
    if raw.count(b"[") + raw.count(b"{") > MAX_CONTAINERS or raw.count(b",") > MAX_VALUES:
        raise Unreadable(
            "the file holds too many lists and values to be a notebook; clear the outputs and hand it in again"
        )
    try:
        content = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Unreadable("the file is not text, so not a notebook") from None
    except RecursionError:
        raise Unreadable("the file is nested too deeply to be a notebook") from None
    except ValueError as error:
        line = getattr(error, "lineno", "?")
        raise Unreadable(
            f"the file is not JSON, so not a notebook (line {line}); was it cut short or saved from a web page?"
        ) from None
    return clean(content)


def clean(content: Any) -> NotebookNode:
    """A format 4.5 notebook rebuilt from parsed JSON, keeping only what grading needs."""
    if not isinstance(content, dict):
        raise Unreadable("the file is JSON, but not a notebook")
    version = content.get("nbformat")
    if version in (1, 2, 3):
        try:
            content = nbformat.convert(nbformat.from_dict(content), 4)
        except Exception as error:
            raise Unreadable(f"notebook format {version} could not be converted: {type(error).__name__}") from None
    elif version != 4:
        raise Unreadable(f"notebook format {str(version)[:20]!r} is unknown; expected 4")
    cells = content.get("cells")
    if not isinstance(cells, list):
        raise Unreadable("the notebook has no list of cells")
    notebook = NotebookNode(cells=[], metadata=NotebookNode(), nbformat=4, nbformat_minor=5)
    for n, cell in _at_most(MAX_CELLS, cells):
        if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown", "raw"):
            continue
        source = cell.get("source", "")
        if isinstance(source, list):
            source = "".join(str(line) for line in source)
        if not isinstance(source, str):
            continue
        source = source.encode("utf-8", "replace").decode()  # Half a surrogate pair cannot be written to a file.
        kind = cell["cell_type"]
        source = _cut(source, kind)
        fresh = NotebookNode(cell_type=kind, id=f"cell-{n}", metadata=_metadata(cell.get("metadata")), source=source)
        if kind == "code":
            fresh.outputs, fresh.execution_count = [], None
        notebook.cells.append(fresh)
    return notebook


def _at_most(limit: int, cells: list[Any]) -> list[tuple[int, Any]]:
    """The cells with their places: if there are too many, those that claim to be exercises, and the first of the others."""
    if len(cells) <= limit:
        return list(enumerate(cells))
    claimed: dict[str, int] = {}
    for n, cell in enumerate(cells):
        if isinstance(cell, dict) and (name := _metadata(cell.get("metadata")).get("nbgrader", {}).get("grade_id")):
            claimed.setdefault(name, n)
    kept = list(claimed.values())[:limit]
    named = set(kept)
    kept += [n for n in range(len(cells)) if n not in named][: limit - len(kept)]
    return [(n, cells[n]) for n in sorted(kept)]


def _cut(source: str, kind: str) -> str:
    """A cell's source, if it is not too long: code is not run in part, of text the beginning stays."""
    if kind == "code" and len(source) > MAX_CODE:
        return f'raise ValueError("this cell had {len(source)} characters; at most {MAX_CODE} are run")'
    if kind != "code" and len(source) > MAX_TEXT:
        return f"{source[:MAX_TEXT]}\n\n(cut here: this cell had {len(source)} characters)"
    return source


def _metadata(claimed: Any) -> NotebookNode:
    """A submission's cell metadata matters in two places only: nbgrader's name for the cell, and whether it is a demo."""
    kept = NotebookNode()
    if isinstance(claimed, dict):
        grade_id = claimed["nbgrader"].get("grade_id") if isinstance(claimed.get("nbgrader"), dict) else None
        if isinstance(grade_id, str):
            kept.nbgrader = NotebookNode(grade_id=grade_id)
        if isinstance(claimed.get("tags"), list) and "demo" in claimed["tags"]:
            kept.tags = ["demo"]
    return kept
