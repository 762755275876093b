"""Make the notebooks from the lessons: `solutions/*.py` -> executed `solutions/*.ipynb` -> `notebooks/*.ipynb`.

A lesson is executed again only when something it is made from changed: its own text, the modules of `lib` and
`autograder.checks` it imports (followed through their imports), or their data. The student notebook is nbgrader's own
`generate_assignment` of the solution. Both are written only if their content differs, and whole or not at all.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import copy
import hashlib
import io
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbconvert.preprocessors.coalescestreams import CoalesceStreamsPreprocessor
from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from PIL import Image
from traitlets.config import Config

from autograder.authoring import names, source
from autograder.course import ROOT, CourseError, Gradebook, Lesson, write_whole

# Where the solution notebook keeps what it was made from.
STAMP = "made_from"
_WIDGET = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class Built:
    """What a build did to one lesson."""

    lesson: Lesson
    executed: bool
    released: bool
    warnings: tuple[str, ...] = ()
    """Text before an exercise that mentions a name which grading does not have, with file and line."""


def build(lesson: Lesson, force: bool = False) -> Built:
    """Bring both notebooks of a lesson up to date. Raises CourseError naming file and line of a failing cell."""
    where = lesson.source.relative_to(ROOT)
    leanings = names.leanings(lesson)
    for leaning in leanings:
        if leaning.wrong:
            raise CourseError(f"{where}:{leaning.line}: {leaning.says}")
    wanted = fingerprint(lesson)
    executed = force or not lesson.solution.exists() or _stamp(lesson.solution) != wanted
    if executed:
        notebook = execute(lesson)
        notebook.metadata[STAMP] = wanted
        write_whole(lesson.solution, nbformat.writes(notebook) + "\n")
    with tempfile.TemporaryDirectory() as scratch:
        made = generate_release(lesson, Path(scratch))
        released = not lesson.release.exists() or lesson.release.read_bytes() != made.read_bytes()
        if released:
            write_whole(lesson.release, made.read_text(encoding="utf-8"))
    return Built(lesson, executed, released, tuple(f"{where}:{x.line}: {x.says}" for x in leanings))


def fingerprint(lesson: Lesson) -> str:
    """sha256 of everything the lesson is made from."""
    digest = hashlib.sha256()
    for path in [lesson.source, *imported_modules(lesson.source)]:
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def imported_modules(path: Path) -> list[Path]:
    """The files of this repository that a Python file imports, directly or through others, sorted."""
    found: set[Path] = set()
    queue = [path]
    while queue:
        for name in _imports(queue.pop()):
            stem = ROOT.joinpath(*name.split("."))
            for candidate in (stem.with_suffix(".py"), stem / "__init__.py"):
                if candidate.exists() and candidate not in found:
                    found.add(candidate)
                    queue.append(candidate)
    return sorted(found)


def _imports(path: Path) -> Iterator[str]:
    # A lesson's markers are comments, so the whole file is Python; magics would not be, and lessons use none.
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def execute(lesson: Lesson) -> NotebookNode:
    """Run the lesson in a fresh kernel and return the notebook with its outputs, free of times and random ids."""
    read = source.read(lesson)
    notebook = nbformat.from_dict(read.notebook)
    client = NotebookClient(
        notebook,
        timeout=1800,  # by the clock: far more than the slowest cell takes on a busy machine
        kernel_name="python3",
        resources={"metadata": {"path": str(lesson.source.parent)}},
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
    )
    try:
        client.execute(env=os.environ | {"PYTHONPATH": str(ROOT)})
    except (CellExecutionError, DeadKernelError, TimeoutError) as error:
        raise CourseError(_where_it_failed(lesson, notebook, read.lines, error)) from None
    notebook.metadata = read.notebook.metadata
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":  # of a progress bar keep the end, not every step
            CoalesceStreamsPreprocessor().preprocess_cell(cell, {}, 0)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            data.pop(_WIDGET, None)  # A random id that means nothing without its kernel.
            if "image/png" in data:
                data["image/png"] = shrink(data["image/png"])
    return notebook


def shrink(png: str) -> str:
    """A base64 PNG with a palette of 256 colours: plots look the same at a third of the size."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(png))) as image:
        palette = image.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        palette.save(buffer, "PNG", optimize=True)
    smaller = base64.b64encode(buffer.getvalue()).decode()
    return min(smaller, png, key=len)


def _where_it_failed(lesson: Lesson, notebook: NotebookNode, lines: list[int], error: Exception) -> str:
    where = lesson.source.relative_to(ROOT)
    for cell, first in zip(notebook.cells, lines, strict=True):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                # IPython marks the failing line of the cell itself: the first traceback entry "Cell In[n], line k".
                text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output.traceback))
                match = re.search(rf"Cell In\[{cell.execution_count}\], line (\d+)", text)
                line = first + int(match[1]) - 1 if match else first
                return f"{where}:{line}: {output.ename}: {output.evalue}"
    return f"{where}: {type(error).__name__}: {error}"


def generate_release(lesson: Lesson, folder: Path, gradebook: Gradebook | None = None) -> Path:
    """nbgrader's generate_assignment of the solution notebook, written below `folder`; returns the student notebook.

    With a gradebook, the lesson's cells are also recorded in its database, which is what grading restores edited check
    cells from. Without, nothing outside `folder` is touched.
    """
    config: Config = copy.deepcopy((gradebook or Gradebook()).config)
    config.CourseDirectory.release_directory = str(folder / "release")
    if gradebook is None:
        config.GenerateAssignment.no_database = True
        config.SaveCells.enabled = False
    coursedir = CourseDirectory(config=config, assignment_id=lesson.name)
    converter = GenerateAssignment(coursedir=coursedir, config=config, force=True)
    with _first_error(converter.log) as errors:
        try:
            converter.start()
        except NbGraderException as error:
            raise CourseError(
                f"{lesson.name}: nbgrader could not make the student notebook: {'; '.join(errors) or error}"
            ) from error
    return folder / "release" / "." / lesson.name / f"{lesson.name}.ipynb"


@contextlib.contextmanager
def _first_error(log: logging.Logger) -> Iterator[list[str]]:
    """Collect what nbgrader logs as errors: it raises only "see the above traceback"."""
    found: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage().strip().splitlines()[-1])

    handler = Collect(logging.ERROR)
    log.addHandler(handler)
    try:
        yield found
    finally:
        log.removeHandler(handler)


def remove_strays(lessons: list[Lesson]) -> list[Path]:
    """Delete student notebooks whose lesson is gone; returns what was deleted."""
    keep = {lesson.release.parent for lesson in lessons}
    strays = [p for p in sorted((ROOT / "notebooks").glob("*")) if p.is_dir() and p not in keep]
    for stray in strays:
        shutil.rmtree(stray)
    return strays


def _stamp(path: Path) -> str | None:
    try:
        stamp = nbformat.read(path, as_version=4).metadata.get(STAMP)
    except Exception:
        return None  # An unreadable notebook is simply made again.
    return str(stamp) if stamp else None
