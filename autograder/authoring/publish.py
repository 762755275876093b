"""The students' repository: what the bundle holds, as a commit in a git repository of its own.

The course's own repository holds solutions, hidden tests and answers, in its history too, and stays private. What students
clone, or open on Binder, is made from it and has a history of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from autograder.authoring import index
from autograder.authoring.pack import ROOMS, checked_bundle
from autograder.course import ROOT, CourseError, Lesson, lessons


def publish(folder: Path, chosen: list[Lesson] | None = None, message: str = "") -> str:
    """Commit the bundle of the chosen lessons, or of all, to the repository in `folder`, which is made if there is none.

    Lessons that are there already stay, in their newest form: students work on them. Outside the folders that the bundle fills
    (`pack.ROOMS`), what the course does not have, a syllabus say, stays as it is. Without a message, the commit names the lessons.
    Returns the commit's short name, or "" if nothing changed.

    Raises CourseError if the bundle is not fit for students (`checked_bundle`), and for a folder that is the course's own
    repository, holds something else than one of git's, or has changes that nobody committed; then nothing is written.
    """
    chosen = [
        lesson
        for lesson in lessons()
        if lesson in (chosen or lessons()) or (folder / lesson.release.relative_to(ROOT)).is_file()
    ]
    contents = checked_bundle(chosen) | _for_git()
    if buttons := index.REGIONS["badges"]():
        title, _, text = contents["README.md"].decode().partition("\n\n")
        contents["README.md"] = f"{title}\n\n{buttons}\n\n{text}".encode()
    if folder.exists() and any(folder.iterdir()):
        if not (folder / ".git").exists():
            raise CourseError(
                f"{folder} should be the students' git repository, or not be there; it is a folder of something else."
            )
        if (folder / "solutions").exists():
            raise CourseError(f"{folder} should be a repository for students; it holds the course's solutions.")
        if changed := _git(folder, "status", "--porcelain"):
            raise CourseError(
                f"{folder} should have nothing uncommitted; git status names {changed.splitlines()[0][3:]}."
            )
    else:
        folder.mkdir(parents=True, exist_ok=True)
        _git(folder, "init", "--quiet", "--initial-branch=main")
    for whose in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"):  # before anything is written
        _git(folder, "var", whose)
    for room in ROOMS:
        shutil.rmtree(folder / room, ignore_errors=True)
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        if os.access(ROOT / name, os.X_OK):
            (folder / name).chmod(0o755)
    _git(folder, "add", "--force", *sorted(contents))
    _git(folder, "add", "--update")
    if not _git(folder, "status", "--porcelain"):
        return ""
    _git(
        folder,
        "commit",
        "--quiet",
        "--message",
        message or f"Lessons {', '.join(lesson.name[:2] for lesson in chosen)}",
    )
    return _git(folder, "rev-parse", "--short", "HEAD")


def _for_git() -> dict[str, bytes]:
    """What a repository needs beyond a bundle: what Binder and Codespaces look for, data that stay the same bytes on Windows,
    and no environment that somebody commits."""
    files = [path for room in (".binder", ".devcontainer") for path in sorted((ROOT / room).glob("*"))]
    found = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in [ROOT / ".gitattributes", *files]}
    return found | {".gitignore": b".venv/\n*.egg-info/\n__pycache__/\n.ipynb_checkpoints/\n"}


def _git(folder: Path, *words: str) -> str:
    """What git says in `folder`. Raises CourseError with its own words where it refuses."""
    if shutil.which("git") is None:
        raise CourseError("git is not installed, and the students' repository is one of git's.")
    ran = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True)
    if ran.returncode != 0:
        raise CourseError(f"git {words[0]} in {folder}: {(ran.stderr or ran.stdout).strip()}")
    return ran.stdout.rstrip()
