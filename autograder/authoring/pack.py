"""Make the bundle students get: one zip of the notebooks and what they need, nothing of the TA's side.

The zip depends on its content only: packing twice gives the same bytes. Its README is the students' own (`students.md`), what of
`lib` they are not to read is sealed (`lib.sealed`), and what no lesson reads stays at home.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from pathlib import Path

from autograder.authoring import index
from autograder.course import ROOT, CourseError, Lesson, lessons
from lib import sealed
from lib.data import NOT_IN_LESSONS

BUNDLE = "autoregressive-course"
README = Path(__file__).with_name("students.md")
ROOMS = ("notebooks", "lib", "data", "etc")
_FILES = ("LICENSE", "LICENSE-text", "environment.yml", "requirements.txt", "constraints.txt", "pyproject.toml")
_LEFT_OUT = ("__pycache__", ".ipynb_checkpoints", "unfinished")
# What gives the TA's side away, wherever it stands in a file.
FORBIDDEN = ("BEGIN SOLUTION", "BEGIN HIDDEN", "autograder.checks", "autograder.answers")
# In a page or a notebook (whose lines are JSON): links and pictures, but neither formulas nor what stands in code.
_LINK = re.compile(r"\]\(([^()\s]+)\)|<img [^>]*src=[\\\"']+([^\\\"']+)")


def pack(target: Path, chosen: list[Lesson] | None = None) -> list[str]:
    """Write the bundle of the chosen lessons, or of all, to `target` and return the names in it.

    Raises CourseError as `checked_bundle` does; then nothing is written.
    """
    contents = checked_bundle(chosen)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(contents):
            info = zipfile.ZipInfo(f"{BUNDLE}/{name}", date_time=(2000, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, contents[name])
    part.replace(target)
    return sorted(contents)


def checked_bundle(chosen: list[Lesson] | None = None) -> dict[str, bytes]:
    """The bundle as students may have it.

    Raises CourseError if a lesson is not built, a file would give a solution or hidden test away, or a link leads to a file that
    is not in it.
    """
    contents = bundle(chosen)
    for name, content in contents.items():
        for word in FORBIDDEN:
            if word.encode() in content:
                raise CourseError(f"{name} holds {word!r}, which students must not get; run: autograder build")
    if dead := dead_links(contents):
        name, link = dead[0]
        raise CourseError(f"{name} links to {link}, which students do not get")
    return contents


def bundle(chosen: list[Lesson] | None = None) -> dict[str, bytes]:
    """What the bundle holds: each file's content, by its path in the bundle; of the chosen lessons, or of all.

    Without the exam among them, its questions stay at home too. Raises CourseError if a lesson is not built.
    """
    chosen = chosen or lessons()
    for lesson in chosen:
        if not lesson.release.is_file():
            raise CourseError(f"{lesson.release.relative_to(ROOT)} is missing; run: autograder build")
    contents = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in _files()}
    contents = {name: content for name, content in contents.items() if name.removeprefix("data/") not in NOT_IN_LESSONS}
    others = [f"notebooks/{lesson.name}/" for lesson in lessons() if lesson not in chosen]
    others += [] if any(lesson.is_exam for lesson in chosen) else ["lib/exam.py"]
    contents = {name: content for name, content in contents.items() if not name.startswith(tuple(others))}
    contents["notebooks/README.md"] = index.notebooks(chosen).encode()
    closed = {module: name for name in contents if (module := _module(name)) and not sealed.is_open(module)}
    sources = {module: contents.pop(name).decode() for module, name in closed.items()}
    contents[sealed.SEAL.relative_to(ROOT).as_posix()] = sealed.seal(sources)
    contents["pyproject.toml"] = _students_pyproject(contents["pyproject.toml"].decode()).encode()
    contents["README.md"] = README.read_bytes().replace(b"](../../", b"](")  # It moves to the root.
    return contents


def dead_links(contents: dict[str, bytes]) -> list[tuple[str, str]]:
    """Each link or picture, in a page or notebook of the bundle, to a file that is not in it: where, and to what."""
    dead = []
    for name, content in contents.items():
        if name.endswith((".md", ".ipynb")):
            for found in _LINK.finditer(content.decode()):
                link = (found[1] or found[2]).partition("#")[0]
                place = posixpath.normpath(posixpath.join(posixpath.dirname(name), link))
                if link and not re.match("[a-z]+:", link) and place not in contents:
                    dead.append((name, link))
    return dead


def _module(name: str) -> str:
    """The module that a file of `lib` is, or nothing."""
    if not name.startswith("lib/") or not name.endswith(".py"):
        return ""
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _files() -> list[Path]:
    found = [ROOT / name for name in _FILES]
    for room in ROOMS:
        found += [p for p in sorted((ROOT / room).rglob("*")) if p.is_file() and not set(p.parts) & set(_LEFT_OUT)]
    return found


def _students_pyproject(text: str) -> str:
    """`pyproject.toml` with what installing `lib` needs: no `autograder` command, no settings of the maintainers' tools."""
    tables = re.split(r"^(?=\[)", text, flags=re.MULTILINE)
    return "".join(
        t for t in tables if t.startswith(("[build-system]", "[project]", "[tool.hatch.", "[tool.uv.", "[[tool.uv."))
    )
