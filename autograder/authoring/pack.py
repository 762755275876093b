"""Make the bundle students get: one zip of the notebooks and what they need, nothing of the TA's side.

The zip depends on its content only: packing twice gives the same bytes.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from autograder.course import ROOT, CourseError, lessons

BUNDLE = "autoregressive-course"
_ROOMS = ("notebooks", "lib", "data")
_FILES = ("README.md", "LICENSE", "LICENSE-text", "environment.yml", "constraints.txt", "pyproject.toml")
_LEFT_OUT = ("__pycache__", ".ipynb_checkpoints", "unfinished")
# What gives the TA's side away, wherever it stands in a file.
FORBIDDEN = ("BEGIN SOLUTION", "BEGIN HIDDEN", "autograder.checks", "autograder.answers")


def pack(target: Path) -> list[str]:
    """Write the bundle to `target` and return the names in it.

    Raises CourseError if a lesson is not built, or a file would give a solution or hidden test away; then nothing is written.
    """
    for lesson in lessons():
        if not lesson.release.exists():
            raise CourseError(f"{lesson.release.relative_to(ROOT)} is missing; run: autograder build")
    contents = {str(path.relative_to(ROOT)): path.read_bytes() for path in _files()}
    contents["pyproject.toml"] = _students_pyproject(contents["pyproject.toml"].decode()).encode()
    for name, content in contents.items():
        for word in FORBIDDEN:
            if name != "README.md" and word.encode() in content:
                raise CourseError(f"{name} holds {word!r}, which students must not get; run: autograder build")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name in sorted(contents):
            info = zipfile.ZipInfo(f"{BUNDLE}/{name}", date_time=(2000, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            bundle.writestr(info, contents[name])
    part.replace(target)
    return sorted(contents)


def _files() -> list[Path]:
    found = [ROOT / name for name in _FILES]
    for room in _ROOMS:
        found += [p for p in sorted((ROOT / room).rglob("*")) if p.is_file() and not set(p.parts) & set(_LEFT_OUT)]
    return found


def _students_pyproject(text: str) -> str:
    """`pyproject.toml` with what installing `lib` needs: no `autograder` command, no settings of the maintainers' tools."""
    tables = re.split(r"^(?=\[)", text, flags=re.MULTILINE)
    return "".join(t for t in tables if t.startswith(("[build-system]", "[project]", "[tool.setuptools.")))
