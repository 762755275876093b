"""Read what a student handed in: from a file of unknown content to a notebook that nbgrader can grade.

Reading is lenient where that saves a student's work (a stray field, a cell without an id) and strict where it must be;
whatever cannot be read is `Unreadable`, with one sentence for the TA.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

MAX_BYTES = 50 * 2**20
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
    found = sorted(p.name for p in folder.iterdir())
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
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
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
    for n, cell in enumerate(cells):
        if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown", "raw"):
            continue
        source = cell.get("source", "")
        if isinstance(source, list):
            source = "".join(str(line) for line in source)
        if not isinstance(source, str):
            continue
        source = source.encode("utf-8", "replace").decode()  # Half a surrogate pair cannot be written to a file.
        kind = cell["cell_type"]
        fresh = NotebookNode(cell_type=kind, id=f"cell-{n}", metadata=_metadata(cell.get("metadata")), source=source)
        if kind == "code":
            fresh.outputs, fresh.execution_count = [], None
        notebook.cells.append(fresh)
    return notebook


def _metadata(claimed: Any) -> NotebookNode:
    """A submission's cell metadata matters in two places only: nbgrader's name for the cell, and its tags."""
    kept = NotebookNode()
    if isinstance(claimed, dict):
        grade_id = claimed["nbgrader"].get("grade_id") if isinstance(claimed.get("nbgrader"), dict) else None
        if isinstance(grade_id, str):
            kept.nbgrader = NotebookNode(grade_id=grade_id)
        if isinstance(claimed.get("tags"), list):
            kept.tags = [tag for tag in claimed["tags"] if isinstance(tag, str) and re.fullmatch(r"[\w-]{1,40}", tag)]
    return kept
